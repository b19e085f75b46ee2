/* The strict check (a scanner with an explicit stack, so that depth costs no C stack) and typed
 * access. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define JSON_STACK_DEPTH 64 /* greatest depth that any caller may allow */

typedef struct Scanner {
    const uint8_t *p, *end;
    size_t nodes;
    const char *fault;
} Scanner;

int json_utf8_sequence(const uint8_t *p, size_t bytes)
{
    if (bytes == 0) {
        return 0;
    }
    uint8_t c = p[0];
    if (c < 0x80) {
        return 1;
    }
    int length = c >= 0xc2 && c <= 0xdf   ? 2
                 : c >= 0xe0 && c <= 0xef ? 3
                 : c >= 0xf0 && c <= 0xf4 ? 4
                                          : 0;
    if (length == 0 || (size_t)length > bytes) {
        return 0;
    }
    for (int i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return length;
}

static void skip_space(Scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) {
        s->p++;
    }
}

static int scan_hex4(Scanner *s, unsigned *value)
{
    if (s->end - s->p < 4) {
        return -1;
    }
    *value = 0;
    for (int i = 0; i < 4; i++, s->p++) {
        uint8_t c = *s->p;
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
            digit = (c | 32) - 'a' + 10u;
        } else {
            return -1;
        }
        *value = *value << 4 | digit;
    }
    return 0;
}

/* After the backslash. */
static int scan_escape(Scanner *s)
{
    if (s->p >= s->end) {
        return -1;
    }
    uint8_t c = *s->p++;
    if (c != 'u') {
        return strchr("\"\\/bfnrt", c) && c ? 0 : -1;
    }
    unsigned high, low;
    if (scan_hex4(s, &high) != 0 || high == 0 || (high >= 0xdc00 && high <= 0xdfff)) {
        return -1;
    }
    if (high < 0xd800 || high > 0xdbff) {
        return 0;
    }
    if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u') {
        return -1;
    }
    s->p += 2;
    return scan_hex4(s, &low) == 0 && low >= 0xdc00 && low <= 0xdfff ? 0 : -1;
}

static int scan_string(Scanner *s)
{
    s->p++;
    while (s->p < s->end && *s->p != '"') {
        if (*s->p == '\\') {
            s->p++;
            if (scan_escape(s) != 0) {
                s->fault = "a string holds an escape that is not allowed";
                return -1;
            }
            continue;
        }
        int length = *s->p < 0x20 ? 0 : json_utf8_sequence(s->p, (size_t)(s->end - s->p));
        if (length == 0) {
            s->fault = "a string is not valid UTF-8 or holds a control character";
            return -1;
        }
        s->p += length;
    }
    if (s->p >= s->end) {
        s->fault = "a string does not end";
        return -1;
    }
    s->p++;
    return 0;
}

static int scan_digits(Scanner *s)
{
    const uint8_t *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
        s->p++;
    }
    return s->p > from ? 0 : -1;
}

static int scan_number(Scanner *s)
{
    s->fault = "a number is malformed";
    if (*s->p == '-') {
        s->p++;
    }
    int zero = s->p < s->end && *s->p == '0';
    const uint8_t *from = s->p;
    if (scan_digits(s) != 0 || (zero && s->p - from > 1)) {
        return -1;
    }
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (scan_digits(s) != 0) {
            return -1;
        }
    }
    if (s->p < s->end && (*s->p | 32) == 'e') {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-')) {
            s->p++;
        }
        if (scan_digits(s) != 0) {
            return -1;
        }
    }
    if (s->p - from > 63) { /* cJSON copies a number to a buffer of 64, and stops there */
        return -1;
    }
    s->fault = NULL;
    return 0;
}

static int scan_word(Scanner *s, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(s->end - s->p) < length || memcmp(s->p, word, length) != 0) {
        s->fault = "an unexpected character";
        return -1;
    }
    s->p += length;
    return 0;
}

static int scan_scalar(Scanner *s)
{
    switch (*s->p) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')) {
            return scan_number(s);
        }
        s->fault = "an unexpected character";
        return -1;
    }
}

/* "name" : before a member's value. */
static int scan_name(Scanner *s)
{
    skip_space(s);
    if (s->p >= s->end || *s->p != '"') {
        s->fault = "a member's name is missing";
        return -1;
    }
    if (scan_string(s) != 0) {
        return -1;
    }
    skip_space(s);
    if (s->p >= s->end || *s->p != ':') {
        s->fault = "a colon is missing";
        return -1;
    }
    s->p++;
    return 0;
}

/* Goes on after a value: closes what ends here, or stands before the next value. 1: all is read. */
static int scan_after(Scanner *s, const uint8_t *stack, int *depth)
{
    while (*depth > 0) {
        skip_space(s);
        if (s->p >= s->end) {
            s->fault = "the text ends too early";
            return -1;
        }
        uint8_t c = *s->p++;
        if (c == ',') {
            return stack[*depth - 1] == '{' ? scan_name(s) : 0;
        }
        if (c != (stack[*depth - 1] == '{' ? '}' : ']')) {
            s->fault = "a comma or a closing bracket is missing";
            return -1;
        }
        --*depth;
    }
    return 1;
}

/* At an opening bracket. 1: it was empty and is closed; 0: stands before its first value. */
static int scan_open(Scanner *s, uint8_t *stack, int *depth, int max_depth)
{
    if (*depth >= max_depth || *depth >= JSON_STACK_DEPTH) {
        s->fault = "it is nested too deeply";
        return -1;
    }
    uint8_t bracket = *s->p++;
    stack[(*depth)++] = bracket;
    skip_space(s);
    if (s->p < s->end && *s->p == (bracket == '{' ? '}' : ']')) {
        s->p++;
        --*depth;
        return 1;
    }
    return bracket == '{' ? scan_name(s) : 0;
}

