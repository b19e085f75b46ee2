/* Recordings with more objects than their take, on the embedded store: deletion, salvage and
 * clean-up work on each of them, and leave alone what is not ours. */
#include "disk_jobs_rig.h"
#include "model/principal.h"

#define BY "a/owner tok_x req_y"

typedef struct Fixture {
    DiskJobs base;
    RecordingRow row;
    ObjectRow object; /* at hand */
    int status, ended;
    JobResult result;
    char etag[STORE_ETAG_BYTES];
} Fixture;

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
    free(f);
    return 0;
}

static DbConnection *reader(Fixture *f)
{
    return db_reader(f->base.jobs.ports.db);
}

static void on_status(void *ctx, int status)
{
    ((Fixture *)ctx)->status = status;
}

static void on_job(void *ctx, const JobResult *result)
{
    Fixture *f = ctx;
    f->result = *result;
    f->ended++;
}

/* --- arranging --- */

static int put_recording(DbConnection *c, void *ctx)
{
    Fixture *f = ctx;
    int status = organisation_find(c, "a") == DB_OK ? DB_OK : organisation_insert(c, "a", 1);
    return status == DB_OK ? recording_insert(c, &f->row, NULL) : status;
}

static void make_recording(Fixture *f)
{
    RecordingRow *row = &f->row;
    memset(row, 0, sizeof *row);
    assert_int_equal(id_make("rec_", row->id, sizeof row->id), 0);
    strcpy(row->organisation, "a");
    strcpy(row->codec, "vp9");
    row->created_us = clock_now_us();
    row->take.part_bytes = PART;
    recording_name_take(row);
    db_write(f->base.jobs.ports.db, BY, put_recording, f, on_status);
    settle(&f->base);
    assert_int_equal(f->status, DB_OK);
}

static int put_object(DbConnection *c, void *ctx)
{
    return object_insert(c, &((Fixture *)ctx)->object);
}

static void find(Fixture *f, const char *id)
{
    assert_int_equal(object_get(reader(f), id, &f->object), DB_OK);
}

static void make_object(Fixture *f, ObjectKind kind, const char *key)
{
    ObjectRow *o = &f->object;
    memset(o, 0, sizeof *o);
    assert_int_equal(id_make("obj_", o->id, sizeof o->id), 0);
    memcpy(o->recording, f->row.id, sizeof o->recording);
    strcpy(o->organisation, "a");
    o->kind = kind;
    strcpy(o->type, "video/webm");
    snprintf(o->key, sizeof o->key, "%s", key);
    o->created_us = clock_now_us();
    o->part_bytes = PART;
    db_write(f->base.jobs.ports.db, BY, put_object, f, on_status);
    settle(&f->base);
    assert_int_equal(f->status, DB_OK);
}

static void on_etag(void *ctx, StoreStatus status, const char *etag)
{
    Fixture *f = ctx;
    f->status = status;
    snprintf(f->etag, sizeof f->etag, "%s", etag ? etag : "");
}

/* Begins the upload of the object at hand and stores bytes of the file as its parts. */
static int send_parts(Fixture *f, size_t bytes, StorePart *parts)
{
    Store *store = &f->base.faulty.store;
    int count = 0;
    job_create_upload(&f->base.jobs, BY, &f->object, f, on_job);
    settle(&f->base);
    assert_int_equal(f->result.status, JOB_OK);
    find(f, f->object.id);
    for (size_t at = 0; at < bytes; at += PART) {
        size_t left = bytes - at;
        f->status = 1;
        const StoreBody body = {.data = file.data + at,
                                .bytes = (int64_t)(left < PART ? left : PART)};
        store->put_part(store, f->object.key, f->object.upload_id, count + 1, &body, NULL, f,
                        on_etag);
        while (f->status == 1) {
            uv_run(uv_default_loop(), UV_RUN_ONCE);
        }
        assert_int_equal(f->status, STORE_OK);
        parts[count].number = count + 1;
        memcpy(parts[count++].etag, f->etag, STORE_ETAG_BYTES);
    }
    return count;
}

