/* The schema's history, and the copy that is made before a step of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/blocking.h"
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
    /* A recording has any number of objects, one of them its take, which takes over what the row of
     * the recording knew of its upload. changed_by, created_by: who did it (db.h, DbPrincipal).
     * objects: kind, state, pending: model/objects.h. tasks: state: model/tasks.h. What an
     * organisation has is kept by triggers, as the number of takes in each state is. */
    "CREATE TABLE objects(id TEXT PRIMARY KEY,"
    " recording TEXT NOT NULL REFERENCES recordings(id) ON DELETE CASCADE,"
    " organisation TEXT NOT NULL REFERENCES organisations(name), kind INTEGER NOT NULL,"
    " key TEXT NOT NULL, type TEXT NOT NULL, state INTEGER NOT NULL,"
    " pending INTEGER NOT NULL DEFAULT 0, created_us INTEGER NOT NULL, completed_us INTEGER,"
    " changed_us INTEGER NOT NULL, changed_by TEXT NOT NULL DEFAULT '', upload_id TEXT,"
    " part_bytes INTEGER NOT NULL, bytes INTEGER, duration_us INTEGER, digest BLOB,"
    " salvaged INTEGER NOT NULL DEFAULT 0, salvage_bytes INTEGER);"
    "INSERT INTO objects SELECT 'obj_' || substr(id, 5), id, organisation, 0,"
    " 'takes/' || organisation || '/' || id || '.webm', 'video/webm', state, pending, created_us,"
    " completed_us, changed_us, '', upload_id, part_bytes, bytes, duration_us, digest, salvaged,"
    " salvage_bytes FROM recordings;"
    "CREATE TABLE recordings_new(id TEXT PRIMARY KEY,"
    " organisation TEXT NOT NULL REFERENCES organisations(name), title TEXT NOT NULL,"
    " created_us INTEGER NOT NULL, created_by TEXT NOT NULL DEFAULT '', codec TEXT NOT NULL,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, fps REAL NOT NULL,"
    " video_bitrate INTEGER NOT NULL, audio_bitrate INTEGER NOT NULL,"
    " max_length_us INTEGER NOT NULL, has_timeline INTEGER NOT NULL DEFAULT 0,"
    " alive_us INTEGER NOT NULL DEFAULT 0, writer_known INTEGER NOT NULL DEFAULT 0,"
    " writer_token TEXT NOT NULL DEFAULT '', creation_key BLOB);"
    "INSERT INTO recordings_new SELECT id, organisation, title, created_us, '', codec, width,"
    " height, fps, video_bitrate, audio_bitrate, max_length_us, has_timeline, alive_us,"
    " writer_known, writer_token, creation_key FROM recordings;"
    "DROP TRIGGER recordings_made; DROP TRIGGER recordings_gone; DROP TRIGGER recordings_moved;"
    "DROP TABLE recordings;"
    "ALTER TABLE recordings_new RENAME TO recordings;"
    "CREATE INDEX recordings_of ON recordings(organisation, created_us, id);"
    "CREATE UNIQUE INDEX recordings_by_key ON recordings(creation_key) WHERE creation_key IS NOT "
    "NULL;"
    "CREATE UNIQUE INDEX objects_take ON objects(recording) WHERE kind = 0;"
    "CREATE INDEX objects_of ON objects(recording, id);"
    "CREATE UNIQUE INDEX objects_by_key ON objects(key);"
    "CREATE INDEX objects_pending ON objects(changed_us) WHERE pending <> 0;"
    "CREATE INDEX objects_open ON objects(id) WHERE state <> 3 OR pending <> 0;"
    "CREATE TABLE organisation_use(organisation TEXT PRIMARY KEY, bytes INTEGER NOT NULL,"
    " open INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO organisation_use SELECT organisation,"
    " sum(CASE WHEN pending = 3 THEN 0 ELSE coalesce(bytes, 0) END),"
    " sum(kind = 0 AND state IN (0, 1) AND pending <> 3) FROM objects GROUP BY organisation;",
    "CREATE TRIGGER objects_made AFTER INSERT ON objects BEGIN"
    " INSERT OR IGNORE INTO recording_states SELECT new.state, 0 WHERE new.kind = 0;"
    " UPDATE recording_states SET count = count + 1 WHERE state = new.state AND new.kind = 0;"
    " INSERT OR IGNORE INTO organisation_use VALUES(new.organisation, 0, 0);"
    " UPDATE organisation_use SET"
    "  bytes = bytes + CASE WHEN new.pending = 3 THEN 0 ELSE coalesce(new.bytes, 0) END,"
    "  open = open + (new.kind = 0 AND new.state IN (0, 1) AND new.pending <> 3)"
    " WHERE organisation = new.organisation; END;"
    "CREATE TRIGGER objects_gone AFTER DELETE ON objects BEGIN"
    " UPDATE recording_states SET count = count - 1 WHERE state = old.state AND old.kind = 0;"
    " UPDATE organisation_use SET"
    "  bytes = bytes - CASE WHEN old.pending = 3 THEN 0 ELSE coalesce(old.bytes, 0) END,"
    "  open = open - (old.kind = 0 AND old.state IN (0, 1) AND old.pending <> 3)"
    " WHERE organisation = old.organisation; END;"
    "CREATE TRIGGER objects_moved AFTER UPDATE OF state, pending, bytes ON objects BEGIN"
    " INSERT OR IGNORE INTO recording_states SELECT new.state, 0 WHERE new.kind = 0;"
    " UPDATE recording_states SET count = count - 1"
    " WHERE state = old.state AND old.kind = 0 AND new.state <> old.state;"
    " UPDATE recording_states SET count = count + 1"
    " WHERE state = new.state AND new.kind = 0 AND new.state <> old.state;"
    " UPDATE organisation_use SET"
    "  bytes = bytes + CASE WHEN new.pending = 3 THEN 0 ELSE coalesce(new.bytes, 0) END"
    "   - CASE WHEN old.pending = 3 THEN 0 ELSE coalesce(old.bytes, 0) END,"
    "  open = open + (new.kind = 0 AND new.state IN (0, 1) AND new.pending <> 3)"
    "   - (old.kind = 0 AND old.state IN (0, 1) AND old.pending <> 3)"
    " WHERE organisation = new.organisation; END;"
    "CREATE TABLE tasks(id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL,"
    " organisation TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
    " created_us INTEGER NOT NULL, created_by TEXT NOT NULL DEFAULT '',"
    " changed_us INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    " run_after_us INTEGER NOT NULL, lease_owner TEXT NOT NULL DEFAULT '',"
    " lease_until_us INTEGER NOT NULL DEFAULT 0, progress REAL NOT NULL DEFAULT 0,"
    " error TEXT NOT NULL DEFAULT '', cancelled INTEGER NOT NULL DEFAULT 0,"
    " payload TEXT NOT NULL DEFAULT '');"
    "CREATE UNIQUE INDEX tasks_one ON tasks(kind, subject) WHERE state IN (0, 1);"
    "CREATE INDEX tasks_due ON tasks(kind, run_after_us) WHERE state IN (0, 1);"
    "CREATE INDEX tasks_of ON tasks(subject, created_us);"
    "CREATE INDEX tasks_ended ON tasks(changed_us) WHERE state > 1;",
};
#define MIGRATION_COUNT ((int)(sizeof migrations / sizeof migrations[0]))

