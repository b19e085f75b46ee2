/* The embedded store as a Store: each call runs its blocking counterpart on a thread of its kind.
 */
#include "store/disk/async_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"
#include "base/digest.h"

/* --- each call: run on a thread, report on the loop --- */

static void run_create_upload(StoreJob *job)
{
    DiskName name = {job->store->bucket, job->key, job->argument, "", {0, 0}};
    job->status = disk_create_upload(job->store->disk, &name, job->upload_id);
}

static void report_upload(StoreJob *job)
{
    job->done.upload(job->ctx, job->status, job->status == STORE_OK ? job->upload_id : NULL);
}

static void store_create_upload(Store *store, const char *key, const char *content_type,
                                StoreCall *call, void *ctx,
                                void (*done)(void *, StoreStatus, const char *))
{
    StoreJob *job = disk__job_create(store, key, content_type ? content_type : "", call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    job->done.upload = done;
    disk__job_start(job, DISK_CALLS, run_create_upload, report_upload);
}

static void run_list_parts(StoreJob *job)
{
    job->status = disk_list_parts(job->store->disk, job->store->bucket, job->key, job->argument,
                                  &job->parts, &job->count);
}

static void report_parts(StoreJob *job)
{
    job->done.parts(job->ctx, job->status, job->parts, job->count);
}

static void store_list_parts(Store *store, const char *key, const char *upload_id, StoreCall *call,
                             void *ctx, void (*done)(void *, StoreStatus, const StorePart *, int))
{
    StoreJob *job = disk__job_create(store, key, upload_id, call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL, 0);
        return;
    }
    job->done.parts = done;
    disk__job_start(job, DISK_CALLS, run_list_parts, report_parts);
}

static void run_complete(StoreJob *job)
{
    job->status = disk_complete(job->store->disk, job->store->bucket, job->key, job->argument,
                                job->parts, job->count, &job->object, NULL);
}

static void report_object(StoreJob *job)
{
    job->done.object(job->ctx, job->status, job->status == STORE_OK ? &job->object : NULL);
}

