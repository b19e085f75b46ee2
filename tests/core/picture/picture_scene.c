/* The scenes of picture_scene.h. Textures and pages are drawn once, a picture is made of copies of
 * them, so that a page in a browser can draw them at 30 a second. */
#include "picture_scene.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FPS 30
#define TILE 1024 /* side of a texture that repeats, a power of two */
#define NOISE 65536
#define PAPER 232
#define INK 34
#define SCROLL_PIXELS 4 /* a picture */
#define SCROLL_FRAMES 60
#define STAND_FRAMES 30
#define SLIDE_FRAMES 90
#define CUT_FRAMES 60
#define SLEEP_FRAMES 90
#define AWAKE_FRAMES 60

typedef enum Kind { SLIDES, STILL, SCROLL, CUT, CAMERA, TALK, GRADIENT, PHOTOS, WAKE, KINDS } Kind;

static const char *const names[KINDS] = {"slides", "still",    "scroll", "cut", "noise",
                                         "talk",   "gradient", "photos", "wake"};

struct PictureScene {
    Kind kind;
    int width, height;
    uint8_t *texture[2]; /* TILE x TILE each, luma */
    int8_t *noise;       /* NOISE values around 0 */
    uint8_t *page;       /* of the slide in page_number, width x page_height */
    int page_number, page_height;
};

static uint32_t mix(uint32_t a, uint32_t b)
{
    uint32_t h = a * 0x9E3779B1u ^ (b + 0x7F4A7C15u) * 0x85EBCA77u;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return h ^ h >> 15;
}

static uint8_t clamp(int value)
{
    return (uint8_t)(value < 16 ? 16 : value > 235 ? 235 : value);
}

/* ---- textures ---- */

/* Noise between the points of a grid of that step (a power of two), -amplitude .. amplitude. */
static int grid_noise(int x, int y, int step, int amplitude, uint32_t seed)
{
    const int cells = TILE / step, fx = x % step, fy = y % step;
    const uint32_t x0 = (uint32_t)(x / step), y0 = (uint32_t)(y / step);
    const uint32_t x1 = (x0 + 1) % (uint32_t)cells, y1 = (y0 + 1) % (uint32_t)cells;
    const int v00 = (int)(mix(x0 + y0 * 4096, seed) & 255),
              v10 = (int)(mix(x1 + y0 * 4096, seed) & 255);
    const int v01 = (int)(mix(x0 + y1 * 4096, seed) & 255),
              v11 = (int)(mix(x1 + y1 * 4096, seed) & 255);
    const int top = v00 * (step - fx) + v10 * fx, low = v01 * (step - fx) + v11 * fx;
    const int value = (top * (step - fy) + low * fy) / step / step; /* 0..255 */
    return (value - 128) * amplitude / 128;
}

/* What a camera sees: large shapes, fine structure and some hard edges. */
static void draw_texture(uint8_t *out, uint32_t seed, int fine)
{
    for (int y = 0; y < TILE; y++)
        for (int x = 0; x < TILE; x++) {
            int value = 120 + grid_noise(x, y, 256, 60, seed) + grid_noise(x, y, 64, 40, seed + 1);
            value += grid_noise(x, y, 16, fine * 2, seed + 2) + grid_noise(x, y, 4, fine, seed + 3);
            if (((x >> 7) + (y >> 6)) % 5 == 0)
                value += 36;
            out[y * TILE + x] = clamp(value);
        }
}

static void draw_noise(int8_t *out, int amplitude)
{
    for (uint32_t i = 0; i < NOISE; i++) {
        const uint32_t h = mix(i, 77);
        /* Four dice: near enough to a bell. */
        const int sum =
            (int)(h & 255) + (int)(h >> 8 & 255) + (int)(h >> 16 & 255) + (int)(h >> 24);
        out[i] = (int8_t)((sum - 510) * amplitude / 510);
    }
}

/* ---- pages of text ---- */

