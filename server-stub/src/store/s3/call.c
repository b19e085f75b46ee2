/* One call on its way: signed, sent, judged, repeated. The states are in
 * store/s3/s3store_internal.h. */
#include "store/s3/s3store_internal.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/digest.h"

/* --- what an answer means --- */

typedef struct Meaning {
    const char *code;
    StoreStatus status;
    int passes; /* the same request may succeed later */
} Meaning;

static const Meaning meanings[] = {
    {"NoSuchUpload", STORE_NO_SUCH_UPLOAD, 0},
    {"NoSuchKey", STORE_NO_SUCH_KEY, 0},
    {"NoSuchBucket", STORE_NO_SUCH_BUCKET, 0},
    {"InvalidPart", STORE_INVALID_PART, 0},
    {"InvalidPartOrder", STORE_INVALID_PART_ORDER, 0},
    {"EntityTooSmall", STORE_TOO_SMALL, 0},
    {"BucketAlreadyExists", STORE_BUCKET_EXISTS, 0},
    {"BucketAlreadyOwnedByYou", STORE_BUCKET_EXISTS, 0},
    {"BucketNotEmpty", STORE_BUCKET_NOT_EMPTY, 0},
    {"QuotaExceeded", STORE_FULL, 0}, /* Ceph's */
    {"InsufficientStorage", STORE_FULL, 0},
    {"InvalidRange", STORE_REFUSED, 0},
    {"RequestTimeTooSkewed", STORE_REFUSED, 1}, /* it is signed anew, with the service's clock */
    {"SlowDown", STORE_UNREACHABLE, 1},
    {"TooManyRequests", STORE_UNREACHABLE, 1},
    {"ServiceUnavailable", STORE_UNREACHABLE, 1},
    {"InternalError", STORE_UNREACHABLE, 1},
    {"RequestTimeout", STORE_UNREACHABLE, 1},
    {"OperationAborted", STORE_UNREACHABLE, 1},
    {"ConcurrentModification", STORE_UNREACHABLE, 1},
    {"ConditionalRequestConflict", STORE_UNREACHABLE, 1},
};

static StoreStatus judge_code(const char *code, int http, int *passes)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(meanings[i].code, code) == 0) {
            *passes = meanings[i].passes;
            return meanings[i].status;
        }
    }
    *passes = http == 429 || (http >= 500 && http != 501 && http != 507);
    return http == 507 ? STORE_FULL : *passes ? STORE_UNREACHABLE : STORE_REFUSED;
}

/* An answer without a document of S3's. Only HEAD says "not found" without one: from others it may
 * be a proxy's word, and nothing is given up for that. */
static StoreStatus judge_bare(int http, int is_head, int *passes, char *code, char *message)
{
    if (http == 404 && is_head) {
        snprintf(code, S3STORE_CODE_BYTES, "NotFound");
        return STORE_NO_SUCH_KEY;
    }
    snprintf(code, S3STORE_CODE_BYTES, "HTTP%d", http);
    snprintf(message, S3STORE_REASON_BYTES, "It answers %d without a document of S3.", http);
    if (http == 403 || http == 401 || http == 400 || http == 405 || http == 501) {
        *passes = 0;
        return STORE_REFUSED;
    }
    *passes = http != 507;
    return http == 507 ? STORE_FULL : STORE_UNREACHABLE;
}

