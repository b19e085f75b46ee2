/* The resampler alone: purity, stop band, exact timing, free block sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resampler.h"
#include "alloc_fail.h"

#define PI 3.14159265358979323846
#define SECONDS 2

static KtResampler resampler;
static float output[2 * (SECONDS + 1) * 48000];

/* Resamples seconds of a sine of level 0.5; returns the frames made. */
static int resample_sine(int rate_hz, double tone_hz, int block, KtResamplerBank *bank)
{
    int total = rate_hz * SECONDS, made = 0;
    float *in = malloc(sizeof(float) * (size_t)total);
    assert_non_null(in);
    for (int i = 0; i < total; i++)
        in[i] = (float)(0.5 * sin(2.0 * PI * tone_hz * i / rate_hz));
    kt__resampler_reset(&resampler, bank);
    for (int done = 0; done < total; done += block) {
        int n = total - done < block ? total - done : block;
        kt__resampler_add(&resampler, in + done, in + done, n);
        for (int got; (got = kt__resampler_make(&resampler, output + 2 * made, 100)) > 0;)
            made += got;
    }
    for (int got; (got = kt__resampler_drain(&resampler, output + 2 * made, 100)) > 0;)
        made += got;
    free(in);
    return made;
}

/* Power outside a tone against the tone's, dB, over the middle of output. */
static double noise_db(double tone_hz, double *level)
{
    double s = 0, c = 0, power = 0;
    int from = 4800, count = 48000;
    for (int i = from; i < from + count; i++) {
        double phase = 2.0 * PI * tone_hz * i / 48000.0;
        s += output[2 * i] * sin(phase);
        c += output[2 * i] * cos(phase);
    }
    s *= 2.0 / count;
    c *= 2.0 / count;
    for (int i = from; i < from + count; i++) {
        double phase = 2.0 * PI * tone_hz * i / 48000.0;
        double rest = output[2 * i] - s * sin(phase) - c * cos(phase);
        power += rest * rest;
    }
    *level = sqrt(s * s + c * c);
    return 10.0 * log10(power / count / (0.5 * *level * *level));
}

static void test_sines_stay_pure(void **state)
{
    static const struct {
        int rate_hz;
        double tone_hz;
    } cases[] = {{44100, 997},  {44100, 10007}, {44100, 18000}, {32000, 12000}, {96000, 18000},
                 {16000, 6000}, {8000, 3000},   {22050, 440},   {192000, 997},  {11025, 4000}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        KtResamplerBank *bank = NULL;
        double level;
        assert_int_equal(kt__resampler_bank_create(cases[i].rate_hz, &bank), KT_OK);
        int made = resample_sine(cases[i].rate_hz, cases[i].tone_hz, 441, bank);
        assert_in_range(made, 48000 * SECONDS, 48000 * SECONDS + 1); /* a ratio is rounded */
        double noise = noise_db(cases[i].tone_hz, &level);
        if (noise > -80.0 || fabs(level - 0.5) > 0.001)
            fail_msg("%d Hz, tone %g: noise %.1f dB, level %.4f", cases[i].rate_hz,
                     cases[i].tone_hz, noise, level);
        kt__resampler_bank_destroy(&bank);
        assert_null(bank);
    }
}

static void test_stop_band(void **state)
{
    static const double tones[] = {25000, 27000, 31000, 40000, 47000};
    KtResamplerBank *bank = NULL;
    (void)state;
    assert_int_equal(kt__resampler_bank_create(96000, &bank), KT_OK);
    for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++) {
        float peak = 0;
        resample_sine(96000, tones[i], 512, bank);
        for (int k = 4800; k < 52800; k++)
            peak = fabsf(output[2 * k]) > peak ? fabsf(output[2 * k]) : peak;
        if (peak > 0.5e-4f)
            fail_msg("%g Hz comes through at %.1f dB", tones[i], 20 * log10(peak / 0.5));
    }
    kt__resampler_bank_destroy(&bank);
}

static void test_identity_at_48k(void **state)
{
    KtResamplerBank *bank = NULL;
    (void)state;
    assert_int_equal(kt__resampler_bank_create(48000, &bank), KT_OK);
    assert_int_equal(resample_sine(48000, 997, 512, bank), 48000 * SECONDS);
    for (int i = 0; i < 48000 * SECONDS; i++) {
        float want = (float)(0.5 * sin(2.0 * PI * 997 * i / 48000));
        assert_true(output[2 * i] == want && output[2 * i + 1] == want);
    }
    kt__resampler_bank_destroy(&bank);
}

