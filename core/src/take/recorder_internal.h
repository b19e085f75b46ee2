/* The recorder's inside, shared by recorder.c (its public face) and recorder_take.c (states, tick).
 * Only these two see the whole; the parts are given what they use. */
#ifndef KEEPTAKE_SRC_RECORDER_INTERNAL_H
#define KEEPTAKE_SRC_RECORDER_INTERNAL_H

#include "keeptake/recorder.h"
#include "take_picture.h"
#include "take_sound.h"
#include "warmup.h"

struct KtRecorder {
    /* Fixed at creation. */
    KtRecorderConfig config;
    KtTimeline *timeline;

    /* Changes while running. */
    KtSession session;
    KtStage stage;
    KtNotes notes;
    KtPictureTrack pictures;
    KtSoundTrack sound;
    KtTake *take;       /* of the take that runs or has just ended; NULL: none */
    int ending;         /* STOPPING, and the encoder has not given everything yet */
    int64_t preview_us; /* engine clock: the next picture outside of a take */
    KtWarmup warmup;
    KtVideoPort spare_video; /* made ahead, for the next take */
};

/* VP8 knows only BT.601 (RFC 6386 section 9.2), and players go by that whatever the container says.
 */
static inline KtColorMatrix kt__canvas_matrix(KtVideoCodec codec)
{
    return codec == KT_VIDEO_VP8 ? KT_COLOR_BT601 : KT_COLOR_BT709;
}

#endif
