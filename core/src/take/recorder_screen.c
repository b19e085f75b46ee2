/* Whether the picture is mostly a shared screen: the encoder is tuned by it, frame by frame. */
#include "recorder_internal.h"

#include <string.h>

/* Screens that cover more than this share of the canvas tune the encoder for screens. */
#define SCREEN_SHARE 0.5

KtStatus kt_recorder_set_screen(KtRecorder *r, int handle, int screen)
{
    if (handle < 0 || handle >= KT_MAX_SOURCES || !r->sources[handle].used)
        return KT_ERR_NOT_FOUND;
    r->sources[handle].screen = screen != 0;
    return KT_OK;
}

static int is_screen(const KtRecorder *r, const char *id)
{
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        const KtRecorderSource *s = &r->sources[i];
        if (s->used && strcmp(s->id, id) == 0)
            return s->screen && s->has_video && !s->video_muted;
    }
    return 0;
}

/* The length of what lies within 0..1. */
static double within(double from, double length)
{
    const double start = from > 0 ? from : 0;
    const double end = from + length < 1 ? from + length : 1;
    return end > start ? end - start : 0;
}

KtStatus kt__recorder_tune_screen(KtRecorder *r)
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    const double aspect = (double)r->config.width / r->config.height;
    double share = 0;
    int screens = 0;
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        screens += r->sources[i].used && r->sources[i].screen;
    const int count = screens > 0 ? kt_layout_resolve(&r->composition, aspect, placed) : 0;
    for (int i = 0; i < count; i++) {
        const KtRect *rect = &placed[i].rect;
        if (is_screen(r, r->composition.sources[placed[i].source].id))
            share += within(rect->x, rect->width) * within(rect->y, rect->height);
    }
    return kt_video_encoder_set_screen(r->video, share > SCREEN_SHARE);
}
