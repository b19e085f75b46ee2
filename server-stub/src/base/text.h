/* A growing string for XML, canonical requests and manifests. After a failed allocation it stays as
 * it was, `failed` is set and appending does nothing. */
#ifndef KEEPTAKE_SERVER_BASE_TEXT_H
#define KEEPTAKE_SERVER_BASE_TEXT_H

#include <stddef.h>

typedef struct Text {
    char *data; /* NUL-terminated; NULL while empty */
    size_t bytes;
    size_t capacity;
    int failed;
} Text;

/* A zero-filled Text is empty and ready. text_reset frees what it holds and makes it that again. */
void text_reset(Text *t);
void text_add(Text *t, const char *data, size_t bytes);
void text_add_string(Text *t, const char *string);
void text_format(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With & < > " ' and control characters as XML entities. */
void text_add_xml(Text *t, const char *string);
/* <name>escaped string</name> */
void text_add_element(Text *t, const char *name, const char *string);
/* Percent-encoded as AWS does: all but A-Z a-z 0-9 - . _ ~ (and '/' with keep_slash). */
void text_add_uri(Text *t, const char *data, size_t bytes, int keep_slash);

/* Decodes %XX (and '+' to a space with plus_is_space) from text to out, NUL-terminated. Returns the
 * length, -1 for a malformed escape, a decoded NUL, or too long for out_bytes. out may be text. */
long text_uri_decode(const char *text, size_t bytes, int plus_is_space, char *out,
                     size_t out_bytes);
/* 1 when valid UTF-8 (no surrogates, no overlong forms). */
int text_is_utf8(const char *text, size_t bytes);

#endif
