/* Coefficient tables and rows of the scaler. Tables are worked out with + - * / and floor only, so
 * that every build gives the same ones. */
#include "compositor_scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TWO_TAP_LIMIT 1.5 /* steps above this need the wide filter */
#define PHASE_EPSILON (1.0 / 1024)

/* Output i takes source position origin + i * step, in samples. */
typedef struct AxisPlan {
    int count, source_count;
    double origin, step;
    int horizontal;
} AxisPlan;

static int clamp_int(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static int grow(void **memory, int *capacity, int wanted, size_t each)
{
    if (*capacity >= wanted)
        return 1;
    void *larger = malloc((size_t)wanted * each);
    if (!larger)
        return 0;
    free(*memory);
    memset(larger, 0, (size_t)wanted * each);
    *memory = larger;
    *capacity = wanted;
    return 1;
}

static int reserve_axis(KtAxis *axis, int source_count, int outputs, int horizontal)
{
    void *starts = axis->starts, *weights = axis->weights, *groups = axis->groups;
    int ok = grow(&starts, &axis->start_capacity, outputs, sizeof *axis->starts) &&
             grow(&weights, &axis->weight_capacity, 3 * source_count + 16 * outputs + 64,
                  sizeof *axis->weights) &&
             (!horizontal ||
              grow(&groups, &axis->group_capacity, (outputs + 7) / 8, sizeof *axis->groups));
    axis->starts = starts;
    axis->weights = weights;
    axis->groups = groups;
    return ok;
}

KtStatus kt__scaler_reserve(KtScaler *scaler, int source_width, int source_height, int canvas_side)
{
    scaler->geometry.width = 0; /* tables that grow are emptied */
    for (int p = 0; p < 2; p++) {
        if (!reserve_axis(&scaler->across[p], source_width, canvas_side, 1) ||
            !reserve_axis(&scaler->down[p], source_height, canvas_side, 0))
            return KT_ERR_MEMORY;
    }
    int wanted = source_width + 64 + KT_SCALE_OVERREAD;
    if (scaler->row_capacity < wanted) {
        uint8_t *rows = calloc(2, (size_t)wanted);
        if (!rows)
            return KT_ERR_MEMORY;
        free(scaler->row[0]);
        scaler->row[0] = rows;
        scaler->row[1] = rows + wanted;
        scaler->row_capacity = wanted;
    }
    return KT_OK;
}

void kt__scaler_reset(KtScaler *scaler)
{
    for (int p = 0; p < 2; p++) {
        KtAxis *axes[2] = {&scaler->across[p], &scaler->down[p]};
        for (int a = 0; a < 2; a++) {
            free(axes[a]->starts);
            free(axes[a]->weights);
            free(axes[a]->groups);
        }
    }
    free(scaler->row[0]);
    memset(scaler, 0, sizeof *scaler);
}

/* Where output i lies between two samples: the left one and the right one's weight. */
static int two_taps(const AxisPlan *plan, int i, int *weight)
{
    double position = plan->origin + i * plan->step;
    double whole = floor(position);
    int left = (int)whole;
    *weight = (int)((position - whole) * 256 + 0.5);
    if (*weight == 256) {
        *weight = 0;
        left++;
    }
    if (left < 0 || left >= plan->source_count - 1) {
        left = clamp_int(left, 0, plan->source_count - 1);
        *weight = 0;
    }
    return left;
}

static void find_range(KtAxis *axis, int reach, int source_count)
{
    axis->first = source_count;
    axis->last = 0;
    for (int i = 0; i < axis->count; i++) {
        int end = axis->starts[i] + reach;
        if (axis->starts[i] < axis->first)
            axis->first = axis->starts[i];
        if (end > axis->last)
            axis->last = end;
    }
    if (axis->last > source_count)
        axis->last = source_count;
}

/* Returns 0 where eight outputs reach further than one vector. */
static int fill_group(const KtAxis *axis, KtTapGroup *group, int from, int source_count)
{
    int count = axis->count - from < 8 ? axis->count - from : 8, base = source_count;
    for (int k = 0; k < count; k++)
        base = axis->starts[from + k] < base ? axis->starts[from + k] : base;
    memset(group, 0, sizeof *group);
    group->base = base - axis->first;
    for (int k = 0; k < 8; k++) {
        int i = k < count ? from + k : from;
        int left = axis->starts[i], right = left + 1 < source_count ? left + 1 : left;
        if (right - base > 15)
            return 0;
        group->pick[2 * k] = (uint8_t)(left - base);
        group->pick[2 * k + 1] = (uint8_t)(right - base);
        group->left[k] = (uint16_t)(256 - axis->weights[i]);
        group->right[k] = (uint16_t)axis->weights[i];
    }
    return 1;
}

static int build_two(KtAxis *axis, const AxisPlan *plan)
{
    int straight = 1;
    for (int i = 0; i < plan->count; i++) {
        int weight;
        axis->starts[i] = two_taps(plan, i, &weight);
        axis->weights[i] = (int16_t)weight;
        straight = straight && weight == 0 && axis->starts[i] == axis->starts[0] + i;
    }
    axis->kind = straight ? KT_AXIS_COPY : KT_AXIS_TWO;
    find_range(axis, 2, plan->source_count);
    if (!plan->horizontal || straight)
        return 1;
    for (int i = 0; i < plan->count; i += 8) {
        if (!fill_group(axis, &axis->groups[i / 8], i, plan->source_count))
            return 0;
    }
    return 1;
}

static double triangle(double distance, double reach)
{
    double d = distance < 0 ? -distance : distance;
    return d < reach ? reach - d : 0;
}

/* One output of the wide filter. Weights are rounded along their running sum, so that they add up
 * to 256 exactly; what lies beyond the edge is given to the edge sample. */
static int fill_many(const AxisPlan *plan, int i, double reach, int taps, int16_t *weights)
{
    double position = plan->origin + i * plan->step;
    int low = (int)floor(position - reach) + 1, high = (int)floor(position + reach);
    int last = plan->source_count - 1;
    int start = clamp_int(low, 0, plan->source_count - taps > 0 ? plan->source_count - taps : 0);
    double total = 0, running = 0;
    int given = 0;
    for (int s = low; s <= high; s++)
        total += triangle(s - position, reach);
    memset(weights, 0, (size_t)taps * sizeof *weights);
    for (int s = low; s <= high; s++) {
        int at = clamp_int(s, 0, last) - start;
        running += triangle(s - position, reach);
        int upto = (int)(running / total * 256 + 0.5);
        weights[clamp_int(at, 0, taps - 1)] += (int16_t)(upto - given);
        given = upto;
    }
    return start;
}

static void build_many(KtAxis *axis, const AxisPlan *plan)
{
    double reach = plan->step < 0 ? -plan->step : plan->step;
    int taps = (int)(2 * reach) + 1;
    if (taps > plan->source_count)
        taps = plan->source_count;
    int padded = plan->horizontal ? (taps + 7) / 8 * 8 : taps;
    axis->kind = KT_AXIS_MANY;
    axis->taps = padded;
    for (int i = 0; i < plan->count; i++) {
        int16_t *weights = axis->weights + (ptrdiff_t)i * padded;
        axis->starts[i] = fill_many(plan, i, reach, taps, weights);
        memset(weights + taps, 0, (size_t)(padded - taps) * sizeof *weights);
    }
    find_range(axis, taps, plan->source_count);
    if (plan->horizontal) {
        for (int i = 0; i < plan->count; i++)
            axis->starts[i] -= axis->first;
    }
}

static void build_axis(KtAxis *axis, const AxisPlan *plan)
{
    AxisPlan exact = *plan;
    double step = plan->step < 0 ? -plan->step : plan->step;
    double near = floor(plan->origin + 0.5);
    if (step == 1 && plan->origin - near < PHASE_EPSILON && near - plan->origin < PHASE_EPSILON)
        exact.origin = near;
    axis->count = plan->count;
    if (step > TWO_TAP_LIMIT || !build_two(axis, &exact))
        build_many(axis, &exact);
}

/* What a rectangle shows of a source: the middle part with the rectangle's aspect. */
static void crop(const KtScaleGeometry *g, double *width, double *height)
{
    *width = g->source_width;
    *height = g->source_height;
    if (*width * g->height > *height * g->width)
        *width = *height * g->width / g->height;
    else
        *height = *width * g->height / g->width;
}

int kt__scale_level(const KtScaleGeometry *geometry)
{
    double width, height;
    int level = 0;
    crop(geometry, &width, &height);
    double step_x = width / geometry->width, step_y = height / geometry->height;
    double step = step_x < step_y ? step_x : step_y;
    for (; step >= 2; step /= 2)
        level++;
    return level;
}

/* Positions and step of full-size samples become those of samples that were halved. */
static void build_reduced(KtAxis *axis, AxisPlan plan, int level)
{
    double factor = (double)(1 << level);
    plan.source_count >>= level;
    if (plan.source_count < 1)
        plan.source_count = 1;
    plan.origin = (plan.origin - (factor - 1) / 2) / factor;
    plan.step /= factor;
    build_axis(axis, &plan);
}

void kt__scaler_set(KtScaler *scaler, const KtScaleGeometry *geometry)
{
    const KtScaleGeometry *g = geometry;
    if (memcmp(&scaler->geometry, g, sizeof *g) == 0)
        return;
    scaler->geometry = *g;
    double width, height;
    crop(g, &width, &height);
    double step_x = width / g->width, step_y = height / g->height;
    double before_x = (g->source_width - width) / 2, before_y = (g->source_height - height) / 2;
    double out_x = g->left - g->x + 0.5, out_y = g->top - g->y + 0.5;
    if (g->mirror)
        out_x = g->width - out_x;
    double luma_x = before_x + out_x * step_x - 0.5, luma_y = before_y + out_y * step_y - 0.5;
    double chroma_y = before_y / 2 + ((g->top - g->y) / 2 + 0.5) * step_y - 0.5;
    if (g->mirror)
        step_x = -step_x;
    int columns = g->right - g->left, rows = g->bottom - g->top;
    AxisPlan across = {columns, g->source_width, luma_x, step_x, 1};
    AxisPlan across_chroma = {columns / 2, (g->source_width + 1) / 2, luma_x / 2, step_x, 1};
    AxisPlan down = {rows, g->source_height, luma_y, step_y, 0};
    AxisPlan down_chroma = {rows / 2, (g->source_height + 1) / 2, chroma_y, step_y, 0};
    build_reduced(&scaler->across[0], across, g->level);
    build_reduced(&scaler->across[1], across_chroma, g->level);
    build_reduced(&scaler->down[0], down, g->level);
    build_reduced(&scaler->down[1], down_chroma, g->level);
}

static void halve_plane(const KtKernels *kernels, const uint8_t *src, int src_stride, uint8_t *dst,
                        int dst_stride, int width, int height)
{
    for (int y = 0; y < height / 2; y++) {
        const uint8_t *row0 = src + (ptrdiff_t)(2 * y) * src_stride;
        kernels->halve_rows(dst + (ptrdiff_t)y * dst_stride, row0, row0 + src_stride, width / 2);
    }
}

/* Interleaved chroma: means of whole pairs of rows first, then they are taken apart. */
static void halve_pairs(const KtScaler *scaler, const KtKernels *kernels, const KtFrame *from,
                        int width, int height, KtFrame *to)
{
    uint8_t *pairs = scaler->row[0], *u = scaler->row[1], *v = u + scaler->row_capacity / 2;
    for (int y = 0; y < height / 2; y++) {
        const uint8_t *row = from->plane[1] + (ptrdiff_t)(2 * y) * from->stride[1];
        kernels->blend_rows(pairs, row, row + from->stride[1], 128, 2 * width);
        kernels->split_pairs(u, v, pairs, width);
        kernels->halve_rows(to->plane[1] + (ptrdiff_t)y * to->stride[1], u, u, width / 2);
        kernels->halve_rows(to->plane[2] + (ptrdiff_t)y * to->stride[2], v, v, width / 2);
    }
}

void kt__scaler_halve(const KtScaler *scaler, const KtKernels *kernels, const KtFrame *from,
                      int level, int source_width, int source_height, KtFrame *to)
{
    int width = source_width >> level, height = source_height >> level;
    int chroma_width = ((source_width + 1) / 2) >> level;
    int chroma_height = ((source_height + 1) / 2) >> level;
    halve_plane(kernels, from->plane[0], from->stride[0], to->plane[0], to->stride[0], width,
                height);
    if (from->format == KT_PIXEL_NV12) {
        halve_pairs(scaler, kernels, from, chroma_width, chroma_height, to);
        return;
    }
    for (int p = 1; p < 3; p++)
        halve_plane(kernels, from->plane[p], from->stride[p], to->plane[p], to->stride[p],
                    chroma_width, chroma_height);
}

/* Source row y of the picture in samples [first, first + n) of bytes, made of one or more rows. */
static void blend_down(const KtAxis *axis, const KtKernels *kernels, const uint8_t *plane,
                       int stride, int y, uint8_t *dst, int n)
{
    const uint8_t *row = plane + (ptrdiff_t)axis->starts[y] * stride;
    if (axis->kind == KT_AXIS_MANY)
        kernels->mix_rows(dst, row, stride, axis->weights + (ptrdiff_t)y * axis->taps, axis->taps,
                          n);
    else if (axis->kind == KT_AXIS_TWO && axis->weights[y] > 0)
        kernels->blend_rows(dst, row, row + stride, axis->weights[y], n);
    else
        memcpy(dst, row, (size_t)n);
}

static void scale_across(const KtAxis *axis, const KtKernels *kernels, const uint8_t *src,
                         uint8_t *dst)
{
    if (axis->kind == KT_AXIS_TWO)
        kernels->scale_two(dst, src, axis->groups, axis->count);
    else if (axis->kind == KT_AXIS_MANY)
        kernels->scale_many(dst, src, axis->starts, axis->weights, axis->taps, axis->count);
    else
        memcpy(dst, src, (size_t)axis->count);
}

static void scale_plane_row(const KtScaler *scaler, const KtKernels *kernels, int chroma,
                            const uint8_t *plane, int stride, int y, uint8_t *dst)
{
    const KtAxis *across = &scaler->across[chroma], *down = &scaler->down[chroma];
    if (across->kind == KT_AXIS_COPY) {
        blend_down(down, kernels, plane + across->first, stride, y, dst, across->count);
        return;
    }
    blend_down(down, kernels, plane + across->first, stride, y, scaler->row[0],
               across->last - across->first);
    scale_across(across, kernels, scaler->row[0], dst);
}

void kt__scaler_luma(const KtScaler *scaler, const KtKernels *kernels, const KtFrame *frame, int y,
                     uint8_t *dst)
{
    scale_plane_row(scaler, kernels, 0, frame->plane[0], frame->stride[0], y, dst);
}

void kt__scaler_chroma(const KtScaler *scaler, const KtKernels *kernels, const KtFrame *frame,
                       int y, uint8_t *u, uint8_t *v)
{
    if (frame->format != KT_PIXEL_NV12) {
        scale_plane_row(scaler, kernels, 1, frame->plane[1], frame->stride[1], y, u);
        scale_plane_row(scaler, kernels, 1, frame->plane[2], frame->stride[2], y, v);
        return;
    }
    const KtAxis *across = &scaler->across[1];
    int n = across->last - across->first;
    uint8_t *pairs = scaler->row[0], *rows = scaler->row[1];
    int half = scaler->row_capacity / 2;
    blend_down(&scaler->down[1], kernels, frame->plane[1] + 2 * across->first, frame->stride[1], y,
               pairs, 2 * n);
    kernels->split_pairs(rows, rows + half, pairs, n);
    scale_across(across, kernels, rows, u);
    scale_across(across, kernels, rows + half, v);
}
