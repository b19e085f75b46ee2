/* Corner coverage: distance to the arc, half a pixel of ramp at either side. */
#include "compositor_mask.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int cover_capacity(int rows)
{
    return 6 * rows + 64;
}

KtStatus kt__corner_init(KtCorner *corner, int max_radius)
{
    memset(corner, 0, sizeof *corner);
    corner->radius = -1;
    corner->max_rows = max_radius;
    size_t rows = (size_t)max_radius + 2, bytes = (size_t)cover_capacity(max_radius);
    for (int p = 0; p < 2; p++) {
        corner->offset[p] = malloc(rows * (sizeof(uint32_t) + 2 * sizeof(uint16_t)) + bytes);
        if (!corner->offset[p])
            goto fail;
        corner->empty[p] = (uint16_t *)(corner->offset[p] + rows);
        corner->solid[p] = corner->empty[p] + rows;
        corner->cover[p] = (uint8_t *)(corner->solid[p] + rows);
    }
    return KT_OK;
fail:
    kt__corner_reset(corner);
    return KT_ERR_MEMORY;
}

void kt__corner_reset(KtCorner *corner)
{
    for (int p = 0; p < 2; p++)
        free(corner->offset[p]);
    memset(corner, 0, sizeof *corner);
}

/* First pixel of a row whose middle is nearer than reach to the arc's centre at (radius, radius).
 */
static int first_within(double radius, double reach, double down)
{
    double rest = reach * reach - down * down;
    if (reach <= 0 || rest <= 0)
        return (int)ceil(radius);
    double x = ceil(radius - sqrt(rest) - 0.5);
    return x < 0 ? 0 : (int)x;
}

static uint8_t cover_at(double radius, double down, int x)
{
    double across = radius - (x + 0.5);
    if (across < 0)
        across = 0;
    double cover = radius - sqrt(across * across + down * down) + 0.5;
    return (uint8_t)(cover <= 0 ? 0 : cover >= 1 ? 255 : cover * 255 + 0.5);
}

static void build_luma(KtCorner *corner)
{
    double radius = corner->radius;
    uint32_t used = 0;
    for (int y = 0; y < corner->rows[0]; y++) {
        double down = radius - (y + 0.5);
        if (down < 0)
            down = 0;
        int empty = first_within(radius, radius + 0.5, down);
        int solid = first_within(radius, radius - 0.5, down);
        if (solid < empty)
            solid = empty;
        corner->empty[0][y] = (uint16_t)empty;
        corner->solid[0][y] = (uint16_t)solid;
        corner->offset[0][y] = used;
        for (int x = empty; x < solid; x++)
            corner->cover[0][used++] = cover_at(radius, down, x);
    }
    assert(used <= (uint32_t)cover_capacity(corner->max_rows));
}

static int luma_cover(const KtCorner *corner, int x, int y)
{
    if (y >= corner->rows[0] || x >= corner->solid[0][y])
        return 255;
    if (x < corner->empty[0][y])
        return 0;
    return corner->cover[0][corner->offset[0][y] + (uint32_t)(x - corner->empty[0][y])];
}

static void build_chroma(KtCorner *corner)
{
    uint32_t used = 0;
    for (int y = 0; y < corner->rows[1]; y++) {
        int second = 2 * y + 1 < corner->rows[0];
        int empty = corner->empty[0][2 * y], solid = corner->solid[0][2 * y];
        int other_empty = second ? corner->empty[0][2 * y + 1] : 0;
        int other_solid = second ? corner->solid[0][2 * y + 1] : 0;
        empty = (other_empty < empty ? other_empty : empty) / 2;
        solid = ((other_solid > solid ? other_solid : solid) + 1) / 2;
        corner->empty[1][y] = (uint16_t)empty;
        corner->solid[1][y] = (uint16_t)solid;
        corner->offset[1][y] = used;
        for (int x = empty; x < solid; x++) {
            int sum = luma_cover(corner, 2 * x, 2 * y) + luma_cover(corner, 2 * x + 1, 2 * y) +
                      luma_cover(corner, 2 * x, 2 * y + 1) +
                      luma_cover(corner, 2 * x + 1, 2 * y + 1);
            corner->cover[1][used++] = (uint8_t)((sum + 2) / 4);
        }
    }
    assert(used <= (uint32_t)cover_capacity(corner->max_rows));
}

void kt__corner_set(KtCorner *corner, double radius)
{
    if (radius > corner->max_rows)
        radius = corner->max_rows;
    if (radius < 0.5)
        radius = 0;
    if (corner->radius == radius)
        return;
    corner->radius = radius;
    corner->rows[0] = (int)ceil(radius);
    corner->rows[1] = (corner->rows[0] + 1) / 2;
    build_luma(corner);
    build_chroma(corner);
}

KtMaskRow kt__corner_row(const KtCorner *corner, int chroma, int y, int height)
{
    KtMaskRow row = {0, 0, NULL};
    if (height - 1 - y < y)
        y = height - 1 - y;
    if (y < 0 || y >= corner->rows[chroma])
        return row;
    row.empty = corner->empty[chroma][y];
    row.solid = corner->solid[chroma][y];
    row.cover = corner->cover[chroma] + corner->offset[chroma][y];
    return row;
}

static int scaled(int cover, int opacity)
{
    int product = cover * opacity + 128;
    return (product + (product >> 8)) >> 8;
}

void kt__mask_fill(const KtMaskRow *row, int width, int from, int to, int opacity, uint8_t *mask)
{
    if (to <= from)
        return;
    memset(mask, opacity, (size_t)(to - from));
    for (int k = 0; k < row->solid; k++) {
        int cover = k < row->empty ? 0 : scaled(row->cover[k - row->empty], opacity);
        int left = k, right = width - 1 - k;
        if (left >= from && left < to && left <= right)
            mask[left - from] = (uint8_t)cover;
        if (right >= from && right < to && right > left)
            mask[right - from] = (uint8_t)cover;
    }
}
