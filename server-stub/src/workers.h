/* A few threads for work that only computes, apart from libuv's pool: a timeline that takes long
 * holds up other timelines, never a part or a playback. */
#ifndef KEEPTAKE_SERVER_WORKERS_H
#define KEEPTAKE_SERVER_WORKERS_H

#include <uv.h>

typedef struct Workers Workers;

/* count threads; most tasks wait at once. loop is borrowed until workers_destroy. 0, or -1. */
int workers_create(uv_loop_t *loop, int count, int most, Workers **out);
/* Runs work(ctx) on a thread, then done(ctx) on the loop, in no particular order. -1: too many
 * wait, nothing was begun. w NULL (tools, tests): both at once, here. */
int workers_run(Workers *w, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);
/* Finishes what was begun (done is called), ends the threads. Run the loop once more afterwards, so
 * that its handle closes. NULL is fine. */
void workers_destroy(Workers **w);
int workers_waiting(const Workers *w);

#endif
