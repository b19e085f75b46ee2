/* Status codes: every one has a text and a name of the documented form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "keeptake/status.h"

static void name_is_the_field_name(void **state)
{
    (void)state;
#define CHECK(name, value, field, text)                                                            \
    do {                                                                                           \
        char expected[] = #name;                                                                   \
        for (char *p = expected; *p; p++)                                                          \
            *p = (char)(*p == '_' ? '-' : tolower((unsigned char)*p));                             \
        assert_string_equal(kt_status_name(value), expected);                                      \
        assert_string_equal(kt_status_text(value), text);                                          \
    } while (0);
    KT_STATUS_MAP(CHECK)
#undef CHECK
}

static void values_outside_the_list(void **state)
{
    (void)state;
    static const int outside[] = {3, 1000, -14, -1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_string_equal(kt_status_text(outside[i]), "unknown status");
        assert_string_equal(kt_status_name(outside[i]), "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_is_the_field_name),
        cmocka_unit_test(values_outside_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
