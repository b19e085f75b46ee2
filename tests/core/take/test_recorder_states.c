/* What recorder.h says of each call: in which states it is allowed, what it answers in the others
 * and when it is repeated, and that NULL harms nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "recorder_rig.h"

#define ZERO (10 * RIG_SECOND)

/* The states of session.h that a recorder has. */
enum { SETUP, COUNTDOWN, RECORDING, PAUSED, STOPPING, STOPPED, FAILED, STATES };
static const KtSessionState session_states[STATES] = {
    KT_SESSION_SETUP,    KT_SESSION_COUNTDOWN, KT_SESSION_RECORDING, KT_SESSION_PAUSED,
    KT_SESSION_STOPPING, KT_SESSION_STOPPED,   KT_SESSION_FAILED};

static void bring_to(Rig *rig, int state)
{
    KtRecorderConfig config;
    rig_config(&config);
    rig_open(rig, &config, ZERO);
    rig_join(rig, 0, "ann", rig_moving, rig_tone);
    if (state == SETUP)
        return;
    assert_int_equal(
        kt_recorder_start(rig->r, rig->now_us, RIG_WALL, state == COUNTDOWN ? 5 * RIG_SECOND : 0),
        KT_OK);
    rig_run(rig, ZERO + RIG_SECOND, 50000);
    if (state == PAUSED)
        rig_pause(rig);
    if (state == STOPPING || state == STOPPED)
        assert_int_equal(kt_recorder_stop(rig->r, rig->now_us, RIG_WALL), KT_OK);
    if (state == STOPPED)
        assert_int_equal(kt_recorder_stopped(rig->r, rig->now_us), KT_OK);
    if (state == FAILED)
        assert_int_equal(kt_recorder_fail(rig->r, rig->now_us, RIG_WALL, KT_ERR_STORAGE), KT_OK);
    assert_int_equal(rig_state(rig), session_states[state]);
}

typedef struct Call {
    const char *name;
    int (*make)(KtRecorder *r, int64_t now_us);
    int allowed[STATES]; /* 1: KT_OK there, else KT_ERR_STATE */
    int to;              /* the state after it; STATES: as before */
    int again;           /* what a second call at once answers */
} Call;

static int start(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_start(r, now_us, RIG_WALL, 0);
}

static int count_down(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_start(r, now_us, RIG_WALL, RIG_SECOND);
}

static int cancel(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_cancel(r, now_us);
}

static int pause_take(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_pause(r, now_us, RIG_WALL);
}

static int resume(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_resume(r, now_us, RIG_WALL);
}

static int stop(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_stop(r, now_us, RIG_WALL);
}

static int stopped(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_stopped(r, now_us);
}

static int restart(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_restart(r, now_us, RIG_WALL);
}

static int fail_take(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_fail(r, now_us, RIG_WALL, KT_ERR_NETWORK);
}

static int reset(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_reset(r, now_us);
}

static int mark(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_mark(r, "{}", now_us, RIG_WALL);
}

static int flush(KtRecorder *r, int64_t now_us)
{
    (void)now_us;
    return kt_recorder_flush(r);
}

static int mute(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_set_muted(r, 0, 1, 1, now_us, RIG_WALL);
}

static int compose(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_set_composition(r, "{}", 2, now_us, RIG_WALL, NULL, 0);
}

static int leave(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_remove_source(r, 0, now_us, RIG_WALL);
}

static int keep_picture(KtRecorder *r, int64_t now_us)
{
    return kt_recorder_keep_picture(r, 0, now_us);
}

static int set_screen(KtRecorder *r, int64_t now_us)
{
    (void)now_us;
    return kt_recorder_set_screen(r, 0, 1);
}

static int set_gain(KtRecorder *r, int64_t now_us)
{
    (void)now_us;
    return kt_recorder_set_gain(r, 0, 2);
}

#define ALL                                                                                        \
    {                                                                                              \
        1, 1, 1, 1, 1, 1, 1                                                                        \
    }
static const Call calls[] = {
    /*                        setup countdown recording paused stopping stopped failed */
    {"start", start, {1, 0, 0, 0, 0, 0, 0}, RECORDING, KT_ERR_STATE},
    {"start with a countdown", count_down, {1, 0, 0, 0, 0, 0, 0}, COUNTDOWN, KT_ERR_STATE},
    {"cancel", cancel, {0, 1, 0, 0, 0, 0, 0}, SETUP, KT_ERR_STATE},
    {"pause", pause_take, {0, 0, 1, 0, 0, 0, 0}, PAUSED, KT_ERR_STATE},
    {"resume", resume, {0, 0, 0, 1, 0, 0, 0}, RECORDING, KT_ERR_STATE},
    {"stop", stop, {0, 0, 1, 1, 0, 0, 0}, STOPPING, KT_ERR_STATE},
    {"stopped", stopped, {0, 0, 0, 0, 1, 0, 0}, STOPPED, KT_ERR_STATE},
    {"restart", restart, {0, 0, 1, 1, 0, 0, 0}, SETUP, KT_ERR_STATE},
    {"fail", fail_take, {1, 1, 1, 1, 1, 0, 0}, FAILED, KT_ERR_STATE},
    {"reset", reset, {0, 0, 0, 0, 0, 1, 1}, SETUP, KT_ERR_STATE},
    {"mark", mark, {0, 0, 1, 1, 0, 0, 0}, STATES, KT_OK},
    {"flush", flush, ALL, STATES, KT_OK},
    {"set_muted", mute, ALL, STATES, KT_OK},
    {"set_composition", compose, ALL, STATES, KT_OK},
    {"keep_picture", keep_picture, ALL, STATES, KT_OK},
    {"set_screen", set_screen, ALL, STATES, KT_OK},
    {"set_gain", set_gain, ALL, STATES, KT_OK},
    {"remove_source", leave, ALL, STATES, KT_ERR_NOT_FOUND},
};

