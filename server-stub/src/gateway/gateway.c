/* The S3 listener: requests become operations, operations run in the thread pool, answers go out.
 */
#include "gateway/gateway_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/digest.h"
#include "base/metrics.h"

static void listener_gone(Gateway *s3);

/* --- operations --- */

typedef struct HeaderCopy {
    GwOp *op;
    char *at;
    size_t bytes;
} HeaderCopy;

static void measure_header(void *ctx, const char *name, const char *value)
{
    HeaderCopy *copy = ctx;
    copy->bytes += strlen(name) + strlen(value) + 2;
}

static const char *copy_text(HeaderCopy *copy, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *at = copy->at;
    memcpy(at, text, bytes);
    copy->at += bytes;
    return at;
}

static void copy_header(void *ctx, const char *name, const char *value)
{
    HeaderCopy *copy = ctx;
    GwOp *op = copy->op;
    if (op->header_count == GW_MAX_HEADERS)
        return;
    op->headers[op->header_count].name = copy_text(copy, name);
    op->headers[op->header_count++].value = copy_text(copy, value);
}

static GwOp *op_create(Gateway *s3, HttpRequest *r)
{
    uint8_t id[8] = {0};
    GwOp *op = calloc(1, sizeof *op);
    HeaderCopy copy = {.op = op};
    if (!op)
        return NULL;
    http_each_header(r, measure_header, &copy);
    copy.bytes += strlen(r->method) + strlen(r->path) + strlen(r->query) + 3;
    op->copy = copy.at = malloc(copy.bytes);
    if (!op->copy) {
        free(op);
        return NULL;
    }
    op->s3 = s3;
    op->request = r;
    op->method = copy_text(&copy, r->method);
    op->path = copy_text(&copy, r->path);
    op->query = copy_text(&copy, r->query);
    op->content_length = r->content_length;
    http_each_header(r, copy_header, &copy);
    op->now_us = s3->now_unix_us(s3->now_ctx);
    op->began_ns = uv_hrtime();
    if (getrandom(id, sizeof id, 0) < 0)
        memcpy(id, &op->now_us, sizeof id);
    digest_to_hex(id, sizeof id, op->request_id);
    return op;
}

typedef struct Cleanup {
    WorkersTask task;
    Gateway *s3;
    DiskReader *reader;
    DiskWriter *writer;
} Cleanup;

static void on_cleanup_work(void *ctx)
{
    Cleanup *cleanup = ctx;
    disk_reader_close(&cleanup->reader);
    disk_writer_close(&cleanup->writer);
}

static void on_cleanup_done(void *ctx)
{
    Cleanup *cleanup = ctx;
    cleanup->s3->jobs--;
    listener_gone(cleanup->s3);
    free(cleanup);
}

/* Closing unlinks files: not on the loop. */
static void clean_up(Gateway *s3, DiskReader *reader, DiskWriter *writer)
{
    if (!reader && !writer)
        return;
    Cleanup *cleanup = calloc(1, sizeof *cleanup);
    if (!cleanup) {
        disk_reader_close(&reader);
        disk_writer_close(&writer);
        return;
    }
    cleanup->s3 = s3;
    cleanup->reader = reader;
    cleanup->writer = writer;
    s3->jobs++;
    workers_start(store_disk_pool(s3->disk, DISK_CALLS), &cleanup->task, on_cleanup_work,
                  on_cleanup_done, cleanup);
}

void gw__release_reader(Gateway *s3, DiskReader *reader)
{
    clean_up(s3, reader, NULL);
}

static void op_free(GwOp *op)
{
    gw__log_request(op);
    clean_up(op->s3, op->answer.reader, gw__free_body(op));
    text_reset(&op->document);
    text_reset(&op->answer.headers);
    text_reset(&op->answer.body);
    free(op->cors);
    free(op->copy);
    free(op);
}

/* --- answers --- */

static void set_common_headers(GwOp *op)
{
    HttpRequest *r = op->request;
    http_set_header(r, "x-amz-request-id", op->request_id);
    http_set_header(r, "x-amz-id-2", "keeptake");
    http_set_header(r, "Server", "keeptake");
    http_set_header(r, "Cross-Origin-Resource-Policy", "cross-origin");
    http_set_header(r, "Vary", "Origin");
    gw__set_cors_headers(op);
}

static void set_answer_headers(GwOp *op)
{
    char *line = op->answer.headers.data;
    while (line && *line) {
        char *end = strchr(line, '\n');
        char *colon = strchr(line, ':');
        if (!end || !colon || colon > end)
            break;
        *end = *colon = 0;
        http_set_header(op->request, line, colon + 1 + strspn(colon + 1, " "));
        line = end + 1;
    }
}

typedef struct ObjectStream {
    Gateway *s3;
    DiskReader *reader;
    int64_t from;
    int error; /* errno of a read that failed */
    char request_id[17];
} ObjectStream;

