/* Tasks: work that outlives a request and a process, one at a time for each kind and subject.
 * jobs/tasks.h runs them.
 *
 *   QUEUED    -> RUNNING                   [task_claim]   due, or the lease of its runner is over
 *   RUNNING   -> QUEUED                    [task_end]     tried again after run_after_us
 *   RUNNING   -> DONE, FAILED, CANCELLED   [task_end]
 *   QUEUED    -> CANCELLED                 [task_cancel]  a running one is told so instead
 *
 * Invariant: only a RUNNING task has a lease; who holds it is the only one to renew or end it. */
#ifndef KEEPTAKE_SERVER_MODEL_TASKS_H
#define KEEPTAKE_SERVER_MODEL_TASKS_H

#include "db/db.h"
#include "model/organisations.h"

#define TASK_ID_BYTES 32 /* "tsk_" and 24 of [a-z2-7] */
#define TASK_KIND_BYTES 32
#define TASK_SUBJECT_BYTES 64
#define TASK_OWNER_BYTES 32
#define TASK_ERROR_BYTES 256
#define TASK_PAYLOAD_BYTES 1024

typedef enum TaskState {
    TASK_QUEUED = 0,
    TASK_RUNNING = 1,
    TASK_DONE = 2,
    TASK_FAILED = 3,
    TASK_CANCELLED = 4,
} TaskState;

typedef struct TaskRow {
    char id[TASK_ID_BYTES];
    char kind[TASK_KIND_BYTES];
    char subject[TASK_SUBJECT_BYTES]; /* what it works on: an object's or a recording's id */
    char organisation[ORGANISATION_BYTES];
    TaskState state;
    int64_t created_us, changed_us, run_after_us; /* Unix time */
    int attempts;                                 /* begun so far */
    char lease_owner[TASK_OWNER_BYTES];           /* "": nobody's */
    int64_t lease_until_us;
    double progress;                  /* 0 to 1 */
    char error[TASK_ERROR_BYTES];     /* of the last attempt, a sentence; "": none */
    int cancelled;                    /* asked for */
    char payload[TASK_PAYLOAD_BYTES]; /* of the kind */
} TaskRow;

/* "queued", "running", …; static. */
const char *task_state_name(TaskState state);

/* Reads. */
int task_get(DbConnection *c, const char *id, TaskRow *out);
/* Of a subject, oldest first. Returns how many were put to out, or a negative DbStatus. */
int task_of_subject(DbConnection *c, const char *subject, TaskRow *out, int max);
/* The first of this kind that can be claimed at now_us, or DB_NOT_FOUND. */
int task_due(DbConnection *c, const char *kind, int64_t now_us, TaskRow *out);

/* Writes, within a transaction. */
/* Of the row id, kind, subject, organisation, created_us, run_after_us and payload count.
 * DB_CONFLICT: an unfinished one of this kind and subject is there. */
int task_insert(DbConnection *c, const TaskRow *row);
/* The first that is due becomes owner's until lease_until_us. DB_NOT_FOUND: none is. */
int task_claim(DbConnection *c, const char *kind, const char *owner, int64_t now_us,
               int64_t lease_until_us, TaskRow *out);
/* DB_NOT_FOUND: it is not owner's any more. *cancelled: its end is asked for. */
int task_renew(DbConnection *c, const char *id, const char *owner, double progress, int64_t now_us,
               int64_t lease_until_us, int *cancelled);
/* QUEUED: to be tried again after run_after_us. is_cut_short: this attempt does not count. The same
 * result. */
int task_end(DbConnection *c, const char *id, const char *owner, TaskState state, const char *error,
             int64_t run_after_us, int is_cut_short, int64_t now_us);
/* DB_NOT_FOUND: it has ended, or never was. */
int task_cancel(DbConnection *c, const char *id, int64_t now_us);
/* Ends all leases: by the only process of this database, before it claims any. */
int task_release_all(DbConnection *c);
/* Removes those that ended before before_us. */
int task_forget(DbConnection *c, int64_t before_us);

#endif
