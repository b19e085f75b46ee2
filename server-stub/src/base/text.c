#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int text_reserve(Text *t, size_t more)
{
    if (t->failed)
        return 0;
    if (t->bytes + more + 1 <= t->capacity)
        return 1;
    size_t capacity = t->capacity ? t->capacity * 2 : 256;
    if (capacity < t->bytes + more + 1)
        capacity = t->bytes + more + 1;
    char *data = realloc(t->data, capacity);
    if (!data) {
        t->failed = 1;
        return 0;
    }
    t->data = data;
    t->capacity = capacity;
    return 1;
}

void text_reset(Text *t)
{
    free(t->data);
    memset(t, 0, sizeof *t);
}

void text_add(Text *t, const char *data, size_t bytes)
{
    if (!text_reserve(t, bytes))
        return;
    if (bytes)
        memcpy(t->data + t->bytes, data, bytes);
    t->bytes += bytes;
    t->data[t->bytes] = 0;
}

void text_add_string(Text *t, const char *string)
{
    text_add(t, string, strlen(string));
}

void text_format(Text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (bytes < 0 || !text_reserve(t, (size_t)bytes))
        return;
    va_start(args, format);
    vsnprintf(t->data + t->bytes, (size_t)bytes + 1, format, args);
    va_end(args);
    t->bytes += (size_t)bytes;
}

void text_add_xml(Text *t, const char *string)
{
    for (const unsigned char *p = (const unsigned char *)string; *p; p++) {
        if (*p == '&')
            text_add_string(t, "&amp;");
        else if (*p == '<')
            text_add_string(t, "&lt;");
        else if (*p == '>')
            text_add_string(t, "&gt;");
        else if (*p == '"')
            text_add_string(t, "&quot;");
        else if (*p == '\'')
            text_add_string(t, "&#39;");
        else if (*p < 0x20)
            text_format(t, "&#x%X;", *p);
        else
            text_add(t, (const char *)p, 1);
    }
}

void text_add_element(Text *t, const char *name, const char *string)
{
    text_format(t, "<%s>", name);
    text_add_xml(t, string);
    text_format(t, "</%s>", name);
}

static int is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void text_add_uri(Text *t, const char *data, size_t bytes, int keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)data[i];
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            text_add(t, data + i, 1);
        } else {
            char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
            text_add(t, escape, 3);
        }
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

long text_uri_decode(const char *text, size_t bytes, int plus_is_space, char *out, size_t out_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        int c = (unsigned char)text[i];
        if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            if (i + 2 >= bytes || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
                return -1;
            c = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
            i += 2;
        }
        if (c == 0 || n + 1 >= out_bytes)
            return -1;
        out[n++] = (char)c;
    }
    if (out_bytes == 0)
        return -1;
    out[n] = 0;
    return (long)n;
}

int text_is_utf8(const char *text, size_t bytes)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < bytes;) {
        int more = p[i] < 0x80             ? 0
                   : (p[i] & 0xE0) == 0xC0 ? 1
                   : (p[i] & 0xF0) == 0xE0 ? 2
                   : (p[i] & 0xF8) == 0xF0 ? 3
                                           : -1;
        if (more < 0 || i + (size_t)more >= bytes)
            return 0;
        uint32_t code = more == 0 ? p[i] : p[i] & (0x3Fu >> more);
        for (int k = 1; k <= more; k++) {
            if ((p[i + (size_t)k] & 0xC0) != 0x80)
                return 0;
            code = code << 6 | (p[i + (size_t)k] & 0x3Fu);
        }
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return 0;
        i += (size_t)more + 1;
    }
    return 1;
}
