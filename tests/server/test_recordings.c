/* Rows of recordings and of their takes, timelines, keys. */
#include "db_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_and_the_clock),
        cmocka_unit_test_setup_teardown(test_list_is_paged_without_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(test_salvage_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timelines, setup, teardown),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
