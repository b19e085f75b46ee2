/* Listings of the embedded store: sorted keys of a bucket, kept since its first listing. */
#include "store/disk/disk_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* First position whose key is >= key (or > key with after). */
static size_t index_find(const DiskIndex *index, const char *key, int after)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(index->keys[middle], key);
        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* First position from `from` on whose key does not start with prefix. */
static size_t index_skip(const DiskIndex *index, size_t from, const char *prefix)
{
    size_t bytes = strlen(prefix);
    size_t low = from;
    size_t high = index->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strncmp(index->keys[middle], prefix, bytes) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static DiskIndex *index_lookup(StoreDisk *d, const char *bucket)
{
    DiskIndex *index = d->indexes;
    while (index && strcmp(index->bucket, bucket) != 0)
        index = index->next;
    return index;
}

static int index_append(DiskIndex *index, const char *key)
{
    if (index->count == index->capacity) {
        size_t capacity = index->capacity ? index->capacity * 2 : 64;
        char **keys = realloc(index->keys, capacity * sizeof *keys);
        if (!keys)
            return 0;
        index->keys = keys;
        index->capacity = capacity;
    }
    index->keys[index->count] = strdup(key);
    return index->keys[index->count] && ++index->count;
}

static void free_index(StoreDisk *d, DiskIndex *index)
{
    DiskIndex **link = &d->indexes;
    while (*link != index)
        link = &(*link)->next;
    *link = index->next;
    for (size_t i = 0; i < index->count; i++)
        free(index->keys[i]);
    while (index->changes) {
        DiskChange *change = index->changes;
        index->changes = change->next;
        free(change);
    }
    free(index->keys);
    free(index);
}

void disk__index_drop(StoreDisk *d, const char *bucket)
{
    DiskIndex *index = index_lookup(d, bucket);
    if (index && index->is_building)
        index->is_spoilt = 1; /* its maker frees it */
    else if (index)
        free_index(d, index);
}

/* For the one who makes the index. */
static void note_change(DiskIndex *index, const char *key, int is_removed)
{
    size_t bytes = strlen(key) + 1;
    DiskChange *change = malloc(sizeof *change + bytes);
    if (!change) {
        index->is_spoilt = 1;
        return;
    }
    change->next = NULL;
    change->is_removed = is_removed;
    memcpy(change->key, key, bytes);
    *index->changes_end = change;
    index->changes_end = &change->next;
}

/* 0 when there is not enough memory. */
static int index_insert(DiskIndex *index, const char *key)
{
    size_t at = index_find(index, key, 0);
    if (at < index->count && strcmp(index->keys[at], key) == 0)
        return 1;
    if (!index_append(index, key))
        return 0;
    char *added = index->keys[index->count - 1];
    memmove(index->keys + at + 1, index->keys + at, (index->count - 1 - at) * sizeof *index->keys);
    index->keys[at] = added;
    return 1;
}

static void index_delete(DiskIndex *index, const char *key)
{
    size_t at = index_find(index, key, 0);
    if (at == index->count || strcmp(index->keys[at], key) != 0)
        return;
    free(index->keys[at]);
    index->count--;
    memmove(index->keys + at, index->keys + at + 1, (index->count - at) * sizeof *index->keys);
}

void disk__index_add(StoreDisk *d, const char *bucket, const char *key)
{
    DiskIndex *index = index_lookup(d, bucket);
    if (index && index->is_building)
        note_change(index, key, 0);
    else if (index && !index_insert(index, key))
        free_index(d, index); /* the next listing makes it anew */
}

void disk__index_remove(StoreDisk *d, const char *bucket, const char *key)
{
    DiskIndex *index = index_lookup(d, bucket);
    if (index && index->is_building)
        note_change(index, key, 1);
    else if (index)
        index_delete(index, key);
}

typedef struct IndexScan {
    StoreDisk *disk;
    DiskIndex *index;
    char folder[DISK_PATH_BYTES];
    int failed;
} IndexScan;

static void scan_manifest(void *ctx, const char *name)
{
    IndexScan *scan = ctx;
    char path[DISK_PATH_BYTES + 72];
    DiskManifest m;
    snprintf(path, sizeof path, "%s/%s", scan->folder, name);
    if (disk__read_manifest(scan->disk, path, &m, NULL) == STORE_OK &&
        !index_append(scan->index, m.object.key))
        scan->failed = 1;
    disk__reset_manifest(&m);
}

static void scan_folder(void *ctx, const char *name)
{
    IndexScan *scan = ctx;
    snprintf(scan->folder, sizeof scan->folder, "buckets/%s/objects/%.2s", scan->index->bucket,
             name);
    if (disk__each_entry(scan->disk, scan->folder, scan_manifest, scan) != 0)
        scan->failed = 1;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads all manifests of the bucket, sorted. Only the maker of the index is at it. */
static StoreStatus scan_bucket(StoreDisk *d, DiskIndex *index)
{
    char path[DISK_PATH_BYTES];
    IndexScan scan = {.disk = d, .index = index};
    snprintf(path, sizeof path, "buckets/%s/objects", index->bucket);
    int failed = disk__each_entry(d, path, scan_folder, &scan);
    if (failed && errno == ENOENT)
        return STORE_NO_SUCH_BUCKET;
    if (failed)
        return disk__status_of_errno(errno);
    if (scan.failed)
        return STORE_IO;
    if (index->count > 0)
        qsort(index->keys, index->count, sizeof *index->keys, compare_keys);
    return STORE_OK;
}

static StoreStatus make_index(StoreDisk *d, const char *bucket, DiskIndex **out)
{
    DiskIndex *index = calloc(1, sizeof *index);
    if (!index)
        return STORE_IO;
    snprintf(index->bucket, sizeof index->bucket, "%s", bucket);
    index->is_building = 1;
    index->changes_end = &index->changes;
    index->next = d->indexes;
    d->indexes = index;
    pthread_mutex_unlock(&d->lock);
    StoreStatus status = scan_bucket(d, index);
    pthread_mutex_lock(&d->lock);
    index->is_building = 0;
    status = status == STORE_OK && index->is_spoilt ? STORE_IO : status;
    while (status == STORE_OK && index->changes) {
        DiskChange *change = index->changes;
        index->changes = change->next;
        if (change->is_removed)
            index_delete(index, change->key);
        else if (!index_insert(index, change->key))
            status = STORE_IO;
        free(change);
    }
    if (status == STORE_OK)
        *out = index;
    else
        free_index(d, index);
    pthread_cond_broadcast(&d->index_built);
    return status;
}

StoreStatus disk__index_of(StoreDisk *d, const char *bucket, DiskIndex **out)
{
    *out = NULL;
    for (;;) {
        DiskIndex *index = index_lookup(d, bucket);
        if (!index)
            return make_index(d, bucket, out);
        if (!index->is_building) {
            *out = index;
            return STORE_OK;
        }
        pthread_cond_wait(&d->index_built, &d->lock);
    }
}

/* --- listings --- */

static int listing_add(DiskListing *listing, const char *key, size_t bytes, int is_prefix)
{
    DiskListed *item = &listing->items[listing->count];
    memset(item, 0, sizeof *item);
    item->key = strndup(key, bytes);
    item->is_prefix = is_prefix;
    if (!item->key)
        return 0;
    listing->count++;
    return 1;
}

/* With d->lock held: names only. */
static StoreStatus list_names(const DiskIndex *index, const char *prefix, const char *delimiter,
                              const char *after, int max, DiskListing *out)
{
    size_t prefix_bytes = strlen(prefix);
    size_t at =
        strcmp(after, prefix) < 0 ? index_find(index, prefix, 0) : index_find(index, after, 1);
    /* A listing that ended with a common prefix goes on behind all it stands for. */
    const char *end = delimiter[0] && strncmp(after, prefix, prefix_bytes) == 0
                          ? strstr(after + prefix_bytes, delimiter)
                          : NULL;
    if (end && end[strlen(delimiter)] == 0)
        at = index_skip(index, at, after);
    while (at < index->count && strncmp(index->keys[at], prefix, prefix_bytes) == 0) {
        const char *key = index->keys[at];
        const char *fold = delimiter[0] ? strstr(key + prefix_bytes, delimiter) : NULL;
        size_t bytes = fold ? (size_t)(fold - key) + strlen(delimiter) : strlen(key);
        if (out->count == max) {
            out->truncated = 1;
            break;
        }
        if (!listing_add(out, key, bytes, fold != NULL))
            return STORE_IO;
        at = fold ? index_skip(index, at, out->items[out->count - 1].key) : at + 1;
    }
    return STORE_OK;
}

/* Fills in the fields of objects; those deleted meanwhile are left out. */
static void list_fields(StoreDisk *d, const char *bucket, DiskListing *listing)
{
    int kept = 0;
    for (int i = 0; i < listing->count; i++) {
        DiskListed item = listing->items[i];
        char path[DISK_PATH_BYTES];
        DiskManifest m;
        if (!item.is_prefix) {
            disk__object_path(bucket, item.key, path);
            StoreStatus status = disk__read_manifest(d, path, &m, NULL);
            item.bytes = m.object.bytes;
            item.modified_unix_us = m.object.modified_unix_us;
            memcpy(item.etag, m.object.etag, sizeof item.etag);
            disk_parse_checksum(m.object.checksum, &item.algorithm, NULL);
            disk__reset_manifest(&m);
            if (status != STORE_OK) {
                free(item.key);
                continue;
            }
        }
        listing->items[kept++] = item;
    }
    listing->count = kept;
}

StoreStatus disk_list_objects(StoreDisk *d, const char *bucket, const char *prefix,
                              const char *delimiter, const char *after, int max, DiskListing *out)
{
    DiskIndex *index = NULL;
    memset(out, 0, sizeof *out);
    StoreStatus status = disk_head_bucket(d, bucket);
    if (status != STORE_OK)
        return status;
    out->items = calloc((size_t)max + 1, sizeof *out->items);
    if (!out->items)
        return STORE_IO;
    pthread_mutex_lock(&d->lock);
    status = disk__index_of(d, bucket, &index);
    if (status == STORE_OK && max > 0)
        status = list_names(index, prefix, delimiter, after, max, out);
    pthread_mutex_unlock(&d->lock);
    if (status == STORE_OK)
        list_fields(d, bucket, out);
    else
        disk_listing_reset(out);
    return status;
}

void disk_listing_reset(DiskListing *listing)
{
    for (int i = 0; i < listing->count; i++)
        free(listing->items[i].key);
    free(listing->items);
    memset(listing, 0, sizeof *listing);
}
