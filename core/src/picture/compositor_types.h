/* What the parts of the compositor hand to each other. */
#ifndef KT_COMPOSITOR_TYPES_H
#define KT_COMPOSITOR_TYPES_H

#include <stdint.h>

/* A picture of straight RGBA; borrowed. */
typedef struct KtPixels {
    const uint8_t *rgba;
    int width, height; /* pixels */
    int stride_bytes;
} KtPixels;

/* A rectangle in luma pixels of the canvas; x, y, width and height are even. */
typedef struct KtBox {
    int x, y, width, height;
} KtBox;

#endif
