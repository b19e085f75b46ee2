/* How calls of store/store.h are treated, on the embedded store: bodies from files, calls that are
 * taken back or late, classes that do not wait for each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/disk/disk_internal.h"

#define LEAST 1000
#define HOLDERS 16 /* more than any pool has threads */

typedef struct Answer {
    int count;
    StoreStatus status;
    char text[STORE_ETAG_BYTES];
    StorePart parts[8];
    int part_count;
} Answer;

/* Tasks that keep every thread of a pool until the gate opens. */
typedef struct Gate {
    uv_mutex_t mutex;
    uv_cond_t change;
    int is_open, held, passed;
    WorkersTask tasks[HOLDERS];
} Gate;

typedef struct Fixture {
    char dir[64];
    uv_loop_t loop;
    StoreDisk *disk;
    Store *store;
    char id[STORE_UPLOAD_ID_BYTES];
    Gate gate;
} Fixture;

static void on_text(void *ctx, StoreStatus status, const char *text)
{
    Answer *a = ctx;
    a->count++;
    a->status = status;
    snprintf(a->text, sizeof a->text, "%s", text ? text : "");
}

static void on_object(void *ctx, StoreStatus status, const StoreObject *object)
{
    (void)object;
    on_text(ctx, status, NULL);
}

static void on_status(void *ctx, StoreStatus status)
{
    on_text(ctx, status, NULL);
}

static void on_range(void *ctx, StoreStatus status, size_t bytes)
{
    (void)bytes;
    on_text(ctx, status, NULL);
}

static void on_parts(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Answer *a = ctx;
    on_text(ctx, status, NULL);
    a->part_count = count;
    assert_in_range(count, 0, 8);
    if (count > 0)
        memcpy(a->parts, parts, (size_t)count * sizeof *parts);
}

