/* The compositor's pictures: colours, scaling, shapes, borders, order and backgrounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compositor_stage.h"

static void a_flat_colour_stays_that_colour(void **state)
{
    (void)state;
    static const uint32_t colors[] = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0, 0x7f3311};
    static const int sizes[][2] = {{320, 180}, {64, 36}, {1280, 720}, {101, 77}, {3, 3}};
    Stage s = stage_open(320, 180, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    show(&s, 0);
    int64_t now = 0;
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 5; k++) {
            for (int bgra = 0; bgra < 2; bgra++, now += 1000) {
                push(&s, 0,
                     flat_rgb(&s, bgra ? KT_PIXEL_BGRA : KT_PIXEL_RGBA, sizes[k][0], sizes[k][1],
                              colors[i]),
                     now);
                compose(&s, now);
                for (int y = 0; y < 180; y += 7) {
                    for (int x = 0; x < 320; x += 9)
                        assert_color(&s, x, y, yuv_of(colors[i]), 1);
                }
                assert_color(&s, 319, 179, yuv_of(colors[i]), 1);
            }
        }
    }
    assert_int_equal(s.out->matrix, KT_COLOR_BT709);
    assert_int_equal(s.out->full_range, 0);
    stage_close(&s);
}

static void other_ycbcr_is_converted(void **state)
{
    (void)state;
    /* pure red: BT.601 limited, BT.709 full range */
    Stage s = stage_open(160, 90, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    show(&s, 0);
    for (int format = KT_PIXEL_I420; format <= KT_PIXEL_NV12; format++) {
        KtFrame *f = flat_yuv(&s, (KtPixelFormat)format, 320, 180, (Yuv){81, 90, 240});
        f->matrix = KT_COLOR_BT601;
        push(&s, 0, f, 0);
        compose(&s, 0);
        assert_color(&s, 80, 45, yuv_of(0xff0000), 1);
        f = flat_yuv(&s, (KtPixelFormat)format, 320, 180, (Yuv){54, 99, 255});
        f->full_range = 1;
        push(&s, 0, f, 0);
        compose(&s, 0);
        assert_color(&s, 80, 45, yuv_of(0xff0000), 1);
        f = flat_yuv(&s, (KtPixelFormat)format, 320, 180, (Yuv){63, 102, 240});
        push(&s, 0, f, 0);
        compose(&s, 0);
        assert_color(&s, 80, 45, (Yuv){63, 102, 240}, 0);
    }
    stage_close(&s);
}

