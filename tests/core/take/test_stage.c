/* The stage by itself: no take, no clock, only what changes on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "alloc_fail.h"
#include "stage.h"

#define SECOND INT64_C(1000000)

static const KtCompositorConfig canvas = {64, 36, KT_COLOR_BT709, 0};

static void open_stage(KtStage *s)
{
    const KtCost cost = {0};
    memset(s, 0, sizeof *s);
    assert_int_equal(kt__stage_init(s, &canvas, cost), KT_OK);
}

static void compose(KtStage *s, const char *json)
{
    char error[200];
    assert_int_equal(kt__stage_set_composition(s, json, strlen(json), SECOND, error, sizeof error),
                     KT_OK);
}

static KtStatus push(KtStage *s, int handle, uint8_t luma, int64_t at_us, int waits)
{
    KtFrame *frame = NULL;
    assert_int_equal(kt_frame_acquire(s->source_pool, KT_PIXEL_I420, 32, 18, &frame), KT_OK);
    kt_frame_fill_black(frame);
    memset(frame->plane[0], luma, (size_t)frame->stride[0] * 18);
    const KtStatus status = kt__stage_push_frame(s, handle, frame, at_us, waits);
    kt_frame_unref(&frame);
    return status;
}

static int middle(const KtStage *s)
{
    return s->canvas->plane[0][18 * s->canvas->stride[0] + 32];
}

/* Pictures that wait are shown when their moment has come, and given back with their source. */
static void test_pictures_that_wait(void **state)
{
    KtStage s;
    (void)state;
    open_stage(&s);
    assert_int_equal(kt__stage_add_source(&s, "ann", NULL, 1, 0), 0);
    assert_int_equal(kt__stage_add_source(&s, "ann", NULL, 1, 0), KT_ERR_ARG);
    compose(&s, "{\"layout\":\"screen-only\",\"focus\":\"ann\",\"gap\":0,\"transition\":0,"
                "\"sources\":[{\"id\":\"ann\"}]}");
    assert_int_equal(push(&s, 0, 50, 2 * SECOND, 1), KT_OK);
    assert_int_equal(push(&s, 0, 150, 3 * SECOND, 1), KT_OK);
    kt__stage_show_until(&s, 2 * SECOND + 1);
    assert_int_equal(kt__stage_compose(&s, 2 * SECOND + 1), 1);
    assert_in_range(middle(&s), 48, 52);
    assert_int_equal(kt__stage_compose(&s, 2 * SECOND + 2), 0); /* nothing moved */
    kt__stage_show_until(&s, 3 * SECOND);
    assert_int_equal(kt__stage_compose(&s, 3 * SECOND), 1);
    assert_in_range(middle(&s), 148, 152);
    assert_int_equal(push(&s, 0, 90, 4 * SECOND, 1), KT_OK);
    assert_int_equal(push(&s, 0, 100, 4 * SECOND, 0), KT_OK); /* at once, instead of those */
    assert_int_equal(s.waiting.all, 0);
    assert_int_equal(push(&s, 0, 90, 5 * SECOND, 1), KT_OK);
    kt__stage_remove_source(&s, 0, 5 * SECOND);
    assert_int_equal(s.waiting.all, 0);
    assert_null(kt__stage_source(&s, 0));
    assert_int_equal(push(&s, 0, 90, 5 * SECOND, 1), KT_ERR_NOT_FOUND);
    kt__stage_reset(&s);
}

static void test_areas_and_screens(void **state)
{
    double areas[KT_MAX_SOURCES];
    KtStage s;
    (void)state;
    open_stage(&s);
    assert_int_equal(kt__stage_add_source(&s, "ann", NULL, 1, 0), 0);
    assert_int_equal(kt__stage_add_source(&s, "ear", NULL, 0, 1), 1);
    assert_int_equal(kt__stage_add_source(&s, "bob", NULL, 1, 0), 2);
    compose(&s, "{\"layout\":\"screen-only\",\"focus\":\"bob\",\"gap\":0,\"transition\":0,"
                "\"sources\":[{\"id\":\"ann\"},{\"id\":\"bob\"},{\"id\":\"ear\"}]}");
    kt__stage_areas(&s, 2 * SECOND, areas);
    assert_true(areas[2] > 0.9 && areas[1] == 0);
    assert_true(kt__stage_screen_share(&s) == 0);
    kt__stage_source(&s, 2)->screen = 1;
    assert_true(kt__stage_screen_share(&s) > 0.9);
    assert_int_equal(kt__stage_set_muted(&s, 2, 0, 1), 1);
    assert_int_equal(kt__stage_set_muted(&s, 2, 0, 1), 0);
    assert_int_equal(kt__stage_set_muted(&s, 5, 0, 1), KT_ERR_NOT_FOUND);
    assert_true(kt__stage_screen_share(&s) == 0);
    kt__stage_areas(&s, 2 * SECOND, areas);
    assert_true(areas[2] == 0);
    kt__stage_reset(&s);
}

/* Only what changed since the last time is told. */
static void test_stalls(void **state)
{
    int changed[KT_MAX_SOURCES];
    KtStage s;
    (void)state;
    open_stage(&s);
    assert_int_equal(kt__stage_add_source(&s, "ann", NULL, 1, 0), 0);
    assert_int_equal(push(&s, 0, 90, SECOND, 0), KT_OK);
    assert_int_equal(kt__stage_stalls(&s, 2 * SECOND, changed), 0);
    assert_int_equal(kt__stage_stalls(&s, 4 * SECOND, changed), 1);
    assert_true(changed[0] == 0 && s.sources[0].stalled == 1);
    assert_int_equal(kt__stage_stalls(&s, 5 * SECOND, changed), 0);
    assert_int_equal(kt__stage_keep_picture(&s, 0, 5 * SECOND), KT_OK);
    assert_int_equal(kt__stage_stalls(&s, 5 * SECOND, changed), 1);
    assert_int_equal(s.sources[0].stalled, 0);
    kt__stage_reset(&s);
}

static int attempt(void *context)
{
    const KtCost cost = {0};
    KtStage s;
    (void)context;
    memset(&s, 0, sizeof s);
    const KtStatus status = kt__stage_init(&s, &canvas, cost);
    assert_true(status == KT_OK || status == KT_ERR_MEMORY);
    kt__stage_reset(&s);
    return status == KT_OK;
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_true(kt_alloc_each(attempt, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_that_wait),
        cmocka_unit_test(test_areas_and_screens),
        cmocka_unit_test(test_stalls),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
