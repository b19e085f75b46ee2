/* Compares one row of four with the picture before, in runs of sixteen pixels. */
#include "picture_change.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ROW_STEP 4
#define RUN 16
/* A run is new where its pixels differ by so much in the mean: noise does not, and text does. */
#define NEW_LEVELS 8
#define WHOLE 1024
/* A picture is new where so much of it is, and four times as much as in the pictures before: text
 * that scrolls and a camera that pans are new all the time. */
#define NEW_SHARE (WHOLE / 12)
#define NEW_RATIO 4
#define MEAN_PICTURES 8
/* The second picture of a fade is not new again. */
#define LEAST_BETWEEN 8
/* Drawn: so much of it has the level of its right neighbour. What a camera films has noise. */
#define DRAWN_SHARE (WHOLE * 6 / 10)

KtStatus kt__picture_watch_init(KtPictureWatch *w, int width, int height)
{
    memset(w, 0, sizeof *w);
    w->width = width;
    w->height = height;
    w->rows = malloc((size_t)width * (size_t)((height + ROW_STEP - 1) / ROW_STEP));
    return w->rows ? KT_OK : KT_ERR_MEMORY;
}

void kt__picture_watch_reset(KtPictureWatch *w)
{
    free(w->rows);
    memset(w, 0, sizeof *w);
}

static int difference(const uint8_t *a, const uint8_t *b, int pixels)
{
    int sum = 0;
    for (int x = 0; x < pixels; x++)
        sum += a[x] < b[x] ? b[x] - a[x] : a[x] - b[x];
    return sum;
}

static int equal_neighbours(const uint8_t *row, int width)
{
    int count = 0;
    for (int x = 0; x + 1 < width; x++)
        count += row[x] == row[x + 1];
    return count;
}

/* Takes the picture in. Returns which share of it is new, of WHOLE. */
static int compare(KtPictureWatch *w, const uint8_t *luma, int stride)
{
    int runs = 0, fresh = 0;
    for (int y = 0; y < w->height; y += ROW_STEP) {
        const uint8_t *row = luma + (ptrdiff_t)y * stride;
        uint8_t *before = w->rows + (size_t)(y / ROW_STEP) * (size_t)w->width;
        for (int x = 0; w->has_rows && x < w->width; x += RUN, runs++) {
            const int pixels = w->width - x < RUN ? w->width - x : RUN;
            fresh += difference(row + x, before + x, pixels) >= NEW_LEVELS * pixels;
        }
        memcpy(before, row, (size_t)w->width);
    }
    return runs > 0 ? (int)((int64_t)fresh * WHOLE / runs) : 0;
}

int kt__picture_watch(KtPictureWatch *w, const uint8_t *luma, int stride)
{
    const int share = compare(w, luma, stride);
    const int is_new =
        share >= NEW_SHARE && share >= NEW_RATIO * w->moving && w->since_new >= LEAST_BETWEEN;
    w->moving += (share - w->moving) / MEAN_PICTURES;
    if (is_new) {
        w->since_new = 0;
    } else if (w->since_new < LEAST_BETWEEN) {
        w->since_new++;
    }
    w->has_rows = 1;
    return is_new;
}

int kt__picture_watch_is_drawn(const KtPictureWatch *w)
{
    const int rows = (w->height + ROW_STEP - 1) / ROW_STEP;
    int64_t equal = 0;
    for (int y = 0; y < rows; y++)
        equal += equal_neighbours(w->rows + (size_t)y * (size_t)w->width, w->width);
    return equal * WHOLE >= (int64_t)rows * w->width * DRAWN_SHARE;
}
