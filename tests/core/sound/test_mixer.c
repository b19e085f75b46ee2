/* The mixer as its callers hear it. Bounds and bad calls are in test_mixer_bounds.c, long-term
 * timing in test_mixer_sync.c. */
#include "mixer_rig.h"

static float again[2 * SECOND];

static void test_48k_passes_bit_for_bit(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_sine(48000, 440, 0.5f);
    push(m, a, 0, 48000, 2, 0, SECOND, 480);
    read_ok(m, out, SECOND);
    for (int i = FADE; i < SECOND; i++)
        assert_true(out[2 * i] == tone[0][i] && out[2 * i + 1] == tone[1][i]);
    assert_true(fabsf(out[2 * 50]) <= fabsf(tone[0][50])); /* fades in */
    assert_int_equal(kt_mixer_position(m), 1000000);
    assert_counters(m, a, 0, 0);
}

static void test_44100_is_clean(void **state)
{
    KtMixer *m = *state;
    double s = 0, c = 0, noise = 0, w = 2.0 * PI * 997 / 48000;
    fill_sine(44100, 997, 0.5f);
    push(m, kt_mixer_add_source(m), 0, 44100, 2, 0, 48000, 441);
    read_ok(m, out, SECOND);
    for (int i = 480; i < SECOND - 480; i++) {
        double rest = out[2 * i] - 0.5 * sin(w * i); /* in phase: no delay */
        noise += rest * rest;
        s += out[2 * i] * sin(w * i);
        c += out[2 * i] * cos(w * i);
    }
    double db = 10 * log10(noise / (SECOND - 960) / 0.125);
    if (db > -70)
        fail_msg("error against the ideal sine %.1f dB, phase %.6f", db, atan2(c, s));
}

static void test_channels(void **state)
{
    KtMixer *m = *state;
    fill_constant(0.25f, -0.5f);
    for (int channels = 1; channels <= 2; channels++) {
        int a = kt_mixer_add_source(m);
        int64_t at = (int64_t)(channels - 1) * 100000;
        push(m, a, at, 48000, channels, 0, 4800, 960);
        read_ok(m, out, 4800);
        assert_true(out[2 * 2000] == 0.25f);
        assert_true(out[2 * 2000 + 1] == (channels == 1 ? 0.25f : -0.5f));
        assert_int_equal(kt_mixer_remove_source(m, a), KT_OK);
    }
}

/* Each channel of each layout alone: L left, R right, B both, s a surround on its side, - nowhere;
 * h and H half of it on one side, c half on both. */
static void test_downmix(void **state)
{
    static const char *const layouts[] = {"LRB", "hHhH", "LRBsS", "LRB-sS", "LRB-csS", "LRB-sSsS"};
    static float silence[4800], half[4800];
    KtMixer *m = *state;
    int64_t at = 0;
    for (int i = 0; i < 4800; i++)
        half[i] = 0.5f;
    for (size_t layout = 0; layout < sizeof layouts / sizeof layouts[0]; layout++) {
        const char *names = layouts[layout];
        int channels = (int)strlen(names);
        for (int c = 0; c < channels; c++, at += 100000) {
            const float *pcm[8];
            for (int k = 0; k < channels; k++)
                pcm[k] = k == c ? half : silence;
            float gain = strchr("hHc", names[c]) ? 0.5f : strchr("LR", names[c]) ? 1 : 0.70710678f;
            float left = strchr("LBshc", names[c]) ? gain / 2 : 0;
            float right = strchr("RBSHc", names[c]) ? gain / 2 : 0;
            int a = kt_mixer_add_source(m);
            assert_int_equal(kt_mixer_push(m, a, at, 48000, channels, pcm, 4800), KT_OK);
            read_ok(m, out, 4800);
            assert_float_equal(out[2 * 2000], left, 1e-6);
            assert_float_equal(out[2 * 2000 + 1], right, 1e-6);
            assert_int_equal(kt_mixer_remove_source(m, a), KT_OK);
        }
    }
}

/* What is no number is silence, in its own channel only; a channel that is missing is refused. */
static void test_downmix_of_nonsense(void **state)
{
    static float good[4800], bad[4800];
    KtMixer *m = *state;
    const float *pcm[6] = {good, good, bad, bad, bad, good};
    for (int i = 0; i < 4800; i++) {
        good[i] = 0.25f;
        bad[i] = i % 2 ? NAN : INFINITY;
    }
    int a = kt_mixer_add_source(m);
    assert_int_equal(kt_mixer_push(m, a, 0, 48000, 6, pcm, 4800), KT_OK);
    read_ok(m, out, 4800);
    assert_float_equal(out[2 * 2000], 0.25f, 1e-6);
    assert_float_equal(out[2 * 2000 + 1], 0.25f * 1.70710678f, 1e-6);
    pcm[4] = NULL;
    assert_int_equal(kt_mixer_push(m, a, 100000, 48000, 6, pcm, 4800), KT_ERR_ARG);
}

