/* A take from start to stop: states, the cadence of pictures, and the tick that drives it all. */
#include <assert.h>
#include <string.h>

#include "recorder_internal.h"

#define MAX_ENGINE_US INT64_C(2000000000000000) /* 63 years: the mixer knows twice as many */
#define SOUND_US INT64_C(10000)                 /* sound is read so often: it may end a cluster */
#define LEVELS_US INT64_C(100000)               /* where it is read for the levels alone */
#define IDLE_US INT64_C(250000)
#define COST_SHARE (1.0 / 16)
#define US_PER_SECOND INT64_C(1000000)

int kt__recorder_is_live(const KtRecorder *r)
{
    return r->session.state == KT_SESSION_RECORDING || r->session.state == KT_SESSION_PAUSED;
}

static int has_slept(const KtRecorder *r, int64_t now_us)
{
    return now_us - r->session.last_us > KT_SESSION_SLEEP_US;
}

int64_t kt__recorder_awake_us(const KtRecorder *r, int64_t now_us)
{
    return r->session.state == KT_SESSION_RECORDING && has_slept(r, now_us) ? r->session.last_us
                                                                            : now_us;
}

int64_t kt__recorder_take_us(const KtRecorder *r, int64_t now_us)
{
    return kt_session_take_us(&r->session, kt__recorder_awake_us(r, now_us));
}

static int64_t frame_us(const KtRecorder *r)
{
    return US_PER_SECOND / r->governor.fps;
}

static void close_take(KtRecorder *r)
{
    kt_video_encoder_destroy(&r->video);
    kt_webm_writer_destroy(&r->writer);
    r->popped_bytes = 0;
}

/* The session becomes FAILED, what was encoded stays fetchable. Returns why. */
static KtStatus fail(KtRecorder *r, int64_t now_us, int64_t wall_us, KtStatus why)
{
    KtText data;
    char text[64];
    if (why >= 0)
        return why;
    if (kt_session_fail(&r->session, kt__recorder_awake_us(r, now_us), why) != KT_OK)
        return why;
    if (r->writer)
        kt_webm_writer_flush(r->writer);
    kt__text_init_fixed(&data, text, sizeof text);
    kt__text_puts(&data, "{\"code\":");
    kt__text_string(&data, kt_status_name(why));
    kt__text_puts(&data, "}");
    kt__recorder_note(r, KT_TIMELINE_FAILED, now_us, wall_us, &data);
    return why;
}

/* ---- picture ---- */

static int64_t read_clock(const KtRecorder *r)
{
    return r->config.clock_us ? r->config.clock_us(r->config.clock_context) : 0;
}

static void note_cost(const KtRecorder *r, double *mean_ms, int64_t since_us)
{
    if (r->config.clock_us)
        *mean_ms += ((double)(read_clock(r) - since_us) / 1000 - *mean_ms) * COST_SHARE;
}

/* Brings the canvas to picture_us where something moved. Returns 1 where it changed. */
static int compose(KtRecorder *r, int64_t picture_us)
{
    if (r->has_canvas && picture_us < r->composed_us)
        picture_us = r->composed_us;
    if (r->has_canvas && !kt_compositor_is_dirty(r->compositor, picture_us))
        return 0;
    int64_t since_us = read_clock(r);
    KtStatus status = kt_compositor_compose(r->compositor, picture_us, r->canvas);
    if (status != KT_OK)
        return status;
    note_cost(r, &r->compose_ms, since_us);
    r->has_canvas = 1;
    r->composed_us = picture_us;
    return 1;
}

static KtStatus encode(KtRecorder *r, int64_t pts_us)
{
    KtPacket packet;
    int64_t since_us = read_clock(r);
    KtStatus status = kt__recorder_tune_screen(r);
    if (status != KT_OK)
        return status;
    status = kt_video_encoder_encode(r->video, r->canvas, pts_us, frame_us(r), r->force_keyframe);
    r->force_keyframe = 0;
    note_cost(r, &r->encode_ms, since_us);
    while (status == KT_OK) {
        status = kt_video_encoder_packet(r->video, &packet);
        if (status == KT_OK)
            status = kt_webm_writer_add(r->writer, &packet);
    }
    return status == KT_AGAIN ? KT_OK : status;
}

