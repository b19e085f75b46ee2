/* Sources, composition and sprites, and the canvas they make. */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include "composition_json.h"
#include "text.h"

/* Shown, being filled, in flight; those that wait for their slot. */
#define SOURCE_FRAMES (KT_MAX_SOURCES * 3 + 8 + KT__QUEUE_ALL)

KtStatus kt__stage_init(KtStage *s, const KtCompositorConfig *canvas, KtCost cost)
{
    s->config = *canvas;
    s->cost = cost;
    kt_composition_init(&s->composition);
    KtStatus status = kt_compositor_create(canvas, &s->compositor);
    if (status == KT_OK)
        status = kt_mixer_create(&s->mixer);
    if (status == KT_OK)
        status = kt_frame_pool_create(SOURCE_FRAMES, &s->source_pool);
    if (status == KT_OK)
        status = kt_frame_pool_create(1, &s->canvas_pool);
    if (status == KT_OK)
        status = kt_frame_acquire(s->canvas_pool, KT_PIXEL_I420, canvas->width, canvas->height,
                                  &s->canvas);
    return status;
}

void kt__stage_reset(KtStage *s)
{
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        kt__pictures_forget(&s->waiting, i);
    kt_compositor_destroy(&s->compositor);
    kt_mixer_destroy(&s->mixer);
    if (s->canvas)
        kt_frame_unref(&s->canvas);
    kt_frame_pool_destroy(&s->canvas_pool);
    kt_frame_pool_destroy(&s->source_pool);
}

/* ---- sources ---- */

KtStageSource *kt__stage_source(KtStage *s, int handle)
{
    if (handle < 0 || handle >= KT_MAX_SOURCES || !s->sources[handle].used)
        return NULL;
    return &s->sources[handle];
}

/* Copies text that fits, never half a character. */
static void copy_text(char *out, size_t out_bytes, const char *text)
{
    size_t bytes = 0, left = text ? strlen(text) : 0;
    while (left > 0) {
        size_t length = kt__utf8_bytes(text + bytes, left);
        length = length ? length : 1;
        if (bytes + length >= out_bytes)
            break;
        memcpy(out + bytes, text + bytes, length);
        bytes += length;
        left -= length;
    }
    out[bytes] = '\0';
}

static KtStatus connect_source(KtStage *s, KtStageSource *source)
{
    int picture = kt_compositor_add_source(s->compositor, source->id);
    if (picture < 0)
        return (KtStatus)picture;
    source->picture = picture;
    source->sound = -1;
    if (!source->has_video)
        kt_compositor_set_video_muted(s->compositor, picture, 1);
    if (!source->has_audio)
        return KT_OK;
    int sound = kt_mixer_add_source(s->mixer);
    if (sound < 0) {
        kt_compositor_remove_source(s->compositor, picture, s->composed_us);
        return (KtStatus)sound;
    }
    source->sound = sound;
    return KT_OK;
}

int kt__stage_add_source(KtStage *s, const char *id, const char *name, int has_video, int has_audio)
{
    int handle = 0;
    if (!kt__composition_id_ok(id))
        return KT_ERR_ARG;
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        if (s->sources[i].used && strcmp(s->sources[i].id, id) == 0)
            return KT_ERR_ARG;
    while (handle < KT_MAX_SOURCES && s->sources[handle].used)
        handle++;
    if (handle == KT_MAX_SOURCES)
        return KT_ERR_LIMIT;
    KtStageSource *source = &s->sources[handle];
    memset(source, 0, sizeof *source);
    source->has_video = has_video != 0;
    source->has_audio = has_audio != 0;
    copy_text(source->id, sizeof source->id, id);
    copy_text(source->name, sizeof source->name, name);
    KtStatus status = connect_source(s, source);
    if (status != KT_OK)
        return status;
    source->used = 1;
    return handle;
}

