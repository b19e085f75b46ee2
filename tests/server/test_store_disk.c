/* The embedded store through its blocking calls: objects, uploads, listings, buckets. */
#include "store_disk_rig.h"

static void objects_of_any_size_survive_a_restart(void **state)
{
    static const size_t sizes[] = {0, 1, 63, 4095, 4096, 4097, 524287, 524288, 524289, 1300000};
    static uint8_t data[1300000];
    Fixture *f = *state;
    char key[32];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(key, sizeof key, "size/%zu", sizes[i]);
        assert_int_equal(put(f->disk, key, data, sizes[i]), STORE_OK);
    }
    reopen(f);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(key, sizeof key, "size/%zu", sizes[i]);
        assert_content(f->disk, key, data, sizes[i]);
    }
    assert_int_equal(count_files(f, "tmp") + count_files(f, "trash"), 0);
}

static void fields_are_kept(void **state)
{
    Fixture *f = *state;
    DiskReader *r = NULL;
    assert_int_equal(put(f->disk, "a", "hello", 5), STORE_OK);
    reopen(f);
    assert_int_equal(disk_reader_open(f->disk, "takes", "a", &r), STORE_OK);
    assert_string_equal(disk_reader_object(r)->etag, "5d41402abc4b2a76b9719d911017c592");
    assert_string_equal(disk_reader_object(r)->content_type, "video/webm");
    assert_string_equal(disk_reader_headers(r), "x-amz-meta-a: b\n");
    disk_reader_close(&r);
}