static int sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd >= 0 ? fsync(fd) : -1;
    if (fd >= 0) {
        close(fd);
    }
    return result;
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
 * one already. 0, or -1 with a sentence in error: nothing is changed without it. */
static int keep_copy(DbConnection *c, const char *path, char *error, size_t error_bytes)
{
    int version = user_version(c);
    if (version < 1 || version >= MIGRATION_COUNT) {
        return 0;
    }
    char *name = sqlite3_mprintf("%s.v%d", path, version);
    char *half = sqlite3_mprintf("%s.new", name);
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", half);
    int result = name && half && sql ? 0 : -1;
    if (result == 0 && access(name, F_OK) != 0) {
        unlink(half); /* of an attempt that was killed */
        result = sqlite3_exec(c->sql, sql, NULL, NULL, NULL) == SQLITE_OK && sync_file(half) == 0 &&
                         rename(half, name) == 0
                     ? 0
                     : -1;
        if (result != 0) {
            snprintf(error, error_bytes,
                     "The database has to be brought up to date, and the copy of it that is made "
                     "before, %.200s, cannot be written (%.80s): make room for it. Nothing was "
                     "changed.",
                     name, sqlite3_errcode(c->sql) ? sqlite3_errmsg(c->sql) : strerror(errno));
            unlink(half);
        }
    } else if (result != 0) {
        snprintf(error, error_bytes, "There is not enough memory.");
    }
    sqlite3_free(sql);
    sqlite3_free(half);
    sqlite3_free(name);
    return result;
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
    if (keep_copy(c, path, error, error_bytes) != 0) {
        return -1;
    }
    /* A table is rebuilt by dropping its predecessor: nothing may be deleted along with that. */
    sqlite3_exec(c->sql, "PRAGMA foreign_keys = OFF", NULL, NULL, NULL);
    int result = migrate(c, error, error_bytes);
    sqlite3_exec(c->sql, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    return result;
}

int db_is_older(const char *path)
{
    DbConnection c = {.sql = NULL};
    int version = sqlite3_open_v2(path, &c.sql, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK
                      ? user_version(&c)
                      : -1;
    sqlite3_close(c.sql);
    return version >= 1 && version < MIGRATION_COUNT;
}
