/* What time leaves over: cleanup by age, orphans, clocks that jump. */
#include "jobs_rig.h"

#include <sys/resource.h>

static int cleaned(Fixture *f, ObjectState state, int64_t age_s, int parts, int64_t newest_age_s)
{
    RecordingRow row;
    arrange(f, state, PENDING_NONE, age_s, state == OBJECT_OPEN, 0);
    f->memory.part_count = parts;
    for (int i = 0; i < parts; i++) {
        f->memory.parts[i] = (StorePart){
            .number = i + 1,
            .bytes = 1,
            .modified_unix_us = clock_now_us() - (newest_age_s + 60 * (parts - 1 - i)) * 1000000};
    }
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    jobs_stop(&f->jobs);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->jobs.stopping = 0;
    return find(f, &row) == DB_NOT_FOUND;
}

static void test_cleanup_ages(void **state)
{
    Fixture *f = *state;
    const int64_t hour = 3600, day = 24 * hour;
    assert_false(cleaned(f, OBJECT_CREATED, day - 60, 0, 0));
    assert_true(cleaned(f, OBJECT_CREATED, day + 60, 0, 0));
    assert_false(cleaned(f, OBJECT_OPEN, day - 60, 0, 0));
    assert_true(cleaned(f, OBJECT_OPEN, day + 60, 0, 0));
    assert_false(cleaned(f, OBJECT_ABORTED, 6 * day, 0, 0));
    assert_true(cleaned(f, OBJECT_ABORTED, 7 * day + 60, 0, 0));
    assert_false(cleaned(f, OBJECT_COMPLETE, 3650 * day, 0, 0));
    f->jobs.policy.at_start = 0;
    assert_false(cleaned(f, OBJECT_CREATED, 365 * day, 0, 0));
}

static int delete_row(DbConnection *c, void *ctx)
{
    return recording_delete(c, ((Fixture *)ctx)->row.id);
}

/* The state after a clean-up of a take that has stored parts; the row is gone afterwards. */
static ObjectState aged(Fixture *f, int64_t age_s, int64_t newest_age_s)
{
    RecordingRow row;
    assert_false(cleaned(f, OBJECT_OPEN, age_s, 2, newest_age_s));
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.pending, PENDING_NONE);
    f->done = 0;
    db_write(f->jobs.ports.db, NULL, delete_row, f, on_put);
    run(f);
    return row.take.state;
}

static int put_timeline(DbConnection *c, void *ctx)
{
    Fixture *f = ctx;
    return timeline_put(c, f->row.id, (const uint8_t *)"x", 1, clock_now_us());
}

/* A take that has its first part is salvaged, never removed. What is in this store does not play,
 * so a salvage ends as failed. */
static void test_cleanup_salvages(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    const int64_t hour = 3600, day = 24 * hour;
    assert_int_equal(aged(f, 365 * day, day - 60), OBJECT_OPEN);
    assert_int_equal(aged(f, 365 * day, day + 60), OBJECT_FAILED);
    assert_int_equal(aged(f, 365 * day, 300 * day), OBJECT_FAILED);
    f->jobs.policy.salvage_after_s = hour;
    assert_int_equal(aged(f, 2 * hour, hour - 60), OBJECT_OPEN);
    assert_int_equal(aged(f, 2 * hour, hour + 60), OBJECT_FAILED);
    f->jobs.policy.salvage_after_s = 0;
    assert_int_equal(aged(f, 365 * day, 29 * day), OBJECT_OPEN);
    assert_int_equal(aged(f, 365 * day, 30 * day + 60), OBJECT_FAILED);
    assert_int_equal(f->jobs.removed_recordings, 0);
    /* Without its first part there is nothing to salvage. */
    f->memory.parts[0].number = 2;
    f->memory.part_count = 1;
    f->jobs.policy.salvage_after_s = hour;
    arrange(f, OBJECT_OPEN, PENDING_NONE, 29 * day, 1, 0);
    f->memory.parts[0].modified_unix_us = f->row.created_us;
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_OPEN);
    jobs_stop(&f->jobs);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->jobs.stopping = 0;
    /* A timeline is a sign of life. */
    f->memory.parts[0].number = 1;
    f->done = 0;
    db_write(f->jobs.ports.db, NULL, put_timeline, f, on_put);
    run(f);
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_OPEN);
}

