/* Routing, access and answers: what all routes have in common. */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"

#define JSON_BODY API_MAX_BODY_BYTES
#define REC "/api/v1/recordings/:id"

static const ApiRoute routes[] = {
    {"GET", "/api/v1/session", ROLE_VIEWER, 0, 0, api_session, "session"},
    {"GET", "/api/v1/recordings", ROLE_VIEWER, 0, 0, api_recording_list, "recording-list"},
    {"POST", "/api/v1/recordings", ROLE_COHOST, API_TITLE, JSON_BODY, api_recording_create,
     "recording-create"},
    {"GET", REC, ROLE_VIEWER, API_RECORDING, 0, api_recording_get, "recording-get"},
    {"PATCH", REC, ROLE_COHOST, API_RECORDING | API_TITLE, JSON_BODY, api_recording_patch,
     "recording-patch"},
    {"DELETE", REC, ROLE_OWNER, API_RECORDING | API_LOCK | API_ENDS, JSON_BODY,
     api_recording_delete, "recording-delete"},
    {"POST", REC "/upload", ROLE_COHOST, API_RECORDING | API_LOCK | API_ALIVE, JSON_BODY,
     api_upload_create, "upload-create"},
    {"DELETE", REC "/upload", ROLE_COHOST, API_RECORDING | API_LOCK | API_ENDS, JSON_BODY,
     api_upload_abort, "upload-abort"},
    {"POST", REC "/upload/sign", ROLE_COHOST, API_RECORDING | API_ALIVE | API_CHANGES, JSON_BODY,
     api_upload_sign, "upload-sign"},
    {"GET", REC "/upload/parts", ROLE_COHOST, API_RECORDING | API_ALIVE, 0, api_upload_parts,
     "upload-parts"},
    {"POST", REC "/upload/complete", ROLE_COHOST,
     API_RECORDING | API_LOCK | API_ALIVE | API_CHANGES, API_MAX_PARTS_BYTES, api_upload_complete,
     "upload-complete"},
    {"POST", REC "/alive", ROLE_COHOST, API_RECORDING | API_ALIVE, JSON_BODY, api_alive, "alive"},
    {"POST", REC "/salvage", ROLE_COHOST, API_RECORDING | API_ENDS, JSON_BODY, api_salvage,
     "salvage"},
    {"PUT", REC "/timeline", ROLE_COHOST, API_RECORDING | API_ALIVE | API_CHANGES,
     API_MAX_TIMELINE_BYTES, api_timeline_put, "timeline-put"},
    {"GET", REC "/timeline", ROLE_VIEWER, API_RECORDING, 0, api_timeline_get, "timeline-get"},
    {"GET", REC "/scene", ROLE_VIEWER, API_RECORDING, 0, api_scene_get, "scene-get"},
    {"GET", REC "/objects", ROLE_VIEWER, API_RECORDING, 0, api_object_list, "object-list"},
    {"POST", REC "/playback", ROLE_VIEWER, API_RECORDING, JSON_BODY, api_playback, "playback"},
    {"GET", "/api/v1/tokens", ROLE_OWNER, 0, 0, api_token_list, "token-list"},
    {"POST", "/api/v1/tokens", ROLE_OWNER, 0, JSON_BODY, api_token_create, "token-create"},
    {"DELETE", "/api/v1/tokens/:id", ROLE_OWNER, 0, JSON_BODY, api_token_delete, "token-delete"},
    {"GET", "/healthz", ROLE_NONE, API_OPEN, 0, api_health, "healthz"},
    {"GET", "/livez", ROLE_NONE, API_OPEN, 0, api_liveness, "livez"},
    {"GET", "/readyz", ROLE_NONE, API_OPEN, 0, api_readiness, "readyz"},
};
#define ROUTE_COUNT (sizeof routes / sizeof routes[0])

/* --- the life of a call --- */

static void call_free_if_over(ApiCall *call)
{
    if (!call->closed || call->handling || call->is_asking) {
        return;
    }
    call->api->calls--;
    free(call->body);
    free(call->work);
    free(call);
}

/* Every answer ends here. */
static void call_answered(ApiCall *call, int status, uint64_t bytes)
{
    call->status = status;
    call->sent_bytes = bytes;
    recording_unlock(&call->api->jobs->locks, &call->lock);
    call->handling = 0;
    call_free_if_over(call);
}

void api_send_bytes(ApiCall *call, int status, const char *type, const void *body, size_t bytes)
{
    if (call->request) {
        http_set_header(call->request, "Cache-Control", "no-store");
        http_respond(call->request, status, type, body, bytes);
    }
    call_answered(call, status, bytes);
}