static void note_governor(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    KtText data;
    char text[128];
    kt__text_init_fixed(&data, text, sizeof text);
    kt__text_puts(&data, "{\"speed\":");
    kt__text_int(&data, r->governor.speed);
    kt__text_puts(&data, ",\"fps\":");
    kt__text_int(&data, r->governor.fps);
    kt__text_puts(&data, "}");
    kt__recorder_note(r, KT_TIMELINE_GOVERNOR, now_us, wall_us, &data);
}

/* Lets the governor see the frame of pts_us; the cadence goes on from the slot after it. */
static KtStatus govern(KtRecorder *r, int64_t pts_us, int64_t late_us, int64_t now_us,
                       int64_t wall_us)
{
    int fps = r->governor.fps, speed = r->governor.speed;
    int64_t busy_us = r->busy_us;
    int64_t span_us = r->last_pts_us >= 0 ? pts_us - r->last_pts_us : 0;
    r->busy_us = 0;
    if (!r->config.governor || !kt__governor_frame(&r->governor, busy_us, span_us, late_us))
        return KT_OK;
    if (r->governor.fps != fps)
        kt__cadence_set_fps(&r->cadence, r->governor.fps, pts_us);
    note_governor(r, now_us, wall_us);
    if (r->governor.speed == speed)
        return KT_OK;
    return kt_video_encoder_tune(r->video, r->governor.speed, 0);
}

KtStatus kt__recorder_record_slot(KtRecorder *r, int64_t slot, int64_t now_us, int64_t wall_us)
{
    int64_t pts_us = kt__cadence_pts_us(&r->cadence, slot);
    int64_t moment_us = kt__cadence_moment_us(&r->cadence, slot);
    int64_t picture_us = now_us - (kt_session_take_us(&r->session, now_us) - pts_us);
    kt__recorder_show_until(r, moment_us);
    int status = compose(r, picture_us < now_us ? picture_us : now_us);
    if (status < 0)
        return (KtStatus)status;
    KtStatus encoded = encode(r, pts_us);
    if (encoded != KT_OK)
        return encoded;
    r->encoded_us[r->frames % KT__FPS_RING] = now_us;
    r->frames++;
    kt__cadence_pass(&r->cadence, slot);
    encoded = govern(r, pts_us, now_us - moment_us, now_us, wall_us);
    r->last_pts_us = pts_us;
    return encoded;
}

/* Outside of recording the canvas is the preview: as many pictures as a take would have. */
static int run_preview(KtRecorder *r, int64_t now_us)
{
    if (r->has_canvas && now_us + KT__TIMER_TOLERANCE_US < r->preview_us)
        return 0;
    r->preview_us += frame_us(r);
    if (r->preview_us <= now_us)
        r->preview_us = now_us + frame_us(r);
    kt__recorder_show_until(r, INT64_MAX);
    return compose(r, now_us);
}

/* ---- states ---- */

static KtStatus open_writer(KtRecorder *r, int64_t date_us)
{
    KtWebmWriterConfig config;
    memset(&config, 0, sizeof config);
    config.has_video = 1;
    config.has_audio = 1;
    config.codec = r->config.codec;
    config.width = r->config.width;
    config.height = r->config.height;
    config.fps = r->config.fps;
    config.matrix = kt__canvas_matrix(r->config.codec);
    kt_audio_encoder_head(r->audio, config.opus_head);
    config.audio_pre_skip = kt_audio_encoder_pre_skip(r->audio);
    config.max_cluster_us = r->config.max_cluster_us;
    config.date_unix_us = date_us > 0 && date_us <= KT__WALL_MAX_US ? date_us : 0;
    config.app_name = "keeptake";
    return kt_webm_writer_create(&config, &r->writer);
}

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
    config.speed = r->governor.speed;
    config.threads = r->config.threads;
    config.matrix = kt__canvas_matrix(r->config.codec);
    return config;
}

static KtStatus open_take(KtRecorder *r, int64_t date_us)
{
    KtVideoEncoderConfig config = video_config(r);
    close_take(r);
    r->video = r->spare_video;
    r->spare_video = NULL;
    KtStatus status = r->video ? KT_OK : kt_video_encoder_create(&config, &r->video);
    if (status == KT_OK)
        status = kt__sound_open(r);
    if (status == KT_OK)
        status = open_writer(r, date_us);
    if (status != KT_OK)
        close_take(r);
    return status;
}

