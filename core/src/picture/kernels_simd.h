/* The SIMD kernels, written once with the intrinsics of wasm_simd128.h. Included by one .c file for
 * each instruction set, which defines KT_SIMD_TABLE, the name of its function table. */
#include "kernels.h"

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include "simde/wasm/simd128.h"
#endif

#include <string.h>

static v128_t low_half(v128_t bytes)
{
    return wasm_u16x8_extend_low_u8x16(bytes);
}

static v128_t high_half(v128_t bytes)
{
    return wasm_u16x8_extend_high_u8x16(bytes);
}

static v128_t round_shift_8(v128_t words)
{
    return wasm_u16x8_shr(wasm_i16x8_add(words, wasm_i16x8_splat(128)), 8);
}

static v128_t div_255(v128_t words)
{
    v128_t biased = wasm_i16x8_add(words, wasm_i16x8_splat(128));
    return wasm_u16x8_shr(wasm_i16x8_add(biased, wasm_u16x8_shr(biased, 8)), 8);
}

static void blend_rows(uint8_t *dst, const uint8_t *a, const uint8_t *b, int weight_b, int n)
{
    v128_t wa = wasm_i16x8_splat((int16_t)(256 - weight_b));
    v128_t wb = wasm_i16x8_splat((int16_t)weight_b);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        v128_t a0 = wasm_u16x8_load8x8(a + i), a1 = wasm_u16x8_load8x8(a + i + 8);
        v128_t b0 = wasm_u16x8_load8x8(b + i), b1 = wasm_u16x8_load8x8(b + i + 8);
        v128_t low = wasm_i16x8_add(wasm_i16x8_mul(a0, wa), wasm_i16x8_mul(b0, wb));
        v128_t high = wasm_i16x8_add(wasm_i16x8_mul(a1, wa), wasm_i16x8_mul(b1, wb));
        wasm_v128_store(dst + i, wasm_u8x16_narrow_i16x8(round_shift_8(low), round_shift_8(high)));
    }
    kt__kernels_plain.blend_rows(dst + i, a + i, b + i, weight_b, n - i);
}

static void mix_rows(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, const int16_t *weights,
                     int taps, int n)
{
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        v128_t low = wasm_i16x8_splat(128), high = low;
        const uint8_t *row = src + i;
        for (int t = 0; t < taps; t++, row += stride) {
            v128_t weight = wasm_v128_load16_splat(weights + t);
            v128_t r0 = wasm_u16x8_load8x8(row), r1 = wasm_u16x8_load8x8(row + 8);
            low = wasm_i16x8_add(low, wasm_i16x8_mul(r0, weight));
            high = wasm_i16x8_add(high, wasm_i16x8_mul(r1, weight));
        }
        wasm_v128_store(dst + i,
                        wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(low, 8), wasm_u16x8_shr(high, 8)));
    }
    kt__kernels_plain.mix_rows(dst + i, src + i, stride, weights, taps, n - i);
}

static void halve_rows(uint8_t *dst, const uint8_t *row0, const uint8_t *row1, int n)
{
    v128_t low_byte = wasm_i16x8_splat(0xff);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        const uint8_t *p0 = row0 + 2 * i, *p1 = row1 + 2 * i;
        v128_t a = wasm_u8x16_avgr(wasm_v128_load(p0), wasm_v128_load(p1));
        v128_t b = wasm_u8x16_avgr(wasm_v128_load(p0 + 16), wasm_v128_load(p1 + 16));
        v128_t even =
            wasm_u8x16_narrow_i16x8(wasm_v128_and(a, low_byte), wasm_v128_and(b, low_byte));
        v128_t odd = wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(a, 8), wasm_u16x8_shr(b, 8));
        wasm_v128_store(dst + i,
                        wasm_v128_not(wasm_u8x16_avgr(wasm_v128_not(even), wasm_v128_not(odd))));
    }
    kt__kernels_plain.halve_rows(dst + i, row0 + 2 * i, row1 + 2 * i, n - i);
}

static v128_t scale_group(const uint8_t *src, const KtTapGroup *group)
{
    v128_t window = wasm_v128_load(src + group->base);
    v128_t pairs = wasm_i8x16_swizzle(window, wasm_v128_load(group->pick));
    v128_t left = wasm_v128_and(pairs, wasm_i16x8_splat(0xff));
    v128_t right = wasm_u16x8_shr(pairs, 8);
    return round_shift_8(wasm_i16x8_add(wasm_i16x8_mul(left, wasm_v128_load(group->left)),
                                        wasm_i16x8_mul(right, wasm_v128_load(group->right))));
}

