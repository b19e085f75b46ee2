/* Windowed-sinc polyphase resampler: Kaiser window, coefficients interpolated between phases. */
#include "resampler.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 4
#define ONE_Q32 ((uint64_t)1 << 32)
#define EQUAL_TAPS 32 /* at 48 kHz only the clock is corrected: no band is cut */
#define OTHER_TAPS 64
#define OTHER_CUTOFF 0.95
#define KAISER_BETA 8.41 /* 85 dB */
#define MAX_PHASE_BITS 8 /* linear interpolation between 256 phases: error below -90 dB */
#define PI 3.14159265358979323846

static double bessel_i0(double x)
{
    double sum = 1.0, term = 1.0;
    for (int k = 1; term > sum * 1e-12; k++) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

static double kernel(double x, double cutoff, double half)
{
    double edge = x / half;
    if (edge <= -1.0 || edge >= 1.0)
        return 0.0;
    double window = bessel_i0(KAISER_BETA * sqrt(1.0 - edge * edge));
    double phase = PI * cutoff * x;
    return window * (fabs(phase) < 1e-9 ? 1.0 : sin(phase) / phase);
}

/* One row of coefficients, for an output frac of the way from one input frame to the next; scaled
 * so that a constant passes unchanged. */
static void kernel_row(double *row, int taps, double cutoff, double frac)
{
    int half = taps / 2;
    double sum = 0.0;
    for (int j = 0; j < taps; j++) {
        row[j] = kernel(j - half + 1 - frac, cutoff, half);
        sum += row[j];
    }
    for (int j = 0; j < taps; j++)
        row[j] /= sum;
}

static void bank_fill(KtResamplerBank *b, double cutoff)
{
    double row[2][KT_RESAMPLER_MAX_TAPS];
    int phases = 1 << b->phase_bits;
    kernel_row(row[0], b->taps, cutoff, 0.0);
    for (int p = 0; p < phases; p++) {
        float *to = b->rows + (size_t)p * 2 * (size_t)b->taps;
        const double *now = row[p & 1], *next = row[(p + 1) & 1];
        kernel_row(row[(p + 1) & 1], b->taps, cutoff, (p + 1.0) / phases);
        for (int j = 0; j < b->taps; j++) {
            to[j] = (float)now[j];
            to[b->taps + j] = (float)(next[j] - now[j]);
        }
    }
}

KtStatus kt__resampler_bank_create(int rate_hz, KtResamplerBank **out)
{
    assert(rate_hz >= 4000 && rate_hz <= 4 * KT_RESAMPLER_RATE_HZ);
    int equal = rate_hz == KT_RESAMPLER_RATE_HZ;
    double ratio = (double)rate_hz / KT_RESAMPLER_RATE_HZ;
    double cutoff = equal ? 1.0 : OTHER_CUTOFF;
    KtResamplerBank *b = calloc(1, sizeof(*b));
    if (!b)
        return KT_ERR_MEMORY;
    b->rate_hz = rate_hz;
    b->taps = equal ? EQUAL_TAPS : OTHER_TAPS;
    b->phase_bits = MAX_PHASE_BITS;
    if (ratio > 1.0) { /* a longer filter is smoother and needs fewer phases */
        b->taps = (int)ceil(OTHER_TAPS * ratio / 8) * 8;
        b->phase_bits -= ratio >= 4.0 ? 2 : ratio >= 2.0;
        cutoff /= ratio;
    }
    b->rows = malloc(sizeof(float) * 2 * (size_t)b->taps << b->phase_bits);
    if (!b->rows) {
        kt__resampler_bank_destroy(&b);
        return KT_ERR_MEMORY;
    }
    bank_fill(b, cutoff);
    *out = b;
    return KT_OK;
}

void kt__resampler_bank_destroy(KtResamplerBank **bank)
{
    if (!*bank)
        return;
    free((*bank)->rows);
    free(*bank);
    *bank = NULL;
}

void kt__resampler_reset(KtResampler *r, const KtResamplerBank *bank)
{
    r->bank = bank;
    r->frames = bank->taps / 2;
    r->same_frames = r->frames;
    r->at_q32 = (uint64_t)r->frames << 32;
    memset(r->window, 0, sizeof(r->window));
    kt__resampler_adjust(r, 0.0);
}

void kt__resampler_adjust(KtResampler *r, double adjust)
{
    double ratio = (double)r->bank->rate_hz / KT_RESAMPLER_RATE_HZ;
    r->step_q32 = (uint64_t)llround(ratio * (1.0 + adjust) * (double)ONE_Q32);
}

double kt__resampler_lead(const KtResampler *r)
{
    double ahead = (double)(((int64_t)r->frames << 32) - (int64_t)r->at_q32);
    return ahead / (double)r->step_q32;
}

/* Drops the frames that no later output needs. */
static void window_shift(KtResampler *r)
{
    int drop = (int)(r->at_q32 >> 32) - r->bank->taps / 2 + 1;
    if (drop <= 0)
        return;
    if (drop > r->frames)
        drop = r->frames;
    r->frames -= drop;
    r->at_q32 -= (uint64_t)drop << 32;
    for (int side = 0; side < 2; side++)
        memmove(r->window[side], r->window[side] + drop, sizeof(float) * (size_t)r->frames);
}

void kt__resampler_add(KtResampler *r, const float *left, const float *right, int frames)
{
    assert(frames > 0 && frames <= KT_RESAMPLER_BLOCK);
    window_shift(r);
    assert(r->frames + frames <= KT_RESAMPLER_WINDOW);
    memcpy(r->window[0] + r->frames, left, sizeof(float) * (size_t)frames);
    memcpy(r->window[1] + r->frames, right, sizeof(float) * (size_t)frames);
    r->same_frames = left == right ? r->same_frames + frames : 0;
    if (r->same_frames > KT_RESAMPLER_WINDOW)
        r->same_frames = KT_RESAMPLER_WINDOW;
    r->frames += frames;
}

/* The sums run in lanes, so that a compiler may use vectors without reordering them. */
static float lanes_sum(const float sum[LANES])
{
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* Filters x by the row for a place frac of the way from one phase to the next; keeps the row. */
static float filter_first(const float *restrict row, int taps, float frac, const float *restrict x,
                          float *restrict keep)
{
    float sum[LANES] = {0};
    for (int j = 0; j < taps; j += LANES) {
        for (int k = 0; k < LANES; k++) {
            float c = row[j + k] + frac * row[taps + j + k];
            keep[j + k] = c;
            sum[k] += c * x[j + k];
        }
    }
    return lanes_sum(sum);
}

static float filter_again(const float *restrict kept, int taps, const float *restrict x)
{
    float sum[LANES] = {0};
    for (int j = 0; j < taps; j += LANES) {
        for (int k = 0; k < LANES; k++)
            sum[k] += kept[j + k] * x[j + k];
    }
    return lanes_sum(sum);
}

/* At nominal speed and on a whole frame of 48 kHz the filter is the identity. */
static int copy_through(KtResampler *r, float *out, int count)
{
    int at = (int)(r->at_q32 >> 32);
    for (int i = 0; i < count; i++) {
        out[2 * i] = r->window[0][at + i];
        out[2 * i + 1] = r->window[1][at + i];
    }
    r->at_q32 += (uint64_t)count << 32;
    return count;
}

/* Makes outputs while their place is before window frame `before`. */
static int make_before(KtResampler *r, int before, float *out, int max_frames)
{
    const KtResamplerBank *b = r->bank;
    const uint64_t limit = (uint64_t)before << 32;
    const int shift = 32 - b->phase_bits;
    const float scale = 1.0f / (float)((uint32_t)1 << shift);
    const int first = b->taps / 2 - 1; /* the filter reaches this far back */
    const int mono = r->same_frames >= r->frames;
    float kept[KT_RESAMPLER_MAX_TAPS];
    uint64_t at = r->at_q32;
    int made = 0;
    if (at >= limit)
        return 0;
    if (b->rate_hz == KT_RESAMPLER_RATE_HZ && r->step_q32 == ONE_Q32 && !(uint32_t)at) {
        int count = before - (int)(at >> 32);
        return copy_through(r, out, count < max_frames ? count : max_frames);
    }
    for (; made < max_frames && at < limit; made++, at += r->step_q32) {
        uint32_t frac = (uint32_t)at;
        const float *row = b->rows + (size_t)(frac >> shift) * 2 * (size_t)b->taps;
        float sub = (float)(frac & (((uint32_t)1 << shift) - 1)) * scale;
        int from = (int)(at >> 32) - first;
        float *to = out + 2 * made;
        to[0] = filter_first(row, b->taps, sub, r->window[0] + from, kept);
        to[1] = mono ? to[0] : filter_again(kept, b->taps, r->window[1] + from);
    }
    r->at_q32 = at;
    return made;
}

int kt__resampler_make(KtResampler *r, float *out, int max_frames)
{
    int before = r->frames - r->bank->taps / 2;
    return before > 0 ? make_before(r, before, out, max_frames) : 0;
}

int kt__resampler_drain(KtResampler *r, float *out, int max_frames)
{
    int half = r->bank->taps / 2;
    window_shift(r);
    for (int side = 0; side < 2; side++) {
        float *end = r->window[side] + r->frames;
        for (int i = 0; i < half; i++)
            end[i] = i < r->frames ? end[-1 - i] : 0.0f;
    }
    return make_before(r, r->frames, out, max_frames);
}
