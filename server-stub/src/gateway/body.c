/* Bodies of PutObject and UploadPart: from the connection through a few buffers, the chunk decoder
 * and the digests to the disk. The loop copies, the thread pool does the rest, one job per body at
 * a time. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/chunked.h"
#include "base/digest.h"

struct GwBody {
    void (*check)(GwOp *op);
    void (*commit)(GwOp *op, DiskWriter *writer);
    /* The loop's. */
    GwBuffer *filling;
    GwBuffer *full, **full_end; /* waiting for the next job */
    int held;                   /* buffers of this body */
    int ended;
    /* The job's, while one runs. */
    GwBuffer *job;
    int job_ends;
    /* The thread pool's. */
    int opened, failed;
    DiskWriter *writer;
    AwsChunked *chunked;
    Digest *md5, *sha256, *checksum;
    GwChecksum given;  /* of the request */
    int checksum_kind; /* of checksum */
    int64_t expected;  /* decoded bytes, -1: not told */
    int64_t bytes;
    StoreStatus status;
    char checksum_text[64];
};

/* --- buffers --- */

/* A body's first buffer is always granted: slow senders must not keep the others out. */
static GwBuffer *get_buffer(Gateway *s3, int is_first)
{
    GwBuffer *buffer = s3->free_buffers;
    if (buffer) {
        s3->free_buffers = buffer->next;
        s3->free_count--;
    } else if (is_first || s3->buffers < s3->most_buffers) {
        buffer = malloc(sizeof *buffer);
        if (!buffer)
            return NULL;
        s3->buffers++;
    } else {
        return NULL;
    }
    buffer->next = NULL;
    buffer->bytes = 0;
    return buffer;
}

static void put_buffer(Gateway *s3, GwBuffer *buffer)
{
    if (s3->buffers > s3->most_buffers) { /* granted beyond the pool: not kept for anybody */
        s3->buffers--;
        free(buffer);
        return;
    }
    buffer->next = s3->free_buffers;
    s3->free_buffers = buffer;
    s3->free_count++;
}

void gw__free_buffers(Gateway *s3, int keep)
{
    while (s3->free_count > keep) {
        GwBuffer *buffer = s3->free_buffers;
        s3->free_buffers = buffer->next;
        s3->free_count--;
        s3->buffers--;
        free(buffer);
    }
}

static void put_list(GwOp *op, GwBuffer *list)
{
    while (list) {
        GwBuffer *next = list->next;
        put_buffer(op->s3, list);
        op->body->held--;
        list = next;
    }
}

/* Bodies that waited for a buffer go on; without any, the pool shrinks. */
static void buffers_free(Gateway *s3)
{
    int wake = s3->free_count;
    while (s3->waiting && wake-- > 0) {
        GwOp *op = s3->waiting;
        s3->waiting = op->next_waiting;
        if (!s3->waiting)
            s3->waiting_end = &s3->waiting;
        op->is_waiting = 0;
        if (op->request)
            http_resume(op->request);
    }
    if (!s3->waiting && s3->free_count == s3->buffers)
        gw__free_buffers(s3, GW_BUFFERS_KEPT);
}

/* --- what the request promises --- */

int gw__want_checksum(GwOp *op, int kind)
{
    GwBody *body = op->body;
    if (kind == DIGEST_MD5 || body->checksum)
        return 1;
    body->checksum_kind = kind;
    body->checksum = digest_create((DigestKind)kind);
    if (!body->checksum)
        gw__error(op, "InternalError", NULL);
    return body->checksum != NULL;
}

int gw__announced_checksum(const GwOp *op)
{
    return op->body->given.kind;
}

static int body_payload(void *ctx, const void *data, size_t bytes)
{
    GwOp *op = ctx;
    GwBody *body = op->body;
    digest_update(body->md5, data, bytes);
    if (body->sha256)
        digest_update(body->sha256, data, bytes);
    if (body->checksum)
        digest_update(body->checksum, data, bytes);
    body->bytes += (int64_t)bytes;
    if (body->bytes > GW_MAX_PUT_BYTES)
        return 1;
    body->status = disk_writer_write(body->writer, data, bytes);
    return body->status != STORE_OK;
}

