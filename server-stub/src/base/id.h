/* Ids of rows: a prefix that says of what, then random characters. */
#ifndef KEEPTAKE_SERVER_BASE_ID_H
#define KEEPTAKE_SERVER_BASE_ID_H

#include <stddef.h>

/* Fills text with prefix and 24 random characters of [a-z2-7] (120 bits). -1: no randomness or
 * space. */
int id_make(const char *prefix, char *text, size_t text_bytes);

#endif
