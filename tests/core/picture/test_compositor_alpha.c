/* Translucent pictures: source-over on what stands below, at every size, shape and opacity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compositor_stage.h"

static uint8_t *pixel(const KtFrame *f, int x, int y)
{
    return f->plane[0] + y * f->stride[0] + 4 * x;
}

static KtFrame *flat_alpha(Stage *s, KtPixelFormat format, int width, int height, uint32_t rgb,
                           uint8_t alpha)
{
    KtFrame *f = flat_rgb(s, format, width, height, rgb);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            pixel(f, x, y)[3] = alpha;
    return f;
}

static uint32_t mixed(uint32_t over, uint32_t under, double alpha)
{
    uint32_t rgb = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        double a = over >> shift & 255, b = under >> shift & 255;
        rgb |= (uint32_t)(a * alpha + b * (1 - alpha) + 0.5) << shift;
    }
    return rgb;
}

static void the_background_shines_through(void **state)
{
    (void)state;
    static const int sizes[][2] = {{320, 180}, {64, 36}, {1280, 720}, {101, 77}, {3, 3}, {1, 1}};
    static const uint8_t alphas[] = {0, 1, 64, 128, 200, 254, 255};
    Stage s = stage_open(320, 180, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    show(&s, 0);
    int64_t now = 0;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (size_t a = 0; a < sizeof alphas; a++, now += 1000) {
            KtPixelFormat format = a % 2 ? KT_PIXEL_BGRA : KT_PIXEL_RGBA;
            push(&s, 0, flat_alpha(&s, format, sizes[k][0], sizes[k][1], 0xe08020, alphas[a]), now);
            compose(&s, now);
            Yuv want = yuv_of(mixed(0xe08020, BACKGROUND, alphas[a] / 255.0));
            for (int y = 0; y < 180; y += 7)
                for (int x = 0; x < 320; x += 9)
                    assert_color(&s, x, y, want, 3);
            assert_color(&s, 319, 179, want, 3);
        }
    }
    /* The same bytes where the fourth has no meaning. */
    push(&s, 0, flat_alpha(&s, KT_PIXEL_RGBX, 320, 180, 0xe08020, 0), now);
    compose(&s, now);
    assert_color(&s, 160, 90, yuv_of(0xe08020), 1);
    stage_close(&s);
}

/* Blocks of random colour and random alpha, clear ones black as browsers leave them. */
static void fill_blocks(KtFrame *f, uint32_t seed)
{
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++) {
            uint32_t r = seed + (uint32_t)(x / 20) * 7919u + (uint32_t)(y / 20) * 104729u;
            for (int i = 0; i < 4; i++)
                r = r * 1664525u + 1013904223u;
            uint8_t alpha = (r >> 5 & 3) == 0 ? 0 : (r >> 5 & 3) == 1 ? 255 : (uint8_t)(r >> 24);
            for (int c = 0; c < 3; c++)
                pixel(f, x, y)[c] = alpha ? (uint8_t)(r >> (8 + 5 * c)) : 0;
            pixel(f, x, y)[3] = alpha;
        }
    }
}

static void put_on(KtFrame *f, uint32_t under)
{
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++) {
            uint8_t *p = pixel(f, x, y);
            uint32_t rgb = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
            rgb = mixed(rgb, under, p[3] / 255.0);
            p[0] = (uint8_t)(rgb >> 16);
            p[1] = (uint8_t)(rgb >> 8);
            p[2] = (uint8_t)rgb;
            p[3] = 255;
        }
    }
}

/* Over one colour it is the same whether the picture is put on it before it is scaled, or scaled
 * and then put on it: no dark or bright edge anywhere. */
static void edges_have_no_fringe(void **state)
{
    (void)state;
    static const int sizes[][2] = {{320, 180}, {500, 281}, {1280, 720}, {200, 113}, {161, 91}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int shape = 0; shape < 3; shape++) {
            Stage s = stage_open(320, 180, KT_LAYOUT_SCREEN_ONLY, 1, k % 2 == 0);
            KtCompositionSource *look = &s.composition.sources[0];
            look->shape = (KtShape)shape;
            look->radius = 0.2;
            look->opacity = shape ? 0.7 : 1;
            look->mirror = (int)(k % 2);
            show(&s, 0);
            KtFrame *f = new_frame(&s, KT_PIXEL_RGBA, sizes[k][0], sizes[k][1]);
            fill_blocks(f, (uint32_t)k);
            KtFrame *flat = new_frame(&s, KT_PIXEL_RGBA, sizes[k][0], sizes[k][1]);
            for (int y = 0; y < f->height; y++)
                memcpy(pixel(flat, 0, y), pixel(f, 0, y), (size_t)(4 * f->width));
            put_on(flat, BACKGROUND);
            push(&s, 0, flat, 0);
            compose(&s, 0);
            KtFrame *want = s.out;
            assert_int_equal(kt_frame_acquire(s.pool, KT_PIXEL_I420, 320, 180, &s.out), KT_OK);
            push(&s, 0, f, 1000);
            compose(&s, 1000);
            for (int y = 0; y < 180; y++)
                for (int x = 0; x < 320; x++)
                    if (abs(at(&s, x, y).y - want->plane[0][y * want->stride[0] + x]) > 4)
                        fail_msg("%dx%d, shape %d: luma of %d,%d is %d, not %d", sizes[k][0],
                                 sizes[k][1], shape, x, y, at(&s, x, y).y,
                                 want->plane[0][y * want->stride[0] + x]);
            kt_frame_unref(&want);
            stage_close(&s);
        }
    }
}

