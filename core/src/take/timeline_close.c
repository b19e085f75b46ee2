/* The end of a take that nobody stopped. */
#include "timeline_events.h"

KtStatus kt_timeline_close(KtTimeline *t, int64_t duration_us)
{
    if (duration_us < 0)
        return KT_ERR_ARG;
    int kept = t->count;
    while (kept > 0 && t->items[kept - 1].event != KT_TIMELINE_RESTART &&
           t->items[kept - 1].take_us > duration_us)
        kept--;
    const KtTimelineItem *last = kept > 0 ? &t->items[kept - 1] : NULL;
    int is_stopped = last && last->event == KT_TIMELINE_STOP;
    int is_new = !last || last->event == KT_TIMELINE_RESTART;
    int64_t wall_us = !last ? 0 : last->wall_us + (is_new ? 0 : duration_us - last->take_us);
    kt__timeline_truncate(t, kept);
    return is_stopped ? KT_OK : kt_timeline_add(t, KT_TIMELINE_STOP, duration_us, wall_us, NULL);
}
