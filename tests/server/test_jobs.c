/* Jobs against a store in memory that can be in any state a crash leaves, and can fail at any call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "digest.h"
#include "server.h"

/* One key at most: what the store has of the recording under test. */
typedef struct MemoryStore {
    Store store; /* first: the interface */
    int upload, object, part_count;
    StorePart parts[4];
    int64_t object_bytes;
    char object_etag[STORE_ETAG_BYTES];
    StoreStatus failing;         /* every call answers this */
    StoreStatus complete_answer; /* complete acts, then answers this */
    int aborted_orphans;
    char orphan_key[STORE_KEY_BYTES];
    int fails_once; /* failing ends with the next head */
} MemoryStore;

static MemoryStore *memory(Store *s)
{
    return (MemoryStore *)s;
}

static void m_create(Store *s, const char *key, const char *type, void *ctx,
                     void (*done)(void *, StoreStatus, const char *))
{
    (void)key;
    (void)type;
    memory(s)->upload = memory(s)->failing == STORE_OK;
    done(ctx, memory(s)->failing, memory(s)->upload ? "up1" : NULL);
}

static void m_list(Store *s, const char *key, const char *id, void *ctx,
                   void (*done)(void *, StoreStatus, const StorePart *, int))
{
    MemoryStore *m = memory(s);
    int orphan = strcmp(key, m->orphan_key) == 0;
    (void)id;
    StoreStatus status = m->failing            ? m->failing
                         : m->upload || orphan ? STORE_OK
                                               : STORE_NO_SUCH_UPLOAD;
    done(ctx, status, m->parts, status == STORE_OK && !orphan ? m->part_count : 0);
}

static void m_complete(Store *s, const char *key, const char *id, const StorePart *parts, int count,
                       void *ctx, void (*done)(void *, StoreStatus, const StoreObject *))
{
    MemoryStore *m = memory(s);
    StoreObject object = {.bytes = 0};
    (void)key;
    (void)id;
    StoreStatus status = m->failing ? m->failing : !m->upload ? STORE_NO_SUCH_UPLOAD : STORE_OK;
    for (int i = 0; i < count && status == STORE_OK; i++) {
        object.bytes += parts[i].bytes ? parts[i].bytes : m->parts[i].bytes;
    }
    if (status == STORE_OK) {
        m->upload = 0;
        m->object = 1;
        m->object_bytes = object.bytes;
        status = m->complete_answer;
    }
    done(ctx, status, &object);
}

static void m_abort(Store *s, const char *key, const char *id, void *ctx,
                    void (*done)(void *, StoreStatus))
{
    MemoryStore *m = memory(s);
    (void)id;
    if (strcmp(key, m->orphan_key) == 0) {
        m->aborted_orphans++;
        done(ctx, STORE_OK);
        return;
    }
    StoreStatus status = m->failing ? m->failing : m->upload ? STORE_OK : STORE_NO_SUCH_UPLOAD;
    if (status == STORE_OK) {
        m->upload = 0;
    }
    done(ctx, status);
}

static void m_head(Store *s, const char *key, void *ctx,
                   void (*done)(void *, StoreStatus, const StoreObject *))
{
    MemoryStore *m = memory(s);
    StoreObject object = {.bytes = m->object_bytes};
    snprintf(object.etag, sizeof object.etag, "%s", m->object_etag);
    (void)key;
    StoreStatus failing = m->failing;
    m->failing = m->fails_once ? STORE_OK : failing;
    done(ctx, failing ? failing : m->object ? STORE_OK : STORE_NO_SUCH_KEY, &object);
}

static void m_remove(Store *s, const char *key, void *ctx, void (*done)(void *, StoreStatus))
{
    MemoryStore *m = memory(s);
    (void)key;
    StoreStatus status = m->failing ? m->failing : m->object ? STORE_OK : STORE_NO_SUCH_KEY;
    if (status == STORE_OK) {
        m->object = 0;
    }
    done(ctx, status);
}

