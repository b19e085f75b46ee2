/* The mixer's bounds: memory, numbers, calls that are refused, memory that cannot be had. */
#include "alloc_fail.h"
#include "mixer_rig.h"

/* Nobody reads for long: the newest two seconds stay. A wild timestamp costs only what waits. */
static void test_bounded_buffer(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_constant(0.5f, 0.5f);
    for (int second = 0; second < 10; second++)
        push(m, a, second * 1000000, 48000, 1, 0, SECOND, 480);
    assert_int_equal(kt_mixer_seek(m, 7000000), KT_OK);
    read_ok(m, out, SECOND);
    assert_true(largest(out, SECOND - 300) == 0.0f);
    read_ok(m, out, SECOND);
    assert_true(out[2 * 1000] == 0.5f);
    push(m, a, INT64_C(3600000000), 48000, 1, 0, 480, 480);
    push(m, a, 10000000, 48000, 1, 0, 9600, 480);
    read_ok(m, out, SECOND);
    read_ok(m, out, 9600);
    assert_true(out[2 * 1000] == 0.5f);
}

static void test_nothing_but_numbers_comes_out(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m), b = kt_mixer_add_source(m);
    fill_constant(0.5f, 0.5f);
    for (int i = 0; i < MAX_FRAME; i += 7) {
        tone[0][i] = NAN;
        tone[1][i] = i % 2 ? INFINITY : -INFINITY;
        tone[0][i + 1] = i % 2 ? 3e38f : -3e38f;
    }
    assert_int_equal(kt_mixer_set_gain(m, a, 8.0f), KT_OK);
    push(m, a, 0, 48000, 2, 0, 48000, 480);
    push(m, b, 0, 44100, 2, 0, 44100, 441);
    read_ok(m, out, SECOND);
    for (int i = 0; i < 2 * SECOND; i++)
        assert_true(out[i] >= -1.0f && out[i] <= 1.0f);
}

