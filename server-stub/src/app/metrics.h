/* Counters of the server, printed as Prometheus text. One thread. */
#ifndef KEEPTAKE_SERVER_APP_METRICS_H
#define KEEPTAKE_SERVER_APP_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/tally.h"
#include "base/text.h"

typedef struct Metrics {
    int64_t started_us; /* Unix time */
    Tally requests;     /* by route */
    uint64_t bytes_in, bytes_out;
    uint64_t auth_failures;
    int requests_open;
} Metrics;

/* Counts one finished request that took us microseconds. route: static. */
void metrics_count(Metrics *m, const char *route, int status, int64_t us, uint64_t bytes_in,
                   uint64_t bytes_out);
/* Resident memory of this process in bytes, 0 where it cannot be told. */
int64_t metrics_resident_bytes(void);
/* Appends the counters. */
void metrics_write(const Metrics *m, Text *out);
/* Appends one gauge or counter with its HELP and TYPE. */
void metrics_value(Text *out, const char *name, const char *type, const char *help, double value);

#endif
