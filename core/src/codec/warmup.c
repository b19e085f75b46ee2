/* Pictures that make an encoder do all that it can: flat areas, texture that moves, noise, edges.
 */
#include "warmup.h"

#include <string.h>

#define KEYFRAME_EVERY 12

static KtStatus open(KtWarmup *w, const KtVideoEncoderConfig *config)
{
    KtStatus status = kt_video_encoder_create(config, &w->video);
    if (status == KT_OK)
        status = kt_frame_pool_create(1, &w->pool);
    if (status == KT_OK)
        status = kt_frame_acquire(w->pool, KT_PIXEL_I420, config->width, config->height, &w->frame);
    return status;
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 24;
}

/* Rows of one plane: a still third, a third that moves, a third of noise that changes. */
static void paint(KtFrame *f, int plane, int n)
{
    int shift = plane > 0, width = f->width >> shift, height = f->height >> shift;
    uint32_t seed = (uint32_t)(n * 3 + plane) * 2654435761u;
    for (int y = 0; y < height; y++) {
        uint8_t *row = f->plane[plane] + (ptrdiff_t)y * f->stride[plane];
        int third = y * 3 / height;
        for (int x = 0; x < width; x++) {
            int moving = ((x + 3 * n) * 5 ^ (y + n) * 3) & 127;
            row[x] = (uint8_t)(third == 0   ? 60 + (x >> 4)
                               : third == 1 ? 64 + moving
                                            : 96 + (int)(next_random(&seed) / 8));
        }
    }
}

int kt__warmup_step(KtWarmup *w, const KtVideoEncoderConfig *config)
{
    KtPacket packet;
    if (w->done >= KT__WARMUP_PICTURES)
        return 0;
    KtStatus status = w->video ? KT_OK : open(w, config);
    if (status == KT_OK) {
        for (int plane = 0; plane < 3; plane++)
            paint(w->frame, plane, w->done);
        int64_t frame_us = 1000000 / config->fps;
        status = kt_video_encoder_encode(w->video, w->frame, w->done * frame_us, frame_us,
                                         w->done % KEYFRAME_EVERY == 0);
    }
    if (status == KT_OK)
        status = kt_video_encoder_packet(w->video, &packet);
    w->done++;
    if ((status == KT_OK || status == KT_AGAIN) && w->done < KT__WARMUP_PICTURES)
        return 1;
    kt__warmup_end(w);
    return 0;
}

void kt__warmup_end(KtWarmup *w)
{
    kt_video_encoder_destroy(&w->video);
    if (w->frame)
        kt_frame_unref(&w->frame);
    kt_frame_pool_destroy(&w->pool);
    w->frame = NULL;
    w->done = KT__WARMUP_PICTURES;
}