/* What a presigned URL of the server allows: the bound stands in the query, which is signed. */
static int64_t signed_bound(const GwOp *op)
{
    char text[24];
    int length = gw__query(op, "x-kt-max-bytes", text, sizeof text);
    return length > 0 && strspn(text, "0123456789") == (size_t)length ? strtoll(text, NULL, 10)
           : gw__has_query(op, "x-kt-max-bytes")                      ? 0
                                                                      : GW_MAX_PUT_BYTES;
}

static int is_same_part(const GwOp *a, const GwOp *b)
{
    static const char *const names[] = {"uploadId", "partNumber"};
    char of_a[STORE_UPLOAD_ID_BYTES];
    char of_b[STORE_UPLOAD_ID_BYTES];
    int same = strcmp(a->bucket, b->bucket) == 0 && strcmp(a->key, b->key) == 0;
    for (int i = 0; i < 2 && same; i++)
        same = gw__query(a, names[i], of_a, sizeof of_a) > 0 &&
               gw__query(b, names[i], of_b, sizeof of_b) > 0 && strcmp(of_a, of_b) == 0;
    return same;
}

/* Whoever holds a URL may send to it as often as they like, and stop: the newest bodies of a part
 * are the ones that count. A browser that tries again has lost the connection of before. */
static void enter_bodies(GwOp *op)
{
    int count = 1;
    for (GwOp *at = op->s3->bodies; at; at = at->next_body) {
        if (at->is_cut || !is_same_part(at, op) || ++count <= GW_BODIES_OF_PART)
            continue;
        at->is_cut = 1;
        http_cut(at->request);
    }
    op->next_body = op->s3->bodies;
    op->s3->bodies = op;
}

void gw__leave_bodies(GwOp *op)
{
    GwOp **link = &op->s3->bodies;
    while (*link && *link != op)
        link = &(*link)->next_body;
    if (*link)
        *link = op->next_body;
}

int gw__open_body(GwOp *op, void (*check)(GwOp *op), void (*commit)(GwOp *op, DiskWriter *writer))
{
    const char *payload = op->auth.payload;
    const char *decoded = gw__header(op, "x-amz-decoded-content-length");
    GwBody *body = calloc(1, sizeof *body);
    if (!body) {
        gw__error(op, "InternalError", NULL);
        return 0;
    }
    op->body = body;
    op->run = gw__run_body;
    body->check = check;
    body->commit = commit;
    body->full_end = &body->full;
    body->md5 = digest_create(DIGEST_MD5);
    body->expected = decoded ? strtoll(decoded, NULL, 10) : op->content_length;
    if (aws_chunked_is_streaming(payload))
        body->chunked = aws_chunked_create(&op->auth, body_payload, op);
    else if (strcmp(payload, "UNSIGNED-PAYLOAD") != 0)
        body->sha256 = digest_create(DIGEST_SHA256);
    if (!body->md5 || (aws_chunked_is_streaming(payload) && !body->chunked))
        gw__error(op, "InternalError", NULL);
    else if (!gw__take_checksum(op, &body->given) || !gw__want_checksum(op, body->given.kind))
        return 0;
    else if (strncmp(payload, "STREAMING-", 10) == 0 && !body->chunked)
        gw__error(op, "NotImplemented", "This kind of x-amz-content-sha256 is not supported.");
    else if (op->content_length < 0 && !decoded)
        gw__error(op, "MissingContentLength", NULL);
    else if (body->expected > GW_MAX_PUT_BYTES || body->expected > signed_bound(op))
        gw__error(op, "EntityTooLarge", NULL);
    else if (op->s3->is_full && op->s3->is_full(op->s3->full_ctx))
        gw__error(op, "InsufficientStorage", NULL);
    else {
        enter_bodies(op);
        return 1;
    }
    return 0;
}

/* --- in the thread pool --- */

static int fail_with(GwOp *op, const char *code, const char *message)
{
    gw__error(op, code, message);
    return 0;
}

