/* The embedded store when things go wrong: failing syncs, kills between steps, damage, no room. */
#include "store_disk_rig.h"

/* Every call that changes something. */
static void assert_refuses_writes(StoreDisk *d, const char *id, const StorePart *part)
{
    DiskName name = {"takes", "new", "", "", {0, 0}};
    char other[STORE_UPLOAD_ID_BYTES];
    StoreObject object;
    DiskReader *reader = NULL;
    DiskWriter *writer = NULL;
    StorePart copied;
    assert_int_equal(disk_create_upload(d, &name, other), STORE_BROKEN);
    assert_int_equal(disk_writer_open(d, &writer), STORE_BROKEN);
    assert_null(writer);
    assert_int_equal(disk_complete(d, "takes", "t", id, part, 1, &object, NULL), STORE_BROKEN);
    assert_int_equal(disk_delete_object(d, "takes", "old"), STORE_BROKEN);
    assert_int_equal(disk_create_bucket(d, "more"), STORE_BROKEN);
    assert_int_equal(disk_delete_bucket(d, "takes"), STORE_BROKEN);
    assert_int_equal(disk_set_document(d, "takes", "cors.xml", "x"), STORE_BROKEN);
    assert_int_equal(disk_set_document(d, "takes", "cors.xml", NULL), STORE_BROKEN);
    assert_int_equal(disk_reader_open(d, "takes", "old", &reader), STORE_OK);
    assert_int_equal(disk_copy_object(d, reader, &name, &object), STORE_BROKEN);
    StoreStatus status = disk_copy_part(d, reader, 0, 3, "takes", "t", id, 2, &copied);
    assert_true(status == STORE_BROKEN || status == STORE_NO_SUCH_UPLOAD);
    disk_reader_close(&reader);
    status = disk_abort(d, "takes", "t", id);
    assert_true(status == STORE_BROKEN || status == STORE_NO_SUCH_UPLOAD);
}

/* The n-th sync of a completion fails, for every n: nothing is written any more, all that was there
 * can be read; after a restart the take is whole or its upload is, and asking again helps. */
static void a_completion_survives_failing_syncs(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", "", {0, 0}};
    char content[300];
    int failed = 1;
    memset(content, 'a', sizeof content);
    assert_int_equal(put(f->disk, "old", "old", 3), STORE_OK);
    for (int n = 1; failed; n++) {
        char id[STORE_UPLOAD_ID_BYTES];
        StorePart part;
        StoreObject object;
        assert_true(n < 20);
        assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
        assert_int_equal(put_part(f->disk, "t", id, 1, 'a', sizeof content, &part), STORE_OK);
        failing_sync = n;
        StoreStatus status = disk_complete(f->disk, "takes", "t", id, &part, 1, &object, NULL);
        failed = failing_sync == 0;
        failing_sync = 0;
        assert_int_equal(status, failed ? STORE_BROKEN : STORE_OK);
        assert_int_equal(disk_failure(f->disk), failed ? EIO : 0);
        if (failed) {
            assert_refuses_writes(f->disk, id, &part);
            assert_content(f->disk, "old", "old", 3);
            reopen(f);
            assert_int_equal(disk_failure(f->disk), 0);
        }
        for (int i = 0; i < 2; i++) {
            status = disk_complete(f->disk, "takes", "t", id, &part, 1, &object, NULL);
            assert_int_equal(status, STORE_OK);
            assert_content(f->disk, "t", content, sizeof content);
            reopen(f);
        }
        assert_content(f->disk, "t", content, sizeof content);
        assert_int_equal(count_files(f, "data"), 2);
        assert_int_equal(count_files(f, "uploads") + count_files(f, "trash"), 0);
        assert_int_equal(disk_delete_object(f->disk, "takes", "t"), STORE_OK);
    }
}

/* An object is replaced and the sync of the exchange fails: the power may go now, and then either
 * of the two is there, so both keep their data until the next start. */
