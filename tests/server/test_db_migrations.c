/* The schema: as it is, from each older one, and what is no database of this program. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "db_rig.h"

static void test_schema(void **state)
{
    Fixture *f = *state;
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    sqlite3_stmt *s = NULL;
    const char *expected[][2] = {{"PRAGMA user_version", "7"}, {"PRAGMA journal_mode", "wal"}};
    for (int i = 0; i < 2; i++) {
        sqlite3_prepare_v2(db_reader(f->db)->sql, expected[i][0], -1, &s, NULL);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(s, 0), expected[i][1]);
        sqlite3_finalize(s);
    }
    /* Every statement of the list can be prepared, and the reader cannot write. */
    for (int id = 0; id < DB_STATEMENT_COUNT; id++) {
        assert_non_null(db_statement(db_reader(f->db), (DbStatementId)id));
    }
    assert_int_equal(organisation_insert(db_reader(f->db), "x", NOW), DB_IO);
}

/* --- older schemas --- */

/* As the first version made it, and what the four after it added. */
static const char schema_1[] =
    "CREATE TABLE organisations(name TEXT PRIMARY KEY, created_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE tokens(id TEXT PRIMARY KEY, organisation TEXT NOT NULL REFERENCES "
    "organisations(name), role INTEGER NOT NULL, label TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, "
    "created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL);"
    "CREATE INDEX tokens_of ON tokens(organisation, created_us);"
    "CREATE TABLE recordings(id TEXT PRIMARY KEY, organisation TEXT NOT NULL REFERENCES "
    "organisations(name), title TEXT NOT NULL, state INTEGER NOT NULL, pending INTEGER NOT NULL "
    "DEFAULT 0, created_us INTEGER NOT NULL, completed_us INTEGER, duration_us INTEGER, bytes "
    "INTEGER, codec TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, fps REAL NOT "
    "NULL, video_bitrate INTEGER NOT NULL, audio_bitrate INTEGER NOT NULL, max_length_us INTEGER "
    "NOT NULL, upload_id TEXT, part_bytes INTEGER NOT NULL, digest BLOB, changed_us INTEGER NOT "
    "NULL, has_timeline INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX recordings_of ON recordings(organisation, created_us, id);"
    "CREATE INDEX recordings_open ON recordings(id) WHERE state <> 3 OR pending <> 0;"
    "CREATE TABLE timelines(recording TEXT PRIMARY KEY REFERENCES recordings(id) ON DELETE "
    "CASCADE, data BLOB NOT NULL);"
    "INSERT INTO organisations VALUES('a', 1);";
static const char schema_5[] =
    "ALTER TABLE recordings ADD COLUMN salvaged INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recordings ADD COLUMN salvage_bytes INTEGER;"
    "ALTER TABLE recordings ADD COLUMN alive_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recordings ADD COLUMN writer_known INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recordings ADD COLUMN writer_token TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE recordings ADD COLUMN creation_key BLOB;"
    "CREATE UNIQUE INDEX recordings_by_key ON recordings(creation_key) WHERE creation_key IS NOT "
    "NULL;"
    "CREATE TABLE server_clock(one INTEGER PRIMARY KEY CHECK(one = 1), seen_us INTEGER NOT NULL);"
    "CREATE TABLE recording_states(state INTEGER PRIMARY KEY, count INTEGER NOT NULL);"
    "CREATE TRIGGER recordings_made AFTER INSERT ON recordings BEGIN"
    " INSERT OR IGNORE INTO recording_states VALUES(new.state, 0);"
    " UPDATE recording_states SET count = count + 1 WHERE state = new.state; END;"
    "CREATE TRIGGER recordings_gone AFTER DELETE ON recordings BEGIN"
    " UPDATE recording_states SET count = count - 1 WHERE state = old.state; END;"
    "CREATE TRIGGER recordings_moved AFTER UPDATE OF state ON recordings"
    " WHEN old.state <> new.state BEGIN"
    " INSERT OR IGNORE INTO recording_states VALUES(new.state, 0);"
    " UPDATE recording_states SET count = count - 1 WHERE state = old.state;"
    " UPDATE recording_states SET count = count + 1 WHERE state = new.state; END;"
    "PRAGMA user_version = 5;";

