/* Which pictures count as all new, and which as drawn, on the scenes of picture_scene.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "picture_change.h"
#include "picture_scene.h"

#define WIDTH 640
#define HEIGHT 360

/* How many pictures of the scene are new; *at: the last of them, *drawn: how many were drawn. */
static int count_new(const char *name, int frames, int *at, int *drawn)
{
    uint8_t *p = malloc((size_t)WIDTH * HEIGHT * 3 / 2);
    PictureScene *scene = picture_scene_create(name, WIDTH, HEIGHT);
    KtPictureWatch w;
    int count = 0;
    *at = -1;
    *drawn = 0;
    assert_true(p && scene);
    assert_int_equal(kt__picture_watch_init(&w, WIDTH, HEIGHT), KT_OK);
    for (int n = 0; n < frames; n++) {
        picture_scene_draw(scene, n, p);
        if (!kt__picture_watch(&w, p, WIDTH))
            continue;
        count++;
        *at = n;
        *drawn += kt__picture_watch_is_drawn(&w);
    }
    kt__picture_watch_reset(&w);
    picture_scene_destroy(&scene);
    free(p);
    return count;
}

static void test_slides_are_new_and_drawn(void **state)
{
    static const char *const scenes[] = {"slides", "still"};
    int at, drawn;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count_new(scenes[i], 200, &at, &drawn), 2);
        assert_int_equal(at, 180);
        assert_int_equal(drawn, 2);
    }
}

static void test_photographs_and_cuts_are_new_and_filmed(void **state)
{
    int at, drawn;
    (void)state;
    assert_int_equal(count_new("photos", 200, &at, &drawn), 2);
    assert_int_equal(at, 180);
    assert_int_equal(drawn, 0);
    assert_int_equal(count_new("wake", 140, &at, &drawn), 1);
    assert_int_equal(at, 90);
    assert_int_equal(drawn, 0);
}

static void test_what_moves_is_not_new(void **state)
{
    static const char *const scenes[] = {"noise", "talk", "gradient"};
    int at, drawn;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(count_new(scenes[i], 60, &at, &drawn), 0);
    /* The start of a scroll at the most. */
    assert_true(count_new("scroll", 180, &at, &drawn) <= 3);
}

static void fill(uint8_t *luma, int level)
{
    for (int y = 0; y < HEIGHT; y++)
        memset(luma + y * WIDTH, y / 8 % 2 ? level : 40, WIDTH);
}

/* A fade is new once, at its start; a flicker is not new for ever. */
static void test_fades_and_flicker(void **state)
{
    uint8_t *p = malloc((size_t)WIDTH * HEIGHT);
    KtPictureWatch w;
    int fade = 0, flicker = 0;
    (void)state;
    assert_non_null(p);
    assert_int_equal(kt__picture_watch_init(&w, WIDTH, HEIGHT), KT_OK);
    for (int n = 0; n < 60; n++) {
        fill(p, n < 30 ? 50 : n < 38 ? 50 + (n - 29) * 20 : 210);
        fade += kt__picture_watch(&w, p, WIDTH);
    }
    assert_int_equal(fade, 1);
    for (int n = 0; n < 120; n++) {
        fill(p, n % 2 ? 60 : 210);
        flicker += kt__picture_watch(&w, p, WIDTH);
    }
    assert_true(flicker <= 2);
    kt__picture_watch_reset(&w);
    kt__picture_watch_reset(&w);
    free(p);
}

/* Sizes that no run of pixels fits, in a buffer that ends with the last pixel. */
static void test_small_and_odd_sizes(void **state)
{
    static const int sizes[][2] = {{2, 2}, {18, 6}, {34, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int width = sizes[i][0], height = sizes[i][1];
        uint8_t *p = malloc((size_t)width * (size_t)height);
        KtPictureWatch w;
        assert_non_null(p);
        assert_int_equal(kt__picture_watch_init(&w, width, height), KT_OK);
        for (int n = 0; n < 20; n++) {
            memset(p, n < 12 ? 20 : 200, (size_t)width * (size_t)height);
            assert_int_equal(kt__picture_watch(&w, p, width), n == 12);
        }
        assert_true(kt__picture_watch_is_drawn(&w) || width == 2);
        kt__picture_watch_reset(&w);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slides_are_new_and_drawn),
        cmocka_unit_test(test_photographs_and_cuts_are_new_and_filmed),
        cmocka_unit_test(test_what_moves_is_not_new),
        cmocka_unit_test(test_fades_and_flicker),
        cmocka_unit_test(test_small_and_odd_sizes),
    };
    return cmocka_run_group_tests_name("picture_change", tests, NULL, NULL);
}