static void store_complete(Store *store, const char *key, const char *upload_id,
                           const StorePart *parts, int count, StoreCall *call, void *ctx,
                           void (*done)(void *, StoreStatus, const StoreObject *))
{
    StoreJob *job = disk__job_create(store, key, upload_id, call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    job->done.object = done;
    job->count = count > 0 ? count : 0;
    job->parts = malloc(((size_t)job->count + 1) * sizeof *parts);
    if (!job->parts)
        job->status = STORE_IO;
    else if (job->count > 0)
        memcpy(job->parts, parts, (size_t)job->count * sizeof *parts);
    disk__job_start(job, DISK_CALLS, run_complete, report_object);
}

static void run_abort(StoreJob *job)
{
    job->status = disk_abort(job->store->disk, job->store->bucket, job->key, job->argument);
}

static void report_status(StoreJob *job)
{
    job->done.status(job->ctx, job->status);
}

static void store_abort(Store *store, const char *key, const char *upload_id, StoreCall *call,
                        void *ctx, void (*done)(void *, StoreStatus))
{
    StoreJob *job = disk__job_create(store, key, upload_id, call, ctx);
    if (!job) {
        done(ctx, STORE_IO);
        return;
    }
    job->done.status = done;
    disk__job_start(job, DISK_CALLS, run_abort, report_status);
}

static void run_head(StoreJob *job)
{
    DiskReader *reader = NULL;
    job->status = disk_reader_open(job->store->disk, job->store->bucket, job->key, &reader);
    if (job->status == STORE_OK)
        job->object = *disk_reader_object(reader);
    disk_reader_close(&reader);
}

static void store_head(Store *store, const char *key, StoreCall *call, void *ctx,
                       void (*done)(void *, StoreStatus, const StoreObject *))
{
    StoreJob *job = disk__job_create(store, key, "", call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    job->done.object = done;
    disk__job_start(job, DISK_CALLS, run_head, report_object);
}

static void run_remove(StoreJob *job)
{
    job->status = disk_delete_object(job->store->disk, job->store->bucket, job->key);
}

static void store_remove(Store *store, const char *key, StoreCall *call, void *ctx,
                         void (*done)(void *, StoreStatus))
{
    StoreJob *job = disk__job_create(store, key, "", call, ctx);
    if (!job) {
        done(ctx, STORE_IO);
        return;
    }
    job->done.status = done;
    disk__job_start(job, DISK_CALLS, run_remove, report_status);
}

static void run_list_uploads(StoreJob *job)
{
    job->status = disk_list_uploads(job->store->disk, job->store->bucket, job->key, &job->uploads,
                                    &job->count);
}

static void report_uploads(StoreJob *job)
{
    job->done.uploads(job->ctx, job->status, job->uploads, job->count);
}

static void store_list_uploads(Store *store, const char *prefix, StoreCall *call, void *ctx,
                               void (*done)(void *, StoreStatus, const StoreUpload *, int))
{
    StoreJob *job = disk__job_create(store, prefix, "", call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL, 0);
        return;
    }
    job->done.uploads = done;
    disk__job_start(job, DISK_LONG, run_list_uploads, report_uploads);
}

static void run_list_objects(StoreJob *job)
{
    DiskListing listing;
    job->status = disk_list_objects(job->store->disk, job->store->bucket, job->key, "",
                                    job->argument, STORE_LIST_OBJECTS, &listing);
    if (job->status != STORE_OK)
        return;
    job->more = listing.truncated;
    job->objects = calloc((size_t)listing.count + 1, sizeof *job->objects);
    for (; job->objects && job->count < listing.count; job->count++) {
        const DiskListed *item = &listing.items[job->count];
        StoreObject *object = &job->objects[job->count];
        snprintf(object->key, sizeof object->key, "%s", item->key);
        memcpy(object->etag, item->etag, sizeof object->etag);
        object->bytes = item->bytes;
        object->modified_unix_us = item->modified_unix_us;
    }
    job->more = job->more && job->count > 0; /* those that went meanwhile are left out */
    if (!job->objects)
        job->status = STORE_IO;
    disk_listing_reset(&listing);
}

static void report_objects(StoreJob *job)
{
    job->done.objects(job->ctx, job->status, job->objects, job->count, job->more);
}

static void store_list_objects(Store *store, const char *prefix, const char *after, StoreCall *call,
                               void *ctx,
                               void (*done)(void *, StoreStatus, const StoreObject *, int, int))
{
    StoreJob *job = disk__job_create(store, prefix, after, call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL, 0, 0);
        return;
    }
    job->done.objects = done;
    disk__job_start(job, DISK_LONG, run_list_objects, report_objects);
}

static void run_get_range(StoreJob *job)
{
    DiskReader *reader = NULL;
    int64_t want = job->bytes;
    job->bytes = 0;
    job->status = disk_reader_open(job->store->disk, job->store->bucket, job->key, &reader);
    if (job->status == STORE_OK) {
        int64_t left = disk_reader_object(reader)->bytes - job->offset;
        want = left < want ? left : want;
        if (job->offset < 0 || left <= 0)
            job->status = STORE_REFUSED;
    }
    while (job->status == STORE_OK && job->bytes < want && !disk__job_is_stopped(job)) {
        int64_t n = disk_reader_read(reader, job->offset + job->bytes, job->out + job->bytes,
                                     (size_t)(want - job->bytes));
        if (n <= 0)
            job->status = STORE_IO;
        else
            job->bytes += n;
    }
    disk_reader_close(&reader);
}

static void report_range(StoreJob *job)
{
    job->done.range(job->ctx, job->status, job->status == STORE_OK ? (size_t)job->bytes : 0);
}