static void m_uploads(Store *s, const char *prefix, void *ctx,
                      void (*done)(void *, StoreStatus, const StoreUpload *, int))
{
    MemoryStore *m = memory(s);
    StoreUpload upload = {.initiated_unix_us = server_now_us()};
    (void)prefix;
    snprintf(upload.key, sizeof upload.key, "%s", m->orphan_key);
    strcpy(upload.upload_id, "lost");
    done(ctx, m->failing, &upload, *m->orphan_key && !m->failing ? 1 : 0);
}

/* Nothing that plays. */
static void m_get(Store *s, const char *key, int64_t offset, size_t bytes, void *ctx,
                  void (*done)(void *, StoreStatus, const uint8_t *, size_t))
{
    const uint8_t data[] = "garbage";
    (void)key;
    assert_int_equal(offset, 0);
    size_t there = bytes < sizeof data ? bytes : sizeof data;
    done(ctx, memory(s)->failing, data, there);
}

typedef struct Fixture {
    Server server;
    MemoryStore memory;
    uv_loop_t loop;
    char path[64];
    RecordingRow row;
    int status, done;
    JobResult result;
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
    const Store interface = {.create_upload = m_create,
                             .list_parts = m_list,
                             .complete = m_complete,
                             .abort = m_abort,
                             .head = m_head,
                             .remove = m_remove,
                             .list_uploads = m_uploads,
                             .get_range = m_get};
    f->memory.store = interface;
    snprintf(f->path, sizeof f->path, "/tmp/keeptake-jobs-%d.db", (int)getpid());
    remove_files(f->path);
    uv_loop_init(&f->loop);
    config_init(&f->server.config);
    f->server.config.cleanup_interval_s = 0;
    f->server.loop = &f->loop;
    f->server.store = &f->memory.store;
    *state = f;
    return db_open(&f->loop, f->path, &f->server.db, error, sizeof error);
}

static int teardown(void **state)
{
    Fixture *f = *state;
    jobs_stop(&f->server);
    db_close(&f->server.db);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&f->loop) != 0 || f->server.jobs.running != 0 ||
               f->server.locks.first != NULL;
    remove_files(f->path);
    free(f);
    return busy;
}

static int put_row(DbConnection *c, void *ctx)
{
    Fixture *f = ctx;
    int status = organisation_find(c, "a") == DB_OK ? DB_OK : organisation_insert(c, "a", 1);
    status = status == DB_OK ? recording_insert(c, &f->row, NULL) : status;
    if (status == DB_OK && f->row.state == RECORDING_RECORDING) {
        status = recording_set_upload(c, f->row.id, "up1", f->row.created_us);
    } else if (status == DB_OK && f->row.state != RECORDING_CREATED) {
        status = recording_set_state(c, f->row.id, f->row.state, f->row.changed_us);
    }
    if (status == DB_OK && f->row.pending != PENDING_NONE) {
        status = recording_set_pending(c, f->row.id, f->row.pending, NULL, 1000000, 1);
    }
    return status;
}

static void on_put(void *ctx, int status)
{
    ((Fixture *)ctx)->status = status;
    ((Fixture *)ctx)->done = 1;
}

