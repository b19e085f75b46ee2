/* Reads the embedded store again, slowly and for ever: nothing else looks at a take before somebody
 * plays it, and a disk that loses bits is better known early. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_SCRUB_H
#define KEEPTAKE_SERVER_STORE_DISK_SCRUB_H

#include <stdint.h>

#include "base/log.h"
#include "base/text.h"

typedef struct DiskScrub DiskScrub;

/* A thread that reads the store in dir through, at most bytes_per_s, begins a pass every interval_s
 * (the first one so long after this call, at most DISK_SCRUB_FIRST_S), and tells log of each
 * finding ("scrub-damaged"). log: borrowed until disk_scrub_stop. 0, or -1. */
#define DISK_SCRUB_FIRST_S 600
int disk_scrub_start(const char *dir, int64_t bytes_per_s, int64_t interval_s, const Log *log,
                     DiskScrub **out);
/* Ends it; waits for a read that is under way, but not for ever: -1 where the disk does not answer
 * (then nothing is freed, and the process has to end as it is). NULL is fine. */
int disk_scrub_stop(DiskScrub **scrub, int wait_ms);
/* A MetricsWriter; ctx: DiskScrub. */
void disk_scrub_write_metrics(void *ctx, Text *out);

#endif
