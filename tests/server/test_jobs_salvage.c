/* The salvage by the server alone on the embedded store, interrupted before and after every call to
 * it: whatever was done before, the take ends complete, seekable and the same to the byte. */
#include "disk_jobs_rig.h"
#include "keeptake/scene.h"

#define MOST_RECORDINGS 5
#define TIMELINE                                                                                   \
    "{\"version\":1,\"canvas\":{\"width\":640,\"height\":360},\"events\":["                        \
    "{\"type\":\"start\",\"take\":0,\"wall\":\"2026-01-31T12:00:00.000Z\"},"                       \
    "{\"type\":\"mark\",\"take\":1,\"wall\":\"2026-01-31T12:00:01.000Z\"},"                        \
    "{\"type\":\"mark\",\"take\":3600,\"wall\":\"2026-01-31T13:00:00.000Z\"}]}"

typedef struct Fixture {
    DiskJobs base;
    RecordingRow rows[MOST_RECORDINGS];
    int row_count;
    int status, begun, ended;
    JobResult result;
    uint8_t *expected; /* of the salvage that nothing interrupted */
    size_t expected_bytes;
    uint8_t *got;
    size_t got_bytes;
} Fixture;

/* --- the server around it --- */

static int set_up(void **state)
{
    Fixture *f = calloc(1, sizeof *f);
    make_all(&f->base);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    remove_all(&f->base);
    free(f->expected);
    free(f->got);
    free(f);
    return 0;
}

static void restart(Fixture *f)
{
    close_all(&f->base);
    open_all(&f->base);
}

static void on_status(void *ctx, int status)
{
    ((Fixture *)ctx)->status = status;
}

static void on_text(void *ctx, StoreStatus status, const char *text)
{
    Fixture *f = ctx;
    RecordingRow *row = &f->rows[f->row_count];
    f->status = status;
    if (text)
        snprintf(row->take.upload_id, sizeof row->take.upload_id, "%s", text);
}

static void on_etag(void *ctx, StoreStatus status, const char *etag)
{
    (void)etag;
    ((Fixture *)ctx)->status = status;
}

static int put_row(DbConnection *c, void *ctx)
{
    Fixture *f = ctx;
    RecordingRow *row = &f->rows[f->row_count];
    uint8_t *packed = NULL;
    size_t bytes = 0;
    int status = organisation_find(c, "a") == DB_OK ? DB_OK : organisation_insert(c, "a", 1);
    status = status == DB_OK ? recording_insert(c, row, NULL) : status;
    status = status == DB_OK
                 ? object_set_upload(c, row->take.id, row->take.upload_id, row->created_us)
                 : status;
    assert_int_equal(kt_timeline_compress(TIMELINE, strlen(TIMELINE), &packed, &bytes), KT_OK);
    status = status == DB_OK ? timeline_put(c, row->id, packed, bytes, row->created_us) : status;
    kt_text_free(packed);
    return status;
}

/* A recording whose upload has the parts of the file's first bytes, without those in missing (a bit
 * each). Returns its index. */
static int arrange(Fixture *f, size_t bytes, unsigned missing)
{
    RecordingRow *row = &f->rows[f->row_count];
    char key[STORE_KEY_BYTES];
    Store *inner = f->base.faulty.inner;
    memset(row, 0, sizeof *row);
    assert_int_equal(id_make("rec_", row->id, sizeof row->id), 0);
    strcpy(row->organisation, "a");
    strcpy(row->codec, "vp9");
    row->width = 640;
    row->height = 360;
    row->created_us = clock_now_us();
    row->take.part_bytes = PART;
    recording_name_take(row);
    memcpy(key, row->take.key, sizeof key);
    f->status = 1;
    inner->create_upload(inner, key, "video/webm", NULL, f, on_text);
    while (f->status == 1)
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    for (size_t at = 0, n = 0; at < bytes; at += PART, n++) {
        size_t left = bytes - at;
        if (missing >> n & 1)
            continue;
        f->status = 1;
        const StoreBody body = {.data = file.data + at,
                                .bytes = (int64_t)(left < PART ? left : PART)};
        inner->put_part(inner, key, row->take.upload_id, (int)n + 1, &body, NULL, f, on_etag);
        while (f->status == 1)
            uv_run(uv_default_loop(), UV_RUN_ONCE);
        assert_int_equal(f->status, STORE_OK);
    }
    f->status = 1;
    db_write(f->base.jobs.ports.db, NULL, put_row, f, on_status);
    settle(&f->base);
    assert_int_equal(f->status, DB_OK);
    return f->row_count++;
}