static void run(Fixture *f)
{
    while (!f->done || f->server.jobs.running > 0 || db_backlog(f->server.db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
}

/* A row in the given state, made age_s ago; the store as given. */
static void arrange(Fixture *f, RecordingState state, RecordingPending pending, int64_t age_s,
                    int upload, int object)
{
    memset(&f->row, 0, sizeof f->row);
    assert_int_equal(id_make("rec_", f->row.id, sizeof f->row.id), 0);
    strcpy(f->row.organisation, "a");
    strcpy(f->row.codec, "vp9");
    f->row.created_us = f->row.changed_us = server_now_us() - age_s * 1000000;
    f->row.part_bytes = 5242880;
    f->row.state = state;
    f->row.pending = pending;
    f->memory.upload = upload;
    f->memory.object = object;
    f->memory.object_bytes = 777;
    f->done = 0;
    db_write(f->server.db, put_row, f, on_put);
    run(f);
    assert_int_equal(f->status, DB_OK);
}

static int find(Fixture *f, RecordingRow *row)
{
    return recording_get(db_reader(f->server.db), NULL, f->row.id, row);
}

/* What a crash between any two steps can leave, and what start-up makes of it. */
static void test_reconciliation(void **state)
{
    Fixture *f = *state;
    const struct {
        RecordingPending pending;
        int upload, object, expected; /* -1: the row is gone */
    } cases[] = {
        {PENDING_COMPLETE, 1, 0, RECORDING_RECORDING},
        {PENDING_COMPLETE, 0, 1, RECORDING_COMPLETE},
        {PENDING_COMPLETE, 0, 0, RECORDING_FAILED},
        {PENDING_ABORT, 1, 0, RECORDING_ABORTED},
        {PENDING_ABORT, 0, 0, RECORDING_ABORTED},
        {PENDING_ABORT, 0, 1, RECORDING_ABORTED},
        {PENDING_DELETE, 1, 0, -1},
        {PENDING_DELETE, 0, 1, -1},
        {PENDING_DELETE, 0, 0, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RecordingRow row;
        arrange(f, RECORDING_RECORDING, cases[i].pending, 10, cases[i].upload, cases[i].object);
        assert_int_equal(jobs_start(&f->server), 0);
        run(f);
        jobs_stop(&f->server);
        f->server.jobs.stopping = 0;
        if (cases[i].expected < 0) {
            assert_int_equal(find(f, &row), DB_NOT_FOUND);
        } else {
            assert_int_equal(find(f, &row), DB_OK);
            assert_int_equal(row.state, cases[i].expected);
            assert_int_equal(row.pending, PENDING_NONE);
            assert_int_equal(row.bytes, row.state == RECORDING_COMPLETE ? 777 : 0);
        }
        assert_int_equal(f->memory.upload, cases[i].expected == RECORDING_RECORDING);
        assert_int_equal(f->memory.object, cases[i].expected == RECORDING_COMPLETE);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

static void test_a_store_that_does_not_answer(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    arrange(f, RECORDING_RECORDING, PENDING_COMPLETE, 2 * 86400, 0, 1);
    f->memory.failing = STORE_UNREACHABLE;
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    jobs_stop(&f->server);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.pending, PENDING_COMPLETE);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->memory.failing = STORE_OK;
    f->server.jobs.stopping = 0;
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.state, RECORDING_COMPLETE);
}

/* The store comes back between reconciliation and clean-up: a take that the clean-up finishes is
 * not one that it removed. */
static void test_cleanup_reconciles(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    arrange(f, RECORDING_RECORDING, PENDING_COMPLETE, 2 * 86400, 0, 1);
    f->memory.failing = STORE_UNREACHABLE;
    f->memory.fails_once = 1;
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.state, RECORDING_COMPLETE);
    assert_int_equal(f->server.jobs.removed_recordings, 0);
}

static void on_job(void *ctx, const JobResult *result)
{
    Fixture *f = ctx;
    f->result = *result;
    f->done = 1;
}

static const StorePart two[] = {{1, 100, "aa", 0}, {2, 50, "bb", 0}};

static JobStatus complete(Fixture *f, const StorePart *parts, int count, int64_t bytes)
{
    find(f, &f->row);
    f->done = 0;
    job_complete(&f->server, &f->row, parts, count, bytes, 2000000, f, on_job);
    run(f);
    return f->result.status;
}

static void test_completion(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    StorePart wrong[2];
    arrange(f, RECORDING_RECORDING, PENDING_NONE, 10, 1, 0);
    memcpy(f->memory.parts, two, sizeof two);
    f->memory.part_count = 2;
    memcpy(wrong, two, sizeof two);
    strcpy(wrong[1].etag, "cc");
    assert_int_equal(complete(f, wrong, 2, 150), JOB_CONFLICT);
    assert_non_null(strstr(f->result.message, "Part 2"));
    assert_int_equal(complete(f, two, 2, 151), JOB_CONFLICT);
    f->memory.failing = STORE_FULL;
    assert_int_equal(complete(f, two, 2, 150), JOB_FULL);
    f->memory.failing = STORE_OK;
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.pending, PENDING_NONE);
    /* The store did it, its answer was lost: pending, and the repeated call finds the object. */
    f->memory.complete_answer = STORE_UNREACHABLE;
    assert_int_equal(complete(f, two, 2, 150), JOB_UNREACHABLE);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.pending, PENDING_COMPLETE);
    assert_int_equal(complete(f, two, 1, 100), JOB_CONFLICT);
    assert_int_equal(complete(f, two, 2, 150), JOB_OK);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.state, RECORDING_COMPLETE);
    assert_int_equal(row.bytes, 150);
    assert_int_equal(row.duration_us, 2000000);
}

