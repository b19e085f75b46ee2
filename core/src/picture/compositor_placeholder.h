/* The tile of a source that has no picture. */
#ifndef KT_COMPOSITOR_PLACEHOLDER_H
#define KT_COMPOSITOR_PLACEHOLDER_H

#include <stdint.h>

/* Two luma rows and their chroma rows of the neutral tile of width x height pixels: columns
 * [from, to), luma rows y and y + 1, all even. */
void kt__placeholder_rows(int width, int height, int from, int to, int y, uint8_t *const rows[4]);

#endif
