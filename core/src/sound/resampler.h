/* Converts one stereo stream of any rate to 48 kHz by a windowed-sinc polyphase filter whose ratio
 * may be changed at any sample. Internal to the mixer.
 *
 * The filter has linear phase and no net delay: an output sample at input time t is centred on t,
 * so it can be made once half a filter of later input is there, or at once by kt__resampler_drain.
 * Stop band: more than 80 dB. Pass band: 0.86 of the lower Nyquist frequency, 0.83 at 48 kHz. */
#ifndef KEEPTAKE_RESAMPLER_H
#define KEEPTAKE_RESAMPLER_H

#include <stdint.h>

#include "keeptake/status.h"

#define KT_RESAMPLER_RATE_HZ 48000
#define KT_RESAMPLER_MAX_TAPS 256
#define KT_RESAMPLER_BLOCK 512 /* most input frames that may be added at once */
#define KT_RESAMPLER_WINDOW (2 * KT_RESAMPLER_MAX_TAPS + KT_RESAMPLER_BLOCK)

/* The filter of one input rate, shared by every stream of that rate; constant once made.
 * rows: phases rows of taps coefficients followed by taps differences to the next phase's. */
typedef struct KtResamplerBank {
    int rate_hz;
    int taps;       /* a multiple of 8 */
    int phase_bits; /* 1 << phase_bits phases */
    float *rows;
} KtResamplerBank;

typedef struct KtResampler {
    const KtResamplerBank *bank; /* borrowed; NULL until the first reset */
    int frames;                  /* in the window */
    int same_frames;             /* newest frames whose two sides are equal */
    uint64_t at_q32;             /* next output's place in the window, frames */
    uint64_t step_q32;           /* input frames per output frame */
    float window[2][KT_RESAMPLER_WINDOW];
} KtResampler;

/* rate_hz 4000..192000. ERR_MEMORY. */
KtStatus kt__resampler_bank_create(int rate_hz, KtResamplerBank **out);
void kt__resampler_bank_destroy(KtResamplerBank **bank);

/* Forgets all input; the next frame added is output frame 0 exactly. bank must outlive the use. */
void kt__resampler_reset(KtResampler *r, const KtResamplerBank *bank);

/* Relative speed-up of the input clock, 0 for nominal: 0.001 consumes 0.1 % more input per output.
 * Range +-0.01. Takes effect at the next output frame. */
void kt__resampler_adjust(KtResampler *r, double adjust);

/* Output frames between the next output frame and the next frame that will be added. */
double kt__resampler_lead(const KtResampler *r);

/* Adds frames (1..KT_RESAMPLER_BLOCK) samples a side; left and right borrowed, may be the same.
 * Everything that kt__resampler_make can deliver must have been taken before. */
void kt__resampler_add(KtResampler *r, const float *left, const float *right, int frames);

/* Fills out (interleaved stereo) with at most max_frames frames; returns how many, 0 when more
 * input is needed. */
int kt__resampler_make(KtResampler *r, float *out, int max_frames);

/* As make, but goes on to the last frame added, as if the newest ones followed again backwards: no
 * edge where sound ends. Input added later continues exactly where this ended. */
int kt__resampler_drain(KtResampler *r, float *out, int max_frames);

#endif
