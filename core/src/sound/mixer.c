/* Sources, filters by rate, and the way out through the limiter. */
#include "keeptake/mixer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer_downmix.h"
#include "mixer_limiter.h"
#include "mixer_source.h"

#define MAX_BANKS (KT_MIX_MAX_SOURCES + 8) /* one each, and some for rates that come back */
#define MAX_GAIN 8.0f
#define MAX_US INT64_C(4000000000000000) /* 126 years: keeps every product in 64 bits */
#define MIN_HZ 4000
#define MAX_HZ 192000
#define MIX_FRAMES (KT_SOURCE_MIX_FRAMES - KT_LIMITER_AHEAD) /* put out at once */
#define FADE KT_SOURCE_FADE_FRAMES

_Static_assert(KT_MIX_LOOKAHEAD_FRAMES == KT_LIMITER_AHEAD, "the header tells the look-ahead");
_Static_assert(KT_LIMITER_AHEAD >= FADE, "a seek fades what was mixed ahead");

struct KtMixer {
    KtSource *sources[KT_MIX_MAX_SOURCES];
    KtResamplerBank *banks[MAX_BANKS];
    int next_bank; /* where an unused one is looked for */

    int64_t position; /* next frame put out */
    int started;      /* something was read: no way back */
    int ahead;        /* frames in mix, which begins at position */
    int fade_in;      /* frames after a seek that still fade in */
    int tail_frames;  /* of what was cut off, from position + ahead on */
    float tail[2 * FADE];
    KtLimiter limiter;
    float mix[2 * KT_SOURCE_MIX_FRAMES];
    float *downmix; /* both sides of the largest block; NULL until more than two channels came */
};

KtStatus kt_mixer_create(KtMixer **out)
{
    KtMixer *m = out ? calloc(1, sizeof(*m)) : NULL;
    if (!out)
        return KT_ERR_ARG;
    if (!m)
        return KT_ERR_MEMORY;
    kt__limiter_reset(&m->limiter);
    *out = m;
    return KT_OK;
}

void kt_mixer_destroy(KtMixer **mixer)
{
    KtMixer *m = mixer ? *mixer : NULL;
    if (!m)
        return;
    for (int i = 0; i < KT_MIX_MAX_SOURCES; i++)
        kt__source_destroy(&m->sources[i]);
    for (int i = 0; i < MAX_BANKS; i++)
        kt__resampler_bank_destroy(&m->banks[i]);
    free(m->downmix);
    free(m);
    *mixer = NULL;
}

static KtSource *source_of(const KtMixer *m, int handle)
{
    return handle >= 0 && handle < KT_MIX_MAX_SOURCES ? m->sources[handle] : NULL;
}

int kt_mixer_add_source(KtMixer *m)
{
    for (int i = 0; i < KT_MIX_MAX_SOURCES; i++) {
        if (m->sources[i])
            continue;
        KtStatus status = kt__source_create(&m->sources[i]);
        return status < 0 ? (int)status : i;
    }
    return KT_ERR_LIMIT;
}

static void fade_out(float *block)
{
    for (int i = 0; i < FADE; i++) {
        float gain = 1.0f - (float)(i + 1) / (FADE + 1);
        block[2 * i] *= gain;
        block[2 * i + 1] *= gain;
    }
}

