/* Layouts: every count of sources on every canvas stays inside it, without overlap where tiles
 * stand side by side, and in the right order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/composition.h"

static const double aspects[] = {16.0 / 9, 4.0 / 3, 1, 3.0 / 4, 9.0 / 16, 4, 0.25};
#define ASPECTS (sizeof aspects / sizeof aspects[0])

static KtComposition make(KtLayoutKind layout, int count)
{
    KtComposition k;
    memset(&k, 0, sizeof k);
    k.layout = layout;
    k.gap = 0.02;
    k.source_count = count;
    for (int i = 0; i < count; i++) {
        snprintf(k.sources[i].id, KT_ID_BYTES, "s%d", i);
        k.sources[i].opacity = 1;
    }
    return k;
}

static void check_inside(const KtPlacedSource *placed, int count)
{
    for (int i = 0; i < count; i++) {
        const KtRect *r = &placed[i].rect;
        assert_true(r->x >= -1e-9 && r->y >= -1e-9);
        assert_true(r->width > 0.01 && r->height > 0.01);
        assert_true(r->x + r->width <= 1 + 1e-9 && r->y + r->height <= 1 + 1e-9);
    }
}

static int overlap(const KtRect *a, const KtRect *b)
{
    double e = 1e-9;
    return a->x + a->width > b->x + e && b->x + b->width > a->x + e &&
           a->y + a->height > b->y + e && b->y + b->height > a->y + e;
}

static void tiles_are_inside_and_apart(void **state)
{
    (void)state;
    static const KtLayoutKind layouts[] = {KT_LAYOUT_GRID, KT_LAYOUT_SIDE_BY_SIDE,
                                           KT_LAYOUT_SPOTLIGHT, KT_LAYOUT_PICTURE_IN_PICTURE};
    static const double gaps[] = {0, 0.02, 0.2};
    for (int l = 0; l < 4; l++) {
        for (size_t a = 0; a < ASPECTS * 3; a++) {
            for (int count = 1; count <= KT_MAX_SOURCES; count++) {
                KtPlacedSource placed[KT_MAX_SOURCES];
                KtComposition k = make(layouts[l], count);
                k.gap = gaps[a % 3];
                assert_int_equal(kt_layout_resolve(&k, aspects[a / 3], placed), count);
                check_inside(placed, count);
                int first = layouts[l] == KT_LAYOUT_PICTURE_IN_PICTURE ? 1 : 0;
                for (int i = first; i < count; i++) {
                    for (int j = i + 1; j < count; j++)
                        assert_false(overlap(&placed[i].rect, &placed[j].rect));
                }
            }
        }
    }
}

static int columns_of(int count, double aspect)
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    KtComposition k = make(KT_LAYOUT_GRID, count);
    int columns = 0, n = kt_layout_resolve(&k, aspect, placed);
    for (int i = 0; i < n; i++)
        columns += fabs(placed[i].rect.y - placed[0].rect.y) < 1e-9;
    return columns;
}

static void grids_have_sensible_shapes(void **state)
{
    (void)state;
    static const int landscape[] = {1, 2, 2, 2, 3, 3, 4, 4, 3, 4, 4, 4, 5, 5, 5, 4};
    for (int count = 1; count <= 16; count++)
        assert_int_equal(columns_of(count, 16.0 / 9), landscape[count - 1]);
    assert_int_equal(columns_of(2, 9.0 / 16), 1);
    assert_int_equal(columns_of(3, 9.0 / 16), 1);
    assert_int_equal(columns_of(6, 9.0 / 16), 2);
}

static void a_short_last_row_is_centred(void **state)
{
    (void)state;
    KtPlacedSource placed[KT_MAX_SOURCES];
    KtComposition k = make(KT_LAYOUT_GRID, 3);
    assert_int_equal(kt_layout_resolve(&k, 16.0 / 9, placed), 3);
    assert_true(fabs(placed[2].rect.x + placed[2].rect.width / 2 - 0.5) < 1e-9);
    assert_true(fabs(placed[2].rect.width - placed[0].rect.width) < 1e-9);
    assert_true(fabs(placed[0].rect.y - 0.02) < 1e-9);
    assert_true(fabs(placed[0].rect.x * 16 / 9 - 0.02) < 1e-9);
}

static void the_focus_stands_first(void **state)
{
    (void)state;
    KtPlacedSource placed[KT_MAX_SOURCES];
    KtComposition k = make(KT_LAYOUT_PICTURE_IN_PICTURE, 3);
    strcpy(k.focus, "s2");
    k.sources[2].z = 1000; /* still the lowest: it fills the canvas */
    assert_int_equal(kt_layout_resolve(&k, 16.0 / 9, placed), 3);
    assert_int_equal(placed[0].source, 2);
    assert_true(placed[0].rect.x == 0 && placed[0].rect.y == 0);
    assert_true(fabs(placed[0].rect.width - 1) < 1e-9 && placed[0].rect.height == 1);

    k.layout = KT_LAYOUT_SCREEN_ONLY;
    assert_int_equal(kt_layout_resolve(&k, 16.0 / 9, placed), 1);
    assert_int_equal(placed[0].source, 2);
    strcpy(k.focus, "nobody");
    assert_int_equal(kt_layout_resolve(&k, 16.0 / 9, placed), 1);
    assert_int_equal(placed[0].source, 0);

    k.layout = KT_LAYOUT_SPOTLIGHT;
    strcpy(k.focus, "s1");
    assert_int_equal(kt_layout_resolve(&k, 16.0 / 9, placed), 3);
    for (int i = 0; i < 3; i++)
        assert_true((placed[i].rect.width > 0.6) == (placed[i].source == 1));
}

