/* Opus through libopus: 48 kHz stereo in, 20 ms packets out. RFC 6716, RFC 7845. */
#ifndef KEEPTAKE_AUDIO_ENCODER_H
#define KEEPTAKE_AUDIO_ENCODER_H

#include "keeptake/opus_packet.h"
#include "keeptake/packet.h"
#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_AUDIO_FRAME_SAMPLES 960 /* a channel: 20 ms */

typedef struct KtAudioEncoder KtAudioEncoder;

typedef struct KtAudioEncoderConfig {
    int bitrate_bps; /* 6,000 .. 510,000 */
    int complexity;  /* 0..10 */
} KtAudioEncoderConfig;

/* config is copied. ERR_ARG, ERR_MEMORY, ERR_CODEC: *out unchanged. */
KtStatus kt_audio_encoder_create(const KtAudioEncoderConfig *config, KtAudioEncoder **out);
/* *encoder may be NULL and becomes it. */
void kt_audio_encoder_destroy(KtAudioEncoder **encoder);
/* Samples at 48 kHz that a decoder must skip at the start (RFC 7845 pre-skip; CodecDelay in WebM).
 * The decoder's output, less these, is the input sample for sample. */
int kt_audio_encoder_pre_skip(const KtAudioEncoder *e);
/* The OpusHead of RFC 7845 section 5.1, WebM's CodecPrivate. */
void kt_audio_encoder_head(const KtAudioEncoder *e, uint8_t head[KT_OPUS_HEAD_BYTES]);
/* Encodes KT_AUDIO_FRAME_SAMPLES interleaved stereo samples (borrowed); out->pts_us counts samples
 * from 0 at the first call (or the last restart), out->data is borrowed until the next call. No
 * allocation. ERR_ARG (a sample is not finite; nothing was taken), ERR_CODEC (stays until restart).
 */
KtStatus kt_audio_encoder_encode(KtAudioEncoder *e, const float *pcm, KtPacket *out);
/* Starts again at 0 with a fresh codec state, no allocation: the same input gives the same bytes as
 * from a new encoder. ERR_CODEC. */
KtStatus kt_audio_encoder_restart(KtAudioEncoder *e);

#ifdef __cplusplus
}
#endif
#endif
