/* The compositor over time: transitions, stalls, changing sizes, bad input and failing
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compositor_stage.h"

static void transitions_start_and_end_exactly(void **state)
{
    (void)state;
    Stage s = stage_open(320, 180, KT_LAYOUT_GRID, 3, 0);
    KtFrame *before = NULL, *after = NULL;
    for (int i = 0; i < 3; i++)
        push(&s, i, noise(&s, KT_PIXEL_I420, 320, 180, (uint32_t)i), 0);
    show(&s, 0);
    compose(&s, 0);
    before = new_frame(&s, KT_PIXEL_I420, 320, 180);
    assert_int_equal(kt_compositor_compose(s.c, 0, before), KT_OK);

    KtComposition grid = s.composition;
    s.composition.layout = KT_LAYOUT_SPOTLIGHT;
    s.composition.background.kind = KT_BACKGROUND_GRADIENT;
    s.composition.background.color_to = 0xffffff;
    s.composition.sources[1].shape = KT_SHAPE_CIRCLE;
    show(&s, 1000); /* no transition: what the end must look like */
    compose(&s, 1000);
    after = new_frame(&s, KT_PIXEL_I420, 320, 180);
    assert_int_equal(kt_compositor_compose(s.c, 1000, after), KT_OK);
    assert_int_equal(kt_compositor_set_composition(s.c, &grid, 1000), KT_OK);
    compose(&s, 1000);
    assert_true(same_picture(before, s.out));

    s.composition.transition_us = 300000;
    show(&s, 2000);
    compose(&s, 2000);
    assert_true(same_picture(before, s.out));
    compose(&s, 152000);
    assert_false(same_picture(before, s.out));
    assert_false(same_picture(after, s.out));
    assert_true(kt_compositor_is_dirty(s.c, 152000));
    KtPlacedSource half[KT_MAX_SOURCES], end[KT_MAX_SOURCES];
    assert_int_equal(kt_compositor_placed(s.c, 152000, half), 3);
    compose(&s, 302000);
    assert_true(same_picture(after, s.out));
    assert_int_equal(kt_compositor_placed(s.c, 302000, end), 3);
    assert_true(half[0].rect.width < end[0].rect.width);
    assert_false(kt_compositor_is_dirty(s.c, 302000));
    kt_frame_unref(&before);
    kt_frame_unref(&after);
    stage_close(&s);
}

static void an_interrupted_transition_does_not_jump(void **state)
{
    (void)state;
    Stage s = stage_open(320, 180, KT_LAYOUT_GRID, 2, 0);
    for (int i = 0; i < 2; i++)
        push(&s, i, flat_yuv(&s, KT_PIXEL_I420, 320, 180, (Yuv){60 + 100 * i, 128, 128}), 0);
    show(&s, 0);
    compose(&s, 0);
    s.composition.layout = KT_LAYOUT_PICTURE_IN_PICTURE;
    s.composition.transition_us = 200000;
    s.composition.background.kind = KT_BACKGROUND_GRADIENT;
    show(&s, 0);
    compose(&s, 90000);
    KtFrame *halfway = new_frame(&s, KT_PIXEL_I420, 320, 180);
    assert_int_equal(kt_compositor_compose(s.c, 90000, halfway), KT_OK);
    s.composition.layout = KT_LAYOUT_SCREEN_ONLY;
    show(&s, 90000);
    compose(&s, 90000);
    assert_true(same_picture(halfway, s.out));
    kt_frame_unref(&halfway);
    stage_close(&s);
}

