/* The jobs of jobs/jobs.h. Each is a chain of steps, one callback to the next; a Job carries what
 * they need. */
#include "jobs/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/metrics.h"

typedef struct Job {
    Jobs *jobs;
    ObjectRow object;
    char by[DB_BY_BYTES];
    int is_noted; /* a step that has to be ended */
    void *ctx;
    JobDone done;
    JobResult result;
    char upload_id[STORE_UPLOAD_ID_BYTES];
    StorePart *parts;
    int part_count;
    int64_t bytes, duration_us;
    uint8_t digest[OBJECT_DIGEST_BYTES];
} Job;

/* --- locks --- */

void recording_lock(RecordingLocks *locks, RecordingLock *lock, const char *id,
                    void (*granted)(void *ctx), void *ctx)
{
    int free_now = 1;
    RecordingLock **end = &locks->first;
    snprintf(lock->id, sizeof lock->id, "%s", id);
    lock->granted = granted;
    lock->ctx = ctx;
    lock->next = NULL;
    for (; *end; end = &(*end)->next) {
        free_now = free_now && strcmp((*end)->id, id) != 0;
    }
    *end = lock;
    lock->held = free_now;
    if (free_now) {
        granted(ctx);
    }
}

void recording_unlock(RecordingLocks *locks, RecordingLock *lock)
{
    RecordingLock **at = &locks->first;
    while (*at && *at != lock) {
        at = &(*at)->next;
    }
    if (!*at) {
        return;
    }
    int was_held = lock->held;
    *at = lock->next;
    lock->held = 0;
    for (RecordingLock *l = locks->first; was_held && l; l = l->next) {
        if (strcmp(l->id, lock->id) == 0) {
            l->held = 1;
            l->granted(l->ctx);
            return;
        }
    }
}

/* --- beginning and end of a job --- */

static Job *job_begin(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done)
{
    Job *job = calloc(1, sizeof *job);
    if (!job) {
        const JobResult result = {JOB_BROKEN, "There is not enough memory."};
        done(ctx, &result);
        return NULL;
    }
    job->jobs = jobs;
    job->object = *object;
    snprintf(job->by, sizeof job->by, "%s", by ? by : "");
    job->ctx = ctx;
    job->done = done;
    jobs->running++;
    return job;
}

static void job_end(Job *job)
{
    job->jobs->running--;
    if (job->result.status == JOB_BROKEN) {
        log_write(job->jobs->ports.log, LOG_ERROR, "job-failed", "ss", "recording",
                  job->object.recording, "message", job->result.message);
    }
    if (job->is_noted) {
        job_try_later(job->jobs, &job->object, &job->result);
    }
    job->done(job->ctx, &job->result);
    free(job->parts);
    free(job);
}

static void job_fail(Job *job, JobStatus status, const char *message)
{
    job->result.status = status;
    snprintf(job->result.message, sizeof job->result.message, "%s", message);
    job_end(job);
}

static void job_fail_store(Job *job, StoreStatus status)
{
    job_store_result(status, &job->result);
    job_end(job);
}

void job_db_result(int status, JobResult *out)
{
    const char *message = "";
    out->status = JOB_OK;
    if (status == DB_FULL) {
        out->status = JOB_FULL;
        message = "The server's disk is full.";
    } else if (status == DB_NOT_FOUND || status == DB_CONFLICT) {
        out->status = JOB_GONE;
        message = "The recording does not exist any more.";
    } else if (status < 0) {
        out->status = JOB_BROKEN;
        message = "The database reported a failure.";
    }
    snprintf(out->message, sizeof out->message, "%s", message);
}

const char *job_lock_id(const ObjectRow *object)
{
    return object->kind == OBJECT_TAKE ? object->recording : object->id;
}

static void job_fail_db(Job *job, int status)
{
    job_db_result(status, &job->result);
    job_end(job);
}

/* The last step of most jobs: after it all is noted. */
static void on_noted(void *ctx, int status)
{
    Job *job = ctx;
    if (status != DB_OK) {
        job_fail_db(job, status);
    } else {
        job_end(job);
    }
}