/* The checksum of the body must be the one that was sent, where one was; it is kept with the bytes
 * either way. */
static int checksum_matches(GwOp *op)
{
    GwBody *body = op->body;
    char trailer[48];
    uint8_t sum[DIGEST_MAX_BYTES];
    uint8_t given[DIGEST_MAX_BYTES];
    size_t bytes = digest_finish(body->checksum, sum);
    const char *value = body->given.value;
    if (!value && body->given.kind != DIGEST_MD5 && body->chunked) { /* announced */
        snprintf(trailer, sizeof trailer, "x-amz-checksum-%s",
                 digest_name((DigestKind)body->given.kind));
        value = aws_chunked_trailer(body->chunked, trailer);
        if (!value)
            return fail_with(op, "MalformedTrailerError", NULL);
    }
    if (body->given.kind != DIGEST_MD5) {
        if (!value || !digest_from_base64(value, given, bytes))
            return fail_with(op, "InvalidRequest", "The value of the checksum is not valid.");
        if (memcmp(sum, given, bytes) != 0)
            return fail_with(op, "BadDigest", NULL);
    }
    digest_to_base64(sum, bytes, body->checksum_text);
    disk_writer_set_checksum(body->writer, body->checksum_kind, sum);
    return 1;
}

static int digests_match(GwOp *op, const uint8_t *md5)
{
    GwBody *body = op->body;
    uint8_t sum[DIGEST_MAX_BYTES];
    uint8_t given[DIGEST_MAX_BYTES];
    const char *content_md5 = gw__header(op, "Content-MD5");
    if (body->sha256) {
        digest_finish(body->sha256, sum);
        if (!digest_from_hex(op->auth.payload, given, 32) || memcmp(sum, given, 32) != 0)
            return fail_with(op, "XAmzContentSHA256Mismatch", NULL);
    }
    if (content_md5 && !digest_from_base64(content_md5, given, 16))
        return fail_with(op, "InvalidDigest", NULL);
    if (content_md5 && memcmp(given, md5, 16) != 0)
        return fail_with(op, "BadDigest", NULL);
    return !body->checksum || checksum_matches(op);
}

static int finish_body(GwOp *op)
{
    GwBody *body = op->body;
    uint8_t md5[DIGEST_MAX_BYTES];
    if (body->chunked) {
        AwsChunkedStatus status = aws_chunked_finish(body->chunked);
        if (status == AWS_CHUNKED_MISMATCH)
            return fail_with(op, "SignatureDoesNotMatch", NULL);
        if (status != AWS_CHUNKED_OK)
            return fail_with(op, "IncompleteBody", NULL);
    }
    if (body->expected >= 0 && body->bytes != body->expected)
        return fail_with(op, "IncompleteBody", NULL);
    digest_finish(body->md5, md5);
    if (!digests_match(op, md5))
        return 0;
    return !gw__failed(op, disk_writer_finish(body->writer, md5));
}

static int write_buffer(GwOp *op, const GwBuffer *buffer)
{
    GwBody *body = op->body;
    AwsChunkedStatus status = AWS_CHUNKED_OK;
    if (body->chunked)
        status = aws_chunked_feed(body->chunked, buffer->data, buffer->bytes);
    else if (body_payload(op, buffer->data, buffer->bytes) != 0)
        status = AWS_CHUNKED_SINK;
    if (status == AWS_CHUNKED_OK)
        return 1;
    if (status == AWS_CHUNKED_MISMATCH)
        return fail_with(op, "SignatureDoesNotMatch", NULL);
    if (status == AWS_CHUNKED_MALFORMED)
        return fail_with(op, "InvalidRequest", "The aws-chunked body is malformed.");
    if (status == AWS_CHUNKED_TRAILER)
        return fail_with(op, "MalformedTrailerError", NULL);
    if (body->bytes > GW_MAX_PUT_BYTES)
        return fail_with(op, "EntityTooLarge", NULL);
    gw__failed(op, body->status == STORE_OK ? STORE_IO : body->status);
    return 0;
}