static void check(const Call *call, int state)
{
    Rig rig;
    bring_to(&rig, state);
    const int status = call->make(rig.r, rig.now_us);
    const int wanted = call->allowed[state] ? KT_OK : KT_ERR_STATE;
    if (status != wanted)
        fail_msg("%s in %s: %s", call->name, kt_session_state_name(session_states[state]),
                 kt_status_text((KtStatus)status));
    const int after = wanted == KT_OK && call->to < STATES ? call->to : state;
    if (rig_state(&rig) != session_states[after])
        fail_msg("%s in %s leads to %s", call->name, kt_session_state_name(session_states[state]),
                 kt_session_state_name(rig_state(&rig)));
    if (wanted == KT_OK && call->make(rig.r, rig.now_us) != call->again)
        fail_msg("%s in %s, again", call->name, kt_session_state_name(session_states[state]));
    rig_close(&rig);
}

static void test_calls_and_states(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (int s = 0; s < STATES; s++)
            check(&calls[i], s);
}

/* A time from before is refused, and changes nothing. */
static void test_times_that_go_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++) /* those of the states */
        for (int s = 0; s < STATES; s++) {
            Rig rig;
            if (!calls[i].allowed[s])
                continue;
            bring_to(&rig, s);
            const KtSessionState before = rig_state(&rig);
            if (before == KT_SESSION_SETUP)
                assert_true(kt_recorder_tick(rig.r, rig.now_us, RIG_WALL, 0) >= 0);
            assert_int_equal(calls[i].make(rig.r, rig.now_us - 1), KT_ERR_ORDER);
            assert_int_equal(rig_state(&rig), before);
            rig_close(&rig);
        }
}

static void test_no_recorder(void **state)
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    KtRecorderStats stats = {.frames = 7};
    KtFramePool *pool = NULL;
    KtFrame *frame = NULL;
    KtChunk chunk;
    KtRecorder *none = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        assert_int_equal(calls[i].make(NULL, 0), KT_ERR_ARG);
    assert_int_equal(kt_recorder_add_source(NULL, "a", NULL, 1, 1, 0, 0), KT_ERR_ARG);
    assert_int_equal(kt_recorder_acquire_frame(NULL, KT_PIXEL_I420, 2, 2, &frame), KT_ERR_ARG);
    assert_int_equal(kt_recorder_push_audio(NULL, 0, 0, 48000, 1, NULL, 1), KT_ERR_ARG);
    assert_int_equal(kt_recorder_set_image(NULL, "a", NULL, 1, 1, 4), KT_ERR_ARG);
    assert_int_equal(kt_recorder_remove_image(NULL, "a"), KT_ERR_ARG);
    assert_int_equal(
        kt_recorder_show_sprite(NULL, "a", KT_SPRITE_HOOK, "", NULL, NULL, 1, 1, 4, 0, 0),
        KT_ERR_ARG);
    assert_int_equal(kt_recorder_hide_sprite(NULL, "a", 0, 0), KT_ERR_ARG);
    assert_int_equal(kt_recorder_tick(NULL, 0, 0, 0), KT_ERR_ARG);
    assert_int_equal(kt_recorder_peek_chunk(NULL, &chunk), KT_ERR_ARG);
    assert_int_equal(kt_recorder_pop_chunk(NULL), KT_ERR_ARG);
    assert_int_equal(kt_recorder_warm_up(NULL, 0), 0);
    assert_int_equal(kt_recorder_next_us(NULL, 5), 0);
    assert_int_equal(kt_recorder_placed(NULL, 0, placed), 0);
    assert_null(kt_recorder_canvas(NULL));
    assert_null(kt_recorder_session(NULL));
    assert_null(kt_recorder_timeline(NULL));
    kt_recorder_stats(NULL, 0, &stats);
    assert_int_equal(stats.frames, 7);
    kt_recorder_config_init(NULL);
    kt_recorder_destroy(&none);
    kt_recorder_destroy(NULL);
    /* The frame is taken all the same: its pool has room again. */
    assert_int_equal(kt_frame_pool_create(1, &pool), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 2, 2, &frame), KT_OK);
    assert_int_equal(kt_recorder_push_frame(NULL, 0, frame, 0), KT_ERR_ARG);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 2, 2, &frame), KT_OK);
    kt_frame_unref(&frame);
    kt_frame_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_and_states),
        cmocka_unit_test(test_times_that_go_back),
        cmocka_unit_test(test_no_recorder),
    };
    return cmocka_run_group_tests_name("recorder_states", tests, NULL, NULL);
}
