/* The limiter alone and at the end of the mixer: never above 1, no step before a peak. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mixer_limiter.h"
#include "keeptake/mixer.h"

#define SECOND 48000
#define AHEAD KT_LIMITER_AHEAD
#define FADE 144

static float in[2 * (SECOND + AHEAD)];
static float out[2 * SECOND];
static KtLimiter limiter;

static float largest(const float *samples, int frames)
{
    float most = 0;
    for (int i = 0; i < 2 * frames; i++)
        most = fmaxf(most, fabsf(samples[i]));
    return most;
}

static void run_in_blocks(int block)
{
    kt__limiter_reset(&limiter);
    for (int done = 0, n; done < SECOND; done += n) {
        n = SECOND - done < block ? SECOND - done : block;
        kt__limiter_run(&limiter, in + 2 * done, out + 2 * done, n);
    }
}

static void test_quiet_sound_is_untouched(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * (SECOND + AHEAD); i++)
        in[i] = KT_LIMITER_KNEE * (float)sin(i * 0.37);
    run_in_blocks(480);
    assert_memory_equal(in, out, sizeof(out));
}

/* Noise of any size in bursts, peaks of one sample, a peak in the very first frame. */
static void test_never_above_one(void **state)
{
    static const int blocks[] = {1, 7, 480, 720, 48000};
    static float first[2 * SECOND];
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < 2 * (SECOND + AHEAD); i++) {
        seed = seed * 1664525u + 1013904223u;
        float noise = (float)(int32_t)seed / 2147483648.0f;
        in[i] = noise * (i / 3000 % 3 == 1 ? 30.0f : i % 1771 == 0 ? 16000.0f : 0.5f);
    }
    in[0] = 7.0f;
    for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++) {
        run_in_blocks(blocks[b]);
        assert_true(largest(out, SECOND) <= 1.0f);
        assert_true(largest(out, SECOND) > 0.95f);
        if (b == 0)
            memcpy(first, out, sizeof(out));
        assert_memory_equal(first, out, sizeof(out));
    }
}

/* Before clamping there is nothing to clamp: the smoothed gain alone keeps every peak below 1. */
static void test_gain_alone_is_enough(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * (SECOND + AHEAD); i++)
        in[i] = i / 2 % 997 == 0 ? 3.0f : 0.4f;
    run_in_blocks(480);
    for (int i = 0; i < 2 * SECOND; i++)
        assert_true(out[i] < 1.0f);
}

static void test_not_a_number(void **state)
{
    (void)state;
    memset(in, 0, sizeof(in));
    for (int i = 1000; i < 2000; i += 3) {
        in[2 * i] = NAN;
        in[2 * i + 1] = 2.0f;
    }
    run_in_blocks(480);
    for (int i = 0; i < 2 * SECOND; i++)
        assert_true(out[i] >= -1.0f && out[i] <= 1.0f);
}

static float sound[96000];

static void push_all(KtMixer *m)
{
    const float *pcm[1] = {sound};
    int handle = kt_mixer_add_source(m);
    assert_int_equal(kt_mixer_push(m, handle, 0, 48000, 1, pcm, 96000), KT_OK);
}

/* The gain goes down before a sudden peak, not at it: the quiet tone before it has no step. */
static void test_limiter_looks_ahead(void **state)
{
    KtMixer *m = NULL;
    float before = 0.1f;
    (void)state;
    assert_int_equal(kt_mixer_create(&m), KT_OK);
    for (int i = 0; i < 96000; i++)
        sound[i] = i >= 20000 && i < 20100 ? 4.0f : 0.1f;
    push_all(m);
    assert_int_equal(kt_mixer_read(m, out, SECOND), KT_OK);
    for (int i = FADE; i < 20000; i++) {
        assert_true(out[2 * i] <= before && before - out[2 * i] < 0.001f);
        before = out[2 * i];
    }
    assert_true(out[2 * 19000] == 0.1f && out[2 * 19999] < 0.03f);
    for (int i = 20000; i < 20100; i++)
        assert_true(out[2 * i] > 0.9f && out[2 * i] < 1.0f);
    assert_true(out[2 * 20200] < 0.05f && out[2 * 47999] > 0.09f); /* and comes back */
    kt_mixer_destroy(&m);
}

static void test_limiter_peak_in_first_frame_after_seek(void **state)
{
    KtMixer *m = NULL;
    (void)state;
    assert_int_equal(kt_mixer_create(&m), KT_OK);
    for (int i = 0; i < 96000; i++)
        sound[i] = 5.0f;
    push_all(m);
    assert_int_equal(kt_mixer_read(m, out, 480), KT_OK);
    assert_int_equal(kt_mixer_seek(m, 500000), KT_OK);
    assert_int_equal(kt_mixer_read(m, out, 4800), KT_OK);
    assert_true(largest(out, 4800) <= 1.0f && out[2 * 1000] > 0.9f);
    kt_mixer_destroy(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_sound_is_untouched),
        cmocka_unit_test(test_never_above_one),
        cmocka_unit_test(test_gain_alone_is_enough),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_limiter_looks_ahead),
        cmocka_unit_test(test_limiter_peak_in_first_frame_after_seek),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
