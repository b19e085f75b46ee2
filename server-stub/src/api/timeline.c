/* Timeline and scene. Reading, checking and compressing run on the threads of api->compute: at
 * most two at a time, so that a timeline that takes long holds up nothing but timelines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api.h"
#include "base/clock.h"
#include "keeptake/scene.h"

/* Bounds the memory of a parsed timeline; far more than the engine writes in a day. */
static const JsonLimits timeline_limits = {32u << 20, API_MAX_JSON_DEPTH, 2000000};

typedef struct TimelineWork {
    ApiCall *call;
    int zlib;      /* put: the body is compressed */
    int scene;     /* get: the scene is wanted */
    int no_scene;  /* the timeline is sound, but gives none: see error */
    int found;     /* get: DbStatus */
    uint8_t *data; /* compressed */
    size_t data_bytes;
    char *text;
    size_t text_bytes;
    KtStatus status;
    char error[JSON_ERROR_BYTES];
} TimelineWork;

static TimelineWork *begin_work(ApiCall *call)
{
    TimelineWork *w = calloc(1, sizeof *w);
    if (!w) {
        api_fail(call, 500, "internal", "There is not enough memory.");
        return NULL;
    }
    w->call = call;
    return w;
}

static void free_work(TimelineWork *w)
{
    kt_text_free(w->data);
    kt_text_free(w->text);
    free(w);
}

static void fail_memory(ApiCall *call)
{
    api_fail(call, 500, "internal", "There is not enough memory.");
}

static void run_work(TimelineWork *w, void (*work)(void *ctx), void (*done)(void *ctx))
{
    ApiCall *call = w->call;
    if (workers_run(call->api->compute, work, done, w) != 0) {
        free_work(w);
        if (call->request) {
            http_set_header(call->request, "Retry-After", "5");
        }
        api_fail(call, 503, "busy", "Too many timelines are being read at the moment: try again.");
    }
}

/* --- put --- */

/* On a thread: body to checked text to compressed data. */
static void check_body(void *ctx)
{
    TimelineWork *w = ctx;
    const char *json = (const char *)w->call->body;
    size_t bytes = w->call->body_bytes;
    KtTimeline *timeline = NULL;
    if (w->zlib) {
        w->status = kt_timeline_decompress_within(w->call->body, bytes, timeline_limits.bytes,
                                                  &w->text, &w->text_bytes);
        if (w->status != KT_OK) {
            snprintf(w->error, sizeof w->error, "The body is not a zlib stream of a timeline: %s.",
                     kt_status_text(w->status));
            return;
        }
        json = w->text;
        bytes = w->text_bytes;
    }
    if (json_check(json ? json : "", bytes, &timeline_limits, w->error, sizeof w->error) != 0) {
        w->status = KT_ERR_FORMAT;
        return;
    }
    char reason[JSON_ERROR_BYTES - 40] = "";
    w->status = kt_timeline_parse(json, bytes, &timeline, reason, sizeof reason);
    kt_timeline_destroy(&timeline);
    if (w->status == KT_OK) {
        w->status = kt_timeline_compress(json, bytes, &w->data, &w->data_bytes);
    } else {
        snprintf(w->error, sizeof w->error, "The timeline cannot be read: %s.", reason);
    }
}

static int store_timeline(DbConnection *c, void *ctx)
{
    TimelineWork *w = ctx;
    return timeline_put(c, w->call->id, w->data, w->data_bytes, clock_now_us());
}

static void on_stored(void *ctx, int status)
{
    TimelineWork *w = ctx;
    ApiCall *call = w->call;
    free_work(w);
    if (status != DB_OK) {
        api_fail_db(call, status);
    } else {
        api_send_empty(call);
    }
}

static void on_checked(void *ctx)
{
    TimelineWork *w = ctx;
    ApiCall *call = w->call;
    if (w->status == KT_OK) {
        db_write(call->api->db, call->by, store_timeline, w, on_stored);
        return;
    }
    if (w->status == KT_ERR_MEMORY) {
        fail_memory(call);
    } else if (w->status == KT_ERR_LIMIT) {
        api_fail(call, 413, "too-large", *w->error ? w->error : "The timeline is too large.");
    } else {
        api_fail(call, 400, "bad-request", *w->error ? w->error : "This is not a timeline.");
    }
    free_work(w);
}

void api_timeline_put(ApiCall *call)
{
    const char *type = call->content_type;
    size_t length = strcspn(type, "; ");
    int json = length == 16 && strncasecmp(type, "application/json", length) == 0;
    int zlib = length == 16 && strncasecmp(type, "application/zlib", length) == 0;
    if (!json && !zlib) {
        api_fail(call, 415, "bad-request",
                 "The Content-Type must be application/json or application/zlib.");
        return;
    }
    if (call->row.take.state == OBJECT_ABORTED || call->row.take.state == OBJECT_FAILED) {
        api_fail(call, 410, "gone", "This take was not kept.");
        return;
    }
    if (object_is_taken_over(&call->row.take)) {
        api_fail_salvaged(call);
        return;
    }
    TimelineWork *w = begin_work(call);
    if (w) {
        w->zlib = zlib;
        run_work(w, check_body, on_checked);
    }
}

/* --- get --- */

/* On a thread: what is stored to the text that is asked for. */
static void make_text(void *ctx)
{
    TimelineWork *w = ctx;
    KtTimeline *timeline = NULL;
    Db *db = w->call->api->db;
    DbConnection *c = db_borrow(db);
    w->found = c ? timeline_get(c, w->call->id, &w->data, &w->data_bytes) : DB_IO;
    db_give_back(db, c);
    if (w->found != DB_OK) {
        return;
    }
    w->status = kt_timeline_decompress(w->data, w->data_bytes, &w->text, &w->text_bytes);
    if (w->status != KT_OK || !w->scene) {
        return;
    }
    w->status = kt_timeline_parse(w->text, w->text_bytes, &timeline, w->error, sizeof w->error);
    kt_text_free(w->text);
    w->text = NULL;
    if (w->status == KT_OK) {
        w->status = kt_scene_json(timeline, &w->text, &w->text_bytes, w->error, sizeof w->error);
        w->no_scene = w->status != KT_OK && w->status != KT_ERR_MEMORY;
    }
    kt_timeline_destroy(&timeline);
}

static void on_text(void *ctx)
{
    TimelineWork *w = ctx;
    ApiCall *call = w->call;
    if (w->found == DB_NOT_FOUND) {
        api_fail(call, 404, "not-found", "The recording has no timeline.");
    } else if (w->found != DB_OK) {
        api_fail_db(call, DB_IO);
    } else if (w->no_scene) {
        char message[JSON_ERROR_BYTES + 40];
        snprintf(message, sizeof message, "The timeline gives no scene: %s.", w->error);
        api_fail(call, 409, "conflict", message);
    } else if (w->status != KT_OK) {
        api_fail(call, 500, "internal", "The stored timeline cannot be read.");
    } else {
        api_send_bytes(call, 200, "application/json", w->text, w->text_bytes);
    }
    free_work(w);
}

static void send_timeline(ApiCall *call, int scene)
{
    TimelineWork *w = begin_work(call);
    if (!w) {
        return;
    }
    w->scene = scene;
    run_work(w, make_text, on_text);
}

void api_timeline_get(ApiCall *call)
{
    send_timeline(call, 0);
}

void api_scene_get(ApiCall *call)
{
    send_timeline(call, 1);
}