static void find(Fixture *f, int n, RecordingRow *row)
{
    assert_int_equal(recording_get(db_reader(f->base.jobs.ports.db), NULL, f->rows[n].id, row),
                     DB_OK);
}

static void on_begun(void *ctx, const JobResult *result)
{
    Fixture *f = ctx;
    assert_int_equal(f->ended, 0);
    f->begun = result->status == JOB_OK ? 1 : -1;
}

static void on_done(void *ctx, const JobResult *result)
{
    Fixture *f = ctx;
    f->result = *result;
    f->ended++;
}

static JobStatus salvage(Fixture *f, int n)
{
    RecordingRow row;
    find(f, n, &row);
    f->begun = f->ended = 0;
    job_salvage(&f->base.jobs, NULL, &row.take, f, on_begun, on_done);
    settle(&f->base);
    assert_int_equal(f->ended, 1);
    assert_int_not_equal(f->begun, 0);
    return f->result.status;
}

static void read_object(Fixture *f, int n)
{
    char key[STORE_KEY_BYTES];
    DiskReader *r = NULL;
    memcpy(key, f->rows[n].take.key, sizeof key);
    assert_int_equal(disk_reader_open(f->base.disk, FAULTY_BUCKET, key, &r), STORE_OK);
    f->got_bytes = (size_t)disk_reader_object(r)->bytes;
    f->got = realloc(f->got, f->got_bytes + 1);
    for (size_t at = 0; at < f->got_bytes;) {
        int64_t got = disk_reader_read(r, (int64_t)at, f->got + at, f->got_bytes - at);
        assert_true(got > 0);
        at += (size_t)got;
    }
    disk_reader_close(&r);
}

static void assert_no_uploads(Fixture *f)
{
    StoreUpload *uploads = NULL;
    int count = -1;
    assert_int_equal(disk_list_uploads(f->base.disk, FAULTY_BUCKET, "", &uploads, &count),
                     STORE_OK);
    free(uploads);
    assert_int_equal(count, 0);
}

/* The recording is complete: a finished file of the first whole clusters within bytes. */
static void check_take(Fixture *f, int n, size_t bytes)
{
    RecordingRow row;
    TakeScanResult r;
    char *scene = NULL, *text = NULL, error[256];
    uint8_t *packed = NULL;
    size_t text_bytes, packed_bytes;
    size_t valid = 0;
    KtTimeline *timeline = NULL;
    find(f, n, &row);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
    assert_int_equal(row.take.pending, PENDING_NONE);
    assert_true(row.take.salvaged);
    read_object(f, n);
    assert_int_equal(row.take.bytes, f->got_bytes);
    for (int i = 0; i < file.clusters && file.ends[i] <= bytes; i++)
        valid = file.ends[i];
    assert_true(f->got_bytes > valid);
    assert_memory_equal(f->got + KT_WEBM_HEADER_BYTES, file.data + KT_WEBM_HEADER_BYTES,
                        valid - KT_WEBM_HEADER_BYTES);
    TakeScan *s = take_scan_create();
    assert_true(take_scan_feed(s, f->got, f->got_bytes) >= 0);
    take_scan_finish(s, &r);
    assert_true(r.finished);
    assert_int_equal(r.valid_bytes, valid);
    assert_in_range(row.take.duration_us, r.duration_us - 1000, r.duration_us + 1000);
    take_scan_destroy(&s);
    assert_int_equal(timeline_get(db_reader(f->base.jobs.ports.db), row.id, &packed, &packed_bytes),
                     DB_OK);
    assert_int_equal(kt_timeline_decompress(packed, packed_bytes, &text, &text_bytes), KT_OK);
    assert_int_equal(kt_timeline_parse(text, text_bytes, &timeline, error, sizeof error), KT_OK);
    assert_non_null(strstr(text, "\"stop\""));
    assert_null(strstr(text, "13:00:00")); /* later than the take */
    kt_text_free(text);
    free(packed);
    assert_int_equal(kt_scene_json(timeline, &scene, &text_bytes, error, sizeof error), KT_OK);
    kt_text_free(scene);
    kt_timeline_destroy(&timeline);
}