cJSON *api_body(ApiCall *call, size_t max_nodes, int allow_empty)
{
    char error[JSON_ERROR_BYTES];
    if (call->body_bytes == 0 && allow_empty) {
        cJSON *empty = cJSON_CreateObject();
        if (!empty) {
            api_fail(call, 500, "internal", "There is not enough memory.");
        }
        return empty;
    }
    if (call->route->flags & API_TITLE) {
        json_mend_escapes((char *)call->body, call->body_bytes);
    }
    cJSON *tree = api_parse_body(call, max_nodes, error);
    if (!tree) {
        api_fail(call, 400, "bad-request", error);
    }
    return tree;
}

/* --- routing --- */

/* Whether path has the form of pattern; the segment at ":id" goes to id ("" where too long for
 * one). */
static int path_matches(const char *pattern, const char *path, char id[RECORDING_ID_BYTES])
{
    id[0] = 0;
    while (*pattern) {
        if (strncmp(pattern, ":id", 3) == 0) {
            size_t length = strcspn(path, "/");
            if (length == 0) {
                return 0;
            }
            snprintf(id, RECORDING_ID_BYTES, "%.*s", length < RECORDING_ID_BYTES ? (int)length : 0,
                     path);
            path += length;
            pattern += 3;
        } else if (*pattern++ != *path++) {
            return 0;
        }
    }
    return *path == 0;
}

/* NULL where there is none; *path_known where another method would do, allow lists those. */
static const ApiRoute *find_route(const HttpRequest *r, char id[RECORDING_ID_BYTES],
                                  int *path_known, char allow[64])
{
    const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
    allow[0] = 0;
    *path_known = 0;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!path_matches(routes[i].path, r->path, id)) {
            continue;
        }
        if (strcmp(routes[i].method, method) == 0) {
            return &routes[i];
        }
        size_t used = strlen(allow);
        snprintf(allow + used, 64 - used, "%s%s", *path_known ? ", " : "", routes[i].method);
        *path_known = 1;
    }
    return NULL;
}

/* --- access --- */

static int is_change(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
           strcmp(method, "OPTIONS") != 0;
}

static int through_proxy(const HttpRequest *r)
{
    return http_header(r, "X-Forwarded-For") || http_header(r, "Forwarded") ||
           http_header(r, "Via");
}

/* AUTH_ASK: on_identified follows. */
static AuthAnswer identify(ApiCall *call)
{
    const HttpRequest *r = call->request;
    const AuthQuestion question = {
        .authorization = http_header(r, "Authorization"),
        .cookie = http_header(r, "Cookie"),
        .origin = http_header(r, "Origin"),
        .fetch_site = http_header(r, "Sec-Fetch-Site"),
        .peer = http_peer(r),
        .forwarded = through_proxy(r),
        .changes = is_change(r->method),
        .now_us = clock_now_us(),
    };
    return auth_identify(call->api->auth, &question, &call->lookup, &call->identity);
}

static void refuse_identity(ApiCall *call, AuthAnswer answer)
{
    call->api->metrics->auth_failures++;
    if (answer == AUTH_LIMITED) {
        http_set_header(call->request, "Retry-After", "60");
        api_fail(call, 429, "rate-limited", "Too many requests with a wrong token: wait a minute.");
    } else if (answer == AUTH_CROSS_ORIGIN) {
        api_fail_for(call, 403, "forbidden", "origin",
                     "A session only counts for requests of the server's own pages.");
    } else if (answer == AUTH_BROKEN) {
        api_fail(call, 500, "internal", "The database reported a failure.");
    } else {
        /* RFC 6750: no error where there were no credentials. */
        http_set_header(call->request, "WWW-Authenticate",
                        answer == AUTH_MISSING ? "Bearer" : "Bearer error=\"invalid_token\"");
        if (answer == AUTH_MISSING) {
            api_fail_for(call, 401, "unauthorized", "missing",
                         "A token is needed: Authorization: Bearer TOKEN.");
        } else if (answer == AUTH_EXPIRED) {
            api_fail_for(call, 401, "unauthorized", "expired", "The token has expired.");
        } else {
            api_fail_for(call, 401, "unauthorized", "unknown",
                         "The token is not known here: it is wrong, or was deleted.");
        }
    }
}

static void note_principal(ApiCall *call)
{
    Principal p = {.role = call->identity.role};
    memcpy(p.organisation, call->identity.organisation, sizeof p.organisation);
    memcpy(p.token_id, call->identity.token_id, sizeof p.token_id);
    memcpy(p.request_id, call->request_id, sizeof p.request_id);
    principal_text(&p, call->by);
}

