/* Backdrops alone: what is painted when, what stands between two of them, images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "compositor_backdrop.h"

#define WIDTH 64
#define HEIGHT 32

static KtBackdrops open_backdrops(void)
{
    KtBackdrops b;
    memset(&b, 0, sizeof b);
    assert_int_equal(kt__backdrops_init(&b, WIDTH, HEIGHT, KT_COLOR_BT709, kt__kernels(0)), KT_OK);
    return b;
}

static KtBackground color(uint32_t rgb)
{
    KtBackground spec;
    memset(&spec, 0, sizeof spec);
    spec.kind = KT_BACKGROUND_COLOR;
    spec.color = rgb;
    return spec;
}

static KtBackground gradient(uint32_t from, uint32_t to)
{
    KtBackground spec = color(from);
    spec.kind = KT_BACKGROUND_GRADIENT;
    spec.color_to = to;
    return spec;
}

static KtBackground image(const char *id)
{
    KtBackground spec = color(0xffffff);
    spec.kind = KT_BACKGROUND_IMAGE;
    memcpy(spec.image, id, strlen(id) + 1);
    return spec;
}

static int luma(KtBackdrops *b, int weight, int x, int y)
{
    uint8_t row[WIDTH + 64];
    memset(row, 3, sizeof row);
    kt__backdrops_span(b, 0, y, x, x + 1, weight, row);
    if (x > 0)
        assert_int_equal(row[x - 1], 3);
    assert_int_equal(row[x + 1], 3);
    return row[x];
}

static void a_color_becomes_another(void **state)
{
    (void)state;
    KtBackdrops b = open_backdrops();
    const KtBackground black = color(0), white = color(0xffffff);
    kt__backdrops_aim(&b, &black, 1, 0);
    assert_int_equal(luma(&b, 256, 10, 5), 16);
    kt__backdrops_aim(&b, &white, 1, 1);
    assert_int_equal(luma(&b, 0, 10, 5), 16);
    assert_in_range(luma(&b, 128, 10, 5), 125, 126);
    assert_int_equal(luma(&b, 256, 10, 5), 235);
    /* Half-way back again: from what was visible. */
    kt__backdrops_aim(&b, &black, 0.5, 1);
    assert_in_range(luma(&b, 0, 10, 5), 125, 126);
    assert_int_equal(luma(&b, 256, 10, 5), 16);
    kt__backdrops_reset(&b);
}

/* Painting a gradient costs as much as all else of a picture. A pixel of it that is changed by hand
 * stays for as long as it is not painted again. */
static void an_aim_at_the_same_gradient_does_not_repaint_it(void **state)
{
    (void)state;
    KtBackdrops b = open_backdrops();
    const KtBackground spec = gradient(0x102030, 0xffffff), other = gradient(0, 0x101010);
    kt__backdrops_aim(&b, &spec, 1, 0);
    kt__backdrops_aim(&b, &spec, 1, 1);
    b.to.planes[0] = b.from.planes[0] = 77;
    for (int i = 1; i < 10; i++) {
        kt__backdrops_aim(&b, &spec, i * 0.1, 1);
        assert_int_equal(luma(&b, i * 25, 0, 0), 77);
        assert_int_equal(b.to.planes[0], 77);
    }
    kt__backdrops_aim(&b, &other, 1, 1);
    assert_int_equal(luma(&b, 0, 0, 0), 77);
    assert_int_not_equal(luma(&b, 256, 0, 0), 77);
    kt__backdrops_reset(&b);
}

static void gradients_run_along_their_angle(void **state)
{
    (void)state;
    KtBackdrops b = open_backdrops();
    KtBackground spec = gradient(0, 0xffffff);
    for (int angle = 0; angle < 360; angle += 90) {
        spec.angle_degrees = angle;
        kt__backdrops_aim(&b, &spec, 1, 0);
        /* 0: to the right, 90: down. */
        const int x = luma(&b, 256, WIDTH - 2, HEIGHT / 2) - luma(&b, 256, 1, HEIGHT / 2);
        const int y = luma(&b, 256, WIDTH / 2, HEIGHT - 2) - luma(&b, 256, WIDTH / 2, 1);
        assert_true(angle == 0 ? x > 180 : angle == 180 ? x < -180 : abs(x) < 20);
        assert_true(angle == 90 ? y > 180 : angle == 270 ? y < -180 : abs(y) < 20);
    }
    kt__backdrops_reset(&b);
}

static void images_have_eight_places(void **state)
{
    (void)state;
    KtBackdrops b = open_backdrops();
    const uint8_t dark[4] = {0, 0, 0, 255}, half[4] = {255, 255, 255, 128};
    const KtPixels pixels = {dark, 1, 1, 4}, translucent = {half, 1, 1, 4};
    const KtBackground spec = image("b");
    char id[] = "a";
    kt__backdrops_aim(&b, &spec, 1, 0);
    assert_int_equal(luma(&b, 256, 3, 3), 235); /* its colour, while there is no image */
    for (; id[0] < 'a' + KT__MAX_IMAGES; id[0]++)
        assert_int_equal(kt__backdrops_set_image(&b, id, &pixels), KT_OK);
    assert_int_equal(kt__backdrops_set_image(&b, id, &pixels), KT_ERR_LIMIT);
    assert_int_equal(luma(&b, 256, 3, 3), 16);
    assert_int_equal(kt__backdrops_set_image(&b, "b", &translucent), KT_OK); /* over black */
    assert_in_range(luma(&b, 256, WIDTH - 2, HEIGHT - 1), 125, 127);
    assert_int_equal(kt__backdrops_remove_image(&b, "b"), KT_OK);
    assert_int_equal(kt__backdrops_remove_image(&b, "b"), KT_ERR_NOT_FOUND);
    assert_int_equal(luma(&b, 256, 3, 3), 235);
    assert_int_equal(kt__backdrops_set_image(&b, id, &pixels), KT_OK);
    kt__backdrops_reset(&b);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    const uint8_t dark[4 * 4] = {0};
    const KtPixels pixels = {dark, 2, 2, 8};
    for (long n = 1, met = 1; met; n++) {
        const long live = kt_alloc_live();
        KtBackdrops b;
        memset(&b, 0, sizeof b);
        kt_alloc_fail_at(n);
        KtStatus status = kt__backdrops_init(&b, WIDTH, HEIGHT, KT_COLOR_BT601, kt__kernels(1));
        if (status == KT_OK)
            status = kt__backdrops_set_image(&b, "x", &pixels);
        met = kt_alloc_failed();
        kt_alloc_fail_at(0);
        assert_int_equal(status, met ? KT_ERR_MEMORY : KT_OK);
        kt__backdrops_reset(&b);
        assert_int_equal(kt_alloc_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_color_becomes_another),
        cmocka_unit_test(an_aim_at_the_same_gradient_does_not_repaint_it),
        cmocka_unit_test(gradients_run_along_their_angle),
        cmocka_unit_test(images_have_eight_places),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests_name("compositor_backdrop", tests, NULL, NULL);
}
