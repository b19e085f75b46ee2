/* The embedded store: opened, recovered, closed; its buckets. */
#include "store/disk/disk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENT_BYTES (256 * 1024)
#define MAPPED_BYTES (128 * 1024) /* larger blocks are mapped, so that freeing them shrinks us */
#define OPEN_FILES 4096 /* two listeners with 1,024 connections each, and files for them */

void store_disk_prepare_process(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES); /* otherwise it grows with what is freed */
#endif
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < OPEN_FILES) {
        files.rlim_cur = files.rlim_max < OPEN_FILES ? files.rlim_max : OPEN_FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* --- opening --- */

static int make_parents(const char *dir)
{
    char path[4096];
    size_t bytes = strlen(dir);
    if (bytes == 0 || bytes >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, dir, bytes + 1);
    for (size_t i = 1; i <= bytes; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        char kept = path[i];
        path[i] = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return -1;
        path[i] = kept;
    }
    return 0;
}

static int open_folder(StoreDisk *d, const char *dir, char *error, size_t error_bytes)
{
    static const char *const folders[] = {"tmp", "trash", "uploads", "data", "buckets"};
    if (make_parents(dir) != 0)
        goto fail;
    d->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->root < 0)
        goto fail;
    d->lock_fd = openat(d->root, "store.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        goto fail;
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        int saved = errno;
        if (saved != EWOULDBLOCK)
            goto fail;
        snprintf(error, error_bytes, "Another server uses the store in %s.", dir);
        return -EBUSY;
    }
    disk__remove_tree(d->root, "tmp");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (disk__make_folder(d, folders[i]) != 0)
            goto fail;
    if (disk__recover_uploads(d) != STORE_OK) {
        errno = EIO;
        goto fail;
    }
    return 0;
fail:;
    int saved = errno ? errno : EIO;
    snprintf(error, error_bytes, "Cannot open the store in %s: %s.", dir, strerror(saved));
    return -saved;
}

/* Threads of each kind. What waits is what the callers have under way: a connection has one task at
 * most, so that nothing is refused here. */
static int start_pools(StoreDisk *d, const StoreDiskConfig *config)
{
    int counts[DISK_POOLS] = {
        [DISK_WRITES] = 8, [DISK_READS] = 4, [DISK_CALLS] = 4, [DISK_LONG] = 2, [DISK_BULK] = 2};
    if (config && config->write_threads > 0)
        counts[DISK_WRITES] = config->write_threads;
    if (config && config->read_threads > 0)
        counts[DISK_READS] = config->read_threads;
    for (int i = 0; i < DISK_POOLS; i++)
        if (workers_create(d->loop, counts[i], 0, &d->pools[i]) != 0)
            return -1;
    return 0;
}

Workers *store_disk_pool(StoreDisk *d, DiskPool pool)
{
    return d->pools[pool];
}

int store_disk_open(uv_loop_t *loop, const char *dir, const StoreDiskConfig *config,
                    StoreDisk **out, char *error, size_t error_bytes)
{
    StoreDisk *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d) {
        snprintf(error, error_bytes, "Out of memory.");
        return -ENOMEM;
    }
    d->loop = loop;
    d->root = d->lock_fd = -1;
    d->least_part_bytes = config && config->least_part_bytes > 0 ? config->least_part_bytes
                                                                 : STORE_DISK_LEAST_PART_BYTES;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->index_built, NULL);
    disk__init_locks(d);
    if (disk__start_drops(d) != 0 || start_pools(d, config) != 0) {
        snprintf(error, error_bytes, "Threads cannot be started.");
        store_disk_close(&d);
        return -EAGAIN;
    }
    int result = open_folder(d, dir, error, error_bytes);
    if (result != 0) {
        store_disk_close(&d);
        return result;
    }
    *out = d;
    return 0;
}

