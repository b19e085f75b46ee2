/* What the parts of the compositor share: sources, looks in motion, backdrops, sprites. */
#ifndef KT_COMPOSITOR_INTERNAL_H
#define KT_COMPOSITOR_INTERNAL_H

#include "compositor_alpha.h"
#include "compositor_color.h"
#include "compositor_mask.h"
#include "compositor_scale.h"
#include "keeptake/compositor.h"
#include "kernels.h"

#define KT__SLOTS (2 * KT_MAX_SOURCES)
#define KT__MAX_IMAGES 8
#define KT__ROWS 9
#define KT__PLACEHOLDER_US 5000000 /* stalled for longer: the last picture gives way */
#define KT__SPRITE_FADE_US 200000

/* A source. A removed one stays (used, not known) until it has left the picture. */
typedef struct KtSlot {
    int used, known;
    char id[KT_ID_BYTES];
    KtFrame *frame;     /* newest picture, one reference */
    KtFrame *converted; /* I420 of a packed picture; owned */
    int converted_valid;
    KtFrame *reduced;  /* I420 of the picture halved reduced_level times; owned */
    int reduced_level; /* 0: nothing in it */
    int translucent;   /* the picture's alpha counts; the next three are of use then only */
    KtFrame *alpha, *alpha_reduced; /* in their luma planes; owned */
    int alpha_level;                /* as reduced_level */
    int64_t seen_us; /* time of the newest picture, of the arrival where there is none */
    int muted;
    KtScaler scaler;
    KtCorner shape, hole; /* the outline, and the picture inside its border */
} KtSlot;

/* Everything about a source's place that can move. */
typedef struct KtLook {
    KtRect rect;
    double square;  /* 0: the rectangle, 1: the square in its middle */
    double contain; /* 0: the rectangle, 1: the part with the picture's aspect */
    double radius;  /* of the shorter side */
    double border;  /* of the canvas height */
    double opacity;
} KtLook;

typedef struct KtPlacement {
    int slot;
    int source; /* index into the composition's sources; -1: leaving */
    int rank;   /* drawing order, lowest first */
    int mirror;
    uint32_t border_color;
    KtLook look;
} KtPlacement;

typedef struct KtBackdrop {
    KtBackground spec;
    int painted;     /* planes hold the picture */
    int mixed;       /* what was visible in the middle of a transition: not what spec says */
    KtYuv color;     /* otherwise, and while an image is missing */
    uint8_t *planes; /* I420 of the canvas, tightly packed; owned */
} KtBackdrop;

typedef struct KtImage {
    char id[KT_ID_BYTES]; /* empty: free */
    uint8_t *planes;      /* as a backdrop's */
} KtImage;

typedef struct KtSprite {
    char id[KT_ID_BYTES]; /* empty: free */
    char source_id[KT_ID_BYTES];
    KtSpriteKind kind;
    int width, height; /* even */
    uint8_t *planes;   /* Y, alpha, U, V, chroma alpha */
    int fade_from;     /* opacity at fade_us, 0..255 */
    int shown;         /* fading in to 255 or out to 0 */
    int64_t fade_us;
} KtSprite;

struct KtCompositor {
    /* fixed at creation */
    KtCompositorConfig config;
    const KtKernels *kernels;
    KtFramePool *pool; /* converted pictures */
    KtRgbMatrix rgba_matrix, bgra_matrix;
    /* scratch of a canvas row: two luma, two chroma, mask, constant, alpha of both luma rows and
     * of a chroma row */
    uint8_t *row[KT__ROWS];

    /* changes while running */
    KtSlot slots[KT__SLOTS];
    KtComposition composition;
    KtPlacement from[KT__SLOTS], to[KT_MAX_SOURCES];
    int from_count, to_count;
    int64_t start_us, duration_us; /* of the transition */
    KtBackdrop back_from, back_to;
    KtImage images[KT__MAX_IMAGES];
    KtSprite sprites[KT_MAX_SPRITES];
    int64_t now_us; /* latest time of any call */
    int64_t composed_us;
    int composed; /* compose was called */
    int dirty;
};

typedef enum KtShown { KT_SHOWN_LIVE, KT_SHOWN_DIMMED, KT_SHOWN_PLACEHOLDER } KtShown;

/* Releases everything of a slot; it is unused afterwards. */
void kt__slot_reset(KtSlot *slot);
KtShown kt__slot_shown(const KtSlot *slot, int64_t now_us);

/* compositor_motion.c */
/* Starts moving from what is visible at now_us to the composition and the sources known now. */
void kt__motion_retarget(KtCompositor *c, int64_t now_us);
/* How far the transition is, 0..1, eased; 1 where none runs. */
double kt__motion_progress(const KtCompositor *c, int64_t now_us);
/* What stands where at now_us, in drawing order. Returns the count. */
int kt__motion_placements(const KtCompositor *c, int64_t now_us, KtPlacement out[KT__SLOTS]);

/* compositor_background.c */
KtStatus kt__backdrop_init(KtCompositor *c);
void kt__backdrop_reset(KtCompositor *c);
/* The visible backdrop becomes the one to leave, the composition's the one to come. */
void kt__backdrop_retarget(KtCompositor *c, double progress);
/* Writes pixels [from, to) of row y of a plane; dst is the row's start; weight: of back_to, 0..256.
 */
void kt__backdrop_span(KtCompositor *c, int plane, int y, int from, int to, int weight,
                       uint8_t *dst);

/* compositor_sprite.c */
int kt__sprite_opacity(const KtSprite *sprite, int64_t now_us);
/* Draws a sprite with its left top at x, y (even), opacity 0..255. */
void kt__sprite_draw(KtCompositor *c, const KtSprite *sprite, int x, int y, int opacity,
                     KtFrame *out);
void kt__sprite_reset(KtSprite *sprite);

/* compositor_placeholder.c */
/* Two luma rows and their chroma rows of the neutral tile of width x height pixels: columns
 * [from, to), luma rows y and y + 1, all even. */
void kt__placeholder_rows(int width, int height, int from, int to, int y, uint8_t *const rows[4]);

#endif
