/* Whole takes that follow their pictures, on simulated machines: fast ones, ones that are held up,
 * ones that are too slow. Every picture of the source has a number, read back from the decoded
 * file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recorder_rig.h"

#define ZERO (20 * RIG_SECOND)
#define NUMBERS 8 /* told apart by their luma */
#define MOST 4096

/* One thread, one numbered camera. What comes while the thread is busy waits for it. */
typedef struct Machine {
    Rig rig;
    int handle;
    double rate, jitter_us;
    int64_t offset_us;
    int burst;       /* pictures come so many at once, all when the last of them is made */
    double frame_us; /* of work for a picture at the first effort; each step costs a quarter less */
    int first_speed; /* what frame_us is measured at */
    double hold_chance; /* that a tick is held up by hold_us */
    int64_t hold_us;
    int64_t sent, busy_us;
    uint32_t seed;
} Machine;

typedef struct Seen {
    int numbers[MOST]; /* 0..NUMBERS - 1, of each picture of the file */
    int64_t pts_us[MOST];
    int count;
    int64_t duration_us;
} Seen;

static double chance(Machine *m)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (double)(m->seed >> 8) / (1 << 24);
}

static int64_t made_us(const Machine *m, int64_t number)
{
    uint32_t mix = (uint32_t)number * 2654435761u;
    double late_us = (double)(mix >> 8) / (1 << 24) * m->jitter_us;
    return ZERO + m->offset_us + (int64_t)((double)number * 1e6 / m->rate + late_us);
}

static int64_t arrival_us(const Machine *m, int64_t number)
{
    int64_t last = m->burst > 1 ? number / m->burst * m->burst + m->burst - 1 : number;
    return made_us(m, last);
}

static void push(Machine *m)
{
    KtFrame *frame = NULL;
    int luma = 24 + 28 * (int)(m->sent % NUMBERS);
    assert_int_equal(kt_recorder_acquire_frame(m->rig.r, KT_PIXEL_I420, 64, 36, &frame), KT_OK);
    kt_frame_fill_black(frame);
    memset(frame->plane[0], luma, (size_t)frame->stride[0] * 36);
    assert_int_equal(kt_recorder_push_frame(m->rig.r, m->handle, frame, made_us(m, m->sent)),
                     KT_OK);
    m->sent++;
}

static void work(Machine *m, int drawn)
{
    double cost_us = drawn ? m->frame_us : 0;
    for (int speed = rig_stats(&m->rig).speed; speed > m->first_speed; speed -= 2)
        cost_us /= 1.25;
    m->busy_us = (int64_t)cost_us;
    m->rig.now_us += m->busy_us;
    if (m->hold_chance > 0 && chance(m) < m->hold_chance)
        m->rig.now_us += m->hold_us; /* another program has the core */
}

static void run_until(Machine *m, int64_t until_us)
{
    Rig *rig = &m->rig;
    while (rig->now_us < until_us) {
        int64_t next_us = kt_recorder_next_us(rig->r, rig->now_us);
        if (arrival_us(m, m->sent) < next_us)
            next_us = arrival_us(m, m->sent);
        next_us = next_us < until_us ? next_us : until_us;
        rig->now_us = next_us > rig->now_us ? next_us : rig->now_us;
        while (arrival_us(m, m->sent) <= rig->now_us)
            push(m);
        if (kt_recorder_next_us(rig->r, rig->now_us) > rig->now_us)
            continue;
        rig->busy_us = m->busy_us;
        rig_step(rig, 0);
        work(m, rig->flags & KT_TICK_CANVAS);
    }
}

static void open_machine(Machine *m, double rate, int governor)
{
    KtRecorderConfig config;
    memset(m, 0, sizeof *m);
    rig_config(&config);
    config.fps = 30;
    config.speed = 12;
    config.governor = governor;
    config.follow_pictures = 1;
    rig_open(&m->rig, &config, ZERO);
    m->rate = rate;
    m->seed = 5;
    m->first_speed = 12;
    m->frame_us = 9000;
    m->handle = kt_recorder_add_source(m->rig.r, "ann", "ann", 1, 0, ZERO, RIG_WALL);
    assert_true(m->handle >= 0);
    rig_compose(&m->rig, rig_alone);
}

/* Two seconds of setup, then a take of so many seconds. */
static void record(Machine *m, double seconds)
{
    run_until(m, ZERO + 2 * RIG_SECOND);
    rig_start(&m->rig);
    run_until(m, m->rig.now_us + (int64_t)(seconds * 1e6));
}

