/* The scene of a timeline: spans, backgrounds, pauses, hooks, gaps, and that it replays the
 * composition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "alloc_fail.h"
#include "keeptake/composition.h"
#include "keeptake/scene.h"

#define SECOND INT64_C(1000000)
#define WALL INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

static void add(KtTimeline *t, KtTimelineEvent event, double take, double wall, const char *data)
{
    assert_int_equal(
        kt_timeline_add(t, event, llround(take * 1e6), WALL + llround(wall * 1e6), data), KT_OK);
}

static const char side_by_side[] =
    "{\"layout\":\"side-by-side\",\"gap\":0,\"transition\":0.5,\"background\":{\"kind\":\"color\","
    "\"color\":\"#112233\"},\"sources\":[{\"id\":\"ann\"},{\"id\":\"bob\",\"mirror\":true}]}";
static const char screen_only[] =
    "{\"layout\":\"screen-only\",\"focus\":\"bob\",\"gap\":0,\"transition\":0.25,\"background\":"
    "{\"kind\":\"image\",\"image\":\"sky\"},\"sources\":[{\"id\":\"ann\"},{\"id\":\"bob\","
    "\"shape\":\"circle\",\"z\":4,\"opacity\":0.5,\"border\":{\"width\":0.01,\"color\":\"#ff0000\"}"
    "}]}";

/* A take of 10 s that was paused at 4 s for 100 s, after one that was thrown away. */
static KtTimeline *example(void)
{
    KtTimeline *t = NULL;
    assert_int_equal(kt_timeline_create(1280, 720, &t), KT_OK);
    add(t, KT_TIMELINE_START, 0, 0, NULL);
    add(t, KT_TIMELINE_SOURCE_ADDED, 0, 0, "{\"id\":\"gone\",\"name\":\"Gone\"}");
    add(t, KT_TIMELINE_HOOK_SHOWN, 1, 1, "{\"id\":\"old\",\"text\":\"old\"}");
    add(t, KT_TIMELINE_RESTART, 3, 3, NULL);
    add(t, KT_TIMELINE_START, 0, 10, NULL);
    add(t, KT_TIMELINE_SOURCE_ADDED, 0, 10, "{\"id\":\"ann\",\"name\":\"Ann \\\"A\\\"\"}");
    add(t, KT_TIMELINE_SOURCE_ADDED, 0, 10, "{\"id\":\"bob\",\"name\":\"Bob\"}");
    add(t, KT_TIMELINE_COMPOSITION, 0, 10, side_by_side);
    add(t, KT_TIMELINE_HOOK_SHOWN, 1, 11, "{\"id\":\"h1\",\"source\":\"ann\",\"text\":\"Ann\"}");
    add(t, KT_TIMELINE_SOURCE_STALLED, 1.5, 11.5, "{\"id\":\"ann\"}");
    add(t, KT_TIMELINE_SOURCE_RESUMED, 2.5, 12.5, "{\"id\":\"ann\"}");
    add(t, KT_TIMELINE_HOOK_HIDDEN, 3, 13, "{\"id\":\"h1\"}");
    add(t, KT_TIMELINE_PAUSE, 4, 14, NULL);
    add(t, KT_TIMELINE_RESUME, 4, 114, NULL);
    add(t, KT_TIMELINE_COMPOSITION, 5, 115, screen_only);
    add(t, KT_TIMELINE_GAP, 6, 116, "{\"cause\":\"network\",\"source\":\"bob\",\"duration\":0.75}");
    add(t, KT_TIMELINE_HOOK_SHOWN, 7, 117, "{\"id\":\"h2\",\"source\":\"\",\"text\":\"Open\"}");
    add(t, KT_TIMELINE_SOURCE_REMOVED, 8, 118, "{\"id\":\"bob\"}");
    add(t, KT_TIMELINE_STOP, 10, 120, NULL);
    return t;
}

static cJSON *scene_of(const KtTimeline *t)
{
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(kt_scene_json(t, &text, &bytes, NULL, 0), KT_OK);
    assert_int_equal(strlen(text), bytes);
    cJSON *scene = cJSON_Parse(text);
    assert_non_null(scene);
    kt_text_free(text);
    return scene;
}

static const cJSON *at(const cJSON *list, int index)
{
    const cJSON *item = cJSON_GetArrayItem(list, index);
    assert_non_null(item);
    return item;
}

static const cJSON *get(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_non_null(item);
    return item;
}

static double number(const cJSON *object, const char *name)
{
    assert_true(cJSON_IsNumber(get(object, name)));
    return get(object, name)->valuedouble;
}

static const char *string(const cJSON *object, const char *name)
{
    assert_true(cJSON_IsString(get(object, name)));
    return get(object, name)->valuestring;
}

