/* JSON from outside: strict grammar first, without allocating, then cJSON for the tree. */
#ifndef KEEPTAKE_SRC_JSON_H
#define KEEPTAKE_SRC_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"

struct cJSON;

#define KT__JSON_MAX_DEPTH 32
#define KT__JSON_MAX_NUMBER_BYTES 60 /* cJSON cuts longer ones off */

/* Part of a text, borrowed. */
typedef struct KtJsonSpan {
    const char *data;
    size_t bytes;
} KtJsonSpan;

#ifdef KT_FUZZ
/* Bytes that the scanner passed since the program began: a fuzzer sees by it that no text is read
 * over and over. */
extern uint64_t kt__json_steps;
#endif

/* KT_OK where text is exactly one JSON value by RFC 8259, in UTF-8, nested at most
 * KT__JSON_MAX_DEPTH deep, with finite numbers and no NUL in strings. ERR_FORMAT otherwise;
 * *error_at (may be NULL) is the offset of the first bad byte. */
KtStatus kt__json_check(const char *text, size_t bytes, size_t *error_at);

/* Where a walk through the members of an object, or the elements of an array, stands. Every byte is
 * passed once, whatever white space surrounds the container. */
typedef struct KtJsonWalk {
    const char *at, *end; /* borrowed from the container */
    int is_object;
} KtJsonWalk;

/* Begins at the first member of container, an object or an array that kt__json_check accepted;
 * anything else has no members. */
KtJsonWalk kt__json_walk(KtJsonSpan container);
/* Fills key and value with the next member; key keeps its quotes and is empty in arrays. Returns 1,
 * or 0 at the end. */
int kt__json_next(KtJsonWalk *walk, KtJsonSpan *key, KtJsonSpan *value);

/* First byte of the value: { [ " t f n - or a digit. */
char kt__json_kind(KtJsonSpan value);
/* 1 where key is exactly "name", written without escapes. */
int kt__json_key_is(KtJsonSpan key, const char *name);

/* The tree of a checked text, freed by cJSON_Delete. NULL: out of memory. */
struct cJSON *kt__json_tree(KtJsonSpan value);

#endif