static void store_get_range(Store *store, const char *key, int64_t offset, uint8_t *out,
                            size_t bytes, StoreCall *call, void *ctx,
                            void (*done)(void *, StoreStatus, size_t))
{
    StoreJob *job = disk__job_create(store, key, "", call, ctx);
    if (!job) {
        done(ctx, STORE_IO, 0);
        return;
    }
    assert(bytes > 0 && bytes <= STORE_MAX_RANGE_BYTES);
    job->done.range = done;
    job->offset = offset;
    job->out = out;
    job->bytes = (int64_t)bytes;
    disk__job_start(job, DISK_READS, run_get_range, report_range);
}

/* Adds one piece to part and MD5. *copies: whether the file system is asked to copy from file to
 * file; from its first refusal on the bytes are written. buffer: NULL where they are in memory. */
static StoreStatus write_piece(StoreJob *job, int64_t at, size_t bytes, uint8_t *buffer,
                               int *copies, DiskWriter *writer, Digest *digest)
{
    const StoreBody *b = &job->body;
    const uint8_t *piece = b->data ? b->data + at : buffer;
    if (buffer && disk__read_all(b->fd, buffer, bytes, b->offset + at) != 0)
        return STORE_IO;
    digest_update(digest, piece, bytes);
    *copies =
        *copies && disk__writer_copy(writer, b->fd, b->offset + at, (int64_t)bytes) == STORE_OK;
    return *copies ? STORE_OK : disk_writer_write(writer, piece, bytes);
}

static StoreStatus write_body(StoreJob *job, DiskWriter *writer, Digest *digest)
{
    const StoreBody *b = &job->body;
    uint8_t *buffer = b->data ? NULL : malloc(DISK_STAGE_BYTES);
    StoreStatus status = b->data || buffer ? STORE_OK : STORE_IO;
    int copies = buffer && !job->store->disk->writes_all;
    for (int64_t at = 0; status == STORE_OK && at < b->bytes && !disk__job_is_stopped(job);) {
        int64_t left = b->bytes - at;
        size_t bytes = left < DISK_STAGE_BYTES ? (size_t)left : DISK_STAGE_BYTES;
        status = write_piece(job, at, bytes, buffer, &copies, writer, digest);
        at += (int64_t)bytes;
    }
    free(buffer);
    return status == STORE_OK ? job->status : status;
}

static void run_put_part(StoreJob *job)
{
    uint8_t md5[DIGEST_MAX_BYTES];
    DiskWriter *writer = NULL;
    Digest *digest = digest_create(DIGEST_MD5);
    job->status = digest ? disk_writer_open(job->store->disk, &writer) : STORE_IO;
    if (job->status == STORE_OK)
        job->status = write_body(job, writer, digest);
    if (job->status == STORE_OK) {
        digest_finish(digest, md5);
        job->status = disk_writer_finish(writer, md5);
    }
    if (job->status == STORE_OK && !disk__job_is_stopped(job))
        job->status = disk_put_part(job->store->disk, job->store->bucket, job->key, job->argument,
                                    job->number, writer, &job->part);
    digest_destroy(&digest);
    disk_writer_close(&writer);
}

static void report_etag(StoreJob *job)
{
    job->done.etag(job->ctx, job->status, job->status == STORE_OK ? job->part.etag : NULL);
}