static void test_orphan_upload(void **state)
{
    Fixture *f = *state;
    strcpy(f->memory.orphan_key, "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.webm");
    f->done = 1;
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    assert_int_equal(f->memory.aborted_orphans, 1);
    assert_int_equal(f->jobs.removed_uploads, 1);
}

/* Every upload of a busy server is known: looking at them takes no stack for each. */
static void test_many_known_uploads(void **state)
{
    Fixture *f = *state;
    struct rlimit stack;
    assert_int_equal(getrlimit(RLIMIT_STACK, &stack), 0);
    const struct rlimit small = {1 << 20, stack.rlim_max};
    arrange(f, OBJECT_OPEN, PENDING_NONE, 60, 1, 0);
    memcpy(f->memory.known_key, f->row.take.key, sizeof f->memory.known_key);
    f->memory.known_uploads = 8000;
    f->done = 1;
    assert_int_equal(setrlimit(RLIMIT_STACK, &small), 0);
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    setrlimit(RLIMIT_STACK, &stack);
    assert_int_equal(f->memory.upload, 1);
    assert_int_equal(f->jobs.removed_uploads, 0);
    assert_int_equal(f->jobs.cleaning, 0);
}

/* What an older copy of the database does not know is told of and stays. */
static void test_orphans_stay(void **state)
{
    Fixture *f = *state;
    const int64_t day_us = 86400LL * 1000000;
    int64_t old_us = clock_now_us() - 400 * day_us;
    MemoryStore *m = &f->memory;
    strcpy(m->orphan_key, "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.webm");
    m->orphan_parts = 2;
    m->parts[0] = m->parts[1] = (StorePart){.number = 1, .bytes = 5, .modified_unix_us = old_us};
    arrange(f, OBJECT_COMPLETE, PENDING_NONE, 400 * 86400, 0, 1);
    m->objects[0] = (StoreObject){.key = "takes/a/other.txt", .bytes = 1};
    m->objects[1] = (StoreObject){.key = "takes/a/rec_bbbbbbbbbbbbbbbbbbbbbbbb.webm",
                                  .bytes = 1000,
                                  .modified_unix_us = old_us};
    m->objects[2] = (StoreObject){.key = "takes/a/rec_cccccccccccccccccccccccc.webm",
                                  .bytes = 100,
                                  .modified_unix_us = clock_now_us() - day_us};
    snprintf(m->objects[3].key, sizeof m->objects[3].key, "takes/a/%s.webm", f->row.id);
    m->object_count = 4;
    for (int i = 0; i < 4; i++) {
        for (int k = i + 1; k < 4; k++) {
            StoreObject kept = m->objects[i];
            if (strcmp(kept.key, m->objects[k].key) > 0) {
                m->objects[i] = m->objects[k];
                m->objects[k] = kept;
            }
        }
    }
    f->done = 1;
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    assert_int_equal(m->lists, 4); /* two pages of takes, then the other prefixes */
    assert_int_equal(m->aborted_orphans, 0);
    assert_int_equal(m->object, 1);
    assert_int_equal(f->jobs.orphan_objects, 1);
    assert_int_equal(f->jobs.orphan_bytes, 1000);
    assert_int_equal(f->jobs.orphan_uploads, 1);
}

