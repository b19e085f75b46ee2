/* What a crash or time leaves over: reconciliation at start, then cleanup by age. Passes work on
 * one object after the other, each under its lock.
 *
 * A take or track is salvageable while its upload has the first part: it is never removed. Where it
 * gives no sign of life (a part, a timeline) for salvage_after, it is salvaged. */
#include "jobs/finish.h"
#include "jobs/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "jobs/salvage_internal.h"

#define BATCH 32

/* A pending object whose lock was taken before the server listened. */
typedef struct Reconciliation {
    Jobs *jobs;
    ObjectRow object;
    RecordingLock lock;
} Reconciliation;

typedef struct Cleanup {
    Jobs *jobs;
    ObjectRow rows[BATCH];
    int count, at;
    char after[OBJECT_ID_BYTES];
    ObjectRow object; /* read again under the lock */
    int found;        /* DbStatus of that */
    int64_t alive_us; /* of its recording, where it is the take */
    int has_others;   /* objects of its recording that were kept, where it is the take */
    RecordingLock lock;
    int64_t now_us;
    int64_t seen_us;    /* that the clock was last believed at; -1: not known */
    int clock_is_sound; /* otherwise nothing is old */
} Cleanup;

static void cleanup_next(void *ctx);

/* --- reconciliation --- */

static void on_reconciled(void *ctx, const JobResult *result)
{
    Reconciliation *r = ctx;
    log_write(r->jobs->ports.log, result->status == JOB_OK ? LOG_INFO : LOG_WARN, "reconciled",
              "sds", "recording", r->object.recording, "pending", (int)r->object.pending, "message",
              result->message);
    recording_unlock(&r->jobs->locks, &r->lock);
    free(r);
}

static void reconcile_locked(void *ctx)
{
    Reconciliation *r = ctx;
    job_reconcile(r->jobs, NULL, &r->object, r, on_reconciled);
}

static int lock_pending(Jobs *jobs, const ObjectRow *object)
{
    Reconciliation *r = calloc(1, sizeof *r);
    if (!r) {
        return -1;
    }
    r->jobs = jobs;
    r->object = *object;
    recording_lock(&jobs->locks, &r->lock, job_lock_id(&r->object), reconcile_locked, r);
    return 0;
}

/* Before the loop runs: nobody waits for it, and everybody who comes later finds the locks taken.
 */
static int reconcile_all(Jobs *jobs)
{
    ObjectRow *rows = calloc(BATCH, sizeof *rows);
    DbConnection *c = rows ? db_borrow(jobs->ports.db) : NULL;
    char after[OBJECT_ID_BYTES] = "";
    int count = c ? BATCH : -1;
    while (count == BATCH) {
        count = object_pending(c, after, rows, BATCH);
        for (int i = 0; i < count; i++) {
            memcpy(after, rows[i].id, sizeof after);
            count = lock_pending(jobs, &rows[i]) == 0 ? count : -1;
        }
    }
    db_give_back(jobs->ports.db, c);
    free(rows);
    return count;
}

/* --- objects --- */

static void cleanup_end(void *ctx)
{
    Cleanup *c = ctx;
    c->jobs->cleaning = 0;
    c->jobs->running--;
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
        log_write(c->jobs->ports.log, LOG_INFO, "cleaned-up", "ss", "recording",
                  c->object.recording, "state", object_state_name(c->object.state, PENDING_NONE));
    }
    row_done(c);
}

static void on_row_reconciled(void *ctx, const JobResult *result)
{
    Cleanup *c = ctx;
    log_write(c->jobs->ports.log, result->status == JOB_OK ? LOG_INFO : LOG_WARN, "reconciled",
              "sds", "recording", c->object.recording, "pending", (int)c->object.pending, "message",
              result->message);
    row_done(c);
}

static int64_t age_s(const Cleanup *c, int64_t since_us)
{
    return c->clock_is_sound ? (c->now_us - since_us) / 1000000 : 0;
}