static void side_by_side_is_no_grid(void **state)
{
    (void)state;
    for (int count = 1; count <= 8; count++) {
        KtPlacedSource placed[KT_MAX_SOURCES];
        KtComposition k = make(KT_LAYOUT_SIDE_BY_SIDE, count);
        int rows = 1;
        assert_int_equal(kt_layout_resolve(&k, 16.0 / 9, placed), count);
        for (int i = 1; i < count; i++)
            rows += placed[i].rect.y > placed[i - 1].rect.y + 1e-9;
        assert_true(count <= 6 ? rows == 1 : rows > 1);
    }
}

/* People in a picture in picture stand as they are listed: left to right, then the next row, the
 * last one in the corner. */
static void insets_are_read_like_text(void **state)
{
    (void)state;
    for (int count = 2; count <= 10; count++) {
        KtPlacedSource placed[KT_MAX_SOURCES];
        KtComposition k = make(KT_LAYOUT_PICTURE_IN_PICTURE, count);
        assert_int_equal(kt_layout_resolve(&k, 16.0 / 9, placed), count);
        for (int i = 2; i < count; i++) {
            const KtRect *before = &placed[i - 1].rect, *rect = &placed[i].rect;
            int beside = fabs(rect->y - before->y) < 1e-9 && rect->x > before->x;
            assert_true(beside || rect->y > before->y + 1e-9);
        }
        const KtRect *last = &placed[count - 1].rect;
        assert_true(fabs(1 - last->x - last->width - 0.02 * 9 / 16) < 1e-6);
        assert_true(fabs(1 - last->y - last->height - 0.02) < 1e-6);
    }
}

static void free_placement_sorts_by_z(void **state)
{
    (void)state;
    KtPlacedSource placed[KT_MAX_SOURCES];
    KtComposition k = make(KT_LAYOUT_FREE, 5);
    static const int z[] = {3, -1, 3, 0, -1};
    for (int i = 0; i < 5; i++) {
        k.sources[i].has_placement = i != 3;
        k.sources[i].placement = (KtRect){0.1 * i, 0.5, 0.2, 0.3};
        k.sources[i].z = z[i];
    }
    assert_int_equal(kt_layout_resolve(&k, 1, placed), 4);
    static const int order[] = {1, 4, 0, 2};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(placed[i].source, order[i]);
        assert_true(placed[i].rect.x == k.sources[order[i]].placement.x);
        assert_true(placed[i].rect.height == 0.3);
    }
}

static void nothing_to_place(void **state)
{
    (void)state;
    KtPlacedSource placed[KT_MAX_SOURCES];
    for (int layout = KT_LAYOUT_GRID; layout <= KT_LAYOUT_FREE; layout++) {
        KtComposition k = make((KtLayoutKind)layout, 0);
        assert_int_equal(kt_layout_resolve(&k, 1.5, placed), 0);
        k.source_count = -3;
        assert_int_equal(kt_layout_resolve(&k, 1.5, placed), 0);
    }
    KtComposition k = make(KT_LAYOUT_GRID, 2);
    assert_int_equal(kt_layout_resolve(&k, 0, placed), 0);
    assert_int_equal(kt_layout_resolve(&k, -1, placed), 0);
    assert_int_equal(kt_layout_resolve(&k, (double)NAN, placed), 0);
    assert_int_equal(kt_layout_resolve(&k, (double)INFINITY, placed), 0);
    assert_int_equal(kt_layout_resolve(NULL, 1, placed), 0);
    assert_int_equal(kt_layout_resolve(&k, 1, NULL), 0);
    k.layout = (KtLayoutKind)77;
    assert_int_equal(kt_layout_resolve(&k, 1, placed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_inside_and_apart),  cmocka_unit_test(grids_have_sensible_shapes),
        cmocka_unit_test(a_short_last_row_is_centred), cmocka_unit_test(the_focus_stands_first),
        cmocka_unit_test(side_by_side_is_no_grid),     cmocka_unit_test(insets_are_read_like_text),
        cmocka_unit_test(free_placement_sorts_by_z),   cmocka_unit_test(nothing_to_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
