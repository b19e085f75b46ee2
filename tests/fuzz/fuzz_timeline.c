/* Any bytes as a timeline, plain or compressed: what is accepted is written, reads back the same,
 * and has a scene or a clear refusal; and every byte is looked at a few times at most. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/src/base/json.h"
#include "keeptake/scene.h"

/* The grammar, the members of the timeline, of its events and of each event, the data of each. */
#define STEPS_PER_BYTE 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static KtStatus parse_counted(const char *json, size_t bytes, KtTimeline **out, char error[256])
{
    uint64_t before = kt__json_steps;
    KtStatus status = kt_timeline_parse(json, bytes, out, error, 256);
    if (kt__json_steps - before > STEPS_PER_BYTE * (uint64_t)bytes + 64)
        abort();
    return status;
}

static void check(const char *json, size_t json_bytes)
{
    KtTimeline *t = NULL, *copy = NULL;
    char *text = NULL, *again = NULL, *scene = NULL, error[256] = "";
    size_t text_bytes = 0, again_bytes = 0, scene_bytes = 0;
    if (parse_counted(json, json_bytes, &t, error) != KT_OK) {
        if (!error[0] || t)
            abort();
        return;
    }
    if (kt_timeline_json(t, &text, &text_bytes) != KT_OK ||
        parse_counted(text, text_bytes, &copy, error) != KT_OK ||
        kt_timeline_json(copy, &again, &again_bytes) != KT_OK || text_bytes != again_bytes ||
        memcmp(text, again, text_bytes) != 0)
        abort();
    if (kt_scene_json(t, &scene, &scene_bytes, NULL, 0) == KT_OK)
        kt_text_free(scene);
    kt_text_free(text);
    kt_text_free(again);
    kt_timeline_destroy(&t);
    kt_timeline_destroy(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *json = NULL;
    size_t json_bytes = 0;
    if (kt_timeline_decompress(data, bytes, &json, &json_bytes) == KT_OK) {
        if (json_bytes < (1u << 20))
            check(json, json_bytes);
        kt_text_free(json);
    }
    check((const char *)data, bytes);
    return 0;
}
