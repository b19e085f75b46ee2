/* Statements of recordings and timelines, and the JSON of a recording. */
#include "model/recordings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *recording_state_name(RecordingState state, RecordingPending pending)
{
    static const char *const names[] = {"created",  "recording", "completing",
                                        "complete", "aborted",   "failed"};
    if (pending == PENDING_ABORT) {
        return names[RECORDING_ABORTED];
    }
    if (pending == PENDING_SALVAGE || pending == PENDING_REBUILD) {
        return "salvaging";
    }
    return pending == PENDING_COMPLETE ? names[2] : names[state];
}

int recording_is_salvaging(const RecordingRow *row)
{
    return row->pending == PENDING_SALVAGE || row->pending == PENDING_REBUILD;
}

int recording_is_taken_over(const RecordingRow *row)
{
    return recording_is_salvaging(row) || (row->state == RECORDING_COMPLETE && row->salvaged);
}

int recording_is_live(const RecordingRow *row, int64_t now_us, int64_t live_us)
{
    int open = (row->state == RECORDING_CREATED || row->state == RECORDING_RECORDING) &&
               (row->pending == PENDING_NONE || row->pending == PENDING_COMPLETE);
    return open && row->alive_us > 0 && now_us - row->alive_us < live_us &&
           row->alive_us - now_us < live_us;
}

int recording_id_valid(const char *text)
{
    return strlen(text) == 28 && strncmp(text, "rec_", 4) == 0 &&
           strspn(text + 4, "abcdefghijklmnopqrstuvwxyz234567") == 24;
}

void recording_key(const RecordingRow *row, char key[STORE_KEY_BYTES])
{
    snprintf(key, STORE_KEY_BYTES, RECORDING_KEY_PREFIX "%s/%s.webm", row->organisation, row->id);
}

int recording_id_of_key(const char *key, char id[RECORDING_ID_BYTES])
{
    const char *slash = strrchr(key, '/');
    const char *dot = slash ? strrchr(slash, '.') : NULL;
    if (strncmp(key, RECORDING_KEY_PREFIX, strlen(RECORDING_KEY_PREFIX)) != 0 || !dot ||
        strcmp(dot, ".webm") != 0 || dot - slash - 1 >= RECORDING_ID_BYTES) {
        return -1;
    }
    snprintf(id, RECORDING_ID_BYTES, "%.*s", (int)(dot - slash - 1), slash + 1);
    return recording_id_valid(id) ? 0 : -1;
}

int recording_organisation_of_key(const char *key, char organisation[ORGANISATION_BYTES])
{
    char id[RECORDING_ID_BYTES];
    if (recording_id_of_key(key, id) != 0) {
        return -1;
    }
    key += sizeof RECORDING_KEY_PREFIX - 1;
    size_t bytes = strcspn(key, "/");
    if (bytes >= ORGANISATION_BYTES) {
        return -1;
    }
    memcpy(organisation, key, bytes);
    organisation[bytes] = 0;
    return organisation_name_valid(organisation) ? 0 : -1;
}

static void upload_json(JsonOut *out, const RecordingRow *row, int64_t uploaded_bytes)
{
    char key[STORE_KEY_BYTES];
    recording_key(row, key);
    json_key(out, "upload");
    json_begin(out, '{');
    json_key(out, "upload_id");
    json_string(out, row->upload_id);
    json_key(out, "part_bytes");
    json_int(out, row->part_bytes);
    json_key(out, "max_parts");
    json_int(out, STORE_MAX_PARTS);
    json_key(out, "key");
    json_string(out, key);
    if (uploaded_bytes >= 0) {
        json_key(out, "uploaded_bytes");
        json_int(out, uploaded_bytes);
    }
    json_end(out, '}');
}

static void live_json(JsonOut *out, const RecordingRow *row, const RecordingView *view)
{
    if (row->state != RECORDING_CREATED && row->state != RECORDING_RECORDING) {
        return;
    }
    json_key(out, "live");
    json_bool(out, view->live);
    if (row->alive_us > 0) {
        json_key(out, "last_sign_of_life");
        json_time(out, row->alive_us);
    }
    if (view->writer) {
        json_key(out, "writer");
        json_string(out, view->writer);
    }
}

