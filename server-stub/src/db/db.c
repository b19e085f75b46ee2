/* The connections and their statements; opening and closing. writer.c writes, reads.c reads.
 */
#include "db/db_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "db/blocking.h"

static const char *const statement_sql[] = {
#define DB_STATEMENT_SQL(name, sql) sql,
    DB_STATEMENT_MAP(DB_STATEMENT_SQL)
#undef DB_STATEMENT_SQL
};

#define BUSY_MS 5000       /* the command line tools may write at the same time */
#define BUSY_READER_MS 500 /* they hardly ever have to wait */

int db_status(DbConnection *c, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) {
        return DB_OK;
    }
    c->last_code = sqlite3_extended_errcode(c->sql);
    if ((code & 0xff) == SQLITE_CONSTRAINT) {
        return DB_CONFLICT;
    }
    /* The index of the log (…-shm) cannot grow either: SQLite says so in another way. */
    return (code & 0xff) == SQLITE_FULL || c->last_code == SQLITE_IOERR_SHMSIZE ? DB_FULL : DB_IO;
}

sqlite3_stmt *db_statement(DbConnection *c, DbStatementId id)
{
    if (!c->statements[id]) {
        int code = sqlite3_prepare_v3(c->sql, statement_sql[id], -1, SQLITE_PREPARE_PERSISTENT,
                                      &c->statements[id], NULL);
        if (db_status(c, code) != DB_OK) {
            return NULL;
        }
    } else {
        sqlite3_reset(c->statements[id]);
        sqlite3_clear_bindings(c->statements[id]);
    }
    return c->statements[id];
}

int db_step(DbConnection *c, sqlite3_stmt *statement)
{
    if (!statement) {
        return DB_IO;
    }
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return 1;
    }
    int status = db_status(c, code);
    sqlite3_reset(statement);
    return status;
}

int db_run(DbConnection *c, sqlite3_stmt *statement)
{
    int status = db_step(c, statement);
    if (status > 0) {
        sqlite3_reset(statement);
        return DB_OK;
    }
    return status == DB_OK && sqlite3_changes(c->sql) == 0 ? DB_NOT_FOUND : status;
}

void db_text(sqlite3_stmt *statement, int column, char *out, size_t out_bytes)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    snprintf(out, out_bytes, "%s", text ? (const char *)text : "");
}

int db__control(DbConnection *c, DbStatementId id)
{
    return db_step(c, db_statement(c, id));
}

void db__close_connection(DbConnection *c)
{
    for (int i = 0; i < DB_STATEMENT_COUNT; i++) {
        sqlite3_finalize(c->statements[i]);
    }
    sqlite3_close(c->sql);
    memset(c, 0, sizeof *c);
}

/* principal() of the statements. */
static void tell_principal(sqlite3_context *call, int count, sqlite3_value **values)
{
    const DbConnection *c = sqlite3_user_data(call);
    (void)count;
    (void)values;
    sqlite3_result_text(call, c->by && *c->by ? c->by : "server", -1, SQLITE_TRANSIENT);
}

int db__open_connection(DbConnection *c, const char *path, int writes, char *error,
                        size_t error_bytes)
{
    const char *setup = writes ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                 "PRAGMA foreign_keys = ON; PRAGMA cache_size = -512;"
                                 "PRAGMA wal_autocheckpoint = 400;"
                               : "PRAGMA query_only = ON; PRAGMA cache_size = -512;";
    int code = sqlite3_open_v2(
        path, &c->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(c->sql, writes ? BUSY_MS : BUSY_READER_MS);
        code = sqlite3_exec(c->sql, setup, NULL, NULL, NULL);
        code = code == SQLITE_OK ? sqlite3_create_function(c->sql, "principal", 0, SQLITE_UTF8, c,
                                                           tell_principal, NULL, NULL)
                                 : code;
    }
    if (code != SQLITE_OK) {
        snprintf(error, error_bytes, "The database %.300s cannot be opened: %s.", path,
                 c->sql ? sqlite3_errmsg(c->sql) : "not enough memory");
        return -1;
    }
    return 0;
}

void db_set_log(Db *db, const Log *log)
{
    db->log = log;
}

void db__tell_failure(const Db *db, const DbConnection *c, int status, const char *what)
{
    if (db->log && (status == DB_IO || status == DB_FULL)) {
        log_write(db->log, LOG_ERROR, "database-failed", "ssds", "what", what, "reason",
                  c ? sqlite3_errstr(c->last_code) : "it cannot be opened", "code",
                  c ? c->last_code : 0, "effect",
                  status == DB_FULL ? "nothing was changed: the disk is full"
                                    : "nothing was changed");
    }
}

