/* The calls of store/store.h that list: parts and uploads whole, objects a page at a time. */
#include "store/s3/s3store_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_PAGE "1000"

/* --- parts --- */

static void send_parts_page(S3StoreCall *call);

static void on_parts(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    if (status == STORE_OK &&
        s3store_answer_parts((const char *)answer->body, answer->body_bytes, &call->parts) != 0) {
        status = STORE_UNREACHABLE;
    }
    if (status == STORE_OK && call->parts.next > 0) {
        send_parts_page(call);
        return;
    }
    int count = status == STORE_OK ? call->parts.count : 0;
    s3store_call_let_go(call);
    call->done.parts(call->ctx, s3store_of_upload(status), call->parts.parts, count);
    s3store_call_end(call);
}

static void send_parts_page(S3StoreCall *call)
{
    char marker[16];
    s3store_call_reset(call, "GET");
    s3store_call_query(call, "max-parts", LIST_PAGE);
    if (call->parts.next > 0) {
        snprintf(marker, sizeof marker, "%d", call->parts.next);
        s3store_call_query(call, "part-number-marker", marker);
    }
    s3store_call_query(call, "uploadId", call->upload_id);
    call->root = "ListPartsResult";
    call->max_answer_bytes = S3STORE_LIST_BODY_BYTES;
    s3store_call_send(call, on_parts);
}

void s3store_list_parts(Store *store, const char *key, const char *upload_id, StoreCall *handle,
                        void *ctx, void (*done)(void *, StoreStatus, const StorePart *, int))
{
    S3StoreCall *call = s3store_call_create((S3Store *)store, "GET", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, NULL, 0);
        return;
    }
    call->done.parts = done;
    snprintf(call->upload_id, sizeof call->upload_id, "%s", upload_id);
    send_parts_page(call);
}

/* --- uploads --- */

static void send_uploads_page(S3StoreCall *call);

static void on_uploads(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    if (status == STORE_OK && s3store_answer_uploads((const char *)answer->body, answer->body_bytes,
                                                     &call->uploads) != 0) {
        /* A later page that cannot be read: what was read before is true all the same. */
        status = call->uploads.count > 0 ? STORE_OK : STORE_UNREACHABLE;
        call->uploads.more = 0;
    }
    if (status == STORE_OK && call->uploads.more) {
        send_uploads_page(call);
        return;
    }
    int count = status == STORE_OK ? call->uploads.count : 0;
    s3store_call_let_go(call);
    call->done.uploads(call->ctx, status, call->uploads.uploads, count);
    s3store_call_end(call);
}

static void send_uploads_page(S3StoreCall *call)
{
    s3store_call_reset(call, "GET");
    if (call->uploads.more) {
        s3store_call_query(call, "key-marker", call->uploads.next_key);
    }
    s3store_call_query(call, "max-uploads", LIST_PAGE);
    s3store_call_query(call, "prefix", call->prefix);
    if (call->uploads.more && call->uploads.next_upload_id[0]) {
        s3store_call_query(call, "upload-id-marker", call->uploads.next_upload_id);
    }
    s3store_call_query(call, "uploads", "");
    call->root = "ListMultipartUploadsResult";
    call->max_answer_bytes = S3STORE_LIST_BODY_BYTES;
    s3store_call_send(call, on_uploads);
}

void s3store_list_uploads(Store *store, const char *prefix, StoreCall *handle, void *ctx,
                          void (*done)(void *, StoreStatus, const StoreUpload *, int))
{
    S3StoreCall *call = s3store_call_create((S3Store *)store, "GET", "", handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, NULL, 0);
        return;
    }
    call->done.uploads = done;
    snprintf(call->prefix, sizeof call->prefix, "%s", prefix);
    send_uploads_page(call);
}

/* --- objects --- */

static void on_objects(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    S3StoreObjectList list = {.count = 0};
    if (status == STORE_OK &&
        s3store_answer_objects((const char *)answer->body, answer->body_bytes, &list) != 0) {
        status = STORE_UNREACHABLE;
    }
    s3store_call_let_go(call);
    call->done.objects(call->ctx, status, list.objects, list.count, list.more);
    free(list.objects);
    s3store_call_end(call);
}

void s3store_list_objects(Store *store, const char *prefix, const char *after, StoreCall *handle,
                          void *ctx,
                          void (*done)(void *, StoreStatus, const StoreObject *, int, int))
{
    char most[16];
    S3StoreCall *call = s3store_call_create((S3Store *)store, "GET", "", handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, NULL, 0, 0);
        return;
    }
    call->done.objects = done;
    snprintf(most, sizeof most, "%d", STORE_LIST_OBJECTS);
    s3store_call_query(call, "list-type", "2");
    s3store_call_query(call, "max-keys", most);
    s3store_call_query(call, "prefix", prefix);
    if (*after) {
        s3store_call_query(call, "start-after", after);
    }
    call->root = "ListBucketResult";
    call->max_answer_bytes = S3STORE_LIST_BODY_BYTES;
    s3store_call_send(call, on_objects);
}