/* A clear picture hides neither the person below it nor the background under both. */
static void people_below_are_seen(void **state)
{
    (void)state;
    Stage s = stage_open(320, 180, KT_LAYOUT_FREE, 2, 0);
    for (int i = 0; i < 2; i++) {
        s.composition.sources[i].has_placement = 1;
        s.composition.sources[i].placement = (KtRect){0, 0, i ? 1 : 0.5, 1};
        s.composition.sources[i].z = i;
    }
    s.composition.sources[1].border = 0.0;
    show(&s, 0);
    push(&s, 0, flat_rgb(&s, KT_PIXEL_RGBX, 160, 180, 0xff0000), 0);
    push(&s, 1, flat_alpha(&s, KT_PIXEL_RGBA, 320, 180, 0x0000ff, 128), 0);
    compose(&s, 0);
    assert_color(&s, 40, 90, yuv_of(mixed(0x0000ff, 0xff0000, 128 / 255.0)), 3);
    assert_color(&s, 240, 90, yuv_of(mixed(0x0000ff, BACKGROUND, 128 / 255.0)), 3);
    /* Opaque again: the one below is covered, and nothing of the alpha stays. */
    push(&s, 1, flat_alpha(&s, KT_PIXEL_RGBA, 320, 180, 0x0000ff, 255), 1000);
    compose(&s, 1000);
    assert_color(&s, 40, 90, yuv_of(0x0000ff), 1);
    stage_close(&s);
}

static void a_border_stays_opaque(void **state)
{
    (void)state;
    Stage s = stage_open(320, 180, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    s.composition.sources[0].border = 0.05;
    s.composition.sources[0].border_color = 0xffffff;
    show(&s, 0);
    push(&s, 0, flat_alpha(&s, KT_PIXEL_RGBA, 320, 180, 0, 0), 0);
    compose(&s, 0);
    assert_color(&s, 2, 90, yuv_of(0xffffff), 1);
    assert_color(&s, 160, 90, yuv_of(BACKGROUND), 2);
    stage_close(&s);
}

/* Either kind of kernel, whatever came before. */
static void plain_and_fast_agree(void **state)
{
    (void)state;
    Stage a = stage_open(322, 182, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    Stage b = stage_open(322, 182, KT_LAYOUT_SCREEN_ONLY, 1, 1);
    Stage *both[2] = {&a, &b};
    static const int sizes[][2] = {{37, 91}, {999, 501}, {640, 360}, {8, 2}, {1291, 703}};
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < 2; i++) {
            show(both[i], k);
            KtFrame *f = new_frame(both[i], KT_PIXEL_BGRA, sizes[k][0], sizes[k][1]);
            fill_blocks(f, (uint32_t)k);
            push(both[i], 0, f, k);
            compose(both[i], k);
        }
        assert_true(same_picture(a.out, b.out));
    }
    stage_close(&a);
    stage_close(&b);
}

static int attempt(void *context)
{
    (void)context;
    KtCompositor *c = NULL;
    KtFramePool *pool = NULL;
    KtFrame *in = NULL;
    KtCompositorConfig config = {64, 36, KT_COLOR_BT709, 0};
    int ok = kt_compositor_create(&config, &c) == KT_OK &&
             kt_frame_pool_create(1, &pool) == KT_OK && kt_compositor_add_source(c, "s0") >= 0 &&
             kt_frame_acquire(pool, KT_PIXEL_RGBA, 130, 70, &in) == KT_OK;
    if (ok)
        fill_blocks(in, 1);
    ok = ok && kt_compositor_push_frame(c, 0, in, 0) == KT_OK;
    kt_compositor_destroy(&c);
    if (in)
        kt_frame_unref(&in);
    kt_frame_pool_destroy(&pool);
    return ok;
}

static void allocation_failures(void **state)
{
    (void)state;
    assert_true(kt_alloc_each(attempt, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_background_shines_through), cmocka_unit_test(edges_have_no_fringe),
        cmocka_unit_test(people_below_are_seen),         cmocka_unit_test(a_border_stays_opaque),
        cmocka_unit_test(plain_and_fast_agree),          cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