static int64_t stream_read(void *ctx, int64_t offset, uint8_t *out, size_t bytes)
{
    ObjectStream *stream = ctx;
    int64_t got = disk_reader_read(stream->reader, stream->from + offset, out, bytes);
    if (got < 0)
        stream->error = (int)-got;
    return got;
}

static void stream_close(void *ctx)
{
    ObjectStream *stream = ctx;
    if (stream->error)
        gw__log_read_failure(stream->s3, stream->request_id, stream->error);
    gw__release_reader(stream->s3, stream->reader);
    free(stream);
}

static void answer_object(GwOp *op)
{
    GwAnswer *a = &op->answer;
    ObjectStream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        http_respond(op->request, 500, NULL, NULL, 0);
        return;
    }
    stream->s3 = op->s3;
    stream->reader = a->reader;
    stream->from = a->from;
    memcpy(stream->request_id, op->request_id, sizeof stream->request_id);
    a->reader = NULL;
    HttpReader reader = {stream_read, stream_close, stream};
    if (strcmp(op->method, "HEAD") != 0) {
        op->s3->stats.bytes_out += (uint64_t)a->bytes;
        op->bytes_out = a->bytes;
    }
    http_respond_reader(op->request, a->status, a->reader_type[0] ? a->reader_type : NULL, a->bytes,
                        &reader);
}

static void answer(GwOp *op)
{
    GwAnswer *a = &op->answer;
    op->answered = 1;
    op->s3->stats.requests++;
    op->s3->stats.errors += a->status >= 400;
    if (!op->request)
        return;
    set_common_headers(op);
    set_answer_headers(op);
    if (a->reader && a->status < 300)
        answer_object(op);
    else {
        op->bytes_out = (int64_t)a->body.bytes;
        http_respond(op->request, a->status, a->body.bytes ? a->content_type : NULL, a->body.data,
                     a->body.bytes);
    }
}

static void on_work(void *ctx)
{
    GwOp *op = ctx;
    disk_forget_error();
    gw__read_cors(op);
    op->run(op);
    if (!op->disk_error)
        op->disk_error = disk_last_error();
}

static void on_work_done(void *ctx)
{
    GwOp *op = ctx;
    Gateway *s3 = op->s3;
    op->running = 0;
    s3->jobs--;
    int goes_on = op->body && gw__body_ran(op);
    if (!goes_on && !op->answered)
        answer(op);
    if (!op->request && !op->running)
        op_free(op);
    listener_gone(s3);
}

void gw__start(GwOp *op)
{
    op->running = 1;
    op->s3->jobs++;
    workers_start(store_disk_pool(op->s3->disk, op->body ? DISK_WRITES : op->pool), &op->task,
                  on_work, on_work_done, op);
}

/* --- handlers of net/http.c --- */

/* A preflight is not signed and has no body. */
static int is_preflight(const GwOp *op)
{
    return strcmp(op->method, "OPTIONS") == 0;
}

static int begin_preflight(GwOp *op)
{
    op->run = gw__preflight;
    op->operation = "Preflight";
    if (op->content_length == 0)
        return gw__split_path(op) >= 0;
    gw__error(op, "AccessForbidden", NULL);
    return 0;
}

static int authenticate(GwOp *op)
{
    static const struct {
        SigV4Result result;
        const char *word; /* in the log: S3's codes do not tell them apart */
        const char *code, *message;
    } errors[] = {
        {SIGV4_ANONYMOUS, "anonymous", "AccessDenied", NULL},
        {SIGV4_MALFORMED, "malformed-signature", "AuthorizationHeaderMalformed", NULL},
        {SIGV4_UNKNOWN_KEY, "unknown-key", "InvalidAccessKeyId", NULL},
        {SIGV4_MISMATCH, "signature-mismatch", "SignatureDoesNotMatch", NULL},
        {SIGV4_EXPIRED, "expired", "AccessDenied", "Request has expired"},
        {SIGV4_SKEWED, "clock-skew", "RequestTimeTooSkewed", NULL},
        {SIGV4_UNSIGNED_HEADER, "unsigned-header", "AccessDenied",
         "There were headers present in the request which were not signed"},
        {SIGV4_WRONG_SCOPE, "wrong-scope", "AuthorizationHeaderMalformed",
         "The credential's date, region or service is wrong; see the Region of this answer."},
        {SIGV4_NO_PAYLOAD_HASH, "no-payload-hash", "InvalidRequest",
         "Missing required header for this request: x-amz-content-sha256"},
        {SIGV4_TOO_LONG_LIVED, "too-long-lived", "AuthorizationQueryParametersError",
         "X-Amz-Expires must be a number between 1 and 604800 seconds"},
    };
    const Gateway *s3 = op->s3;
    SigV4Request request = {op->method, op->path, op->query, op->headers, op->header_count};
    SigV4Account account = {s3->access_key, s3->secret_key, s3->region};
    SigV4Result result = sigv4_verify(&request, &account, op->now_us, &op->auth);
    if (result == SIGV4_OK)
        return 1;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].result != result)
            continue;
        const char *code = errors[i].code;
        if (result == SIGV4_MALFORMED && !gw__header(op, "Authorization"))
            code = "AuthorizationQueryParametersError";
        gw__error(op, code, errors[i].message);
        op->error_code = errors[i].word;
        gw__add_header(op, "x-amz-bucket-region", s3->region);
        return 0;
    }
    gw__error(op, "InternalError", NULL);
    return 0;
}