static void check_span(const cJSON *span, double from, double to, int visible)
{
    assert_float_equal(number(span, "from"), from, 1e-9);
    assert_float_equal(number(span, "to"), to, 1e-9);
    assert_int_equal(cJSON_IsTrue(get(span, "visible")), visible);
}

static void head(void **state)
{
    (void)state;
    KtTimeline *t = example();
    cJSON *scene = scene_of(t);
    assert_float_equal(number(scene, "version"), 1, 0);
    assert_float_equal(number(get(scene, "canvas"), "width"), 1280, 0);
    assert_float_equal(number(get(scene, "canvas"), "height"), 720, 0);
    assert_float_equal(number(scene, "duration"), 10, 0);
    assert_string_equal(string(scene, "wall_start"), "2026-01-01T00:00:10.000Z");
    const cJSON *pauses = get(scene, "pauses");
    assert_int_equal(cJSON_GetArraySize(pauses), 1);
    assert_float_equal(number(at(pauses, 0), "take"), 4, 0);
    assert_string_equal(string(at(pauses, 0), "wall_from"), "2026-01-01T00:00:14.000Z");
    assert_string_equal(string(at(pauses, 0), "wall_to"), "2026-01-01T00:01:54.000Z");
    cJSON_Delete(scene);
    kt_timeline_destroy(&t);
}

static void spans(void **state)
{
    (void)state;
    KtTimeline *t = example();
    cJSON *scene = scene_of(t);
    const cJSON *sources = get(scene, "sources");
    assert_int_equal(cJSON_GetArraySize(sources), 2);
    assert_string_equal(string(at(sources, 0), "id"), "ann");
    assert_string_equal(string(at(sources, 0), "name"), "Ann \"A\"");
    const cJSON *ann = get(at(sources, 0), "spans"), *bob = get(at(sources, 1), "spans");
    /* Alone once bob has left, though the layout was bob's. */
    assert_int_equal(cJSON_GetArraySize(ann), 3);
    check_span(at(ann, 0), 0, 5, 1);
    check_span(at(ann, 1), 5, 8, 0);
    check_span(at(ann, 2), 8, 10, 1);
    assert_int_equal(cJSON_GetArraySize(bob), 2);
    check_span(at(bob, 0), 0, 5, 1);
    check_span(at(bob, 1), 5, 8, 1);
    assert_true(cJSON_IsTrue(get(at(bob, 0), "mirror")));
    const cJSON *alone = at(bob, 1);
    assert_string_equal(string(alone, "shape"), "circle");
    assert_string_equal(string(alone, "fit"), "cover");
    assert_float_equal(number(alone, "z"), 4, 0);
    assert_float_equal(number(alone, "layer"), 0, 0);
    assert_float_equal(number(alone, "opacity"), 0.5, 0);
    assert_float_equal(number(get(alone, "border"), "width"), 0.01, 0);
    assert_string_equal(string(get(alone, "border"), "color"), "#ff0000");
    cJSON_Delete(scene);
    kt_timeline_destroy(&t);
}

static void rectangles_are_the_layouts(void **state)
{
    (void)state;
    KtTimeline *t = example();
    cJSON *scene = scene_of(t);
    KtComposition c;
    KtPlacedSource placed[KT_MAX_SOURCES];
    assert_int_equal(kt_composition_parse(side_by_side, strlen(side_by_side), &c, NULL, 0), KT_OK);
    int count = kt_layout_resolve(&c, 1280.0 / 720, placed);
    assert_int_equal(count, 2);
    for (int i = 0; i < count; i++) {
        const cJSON *span = at(get(at(get(scene, "sources"), placed[i].source), "spans"), 0);
        assert_true(number(span, "x") == placed[i].rect.x);
        assert_true(number(span, "y") == placed[i].rect.y);
        assert_true(number(span, "width") == placed[i].rect.width);
        assert_true(number(span, "height") == placed[i].rect.height);
        assert_float_equal(number(span, "layer"), i, 0);
    }
    cJSON_Delete(scene);
    kt_timeline_destroy(&t);
}

static void people_who_are_not_there_leave_no_hole(void **state)
{
    (void)state;
    KtTimeline *t = NULL;
    assert_int_equal(kt_timeline_create(1280, 720, &t), KT_OK);
    add(t, KT_TIMELINE_START, 0, 0, NULL);
    add(t, KT_TIMELINE_SOURCE_ADDED, 0, 0, "{\"id\":\"bob\",\"name\":\"Bob\"}");
    add(t, KT_TIMELINE_COMPOSITION, 0, 0, side_by_side);
    add(t, KT_TIMELINE_SOURCE_ADDED, 4, 4, "{\"id\":\"ann\",\"name\":\"Ann\"}");
    add(t, KT_TIMELINE_STOP, 6, 6, NULL);
    cJSON *scene = scene_of(t);
    const cJSON *bob = get(at(get(scene, "sources"), 0), "spans");
    assert_int_equal(cJSON_GetArraySize(bob), 2);
    check_span(at(bob, 0), 0, 4, 1);
    assert_float_equal(number(at(bob, 0), "width"), 1, 1e-9);
    check_span(at(bob, 1), 4, 6, 1);
    assert_float_equal(number(at(bob, 1), "width"), 0.5, 1e-9);
    assert_int_equal(cJSON_GetArraySize(get(scene, "transitions")), 1);
    assert_float_equal(number(at(get(scene, "transitions"), 0), "at"), 4, 0);
    cJSON_Delete(scene);
    kt_timeline_destroy(&t);
}

