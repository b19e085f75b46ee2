/* A turn is what is between two waits for events, without the waiting. */
#include "app/loop_watch.h"

#include "base/metrics.h"

static void on_turn(uv_prepare_t *prepare)
{
    LoopWatch *w = prepare->data;
    uint64_t now_ns = uv_hrtime();
    uint64_t idle_ns = uv_metrics_idle_time(prepare->loop);
    uint64_t passed_ns = now_ns - w->last_ns;
    uint64_t waited_ns = idle_ns - w->last_idle_ns;
    uint64_t took_us = waited_ns < passed_ns ? (passed_ns - waited_ns) / 1000 : 0;
    if (w->last_ns != 0) {
        histogram_add(&w->turns, (int64_t)took_us);
        w->longest_us = took_us > w->longest_us ? took_us : w->longest_us;
        w->slow_turns += took_us >= LOOP_WATCH_SLOW_US;
    }
    w->last_ns = now_ns;
    w->last_idle_ns = idle_ns;
}

void loop_watch_start(LoopWatch *watch, uv_loop_t *loop)
{
    *watch = (LoopWatch){.last_ns = 0};
    uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    uv_prepare_init(loop, &watch->prepare);
    watch->prepare.data = watch;
    uv_prepare_start(&watch->prepare, on_turn);
    uv_unref((uv_handle_t *)&watch->prepare);
}

void loop_watch_write_metrics(void *ctx, Text *out)
{
    const LoopWatch *turns = ctx;
    metrics_value(out, "keeptake_loop_busy_seconds_total", "counter",
                  "Time in which the loop worked and waited for nothing.",
                  (double)turns->turns.sum_us / 1e6);
    histogram_write_one(&turns->turns, out, "keeptake_loop_turn_seconds",
                        "How long turns of the loop took: so long what came in had to wait.");
    metrics_value(out, "keeptake_loop_slow_turns_total", "counter",
                  "Turns of the loop of 10 ms or more: nobody was served meanwhile.",
                  (double)turns->slow_turns);
    metrics_value(out, "keeptake_loop_longest_turn_seconds", "gauge",
                  "The longest turn since the start.", (double)turns->longest_us / 1e6);
}
