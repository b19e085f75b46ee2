/* A take from start to stop: the states, and the tick that drives it all. */
#include <string.h>

#include "recorder_internal.h"

#define MAX_ENGINE_US INT64_C(2000000000000000) /* 63 years: the mixer knows twice as many */
#define SOUND_US INT64_C(10000)                 /* sound is read so often: it may end a cluster */
#define LEVELS_US INT64_C(100000)               /* where it is read for the levels alone */
#define IDLE_US INT64_C(250000)

static void close_take(KtRecorder *r)
{
    kt_take_destroy(&r->take);
    r->ending = 0;
}

/* The session becomes FAILED, what was encoded stays fetchable. Returns why. */
static KtStatus fail(KtRecorder *r, int64_t now_us, int64_t wall_us, KtStatus why)
{
    KtNote note;
    if (why >= 0)
        return why;
    if (kt_session_fail(&r->session, kt__notes_awake_us(&r->notes, now_us), why) != KT_OK)
        return why;
    r->ending = 0;
    if (r->take)
        kt_take_flush(r->take);
    kt__note_string(kt__note_begin(&note), "code", kt_status_name(why));
    kt__note_end(&note, &r->notes, KT_TIMELINE_FAILED, now_us, wall_us);
    return why;
}

/* Outside of recording the canvas is the preview: as many pictures as a take would have. */
static int run_preview(KtRecorder *r, int64_t now_us)
{
    const int64_t frame_us = kt__picture_track_frame_us(&r->pictures);
    if (r->stage.has_canvas && now_us + KT__TIMER_TOLERANCE_US < r->preview_us)
        return 0;
    r->preview_us += frame_us;
    if (r->preview_us <= now_us)
        r->preview_us = now_us + frame_us;
    kt__stage_show_until(&r->stage, INT64_MAX);
    return kt__stage_compose(&r->stage, now_us);
}

/* ---- states ---- */

static KtVideoEncoderConfig video_config(const KtRecorder *r)
{
    KtVideoEncoderConfig config;
    memset(&config, 0, sizeof config);
    config.codec = r->config.codec;
    config.width = r->config.width;
    config.height = r->config.height;
    config.fps = r->config.fps;
    config.bitrate_bps = r->config.video_bitrate_bps;
    config.keyframe_us = (int)r->config.keyframe_us;
    config.speed = r->pictures.governor.speed;
    config.threads = r->config.threads;
    config.matrix = kt__canvas_matrix(r->config.codec);
    return config;
}

static KtStatus open_video(KtRecorder *r, KtVideoPort *out)
{
    const KtVideoEncoderConfig config = video_config(r);
    KtVideoEncoder *encoder = NULL;
    if (r->config.open_video)
        return r->config.open_video(r->config.open_video_context, &config, out);
    KtStatus status = kt_video_encoder_create(&config, &encoder);
    if (status == KT_OK)
        *out = kt_video_encoder_port(encoder);
    return status;
}

/* head: filled, lives as long as file does. */
static void fill_file(const KtRecorder *r, int64_t date_us, uint8_t head[KT_OPUS_HEAD_BYTES],
                      KtFileConfig *file)
{
    file->has_video = 1;
    file->has_audio = 1;
    file->video.codec_id = r->config.codec == KT_VIDEO_VP9 ? KT_CODEC_ID_VP9 : KT_CODEC_ID_VP8;
    file->width = r->config.width;
    file->height = r->config.height;
    file->fps = r->config.fps;
    file->has_color = 1;
    file->matrix = kt__canvas_matrix(r->config.codec);
    kt__sound_describe(&r->sound, head, file);
    file->max_cluster_us = r->config.max_cluster_us;
    file->date_unix_us = date_us > 0 && date_us <= KT__WALL_MAX_US ? date_us : 0;
    file->app_name = "keeptake";
}

static KtStatus open_take(KtRecorder *r, int64_t date_us)
{
    KtTakeConfig config;
    uint8_t head[KT_OPUS_HEAD_BYTES];
    memset(&config, 0, sizeof config);
    close_take(r);
    config.video = r->spare_video;
    memset(&r->spare_video, 0, sizeof r->spare_video);
    KtStatus status = config.video.calls ? KT_OK : open_video(r, &config.video);
    if (status == KT_OK)
        status = kt__sound_open(&r->sound);
    if (status == KT_OK) {
        fill_file(r, date_us, head, &config.file);
        if (r->config.open_video && config.video.calls->format)
            config.file.video.codec_id = NULL; /* the encoder says */
        status = kt_take_create(&config, &r->take);
    }
    if (status != KT_OK)
        kt_video_port_destroy(&config.video);
    return status;
}

