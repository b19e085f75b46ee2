/* The engine's sources, composition and sprites, and what a caller may look at. The take itself is
 * in recorder_take.c, its sound in recorder_sound.c. */
#include "keeptake/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "composition_json.h"
#include "recorder_internal.h"

/* Shown, being filled, in flight; those that wait for their slot. */
#define SOURCE_FRAMES (KT_MAX_SOURCES * 3 + 8 + KT__QUEUE_ALL)
#define MAX_AUDIO_SHIFT_US INT64_C(500000)
#define MAX_AUDIO_WAIT_US INT64_C(1000000)
#define FPS_SPAN_US INT64_C(2000000)

void kt_recorder_config_init(KtRecorderConfig *config)
{
    memset(config, 0, sizeof *config);
    config->width = 1280;
    config->height = 720;
    config->fps = 30;
    config->codec = KT_VIDEO_VP9;
    config->video_bitrate_bps = 2500000;
    config->audio_bitrate_bps = 128000;
    config->keyframe_us = 2000000;
    config->max_cluster_us = 250000;
    config->governor = 1;
    config->follow_pictures = 1;
    config->audio_wait_us = 200000;
    kt_limits_init(&config->limits);
}

/* Effort that a machine of two cores keeps up with at 30 frames/s. */
static int default_speed(const KtRecorderConfig *c)
{
    int64_t pixels = (int64_t)c->width * c->height;
    int size = pixels <= 640 * 360 ? 0 : pixels <= 1280 * 720 ? 1 : 2;
    return c->codec == KT_VIDEO_VP9 ? 7 + size : 8 + 4 * size;
}

static int config_ok(const KtRecorderConfig *c)
{
    int vp9 = c->codec == KT_VIDEO_VP9;
    if (!vp9 && c->codec != KT_VIDEO_VP8)
        return 0;
    if (c->speed != 0 && (c->speed < (vp9 ? 5 : 4) || c->speed > (vp9 ? 9 : 16)))
        return 0;
    return c->fps >= 1 && c->fps <= 60 && c->threads >= 0 && c->threads <= 16 &&
           c->video_bitrate_bps >= 50000 && c->video_bitrate_bps <= 50000000 &&
           c->audio_bitrate_bps >= 6000 && c->audio_bitrate_bps <= 510000 &&
           c->keyframe_us >= 100000 && c->keyframe_us <= 60000000 && c->max_cluster_us >= 20000 &&
           c->max_cluster_us <= 5000000 && c->audio_lead_us >= -MAX_AUDIO_SHIFT_US &&
           c->audio_lead_us <= MAX_AUDIO_SHIFT_US && c->audio_wait_us >= 0 &&
           c->audio_wait_us <= MAX_AUDIO_WAIT_US;
}

static void fill_config(KtRecorder *r, const KtRecorderConfig *config)
{
    int vp9 = config->codec == KT_VIDEO_VP9;
    r->config = *config;
    if (r->config.fps > config->limits.max_fps)
        r->config.fps = config->limits.max_fps;
    if (r->config.speed == 0)
        r->config.speed = default_speed(config);
    if (r->config.threads == 0)
        r->config.threads = 1;
    kt__cadence_init(&r->cadence, r->config.fps);
    r->weighed_us = INT64_MIN / 2;
    kt__governor_init(&r->governor, r->config.fps, r->config.speed, vp9 ? 9 : 16, vp9 ? 1 : 2);
}

KtStatus kt_recorder_create(const KtRecorderConfig *config, KtRecorder **out)
{
    KtSession session;
    if (!config || !out || !config_ok(config))
        return KT_ERR_ARG;
    KtStatus status = kt_session_init(&session, &config->limits, KT_SESSION_SETUP);
    if (status != KT_OK)
        return status;
    KtRecorder *r = calloc(1, sizeof *r);
    if (!r)
        return KT_ERR_MEMORY;
    r->session = session;
    r->last_pts_us = -1;
    fill_config(r, config);
    kt_composition_init(&r->composition);
    KtCompositorConfig canvas = {config->width, config->height, kt__canvas_matrix(config->codec),
                                 0};
    status = kt_compositor_create(&canvas, &r->compositor);
    if (status == KT_OK)
        status = kt_mixer_create(&r->mixer);
    if (status == KT_OK)
        status = kt_timeline_create(config->width, config->height, &r->timeline);
    if (status == KT_OK)
        status = kt_frame_pool_create(SOURCE_FRAMES, &r->source_pool);
    if (status == KT_OK)
        status = kt_frame_pool_create(1, &r->canvas_pool);
    if (status == KT_OK)
        status = kt_frame_acquire(r->canvas_pool, KT_PIXEL_I420, config->width, config->height,
                                  &r->canvas);
    if (status != KT_OK)
        goto fail;
    *out = r;
    return KT_OK;
fail:
    kt_recorder_destroy(&r);
    return status;
}

