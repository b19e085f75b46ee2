/* The take's states: each edge of the table, everything that is not an edge, and take time under
 * random calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/session.h"

#define SECOND INT64_C(1000000)

typedef enum Op {
    OP_START,
    OP_COUNTDOWN,
    OP_CANCEL,
    OP_PAUSE,
    OP_RESUME,
    OP_STOP,
    OP_STOPPED,
    OP_RESTART,
    OP_FAIL,
    OP_SALVAGE,
    OP_START_OVER,
    OP_RESET,
    OP_COUNT
} Op;

static KtStatus call(KtSession *s, Op op, int64_t now)
{
    switch (op) {
    case OP_START:
        return kt_session_start(s, now, 0);
    case OP_COUNTDOWN:
        return kt_session_start(s, now, 3 * SECOND);
    case OP_CANCEL:
        return kt_session_cancel(s, now);
    case OP_PAUSE:
        return kt_session_pause(s, now);
    case OP_RESUME:
        return kt_session_resume(s, now);
    case OP_STOP:
        return kt_session_stop(s, now);
    case OP_STOPPED:
        return kt_session_stopped(s, now);
    case OP_RESTART:
        return kt_session_restart(s, now);
    case OP_FAIL:
        return kt_session_fail(s, now, KT_ERR_CODEC);
    case OP_SALVAGE:
        return kt_session_salvage(s, now);
    case OP_START_OVER:
        return kt_session_start_over(s, now);
    default:
        return kt_session_reset(s, now);
    }
}

static void init(KtSession *s, int64_t max_length_us, KtSessionState initial)
{
    KtLimits limits;
    kt_limits_init(&limits);
    limits.max_length_us = max_length_us;
    assert_int_equal(kt_session_init(s, &limits, initial), KT_OK);
}

/* A session in each state, reached by the shortest way. */
static KtSession in_state(KtSessionState state)
{
    static const Op ways[][4] = {
        [KT_SESSION_SETUP] = {OP_COUNT},
        [KT_SESSION_COUNTDOWN] = {OP_COUNTDOWN, OP_COUNT},
        [KT_SESSION_RECORDING] = {OP_START, OP_COUNT},
        [KT_SESSION_PAUSED] = {OP_START, OP_PAUSE, OP_COUNT},
        [KT_SESSION_STOPPING] = {OP_START, OP_STOP, OP_COUNT},
        [KT_SESSION_STOPPED] = {OP_START, OP_STOP, OP_STOPPED, OP_COUNT},
        [KT_SESSION_FAILED] = {OP_FAIL, OP_COUNT},
        [KT_SESSION_RECOVERABLE] = {OP_COUNT},
    };
    KtSession s;
    init(&s, 100 * SECOND, state == KT_SESSION_RECOVERABLE ? state : KT_SESSION_SETUP);
    for (int i = 0; i < 4 && ways[state][i] != OP_COUNT; i++)
        assert_int_equal(call(&s, ways[state][i], 1000), KT_OK);
    assert_int_equal(s.state, state);
    return s;
}

#define NONE -1
/* Where each call leads from each state: the table of session.h once more, on its own. */
static const int leads_to[][OP_COUNT] = {
    /* start, countdown, cancel, pause, resume, stop, stopped, restart, fail, salvage, over, reset
     */
    [KT_SESSION_SETUP] = {KT_SESSION_RECORDING, KT_SESSION_COUNTDOWN, NONE, NONE, NONE, NONE, NONE,
                          NONE, KT_SESSION_FAILED, NONE, NONE, NONE},
    [KT_SESSION_COUNTDOWN] = {NONE, NONE, KT_SESSION_SETUP, NONE, NONE, NONE, NONE, NONE,
                              KT_SESSION_FAILED, NONE, NONE, NONE},
    [KT_SESSION_RECORDING] = {NONE, NONE, NONE, KT_SESSION_PAUSED, NONE, KT_SESSION_STOPPING, NONE,
                              KT_SESSION_SETUP, KT_SESSION_FAILED, NONE, NONE, NONE},
    [KT_SESSION_PAUSED] = {NONE, NONE, NONE, NONE, KT_SESSION_RECORDING, KT_SESSION_STOPPING, NONE,
                           KT_SESSION_SETUP, KT_SESSION_FAILED, NONE, NONE, NONE},
    [KT_SESSION_STOPPING] = {NONE, NONE, NONE, NONE, NONE, NONE, KT_SESSION_STOPPED, NONE,
                             KT_SESSION_FAILED, NONE, NONE, NONE},
    [KT_SESSION_STOPPED] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
                            KT_SESSION_SETUP},
    [KT_SESSION_FAILED] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
                           KT_SESSION_SETUP},
    [KT_SESSION_RECOVERABLE] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, KT_SESSION_FAILED,
                                KT_SESSION_STOPPING, KT_SESSION_SETUP, NONE},
};