static void scale_two(uint8_t *dst, const uint8_t *src, const KtTapGroup *groups, int n)
{
    int i = 0;
    for (; i + 16 <= n; i += 16, groups += 2)
        wasm_v128_store(dst + i, wasm_u8x16_narrow_i16x8(scale_group(src, groups),
                                                         scale_group(src, groups + 1)));
    for (; i < n; i += 8, groups++) {
        uint8_t eight[16];
        v128_t words = scale_group(src, groups);
        wasm_v128_store(eight, wasm_u8x16_narrow_i16x8(words, words));
        memcpy(dst + i, eight, n - i < 8 ? (size_t)(n - i) : 8);
    }
}

/* The weighted sum of one output, spread over four lanes. */
static v128_t weigh_window(const uint8_t *window, const int16_t *weights, int taps)
{
    v128_t sum = wasm_i32x4_dot_i16x8(wasm_u16x8_load8x8(window), wasm_v128_load(weights));
    for (int t = 8; t < taps; t += 8)
        sum = wasm_i32x4_add(
            sum, wasm_i32x4_dot_i16x8(wasm_u16x8_load8x8(window + t), wasm_v128_load(weights + t)));
    return sum;
}

/* Lanes 0 and 1, 2 and 3 of a, then of b, added. */
static v128_t add_neighbours(v128_t a, v128_t b)
{
    return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6),
                          wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
}

static v128_t scale_many_four(const uint8_t *src, const int32_t *starts, const int16_t *weights,
                              int taps)
{
    v128_t a = weigh_window(src + starts[0], weights, taps);
    v128_t b = weigh_window(src + starts[1], weights + taps, taps);
    v128_t c = weigh_window(src + starts[2], weights + 2 * taps, taps);
    v128_t d = weigh_window(src + starts[3], weights + 3 * taps, taps);
    v128_t sums = add_neighbours(add_neighbours(a, b), add_neighbours(c, d));
    return wasm_i32x4_shr(wasm_i32x4_add(sums, wasm_i32x4_splat(128)), 8);
}

static void scale_many(uint8_t *dst, const uint8_t *src, const int32_t *starts,
                       const int16_t *weights, int taps, int n)
{
    int i = 0;
    for (; i + 8 <= n; i += 8, weights += 8 * taps) {
        v128_t low = scale_many_four(src, starts + i, weights, taps);
        v128_t high = scale_many_four(src, starts + i + 4, weights + 4 * taps, taps);
        v128_t words = wasm_i16x8_narrow_i32x4(low, high);
        wasm_v128_store64_lane(dst + i, wasm_u8x16_narrow_i16x8(words, words), 0);
    }
    kt__kernels_plain.scale_many(dst + i, src, starts + i, weights, taps, n - i);
}

static void split_pairs(uint8_t *even, uint8_t *odd, const uint8_t *src, int n)
{
    v128_t low_byte = wasm_i16x8_splat(0xff);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        v128_t a = wasm_v128_load(src + 2 * i), b = wasm_v128_load(src + 2 * i + 16);
        wasm_v128_store(even + i, wasm_u8x16_narrow_i16x8(wasm_v128_and(a, low_byte),
                                                          wasm_v128_and(b, low_byte)));
        wasm_v128_store(odd + i,
                        wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(a, 8), wasm_u16x8_shr(b, 8)));
    }
    kt__kernels_plain.split_pairs(even + i, odd + i, src + 2 * i, n - i);
}

static v128_t adjust_luma(v128_t words, v128_t chroma, v128_t factor)
{
    v128_t scaled = wasm_i16x8_shl(words, 6);
    v128_t sum = wasm_i16x8_add(scaled, wasm_i16x8_q15mulr_sat(scaled, factor));
    return wasm_i16x8_shr(wasm_i16x8_add_sat(sum, chroma), 6);
}

static void adjust_luma_row(uint8_t *row, v128_t chroma_low, v128_t chroma_high, v128_t factor)
{
    v128_t bytes = wasm_v128_load(row);
    wasm_v128_store(row,
                    wasm_u8x16_narrow_i16x8(adjust_luma(low_half(bytes), chroma_low, factor),
                                            adjust_luma(high_half(bytes), chroma_high, factor)));
}