/* One take in each state that a version 5 can have left, with all that is known of it. */
static const struct OldTake {
    const char *id;
    int state, pending;
    const char *upload, *rest; /* bytes, duration_us, completed_us, digest, salvaged, … */
} old_takes[] = {
    {"rec_aaaaaaaaaaaaaaaaaaaaaaaa", 0, 0, "NULL", "NULL, NULL, NULL, NULL, 0, NULL"},
    {"rec_bbbbbbbbbbbbbbbbbbbbbbbb", 1, 0, "'up-b'", "NULL, NULL, NULL, NULL, 0, NULL"},
    {"rec_cccccccccccccccccccccccc", 1, 1, "'up-c'", "NULL, 5000000, NULL, zeroblob(32), 0, NULL"},
    {"rec_dddddddddddddddddddddddd", 1, 2, "'up-d'", "NULL, NULL, NULL, NULL, 0, NULL"},
    {"rec_eeeeeeeeeeeeeeeeeeeeeeee", 1, 4, "'up-e'", "NULL, NULL, NULL, zeroblob(32), 0, 777"},
    {"rec_ffffffffffffffffffffffff", 1, 5, "'up-f'", "NULL, NULL, NULL, NULL, 0, 888"},
    {"rec_gggggggggggggggggggggggg", 3, 0, "'up-g'", "1000, 60000000, 9, zeroblob(32), 0, NULL"},
    {"rec_hhhhhhhhhhhhhhhhhhhhhhhh", 3, 0, "'up-h'", "2000, 70000000, 9, NULL, 1, 2000"},
    {"rec_iiiiiiiiiiiiiiiiiiiiiiii", 3, 3, "'up-i'", "4000, 80000000, 9, NULL, 0, NULL"},
    {"rec_jjjjjjjjjjjjjjjjjjjjjjjj", 4, 0, "'up-j'", "NULL, NULL, NULL, NULL, 0, NULL"},
    {"rec_kkkkkkkkkkkkkkkkkkkkkkkk", 5, 0, "'up-k'", "NULL, NULL, NULL, NULL, 0, NULL"},
};
#define OLD_TAKES (sizeof old_takes / sizeof old_takes[0])

static void execute(sqlite3 *raw, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(raw, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s", error);
    }
}

static int64_t number(sqlite3 *raw, const char *sql)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static void make_old(const char *path, int version)
{
    sqlite3 *raw;
    remove_files(path);
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    execute(raw, "PRAGMA journal_mode = WAL");
    execute(raw, schema_1);
    execute(raw, version == 1 ? "PRAGMA user_version = 1" : schema_5);
    for (size_t i = 0; i < OLD_TAKES && version == 5; i++) {
        char sql[600];
        snprintf(sql, sizeof sql,
                 "INSERT INTO recordings(id, organisation, title, state, pending, created_us, "
                 "codec, width, height, fps, video_bitrate, audio_bitrate, max_length_us, "
                 "part_bytes, changed_us, has_timeline, alive_us, writer_known, writer_token, "
                 "upload_id, bytes, duration_us, completed_us, digest, salvaged, salvage_bytes) "
                 "VALUES('%s', 'a', 't%d', %d, %d, %d, 'vp9', 2, 3, 29.97, 4, 5, 6, 7, 8, 1, 11, "
                 "1, 'tok', %s, %s)",
                 old_takes[i].id, (int)i, old_takes[i].state, old_takes[i].pending, 100 + (int)i,
                 old_takes[i].upload, old_takes[i].rest);
        execute(raw, sql);
        snprintf(sql, sizeof sql, "INSERT INTO timelines VALUES('%s', x'0102')", old_takes[i].id);
        execute(raw, sql);
    }
    sqlite3_close(raw);
}

static void copy_name(const Fixture *f, int version, char name[128])
{
    snprintf(name, 128, "%s.v%d", f->path, version);
}

