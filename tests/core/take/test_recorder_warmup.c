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
    while (kt_recorder_warm_up(r, 0) == 1)
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

static void it_ends_and_leaves_an_encoder(void **state)
{
    (void)state;
    for (int codec = 0; codec <= 1; codec++) {
        Rig rig;
        open_rig(&rig, codec ? KT_VIDEO_VP8 : KT_VIDEO_VP9);
        assert_int_equal(warm(rig.r), 36);
        long live = kt_alloc_live();
        assert_int_equal(kt_recorder_warm_up(rig.r, 0), 0);
        assert_int_equal(kt_alloc_live(), live);
        assert_int_equal(rig_stats(&rig).frames, 0);
        rig_close(&rig);
    }
}

/* A start that does not wait any longer has its encoder all the same. */
static void the_last_one_may_be_any(void **state)
{
    (void)state;
    Rig rig;
    open_rig(&rig, KT_VIDEO_VP8);
    long live = kt_alloc_live();
    for (int i = 0; i < 3; i++)
        assert_int_equal(kt_recorder_warm_up(rig.r, 0), 1);
    assert_int_equal(kt_recorder_warm_up(rig.r, 1), 0);
    long made = kt_alloc_live();
    assert_true(made > live);
    assert_int_equal(kt_recorder_warm_up(rig.r, 0), 0);
    assert_int_equal(kt_recorder_warm_up(rig.r, 1), 0);
    assert_int_equal(kt_alloc_live(), made);
    rig_close(&rig);
}

/* Takes one after the other: start of one that was prepared makes no encoder, and records the same.
 */
static void a_prepared_start_makes_no_encoder(void **state)
{
    (void)state;
    long made[2];
    size_t bytes[2];
    for (int prepared = 0; prepared <= 1; prepared++) {
        Rig rig;
        open_rig(&rig, KT_VIDEO_VP9);
        rig_start(&rig);
        rig_run(&rig, ZERO + RIG_SECOND, 20000);
        rig_stop(&rig);
        assert_int_equal(kt_recorder_warm_up(rig.r, 0), 0); /* not in this state */
        rig_file_reset(&rig.file);
        assert_int_equal(kt_recorder_reset(rig.r, rig.now_us), KT_OK);
        for (int i = 0; i < prepared; i++)
            assert_int_equal(kt_recorder_warm_up(rig.r, 0), 0);
        long count = kt_alloc_count();
        assert_int_equal(
            kt_recorder_start(rig.r, rig.now_us, RIG_WALL + rig.now_us, RIG_SECOND / 2), KT_OK);
        made[prepared] = kt_alloc_count() - count;
        rig_run(&rig, rig.now_us + 3 * RIG_SECOND / 2, 20000);
        rig_stop(&rig);
        bytes[prepared] = rig.file.bytes;
        rig_close(&rig);
    }
    assert_true(made[1] < made[0]);
    assert_int_equal(bytes[1], bytes[0]);
}

static void a_take_that_begins_ends_it(void **state)
{
    (void)state;
    for (int countdown = 0; countdown <= 1; countdown++) {
        Rig rig;
        open_rig(&rig, KT_VIDEO_VP8);
        assert_int_equal(kt_recorder_warm_up(rig.r, 0), 1);
        assert_int_equal(
            kt_recorder_start(rig.r, rig.now_us, RIG_WALL + rig.now_us, countdown * RIG_SECOND),
            KT_OK);
        assert_int_equal(kt_recorder_warm_up(rig.r, 0), countdown);
        rig_run(&rig, ZERO + (2 + countdown) * RIG_SECOND, 20000);
        assert_int_equal(kt_recorder_warm_up(rig.r, 0), 0);
        rig_stop(&rig);
        rig_check_file(&rig, 5, 2 * RIG_SECOND);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_and_leaves_an_encoder),
        cmocka_unit_test(the_last_one_may_be_any),
        cmocka_unit_test(a_prepared_start_makes_no_encoder),
        cmocka_unit_test(a_take_that_begins_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
