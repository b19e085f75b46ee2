/* The flat face of the engine for JavaScript: integers, doubles and pointers; conversions, no
 * logic. Every 64-bit number crosses as a double (exact to 2^53: microseconds for 285 years).
 * Records are arrays of doubles whose fields wasm/contract.h names. */
#include <stdint.h>
#include <stdlib.h>

#include "contract.h"
#include "exports.h"
#include "keeptake/recorder.h"
#include "keeptake/scene.h"
#include "keeptake/uploader.h"

/* ---- recorder: life
 * ------------------------------------------------------------------------------ */

static int64_t clock_us(void *context)
{
    (void)context;
    return (int64_t)(emscripten_get_now() * 1000);
}

/* Pointer to the new recorder, or a negative status. */
EXPORT int ktw_recorder_create(int width, int height, int fps, int codec, int video_bitrate_bps,
                               int audio_bitrate_bps, double keyframe_us, int speed, int threads,
                               int governor, double max_length_us, int max_fps,
                               double audio_lead_us)
{
    KtRecorderConfig config;
    kt_recorder_config_init(&config);
    config.width = width;
    config.height = height;
    config.fps = fps;
    config.codec = (KtVideoCodec)codec;
    config.video_bitrate_bps = video_bitrate_bps;
    config.audio_bitrate_bps = audio_bitrate_bps;
    config.keyframe_us = (int64_t)keyframe_us;
    config.speed = speed;
    config.threads = threads;
    config.governor = governor;
    config.clock_us = clock_us;
    config.audio_lead_us = (int64_t)audio_lead_us;
    config.limits.max_length_us = (int64_t)max_length_us;
    config.limits.max_fps = max_fps;
    KtRecorder *recorder = NULL;
    KtStatus status = kt_recorder_create(&config, &recorder);
    return status == KT_OK ? (int)(intptr_t)recorder : status;
}

EXPORT void ktw_recorder_destroy(KtRecorder *r)
{
    kt_recorder_destroy(&r);
}

/* ---- recorder: sources
 * --------------------------------------------------------------------------- */

EXPORT int ktw_recorder_add_source(KtRecorder *r, const char *id, const char *name, int has_video,
                                   int has_audio, double now_us, double wall_us)
{
    return kt_recorder_add_source(r, id, name, has_video, has_audio, (int64_t)now_us,
                                  (int64_t)wall_us);
}

EXPORT int ktw_recorder_remove_source(KtRecorder *r, int handle, double now_us, double wall_us)
{
    return kt_recorder_remove_source(r, handle, (int64_t)now_us, (int64_t)wall_us);
}

/* Fills out with KTW_FRAME_FIELDS; the frame is given back by push_frame or drop_frame. */
EXPORT int ktw_recorder_acquire_frame(KtRecorder *r, int format, int width, int height, int matrix,
                                      int full_range, double *out)
{
    KtFrame *frame = NULL;
    KtStatus status = kt_recorder_acquire_frame(r, (KtPixelFormat)format, width, height, &frame);
    if (status != KT_OK)
        return status;
    frame->matrix = (KtColorMatrix)matrix;
    frame->full_range = full_range;
    *out++ = (double)(intptr_t)frame;
    for (int i = 0; i < 3; i++)
        *out++ = (double)(intptr_t)frame->plane[i];
    for (int i = 0; i < 3; i++)
        *out++ = frame->stride[i];
    *out++ = frame->width;
    *out = frame->height;
    return KT_OK;
}

EXPORT int ktw_recorder_push_frame(KtRecorder *r, int handle, KtFrame *frame, double now_us)
{
    return kt_recorder_push_frame(r, handle, frame, (int64_t)now_us);
}

EXPORT int ktw_recorder_keep_picture(KtRecorder *r, int handle, double now_us)
{
    return kt_recorder_keep_picture(r, handle, (int64_t)now_us);
}

