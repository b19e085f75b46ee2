/* One JSON object a line; a line is built in a fixed buffer and written with one call. */
#include "log.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "json.h"

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

void log_write(const Log *log, LogLevel level, const char *event, const char *types, ...)
{
    if (!log->out || level > log->level) {
        return;
    }
    struct timeval now;
    gettimeofday(&now, NULL);
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "time");
    json_time(&out, (int64_t)now.tv_sec * 1000000 + now.tv_usec);
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
    if (!out.failed) {
        fprintf(log->out, "%.*s\n", (int)out.bytes, out.text);
        fflush(log->out);
    }
    json_free(&out);
}
