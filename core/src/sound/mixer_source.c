/* The life of one source's sound: timestamps -> ratio -> ring -> mix. docs/sound.md has the
 * picture. */
#include "mixer_source.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CAP_FRAMES ((int64_t)KT_MIX_MAX_BUFFER_US * 6 / 125)
#define JUMP_FRAMES 4800.0   /* 100 ms: not jitter but a gap or an overlap */
#define RESYNC_FRAMES 1920.0 /* 40 ms that stay: too far to be pulled back by speed */
#define RESYNC_AFTER_S 0.5
#define WAKE_FRAMES 12.0 /* 0.25 ms: below, 48 kHz sound passes untouched */
#define SMOOTH_S 1.0     /* time constant of the timestamp error */
#define PULL_PER_S 0.2   /* critically damped loop of 0.1 rad/s */
#define LEARN_PER_S2 0.01
#define MAX_DRIFT 0.004
#define MAX_ADJUST 0.005 /* 0.5 %: 9 cents */
#define SLEW_PER_S 0.001
#define MAX_SAMPLE 64.0f

static float *ring_frame(KtSource *s, int64_t position)
{
    return s->ring + 2 * (size_t)((uint64_t)position & (KT_SOURCE_RING_FRAMES - 1));
}

/* Frames from position to where the ring wraps. */
static int64_t ring_room(int64_t position)
{
    return KT_SOURCE_RING_FRAMES - (int64_t)((uint64_t)position & (KT_SOURCE_RING_FRAMES - 1));
}

/* 0 at frame -1 to 1 at frame n, without a corner. */
static float fade_in_gain(int i, int n)
{
    float u = (float)(i + 1) / (float)(n + 1);
    return u * u * (3.0f - 2.0f * u);
}

KtStatus kt__source_create(KtSource **out)
{
    KtSource *s = calloc(1, sizeof(*s));
    if (!s)
        return KT_ERR_MEMORY;
    s->ring = malloc(sizeof(float) * 2 * KT_SOURCE_RING_FRAMES);
    if (!s->ring) {
        kt__source_destroy(&s);
        return KT_ERR_MEMORY;
    }
    s->gain = s->gain_now = 1.0f;
    *out = s;
    return KT_OK;
}

void kt__source_destroy(KtSource **source)
{
    if (!*source)
        return;
    free((*source)->ring);
    free(*source);
    *source = NULL;
}

/* Lets the sound that ends at s->end die away: its last frames, backwards and fading. */
static void make_tail(KtSource *s)
{
    int64_t known = s->end - s->start;
    int n = known < KT_SOURCE_FADE_FRAMES ? (int)known : KT_SOURCE_FADE_FRAMES;
    for (int i = 0; i < n; i++) {
        const float *from = ring_frame(s, s->end - 1 - i);
        float gain = 1.0f - fade_in_gain(i, n);
        s->tail[2 * i] = from[0] * gain;
        s->tail[2 * i + 1] = from[1] * gain;
    }
    s->tail_at = s->end;
    s->tail_frames = n;
    s->fade_in = KT_SOURCE_FADE_FRAMES;
}

/* One frame at s->end + i (sample NULL: silence), with fade and tail worked in. */
static void ring_blend(KtSource *s, int64_t i, const float *sample)
{
    float *to = ring_frame(s, s->end + i);
    int64_t tail = s->end + i - s->tail_at;
    float gain = 1.0f;
    if (sample && s->fade_in > 0)
        gain = fade_in_gain(KT_SOURCE_FADE_FRAMES - s->fade_in--, KT_SOURCE_FADE_FRAMES);
    for (int side = 0; side < 2; side++) {
        to[side] = sample ? sample[side] * gain : 0.0f;
        if (tail >= 0 && tail < s->tail_frames)
            to[side] += s->tail[2 * tail + side];
    }
}