EXPORT int ktw_recorder_set_screen(KtRecorder *r, int handle, int screen)
{
    return kt_recorder_set_screen(r, handle, screen);
}

EXPORT void ktw_drop_frame(KtFrame *frame)
{
    kt_frame_unref(&frame);
}

/* pcm: channels runs of frames floats, one after the other. */
EXPORT int ktw_recorder_push_audio(KtRecorder *r, int handle, double pts_us, int rate_hz,
                                   int channels, const float *pcm, int frames)
{
    const float *planes[2] = {pcm, pcm + frames};
    if (channels < 1 || channels > 2 || frames < 1)
        return KT_ERR_ARG;
    return kt_recorder_push_audio(r, handle, (int64_t)pts_us, rate_hz, channels, planes, frames);
}

EXPORT int ktw_recorder_set_gain(KtRecorder *r, int handle, double gain)
{
    return kt_recorder_set_gain(r, handle, (float)gain);
}

EXPORT int ktw_recorder_set_muted(KtRecorder *r, int handle, int audio, int video, double now_us,
                                  double wall_us)
{
    return kt_recorder_set_muted(r, handle, audio, video, (int64_t)now_us, (int64_t)wall_us);
}

/* ---- recorder: composition
 * ----------------------------------------------------------------------- */

EXPORT int ktw_recorder_set_composition(KtRecorder *r, const char *json, int json_bytes,
                                        double now_us, double wall_us, char *error, int error_bytes)
{
    return kt_recorder_set_composition(r, json, (size_t)json_bytes, (int64_t)now_us,
                                       (int64_t)wall_us, error, (size_t)error_bytes);
}

EXPORT int ktw_recorder_set_image(KtRecorder *r, const char *id, const uint8_t *rgba, int width,
                                  int height)
{
    return kt_recorder_set_image(r, id, rgba, width, height, width * 4);
}

EXPORT int ktw_recorder_remove_image(KtRecorder *r, const char *id)
{
    return kt_recorder_remove_image(r, id);
}

EXPORT int ktw_recorder_mark(KtRecorder *r, const char *data_json, double now_us, double wall_us)
{
    return kt_recorder_mark(r, data_json, (int64_t)now_us, (int64_t)wall_us);
}

EXPORT int ktw_recorder_show_sprite(KtRecorder *r, const char *id, int kind, const char *source_id,
                                    const char *text, const uint8_t *rgba, int width, int height,
                                    double now_us, double wall_us)
{
    return kt_recorder_show_sprite(r, id, (KtSpriteKind)kind, source_id, text, rgba, width, height,
                                   width * 4, (int64_t)now_us, (int64_t)wall_us);
}

EXPORT int ktw_recorder_hide_sprite(KtRecorder *r, const char *id, double now_us, double wall_us)
{
    return kt_recorder_hide_sprite(r, id, (int64_t)now_us, (int64_t)wall_us);
}

/* Fills out with one KTW_PLACED_FIELDS record a source; returns how many. */
EXPORT int ktw_recorder_placed(KtRecorder *r, double now_us, double *out)
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    int count = kt_recorder_placed(r, (int64_t)now_us, placed);
    for (int i = 0; i < count; i++) {
        *out++ = placed[i].source;
        *out++ = placed[i].rect.x;
        *out++ = placed[i].rect.y;
        *out++ = placed[i].rect.width;
        *out++ = placed[i].rect.height;
    }
    return count;
}

/* ---- recorder: the take
 * -------------------------------------------------------------------------- */

EXPORT int ktw_recorder_warm_up(KtRecorder *r, int last)
{
    return kt_recorder_warm_up(r, last);
}

EXPORT int ktw_recorder_start(KtRecorder *r, double now_us, double wall_us, double countdown_us)
{
    return kt_recorder_start(r, (int64_t)now_us, (int64_t)wall_us, (int64_t)countdown_us);
}

EXPORT int ktw_recorder_cancel(KtRecorder *r, double now_us)
{
    return kt_recorder_cancel(r, (int64_t)now_us);
}

