/* The calls of store/store.h that move bytes, on the embedded store: ranges, parts, copied parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <sys/stat.h>

#include "alloc_fail.h"
#include "base/digest.h"
#include "store/disk/disk_internal.h"

#define LEAST 1000

typedef struct Fixture {
    char dir[64];
    uv_loop_t loop;
    StoreDisk *disk;
    Store *store;
    /* What the last call answered. */
    StoreStatus status;
    char text[STORE_ETAG_BYTES]; /* upload ID or ETag */
    uint8_t *data;
    size_t bytes;
    StorePart parts[8];
    int part_count;
    int answers;
} Fixture;

static void on_status(void *ctx, StoreStatus status)
{
    Fixture *f = ctx;
    f->status = status;
    f->answers++;
}

static void on_text(void *ctx, StoreStatus status, const char *text)
{
    Fixture *f = ctx;
    f->answers++;
    f->status = status;
    assert_int_equal(status == STORE_OK, text != NULL);
    snprintf(f->text, sizeof f->text, "%s", text ? text : "");
}

static void on_object(void *ctx, StoreStatus status, const StoreObject *object)
{
    (void)object;
    on_status(ctx, status);
}

static void on_uploads(void *ctx, StoreStatus status, const StoreUpload *uploads, int count)
{
    (void)uploads;
    (void)count;
    on_status(ctx, status);
}

static void on_range(void *ctx, StoreStatus status, size_t bytes)
{
    Fixture *f = ctx;
    f->answers++;
    f->status = status;
    f->bytes = bytes;
}

static void on_parts(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Fixture *f = ctx;
    f->answers++;
    f->status = status;
    f->part_count = count;
    assert_in_range(count, 0, 8);
    if (count > 0)
        memcpy(f->parts, parts, (size_t)count * sizeof *parts);
}

static int set_up(void **state)
{
    const StoreDiskConfig config = {.least_part_bytes = LEAST};
    const StoreDiskAccess access = {"http://127.0.0.1:1", "takes", "r", "a", "s"};
    char error[256] = "";
    Fixture *f = calloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/kt-calls-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    uv_loop_init(&f->loop);
    assert_int_equal(store_disk_open(&f->loop, f->dir, &config, &f->disk, error, sizeof error), 0);
    assert_int_equal(store_disk_as_store(f->disk, &access, &f->store), 0);
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
    f->store->destroy(f->store);
    store_disk_close(&f->disk);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f->data);
    free(f);
    return 0;
}

static StoreStatus run(Fixture *f)
{
    uv_run(&f->loop, UV_RUN_DEFAULT);
    return f->status;
}

static void fill(uint8_t *data, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
}

static StoreStatus begin(Fixture *f, const char *key, char id[STORE_UPLOAD_ID_BYTES])
{
    f->store->create_upload(f->store, key, "video/webm", NULL, f, on_text);
    StoreStatus status = run(f);
    snprintf(id, STORE_UPLOAD_ID_BYTES, "%.64s", f->text);
    return status;
}

static StoreStatus put(Fixture *f, const char *key, const char *id, int part, const uint8_t *data,
                       size_t bytes)
{
    const StoreBody body = {.data = data, .bytes = (int64_t)bytes};
    f->store->put_part(f->store, key, id, part, &body, NULL, f, on_text);
    return run(f);
}

static StoreStatus copy(Fixture *f, const char *key, const char *id, int part, const char *from,
                        int64_t offset, int64_t bytes)
{
    f->store->copy_part(f->store, key, id, part, from, offset, bytes, NULL, f, on_text);
    return run(f);
}

/* Completes with all that is stored. */
static StoreStatus complete(Fixture *f, const char *key, const char *id)
{
    f->store->list_parts(f->store, key, id, NULL, f, on_parts);
    if (run(f) != STORE_OK)
        return f->status;
    f->store->complete(f->store, key, id, f->parts, f->part_count, NULL, f, on_object);
    return run(f);
}

static StoreStatus get(Fixture *f, const char *key, int64_t offset, size_t bytes)
{
    free(f->data);
    f->data = malloc(bytes);
    assert_non_null(f->data);
    f->store->get_range(f->store, key, offset, f->data, bytes, NULL, f, on_range);
    return run(f);
}

