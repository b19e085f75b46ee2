/* Who is in the picture and in the sound, and how they are shown: compositor, mixer, sources,
 * hooks, composition, pictures. Knows no take and notes nothing: it says what changed. */
#ifndef KEEPTAKE_SRC_STAGE_H
#define KEEPTAKE_SRC_STAGE_H

#include "cost.h"
#include "keeptake/compositor.h"
#include "keeptake/mixer.h"
#include "picture_queue.h"

#define KT__NAME_BYTES 201
#define KT__HOOK_TEXT_BYTES 513

typedef struct KtStageSource {
    int used;
    int has_video, has_audio;
    int audio_muted, video_muted;
    int stalled; /* as of the last kt__stage_stalls */
    int screen;  /* a shared screen */
    int picture; /* the compositor's handle */
    int sound;   /* the mixer's handle; -1 without has_audio */
    float peak;  /* since somebody last set it to 0 */
    char id[KT_ID_BYTES];
    char name[KT__NAME_BYTES];
} KtStageSource;

typedef struct KtStageHook {
    int used;
    char id[KT_ID_BYTES];
    char source[KT_ID_BYTES];
    char text[KT__HOOK_TEXT_BYTES];
} KtStageHook;

typedef struct KtStage {
    /* Fixed at kt__stage_init. */
    KtCompositorConfig config;
    KtCompositor *compositor;
    KtMixer *mixer;
    KtFramePool *source_pool, *canvas_pool;
    KtFrame *canvas;

    /* Changes while running. */
    KtStageSource sources[KT_MAX_SOURCES];
    KtStageHook hooks[KT_MAX_SPRITES];
    KtComposition composition;
    KtPictureQueue waiting; /* pictures that are not shown yet */
    int has_canvas;
    int64_t composed_us;         /* engine clock: the canvas' picture */
    KtCost cost;                 /* of composing */
    int64_t lost_late, lost_gap; /* counters of sources that were removed */
} KtStage;

/* s: zero-filled. ERR_ARG, ERR_MEMORY: kt__stage_reset gives back what there is. */
KtStatus kt__stage_init(KtStage *s, const KtCompositorConfig *canvas, KtCost cost);
void kt__stage_reset(KtStage *s);

/* NULL: no such source. */
KtStageSource *kt__stage_source(KtStage *s, int handle);
/* As kt_recorder_add_source. */
int kt__stage_add_source(KtStage *s, const char *id, const char *name, int has_video,
                         int has_audio);
/* The source, which must be there, is still readable in its place until the next is added. */
void kt__stage_remove_source(KtStage *s, int handle, int64_t now_us);
/* A picture of a source; a reference is taken. waits: it is shown by kt__stage_show_until; else at
 * once, and those that waited are given back. ERR_NOT_FOUND, ERR_ARG. */
KtStatus kt__stage_push_frame(KtStage *s, int handle, KtFrame *frame, int64_t now_us, int waits);
KtStatus kt__stage_keep_picture(KtStage *s, int handle, int64_t now_us);
/* Returns 1 where that changed anything, 0, or ERR_NOT_FOUND. */
int kt__stage_set_muted(KtStage *s, int handle, int audio_muted, int video_muted);
/* As kt_recorder_set_composition. */
KtStatus kt__stage_set_composition(KtStage *s, const char *json, size_t json_bytes, int64_t now_us,
                                   char *error, size_t error_bytes);
/* As kt_compositor_show_sprite. hook: where it is one and is kept, what to note; else NULL. */
KtStatus kt__stage_show_sprite(KtStage *s, const char *id, KtSpriteKind kind, const char *source_id,
                               const char *text, const uint8_t *rgba, int width, int height,
                               int stride_bytes, int64_t now_us, const KtStageHook **hook);
/* hook: as above, readable until the next is shown. */
KtStatus kt__stage_hide_sprite(KtStage *s, const char *id, int64_t now_us,
                               const KtStageHook **hook);

/* Pictures that wait and had come by moment_us become their sources' newest. */
void kt__stage_show_until(KtStage *s, int64_t moment_us);
/* Brings the canvas to picture_us where something moved. Returns 1 where it changed, 0, ERR_*. */
int kt__stage_compose(KtStage *s, int64_t picture_us);
/* Share of the canvas that each source covers as of now_us, 0..; 0 where it is not to be seen. */
void kt__stage_areas(const KtStage *s, int64_t now_us, double areas[KT_MAX_SOURCES]);
/* Share of the canvas that shared screens cover, where the composition comes to rest. */
double kt__stage_screen_share(const KtStage *s);
/* Fills changed with the handles of sources that stalled, or came again, since the last call.
 * Returns their count. */
int kt__stage_stalls(KtStage *s, int64_t now_us, int changed[KT_MAX_SOURCES]);
/* Keeps the peaks of what was just read from the mixer. */
void kt__stage_note_levels(KtStage *s);

#endif
