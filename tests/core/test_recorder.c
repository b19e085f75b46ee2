/* The recorder as a whole, natively: takes of make-believe people, read back and decoded. The
 * hour-long and random ones are in test_recorder_long.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "recorder_rig.h"

#define ZERO (7 * RIG_SECOND)

static const char pair[] = "{\"layout\":\"side-by-side\",\"sources\":[{\"id\":\"ann\"},{\"id\":"
                           "\"bob\"}]}";
static const char alone[] =
    "{\"layout\":\"screen-only\",\"focus\":\"ann\",\"gap\":0,\"transition\":0,\"sources\":[{\"id\":"
    "\"ann\"}]}";

static uint8_t moving(int64_t us)
{
    return (uint8_t)(16 + us / 20000 % 200);
}

static float tone(int64_t us)
{
    return 0.25f * sinf((float)(us % 10000) * 6.2831853f / 2500);
}

static void compose(Rig *rig, const char *json)
{
    char error[256];
    assert_int_equal(kt_recorder_set_composition(rig->r, json, strlen(json), rig->now_us,
                                                 RIG_WALL + rig->now_us, error, sizeof error),
                     KT_OK);
}

static void start(Rig *rig)
{
    assert_int_equal(kt_recorder_start(rig->r, rig->now_us, RIG_WALL + rig->now_us, 0), KT_OK);
}

static void pause_take(Rig *rig)
{
    assert_int_equal(kt_recorder_pause(rig->r, rig->now_us, RIG_WALL + rig->now_us), KT_OK);
}

static void resume(Rig *rig)
{
    assert_int_equal(kt_recorder_resume(rig->r, rig->now_us, RIG_WALL + rig->now_us), KT_OK);
}

static KtSessionState state_of(const Rig *rig)
{
    return kt_recorder_session(rig->r)->state;
}

static KtRecorderStats stats_of(Rig *rig)
{
    KtRecorderStats stats;
    kt_recorder_stats(rig->r, rig->now_us, &stats);
    return stats;
}

/* The timeline's event names, separated by spaces. */
static void events_of(Rig *rig, char *out, size_t out_bytes)
{
    char *json = NULL;
    size_t bytes = 0;
    out[0] = '\0';
    assert_int_equal(kt_timeline_json(kt_recorder_timeline(rig->r), &json, &bytes), KT_OK);
    for (const char *at = json; (at = strstr(at, "{\"type\":\"")) != NULL;) {
        at += 9;
        size_t used = strlen(out);
        snprintf(out + used, out_bytes - used, "%s%.*s", used ? " " : "", (int)strcspn(at, "\""),
                 at);
    }
    kt_text_free(json);
}