/* Of what the database knows. */
static int64_t newest_sign_us(const Cleanup *c)
{
    const ObjectRow *o = &c->object;
    int64_t newest_us = o->changed_us > o->created_us ? o->changed_us : o->created_us;
    return c->alive_us > newest_us ? c->alive_us : newest_us;
}

/* Reads the object of the lock again, with what its recording knows. */
static int read_object(DbConnection *db, void *ctx)
{
    Cleanup *c = ctx;
    RecordingRow recording;
    ObjectRow *others = calloc(2, sizeof *others);
    char id[OBJECT_ID_BYTES];
    memcpy(id, c->object.id, sizeof id);
    c->found = others ? object_get(db, id, &c->object) : DB_IO;
    c->alive_us = 0;
    c->has_others = 0;
    if (c->found == DB_OK && c->object.kind == OBJECT_TAKE) {
        c->found = recording_get(db, NULL, c->object.recording, &recording);
        c->alive_us = c->found == DB_OK ? recording.alive_us : 0;
        int count = object_of_recording(db, c->object.recording, "", 0, others, 2);
        for (int i = 0; i < count; i++) {
            c->has_others = c->has_others || others[i].kind != OBJECT_TAKE;
        }
    }
    free(others);
    return DB_OK;
}

static void read_again(Cleanup *c, void (*done)(void *ctx, int status))
{
    c->found = DB_IO;
    db_read(c->jobs->ports.db, read_object, c, done);
}

static void on_row_ended(void *ctx, const JobResult *result)
{
    (void)result; /* in the log and in the counters */
    row_done(ctx);
}

/* Nobody sends it any more: what cannot be finished without who sent it can be made again. */
static void finish_row(Cleanup *c)
{
    if (object_is_salvageable(c->object.kind)) {
        job_salvage(c->jobs, NULL, &c->object, c, NULL, on_row_ended);
    } else {
        job_abort(c->jobs, NULL, &c->object, c, on_row_ended);
    }
}

/* A take goes with its recording, which stays for the sake of its other objects. */
static void remove_row(Cleanup *c)
{
    if (c->has_others) {
        row_done(c);
    } else {
        job_delete(c->jobs, NULL, &c->object, c, on_row_deleted);
    }
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
    return object_set_upload(c, cleanup->object.id, RECORDING_FOUND_UPLOAD, cleanup->now_us);
}

static void salvage_begun(void *ctx, int status)
{
    Cleanup *c = ctx;
    (void)status;
    if (c->found != DB_OK) {
        row_done(c);
    } else {
        finish_row(c);
    }
}

static void on_begun_noted(void *ctx, int status)
{
    Cleanup *c = ctx;
    if (status != DB_OK) {
        row_done(c);
    } else {
        read_again(c, salvage_begun);
    }
}

/* Nothing is deleted for being unknown to the database: where there is an object, the take was
 * completed after the copy that this database was made from. */
static void on_row_headed(void *ctx, StoreStatus status, const StoreObject *object)
{
    Cleanup *c = ctx;
    const JobPolicy *policy = &c->jobs->policy;
    int64_t limit_s =
        c->object.state == OBJECT_CREATED ? policy->empty_age_s : policy->cleanup_age_s;
    (void)object;
    if (status == STORE_OK && c->object.state == OBJECT_CREATED) {
        db_write(c->jobs->ports.db, NULL, note_begun, c, on_begun_noted);
    } else if (status == STORE_OK) {
        finish_row(c);
    } else if (status == STORE_NO_SUCH_KEY && age_s(c, newest_sign_us(c)) >= limit_s) {
        remove_row(c);
    } else {
        row_done(c);
    }
}

static void head_row(Cleanup *c)
{
    c->jobs->ports.store->head(c->jobs->ports.store, c->object.key, NULL, c, on_row_headed);
}

static void on_row_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Cleanup *c = ctx;
    const JobPolicy *policy = &c->jobs->policy;
    int64_t newest_us = newest_sign_us(c);
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
        finish_row(c);
    } else {
        remove_row(c);
    }
}

/* --- the last look at what failed --- */

/* The store may have got back what was not in it when the recording failed: a bucket that was put
 * back, a service that is whole again. */
