/* Draws one picture, two luma rows and their chroma rows at a time: the background where no opaque
 * tile stands, then the tiles from the lowest to the highest, then the hooks. */
#include "compositor_internal.h"

#include <math.h>
#include <string.h>

#define DIM_COVER 128      /* of 255: how far a stalled picture goes towards black */
#define NAME_INSET 0.02    /* of the canvas height, from the tile's corner */
#define CORNER_INSET 0.035 /* of the canvas height, as NAME_INSET */

/* A box in luma pixels; x, y, width and height are even. */
typedef struct Box {
    int x, y, width, height;
} Box;

typedef struct Tile {
    KtSlot *slot;
    KtShown shown;
    int mirror;
    const KtFrame *picture; /* Y'CbCr, perhaps halved; NULL: placeholder, or not visible */
    const KtFrame *alpha;   /* as picture; NULL: opaque */
    int adjusted;
    KtYuvMatrix matrix; /* where adjusted */
    Box box, hole;      /* outline, and the picture inside the border */
    const KtCorner *shape, *hole_corner;
    KtYuv border_color;
    int opacity;                  /* 0..255 */
    int left, top, right, bottom; /* visible part of the hole */
    int covered;                  /* nothing of it can be seen */
} Tile;

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
static Box look_box(const KtCompositor *c, const KtLook *look, const KtFrame *picture)
{
    double width = look->rect.width * c->config.width;
    double height = look->rect.height * c->config.height;
    double middle_x = look->rect.x * c->config.width + width / 2;
    double middle_y = look->rect.y * c->config.height + height / 2;
    if (picture && look->contain > 0) {
        double fit_width = height * picture->width / picture->height;
        double fit_height = width * picture->height / picture->width;
        width += ((fit_width < width ? fit_width : width) - width) * look->contain;
        height += ((fit_height < height ? fit_height : height) - height) * look->contain;
    }
    double side = width < height ? width : height;
    width += (side - width) * look->square;
    height += (side - height) * look->square;
    Box box = {even(middle_x - width / 2), even(middle_y - height / 2), 0, 0};
    box.width = max_int(2, even(middle_x + width / 2) - box.x);
    box.height = max_int(2, even(middle_y + height / 2) - box.y);
    if (look->square == 1)
        box.width = box.height = min_int(box.width, box.height);
    return box;
}

/* The slot's picture as Y'CbCr. */
static const KtFrame *slot_picture(KtCompositor *c, KtSlot *slot)
{
    const KtFrame *frame = slot->frame;
    if (!kt__is_packed(frame->format))
        return frame;
    if (!slot->converted_valid) {
        int red_first = frame->format == KT_PIXEL_RGBA || frame->format == KT_PIXEL_RGBX;
        kt__color_convert_frame(c->kernels, red_first ? &c->rgba_matrix : &c->bgra_matrix, frame,
                                slot->converted);
        if (slot->translucent)
            kt__alpha_split(c->kernels, frame, slot->converted, slot->alpha);
        slot->converted->matrix = c->config.matrix;
        slot->converted->full_range = 0;
        slot->converted_valid = 1;
    }
    return slot->converted;
}

/* picture halved level times; *there: how often it is in `reduced` already. */
static const KtFrame *reduce(KtCompositor *c, KtSlot *slot, const KtFrame *picture,
                             KtFrame *reduced, int *there, int level)
{
    if (level == 0)
        return picture;
    if (*there > level)
        *there = 0;
    for (int from = *there; from < level; from++)
        kt__scaler_halve(&slot->scaler, c->kernels, from ? reduced : picture, from, picture->width,
                         picture->height, reduced);
    *there = level;
    return reduced;
}

/* The slot's picture, halved level times. */
static const KtFrame *reduced_picture(KtCompositor *c, KtSlot *slot, int level)
{
    const KtFrame *picture = slot_picture(c, slot);
    if (level == 0)
        return picture;
    reduce(c, slot, picture, slot->reduced, &slot->reduced_level, level);
    slot->reduced->matrix = picture->matrix;
    slot->reduced->full_range = picture->full_range;
    return slot->reduced;
}

static void tile_border(KtCompositor *c, const KtPlacement *placement, Tile *tile)
{
    double wanted = placement->look.border * c->config.height;
    int border = wanted > 0.25 ? max_int(2, even(wanted)) : 0;
    if (border > min_int(tile->box.width, tile->box.height) / 2 - 2)
        border = 0;
    double radius = placement->look.radius * min_int(tile->box.width, tile->box.height);
    tile->hole = (Box){tile->box.x + border, tile->box.y + border, tile->box.width - 2 * border,
                       tile->box.height - 2 * border};
    tile->border_color = kt__color_yuv(c->config.matrix, placement->border_color);
    kt__corner_set(&tile->slot->shape, radius);
    tile->shape = tile->hole_corner = &tile->slot->shape;
    if (border > 0) {
        kt__corner_set(&tile->slot->hole, radius > border ? radius - border : 0);
        tile->hole_corner = &tile->slot->hole;
    }
}

