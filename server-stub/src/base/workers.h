/* A few threads for one kind of work, apart from libuv's pool and from each other: what takes long
 * holds up its own kind only. docs/server.md lists the kinds. All functions but the work itself
 * belong to the loop's thread. */
#ifndef KEEPTAKE_SERVER_BASE_WORKERS_H
#define KEEPTAKE_SERVER_BASE_WORKERS_H

#include <uv.h>

#include "base/histogram.h"

typedef struct Workers Workers;

/* count threads; most tasks wait at once. loop is borrowed until workers_destroy. 0, or -1. */
int workers_create(uv_loop_t *loop, int count, int most, Workers **out);
/* A task in the caller's memory, from workers_start until done runs. */
typedef struct WorkersTask WorkersTask;
struct WorkersTask {
    void (*work)(void *ctx);
    void (*done)(void *ctx);
    void *ctx;
    WorkersTask *next;
    int is_counted, is_owned;                /* against most; to be freed */
    uint64_t queued_ns, begun_ns, worked_ns; /* uv_hrtime */
};

/* Runs work(ctx) on a thread, then done(ctx) on the loop; task may be used again from then on. Is
 * never refused: how many there are is bounded by who owns them. w NULL: both at once, here. */
void workers_start(Workers *w, WorkersTask *task, void (*work)(void *ctx), void (*done)(void *ctx),
                   void *ctx);
/* A task of workers_start that no thread has taken yet loses its work: only done(ctx) follows,
 * later, on the loop. 1, or 0 where a thread has it (or the loop had it, w NULL). */
int workers_skip(Workers *w, WorkersTask *task);
/* Runs work(ctx) on a thread, then done(ctx) on the loop, in no particular order. -1: too many
 * wait, nothing was begun. w NULL (tools, tests): both at once, here. */
int workers_run(Workers *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);
/* Finishes what was begun (done is called), ends the threads; also from within a done. Run the loop
 * once more afterwards, so that its handle closes, which keeps the loop alive only while there is a
 * task. NULL is fine. */
void workers_destroy(Workers **w);
/* What tasks did so far, for /metrics. */
typedef struct WorkersTimes {
    Histogram waited; /* for a thread */
    Histogram worked; /* on it */
} WorkersTimes;
const WorkersTimes *workers_times(const Workers *w);
/* Tasks begun and not done. */
int workers_busy(const Workers *w);
/* Of workers_run: begun and not done. */
int workers_waiting(const Workers *w);

#endif
