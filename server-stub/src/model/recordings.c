/* Statements of recordings and timelines, and the JSON of a recording. */
#include "model/recordings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int recording_is_live(const RecordingRow *row, int64_t now_us, int64_t live_us)
{
    const ObjectRow *take = &row->take;
    int open = (take->state == OBJECT_CREATED || take->state == OBJECT_OPEN) &&
               (take->pending == PENDING_NONE || take->pending == PENDING_COMPLETE);
    return open && row->alive_us > 0 && now_us - row->alive_us < live_us &&
           row->alive_us - now_us < live_us;
}

void recording_name_take(RecordingRow *row)
{
    ObjectRow *take = &row->take;
    take->kind = OBJECT_TAKE;
    take->created_us = row->created_us;
    snprintf(take->id, sizeof take->id, "obj_%.24s", row->id + 4);
    memcpy(take->recording, row->id, sizeof take->recording);
    memcpy(take->organisation, row->organisation, sizeof take->organisation);
    snprintf(take->type, sizeof take->type, "video/webm");
    snprintf(take->key, sizeof take->key, RECORDING_KEY_PREFIX "%s/%s.webm", row->organisation,
             row->id);
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
    json_key(out, "upload");
    json_begin(out, '{');
    json_key(out, "upload_id");
    json_string(out, row->take.upload_id);
    json_key(out, "part_bytes");
    json_int(out, row->take.part_bytes);
    json_key(out, "max_parts");
    json_int(out, STORE_MAX_PARTS);
    json_key(out, "key");
    json_string(out, row->take.key);
    if (uploaded_bytes >= 0) {
        json_key(out, "uploaded_bytes");
        json_int(out, uploaded_bytes);
    }
    json_end(out, '}');
}

static void live_json(JsonOut *out, const RecordingRow *row, const RecordingView *view)
{
    if (row->take.state != OBJECT_CREATED && row->take.state != OBJECT_OPEN) {
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
    const char *texts[] = {"id",    row->id,
                           "title", row->title,
                           "state", object_state_name(row->take.state, row->take.pending),
                           "codec", row->codec};
    json_begin(out, '{');
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i += 2) {
        json_key(out, texts[i]);
        json_string(out, texts[i + 1]);
    }
    json_key(out, "created_at");
    json_time(out, row->created_us);
    if (row->take.state == OBJECT_COMPLETE) {
        json_key(out, "completed_at");
        json_time(out, row->take.completed_us);
        json_key(out, "bytes");
        json_int(out, row->take.bytes);
    }
    if (row->take.duration_us >= 0 && row->take.state == OBJECT_COMPLETE) {
        json_key(out, "duration");
        json_number(out, (double)row->take.duration_us / 1e6);
    }
    json_key(out, "width");
    json_int(out, row->width);
    json_key(out, "height");
    json_int(out, row->height);
    json_key(out, "fps");
    json_number(out, row->fps);
    json_key(out, "has_timeline");
    json_bool(out, row->has_timeline);
    if (row->take.state == OBJECT_COMPLETE) {
        json_key(out, "salvaged");
        json_bool(out, row->take.salvaged);
    }
    live_json(out, row, view);
    if (row->take.state == OBJECT_OPEN && row->take.pending != PENDING_ABORT &&
        !object_is_salvaging(&row->take)) {
        upload_json(out, row, view->uploaded_bytes);
    }
    json_end(out, '}');
}

static void read_row(sqlite3_stmt *s, RecordingRow *out)
{
    const int first = DB_OBJECT_COLUMN_COUNT;
    memset(out, 0, sizeof *out);
    object__read(s, 0, &out->take);
    db_text(s, first + 0, out->id, sizeof out->id);
    db_text(s, first + 1, out->organisation, sizeof out->organisation);
    db_text(s, first + 2, out->title, sizeof out->title);
    out->created_us = sqlite3_column_int64(s, first + 3);
    db_text(s, first + 4, out->codec, sizeof out->codec);
    out->width = sqlite3_column_int(s, first + 5);
    out->height = sqlite3_column_int(s, first + 6);
    out->fps = sqlite3_column_double(s, first + 7);
    out->video_bitrate = sqlite3_column_int64(s, first + 8);
    out->audio_bitrate = sqlite3_column_int64(s, first + 9);
    out->max_length_us = sqlite3_column_int64(s, first + 10);
    out->has_timeline = sqlite3_column_int(s, first + 11);
    out->alive_us = sqlite3_column_int64(s, first + 12);
    out->writer_known = sqlite3_column_int(s, first + 13);
    db_text(s, first + 14, out->writer_token, sizeof out->writer_token);
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
        (strcmp(organisation, out->organisation) != 0 || out->take.pending == PENDING_DELETE)) {
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
    if (creation_key) {
        sqlite3_bind_blob(s, 12, creation_key, RECORDING_KEY_HASH_BYTES, SQLITE_STATIC);
    }
    int status = db_run(c, s);
    return status == DB_OK ? object_insert(c, &row->take) : status;
}

/* Its take is looked at: whoever deletes the recording marks that. */
static int touch_take(DbConnection *c, DbStatementId statement, const char *id, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, statement);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, now_us);
    return db_run(c, s);
}

int recording_set_title(DbConnection *c, const char *id, const char *title, int64_t now_us)
{
    int status = touch_take(c, DB_TAKE_TOUCH_SQL, id, now_us);
    if (status != DB_OK) {
        return status;
    }
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_TITLE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, title, -1, SQLITE_STATIC);
    return db_run(c, s);
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

int recording_adopt(DbConnection *c, const RecordingRow *row, int64_t now_us)
{
    int status = recording_insert(c, row, NULL);
    const ObjectRow *take = &row->take;
    const char *upload = *take->upload_id ? take->upload_id : RECORDING_FOUND_UPLOAD;
    status = status == DB_OK ? object_set_upload(c, take->id, upload, now_us) : status;
    return status == DB_OK ? object_set_salvage(c, take->id, -1, NULL, now_us) : status;
}

int recording_delete(DbConnection *c, const char *id)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_DELETE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    return db_run(c, s);
}

static int mark_timeline(DbConnection *c, const char *id, int there)
{
    sqlite3_stmt *s = db_statement(c, DB_RECORDING_TIMELINE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, there);
    return db_run(c, s);
}

int timeline_put(DbConnection *c, const char *id, const uint8_t *data, size_t bytes, int64_t now_us)
{
    int status = now_us >= 0 ? touch_take(c, DB_TAKE_ALIVE_SQL, id, now_us) : DB_OK;
    status = status == DB_OK ? mark_timeline(c, id, 1) : status;
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
    return status == DB_OK ? mark_timeline(c, id, 0) : status;
}
