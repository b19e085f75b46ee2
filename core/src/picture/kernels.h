/* The compositor's inner loops. Every kernel exists twice: plain C (kernels.c) and SIMD
 * (kernels_simd.h); both give the same bytes. Unless said otherwise dst and sources may be the same
 * row but must not overlap in part, n counts outputs, and nothing beyond n outputs is written. */
#ifndef KT_KERNELS_H
#define KT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that scale_two and scale_many may read beyond the last source pixel they use. */
#define KT_SCALE_OVERREAD 32

/* Eight outputs of the two-tap scaler. Output k is
 *   (src[base + pick[2k]] * left[k] + src[base + pick[2k + 1]] * right[k] + 128) >> 8
 * with left[k] + right[k] = 256 and every pick below 16. */
typedef struct KtTapGroup {
    int32_t base;
    int32_t unused[3];
    uint8_t pick[16];
    uint16_t left[8], right[8];
} KtTapGroup;

/* From Y'CbCr to Y'CbCr, y' = y + (y * y_y + u * y_u + v * y_v) + y_offset and so on, with u and v
 * around 0. y_y and all others in units of 1/32768, u_v .. v_v and y_u, y_v halved;
 * y_offset in 1/64. */
typedef struct KtYuvMatrix {
    int16_t y_y, y_u, y_v;
    int16_t u_u, u_v, v_u, v_v;
    int16_t y_offset;
} KtYuvMatrix;

/* From four bytes in memory order to limited-range Y'CbCr; units of 1/32768. */
typedef struct KtRgbMatrix {
    int16_t y[4], u[4], v[4];
} KtRgbMatrix;

typedef struct KtKernels {
    /* dst = a + (b - a) * weight_b / 256, rounded; weight_b 0..256. */
    void (*blend_rows)(uint8_t *dst, const uint8_t *a, const uint8_t *b, int weight_b, int n);
    /* dst[i] = sum over t of src[t * stride + i] * weights[t] / 256, rounded; weights sum to 256.
     */
    void (*mix_rows)(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                     int taps, int n);
    /* Half the size both ways: dst[i] is the mean of two pixels of either row, rounded up between
     * the rows and down across, so that the mean of many stays what it was. dst may be row0. n
     * outputs. */
    void (*halve_rows)(uint8_t *dst, const uint8_t *row0, const uint8_t *row1, int n);
    /* Horizontal scaler with two taps; groups: (n + 7) / 8 of them. */
    void (*scale_two)(uint8_t *dst, const uint8_t *src, const KtTapGroup *groups, int n);
    /* Horizontal scaler with taps taps (a multiple of 8) an output, weights sum to 256. */
    void (*scale_many)(uint8_t *dst, const uint8_t *src, const int32_t *starts,
                       const int16_t *weights, int taps, int n);
    /* Takes n pairs apart. even and odd are not src. */
    void (*split_pairs)(uint8_t *even, uint8_t *odd, const uint8_t *src, int n);
    /* Two luma rows of 2 * n and their chroma rows of n, in place. */
    void (*convert_yuv)(uint8_t *y0, uint8_t *y1, uint8_t *u, uint8_t *v, const KtYuvMatrix *matrix,
                        int n);
    /* dst = dst + (src - dst) * mask / 255, rounded. */
    void (*blend_mask)(uint8_t *dst, const uint8_t *src, const uint8_t *mask, int n);
    /* The same with one value (0..255) for src. */
    void (*blend_mask_value)(uint8_t *dst, int value, const uint8_t *mask, int n);
    /* dst = mask * factor / 255, rounded; factor 0..255. */
    void (*scale_mask)(uint8_t *dst, const uint8_t *mask, int factor, int n);
    /* n pixels of four bytes. */
    void (*rgb_to_y)(uint8_t *dst, const uint8_t *src, const KtRgbMatrix *matrix, int n);
    /* Two rows of width pixels to (width + 1) / 2 chroma pixels, sited at the left one of each
     * pair: weights 1 2 1 across, 1 1 down. */
    void (*rgb_to_uv)(uint8_t *u, uint8_t *v, const uint8_t *row0, const uint8_t *row1,
                      const KtRgbMatrix *matrix, int width);
} KtKernels;

extern const KtKernels kt__kernels_plain;

/* The fastest kernels this machine runs, or the plain ones. */
const KtKernels *kt__kernels(int force_plain);

#endif
