/* PSNR, SSIM and libvpx's decoder. */
#include "picture_quality.h"

#include <math.h>
#include <stdlib.h>

#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

struct PictureDecoder {
    vpx_codec_ctx_t codec;
};

double picture_psnr(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride,
                    PictureArea area)
{
    int64_t sum = 0;
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++) {
            const int d = a[y * a_stride + x] - b[y * b_stride + x];
            sum += d * d;
        }
    if (sum == 0)
        return 100;
    return 10 * log10(255.0 * 255.0 * area.width * area.height / (double)sum);
}

static double window_ssim(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride)
{
    const double c1 = 6.5025 * 64 * 64, c2 = 58.5225 * 64 * 64;
    int64_t sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            const int p = a[y * a_stride + x], q = b[y * b_stride + x];
            sa += p;
            sb += q;
            saa += p * p;
            sbb += q * q;
            sab += p * q;
        }
    const double mean = 2.0 * (double)(sa * sb) + c1, means = (double)(sa * sa + sb * sb) + c1;
    const double covariance = 2.0 * (double)(64 * sab - sa * sb) + c2;
    const double variances = (double)(64 * saa - sa * sa + 64 * sbb - sb * sb) + c2;
    return mean * covariance / (means * variances);
}

double picture_ssim(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride,
                    PictureArea area)
{
    double sum = 0;
    int count = 0;
    for (int y = area.y; y + 8 <= area.y + area.height; y += 4)
        for (int x = area.x; x + 8 <= area.x + area.width; x += 4, count++)
            sum += window_ssim(a + y * a_stride + x, a_stride, b + y * b_stride + x, b_stride);
    return count > 0 ? sum / count : 1;
}

PictureDecoder *picture_decoder_create(KtVideoCodec codec)
{
    PictureDecoder *d = calloc(1, sizeof *d);
    vpx_codec_iface_t *interface = codec == KT_VIDEO_VP9 ? vpx_codec_vp9_dx() : vpx_codec_vp8_dx();
    if (d && vpx_codec_dec_init(&d->codec, interface, NULL, 0) == VPX_CODEC_OK)
        return d;
    free(d);
    return NULL;
}

void picture_decoder_destroy(PictureDecoder **decoder)
{
    if (!*decoder)
        return;
    vpx_codec_destroy(&(*decoder)->codec);
    free(*decoder);
    *decoder = NULL;
}

const uint8_t *picture_decoder_decode(PictureDecoder *d, const uint8_t *data, size_t bytes,
                                      int width, int height, int *stride)
{
    vpx_codec_iter_t iter = NULL;
    if (vpx_codec_decode(&d->codec, data, (unsigned)bytes, NULL, 0) != VPX_CODEC_OK)
        return NULL;
    const vpx_image_t *image = vpx_codec_get_frame(&d->codec, &iter);
    if (!image || (int)image->d_w != width || (int)image->d_h != height)
        return NULL;
    *stride = image->stride[VPX_PLANE_Y];
    return image->planes[VPX_PLANE_Y];
}
