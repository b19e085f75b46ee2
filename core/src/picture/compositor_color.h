/* Colour: from RGB and from other kinds of Y'CbCr to the canvas's limited-range Y'CbCr. */
#ifndef KT_COMPOSITOR_COLOR_H
#define KT_COMPOSITOR_COLOR_H

#include "keeptake/frame.h"
#include "kernels.h"

typedef struct KtYuv {
    uint8_t y, u, v;
} KtYuv;

/* For bytes in the order of format (RGBA or BGRA); alpha has no weight. */
void kt__color_rgb_matrix(KtColorMatrix matrix, KtPixelFormat format, KtRgbMatrix *out);
/* Returns 0, out untouched, where the source is already what the canvas wants. */
int kt__color_yuv_matrix(KtColorMatrix from, int full_range, KtColorMatrix to, KtYuvMatrix *out);
/* 0xRRGGBB. */
KtYuv kt__color_yuv(KtColorMatrix matrix, uint32_t rgb);
/* A whole RGBA or BGRA frame into an I420 frame of the same size; alpha is ignored. */
void kt__color_convert_frame(const KtKernels *kernels, const KtRgbMatrix *matrix,
                             const KtFrame *from, KtFrame *to);

#endif