static void test_upload_that_cannot_be_noted(void **state)
{
    Fixture *f = *state;
    arrange(f, RECORDING_ABORTED, PENDING_NONE, 10, 0, 0);
    f->done = 0;
    job_create_upload(&f->server, &f->row, f, on_job); /* not in CREATED any more */
    run(f);
    assert_int_equal(f->result.status, JOB_BROKEN);
    assert_int_equal(f->memory.upload, 0);
}

static int cleaned(Fixture *f, RecordingState state, int64_t age_s, int parts, int64_t newest_age_s)
{
    RecordingRow row;
    arrange(f, state, PENDING_NONE, age_s, state == RECORDING_RECORDING, 0);
    f->memory.part_count = parts;
    for (int i = 0; i < parts; i++) {
        f->memory.parts[i] = (StorePart){
            .number = i + 1,
            .bytes = 1,
            .modified_unix_us = server_now_us() - (newest_age_s + 60 * (parts - 1 - i)) * 1000000};
    }
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    jobs_stop(&f->server);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->server.jobs.stopping = 0;
    return find(f, &row) == DB_NOT_FOUND;
}

static void test_cleanup_ages(void **state)
{
    Fixture *f = *state;
    const int64_t hour = 3600, day = 24 * hour;
    assert_false(cleaned(f, RECORDING_CREATED, day - 60, 0, 0));
    assert_true(cleaned(f, RECORDING_CREATED, day + 60, 0, 0));
    assert_false(cleaned(f, RECORDING_RECORDING, day - 60, 0, 0));
    assert_true(cleaned(f, RECORDING_RECORDING, day + 60, 0, 0));
    assert_false(cleaned(f, RECORDING_ABORTED, 6 * day, 0, 0));
    assert_true(cleaned(f, RECORDING_ABORTED, 7 * day + 60, 0, 0));
    assert_false(cleaned(f, RECORDING_COMPLETE, 3650 * day, 0, 0));
    f->server.config.limits.startup_cleanup = 0;
    assert_false(cleaned(f, RECORDING_CREATED, 365 * day, 0, 0));
}

static int delete_row(DbConnection *c, void *ctx)
{
    return recording_delete(c, ((Fixture *)ctx)->row.id);
}

/* The state after a clean-up of a take that has stored parts; the row is gone afterwards. */
static RecordingState aged(Fixture *f, int64_t age_s, int64_t newest_age_s)
{
    RecordingRow row;
    assert_false(cleaned(f, RECORDING_RECORDING, age_s, 2, newest_age_s));
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.pending, PENDING_NONE);
    f->done = 0;
    db_write(f->server.db, delete_row, f, on_put);
    run(f);
    return row.state;
}

static int put_timeline(DbConnection *c, void *ctx)
{
    Fixture *f = ctx;
    return timeline_put(c, f->row.id, (const uint8_t *)"x", 1, server_now_us());
}

/* A take that has its first part is salvaged, never removed. What is in this store does not play,
 * so a salvage ends as failed. */
