/* Our Wasm code for NEON intrinsics against SIMDe's own, and our filter against its definition: on
 * edge values and on random ones, exactly. Other builds have neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "arm_neon.h"
#include "convolve8_horiz_wasm.h"

#define ROUNDS 20000

static uint32_t seed = 1;

static uint32_t next(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Lanes of `lane` bytes: half of them at the ends of what a lane holds. */
static void fill(void *out, size_t bytes, size_t lane)
{
    static const uint32_t edges[] = {0,          1,          2,         0x7F,   0x80,
                                     0xFF,       0x7FFF,     0x8000,    0x8001, 0xFFFF,
                                     0x7FFFFFFF, 0x80000000, 0x7FC0,    0x4000, 0xC0000000,
                                     0xFFFFFFFF, 0x7FFFFFC0, 0x7FFFDFFF};
    uint8_t *p = out;
    for (size_t i = 0; i < bytes; i += lane) {
        uint32_t value =
            next() & 1 ? edges[next() % (sizeof edges / sizeof *edges)] : next() << 16 ^ next();
        if (lane == 8)
            memcpy(p + i + 4, &value, 4);
        memcpy(p + i, &value, lane < 4 ? lane : 4);
    }
}

static void same(const char *name, const void *a, const void *b, size_t bytes)
{
    if (memcmp(a, b, bytes) != 0)
        fail_msg("%s differs from SIMDe's", name);
}

