/* The upload of a recording: begin, sign, list, complete, abort. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

#include "base/clock.h"

#define LEAST_PART_BOUND (8 << 20)

void api_fail_salvaged(ApiCall *call)
{
    api_fail(call, 409, "salvaged",
             call->row.take.state == OBJECT_COMPLETE
                 ? "The server has finished this take by itself, from what had arrived."
                 : "The server is finishing this take by itself, from what has arrived.");
}

void api_fail_state(ApiCall *call)
{
    const RecordingRow *row = &call->row;
    if (row->take.state == OBJECT_ABORTED || row->take.state == OBJECT_FAILED ||
        row->take.pending == PENDING_ABORT) {
        api_fail(call, 410, "gone", "The upload was aborted: make a new recording.");
    } else if (object_is_taken_over(&row->take)) {
        api_fail_salvaged(call);
    } else if (row->take.state == OBJECT_COMPLETE) {
        api_fail(call, 409, "conflict", "The recording is complete already.");
    } else {
        api_fail(call, 409, "conflict", "The upload has not begun: POST …/upload first.");
    }
}

int api_is_uploading(const RecordingRow *row)
{
    return row->take.state == OBJECT_OPEN && row->take.pending != PENDING_ABORT &&
           !object_is_salvaging(&row->take);
}

static void send_upload(ApiCall *call)
{
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "upload_id");
    json_string(&out, call->row.take.upload_id);
    json_key(&out, "part_bytes");
    json_int(&out, call->row.take.part_bytes);
    json_key(&out, "max_parts");
    json_int(&out, STORE_MAX_PARTS);
    json_end(&out, '}');
    api_send(call, 201, &out);
}

static void on_created_read(void *ctx, int status)
{
    ApiCall *call = ctx;
    if (status != DB_OK) {
        api_fail_db(call, status);
    } else {
        send_upload(call);
    }
}

static void on_upload_created(void *ctx, const JobResult *result)
{
    ApiCall *call = ctx;
    if (result->status != JOB_OK) {
        api_fail_job(call, result);
    } else {
        api_read_row(call, on_created_read);
    }
}

void api_upload_create(ApiCall *call)
{
    if (api_is_uploading(&call->row)) {
        send_upload(call);
    } else if (call->row.take.state != OBJECT_CREATED || call->row.take.pending != PENDING_NONE) {
        api_fail_state(call);
    } else {
        job_create_upload(call->api->jobs, call->by, &call->row.take, call, on_upload_created);
    }
}

/* --- sign --- */

int api_parse_numbers(const cJSON *body, int out[API_MAX_SIGN_PARTS], char error[JSON_ERROR_BYTES])
{
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(body, "parts"), *item;
    int count = 0;
    int size = cJSON_GetArraySize(parts);
    if (!cJSON_IsArray(parts) || size < 1 || size > API_MAX_SIGN_PARTS) {
        snprintf(error, JSON_ERROR_BYTES, "\"parts\" must be a list of 1 to %d part numbers.",
                 API_MAX_SIGN_PARTS);
        return -1;
    }
    cJSON_ArrayForEach(item, parts)
    {
        double number = item->valuedouble;
        if (!cJSON_IsNumber(item) || !(number >= 1 && number <= STORE_MAX_PARTS) ||
            number != (int)number) {
            snprintf(error, JSON_ERROR_BYTES,
                     "\"parts\": a part number must be a whole number from 1 to %d.",
                     STORE_MAX_PARTS);
            return -1;
        }
        out[count++] = (int)number;
    }
    return count;
}

/* A part URL takes no more than a part. Recorders of before may have cut larger ones. */
static int64_t part_bound(const RecordingRow *row)
{
    return row->take.part_bytes > LEAST_PART_BOUND ? row->take.part_bytes : LEAST_PART_BOUND;
}

/* 1 after answering that the disk is too full for more. */
static int refuse_full(ApiCall *call)
{
    if (!call->api->is_full(call->api->house)) {
        return 0;
    }
    api_fail(call, 507, "store-full",
             "The server's disk is nearly full: nothing new is taken; what was stored is safe.");
    return 1;
}

static int sign_parts(ApiCall *call, const int *numbers, int count, int64_t now_us, JsonOut *out)
{
    Store *store = call->api->store;
    char query[3 * STORE_UPLOAD_ID_BYTES + 128], url[API_MAX_URL_BYTES];
    Text upload_id = {0};
    text_add_uri(&upload_id, call->row.take.upload_id, strlen(call->row.take.upload_id), 0);
    int failed = upload_id.failed;
    for (int i = 0; i < count && !failed; i++) {
        int length =
            snprintf(query, sizeof query, "partNumber=%d&uploadId=%s", numbers[i], upload_id.data);
        if (call->api->settings.bounds_parts) { /* an S3 service knows no such bound */
            snprintf(query + length, sizeof query - (size_t)length, "&x-kt-max-bytes=%lld",
                     (long long)part_bound(&call->row));
        }
        if (store->presign(store, "PUT", call->row.take.key, query,
                           (int)call->api->settings.url_seconds, now_us, url, sizeof url) < 0) {
            failed = 1;
            break;
        }
        json_begin(out, '{');
        json_key(out, "part");
        json_int(out, numbers[i]);
        json_key(out, "url");
        json_string(out, url);
        json_end(out, '}');
    }
    text_reset(&upload_id);
    return failed ? -1 : 0;
}

