/* Limits from text: what is accepted, what it becomes, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keeptake/limits.h"

#define SECOND INT64_C(1000000)

static void defaults(void **state)
{
    (void)state;
    KtLimits limits;
    kt_limits_init(&limits);
    assert_int_equal(limits.enabled, 1);
    assert_int_equal(limits.max_length_us, 3 * 3600 * SECOND);
    assert_int_equal(limits.max_fps, 30);
    assert_int_equal(limits.startup_cleanup, 1);
}

static void lengths(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {{"1h", 3600 * SECOND},     {"30m", 1800 * SECOND},  {"120s", 120 * SECOND},
                 {"90", 90 * SECOND},       {" 2H ", 7200 * SECOND}, {"24h", 86400 * SECOND},
                 {"86400", 86400 * SECOND}, {"1", SECOND},           {"007s", 7 * SECOND}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KtLimits limits;
        kt_limits_init(&limits);
        assert_int_equal(kt_limits_set(&limits, "RECORDING_MAX_LENGTH", cases[i].text), KT_OK);
        assert_int_equal(limits.max_length_us, cases[i].us);
    }
}

static void bad_values_change_nothing(void **state)
{
    static const char *const cases[][2] = {
        {"RECORDING_MAX_LENGTH", ""},
        {"RECORDING_MAX_LENGTH", "0"},
        {"RECORDING_MAX_LENGTH", "25h"},
        {"RECORDING_MAX_LENGTH", "86401"},
        {"RECORDING_MAX_LENGTH", "-1"},
        {"RECORDING_MAX_LENGTH", "1d"},
        {"RECORDING_MAX_LENGTH", "1.5h"},
        {"RECORDING_MAX_LENGTH", "h"},
        {"RECORDING_MAX_LENGTH", "1h30m"},
        {"RECORDING_MAX_LENGTH", "99999999999999999999"},
        {"RECORDING_MAX_LENGTH", "1e3"},
        {"RECORDING_MAX_LENGTH", "NaN"},
        {"RECORDING_MAX_FPS", "0"},
        {"RECORDING_MAX_FPS", "61"},
        {"RECORDING_MAX_FPS", "30s"},
        {"RECORDING_MAX_FPS", "thirty"},
        {"RECORDING_ENABLED", ""},
        {"RECORDING_ENABLED", "2"},
        {"RECORDING_ENABLED", "maybe"},
        {"RECORDING_STARTUP_CLEANUP_ENABLED", "y"},
        {"RECORDING_ENABLED",
         "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KtLimits limits, before;
        kt_limits_init(&limits);
        before = limits;
        assert_int_equal(kt_limits_set(&limits, cases[i][0], cases[i][1]), KT_ERR_ARG);
        assert_int_equal(limits.enabled, before.enabled);
        assert_int_equal(limits.max_length_us, before.max_length_us);
        assert_int_equal(limits.max_fps, before.max_fps);
        assert_int_equal(limits.startup_cleanup, before.startup_cleanup);
    }
}

static void flags_and_rates(void **state)
{
    static const char *const on[] = {"1", "true", "YES", " on "};
    static const char *const off[] = {"0", "False", "no", "off\n"};
    (void)state;
    KtLimits limits;
    kt_limits_init(&limits);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(kt_limits_set(&limits, "RECORDING_ENABLED", off[i]), KT_OK);
        assert_int_equal(limits.enabled, 0);
        assert_int_equal(kt_limits_set(&limits, "RECORDING_ENABLED", on[i]), KT_OK);
        assert_int_equal(limits.enabled, 1);
    }
    assert_int_equal(kt_limits_set(&limits, "RECORDING_STARTUP_CLEANUP_ENABLED", "off"), KT_OK);
    assert_int_equal(limits.startup_cleanup, 0);
    assert_int_equal(kt_limits_set(&limits, "RECORDING_MAX_FPS", "60"), KT_OK);
    assert_int_equal(limits.max_fps, 60);
}

static void unknown_names(void **state)
{
    (void)state;
    KtLimits limits;
    kt_limits_init(&limits);
    assert_int_equal(kt_limits_set(&limits, "RECORDING_MAX", "1"), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_limits_set(&limits, "", "1"), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_limits_set(&limits, NULL, "1"), KT_ERR_ARG);
    assert_int_equal(kt_limits_set(&limits, "RECORDING_ENABLED", NULL), KT_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(lengths),
        cmocka_unit_test(bad_values_change_nothing),
        cmocka_unit_test(flags_and_rates),
        cmocka_unit_test(unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
