/* The engine's public face: checks what it is told, and hands it to stage, notes and take. The
 * states of a take are in recorder_take.c. */
#include "keeptake/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "recorder_internal.h"

#define MAX_AUDIO_SHIFT_US INT64_C(500000)
#define MAX_AUDIO_WAIT_US INT64_C(1000000)

void kt_recorder_config_init(KtRecorderConfig *config)
{
    if (!config)
        return;
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
    r->config = *config;
    if (r->config.fps > config->limits.max_fps)
        r->config.fps = config->limits.max_fps;
    if (r->config.speed == 0)
        r->config.speed = default_speed(config);
    if (r->config.threads == 0)
        r->config.threads = 1;
}

static void stage_heard(void *context)
{
    kt__stage_note_levels(context);
}

static KtStatus add_sound(void *context, const KtPacket *packet)
{
    const KtRecorder *r = context;
    return kt_take_packet(r->take, packet);
}

static KtStatus store_part(void *context)
{
    const KtRecorder *r = context;
    return kt_take_flush(r->take);
}

/* Makes the parts, and tells each what it may use. */
static KtStatus connect(KtRecorder *r)
{
    const KtRecorderConfig *c = &r->config;
    const KtCompositorConfig canvas = {c->width, c->height, kt__canvas_matrix(c->codec), 0};
    const KtCost cost = {c->clock_us, c->clock_context, 0};
    const KtSoundSink sink = {r, add_sound, store_part};
    KtStatus status = kt__stage_init(&r->stage, &canvas, cost);
    if (status == KT_OK)
        status = kt_timeline_create(c->width, c->height, &r->timeline);
    if (status != KT_OK)
        return status;
    r->notes = (KtNotes){.timeline = r->timeline, .session = &r->session};
    r->pictures = (KtPictureTrack){.stage = &r->stage,
                                   .session = &r->session,
                                   .notes = &r->notes,
                                   .follows = c->follow_pictures,
                                   .governed = c->governor,
                                   .cost = cost};
    kt__picture_track_init(&r->pictures, c->codec, c->fps, c->speed);
    kt__sound_init(&r->sound, r->stage.mixer, c->audio_bitrate_bps, sink);
    r->sound.heard = stage_heard;
    r->sound.heard_context = &r->stage;
    return KT_OK;
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
    fill_config(r, config);
    status = connect(r);
    if (status != KT_OK)
        kt_recorder_destroy(&r);
    else
        *out = r;
    return status;
}

void kt_recorder_destroy(KtRecorder **recorder)
{
    if (!recorder || !*recorder)
        return;
    KtRecorder *r = *recorder;
    kt__warmup_end(&r->warmup);
    kt_video_port_destroy(&r->spare_video);
    kt_take_destroy(&r->take);
    kt__sound_reset(&r->sound);
    kt__stage_reset(&r->stage);
    kt_timeline_destroy(&r->timeline);
    free(r);
    *recorder = NULL;
}

/* ---- sources ---- */

int kt_recorder_add_source(KtRecorder *r, const char *id, const char *name, int has_video,
                           int has_audio, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    int handle = kt__stage_add_source(&r->stage, id, name, has_video, has_audio);
    if (handle >= 0 && kt_session_is_live(&r->session))
        kt__notes_source(&r->notes, &r->stage.sources[handle], KT_TIMELINE_SOURCE_ADDED, now_us,
                         wall_us);
    return handle;
}

KtStatus kt_recorder_remove_source(KtRecorder *r, int handle, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    const KtStageSource *source = kt__stage_source(&r->stage, handle);
    if (!source)
        return KT_ERR_NOT_FOUND;
    kt__stage_remove_source(&r->stage, handle, now_us);
    kt__cadence_forget(&r->pictures.cadence, handle);
    if (kt_session_is_live(&r->session))
        kt__notes_source(&r->notes, source, KT_TIMELINE_SOURCE_REMOVED, now_us, wall_us);
    return KT_OK;
}

