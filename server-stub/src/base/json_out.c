/* The JSON writer: grows one buffer, puts commas, escapes strings. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

static void put(JsonOut *out, const char *text, size_t bytes)
{
    if (out->failed) {
        return;
    }
    if (bytes > out->capacity - out->bytes) {
        size_t capacity = out->capacity ? out->capacity * 2 : 256;
        while (capacity - out->bytes < bytes) {
            capacity *= 2;
        }
        char *grown = realloc(out->text, capacity);
        if (!grown) {
            out->failed = 1;
            return;
        }
        out->text = grown;
        out->capacity = capacity;
    }
    memcpy(out->text + out->bytes, text, bytes);
    out->bytes += bytes;
}

static void before_value(JsonOut *out)
{
    if (out->comma) {
        put(out, ",", 1);
    }
    out->comma = 1;
}

void json_begin(JsonOut *out, char bracket)
{
    before_value(out);
    put(out, &bracket, 1);
    out->comma = 0;
}

void json_end(JsonOut *out, char bracket)
{
    put(out, &bracket, 1);
    out->comma = 1;
}

static void put_string(JsonOut *out, const char *text)
{
    size_t left = strlen(text);
    put(out, "\"", 1);
    for (const uint8_t *p = (const uint8_t *)text; left > 0;) {
        int length = json_utf8_sequence(p, left);
        char escape[8];
        if (length == 0) {
            put(out, "?", 1);
            length = 1;
        } else if (*p == '"' || *p == '\\') {
            escape[0] = '\\';
            escape[1] = (char)*p;
            put(out, escape, 2);
        } else if (*p < 0x20 || *p == 0x7f) {
            snprintf(escape, sizeof escape, "\\u%04x", *p);
            put(out, escape, 6);
        } else {
            put(out, (const char *)p, (size_t)length);
        }
        p += length;
        left -= (size_t)length;
    }
    put(out, "\"", 1);
}

void json_key(JsonOut *out, const char *name)
{
    before_value(out);
    put_string(out, name);
    put(out, ":", 1);
    out->comma = 0;
}

void json_string(JsonOut *out, const char *text)
{
    before_value(out);
    if (text) {
        put_string(out, text);
    } else {
        put(out, "null", 4);
    }
}

void json_int(JsonOut *out, int64_t value)
{
    char text[32];
    before_value(out);
    put(out, text, (size_t)snprintf(text, sizeof text, "%" PRId64, value));
}

void json_number(JsonOut *out, double value)
{
    char text[40];
    before_value(out);
    if (!isfinite(value)) {
        put(out, "null", 4);
        return;
    }
    snprintf(text, sizeof text, "%.15g", value);
    put(out, text, strlen(text));
}

void json_bool(JsonOut *out, int value)
{
    before_value(out);
    put(out, value ? "true" : "false", value ? 4 : 5);
}

void json_format_time(int64_t unix_us, char text[JSON_TIME_BYTES])
{
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, JSON_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, JSON_TIME_BYTES - length, ".%03dZ", (int)(unix_us / 1000 % 1000));
}

void json_time(JsonOut *out, int64_t unix_us)
{
    char text[JSON_TIME_BYTES];
    json_format_time(unix_us, text);
    json_string(out, text);
}

void json_raw(JsonOut *out, const char *text, size_t bytes)
{
    before_value(out);
    put(out, text, bytes);
}

const char *json_text(JsonOut *out)
{
    put(out, "", 1);
    if (out->failed) {
        return NULL;
    }
    out->bytes--;
    return out->text;
}

void json_free(JsonOut *out)
{
    free(out->text);
    memset(out, 0, sizeof *out);
}
