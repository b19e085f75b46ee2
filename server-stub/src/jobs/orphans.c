/* What the store has and no recording knows, as after an older copy of the database was put back.
 * Uploads without parts go; all that may be all that is left of a take stays, is counted and told.
 * `keeptake-server store orphans` adopts or deletes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "jobs/jobs.h"

/* One pass: over the uploads, or over the objects, of one prefix after the other. */
typedef struct Search {
    Jobs *jobs;
    void *ctx;
    void (*done)(void *ctx);
    int prefix; /* of object_prefixes */
    int64_t now_us;
    int clock_is_sound; /* otherwise nothing is old */
    /* Uploads. */
    StoreUpload *uploads;
    int upload_count, upload_at;
    ObjectRow object; /* that has the key of the upload at hand */
    int found;        /* DbStatus of it */
    RecordingLock lock;
    int64_t unknown_uploads; /* with parts */
    /* Objects. */
    StoreObject page[STORE_LIST_OBJECTS]; /* in the end those that are unknown */
    int page_count, unknown_count, has_more;
    int64_t objects, bytes;
    char after[STORE_KEY_BYTES];
} Search;

static void search_end(Search *s)
{
    void (*done)(void *ctx) = s->done;
    void *ctx = s->ctx;
    free(s->uploads);
    free(s);
    done(ctx);
}

static Search *search_begin(Jobs *jobs, void *ctx, void (*done)(void *ctx))
{
    Search *s = jobs->stopping ? NULL : calloc(1, sizeof *s);
    if (!s) {
        done(ctx);
        return NULL;
    }
    s->jobs = jobs;
    s->ctx = ctx;
    s->done = done;
    return s;
}

/* --- uploads --- */

static void next_upload(Search *s);
static void list_uploads(Search *s);

static void upload_done(Search *s)
{
    recording_unlock(&s->jobs->locks, &s->lock);
    s->upload_at++;
    next_upload(s);
}

static void on_orphan_aborted(void *ctx, StoreStatus status)
{
    Search *s = ctx;
    if (status == STORE_OK) {
        s->jobs->removed_uploads++;
        log_write(s->jobs->ports.log, LOG_INFO, "orphan-removed", "s", "key",
                  s->uploads[s->upload_at].key);
    }
    upload_done(s);
}

static int note_adopted(DbConnection *c, void *ctx)
{
    const Search *s = ctx;
    return object_set_upload(c, s->object.id, s->uploads[s->upload_at].upload_id, s->now_us);
}

static void on_adopted(void *ctx, int status)
{
    Search *s = ctx;
    log_write(s->jobs->ports.log, LOG_INFO, "upload-found", "sd", "recording", s->object.recording,
              "status", status);
    upload_done(s);
}

static int is_old(const Search *s, int64_t since_us)
{
    return s->clock_is_sound && (s->now_us - since_us) / 1000000 >= s->jobs->policy.salvage_age_s;
}

/* One without parts has just missed being noted by its server. One with parts may be all that is
 * left of a take, say after an older database was put back: it stays, and is told of. What a known
 * object does not call its own, the half of a rebuilding, goes after the time of a salvageable
 * one. */
static void on_orphan_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Search *s = ctx;
    const StoreUpload *upload = &s->uploads[s->upload_at];
    Store *store = s->jobs->ports.store;
    int64_t newest_us = upload->initiated_unix_us;
    int is_unnoted =
        s->found == DB_OK && s->object.state == OBJECT_CREATED && s->object.pending == PENDING_NONE;
    for (int i = 0; i < count && status == STORE_OK; i++) {
        newest_us = parts[i].modified_unix_us > newest_us ? parts[i].modified_unix_us : newest_us;
    }
    if (status == STORE_OK && count > 0 && is_unnoted) { /* its recording was put back */
        db_write(s->jobs->ports.db, NULL, note_adopted, s, on_adopted);
    } else if (status == STORE_OK && count > 0 && s->found == DB_NOT_FOUND) {
        s->unknown_uploads++;
        upload_done(s);
    } else if (status == STORE_OK && (count == 0 || is_old(s, newest_us))) {
        store->abort(store, upload->key, upload->upload_id, NULL, s, on_orphan_aborted);
    } else {
        upload_done(s);
    }
}

/* Whether the row at hand does not call the upload at hand its own. */
static int is_foreign(const Search *s)
{
    return s->found == DB_NOT_FOUND ||
           (s->found == DB_OK &&
            strcmp(s->object.upload_id, s->uploads[s->upload_at].upload_id) != 0);
}

static int read_owner(DbConnection *c, void *ctx)
{
    Search *s = ctx;
    s->found = object_by_key(c, s->uploads[s->upload_at].key, &s->object);
    return DB_OK;
}

static void on_owner_read(void *ctx, int status)
{
    Search *s = ctx;
    const StoreUpload *upload = &s->uploads[s->upload_at];
    Store *store = s->jobs->ports.store;
    if (status == DB_OK && is_foreign(s)) {
        store->list_parts(store, upload->key, upload->upload_id, NULL, s, on_orphan_listed);
    } else {
        upload_done(s);
    }
}