static v128_t around_zero(const uint8_t *chroma)
{
    return wasm_i16x8_shl(wasm_i16x8_sub(wasm_u16x8_load8x8(chroma), wasm_i16x8_splat(128)), 7);
}

static v128_t weigh(v128_t u, int16_t weight_u, v128_t v, int16_t weight_v, int16_t offset)
{
    v128_t sum = wasm_i16x8_add(wasm_i16x8_q15mulr_sat(u, wasm_i16x8_splat(weight_u)),
                                wasm_i16x8_q15mulr_sat(v, wasm_i16x8_splat(weight_v)));
    return wasm_i16x8_add_sat(sum, wasm_i16x8_splat(offset));
}

static void store_eight(uint8_t *dst, v128_t words)
{
    wasm_v128_store64_lane(dst, wasm_u8x16_narrow_i16x8(words, words), 0);
}

static void convert_yuv(uint8_t *y0, uint8_t *y1, uint8_t *u, uint8_t *v, const KtYuvMatrix *matrix,
                        int n)
{
    v128_t factor = wasm_i16x8_splat(matrix->y_y);
    const int16_t middle = 128 * 64 + 32;
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        v128_t cb = around_zero(u + i), cr = around_zero(v + i);
        v128_t chroma = weigh(cb, matrix->y_u, cr, matrix->y_v, (int16_t)(matrix->y_offset + 32));
        v128_t low = wasm_i16x8_shuffle(chroma, chroma, 0, 0, 1, 1, 2, 2, 3, 3);
        v128_t high = wasm_i16x8_shuffle(chroma, chroma, 4, 4, 5, 5, 6, 6, 7, 7);
        adjust_luma_row(y0 + 2 * i, low, high, factor);
        adjust_luma_row(y1 + 2 * i, low, high, factor);
        store_eight(u + i, wasm_i16x8_shr(weigh(cb, matrix->u_u, cr, matrix->u_v, middle), 6));
        store_eight(v + i, wasm_i16x8_shr(weigh(cb, matrix->v_u, cr, matrix->v_v, middle), 6));
    }
    kt__kernels_plain.convert_yuv(y0 + 2 * i, y1 + 2 * i, u + i, v + i, matrix, n - i);
}

static v128_t mask_words(v128_t dst, v128_t src, v128_t mask)
{
    v128_t rest = wasm_i16x8_sub(wasm_i16x8_splat(255), mask);
    return div_255(wasm_i16x8_add(wasm_i16x8_mul(src, mask), wasm_i16x8_mul(dst, rest)));
}

static v128_t mask_bytes(v128_t dst, v128_t src, v128_t mask)
{
    return wasm_u8x16_narrow_i16x8(mask_words(low_half(dst), low_half(src), low_half(mask)),
                                   mask_words(high_half(dst), high_half(src), high_half(mask)));
}

static void blend_mask(uint8_t *dst, const uint8_t *src, const uint8_t *mask, int n)
{
    int i = 0;
    for (; i + 16 <= n; i += 16)
        wasm_v128_store(dst + i, mask_bytes(wasm_v128_load(dst + i), wasm_v128_load(src + i),
                                            wasm_v128_load(mask + i)));
    kt__kernels_plain.blend_mask(dst + i, src + i, mask + i, n - i);
}

static void blend_mask_value(uint8_t *dst, int value, const uint8_t *mask, int n)
{
    v128_t src = wasm_u8x16_splat((uint8_t)value);
    int i = 0;
    for (; i + 16 <= n; i += 16)
        wasm_v128_store(dst + i,
                        mask_bytes(wasm_v128_load(dst + i), src, wasm_v128_load(mask + i)));
    kt__kernels_plain.blend_mask_value(dst + i, value, mask + i, n - i);
}

static void scale_mask(uint8_t *dst, const uint8_t *mask, int factor, int n)
{
    v128_t by = wasm_i16x8_splat((int16_t)factor);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        v128_t bytes = wasm_v128_load(mask + i);
        wasm_v128_store(dst + i,
                        wasm_u8x16_narrow_i16x8(div_255(wasm_i16x8_mul(low_half(bytes), by)),
                                                div_255(wasm_i16x8_mul(high_half(bytes), by))));
    }
    kt__kernels_plain.scale_mask(dst + i, mask + i, factor, n - i);
}

