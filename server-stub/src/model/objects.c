/* Statements of objects. */
#include "model/objects.h"

#include <stdio.h>
#include <string.h>

const char *object_kind_name(ObjectKind kind)
{
    switch (kind) {
#define OBJECT_KIND_NAME(name, number, text)                                                       \
    case OBJECT_##name:                                                                            \
        return text;
        OBJECT_KIND_MAP(OBJECT_KIND_NAME)
#undef OBJECT_KIND_NAME
    }
    return "other";
}

const char *object_state_name(ObjectState state, ObjectPending pending)
{
    static const char *const names[] = {"created",  "recording", "completing",
                                        "complete", "aborted",   "failed"};
    if (pending == PENDING_ABORT) {
        return names[OBJECT_ABORTED];
    }
    if (pending == PENDING_SALVAGE || pending == PENDING_REBUILD) {
        return "salvaging";
    }
    return pending == PENDING_COMPLETE ? names[2] : names[state];
}

int object_is_salvageable(ObjectKind kind)
{
    return kind == OBJECT_TAKE || kind == OBJECT_RAW_VIDEO || kind == OBJECT_RAW_AUDIO;
}

int object_is_salvaging(const ObjectRow *object)
{
    return object->pending == PENDING_SALVAGE || object->pending == PENDING_REBUILD;
}

int object_is_taken_over(const ObjectRow *object)
{
    return object_is_salvaging(object) || (object->state == OBJECT_COMPLETE && object->salvaged);
}

/* --- keys --- */

const char *const object_prefixes[] = {
    "takes/", /* composed, from browsers */
    "raw/",   /* tracks, from a room */
    "made/",  /* what the server makes of them */
};
const int object_prefix_count = (int)(sizeof object_prefixes / sizeof object_prefixes[0]);

int recording_id_valid(const char *text)
{
    return strlen(text) == 28 && strncmp(text, "rec_", 4) == 0 &&
           strspn(text + 4, "abcdefghijklmnopqrstuvwxyz234567") == 24;
}

static int is_id(const char *text, size_t bytes, char id[RECORDING_ID_BYTES])
{
    if (bytes >= RECORDING_ID_BYTES) {
        return 0;
    }
    snprintf(id, RECORDING_ID_BYTES, "%.*s", (int)bytes, text);
    return recording_id_valid(id);
}

int object_key_recording(const char *key, char id[RECORDING_ID_BYTES])
{
    int i = 0;
    while (i < object_prefix_count &&
           strncmp(key, object_prefixes[i], strlen(object_prefixes[i])) != 0) {
        i++;
    }
    if (i == object_prefix_count) {
        return -1;
    }
    for (const char *at = strchr(key, '/'); at; at = strchr(at, '/')) {
        size_t bytes = strcspn(++at, "/");
        if (i == 0 && at[bytes] == 0 && bytes > 5 && strcmp(at + bytes - 5, ".webm") == 0) {
            return is_id(at, bytes - 5, id) ? 0 : -1;
        }
        if (i > 0 && at[bytes] == '/' && is_id(at, bytes, id)) {
            return 0;
        }
    }
    return -1;
}

/* --- reads --- */

static int64_t int_or(sqlite3_stmt *s, int column, int64_t absent)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? absent : sqlite3_column_int64(s, column);
}

void object__read(sqlite3_stmt *s, int first, ObjectRow *out)
{
    memset(out, 0, sizeof *out);
    db_text(s, first + 0, out->id, sizeof out->id);
    db_text(s, first + 1, out->recording, sizeof out->recording);
    db_text(s, first + 2, out->organisation, sizeof out->organisation);
    out->kind = (ObjectKind)sqlite3_column_int(s, first + 3);
    db_text(s, first + 4, out->key, sizeof out->key);
    db_text(s, first + 5, out->type, sizeof out->type);
    out->state = (ObjectState)sqlite3_column_int(s, first + 6);
    out->pending = (ObjectPending)sqlite3_column_int(s, first + 7);
    out->created_us = sqlite3_column_int64(s, first + 8);
    out->completed_us = sqlite3_column_int64(s, first + 9);
    out->changed_us = sqlite3_column_int64(s, first + 10);
    db_text(s, first + 11, out->upload_id, sizeof out->upload_id);
    out->part_bytes = sqlite3_column_int64(s, first + 12);
    out->bytes = sqlite3_column_int64(s, first + 13);
    out->duration_us = int_or(s, first + 14, -1);
    const void *digest = sqlite3_column_blob(s, first + 15);
    if (digest && sqlite3_column_bytes(s, first + 15) == OBJECT_DIGEST_BYTES) {
        memcpy(out->digest, digest, OBJECT_DIGEST_BYTES);
        out->has_digest = 1;
    }
    out->salvaged = sqlite3_column_int(s, first + 16);
    out->salvage_bytes = int_or(s, first + 17, -1);
}

static int get(DbConnection *c, DbStatementId id, const char *text, ObjectRow *out)
{
    sqlite3_stmt *s = db_statement(c, id);
    sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
    int result = db_step(c, s);
    if (result <= 0) {
        return result == 0 ? DB_NOT_FOUND : result;
    }
    object__read(s, 0, out);
    sqlite3_reset(s);
    return DB_OK;
}

int object_get(DbConnection *c, const char *id, ObjectRow *out)
{
    return get(c, DB_OBJECT_GET_SQL, id, out);
}

int object_by_key(DbConnection *c, const char *key, ObjectRow *out)
{
    return get(c, DB_OBJECT_BY_KEY_SQL, key, out);
}

