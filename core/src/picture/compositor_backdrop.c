/* The picture behind everything: a colour, a dithered gradient or an image, and the way from one to
 * the next. */
#include "compositor_backdrop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compositor_scale.h"

#define ROW_SLACK 64 /* kernels write whole vectors */

typedef struct PlaneView {
    const uint8_t *planes; /* NULL: the colour */
    KtYuv color;
} PlaneView;

static size_t canvas_bytes(const KtBackdrops *b)
{
    return (size_t)b->width * (size_t)b->height * 3 / 2;
}

static size_t plane_offset(const KtBackdrops *b, int plane)
{
    size_t luma = (size_t)b->width * (size_t)b->height;
    return plane == 0 ? 0 : plane == 1 ? luma : luma + luma / 4;
}

static int plane_stride(const KtBackdrops *b, int plane)
{
    return plane == 0 ? b->width : b->width / 2;
}

KtStatus kt__backdrops_init(KtBackdrops *b, int width, int height, KtColorMatrix matrix,
                            const KtKernels *kernels)
{
    b->width = width;
    b->height = height;
    b->matrix = matrix;
    b->kernels = kernels;
    b->row = calloc(1, (size_t)width + ROW_SLACK);
    b->from.planes = malloc(canvas_bytes(b));
    b->to.planes = malloc(canvas_bytes(b));
    return b->row && b->from.planes && b->to.planes ? KT_OK : KT_ERR_MEMORY;
}

void kt__backdrops_reset(KtBackdrops *b)
{
    free(b->row);
    free(b->from.planes);
    free(b->to.planes);
    for (int i = 0; i < KT__MAX_IMAGES; i++)
        free(b->images[i].planes);
    memset(b, 0, sizeof *b);
}

static const KtBackdropImage *find_image(const KtBackdrops *b, const char *id)
{
    for (int i = 0; i < KT__MAX_IMAGES; i++) {
        if (b->images[i].id[0] && strcmp(b->images[i].id, id) == 0)
            return &b->images[i];
    }
    return NULL;
}

static PlaneView view_of(const KtBackdrops *b, const KtBackdrop *backdrop)
{
    PlaneView view = {NULL, backdrop->color};
    if (backdrop->painted) {
        view.planes = backdrop->planes;
    } else if (backdrop->spec.kind == KT_BACKGROUND_IMAGE) {
        const KtBackdropImage *image = find_image(b, backdrop->spec.image);
        view.planes = image ? image->planes : NULL;
    }
    return view;
}

static int value_of(const KtYuv *color, int plane)
{
    return plane == 0 ? color->y : plane == 1 ? color->u : color->v;
}

static int value_between(int a, int b, int weight)
{
    return (a * (256 - weight) + b * weight + 128) >> 8;
}

static void view_span(const KtBackdrops *b, const PlaneView *view, int plane, int y, int from,
                      int to, uint8_t *dst)
{
    if (!view->planes) {
        memset(dst, value_of(&view->color, plane), (size_t)(to - from));
        return;
    }
    const uint8_t *src =
        view->planes + plane_offset(b, plane) + (ptrdiff_t)y * plane_stride(b, plane) + from;
    if (src != dst)
        memcpy(dst, src, (size_t)(to - from));
}

void kt__backdrops_span(KtBackdrops *b, int plane, int y, int from, int to, int weight,
                        uint8_t *dst)
{
    PlaneView old = view_of(b, &b->from), next = view_of(b, &b->to);
    if (from >= to)
        return;
    if (!old.planes && !next.planes) {
        int value =
            value_between(value_of(&old.color, plane), value_of(&next.color, plane), weight);
        memset(dst + from, value, (size_t)(to - from));
        return;
    }
    if (weight < 256) {
        uint8_t *row = b->row;
        view_span(b, &old, plane, y, from, to, dst + from);
        view_span(b, &next, plane, y, from, to, row);
        b->kernels->blend_rows(dst + from, dst + from, row, weight, to - from);
    } else {
        view_span(b, &next, plane, y, from, to, dst + from);
    }
}

/* Ordered dither thresholds, 0..63. */
static int threshold(int x, int y)
{
    int value = 0;
    for (int bit = 0; bit < 3; bit++) {
        int a = (x >> bit) & 1, b = (y >> bit) & 1;
        value = value * 4 + ((a ^ b) * 2 + b);
    }
    return value;
}