static void test_every_push_size(void **state)
{
    static const int sizes[] = {1, 2, 3, 31, 479, 512, 513, 4800, 47999, 96000};
    fill_sine(48000, 440, 0.5f);
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        KtMixer *m = NULL;
        assert_int_equal(kt_mixer_create(&m), KT_OK);
        push(m, kt_mixer_add_source(m), 0, 48000, 2, 0, 96000, sizes[i]);
        read_ok(m, out, SECOND);
        for (int k = FADE; k < SECOND; k++)
            assert_true(out[2 * k] == tone[0][k]);
        kt_mixer_destroy(&m);
    }
}

static void test_read_size_does_not_matter(void **state)
{
    static const int sizes[] = {1, 13, 480, 960, 1021, 48000};
    (void)state;
    fill_sine(48000, 440, 1.5f); /* the limiter works, too */
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        KtMixer *m = NULL;
        assert_int_equal(kt_mixer_create(&m), KT_OK);
        push(m, kt_mixer_add_source(m), 0, 44100, 2, 0, 60000, 441);
        for (int done = 0, n; done < SECOND; done += n) {
            n = SECOND - done < sizes[i] ? SECOND - done : sizes[i];
            read_ok(m, out + 2 * done, n);
        }
        if (i == 0)
            memcpy(again, out, sizeof(out));
        assert_memory_equal(again, out, sizeof(out));
        kt_mixer_destroy(&m);
    }
}

/* Whichever source pushes first, the mix is the same. */
static void test_push_order_does_not_matter(void **state)
{
    (void)state;
    fill_sine(48000, 440, 0.1f);
    for (int round = 0; round < 2; round++) {
        KtMixer *m = NULL;
        int handles[4];
        assert_int_equal(kt_mixer_create(&m), KT_OK);
        for (int i = 0; i < 4; i++)
            handles[i] = kt_mixer_add_source(m);
        for (int i = 0; i < 4; i++) {
            int k = round ? 3 - i : i;
            push(m, handles[k], k * 1000, 44100 + 1300 * k, 1 + k % 2, 0, 50000, 441);
        }
        read_ok(m, round ? again : out, SECOND);
        kt_mixer_destroy(&m);
    }
    assert_memory_equal(out, again, sizeof(out));
}

static void test_gain_and_mute_without_click(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_constant(0.5f, 0.5f);
    push(m, a, 0, 48000, 1, 0, 96000, 4800);
    read_ok(m, out, 4800);
    assert_int_equal(kt_mixer_set_gain(m, a, 0.25f), KT_OK);
    read_ok(m, out, 4800);
    assert_true(out[0] == 0.5f);
    assert_true(out[2 * (480 + KT_MIX_LOOKAHEAD_FRAMES)] == 0.125f);
    assert_true(largest_step(out, 4800) < 0.001f);
    assert_int_equal(kt_mixer_set_muted(m, a, 1), KT_OK);
    assert_int_equal(kt_mixer_set_gain(m, a, 1.5f), KT_OK); /* kept while muted */
    read_ok(m, out, 4800);
    assert_true(out[2 * 4000] == 0.0f && largest_step(out, 4800) < 0.001f);
    assert_int_equal(kt_mixer_set_muted(m, a, 0), KT_OK);
    read_ok(m, out, 4800);
    assert_true(out[2 * 4000] == 0.75f && largest_step(out, 4800) < 0.003f);
    assert_int_equal(kt_mixer_set_gain(m, a, 1.0f), KT_OK); /* changed again in mid-ramp */
    read_ok(m, out, 100);
    assert_int_equal(kt_mixer_set_gain(m, a, 0.0f), KT_OK);
    read_ok(m, out, 4800);
    assert_true(out[2 * 4000] == 0.0f && largest_step(out, 4800) < 0.003f);
}

static void test_gap_is_silence_in_place(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_sine(48000, 250, 0.5f);
    push(m, a, 0, 48000, 2, 0, 9600, 480);
    push(m, a, 300000, 48000, 2, 9600, 9600, 480); /* on the clock at 500 ms, 300 ms missing */
    read_ok(m, out, SECOND);
    for (int i = FADE; i < 9600; i++)
        assert_true(out[2 * i] == tone[0][i]);
    for (int i = 9600 + FADE; i < 24000; i++)
        assert_true(out[2 * i] == 0.0f);
    for (int i = 24000 + FADE; i < 24000 + 9600; i++)
        assert_true(out[2 * i] == tone[0][i - 14400]);
    assert_true(largest_step(out, SECOND) < 0.04f);
    assert_counters(m, a, 0, 14400);
}

