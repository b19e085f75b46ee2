/* store_disk_verify at the pace of a walk, on a thread of its own. */
#include "store/disk/scrub.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "store/disk/verify.h"

#define SECOND_NS 1000000000ull

struct DiskScrub {
    /* Fixed at creation. */
    char *dir;
    int64_t bytes_per_s, interval_s;
    const Log *log;
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t change;
    int stopping, is_ended; /* guarded by mutex */
    /* The thread's; others read them. */
    _Atomic int64_t bytes, objects, passes, damaged, unreadable, ended_us;
    uint64_t ahead_ns; /* what was read is paid for until then */
};

/* Sleeps until then, or until it is to stop: 1. */
static int wait_until(DiskScrub *s, uint64_t ns)
{
    uv_mutex_lock(&s->mutex);
    while (!s->stopping) {
        uint64_t now_ns = uv_hrtime();
        if (now_ns >= ns) {
            break;
        }
        uv_cond_timedwait(&s->change, &s->mutex, ns - now_ns);
    }
    int stopping = s->stopping;
    uv_mutex_unlock(&s->mutex);
    return stopping;
}

/* So many bytes were read: the next ones come when the rate allows them. */
static int on_read(void *ctx, int64_t bytes)
{
    DiskScrub *s = ctx;
    uint64_t now_ns = uv_hrtime();
    s->bytes += bytes;
    s->ahead_ns = s->ahead_ns > now_ns ? s->ahead_ns : now_ns;
    s->ahead_ns += (uint64_t)((double)bytes / (double)s->bytes_per_s * (double)SECOND_NS);
    return wait_until(s, s->ahead_ns);
}

static void on_finding(void *ctx, const char *what, const char *text)
{
    DiskScrub *s = ctx;
    if (strcmp(what, "damaged") == 0) {
        log_write(s->log, LOG_ERROR, "scrub-damaged", "s", "finding", text);
    }
}

static void run_pass(DiskScrub *s)
{
    DiskVerified result;
    char error[512];
    const DiskVerifyHooks hooks = {on_read, on_finding, s};
    int status = store_disk_verify_slowly(s->dir, &hooks, &result, error, sizeof error);
    if (status == -ECANCELED) {
        return;
    }
    if (status != 0) {
        s->unreadable++;
        log_write(s->log, LOG_ERROR, "scrub-failed", "s", "reason", error);
        return;
    }
    s->objects = result.objects;
    s->damaged = result.damaged;
    s->ended_us = clock_now_us();
    s->passes++;
    log_write(s->log, result.damaged ? LOG_ERROR : LOG_INFO, "scrubbed", "iii", "objects",
              result.objects, "bytes", result.bytes, "damaged", result.damaged);
}

static void scrub_main(void *arg)
{
    DiskScrub *s = arg;
    int64_t first_s = s->interval_s < DISK_SCRUB_FIRST_S ? s->interval_s : DISK_SCRUB_FIRST_S;
    uint64_t next_ns = uv_hrtime() + (uint64_t)first_s * SECOND_NS;
    while (!wait_until(s, next_ns)) {
        next_ns = uv_hrtime() + (uint64_t)s->interval_s * SECOND_NS;
        run_pass(s);
    }
    uv_mutex_lock(&s->mutex);
    s->is_ended = 1;
    uv_cond_broadcast(&s->change);
    uv_mutex_unlock(&s->mutex);
}

int disk_scrub_start(const char *dir, int64_t bytes_per_s, int64_t interval_s, const Log *log,
                     DiskScrub **out)
{
    DiskScrub *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s || !(s->dir = strdup(dir))) {
        free(s);
        return -1;
    }
    s->bytes_per_s = bytes_per_s;
    s->interval_s = interval_s;
    s->log = log;
    if (uv_mutex_init(&s->mutex) != 0) {
        goto no_mutex;
    }
    if (uv_cond_init(&s->change) != 0) {
        goto no_cond;
    }
    if (uv_thread_create(&s->thread, scrub_main, s) != 0) {
        goto no_thread;
    }
    *out = s;
    return 0;
no_thread:
    uv_cond_destroy(&s->change);
no_cond:
    uv_mutex_destroy(&s->mutex);
no_mutex:
    free(s->dir);
    free(s);
    return -1;
}

int disk_scrub_stop(DiskScrub **slot, int wait_ms)
{
    DiskScrub *s = *slot;
    *slot = NULL;
    if (!s) {
        return 0;
    }
    uint64_t until_ns = uv_hrtime() + (uint64_t)wait_ms * 1000000;
    uv_mutex_lock(&s->mutex);
    s->stopping = 1;
    uv_cond_broadcast(&s->change);
    for (uint64_t now_ns = uv_hrtime(); !s->is_ended && now_ns < until_ns; now_ns = uv_hrtime()) {
        uv_cond_timedwait(&s->change, &s->mutex, until_ns - now_ns);
    }
    int is_ended = s->is_ended;
    uv_mutex_unlock(&s->mutex);
    if (!is_ended) {
        return -1;
    }
    uv_thread_join(&s->thread);
    uv_cond_destroy(&s->change);
    uv_mutex_destroy(&s->mutex);
    free(s->dir);
    free(s);
    return 0;
}

void disk_scrub_write_metrics(void *ctx, Text *out)
{
    DiskScrub *s = ctx;
    metrics_value(out, "keeptake_scrub_bytes_total", "counter",
                  "Bytes of parts that were read again and compared.", (double)s->bytes);
    metrics_value(out, "keeptake_scrub_passes_total", "counter", "Times that all was read.",
                  (double)s->passes);
    metrics_value(out, "keeptake_scrub_damaged", "gauge",
                  "Objects and parts that the last pass found damaged; the log names them.",
                  (double)s->damaged);
    metrics_value(out, "keeptake_scrub_objects", "gauge", "Objects that the last pass read.",
                  (double)s->objects);
    metrics_value(out, "keeptake_scrub_failures_total", "counter",
                  "Passes that ended early: the store cannot be read.", (double)s->unreadable);
    metrics_value(out, "keeptake_scrub_last_pass_timestamp_seconds", "gauge",
                  "When the last pass ended; 0: none yet.", (double)s->ended_us / 1e6);
}
