/* SQLite off the loop: one connection writes on a thread of its own, a few read on others, so that
 * neither an fsync nor a look-up holds up the loop. WAL, synchronous=FULL: what a done callback
 * reports as stored survives a power cut.
 *
 * Every statement is in the one list below, prepared once a connection. */
#ifndef KEEPTAKE_SERVER_DB_DB_H
#define KEEPTAKE_SERVER_DB_DB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/log.h"
#include "base/text.h"

typedef enum DbStatus {
    DB_OK = 0,
    DB_NOT_FOUND = -1,
    DB_CONFLICT = -2, /* the row is not in the state that the change needs, or exists already */
    DB_FULL = -3,     /* no space: nothing changed */
    DB_IO = -4,       /* anything else: nothing changed; in the log with SQLite's code */
    DB_BUSY = -5,     /* DB_MAX_READS wait already: nothing was read */
} DbStatus;

#define DB_OBJECT_COLUMNS                                                                          \
    "o.id, o.recording, o.organisation, o.kind, o.key, o.type, o.state, o.pending, o.created_us, " \
    "o.completed_us, o.changed_us, o.upload_id, o.part_bytes, o.bytes, o.duration_us, o.digest, "  \
    "o.salvaged, o.salvage_bytes"
#define DB_OBJECT_COLUMN_COUNT 18
/* A recording is read along with its take. */
#define DB_RECORDING_COLUMNS                                                                       \
    DB_OBJECT_COLUMNS                                                                              \
    ", r.id, r.organisation, r.title, r.created_us, r.codec, r.width, "                            \
    "r.height, r.fps, r.video_bitrate, r.audio_bitrate, r.max_length_us, r.has_timeline, "         \
    "r.alive_us, r.writer_known, r.writer_token"
#define DB_RECORDING_JOIN "recordings r CROSS JOIN objects o ON o.recording = r.id AND o.kind = 0"

#define DB_TASK_COLUMNS                                                                            \
    "id, kind, subject, organisation, state, created_us, changed_us, attempts, run_after_us, "     \
    "lease_owner, lease_until_us, progress, error, cancelled, payload"

