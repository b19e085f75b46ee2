/* Gain curve, sliding minimum over the look-ahead, release, moving average.
 *
 * Why it holds: the minimum over frames k..k+AHEAD-1 is at most the gain wanted at any of them, the
 * release only lowers it, and the average over the AHEAD newest of these takes in no minimum whose
 * window misses the frame being put out. */
#include "mixer_limiter.h"

#include <math.h>
#include <string.h>

#define ONE_Q30 ((uint32_t)1 << 30)
#define RELEASE_Q20 218 /* 2^20 / (0.1 s * 48 kHz) */
#define FULL_SUM ((uint64_t)ONE_Q30 * KT_LIMITER_AHEAD)

void kt__limiter_reset(KtLimiter *l)
{
    memset(l, 0, sizeof(*l));
    l->gain = ONE_Q30;
}

/* Level p above the knee becomes knee + r x / (1 + x), x = (p - knee) / r, r = 1 - knee: the slope
 * is 1 at the knee, the limit is 1. */
static uint32_t wanted_gain(float left, float right)
{
    float a = fabsf(left), b = fabsf(right);
    float peak = a > b ? a : b;
    if (peak <= KT_LIMITER_KNEE)
        return ONE_Q30;
    double room = 1.0 - (double)KT_LIMITER_KNEE;
    double over = ((double)peak - (double)KT_LIMITER_KNEE) / room;
    double level = (double)KT_LIMITER_KNEE + room * over / (1.0 + over);
    return (uint32_t)(level / (double)peak * ONE_Q30);
}

/* Takes the gain wanted at the newest frame; returns the minimum over the window. */
static uint32_t window_min(KtLimiter *l, uint32_t gain)
{
    int64_t now = l->fed++;
    if (l->count && l->queue_at[l->head] <= now - KT_LIMITER_AHEAD) {
        l->head = (l->head + 1) % KT_LIMITER_AHEAD;
        l->count--;
    }
    while (l->count && l->queue_gain[(l->head + l->count - 1) % KT_LIMITER_AHEAD] >= gain)
        l->count--;
    if (gain < ONE_Q30) {
        int tail = (l->head + l->count++) % KT_LIMITER_AHEAD;
        l->queue_gain[tail] = gain;
        l->queue_at[tail] = now;
    }
    return l->count ? l->queue_gain[l->head] : ONE_Q30;
}

static float next_gain(KtLimiter *l, uint32_t least)
{
    uint32_t released = l->gain + (uint32_t)(((uint64_t)(ONE_Q30 - l->gain) * RELEASE_Q20) >> 20);
    if (released < ONE_Q30)
        released++;
    l->gain = released < least ? released : least;
    l->sum += l->gain;
    l->sum -= l->history[l->history_at];
    l->history[l->history_at] = l->gain;
    l->history_at = (l->history_at + 1) % KT_LIMITER_AHEAD;
    return (float)((double)l->sum / (double)FULL_SUM);
}

static float clamp(float v)
{
    if (v >= -1.0f)
        return v <= 1.0f ? v : 1.0f;
    return v < -1.0f ? -1.0f : 0.0f; /* the last is NaN */
}

/* Looks at the first frames; what lies before them counts as already turned down. */
static void limiter_prime(KtLimiter *l, const float *in)
{
    for (int i = 0; i < KT_LIMITER_AHEAD - 1; i++)
        window_min(l, wanted_gain(in[2 * i], in[2 * i + 1]));
    const float *last = in + 2 * (KT_LIMITER_AHEAD - 1);
    KtLimiter next = *l; /* the first frame's own window has one more */
    l->gain = window_min(&next, wanted_gain(last[0], last[1]));
    for (int i = 0; i < KT_LIMITER_AHEAD; i++)
        l->history[i] = l->gain;
    l->sum = (uint64_t)l->gain * KT_LIMITER_AHEAD;
    l->primed = 1;
}

static int is_idle(const KtLimiter *l)
{
    return !l->count && l->sum == FULL_SUM && l->gain == ONE_Q30;
}

static int below_knee(const float *in, int samples)
{
    float peak[8] = {0};
    int i = 0;
    for (; i + 8 <= samples; i += 8) {
        for (int k = 0; k < 8; k++) {
            float v = fabsf(in[i + k]);
            peak[k] = v > peak[k] ? v : peak[k];
        }
    }
    for (; i < samples; i++)
        peak[0] = fabsf(in[i]) > peak[0] ? fabsf(in[i]) : peak[0];
    for (int k = 1; k < 8; k++)
        peak[0] = peak[k] > peak[0] ? peak[k] : peak[0];
    return peak[0] <= KT_LIMITER_KNEE;
}

void kt__limiter_run(KtLimiter *l, const float *in, float *out, int frames)
{
    if (!l->primed)
        limiter_prime(l, in);
    const float *ahead = in + 2 * (KT_LIMITER_AHEAD - 1);
    if (is_idle(l) && below_knee(ahead, 2 * frames)) {
        l->fed += frames;
        memcpy(out, in, sizeof(float) * 2 * (size_t)frames);
        return;
    }
    for (int i = 0; i < frames; i++) {
        uint32_t least = window_min(l, wanted_gain(ahead[2 * i], ahead[2 * i + 1]));
        float gain = next_gain(l, least);
        out[2 * i] = clamp(in[2 * i] * gain);
        out[2 * i + 1] = clamp(in[2 * i + 1] * gain);
    }
}