void job_store_result(StoreStatus status, JobResult *out)
{
    JobStatus meaning = JOB_BROKEN;
    const char *message = "The store reported a failure.";
    if (status == STORE_OK) {
        meaning = JOB_OK;
        message = "";
    } else if (status == STORE_NO_SUCH_UPLOAD || status == STORE_NO_SUCH_KEY) {
        meaning = JOB_GONE;
        message = "The upload does not exist any more.";
    } else if (status == STORE_INVALID_PART || status == STORE_INVALID_PART_ORDER) {
        meaning = JOB_CONFLICT;
        message = "The store does not have these parts in this order.";
    } else if (status == STORE_TOO_SMALL) {
        meaning = JOB_CONFLICT;
        message = "A part other than the last is smaller than the store allows.";
    } else if (status == STORE_FULL) {
        meaning = JOB_FULL;
        message = "The store is full; nothing that was uploaded is lost.";
    } else if (status == STORE_BROKEN) {
        meaning = JOB_UNREACHABLE;
        message =
            "The store's disk has failed: nothing is written until the server is started again.";
    } else if (status == STORE_UNREACHABLE || status == STORE_REFUSED ||
               status == STORE_NO_SUCH_BUCKET) {
        meaning = JOB_UNREACHABLE;
        message = "The store cannot be reached or refuses the server.";
    } else if (status == STORE_CANCELLED || status == STORE_LATE) {
        meaning = JOB_UNREACHABLE;
        message = "The store did not answer in time.";
    }
    out->status = meaning;
    snprintf(out->message, sizeof out->message, "%s", message);
}

/* --- create upload --- */

static int note_upload(DbConnection *c, void *ctx)
{
    Job *job = ctx;
    return object_set_upload(c, job->object.id, job->upload_id, clock_now_us());
}

static void on_orphan_aborted(void *ctx, StoreStatus status)
{
    (void)status; /* the cleanup finds it otherwise */
    job_end(ctx);
}

static void on_upload_noted(void *ctx, int status)
{
    Job *job = ctx;
    if (status == DB_OK) {
        job_end(job);
        return;
    }
    job->result.status = status == DB_FULL ? JOB_FULL : JOB_BROKEN;
    snprintf(job->result.message, sizeof job->result.message, "%s",
             status == DB_FULL ? "The server's disk is full." : "The upload could not be noted.");
    job->jobs->ports.store->abort(job->jobs->ports.store, job->object.key, job->upload_id, NULL,
                                  job, on_orphan_aborted);
}

static void on_upload_created(void *ctx, StoreStatus status, const char *upload_id)
{
    Job *job = ctx;
    if (status != STORE_OK) {
        job_fail_store(job, status);
        return;
    }
    snprintf(job->upload_id, sizeof job->upload_id, "%s", upload_id);
    db_write(job->jobs->ports.db, job->by, note_upload, job, on_upload_noted);
}

void job_create_upload(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done)
{
    Job *job = job_begin(jobs, by, object, ctx, done);
    if (job) {
        jobs->ports.store->create_upload(jobs->ports.store, job->object.key, job->object.type, NULL,
                                         job, on_upload_created);
    }
}

/* --- complete --- */

static int note_complete(DbConnection *c, void *ctx)
{
    Job *job = ctx;
    return object_set_complete(c, job->object.id, job->bytes, clock_now_us());
}

static int note_refused(DbConnection *c, void *ctx)
{
    Job *job = ctx;
    return object_set_state(c, job->object.id, OBJECT_OPEN, clock_now_us());
}

static void on_refusal_noted(void *ctx, int status)
{
    (void)status; /* still pending otherwise: a repeated completion goes on from there */
    job_end(ctx);
}