/* Appends frames at s->end (samples NULL: silence). */
static void ring_put(KtSource *s, const float *samples, int64_t frames)
{
    int64_t i = 0;
    while (i < frames && (!samples || s->fade_in > 0 || s->end + i < s->tail_at + s->tail_frames)) {
        ring_blend(s, i, samples ? samples + 2 * i : NULL);
        i++;
    }
    for (int64_t n; i < frames; i += n) {
        int64_t room = ring_room(s->end + i);
        n = frames - i < room ? frames - i : room;
        memcpy(ring_frame(s, s->end + i), samples + 2 * i, sizeof(float) * 2 * (size_t)n);
    }
    s->end += frames;
    if (s->end - s->start > CAP_FRAMES)
        s->start = s->end - CAP_FRAMES;
}

/* Ends the sound at s->end and brings the ring up to position at >= mixed, where other sound
 * begins. */
static void ring_bridge(KtSource *s, int64_t mixed, int64_t at)
{
    s->gap_frames += at - s->end;
    if (s->end >= mixed && at - s->end <= CAP_FRAMES) {
        make_tail(s);
    } else { /* a tail, if any, began when mixing ran past the end */
        s->start = s->end = at - mixed <= CAP_FRAMES ? mixed : at;
        s->fade_in = KT_SOURCE_FADE_FRAMES;
    }
    ring_put(s, NULL, at - s->end);
}

/* Stores frames that belong at s->cursor, and moves the cursor on. */
static void ring_write(KtSource *s, int64_t mixed, const float *samples, int frames)
{
    int64_t at = s->cursor, skip = 0;
    s->cursor += frames;
    if (at < mixed) {
        skip = mixed - at < frames ? mixed - at : frames;
        s->late_frames += skip;
    }
    if (s->heard && at + skip < s->end)
        skip = s->end - at < frames ? s->end - at : frames;
    if (skip == frames)
        return;
    at += skip;
    if (!s->heard) {
        s->heard = 1;
        s->start = s->end = at;
        s->tail_frames = 0;
        s->fade_in = KT_SOURCE_FADE_FRAMES;
    } else if (at > s->end || s->cut) {
        ring_bridge(s, mixed, at);
    }
    s->cut = 0;
    ring_put(s, samples + 2 * skip, frames - skip);
}

/* Brings out what the resampler still holds. */
static void drain(KtSource *s, int64_t mixed)
{
    float block[2 * KT_RESAMPLER_BLOCK];
    int n;
    if (!s->resampler.bank)
        return;
    while ((n = kt__resampler_drain(&s->resampler, block, KT_RESAMPLER_BLOCK)) > 0)
        ring_write(s, mixed, block, n);
}

static int64_t frames_of_us(int64_t us)
{
    return (int64_t)llround((double)us * 0.048);
}

/* Starts the time line anew: the next frame pushed lies at position. */
static void anchor(KtSource *s, const KtResamplerBank *bank, int64_t position)
{
    kt__resampler_reset(&s->resampler, bank);
    s->cursor = position;
    s->anchored = 1;
    s->cut = s->heard;
    s->elapsed_s = s->error = 0.0;
}

/* Sound whose clock went back further than anything kept: what waits is of the wrong time. */
static void forget_waiting(KtSource *s, int64_t mixed)
{
    s->start = s->end = s->tail_at = mixed;
    s->tail_frames = 0;
    s->fade_in = KT_SOURCE_FADE_FRAMES;
}

/* Frames by which the timestamp of the next frame is later than its place by continuity. */
static double frames_ahead(const KtSource *s, int64_t pts_us)
{
    return (double)(pts_us * 6 - s->cursor * 125) / 125.0 - kt__resampler_lead(&s->resampler);
}

/* Decides where the next frame goes: on with the sound before it, or to a new place. Returns what
 * its timestamp is ahead of that. */