static int same(const KtSession *a, const KtSession *b)
{
    return a->state == b->state && a->failure == b->failure &&
           a->countdown_end_us == b->countdown_end_us && a->started_us == b->started_us &&
           a->paused_at_us == b->paused_at_us && a->paused_total_us == b->paused_total_us &&
           a->take_us == b->take_us && a->last_us == b->last_us &&
           a->limit_reached == b->limit_reached && a->takes == b->takes;
}

static void every_call_in_every_state(void **state)
{
    (void)state;
    for (int from = KT_SESSION_SETUP; from <= KT_SESSION_RECOVERABLE; from++)
        for (int op = 0; op < OP_COUNT; op++) {
            KtSession s = in_state((KtSessionState)from), before = s;
            KtStatus status = call(&s, (Op)op, 2000);
            if (leads_to[from][op] == NONE) {
                assert_int_equal(status, KT_ERR_STATE);
                assert_true(same(&s, &before));
            } else {
                assert_int_equal(status, KT_OK);
                assert_int_equal(s.state, leads_to[from][op]);
            }
        }
}

static void time_going_back_is_refused(void **state)
{
    (void)state;
    for (int from = KT_SESSION_SETUP; from <= KT_SESSION_RECOVERABLE; from++)
        for (int op = 0; op < OP_COUNT; op++) {
            KtSession s = in_state((KtSessionState)from);
            if (from == KT_SESSION_SETUP || from == KT_SESSION_RECOVERABLE)
                assert_int_equal(kt_session_tick(&s, 1000), KT_AGAIN);
            KtSession before = s;
            assert_int_equal(call(&s, (Op)op, 999), KT_ERR_ORDER);
            assert_int_equal(kt_session_tick(&s, 999), KT_ERR_ORDER);
            assert_int_equal(call(&s, (Op)op, INT64_MAX), KT_ERR_ARG);
            assert_int_equal(call(&s, (Op)op, INT64_MIN), KT_ERR_ARG);
            assert_true(same(&s, &before));
        }
}

static void take_time_leaves_pauses_out(void **state)
{
    (void)state;
    KtSession s;
    init(&s, 100 * SECOND, KT_SESSION_SETUP);
    assert_int_equal(kt_session_take_us(&s, 5), 0);
    assert_int_equal(kt_session_start(&s, 7 * SECOND, 0), KT_OK);
    assert_int_equal(kt_session_take_us(&s, 9 * SECOND), 2 * SECOND);
    assert_int_equal(kt_session_pause(&s, 10 * SECOND), KT_OK);
    assert_int_equal(kt_session_take_us(&s, 50 * SECOND), 3 * SECOND);
    assert_int_equal(kt_session_resume(&s, 60 * SECOND), KT_OK);
    assert_int_equal(kt_session_take_us(&s, 60 * SECOND), 3 * SECOND);
    assert_int_equal(kt_session_take_us(&s, 61 * SECOND), 4 * SECOND);
    assert_int_equal(kt_session_pause(&s, 62 * SECOND), KT_OK);
    assert_int_equal(kt_session_stop(&s, 90 * SECOND), KT_OK);
    assert_int_equal(s.take_us, 5 * SECOND);
    assert_int_equal(kt_session_take_us(&s, 99 * SECOND), 5 * SECOND);
    assert_int_equal(s.limit_reached, 0);
}

