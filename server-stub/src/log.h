/* Structured log: one JSON object a line, on a stream. Never given secrets, tokens or query
 * strings. */
#ifndef KEEPTAKE_SERVER_LOG_H
#define KEEPTAKE_SERVER_LOG_H

#include <stdio.h>

typedef enum LogLevel { LOG_ERROR = 0, LOG_WARN = 1, LOG_INFO = 2, LOG_DEBUG = 3 } LogLevel;

typedef struct Log {
    FILE *out; /* borrowed; NULL: nothing is written */
    LogLevel level;
} Log;

#define LOG_LINE_BYTES 2048 /* longer lines lose their last fields */

/* "error", "warn", "info", "debug" into *level. Returns 0, or -1 for another name. */
int log_level_parse(const char *name, LogLevel *level);

/* Writes {"time":…,"level":…,"event":event, …} where level is wanted.
 * types: one letter for each field: s (const char *, NULL is null), d (int), i (int64_t), f
 * (double). Then, for each: its name and its value. log_write(l, LOG_INFO, "listening", "sd",
 * "host", h, "port", p) */
void log_write(const Log *log, LogLevel level, const char *event, const char *types, ...);

#endif
