/* Names and hooks: RGBA turned into Y'CbCr with alpha once, when it is shown. */
#include "compositor_sprite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compositor_color.h"

#define ROW_SLACK 64       /* kernels write whole vectors */
#define NAME_INSET 0.02    /* of the canvas height, from the tile's corner */
#define CORNER_INSET 0.035 /* of the canvas height, as NAME_INSET */

static int sprite_capacity(int width, int height)
{
    return width * height * 2 + width * height / 4 * 3;
}

static uint8_t *plane_of(const KtSprite *sprite, int plane)
{
    size_t luma = (size_t)sprite->width * (size_t)sprite->height;
    static const uint8_t quarters[5] = {0, 4, 8, 9, 10};
    return sprite->planes + luma / 4 * quarters[plane];
}

/* One chroma pixel: colours weighted by alpha, so that what is invisible has no say. */
static void convert_block(const KtRgbMatrix *matrix, const KtSprite *sprite, const KtPixels *pixels,
                          int x, int y)
{
    int sum[4] = {0, 0, 0, 0};
    for (int k = 0; k < 4; k++) {
        int px = 2 * x + (k & 1), py = 2 * y + (k >> 1);
        uint8_t *luma = plane_of(sprite, 0) + (ptrdiff_t)py * sprite->width + px;
        uint8_t *alpha = plane_of(sprite, 1) + (ptrdiff_t)py * sprite->width + px;
        *luma = 16;
        *alpha = 0;
        if (px >= pixels->width || py >= pixels->height)
            continue;
        const uint8_t *pixel = pixels->rgba + (ptrdiff_t)py * pixels->stride_bytes + 4 * px;
        kt__kernels_plain.rgb_to_y(luma, pixel, matrix, 1);
        *alpha = pixel[3];
        for (int b = 0; b < 3; b++)
            sum[b] += pixel[b] * pixel[3];
        sum[3] += pixel[3];
    }
    uint8_t mean[4] = {0, 0, 0, 255};
    for (int b = 0; b < 3 && sum[3] > 0; b++)
        mean[b] = (uint8_t)((sum[b] + sum[3] / 2) / sum[3]);
    ptrdiff_t at = (ptrdiff_t)y * (sprite->width / 2) + x;
    kt__kernels_plain.rgb_to_uv(plane_of(sprite, 2) + at, plane_of(sprite, 3) + at, mean, mean,
                                matrix, 1);
    plane_of(sprite, 4)[at] = (uint8_t)((sum[3] + 2) / 4);
}

static int opacity_of(const KtSprite *sprite, int64_t now_us)
{
    int goal = sprite->shown ? 255 : 0;
    int64_t passed = now_us - sprite->fade_us;
    if (passed <= 0)
        return sprite->fade_from;
    if (passed >= KT__SPRITE_FADE_US)
        return goal;
    return sprite->fade_from + (int)((goal - sprite->fade_from) * passed / KT__SPRITE_FADE_US);
}

static void reset_sprite(KtSprite *sprite)
{
    free(sprite->planes);
    memset(sprite, 0, sizeof *sprite);
}

KtStatus kt__sprites_init(KtSprites *s, int width, int height, KtColorMatrix matrix,
                          const KtKernels *kernels)
{
    s->width = width;
    s->height = height;
    s->kernels = kernels;
    kt__color_rgb_matrix(matrix, KT_PIXEL_RGBA, &s->matrix);
    s->row = calloc(1, (size_t)width + ROW_SLACK);
    return s->row ? KT_OK : KT_ERR_MEMORY;
}

void kt__sprites_reset(KtSprites *s)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++)
        reset_sprite(&s->sprites[i]);
    free(s->row);
    memset(s, 0, sizeof *s);
}

static KtSprite *find_sprite(KtSprites *s, const char *id)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        if (s->sprites[i].id[0] && strcmp(s->sprites[i].id, id) == 0)
            return &s->sprites[i];
    }
    return NULL;
}

