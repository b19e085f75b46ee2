/* Draws a composition: many pictures in, one I420 picture out. No clock: time comes in. */
#ifndef KEEPTAKE_COMPOSITOR_H
#define KEEPTAKE_COMPOSITOR_H

#include "keeptake/composition.h"
#include "keeptake/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_CANVAS_MIN_SIDE 16
#define KT_CANVAS_MAX_WIDTH 1920
#define KT_CANVAS_MAX_HEIGHT 1920 /* portrait is allowed; width * height <= 1920 * 1080 */
#define KT_MAX_SPRITES 64
#define KT_SPRITE_MAX_SIDE 2048
#define KT_STALL_US 2000000 /* a source silent for longer is shown as stalled */

typedef struct KtCompositor KtCompositor;

typedef struct KtCompositorConfig {
    int width, height;       /* pixels, even */
    KtColorMatrix matrix;    /* of the canvas; limited range always */
    int force_plain_kernels; /* 1: the plain C twins, for tests and benchmarks */
} KtCompositorConfig;

typedef enum KtSpriteKind {
    KT_SPRITE_NAME = 0, /* follows its source: bottom left corner of the source's rectangle */
    KT_SPRITE_HOOK = 1, /* a banner: lower third of its source's rectangle, else of the canvas; the
                         * name tags below it stay free */
    /* A picture in a corner of the canvas, above everything: a logo. Its source_id has no effect. */
    KT_SPRITE_TOP_LEFT = 2,
    KT_SPRITE_TOP_RIGHT = 3,
    KT_SPRITE_BOTTOM_LEFT = 4,
    KT_SPRITE_BOTTOM_RIGHT = 5,
} KtSpriteKind;

/* out: filled, destroyed by kt_compositor_destroy. ERR_ARG, ERR_MEMORY. */
KtStatus kt_compositor_create(const KtCompositorConfig *config, KtCompositor **out);
void kt_compositor_destroy(KtCompositor **compositor);

/* Makes a source known by its id (the composition's ids refer to it). ERR_ARG (bad or known id),
 * ERR_LIMIT (2 * KT_MAX_SOURCES known). Returns its handle >= 0. */
int kt_compositor_add_source(KtCompositor *c, const char *id);
/* Forgets a source; it leaves the picture, with the composition's transition. ERR_NOT_FOUND. */
KtStatus kt_compositor_remove_source(KtCompositor *c, int handle, int64_t now_us);
/* The newest picture of a source; a reference is taken. What an RGBA or BGRA picture lets through
 * (straight alpha) shows what stands below it. Size and format may change at any time.
 * A source without a picture, or silent for KT_STALL_US, shows its last picture dimmed, then (no
 * picture ever, or 5 s stalled) a neutral placeholder. ERR_NOT_FOUND, ERR_ARG (unusable frame). */
KtStatus kt_compositor_push_frame(KtCompositor *c, int handle, KtFrame *frame, int64_t now_us);
/* The source's last picture is still its newest: browsers send none while a shared screen or a
 * canvas stands still, and such a source is not stalled. ERR_NOT_FOUND. */
KtStatus kt_compositor_keep_picture(KtCompositor *c, int handle, int64_t now_us);
/* Nothing could come from from_us to to_us, say because the machine slept: the span counts as no
 * silence of any source. */
void kt_compositor_forgive(KtCompositor *c, int64_t from_us, int64_t to_us);
/* A source without picture on purpose (camera switched off): 1 shows the placeholder at once. */
KtStatus kt_compositor_set_video_muted(KtCompositor *c, int handle, int muted);

/* Makes composition the one to be drawn from now_us on; rectangles, opacity and background move
 * there within its transition_us (ease in and out). Copied. Ids that are not known are kept and
 * drawn as soon as they are added. ERR_ARG. */
KtStatus kt_compositor_set_composition(KtCompositor *c, const KtComposition *composition,
                                       int64_t now_us);

/* Registers or replaces an image for backgrounds. rgba: borrowed for this call, straight alpha.
 * At most 8 images. ERR_ARG, ERR_LIMIT, ERR_MEMORY. */
KtStatus kt_compositor_set_image(KtCompositor *c, const char *id, const uint8_t *rgba, int width,
                                 int height, int stride_bytes);
/* Frees an image and its place; a background that names it shows its colour. ERR_NOT_FOUND. */
KtStatus kt_compositor_remove_image(KtCompositor *c, const char *id);

/* Shows a sprite, or replaces the pixels of the one with that id. rgba: borrowed for this call,
 * straight alpha, drawn 1:1 in canvas pixels (never scaled). source_id: "" for none. Fades in and
 * out within 200 ms. ERR_ARG, ERR_LIMIT, ERR_MEMORY. */
KtStatus kt_compositor_show_sprite(KtCompositor *c, const char *id, KtSpriteKind kind,
                                   const char *source_id, const uint8_t *rgba, int width,
                                   int height, int stride_bytes, int64_t now_us);
/* ERR_NOT_FOUND. */
KtStatus kt_compositor_hide_sprite(KtCompositor *c, const char *id, int64_t now_us);

/* Draws the picture of now_us into out: an I420 frame of the canvas size that only the caller
 * holds. Allocates nothing once the sources have been seen at their sizes. Sets out->pts_us =
 * now_us. ERR_ARG (wrong frame), ERR_ORDER (now_us before the last call's). */
KtStatus kt_compositor_compose(KtCompositor *c, int64_t now_us, KtFrame *out);

/* 1 where the next compose can differ from the last (new pictures, a transition, a sprite fading).
 */
int kt_compositor_is_dirty(const KtCompositor *c, int64_t now_us);

/* Where each source of the composition stands at now_us (transition included), for hit tests of a
 * page and for the timeline. placed as kt_layout_resolve's. Returns the count. */
int kt_compositor_placed(const KtCompositor *c, int64_t now_us,
                         KtPlacedSource placed[KT_MAX_SOURCES]);

/* Handles of sources that have been silent for KT_STALL_US at now_us. Returns the count. */
int kt_compositor_stalled(const KtCompositor *c, int64_t now_us, int handles[KT_MAX_SOURCES]);

#ifdef __cplusplus
}
#endif
#endif
