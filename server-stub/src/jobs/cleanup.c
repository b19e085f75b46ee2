/* What a crash or time leaves over: reconciliation at start, then cleanup by age. Passes work on
 * one recording after the other, each under its lock.
 *
 * A take is salvageable while its upload has the first part: it is never removed. Where it gives no
 * sign of life (a part, a timeline) for salvage_after, it is salvaged. */
#include "jobs/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "db/blocking.h"

#define BATCH 32

/* A pending recording whose lock was taken before the server listened. */
typedef struct Reconciliation {
    Jobs *jobs;
    RecordingRow row;
    RecordingLock lock;
} Reconciliation;

typedef struct Cleanup {
    Jobs *jobs;
    RecordingRow rows[BATCH];
    int count, at;
    char after[RECORDING_ID_BYTES];
    RecordingRow row; /* read again under the lock */
    RecordingLock lock;
    StoreUpload *uploads; /* first: uploads that no recording knows; some get theirs back */
    int upload_count, upload_at, uploads_known;
    int looping, is_done; /* in orphan_next; the upload at hand is dealt with */
    int is_unnoted;       /* its recording is there, but knows no upload */
    int is_unknown;       /* there is no recording */
    int orphan_uploads;   /* with parts */
    int64_t now_us;
    int clock_is_sound; /* otherwise nothing is old */
} Cleanup;

static void cleanup_next(Cleanup *c);
static void orphan_next(Cleanup *c);
static void begin_cleanup(Jobs *jobs);

/* --- reconciliation --- */

static void on_reconciled(void *ctx, const JobResult *result)
{
    Reconciliation *r = ctx;
    log_write(r->jobs->ports.log, result->status == JOB_OK ? LOG_INFO : LOG_WARN, "reconciled",
              "sds", "recording", r->row.id, "pending", (int)r->row.pending, "message",
              result->message);
    recording_unlock(&r->jobs->locks, &r->lock);
    free(r);
}

static void reconcile_locked(void *ctx)
{
    Reconciliation *r = ctx;
    job_reconcile(r->jobs, &r->row, r, on_reconciled);
}

static int reconcile_all(Jobs *jobs)
{
    RecordingRow rows[BATCH];
    char after[RECORDING_ID_BYTES] = "";
    int count;
    while ((count = recording_pending(db_reader(jobs->ports.db), after, rows, BATCH)) > 0) {
        for (int i = 0; i < count; i++) {
            Reconciliation *r = calloc(1, sizeof *r);
            if (!r) {
                return -1;
            }
            r->jobs = jobs;
            r->row = rows[i];
            recording_lock(&jobs->locks, &r->lock, r->row.id, reconcile_locked, r);
        }
        memcpy(after, rows[count - 1].id, sizeof after);
    }
    return count;
}

/* --- recordings --- */

static void cleanup_end(void *ctx)
{
    Cleanup *c = ctx;
    c->jobs->cleaning = 0;
    c->jobs->running--;
    free(c->uploads);
    free(c);
}

static void row_done(Cleanup *c)
{
    recording_unlock(&c->jobs->locks, &c->lock);
    cleanup_next(c);
}

static void on_row_deleted(void *ctx, const JobResult *result)
{
    Cleanup *c = ctx;
    if (result->status == JOB_OK) {
        c->jobs->removed_recordings++;
        log_write(c->jobs->ports.log, LOG_INFO, "cleaned-up", "ss", "recording", c->row.id, "state",
                  recording_state_name(c->row.state, PENDING_NONE));
    }
    row_done(c);
}

static void on_row_reconciled(void *ctx, const JobResult *result)
{
    Cleanup *c = ctx;
    log_write(c->jobs->ports.log, result->status == JOB_OK ? LOG_INFO : LOG_WARN, "reconciled",
              "sds", "recording", c->row.id, "pending", (int)c->row.pending, "message",
              result->message);
    row_done(c);
}

static int64_t age_s(const Cleanup *c, int64_t since_us)
{
    return c->clock_is_sound ? (c->now_us - since_us) / 1000000 : 0;
}

/* Of what the database knows. */
static int64_t newest_sign_us(const RecordingRow *row)
{
    int64_t newest_us = row->changed_us > row->created_us ? row->changed_us : row->created_us;
    return row->alive_us > newest_us ? row->alive_us : newest_us;
}

static void on_row_salvaged(void *ctx, const JobResult *result)
{
    (void)result; /* in the log and in the counters */
    row_done(ctx);
}

