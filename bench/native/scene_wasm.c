/* The scenes of picture_scene.h for a page: it draws what the native programs draw. */
#include <emscripten.h>
#include <stdlib.h>

#include "picture_scene.h"

static PictureScene *scene;
static uint8_t *picture;

/* Returns where pictures appear, I420 without gaps; 0: no such scene, or no memory. Once. */
EMSCRIPTEN_KEEPALIVE uint8_t *scene_open(int kind, int width, int height)
{
    scene = picture_scene_create(picture_scene_name(kind), width, height);
    picture = scene ? malloc((size_t)width * (size_t)height * 3 / 2) : NULL;
    return picture;
}

/* Draws picture n, numbered. */
EMSCRIPTEN_KEEPALIVE void scene_draw(int n)
{
    picture_scene_draw(scene, n, picture);
    picture_scene_draw_number(scene, n, picture);
}