static void note_start(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    KtNote note;
    kt__note_string(kt__note_begin(&note), "codec",
                    r->config.codec == KT_VIDEO_VP9 ? "vp9" : "vp8");
    kt__note_int(&note, "fps", r->pictures.governor.fps);
    kt__note_end(&note, &r->notes, KT_TIMELINE_START, now_us, wall_us);
    kt__notes_stage(&r->notes, &r->stage, now_us, wall_us);
}

/* The session has just become RECORDING for the first time. */
static void begin_take(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    const int64_t started_us = r->session.started_us;
    kt__warmup_end(&r->warmup);
    kt__picture_track_begin(&r->pictures, r->take, started_us, now_us);
    r->notes.event_take_us = 0;
    kt__sound_begin(&r->sound, started_us);
    note_start(r, started_us, wall_us - (now_us - started_us));
}

/* The file is finished as soon as the encoder has given everything. */
static KtStatus finish_file(KtRecorder *r)
{
    KtStatus status = kt_take_finish(r->take, r->session.take_us);
    r->ending = status == KT_AGAIN;
    return r->ending ? KT_OK : status;
}

/* The take has its length: everything up to it is encoded. */
static KtStatus end_take(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    /* A timer that fired early may have made the last picture: it belongs to the take. */
    if (r->session.take_us < r->pictures.last_pts_us)
        kt_session_extend(&r->session, r->pictures.last_pts_us + 1);
    int64_t take_us = r->session.take_us;
    KtStatus status = kt__picture_track_finish(&r->pictures, take_us, now_us, wall_us);
    if (status == KT_OK)
        status = kt__sound_finish(&r->sound, take_us);
    if (status == KT_OK)
        status = finish_file(r);
    if (r->session.limit_reached)
        kt__notes_plain(&r->notes, KT_TIMELINE_LIMIT_REACHED, now_us, wall_us);
    kt__notes_plain(&r->notes, KT_TIMELINE_STOP, now_us, wall_us);
    return fail(r, now_us, wall_us, status);
}

/* The machine slept: the span is left out of the take. */
static KtStatus skip_sleep(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    KtNote note;
    int64_t from_us = r->session.last_us;
    KtStatus status = kt_session_pause(&r->session, from_us);
    if (status != KT_OK)
        return status;
    status = kt__sound_cut(&r->sound, from_us, kt_session_take_us(&r->session, from_us));
    if (status != KT_OK)
        return status;
    kt__sound_continue(&r->sound, now_us);
    status = kt_session_resume(&r->session, now_us);
    if (status != KT_OK)
        return status;
    kt__picture_track_continue(&r->pictures, now_us);
    kt__note_string(kt__note_begin(&note), "cause", "machine-slept");
    kt__note_string(&note, "source", "");
    kt__note_int(&note, "duration", 0);
    kt__note_seconds(&note, "lost", now_us - from_us);
    kt__note_end(&note, &r->notes, KT_TIMELINE_GAP, now_us, wall_us);
    return KT_OK;
}

/* Brings the session to now_us: the end of a sleep, of a countdown, of the longest take. Returns 1
 * where the state changed. */
static int pass_time(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int changed = 0;
    if (now_us > MAX_ENGINE_US || now_us < -MAX_ENGINE_US)
        return KT_ERR_ARG;
    if (now_us < r->session.last_us)
        return KT_ERR_ORDER;
    if (kt_session_has_slept(&r->session, now_us)) {
        kt_compositor_forgive(r->stage.compositor, r->session.last_us, now_us);
        KtStatus slept =
            r->session.state == KT_SESSION_RECORDING ? skip_sleep(r, now_us, wall_us) : KT_OK;
        if (slept != KT_OK)
            return fail(r, now_us, wall_us, slept);
    }
    KtStatus status;
    while ((status = kt_session_tick(&r->session, now_us)) == KT_OK) {
        changed = 1;
        if (r->session.state == KT_SESSION_RECORDING)
            begin_take(r, now_us, wall_us);
        else
            status = end_take(r, now_us, wall_us);
        if (status < 0)
            return status;
    }
    return status < 0 ? (int)status : changed;
}

static KtStatus run_sound(KtRecorder *r, int64_t now_us)
{
    const KtSession *s = &r->session;
    int64_t until_us = kt__sound_due_us(&r->sound, now_us, r->config.audio_wait_us);
    if (kt_session_is_live(s))
        return kt__sound_run(&r->sound, until_us);
    if (s->state == KT_SESSION_COUNTDOWN && until_us > s->countdown_end_us)
        until_us = s->countdown_end_us;
    return kt__sound_monitor(&r->sound, until_us);
}

