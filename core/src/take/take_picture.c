/* Which slots of the cadence are recorded, and what they show. Where it follows the pictures, a
 * slot that is late is made up for with what had come by its moment; else the newest one counts. */
#include "take_picture.h"

#define LATE_US INT64_C(250000) /* a slot that would be made later than this is given up */
#define MAX_WAITING_BYTES (INT64_C(64) << 20) /* chunks nobody fetches: pictures are dropped */
#define WEIGH_US INT64_C(200000)
#define WHOLE_CANVAS 1000000 /* the weight of a source that covers all of it */
#define SCREEN_SHARE 0.5     /* screens beyond it tune the encoder for screens */
#define FPS_SPAN_US INT64_C(2000000)
#define US_PER_SECOND INT64_C(1000000)

void kt__picture_track_init(KtPictureTrack *p, KtVideoCodec codec, int fps, int speed)
{
    int vp9 = codec == KT_VIDEO_VP9;
    p->last_pts_us = -1;
    p->weighed_us = INT64_MIN / 2;
    kt__cadence_init(&p->cadence, fps);
    kt__governor_init(&p->governor, fps, speed, vp9 ? 9 : 16, vp9 ? 1 : 2);
}

void kt__picture_track_begin(KtPictureTrack *p, KtTake *take, int64_t started_us, int64_t now_us)
{
    p->take = take;
    p->weighed_us = INT64_MIN / 2; /* who leads is asked now */
    kt__picture_track_weigh(p, now_us);
    kt__cadence_set_fps(&p->cadence, p->governor.fps, 0);
    kt__cadence_begin(&p->cadence, started_us);
    p->last_pts_us = -1;
    p->force_keyframe = 1;
    p->frames = 0;
    p->frames_dropped = 0;
    p->busy_us = 0;
}

void kt__picture_track_continue(KtPictureTrack *p, int64_t now_us)
{
    kt__cadence_continue(&p->cadence, now_us - kt_session_take_us(p->session, now_us));
    p->force_keyframe = 1;
}

int64_t kt__picture_track_frame_us(const KtPictureTrack *p)
{
    return US_PER_SECOND / p->governor.fps;
}

/* ---- one slot ---- */

/* Returns 1 where the picture was taken, 0 where the encoder is behind. */
static int encode(KtPictureTrack *p, int64_t pts_us)
{
    const KtVideoTuning tuning = {0, 0, kt__stage_screen_share(p->stage) > SCREEN_SHARE};
    int64_t since_us = kt__cost_begin(&p->cost);
    KtStatus status = kt_take_tune(p->take, &tuning);
    if (status != KT_OK)
        return status;
    status = kt_take_picture(p->take, p->stage->canvas, pts_us, kt__picture_track_frame_us(p),
                             p->force_keyframe);
    p->force_keyframe = 0;
    kt__cost_end(&p->cost, since_us);
    return status == KT_AGAIN ? 0 : status == KT_OK ? 1 : status;
}

static void note_governor(KtPictureTrack *p, int64_t now_us, int64_t wall_us)
{
    KtNote note;
    kt__note_int(kt__note_begin(&note), "speed", p->governor.speed);
    kt__note_int(&note, "fps", p->governor.fps);
    kt__note_end(&note, p->notes, KT_TIMELINE_GOVERNOR, now_us, wall_us);
}

/* Lets the governor see the frame of pts_us; the cadence goes on from the slot after it. */
static KtStatus govern(KtPictureTrack *p, int64_t pts_us, int64_t late_us, int64_t now_us,
                       int64_t wall_us)
{
    int fps = p->governor.fps, speed = p->governor.speed;
    int64_t busy_us = p->busy_us;
    int64_t span_us = p->last_pts_us >= 0 ? pts_us - p->last_pts_us : 0;
    p->busy_us = 0;
    if (!p->governed || !kt__governor_frame(&p->governor, busy_us, span_us, late_us))
        return KT_OK;
    if (p->governor.fps != fps)
        kt__cadence_set_fps(&p->cadence, p->governor.fps, pts_us);
    note_governor(p, now_us, wall_us);
    if (p->governor.speed == speed)
        return KT_OK;
    const KtVideoTuning tuning = {p->governor.speed, 0, -1};
    return kt_take_tune(p->take, &tuning);
}

/* Composes and encodes the picture of one slot, of what had come by its moment. Returns 1, 0 where
 * the encoder is behind and the slot is given up, or ERR_*. */