static void look_after_trying(void *ctx, int status)
{
    Cleanup *c = ctx;
    if (status == DB_OK && c->found == DB_OK && c->object.state == OBJECT_FAILED) {
        remove_row(c);
    } else {
        row_done(c);
    }
}

static void on_tried_again(void *ctx, const JobResult *result)
{
    Cleanup *c = ctx;
    if (result->status == JOB_OK) {
        read_again(c, look_after_trying);
    } else {
        row_done(c);
    }
}

static int note_trying(DbConnection *db, void *ctx)
{
    const Cleanup *c = ctx;
    return object_set_state(db, c->object.id, OBJECT_OPEN, c->now_us);
}

static void try_again(void *ctx, int status)
{
    Cleanup *c = ctx;
    if (status != DB_OK || c->found != DB_OK) {
        row_done(c);
    } else {
        job_salvage(c->jobs, NULL, &c->object, c, NULL, on_tried_again);
    }
}

static void on_trying_noted(void *ctx, int status)
{
    Cleanup *c = ctx;
    if (status != DB_OK) {
        row_done(c);
    } else {
        read_again(c, try_again);
    }
}

static void on_failed_headed(void *ctx, StoreStatus status, const StoreObject *object)
{
    Cleanup *c = ctx;
    (void)object;
    if (status == STORE_OK) {
        db_write(c->jobs->ports.db, NULL, note_trying, c, on_trying_noted);
    } else if (status == STORE_NO_SUCH_KEY) {
        remove_row(c);
    } else {
        row_done(c);
    }
}

static void on_failed_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Cleanup *c = ctx;
    Store *store = c->jobs->ports.store;
    (void)parts;
    if (status == STORE_OK && count > 0) {
        db_write(c->jobs->ports.db, NULL, note_trying, c, on_trying_noted);
    } else if (status == STORE_OK || status == STORE_NO_SUCH_UPLOAD ||
               status == STORE_NO_SUCH_KEY) {
        store->head(store, c->object.key, NULL, c, on_failed_headed);
    } else {
        row_done(c);
    }
}

static void look_at_failed(Cleanup *c)
{
    Store *store = c->jobs->ports.store;
    store->list_parts(store, c->object.key, c->object.upload_id, NULL, c, on_failed_listed);
}

/* Whether a row needs a look under its lock. Decided beforehand, so that a long run of young rows
 * is skipped in a loop. */
static int is_due(const Cleanup *c, const ObjectRow *row)
{
    const JobPolicy *policy = &c->jobs->policy;
    if (row->pending != PENDING_NONE || row->state == OBJECT_OPEN) {
        return 1;
    }
    return age_s(c, row->changed_us) >=
           (row->state == OBJECT_CREATED ? policy->empty_age_s : policy->cleanup_age_s);
}

static void on_row_read(void *ctx, int status)
{
    Cleanup *c = ctx;
    const ObjectRow *o = &c->object;
    Store *store = c->jobs->ports.store;
    if (status != DB_OK || c->found != DB_OK) {
        row_done(c);
    } else if (o->pending != PENDING_NONE) { /* the store did not answer before: try again */
        job_reconcile(c->jobs, NULL, o, c, on_row_reconciled);
    } else if (o->state == OBJECT_COMPLETE) {
        row_done(c);
    } else if (o->state == OBJECT_OPEN) {
        store->list_parts(store, o->key, o->upload_id, NULL, c, on_row_listed);
    } else if (o->state == OBJECT_CREATED && is_due(c, o)) {
        if (c->jobs->orphan_uploads >= 0) {
            head_row(c);
        } else { /* the uploads are not known: its own may be there */
            row_done(c);
        }
    } else if (is_due(c, o) && o->state == OBJECT_FAILED && *o->upload_id) {
        look_at_failed(c);
    } else if (is_due(c, o)) {
        remove_row(c);
    } else {
        row_done(c);
    }
}

static void row_locked(void *ctx)
{
    read_again(ctx, on_row_read);
}