/* An object of two parts of 1500 bytes and one of 700. */
static void make_object(Fixture *f, const char *key, uint8_t data[3700])
{
    char id[STORE_UPLOAD_ID_BYTES], md5[33];
    uint8_t sum[DIGEST_MAX_BYTES];
    fill(data, 3700, 7);
    assert_int_equal(begin(f, key, id), STORE_OK);
    for (int i = 0; i < 3; i++) {
        size_t bytes = i < 2 ? 1500 : 700;
        assert_int_equal(put(f, key, id, i + 1, data + i * 1500, bytes), STORE_OK);
        Digest *digest = digest_create(DIGEST_MD5);
        digest_update(digest, data + i * 1500, bytes);
        digest_finish(digest, sum);
        digest_destroy(&digest);
        digest_to_hex(sum, 16, md5);
        assert_string_equal(f->text, md5);
    }
    assert_int_equal(complete(f, key, id), STORE_OK);
}

static void ranges(void **state)
{
    static const struct {
        int64_t offset;
        size_t bytes;
    } cases[] = {{0, 3700}, {0, 1}, {1499, 2}, {1500, 1500}, {100, 3000}, {3699, 1}, {3000, 5000}};
    Fixture *f = *state;
    uint8_t data[3700];
    make_object(f, "a", data);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t left = 3700 - (size_t)cases[i].offset;
        assert_int_equal(get(f, "a", cases[i].offset, cases[i].bytes), STORE_OK);
        assert_int_equal(f->bytes, left < cases[i].bytes ? left : cases[i].bytes);
        assert_memory_equal(f->data, data + cases[i].offset, f->bytes);
    }
    assert_int_equal(get(f, "a", 3700, 1), STORE_REFUSED);
    assert_int_equal(get(f, "a", -1, 1), STORE_REFUSED);
    assert_int_equal(get(f, "b", 0, 1), STORE_NO_SUCH_KEY);
    assert_int_equal(f->bytes, 0);
}

static void wrong_parts(void **state)
{
    Fixture *f = *state;
    uint8_t data[3700];
    char id[STORE_UPLOAD_ID_BYTES];
    make_object(f, "a", data);
    assert_int_equal(put(f, "a", "0123456789abcdef0123456789abcdef", 1, data, 10),
                     STORE_NO_SUCH_UPLOAD);
    assert_int_equal(begin(f, "a", id), STORE_OK);
    assert_int_equal(put(f, "a", id, 0, data, 10), STORE_REFUSED);
    assert_int_equal(put(f, "a", id, STORE_MAX_PARTS + 1, data, 10), STORE_REFUSED);
    assert_int_equal(copy(f, "a", id, 1, "none", 0, 10), STORE_NO_SUCH_KEY);
    assert_int_equal(copy(f, "a", id, 1, "a", 3000, 701), STORE_REFUSED);
    assert_int_equal(copy(f, "a", id, 1, "a", -1, 10), STORE_REFUSED);
    assert_int_equal(copy(f, "a", id, 1, "a", INT64_MAX, 1), STORE_REFUSED);
    assert_int_equal(copy(f, "a", "0123456789abcdef0123456789abcdef", 1, "a", 0, 1500),
                     STORE_NO_SUCH_UPLOAD);
    f->store->list_parts(f->store, "a", id, NULL, f, on_parts);
    assert_int_equal(run(f), STORE_OK);
    assert_int_equal(f->part_count, 0);
    assert_int_equal(get(f, "a", 0, 5000), STORE_OK);
    assert_memory_equal(f->data, data, 3700);
}

/* As the salvage does: another first part, a copied one, a copied piece that is no part, and then
 * the object takes the place of the one that it was copied from. */
static void an_object_is_rebuilt_in_its_own_place(void **state)
{
    Fixture *f = *state;
    uint8_t data[3700], first[1500];
    char id[STORE_UPLOAD_ID_BYTES];
    struct stat a, b;
    char path[DISK_PATH_BYTES], full[DISK_PATH_BYTES + 72];
    make_object(f, "a", data);
    fill(first, sizeof first, 99);
    assert_int_equal(begin(f, "a", id), STORE_OK);
    assert_int_equal(put(f, "a", id, 1, first, sizeof first), STORE_OK);
    for (int repeated = 0; repeated < 2; repeated++)
        assert_int_equal(copy(f, "a", id, 2, "a", 1500, 1500), STORE_OK);
    assert_int_equal(copy(f, "a", id, 3, "a", 3001, 99), STORE_OK);
    /* A whole part is shared, a piece is not; nothing is left in tmp. */
    disk__part_path(id, 2, path);
    snprintf(full, sizeof full, "%s/%s", f->dir, path);
    assert_int_equal(stat(full, &a), 0);
    assert_int_equal(a.st_nlink, 2);
    disk__part_path(id, 3, path);
    snprintf(full, sizeof full, "%s/%s", f->dir, path);
    assert_int_equal(stat(full, &b), 0);
    assert_int_equal(b.st_nlink, 1);
    snprintf(full, sizeof full, "%s/tmp", f->dir);
    assert_int_equal(stat(full, &a), 0);
    assert_int_equal(a.st_nlink, 2);
    assert_int_equal(remove(full), 0); /* empty */
    assert_int_equal(mkdir(full, 0700), 0);
    assert_int_equal(get(f, "a", 0, 5000), STORE_OK);
    assert_memory_equal(f->data, data, 3700);
    assert_int_equal(complete(f, "a", id), STORE_OK);
    assert_int_equal(get(f, "a", 0, 5000), STORE_OK);
    assert_int_equal(f->bytes, 1500 + 1500 + 99);
    assert_memory_equal(f->data, first, 1500);
    assert_memory_equal(f->data + 1500, data + 1500, 1500);
    assert_memory_equal(f->data + 3000, data + 3001, 99);
}