/* A take that is left alone for so long is salvaged. 0 of salvage_after: only instead of being
 * removed. */
static int64_t salvage_limit_s(const JobPolicy *policy)
{
    int64_t after_s = policy->salvage_after_s;
    return after_s > 0 && after_s < policy->salvage_age_s ? after_s : policy->salvage_age_s;
}

static int note_begun(DbConnection *c, void *ctx)
{
    const Cleanup *cleanup = ctx;
    return recording_set_upload(c, cleanup->row.id, RECORDING_FOUND_UPLOAD, cleanup->now_us);
}

static void on_begun_noted(void *ctx, int status)
{
    Cleanup *c = ctx;
    if (status != DB_OK ||
        recording_get(db_reader(c->jobs->ports.db), NULL, c->row.id, &c->row) != DB_OK) {
        row_done(c);
    } else {
        job_salvage(c->jobs, &c->row, c, NULL, on_row_salvaged);
    }
}

/* Nothing is deleted for being unknown to the database: where there is an object, the take was
 * completed after the copy that this database was made from. */
static void on_row_headed(void *ctx, StoreStatus status, const StoreObject *object)
{
    Cleanup *c = ctx;
    const JobPolicy *policy = &c->jobs->policy;
    int64_t limit_s =
        c->row.state == RECORDING_CREATED ? policy->empty_age_s : policy->cleanup_age_s;
    (void)object;
    if (status == STORE_OK && c->row.state == RECORDING_CREATED) {
        db_write(c->jobs->ports.db, note_begun, c, on_begun_noted);
    } else if (status == STORE_OK) {
        job_salvage(c->jobs, &c->row, c, NULL, on_row_salvaged);
    } else if (status == STORE_NO_SUCH_KEY && age_s(c, newest_sign_us(&c->row)) >= limit_s) {
        job_delete(c->jobs, &c->row, c, on_row_deleted);
    } else {
        row_done(c);
    }
}

static void head_row(Cleanup *c)
{
    char key[STORE_KEY_BYTES];
    recording_key(&c->row, key);
    c->jobs->ports.store->head(c->jobs->ports.store, key, c, on_row_headed);
}

static void on_row_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Cleanup *c = ctx;
    const JobPolicy *policy = &c->jobs->policy;
    int64_t newest_us = newest_sign_us(&c->row);
    if (status == STORE_NO_SUCH_UPLOAD || status == STORE_NO_SUCH_KEY) {
        head_row(c);
        return;
    }
    if (status != STORE_OK) {
        row_done(c);
        return;
    }
    int has_first = count > 0 && parts[0].number == 1;
    for (int i = 0; i < count; i++) {
        newest_us = parts[i].modified_unix_us > newest_us ? parts[i].modified_unix_us : newest_us;
    }
    int64_t limit = has_first   ? salvage_limit_s(policy)
                    : count > 0 ? policy->salvage_age_s
                                : policy->empty_age_s;
    if (age_s(c, newest_us) < limit) {
        row_done(c);
    } else if (has_first) {
        job_salvage(c->jobs, &c->row, c, NULL, on_row_salvaged);
    } else {
        job_delete(c->jobs, &c->row, c, on_row_deleted);
    }
}

/* --- the last look at what failed --- */

/* The store may have got back what was not in it when the recording failed: a bucket that was put
 * back, a service that is whole again. */
static void on_tried_again(void *ctx, const JobResult *result)
{
    Cleanup *c = ctx;
    int found = recording_get(db_reader(c->jobs->ports.db), NULL, c->lock.id, &c->row);
    if (result->status == JOB_OK && found == DB_OK && c->row.state == RECORDING_FAILED) {
        job_delete(c->jobs, &c->row, c, on_row_deleted);
    } else {
        row_done(c);
    }
}

static int note_trying(DbConnection *db, void *ctx)
{
    const Cleanup *c = ctx;
    return recording_set_state(db, c->row.id, RECORDING_RECORDING, c->now_us);
}

static void on_trying_noted(void *ctx, int status)
{
    Cleanup *c = ctx;
    if (status != DB_OK ||
        recording_get(db_reader(c->jobs->ports.db), NULL, c->lock.id, &c->row) != DB_OK) {
        row_done(c);
    } else {
        job_salvage(c->jobs, &c->row, c, NULL, on_tried_again);
    }
}

