/* Sound of more than two channels as stereo: what Web Audio (section 4.4, up- and down-mixing) does
 * with quad and 5.1, and the same weights for the layouts it leaves alone. */
#include "mixer_downmix.h"

#include <math.h>
#include <string.h>

#define MAX_SAMPLE 64.0f
#define SQRT_HALF 0.70710678f

/* Weight of each channel on the left and on the right. Order of the channels as browsers, WAVE and
 * FLAC give them: left, right, centre, low frequencies, back, side. */
typedef struct Weights {
    float left[KT_DOWNMIX_MAX_CHANNELS], right[KT_DOWNMIX_MAX_CHANNELS];
} Weights;

static const Weights layouts[] = {
    /* 3.0: L R C */
    {{1, 0, SQRT_HALF}, {0, 1, SQRT_HALF}},
    /* quad: L R, left and right surround */
    {{0.5f, 0, 0.5f, 0}, {0, 0.5f, 0, 0.5f}},
    /* 5.0: L R C, surround */
    {{1, 0, SQRT_HALF, SQRT_HALF, 0}, {0, 1, SQRT_HALF, 0, SQRT_HALF}},
    /* 5.1: L R C LFE, surround; what is meant for a subwoofer is left out */
    {{1, 0, SQRT_HALF, 0, SQRT_HALF, 0}, {0, 1, SQRT_HALF, 0, 0, SQRT_HALF}},
    /* 6.1: L R C LFE, back centre, sides */
    {{1, 0, SQRT_HALF, 0, 0.5f, SQRT_HALF, 0}, {0, 1, SQRT_HALF, 0, 0.5f, 0, SQRT_HALF}},
    /* 7.1: L R C LFE, back, sides */
    {{1, 0, SQRT_HALF, 0, SQRT_HALF, 0, SQRT_HALF, 0},
     {0, 1, SQRT_HALF, 0, 0, SQRT_HALF, 0, SQRT_HALF}},
};

static float clean(float sample)
{
    if (!isfinite(sample))
        return 0;
    return sample > MAX_SAMPLE ? MAX_SAMPLE : sample < -MAX_SAMPLE ? -MAX_SAMPLE : sample;
}

static void add(const float *from, float weight, int frames, float *to)
{
    if (weight == 0)
        return;
    for (int i = 0; i < frames; i++)
        to[i] += weight * clean(from[i]);
}

void kt__downmix(const float *const *pcm, int channels, int frames, float *left, float *right)
{
    const Weights *w = &layouts[channels - 3];
    memset(left, 0, sizeof *left * (size_t)frames);
    memset(right, 0, sizeof *right * (size_t)frames);
    for (int c = 0; c < channels; c++) {
        add(pcm[c], w->left[c], frames, left);
        add(pcm[c], w->right[c], frames, right);
    }
}
