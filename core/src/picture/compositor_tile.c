/* Places the tiles of one picture and draws their rows. */
#include "compositor_tile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compositor_alpha.h"
#include "compositor_placeholder.h"

#define ROW_SLACK 64  /* kernels write whole vectors */
#define DIM_COVER 128 /* of 255: how far a stalled picture goes towards black */

/* Pixels [from, to) of one row of an outline. */
typedef struct Span {
    const KtMaskRow *mask;
    int width; /* of the outline */
    int from, to;
    int opacity; /* 0..255 */
} Span;

KtStatus kt__canvas_init(KtCanvas *canvas)
{
    size_t row_bytes = (size_t)canvas->width + ROW_SLACK;
    uint8_t *rows = calloc(KT__CANVAS_ROWS, row_bytes);
    if (!rows)
        return KT_ERR_MEMORY;
    for (size_t i = 0; i < KT__CANVAS_ROWS; i++)
        canvas->row[i] = rows + i * row_bytes;
    return KT_OK;
}

void kt__canvas_reset(KtCanvas *canvas)
{
    free(canvas->row[0]);
    memset(canvas, 0, sizeof *canvas);
}

static int even(double value)
{
    return 2 * (int)floor(value / 2 + 0.5);
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* The look's rectangle in pixels, drawn in to the picture's aspect and to a square as it asks. */
static KtBox look_box(const KtCanvas *canvas, const KtLook *look, const KtFrame *picture)
{
    double width = look->rect.width * canvas->width;
    double height = look->rect.height * canvas->height;
    double middle_x = look->rect.x * canvas->width + width / 2;
    double middle_y = look->rect.y * canvas->height + height / 2;
    if (picture && look->contain > 0) {
        double fit_width = height * picture->width / picture->height;
        double fit_height = width * picture->height / picture->width;
        width += ((fit_width < width ? fit_width : width) - width) * look->contain;
        height += ((fit_height < height ? fit_height : height) - height) * look->contain;
    }
    double side = width < height ? width : height;
    width += (side - width) * look->square;
    height += (side - height) * look->square;
    KtBox box = {even(middle_x - width / 2), even(middle_y - height / 2), 0, 0};
    box.width = max_int(2, even(middle_x + width / 2) - box.x);
    box.height = max_int(2, even(middle_y + height / 2) - box.y);
    if (look->square == 1)
        box.width = box.height = min_int(box.width, box.height);
    return box;
}

static void tile_border(const KtCanvas *canvas, const KtPlacement *placement, KtTile *tile)
{
    double wanted = placement->look.border * canvas->height;
    int border = wanted > 0.25 ? max_int(2, even(wanted)) : 0;
    if (border > min_int(tile->box.width, tile->box.height) / 2 - 2)
        border = 0;
    double radius = placement->look.radius * min_int(tile->box.width, tile->box.height);
    tile->hole = (KtBox){tile->box.x + border, tile->box.y + border, tile->box.width - 2 * border,
                         tile->box.height - 2 * border};
    tile->border_color = kt__color_yuv(canvas->matrix, placement->border_color);
    kt__corner_set(&tile->slot->shape, radius);
    tile->shape = tile->hole_corner = &tile->slot->shape;
    if (border > 0) {
        kt__corner_set(&tile->slot->hole, radius > border ? radius - border : 0);
        tile->hole_corner = &tile->slot->hole;
    }
}

void kt__tile_place(KtTile *tile, const KtCanvas *canvas, KtSlot *slot,
                    const KtPlacement *placement, int64_t now_us)
{
    memset(tile, 0, sizeof *tile);
    tile->slot = slot;
    tile->shown = kt__slot_shown(slot, now_us);
    tile->mirror = placement->mirror != 0;
    tile->opacity = (int)(placement->look.opacity * 255 + 0.5);
    tile->box = look_box(canvas, &placement->look,
                         tile->shown == KT_SHOWN_PLACEHOLDER ? NULL : slot->frame);
    tile_border(canvas, placement, tile);
    const KtBox *hole = &tile->hole;
    tile->left = max_int(0, hole->x);
    tile->top = max_int(0, hole->y);
    tile->right = min_int(canvas->width, hole->x + hole->width);
    tile->bottom = min_int(canvas->height, hole->y + hole->height);
}

void kt__tile_load(KtTile *tile, const KtCanvas *canvas, const KtSlotConfig *config)
{
    const KtBox *hole = &tile->hole;
    if (tile->covered || tile->shown == KT_SHOWN_PLACEHOLDER || tile->left >= tile->right ||
        tile->top >= tile->bottom)
        return;
    const KtScaleGeometry geometry = {.x = hole->x,
                                      .y = hole->y,
                                      .width = hole->width,
                                      .height = hole->height,
                                      .left = tile->left,
                                      .top = tile->top,
                                      .right = tile->right,
                                      .bottom = tile->bottom,
                                      .mirror = tile->mirror};
    const KtSlotPicture loaded = kt__slot_load(tile->slot, config, geometry);
    tile->picture = loaded.picture;
    tile->alpha = loaded.alpha;
    tile->adjusted = kt__color_yuv_matrix(loaded.picture->matrix, loaded.picture->full_range,
                                          canvas->matrix, &tile->matrix);
}

/* Whether something may be seen through the tile, wherever its outline covers fully. */
static int is_see_through(const KtTile *tile)
{
    return tile->opacity < 255 || (tile->slot->translucent && tile->shown != KT_SHOWN_PLACEHOLDER);
}

/* Whether `top` alone hides everything of `tile`. */
static int hides(const KtCanvas *canvas, const KtTile *top, const KtTile *tile)
{
    int x0 = max_int(0, tile->box.x), y0 = max_int(0, tile->box.y);
    int x1 = min_int(canvas->width, tile->box.x + tile->box.width);
    int y1 = min_int(canvas->height, tile->box.y + tile->box.height);
    return !is_see_through(top) && top->shape->rows[0] == 0 && top->box.x <= x0 &&
           top->box.y <= y0 && top->box.x + top->box.width >= x1 &&
           top->box.y + top->box.height >= y1;
}

void kt__tiles_cover(const KtCanvas *canvas, KtTile *tiles, int count)
{
    for (int i = 0; i < count; i++) {
        tiles[i].covered = tiles[i].opacity == 0;
        for (int above = i + 1; above < count && !tiles[i].covered; above++)
            tiles[i].covered = hides(canvas, &tiles[above], &tiles[i]);
    }
}

void kt__tile_opaque_span(const KtTile *tile, const KtCanvas *canvas, int y, int *from, int *to)
{
    const KtBox *box = &tile->box;
    *from = *to = 0;
    if (tile->covered || is_see_through(tile) || y < box->y || y >= box->y + box->height)
        return;
    KtMaskRow row = kt__corner_row(tile->shape, 1, (y - box->y) / 2, box->height / 2);
    *from = max_int(0, box->x + 2 * row.solid);
    *to = min_int(canvas->width, box->x + box->width - 2 * row.solid);
}

static void dim_row(const KtCanvas *canvas, uint8_t *row, int black, int n)
{
    memset(canvas->row[4], DIM_COVER, (size_t)n);
    canvas->kernels->blend_mask_value(row, black, canvas->row[4], n);
}

/* The visible part of the tile's rows y and y + 1 (canvas rows), ready for the canvas. */
static void picture_rows(const KtCanvas *canvas, const KtTile *tile, int y, uint8_t *const rows[4])
{
    const KtKernels *k = canvas->kernels;
    const KtScaler *scaler = &tile->slot->scaler;
    int n = tile->right - tile->left;
    if (!tile->picture) {
        kt__placeholder_rows(tile->hole.width, tile->hole.height, tile->left - tile->hole.x,
                             tile->right - tile->hole.x, y - tile->hole.y, rows);
        return;
    }
    kt__scaler_luma(scaler, k, tile->picture, y - tile->top, rows[0]);
    kt__scaler_luma(scaler, k, tile->picture, y + 1 - tile->top, rows[1]);
    kt__scaler_chroma(scaler, k, tile->picture, (y - tile->top) / 2, rows[2], rows[3]);
    if (tile->adjusted)
        k->convert_yuv(rows[0], rows[1], rows[2], rows[3], &tile->matrix, n / 2);
    if (tile->shown == KT_SHOWN_DIMMED) {
        for (int r = 0; r < 4; r++)
            dim_row(canvas, rows[r], r < 2 ? 16 : 128, r < 2 ? n : n / 2);
    }
}

/* Blends a picture's row; dst and src belong to the span's first pixel. */
static void blend_span(const KtCanvas *canvas, const Span *span, uint8_t *dst, const uint8_t *src)
{
    uint8_t *mask = canvas->row[4];
    if (span->from >= span->to)
        return;
    kt__mask_fill(span->mask, span->width, span->from, span->to, span->opacity, mask);
    canvas->kernels->blend_mask(dst, src, mask, span->to - span->from);
}

/* Puts a picture row under its mask: the middle is copied, the edges are blended. */
static void put_row(const KtCanvas *canvas, const Span *span, uint8_t *dst, const uint8_t *src)
{
    if (span->opacity < 255) {
        blend_span(canvas, span, dst, src);
        return;
    }
    const int from = span->from, solid = span->mask->solid;
    int left = min_int(max_int(solid, from), span->to);
    int right = max_int(min_int(span->width - solid, span->to), left);
    Span head = *span, tail = *span;
    head.to = left;
    tail.from = right;
    blend_span(canvas, &head, dst, src);
    memcpy(dst + (left - from), src + (left - from), (size_t)(right - left));
    blend_span(canvas, &tail, dst + (right - from), src + (right - from));
}

/* The same of a translucent picture: rows y and y + 1 of the canvas, over what stands there. */
static void draw_see_through_pair(const KtCanvas *canvas, const KtTile *tile, int y,
                                  const KtMaskRow mask[4], uint8_t *const target[4])
{
    const KtScaler *scaler = &tile->slot->scaler;
    const KtBox *hole = &tile->hole;
    int from = tile->left - hole->x, to = tile->right - hole->x, n = to - from;
    uint8_t *luma[2] = {canvas->row[5], canvas->row[6]}, *chroma = canvas->row[7];
    picture_rows(canvas, tile, y, canvas->row);
    for (int r = 0; r < 2; r++)
        kt__scaler_luma(scaler, canvas->kernels, tile->alpha, y + r - tile->top, luma[r]);
    for (int r = 2; r < 4; r++) {
        kt__alpha_chroma(luma[0], luma[1], chroma, n / 2);
        kt__mask_fill(&mask[r], hole->width / 2, from / 2, to / 2, tile->opacity, canvas->row[4]);
        kt__alpha_over(canvas->kernels, target[r], canvas->row[r], chroma, canvas->row[4], 128,
                       n / 2);
    }
    for (int r = 0; r < 2; r++) {
        kt__mask_fill(&mask[r], hole->width, from, to, tile->opacity, canvas->row[4]);
        kt__alpha_over(canvas->kernels, target[r], canvas->row[r], luma[r], canvas->row[4], 16, n);
    }
}

static void draw_picture_pair(const KtCanvas *canvas, const KtTile *tile, int y, KtFrame *out)
{
    const KtBox *hole = &tile->hole;
    int row = y - hole->y, from = tile->left - hole->x, to = tile->right - hole->x;
    KtMaskRow mask[4] = {kt__corner_row(tile->hole_corner, 0, row, hole->height),
                         kt__corner_row(tile->hole_corner, 0, row + 1, hole->height),
                         kt__corner_row(tile->hole_corner, 1, row / 2, hole->height / 2)};
    mask[3] = mask[2];
    uint8_t *target[4] = {
        out->plane[0] + (ptrdiff_t)y * out->stride[0] + tile->left,
        out->plane[0] + (ptrdiff_t)(y + 1) * out->stride[0] + tile->left,
        out->plane[1] + (ptrdiff_t)(y / 2) * out->stride[1] + tile->left / 2,
        out->plane[2] + (ptrdiff_t)(y / 2) * out->stride[2] + tile->left / 2,
    };
    if (tile->alpha) {
        draw_see_through_pair(canvas, tile, y, mask, target);
        return;
    }
    if (tile->opacity == 255 && !mask[0].solid && !mask[1].solid && !mask[2].solid) {
        picture_rows(canvas, tile, y, target);
        return;
    }
    picture_rows(canvas, tile, y, canvas->row);
    for (int r = 0; r < 4; r++) {
        int half = r < 2 ? 1 : 2;
        const Span span = {.mask = &mask[r],
                           .width = hole->width / half,
                           .from = from / half,
                           .to = to / half,
                           .opacity = tile->opacity};
        put_row(canvas, &span, target[r], canvas->row[r]);
    }
}

/* A row of one plane of the canvas. */
typedef struct Row {
    uint8_t *pixels;
    int width;
    int x; /* where the outline begins */
} Row;

/* One colour over a span. */
static void blend_value(const KtCanvas *canvas, const Span *span, int value, const Row *row)
{
    int from = max_int(span->from, -row->x), to = min_int(span->to, row->width - row->x);
    if (from >= to)
        return;
    kt__mask_fill(span->mask, span->width, from, to, span->opacity, canvas->row[4]);
    canvas->kernels->blend_mask_value(row->pixels + row->x + from, value, canvas->row[4],
                                      to - from);
}

/* The border's part of one row: everything that the picture does not cover fully. */
static void draw_border_row(const KtCanvas *canvas, const KtTile *tile, int plane, int y,
                            KtFrame *out)
{
    int half = plane ? 2 : 1, chroma = plane != 0;
    int width = tile->box.width / half;
    int inset = (tile->hole.x - tile->box.x) / half;
    int hole_row = y - tile->hole.y / half, hole_height = tile->hole.height / half;
    int value = plane == 0   ? tile->border_color.y
                : plane == 1 ? tile->border_color.u
                             : tile->border_color.v;
    KtMaskRow mask =
        kt__corner_row(tile->shape, chroma, y - tile->box.y / half, tile->box.height / half);
    const Row row = {.pixels = out->plane[plane] + (ptrdiff_t)y * out->stride[plane],
                     .width = out->width / half,
                     .x = tile->box.x / half};
    int edge = width;
    if (hole_row >= 0 && hole_row < hole_height)
        edge = inset + kt__corner_row(tile->hole_corner, chroma, hole_row, hole_height).solid;
    Span left = {.mask = &mask, .width = width, .to = width, .opacity = tile->opacity};
    Span right = left;
    if (2 * edge >= width) {
        blend_value(canvas, &left, value, &row);
        return;
    }
    left.to = edge;
    right.from = width - edge;
    blend_value(canvas, &left, value, &row);
    blend_value(canvas, &right, value, &row);
}

void kt__tile_draw(const KtTile *tile, const KtCanvas *canvas, KtFrame *out)
{
    int bordered = tile->hole.x != tile->box.x;
    int top = max_int(0, tile->box.y);
    int bottom = min_int(canvas->height, tile->box.y + tile->box.height);
    for (int y = top; y < bottom; y += 2) {
        if (bordered) {
            draw_border_row(canvas, tile, 0, y, out);
            draw_border_row(canvas, tile, 0, y + 1, out);
            draw_border_row(canvas, tile, 1, y / 2, out);
            draw_border_row(canvas, tile, 2, y / 2, out);
        }
        if (y >= tile->top && y < tile->bottom && tile->left < tile->right)
            draw_picture_pair(canvas, tile, y, out);
    }
}