/* One letter-like sign: strokes in a cell of 5 x 7, each `scale` pixels, with soft edges. */
static void draw_sign(uint8_t *page, int stride, int x0, int y0, int scale, uint32_t sign)
{
    static const uint8_t rows[] = {0x0E, 0x11, 0x1F, 0x10, 0x1E, 0x04, 0x15, 0x09, 0x06, 0x12};
    for (int r = 0; r < 7; r++) {
        const unsigned bits = rows[mix(sign, (uint32_t)r) % sizeof rows];
        for (int c = 0; c < 5; c++) {
            if (!(bits >> c & 1u))
                continue;
            for (int y = 0; y < scale; y++) {
                uint8_t *p = page + (y0 + r * scale + y) * stride + x0 + c * scale;
                memset(p, INK, (size_t)scale);
                if (!(bits >> (c + 1) & 1u))
                    p[scale] = (PAPER + INK) / 2; /* what anti-aliasing leaves */
            }
        }
    }
}

static void draw_line(uint8_t *page, int stride, int left, int right, int y, int scale,
                      uint32_t seed)
{
    uint32_t word = 0;
    for (int x = left, n = 0; x + 6 * scale < right; x += 6 * scale, n++) {
        if (word == 0) {
            word = 2 + mix(seed, (uint32_t)n) % 8;
            if (n > 0)
                continue; /* a space */
        }
        word--;
        draw_sign(page, stride, x, y, scale, mix(seed, (uint32_t)n + 1000) % 26);
    }
}

/* A title, then lines of text in two sizes. */
static void draw_page(PictureScene *s, int number)
{
    const int w = s->width, h = s->page_height, unit = s->height >= 1000 ? 3 : 2;
    if (s->page_number == number)
        return;
    s->page_number = number;
    memset(s->page, PAPER, (size_t)w * (size_t)h);
    const uint32_t seed = 100 + (uint32_t)number * 31;
    int y = 8 * unit;
    draw_line(s->page, w, 24, w / 2, y, 2 * unit, seed);
    for (y += 24 * unit; y + 8 * unit < h; y += 11 * unit) {
        const uint32_t line = mix(seed, (uint32_t)y);
        if (line % 6 != 0)
            draw_line(s->page, w, 24 + (int)(line % 3) * 16, w * 66 / 100, y, line % 4 ? 1 : unit,
                      line);
    }
}

/* ---- parts of a picture ---- */

/* A piece of a texture, from (from_x, from_y) of it on; the texture repeats. */
static void paste(const PictureScene *s, const uint8_t *texture, int from_x, int from_y,
                  PictureArea a, uint8_t *luma)
{
    for (int y = 0; y < a.height; y++) {
        const uint8_t *row = texture + ((from_y + y) & (TILE - 1)) * TILE;
        uint8_t *out = luma + (a.y + y) * s->width + a.x;
        int x = 0;
        while (x < a.width) {
            const int at = (from_x + x) & (TILE - 1);
            const int run = TILE - at < a.width - x ? TILE - at : a.width - x;
            memcpy(out + x, row + at, (size_t)run);
            x += run;
        }
    }
}

static void add_noise(const PictureScene *s, PictureArea a, int n, uint8_t *luma)
{
    for (int y = 0; y < a.height; y++) {
        uint32_t at = mix((uint32_t)n, (uint32_t)y);
        uint8_t *out = luma + (a.y + y) * s->width + a.x;
        for (int x = 0; x < a.width; x++)
            out[x] = clamp(out[x] + s->noise[(at + (uint32_t)x) % NOISE]);
    }
}

static PictureArea whole(const PictureScene *s)
{
    const PictureArea a = {0, 0, s->width, s->height};
    return a;
}

/* To and fro within 0..range. */
static int swing(int n, int range)
{
    const int turn = n % (2 * range);
    return turn < range ? turn : 2 * range - turn;
}

static void draw_head(const PictureScene *s, int n, uint8_t *luma)
{
    const int rx = s->height / 5, ry = s->height / 4;
    const int cx = s->width / 2 + swing(n, s->width / 32), cy = s->height / 2 + swing(n / 3, 8);
    const int mouth = 2 + swing(n * 2, ry / 8);
    for (int y = -ry; y <= ry; y++)
        for (int x = -rx; x <= rx; x++) {
            if ((int64_t)x * x * ry * ry + (int64_t)y * y * rx * rx > (int64_t)rx * rx * ry * ry)
                continue;
            int value = s->texture[1][((y + 512) & (TILE - 1)) * TILE + ((x + 512) & (TILE - 1))];
            value = 90 + value / 2 - (x + rx) * 40 / (2 * rx);
            if (abs(x) < rx / 3 && abs(y - ry / 2) < mouth)
                value = 50;
            if (abs(abs(x) - rx / 3) < rx / 8 && abs(y + ry / 4) < ry / 14 && n % 80 > 4)
                value = 30;
            luma[(cy + y) * s->width + cx + x] = clamp(value);
        }
}