static void check_file(Rig *rig, int fps, int64_t take_us)
{
    RigTake take;
    assert_int_equal(rig->file.patched, 1);
    rig_read(&rig->file, &take);
    assert_int_equal(take.has_cues, 1);
    rig_check_even(&take, fps, take_us);
    rig_take_reset(&take);
}

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
    rig_join(&rig, 0, "ann", moving, tone);
    rig_join(&rig, 1, "bob", moving, tone);
    rig_join(&rig, 2, "screen", moving, NULL);
    rig.people[2].fps = 10;
    compose(&rig, pair);
    rig_run(&rig, ZERO + RIG_SECOND, 10000);
    start(&rig);
    rig_run(&rig, ZERO + 3 * RIG_SECOND, 10000);
    assert_int_equal(kt_recorder_restart(rig.r, rig.now_us, RIG_WALL + rig.now_us), KT_OK);
    rig_file_reset(&rig.file);
    rig_run(&rig, ZERO + 4 * RIG_SECOND, 10000);
    start(&rig);
    rig_run(&rig, ZERO + 24 * RIG_SECOND, 10000);
    long live = kt_alloc_live(), count = kt_alloc_count();
    rig_run(&rig, ZERO + 34 * RIG_SECOND, 10000);
    pause_take(&rig);
    rig_run(&rig, ZERO + 44 * RIG_SECOND + 7777, 10000);
    resume(&rig);
    compose(&rig, "{\"layout\":\"spotlight\",\"focus\":\"screen\",\"sources\":[{\"id\":\"ann\"},"
                  "{\"id\":\"screen\"},{\"id\":\"bob\",\"shape\":\"circle\"}]}");
    rig_run(&rig, ZERO + 64 * RIG_SECOND + 7777, 10000);
    /* Nothing is allocated a frame: over 30 s only the layout's tables, the timeline, the file. */
    assert_true(kt_alloc_count() - count < 120);
    assert_true(labs(kt_alloc_live() - live) < 60);
    rig_run(&rig, ZERO + 74 * RIG_SECOND + 7777, 10000);
    KtRecorderStats stats = stats_of(&rig);
    assert_int_equal(stats.frames_dropped, 0);
    assert_int_equal(stats.frames, 1801); /* one at the very end */
    assert_float_equal(stats.fps, 30, 0.6);
    /* Blocks that straddle a start or a resume, for each of two voices. */
    assert_true(stats.audio_late_frames < 2 * 3 * 960);
    assert_int_equal(stats.sources, 3);
    assert_true(stats.peak[0] > 0.2f && stats.peak[0] < 0.3f);
    rig_stop(&rig);
    assert_int_equal(kt_recorder_session(rig.r)->take_us, 60 * RIG_SECOND);
    check_file(&rig, 30, 60 * RIG_SECOND);
    events_of(&rig, events, sizeof events);
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
    return us >= ZERO + 5 * RIG_SECOND && us < ZERO + 8 * RIG_SECOND ? tone(us) : 0;
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
    compose(&rig, alone);
    start(&rig);
    rig_run(&rig, ZERO + 5 * RIG_SECOND - 1000, 13000);
    pause_take(&rig);
    rig_run(&rig, ZERO + 8 * RIG_SECOND + 5000, 13000);
    resume(&rig);
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
    return us >= ZERO + 5 * RIG_SECOND && us < ZERO + 8 * RIG_SECOND ? 0 : tone(us);
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
    compose(&rig, alone);
    start(&rig);
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    pause_take(&rig);
    rig_run(&rig, ZERO + 8 * RIG_SECOND, 20000);
    resume(&rig);
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
    rig_join(&rig, 0, "ann", moving, tone);
    compose(&rig, alone);
    start(&rig);
    for (int i = 0; i < 40; i++) {
        rig_step(&rig, 7000);
        pause_take(&rig);
        rig_step(&rig, i % 3 * 3001);
        resume(&rig);
    }
    rig_run(&rig, rig.now_us + 3 * RIG_SECOND, 20000);
    pause_take(&rig);
    rig_step(&rig, 1000);
    rig_stop(&rig);
    int64_t take_us = kt_recorder_session(rig.r)->take_us;
    assert_int_equal(take_us, 40 * 7000 + 3 * RIG_SECOND);
    check_file(&rig, 5, take_us);
    rig_close(&rig);
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
        rig_join(&rig, 0, "ann", moving, NULL);
        compose(&rig, alone);
        start(&rig);
        /* Timers that fire on whole milliseconds, up to 2 ms before each slot. */
        for (int k = 1; k < 300; k++) {
            int64_t at_us = (ZERO + k * RIG_SECOND / 30 - early_us) / 1000 * 1000;
            rig_step(&rig, at_us - rig.now_us);
            assert_true(rig.flags & KT_TICK_CANVAS);
        }
        assert_int_equal(stats_of(&rig).frames, 300);
        assert_int_equal(stats_of(&rig).frames_dropped, 0);
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
    rig_join(&rig, 0, "ann", moving, tone);
    compose(&rig, alone);
    start(&rig);
    while (rig.now_us < ZERO + 10 * RIG_SECOND) {
        int64_t next_us = kt_recorder_next_us(rig.r, rig.now_us);
        assert_true(next_us >= rig.now_us && next_us <= rig.now_us + 100000);
        rig_step(&rig, next_us - rig.now_us);
    }
    rig_stop(&rig);
    assert_int_equal(stats_of(&rig).frames_dropped, 0);
    check_file(&rig, 24, kt_recorder_session(rig.r)->take_us);
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
    rig_join(&rig, 0, "ann", moving, tone);
    compose(&rig, alone);
    start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_step(&rig, 750000);
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    rig_stop(&rig);
    assert_int_equal(stats_of(&rig).frames_dropped, 6);
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
    start(&rig);
    while (state_of(&rig) == KT_SESSION_RECORDING)
        rig_step(&rig, 37000);
    assert_true(rig.flags & KT_TICK_STATE);
    assert_int_equal(state_of(&rig), KT_SESSION_STOPPING);
    assert_int_equal(kt_recorder_session(rig.r)->limit_reached, 1);
    assert_int_equal(kt_recorder_stop(rig.r, rig.now_us, 0), KT_ERR_STATE);
    check_file(&rig, 5, 3 * RIG_SECOND);
    events_of(&rig, events, sizeof events);
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
    rig_join(&rig, 0, "ann", moving, tone);
    compose(&rig, alone);
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
    assert_int_equal(state_of(&rig), KT_SESSION_RECORDING);
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    rig_stop(&rig);
    assert_int_equal(stats_of(&rig).frames_dropped, 0);
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
    compose(&rig, "{\"background\":{\"kind\":\"color\",\"color\":\"#000000\"},\"transition\":0}");
    start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_stop(&rig);
    check_file(&rig, 5, 2 * RIG_SECOND);
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
    start(&rig);
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
        rig_join(&rig, 0, "ann", moving, tone);
        compose(&rig, alone);
        for (int i = 1; i <= 2; i++) {
            start(&rig);
            rig_run(&rig, rig.now_us + i * RIG_SECOND, 20000);
            rig_stop(&rig);
            check_file(&rig, 5, i * RIG_SECOND);
            rig_file_reset(&rig.file);
            assert_int_equal(kt_recorder_reset(rig.r, rig.now_us), KT_OK);
            assert_int_equal(kt_timeline_count(kt_recorder_timeline(rig.r)), 0);
        }
        rig_close(&rig);
    }
}

