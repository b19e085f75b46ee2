/* The recorder when something is wrong or changes: failures, sleep, stalls, load, bad calls, no
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/scene.h"
#include "recorder_rig.h"

#define ZERO (7 * RIG_SECOND)

static void a_failure_keeps_what_there_is(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    char events[256];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_start(&rig);
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
    rig_events(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added composition failed");
    rig_file_reset(&rig.file);
    assert_int_equal(kt_recorder_reset(rig.r, rig.now_us), KT_OK);
    rig_start(&rig);
    rig_run(&rig, rig.now_us + RIG_SECOND, 20000);
    rig_stop(&rig);
    rig_check_file(&rig, 5, RIG_SECOND);
    rig_close(&rig);
}

/* A page that is hidden: all that was encoded is out, the take goes on and is whole. */
static void a_flush_gives_everything_out(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    assert_int_equal(kt_recorder_flush(rig.r), KT_OK);
    rig_start(&rig);
    for (int i = 1; i <= 10; i++) {
        rig_run(&rig, rig.now_us + 317000, 20000);
        assert_int_equal(kt_recorder_flush(rig.r), KT_OK);
        assert_int_equal(kt_recorder_flush(rig.r), KT_OK);
        rig_drain(&rig);
        rig_read(&rig.file, &take);
        const int64_t take_us = rig_stats(&rig).take_us;
        assert_int_equal(take.video_count, rig_stats(&rig).frames);
        /* Sound is mixed 120 ms after its time, in packets of 20 ms. */
        assert_true(take_us - take.audio[take.audio_count - 1].pts_us < 180000);
        rig_take_reset(&take);
    }
    const int64_t take_us = rig_stats(&rig).take_us;
    rig_stop(&rig);
    rig_check_file(&rig, 5, take_us);
    assert_int_equal(kt_recorder_flush(rig.r), KT_OK);
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
    rig_join(&rig, 0, "ann", rig_moving, NULL);
    rig_start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_step(&rig, 3600 * RIG_SECOND);
    rig_run(&rig, rig.now_us + 2 * RIG_SECOND, 20000);
    rig_stop(&rig);
    rig_check_file(&rig, 5, 4 * RIG_SECOND);
    rig_events(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added composition gap stop");
    rig_close(&rig);
}

static char *timeline_of(const Rig *rig)
{
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(kt_timeline_json(kt_recorder_timeline(rig->r), &text, &bytes), KT_OK);
    return text;
}

/* What the page says on waking is handled before the first tick: it happened when the sleep began,
 * not an hour later, and what comes after it keeps its own time. */
static void events_between_a_sleep_and_the_next_tick(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, NULL);
    rig_start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    const int64_t woke_us = rig.now_us + 3600 * RIG_SECOND, wall_us = RIG_WALL + woke_us;
    assert_int_equal(kt_recorder_mark(rig.r, "{\"n\":1}", woke_us, wall_us), KT_OK);
    const int handle = rig.people[0].handle;
    assert_int_equal(kt_recorder_set_muted(rig.r, handle, 1, 0, woke_us, wall_us), KT_OK);
    KtRecorderStats stats;
    kt_recorder_stats(rig.r, woke_us, &stats);
    assert_int_equal(stats.take_us, 2 * RIG_SECOND);
    rig_step(&rig, 3600 * RIG_SECOND);
    rig_run(&rig, rig.now_us + 2 * RIG_SECOND, 20000);
    rig_stop(&rig);
    rig_check_file(&rig, 5, 4 * RIG_SECOND);
    char *text = timeline_of(&rig);
    assert_non_null(strstr(text, "{\"type\":\"mark\",\"take\":2.000000,"));
    assert_non_null(strstr(text, "{\"type\":\"source-muted\",\"take\":2.000000,"));
    assert_non_null(strstr(text, "{\"type\":\"stop\",\"take\":4.000000,"));
    kt_text_free(text);
    rig_close(&rig);
}

static void a_failure_after_a_sleep_keeps_the_length(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, NULL);
    rig_start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    const int64_t woke_us = rig.now_us + 3600 * RIG_SECOND;
    assert_int_equal(kt_recorder_fail(rig.r, woke_us, RIG_WALL + woke_us, KT_ERR_NETWORK), KT_OK);
    assert_int_equal(kt_recorder_session(rig.r)->take_us, 2 * RIG_SECOND);
    char *text = timeline_of(&rig);
    assert_non_null(strstr(text, "{\"type\":\"failed\",\"take\":2.000000,"));
    kt_text_free(text);
    rig_close(&rig);
}

/* Nobody could send a picture while the machine slept: nobody counts as silent, and the picture of
 * the tick that notices shows people. */
static void nobody_is_silent_for_a_sleep(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    char events[256];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, NULL);
    rig_start(&rig);
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    const KtFrame *canvas = kt_recorder_canvas(rig.r);
    const size_t bytes = (size_t)canvas->stride[0] * (size_t)canvas->height;
    uint8_t *before = malloc(bytes);
    memcpy(before, canvas->plane[0], bytes);
    rig.now_us += 3600 * RIG_SECOND; /* and no picture has come yet */
    assert_true(kt_recorder_tick(rig.r, rig.now_us, RIG_WALL + rig.now_us, 0) >= 0);
    rig.now_us += 250000;
    assert_true(kt_recorder_tick(rig.r, rig.now_us, RIG_WALL + rig.now_us, 0) >= 0);
    assert_memory_equal(kt_recorder_canvas(rig.r)->plane[0], before, bytes);
    free(before);
    rig_events(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added composition gap");
    rig_close(&rig);
}

