/* A look at what is due is a read; only what can be begun is claimed, which is a write. */
#include "jobs/tasks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"

static void look(Tasks *t);
static void claim(Tasks *t, const TaskKind *kind);

static int count_runs(const Tasks *t, const TaskKind *kind)
{
    int count = 0;
    for (const TaskRun *run = t->runs; run; run = run->next) {
        count += run->kind == kind;
    }
    return count;
}

static void drop_run(TaskRun *run)
{
    Tasks *t = run->tasks;
    TaskRun **at = &t->runs;
    while (*at != run) {
        at = &(*at)->next;
    }
    *at = run->next;
    (*t->running)--;
    free(run);
}

/* --- the end --- */

static int64_t retry_wait_us(const TaskRun *run)
{
    int64_t wait_us = run->kind->first_retry_us;
    for (int i = 1; i < run->row.attempts && wait_us < TASKS_LONGEST_RETRY_US; i++) {
        wait_us *= 2;
    }
    return wait_us < TASKS_LONGEST_RETRY_US ? wait_us : TASKS_LONGEST_RETRY_US;
}

static int note_end(DbConnection *c, void *ctx)
{
    const TaskRun *run = ctx;
    int64_t now_us = clock_now_us();
    return task_end(c, run->row.id, run->tasks->owner, run->end, run->error, now_us + run->wait_us,
                    run->is_cut_short, now_us);
}

/* Where it could not be noted its lease runs out, and it is begun again. */
static void on_end_noted(void *ctx, int status)
{
    TaskRun *run = ctx;
    Tasks *t = run->tasks;
    LogLevel level = run->end == TASK_DONE || run->end == TASK_CANCELLED ? LOG_INFO : LOG_WARN;
    log_write(t->log, level, "task", "sssdsd", "kind", run->row.kind, "subject", run->row.subject,
              "state", task_state_name(run->end), "attempts", run->row.attempts, "message",
              run->error, "status", status);
    t->done += run->end == TASK_DONE;
    t->failed += run->end == TASK_FAILED;
    drop_run(run);
    look(t);
}

static void write_end(TaskRun *run)
{
    run->is_cut_short = run->tasks->stopping && run->end == TASK_QUEUED;
    run->wait_us = run->is_cut_short ? 0 : retry_wait_us(run);
    db_write(run->tasks->db, NULL, note_end, run, on_end_noted);
}

void task_run_end(TaskRun *run, TaskState state, const char *error)
{
    assert(state != TASK_RUNNING && !run->has_ended);
    if (state == TASK_QUEUED && run->cancelled) {
        state = TASK_CANCELLED;
    } else if (state == TASK_QUEUED && run->row.attempts >= run->kind->most_attempts &&
               !run->tasks->stopping) {
        state = TASK_FAILED;
    }
    run->has_ended = 1;
    run->end = state;
    snprintf(run->error, sizeof run->error, "%s", error);
    if (!run->is_renewing) {
        write_end(run);
    }
}

/* --- renewing --- */

static int note_alive(DbConnection *c, void *ctx)
{
    TaskRun *run = ctx;
    int64_t now_us = clock_now_us();
    return task_renew(c, run->row.id, run->tasks->owner, run->noted_progress, now_us,
                      now_us + TASKS_LEASE_US, &run->row.cancelled);
}

static void on_alive_noted(void *ctx, int status)
{
    TaskRun *run = ctx;
    run->is_renewing = 0;
    run->cancelled = run->cancelled || status == DB_NOT_FOUND || run->row.cancelled;
    if (run->has_ended) {
        write_end(run);
    }
}

static void renew_all(Tasks *t)
{
    for (TaskRun *run = t->runs; run; run = run->next) {
        if (run->is_claimed && !run->is_renewing && !run->has_ended &&
            uv_now(t->loop) - run->renewed_ms >= t->renew_ms) {
            run->is_renewing = 1;
            run->renewed_ms = uv_now(t->loop);
            run->noted_progress = run->progress;
            db_write(t->db, NULL, note_alive, run, on_alive_noted);
        }
    }
}

/* --- beginning --- */

static int note_claim(DbConnection *c, void *ctx)
{
    TaskRun *run = ctx;
    int64_t now_us = clock_now_us();
    return task_claim(c, run->kind->name, run->tasks->owner, now_us, now_us + TASKS_LEASE_US,
                      &run->row);
}