EXPORT int ktw_recorder_pause(KtRecorder *r, double now_us, double wall_us)
{
    return kt_recorder_pause(r, (int64_t)now_us, (int64_t)wall_us);
}

EXPORT int ktw_recorder_resume(KtRecorder *r, double now_us, double wall_us)
{
    return kt_recorder_resume(r, (int64_t)now_us, (int64_t)wall_us);
}

EXPORT int ktw_recorder_stop(KtRecorder *r, double now_us, double wall_us)
{
    return kt_recorder_stop(r, (int64_t)now_us, (int64_t)wall_us);
}

EXPORT int ktw_recorder_stopped(KtRecorder *r, double now_us)
{
    return kt_recorder_stopped(r, (int64_t)now_us);
}

EXPORT int ktw_recorder_restart(KtRecorder *r, double now_us, double wall_us)
{
    return kt_recorder_restart(r, (int64_t)now_us, (int64_t)wall_us);
}

EXPORT int ktw_recorder_fail(KtRecorder *r, double now_us, double wall_us, int why)
{
    return kt_recorder_fail(r, (int64_t)now_us, (int64_t)wall_us, (KtStatus)why);
}

EXPORT int ktw_recorder_reset(KtRecorder *r, double now_us)
{
    return kt_recorder_reset(r, (int64_t)now_us);
}

EXPORT int ktw_recorder_tick(KtRecorder *r, double now_us, double wall_us, double busy_us)
{
    return kt_recorder_tick(r, (int64_t)now_us, (int64_t)wall_us, (int64_t)busy_us);
}

EXPORT double ktw_recorder_next_us(KtRecorder *r, double now_us)
{
    return (double)kt_recorder_next_us(r, (int64_t)now_us);
}

/* ---- recorder: output
 * ---------------------------------------------------------------------------- */

/* Fills out with the KTW_FRAME_FIELDS of the last composed picture; KT_AGAIN where there is none.
 */
EXPORT int ktw_recorder_canvas(KtRecorder *r, double *out)
{
    const KtFrame *frame = kt_recorder_canvas(r);
    if (!frame)
        return KT_AGAIN;
    *out++ = (double)(intptr_t)frame;
    for (int i = 0; i < 3; i++)
        *out++ = (double)(intptr_t)frame->plane[i];
    for (int i = 0; i < 3; i++)
        *out++ = frame->stride[i];
    *out++ = frame->width;
    *out = frame->height;
    return KT_OK;
}

EXPORT int ktw_recorder_peek_chunk(KtRecorder *r, double *out)
{
    KtChunk chunk;
    KtStatus status = kt_recorder_peek_chunk(r, &chunk);
    if (status != KT_OK)
        return status;
    *out++ = chunk.kind;
    *out++ = chunk.sequence;
    *out++ = (double)chunk.offset;
    *out++ = (double)(intptr_t)chunk.data;
    *out++ = (double)chunk.bytes;
    *out++ = (double)chunk.start_us;
    *out++ = (double)chunk.end_us;
    *out++ = chunk.keyframe;
    *out = chunk.crc32;
    return KT_OK;
}

EXPORT int ktw_recorder_pop_chunk(KtRecorder *r)
{
    return kt_recorder_pop_chunk(r);
}

EXPORT int ktw_recorder_flush(KtRecorder *r)
{
    return kt_recorder_flush(r);
}

EXPORT void ktw_recorder_session(KtRecorder *r, double now_us, double *out)
{
    const KtSession *session = kt_recorder_session(r);
    *out++ = session->state;
    *out++ = session->failure;
    *out++ = (double)session->countdown_end_us;
    *out++ = (double)session->started_us;
    *out++ = (double)kt_session_take_us(session, (int64_t)now_us);
    *out = session->limit_reached;
}