static void backgrounds_and_transitions(void **state)
{
    (void)state;
    KtTimeline *t = example();
    cJSON *scene = scene_of(t);
    const cJSON *list = get(scene, "background");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_float_equal(number(at(list, 0), "to"), 5, 0);
    assert_string_equal(string(get(at(list, 0), "background"), "color"), "#112233");
    assert_float_equal(number(at(list, 1), "from"), 5, 0);
    assert_float_equal(number(at(list, 1), "to"), 10, 0);
    assert_string_equal(string(get(at(list, 1), "background"), "image"), "sky");
    list = get(scene, "transitions");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_float_equal(number(at(list, 0), "at"), 5, 0);
    assert_float_equal(number(at(list, 0), "duration"), 0.25, 0);
    assert_float_equal(number(at(list, 1), "at"), 8, 0);
    cJSON_Delete(scene);
    kt_timeline_destroy(&t);
}

static void hooks_and_gaps(void **state)
{
    (void)state;
    KtTimeline *t = example();
    cJSON *scene = scene_of(t);
    const cJSON *hooks = get(scene, "hooks"), *gaps = get(scene, "gaps");
    assert_int_equal(cJSON_GetArraySize(hooks), 2);
    assert_string_equal(string(at(hooks, 0), "id"), "h1");
    assert_string_equal(string(at(hooks, 0), "source"), "ann");
    assert_string_equal(string(at(hooks, 0), "text"), "Ann");
    assert_float_equal(number(at(hooks, 0), "from"), 1, 0);
    assert_float_equal(number(at(hooks, 0), "to"), 3, 0);
    assert_string_equal(string(at(hooks, 1), "id"), "h2");
    assert_float_equal(number(at(hooks, 1), "to"), 10, 0);
    assert_int_equal(cJSON_GetArraySize(gaps), 2);
    assert_string_equal(string(at(gaps, 0), "cause"), "stalled");
    assert_string_equal(string(at(gaps, 0), "source"), "ann");
    assert_float_equal(number(at(gaps, 0), "from"), 1.5, 0);
    assert_float_equal(number(at(gaps, 0), "to"), 2.5, 0);
    assert_string_equal(string(at(gaps, 1), "cause"), "network");
    assert_float_equal(number(at(gaps, 1), "to"), 6.75, 0);
    cJSON_Delete(scene);
    kt_timeline_destroy(&t);
}

static void an_empty_timeline(void **state)
{
    (void)state;
    KtTimeline *t = NULL;
    assert_int_equal(kt_timeline_create(64, 36, &t), KT_OK);
    cJSON *scene = scene_of(t);
    assert_float_equal(number(scene, "duration"), 0, 0);
    assert_int_equal(cJSON_GetArraySize(get(scene, "sources")), 0);
    cJSON_Delete(scene);
    add(t, KT_TIMELINE_START, 0, 0, NULL);
    add(t, KT_TIMELINE_PAUSE, 2, 2, NULL);
    add(t, KT_TIMELINE_MARK, 2, 7, NULL);
    scene = scene_of(t);
    assert_string_equal(string(at(get(scene, "pauses"), 0), "wall_to"), "2026-01-01T00:00:07.000Z");
    cJSON_Delete(scene);
    kt_timeline_destroy(&t);
}

static void strange_data_is_no_crash(void **state)
{
    static const char *const data[] = {NULL,
                                       "{}",
                                       "{\"id\":5}",
                                       "{\"id\":\"\"}",
                                       "{\"id\":\"a b\"}",
                                       "{\"id\":\"x\",\"text\":null,\"duration\":1e300}",
                                       "{\"id\":\"x\",\"duration\":-5}"};
    (void)state;
    for (int event = KT_TIMELINE_START; event <= KT_TIMELINE_MARK; event++)
        for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
            KtTimeline *t = NULL;
            assert_int_equal(kt_timeline_create(64, 36, &t), KT_OK);
            add(t, KT_TIMELINE_SOURCE_ADDED, 0, 0, "{\"id\":\"x\",\"name\":\"\\u00e9\"}");
            add(t, (KtTimelineEvent)event, 1, 1, data[i]);
            add(t, (KtTimelineEvent)event, event == KT_TIMELINE_RESTART ? 0 : 2, 2, data[i]);
            cJSON_Delete(scene_of(t));
            kt_timeline_destroy(&t);
        }
}

