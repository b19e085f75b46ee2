/* The compositor's public edge: sources, compositions, and questions about what is visible. */
#include "compositor_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "composition_json.h"

#define ROW_SLACK 64

KtShown kt__slot_shown(const KtSlot *slot, int64_t now_us)
{
    int64_t silent_us = now_us - slot->seen_us;
    if (!slot->frame || slot->muted || silent_us >= KT__PLACEHOLDER_US)
        return KT_SHOWN_PLACEHOLDER;
    return silent_us >= KT_STALL_US ? KT_SHOWN_DIMMED : KT_SHOWN_LIVE;
}

void kt__slot_reset(KtSlot *slot)
{
    kt_frame_unref(&slot->frame);
    kt_frame_unref(&slot->converted);
    kt_frame_unref(&slot->reduced);
    kt_frame_unref(&slot->alpha);
    kt_frame_unref(&slot->alpha_reduced);
    kt__scaler_reset(&slot->scaler);
    kt__corner_reset(&slot->shape);
    kt__corner_reset(&slot->hole);
    memset(slot, 0, sizeof *slot);
}

static int config_valid(const KtCompositorConfig *config)
{
    return config->width >= KT_CANVAS_MIN_SIDE && config->width <= KT_CANVAS_MAX_WIDTH &&
           config->height >= KT_CANVAS_MIN_SIDE && config->height <= KT_CANVAS_MAX_HEIGHT &&
           config->width * config->height <= 1920 * 1080 && config->width % 2 == 0 &&
           config->height % 2 == 0 &&
           (config->matrix == KT_COLOR_BT601 || config->matrix == KT_COLOR_BT709);
}

static KtStatus make_rows(KtCompositor *c)
{
    size_t row_bytes = (size_t)c->config.width + ROW_SLACK;
    uint8_t *rows = calloc(KT__ROWS, row_bytes);
    if (!rows)
        return KT_ERR_MEMORY;
    for (size_t i = 0; i < KT__ROWS; i++)
        c->row[i] = rows + i * row_bytes;
    return KT_OK;
}

KtStatus kt_compositor_create(const KtCompositorConfig *config, KtCompositor **out)
{
    if (!config || !out || !config_valid(config))
        return KT_ERR_ARG;
    KtCompositor *c = calloc(1, sizeof *c);
    if (!c)
        return KT_ERR_MEMORY;
    c->config = *config;
    c->kernels = kt__kernels(config->force_plain_kernels);
    kt__color_rgb_matrix(config->matrix, KT_PIXEL_RGBA, &c->rgba_matrix);
    kt__color_rgb_matrix(config->matrix, KT_PIXEL_BGRA, &c->bgra_matrix);
    c->now_us = c->composed_us = INT64_MIN;
    c->composition.background.color = 0x14171c;
    KtStatus status = make_rows(c);
    if (status == KT_OK)
        status = kt_frame_pool_create(4 * KT__SLOTS, &c->pool);
    if (status == KT_OK)
        status = kt__backdrop_init(c);
    if (status != KT_OK)
        goto fail;
    kt__motion_retarget(c, 0);
    *out = c;
    return KT_OK;
fail:
    kt_compositor_destroy(&c);
    return status;
}

void kt_compositor_destroy(KtCompositor **compositor)
{
    if (!compositor || !*compositor)
        return;
    KtCompositor *c = *compositor;
    *compositor = NULL;
    for (int i = 0; i < KT__SLOTS; i++)
        kt__slot_reset(&c->slots[i]);
    for (int i = 0; i < KT_MAX_SPRITES; i++)
        kt__sprite_reset(&c->sprites[i]);
    kt__backdrop_reset(c);
    kt_frame_pool_destroy(&c->pool);
    free(c->row[0]);
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

static void drop_placement(KtPlacement *list, int *count, int slot)
{
    int n = 0;
    for (int i = 0; i < *count; i++) {
        if (list[i].slot != slot)
            list[n++] = list[i];
    }
    *count = n;
}

static void forget_slot(KtCompositor *c, int handle)
{
    drop_placement(c->from, &c->from_count, handle);
    drop_placement(c->to, &c->to_count, handle);
    kt__slot_reset(&c->slots[handle]);
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
            forget_slot(c, i);
            return i;
        }
    }
    return -1;
}

int kt_compositor_add_source(KtCompositor *c, const char *id)
{
    if (!c || !kt__composition_id_ok(id))
        return KT_ERR_ARG;
    for (int i = 0; i < KT__SLOTS; i++) {
        if (c->slots[i].known && strcmp(c->slots[i].id, id) == 0)
            return KT_ERR_ARG;
    }
    int handle = free_slot(c);
    if (handle < 0)
        return KT_ERR_LIMIT;
    KtSlot *slot = &c->slots[handle];
    int shorter = c->config.width < c->config.height ? c->config.width : c->config.height;
    if (kt__corner_init(&slot->shape, 2 * shorter) != KT_OK ||
        kt__corner_init(&slot->hole, 2 * shorter) != KT_OK) {
        kt__slot_reset(slot);
        return KT_ERR_MEMORY;
    }
    slot->used = slot->known = 1;
    slot->seen_us = latest_time(c);
    memcpy(slot->id, id, strlen(id) + 1);
    kt__motion_retarget(c, latest_time(c));
    return handle;
}

