/* Runs the tasks of the database: each kind has a limit of how many at a time, an attempt that
 * fails is repeated later and later, one whose process died is taken up again when its lease is
 * over. One runner for each process; all on the loop's thread. */
#ifndef KEEPTAKE_SERVER_JOBS_TASKS_H
#define KEEPTAKE_SERVER_JOBS_TASKS_H

#include <uv.h>

#include "base/log.h"
#include "model/tasks.h"

#define TASKS_MAX_KINDS 16
#define TASKS_POLL_MS 1000
#define TASKS_LEASE_US 60000000
#define TASKS_RENEW_MS 15000
#define TASKS_LONGEST_RETRY_US 3600000000
#define TASKS_KEPT_US (7LL * 86400 * 1000000) /* those that have ended */

typedef struct Tasks Tasks;

/* One task under way. Its kind reads row, sets progress, and looks at cancelled where it can end
 * early. */
typedef struct TaskRun TaskRun;
struct TaskRun {
    Tasks *tasks;
    const struct TaskKind *kind;
    TaskRow row;
    double progress; /* 0 to 1; noted with the next renewal */
    int cancelled;   /* asked for, or the lease was lost: end it */
    /* The runner's. */
    int is_claimed, is_renewing, has_ended;
    uint64_t renewed_ms;
    double noted_progress; /* for the writing thread, like what follows */
    int64_t wait_us;       /* until the next attempt */
    int is_cut_short;      /* by the end of the process: no attempt */
    TaskState end;
    char error[TASK_ERROR_BYTES];
    TaskRun *next;
};

typedef struct TaskKind {
    const char *name; /* of the row's kind */
    int most_at_once;
    int most_attempts;      /* then it has failed; one that its process did not outlive counts */
    int64_t first_retry_us; /* the second attempt waits so long, each further one twice as long */
    /* Does the work; task_run_end once, now or later. */
    void (*run)(TaskRun *run, void *ctx);
    void *ctx;
} TaskKind;

struct Tasks {
    Db *db;
    const Log *log;
    uv_loop_t *loop;
    const TaskKind *kinds[TASKS_MAX_KINDS];
    int kind_count;
    char owner[TASK_OWNER_BYTES];
    uv_timer_t timer;
    int timer_open, is_looking, stopping;
    int *running; /* of the house: counts runs and what the runner itself is at */
    TaskRun *runs;
    int is_due[TASKS_MAX_KINDS]; /* by the last look */
    uint64_t renew_ms;           /* TASKS_RENEW_MS; tests are in more of a hurry */
    uint64_t forgot_ms;
    uint64_t done, failed; /* for metrics */
};

/* Nothing runs yet. running is borrowed: it is above 0 while anything is under way. */
void tasks_init(Tasks *tasks, uv_loop_t *loop, Db *db, const Log *log, int *running);
/* kind is borrowed for good. Before tasks_start. */
void tasks_add_kind(Tasks *tasks, const TaskKind *kind);
/* As the only process of this database: takes up what others have left. 0, or -1. */
int tasks_start(Tasks *tasks);
/* Begins no more; what runs ends by itself and is queued again. */
void tasks_stop(Tasks *tasks);
/* Looks for due tasks soon: after one was queued. */
void tasks_kick(Tasks *tasks);

/* Ends run, which is gone afterwards. state: DONE; QUEUED, tried again later unless it was the last
 * attempt or its end is asked for; FAILED; CANCELLED. error: a sentence, or "". */
void task_run_end(TaskRun *run, TaskState state, const char *error);

/* Fills a row that can be inserted: due after delay_us. -1: no randomness. */
int task_make(TaskRow *row, const char *kind, const char *subject, const char *organisation,
              int64_t delay_us);

#endif
