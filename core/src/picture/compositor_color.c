/* Colour matrices in fixed point, made from the standards' luma weights. */
#include "compositor_color.h"

#define ONE 32768.0

/* Weights of R, G and B in Y', and the 3x3 matrix of limited-range Y'CbCr from full-range R'G'B'.
 */
typedef struct Weights {
    double red, green, blue;
} Weights;

static Weights luma_weights(KtColorMatrix matrix)
{
    Weights w = {0.2126, 0, 0.0722};
    if (matrix == KT_COLOR_BT601)
        w = (Weights){0.299, 0, 0.114};
    w.green = 1 - w.red - w.blue;
    return w;
}

static int16_t fixed(double value)
{
    double scaled = value * ONE;
    return (int16_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

void kt__color_rgb_matrix(KtColorMatrix matrix, KtPixelFormat format, KtRgbMatrix *out)
{
    Weights w = luma_weights(matrix);
    double luma = 219.0 / 255, chroma = 224.0 / 255;
    double to_u = chroma / 2 / (1 - w.blue), to_v = chroma / 2 / (1 - w.red);
    int red = format == KT_PIXEL_BGRA ? 2 : 0, blue = 2 - red;
    *out = (KtRgbMatrix){{0}, {0}, {0}};
    out->y[red] = fixed(w.red * luma);
    out->y[blue] = fixed(w.blue * luma);
    out->y[1] = (int16_t)(fixed(luma) - out->y[red] - out->y[blue]);
    out->u[red] = fixed(-w.red * to_u);
    out->u[blue] = fixed((1 - w.blue) * to_u);
    out->u[1] = (int16_t)(-out->u[red] - out->u[blue]); /* grey stays exactly 128 */
    out->v[red] = fixed((1 - w.red) * to_v);
    out->v[blue] = fixed(-w.blue * to_v);
    out->v[1] = (int16_t)(-out->v[red] - out->v[blue]);
}

int kt__color_yuv_matrix(KtColorMatrix from, int full_range, KtColorMatrix to, KtYuvMatrix *out)
{
    if (from == to && !full_range)
        return 0;
    Weights a = luma_weights(from), b = luma_weights(to);
    double luma = full_range ? 219.0 / 255 : 1, chroma = full_range ? 224.0 / 255 : 1;
    /* R - Y = r_v V, B - Y = b_u U and G from Y = red R + green G + blue B; here U and V are
     * limited-range codes around zero and Y likewise, so their scales differ by 219 / 224. */
    double scale = 219.0 / 224;
    double r_v = 2 * (1 - a.red) * scale, b_u = 2 * (1 - a.blue) * scale;
    double g_u = -a.blue * b_u / a.green, g_v = -a.red * r_v / a.green;
    double y_u = b.green * g_u + b.blue * b_u, y_v = b.red * r_v + b.green * g_v;
    double to_u = 1 / (2 * (1 - b.blue) * scale), to_v = 1 / (2 * (1 - b.red) * scale);
    out->y_y = fixed(luma - 1);
    out->y_u = fixed(y_u * chroma / 2);
    out->y_v = fixed(y_v * chroma / 2);
    out->u_u = fixed((b_u - y_u) * to_u * chroma / 2);
    out->u_v = fixed(-y_v * to_u * chroma / 2);
    out->v_u = fixed(-y_u * to_v * chroma / 2);
    out->v_v = fixed((r_v - y_v) * to_v * chroma / 2);
    out->y_offset = full_range ? 16 * 64 : 0;
    return 1;
}

KtYuv kt__color_yuv(KtColorMatrix matrix, uint32_t rgb)
{
    KtRgbMatrix m;
    uint8_t pixel[8] = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb, 255};
    KtYuv yuv;
    kt__color_rgb_matrix(matrix, KT_PIXEL_RGBA, &m);
    kt__kernels_plain.rgb_to_y(&yuv.y, pixel, &m, 1);
    kt__kernels_plain.rgb_to_uv(&yuv.u, &yuv.v, pixel, pixel, &m, 1);
    return yuv;
}

void kt__color_convert_frame(const KtKernels *kernels, const KtRgbMatrix *matrix,
                             const KtFrame *from, KtFrame *to)
{
    for (int y = 0; y < from->height; y += 2) {
        const uint8_t *row0 = from->plane[0] + (ptrdiff_t)y * from->stride[0];
        const uint8_t *row1 = y + 1 < from->height ? row0 + from->stride[0] : row0;
        uint8_t *luma = to->plane[0] + (ptrdiff_t)y * to->stride[0];
        kernels->rgb_to_y(luma, row0, matrix, from->width);
        if (row1 != row0)
            kernels->rgb_to_y(luma + to->stride[0], row1, matrix, from->width);
        kernels->rgb_to_uv(to->plane[1] + (ptrdiff_t)(y / 2) * to->stride[1],
                           to->plane[2] + (ptrdiff_t)(y / 2) * to->stride[2], row0, row1, matrix,
                           from->width);
    }
}
