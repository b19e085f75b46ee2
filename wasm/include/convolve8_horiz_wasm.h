/* libvpx's horizontal filter of eight taps for Wasm. NEON's turns rows into columns and back, which
 * Wasm pays dearly for; here each tap is a load of its own, one pixel further. */
#ifndef KT_CONVOLVE8_HORIZ_WASM_H
#define KT_CONVOLVE8_HORIZ_WASM_H

#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

/* Eight pixels times one tap, in 16 bits. */
static inline v128_t kt__tap(const uint8_t *src, v128_t tap)
{
    return wasm_i16x8_mul(wasm_u16x8_load8x8(src), tap);
}

/* dst[x] = the sum of src[x - 3 + t] * taps[t], rounded, >> 7, clipped to 0..255. width is a
 * multiple of 8; strides in bytes; 3 pixels before and 5 after each row of src are read.
 *
 * Exact for taps that sum to 128 and of which the middle two, which come last, are not negative:
 * the outer six stay within 16 bits, and a sum that saturates is over 255 in any case. */
static inline void kt_convolve8_horiz(const uint8_t *src, ptrdiff_t src_stride, uint8_t *dst,
                                      ptrdiff_t dst_stride, const int16_t taps[8], int width,
                                      int height)
{
    v128_t tap[8];
    for (int t = 0; t < 8; t++)
        tap[t] = wasm_i16x8_splat(taps[t]);
    const v128_t half = wasm_i16x8_splat(64);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += 8) {
            const uint8_t *p = src + x - 3;
            v128_t left = wasm_i16x8_add(kt__tap(p, tap[0]), kt__tap(p + 1, tap[1]));
            v128_t right = wasm_i16x8_add(kt__tap(p + 7, tap[7]), kt__tap(p + 6, tap[6]));
            left = wasm_i16x8_add(left, kt__tap(p + 2, tap[2]));
            right = wasm_i16x8_add(right, kt__tap(p + 5, tap[5]));
            v128_t sum = wasm_i16x8_add(left, right);
            sum = wasm_i16x8_add_sat(sum, kt__tap(p + 3, tap[3]));
            sum = wasm_i16x8_add_sat(sum, kt__tap(p + 4, tap[4]));
            sum = wasm_i16x8_shr(wasm_i16x8_add_sat(sum, half), 7);
            wasm_v128_store64_lane(dst + x, wasm_u8x16_narrow_i16x8(sum, sum), 0);
        }
        src += src_stride;
        dst += dst_stride;
    }
}

#endif