/* Checked before anything is reckoned from it. */
static void a_canvas_beyond_any_size(void **state)
{
    (void)state;
    KtRecorderConfig config;
    KtRecorder *r = NULL;
    rig_config(&config);
    config.width = config.height = 1 << 20;
    config.speed = 0;
    assert_int_equal(kt_recorder_create(&config, &r), KT_ERR_ARG);
    assert_null(r);
}

static void a_countdown_slept_through_is_not_caught_up(void **state)
{
    (void)state;
    Rig rig;
    KtRecorderConfig config;
    char events[256];
    rig_config(&config);
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", rig_moving, NULL);
    assert_int_equal(kt_recorder_start(rig.r, ZERO, RIG_WALL + ZERO, 3 * RIG_SECOND), KT_OK);
    rig_run(&rig, ZERO + RIG_SECOND, 20000);
    rig_step(&rig, 3600 * RIG_SECOND);
    assert_int_equal(rig_state(&rig), KT_SESSION_RECORDING);
    assert_int_equal(kt_recorder_session(rig.r)->started_us, rig.now_us);
    rig_run(&rig, rig.now_us + 2 * RIG_SECOND, 20000);
    assert_int_equal(rig_stats(&rig).frames_dropped, 0);
    rig_stop(&rig);
    rig_check_file(&rig, 5, 2 * RIG_SECOND);
    rig_events(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added composition stop");
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
    rig_join(&rig, 0, "ann", rig_moving, NULL);
    rig_compose(&rig, rig_alone);
    rig_start(&rig);
    rig_run(&rig, ZERO + RIG_SECOND, 20000);
    rig.people[0].luma = NULL;
    rig_run(&rig, ZERO + 5 * RIG_SECOND, 20000);
    assert_int_equal(rig_stats(&rig).stalled_sources, 1);
    rig.people[0].luma = rig_moving;
    rig_run(&rig, ZERO + 6 * RIG_SECOND, 20000);
    assert_int_equal(rig_stats(&rig).stalled_sources, 0);
    rig_events(&rig, events, sizeof events);
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
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    assert_int_equal(kt_recorder_set_muted(rig.r, 0, 1, 0, ZERO, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_show_sprite(rig.r, "h1", KT_SPRITE_HOOK, "ann", "Ann \"A\"\n",
                                             pixels, 4, 4, 16, ZERO, RIG_WALL),
                     KT_OK);
    assert_int_equal(kt_recorder_mark(rig.r, "{}", ZERO, RIG_WALL), KT_ERR_STATE);
    rig_start(&rig);
    rig_run(&rig, ZERO + RIG_SECOND, 20000);
    rig_join(&rig, 1, "bob", rig_moving, NULL);
    assert_int_equal(kt_recorder_set_muted(rig.r, 0, 0, 0, rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_set_muted(rig.r, 0, 0, 0, rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_mark(rig.r, "{\"chapter\":1}", rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_mark(rig.r, "{", rig.now_us, RIG_WALL), KT_ERR_FORMAT);
    assert_int_equal(kt_recorder_hide_sprite(rig.r, "h1", rig.now_us, RIG_WALL), KT_OK);
    assert_int_equal(kt_recorder_remove_source(rig.r, 1, rig.now_us, RIG_WALL), KT_OK);
    rig.people[1].handle = -1;
    rig_run(&rig, ZERO + 2 * RIG_SECOND, 20000);
    rig_stop(&rig);
    rig_events(&rig, events, sizeof events);
    assert_string_equal(events, "start source-added source-muted composition hook-shown "
                                "source-added source-muted mark hook-hidden source-removed stop");
    char *scene = NULL;
    size_t bytes = 0;
    assert_int_equal(kt_scene_json(kt_recorder_timeline(rig.r), &scene, &bytes, NULL, 0), KT_OK);
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
    assert_int_equal(rig_state(&rig), KT_SESSION_SETUP);
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
    assert_int_equal(rig_stats(&rig).target_fps, 3);
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
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_compose(&rig, rig_alone);
    rig_start(&rig);
    /* Every frame costs 43 ms, whatever the effort: 20 frames/s is what this machine can do. */
    while (rig.now_us < ZERO + 20 * RIG_SECOND) {
        rig.busy_us = rig.flags & KT_TICK_CANVAS ? 43000 : 100;
        rig_step(&rig, rig.flags & KT_TICK_CANVAS ? 43000 : 1000);
    }
    assert_int_equal(rig_stats(&rig).speed, 16);
    assert_int_equal(rig_stats(&rig).target_fps, 20);
    rig_stop(&rig);
    rig_events(&rig, events, sizeof events);
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
    good = good &&
           kt_recorder_set_composition(r, rig_alone, strlen(rig_alone), 0, 0, NULL, 0) == KT_OK;
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
        cmocka_unit_test(a_failure_keeps_what_there_is),
        cmocka_unit_test(a_flush_gives_everything_out),
        cmocka_unit_test(a_sleep_is_left_out),
        cmocka_unit_test(events_between_a_sleep_and_the_next_tick),
        cmocka_unit_test(a_failure_after_a_sleep_keeps_the_length),
        cmocka_unit_test(nobody_is_silent_for_a_sleep),
        cmocka_unit_test(a_canvas_beyond_any_size),
        cmocka_unit_test(a_countdown_slept_through_is_not_caught_up),
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
