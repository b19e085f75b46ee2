/* The governor under simulated machines: it finds a rate that fits, says so once a step, and comes
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "governor.h"

/* A machine that needs cost_us for a frame at effort 7, and a fifth less for each step of speed. */
static int64_t frame_cost(const KtGovernor *g, double cost_us)
{
    for (int speed = 7; speed < g->speed; speed++)
        cost_us /= 1.25;
    return (int64_t)cost_us;
}

/* Runs seconds of media time; returns how often something changed. Frames that come late are
 * skipped as the recorder does. */
static int run(KtGovernor *g, double cost_us, double seconds)
{
    int changes = 0;
    for (double at_us = 0; at_us < seconds * 1e6;) {
        int64_t busy_us = frame_cost(g, cost_us);
        int64_t slot_us = 1000000 / g->fps;
        int64_t span_us = (busy_us + slot_us - 1) / slot_us * slot_us;
        span_us = span_us ? span_us : slot_us;
        changes += kt__governor_frame(g, busy_us, span_us, 0);
        at_us += (double)span_us;
    }
    return changes;
}

static void a_fast_machine_changes_nothing(void **state)
{
    (void)state;
    KtGovernor g;
    kt__governor_init(&g, 30, 7, 9, 1);
    assert_int_equal(run(&g, 25000, 600), 0);
    assert_int_equal(g.fps, 30);
    assert_int_equal(g.speed, 7);
}

static void effort_goes_before_frames(void **state)
{
    (void)state;
    KtGovernor g;
    kt__governor_init(&g, 30, 7, 9, 1);
    /* 40 ms at effort 7, 25.6 ms at 9: fits 33.3 ms at 9. */
    assert_int_equal(run(&g, 38000, 60), 2);
    assert_int_equal(g.speed, 9);
    assert_int_equal(g.fps, 30);
}

static void then_frames_go(void **state)
{
    (void)state;
    static const struct {
        double cost_us;
        int fps;
    } cases[] = {{55000, 24}, {68000, 20}, {90000, 15}, {500000, 15}};
    for (int i = 0; i < 4; i++) {
        KtGovernor g;
        kt__governor_init(&g, 30, 7, 9, 1);
        run(&g, cases[i].cost_us, 60);
        assert_int_equal(g.speed, 9);
        assert_int_equal(g.fps, cases[i].fps);
    }
}

static void it_takes_about_a_second(void **state)
{
    (void)state;
    KtGovernor g;
    int frames = 0;
    kt__governor_init(&g, 30, 7, 9, 1);
    run(&g, 20000, 10);
    while (!kt__governor_frame(&g, 80000, 66667, 0))
        frames++;
    assert_in_range(frames, 15, 45);
}

/* While pictures are made late it is sooner, and the first rate is one that holds. */
static void a_backlog_makes_haste(void **state)
{
    (void)state;
    static const struct {
        int64_t busy_us; /* at the first effort */
        int speed, fps;
    } cases[] = {{36000, 8, 30}, {52000, 9, 24}, {66000, 9, 20}, {90000, 9, 15}, {400000, 9, 15}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KtGovernor g;
        int frames = 0;
        kt__governor_init(&g, 30, 7, 9, 1);
        run(&g, 25000, 10);
        while (!kt__governor_frame(&g, cases[i].busy_us, 33333, 150000))
            assert_true(++frames < 60);
        assert_in_range(frames, 9, 35);
        assert_int_equal(g.speed, cases[i].speed);
        assert_int_equal(g.fps, cases[i].fps);
        /* It was right: the rest of the backlog changes nothing more. */
        for (int k = 0; k < 60 && cases[i].busy_us < 100000; k++)
            assert_int_equal(kt__governor_frame(&g, frame_cost(&g, (double)cases[i].busy_us),
                                                1000000 / g.fps, 150000),
                             0);
    }
}

/* Late without being busy: another program had the core, and the recorder catches up by itself. */
static void a_backlog_of_an_idle_recorder_changes_nothing(void **state)
{
    (void)state;
    KtGovernor g;
    kt__governor_init(&g, 30, 7, 9, 1);
    for (int i = 0; i < 300; i++)
        assert_int_equal(kt__governor_frame(&g, 15000, 33333, 200000), 0);
}

static void a_short_peak_is_forgiven(void **state)
{
    (void)state;
    KtGovernor g;
    kt__governor_init(&g, 30, 7, 9, 1);
    for (int i = 0; i < 100; i++) {
        run(&g, 15000, 2);
        assert_int_equal(kt__governor_frame(&g, 300000, 333333, 0), 0);
    }
    assert_int_equal(g.speed, 7);
}

static void it_comes_back_slowly(void **state)
{
    (void)state;
    KtGovernor g;
    kt__governor_init(&g, 30, 7, 9, 1);
    run(&g, 90000, 60);
    assert_int_equal(g.fps, 15);
    assert_int_equal(run(&g, 5000, 9), 0);
    run(&g, 5000, 120);
    assert_int_equal(g.fps, 30);
    assert_int_equal(g.speed, 7);
}

static void it_does_not_swing(void **state)
{
    (void)state;
    KtGovernor g;
    for (int cost = 10; cost <= 120; cost++) {
        kt__governor_init(&g, 30, 7, 9, 1);
        run(&g, cost * 1000, 120);
        /* An hour on a steady machine: next to nothing moves any more. */
        assert_true(run(&g, cost * 1000, 3600) <= 24);
    }
}

static void bounds_and_unknown_times(void **state)
{
    (void)state;
    KtGovernor g;
    kt__governor_init(&g, 12, 16, 16, 2);
    assert_int_equal(run(&g, 1e6, 100), 0);
    assert_int_equal(g.fps, 12);
    kt__governor_init(&g, 60, 8, 16, 2);
    run(&g, 1e6, 100);
    assert_int_equal(g.speed, 16);
    assert_int_equal(g.fps, 15);
    kt__governor_init(&g, 30, 7, 9, 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(kt__governor_frame(&g, 0, 33333, 0), 0);
    assert_int_equal(kt__governor_frame(&g, 1000000, 0, 0), 0);
    assert_int_equal(kt__governor_frame(&g, -5, 33333, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fast_machine_changes_nothing),
        cmocka_unit_test(effort_goes_before_frames),
        cmocka_unit_test(then_frames_go),
        cmocka_unit_test(it_takes_about_a_second),
        cmocka_unit_test(a_backlog_makes_haste),
        cmocka_unit_test(a_backlog_of_an_idle_recorder_changes_nothing),
        cmocka_unit_test(a_short_peak_is_forgiven),
        cmocka_unit_test(it_comes_back_slowly),
        cmocka_unit_test(it_does_not_swing),
        cmocka_unit_test(bounds_and_unknown_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