static void on_completed(void *ctx, StoreStatus status, const StoreObject *object)
{
    Job *job = ctx;
    if (status == STORE_OK) {
        job->bytes = object->bytes;
        db_write(job->jobs->ports.db, job->by, note_complete, job, on_noted);
        return;
    }
    job_store_result(status, &job->result);
    if (job->result.status == JOB_CONFLICT || status == STORE_FULL) {
        db_write(job->jobs->ports.db, job->by, note_refused, job, on_refusal_noted);
    } else {
        job_end(job); /* it may have happened: stays pending, asked again later */
    }
}

static int note_completing(DbConnection *c, void *ctx)
{
    Job *job = ctx;
    return object_set_pending(c, job->object.id, PENDING_COMPLETE, job->digest, job->duration_us,
                              clock_now_us());
}

static void on_completing_noted(void *ctx, int status)
{
    Job *job = ctx;
    if (status != DB_OK) {
        job_fail_db(job, status);
        return;
    }
    job->is_noted = 1;
    job->jobs->ports.store->complete(job->jobs->ports.store, job->object.key, job->object.upload_id,
                                     job->parts, job->part_count, NULL, job, on_completed);
}

/* Compares what the caller says with what the store has. 0, or the result is set. */
static int check_parts(Job *job, const StorePart *stored, int stored_count)
{
    int64_t bytes = 0;
    int at = 0;
    char *message = job->result.message;
    for (int i = 0; i < job->part_count; i++) {
        StorePart *part = &job->parts[i];
        while (at < stored_count && stored[at].number < part->number) {
            at++;
        }
        if (at == stored_count || stored[at].number != part->number) {
            snprintf(message, JOB_MESSAGE_BYTES, "Part %d is not in the store.", part->number);
            return -1;
        }
        if (strcmp(stored[at].etag, part->etag) != 0) {
            snprintf(message, JOB_MESSAGE_BYTES,
                     "Part %d has the ETag %.64s in the store, not %.64s.", part->number,
                     stored[at].etag, part->etag);
            return -1;
        }
        part->bytes = stored[at].bytes;
        bytes += part->bytes;
    }
    if (bytes != job->bytes) {
        snprintf(message, JOB_MESSAGE_BYTES, "The parts hold %lld bytes in the store, not %lld.",
                 (long long)bytes, (long long)job->bytes);
        return -1;
    }
    return 0;
}

static int note_found(DbConnection *c, void *ctx)
{
    int status = note_completing(c, ctx);
    return status == DB_OK ? note_complete(c, ctx) : status;
}

/* The ETag of an object that was completed from these parts, where all of them have an MD5 for one:
 * the MD5 of these MD5s, and their number. -1 where one is something else. */
static int combined_etag(const StorePart *parts, int count, char out[STORE_ETAG_BYTES])
{
    uint8_t md5[32]; /* of any digest; this one has 16 */
    char hex[33];
    Digest *d = digest_create(DIGEST_MD5);
    int result = d ? 0 : -1;
    for (int i = 0; i < count && result == 0; i++) {
        result = strlen(parts[i].etag) == 32 && digest_from_hex(parts[i].etag, md5, 16) ? 0 : -1;
        if (result == 0) {
            digest_update(d, md5, 16);
        }
    }
    if (result == 0) {
        digest_finish(d, md5);
        digest_to_hex(md5, 16, hex);
        snprintf(out, STORE_ETAG_BYTES, "%s-%d", hex, count);
    }
    digest_destroy(&d);
    return result;
}

/* Whether the object can be what these parts make. A service that encrypts has ETags of its own
 * kind; so has an object that was copied. */
static int can_be(const Job *job, const StoreObject *object)
{
    char etag[STORE_ETAG_BYTES];
    return object->bytes == job->bytes &&
           (job->jobs->policy.opaque_etags || !strchr(object->etag, '-') ||
            combined_etag(job->parts, job->part_count, etag) != 0 ||
            strcmp(etag, object->etag) == 0);
}

/* The upload is gone: was it completed before, without being noted? */
static void on_complete_head(void *ctx, StoreStatus status, const StoreObject *object)
{
    Job *job = ctx;
    if (status != STORE_OK) {
        job_fail_store(job, status);
    } else if (!can_be(job, object)) {
        job_fail(job, JOB_CONFLICT, "The recording was completed with other parts.");
    } else {
        db_write(job->jobs->ports.db, job->by, note_found, job, on_noted);
    }
}