KtStatus kt_compositor_remove_source(KtCompositor *c, int handle, int64_t now_us)
{
    KtSlot *slot = known_slot(c, handle);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    note_time(c, now_us);
    slot->known = 0;
    kt__motion_retarget(c, latest_time(c));
    return KT_OK;
}

static int frame_usable(const KtFrame *frame)
{
    if (!frame || frame->refs < 1 || frame->width < 1 || frame->height < 1 ||
        frame->width > KT_FRAME_MAX_SIDE || frame->height > KT_FRAME_MAX_SIDE)
        return 0;
    int chroma = (frame->width + 1) / 2;
    const uint8_t *const *plane = (const uint8_t *const *)frame->plane;
    switch (frame->format) {
    case KT_PIXEL_I420:
        return plane[0] && plane[1] && plane[2] && frame->stride[0] >= frame->width &&
               frame->stride[1] >= chroma && frame->stride[2] >= chroma;
    case KT_PIXEL_NV12:
        return plane[0] && plane[1] && frame->stride[0] >= frame->width &&
               frame->stride[1] >= 2 * chroma;
    case KT_PIXEL_RGBA:
    case KT_PIXEL_BGRA:
    case KT_PIXEL_RGBX:
    case KT_PIXEL_BGRX:
        return plane[0] && frame->stride[0] >= 4 * frame->width;
    default:
        return 0;
    }
}

/* Makes *frame an I420 frame of this size, contents undefined. */
static KtStatus hold_planes(KtCompositor *c, KtFrame **frame, int width, int height)
{
    if (*frame && (*frame)->width == width && (*frame)->height == height)
        return KT_OK;
    kt_frame_unref(frame);
    return kt_frame_acquire(c->pool, KT_PIXEL_I420, width, height, frame);
}

/* The same for a plane of alpha; its chroma planes are of no interest, but have a value. */
static KtStatus hold_alpha(KtCompositor *c, KtFrame **frame, int width, int height)
{
    const KtFrame *before = *frame;
    KtStatus status = hold_planes(c, frame, width, height);
    if (status == KT_OK && *frame != before)
        kt_frame_fill_black(*frame);
    return status;
}

/* Memory for pictures of this size, so that composing needs none. */
static KtStatus prepare_slot(KtCompositor *c, KtSlot *slot, const KtFrame *frame, int translucent)
{
    int packed = kt__is_packed(frame->format);
    int longer = c->config.width > c->config.height ? c->config.width : c->config.height;
    KtStatus status = KT_OK;
    if (packed)
        status = hold_planes(c, &slot->converted, frame->width, frame->height);
    if (status == KT_OK)
        status = hold_planes(c, &slot->reduced, (frame->width + 1) / 2, (frame->height + 1) / 2);
    if (status == KT_OK && translucent)
        status = hold_alpha(c, &slot->alpha, frame->width, frame->height);
    if (status == KT_OK && translucent)
        status =
            hold_alpha(c, &slot->alpha_reduced, (frame->width + 1) / 2, (frame->height + 1) / 2);
    if (status != KT_OK ||
        (slot->frame && slot->frame->width == frame->width && slot->frame->height == frame->height))
        return status;
    return kt__scaler_reserve(&slot->scaler, frame->width, frame->height, longer);
}

KtStatus kt_compositor_push_frame(KtCompositor *c, int handle, KtFrame *frame, int64_t now_us)
{
    KtSlot *slot = known_slot(c, handle);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    if (!frame_usable(frame))
        return KT_ERR_ARG;
    int translucent = kt__is_translucent(frame);
    KtStatus status = prepare_slot(c, slot, frame, translucent);
    if (status != KT_OK) {
        kt_frame_unref(&slot->frame); /* its tables may be gone: the placeholder stands in */
        return status;
    }
    note_time(c, now_us);
    kt_frame_ref(frame);
    kt_frame_unref(&slot->frame);
    slot->frame = frame;
    slot->translucent = translucent;
    slot->converted_valid = 0;
    slot->reduced_level = slot->alpha_level = 0;
    slot->seen_us = now_us;
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
    kt__motion_retarget(c, latest_time(c));
    return KT_OK;
}

int kt_compositor_is_dirty(const KtCompositor *c, int64_t now_us)
{
    if (!c)
        return 0;
    if (c->dirty || !c->composed || c->composed_us < c->start_us + c->duration_us)
        return 1;
    for (int i = 0; i < KT_MAX_SPRITES; i++) {
        const KtSprite *s = &c->sprites[i];
        if (s->id[0] && kt__sprite_opacity(s, now_us) != kt__sprite_opacity(s, c->composed_us))
            return 1;
    }
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
    int count = kt__motion_placements(c, now_us, list);
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