static void countdown_begins_the_take_at_its_exact_end(void **state)
{
    (void)state;
    KtSession s;
    init(&s, 100 * SECOND, KT_SESSION_SETUP);
    assert_int_equal(kt_session_start(&s, SECOND, 3 * SECOND), KT_OK);
    assert_int_equal(kt_session_tick(&s, 4 * SECOND - 1), KT_AGAIN);
    assert_int_equal(kt_session_take_us(&s, 4 * SECOND - 1), 0);
    assert_int_equal(kt_session_tick(&s, 4 * SECOND + 17000), KT_OK);
    assert_int_equal(s.state, KT_SESSION_RECORDING);
    assert_int_equal(kt_session_take_us(&s, 4 * SECOND + 17000), 17000);
    assert_int_equal(s.takes, 1);
}

static void countdown_slept_through_begins_the_take_at_once(void **state)
{
    (void)state;
    KtSession s;
    init(&s, 100 * SECOND, KT_SESSION_SETUP);
    assert_int_equal(kt_session_start(&s, SECOND, 3 * SECOND), KT_OK);
    assert_int_equal(kt_session_tick(&s, 2 * SECOND), KT_AGAIN);
    assert_int_equal(kt_session_tick(&s, 3602 * SECOND), KT_OK);
    assert_int_equal(s.state, KT_SESSION_RECORDING);
    assert_int_equal(kt_session_take_us(&s, 3602 * SECOND), 0);
    assert_int_equal(kt_session_tick(&s, 3602 * SECOND), KT_AGAIN);
    assert_int_equal(kt_session_take_us(&s, 3603 * SECOND), SECOND);

    /* Exactly as long as a late tick may take: caught up. */
    init(&s, 100 * SECOND, KT_SESSION_SETUP);
    assert_int_equal(kt_session_start(&s, SECOND, 3 * SECOND), KT_OK);
    assert_int_equal(kt_session_tick(&s, SECOND + KT_SESSION_SLEEP_US), KT_OK);
    assert_int_equal(kt_session_take_us(&s, SECOND + KT_SESSION_SLEEP_US), 7 * SECOND);
}

static void countdown_range(void **state)
{
    (void)state;
    KtSession s = in_state(KT_SESSION_SETUP);
    assert_int_equal(kt_session_start(&s, 0, -1), KT_ERR_ARG);
    assert_int_equal(kt_session_start(&s, 0, 60 * SECOND + 1), KT_ERR_ARG);
    assert_int_equal(kt_session_start(&s, 0, 60 * SECOND), KT_OK);
}

static void longest_take_ends_exactly(void **state)
{
    (void)state;
    KtSession s;
    init(&s, 10 * SECOND, KT_SESSION_SETUP);
    kt_session_start(&s, 0, 0);
    kt_session_pause(&s, 4 * SECOND);
    kt_session_resume(&s, 104 * SECOND);
    assert_int_equal(kt_session_tick(&s, 110 * SECOND - 1), KT_AGAIN);
    assert_int_equal(kt_session_take_us(&s, 200 * SECOND), 10 * SECOND);
    assert_int_equal(kt_session_tick(&s, 113 * SECOND), KT_OK);
    assert_int_equal(s.state, KT_SESSION_STOPPING);
    assert_int_equal(s.take_us, 10 * SECOND);
    assert_int_equal(s.limit_reached, 1);
}

static void a_late_pause_cannot_pass_the_limit(void **state)
{
    (void)state;
    KtSession s;
    init(&s, 10 * SECOND, KT_SESSION_SETUP);
    kt_session_start(&s, 0, 0);
    assert_int_equal(kt_session_pause(&s, 15 * SECOND), KT_OK);
    assert_int_equal(kt_session_take_us(&s, 15 * SECOND), 10 * SECOND);
    assert_int_equal(kt_session_tick(&s, 16 * SECOND), KT_OK);
    assert_int_equal(s.state, KT_SESSION_STOPPING);
    assert_int_equal(s.limit_reached, 1);
}

