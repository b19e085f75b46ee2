/* Sound against the engine clock over long times: clocks that differ, timestamps that jitter. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keeptake/mixer.h"

/* Sanitizers make the filter some thirty times slower; four minutes find the same mistakes there.
 */
#if defined(__SANITIZE_ADDRESS__)
#define MINUTES 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MINUTES 4
#endif
#endif
#ifndef MINUTES
#define MINUTES 60
#endif

#define WAIT_US 120000 /* the reader stays this far behind */
#define MARK_S 20      /* an impulse every so many seconds of engine time, at the middle */
#define MAX_BLOCK 96000

typedef struct Sim {
    int rate_hz;
    double ppm;       /* by which the source's clock is fast */
    double jitter_us; /* timestamps are off by up to this, both ways */
    int block;        /* frames a push */
    int seconds;
    uint64_t seed;
    double settled_ms, worst_ms, last_ms; /* results; worst counts from 60 s on */
} Sim;

static double random_unit(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

/* Source samples: silence with a triangle of +-2 ms around each mark. */
static float source_sample(double engine_s)
{
    double mark = (floor(engine_s / MARK_S) + 0.5) * MARK_S;
    double away_ms = fabs(engine_s - mark) * 1000.0;
    return away_ms < 2.0 ? (float)(0.5 * (1.0 - away_ms / 2.0)) : 0.0f;
}

typedef struct Finder {
    double sum, weight; /* centre of gravity of the mark's span */
} Finder;

static void finder_take(Sim *sim, Finder *f, const float *out, int64_t at_us, int frames)
{
    for (int i = 0; i < frames; i++) {
        double second = (double)at_us / 1e6 + i / 48000.0;
        f->sum += (double)out[2 * i] * second;
        f->weight += (double)out[2 * i];
    }
    double end = (double)at_us / 1e6 + frames / 48000.0;
    if (fmod(end, MARK_S) > 0.1 || f->weight <= 0.0 || end < MARK_S)
        return;
    double centre = f->sum / f->weight;
    double mark = (floor(centre / MARK_S) + 0.5) * MARK_S;
    sim->last_ms = (centre - mark) * 1000.0;
    if (mark < 60.0)
        sim->settled_ms = sim->last_ms;
    else if (fabs(sim->last_ms) > fabs(sim->worst_ms))
        sim->worst_ms = sim->last_ms;
    f->sum = f->weight = 0.0;
}

static void run(Sim *sim)
{
    static float in[MAX_BLOCK], out[2 * 48000];
    const float *pcm[1] = {in};
    double rate = sim->rate_hz * (1.0 + sim->ppm * 1e-6);
    KtMixer *m = NULL;
    Finder finder = {0};
    int64_t late, gap;
    assert_int_equal(kt_mixer_create(&m), KT_OK);
    assert_int_equal(kt_mixer_seek(m, -1000000), KT_OK);
    int handle = kt_mixer_add_source(m);
    int64_t read_us = -1000000, span_us = (int64_t)(sim->block / rate * 1e6);
    for (int64_t n = 0; (double)n / rate < sim->seconds; n += sim->block) {
        double second = (double)n / rate;
        for (int i = 0; i < sim->block; i++)
            in[i] = source_sample((double)(n + i) / rate);
        double jitter = (2.0 * random_unit(&sim->seed) - 1.0) * sim->jitter_us;
        assert_int_equal(kt_mixer_push(m, handle, (int64_t)(second * 1e6 + jitter), sim->rate_hz, 1,
                                       pcm, sim->block),
                         KT_OK);
        while (read_us + 10000 <= (int64_t)(second * 1e6) + span_us - WAIT_US) {
            assert_int_equal(kt_mixer_read(m, out, 480), KT_OK);
            finder_take(sim, &finder, out, read_us, 480);
            read_us += 10000;
        }
    }
    assert_int_equal(kt_mixer_counters(m, handle, &late, &gap), KT_OK);
    assert_int_equal(late, 0);
    assert_int_equal(gap, 0);
    kt_mixer_destroy(&m);
    printf("  %d Hz %+.0f ppm, jitter %.0f ms, block %d, %d s: at 50 s %+.2f ms, worst after %+.2f "
           "ms, "
           "last %+.2f ms\n",
           sim->rate_hz, sim->ppm, sim->jitter_us / 1000.0, sim->block, sim->seconds,
           sim->settled_ms, sim->worst_ms, sim->last_ms);
    assert_true(fabs(sim->settled_ms) < 5.0);
    assert_true(fabs(sim->worst_ms) < 5.0);
    assert_true(fabs(sim->last_ms) < 5.0);
}

static void test_hour_fast_clock(void **state)
{
    Sim sim = {.rate_hz = 48000,
               .ppm = 300,
               .jitter_us = 15000,
               .block = 480,
               .seconds = MINUTES * 60,
               .seed = 1};
    (void)state;
    run(&sim);
}

static void test_hour_slow_clock(void **state)
{
    Sim sim = {.rate_hz = 44100,
               .ppm = -300,
               .jitter_us = 15000,
               .block = 441,
               .seconds = MINUTES * 60,
               .seed = 2};
    (void)state;
    run(&sim);
}

/* Without jitter the clock is found almost at once, and the sound stays put. */
static void test_drift_alone(void **state)
{
    Sim sim = {.rate_hz = 48000, .ppm = -300, .block = 960, .seconds = 300, .seed = 3};
    (void)state;
    run(&sim);
    assert_true(fabs(sim.worst_ms) < 1.0);
}

/* Few timestamps, large blocks: the loop must not swing. */
static void test_block_sizes(void **state)
{
    static const int blocks[] = {128, 4096, 12000};
    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        Sim sim = {.rate_hz = 48000,
                   .ppm = 200,
                   .jitter_us = 5000,
                   .block = blocks[i],
                   .seconds = 240,
                   .seed = 4 + i};
        run(&sim);
    }
}

