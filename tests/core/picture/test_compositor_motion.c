/* Motion alone: it knows sources by the numbers of their slots, which the test makes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compositor_motion.h"

/* "s<n>" has slot present[n]; -1: it is not there. */
static int slot_of(const void *context, const char *id)
{
    const int *present = context;
    return id[0] == 's' ? present[atoi(id + 1)] : -1;
}

static KtComposition composition_of(KtLayoutKind layout, int count)
{
    KtComposition k;
    memset(&k, 0, sizeof k);
    k.layout = layout;
    k.source_count = count;
    for (int i = 0; i < count; i++) {
        snprintf(k.sources[i].id, KT_ID_BYTES, "s%d", i);
        k.sources[i].opacity = 1;
    }
    return k;
}

static void aim(KtMotion *m, const KtComposition *k, const int *present, int64_t duration_us,
                int64_t now_us)
{
    const KtAim a = {.composition = k,
                     .aspect = 16.0 / 9,
                     .duration_us = duration_us,
                     .slot_of = slot_of,
                     .context = present};
    kt__motion_aim(m, &a, now_us);
}

static const KtPlacement *of_slot(const KtPlacement *list, int count, int slot)
{
    for (int i = 0; i < count; i++)
        if (list[i].slot == slot)
            return &list[i];
    return NULL;
}

static void absent_sources_leave_no_hole(void **state)
{
    (void)state;
    KtMotion m;
    KtPlacement all[KT__SLOTS], some[KT__SLOTS];
    const KtComposition two = composition_of(KT_LAYOUT_GRID, 2);
    const KtComposition three = composition_of(KT_LAYOUT_GRID, 3);
    static const int both[2] = {7, 4}, without[3] = {7, -1, 4};
    memset(&m, 0, sizeof m);
    assert_int_equal(kt__motion_placements(&m, 0, all), 0);
    aim(&m, &two, both, 0, 0);
    assert_int_equal(kt__motion_placements(&m, 0, all), 2);
    aim(&m, &three, without, 0, 0);
    assert_int_equal(kt__motion_placements(&m, 0, some), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(some[i].slot, all[i].slot);
        assert_int_equal(some[i].source, i == 0 ? 0 : 2);
        assert_memory_equal(&some[i].look.rect, &all[i].look.rect, sizeof(KtRect));
    }
}

static void sources_come_fading_and_leave_where_they_stand(void **state)
{
    (void)state;
    KtMotion m;
    KtPlacement list[KT__SLOTS];
    KtComposition k = composition_of(KT_LAYOUT_GRID, 2);
    static const int first[2] = {3, -1}, second[2] = {-1, 5};
    memset(&m, 0, sizeof m);
    aim(&m, &k, first, 0, 0);
    kt__motion_placements(&m, 0, list);
    const KtRect stood = list[0].look.rect;
    aim(&m, &k, second, 1000000, 1000000);
    assert_true(kt__motion_runs(&m, 1999999));
    assert_false(kt__motion_runs(&m, 2000000));
    const int count = kt__motion_placements(&m, 1500000, list);
    assert_int_equal(count, 2);
    const KtPlacement *leaves = of_slot(list, count, 3), *comes = of_slot(list, count, 5);
    assert_non_null(leaves);
    assert_non_null(comes);
    assert_int_equal(leaves->source, -1);
    assert_memory_equal(&leaves->look.rect, &stood, sizeof stood);
    assert_true(fabs(leaves->look.opacity - 0.5) < 1e-9 && fabs(comes->look.opacity - 0.5) < 1e-9);
    assert_int_equal(kt__motion_settle(&m, 1500000), 0);
    assert_int_equal(kt__motion_placements(&m, 1500000, list), 2);
    assert_int_equal(kt__motion_settle(&m, 2000000), 1);
    assert_int_equal(kt__motion_placements(&m, 1500000, list), 1);
}

/* However often it is aimed anew, nothing jumps. */
static void what_is_aimed_anew_goes_on_from_where_it_is(void **state)
{
    (void)state;
    KtMotion m;
    KtPlacement before[KT__SLOTS], after[KT__SLOTS];
    static const int present[4] = {0, 1, 2, 3};
    unsigned seed = 7;
    memset(&m, 0, sizeof m);
    for (int64_t now = 0; now < 3000000; now += 70000) {
        const KtComposition k = composition_of((KtLayoutKind)((seed >> 8) % 5), 4);
        const int count = kt__motion_placements(&m, now, before);
        aim(&m, &k, present, now == 0 ? 0 : 200000, now);
        const int still = kt__motion_placements(&m, now, after);
        for (int i = 0; i < count; i++) {
            const KtPlacement *p = of_slot(after, still, before[i].slot);
            assert_non_null(p);
            assert_true(fabs(p->look.rect.x - before[i].look.rect.x) < 1e-12);
            assert_true(fabs(p->look.rect.width - before[i].look.rect.width) < 1e-12);
            assert_true(fabs(p->look.opacity - before[i].look.opacity) < 1e-12);
        }
        seed = seed * 1664525u + 1013904223u;
    }
}

static void a_dropped_slot_is_gone_at_once(void **state)
{
    (void)state;
    KtMotion m;
    KtPlacement list[KT__SLOTS];
    const KtComposition k = composition_of(KT_LAYOUT_GRID, 3),
                        one = composition_of(KT_LAYOUT_GRID, 1);
    static const int present[3] = {8, 9, 10};
    memset(&m, 0, sizeof m);
    aim(&m, &k, present, 0, 0);
    aim(&m, &one, present, 1000000, 0);
    assert_int_equal(kt__motion_placements(&m, 500000, list), 3);
    kt__motion_drop(&m, 9);
    kt__motion_drop(&m, 8);
    const int count = kt__motion_placements(&m, 500000, list);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].slot, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_sources_leave_no_hole),
        cmocka_unit_test(sources_come_fading_and_leave_where_they_stand),
        cmocka_unit_test(what_is_aimed_anew_goes_on_from_where_it_is),
        cmocka_unit_test(a_dropped_slot_is_gone_at_once),
    };
    return cmocka_run_group_tests_name("compositor_motion", tests, NULL, NULL);
}
