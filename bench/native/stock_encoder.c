/* libvpx's defaults. */
#include "stock_encoder.h"

#include <stdlib.h>

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

struct StockEncoder {
    vpx_codec_ctx_t codec;
    int width, height;
};

static int open_codec(StockEncoder *e, const KtVideoEncoderConfig *c)
{
    vpx_codec_iface_t *interface =
        c->codec == KT_VIDEO_VP9 ? vpx_codec_vp9_cx() : vpx_codec_vp8_cx();
    vpx_codec_enc_cfg_t v;
    if (vpx_codec_enc_config_default(interface, &v, 0) != VPX_CODEC_OK)
        return 0;
    v.g_w = (unsigned)c->width;
    v.g_h = (unsigned)c->height;
    v.g_timebase.num = 1;
    v.g_timebase.den = c->fps;
    v.g_lag_in_frames = 0;
    v.rc_end_usage = VPX_CBR;
    v.rc_target_bitrate = (unsigned)(c->bitrate_bps / 1000);
    return vpx_codec_enc_init(&e->codec, interface, &v, 0) == VPX_CODEC_OK &&
           vpx_codec_control(&e->codec, VP8E_SET_CPUUSED,
                             c->codec == KT_VIDEO_VP9 ? c->speed : -c->speed) == VPX_CODEC_OK;
}

StockEncoder *stock_encoder_create(const KtVideoEncoderConfig *config)
{
    StockEncoder *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->width = config->width;
    e->height = config->height;
    if (!open_codec(e, config))
        stock_encoder_destroy(&e);
    return e;
}

void stock_encoder_destroy(StockEncoder **encoder)
{
    if (!*encoder)
        return;
    vpx_codec_destroy(&(*encoder)->codec);
    free(*encoder);
    *encoder = NULL;
}

const uint8_t *stock_encoder_encode(StockEncoder *e, int n, uint8_t *picture, size_t *bytes)
{
    vpx_image_t image;
    vpx_codec_iter_t iter = NULL;
    const vpx_codec_cx_pkt_t *packet;
    if (!vpx_img_wrap(&image, VPX_IMG_FMT_I420, (unsigned)e->width, (unsigned)e->height, 1,
                      picture) ||
        vpx_codec_encode(&e->codec, &image, n, 1, 0, VPX_DL_REALTIME) != VPX_CODEC_OK)
        return NULL;
    while ((packet = vpx_codec_get_cx_data(&e->codec, &iter)) != NULL)
        if (packet->kind == VPX_CODEC_CX_FRAME_PKT && packet->data.frame.sz > 0) {
            *bytes = packet->data.frame.sz;
            return packet->data.frame.buf;
        }
    return NULL;
}