static int scan_document(Scanner *s, const JsonLimits *limits)
{
    uint8_t stack[JSON_STACK_DEPTH];
    int depth = 0;
    for (;;) {
        skip_space(s);
        if (s->p >= s->end) {
            s->fault = "the text ends too early";
            return -1;
        }
        if (++s->nodes > limits->nodes) {
            s->fault = "it holds too many values";
            return -1;
        }
        int result;
        if (*s->p == '{' || *s->p == '[') {
            result = scan_open(s, stack, &depth, limits->depth);
            if (result == 0) {
                continue;
            }
        } else {
            result = scan_scalar(s);
        }
        if (result < 0) {
            return -1;
        }
        result = scan_after(s, stack, &depth);
        if (result != 0) {
            return result < 0 ? -1 : 0;
        }
    }
}

int json_check(const char *text, size_t bytes, const JsonLimits *limits, char *error,
               size_t error_bytes)
{
    Scanner s = {.p = (const uint8_t *)text, .end = (const uint8_t *)text + bytes};
    if (bytes > limits->bytes) {
        s.fault = "it is too long";
    } else if (scan_document(&s, limits) == 0) {
        skip_space(&s);
        if (s.p == s.end) {
            return 0;
        }
        s.fault = "something follows the value";
    }
    if (error) {
        snprintf(error, error_bytes, "The JSON cannot be read: %s (byte %zu).", s.fault,
                 (size_t)(s.p - (const uint8_t *)text));
    }
    return -1;
}

cJSON *json_parse(const char *text, size_t bytes, const JsonLimits *limits, char *error,
                  size_t error_bytes)
{
    if (json_check(text, bytes, limits, error, error_bytes) != 0) {
        return NULL;
    }
    cJSON *tree = cJSON_ParseWithLength(text, bytes);
    if (!tree && error) {
        snprintf(error, error_bytes, "The JSON cannot be read: there is not enough memory.");
    }
    return tree;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return item && !cJSON_IsNull(item) ? item : NULL;
}

int json_get_int(const cJSON *object, const char *name, int64_t min, int64_t max, int64_t *out,
                 char *error)
{
    const cJSON *item = member(object, name);
    if (!item) {
        return 0;
    }
    double value = item->valuedouble;
    if (!cJSON_IsNumber(item) || !(value >= (double)min && value <= (double)max) ||
        value != floor(value)) {
        snprintf(error, JSON_ERROR_BYTES, "\"%s\" must be a whole number from %lld to %lld.", name,
                 (long long)min, (long long)max);
        return -1;
    }
    *out = (int64_t)value;
    return 1;
}

int json_get_number(const cJSON *object, const char *name, double min, double max, double *out,
                    char *error)
{
    const cJSON *item = member(object, name);
    if (!item) {
        return 0;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= min && item->valuedouble <= max)) {
        snprintf(error, JSON_ERROR_BYTES, "\"%s\" must be a number from %g to %g.", name, min, max);
        return -1;
    }
    *out = item->valuedouble;
    return 1;
}

int json_get_text(const cJSON *object, const char *name, size_t max_chars, const char **out,
                  char *error)
{
    const cJSON *item = member(object, name);
    if (!item) {
        return 0;
    }
    size_t chars = 0;
    int clean = cJSON_IsString(item);
    for (const uint8_t *p = clean ? (const uint8_t *)item->valuestring : NULL; p && *p; p++) {
        clean = clean && *p >= 0x20 && *p != 0x7f;
        chars += (*p & 0xc0) != 0x80;
    }
    if (!clean || chars > max_chars) {
        snprintf(error, JSON_ERROR_BYTES,
                 "\"%s\" must be a text of at most %zu characters without control characters.",
                 name, max_chars);
        return -1;
    }
    *out = item->valuestring;
    return 1;
}

int json_get_bool(const cJSON *object, const char *name, int *out, char *error)
{
    const cJSON *item = member(object, name);
    if (!item) {
        return 0;
    }
    if (!cJSON_IsBool(item)) {
        snprintf(error, JSON_ERROR_BYTES, "\"%s\" must be true or false.", name);
        return -1;
    }
    *out = cJSON_IsTrue(item);
    return 1;
}

/* --- mending --- */

/* The four hex digits of an escape that begins at p ("\\uXXXX"), or -1. */
static long escape_value(const char *p, size_t left)
{
    long value = 0;
    if (left < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        int c = (unsigned char)p[i];
        int low = c | 32;
        if (c >= '0' && c <= '9') {
            value = value * 16 + (c - '0');
        } else if (low >= 'a' && low <= 'f') {
            value = value * 16 + (low - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

void json_mend_escapes(char *text, size_t bytes)
{
    for (size_t at = 0; at + 1 < bytes;) {
        if (text[at] != '\\') {
            at++;
            continue;
        }
        long value = escape_value(text + at, bytes - at);
        if (value < 0) {
            at += 2; /* another escape: what follows it is no backslash of its own */
            continue;
        }
        long next =
            value >= 0xd800 && value <= 0xdbff ? escape_value(text + at + 6, bytes - at - 6) : -1;
        if (next >= 0xdc00 && next <= 0xdfff) {
            at += 12;
            continue;
        }
        if (value == 0) {
            memcpy(text + at + 2, "0020", 4);
        } else if (value >= 0xd800 && value <= 0xdfff) {
            memcpy(text + at + 2, "fffd", 4);
        }
        at += 6;
    }
}
