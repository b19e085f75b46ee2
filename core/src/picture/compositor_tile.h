/* A source on the canvas: its outline, border and picture, two luma rows and their chroma rows at a
 * time. */
#ifndef KT_COMPOSITOR_TILE_H
#define KT_COMPOSITOR_TILE_H

#include "compositor_color.h"
#include "compositor_motion.h"
#include "compositor_slot.h"
#include "compositor_types.h"

#define KT__CANVAS_ROWS 8

/* What is drawn on; fixed at creation. */
typedef struct KtCanvas {
    int width, height; /* pixels, even */
    KtColorMatrix matrix;
    const KtKernels *kernels;
    /* scratch of a row each: two luma, two chroma, mask, alpha of both luma rows and of a chroma
     * row */
    uint8_t *row[KT__CANVAS_ROWS];
} KtCanvas;

/* A slot at one moment. */
typedef struct KtTile {
    KtSlot *slot; /* borrowed */
    KtShown shown;
    int mirror;
    const KtFrame *picture; /* Y'CbCr, perhaps halved; NULL: placeholder, or not visible */
    const KtFrame *alpha;   /* as picture; NULL: opaque */
    int adjusted;
    KtYuvMatrix matrix; /* where adjusted */
    KtBox box, hole;    /* outline, and the picture inside the border */
    const KtCorner *shape, *hole_corner;
    KtYuv border_color;
    int opacity;                  /* 0..255 */
    int left, top, right, bottom; /* visible part of the hole */
    int covered;                  /* nothing of it can be seen */
} KtTile;

/* Into zero-filled memory; width and height of *canvas are set. ERR_MEMORY; reset in any case. */
KtStatus kt__canvas_init(KtCanvas *canvas);
void kt__canvas_reset(KtCanvas *canvas);

/* Puts a slot where its placement says. */
void kt__tile_place(KtTile *tile, const KtCanvas *canvas, KtSlot *slot,
                    const KtPlacement *placement, int64_t now_us);
/* Notes which tiles those above them hide, of count in drawing order. */
void kt__tiles_cover(const KtCanvas *canvas, KtTile *tiles, int count);
/* Makes the picture of a tile that can be seen ready for its rows. */
void kt__tile_load(KtTile *tile, const KtCanvas *canvas, const KtSlotConfig *config);
/* The columns of rows y (even) and y + 1 that a tile covers fully; empty where it does not. */
void kt__tile_opaque_span(const KtTile *tile, const KtCanvas *canvas, int y, int *from, int *to);
/* Draws a tile that is not covered over what stands in out. */
void kt__tile_draw(const KtTile *tile, const KtCanvas *canvas, KtFrame *out);

#endif
