/* The engine: sources in, chunks of a take out. Ties compositor, mixer, encoders, writer, session
 * and timeline together; the only part of the core that knows the others. Runs in the browser's
 * worker (Wasm) and natively alike. Single-threaded towards its caller. No clock of its own: now_us
 * is the engine clock, monotonic microseconds from any origin within +-2e15 (ERR_ARG); wall_us is
 * Unix time. What is recorded never depends on a clock. docs/engine.md. */
#ifndef KEEPTAKE_RECORDER_H
#define KEEPTAKE_RECORDER_H

#include "keeptake/compositor.h"
#include "keeptake/file_writer.h"
#include "keeptake/mixer.h"
#include "keeptake/session.h"
#include "keeptake/timeline.h"
#include "keeptake/video_port.h"

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
    /* Any monotonic clock, microseconds: read only around composing and encoding, to tell what they
     * cost (KtRecorderStats). NULL (default): costs stay 0. */
    int64_t (*clock_us)(void *clock_context);
    void *clock_context; /* borrowed for the recorder's life */
    /* Makes the encoder of each take, of codec's packets unless it says otherwise (format); NULL:
     * libvpx. With one that works for itself a slot for which it is behind is dropped, and after
     * stop, while the session is STOPPING, ticks go on until its last packets are in the file
     * (peek_chunk: KT_END). */
    KtVideoPortOpen open_video;
    void *open_video_context; /* borrowed for the recorder's life */
    KtLimits limits;
} KtRecorderConfig;

/* Of all calls: r is a recorder of kt_recorder_create; NULL is ERR_ARG, and for calls that return
 * no status nothing: 0, NULL. Unless it says otherwise a call that fails changes nothing, one
 * without states is allowed in every state, and wall_us only ends up in the timeline, cut to what
 * that can hold. Text and pixels are borrowed for the call.
 *
 * States are those of session.h; in any other than those named a call is ERR_STATE. Of calls that
 * change the state, and of tick, a now_us outside the engine clock's range is ERR_ARG, one before
 * that of the last such call ERR_ORDER. */

/* 1280x720, 30, VP9, 2.5 Mbit/s, 128 kbit/s and the defaults above. config: filled; NULL: nothing
 * happens. */
void kt_recorder_config_init(KtRecorderConfig *config);
/* config is copied. *out: filled, in SETUP, destroyed by kt_recorder_destroy. ERR_ARG (a field
 * outside its range), ERR_MEMORY: *out unchanged. */
KtStatus kt_recorder_create(const KtRecorderConfig *config, KtRecorder **out);
/* In every state, with chunks waiting and frames out too: those are freed by their own unref.
 * *recorder may be NULL and becomes it. */
void kt_recorder_destroy(KtRecorder **recorder);

/* ---- sources: who is there ---- */

/* A person's picture and sound, under one handle (0..KT_MAX_SOURCES - 1, the smallest one free).
 *   id    as KT_ID_BYTES says; the composition's name for it
 *   name  for people, in the timeline; UTF-8, cut at 200 bytes; NULL: none
 * Returns the handle >= 0, ERR_ARG (bad id, or one that is there), ERR_LIMIT, ERR_MEMORY. In a take
 * noted. */
int kt_recorder_add_source(KtRecorder *r, const char *id, const char *name, int has_video,
                           int has_audio, int64_t now_us, int64_t wall_us);
/* It leaves the picture with the composition's transition, its sound fades out; the handle is free
 * at once. ERR_NOT_FOUND: also the second time. In a take noted. */
KtStatus kt_recorder_remove_source(KtRecorder *r, int handle, int64_t now_us, int64_t wall_us);
/* An empty frame to fill; *out: one reference, the caller's. As kt_frame_acquire: ERR_ARG,
 * ERR_LIMIT (drop the picture), ERR_MEMORY. */
KtStatus kt_recorder_acquire_frame(KtRecorder *r, KtPixelFormat format, int width, int height,
                                   KtFrame **out);
/* The source's newest picture, which came at now_us. frame: the reference is taken, in case of
 * failure too. Pictures may wait for their slot; of too many (48, 10 of a source, 96 MiB) the
 * oldest are dropped. ERR_NOT_FOUND (no such source, or one without video), ERR_ARG (NULL, or a
 * frame that nobody can draw). */
KtStatus kt_recorder_push_frame(KtRecorder *r, int handle, KtFrame *frame, int64_t now_us);
/* The source stands still and is not stalled, as kt_compositor_keep_picture. Calling it again only
 * renews that. ERR_NOT_FOUND. */