static void on_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Job *job = ctx;
    if (status == STORE_NO_SUCH_UPLOAD || status == STORE_NO_SUCH_KEY) {
        job->jobs->ports.store->head(job->jobs->ports.store, job->object.key, NULL, job,
                                     on_complete_head);
    } else if (status != STORE_OK) {
        job_fail_store(job, status);
    } else if (check_parts(job, parts, count) != 0) {
        job->result.status = JOB_CONFLICT;
        job_end(job);
    } else {
        db_write(job->jobs->ports.db, job->by, note_completing, job, on_completing_noted);
    }
}

void job_digest(const StorePart *parts, int count, int64_t bytes,
                uint8_t digest[OBJECT_DIGEST_BYTES])
{
    Digest *d = digest_create(DIGEST_SHA256);
    char line[STORE_ETAG_BYTES + 32];
    memset(digest, 0, OBJECT_DIGEST_BYTES);
    for (int i = 0; d && i <= count; i++) {
        int length = i < count
                         ? snprintf(line, sizeof line, "%d %s\n", parts[i].number, parts[i].etag)
                         : snprintf(line, sizeof line, "%lld\n", (long long)bytes);
        digest_update(d, line, (size_t)length);
    }
    if (d) {
        digest_finish(d, digest);
    }
    digest_destroy(&d);
}

void job_complete(Jobs *jobs, const char *by, const ObjectRow *object, const StorePart *parts,
                  int count, int64_t bytes, int64_t duration_us, void *ctx, JobDone done)
{
    Job *job = job_begin(jobs, by, object, ctx, done);
    if (!job) {
        return;
    }
    job->parts = malloc((size_t)count * sizeof *parts);
    if (!job->parts) {
        job_fail(job, JOB_BROKEN, "There is not enough memory.");
        return;
    }
    memcpy(job->parts, parts, (size_t)count * sizeof *parts);
    job->part_count = count;
    job->bytes = bytes;
    job->duration_us = duration_us;
    job_digest(parts, count, bytes, job->digest);
    jobs->ports.store->list_parts(jobs->ports.store, job->object.key, object->upload_id, NULL, job,
                                  on_listed);
}

/* --- abort --- */

static int note_pending_abort(DbConnection *c, void *ctx)
{
    Job *job = ctx;
    return object_set_aborting(c, job->object.id, object_is_salvaging(&job->object),
                               clock_now_us());
}

static int note_aborted(DbConnection *c, void *ctx)
{
    Job *job = ctx;
    int status =
        job->object.kind == OBJECT_TAKE ? timeline_remove(c, job->object.recording) : DB_OK;
    return status == DB_OK ? object_set_state(c, job->object.id, OBJECT_ABORTED, clock_now_us())
                           : status;
}

static void on_abort_removed(void *ctx, StoreStatus status)
{
    Job *job = ctx;
    if (status != STORE_OK && status != STORE_NO_SUCH_KEY) {
        job_fail_store(job, status);
    } else {
        db_write_freeing(job->jobs->ports.db, job->by, note_aborted, job, on_noted);
    }
}

static void on_upload_aborted(void *ctx, StoreStatus status)
{
    Job *job = ctx;
    if (status != STORE_OK && status != STORE_NO_SUCH_UPLOAD && status != STORE_NO_SUCH_KEY) {
        job_fail_store(job, status);
    } else { /* a completion that was not noted may have left the object */
        job->jobs->ports.store->remove(job->jobs->ports.store, job->object.key, NULL, job,
                                       on_abort_removed);
    }
}

