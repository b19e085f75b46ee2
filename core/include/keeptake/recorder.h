/* The engine: sources in, chunks of a take out. Ties compositor, mixer, encoders, writer, session
 * and timeline together; the only part of the core that knows the others. Runs in the browser's
 * worker (Wasm) and natively alike. Single-threaded towards its caller. No clock: now_us is the
 * engine clock, monotonic microseconds from any origin within +-2e15 (ERR_ARG); wall_us is Unix
 * time. docs/engine.md. */
#ifndef KEEPTAKE_RECORDER_H
#define KEEPTAKE_RECORDER_H

#include "keeptake/compositor.h"
#include "keeptake/mixer.h"
#include "keeptake/session.h"
#include "keeptake/timeline.h"
#include "keeptake/video_port.h"
#include "keeptake/file_writer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct KtRecorder KtRecorder;

typedef struct KtRecorderConfig {
    int width, height; /* canvas, even */
    int fps;           /* 1..60, lowered to limits.max_fps */
    KtVideoCodec codec;
    int video_bitrate_bps;
    int audio_bitrate_bps;
    int64_t keyframe_us;    /* default 2,000,000 */
    int64_t max_cluster_us; /* default 250,000 */
    int speed;              /* as KtVideoEncoderConfig; 0: chosen by codec and canvas */
    int threads;            /* 0: one */
    int governor; /* 1: effort, then frame rate are lowered when the machine cannot keep up */
    /* 1 (default): the moments at which pictures are made follow the pictures of the source that
     * covers most of the canvas, so that each is in the take once; timestamps stay on the grid of
     * fps. What a busy machine does late, up to 250 ms, shows what had come by its moment: pictures
     * may be pushed late, with their own times. 0: by the clock alone and without making up, for a
     * caller that ticks whenever it has brought all pictures. */
    int follow_pictures;
    /* Added to audio timestamps: how much later than picture sound is captured
     * (-500,000..500,000); default 0. */
    int64_t audio_lead_us;
    /* Sound is mixed as soon as every source has given its own, at the latest this long after its
     * time: blocks later than that are dropped. Default 200,000. */
    int64_t audio_wait_us;
    int64_t (*clock_us)(void *clock_context); /* any monotonic clock, microseconds; read only around
                               composing and encoding to tell what they cost; NULL: costs stay 0 */
    void *clock_context;                      /* borrowed for the recorder's life */
    /* Makes the encoder of each take, of codec's packets unless it says otherwise (format); NULL:
     * libvpx. With one that works for
     * itself a slot for which it is behind is dropped, and after stop, while the session is
     * STOPPING, ticks go on until its last packets are in the file (peek_chunk: KT_END). */
    KtVideoPortOpen open_video;
    void *open_video_context; /* borrowed for the recorder's life */
    KtLimits limits;
} KtRecorderConfig;

/* 1280x720, 30, VP9, 2.5 Mbit/s, 128 kbit/s and the defaults above. */
void kt_recorder_config_init(KtRecorderConfig *config);
KtStatus kt_recorder_create(const KtRecorderConfig *config, KtRecorder **out);
void kt_recorder_destroy(KtRecorder **recorder);

/* Sources: one handle (0..KT_MAX_SOURCES - 1) for a person's picture and sound. id as KT_ID_BYTES;
 * name is kept for the timeline (UTF-8, cut at 200 bytes). Any time, in every state. Returns the
 * handle >= 0, ERR_ARG (bad or known id), ERR_LIMIT, ERR_MEMORY. */
int kt_recorder_add_source(KtRecorder *r, const char *id, const char *name, int has_video,
                           int has_audio, int64_t now_us, int64_t wall_us);
KtStatus kt_recorder_remove_source(KtRecorder *r, int handle, int64_t now_us, int64_t wall_us);
/* An empty frame to fill (one reference, the caller's) and its return as the source's newest
 * picture (taken in every case), which came at now_us. Of what waits for its slot the oldest is
 * dropped (48 pictures, 10 of a source, 96 MiB). ERR_LIMIT from acquire: drop the picture. */
KtStatus kt_recorder_acquire_frame(KtRecorder *r, KtPixelFormat format, int width, int height,
                                   KtFrame **out);
KtStatus kt_recorder_push_frame(KtRecorder *r, int handle, KtFrame *frame, int64_t now_us);
/* As kt_compositor_keep_picture: the source stands still and is not stalled. */
KtStatus kt_recorder_keep_picture(KtRecorder *r, int handle, int64_t now_us);
/* screen 1: the source is a shared screen; 0, as at first: a camera. While screens cover more than
 * half of the canvas the encoder is tuned for them. ERR_NOT_FOUND. */
KtStatus kt_recorder_set_screen(KtRecorder *r, int handle, int screen);
/* Sound, as kt_mixer_push; pts_us is engine clock. */
KtStatus kt_recorder_push_audio(KtRecorder *r, int handle, int64_t pts_us, int rate_hz,
                                int channels, const float *const *pcm, int frames);
KtStatus kt_recorder_set_gain(KtRecorder *r, int handle, float gain);
KtStatus kt_recorder_set_muted(KtRecorder *r, int handle, int audio_muted, int video_muted,
                               int64_t now_us, int64_t wall_us);

/* Composition JSON (docs/composition.md); noted in the timeline. error as kt_composition_parse. */
KtStatus kt_recorder_set_composition(KtRecorder *r, const char *json, size_t json_bytes,
                                     int64_t now_us, int64_t wall_us, char *error,
                                     size_t error_bytes);
KtStatus kt_recorder_set_image(KtRecorder *r, const char *id, const uint8_t *rgba, int width,
                               int height, int stride_bytes);