static void check_old_take(DbConnection *c, const struct OldTake *old, int i)
{
    RecordingRow row;
    char text[128];
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(recording_get(c, NULL, old->id, &row), DB_OK);
    const ObjectRow *take = &row.take;
    snprintf(text, sizeof text, "t%d", i);
    assert_string_equal(row.title, text);
    assert_true(row.width == 2 && row.height == 3 && row.fps == 29.97 && row.max_length_us == 6);
    assert_true(row.has_timeline == 1 && row.alive_us == 11 && row.writer_known == 1);
    assert_string_equal(row.writer_token, "tok");
    assert_int_equal(row.created_us, 100 + i);
    assert_true(take->kind == OBJECT_TAKE && (int)take->state == old->state &&
                (int)take->pending == old->pending);
    assert_true(take->created_us == 100 + i && take->changed_us == 8 && take->part_bytes == 7);
    assert_string_equal(take->recording, old->id);
    assert_string_equal(take->id + 4, old->id + 4);
    assert_memory_equal(take->id, "obj_", 4);
    snprintf(text, sizeof text, "takes/a/%s.webm", old->id);
    assert_string_equal(take->key, text);
    assert_string_equal(take->type, "video/webm");
    snprintf(text, sizeof text, old->state == 0 ? "" : "up-%c", old->id[4]);
    assert_string_equal(take->upload_id, text);
    assert_int_equal(timeline_get(c, old->id, &data, &bytes), DB_OK);
    assert_int_equal(bytes, 2);
    free(data);
}