void recording_json(JsonOut *out, const RecordingRow *row, const RecordingView *view)
{
    const char *texts[] = {"id",       row->id,   "title",
                           row->title, "state",   recording_state_name(row->state, row->pending),
                           "codec",    row->codec};
    json_begin(out, '{');
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i += 2) {
        json_key(out, texts[i]);
        json_string(out, texts[i + 1]);
    }
    json_key(out, "created_at");
    json_time(out, row->created_us);
    if (row->state == RECORDING_COMPLETE) {
        json_key(out, "completed_at");
        json_time(out, row->completed_us);
        json_key(out, "bytes");
        json_int(out, row->bytes);
    }
    if (row->duration_us >= 0 && row->state == RECORDING_COMPLETE) {
        json_key(out, "duration");
        json_number(out, (double)row->duration_us / 1e6);
    }
    json_key(out, "width");
    json_int(out, row->width);
    json_key(out, "height");
    json_int(out, row->height);
    json_key(out, "fps");
    json_number(out, row->fps);
    json_key(out, "has_timeline");
    json_bool(out, row->has_timeline);
    if (row->state == RECORDING_COMPLETE) {
        json_key(out, "salvaged");
        json_bool(out, row->salvaged);
    }
    live_json(out, row, view);
    if (row->state == RECORDING_RECORDING && row->pending != PENDING_ABORT &&
        !recording_is_salvaging(row)) {
        upload_json(out, row, view->uploaded_bytes);
    }
    json_end(out, '}');
}

static void read_row(sqlite3_stmt *s, RecordingRow *out)
{
    memset(out, 0, sizeof *out);
    db_text(s, 0, out->id, sizeof out->id);
    db_text(s, 1, out->organisation, sizeof out->organisation);
    db_text(s, 2, out->title, sizeof out->title);
    out->state = (RecordingState)sqlite3_column_int(s, 3);
    out->pending = (RecordingPending)sqlite3_column_int(s, 4);
    out->created_us = sqlite3_column_int64(s, 5);
    out->completed_us = sqlite3_column_int64(s, 6);
    out->duration_us = sqlite3_column_type(s, 7) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 7);
    out->bytes = sqlite3_column_int64(s, 8);
    db_text(s, 9, out->codec, sizeof out->codec);
    out->width = sqlite3_column_int(s, 10);
    out->height = sqlite3_column_int(s, 11);
    out->fps = sqlite3_column_double(s, 12);
    out->video_bitrate = sqlite3_column_int64(s, 13);
    out->audio_bitrate = sqlite3_column_int64(s, 14);
    out->max_length_us = sqlite3_column_int64(s, 15);
    db_text(s, 16, out->upload_id, sizeof out->upload_id);
    out->part_bytes = sqlite3_column_int64(s, 17);
    const void *digest = sqlite3_column_blob(s, 18);
    if (digest && sqlite3_column_bytes(s, 18) == RECORDING_DIGEST_BYTES) {
        memcpy(out->digest, digest, RECORDING_DIGEST_BYTES);
        out->has_digest = 1;
    }
    out->changed_us = sqlite3_column_int64(s, 19);
    out->has_timeline = sqlite3_column_int(s, 20);
    out->salvaged = sqlite3_column_int(s, 21);
    out->salvage_bytes =
        sqlite3_column_type(s, 22) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 22);
    out->alive_us = sqlite3_column_int64(s, 23);
    out->writer_known = sqlite3_column_int(s, 24);
    db_text(s, 25, out->writer_token, sizeof out->writer_token);
}

int recording_get(DbConnection *c, const char *organisation, const char *id, RecordingRow *out)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_GET_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    int result = db_step(c, s);
    if (result <= 0) {
        return result == 0 ? DB_NOT_FOUND : result;
    }
    read_row(s, out);
    sqlite3_reset(s);
    if (organisation &&
        (strcmp(organisation, out->organisation) != 0 || out->pending == PENDING_DELETE)) {
        return DB_NOT_FOUND;
    }
    return DB_OK;
}

int recording_list(DbConnection *c, const char *organisation, int64_t before_us,
                   const char *before_id, int limit,
                   void (*each)(void *ctx, const RecordingRow *row), void *ctx)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_LIST_SQL);
    sqlite3_bind_text(s, 1, organisation, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, before_us);
    sqlite3_bind_text(s, 3, before_id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 4, limit);
    int result;
    while ((result = db_step(c, s)) > 0) {
        RecordingRow row;
        read_row(s, &row);
        each(ctx, &row);
    }
    return result;
}

static int collect(DbConnection *c, sqlite3_stmt *s, RecordingRow *out, int max)
{
    int count = 0, result;
    while ((result = db_step(c, s)) > 0) {
        if (count < max) {
            read_row(s, &out[count++]);
        }
    }
    return result < 0 ? result : count;
}

int recording_pending(DbConnection *c, const char *after_id, RecordingRow *out, int max)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDINGS_PENDING_SQL);
    sqlite3_bind_text(s, 1, after_id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, max);
    return collect(c, s, out, max);
}

