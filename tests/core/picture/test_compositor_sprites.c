/* Names, hooks and corner pictures: where they stand, what lies above what, how they come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compositor_stage.h"

/* Rows from..to of the column x that have the colour of the sprites. */
static void assert_rows(Stage *s, int x, int from, int to)
{
    Yuv back = yuv_of(BACKGROUND), want = yuv_of(0xff0000);
    for (int y = 0; y < 200; y++)
        assert_color(s, x, y, y >= from && y < to ? want : back, 1);
}

static void hooks_leave_the_names_free(void **state)
{
    (void)state;
    static uint8_t red[40 * 90 * 4];
    for (int i = 0; i < 40 * 90; i++)
        memcpy(red + 4 * i, (uint8_t[]){255, 0, 0, 255}, 4);
    Stage s = stage_open(400, 200, KT_LAYOUT_SIDE_BY_SIDE, 1, 0);
    push(&s, 0, flat_rgb(&s, KT_PIXEL_RGBA, 4, 4, BACKGROUND), 0);
    show(&s, 0);
    /* A low one stands in the middle of the lower third, a tall one on the lower edge. */
    const struct {
        int height, from;
    } plain[] = {{20, 156}, {90, 106}}, named[] = {{20, 152}, {90, 82}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kt_compositor_show_sprite(s.c, "hook", KT_SPRITE_HOOK, "", red, 40,
                                                   plain[i].height, 160, 250000 * i),
                         KT_OK);
        compose(&s, 250000 * i + 200000);
        assert_rows(&s, 200, plain[i].from, plain[i].from + plain[i].height);
    }
    assert_int_equal(
        kt_compositor_show_sprite(s.c, "name", KT_SPRITE_NAME, "s0", red, 40, 20, 160, 500000),
        KT_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kt_compositor_show_sprite(s.c, "hook", KT_SPRITE_HOOK, "", red, 40,
                                                   named[i].height, 160, 500000 + 250000 * i),
                         KT_OK);
        compose(&s, 700000 + 250000 * i);
        assert_rows(&s, 200, named[i].from, named[i].from + named[i].height);
    }
    stage_close(&s);
}

static void corner_pictures_lie_above_everything(void **state)
{
    (void)state;
    static uint8_t red[40 * 20 * 4], blue[400 * 200 * 4];
    for (int i = 0; i < 40 * 20; i++)
        memcpy(red + 4 * i, (uint8_t[]){255, 0, 0, 255}, 4);
    for (int i = 0; i < 400 * 200; i++)
        memcpy(blue + 4 * i, (uint8_t[]){0, 0, 255, 255}, 4);
    Yuv want = yuv_of(0xff0000), below = yuv_of(0x0000ff);
    Stage s = stage_open(400, 200, KT_LAYOUT_GRID, 1, 0);
    push(&s, 0, flat_rgb(&s, KT_PIXEL_RGBA, 4, 4, BACKGROUND), 0);
    show(&s, 0);
    const struct {
        KtSpriteKind kind;
        int x, y;
    } corners[] = {{KT_SPRITE_TOP_LEFT, 20, 15},
                   {KT_SPRITE_TOP_RIGHT, 380, 15},
                   {KT_SPRITE_BOTTOM_LEFT, 20, 185},
                   {KT_SPRITE_BOTTOM_RIGHT, 380, 185}};
    /* Shown before the hook, and still above it. */
    for (int i = 0; i < 4; i++) {
        int64_t now = 250000 * i;
        assert_int_equal(
            kt_compositor_show_sprite(s.c, "logo", corners[i].kind, "", red, 40, 20, 160, now),
            KT_OK);
        assert_int_equal(
            kt_compositor_show_sprite(s.c, "hook", KT_SPRITE_HOOK, "", blue, 400, 200, 1600, now),
            KT_OK);
        compose(&s, now + 200000);
        for (int k = 0; k < 4; k++)
            assert_color(&s, corners[k].x, corners[k].y, k == i ? want : below, 1);
        assert_color(&s, corners[i].x < 200 ? 1 : 398, corners[i].y, below, 1);
    }
    assert_int_equal(kt_compositor_hide_sprite(s.c, "logo", 1000000), KT_OK);
    compose(&s, 1200000);
    assert_color(&s, 380, 185, below, 1);
    stage_close(&s);
}