static void disabled_recording_is_refused(void **state)
{
    (void)state;
    KtLimits limits;
    KtSession s;
    kt_limits_init(&limits);
    limits.enabled = 0;
    assert_int_equal(kt_session_init(&s, &limits, KT_SESSION_SETUP), KT_OK);
    assert_int_equal(kt_session_start(&s, 0, 0), KT_ERR_REFUSED);
    assert_int_equal(s.state, KT_SESSION_SETUP);
}

static void bad_limits_and_failures(void **state)
{
    (void)state;
    KtLimits limits;
    KtSession s;
    kt_limits_init(&limits);
    assert_int_equal(kt_session_init(&s, &limits, KT_SESSION_PAUSED), KT_ERR_ARG);
    assert_int_equal(kt_session_init(&s, NULL, KT_SESSION_SETUP), KT_ERR_ARG);
    limits.max_length_us = SECOND - 1;
    assert_int_equal(kt_session_init(&s, &limits, KT_SESSION_SETUP), KT_ERR_ARG);
    limits.max_length_us = 86400 * SECOND + 1;
    assert_int_equal(kt_session_init(&s, &limits, KT_SESSION_SETUP), KT_ERR_ARG);
    kt_limits_init(&limits);
    limits.max_fps = 61;
    assert_int_equal(kt_session_init(&s, &limits, KT_SESSION_SETUP), KT_ERR_ARG);
    s = in_state(KT_SESSION_RECORDING);
    assert_int_equal(kt_session_fail(&s, 2000, KT_OK), KT_ERR_ARG);
    assert_int_equal(kt_session_fail(&s, 2000, KT_ERR_STORAGE), KT_OK);
    assert_int_equal(kt_session_fail(&s, 3000, KT_ERR_CODEC), KT_ERR_STATE);
    assert_int_equal(s.failure, KT_ERR_STORAGE);
    assert_int_equal(s.take_us, 1000);
    assert_int_equal(kt_session_reset(&s, 4000), KT_OK);
    assert_int_equal(s.failure, KT_OK);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(kt_session_state_name(KT_SESSION_SETUP), "setup");
    assert_string_equal(kt_session_state_name(KT_SESSION_RECOVERABLE), "recoverable");
    assert_string_equal(kt_session_state_name((KtSessionState)99), "unknown");
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Take time kept by a second, naive bookkeeper: it adds up the time spent in RECORDING. */
typedef struct Shadow {
    KtSessionState state;
    int64_t last, take;
} Shadow;

static void shadow_pass(Shadow *shadow, const KtSession *s, int64_t now)
{
    if (shadow->state == KT_SESSION_RECORDING)
        shadow->take += now - shadow->last;
    if (shadow->take > s->limits.max_length_us)
        shadow->take = s->limits.max_length_us;
    shadow->last = now;
}

static void random_run(uint32_t seed)
{
    KtSession s;
    uint32_t random = seed;
    int64_t now = -5 * SECOND;
    Shadow shadow = {KT_SESSION_SETUP, now, 0};
    init(&s, (1 + next_random(&random) % 20) * SECOND,
         next_random(&random) % 8 ? KT_SESSION_SETUP : KT_SESSION_RECOVERABLE);
    shadow.state = s.state;
    for (int step = 0; step < 60; step++) {
        KtSession before = s;
        int64_t shown = kt_session_take_us(&s, now);
        now += next_random(&random) % (2 * SECOND);
        int64_t later = kt_session_take_us(&s, now);
        assert_true(later >= shown && later - shown <= now - shadow.last);
        shadow_pass(&shadow, &s, now);
        int which = (int)(next_random(&random) % (OP_COUNT * 2));
        /* Failing ends most runs early: seldom. */
        if (which == OP_FAIL && next_random(&random) % 8)
            which = OP_COUNT;
        KtStatus status = which < OP_COUNT ? call(&s, (Op)which, now) : kt_session_tick(&s, now);
        if (status == KT_ERR_STATE)
            assert_true(same(&s, &before));
        else
            assert_true(status == KT_OK || status == KT_AGAIN);
        if (before.state == KT_SESSION_COUNTDOWN && s.state == KT_SESSION_RECORDING)
            shadow.take =
                now - before.last_us > KT_SESSION_SLEEP_US ? 0 : now - before.countdown_end_us;
        if (shadow.take > s.limits.max_length_us)
            shadow.take = s.limits.max_length_us;
        if (s.state == KT_SESSION_SETUP || s.state == KT_SESSION_COUNTDOWN ||
            (before.state == KT_SESSION_SETUP && s.state == KT_SESSION_RECORDING))
            shadow.take = 0;
        shadow.state = s.state;
        assert_int_equal(kt_session_take_us(&s, now), shadow.take);
    }
}

static uint32_t running_seed;

static void random_calls(void **state)
{
    (void)state;
    const char *only = getenv("KT_SEED");
    uint32_t first = only ? (uint32_t)strtoul(only, NULL, 0) : 1;
    for (uint32_t seed = first; seed < first + (only ? 1 : 20000); seed++) {
        running_seed = seed;
        random_run(seed);
    }
}

static int print_seed(void **state)
{
    (void)state;
    print_message("last seed %u; repeat it: KT_SEED=%u test_session\n", running_seed, running_seed);
    return 0;
}

static void a_take_may_be_a_little_longer(void **state)
{
    KtLimits limits;
    KtSession s;
    (void)state;
    kt_limits_init(&limits);
    limits.max_length_us = 5 * SECOND;
    assert_int_equal(kt_session_init(&s, &limits, KT_SESSION_SETUP), KT_OK);
    assert_int_equal(kt_session_is_live(&s), 0);
    assert_int_equal(kt_session_extend(&s, SECOND), KT_ERR_STATE);
    assert_int_equal(kt_session_start(&s, 7 * SECOND, 0), KT_OK);
    assert_int_equal(kt_session_is_live(&s), 1);
    assert_int_equal(kt_session_extend(&s, SECOND), KT_ERR_STATE);
    assert_int_equal(kt_session_stop(&s, 10 * SECOND), KT_OK);
    assert_int_equal(kt_session_is_live(&s), 0);
    assert_int_equal(kt_session_extend(&s, SECOND), KT_OK);
    assert_int_equal(kt_session_take_us(&s, 20 * SECOND), 3 * SECOND);
    assert_int_equal(kt_session_extend(&s, 3 * SECOND + 1), KT_OK);
    assert_int_equal(kt_session_take_us(&s, 20 * SECOND), 3 * SECOND + 1);
    assert_int_equal(kt_session_extend(&s, 9 * SECOND), KT_OK);
    assert_int_equal(kt_session_take_us(&s, 20 * SECOND), 5 * SECOND);
    assert_int_equal(kt_session_has_slept(&s, 20 * SECOND), 0);
    assert_int_equal(kt_session_has_slept(&s, 20 * SECOND + 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_in_every_state),
        cmocka_unit_test(time_going_back_is_refused),
        cmocka_unit_test(take_time_leaves_pauses_out),
        cmocka_unit_test(countdown_begins_the_take_at_its_exact_end),
        cmocka_unit_test(countdown_slept_through_begins_the_take_at_once),
        cmocka_unit_test(countdown_range),
        cmocka_unit_test(longest_take_ends_exactly),
        cmocka_unit_test(a_late_pause_cannot_pass_the_limit),
        cmocka_unit_test(disabled_recording_is_refused),
        cmocka_unit_test(bad_limits_and_failures),
        cmocka_unit_test(names),
        cmocka_unit_test(a_take_may_be_a_little_longer),
        cmocka_unit_test_teardown(random_calls, print_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
