/* Timelines made of any events in any order: each has a scene that is JSON, or a clear refusal. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/src/base/json.h"
#include "keeptake/scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct Input {
    const uint8_t *data;
    size_t bytes;
} Input;

static unsigned take(Input *in)
{
    if (in->bytes == 0)
        return 0;
    in->bytes--;
    return *in->data++;
}

static void composition(Input *in, char *out, size_t out_bytes)
{
    static const char *const layouts[] = {"grid",      "side-by-side", "picture-in-picture",
                                          "spotlight", "screen-only",  "free"};
    size_t n = (size_t)snprintf(out, out_bytes,
                                "{\"layout\":\"%s\",\"focus\":\"s%u\",\"transition\":%u,"
                                "\"background\":{\"kind\":\"color\",\"color\":\"#0000%02x\"},"
                                "\"sources\":[",
                                layouts[take(in) % 6], take(in) % 8, take(in) % 3, take(in) % 4);
    unsigned count = take(in) % 9, first = take(in);
    for (unsigned i = 0; i < count; i++)
        n += (size_t)snprintf(out + n, out_bytes - n,
                              "%s{\"id\":\"s%u\",\"z\":%d,\"placement\":{\"x\":%.2f,\"y\":0,"
                              "\"width\":0.5,\"height\":%.2f}}",
                              i ? "," : "", (first + i) % 8, (int)(take(in) % 5) - 2,
                              take(in) / 128.0 - 1, 0.1 + take(in) / 300.0);
    snprintf(out + n, out_bytes - n, "]}");
}

/* The data of an event, right for its kind most of the time. */
static const char *data_of(Input *in, KtTimelineEvent event, char *out, size_t out_bytes)
{
    unsigned way = take(in);
    if (way % 16 == 0)
        return way < 128 ? NULL : "{}";
    if (way % 16 == 1)
        return "{\"id\":[],\"text\":{},\"duration\":\"x\",\"cause\":1,\"sources\":7,\"name\":null}";
    if (event == KT_TIMELINE_COMPOSITION)
        composition(in, out, out_bytes);
    else
        snprintf(out, out_bytes,
                 "{\"id\":\"s%u\",\"source\":\"s%u\",\"name\":\"N\\u00e9\\\"%u\",\"text\":\"t%u\","
                 "\"cause\":\"stalled\",\"duration\":%d}",
                 way % 8, take(in) % 8, way, way, (int)take(in) - 20);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    Input in = {data, bytes};
    KtTimeline *t = NULL;
    char text[4096], error[256] = "", *scene = NULL;
    size_t scene_bytes = 0;
    int64_t at_us = 0;
    if (kt_timeline_create(16 + (int)take(&in) * 16, 16 + (int)take(&in) * 16, &t) != KT_OK)
        return 0;
    while (in.bytes > 0) {
        KtTimelineEvent event = (KtTimelineEvent)(take(&in) % (KT_TIMELINE_MARK + 1));
        at_us += (int64_t)take(&in) * 10000;
        KtStatus status = kt_timeline_add(t, event, at_us, INT64_C(1700000000000000) + at_us,
                                          data_of(&in, event, text, sizeof text));
        if (event == KT_TIMELINE_RESTART && status == KT_OK)
            at_us = 0;
    }
    KtStatus status = kt_scene_json(t, &scene, &scene_bytes, error, sizeof error);
    if (status != KT_OK && status != KT_ERR_MEMORY && !error[0])
        abort();
    if (status == KT_OK && kt__json_check(scene, scene_bytes, NULL) != KT_OK)
        abort();
    if (status == KT_OK)
        kt_text_free(scene);
    kt_timeline_destroy(&t);
    return 0;
}