KtStatus kt_mixer_remove_source(KtMixer *m, int handle)
{
    KtSource *s = source_of(m, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    if (m->started) { /* its next sound fades instead of breaking off */
        float block[2 * FADE] = {0};
        kt__source_mix(s, m->position + m->ahead, block, FADE);
        fade_out(block);
        memset(m->tail + 2 * m->tail_frames, 0,
               sizeof(float) * 2 * (size_t)(FADE - m->tail_frames));
        for (int i = 0; i < 2 * FADE; i++)
            m->tail[i] += block[i];
        m->tail_frames = FADE;
    }
    kt__source_destroy(&m->sources[handle]);
    return KT_OK;
}

KtStatus kt_mixer_set_gain(KtMixer *m, int handle, float gain)
{
    KtSource *s = source_of(m, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    if (!(gain >= 0.0f && gain <= MAX_GAIN))
        return KT_ERR_ARG;
    s->gain = gain;
    kt__source_ramp(s);
    return KT_OK;
}

KtStatus kt_mixer_set_muted(KtMixer *m, int handle, int muted)
{
    KtSource *s = source_of(m, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    s->muted = muted != 0;
    kt__source_ramp(s);
    return KT_OK;
}

static int bank_is_used(const KtMixer *m, const KtResamplerBank *bank)
{
    for (int i = 0; i < KT_MIX_MAX_SOURCES; i++) {
        if (m->sources[i] && m->sources[i]->resampler.bank == bank)
            return 1;
    }
    return 0;
}

/* The filter of a rate: kept from before, or made in the place of one that no source uses. */
static KtStatus bank_find(KtMixer *m, int rate_hz, const KtResamplerBank **out)
{
    int slot = -1;
    for (int k = 0; k < MAX_BANKS; k++) {
        int i = (m->next_bank + k) % MAX_BANKS;
        if (m->banks[i] && m->banks[i]->rate_hz == rate_hz) {
            *out = m->banks[i];
            return KT_OK;
        }
        if (slot < 0 && (!m->banks[i] || !bank_is_used(m, m->banks[i])))
            slot = i;
    }
    assert(slot >= 0); /* there are more places than sources */
    KtResamplerBank *bank = NULL;
    KtStatus status = kt__resampler_bank_create(rate_hz, &bank);
    if (status < 0)
        return status;
    kt__resampler_bank_destroy(&m->banks[slot]);
    m->banks[slot] = bank;
    m->next_bank = (slot + 1) % MAX_BANKS;
    *out = bank;
    return KT_OK;
}

/* Left and right of a block, all of whose channels are there. */
static KtStatus sides_of(KtMixer *m, int channels, const float *const *pcm, int frames,
                         const float **left, const float **right)
{
    *left = pcm[0];
    *right = channels > 1 ? pcm[1] : pcm[0];
    if (channels <= 2)
        return KT_OK;
    if (!m->downmix)
        m->downmix = malloc(sizeof(float) * 2 * KT_MIX_MAX_PUSH_FRAMES);
    if (!m->downmix)
        return KT_ERR_MEMORY;
    kt__downmix(pcm, channels, frames, m->downmix, m->downmix + KT_MIX_MAX_PUSH_FRAMES);
    *left = m->downmix;
    *right = m->downmix + KT_MIX_MAX_PUSH_FRAMES;
    return KT_OK;
}

KtStatus kt_mixer_push(KtMixer *m, int handle, int64_t pts_us, int rate_hz, int channels,
                       const float *const *pcm, int frames)
{
    const KtResamplerBank *bank = NULL;
    KtSource *s = source_of(m, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    if (pts_us < -MAX_US || pts_us > MAX_US || rate_hz < MIN_HZ || rate_hz > MAX_HZ ||
        channels < 1 || channels > KT_DOWNMIX_MAX_CHANNELS || !pcm || frames < 1 ||
        frames > KT_MIX_MAX_PUSH_FRAMES)
        return KT_ERR_ARG;
    for (int c = 0; c < channels; c++)
        if (!pcm[c])
            return KT_ERR_ARG;
    const float *left, *right;
    KtStatus status = bank_find(m, rate_hz, &bank);
    if (status >= 0)
        status = sides_of(m, channels, pcm, frames, &left, &right);
    if (status < 0)
        return status;
    kt__source_push(s, bank, m->position + m->ahead, pts_us, left, right, frames);
    return KT_OK;
}

/* Mixes on until need frames lie in m->mix. */
static void mix_ahead(KtMixer *m, int need)
{
    int frames = need - m->ahead;
    float *to = m->mix + 2 * m->ahead;
    if (frames <= 0)
        return;
    memset(to, 0, sizeof(float) * 2 * (size_t)frames);
    for (int i = 0; i < KT_MIX_MAX_SOURCES; i++) {
        if (m->sources[i])
            kt__source_mix(m->sources[i], m->position + m->ahead, to, frames);
    }
    for (int i = 0; i < frames && m->fade_in > 0; i++, m->fade_in--) {
        float gain = 1.0f - (float)m->fade_in / (FADE + 1);
        to[2 * i] *= gain;
        to[2 * i + 1] *= gain;
    }
    int tail = m->tail_frames < frames ? m->tail_frames : frames;
    for (int i = 0; i < 2 * tail; i++)
        to[i] += m->tail[i];
    m->tail_frames -= tail;
    memmove(m->tail, m->tail + 2 * tail, sizeof(float) * 2 * (size_t)m->tail_frames);
    m->ahead = need;
}

static void read_block(KtMixer *m, float *out, int frames)
{
    mix_ahead(m, frames + KT_LIMITER_AHEAD);
    kt__limiter_run(&m->limiter, m->mix, out, frames);
    m->ahead -= frames;
    m->position += frames;
    memmove(m->mix, m->mix + 2 * frames, sizeof(float) * 2 * (size_t)m->ahead);
    m->started = 1;
}

KtStatus kt_mixer_read(KtMixer *m, float *out, int frames)
{
    if (!out || frames < 1 || frames > KT_MIX_RATE_HZ)
        return KT_ERR_ARG;
    for (int i = 0; i < KT_MIX_MAX_SOURCES; i++) {
        if (m->sources[i])
            kt__source_level_reset(m->sources[i]);
    }
    for (int done = 0, n; done < frames; done += n) {
        n = frames - done < MIX_FRAMES ? frames - done : MIX_FRAMES;
        read_block(m, out + 2 * done, n);
    }
    return KT_OK;
}

/* v / 125 and v / 6 rounded to the nearest, also below 0. */
static int64_t round_div(int64_t v, int64_t by)
{
    int64_t up = v + by / 2;
    return up / by - (up % by < 0);
}

KtStatus kt_mixer_seek(KtMixer *m, int64_t engine_us)
{
    if (engine_us < -MAX_US || engine_us > MAX_US)
        return KT_ERR_ARG;
    int64_t to = round_div(engine_us * 6, 125);
    if (!m->started) {
        m->position = to;
        return KT_OK;
    }
    if (to < m->position)
        return KT_ERR_ORDER;
    if (to < m->position + m->ahead) { /* too near for a cut: pass over it */
        float skipped[2 * KT_LIMITER_AHEAD];
        if (to > m->position)
            read_block(m, skipped, (int)(to - m->position));
        return KT_OK;
    }
    memcpy(m->tail, m->mix, sizeof(m->tail));
    fade_out(m->tail);
    m->tail_frames = m->fade_in = FADE;
    m->position = to;
    m->ahead = 0;
    kt__limiter_reset(&m->limiter);
    return KT_OK;
}

int64_t kt_mixer_position(const KtMixer *m)
{
    return round_div(m->position * 125, 6);
}

int64_t kt_mixer_ready_us(const KtMixer *m, int64_t since_us)
{
    int64_t ready_us = INT64_MAX;
    for (int i = 0; i < KT_MIX_MAX_SOURCES; i++) {
        const KtSource *s = m->sources[i];
        if (!s || !s->anchored)
            continue;
        int64_t end_us = round_div(s->cursor * 125, 6); /* also of sound that came too late */
        if (end_us > since_us && end_us - KT_MIX_LOOKAHEAD_US < ready_us)
            ready_us = end_us - KT_MIX_LOOKAHEAD_US;
    }
    return ready_us;
}

KtStatus kt_mixer_level(const KtMixer *m, int handle, KtMixerLevel *out)
{
    const KtSource *s = source_of(m, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    double samples = 2.0 * (double)s->level_frames;
    out->peak = s->peak;
    out->rms = samples > 0.0 ? (float)sqrt(s->square_sum / samples) : 0.0f;
    return KT_OK;
}

KtStatus kt_mixer_counters(const KtMixer *m, int handle, int64_t *late_frames, int64_t *gap_frames)
{
    const KtSource *s = source_of(m, handle);
    if (!s)
        return KT_ERR_NOT_FOUND;
    *late_frames = s->late_frames;
    *gap_frames = s->gap_frames;
    return KT_OK;
}
