/* Pictures before a take: bounded, without a trace, and ended by the take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "recorder_rig.h"

#define ZERO (10 * RIG_SECOND)

static int warm(KtRecorder *r)
{
    int steps = 1;
    while (kt_recorder_warm_up(r) == 1)
        assert_true(++steps < 1000);
    return steps;
}

static void open_rig(Rig *rig, KtVideoCodec codec)
{
    KtRecorderConfig config;
    rig_config(&config);
    config.codec = codec;
    config.speed = 0;
    rig_open(rig, &config, ZERO);
}

static void it_ends_and_gives_everything_back(void **state)
{
    (void)state;
    for (int codec = 0; codec <= 1; codec++) {
        Rig rig;
        open_rig(&rig, codec ? KT_VIDEO_VP8 : KT_VIDEO_VP9);
        long live = kt_alloc_live();
        assert_int_equal(warm(rig.r), 36);
        assert_int_equal(kt_alloc_live(), live);
        assert_int_equal(kt_recorder_warm_up(rig.r), 0);
        assert_int_equal(kt_alloc_live(), live);
        assert_int_equal(rig_stats(&rig).frames, 0);
        rig_close(&rig);
    }
}

static void a_take_that_begins_ends_it(void **state)
{
    (void)state;
    for (int countdown = 0; countdown <= 1; countdown++) {
        Rig rig;
        open_rig(&rig, KT_VIDEO_VP8);
        assert_int_equal(kt_recorder_warm_up(rig.r), 1);
        assert_int_equal(
            kt_recorder_start(rig.r, rig.now_us, RIG_WALL + rig.now_us, countdown * RIG_SECOND),
            KT_OK);
        assert_int_equal(kt_recorder_warm_up(rig.r), countdown);
        rig_run(&rig, ZERO + (2 + countdown) * RIG_SECOND, 20000);
        assert_int_equal(kt_recorder_warm_up(rig.r), 0);
        rig_stop(&rig);
        rig_check_file(&rig, 5, 2 * RIG_SECOND);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_and_gives_everything_back),
        cmocka_unit_test(a_take_that_begins_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