static void an_invalid_composition_is_reported(void **state)
{
    (void)state;
    KtTimeline *t = NULL;
    char *text = NULL, error[256];
    size_t bytes = 0;
    assert_int_equal(kt_timeline_create(64, 36, &t), KT_OK);
    add(t, KT_TIMELINE_COMPOSITION, 0, 0, "{\"layout\":\"none\"}");
    assert_int_equal(kt_scene_json(t, &text, &bytes, NULL, 0), KT_ERR_ARG);
    assert_int_equal(kt_scene_json(t, &text, &bytes, error, sizeof error), KT_ERR_ARG);
    assert_memory_equal(error, "events[0].data: ", 16);
    assert_non_null(strstr(error, "layout"));
    assert_null(text);
    kt_timeline_destroy(&t);
}

/* A grid of all sources that s0 .. s15 name; gap moves each of them. */
static void print_grid(char *out, size_t bytes, const char *gap)
{
    size_t used =
        (size_t)snprintf(out, bytes, "{\"layout\":\"grid\",\"gap\":%s,\"sources\":[", gap);
    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s{\"id\":\"s%d\"}", i ? "," : "", i);
    snprintf(out + used, bytes - used, "]}");
}

static void a_scene_that_grows_too_large_is_refused(void **state)
{
    (void)state;
    static const char said[] = "the scene has more than 16777216 bytes at events[";
    KtTimeline *t = NULL;
    char *text = NULL, grids[2][1024], data[64], error[256];
    size_t bytes = 0;
    print_grid(grids[0], sizeof grids[0], "0");
    print_grid(grids[1], sizeof grids[1], "0.1");
    assert_int_equal(kt_timeline_create(64, 36, &t), KT_OK);
    for (int i = 0; i < 16; i++) {
        snprintf(data, sizeof data, "{\"id\":\"s%d\"}", i);
        add(t, KT_TIMELINE_SOURCE_ADDED, 0, 0, data);
    }
    for (int i = 0; i < 10000; i++) {
        add(t, KT_TIMELINE_COMPOSITION, i * 0.1, 0, grids[i % 2]);
        if (i != 2000)
            continue;
        assert_int_equal(kt_scene_json(t, &text, &bytes, NULL, 0), KT_OK);
        assert_true(bytes > (4u << 20) && bytes <= (16u << 20));
        kt_text_free(text);
        text = NULL;
    }
    assert_int_equal(kt_scene_json(t, &text, &bytes, error, sizeof error), KT_ERR_LIMIT);
    assert_memory_equal(error, said, sizeof said - 1);
    /* Refused where it happened, not at the end. */
    assert_true(atoi(error + sizeof said - 1) < 9000);
    assert_null(text);
    kt_timeline_destroy(&t);
}

static void too_many_sources(void **state)
{
    (void)state;
    KtTimeline *t = NULL;
    char *text = NULL, data[64];
    size_t bytes = 0;
    assert_int_equal(kt_timeline_create(64, 36, &t), KT_OK);
    for (int i = 0; i < 257; i++) {
        snprintf(data, sizeof data, "{\"id\":\"s%d\"}", i);
        add(t, KT_TIMELINE_SOURCE_ADDED, 0, 0, data);
        assert_int_equal(kt_scene_json(t, &text, &bytes, NULL, 0), i < 256 ? KT_OK : KT_ERR_LIMIT);
        if (i < 256)
            kt_text_free(text);
    }
    kt_timeline_destroy(&t);
}

static int attempt(void *context)
{
    char *text = NULL;
    size_t bytes = 0;
    KtStatus status = kt_scene_json(context, &text, &bytes, NULL, 0);
    assert_true(status == KT_OK || status == KT_ERR_MEMORY);
    kt_text_free(status == KT_OK ? text : NULL);
    return status == KT_OK;
}

static void allocation_failures(void **state)
{
    (void)state;
    KtTimeline *t = example();
    assert_true(kt_alloc_each(attempt, t) > 50);
    kt_timeline_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head),
        cmocka_unit_test(spans),
        cmocka_unit_test(rectangles_are_the_layouts),
        cmocka_unit_test(people_who_are_not_there_leave_no_hole),
        cmocka_unit_test(backgrounds_and_transitions),
        cmocka_unit_test(hooks_and_gaps),
        cmocka_unit_test(an_empty_timeline),
        cmocka_unit_test(strange_data_is_no_crash),
        cmocka_unit_test(an_invalid_composition_is_reported),
        cmocka_unit_test(a_scene_that_grows_too_large_is_refused),
        cmocka_unit_test(too_many_sources),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
