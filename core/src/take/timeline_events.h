/* How a timeline is kept, for the scene that reads it. */
#ifndef KEEPTAKE_SRC_TIMELINE_EVENTS_H
#define KEEPTAKE_SRC_TIMELINE_EVENTS_H

#include "keeptake/timeline.h"
#include "text.h"
#include "timeline_pack.h"

#define KT__TIMELINE_TAIL "\n]}\n" /* ends the JSON form */

typedef struct KtTimelineItem {
    KtTimelineEvent event;
    int64_t take_us; /* since the last restart; never less than the item's before it */
    int64_t wall_us;
    char *data; /* a JSON object that kt__json_check accepted, or NULL; owned */
    size_t data_bytes;
} KtTimelineItem;

struct KtTimeline {
    /* fixed at creation */
    int canvas_width, canvas_height;
    /* changes while running */
    KtTimelineItem *items;
    int count, capacity;
    KtTimelinePack *pack; /* what was compressed so far; owned, never NULL */
};

/* The JSON form up to its first event, and an event; `first`: nothing stands before it. */
void kt__timeline_print_head(const KtTimeline *t, KtText *text);
void kt__timeline_print_event(const KtTimeline *t, int index, int first, KtText *text);

#endif