static void on_failed_headed(void *ctx, StoreStatus status, const StoreObject *object)
{
    Cleanup *c = ctx;
    (void)object;
    if (status == STORE_OK) {
        db_write(c->jobs->ports.db, note_trying, c, on_trying_noted);
    } else if (status == STORE_NO_SUCH_KEY) {
        job_delete(c->jobs, &c->row, c, on_row_deleted);
    } else {
        row_done(c);
    }
}

static void on_failed_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Cleanup *c = ctx;
    char key[STORE_KEY_BYTES];
    (void)parts;
    if (status == STORE_OK && count > 0) {
        db_write(c->jobs->ports.db, note_trying, c, on_trying_noted);
    } else if (status == STORE_OK || status == STORE_NO_SUCH_UPLOAD ||
               status == STORE_NO_SUCH_KEY) {
        recording_key(&c->row, key);
        c->jobs->ports.store->head(c->jobs->ports.store, key, c, on_failed_headed);
    } else {
        row_done(c);
    }
}

static void look_at_failed(Cleanup *c)
{
    char key[STORE_KEY_BYTES];
    recording_key(&c->row, key);
    c->jobs->ports.store->list_parts(c->jobs->ports.store, key, c->row.upload_id, c,
                                     on_failed_listed);
}

/* Whether a row needs a look under its lock. Decided beforehand, so that a long run of young rows
 * is skipped in a loop. */
static int is_due(const Cleanup *c, const RecordingRow *row)
{
    const JobPolicy *policy = &c->jobs->policy;
    if (row->pending != PENDING_NONE || row->state == RECORDING_RECORDING) {
        return 1;
    }
    return age_s(c, row->changed_us) >=
           (row->state == RECORDING_CREATED ? policy->empty_age_s : policy->cleanup_age_s);
}

static void row_locked(void *ctx)
{
    Cleanup *c = ctx;
    Jobs *jobs = c->jobs;
    char key[STORE_KEY_BYTES];
    int found = recording_get(db_reader(jobs->ports.db), NULL, c->lock.id, &c->row);
    if (found != DB_OK || c->row.state == RECORDING_COMPLETE) {
        row_done(c);
    } else if (c->row.pending != PENDING_NONE) { /* the store did not answer before: try again */
        job_reconcile(jobs, &c->row, c, on_row_reconciled);
    } else if (c->row.state == RECORDING_RECORDING) {
        recording_key(&c->row, key);
        jobs->ports.store->list_parts(jobs->ports.store, key, c->row.upload_id, c, on_row_listed);
    } else if (c->row.state == RECORDING_CREATED && is_due(c, &c->row)) {
        if (c->uploads_known) {
            head_row(c);
        } else { /* its upload may be there */
            row_done(c);
        }
    } else if (is_due(c, &c->row) && c->row.state == RECORDING_FAILED && *c->row.upload_id) {
        look_at_failed(c);
    } else if (is_due(c, &c->row)) {
        job_delete(jobs, &c->row, c, on_row_deleted);
    } else {
        row_done(c);
    }
}

/* --- uploads that no recording knows --- */

static void orphan_done(Cleanup *c)
{
    if (c->looping) { /* orphan_next goes on: thousands of known uploads must not nest */
        c->is_done = 1;
        return;
    }
    recording_unlock(&c->jobs->locks, &c->lock);
    c->upload_at++;
    orphan_next(c);
}

static void on_orphan_aborted(void *ctx, StoreStatus status)
{
    Cleanup *c = ctx;
    if (status == STORE_OK) {
        c->jobs->removed_uploads++;
        log_write(c->jobs->ports.log, LOG_INFO, "orphan-removed", "s", "key",
                  c->uploads[c->upload_at].key);
    }
    orphan_done(c);
}

static int note_adopted(DbConnection *c, void *ctx)
{
    const Cleanup *cleanup = ctx;
    const StoreUpload *upload = &cleanup->uploads[cleanup->upload_at];
    return recording_set_upload(c, cleanup->row.id, upload->upload_id, cleanup->now_us);
}

static void on_adopted(void *ctx, int status)
{
    Cleanup *c = ctx;
    log_write(c->jobs->ports.log, LOG_INFO, "upload-found", "sd", "recording", c->row.id, "status",
              status);
    orphan_done(c);
}

/* One without parts has just missed being noted by its server. One with parts may be all that is
 * left of a take, say after an older database was put back: it stays, and is told of. What a known
 * recording does not call its own, the half of a rebuilding, goes after the time of a salvageable
 * one. */
