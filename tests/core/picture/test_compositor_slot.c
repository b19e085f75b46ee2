/* Slots and sprites alone: what becomes of a source's newest picture, and what is drawn over all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "compositor_slot.h"
#include "compositor_sprite.h"

typedef struct Rig {
    KtFramePool *pool, *own;
    KtSlotConfig config;
    KtSlot slot;
} Rig;

static void open_rig(Rig *r)
{
    memset(r, 0, sizeof *r);
    assert_int_equal(kt_frame_pool_create(8, &r->pool), KT_OK);
    assert_int_equal(kt_frame_pool_create(8, &r->own), KT_OK);
    r->config = (KtSlotConfig){.kernels = kt__kernels(0),
                               .matrix = KT_COLOR_BT709,
                               .pool = r->own,
                               .shorter_side = 36,
                               .longer_side = 64};
    kt__color_rgb_matrix(KT_COLOR_BT709, KT_PIXEL_RGBA, &r->config.rgba_matrix);
    kt__color_rgb_matrix(KT_COLOR_BT709, KT_PIXEL_BGRA, &r->config.bgra_matrix);
    assert_int_equal(kt__slot_init(&r->slot, &r->config, "s", 1000), KT_OK);
}

static void close_rig(Rig *r)
{
    kt__slot_reset(&r->slot);
    kt_frame_pool_destroy(&r->own);
    kt_frame_pool_destroy(&r->pool);
}

static KtFrame *packed(Rig *r, int side, uint8_t level, uint8_t alpha)
{
    KtFrame *f = NULL;
    assert_int_equal(kt_frame_acquire(r->pool, KT_PIXEL_RGBA, side, side, &f), KT_OK);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            uint8_t *p = f->plane[0] + (ptrdiff_t)y * f->stride[0] + 4 * x;
            p[0] = p[1] = p[2] = level;
            p[3] = alpha;
        }
    return f;
}

static void push(Rig *r, int side, uint8_t level, uint8_t alpha, int64_t now_us)
{
    KtFrame *f = packed(r, side, level, alpha);
    assert_int_equal(kt__slot_push(&r->slot, &r->config, f, now_us), KT_OK);
    kt_frame_unref(&f);
}

static void it_says_what_is_shown(void **state)
{
    (void)state;
    Rig r;
    open_rig(&r);
    assert_int_equal(kt__slot_shown(&r.slot, 1000), KT_SHOWN_PLACEHOLDER);
    push(&r, 16, 200, 255, 5000);
    assert_int_equal(kt__slot_shown(&r.slot, 5000), KT_SHOWN_LIVE);
    assert_int_equal(kt__slot_shown(&r.slot, 5000 + KT_STALL_US), KT_SHOWN_DIMMED);
    assert_int_equal(kt__slot_shown(&r.slot, 5000 + KT__PLACEHOLDER_US), KT_SHOWN_PLACEHOLDER);
    r.slot.muted = 1;
    assert_int_equal(kt__slot_shown(&r.slot, 5000), KT_SHOWN_PLACEHOLDER);
    close_rig(&r);
}

static void pictures_are_halved_and_their_alpha_with_them(void **state)
{
    (void)state;
    Rig r;
    open_rig(&r);
    const KtScaleGeometry full = {.width = 16, .height = 16, .right = 16, .bottom = 16};
    const KtScaleGeometry small = {.width = 4, .height = 4, .right = 4, .bottom = 4};
    push(&r, 16, 255, 255, 0);
    KtSlotPicture loaded = kt__slot_load(&r.slot, &r.config, full);
    assert_null(loaded.alpha);
    assert_int_equal(loaded.picture->plane[0][0], 235);
    assert_int_equal(loaded.picture->width, 16);
    push(&r, 16, 255, 128, 0);
    loaded = kt__slot_load(&r.slot, &r.config, small);
    assert_non_null(loaded.alpha);
    assert_ptr_equal(loaded.picture, r.slot.reduced);
    assert_true(r.slot.reduced_level > 0);
    assert_int_equal(r.slot.alpha_level, r.slot.reduced_level);
    assert_in_range(loaded.picture->plane[0][0], 125, 127); /* over black */
    assert_in_range(loaded.alpha->plane[0][0], 120, 136);
    close_rig(&r);
}