void gw__run_body(GwOp *op)
{
    GwBody *body = op->body;
    if (!body->opened) {
        body->opened = 1;
        body->check(op);
        body->failed =
            op->answer.status != 0 || gw__failed(op, disk_writer_open(op->s3->disk, &body->writer));
    }
    for (GwBuffer *buffer = body->job; buffer && !body->failed; buffer = buffer->next)
        body->failed = !write_buffer(op, buffer);
    if (body->job_ends && !body->failed) {
        body->failed = !finish_body(op);
        if (!body->failed)
            body->commit(op, body->writer);
    }
    if (body->failed || body->job_ends)
        disk_writer_close(&body->writer);
}

/* --- on the loop --- */

static void start_job(GwOp *op)
{
    GwBody *body = op->body;
    body->job = body->full;
    body->job_ends = body->ended;
    body->full = NULL;
    body->full_end = &body->full;
    gw__start(op);
}

static void push_filling(GwOp *op)
{
    GwBody *body = op->body;
    if (!body->filling)
        return;
    *body->full_end = body->filling;
    body->full_end = &body->filling->next;
    body->filling = NULL;
}

static void wait_for_buffer(GwOp *op)
{
    Gateway *s3 = op->s3;
    if (op->is_waiting)
        return;
    op->is_waiting = 1;
    op->next_waiting = NULL;
    *s3->waiting_end = op;
    s3->waiting_end = &op->next_waiting;
}

int64_t gw__take_body(GwOp *op, const uint8_t *data, size_t bytes)
{
    GwBody *body = op->body;
    size_t taken = 0;
    if (op->answered)
        return -1;
    while (taken < bytes) {
        if (!body->filling) {
            if (body->held >= GW_BUFFERS_OF_BODY)
                break; /* gw__body_ran resumes */
            body->filling = get_buffer(op->s3, body->held == 0);
            if (!body->filling) {
                if (!op->running)
                    wait_for_buffer(op);
                break;
            }
            body->held++;
        }
        GwBuffer *buffer = body->filling;
        size_t room = sizeof buffer->data - buffer->bytes;
        size_t used = bytes - taken < room ? bytes - taken : room;
        memcpy(buffer->data + buffer->bytes, data + taken, used);
        buffer->bytes += used;
        taken += used;
        if (buffer->bytes == sizeof buffer->data)
            push_filling(op);
    }
    if (body->full && !op->running)
        start_job(op);
    return (int64_t)taken;
}

void gw__end_body(GwOp *op)
{
    GwBody *body = op->body;
    body->ended = 1;
    push_filling(op);
    if (!op->running)
        start_job(op);
}

int gw__body_ran(GwOp *op)
{
    GwBody *body = op->body;
    int over = body->failed || body->job_ends || op->answer.status != 0;
    put_list(op, body->job);
    body->job = NULL;
    if (over || !op->request) {
        put_list(op, body->full);
        body->full = NULL;
        body->full_end = &body->full;
        if (body->filling)
            put_list(op, body->filling);
        body->filling = NULL;
    }
    buffers_free(op->s3);
    if (over)
        return 0;
    if (!op->request)
        return 1;
    if (body->full || body->ended)
        start_job(op);
    http_resume(op->request);
    return 1;
}

DiskWriter *gw__free_body(GwOp *op)
{
    GwBody *body = op->body;
    if (!body)
        return NULL;
    DiskWriter *writer = body->writer;
    put_list(op, body->job);
    put_list(op, body->full);
    if (body->filling)
        put_list(op, body->filling);
    buffers_free(op->s3);
    aws_chunked_destroy(&body->chunked);
    digest_destroy(&body->md5);
    digest_destroy(&body->sha256);
    digest_destroy(&body->checksum);
    free(body);
    op->body = NULL;
    return writer;
}

void gw__body_checksum(const GwOp *op, char out[STORE_CHECKSUM_TEXT_BYTES])
{
    const GwBody *body = op->body;
    out[0] = 0;
    if (body && body->checksum_text[0])
        snprintf(out, STORE_CHECKSUM_TEXT_BYTES, "%s FULL_OBJECT %s",
                 digest_name((DigestKind)body->checksum_kind), body->checksum_text);
}