static void draw_gradient(const PictureScene *s, int n, uint8_t *luma)
{
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            const int slope = swing((x * 300 / s->width + n / 2), 180);
            luma[y * s->width + x] = clamp(30 + slope * 3 / 4 + y * 60 / s->height);
        }
}

static int is_awake(int n)
{
    return n % (SLEEP_FRAMES + AWAKE_FRAMES) >= SLEEP_FRAMES;
}

static void draw_chroma(const PictureScene *s, int n, uint8_t *u, uint8_t *v)
{
    const int w = s->width / 2, h = s->height / 2;
    const int grey = s->kind == SLIDES || s->kind == STILL || s->kind == SCROLL;
    if (grey) {
        memset(u, 128, (size_t)w * (size_t)h);
        memset(v, 128, (size_t)w * (size_t)h);
        return;
    }
    const int stands = s->kind == TALK || s->kind == PHOTOS || (s->kind == WAKE && !is_awake(n));
    const int shift = stands ? 0 : n;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            u[y * w + x] = (uint8_t)(98 + swing((x + shift) * 120 / s->width + y / 64, 60));
            v[y * w + x] = (uint8_t)(158 - swing((y + shift) * 120 / s->height + x / 64, 60));
        }
}

static void draw_luma(PictureScene *s, int n, uint8_t *luma)
{
    const int w = s->width, h = s->height, cycle = SCROLL_FRAMES + STAND_FRAMES;
    const int turn = n % cycle < SCROLL_FRAMES ? n % cycle : SCROLL_FRAMES;
    const PictureArea inset = {w * 7 / 10, h * 6 / 10, w / 4, h / 3};
    switch (s->kind) {
    case SLIDES:
    case STILL:
        draw_page(s, n / SLIDE_FRAMES);
        memcpy(luma, s->page, (size_t)w * (size_t)h);
        if (s->kind == STILL)
            break;
        paste(s, s->texture[0], 3 * n, n, inset, luma);
        add_noise(s, inset, n, luma);
        break;
    case SCROLL:
        draw_page(s, 0);
        for (int y = 0, from = (n / cycle * SCROLL_FRAMES + turn) * SCROLL_PIXELS; y < h; y++)
            memcpy(luma + y * w, s->page + (y + from) % s->page_height * w, (size_t)w);
        break;
    case CUT:
        paste(s, s->texture[n / CUT_FRAMES % 2], n, n / 2, whole(s), luma);
        add_noise(s, whole(s), n, luma);
        break;
    case CAMERA:
        paste(s, s->texture[0], n, n / 3, whole(s), luma);
        add_noise(s, whole(s), n, luma);
        break;
    case TALK:
        paste(s, s->texture[0], 0, 0, whole(s), luma);
        draw_head(s, n, luma);
        add_noise(s, whole(s), n, luma);
        break;
    case GRADIENT:
        draw_gradient(s, n, luma);
        break;
    case PHOTOS:
        paste(s, s->texture[n / SLIDE_FRAMES % 2], n / SLIDE_FRAMES * 97, 0, whole(s), luma);
        break;
    case WAKE:
        if (!is_awake(n)) {
            paste(s, s->texture[1], 0, 0, whole(s), luma);
            break;
        }
        paste(s, s->texture[0], n, n / 3, whole(s), luma);
        add_noise(s, whole(s), n, luma);
        break;
    case KINDS:
        break;
    }
}

/* ---- the scene ---- */

const char *picture_scene_name(int index)
{
    return index >= 0 && index < KINDS ? names[index] : NULL;
}

