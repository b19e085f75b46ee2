/* Translucent pictures. */
#include "compositor_alpha.h"

#include <string.h>

#define CHUNK 512 /* pixels worked on at once, even */

int kt__is_packed(KtPixelFormat format)
{
    return format == KT_PIXEL_RGBA || format == KT_PIXEL_BGRA || format == KT_PIXEL_RGBX ||
           format == KT_PIXEL_BGRX;
}

int kt__is_translucent(const KtFrame *frame)
{
    if (frame->format != KT_PIXEL_RGBA && frame->format != KT_PIXEL_BGRA)
        return 0;
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *row = frame->plane[0] + (ptrdiff_t)y * frame->stride[0];
        uint32_t all = UINT32_MAX, pixel; /* whole pixels: the compiler makes vectors of it */
        uint8_t byte[4];
        for (int x = 0; x < frame->width; x++) {
            memcpy(&pixel, row + (ptrdiff_t)4 * x, sizeof pixel);
            all &= pixel;
        }
        memcpy(byte, &all, sizeof byte);
        if (byte[3] != 255)
            return 1;
    }
    return 0;
}

void kt__alpha_chroma(const uint8_t *row0, const uint8_t *row1, uint8_t *dst, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] =
            (uint8_t)((row0[2 * i] + row0[2 * i + 1] + row1[2 * i] + row1[2 * i + 1] + 2) >> 2);
}

static void invert(uint8_t *row, int n)
{
    for (int i = 0; i < n; i++)
        row[i] = (uint8_t)(255 - row[i]);
}

/* row goes towards black by what alpha lacks. */
static void put_over_black(const KtKernels *kernels, uint8_t *row, const uint8_t *alpha, int black,
                           int n)
{
    uint8_t lack[CHUNK];
    for (int at = 0; at < n; at += CHUNK) {
        int count = n - at < CHUNK ? n - at : CHUNK;
        memcpy(lack, alpha + at, (size_t)count);
        invert(lack, count);
        kernels->blend_mask_value(row + at, black, lack, count);
    }
}

static void take_alpha(const KtFrame *packed, int y, uint8_t *dst)
{
    const uint8_t *row = packed->plane[0] + (ptrdiff_t)y * packed->stride[0];
    for (int x = 0; x < packed->width; x++)
        dst[x] = row[4 * x + 3];
}

/* Chroma row y: the mean alpha of its four pixels, the last column and row repeated. */
static void chroma_over_black(const KtKernels *kernels, const uint8_t *row0, const uint8_t *row1,
                              int y, KtFrame *picture)
{
    uint8_t alpha[CHUNK / 2];
    int pairs = picture->width / 2, odd = picture->width % 2;
    for (int at = 0; at < pairs + odd; at += CHUNK / 2) {
        int count = pairs - at < CHUNK / 2 ? pairs - at : CHUNK / 2;
        kt__alpha_chroma(row0 + 2 * at, row1 + 2 * at, alpha, count);
        if (odd && count < CHUNK / 2) {
            alpha[count] = (uint8_t)((row0[2 * pairs] + row1[2 * pairs] + 1) >> 1);
            count++;
        }
        for (int p = 1; p < 3; p++)
            put_over_black(kernels, picture->plane[p] + (ptrdiff_t)y * picture->stride[p] + at,
                           alpha, 128, count);
    }
}

void kt__alpha_split(const KtKernels *kernels, const KtFrame *packed, KtFrame *picture,
                     KtFrame *alpha)
{
    for (int y = 0; y < packed->height; y++) {
        uint8_t *row = alpha->plane[0] + (ptrdiff_t)y * alpha->stride[0];
        take_alpha(packed, y, row);
        put_over_black(kernels, picture->plane[0] + (ptrdiff_t)y * picture->stride[0], row, 16,
                       packed->width);
        if (y % 2 == 1)
            chroma_over_black(kernels, row - alpha->stride[0], row, y / 2, picture);
        else if (y + 1 == packed->height)
            chroma_over_black(kernels, row, row, y / 2, picture);
    }
}

void kt__alpha_over(const KtKernels *kernels, uint8_t *dst, uint8_t *src, uint8_t *alpha,
                    uint8_t *mask, int black, int n)
{
    for (int i = 0; i < n; i++) {
        int shown = alpha[i] * mask[i] + 128;
        alpha[i] = (uint8_t)((shown + (shown >> 8)) >> 8);
    }
    kernels->blend_mask_value(dst, black, alpha, n);
    invert(mask, n);
    kernels->blend_mask_value(src, black, mask, n);
    for (int i = 0; i < n; i++) {
        int sum = dst[i] + src[i] - black;
        dst[i] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}
