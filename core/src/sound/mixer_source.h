/* One sound source of the mixer: placed on the engine clock, resampled, kept until mixed. Internal.
 * Positions are frames at 48 kHz of the engine clock, 0 at engine time 0. */
#ifndef KEEPTAKE_MIXER_SOURCE_H
#define KEEPTAKE_MIXER_SOURCE_H

#include "keeptake/mixer.h"
#include "resampler.h"

#define KT_SOURCE_RING_FRAMES 131072 /* a power of two above KT_MIX_MAX_BUFFER_US */
#define KT_SOURCE_FADE_FRAMES 144    /* 3 ms, at every cut */
#define KT_SOURCE_RAMP_FRAMES 432    /* 9 ms, from one gain to the next */
#define KT_SOURCE_MIX_FRAMES 960     /* most frames mixed at once */

typedef struct KtSource {
    /* Sound waiting: the ring holds start <= position < end without holes; what lies before the
     * mixed position stays until it is overwritten. heard is 0 before the first frame. */
    float *ring;
    int64_t start, end;
    int heard;
    int fade_in; /* frames of the next ones that still fade in */
    /* What sounds on after a cut: the newest sound backwards, fading; frames from tail_at on. */
    int64_t tail_at;
    int tail_frames;
    float tail[2 * KT_SOURCE_FADE_FRAMES];

    /* Time. cursor is the position of the resampler's next output frame. */
    int anchored;
    int correcting; /* the clock was seen to differ */
    int cut;        /* the next frame does not continue the one at end */
    int64_t cursor;
    double elapsed_s; /* sound since the anchor */
    double error;     /* smoothed, frames that timestamps are ahead of the cursor */
    double drift;     /* learnt part of adjust */
    double adjust;    /* relative speed in force */
    KtResampler resampler;

    /* Changes at the caller's will. */
    float gain; /* asked for; muted counts as 0 */
    int muted;
    float gain_now, gain_step;
    int ramp_left;

    /* Of the current read. */
    float peak;
    double square_sum;
    int64_t level_frames;
    int64_t late_frames, gap_frames;
} KtSource;

/* ERR_MEMORY. Gain 1. */
KtStatus kt__source_create(KtSource **out);
void kt__source_destroy(KtSource **source);

/* As kt_mixer_push with checked arguments; bank is the filter of rate_hz. What would lie before
 * mixed is late. */
void kt__source_push(KtSource *s, const KtResamplerBank *bank, int64_t mixed, int64_t pts_us,
                     const float *left, const float *right, int frames);

/* Takes gain and muted over; the change is spread over KT_SOURCE_RAMP_FRAMES. */
void kt__source_ramp(KtSource *s);

/* Begins a new measurement of peak and square_sum. */
void kt__source_level_reset(KtSource *s);

/* Adds frames (1..KT_SOURCE_MIX_FRAMES) interleaved stereo frames from position at on to mix.
 * The positions of successive calls never go back. */
void kt__source_mix(KtSource *s, int64_t at, float *mix, int frames);

#endif
