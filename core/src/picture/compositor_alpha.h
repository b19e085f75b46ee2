/* Translucent pictures: drawn source-over, with the transparency of each pixel. Their planes hold
 * what the picture is over black, their alpha is scaled beside it. */
#ifndef KT_COMPOSITOR_ALPHA_H
#define KT_COMPOSITOR_ALPHA_H

#include "keeptake/frame.h"
#include "kernels.h"

/* Whether the bytes are R, G, B and A or X in some order. */
int kt__is_packed(KtPixelFormat format);
/* Whether any pixel of an RGBA or BGRA frame lets something through; 0 for all other formats. */
int kt__is_translucent(const KtFrame *frame);
/* packed: RGBA or BGRA; picture: its I420, of the same size, put over black here; alpha: an I420
 * frame of that size, whose luma becomes the alpha. */
void kt__alpha_split(const KtKernels *kernels, const KtFrame *packed, KtFrame *picture,
                     KtFrame *alpha);
/* alpha of the chroma pixels of two luma rows of 2 * n. */
void kt__alpha_chroma(const uint8_t *row0, const uint8_t *row1, uint8_t *dst, int n);
/* dst = src over dst. src: a row of a picture over black, alpha: of its pixels, mask: how much of
 * it all is shown; black: 16 of luma, 128 of chroma. src and alpha are changed. */
void kt__alpha_over(const KtKernels *kernels, uint8_t *dst, uint8_t *src, uint8_t *alpha,
                    uint8_t *mask, int black, int n);

#endif