static void place_tile(KtCompositor *c, const KtPlacement *placement, int64_t now_us, Tile *tile)
{
    memset(tile, 0, sizeof *tile);
    KtSlot *slot = &c->slots[placement->slot];
    tile->slot = slot;
    tile->shown = kt__slot_shown(slot, now_us);
    tile->mirror = placement->mirror != 0;
    tile->opacity = (int)(placement->look.opacity * 255 + 0.5);
    tile->box =
        look_box(c, &placement->look, tile->shown == KT_SHOWN_PLACEHOLDER ? NULL : slot->frame);
    tile_border(c, placement, tile);
    const Box *hole = &tile->hole;
    tile->left = max_int(0, hole->x);
    tile->top = max_int(0, hole->y);
    tile->right = min_int(c->config.width, hole->x + hole->width);
    tile->bottom = min_int(c->config.height, hole->y + hole->height);
}

/* Makes the picture of a tile that can be seen ready for its rows. */
static void load_tile(KtCompositor *c, Tile *tile)
{
    KtSlot *slot = tile->slot;
    const Box *hole = &tile->hole;
    if (tile->covered || tile->shown == KT_SHOWN_PLACEHOLDER || tile->left >= tile->right ||
        tile->top >= tile->bottom)
        return;
    KtScaleGeometry geometry = {slot->frame->width, slot->frame->height, hole->x,      hole->y,
                                hole->width,        hole->height,        tile->left,   tile->top,
                                tile->right,        tile->bottom,        tile->mirror, 0};
    geometry.level = kt__scale_level(&geometry);
    tile->picture = reduced_picture(c, slot, geometry.level);
    if (slot->translucent)
        tile->alpha =
            reduce(c, slot, slot->alpha, slot->alpha_reduced, &slot->alpha_level, geometry.level);
    tile->adjusted = kt__color_yuv_matrix(tile->picture->matrix, tile->picture->full_range,
                                          c->config.matrix, &tile->matrix);
    kt__scaler_set(&slot->scaler, &geometry);
}

/* Whether something may be seen through the tile, wherever its outline covers fully. */
static int is_see_through(const Tile *tile)
{
    return tile->opacity < 255 || (tile->slot->translucent && tile->shown != KT_SHOWN_PLACEHOLDER);
}

/* Whether `top` alone hides everything of `tile`. */
static int hides(const KtCompositor *c, const Tile *top, const Tile *tile)
{
    int x0 = max_int(0, tile->box.x), y0 = max_int(0, tile->box.y);
    int x1 = min_int(c->config.width, tile->box.x + tile->box.width);
    int y1 = min_int(c->config.height, tile->box.y + tile->box.height);
    return !is_see_through(top) && top->shape->rows[0] == 0 && top->box.x <= x0 &&
           top->box.y <= y0 && top->box.x + top->box.width >= x1 &&
           top->box.y + top->box.height >= y1;
}

static void mark_covered(const KtCompositor *c, Tile *tiles, int count)
{
    for (int i = 0; i < count; i++) {
        tiles[i].covered = tiles[i].opacity == 0;
        for (int above = i + 1; above < count && !tiles[i].covered; above++)
            tiles[i].covered = hides(c, &tiles[above], &tiles[i]);
    }
}

static void draw_background_pair(KtCompositor *c, int y, int from, int to, int weight, KtFrame *out)
{
    for (int k = 0; k < 2; k++)
        kt__backdrop_span(c, 0, y + k, from, to, weight,
                          out->plane[0] + (ptrdiff_t)(y + k) * out->stride[0]);
    for (int p = 1; p < 3; p++)
        kt__backdrop_span(c, p, y / 2, from / 2, to / 2, weight,
                          out->plane[p] + (ptrdiff_t)(y / 2) * out->stride[p]);
}

/* The columns of rows y and y + 1 that a tile covers fully; empty where it does not. */
static void opaque_span(const KtCompositor *c, const Tile *tile, int y, int *from, int *to)
{
    const Box *box = &tile->box;
    *from = *to = 0;
    if (tile->covered || is_see_through(tile) || y < box->y || y >= box->y + box->height)
        return;
    KtMaskRow row = kt__corner_row(tile->shape, 1, (y - box->y) / 2, box->height / 2);
    *from = max_int(0, box->x + 2 * row.solid);
    *to = min_int(c->config.width, box->x + box->width - 2 * row.solid);
}

