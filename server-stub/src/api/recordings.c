/* Session, recordings and playback. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/text.h"
#include "keeptake/uploader.h"

#define MAX_WIDTH 3840
#define MAX_HEIGHT 2160
#define MAX_VIDEO_BITRATE 100000000
#define MAX_AUDIO_BITRATE 1000000

static void bad_request(ApiCall *call, const char *message)
{
    api_fail(call, 400, "bad-request", message);
}

void api_session(ApiCall *call)
{
    const Api *api = call->api;
    const KtLimits *limits = &api->settings.limits;
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "organisation");
    json_string(&out, call->identity.organisation);
    json_key(&out, "role");
    json_string(&out, role_name(call->identity.role));
    json_key(&out, "server_time");
    json_time(&out, clock_now_us());
    json_key(&out, "limits");
    json_begin(&out, '{');
    json_key(&out, "enabled");
    json_bool(&out, limits->enabled);
    json_key(&out, "max_length_seconds");
    json_number(&out, (double)limits->max_length_us / 1e6);
    json_key(&out, "max_fps");
    json_int(&out, limits->max_fps);
    json_end(&out, '}');
    json_key(&out, "live_seconds");
    json_int(&out, api->settings.live_s);
    json_key(&out, "s3_origin");
    json_string(&out, api->settings.store_origin);
    json_end(&out, '}');
    api_send(call, 200, &out);
}

/* --- create --- */

typedef struct Creation {
    ApiCall *call;
    RecordingRow row;
    int has_key, over_quota;
    uint8_t key[RECORDING_KEY_HASH_BYTES]; /* of the Idempotency-Key */
} Creation;

static int required(int found, const char *name, char *error)
{
    if (found == 0) {
        snprintf(error, JSON_ERROR_BYTES, "\"%s\" is missing.", name);
    }
    return found == 1 ? 0 : -1;
}

static int read_geometry(const cJSON *body, const KtLimits *limits, RecordingRow *row, char *error)
{
    int64_t width = 0, height = 0;
    if (required(json_get_int(body, "width", 16, MAX_WIDTH, &width, error), "width", error) != 0 ||
        required(json_get_int(body, "height", 16, MAX_HEIGHT, &height, error), "height", error) !=
            0 ||
        required(json_get_number(body, "fps", 1, limits->max_fps, &row->fps, error), "fps",
                 error) != 0) {
        return -1;
    }
    row->width = (int)width;
    row->height = (int)height;
    return 0;
}

/* Reads the body of a creation. 0, or -1 with a sentence in error. */
static int read_recording(const cJSON *body, const KtLimits *limits, RecordingRow *row, char *error)
{
    const char *codec = "";
    double max_seconds = (double)limits->max_length_us / 1e6, length = max_seconds;
    if (api_read_title(body, row->title, error) < 0 ||
        required(json_get_text(body, "codec", 8, &codec, error), "codec", error) != 0 ||
        read_geometry(body, limits, row, error) != 0 ||
        required(json_get_int(body, "video_bitrate", 10000, MAX_VIDEO_BITRATE, &row->video_bitrate,
                              error),
                 "video_bitrate", error) != 0 ||
        required(
            json_get_int(body, "audio_bitrate", 0, MAX_AUDIO_BITRATE, &row->audio_bitrate, error),
            "audio_bitrate", error) != 0 ||
        json_get_number(body, "max_length_seconds", 1, max_seconds, &length, error) < 0) {
        return -1;
    }
    if (strcmp(codec, "vp9") != 0 && strcmp(codec, "vp8") != 0) {
        snprintf(error, JSON_ERROR_BYTES, "\"codec\" must be vp9 or vp8.");
        return -1;
    }
    snprintf(row->codec, sizeof row->codec, "%s", codec);
    row->max_length_us = (int64_t)(length * 1e6);
    row->take.part_bytes =
        kt_upload_part_bytes(row->max_length_us, row->video_bitrate + row->audio_bitrate);
    return 0;
}

int api_read_title(const cJSON *body, char out[TITLE_BYTES], char error[JSON_ERROR_BYTES])
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, "title");
    if (!item || cJSON_IsNull(item)) {
        return 0;
    }
    if (!cJSON_IsString(item)) {
        snprintf(error, JSON_ERROR_BYTES, "\"title\" must be a text.");
        return -1;
    }
    title_clean(item->valuestring, out);
    return 1;
}

/* A creation with a key is bound to who asks for it: nobody else learns the writer's secret by it.
 * 0, or answered. */