static void sources_leave_with_the_transition(void **state)
{
    (void)state;
    Yuv red = yuv_of(0xff0000), blue = yuv_of(0x0000ff);
    Stage s = stage_open(200, 100, KT_LAYOUT_SIDE_BY_SIDE, 2, 0);
    s.composition.transition_us = 100000;
    push(&s, 0, flat_rgb(&s, KT_PIXEL_RGBA, 200, 100, 0xff0000), 0);
    push(&s, 1, flat_rgb(&s, KT_PIXEL_RGBA, 200, 100, 0x0000ff), 0);
    show(&s, 0);
    compose(&s, 0); /* the very first picture does not fade in */
    assert_color(&s, 50, 50, red, 1);
    assert_color(&s, 150, 50, blue, 1);
    assert_int_equal(kt_compositor_remove_source(s.c, s.handle[1], 1000), KT_OK);
    assert_int_equal(kt_compositor_remove_source(s.c, s.handle[1], 1000), KT_ERR_NOT_FOUND);
    compose(&s, 1000);
    assert_color(&s, 150, 50, blue, 1);
    compose(&s, 101000);
    assert_color(&s, 150, 50, red, 1);
    KtPlacedSource placed[KT_MAX_SOURCES];
    assert_int_equal(kt_compositor_placed(s.c, 101000, placed), 1);

    /* back again: its place was kept in the composition */
    s.handle[1] = kt_compositor_add_source(s.c, "s1");
    assert_true(s.handle[1] >= 0);
    push(&s, 1, flat_rgb(&s, KT_PIXEL_RGBA, 20, 10, 0x0000ff), 102000);
    compose(&s, 300000);
    assert_color(&s, 150, 50, blue, 1);
    stage_close(&s);
}

static void stalls_go_by_time(void **state)
{
    (void)state;
    Stage s = stage_open(200, 100, KT_LAYOUT_SIDE_BY_SIDE, 2, 0);
    int handles[KT_MAX_SOURCES];
    show(&s, 0);
    push(&s, 0, flat_yuv(&s, KT_PIXEL_I420, 200, 100, (Yuv){200, 90, 160}), 0);
    push(&s, 1, flat_yuv(&s, KT_PIXEL_I420, 200, 100, (Yuv){200, 90, 160}), 0);
    compose(&s, KT_STALL_US - 1);
    assert_color(&s, 50, 50, (Yuv){200, 90, 160}, 0);
    assert_int_equal(kt_compositor_stalled(s.c, KT_STALL_US - 1, handles), 0);
    assert_false(kt_compositor_is_dirty(s.c, KT_STALL_US - 1));
    assert_true(kt_compositor_is_dirty(s.c, KT_STALL_US));
    push(&s, 1, flat_yuv(&s, KT_PIXEL_I420, 200, 100, (Yuv){210, 90, 160}), KT_STALL_US - 1);
    compose(&s, KT_STALL_US);
    assert_color(&s, 50, 50, (Yuv){108, 109, 144}, 1); /* half way to black */
    assert_color(&s, 150, 50, (Yuv){210, 90, 160}, 0);
    assert_int_equal(kt_compositor_stalled(s.c, KT_STALL_US, handles), 1);
    assert_int_equal(handles[0], s.handle[0]);
    compose(&s, 5000000);
    Yuv tile = at(&s, 2, 2), person = at(&s, 50, 37);
    assert_in_range(tile.y, 30, 70);
    assert_true(person.y > tile.y + 20);
    push(&s, 0, flat_yuv(&s, KT_PIXEL_I420, 200, 100, (Yuv){99, 90, 160}), 5000001);
    compose(&s, 5000001);
    assert_color(&s, 50, 50, (Yuv){99, 90, 160}, 0);
    assert_int_equal(kt_compositor_set_video_muted(s.c, s.handle[0], 1), KT_OK);
    assert_true(kt_compositor_is_dirty(s.c, 5000001));
    compose(&s, 5000002);
    assert_color(&s, 2, 2, tile, 0);
    assert_int_equal(kt_compositor_set_video_muted(s.c, s.handle[0], 0), KT_OK);
    compose(&s, 5000003);
    assert_color(&s, 50, 50, (Yuv){99, 90, 160}, 0);
    stage_close(&s);
}

