/* The schema's history, and the copy that is made before a step of it. */
#include <stdio.h>
#include <unistd.h>

#include "db/db_internal.h"

/* migrations[n] brings user_version n to n + 1. Never edited once released: only added to.
 * state: RecordingState, pending: RecordingPending (model/recordings.h), role: Role
 * (model/roles.h). */
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
    int status = db__control(c, DB_BEGIN_SQL);
    int version = status == DB_OK ? user_version(c) : -1;
    if (version > MIGRATION_COUNT) {
        snprintf(error, error_bytes,
                 "The database is of version %d, this program knows %d: it is older.", version,
                 MIGRATION_COUNT);
        db__control(c, DB_ROLLBACK_SQL);
        return -1;
    }
    int code = version < 0 ? SQLITE_ERROR : SQLITE_OK;
    for (int v = version; v < MIGRATION_COUNT && code == SQLITE_OK; v++) {
        char mark[64];
        snprintf(mark, sizeof mark, "PRAGMA user_version = %d", v + 1);
        code = sqlite3_exec(c->sql, migrations[v], NULL, NULL, NULL);
        code = code == SQLITE_OK ? sqlite3_exec(c->sql, mark, NULL, NULL, NULL) : code;
    }
    if (code == SQLITE_OK && db__control(c, DB_COMMIT_SQL) == DB_OK) {
        return 0;
    }
    snprintf(error, error_bytes, "The database cannot be brought up to date: %s.",
             sqlite3_errmsg(c->sql));
    db__control(c, DB_ROLLBACK_SQL);
    return -1;
}

int db__bring_up_to_date(DbConnection *c, const char *path, char *error, size_t error_bytes)
{
    keep_copy(c, path);
    return migrate(c, error, error_bytes);
}