KtStatus kt_recorder_remove_image(KtRecorder *r, const char *id);
/* Sprites; a hook is noted in the timeline with text (UTF-8, borrowed). */
KtStatus kt_recorder_show_sprite(KtRecorder *r, const char *id, KtSpriteKind kind,
                                 const char *source_id, const char *text, const uint8_t *rgba,
                                 int width, int height, int stride_bytes, int64_t now_us,
                                 int64_t wall_us);
KtStatus kt_recorder_hide_sprite(KtRecorder *r, const char *id, int64_t now_us, int64_t wall_us);
/* A free note in the timeline (event "mark"). */
KtStatus kt_recorder_mark(KtRecorder *r, const char *data_json, int64_t now_us, int64_t wall_us);

/* In setup or countdown: encodes one picture that nobody sees, with an encoder of the take's
 * settings, so that the first second of a take is as fast as the others; after the last one (36 in
 * all, none where last is 1), and before each further take, makes the encoder that the next start
 * takes. As long as encoding one picture takes. Returns 1 while more calls are of use, 0 from then
 * on, in other states, and where it cannot be done; a take that begins ends it. */
int kt_recorder_warm_up(KtRecorder *r, int last);

/* The take. As kt_session_*; start creates encoders and writer, so it can fail with ERR_MEMORY,
 * ERR_CODEC (still in setup). Without a countdown start records the first picture at once, where
 * its moment is not a little later (follow_pictures); where that fails, the session is FAILED.
 * After stop the last chunks, Cues and patch wait; the caller drains them, stores everything, and
 * calls stopped. restart drops waiting chunks and goes back to setup. Effort and picture rate that
 * the governor found stay for the next take, on what is the same machine. The timeline is that of
 * one take: it is empty until a take begins, and begins with everything that stands at its start.
 */
KtStatus kt_recorder_start(KtRecorder *r, int64_t now_us, int64_t wall_us, int64_t countdown_us);
KtStatus kt_recorder_cancel(KtRecorder *r, int64_t now_us);
KtStatus kt_recorder_pause(KtRecorder *r, int64_t now_us, int64_t wall_us);
KtStatus kt_recorder_resume(KtRecorder *r, int64_t now_us, int64_t wall_us);
KtStatus kt_recorder_stop(KtRecorder *r, int64_t now_us, int64_t wall_us);
KtStatus kt_recorder_stopped(KtRecorder *r, int64_t now_us);
KtStatus kt_recorder_restart(KtRecorder *r, int64_t now_us, int64_t wall_us);
KtStatus kt_recorder_fail(KtRecorder *r, int64_t now_us, int64_t wall_us, KtStatus why);
/* After STOPPED or FAILED: ready for the next take. */
KtStatus kt_recorder_reset(KtRecorder *r, int64_t now_us);

#define KT_TICK_CANVAS 1 /* a new picture is in kt_recorder_canvas */
#define KT_TICK_STATE 2  /* the session's state changed */
#define KT_TICK_CHUNK 4  /* at least one chunk waits */
/* Does what is due at now_us: composes and encodes at most one frame (where more are due,
 * kt_recorder_next_us is not later than now_us), mixes and encodes sound, ends
 * countdown and take. A tick that comes more than 10 s after the last one (the machine slept)
 * leaves that span out of the take, as a pause, and notes a gap; a take whose countdown ended in
 * that span begins at now_us. busy_us: how long the caller was
 * busy with the last tick (feeds the governor; 0 where unknown). Returns KT_TICK_* flags (>= 0) or
 * a failure; after one the session is FAILED and what was popped so far remains a valid prefix.
 * ERR_ARG and ERR_ORDER (a time that no engine has, or before the last one) change nothing. */
int kt_recorder_tick(KtRecorder *r, int64_t now_us, int64_t wall_us, int64_t busy_us);
/* Engine time when tick wants to be called next. A picture that is pushed may make it earlier. */
int64_t kt_recorder_next_us(const KtRecorder *r, int64_t now_us);

/* The last composed picture, borrowed until the next tick; NULL before the first. */
const KtFrame *kt_recorder_canvas(const KtRecorder *r);
/* Waiting chunks, as kt_file_writer_peek / pop. */
KtStatus kt_recorder_peek_chunk(KtRecorder *r, KtChunk *out);
KtStatus kt_recorder_pop_chunk(KtRecorder *r);
/* Ends the open cluster, so that all that was encoded waits as chunks: the page is hidden or about
 * to close. The take goes on. KT_OK also where no take is live; else as kt_file_writer_flush. */
KtStatus kt_recorder_flush(KtRecorder *r);

const KtSession *kt_recorder_session(const KtRecorder *r);
const KtTimeline *kt_recorder_timeline(const KtRecorder *r);

typedef struct KtRecorderStats {
    int64_t take_us;
    int64_t file_bytes;
    int64_t frames;         /* encoded in this take */
    int64_t frames_dropped; /* slots of the frame rate that passed without a frame */
    double fps;             /* encoded, over the last 2 s */
    /* A frame, by config's clock_us; exponential mean over some 16 frames. */
    double compose_ms, encode_ms;
    int speed, target_fps; /* as the governor set them */
    int64_t audio_late_frames, audio_gap_frames;
    int sources, stalled_sources;
    float peak[KT_MAX_SOURCES]; /* by handle, 0..1, since the last call */
} KtRecorderStats;
void kt_recorder_stats(KtRecorder *r, int64_t now_us, KtRecorderStats *out);
/* Places of the composition's sources at now_us, as kt_compositor_placed. */
int kt_recorder_placed(const KtRecorder *r, int64_t now_us, KtPlacedSource placed[KT_MAX_SOURCES]);

#ifdef __cplusplus
}
#endif
#endif
