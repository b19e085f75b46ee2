/* A copy of a database that others may be writing to. */
#ifndef KEEPTAKE_SERVER_DB_COPY_H
#define KEEPTAKE_SERVER_DB_COPY_H

#include <stddef.h>

/* Writes what from holds at one instant to the file to, which must not be there (0600, on disk when
 * this returns, without a log beside it). Nobody waits for it. 0, or -1 with a sentence in error.
 */
int db_copy(const char *from, const char *to, char *error, size_t error_bytes);
/* SQLite's own check of all pages and indices, and of references between tables. 0, or -1 with a
 * sentence in error. */
int db_check(const char *path, char *error, size_t error_bytes);

/* Puts what a log beside the file holds into it, and ends the log, so that it is one file. Nobody
 * else may have it open. 0, or -1 with a sentence in error. */
int db_settle(const char *path, char *error, size_t error_bytes);

#endif
