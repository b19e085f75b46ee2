/* Whole takes of make-believe people, natively, read back and decoded. Failures and bad input are
 * in test_recorder_calls.c, the hour-long and random takes in test_recorder_long.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "recorder_rig.h"

#define ZERO (7 * RIG_SECOND)

static const char pair[] = "{\"layout\":\"side-by-side\",\"sources\":[{\"id\":\"ann\"},{\"id\":"
                           "\"bob\"}]}";

/* 320x180, three people, layouts, a pause, a restart: a minute of take time. */
static void a_minute(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    char events[512];
    rig_config(&config);
    config.width = 320;
    config.height = 180;
    config.fps = 30;
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_join(&rig, 1, "bob", rig_moving, rig_tone);
    rig_join(&rig, 2, "screen", rig_moving, NULL);
    rig.people[2].fps = 10;
    rig_compose(&rig, pair);
    rig_run(&rig, ZERO + RIG_SECOND, 10000);
    rig_start(&rig);
    rig_run(&rig, ZERO + 3 * RIG_SECOND, 10000);
    assert_int_equal(kt_recorder_restart(rig.r, rig.now_us, RIG_WALL + rig.now_us), KT_OK);
    rig_file_reset(&rig.file);
    rig_run(&rig, ZERO + 4 * RIG_SECOND, 10000);
    rig_start(&rig);
    rig_run(&rig, ZERO + 24 * RIG_SECOND, 10000);
    long live = kt_alloc_live(), count = kt_alloc_count();
    rig_run(&rig, ZERO + 34 * RIG_SECOND, 10000);
    rig_pause(&rig);
    rig_run(&rig, ZERO + 44 * RIG_SECOND + 7777, 10000);
    rig_resume(&rig);
    rig_compose(&rig,
                "{\"layout\":\"spotlight\",\"focus\":\"screen\",\"sources\":[{\"id\":\"ann\"},"
                "{\"id\":\"screen\"},{\"id\":\"bob\",\"shape\":\"circle\"}]}");
    rig_run(&rig, ZERO + 64 * RIG_SECOND + 7777, 10000);
    /* Nothing is allocated a frame: over 30 s only the layout's tables, the timeline, the file. */
    assert_true(kt_alloc_count() - count < 120);
    assert_true(labs(kt_alloc_live() - live) < 60);
    rig_run(&rig, ZERO + 74 * RIG_SECOND + 7777, 10000);
    KtRecorderStats stats = rig_stats(&rig);
    assert_int_equal(stats.frames_dropped, 0);
    assert_int_equal(stats.frames, 1801); /* one at the very end */
    assert_float_equal(stats.fps, 30, 0.6);
    /* Blocks that straddle a start or a resume, for each of two voices. */
    assert_true(stats.audio_late_frames < 2 * 3 * 960);
    assert_int_equal(stats.sources, 3);
    assert_true(stats.peak[0] > 0.2f && stats.peak[0] < 0.3f);
    rig_stop(&rig);
    assert_int_equal(kt_recorder_session(rig.r)->take_us, 60 * RIG_SECOND);
    rig_check_file(&rig, 30, 60 * RIG_SECOND);
    rig_events(&rig, events, sizeof events);
    assert_string_equal(events, "restart start source-added source-added source-added composition "
                                "pause resume composition stop");
    rig_close(&rig);
}

static uint8_t dark(int64_t us)
{
    (void)us;
    return 40;
}

/* Bright and loud from 5 s to 8 s after the start. */
static uint8_t bright_in_pause(int64_t us)
{
    return us >= ZERO + 5 * RIG_SECOND && us < ZERO + 8 * RIG_SECOND ? 220 : 40;
}

static float loud_in_pause(int64_t us)
{
    return us >= ZERO + 5 * RIG_SECOND && us < ZERO + 8 * RIG_SECOND ? rig_tone(us) : 0;
}