static void test_cleanup_salvages(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    const int64_t hour = 3600, day = 24 * hour;
    assert_int_equal(aged(f, 365 * day, day - 60), RECORDING_RECORDING);
    assert_int_equal(aged(f, 365 * day, day + 60), RECORDING_FAILED);
    assert_int_equal(aged(f, 365 * day, 300 * day), RECORDING_FAILED);
    f->server.config.salvage_after_s = hour;
    assert_int_equal(aged(f, 2 * hour, hour - 60), RECORDING_RECORDING);
    assert_int_equal(aged(f, 2 * hour, hour + 60), RECORDING_FAILED);
    f->server.config.salvage_after_s = 0;
    assert_int_equal(aged(f, 365 * day, 29 * day), RECORDING_RECORDING);
    assert_int_equal(aged(f, 365 * day, 30 * day + 60), RECORDING_FAILED);
    assert_int_equal(f->server.jobs.removed_recordings, 0);
    /* Without its first part there is nothing to salvage. */
    f->memory.parts[0].number = 2;
    f->memory.part_count = 1;
    f->server.config.salvage_after_s = hour;
    arrange(f, RECORDING_RECORDING, PENDING_NONE, 29 * day, 1, 0);
    f->memory.parts[0].modified_unix_us = f->row.created_us;
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.state, RECORDING_RECORDING);
    jobs_stop(&f->server);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->server.jobs.stopping = 0;
    /* A timeline is a sign of life. */
    f->memory.parts[0].number = 1;
    f->done = 0;
    db_write(f->server.db, put_timeline, f, on_put);
    run(f);
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.state, RECORDING_RECORDING);
}

static void test_orphan_upload(void **state)
{
    Fixture *f = *state;
    strcpy(f->memory.orphan_key, "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.webm");
    f->done = 1;
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    assert_int_equal(f->memory.aborted_orphans, 1);
    assert_int_equal(f->server.jobs.removed_uploads, 1);
}

static void note_grant(void *ctx)
{
    ++*(int *)ctx;
}

/* The upload is gone and there is an object: of these parts, or of others of the same size? */
static void test_completion_of_what_is_there(void **state)
{
    Fixture *f = *state;
    const StorePart parts[] = {{1, 100, "9a0364b9e99bb480dd25e1f0284c8555", 0},
                               {2, 50, "9a0364b9e99bb480dd25e1f0284c8555", 0}};
    const struct {
        const char *etag, *encryption;
        int64_t bytes;
        JobStatus expected;
    } cases[] = {
        {"4ac7bcb6a6d7e1df73bc81b4ee7ff9a6-2", "", 150, JOB_CONFLICT},
        {"", "", 150, JOB_OK},                                 /* the right one: set below */
        {"9a0364b9e99bb480dd25e1f0284c8555", "", 150, JOB_OK}, /* copied: says nothing */
        {"4ac7bcb6a6d7e1df73bc81b4ee7ff9a6-2", "aws:kms", 150, JOB_OK},
        {"", "", 151, JOB_CONFLICT},
    };
    uint8_t md5s[32], md5[32];
    char hex[33], right[STORE_ETAG_BYTES];
    Digest *d = digest_create(DIGEST_MD5);
    assert_true(digest_from_hex(parts[0].etag, md5s, 16));
    memcpy(md5s + 16, md5s, 16);
    digest_update(d, md5s, 32);
    digest_finish(d, md5);
    digest_destroy(&d);
    digest_to_hex(md5, 16, hex);
    snprintf(right, sizeof right, "%s-2", hex);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RecordingRow row;
        arrange(f, RECORDING_RECORDING, PENDING_NONE, 10, 0, 1);
        f->memory.object_bytes = cases[i].bytes;
        strcpy(f->memory.object_etag, *cases[i].etag ? cases[i].etag : right);
        strcpy(f->server.config.s3_encryption, cases[i].encryption);
        assert_int_equal(find(f, &row), DB_OK);
        f->done = 0;
        job_complete(&f->server, &row, parts, 2, 150, 1000000, f, on_job);
        run(f);
        assert_int_equal(f->result.status, cases[i].expected);
    }
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
    assert_int_equal(jobs_start(&f->server), 0);
    run(f);
    jobs_stop(&f->server);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->server.jobs.stopping = 0;
}