static int read_key(ApiCall *call, Creation *creation)
{
    const char *key = http_header(call->request, "Idempotency-Key");
    size_t length = key ? strlen(key) : 0;
    if (!key) {
        return 0;
    }
    Digest *d = digest_create(DIGEST_SHA256);
    int valid = length >= 1 && length <= 128;
    for (size_t i = 0; i < length; i++) {
        valid = valid && key[i] > ' ' && key[i] < 127;
    }
    if (!valid || !d) {
        digest_destroy(&d);
        bad_request(call, valid ? "There is not enough memory."
                                : "The Idempotency-Key must be 1 to 128 visible characters.");
        return -1;
    }
    const char *parts[] = {call->identity.organisation, call->identity.token_id, key};
    for (size_t i = 0; i < 3; i++) {
        digest_update(d, parts[i], strlen(parts[i]) + 1);
    }
    digest_finish(d, creation->key);
    digest_destroy(&d);
    creation->has_key = 1;
    return 0;
}

static int is_same_creation(const RecordingRow *a, const RecordingRow *b)
{
    return strcmp(a->codec, b->codec) == 0 && a->width == b->width && a->height == b->height &&
           a->fps == b->fps && a->video_bitrate == b->video_bitrate &&
           a->audio_bitrate == b->audio_bitrate && a->max_length_us == b->max_length_us;
}

/* Counted where the row is written, so that many requests at once do not slip through together. */
static int is_over_quota(DbConnection *c, const Creation *creation)
{
    const ApiSettings *settings = &creation->call->api->settings;
    ObjectUse use;
    if (settings->most_bytes == 0 && settings->most_open == 0) {
        return 0;
    }
    return object_use(c, creation->row.organisation, &use) != DB_OK ||
           (settings->most_bytes > 0 && use.bytes >= settings->most_bytes) ||
           (settings->most_open > 0 && use.open >= settings->most_open);
}

static int insert_recording(DbConnection *c, void *ctx)
{
    Creation *creation = ctx;
    RecordingRow before;
    int found = creation->has_key ? recording_by_key(c, creation->key, &before) : DB_NOT_FOUND;
    creation->over_quota = found == DB_NOT_FOUND && is_over_quota(c, creation);
    if (creation->over_quota) {
        return DB_CONFLICT;
    }
    if (found == DB_NOT_FOUND) {
        return recording_insert(c, &creation->row, creation->has_key ? creation->key : NULL);
    }
    if (found == DB_OK && !is_same_creation(&before, &creation->row)) {
        return DB_CONFLICT;
    }
    memcpy(creation->row.id, before.id, sizeof before.id);
    return found;
}

static void on_inserted(void *ctx, int status)
{
    Creation *creation = ctx;
    ApiCall *call = creation->call;
    memcpy(call->id, creation->row.id, sizeof call->id);
    if (creation->over_quota) {
        api_fail(call, 403, "quota",
                 "The organisation has as many takes as it may: delete some, or finish open ones.");
    } else if (status == DB_CONFLICT && creation->has_key) {
        api_fail(call, 409, "conflict",
                 "This Idempotency-Key was used for a recording with other settings.");
    } else if (status != DB_OK) {
        api_fail_db(call, status);
    } else {
        api_send_created(call);
    }
}

void api_recording_create(ApiCall *call)
{
    const KtLimits *limits = &call->api->settings.limits;
    char error[JSON_ERROR_BYTES];
    if (!limits->enabled) {
        api_fail(call, 403, "recording-disabled", "Recording is switched off on this server.");
        return;
    }
    if (call->api->is_full(call->api->house)) {
        api_fail(call, 507, "store-full",
                 "The server's disk is nearly full: delete recordings, or ask its operator.");
        return;
    }
    cJSON *body = api_body(call, 64, 0);
    if (!body) {
        return;
    }
    Creation *creation = call->work = calloc(1, sizeof *creation);
    int result = creation ? read_recording(body, limits, &creation->row, error) : -1;
    cJSON_Delete(body);
    if (result != 0) {
        bad_request(call, creation ? error : "There is not enough memory.");
        return;
    }
    creation->call = call;
    if (read_key(call, creation) != 0) {
        return;
    }
    if (call->api->settings.part_bytes > 0) {
        creation->row.take.part_bytes = call->api->settings.part_bytes;
    }
    creation->row.created_us = clock_now_us();
    memcpy(creation->row.organisation, call->identity.organisation,
           sizeof creation->row.organisation);
    if (id_make("rec_", creation->row.id, sizeof creation->row.id) != 0) {
        api_fail(call, 500, "internal", "There is no randomness.");
        return;
    }
    recording_name_take(&creation->row);
    db_write(call->api->db, call->by, insert_recording, creation, on_inserted);
}