KtStatus kt_recorder_keep_picture(KtRecorder *r, int handle, int64_t now_us);
/* screen 1: the source is a shared screen; 0, as at first: a camera. While screens cover more than
 * half of the canvas the encoder is tuned for them. ERR_NOT_FOUND. */
KtStatus kt_recorder_set_screen(KtRecorder *r, int handle, int screen);
/* Sound of a source, as kt_mixer_push; pts_us is engine clock. ERR_NOT_FOUND (no such source, or
 * one without audio), ERR_ARG, ERR_MEMORY. */
KtStatus kt_recorder_push_audio(KtRecorder *r, int handle, int64_t pts_us, int rate_hz,
                                int channels, const float *const *pcm, int frames);
/* Linear, 0..8, as kt_mixer_set_gain; at first 1. ERR_ARG, ERR_NOT_FOUND. */
KtStatus kt_recorder_set_gain(KtRecorder *r, int handle, float gain);
/* Sound silent, picture replaced by the placeholder. KT_OK also where both are so already; a change
 * is noted in a take. ERR_NOT_FOUND. */
KtStatus kt_recorder_set_muted(KtRecorder *r, int handle, int audio_muted, int video_muted,
                               int64_t now_us, int64_t wall_us);

/* ---- the picture: how they are shown ---- */

/* Composition JSON (docs/composition.md). error (may be NULL): on failure filled with a sentence.
 * As kt_composition_parse: ERR_ARG, ERR_LIMIT, ERR_MEMORY. In a take noted, where another came less
 * than 40 ms before instead of that. */
KtStatus kt_recorder_set_composition(KtRecorder *r, const char *json, size_t json_bytes,
                                     int64_t now_us, int64_t wall_us, char *error,
                                     size_t error_bytes);
/* An image for backgrounds, 8 at most; one of that id is replaced. rgba: straight alpha, rows
 * stride_bytes apart. ERR_ARG, ERR_LIMIT, ERR_MEMORY. */
KtStatus kt_recorder_set_image(KtRecorder *r, const char *id, const uint8_t *rgba, int width,
                               int height, int stride_bytes);
/* A background that names it shows its colour. ERR_NOT_FOUND: also the second time. */
KtStatus kt_recorder_remove_image(KtRecorder *r, const char *id);
/* A sprite, as kt_compositor_show_sprite; one of that id is replaced. A hook is noted in a take
 * with its text (UTF-8, cut at 512 bytes; NULL: none). ERR_ARG, ERR_LIMIT, ERR_MEMORY. */
KtStatus kt_recorder_show_sprite(KtRecorder *r, const char *id, KtSpriteKind kind,
                                 const char *source_id, const char *text, const uint8_t *rgba,
                                 int width, int height, int stride_bytes, int64_t now_us,
                                 int64_t wall_us);
/* It fades out; a hook's end is noted in a take. ERR_NOT_FOUND: also the second time. */
KtStatus kt_recorder_hide_sprite(KtRecorder *r, const char *id, int64_t now_us, int64_t wall_us);
/* RECORDING, PAUSED. A note of the caller's own (event "mark"), as kt_timeline_add: data_json is a
 * JSON object or NULL; ERR_FORMAT, ERR_LIMIT, ERR_MEMORY; ERR_ARG for a wall_us that is none. */
KtStatus kt_recorder_mark(KtRecorder *r, const char *data_json, int64_t now_us, int64_t wall_us);

/* ---- the take: states ---- */

/* SETUP, COUNTDOWN; in other states 0. Encodes one picture that nobody sees, with an encoder of the
 * take's settings, so that the first second of a take is as fast as the others; after the last one
 * (36 in all, none where last is 1), and before each further take, makes the encoder that the next
 * start takes. As long as encoding one picture takes. Returns 1 while more calls are of use, 0 from
 * then on, and where it cannot be done; a take that begins ends it. */
int kt_recorder_warm_up(KtRecorder *r, int last);

/* SETUP -> COUNTDOWN, or RECORDING with countdown_us 0 (0 .. 60 s, else ERR_ARG). Makes encoders
 * and file: ERR_MEMORY, ERR_CODEC, ERR_REFUSED (recording is not enabled): still SETUP. Without a
 * countdown the first picture is recorded at once, where its moment is not a little later
 * (follow_pictures); where that fails, that status is returned and the session is FAILED. Effort
 * and picture rate that the governor found in a take before are kept. The timeline, empty until a
 * take begins, begins with everything that stands at its start. */
