/* The calls of store/store.h at an S3 service: uploads, objects, presigned URLs; and opening it
 * all. list.c lists, data.c moves bytes. API: docs.aws.amazon.com/AmazonS3/latest/API. */
#include "store/s3/s3store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"
#include "base/digest.h"
#include "base/metrics.h"

#define CHECK_KEPT_MS 1000
#define CHECK_IDLE_S 5 /* who asks for the health wants to know soon */

static S3Store *store_of(Store *store)
{
    return (S3Store *)store;
}

StoreStatus s3store_of_upload(StoreStatus status)
{
    return status == STORE_NO_SUCH_KEY ? STORE_NO_SUCH_UPLOAD : status;
}

/* --- status only: abort, remove, check --- */

static void end_with_status(S3StoreCall *call, StoreStatus status)
{
    s3store_call_let_go(call);
    call->done.status(call->ctx, status);
    s3store_call_end(call);
}

static void on_aborted(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    (void)answer;
    end_with_status(call, s3store_of_upload(status));
}

static void s3store_abort(Store *store, const char *key, const char *upload_id, StoreCall *handle,
                          void *ctx, void (*done)(void *, StoreStatus))
{
    S3StoreCall *call = s3store_call_create(store_of(store), "DELETE", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO);
        return;
    }
    call->done.status = done;
    s3store_call_query(call, "uploadId", upload_id);
    s3store_call_send(call, on_aborted);
}

static void on_status(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    (void)answer;
    end_with_status(call, status);
}

static void s3store_remove(Store *store, const char *key, StoreCall *handle, void *ctx,
                           void (*done)(void *, StoreStatus))
{
    S3StoreCall *call = s3store_call_create(store_of(store), "DELETE", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO);
        return;
    }
    call->done.status = done;
    s3store_call_send(call, on_status);
}

/* --- create --- */

static void on_ignored_aborted(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    (void)status; /* the clean-up finds it otherwise */
    (void)answer;
    s3store_call_let_go(call);
    call->done.upload(call->ctx, STORE_REFUSED, NULL);
    s3store_call_end(call);
}

/* Whether the service encrypts as it was asked to; some ignore what they cannot do. */
static int encrypts(const S3Store *s, const S3StoreAnswer *answer)
{
    return !*s->encryption || strcmp(answer->encryption, s->encryption) == 0;
}

static void on_created(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    S3Store *s = call->s;
    if (status == STORE_OK && s3store_answer_text((const char *)answer->body, answer->body_bytes,
                                                  "InitiateMultipartUploadResult/UploadId",
                                                  call->upload_id, sizeof call->upload_id) < 1) {
        status = STORE_REFUSED;
        snprintf(call->code, sizeof call->code, "UploadId");
        snprintf(call->message, sizeof call->message,
                 "Its upload ID is missing, or longer than %d bytes.", STORE_UPLOAD_ID_BYTES - 1);
        s3store_call_log(s, LOG_ERROR, "store-refused", call);
    }
    if (status == STORE_OK && !encrypts(s, answer)) {
        snprintf(call->code, sizeof call->code, "NotEncrypted");
        snprintf(call->message, sizeof call->message,
                 "It takes no notice of the encryption %s that --s3-encryption asks for.",
                 s->encryption);
        s3store_call_log(s, LOG_ERROR, "store-refused", call);
        s3store_call_reset(call, "DELETE");
        s3store_call_query(call, "uploadId", call->upload_id);
        s3store_call_send(call, on_ignored_aborted);
        return;
    }
    s3store_call_let_go(call);
    call->done.upload(call->ctx, status, status == STORE_OK ? call->upload_id : NULL);
    s3store_call_end(call);
}

/* Repeated after a lost answer it may leave an upload that nobody knows: the clean-up removes it.
 */
static void s3store_create_upload(Store *store, const char *key, const char *content_type,
                                  StoreCall *handle, void *ctx,
                                  void (*done)(void *, StoreStatus, const char *))
{
    S3Store *s = store_of(store);
    S3StoreCall *call = s3store_call_create(s, "POST", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    call->done.upload = done;
    s3store_call_query(call, "uploads", "");
    if (content_type && *content_type) {
        s3store_call_header(call, "content-type", content_type);
    }
    if (*s->encryption) {
        s3store_call_header(call, "x-amz-server-side-encryption", s->encryption);
    }
    if (*s->kms_key) {
        s3store_call_header(call, "x-amz-server-side-encryption-aws-kms-key-id", s->kms_key);
    }
    call->root = "InitiateMultipartUploadResult";
    s3store_call_send(call, on_created);
}

/* --- head --- */

static void fill_object(const S3StoreCall *call, const S3StoreAnswer *answer, StoreObject *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->key, sizeof out->key, "%s", call->key);
    snprintf(out->content_type, sizeof out->content_type, "%s", answer->content_type);
    s3store_answer_etag(answer->etag, out->etag);
    out->bytes = answer->content_length;
    out->modified_unix_us = answer->last_modified_unix_us;
}