static void draw_background(KtCompositor *c, const Tile *tiles, int count, int weight, KtFrame *out)
{
    for (int y = 0; y < c->config.height; y += 2) {
        int x = 0;
        while (x < c->config.width) {
            int next = c->config.width, skip = x;
            for (int i = 0; i < count; i++) {
                int from, to;
                opaque_span(c, &tiles[i], y, &from, &to);
                if (from <= x && to > skip)
                    skip = to;
                else if (from > x && from < to && from < next)
                    next = from;
            }
            if (skip > x) {
                x = skip;
                continue;
            }
            draw_background_pair(c, y, x, next, weight, out);
            x = next;
        }
    }
}

static void dim_row(KtCompositor *c, uint8_t *row, int black, int n)
{
    memset(c->row[4], DIM_COVER, (size_t)n);
    c->kernels->blend_mask_value(row, black, c->row[4], n);
}

/* The visible part of the tile's rows y and y + 1 (canvas rows), ready for the canvas. */
static void picture_rows(KtCompositor *c, const Tile *tile, int y, uint8_t *const rows[4])
{
    const KtKernels *k = c->kernels;
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
            dim_row(c, rows[r], r < 2 ? 16 : 128, r < 2 ? n : n / 2);
    }
}

/* Blends shape pixels [from, to) of one row; dst and src belong to pixel `from`. */
static void blend_span(KtCompositor *c, const KtMaskRow *mask, int width, int from, int to,
                       int opacity, uint8_t *dst, const uint8_t *src)
{
    if (from >= to)
        return;
    kt__mask_fill(mask, width, from, to, opacity, c->row[4]);
    c->kernels->blend_mask(dst, src, c->row[4], to - from);
}

/* Puts a picture row under its mask: the middle is copied, the edges are blended. */
static void put_row(KtCompositor *c, const KtMaskRow *mask, int width, int from, int to,
                    int opacity, uint8_t *dst, const uint8_t *src)
{
    if (opacity < 255) {
        blend_span(c, mask, width, from, to, opacity, dst, src);
        return;
    }
    int left = min_int(max_int(mask->solid, from), to);
    int right = max_int(min_int(width - mask->solid, to), left);
    blend_span(c, mask, width, from, left, opacity, dst, src);
    memcpy(dst + (left - from), src + (left - from), (size_t)(right - left));
    blend_span(c, mask, width, right, to, opacity, dst + (right - from), src + (right - from));
}

/* The same of a translucent picture: rows y and y + 1 of the canvas, over what stands there. */
static void draw_see_through_pair(KtCompositor *c, const Tile *tile, int y, const KtMaskRow mask[4],
                                  uint8_t *const target[4])
{
    const KtScaler *scaler = &tile->slot->scaler;
    const Box *hole = &tile->hole;
    int from = tile->left - hole->x, to = tile->right - hole->x, n = to - from;
    uint8_t *luma[2] = {c->row[6], c->row[7]}, *chroma = c->row[8];
    picture_rows(c, tile, y, c->row);
    for (int r = 0; r < 2; r++)
        kt__scaler_luma(scaler, c->kernels, tile->alpha, y + r - tile->top, luma[r]);
    for (int r = 2; r < 4; r++) {
        kt__alpha_chroma(luma[0], luma[1], chroma, n / 2);
        kt__mask_fill(&mask[r], hole->width / 2, from / 2, to / 2, tile->opacity, c->row[4]);
        kt__alpha_over(c->kernels, target[r], c->row[r], chroma, c->row[4], 128, n / 2);
    }
    for (int r = 0; r < 2; r++) {
        kt__mask_fill(&mask[r], hole->width, from, to, tile->opacity, c->row[4]);
        kt__alpha_over(c->kernels, target[r], c->row[r], luma[r], c->row[4], 16, n);
    }
}

static void draw_picture_pair(KtCompositor *c, const Tile *tile, int y, KtFrame *out)
{
    const Box *hole = &tile->hole;
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
        draw_see_through_pair(c, tile, y, mask, target);
        return;
    }
    if (tile->opacity == 255 && !mask[0].solid && !mask[1].solid && !mask[2].solid) {
        picture_rows(c, tile, y, target);
        return;
    }
    picture_rows(c, tile, y, c->row);
    for (int r = 0; r < 4; r++) {
        int half = r < 2 ? 1 : 2;
        put_row(c, &mask[r], hole->width / half, from / half, to / half, tile->opacity, target[r],
                c->row[r]);
    }
}