static void a_picture_of_the_canvas_size_is_copied(void **state)
{
    (void)state;
    Stage s = stage_open(320, 180, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    KtFrame *f = noise(&s, KT_PIXEL_I420, 320, 180, 5);
    kt_frame_ref(f);
    show(&s, 0);
    push(&s, 0, f, 0);
    compose(&s, 0);
    assert_true(same_picture(f, s.out));
    kt_frame_unref(&f);
    stage_close(&s);
}

static void mirroring_turns_the_picture_around(void **state)
{
    (void)state;
    Stage s = stage_open(320, 180, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    KtFrame *f = noise(&s, KT_PIXEL_I420, 320, 180, 9);
    kt_frame_ref(f);
    s.composition.sources[0].mirror = 1;
    show(&s, 0);
    push(&s, 0, f, 0);
    compose(&s, 0);
    for (int y = 0; y < 180; y++) {
        for (int x = 0; x < 320; x++)
            assert_int_equal(at(&s, x, y).y, f->plane[0][y * f->stride[0] + 319 - x]);
    }
    kt_frame_unref(&f);
    stage_close(&s);
}

/* What a fine checkerboard of 16 and 235 becomes: the spread of luma. */
static int checker_spread(int source_width, int source_height, KtRect rect, int *mean)
{
    Stage s = stage_open(640, 360, KT_LAYOUT_FREE, 1, 0);
    KtFrame *f = flat_yuv(&s, KT_PIXEL_I420, source_width, source_height, (Yuv){16, 128, 128});
    for (int y = 0; y < source_height; y++) {
        for (int x = (y & 1); x < source_width; x += 2)
            f->plane[0][y * f->stride[0] + x] = 235;
    }
    s.composition.sources[0].has_placement = 1;
    s.composition.sources[0].placement = rect;
    show(&s, 0);
    push(&s, 0, f, 0);
    compose(&s, 0);
    int low = 255, high = 0;
    long sum = 0, count = 0;
    for (int y = (int)(rect.y * 360) + 6; y < (int)((rect.y + rect.height) * 360) - 6; y++) {
        for (int x = (int)(rect.x * 640) + 6; x < (int)((rect.x + rect.width) * 640) - 6; x++) {
            int luma = at(&s, x, y).y;
            low = luma < low ? luma : low;
            high = luma > high ? luma : high;
            sum += luma;
            count++;
        }
    }
    *mean = (int)(sum / count);
    stage_close(&s);
    return high - low;
}

static void reduction_does_not_alias(void **state)
{
    (void)state;
    static const double reductions[] = {2, 2.3, 2.9, 3, 3.1, 3.7, 4, 5.5, 6, 7.9};
    for (size_t i = 0; i < sizeof reductions / sizeof reductions[0]; i++) {
        int mean;
        double side = 1200 / reductions[i];
        KtRect rect = {0.03, 0.05, side / 640, side / 360 * 9 / 16};
        assert_in_range(checker_spread(1200, 675, rect, &mean), 0, 8);
        assert_in_range(mean, 123, 128);
    }
}

/* A smooth picture in squares of many sizes: wherever a point of it should be, it is, to a sixth of
 * a pixel; so nothing trembles while a tile grows. */
static void sizes_nearby_look_alike(void **state)
{
    (void)state;
    Stage s = stage_open(640, 640, KT_LAYOUT_FREE, 1, 0);
    KtFrame *f = flat_yuv(&s, KT_PIXEL_I420, 640, 640, (Yuv){0, 128, 128});
    for (int y = 0; y < 640; y++) {
        for (int x = 0; x < 640; x++)
            f->plane[0][y * f->stride[0] + x] =
                (uint8_t)(126.5 + 80 * sin(x * 0.07) * cos(y * 0.09));
    }
    push(&s, 0, f, 0);
    s.composition.sources[0].has_placement = 1;
    for (int side = 200; side <= 640; side += 4) {
        double w = side / 640.0, scale = 640.0 / side;
        s.composition.sources[0].placement = (KtRect){0.5 - w / 2, 0.5 - w / 2, w, w};
        show(&s, side);
        compose(&s, side);
        for (int k = -40; k <= 40; k += 5) {
            double x = (k + 0.5) * scale + 319.5, y = (k + 0.5) * scale + 319.5;
            double want = 126 + 80 * sin(x * 0.07) * cos(y * 0.09);
            assert_true(fabs(at(&s, 320 + k, 320 + k).y - want) < 2.5);
        }
    }
    stage_close(&s);
}

static void every_format_scales_alike(void **state)
{
    (void)state;
    Stage s = stage_open(640, 360, KT_LAYOUT_GRID, 2, 0);
    KtFrame *planar = noise(&s, KT_PIXEL_I420, 1001, 563, 3);
    KtFrame *pairs = new_frame(&s, KT_PIXEL_NV12, 1001, 563);
    for (int y = 0; y < 563; y++)
        memcpy(pairs->plane[0] + y * pairs->stride[0], planar->plane[0] + y * planar->stride[0],
               1001);
    for (int y = 0; y < 282; y++) {
        for (int x = 0; x < 501; x++) {
            pairs->plane[1][y * pairs->stride[1] + 2 * x] =
                planar->plane[1][y * planar->stride[1] + x];
            pairs->plane[1][y * pairs->stride[1] + 2 * x + 1] =
                planar->plane[2][y * planar->stride[2] + x];
        }
    }
    push(&s, 0, planar, 0);
    push(&s, 1, pairs, 0);
    show(&s, 0);
    compose(&s, 0);
    for (int y = 0; y < 360; y++) {
        for (int x = 0; x < 320; x++) {
            Yuv a = at(&s, x, y), b = at(&s, x + 320, y);
            assert_int_equal(a.y, b.y);
            /* halving pairs rounds in another order */
            assert_in_range(a.u - b.u + 1, 0, 2);
            assert_in_range(a.v - b.v + 1, 0, 2);
        }
    }
    stage_close(&s);
}

static void circles_show_the_background_at_their_corners(void **state)
{
    (void)state;
    Yuv red = yuv_of(0xff0000), back = yuv_of(BACKGROUND);
    Stage s = stage_open(400, 200, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    s.composition.sources[0].shape = KT_SHAPE_CIRCLE;
    show(&s, 0);
    push(&s, 0, flat_rgb(&s, KT_PIXEL_RGBA, 400, 200, 0xff0000), 0);
    compose(&s, 0);
    assert_color(&s, 200, 100, red, 1);
    assert_color(&s, 200, 4, red, 1);
    assert_color(&s, 104, 100, red, 1);
    assert_color(&s, 102, 2, back, 1);
    assert_color(&s, 297, 197, back, 1);
    assert_color(&s, 50, 100, back, 1);
    long covered = 0, partial = 0;
    for (int y = 0; y < 200; y++) {
        for (int x = 0; x < 400; x++) {
            int luma = at(&s, x, y).y;
            covered += luma - back.y;
            partial +=
                luma != red.y && luma != back.y && abs(luma - red.y) > 1 && abs(luma - back.y) > 1;
        }
    }
    double area = (double)covered / (red.y - back.y);
    assert_true(fabs(area - 3.14159265 * 100 * 100) < 60); /* anti-aliased: the area is right */
    assert_in_range(partial, 300, 900);
    stage_close(&s);
}

static void rounded_corners_and_borders(void **state)
{
    (void)state;
    Yuv red = yuv_of(0xff0000), white = yuv_of(0xffffff), back = yuv_of(BACKGROUND);
    Stage s = stage_open(400, 200, KT_LAYOUT_FREE, 1, 0);
    KtCompositionSource *source = &s.composition.sources[0];
    source->has_placement = 1;
    source->placement = (KtRect){0.25, 0.25, 0.5, 0.5};
    source->shape = KT_SHAPE_ROUNDED;
    source->radius = 0.2;
    source->border = 0.04; /* 8 pixels */
    source->border_color = 0xffffff;
    show(&s, 0);
    push(&s, 0, flat_rgb(&s, KT_PIXEL_RGBA, 400, 200, 0xff0000), 0);
    compose(&s, 0);
    assert_color(&s, 200, 100, red, 1);
    assert_color(&s, 99, 100, back, 0);
    for (int i = 0; i < 8; i++) {
        assert_color(&s, 100 + i, 100, white, 0);
        assert_color(&s, 299 - i, 100, white, 0);
        assert_color(&s, 200, 50 + i, white, 0);
        assert_color(&s, 200, 149 - i, white, 0);
    }
    assert_color(&s, 110, 100, red, 1);
    assert_color(&s, 200, 60, red, 1);
    assert_color(&s, 100, 50, back, 1);
    assert_color(&s, 299, 149, back, 1);
    assert_color(&s, 108, 58, white, 1); /* inside the outer arc, outside the inner one */

    source->border = 0;
    source->shape = KT_SHAPE_RECTANGLE;
    show(&s, 0);
    compose(&s, 0);
    assert_color(&s, 100, 50, red, 1);
    assert_color(&s, 299, 149, red, 1);
    assert_color(&s, 300, 150, back, 0);
    stage_close(&s);
}

static void fit_keeps_the_whole_picture(void **state)
{
    (void)state;
    Yuv red = yuv_of(0xff0000), blue = yuv_of(0x0000ff), back = yuv_of(BACKGROUND);
    Stage s = stage_open(400, 200, KT_LAYOUT_SCREEN_ONLY, 1, 0);
    KtFrame *f = flat_rgb(&s, KT_PIXEL_RGBA, 100, 100, 0xff0000);
    for (int x = 0; x < 100; x++) { /* a blue band at the top that cover crops away */
        for (int y = 0; y < 10; y++) {
            f->plane[0][y * f->stride[0] + 4 * x] = 0;
            f->plane[0][y * f->stride[0] + 4 * x + 2] = 255;
        }
    }
    push(&s, 0, f, 0);
    s.composition.sources[0].fit = KT_FIT_CONTAIN;
    show(&s, 0);
    compose(&s, 0);
    assert_color(&s, 200, 4, blue, 1);
    assert_color(&s, 200, 100, red, 1);
    assert_color(&s, 98, 100, back, 0);
    assert_color(&s, 301, 100, back, 0);
    s.composition.sources[0].fit = KT_FIT_COVER;
    show(&s, 0);
    compose(&s, 0);
    assert_color(&s, 200, 4, red, 1);
    assert_color(&s, 2, 100, red, 1);
    stage_close(&s);
}

static void opacity_and_order(void **state)
{
    (void)state;
    Yuv red = yuv_of(0xff0000), blue = yuv_of(0x0000ff);
    Stage s = stage_open(200, 100, KT_LAYOUT_FREE, 2, 0);
    for (int i = 0; i < 2; i++) {
        s.composition.sources[i].has_placement = 1;
        s.composition.sources[i].placement = (KtRect){0, 0, 1, 1};
        push(&s, i, flat_rgb(&s, KT_PIXEL_RGBA, 200, 100, i ? 0x0000ff : 0xff0000), 0);
    }
    s.composition.sources[1].opacity = 0.5;
    show(&s, 0);
    compose(&s, 0);
    assert_color(&s, 100, 50,
                 (Yuv){(red.y + blue.y) / 2, (red.u + blue.u) / 2, (red.v + blue.v) / 2}, 2);
    s.composition.sources[0].z = 1;
    show(&s, 0);
    compose(&s, 0);
    assert_color(&s, 100, 50, red, 1);
    s.composition.sources[0].opacity = 0;
    s.composition.sources[1].opacity = 1;
    show(&s, 0);
    compose(&s, 0);
    assert_color(&s, 100, 50, blue, 1);
    stage_close(&s);
}

static void gradients_have_no_steps(void **state)
{
    (void)state;
    Stage s = stage_open(640, 64, KT_LAYOUT_GRID, 0, 0);
    s.composition.background.kind = KT_BACKGROUND_GRADIENT;
    s.composition.background.color = 0x202020;
    s.composition.background.color_to = 0x303030;
    show(&s, 0);
    compose(&s, 0);
    /* mean of 8x8 blocks rises evenly although there are only 14 codes */
    double last = 0;
    for (int x = 0; x < 640; x += 8) {
        int sum = 0;
        for (int k = 0; k < 64; k++)
            sum += at(&s, x + k % 8, 8 + k / 8).y;
        double mean = sum / 64.0;
        if (x > 0)
            assert_true(mean >= last - 0.02 && mean - last < 0.4);
        last = mean;
    }
    assert_in_range(at(&s, 0, 0).y, yuv_of(0x202020).y - 1, yuv_of(0x202020).y + 1);
    assert_in_range(at(&s, 639, 63).y, yuv_of(0x303030).y - 1, yuv_of(0x303030).y + 1);
    s.composition.background.angle_degrees = 90;
    show(&s, 0);
    compose(&s, 0);
    assert_true(at(&s, 600, 63).y > at(&s, 600, 0).y + 8);
    assert_in_range(at(&s, 0, 30).y - at(&s, 639, 30).y + 1, 0, 2);
    stage_close(&s);
}

static void images_cover_the_background(void **state)
{
    (void)state;
    Stage s = stage_open(64, 32, KT_LAYOUT_GRID, 0, 0);
    static uint8_t rgba[200 * 100 * 4];
    for (int i = 0; i < 200 * 100; i++) {
        rgba[4 * i + 1] = 255;
        rgba[4 * i + 3] = (uint8_t)(i % 200 < 100 ? 255 : 0);
    }
    s.composition.background.kind = KT_BACKGROUND_IMAGE;
    strcpy(s.composition.background.image, "beach");
    show(&s, 0);
    compose(&s, 0);
    assert_color(&s, 10, 10, yuv_of(BACKGROUND), 0); /* not there yet: the colour */
    assert_int_equal(kt_compositor_set_image(s.c, "beach", rgba, 200, 100, 800), KT_OK);
    assert_true(kt_compositor_is_dirty(s.c, 0));
    compose(&s, 0);
    assert_color(&s, 10, 10, yuv_of(0x00ff00), 1);
    assert_color(&s, 60, 10, yuv_of(0), 1); /* transparent: black */
    for (int i = 0; i < 7; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%d", i);
        assert_int_equal(kt_compositor_set_image(s.c, id, rgba, 2, 2, 800), KT_OK);
    }
    assert_int_equal(kt_compositor_set_image(s.c, "ninth", rgba, 2, 2, 800), KT_ERR_LIMIT);
    assert_int_equal(kt_compositor_set_image(s.c, "beach", rgba, 2, 2, 800), KT_OK);
    assert_int_equal(kt_compositor_set_image(s.c, "", rgba, 2, 2, 800), KT_ERR_ARG);
    assert_int_equal(kt_compositor_set_image(s.c, "x", rgba, 0, 2, 800), KT_ERR_ARG);
    assert_int_equal(kt_compositor_set_image(s.c, "x", rgba, 2, 9000, 800), KT_ERR_ARG);
    assert_int_equal(kt_compositor_set_image(s.c, "x", rgba, 2, 2, 7), KT_ERR_ARG);
    assert_int_equal(kt_compositor_set_image(s.c, "x", NULL, 2, 2, 8), KT_ERR_ARG);
    assert_int_equal(kt_compositor_remove_image(s.c, "x"), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_compositor_remove_image(s.c, ""), KT_ERR_ARG);
    assert_int_equal(kt_compositor_remove_image(s.c, "i3"), KT_OK);
    assert_int_equal(kt_compositor_set_image(s.c, "ninth", rgba, 2, 2, 800), KT_OK);
    compose(&s, 0);
    assert_int_equal(kt_compositor_remove_image(s.c, "beach"), KT_OK);
    assert_true(kt_compositor_is_dirty(s.c, 0));
    compose(&s, 0);
    assert_color(&s, 10, 10, yuv_of(BACKGROUND), 0); /* gone: the colour again */
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flat_colour_stays_that_colour),
        cmocka_unit_test(other_ycbcr_is_converted),
        cmocka_unit_test(a_picture_of_the_canvas_size_is_copied),
        cmocka_unit_test(mirroring_turns_the_picture_around),
        cmocka_unit_test(reduction_does_not_alias),
        cmocka_unit_test(sizes_nearby_look_alike),
        cmocka_unit_test(every_format_scales_alike),
        cmocka_unit_test(circles_show_the_background_at_their_corners),
        cmocka_unit_test(rounded_corners_and_borders),
        cmocka_unit_test(fit_keeps_the_whole_picture),
        cmocka_unit_test(opacity_and_order),
        cmocka_unit_test(gradients_have_no_steps),
        cmocka_unit_test(images_cover_the_background),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
