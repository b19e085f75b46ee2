/* Names, hooks and logos: pictures with transparency that are drawn 1:1 over the canvas. */
#ifndef KT_COMPOSITOR_SPRITE_H
#define KT_COMPOSITOR_SPRITE_H

#include "compositor_types.h"
#include "keeptake/compositor.h"
#include "kernels.h"

#define KT__SPRITE_FADE_US 200000

typedef struct KtSprite {
    char id[KT_ID_BYTES]; /* empty: free */
    char source_id[KT_ID_BYTES];
    KtSpriteKind kind;
    int width, height; /* even */
    uint8_t *planes;   /* Y, alpha, U, V, chroma alpha */
    int fade_from;     /* opacity at fade_us, 0..255 */
    int shown;         /* fading in to 255 or out to 0 */
    int64_t fade_us;
} KtSprite;

typedef struct KtSprites {
    /* fixed at creation */
    int width, height; /* of the canvas, pixels */
    const KtKernels *kernels;
    KtRgbMatrix matrix; /* from RGBA to the canvas */
    uint8_t *row;       /* scratch: a mask */

    /* changes while running */
    KtSprite sprites[KT_MAX_SPRITES];
} KtSprites;

/* What to show; its ids are valid, all of it is borrowed for the call. */
typedef struct KtSpriteSpec {
    const char *id;
    KtSpriteKind kind;
    const char *source_id; /* "": of the canvas */
    KtPixels pixels;
} KtSpriteSpec;

/* Into zero-filled memory. ERR_MEMORY; reset in any case. */
KtStatus kt__sprites_init(KtSprites *s, int width, int height, KtColorMatrix matrix,
                          const KtKernels *kernels);
void kt__sprites_reset(KtSprites *s);
/* Shows a sprite or replaces the one with its id, which goes on with its opacity. ERR_LIMIT,
 * ERR_MEMORY: as before. */
KtStatus kt__sprites_show(KtSprites *s, const KtSpriteSpec *spec, int64_t now_us);
/* Lets it fade. ERR_NOT_FOUND: not known, or fading already. */
KtStatus kt__sprites_hide(KtSprites *s, const char *id, int64_t now_us);
/* Whether any of them looks otherwise at b_us than at a_us. */
int kt__sprites_differ(const KtSprites *s, int64_t a_us, int64_t b_us);
/* Draws those of one kind, names or hooks, that belong to a source ("": to none) into its box.
 *   opacity  of the source, 0..255 */
void kt__sprites_draw(KtSprites *s, KtSpriteKind kind, const char *source_id, const KtBox *box,
                      int opacity, int64_t now_us, KtFrame *out);
/* Draws those of the canvas's corners. */
void kt__sprites_draw_corners(KtSprites *s, int64_t now_us, KtFrame *out);

#endif
