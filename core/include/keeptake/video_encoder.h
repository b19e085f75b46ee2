/* VP9 and VP8 through libvpx, realtime, held to a bitrate. */
#ifndef KEEPTAKE_VIDEO_ENCODER_H
#define KEEPTAKE_VIDEO_ENCODER_H

#include "keeptake/frame.h"
#include "keeptake/packet.h"
#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum KtVideoCodec { KT_VIDEO_VP9 = 0, KT_VIDEO_VP8 = 1 } KtVideoCodec;

typedef struct KtVideoEncoder KtVideoEncoder;

typedef struct KtVideoEncoderConfig {
    KtVideoCodec codec;
    int width, height; /* pixels, even, 2..KT_FRAME_MAX_SIDE */
    int fps;           /* nominal, 1..60; the real rate may vary */
    int bitrate_bps;   /* 50,000 .. 50,000,000 */
    int keyframe_us; /* > 0; a frame this much or more after the last keyframe is one, take time */
    int speed;       /* VP9: 5..9; VP8: 4..16 (libvpx cpu-used -4..-16); higher is faster */
    int threads;     /* 1..16; the bytes don't depend on it. VP8 always uses one */
    KtColorMatrix matrix; /* written into the VP9 bitstream; limited range */
    int screen_content;   /* 1: tuned for shared screens */
} KtVideoEncoderConfig;

/* The bytes depend on the configuration and the frames alone: the same natively and in Wasm.
 * ERR_ARG, ERR_MEMORY, ERR_CODEC. */
KtStatus kt_video_encoder_create(const KtVideoEncoderConfig *config, KtVideoEncoder **out);
void kt_video_encoder_destroy(KtVideoEncoder **encoder);
/* As configured. */
KtVideoCodec kt_video_encoder_codec(const KtVideoEncoder *e);

/* Encodes one I420 frame (borrowed) of the configured size.
 *   pts_us       take clock; must grow: ERR_ORDER
 *   duration_us  > 0, until the next frame is expected
 * The packet, if any, is taken by kt_video_encoder_packet before the next call. ERR_ARG, ERR_CODEC,
 * ERR_MEMORY: the frame is lost, the next one may be tried. */
KtStatus kt_video_encoder_encode(KtVideoEncoder *e, const KtFrame *frame, int64_t pts_us,
                                 int64_t duration_us, int force_keyframe);
/* KT_OK with *out filled, or KT_AGAIN where no packet waits (the rate control dropped the frame).
 */
KtStatus kt_video_encoder_packet(KtVideoEncoder *e, KtPacket *out);
/* Changes effort or bitrate from the next frame on; 0 leaves a value as it is. ERR_ARG, ERR_CODEC.
 */
KtStatus kt_video_encoder_tune(KtVideoEncoder *e, int speed, int bitrate_bps);
/* Tunes for shared screens (1) or for cameras (0) from the next frame on. Screens: sharper where
 * all of the picture changes; a camera's picture would cost more than half as much time again.
 * ERR_ARG, ERR_CODEC. */
KtStatus kt_video_encoder_set_screen(KtVideoEncoder *e, int screen);
/* Changes the picture size; the next frame is a keyframe. The same size: nothing happens. ERR_ARG,
 * ERR_MEMORY, ERR_CODEC: as before the call. */
KtStatus kt_video_encoder_resize(KtVideoEncoder *e, int width, int height);

#ifdef __cplusplus
}
#endif
#endif