/* A free place, or the one of a sprite that has faded out. */
static KtSprite *free_sprite(KtSprites *s, int64_t now_us)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        KtSprite *sprite = &s->sprites[i];
        if (!sprite->id[0])
            return sprite;
        if (!sprite->shown && opacity_of(sprite, now_us) == 0) {
            reset_sprite(sprite);
            return sprite;
        }
    }
    return NULL;
}

KtStatus kt__sprites_show(KtSprites *s, const KtSpriteSpec *spec, int64_t now_us)
{
    KtSprite *sprite = find_sprite(s, spec->id);
    KtSprite *place = sprite ? sprite : free_sprite(s, now_us);
    if (!place)
        return KT_ERR_LIMIT;
    KtSprite fresh = {.kind = spec->kind, .shown = 1, .fade_us = now_us};
    fresh.width = (spec->pixels.width + 1) / 2 * 2;
    fresh.height = (spec->pixels.height + 1) / 2 * 2;
    fresh.fade_from = sprite ? opacity_of(sprite, now_us) : 0;
    fresh.planes = malloc((size_t)sprite_capacity(fresh.width, fresh.height));
    if (!fresh.planes)
        return KT_ERR_MEMORY;
    for (int y = 0; y < fresh.height / 2; y++) {
        for (int x = 0; x < fresh.width / 2; x++)
            convert_block(&s->matrix, &fresh, &spec->pixels, x, y);
    }
    memcpy(fresh.id, spec->id, strlen(spec->id) + 1);
    memcpy(fresh.source_id, spec->source_id, strlen(spec->source_id) + 1);
    free(place->planes);
    *place = fresh;
    return KT_OK;
}

KtStatus kt__sprites_hide(KtSprites *s, const char *id, int64_t now_us)
{
    KtSprite *sprite = find_sprite(s, id);
    if (!sprite || !sprite->shown)
        return KT_ERR_NOT_FOUND;
    sprite->fade_from = opacity_of(sprite, now_us);
    sprite->fade_us = now_us;
    sprite->shown = 0;
    return KT_OK;
}

int kt__sprites_differ(const KtSprites *s, int64_t a_us, int64_t b_us)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *sprite = &s->sprites[i];
        if (sprite->id[0] && opacity_of(sprite, a_us) != opacity_of(sprite, b_us))
            return 1;
    }
    return 0;
}

/* ---- drawing ---- */

/* A plane of pixels, tightly packed, that goes to x, y. */
typedef struct Layer {
    const uint8_t *pixels, *alpha;
    int width, height, x, y;
} Layer;

/* A plane of the frame. */
typedef struct Target {
    uint8_t *pixels;
    int stride, width, height;
} Target;

/* Blends the part of a layer that meets the target. */
static void draw_layer(KtSprites *s, const Layer *layer, int opacity, const Target *target)
{
    int left = layer->x < 0 ? -layer->x : 0, top = layer->y < 0 ? -layer->y : 0;
    int right = layer->x + layer->width > target->width ? target->width - layer->x : layer->width;
    int bottom =
        layer->y + layer->height > target->height ? target->height - layer->y : layer->height;
    if (left >= right)
        return;
    for (int row = top; row < bottom; row++) {
        const ptrdiff_t at = (ptrdiff_t)row * layer->width + left;
        const uint8_t *mask = layer->alpha + at;
        if (opacity < 255) {
            s->kernels->scale_mask(s->row, mask, opacity, right - left);
            mask = s->row;
        }
        s->kernels->blend_mask(target->pixels + (ptrdiff_t)(layer->y + row) * target->stride +
                                   layer->x + left,
                               layer->pixels + at, mask, right - left);
    }
}

/* Draws a sprite with its left top at x, y (even), opacity 0..255. */
static void draw_at(KtSprites *s, const KtSprite *sprite, int x, int y, int opacity, KtFrame *out)
{
    for (int p = 0; p < 3; p++) {
        const int half = p ? 2 : 1;
        const Layer layer = {.pixels = plane_of(sprite, p ? p + 1 : 0),
                             .alpha = plane_of(sprite, p ? 4 : 1),
                             .width = sprite->width / half,
                             .height = sprite->height / half,
                             .x = x / half,
                             .y = y / half};
        const Target target = {.pixels = out->plane[p],
                               .stride = out->stride[p],
                               .width = out->width / half,
                               .height = out->height / half};
        draw_layer(s, &layer, opacity, &target);
    }
}

