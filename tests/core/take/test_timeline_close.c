/* Closing a timeline at the moment that a salvaged take ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/timeline.h"

#define SECOND INT64_C(1000000)
#define WALL INT64_C(1769860800250000) /* 2026-01-31T12:00:00.250Z */

static KtTimeline *create(void)
{
    KtTimeline *t = NULL;
    assert_int_equal(kt_timeline_create(640, 360, &t), KT_OK);
    return t;
}

static void add(KtTimeline *t, KtTimelineEvent event, double take, double wall)
{
    assert_int_equal(kt_timeline_add(t, event, (int64_t)(take * 1e6), WALL + (int64_t)(wall * 1e6),
                                     event == KT_TIMELINE_MARK ? "{\"n\":1}" : NULL),
                     KT_OK);
}

/* The events as text, the canvas left out. */
static void assert_events(KtTimeline *t, const char *expected)
{
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(kt_timeline_json(t, &text, &bytes), KT_OK);
    const char *from = strstr(text, "[\n");
    assert_non_null(from);
    text[bytes - strlen("\n]}\n")] = '\0';
    assert_string_equal(from + 2, expected);
    kt_text_free(text);
    kt_timeline_destroy(&t);
}

static void an_open_take_is_stopped(void **state)
{
    (void)state;
    KtTimeline *t = create();
    add(t, KT_TIMELINE_START, 0, 0);
    add(t, KT_TIMELINE_MARK, 2, 3);
    assert_int_equal(kt_timeline_close(t, 5 * SECOND), KT_OK);
    assert_int_equal(kt_timeline_close(t, 5 * SECOND), KT_OK); /* once */
    assert_events(t,
                  "{\"type\":\"start\",\"take\":0.000000,\"wall\":\"2026-01-31T12:00:00.250Z\"},\n"
                  "{\"type\":\"mark\",\"take\":2.000000,\"wall\":\"2026-01-31T12:00:03.250Z\","
                  "\"data\":{\"n\":1}},\n"
                  "{\"type\":\"stop\",\"take\":5.000000,\"wall\":\"2026-01-31T12:00:06.250Z\"}");
}

static void what_is_later_is_forgotten(void **state)
{
    (void)state;
    KtTimeline *t = create();
    add(t, KT_TIMELINE_START, 0, 0);
    add(t, KT_TIMELINE_MARK, 2, 2);
    add(t, KT_TIMELINE_MARK, 2.5, 2.5);
    add(t, KT_TIMELINE_STOP, 3, 3);
    assert_int_equal(kt_timeline_close(t, 2 * SECOND), KT_OK);
    assert_events(t,
                  "{\"type\":\"start\",\"take\":0.000000,\"wall\":\"2026-01-31T12:00:00.250Z\"},\n"
                  "{\"type\":\"mark\",\"take\":2.000000,\"wall\":\"2026-01-31T12:00:02.250Z\","
                  "\"data\":{\"n\":1}},\n"
                  "{\"type\":\"stop\",\"take\":2.000000,\"wall\":\"2026-01-31T12:00:02.250Z\"}");
}

static void a_stop_within_the_take_stays(void **state)
{
    (void)state;
    KtTimeline *t = create();
    add(t, KT_TIMELINE_START, 0, 0);
    add(t, KT_TIMELINE_STOP, 2.99, 3);
    assert_int_equal(kt_timeline_close(t, 3 * SECOND), KT_OK);
    assert_events(t,
                  "{\"type\":\"start\",\"take\":0.000000,\"wall\":\"2026-01-31T12:00:00.250Z\"},\n"
                  "{\"type\":\"stop\",\"take\":2.990000,\"wall\":\"2026-01-31T12:00:03.250Z\"}");
}

/* Take times begin again after a restart: the take before it is not touched. */
static void only_the_newest_take_is_cut(void **state)
{
    (void)state;
    KtTimeline *t = create();
    add(t, KT_TIMELINE_START, 0, 0);
    add(t, KT_TIMELINE_RESTART, 60, 60);
    assert_int_equal(kt_timeline_close(t, 4 * SECOND), KT_OK);
    assert_events(
        t, "{\"type\":\"start\",\"take\":0.000000,\"wall\":\"2026-01-31T12:00:00.250Z\"},\n"
           "{\"type\":\"restart\",\"take\":60.000000,\"wall\":\"2026-01-31T12:01:00.250Z\"},\n"
           "{\"type\":\"stop\",\"take\":4.000000,\"wall\":\"2026-01-31T12:01:00.250Z\"}");
}

static void odd_ones(void **state)
{
    (void)state;
    KtTimeline *t = create();
    assert_int_equal(kt_timeline_close(t, -1), KT_ERR_ARG);
    assert_int_equal(kt_timeline_close(t, INT64_MAX), KT_ERR_ARG);
    assert_int_equal(kt_timeline_count(t), 0);
    assert_int_equal(kt_timeline_close(t, SECOND), KT_OK);
    assert_events(t, "{\"type\":\"stop\",\"take\":1.000000,\"wall\":\"1970-01-01T00:00:00.000Z\"}");
}

static int attempt(void *context)
{
    KtTimeline *t = NULL;
    (void)context;
    KtStatus status = kt_timeline_create(640, 360, &t);
    if (status == KT_OK)
        status = kt_timeline_close(t, SECOND);
    kt_timeline_destroy(&t);
    return status == KT_OK;
}

static void without_memory(void **state)
{
    (void)state;
    assert_true(kt_alloc_each(attempt, NULL) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_take_is_stopped),
        cmocka_unit_test(what_is_later_is_forgotten),
        cmocka_unit_test(a_stop_within_the_take_stays),
        cmocka_unit_test(only_the_newest_take_is_cut),
        cmocka_unit_test(odd_ones),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
