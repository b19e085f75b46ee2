/* Text that grows, and JSON written into it. Errors stick: write everything, look at status once.
 */
#ifndef KEEPTAKE_SRC_TEXT_H
#define KEEPTAKE_SRC_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"

/* Bytes that a JSON number written by kt__text_number takes at most, without a NUL. */
#define KT__TEXT_NUMBER_BYTES 32

typedef struct KtText {
    size_t max_bytes; /* without the NUL */
    int fixed;        /* data is the caller's, capacity bytes long */
    char *data;       /* NUL-terminated once something was added; NULL before */
    size_t bytes, capacity;
    KtStatus status; /* KT_OK, ERR_MEMORY, ERR_LIMIT (max_bytes), ERR_SPACE (fixed buffer full) */
} KtText;

/* Grows on the heap up to max_bytes; kt__text_reset frees it. */
void kt__text_init(KtText *text, size_t max_bytes);
/* Writes into buffer (borrowed, NUL-terminated at every moment where bytes > 0). */
void kt__text_init_fixed(KtText *text, char *buffer, size_t buffer_bytes);
void kt__text_reset(KtText *text);
/* Hands the heap text over (kt_text_free); the builder is empty afterwards. On failure the text is
 * freed and nothing is handed over. */
KtStatus kt__text_take(KtText *text, char **out, size_t *out_bytes);

void kt__text_add(KtText *text, const char *data, size_t bytes);
void kt__text_puts(KtText *text, const char *string);
/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void kt__text_string(KtText *text, const char *string);
/* The shortest of %.15g and %.17g that reads back as value; 0 where value is not finite. */
void kt__text_number(KtText *text, double value);
void kt__text_int(KtText *text, int64_t value);
/* Microseconds as seconds with six digits. */
void kt__text_seconds(KtText *text, int64_t us);
/* A quoted ISO 8601 UTC time with milliseconds. unix_us in [0, KT__WALL_MAX_US]. */
void kt__text_wall(KtText *text, int64_t unix_us);
/* ,"key": or, at the start of an object or array, "key": */
void kt__text_key(KtText *text, const char *key);

/* 9999-12-31T23:59:59.999999Z */
#define KT__WALL_MAX_US INT64_C(253402300799999999)
/* Reads exactly YYYY-MM-DDTHH:MM:SS.mmmZ. ERR_FORMAT. */
KtStatus kt__wall_parse(const char *text, int64_t *unix_us);

/* Bytes of the UTF-8 character at data (1..4), 0 where it is not one. */
size_t kt__utf8_bytes(const char *data, size_t bytes);

#endif