static void any_key_stays_inside(void **state)
{
    Fixture *f = *state;
    static char longest[1026];
    static const char *const keys[] = {
        "../../etc/passwd", "/",         "//",        ".",   "..", "a/../b", "a\nb",
        "\xC3\xA4",         "%2e%2e%2f", "a b?c#d&e", "\x01"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(put(f->disk, keys[i], keys[i], strlen(keys[i])), STORE_OK);
    memset(longest, 'k', 1024);
    assert_int_equal(put(f->disk, longest, "x", 1), STORE_OK);
    assert_content(f->disk, longest, "x", 1);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_content(f->disk, keys[i], keys[i], strlen(keys[i]));
    longest[1024] = 'k';
    assert_int_equal(put(f->disk, longest, "x", 1), STORE_REFUSED);
    assert_int_equal(put(f->disk, "", "x", 1), STORE_REFUSED);
    assert_int_equal(put(f->disk, "\xFF", "x", 1), STORE_REFUSED);
    assert_int_equal(disk_create_bucket(f->disk, "../x"), STORE_REFUSED);
    assert_int_equal(disk_create_bucket(f->disk, "ab"), STORE_REFUSED);
    assert_int_equal(disk_create_bucket(f->disk, "a..b"), STORE_REFUSED);
    assert_int_equal(disk_create_bucket(f->disk, "Abc"), STORE_REFUSED);
    assert_int_equal(disk_create_bucket(f->disk, "takes"), STORE_BUCKET_EXISTS);
}

static void an_upload_becomes_an_object(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t.webm", "video/webm", "", {0, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    char expected[451];
    StorePart parts[3];
    StoreObject object;
    StoreObject again;
    int wrong = 0;
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(put_part(f->disk, "t.webm", id, 2, 'b', 200, &parts[1]), STORE_OK);
    assert_int_equal(put_part(f->disk, "t.webm", id, 1, 'x', 300, &parts[0]), STORE_OK);
    assert_int_equal(put_part(f->disk, "t.webm", id, 7, 'c', 50, &parts[2]), STORE_OK);
    assert_int_equal(put_part(f->disk, "t.webm", id, 9, 'd', 50, &parts[2]), STORE_OK);
    assert_int_equal(put_part(f->disk, "t.webm", id, 7, 'c', 50, &parts[2]), STORE_OK);
    reopen(f);
    /* The first part is sent again, with another length. */
    assert_int_equal(put_part(f->disk, "t.webm", id, 1, 'a', 200, &parts[0]), STORE_OK);
    StorePart *listed = NULL;
    int count = 0;
    assert_int_equal(disk_list_parts(f->disk, "takes", "t.webm", id, &listed, &count), STORE_OK);
    assert_int_equal(count, 4);
    assert_int_equal(listed[0].bytes, 200);
    assert_string_equal(listed[0].etag, parts[0].etag);
    assert_int_equal(listed[3].number, 9);
    free(listed);
    assert_int_equal(disk_complete(f->disk, "takes", "t.webm", id, parts, 3, &object, &wrong),
                     STORE_OK);
    assert_int_equal(object.bytes, 450);
    assert_string_equal(object.etag + 32, "-3");
    memset(expected, 'a', 200);
    memset(expected + 200, 'b', 200);
    memset(expected + 400, 'c', 50);
    assert_content(f->disk, "t.webm", expected, 450);
    reopen(f);
    assert_content(f->disk, "t.webm", expected, 450);
    assert_int_equal(disk_complete(f->disk, "takes", "t.webm", id, parts, 3, &again, &wrong),
                     STORE_OK);
    assert_string_equal(again.etag, object.etag);
    assert_int_equal(disk_complete(f->disk, "takes", "t.webm", id, parts, 2, &again, &wrong),
                     STORE_INVALID_PART);
    assert_int_equal(put_part(f->disk, "t.webm", id, 1, 'z', 200, &parts[0]), STORE_NO_SUCH_UPLOAD);
    assert_content(f->disk, "t.webm", expected, 450);
    assert_int_equal(count_files(f, "data"), 3); /* part 9 went */
    assert_int_equal(count_files(f, "uploads") + count_files(f, "trash") + count_files(f, "tmp"),
                     0);
}

static void wrong_part_lists_change_nothing(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", "", {0, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    StorePart p[3];
    StoreObject object;
    int wrong = 0;
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put_part(f->disk, "t", id, i + 1, 'a', i == 1 ? 99 : 100, &p[i]),
                         STORE_OK);
    StorePart swapped[] = {p[1], p[0]};
    StorePart twice[] = {p[0], p[0]};
    StorePart missing[] = {p[0], p[2]};
    StorePart garbled[] = {p[0]};
    strcpy(garbled[0].etag, "not-an-etag");
    missing[1].number = 4;
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, swapped, 2, &object, &wrong),
                     STORE_INVALID_PART_ORDER);
    assert_int_equal(wrong, 1);
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, twice, 2, &object, &wrong),
                     STORE_INVALID_PART_ORDER);
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, missing, 2, &object, &wrong),
                     STORE_INVALID_PART);
    assert_int_equal(wrong, 4);
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, garbled, 1, &object, &wrong),
                     STORE_INVALID_PART);
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, p, 3, &object, &wrong),
                     STORE_TOO_SMALL);
    assert_int_equal(wrong, 2);
    assert_int_equal(disk_complete(f->disk, "takes", "other", id, p, 1, &object, &wrong),
                     STORE_NO_SUCH_UPLOAD);
    assert_int_equal(disk_complete(f->disk, "takes", "t", "../../x", p, 1, &object, &wrong),
                     STORE_NO_SUCH_UPLOAD);
    assert_int_equal(disk_complete(f->disk, "nope", "t", id, p, 1, &object, &wrong),
                     STORE_NO_SUCH_BUCKET);
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, p, 0, &object, &wrong),
                     STORE_INVALID_PART);
    assert_null(get(f->disk, "t", &(int64_t){0}));
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, p, 2, &object, &wrong), STORE_OK);
}
static void abort_leaves_nothing(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", "", {0, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    StorePart part;
    StoreUpload *uploads = NULL;
    int count = 0;
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(put_part(f->disk, "t", id, 1, 'a', 1000, &part), STORE_OK);
    assert_int_equal(disk_list_uploads(f->disk, "takes", "", &uploads, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(uploads[0].upload_id, id);
    free(uploads);
    assert_int_equal(disk_list_uploads(f->disk, "takes", "u", &uploads, &count), STORE_OK);
    assert_int_equal(count, 0);
    free(uploads);
    assert_int_equal(disk_abort(f->disk, "takes", "t", id), STORE_OK);
    assert_int_equal(disk_abort(f->disk, "takes", "t", id), STORE_NO_SUCH_UPLOAD);
    assert_int_equal(put_part(f->disk, "t", id, 2, 'a', 10, &part), STORE_NO_SUCH_UPLOAD);
    assert_int_equal(count_files(f, "data") + count_files(f, "uploads") + count_files(f, "tmp"), 0);
}

static void readers_outlive_deletion_and_replacement(void **state)
{
    Fixture *f = *state;
    DiskReader *first = NULL;
    DiskReader *second = NULL;
    assert_int_equal(put(f->disk, "k", "first", 5), STORE_OK);
    assert_int_equal(disk_reader_open(f->disk, "takes", "k", &first), STORE_OK);
    assert_int_equal(put(f->disk, "k", "second!", 7), STORE_OK);
    assert_int_equal(disk_reader_open(f->disk, "takes", "k", &second), STORE_OK);
    assert_int_equal(disk_delete_object(f->disk, "takes", "k"), STORE_OK);
    assert_int_equal(disk_delete_object(f->disk, "takes", "k"), STORE_OK);
    assert_null(get(f->disk, "k", &(int64_t){0}));
    uint8_t *a = read_all(first);
    uint8_t *b = read_all(second);
    assert_string_equal((char *)a, "first");
    assert_string_equal((char *)b, "second!");
    free(a);
    free(b);
    assert_int_equal(count_files(f, "data"), 2);
    disk_reader_close(&first);
    assert_int_equal(count_files(f, "data"), 1);
    disk_reader_close(&second);
    assert_int_equal(count_files(f, "data") + count_files(f, "trash"), 0);
}

static void copies_are_independent(void **state)
{
    Fixture *f = *state;
    DiskReader *r = NULL;
    DiskName name = {"takes", "copy", "a/b", "", {0, 0}};
    StoreObject object;
    assert_int_equal(put(f->disk, "k", "content", 7), STORE_OK);
    assert_int_equal(disk_reader_open(f->disk, "takes", "k", &r), STORE_OK);
    assert_int_equal(disk_copy_object(f->disk, r, &name, &object), STORE_OK);
    disk_reader_close(&r);
    assert_int_equal(disk_delete_object(f->disk, "takes", "k"), STORE_OK);
    assert_content(f->disk, "copy", "content", 7);
    assert_int_equal(disk_reader_open(f->disk, "takes", "copy", &r), STORE_OK);
    name.content_type = "c/d"; /* onto itself, to change its type */
    assert_int_equal(disk_copy_object(f->disk, r, &name, &object), STORE_OK);
    disk_reader_close(&r);
    assert_content(f->disk, "copy", "content", 7);
    assert_int_equal(count_files(f, "data"), 1);
}

static void list(StoreDisk *d, const char *prefix, const char *delimiter, int page, char *out)
{
    char after[STORE_KEY_BYTES] = "";
    DiskListing listing;
    out[0] = 0;
    do {
        assert_int_equal(disk_list_objects(d, "takes", prefix, delimiter, after, page, &listing),
                         STORE_OK);
        assert_true(listing.count <= page);
        for (int i = 0; i < listing.count; i++)
            sprintf(out + strlen(out), "%s ", listing.items[i].key);
        if (listing.count > 0)
            strcpy(after, listing.items[listing.count - 1].key);
        if (!listing.truncated)
            after[0] = 0;
        disk_listing_reset(&listing);
    } while (after[0]);
}

static void listings_fold_and_page(void **state)
{
    static const char *const keys[] = {"b/2", "a", "b/1", "b/c/3", "b0", "b-", "c/1", "\xC3\xA4/x"};
    Fixture *f = *state;
    char out[256];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(put(f->disk, keys[i], "", 0), STORE_OK);
    list(f->disk, "", "", 10, out);
    assert_string_equal(out, "a b/1 b/2 b/c/3 ");
    for (size_t i = 4; i < 8; i++)
        assert_int_equal(put(f->disk, keys[i], "", 0), STORE_OK);
    for (int round = 0; round < 2; round++, reopen(f)) {
        for (int page = 1; page < 10; page++) {
            list(f->disk, "", "", page, out);
            assert_string_equal(out, "a b- b/1 b/2 b/c/3 b0 c/1 \xC3\xA4/x ");
            list(f->disk, "", "/", page, out);
            assert_string_equal(out, "a b- b/ b0 c/ \xC3\xA4/ ");
            list(f->disk, "b/", "/", page, out);
            assert_string_equal(out, "b/1 b/2 b/c/ ");
            list(f->disk, "b", "c", page, out);
            assert_string_equal(out, "b- b/1 b/2 b/c b0 ");
            list(f->disk, "zz", "", page, out);
            assert_string_equal(out, "");
        }
    }
    assert_int_equal(disk_delete_object(f->disk, "takes", "b/2"), STORE_OK);
    list(f->disk, "b/", "", 10, out);
    assert_string_equal(out, "b/1 b/c/3 ");
    assert_int_equal(disk_delete_bucket(f->disk, "takes"), STORE_BUCKET_NOT_EMPTY);
}

static void buckets_come_and_go(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", "", {0, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    char *document = NULL;
    DiskListing listing;
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(disk_get_document(f->disk, "takes", "cors.xml", &document), STORE_NO_SUCH_KEY);
    assert_int_equal(disk_set_document(f->disk, "takes", "cors.xml", "<x/>"), STORE_OK);
    assert_int_equal(disk_get_document(f->disk, "takes", "cors.xml", &document), STORE_OK);
    assert_string_equal(document, "<x/>");
    free(document);
    assert_int_equal(disk_delete_bucket(f->disk, "takes"), STORE_OK);
    assert_int_equal(count_files(f, "uploads") + count_files(f, "buckets"), 0);
    assert_int_equal(disk_delete_bucket(f->disk, "takes"), STORE_NO_SUCH_BUCKET);
    assert_int_equal(put(f->disk, "k", "x", 1), STORE_NO_SUCH_BUCKET);
    assert_int_equal(count_files(f, "data") + count_files(f, "tmp") + count_files(f, "trash"), 0);
    assert_int_equal(disk_list_objects(f->disk, "takes", "", "", "", 10, &listing),
                     STORE_NO_SUCH_BUCKET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(objects_of_any_size_survive_a_restart),
        STORE_TEST(fields_are_kept),
        STORE_TEST(any_key_stays_inside),
        STORE_TEST(an_upload_becomes_an_object),
        STORE_TEST(wrong_part_lists_change_nothing),
        STORE_TEST(abort_leaves_nothing),
        STORE_TEST(readers_outlive_deletion_and_replacement),
        STORE_TEST(copies_are_independent),
        STORE_TEST(listings_fold_and_page),
        STORE_TEST(buckets_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