static void on_orphan_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Cleanup *c = ctx;
    const StoreUpload *upload = &c->uploads[c->upload_at];
    Store *store = c->jobs->ports.store;
    int64_t newest_us = upload->initiated_unix_us;
    for (int i = 0; i < count && status == STORE_OK; i++) {
        newest_us = parts[i].modified_unix_us > newest_us ? parts[i].modified_unix_us : newest_us;
    }
    if (status == STORE_OK && count > 0 && c->is_unnoted) {
        db_write(c->jobs->ports.db, note_adopted, c, on_adopted); /* its recording was put back */
    } else if (status == STORE_OK && count > 0 && c->is_unknown) {
        c->orphan_uploads++;
        orphan_done(c);
    } else if (status == STORE_OK &&
               (count == 0 || age_s(c, newest_us) >= c->jobs->policy.salvage_age_s)) {
        store->abort(store, upload->key, upload->upload_id, c, on_orphan_aborted);
    } else {
        orphan_done(c);
    }
}

static void orphan_locked(void *ctx)
{
    Cleanup *c = ctx;
    const StoreUpload *upload = &c->uploads[c->upload_at];
    int found = recording_get(db_reader(c->jobs->ports.db), NULL, c->lock.id, &c->row);
    c->is_unnoted =
        found == DB_OK && c->row.state == RECORDING_CREATED && c->row.pending == PENDING_NONE;
    c->is_unknown = found == DB_NOT_FOUND;
    if (c->is_unknown || (found == DB_OK && strcmp(c->row.upload_id, upload->upload_id) != 0)) {
        c->jobs->ports.store->list_parts(c->jobs->ports.store, upload->key, upload->upload_id, c,
                                         on_orphan_listed);
    } else {
        orphan_done(c);
    }
}

static void orphan_next(Cleanup *c)
{
    char id[RECORDING_ID_BYTES];
    c->looping = 1;
    for (; c->upload_at < c->upload_count && !c->jobs->stopping; c->upload_at++) {
        if (recording_id_of_key(c->uploads[c->upload_at].key, id) != 0) {
            continue;
        }
        c->is_done = 0;
        recording_lock(&c->jobs->locks, &c->lock, id, orphan_locked, c);
        if (!c->is_done) { /* the lock or the store will */
            c->looping = 0;
            return;
        }
        recording_unlock(&c->jobs->locks, &c->lock);
    }
    c->looping = 0;
    cleanup_next(c);
}

static void on_uploads_listed(void *ctx, StoreStatus status, const StoreUpload *uploads, int count)
{
    Cleanup *c = ctx;
    c->uploads_known = status == STORE_OK;
    if (status == STORE_OK && count > 0) {
        c->uploads = malloc((size_t)count * sizeof *uploads);
        if (c->uploads) {
            memcpy(c->uploads, uploads, (size_t)count * sizeof *uploads);
            c->upload_count = count;
        } else {
            c->uploads_known = 0;
        }
    }
    orphan_next(c);
}

static void fetch_rows(Cleanup *c)
{
    const JobPolicy *policy = &c->jobs->policy;
    int64_t youngest_s = policy->empty_age_s;
    youngest_s = policy->cleanup_age_s < youngest_s ? policy->cleanup_age_s : youngest_s;
    youngest_s = salvage_limit_s(policy) < youngest_s ? salvage_limit_s(policy) : youngest_s;
    c->at = 0;
    c->count = recording_unfinished(db_reader(c->jobs->ports.db), c->after,
                                    c->now_us - youngest_s * 1000000, c->rows, BATCH);
    if (c->count > 0) {
        memcpy(c->after, c->rows[c->count - 1].id, sizeof c->after);
    }
}

static void cleanup_next(Cleanup *c)
{
    Jobs *jobs = c->jobs;
    do {
        if (c->at == c->count) {
            fetch_rows(c);
        }
        while (c->at < c->count && !is_due(c, &c->rows[c->at])) {
            c->at++;
        }
    } while (c->count > 0 && c->at == c->count);
    if (jobs->stopping || c->count <= 0) {
        jobs->orphan_uploads = c->uploads_known ? c->orphan_uploads : -1;
        jobs_find_orphans(jobs, c, cleanup_end);
    } else {
        recording_lock(&jobs->locks, &c->lock, c->rows[c->at++].id, row_locked, c);
    }
}

/* --- the clock --- */