/* --- list --- */

typedef struct Listing {
    const ApiCall *call;
    JsonOut out;
    int count, limit;
    int64_t before_us, last_us;
    char before_id[RECORDING_ID_BYTES], last_id[RECORDING_ID_BYTES];
    int more;
} Listing;

static void list_one(void *ctx, const RecordingRow *row)
{
    Listing *listing = ctx;
    if (listing->count == listing->limit) {
        listing->more = 1;
        return;
    }
    listing->count++;
    listing->last_us = row->created_us;
    memcpy(listing->last_id, row->id, sizeof listing->last_id);
    api_recording_json(listing->call, &listing->out, row, -1);
}

/* ?limit= and ?cursor= ("MICROSECONDS.ID" of the last one seen). 0, or answered. */
static int read_list_query(ApiCall *call, int *limit, int64_t *before_us,
                           char before_id[RECORDING_ID_BYTES])
{
    char text[64];
    char *end;
    *limit = 50;
    *before_us = INT64_MAX;
    before_id[0] = 0;
    if (http_query(call->request, "limit", text, sizeof text) >= 0) {
        long value = strtol(text, &end, 10);
        if (!*text || *end || value < 1 || value > API_MAX_LIST) {
            bad_request(call, "\"limit\" must be a whole number from 1 to 200.");
            return -1;
        }
        *limit = (int)value;
    }
    if (http_query(call->request, "cursor", text, sizeof text) >= 0) {
        *before_us = strtoll(text, &end, 10);
        if (!*text || *end != '.' || *before_us < 0 || !recording_id_valid(end + 1)) {
            bad_request(call, "\"cursor\" is not one that this server gave.");
            return -1;
        }
        snprintf(before_id, RECORDING_ID_BYTES, "%.31s", end + 1);
    }
    return 0;
}

/* On a reading thread. */
static int read_list(DbConnection *c, void *ctx)
{
    Listing *listing = ctx;
    char cursor[64];
    json_begin(&listing->out, '{');
    json_key(&listing->out, "recordings");
    json_begin(&listing->out, '[');
    int status = recording_list(c, listing->call->identity.organisation, listing->before_us,
                                listing->before_id, listing->limit + 1, list_one, listing);
    json_end(&listing->out, ']');
    if (listing->more) {
        snprintf(cursor, sizeof cursor, "%lld.%s", (long long)listing->last_us, listing->last_id);
        json_key(&listing->out, "next_cursor");
        json_string(&listing->out, cursor);
    }
    json_end(&listing->out, '}');
    return status < 0 ? status : DB_OK;
}

static void on_list(void *ctx, int status)
{
    ApiCall *call = ctx;
    Listing *listing = call->work;
    JsonOut out = listing->out;
    listing->out = (JsonOut){0};
    if (status != DB_OK) {
        json_free(&out);
        api_fail_db(call, status);
    } else {
        api_send(call, 200, &out);
    }
}

static int read_list_of(DbConnection *c, void *ctx)
{
    return read_list(c, ((ApiCall *)ctx)->work);
}

void api_recording_list(ApiCall *call)
{
    Listing *listing = call->work = calloc(1, sizeof *listing);
    if (!listing) {
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    listing->call = call;
    if (read_list_query(call, &listing->limit, &listing->before_us, listing->before_id) == 0) {
        db_read(call->api->db, read_list_of, call, on_list);
    }
}

/* --- get, patch, delete --- */

static ApiUploaded *uploaded_slot(const ApiCall *call)
{
    unsigned hash = 5381;
    for (const char *p = call->id; *p; p++) {
        hash = hash * 33 + (unsigned char)*p;
    }
    return &call->api->uploaded[hash % API_UPLOADED_SLOTS];
}

static void send_uploaded(ApiCall *call, int64_t bytes, int64_t newest_us)
{
    JsonOut out = {0};
    if (newest_us > call->row.alive_us) { /* a part is a sign of life as well */
        call->row.alive_us = newest_us;
    }
    api_recording_json(call, &out, &call->row, bytes);
    api_send(call, 200, &out);
}

static void on_uploaded_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    ApiCall *call = ctx;
    ApiUploaded *slot = uploaded_slot(call);
    int64_t bytes = 0, newest_us = 0;
    if (status != STORE_OK) {
        send_uploaded(call, -1, 0);
        return;
    }
    for (int i = 0; i < count; i++) {
        bytes += parts[i].bytes;
        newest_us = parts[i].modified_unix_us > newest_us ? parts[i].modified_unix_us : newest_us;
    }
    memcpy(slot->id, call->id, sizeof slot->id);
    slot->looked_us = clock_now_us();
    slot->bytes = bytes;
    slot->newest_us = newest_us;
    send_uploaded(call, bytes, newest_us);
}