static void sizes_change_at_any_time(void **state)
{
    (void)state;
    static const int sizes[][2] = {{640, 360}, {1, 1},       {2, 2},   {1, 300},  {8192, 1},
                                   {360, 640}, {7680, 4320}, {33, 17}, {4097, 3}, {1280, 720}};
    Stage s = stage_open(320, 180, KT_LAYOUT_GRID, 2, 0);
    s.composition.sources[1].fit = KT_FIT_CONTAIN;
    show(&s, 0);
    for (int i = 0; i < 10; i++) {
        for (int format = KT_PIXEL_I420; format <= KT_PIXEL_NV12; format++) {
            int64_t now = 1000 * i + format;
            for (int k = 0; k < 2; k++)
                push(&s, k,
                     flat_yuv(&s, (KtPixelFormat)format, sizes[i][0], sizes[i][1],
                              (Yuv){40 + 10 * i, 100, 150}),
                     now);
            compose(&s, now);
            for (int y = 0; y < 180; y += 3) {
                for (int x = 0; x < 160; x += 3)
                    assert_color(&s, x, y, (Yuv){40 + 10 * i, 100, 150}, 0);
            }
            assert_color(&s, 240, 90, (Yuv){40 + 10 * i, 100, 150}, 0);
        }
    }
    stage_close(&s);
}

/* Everything at once, drawn by both kernel tables. */
static void draw_busy(int plain, KtFrame **out, Stage *s)
{
    static const int sizes[][2] = {{1280, 720}, {640, 480}, {333, 777}, {1920, 1080}, {97, 31}};
    static uint8_t sprite[64 * 33 * 4];
    for (size_t i = 0; i < sizeof sprite; i++)
        sprite[i] = (uint8_t)(i * i >> 3);
    *s = stage_open(852, 480, KT_LAYOUT_GRID, 13, plain);
    s->composition.gap = 0.015;
    s->composition.transition_us = 200000;
    s->composition.background.kind = KT_BACKGROUND_GRADIENT;
    s->composition.background.color_to = 0x904010;
    s->composition.background.angle_degrees = 33;
    for (int i = 0; i < 13; i++) {
        KtCompositionSource *source = &s->composition.sources[i];
        KtFrame *f =
            noise(s, (KtPixelFormat)(i % 4), sizes[i % 5][0], sizes[i % 5][1], (uint32_t)i);
        f->matrix = (KtColorMatrix)(i & 1);
        f->full_range = i % 3 == 0;
        source->shape = (KtShape)(i % 3);
        source->radius = 0.17;
        source->border = i % 2 ? 0.006 : 0;
        source->mirror = i % 5 == 0;
        source->fit = (KtFit)(i % 4 == 1);
        source->opacity = i % 6 ? 1 : 0.6;
        if (i != 12)
            push(s, i, f, i == 7 ? -KT_STALL_US : 0);
        else
            kt_frame_unref(&f);
    }
    show(s, 0);
    assert_int_equal(
        kt_compositor_show_sprite(s->c, "a", KT_SPRITE_HOOK, "s3", sprite, 64, 33, 256, -100000),
        KT_OK);
    compose(s, 0);
    s->composition.layout = KT_LAYOUT_SPOTLIGHT;
    show(s, 0);
    compose(s, 70000);
    *out = s->out;
}

static void both_kernel_tables_draw_the_same(void **state)
{
    (void)state;
    Stage plain, fast;
    KtFrame *a, *b;
    draw_busy(1, &a, &plain);
    draw_busy(0, &b, &fast);
    assert_true(same_picture(a, b));
    stage_close(&plain);
    stage_close(&fast);
}

static void composing_allocates_nothing(void **state)
{
    (void)state;
    Stage s;
    KtFrame *out;
    draw_busy(0, &out, &s);
    KtFrame *again[13];
    for (int i = 0; i < 13; i++)
        again[i] = noise(&s, KT_PIXEL_I420, 640, 360, (uint32_t)i);
    for (int i = 0; i < 13; i++)
        assert_int_equal(kt_compositor_push_frame(s.c, s.handle[i], again[i], 80000), KT_OK);
    long before = kt_alloc_count();
    for (int f = 0; f < 40; f++) {
        int64_t now = 80000 + f * 10000;
        if (f % 7 == 0) {
            s.composition.layout = (KtLayoutKind)(f / 7 % 5);
            show(&s, now);
        }
        for (int i = 0; i < 13; i++)
            assert_int_equal(kt_compositor_push_frame(s.c, s.handle[i], again[i], now), KT_OK);
        assert_int_equal(kt_compositor_compose(s.c, now, s.out), KT_OK);
    }
    assert_int_equal(kt_alloc_count(), before);
    for (int i = 0; i < 13; i++)
        kt_frame_unref(&again[i]);
    stage_close(&s);
}