static void a_replaced_object_keeps_its_data_until_the_exchange_is_on_disk(void **state)
{
    Fixture *f = *state;
    int failed = 1;
    for (int n = 1; failed; n++) {
        assert_true(n < 20);
        assert_int_equal(put(f->disk, "k", "one", 3), STORE_OK);
        disk__settle_drops(f->disk);
        assert_int_equal(count_files(f, "data"), 1);
        DiskWriter *w = written(f->disk, (const uint8_t *)"two", 3);
        StoreObject object;
        DiskName name = {"takes", "k", "", "", {0, 0}};
        failing_sync = n;
        StoreStatus status = disk_put_object(f->disk, &name, w, &object);
        failed = failing_sync == 0;
        failing_sync = 0;
        disk_writer_close(&w);
        disk__settle_drops(f->disk);
        assert_int_equal(status, failed ? STORE_BROKEN : STORE_OK);
        if (failed) {
            uint8_t *there = get(f->disk, "k", &(int64_t){0});
            int is_new = there[0] == 't';
            free(there);
            assert_int_equal(count_files(f, "data"), is_new ? 2 : 1);
            reopen(f);
            disk__settle_drops(f->disk);
            assert_content(f->disk, "k", is_new ? "two" : "one", 3);
            assert_int_equal(count_files(f, "data"), 1);
        }
    }
}

static void a_second_server_is_refused(void **state)
{
    Fixture *f = *state;
    StoreDisk *other = NULL;
    char error[256] = "";
    assert_true(store_disk_open(uv_default_loop(), f->dir, NULL, &other, error, sizeof error) < 0);
    assert_null(other);
    assert_non_null(strstr(error, f->dir));
    assert_true(
        store_disk_open(uv_default_loop(), "/proc/none/x", NULL, &other, error, sizeof error) < 0);
}

/* What kill -9 can leave at each step of Complete, put and delete, made by hand. */
static void leftovers_are_cleaned(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", "", {0, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    char trash_id[DISK_ID_BYTES];
    char path[256];
    StorePart part;
    DiskManifest m;
    assert_int_equal(put(f->disk, "keep", "keep", 4), STORE_OK);
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(put_part(f->disk, "t", id, 1, 'a', 10, &part), STORE_OK);
    /* Complete died before its rename: the upload lives on. */
    assert_int_equal(disk__init_manifest(&m, &name, id), STORE_OK);
    m.parts = calloc(1, sizeof *m.parts);
    m.parts[0] = (DiskSpan){1, 10};
    m.part_count = 1;
    m.object.bytes = 10;
    strcpy(m.object.etag, "00000000000000000000000000000000-1");
    assert_int_equal(disk__write_trash(f->disk, &m, trash_id), STORE_OK);
    /* A half-written file. */
    snprintf(path, sizeof path, "%s/tmp/half", f->dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    reopen(f);
    assert_int_equal(count_files(f, "tmp") + count_files(f, "trash"), 0);
    assert_int_equal(disk_check_upload(f->disk, "takes", "t", id), STORE_OK);
    assert_null(get(f->disk, "t", &(int64_t){0}));
    /* Complete died behind its rename: the object is there, the upload is over. */
    assert_int_equal(disk__write_trash(f->disk, &m, trash_id), STORE_OK);
    assert_int_equal(disk__publish(f->disk, &m, trash_id), STORE_OK);
    disk__reset_manifest(&m);
    assert_int_equal(count_files(f, "uploads"), 1);
    reopen(f);
    assert_int_equal(count_files(f, "uploads"), 0);
    assert_content(f->disk, "t", "aaaaaaaaaa", 10);
    /* A put that died before its rename. */
    disk__make_id(id);
    name.key = "lost";
    assert_int_equal(disk__init_manifest(&m, &name, id), STORE_OK);
    m.parts = calloc(1, sizeof *m.parts);
    m.parts[0] = (DiskSpan){1, 10};
    m.part_count = 1;
    assert_int_equal(disk__write_trash(f->disk, &m, trash_id), STORE_OK);
    disk__reset_manifest(&m);
    snprintf(path, sizeof path, "%s/data/%.64s", f->dir, id);
    assert_int_equal(mkdir(path, 0700), 0);
    strcat(path, "/00001");
    close(open(path, O_CREAT | O_WRONLY, 0600));
    reopen(f);
    assert_int_equal(access(path, F_OK), -1);
    assert_content(f->disk, "keep", "keep", 4);
    assert_int_equal(count_files(f, "data"), 2);
}

static void damaged_files_are_not_served(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", "", {0, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    char path[DISK_PATH_BYTES];
    char full[DISK_PATH_BYTES + 64];
    StorePart part;
    StoreObject object;
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(put_part(f->disk, "t", id, 1, 'a', 1000, &part), STORE_OK);
    disk__part_path(id, 1, path);
    snprintf(full, sizeof full, "%s/%s", f->dir, path);
    assert_int_equal(truncate(full, 900), 0);
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, &part, 1, &object, NULL),
                     STORE_INVALID_PART);
    assert_int_equal(put(f->disk, "k", "x", 1), STORE_OK);
    disk__object_path("takes", "k", path);
    snprintf(full, sizeof full, "%s/%s", f->dir, path);
    assert_int_equal(truncate(full, 20), 0);
    DiskReader *r = NULL;
    assert_int_equal(disk_reader_open(f->disk, "takes", "k", &r), STORE_IO);
    assert_int_equal(put(f->disk, "k", "y", 1), STORE_OK); /* replaces it */
    assert_content(f->disk, "k", "y", 1);
}

