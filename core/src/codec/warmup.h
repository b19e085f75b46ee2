/* Encodes pictures that nobody sees, before a take: what an engine does for the first time is slow.
 * (Wasm is compiled well only after it has run for a while, memory is touched, caches are cold.) */
#ifndef KEEPTAKE_SRC_WARMUP_H
#define KEEPTAKE_SRC_WARMUP_H

#include "keeptake/video_encoder.h"

typedef struct KtWarmup {
    KtVideoEncoder *video;
    KtFramePool *pool;
    KtFrame *frame;
    int done; /* pictures encoded, or KT__WARMUP_PICTURES where there will be no more */
} KtWarmup;

#define KT__WARMUP_PICTURES 36

/* Encodes one picture with an encoder of config, made by the first call. Returns 1 where more are
 * to come, 0 after the last one or a failure: the memory is free again then. w: zero-filled before
 * the first call. */
int kt__warmup_step(KtWarmup *w, const KtVideoEncoderConfig *config);
/* Gives everything back; no step does anything any more. */
void kt__warmup_end(KtWarmup *w);

#endif
