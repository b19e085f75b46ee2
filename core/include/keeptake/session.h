/* The states of a take, as one table. Pure: used by the engine in the browser and by the server.
 *
 *   SETUP      -> COUNTDOWN  kt_session_start     with a countdown
 *   SETUP      -> RECORDING  kt_session_start     without one
 *   COUNTDOWN  -> RECORDING  kt_session_tick      the countdown has run out
 *   COUNTDOWN  -> SETUP      kt_session_cancel
 *   RECORDING  -> PAUSED     kt_session_pause     a gap opens at now_us
 *   PAUSED     -> RECORDING  kt_session_resume    the gap is closed
 *   RECORDING, PAUSED -> SETUP     kt_session_restart   the take is discarded, sources stay
 *   RECORDING, PAUSED -> STOPPING  kt_session_stop, kt_session_tick (greatest length reached)
 *   STOPPING   -> STOPPED    kt_session_stopped   everything is stored
 *   any live   -> FAILED     kt_session_fail      first status is kept
 *   RECOVERABLE -> STOPPING  kt_session_salvage
 *   RECOVERABLE -> SETUP     kt_session_start_over
 *   STOPPED, FAILED -> SETUP kt_session_reset     the next take */
#ifndef KEEPTAKE_SESSION_H
#define KEEPTAKE_SESSION_H

#include <stdint.h>

#include "keeptake/limits.h"
#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_SESSION_STATE_MAP(X)                                                                    \
    X(SETUP, "setup")                                                                              \
    X(COUNTDOWN, "countdown")                                                                      \
    X(RECORDING, "recording")                                                                      \
    X(PAUSED, "paused")                                                                            \
    X(STOPPING, "stopping")                                                                        \
    X(STOPPED, "stopped")                                                                          \
    X(FAILED, "failed")                                                                            \
    X(RECOVERABLE, "recoverable")

typedef enum KtSessionState {
#define KT_SESSION_ENUM(name, text) KT_SESSION_##name,
    KT_SESSION_STATE_MAP(KT_SESSION_ENUM)
#undef KT_SESSION_ENUM
} KtSessionState;

/* Engine times lie within +-KT_CLOCK_MAX_US (ERR_ARG), so that no sum of them overflows. */
#define KT_CLOCK_MAX_US (INT64_C(1) << 60)
/* A tick that comes later than this after the last one: the machine slept in between. */
#define KT_SESSION_SLEEP_US INT64_C(10000000)

/* In the caller's memory; every field is read-only outside session.c. Times are engine clock. */
typedef struct KtSession {
    KtLimits limits;
    KtSessionState state;
    KtStatus failure;
    int64_t countdown_end_us;
    int64_t started_us;   /* engine time of take time 0 */
    int64_t paused_at_us; /* valid in PAUSED */
    int64_t paused_total_us;
    int64_t take_us; /* frozen length once STOPPING */
    int64_t last_us;
    int limit_reached; /* the take was ended by max_length_us */
    uint32_t takes;    /* how many were begun, restarts included */
} KtSession;

/* initial: SETUP or RECOVERABLE. ERR_ARG for limits outside their ranges. */
KtStatus kt_session_init(KtSession *s, const KtLimits *limits, KtSessionState initial);
/* Every edge: KT_OK, or ERR_STATE (session unchanged), ERR_ORDER (now_us before an earlier one).
 * start also ERR_REFUSED where recording is not enabled, ERR_ARG for a countdown outside 0..60 s.
 */
KtStatus kt_session_start(KtSession *s, int64_t now_us, int64_t countdown_us);
KtStatus kt_session_cancel(KtSession *s, int64_t now_us);
KtStatus kt_session_pause(KtSession *s, int64_t now_us);
KtStatus kt_session_resume(KtSession *s, int64_t now_us);
KtStatus kt_session_stop(KtSession *s, int64_t now_us);
KtStatus kt_session_stopped(KtSession *s, int64_t now_us);
KtStatus kt_session_restart(KtSession *s, int64_t now_us);
KtStatus kt_session_fail(KtSession *s, int64_t now_us, KtStatus why);
KtStatus kt_session_salvage(KtSession *s, int64_t now_us);
KtStatus kt_session_start_over(KtSession *s, int64_t now_us);
KtStatus kt_session_reset(KtSession *s, int64_t now_us);
/* Lets time pass: ends a countdown (take time 0 is its exact end, not now_us; but now_us where the
 * machine slept, KT_SESSION_SLEEP_US: a sleep is no part of a take) and a take that reached
 * max_length_us (its length is exactly that; also one paused there). KT_OK where the state changed,
 * KT_AGAIN where not. */
KtStatus kt_session_tick(KtSession *s, int64_t now_us);

/* Take time at now_us, microseconds: pauses excluded, stands still while paused, 0 before the
 * start. */
int64_t kt_session_take_us(const KtSession *s, int64_t now_us);
/* A take that has just ended is at least that long: a timer that fired early made its last picture.
 * At most limits.max_length_us. ERR_STATE: not STOPPING. */
KtStatus kt_session_extend(KtSession *s, int64_t take_us);
/* RECORDING or PAUSED. */
int kt_session_is_live(const KtSession *s);
/* Whether the machine slept before now_us, and no edge or tick has brought the session there yet.
 */
int kt_session_has_slept(const KtSession *s, int64_t now_us);
const char *kt_session_state_name(KtSessionState state); /* static */

#ifdef __cplusplus
}
#endif
#endif