static void complete(Fixture *f, size_t bytes)
{
    static StorePart parts[64];
    memset(parts, 0, sizeof parts);
    int count = send_parts(f, bytes, parts);
    job_complete(&f->base.jobs, BY, &f->object, parts, count, (int64_t)bytes, 1000000, f, on_job);
    settle(&f->base);
    assert_int_equal(f->result.status, JOB_OK);
    find(f, f->object.id);
    assert_int_equal(f->object.state, OBJECT_COMPLETE);
}

static void key_of(const Fixture *f, const char *prefix, const char *name, char key[256])
{
    snprintf(key, 256, "%sroom/%s/%s", prefix, f->row.id, name);
}

/* A finished take, a finished track, one that is being sent, and an MP4 that has not begun. */
static void make_meeting(Fixture *f)
{
    static StorePart parts[64];
    char key[256];
    make_recording(f);
    f->object = f->row.take;
    complete(f, 100000);
    key_of(f, "raw/", "anna/video.webm", key);
    make_object(f, OBJECT_RAW_VIDEO, key);
    complete(f, 150000);
    key_of(f, "raw/", "anna/audio.webm", key);
    make_object(f, OBJECT_RAW_AUDIO, key);
    send_parts(f, 80000, parts);
    key_of(f, "made/", "take.mp4", key);
    make_object(f, OBJECT_MP4, key);
    assert_int_equal(recording_get(reader(f), "a", f->row.id, &f->row), DB_OK);
}

static void on_objects(void *ctx, StoreStatus status, const StoreObject *objects, int count,
                       int more)
{
    Fixture *f = ctx;
    (void)objects;
    assert_int_equal(status, STORE_OK);
    assert_int_equal(more, 0);
    f->status = count;
}

static void assert_store_has(Fixture *f, int wanted_objects, int wanted_uploads)
{
    StoreUpload *uploads = NULL;
    int count = -1;
    f->status = -1;
    f->base.faulty.inner->list_objects(f->base.faulty.inner, "", "", NULL, f, on_objects);
    while (f->status < 0) {
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    }
    assert_int_equal(f->status, wanted_objects);
    assert_int_equal(disk_list_uploads(f->base.disk, FAULTY_BUCKET, "", &uploads, &count),
                     STORE_OK);
    free(uploads);
    assert_int_equal(count, wanted_uploads);
}

static int rows_of(Fixture *f, int with_deleted)
{
    ObjectRow rows[8];
    return object_of_recording(reader(f), f->row.id, "", with_deleted, rows, 8);
}

static int execute(DbConnection *c, void *ctx)
{
    return sqlite3_exec(c->sql, ctx, NULL, NULL, NULL) == SQLITE_OK ? DB_OK : DB_IO;
}

static void run_sql(Fixture *f, char *sql)
{
    Db *db = f->base.jobs.ports.db;
    db_write(db, NULL, execute, sql, NULL);
    settle(&f->base);
}

/* All rows as old as they can be; parts and objects of the store are not. */
static void make_old(Fixture *f)
{
    char sql[] = "UPDATE objects SET created_us = 1, changed_us = 1;"
                 "UPDATE recordings SET created_us = 1, alive_us = 0";
    run_sql(f, sql);
}

static void clean_up(Fixture *f)
{
    f->base.policy.at_start = 1;
    f->base.policy.salvage_after_s = f->base.policy.salvage_age_s = 0;
    close_all(&f->base);
    open_all(&f->base);
    assert_int_equal(jobs_start(&f->base.jobs), 0);
    settle(&f->base);
}

/* --- deletion --- */

static void delete_take(Fixture *f)
{
    f->ended = 0;
    job_delete(&f->base.jobs, BY, &f->row.take, f, on_job);
    settle(&f->base);
}

