/* Counters of the server, printed as Prometheus text. One thread. */
#ifndef KEEPTAKE_SERVER_BASE_METRICS_H
#define KEEPTAKE_SERVER_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/tally.h"
#include "base/text.h"

#define METRICS_WRITERS 16 /* the house has fewer parts; asserted */

/* Appends what a part of the server counts; on the loop's thread, so it must not take long. */
typedef void (*MetricsWriter)(void *ctx, Text *out);

typedef struct Metrics {
    int64_t started_us; /* Unix time */
    Tally requests;     /* by route */
    uint64_t bytes_in, bytes_out;
    uint64_t auth_failures;
    int requests_open;
    struct {
        MetricsWriter write;
        void *ctx;
    } writers[METRICS_WRITERS];
    int writer_count;
} Metrics;

/* From now on metrics_write calls write(ctx, out) as well, in the order of these calls. ctx is
 * borrowed for as long. */
void metrics_add(Metrics *m, MetricsWriter write, void *ctx);

/* Counts one finished request that took us microseconds. route: static. */
void metrics_count(Metrics *m, const char *route, int status, int64_t us, uint64_t bytes_in,
                   uint64_t bytes_out);
/* Resident memory of this process in bytes, 0 where it cannot be told. */
int64_t metrics_resident_bytes(void);
/* Appends the counters, then what the writers have. */
void metrics_write(const Metrics *m, Text *out);
/* Appends one gauge or counter with its HELP and TYPE. */
void metrics_value(Text *out, const char *name, const char *type, const char *help, double value);

#endif