KtStatus kt_recorder_acquire_frame(KtRecorder *r, KtPixelFormat format, int width, int height,
                                   KtFrame **out)
{
    if (!r)
        return KT_ERR_ARG;
    return kt_frame_acquire(r->stage.source_pool, format, width, height, out);
}

KtStatus kt_recorder_push_frame(KtRecorder *r, int handle, KtFrame *frame, int64_t now_us)
{
    if (!r || !frame) {
        kt_frame_unref(&frame);
        return KT_ERR_ARG;
    }
    int waits = r->config.follow_pictures && r->session.state == KT_SESSION_RECORDING;
    KtStatus status = kt__stage_push_frame(&r->stage, handle, frame, now_us, waits);
    if (status == KT_OK)
        kt__cadence_picture(&r->pictures.cadence, handle, now_us);
    kt_frame_unref(&frame);
    return status;
}

KtStatus kt_recorder_keep_picture(KtRecorder *r, int handle, int64_t now_us)
{
    if (!r)
        return KT_ERR_ARG;
    return kt__stage_keep_picture(&r->stage, handle, now_us);
}

KtStatus kt_recorder_set_screen(KtRecorder *r, int handle, int screen)
{
    if (!r)
        return KT_ERR_ARG;
    KtStageSource *source = kt__stage_source(&r->stage, handle);
    if (!source)
        return KT_ERR_NOT_FOUND;
    source->screen = screen != 0;
    return KT_OK;
}

KtStatus kt_recorder_push_audio(KtRecorder *r, int handle, int64_t pts_us, int rate_hz,
                                int channels, const float *const *pcm, int frames)
{
    if (!r)
        return KT_ERR_ARG;
    const KtStageSource *source = kt__stage_source(&r->stage, handle);
    if (!source || source->sound < 0)
        return KT_ERR_NOT_FOUND;
    if (pts_us > KT_CLOCK_MAX_US || pts_us < -KT_CLOCK_MAX_US)
        return KT_ERR_ARG;
    return kt_mixer_push(r->stage.mixer, source->sound, pts_us + r->config.audio_lead_us, rate_hz,
                         channels, pcm, frames);
}

KtStatus kt_recorder_set_gain(KtRecorder *r, int handle, float gain)
{
    if (!r)
        return KT_ERR_ARG;
    const KtStageSource *source = kt__stage_source(&r->stage, handle);
    if (!source || source->sound < 0)
        return KT_ERR_NOT_FOUND;
    return kt_mixer_set_gain(r->stage.mixer, source->sound, gain);
}

KtStatus kt_recorder_set_muted(KtRecorder *r, int handle, int audio_muted, int video_muted,
                               int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    int changed = kt__stage_set_muted(&r->stage, handle, audio_muted, video_muted);
    if (changed > 0 && kt_session_is_live(&r->session))
        kt__notes_source(&r->notes, &r->stage.sources[handle], KT_TIMELINE_SOURCE_MUTED, now_us,
                         wall_us);
    return changed < 0 ? (KtStatus)changed : KT_OK;
}

/* ---- composition ---- */

KtStatus kt_recorder_set_composition(KtRecorder *r, const char *json, size_t json_bytes,
                                     int64_t now_us, int64_t wall_us, char *error,
                                     size_t error_bytes)
{
    if (!r)
        return KT_ERR_ARG;
    KtStatus status =
        kt__stage_set_composition(&r->stage, json, json_bytes, now_us, error, error_bytes);
    if (status == KT_OK && kt_session_is_live(&r->session))
        kt__notes_composition(&r->notes, &r->stage.composition, now_us, wall_us);
    return status;
}

KtStatus kt_recorder_set_image(KtRecorder *r, const char *id, const uint8_t *rgba, int width,
                               int height, int stride_bytes)
{
    if (!r)
        return KT_ERR_ARG;
    return kt_compositor_set_image(r->stage.compositor, id, rgba, width, height, stride_bytes);
}

