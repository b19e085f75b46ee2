/* What happens in a take, stamped and kept in its timeline: the only place that gives events their
 * times. What does not fit (too many, no memory) is left out; it never ends a take. */
#ifndef KEEPTAKE_SRC_TAKE_NOTES_H
#define KEEPTAKE_SRC_TAKE_NOTES_H

#include "keeptake/session.h"
#include "keeptake/timeline.h"
#include "stage.h"
#include "text.h"

#define KT__NOTE_BYTES 8192

typedef struct KtNotes {
    /* Fixed; borrowed. */
    KtTimeline *timeline;
    const KtSession *session;
    /* Changes while running. */
    int64_t event_take_us; /* of the newest event: never goes back within a take */
} KtNotes;

/* now_us, or where the machine slept and no tick has cut that out yet, the last moment before. */
int64_t kt__notes_awake_us(const KtNotes *n, int64_t now_us);
/* Take time of now_us without such a sleep: what an event is stamped with. */
int64_t kt__notes_take_us(const KtNotes *n, int64_t now_us);

/* The data of an event, a JSON object that is built up. */
typedef struct KtNote {
    KtText data;
    char text[KT__NOTE_BYTES];
} KtNote;

KtNote *kt__note_begin(KtNote *note);
void kt__note_string(KtNote *note, const char *key, const char *value);
void kt__note_flag(KtNote *note, const char *key, int value);
void kt__note_int(KtNote *note, const char *key, int64_t value);
void kt__note_seconds(KtNote *note, const char *key, int64_t us);
/* Ends the object and notes the event. */
void kt__note_end(KtNote *note, KtNotes *n, KtTimelineEvent event, int64_t now_us, int64_t wall_us);

/* An event without data. */
void kt__notes_plain(KtNotes *n, KtTimelineEvent event, int64_t now_us, int64_t wall_us);
/* As kt_recorder_mark, in a take. */
KtStatus kt__notes_mark(KtNotes *n, const char *data_json, int64_t now_us, int64_t wall_us);

/* What stands on the stage. source: event is one of SOURCE_*. */
void kt__notes_source(KtNotes *n, const KtStageSource *source, KtTimelineEvent event,
                      int64_t now_us, int64_t wall_us);
void kt__notes_composition(KtNotes *n, const KtComposition *composition, int64_t now_us,
                           int64_t wall_us);
void kt__notes_hook(KtNotes *n, const KtStageHook *hook, KtTimelineEvent event, int64_t now_us,
                    int64_t wall_us);
/* All of it, as a take begins with it. */
void kt__notes_stage(KtNotes *n, KtStage *stage, int64_t now_us, int64_t wall_us);
/* Stalled sources that came or went. */
void kt__notes_stalls(KtNotes *n, KtStage *stage, int64_t now_us, int64_t wall_us);

#endif