static int gateway_begin(HttpRequest *r)
{
    GwOp *op = op_create(r->user, r);
    if (!op) {
        http_respond(r, 500, NULL, NULL, 0);
        return 1;
    }
    r->state = op;
    if (is_preflight(op) ? !begin_preflight(op) : !authenticate(op) || !gw__route(op)) {
        answer(op);
        return 1;
    }
    return 0;
}

static int64_t gateway_body(HttpRequest *r, const uint8_t *data, size_t bytes)
{
    GwOp *op = r->state;
    if (op->body) {
        int64_t taken = gw__take_body(op, data, bytes);
        op->s3->stats.bytes_in += taken > 0 ? (uint64_t)taken : 0;
        op->bytes_in += taken > 0 ? taken : 0;
        return taken;
    }
    op->bytes_in += (int64_t)bytes;
    if (op->document.bytes + bytes > GW_DOCUMENT_BYTES) {
        gw__error(op, "EntityTooLarge", NULL);
        answer(op);
        return -1;
    }
    text_add(&op->document, (const char *)data, bytes);
    return (int64_t)bytes;
}

/* 1 when the document's digest is the one in base64, otherwise the error is answered. */
static int document_matches(GwOp *op, int kind, const char *base64, const char *malformed)
{
    uint8_t sum[DIGEST_MAX_BYTES];
    uint8_t given[DIGEST_MAX_BYTES];
    size_t bytes = digest_bytes((DigestKind)kind);
    Digest *digest = digest_create((DigestKind)kind);
    if (!digest || !digest_from_base64(base64, given, bytes)) {
        gw__error(op, digest ? malformed : "InternalError", NULL);
        digest_destroy(&digest);
        return 0;
    }
    digest_update(digest, op->document.bytes ? op->document.data : "", op->document.bytes);
    digest_finish(digest, sum);
    digest_destroy(&digest);
    if (memcmp(sum, given, bytes) != 0)
        gw__error(op, "BadDigest", NULL);
    return memcmp(sum, given, bytes) == 0;
}

/* Documents have one hash for all of them; streams are checked in gateway_body.c. */
static int document_checked(GwOp *op)
{
    uint8_t sha256[32];
    char hex[65];
    GwChecksum given;
    const char *payload = op->auth.payload;
    const char *content_md5 = gw__header(op, "Content-MD5");
    if (op->document.failed) {
        gw__error(op, "InternalError", NULL);
        return 0;
    }
    digest_sha256(op->document.bytes ? op->document.data : "", op->document.bytes, sha256);
    digest_to_hex(sha256, 32, hex);
    if (strcmp(payload, "UNSIGNED-PAYLOAD") != 0 && strcmp(payload, hex) != 0) {
        gw__error(op, "XAmzContentSHA256Mismatch", NULL);
        return 0;
    }
    if (content_md5 && !document_matches(op, DIGEST_MD5, content_md5, "InvalidDigest"))
        return 0;
    /* Of CompleteMultipartUpload it is the object's. */
    if (op->run == gw__complete_upload || op->document.bytes == 0)
        return 1;
    return gw__take_checksum(op, &given) &&
           (!given.value || document_matches(op, given.kind, given.value, "InvalidRequest"));
}

static void gateway_end(HttpRequest *r)
{
    GwOp *op = r->state;
    if (op->body)
        gw__end_body(op);
    else if (is_preflight(op) || document_checked(op))
        gw__start(op);
    else
        answer(op);
}

static void unwait(GwOp *op)
{
    GwOp **link = &op->s3->waiting;
    while (*link && *link != op)
        link = &(*link)->next_waiting;
    if (!*link)
        return;
    *link = op->next_waiting;
    if (!*link)
        op->s3->waiting_end = link;
    op->is_waiting = 0;
}

static void gateway_close_request(HttpRequest *r, int completed)
{
    GwOp *op = r->state;
    if (!op)
        return;
    r->state = NULL;
    gw__note_request(op, completed);
    gw__leave_bodies(op);
    op->request = NULL;
    if (op->is_waiting)
        unwait(op);
    if (!op->running)
        op_free(op);
}

