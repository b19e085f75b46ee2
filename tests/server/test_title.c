/* Titles and download names: every length of text, and bytes that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "model/title.h"

static void check_title(const char *text, const char *expected)
{
    char out[TITLE_BYTES];
    title_clean(text, out);
    assert_string_equal(out, expected);
}

static void cleans(void **state)
{
    (void)state;
    check_title("", "");
    check_title(" \t\r\n ", "");
    check_title("  a  b  ", "a  b");
    check_title("a\r\n\r\nb", "a b");
    check_title("a\x7f\xc2\x85z", "a z");
    check_title("a\xe2\x80\xae"
                "b\xef\xbb\xbf",
                "ab");
    check_title("1\xe2\x81\xa6"
                "2",
                "1\xe2\x81\xa6"
                "2"); /* isolates are part of right-to-left text */
}

/* Cutting never leaves half a character, whatever stands where the limit is. */
static void cuts_between_characters(void **state)
{
    static const char *const units[] = {
        "x",
        "\xc3\xa9",
        "e\xcc\x81",
        "\xf0\x9f\x98\x80",
        "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
        "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9",
        "\xe1\x84\x80\xe1\x85\xa1",
    };
    (void)state;
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t bytes = strlen(units[u]);
        for (int count = 199; count < 203; count++) {
            char text[8000], out[TITLE_BYTES];
            for (int i = 0; i < count; i++) {
                memcpy(text + (size_t)i * bytes, units[u], bytes + 1);
            }
            title_clean(text, out);
            assert_int_equal(strlen(out),
                             (size_t)(count < TITLE_CHARS ? count : TITLE_CHARS) * bytes);
        }
    }
}

static void bears_any_bytes(void **state)
{
    char text[4096], out[TITLE_BYTES], header[TITLE_DISPOSITION_BYTES];
    (void)state;
    for (unsigned seed = 1; seed < 400; seed++) {
        unsigned x = seed * 2654435761u;
        size_t bytes = seed * 10;
        for (size_t i = 0; i < bytes; i++) {
            x = x * 1664525u + 1013904223u;
            text[i] = (char)((x >> 24) % 255 + 1);
        }
        text[bytes] = 0;
        title_clean(text, out);
        assert_true(strlen(out) < TITLE_BYTES);
        title_disposition(out, "rec_x", header);
        assert_true(strlen(header) < TITLE_DISPOSITION_BYTES);
        assert_int_equal(strcspn(header, "\r\n"), strlen(header));
        assert_true(text_is_utf8(header, strlen(header)));
        for (const char *p = header; *p; p++) {
            assert_true(*p >= ' ' && *p < 127);
        }
    }
}

static void mends_escapes(void **state)
{
    static const char *const cases[][2] = {
        {"\"a\\u0000b\"", "\"a\\u0020b\""},
        {"\"\\\\u0000\"", "\"\\\\u0000\""},
        {"\"\\\\\\u0000\"", "\"\\\\\\u0020\""},
        {"\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""},
        {"\"\\ud83d\"", "\"\\ufffd\""},
        {"\"\\uD83D\\u0041\"", "\"\\ufffd\\u0041\""},
        {"\"\\ude00\\ud83d\"", "\"\\ufffd\\ufffd\""},
        {"\"\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\""},
        {"\"\\u00", "\"\\u00"},
        {"\\", "\\"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bytes = strlen(cases[i][0]);
        char *exact = malloc(bytes + 1); /* one more than told, for malloc(0) */
        assert_non_null(exact);
        memcpy(exact, cases[i][0], bytes);
        json_mend_escapes(exact, bytes);
        assert_memory_equal(exact, cases[i][1], bytes);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(bears_any_bytes),
        cmocka_unit_test(mends_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
