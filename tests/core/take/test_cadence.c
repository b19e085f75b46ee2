/* The cadence alone, fed by simulated sources: which picture is in which slot. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cadence.h"

#define SECOND INT64_C(1000000)
#define START (1000 * SECOND)
#define MOST 20000

/* A source: picture n is made at start + n / rate and comes late_us of jitter later. */
typedef struct Source {
    double rate, jitter_us;
    double from_us, to_us; /* silent outside of; engine clock */
    uint32_t seed;
    int64_t sent;
    int64_t next_us;
} Source;

/* The world: at every moment whatever comes first happens. */
typedef struct World {
    KtCadence c;
    Source sources[2];
    int count;
    int watched; /* whose pictures are counted */
    int64_t now_us;
    int recording;
    int64_t shown;         /* newest picture of the watched source */
    int64_t in_slot[MOST]; /* what each recorded slot shows */
    int64_t pts_us[MOST];
    int slots;
} World;

static double jitter(Source *s)
{
    s->seed = s->seed * 1664525u + 1013904223u;
    return (double)(s->seed >> 8) / (1 << 24) * s->jitter_us;
}

static void plan_next(Source *s)
{
    double at_us = s->from_us + (double)s->sent * 1e6 / s->rate;
    s->next_us = at_us > s->to_us ? INT64_MAX : (int64_t)(at_us + jitter(s));
}

static void open_world(World *w, int fps)
{
    memset(w, 0, sizeof *w);
    kt__cadence_init(&w->c, fps);
    w->now_us = START;
    w->shown = -1;
}

static void add_source(World *w, double rate, double jitter_us, double from_us, double to_us,
                       int weight)
{
    Source *s = &w->sources[w->count];
    *s = (Source){.rate = rate, .jitter_us = jitter_us, .from_us = from_us, .to_us = to_us};
    s->seed = 7u + (unsigned)w->count;
    plan_next(s);
    kt__cadence_weigh(&w->c, w->count++, weight);
}

static void record_due(World *w)
{
    int64_t slot = kt__cadence_newest(&w->c, w->now_us);
    if (slot < w->c.next_slot)
        return;
    assert_true(w->slots < MOST);
    w->in_slot[w->slots] = w->shown;
    w->pts_us[w->slots++] = kt__cadence_pts_us(&w->c, slot);
    kt__cadence_pass(&w->c, slot);
}

static void run_until(World *w, int64_t until_us)
{
    while (w->now_us < until_us) {
        int64_t next_us = until_us;
        Source *first = NULL;
        if (w->recording && kt__cadence_due_us(&w->c) < next_us)
            next_us = kt__cadence_due_us(&w->c);
        for (int i = 0; i < w->count; i++)
            if (w->sources[i].next_us < next_us) {
                first = &w->sources[i];
                next_us = first->next_us;
            }
        w->now_us = next_us > w->now_us ? next_us : w->now_us;
        kt__cadence_lead(&w->c, w->now_us);
        if (first) {
            kt__cadence_picture(&w->c, (int)(first - w->sources), w->now_us);
            if (first - w->sources == w->watched)
                w->shown = first->sent;
            first->sent++;
            plan_next(first);
        } else if (w->recording) {
            record_due(w);
        }
    }
}

static void begin(World *w)
{
    w->recording = 1;
    kt__cadence_begin(&w->c, w->now_us);
}

/* Slots from..to: how many show the picture of the one before, and how many pictures are in none.
 */
static int twice(const World *w, int from, int to)
{
    int count = 0;
    for (int i = from + 1; i < to; i++)
        count += w->in_slot[i] == w->in_slot[i - 1];
    return count;
}

static int missing(const World *w, int from, int to)
{
    int64_t count = 0;
    for (int i = from + 1; i < to; i++)
        if (w->in_slot[i] > w->in_slot[i - 1] + 1)
            count += w->in_slot[i] - w->in_slot[i - 1] - 1;
    return (int)count;
}

/* Timestamps are the grid of fps without a gap. */
static void check_grid(const World *w, int fps)
{
    for (int i = 0; i < w->slots; i++)
        assert_int_equal(w->pts_us[i], i * SECOND / fps);
}

/* Wherever the source's pictures lie against the take's start, and whatever some milliseconds of
 * delay each has: every one is there once, from the first on. */
static void each_picture_once(void **state)
{
    (void)state;
    static const int rates[] = {15, 20, 24, 25, 30, 50, 60};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        for (int offset_us = 0; offset_us < SECOND / rates[i]; offset_us += 3100) {
            static World w;
            int fps = rates[i];
            open_world(&w, fps);
            add_source(&w, fps, 0.35e6 / fps, START + offset_us, INFINITY, 100);
            run_until(&w, START + 2 * SECOND);
            begin(&w);
            run_until(&w, START + 32 * SECOND);
            assert_int_equal(twice(&w, 0, w.slots), 0);
            assert_int_equal(missing(&w, 0, w.slots), 0);
            check_grid(&w, fps);
            assert_true(w.slots >= 30 * fps - 2);
        }
}