/* The pitch of a steady tone under jitter: speed must never change by more than 0.5 %, and hardly
 * at all once settled. Zero crossings over 1 s spans tell the frequency. */
static void test_jitter_is_not_heard(void **state)
{
    static float in[480], out[2 * 480];
    const float *pcm[1] = {in};
    uint64_t seed = 9;
    KtMixer *m = NULL;
    double least = 1e9, most = 0, crossing = -1;
    float before = 0;
    (void)state;
    assert_int_equal(kt_mixer_create(&m), KT_OK);
    int handle = kt_mixer_add_source(m);
    for (int block = 0; block < 6000; block++) {
        for (int i = 0; i < 480; i++)
            in[i] = (float)(0.5 * sin(2 * 3.14159265358979 * 100.0 * (block * 480 + i) / 48000.0));
        int64_t pts_us = block * 10000 + (int64_t)((random_unit(&seed) - 0.5) * 30000);
        assert_int_equal(kt_mixer_push(m, handle, pts_us, 48000, 1, pcm, 480), KT_OK);
        if (block < 12)
            continue;
        kt_mixer_read(m, out, 480);
        for (int i = 0; i < 480; i++) {
            double at = (block - 12) * 480 + i - (double)out[2 * i] / ((double)out[2 * i] - before);
            if (before < 0 && out[2 * i] >= 0) {
                double period = at - crossing;
                if (crossing > 0 && block > 3000) {
                    least = period < least ? period : least;
                    most = period > most ? period : most;
                }
                crossing = at;
            }
            before = out[2 * i];
        }
    }
    printf("  100 Hz after 30 s under +-15 ms jitter: periods %.3f..%.3f samples\n", least, most);
    assert_true(least > 480 * 0.999 && most < 480 * 1.001);
    kt_mixer_destroy(&m);
}

/* Muted for its first four seconds; the first 300 ms are stamped late, as on a busy machine. */
static KtMixer *open_late(int muted)
{
    KtMixer *m = NULL;
    assert_int_equal(kt_mixer_create(&m), KT_OK);
    assert_int_equal(kt_mixer_add_source(m), 0);
    assert_int_equal(kt_mixer_set_muted(m, 0, muted), KT_OK);
    return m;
}

static void push_late(KtMixer *m, int block, int64_t late_us)
{
    float pcm[480];
    const float *sides[2] = {pcm, pcm};
    for (int i = 0; i < 480; i++)
        pcm[i] = 0.15f * sinf((float)((block * 480 + i) % 16) * 6.2831853f / 16);
    const int64_t pts_us = block * INT64_C(10000) + (block < 30 ? late_us : 0);
    assert_int_equal(kt_mixer_push(m, 0, pts_us, 48000, 2, sides, 480), KT_OK);
}

/* Nobody hears how a muted source comes into step, but it does: what is heard of it later is what
 * would have been heard had it never been muted. */
static void test_muted_sound_keeps_time(void **state)
{
    (void)state;
    static const int64_t late_us[3] = {15000, 15000, 0};
    KtMixer *mixers[3] = {open_late(0), open_late(1), open_late(0)};
    float out[3][960];
    int steered = 0;
    for (int block = 0; block < 600; block++) {
        if (block == 400)
            assert_int_equal(kt_mixer_set_muted(mixers[1], 0, 0), KT_OK);
        for (int k = 0; k < 3; k++) {
            push_late(mixers[k], block, late_us[k]);
            if (block >= 20)
                assert_int_equal(kt_mixer_read(mixers[k], out[k], 480), KT_OK);
        }
        if (block < 425)
            continue;
        assert_memory_equal(out[0], out[1], sizeof out[0]);
        steered += memcmp(out[0], out[2], sizeof out[0]) != 0;
    }
    assert_true(steered > 100);
    for (int k = 0; k < 3; k++)
        kt_mixer_destroy(&mixers[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hour_fast_clock),     cmocka_unit_test(test_hour_slow_clock),
        cmocka_unit_test(test_drift_alone),         cmocka_unit_test(test_block_sizes),
        cmocka_unit_test(test_jitter_is_not_heard), cmocka_unit_test(test_muted_sound_keeps_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