void api_recording_get(ApiCall *call)
{
    Store *store = call->api->store;
    if (call->row.take.state == OBJECT_OPEN && call->row.take.pending == PENDING_NONE) {
        const ApiUploaded *slot = uploaded_slot(call);
        int64_t age_us = clock_now_us() - slot->looked_us;
        if (strcmp(slot->id, call->id) == 0 && age_us >= 0 && age_us < API_UPLOADED_US) {
            send_uploaded(call, slot->bytes, slot->newest_us);
            return;
        }
        store->list_parts(store, call->row.take.key, call->row.take.upload_id, NULL, call,
                          on_uploaded_listed);
        return;
    }
    JsonOut out = {0};
    api_recording_json(call, &out, &call->row, -1);
    api_send(call, 200, &out);
}

static int update_title(DbConnection *c, void *ctx)
{
    const ApiCall *call = ctx;
    return recording_set_title(c, call->id, call->row.title, clock_now_us());
}

static void on_written(void *ctx, int status)
{
    ApiCall *call = ctx;
    if (status != DB_OK) {
        api_fail_db(call, status);
    } else {
        api_send_recording(call, 200);
    }
}

void api_recording_patch(ApiCall *call)
{
    char error[JSON_ERROR_BYTES];
    cJSON *body = api_body(call, 64, 0);
    if (!body) {
        return;
    }
    int result = required(api_read_title(body, call->row.title, error), "title", error);
    cJSON_Delete(body);
    if (result != 0) {
        bad_request(call, error);
        return;
    }
    db_write(call->api->db, call->by, update_title, call, on_written);
}

static void on_deleted(void *ctx, const JobResult *result)
{
    ApiCall *call = ctx;
    if (result->status != JOB_OK) {
        api_fail_job(call, result);
    } else {
        api_send_empty(call);
    }
}

void api_recording_delete(ApiCall *call)
{
    job_delete(call->api->jobs, call->by, &call->row.take, call, on_deleted);
}

/* --- playback --- */

static int playback_url(ApiCall *call, int download, int seconds, int64_t now_us, char *url,
                        size_t url_bytes)
{
    Store *store = call->api->store;
    char disposition[TITLE_DISPOSITION_BYTES];
    Text query = {0};
    text_add_string(&query, "response-content-type=video%2Fwebm");
    if (download) {
        title_disposition(call->row.title, call->row.id, disposition);
        text_add_string(&query, "&response-content-disposition=");
        text_add_uri(&query, disposition, strlen(disposition), 0);
    }
    int result = query.failed ? -1
                              : store->presign(store, "GET", call->row.take.key, query.data,
                                               seconds, now_us, url, url_bytes);
    text_reset(&query);
    return result;
}

void api_playback(ApiCall *call)
{
    char error[JSON_ERROR_BYTES], url[API_MAX_URL_BYTES];
    int64_t seconds = 3600, now_us = clock_now_us();
    int download = 0;
    cJSON *body = api_body(call, 64, 1);
    if (!body) {
        return;
    }
    int result = json_get_int(body, "expires_seconds", 60, 604800, &seconds, error) < 0 ||
                 json_get_bool(body, "download", &download, error) < 0;
    cJSON_Delete(body);
    if (result != 0) {
        bad_request(call, error);
        return;
    }
    if (call->row.take.state != OBJECT_COMPLETE) {
        int gone = call->row.take.state == OBJECT_ABORTED || call->row.take.state == OBJECT_FAILED;
        api_fail(call, gone ? 410 : 409, gone ? "gone" : "conflict",
                 gone ? "This take was not kept." : "This take is not finished.");
        return;
    }
    if (playback_url(call, download, (int)seconds, now_us, url, sizeof url) < 0) {
        api_fail(call, 500, "internal", "The URL could not be signed.");
        return;
    }
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "url");
    json_string(&out, url);
    json_key(&out, "expires_at");
    json_time(&out, now_us + seconds * 1000000);
    json_key(&out, "content_type");
    json_string(&out, "video/webm");
    json_end(&out, '}');
    api_send(call, 200, &out);
}
