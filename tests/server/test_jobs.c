/* Jobs against a store in memory: reconciliation, completion, abort, locks. */
#include "jobs_rig.h"

#include "base/digest.h"

/* What a crash between any two steps can leave, and what start-up makes of it. */
static void test_reconciliation(void **state)
{
    Fixture *f = *state;
    const struct {
        ObjectPending pending;
        int upload, object, expected; /* -1: the row is gone */
    } cases[] = {
        {PENDING_COMPLETE, 1, 0, OBJECT_OPEN},
        {PENDING_COMPLETE, 0, 1, OBJECT_COMPLETE},
        {PENDING_COMPLETE, 0, 0, OBJECT_FAILED},
        {PENDING_ABORT, 1, 0, OBJECT_ABORTED},
        {PENDING_ABORT, 0, 0, OBJECT_ABORTED},
        {PENDING_ABORT, 0, 1, OBJECT_ABORTED},
        {PENDING_DELETE, 1, 0, -1},
        {PENDING_DELETE, 0, 1, -1},
        {PENDING_DELETE, 0, 0, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RecordingRow row;
        arrange(f, OBJECT_OPEN, cases[i].pending, 10, cases[i].upload, cases[i].object);
        assert_int_equal(jobs_start(&f->jobs), 0);
        run(f);
        jobs_stop(&f->jobs);
        f->jobs.stopping = 0;
        if (cases[i].expected < 0) {
            assert_int_equal(find(f, &row), DB_NOT_FOUND);
        } else {
            assert_int_equal(find(f, &row), DB_OK);
            assert_int_equal(row.take.state, cases[i].expected);
            assert_int_equal(row.take.pending, PENDING_NONE);
            assert_int_equal(row.take.bytes, row.take.state == OBJECT_COMPLETE ? 777 : 0);
        }
        assert_int_equal(f->memory.upload, cases[i].expected == OBJECT_OPEN);
        assert_int_equal(f->memory.object, cases[i].expected == OBJECT_COMPLETE);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

static void test_a_store_that_does_not_answer(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    arrange(f, OBJECT_OPEN, PENDING_COMPLETE, 2 * 86400, 0, 1);
    f->memory.failing = STORE_UNREACHABLE;
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    jobs_stop(&f->jobs);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.pending, PENDING_COMPLETE);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    f->memory.failing = STORE_OK;
    f->jobs.stopping = 0;
    assert_int_equal(jobs_start(&f->jobs), 0);
    run(f);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
}

static void on_job(void *ctx, const JobResult *result)
{
    Fixture *f = ctx;
    f->result = *result;
    f->done = 1;
}

static const StorePart two[] = {{1, 100, "aa", 0, 0, {0}}, {2, 50, "bb", 0, 0, {0}}};

static JobStatus complete(Fixture *f, const StorePart *parts, int count, int64_t bytes)
{
    find(f, &f->row);
    f->done = 0;
    job_complete(&f->jobs, NULL, &f->row.take, parts, count, bytes, 2000000, f, on_job);
    run(f);
    return f->result.status;
}

static void test_completion(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    StorePart wrong[2];
    arrange(f, OBJECT_OPEN, PENDING_NONE, 10, 1, 0);
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
    assert_int_equal(row.take.pending, PENDING_NONE);
    /* The store did it, its answer was lost: pending, and the repeated call finds the object. */
    f->memory.complete_answer = STORE_UNREACHABLE;
    assert_int_equal(complete(f, two, 2, 150), JOB_UNREACHABLE);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.pending, PENDING_COMPLETE);
    assert_int_equal(complete(f, two, 1, 100), JOB_CONFLICT);
    assert_int_equal(complete(f, two, 2, 150), JOB_OK);
    assert_int_equal(find(f, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
    assert_int_equal(row.take.bytes, 150);
    assert_int_equal(row.take.duration_us, 2000000);
}

static void test_upload_that_cannot_be_noted(void **state)
{
    Fixture *f = *state;
    arrange(f, OBJECT_ABORTED, PENDING_NONE, 10, 0, 0);
    f->done = 0;
    job_create_upload(&f->jobs, NULL, &f->row.take, f, on_job); /* not in CREATED any more */
    run(f);
    assert_int_equal(f->result.status, JOB_BROKEN);
    assert_int_equal(f->memory.upload, 0);
}

static void note_grant(void *ctx)
{
    ++*(int *)ctx;
}

/* The upload is gone and there is an object: of these parts, or of others of the same size? */
static void test_completion_of_what_is_there(void **state)
{
    Fixture *f = *state;
    const StorePart parts[] = {{1, 100, "9a0364b9e99bb480dd25e1f0284c8555", 0, 0, {0}},
                               {2, 50, "9a0364b9e99bb480dd25e1f0284c8555", 0, 0, {0}}};
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
        arrange(f, OBJECT_OPEN, PENDING_NONE, 10, 0, 1);
        f->memory.object_bytes = cases[i].bytes;
        strcpy(f->memory.object_etag, *cases[i].etag ? cases[i].etag : right);
        f->jobs.policy.opaque_etags = *cases[i].encryption != 0;
        assert_int_equal(find(f, &row), DB_OK);
        f->done = 0;
        job_complete(&f->jobs, NULL, &row.take, parts, 2, 150, 1000000, f, on_job);
        run(f);
        assert_int_equal(f->result.status, cases[i].expected);
    }
}

/* The abort decided on a row from before the salvage: the salvage keeps the take. */
static void test_abort_of_a_take_in_salvage(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    const ObjectPending pending[] = {PENDING_SALVAGE, PENDING_REBUILD};
    for (int i = 0; i < 2; i++) {
        arrange(f, OBJECT_OPEN, pending[i], 10, 1, 1);
        row = f->row;
        row.take.pending = PENDING_NONE;
        strcpy(row.take.upload_id, "up1");
        f->done = 0;
        job_abort(&f->jobs, NULL, &row.take, f, on_job);
        run(f);
        assert_int_equal(f->result.status, JOB_GONE);
        assert_int_equal(f->memory.upload, 1);
        assert_int_equal(f->memory.object, 1);
        assert_int_equal(find(f, &row), DB_OK);
        assert_int_equal(row.take.pending, pending[i]);
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
        cmocka_unit_test_setup_teardown(test_completion, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upload_that_cannot_be_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abort_of_a_take_in_salvage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_completion_of_what_is_there, setup, teardown),
        cmocka_unit_test(test_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
