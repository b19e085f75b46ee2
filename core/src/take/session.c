/* The states of a take: the table of session.h, one function for each edge. */
#include "keeptake/session.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define MAX_COUNTDOWN_US INT64_C(60000000)
#define MIN_LENGTH_US INT64_C(1000000)
#define MAX_LENGTH_US (INT64_C(24) * 3600 * 1000000)

typedef enum Call {
    CALL_COUNT_DOWN,
    CALL_START,
    CALL_CANCEL,
    CALL_PAUSE,
    CALL_RESUME,
    CALL_STOP,
    CALL_STOPPED,
    CALL_RESTART,
    CALL_FAIL,
    CALL_SALVAGE,
    CALL_START_OVER,
    CALL_RESET,
    CALL_COUNTDOWN_OVER,
    CALL_LIMIT_REACHED,
} Call;

/* One edge. perform runs before the state changes; arg is what its call says. */
typedef struct Edge {
    KtSessionState from;
    Call call;
    KtSessionState to;
    void (*perform)(KtSession *s, int64_t now_us, int64_t arg);
} Edge;

static void check_invariants(const KtSession *s)
{
    int live = kt_session_is_live(s);
    assert(s->state >= KT_SESSION_SETUP && s->state <= KT_SESSION_RECOVERABLE);
    assert((s->state == KT_SESSION_FAILED) == (s->failure < 0));
    assert(s->paused_total_us >= 0);
    assert(s->take_us >= 0 && s->take_us <= s->limits.max_length_us);
    assert(!live || s->takes > 0);
    assert(!live || s->take_us == 0);
    assert(s->state != KT_SESSION_PAUSED || s->paused_at_us <= s->last_us);
    assert(s->state != KT_SESSION_PAUSED || s->paused_at_us >= s->started_us + s->paused_total_us);
    assert(!s->limit_reached || s->take_us == s->limits.max_length_us);
    (void)s;
    (void)live;
}

static void clear_take(KtSession *s)
{
    s->failure = KT_OK;
    s->countdown_end_us = 0;
    s->started_us = 0;
    s->paused_at_us = 0;
    s->paused_total_us = 0;
    s->take_us = 0;
    s->limit_reached = 0;
}

static void session_clear(KtSession *s, int64_t now_us, int64_t arg)
{
    (void)now_us;
    (void)arg;
    clear_take(s);
}

/* arg: length of the countdown. */
static void session_count_down(KtSession *s, int64_t now_us, int64_t arg)
{
    clear_take(s);
    s->countdown_end_us = now_us + arg;
}

/* arg: engine time of take time 0. */
static void session_begin(KtSession *s, int64_t now_us, int64_t arg)
{
    (void)now_us;
    clear_take(s);
    s->started_us = arg;
    s->takes++;
}

/* The gap opens at now_us, or where the take reached its greatest length. */
static void session_open_gap(KtSession *s, int64_t now_us, int64_t arg)
{
    (void)arg;
    s->paused_at_us = s->started_us + s->paused_total_us + kt_session_take_us(s, now_us);
}

static void session_close_gap(KtSession *s, int64_t now_us, int64_t arg)
{
    (void)arg;
    s->paused_total_us += now_us - s->paused_at_us;
}

/* Freezes the length. arg: 1 where the greatest length ended the take. */
static void session_freeze(KtSession *s, int64_t now_us, int64_t arg)
{
    s->take_us = kt_session_take_us(s, now_us);
    s->limit_reached = arg != 0 || s->take_us == s->limits.max_length_us;
}

static void session_keep(KtSession *s, int64_t now_us, int64_t arg)
{
    (void)s;
    (void)now_us;
    (void)arg;
}

/* arg: the status. */
static void session_note_failure(KtSession *s, int64_t now_us, int64_t arg)
{
    s->take_us = kt_session_take_us(s, now_us);
    s->failure = (KtStatus)arg;
}

