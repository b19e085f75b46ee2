/* Scaling of one picture into a rectangle: coefficient tables for each axis and the rows they give.
 * A picture is halved while it is at least twice as large as wanted; the rest, a step
 * below 2, is done by two taps at the right phase, or from a step of 1.5 on by a triangle filter as
 * wide as the step. Chroma is sited left, as in MPEG-2. */
#ifndef KT_COMPOSITOR_SCALE_H
#define KT_COMPOSITOR_SCALE_H

#include "keeptake/frame.h"
#include "kernels.h"

typedef enum KtAxisKind { KT_AXIS_COPY, KT_AXIS_TWO, KT_AXIS_MANY } KtAxisKind;

/* How the outputs along one axis are made of source samples. */
typedef struct KtAxis {
    KtAxisKind kind;
    int count;       /* outputs */
    int taps;        /* of KT_AXIS_MANY */
    int first, last; /* source samples used: [first, last) */
    int32_t
        *starts; /* first source sample of each output, from `first` on where it is horizontal */
    int16_t *weights;   /* TWO: of the next sample, 0..256; MANY: taps an output */
    KtTapGroup *groups; /* horizontal TWO only */
    int start_capacity, weight_capacity, group_capacity;
} KtAxis;

/* What of a picture goes where. Lengths in luma pixels. */
typedef struct KtScaleGeometry {
    int source_width, source_height;
    int x, y, width, height;      /* rectangle the picture covers, even */
    int left, top, right, bottom; /* the part of it that is drawn, even */
    int mirror;
    int level; /* the picture that is given was halved so many times; kt__scale_level */
} KtScaleGeometry;

typedef struct KtScaler {
    KtScaleGeometry geometry;  /* the tables are of this one */
    KtAxis across[2], down[2]; /* luma, chroma */
    uint8_t *row[2];           /* scratch: one row of the source, one pair of chroma rows */
    int row_capacity;
} KtScaler;

/* Makes room for sources of this size on a canvas whose longer side is canvas_side; after that
 * kt__scaler_set needs no memory. ERR_MEMORY (the scaler stays usable for what it was). */
KtStatus kt__scaler_reserve(KtScaler *scaler, int source_width, int source_height, int canvas_side);
void kt__scaler_reset(KtScaler *scaler);
/* How often the source should be halved first. */
int kt__scale_level(const KtScaleGeometry *geometry);
/* Halves a picture once more. from: I420 or NV12, what `level` halvings left of a picture of
 * source_width x source_height; to: I420 planes large enough for half of that, or from itself. Uses
 * the scaler's rows as scratch. */
void kt__scaler_halve(const KtScaler *scaler, const KtKernels *kernels, const KtFrame *from,
                      int level, int source_width, int source_height, KtFrame *to);
/* Builds the tables; does nothing where the geometry is the last one's. The source's middle is
 * kept, what does not fit the rectangle's aspect is cropped. */
void kt__scaler_set(KtScaler *scaler, const KtScaleGeometry *geometry);
/* Luma row y (0 is the first drawn one); right - left pixels. */
void kt__scaler_luma(const KtScaler *scaler, const KtKernels *kernels, const KtFrame *frame, int y,
                     uint8_t *dst);
/* Chroma row y of an I420 or NV12 frame. */
void kt__scaler_chroma(const KtScaler *scaler, const KtKernels *kernels, const KtFrame *frame,
                       int y, uint8_t *u, uint8_t *v);

#endif