/* KTW_STATS_FIELDS; the peaks of KT_MAX_SOURCES handles follow from peak0 on. */
EXPORT void ktw_recorder_stats(KtRecorder *r, double now_us, double *out)
{
    KtRecorderStats stats;
    kt_recorder_stats(r, (int64_t)now_us, &stats);
    *out++ = (double)stats.take_us;
    *out++ = (double)stats.file_bytes;
    *out++ = (double)stats.frames;
    *out++ = (double)stats.frames_dropped;
    *out++ = stats.fps;
    *out++ = stats.compose_ms;
    *out++ = stats.encode_ms;
    *out++ = stats.speed;
    *out++ = stats.target_fps;
    *out++ = (double)stats.audio_late_frames;
    *out++ = (double)stats.audio_gap_frames;
    *out++ = stats.sources;
    *out++ = stats.stalled_sources;
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        *out++ = stats.peak[i];
}

/* Timeline JSON, zlib-compressed where compressed is 1. out[0]: pointer, freed by ktw_free; out[1]:
 * bytes. */
EXPORT int ktw_recorder_timeline(KtRecorder *r, int compressed, double *out)
{
    const KtTimeline *timeline = kt_recorder_timeline(r);
    char *text = NULL;
    uint8_t *packed = NULL;
    size_t bytes = 0;
    KtStatus status = compressed ? kt_timeline_pack(timeline, &packed, &bytes)
                                 : kt_timeline_json(timeline, &text, &bytes);
    out[0] = (double)(compressed ? (intptr_t)packed : (intptr_t)text);
    out[1] = (double)bytes;
    return status;
}

/* Scene JSON, as ktw_recorder_timeline. */
EXPORT int ktw_recorder_scene(KtRecorder *r, double *out)
{
    char *text = NULL;
    size_t bytes = 0;
    KtStatus status = kt_scene_json(kt_recorder_timeline(r), &text, &bytes, NULL, 0);
    out[0] = (double)(intptr_t)text;
    out[1] = (double)bytes;
    return status;
}

/* ---- uploader
 * ------------------------------------------------------------------------------------ */

EXPORT double ktw_upload_part_bytes(double max_length_us, double total_bps)
{
    return (double)kt_upload_part_bytes((int64_t)max_length_us, (int64_t)total_bps);
}

/* Pointer to the new uploader, or a negative status. */
EXPORT int ktw_uploader_create(double part_bytes, int max_inflight, double first_tail_us,
                               double sign_timeout_us, double stall_timeout_us,
                               double retry_base_us, double retry_max_us, double seed)
{
    const KtUploaderConfig config = {
        .part_bytes = (int64_t)part_bytes,
        .max_inflight = max_inflight,
        .first_tail_us = (int64_t)first_tail_us,
        .sign_timeout_us = (int64_t)sign_timeout_us,
        .stall_timeout_us = (int64_t)stall_timeout_us,
        .retry_base_us = (int64_t)retry_base_us,
        .retry_max_us = (int64_t)retry_max_us,
        .seed = (uint32_t)seed,
        .patch_first_part = 1,
    };
    KtUploader *uploader = NULL;
    KtStatus status = kt_uploader_create(&config, &uploader);
    return status == KT_OK ? (int)(intptr_t)uploader : status;
}

EXPORT void ktw_uploader_destroy(KtUploader *u)
{
    kt_uploader_destroy(&u);
}

EXPORT int ktw_uploader_append(KtUploader *u, double now_us, double bytes)
{
    return kt_uploader_append(u, (int64_t)now_us, (int64_t)bytes);
}

EXPORT int ktw_uploader_finish(KtUploader *u, double now_us)
{
    return kt_uploader_finish(u, (int64_t)now_us);
}

EXPORT int ktw_uploader_abort(KtUploader *u, double now_us)
{
    return kt_uploader_abort(u, (int64_t)now_us);
}

EXPORT int ktw_uploader_wake(KtUploader *u, double now_us)
{
    return kt_uploader_wake(u, (int64_t)now_us);
}