static void a_recording_goes_with_all_its_objects(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    ObjectUse use;
    make_meeting(f);
    assert_int_equal(rows_of(f, 0), 4);
    assert_store_has(f, 2, 1);
    object_use(reader(f), "a", &use);
    assert_int_equal(use.bytes, 250000);
    delete_take(f);
    assert_int_equal(f->ended, 1);
    assert_int_equal(f->result.status, JOB_OK);
    assert_store_has(f, 0, 0);
    assert_int_equal(rows_of(f, 1), 0);
    assert_int_equal(recording_get(reader(f), NULL, f->row.id, &row), DB_NOT_FOUND);
    object_use(reader(f), "a", &use);
    assert_true(use.bytes == 0 && use.open == 0);
    assert_null(f->base.jobs.locks.first);
}

/* Killed before or after any call to the store: from the first note on nobody sees the recording,
 * and the next start removes what is left. */
static void a_deletion_ends_after_a_kill_at_any_step(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    for (int fault = FAULT_BEFORE; fault <= FAULT_AFTER; fault++) {
        for (int n = 0; n < 6; n++) {
            make_meeting(f);
            break_store(&f->base.faulty, (Fault)fault, n);
            f->ended = 0;
            job_delete(&f->base.jobs, BY, &f->row.take, f, on_job);
            for (int turns = 0; turns < 300 && !f->ended; turns++) {
                uv_run(uv_default_loop(), UV_RUN_NOWAIT);
                usleep(100);
            }
            assert_int_equal(recording_get(reader(f), "a", f->row.id, &row), DB_NOT_FOUND);
            assert_int_equal(rows_of(f, 0), 0);
            f->base.policy.at_start = 0;
            close_all(&f->base);
            open_all(&f->base);
            assert_int_equal(jobs_start(&f->base.jobs), 0);
            settle(&f->base);
            assert_store_has(f, 0, 0);
            assert_int_equal(rows_of(f, 1), 0);
            assert_int_equal(recording_get(reader(f), NULL, f->row.id, &row), DB_NOT_FOUND);
        }
    }
}