int recording_unfinished(DbConnection *c, const char *after_id, int64_t created_before_us,
                         RecordingRow *out, int max)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDINGS_UNFINISHED_SQL);
    sqlite3_bind_text(s, 1, after_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, created_before_us);
    sqlite3_bind_int(s, 3, max);
    return collect(c, s, out, max);
}

int recording_use(DbConnection *c, const char *organisation, RecordingUse *out)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_USE_SQL);
    sqlite3_bind_text(s, 1, organisation, -1, SQLITE_STATIC);
    int result = db_step(c, s);
    if (result <= 0) {
        return result < 0 ? result : DB_IO;
    }
    out->bytes = sqlite3_column_int64(s, 0);
    out->open = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return DB_OK;
}

int server_clock_get(DbConnection *c, int64_t *seen_us)
{
    sqlite3_stmt *s = db_statement(c, DB_CLOCK_GET_SQL);
    int result = db_step(c, s);
    if (result <= 0) {
        return result == 0 ? DB_NOT_FOUND : result;
    }
    *seen_us = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return DB_OK;
}

int server_clock_set(DbConnection *c, int64_t seen_us)
{
    sqlite3_stmt *s = db_statement(c, DB_CLOCK_SET_SQL);
    sqlite3_bind_int64(s, 1, seen_us);
    return db_run(c, s);
}

int recording_counts(DbConnection *c, int64_t counts[8])
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDINGS_COUNT_SQL);
    int result;
    memset(counts, 0, 8 * sizeof counts[0]);
    while ((result = db_step(c, s)) > 0) {
        counts[sqlite3_column_int(s, 0) & 7] += sqlite3_column_int64(s, 1);
    }
    return result;
}

int recording_oldest_pending(DbConnection *c, int64_t *changed_us)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDINGS_OLDEST_SQL);
    int result = db_step(c, s);
    *changed_us = result > 0 ? sqlite3_column_int64(s, 0) : 0;
    if (result > 0) {
        sqlite3_reset(s);
    }
    return result > 0 ? DB_OK : result;
}

int recording_by_key(DbConnection *c, const uint8_t *creation_key, RecordingRow *out)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_FORGET_KEY_SQL);
    sqlite3_bind_blob(s, 1, creation_key, RECORDING_KEY_HASH_BYTES, SQLITE_STATIC);
    int result = db_run(c, s);
    if (result != DB_OK && result != DB_NOT_FOUND) {
        return result;
    }
    s = db_statement(c, DB_RECORDING_BY_KEY_SQL);
    sqlite3_bind_blob(s, 1, creation_key, RECORDING_KEY_HASH_BYTES, SQLITE_STATIC);
    result = db_step(c, s);
    if (result <= 0) {
        return result == 0 ? DB_NOT_FOUND : result;
    }
    read_row(s, out);
    sqlite3_reset(s);
    return DB_OK;
}

int recording_set_alive(DbConnection *c, const char *id, int64_t now_us, int writer_known,
                        const char *token)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_ALIVE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, now_us);
    sqlite3_bind_int(s, 3, writer_known);
    sqlite3_bind_text(s, 4, token, -1, SQLITE_STATIC);
    return db_run(c, s);
}

int recording_insert(DbConnection *c, const RecordingRow *row, const uint8_t *creation_key)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_INSERT_SQL);
    sqlite3_bind_text(s, 1, row->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, row->organisation, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, row->title, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, row->created_us);
    sqlite3_bind_text(s, 5, row->codec, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 6, row->width);
    sqlite3_bind_int(s, 7, row->height);
    sqlite3_bind_double(s, 8, row->fps);
    sqlite3_bind_int64(s, 9, row->video_bitrate);
    sqlite3_bind_int64(s, 10, row->audio_bitrate);
    sqlite3_bind_int64(s, 11, row->max_length_us);
    sqlite3_bind_int64(s, 12, row->part_bytes);
    if (creation_key) {
        sqlite3_bind_blob(s, 13, creation_key, RECORDING_KEY_HASH_BYTES, SQLITE_STATIC);
    }
    return db_run(c, s);
}

static int set_text(DbConnection *c, DbStatementId statement, const char *id, const char *text,
                    int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, statement);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, now_us);
    return db_run(c, s);
}

int recording_set_title(DbConnection *c, const char *id, const char *title, int64_t now_us)
{
    return set_text(c, DB_RECORDING_TITLE_SQL, id, title, now_us);
}

int recording_set_upload(DbConnection *c, const char *id, const char *upload_id, int64_t now_us)
{
    return set_text(c, DB_RECORDING_UPLOAD_SQL, id, upload_id, now_us);
}