/* One colour over shape pixels [from, to) of a row that starts at column x of dst. */
static void blend_value(KtCompositor *c, const KtMaskRow *mask, int width, int from, int to,
                        int opacity, int value, uint8_t *dst, int x, int dst_width)
{
    from = max_int(from, -x);
    to = min_int(to, dst_width - x);
    if (from >= to)
        return;
    kt__mask_fill(mask, width, from, to, opacity, c->row[4]);
    c->kernels->blend_mask_value(dst + x + from, value, c->row[4], to - from);
}

/* The border's part of one row: everything that the picture does not cover fully. */
static void draw_border_row(KtCompositor *c, const Tile *tile, int plane, int y, KtFrame *out)
{
    int half = plane ? 2 : 1, chroma = plane != 0;
    int width = tile->box.width / half, x = tile->box.x / half;
    int inset = (tile->hole.x - tile->box.x) / half;
    int hole_row = y - tile->hole.y / half, hole_height = tile->hole.height / half;
    int value = plane == 0   ? tile->border_color.y
                : plane == 1 ? tile->border_color.u
                             : tile->border_color.v;
    KtMaskRow mask =
        kt__corner_row(tile->shape, chroma, y - tile->box.y / half, tile->box.height / half);
    uint8_t *dst = out->plane[plane] + (ptrdiff_t)y * out->stride[plane];
    int edge = width;
    if (hole_row >= 0 && hole_row < hole_height)
        edge = inset + kt__corner_row(tile->hole_corner, chroma, hole_row, hole_height).solid;
    if (2 * edge >= width) {
        blend_value(c, &mask, width, 0, width, tile->opacity, value, dst, x, out->width / half);
        return;
    }
    blend_value(c, &mask, width, 0, edge, tile->opacity, value, dst, x, out->width / half);
    blend_value(c, &mask, width, width - edge, width, tile->opacity, value, dst, x,
                out->width / half);
}

static void draw_tile(KtCompositor *c, const Tile *tile, KtFrame *out)
{
    int bordered = tile->hole.x != tile->box.x;
    int top = max_int(0, tile->box.y);
    int bottom = min_int(c->config.height, tile->box.y + tile->box.height);
    for (int y = top; y < bottom; y += 2) {
        if (bordered) {
            draw_border_row(c, tile, 0, y, out);
            draw_border_row(c, tile, 0, y + 1, out);
            draw_border_row(c, tile, 1, y / 2, out);
            draw_border_row(c, tile, 2, y / 2, out);
        }
        if (y >= tile->top && y < tile->bottom && tile->left < tile->right)
            draw_picture_pair(c, tile, y, out);
    }
}

static int keep_inside(int at, int size, int canvas)
{
    if (size >= canvas)
        return even((canvas - size) / 2.0);
    return max_int(0, min_int(at, canvas - size));
}

/* Height that name tags take up at the lower edge of the picture; a hook leaves it free. */
static int name_zone(const KtCompositor *c)
{
    int tallest = 0;
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *s = &c->sprites[i];
        if (s->id[0] && s->shown && s->kind == KT_SPRITE_NAME)
            tallest = max_int(tallest, s->height);
    }
    return tallest ? tallest + even(NAME_INSET * c->config.height) : 0;
}

/* In the middle of the lower third; higher up where it would not fit between that and the names. */
static void draw_hook(KtCompositor *c, const KtSprite *sprite, const Box *box, int opacity,
                      KtFrame *out)
{
    int inset = even(NAME_INSET * c->config.height);
    int x = even(box->x + (box->width - sprite->width) / 2.0);
    int lowest = box->y + box->height - name_zone(c) - inset - sprite->height;
    int y = min_int(even(box->y + box->height * 5 / 6.0 - sprite->height / 2.0), even(lowest));
    kt__sprite_draw(c, sprite, keep_inside(x, sprite->width, out->width),
                    keep_inside(y, sprite->height, out->height), opacity, out);
}

static void draw_name(KtCompositor *c, const KtSprite *sprite, const Box *box, int opacity,
                      KtFrame *out)
{
    int inset = even(NAME_INSET * c->config.height);
    int x = box->x + inset, y = box->y + box->height - inset - sprite->height;
    kt__sprite_draw(c, sprite, keep_inside(x, sprite->width, out->width),
                    keep_inside(y, sprite->height, out->height), opacity, out);
}