static int record_slot(KtPictureTrack *p, int64_t slot, int64_t now_us, int64_t wall_us)
{
    int64_t pts_us = kt__cadence_pts_us(&p->cadence, slot);
    int64_t moment_us = kt__cadence_moment_us(&p->cadence, slot);
    int64_t picture_us = now_us - (kt_session_take_us(p->session, now_us) - pts_us);
    kt__stage_show_until(p->stage, moment_us);
    int status = kt__stage_compose(p->stage, picture_us < now_us ? picture_us : now_us);
    if (status >= 0)
        status = encode(p, pts_us);
    if (status < 0)
        return status;
    kt__cadence_pass(&p->cadence, slot);
    if (status == 0) {
        p->frames_dropped++;
        return 0;
    }
    p->encoded_us[p->frames % KT__FPS_RING] = now_us;
    p->frames++;
    KtStatus governed = govern(p, pts_us, now_us - moment_us, now_us, wall_us);
    p->last_pts_us = pts_us;
    return governed == KT_OK ? 1 : governed;
}

/* Records slot, and gives up those before it. Returns 1 where it was recorded. */
static int record(KtPictureTrack *p, int64_t slot, int64_t now_us, int64_t wall_us)
{
    if (p->last_pts_us < 0) {
        slot = 0; /* the first picture of a take, however late */
    } else if (kt_take_waiting_bytes(p->take) > MAX_WAITING_BYTES) {
        p->frames_dropped += slot + 1 - p->cadence.next_slot;
        kt__cadence_pass(&p->cadence, slot);
        return 0;
    }
    p->frames_dropped += slot - p->cadence.next_slot;
    return record_slot(p, slot, now_us, wall_us);
}

/* ---- which slots ---- */

/* Of the slots up to newest the one to be recorded next. */
static int64_t choose_slot(const KtPictureTrack *p, int64_t newest, int64_t now_us)
{
    if (!p->follows)
        return newest;
    int64_t oldest = kt__cadence_since(&p->cadence, now_us - LATE_US);
    return oldest < newest ? oldest : newest;
}

int kt__picture_track_run(KtPictureTrack *p, int64_t now_us, int64_t wall_us)
{
    int64_t early_us = now_us + KT__TIMER_TOLERANCE_US;
    if (p->follows && early_us < kt__cadence_ready_us(&p->cadence))
        return 0;
    int64_t newest = kt__cadence_newest(&p->cadence, early_us);
    if (newest < p->cadence.next_slot)
        return 0;
    return record(p, choose_slot(p, newest, now_us), now_us, wall_us);
}

KtStatus kt__picture_track_finish(KtPictureTrack *p, int64_t take_us, int64_t now_us,
                                  int64_t wall_us)
{
    const KtCadence *c = &p->cadence;
    int status = 0;
    while (status >= 0) {
        int64_t next = c->next_slot, newest = kt__cadence_newest(c, now_us), slot = next;
        if (p->last_pts_us >= 0 && kt__cadence_pts_us(c, next) >= take_us)
            return KT_OK;
        if (newest >= next)
            slot = choose_slot(p, newest, now_us);
        while (slot > next && kt__cadence_pts_us(c, slot) >= take_us)
            slot--;
        kt__stage_show_until(p->stage, kt__cadence_moment_us(c, slot));
        /* One whose moment would have come later, and that would show the last one's picture again.
         */
        if (slot > newest && p->last_pts_us >= 0 &&
            !kt_compositor_is_dirty(p->stage->compositor, p->stage->composed_us))
            kt__cadence_pass(&p->cadence, slot);
        else
            status = record(p, slot, now_us, wall_us);
        if (status == 0 && p->last_pts_us < 0)
            return KT_OK; /* an encoder that never took a picture */
    }
    return (KtStatus)status;
}

int64_t kt__picture_track_next_us(const KtPictureTrack *p, int64_t now_us)
{
    int64_t due_us = kt__cadence_due_us(&p->cadence);
    return due_us > now_us || !p->follows ? due_us : kt__cadence_ready_us(&p->cadence);
}

void kt__picture_track_weigh(KtPictureTrack *p, int64_t now_us)
{
    double areas[KT_MAX_SOURCES];
    if (!p->follows || now_us < p->weighed_us + WEIGH_US)
        return;
    p->weighed_us = now_us;
    kt__stage_areas(p->stage, now_us, areas);
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        kt__cadence_weigh(&p->cadence, i, (int)(areas[i] * WHOLE_CANVAS));
    kt__cadence_lead(&p->cadence, now_us);
}

double kt__picture_track_fps(const KtPictureTrack *p, int64_t now_us)
{
    int64_t count = 0, oldest_us = now_us;
    int64_t kept = p->frames < KT__FPS_RING ? p->frames : KT__FPS_RING;
    for (int64_t i = 0; i < kept; i++) {
        int64_t at_us = p->encoded_us[(p->frames - 1 - i) % KT__FPS_RING];
        if (at_us <= now_us - FPS_SPAN_US)
            break;
        oldest_us = at_us;
        count++;
    }
    /* Early in a take the span is what there was of it. */
    int64_t span_us =
        count < kept ? FPS_SPAN_US : now_us - oldest_us + kt__picture_track_frame_us(p);
    return (double)count * 1e6 / (double)span_us;
}
