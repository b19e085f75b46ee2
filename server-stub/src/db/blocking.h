/* For tools and tests, which have a thread to themselves. Nothing that serves includes this file:
 * its reads would hold up everybody (db_read). */
#ifndef KEEPTAKE_SERVER_DB_BLOCKING_H
#define KEEPTAKE_SERVER_DB_BLOCKING_H

#include "db/db.h"

/* The connection that reads, of the thread that opened db. */
DbConnection *db_reader(Db *db);

/* Whether db_open would bring the schema of this file up to date. 0 also where there is none. */
int db_is_older(const char *path);

#endif