/* Somebody may have noted it meanwhile. */
static void upload_locked(void *ctx)
{
    Search *s = ctx;
    db_read(s->jobs->ports.db, read_owner, s, on_owner_read);
}

/* Goes on to the first upload that is not known. */
static int skip_known(DbConnection *c, void *ctx)
{
    Search *s = ctx;
    char id[RECORDING_ID_BYTES];
    for (; s->upload_at < s->upload_count; s->upload_at++) {
        if (object_key_recording(s->uploads[s->upload_at].key, id) == 0) {
            read_owner(c, s);
            if (is_foreign(s)) {
                return DB_OK;
            }
        }
    }
    return DB_OK;
}

static void on_skipped(void *ctx, int status)
{
    Search *s = ctx;
    char id[RECORDING_ID_BYTES] = "";
    if (status != DB_OK || s->upload_at == s->upload_count || s->jobs->stopping) {
        s->prefix = status == DB_OK ? s->prefix + 1 : object_prefix_count;
        list_uploads(s);
        return;
    }
    object_key_recording(s->uploads[s->upload_at].key, id);
    recording_lock(&s->jobs->locks, &s->lock, s->found == DB_OK ? job_lock_id(&s->object) : id,
                   upload_locked, s);
}

static void next_upload(Search *s)
{
    db_read(s->jobs->ports.db, skip_known, s, on_skipped);
}

static void on_uploads_listed(void *ctx, StoreStatus status, const StoreUpload *uploads, int count)
{
    Search *s = ctx;
    free(s->uploads);
    s->uploads = status == STORE_OK ? malloc(((size_t)count + 1) * sizeof *uploads) : NULL;
    if (!s->uploads) { /* what is unknown is not known: nothing counts as lost */
        s->jobs->orphan_uploads = -1;
        search_end(s);
        return;
    }
    if (count > 0)
        memcpy(s->uploads, uploads, (size_t)count * sizeof *uploads);
    s->upload_count = count;
    s->upload_at = 0;
    next_upload(s);
}

static void list_uploads(Search *s)
{
    Store *store = s->jobs->ports.store;
    if (s->prefix >= object_prefix_count || s->jobs->stopping) {
        s->jobs->orphan_uploads = s->unknown_uploads;
        search_end(s);
        return;
    }
    store->list_uploads(store, object_prefixes[s->prefix], NULL, s, on_uploads_listed);
}

void jobs_clean_uploads(Jobs *jobs, int64_t now_us, int clock_is_sound, void *ctx,
                        void (*done)(void *ctx))
{
    jobs->orphan_uploads = -1;
    Search *s = search_begin(jobs, ctx, done);
    if (s) {
        s->now_us = now_us;
        s->clock_is_sound = clock_is_sound;
        list_uploads(s);
    }
}

/* --- objects --- */

static void list_objects(Search *s);

/* Keeps those of the page that no row has the key of and that are not young. */
static int find_unknown(DbConnection *c, void *ctx)
{
    Search *s = ctx;
    int64_t before_us = s->now_us - s->jobs->policy.cleanup_age_s * 1000000;
    char id[RECORDING_ID_BYTES];
    s->unknown_count = 0;
    for (int i = 0; i < s->page_count; i++) {
        const StoreObject *o = &s->page[i];
        if (o->modified_unix_us <= before_us && object_key_recording(o->key, id) == 0 &&
            object_by_key(c, o->key, &s->object) == DB_NOT_FOUND) {
            s->page[s->unknown_count++] = *o;
        }
    }
    return DB_OK;
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

static void on_unknown_found(void *ctx, int status)
{
    Search *s = ctx;
    if (status != DB_OK || s->jobs->stopping) {
        search_end(s);
        return;
    }
    for (int i = 0; i < s->unknown_count; i++) {
        s->objects++;
        s->bytes += s->page[i].bytes;
        log_write(s->jobs->ports.log, LOG_DEBUG, "orphan-object", "si", "key", s->page[i].key,
                  "bytes", s->page[i].bytes);
    }
    if (!s->has_more) {
        s->prefix++;
        s->after[0] = 0;
    }
    list_objects(s);
}

static void on_objects(void *ctx, StoreStatus status, const StoreObject *objects, int count,
                       int more)
{
    Search *s = ctx;
    if (status != STORE_OK) {
        search_end(s);
        return;
    }
    s->page_count = count < STORE_LIST_OBJECTS ? count : STORE_LIST_OBJECTS;
    s->has_more = more && count > 0;
    if (count > 0) { /* an empty list may be no list at all */
        memcpy(s->page, objects, (size_t)s->page_count * sizeof *objects);
        memcpy(s->after, objects[count - 1].key, sizeof s->after);
    }
    db_read(s->jobs->ports.db, find_unknown, s, on_unknown_found);
}

static void list_objects(Search *s)
{
    Store *store = s->jobs->ports.store;
    if (s->prefix == object_prefix_count) {
        report(s);
        search_end(s);
        return;
    }
    store->list_objects(store, object_prefixes[s->prefix], s->after, NULL, s, on_objects);
}

void jobs_find_orphans(Jobs *jobs, void *ctx, void (*done)(void *ctx))
{
    Search *s = search_begin(jobs, ctx, done);
    if (s) {
        s->now_us = clock_now_us();
        list_objects(s);
    }
}
