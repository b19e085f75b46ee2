/* How a timeline is kept, for the files that make it up. Whoever only reads asks
 * kt_timeline_event. */
#ifndef KEEPTAKE_SRC_TIMELINE_EVENTS_H
#define KEEPTAKE_SRC_TIMELINE_EVENTS_H

#include "keeptake/timeline.h"
#include "text.h"
#include "timeline_pack.h"

#define KT__TIMELINE_TAIL "\n]}\n" /* ends the JSON form */

struct KtTimeline {
    /* fixed at creation */
    int canvas_width, canvas_height;
    /* changes while running */
    KtTimelineItem *items; /* their data is owned, and kt__json_check accepted it; within a take
                              take_us never decreases */
    int count, capacity;
    KtTimelinePack *pack; /* what was compressed so far; owned, never NULL */
};

/* The JSON form up to its first event, and an event; `first`: nothing stands before it. */
void kt__timeline_print_head(const KtTimeline *t, KtText *text);
void kt__timeline_print_event(const KtTimeline *t, int index, int first, KtText *text);
/* Forgets the events from index keep on. */
void kt__timeline_truncate(KtTimeline *t, int keep);

#endif
