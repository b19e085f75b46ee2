/* The database: schema, transactions on the writing thread, recordings, timelines. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/id.h"
#include "db/blocking.h"
#include "db/db.h"
#include "model/recordings.h"
#include "model/tokens.h"

#define NOW 1700000000000000

typedef struct Fixture {
    char path[64];
    uv_loop_t loop;
    Db *db;
} Fixture;

static void remove_files(const char *path)
{
    const char *endings[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static int setup(void **state)
{
    char error[256];
    Fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/keeptake-db-%d.db", (int)getpid());
    remove_files(f->path);
    uv_loop_init(&f->loop);
    if (db_open(&f->loop, f->path, &f->db, error, sizeof error) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    db_close(&f->db);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&f->loop);
    remove_files(f->path);
    free(f);
    return busy;
}

typedef struct Wait {
    int status, done;
} Wait;

static void on_done(void *ctx, int status)
{
    Wait *w = ctx;
    w->status = status;
    w->done++;
}

/* A work function gets its own argument through this; the first member is what on_done fills. */
typedef struct Work {
    Wait wait;
    const char *text;
    RecordingRow row;
    int64_t number;
} Work;

static int write_now(Fixture *f, int (*work)(DbConnection *, void *), Work *w)
{
    w->wait = (Wait){-99, 0};
    db_write(f->db, NULL, work, w, on_done);
    while (!w->wait.done) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(w->wait.done, 1);
    return w->wait.status;
}

static int add_organisation(DbConnection *c, void *ctx)
{
    return organisation_insert(c, ((Work *)ctx)->text, NOW);
}

static int add_recording(DbConnection *c, void *ctx)
{
    return recording_insert(c, &((Work *)ctx)->row, NULL);
}

static Work sample(const char *organisation, int64_t created_us)
{
    Work w = {.row = {.created_us = created_us,
                      .codec = "vp9",
                      .width = 640,
                      .height = 360,
                      .fps = 29.97,
                      .video_bitrate = 1000000,
                      .audio_bitrate = 64000,
                      .max_length_us = 60000000,
                      .take = {.part_bytes = 5242880}}};
    snprintf(w.row.organisation, sizeof w.row.organisation, "%s", organisation);
    snprintf(w.row.title, sizeof w.row.title, "'; DROP TABLE recordings; --");
    assert_int_equal(id_make("rec_", w.row.id, sizeof w.row.id), 0);
    assert_true(recording_id_valid(w.row.id));
    recording_name_take(&w.row);
    return w;
}

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

static int delete_row(DbConnection *c, void *ctx)
{
    return recording_delete(c, ((Work *)ctx)->row.id);
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
    make_old(f->path, 5);
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

static int add_then_fail(DbConnection *c, void *ctx)
{
    assert_int_equal(organisation_insert(c, ((Work *)ctx)->text, NOW), DB_OK);
    return DB_CONFLICT;
}

static void test_rollback_and_order(void **state)
{
    Fixture *f = *state;
    Work work = {.text = "half"};
    assert_int_equal(write_now(f, add_then_fail, &work), DB_CONFLICT);
    assert_int_equal(organisation_find(db_reader(f->db), "half"), DB_NOT_FOUND);
    Work first = {.text = "one"}, again = {.text = "one"}, second = {.text = "two"};
    db_write(f->db, NULL, add_organisation, &first, on_done);
    db_write(f->db, NULL, add_organisation, &again, on_done);
    db_write(f->db, NULL, add_organisation, &second, on_done);
    assert_int_equal(db_backlog(f->db), 3);
    while (db_backlog(f->db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(first.wait.status, DB_OK);
    assert_int_equal(again.wait.status, DB_CONFLICT);
    assert_int_equal(second.wait.status, DB_OK);
    assert_int_equal(organisation_find(db_reader(f->db), "two"), DB_OK);
}

static void test_close_finishes_the_queue(void **state)
{
    Fixture *f = *state;
    char error[256];
    Work works[20];
    char names[20][16];
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "org%d", i);
        works[i] = (Work){.text = names[i]};
        db_write(f->db, NULL, add_organisation, &works[i], on_done);
    }
    db_close(&f->db);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(works[i].wait.done, 1);
        assert_int_equal(works[i].wait.status, DB_OK);
    }
    assert_int_equal(db_open(&f->loop, f->path, &f->db, error, sizeof error), 0);
    assert_int_equal(organisation_find(db_reader(f->db), "org19"), DB_OK);
}

