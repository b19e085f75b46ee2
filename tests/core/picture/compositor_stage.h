/* What the tests of the compositor share: a stage with canvas, sources and pictures. Include after
 * cmocka.h. */
#ifndef KEEPTAKE_TEST_COMPOSITOR_STAGE_H
#define KEEPTAKE_TEST_COMPOSITOR_STAGE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/compositor.h"

#define BACKGROUND 0x203050

/* A compositor with a canvas, a pool and up to 16 sources "s0".. */
typedef struct Stage {
    KtCompositor *c;
    KtFramePool *pool;
    KtFrame *out;
    KtComposition composition;
    int handle[KT_MAX_SOURCES];
} Stage;

typedef struct Yuv {
    int y, u, v;
} Yuv;

/* BT.709 limited range by the book. */
static inline Yuv yuv_of(uint32_t rgb)
{
    double r = (rgb >> 16 & 255) / 255.0, g = (rgb >> 8 & 255) / 255.0, b = (rgb & 255) / 255.0;
    double y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    Yuv yuv = {(int)(16.5 + 219 * y), (int)(128.5 + 224 * (b - y) / 1.8556),
               (int)(128.5 + 224 * (r - y) / 1.5748)};
    return yuv;
}

static inline KtComposition composition_of(KtLayoutKind layout, int count)
{
    KtComposition k;
    memset(&k, 0, sizeof k);
    k.layout = layout;
    k.background.color = BACKGROUND;
    k.source_count = count;
    for (int i = 0; i < count; i++) {
        snprintf(k.sources[i].id, KT_ID_BYTES, "s%d", i);
        k.sources[i].opacity = 1;
    }
    return k;
}

static inline Stage stage_open(int width, int height, KtLayoutKind layout, int count, int plain)
{
    Stage s;
    memset(&s, 0, sizeof s);
    KtCompositorConfig config = {width, height, KT_COLOR_BT709, plain};
    assert_int_equal(kt_compositor_create(&config, &s.c), KT_OK);
    assert_int_equal(kt_frame_pool_create(64, &s.pool), KT_OK);
    assert_int_equal(kt_frame_acquire(s.pool, KT_PIXEL_I420, width, height, &s.out), KT_OK);
    s.composition = composition_of(layout, count);
    for (int i = 0; i < count; i++) {
        s.handle[i] = kt_compositor_add_source(s.c, s.composition.sources[i].id);
        assert_true(s.handle[i] >= 0);
    }
    return s;
}

static inline void stage_close(Stage *s)
{
    kt_compositor_destroy(&s->c);
    kt_frame_unref(&s->out);
    kt_frame_pool_destroy(&s->pool);
}

static inline KtFrame *new_frame(Stage *s, KtPixelFormat format, int width, int height)
{
    KtFrame *f = NULL;
    assert_int_equal(kt_frame_acquire(s->pool, format, width, height, &f), KT_OK);
    return f;
}

static inline KtFrame *flat_rgb(Stage *s, KtPixelFormat format, int width, int height, uint32_t rgb)
{
    KtFrame *f = new_frame(s, format, width, height);
    int red = format == KT_PIXEL_BGRA ? 2 : 0;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = f->plane[0] + y * f->stride[0] + 4 * x;
            p[red] = (uint8_t)(rgb >> 16);
            p[1] = (uint8_t)(rgb >> 8);
            p[2 - red] = (uint8_t)rgb;
            p[3] = 255;
        }
    }
    return f;
}

static inline KtFrame *flat_yuv(Stage *s, KtPixelFormat format, int width, int height, Yuv color)
{
    KtFrame *f = new_frame(s, format, width, height);
    int chroma_height = (height + 1) / 2;
    memset(f->plane[0], color.y, (size_t)f->stride[0] * (size_t)height);
    memset(f->plane[1], color.u, (size_t)f->stride[1] * (size_t)chroma_height);
    if (format == KT_PIXEL_I420) {
        memset(f->plane[2], color.v, (size_t)f->stride[2] * (size_t)chroma_height);
    } else {
        for (int y = 0; y < chroma_height; y++) {
            for (int x = 1; x < f->stride[1]; x += 2)
                f->plane[1][y * f->stride[1] + x] = (uint8_t)color.v;
        }
    }
    return f;
}

/* Random luma, random chroma. */
static inline KtFrame *noise(Stage *s, KtPixelFormat format, int width, int height, uint32_t seed)
{
    KtFrame *f = new_frame(s, format, width, height);
    for (int p = 0; p < 3 && f->plane[p]; p++) {
        int rows = p ? (height + 1) / 2 : height;
        for (int i = 0; i < f->stride[p] * rows; i++) {
            seed = seed * 1664525u + 1013904223u;
            f->plane[p][i] = (uint8_t)(seed >> 24);
        }
    }
    return f;
}

static inline void push(Stage *s, int index, KtFrame *frame, int64_t now_us)
{
    assert_int_equal(kt_compositor_push_frame(s->c, s->handle[index], frame, now_us), KT_OK);
    kt_frame_unref(&frame);
}

static inline void show(Stage *s, int64_t now_us)
{
    assert_int_equal(kt_compositor_set_composition(s->c, &s->composition, now_us), KT_OK);
}

static inline void compose(Stage *s, int64_t now_us)
{
    for (int p = 0; p < 3; p++) /* what is not drawn shows */
        memset(s->out->plane[p], 7,
               (size_t)s->out->stride[p] * (size_t)(p ? s->out->height / 2 : s->out->height));
    assert_int_equal(kt_compositor_compose(s->c, now_us, s->out), KT_OK);
    assert_true(s->out->pts_us == now_us);
}

static inline Yuv at(const Stage *s, int x, int y)
{
    const KtFrame *f = s->out;
    Yuv color = {f->plane[0][y * f->stride[0] + x], f->plane[1][y / 2 * f->stride[1] + x / 2],
                 f->plane[2][y / 2 * f->stride[2] + x / 2]};
    return color;
}

static inline void assert_color(const Stage *s, int x, int y, Yuv want, int tolerance)
{
    Yuv got = at(s, x, y);
    if (abs(got.y - want.y) > tolerance || abs(got.u - want.u) > tolerance ||
        abs(got.v - want.v) > tolerance)
        fail_msg("pixel %d,%d is %d %d %d, not %d %d %d", x, y, got.y, got.u, got.v, want.y, want.u,
                 want.v);
}

static inline int same_picture(const KtFrame *a, const KtFrame *b)
{
    for (int p = 0; p < 3; p++) {
        int width = p ? a->width / 2 : a->width, height = p ? a->height / 2 : a->height;
        for (int y = 0; y < height; y++) {
            if (memcmp(a->plane[p] + y * a->stride[p], b->plane[p] + y * b->stride[p],
                       (size_t)width) != 0)
                return 0;
        }
    }
    return 1;
}

#endif
