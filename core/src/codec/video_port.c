/* libvpx behind the encoder port. */
#include "keeptake/video_port.h"

static KtStatus submit(void *context, const KtFrame *frame, int64_t pts_us, int64_t duration_us,
                       int force_keyframe)
{
    return kt_video_encoder_encode(context, frame, pts_us, duration_us, force_keyframe);
}

static KtStatus packet(void *context, KtPacket *out)
{
    return kt_video_encoder_packet(context, out);
}

static KtStatus format(void *context, KtVideoFormat *out)
{
    out->codec_id = kt_video_encoder_codec(context) == KT_VIDEO_VP9 ? "V_VP9" : "V_VP8";
    out->codec_private = NULL;
    out->codec_private_bytes = 0;
    return KT_OK;
}

static KtStatus drain(void *context)
{
    (void)context;
    return KT_OK;
}

static KtStatus tune(void *context, const KtVideoTuning *tuning)
{
    KtStatus status = kt_video_encoder_tune(context, tuning->speed, tuning->bitrate_bps);
    if (status != KT_OK || tuning->screen < 0)
        return status;
    return kt_video_encoder_set_screen(context, tuning->screen);
}

static KtStatus resize(void *context, int width, int height)
{
    return kt_video_encoder_resize(context, width, height);
}

static void destroy(void *context)
{
    KtVideoEncoder *encoder = context;
    kt_video_encoder_destroy(&encoder);
}

KtVideoPort kt_video_encoder_port(KtVideoEncoder *encoder)
{
    static const KtVideoPortCalls calls = {submit, packet, format, drain, tune, resize, destroy};
    const KtVideoPort port = {encoder ? &calls : NULL, encoder};
    return port;
}

void kt_video_port_destroy(KtVideoPort *port)
{
    if (!port || !port->calls)
        return;
    port->calls->destroy(port->context);
    port->calls = NULL;
    port->context = NULL;
}