/* The file's times; its numbers where sharp: the source never stood still for long. */
static void stop_and_look(Machine *m, Seen *seen, int sharp)
{
    RigTake take;
    double lumas[MOST];
    rig_stop(&m->rig);
    rig_read(&m->rig.file, &take);
    assert_in_range(take.video_count, 1, MOST);
    rig_decode_lumas(&take, 0, take.video_count, lumas);
    seen->count = take.video_count;
    seen->duration_us = take.duration_us;
    for (int i = 0; i < take.video_count; i++) {
        seen->numbers[i] = (int)floor((lumas[i] - 24) / 28 + 0.5);
        seen->pts_us[i] = take.video[i].pts_us;
        assert_true(!sharp || fabs(lumas[i] - 24 - 28 * seen->numbers[i]) < 8);
    }
    rig_take_reset(&take);
    rig_close(&m->rig);
}

/* How many pictures further slot i + slots is than slot i. */
static int steps(const Seen *seen, int i, int slots)
{
    int all = 0;
    for (int k = i; k < i + slots; k++)
        all += (seen->numbers[k + 1] - seen->numbers[k] + NUMBERS) % NUMBERS;
    return all;
}

static void check_grid(const Seen *seen, int fps)
{
    for (int i = 0; i < seen->count; i++)
        assert_true(llabs(seen->pts_us[i] - i * RIG_SECOND / fps) <= 1000);
}

/* Twice or missing of a source of the take's rate. */
static int uneven(const Seen *seen, int from, int to)
{
    int count = 0;
    for (int i = from; i + 1 < to; i++)
        count += abs(steps(seen, i, 1) - 1);
    return count;
}