static void await(Fixture *f, const Answer *a)
{
    while (a->count == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(a->count, 1);
}

static StoreStatus put(Fixture *f, int part, const StoreBody *body, char etag[STORE_ETAG_BYTES])
{
    Answer a = {0};
    f->store->put_part(f->store, "a", f->id, part, body, NULL, &a, on_text);
    await(f, &a);
    memcpy(etag, a.text, STORE_ETAG_BYTES);
    return a.status;
}

static void list(Fixture *f, Answer *a)
{
    memset(a, 0, sizeof *a);
    f->store->list_parts(f->store, "a", f->id, NULL, a, on_parts);
    await(f, a);
    assert_int_equal(a->status, STORE_OK);
}

static int set_up(void **state)
{
    const StoreDiskConfig config = {.least_part_bytes = LEAST};
    const StoreDiskAccess access = {"http://127.0.0.1:1", "takes", "r", "a", "s"};
    char error[256] = "";
    Answer a = {0};
    Fixture *f = calloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/kt-classes-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    uv_loop_init(&f->loop);
    uv_mutex_init(&f->gate.mutex);
    uv_cond_init(&f->gate.change);
    assert_int_equal(store_disk_open(&f->loop, f->dir, &config, &f->disk, error, sizeof error), 0);
    assert_int_equal(store_disk_as_store(f->disk, &access, &f->store), 0);
    f->store->create_upload(f->store, "a", "video/webm", NULL, &a, on_text);
    await(f, &a);
    memcpy(f->id, a.text, sizeof a.text);
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
    uv_cond_destroy(&f->gate.change);
    uv_mutex_destroy(&f->gate.mutex);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* --- bodies --- */

static uint8_t *made(size_t bytes)
{
    uint8_t *data = malloc(bytes);
    uint32_t seed = 5;
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    return data;
}

static void check_stored(Fixture *f, int part, const uint8_t *data, size_t bytes)
{
    char path[DISK_PATH_BYTES], full[DISK_PATH_BYTES + 72];
    uint8_t *got = malloc(bytes);
    disk__part_path(f->id, part, path);
    snprintf(full, sizeof full, "%s/%s", f->dir, path);
    FILE *file = fopen(full, "rb");
    assert_non_null(file);
    assert_int_equal(fread(got, 1, bytes, file), bytes);
    assert_memory_equal(got, data, bytes);
    fseek(file, 0, SEEK_END);
    assert_int_equal(ftell(file), bytes + DISK_FOOTER_BYTES);
    fclose(file);
    free(got);
}

/* The same bytes from memory, from a file beside the store and from one of another file system,
 * copied by the file system or written: always the same part. */
static void a_range_of_a_file_is_a_part_as_well(void **state)
{
    static const size_t sizes[] = {1, 4096, 100001, DISK_STAGE_BYTES, 3 * DISK_STAGE_BYTES + 777};
    Fixture *f = *state;
    const size_t room = 4 * DISK_STAGE_BYTES, offset = 12345;
    uint8_t *data = made(room);
    char path[96];
    snprintf(path, sizeof path, "%s/spool", f->dir);
    int fds[2] = {open(path, O_RDWR | O_CREAT | O_EXCL, 0600), memfd_create("spool", 0)};
    for (int k = 0; k < 2; k++)
        assert_int_equal(write(fds[k], data, room), room);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char etag[STORE_ETAG_BYTES], expected[STORE_ETAG_BYTES];
        const StoreBody memory = {.data = data + offset, .bytes = (int64_t)sizes[i]};
        assert_int_equal(put(f, 1, &memory, expected), STORE_OK);
        check_stored(f, 1, data + offset, sizes[i]);
        for (int k = 0; k < 4; k++) {
            const StoreBody range = {
                .fd = fds[k / 2], .offset = (int64_t)offset, .bytes = (int64_t)sizes[i]};
            f->disk->writes_all = k % 2;
            assert_int_equal(put(f, 2, &range, etag), STORE_OK);
            assert_string_equal(etag, expected);
            check_stored(f, 2, data + offset, sizes[i]);
            assert_int_equal(lseek(range.fd, 0, SEEK_CUR), room); /* where it was */
        }
    }
    close(fds[0]);
    close(fds[1]);
    free(data);
}

static int count_files(const Fixture *f, const char *folder)
{
    char path[96];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", f->dir, folder);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        count += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static void a_range_that_is_not_there_is_no_part(void **state)
{
    Fixture *f = *state;
    Answer a;
    char etag[STORE_ETAG_BYTES];
    int fd = memfd_create("short", 0);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    const StoreBody longer = {.fd = fd, .offset = 5, .bytes = 6}, closed = {.fd = -1, .bytes = 5},
                    empty = {.fd = fd, .bytes = 0}, before = {.fd = fd, .offset = -1, .bytes = 5};
    assert_int_equal(put(f, 1, &longer, etag), STORE_IO);
    assert_int_equal(put(f, 1, &closed, etag), STORE_IO);
    assert_int_equal(put(f, 1, &empty, etag), STORE_REFUSED);
    assert_int_equal(put(f, 1, &before, etag), STORE_REFUSED);
    list(f, &a);
    assert_int_equal(a.part_count, 0);
    assert_int_equal(count_files(f, "tmp"), 0);
    close(fd);
}

/* --- the gate --- */

static void hold(void *ctx)
{
    Gate *g = ctx;
    uv_mutex_lock(&g->mutex);
    g->held++;
    uv_cond_broadcast(&g->change);
    while (!g->is_open)
        uv_cond_wait(&g->change, &g->mutex);
    uv_mutex_unlock(&g->mutex);
}

static void on_passed(void *ctx)
{
    ((Gate *)ctx)->passed++;
}

/* Returns when every thread of the pool is held. */
static void shut(Fixture *f, DiskPool pool, int threads)
{
    Gate *g = &f->gate;
    for (int i = 0; i < HOLDERS; i++)
        workers_start(store_disk_pool(f->disk, pool), &g->tasks[i], hold, on_passed, g);
    uv_mutex_lock(&g->mutex);
    while (g->held < threads)
        uv_cond_wait(&g->change, &g->mutex);
    uv_mutex_unlock(&g->mutex);
}

static void open_gate(Fixture *f)
{
    Gate *g = &f->gate;
    uv_mutex_lock(&g->mutex);
    g->is_open = 1;
    uv_cond_broadcast(&g->change);
    uv_mutex_unlock(&g->mutex);
    while (g->passed < HOLDERS)
        uv_run(&f->loop, UV_RUN_ONCE);
}

/* --- cancel, deadline, classes --- */

/* Nothing of the bulk class moves, and each interactive call is answered all the same. */
static void an_interactive_call_is_not_behind_bulk(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    uint8_t data[1000] = {1};
    const StoreBody body = {.data = data, .bytes = sizeof data};
    StoreCall call = {.class = STORE_BULK};
    char etag[STORE_ETAG_BYTES];
    Answer waiting = {0}, a = {0};
    shut(f, DISK_BULK, 2);
    s->put_part(s, "a", f->id, 2, &body, &call, &waiting, on_text);
    assert_non_null(call.running);
    assert_int_equal(put(f, 1, &body, etag), STORE_OK);
    list(f, &a);
    assert_int_equal(a.part_count, 1);
    a = (Answer){0};
    s->complete(s, "a", f->id, &(StorePart){.number = 1, .etag = "x"}, 1, NULL, &a, on_object);
    await(f, &a);
    assert_int_equal(a.status, STORE_INVALID_PART);
    a = (Answer){0};
    s->copy_part(s, "a", f->id, 3, "none", 0, 10, NULL, &a, on_text);
    await(f, &a);
    assert_int_equal(a.status, STORE_NO_SUCH_KEY);
    a = (Answer){0};
    s->check(s, NULL, &a, on_status);
    await(f, &a);
    assert_int_equal(a.status, STORE_OK);
    assert_int_equal(waiting.count, 0);
    open_gate(f);
    await(f, &waiting);
    assert_int_equal(waiting.status, STORE_OK);
    assert_null(call.running);
}

/* What waits is taken back without waiting for those before it; its memory is the caller's again.
 */
static void a_call_is_taken_back(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    uint8_t *data = made(1000);
    const StoreBody body = {.data = data, .bytes = 1000};
    StoreCall *call = calloc(1, sizeof *call), other = {.class = STORE_BULK};
    Answer a = {0}, b = {0}, listed;
    call->class = STORE_BULK;
    shut(f, DISK_BULK, 2);
    s->put_part(s, "a", f->id, 1, &body, call, &a, on_text);
    s->put_part(s, "a", f->id, 2, &body, &other, &b, on_text);
    s->cancel(s, call);
    assert_int_equal(a.count, 0); /* never from within cancel */
    s->cancel(s, call);           /* twice is once */
    await(f, &a);
    assert_int_equal(a.status, STORE_CANCELLED);
    assert_null(call->running);
    s->cancel(s, call); /* nothing runs */
    free(call);
    assert_int_equal(b.count, 0);
    open_gate(f);
    await(f, &b);
    free(data);
    assert_int_equal(b.status, STORE_OK);
    list(f, &listed);
    assert_int_equal(listed.part_count, 1);
    assert_int_equal(listed.parts[0].number, 2);
}

/* One that a thread has may have come too far. Either way it ends once, and leaves nothing but what
 * it says. */
static void a_running_call_ends_early_or_as_it_was(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    const size_t bytes = 16 << 20;
    uint8_t *data = calloc(1, bytes);
    const StoreBody body = {.data = data, .bytes = (int64_t)bytes};
    for (int i = 0; i < 6; i++) {
        StoreCall call = {.class = STORE_BULK};
        Answer a = {0}, listed;
        s->put_part(s, "a", f->id, i + 1, &body, &call, &a, on_text);
        uv_sleep((unsigned)i * 2);
        s->cancel(s, &call);
        await(f, &a);
        assert_true(a.status == STORE_CANCELLED || a.status == STORE_OK);
        assert_null(call.running);
        list(f, &listed);
        int found = 0;
        for (int k = 0; k < listed.part_count; k++)
            found |= listed.parts[k].number == i + 1;
        assert_int_equal(found, a.status == STORE_OK);
        assert_int_equal(count_files(f, "tmp"), 0);
    }
    free(data);
}

static void a_call_is_late(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    uint8_t out[16];
    StoreCall calls[3] = {{.class = STORE_BULK, .deadline_ms = 60},
                          {.class = STORE_BULK, .deadline_ms = 20},
                          {.class = STORE_BULK, .deadline_ms = 3600 * 1000}};
    Answer a[3] = {{0}};
    shut(f, DISK_BULK, 2);
    for (int i = 0; i < 3; i++)
        s->get_range(s, "none", 0, out, sizeof out, &calls[i], &a[i], on_range);
    await(f, &a[1]);
    await(f, &a[0]);
    assert_int_equal(a[0].status, STORE_LATE);
    assert_int_equal(a[1].status, STORE_LATE);
    assert_int_equal(a[2].count, 0);
    open_gate(f);
    await(f, &a[2]);
    assert_int_equal(a[2].status, STORE_NO_SUCH_KEY); /* in time */
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_range_of_a_file_is_a_part_as_well),
        STORE_TEST(a_range_that_is_not_there_is_no_part),
        STORE_TEST(an_interactive_call_is_not_behind_bulk),
        STORE_TEST(a_call_is_taken_back),
        STORE_TEST(a_running_call_ends_early_or_as_it_was),
        STORE_TEST(a_call_is_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
