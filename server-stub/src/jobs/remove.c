/* Deletion: of one object, or of a take and with it of its recording and all that belongs to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "jobs/jobs.h"

typedef struct Removal {
    Jobs *jobs;
    ObjectRow object; /* that was asked for */
    char by[DB_BY_BYTES];
    void *ctx;
    JobDone done;
    JobResult result;
    /* At hand: the others of a take's recording, one after the other, each under its lock; then
     * what was asked for, whose lock the caller holds. */
    ObjectRow at;
    RecordingLock lock;
    int is_other;
    int is_noted; /* that it is being deleted */
} Removal;

static void next_other(Removal *r);

static void removal_end(Removal *r)
{
    recording_unlock(&r->jobs->locks, &r->lock);
    r->jobs->running--;
    if (r->result.status == JOB_BROKEN) {
        log_write(r->jobs->ports.log, LOG_ERROR, "job-failed", "ss", "recording",
                  r->object.recording, "message", r->result.message);
    }
    if (r->is_noted) {
        job_try_later(r->jobs, &r->object, &r->result);
    }
    r->done(r->ctx, &r->result);
    free(r);
}

static int note_removed(DbConnection *c, void *ctx)
{
    const Removal *r = ctx;
    int is_recording = r->at.kind == OBJECT_TAKE;
    int status = is_recording ? recording_delete(c, r->at.recording) : object_delete(c, r->at.id);
    return status == DB_NOT_FOUND && r->is_other ? DB_OK : status;
}

static void on_removed_noted(void *ctx, int status)
{
    Removal *r = ctx;
    if (status != DB_OK) {
        job_db_result(status, &r->result);
        removal_end(r);
    } else if (r->is_other) {
        recording_unlock(&r->jobs->locks, &r->lock);
        next_other(r);
    } else {
        removal_end(r);
    }
}

static void on_object_removed(void *ctx, StoreStatus status)
{
    Removal *r = ctx;
    if (status != STORE_OK && status != STORE_NO_SUCH_KEY) {
        job_store_result(status, &r->result);
        removal_end(r);
    } else {
        db_write_freeing(r->jobs->ports.db, r->by, note_removed, r, on_removed_noted);
    }
}

/* A completion that was not noted may have left the object. */
static void on_upload_aborted(void *ctx, StoreStatus status)
{
    Removal *r = ctx;
    Store *store = r->jobs->ports.store;
    if (status != STORE_OK && status != STORE_NO_SUCH_UPLOAD && status != STORE_NO_SUCH_KEY) {
        job_store_result(status, &r->result);
        removal_end(r);
    } else {
        store->remove(store, r->at.key, NULL, r, on_object_removed);
    }
}

static void remove_at(Removal *r)
{
    Store *store = r->jobs->ports.store;
    if (!*r->at.upload_id) {
        db_write_freeing(r->jobs->ports.db, r->by, note_removed, r, on_removed_noted);
    } else if (r->at.state == OBJECT_COMPLETE) {
        store->remove(store, r->at.key, NULL, r, on_object_removed);
    } else {
        store->abort(store, r->at.key, r->at.upload_id, NULL, r, on_upload_aborted);
    }
}

/* All are noted as being deleted: no other step changes their rows any more, only ends. */
static void other_locked(void *ctx)
{
    remove_at(ctx);
}

static int read_other(DbConnection *c, void *ctx)
{
    Removal *r = ctx;
    ObjectRow *rows = calloc(2, sizeof *rows);
    int count = rows ? object_of_recording(c, r->object.recording, "", 1, rows, 2) : DB_IO;
    r->is_other = 0;
    for (int i = 0; i < count && !r->is_other; i++) {
        r->at = rows[i];
        r->is_other = rows[i].kind != OBJECT_TAKE;
    }
    free(rows);
    return count < 0 ? count : DB_OK;
}

static void on_other(void *ctx, int status)
{
    Removal *r = ctx;
    if (status != DB_OK) {
        job_db_result(status, &r->result);
        removal_end(r);
    } else if (r->is_other) {
        recording_lock(&r->jobs->locks, &r->lock, job_lock_id(&r->at), other_locked, r);
    } else {
        r->at = r->object;
        remove_at(r);
    }
}

static void next_other(Removal *r)
{
    db_read(r->jobs->ports.db, read_other, r, on_other);
}

static int note_deleting(DbConnection *c, void *ctx)
{
    const Removal *r = ctx;
    int64_t now_us = clock_now_us();
    int status = r->object.kind == OBJECT_TAKE
                     ? object_set_deleting_all(c, r->object.recording, now_us)
                     : object_set_pending(c, r->object.id, PENDING_DELETE, NULL, -1, now_us);
    return status == DB_NOT_FOUND && r->object.pending == PENDING_DELETE ? DB_OK : status;
}

static void on_deleting_noted(void *ctx, int status)
{
    Removal *r = ctx;
    r->is_noted = status == DB_OK;
    if (status != DB_OK) {
        job_db_result(status, &r->result);
        removal_end(r);
    } else if (r->object.kind == OBJECT_TAKE) {
        next_other(r);
    } else {
        r->at = r->object;
        remove_at(r);
    }
}

void job_delete(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done)
{
    Removal *r = calloc(1, sizeof *r);
    if (!r) {
        const JobResult result = {JOB_BROKEN, "There is not enough memory."};
        done(ctx, &result);
        return;
    }
    r->jobs = jobs;
    r->object = *object;
    snprintf(r->by, sizeof r->by, "%s", by ? by : "");
    r->ctx = ctx;
    r->done = done;
    jobs->running++;
    db_write_freeing(jobs->ports.db, by, note_deleting, r, on_deleting_noted);
}
