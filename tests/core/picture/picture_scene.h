/* Moving pictures made here, the same on every machine: what a recorder meets. Used by the tests of
 * the encoder's quality and by bench/native/bench_quality.c. Integers only. */
#ifndef KEEPTAKE_TESTS_PICTURE_SCENE_H
#define KEEPTAKE_TESTS_PICTURE_SCENE_H

#include <stdint.h>

typedef struct PictureScene PictureScene;

/* A rectangle of luma pixels. */
typedef struct PictureArea {
    int x, y, width, height;
} PictureArea;

/* The scenes, by name (a browser's page knows them by their places in this list):
 *   slides    a page of text, another one every 3 s; a moving inset in its corner
 *   still     the same pages, nothing else moves
 *   scroll    a long text that scrolls for 2 s and stands for 1 s, by turns
 *   cut       two cameras that pan, by turns of 2 s
 *   noise     a camera that pans, with much noise
 *   talk      a head that moves before a background that stands, a little noise
 *   gradient  soft gradients that drift
 *   photos    pictures that cameras made, each stands for 3 s
 *   wake      a picture that stands for 3 s, then a camera with much noise for 2 s, by turns
 * name NULL or index out of range: NULL. */
const char *picture_scene_name(int index);

/* width and height in pixels, even, at least 64. NULL: no such scene, or no memory. */
PictureScene *picture_scene_create(const char *name, int width, int height);
void picture_scene_destroy(PictureScene **scene);

/* Draws picture n >= 0 of 30 a second as I420 into out: planes one after another, no gaps,
 * width * height * 3 / 2 bytes. The same n gives the same bytes, in any order of calls. */
void picture_scene_draw(PictureScene *scene, int n, uint8_t *out);

/* Pictures can be numbered in their lower right corner, so that one can be found again in a file:
 * the number of the first picture from which on none has changed up to n. */
int picture_scene_number(const PictureScene *scene, int n);
/* Draws the number of picture n, below KT_PICTURE_NUMBERS, over its KT_PICTURE_NUMBER_ROWS lowest
 * rows of luma, at the right. Needs a width of at least 256. */
#define KT_PICTURE_NUMBERS 4096
#define KT_PICTURE_NUMBER_ROWS 16
void picture_scene_draw_number(const PictureScene *scene, int n, uint8_t *luma);
/* The number in the luma of a decoded picture. Stride in bytes. */
int picture_scene_read_number(const uint8_t *luma, int stride, int width, int height);

/* How many pictures ago most of the picture changed at once, 0: with picture n itself. -1: not yet,
 * or there is no such change in this scene. The first picture is no change. */
int picture_scene_since_change(const PictureScene *scene, int n);
/* Where the text is; all of the picture for scenes without. */
PictureArea picture_scene_area(const PictureScene *scene);
/* 1: such pictures come from a shared screen. */
int picture_scene_is_screen(const PictureScene *scene);

#endif