/* A drag retargets ten times a second in the middle of a transition, and the background with it. */
static void a_background_comes_smoothly_during_a_drag(void **state)
{
    (void)state;
    Stage s = stage_open(320, 180, KT_LAYOUT_GRID, 1, 0);
    s.composition.background.kind = KT_BACKGROUND_GRADIENT;
    s.composition.background.color_to = 0xffffff;
    s.composition.gap = 0.01;
    s.composition.transition_us = 100000;
    show(&s, 0);
    compose(&s, 0);
    for (int i = 1; i < 10; i++) {
        s.composition.gap = 0.01 + i * 0.01;
        show(&s, i * 50000);
        compose(&s, i * 50000 + 1000);
    }
    /* Another one comes from what is visible, retargeted half-way too. */
    s.composition.background.color = s.composition.background.color_to = 0;
    show(&s, 600000);
    compose(&s, 650000);
    int middle = at(&s, 318, 178).y;
    assert_true(middle > 40 && middle < 220);
    s.composition.gap = 0.02;
    show(&s, 650000);
    compose(&s, 650000);
    assert_true(abs(at(&s, 318, 178).y - middle) <= 1);
    compose(&s, 750000);
    assert_int_equal(at(&s, 318, 178).y, 16);
    stage_close(&s);
}

static void bad_input(void **state)
{
    (void)state;
    KtCompositor *c = NULL;
    static const int wrong[][2] = {{0, 0}, {14, 16}, {17, 16}, {1922, 16}, {1920, 1082}, {-2, 64}};
    for (size_t i = 0; i < 6; i++) {
        KtCompositorConfig config = {wrong[i][0], wrong[i][1], KT_COLOR_BT709, 0};
        assert_int_equal(kt_compositor_create(&config, &c), KT_ERR_ARG);
    }
    Stage s = stage_open(64, 64, KT_LAYOUT_FREE, 2, 0);
    assert_int_equal(kt_compositor_add_source(s.c, "s1"), KT_ERR_ARG);
    assert_int_equal(kt_compositor_add_source(s.c, ""), KT_ERR_ARG);
    assert_int_equal(kt_compositor_add_source(s.c, "no spaces"), KT_ERR_ARG);
    assert_int_equal(kt_compositor_add_source(s.c, NULL), KT_ERR_ARG);
    char longest[80];
    memset(longest, 'a', sizeof longest);
    longest[64] = 0;
    assert_int_equal(kt_compositor_add_source(s.c, longest), KT_ERR_ARG);
    longest[63] = 0;
    assert_true(kt_compositor_add_source(s.c, longest) >= 0);
    for (int i = 3; i < 2 * KT_MAX_SOURCES; i++) {
        char id[16];
        snprintf(id, sizeof id, "more%d", i);
        assert_true(kt_compositor_add_source(s.c, id) >= 0);
    }
    assert_int_equal(kt_compositor_add_source(s.c, "toomany"), KT_ERR_LIMIT);

    KtFrame *f = new_frame(&s, KT_PIXEL_I420, 16, 16);
    assert_int_equal(kt_compositor_push_frame(s.c, -1, f, 0), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_compositor_push_frame(s.c, 32, f, 0), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_compositor_push_frame(s.c, s.handle[0], NULL, 0), KT_ERR_ARG);
    KtFrame broken = *f;
    broken.plane[2] = NULL;
    assert_int_equal(kt_compositor_push_frame(s.c, s.handle[0], &broken, 0), KT_ERR_ARG);
    broken = *f;
    broken.width = 0;
    assert_int_equal(kt_compositor_push_frame(s.c, s.handle[0], &broken, 0), KT_ERR_ARG);
    broken = *f;
    broken.stride[0] = 8;
    assert_int_equal(kt_compositor_push_frame(s.c, s.handle[0], &broken, 0), KT_ERR_ARG);
    assert_int_equal(f->refs, 1);

    assert_int_equal(kt_compositor_compose(s.c, 0, f), KT_ERR_ARG);
    assert_int_equal(kt_compositor_compose(s.c, 0, NULL), KT_ERR_ARG);
    kt_frame_ref(s.out);
    assert_int_equal(kt_compositor_compose(s.c, 0, s.out), KT_ERR_ARG);
    KtFrame *other = s.out;
    kt_frame_unref(&other);
    compose(&s, 10);
    assert_int_equal(kt_compositor_compose(s.c, 9, s.out), KT_ERR_ORDER);
    compose(&s, 10);
    kt_frame_unref(&f);
    stage_close(&s);
}