static int collect(DbConnection *c, sqlite3_stmt *s, ObjectRow *out, int max)
{
    int count = 0, result;
    while ((result = db_step(c, s)) > 0) {
        if (count < max) {
            object__read(s, 0, &out[count++]);
        }
    }
    return result < 0 ? result : count;
}

int object_of_recording(DbConnection *c, const char *recording, const char *after_id,
                        int with_deleted, ObjectRow *out, int max)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECTS_OF_SQL);
    sqlite3_bind_text(s, 1, recording, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, after_id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 3, with_deleted);
    sqlite3_bind_int(s, 4, max);
    return collect(c, s, out, max);
}

int object_pending(DbConnection *c, const char *after_id, ObjectRow *out, int max)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECTS_PENDING_SQL);
    sqlite3_bind_text(s, 1, after_id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, max);
    return collect(c, s, out, max);
}

int object_unfinished(DbConnection *c, const char *after_id, int64_t created_before_us,
                      ObjectRow *out, int max)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECTS_UNFINISHED_SQL);
    sqlite3_bind_text(s, 1, after_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, created_before_us);
    sqlite3_bind_int(s, 3, max);
    return collect(c, s, out, max);
}

int object_all(DbConnection *c, const char *after_id, ObjectRow *out, int max)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECTS_ALL_SQL);
    sqlite3_bind_text(s, 1, after_id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, max);
    return collect(c, s, out, max);
}

int object_use(DbConnection *c, const char *organisation, ObjectUse *out)
{
    sqlite3_stmt *s = db_statement(c, DB_ORGANISATION_USE_SQL);
    *out = (ObjectUse){0};
    sqlite3_bind_text(s, 1, organisation, -1, SQLITE_STATIC);
    int result = db_step(c, s);
    if (result <= 0) {
        return result;
    }
    out->bytes = sqlite3_column_int64(s, 0);
    out->open = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return DB_OK;
}

int object_oldest_pending(DbConnection *c, int64_t *changed_us)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECTS_OLDEST_SQL);
    int result = db_step(c, s);
    *changed_us = result > 0 ? sqlite3_column_int64(s, 0) : 0;
    if (result > 0) {
        sqlite3_reset(s);
    }
    return result > 0 ? DB_OK : result;
}

/* --- writes --- */

int object_insert(DbConnection *c, const ObjectRow *row)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECT_INSERT_SQL);
    sqlite3_bind_text(s, 1, row->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, row->recording, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, row->organisation, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 4, row->kind);
    sqlite3_bind_text(s, 5, row->key, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 6, row->type, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 7, row->created_us);
    sqlite3_bind_int64(s, 8, row->part_bytes);
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

static int set_int(DbConnection *c, DbStatementId statement, const char *id, int64_t value,
                   int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, statement);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, value);
    sqlite3_bind_int64(s, 3, now_us);
    return db_run(c, s);
}

int object_set_upload(DbConnection *c, const char *id, const char *upload_id, int64_t now_us)
{
    return set_text(c, DB_OBJECT_UPLOAD_SQL, id, upload_id, now_us);
}

static void bind_digest(sqlite3_stmt *s, int parameter, const uint8_t *digest)
{
    if (digest) {
        sqlite3_bind_blob(s, parameter, digest, OBJECT_DIGEST_BYTES, SQLITE_STATIC);
    }
}

int object_set_pending(DbConnection *c, const char *id, ObjectPending pending,
                       const uint8_t *digest, int64_t duration_us, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECT_PENDING_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, pending);
    bind_digest(s, 3, digest);
    if (duration_us >= 0) {
        sqlite3_bind_int64(s, 4, duration_us);
    }
    sqlite3_bind_int64(s, 5, now_us);
    return db_run(c, s);
}

int object_set_aborting(DbConnection *c, const char *id, int by_salvage, int64_t now_us)
{
    return set_int(c, DB_OBJECT_ABORT_SQL, id, by_salvage, now_us);
}

int object_set_deleting_all(DbConnection *c, const char *recording, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECTS_DELETING_SQL);
    sqlite3_bind_text(s, 1, recording, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, now_us);
    return db_run(c, s);
}

int object_set_state(DbConnection *c, const char *id, ObjectState state, int64_t now_us)
{
    return set_int(c, DB_OBJECT_STATE_SQL, id, state, now_us);
}

int object_set_complete(DbConnection *c, const char *id, int64_t bytes, int64_t now_us)
{
    return set_int(c, DB_OBJECT_COMPLETE_SQL, id, bytes, now_us);
}

int object_set_salvage(DbConnection *c, const char *id, int64_t bytes, const uint8_t *digest,
                       int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECT_SALVAGE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    if (bytes >= 0) {
        sqlite3_bind_int64(s, 2, bytes);
    }
    bind_digest(s, 3, digest);
    sqlite3_bind_int64(s, 4, now_us);
    return db_run(c, s);
}

int object_set_rebuild(DbConnection *c, const char *id, const char *upload_id, int64_t now_us)
{
    return set_text(c, DB_OBJECT_REBUILD_SQL, id, upload_id, now_us);
}

int object_set_salvaged(DbConnection *c, const char *id, int64_t bytes, int64_t duration_us,
                        int salvaged, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECT_SALVAGED_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, bytes);
    sqlite3_bind_int64(s, 3, duration_us);
    sqlite3_bind_int64(s, 4, now_us);
    sqlite3_bind_int(s, 5, salvaged);
    return db_run(c, s);
}

int object_delete(DbConnection *c, const char *id)
{
    sqlite3_stmt *s = db_statement(c, DB_OBJECT_DELETE_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    return db_run(c, s);
}