static void an_unusable_frame_changes_nothing(void **state)
{
    (void)state;
    Rig r;
    open_rig(&r);
    push(&r, 16, 100, 255, 7);
    KtFrame *f = packed(&r, 16, 9, 255);
    f->stride[0] = 63;
    assert_int_equal(kt__slot_push(&r.slot, &r.config, f, 99), KT_ERR_ARG);
    assert_int_equal(kt__slot_push(&r.slot, &r.config, NULL, 99), KT_ERR_ARG);
    assert_int_equal(r.slot.seen_us, 7);
    assert_int_equal(kt__slot_shown(&r.slot, 7), KT_SHOWN_LIVE);
    f->stride[0] = 64;
    kt_frame_unref(&f);
    close_rig(&r);
}

/* Without memory for a picture's planes the slot has none, rather than one without tables. */
static void without_memory_the_placeholder_stands_in(void **state)
{
    (void)state;
    for (long n = 1, met = 1; met; n++) {
        Rig r;
        open_rig(&r);
        push(&r, 8, 100, 255, 0);
        KtFrame *f = packed(&r, 32, 50, 100);
        kt_alloc_fail_at(n);
        const KtStatus status = kt__slot_push(&r.slot, &r.config, f, 0);
        met = kt_alloc_failed();
        kt_alloc_fail_at(0);
        assert_int_equal(status, met ? KT_ERR_MEMORY : KT_OK);
        assert_int_equal(kt__slot_shown(&r.slot, 0), met ? KT_SHOWN_PLACEHOLDER : KT_SHOWN_LIVE);
        kt_frame_unref(&f);
        close_rig(&r);
    }
}

static void a_sprite_fades_and_its_place_is_taken_again(void **state)
{
    (void)state;
    static uint8_t white[4 * 4 * 4];
    KtSprites s;
    KtFramePool *pool = NULL;
    KtFrame *out = NULL;
    const KtSpriteSpec logo = {
        .id = "logo", .kind = KT_SPRITE_TOP_LEFT, .source_id = "", .pixels = {white, 4, 4, 16}};
    memset(&s, 0, sizeof s);
    memset(white, 255, sizeof white);
    assert_int_equal(kt__sprites_init(&s, 64, 36, KT_COLOR_BT709, kt__kernels(0)), KT_OK);
    assert_int_equal(kt_frame_pool_create(1, &pool), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 64, 36, &out), KT_OK);
    assert_int_equal(kt__sprites_show(&s, &logo, 0), KT_OK);
    assert_true(kt__sprites_differ(&s, 0, 100000));
    assert_false(kt__sprites_differ(&s, 300000, 900000));
    static const int64_t at_us[] = {0, KT__SPRITE_FADE_US / 2, KT__SPRITE_FADE_US};
    static const int luma[] = {16, 125, 235};
    for (int i = 0; i < 3; i++) {
        kt_frame_fill_black(out);
        kt__sprites_draw_corners(&s, at_us[i], out);
        assert_in_range(out->plane[0][3 * out->stride[0] + 3], luma[i] - 2, luma[i] + 2);
    }
    assert_int_equal(kt__sprites_hide(&s, "logo", 500000), KT_OK);
    assert_int_equal(kt__sprites_hide(&s, "logo", 500000), KT_ERR_NOT_FOUND);
    char id[] = "a0";
    KtSpriteSpec other = logo;
    other.id = id;
    int shown = 0;
    for (; kt__sprites_show(&s, &other, 900000) == KT_OK; shown++) {
        id[0] = (char)('a' + (shown + 1) % 26);
        id[1] = (char)('0' + (shown + 1) / 26);
    }
    assert_int_equal(shown, KT_MAX_SPRITES); /* the logo, which has faded, made room */
    kt_frame_unref(&out);
    kt_frame_pool_destroy(&pool);
    kt__sprites_reset(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_is_shown),
        cmocka_unit_test(pictures_are_halved_and_their_alpha_with_them),
        cmocka_unit_test(an_unusable_frame_changes_nothing),
        cmocka_unit_test(without_memory_the_placeholder_stands_in),
        cmocka_unit_test(a_sprite_fades_and_its_place_is_taken_again),
    };
    return cmocka_run_group_tests_name("compositor_slot", tests, NULL, NULL);
}