static void every_rate_is_even(void **state)
{
    (void)state;
    static const struct {
        double rate;
        int slots, pictures;
    } cases[] = {{30, 1, 1}, {15, 2, 1}, {24, 5, 4}, {25, 6, 5}, {50, 3, 5}, {60, 1, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int offset_us = 0; offset_us < 33000; offset_us += 11000) {
            static Machine m;
            static Seen seen;
            open_machine(&m, cases[i].rate, 0);
            m.offset_us = offset_us;
            m.jitter_us = 0.3e6 / cases[i].rate / cases[i].slots;
            record(&m, 6);
            stop_and_look(&m, &seen, 1);
            check_grid(&seen, 30);
            assert_in_range(seen.count, 178, 181);
            /* The last slot's moment may not have come at Stop. */
            for (int k = 0; k + cases[i].slots < seen.count - 1; k++)
                assert_int_equal(steps(&seen, k, cases[i].slots), cases[i].pictures);
        }
}

/* Other programs take the core for up to a sixth of a second, several times a second. */
static void a_machine_that_is_held_up_loses_nothing(void **state)
{
    (void)state;
    for (int hold_ms = 20; hold_ms <= 160; hold_ms += 35) {
        static Machine m;
        static Seen seen;
        open_machine(&m, 30, 1);
        m.jitter_us = 6000;
        m.hold_us = hold_ms * 1000;
        m.hold_chance = 3.0 / hold_ms;
        record(&m, 20);
        stop_and_look(&m, &seen, 1);
        check_grid(&seen, 30);
        assert_in_range(seen.count, 590, 601);
        assert_int_equal(uneven(&seen, 0, seen.count), 0);
    }
}

static void pictures_that_come_in_bursts_have_slots_of_their_own(void **state)
{
    (void)state;
    for (int burst = 2; burst <= 3; burst++) {
        static Machine m;
        static Seen seen;
        open_machine(&m, 30, 0);
        m.burst = burst;
        record(&m, 10);
        stop_and_look(&m, &seen, 1);
        check_grid(&seen, 30);
        assert_int_equal(uneven(&seen, 0, seen.count), 0);
    }
}

/* What cannot be made up for is a hole; before and after it nothing is missing. */
static void a_long_stall_is_a_hole_and_no_more(void **state)
{
    (void)state;
    static Machine m;
    static Seen seen;
    int holes = 0;
    open_machine(&m, 30, 1);
    record(&m, 3);
    m.rig.now_us += 2 * RIG_SECOND;
    run_until(&m, m.rig.now_us + 3 * RIG_SECOND);
    stop_and_look(&m, &seen, 1);
    for (int i = 0; i + 1 < seen.count; i++) {
        int64_t gap_us = seen.pts_us[i + 1] - seen.pts_us[i];
        if (gap_us > 40000) {
            holes++;
            assert_in_range(gap_us, 1700000, 2000000);
        }
    }
    assert_int_equal(holes, 1);
    assert_in_range(uneven(&seen, 0, 88) + uneven(&seen, seen.count - 60, seen.count), 0, 0);
}

/* Pictures of the file by the time to the next one. */
static int count_gaps(const Seen *seen, int64_t from_us, int64_t to_us, int64_t gap_us)
{
    int count = 0;
    for (int i = 0; i + 1 < seen->count; i++)
        count += seen->pts_us[i] >= from_us && seen->pts_us[i] < to_us &&
                 llabs(seen->pts_us[i + 1] - seen->pts_us[i] - gap_us) <= 1100;
    return count;
}

static int count_all(const Seen *seen, int64_t from_us, int64_t to_us)
{
    int count = 0;
    for (int i = 0; i + 1 < seen->count; i++)
        count += seen->pts_us[i] >= from_us && seen->pts_us[i] < to_us;
    return count;
}

/* A machine that cannot keep up ends at the rate that it can, without a slot between that is
 * uneven; most machines lose no slot on the way there. */
static void a_slow_machine_finds_an_even_rate(void **state)
{
    (void)state;
    static const struct {
        double frame_us; /* at the first effort: 0.64 of it at the last */
        int fps;
        int most_lost; /* slots on the way */
    } cases[] = {{44000, 30, 3}, {56000, 24, 6}, {68000, 20, 8}, {88000, 15, 12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static Machine m;
        static Seen seen;
        int64_t end_us = 20 * RIG_SECOND, slot_us = RIG_SECOND / cases[i].fps;
        open_machine(&m, 30, 1);
        m.frame_us = cases[i].frame_us;
        record(&m, 20);
        assert_int_equal(rig_stats(&m.rig).target_fps, cases[i].fps);
        assert_in_range(rig_stats(&m.rig).frames_dropped, 0, cases[i].most_lost);
        stop_and_look(&m, &seen, 1);
        int all = count_all(&seen, 3 * RIG_SECOND, end_us);
        assert_int_equal(count_gaps(&seen, 3 * RIG_SECOND, end_us, slot_us), all);
        assert_in_range(all, 17 * cases[i].fps - 9, 17 * cases[i].fps + 1);
        /* The same in pictures: of each second those that the rate leaves. */
        for (int k = seen.count - 8 * cases[i].fps; k + cases[i].fps < seen.count; k++)
            assert_in_range(steps(&seen, k, cases[i].fps), 29, 31);
    }
}

static void it_comes_back_to_every_picture(void **state)
{
    (void)state;
    static Machine m;
    static Seen seen;
    open_machine(&m, 30, 1);
    m.frame_us = 75000;
    record(&m, 10);
    assert_in_range(rig_stats(&m.rig).target_fps, 15, 20);
    m.frame_us = 9000;
    run_until(&m, m.rig.now_us + 60 * RIG_SECOND);
    assert_int_equal(rig_stats(&m.rig).target_fps, 30);
    stop_and_look(&m, &seen, 1);
    int64_t from_us = seen.duration_us - 10 * RIG_SECOND;
    assert_int_equal(count_gaps(&seen, from_us, seen.duration_us, 33333),
                     count_all(&seen, from_us, seen.duration_us));
    assert_int_equal(uneven(&seen, seen.count - 290, seen.count), 0);
}

/* A camera that stops for a while, and one that never comes, hold nothing up for long. */
static void a_silent_camera_is_not_waited_for(void **state)
{
    (void)state;
    for (int seconds = 0; seconds <= 3; seconds += 3) {
        static Machine m;
        static Seen seen;
        open_machine(&m, 30, 0);
        record(&m, seconds);
        double rate = m.rate;
        int64_t silent_us = m.rig.now_us;
        m.rate = 1e-3;
        m.offset_us = 0;
        run_until(&m, silent_us + 5 * RIG_SECOND);
        assert_in_range(kt_recorder_next_us(m.rig.r, m.rig.now_us), m.rig.now_us,
                        m.rig.now_us + 60000);
        m.rate = rate;
        stop_and_look(&m, &seen, 0);
        check_grid(&seen, 30);
        assert_in_range(seen.count, (5 + seconds) * 30 - 1, (5 + seconds) * 30 + 1);
    }
}

/* Wherever Stop falls: as long as the clock says, no picture twice at the end, none after it. */
static void stop_repeats_nothing(void **state)
{
    (void)state;
    for (int after_us = 5000; after_us < 120000; after_us += 7000) {
        static Machine m;
        static Seen seen;
        open_machine(&m, 30, 0);
        m.offset_us = 21000;
        record(&m, 0);
        int64_t begun_us = m.rig.now_us;
        run_until(&m, begun_us + after_us);
        int64_t take_us = m.rig.now_us - begun_us;
        stop_and_look(&m, &seen, 1);
        check_grid(&seen, 30);
        assert_true(llabs(seen.duration_us - take_us) <= 1000);
        assert_true(seen.count == 1 || seen.pts_us[seen.count - 1] < seen.duration_us);
        assert_int_equal(uneven(&seen, 0, seen.count), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rate_is_even),
        cmocka_unit_test(a_machine_that_is_held_up_loses_nothing),
        cmocka_unit_test(pictures_that_come_in_bursts_have_slots_of_their_own),
        cmocka_unit_test(a_long_stall_is_a_hole_and_no_more),
        cmocka_unit_test(a_slow_machine_finds_an_even_rate),
        cmocka_unit_test(it_comes_back_to_every_picture),
        cmocka_unit_test(a_silent_camera_is_not_waited_for),
        cmocka_unit_test(stop_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
