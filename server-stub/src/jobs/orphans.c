/* Objects that no recording knows, as after an older copy of the database was put back: found and
 * told, never removed. `keeptake-server store orphans` adopts or deletes them. */
#include "jobs/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/blocking.h"

typedef struct Search {
    Jobs *jobs;
    void *ctx;
    void (*done)(void *ctx);
    int64_t before_us; /* younger objects may be on their way to their recording */
    int64_t objects, bytes;
    char after[STORE_KEY_BYTES];
} Search;

static void search_end(Search *s)
{
    void (*done)(void *ctx) = s->done;
    void *ctx = s->ctx;
    free(s);
    done(ctx);
}

static void note_object(Search *s, const StoreObject *object)
{
    char id[RECORDING_ID_BYTES];
    RecordingRow row;
    if (object->modified_unix_us > s->before_us || recording_id_of_key(object->key, id) != 0 ||
        recording_get(db_reader(s->jobs->ports.db), NULL, id, &row) != DB_NOT_FOUND) {
        return;
    }
    s->objects++;
    s->bytes += object->bytes;
    log_write(s->jobs->ports.log, LOG_DEBUG, "orphan-object", "si", "key", object->key, "bytes",
              object->bytes);
}

static void report(Search *s)
{
    Jobs *jobs = s->jobs;
    int64_t uploads = jobs->orphan_uploads > 0 ? jobs->orphan_uploads : 0;
    jobs->orphan_objects = s->objects;
    jobs->orphan_bytes = s->bytes;
    if (s->objects + uploads != jobs->orphans_told && s->objects + uploads > 0) {
        log_write(s->jobs->ports.log, LOG_WARN, "orphans", "iiis", "objects", s->objects, "bytes",
                  s->bytes, "uploads", uploads, "see", "keeptake-server store orphans");
    }
    jobs->orphans_told = s->objects + uploads;
}

static void on_objects(void *ctx, StoreStatus status, const StoreObject *objects, int count,
                       int more)
{
    Search *s = ctx;
    for (int i = 0; i < count && status == STORE_OK; i++) {
        note_object(s, &objects[i]);
    }
    if (status == STORE_OK && more && count > 0 && !s->jobs->stopping) {
        memcpy(s->after, objects[count - 1].key, sizeof s->after);
        s->jobs->ports.store->list_objects(s->jobs->ports.store, RECORDING_KEY_PREFIX, s->after, s,
                                           on_objects);
        return;
    }
    if (status == STORE_OK && !more) {
        report(s);
    }
    search_end(s);
}

void jobs_find_orphans(Jobs *jobs, void *ctx, void (*done)(void *ctx))
{
    Search *s = calloc(1, sizeof *s);
    if (!s || jobs->stopping) {
        free(s);
        done(ctx);
        return;
    }
    s->jobs = jobs;
    s->ctx = ctx;
    s->done = done;
    s->before_us = clock_now_us() - jobs->policy.cleanup_age_s * 1000000;
    jobs->ports.store->list_objects(jobs->ports.store, RECORDING_KEY_PREFIX, "", s, on_objects);
}
