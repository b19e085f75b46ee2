/* A disk store in a folder of its own for cmocka tests, with an fsync that can be made to fail.
 * Included once by each program. */
#ifndef KEEPTAKE_TESTS_STORE_DISK_RIG_H
#define KEEPTAKE_TESTS_STORE_DISK_RIG_H

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

#include "base/digest.h"
#include "store/disk/disk_internal.h"

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

static inline void reopen(Fixture *f)
{
    StoreDiskConfig config = {.least_part_bytes = 100};
    char error[256] = "";
    store_disk_close(&f->disk);
    int result = store_disk_open(uv_default_loop(), f->dir, &config, &f->disk, error, sizeof error);
    if (result != 0)
        fail_msg("%s", error);
    disk__settle_drops(f->disk);
}

static inline int set_up(void **state)
{
    Fixture *f = calloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/kt-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    reopen(f);
    assert_int_equal(disk_create_bucket(f->disk, "takes"), STORE_OK);
    *state = f;
    return 0;
}

static inline int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int tear_down(void **state)
{
    Fixture *f = *state;
    store_disk_close(&f->disk);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static int counted;
static inline int count_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)path;
    (void)info;
    (void)ftw;
    counted += type == FTW_F;
    return 0;
}

/* Files below a folder of the store. */
static inline int count_files(const Fixture *f, const char *folder)
{
    char path[128];
    counted = 0;
    disk__settle_drops(f->disk);
    snprintf(path, sizeof path, "%s/%s", f->dir, folder);
    nftw(path, count_entry, 16, FTW_PHYS);
    return counted;
}

static inline DiskWriter *written(StoreDisk *d, const uint8_t *data, size_t bytes)
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

static inline StoreStatus put(StoreDisk *d, const char *key, const void *data, size_t bytes)
{
    DiskName name = {"takes", key, "video/webm", "x-amz-meta-a: b\n", {0, 0}};
    StoreObject object;
    DiskWriter *w = written(d, data, bytes);
    StoreStatus status = disk_put_object(d, &name, w, &object);
    disk_writer_close(&w);
    return status;
}

static inline StoreStatus put_part(StoreDisk *d, const char *key, const char *id, int number,
                                   char letter, size_t bytes, StorePart *part)
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
static inline uint8_t *read_all(DiskReader *r)
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

static inline uint8_t *get(StoreDisk *d, const char *key, int64_t *bytes)
{
    DiskReader *r = NULL;
    if (disk_reader_open(d, "takes", key, &r) != STORE_OK)
        return NULL;
    uint8_t *data = read_all(r);
    *bytes = disk_reader_object(r)->bytes;
    disk_reader_close(&r);
    return data;
}

static inline void assert_content(StoreDisk *d, const char *key, const void *data, size_t bytes)
{
    int64_t have = -1;
    uint8_t *read = get(d, key, &have);
    assert_non_null(read);
    assert_int_equal(have, (int64_t)bytes);
    assert_memory_equal(read, data, bytes);
    free(read);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