static void test_takes_become_objects(void **state)
{
    Fixture *f = *state;
    char error[256] = "", copy[128];
    RecordingRow row;
    sqlite3 *raw;
    db_close(&f->db);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(db_is_older(f->path), 0);
    make_old(f->path, 5);
    assert_int_equal(db_is_older(f->path), 1); /* looking changes nothing */
    assert_int_equal(db_is_older(f->path), 1);
    if (db_open(&f->loop, f->path, &f->db, error, sizeof error) != 0) {
        fail_msg("%s", error);
    }
    DbConnection *c = db_reader(f->db);
    for (size_t i = 0; i < OLD_TAKES; i++) {
        check_old_take(c, &old_takes[i], (int)i);
    }
    recording_get(c, NULL, "rec_cccccccccccccccccccccccc", &row);
    assert_true(row.take.has_digest && row.take.duration_us == 5000000);
    recording_get(c, NULL, "rec_ffffffffffffffffffffffff", &row);
    assert_true(!row.take.has_digest && row.take.duration_us == -1);
    assert_int_equal(row.take.salvage_bytes, 888);
    recording_get(c, NULL, "rec_hhhhhhhhhhhhhhhhhhhhhhhh", &row);
    assert_true(row.take.salvaged && row.take.bytes == 2000 && row.take.completed_us == 9);

    /* What is kept of them agrees with what would be counted. */
    int64_t counts[8];
    ObjectUse use;
    recording_counts(c, counts);
    assert_true(counts[0] == 1 && counts[1] == 5 && counts[3] == 3 && counts[4] == 1 &&
                counts[5] == 1);
    assert_int_equal(object_use(c, "a", &use), DB_OK);
    assert_int_equal(use.bytes, 3000);
    assert_int_equal(use.open, 6);
    assert_int_equal(number(c->sql, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    Work w = {.row = {.id = "rec_gggggggggggggggggggggggg"}};
    assert_int_equal(write_now(f, delete_row, &w), DB_OK);
    assert_int_equal(number(c->sql, "SELECT count(*) FROM objects WHERE recording GLOB 'rec_g*'"),
                     0);
    object_use(c, "a", &use);
    assert_int_equal(use.bytes, 2000);

    /* What it was before is kept whole, and made once. */
    copy_name(f, 5, copy);
    assert_int_equal(sqlite3_open_v2(copy, &raw, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(number(raw, "SELECT count(*) FROM recordings"), OLD_TAKES);
    assert_int_equal(number(raw, "PRAGMA user_version"), 5);
    sqlite3_close(raw);
    assert_int_equal(unlink(copy), 0);
    db_close(&f->db);
    assert_int_equal(db_open(&f->loop, f->path, &f->db, error, sizeof error), 0);
    assert_int_equal(db_is_older(f->path), 0);
    assert_int_equal(db_is_older(copy), 0);      /* none */
    assert_int_not_equal(access(copy, F_OK), 0); /* nothing to bring up to date: no copy */
}

static void test_first_schema_is_brought_up_to_date(void **state)
{
    Fixture *f = *state;
    char error[256] = "", copy[128];
    Work w = sample("a", NOW);
    db_close(&f->db);
    make_old(f->path, 1);
    assert_int_equal(db_open(&f->loop, f->path, &f->db, error, sizeof error), 0);
    assert_int_equal(write_now(f, add_recording, &w), DB_OK);
    assert_int_equal(number(db_reader(f->db)->sql, "SELECT count(*) FROM objects"), 1);
    copy_name(f, 1, copy);
    assert_int_equal(unlink(copy), 0);
}

/* Killed at any instant: the schema is the one of before, whole, or the new one. */
static void test_migration_is_all_or_nothing(void **state)
{
    Fixture *f = *state;
    char error[256], copy[128];
    Db *db;
    db_close(&f->db);
    copy_name(f, 5, copy);
    for (int delay_us = 0; delay_us < 20000; delay_us += 1500) {
        make_old(f->path, 5);
        unlink(copy);
        pid_t child = fork();
        if (child == 0) {
            db_open(NULL, f->path, &db, error, sizeof error);
            _exit(0);
        }
        usleep((useconds_t)delay_us);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        if (db_open(NULL, f->path, &db, error, sizeof error) != 0) {
            fail_msg("killed after %d us: %s", delay_us, error);
        }
        for (size_t i = 0; i < OLD_TAKES; i++) {
            check_old_take(db_reader(db), &old_takes[i], (int)i);
        }
        db_close(&db);
        sqlite3 *raw;
        assert_int_equal(sqlite3_open_v2(copy, &raw, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        assert_int_equal(number(raw, "SELECT count(*) FROM recordings"), OLD_TAKES);
        sqlite3_close(raw);
    }
    unlink(copy);
    assert_int_equal(db_open(&f->loop, f->path, &f->db, error, sizeof error), 0);
}

/* Without its copy nothing is changed: here its name is taken by a folder's half. */
static void test_no_migration_without_its_copy(void **state)
{
    Fixture *f = *state;
    char error[256] = "", half[160], copy[128];
    Db *db;
    sqlite3 *raw;
    db_close(&f->db);
    make_old(f->path, 5);
    copy_name(f, 5, copy);
    snprintf(half, sizeof half, "%s.new", copy);
    assert_int_equal(mkdir(half, 0700), 0); /* as where there is no room: it cannot be written */
    assert_int_equal(db_open(NULL, f->path, &db, error, sizeof error), -1);
    assert_non_null(strstr(error, copy));
    assert_non_null(strstr(error, "make room"));
    assert_int_equal(sqlite3_open(f->path, &raw), SQLITE_OK);
    assert_int_equal(number(raw, "PRAGMA user_version"), 5);
    sqlite3_close(raw);
    assert_int_equal(rmdir(half), 0);
    assert_int_equal(db_open(&f->loop, f->path, &f->db, error, sizeof error), 0);
    unlink(copy);
}

static void test_newer_schema_is_refused(void **state)
{
    Fixture *f = *state;
    char error[256];
    Db *db;
    sqlite3 *raw;
    assert_int_equal(sqlite3_open(f->path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(raw);
    assert_int_equal(db_open(NULL, f->path, &db, error, sizeof error), -1);
    assert_null(db);
    assert_non_null(strstr(error, "99"));
    assert_int_equal(db_open(NULL, "/nonexistent/x.db", &db, error, sizeof error), -1);
}

static void test_garbage_is_refused(void **state)
{
    (void)state;
    char error[256], path[] = "/tmp/keeptake-garbage-XXXXXX", junk[8192];
    Db *db;
    int fd = mkstemp(path);
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
    close(fd);
    assert_int_equal(db_open(NULL, path, &db, error, sizeof error), -1);
    assert_null(db);
    remove_files(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(test_takes_become_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_schema_is_brought_up_to_date, setup, teardown),
        cmocka_unit_test_setup_teardown(test_migration_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_migration_without_its_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, setup, teardown),
        cmocka_unit_test(test_garbage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
