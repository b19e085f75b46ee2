/* The compositor's public edge: sources, compositions, one picture after another, and questions
 * about what is visible. Its parts own their state and do not know it. */
#include "keeptake/compositor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "composition_json.h"
#include "compositor_backdrop.h"
#include "compositor_motion.h"
#include "compositor_sprite.h"
#include "compositor_tile.h"

struct KtCompositor {
    /* fixed at creation */
    KtCanvas canvas;
    KtSlotConfig slot_config;
    KtFramePool *pool; /* converted pictures */

    /* changes while running */
    KtSlot slots[KT__SLOTS];
    KtComposition composition;
    KtMotion motion; /* of the slots, by their numbers */
    KtBackdrops backdrops;
    KtSprites sprites;
    int64_t now_us; /* latest time of any call */
    int64_t composed_us;
    int composed; /* compose was called */
    int dirty;
};

static int config_valid(const KtCompositorConfig *config)
{
    return config->width >= KT_CANVAS_MIN_SIDE && config->width <= KT_CANVAS_MAX_WIDTH &&
           config->height >= KT_CANVAS_MIN_SIDE && config->height <= KT_CANVAS_MAX_HEIGHT &&
           config->width * config->height <= 1920 * 1080 && config->width % 2 == 0 &&
           config->height % 2 == 0 &&
           (config->matrix == KT_COLOR_BT601 || config->matrix == KT_COLOR_BT709);
}

static int slot_of(const void *context, const char *id)
{
    const KtSlot *slots = context;
    for (int i = 0; i < KT__SLOTS; i++) {
        if (slots[i].known && strcmp(slots[i].id, id) == 0)
            return i;
    }
    return -1;
}

/* Starts moving from what is visible at now_us to the composition and the sources known now. */
static void retarget(KtCompositor *c, int64_t now_us)
{
    const KtAim aim = {.composition = &c->composition,
                       .aspect = (double)c->canvas.width / c->canvas.height,
                       .duration_us = c->composed ? c->composition.transition_us : 0,
                       .slot_of = slot_of,
                       .context = c->slots};
    kt__backdrops_aim(&c->backdrops, &c->composition.background,
                      kt__motion_progress(&c->motion, now_us), c->composed);
    kt__motion_aim(&c->motion, &aim, now_us);
    c->dirty = 1;
}

/* All that is fixed; what was made before a failure is destroyed with the rest. */
static KtStatus init_parts(KtCompositor *c, const KtCompositorConfig *config)
{
    const KtKernels *kernels = kt__kernels(config->force_plain_kernels);
    const int width = config->width, height = config->height;
    c->canvas.width = width;
    c->canvas.height = height;
    c->canvas.matrix = c->slot_config.matrix = config->matrix;
    c->canvas.kernels = c->slot_config.kernels = kernels;
    c->slot_config.shorter_side = width < height ? width : height;
    c->slot_config.longer_side = width < height ? height : width;
    kt__color_rgb_matrix(config->matrix, KT_PIXEL_RGBA, &c->slot_config.rgba_matrix);
    kt__color_rgb_matrix(config->matrix, KT_PIXEL_BGRA, &c->slot_config.bgra_matrix);
    KtStatus status = kt__canvas_init(&c->canvas);
    if (status == KT_OK)
        status = kt_frame_pool_create(4 * KT__SLOTS, &c->pool);
    if (status == KT_OK)
        status = kt__backdrops_init(&c->backdrops, width, height, config->matrix, kernels);
    if (status == KT_OK)
        status = kt__sprites_init(&c->sprites, width, height, config->matrix, kernels);
    c->slot_config.pool = c->pool;
    return status;
}

KtStatus kt_compositor_create(const KtCompositorConfig *config, KtCompositor **out)
{
    if (!config || !out || !config_valid(config))
        return KT_ERR_ARG;
    KtCompositor *c = calloc(1, sizeof *c);
    if (!c)
        return KT_ERR_MEMORY;
    c->now_us = c->composed_us = INT64_MIN;
    c->composition.background.color = 0x14171c;
    KtStatus status = init_parts(c, config);
    if (status != KT_OK) {
        kt_compositor_destroy(&c);
        return status;
    }
    retarget(c, 0);
    *out = c;
    return KT_OK;
}

void kt_compositor_destroy(KtCompositor **compositor)
{
    if (!compositor || !*compositor)
        return;
    KtCompositor *c = *compositor;
    *compositor = NULL;
    for (int i = 0; i < KT__SLOTS; i++)
        kt__slot_reset(&c->slots[i]);
    kt__sprites_reset(&c->sprites);
    kt__backdrops_reset(&c->backdrops);
    kt_frame_pool_destroy(&c->pool);
    kt__canvas_reset(&c->canvas);
    free(c);
}