StoreStatus s3store_call_judge(const S3StoreAnswer *a, const char *root, int is_head, int *passes,
                               char code[S3STORE_CODE_BYTES], char message[S3STORE_REASON_BYTES])
{
    char found[S3STORE_CODE_BYTES], words[S3STORE_MESSAGE_BYTES];
    const char *body = a->body_bytes ? (const char *)a->body : "";
    int good = a->status >= 200 && a->status < 300;
    *passes = 0;
    code[0] = message[0] = 0;
    if (a->status == 0) {
        *passes = 1;
        snprintf(code, S3STORE_CODE_BYTES, "NoAnswer");
        snprintf(message, S3STORE_REASON_BYTES, "%s", a->reason);
        return STORE_UNREACHABLE;
    }
    if (a->status >= 300 && a->status < 400) {
        snprintf(code, S3STORE_CODE_BYTES, "Redirect");
        snprintf(message, S3STORE_REASON_BYTES,
                 "It points to another address (%d): the endpoint or the region is not right.",
                 a->status);
        return STORE_REFUSED;
    }
    if (good && (!root || (s3store_answer_root(body, a->body_bytes, found) == 0 &&
                           strcmp(found, root) == 0))) {
        return STORE_OK;
    }
    if (s3store_answer_error(body, a->body_bytes, code, words) == 0) {
        snprintf(message, S3STORE_REASON_BYTES, "%s", words);
        return judge_code(code, a->status, passes);
    }
    if (good) {
        *passes = 1;
        snprintf(code, S3STORE_CODE_BYTES, "NotS3");
        snprintf(message, S3STORE_REASON_BYTES, "What answers there is no S3 service.");
        return STORE_UNREACHABLE;
    }
    return judge_bare(a->status, is_head, passes, code, message);
}

/* --- a call --- */

static void on_deadline(uv_timer_t *timer);

S3StoreCall *s3store_call_create(S3Store *s, const char *method, const char *key, StoreCall *handle,
                                 void *ctx)
{
    S3StoreCall *call = calloc(1, sizeof *call);
    if (!call) {
        return NULL;
    }
    call->s = s;
    call->method = method;
    call->ctx = ctx;
    call->max_answer_bytes = S3STORE_ERROR_BODY_BYTES;
    call->idle_s = s->idle_s;
    call->attempts = s->attempts;
    call->bytes = -1;
    if ((size_t)snprintf(call->key, sizeof call->key, "%s", key) >= sizeof call->key) {
        call->unfit = STORE_REFUSED;
    }
    uv_timer_init(s->loop, &call->timer);
    uv_timer_init(s->loop, &call->deadline);
    call->timer.data = call->deadline.data = call;
    call->handles = 2;
    if (handle) {
        call->handle = handle;
        call->class = handle->class;
        handle->running = call;
        if (handle->deadline_ms > 0) {
            uv_update_time(s->loop);
            uv_timer_start(&call->deadline, on_deadline, (uint64_t)handle->deadline_ms, 0);
        }
    }
    call->next = s->calls;
    if (s->calls) {
        s->calls->previous = call;
    }
    s->calls = call;
    return call;
}

void s3store_call_query(S3StoreCall *call, const char *name, const char *value)
{
    text_format(&call->query, "%s%s=", call->query.bytes ? "&" : "", name);
    text_add_uri(&call->query, value, strlen(value), 0);
}

void s3store_call_header(S3StoreCall *call, const char *name, const char *value)
{
    S3StoreHeader *header = NULL;
    for (int i = 0; i < call->header_count; i++) {
        if (strcmp(call->headers[i].name, name) == 0) {
            header = &call->headers[i];
        }
    }
    if (!header) {
        assert(call->header_count < S3STORE_MAX_HEADERS);
        header = &call->headers[call->header_count++];
    }
    snprintf(header->name, sizeof header->name, "%s", name);
    snprintf(header->value, sizeof header->value, "%s", value);
}

void s3store_call_reset(S3StoreCall *call, const char *method)
{
    call->method = method;
    call->header_count = 0;
    call->root = NULL;
    call->wants_etag = 0;
    call->body = (StoreBody){0};
    text_reset(&call->query);
    text_reset(&call->xml);
}

static void on_call_closed(uv_handle_t *handle)
{
    S3StoreCall *call = handle->data;
    if (--call->handles > 0) {
        return;
    }
    text_reset(&call->query);
    text_reset(&call->xml);
    free(call->parts.parts);
    free(call->uploads.uploads);
    free(call);
}

void s3store_call_end(S3StoreCall *call)
{
    if (call->next) {
        call->next->previous = call->previous;
    }
    *(call->previous ? &call->previous->next : &call->s->calls) = call->next;
    uv_close((uv_handle_t *)&call->timer, on_call_closed);
    uv_close((uv_handle_t *)&call->deadline, on_call_closed);
}

void s3store_call_let_go(S3StoreCall *call)
{
    if (call->handle) {
        call->handle->running = NULL;
        call->handle = NULL;
    }
}

/* --- ends before its time --- */