void api_upload_sign(ApiCall *call)
{
    int numbers[API_MAX_SIGN_PARTS];
    char error[JSON_ERROR_BYTES];
    int64_t now_us = clock_now_us();
    cJSON *body = api_body(call, 256, 0);
    if (!body) {
        return;
    }
    int count = api_parse_numbers(body, numbers, error);
    cJSON_Delete(body);
    if (count < 0) {
        api_fail(call, 400, "bad-request", error);
        return;
    }
    if (!api_is_uploading(&call->row)) {
        api_fail_state(call);
        return;
    }
    if (refuse_full(call)) {
        return;
    }
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "expires_at");
    json_time(&out, now_us + call->api->settings.url_seconds * 1000000);
    json_key(&out, "urls");
    json_begin(&out, '[');
    int result = sign_parts(call, numbers, count, now_us, &out);
    json_end(&out, ']');
    json_end(&out, '}');
    if (result != 0) {
        json_free(&out);
        api_fail(call, 500, "internal", "The URLs could not be signed.");
        return;
    }
    api_send(call, 200, &out);
}

/* --- list --- */

static void on_parts_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    ApiCall *call = ctx;
    if (status != STORE_OK) {
        JobResult result;
        job_store_result(status, &result);
        api_fail_job(call, &result);
        return;
    }
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "parts");
    json_begin(&out, '[');
    for (int i = 0; i < count; i++) {
        json_begin(&out, '{');
        json_key(&out, "part");
        json_int(&out, parts[i].number);
        json_key(&out, "bytes");
        json_int(&out, parts[i].bytes);
        json_key(&out, "etag");
        json_string(&out, parts[i].etag);
        json_end(&out, '}');
    }
    json_end(&out, ']');
    json_end(&out, '}');
    api_send(call, 200, &out);
}

void api_upload_parts(ApiCall *call)
{
    Store *store = call->api->store;
    if (!api_is_uploading(&call->row)) {
        api_fail_state(call);
        return;
    }
    store->list_parts(store, call->row.take.key, call->row.take.upload_id, NULL, call,
                      on_parts_listed);
}

/* --- complete --- */

/* An ETag with or without its quotes, also one that a proxy has made weak: the opaque tag is the
 * same (RFC 9110, 8.8.3.2). */
static int read_etag(const cJSON *item, char out[STORE_ETAG_BYTES])
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    text += strncmp(text, "W/\"", 3) == 0 ? 2 : 0;
    size_t length = strlen(text);
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= STORE_ETAG_BYTES || strcspn(text, "\"\\<>& ") < length) {
        return -1;
    }
    memcpy(out, text, length);
    out[length] = 0;
    return 0;
}

static int read_parts(const cJSON *list, StorePart *out, int *status, char *error)
{
    const cJSON *item;
    int count = 0;
    cJSON_ArrayForEach(item, list)
    {
        int64_t number = 0;
        StorePart *part = &out[count++];
        *status = 400;
        int found = json_get_int(item, "part", 1, STORE_MAX_PARTS, &number, error);
        if (found <= 0) {
            if (found == 0) {
                snprintf(error, JSON_ERROR_BYTES, "\"parts\": entry %d has no part number.", count);
            }
            return -1;
        }
        if (read_etag(cJSON_GetObjectItemCaseSensitive(item, "etag"), part->etag) != 0) {
            snprintf(error, JSON_ERROR_BYTES, "Part %d has no ETag.", (int)number);
            return -1;
        }
        *status = 409;
        if (number != count) {
            snprintf(error, JSON_ERROR_BYTES,
                     "Part %d is expected where part %d stands: all parts from 1 on, in order.",
                     count, (int)number);
            return -1;
        }
        part->number = (int)number;
    }
    return count;
}

