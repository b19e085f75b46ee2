/* Who waits for whom in the embedded store: nobody for the files of a take that is deleted, for
 * another upload, or for the first list of a bucket. Where it were otherwise these tests would not
 * end (ctest's time-out ends them). */
#include "store_disk_rig.h"

#include <pthread.h>

/* While it is closed, threads other than the tests' own stop before the call it is for. */
typedef struct Gate {
    pthread_mutex_t mutex;
    pthread_cond_t change;
    pthread_t own;
    int stops_unlinks, stops_manifests; /* what it is for; 0: open */
    int arrived;
} Gate;

static Gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static void pass_gate(const int *stops)
{
    pthread_mutex_lock(&gate.mutex);
    while (*stops && !pthread_equal(pthread_self(), gate.own)) {
        gate.arrived++;
        pthread_cond_broadcast(&gate.change);
        pthread_cond_wait(&gate.change, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
}

static void set_gate(int unlinks, int manifests)
{
    pthread_mutex_lock(&gate.mutex);
    gate.own = pthread_self();
    gate.stops_unlinks = unlinks;
    gate.stops_manifests = manifests;
    gate.arrived = 0;
    pthread_cond_broadcast(&gate.change);
    pthread_mutex_unlock(&gate.mutex);
}

static void await_arrival(void)
{
    pthread_mutex_lock(&gate.mutex);
    while (gate.arrived == 0)
        pthread_cond_wait(&gate.change, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

/* These two stand before those of libc. */
int unlinkat(int fd, const char *path, int flags)
{
    pass_gate(&gate.stops_unlinks);
    return (int)syscall(SYS_unlinkat, fd, path, flags);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = flags & O_CREAT ? va_arg(list, int) : 0;
    va_end(list);
    if (strncmp(path, "buckets/takes/objects/", 22) == 0 && strlen(path) > 30)
        pass_gate(&gate.stops_manifests);
    return (int)syscall(SYS_openat, fd, path, flags, mode);
}

static StoreStatus make_take(Fixture *f, const char *key, int part_count)
{
    DiskName name = {.bucket = "takes", .key = key, .content_type = "", .headers = ""};
    char id[STORE_UPLOAD_ID_BYTES];
    StorePart parts[8];
    StoreObject object;
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    for (int i = 0; i < part_count; i++)
        assert_int_equal(put_part(f->disk, key, id, i + 1, 'a', 200, &parts[i]), STORE_OK);
    return disk_complete(f->disk, "takes", key, id, parts, part_count, &object, NULL);
}

static void nobody_waits_for_files_that_go(void **state)
{
    Fixture *f = *state;
    DiskName name = {.bucket = "takes", .key = "open", .content_type = "", .headers = ""};
    char id[STORE_UPLOAD_ID_BYTES];
    StorePart part;
    assert_int_equal(make_take(f, "a", 5), STORE_OK);
    assert_int_equal(make_take(f, "b", 3), STORE_OK);
    assert_int_equal(make_take(f, "c", 1), STORE_OK);
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(put_part(f->disk, "open", id, 1, 'x', 10, &part), STORE_OK);
    set_gate(1, 0);
    assert_int_equal(disk_delete_object(f->disk, "takes", "a"), STORE_OK);
    await_arrival(); /* its files stand still */
    assert_int_equal(disk_delete_object(f->disk, "takes", "b"), STORE_OK);
    assert_int_equal(disk_abort(f->disk, "takes", "open", id), STORE_OK);
    assert_int_equal(disk_check_upload(f->disk, "takes", "open", id), STORE_NO_SUCH_UPLOAD);
    assert_int_equal(put(f->disk, "c", "new", 3), STORE_OK); /* in the place of another */
    assert_content(f->disk, "c", "new", 3);
    assert_null(get(f->disk, "a", &(int64_t){0}));
    assert_null(get(f->disk, "b", &(int64_t){0}));
    set_gate(0, 0);
    assert_int_equal(count_files(f, "data"), 1);
    assert_int_equal(count_files(f, "trash") + count_files(f, "uploads"), 0);
}

/* What is in the queue when the power goes is found again. */
static void drops_survive_a_crash(void **state)
{
    Fixture *f = *state;
    assert_int_equal(make_take(f, "a", 4), STORE_OK);
    assert_int_equal(make_take(f, "b", 4), STORE_OK);
    /* The rename of a deletion, and no more of it. */
    char from[DISK_PATH_BYTES], id[DISK_ID_BYTES], to[DISK_PATH_BYTES];
    disk__object_path("takes", "a", from);
    disk__make_id(id);
    snprintf(to, sizeof to, "trash/%s", id);
    assert_int_equal(renameat(f->disk->root, from, f->disk->root, to), 0);
    assert_int_equal(count_files(f, "data"), 8);
    reopen(f);
    assert_int_equal(count_files(f, "data"), 4);
    assert_int_equal(count_files(f, "trash"), 0);
    assert_null(get(f->disk, "a", &(int64_t){0}));
}

static void uploads_do_not_wait_for_each_other(void **state)
{
    Fixture *f = *state;
    char held[STORE_UPLOAD_ID_BYTES];
    DiskName name = {.bucket = "takes", .key = "held", .content_type = "", .headers = ""};
    assert_int_equal(disk_create_upload(f->disk, &name, held), STORE_OK);
    DiskUploadLock *lock = disk__lock_upload(f->disk, held);
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(make_take(f, key, 1), STORE_OK);
    }
    disk__unlock_upload(f->disk, lock);
}

typedef struct Counting {
    Fixture *f;
    const char *id;
    volatile int *count;
} Counting;

static void *count_up(void *arg)
{
    Counting *c = arg;
    for (int i = 0; i < 2000; i++) {
        DiskUploadLock *lock = disk__lock_upload(c->f->disk, c->id);
        *c->count = *c->count + 1;
        disk__unlock_upload(c->f->disk, lock);
    }
    return NULL;
}

/* More threads than there are locks, four to each upload. */
static void one_upload_has_one_thread(void **state)
{
    enum { UPLOADS = 20, THREADS = 80 };
    static volatile int counts[UPLOADS];
    char ids[UPLOADS][DISK_ID_BYTES];
    pthread_t threads[THREADS];
    Counting all[THREADS];
    for (int i = 0; i < UPLOADS; i++) {
        disk__make_id(ids[i]);
        counts[i] = 0;
    }
    for (int i = 0; i < THREADS; i++) {
        all[i] = (Counting){*state, ids[i % UPLOADS], &counts[i % UPLOADS]};
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &all[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < UPLOADS; i++)
        assert_int_equal(counts[i], THREADS / UPLOADS * 2000);
}

typedef struct Listing {
    Fixture *f;
    DiskListing listing;
    StoreStatus status;
} Listing;

static void *list_all(void *arg)
{
    Listing *l = arg;
    l->status = disk_list_objects(l->f->disk, "takes", "", "", "", 100, &l->listing);
    return NULL;
}

/* While its keys are read for the first time a bucket takes objects, gives and loses them, and the
 * list tells of that. */
static void nobody_waits_for_the_first_list(void **state)
{
    Fixture *f = *state;
    pthread_t threads[2];
    Listing lists[2] = {{.f = f}, {.f = f}};
    static const char *const expected[] = {"a", "c", "d", "n"};
    for (const char *key = "abcd"; *key; key++)
        assert_int_equal(put(f->disk, (char[]){*key, 0}, "x", 1), STORE_OK);
    set_gate(0, 1);
    pthread_create(&threads[0], NULL, list_all, &lists[0]);
    await_arrival();
    pthread_create(&threads[1], NULL, list_all, &lists[1]); /* waits for the same one */
    assert_int_equal(put(f->disk, "n", "new", 3), STORE_OK);
    assert_int_equal(put(f->disk, "d", "again", 5), STORE_OK);
    assert_int_equal(disk_delete_object(f->disk, "takes", "b"), STORE_OK);
    assert_int_equal(put(f->disk, "c", "", 0), STORE_OK);
    assert_int_equal(disk_delete_object(f->disk, "takes", "a"), STORE_OK);
    assert_int_equal(put(f->disk, "a", "back", 4), STORE_OK);
    assert_content(f->disk, "d", "again", 5);
    set_gate(0, 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(lists[i].status, STORE_OK);
        assert_int_equal(lists[i].listing.count, 4);
        for (int k = 0; k < 4; k++)
            assert_string_equal(lists[i].listing.items[k].key, expected[k]);
        disk_listing_reset(&lists[i].listing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(nobody_waits_for_files_that_go),     STORE_TEST(drops_survive_a_crash),
        STORE_TEST(uploads_do_not_wait_for_each_other), STORE_TEST(one_upload_has_one_thread),
        STORE_TEST(nobody_waits_for_the_first_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
