/* What happened in a take, in order: a list of events, each with take time and wall time. JSON in
 * docs/timeline.md; compressed with zlib where it is stored beside a take. */
#ifndef KEEPTAKE_TIMELINE_H
#define KEEPTAKE_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"
#include "keeptake/text.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_TIMELINE_EVENT_MAP(X)                                                                   \
    X(START, "start")                                                                              \
    X(PAUSE, "pause")                                                                              \
    X(RESUME, "resume")                                                                            \
    X(STOP, "stop")                                                                                \
    X(RESTART, "restart")                                                                          \
    X(COMPOSITION, "composition")                                                                  \
    X(SOURCE_ADDED, "source-added")                                                                \
    X(SOURCE_REMOVED, "source-removed")                                                            \
    X(SOURCE_STALLED, "source-stalled")                                                            \
    X(SOURCE_RESUMED, "source-resumed")                                                            \
    X(SOURCE_MUTED, "source-muted")                                                                \
    X(HOOK_SHOWN, "hook-shown")                                                                    \
    X(HOOK_HIDDEN, "hook-hidden")                                                                  \
    X(GAP, "gap")                                                                                  \
    X(GOVERNOR, "governor")                                                                        \
    X(LIMIT_REACHED, "limit-reached")                                                              \
    X(FAILED, "failed")                                                                            \
    X(MARK, "mark")

typedef enum KtTimelineEvent {
#define KT_TIMELINE_ENUM(name, text) KT_TIMELINE_##name,
    KT_TIMELINE_EVENT_MAP(KT_TIMELINE_ENUM)
#undef KT_TIMELINE_ENUM
} KtTimelineEvent;

#define KT_TIMELINE_MAX_EVENTS 100000
/* As many of them are kept for start, pause, resume, stop, restart, limit-reached and failed. */
#define KT_TIMELINE_STATE_EVENTS 1000
#define KT_TIMELINE_MAX_DATA_BYTES 16384       /* JSON of one event */
#define KT_TIMELINE_MAX_JSON_BYTES (64u << 20) /* read from outside, uncompressed */

typedef struct KtTimeline KtTimeline;

/* canvas size in pixels is part of every timeline. ERR_ARG, ERR_MEMORY. */
KtStatus kt_timeline_create(int canvas_width, int canvas_height, KtTimeline **out);
void kt_timeline_destroy(KtTimeline **timeline);
/* Forgets all events. */
void kt_timeline_clear(KtTimeline *t);
/* Appends an event.
 *   take_us    never decreases, except that it begins again at 0 after a restart event: ERR_ORDER
 *   wall_us    Unix time, microseconds
 *   data_json  borrowed JSON object, or NULL; ERR_FORMAT where it is not one
 * ERR_LIMIT (KT_TIMELINE_MAX_EVENTS, less KT_TIMELINE_STATE_EVENTS for other events; a composition
 * event that follows another within 40 ms of take time replaces it and never counts, so dragging
 * does not flood), ERR_MEMORY. */
KtStatus kt_timeline_add(KtTimeline *t, KtTimelineEvent event, int64_t take_us, int64_t wall_us,
                         const char *data_json);
int kt_timeline_count(const KtTimeline *t);

/* One event, as it was added. */
typedef struct KtTimelineItem {
    KtTimelineEvent event;
    int64_t take_us; /* of its take: begins again at 0 after a restart */
    int64_t wall_us;
    const char *data; /* a JSON object, NUL at its end; borrowed until the timeline changes. NULL:
                         none */
    size_t data_bytes;
} KtTimelineItem;

/* The event of that index, 0..count - 1. ERR_ARG: *out unchanged. */
KtStatus kt_timeline_event(const KtTimeline *t, int index, KtTimelineItem *out);
/* Index of the first event of the newest take: the one after the last restart. count where there is
 * none. */
int kt_timeline_first_of_take(const KtTimeline *t);
/* "start", "pause" … as in the JSON; "unknown" for what is no event. Static. */
const char *kt_timeline_event_name(KtTimelineEvent event);
/* Size of the canvas, pixels. */
void kt_timeline_canvas(const KtTimeline *t, int *width, int *height);

/* JSON text, malloc'ed, taken by the caller (kt_text_free). *bytes without the NUL. */
KtStatus kt_timeline_json(const KtTimeline *t, char **text, size_t *bytes);
/* The same form with only the events from index first on (0..count, ERR_ARG). */
KtStatus kt_timeline_json_from(const KtTimeline *t, int first, char **text, size_t *bytes);
/* Forgets the events from index keep on (0..count) and moves all of more there, which is empty
 * afterwards. ERR_ARG, ERR_ORDER, ERR_LIMIT, ERR_MEMORY: nothing changed. */
KtStatus kt_timeline_append(KtTimeline *t, int keep, KtTimeline *more);
/* Reads the JSON form (untrusted). error as kt_composition_parse. */
KtStatus kt_timeline_parse(const char *json, size_t json_bytes, KtTimeline **out, char *error,
                           size_t error_bytes);
/* kt_timeline_json compressed with zlib (RFC 1950), taken by the caller (kt_text_free). Only what
 * came since the call before is compressed, so asking again and again costs what is new and a copy
 * of the rest. ERR_MEMORY, ERR_LIMIT (KT_TIMELINE_MAX_JSON_BYTES): nothing is handed over, and the
 * timeline is as it was. */
KtStatus kt_timeline_pack(const KtTimeline *t, uint8_t **out, size_t *out_bytes);
/* zlib (RFC 1950) both ways; taken by the caller. Decompression stops at
 * KT_TIMELINE_MAX_JSON_BYTES. */
KtStatus kt_timeline_compress(const char *json, size_t json_bytes, uint8_t **out,
                              size_t *out_bytes);
KtStatus kt_timeline_decompress(const uint8_t *data, size_t bytes, char **json, size_t *json_bytes);
/* The same, stopping at most_bytes of JSON (ERR_LIMIT), or at KT_TIMELINE_MAX_JSON_BYTES. */
KtStatus kt_timeline_decompress_within(const uint8_t *data, size_t bytes, size_t most_bytes,
                                       char **json, size_t *json_bytes);

/* Ends a take that nobody stopped, of which only duration_us is there: forgets what the newest take
 * tells of later times, and adds a stop event at duration_us unless it has one. The wall time of
 * the stop follows from the event before it. ERR_ARG (duration_us < 0, or longer than a take may
 * be), ERR_MEMORY, ERR_LIMIT: no stop event is there, the later ones are gone. */
KtStatus kt_timeline_close(KtTimeline *t, int64_t duration_us);

#ifdef __cplusplus
}
#endif
#endif