int recording_set_pending(DbConnection *c, const char *id, RecordingPending pending,
                          const uint8_t *digest, int64_t duration_us, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_PENDING_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, pending);
    if (digest) {
        sqlite3_bind_blob(s, 3, digest, RECORDING_DIGEST_BYTES, SQLITE_STATIC);
    }
    if (duration_us >= 0) {
        sqlite3_bind_int64(s, 4, duration_us);
    }
    sqlite3_bind_int64(s, 5, now_us);
    return db_run(c, s);
}

int recording_set_aborting(DbConnection *c, const char *id, int by_salvage, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_ABORT_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, by_salvage);
    sqlite3_bind_int64(s, 3, now_us);
    return db_run(c, s);
}

int recording_set_state(DbConnection *c, const char *id, RecordingState state, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_STATE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, state);
    sqlite3_bind_int64(s, 3, now_us);
    return db_run(c, s);
}

int recording_set_complete(DbConnection *c, const char *id, int64_t bytes, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_COMPLETE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, bytes);
    sqlite3_bind_int64(s, 3, now_us);
    return db_run(c, s);
}

int recording_set_salvage(DbConnection *c, const char *id, int64_t bytes, const uint8_t *digest,
                          int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_SALVAGE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    if (bytes >= 0) {
        sqlite3_bind_int64(s, 2, bytes);
    }
    if (digest) {
        sqlite3_bind_blob(s, 3, digest, RECORDING_DIGEST_BYTES, SQLITE_STATIC);
    }
    sqlite3_bind_int64(s, 4, now_us);
    return db_run(c, s);
}

int recording_set_rebuild(DbConnection *c, const char *id, const char *upload_id, int64_t now_us)
{
    return set_text(c, DB_RECORDING_REBUILD_SQL, id, upload_id, now_us);
}

int recording_set_settings(DbConnection *c, const char *id, const char *codec, int width,
                           int height, double fps)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_SETTINGS_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, codec, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 3, width);
    sqlite3_bind_int(s, 4, height);
    sqlite3_bind_double(s, 5, fps);
    int status = db_run(c, s);
    return status == DB_NOT_FOUND ? DB_OK : status;
}

int recording_set_salvaged(DbConnection *c, const char *id, int64_t bytes, int64_t duration_us,
                           int salvaged, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_SALVAGED_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, bytes);
    sqlite3_bind_int64(s, 3, duration_us);
    sqlite3_bind_int64(s, 4, now_us);
    sqlite3_bind_int(s, 5, salvaged);
    return db_run(c, s);
}

int recording_adopt(DbConnection *c, const RecordingRow *row, int64_t now_us)
{
    int status = recording_insert(c, row, NULL);
    const char *upload = *row->upload_id ? row->upload_id : RECORDING_FOUND_UPLOAD;
    status = status == DB_OK ? recording_set_upload(c, row->id, upload, now_us) : status;
    return status == DB_OK ? recording_set_salvage(c, row->id, -1, NULL, now_us) : status;
}

int recording_delete(DbConnection *c, const char *id)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_DELETE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    return db_run(c, s);
}

static int mark_timeline(DbConnection *c, const char *id, int there, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_TIMELINE_MARK_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, there);
    if (now_us >= 0) {
        sqlite3_bind_int64(s, 3, now_us);
    }
    return db_run(c, s);
}

int timeline_put(DbConnection *c, const char *id, const uint8_t *data, size_t bytes, int64_t now_us)
{
    int status = mark_timeline(c, id, 1, now_us);
    if (status != DB_OK) {
        return status;
    }
    sqlite3_stmt *s = db_statement(c, DB_TIMELINE_PUT_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(s, 2, data, bytes, SQLITE_STATIC);
    return db_run(c, s);
}

int timeline_get(DbConnection *c, const char *id, uint8_t **data, size_t *bytes)
{
    sqlite3_stmt *s = db_statement(c, DB_TIMELINE_GET_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    int result = db_step(c, s);
    if (result <= 0) {
        return result == 0 ? DB_NOT_FOUND : result;
    }
    const void *blob = sqlite3_column_blob(s, 0);
    *bytes = (size_t)sqlite3_column_bytes(s, 0);
    *data = blob ? malloc(*bytes) : NULL;
    if (*data) {
        memcpy(*data, blob, *bytes);
    }
    sqlite3_reset(s);
    return *data ? DB_OK : DB_IO;
}

int timeline_remove(DbConnection *c, const char *id)
{
    sqlite3_stmt *s = db_statement(c, DB_TIMELINE_DELETE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    int status = db_run(c, s);
    if (status == DB_NOT_FOUND) {
        return DB_OK;
    }
    return status == DB_OK ? mark_timeline(c, id, 0, -1) : status;
}