/* Sine of degrees by its series, the same in every build. */
static double sine(double degrees)
{
    double d = degrees - 360 * floor(degrees / 360);
    double sign = 1;
    if (d >= 180) {
        d -= 180;
        sign = -1;
    }
    if (d > 90)
        d = 180 - d;
    double x = d * (3.14159265358979323846 / 180), term = x, sum = x;
    for (int k = 1; k < 10; k++) {
        term *= -x * x / ((2 * k) * (2 * k + 1));
        sum += term;
    }
    return sign * sum;
}

static void paint_gradient_plane(KtBackdrops *b, const KtBackdrop *backdrop, int plane, int from,
                                 int to)
{
    double dx = sine(backdrop->spec.angle_degrees + 90), dy = sine(backdrop->spec.angle_degrees);
    double width = b->width, height = b->height;
    double reach = (dx < 0 ? -dx : dx) * width + (dy < 0 ? -dy : dy) * height;
    int stride = plane_stride(b, plane), rows = plane ? b->height / 2 : b->height;
    int scale = plane ? 2 : 1;
    uint8_t *dst = backdrop->planes + plane_offset(b, plane);
    for (int y = 0; y < rows; y++, dst += stride) {
        double down = ((y + 0.5) * scale - height / 2) * dy;
        for (int x = 0; x < stride; x++) {
            double along = ((x + 0.5) * scale - width / 2) * dx + down;
            double t = along / reach + 0.5;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            int value = (int)((from + (to - from) * t) * 256 + 0.5);
            dst[x] = (uint8_t)((value + threshold(x & 7, y & 7) * 4 + 2) >> 8);
        }
    }
}

static void paint(KtBackdrops *b, KtBackdrop *backdrop, const KtBackground *spec)
{
    backdrop->spec = *spec;
    backdrop->mixed = 0;
    backdrop->color = kt__color_yuv(b->matrix, spec->color);
    backdrop->painted = spec->kind == KT_BACKGROUND_GRADIENT;
    if (!backdrop->painted)
        return;
    KtYuv end = kt__color_yuv(b->matrix, spec->color_to);
    for (int p = 0; p < 3; p++)
        paint_gradient_plane(b, backdrop, p, value_of(&backdrop->color, p), value_of(&end, p));
}

/* The mixture that is visible becomes back_from's own picture. */
static void freeze(KtBackdrops *b, double progress)
{
    int weight = (int)(progress * 256 + 0.5);
    b->from.mixed = 1;
    PlaneView old = view_of(b, &b->from), next = view_of(b, &b->to);
    if (!old.planes && !next.planes) {
        b->from.color.y = (uint8_t)value_between(old.color.y, next.color.y, weight);
        b->from.color.u = (uint8_t)value_between(old.color.u, next.color.u, weight);
        b->from.color.v = (uint8_t)value_between(old.color.v, next.color.v, weight);
        b->from.spec.kind = KT_BACKGROUND_COLOR;
        b->from.painted = 0;
        return;
    }
    for (int p = 0; p < 3; p++) {
        int stride = plane_stride(b, p), rows = p ? b->height / 2 : b->height;
        uint8_t *dst = b->from.planes + plane_offset(b, p);
        for (int y = 0; y < rows; y++, dst += stride)
            kt__backdrops_span(b, p, y, 0, stride, weight, dst);
    }
    b->from.painted = 1;
}

static int same_spec(const KtBackground *a, const KtBackground *b)
{
    return a->kind == b->kind && a->color == b->color && a->color_to == b->color_to &&
           a->angle_degrees == b->angle_degrees && strcmp(a->image, b->image) == 0;
}

void kt__backdrops_aim(KtBackdrops *b, const KtBackground *spec, double progress, int is_shown)
{
    if (progress < 1 && same_spec(spec, &b->to.spec)) {
        /* On the way there already, and perhaps it never was another one: nothing is painted. */
        if (b->from.mixed || !same_spec(spec, &b->from.spec))
            freeze(b, progress);
        return;
    }
    if (progress < 1) {
        freeze(b, progress);
    } else if (is_shown && same_spec(spec, &b->to.spec)) {
        uint8_t *own = b->from.planes;
        b->from = b->to;
        b->from.planes = own;
        if (b->to.painted)
            memcpy(own, b->to.planes, canvas_bytes(b));
        return;
    } else {
        KtBackdrop shown = b->to;
        b->to = b->from;
        b->from = shown;
    }
    paint(b, &b->to, spec);
}

