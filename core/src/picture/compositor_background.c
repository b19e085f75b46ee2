/* The picture behind everything: a colour, a dithered gradient or an image, and the way from one to
 * the next. */
#include "compositor_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "composition_json.h"

typedef struct PlaneView {
    const uint8_t *planes; /* NULL: the colour */
    KtYuv color;
} PlaneView;

static size_t canvas_bytes(const KtCompositor *c)
{
    return (size_t)c->config.width * (size_t)c->config.height * 3 / 2;
}

static size_t plane_offset(const KtCompositor *c, int plane)
{
    size_t luma = (size_t)c->config.width * (size_t)c->config.height;
    return plane == 0 ? 0 : plane == 1 ? luma : luma + luma / 4;
}

static int plane_stride(const KtCompositor *c, int plane)
{
    return plane == 0 ? c->config.width : c->config.width / 2;
}

KtStatus kt__backdrop_init(KtCompositor *c)
{
    c->back_from.planes = malloc(canvas_bytes(c));
    c->back_to.planes = malloc(canvas_bytes(c));
    return c->back_from.planes && c->back_to.planes ? KT_OK : KT_ERR_MEMORY;
}

void kt__backdrop_reset(KtCompositor *c)
{
    free(c->back_from.planes);
    free(c->back_to.planes);
    for (int i = 0; i < KT__MAX_IMAGES; i++)
        free(c->images[i].planes);
}

static const KtImage *find_image(const KtCompositor *c, const char *id)
{
    for (int i = 0; i < KT__MAX_IMAGES; i++) {
        if (c->images[i].id[0] && strcmp(c->images[i].id, id) == 0)
            return &c->images[i];
    }
    return NULL;
}