void store_disk_close(StoreDisk **disk)
{
    StoreDisk *d = *disk;
    *disk = NULL;
    if (!d)
        return;
    for (int i = 0; i < DISK_POOLS; i++)
        workers_destroy(&d->pools[i]);
    disk__stop_drops(d);
    while (d->indexes)
        disk__index_drop(d, d->indexes->bucket);
    while (d->pins) {
        DiskPin *pin = d->pins;
        d->pins = pin->next;
        free(pin);
    }
    disk__destroy_locks(d);
    pthread_cond_destroy(&d->index_built);
    pthread_mutex_destroy(&d->lock);
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    if (d->root >= 0)
        close(d->root);
    free(d);
}

/* --- buckets --- */

int disk_bucket_name_valid(const char *name)
{
    size_t bytes = strlen(name);
    if (bytes < 3 || bytes >= STORE_BUCKET_BYTES ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != bytes)
        return 0;
    return name[0] != '.' && name[0] != '-' && name[bytes - 1] != '.' && name[bytes - 1] != '-' &&
           !strstr(name, "..");
}

static void bucket_path(const char *bucket, const char *name, char out[DISK_PATH_BYTES])
{
    snprintf(out, DISK_PATH_BYTES, "buckets/%s%s%s", bucket, name[0] ? "/" : "", name);
}

StoreStatus disk_head_bucket(StoreDisk *d, const char *bucket)
{
    char path[DISK_PATH_BYTES];
    if (!disk_bucket_name_valid(bucket))
        return STORE_NO_SUCH_BUCKET;
    bucket_path(bucket, "", path);
    if (faccessat(d->root, path, F_OK, 0) == 0)
        return STORE_OK;
    return errno == ENOENT ? STORE_NO_SUCH_BUCKET : disk__status_of_errno(errno);
}

StoreStatus disk_create_bucket(StoreDisk *d, const char *bucket)
{
    char id[DISK_ID_BYTES];
    char made[DISK_PATH_BYTES];
    char inner[DISK_PATH_BYTES];
    char path[DISK_PATH_BYTES];
    if (!disk_bucket_name_valid(bucket))
        return STORE_REFUSED;
    if (disk__may_write(d) != STORE_OK)
        return STORE_BROKEN;
    disk__make_id(id);
    snprintf(made, sizeof made, "tmp/%s", id);
    snprintf(inner, sizeof inner, "tmp/%s/objects", id);
    bucket_path(bucket, "", path);
    if (mkdirat(d->root, made, 0700) == 0 && disk__make_folder(d, inner) == 0 &&
        renameat2(d->root, made, d->root, path, RENAME_NOREPLACE) == 0)
        return disk__sync_folder_of(d, path) == 0 ? STORE_OK : disk__write_failed(d, errno);
    int saved = errno;
    disk__remove_tree(d->root, made);
    return saved == EEXIST || saved == ENOTEMPTY ? STORE_BUCKET_EXISTS
                                                 : disk__write_failed(d, saved);
}

StoreStatus store_disk_ensure_bucket(StoreDisk *d, const char *bucket)
{
    StoreStatus status = disk_create_bucket(d, bucket);
    return status == STORE_BUCKET_EXISTS ? STORE_OK : status;
}