static void test_foreign_keys(void **state)
{
    Fixture *f = *state;
    Work w = sample("nobody", NOW);
    assert_int_equal(write_now(f, add_recording, &w), DB_CONFLICT);
}

typedef struct Seen {
    int count;
    char ids[8][RECORDING_ID_BYTES];
    int64_t last_us;
} Seen;

static void note(void *ctx, const RecordingRow *row)
{
    Seen *seen = ctx;
    memcpy(seen->ids[seen->count++], row->id, RECORDING_ID_BYTES);
    seen->last_us = row->created_us;
}

static void test_list_is_paged_without_loss(void **state)
{
    Fixture *f = *state;
    Work organisation = {.text = "a"}, rows[5];
    assert_int_equal(write_now(f, add_organisation, &organisation), DB_OK);
    for (int i = 0; i < 5; i++) { /* two share a microsecond */
        rows[i] = sample("a", NOW + i / 2);
        assert_int_equal(write_now(f, add_recording, &rows[i]), DB_OK);
    }
    Seen all = {0}, paged = {0};
    DbConnection *c = db_reader(f->db);
    assert_int_equal(recording_list(c, "a", INT64_MAX, "", 8, note, &all), 0);
    assert_int_equal(all.count, 5);
    assert_string_equal(all.ids[0], rows[4].row.id);
    int64_t before_us = INT64_MAX;
    char before[RECORDING_ID_BYTES] = "";
    for (int i = 0; i < 5; i++) {
        assert_int_equal(recording_list(c, "a", before_us, before, 1, note, &paged), 0);
        before_us = paged.last_us;
        memcpy(before, paged.ids[i], sizeof before);
    }
    assert_memory_equal(all.ids, paged.ids, sizeof all.ids);
    assert_int_equal(recording_list(c, "b", INT64_MAX, "", 8, note, &all), 0);
    assert_int_equal(all.count, 5);
}

static int set_upload(DbConnection *c, void *ctx)
{
    return object_set_upload(c, ((Work *)ctx)->row.take.id, "up1", NOW);
}

static int set_pending(DbConnection *c, void *ctx)
{
    Work *w = ctx;
    const uint8_t digest[OBJECT_DIGEST_BYTES] = {7};
    return object_set_pending(c, w->row.take.id, (ObjectPending)w->number,
                              w->number == 1 ? digest : NULL, w->number == 1 ? 1500000 : -1, NOW);
}

static int set_complete(DbConnection *c, void *ctx)
{
    return object_set_complete(c, ((Work *)ctx)->row.take.id, 4321, NOW + 5);
}

static int set_title(DbConnection *c, void *ctx)
{
    return recording_set_title(c, ((Work *)ctx)->row.id, "new", NOW);
}

static int set_salvage(DbConnection *c, void *ctx)
{
    uint8_t digest[OBJECT_DIGEST_BYTES] = {9};
    return object_set_salvage(c, ((Work *)ctx)->row.take.id, 777, digest, NOW + 3);
}

static int set_rebuild(DbConnection *c, void *ctx)
{
    return object_set_rebuild(c, ((Work *)ctx)->row.take.id, "up2", NOW + 4);
}

static int set_salvaged(DbConnection *c, void *ctx)
{
    return object_set_salvaged(c, ((Work *)ctx)->row.take.id, 888, 999, 1, NOW + 5);
}

static int put_young_timeline(DbConnection *c, void *ctx)
{
    return timeline_put(c, ((Work *)ctx)->row.id, (const uint8_t *)"x", 1, NOW + 2);
}