static void bad_compositions_are_refused(void **state)
{
    (void)state;
    Stage s = stage_open(64, 64, KT_LAYOUT_FREE, 2, 0);
    KtComposition good = s.composition, k;
    good.sources[0].has_placement = 1;
    good.sources[0].placement = (KtRect){-2, 2, 4, 0.001};
    assert_int_equal(kt_compositor_set_composition(s.c, &good, 0), KT_OK);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        k = good;                                                                                  \
        change;                                                                                    \
        assert_int_equal(kt_compositor_set_composition(s.c, &k, 0), KT_ERR_ARG);                   \
    } while (0)
    REFUSED(k.sources[0].placement.x = (double)NAN);
    REFUSED(k.sources[0].placement.y = (double)INFINITY);
    REFUSED(k.sources[0].placement.width = (double)NAN);
    REFUSED(k.sources[0].placement.width = 0);
    REFUSED(k.sources[0].placement.height = 4.01);
    REFUSED(k.sources[0].placement.x = -2.01);
    REFUSED(k.sources[1].opacity = (double)NAN);
    REFUSED(k.sources[1].opacity = 1.01);
    REFUSED(k.sources[1].radius = 0.51);
    REFUSED(k.sources[1].border = 0.06);
    REFUSED(k.sources[1].z = 1001);
    REFUSED(k.sources[1].shape = (KtShape)3);
    REFUSED(k.sources[1].fit = (KtFit)-1);
    REFUSED(strcpy(k.sources[1].id, "s0"));
    REFUSED(k.sources[1].id[0] = 0);
    REFUSED(memset(k.sources[1].id, 'a', KT_ID_BYTES));
    REFUSED(strcpy(k.focus, "a/b"));
    REFUSED(k.layout = (KtLayoutKind)6);
    REFUSED(k.gap = (double)NAN);
    REFUSED(k.gap = 0.21);
    REFUSED(k.source_count = 17);
    REFUSED(k.source_count = -1);
    REFUSED(k.transition_us = 2000001);
    REFUSED(k.transition_us = -1);
    REFUSED(k.background.kind = (KtBackgroundKind)3);
    REFUSED(k.background.kind = KT_BACKGROUND_IMAGE);
    REFUSED((k.background.kind = KT_BACKGROUND_GRADIENT, k.background.angle_degrees = (double)NAN));
#undef REFUSED
    compose(&s, 0);
    stage_close(&s);
}