static void a_failure_keeps_what_there_is(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    char events[256];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", moving, tone);
    start(&rig);
    rig_run(&rig, ZERO + 3 * RIG_SECOND, 20000);
    assert_int_equal(kt_recorder_fail(rig.r, rig.now_us, RIG_WALL, KT_OK), KT_ERR_ARG);
    assert_int_equal(kt_recorder_fail(rig.r, rig.now_us - 1, RIG_WALL, KT_ERR_STORAGE),
                     KT_ERR_ORDER);
    assert_int_equal(kt_recorder_fail(rig.r, rig.now_us, RIG_WALL + rig.now_us, KT_ERR_STORAGE),
                     KT_OK);
    assert_int_equal(kt_recorder_fail(rig.r, rig.now_us, RIG_WALL, KT_ERR_CODEC), KT_ERR_STATE);
    assert_int_equal(kt_recorder_session(rig.r)->failure, KT_ERR_STORAGE);
    rig_drain(&rig);
    rig_read(&rig.file, &take);
    assert_true(take.video_count >= 14 && take.audio_count > 130);
    rig_take_reset(&take);
    rig_step(&rig, 20000);
    events_of(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added composition failed");
    rig_file_reset(&rig.file);
    assert_int_equal(kt_recorder_reset(rig.r, rig.now_us), KT_OK);
    start(&rig);
    rig_run(&rig, rig.now_us + RIG_SECOND, 20000);
    rig_stop(&rig);
    check_file(&rig, 5, RIG_SECOND);
    rig_close(&rig);
}

static void a_sleep_is_left_out(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    char events[256];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", moving, NULL);
    start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_step(&rig, 3600 * RIG_SECOND);
    rig_run(&rig, rig.now_us + 2 * RIG_SECOND, 20000);
    rig_stop(&rig);
    check_file(&rig, 5, 4 * RIG_SECOND);
    events_of(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added composition gap stop");
    rig_close(&rig);
}

static void a_silent_camera_is_noted(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    char events[256];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", moving, NULL);
    compose(&rig, alone);
    start(&rig);
    rig_run(&rig, ZERO + RIG_SECOND, 20000);
    rig.people[0].luma = NULL;
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    assert_int_equal(stats_of(&rig).stalled_sources, 1);
    rig.people[0].luma = moving;
    rig_run(&rig, ZERO + 6 * RIG_SECOND, 20000);
    assert_int_equal(stats_of(&rig).stalled_sources, 0);
    events_of(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added composition source-stalled source-resumed");
    rig_close(&rig);
}

static void people_hooks_and_marks_are_noted(void **state)
{
    (void)state;
    static const uint8_t pixels[4 * 4 * 4];
    Rig rig;
    KtRecorderConfig config;
    char events[512];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", moving, tone);
    assert_int_equal(kt_recorder_set_muted(rig.r, 0, 1, 0, ZERO, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_show_sprite(rig.r, "h1", KT_SPRITE_HOOK, "ann", "Ann \"A\"\n",
                                             pixels, 4, 4, 16, ZERO, RIG_WALL),
                     KT_OK);
    assert_int_equal(kt_recorder_mark(rig.r, "{}", ZERO, RIG_WALL), KT_ERR_STATE);
    start(&rig);
    rig_run(&rig, ZERO + RIG_SECOND, 20000);
    rig_join(&rig, 1, "bob", moving, NULL);
    assert_int_equal(kt_recorder_set_muted(rig.r, 0, 0, 0, rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_set_muted(rig.r, 0, 0, 0, rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_mark(rig.r, "{\"chapter\":1}", rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_mark(rig.r, "{", rig.now_us, RIG_WALL), KT_ERR_FORMAT);
    assert_int_equal(kt_recorder_hide_sprite(rig.r, "h1", rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_remove_source(rig.r, 1, rig.now_us, RIG_WALL), KT_OK);
    rig.people[1].handle = -1;
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_stop(&rig);
    events_of(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added source-muted composition hook-shown "
                                "source-added source-muted mark hook-hidden source-removed stop");
    char *scene = NULL;
    size_t bytes = 0;
    assert_int_equal(kt_scene_json(kt_recorder_timeline(rig.r), &scene, &bytes), KT_OK);
    assert_non_null(
        strstr(scene, "\"text\":\"Ann \\\"A\\\"\\n\",\"from\":0.000000,\"to\":1.000000"));
    kt_text_free(scene);
    rig_close(&rig);
}

static void bad_configurations(void **state)
{
    (void)state;
    static const struct {
        int width, height, fps, video_bps, audio_bps, speed, threads;
    } cases[] = {{63, 36, 5, 100000, 32000, 0, 1},     {0, 36, 5, 100000, 32000, 0, 1},
                 {8192, 4320, 5, 100000, 32000, 0, 1}, {64, 36, 0, 100000, 32000, 0, 1},
                 {64, 36, 61, 100000, 32000, 0, 1},    {64, 36, 5, 0, 32000, 0, 1},
                 {64, 36, 5, 100000, 5999, 0, 1},      {64, 36, 5, 100000, 32000, 17, 1},
                 {64, 36, 5, 100000, 32000, 0, 17}};
    KtRecorder *r = NULL;
    KtRecorderConfig config;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_config(&config);
        config.width = cases[i].width;
        config.height = cases[i].height;
        config.fps = cases[i].fps;
        config.video_bitrate_bps = cases[i].video_bps;
        config.audio_bitrate_bps = cases[i].audio_bps;
        config.speed = cases[i].speed;
        config.threads = cases[i].threads;
        assert_int_equal(kt_recorder_create(&config, &r), KT_ERR_ARG);
        assert_null(r);
    }
    rig_config(&config);
    config.limits.max_length_us = 0;
    assert_int_equal(kt_recorder_create(&config, &r), KT_ERR_ARG);
    assert_int_equal(kt_recorder_create(NULL, &r), KT_ERR_ARG);
    kt_recorder_destroy(&r);
    kt_recorder_destroy(NULL);
}

static void bad_calls(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    KtFrame *frame = NULL;
    char error[128], id[16];
    float silence[960] = {0};
    const float *planes[1] = {silence};
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    assert_int_equal(kt_recorder_add_source(rig.r, "", "", 1, 1, ZERO, 0), KT_ERR_ARG);
    assert_int_equal(kt_recorder_add_source(rig.r, "a b", "", 1, 1, ZERO, 0), KT_ERR_ARG);
    assert_int_equal(kt_recorder_add_source(rig.r, NULL, "", 1, 1, ZERO, 0), KT_ERR_ARG);
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        snprintf(id, sizeof id, "s%d", i);
        assert_int_equal(kt_recorder_add_source(rig.r, id, NULL, i != 1, i != 0, ZERO, 0), i);
    }
    assert_int_equal(kt_recorder_add_source(rig.r, "s3", "", 1, 1, ZERO, 0), KT_ERR_ARG);
    assert_int_equal(kt_recorder_add_source(rig.r, "more", "", 1, 1, ZERO, 0), KT_ERR_LIMIT);
    for (int handle = -1; handle <= KT_MAX_SOURCES; handle += KT_MAX_SOURCES + 1) {
        assert_int_equal(kt_recorder_remove_source(rig.r, handle, ZERO, 0), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_recorder_set_gain(rig.r, handle, 1), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_recorder_set_muted(rig.r, handle, 1, 1, ZERO, 0), KT_ERR_NOT_FOUND);
        assert_int_equal(kt_recorder_push_audio(rig.r, handle, ZERO, 48000, 1, planes, 960),
                         KT_ERR_NOT_FOUND);
        assert_int_equal(kt_recorder_acquire_frame(rig.r, KT_PIXEL_I420, 8, 8, &frame), KT_OK);
        assert_int_equal(kt_recorder_push_frame(rig.r, handle, frame, ZERO), KT_ERR_NOT_FOUND);
    }
    assert_int_equal(kt_recorder_push_audio(rig.r, 0, ZERO, 48000, 1, planes, 960),
                     KT_ERR_NOT_FOUND);
    assert_int_equal(kt_recorder_push_audio(rig.r, 2, INT64_MAX, 48000, 1, planes, 960),
                     KT_ERR_ARG);
    assert_int_equal(kt_recorder_push_audio(rig.r, 2, ZERO, 1, 1, planes, 960), KT_ERR_ARG);
    assert_int_equal(kt_recorder_set_gain(rig.r, 2, NAN), KT_ERR_ARG);
    assert_int_equal(kt_recorder_acquire_frame(rig.r, KT_PIXEL_I420, 0, 8, &frame), KT_ERR_ARG);
    assert_int_equal(kt_recorder_acquire_frame(rig.r, KT_PIXEL_I420, 8, 8193, &frame), KT_ERR_ARG);
    assert_int_equal(kt_recorder_push_frame(rig.r, 2, NULL, ZERO), KT_ERR_ARG);
    assert_int_equal(
        kt_recorder_set_composition(rig.r, "{\"gap\":null}", 12, ZERO, 0, error, sizeof error),
        KT_ERR_ARG);
    assert_non_null(strstr(error, "gap is null"));
    assert_int_equal(kt_recorder_hide_sprite(rig.r, "none", ZERO, 0), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_recorder_start(rig.r, ZERO, 0, -1), KT_ERR_ARG);
    assert_int_equal(kt_recorder_pause(rig.r, ZERO, 0), KT_ERR_STATE);
    assert_int_equal(kt_recorder_stop(rig.r, ZERO, 0), KT_ERR_STATE);
    assert_int_equal(kt_recorder_tick(rig.r, ZERO, 0, 0) >= 0, 1);
    assert_int_equal(kt_recorder_tick(rig.r, ZERO - 1, 0, 0), KT_ERR_ORDER);
    assert_int_equal(kt_recorder_tick(rig.r, INT64_MAX, 0, 0), KT_ERR_ARG);
    assert_int_equal(state_of(&rig), KT_SESSION_SETUP);
    rig_close(&rig);
}

static void recording_that_is_not_enabled(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    rig_config(&config);
    config.limits.enabled = 0;
    config.limits.max_fps = 3;
    rig_open(&rig, &config, ZERO);
    assert_int_equal(kt_recorder_start(rig.r, ZERO, 0, 0), KT_ERR_REFUSED);
    assert_int_equal(stats_of(&rig).target_fps, 3);
    rig_close(&rig);
}

static void an_overloaded_machine_gets_fewer_frames(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    char events[512];
    rig_config(&config);
    config.fps = 30;
    config.governor = 1;
    config.speed = 12;
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", moving, tone);
    compose(&rig, alone);
    start(&rig);
    /* Every frame costs 43 ms, whatever the effort: 20 frames/s is what this machine can do. */
    while (rig.now_us < ZERO + 20 * RIG_SECOND) {
        rig.busy_us = rig.flags & KT_TICK_CANVAS ? 43000 : 100;
        rig_step(&rig, rig.flags & KT_TICK_CANVAS ? 43000 : 1000);
    }
    assert_int_equal(stats_of(&rig).speed, 16);
    assert_int_equal(stats_of(&rig).target_fps, 20);
    rig_stop(&rig);
    events_of(&rig, events, sizeof events);
    assert_string_equal(events,
                        "start source-added composition governor governor governor governor stop");
    rig_read(&rig.file, &take);
    for (int i = 1; i < take.video_count; i++)
        assert_true(take.video[i].pts_us > take.video[i - 1].pts_us);
    rig_take_reset(&take);
    rig_close(&rig);
}

static int attempt(void *context)
{
    static const uint8_t pixels[4 * 4 * 4];
    KtRecorderConfig config;
    KtRecorder *r = NULL;
    KtFrame *frame = NULL;
    KtChunk chunk;
    float pcm[960] = {0};
    const float *planes[1] = {pcm};
    int good;
    (void)context;
    rig_config(&config);
    config.width = config.height = 16;
    good = kt_recorder_create(&config, &r) == KT_OK;
    good = good && kt_recorder_add_source(r, "ann", "Ann", 1, 1, 0, RIG_WALL) == 0;
    good = good && kt_recorder_set_composition(r, alone, strlen(alone), 0, 0, NULL, 0) == KT_OK;
    good = good && kt_recorder_show_sprite(r, "h", KT_SPRITE_HOOK, "", "t", pixels, 4, 4, 16, 0,
                                           0) == KT_OK;
    good = good && kt_recorder_start(r, 0, RIG_WALL, 0) == KT_OK;
    for (int i = 0; good && i < 8; i++) {
        good = kt_recorder_push_audio(r, 0, i * 20000, 48000, 1, planes, 960) == KT_OK;
        good = good && kt_recorder_acquire_frame(r, KT_PIXEL_I420, 16, 16, &frame) == KT_OK;
        if (good)
            kt_frame_fill_black(frame);
        good = good && kt_recorder_push_frame(r, 0, frame, i * 100000) == KT_OK;
        good = good && kt_recorder_tick(r, i * 100000, RIG_WALL, 0) >= 0;
        while (good && kt_recorder_peek_chunk(r, &chunk) == KT_OK)
            kt_recorder_pop_chunk(r);
    }
    good = good && kt_recorder_stop(r, 800000, RIG_WALL) == KT_OK;
    /* An event that could not be noted is not a failure of the take. */
    good = good && kt_recorder_session(r)->state == KT_SESSION_STOPPING;
    kt_recorder_destroy(&r);
    return good;
}

static void allocation_failures(void **state)
{
    (void)state;
    assert_true(kt_alloc_each(attempt, NULL) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute),
        cmocka_unit_test(what_happens_in_a_pause_stays_out),
        cmocka_unit_test(nothing_is_missing_around_a_pause),
        cmocka_unit_test(many_short_pauses),
        cmocka_unit_test(coarse_and_early_timers_drop_nothing),
        cmocka_unit_test(next_us_finds_every_slot),
        cmocka_unit_test(missed_slots_are_counted_and_times_stay_true),
        cmocka_unit_test(the_limit_ends_the_take),
        cmocka_unit_test(a_countdown_gives_nothing_away),
        cmocka_unit_test(no_source_at_all),
        cmocka_unit_test(an_empty_take_has_one_picture),
        cmocka_unit_test(two_takes_and_a_vp9_one),
        cmocka_unit_test(a_failure_keeps_what_there_is),
        cmocka_unit_test(a_sleep_is_left_out),
        cmocka_unit_test(a_silent_camera_is_noted),
        cmocka_unit_test(people_hooks_and_marks_are_noted),
        cmocka_unit_test(bad_configurations),
        cmocka_unit_test(bad_calls),
        cmocka_unit_test(recording_that_is_not_enabled),
        cmocka_unit_test(an_overloaded_machine_gets_fewer_frames),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