/* low: two pixels as words, high: the next two; four weighted sums */
static v128_t weigh_four(v128_t low, v128_t high, v128_t weights)
{
    return add_neighbours(wasm_i32x4_dot_i16x8(low, weights), wasm_i32x4_dot_i16x8(high, weights));
}

static v128_t luma_of_four(const uint8_t *src, v128_t weights)
{
    v128_t bytes = wasm_v128_load(src);
    v128_t sum = weigh_four(low_half(bytes), high_half(bytes), weights);
    return wasm_i32x4_shr(wasm_i32x4_add(sum, wasm_i32x4_splat((16 << 15) + (1 << 14))), 15);
}

static void rgb_to_y(uint8_t *dst, const uint8_t *src, const KtRgbMatrix *matrix, int n)
{
    v128_t weights = wasm_v128_load64_splat(matrix->y);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        const uint8_t *p = src + 4 * i;
        v128_t low =
            wasm_i16x8_narrow_i32x4(luma_of_four(p, weights), luma_of_four(p + 16, weights));
        v128_t high =
            wasm_i16x8_narrow_i32x4(luma_of_four(p + 32, weights), luma_of_four(p + 48, weights));
        wasm_v128_store(dst + i, wasm_u8x16_narrow_i16x8(low, high));
    }
    kt__kernels_plain.rgb_to_y(dst + i, src + 4 * i, matrix, n - i);
}

static v128_t two_summed(const uint8_t *row0, const uint8_t *row1)
{
    return wasm_i16x8_add(wasm_u16x8_load8x8(row0), wasm_u16x8_load8x8(row1));
}

/* The 1 2 1 sums of two chroma pixels; the rows point at the pixel before the first one. */
static v128_t smooth_two(const uint8_t *row0, const uint8_t *row1)
{
    v128_t a = two_summed(row0, row1), b = two_summed(row0 + 8, row1 + 8);
    v128_t c = two_summed(row0 + 16, row1 + 16);
    v128_t middle = wasm_i64x2_shuffle(a, b, 1, 3);
    v128_t sides = wasm_i16x8_add(wasm_i64x2_shuffle(a, b, 0, 2), wasm_i64x2_shuffle(b, c, 0, 2));
    return wasm_i16x8_add(sides, wasm_i16x8_add(middle, middle));
}

static void store_chroma_four(uint8_t *dst, v128_t sums)
{
    v128_t biased = wasm_i32x4_add(sums, wasm_i32x4_splat((128 << 18) + (1 << 17)));
    v128_t words = wasm_i32x4_shr(biased, 18);
    words = wasm_i16x8_narrow_i32x4(words, words);
    wasm_v128_store32_lane(dst, wasm_u8x16_narrow_i16x8(words, words), 0);
}

static void rgb_to_uv(uint8_t *u, uint8_t *v, const uint8_t *row0, const uint8_t *row1,
                      const KtRgbMatrix *matrix, int width)
{
    v128_t weights_u = wasm_v128_load64_splat(matrix->u);
    v128_t weights_v = wasm_v128_load64_splat(matrix->v);
    int i = width < 2 ? width : 2; /* the first one has no pixel before it */
    kt__kernels_plain.rgb_to_uv(u, v, row0, row1, matrix, i);
    i = (i + 1) / 2;
    for (; 2 * i + 9 <= width; i += 4) {
        const uint8_t *p0 = row0 + 8 * i - 4, *p1 = row1 + 8 * i - 4;
        v128_t low = smooth_two(p0, p1), high = smooth_two(p0 + 16, p1 + 16);
        store_chroma_four(u + i, weigh_four(low, high, weights_u));
        store_chroma_four(v + i, weigh_four(low, high, weights_v));
    }
    for (; 2 * i < width; i++) {
        /* a window whose second chroma pixel is the wanted one keeps the twin's edge rule */
        uint8_t pair_u[3], pair_v[3];
        int left = 2 * i - 2, count = width - left < 4 ? width - left : 4;
        kt__kernels_plain.rgb_to_uv(pair_u, pair_v, row0 + 4 * left, row1 + 4 * left, matrix,
                                    count);
        u[i] = pair_u[1];
        v[i] = pair_v[1];
    }
}

const KtKernels KT_SIMD_TABLE = {
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