/* A clock that is far ahead of what was last believed removes and salvages nothing for a day; what
 * is pending goes on. */
static void test_a_clock_that_jumps(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    int64_t seen_us = server_now_us() - 400LL * 86400 * 1000000;
    arrange(f, RECORDING_ABORTED, PENDING_NONE, 400 * 86400, 0, 0);
    char aborted[RECORDING_ID_BYTES];
    memcpy(aborted, f->row.id, sizeof aborted);
    arrange(f, RECORDING_RECORDING, PENDING_COMPLETE, 400 * 86400, 0, 1);
    db_write(f->server.db, set_clock, &seen_us, on_clock);
    run(f);
    pass(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.state, RECORDING_COMPLETE);
    assert_int_equal(recording_get(db_reader(f->server.db), NULL, aborted, &row), DB_OK);
    pass(f); /* still */
    assert_int_equal(recording_get(db_reader(f->server.db), NULL, aborted, &row), DB_OK);
    assert_int_equal(server_clock_get(db_reader(f->server.db), &seen_us), DB_OK);
    assert_true(server_now_us() - seen_us > 399LL * 86400 * 1000000);

    f->server.jobs.distrust_ns = 1; /* a day later */
    pass(f);
    assert_int_equal(recording_get(db_reader(f->server.db), NULL, aborted, &row), DB_NOT_FOUND);
    assert_int_equal(server_clock_get(db_reader(f->server.db), &seen_us), DB_OK);
    assert_true(server_now_us() - seen_us < 3600LL * 1000000);

    arrange(f, RECORDING_ABORTED, PENDING_NONE, 30 * 86400, 0, 0);
    f->server.jobs.pass_us -= 2 * 3600LL * 1000000; /* the clock was set two hours forward */
    pass(f);
    assert_int_equal(find(f, &row), DB_OK);
}

/* The abort decided on a row from before the salvage: the salvage keeps the take. */
static void test_abort_of_a_take_in_salvage(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    const RecordingPending pending[] = {PENDING_SALVAGE, PENDING_REBUILD};
    for (int i = 0; i < 2; i++) {
        arrange(f, RECORDING_RECORDING, pending[i], 10, 1, 1);
        row = f->row;
        row.pending = PENDING_NONE;
        strcpy(row.upload_id, "up1");
        f->done = 0;
        job_abort(&f->server, &row, f, on_job);
        run(f);
        assert_int_equal(f->result.status, JOB_GONE);
        assert_int_equal(f->memory.upload, 1);
        assert_int_equal(f->memory.object, 1);
        assert_int_equal(find(f, &row), DB_OK);
        assert_int_equal(row.pending, pending[i]);
    }
}

static void test_locks(void **state)
{
    (void)state;
    RecordingLocks locks = {NULL};
    RecordingLock a = {0}, b = {0}, c = {0}, other = {0}, never = {0};
    int grants[4] = {0};
    recording_lock(&locks, &a, "one", note_grant, &grants[0]);
    recording_lock(&locks, &b, "one", note_grant, &grants[1]);
    recording_lock(&locks, &c, "one", note_grant, &grants[2]);
    recording_lock(&locks, &other, "two", note_grant, &grants[3]);
    assert_int_equal(grants[0] + grants[3], 2);
    assert_int_equal(grants[1] + grants[2], 0);
    recording_unlock(&locks, &never);
    recording_unlock(&locks, &b); /* gives up while waiting */
    assert_int_equal(grants[2], 0);
    recording_unlock(&locks, &a);
    recording_unlock(&locks, &a);
    assert_int_equal(grants[1], 0);
    assert_int_equal(grants[2], 1);
    recording_unlock(&locks, &c);
    recording_unlock(&locks, &other);
    assert_null(locks.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reconciliation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_store_that_does_not_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cleanup_reconciles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_completion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upload_that_cannot_be_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cleanup_ages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abort_of_a_take_in_salvage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_completion_of_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cleanup_salvages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphan_upload, setup, teardown),
        cmocka_unit_test(test_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