static double place(KtSource *s, const KtResamplerBank *bank, int64_t mixed, int64_t pts_us)
{
    int64_t stamp = frames_of_us(pts_us);
    if (!s->anchored) {
        anchor(s, bank, stamp);
        return 0.0;
    }
    double ahead = frames_ahead(s, pts_us);
    int64_t next = s->cursor + (int64_t)llround(kt__resampler_lead(&s->resampler));
    int other_rate = bank != s->resampler.bank;
    if (other_rate)
        s->drift = s->adjust = s->correcting = 0;
    if (fabs(ahead) > JUMP_FRAMES) {
        drain(s, mixed);
        if (ahead < -(double)CAP_FRAMES && stamp >= mixed)
            forget_waiting(s, mixed);
        anchor(s, bank, stamp);
    } else if (s->elapsed_s > RESYNC_AFTER_S && fabs(s->error) > RESYNC_FRAMES) {
        drain(s, mixed);
        anchor(s, bank, next + (int64_t)llround(s->error));
    } else if (other_rate) {
        drain(s, mixed);
        anchor(s, bank, next);
    }
    return frames_ahead(s, pts_us);
}

/* Learns from how far a timestamp is ahead; returns the speed to steer for. A loop of second order:
 * one part pulls the error back, the other learns how the source's clock differs. */
static double steer(KtSource *s, double ahead, double seconds)
{
    s->elapsed_s += seconds;
    double weight = seconds / (SMOOTH_S + seconds);
    double even = seconds / s->elapsed_s; /* of a plain mean since the anchor */
    s->error += (ahead - s->error) * (weight > even ? weight : even);
    if (s->elapsed_s > RESYNC_AFTER_S && fabs(s->error) > WAKE_FRAMES)
        s->correcting = 1;
    if (!s->correcting)
        return 0.0;
    double error_s = s->error / KT_MIX_RATE_HZ;
    double pull = seconds * PULL_PER_S < 0.5 ? PULL_PER_S : 0.5 / seconds;
    s->drift -= LEARN_PER_S2 * error_s * (seconds < 1.0 ? seconds : 1.0);
    s->drift = fmax(-MAX_DRIFT, fmin(MAX_DRIFT, s->drift));
    return fmax(-MAX_ADJUST, fmin(MAX_ADJUST, s->drift - pull * error_s));
}

static void slew(KtSource *s, double target, double seconds)
{
    double most = SLEW_PER_S * seconds;
    s->adjust += fmax(-most, fmin(most, target - s->adjust));
    kt__resampler_adjust(&s->resampler, s->adjust);
}

static void clean(const float *in, float *out, int frames)
{
    for (int i = 0; i < frames; i++) {
        float v = in[i];
        if (!(v >= -MAX_SAMPLE && v <= MAX_SAMPLE))
            v = !isfinite(v) ? 0.0f : v > 0.0f ? MAX_SAMPLE : -MAX_SAMPLE;
        out[i] = v;
    }
}

void kt__source_push(KtSource *s, const KtResamplerBank *bank, int64_t mixed, int64_t pts_us,
                     const float *left, const float *right, int frames)
{
    float clean_left[KT_RESAMPLER_BLOCK], clean_right[KT_RESAMPLER_BLOCK];
    float made[2 * KT_RESAMPLER_BLOCK];
    double ahead = place(s, bank, mixed, pts_us);
    double target = steer(s, ahead, (double)frames / bank->rate_hz);
    for (int done = 0, n; done < frames; done += n) {
        n = frames - done < KT_RESAMPLER_BLOCK ? frames - done : KT_RESAMPLER_BLOCK;
        slew(s, target, (double)n / bank->rate_hz);
        clean(left + done, clean_left, n);
        if (left != right)
            clean(right + done, clean_right, n);
        kt__resampler_add(&s->resampler, clean_left, left != right ? clean_right : clean_left, n);
        for (int got; (got = kt__resampler_make(&s->resampler, made, KT_RESAMPLER_BLOCK)) > 0;)
            ring_write(s, mixed, made, got);
    }
}

