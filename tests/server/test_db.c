/* Reads and writes on their threads: order, groups, a full disk, what ends when it is closed. */
#include "db_rig.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