#define COMPARE2(name, type, result, lane)                                                         \
    do {                                                                                           \
        type##_t a, b;                                                                             \
        fill(&a, sizeof a, lane);                                                                  \
        fill(&b, sizeof b, lane);                                                                  \
        const result ours = name(a, b), theirs = simde_##name(a, b);                               \
        same(#name, &ours, &theirs, sizeof ours);                                                  \
    } while (0)

#define COMPARE1(name, type, result, lane)                                                         \
    do {                                                                                           \
        type##_t a;                                                                                \
        fill(&a, sizeof a, lane);                                                                  \
        const result ours = name(a), theirs = simde_##name(a);                                     \
        same(#name, &ours, &theirs, sizeof ours);                                                  \
    } while (0)

/* An accumulator and one or two factors. */
#define COMPARE_SUM(name, sum, type, lane, ...)                                                    \
    do {                                                                                           \
        sum##_t s;                                                                                 \
        type##_t a, b;                                                                             \
        fill(&s, sizeof s, 2 * lane);                                                              \
        fill(&a, sizeof a, lane);                                                                  \
        fill(&b, sizeof b, lane);                                                                  \
        (void)b;                                                                                   \
        const sum##_t ours = name(s, __VA_ARGS__), theirs = simde_##name(s, __VA_ARGS__);          \
        same(#name, &ours, &theirs, sizeof ours);                                                  \
    } while (0)

#define COMPARE_SHIFT(name, type, result, lane, n)                                                 \
    do {                                                                                           \
        type##_t a;                                                                                \
        fill(&a, sizeof a, lane);                                                                  \
        const result ours = name(a, n), theirs = simde_##name(a, n);                               \
        same(#name " by " #n, &ours, &theirs, sizeof ours);                                        \
    } while (0)

static void test_products_and_sums(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        const int16_t factor = (int16_t)next();
        COMPARE2(vqrdmulhq_s16, int16x8, int16x8_t, 2);
        COMPARE2(vqrdmulh_s16, int16x4, int16x4_t, 2);
        COMPARE2(vqrdmulhq_s32, int32x4, int32x4_t, 4);
        COMPARE2(vmull_s16, int16x4, int32x4_t, 2);
        COMPARE_SHIFT(vmull_n_s16, int16x4, int32x4_t, 2, factor);
        COMPARE_SUM(vmlal_s16, int32x4, int16x4, 2, a, b);
        COMPARE_SUM(vmlsl_s16, int32x4, int16x4, 2, a, b);
        COMPARE_SUM(vmlal_n_s16, int32x4, int16x4, 2, a, factor);
        COMPARE_SUM(vmlsl_n_s16, int32x4, int16x4, 2, a, factor);
        COMPARE1(vpaddlq_u8, uint8x16, uint16x8_t, 1);
        COMPARE1(vpaddlq_u16, uint16x8, uint32x4_t, 2);
        COMPARE_SUM(vpadalq_u8, uint16x8, uint8x16, 1, a);
        COMPARE_SUM(vpadalq_u16, uint32x4, uint16x8, 2, a);
        COMPARE2(vhaddq_s16, int16x8, int16x8_t, 2);
        COMPARE2(vhsubq_s16, int16x8, int16x8_t, 2);
    }
}

static void test_transposes(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        COMPARE2(vtrn_u8, uint8x8, uint8x8x2_t, 1);
        COMPARE2(vtrn_u16, uint16x4, uint16x4x2_t, 2);
        COMPARE2(vtrn_s16, int16x4, int16x4x2_t, 2);
        COMPARE2(vtrn_u32, uint32x2, uint32x2x2_t, 4);
        COMPARE2(vtrn_s32, int32x2, int32x2x2_t, 4);
        COMPARE2(vtrnq_u8, uint8x16, uint8x16x2_t, 1);
        COMPARE2(vtrnq_u16, uint16x8, uint16x8x2_t, 2);
        COMPARE2(vtrnq_s16, int16x8, int16x8x2_t, 2);
        COMPARE2(vtrnq_u32, uint32x4, uint32x4x2_t, 4);
        COMPARE2(vtrnq_s32, int32x4, int32x4x2_t, 4);
        COMPARE2(vtrn1q_s64, int64x2, int64x2_t, 8);
        COMPARE2(vtrn2q_s64, int64x2, int64x2_t, 8);
        COMPARE2(vtrn1q_u64, uint64x2, uint64x2_t, 8);
        COMPARE2(vtrn2q_u64, uint64x2, uint64x2_t, 8);
    }
}

static void test_shifts_that_narrow(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        COMPARE_SHIFT(vrshrn_n_s32, int32x4, int16x4_t, 4, 1);
        COMPARE_SHIFT(vrshrn_n_s32, int32x4, int16x4_t, 4, 7);
        COMPARE_SHIFT(vrshrn_n_s32, int32x4, int16x4_t, 4, 14);
        COMPARE_SHIFT(vrshrn_n_s32, int32x4, int16x4_t, 4, 16);
        COMPARE_SHIFT(vqrshrun_n_s16, int16x8, uint8x8_t, 2, 1);
        COMPARE_SHIFT(vqrshrun_n_s16, int16x8, uint8x8_t, 2, 4);
        COMPARE_SHIFT(vqrshrun_n_s16, int16x8, uint8x8_t, 2, 7);
    }
}

static int filtered(const uint8_t *src, const int16_t *taps)
{
    int sum = 64;
    for (int t = 0; t < 8; t++)
        sum += src[t - 3] * taps[t];
    sum >>= 7;
    return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

/* Filters as sharp and as soft as libvpx has them, on black, white and noise. */
static void test_the_filter(void **state)
{
    (void)state;
    static const int16_t taps[][8] = {
        {-1, 6, -19, 78, 78, -19, 6, -1}, {-3, 8, -15, 125, 17, -7, 4, -1},
        {0, 0, 0, 128, 0, 0, 0, 0},       {-3, -1, 32, 64, 38, 1, -3, 0},
        {0, 0, 0, 64, 64, 0, 0, 0},       {-4, 11, -23, 80, 80, -23, 11, -4},
    };
    uint8_t src[4][64], dst[4][32];
    for (int i = 0; i < 3000; i++) {
        const int16_t *tap = taps[i % 6];
        for (size_t k = 0; k < sizeof src; k++)
            ((uint8_t *)src)[k] = (uint8_t)(next() & 1 ? next() : next() & 1 ? 255 : 0);
        kt_convolve8_horiz(src[0] + 8, 64, dst[0], 32, tap, i % 2 ? 8 : 32, 4);
        for (int y = 0; y < 4; y++)
            for (int x = 0; x < (i % 2 ? 8 : 32); x++)
                assert_int_equal(dst[y][x], filtered(src[y] + 8 + x, tap));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_and_sums),
        cmocka_unit_test(test_transposes),
        cmocka_unit_test(test_shifts_that_narrow),
        cmocka_unit_test(test_the_filter),
    };
    return cmocka_run_group_tests_name("neon", tests, NULL, NULL);
}
