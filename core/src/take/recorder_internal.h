/* The recorder's inside, shared by recorder.c (sources, composition), recorder_take.c (states,
 * picture) and recorder_sound.c. */
#ifndef KEEPTAKE_SRC_RECORDER_INTERNAL_H
#define KEEPTAKE_SRC_RECORDER_INTERNAL_H

#include "cadence.h"
#include "governor.h"
#include "keeptake/audio_encoder.h"
#include "keeptake/recorder.h"
#include "picture_queue.h"
#include "text.h"
#include "warmup.h"

#define KT__NAME_BYTES 201
#define KT__HOOK_TEXT_BYTES 513
#define KT__MAX_CUTS 16
#define KT__FPS_RING 128 /* more than 2 s at 60 frames/s */
#define KT__EVENT_BYTES 8192
#define KT__TIMER_TOLERANCE_US                                                                     \
    INT64_C(2000) /* timers fire early by so much, or count whole milliseconds */

typedef struct KtRecorderSource {
    int used;
    int has_video, has_audio;
    int audio_muted, video_muted;
    int stalled;
    int screen;  /* a shared screen: kt_recorder_set_screen */
    int picture; /* the compositor's handle */
    int sound;   /* the mixer's handle; -1 without has_audio */
    float peak;  /* since the last kt_recorder_stats */
    char id[KT_ID_BYTES];
    char name[KT__NAME_BYTES];
} KtRecorderSource;

typedef struct KtRecorderHook {
    int used;
    char id[KT_ID_BYTES];
    char source[KT_ID_BYTES];
    char text[KT__HOOK_TEXT_BYTES];
} KtRecorderHook;

/* VP8 knows only BT.601 (RFC 6386 section 9.2), and players go by that whatever the container says.
 */
static inline KtColorMatrix kt__canvas_matrix(KtVideoCodec codec)
{
    return codec == KT_VIDEO_VP8 ? KT_COLOR_BT601 : KT_COLOR_BT709;
}

/* Where the take leaves a span of the engine clock out. Sound is mixed later than it happens, so a
 * pause waits here until the sound before it has been read. */
typedef struct KtRecorderCut {
    int64_t from_us;      /* engine clock */
    int64_t to_us;        /* engine clock; valid unless open */
    int64_t take_samples; /* take time of the cut */
    int open;
} KtRecorderCut;

struct KtRecorder {
    /* Fixed at creation. */
    KtRecorderConfig config;
    KtCompositor *compositor;
    KtMixer *mixer;
    KtTimeline *timeline;
    KtFramePool *source_pool, *canvas_pool;
    KtFrame *canvas;

    /* Changes while running. */
    KtSession session;
    KtRecorderSource sources[KT_MAX_SOURCES];
    KtRecorderHook hooks[KT_MAX_SPRITES];
    KtComposition composition;
    int64_t event_take_us; /* of the newest event: never goes back within a take */

    /* Picture. */
    KtWarmup warmup;
    KtVideoEncoder *video;
    KtVideoEncoder *spare_video; /* made ahead, for the next take */
    KtWebmWriter *writer;
    int64_t popped_bytes;
    int has_canvas;
    int64_t composed_us, preview_us; /* engine clock: last picture, next one outside of a take */
    KtCadence cadence;
    KtPictureQueue waiting; /* empty unless RECORDING with follow_pictures */
    int64_t weighed_us;     /* engine clock: when the cadence was told who is how large */
    int64_t last_pts_us;    /* -1: no frame yet */
    int force_keyframe;
    int64_t frames, frames_dropped;
    int64_t encoded_us[KT__FPS_RING]; /* engine clock of the newest frames */
    double compose_ms, encode_ms;
    KtGovernor governor;
    int64_t busy_us; /* since the last frame */

    /* Sound. Invariant: audio_samples, what was read into the take, never passes take time. */
    KtAudioEncoder *audio;
    int64_t part_us, part_samples; /* engine clock and sample count where the present part began */
    int64_t audio_samples;
    KtRecorderCut cuts[KT__MAX_CUTS];
    int cut_count;
    int part_stored; /* the sound before an open cut was read and the cluster ended */
    int pcm_frames;  /* in pcm */
    float pcm[KT_AUDIO_FRAME_SAMPLES * KT_MIX_CHANNELS];
    int64_t lost_late, lost_gap; /* counters of sources that were removed */
};

/* recorder_take.c */
/* now_us, or where the machine slept and no tick has cut that out yet, the last moment before. */
int64_t kt__recorder_awake_us(const KtRecorder *r, int64_t now_us);
/* Take time of now_us without such a sleep: what an event is stamped with. */
int64_t kt__recorder_take_us(const KtRecorder *r, int64_t now_us);

/* Composes and encodes the picture of one slot, of what had come by its moment. */
KtStatus kt__recorder_record_slot(KtRecorder *r, int64_t slot, int64_t now_us, int64_t wall_us);

/* recorder_slots.c */
/* Pictures that wait and had come by moment_us become their sources' newest. */
void kt__recorder_show_until(KtRecorder *r, int64_t moment_us);
/* Records at most one of the slots that are due. Returns 1 where there was one, or ERR_*. */
int kt__recorder_run_slots(KtRecorder *r, int64_t now_us, int64_t wall_us);
/* Records what is left before take_us, the first slot of a take in any case. */
KtStatus kt__recorder_finish_pictures(KtRecorder *r, int64_t take_us, int64_t now_us,
                                      int64_t wall_us);
/* Engine time at which the next slot is to be recorded, as of now_us; a picture that comes may make
 * it earlier. */
int64_t kt__recorder_slot_us(const KtRecorder *r, int64_t now_us);
/* Tells the cadence how much of the canvas each source covers, and lets it choose. */
void kt__recorder_weigh_sources(KtRecorder *r, int64_t now_us);

/* recorder.c */
/* Notes an event at the take time of now_us. text: data, may be NULL. */
void kt__recorder_note(KtRecorder *r, KtTimelineEvent event, int64_t now_us, int64_t wall_us,
                       const KtText *data);
void kt__recorder_note_start(KtRecorder *r, int64_t now_us, int64_t wall_us);
/* Stalled sources that came or went, as events. */
void kt__recorder_watch_stalls(KtRecorder *r, int64_t now_us, int64_t wall_us);
/* RECORDING or PAUSED. */
int kt__recorder_is_live(const KtRecorder *r);

/* recorder_screen.c */
/* Tunes the encoder, which there must be, by what the composition shows. ERR_CODEC. */
KtStatus kt__recorder_tune_screen(KtRecorder *r);

/* recorder_sound.c */
KtStatus kt__sound_open(KtRecorder *r);
void kt__sound_begin(KtRecorder *r, int64_t start_us);
/* A pause begins at engine time from_us, take time take_us. ERR_* of encoding sound that had to go
 * first. */
KtStatus kt__sound_cut(KtRecorder *r, int64_t from_us, int64_t take_us);
void kt__sound_continue(KtRecorder *r, int64_t to_us);
/* Reads what is due: into the take while one is live, else only for the levels. */
KtStatus kt__sound_run(KtRecorder *r, int64_t now_us);
/* Everything up to take_us, and what the codec needs to give it out. */
KtStatus kt__sound_finish(KtRecorder *r, int64_t take_us);

#endif
