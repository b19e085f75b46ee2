/* What stands behind everything, and the way from one backdrop to the next. */
#ifndef KT_COMPOSITOR_BACKDROP_H
#define KT_COMPOSITOR_BACKDROP_H

#include "compositor_color.h"
#include "compositor_types.h"
#include "keeptake/composition.h"
#include "kernels.h"

#define KT__MAX_IMAGES 8

typedef struct KtBackdrop {
    KtBackground spec;
    int painted;     /* planes hold the picture */
    int mixed;       /* what was visible in the middle of a transition: not what spec says */
    KtYuv color;     /* otherwise, and while an image is missing */
    uint8_t *planes; /* I420 of the canvas, tightly packed; owned */
} KtBackdrop;

typedef struct KtBackdropImage {
    char id[KT_ID_BYTES]; /* empty: free */
    uint8_t *planes;      /* as a backdrop's */
} KtBackdropImage;

typedef struct KtBackdrops {
    /* fixed at creation */
    int width, height; /* of the canvas, pixels, even */
    KtColorMatrix matrix;
    const KtKernels *kernels;
    uint8_t *row; /* scratch */

    /* changes while running */
    KtBackdrop from, to;
    KtBackdropImage images[KT__MAX_IMAGES];
} KtBackdrops;

/* Into zero-filled memory. ERR_MEMORY; reset in any case. */
KtStatus kt__backdrops_init(KtBackdrops *b, int width, int height, KtColorMatrix matrix,
                            const KtKernels *kernels);
void kt__backdrops_reset(KtBackdrops *b);
/* What is visible becomes the backdrop to leave, spec the one to come.
 *   progress  of the transition that runs, 0..1; 1: none does
 *   is_shown  0: nothing was drawn yet, so that nothing needs to be kept as it is */
void kt__backdrops_aim(KtBackdrops *b, const KtBackground *spec, double progress, int is_shown);
/* Writes pixels [from, to) of row y of a plane; dst is the row's start.
 *   weight  of the backdrop to come, 0..256 */
void kt__backdrops_span(KtBackdrops *b, int plane, int y, int from, int to, int weight,
                        uint8_t *dst);
/* Adds or replaces an image; the id is valid, the pixels are borrowed for this call. ERR_LIMIT,
 * ERR_MEMORY: the image of before is kept. */
KtStatus kt__backdrops_set_image(KtBackdrops *b, const char *id, const KtPixels *pixels);
/* ERR_NOT_FOUND. */
KtStatus kt__backdrops_remove_image(KtBackdrops *b, const char *id);

#endif