/* A limit on the size of files stands for the full disk: both end as "no room". */
static void a_full_disk_loses_nothing(void **state)
{
    static uint8_t data[700000];
    Fixture *f = *state;
    struct rlimit before;
    struct rlimit small;
    DiskWriter *w = NULL;
    DiskName name = {"takes", "t", "", "", {0, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    StorePart part;
    assert_int_equal(put(f->disk, "k", "before", 6), STORE_OK);
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(put_part(f->disk, "t", id, 1, 'a', 1000, &part), STORE_OK);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(disk_writer_open(f->disk, &w), STORE_OK);
    assert_int_equal(disk_writer_write(w, data, sizeof data), STORE_FULL);
    disk_writer_close(&w);
    small.rlim_cur = 16; /* not even a manifest */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_FULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_content(f->disk, "k", "before", 6);
    assert_int_equal(count_files(f, "tmp") + count_files(f, "trash"), 0);
    assert_int_equal(count_files(f, "uploads"), 1);
}

/* Every byte of a manifest counts: one that is changed is not read as another. */
static void manifests_are_read_whole_or_not(void **state)
{
    DiskName name = {"takes", "t", "video/webm", "x-amz-meta-a: b\n", {0, 0}};
    DiskManifest m;
    DiskManifest read;
    Text text = {0};
    (void)state;
    assert_int_equal(disk__init_manifest(&m, &name, "0123456789abcdef0123456789abcdef"), STORE_OK);
    m.parts = calloc(2, sizeof *m.parts);
    m.parts[0] = (DiskSpan){1, INT64_C(5) << 30};
    m.parts[1] = (DiskSpan){10000, 1};
    m.part_count = 2;
    disk__encode_manifest(&m, &text);
    assert_int_equal(disk__decode_manifest(text.data, text.bytes, &read), STORE_OK);
    assert_int_equal(read.part_count, 2);
    assert_int_equal(read.parts[0].bytes, INT64_C(5) << 30);
    assert_int_equal(read.parts[1].number, 10000);
    assert_string_equal(read.headers, name.headers);
    disk__reset_manifest(&read);
    for (size_t n = 0; n < text.bytes; n++)
        assert_int_equal(disk__decode_manifest(text.data, n, &read), STORE_IO);
    for (size_t i = 0; i < text.bytes - 13; i++) {
        text.data[i] ^= 4;
        assert_int_equal(disk__decode_manifest(text.data, text.bytes, &read), STORE_IO);
        text.data[i] ^= 4;
    }
    text_reset(&text);
    disk__reset_manifest(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_completion_survives_failing_syncs),
        STORE_TEST(a_replaced_object_keeps_its_data_until_the_exchange_is_on_disk),
        STORE_TEST(a_second_server_is_refused),
        STORE_TEST(leftovers_are_cleaned),
        STORE_TEST(damaged_files_are_not_served),
        STORE_TEST(a_full_disk_loses_nothing),
        cmocka_unit_test(manifests_are_read_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