void kt__source_ramp(KtSource *s)
{
    float target = s->muted ? 0.0f : s->gain;
    s->gain_step = (target - s->gain_now) / KT_SOURCE_RAMP_FRAMES;
    s->ramp_left = KT_SOURCE_RAMP_FRAMES;
}

void kt__source_level_reset(KtSource *s)
{
    s->peak = 0.0f;
    s->square_sum = 0.0;
    s->level_frames = 0;
}

/* Fills block with the sound of [at, at + frames); returns 0 when there is none. */
static int fetch(KtSource *s, int64_t at, float *block, int frames)
{
    int64_t to = at + frames;
    if (s->heard && s->end >= at && s->end < to) {
        drain(s, at);
        if (s->end < to)
            make_tail(s);
    }
    int64_t from = s->start > at ? s->start : at, until = s->end < to ? s->end : to;
    int64_t tail = s->tail_at > s->end ? s->tail_at : s->end;
    int64_t tail_end = s->tail_at + s->tail_frames;
    tail = tail > at ? tail : at;
    tail_end = tail_end < to ? tail_end : to;
    if (!s->heard || (from >= until && tail >= tail_end))
        return 0;
    if (from > at || until < to)
        memset(block, 0, sizeof(float) * 2 * (size_t)frames);
    for (int64_t p = from, n; p < until; p += n) {
        int64_t room = ring_room(p);
        n = until - p < room ? until - p : room;
        memcpy(block + 2 * (p - at), ring_frame(s, p), sizeof(float) * 2 * (size_t)n);
    }
    for (int64_t p = tail; p < tail_end; p++) {
        block[2 * (p - at)] += s->tail[2 * (p - s->tail_at)];
        block[2 * (p - at) + 1] += s->tail[2 * (p - s->tail_at) + 1];
    }
    return 1;
}

/* Scales the frames during which the gain still moves; returns how many they are. */
static int ramp_gain(KtSource *s, float *block, int frames)
{
    int n = s->ramp_left < frames ? s->ramp_left : frames;
    for (int i = 0; i < n; i++) {
        s->gain_now += s->gain_step;
        block[2 * i] *= s->gain_now;
        block[2 * i + 1] *= s->gain_now;
    }
    s->ramp_left -= n;
    if (!s->ramp_left)
        s->gain_now = s->muted ? 0.0f : s->gain;
    return n;
}

/* In lanes, as the filter is. */
static void add_and_measure(KtSource *s, const float *block, float gain, float *mix, int samples)
{
    float peak[8] = {0}, square[8] = {0};
    int i = 0;
    for (; i + 8 <= samples; i += 8) {
        for (int k = 0; k < 8; k++) {
            float v = block[i + k] * gain, size = fabsf(v);
            mix[i + k] += v;
            square[k] += v * v;
            peak[k] = size > peak[k] ? size : peak[k];
        }
    }
    for (; i < samples; i++) {
        float v = block[i] * gain, size = fabsf(v);
        mix[i] += v;
        square[0] += v * v;
        peak[0] = size > peak[0] ? size : peak[0];
    }
    for (int k = 0; k < 8; k++) {
        s->peak = peak[k] > s->peak ? peak[k] : s->peak;
        s->square_sum += (double)square[k];
    }
}

void kt__source_mix(KtSource *s, int64_t at, float *mix, int frames)
{
    float block[2 * KT_SOURCE_MIX_FRAMES];
    assert(frames > 0 && frames <= KT_SOURCE_MIX_FRAMES);
    s->level_frames += frames;
    int sounding = fetch(s, at, block, frames);
    if (!sounding && s->ramp_left)
        memset(block, 0, sizeof(block));
    int ramped = s->ramp_left ? ramp_gain(s, block, frames) : 0;
    if (!sounding || (!ramped && s->gain_now == 0.0f))
        return;
    add_and_measure(s, block, 1.0f, mix, 2 * ramped);
    add_and_measure(s, block + 2 * ramped, s->gain_now, mix + 2 * ramped, 2 * (frames - ramped));
}