static void what_happens_in_a_pause_stays_out(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    double lumas[64];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", bright_in_pause, loud_in_pause);
    rig_compose(&rig, rig_alone);
    rig_start(&rig);
    rig_run(&rig, ZERO + 5 * RIG_SECOND - 1000, 13000);
    rig_pause(&rig);
    rig_run(&rig, ZERO + 8 * RIG_SECOND + 5000, 13000);
    rig_resume(&rig);
    rig_run(&rig, ZERO + 11 * RIG_SECOND, 13000);
    rig_stop(&rig);
    int64_t take_us = kt_recorder_session(rig.r)->take_us;
    assert_int_equal(take_us, 8 * RIG_SECOND - 6000);
    rig_read(&rig.file, &take);
    rig_check_even(&take, 5, take_us);
    rig_decode_lumas(&take, 0, take.video_count, lumas);
    for (int i = 0; i < take.video_count; i++)
        assert_true(lumas[i] < 60);
    rig_decode_sound(&take, 0, take.audio_count);
    /* The mixer fades over a cut, so 3 ms of what follows it are not quite silent. */
    int64_t cut_us = 5 * RIG_SECOND - 1000;
    assert_true(rig_peak(&take, 0, cut_us - 10000) < 0.005f);
    assert_true(rig_peak(&take, cut_us - 10000, cut_us + 15000) < 0.25f);
    assert_true(rig_peak(&take, cut_us + 15000, take_us) < 0.005f);
    rig_take_reset(&take);
    rig_close(&rig);
}

/* The other way round: only what lies outside of the pause is loud, and nothing of it is missing.
 */
static float quiet_in_pause(int64_t us)
{
    return us >= ZERO + 5 * RIG_SECOND && us < ZERO + 8 * RIG_SECOND ? 0 : rig_tone(us);
}

static void nothing_is_missing_around_a_pause(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", dark, quiet_in_pause);
    rig_compose(&rig, rig_alone);
    rig_start(&rig);
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    rig_pause(&rig);
    rig_run(&rig, ZERO + 8 * RIG_SECOND, 20000);
    rig_resume(&rig);
    rig_run(&rig, ZERO + 10 * RIG_SECOND, 20000);
    rig_stop(&rig);
    rig_read(&rig.file, &take);
    rig_check_even(&take, 5, 7 * RIG_SECOND);
    rig_decode_sound(&take, 0, take.audio_count);
    for (int64_t at = 20000; at < 7 * RIG_SECOND - 20000; at += 10000)
        assert_true(rig_peak(&take, at, at + 10000) > 0.12f);
    rig_take_reset(&take);
    rig_close(&rig);
}

/* Pauses far shorter than the wait for sound, more of them than the queue holds. */
static void many_short_pauses(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    rig_config(&config);
    config.audio_wait_us = 1000000;
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_compose(&rig, rig_alone);
    rig_start(&rig);
    for (int i = 0; i < 40; i++) {
        rig_step(&rig, 7000);
        rig_pause(&rig);
        rig_step(&rig, i % 3 * 3001);
        rig_resume(&rig);
    }
    rig_run(&rig, rig.now_us + 3 * RIG_SECOND, 20000);
    rig_pause(&rig);
    rig_step(&rig, 1000);
    rig_stop(&rig);
    int64_t take_us = kt_recorder_session(rig.r)->take_us;
    assert_int_equal(take_us, 40 * 7000 + 3 * RIG_SECOND);
    rig_check_file(&rig, 5, take_us);
    rig_close(&rig);
}

/* How far the sound of the file lies behind the clock, were the page to close now. */
static int64_t sound_behind_us(Rig *rig)
{
    RigTake take;
    assert_int_equal(kt_recorder_flush(rig->r), KT_OK);
    rig_drain(rig);
    rig_read(&rig->file, &take);
    int64_t end_us = take.audio[take.audio_count - 1].pts_us + 20000 - take.codec_delay_us;
    rig_take_reset(&take);
    return rig->now_us - ZERO - end_us;
}