static int allocate(PictureScene *s)
{
    s->page_height = s->kind == SCROLL ? 3 * s->height : s->height;
    s->page_number = -1;
    s->page = malloc((size_t)s->width * (size_t)s->page_height);
    s->noise = malloc(NOISE);
    for (int i = 0; i < 2; i++)
        s->texture[i] = malloc((size_t)TILE * TILE);
    return s->page && s->noise && s->texture[0] && s->texture[1];
}

PictureScene *picture_scene_create(const char *name, int width, int height)
{
    int kind = 0;
    while (kind < KINDS && (!name || strcmp(name, names[kind]) != 0))
        kind++;
    if (kind == KINDS || width < 64 || height < 64 || width % 2 || height % 2)
        return NULL;
    PictureScene *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->kind = (Kind)kind;
    s->width = width;
    s->height = height;
    if (!allocate(s)) {
        picture_scene_destroy(&s);
        return NULL;
    }
    draw_texture(s->texture[0], 1, kind == TALK ? 4 : 12);
    draw_texture(s->texture[1], 50, 12);
    draw_noise(s->noise, kind == CAMERA || kind == WAKE ? 20 : 6);
    return s;
}

void picture_scene_destroy(PictureScene **scene)
{
    PictureScene *s = *scene;
    if (!s)
        return;
    for (int i = 0; i < 2; i++)
        free(s->texture[i]);
    free(s->noise);
    free(s->page);
    free(s);
    *scene = NULL;
}

void picture_scene_draw(PictureScene *s, int n, uint8_t *out)
{
    const size_t luma = (size_t)s->width * (size_t)s->height;
    draw_luma(s, n, out);
    draw_chroma(s, n, out + luma, out + luma * 5 / 4);
}

/* ---- numbers ---- */

#define NUMBER_BITS 12
#define NUMBER_SIDE KT_PICTURE_NUMBER_ROWS

int picture_scene_number(const PictureScene *s, int n)
{
    const int cycle = SCROLL_FRAMES + STAND_FRAMES, turn = n % cycle;
    if (s->kind == STILL || s->kind == PHOTOS)
        return n - n % SLIDE_FRAMES;
    if (s->kind == WAKE && !is_awake(n))
        return n - n % (SLEEP_FRAMES + AWAKE_FRAMES);
    if (s->kind != SCROLL)
        return n;
    if (turn == 0 && n > 0)
        return n - STAND_FRAMES;
    return turn < SCROLL_FRAMES ? n : n - turn + SCROLL_FRAMES;
}

void picture_scene_draw_number(const PictureScene *s, int n, uint8_t *luma)
{
    const int number = picture_scene_number(s, n), y0 = s->height - NUMBER_SIDE;
    for (int bit = 0; bit < NUMBER_BITS; bit++) {
        const int x = s->width - (bit + 1) * NUMBER_SIDE;
        for (int y = y0; y < s->height; y++)
            memset(luma + (size_t)y * (size_t)s->width + x, number >> bit & 1 ? PAPER : INK,
                   NUMBER_SIDE);
    }
}

int picture_scene_read_number(const uint8_t *luma, int stride, int width, int height)
{
    const uint8_t *row = luma + (height - NUMBER_SIDE / 2) * (ptrdiff_t)stride;
    int number = 0;
    for (int bit = 0; bit < NUMBER_BITS; bit++)
        if (row[width - bit * NUMBER_SIDE - NUMBER_SIDE / 2] > (PAPER + INK) / 2)
            number |= 1 << bit;
    return number;
}

int picture_scene_since_change(const PictureScene *s, int n)
{
    if (s->kind == WAKE)
        return is_awake(n) ? n % (SLEEP_FRAMES + AWAKE_FRAMES) - SLEEP_FRAMES : -1;
    const int slides = s->kind == SLIDES || s->kind == STILL || s->kind == PHOTOS;
    const int every = slides ? SLIDE_FRAMES : s->kind == CUT ? CUT_FRAMES : 0;
    return every == 0 || n < every ? -1 : n % every;
}

PictureArea picture_scene_area(const PictureScene *s)
{
    PictureArea a = whole(s);
    if (s->kind == SLIDES || s->kind == STILL)
        a.width = s->width * 66 / 100 / 16 * 16;
    return a;
}

int picture_scene_is_screen(const PictureScene *s)
{
    return s->kind == SLIDES || s->kind == STILL || s->kind == SCROLL;
}