EXPORT int ktw_uploader_resume(KtUploader *u, double now_us)
{
    return kt_uploader_resume(u, (int64_t)now_us);
}

EXPORT int ktw_uploader_created(KtUploader *u, double now_us, double id)
{
    return kt_uploader_created(u, (int64_t)now_us, (uint32_t)id);
}

EXPORT int ktw_uploader_signed(KtUploader *u, double now_us, double id, double expires_us)
{
    return kt_uploader_signed(u, (int64_t)now_us, (uint32_t)id, (int64_t)expires_us);
}

EXPORT int ktw_uploader_progress(KtUploader *u, double now_us, double id, double sent_bytes)
{
    return kt_uploader_progress(u, (int64_t)now_us, (uint32_t)id, (int64_t)sent_bytes);
}

EXPORT int ktw_uploader_put_done(KtUploader *u, double now_us, double id, const char *etag)
{
    return kt_uploader_put_done(u, (int64_t)now_us, (uint32_t)id, etag);
}

EXPORT int ktw_uploader_listed_part(KtUploader *u, double id, int part, double bytes,
                                    const char *etag)
{
    return kt_uploader_listed_part(u, (uint32_t)id, part, (int64_t)bytes, etag);
}

EXPORT int ktw_uploader_listed(KtUploader *u, double now_us, double id)
{
    return kt_uploader_listed(u, (int64_t)now_us, (uint32_t)id);
}

EXPORT int ktw_uploader_completed(KtUploader *u, double now_us, double id)
{
    return kt_uploader_completed(u, (int64_t)now_us, (uint32_t)id);
}

EXPORT int ktw_uploader_aborted(KtUploader *u, double now_us, double id)
{
    return kt_uploader_aborted(u, (int64_t)now_us, (uint32_t)id);
}

EXPORT int ktw_uploader_failed(KtUploader *u, double now_us, double id, int why)
{
    return kt_uploader_failed(u, (int64_t)now_us, (uint32_t)id, (KtUploadFailure)why);
}

/* KTW_REQUEST_FIELDS. */
EXPORT int ktw_uploader_next(KtUploader *u, double now_us, double *out)
{
    KtUploadRequest request;
    KtStatus status = kt_uploader_next(u, (int64_t)now_us, &request);
    if (status != KT_OK)
        return status;
    *out++ = request.id;
    *out++ = request.kind;
    *out++ = request.part;
    *out++ = request.count;
    *out++ = (double)request.offset;
    *out = (double)request.bytes;
    return KT_OK;
}

EXPORT int ktw_uploader_part_count(KtUploader *u)
{
    return kt_uploader_part_count(u);
}

/* The ETag of a part as a NUL-terminated string, borrowed until the next event; NULL for no such
 * part. */
EXPORT const char *ktw_uploader_part_etag(KtUploader *u, int part)
{
    int64_t bytes = 0;
    const char *etag = NULL;
    return kt_uploader_part(u, part, &bytes, &etag) == KT_OK ? etag : NULL;
}

/* KTW_UPLOAD_STATS_FIELDS. */
EXPORT void ktw_uploader_stats(KtUploader *u, double now_us, double *out)
{
    KtUploaderStats stats;
    kt_uploader_stats(u, (int64_t)now_us, &stats);
    *out++ = stats.state;
    *out++ = stats.failure;
    *out++ = (double)stats.total_bytes;
    *out++ = (double)stats.safe_bytes;
    *out++ = (double)stats.sent_bytes;
    *out++ = (double)stats.backlog_bytes;
    *out++ = stats.parts_done;
    *out++ = stats.inflight;
    *out++ = stats.retries;
    *out++ = (double)stats.next_us;
    *out = (double)stats.next_bytes;
}

/* ---- memory
 * -------------------------------------------------------------------------------------- */

EXPORT void *ktw_malloc(int bytes)
{
    return malloc((size_t)bytes);
}

EXPORT void ktw_free(void *memory)
{
    free(memory);
}
