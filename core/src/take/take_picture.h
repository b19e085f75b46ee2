/* The pictures of a take that is recorded from a stage: which slots of the cadence there are, what
 * they show, what they may cost. In: the engine's time. Out: pictures for a take. */
#ifndef KEEPTAKE_SRC_TAKE_PICTURE_H
#define KEEPTAKE_SRC_TAKE_PICTURE_H

#include "cadence.h"
#include "governor.h"
#include "keeptake/take.h"
#include "take_notes.h"

#define KT__FPS_RING 128 /* more than 2 s at 60 frames/s */
#define KT__TIMER_TOLERANCE_US                                                                     \
    INT64_C(2000) /* timers fire early by so much, or count whole milliseconds */

typedef struct KtPictureTrack {
    /* Fixed at kt__picture_track_init; borrowed. */
    KtStage *stage;
    const KtSession *session;
    KtNotes *notes;
    int follows;  /* as KtRecorderConfig's follow_pictures */
    int governed; /* as its governor */

    /* Changes while running. */
    KtTake *take; /* borrowed: where pictures go */
    KtCadence cadence;
    KtGovernor governor;
    KtCost cost;         /* of encoding */
    int64_t weighed_us;  /* engine clock: when the cadence was told who is how large */
    int64_t last_pts_us; /* -1: no picture yet */
    int force_keyframe;
    int64_t frames, frames_dropped;
    int64_t encoded_us[KT__FPS_RING]; /* engine clock of the newest frames */
    int64_t busy_us;                  /* since the last frame */
} KtPictureTrack;

/* p: zero-filled but for what is borrowed, follows and governed. */
void kt__picture_track_init(KtPictureTrack *p, KtVideoCodec codec, int fps, int speed);
/* A take begins with take time 0 at engine time started_us. */
void kt__picture_track_begin(KtPictureTrack *p, KtTake *take, int64_t started_us, int64_t now_us);
/* The take goes on after a span that it leaves out. */
void kt__picture_track_continue(KtPictureTrack *p, int64_t now_us);

/* Tells the cadence how much of the canvas each source covers, and lets it choose. */
void kt__picture_track_weigh(KtPictureTrack *p, int64_t now_us);
/* Records at most one of the slots that are due. Returns 1 where there was one, 0, or ERR_*. */
int kt__picture_track_run(KtPictureTrack *p, int64_t now_us, int64_t wall_us);
/* Records what is left before take_us, the first slot of a take in any case. */
KtStatus kt__picture_track_finish(KtPictureTrack *p, int64_t take_us, int64_t now_us,
                                  int64_t wall_us);
/* Engine time at which the next slot is to be recorded, as of now_us; a picture that comes may make
 * it earlier. */
int64_t kt__picture_track_next_us(const KtPictureTrack *p, int64_t now_us);
/* Frame period at present. */
int64_t kt__picture_track_frame_us(const KtPictureTrack *p);
/* Encoded pictures a second, over the last 2 s. */
double kt__picture_track_fps(const KtPictureTrack *p, int64_t now_us);

#endif
