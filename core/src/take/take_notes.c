#include "take_notes.h"

#include "composition_json.h"

int64_t kt__notes_awake_us(const KtNotes *n, int64_t now_us)
{
    const KtSession *s = n->session;
    return s->state == KT_SESSION_RECORDING && kt_session_has_slept(s, now_us) ? s->last_us
                                                                               : now_us;
}

int64_t kt__notes_take_us(const KtNotes *n, int64_t now_us)
{
    return kt_session_take_us(n->session, kt__notes_awake_us(n, now_us));
}

static KtStatus add(KtNotes *n, KtTimelineEvent event, int64_t now_us, int64_t wall_us,
                    const char *data)
{
    int64_t take_us = kt__notes_take_us(n, now_us);
    if (take_us < n->event_take_us)
        take_us = n->event_take_us;
    KtStatus status = kt_timeline_add(n->timeline, event, take_us, wall_us, data);
    if (status == KT_OK)
        n->event_take_us = take_us;
    return status;
}

/* ---- data ---- */

KtNote *kt__note_begin(KtNote *note)
{
    kt__text_init_fixed(&note->data, note->text, sizeof note->text);
    kt__text_puts(&note->data, "{");
    return note;
}

void kt__note_string(KtNote *note, const char *key, const char *value)
{
    kt__text_key(&note->data, key);
    kt__text_string(&note->data, value);
}

void kt__note_flag(KtNote *note, const char *key, int value)
{
    kt__text_key(&note->data, key);
    kt__text_puts(&note->data, value ? "true" : "false");
}

void kt__note_int(KtNote *note, const char *key, int64_t value)
{
    kt__text_key(&note->data, key);
    kt__text_int(&note->data, value);
}

void kt__note_seconds(KtNote *note, const char *key, int64_t us)
{
    kt__text_key(&note->data, key);
    kt__text_seconds(&note->data, us);
}

static void keep(const KtText *data, KtNotes *n, KtTimelineEvent event, int64_t now_us,
                 int64_t wall_us)
{
    if (wall_us < 0)
        wall_us = 0;
    if (wall_us > KT__WALL_MAX_US)
        wall_us = KT__WALL_MAX_US;
    add(n, event, now_us, wall_us, data && data->status == KT_OK ? data->data : NULL);
}

void kt__note_end(KtNote *note, KtNotes *n, KtTimelineEvent event, int64_t now_us, int64_t wall_us)
{
    kt__text_puts(&note->data, "}");
    keep(&note->data, n, event, now_us, wall_us);
}

/* ---- events ---- */

void kt__notes_plain(KtNotes *n, KtTimelineEvent event, int64_t now_us, int64_t wall_us)
{
    keep(NULL, n, event, now_us, wall_us);
}

KtStatus kt__notes_mark(KtNotes *n, const char *data_json, int64_t now_us, int64_t wall_us)
{
    return add(n, KT_TIMELINE_MARK, now_us, wall_us, data_json);
}

void kt__notes_source(KtNotes *n, const KtStageSource *source, KtTimelineEvent event,
                      int64_t now_us, int64_t wall_us)
{
    KtNote note;
    kt__note_string(kt__note_begin(&note), "id", source->id);
    if (event == KT_TIMELINE_SOURCE_ADDED) {
        kt__note_string(&note, "name", source->name);
        kt__note_flag(&note, "video", source->has_video);
        kt__note_flag(&note, "audio", source->has_audio);
    } else if (event == KT_TIMELINE_SOURCE_MUTED) {
        kt__note_flag(&note, "audio", source->audio_muted);
        kt__note_flag(&note, "video", source->video_muted);
    }
    kt__note_end(&note, n, event, now_us, wall_us);
}

void kt__notes_composition(KtNotes *n, const KtComposition *composition, int64_t now_us,
                           int64_t wall_us)
{
    KtNote note;
    kt__text_init_fixed(&note.data, note.text, sizeof note.text);
    int64_t bytes = kt_composition_print(composition, note.text, sizeof note.text);
    if (bytes < 0)
        note.data.status = (KtStatus)bytes;
    keep(&note.data, n, KT_TIMELINE_COMPOSITION, now_us, wall_us);
}

void kt__notes_hook(KtNotes *n, const KtStageHook *hook, KtTimelineEvent event, int64_t now_us,
                    int64_t wall_us)
{
    KtNote note;
    kt__note_string(kt__note_begin(&note), "id", hook->id);
    if (event == KT_TIMELINE_HOOK_SHOWN) {
        kt__note_string(&note, "source", hook->source);
        kt__note_string(&note, "text", hook->text);
    }
    kt__note_end(&note, n, event, now_us, wall_us);
}

void kt__notes_stage(KtNotes *n, KtStage *stage, int64_t now_us, int64_t wall_us)
{
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        KtStageSource *source = &stage->sources[i];
        if (!source->used)
            continue;
        source->stalled = 0;
        kt__notes_source(n, source, KT_TIMELINE_SOURCE_ADDED, now_us, wall_us);
        if (source->audio_muted || source->video_muted)
            kt__notes_source(n, source, KT_TIMELINE_SOURCE_MUTED, now_us, wall_us);
    }
    kt__notes_composition(n, &stage->composition, now_us, wall_us);
    for (int i = 0; i < KT_MAX_SPRITES; i++)
        if (stage->hooks[i].used)
            kt__notes_hook(n, &stage->hooks[i], KT_TIMELINE_HOOK_SHOWN, now_us, wall_us);
}

void kt__notes_stalls(KtNotes *n, KtStage *stage, int64_t now_us, int64_t wall_us)
{
    int changed[KT_MAX_SOURCES];
    int count = kt__stage_stalls(stage, now_us, changed);
    for (int i = 0; i < count; i++) {
        const KtStageSource *source = &stage->sources[changed[i]];
        kt__notes_source(n, source,
                         source->stalled ? KT_TIMELINE_SOURCE_STALLED : KT_TIMELINE_SOURCE_RESUMED,
                         now_us, wall_us);
    }
}