KtStatus kt_recorder_remove_image(KtRecorder *r, const char *id)
{
    if (!r)
        return KT_ERR_ARG;
    return kt_compositor_remove_image(r->stage.compositor, id);
}

KtStatus kt_recorder_show_sprite(KtRecorder *r, const char *id, KtSpriteKind kind,
                                 const char *source_id, const char *text, const uint8_t *rgba,
                                 int width, int height, int stride_bytes, int64_t now_us,
                                 int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    const KtStageHook *hook;
    KtStatus status = kt__stage_show_sprite(&r->stage, id, kind, source_id, text, rgba, width,
                                            height, stride_bytes, now_us, &hook);
    if (hook && kt_session_is_live(&r->session))
        kt__notes_hook(&r->notes, hook, KT_TIMELINE_HOOK_SHOWN, now_us, wall_us);
    return status;
}

KtStatus kt_recorder_hide_sprite(KtRecorder *r, const char *id, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    const KtStageHook *hook;
    KtStatus status = kt__stage_hide_sprite(&r->stage, id, now_us, &hook);
    if (hook && kt_session_is_live(&r->session))
        kt__notes_hook(&r->notes, hook, KT_TIMELINE_HOOK_HIDDEN, now_us, wall_us);
    return status;
}

KtStatus kt_recorder_mark(KtRecorder *r, const char *data_json, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    if (!kt_session_is_live(&r->session))
        return KT_ERR_STATE;
    return kt__notes_mark(&r->notes, data_json, now_us, wall_us);
}

/* ---- looking ---- */

const KtFrame *kt_recorder_canvas(const KtRecorder *r)
{
    if (!r)
        return NULL;
    return r->stage.has_canvas ? r->stage.canvas : NULL;
}

const KtSession *kt_recorder_session(const KtRecorder *r)
{
    if (!r)
        return NULL;
    return &r->session;
}

const KtTimeline *kt_recorder_timeline(const KtRecorder *r)
{
    if (!r)
        return NULL;
    return r->timeline;
}

int kt_recorder_placed(const KtRecorder *r, int64_t now_us, KtPlacedSource placed[KT_MAX_SOURCES])
{
    if (!r)
        return 0;
    return kt_compositor_placed(r->stage.compositor, now_us, placed);
}

/* Those that are here, and what those that left had lost. */
static void source_stats(KtStage *stage, KtRecorderStats *out)
{
    out->audio_late_frames = stage->lost_late;
    out->audio_gap_frames = stage->lost_gap;
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        int64_t late = 0, gap = 0;
        KtStageSource *s = &stage->sources[i];
        if (!s->used)
            continue;
        out->sources++;
        out->stalled_sources += s->stalled;
        if (s->sound >= 0 && kt_mixer_counters(stage->mixer, s->sound, &late, &gap) == KT_OK) {
            out->audio_late_frames += late;
            out->audio_gap_frames += gap;
        }
        out->peak[i] = s->peak;
        s->peak = 0;
    }
}

void kt_recorder_stats(KtRecorder *r, int64_t now_us, KtRecorderStats *out)
{
    if (!r || !out)
        return;
    const KtPictureTrack *p = &r->pictures;
    memset(out, 0, sizeof *out);
    out->take_us = kt__notes_take_us(&r->notes, now_us);
    out->file_bytes = kt_take_bytes(r->take);
    out->frames = p->frames;
    out->frames_dropped = p->frames_dropped;
    out->fps = r->session.state == KT_SESSION_RECORDING ? kt__picture_track_fps(p, now_us) : 0;
    out->compose_ms = r->stage.cost.mean_ms;
    out->encode_ms = p->cost.mean_ms;
    out->speed = p->governor.speed;
    out->target_fps = p->governor.fps;
    source_stats(&r->stage, out);
}
