/* Watches the luma of the pictures that go to the encoder: whether most of one is new at once (a
 * slide, a cut, a layout), and whether it is drawn or filmed. Internal to core/src/codec. */
#ifndef KEEPTAKE_PICTURE_CHANGE_H
#define KEEPTAKE_PICTURE_CHANGE_H

#include <stdint.h>

#include "keeptake/status.h"

typedef struct KtPictureWatch {
    int width, height;
    uint8_t *rows; /* of the picture before, one of four */
    int has_rows;
    int moving;    /* share of a picture that moves, 1/1024, a mean over some pictures */
    int since_new; /* pictures since one was new, up to 8 */
} KtPictureWatch;

/* Zero-filled memory may be reset without init. Pixels, at least 2 x 2. */
KtStatus kt__picture_watch_init(KtPictureWatch *w, int width, int height);
void kt__picture_watch_reset(KtPictureWatch *w);
/* The next picture's luma, borrowed for this call; the stride in bytes. Returns 1 where most of it
 * is new at once, after pictures of which little was; never for the first one. The answer depends
 * on the pictures alone. */
int kt__picture_watch(KtPictureWatch *w, const uint8_t *luma, int stride);
/* 1: the last picture consists of plain areas mostly, as pages and windows do; 0: it was filmed. */
int kt__picture_watch_is_drawn(const KtPictureWatch *w);

#endif