static void one_track_goes_alone(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    char key[256];
    make_meeting(f);
    key_of(f, "raw/", "anna/video.webm", key);
    assert_int_equal(object_by_key(reader(f), key, &f->object), DB_OK);
    job_delete(&f->base.jobs, BY, &f->object, f, on_job);
    settle(&f->base);
    assert_int_equal(f->result.status, JOB_OK);
    assert_int_equal(object_by_key(reader(f), key, &f->object), DB_NOT_FOUND);
    assert_store_has(f, 1, 1);
    assert_int_equal(rows_of(f, 1), 3);
    assert_int_equal(recording_get(reader(f), "a", f->row.id, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_COMPLETE);
}

/* --- what is left alone --- */

static int put_timeline(DbConnection *c, void *ctx)
{
    return timeline_put(c, ((Fixture *)ctx)->row.id, (const uint8_t *)"unread", 6, clock_now_us());
}

static void a_track_is_salvaged_as_a_take_is(void **state)
{
    Fixture *f = *state;
    static StorePart parts[64];
    char key[256];
    uint8_t *data = NULL;
    size_t bytes = file.clusters_end * 2 / 3;
    DiskReader *r = NULL;
    make_recording(f);
    db_write(f->base.jobs.ports.db, BY, put_timeline, f, on_status);
    settle(&f->base);
    key_of(f, "raw/", "ben/video.webm", key);
    make_object(f, OBJECT_RAW_VIDEO, key);
    send_parts(f, bytes, parts);
    clean_up(f);
    assert_int_equal(object_by_key(reader(f), key, &f->object), DB_OK);
    assert_true(f->object.state == OBJECT_COMPLETE && f->object.salvaged);
    assert_true(f->object.duration_us > 0 && f->object.duration_us < SECONDS * 1000000);
    assert_store_has(f, 1, 0);
    assert_int_equal(disk_reader_open(f->base.disk, FAULTY_BUCKET, key, &r), STORE_OK);
    size_t got = (size_t)disk_reader_object(r)->bytes;
    uint8_t *content = malloc(got);
    for (size_t at = 0; at < got;) {
        int64_t n = disk_reader_read(r, (int64_t)at, content + at, got - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    disk_reader_close(&r);
    TakeScan *scan = take_scan_create();
    TakeScanResult found;
    take_scan_feed(scan, content, got);
    take_scan_finish(scan, &found);
    assert_true(found.finished);
    assert_int_equal(found.duration_us, f->object.duration_us);
    take_scan_destroy(&scan);
    free(content);
    /* The recording and its timeline are the take's. */
    RecordingRow row;
    assert_int_equal(recording_get(reader(f), "a", f->row.id, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_CREATED);
    assert_int_equal(timeline_get(reader(f), f->row.id, &data, &bytes), DB_OK);
    assert_int_equal(bytes, 6);
    free(data);
}

static void what_can_be_made_again_is_aborted(void **state)
{
    Fixture *f = *state;
    static StorePart parts[64];
    char key[256];
    make_recording(f);
    key_of(f, "made/", "take.mp4", key);
    make_object(f, OBJECT_MP4, key);
    send_parts(f, 70000, parts);
    clean_up(f);
    assert_int_equal(object_by_key(reader(f), key, &f->object), DB_OK);
    assert_int_equal(f->object.state, OBJECT_ABORTED);
    assert_store_has(f, 0, 0);
    make_old(f);
    clean_up(f);
    assert_int_equal(object_by_key(reader(f), key, &f->object), DB_NOT_FOUND);
}

static void abort_take(Fixture *f)
{
    job_abort(&f->base.jobs, BY, &f->row.take, f, on_job);
    settle(&f->base);
    assert_int_equal(f->result.status, JOB_OK);
}

/* Only raw tracks were wanted, or the composed take was no good: the tracks stay. */
static void a_recording_stays_for_its_tracks(void **state)
{
    Fixture *f = *state;
    RecordingRow row;
    char key[256];
    make_recording(f);
    key_of(f, "raw/", "eve/audio.webm", key);
    make_object(f, OBJECT_RAW_AUDIO, key);
    complete(f, 70000);
    make_old(f);
    clean_up(f);
    assert_int_equal(recording_get(reader(f), "a", f->row.id, &row), DB_OK);
    abort_take(f);
    make_old(f);
    clean_up(f);
    assert_int_equal(recording_get(reader(f), "a", f->row.id, &row), DB_OK);
    assert_int_equal(row.take.state, OBJECT_ABORTED);
    assert_int_equal(object_by_key(reader(f), key, &f->object), DB_OK);
    job_delete(&f->base.jobs, BY, &f->object, f, on_job);
    settle(&f->base);
    make_old(f);
    clean_up(f); /* nothing is left of it */
    assert_int_equal(recording_get(reader(f), NULL, f->row.id, &row), DB_NOT_FOUND);
}

/* --- what nobody knows --- */

static void on_upload(void *ctx, StoreStatus status, const char *upload_id)
{
    Fixture *f = ctx;
    assert_int_equal(status, STORE_OK);
    snprintf(f->object.upload_id, sizeof f->object.upload_id, "%s", upload_id);
    f->status = 0;
}

static void send_unknown(Fixture *f, const char *key, int parts)
{
    Store *store = &f->base.faulty.store;
    f->status = 1;
    store->create_upload(store, key, "video/webm", NULL, f, on_upload);
    while (f->status == 1) {
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    }
    for (int i = 0; i < parts; i++) {
        f->status = 1;
        const StoreBody body = {.data = file.data, .bytes = PART};
        store->put_part(store, key, f->object.upload_id, i + 1, &body, NULL, f, on_etag);
        while (f->status == 1) {
            uv_run(uv_default_loop(), UV_RUN_ONCE);
        }
    }
}

static void only_what_is_ours_is_looked_at(void **state)
{
    Fixture *f = *state;
    static StorePart parts[64];
    char key[256];
    make_recording(f);
    key_of(f, "raw/", "known.webm", key);
    make_object(f, OBJECT_RAW_VIDEO, key);
    send_parts(f, 70000, parts);
    key_of(f, "raw/", "empty.webm", key);
    send_unknown(f, key, 0); /* aborted */
    key_of(f, "raw/", "lost.webm", key);
    send_unknown(f, key, 1); /* counted, stays */
    send_unknown(f, "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.webm", 1);
    send_unknown(f, "raw/of-somebody-else.bin", 0); /* never touched */
    send_unknown(f, "backups/rec_aaaaaaaaaaaaaaaaaaaaaaaa/x", 0);
    f->base.policy.at_start = 1;
    close_all(&f->base);
    open_all(&f->base);
    assert_int_equal(jobs_start(&f->base.jobs), 0);
    settle(&f->base);
    assert_int_equal(f->base.jobs.orphan_uploads, 2);
    assert_int_equal(f->base.jobs.removed_uploads, 1);
    assert_store_has(f, 0, 5);
}

static void keys_name_their_recording(void **state)
{
    (void)state;
    char id[RECORDING_ID_BYTES];
    const char *ours[] = {"takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.webm",
                          "raw/room/rec_aaaaaaaaaaaaaaaaaaaaaaaa/anna/video.webm",
                          "made/rec_aaaaaaaaaaaaaaaaaaaaaaaa/x.mp4"};
    const char *others[] = {"",
                            "raw",
                            "raw/",
                            "raw/room/rec_short/x",
                            "raw/rec_aaaaaaaaaaaaaaaaaaaaaaaa",
                            "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa.mp4",
                            "takes/a/rec_aaaaaaaaaaaaaaaaaaaaaaaa/x",
                            "other/rec_aaaaaaaaaaaaaaaaaaaaaaaa/x"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        assert_int_equal(object_key_recording(ours[i], id), 0);
        assert_string_equal(id, "rec_aaaaaaaaaaaaaaaaaaaaaaaa");
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(object_key_recording(others[i], id), -1);
    }
}

/* --- whose it was --- */

static void assert_text(Fixture *f, const char *sql, const char *wanted)
{
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(reader(f)->sql, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), wanted);
    sqlite3_finalize(s);
}

static void rows_tell_whose_they_are(void **state)
{
    Fixture *f = *state;
    char text[DB_BY_BYTES];
    Principal p = {.role = ROLE_COHOST,
                   .organisation = "a",
                   .token_id = "tok_t",
                   .room = "room_r",
                   .request_id = "req_q"};
    principal_text(&p, text);
    assert_string_equal(text, "a/co-host tok_t room_r req_q");
    make_recording(f);
    assert_text(f, "SELECT created_by FROM recordings", BY);
    assert_text(f, "SELECT changed_by FROM objects", BY);
    job_abort(&f->base.jobs, text, &f->row.take, f, on_job);
    settle(&f->base);
    assert_text(f, "SELECT changed_by FROM objects", text);
    make_old(f);
    make_recording(f);
    f->object = f->row.take;
    static StorePart parts[64];
    send_parts(f, 70000, parts);
    clean_up(f); /* salvaged by the server itself */
    assert_text(f, "SELECT changed_by FROM objects WHERE state <> 4", "server");
}

#define OBJECTS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJECTS_TEST(a_recording_goes_with_all_its_objects),
        OBJECTS_TEST(a_deletion_ends_after_a_kill_at_any_step),
        OBJECTS_TEST(one_track_goes_alone),
        OBJECTS_TEST(a_track_is_salvaged_as_a_take_is),
        OBJECTS_TEST(what_can_be_made_again_is_aborted),
        OBJECTS_TEST(a_recording_stays_for_its_tracks),
        OBJECTS_TEST(only_what_is_ours_is_looked_at),
        cmocka_unit_test(keys_name_their_recording),
        OBJECTS_TEST(rows_tell_whose_they_are),
    };
    make_file(1, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