/* --- tests --- */

/* The browser died: the header is not patched, the last cluster is cut. */
static size_t cut_take(void)
{
    file_frame_bytes = 3000;
    make_file(1, 1);
    memcpy(file.data, file.plain_header, sizeof file.plain_header);
    assert_true(file.clusters_end > 3 * PART);
    return file.clusters_end - 777;
}

static void a_take_is_finished(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    size_t bytes = cut_take();
    int n = arrange(f, bytes, 0);
    find(f, n, &row);
    assert_string_equal(object_state_name(row.take.state, row.take.pending), "recording");
    assert_int_equal(salvage(f, n), JOB_OK);
    assert_int_equal(f->begun, 1);
    check_take(f, n, bytes);
    assert_no_uploads(f);
    assert_int_equal(f->base.jobs.salvaged_takes, 1);
    /* Again: it is complete, which is said before anything begins. */
    assert_int_equal(salvage(f, n), JOB_GONE);
    assert_int_equal(f->begun, -1);
    check_take(f, n, bytes);
}

/* Small takes and odd ends: within one part, at the end of one, Cues that spill into another. */
static void any_size(void **state)
{
    Fixture *f = *state;
    static const size_t sizes[] = {0, 30000, PART, PART + 1, 2 * PART - 60, 2 * PART};
    cut_take();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        f->row_count = 0;
        size_t bytes = sizes[i] ? sizes[i] : file.ends[0];
        int n = arrange(f, bytes, 0);
        assert_int_equal(salvage(f, n), JOB_OK);
        check_take(f, n, bytes);
    }
    assert_no_uploads(f);
}

static void every_step_may_be_the_last(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    size_t bytes = cut_take();
    int n = arrange(f, bytes, 0), steps = 0, interrupted = 0;
    break_store(&f->base.faulty, FAULT_NONE, 0);
    assert_int_equal(salvage(f, n), JOB_OK);
    steps = f->base.faulty.calls;
    assert_true(steps > 10);
    read_object(f, n);
    f->expected = malloc(f->got_bytes);
    f->expected_bytes = f->got_bytes;
    memcpy(f->expected, f->got, f->got_bytes);
    for (int i = 0; i < 2 * steps; i++) {
        f->row_count = 0;
        n = arrange(f, bytes, 0);
        break_store(&f->base.faulty, i % 2 ? FAULT_AFTER : FAULT_BEFORE, i / 2);
        interrupted += salvage(f, n) != JOB_OK;
        find(f, n, &row);
        assert_int_equal(row.take.state, OBJECT_OPEN);
        assert_string_equal(object_state_name(row.take.state, row.take.pending), "salvaging");
        restart(f);
        assert_int_equal(jobs_start(&f->base.jobs), 0);
        settle(&f->base);
        check_take(f, n, bytes);
        assert_int_equal(f->got_bytes, f->expected_bytes);
        assert_memory_equal(f->got, f->expected, f->got_bytes);
    }
    assert_int_equal(interrupted, 2 * steps);
    /* What was begun and never noted is for the clean-up. */
    f->base.jobs.stopping = 0;
    f->base.jobs.policy.at_start = 1;
    f->base.jobs.policy.empty_age_s = f->base.jobs.policy.cleanup_age_s = 0;
    jobs_stop(&f->base.jobs);
    settle(&f->base);
    f->base.jobs.stopping = 0;
    assert_int_equal(jobs_start(&f->base.jobs), 0);
    settle(&f->base);
    assert_no_uploads(f);
}

/* The browser sent all there is and died before it could complete: nothing is left to do. */
static void a_whole_file_is_only_completed(void **state)
{
    Fixture *f = *state;
    make_file(1, 1);
    int n = arrange(f, file.bytes, 0);
    break_store(&f->base.faulty, FAULT_NONE, 0);
    assert_int_equal(salvage(f, n), JOB_OK);
    assert_int_equal(f->base.faulty.calls, 4); /* list, complete, head, read */
    check_take(f, n, file.clusters_end);
    assert_int_equal(f->got_bytes, file.bytes);
    assert_memory_equal(f->got, file.data, file.bytes);
}

