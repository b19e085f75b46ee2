/* Organisations: the tenants, each with its tokens and recordings. */
#ifndef KEEPTAKE_SERVER_MODEL_ORGANISATIONS_H
#define KEEPTAKE_SERVER_MODEL_ORGANISATIONS_H

#include "db/db.h"

#define ORGANISATION_BYTES 64 /* 1..63 of [a-z0-9-], begins and ends with a letter or digit */

int organisation_name_valid(const char *name);
/* Within a transaction. DB_CONFLICT where it exists. */
int organisation_insert(DbConnection *c, const char *name, int64_t now_us);
/* DB_OK or DB_NOT_FOUND. */
int organisation_find(DbConnection *c, const char *name);
typedef struct OrganisationRow {
    char name[ORGANISATION_BYTES];
    int64_t created_us;                /* Unix time */
    int64_t recordings, bytes, tokens; /* that it has; bytes: of finished objects */
} OrganisationRow;
/* Calls each(ctx, row) for all, by name. */
int organisation_list(DbConnection *c, void (*each)(void *ctx, const OrganisationRow *row),
                      void *ctx);
/* Within a transaction. DB_CONFLICT while it has recordings or tokens. */
int organisation_delete(DbConnection *c, const char *name);

#endif
