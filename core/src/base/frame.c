/* Frame pool: one allocation holds a frame and its planes; released buffers wait here to be used
 * again. */
#include "keeptake/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_ALIGN 32
#define FRAME_SLACK 64 /* readable bytes after the last plane, for whole-vector loads */
#define POOL_MAX_COUNT 4096

struct KtFramePool {
    int max_frames;
    int out;    /* frames with a reference */
    int closed; /* destroy was called: free everything that comes back */
    int spare_count;
    KtFrame *spare[]; /* max_frames entries */
};

typedef struct FrameLayout {
    int stride[3];
    size_t offset[3];
    int planes;
    size_t bytes;
} FrameLayout;

static size_t align_up(size_t value)
{
    return (value + FRAME_ALIGN - 1) & ~(size_t)(FRAME_ALIGN - 1);
}

static int frame_layout(KtPixelFormat format, int width, int height, FrameLayout *layout)
{
    int chroma_width = (width + 1) / 2, chroma_height = (height + 1) / 2;
    int row_bytes[3] = {width, 0, 0}, rows[3] = {height, 0, 0};
    memset(layout, 0, sizeof *layout);
    switch (format) {
    case KT_PIXEL_I420:
        row_bytes[1] = row_bytes[2] = chroma_width;
        rows[1] = rows[2] = chroma_height;
        layout->planes = 3;
        break;
    case KT_PIXEL_NV12:
        row_bytes[1] = 2 * chroma_width;
        rows[1] = chroma_height;
        layout->planes = 2;
        break;
    case KT_PIXEL_RGBA:
    case KT_PIXEL_BGRA:
    case KT_PIXEL_RGBX:
    case KT_PIXEL_BGRX:
        row_bytes[0] = 4 * width;
        layout->planes = 1;
        break;
    default:
        return 0;
    }
    for (int p = 0; p < layout->planes; p++) {
        layout->stride[p] = (int)align_up((size_t)row_bytes[p]);
        layout->offset[p] = layout->bytes;
        layout->bytes += (size_t)layout->stride[p] * (size_t)rows[p];
    }
    return 1;
}

KtStatus kt_frame_pool_create(int max_frames, KtFramePool **out)
{
    if (!out || max_frames < 1 || max_frames > POOL_MAX_COUNT)
        return KT_ERR_ARG;
    KtFramePool *pool = calloc(1, sizeof *pool + (size_t)max_frames * sizeof pool->spare[0]);
    if (!pool)
        return KT_ERR_MEMORY;
    pool->max_frames = max_frames;
    *out = pool;
    return KT_OK;
}

void kt_frame_pool_destroy(KtFramePool **pool)
{
    if (!pool || !*pool)
        return;
    KtFramePool *p = *pool;
    *pool = NULL;
    for (int i = 0; i < p->spare_count; i++)
        free(p->spare[i]);
    p->spare_count = 0;
    p->closed = 1;
    if (p->out == 0)
        free(p);
}

/* The smallest spare buffer that is large enough, taken out of the list; NULL where none is. */
static KtFrame *take_spare(KtFramePool *pool, size_t bytes)
{
    int best = -1;
    for (int i = 0; i < pool->spare_count; i++) {
        size_t capacity = pool->spare[i]->capacity_bytes;
        if (capacity >= bytes && (best < 0 || capacity < pool->spare[best]->capacity_bytes))
            best = i;
    }
    if (best < 0)
        return NULL;
    KtFrame *frame = pool->spare[best];
    pool->spare[best] = pool->spare[--pool->spare_count];
    return frame;
}

static KtFrame *new_buffer(KtFramePool *pool, size_t bytes)
{
    if (pool->out + pool->spare_count >= pool->max_frames)
        free(pool->spare[--pool->spare_count]); /* too small for this size: give its place away */
    KtFrame *frame = malloc(align_up(sizeof *frame) + FRAME_ALIGN + bytes + FRAME_SLACK);
    if (frame)
        frame->capacity_bytes = bytes;
    return frame;
}

KtStatus kt_frame_acquire(KtFramePool *pool, KtPixelFormat format, int width, int height,
                          KtFrame **out)
{
    FrameLayout layout;
    if (!pool || !out || width < 1 || height < 1 || width > KT_FRAME_MAX_SIDE ||
        height > KT_FRAME_MAX_SIDE || !frame_layout(format, width, height, &layout))
        return KT_ERR_ARG;
    if (pool->out >= pool->max_frames)
        return KT_ERR_LIMIT;
    KtFrame *frame = take_spare(pool, layout.bytes);
    if (!frame)
        frame = new_buffer(pool, layout.bytes);
    if (!frame)
        return KT_ERR_MEMORY;

    size_t capacity_bytes = frame->capacity_bytes;
    uint8_t *bytes = (uint8_t *)align_up((size_t)((uint8_t *)frame + sizeof *frame));
    memset(frame, 0, sizeof *frame);
    frame->capacity_bytes = capacity_bytes;
    frame->format = format;
    frame->matrix = KT_COLOR_BT709;
    frame->width = width;
    frame->height = height;
    for (int p = 0; p < layout.planes; p++) {
        frame->plane[p] = bytes + layout.offset[p];
        frame->stride[p] = layout.stride[p];
    }
    frame->refs = 1;
    frame->pool = pool;
    pool->out++;
    *out = frame;
    return KT_OK;
}

KtFrame *kt_frame_ref(KtFrame *frame)
{
    if (frame) {
        assert(frame->refs > 0);
        frame->refs++;
    }
    return frame;
}

void kt_frame_unref(KtFrame **frame)
{
    if (!frame || !*frame)
        return;
    KtFrame *f = *frame;
    *frame = NULL;
    assert(f->refs > 0);
    if (--f->refs > 0 || !f->pool)
        return;
    KtFramePool *pool = f->pool;
    pool->out--;
    if (!pool->closed) {
        pool->spare[pool->spare_count++] = f;
        return;
    }
    free(f);
    if (pool->out == 0)
        free(pool);
}

void kt_frame_fill_black(KtFrame *frame)
{
    if (!frame || frame->format != KT_PIXEL_I420)
        return;
    int chroma_height = (frame->height + 1) / 2;
    memset(frame->plane[0], 16, (size_t)frame->stride[0] * (size_t)frame->height);
    memset(frame->plane[1], 128, (size_t)frame->stride[1] * (size_t)chroma_height);
    memset(frame->plane[2], 128, (size_t)frame->stride[2] * (size_t)chroma_height);
}
