/* The rows of organisations. */
#include "model/organisations.h"

#include <string.h>

int organisation_name_valid(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < ORGANISATION_BYTES && name[0] != '-' && name[length - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

int organisation_insert(DbConnection *c, const char *name, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_ORGANISATION_INSERT_SQL);
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, now_us);
    return db_run(c, s);
}

int organisation_find(DbConnection *c, const char *name)
{
    sqlite3_stmt *s = db_statement(c, DB_ORGANISATION_GET_SQL);
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    int result = db_step(c, s);
    if (result > 0) {
        sqlite3_reset(s);
    }
    return result > 0 ? DB_OK : result == 0 ? DB_NOT_FOUND : result;
}

int organisation_list(DbConnection *c, void (*each)(void *ctx, const OrganisationRow *row),
                      void *ctx)
{
    sqlite3_stmt *s = db_statement(c, DB_ORGANISATION_LIST_SQL);
    int result;
    while ((result = db_step(c, s)) > 0) {
        OrganisationRow row = {.created_us = sqlite3_column_int64(s, 1),
                               .recordings = sqlite3_column_int64(s, 2),
                               .bytes = sqlite3_column_int64(s, 3),
                               .tokens = sqlite3_column_int64(s, 4)};
        db_text(s, 0, row.name, sizeof row.name);
        each(ctx, &row);
    }
    return result;
}

int organisation_delete(DbConnection *c, const char *name)
{
    sqlite3_stmt *s = db_statement(c, DB_ORGANISATION_USE_DELETE_SQL);
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    int status = db_run(c, s);
    if (status != DB_OK && status != DB_NOT_FOUND) {
        return status;
    }
    s = db_statement(c, DB_ORGANISATION_DELETE_SQL);
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    return db_run(c, s);
}