/* A machine may start with a clock that is years wrong, or be set in the middle of it. Nothing is
 * salvaged or removed for its age on the word of such a clock: not when it is farther ahead of the
 * time that was last believed, or jumped farther within this process, than explains itself. After a
 * day of this process it is believed. */
#define CLOCK_GAP_US (7LL * 86400 * 1000000) /* the server may have been off for so long */
#define CLOCK_STEP_US (3600LL * 1000000)
#define CLOCK_DISTRUST_NS (86400ULL * 1000000000)

static int set_clock(DbConnection *c, void *ctx)
{
    return server_clock_set(c, ((Jobs *)ctx)->pass_us);
}

static void on_clock_set(void *ctx, int status)
{
    Jobs *jobs = ctx;
    jobs->running--;
    (void)status; /* the next pass sets it again */
}

static int clock_is_sound(Jobs *jobs, int64_t now_us)
{
    uint64_t now_ns = uv_hrtime();
    int64_t seen_us = now_us, passed_us = (int64_t)(now_ns - jobs->pass_ns) / 1000;
    int stepped = jobs->pass_us != 0 && now_us - jobs->pass_us - passed_us > CLOCK_STEP_US;
    int known = server_clock_get(db_reader(jobs->ports.db), &seen_us) == DB_OK;
    int away = known && jobs->pass_us == 0 && now_us - seen_us > CLOCK_GAP_US;
    if ((stepped || away) && jobs->distrust_ns == 0) {
        jobs->distrust_ns = now_ns + CLOCK_DISTRUST_NS;
        log_write(jobs->ports.log, LOG_WARN, "clock-jumped", "is", "seconds",
                  (now_us - (stepped ? jobs->pass_us : seen_us)) / 1000000, "effect",
                  "for a day nothing is salvaged or removed for its age");
    }
    jobs->pass_us = now_us;
    jobs->pass_ns = now_ns;
    if (jobs->distrust_ns != 0 && now_ns < jobs->distrust_ns) {
        return 0;
    }
    jobs->distrust_ns = 0;
    jobs->running++;
    db_write(jobs->ports.db, set_clock, jobs, on_clock_set);
    return 1;
}

static void begin_cleanup(Jobs *jobs)
{
    Cleanup *c = jobs->cleaning || jobs->stopping ? NULL : calloc(1, sizeof *c);
    if (!c) {
        return;
    }
    c->jobs = jobs;
    c->now_us = clock_now_us();
    c->clock_is_sound = clock_is_sound(jobs, c->now_us);
    jobs->cleaning = 1;
    jobs->running++;
    jobs->ports.store->list_uploads(jobs->ports.store, RECORDING_KEY_PREFIX, c, on_uploads_listed);
}

/* --- timer --- */

static void on_timer(uv_timer_t *timer)
{
    begin_cleanup(timer->data);
}

void jobs_init(Jobs *jobs, const JobPorts *ports, const JobPolicy *policy)
{
    *jobs = (Jobs){.ports = *ports, .policy = *policy};
}

int jobs_start(Jobs *jobs)
{
    jobs->orphan_objects = jobs->orphan_uploads = -1;
    uint64_t interval_ms = (uint64_t)jobs->policy.interval_s * 1000;
    if (reconcile_all(jobs) < 0 || uv_timer_init(jobs->ports.loop, &jobs->timer) != 0) {
        return -1;
    }
    jobs->timer_open = 1;
    jobs->timer.data = jobs;
    if (interval_ms > 0) {
        uv_timer_start(&jobs->timer, on_timer, interval_ms, interval_ms);
    }
    if (jobs->policy.at_start) {
        begin_cleanup(jobs);
    }
    return 0;
}

void jobs_stop(Jobs *jobs)
{
    jobs->stopping = 1;
    if (jobs->timer_open) {
        jobs->timer_open = 0;
        uv_close((uv_handle_t *)&jobs->timer, NULL);
    }
}

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
    metrics_value(out, "keeptake_orphan_objects", "gauge",
                  "Objects of takes that no recording knows, at the last look; -1: none yet.",
                  (double)jobs->orphan_objects);
    metrics_value(out, "keeptake_orphan_uploads", "gauge",
                  "Uploads with parts that no recording knows, at the last look; -1: none yet.",
                  (double)jobs->orphan_uploads);
    metrics_value(out, "keeptake_orphan_bytes", "gauge", "Bytes of these objects.",
                  (double)jobs->orphan_bytes);
}
