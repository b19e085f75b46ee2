/* Finished requests of one listener by what was asked and how it ended, and how long they took. One
 * thread. */
#ifndef KEEPTAKE_SERVER_BASE_TALLY_H
#define KEEPTAKE_SERVER_BASE_TALLY_H

#include <stdint.h>

#include "base/histogram.h"
#include "base/text.h"

#define TALLY_LABELS 64   /* what comes beyond counts as the last */
#define TALLY_STATUSES 24 /* likewise */

/* Zero-filled: empty. */
typedef struct Tally {
    const char *labels[TALLY_LABELS]; /* static, in order of first use */
    int label_count;
    int statuses[TALLY_STATUSES];
    int status_count;
    uint64_t requests[TALLY_LABELS][TALLY_STATUSES];
    Histogram latency[TALLY_LABELS];
} Tally;

/* label: static, without characters that a label's value must escape. */
void tally_add(Tally *t, const char *label, int status, int64_t us);
/* `counter{kind="label",status="…"}` for each, and `seconds{kind="label"}`. */
void tally_write(const Tally *t, Text *out, const char *kind, const char *counter,
                 const char *counter_help, const char *seconds, const char *seconds_help);

#endif
