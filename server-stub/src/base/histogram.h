/* Counts of durations by size, printed as a Prometheus histogram. One thread. */
#ifndef KEEPTAKE_SERVER_BASE_HISTOGRAM_H
#define KEEPTAKE_SERVER_BASE_HISTOGRAM_H

#include <stdint.h>

#include "base/text.h"

#define HISTOGRAM_BOUNDS 16 /* 100 us to a minute */

/* Zero-filled: empty. */
typedef struct Histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* the last: longer than all bounds */
    uint64_t sum_us;
} Histogram;

/* Negative durations (a clock that was set back) count as 0. */
void histogram_add(Histogram *h, int64_t us);
/* HELP and TYPE of a histogram of seconds; then one histogram_write for each set of labels. */
void histogram_begin(Text *out, const char *name, const char *help);
/* labels: "" or `route="x"`. */
void histogram_write(const Histogram *h, Text *out, const char *name, const char *labels);
/* Both, of one without labels. */
void histogram_write_one(const Histogram *h, Text *out, const char *name, const char *help);

#endif
