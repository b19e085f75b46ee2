/* Answers: JSON, failures by their cause, a recording as it is now. */
#include <string.h>

#include "api/api.h"
#include "base/clock.h"

void api_send_empty(ApiCall *call)
{
    api_send_bytes(call, 204, NULL, "", 0);
}

void api_send(ApiCall *call, int status, JsonOut *json)
{
    if (json->failed) {
        json_free(json);
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    JsonOut taken = *json;
    memset(json, 0, sizeof *json);
    api_send_bytes(call, status, "application/json", taken.text, taken.bytes);
    json_free(&taken);
}

void api_fail_for(ApiCall *call, int status, const char *code, const char *reason,
                  const char *message)
{
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "error");
    json_begin(&out, '{');
    json_key(&out, "code");
    json_string(&out, code);
    if (reason) {
        json_key(&out, "reason");
        json_string(&out, reason);
    }
    json_key(&out, "message");
    json_string(&out, message);
    json_end(&out, '}');
    json_end(&out, '}');
    api_send_bytes(call, status, "application/json", out.failed ? "{}" : out.text,
                   out.failed ? 2 : out.bytes);
    json_free(&out);
}

void api_fail(ApiCall *call, int status, const char *code, const char *message)
{
    api_fail_for(call, status, code, NULL, message);
}

void api_fail_job(ApiCall *call, const JobResult *result)
{
    static const struct {
        JobStatus status;
        int http;
        const char *code;
    } map[] = {{JOB_CONFLICT, 409, "conflict"},
               {JOB_GONE, 410, "gone"},
               {JOB_FULL, 507, "store-full"},
               {JOB_UNREACHABLE, 503, "store-unreachable"}};
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        if (map[i].status == result->status) {
            api_fail(call, map[i].http, map[i].code, result->message);
            return;
        }
    }
    api_fail(call, 500, "internal", result->message);
}

void api_fail_db(ApiCall *call, int status)
{
    if (status == DB_NOT_FOUND) {
        api_fail(call, 404, "not-found", "There is no such recording.");
    } else if (status == DB_FULL) {
        api_fail(call, 507, "store-full", "The server's disk is full; nothing was changed.");
    } else if (status == DB_BUSY) {
        if (call->request) {
            http_set_header(call->request, "Retry-After", "1");
        }
        api_fail(call, 503, "busy", "Too much is asked of the database at the moment: try again.");
    } else {
        api_fail(call, 500, "internal", "The database reported a failure; nothing was changed.");
    }
}

void api_recording_json(const ApiCall *call, JsonOut *out, const RecordingRow *row,
                        int64_t uploaded_bytes)
{
    const RecordingView view = {
        .uploaded_bytes = uploaded_bytes,
        .live = recording_is_live(row, clock_now_us(), api_live_us(call)),
    };
    recording_json(out, row, &view);
}

static int read_row(DbConnection *c, void *ctx)
{
    ApiCall *call = ctx;
    return recording_id_valid(call->id)
               ? recording_get(c, call->identity.organisation, call->id, &call->row)
               : DB_NOT_FOUND;
}

void api_read_row(ApiCall *call, void (*done)(void *ctx, int status))
{
    db_read(call->api->db, read_row, call, done);
}

static void send_row(ApiCall *call, int found, int status, const char *writer)
{
    JsonOut out = {0};
    if (found != DB_OK) {
        api_fail_db(call, found);
        return;
    }
    const RecordingView view = {
        .uploaded_bytes = -1,
        .live = recording_is_live(&call->row, clock_now_us(), api_live_us(call)),
        .writer = writer,
    };
    recording_json(&out, &call->row, &view);
    api_send(call, status, &out);
}

static void on_created_read(void *ctx, int found)
{
    ApiCall *call = ctx;
    char writer[AUTH_WRITER_BYTES];
    auth_writer_make(call->api->auth, call->id, writer);
    send_row(call, found, 201, writer);
}

void api_send_created(ApiCall *call)
{
    api_read_row(call, on_created_read);
}

static void on_ok_read(void *ctx, int found)
{
    send_row(ctx, found, 200, NULL);
}

static void on_accepted_read(void *ctx, int found)
{
    send_row(ctx, found, 202, NULL);
}

void api_send_recording(ApiCall *call, int status)
{
    api_read_row(call, status == 202 ? on_accepted_read : on_ok_read);
}

cJSON *api_parse_body(const ApiCall *call, size_t max_nodes, char error[JSON_ERROR_BYTES])
{
    const JsonLimits limits = {call->route->max_body_bytes, API_MAX_JSON_DEPTH, max_nodes};
    cJSON *tree =
        json_parse((const char *)call->body, call->body_bytes, &limits, error, JSON_ERROR_BYTES);
    if (tree && !cJSON_IsObject(tree)) {
        cJSON_Delete(tree);
        tree = NULL;
        snprintf(error, JSON_ERROR_BYTES, "The body must be a JSON object.");
    }
    return tree;
}