void kt__stage_remove_source(KtStage *s, int handle, int64_t now_us)
{
    int64_t late = 0, gap = 0;
    KtStageSource *source = &s->sources[handle];
    kt_compositor_remove_source(s->compositor, source->picture, now_us);
    if (source->sound >= 0) {
        kt_mixer_counters(s->mixer, source->sound, &late, &gap);
        s->lost_late += late;
        s->lost_gap += gap;
        kt_mixer_remove_source(s->mixer, source->sound);
    }
    kt__pictures_forget(&s->waiting, handle);
    source->used = 0;
}

KtStatus kt__stage_push_frame(KtStage *s, int handle, KtFrame *frame, int64_t now_us, int waits)
{
    KtStageSource *source = kt__stage_source(s, handle);
    if (!source || !source->has_video)
        return KT_ERR_NOT_FOUND;
    if (waits) {
        kt__pictures_put(&s->waiting, handle, kt_frame_ref(frame), now_us);
        return KT_OK;
    }
    kt__pictures_forget(&s->waiting, handle);
    return kt_compositor_push_frame(s->compositor, source->picture, frame, now_us);
}

KtStatus kt__stage_keep_picture(KtStage *s, int handle, int64_t now_us)
{
    KtStageSource *source = kt__stage_source(s, handle);
    if (!source || !source->has_video)
        return KT_ERR_NOT_FOUND;
    return kt_compositor_keep_picture(s->compositor, source->picture, now_us);
}

int kt__stage_set_muted(KtStage *s, int handle, int audio_muted, int video_muted)
{
    KtStageSource *source = kt__stage_source(s, handle);
    if (!source)
        return KT_ERR_NOT_FOUND;
    audio_muted = audio_muted != 0;
    video_muted = video_muted != 0;
    if (audio_muted == source->audio_muted && video_muted == source->video_muted)
        return 0;
    source->audio_muted = audio_muted;
    source->video_muted = video_muted;
    if (source->sound >= 0)
        kt_mixer_set_muted(s->mixer, source->sound, audio_muted);
    if (source->has_video)
        kt_compositor_set_video_muted(s->compositor, source->picture, video_muted);
    return 1;
}

int kt__stage_stalls(KtStage *s, int64_t now_us, int changed[KT_MAX_SOURCES])
{
    int handles[KT_MAX_SOURCES], changes = 0;
    int count = kt_compositor_stalled(s->compositor, now_us, handles);
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        KtStageSource *source = &s->sources[i];
        int stalled = 0;
        for (int k = 0; k < count && source->used && source->has_video && !source->video_muted; k++)
            stalled |= handles[k] == source->picture;
        if (!source->used || stalled == source->stalled)
            continue;
        source->stalled = stalled;
        changed[changes++] = i;
    }
    return changes;
}

void kt__stage_note_levels(KtStage *s)
{
    KtMixerLevel level;
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        KtStageSource *source = &s->sources[i];
        if (source->used && source->sound >= 0 &&
            kt_mixer_level(s->mixer, source->sound, &level) == KT_OK && level.peak > source->peak)
            source->peak = level.peak;
    }
}

/* ---- composition ---- */

KtStatus kt__stage_set_composition(KtStage *s, const char *json, size_t json_bytes, int64_t now_us,
                                   char *error, size_t error_bytes)
{
    KtComposition next;
    KtStatus status = kt_composition_parse(json, json_bytes, &next, error, error_bytes);
    if (status != KT_OK)
        return status;
    status = kt_compositor_set_composition(s->compositor, &next, now_us);
    if (status == KT_OK)
        s->composition = next;
    else if (error && error_bytes > 0)
        copy_text(error, error_bytes, kt_status_text(status));
    return status;
}

static KtStageHook *find_hook(KtStage *s, const char *id)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++)
        if (s->hooks[i].used && strcmp(s->hooks[i].id, id) == 0)
            return &s->hooks[i];
    return NULL;
}

/* The place of a hook that is shown. NULL where all are taken. */
static KtStageHook *place_for_hook(KtStage *s, const char *id)
{
    KtStageHook *hook = find_hook(s, id);
    for (int i = 0; !hook && i < KT_MAX_SPRITES; i++)
        if (!s->hooks[i].used)
            hook = &s->hooks[i];
    return hook;
}

