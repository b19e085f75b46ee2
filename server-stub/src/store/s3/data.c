/* The calls of store/store.h that move bytes: ranges that are read, parts that are sent, parts that
 * the service copies. */
#include "store/s3/s3store_internal.h"

#include <stdio.h>
#include <string.h>

static void on_range(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    const uint8_t *data = answer->body;
    size_t bytes = answer->body_bytes;
    if (status == STORE_OK && answer->status != 206) { /* the whole object */
        int covers = call->offset >= 0 && (uint64_t)call->offset < bytes;
        status = covers ? STORE_OK : STORE_REFUSED;
        data = covers ? data + call->offset : NULL;
        bytes = covers ? bytes - (size_t)call->offset : 0;
    }
    bytes = bytes > (size_t)call->bytes ? (size_t)call->bytes : bytes;
    bytes = status == STORE_OK ? bytes : 0;
    if (bytes > 0) {
        memcpy(call->out, data, bytes);
    }
    s3store_call_let_go(call);
    call->done.data(call->ctx, status, bytes);
    s3store_call_end(call);
}

void s3store_get_range(Store *store, const char *key, int64_t offset, uint8_t *out, size_t bytes,
                       StoreCall *handle, void *ctx, void (*done)(void *, StoreStatus, size_t))
{
    char range[64];
    S3StoreCall *call = s3store_call_create((S3Store *)store, "GET", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, 0);
        return;
    }
    call->done.data = done;
    call->offset = offset;
    call->out = out;
    call->bytes = (int64_t)bytes;
    call->wants_etag = 1;
    call->max_answer_bytes = bytes + S3STORE_ERROR_BODY_BYTES;
    snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)offset,
             (long long)offset + (long long)bytes - 1);
    s3store_call_header(call, "range", range);
    if (offset < 0 || bytes < 1 || bytes > STORE_MAX_RANGE_BYTES) {
        call->unfit = STORE_REFUSED;
    }
    s3store_call_send(call, on_range);
}

static void on_part(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    if (status == STORE_OK) {
        s3store_answer_etag(answer->etag, call->etag); /* wants_etag: it is one */
    }
    s3store_call_let_go(call);
    call->done.etag(call->ctx, s3store_of_upload(status), status == STORE_OK ? call->etag : NULL);
    s3store_call_end(call);
}

static void name_part(S3StoreCall *call, const char *upload_id, int part)
{
    char number[16];
    snprintf(number, sizeof number, "%d", part);
    s3store_call_query(call, "partNumber", number);
    s3store_call_query(call, "uploadId", upload_id);
}

void s3store_put_part(Store *store, const char *key, const char *upload_id, int part,
                      const StoreBody *body, StoreCall *handle, void *ctx,
                      void (*done)(void *, StoreStatus, const char *))
{
    S3StoreCall *call = s3store_call_create((S3Store *)store, "PUT", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    call->done.etag = done;
    call->body = *body;
    call->wants_etag = 1;
    if (body->bytes < 1 || (!body->data && body->offset < 0)) {
        call->unfit = STORE_REFUSED;
    }
    name_part(call, upload_id, part);
    s3store_call_send(call, on_part);
}

static void on_copied(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    char text[STORE_ETAG_BYTES];
    if (status == STORE_OK && (s3store_answer_text((const char *)answer->body, answer->body_bytes,
                                                   "CopyPartResult/ETag", text, sizeof text) < 0 ||
                               s3store_answer_etag(text, call->etag) != 0)) {
        status = STORE_UNREACHABLE;
    }
    s3store_call_let_go(call);
    call->done.etag(call->ctx, status, status == STORE_OK ? call->etag : NULL);
    s3store_call_end(call);
}

void s3store_copy_part(Store *store, const char *key, const char *upload_id, int part,
                       const char *from_key, int64_t offset, int64_t bytes, StoreCall *handle,
                       void *ctx, void (*done)(void *, StoreStatus, const char *))
{
    S3Store *s = (S3Store *)store;
    S3StoreCall *call = s3store_call_create(s, "PUT", key, handle, ctx);
    Text source = {0};
    char range[64];
    if (!call) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    call->done.etag = done;
    call->idle_s = S3STORE_SLOW_IDLE_FACTOR * s->idle_s;
    call->root = "CopyPartResult";
    name_part(call, upload_id, part);
    text_format(&source, "/%s/", s->bucket);
    text_add_uri(&source, from_key, strlen(from_key), 1);
    if (source.failed || offset < 0 || bytes < 1) {
        call->unfit = source.failed ? STORE_IO : STORE_REFUSED;
    } else {
        s3store_call_header(call, "x-amz-copy-source", source.data);
    }
    text_reset(&source);
    snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)offset,
             (long long)(offset + bytes - 1));
    s3store_call_header(call, "x-amz-copy-source-range", range);
    s3store_call_send(call, on_copied);
}
