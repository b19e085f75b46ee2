/* Sound of more than two channels as stereo. */
#ifndef KEEPTAKE_SRC_MIXER_DOWNMIX_H
#define KEEPTAKE_SRC_MIXER_DOWNMIX_H

#define KT_DOWNMIX_MAX_CHANNELS 8

/* Fills left and right with frames samples each of channels planes (3..KT_DOWNMIX_MAX_CHANNELS).
 * Samples beyond +-64 are cut to it, NaN and infinity count as 0. */
void kt__downmix(const float *const *pcm, int channels, int frames, float *left, float *right);

#endif