/* Sound waits for whoever is late, no longer than that and not for ever. */
static void sound_waits_for_the_latest(void **state)
{
    (void)state;
    static const struct {
        int64_t late_us[2], least_us, most_us;
        int drops;
    } cases[] = {
        {{0, 0}, 20000, 50000, 0},
        {{0, 60000}, 65000, 110000, 0},
        {{150000, 0}, 155000, 200000, 0},
        {{0, 300000}, 200000, 230000, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Rig rig;
        KtRecorderConfig config;
        rig_config(&config);
        rig_open(&rig, &config, ZERO);
        rig_join(&rig, 0, "ann", rig_moving, rig_tone);
        rig_join(&rig, 1, "bob", rig_moving, rig_tone);
        rig.people[0].late_us = cases[i].late_us[0];
        rig.people[1].late_us = cases[i].late_us[1];
        rig_compose(&rig, rig_alone);
        rig_start(&rig);
        rig_run(&rig, ZERO + RIG_SECOND, 10000);
        int64_t dropped =
            rig_stats(&rig).audio_late_frames; /* before anybody was known to be late */
        for (int k = 1; k <= 8; k++) {
            rig_run(&rig, rig.now_us + 303000, 10000);
            assert_in_range(sound_behind_us(&rig), cases[i].least_us, cases[i].most_us);
        }
        assert_int_equal(rig_stats(&rig).audio_late_frames > dropped, cases[i].drops);
        rig.people[0].sound = NULL;
        rig_run(&rig, rig.now_us + RIG_SECOND / 2, 10000);
        assert_in_range(sound_behind_us(&rig), 200000, 230000);
        rig.people[1].sound = NULL;
        rig_run(&rig, rig.now_us + 2 * RIG_SECOND, 10000);
        assert_in_range(sound_behind_us(&rig), 20000, 50000);
        rig_close(&rig);
    }
}

static void coarse_and_early_timers_drop_nothing(void **state)
{
    (void)state;
    for (int early_us = 0; early_us <= 1000; early_us += 500) {
        Rig rig;
        KtRecorderConfig config;
        rig_config(&config);
        config.fps = 30;
        rig_open(&rig, &config, ZERO);
        rig_join(&rig, 0, "ann", rig_moving, NULL);
        rig_compose(&rig, rig_alone);
        rig_start(&rig);
        /* Timers that fire on whole milliseconds, up to 2 ms before each slot. */
        for (int k = 1; k < 300; k++) {
            int64_t at_us = (ZERO + k * RIG_SECOND / 30 - early_us) / 1000 * 1000;
            rig_step(&rig, at_us - rig.now_us);
            assert_true(rig.flags & KT_TICK_CANVAS);
        }
        assert_int_equal(rig_stats(&rig).frames, 300);
        assert_int_equal(rig_stats(&rig).frames_dropped, 0);
        rig_close(&rig);
    }
}

static void next_us_finds_every_slot(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    rig_config(&config);
    config.fps = 24;
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_compose(&rig, rig_alone);
    rig_start(&rig);
    while (rig.now_us < ZERO + 10 * RIG_SECOND) {
        int64_t next_us = kt_recorder_next_us(rig.r, rig.now_us);
        assert_true(next_us >= rig.now_us && next_us <= rig.now_us + 100000);
        rig_step(&rig, next_us - rig.now_us);
    }
    rig_stop(&rig);
    assert_int_equal(rig_stats(&rig).frames_dropped, 0);
    rig_check_file(&rig, 24, kt_recorder_session(rig.r)->take_us);
    rig_close(&rig);
}

static void missed_slots_are_counted_and_times_stay_true(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    rig_config(&config);
    config.fps = 10;
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_compose(&rig, rig_alone);
    rig_start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_step(&rig, 750000);
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    rig_stop(&rig);
    assert_int_equal(rig_stats(&rig).frames_dropped, 6);
    rig_read(&rig.file, &take);
    assert_int_equal(take.video_count, 51 - 6);
    assert_int_equal(take.video[20].pts_us, 2000000);
    assert_int_equal(take.video[21].pts_us, 2700000);
    for (int i = 1; i < take.audio_count; i++)
        assert_true(llabs(take.audio[i].pts_us - take.audio[i - 1].pts_us - 20000) <= 1000);
    rig_take_reset(&take);
    rig_close(&rig);
}

static void the_limit_ends_the_take(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    char events[256];
    rig_config(&config);
    config.limits.max_length_us = 3 * RIG_SECOND;
    rig_open(&rig, &config, ZERO);
    rig_start(&rig);
    while (rig_state(&rig) == KT_SESSION_RECORDING)
        rig_step(&rig, 37000);
    assert_true(rig.flags & KT_TICK_STATE);
    assert_int_equal(rig_state(&rig), KT_SESSION_STOPPING);
    assert_int_equal(kt_recorder_session(rig.r)->limit_reached, 1);
    assert_int_equal(kt_recorder_stop(rig.r, rig.now_us, 0), KT_ERR_STATE);
    rig_check_file(&rig, 5, 3 * RIG_SECOND);
    rig_events(&rig, events, sizeof events);
    assert_string_equal(events, "start composition limit-reached stop");
    rig_close(&rig);
}

static void a_countdown_gives_nothing_away(void **state)
{
    (void)state;
    Rig rig;
    KtChunk chunk;
    KtRecorderConfig config;
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_compose(&rig, rig_alone);
    assert_int_equal(kt_recorder_start(rig.r, ZERO, RIG_WALL + ZERO, 2 * RIG_SECOND), KT_OK);
    rig_run(&rig, ZERO + RIG_SECOND, 20000);
    assert_int_equal(kt_recorder_cancel(rig.r, rig.now_us), KT_OK);
    assert_int_equal(kt_recorder_start(rig.r, rig.now_us, RIG_WALL + rig.now_us, 2 * RIG_SECOND),
                     KT_OK);
    rig_run(&rig, ZERO + 3 * RIG_SECOND - 1, 20000);
    assert_int_equal(kt_recorder_peek_chunk(rig.r, &chunk), KT_AGAIN);
    assert_int_equal(kt_recorder_pop_chunk(rig.r), KT_ERR_STATE);
    assert_int_equal(kt_timeline_count(kt_recorder_timeline(rig.r)), 0);
    rig_step(&rig, 300000);
    assert_int_equal(rig_state(&rig), KT_SESSION_RECORDING);
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    rig_stop(&rig);
    assert_int_equal(rig_stats(&rig).frames_dropped, 0);
    assert_int_equal(kt_recorder_session(rig.r)->take_us, 2 * RIG_SECOND);
    char *json = NULL;
    size_t bytes = 0;
    assert_int_equal(kt_timeline_json(kt_recorder_timeline(rig.r), &json, &bytes), KT_OK);
    assert_non_null(
        strstr(json, "\"start\",\"take\":0.000000,\"wall\":\"2026-01-01T00:00:10.000Z\""));
    kt_text_free(json);
    rig_close(&rig);
}

static void no_source_at_all(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    double lumas[16];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_compose(&rig,
                "{\"background\":{\"kind\":\"color\",\"color\":\"#000000\"},\"transition\":0}");
    rig_start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_stop(&rig);
    rig_check_file(&rig, 5, 2 * RIG_SECOND);
    rig_read(&rig.file, &take);
    rig_decode_lumas(&take, 0, take.video_count, lumas);
    for (int i = 0; i < take.video_count; i++)
        assert_float_equal(lumas[i], 16, 1.5);
    rig_decode_sound(&take, 0, take.audio_count);
    assert_true(rig_peak(&take, 0, 2 * RIG_SECOND) < 0.001f);
    rig_take_reset(&take);
    rig_close(&rig);
}

static void an_empty_take_has_one_picture(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_start(&rig);
    rig_stop(&rig);
    assert_int_equal(rig.file.patched, 1);
    rig_read(&rig.file, &take);
    assert_int_equal(take.video_count, 1);
    rig_take_reset(&take);
    rig_close(&rig);
}

static void two_takes_and_a_vp9_one(void **state)
{
    (void)state;
    for (int vp9 = 0; vp9 < 2; vp9++) {
        Rig rig;
        KtRecorderConfig config;
        rig_config(&config);
        config.codec = vp9 ? KT_VIDEO_VP9 : KT_VIDEO_VP8;
        config.speed = 0;
        rig_open(&rig, &config, ZERO);
        rig_join(&rig, 0, "ann", rig_moving, rig_tone);
        rig_compose(&rig, rig_alone);
        for (int i = 1; i <= 2; i++) {
            rig_start(&rig);
            rig_run(&rig, rig.now_us + i * RIG_SECOND, 20000);
            rig_stop(&rig);
            rig_check_file(&rig, 5, i * RIG_SECOND);
            rig_file_reset(&rig.file);
            assert_int_equal(kt_recorder_reset(rig.r, rig.now_us), KT_OK);
            assert_int_equal(kt_timeline_count(kt_recorder_timeline(rig.r)), 0);
        }
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute),
        cmocka_unit_test(what_happens_in_a_pause_stays_out),
        cmocka_unit_test(nothing_is_missing_around_a_pause),
        cmocka_unit_test(many_short_pauses),
        cmocka_unit_test(sound_waits_for_the_latest),
        cmocka_unit_test(coarse_and_early_timers_drop_nothing),
        cmocka_unit_test(next_us_finds_every_slot),
        cmocka_unit_test(missed_slots_are_counted_and_times_stay_true),
        cmocka_unit_test(the_limit_ends_the_take),
        cmocka_unit_test(a_countdown_gives_nothing_away),
        cmocka_unit_test(no_source_at_all),
        cmocka_unit_test(an_empty_take_has_one_picture),
        cmocka_unit_test(two_takes_and_a_vp9_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
