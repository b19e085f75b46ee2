/* One queue, a few threads, one async handle that brings results back to the loop. */
#include "base/workers.h"

#include <stdlib.h>

typedef struct TaskQueue {
    WorkersTask *first, **last;
} TaskQueue;

struct Workers {
    /* Fixed at creation. */
    uv_async_t *async; /* own memory: it outlives the Workers until the loop has closed it */
    uv_thread_t *threads;
    int count, most;
    /* Changes while running. */
    int unfinished;     /* loop's thread: begun, done not called yet */
    int counted;        /* loop's thread: of them, those that most bounds */
    WorkersTimes times; /* loop's thread */
    uv_mutex_t mutex;
    uv_cond_t wake;
    TaskQueue waiting, finished; /* guarded by mutex */
    int stopping;                /* guarded by mutex */
};

static void queue_put(TaskQueue *q, WorkersTask *task)
{
    task->next = NULL;
    if (!q->first) {
        q->last = &q->first;
    }
    *q->last = task;
    q->last = &task->next;
}

static WorkersTask *queue_take(TaskQueue *q)
{
    WorkersTask *task = q->first;
    if (task) {
        q->first = task->next;
    }
    return task;
}

/* 1, or 0 where it is not there. */
static int queue_remove(TaskQueue *q, const WorkersTask *task)
{
    for (WorkersTask **p = &q->first; *p; p = &(*p)->next) {
        if (*p == task) {
            *p = task->next;
            q->last = task->next ? q->last : p;
            return 1;
        }
    }
    return 0;
}

static void thread_main(void *arg)
{
    Workers *w = arg;
    uv_mutex_lock(&w->mutex);
    for (;;) {
        WorkersTask *task = queue_take(&w->waiting);
        if (!task && w->stopping) {
            break;
        }
        if (!task) {
            uv_cond_wait(&w->wake, &w->mutex);
            continue;
        }
        uv_mutex_unlock(&w->mutex);
        task->begun_ns = uv_hrtime();
        task->work(task->ctx);
        task->worked_ns = uv_hrtime();
        uv_mutex_lock(&w->mutex);
        queue_put(&w->finished, task);
        uv_async_send(w->async);
    }
    uv_mutex_unlock(&w->mutex);
}

/* A done may destroy the workers: then async says so. */
static void run_finished(uv_async_t *async)
{
    for (;;) {
        Workers *w = async->data;
        if (!w) {
            return;
        }
        uv_mutex_lock(&w->mutex);
        WorkersTask *task = queue_take(&w->finished);
        uv_mutex_unlock(&w->mutex);
        if (!task) {
            return;
        }
        const WorkersTask ended = *task; /* its memory may go with done */
        if (ended.is_owned) {
            free(task);
        }
        w->counted -= ended.is_counted;
        histogram_add(&w->times.waited, (int64_t)(ended.begun_ns - ended.queued_ns) / 1000);
        histogram_add(&w->times.worked, (int64_t)(ended.worked_ns - ended.begun_ns) / 1000);
        if (--w->unfinished == 0) {
            uv_unref((uv_handle_t *)async);
        }
        ended.done(ended.ctx);
    }
}

static void on_async(uv_async_t *async)
{
    run_finished(async);
}

static void free_async(uv_handle_t *handle)
{
    free(handle);
}

static void end_threads(Workers *w)
{
    uv_mutex_lock(&w->mutex);
    w->stopping = 1;
    uv_cond_broadcast(&w->wake);
    uv_mutex_unlock(&w->mutex);
    for (int i = 0; i < w->count; i++) {
        uv_thread_join(&w->threads[i]);
    }
}

static void release(Workers *w)
{
    if (w->async) {
        w->async->data = NULL;
        uv_close((uv_handle_t *)w->async, free_async);
    }
    uv_cond_destroy(&w->wake);
    uv_mutex_destroy(&w->mutex);
    free(w->threads);
    free(w);
}

int workers_create(uv_loop_t *loop, int count, int most, Workers **out)
{
    Workers *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w || uv_mutex_init(&w->mutex) != 0) {
        free(w);
        return -1;
    }
    if (uv_cond_init(&w->wake) != 0) {
        uv_mutex_destroy(&w->mutex);
        free(w);
        return -1;
    }
    w->most = most;
    w->threads = calloc((size_t)count, sizeof *w->threads);
    uv_async_t *async = calloc(1, sizeof *async);
    if (!w->threads || !async || uv_async_init(loop, async, on_async) != 0) {
        free(async);
        release(w);
        return -1;
    }
    w->async = async;
    async->data = w;
    uv_unref((uv_handle_t *)async);
    for (; w->count < count; w->count++) {
        if (uv_thread_create(&w->threads[w->count], thread_main, w) != 0) {
            end_threads(w);
            release(w);
            return -1;
        }
    }
    *out = w;
    return 0;
}

static void put_task(Workers *w, WorkersTask *task)
{
    if (w->unfinished++ == 0) {
        uv_ref((uv_handle_t *)w->async);
    }
    w->counted += task->is_counted;
    task->queued_ns = uv_hrtime();
    uv_mutex_lock(&w->mutex);
    queue_put(&w->waiting, task);
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->mutex);
}

void workers_start(Workers *w, WorkersTask *task, void (*work)(void *ctx), void (*done)(void *ctx),
                   void *ctx)
{
    if (!w) {
        work(ctx);
        done(ctx);
        return;
    }
    *task = (WorkersTask){.work = work, .done = done, .ctx = ctx};
    put_task(w, task);
}

int workers_skip(Workers *w, WorkersTask *task)
{
    if (!w) {
        return 0;
    }
    uv_mutex_lock(&w->mutex);
    int found = queue_remove(&w->waiting, task);
    if (found) {
        task->begun_ns = task->worked_ns = uv_hrtime();
        queue_put(&w->finished, task);
        uv_async_send(w->async);
    }
    uv_mutex_unlock(&w->mutex);
    return found;
}

int workers_run(Workers *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
    if (!w) {
        work(ctx);
        done(ctx);
        return 0;
    }
    WorkersTask *task = w->counted < w->most ? malloc(sizeof *task) : NULL;
    if (!task) {
        return -1;
    }
    *task = (WorkersTask){.work = work, .done = done, .ctx = ctx, .is_counted = 1, .is_owned = 1};
    put_task(w, task);
    return 0;
}

void workers_destroy(Workers **slot)
{
    Workers *w = *slot;
    *slot = NULL;
    if (!w) {
        return;
    }
    end_threads(w);
    run_finished(w->async);
    release(w);
}

int workers_waiting(const Workers *w)
{
    return w ? w->counted : 0;
}

const WorkersTimes *workers_times(const Workers *w)
{
    return &w->times;
}

int workers_busy(const Workers *w)
{
    return w ? w->unfinished : 0;
}