static void what_follows_a_gap_is_left_out(void **state)
{
    Fixture *f = *state;
    size_t bytes = cut_take();
    for (int wants_all = 0; wants_all < 2; wants_all++) {
        f->base.faulty.wants_all = wants_all;
        int n = arrange(f, bytes, 1u << 2);
        assert_int_equal(salvage(f, n), JOB_OK);
        check_take(f, n, 2 * PART);
    }
    assert_no_uploads(f);
}

static void nothing_that_plays(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    cut_take();
    int empty = arrange(f, 0, 0);
    assert_int_equal(salvage(f, empty), JOB_OK);
    find(f, empty, &row);
    assert_int_equal(row.take.state, OBJECT_ABORTED);
    /* Without its first part: left as it is, the browser may still send it. */
    int headless = arrange(f, 2 * PART, 1);
    assert_int_equal(salvage(f, headless), JOB_CONFLICT);
    find(f, headless, &row);
    assert_int_equal(row.take.state, OBJECT_OPEN);
    assert_int_equal(row.take.pending, PENDING_NONE);
    /* Not one whole cluster; and no file at all. Both stay for the clean-up to remove. */
    int header = arrange(f, file.ends[0] - 1, 0);
    memset(file.data, 'x', KT_WEBM_HEADER_BYTES);
    int other = arrange(f, 2 * PART, 0);
    for (int n = header; n <= other; n++) {
        assert_int_equal(salvage(f, n), JOB_OK);
        find(f, n, &row);
        assert_int_equal(row.take.state, OBJECT_FAILED);
        read_object(f, n);
    }
    assert_int_equal(f->base.jobs.salvaged_takes, 0);
}

static void many_at_once_wait_for_each_other(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    size_t bytes = cut_take();
    for (int i = 0; i < MOST_RECORDINGS; i++)
        arrange(f, bytes, 0);
    f->ended = 0;
    for (int i = 0; i < MOST_RECORDINGS; i++) {
        find(f, i, &row);
        job_salvage(&f->base.jobs, NULL, &row.take, f, NULL, on_done);
    }
    settle(&f->base);
    assert_int_equal(f->ended, MOST_RECORDINGS);
    assert_in_range(f->base.faulty.most_open_ranges, 1, 2);
    for (int i = 0; i < MOST_RECORDINGS; i++)
        check_take(f, i, bytes);
}

static void stopping_ends_it_and_the_next_start_goes_on(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    size_t bytes = cut_take();
    for (int i = 0; i < 3; i++)
        arrange(f, bytes, 0);
    f->ended = 0;
    for (int i = 0; i < 3; i++) {
        find(f, i, &row);
        job_salvage(&f->base.jobs, NULL, &row.take, f, NULL, on_done);
    }
    while (f->base.faulty.calls < 4)
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    jobs_stop(&f->base.jobs);
    settle(&f->base);
    assert_int_equal(f->ended, 3);
    assert_int_equal(f->base.jobs.salvaged_takes, 0);
    restart(f);
    assert_int_equal(jobs_start(&f->base.jobs), 0);
    settle(&f->base);
    for (int i = 0; i < 3; i++)
        check_take(f, i, bytes);
}

/* A service that takes its time, in the first read of a take or in the copies of its rebuilding:
 * stopping does not wait for it. */
static void stopping_takes_back_what_the_store_is_at(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    size_t bytes = cut_take();
    for (int kind = STALL_RANGES; kind <= STALL_COPIES; kind++) {
        int n = arrange(f, bytes, 0);
        find(f, n, &row);
        f->ended = 0;
        f->base.faulty.stalls = kind;
        job_salvage(&f->base.jobs, NULL, &row.take, f, NULL, on_done);
        while (f->base.faulty.held_count == 0)
            uv_run(uv_default_loop(), UV_RUN_ONCE);
        assert_int_equal(f->ended, 0);
        jobs_stop(&f->base.jobs);
        settle(&f->base);
        assert_int_equal(f->ended, 1);
        assert_int_equal(f->result.status, JOB_UNREACHABLE);
        f->base.faulty.stalls = 0;
        restart(f);
        assert_int_equal(jobs_start(&f->base.jobs), 0);
        settle(&f->base);
        check_take(f, n, bytes);
    }
}

