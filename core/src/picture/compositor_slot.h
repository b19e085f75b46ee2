/* The newest picture of one source, and what of it the canvas needs: in Y'CbCr, halved, scaled, its
 * transparency apart. */
#ifndef KT_COMPOSITOR_SLOT_H
#define KT_COMPOSITOR_SLOT_H

#include "compositor_color.h"
#include "compositor_mask.h"
#include "compositor_scale.h"
#include "keeptake/compositor.h"
#include "kernels.h"

#define KT__PLACEHOLDER_US 5000000 /* stalled for longer: the last picture gives way */

/* What all slots of a canvas share; fixed at creation. */
typedef struct KtSlotConfig {
    const KtKernels *kernels;
    KtColorMatrix matrix; /* of the canvas */
    KtRgbMatrix rgba_matrix, bgra_matrix;
    KtFramePool *pool;             /* converted pictures; borrowed */
    int shorter_side, longer_side; /* of the canvas, pixels */
} KtSlotConfig;

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

typedef enum KtShown { KT_SHOWN_LIVE, KT_SHOWN_DIMMED, KT_SHOWN_PLACEHOLDER } KtShown;

/* A picture as the canvas needs it; valid until the slot's next picture or kt__slot_load. */
typedef struct KtSlotPicture {
    const KtFrame *picture; /* Y'CbCr, halved as the geometry says */
    const KtFrame *alpha;   /* likewise, in the luma plane; NULL: opaque */
} KtSlotPicture;

/* Makes an unused slot that of a source which is silent from seen_us on; the id is valid.
 * ERR_MEMORY: unused as before. */
KtStatus kt__slot_init(KtSlot *slot, const KtSlotConfig *config, const char *id, int64_t seen_us);
/* Releases everything of a slot; it is unused afterwards. */
void kt__slot_reset(KtSlot *slot);
/* Takes a reference of the newest picture. Allocates where its size or format is new, so that
 * loading need not. ERR_ARG: the frame cannot be used, nothing changed. ERR_MEMORY: the slot has no
 * picture. */
KtStatus kt__slot_push(KtSlot *slot, const KtSlotConfig *config, KtFrame *frame, int64_t now_us);
KtShown kt__slot_shown(const KtSlot *slot, int64_t now_us);
/* Makes the picture of a slot that has one ready for its scaler, which is set to the geometry (the
 * source's size and the level are filled in here). */
KtSlotPicture kt__slot_load(KtSlot *slot, const KtSlotConfig *config, KtScaleGeometry geometry);

#endif