/* What the encoder did meanwhile. In a pause that is stored at once, as all before it was. */
static KtStatus pump(KtRecorder *r)
{
    if (!kt_session_is_live(&r->session))
        return KT_OK;
    KtStatus status = kt_take_pump(r->take);
    if (status == KT_OK && r->session.state == KT_SESSION_PAUSED && r->sound.part_stored)
        status = kt_take_flush(r->take);
    return status;
}

/* Returns 1 where the canvas changed, 0, or ERR_*. */
static int run_pictures(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    KtStatus pumped = pump(r);
    if (pumped < 0)
        return pumped;
    return r->session.state == KT_SESSION_RECORDING
               ? kt__picture_track_run(&r->pictures, now_us, wall_us)
               : run_preview(r, now_us);
}

static int run(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    kt__picture_track_weigh(&r->pictures, now_us);
    if (r->ending)
        return fail(r, now_us, wall_us, finish_file(r));
    if (r->session.state >= KT_SESSION_STOPPING)
        return 0;
    int drawn = run_pictures(r, now_us, wall_us);
    KtStatus status = drawn < 0 ? (KtStatus)drawn : run_sound(r, now_us);
    if (status < 0)
        return fail(r, now_us, wall_us, status);
    if (r->session.state == KT_SESSION_RECORDING)
        kt__notes_stalls(&r->notes, &r->stage, now_us, wall_us);
    return drawn;
}

int kt_recorder_warm_up(KtRecorder *r, int last)
{
    if (!r)
        return 0;
    if (r->session.state != KT_SESSION_SETUP && r->session.state != KT_SESSION_COUNTDOWN)
        return 0;
    const KtVideoEncoderConfig config = video_config(r);
    if (last || r->config.open_video)
        kt__warmup_end(&r->warmup);
    if (kt__warmup_step(&r->warmup, &config))
        return 1;
    /* Where that fails, start tries again and says why. */
    if (!r->take && !r->spare_video.calls)
        open_video(r, &r->spare_video);
    return 0;
}

KtStatus kt_recorder_start(KtRecorder *r, int64_t now_us, int64_t wall_us, int64_t countdown_us)
{
    if (!r)
        return KT_ERR_ARG;
    int passed = pass_time(r, now_us, wall_us);
    KtSession next = r->session;
    KtStatus status = passed < 0 ? (KtStatus)passed : kt_session_start(&next, now_us, countdown_us);
    if (status == KT_OK)
        status = open_take(r, wall_us + countdown_us);
    if (status != KT_OK)
        return status;
    r->session = next;
    if (r->session.state != KT_SESSION_RECORDING)
        return KT_OK;
    begin_take(r, now_us, wall_us);
    /* The first picture now: a caller that ticks a frame later would otherwise miss the second. */
    return run(r, now_us, wall_us) < 0 ? r->session.failure : KT_OK;
}

KtStatus kt_recorder_cancel(KtRecorder *r, int64_t now_us)
{
    if (!r)
        return KT_ERR_ARG;
    KtStatus status = kt_session_cancel(&r->session, now_us);
    if (status == KT_OK)
        close_take(r);
    return status;
}

KtStatus kt_recorder_pause(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    int passed = pass_time(r, now_us, wall_us);
    KtStatus status = passed < 0 ? (KtStatus)passed : kt_session_pause(&r->session, now_us);
    if (status != KT_OK)
        return status;
    int64_t take_us = kt_session_take_us(&r->session, now_us);
    kt__notes_plain(&r->notes, KT_TIMELINE_PAUSE, now_us, wall_us);
    /* What is due belongs to now: a later picture would show what happened in the pause. */
    status = kt__picture_track_finish(&r->pictures, take_us, now_us, wall_us);
    if (status == KT_OK)
        status = kt__sound_cut(&r->sound, r->session.paused_at_us, take_us);
    return fail(r, now_us, wall_us, status);
}

KtStatus kt_recorder_resume(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    int passed = pass_time(r, now_us, wall_us);
    KtStatus status = passed < 0 ? (KtStatus)passed : kt_session_resume(&r->session, now_us);
    if (status != KT_OK)
        return status;
    kt__sound_continue(&r->sound, now_us);
    kt__picture_track_continue(&r->pictures, now_us);
    r->pictures.busy_us = 0;
    kt__notes_plain(&r->notes, KT_TIMELINE_RESUME, now_us, wall_us);
    return KT_OK;
}