static int note_failed(DbConnection *c, void *ctx)
{
    return object_set_state(c, ((Fixture *)ctx)->rows[0].take.id, OBJECT_FAILED, 1);
}

/* A recording failed while the store had lost its upload; before it goes, the upload is back. */
static void a_failed_take_that_is_there_again(void **state)
{
    Fixture *f = *state;
    size_t bytes = cut_take();
    assert_int_equal(arrange(f, bytes, 0), 0);
    f->status = 1;
    db_write(f->base.jobs.ports.db, NULL, note_failed, f, on_status);
    settle(&f->base);
    assert_int_equal(f->status, DB_OK);
    f->base.jobs.policy.at_start = 1;
    f->base.jobs.policy.empty_age_s = f->base.jobs.policy.cleanup_age_s = 0;
    assert_int_equal(jobs_start(&f->base.jobs), 0);
    settle(&f->base);
    check_take(f, 0, bytes);
    assert_int_equal(f->base.jobs.removed_recordings, 0);
}

typedef struct Gate {
    uv_mutex_t mutex;
    uv_cond_t change;
    int is_open, passed;
} Gate;

static void wait_at_gate(void *ctx)
{
    Gate *gate = ctx;
    uv_mutex_lock(&gate->mutex);
    while (!gate->is_open)
        uv_cond_wait(&gate->change, &gate->mutex);
    uv_mutex_unlock(&gate->mutex);
}

static void on_passed(void *ctx)
{
    ((Gate *)ctx)->passed++;
}

/* While the threads that compute are taken, a salvage waits for one; the loop goes on meanwhile,
 * since nothing of the take is read on it. */
static void the_loop_never_reads_a_take(void **state)
{
    Fixture *f = *state;
    Gate gate = {.is_open = 0};
    RecordingRow row;
    file_frame_bytes = MOST_PICTURE_BYTES;
    make_file(1, 1);
    memcpy(file.data, file.plain_header, sizeof file.plain_header);
    size_t bytes = file.clusters_end - 777;
    assert_true(bytes >
                STORE_MAX_RANGE_BYTES); /* a scan on the loop would ask for the next range */
    int n = arrange(f, bytes, 0);
    find(f, n, &row);
    uv_mutex_init(&gate.mutex);
    uv_cond_init(&gate.change);
    assert_int_equal(workers_create(uv_default_loop(), 1, 1, &f->base.jobs.ports.compute), 0);
    assert_int_equal(workers_run(f->base.jobs.ports.compute, wait_at_gate, on_passed, &gate), 0);
    f->base.faulty.calls = 0;
    job_salvage(&f->base.jobs, NULL, &row.take, f, on_begun, on_done);
    for (int quiet = 0; quiet < 50; quiet++) { /* turns in which nothing more is asked */
        int calls = f->base.faulty.calls;
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
        usleep(1000);
        quiet = calls == f->base.faulty.calls && calls > 0 ? quiet : 0;
    }
    assert_int_equal(f->base.faulty.calls, 4); /* parts, completion, head, the first range */
    assert_int_equal(f->ended + gate.passed, 0);
    uv_mutex_lock(&gate.mutex);
    gate.is_open = 1;
    uv_cond_signal(&gate.change);
    uv_mutex_unlock(&gate.mutex);
    settle(&f->base);
    assert_int_equal(f->ended + gate.passed, 2);
    check_take(f, n, bytes);
    workers_destroy(&f->base.jobs.ports.compute);
    uv_cond_destroy(&gate.change);
    uv_mutex_destroy(&gate.mutex);
}

#define SALVAGE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SALVAGE_TEST(a_take_is_finished),
        SALVAGE_TEST(any_size),
        SALVAGE_TEST(every_step_may_be_the_last),
        SALVAGE_TEST(a_whole_file_is_only_completed),
        SALVAGE_TEST(what_follows_a_gap_is_left_out),
        SALVAGE_TEST(nothing_that_plays),
        SALVAGE_TEST(a_failed_take_that_is_there_again),
        SALVAGE_TEST(the_loop_never_reads_a_take),
        SALVAGE_TEST(many_at_once_wait_for_each_other),
        SALVAGE_TEST(stopping_ends_it_and_the_next_start_goes_on),
        SALVAGE_TEST(stopping_takes_back_what_the_store_is_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