static void test_salvage_states(void **state)
{
    Fixture *f = *state;
    Work organisation = {.text = "a"}, w = sample("a", NOW);
    RecordingRow row;
    DbConnection *c = db_reader(f->db);
    write_now(f, add_organisation, &organisation);
    assert_int_equal(write_now(f, add_recording, &w), DB_OK);
    assert_int_equal(write_now(f, set_salvage, &w), DB_NOT_FOUND); /* no upload yet */
    assert_int_equal(write_now(f, set_upload, &w), DB_OK);
    assert_int_equal(write_now(f, set_rebuild, &w), DB_NOT_FOUND);
    assert_int_equal(write_now(f, set_salvaged, &w), DB_NOT_FOUND);
    assert_int_equal(write_now(f, put_young_timeline, &w), DB_OK);
    assert_int_equal(recording_get(c, "a", w.row.id, &row), DB_OK);
    assert_int_equal(row.take.changed_us, NOW + 2);
    assert_int_equal(row.take.salvage_bytes, -1);
    assert_int_equal(write_now(f, set_salvage, &w), DB_OK);
    assert_int_equal(recording_get(c, "a", w.row.id, &row), DB_OK);
    assert_string_equal(object_state_name(row.take.state, row.take.pending), "salvaging");
    assert_true(object_is_salvaging(&row.take) && object_is_taken_over(&row.take));
    assert_int_equal(row.take.salvage_bytes, 777);
    assert_true(row.take.has_digest && row.take.digest[0] == 9);
    assert_int_equal(write_now(f, put_young_timeline, &w), DB_NOT_FOUND);
    assert_int_equal(write_now(f, set_complete, &w), DB_NOT_FOUND);
    assert_int_equal(write_now(f, set_rebuild, &w), DB_OK);
    assert_int_equal(recording_get(c, "a", w.row.id, &row), DB_OK);
    assert_string_equal(row.take.upload_id, "up2");
    assert_false(row.take.has_digest);
    assert_string_equal(object_state_name(row.take.state, row.take.pending), "salvaging");
    assert_int_equal(write_now(f, set_salvage, &w), DB_NOT_FOUND);
    assert_int_equal(write_now(f, set_salvaged, &w), DB_OK);
    assert_int_equal(recording_get(c, "a", w.row.id, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
    assert_true(row.take.salvaged && object_is_taken_over(&row.take) &&
                !object_is_salvaging(&row.take));
    assert_int_equal(row.take.bytes, 888);
    assert_int_equal(row.take.duration_us, 999);
    assert_int_equal(write_now(f, put_young_timeline, &w), DB_NOT_FOUND);
}

static void test_states(void **state)
{
    Fixture *f = *state;
    Work organisation = {.text = "a"}, w = sample("a", NOW);
    RecordingRow row;
    ObjectRow object;
    DbConnection *c = db_reader(f->db);
    write_now(f, add_organisation, &organisation);
    assert_int_equal(write_now(f, add_recording, &w), DB_OK);
    assert_int_equal(write_now(f, set_complete, &w), DB_NOT_FOUND);
    assert_int_equal(write_now(f, set_upload, &w), DB_OK);
    assert_int_equal(write_now(f, set_upload, &w), DB_NOT_FOUND);
    assert_int_equal(recording_get(c, "a", w.row.id, &row), DB_OK);
    assert_string_equal(row.title, "'; DROP TABLE recordings; --");
    assert_true(row.fps == 29.97);
    assert_int_equal(row.take.duration_us, -1);
    assert_string_equal(row.take.upload_id, "up1");
    assert_int_equal(recording_get(c, "b", w.row.id, &row), DB_NOT_FOUND);
    assert_int_equal(object_pending(c, "", &object, 1), 0);
    w.number = PENDING_COMPLETE;
    assert_int_equal(write_now(f, set_pending, &w), DB_OK);
    assert_int_equal(object_pending(c, "", &object, 1), 1);
    assert_string_equal(object_state_name(object.state, object.pending), "completing");
    assert_int_equal(object_unfinished(c, "", NOW + 1, &object, 1), 1);
    assert_int_equal(object_unfinished(c, "", NOW, &object, 1), 1); /* pending at any age */
    assert_int_equal(object_unfinished(c, w.row.take.id, NOW + 1, &object, 1), 0);
    assert_int_equal(write_now(f, set_complete, &w), DB_OK);
    assert_int_equal(recording_get(c, "a", w.row.id, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
    assert_int_equal(row.take.bytes, 4321);
    assert_int_equal(row.take.duration_us, 1500000);
    assert_true(row.take.has_digest && row.take.digest[0] == 7);
    assert_int_equal(object_unfinished(c, "", NOW + 1, &object, 1), 0);
    int64_t counts[8];
    assert_int_equal(recording_counts(c, counts), 0);
    assert_int_equal(counts[OBJECT_COMPLETE], 1);
    /* Being deleted: nobody sees it, nothing changes it, only the start-up does. */
    w.number = PENDING_DELETE;
    assert_int_equal(write_now(f, set_pending, &w), DB_OK);
    assert_int_equal(recording_get(c, "a", w.row.id, &row), DB_NOT_FOUND);
    assert_int_equal(recording_get(c, NULL, w.row.id, &row), DB_OK);
    assert_int_equal(write_now(f, set_title, &w), DB_NOT_FOUND);
    Seen seen = {0};
    assert_int_equal(recording_list(c, "a", INT64_MAX, "", 8, note, &seen), 0);
    assert_int_equal(seen.count, 0);
}

static int put_timeline(DbConnection *c, void *ctx)
{
    Work *w = ctx;
    return timeline_put(c, w->row.id, (const uint8_t *)w->text, strlen(w->text), -1);
}

static void test_timelines(void **state)
{
    Fixture *f = *state;
    Work organisation = {.text = "a"}, w = sample("a", NOW);
    uint8_t *data = NULL;
    size_t bytes = 0;
    RecordingRow row;
    write_now(f, add_organisation, &organisation);
    w.text = "first";
    assert_int_equal(write_now(f, put_timeline, &w), DB_NOT_FOUND);
    write_now(f, add_recording, &w);
    assert_int_equal(timeline_get(db_reader(f->db), w.row.id, &data, &bytes), DB_NOT_FOUND);
    assert_int_equal(write_now(f, put_timeline, &w), DB_OK);
    w.text = "second one";
    assert_int_equal(write_now(f, put_timeline, &w), DB_OK);
    assert_int_equal(timeline_get(db_reader(f->db), w.row.id, &data, &bytes), DB_OK);
    assert_int_equal(bytes, 10);
    assert_memory_equal(data, "second one", 10);
    free(data);
    recording_get(db_reader(f->db), "a", w.row.id, &row);
    assert_int_equal(row.has_timeline, 1);
    assert_int_equal(write_now(f, delete_row, &w), DB_OK);
    assert_int_equal(timeline_get(db_reader(f->db), w.row.id, &data, &bytes), DB_NOT_FOUND);
}

static void test_keys(void **state)
{
    (void)state;
    Work w = sample("a-1", NOW);
    char id[RECORDING_ID_BYTES];
    assert_int_equal(recording_id_of_key(w.row.take.key, id), 0);
    assert_string_equal(id, w.row.id);
    const char *bad[] = {"",
                         "takes/",
                         "takes/a/x.webm",
                         "other/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.webm",
                         "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.mp4",
                         "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(recording_id_of_key(bad[i], id), -1);
    }
}

/* A sign of life counts for as long in either direction: after the clock was set back it lies in
 * the future, and must not protect a take for as long as the step was. */
static void test_live_and_the_clock(void **state)
{
    const int64_t second = 1000000, now = 1800000000LL * second, live = 60 * second;
    RecordingRow row = {.take = {.state = OBJECT_OPEN}, .alive_us = now};
    (void)state;
    assert_true(recording_is_live(&row, now, live));
    assert_true(recording_is_live(&row, now + live - 1, live));
    assert_false(recording_is_live(&row, now + live, live));
    assert_true(recording_is_live(&row, now - live + 1, live));
    assert_false(recording_is_live(&row, now - live, live));
    assert_false(recording_is_live(&row, now - 3600 * second, live)); /* set back by an hour */
    assert_false(recording_is_live(&row, now, 0));
    row.take.pending = PENDING_SALVAGE;
    assert_false(recording_is_live(&row, now, live));
}

/* --- groups of writes --- */

typedef struct Gate {
    Wait wait;
    uv_sem_t open;
    int is_open; /* a write may run twice */
} Gate;

/* Holds the writing thread until the test opens the gate: what comes meanwhile waits together. */
static int wait_at_gate(DbConnection *c, void *ctx)
{
    Gate *gate = ctx;
    (void)c;
    if (!gate->is_open) {
        uv_sem_wait(&gate->open);
        gate->is_open = 1;
    }
    return DB_OK;
}

static void close_gate(Fixture *f, Gate *gate)
{
    assert_int_equal(uv_sem_init(&gate->open, 0), 0);
    gate->is_open = 0;
    db_write(f->db, NULL, wait_at_gate, gate, on_done);
}

static void open_gate(Fixture *f, Gate *gate)
{
    uv_sem_post(&gate->open);
    while (db_backlog(f->db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    uv_sem_destroy(&gate->open);
}

static void test_waiting_writes_share_a_commit(void **state)
{
    Fixture *f = *state;
    Gate gate;
    Work works[20];
    char names[20][16];
    DbStats before, after;
    db_stats(f->db, &before);
    close_gate(f, &gate);
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "group%d", i);
        works[i] = (Work){.text = names[i == 7 ? 6 : i]};
        db_write(f->db, NULL, i == 11 ? add_then_fail : add_organisation, &works[i], on_done);
    }
    open_gate(f, &gate);
    db_stats(f->db, &after);
    for (int i = 0; i < 20; i++) { /* each has its own answer, and its own effect */
        int fails = i == 7 || i == 11;
        assert_int_equal(works[i].wait.done, 1);
        assert_int_equal(works[i].wait.status, fails ? DB_CONFLICT : DB_OK);
        assert_int_equal(organisation_find(db_reader(f->db), names[i]),
                         fails ? DB_NOT_FOUND : DB_OK);
    }
    assert_int_equal(after.writes - before.writes, 21);
    /* Theirs, and the gate's own where the thread was there before them. */
    assert_in_range(after.commits - before.commits, 1, 2);
}

/* No page may be added any more: SQLite says that the disk is full. */
static int fill_disk(DbConnection *c, void *ctx)
{
    (void)ctx;
    return sqlite3_exec(c->sql, "PRAGMA max_page_count = 1", NULL, NULL, NULL) == SQLITE_OK ? DB_OK
                                                                                            : DB_IO;
}

static int put_large_timeline(DbConnection *c, void *ctx)
{
    static const uint8_t data[64 << 10];
    return timeline_put(c, ((Work *)ctx)->row.id, data, sizeof data, NOW);
}

static void test_full_disk_stops_only_what_needs_room(void **state)
{
    Fixture *f = *state;
    Gate gate;
    Work organisation = {.text = "a"}, w = sample("a", NOW), full = {.text = ""};
    RecordingRow row;
    write_now(f, add_organisation, &organisation);
    assert_int_equal(write_now(f, add_recording, &w), DB_OK);
    assert_int_equal(write_now(f, fill_disk, &full), DB_OK);
    Work large = w, title = w;
    close_gate(f, &gate);
    db_write(f->db, NULL, put_large_timeline, &large, on_done);
    db_write(f->db, NULL, set_title, &title, on_done);
    open_gate(f, &gate);
    assert_int_equal(large.wait.status, DB_FULL);
    assert_int_equal(title.wait.status, DB_OK);
    assert_int_equal(recording_get(db_reader(f->db), "a", w.row.id, &row), DB_OK);
    assert_string_equal(row.title, "new");
    assert_int_equal(row.has_timeline, 0);
}

/* --- reads --- */

typedef struct Reading {
    Wait wait;
    const char *name;
    uv_thread_t thread;
    uv_sem_t *hold;
    int found;
} Reading;

static int read_organisation(DbConnection *c, void *ctx)
{
    Reading *r = ctx;
    r->thread = uv_thread_self();
    if (r->hold) {
        uv_sem_wait(r->hold);
    }
    r->found = organisation_find(c, r->name);
    return r->found;
}

static void test_reads_are_off_the_loop(void **state)
{
    Fixture *f = *state;
    Work organisation = {.text = "seen"};
    Reading there = {.name = "seen"}, absent = {.name = "unseen"};
    uv_thread_t loop = uv_thread_self();
    assert_int_equal(write_now(f, add_organisation, &organisation), DB_OK);
    db_read(f->db, read_organisation, &there, on_done);
    db_read(f->db, read_organisation, &absent, on_done);
    assert_int_equal(there.wait.done + absent.wait.done, 0);
    assert_int_equal(db_backlog(f->db), 2);
    while (db_backlog(f->db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(there.wait.status, DB_OK);
    assert_int_equal(absent.wait.status, DB_NOT_FOUND);
    assert_false(uv_thread_equal(&there.thread, &loop));
}

static int add_from_read(DbConnection *c, void *ctx)
{
    (void)ctx;
    return organisation_insert(c, "by-a-reader", NOW);
}

static int fail_to_write(DbConnection *c, void *ctx)
{
    (void)ctx;
    return db_status(c, sqlite3_exec(c->sql, "INSERT INTO nowhere VALUES(1)", NULL, NULL, NULL));
}

static int fail_to_read(DbConnection *c, void *ctx)
{
    (void)ctx;
    return db_status(c, sqlite3_exec(c->sql, "DELETE FROM organisations", NULL, NULL, NULL));
}

/* An operator has to know what the disk, or SQLite, said; what a caller did wrong is not told. */
static void test_failures_are_told(void **state)
{
    Fixture *f = *state;
    char text[1024] = "";
    FILE *out = tmpfile();
    Log log = {.out = out, .level = LOG_INFO};
    Work w = {.text = ""}, r = {.text = ""};
    assert_non_null(out);
    db_set_log(f->db, &log);
    assert_int_equal(write_now(f, fail_to_write, &w), DB_IO);
    db_read(f->db, fail_to_read, &r, on_done);
    while (db_backlog(f->db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(r.wait.status, DB_IO);
    Work again = {.text = "twice"};
    assert_int_equal(write_now(f, add_organisation, &again), DB_OK);
    assert_int_equal(write_now(f, add_organisation, &again), DB_CONFLICT);
    rewind(out);
    assert_true(fread(text, 1, sizeof text - 1, out) > 0);
    fclose(out);
    assert_non_null(
        strstr(text, "\"event\":\"database-failed\",\"what\":\"write\",\"reason\":\"SQL logic "
                     "error\",\"code\":1"));
    assert_null(strstr(text, "constraint"));
    assert_non_null(
        strstr(text, "\"what\":\"read\",\"reason\":\"attempt to write a readonly database\""));
}

static void test_readers_cannot_write(void **state)
{
    Fixture *f = *state;
    Work work = {.text = ""};
    db_read(f->db, add_from_read, &work, on_done);
    while (db_backlog(f->db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(work.wait.status, DB_IO);
}

static void test_too_many_reads_are_refused(void **state)
{
    Fixture *f = *state;
    static Reading readings[DB_MAX_READS + 1];
    uv_sem_t hold;
    assert_int_equal(uv_sem_init(&hold, 0), 0);
    memset(readings, 0, sizeof readings);
    for (int i = 0; i <= DB_MAX_READS; i++) {
        readings[i].name = "x";
        readings[i].hold = &hold;
        db_read(f->db, read_organisation, &readings[i], on_done);
        assert_int_equal(readings[i].wait.done, i == DB_MAX_READS);
    }
    assert_int_equal(readings[DB_MAX_READS].wait.status, DB_BUSY);
    for (int i = 0; i < DB_MAX_READS; i++) {
        uv_sem_post(&hold);
    }
    while (db_backlog(f->db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    for (int i = 0; i < DB_MAX_READS; i++) {
        assert_int_equal(readings[i].wait.done, 1);
    }
    uv_sem_destroy(&hold);
}

static void test_close_finishes_reads(void **state)
{
    Fixture *f = *state;
    char error[256];
    Reading readings[20] = {{.name = NULL}};
    for (int i = 0; i < 20; i++) {
        readings[i].name = "x";
        db_read(f->db, read_organisation, &readings[i], on_done);
    }
    db_close(&f->db);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(readings[i].wait.done, 1);
        assert_int_equal(readings[i].wait.status, DB_NOT_FOUND);
    }
    assert_int_equal(db_open(&f->loop, f->path, &f->db, error, sizeof error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_and_the_clock),
        cmocka_unit_test_setup_teardown(test_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(test_takes_become_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_schema_is_brought_up_to_date, setup, teardown),
        cmocka_unit_test_setup_teardown(test_migration_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_migration_without_its_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, setup, teardown),
        cmocka_unit_test(test_garbage_is_refused),
        cmocka_unit_test_setup_teardown(test_rollback_and_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_finishes_the_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_writes_share_a_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_stops_only_what_needs_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_are_off_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_readers_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_reads_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_finishes_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_is_paged_without_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(test_salvage_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timelines, setup, teardown),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
