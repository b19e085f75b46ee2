/* An hour of simulated time with a source that flashes and beeps at once, and random takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/scene.h"
#include "recorder_rig.h"

#define ZERO (7 * RIG_SECOND)
#define FLASH_US (10 * RIG_SECOND) /* one in so often, 0.4 s long */
#define HOUR_US (3600 * RIG_SECOND)
#define TOLERANCE 20000

static int is_on(int64_t us)
{
    return (us - ZERO) % FLASH_US < 400000;
}

static uint8_t flash(int64_t us)
{
    return is_on(us) ? 220 : 40;
}

static float beep(int64_t us)
{
    return (us - ZERO) % FLASH_US < 400000 ? 0.4f * sinf((float)(us % 1000000) * 6.2831853f / 1000)
                                           : 0;
}

/* Index of the last keyframe at or before take time us. */
static int keyframe_before(const RigTake *take, int64_t us)
{
    int found = 0;
    for (int i = 0; i < take->video_count && take->video[i].pts_us <= us; i++)
        if (take->video[i].keyframe)
            found = i;
    return found;
}

/* Take times of the flash and of the beep that come next after from_us. */
static void find_flash(const RigTake *take, int64_t from_us, int64_t *flash_us, int64_t *beep_us)
{
    int first = keyframe_before(take, from_us), count = take->video_count - first;
    double lumas[200];
    count = count < 200 ? count : 200;
    rig_decode_lumas(take, first, count, lumas);
    *flash_us = -1;
    for (int i = 1; i < count && *flash_us < 0; i++)
        if (take->video[first + i].pts_us > from_us && lumas[i - 1] < 120 && lumas[i] > 120)
            *flash_us = take->video[first + i].pts_us;
    *beep_us = -1;
    int64_t from = from_us * 48 / 1000 - take->pcm_from;
    for (int64_t i = from; i < take->pcm_samples && *beep_us < 0; i++)
        if (fabsf(take->pcm[i]) > 0.1f)
            *beep_us = (take->pcm_from + i) * 1000 / 48;
}

