/* How long the turns of a loop take: while one takes long, nobody is served. For /metrics. */
#ifndef KEEPTAKE_SERVER_APP_LOOP_WATCH_H
#define KEEPTAKE_SERVER_APP_LOOP_WATCH_H

#include <uv.h>

#include "base/text.h"

#include "base/histogram.h"

#define LOOP_WATCH_SLOW_US 10000

typedef struct LoopWatch {
    uv_prepare_t prepare;
    uint64_t last_ns, last_idle_ns; /* at the last turn's end */
    uint64_t longest_us;            /* since the start */
    uint64_t slow_turns;            /* of LOOP_WATCH_SLOW_US or more */
    Histogram turns;                /* how long they took; their sum is the time at work */
} LoopWatch;

/* From the next turn on; does not keep the loop alive. watch lives until uv_close of prepare. */
void loop_watch_start(LoopWatch *watch, uv_loop_t *loop);
/* A MetricsWriter; ctx: LoopWatch. */
void loop_watch_write_metrics(void *ctx, Text *out);

#endif