static void test_block_size_does_not_matter(void **state)
{
    static float first[2 * (SECONDS + 1) * 48000];
    static const int blocks[] = {1, 7, 128, 511};
    KtResamplerBank *bank = NULL;
    (void)state;
    assert_int_equal(kt__resampler_bank_create(44100, &bank), KT_OK);
    int made = resample_sine(44100, 997, 512, bank);
    memcpy(first, output, sizeof(first));
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        assert_int_equal(resample_sine(44100, 997, blocks[i], bank), made);
        assert_memory_equal(first, output, sizeof(float) * 2 * (size_t)made);
    }
    kt__resampler_bank_destroy(&bank);
}

static void test_sides_stay_apart(void **state)
{
    float left[512], right[512], out[2 * 600];
    KtResamplerBank *bank = NULL;
    (void)state;
    for (int i = 0; i < 512; i++) {
        left[i] = 0.5f;
        right[i] = -0.25f;
    }
    assert_int_equal(kt__resampler_bank_create(44100, &bank), KT_OK);
    kt__resampler_reset(&resampler, bank);
    kt__resampler_add(&resampler, left, right, 512);
    int made = kt__resampler_make(&resampler, out, 600);
    assert_true(made > 400);
    for (int i = 100; i < made; i++) {
        assert_float_equal(out[2 * i], 0.5f, 1e-5f);
        assert_float_equal(out[2 * i + 1], -0.25f, 1e-5f);
    }
    kt__resampler_bank_destroy(&bank);
}

/* An impulse keeps its place while the ratio is changed, and lead tells where input is. */
static void test_adjusted_ratio(void **state)
{
    float zeros[480] = {0}, out[2 * 1000];
    KtResamplerBank *bank = NULL;
    double expected = 0.0;
    int64_t made = 0;
    (void)state;
    assert_int_equal(kt__resampler_bank_create(48000, &bank), KT_OK);
    kt__resampler_reset(&resampler, bank);
    for (int i = 0; i < 1000; i++) {
        kt__resampler_adjust(&resampler, 0.005);
        kt__resampler_add(&resampler, zeros, zeros, 480);
        for (int got; (got = kt__resampler_make(&resampler, out, 1000)) > 0;)
            made += got;
        expected += 480 / 1.005;
        assert_float_equal((double)made + kt__resampler_lead(&resampler), expected, 0.01);
    }
    kt__resampler_bank_destroy(&bank);
}

static void test_drain_then_go_on(void **state)
{
    float in[480], out[2 * 2000];
    KtResamplerBank *bank = NULL;
    int made = 0;
    (void)state;
    assert_int_equal(kt__resampler_bank_create(48000, &bank), KT_OK);
    kt__resampler_reset(&resampler, bank);
    for (int block = 0; block < 4; block++) {
        for (int i = 0; i < 480; i++)
            in[i] = (float)(block * 480 + i) / 2048.0f;
        kt__resampler_add(&resampler, in, in, 480);
        made += kt__resampler_drain(&resampler, out + 2 * made, 1000);
        assert_int_equal(made, (block + 1) * 480);
        assert_int_equal(kt__resampler_drain(&resampler, out, 1), 0);
    }
    for (int i = 0; i < made; i++)
        assert_true(out[2 * i] == (float)i / 2048.0f);
    kt__resampler_bank_destroy(&bank);
}

static int attempt_bank(void *context)
{
    KtResamplerBank *bank = NULL;
    KtStatus status = kt__resampler_bank_create(*(int *)context, &bank);
    if (status < 0)
        assert_true(status == KT_ERR_MEMORY && !bank);
    kt__resampler_bank_destroy(&bank);
    return status == KT_OK;
}

static void test_allocation_failure(void **state)
{
    int rate_hz = 44100;
    (void)state;
    assert_int_equal(kt_alloc_each(attempt_bank, &rate_hz), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sines_stay_pure),  cmocka_unit_test(test_stop_band),
        cmocka_unit_test(test_identity_at_48k),  cmocka_unit_test(test_block_size_does_not_matter),
        cmocka_unit_test(test_sides_stay_apart), cmocka_unit_test(test_adjusted_ratio),
        cmocka_unit_test(test_drain_then_go_on), cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