static void on_head(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    StoreObject object;
    fill_object(call, answer, &object);
    if (status == STORE_OK && object.bytes < 0) {
        status = STORE_UNREACHABLE;
    }
    s3store_call_let_go(call);
    call->done.object(call->ctx, status, status == STORE_OK ? &object : NULL);
    s3store_call_end(call);
}

static void s3store_head(Store *store, const char *key, StoreCall *handle, void *ctx,
                         void (*done)(void *, StoreStatus, const StoreObject *))
{
    S3StoreCall *call = s3store_call_create(store_of(store), "HEAD", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    call->done.object = done;
    call->wants_etag = 1;
    s3store_call_send(call, on_head);
}

/* --- complete --- */

/* The ETag that the object gets: the MD5 of its parts' MD5s and their number. Left "" where the
 * parts' ETags are no MD5s (objects encrypted by a key service). */
static void expect_object(S3StoreCall *call, const StorePart *parts, int count)
{
    Digest *d = digest_create(DIGEST_MD5);
    uint8_t md5[DIGEST_MAX_BYTES];
    char hex[2 * DIGEST_MAX_BYTES + 1];
    int known = d != NULL && strcmp(call->s->encryption, "aws:kms") != 0;
    call->bytes = count > 0 ? 0 : -1;
    for (int i = 0; i < count; i++) {
        known = known && digest_from_hex(parts[i].etag, md5, 16);
        if (known) {
            digest_update(d, md5, 16);
        }
        call->bytes = call->bytes >= 0 && parts[i].bytes > 0 ? call->bytes + parts[i].bytes : -1;
    }
    if (known) {
        digest_finish(d, md5);
        digest_to_hex(md5, 16, hex);
        snprintf(call->etag, sizeof call->etag, "%s-%d", hex, count);
    }
    digest_destroy(&d);
}

/* Whether the object under the key is what this completion makes. */
static int is_ours(const S3StoreCall *call, const StoreObject *object)
{
    if (call->bytes >= 0 && object->bytes != call->bytes) {
        return 0;
    }
    return call->etag[0] ? strcmp(object->etag, call->etag) == 0 : call->bytes >= 0;
}

static void on_completed_head(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    StoreObject object;
    fill_object(call, answer, &object);
    if (call->kept == STORE_OK) {
        /* It was completed. Services make other ETags of the parts', so only the size must fit. */
        if (status == STORE_NO_SUCH_KEY) {
            status = STORE_UNREACHABLE;
        } else if (status == STORE_OK && call->bytes >= 0 && object.bytes != call->bytes) {
            snprintf(call->code, sizeof call->code, "WrongSize");
            snprintf(call->message, sizeof call->message,
                     "The completed object has %lld bytes, its parts have %lld.",
                     (long long)object.bytes, (long long)call->bytes);
            s3store_call_log(call->s, LOG_ERROR, "store-refused", call);
            status = STORE_IO;
        }
    } else if (status == STORE_OK && !is_ours(call, &object)) {
        status = call->kept;
    } else if (status != STORE_OK) {
        status = status == STORE_UNREACHABLE ? status : call->kept;
    }
    s3store_call_let_go(call);
    call->done.object(call->ctx, status, status == STORE_OK ? &object : NULL);
    s3store_call_end(call);
}

/* Repeated after a lost answer it may say that there is no such upload, or fail in a way of its own
 * (Ceph: 500 for another list): the object under the key tells. The answer's own ETag is not used,
 * Ceph's is empty. */
static void on_completed(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    status = s3store_of_upload(status);
    if (status == STORE_REFUSED || status == STORE_NO_SUCH_BUCKET ||
        (status == STORE_UNREACHABLE && answer->status == 0)) {
        s3store_call_let_go(call);
        call->done.object(call->ctx, status, NULL);
        s3store_call_end(call);
        return;
    }
    call->kept = status;
    s3store_call_reset(call, "HEAD");
    call->idle_s = call->s->idle_s;
    call->wants_etag = 1;
    s3store_call_send(call, on_completed_head);
}

static void s3store_complete(Store *store, const char *key, const char *upload_id,
                             const StorePart *parts, int count, StoreCall *handle, void *ctx,
                             void (*done)(void *, StoreStatus, const StoreObject *))
{
    S3Store *s = store_of(store);
    S3StoreCall *call = s3store_call_create(s, "POST", key, handle, ctx);
    if (!call) {
        done(ctx, STORE_IO, NULL);
        return;
    }
    call->done.object = done;
    call->idle_s = S3STORE_SLOW_IDLE_FACTOR * s->idle_s;
    call->root = "CompleteMultipartUploadResult";
    s3store_call_query(call, "uploadId", upload_id);
    expect_object(call, parts, count);
    text_add_string(&call->xml, "<CompleteMultipartUpload "
                                "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (int i = 0; i < count; i++) {
        text_format(&call->xml, "<Part><PartNumber>%d</PartNumber>", parts[i].number);
        text_add_element(&call->xml, "ETag", parts[i].etag);
        text_add_string(&call->xml, "</Part>");
    }
    text_add_string(&call->xml, "</CompleteMultipartUpload>");
    s3store_call_send(call, on_completed);
}

/* --- check --- */

static void on_checked(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    S3Store *s = call->s;
    (void)answer;
    status = status == STORE_NO_SUCH_KEY ? STORE_NO_SUCH_BUCKET : status;
    if (status != STORE_CANCELLED) { /* that says nothing of the service */
        s->checked = status;
        s->checked_ms = uv_now(s->loop);
    }
    end_with_status(call, status);
}

static void on_known(uv_timer_t *timer)
{
    S3StoreCall *call = timer->data;
    end_with_status(call, call->s->checked);
}

/* One quick question to the bucket. Anybody may ask for the health of a server, and services charge
 * for requests: within a second the answer is the one before. */
static void s3store_ask_health(Store *store, StoreCall *handle, void *ctx,
                               void (*done)(void *, StoreStatus))
{
    S3Store *s = store_of(store);
    S3StoreCall *call = s3store_call_create(s, "HEAD", "", handle, ctx);
    if (!call) {
        done(ctx, STORE_IO);
        return;
    }
    call->done.status = done;
    call->attempts = 1;
    uv_update_time(s->loop);
    if (s->checked_ms > 0 && uv_now(s->loop) < s->checked_ms + CHECK_KEPT_MS) {
        call->finish = on_status; /* where it is taken back before that */
        uv_timer_start(&call->timer, on_known, 0, 0);
        return;
    }
    call->idle_s = call->idle_s > CHECK_IDLE_S ? CHECK_IDLE_S : call->idle_s;
    s3store_call_send(call, on_checked);
}

/* --- presigned URLs --- */

/* No checksum is signed along: it would be that of an empty body. */
static int s3store_presign(Store *store, const char *method, const char *key,
                           const char *extra_query, int expires_seconds, int64_t now_unix_us,
                           char *url, size_t url_bytes)
{
    S3Store *s = store_of(store);
    const S3StoreCredentials *c = &s->credentials;
    const SigV4Account account = {c->access_key, c->secret_key, s->region};
    char path[STORE_KEY_BYTES + STORE_BUCKET_BYTES + 2];
    Text query = {0};
    if (strlen(key) >= STORE_KEY_BYTES) {
        return -1;
    }
    s3store_call_path(s, key, path);
    text_add_string(&query, extra_query);
    if (*c->session_token) {
        text_format(&query, "%sX-Amz-Security-Token=", query.bytes ? "&" : "");
        text_add_uri(&query, c->session_token, strlen(c->session_token), 0);
    }
    int length = query.failed ? -1
                              : sigv4_presign(&account, method, s->public_base, path,
                                              query.data ? query.data : "", expires_seconds,
                                              now_unix_us + s->skew_us, url, url_bytes);
    text_reset(&query);
    return length;
}

/* --- open, destroy --- */

static void s3store_destroy(Store *store)
{
    S3Store *s = store_of(store);
    if (s) {
        for (int i = 0; i < STORE_CLASSES; i++) {
            s3store_transport_destroy(&s->transports[i]);
        }
        free(s);
    }
}

/* "https://host[:port]" of origin, with the bucket before the host unless it stands in the path; a
 * port that is the scheme's own is left out, as browsers leave it out of the Host header. */
static void make_base(const S3Store *s, const char *origin, char *out, size_t out_bytes)
{
    const char *host = strstr(origin, "://") + 3;
    size_t length = strlen(host);
    const char *port = strncmp(origin, "https:", 6) == 0 ? ":443" : ":80";
    size_t port_length = strlen(port);
    if (length > port_length && strcmp(host + length - port_length, port) == 0) {
        length -= port_length;
    }
    snprintf(out, out_bytes, "%.*s%s%s%.*s", (int)(host - origin), origin,
             s->path_style ? "" : s->bucket, s->path_style ? "" : ".", (int)length, host);
}

static void set_encryption(S3Store *s, const char *wanted)
{
    const char *key = strncmp(wanted, "aws:kms:", 8) == 0 ? wanted + 8 : "";
    snprintf(s->kms_key, sizeof s->kms_key, "%s", key);
    snprintf(s->encryption, sizeof s->encryption, "%.15s", *key ? "aws:kms" : wanted);
}

int s3store_open(uv_loop_t *loop, const S3StoreSettings *settings,
                 const S3StoreCredentials *credentials, const Log *log, Store **out,
                 char error[S3STORE_ERROR_BYTES])
{
    static const Store calls = {
        .create_upload = s3store_create_upload,
        .list_parts = s3store_list_parts,
        .complete = s3store_complete,
        .abort = s3store_abort,
        .head = s3store_head,
        .remove = s3store_remove,
        .list_uploads = s3store_list_uploads,
        .list_objects = s3store_list_objects,
        .get_range = s3store_get_range,
        .put_part = s3store_put_part,
        .copy_part = s3store_copy_part,
        .check = s3store_ask_health,
        .cancel = s3store_call_cancel,
        .presign = s3store_presign,
        .destroy = s3store_destroy,
    };
    S3Store *s = calloc(1, sizeof *s);
    *out = NULL;
    if (s) {
        s->transports[STORE_INTERACTIVE] =
            s3store_transport_create(loop, settings->ca, S3STORE_CONNECTIONS);
        s->transports[STORE_BULK] =
            s3store_transport_create(loop, settings->ca, S3STORE_BULK_CONNECTIONS);
    }
    if (!s || !s->transports[STORE_INTERACTIVE] || !s->transports[STORE_BULK]) {
        for (int i = 0; s && i < STORE_CLASSES; i++) {
            s3store_transport_destroy(&s->transports[i]);
        }
        free(s);
        snprintf(error, S3STORE_ERROR_BYTES, "There is not enough memory.");
        return -1;
    }
    s->store = calls;
    s->loop = loop;
    s->log = log;
    s->path_style = settings->path_style;
    s->idle_s = settings->timeout_s;
    s->attempts = S3STORE_ATTEMPTS;
    s->credentials = *credentials;
    snprintf(s->bucket, sizeof s->bucket, "%s", settings->bucket);
    snprintf(s->region, sizeof s->region, "%s", settings->region);
    set_encryption(s, settings->encryption);
    make_base(s, settings->endpoint, s->base, sizeof s->base);
    make_base(s, *settings->public_url ? settings->public_url : settings->endpoint, s->public_base,
              sizeof s->public_base);
    *out = &s->store;
    return 0;
}

const char *s3store_origin(const Store *store)
{
    return ((const S3Store *)store)->public_base;
}

void s3store_stats(const Store *store, S3StoreStats *out)
{
    *out = ((const S3Store *)store)->stats;
}

void s3store_write_metrics(void *ctx, Text *out)
{
    S3StoreStats stats;
    s3store_stats(ctx, &stats);
    metrics_value(out, "keeptake_store_requests_total", "counter",
                  "Requests that the server sent to the S3 service.", (double)stats.requests);
    metrics_value(out, "keeptake_store_retries_total", "counter", "Of them, repeated ones.",
                  (double)stats.retries);
    metrics_value(out, "keeptake_store_failures_total", "counter",
                  "Calls of the S3 service that were given up.", (double)stats.failures);
}

void s3store_set_credentials(Store *store, const S3StoreCredentials *credentials, const char *ca)
{
    S3Store *s = (S3Store *)store;
    s->credentials = *credentials;
    for (int i = 0; i < STORE_CLASSES; i++) {
        s3store_transport_set_ca(s->transports[i], ca);
    }
}
