/* Takes pictures in, and makes of the newest one what the canvas needs, once. */
#include "compositor_slot.h"

#include <string.h>

#include "compositor_alpha.h"
#include "compositor_color.h"

KtShown kt__slot_shown(const KtSlot *slot, int64_t now_us)
{
    int64_t silent_us = now_us - slot->seen_us;
    if (!slot->frame || slot->muted || silent_us >= KT__PLACEHOLDER_US)
        return KT_SHOWN_PLACEHOLDER;
    return silent_us >= KT_STALL_US ? KT_SHOWN_DIMMED : KT_SHOWN_LIVE;
}

KtStatus kt__slot_init(KtSlot *slot, const KtSlotConfig *config, const char *id, int64_t seen_us)
{
    if (kt__corner_init(&slot->shape, 2 * config->shorter_side) != KT_OK ||
        kt__corner_init(&slot->hole, 2 * config->shorter_side) != KT_OK) {
        kt__slot_reset(slot);
        return KT_ERR_MEMORY;
    }
    slot->used = slot->known = 1;
    slot->seen_us = seen_us;
    memcpy(slot->id, id, strlen(id) + 1);
    return KT_OK;
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
static KtStatus hold_planes(const KtSlotConfig *config, KtFrame **frame, int width, int height)
{
    if (*frame && (*frame)->width == width && (*frame)->height == height)
        return KT_OK;
    kt_frame_unref(frame);
    return kt_frame_acquire(config->pool, KT_PIXEL_I420, width, height, frame);
}

/* The same for a plane of alpha; its chroma planes are of no interest, but have a value. */
static KtStatus hold_alpha(const KtSlotConfig *config, KtFrame **frame, int width, int height)
{
    const KtFrame *before = *frame;
    KtStatus status = hold_planes(config, frame, width, height);
    if (status == KT_OK && *frame != before)
        kt_frame_fill_black(*frame);
    return status;
}

/* Memory for pictures of this size, so that composing needs none. */
static KtStatus prepare(KtSlot *slot, const KtSlotConfig *config, const KtFrame *frame,
                        int translucent)
{
    int packed = kt__is_packed(frame->format);
    KtStatus status = KT_OK;
    if (packed)
        status = hold_planes(config, &slot->converted, frame->width, frame->height);
    if (status == KT_OK)
        status =
            hold_planes(config, &slot->reduced, (frame->width + 1) / 2, (frame->height + 1) / 2);
    if (status == KT_OK && translucent)
        status = hold_alpha(config, &slot->alpha, frame->width, frame->height);
    if (status == KT_OK && translucent)
        status = hold_alpha(config, &slot->alpha_reduced, (frame->width + 1) / 2,
                            (frame->height + 1) / 2);
    if (status != KT_OK ||
        (slot->frame && slot->frame->width == frame->width && slot->frame->height == frame->height))
        return status;
    return kt__scaler_reserve(&slot->scaler, frame->width, frame->height, config->longer_side);
}

KtStatus kt__slot_push(KtSlot *slot, const KtSlotConfig *config, KtFrame *frame, int64_t now_us)
{
    if (!frame_usable(frame))
        return KT_ERR_ARG;
    int translucent = kt__is_translucent(frame);
    KtStatus status = prepare(slot, config, frame, translucent);
    if (status != KT_OK) {
        kt_frame_unref(&slot->frame); /* its tables may be gone: the placeholder stands in */
        return status;
    }
    kt_frame_ref(frame);
    kt_frame_unref(&slot->frame);
    slot->frame = frame;
    slot->translucent = translucent;
    slot->converted_valid = 0;
    slot->reduced_level = slot->alpha_level = 0;
    slot->seen_us = now_us;
    return KT_OK;
}

/* The slot's picture as Y'CbCr. */
static const KtFrame *planar_picture(KtSlot *slot, const KtSlotConfig *config)
{
    const KtFrame *frame = slot->frame;
    if (!kt__is_packed(frame->format))
        return frame;
    if (!slot->converted_valid) {
        int red_first = frame->format == KT_PIXEL_RGBA || frame->format == KT_PIXEL_RGBX;
        kt__color_convert_frame(config->kernels,
                                red_first ? &config->rgba_matrix : &config->bgra_matrix, frame,
                                slot->converted);
        if (slot->translucent)
            kt__alpha_split(config->kernels, frame, slot->converted, slot->alpha);
        slot->converted->matrix = config->matrix;
        slot->converted->full_range = 0;
        slot->converted_valid = 1;
    }
    return slot->converted;
}

/* picture halved level times; *there: how often it is in `reduced` already. */
static const KtFrame *reduce(const KtSlot *slot, const KtSlotConfig *config, const KtFrame *picture,
                             KtFrame *reduced, int *there, int level)
{
    if (level == 0)
        return picture;
    if (*there > level)
        *there = 0;
    for (int from = *there; from < level; from++)
        kt__scaler_halve(&slot->scaler, config->kernels, from ? reduced : picture, from,
                         picture->width, picture->height, reduced);
    *there = level;
    return reduced;
}

/* The slot's picture, halved level times. */
static const KtFrame *reduced_picture(KtSlot *slot, const KtSlotConfig *config, int level)
{
    const KtFrame *picture = planar_picture(slot, config);
    if (level == 0)
        return picture;
    reduce(slot, config, picture, slot->reduced, &slot->reduced_level, level);
    slot->reduced->matrix = picture->matrix;
    slot->reduced->full_range = picture->full_range;
    return slot->reduced;
}

KtSlotPicture kt__slot_load(KtSlot *slot, const KtSlotConfig *config, KtScaleGeometry geometry)
{
    KtSlotPicture loaded = {NULL, NULL};
    geometry.source_width = slot->frame->width;
    geometry.source_height = slot->frame->height;
    geometry.level = kt__scale_level(&geometry);
    loaded.picture = reduced_picture(slot, config, geometry.level);
    if (slot->translucent)
        loaded.alpha = reduce(slot, config, slot->alpha, slot->alpha_reduced, &slot->alpha_level,
                              geometry.level);
    kt__scaler_set(&slot->scaler, &geometry);
    return loaded;
}
