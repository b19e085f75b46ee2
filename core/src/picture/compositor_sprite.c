/* Names and hooks: RGBA turned into Y'CbCr with alpha once, when it is shown. */
#include "compositor_internal.h"

#include <stdlib.h>
#include <string.h>

#include "composition_json.h"

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
static void convert_block(KtCompositor *c, const KtSprite *sprite, const uint8_t *rgba, int width,
                          int height, int stride_bytes, int x, int y)
{
    int sum[4] = {0, 0, 0, 0};
    for (int k = 0; k < 4; k++) {
        int px = 2 * x + (k & 1), py = 2 * y + (k >> 1);
        uint8_t *luma = plane_of(sprite, 0) + (ptrdiff_t)py * sprite->width + px;
        uint8_t *alpha = plane_of(sprite, 1) + (ptrdiff_t)py * sprite->width + px;
        *luma = 16;
        *alpha = 0;
        if (px >= width || py >= height)
            continue;
        const uint8_t *pixel = rgba + (ptrdiff_t)py * stride_bytes + 4 * px;
        kt__kernels_plain.rgb_to_y(luma, pixel, &c->rgba_matrix, 1);
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
                                &c->rgba_matrix, 1);
    plane_of(sprite, 4)[at] = (uint8_t)((sum[3] + 2) / 4);
}

int kt__sprite_opacity(const KtSprite *sprite, int64_t now_us)
{
    int goal = sprite->shown ? 255 : 0;
    int64_t passed = now_us - sprite->fade_us;
    if (passed <= 0)
        return sprite->fade_from;
    if (passed >= KT__SPRITE_FADE_US)
        return goal;
    return sprite->fade_from + (int)((goal - sprite->fade_from) * passed / KT__SPRITE_FADE_US);
}

void kt__sprite_reset(KtSprite *sprite)
{
    free(sprite->planes);
    memset(sprite, 0, sizeof *sprite);
}

static KtSprite *find_sprite(KtCompositor *c, const char *id)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        if (c->sprites[i].id[0] && strcmp(c->sprites[i].id, id) == 0)
            return &c->sprites[i];
    }
    return NULL;
}

/* A free place, or the one of a sprite that has faded out. */
static KtSprite *free_sprite(KtCompositor *c, int64_t now_us)
{
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        KtSprite *s = &c->sprites[i];
        if (!s->id[0])
            return s;
        if (!s->shown && kt__sprite_opacity(s, now_us) == 0) {
            kt__sprite_reset(s);
            return s;
        }
    }
    return NULL;
}

KtStatus kt_compositor_show_sprite(KtCompositor *c, const char *id, KtSpriteKind kind,
                                   const char *source_id, const uint8_t *rgba, int width,
                                   int height, int stride_bytes, int64_t now_us)
{
    if (!c || !kt__composition_id_ok(id) || kind < KT_SPRITE_NAME ||
        kind > KT_SPRITE_BOTTOM_RIGHT || !source_id ||
        (source_id[0] && !kt__composition_id_ok(source_id)) || !rgba || width < 1 || height < 1 ||
        width > KT_SPRITE_MAX_SIDE || height > KT_SPRITE_MAX_SIDE || stride_bytes < 4 * width)
        return KT_ERR_ARG;
    KtSprite *sprite = find_sprite(c, id), *place = sprite ? sprite : free_sprite(c, now_us);
    if (!place)
        return KT_ERR_LIMIT;
    KtSprite fresh = {.kind = kind, .shown = 1, .fade_us = now_us};
    fresh.width = (width + 1) / 2 * 2;
    fresh.height = (height + 1) / 2 * 2;
    fresh.fade_from = sprite ? kt__sprite_opacity(sprite, now_us) : 0;
    fresh.planes = malloc((size_t)sprite_capacity(fresh.width, fresh.height));
    if (!fresh.planes)
        return KT_ERR_MEMORY;
    for (int y = 0; y < fresh.height / 2; y++) {
        for (int x = 0; x < fresh.width / 2; x++)
            convert_block(c, &fresh, rgba, width, height, stride_bytes, x, y);
    }
    memcpy(fresh.id, id, strlen(id) + 1);
    memcpy(fresh.source_id, source_id, strlen(source_id) + 1);
    free(place->planes);
    *place = fresh;
    c->dirty = 1;
    return KT_OK;
}

KtStatus kt_compositor_hide_sprite(KtCompositor *c, const char *id, int64_t now_us)
{
    KtSprite *sprite = c && id ? find_sprite(c, id) : NULL;
    if (!sprite || !sprite->shown)
        return KT_ERR_NOT_FOUND;
    sprite->fade_from = kt__sprite_opacity(sprite, now_us);
    sprite->fade_us = now_us;
    sprite->shown = 0;
    c->dirty = 1;
    return KT_OK;
}

/* Blends a plane of the sprite over the part of the frame's plane that it meets. */
static void draw_plane(KtCompositor *c, uint8_t *dst, int dst_stride, int dst_width, int dst_height,
                       const uint8_t *src, const uint8_t *alpha, int width, int height, int x,
                       int y, int opacity)
{
    int left = x < 0 ? -x : 0, right = x + width > dst_width ? dst_width - x : width;
    int top = y < 0 ? -y : 0, bottom = y + height > dst_height ? dst_height - y : height;
    if (left >= right)
        return;
    for (int row = top; row < bottom; row++) {
        const uint8_t *mask = alpha + (ptrdiff_t)row * width + left;
        if (opacity < 255) {
            c->kernels->scale_mask(c->row[4], mask, opacity, right - left);
            mask = c->row[4];
        }
        c->kernels->blend_mask(dst + (ptrdiff_t)(y + row) * dst_stride + x + left,
                               src + (ptrdiff_t)row * width + left, mask, right - left);
    }
}

void kt__sprite_draw(KtCompositor *c, const KtSprite *sprite, int x, int y, int opacity,
                     KtFrame *out)
{
    int w = sprite->width, h = sprite->height;
    draw_plane(c, out->plane[0], out->stride[0], out->width, out->height, plane_of(sprite, 0),
               plane_of(sprite, 1), w, h, x, y, opacity);
    for (int p = 1; p < 3; p++)
        draw_plane(c, out->plane[p], out->stride[p], out->width / 2, out->height / 2,
                   plane_of(sprite, p + 1), plane_of(sprite, 4), w / 2, h / 2, x / 2, y / 2,
                   opacity);
}