void kt_recorder_destroy(KtRecorder **recorder)
{
    if (!recorder || !*recorder)
        return;
    KtRecorder *r = *recorder;
    kt__warmup_end(&r->warmup);
    kt_video_encoder_destroy(&r->video);
    kt_video_encoder_destroy(&r->spare_video);
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        kt__pictures_forget(&r->waiting, i);
    kt_audio_encoder_destroy(&r->audio);
    kt_webm_writer_destroy(&r->writer);
    kt_compositor_destroy(&r->compositor);
    kt_mixer_destroy(&r->mixer);
    kt_timeline_destroy(&r->timeline);
    if (r->canvas)
        kt_frame_unref(&r->canvas);
    kt_frame_pool_destroy(&r->canvas_pool);
    kt_frame_pool_destroy(&r->source_pool);
    free(r);
    *recorder = NULL;
}

/* ---- events ---- */

typedef struct Event {
    KtText data;
    char text[KT__EVENT_BYTES];
} Event;

static Event *event_begin(Event *e)
{
    kt__text_init_fixed(&e->data, e->text, sizeof e->text);
    kt__text_puts(&e->data, "{");
    return e;
}

static void event_string(Event *e, const char *key, const char *value)
{
    kt__text_key(&e->data, key);
    kt__text_string(&e->data, value);
}

static void event_flag(Event *e, const char *key, int value)
{
    kt__text_key(&e->data, key);
    kt__text_puts(&e->data, value ? "true" : "false");
}

static void event_note(Event *e, KtRecorder *r, KtTimelineEvent event, int64_t now_us,
                       int64_t wall_us)
{
    kt__text_puts(&e->data, "}");
    kt__recorder_note(r, event, now_us, wall_us, &e->data);
}

/* An event that cannot be kept (too many, no memory) must not end the take. */
void kt__recorder_note(KtRecorder *r, KtTimelineEvent event, int64_t now_us, int64_t wall_us,
                       const KtText *data)
{
    int64_t take_us = kt__recorder_take_us(r, now_us);
    if (data && data->status != KT_OK)
        data = NULL;
    if (take_us < r->event_take_us)
        take_us = r->event_take_us;
    if (wall_us < 0)
        wall_us = 0;
    if (wall_us > KT__WALL_MAX_US)
        wall_us = KT__WALL_MAX_US;
    if (kt_timeline_add(r->timeline, event, take_us, wall_us, data ? data->data : NULL) == KT_OK)
        r->event_take_us = take_us;
}

static void note_source(KtRecorder *r, const KtRecorderSource *s, KtTimelineEvent event,
                        int64_t now_us, int64_t wall_us)
{
    Event e;
    event_string(event_begin(&e), "id", s->id);
    if (event == KT_TIMELINE_SOURCE_ADDED) {
        event_string(&e, "name", s->name);
        event_flag(&e, "video", s->has_video);
        event_flag(&e, "audio", s->has_audio);
    } else if (event == KT_TIMELINE_SOURCE_MUTED) {
        event_flag(&e, "audio", s->audio_muted);
        event_flag(&e, "video", s->video_muted);
    }
    event_note(&e, r, event, now_us, wall_us);
}

static void note_composition(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    Event e;
    kt__text_init_fixed(&e.data, e.text, sizeof e.text);
    int64_t bytes = kt_composition_print(&r->composition, e.text, sizeof e.text);
    if (bytes < 0)
        e.data.status = (KtStatus)bytes;
    kt__recorder_note(r, KT_TIMELINE_COMPOSITION, now_us, wall_us, &e.data);
}

static void note_hook(KtRecorder *r, const KtRecorderHook *h, int64_t now_us, int64_t wall_us)
{
    Event e;
    event_string(event_begin(&e), "id", h->id);
    event_string(&e, "source", h->source);
    event_string(&e, "text", h->text);
    event_note(&e, r, KT_TIMELINE_HOOK_SHOWN, now_us, wall_us);
}