static void an_hour_in_step(void **state)
{
    (void)state;
    Rig rig;
    RigTake take;
    KtRecorderConfig config;
    rig_config(&config);
    config.audio_bitrate_bps = 64000;
    rig_open(&rig, &config, ZERO);
    rig_join(&rig, 0, "ann", flash, beep);
    rig_compose(&rig, rig_alone);
    rig_step(&rig, 0);
    assert_int_equal(kt_recorder_start(rig.r, rig.now_us, RIG_WALL + rig.now_us, 0), KT_OK);
    rig_run(&rig, ZERO + 1003 * RIG_SECOND, 200000);
    assert_int_equal(kt_recorder_pause(rig.r, rig.now_us, RIG_WALL + rig.now_us), KT_OK);
    rig_run(&rig, ZERO + 1053 * RIG_SECOND + 123456, 200000);
    rig_step(&rig, 76544);
    assert_int_equal(kt_recorder_resume(rig.r, rig.now_us, RIG_WALL + rig.now_us), KT_OK);
    rig_run(&rig, ZERO + HOUR_US + 50 * RIG_SECOND + 200000, 200000);
    rig_stop(&rig);
    rig_read(&rig.file, &take);
    assert_true(llabs(take.duration_us - HOUR_US) <= 1000);
    rig_check_even(&take, 5, HOUR_US);
    static const int64_t looks_us[] = {5 * RIG_SECOND, 995 * RIG_SECOND, 1004 * RIG_SECOND,
                                       HOUR_US - 25 * RIG_SECOND};
    for (size_t i = 0; i < sizeof looks_us / sizeof looks_us[0]; i++) {
        int64_t flash_us, beep_us;
        int first = (int)((looks_us[i] - RIG_SECOND) / 20000);
        rig_decode_sound(&take, first, 1000); /* 20 s */
        find_flash(&take, looks_us[i], &flash_us, &beep_us);
        print_message("flash at %.3f s, beep at %.4f s\n", (double)flash_us / 1e6,
                      (double)beep_us / 1e6);
        assert_true(flash_us > 0 && beep_us > 0);
        assert_true(llabs(flash_us - beep_us) <= TOLERANCE);
    }
    rig_take_reset(&take);
    rig_close(&rig);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void random_call(Rig *rig, uint32_t *random)
{
    int64_t now = rig->now_us, wall = RIG_WALL + rig->now_us;
    char json[96];
    switch (next_random(random) % 12) {
    case 0:
        kt_recorder_start(rig->r, now, wall, next_random(random) % 2 * 500000);
        break;
    case 1:
    case 2:
        kt_recorder_pause(rig->r, now, wall);
        break;
    case 3:
    case 4:
    case 5:
        kt_recorder_resume(rig->r, now, wall);
        break;
    case 6:
        if (next_random(random) % 4 == 0 && kt_recorder_restart(rig->r, now, wall) == KT_OK)
            rig_file_reset(&rig->file);
        break;
    case 7:
        kt_recorder_cancel(rig->r, now);
        break;
    case 8:
        snprintf(json, sizeof json,
                 "{\"layout\":\"grid\",\"gap\":0.%02u,\"sources\":[{\"id\":\"ann\"}]}",
                 next_random(random) % 20);
        assert_int_equal(
            kt_recorder_set_composition(rig->r, json, strlen(json), now, wall, NULL, 0), KT_OK);
        break;
    case 9:
        if (rig->people[1].handle < 0) {
            rig_join(rig, 1, "bob", flash, beep);
        } else {
            kt_recorder_remove_source(rig->r, rig->people[1].handle, now, wall);
            rig->people[1].handle = -1;
        }
        break;
    default:
        break;
    }
}

/* Whatever was called, the file is whole, its clocks are true, and the timeline can be read. */
static void check_take(Rig *rig)
{
    RigTake take;
    char *json = NULL, *scene = NULL;
    size_t bytes = 0;
    KtTimeline *again = NULL;
    int64_t take_us = kt_recorder_session(rig->r)->take_us;
    assert_int_equal(rig->file.patched, 1);
    rig_read(&rig->file, &take);
    assert_true(take_us == 0 || llabs(take.duration_us - take_us) <= 1000);
    assert_true(take.video_count >= 1 && take.video[0].pts_us == 0 && take.video[0].keyframe);
    for (int i = 1; i < take.video_count; i++)
        assert_true(take.video[i].pts_us > take.video[i - 1].pts_us);
    assert_true(take.video[take.video_count - 1].pts_us <= take_us + 3000);
    for (int i = 1; i < take.audio_count; i++)
        assert_true(llabs(take.audio[i].pts_us - take.audio[i - 1].pts_us - 20000) <= 1000);
    rig_take_reset(&take);
    assert_int_equal(kt_timeline_json(kt_recorder_timeline(rig->r), &json, &bytes), KT_OK);
    assert_int_equal(kt_timeline_parse(json, bytes, &again, NULL, 0), KT_OK);
    assert_int_equal(kt_scene_json(again, &scene, &bytes, NULL, 0), KT_OK);
    kt_text_free(json);
    kt_text_free(scene);
    kt_timeline_destroy(&again);
}

static uint32_t running_seed;

static void random_takes(void **state)
{
    (void)state;
    const char *only = getenv("KT_SEED");
    uint32_t first = only ? (uint32_t)strtoul(only, NULL, 0) : 1;
    for (uint32_t seed = first; seed < first + (only ? 1 : 30); seed++) {
        Rig rig;
        KtRecorderConfig config;
        uint32_t random = running_seed = seed;
        rig_config(&config);
        config.fps = 5 + (int)(next_random(&random) % 26);
        config.audio_wait_us = next_random(&random) % 500000;
        config.limits.max_length_us = (1 + next_random(&random) % 8) * RIG_SECOND;
        rig_open(&rig, &config, ZERO);
        rig_join(&rig, 0, "ann", flash, beep);
        for (int i = 0; i < 120; i++) {
            random_call(&rig, &random);
            rig_step(&rig, next_random(&random) % 120000);
            KtSessionState now = kt_recorder_session(rig.r)->state;
            int stop = next_random(&random) % 40 == 0 &&
                       kt_recorder_stop(rig.r, rig.now_us, RIG_WALL + rig.now_us) == KT_OK;
            if (now != KT_SESSION_STOPPING && !stop)
                continue;
            rig_drain(&rig);
            check_take(&rig);
            assert_int_equal(kt_recorder_stopped(rig.r, rig.now_us), KT_OK);
            assert_int_equal(kt_recorder_reset(rig.r, rig.now_us), KT_OK);
            rig_file_reset(&rig.file);
        }
        rig_close(&rig);
    }
}

static int print_seed(void **state)
{
    (void)state;
    print_message("last seed %u; repeat it: KT_SEED=%u test_recorder_long\n", running_seed,
                  running_seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_in_step),
        cmocka_unit_test_teardown(random_takes, print_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
