/* The two connections, the writing thread with its queue, and the migrations. */
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct DbJob DbJob;
struct DbJob {
    int (*work)(DbConnection *c, void *ctx);
    void *ctx;
    void (*done)(void *ctx, int status);
    int status;
    int frees;
    DbJob *next;
};

typedef struct DbQueue {
    DbJob *first, **last;
} DbQueue;

struct Db {
    DbConnection reader, writer;
    DbConnection side; /* guarded by side_mutex */
    uv_mutex_t side_mutex;
    uv_loop_t *loop;
    uv_thread_t thread;
    int thread_runs;
    uv_async_t *async; /* own memory: it outlives the Db until the loop has closed it */
    uv_mutex_t mutex;
    uv_cond_t wake;
    DbQueue waiting, finished; /* guarded by mutex */
    int stopping;              /* guarded by mutex */
    int backlog;               /* loop's thread */
    int (*drop_reserve)(void *ctx);
    void *reserve_ctx;
};

static const char *const statement_sql[] = {
#define DB_STATEMENT_SQL(name, sql) sql,
    DB_STATEMENT_MAP(DB_STATEMENT_SQL)
#undef DB_STATEMENT_SQL
};

/* migrations[n] brings user_version n to n + 1. Never edited once released: only added to.
 * state: RecordingState, pending: RecordingPending (model/recordings.h), role: Role
 * (model/tokens.h). */
static const char *const migrations[] = {
    "CREATE TABLE organisations(name TEXT PRIMARY KEY, created_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE tokens(id TEXT PRIMARY KEY, organisation TEXT NOT NULL REFERENCES "
    "organisations(name),"
    " role INTEGER NOT NULL, label TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, created_us INTEGER "
    "NOT NULL,"
    " expires_us INTEGER NOT NULL);"
    "CREATE INDEX tokens_of ON tokens(organisation, created_us);"
    "CREATE TABLE recordings(id TEXT PRIMARY KEY,"
    " organisation TEXT NOT NULL REFERENCES organisations(name), title TEXT NOT NULL,"
    " state INTEGER NOT NULL, pending INTEGER NOT NULL DEFAULT 0, created_us INTEGER NOT NULL,"
    " completed_us INTEGER, duration_us INTEGER, bytes INTEGER, codec TEXT NOT NULL,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, fps REAL NOT NULL, video_bitrate INTEGER "
    "NOT NULL,"
    " audio_bitrate INTEGER NOT NULL, max_length_us INTEGER NOT NULL, upload_id TEXT,"
    " part_bytes INTEGER NOT NULL, digest BLOB, changed_us INTEGER NOT NULL,"
    " has_timeline INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX recordings_of ON recordings(organisation, created_us, id);"
    "CREATE INDEX recordings_open ON recordings(id) WHERE state <> 3 OR pending <> 0;"
    "CREATE TABLE timelines(recording TEXT PRIMARY KEY REFERENCES recordings(id) ON DELETE CASCADE,"
    " data BLOB NOT NULL);",
    /* salvaged: the server finished it alone; salvage_bytes: of the object, those that are the take
     */
    "ALTER TABLE recordings ADD COLUMN salvaged INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recordings ADD COLUMN salvage_bytes INTEGER;",
    /* alive_us: the last sign of life; writer_known: it came with the writer's secret;
     * writer_token: the token that it came with; creation_key: SHA-256 of who created it with which
     * Idempotency-Key */
    "ALTER TABLE recordings ADD COLUMN alive_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recordings ADD COLUMN writer_known INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recordings ADD COLUMN writer_token TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE recordings ADD COLUMN creation_key BLOB;"
    "CREATE UNIQUE INDEX recordings_by_key ON recordings(creation_key) WHERE creation_key IS NOT "
    "NULL;",
    /* seen_us: what time the server last believed it was */
    "CREATE TABLE server_clock(one INTEGER PRIMARY KEY CHECK(one = 1), seen_us INTEGER NOT NULL);",
    /* How many recordings are in each state, kept by the database itself: a count would read them
     * all. */
    "CREATE TABLE recording_states(state INTEGER PRIMARY KEY, count INTEGER NOT NULL);"
    "INSERT INTO recording_states SELECT state, count(*) FROM recordings GROUP BY state;"
    "CREATE TRIGGER recordings_made AFTER INSERT ON recordings BEGIN"
    " INSERT OR IGNORE INTO recording_states VALUES(new.state, 0);"
    " UPDATE recording_states SET count = count + 1 WHERE state = new.state; END;"
    "CREATE TRIGGER recordings_gone AFTER DELETE ON recordings BEGIN"
    " UPDATE recording_states SET count = count - 1 WHERE state = old.state; END;"
    "CREATE TRIGGER recordings_moved AFTER UPDATE OF state ON recordings"
    " WHEN old.state <> new.state BEGIN"
    " INSERT OR IGNORE INTO recording_states VALUES(new.state, 0);"
    " UPDATE recording_states SET count = count - 1 WHERE state = old.state;"
    " UPDATE recording_states SET count = count + 1 WHERE state = new.state; END;",
};
#define MIGRATION_COUNT ((int)(sizeof migrations / sizeof migrations[0]))
#define BUSY_MS 5000      /* the command line tools may write at the same time */
#define BUSY_READER_MS 50 /* the loop must not wait; readers hardly ever have to */

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

