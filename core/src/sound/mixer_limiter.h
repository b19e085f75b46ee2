/* Look-ahead soft limiter of the mixer. Internal.
 *
 * Below KT_LIMITER_KNEE sound passes bit for bit; above, a curve bends the peaks so that they stay
 * under 1. The gain is lowered over the KT_LIMITER_AHEAD frames before a peak, so there is neither
 * a click nor overshoot, and rises again with a time constant of 100 ms. Both sides share it. */
#ifndef KEEPTAKE_MIXER_LIMITER_H
#define KEEPTAKE_MIXER_LIMITER_H

#include <stdint.h>

#define KT_LIMITER_AHEAD 240  /* frames: 5 ms at 48 kHz */
#define KT_LIMITER_KNEE 0.89f /* -1 dB */

/* Gains are Q30 integers: their running sum is exact and never drifts. */
typedef struct KtLimiter {
    int primed;    /* the first AHEAD - 1 frames were looked at */
    int64_t fed;   /* frames looked at */
    uint32_t gain; /* after release, before smoothing */
    uint64_t sum;  /* of history */
    int history_at;
    uint32_t history[KT_LIMITER_AHEAD];
    /* The falling-then-rising minimum of the look-ahead window; gains of 1 are not kept. */
    int head, count;
    uint32_t queue_gain[KT_LIMITER_AHEAD];
    int64_t queue_at[KT_LIMITER_AHEAD];
} KtLimiter;

/* Forgets the past: the next frame has none before it. */
void kt__limiter_reset(KtLimiter *l);

/* Limits frames interleaved stereo frames of in to out; in holds KT_LIMITER_AHEAD - 1 more, which
 * the next call must begin with. in is finite; |out| <= 1. */
void kt__limiter_run(KtLimiter *l, const float *in, float *out, int frames);

#endif