static void test_overlap_is_dropped(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_sine(48000, 250, 0.5f);
    push(m, a, 0, 48000, 2, 0, 24000, 480);
    push(m, a, -200000, 48000, 2, 24000, 24000, 480); /* stamped from 300 ms on */
    read_ok(m, out, SECOND);
    for (int i = FADE; i < 24000; i++)
        assert_true(out[2 * i] == tone[0][i]);
    for (int i = 24000 + FADE; i < 38400; i++)
        assert_true(out[2 * i] == tone[0][i + 9600]);
    for (int i = 38400 + FADE; i < SECOND; i++)
        assert_true(out[2 * i] == 0.0f);
    assert_true(largest_step(out, SECOND) < 0.04f);
    assert_counters(m, a, 0, 0);
}

/* Sound that stops in full swing and comes back: no click, and the rest is where it belongs. */
static void test_drop_out_while_reading(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m), b = kt_mixer_add_source(m);
    fill_sine(48000, 250, 0.4f);
    push(m, b, 0, 48000, 2, 0, 48000, 480);
    push(m, a, 0, 48000, 2, 0, 9648, 48);
    read_ok(m, out, 14400);
    push(m, a, 0, 48000, 2, 19200, 28800, 480);
    read_ok(m, out + 2 * 14400, SECOND - 14400);
    for (int i = FADE; i < 9648; i++)
        assert_true(out[2 * i] == tone[0][i] * 2);
    for (int i = 9648 + FADE; i < 19200; i++)
        assert_true(out[2 * i] == tone[0][i]); /* the other one never moved */
    for (int i = 19200 + FADE; i < SECOND - 240; i++)
        assert_true(out[2 * i] == tone[0][i] * 2);
    assert_true(largest_step(out, SECOND) < 0.06f);
    assert_counters(m, a, 0, 19200 - 9648);
    assert_counters(m, b, 0, 0);
}

static void test_late_sound_is_counted(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_constant(0.5f, 0.5f);
    push(m, a, 0, 48000, 1, 0, 4800, 480);
    read_ok(m, out, 9600);
    push(m, a, 0, 48000, 1, 4800, 9600, 480);
    read_ok(m, out, 4800);
    assert_true(out[2 * 1000] == 0.5f);
    /* mixed up to 9600 + 240: of 4800..14400 that much came too late */
    assert_counters(m, a, 5040, 5040);
}

static void test_ready_is_the_last_of_those_who_sound(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m), b = kt_mixer_add_source(m), c = kt_mixer_add_source(m);
    assert_true(c >= 0 && kt_mixer_ready_us(m, 0) == INT64_MAX);
    fill_constant(0.5f, 0.5f);
    push(m, a, 1000000, 48000, 1, 0, 9600, 480);
    int64_t a_us = kt_mixer_ready_us(m, 0);
    assert_in_range(a_us, 1194000, 1195000); /* 5 ms ahead, half a filter */
    push(m, b, 1000000, 48000, 1, 0, 4800, 480);
    assert_int_equal(kt_mixer_ready_us(m, 0), a_us - 100000);
    assert_int_equal(kt_mixer_ready_us(m, 1099000), a_us - 100000);
    assert_int_equal(kt_mixer_ready_us(m, 1100000), a_us);
    assert_true(kt_mixer_ready_us(m, 1200000) == INT64_MAX);
    read_ok(m, out, SECOND);
    push(m, b, 0, 48000, 1, 1000, 480, 480); /* too late, and no less there */
    assert_in_range(kt_mixer_ready_us(m, 0), 25000, 26000);
    assert_int_equal(kt_mixer_remove_source(m, b), KT_OK);
    assert_int_equal(kt_mixer_ready_us(m, 0), a_us);
}

static void test_rate_change(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_constant(0.5f, 0.5f);
    push(m, a, 0, 48000, 1, 0, 9600, 480);
    push(m, a, 200000, 44100, 1, 0, 8820, 441);
    push(m, a, 400000, 96000, 1, 0, 19200, 960);
    push(m, a, 600000, 8000, 1, 0, 1600, 80);
    push(m, a, 800000, 48000, 1, 0, 9600, 480);
    read_ok(m, out, SECOND);
    for (int i = 1000; i < SECOND - 100; i++)
        if (fabsf(out[2 * i] - 0.5f) > 0.1f) /* wavers while crossfading, no hole */
            fail_msg("frame %d: %f", i, out[2 * i]);
    for (int part = 0; part < 5; part++) {
        for (int i = 9600 * part + 400; i < 9600 * (part + 1) - 100; i++)
            assert_true(fabsf(out[2 * i] - 0.5f) < 1e-4f);
    }
    assert_true(largest_step(out, SECOND) < 0.02f);
    assert_counters(m, a, 0, 0);
}