static void on_pending_abort(void *ctx, int status)
{
    Job *job = ctx;
    job->is_noted = status == DB_OK;
    if (status != DB_OK) {
        job_fail_db(job, status);
    } else if (*job->object.upload_id) {
        job->jobs->ports.store->abort(job->jobs->ports.store, job->object.key,
                                      job->object.upload_id, NULL, job, on_upload_aborted);
    } else {
        db_write_freeing(job->jobs->ports.db, job->by, note_aborted, job, on_noted);
    }
}

void job_abort(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done)
{
    Job *job = job_begin(jobs, by, object, ctx, done);
    if (job) {
        db_write_freeing(jobs->ports.db, by, note_pending_abort, job, on_pending_abort);
    }
}

/* --- after a crash --- */

static int note_failed(DbConnection *c, void *ctx)
{
    Job *job = ctx;
    return object_set_state(c, job->object.id, OBJECT_FAILED, clock_now_us());
}

static void on_reconcile_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Job *job = ctx;
    (void)parts;
    (void)count;
    if (status == STORE_OK) { /* it was not completed: the browser can do so again */
        db_write(job->jobs->ports.db, job->by, note_refused, job, on_noted);
    } else if (status == STORE_NO_SUCH_UPLOAD || status == STORE_NO_SUCH_KEY) {
        db_write(job->jobs->ports.db, job->by, note_failed, job, on_noted);
    } else {
        job_fail_store(job, status);
    }
}

static void on_reconcile_head(void *ctx, StoreStatus status, const StoreObject *object)
{
    Job *job = ctx;
    if (status == STORE_OK) {
        job->bytes = object->bytes;
        db_write(job->jobs->ports.db, job->by, note_complete, job, on_noted);
    } else if (status == STORE_NO_SUCH_KEY) {
        job->jobs->ports.store->list_parts(job->jobs->ports.store, job->object.key,
                                           job->object.upload_id, NULL, job, on_reconcile_listed);
    } else {
        job_fail_store(job, status);
    }
}

void job_reconcile(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done)
{
    if (object->pending == PENDING_DELETE) {
        job_delete(jobs, by, object, ctx, done);
    } else if (object->pending == PENDING_ABORT) {
        job_abort(jobs, by, object, ctx, done);
    } else if (object_is_salvaging(object)) {
        job_salvage(jobs, by, object, ctx, NULL, done);
    } else {
        Job *job = job_begin(jobs, by, object, ctx, done);
        if (job) {
            job->is_noted = 1;
            jobs->ports.store->head(jobs->ports.store, job->object.key, NULL, job,
                                    on_reconcile_head);
        }
    }
}

/* --- what is counted --- */

void jobs_write_metrics(void *ctx, Text *out)
{
    const Jobs *jobs = ctx;
    metrics_value(out, "keeptake_cleanup_recordings_total", "counter",
                  "Recordings removed by cleanup.", (double)jobs->removed_recordings);
    metrics_value(out, "keeptake_cleanup_uploads_total", "counter",
                  "Orphan uploads removed by cleanup.", (double)jobs->removed_uploads);
    metrics_value(out, "keeptake_salvaged_takes_total", "counter",
                  "Takes that the server finished alone.", (double)jobs->salvaged_takes);
    metrics_value(out, "keeptake_salvage_failures_total", "counter",
                  "Salvages that ended without a take or will be tried again.",
                  (double)jobs->salvage_failures);
    metrics_value(out, "keeptake_tasks_done_total", "counter", "Tasks that were carried out.",
                  (double)jobs->tasks.done);
    metrics_value(out, "keeptake_tasks_failed_total", "counter",
                  "Tasks that were given up after their last attempt.", (double)jobs->tasks.failed);
    metrics_value(out, "keeptake_orphan_objects", "gauge",
                  "Objects of takes that no recording knows, at the last look; -1: none yet.",
                  (double)jobs->orphan_objects);
    metrics_value(out, "keeptake_orphan_uploads", "gauge",
                  "Uploads with parts that no recording knows, at the last look; -1: none yet.",
                  (double)jobs->orphan_uploads);
    metrics_value(out, "keeptake_orphan_bytes", "gauge", "Bytes of these objects.",
                  (double)jobs->orphan_bytes);
}