/* A part whose file is shared is replaced without harm to the object. */
static void a_shared_part_is_replaced_alone(void **state)
{
    Fixture *f = *state;
    uint8_t data[3700], other[1500];
    char id[STORE_UPLOAD_ID_BYTES];
    make_object(f, "a", data);
    fill(other, sizeof other, 5);
    assert_int_equal(begin(f, "b", id), STORE_OK);
    assert_int_equal(copy(f, "b", id, 1, "a", 0, 1500), STORE_OK);
    assert_int_equal(put(f, "b", id, 1, other, sizeof other), STORE_OK);
    assert_int_equal(copy(f, "b", id, 2, "a", 1500, 1500), STORE_OK);
    assert_int_equal(complete(f, "b", id), STORE_OK);
    f->store->remove(f->store, "a", NULL, f, on_status);
    assert_int_equal(run(f), STORE_OK);
    assert_int_equal(get(f, "b", 0, 5000), STORE_OK);
    assert_int_equal(f->bytes, 3000);
    assert_memory_equal(f->data, other, 1500);
    assert_memory_equal(f->data + 1500, data + 1500, 1500);
}

static void on_objects(void *ctx, StoreStatus status, const StoreObject *objects, int count,
                       int more)
{
    Fixture *f = ctx;
    assert_true(!more || count > 0);
    f->bytes = more ? 1 : 0;
    f->part_count = count;
    snprintf(f->text, sizeof f->text, "%.60s", count > 0 ? objects[count - 1].key : "");
    on_status(ctx, status);
}

/* All objects, page by page, each once. */
static void objects_are_listed(void **state)
{
    Fixture *f = *state;
    char after[STORE_KEY_BYTES] = "";
    int seen = 0, pages = 0;
    for (int i = 0; i < STORE_LIST_OBJECTS + 3; i++) {
        char key[32];
        DiskName name = {.bucket = "takes", .key = key, .content_type = "", .headers = ""};
        DiskWriter *w = NULL;
        StoreObject object;
        uint8_t md5[16] = {0};
        snprintf(key, sizeof key, "%s%04d", i == 7 ? "other" : "k", i);
        assert_int_equal(disk_writer_open(f->disk, &w), STORE_OK);
        assert_int_equal(disk_writer_finish(w, md5), STORE_OK);
        assert_int_equal(disk_put_object(f->disk, &name, w, &object), STORE_OK);
        disk_writer_close(&w);
    }
    do {
        f->store->list_objects(f->store, "k", after, NULL, f, on_objects);
        assert_int_equal(run(f), STORE_OK);
        assert_true(strcmp(f->text, after) > 0);
        snprintf(after, sizeof after, "%s", f->text);
        seen += f->part_count;
        pages++;
    } while (f->bytes == 1);
    assert_int_equal(seen, STORE_LIST_OBJECTS + 2);
    assert_int_equal(pages, 2);
}

/* Tasks that stand until the gate opens, more of them than any pool has threads. */
typedef struct Crowd {
    uv_mutex_t mutex;
    uv_cond_t change;
    int is_open, passed;
    WorkersTask tasks[DISK_POOLS][16];
} Crowd;

static void stand(void *ctx)
{
    Crowd *c = ctx;
    uv_mutex_lock(&c->mutex);
    while (!c->is_open)
        uv_cond_wait(&c->change, &c->mutex);
    uv_mutex_unlock(&c->mutex);
}

static void on_passed(void *ctx)
{
    ((Crowd *)ctx)->passed++;
}

static void crowd(Fixture *f, Crowd *c, DiskPool pool)
{
    for (int i = 0; i < 16; i++)
        workers_start(store_disk_pool(f->disk, pool), &c->tasks[pool][i], stand, on_passed, c);
}