static void test_seek(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m);
    fill_sine(48000, 250, 0.5f);
    assert_int_equal(kt_mixer_seek(m, 5000000), KT_OK);
    assert_int_equal(kt_mixer_seek(m, -1000000), KT_OK);
    assert_int_equal(kt_mixer_position(m), -1000000);
    assert_int_equal(kt_mixer_seek(m, 0), KT_OK);
    push(m, a, 0, 48000, 2, 0, 96000, 480);
    read_ok(m, out, 4801);
    assert_int_equal(kt_mixer_position(m), 100021);
    assert_int_equal(kt_mixer_seek(m, kt_mixer_position(m)), KT_OK);
    assert_int_equal(kt_mixer_seek(m, 100000), KT_ERR_ORDER);
    assert_int_equal(kt_mixer_seek(m, 102000), KT_OK); /* within the look-ahead */
    read_ok(m, out, 1);
    assert_true(out[0] == tone[0][4896]);
    assert_int_equal(kt_mixer_seek(m, 1000000), KT_OK);
    read_ok(m, out, 24000);
    for (int i = FADE; i < 24000; i++)
        assert_true(out[2 * i] == tone[0][48000 + i]);
    assert_counters(m, a, 0, 0);
    assert_int_equal(kt_mixer_seek(m, INT64_MAX), KT_ERR_ARG);
    assert_int_equal(kt_mixer_seek(m, INT64_MIN), KT_ERR_ARG);
}

static void test_remove_in_mid_sound(void **state)
{
    KtMixer *m = *state;
    int a = kt_mixer_add_source(m), b = kt_mixer_add_source(m);
    fill_constant(0.25f, 0.25f);
    push(m, a, 0, 48000, 1, 0, 96000, 480);
    push(m, b, 0, 48000, 1, 0, 96000, 480);
    read_ok(m, out, 4800);
    assert_int_equal(kt_mixer_remove_source(m, a), KT_OK);
    assert_int_equal(kt_mixer_remove_source(m, a), KT_ERR_NOT_FOUND);
    read_ok(m, out, 4800);
    assert_true(out[0] == 0.5f && out[2 * 1000] == 0.25f);
    assert_true(largest_step(out, 4800) < 0.003f);
    assert_int_equal(kt_mixer_add_source(m), a);
    assert_counters(m, a, 0, 0);
}

static void test_levels(void **state)
{
    KtMixer *m = *state;
    KtMixerLevel level = {9, 9};
    int a = kt_mixer_add_source(m);
    assert_int_equal(kt_mixer_level(m, a, &level), KT_OK);
    assert_true(level.peak == 0.0f && level.rms == 0.0f);
    fill_sine(48000, 480, 0.8f);
    push(m, a, 0, 48000, 2, 0, 48000, 480);
    assert_int_equal(kt_mixer_set_gain(m, a, 0.5f), KT_OK);
    read_ok(m, out, 4800);
    read_ok(m, out, 4800);
    assert_int_equal(kt_mixer_level(m, a, &level), KT_OK);
    assert_float_equal(level.peak, 0.4f, 1e-3f);
    assert_float_equal(level.rms, 0.4f / sqrtf(2.0f), 1e-3f);
    assert_int_equal(kt_mixer_set_muted(m, a, 1), KT_OK);
    read_ok(m, out, 4800);
    read_ok(m, out, 4800);
    assert_int_equal(kt_mixer_level(m, a, &level), KT_OK);
    assert_true(level.peak == 0.0f && level.rms == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_48k_passes_bit_for_bit),
        CASE(test_44100_is_clean),
        CASE(test_channels),
        CASE(test_downmix),
        CASE(test_downmix_of_nonsense),
        CASE(test_every_push_size),
        CASE(test_read_size_does_not_matter),
        CASE(test_push_order_does_not_matter),
        CASE(test_gain_and_mute_without_click),
        CASE(test_gap_is_silence_in_place),
        CASE(test_overlap_is_dropped),
        CASE(test_drop_out_while_reading),
        CASE(test_late_sound_is_counted),
        CASE(test_ready_is_the_last_of_those_who_sound),
        CASE(test_rate_change),
        CASE(test_seek),
        CASE(test_remove_in_mid_sound),
        CASE(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