#define DB_STATEMENT_MAP(X)                                                                        \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(SAVEPOINT, "SAVEPOINT one")                                                                  \
    X(RELEASE, "RELEASE one")                                                                      \
    X(ROLLBACK_TO, "ROLLBACK TO one")                                                              \
    X(ORGANISATION_INSERT, "INSERT INTO organisations(name, created_us) VALUES(?1, ?2)")           \
    X(ORGANISATION_GET, "SELECT 1 FROM organisations WHERE name = ?1")                             \
    X(ORGANISATION_LIST,                                                                           \
      "SELECT o.name, o.created_us, (SELECT count(*) FROM recordings r WHERE r.organisation = "    \
      "o.name), coalesce((SELECT u.bytes FROM organisation_use u WHERE u.organisation = "          \
      "o.name), 0), (SELECT count(*) FROM tokens t WHERE t.organisation = o.name) "                \
      "FROM organisations o ORDER BY o.name")                                                      \
    X(ORGANISATION_DELETE, "DELETE FROM organisations WHERE name = ?1")                            \
    X(ORGANISATION_USE_DELETE, "DELETE FROM organisation_use WHERE organisation = ?1")             \
    X(TOKENS_DELETE, "DELETE FROM tokens WHERE organisation = ?1")                                 \
    X(TOKEN_INSERT,                                                                                \
      "INSERT INTO tokens(id, organisation, role, label, hash, created_us, expires_us) "           \
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                                        \
    X(TOKEN_BY_HASH, "SELECT id, organisation, role, label, created_us, expires_us FROM tokens "   \
                     "WHERE hash = ?1")                                                            \
    X(TOKEN_LIST, "SELECT id, organisation, role, label, created_us, expires_us FROM tokens "      \
                  "WHERE organisation = ?1 ORDER BY created_us DESC, id DESC LIMIT 1000")          \
    X(TOKEN_DELETE, "DELETE FROM tokens WHERE organisation = ?1 AND id = ?2")                      \
    X(RECORDING_INSERT,                                                                            \
      "INSERT INTO recordings(id, organisation, title, created_us, codec, width, height, fps, "    \
      "video_bitrate, audio_bitrate, max_length_us, creation_key, created_by) VALUES(?1, ?2, ?3, " \
      "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, principal())")                                       \
    X(RECORDING_BY_KEY, "SELECT " DB_RECORDING_COLUMNS " FROM " DB_RECORDING_JOIN                  \
                        " WHERE r.creation_key = ?1 AND o.pending <> 3")                           \
    X(RECORDING_FORGET_KEY,                                                                        \
      "UPDATE recordings SET creation_key = NULL WHERE creation_key = ?1 AND EXISTS(SELECT 1 "     \
      "FROM objects o WHERE o.recording = recordings.id AND o.kind = 0 AND o.pending = 3)")        \
    X(RECORDING_ALIVE, "UPDATE recordings SET alive_us = ?2, writer_known = max(writer_known, "    \
                       "?3), writer_token = ?4 WHERE id = ?1")                                     \
    X(RECORDING_GET, "SELECT " DB_RECORDING_COLUMNS " FROM " DB_RECORDING_JOIN " WHERE r.id = ?1") \
    X(RECORDING_LIST, "SELECT " DB_RECORDING_COLUMNS " FROM " DB_RECORDING_JOIN                    \
                      " WHERE r.organisation = ?1 AND o.pending <> 3 AND (r.created_us, r.id) < "  \
                      "(?2, ?3) ORDER BY r.created_us DESC, r.id DESC LIMIT ?4")                   \
    X(RECORDING_TITLE, "UPDATE recordings SET title = ?2 WHERE id = ?1")                           \
    X(RECORDING_TIMELINE, "UPDATE recordings SET has_timeline = ?2 WHERE id = ?1")                 \
    X(RECORDING_SETTINGS, "UPDATE recordings SET codec = ?2, width = ?3, height = ?4, fps = ?5 "   \
                          "WHERE id = ?1 AND codec = ''")                                          \
    X(RECORDING_DELETE, "DELETE FROM recordings WHERE id = ?1")                                    \
    X(RECORDINGS_COUNT, "SELECT state, count FROM recording_states")                               \
    X(TAKE_TOUCH, "UPDATE objects SET changed_us = ?2, changed_by = principal() WHERE recording "  \
                  "= ?1 AND kind = 0 AND pending <> 3")                                            \
    X(TAKE_ALIVE, "UPDATE objects SET changed_us = ?2, changed_by = principal() WHERE recording "  \
                  "= ?1 AND kind = 0 AND pending NOT IN (3, 4, 5) AND salvaged = 0")               \
    X(OBJECT_INSERT, "INSERT INTO objects(id, recording, organisation, kind, key, type, state, "   \
                     "created_us, changed_us, changed_by, part_bytes) VALUES(?1, ?2, ?3, ?4, ?5, " \
                     "?6, 0, ?7, ?7, principal(), ?8)")                                            \
    X(OBJECT_GET, "SELECT " DB_OBJECT_COLUMNS " FROM objects o WHERE o.id = ?1")                   \
    X(OBJECT_BY_KEY, "SELECT " DB_OBJECT_COLUMNS " FROM objects o WHERE o.key = ?1")               \
    X(OBJECTS_OF,                                                                                  \
      "SELECT " DB_OBJECT_COLUMNS " FROM objects o WHERE o.recording = ?1 AND o.id > ?2 AND (?3 "  \
      "OR o.pending <> 3) ORDER BY o.id LIMIT ?4")                                                 \
    X(OBJECT_UPLOAD, "UPDATE objects SET upload_id = ?2, state = 1, changed_us = ?3, changed_by "  \
                     "= principal() WHERE id = ?1 AND state = 0 AND pending = 0")                  \
    X(OBJECT_PENDING, "UPDATE objects SET pending = ?2, digest = coalesce(?3, digest), "           \
                      "duration_us = coalesce(?4, duration_us), changed_us = ?5, changed_by = "    \
                      "principal() WHERE id = ?1 AND pending <> 3")                                \
    X(OBJECT_ABORT, "UPDATE objects SET pending = 2, changed_us = ?3, changed_by = principal() "   \
                    "WHERE id = ?1 AND (pending = 2 OR (state IN (0, 1) AND (pending IN (0, 1) "   \
                    "OR (?2 AND pending IN (4, 5)))))")                                            \
    X(OBJECTS_DELETING, "UPDATE objects SET pending = 3, changed_us = ?2, changed_by = "           \
                        "principal() WHERE recording = ?1 AND pending <> 3")                       \
    X(OBJECT_STATE, "UPDATE objects SET state = ?2, pending = 0, changed_us = ?3, changed_by = "   \
                    "principal() WHERE id = ?1 AND pending <> 3")                                  \
    X(OBJECT_COMPLETE,                                                                             \
      "UPDATE objects SET state = 3, pending = 0, bytes = ?2, completed_us = ?3, changed_us = "    \
      "?3, changed_by = principal() WHERE id = ?1 AND pending = 1")                                \
    X(OBJECT_SALVAGE,                                                                              \
      "UPDATE objects SET pending = 4, salvage_bytes = coalesce(?2, salvage_bytes), digest = "     \
      "coalesce(?3, digest), changed_us = ?4, changed_by = principal() WHERE id = ?1 AND state = " \
      "1 AND pending IN (0, 1, 4)")                                                                \
    X(OBJECT_REBUILD, "UPDATE objects SET pending = 5, upload_id = ?2, digest = NULL, changed_us " \
                      "= ?3, changed_by = principal() WHERE id = ?1 AND pending IN (4, 5)")        \
    X(OBJECT_SALVAGED, "UPDATE objects SET state = 3, pending = 0, salvaged = ?5, bytes = ?2, "    \
                       "duration_us = ?3, completed_us = ?4, changed_us = ?4, changed_by = "       \
                       "principal() WHERE id = ?1 AND pending IN (4, 5)")                          \
    X(OBJECTS_ALL, "SELECT " DB_OBJECT_COLUMNS " FROM objects o WHERE o.id > ?1 ORDER BY o.id "    \
                   "LIMIT ?2")                                                                     \
    X(OBJECT_DELETE, "DELETE FROM objects WHERE id = ?1")                                          \
    X(OBJECTS_PENDING,                                                                             \
      "SELECT " DB_OBJECT_COLUMNS                                                                  \
      " FROM objects o WHERE o.pending <> 0 AND o.id > ?1 ORDER BY o.id LIMIT ?2")                 \
    X(OBJECTS_UNFINISHED,                                                                          \
      "SELECT " DB_OBJECT_COLUMNS                                                                  \
      " FROM objects o WHERE (o.state <> 3 OR o.pending <> 0) AND (o.created_us < ?2 OR "          \
      "o.pending <> 0) AND o.id > ?1 ORDER BY o.id LIMIT ?3")                                      \
    X(ORGANISATION_USE, "SELECT bytes, open FROM organisation_use WHERE organisation = ?1")        \
    X(OBJECTS_OLDEST, "SELECT min(changed_us) FROM objects WHERE pending <> 0")                    \
    X(TASK_INSERT,                                                                                 \
      "INSERT INTO tasks(id, kind, subject, organisation, created_us, created_by, changed_us, "    \
      "run_after_us, payload) VALUES(?1, ?2, ?3, ?4, ?5, principal(), ?5, ?6, ?7)")                \
    X(TASK_GET, "SELECT " DB_TASK_COLUMNS " FROM tasks WHERE id = ?1")                             \
    X(TASKS_OF,                                                                                    \
      "SELECT " DB_TASK_COLUMNS " FROM tasks WHERE subject = ?1 ORDER BY created_us LIMIT ?2")     \
    X(TASK_DUE, "SELECT " DB_TASK_COLUMNS                                                          \
                " FROM tasks WHERE kind = ?1 AND state IN (0, 1) AND run_after_us <= ?2 AND "      \
                "(state = 0 OR lease_until_us <= ?2) ORDER BY run_after_us LIMIT 1")               \
    X(TASK_CLAIM,                                                                                  \
      "UPDATE tasks SET state = 1, attempts = attempts + 1, lease_owner = ?2, lease_until_us = "   \
      "?3, changed_us = ?4 WHERE id = ?1 AND (state = 0 OR (state = 1 AND lease_until_us <= ?4))") \
    X(TASK_RENEW, "UPDATE tasks SET lease_until_us = ?3, progress = ?4, changed_us = ?5 WHERE id " \
                  "= ?1 AND state = 1 AND lease_owner = ?2")                                       \
    X(TASK_END, "UPDATE tasks SET state = ?3, error = ?4, run_after_us = ?5, changed_us = ?6, "    \
                "attempts = attempts - ?7, "                                                       \
                "progress = CASE ?3 WHEN 2 THEN 1 ELSE progress END, lease_owner = '', "           \
                "lease_until_us = 0 WHERE id = ?1 AND state = 1 AND lease_owner = ?2")             \
    X(TASK_CANCEL, "UPDATE tasks SET cancelled = 1, state = CASE state WHEN 0 THEN 4 ELSE state "  \
                   "END, changed_us = ?2 WHERE id = ?1 AND state IN (0, 1)")                       \
    X(TASKS_RELEASE, "UPDATE tasks SET lease_until_us = 0 WHERE state = 1")                        \
    X(TASKS_FORGET, "DELETE FROM tasks WHERE state > 1 AND changed_us < ?1")                       \
    X(CLOCK_GET, "SELECT seen_us FROM server_clock")                                               \
    X(CLOCK_SET, "INSERT INTO server_clock(one, seen_us) VALUES(1, ?1) "                           \
                 "ON CONFLICT(one) DO UPDATE SET seen_us = excluded.seen_us")                      \
    X(TIMELINE_PUT, "INSERT INTO timelines(recording, data) VALUES(?1, ?2) "                       \
                    "ON CONFLICT(recording) DO UPDATE SET data = excluded.data")                   \
    X(TIMELINE_GET, "SELECT data FROM timelines WHERE recording = ?1")                             \
    X(TIMELINE_DELETE, "DELETE FROM timelines WHERE recording = ?1")

typedef enum DbStatementId {
#define DB_STATEMENT_ENUM(name, sql) DB_##name##_SQL,
    DB_STATEMENT_MAP(DB_STATEMENT_ENUM)
#undef DB_STATEMENT_ENUM
        DB_STATEMENT_COUNT
} DbStatementId;

/* One connection, used by one thread at a time. */
typedef struct DbConnection {
    sqlite3 *sql;
    sqlite3_stmt *statements[DB_STATEMENT_COUNT];
    int last_code;  /* SQLite's extended code of the last failure, for the log */
    const char *by; /* whose write this is: principal() of the statements; NULL: the server's own */
} DbConnection;

typedef struct Db Db;

/* Reads that wait at once: each belongs to a request or to a job, whose numbers are bounded too. */
#define DB_MAX_READS 4096

/* Opens path (0600, made where absent) and brings its schema up to date.
 *   loop  borrowed until db_close has returned; NULL: no threads, db_write and db_read work at once
 * (tools, tests) 0, or -1 with a sentence in error and *out NULL; also for a schema that is newer
 * than this program. */
int db_open(uv_loop_t *loop, const char *path, Db **out, char *error, size_t error_bytes);
/* Finishes what is queued (the done callbacks run now), closes. NULL is fine. With a loop: run
 * it once more afterwards, so that its handles close. */
void db_close(Db **db);

/* Runs work(connection, ctx) on a reading thread, then done(ctx, status) on the loop's; status is
 * work's result, DB_IO where there is no connection, or DB_BUSY at once. It sees every write whose
 * done has run before this call. Reads run side by side and end in any order. */
void db_read(Db *db, int (*work)(DbConnection *c, void *ctx), void *ctx,
             void (*done)(void *ctx, int status));
/* A connection that reads, for a thread that is not the loop's: waits where all are in use. NULL
 * where none can be opened. */
DbConnection *db_borrow(Db *db);
void db_give_back(Db *db, DbConnection *c);

/* Who writes, as text (model/principal.h): rows keep it as changed_by and created_by. */
#define DB_BY_BYTES 192
/* Runs work(connection, ctx) on the writing thread within a transaction: a negative result takes
 * back what it did. by is copied; NULL: the server by itself. done(ctx, status) follows on the
 * loop's thread, after the commit is on disk; status is work's result, or DB_FULL / DB_IO. Writes
 * happen in the order of the calls.
 *
 * Those that wait at the same time share one commit, each within a savepoint of its own: one that
 * fails does not take the others along. Where the whole transaction was lost (a full disk) each is
 * tried again alone, so work may run twice: it must not depend on what its first run left in ctx.
 */
void db_write(Db *db, const char *by, int (*work)(DbConnection *c, void *ctx), void *ctx,
              void (*done)(void *ctx, int status));

/* The same for a write that leads to free space (an abort, a deletion): on a full disk reserve(ctx)
 * of db_set_reserve is given up, and it is tried once more. */
void db_write_freeing(Db *db, const char *by, int (*work)(DbConnection *c, void *ctx), void *ctx,
                      void (*done)(void *ctx, int status));
/* What fails (DB_FULL, DB_IO) is told to log with SQLite's words, from the thread that met it;
 * borrowed until db_close. Before the first read or write. */
void db_set_log(Db *db, const Log *log);
/* drop runs on the writing thread; it returns 1 where it made room. Before the first write. */
void db_set_reserve(Db *db, int (*drop)(void *ctx), void *ctx);

/* The statement, reset and unbound. NULL where it cannot be prepared. */
sqlite3_stmt *db_statement(DbConnection *c, DbStatementId id);
/* Steps a statement that returns no rows, resets it. DB_OK; DB_NOT_FOUND where no row was changed;
 * DB_CONFLICT for a broken constraint; DB_FULL; DB_IO. */
int db_run(DbConnection *c, sqlite3_stmt *statement);
/* Steps a SELECT: 1 a row is there, 0 no more (reset), or a negative DbStatus (reset). */
int db_step(DbConnection *c, sqlite3_stmt *statement);
/* SQLite's result as a DbStatus. */
int db_status(DbConnection *c, int code);
/* Copies a text column, cut to fit; NULL is "". */
void db_text(sqlite3_stmt *statement, int column, char *out, size_t out_bytes);
/* Reads and writes waiting or running now. */
int db_backlog(const Db *db);
/* For /metrics. */
typedef struct DbStats {
    uint64_t writes, commits; /* done; several writes may share a commit */
    int writes_waiting, reads_waiting;
} DbStats;
void db_stats(Db *db, DbStats *out);
/* A MetricsWriter; ctx: Db, open with a loop. */
void db_write_metrics(void *ctx, Text *out);

#endif