static void note_time(KtCompositor *c, int64_t now_us)
{
    if (now_us > c->now_us)
        c->now_us = now_us;
}

static int64_t latest_time(const KtCompositor *c)
{
    return c->now_us == INT64_MIN ? 0 : c->now_us;
}

static KtSlot *known_slot(KtCompositor *c, int handle)
{
    if (!c || handle < 0 || handle >= KT__SLOTS || !c->slots[handle].known)
        return NULL;
    return &c->slots[handle];
}

/* An unused slot, or one whose removed source is only leaving the picture. */
static int free_slot(KtCompositor *c)
{
    for (int i = 0; i < KT__SLOTS; i++) {
        if (!c->slots[i].used)
            return i;
    }
    for (int i = 0; i < KT__SLOTS; i++) {
        if (!c->slots[i].known) {
            kt__motion_drop(&c->motion, i);
            kt__slot_reset(&c->slots[i]);
            return i;
        }
    }
    return -1;
}

int kt_compositor_add_source(KtCompositor *c, const char *id)
{
    if (!c || !kt__composition_id_ok(id) || slot_of(c->slots, id) >= 0)
        return KT_ERR_ARG;
    int handle = free_slot(c);
    if (handle < 0)
        return KT_ERR_LIMIT;
    KtStatus status = kt__slot_init(&c->slots[handle], &c->slot_config, id, latest_time(c));
    if (status != KT_OK)
        return status;
    retarget(c, latest_time(c));
    return handle;
}

KtStatus kt_compositor_remove_source(KtCompositor *c, int handle, int64_t now_us)
{
    KtSlot *slot = known_slot(c, handle);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    note_time(c, now_us);
    slot->known = 0;
    retarget(c, latest_time(c));
    return KT_OK;
}

KtStatus kt_compositor_push_frame(KtCompositor *c, int handle, KtFrame *frame, int64_t now_us)
{
    KtSlot *slot = known_slot(c, handle);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    KtStatus status = kt__slot_push(slot, &c->slot_config, frame, now_us);
    if (status != KT_OK)
        return status;
    note_time(c, now_us);
    c->dirty = 1;
    return KT_OK;
}

KtStatus kt_compositor_keep_picture(KtCompositor *c, int handle, int64_t now_us)
{
    KtSlot *slot = known_slot(c, handle);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    note_time(c, now_us);
    if (slot->frame) {
        c->dirty = c->dirty || now_us - slot->seen_us >= KT_STALL_US;
        slot->seen_us = now_us;
    }
    return KT_OK;
}

void kt_compositor_forgive(KtCompositor *c, int64_t from_us, int64_t to_us)
{
    if (!c || to_us <= from_us)
        return;
    for (int i = 0; i < KT__SLOTS; i++) {
        KtSlot *slot = &c->slots[i];
        if (slot->known && slot->seen_us <= from_us)
            slot->seen_us += to_us - from_us;
    }
}

KtStatus kt_compositor_set_video_muted(KtCompositor *c, int handle, int muted)
{
    KtSlot *slot = known_slot(c, handle);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    c->dirty = c->dirty || slot->muted != !!muted;
    slot->muted = !!muted;
    return KT_OK;
}

static int within(double value, double low, double high)
{
    return value >= low && value <= high; /* false for NaN */
}

static int source_valid(const KtComposition *composition, int index)
{
    const KtCompositionSource *s = &composition->sources[index];
    if (!memchr(s->id, 0, sizeof s->id) || !kt__composition_id_ok(s->id))
        return 0;
    for (int i = 0; i < index; i++) {
        if (strcmp(composition->sources[i].id, s->id) == 0)
            return 0;
    }
    const KtRect *r = &s->placement;
    if (s->has_placement && !(within(r->x, -2, 2) && within(r->y, -2, 2) && r->width > 0 &&
                              r->width <= 4 && r->height > 0 && r->height <= 4))
        return 0;
    return s->z >= -1000 && s->z <= 1000 && s->shape >= KT_SHAPE_RECTANGLE &&
           s->shape <= KT_SHAPE_CIRCLE && within(s->radius, 0, 0.5) &&
           (s->fit == KT_FIT_COVER || s->fit == KT_FIT_CONTAIN) && within(s->border, 0, 0.05) &&
           within(s->opacity, 0, 1);
}

