/* The encoder port: how a take has its pictures encoded, by whom it does not know. Behind it stands
 * libvpx in this process (kt_video_encoder_port), or anything else that takes pictures and gives
 * packets, at once or later: a thread, a browser's own encoder, hardware.
 *
 * One caller, one thread. Nothing here blocks: what is not done yet is asked for again. */
#ifndef KEEPTAKE_VIDEO_PORT_H
#define KEEPTAKE_VIDEO_PORT_H

#include "keeptake/video_encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct KtVideoTuning {
    int speed;       /* as KtVideoEncoderConfig; 0: as it is */
    int bitrate_bps; /* 0: as it is */
    int screen;      /* 1: for shared screens, 0: for cameras, -1: as it is */
} KtVideoTuning;

/* What packets are, as Matroska names codecs and describes them (file_writer.h). */
typedef struct KtVideoFormat {
    const char *codec_id;         /* "V_VP9"; static, or the encoder's */
    const uint8_t *codec_private; /* the encoder's; NULL: none */
    size_t codec_private_bytes;
} KtVideoFormat;

/* What an encoder can do. context is the encoder's own. A status < 0 of any call means that the
 * picture, or the packet, is lost; the next one may be tried. */
typedef struct KtVideoPortCalls {
    /* Takes one picture to be encoded.
     *   frame           borrowed for this call: what outlives it is copied
     *   pts_us          take time, microseconds; grows from call to call
     *   duration_us     > 0, until the next picture is expected
     *   force_keyframe  1: its packet is a keyframe. The first picture's is one anyhow
     * KT_OK; KT_AGAIN: too many are being encoded, it was not taken; ERR_*. */
    KtStatus (*submit)(void *context, const KtFrame *frame, int64_t pts_us, int64_t duration_us,
                       int force_keyframe);
    /* The oldest packet that is done, each picture's once, in the order of pictures; a picture may
     * have none. out->data: borrowed until the next call of the port but format. KT_OK; KT_AGAIN:
     * none is done yet; ERR_*. */
    KtStatus (*packet)(void *context, KtPacket *out);
    /* What its packets are, the same for all of them; what out points to stays for a call of
     * packet. KT_OK; KT_AGAIN: it is known with the first packet, and asked for after that came.
     * NULL: whoever uses the encoder knows. */
    KtStatus (*format)(void *context, KtVideoFormat *out);
    /* No picture comes any more. KT_OK: every packet there will be can be taken now; KT_AGAIN: some
     * are being made, ask again; ERR_*: what is not done is lost. */
    KtStatus (*drain)(void *context);
    /* From the next picture on. An encoder that cannot answers KT_OK. May be NULL. */
    KtStatus (*tune)(void *context, const KtVideoTuning *tuning);
    /* Pictures have another size from the next one on, which becomes a keyframe. ERR_*: the size
     * stays. NULL: the size never changes. */
    KtStatus (*resize)(void *context, int width, int height);
    /* Gives everything back, packets that were not taken too. */
    void (*destroy)(void *context);
} KtVideoPortCalls;

typedef struct KtVideoPort {
    const KtVideoPortCalls *calls; /* static; NULL: no encoder */
    void *context;
} KtVideoPort;

/* An encoder of libvpx behind the port, which owns it from now on: calls->destroy destroys it. It
 * encodes within submit, so a packet is done when submit returns. */
KtVideoPort kt_video_encoder_port(KtVideoEncoder *encoder);
/* Destroys what is behind the port; *port is empty afterwards. port->calls may be NULL. */
void kt_video_port_destroy(KtVideoPort *port);

/* Makes an encoder: as kt_video_encoder_create, with the context given beside it. On success out is
 * the caller's. */
typedef KtStatus (*KtVideoPortOpen)(void *context, const KtVideoEncoderConfig *config,
                                    KtVideoPort *out);

#ifdef __cplusplus
}
#endif
#endif