static int even(double value)
{
    return 2 * (int)floor(value / 2 + 0.5);
}

static int keep_inside(int at, int size, int canvas)
{
    if (size >= canvas)
        return even((canvas - size) / 2.0);
    return at < 0 ? 0 : at > canvas - size ? canvas - size : at;
}

/* Height that name tags take up at the lower edge of the picture; a hook leaves it free. */
static int name_zone(const KtSprites *s)
{
    int tallest = 0;
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *sprite = &s->sprites[i];
        if (sprite->id[0] && sprite->shown && sprite->kind == KT_SPRITE_NAME &&
            sprite->height > tallest)
            tallest = sprite->height;
    }
    return tallest ? tallest + even(NAME_INSET * s->height) : 0;
}

/* In the middle of the lower third; higher up where it would not fit between that and the names. */
static void draw_hook(KtSprites *s, const KtSprite *sprite, const KtBox *box, int opacity,
                      KtFrame *out)
{
    int inset = even(NAME_INSET * s->height);
    int x = even(box->x + (box->width - sprite->width) / 2.0);
    int lowest = box->y + box->height - name_zone(s) - inset - sprite->height;
    int y = even(box->y + box->height * 5 / 6.0 - sprite->height / 2.0);
    y = y < even(lowest) ? y : even(lowest);
    draw_at(s, sprite, keep_inside(x, sprite->width, out->width),
            keep_inside(y, sprite->height, out->height), opacity, out);
}

static void draw_name(KtSprites *s, const KtSprite *sprite, const KtBox *box, int opacity,
                      KtFrame *out)
{
    int inset = even(NAME_INSET * s->height);
    int x = box->x + inset, y = box->y + box->height - inset - sprite->height;
    draw_at(s, sprite, keep_inside(x, sprite->width, out->width),
            keep_inside(y, sprite->height, out->height), opacity, out);
}

static void draw_corner(KtSprites *s, const KtSprite *sprite, int opacity, KtFrame *out)
{
    int inset = even(CORNER_INSET * s->height);
    int right = sprite->kind == KT_SPRITE_TOP_RIGHT || sprite->kind == KT_SPRITE_BOTTOM_RIGHT;
    int bottom = sprite->kind == KT_SPRITE_BOTTOM_LEFT || sprite->kind == KT_SPRITE_BOTTOM_RIGHT;
    int x = right ? out->width - inset - sprite->width : inset;
    int y = bottom ? out->height - inset - sprite->height : inset;
    draw_at(s, sprite, keep_inside(even(x), sprite->width, out->width),
            keep_inside(even(y), sprite->height, out->height), opacity, out);
}

void kt__sprites_draw_corners(KtSprites *s, int64_t now_us, KtFrame *out)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *sprite = &s->sprites[i];
        if (!sprite->id[0] || sprite->kind < KT_SPRITE_TOP_LEFT)
            continue;
        int opacity = opacity_of(sprite, now_us);
        if (opacity > 0)
            draw_corner(s, sprite, opacity, out);
    }
}

void kt__sprites_draw(KtSprites *s, KtSpriteKind kind, const char *source_id, const KtBox *box,
                      int opacity, int64_t now_us, KtFrame *out)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *sprite = &s->sprites[i];
        if (!sprite->id[0] || sprite->kind != kind || strcmp(sprite->source_id, source_id) != 0)
            continue;
        int visible = (opacity_of(sprite, now_us) * opacity + 127) / 255;
        if (visible == 0)
            continue;
        if (kind == KT_SPRITE_NAME)
            draw_name(s, sprite, box, visible, out);
        else
            draw_hook(s, sprite, box, visible, out);
    }
}