static void draw_corner(KtCompositor *c, const KtSprite *sprite, int opacity, KtFrame *out)
{
    int inset = even(CORNER_INSET * c->config.height);
    int right = sprite->kind == KT_SPRITE_TOP_RIGHT || sprite->kind == KT_SPRITE_BOTTOM_RIGHT;
    int bottom = sprite->kind == KT_SPRITE_BOTTOM_LEFT || sprite->kind == KT_SPRITE_BOTTOM_RIGHT;
    int x = right ? out->width - inset - sprite->width : inset;
    int y = bottom ? out->height - inset - sprite->height : inset;
    kt__sprite_draw(c, sprite, keep_inside(even(x), sprite->width, out->width),
                    keep_inside(even(y), sprite->height, out->height), opacity, out);
}

static void draw_corners(KtCompositor *c, int64_t now_us, KtFrame *out)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *s = &c->sprites[i];
        int opacity = s->id[0] && s->kind >= KT_SPRITE_TOP_LEFT ? kt__sprite_opacity(s, now_us) : 0;
        if (opacity > 0)
            draw_corner(c, s, opacity, out);
    }
}

/* Sprites of one kind: of one tile, or of none (tile NULL). */
static void draw_sprites(KtCompositor *c, KtSpriteKind kind, const Tile *tile, int64_t now_us,
                         KtFrame *out)
{
    Box canvas = {0, 0, out->width, out->height};
    const char *source_id = tile ? tile->slot->id : "";
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *s = &c->sprites[i];
        if (!s->id[0] || s->kind != kind || strcmp(s->source_id, source_id) != 0)
            continue;
        int opacity = kt__sprite_opacity(s, now_us);
        if (tile)
            opacity = (opacity * tile->opacity + 127) / 255;
        if (opacity == 0)
            continue;
        if (kind == KT_SPRITE_NAME)
            draw_name(c, s, tile ? &tile->box : &canvas, opacity, out);
        else
            draw_hook(c, s, tile ? &tile->box : &canvas, opacity, out);
    }
}

/* Once a transition is over, removed sources and what it came from are let go. */
static void settle(KtCompositor *c, int64_t now_us)
{
    if (kt__motion_progress(c, now_us) < 1)
        return;
    c->from_count = 0;
    for (int i = 0; i < KT__SLOTS; i++) {
        if (c->slots[i].used && !c->slots[i].known)
            kt__slot_reset(&c->slots[i]);
    }
}

/* Sources added before any time was known are silent from the first picture on. */
static void start_silence(KtCompositor *c, int64_t now_us)
{
    for (int i = 0; i < KT__SLOTS; i++) {
        if (c->slots[i].known && !c->slots[i].frame)
            c->slots[i].seen_us = now_us;
    }
}

KtStatus kt_compositor_compose(KtCompositor *c, int64_t now_us, KtFrame *out)
{
    KtPlacement placements[KT__SLOTS];
    Tile tiles[KT__SLOTS];
    if (!c || !out || out->format != KT_PIXEL_I420 || out->refs != 1 ||
        out->width != c->config.width || out->height != c->config.height)
        return KT_ERR_ARG;
    if (c->composed && now_us < c->composed_us)
        return KT_ERR_ORDER;
    if (!c->composed)
        start_silence(c, now_us);
    settle(c, now_us);
    int count = kt__motion_placements(c, now_us, placements);
    for (int i = 0; i < count; i++)
        place_tile(c, &placements[i], now_us, &tiles[i]);
    mark_covered(c, tiles, count);
    for (int i = 0; i < count; i++)
        load_tile(c, &tiles[i]);
    int weight = (int)(kt__motion_progress(c, now_us) * 256 + 0.5);
    draw_background(c, tiles, count, weight, out);
    for (int i = 0; i < count; i++) {
        if (tiles[i].covered)
            continue;
        draw_tile(c, &tiles[i], out);
        draw_sprites(c, KT_SPRITE_NAME, &tiles[i], now_us, out);
    }
    for (int i = 0; i < count; i++)
        draw_sprites(c, KT_SPRITE_HOOK, &tiles[i], now_us, out);
    draw_sprites(c, KT_SPRITE_NAME, NULL, now_us, out);
    draw_sprites(c, KT_SPRITE_HOOK, NULL, now_us, out);
    draw_corners(c, now_us, out);

    out->matrix = c->config.matrix;
    out->full_range = 0;
    out->pts_us = now_us;
    c->composed = 1;
    c->composed_us = now_us;
    if (now_us > c->now_us)
        c->now_us = now_us;
    c->dirty = 0;
    return KT_OK;
}