/* The session has just become RECORDING for the first time. */
static void begin_take(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    kt__warmup_end(&r->warmup);
    r->weighed_us = INT64_MIN / 2; /* who leads is asked now */
    kt__recorder_weigh_sources(r, now_us);
    kt__cadence_set_fps(&r->cadence, r->governor.fps, 0);
    kt__cadence_begin(&r->cadence, r->session.started_us);
    r->last_pts_us = -1;
    r->force_keyframe = 1;
    r->frames = 0;
    r->frames_dropped = 0;
    r->busy_us = 0;
    r->event_take_us = 0;
    kt__sound_begin(r, r->session.started_us);
    kt__recorder_note_start(r, r->session.started_us, wall_us - (now_us - r->session.started_us));
}

/* The take has its length: everything up to it is encoded, the file is finished. */
static KtStatus end_take(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    /* A timer that fired early may have made the last picture: it belongs to the take. */
    if (r->session.take_us < r->last_pts_us)
        r->session.take_us = r->last_pts_us + 1;
    int64_t take_us = r->session.take_us;
    KtStatus status = kt__recorder_finish_pictures(r, take_us, now_us, wall_us);
    if (status == KT_OK)
        status = kt__sound_finish(r, take_us);
    if (status == KT_OK)
        status = kt_webm_writer_finish(r->writer, take_us);
    if (r->session.limit_reached)
        kt__recorder_note(r, KT_TIMELINE_LIMIT_REACHED, now_us, wall_us, NULL);
    kt__recorder_note(r, KT_TIMELINE_STOP, now_us, wall_us, NULL);
    kt_video_encoder_destroy(&r->video);
    return fail(r, now_us, wall_us, status);
}

/* The take goes on after a span that it leaves out. */
static void continue_pictures(KtRecorder *r, int64_t now_us)
{
    kt__cadence_continue(&r->cadence, now_us - kt_session_take_us(&r->session, now_us));
    r->force_keyframe = 1;
}

