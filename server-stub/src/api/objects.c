/* What a recording has in the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

#define OBJECTS_AT_ONCE 100

typedef struct ObjectList {
    char after[OBJECT_ID_BYTES];
    JsonOut out;
} ObjectList;

static void put_object(JsonOut *out, const ObjectRow *o)
{
    json_begin(out, '{');
    json_key(out, "id");
    json_string(out, o->id);
    json_key(out, "kind");
    json_string(out, object_kind_name(o->kind));
    json_key(out, "state");
    json_string(out, object_state_name(o->state, o->pending));
    json_key(out, "content_type");
    json_string(out, o->type);
    json_key(out, "created_at");
    json_time(out, o->created_us);
    if (o->state == OBJECT_COMPLETE) {
        json_key(out, "completed_at");
        json_time(out, o->completed_us);
        json_key(out, "bytes");
        json_int(out, o->bytes);
        json_key(out, "salvaged");
        json_bool(out, o->salvaged);
    }
    if (o->state == OBJECT_COMPLETE && o->duration_us >= 0) {
        json_key(out, "duration");
        json_number(out, (double)o->duration_us / 1e6);
    }
    json_end(out, '}');
}

/* On a reading thread. */
static int read_objects(DbConnection *c, void *ctx)
{
    const ApiCall *call = ctx;
    ObjectList *list = call->work;
    ObjectRow *rows = calloc(OBJECTS_AT_ONCE + 1, sizeof *rows);
    int count =
        rows ? object_of_recording(c, call->id, list->after, 0, rows, OBJECTS_AT_ONCE + 1) : DB_IO;
    int shown = count < OBJECTS_AT_ONCE ? count : OBJECTS_AT_ONCE;
    json_begin(&list->out, '{');
    json_key(&list->out, "objects");
    json_begin(&list->out, '[');
    for (int i = 0; i < shown; i++) {
        put_object(&list->out, &rows[i]);
    }
    json_end(&list->out, ']');
    if (count > OBJECTS_AT_ONCE) {
        json_key(&list->out, "next_cursor");
        json_string(&list->out, rows[OBJECTS_AT_ONCE - 1].id);
    }
    json_end(&list->out, '}');
    free(rows);
    return count < 0 ? count : DB_OK;
}

static void on_objects(void *ctx, int status)
{
    ApiCall *call = ctx;
    JsonOut out = ((ObjectList *)call->work)->out;
    if (status != DB_OK) {
        json_free(&out);
        api_fail_db(call, status);
    } else {
        api_send(call, 200, &out);
    }
}

void api_object_list(ApiCall *call)
{
    ObjectList *list = call->work = calloc(1, sizeof *list);
    if (!list) {
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    memcpy(list->after, call->cursor, sizeof list->after);
    db_read(call->api->db, read_objects, call, on_objects);
}