/* --- listener --- */

static int64_t system_now(void *ctx)
{
    struct timespec now;
    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void listener_free(Gateway *s3)
{
    gw__free_buffers(s3, 0);
    for (GwOrigins *at = s3->origins, *older; at; at = older) {
        older = at->older;
        free(at);
    }
    free(s3->access_key);
    free(s3->secret_key);
    free(s3->region);
    free(s3);
}

int gateway_set_origins(Gateway *s3, const char *const *origins, int count)
{
    GwOrigins *list = calloc(1, sizeof *list + (size_t)count * ORIGIN_BYTES);
    if (!list)
        return -1;
    for (; list->count < count; list->count++)
        snprintf(list->items[list->count], ORIGIN_BYTES, "%s", origins[list->count]);
    list->older = s3->origins;
    s3->origins = list;
    return 0;
}

int gateway_listen(uv_loop_t *loop, const char *host, int port, StoreDisk *disk,
                   const GatewayConfig *config, Gateway **out, char *error, size_t error_bytes)
{
    static const HttpHandlers handlers = {gateway_begin, gateway_body, gateway_end,
                                          gateway_close_request};
    Gateway *s3 = calloc(1, sizeof *s3);
    int result = -ENOMEM;
    *out = NULL;
    if (!s3)
        return result;
    s3->loop = loop;
    s3->disk = disk;
    s3->waiting_end = &s3->waiting;
    s3->now_unix_us = config->now_unix_us ? config->now_unix_us : system_now;
    s3->now_ctx = config->now_ctx;
    s3->log = config->log;
    s3->access_key = strdup(config->access_key);
    s3->secret_key = strdup(config->secret_key);
    s3->region = strdup(config->region);
    s3->most_buffers =
        config->buffer_bytes > 0 ? (int)(config->buffer_bytes / GW_BUFFER_BYTES) : GW_BUFFERS;
    if (!s3->access_key || !s3->secret_key || !s3->region ||
        gateway_set_origins(s3, config->allowed_origins, config->allowed_origin_count) != 0)
        goto fail;
    result = http_listen(loop, host, port, &handlers, s3, &s3->http, error, error_bytes);
    if (result != 0) {
        listener_free(s3);
        return result;
    }
    http_set_readers(s3->http, store_disk_pool(disk, DISK_READS));
    s3->port = http_port(s3->http);
    *out = s3;
    return 0;
fail:
    snprintf(error, error_bytes, "Out of memory.");
    listener_free(s3);
    return -ENOMEM;
}

int gateway_port(const Gateway *s3)
{
    return s3->port;
}

void gateway_set_limits(Gateway *s3, const HttpLimits *limits)
{
    http_set_limits(s3->http, limits);
}

void gateway_set_full(Gateway *s3, int (*is_full)(void *ctx), void *ctx)
{
    s3->is_full = is_full;
    s3->full_ctx = ctx;
}

void gateway_stats(const Gateway *s3, GatewayStats *out)
{
    *out = s3->stats;
    http_stats(s3->http, &out->http);
}

void gateway_write_metrics(void *ctx, Text *out)
{
    const Gateway *s3 = ctx;
    GatewayStats stats;
    memset(&stats, 0, sizeof stats);
    gateway_stats(s3, &stats);
    metrics_value(out, "keeptake_s3_requests_total", "counter", "Requests of the store's listener.",
                  (double)stats.requests);
    metrics_value(out, "keeptake_s3_errors_total", "counter",
                  "Of them, answered with 400 or above.", (double)stats.errors);
    metrics_value(out, "keeptake_s3_received_bytes_total", "counter",
                  "Bytes that the store received.", (double)stats.bytes_in);
    metrics_value(out, "keeptake_s3_sent_bytes_total", "counter", "Bytes that the store sent.",
                  (double)stats.bytes_out);
    tally_write(&s3->tally, out, "operation", "keeptake_s3_operations_total",
                "Requests of the store's listener by operation; status 0: the peer left before.",
                "keeptake_s3_operation_seconds", "From a request's head to the end of its answer.");
}

static void listener_gone(Gateway *s3)
{
    if (!s3->http_closed || s3->jobs > 0)
        return;
    void (*done)(void *) = s3->done;
    void *ctx = s3->done_ctx;
    listener_free(s3);
    if (done)
        done(ctx);
}

static void on_http_closed(void *ctx)
{
    Gateway *s3 = ctx;
    s3->http_closed = 1;
    listener_gone(s3);
}

void gateway_close(Gateway **listener, int grace_ms, void (*done)(void *ctx), void *ctx)
{
    Gateway *s3 = *listener;
    *listener = NULL;
    if (!s3)
        return;
    s3->done = done;
    s3->done_ctx = ctx;
    http_close(&s3->http, grace_ms, on_http_closed, s3);
}