/* Goes on to the next rows of which one is due. */
static int fetch_rows(DbConnection *db, void *ctx)
{
    Cleanup *c = ctx;
    const JobPolicy *policy = &c->jobs->policy;
    int64_t youngest_s = policy->empty_age_s;
    youngest_s = policy->cleanup_age_s < youngest_s ? policy->cleanup_age_s : youngest_s;
    youngest_s = salvage_limit_s(policy) < youngest_s ? salvage_limit_s(policy) : youngest_s;
    do {
        c->at = 0;
        c->count =
            object_unfinished(db, c->after, c->now_us - youngest_s * 1000000, c->rows, BATCH);
        if (c->count > 0) {
            memcpy(c->after, c->rows[c->count - 1].id, sizeof c->after);
        }
        while (c->at < c->count && !is_due(c, &c->rows[c->at])) {
            c->at++;
        }
    } while (c->count > 0 && c->at == c->count);
    return c->count < 0 ? c->count : DB_OK;
}

static void on_fetched(void *ctx, int status)
{
    Cleanup *c = ctx;
    if (status != DB_OK || c->count <= 0 || c->jobs->stopping) {
        jobs_find_orphans(c->jobs, c, cleanup_end);
    } else {
        cleanup_next(c);
    }
}

static void cleanup_next(void *ctx)
{
    Cleanup *c = ctx;
    while (c->at < c->count && !is_due(c, &c->rows[c->at])) {
        c->at++;
    }
    if (c->at == c->count || c->jobs->stopping) {
        db_read(c->jobs->ports.db, fetch_rows, c, on_fetched);
        return;
    }
    c->object = c->rows[c->at++];
    recording_lock(&c->jobs->locks, &c->lock, job_lock_id(&c->object), row_locked, c);
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

/* seen_us: what was last believed; -1: not known */
static int clock_is_sound(Jobs *jobs, int64_t now_us, int64_t seen_us)
{
    uint64_t now_ns = uv_hrtime();
    int64_t passed_us = (int64_t)(now_ns - jobs->pass_ns) / 1000;
    int stepped = jobs->pass_us != 0 && now_us - jobs->pass_us - passed_us > CLOCK_STEP_US;
    int away = seen_us >= 0 && jobs->pass_us == 0 && now_us - seen_us > CLOCK_GAP_US;
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
    db_write(jobs->ports.db, NULL, set_clock, jobs, on_clock_set);
    return 1;
}

static int read_clock(DbConnection *db, void *ctx)
{
    Cleanup *c = ctx;
    if (server_clock_get(db, &c->seen_us) != DB_OK) {
        c->seen_us = -1;
    }
    return DB_OK;
}

static void on_clock_read(void *ctx, int status)
{
    Cleanup *c = ctx;
    c->clock_is_sound = status == DB_OK && clock_is_sound(c->jobs, c->now_us, c->seen_us);
    jobs_clean_uploads(c->jobs, c->now_us, c->clock_is_sound, c, cleanup_next);
}

/* First the uploads that no object knows: some get theirs back. Then the objects that are not
 * finished, then those of the store that nobody knows. */
static void begin_cleanup(Jobs *jobs)
{
    Cleanup *c = jobs->cleaning || jobs->stopping ? NULL : calloc(1, sizeof *c);
    if (!c) {
        return;
    }
    c->jobs = jobs;
    c->now_us = clock_now_us();
    jobs->cleaning = 1;
    jobs->running++;
    db_read(jobs->ports.db, read_clock, c, on_clock_read);
}

/* --- timer --- */

static void on_timer(uv_timer_t *timer)
{
    begin_cleanup(timer->data);
}

void jobs_init(Jobs *jobs, const JobPorts *ports, const JobPolicy *policy)
{
    *jobs = (Jobs){.ports = *ports, .policy = *policy};
    tasks_init(&jobs->tasks, ports->loop, ports->db, ports->log, &jobs->running);
    jobs_add_finish(jobs);
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
    if (tasks_start(&jobs->tasks) != 0) {
        return -1;
    }
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
    salvages__stop(jobs);
    tasks_stop(&jobs->tasks);
    if (jobs->timer_open) {
        jobs->timer_open = 0;
        uv_close((uv_handle_t *)&jobs->timer, NULL);
    }
}
