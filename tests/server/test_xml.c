/* The XML reader: what it reports, what it refuses. Every document also as an exact-size buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/xml.h"

typedef struct Seen {
    char text[2048];
    int stop_at; /* element that stops the parser, 0: none */
    int count;
} Seen;

static int note(void *ctx, const char *path, const char *text)
{
    Seen *seen = ctx;
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s=%s;", path, text);
    return ++seen->count == seen->stop_at ? 7 : 0;
}

static int parse(const char *document, Seen *seen)
{
    size_t bytes = strlen(document);
    char *exact = malloc(bytes ? bytes : 1);
    memcpy(exact, document, bytes);
    memset(seen->text, 0, sizeof seen->text);
    seen->count = 0;
    int result = xml_parse(exact, bytes, note, seen);
    free(exact);
    return result;
}

static void good_documents(void **state)
{
    static const char *const cases[][2] = {
        {"<a/>", "a=;"},
        {"<a></a>", "a=;"},
        {"<a>x</a>\n", "a=x;"},
        {"<?xml version=\"1.0\"?>\n<!-- c --><a b=\"c>d\" e='f'>x y</a >", "a=x y;"},
        {"<s3:a xmlns:s3=\"u\"><s3:b>1</s3:b></s3:a>", "a/b=1;a=;"},
        {"<a>\n  <b>&lt;&amp;&gt;&quot;&apos;</b>\n  <c>&#65;&#x20AC;&#x1F600;</c>\n</a>",
         "a/b=<&>\"';a/c=A\xE2\x82\xAC\xF0\x9F\x98\x80;a=;"},
        {"<a><b><![CDATA[<x>&amp;]]>]</b></a>", "a/b=<x>&amp;];a=;"},
        {"<a><b/><b>2</b></a>", "a/b=;a/b=2;a=;"},
        {"\xEF\xBB\xBF<a>\xC3\xA4</a>", "a=\xC3\xA4;"},
    };
    Seen seen = {.stop_at = 0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(cases[i][0], &seen) != 0)
            fail_msg("refused: %s", cases[i][0]);
        assert_string_equal(seen.text, cases[i][1]);
    }
}

static void bad_documents(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "x",
        "<",
        "<a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a/>x",
        "<a>&nope;</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#x110000;</a>",
        "<a>&#;</a>",
        "<a>&#12</a>",
        "<a>&lt</a>",
        "<a b></a>",
        "<a b=c></a>",
        "<a b=\"c></a>",
        "<a b=\"c\"d=\"e\"></a>",
        "< a/>",
        "<1a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<a><!ELEMENT b></a>",
        "<!-- <a/>",
        "<?xml <a/>",
        "<a><![CDATA[x</a>",
        "<a><b/>text</a>",
        "<a>\xFF</a>",
        "<a>\xC0\x80</a>",
        "<a>\xED\xA0\x80</a>",
        "<![CDATA[x]]>",
        "<a/",
        "<a/ >",
        "<a></a",
        "<a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a>",
    };
    Seen seen = {.stop_at = 0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (parse(cases[i], &seen) != -1)
            fail_msg("accepted: %s", cases[i]);
}

static void every_prefix_is_refused(void **state)
{
    static const char document[] =
        "<?xml version=\"1.0\"?><a x=\"y\"><b>&amp;&#65;</b><!-- c --><c/></a>";
    Seen seen = {.stop_at = 0};
    char prefix[sizeof document];
    (void)state;
    for (size_t n = 0; n < sizeof document - 1; n++) {
        memcpy(prefix, document, n);
        prefix[n] = 0;
        assert_int_equal(parse(prefix, &seen), -1);
    }
    assert_int_equal(parse(document, &seen), 0);
}

static void limits_hold(void **state)
{
    static char document[XML_TEXT_BYTES + 64];
    Seen seen = {.stop_at = 0};
    (void)state;
    sprintf(document, "<a>%*s</a>", XML_TEXT_BYTES - 1, "x");
    assert_int_equal(parse(document, &seen), 0);
    sprintf(document, "<a>%*s</a>", XML_TEXT_BYTES, "x");
    assert_int_equal(parse(document, &seen), -1);
    document[0] = '<';
    memset(document + 1, 'n', XML_PATH_BYTES);
    strcpy(document + 1 + XML_PATH_BYTES, "/>");
    assert_int_equal(parse(document, &seen), -1);
}

static void the_callback_stops_it(void **state)
{
    Seen seen = {.stop_at = 2};
    (void)state;
    assert_int_equal(parse("<a><b>1</b><b>2</b><b>3</b></a>", &seen), 7);
    assert_string_equal(seen.text, "a/b=1;a/b=2;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents),          cmocka_unit_test(bad_documents),
        cmocka_unit_test(every_prefix_is_refused), cmocka_unit_test(limits_hold),
        cmocka_unit_test(the_callback_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