KtStatus kt_recorder_start(KtRecorder *r, int64_t now_us, int64_t wall_us, int64_t countdown_us);
/* COUNTDOWN -> SETUP. */
KtStatus kt_recorder_cancel(KtRecorder *r, int64_t now_us);
/* RECORDING -> PAUSED. Records the pictures that are due first: where that fails, that status is
 * returned and the session is FAILED. */
KtStatus kt_recorder_pause(KtRecorder *r, int64_t now_us, int64_t wall_us);
/* PAUSED -> RECORDING. */
KtStatus kt_recorder_resume(KtRecorder *r, int64_t now_us, int64_t wall_us);
/* RECORDING, PAUSED -> STOPPING. KT_OK also where the longest take ended by itself just then; later
 * it is ERR_STATE like any second stop. The last chunks wait; the caller drains and stores them and
 * calls stopped. Where encoding the rest fails, that status is returned and the session is FAILED.
 */
KtStatus kt_recorder_stop(KtRecorder *r, int64_t now_us, int64_t wall_us);
/* STOPPING -> STOPPED: all is stored. ERR_STATE also while the encoder has not given all. */
KtStatus kt_recorder_stopped(KtRecorder *r, int64_t now_us);
/* RECORDING, PAUSED -> SETUP. The take and the chunks that wait are dropped, sources stay. */
KtStatus kt_recorder_restart(KtRecorder *r, int64_t now_us, int64_t wall_us);
/* SETUP, COUNTDOWN, RECORDING, PAUSED, STOPPING -> FAILED, for a reason of the caller's (< 0, else
 * ERR_ARG). What was encoded waits as chunks, a whole prefix of the file. */
KtStatus kt_recorder_fail(KtRecorder *r, int64_t now_us, int64_t wall_us, KtStatus why);
/* STOPPED, FAILED -> SETUP: ready for the next take. Chunks that wait and the timeline are dropped.
 */
KtStatus kt_recorder_reset(KtRecorder *r, int64_t now_us);

/* ---- time ---- */

#define KT_TICK_CANVAS 1 /* a new picture is in kt_recorder_canvas */
#define KT_TICK_STATE 2  /* the session's state changed */
#define KT_TICK_CHUNK 4  /* at least one chunk waits */
/* Does what is due at now_us: composes and encodes at most one frame (where more are due,
 * kt_recorder_next_us is not later than now_us), mixes and encodes sound, ends countdown and take.
 * A second call at the same time finds nothing to do. A tick that comes more than 10 s after the
 * last one (the machine slept) leaves that span out of the take, as a pause, and notes a gap; a
 * take whose countdown ended in that span begins at now_us.
 *   busy_us  how long the caller was busy with the last tick (feeds the governor); 0: not known
 * Returns KT_TICK_* flags (>= 0), ERR_ARG and ERR_ORDER, or another failure: the session is FAILED,
 * and what was popped so far remains a valid prefix. */
int kt_recorder_tick(KtRecorder *r, int64_t now_us, int64_t wall_us, int64_t busy_us);
/* Engine time when tick wants to be called next, not before now_us. A picture that is pushed may
 * make it earlier. */
int64_t kt_recorder_next_us(const KtRecorder *r, int64_t now_us);

/* ---- what comes out ---- */

/* The last composed picture, borrowed until the next tick, start, pause or stop; NULL before the
 * first. */
const KtFrame *kt_recorder_canvas(const KtRecorder *r);
/* The oldest waiting chunk, as kt_file_writer_peek: KT_OK; KT_AGAIN where none waits or there is no
 * take yet; KT_END after the take's last one. out->data: borrowed until it is popped. The same
 * until then. */
KtStatus kt_recorder_peek_chunk(KtRecorder *r, KtChunk *out);
/* Frees the chunk that peek gave. ERR_STATE where none waits. */
KtStatus kt_recorder_pop_chunk(KtRecorder *r);
/* Ends the open cluster, so that all that was encoded waits as chunks: the page is hidden or about
 * to close. The take goes on. KT_OK also where no take is live, and where nothing is new;
 * ERR_MEMORY: the file takes nothing any more. */
KtStatus kt_recorder_flush(KtRecorder *r);

/* Borrowed, as long as the recorder is there; the session changes with its state. */
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
/* *out: filled; the peaks begin anew. */
void kt_recorder_stats(KtRecorder *r, int64_t now_us, KtRecorderStats *out);
/* Places of the composition's sources at now_us, as kt_compositor_placed. Returns their count. */
int kt_recorder_placed(const KtRecorder *r, int64_t now_us, KtPlacedSource placed[KT_MAX_SOURCES]);

#ifdef __cplusplus
}
#endif
#endif