static int composition_valid(const KtComposition *composition)
{
    const KtComposition *k = composition;
    const KtBackground *b = &k->background;
    if (k->layout < KT_LAYOUT_GRID || k->layout > KT_LAYOUT_FREE || !within(k->gap, 0, 0.2) ||
        k->transition_us < 0 || k->transition_us > 2000000 || k->source_count < 0 ||
        k->source_count > KT_MAX_SOURCES || !memchr(k->focus, 0, sizeof k->focus) ||
        (k->focus[0] && !kt__composition_id_ok(k->focus)))
        return 0;
    if (b->kind < KT_BACKGROUND_COLOR || b->kind > KT_BACKGROUND_IMAGE ||
        !memchr(b->image, 0, sizeof b->image) ||
        (b->kind == KT_BACKGROUND_IMAGE && !kt__composition_id_ok(b->image)) ||
        (b->kind == KT_BACKGROUND_GRADIENT && !within(b->angle_degrees, -3600, 3600)))
        return 0;
    for (int i = 0; i < k->source_count; i++) {
        if (!source_valid(k, i))
            return 0;
    }
    return 1;
}

KtStatus kt_compositor_set_composition(KtCompositor *c, const KtComposition *composition,
                                       int64_t now_us)
{
    if (!c || !composition || !composition_valid(composition))
        return KT_ERR_ARG;
    note_time(c, now_us);
    c->composition = *composition;
    retarget(c, latest_time(c));
    return KT_OK;
}

static int pixels_valid(const KtPixels *p, int most)
{
    return p->rgba && p->width >= 1 && p->height >= 1 && p->width <= most && p->height <= most &&
           p->stride_bytes >= 4 * p->width;
}

KtStatus kt_compositor_set_image(KtCompositor *c, const char *id, const uint8_t *rgba, int width,
                                 int height, int stride_bytes)
{
    const KtPixels pixels = {rgba, width, height, stride_bytes};
    if (!c || !kt__composition_id_ok(id) || !pixels_valid(&pixels, KT_FRAME_MAX_SIDE))
        return KT_ERR_ARG;
    KtStatus status = kt__backdrops_set_image(&c->backdrops, id, &pixels);
    c->dirty = c->dirty || status == KT_OK;
    return status;
}

KtStatus kt_compositor_remove_image(KtCompositor *c, const char *id)
{
    if (!c || !kt__composition_id_ok(id))
        return KT_ERR_ARG;
    KtStatus status = kt__backdrops_remove_image(&c->backdrops, id);
    c->dirty = c->dirty || status == KT_OK;
    return status;
}

KtStatus kt_compositor_show_sprite(KtCompositor *c, const char *id, KtSpriteKind kind,
                                   const char *source_id, const uint8_t *rgba, int width,
                                   int height, int stride_bytes, int64_t now_us)
{
    const KtSpriteSpec spec = {.id = id,
                               .kind = kind,
                               .source_id = source_id,
                               .pixels = {rgba, width, height, stride_bytes}};
    if (!c || !kt__composition_id_ok(id) || kind < KT_SPRITE_NAME ||
        kind > KT_SPRITE_BOTTOM_RIGHT || !source_id ||
        (source_id[0] && !kt__composition_id_ok(source_id)) ||
        !pixels_valid(&spec.pixels, KT_SPRITE_MAX_SIDE))
        return KT_ERR_ARG;
    KtStatus status = kt__sprites_show(&c->sprites, &spec, now_us);
    c->dirty = c->dirty || status == KT_OK;
    return status;
}

KtStatus kt_compositor_hide_sprite(KtCompositor *c, const char *id, int64_t now_us)
{
    if (!c || !id)
        return KT_ERR_NOT_FOUND;
    KtStatus status = kt__sprites_hide(&c->sprites, id, now_us);
    c->dirty = c->dirty || status == KT_OK;
    return status;
}

static void draw_background_pair(KtCompositor *c, int y, int from, int to, int weight, KtFrame *out)
{
    for (int k = 0; k < 2; k++)
        kt__backdrops_span(&c->backdrops, 0, y + k, from, to, weight,
                           out->plane[0] + (ptrdiff_t)(y + k) * out->stride[0]);
    for (int p = 1; p < 3; p++)
        kt__backdrops_span(&c->backdrops, p, y / 2, from / 2, to / 2, weight,
                           out->plane[p] + (ptrdiff_t)(y / 2) * out->stride[p]);
}

