/* The tile of a source that has no picture: a grey person on a darker grey, without words. */
#include "compositor_placeholder.h"

#include <math.h>
#include <string.h>

#define TILE_LUMA 46
#define PERSON_LUMA 96
#define CHROMA_U 132
#define CHROMA_V 126

/* Head and shoulders in parts of the tile's shorter side, around its middle. */
#define HEAD_UP 0.13
#define HEAD_RADIUS 0.145
#define SHOULDER_DOWN 0.34
#define SHOULDER_RADIUS 0.27

static void blend_pixel(uint8_t *pixel, double cover)
{
    int value = TILE_LUMA + (int)((PERSON_LUMA - TILE_LUMA) * cover + 0.5);
    if (value > *pixel)
        *pixel = (uint8_t)value;
}

/* The part of a disc that a row cuts, middle at centre_x; row[0] is column `from`. */
static void draw_chord(uint8_t *row, int from, int to, double centre_x, double radius, double down)
{
    double rest = radius * radius - down * down;
    if (rest <= 0)
        return;
    double half = sqrt(rest), left = centre_x - half, right = centre_x + half;
    int first = (int)floor(left), last = (int)ceil(right);
    first = first < from ? from : first;
    last = last > to ? to : last;
    for (int x = first; x < last; x++) {
        double low = x < left ? left : x, high = x + 1 > right ? right : x + 1;
        if (high > low)
            blend_pixel(&row[x - from], high - low);
    }
}

void kt__placeholder_rows(int width, int height, int from, int to, int y, uint8_t *const rows[4])
{
    double unit = width < height ? width : height;
    double centre_x = width / 2.0, centre_y = height / 2.0;
    double floor_y = centre_y + SHOULDER_DOWN * unit;
    for (int k = 0; k < 2; k++) {
        double middle = y + k + 0.5;
        memset(rows[k], TILE_LUMA, (size_t)(to - from));
        draw_chord(rows[k], from, to, centre_x, HEAD_RADIUS * unit,
                   middle - (centre_y - HEAD_UP * unit));
        if (middle <= floor_y)
            draw_chord(rows[k], from, to, centre_x, SHOULDER_RADIUS * unit, middle - floor_y);
    }
    memset(rows[2], CHROMA_U, (size_t)(to - from) / 2);
    memset(rows[3], CHROMA_V, (size_t)(to - from) / 2);
}
