/* A composition: what stands where in the picture. Plain data, its JSON form (docs/composition.md),
 * and nothing that draws. The same JSON is what the page sends, what the timeline keeps and what a
 * scene is made of. */
#ifndef KEEPTAKE_COMPOSITION_H
#define KEEPTAKE_COMPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_MAX_SOURCES 16 /* placed at once */
#define KT_ID_BYTES 64    /* an id: 1..63 bytes of [A-Za-z0-9._:-], NUL-terminated */

typedef enum KtLayoutKind {
    KT_LAYOUT_GRID = 0,
    KT_LAYOUT_SIDE_BY_SIDE = 1,
    KT_LAYOUT_PICTURE_IN_PICTURE = 2, /* focus fills the canvas, the others stand in a corner */
    KT_LAYOUT_SPOTLIGHT = 3,          /* focus large, the others in a strip */
    KT_LAYOUT_SCREEN_ONLY = 4,        /* focus alone */
    KT_LAYOUT_FREE = 5,               /* every source brings its own placement */
} KtLayoutKind;

typedef enum KtShape { KT_SHAPE_RECTANGLE = 0, KT_SHAPE_ROUNDED = 1, KT_SHAPE_CIRCLE = 2 } KtShape;
typedef enum KtFit {
    KT_FIT_COVER = 0,  /* fills the rectangle, the longer side is cropped evenly */
    KT_FIT_CONTAIN = 1 /* whole picture visible, background shows beside it */
} KtFit;

/* A rectangle in fractions of the canvas, origin top left. Finite; width and height in (0, 4], x
 * and y in [-2, 2]; parts outside the canvas are clipped. */
typedef struct KtRect {
    double x, y, width, height;
} KtRect;

typedef struct KtCompositionSource {
    char id[KT_ID_BYTES];
    int has_placement; /* placement is used in the free layout, ignored in the others */
    KtRect placement;
    int z; /* -1000..1000; higher covers lower, equal: later in the list covers earlier */
    KtShape shape;
    double radius; /* corner radius as a fraction of the shorter side, 0..0.5; rounded only */
    KtFit fit;
    int mirror;
    double border;         /* width as a fraction of the canvas height, 0..0.05 */
    uint32_t border_color; /* 0xRRGGBB */
    double opacity;        /* 0..1 */
} KtCompositionSource;

typedef enum KtBackgroundKind {
    KT_BACKGROUND_COLOR = 0,
    KT_BACKGROUND_GRADIENT = 1,
    KT_BACKGROUND_IMAGE = 2
} KtBackgroundKind;

typedef struct KtBackground {
    KtBackgroundKind kind;
    uint32_t color;          /* 0xRRGGBB; gradient: where it starts */
    uint32_t color_to;       /* gradient: where it ends */
    double angle_degrees;    /* gradient: 0 is left to right, 90 is top to bottom */
    char image[KT_ID_BYTES]; /* image: id of a registered image, scaled to cover */
} KtBackground;

typedef struct KtComposition {
    KtLayoutKind layout;
    char focus[KT_ID_BYTES]; /* source that the layout puts first; empty: the first of the list */
    double gap;              /* between and around tiles, fraction of the canvas height, 0..0.2 */
    KtBackground background;
    int64_t transition_us; /* 0 (cut) .. 2,000,000 */
    int source_count;
    KtCompositionSource sources[KT_MAX_SOURCES];
} KtComposition;

/* Defaults: grid, gap 0.02, background #14171c, no sources, transition 250 ms. */
void kt_composition_init(KtComposition *composition);

/* Reads the JSON form. json: borrowed, json_bytes long, need not be NUL-terminated.
 * On failure *out is untouched and error (borrowed, may be NULL) holds a sentence naming the field,
 * the value and the limit. ERR_FORMAT (not JSON), ERR_ARG (a field's value), ERR_LIMIT (too many
 * sources), ERR_MEMORY. */
KtStatus kt_composition_parse(const char *json, size_t json_bytes, KtComposition *out, char *error,
                              size_t error_bytes);

/* Writes the JSON form, NUL-terminated. Returns the bytes written without the NUL, ERR_SPACE,
 * ERR_MEMORY. */
int64_t kt_composition_print(const KtComposition *composition, char *out, size_t out_bytes);

/* One source as it is to be drawn: fractions of the canvas, in drawing order. */
typedef struct KtPlacedSource {
    int source; /* index into composition->sources */
    KtRect rect;
} KtPlacedSource;

/* Resolves a layout: fills placed with the visible sources in drawing order (lowest first) and
 * returns their count (0..source_count). aspect: canvas width / height. Sources that the layout
 * hides are left out. The same input gives the same output everywhere, so a scene can be replayed.
 */
int kt_layout_resolve(const KtComposition *composition, double aspect,
                      KtPlacedSource placed[KT_MAX_SOURCES]);

#ifdef __cplusplus
}
#endif
#endif
