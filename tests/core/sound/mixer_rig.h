/* What the mixer's tests share: a mixer for each test, sound to push, what came out. */
#ifndef KEEPTAKE_TEST_MIXER_RIG_H
#define KEEPTAKE_TEST_MIXER_RIG_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keeptake/mixer.h"

#define PI 3.14159265358979323846
#define SECOND 48000
#define FADE 144
#define MAX_FRAME 96000

static float tone[2][192000];
static float out[2 * SECOND];

static inline int setup(void **state)
{
    KtMixer *m = NULL;
    if (kt_mixer_create(&m) != KT_OK)
        return -1;
    *state = m;
    return 0;
}

static inline int teardown(void **state)
{
    KtMixer *m = *state;
    kt_mixer_destroy(&m);
    return m != NULL;
}

static inline void fill_constant(float left, float right)
{
    for (int i = 0; i < MAX_FRAME; i++) {
        tone[0][i] = left;
        tone[1][i] = right;
    }
}

static inline void fill_sine(int rate_hz, double hz, float level)
{
    for (int i = 0; i < 192000; i++)
        tone[0][i] = tone[1][i] = (float)(level * sin(2.0 * PI * hz * i / rate_hz));
}

/* Pushes samples from..from+frames of tone in blocks, stamped as if sample 0 were at base_us. */
static inline void push(KtMixer *m, int handle, int64_t base_us, int rate_hz, int channels,
                        int from, int frames, int block)
{
    for (int end = from + frames; from < end; from += block) {
        const float *pcm[8] = {tone[0] + from, tone[1] + from};
        int n = end - from < block ? end - from : block;
        int64_t pts_us = base_us + (int64_t)from * 1000000 / rate_hz;
        for (int c = 2; c < 8; c++)
            pcm[c] = tone[0];
        assert_int_equal(kt_mixer_push(m, handle, pts_us, rate_hz, channels, pcm, n), KT_OK);
    }
}

static inline void read_ok(KtMixer *m, float *to, int frames)
{
    assert_int_equal(kt_mixer_read(m, to, frames), KT_OK);
}

static inline float largest_step(const float *samples, int frames)
{
    float most = 0;
    for (int i = 1; i < frames; i++)
        most = fmaxf(most, fabsf(samples[2 * i] - samples[2 * i - 2]));
    return most;
}

static inline float largest(const float *samples, int frames)
{
    float most = 0;
    for (int i = 0; i < 2 * frames; i++)
        most = fmaxf(most, fabsf(samples[i]));
    return most;
}

static inline void assert_counters(const KtMixer *m, int handle, int64_t late, int64_t gap)
{
    int64_t late_frames = -1, gap_frames = -1;
    assert_int_equal(kt_mixer_counters(m, handle, &late_frames, &gap_frames), KT_OK);
    assert_int_equal(late_frames, late);
    assert_int_equal(gap_frames, gap);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