StoreStatus disk_delete_bucket(StoreDisk *d, const char *bucket)
{
    char id[DISK_ID_BYTES];
    char gone[DISK_PATH_BYTES];
    char path[DISK_PATH_BYTES];
    StoreUpload *uploads = NULL;
    DiskIndex *index = NULL;
    int count = 0;
    StoreStatus status = disk_head_bucket(d, bucket);
    if (status == STORE_OK)
        status = disk__may_write(d);
    if (status != STORE_OK)
        return status;
    disk__make_id(id);
    snprintf(gone, sizeof gone, "tmp/%s", id);
    bucket_path(bucket, "", path);
    status = disk_list_uploads(d, bucket, "", &uploads, &count);
    pthread_mutex_lock(&d->lock);
    if (status == STORE_OK)
        status = disk__index_of(d, bucket, &index);
    if (status == STORE_OK && index->count > 0)
        status = STORE_BUCKET_NOT_EMPTY;
    if (status == STORE_OK)
        disk__index_drop(d, bucket);
    pthread_mutex_unlock(&d->lock);
    for (int i = 0; i < count && status == STORE_OK; i++)
        disk_abort(d, bucket, uploads[i].key, uploads[i].upload_id);
    free(uploads);
    if (status != STORE_OK)
        return status;
    /* A put may have come in between: the bucket stays if its index has a key now. */
    pthread_mutex_lock(&d->lock);
    status = disk__index_of(d, bucket, &index);
    if (status == STORE_OK && index->count > 0)
        status = STORE_BUCKET_NOT_EMPTY;
    if (status == STORE_OK && renameat(d->root, path, d->root, gone) != 0)
        status = disk__write_failed(d, errno);
    if (status == STORE_OK)
        disk__index_drop(d, bucket);
    pthread_mutex_unlock(&d->lock);
    if (status != STORE_OK)
        return status;
    status = disk__sync_folder_of(d, path) == 0 ? STORE_OK : disk__write_failed(d, errno);
    disk__remove_tree(d->root, gone);
    return status;
}

typedef struct BucketList {
    StoreDisk *disk;
    DiskBucket *buckets;
    int count, failed;
} BucketList;

static void add_bucket(void *ctx, const char *name)
{
    BucketList *list = ctx;
    char path[DISK_PATH_BYTES];
    struct stat info;
    if (!disk_bucket_name_valid(name))
        return;
    bucket_path(name, "objects", path);
    DiskBucket *buckets = realloc(list->buckets, ((size_t)list->count + 1) * sizeof *buckets);
    if (!buckets) {
        list->failed = 1;
        return;
    }
    list->buckets = buckets;
    if (fstatat(list->disk->root, path, &info, 0) != 0)
        return;
    DiskBucket *bucket = &buckets[list->count++];
    snprintf(bucket->name, sizeof bucket->name, "%s", name);
    bucket->created_unix_us = (int64_t)info.st_ctim.tv_sec * 1000000;
}

static int compare_buckets(const void *a, const void *b)
{
    return strcmp(((const DiskBucket *)a)->name, ((const DiskBucket *)b)->name);
}

StoreStatus disk_list_buckets(StoreDisk *d, DiskBucket **out, int *count)
{
    BucketList list = {.disk = d};
    *out = NULL;
    *count = 0;
    if (disk__each_entry(d, "buckets", add_bucket, &list) != 0 || list.failed) {
        free(list.buckets);
        return STORE_IO;
    }
    if (list.count > 0)
        qsort(list.buckets, (size_t)list.count, sizeof *list.buckets, compare_buckets);
    *out = list.buckets;
    *count = list.count;
    return STORE_OK;
}

StoreStatus disk_get_document(StoreDisk *d, const char *bucket, const char *name, char **out)
{
    char path[DISK_PATH_BYTES];
    size_t bytes = 0;
    *out = NULL;
    if (disk_head_bucket(d, bucket) != STORE_OK)
        return STORE_NO_SUCH_BUCKET;
    bucket_path(bucket, name, path);
    int fd = openat(d->root, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STORE_NO_SUCH_KEY : disk__status_of_errno(errno);
    *out = disk__read_fd(fd, DOCUMENT_BYTES, &bytes);
    close(fd);
    return *out ? STORE_OK : STORE_IO;
}

StoreStatus disk_set_document(StoreDisk *d, const char *bucket, const char *name, const char *text)
{
    char path[DISK_PATH_BYTES];
    if (disk_head_bucket(d, bucket) != STORE_OK)
        return STORE_NO_SUCH_BUCKET;
    bucket_path(bucket, name, path);
    if (text)
        return disk__write_file(d, path, text, strlen(text));
    if (disk__may_write(d) != STORE_OK)
        return STORE_BROKEN;
    return (unlinkat(d->root, path, 0) == 0 && disk__sync_folder_of(d, path) == 0) ||
                   errno == ENOENT
               ? STORE_OK
               : disk__write_failed(d, errno);
}