KtStatus kt_recorder_stop(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    int passed = pass_time(r, now_us, wall_us);
    if (passed == 1 && r->session.state == KT_SESSION_STOPPING)
        return KT_OK; /* the limit was as fast */
    KtStatus status = passed < 0 ? (KtStatus)passed : kt_session_stop(&r->session, now_us);
    return status == KT_OK ? end_take(r, now_us, wall_us) : status;
}

KtStatus kt_recorder_stopped(KtRecorder *r, int64_t now_us)
{
    if (!r)
        return KT_ERR_ARG;
    return r->ending ? KT_ERR_STATE : kt_session_stopped(&r->session, now_us);
}

KtStatus kt_recorder_restart(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    if (!r)
        return KT_ERR_ARG;
    int64_t take_us = kt__notes_take_us(&r->notes, now_us);
    KtStatus status = kt_session_restart(&r->session, now_us);
    if (status != KT_OK)
        return status;
    close_take(r);
    kt_timeline_clear(r->timeline);
    kt_timeline_add(r->timeline, KT_TIMELINE_RESTART, take_us, wall_us, NULL);
    return KT_OK;
}

KtStatus kt_recorder_fail(KtRecorder *r, int64_t now_us, int64_t wall_us, KtStatus why)
{
    if (!r)
        return KT_ERR_ARG;
    if (why >= 0)
        return KT_ERR_ARG;
    if (now_us < r->session.last_us)
        return KT_ERR_ORDER;
    if (r->session.state == KT_SESSION_STOPPED || r->session.state == KT_SESSION_FAILED)
        return KT_ERR_STATE;
    fail(r, now_us, wall_us, why);
    return KT_OK;
}

KtStatus kt_recorder_reset(KtRecorder *r, int64_t now_us)
{
    if (!r)
        return KT_ERR_ARG;
    KtStatus status = kt_session_reset(&r->session, now_us);
    if (status != KT_OK)
        return status;
    close_take(r);
    kt_timeline_clear(r->timeline);
    return KT_OK;
}

/* ---- tick ---- */

int kt_recorder_tick(KtRecorder *r, int64_t now_us, int64_t wall_us, int64_t busy_us)
{
    if (!r)
        return KT_ERR_ARG;
    KtChunk chunk;
    KtSessionState before = r->session.state;
    int passed = pass_time(r, now_us, wall_us);
    if (passed < 0)
        return passed;
    r->pictures.busy_us += busy_us > 0 ? busy_us : 0;
    int drawn = run(r, now_us, wall_us);
    if (drawn < 0)
        return drawn;
    return (drawn ? KT_TICK_CANVAS : 0) | (r->session.state != before ? KT_TICK_STATE : 0) |
           (kt_recorder_peek_chunk(r, &chunk) == KT_OK ? KT_TICK_CHUNK : 0);
}

int64_t kt_recorder_next_us(const KtRecorder *r, int64_t now_us)
{
    if (!r)
        return 0;
    int64_t next_us = r->stage.has_canvas ? r->preview_us : now_us;
    switch (r->session.state) {
    case KT_SESSION_RECORDING:
        next_us = kt__picture_track_next_us(&r->pictures, now_us);
        break;
    case KT_SESSION_COUNTDOWN:
        if (r->session.countdown_end_us < next_us)
            next_us = r->session.countdown_end_us;
        break;
    case KT_SESSION_STOPPING:
        return now_us + (r->ending ? SOUND_US : IDLE_US);
    case KT_SESSION_STOPPED:
    case KT_SESSION_FAILED:
    case KT_SESSION_RECOVERABLE:
        return now_us + IDLE_US;
    default:
        break;
    }
    int64_t sound_us = now_us + (r->session.state == KT_SESSION_RECORDING ? SOUND_US : LEVELS_US);
    if (next_us > sound_us)
        next_us = sound_us;
    return next_us > now_us ? next_us : now_us;
}

KtStatus kt_recorder_peek_chunk(KtRecorder *r, KtChunk *out)
{
    if (!r)
        return KT_ERR_ARG;
    if (!r->take || r->session.state == KT_SESSION_COUNTDOWN)
        return KT_AGAIN;
    return kt_take_peek_chunk(r->take, out);
}

KtStatus kt_recorder_pop_chunk(KtRecorder *r)
{
    if (!r)
        return KT_ERR_ARG;
    KtChunk chunk;
    if (kt_recorder_peek_chunk(r, &chunk) != KT_OK)
        return KT_ERR_STATE;
    return kt_take_pop_chunk(r->take);
}

KtStatus kt_recorder_flush(KtRecorder *r)
{
    if (!r)
        return KT_ERR_ARG;
    return kt_session_is_live(&r->session) && r->take ? kt_take_flush(r->take) : KT_OK;
}