/* clang-format off */
static const Edge edges[] = {
    {KT_SESSION_SETUP,       CALL_COUNT_DOWN,     KT_SESSION_COUNTDOWN, session_count_down},
    {KT_SESSION_SETUP,       CALL_START,          KT_SESSION_RECORDING, session_begin},
    {KT_SESSION_COUNTDOWN,   CALL_COUNTDOWN_OVER, KT_SESSION_RECORDING, session_begin},
    {KT_SESSION_COUNTDOWN,   CALL_CANCEL,         KT_SESSION_SETUP,     session_clear},
    {KT_SESSION_RECORDING,   CALL_PAUSE,          KT_SESSION_PAUSED,    session_open_gap},
    {KT_SESSION_PAUSED,      CALL_RESUME,         KT_SESSION_RECORDING, session_close_gap},
    {KT_SESSION_RECORDING,   CALL_RESTART,        KT_SESSION_SETUP,     session_clear},
    {KT_SESSION_PAUSED,      CALL_RESTART,        KT_SESSION_SETUP,     session_clear},
    {KT_SESSION_RECORDING,   CALL_STOP,           KT_SESSION_STOPPING,  session_freeze},
    {KT_SESSION_PAUSED,      CALL_STOP,           KT_SESSION_STOPPING,  session_freeze},
    {KT_SESSION_RECORDING,   CALL_LIMIT_REACHED,  KT_SESSION_STOPPING,  session_freeze},
    {KT_SESSION_PAUSED,      CALL_LIMIT_REACHED,  KT_SESSION_STOPPING,  session_freeze},
    {KT_SESSION_STOPPING,    CALL_STOPPED,        KT_SESSION_STOPPED,   session_keep},
    {KT_SESSION_SETUP,       CALL_FAIL,           KT_SESSION_FAILED,    session_note_failure},
    {KT_SESSION_COUNTDOWN,   CALL_FAIL,           KT_SESSION_FAILED,    session_note_failure},
    {KT_SESSION_RECORDING,   CALL_FAIL,           KT_SESSION_FAILED,    session_note_failure},
    {KT_SESSION_PAUSED,      CALL_FAIL,           KT_SESSION_FAILED,    session_note_failure},
    {KT_SESSION_STOPPING,    CALL_FAIL,           KT_SESSION_FAILED,    session_note_failure},
    {KT_SESSION_RECOVERABLE, CALL_FAIL,           KT_SESSION_FAILED,    session_note_failure},
    {KT_SESSION_RECOVERABLE, CALL_SALVAGE,        KT_SESSION_STOPPING,  session_clear},
    {KT_SESSION_RECOVERABLE, CALL_START_OVER,     KT_SESSION_SETUP,     session_clear},
    {KT_SESSION_STOPPED,     CALL_RESET,          KT_SESSION_SETUP,     session_clear},
    {KT_SESSION_FAILED,      CALL_RESET,          KT_SESSION_SETUP,     session_clear},
};
/* clang-format on */

static KtStatus check_time(const KtSession *s, int64_t now_us)
{
    if (now_us > KT_CLOCK_MAX_US || now_us < -KT_CLOCK_MAX_US)
        return KT_ERR_ARG;
    return now_us < s->last_us ? KT_ERR_ORDER : KT_OK;
}

static KtStatus take_edge(KtSession *s, Call call, int64_t now_us, int64_t arg)
{
    KtStatus status = check_time(s, now_us);
    if (status != KT_OK)
        return status;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        if (edges[i].from != s->state || edges[i].call != call)
            continue;
        edges[i].perform(s, now_us, arg);
        s->state = edges[i].to;
        s->last_us = now_us;
        check_invariants(s);
        return KT_OK;
    }
    return KT_ERR_STATE;
}

KtStatus kt_session_init(KtSession *s, const KtLimits *limits, KtSessionState initial)
{
    if (!s || !limits || limits->max_length_us < MIN_LENGTH_US ||
        limits->max_length_us > MAX_LENGTH_US || limits->max_fps < 1 || limits->max_fps > 60)
        return KT_ERR_ARG;
    if (initial != KT_SESSION_SETUP && initial != KT_SESSION_RECOVERABLE)
        return KT_ERR_ARG;
    memset(s, 0, sizeof *s);
    s->limits = *limits;
    s->state = initial;
    s->last_us = -KT_CLOCK_MAX_US;
    check_invariants(s);
    return KT_OK;
}