int api_parse_parts(const cJSON *body, StorePart **parts, int64_t *bytes, double *duration,
                    int *status, char error[JSON_ERROR_BYTES])
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(body, "parts");
    int size = cJSON_GetArraySize(list);
    int found_bytes = json_get_int(body, "bytes", 1, 1LL << 50, bytes, error);
    int found_duration =
        found_bytes > 0 ? json_get_number(body, "duration", 0, 7 * 86400, duration, error) : 0;
    *parts = NULL;
    *status = 400;
    if (found_bytes <= 0 || found_duration <= 0) {
        if (found_bytes == 0 || (found_bytes > 0 && found_duration == 0)) {
            snprintf(error, JSON_ERROR_BYTES, "\"%s\" is missing.",
                     found_bytes == 0 ? "bytes" : "duration");
        }
        return -1;
    }
    if (!cJSON_IsArray(list) || size < 1 || size > STORE_MAX_PARTS) {
        snprintf(error, JSON_ERROR_BYTES, "\"parts\" must be a list of 1 to %d parts.",
                 STORE_MAX_PARTS);
        return -1;
    }
    *parts = calloc((size_t)size, sizeof **parts);
    if (!*parts) {
        snprintf(error, JSON_ERROR_BYTES, "There is not enough memory.");
        return -1;
    }
    int count = read_parts(list, *parts, status, error);
    if (count < 0) {
        free(*parts);
        *parts = NULL;
    }
    return count;
}

static void on_complete(void *ctx, const JobResult *result)
{
    ApiCall *call = ctx;
    if (result->status != JOB_OK) {
        api_fail_job(call, result);
    } else {
        api_send_recording(call, 200);
    }
}

/* Repeated: fine where it is the same list, a conflict otherwise. */
static void complete_again(ApiCall *call, const StorePart *parts, int count, int64_t bytes)
{
    uint8_t digest[OBJECT_DIGEST_BYTES];
    job_digest(parts, count, bytes, digest);
    int same = call->row.take.has_digest
                   ? memcmp(digest, call->row.take.digest, sizeof digest) == 0
                   : !call->row.take.salvaged && call->row.take.bytes == bytes;
    if (same) { /* without a digest: found in the store, after an older database was put back */
        api_send_recording(call, 200);
    } else if (call->row.take.salvaged) {
        api_fail_salvaged(call);
    } else {
        api_fail(call, 409, "conflict", "The recording was completed with other parts.");
    }
}

/* A completion on its way from the body to a list of parts. */
typedef struct Completion {
    WorkersTask task;
    ApiCall *call;
    StorePart *parts;
    int count; /* -1: error and status say why there is none */
    int64_t bytes;
    double duration;
    int status;
    char error[JSON_ERROR_BYTES];
} Completion;

static void read_completion(void *ctx)
{
    Completion *c = ctx;
    cJSON *body = api_parse_body(c->call, 4 * STORE_MAX_PARTS + 64, c->error);
    c->count =
        body ? api_parse_parts(body, &c->parts, &c->bytes, &c->duration, &c->status, c->error) : -1;
    cJSON_Delete(body);
}

static void on_completion_read(void *ctx)
{
    Completion *c = ctx;
    ApiCall *call = c->call;
    if (c->count < 0) {
        api_fail(call, c->status, c->status == 409 ? "conflict" : "bad-request", c->error);
    } else if (call->row.take.state == OBJECT_COMPLETE) {
        complete_again(call, c->parts, c->count, c->bytes);
    } else if (!api_is_uploading(&call->row)) {
        api_fail_state(call);
    } else {
        job_complete(call->api->jobs, call->by, &call->row.take, c->parts, c->count, c->bytes,
                     (int64_t)(c->duration * 1e6 + 0.5), call, on_complete);
    }
    free(c->parts);
    free(c);
}

/* 10,000 parts take milliseconds to read: not on the loop. */
void api_upload_complete(ApiCall *call)
{
    Completion *c = calloc(1, sizeof *c);
    if (!c) {
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    c->call = call;
    c->status = 400;
    workers_start(call->body_bytes > API_SMALL_BODY_BYTES ? call->api->compute : NULL, &c->task,
                  read_completion, on_completion_read, c);
}

/* --- abort --- */

static void on_aborted(void *ctx, const JobResult *result)
{
    ApiCall *call = ctx;
    if (result->status != JOB_OK) {
        api_fail_job(call, result);
    } else {
        api_send_empty(call);
    }
}

void api_upload_abort(ApiCall *call)
{
    const RecordingRow *row = &call->row;
    if (row->take.state == OBJECT_ABORTED) {
        api_send_empty(call);
    } else if (object_is_taken_over(&row->take)) { /* also where it waits for its next attempt */
        api_fail_salvaged(call);
    } else if (row->take.state == OBJECT_COMPLETE) {
        api_fail(call, 409, "conflict", "The recording is complete: delete it instead.");
    } else if (row->take.state ==
               OBJECT_FAILED) { /* what there is of it is the owner's to delete */
        api_fail_state(call);
    } else {
        job_abort(call->api->jobs, call->by, &row->take, call, on_aborted);
    }
}