static void on_claimed(void *ctx, int status)
{
    TaskRun *run = ctx;
    Tasks *t = run->tasks;
    const TaskKind *kind = run->kind;
    if (status != DB_OK) {
        drop_run(run);
        return;
    }
    run->is_claimed = 1;
    run->renewed_ms = uv_now(t->loop);
    if (t->stopping) {
        task_run_end(run, TASK_QUEUED, "The server is stopping.");
    } else if (run->row.cancelled) {
        task_run_end(run, TASK_CANCELLED, "");
    } else if (run->row.attempts > kind->most_attempts) { /* it may be what ends the process */
        task_run_end(run, TASK_FAILED, "The process that tried it last did not note how it ended.");
    } else {
        kind->run(run, kind->ctx);
        claim(t, kind); /* there may be another one */
    }
}

static void claim(Tasks *t, const TaskKind *kind)
{
    TaskRun *run =
        t->stopping || count_runs(t, kind) >= kind->most_at_once ? NULL : calloc(1, sizeof *run);
    if (!run) {
        return;
    }
    run->tasks = t;
    run->kind = kind;
    run->next = t->runs;
    t->runs = run;
    (*t->running)++;
    db_write(t->db, NULL, note_claim, run, on_claimed);
}

static int read_due(DbConnection *c, void *ctx)
{
    Tasks *t = ctx;
    TaskRow row;
    int64_t now_us = clock_now_us();
    for (int i = 0; i < t->kind_count; i++) {
        t->is_due[i] = task_due(c, t->kinds[i]->name, now_us, &row) == DB_OK;
    }
    return DB_OK;
}

static void on_due(void *ctx, int status)
{
    Tasks *t = ctx;
    t->is_looking = 0;
    (*t->running)--;
    for (int i = 0; i < t->kind_count && status == DB_OK; i++) {
        if (t->is_due[i]) {
            claim(t, t->kinds[i]);
        }
    }
}

static void look(Tasks *t)
{
    if (t->is_looking || t->stopping || !t->timer_open) {
        return;
    }
    t->is_looking = 1;
    (*t->running)++;
    db_read(t->db, read_due, t, on_due);
}

void tasks_kick(Tasks *t)
{
    look(t);
}

/* --- from time to time --- */

static int note_forgotten(DbConnection *c, void *ctx)
{
    (void)ctx;
    return task_forget(c, clock_now_us() - TASKS_KEPT_US);
}

static void on_forgotten(void *ctx, int status)
{
    (void)status; /* the next time, then */
    (*((Tasks *)ctx)->running)--;
}

static void on_timer(uv_timer_t *timer)
{
    Tasks *t = timer->data;
    renew_all(t);
    look(t);
    if (uv_now(t->loop) - t->forgot_ms >= 3600000) {
        t->forgot_ms = uv_now(t->loop);
        (*t->running)++;
        db_write(t->db, NULL, note_forgotten, t, on_forgotten);
    }
}

static int release_all(DbConnection *c, void *ctx)
{
    (void)ctx;
    return task_release_all(c);
}

static void on_released(void *ctx, int status)
{
    Tasks *t = ctx;
    (void)status; /* they run out by themselves otherwise */
    (*t->running)--;
    look(t);
}

void tasks_init(Tasks *t, uv_loop_t *loop, Db *db, const Log *log, int *running)
{
    memset(t, 0, sizeof *t);
    t->loop = loop;
    t->db = db;
    t->log = log;
    t->running = running;
    t->renew_ms = TASKS_RENEW_MS;
}

void tasks_add_kind(Tasks *t, const TaskKind *kind)
{
    assert(t->kind_count < TASKS_MAX_KINDS && !t->timer_open);
    t->kinds[t->kind_count++] = kind;
}

int tasks_start(Tasks *t)
{
    if (id_make("run_", t->owner, sizeof t->owner) != 0 || uv_timer_init(t->loop, &t->timer) != 0) {
        return -1;
    }
    t->timer_open = 1;
    t->timer.data = t;
    uv_timer_start(&t->timer, on_timer, TASKS_POLL_MS, TASKS_POLL_MS);
    uv_unref((uv_handle_t *)&t->timer);
    (*t->running)++;
    db_write(t->db, NULL, release_all, t, on_released);
    return 0;
}

void tasks_stop(Tasks *t)
{
    t->stopping = 1;
    if (t->timer_open) {
        t->timer_open = 0;
        uv_close((uv_handle_t *)&t->timer, NULL);
    }
}

int task_make(TaskRow *row, const char *kind, const char *subject, const char *organisation,
              int64_t delay_us)
{
    memset(row, 0, sizeof *row);
    snprintf(row->kind, sizeof row->kind, "%s", kind);
    snprintf(row->subject, sizeof row->subject, "%s", subject);
    snprintf(row->organisation, sizeof row->organisation, "%s", organisation);
    row->created_us = clock_now_us();
    row->run_after_us = row->created_us + delay_us;
    return id_make("tsk_", row->id, sizeof row->id);
}