/* Straight alpha over black. */
static void copy_over_black(const uint8_t *rgba, int stride_bytes, KtFrame *frame)
{
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *src = rgba + (ptrdiff_t)y * stride_bytes;
        uint8_t *dst = frame->plane[0] + (ptrdiff_t)y * frame->stride[0];
        for (int x = 0; x < frame->width; x++, src += 4, dst += 4) {
            for (int b = 0; b < 3; b++)
                dst[b] = (uint8_t)((src[b] * src[3] + 127) / 255);
            dst[3] = 255;
        }
    }
}

/* Scales a picture to cover the canvas and packs it; the picture is used up. */
static KtStatus cover_canvas(KtBackdrops *b, KtFrame *picture, uint8_t *planes)
{
    int width = b->width, height = b->height;
    KtScaler scaler;
    memset(&scaler, 0, sizeof scaler);
    KtStatus status = kt__scaler_reserve(&scaler, picture->width, picture->height,
                                         width > height ? width : height);
    if (status == KT_OK) {
        KtScaleGeometry geometry = {.source_width = picture->width,
                                    .source_height = picture->height,
                                    .width = width,
                                    .height = height,
                                    .right = width,
                                    .bottom = height};
        geometry.level = kt__scale_level(&geometry);
        for (int level = 0; level < geometry.level; level++)
            kt__scaler_halve(&scaler, b->kernels, picture, level, picture->width, picture->height,
                             picture);
        kt__scaler_set(&scaler, &geometry);
        uint8_t *u = planes + plane_offset(b, 1), *v = planes + plane_offset(b, 2);
        for (int y = 0; y < height; y++)
            kt__scaler_luma(&scaler, b->kernels, picture, y, planes + (ptrdiff_t)y * width);
        for (int y = 0; y < height / 2; y++)
            kt__scaler_chroma(&scaler, b->kernels, picture, y, u + (ptrdiff_t)y * (width / 2),
                              v + (ptrdiff_t)y * (width / 2));
    }
    kt__scaler_reset(&scaler);
    return status;
}

static KtStatus make_planes(KtBackdrops *b, const KtPixels *pixels, uint8_t *planes)
{
    KtFramePool *pool = NULL;
    KtFrame *packed = NULL, *planar = NULL;
    KtRgbMatrix matrix;
    kt__color_rgb_matrix(b->matrix, KT_PIXEL_RGBA, &matrix);
    KtStatus status = kt_frame_pool_create(2, &pool);
    if (status == KT_OK)
        status = kt_frame_acquire(pool, KT_PIXEL_RGBA, pixels->width, pixels->height, &packed);
    if (status == KT_OK)
        status = kt_frame_acquire(pool, KT_PIXEL_I420, pixels->width, pixels->height, &planar);
    if (status == KT_OK) {
        copy_over_black(pixels->rgba, pixels->stride_bytes, packed);
        kt__color_convert_frame(b->kernels, &matrix, packed, planar);
        status = cover_canvas(b, planar, planes);
    }
    kt_frame_unref(&packed);
    kt_frame_unref(&planar);
    kt_frame_pool_destroy(&pool);
    return status;
}

/* The image's place, else a free one; NULL: there is none. */
static KtBackdropImage *place_for(KtBackdrops *b, const char *id)
{
    KtBackdropImage *place = NULL;
    for (int i = KT__MAX_IMAGES - 1; i >= 0; i--) {
        if (strcmp(b->images[i].id, id) == 0)
            return &b->images[i];
        if (!b->images[i].id[0])
            place = &b->images[i];
    }
    return place;
}

KtStatus kt__backdrops_set_image(KtBackdrops *b, const char *id, const KtPixels *pixels)
{
    KtBackdropImage *image = place_for(b, id);
    if (!image)
        return KT_ERR_LIMIT;
    uint8_t *planes = malloc(canvas_bytes(b));
    if (!planes)
        return KT_ERR_MEMORY;
    KtStatus status = make_planes(b, pixels, planes);
    if (status != KT_OK) {
        free(planes);
        return status;
    }
    free(image->planes);
    image->planes = planes;
    memmove(image->id, id, strlen(id) + 1);
    return KT_OK;
}

KtStatus kt__backdrops_remove_image(KtBackdrops *b, const char *id)
{
    for (int i = 0; i < KT__MAX_IMAGES; i++) {
        KtBackdropImage *image = &b->images[i];
        if (strcmp(image->id, id) != 0)
            continue;
        free(image->planes);
        memset(image, 0, sizeof *image);
        return KT_OK;
    }
    return KT_ERR_NOT_FOUND;
}