KtStatus kt_session_start(KtSession *s, int64_t now_us, int64_t countdown_us)
{
    if (countdown_us < 0 || countdown_us > MAX_COUNTDOWN_US)
        return KT_ERR_ARG;
    if (s->state == KT_SESSION_SETUP && !s->limits.enabled)
        return KT_ERR_REFUSED;
    if (countdown_us > 0)
        return take_edge(s, CALL_COUNT_DOWN, now_us, countdown_us);
    return take_edge(s, CALL_START, now_us, now_us);
}

KtStatus kt_session_cancel(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_CANCEL, now_us, 0);
}

KtStatus kt_session_pause(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_PAUSE, now_us, 0);
}

KtStatus kt_session_resume(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_RESUME, now_us, 0);
}

KtStatus kt_session_stop(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_STOP, now_us, 0);
}

KtStatus kt_session_stopped(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_STOPPED, now_us, 0);
}

KtStatus kt_session_restart(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_RESTART, now_us, 0);
}

KtStatus kt_session_fail(KtSession *s, int64_t now_us, KtStatus why)
{
    if (why >= 0)
        return KT_ERR_ARG;
    return take_edge(s, CALL_FAIL, now_us, why);
}

KtStatus kt_session_salvage(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_SALVAGE, now_us, 0);
}

KtStatus kt_session_start_over(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_START_OVER, now_us, 0);
}

KtStatus kt_session_reset(KtSession *s, int64_t now_us)
{
    return take_edge(s, CALL_RESET, now_us, 0);
}

KtStatus kt_session_tick(KtSession *s, int64_t now_us)
{
    KtStatus status = check_time(s, now_us);
    if (status != KT_OK)
        return status;
    const int slept = kt_session_has_slept(s, now_us);
    s->last_us = now_us;
    if (s->state == KT_SESSION_COUNTDOWN && now_us >= s->countdown_end_us)
        return take_edge(s, CALL_COUNTDOWN_OVER, now_us, slept ? now_us : s->countdown_end_us);
    if (kt_session_is_live(s) && kt_session_take_us(s, now_us) == s->limits.max_length_us)
        return take_edge(s, CALL_LIMIT_REACHED, now_us, 1);
    return KT_AGAIN;
}

int64_t kt_session_take_us(const KtSession *s, int64_t now_us)
{
    int64_t until_us = now_us;
    if (s->state == KT_SESSION_PAUSED)
        until_us = s->paused_at_us;
    else if (s->state != KT_SESSION_RECORDING)
        return s->take_us;
    int64_t take_us = until_us - s->started_us - s->paused_total_us;
    if (take_us < 0)
        return 0;
    return take_us < s->limits.max_length_us ? take_us : s->limits.max_length_us;
}

KtStatus kt_session_extend(KtSession *s, int64_t take_us)
{
    if (s->state != KT_SESSION_STOPPING)
        return KT_ERR_STATE;
    if (take_us > s->limits.max_length_us)
        take_us = s->limits.max_length_us;
    if (take_us > s->take_us)
        s->take_us = take_us;
    check_invariants(s);
    return KT_OK;
}

int kt_session_is_live(const KtSession *s)
{
    return s->state == KT_SESSION_RECORDING || s->state == KT_SESSION_PAUSED;
}

int kt_session_has_slept(const KtSession *s, int64_t now_us)
{
    return now_us - s->last_us > KT_SESSION_SLEEP_US;
}

const char *kt_session_state_name(KtSessionState state)
{
    switch (state) {
#define STATE_NAME(name, text)                                                                     \
    case KT_SESSION_##name:                                                                        \
        return text;
        KT_SESSION_STATE_MAP(STATE_NAME)
#undef STATE_NAME
    }
    return "unknown";
}