/* Who it is is known. 0, or answered. */
static int admit(ApiCall *call, AuthAnswer answer)
{
    char message[96];
    if (answer != AUTH_OK) {
        refuse_identity(call, answer);
        return -1;
    }
    if (call->identity.role < call->route->role) {
        snprintf(message, sizeof message, "This needs the role %s; the token has %s.",
                 role_name(call->route->role), role_name(call->identity.role));
        api_fail_for(call, 403, "forbidden", "role", message);
        return -1;
    }
    note_principal(call);
    return 0;
}

/* 0, or answered. */
static int check_length(ApiCall *call)
{
    if (call->request->content_length <= (int64_t)call->route->max_body_bytes) {
        return 0;
    }
    api_fail(call, 413, "too-large", "The body is larger than this request may be.");
    return -1;
}

static void begin_handling(ApiCall *call);

static int look_up(DbConnection *c, void *ctx)
{
    return auth_look_up(c, &((ApiCall *)ctx)->lookup);
}

static void on_identified(void *ctx, int status)
{
    ApiCall *call = ctx;
    call->is_asking = 0;
    if (!call->request) {
        call_free_if_over(call);
        return;
    }
    AuthAnswer answer = auth_resolve(call->api->auth, &call->lookup, status, &call->identity);
    if (admit(call, answer) != 0 || check_length(call) != 0) {
        return;
    }
    if (call->has_ended) {
        begin_handling(call);
    } else {
        http_resume(call->request);
    }
}

static void allow_origin(HttpRequest *r, const Api *api)
{
    const char *origin = http_header(r, "Origin");
    if (auth_origin_allowed(api->auth, origin)) {
        http_set_header(r, "Access-Control-Allow-Origin", origin);
        http_set_header(r, "Vary", "Origin");
        http_set_header(r, "Access-Control-Expose-Headers", "Date, Retry-After");
    }
}

