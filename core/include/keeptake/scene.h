/* The scene of a take: who was to be seen where, when. A timeline, told as spans of time, for
 * players and editors that want no events. docs/scene.md, schema docs/scene.schema.json. */
#ifndef KEEPTAKE_SCENE_H
#define KEEPTAKE_SCENE_H

#include "keeptake/timeline.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_SCENE_MAX_JSON_BYTES (16u << 20)

/* Makes the scene JSON of the newest take of a timeline: canvas,
 * duration, background over time, every source's rectangle, shape, layer, opacity over time,
 * pauses, hooks, gaps. Taken by the caller. On failure, except for lack of memory, error (borrowed,
 * may be NULL) holds a sentence: ERR_ARG and ERR_LIMIT of a composition that does not parse,
 * ERR_LIMIT beyond KT_SCENE_MAX_JSON_BYTES or 256 sources, ERR_MEMORY. */
KtStatus kt_scene_json(const KtTimeline *t, char **text, size_t *bytes, char *error,
                       size_t error_bytes);

#ifdef __cplusplus
}
#endif
#endif