static int control(DbConnection *c, DbStatementId id)
{
    return db_step(c, db_statement(c, id));
}

static void close_connection(DbConnection *c)
{
    for (int i = 0; i < DB_STATEMENT_COUNT; i++) {
        sqlite3_finalize(c->statements[i]);
    }
    sqlite3_close(c->sql);
    memset(c, 0, sizeof *c);
}

static int open_connection(DbConnection *c, const char *path, int writes, char *error,
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
    }
    if (code != SQLITE_OK) {
        snprintf(error, error_bytes, "The database %.300s cannot be opened: %s.", path,
                 c->sql ? sqlite3_errmsg(c->sql) : "not enough memory");
        return -1;
    }
    return 0;
}

static int user_version(DbConnection *c)
{
    sqlite3_stmt *s = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(c->sql, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        version = sqlite3_column_int(s, 0);
    }
    sqlite3_finalize(s);
    return version;
}

/* There is no way back to an older version: a whole copy, PATH.vN, is made first, unless there is
 * one already. Where it cannot be made (a full disk), the server starts all the same. */
static void keep_copy(DbConnection *c, const char *path)
{
    int version = user_version(c);
    if (version < 1 || version >= MIGRATION_COUNT) {
        return;
    }
    char *name = sqlite3_mprintf("%s.v%d", path, version);
    char *half = sqlite3_mprintf("%s.new", name);
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", half);
    if (name && half && sql && access(name, F_OK) != 0) {
        unlink(half); /* of an attempt that was killed */
        if (sqlite3_exec(c->sql, sql, NULL, NULL, NULL) != SQLITE_OK || rename(half, name) != 0) {
            unlink(half);
        }
    }
    sqlite3_free(sql);
    sqlite3_free(half);
    sqlite3_free(name);
}

static int migrate(DbConnection *c, char *error, size_t error_bytes)
{
    int status = control(c, DB_BEGIN_SQL);
    int version = status == DB_OK ? user_version(c) : -1;
    if (version > MIGRATION_COUNT) {
        snprintf(error, error_bytes,
                 "The database is of version %d, this program knows %d: it is older.", version,
                 MIGRATION_COUNT);
        control(c, DB_ROLLBACK_SQL);
        return -1;
    }
    int code = version < 0 ? SQLITE_ERROR : SQLITE_OK;
    for (int v = version; v < MIGRATION_COUNT && code == SQLITE_OK; v++) {
        char mark[64];
        snprintf(mark, sizeof mark, "PRAGMA user_version = %d", v + 1);
        code = sqlite3_exec(c->sql, migrations[v], NULL, NULL, NULL);
        code = code == SQLITE_OK ? sqlite3_exec(c->sql, mark, NULL, NULL, NULL) : code;
    }
    if (code == SQLITE_OK && control(c, DB_COMMIT_SQL) == DB_OK) {
        return 0;
    }
    snprintf(error, error_bytes, "The database cannot be brought up to date: %s.",
             sqlite3_errmsg(c->sql));
    control(c, DB_ROLLBACK_SQL);
    return -1;
}

static int transact(DbConnection *c, int (*work)(DbConnection *c, void *ctx), void *ctx)
{
    int status = control(c, DB_BEGIN_SQL);
    if (status != DB_OK) {
        return status;
    }
    int result = work(c, ctx);
    status = result < 0 ? result : control(c, DB_COMMIT_SQL);
    if (status < 0 && !sqlite3_get_autocommit(c->sql)) {
        control(c, DB_ROLLBACK_SQL);
    }
    return status < 0 ? status : result;
}

static void queue_put(DbQueue *q, DbJob *job)
{
    job->next = NULL;
    if (!q->first) {
        q->last = &q->first;
    }
    *q->last = job;
    q->last = &job->next;
}

static DbJob *queue_take(DbQueue *q)
{
    DbJob *job = q->first;
    if (job) {
        q->first = job->next;
    }
    return job;
}

static void writer_main(void *arg)
{
    Db *db = arg;
    uv_mutex_lock(&db->mutex);
    for (;;) {
        DbJob *job = queue_take(&db->waiting);
        if (!job) {
            if (db->stopping) {
                break;
            }
            uv_cond_wait(&db->wake, &db->mutex);
            continue;
        }
        uv_mutex_unlock(&db->mutex);
        job->status = transact(&db->writer, job->work, job->ctx);
        if (job->status == DB_FULL && job->frees && db->drop_reserve &&
            db->drop_reserve(db->reserve_ctx)) {
            job->status = transact(&db->writer, job->work, job->ctx);
        }
        uv_mutex_lock(&db->mutex);
        queue_put(&db->finished, job);
        uv_async_send(db->async);
    }
    uv_mutex_unlock(&db->mutex);
}

