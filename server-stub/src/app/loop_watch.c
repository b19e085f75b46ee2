/* A turn is what is between two waits for events, without the waiting. */
#include "app/loop_watch.h"

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
