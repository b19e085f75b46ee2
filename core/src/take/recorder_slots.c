/* Which slots of the cadence are recorded, and what they show. With follow_pictures a slot that is
 * late is made up for with what had come by its moment; without, the newest one counts. */
#include <string.h>

#include "recorder_internal.h"

#define LATE_US INT64_C(250000) /* a slot that would be made later than this is given up */
#define MAX_WAITING_BYTES (INT64_C(64) << 20) /* chunks nobody fetches: pictures are dropped */
#define WEIGH_US INT64_C(200000)
#define WHOLE_CANVAS 1000000 /* the weight of a source that covers all of it */

void kt__recorder_show_until(KtRecorder *r, int64_t moment_us)
{
    for (int i = 0; i < KT_MAX_SOURCES && r->waiting.all > 0; i++) {
        int64_t at_us = 0;
        KtFrame *frame = kt__pictures_take(&r->waiting, i, moment_us, &at_us);
        /* One that is refused is not shown; the source keeps its last one. */
        if (frame)
            kt_compositor_push_frame(r->compositor, r->sources[i].picture, frame, at_us);
        kt_frame_unref(&frame);
    }
}

static int is_congested(const KtRecorder *r)
{
    return kt_webm_writer_bytes(r->writer) - r->popped_bytes > MAX_WAITING_BYTES;
}

/* Records slot, and gives up those before it. Returns 1 where it was recorded. */
static int record(KtRecorder *r, int64_t slot, int64_t now_us, int64_t wall_us)
{
    if (r->last_pts_us < 0) {
        slot = 0; /* the first picture of a take, however late */
    } else if (is_congested(r)) {
        r->frames_dropped += slot + 1 - r->cadence.next_slot;
        kt__cadence_pass(&r->cadence, slot);
        return 0;
    }
    r->frames_dropped += slot - r->cadence.next_slot;
    KtStatus status = kt__recorder_record_slot(r, slot, now_us, wall_us);
    return status == KT_OK ? 1 : status;
}

/* Of the slots up to newest the one to be recorded next. */
static int64_t choose_slot(const KtRecorder *r, int64_t newest, int64_t now_us)
{
    if (!r->config.follow_pictures)
        return newest;
    int64_t oldest = kt__cadence_since(&r->cadence, now_us - LATE_US);
    return oldest < newest ? oldest : newest;
}

int kt__recorder_run_slots(KtRecorder *r, int64_t now_us, int64_t wall_us)
{
    int64_t early_us = now_us + KT__TIMER_TOLERANCE_US;
    if (r->config.follow_pictures && early_us < kt__cadence_ready_us(&r->cadence))
        return 0;
    int64_t newest = kt__cadence_newest(&r->cadence, early_us);
    if (newest < r->cadence.next_slot)
        return 0;
    return record(r, choose_slot(r, newest, now_us), now_us, wall_us);
}

KtStatus kt__recorder_finish_pictures(KtRecorder *r, int64_t take_us, int64_t now_us,
                                      int64_t wall_us)
{
    const KtCadence *c = &r->cadence;
    int status = 0;
    while (status >= 0) {
        int64_t next = c->next_slot, newest = kt__cadence_newest(c, now_us), slot = next;
        if (r->last_pts_us >= 0 && kt__cadence_pts_us(c, next) >= take_us)
            return KT_OK;
        if (newest >= next)
            slot = choose_slot(r, newest, now_us);
        while (slot > next && kt__cadence_pts_us(c, slot) >= take_us)
            slot--;
        kt__recorder_show_until(r, kt__cadence_moment_us(c, slot));
        /* One whose moment would have come later, and that would show the last one's picture again.
         */
        if (slot > newest && r->last_pts_us >= 0 &&
            !kt_compositor_is_dirty(r->compositor, r->composed_us))
            kt__cadence_pass(&r->cadence, slot);
        else
            status = record(r, slot, now_us, wall_us);
    }
    return (KtStatus)status;
}

int64_t kt__recorder_slot_us(const KtRecorder *r, int64_t now_us)
{
    int64_t due_us = kt__cadence_due_us(&r->cadence);
    return due_us > now_us || !r->config.follow_pictures ? due_us
                                                         : kt__cadence_ready_us(&r->cadence);
}

void kt__recorder_weigh_sources(KtRecorder *r, int64_t now_us)
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    if (!r->config.follow_pictures || now_us < r->weighed_us + WEIGH_US)
        return;
    r->weighed_us = now_us;
    int count = kt_compositor_placed(r->compositor, now_us, placed);
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        const KtRecorderSource *s = &r->sources[i];
        double area = 0;
        for (int k = 0; k < count && s->used && s->has_video && !s->video_muted; k++)
            if (strcmp(r->composition.sources[placed[k].source].id, s->id) == 0)
                area = placed[k].rect.width * placed[k].rect.height;
        kt__cadence_weigh(&r->cadence, i, (int)(area * WHOLE_CANVAS));
    }
    kt__cadence_lead(&r->cadence, now_us);
}