static PlaneView view_of(const KtCompositor *c, const KtBackdrop *backdrop)
{
    PlaneView view = {NULL, backdrop->color};
    if (backdrop->painted) {
        view.planes = backdrop->planes;
    } else if (backdrop->spec.kind == KT_BACKGROUND_IMAGE) {
        const KtImage *image = find_image(c, backdrop->spec.image);
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

static void view_span(const KtCompositor *c, const PlaneView *view, int plane, int y, int from,
                      int to, uint8_t *dst)
{
    if (!view->planes) {
        memset(dst, value_of(&view->color, plane), (size_t)(to - from));
        return;
    }
    const uint8_t *src =
        view->planes + plane_offset(c, plane) + (ptrdiff_t)y * plane_stride(c, plane) + from;
    if (src != dst)
        memcpy(dst, src, (size_t)(to - from));
}

void kt__backdrop_span(KtCompositor *c, int plane, int y, int from, int to, int weight,
                       uint8_t *dst)
{
    PlaneView a = view_of(c, &c->back_from), b = view_of(c, &c->back_to);
    if (from >= to)
        return;
    if (!a.planes && !b.planes) {
        int value = value_between(value_of(&a.color, plane), value_of(&b.color, plane), weight);
        memset(dst + from, value, (size_t)(to - from));
        return;
    }
    if (weight < 256) {
        uint8_t *row = c->row[5];
        view_span(c, &a, plane, y, from, to, dst + from);
        view_span(c, &b, plane, y, from, to, row);
        c->kernels->blend_rows(dst + from, dst + from, row, weight, to - from);
    } else {
        view_span(c, &b, plane, y, from, to, dst + from);
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

static void paint_gradient_plane(KtCompositor *c, const KtBackdrop *backdrop, int plane, int from,
                                 int to)
{
    double dx = sine(backdrop->spec.angle_degrees + 90), dy = sine(backdrop->spec.angle_degrees);
    double width = c->config.width, height = c->config.height;
    double reach = (dx < 0 ? -dx : dx) * width + (dy < 0 ? -dy : dy) * height;
    int stride = plane_stride(c, plane), rows = plane ? c->config.height / 2 : c->config.height;
    int scale = plane ? 2 : 1;
    uint8_t *dst = backdrop->planes + plane_offset(c, plane);
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

static void paint(KtCompositor *c, KtBackdrop *backdrop, const KtBackground *spec)
{
    backdrop->spec = *spec;
    backdrop->mixed = 0;
    backdrop->color = kt__color_yuv(c->config.matrix, spec->color);
    backdrop->painted = spec->kind == KT_BACKGROUND_GRADIENT;
    if (!backdrop->painted)
        return;
    KtYuv end = kt__color_yuv(c->config.matrix, spec->color_to);
    for (int p = 0; p < 3; p++)
        paint_gradient_plane(c, backdrop, p, value_of(&backdrop->color, p), value_of(&end, p));
}

/* The mixture that is visible becomes back_from's own picture. */
static void freeze(KtCompositor *c, double progress)
{
    int weight = (int)(progress * 256 + 0.5);
    c->back_from.mixed = 1;
    PlaneView a = view_of(c, &c->back_from), b = view_of(c, &c->back_to);
    if (!a.planes && !b.planes) {
        c->back_from.color.y = (uint8_t)value_between(a.color.y, b.color.y, weight);
        c->back_from.color.u = (uint8_t)value_between(a.color.u, b.color.u, weight);
        c->back_from.color.v = (uint8_t)value_between(a.color.v, b.color.v, weight);
        c->back_from.spec.kind = KT_BACKGROUND_COLOR;
        c->back_from.painted = 0;
        return;
    }
    for (int p = 0; p < 3; p++) {
        int stride = plane_stride(c, p), rows = p ? c->config.height / 2 : c->config.height;
        uint8_t *dst = c->back_from.planes + plane_offset(c, p);
        for (int y = 0; y < rows; y++, dst += stride)
            kt__backdrop_span(c, p, y, 0, stride, weight, dst);
    }
    c->back_from.painted = 1;
}

static int same_spec(const KtBackground *a, const KtBackground *b)
{
    return a->kind == b->kind && a->color == b->color && a->color_to == b->color_to &&
           a->angle_degrees == b->angle_degrees && strcmp(a->image, b->image) == 0;
}

void kt__backdrop_retarget(KtCompositor *c, double progress)
{
    const KtBackground *spec = &c->composition.background;
    if (progress < 1 && same_spec(spec, &c->back_to.spec)) {
        /* On the way there already, and perhaps it never was another one: nothing is painted. */
        if (c->back_from.mixed || !same_spec(spec, &c->back_from.spec))
            freeze(c, progress);
        return;
    }
    if (progress < 1) {
        freeze(c, progress);
    } else if (c->composed && same_spec(spec, &c->back_to.spec)) {
        uint8_t *own = c->back_from.planes;
        c->back_from = c->back_to;
        c->back_from.planes = own;
        if (c->back_to.painted)
            memcpy(own, c->back_to.planes, canvas_bytes(c));
        return;
    } else {
        KtBackdrop shown = c->back_to;
        c->back_to = c->back_from;
        c->back_from = shown;
    }
    paint(c, &c->back_to, spec);
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
static KtStatus cover_canvas(KtCompositor *c, KtFrame *picture, uint8_t *planes)
{
    int width = c->config.width, height = c->config.height;
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
            kt__scaler_halve(&scaler, c->kernels, picture, level, picture->width, picture->height,
                             picture);
        kt__scaler_set(&scaler, &geometry);
        uint8_t *u = planes + plane_offset(c, 1), *v = planes + plane_offset(c, 2);
        for (int y = 0; y < height; y++)
            kt__scaler_luma(&scaler, c->kernels, picture, y, planes + (ptrdiff_t)y * width);
        for (int y = 0; y < height / 2; y++)
            kt__scaler_chroma(&scaler, c->kernels, picture, y, u + (ptrdiff_t)y * (width / 2),
                              v + (ptrdiff_t)y * (width / 2));
    }
    kt__scaler_reset(&scaler);
    return status;
}

static KtStatus make_planes(KtCompositor *c, const uint8_t *rgba, int width, int height,
                            int stride_bytes, uint8_t *planes)
{
    KtFramePool *pool = NULL;
    KtFrame *packed = NULL, *planar = NULL;
    KtStatus status = kt_frame_pool_create(2, &pool);
    if (status == KT_OK)
        status = kt_frame_acquire(pool, KT_PIXEL_RGBA, width, height, &packed);
    if (status == KT_OK)
        status = kt_frame_acquire(pool, KT_PIXEL_I420, width, height, &planar);
    if (status == KT_OK) {
        copy_over_black(rgba, stride_bytes, packed);
        kt__color_convert_frame(c->kernels, &c->rgba_matrix, packed, planar);
        status = cover_canvas(c, planar, planes);
    }
    kt_frame_unref(&packed);
    kt_frame_unref(&planar);
    kt_frame_pool_destroy(&pool);
    return status;
}

KtStatus kt_compositor_set_image(KtCompositor *c, const char *id, const uint8_t *rgba, int width,
                                 int height, int stride_bytes)
{
    if (!c || !kt__composition_id_ok(id) || !rgba || width < 1 || height < 1 ||
        width > KT_FRAME_MAX_SIDE || height > KT_FRAME_MAX_SIDE || stride_bytes < 4 * width)
        return KT_ERR_ARG;
    KtImage *image = NULL;
    for (int i = KT__MAX_IMAGES - 1; i >= 0; i--) {
        if (strcmp(c->images[i].id, id) == 0) {
            image = &c->images[i];
            break;
        }
        if (!c->images[i].id[0])
            image = &c->images[i];
    }
    if (!image)
        return KT_ERR_LIMIT;
    uint8_t *planes = malloc(canvas_bytes(c));
    if (!planes)
        return KT_ERR_MEMORY;
    KtStatus status = make_planes(c, rgba, width, height, stride_bytes, planes);
    if (status != KT_OK) {
        free(planes);
        return status;
    }
    free(image->planes);
    image->planes = planes;
    memmove(image->id, id, strlen(id) + 1);
    c->dirty = 1;
    return KT_OK;
}

KtStatus kt_compositor_remove_image(KtCompositor *c, const char *id)
{
    if (!c || !kt__composition_id_ok(id))
        return KT_ERR_ARG;
    for (int i = 0; i < KT__MAX_IMAGES; i++) {
        KtImage *image = &c->images[i];
        if (strcmp(image->id, id) != 0)
            continue;
        free(image->planes);
        memset(image, 0, sizeof *image);
        c->dirty = 1;
        return KT_OK;
    }
    return KT_ERR_NOT_FOUND;
}