static void on_stopped(uv_timer_t *timer)
{
    static const S3StoreAnswer none = {.content_length = -1};
    S3StoreCall *call = timer->data;
    call->finish(call, call->stopped, &none);
}

/* What is under way is cut off here and now: nothing uses the caller's memory any more. */
static void stop_call(S3StoreCall *call, StoreStatus why)
{
    if (call->stopped == STORE_OK) {
        call->stopped = why;
        s3store_transport_cancel(call->s->transports[call->class], call);
        uv_timer_start(&call->timer, on_stopped, 0, 0);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    stop_call(timer->data, STORE_LATE);
}

void s3store_call_cancel(Store *store, StoreCall *handle)
{
    (void)store;
    if (handle->running) {
        stop_call(handle->running, STORE_CANCELLED);
    }
}

void s3store_call_log(const S3Store *s, LogLevel level, const char *event, const S3StoreCall *call)
{
    if (s->log) {
        log_write(s->log, level, event, "sssds", "method", call->method, "key", call->key, "code",
                  call->code, "attempt", call->attempt, "message", call->message);
    }
}

/* --- signing --- */

void s3store_call_path(const S3Store *s, const char *key,
                       char out[STORE_KEY_BYTES + STORE_BUCKET_BYTES + 2])
{
    const char *bucket = s->path_style ? s->bucket : "";
    snprintf(out, STORE_KEY_BYTES + STORE_BUCKET_BYTES + 2, "%s%s%s%s", *bucket ? "/" : "", bucket,
             *bucket && !*key ? "" : "/", key);
}

static int compare_headers(const void *a, const void *b)
{
    return strcmp(((const SigV4Header *)a)->name, ((const SigV4Header *)b)->name);
}

/* Headers that every request has, for this body and this moment. */
static int set_common_headers(S3StoreCall *call, char date[SIGV4_DATE_BYTES], char payload[65])
{
    S3Store *s = call->s;
    uint8_t sha256[32];
    time_t now_s = (time_t)((clock_now_us() + s->skew_us) / 1000000);
    struct tm tm;
    if (!gmtime_r(&now_s, &tm) || strftime(date, SIGV4_DATE_BYTES, "%Y%m%dT%H%M%SZ", &tm) != 16) {
        return -1;
    }
    if (call->body.bytes >
        0) { /* TLS guards it, and the ETag that comes back is compared by the caller */
        snprintf(payload, 65, "UNSIGNED-PAYLOAD");
    } else {
        digest_sha256(call->xml.data ? call->xml.data : "", call->xml.bytes, sha256);
        digest_to_hex(sha256, 32, payload);
    }
    s3store_call_header(call, "host", strstr(s->base, "://") + 3);
    s3store_call_header(call, "x-amz-content-sha256", payload);
    s3store_call_header(call, "x-amz-date", date);
    return 0;
}

/* Content-MD5, which AWS wants with the documents of a bucket. */
static void set_document_headers(S3StoreCall *call)
{
    uint8_t md5[DIGEST_MAX_BYTES];
    char text[32];
    Digest *d = call->xml.bytes ? digest_create(DIGEST_MD5) : NULL;
    if (d) {
        digest_update(d, call->xml.data, call->xml.bytes);
        size_t bytes = digest_finish(d, md5);
        digest_to_base64(md5, bytes, text);
        s3store_call_header(call, "content-md5", text);
        s3store_call_header(call, "content-type", "application/xml");
    }
    digest_destroy(&d);
}

/* Fills "Name: value" lines, the Authorization header among them. 0, or -1: out of memory. */
static int sign(S3StoreCall *call, const char *path, Text lines[S3STORE_MAX_HEADERS + 8],
                int *count)
{
    const S3StoreCredentials *c = &call->s->credentials;
    const SigV4Account account = {c->access_key, c->secret_key, call->s->region};
    SigV4Header headers[S3STORE_MAX_HEADERS + 1];
    char date[SIGV4_DATE_BYTES], payload[65], signature[65];
    Text names = {0};
    int n = 0, result = -1;
    *count = 0;
    set_document_headers(call);
    if (set_common_headers(call, date, payload) != 0) {
        return -1;
    }
    for (; n < call->header_count; n++) {
        headers[n] = (SigV4Header){call->headers[n].name, call->headers[n].value};
    }
    if (*c->session_token) {
        headers[n++] = (SigV4Header){"x-amz-security-token", c->session_token};
    }
    qsort(headers, (size_t)n, sizeof *headers, compare_headers);
    for (int i = 0; i < n; i++) {
        text_format(&names, "%s%s", i ? ";" : "", headers[i].name);
        text_format(&lines[(*count)++], "%s: %s", headers[i].name, headers[i].value);
    }
    const SigV4Request request = {call->method, path, call->query.data ? call->query.data : "",
                                  headers, n};
    if (!names.failed &&
        sigv4_sign(&request, &account, names.data, date, payload, signature) == SIGV4_OK) {
        text_format(&lines[(*count)++],
                    "authorization: AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/s3/aws4_request,"
                    "SignedHeaders=%s,Signature=%s",
                    c->access_key, date, call->s->region, names.data, signature);
        result = 0;
    }
    text_reset(&names);
    for (int i = 0; i < *count; i++) {
        result = lines[i].failed ? -1 : result;
    }
    return result;
}

/* --- sending and repeating --- */

static void begin_attempt(uv_timer_t *timer);

/* The service's clock, from any answer that tells it. */
static void learn_clock(S3Store *s, const S3StoreAnswer *a)
{
    int64_t skew_us = a->date_unix_us ? a->date_unix_us - clock_now_us() : s->skew_us;
    int differs = skew_us > S3STORE_SKEW_US || skew_us < -S3STORE_SKEW_US;
    if (!a->date_unix_us) {
        return;
    }
    if (s->log && differs && !s->skew_us) {
        log_write(s->log, LOG_WARN, "store-clock-differs", "i", "seconds", skew_us / 1000000);
    }
    s->skew_us = differs ? skew_us : 0;
}

/* Tripled each time, a fifth of it by chance, so that many servers do not come back together. */
static uint64_t pause_ms(const S3StoreCall *call, const S3StoreAnswer *a)
{
    uint8_t chance = 0;
    int64_t pause = S3STORE_FIRST_PAUSE_MS;
    for (int i = 1; i < call->attempt && pause < S3STORE_MAX_PAUSE_MS; i++) {
        pause *= 3;
    }
    if (a->retry_after_s > 0 && a->retry_after_s * 1000LL > pause) {
        pause = a->retry_after_s * 1000LL;
    }
    pause = pause > S3STORE_MAX_PAUSE_MS ? S3STORE_MAX_PAUSE_MS : pause;
    if (RAND_bytes(&chance, 1) != 1) {
        chance = 128;
    }
    return (uint64_t)(pause * (230 + chance / 5) / 256);
}

static void note_reachable(S3StoreCall *call, StoreStatus status)
{
    S3Store *s = call->s;
    if (status == STORE_UNREACHABLE) {
        s->stats.failures++;
        s3store_call_log(s, s->unreachable ? LOG_DEBUG : LOG_ERROR, "store-unreachable", call);
        s->unreachable = 1;
    } else if (s->unreachable) {
        s->unreachable = 0;
        s3store_call_log(s, LOG_INFO, "store-reachable", call);
    }
    if (status == STORE_REFUSED || status == STORE_NO_SUCH_BUCKET || status == STORE_FULL) {
        s3store_call_log(s, LOG_ERROR, "store-refused", call);
    }
}

/* A captive portal or a proxy may answer 200 to anything: what S3 always says must be there. */
static int looks_like_s3(const S3StoreCall *call, const S3StoreAnswer *a)
{
    char etag[STORE_ETAG_BYTES];
    if (strcmp(call->method, "DELETE") == 0 && a->body_bytes > 0) {
        return 0;
    }
    return !call->wants_etag || s3store_answer_etag(a->etag, etag) == 0;
}

static void on_answer(void *ctx, const S3StoreAnswer *answer)
{
    S3StoreCall *call = ctx;
    S3Store *s = call->s;
    int passes;
    StoreStatus status = s3store_call_judge(answer, call->root, strcmp(call->method, "HEAD") == 0,
                                            &passes, call->code, call->message);
    if (answer->unreadable) { /* our own file, no fault of the service */
        passes = 0;
        status = STORE_IO;
    }
    if (status == STORE_OK && !looks_like_s3(call, answer)) {
        passes = 1;
        status = STORE_UNREACHABLE;
        snprintf(call->code, sizeof call->code, "NotS3");
        snprintf(call->message, sizeof call->message, "What answers there is no S3 service.");
    }
    learn_clock(s, answer);
    uint64_t pause = pause_ms(call, answer);
    uv_update_time(s->loop);
    uint64_t patience =
        1000u * (S3STORE_PATIENCE_FACTOR * (uint64_t)call->idle_s + S3STORE_NOTICE_S);
    int in_time = uv_now(s->loop) + pause < call->begun_ms + patience;
    if (passes && call->attempt < call->attempts && in_time && !s->stopping) {
        s->stats.retries++;
        s3store_call_log(s, LOG_DEBUG, "store-retry", call);
        uv_timer_start(&call->timer, begin_attempt, pause, 0);
        return;
    }
    note_reachable(call, status);
    call->finish(call, status, answer);
}

static void begin_attempt(uv_timer_t *timer)
{
    static const S3StoreAnswer none = {.content_length = -1};
    S3StoreCall *call = timer->data;
    S3Store *s = call->s;
    char path[STORE_KEY_BYTES + STORE_BUCKET_BYTES + 2];
    Text url = {0}, encoded = {0}, lines[S3STORE_MAX_HEADERS + 8] = {{0}};
    const char *pointers[S3STORE_MAX_HEADERS + 8];
    int count = 0, sent = -1;
    StoreBody body = call->body;
    if (call->stopped != STORE_OK) { /* the next step of a call that was stopped */
        call->finish(call, call->stopped, &none);
        return;
    }
    if (s->stopping && call->attempt > 0) {
        call->finish(call, STORE_UNREACHABLE, &none);
        return;
    }
    call->attempt++;
    s3store_call_path(s, call->key, path);
    text_add_uri(&encoded, path, strlen(path), 1);
    if (call->unfit == STORE_OK && !encoded.failed && !call->query.failed && !call->xml.failed &&
        sign(call, encoded.data, lines, &count) == 0) {
        text_format(&url, "%s%s%s%s", s->base, encoded.data, call->query.bytes ? "?" : "",
                    call->query.bytes ? call->query.data : "");
        for (int i = 0; i < count; i++) {
            pointers[i] = lines[i].data;
        }
        if (call->body.bytes == 0) {
            body = (StoreBody){.data = (const uint8_t *)call->xml.data,
                               .bytes = (int64_t)call->xml.bytes};
        }
        const S3StoreRequest request = {
            .method = call->method,
            .url = url.data,
            .headers = pointers,
            .header_count = count,
            .body = body,
            .max_answer_bytes = call->max_answer_bytes,
            .connect_ms = S3STORE_CONNECT_MS,
            .idle_s = call->idle_s,
            .total_s = 20 * call->idle_s,
        };
        s->stats.requests++;
        sent = url.failed
                   ? -1
                   : s3store_transport_send(s->transports[call->class], &request, call, on_answer);
    }
    for (int i = 0; i < count; i++) {
        text_reset(&lines[i]);
    }
    text_reset(&url);
    text_reset(&encoded);
    if (sent != 0) {
        call->finish(call, call->unfit != STORE_OK ? call->unfit : STORE_IO, &none);
    }
}

void s3store_stop(Store *store)
{
    S3Store *s = (S3Store *)store;
    s->stopping = 1;
    for (S3StoreCall *call = s->calls; call; call = call->next) {
        if (call->attempt > 0 && uv_is_active((uv_handle_t *)&call->timer)) {
            uv_timer_start(&call->timer, begin_attempt, 0, 0);
        }
    }
}

void s3store_call_send(S3StoreCall *call, S3StoreFinish finish)
{
    call->finish = finish;
    call->attempt = 0;
    call->code[0] = call->message[0] = 0;
    uv_update_time(call->s->loop);
    call->begun_ms = uv_now(call->s->loop);
    uv_timer_start(&call->timer, begin_attempt, 0, 0);
}
