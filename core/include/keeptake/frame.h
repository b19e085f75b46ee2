/* Pictures: reference-counted, pooled, planar or packed 8-bit frames. */
#ifndef KEEPTAKE_FRAME_H
#define KEEPTAKE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Largest picture side that is accepted anywhere (8K: 8192), pixels. */
#define KT_FRAME_MAX_SIDE 8192

typedef enum KtPixelFormat {
    KT_PIXEL_I420 = 0, /* plane 0 Y, 1 U, 2 V; chroma sides are (side + 1) / 2 */
    KT_PIXEL_NV12 = 1, /* plane 0 Y, 1 interleaved U V */
    KT_PIXEL_RGBA = 2, /* plane 0, bytes R G B A, straight alpha, full range sRGB */
    KT_PIXEL_BGRA = 3, /* plane 0, bytes B G R A */
    KT_PIXEL_RGBX = 4, /* as RGBA, the fourth byte has no meaning: opaque */
    KT_PIXEL_BGRX = 5, /* as BGRA, likewise */
} KtPixelFormat;

typedef enum KtColorMatrix {
    KT_COLOR_BT601 = 0,
    KT_COLOR_BT709 = 1,
} KtColorMatrix;

typedef struct KtFramePool KtFramePool;

/* One picture. Written by its producer while it holds the only reference, read-only afterwards.
 * Every plane starts 16-byte aligned; strides are multiples of 16 bytes. */
typedef struct KtFrame {
    KtPixelFormat format;
    KtColorMatrix matrix; /* of Y'CbCr formats; ignored for packed formats */
    int full_range;       /* 0: limited range (16..235), 1: full range */
    int width, height;    /* pixels, 1..KT_FRAME_MAX_SIDE */
    uint8_t *plane[3];    /* NULL where the format has no such plane */
    int stride[3];        /* bytes */
    int64_t pts_us;       /* engine clock, microseconds */
    int refs;             /* owned by kt_frame_ref / kt_frame_unref */
    size_t capacity_bytes;
    KtFramePool *pool;
} KtFrame;

/* A pool that keeps at most max_frames alive at once, frames and spare buffers together.
 * out: filled with the new pool, destroyed by kt_frame_pool_destroy. ERR_ARG, ERR_MEMORY. */
KtStatus kt_frame_pool_create(int max_frames, KtFramePool **out);
/* Frees the pool once the last of its frames is released (at once where none is out). */
void kt_frame_pool_destroy(KtFramePool **pool);
/* A frame with one reference, contents undefined. A spare buffer that is large enough is used
 * again, so a steady stream allocates nothing. ERR_ARG (size or format), ERR_LIMIT (max_frames are
 * out: drop the picture), ERR_MEMORY. */
KtStatus kt_frame_acquire(KtFramePool *pool, KtPixelFormat format, int width, int height,
                          KtFrame **out);
/* One more reference; returns its argument. */
KtFrame *kt_frame_ref(KtFrame *frame);
/* Releases one reference and sets *frame to NULL; the buffer goes back to its pool with the last.
 */
void kt_frame_unref(KtFrame **frame);
/* Fills an I420 frame with limited-range black. */
void kt_frame_fill_black(KtFrame *frame);

#ifdef __cplusplus
}
#endif
#endif