/* The machine slept: the span is left out of the take. */
static KtStatus skip_sleep(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    KtText data;
    char text[128];
    int64_t from_us = r->session.last_us;
    KtStatus status = kt_session_pause(&r->session, from_us);
    if (status != KT_OK)
        return status;
    status = kt__sound_cut(r, from_us, kt_session_take_us(&r->session, from_us));
    if (status != KT_OK)
        return status;
    kt__sound_continue(r, now_us);
    status = kt_session_resume(&r->session, now_us);
    if (status != KT_OK)
        return status;
    continue_pictures(r, now_us);
    kt__text_init_fixed(&data, text, sizeof text);
    kt__text_puts(&data, "{\"cause\":\"machine-slept\",\"source\":\"\",\"duration\":0,\"lost\":");
    kt__text_seconds(&data, now_us - from_us);
    kt__text_puts(&data, "}");
    kt__recorder_note(r, KT_TIMELINE_GAP, now_us, wall_us, &data);
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
    if (has_slept(r, now_us)) {
        kt_compositor_forgive(r->compositor, r->session.last_us, now_us);
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

static int run(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int drawn = 0;
    kt__recorder_weigh_sources(r, now_us);
    if (r->session.state == KT_SESSION_RECORDING) {
        drawn = kt__recorder_run_slots(r, now_us, wall_us);
    } else if (r->session.state < KT_SESSION_STOPPING) {
        drawn = run_preview(r, now_us);
    } else {
        return 0;
    }
    KtStatus status = drawn < 0 ? (KtStatus)drawn : kt__sound_run(r, now_us);
    if (status < 0)
        return fail(r, now_us, wall_us, status);
    kt__recorder_watch_stalls(r, now_us, wall_us);
    return drawn;
}

int kt_recorder_warm_up(KtRecorder *r, int last)
{
    if (r->session.state != KT_SESSION_SETUP && r->session.state != KT_SESSION_COUNTDOWN)
        return 0;
    KtVideoEncoderConfig config = video_config(r);
    if (last)
        kt__warmup_end(&r->warmup);
    if (kt__warmup_step(&r->warmup, &config))
        return 1;
    /* Where that fails, start tries again and says why. */
    if (!r->video && !r->spare_video)
        kt_video_encoder_create(&config, &r->spare_video);
    return 0;
}

KtStatus kt_recorder_start(KtRecorder *r, int64_t now_us, int64_t wall_us, int64_t countdown_us)
{
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
    KtStatus status = kt_session_cancel(&r->session, now_us);
    if (status == KT_OK)
        close_take(r);
    return status;
}

KtStatus kt_recorder_pause(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int passed = pass_time(r, now_us, wall_us);
    KtStatus status = passed < 0 ? (KtStatus)passed : kt_session_pause(&r->session, now_us);
    if (status != KT_OK)
        return status;
    int64_t take_us = kt_session_take_us(&r->session, now_us);
    kt__recorder_note(r, KT_TIMELINE_PAUSE, now_us, wall_us, NULL);
    /* What is due belongs to now: a later picture would show what happened in the pause. */
    status = kt__recorder_finish_pictures(r, take_us, now_us, wall_us);
    if (status == KT_OK)
        status = kt__sound_cut(r, r->session.paused_at_us, take_us);
    return fail(r, now_us, wall_us, status);
}

KtStatus kt_recorder_resume(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int passed = pass_time(r, now_us, wall_us);
    KtStatus status = passed < 0 ? (KtStatus)passed : kt_session_resume(&r->session, now_us);
    if (status != KT_OK)
        return status;
    kt__sound_continue(r, now_us);
    continue_pictures(r, now_us);
    r->busy_us = 0;
    kt__recorder_note(r, KT_TIMELINE_RESUME, now_us, wall_us, NULL);
    return KT_OK;
}

KtStatus kt_recorder_stop(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int passed = pass_time(r, now_us, wall_us);
    if (passed == 1 && r->session.state == KT_SESSION_STOPPING)
        return KT_OK; /* the limit was as fast */
    KtStatus status = passed < 0 ? (KtStatus)passed : kt_session_stop(&r->session, now_us);
    return status == KT_OK ? end_take(r, now_us, wall_us) : status;
}

KtStatus kt_recorder_stopped(KtRecorder *r, int64_t now_us)
{
    return kt_session_stopped(&r->session, now_us);
}

KtStatus kt_recorder_restart(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int64_t take_us = kt__recorder_take_us(r, now_us);
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
    KtChunk chunk;
    KtSessionState before = r->session.state;
    int passed = pass_time(r, now_us, wall_us);
    if (passed < 0)
        return passed;
    r->busy_us += busy_us > 0 ? busy_us : 0;
    int drawn = run(r, now_us, wall_us);
    if (drawn < 0)
        return drawn;
    return (drawn ? KT_TICK_CANVAS : 0) | (r->session.state != before ? KT_TICK_STATE : 0) |
           (kt_recorder_peek_chunk(r, &chunk) == KT_OK ? KT_TICK_CHUNK : 0);
}

int64_t kt_recorder_next_us(const KtRecorder *r, int64_t now_us)
{
    int64_t next_us = r->has_canvas ? r->preview_us : now_us;
    switch (r->session.state) {
    case KT_SESSION_RECORDING:
        next_us = kt__recorder_slot_us(r, now_us);
        break;
    case KT_SESSION_COUNTDOWN:
        if (r->session.countdown_end_us < next_us)
            next_us = r->session.countdown_end_us;
        break;
    case KT_SESSION_STOPPING:
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
    if (!r->writer || r->session.state == KT_SESSION_COUNTDOWN)
        return KT_AGAIN;
    return kt_webm_writer_peek(r->writer, out);
}

KtStatus kt_recorder_pop_chunk(KtRecorder *r)
{
    KtChunk chunk;
    KtStatus status = kt_recorder_peek_chunk(r, &chunk);
    if (status != KT_OK)
        return KT_ERR_STATE;
    if (chunk.kind != KT_CHUNK_PATCH)
        r->popped_bytes += (int64_t)chunk.bytes;
    return kt_webm_writer_pop(r->writer);
}

KtStatus kt_recorder_flush(KtRecorder *r)
{
    return kt__recorder_is_live(r) && r->writer ? kt_webm_writer_flush(r->writer) : KT_OK;
}
