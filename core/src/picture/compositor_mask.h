/* Anti-aliased corners of a rounded rectangle, kept for one size: of each row only the pixels that
 * the arc touches. A circle is a rounded square whose radius is half its side. */
#ifndef KT_COMPOSITOR_MASK_H
#define KT_COMPOSITOR_MASK_H

#include <stdint.h>

#include "keeptake/status.h"

/* One row of a corner, counted from the shape's edge: `empty` pixels outside, then partly covered
 * ones up to `solid`, full coverage from there on. cover[k] belongs to pixel empty + k. */
typedef struct KtMaskRow {
    int empty, solid;
    const uint8_t *cover;
} KtMaskRow;

typedef struct KtCorner {
    double radius; /* luma pixels; negative: nothing built yet */
    int rows[2];   /* luma and chroma rows that the arc touches */
    int max_rows;
    uint16_t *empty[2], *solid[2];
    uint32_t *offset[2];
    uint8_t *cover[2];
} KtCorner;

/* Room for radii up to max_radius pixels. ERR_MEMORY. */
KtStatus kt__corner_init(KtCorner *corner, int max_radius);
void kt__corner_reset(KtCorner *corner);
/* Builds the rows of a radius (cut to max_radius) unless they are there. */
void kt__corner_set(KtCorner *corner, double radius);
/* Row y of a shape of height rows, of the luma (chroma 0) or chroma plane; y may count from either
 * end. Full rows have empty = solid = 0. */
KtMaskRow kt__corner_row(const KtCorner *corner, int chroma, int y, int height);
/* Coverage of pixels [from, to) of a shape row that is width pixels wide, times opacity / 255. */
void kt__mask_fill(const KtMaskRow *row, int width, int from, int to, int opacity, uint8_t *mask);

#endif
