/* One call of the embedded store on its way: queued, on a thread, taken back or late, answered. */
#include "store/disk/async_internal.h"

#include <stdlib.h>
#include <string.h>

static void job_free(StoreJob *job)
{
    free(job->key);
    free(job->argument);
    free(job->from_key);
    free(job->parts);
    free(job->uploads);
    free(job->objects);
    free(job);
}

/* --- ends before its time --- */

static void watch_deadlines(DiskStore *s);

static void forget_deadline(StoreJob *job)
{
    for (StoreJob **p = &job->store->timed; *p; p = &(*p)->next_timed) {
        if (*p == job) {
            *p = job->next_timed;
            break;
        }
    }
    job->deadline_ms = 0;
}

static void on_job_done(void *ctx)
{
    StoreJob *job = ctx;
    if (job->call)
        job->call->running = NULL;
    if (job->deadline_ms)
        forget_deadline(job);
    job->report(job);
    job_free(job);
}

/* What has not begun is taken out of its queue; what runs is told, and looks between two pieces. */
static void stop_job(StoreJob *job, StoreStatus why)
{
    int running = 0;
    if (!atomic_compare_exchange_strong(&job->stopped, &running, why))
        return;
    if (workers_skip(job->pool, &job->task) && job->status == STORE_OK)
        job->status = why;
}

static void on_deadlines(uv_timer_t *timer)
{
    DiskStore *s = timer->data;
    uint64_t now_ms = uv_now(s->disk->loop);
    for (StoreJob *job = s->timed; job; job = job->next_timed) {
        if (job->deadline_ms <= now_ms)
            stop_job(job, STORE_LATE);
    }
    watch_deadlines(s);
}

/* Wakes up at the first deadline that is still to come. */
static void watch_deadlines(DiskStore *s)
{
    uint64_t now_ms = uv_now(s->disk->loop), first_ms = 0;
    for (StoreJob *job = s->timed; job; job = job->next_timed) {
        if (job->deadline_ms > now_ms && (!first_ms || job->deadline_ms < first_ms))
            first_ms = job->deadline_ms;
    }
    if (first_ms)
        uv_timer_start(s->deadlines, on_deadlines, first_ms - now_ms, 0);
    else
        uv_timer_stop(s->deadlines);
}

void disk__job_cancel(Store *store, StoreCall *call)
{
    (void)store;
    if (call->running)
        stop_job(call->running, STORE_CANCELLED);
}

/* --- a job --- */

int disk__job_is_stopped(StoreJob *job)
{
    int why = atomic_load(&job->stopped);
    if (why != 0)
        job->status = (StoreStatus)why;
    return why != 0;
}

static void on_job_work(void *ctx)
{
    StoreJob *job = ctx;
    if (job->status == STORE_OK && !disk__job_is_stopped(job))
        job->run(job);
}

/* NULL: no memory; the caller answers at once. */
StoreJob *disk__job_create(Store *store, const char *key, const char *argument, StoreCall *call,
                           void *ctx)
{
    StoreJob *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->store = (DiskStore *)store;
    job->call = call;
    job->ctx = ctx;
    job->key = strdup(key);
    job->argument = strdup(argument);
    if (!job->key || !job->argument)
        job->status = STORE_IO;
    return job;
}

/* pool: of an interactive call. */
void disk__job_start(StoreJob *job, DiskPool pool, void (*run)(StoreJob *),
                     void (*report)(StoreJob *))
{
    DiskStore *s = job->store;
    StoreCall *call = job->call;
    job->run = run;
    job->report = report;
    job->pool = store_disk_pool(s->disk, call && call->class == STORE_BULK ? DISK_BULK : pool);
    if (call) {
        call->running = job;
        if (call->deadline_ms > 0) {
            uv_update_time(s->disk->loop);
            job->deadline_ms = uv_now(s->disk->loop) + (uint64_t)call->deadline_ms;
            job->next_timed = s->timed;
            s->timed = job;
            watch_deadlines(s);
        }
    }
    workers_start(job->pool, &job->task, on_job_work, on_job_done, job);
}

/* --- the clock of deadlines --- */

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

void disk__open_deadlines(DiskStore *s)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (!timer || uv_timer_init(s->disk->loop, timer) != 0) {
        free(timer);
        return;
    }
    s->deadlines = timer;
    timer->data = s;
    uv_unref((uv_handle_t *)timer);
}

void disk__close_deadlines(DiskStore *s)
{
    if (s->deadlines)
        uv_close((uv_handle_t *)s->deadlines, free_timer);
    s->deadlines = NULL;
}
