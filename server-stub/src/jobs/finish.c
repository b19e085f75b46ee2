/* The task "finish": a step of an object that was noted and could not be ended, because the store
 * did not answer or its disk was full, is tried again until it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/finish.h"

#define MOST_AT_ONCE 4
#define MOST_ATTEMPTS 40 /* more than a day; then the clean-up goes on with it */
#define FIRST_RETRY_US 15000000

const char job_finish_kind[] = "finish";

typedef struct Finish {
    Jobs *jobs;
    TaskRun *run;
    ObjectRow object;
    int found; /* DbStatus */
    RecordingLock lock;
} Finish;

static void finish_end(Finish *f, TaskState state, const char *message)
{
    recording_unlock(&f->jobs->locks, &f->lock);
    task_run_end(f->run, state, message);
    free(f);
}

static void on_reconciled(void *ctx, const JobResult *result)
{
    Finish *f = ctx;
    int is_over = result->status == JOB_OK || result->status == JOB_GONE;
    finish_end(f, is_over ? TASK_DONE : TASK_QUEUED, result->message);
}

static int read_object(DbConnection *c, void *ctx)
{
    Finish *f = ctx;
    f->found = object_get(c, f->run->row.subject, &f->object);
    return DB_OK;
}

static void on_read_again(void *ctx, int status)
{
    Finish *f = ctx;
    if (status != DB_OK || (f->found != DB_OK && f->found != DB_NOT_FOUND)) {
        finish_end(f, TASK_QUEUED, "The database reported a failure.");
    } else if (f->found == DB_NOT_FOUND || f->object.pending == PENDING_NONE) {
        finish_end(f, TASK_DONE, ""); /* somebody else has */
    } else {
        job_reconcile(f->jobs, NULL, &f->object, f, on_reconciled);
    }
}

static void on_locked(void *ctx)
{
    Finish *f = ctx;
    db_read(f->jobs->ports.db, read_object, f, on_read_again);
}

static void on_read(void *ctx, int status)
{
    Finish *f = ctx;
    if (status != DB_OK || f->found != DB_OK) {
        on_read_again(f, status);
    } else {
        recording_lock(&f->jobs->locks, &f->lock, job_lock_id(&f->object), on_locked, f);
    }
}

static void run_finish(TaskRun *run, void *ctx)
{
    Finish *f = calloc(1, sizeof *f);
    if (!f) {
        task_run_end(run, TASK_QUEUED, "There is not enough memory.");
        return;
    }
    f->jobs = ctx;
    f->run = run;
    db_read(f->jobs->ports.db, read_object, f, on_read);
}

void jobs_add_finish(Jobs *jobs)
{
    jobs->finish = (TaskKind){.name = job_finish_kind,
                              .most_at_once = MOST_AT_ONCE,
                              .most_attempts = MOST_ATTEMPTS,
                              .first_retry_us = FIRST_RETRY_US,
                              .run = run_finish,
                              .ctx = jobs};
    tasks_add_kind(&jobs->tasks, &jobs->finish);
}

/* --- queueing --- */

typedef struct Later {
    Jobs *jobs;
    TaskRow row;
} Later;

static int note_task(DbConnection *c, void *ctx)
{
    const Later *later = ctx;
    int status = task_insert(c, &later->row);
    return status == DB_CONFLICT ? DB_OK : status; /* it is queued, or runs */
}

static void on_task_noted(void *ctx, int status)
{
    Later *later = ctx;
    (void)status; /* a full disk, say: the clean-up finds the step as well */
    later->jobs->running--;
    free(later);
}

void job_try_later(Jobs *jobs, const ObjectRow *object, const JobResult *result)
{
    if (jobs->stopping || result->status == JOB_OK || result->status == JOB_CONFLICT ||
        result->status == JOB_GONE) { /* the next start looks at all that is pending */
        return;
    }
    Later *later = calloc(1, sizeof *later);
    if (!later || task_make(&later->row, job_finish_kind, object->id, object->organisation,
                            FIRST_RETRY_US) != 0) {
        free(later);
        return;
    }
    later->jobs = jobs;
    jobs->running++;
    db_write(jobs->ports.db, NULL, note_task, later, on_task_noted);
}