static void test_bad_input(void **state)
{
    KtMixer *m = *state;
    KtMixerLevel level;
    int64_t late, gap;
    const float *pcm[8] = {tone[0], tone[1], tone[0], tone[0], tone[0], tone[0], tone[0], tone[0]};
    const float *holes[2] = {tone[0], NULL};
    int a = kt_mixer_add_source(m);
    static const struct {
        int64_t pts_us;
        int rate_hz, channels, frames;
    } bad[] = {{INT64_MAX, 48000, 2, 480},
               {INT64_MIN, 48000, 2, 480},
               {0, 3999, 2, 480},
               {0, 192001, 2, 480},
               {0, 0, 2, 480},
               {0, -1, 2, 480},
               {0, 48000, 0, 480},
               {0, 48000, 9, 480},
               {0, 48000, -1, 480},
               {0, 48000, 2, 0},
               {0, 48000, 2, -5},
               {0, 48000, 2, 96001}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(
            kt_mixer_push(m, a, bad[i].pts_us, bad[i].rate_hz, bad[i].channels, pcm, bad[i].frames),
            KT_ERR_ARG);
    assert_int_equal(kt_mixer_push(m, a, 0, 48000, 2, NULL, 480), KT_ERR_ARG);
    assert_int_equal(kt_mixer_push(m, a, 0, 48000, 2, holes, 480), KT_ERR_ARG);
    assert_int_equal(kt_mixer_push(m, a, 0, 48000, 1, holes, 480), KT_OK);
    assert_int_equal(kt_mixer_set_gain(m, a, NAN), KT_ERR_ARG);
    assert_int_equal(kt_mixer_set_gain(m, a, -0.1f), KT_ERR_ARG);
    assert_int_equal(kt_mixer_set_gain(m, a, 8.1f), KT_ERR_ARG);
    assert_int_equal(kt_mixer_set_gain(m, a, INFINITY), KT_ERR_ARG);
    assert_int_equal(kt_mixer_read(m, NULL, 480), KT_ERR_ARG);
    assert_int_equal(kt_mixer_read(m, out, 0), KT_ERR_ARG);
    assert_int_equal(kt_mixer_read(m, out, SECOND + 1), KT_ERR_ARG);
    for (int handle = -1; handle < 100; handle += 33) {
        if (handle == a)
            continue;
        assert_int_equal(kt_mixer_push(m, handle, 0, 48000, 2, pcm, 480), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_mixer_set_gain(m, handle, 1.0f), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_mixer_set_muted(m, handle, 1), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_mixer_remove_source(m, handle), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_mixer_level(m, handle, &level), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_mixer_counters(m, handle, &late, &gap), KT_ERR_NOT_FOUND);
    }
    for (int i = 1; i < KT_MIX_MAX_SOURCES; i++)
        assert_int_equal(kt_mixer_add_source(m), i);
    assert_int_equal(kt_mixer_add_source(m), KT_ERR_LIMIT);
}

/* Timestamps, rates and sizes at random: nothing breaks, nothing but numbers comes out. */
static void test_random_calls(void **state)
{
    KtMixer *m = *state;
    uint32_t seed = 12345;
    int64_t late, gap;
    fill_sine(48000, 440, 0.9f);
    for (int i = 0; i < 8; i++)
        kt_mixer_add_source(m);
    for (int round = 0; round < 2000; round++) {
        const float *pcm[2] = {tone[0], tone[1]};
        seed = seed * 1664525u + 1013904223u;
        int handle = (int)(seed >> 29);
        int64_t off_us = (int64_t)((seed >> 8) % 6000) * 1000 - 3000000;
        int rate_hz = seed % 5 == 0 ? 4000 + (int)(seed >> 7) % 188000 : 48000;
        int64_t pts_us = kt_mixer_position(m) + (seed % 7 ? 50000 : off_us);
        assert_int_equal(kt_mixer_push(m, handle, pts_us, rate_hz, 1 + (int)(seed >> 13 & 1), pcm,
                                       1 + (int)(seed >> 10) % (seed % 11 ? 960 : 20000)),
                         KT_OK);
        read_ok(m, out, 1 + (int)(seed >> 12) % 960);
        for (int i = 0; i < 2; i++)
            assert_true(out[i] >= -1.0f && out[i] <= 1.0f);
        assert_int_equal(kt_mixer_counters(m, handle, &late, &gap), KT_OK);
        assert_true(late >= 0 && gap >= 0);
        if (seed % 97 == 0)
            assert_int_equal(kt_mixer_seek(m, kt_mixer_position(m) + seed % 500000), KT_OK);
    }
}

static void test_no_allocation_once_warm(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m), b = kt_mixer_add_source(m);
    fill_sine(48000, 440, 0.9f);
    push(m, a, 0, 48000, 2, 0, 960, 480);
    push(m, b, 0, 44100, 2, 0, 882, 441);
    long before = kt_alloc_count();
    push(m, a, 0, 48000, 2, 960, 40000, 480);
    push(m, b, 0, 44100, 2, 882, 20000, 441);
    push(m, b, 0, 48000, 2, 20000, 4800, 480); /* a rate that was seen */
    push(m, b, 0, 44100, 2, 20000, 4410, 441);
    read_ok(m, out, SECOND);
    assert_int_equal(kt_alloc_count(), before);
}

static int attempt_session(void *context)
{
    KtMixer *m = NULL;
    const float *pcm[1] = {tone[0]};
    int ok = 0;
    (void)context;
    if (kt_mixer_create(&m) < 0)
        return 0;
    int a = kt_mixer_add_source(m), b = kt_mixer_add_source(m);
    if (a < 0 || b < 0)
        goto fail;
    if (kt_mixer_push(m, a, 0, 48000, 1, pcm, 480) < 0)
        goto fail;
    if (kt_mixer_push(m, a, 10000, 44100, 1, pcm, 441) < 0) {
        /* the source as it was: the old rate goes on */
        assert_int_equal(kt_mixer_push(m, a, 10000, 48000, 1, pcm, 480), KT_OK);
        read_ok(m, out, 480);
        goto fail;
    }
    ok = kt_mixer_read(m, out, 480) == KT_OK;
fail:
    kt_mixer_destroy(&m);
    return ok;
}

static void test_allocation_failure(void **state)
{
    (void)state;
    assert_int_equal(kt_alloc_each(attempt_session, NULL), 1 + 4 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_bounded_buffer),
        CASE(test_nothing_but_numbers_comes_out),
        CASE(test_bad_input),
        CASE(test_random_calls),
        CASE(test_no_allocation_once_warm),
        CASE(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