static void store_put_part(Store *store, const char *key, const char *upload_id, int part,
                           const StoreBody *body, StoreCall *call, void *ctx,
                           void (*done)(void *, StoreStatus, const char *))
{
    StoreJob *job = disk__job_create(store, key, upload_id, call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    job->done.etag = done;
    job->number = part;
    job->body = *body;
    if (body->bytes < 1 || (!body->data && body->offset < 0))
        job->status = STORE_REFUSED;
    disk__job_start(job, DISK_WRITES, run_put_part, report_etag);
}

static void run_copy_part(StoreJob *job)
{
    DiskReader *reader = NULL;
    DiskStore *s = job->store;
    job->status = disk_reader_open(s->disk, s->bucket, job->from_key, &reader);
    if (job->status == STORE_OK)
        job->status = disk_copy_part(s->disk, reader, job->offset, job->bytes, s->bucket, job->key,
                                     job->argument, job->number, &job->part);
    disk_reader_close(&reader);
}

static void store_copy_part(Store *store, const char *key, const char *upload_id, int part,
                            const char *from_key, int64_t offset, int64_t bytes, StoreCall *call,
                            void *ctx, void (*done)(void *, StoreStatus, const char *))
{
    StoreJob *job = disk__job_create(store, key, upload_id, call, ctx);
    if (!job) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    job->done.etag = done;
    job->number = part;
    job->offset = offset;
    job->bytes = bytes;
    job->from_key = strdup(from_key);
    if (!job->from_key)
        job->status = STORE_IO;
    disk__job_start(job, DISK_LONG, run_copy_part, report_etag);
}

static void run_check(StoreJob *job)
{
    job->status = disk_head_bucket(job->store->disk, job->store->bucket);
    if (job->status == STORE_OK)
        job->status = disk__may_write(job->store->disk);
}

static void store_check(Store *store, StoreCall *call, void *ctx, void (*done)(void *, StoreStatus))
{
    StoreJob *job = disk__job_create(store, "", "", call, ctx);
    if (!job) {
        done(ctx, STORE_IO);
        return;
    }
    job->done.status = done;
    disk__job_start(job, DISK_CALLS, run_check, report_status);
}

static int store_presign(Store *store, const char *method, const char *key, const char *extra_query,
                         int expires_seconds, int64_t now_unix_us, char *url, size_t url_bytes)
{
    DiskStore *s = (DiskStore *)store;
    SigV4Account account = {s->access_key, s->secret_key, s->region};
    char path[STORE_KEY_BYTES + STORE_BUCKET_BYTES + 2];
    if (strlen(key) >= STORE_KEY_BYTES)
        return -1;
    snprintf(path, sizeof path, "/%s/%s", s->bucket, key);
    return sigv4_presign(&account, method, s->base_url, path, extra_query, expires_seconds,
                         now_unix_us, url, url_bytes);
}

static void store_destroy(Store *store)
{
    DiskStore *s = (DiskStore *)store;
    if (!s)
        return;
    disk__close_deadlines(s);
    free(s->base_url);
    free(s->bucket);
    free(s->region);
    free(s->access_key);
    free(s->secret_key);
    free(s);
}

int store_disk_as_store(StoreDisk *disk, const StoreDiskAccess *access, Store **out)
{
    static const Store calls = {
        .create_upload = store_create_upload,
        .list_parts = store_list_parts,
        .complete = store_complete,
        .abort = store_abort,
        .head = store_head,
        .remove = store_remove,
        .list_uploads = store_list_uploads,
        .list_objects = store_list_objects,
        .get_range = store_get_range,
        .put_part = store_put_part,
        .copy_part = store_copy_part,
        .check = store_check,
        .cancel = disk__job_cancel,
        .presign = store_presign,
        .destroy = store_destroy,
    };
    DiskStore *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return -ENOMEM;
    s->store = calls;
    s->disk = disk;
    s->base_url = strdup(access->base_url);
    s->bucket = strdup(access->bucket);
    s->region = strdup(access->region);
    s->access_key = strdup(access->access_key);
    s->secret_key = strdup(access->secret_key);
    disk__open_deadlines(s);
    int result = -ENOMEM;
    if (s->deadlines && s->base_url && s->bucket && s->region && s->access_key && s->secret_key) {
        StoreStatus status = store_disk_ensure_bucket(disk, s->bucket);
        result = status == STORE_OK        ? 0
                 : status == STORE_REFUSED ? -EINVAL
                 : status == STORE_FULL    ? -ENOSPC
                                           : -EIO;
    }
    if (result != 0)
        store_destroy(&s->store);
    else
        *out = &s->store;
    return result;
}