void db_set_reserve(Db *db, int (*drop)(void *ctx), void *ctx)
{
    db->drop_reserve = drop;
    db->reserve_ctx = ctx;
}

/* Zero-filled, with its locks. NULL: no memory. */
static Db *make(const char *path)
{
    Db *db = calloc(1, sizeof *db);
    if (!db) {
        return NULL;
    }
    db->path = strdup(path);
    if (!db->path || uv_mutex_init(&db->mutex) != 0) {
        goto no_mutex;
    }
    if (uv_cond_init(&db->wake) != 0) {
        goto no_cond;
    }
    if (uv_mutex_init(&db->readers_mutex) != 0) {
        goto no_readers;
    }
    if (uv_cond_init(&db->reader_free) == 0) {
        return db;
    }
    uv_mutex_destroy(&db->readers_mutex);
no_readers:
    uv_cond_destroy(&db->wake);
no_cond:
    uv_mutex_destroy(&db->mutex);
no_mutex:
    free(db->path);
    free(db);
    return NULL;
}

int db_open(uv_loop_t *loop, const char *path, Db **out, char *error, size_t error_bytes)
{
    *out = NULL;
    Db *db = make(path);
    if (!db) {
        snprintf(error, error_bytes, "There is not enough memory.");
        return -1;
    }
    db->loop = loop;
    if (db__open_connection(&db->writer, path, 1, error, error_bytes) != 0 ||
        db__bring_up_to_date(&db->writer, path, error, error_bytes) != 0 ||
        db__open_connection(&db->blocking, path, 0, error, error_bytes) != 0) {
        goto fail;
    }
    if (loop && (db__start_readers(db) != 0 || db__start_writer(db) != 0)) {
        snprintf(error, error_bytes, "The threads of the database cannot be started.");
        goto fail;
    }
    *out = db;
    return 0;
fail:
    db_close(&db);
    return -1;
}

void db_close(Db **slot)
{
    Db *db = *slot;
    if (!db) {
        return;
    }
    db__stop_readers(db); /* what is read may lead to writes; whatever comes later works at once */
    db__stop_writer(db);
    db__close_connection(&db->blocking);
    db__close_connection(&db->writer);
    uv_cond_destroy(&db->reader_free);
    uv_mutex_destroy(&db->readers_mutex);
    uv_cond_destroy(&db->wake);
    uv_mutex_destroy(&db->mutex);
    free(db->path);
    free(db);
    *slot = NULL;
}

DbConnection *db_reader(Db *db)
{
    return &db->blocking;
}

int db_backlog(const Db *db)
{
    return db ? db->writing + db->reading : 0;
}

void db_stats(Db *db, DbStats *out)
{
    uv_mutex_lock(&db->mutex);
    *out = (DbStats){
        .writes = db->writes,
        .commits = db->commits,
        .writes_waiting = db->writing,
        .reads_waiting = db->reading,
    };
    uv_mutex_unlock(&db->mutex);
}

void db_write_metrics(void *ctx, Text *out)
{
    Db *db = ctx;
    DbStats stats;
    db_stats(db, &stats);
    metrics_value(out, "keeptake_database_backlog", "gauge", "Writes waiting for the database.",
                  stats.writes_waiting);
    metrics_value(out, "keeptake_database_reads_waiting", "gauge", "Reads waiting for it.",
                  stats.reads_waiting);
    metrics_value(out, "keeptake_database_writes_total", "counter", "Writes that were done.",
                  (double)stats.writes);
    metrics_value(out, "keeptake_database_commits_total", "counter",
                  "Commits; those that wait share one.", (double)stats.commits);
    histogram_write_one(&db->times.waited, out, "keeptake_database_write_wait_seconds",
                        "How long writes waited for the writing thread.");
    histogram_write_one(&db->times.worked, out, "keeptake_database_write_seconds",
                        "From then on until they were on disk.");
    histogram_write_one(&workers_times(db->readers)->waited, out,
                        "keeptake_database_read_wait_seconds",
                        "How long reads waited for a reading thread.");
    histogram_write_one(&workers_times(db->readers)->worked, out, "keeptake_database_read_seconds",
                        "How long reads took on it.");
}
