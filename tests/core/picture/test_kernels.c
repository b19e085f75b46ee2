/* The SIMD kernels against their plain twins: random bytes, lengths and alignments, equal output
 * and not a byte written beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compositor_color.h"
#include "kernels.h"

#define SIDE 700
#define ROUNDS 400

typedef struct Bytes {
    uint8_t a[6 * SIDE], b[6 * SIDE], mask[SIDE];
    uint8_t plain[4][2 * SIDE], fast[4][2 * SIDE];
} Bytes;

static Bytes bytes;
static uint32_t seed;

static int pick(int low, int high)
{
    seed = seed * 1664525u + 1013904223u;
    return low + (int)((seed >> 8) % (uint32_t)(high - low + 1));
}

static void fill(uint8_t *to, size_t count)
{
    int extreme = pick(0, 3) == 0;
    for (size_t i = 0; i < count; i++)
        to[i] = (uint8_t)(extreme ? 255 * pick(0, 1) : pick(0, 255));
}

static void refill(void)
{
    fill(bytes.a, sizeof bytes.a);
    fill(bytes.b, sizeof bytes.b);
    fill(bytes.mask, sizeof bytes.mask);
    fill(bytes.plain[0], sizeof bytes.plain);
    memcpy(bytes.fast, bytes.plain, sizeof bytes.fast);
}

static void same(const char *kernel, int round)
{
    if (memcmp(bytes.plain, bytes.fast, sizeof bytes.plain) != 0)
        fail_msg("%s differs from its twin in round %d", kernel, round);
}

/* Runs an expression for both tables: K is the table, D(i) its output row i. */
#define BOTH(expression)                                                                           \
    do {                                                                                           \
        for (int fast = 0; fast < 2; fast++) {                                                     \
            const KtKernels *K = kt__kernels(!fast);                                               \
            uint8_t(*D)[2 * SIDE] = fast ? bytes.fast : bytes.plain;                               \
            expression;                                                                            \
        }                                                                                          \
    } while (0)

static void rows(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        refill();
        int n = pick(0, SIDE - 32), o = pick(0, 31), w = pick(0, 256);
        BOTH(K->blend_rows(D[0] + o, bytes.a + 1, bytes.b + o, w, n));
        BOTH(K->halve_rows(D[1] + o, bytes.a + o, bytes.b + 3, n));
        BOTH(K->split_pairs(D[2] + o, D[3] + o, bytes.a + o, n));
        same("blend_rows, halve_rows or split_pairs", r);
    }
}

/* However often a picture is halved, it gets neither brighter nor darker on the whole. */
static void halving_keeps_the_mean(void **state)
{
    (void)state;
    for (int fast = 0; fast < 2; fast++) {
        const KtKernels *k = kt__kernels(!fast);
        double before = 0, after = 0;
        for (int r = 0; r < ROUNDS * 4; r++) {
            refill();
            uint8_t out[SIDE / 2];
            int n = SIDE / 2 - 16;
            k->halve_rows(out, bytes.a, bytes.b, n);
            for (int i = 0; i < n; i++) {
                before +=
                    (bytes.a[2 * i] + bytes.a[2 * i + 1] + bytes.b[2 * i] + bytes.b[2 * i + 1]) /
                    4.0 / (n * ROUNDS * 4);
                after += (double)out[i] / (n * ROUNDS * 4);
            }
        }
        assert_float_equal(after, before, 0.03);
    }
}

static void masks(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        refill();
        int n = pick(0, SIDE - 32), o = pick(0, 31), v = pick(0, 255);
        BOTH(K->blend_mask(D[0] + o, bytes.a + o, bytes.mask, n));
        BOTH(K->blend_mask_value(D[1] + o, v, bytes.mask, n));
        BOTH(K->scale_mask(D[2] + o, bytes.mask, v, n));
        same("blend_mask, blend_mask_value or scale_mask", r);
    }
}

static void masks_are_exact_at_their_ends(void **state)
{
    (void)state;
    for (int v = 0; v < 256; v++) {
        for (int back = 0; back < 256; back++) {
            uint8_t dst[2] = {(uint8_t)back, (uint8_t)back}, mask[2] = {0, 255};
            kt__kernels_plain.blend_mask_value(dst, v, mask, 2);
            assert_int_equal(dst[0], back);
            assert_int_equal(dst[1], v);
        }
    }
}

static void mixed_rows(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        int16_t weights[12];
        int taps = pick(1, 12), n = pick(0, 300), rest = 256;
        for (int t = 0; t < taps; t++) {
            weights[t] = (int16_t)(t == taps - 1 ? rest : pick(0, rest));
            rest -= weights[t];
        }
        refill();
        BOTH(K->mix_rows(D[0] + 5, bytes.a + 3, 331, weights, taps, n));
        same("mix_rows", r);
    }
}

