/* Structured log: one JSON object a line, on a stream. Never given secrets, tokens or query
 * strings. */
#ifndef KEEPTAKE_SERVER_BASE_LOG_H
#define KEEPTAKE_SERVER_BASE_LOG_H

#include <stdio.h>

typedef enum LogLevel { LOG_ERROR = 0, LOG_WARN = 1, LOG_INFO = 2, LOG_DEBUG = 3 } LogLevel;

typedef struct LogRing LogRing;
typedef struct Log {
    FILE *out; /* borrowed; NULL: nothing is written */
    LogLevel level;
    LogRing *ring; /* NULL: lines are written at once, by whoever says them */
} Log;

/* From now on lines that cannot be written at once are written by a thread: a stream that does not
 * take them (a pipe that nobody reads) holds nobody up. At most LOG_RING_LINES wait; more are left
 * out and counted in a line of their own. 0, or -1: lines are written at once as before. */
#define LOG_RING_LINES 1024
int log_start(Log *log);
/* Ends the thread when all is written. -1 where it is stuck after wait_ms: the stream, and what the
 * log holds, must stay as they are until the process ends. */
int log_stop(Log *log, int wait_ms);

#define LOG_LINE_BYTES 2048 /* longer lines lose their last fields */

/* "error", "warn", "info", "debug" into *level. Returns 0, or -1 for another name. */
int log_level_parse(const char *name, LogLevel *level);

/* Writes {"time":…,"level":…,"event":event, …} where level is wanted.
 * types: one letter for each field: s (const char *, NULL is null), d (int), i (int64_t), f
 * (double). Then, for each: its name and its value. log_write(l, LOG_INFO, "listening", "sd",
 * "host", h, "port", p) */
void log_write(const Log *log, LogLevel level, const char *event, const char *types, ...);

#endif
