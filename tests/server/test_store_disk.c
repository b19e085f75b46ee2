/* The embedded store through its blocking calls: whole objects only, whatever happens in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "digest.h"
#include "store_disk_internal.h"

static int failing_sync; /* the n-th sync from now fails; 0: none does */

/* Stands before the one of libc. */
int fsync(int fd)
{
    if (failing_sync > 0 && --failing_sync == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

typedef struct Fixture {
    char dir[64];
    StoreDisk *disk;
} Fixture;

static void reopen(Fixture *f)
{
    StoreDiskConfig config = {100};
    char error[256] = "";
    store_disk_close(&f->disk);
    int result = store_disk_open(uv_default_loop(), f->dir, &config, &f->disk, error, sizeof error);
    if (result != 0)
        fail_msg("%s", error);
}

static int set_up(void **state)
{
    Fixture *f = calloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/kt-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    reopen(f);
    assert_int_equal(disk_create_bucket(f->disk, "takes"), STORE_OK);
    *state = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    store_disk_close(&f->disk);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static int counted;
static int count_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)path;
    (void)info;
    (void)ftw;
    counted += type == FTW_F;
    return 0;
}

/* Files below a folder of the store. */
static int count_files(const Fixture *f, const char *folder)
{
    char path[128];
    counted = 0;
    snprintf(path, sizeof path, "%s/%s", f->dir, folder);
    nftw(path, count_entry, 16, FTW_PHYS);
    return counted;
}

static DiskWriter *written(StoreDisk *d, const uint8_t *data, size_t bytes)
{
    uint8_t md5[DIGEST_MAX_BYTES];
    DiskWriter *w = NULL;
    Digest *digest = digest_create(DIGEST_MD5);
    assert_int_equal(disk_writer_open(d, &w), STORE_OK);
    for (size_t at = 0; at < bytes; at += 60000) {
        size_t n = bytes - at < 60000 ? bytes - at : 60000;
        assert_int_equal(disk_writer_write(w, data + at, n), STORE_OK);
    }
    digest_update(digest, data, bytes);
    digest_finish(digest, md5);
    digest_destroy(&digest);
    assert_int_equal(disk_writer_finish(w, md5), STORE_OK);
    return w;
}

static StoreStatus put(StoreDisk *d, const char *key, const void *data, size_t bytes)
{
    DiskName name = {"takes", key, "video/webm", "x-amz-meta-a: b\n"};
    StoreObject object;
    DiskWriter *w = written(d, data, bytes);
    StoreStatus status = disk_put_object(d, &name, w, &object);
    disk_writer_close(&w);
    return status;
}

static StoreStatus put_part(StoreDisk *d, const char *key, const char *id, int number, char letter,
                            size_t bytes, StorePart *part)
{
    uint8_t *data = malloc(bytes + 1);
    memset(data, letter, bytes);
    DiskWriter *w = written(d, data, bytes);
    StoreStatus status = disk_put_part(d, "takes", key, id, number, w, part);
    disk_writer_close(&w);
    free(data);
    return status;
}

/* Reads all of it in odd steps; NULL where there is none. The caller frees it. */
static uint8_t *read_all(DiskReader *r)
{
    int64_t size = disk_reader_object(r)->bytes;
    uint8_t *data = calloc(1, (size_t)size + 1);
    int64_t at = 0;
    while (at < size) {
        int64_t n = disk_reader_read(r, at, data + at, 1777);
        assert_true(n > 0);
        at += n;
    }
    assert_int_equal(disk_reader_read(r, size, data, 1), 0);
    return data;
}

static uint8_t *get(StoreDisk *d, const char *key, int64_t *bytes)
{
    DiskReader *r = NULL;
    if (disk_reader_open(d, "takes", key, &r) != STORE_OK)
        return NULL;
    uint8_t *data = read_all(r);
    *bytes = disk_reader_object(r)->bytes;
    disk_reader_close(&r);
    return data;
}

static void assert_content(StoreDisk *d, const char *key, const void *data, size_t bytes)
{
    int64_t have = -1;
    uint8_t *read = get(d, key, &have);
    assert_non_null(read);
    assert_int_equal(have, (int64_t)bytes);
    assert_memory_equal(read, data, bytes);
    free(read);
}

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
    DiskName name = {"takes", "t.webm", "video/webm", ""};
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
    DiskName name = {"takes", "t", "", ""};
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

/* The n-th sync of a completion fails, for every n: the take stays whole, asking again helps. */
static void a_completion_survives_failing_syncs(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", ""};
    char content[300];
    int failed = 1;
    memset(content, 'a', sizeof content);
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
        assert_int_equal(status, failed ? STORE_IO : STORE_OK);
        uint8_t *there = get(f->disk, "t", &(int64_t){0});
        if (there)
            assert_int_equal(disk_abort(f->disk, "takes", "t", id), STORE_NO_SUCH_UPLOAD);
        free(there);
        for (int i = 0; i < 2; i++) {
            status = disk_complete(f->disk, "takes", "t", id, &part, 1, &object, NULL);
            assert_int_equal(status, STORE_OK);
            assert_content(f->disk, "t", content, sizeof content);
            reopen(f);
        }
        assert_content(f->disk, "t", content, sizeof content);
        assert_int_equal(count_files(f, "data"), 1);
        assert_int_equal(count_files(f, "uploads") + count_files(f, "trash"), 0);
        assert_int_equal(disk_delete_object(f->disk, "takes", "t"), STORE_OK);
    }
}

static void abort_leaves_nothing(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", ""};
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
    DiskName name = {"takes", "copy", "a/b", ""};
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
    DiskName name = {"takes", "t", "", ""};
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
    DiskName name = {"takes", "t", "", ""};
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
    DiskName name = {"takes", "t", "", ""};
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
    DiskName name = {"takes", "t", "", ""};
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
    DiskName name = {"takes", "t", "video/webm", "x-amz-meta-a: b\n"};
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

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(objects_of_any_size_survive_a_restart),
        STORE_TEST(fields_are_kept),
        STORE_TEST(any_key_stays_inside),
        STORE_TEST(an_upload_becomes_an_object),
        STORE_TEST(wrong_part_lists_change_nothing),
        STORE_TEST(a_completion_survives_failing_syncs),
        STORE_TEST(abort_leaves_nothing),
        STORE_TEST(readers_outlive_deletion_and_replacement),
        STORE_TEST(copies_are_independent),
        STORE_TEST(listings_fold_and_page),
        STORE_TEST(buckets_come_and_go),
        STORE_TEST(a_second_server_is_refused),
        STORE_TEST(leftovers_are_cleaned),
        STORE_TEST(damaged_files_are_not_served),
        STORE_TEST(a_full_disk_loses_nothing),
        cmocka_unit_test(manifests_are_read_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