static void scaled_rows(void **state)
{
    (void)state;
    static KtTapGroup groups[SIDE / 8 + 1];
    static int32_t starts[SIDE];
    static int16_t weights[SIDE * 24];
    for (int r = 0; r < ROUNDS; r++) {
        int n = pick(0, SIDE - 32), taps = 8 * pick(1, 3);
        for (int g = 0; g <= n / 8; g++) {
            groups[g].base = pick(0, 1000);
            for (int k = 0; k < 8; k++) {
                groups[g].pick[2 * k] = (uint8_t)pick(0, 15);
                groups[g].pick[2 * k + 1] = (uint8_t)pick(0, 15);
                groups[g].right[k] = (uint16_t)pick(0, 256);
                groups[g].left[k] = (uint16_t)(256 - groups[g].right[k]);
            }
        }
        for (int i = 0; i < n; i++) {
            int rest = 256;
            starts[i] = pick(0, 1000);
            for (int t = 0; t < taps; t++) {
                weights[i * taps + t] = (int16_t)(t == taps - 1 ? rest : pick(0, rest));
                rest -= weights[i * taps + t];
            }
        }
        refill();
        BOTH(K->scale_two(D[0] + 7, bytes.a, groups, n));
        BOTH(K->scale_many(D[1] + 7, bytes.a, starts, weights, taps, n));
        same("scale_two or scale_many", r);
    }
}

static void colours(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        KtYuvMatrix yuv;
        KtRgbMatrix rgb;
        KtColorMatrix from = (KtColorMatrix)pick(0, 1), to = (KtColorMatrix)pick(0, 1);
        int n = pick(0, SIDE - 32), width = pick(1, SIDE - 32), o = pick(0, 15);
        refill();
        if (kt__color_yuv_matrix(from, pick(0, 1), to, &yuv))
            BOTH(K->convert_yuv(D[0] + o, D[1] + 1, D[2] + 2, D[3] + o, &yuv, n));
        same("convert_yuv", r);
        kt__color_rgb_matrix(to, pick(0, 1) ? KT_PIXEL_RGBA : KT_PIXEL_BGRA, &rgb);
        BOTH(K->rgb_to_y(D[0] + o, bytes.a + 4 * o, &rgb, width));
        BOTH(K->rgb_to_uv(D[1] + o, D[2] + o, bytes.a, bytes.b, &rgb, width));
        same("rgb_to_y or rgb_to_uv", r);
    }
}

static double value_of(double kr, double kb, const double rgb[3], int plane)
{
    double y = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
    if (plane == 0)
        return 16 + 219 * y;
    return 128 + 224 * (plane == 1 ? (rgb[2] - y) / (2 * (1 - kb)) : (rgb[0] - y) / (2 * (1 - kr)));
}

static void matrices_follow_the_standards(void **state)
{
    (void)state;
    static const double kr[2] = {0.299, 0.2126}, kb[2] = {0.114, 0.0722};
    for (int r = 0; r < 2000; r++) {
        int m = r & 1;
        double c[3] = {pick(0, 255) / 255.0, pick(0, 255) / 255.0, pick(0, 255) / 255.0};
        uint32_t rgb = (uint32_t)(c[0] * 255 + 0.5) << 16 | (uint32_t)(c[1] * 255 + 0.5) << 8 |
                       (uint32_t)(c[2] * 255 + 0.5);
        KtYuv got = kt__color_yuv((KtColorMatrix)m, rgb);
        assert_in_range(got.y + 1 - (int)(value_of(kr[m], kb[m], c, 0) + 0.5), 0, 2);
        assert_in_range(got.u + 1 - (int)(value_of(kr[m], kb[m], c, 1) + 0.5), 0, 2);
        assert_in_range(got.v + 1 - (int)(value_of(kr[m], kb[m], c, 2) + 0.5), 0, 2);

        /* the same colour by way of the other matrix, and by way of full range */
        for (int full = 0; full < 2; full++) {
            KtYuvMatrix matrix;
            int from = full ? m : 1 - m;
            double scale_y = full ? 255.0 / 219 : 1, scale_c = full ? 255.0 / 224 : 1;
            double base = full ? 0 : 16;
            uint8_t y[4], u, v;
            double py = (value_of(kr[from], kb[from], c, 0) - 16) * scale_y + base;
            memset(y, (int)(py + 0.5), 4);
            u = (uint8_t)((value_of(kr[from], kb[from], c, 1) - 128) * scale_c + 128.499);
            v = (uint8_t)((value_of(kr[from], kb[from], c, 2) - 128) * scale_c + 128.499);
            assert_true(kt__color_yuv_matrix((KtColorMatrix)from, full, (KtColorMatrix)m, &matrix));
            kt__kernels_plain.convert_yuv(y, y + 2, &u, &v, &matrix, 1);
            assert_in_range(y[0] + 2 - got.y, 0, 4);
            assert_in_range(u + 2 - got.u, 0, 4);
            assert_in_range(v + 2 - got.v, 0, 4);
        }
    }
    KtYuvMatrix unused;
    assert_false(kt__color_yuv_matrix(KT_COLOR_BT709, 0, KT_COLOR_BT709, &unused));
}

static void grey_has_no_chroma(void **state)
{
    (void)state;
    for (uint32_t g = 0; g < 256; g++) {
        for (int m = 0; m < 2; m++) {
            KtYuv yuv = kt__color_yuv((KtColorMatrix)m, g * 0x10101);
            assert_int_equal(yuv.y, (int)(16 + g * 219 / 255.0 + 0.5));
            assert_int_equal(yuv.u, 128);
            assert_int_equal(yuv.v, 128);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(halving_keeps_the_mean),
        cmocka_unit_test(masks),
        cmocka_unit_test(masks_are_exact_at_their_ends),
        cmocka_unit_test(mixed_rows),
        cmocka_unit_test(scaled_rows),
        cmocka_unit_test(colours),
        cmocka_unit_test(matrices_follow_the_standards),
        cmocka_unit_test(grey_has_no_chroma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
