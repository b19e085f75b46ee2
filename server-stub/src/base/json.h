/* JSON at the edge of the server: a strict check of outside text before cJSON builds a tree of it,
 * typed access to that tree with messages for people, and a writer. */
#ifndef KEEPTAKE_SERVER_BASE_JSON_H
#define KEEPTAKE_SERVER_BASE_JSON_H

#include <cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* What a text from outside may be. */
typedef struct JsonLimits {
    size_t bytes;
    int depth;    /* of nested arrays and objects */
    size_t nodes; /* values in all: bounds the memory of the tree (about 64 bytes each) */
} JsonLimits;

#define JSON_ERROR_BYTES 192

/* Checks text against RFC 8259 and the limits: one value, valid UTF-8, no \u0000, no lone
 * surrogate. Returns 0, or -1 with a sentence in error (may be NULL). */
int json_check(const char *text, size_t bytes, const JsonLimits *limits, char *error,
               size_t error_bytes);
/* Checks, then parses. The tree is the caller's (cJSON_Delete). NULL with a sentence in error. */
cJSON *json_parse(const char *text, size_t bytes, const JsonLimits *limits, char *error,
                  size_t error_bytes);

/* Makes escapes that json_check refuses harmless, in place: \u0000 becomes a space, half of a
 * surrogate pair (a text that was cut in the middle of an emoji) U+FFFD. */
void json_mend_escapes(char *text, size_t bytes);

/* Reads one member of an object. Each returns 1 (found, *out set), 0 (absent or null, *out
 * untouched) or -1 (another type or outside the range: a sentence in error[JSON_ERROR_BYTES]). */
int json_get_int(const cJSON *object, const char *name, int64_t min, int64_t max, int64_t *out,
                 char *error);
int json_get_number(const cJSON *object, const char *name, double min, double max, double *out,
                    char *error);
/* *out is borrowed from the tree. max_chars counts code points; control characters are refused. */
int json_get_text(const cJSON *object, const char *name, size_t max_chars, const char **out,
                  char *error);
int json_get_bool(const cJSON *object, const char *name, int *out, char *error);

/* A text being written; zero-filled to begin. Commas are put by the writer. After a failed
 * allocation `failed` is set and every call does nothing. */
typedef struct JsonOut {
    char *text; /* not NUL-terminated until json_text */
    size_t bytes, capacity;
    int failed;
    int comma; /* the next value needs one before it */
} JsonOut;

void json_begin(JsonOut *out, char bracket); /* '{' or '[' */
void json_end(JsonOut *out, char bracket);   /* '}' or ']' */
void json_key(JsonOut *out, const char *name);
void json_string(JsonOut *out,
                 const char *text); /* NULL: null; bytes that are not UTF-8 become '?' */
void json_int(JsonOut *out, int64_t value);
void json_number(JsonOut *out, double value); /* not finite: null */
void json_bool(JsonOut *out, int value);
/* ISO 8601 with milliseconds, UTC, as a string. */
void json_time(JsonOut *out, int64_t unix_us);
/* Appends bytes as they are (a finished JSON value). */
void json_raw(JsonOut *out, const char *text, size_t bytes);
/* Ends the text with NUL and returns it, NULL where failed. Owned by out. */
const char *json_text(JsonOut *out);
void json_free(JsonOut *out);

/* Writes "2026-01-31T12:00:00.000Z" (24 bytes and NUL) into text. */
#define JSON_TIME_BYTES 32
void json_format_time(int64_t unix_us, char text[JSON_TIME_BYTES]);
/* Length of the valid UTF-8 sequence at p (1..4), 0 where there is none. */
int json_utf8_sequence(const uint8_t *p, size_t bytes);

#endif