static void run_finished(Db *db)
{
    for (;;) {
        uv_mutex_lock(&db->mutex);
        DbJob *job = queue_take(&db->finished);
        uv_mutex_unlock(&db->mutex);
        if (!job) {
            return;
        }
        db->backlog--;
        if (job->done) {
            job->done(job->ctx, job->status);
        }
        free(job);
    }
}

static void on_async(uv_async_t *async)
{
    if (async->data) {
        run_finished(async->data);
    }
}

void db_set_reserve(Db *db, int (*drop)(void *ctx), void *ctx)
{
    db->drop_reserve = drop;
    db->reserve_ctx = ctx;
}

static void begin_write(Db *db, int (*work)(DbConnection *c, void *ctx), void *ctx,
                        void (*done)(void *ctx, int status), int frees)
{
    DbJob *job = db->thread_runs ? calloc(1, sizeof *job) : NULL;
    if (!job) { /* no thread, or no memory: at once, on this one, after all that waits */
        int status = db->thread_runs ? DB_IO : transact(&db->writer, work, ctx);
        if (done) {
            done(ctx, status);
        }
        return;
    }
    job->work = work;
    job->ctx = ctx;
    job->done = done;
    job->frees = frees;
    db->backlog++;
    uv_mutex_lock(&db->mutex);
    queue_put(&db->waiting, job);
    uv_cond_signal(&db->wake);
    uv_mutex_unlock(&db->mutex);
}

void db_write(Db *db, int (*work)(DbConnection *c, void *ctx), void *ctx,
              void (*done)(void *ctx, int status))
{
    begin_write(db, work, ctx, done, 0);
}

void db_write_freeing(Db *db, int (*work)(DbConnection *c, void *ctx), void *ctx,
                      void (*done)(void *ctx, int status))
{
    begin_write(db, work, ctx, done, 1);
}

static int start_thread(Db *db, uv_loop_t *loop)
{
    db->async = calloc(1, sizeof *db->async);
    if (!db->async) {
        return -1;
    }
    if (uv_async_init(loop, db->async, on_async) != 0) {
        free(db->async);
        db->async = NULL;
        return -1;
    }
    db->async->data = db;
    db->loop = loop;
    if (uv_thread_create(&db->thread, writer_main, db) != 0) {
        return -1;
    }
    db->thread_runs = 1;
    return 0;
}

int db_open(uv_loop_t *loop, const char *path, Db **out, char *error, size_t error_bytes)
{
    *out = NULL;
    Db *db = calloc(1, sizeof *db);
    if (!db) {
        snprintf(error, error_bytes, "There is not enough memory.");
        return -1;
    }
    if (uv_mutex_init(&db->mutex) != 0) {
        free(db);
        return -1;
    }
    if (uv_cond_init(&db->wake) != 0) {
        uv_mutex_destroy(&db->mutex);
        free(db);
        return -1;
    }
    if (uv_mutex_init(&db->side_mutex) != 0) {
        uv_cond_destroy(&db->wake);
        uv_mutex_destroy(&db->mutex);
        free(db);
        return -1;
    }
    int opened = open_connection(&db->writer, path, 1, error, error_bytes) == 0;
    if (opened) {
        keep_copy(&db->writer, path);
    }
    if (!opened || migrate(&db->writer, error, error_bytes) != 0 ||
        open_connection(&db->reader, path, 0, error, error_bytes) != 0 ||
        open_connection(&db->side, path, 0, error, error_bytes) != 0) {
        goto fail;
    }
    if (loop && start_thread(db, loop) != 0) {
        snprintf(error, error_bytes, "The thread of the database cannot be started.");
        goto fail;
    }
    *out = db;
    return 0;
fail:
    db_close(&db);
    return -1;
}

static void free_async(uv_handle_t *handle)
{
    free(handle);
}

void db_close(Db **slot)
{
    Db *db = *slot;
    if (!db) {
        return;
    }
    if (db->thread_runs) {
        uv_mutex_lock(&db->mutex);
        db->stopping = 1;
        uv_cond_signal(&db->wake);
        uv_mutex_unlock(&db->mutex);
        uv_thread_join(&db->thread);
        db->thread_runs = 0;
        run_finished(db);
    }
    if (db->async) {
        db->async->data = NULL;
        uv_close((uv_handle_t *)db->async, free_async);
    }
    close_connection(&db->reader);
    close_connection(&db->side);
    uv_mutex_destroy(&db->side_mutex);
    close_connection(&db->writer);
    uv_cond_destroy(&db->wake);
    uv_mutex_destroy(&db->mutex);
    free(db);
    *slot = NULL;
}

DbConnection *db_borrow(Db *db)
{
    uv_mutex_lock(&db->side_mutex);
    return &db->side;
}

void db_give_back(Db *db)
{
    uv_mutex_unlock(&db->side_mutex);
}

DbConnection *db_reader(Db *db)
{
    return &db->reader;
}

int db_backlog(const Db *db)
{
    return db ? db->backlog : 0;
}
