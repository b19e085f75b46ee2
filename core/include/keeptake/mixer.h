/* Mixes any number of sound sources into one 48 kHz stereo stream on the engine clock.
 * docs/sound.md.
 *
 * Each source is placed on the engine clock by its own timestamps: resampled, drift corrected by a
 * ratio that changes too slowly to be heard (at most 0.5 %), gaps filled with silence, every cut
 * faded over 3 ms. One source's trouble never moves another. One thread at a time; nothing that
 * comes out is NaN or infinite. */
#ifndef KEEPTAKE_MIXER_H
#define KEEPTAKE_MIXER_H

#include <stdint.h>

#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_MIX_RATE_HZ 48000
#define KT_MIX_CHANNELS 2
#define KT_MIX_MAX_SOURCES 32
#define KT_MIX_MAX_BUFFER_US                                                                       \
    2000000 /* sound of one source waiting to be read; older is dropped                            \
             */
#define KT_MIX_MAX_PUSH_FRAMES 96000
/* Sources are mixed this far ahead of what is read, so that the limiter sees peaks before they
 * come. What is read carries no delay for it: frame n of the output is frame n of the engine clock.
 * Sound must only have been pushed 5 ms earlier; where it was not, it is late. */
#define KT_MIX_LOOKAHEAD_FRAMES 240
#define KT_MIX_LOOKAHEAD_US 5000

typedef struct KtMixer KtMixer;

typedef struct KtMixerLevel {
    float peak; /* of the last read, 0..; linear */
    float rms;
} KtMixerLevel;

/* Position 0, no sources. ERR_MEMORY: *out unchanged. */
KtStatus kt_mixer_create(KtMixer **out);
/* *mixer may be NULL and becomes it. */
void kt_mixer_destroy(KtMixer **mixer);

/* Returns a handle >= 0 (the smallest one free), or ERR_LIMIT, ERR_MEMORY. Gain 1, not muted. */
int kt_mixer_add_source(KtMixer *m);
/* Its next sound is faded out over 3 ms; the handle is free at once. ERR_NOT_FOUND. */
KtStatus kt_mixer_remove_source(KtMixer *m, int handle);
/* Linear, 0..8, reached within 10 ms without a click. ERR_ARG (NaN too), ERR_NOT_FOUND. */
KtStatus kt_mixer_set_gain(KtMixer *m, int handle, float gain);
/* A muted source goes on in time; its gain is kept. Same ramp. ERR_NOT_FOUND. */
KtStatus kt_mixer_set_muted(KtMixer *m, int handle, int muted);

/* Sound of one source.
 *   pts_us    engine clock of the first sample, microseconds (+-4e15); jitter of some 10 ms is
 *             expected and smoothed
 *   rate_hz   4000..192000, may change between calls
 *   channels  1..8; mono goes to both sides. More than two are brought to stereo with the weights
 *             of Web Audio 4.4, in its order: 3 L R C, 4 quad, 5 L R C and surround, 6 5.1,
 *             7 6.1, 8 7.1; low frequencies are left out
 *   pcm       borrowed; channels pointers to frames floats each (-1..1; beyond +-64 is cut to it,
 *             NaN and infinity count as 0)
 *   frames    samples a channel, 1..KT_MIX_MAX_PUSH_FRAMES
 * A timestamp that differs by more than 100 ms from where the sound before it ends (or by 40 ms on
 * average over a second) is a gap, filled with silence, or an overlap, dropped until the sound that
 * waits has ended; smaller differences are pulled back by a slight change of speed. A timestamp
 * more than KT_MIX_MAX_BUFFER_US back replaces what waits. Sound older than what has been mixed is
 * dropped and counted. Does not allocate once the source has run at this rate. ERR_ARG,
 * ERR_NOT_FOUND, ERR_MEMORY: nothing of the block was taken. */
KtStatus kt_mixer_push(KtMixer *m, int handle, int64_t pts_us, int rate_hz, int channels,
                       const float *const *pcm, int frames);

/* Moves the read position to the frame nearest to engine_us (+-4e15); sound before it is dropped,
 * the cut is faded. Any direction while nothing was read; later never back: ERR_ORDER. ERR_ARG. */
KtStatus kt_mixer_seek(KtMixer *m, int64_t engine_us);
/* Engine time of the next sample that will be read, rounded to a microsecond; seeking to it does
 * nothing. */
int64_t kt_mixer_position(const KtMixer *m);

/* Engine time up to which all sources can be read without one of them being late: what the one
 * furthest behind has, less the look-ahead. Sources of which nothing after since_us was pushed do
 * not count; INT64_MAX where none does. */
int64_t kt_mixer_ready_us(const KtMixer *m, int64_t since_us);

/* Mixes the next frames samples (1..KT_MIX_RATE_HZ) of all sources into out (filled with 2 * frames
 * floats, interleaved), through a soft limiter (bit-exact below -1 dB, |out| <= 1), and moves the
 * position on. Sources with nothing for that span are silent in it. ERR_ARG. */
KtStatus kt_mixer_read(KtMixer *m, float *out, int frames);

/* Level of a source as last mixed (after gain), for meters. ERR_NOT_FOUND. */
KtStatus kt_mixer_level(const KtMixer *m, int handle, KtMixerLevel *out);

/* Samples that came too late to be mixed, and samples of silence between two sounds of the source
 * (counted when the second begins), at 48 kHz, since the source was added. ERR_NOT_FOUND. */
KtStatus kt_mixer_counters(const KtMixer *m, int handle, int64_t *late_frames, int64_t *gap_frames);

#ifdef __cplusplus
}
#endif
#endif
