/* JSON from outside. cJSON is lax about grammar and cannot tell bad text from lack of memory, so a
 * strict scanner looks first. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "text.h"

#ifdef KT_FUZZ
uint64_t kt__json_steps;
#define COUNT_STEP() kt__json_steps++
#else
#define COUNT_STEP() (void)0
#endif

typedef struct Scanner {
    const char *at, *end;
} Scanner;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(Scanner *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        COUNT_STEP();
        s->at++;
    }
}

static int scan_char(Scanner *s, char c)
{
    if (s->at >= s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

static int scan_word(Scanner *s, const char *word)
{
    size_t bytes = strlen(word);
    if ((size_t)(s->end - s->at) < bytes || memcmp(s->at, word, bytes) != 0)
        return 0;
    s->at += bytes;
    return 1;
}

static int scan_digits(Scanner *s)
{
    const char *from = s->at;
    while (s->at < s->end && is_digit(*s->at)) {
        COUNT_STEP();
        s->at++;
    }
    return s->at > from;
}

static int scan_number(Scanner *s)
{
    char number[KT__JSON_MAX_NUMBER_BYTES + 1];
    const char *from = s->at;
    scan_char(s, '-');
    if (!scan_char(s, '0') && !scan_digits(s))
        return 0;
    if (scan_char(s, '.') && !scan_digits(s))
        return 0;
    if (scan_char(s, 'e') || scan_char(s, 'E')) {
        if (!scan_char(s, '+'))
            scan_char(s, '-');
        if (!scan_digits(s))
            return 0;
    }
    size_t bytes = (size_t)(s->at - from);
    if (bytes > KT__JSON_MAX_NUMBER_BYTES) {
        s->at = from;
        return 0;
    }
    memcpy(number, from, bytes);
    number[bytes] = '\0';
    if (isfinite(strtod(number, NULL)))
        return 1;
    s->at = from;
    return 0;
}

/* Four hex digits, or -1. */
static int scan_hex4(Scanner *s)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = s->at < s->end ? *s->at : '\0';
        int digit = is_digit(c)              ? c - '0'
                    : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                    : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                             : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
        s->at++;
    }
    return value;
}

static int scan_escape(Scanner *s)
{
    char c = s->at < s->end ? *s->at++ : '\0';
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    int unit = scan_hex4(s);
    if (unit <= 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
        return 0;
    if (unit < 0xD800 || unit > 0xDBFF)
        return 1;
    if (!scan_word(s, "\\u"))
        return 0;
    unit = scan_hex4(s);
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static int scan_string(Scanner *s)
{
    if (!scan_char(s, '"'))
        return 0;
    while (s->at < s->end && *s->at != '"') {
        COUNT_STEP();
        if ((unsigned char)*s->at < 0x20)
            return 0;
        if (scan_char(s, '\\')) {
            if (!scan_escape(s))
                return 0;
            continue;
        }
        size_t length = kt__utf8_bytes(s->at, (size_t)(s->end - s->at));
        if (length == 0)
            return 0;
        s->at += length;
    }
    return scan_char(s, '"');
}

static int scan_value(Scanner *s, int depth);

static int scan_members(Scanner *s, char close, int depth)
{
    s->at++;
    skip_space(s);
    if (scan_char(s, close))
        return 1;
    for (;;) {
        skip_space(s);
        if (close == '}') {
            if (!scan_string(s))
                return 0;
            skip_space(s);
            if (!scan_char(s, ':'))
                return 0;
            skip_space(s);
        }
        if (!scan_value(s, depth + 1))
            return 0;
        skip_space(s);
        if (scan_char(s, close))
            return 1;
        if (!scan_char(s, ','))
            return 0;
    }
}

static int scan_value(Scanner *s, int depth)
{
    COUNT_STEP();
    if (s->at >= s->end || depth > KT__JSON_MAX_DEPTH)
        return 0;
    switch (*s->at) {
    case '{':
        return scan_members(s, '}', depth);
    case '[':
        return scan_members(s, ']', depth);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return scan_number(s);
    }
}

KtStatus kt__json_check(const char *text, size_t bytes, size_t *error_at)
{
    if (!text)
        bytes = 0, text = "";
    Scanner s = {text, text + bytes};
    skip_space(&s);
    int good = scan_value(&s, 1);
    if (good)
        skip_space(&s);
    if (error_at)
        *error_at = (size_t)(s.at - text);
    return good && s.at == s.end ? KT_OK : KT_ERR_FORMAT;
}

static KtJsonSpan trimmed(KtJsonSpan value)
{
    Scanner s = {value.data, value.data + value.bytes};
    skip_space(&s);
    KtJsonSpan span = {s.at, (size_t)(s.end - s.at)};
    return span;
}

KtJsonWalk kt__json_walk(KtJsonSpan container)
{
    container = trimmed(container);
    const char *end = container.data + container.bytes;
    int is_object = container.bytes > 0 && *container.data == '{';
    int is_array = container.bytes > 0 && *container.data == '[';
    KtJsonWalk walk = {is_object || is_array ? container.data + 1 : end, end, is_object};
    return walk;
}

int kt__json_next(KtJsonWalk *walk, KtJsonSpan *key, KtJsonSpan *value)
{
    Scanner s = {walk->at, walk->end};
    skip_space(&s);
    if (scan_char(&s, ','))
        skip_space(&s);
    if (s.at >= s.end || *s.at == '}' || *s.at == ']')
        return 0;
    key->data = s.at;
    key->bytes = 0;
    if (walk->is_object) {
        scan_string(&s);
        key->bytes = (size_t)(s.at - key->data);
        skip_space(&s);
        scan_char(&s, ':');
        skip_space(&s);
    }
    value->data = s.at;
    scan_value(&s, 1);
    value->bytes = (size_t)(s.at - value->data);
    walk->at = s.at;
    return 1;
}

char kt__json_kind(KtJsonSpan value)
{
    value = trimmed(value);
    return value.bytes > 0 ? *value.data : '\0';
}

int kt__json_key_is(KtJsonSpan key, const char *name)
{
    size_t bytes = strlen(name);
    return key.bytes == bytes + 2 && memcmp(key.data + 1, name, bytes) == 0;
}

cJSON *kt__json_tree(KtJsonSpan value)
{
    return cJSON_ParseWithLength(value.data, value.bytes);
}