static void answer_preflight(ApiCall *call)
{
    HttpRequest *r = call->request;
    call->label = "preflight";
    if (!auth_origin_allowed(call->api->auth, http_header(r, "Origin"))) {
        api_fail_for(call, 403, "forbidden", "origin",
                     "This origin is not in the list of allowed origins.");
        return;
    }
    http_set_header(r, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
    http_set_header(r, "Access-Control-Allow-Headers",
                    "Authorization, Content-Type, Idempotency-Key, Keeptake-Writer");
    http_set_header(r, "Access-Control-Max-Age", "600");
    api_send_empty(call);
}

/* --- the four calls of net/http.h --- */

/* Asked by machines, often by address, and without anything to tell. */
static int is_probe(const char *path)
{
    return strcmp(path, "/livez") == 0 || strcmp(path, "/readyz") == 0;
}

static int path_is_api(const char *path)
{
    return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0 ||
           strcmp(path, "/healthz") == 0 || is_probe(path);
}

static void refuse_path(ApiCall *call, int path_known, const char *allow)
{
    if (path_known) {
        http_set_header(call->request, "Allow", allow);
        api_fail(call, 405, "bad-request", "The method is not allowed here.");
    } else {
        api_fail(call, 404, "not-found", "There is no such path.");
    }
}

/* Returns 1 where it has answered. */
static int begin_api(ApiCall *call)
{
    HttpRequest *r = call->request;
    int path_known;
    char allow[64];
    if (strcmp(r->method, "OPTIONS") == 0) {
        answer_preflight(call);
        return 1;
    }
    const ApiRoute *route = find_route(r, call->id, &path_known, allow);
    if (!route) {
        call->label = "unknown";
        refuse_path(call, path_known, allow);
        return 1;
    }
    call->route = route;
    call->label = route->label;
    if (!(route->flags & API_OPEN)) {
        AuthAnswer answer = identify(call);
        if (answer == AUTH_ASK) {
            call->is_asking = 1;
            db_read(call->api->db, look_up, call, on_identified);
            return 0;
        }
        if (admit(call, answer) != 0) {
            return 1;
        }
    }
    return check_length(call) != 0;
}

static int on_begin(HttpRequest *r)
{
    Api *api = r->user;
    ApiCall *call = calloc(1, sizeof *call);
    if (!call) {
        http_respond(r, 500, "text/plain", "out of memory\n", 14);
        return 1;
    }
    r->state = call;
    api->calls++;
    api->metrics->requests_open++;
    call->api = api;
    call->request = r;
    call->label = "page";
    call->started_us = clock_now_us();
    id_make("req_", call->request_id, sizeof call->request_id); /* without randomness: "" */
    if (!is_probe(r->path) && !auth_host_allowed(api->auth, http_header(r, "Host"))) {
        call->label = "foreign-host";
        api_fail_for(call, 403, "forbidden", "host", "The Host header does not name this server.");
        return 1;
    }
    if (path_is_api(r->path)) {
        allow_origin(r, api);
        return begin_api(call);
    }
    api_page(call);
    return 1;
}

static int64_t on_body(HttpRequest *r, const uint8_t *data, size_t bytes)
{
    ApiCall *call = r->state;
    if (call->is_asking) { /* on_identified resumes */
        return 0;
    }
    if (bytes > call->route->max_body_bytes - call->body_bytes) {
        api_fail(call, 413, "too-large", "The body is larger than this request may be.");
        return -1;
    }
    if (bytes > call->body_capacity - call->body_bytes) {
        size_t capacity = call->body_capacity ? call->body_capacity * 2 : 4096;
        if (call->body_capacity == 0 && r->content_length > 0) {
            capacity =
                (size_t)r->content_length; /* within the route's limit: checked at the beginning */
        }
        while (capacity - call->body_bytes < bytes) {
            capacity *= 2;
        }
        uint8_t *grown = realloc(call->body, capacity);
        if (!grown) {
            api_fail(call, 500, "internal", "There is not enough memory.");
            return -1;
        }
        call->body = grown;
        call->body_capacity = capacity;
    }
    memcpy(call->body + call->body_bytes, data, bytes);
    call->body_bytes += bytes;
    return (int64_t)bytes;
}

static void on_row_read(void *ctx, int status)
{
    ApiCall *call = ctx;
    if (status != DB_OK) {
        api_fail_db(call, status);
    } else if (call->route->flags & (API_ALIVE | API_CHANGES | API_ENDS)) {
        api_live_handle(call);
    } else {
        call->route->handle(call);
    }
}

static void handle_locked(void *ctx)
{
    ApiCall *call = ctx;
    if (call->route->flags & API_RECORDING) {
        api_read_row(call, on_row_read);
    } else {
        call->route->handle(call);
    }
}

/* The request may be gone by the time that its recording is read. */
static void note_headers(ApiCall *call)
{
    const char *type = http_header(call->request, "Content-Type");
    if (type && strlen(type) < sizeof call->content_type) {
        snprintf(call->content_type, sizeof call->content_type, "%s", type);
    }
    if (http_query(call->request, "cursor", call->cursor, sizeof call->cursor) < 0) {
        call->cursor[0] = 0;
    }
    if (call->route->flags & (API_ALIVE | API_CHANGES | API_ENDS)) {
        call->is_writer = auth_writer_valid(call->api->auth, call->id,
                                            http_header(call->request, "Keeptake-Writer"));
    }
}

static void begin_handling(ApiCall *call)
{
    call->handling = 1;
    note_headers(call);
    if (call->route->flags & API_LOCK) {
        recording_lock(&call->api->jobs->locks, &call->lock, call->id, handle_locked, call);
    } else {
        handle_locked(call);
    }
}

static void on_end(HttpRequest *r)
{
    ApiCall *call = r->state;
    if (call->is_asking) {
        call->has_ended = 1;
    } else {
        begin_handling(call);
    }
}

static void log_call(const ApiCall *call, const HttpRequest *r)
{
    LogLevel level = call->status >= 500                ? LOG_ERROR
                     : call->route && call->route->role ? LOG_INFO
                                                        : LOG_DEBUG;
    log_write(call->api->log, level, "request", "ssssdfis", "id", call->request_id, "method",
              r->method, "route", call->label, "recording",
              recording_id_valid(call->id) ? call->id : NULL, "status", call->status, "ms",
              (double)(clock_now_us() - call->started_us) / 1000, "bytes_in",
              (int64_t)call->body_bytes, "peer", http_peer(r));
}

static void on_close(HttpRequest *r, int completed)
{
    ApiCall *call = r->state;
    (void)completed;
    if (!call) {
        return;
    }
    r->state = NULL;
    metrics_count(call->api->metrics, call->label, call->status, clock_now_us() - call->started_us,
                  call->body_bytes, call->sent_bytes);
    call->api->metrics->requests_open--;
    log_call(call, r);
    call->request = NULL;
    call->closed = 1;
    call_free_if_over(call);
}

const HttpHandlers api_handlers = {on_begin, on_body, on_end, on_close};
