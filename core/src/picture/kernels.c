/* The plain C twins of the compositor's kernels, and the choice between them and SIMD. */
#include "kernels.h"

static uint8_t clamp_byte(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* value / 255 rounded, for 0 <= value <= 255 * 255 */
static uint8_t div_255(int value)
{
    value += 128;
    return (uint8_t)((value + (value >> 8)) >> 8);
}

/* a * b / 32768 rounded: what i16x8.q15mulr gives for these operands */
static int mul_q15(int a, int b)
{
    return (a * b + 0x4000) >> 15;
}

static void blend_rows(uint8_t *dst, const uint8_t *a, const uint8_t *b, int weight_b, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = (uint8_t)((a[i] * (256 - weight_b) + b[i] * weight_b + 128) >> 8);
}

static void mix_rows(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                     int taps, int n)
{
    for (int i = 0; i < n; i++) {
        int sum = 128;
        for (int t = 0; t < taps; t++)
            sum += src[t * stride + i] * weights[t];
        dst[i] = (uint8_t)(sum >> 8);
    }
}

static int mean_up(int a, int b)
{
    return (a + b + 1) >> 1;
}

/* The second step rounds down, so that on the whole nothing gets brighter or darker. */
static void halve_rows(uint8_t *dst, const uint8_t *row0, const uint8_t *row1, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = (uint8_t)((mean_up(row0[2 * i], row1[2 * i]) +
                            mean_up(row0[2 * i + 1], row1[2 * i + 1])) >>
                           1);
}

static void scale_two(uint8_t *dst, const uint8_t *src, const KtTapGroup *groups, int n)
{
    for (int i = 0; i < n; i++) {
        const KtTapGroup *group = &groups[i >> 3];
        const uint8_t *window = src + group->base;
        int k = i & 7;
        int sum = window[group->pick[2 * k]] * group->left[k] +
                  window[group->pick[2 * k + 1]] * group->right[k];
        dst[i] = (uint8_t)((sum + 128) >> 8);
    }
}

static void scale_many(uint8_t *dst, const uint8_t *src, const int32_t *starts,
                       const int16_t *weights, int taps, int n)
{
    for (int i = 0; i < n; i++) {
        const uint8_t *window = src + starts[i];
        int sum = 128;
        for (int t = 0; t < taps; t++)
            sum += window[t] * weights[t];
        dst[i] = (uint8_t)(sum >> 8);
        weights += taps;
    }
}

static void split_pairs(uint8_t *even, uint8_t *odd, const uint8_t *src, int n)
{
    for (int i = 0; i < n; i++) {
        even[i] = src[2 * i];
        odd[i] = src[2 * i + 1];
    }
}

static uint8_t adjust_luma(int y, int chroma, const KtYuvMatrix *m)
{
    int scaled = y * 64;
    return clamp_byte((scaled + mul_q15(scaled, m->y_y) + chroma + 32) >> 6);
}

static void convert_yuv(uint8_t *y0, uint8_t *y1, uint8_t *u, uint8_t *v, const KtYuvMatrix *matrix,
                        int n)
{
    const KtYuvMatrix *m = matrix;
    for (int i = 0; i < n; i++) {
        int cb = (u[i] - 128) * 128, cr = (v[i] - 128) * 128;
        int chroma = mul_q15(cb, m->y_u) + mul_q15(cr, m->y_v) + m->y_offset;
        y0[2 * i] = adjust_luma(y0[2 * i], chroma, m);
        y0[2 * i + 1] = adjust_luma(y0[2 * i + 1], chroma, m);
        y1[2 * i] = adjust_luma(y1[2 * i], chroma, m);
        y1[2 * i + 1] = adjust_luma(y1[2 * i + 1], chroma, m);
        u[i] = clamp_byte((mul_q15(cb, m->u_u) + mul_q15(cr, m->u_v) + 128 * 64 + 32) >> 6);
        v[i] = clamp_byte((mul_q15(cb, m->v_u) + mul_q15(cr, m->v_v) + 128 * 64 + 32) >> 6);
    }
}

static void blend_mask(uint8_t *dst, const uint8_t *src, const uint8_t *mask, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = div_255(src[i] * mask[i] + dst[i] * (255 - mask[i]));
}

static void blend_mask_value(uint8_t *dst, int value, const uint8_t *mask, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = div_255(value * mask[i] + dst[i] * (255 - mask[i]));
}

static void scale_mask(uint8_t *dst, const uint8_t *mask, int factor, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = div_255(mask[i] * factor);
}

static void rgb_to_y(uint8_t *dst, const uint8_t *src, const KtRgbMatrix *matrix, int n)
{
    const int16_t *k = matrix->y;
    for (int i = 0; i < n; i++, src += 4) {
        int sum = src[0] * k[0] + src[1] * k[1] + src[2] * k[2] + src[3] * k[3];
        dst[i] = clamp_byte((sum + (16 << 15) + (1 << 14)) >> 15);
    }
}

static void rgb_to_uv(uint8_t *u, uint8_t *v, const uint8_t *row0, const uint8_t *row1,
                      const KtRgbMatrix *matrix, int width)
{
    for (int i = 0; 2 * i < width; i++) {
        int here = 8 * i;
        int before = i > 0 ? here - 4 : here;
        int after = 2 * i + 1 < width ? here + 4 : here;
        int cb = (128 << 18) + (1 << 17), cr = cb;
        for (int b = 0; b < 4; b++) {
            int sum = row0[before + b] + row1[before + b] + 2 * (row0[here + b] + row1[here + b]) +
                      row0[after + b] + row1[after + b];
            cb += sum * matrix->u[b];
            cr += sum * matrix->v[b];
        }
        u[i] = clamp_byte(cb >> 18);
        v[i] = clamp_byte(cr >> 18);
    }
}

const KtKernels kt__kernels_plain = {
    .blend_rows = blend_rows,
    .mix_rows = mix_rows,
    .halve_rows = halve_rows,
    .scale_two = scale_two,
    .scale_many = scale_many,
    .split_pairs = split_pairs,
    .convert_yuv = convert_yuv,
    .blend_mask = blend_mask,
    .blend_mask_value = blend_mask_value,
    .scale_mask = scale_mask,
    .rgb_to_y = rgb_to_y,
    .rgb_to_uv = rgb_to_uv,
};

#if defined(__wasm_simd128__)
extern const KtKernels kt__kernels_simd128;
#elif defined(__x86_64__)
extern const KtKernels kt__kernels_sse41;
#elif defined(__aarch64__)
extern const KtKernels kt__kernels_neon;
#endif

const KtKernels *kt__kernels(int force_plain)
{
    if (force_plain)
        return &kt__kernels_plain;
#if defined(__wasm_simd128__)
    return &kt__kernels_simd128;
#elif defined(__x86_64__)
    return __builtin_cpu_supports("sse4.1") ? &kt__kernels_sse41 : &kt__kernels_plain;
#elif defined(__aarch64__)
    return &kt__kernels_neon;
#else
    return &kt__kernels_plain;
#endif
}
