/* One JSON object a line, built whole and written with one call, by the caller or by a thread. */
#include "base/log.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/json.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

int log_level_parse(const char *name, LogLevel *level)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (LogLevel)i;
            return 0;
        }
    }
    return -1;
}

static void put_field(JsonOut *out, char type, va_list *args)
{
    json_key(out, va_arg(*args, const char *));
    if (type == 's') {
        json_string(out, va_arg(*args, const char *));
    } else if (type == 'd') {
        json_int(out, va_arg(*args, int));
    } else if (type == 'i') {
        json_int(out, va_arg(*args, int64_t));
    } else {
        json_number(out, va_arg(*args, double));
    }
}

struct LogRing {
    FILE *out;
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake, ended;
    char *lines[LOG_RING_LINES]; /* guarded by mutex, like all below */
    int first, count;
    unsigned long long lost; /* since the last line that tells of them */
    int stopping, is_ended, is_writing;
};

/* Writes the line where that cannot block: nobody is before it, and the stream says that it takes
 * as much (a pipe that is ready takes PIPE_BUF bytes). */
static int write_at_once(LogRing *ring, const char *line)
{
    struct pollfd ready = {.fd = fileno(ring->out), .events = POLLOUT};
    size_t bytes = strlen(line);
    if (ring->count > 0 || ring->lost > 0 || ring->is_writing || ready.fd < 0 || bytes > PIPE_BUF ||
        poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) {
        return 0;
    }
    return write(ready.fd, line, bytes) == (ssize_t)bytes;
}

/* Takes line; NULL: one that there was no memory for. */
static void ring_put(LogRing *ring, char *line)
{
    uv_mutex_lock(&ring->mutex);
    if (line && write_at_once(ring, line)) {
        uv_mutex_unlock(&ring->mutex);
        free(line);
        return;
    }
    if (line && ring->count < LOG_RING_LINES) {
        ring->lines[(ring->first + ring->count++) % LOG_RING_LINES] = line;
        line = NULL;
        uv_cond_signal(&ring->wake);
    } else {
        ring->lost++;
    }
    uv_mutex_unlock(&ring->mutex);
    free(line);
}

static void write_lost(FILE *out, unsigned long long lost)
{
    char time[JSON_TIME_BYTES];
    json_format_time(clock_now_us(), time);
    fprintf(out,
            "{\"time\":\"%s\",\"level\":\"warn\",\"event\":\"log-lines-lost\",\"lines\":%llu}\n",
            time, lost);
}

static void ring_main(void *arg)
{
    LogRing *ring = arg;
    uv_mutex_lock(&ring->mutex);
    while (ring->count > 0 || ring->lost > 0 || !ring->stopping) {
        if (ring->count == 0 && ring->lost == 0) {
            uv_cond_wait(&ring->wake, &ring->mutex);
            continue;
        }
        char *line = NULL;
        unsigned long long lost = 0;
        if (ring->count > 0) {
            line = ring->lines[ring->first];
            ring->first = (ring->first + 1) % LOG_RING_LINES;
            ring->count--;
        } else {
            lost = ring->lost;
            ring->lost = 0;
        }
        int last = ring->count == 0;
        ring->is_writing = 1;
        uv_mutex_unlock(&ring->mutex);
        if (line) {
            fputs(line, ring->out);
        } else {
            write_lost(ring->out, lost);
        }
        if (last) {
            fflush(ring->out);
        }
        free(line);
        uv_mutex_lock(&ring->mutex);
        ring->is_writing = 0;
    }
    ring->is_ended = 1;
    uv_cond_signal(&ring->ended);
    uv_mutex_unlock(&ring->mutex);
}

static void ring_free(LogRing *ring)
{
    uv_cond_destroy(&ring->ended);
    uv_cond_destroy(&ring->wake);
    uv_mutex_destroy(&ring->mutex);
    free(ring);
}

int log_start(Log *log)
{
    LogRing *ring = log->out ? calloc(1, sizeof *ring) : NULL;
    if (!ring) {
        return log->out ? -1 : 0;
    }
    ring->out = log->out;
    if (uv_mutex_init(&ring->mutex) != 0) {
        free(ring);
        return -1;
    }
    if (uv_cond_init(&ring->wake) != 0) {
        uv_mutex_destroy(&ring->mutex);
        free(ring);
        return -1;
    }
    if (uv_cond_init(&ring->ended) != 0) {
        uv_cond_destroy(&ring->wake);
        uv_mutex_destroy(&ring->mutex);
        free(ring);
        return -1;
    }
    if (uv_thread_create(&ring->thread, ring_main, ring) != 0) {
        ring_free(ring);
        return -1;
    }
    log->ring = ring;
    return 0;
}

int log_stop(Log *log, int wait_ms)
{
    LogRing *ring = log->ring;
    uint64_t until_ns = uv_hrtime() + (uint64_t)wait_ms * 1000000;
    if (!ring) {
        return 0;
    }
    uv_mutex_lock(&ring->mutex);
    ring->stopping = 1;
    uv_cond_signal(&ring->wake);
    for (uint64_t now_ns = uv_hrtime(); !ring->is_ended && now_ns < until_ns;
         now_ns = uv_hrtime()) {
        uv_cond_timedwait(&ring->ended, &ring->mutex, until_ns - now_ns);
    }
    int is_ended = ring->is_ended;
    uv_mutex_unlock(&ring->mutex);
    if (!is_ended) {
        return -1;
    }
    uv_thread_join(&ring->thread);
    log->ring = NULL;
    ring_free(ring);
    return 0;
}

void log_write(const Log *log, LogLevel level, const char *event, const char *types, ...)
{
    if (!log->out || level > log->level) {
        return;
    }
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "time");
    json_time(&out, clock_now_us());
    json_key(&out, "level");
    json_string(&out, level_names[level]);
    json_key(&out, "event");
    json_string(&out, event);
    va_list args;
    va_start(args, types);
    for (const char *t = types; *t && out.bytes < LOG_LINE_BYTES; t++) {
        put_field(&out, *t, &args);
    }
    va_end(args);
    json_end(&out, '}');
    out.comma = 0;
    json_raw(&out, "\n", 1);
    char *line = out.failed || !log->ring ? NULL : strndup(out.text, out.bytes);
    if (log->ring && !out.failed) {
        ring_put(log->ring, line);
    } else if (!out.failed) {
        fwrite(out.text, 1, out.bytes, log->out);
        fflush(log->out);
    }
    json_free(&out);
}
