/* Mixes any number of sound sources into one 48 kHz stereo stream on the engine clock.
 *
 * Each source is placed on the engine clock by its own timestamps: resampled, drift corrected by a ratio
 * that changes too slowly to be heard, gaps filled with silence. One source's trouble never moves
 * another. */
#ifndef KEEPTAKE_MIXER_H
#define KEEPTAKE_MIXER_H

#include <stdint.h>

#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_MIX_RATE_HZ          48000
#define KT_MIX_CHANNELS         2
#define KT_MIX_MAX_SOURCES      32
#define KT_MIX_MAX_BUFFER_US    2000000 /* sound of one source waiting to be read; older is dropped */
#define KT_MIX_MAX_PUSH_FRAMES  96000

typedef struct KtMixer KtMixer;

typedef struct KtMixerLevel {
    float peak; /* of the last read, 0..; linear */
    float rms;
} KtMixerLevel;

KtStatus kt_mixer_create(KtMixer **out);
void kt_mixer_destroy(KtMixer **mixer);

/* Returns a handle >= 0. gain 1, not muted. ERR_LIMIT, ERR_MEMORY. */
int kt_mixer_add_source(KtMixer *m);
KtStatus kt_mixer_remove_source(KtMixer *m, int handle);
/* Linear, 0..8, reached within 10 ms without a click. ERR_ARG (NaN too), ERR_NOT_FOUND. */
KtStatus kt_mixer_set_gain(KtMixer *m, int handle, float gain);
KtStatus kt_mixer_set_muted(KtMixer *m, int handle, int muted);

/* Sound of one source.
 *   pts_us    engine clock of the first sample, microseconds; jitter of some 10 ms is expected and smoothed
 *   rate_hz   4000..192000, may change between calls
 *   channels  1..8; mono goes to both sides, more than two: the first two
 *   pcm       borrowed; channels pointers to frames floats each (-1..1; NaN and infinity count as 0)
 *   frames    samples a channel, 1..KT_MIX_MAX_PUSH_FRAMES
 * Sound older than what has been read is dropped and counted. Overlaps are resolved in favour of
 * continuity. Does not allocate once the source has run at this rate. ERR_ARG, ERR_NOT_FOUND. */
KtStatus kt_mixer_push(KtMixer *m, int handle, int64_t pts_us, int rate_hz, int channels,
                       const float *const *pcm, int frames);

/* Moves the read position; sound before it is dropped. Any direction while nothing was read; later never
 * back: ERR_ORDER. */
KtStatus kt_mixer_seek(KtMixer *m, int64_t engine_us);
/* Engine time of the next sample that will be read. */
int64_t kt_mixer_position(const KtMixer *m);

/* Mixes the next frames samples (1..KT_MIX_RATE_HZ) of all sources into out, interleaved stereo, through a
 * soft limiter (|out| <= 1, no added delay beyond its documented look-ahead), and moves the position on.
 * Sources with nothing for that span are silent in it. */
KtStatus kt_mixer_read(KtMixer *m, float *out, int frames);

/* Level of a source as last mixed (after gain), for meters. */
KtStatus kt_mixer_level(const KtMixer *m, int handle, KtMixerLevel *out);

/* Samples that came too late to be mixed, and samples of silence filled in, since the source was added. */
KtStatus kt_mixer_counters(const KtMixer *m, int handle, int64_t *late_frames, int64_t *gap_frames);

#ifdef __cplusplus
}
#endif
#endif