static void sprites_fade_and_follow(void **state)
{
    (void)state;
    static uint8_t red[40 * 20 * 4];
    Yuv back = yuv_of(BACKGROUND), want = yuv_of(0xff0000);
    for (int i = 0; i < 40 * 20; i++)
        memcpy(red + 4 * i, (uint8_t[]){255, 0, 0, 255}, 4);
    Stage s = stage_open(400, 200, KT_LAYOUT_SIDE_BY_SIDE, 2, 0);
    for (int i = 0; i < 2; i++)
        push(&s, i, flat_rgb(&s, KT_PIXEL_RGBA, 4, 4, BACKGROUND), 0);
    show(&s, 0);
    assert_int_equal(
        kt_compositor_show_sprite(s.c, "name", KT_SPRITE_NAME, "s1", red, 40, 20, 160, 0), KT_OK);
    assert_int_equal(
        kt_compositor_show_sprite(s.c, "hook", KT_SPRITE_HOOK, "", red, 39, 19, 160, 0), KT_OK);
    compose(&s, 0);
    assert_color(&s, 210, 186, back, 1);
    compose(&s, 100000);
    Yuv half = at(&s, 210, 186);
    assert_in_range(half.y, (back.y + want.y) / 2 - 2, (back.y + want.y) / 2 + 2);
    assert_true(kt_compositor_is_dirty(s.c, 110000));
    compose(&s, 200000);
    assert_color(&s, 210, 186, want, 1); /* bottom left of s1 */
    assert_color(&s, 10, 186, back, 1);  /* not of s0 */
    assert_color(&s, 200, 166, want, 1); /* lower third of the canvas, in the middle */
    assert_color(&s, 200, 150, back, 1);
    assert_in_range(at(&s, 219, 166).y, back.y - 1, back.y + 1); /* padding is invisible */
    assert_false(kt_compositor_is_dirty(s.c, 900000));
    assert_int_equal(kt_compositor_hide_sprite(s.c, "hook", 300000), KT_OK);
    assert_int_equal(kt_compositor_hide_sprite(s.c, "hook", 300000), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_compositor_hide_sprite(s.c, "none", 300000), KT_ERR_NOT_FOUND);
    compose(&s, 500000);
    assert_color(&s, 200, 166, back, 1);
    assert_int_equal(kt_compositor_remove_source(s.c, s.handle[1], 500000), KT_OK);
    compose(&s, 600000);
    assert_color(&s, 210, 186, back, 1);

    for (int i = 0; i < KT_MAX_SPRITES - 1; i++) { /* "hook" has faded out: its place is free */
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        assert_int_equal(
            kt_compositor_show_sprite(s.c, id, KT_SPRITE_NAME, "s0", red, 2, 2, 8, 600000), KT_OK);
    }
    assert_int_equal(kt_compositor_show_sprite(s.c, "more", KT_SPRITE_NAME, "", red, 2, 2, 8, 0),
                     KT_ERR_LIMIT);
    assert_int_equal(
        kt_compositor_show_sprite(s.c, "n0", KT_SPRITE_NAME, "", red, 2049, 1, 9999, 0),
        KT_ERR_ARG);
    assert_int_equal(kt_compositor_show_sprite(s.c, "n0", (KtSpriteKind)6, "", red, 2, 2, 8, 0),
                     KT_ERR_ARG);
    assert_int_equal(kt_compositor_show_sprite(s.c, "n0", KT_SPRITE_NAME, NULL, red, 2, 2, 8, 0),
                     KT_ERR_ARG);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sprites_fade_and_follow),
        cmocka_unit_test(hooks_leave_the_names_free),
        cmocka_unit_test(corner_pictures_lie_above_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