static void far_outside_and_far_too_large(void **state)
{
    (void)state;
    static const KtRect rects[] = {
        {-2, -2, 4, 4}, {1.5, 0, 1, 1},       {-0.5, -0.5, 1, 1},         {0, 0, 4, 4},
        {-2, 0, 2, 1},  {0.999, 0.999, 4, 4}, {0.5, 0.5, 0.0001, 0.0001}, {0, 2, 4, 0.1}};
    for (size_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
        for (int shape = KT_SHAPE_RECTANGLE; shape <= KT_SHAPE_CIRCLE; shape++) {
            Stage s = stage_open(128, 96, KT_LAYOUT_FREE, 1, 0);
            KtCompositionSource *source = &s.composition.sources[0];
            source->has_placement = 1;
            source->placement = rects[i];
            source->shape = (KtShape)shape;
            source->radius = 0.5;
            source->border = 0.05;
            source->mirror = (int)i & 1;
            show(&s, 0);
            push(&s, 0, flat_rgb(&s, KT_PIXEL_RGBA, 640, 480, 0xff0000), 0);
            compose(&s, 0);
            for (int y = 0; y < 96; y++) {
                for (int x = 0; x < 128; x++)
                    assert_int_not_equal(at(&s, x, y).y, 7); /* every pixel was drawn */
            }
            if (i == 0 && shape == KT_SHAPE_RECTANGLE)
                assert_color(&s, 64, 48, yuv_of(0xff0000), 1);
            if (i == 1)
                assert_color(&s, 64, 48, yuv_of(BACKGROUND), 0);
            stage_close(&s);
        }
    }
}

static int use_everything(void *context)
{
    static uint8_t rgba[32 * 32 * 4];
    KtCompositor *c = NULL;
    KtFramePool *pool = context;
    KtFrame *out = NULL, *in[2] = {NULL, NULL};
    KtCompositorConfig config = {64, 48, KT_COLOR_BT709, 0};
    KtComposition k = composition_of(KT_LAYOUT_GRID, 2);
    int ok = kt_frame_acquire(pool, KT_PIXEL_I420, 64, 48, &out) == KT_OK;
    ok = ok && kt_frame_acquire(pool, KT_PIXEL_RGBA, 640, 48, &in[0]) == KT_OK;
    ok = ok && kt_frame_acquire(pool, KT_PIXEL_NV12, 320, 320, &in[1]) == KT_OK;
    ok = ok && kt_compositor_create(&config, &c) == KT_OK;
    int a = ok ? kt_compositor_add_source(c, "s0") : -1;
    int b = a >= 0 ? kt_compositor_add_source(c, "s1") : -1;
    ok = b >= 0;
    for (int i = 0; i < 4 && ok; i++) {
        KtStatus status = kt_compositor_push_frame(c, i & 1 ? b : a, in[(i >> 1) ^ (i & 1)], i);
        ok = status == KT_OK;
        if (!ok && status == KT_ERR_MEMORY) /* still draws */
            assert_int_equal(kt_compositor_compose(c, i, out), KT_OK);
    }
    ok = ok && kt_compositor_set_composition(c, &k, 5) == KT_OK;
    ok = ok && kt_compositor_set_image(c, "i", rgba, 32, 32, 128) == KT_OK;
    ok = ok && kt_compositor_show_sprite(c, "p", KT_SPRITE_HOOK, "", rgba, 32, 32, 128, 5) == KT_OK;
    ok = ok && kt_compositor_compose(c, 10, out) == KT_OK;
    kt_compositor_destroy(&c);
    kt_frame_unref(&in[0]);
    kt_frame_unref(&in[1]);
    kt_frame_unref(&out);
    return ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    KtFramePool *pool = NULL;
    assert_int_equal(kt_frame_pool_create(3, &pool), KT_OK);
    assert_int_equal(use_everything(pool), 1); /* the pool's own buffers are there now */
    assert_true(kt_alloc_each(use_everything, pool) > 15);
    kt_frame_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transitions_start_and_end_exactly),
        cmocka_unit_test(a_background_comes_smoothly_during_a_drag),
        cmocka_unit_test(an_interrupted_transition_does_not_jump),
        cmocka_unit_test(sources_leave_with_the_transition),
        cmocka_unit_test(stalls_go_by_time),
        cmocka_unit_test(sizes_change_at_any_time),
        cmocka_unit_test(both_kernel_tables_draw_the_same),
        cmocka_unit_test(composing_allocates_nothing),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(bad_compositions_are_refused),
        cmocka_unit_test(far_outside_and_far_too_large),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
