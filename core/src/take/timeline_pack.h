/* The compressed timeline, made as it grows. */
#ifndef KEEPTAKE_SRC_TIMELINE_PACK_H
#define KEEPTAKE_SRC_TIMELINE_PACK_H

#include <zlib.h>

#include "keeptake/timeline.h"

/* A zlib stream of the timeline's JSON up to an event, not yet ended. Invariant while open: the
 * events [0, done) are in it as they are in the timeline. */
typedef struct KtTimelinePack {
    z_stream z;
    int open;
    int done;
    size_t json_bytes; /* put in */
    uint8_t *data;     /* come out; owned */
    size_t bytes, capacity;
} KtTimelinePack;

/* The events from index keep on are no longer what they were. */
void kt__timeline_pack_forget(KtTimelinePack *pack, int keep);
void kt__timeline_pack_reset(KtTimelinePack *pack);

#endif
