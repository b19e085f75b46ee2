/* One take file in the making, without a stage: pictures and sound come with their own take times,
 * or as packets that were made elsewhere, and go out as chunks (file_writer.h). Any rate of
 * pictures, an even one or not; video alone and sound alone too. The recorder puts its composed
 * pictures and its mix into one; whoever has a single source uses it as it is. No clock, no
 * pauses: the caller's timestamps are the take. docs/engine.md. */
#ifndef KEEPTAKE_TAKE_H
#define KEEPTAKE_TAKE_H

#include "keeptake/file_writer.h"
#include "keeptake/video_port.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct KtTake KtTake;

typedef struct KtTakeConfig {
    /* The file: which tracks there are (has_video, has_audio) and what it says of them. fps 0 for a
     * rate that varies. Where sound is encoded here, its codec, rate and channels are filled in;
     * video.codec_id NULL: the encoder says what its packets are. */
    KtFileConfig file;
    KtContainer container; /* of the file */
    KtVideoPort video;     /* encodes pictures of file.width x file.height; empty: packets come */
    int audio_bitrate_bps; /* encodes sound, 6,000 .. 510,000; 0: packets come */
    /* Pictures may be ahead of sound by so much, 0 .. 1,000,000: then what sound is missing is
     * silence, and is dropped where it comes after all. */
    int64_t audio_wait_us;
} KtTakeConfig;

/* Sound of 128 kbit/s, clusters of 250 ms, a wait of 500 ms; tracks, size, rate and encoder are
 * left to be set. */
void kt_take_config_init(KtTakeConfig *config);

/* config is copied; on success its encoder is the take's. The file's header waits as a chunk at
 * once, or, where the encoder tells what its packets are with the first of them, then (sound of up
 * to 10 s waits for it, ERR_LIMIT). ERR_ARG, ERR_MEMORY, ERR_CODEC: nothing moved. */
KtStatus kt_take_create(const KtTakeConfig *config, KtTake **out);
/* In every state; the encoder is destroyed, chunks that wait are dropped. *take may be NULL. */
void kt_take_destroy(KtTake **take);

/* Encodes one picture (borrowed for this call).
 *   pts_us          take time, microseconds, >= 0; grows from call to call: ERR_ORDER
 *   duration_us     until the next picture is expected; 0: as long as the last one was shown, at
 *                   first 1/30 s
 *   force_keyframe  1: a player can begin here
 * Another size than the last picture's makes the encoder change to it; that picture is a keyframe.
 * ERR_ARG where it cannot, or the frame is not one for this encoder (libvpx: I420, even sides).
 * KT_AGAIN: an encoder that works for itself is behind; the picture was not taken. Drop it, or call
 * again; a keyframe that was asked for comes with the next one taken. ERR_STATE (finished, or no
 * encoder), ERR_CODEC, ERR_MEMORY, ERR_LIMIT: this picture is lost, the take can go on. */
KtStatus kt_take_picture(KtTake *t, const KtFrame *frame, int64_t pts_us, int64_t duration_us,
                         int force_keyframe);
/* Encodes sound (borrowed for this call), as kt_mixer_push; pts_us is take time, frames 1..
 * KT_MIX_MAX_PUSH_FRAMES. A gap is filled with silence, an overlap and what lies before 0 are
 * dropped, small differences are pulled back unheard. ERR_ARG, ERR_STATE (finished, or sound is not
 * encoded here), ERR_MEMORY, ERR_CODEC, ERR_LIMIT. */
KtStatus kt_take_sound(KtTake *t, int64_t pts_us, int rate_hz, int channels,
                       const float *const *pcm, int frames);
/* A packet made elsewhere, as kt_file_writer_add (copied); its track must not be encoded here:
 * ERR_STATE. The first one of video is a keyframe: ERR_ARG. */
KtStatus kt_take_packet(KtTake *t, const KtPacket *packet);
/* From the next keyframe on pictures that come as packets have another size, 1..16383 a side; the
 * file states the largest. ERR_ARG, ERR_STATE (finished, no video, or it is encoded here). */
KtStatus kt_take_resize(KtTake *t, int width, int height);
/* Takes what the encoder has done meanwhile. Of no use with libvpx. KT_OK, also where nothing was
 * done; as kt_take_picture else. */
KtStatus kt_take_pump(KtTake *t);

/* Changes what the encoder aims at from the next picture on. KT_OK also where it cannot, or there
 * is none. */
KtStatus kt_take_tune(KtTake *t, const KtVideoTuning *tuning);
/* Goes on with another encoder of the same codec, say as the one before it fails: what that still
 * had is taken where it is done, else lost, and it is destroyed. The next picture is a keyframe.
 * video is taken. ERR_ARG, ERR_STATE: nothing moved. */
KtStatus kt_take_replace_encoder(KtTake *t, const KtVideoPort *video);

/* Ends the open cluster: all packets so far wait as chunks. Sound of the last 20 ms, and pictures
 * that the encoder has not done, are not among them. As kt_file_writer_flush. */
KtStatus kt_take_flush(KtTake *t);
/* Ends the take: encodes what is left, ends the file. duration_us: its length; sound after it is
 * left out, sound encoded here is silent up to it; 0: as long as what came. KT_OK; KT_AGAIN: the
 * encoder is not done, call again later with the same length (nothing else is accepted any more).
 * Another failure of encoding is returned, but the file is finished all the same, with what there
 * is: sound alone where the encoder never said what its packets are. ERR_STATE: finished already.
 */
KtStatus kt_take_finish(KtTake *t, int64_t duration_us);

/* Waiting chunks, as kt_file_writer_peek and pop. */
KtStatus kt_take_peek_chunk(const KtTake *t, KtChunk *out);
KtStatus kt_take_pop_chunk(KtTake *t);

/* Bytes of the file so far; and those of them that wait as chunks or in the open cluster's order.
 * 0 for NULL. */
int64_t kt_take_bytes(const KtTake *t);
int64_t kt_take_waiting_bytes(const KtTake *t);

#ifdef __cplusplus
}
#endif
#endif
