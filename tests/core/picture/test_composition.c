/* The composition's JSON: defaults, every field, every refusal with its sentence, round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "exact_copy.h"
#include "keeptake/composition.h"

static KtStatus parse(const char *json, KtComposition *out, char error[256])
{
    size_t bytes = strlen(json);
    char *copy = exact_copy(json, bytes);
    KtStatus status = kt_composition_parse(copy, bytes, out, error, 256);
    free(copy);
    return status;
}

static void defaults(void **state)
{
    (void)state;
    KtComposition c;
    char error[256];
    assert_int_equal(parse(" {\"sources\":[{\"id\":\"host\"}]}\n", &c, error), KT_OK);
    assert_int_equal(c.layout, KT_LAYOUT_GRID);
    assert_string_equal(c.focus, "");
    assert_float_equal(c.gap, 0.02, 0);
    assert_int_equal(c.background.kind, KT_BACKGROUND_COLOR);
    assert_int_equal(c.background.color, 0x14171C);
    assert_int_equal(c.transition_us, 250000);
    assert_int_equal(c.source_count, 1);
    const KtCompositionSource *s = &c.sources[0];
    assert_string_equal(s->id, "host");
    assert_int_equal(s->has_placement, 0);
    assert_int_equal(s->z, 0);
    assert_int_equal(s->shape, KT_SHAPE_RECTANGLE);
    assert_float_equal(s->radius, 0.08, 0);
    assert_int_equal(s->fit, KT_FIT_COVER);
    assert_int_equal(s->mirror, 0);
    assert_float_equal(s->border, 0, 0);
    assert_int_equal(s->border_color, 0xFFFFFF);
    assert_float_equal(s->opacity, 1, 0);
}

static const char full[] =
    "{\"layout\":\"free\",\"focus\":\"b\",\"gap\":0.1,\"background\":{\"kind\":\"gradient\","
    "\"from\":\"#102030\",\"to\":\"#FFeedd\",\"angle\":45},\"transition\":1.5,\"later\":[null],"
    "\"sources\":[{\"id\":\"a\",\"placement\":{\"x\":-0.5,\"y\":0.25,\"width\":0.5,\"height\":4},"
    "\"z\":-3,\"shape\":\"rounded\",\"radius\":0.5,\"fit\":\"contain\",\"mirror\":true,"
    "\"border\":{\"width\":0.05,\"color\":\"#00ff00\"},\"opacity\":0.25},"
    "{\"id\":\"b\",\"shape\":\"circle\"}]}";

static void every_field(void **state)
{
    (void)state;
    KtComposition c;
    char error[256];
    assert_int_equal(parse(full, &c, error), KT_OK);
    assert_int_equal(c.layout, KT_LAYOUT_FREE);
    assert_string_equal(c.focus, "b");
    assert_float_equal(c.gap, 0.1, 0);
    assert_int_equal(c.background.kind, KT_BACKGROUND_GRADIENT);
    assert_int_equal(c.background.color, 0x102030);
    assert_int_equal(c.background.color_to, 0xFFEEDD);
    assert_float_equal(c.background.angle_degrees, 45, 0);
    assert_int_equal(c.transition_us, 1500000);
    assert_int_equal(c.source_count, 2);
    const KtCompositionSource *s = &c.sources[0];
    assert_int_equal(s->has_placement, 1);
    assert_float_equal(s->placement.x, -0.5, 0);
    assert_float_equal(s->placement.y, 0.25, 0);
    assert_float_equal(s->placement.width, 0.5, 0);
    assert_float_equal(s->placement.height, 4, 0);
    assert_int_equal(s->z, -3);
    assert_int_equal(s->shape, KT_SHAPE_ROUNDED);
    assert_float_equal(s->radius, 0.5, 0);
    assert_int_equal(s->fit, KT_FIT_CONTAIN);
    assert_int_equal(s->mirror, 1);
    assert_float_equal(s->border, 0.05, 0);
    assert_int_equal(s->border_color, 0x00FF00);
    assert_float_equal(s->opacity, 0.25, 0);
    assert_int_equal(c.sources[1].shape, KT_SHAPE_CIRCLE);
}

static void refusals_name_field_value_and_limit(void **state)
{
    static const struct {
        const char *json;
        KtStatus status;
        const char *sentence;
    } cases[] = {
        {"", KT_ERR_FORMAT, "byte 0"},
        {"{", KT_ERR_FORMAT, "byte 1"},
        {"{} {}", KT_ERR_FORMAT, "byte 3"},
        {"{\"gap\":1e999}", KT_ERR_FORMAT, "byte 7"},
        {"{\"gap\":NaN}", KT_ERR_FORMAT, "not JSON"},
        {"{\"gap\":01}", KT_ERR_FORMAT, "not JSON"},
        {"{\"gap\":.1}", KT_ERR_FORMAT, "not JSON"},
        {"{\"focus\":\"a\\u0000b\"}", KT_ERR_FORMAT, "not JSON"},
        {"{\"focus\":\"\xff\"}", KT_ERR_FORMAT, "not JSON"},
        {"{\"focus\":\"\\ud800\"}", KT_ERR_FORMAT, "not JSON"},
        {"{'gap':0}", KT_ERR_FORMAT, "not JSON"},
        {"{\"gap\":0,}", KT_ERR_FORMAT, "not JSON"},
        {"[]", KT_ERR_ARG, "a list; it must be an object"},
        {"null", KT_ERR_ARG, "null; it must be an object"},
        {"{\"layout\":\"mosaic\"}", KT_ERR_ARG, "layout is \"mosaic\"; it must be one of grid,"},
        {"{\"layout\":7}", KT_ERR_ARG, "layout is 7"},
        {"{\"focus\":\"a b\"}", KT_ERR_ARG, "focus is \"a b\""},
        {"{\"gap\":null}", KT_ERR_ARG, "gap is null; it must be a number between 0 and 0.2"},
        {"{\"gap\":0.21}", KT_ERR_ARG, "gap is 0.21"},
        {"{\"gap\":\"0.1\"}", KT_ERR_ARG, "gap is \"0.1\""},
        {"{\"transition\":2.1}", KT_ERR_ARG,
         "transition is 2.1; it must be a number between 0 and 2"},
        {"{\"background\":\"#fff\"}", KT_ERR_ARG, "background is \"#fff\"; it must be an object"},
        {"{\"background\":{\"kind\":\"video\"}}", KT_ERR_ARG, "background.kind is \"video\""},
        {"{\"background\":{\"color\":\"#fff\"}}", KT_ERR_ARG, "background.color is \"#fff\""},
        {"{\"background\":{\"color\":\"#12345g\"}}", KT_ERR_ARG, "background.color"},
        {"{\"background\":{\"kind\":\"image\"}}", KT_ERR_ARG, "background.image is missing"},
        {"{\"background\":{\"kind\":\"gradient\",\"angle\":361}}", KT_ERR_ARG,
         "background.angle is 361"},
        {"{\"sources\":{}}", KT_ERR_ARG, "sources is an object; it must be a list"},
        {"{\"sources\":[3]}", KT_ERR_ARG, "sources[0] is 3; it must be an object"},
        {"{\"sources\":[{}]}", KT_ERR_ARG, "sources[0].id is missing"},
        {"{\"sources\":[{\"id\":\"\"}]}", KT_ERR_ARG, "sources[0].id is \"\""},
        {"{\"sources\":[{\"id\":\"a\"},{\"id\":\"a\"}]}", KT_ERR_ARG,
         "sources[1].id is \"a\", which"},
        {"{\"sources\":[{\"id\":\"a\",\"z\":1001}]}", KT_ERR_ARG, "sources[0].z is 1001"},
        {"{\"sources\":[{\"id\":\"a\",\"z\":0.5}]}", KT_ERR_ARG, "whole number"},
        {"{\"sources\":[{\"id\":\"a\",\"shape\":\"star\"}]}", KT_ERR_ARG,
         "sources[0].shape is \"star\""},
        {"{\"sources\":[{\"id\":\"a\",\"radius\":0.6}]}", KT_ERR_ARG, "sources[0].radius"},
        {"{\"sources\":[{\"id\":\"a\",\"fit\":\"fill\"}]}", KT_ERR_ARG, "sources[0].fit"},
        {"{\"sources\":[{\"id\":\"a\",\"mirror\":1}]}", KT_ERR_ARG, "true or false"},
        {"{\"sources\":[{\"id\":\"a\",\"opacity\":-0.1}]}", KT_ERR_ARG,
         "sources[0].opacity is -0.1"},
        {"{\"sources\":[{\"id\":\"a\",\"border\":4}]}", KT_ERR_ARG, "sources[0].border is 4"},
        {"{\"sources\":[{\"id\":\"a\",\"border\":{\"width\":0.06}}]}", KT_ERR_ARG,
         "sources[0].border.width"},
        {"{\"sources\":[{\"id\":\"a\",\"placement\":[]}]}", KT_ERR_ARG,
         "sources[0].placement is a list"},
        {"{\"sources\":[{\"id\":\"a\",\"placement\":{\"x\":null}}]}", KT_ERR_ARG,
         "placement.x is null"},
        {"{\"sources\":[{\"id\":\"a\",\"placement\":{\"width\":0}}]}", KT_ERR_ARG,
         "greater than 0"},
        {"{\"sources\":[{\"id\":\"a\",\"placement\":{\"height\":4.5}}]}", KT_ERR_ARG, "at most 4"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KtComposition c, before;
        char error[256] = "";
        kt_composition_init(&before);
        memcpy(&c, &before, sizeof c);
        KtStatus status = parse(cases[i].json, &c, error);
        if (status != cases[i].status || !strstr(error, cases[i].sentence))
            fail_msg("%s: status %d, \"%s\"", cases[i].json, status, error);
        assert_memory_equal(&c, &before, sizeof c);
        assert_int_equal(parse(cases[i].json, &c, NULL), cases[i].status);
    }
}

static void sixteen_sources_and_no_more(void **state)
{
    (void)state;
    for (int count = 16; count <= 17; count++) {
        char json[1024] = "{\"sources\":[", error[256];
        KtComposition c;
        for (int i = 0; i < count; i++) {
            size_t used = strlen(json);
            snprintf(json + used, sizeof json - used, "%s{\"id\":\"s%d\"}", i ? "," : "", i);
        }
        strcat(json, "]}");
        assert_int_equal(parse(json, &c, error), count == 16 ? KT_OK : KT_ERR_LIMIT);
        if (count == 17)
            assert_non_null(strstr(error, "sources has 17 entries; at most 16"));
    }
}

static void ids(void **state)
{
    (void)state;
    KtComposition c;
    char json[256], error[256], id[66];
    for (int length = 62; length <= 64; length++) {
        memset(id, 'x', sizeof id);
        id[length] = '\0';
        snprintf(json, sizeof json, "{\"sources\":[{\"id\":\"%s\"}]}", id);
        assert_int_equal(parse(json, &c, error), length <= 63 ? KT_OK : KT_ERR_ARG);
    }
    assert_int_equal(parse("{\"sources\":[{\"id\":\"A.z_0:-\"}]}", &c, error), KT_OK);
}

static void size_and_depth(void **state)
{
    (void)state;
    static char json[70000];
    KtComposition c;
    char error[256];
    memset(json, ' ', sizeof json);
    json[0] = '{';
    json[65535] = '}';
    json[65536] = '\0';
    assert_int_equal(parse(json, &c, error), KT_OK);
    json[65536] = ' ';
    json[65537] = '\0';
    assert_int_equal(parse(json, &c, error), KT_ERR_LIMIT);
    assert_non_null(strstr(error, "65537"));
    memset(json, '[', 60000);
    json[60000] = '\0';
    assert_int_equal(parse(json, &c, error), KT_ERR_FORMAT);
}

static void error_fits_its_buffer(void **state)
{
    (void)state;
    KtComposition c;
    char error[8] = "xxxxxxx";
    const char *json = "{\"layout\":\"mosaic\"}";
    assert_int_equal(kt_composition_parse(json, strlen(json), &c, error, sizeof error), KT_ERR_ARG);
    assert_int_equal(strlen(error), 7);
    assert_int_equal(kt_composition_parse(json, strlen(json), &c, error, 0), KT_ERR_ARG);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    KtComposition c, again;
    char text[4096], twice[4096], error[256];
    assert_int_equal(parse(full, &c, error), KT_OK);
    c.gap = 1.0 / 7;
    c.sources[0].placement.x = -1.0 / 3;
    int64_t bytes = kt_composition_print(&c, text, sizeof text);
    assert_int_equal(bytes, strlen(text));
    assert_int_equal(parse(text, &again, error), KT_OK);
    assert_memory_equal(&again.sources[0].placement, &c.sources[0].placement, sizeof(KtRect));
    assert_true(again.gap == c.gap);
    assert_int_equal(kt_composition_print(&again, twice, sizeof twice), bytes);
    assert_string_equal(text, twice);
    assert_int_equal(kt_composition_print(&c, text, (size_t)bytes + 1), bytes);
    for (size_t room = 0; room <= (size_t)bytes; room += 7)
        assert_int_equal(kt_composition_print(&c, text, room), KT_ERR_SPACE);
}

static int attempt(void *context)
{
    KtComposition c;
    char error[256];
    (void)context;
    KtStatus status = kt_composition_parse(full, sizeof full - 1, &c, error, sizeof error);
    assert_true(status == KT_OK || status == KT_ERR_MEMORY);
    return status == KT_OK;
}

static void allocation_failures(void **state)
{
    (void)state;
    assert_true(kt_alloc_each(attempt, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_field),
        cmocka_unit_test(refusals_name_field_value_and_limit),
        cmocka_unit_test(sixteen_sources_and_no_more),
        cmocka_unit_test(ids),
        cmocka_unit_test(size_and_depth),
        cmocka_unit_test(error_fits_its_buffer),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