/* Before a failed recording goes, the store is asked once more. */
static void test_a_last_look(void **state)
{
    Fixture *f = *state;
    const int64_t day = 86400;
    f->memory.failing = STORE_UNREACHABLE;
    assert_false(cleaned(f, OBJECT_FAILED, 8 * day, 0, 0));
    f->memory.failing = STORE_OK;
    f->done = 0;
    db_write(f->jobs.ports.db, NULL, delete_row, f, on_put);
    run(f);
    assert_false(cleaned(f, OBJECT_FAILED, 6 * day, 0, 0));
    assert_true(cleaned(f, OBJECT_FAILED, 8 * day, 0, 0));
    assert_int_equal(f->jobs.removed_recordings, 1);
    /* There is an object again, but nothing in it plays: it was tried, and goes. */
    RecordingRow row;
    arrange(f, OBJECT_FAILED, PENDING_NONE, 8 * day, 0, 1);
    f->jobs.salvage_failures = 0;
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    assert_int_equal(f->jobs.salvage_failures, 1);
    assert_int_equal(find(f, &row), DB_NOT_FOUND);
    assert_int_equal(f->memory.object, 0);
}

/* The store comes back between reconciliation and clean-up: a take that the clean-up finishes is
 * not one that it removed. */
static void test_cleanup_reconciles(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    arrange(f, OBJECT_OPEN, PENDING_COMPLETE, 2 * 86400, 0, 1);
    f->memory.failing = STORE_UNREACHABLE;
    f->memory.fails_once = 1;
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
    assert_int_equal(f->jobs.removed_recordings, 0);
}

static int set_clock(DbConnection *c, void *ctx)
{
    return server_clock_set(c, *(int64_t *)ctx);
}

static void on_clock(void *ctx, int status)
{
    (void)ctx;
    assert_int_equal(status, DB_OK);
}

static void pass(Fixture *f)
{
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    jobs_stop(&f->jobs);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->jobs.stopping = 0;
}

/* A clock that is far ahead of what was last believed removes and salvages nothing for a day; what
 * is pending goes on. */
static void test_a_clock_that_jumps(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    int64_t seen_us = clock_now_us() - 400LL * 86400 * 1000000;
    arrange(f, OBJECT_ABORTED, PENDING_NONE, 400 * 86400, 0, 0);
    char aborted[RECORDING_ID_BYTES];
    memcpy(aborted, f->row.id, sizeof aborted);
    arrange(f, OBJECT_OPEN, PENDING_COMPLETE, 400 * 86400, 0, 1);
    db_write(f->jobs.ports.db, NULL, set_clock, &seen_us, on_clock);
    run(f);
    pass(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
    assert_int_equal(recording_get(db_reader(f->jobs.ports.db), NULL, aborted, &row), DB_OK);
    pass(f); /* still */
    assert_int_equal(recording_get(db_reader(f->jobs.ports.db), NULL, aborted, &row), DB_OK);
    assert_int_equal(server_clock_get(db_reader(f->jobs.ports.db), &seen_us), DB_OK);
    assert_true(clock_now_us() - seen_us > 399LL * 86400 * 1000000);

    f->jobs.distrust_ns = 1; /* a day later */
    pass(f);
    assert_int_equal(recording_get(db_reader(f->jobs.ports.db), NULL, aborted, &row), DB_NOT_FOUND);
    assert_int_equal(server_clock_get(db_reader(f->jobs.ports.db), &seen_us), DB_OK);
    assert_true(clock_now_us() - seen_us < 3600LL * 1000000);

    /* Set back, and right again: nothing is younger or older for it than it is. */
    arrange(f, OBJECT_ABORTED, PENDING_NONE, 6 * 86400, 0, 0);
    f->jobs.pass_us += 40LL * 86400 * 1000000;
    pass(f);
    pass(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(f->jobs.distrust_ns, 0);

    arrange(f, OBJECT_ABORTED, PENDING_NONE, 30 * 86400, 0, 0);
    f->jobs.pass_us -= 2 * 3600LL * 1000000; /* the clock was set two hours forward */
    pass(f);
    assert_int_equal(find(f, &row), DB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cleanup_reconciles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cleanup_ages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cleanup_salvages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphan_upload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_known_uploads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphans_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_last_look, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