KtStatus kt__stage_show_sprite(KtStage *s, const char *id, KtSpriteKind kind, const char *source_id,
                               const char *text, const uint8_t *rgba, int width, int height,
                               int stride_bytes, int64_t now_us, const KtStageHook **shown)
{
    *shown = NULL;
    KtStatus status = kt_compositor_show_sprite(s->compositor, id, kind, source_id, rgba, width,
                                                height, stride_bytes, now_us);
    KtStageHook *hook = status == KT_OK && kind == KT_SPRITE_HOOK ? place_for_hook(s, id) : NULL;
    if (!hook)
        return status;
    memset(hook, 0, sizeof *hook);
    hook->used = 1;
    copy_text(hook->id, sizeof hook->id, id);
    copy_text(hook->source, sizeof hook->source, source_id);
    copy_text(hook->text, sizeof hook->text, text);
    *shown = hook;
    return KT_OK;
}

KtStatus kt__stage_hide_sprite(KtStage *s, const char *id, int64_t now_us,
                               const KtStageHook **hidden)
{
    KtStatus status = kt_compositor_hide_sprite(s->compositor, id, now_us);
    KtStageHook *hook = status == KT_OK ? find_hook(s, id) : NULL;
    if (hook)
        hook->used = 0;
    *hidden = hook;
    return status;
}

/* ---- the canvas ---- */

void kt__stage_show_until(KtStage *s, int64_t moment_us)
{
    for (int i = 0; i < KT_MAX_SOURCES && s->waiting.all > 0; i++) {
        int64_t at_us = 0;
        KtFrame *frame = kt__pictures_take(&s->waiting, i, moment_us, &at_us);
        /* One that is refused is not shown; the source keeps its last one. */
        if (frame)
            kt_compositor_push_frame(s->compositor, s->sources[i].picture, frame, at_us);
        kt_frame_unref(&frame);
    }
}

int kt__stage_compose(KtStage *s, int64_t picture_us)
{
    if (s->has_canvas && picture_us < s->composed_us)
        picture_us = s->composed_us;
    if (s->has_canvas && !kt_compositor_is_dirty(s->compositor, picture_us))
        return 0;
    int64_t since_us = kt__cost_begin(&s->cost);
    KtStatus status = kt_compositor_compose(s->compositor, picture_us, s->canvas);
    if (status != KT_OK)
        return status;
    kt__cost_end(&s->cost, since_us);
    s->has_canvas = 1;
    s->composed_us = picture_us;
    return 1;
}

static const KtStageSource *source_by_id(const KtStage *s, const char *id)
{
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        if (s->sources[i].used && strcmp(s->sources[i].id, id) == 0)
            return &s->sources[i];
    return NULL;
}

static int is_seen(const KtStageSource *source)
{
    return source && source->has_video && !source->video_muted;
}

void kt__stage_areas(const KtStage *s, int64_t now_us, double areas[KT_MAX_SOURCES])
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    int count = kt_compositor_placed(s->compositor, now_us, placed);
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        areas[i] = 0;
    for (int k = 0; k < count; k++) {
        const KtStageSource *source = source_by_id(s, s->composition.sources[placed[k].source].id);
        if (is_seen(source))
            areas[source - s->sources] = placed[k].rect.width * placed[k].rect.height;
    }
}

/* The length of what lies within 0..1. */
static double within(double from, double length)
{
    const double start = from > 0 ? from : 0;
    const double end = from + length < 1 ? from + length : 1;
    return end > start ? end - start : 0;
}

double kt__stage_screen_share(const KtStage *s)
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    const double aspect = (double)s->config.width / s->config.height;
    double share = 0;
    int screens = 0;
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        screens += s->sources[i].used && s->sources[i].screen;
    const int count = screens > 0 ? kt_layout_resolve(&s->composition, aspect, placed) : 0;
    for (int i = 0; i < count; i++) {
        const KtRect *rect = &placed[i].rect;
        const KtStageSource *source = source_by_id(s, s->composition.sources[placed[i].source].id);
        if (is_seen(source) && source->screen)
            share += within(rect->x, rect->width) * within(rect->y, rect->height);
    }
    return share;
}