void kt__recorder_note_start(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    Event e;
    event_string(event_begin(&e), "codec", r->config.codec == KT_VIDEO_VP9 ? "vp9" : "vp8");
    kt__text_key(&e.data, "fps");
    kt__text_int(&e.data, r->governor.fps);
    event_note(&e, r, KT_TIMELINE_START, now_us, wall_us);
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        KtRecorderSource *s = &r->sources[i];
        if (!s->used)
            continue;
        s->stalled = 0;
        note_source(r, s, KT_TIMELINE_SOURCE_ADDED, now_us, wall_us);
        if (s->audio_muted || s->video_muted)
            note_source(r, s, KT_TIMELINE_SOURCE_MUTED, now_us, wall_us);
    }
    note_composition(r, now_us, wall_us);
    for (int i = 0; i < KT_MAX_SPRITES; i++)
        if (r->hooks[i].used)
            note_hook(r, &r->hooks[i], now_us, wall_us);
}

void kt__recorder_watch_stalls(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int handles[KT_MAX_SOURCES];
    if (r->session.state != KT_SESSION_RECORDING)
        return;
    int count = kt_compositor_stalled(r->compositor, now_us, handles);
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        KtRecorderSource *s = &r->sources[i];
        int stalled = 0;
        for (int k = 0; k < count && s->used && s->has_video && !s->video_muted; k++)
            stalled |= handles[k] == s->picture;
        if (!s->used || stalled == s->stalled)
            continue;
        s->stalled = stalled;
        note_source(r, s, stalled ? KT_TIMELINE_SOURCE_STALLED : KT_TIMELINE_SOURCE_RESUMED, now_us,
                    wall_us);
    }
}

KtStatus kt_recorder_mark(KtRecorder *r, const char *data_json, int64_t now_us, int64_t wall_us)
{
    if (!kt__recorder_is_live(r))
        return KT_ERR_STATE;
    int64_t take_us = kt__recorder_take_us(r, now_us);
    if (take_us < r->event_take_us)
        take_us = r->event_take_us;
    KtStatus status = kt_timeline_add(r->timeline, KT_TIMELINE_MARK, take_us, wall_us, data_json);
    if (status == KT_OK)
        r->event_take_us = take_us;
    return status;
}

/* ---- sources ---- */