/* 100 ppm are a picture in five and a half minutes: one too many or too few, no flutter around it.
 */
static void a_clock_that_drifts_costs_one_picture(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        static World w;
        open_world(&w, 30);
        add_source(&w, 30 * (1 + sign * 100e-6), 8000, START, INFINITY, 100);
        run_until(&w, START + 2 * SECOND);
        begin(&w);
        run_until(&w, START + 600 * SECOND);
        assert_in_range(twice(&w, 0, w.slots) + missing(&w, 0, w.slots), 0, 3);
        check_grid(&w, 30);
    }
}

/* Longest and shortest run of equal steps: a pull-down repeats every a slots. */
static void check_pattern(const World *w, int from, int slots, int pictures)
{
    for (int i = from; i + slots < w->slots; i++)
        assert_int_equal(w->in_slot[i + slots] - w->in_slot[i], pictures);
}

static void other_rates_make_even_patterns(void **state)
{
    (void)state;
    static const struct {
        int rate, fps, slots, pictures;
    } cases[] = {{15, 30, 2, 1}, {24, 30, 5, 4}, {25, 30, 6, 5}, {50, 30, 3, 5}, {60, 30, 1, 2},
                 {30, 24, 4, 5}, {30, 20, 2, 3}, {30, 15, 1, 2}, {25, 24, 0, 0}, {60, 24, 2, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int offset_us = 0; offset_us < 40000; offset_us += 1700) {
            static World w;
            double lattice_us = 1e6 / cases[i].rate / (cases[i].slots ? cases[i].slots : 1);
            open_world(&w, cases[i].fps);
            add_source(&w, cases[i].rate, 0.3 * lattice_us, START + offset_us, INFINITY, 100);
            run_until(&w, START + 2 * SECOND);
            begin(&w);
            run_until(&w, START + 22 * SECOND);
            check_grid(&w, cases[i].fps);
            if (cases[i].slots)
                check_pattern(&w, 0, cases[i].slots, cases[i].pictures);
        }
}

/* The take begins before anything is known: the phase is found while it runs, in one step. */
static void a_source_that_comes_later_is_followed(void **state)
{
    (void)state;
    for (int offset_us = 0; offset_us < 33000; offset_us += 1900) {
        static World w;
        open_world(&w, 30);
        begin(&w);
        add_source(&w, 30, 9000, START + SECOND + offset_us, INFINITY, 100);
        run_until(&w, START + 30 * SECOND);
        check_grid(&w, 30);
        assert_int_equal(twice(&w, 50, w.slots) + missing(&w, 50, w.slots), 0);
    }
}

/* A source that came in fits and starts, as while a page loads, leads half a second after it has
 * found its rate. */
static void a_bad_beginning_is_soon_forgotten(void **state)
{
    (void)state;
    KtCadence c;
    int64_t at_us = START;
    kt__cadence_init(&c, 30);
    kt__cadence_weigh(&c, 0, 100);
    for (int i = 0; i < 40; i++) {
        at_us += i % 3 == 0 ? 180000 : 4000 + 1000 * (i % 7);
        kt__cadence_picture(&c, 0, at_us);
    }
    kt__cadence_lead(&c, at_us);
    assert_int_equal(c.leader, -1);
    for (int i = 0; i < 15; i++) {
        at_us += 33333 + (i % 2 ? 3000 : -3000);
        /* One comes far off its place, the next one does not. */
        kt__cadence_picture(&c, 0, at_us + (i == 7 ? 16000 : 0));
    }
    kt__cadence_lead(&c, at_us);
    assert_int_equal(c.leader, 0);
    assert_true(fabs(c.sources[0].period_us - 33333) < 700);
}

static void a_source_that_stops_holds_nothing_up(void **state)
{
    (void)state;
    static World w;
    open_world(&w, 30);
    add_source(&w, 30, 5000, START, START + 5 * SECOND, 100);
    run_until(&w, START + 2 * SECOND);
    begin(&w);
    run_until(&w, START + 12 * SECOND);
    check_grid(&w, 30);
    assert_in_range(w.slots, 299, 301);
    assert_int_equal(w.in_slot[w.slots - 1], 150);
}

/* A screen that sends on change only, large; a camera beside it, small: the camera leads. */
static void what_has_no_rate_does_not_lead(void **state)
{
    (void)state;
    static World w;
    open_world(&w, 30);
    add_source(&w, 30, 8000, START + 11000, INFINITY, 20);
    add_source(&w, 7.3, 900000, START, INFINITY, 80);
    run_until(&w, START + 3 * SECOND);
    begin(&w);
    run_until(&w, START + 33 * SECOND);
    assert_int_equal(w.c.leader, 0);
    check_grid(&w, 30);
    assert_int_equal(twice(&w, 0, w.slots) + missing(&w, 0, w.slots), 0);
}

static void the_leader_changes_with_the_layout(void **state)
{
    (void)state;
    static World w;
    open_world(&w, 30);
    add_source(&w, 30, 6000, START + 3000, INFINITY, 80);
    add_source(&w, 30, 6000, START + 19000, INFINITY, 20);
    run_until(&w, START + 2 * SECOND);
    begin(&w);
    run_until(&w, START + 5 * SECOND);
    assert_int_equal(w.c.leader, 0);
    /* As large as the other: who leads stays. */
    kt__cadence_weigh(&w.c, 0, 50);
    kt__cadence_weigh(&w.c, 1, 55);
    run_until(&w, START + 6 * SECOND);
    assert_int_equal(w.c.leader, 0);
    kt__cadence_weigh(&w.c, 1, 90);
    w.watched = 1;
    run_until(&w, START + 9 * SECOND);
    assert_int_equal(w.c.leader, 1);
    int from = w.slots;
    run_until(&w, START + 29 * SECOND);
    check_grid(&w, 30);
    assert_int_equal(twice(&w, from, w.slots) + missing(&w, from, w.slots), 0);
    kt__cadence_forget(&w.c, 1);
    kt__cadence_lead(&w.c, w.now_us);
    assert_int_equal(w.c.leader, 0);
}

/* After a pause of any length the moments lie right at once. */
static void a_pause_does_not_move_the_phase_off(void **state)
{
    (void)state;
    for (int pause_us = 100000; pause_us < 140000; pause_us += 2900) {
        static World w;
        open_world(&w, 30);
        add_source(&w, 30, 8000, START, INFINITY, 100);
        run_until(&w, START + 2 * SECOND);
        begin(&w);
        run_until(&w, START + 5 * SECOND);
        while (kt__cadence_pts_us(&w.c, w.c.next_slot) < 3 * SECOND)
            kt__cadence_pass(&w.c, w.c.next_slot);
        w.recording = 0;
        run_until(&w, w.now_us + pause_us);
        w.recording = 1;
        kt__cadence_continue(&w.c, w.now_us - 3 * SECOND);
        int from = w.slots;
        run_until(&w, w.now_us + 10 * SECOND);
        assert_int_equal(twice(&w, from, w.slots) + missing(&w, from, w.slots), 0);
    }
}

/* The governor's rates: even from the slot after the change on, in time and in pictures. */
static void another_frame_rate_is_even_again(void **state)
{
    (void)state;
    static World w;
    open_world(&w, 30);
    add_source(&w, 30, 2000, START + 4000, INFINITY, 100);
    run_until(&w, START + 2 * SECOND);
    begin(&w);
    run_until(&w, START + 5 * SECOND);
    int last = w.slots - 1;
    kt__cadence_set_fps(&w.c, 24, w.pts_us[last]);
    run_until(&w, START + 15 * SECOND);
    for (int i = last + 1; i < w.slots; i++)
        assert_int_equal(w.pts_us[i], w.pts_us[last] + (i - last) * SECOND / 24);
    check_pattern(&w, last + 48, 4, 5);
}

/* A machine that was away records the newest slot and counts the others as gone. */
static void after_a_hole_the_newest_slot_is_next(void **state)
{
    (void)state;
    KtCadence c;
    kt__cadence_init(&c, 30);
    kt__cadence_begin(&c, START);
    assert_int_equal(kt__cadence_newest(&c, START - 1), -1);
    assert_int_equal(kt__cadence_newest(&c, START), 0);
    kt__cadence_pass(&c, 0);
    assert_int_equal(kt__cadence_newest(&c, START + 33332), 0);
    assert_int_equal(kt__cadence_newest(&c, START + 33333), 1);
    assert_int_equal(kt__cadence_newest(&c, START + 3600 * SECOND), 108000);
    assert_int_equal(kt__cadence_newest(&c, START + 3600 * SECOND + 33332), 108000);
}

/* Pictures at one time, in bursts, or going back: no rate, and no harm. */
static void odd_arrivals_are_survived(void **state)
{
    (void)state;
    static World w;
    open_world(&w, 30);
    kt__cadence_weigh(&w.c, 3, 100);
    begin(&w);
    uint32_t seed = 1;
    for (int i = 0; i < 5000; i++) {
        seed = seed * 1664525u + 1013904223u;
        w.now_us += seed >> 16 & 0xffff;
        kt__cadence_picture(&w.c, 3, w.now_us - (seed >> 8 & 0x3fff));
        kt__cadence_lead(&w.c, w.now_us);
        record_due(&w);
        assert_true(w.c.phase_us >= 0 && w.c.phase_us < 1.25 * 33334);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_picture_once),
        cmocka_unit_test(a_clock_that_drifts_costs_one_picture),
        cmocka_unit_test(other_rates_make_even_patterns),
        cmocka_unit_test(a_source_that_comes_later_is_followed),
        cmocka_unit_test(a_bad_beginning_is_soon_forgotten),
        cmocka_unit_test(a_source_that_stops_holds_nothing_up),
        cmocka_unit_test(what_has_no_rate_does_not_lead),
        cmocka_unit_test(the_leader_changes_with_the_layout),
        cmocka_unit_test(a_pause_does_not_move_the_phase_off),
        cmocka_unit_test(another_frame_rate_is_even_again),
        cmocka_unit_test(after_a_hole_the_newest_slot_is_next),
        cmocka_unit_test(odd_arrivals_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