/* The background where no opaque tile stands. */
static void draw_background(KtCompositor *c, const KtTile *tiles, int count, int weight,
                            KtFrame *out)
{
    for (int y = 0; y < c->canvas.height; y += 2) {
        int x = 0;
        while (x < c->canvas.width) {
            int next = c->canvas.width, skip = x;
            for (int i = 0; i < count; i++) {
                int from, to;
                kt__tile_opaque_span(&tiles[i], &c->canvas, y, &from, &to);
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

/* Once a transition is over, what it came from and removed sources are let go. */
static void settle(KtCompositor *c, int64_t now_us)
{
    if (!kt__motion_settle(&c->motion, now_us))
        return;
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

/* The tiles from the lowest to the highest with their names, then the hooks, then the corners. */
static void draw_tiles(KtCompositor *c, const KtTile *tiles, int count, int64_t now_us,
                       KtFrame *out)
{
    const KtBox canvas = {0, 0, out->width, out->height};
    KtSprites *sprites = &c->sprites;
    for (int i = 0; i < count; i++) {
        const KtTile *t = &tiles[i];
        if (t->covered)
            continue;
        kt__tile_draw(t, &c->canvas, out);
        kt__sprites_draw(sprites, KT_SPRITE_NAME, t->slot->id, &t->box, t->opacity, now_us, out);
    }
    for (int i = 0; i < count; i++)
        kt__sprites_draw(sprites, KT_SPRITE_HOOK, tiles[i].slot->id, &tiles[i].box,
                         tiles[i].opacity, now_us, out);
    kt__sprites_draw(sprites, KT_SPRITE_NAME, "", &canvas, 255, now_us, out);
    kt__sprites_draw(sprites, KT_SPRITE_HOOK, "", &canvas, 255, now_us, out);
    kt__sprites_draw_corners(sprites, now_us, out);
}

KtStatus kt_compositor_compose(KtCompositor *c, int64_t now_us, KtFrame *out)
{
    KtPlacement placements[KT__SLOTS];
    KtTile tiles[KT__SLOTS];
    if (!c || !out || out->format != KT_PIXEL_I420 || out->refs != 1 ||
        out->width != c->canvas.width || out->height != c->canvas.height)
        return KT_ERR_ARG;
    if (c->composed && now_us < c->composed_us)
        return KT_ERR_ORDER;
    if (!c->composed)
        start_silence(c, now_us);
    settle(c, now_us);
    int count = kt__motion_placements(&c->motion, now_us, placements);
    for (int i = 0; i < count; i++)
        kt__tile_place(&tiles[i], &c->canvas, &c->slots[placements[i].slot], &placements[i],
                       now_us);
    kt__tiles_cover(&c->canvas, tiles, count);
    for (int i = 0; i < count; i++)
        kt__tile_load(&tiles[i], &c->canvas, &c->slot_config);
    int weight = (int)(kt__motion_progress(&c->motion, now_us) * 256 + 0.5);
    draw_background(c, tiles, count, weight, out);
    draw_tiles(c, tiles, count, now_us, out);

    out->matrix = c->canvas.matrix;
    out->full_range = 0;
    out->pts_us = now_us;
    c->composed = 1;
    c->composed_us = now_us;
    note_time(c, now_us);
    c->dirty = 0;
    return KT_OK;
}

int kt_compositor_is_dirty(const KtCompositor *c, int64_t now_us)
{
    if (!c)
        return 0;
    if (c->dirty || !c->composed || kt__motion_runs(&c->motion, c->composed_us) ||
        kt__sprites_differ(&c->sprites, c->composed_us, now_us))
        return 1;
    for (int i = 0; i < KT__SLOTS; i++) {
        const KtSlot *s = &c->slots[i];
        if (s->used && kt__slot_shown(s, now_us) != kt__slot_shown(s, c->composed_us))
            return 1;
    }
    return 0;
}

int kt_compositor_placed(const KtCompositor *c, int64_t now_us,
                         KtPlacedSource placed[KT_MAX_SOURCES])
{
    KtPlacement list[KT__SLOTS];
    int n = 0;
    if (!c || !placed)
        return 0;
    int count = kt__motion_placements(&c->motion, now_us, list);
    for (int i = 0; i < count; i++) {
        if (list[i].source >= 0)
            placed[n++] = (KtPlacedSource){list[i].source, list[i].look.rect};
    }
    return n;
}

int kt_compositor_stalled(const KtCompositor *c, int64_t now_us, int handles[KT_MAX_SOURCES])
{
    int n = 0;
    if (!c || !handles)
        return 0;
    for (int i = 0; i < KT__SLOTS && n < KT_MAX_SOURCES; i++) {
        const KtSlot *s = &c->slots[i];
        if (s->known && !s->muted && now_us - s->seen_us >= KT_STALL_US)
            handles[n++] = i;
    }
    return n;
}