static KtRecorderSource *source_of(KtRecorder *r, int handle)
{
    if (handle < 0 || handle >= KT_MAX_SOURCES || !r->sources[handle].used)
        return NULL;
    return &r->sources[handle];
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

static KtStatus connect_source(KtRecorder *r, KtRecorderSource *s)
{
    int picture = kt_compositor_add_source(r->compositor, s->id);
    if (picture < 0)
        return (KtStatus)picture;
    s->picture = picture;
    s->sound = -1;
    if (!s->has_video)
        kt_compositor_set_video_muted(r->compositor, picture, 1);
    if (!s->has_audio)
        return KT_OK;
    int sound = kt_mixer_add_source(r->mixer);
    if (sound < 0) {
        kt_compositor_remove_source(r->compositor, picture, r->composed_us);
        return (KtStatus)sound;
    }
    s->sound = sound;
    return KT_OK;
}

int kt_recorder_add_source(KtRecorder *r, const char *id, const char *name, int has_video,
                           int has_audio, int64_t now_us, int64_t wall_us)
{
    int handle = 0;
    if (!kt__composition_id_ok(id))
        return KT_ERR_ARG;
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        if (r->sources[i].used && strcmp(r->sources[i].id, id) == 0)
            return KT_ERR_ARG;
    while (handle < KT_MAX_SOURCES && r->sources[handle].used)
        handle++;
    if (handle == KT_MAX_SOURCES)
        return KT_ERR_LIMIT;
    KtRecorderSource *s = &r->sources[handle];
    memset(s, 0, sizeof *s);
    s->has_video = has_video != 0;
    s->has_audio = has_audio != 0;
    copy_text(s->id, sizeof s->id, id);
    copy_text(s->name, sizeof s->name, name);
    KtStatus status = connect_source(r, s);
    if (status != KT_OK)
        return status;
    s->used = 1;
    if (kt__recorder_is_live(r))
        note_source(r, s, KT_TIMELINE_SOURCE_ADDED, now_us, wall_us);
    return handle;
}

KtStatus kt_recorder_remove_source(KtRecorder *r, int handle, int64_t now_us, int64_t wall_us)
{
    int64_t late = 0, gap = 0;
    KtRecorderSource *s = source_of(r, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    kt_compositor_remove_source(r->compositor, s->picture, now_us);
    if (s->sound >= 0) {
        kt_mixer_counters(r->mixer, s->sound, &late, &gap);
        r->lost_late += late;
        r->lost_gap += gap;
        kt_mixer_remove_source(r->mixer, s->sound);
    }
    kt__cadence_forget(&r->cadence, handle);
    kt__pictures_forget(&r->waiting, handle);
    s->used = 0;
    if (kt__recorder_is_live(r))
        note_source(r, s, KT_TIMELINE_SOURCE_REMOVED, now_us, wall_us);
    return KT_OK;
}

KtStatus kt_recorder_acquire_frame(KtRecorder *r, KtPixelFormat format, int width, int height,
                                   KtFrame **out)
{
    return kt_frame_acquire(r->source_pool, format, width, height, out);
}

KtStatus kt_recorder_push_frame(KtRecorder *r, int handle, KtFrame *frame, int64_t now_us)
{
    KtRecorderSource *s = source_of(r, handle);
    KtStatus status = KT_ERR_ARG;
    if (!frame)
        return status;
    if (!s || !s->has_video) {
        status = KT_ERR_NOT_FOUND;
    } else if (r->config.follow_pictures && r->session.state == KT_SESSION_RECORDING) {
        kt__pictures_put(&r->waiting, handle, kt_frame_ref(frame), now_us);
        status = KT_OK;
    } else {
        kt__pictures_forget(&r->waiting, handle);
        status = kt_compositor_push_frame(r->compositor, s->picture, frame, now_us);
    }
    if (status == KT_OK)
        kt__cadence_picture(&r->cadence, handle, now_us);
    kt_frame_unref(&frame);
    return status;
}

KtStatus kt_recorder_keep_picture(KtRecorder *r, int handle, int64_t now_us)
{
    KtRecorderSource *s = source_of(r, handle);
    if (!s || !s->has_video)
        return KT_ERR_NOT_FOUND;
    return kt_compositor_keep_picture(r->compositor, s->picture, now_us);
}

KtStatus kt_recorder_push_audio(KtRecorder *r, int handle, int64_t pts_us, int rate_hz,
                                int channels, const float *const *pcm, int frames)
{
    KtRecorderSource *s = source_of(r, handle);
    if (!s || s->sound < 0)
        return KT_ERR_NOT_FOUND;
    if (pts_us > KT_CLOCK_MAX_US || pts_us < -KT_CLOCK_MAX_US)
        return KT_ERR_ARG;
    return kt_mixer_push(r->mixer, s->sound, pts_us + r->config.audio_lead_us, rate_hz, channels,
                         pcm, frames);
}

KtStatus kt_recorder_set_gain(KtRecorder *r, int handle, float gain)
{
    KtRecorderSource *s = source_of(r, handle);
    if (!s || s->sound < 0)
        return KT_ERR_NOT_FOUND;
    return kt_mixer_set_gain(r->mixer, s->sound, gain);
}

KtStatus kt_recorder_set_muted(KtRecorder *r, int handle, int audio_muted, int video_muted,
                               int64_t now_us, int64_t wall_us)
{
    KtRecorderSource *s = source_of(r, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    audio_muted = audio_muted != 0;
    video_muted = video_muted != 0;
    if (audio_muted == s->audio_muted && video_muted == s->video_muted)
        return KT_OK;
    s->audio_muted = audio_muted;
    s->video_muted = video_muted;
    if (s->sound >= 0)
        kt_mixer_set_muted(r->mixer, s->sound, audio_muted);
    if (s->has_video)
        kt_compositor_set_video_muted(r->compositor, s->picture, video_muted);
    if (kt__recorder_is_live(r))
        note_source(r, s, KT_TIMELINE_SOURCE_MUTED, now_us, wall_us);
    return KT_OK;
}

/* ---- composition ---- */

KtStatus kt_recorder_set_composition(KtRecorder *r, const char *json, size_t json_bytes,
                                     int64_t now_us, int64_t wall_us, char *error,
                                     size_t error_bytes)
{
    KtComposition next;
    KtStatus status = kt_composition_parse(json, json_bytes, &next, error, error_bytes);
    if (status != KT_OK)
        return status;
    status = kt_compositor_set_composition(r->compositor, &next, now_us);
    if (status != KT_OK) {
        if (error && error_bytes > 0)
            copy_text(error, error_bytes, kt_status_text(status));
        return status;
    }
    r->composition = next;
    if (kt__recorder_is_live(r))
        note_composition(r, now_us, wall_us);
    return KT_OK;
}

KtStatus kt_recorder_set_image(KtRecorder *r, const char *id, const uint8_t *rgba, int width,
                               int height, int stride_bytes)
{
    return kt_compositor_set_image(r->compositor, id, rgba, width, height, stride_bytes);
}

KtStatus kt_recorder_remove_image(KtRecorder *r, const char *id)
{
    return kt_compositor_remove_image(r->compositor, id);
}

static KtRecorderHook *find_hook(KtRecorder *r, const char *id)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++)
        if (r->hooks[i].used && strcmp(r->hooks[i].id, id) == 0)
            return &r->hooks[i];
    return NULL;
}

/* Keeps a hook that is shown. NULL where its id is not one or all places are taken. */
static KtRecorderHook *keep_hook(KtRecorder *r, const char *id)
{
    KtRecorderHook *hook = find_hook(r, id);
    for (int i = 0; !hook && i < KT_MAX_SPRITES; i++)
        if (!r->hooks[i].used)
            hook = &r->hooks[i];
    return hook;
}

KtStatus kt_recorder_show_sprite(KtRecorder *r, const char *id, KtSpriteKind kind,
                                 const char *source_id, const char *text, const uint8_t *rgba,
                                 int width, int height, int stride_bytes, int64_t now_us,
                                 int64_t wall_us)
{
    KtStatus status = kt_compositor_show_sprite(r->compositor, id, kind, source_id, rgba, width,
                                                height, stride_bytes, now_us);
    if (status != KT_OK || kind != KT_SPRITE_HOOK)
        return status;
    KtRecorderHook *hook = keep_hook(r, id);
    if (!hook)
        return KT_OK;
    memset(hook, 0, sizeof *hook);
    hook->used = 1;
    copy_text(hook->id, sizeof hook->id, id);
    copy_text(hook->source, sizeof hook->source, source_id);
    copy_text(hook->text, sizeof hook->text, text);
    if (kt__recorder_is_live(r))
        note_hook(r, hook, now_us, wall_us);
    return KT_OK;
}

KtStatus kt_recorder_hide_sprite(KtRecorder *r, const char *id, int64_t now_us, int64_t wall_us)
{
    Event e;
    KtStatus status = kt_compositor_hide_sprite(r->compositor, id, now_us);
    KtRecorderHook *hook = status == KT_OK ? find_hook(r, id) : NULL;
    if (!hook)
        return status;
    hook->used = 0;
    event_string(event_begin(&e), "id", hook->id);
    if (kt__recorder_is_live(r))
        event_note(&e, r, KT_TIMELINE_HOOK_HIDDEN, now_us, wall_us);
    return status;
}

/* ---- looking ---- */

const KtFrame *kt_recorder_canvas(const KtRecorder *r)
{
    return r->has_canvas ? r->canvas : NULL;
}

const KtSession *kt_recorder_session(const KtRecorder *r)
{
    return &r->session;
}

const KtTimeline *kt_recorder_timeline(const KtRecorder *r)
{
    return r->timeline;
}

int kt_recorder_placed(const KtRecorder *r, int64_t now_us, KtPlacedSource placed[KT_MAX_SOURCES])
{
    return kt_compositor_placed(r->compositor, now_us, placed);
}

static double recent_fps(const KtRecorder *r, int64_t now_us)
{
    int64_t count = 0, oldest_us = now_us;
    int64_t kept = r->frames < KT__FPS_RING ? r->frames : KT__FPS_RING;
    if (r->session.state != KT_SESSION_RECORDING)
        return 0;
    for (int64_t i = 0; i < kept; i++) {
        int64_t at_us = r->encoded_us[(r->frames - 1 - i) % KT__FPS_RING];
        if (at_us <= now_us - FPS_SPAN_US)
            break;
        oldest_us = at_us;
        count++;
    }
    /* Early in a take the span is what there was of it. */
    int64_t span_us = count < kept ? FPS_SPAN_US : now_us - oldest_us + 1000000 / r->governor.fps;
    return (double)count * 1e6 / (double)span_us;
}

void kt_recorder_stats(KtRecorder *r, int64_t now_us, KtRecorderStats *out)
{
    memset(out, 0, sizeof *out);
    out->take_us = kt__recorder_take_us(r, now_us);
    out->file_bytes = r->writer ? kt_webm_writer_bytes(r->writer) : 0;
    out->frames = r->frames;
    out->frames_dropped = r->frames_dropped;
    out->fps = recent_fps(r, now_us);
    out->compose_ms = r->compose_ms;
    out->encode_ms = r->encode_ms;
    out->speed = r->governor.speed;
    out->target_fps = r->governor.fps;
    out->audio_late_frames = r->lost_late;
    out->audio_gap_frames = r->lost_gap;
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        int64_t late = 0, gap = 0;
        KtRecorderSource *s = &r->sources[i];
        if (!s->used)
            continue;
        out->sources++;
        out->stalled_sources += s->stalled;
        if (s->sound >= 0 && kt_mixer_counters(r->mixer, s->sound, &late, &gap) == KT_OK) {
            out->audio_late_frames += late;
            out->audio_gap_frames += gap;
        }
        out->peak[i] = s->peak;
        s->peak = 0;
    }
}