static void await_answer(Fixture *f)
{
    while (f->answers == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    f->answers = 0;
    assert_int_equal(f->status, STORE_OK);
}

/* Bodies that wait for the disk, and copies that take long, hold up their own kind alone. */
static void each_kind_has_its_threads(void **state)
{
    static uint8_t bytes[100];
    Fixture *f = *state;
    uint8_t data[3700];
    Crowd c = {.is_open = 0};
    make_object(f, "a", data);
    uv_mutex_init(&c.mutex);
    uv_cond_init(&c.change);
    crowd(f, &c, DISK_WRITES);
    crowd(f, &c, DISK_LONG);
    f->answers = 0;
    f->store->head(f->store, "a", NULL, f, on_object);
    await_answer(f);
    f->store->get_range(f->store, "a", 0, bytes, sizeof bytes, NULL, f, on_range);
    await_answer(f);
    crowd(f, &c, DISK_READS);
    f->store->create_upload(f->store, "b", "", NULL, f, on_text);
    await_answer(f);
    f->store->remove(f->store, "a", NULL, f, on_status);
    await_answer(f);
    assert_int_equal(c.passed, 0);
    uv_mutex_lock(&c.mutex);
    c.is_open = 1;
    uv_cond_broadcast(&c.change);
    uv_mutex_unlock(&c.mutex);
    run(f);
    assert_int_equal(c.passed, 48);
    uv_cond_destroy(&c.change);
    uv_mutex_destroy(&c.mutex);
}

static void call_number(Fixture *f, int n, const char *id)
{
    static uint8_t bytes[100];
    const StoreBody body = {.data = bytes, .bytes = sizeof bytes};
    Store *s = f->store;
    switch (n) {
    case 0:
        s->create_upload(s, "a", "", NULL, f, on_text);
        break;
    case 1:
        s->list_parts(s, "a", id, NULL, f, on_parts);
        break;
    case 2:
        s->head(s, "a", NULL, f, on_object);
        break;
    case 3:
        s->list_uploads(s, "", NULL, f, on_uploads);
        break;
    case 4:
        s->get_range(s, "a", 0, bytes, sizeof bytes, NULL, f, on_range);
        break;
    case 5:
        s->put_part(s, "a", id, 1, &body, NULL, f, on_text);
        break;
    case 6:
        s->copy_part(s, "a", id, 1, "a", 0, 1500, NULL, f, on_text);
        break;
    case 7:
        s->check(s, NULL, f, on_status);
        break;
    case 11:
        s->list_objects(s, "", "", NULL, f, on_objects);
        break;
    case 8:
        s->complete(s, "a", id, f->parts, f->part_count, NULL, f, on_object);
        break;
    case 9:
        s->remove(s, "a", NULL, f, on_status);
        break;
    default:
        s->abort(s, "a", id, NULL, f, on_status);
    }
}

/* A call for which there is no memory fails, by itself, and is answered once. */
static void memory_that_runs_out_ends_nothing(void **state)
{
    Fixture *f = *state;
    uint8_t data[3700];
    char id[STORE_UPLOAD_ID_BYTES];
    make_object(f, "a", data);
    assert_int_equal(begin(f, "a", id), STORE_OK);
    assert_int_equal(put(f, "a", id, 1, data, 1500), STORE_OK);
    f->store->list_parts(f->store, "a", id, NULL, f, on_parts);
    assert_int_equal(run(f), STORE_OK);
    for (int n = 0; n <= 11; n++) {
        f->answers = 0;
        kt_alloc_fail_from(1);
        call_number(f, n, id);
        kt_alloc_fail_at(0);
        run(f);
        assert_int_equal(f->answers, 1);
        assert_int_equal(f->status, STORE_IO);
    }
    assert_int_equal(get(f, "a", 0, 100), STORE_OK);
    assert_int_equal(complete(f, "a", id), STORE_OK);
}

static void health(void **state)
{
    Fixture *f = *state;
    char path[128];
    f->store->check(f->store, NULL, f, on_status);
    assert_int_equal(run(f), STORE_OK);
    snprintf(path, sizeof path, "%s/buckets/takes", f->dir);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    f->store->check(f->store, NULL, f, on_status);
    assert_int_equal(run(f), STORE_NO_SUCH_BUCKET);
}

#define CALL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(ranges),
        CALL_TEST(wrong_parts),
        CALL_TEST(an_object_is_rebuilt_in_its_own_place),
        CALL_TEST(a_shared_part_is_replaced_alone),
        CALL_TEST(objects_are_listed),
        CALL_TEST(each_kind_has_its_threads),
        CALL_TEST(memory_that_runs_out_ends_nothing),
        CALL_TEST(health),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
