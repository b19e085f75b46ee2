#include "picture_queue.h"

#include <assert.h>
#include <string.h>

static KtQueuedPicture shift(KtPictureQueue *q, int source)
{
    KtQueuedPicture first = q->waiting[source][0];
    assert(q->count[source] > 0);
    q->count[source]--;
    q->all--;
    q->bytes -= first.frame->capacity_bytes;
    memmove(q->waiting[source], q->waiting[source] + 1,
            (size_t)q->count[source] * sizeof q->waiting[source][0]);
    return first;
}

static void drop_first(KtPictureQueue *q, int source)
{
    KtQueuedPicture first = shift(q, source);
    kt_frame_unref(&first.frame);
}

static int longest(const KtPictureQueue *q)
{
    int best = 0;
    for (int i = 1; i < KT_MAX_SOURCES; i++)
        if (q->count[i] > q->count[best])
            best = i;
    return best;
}

void kt__pictures_put(KtPictureQueue *q, int source, KtFrame *frame, int64_t at_us)
{
    assert(source >= 0 && source < KT_MAX_SOURCES);
    if (q->count[source] == KT__QUEUE_PICTURES)
        drop_first(q, source);
    while (q->all > 0 &&
           (q->all == KT__QUEUE_ALL || q->bytes + frame->capacity_bytes > KT__QUEUE_BYTES))
        drop_first(q, longest(q));
    int n = q->count[source];
    if (n > 0 && at_us < q->waiting[source][n - 1].at_us)
        at_us = q->waiting[source][n - 1].at_us;
    q->waiting[source][n] = (KtQueuedPicture){frame, at_us};
    q->count[source]++;
    q->all++;
    q->bytes += frame->capacity_bytes;
}

KtFrame *kt__pictures_take(KtPictureQueue *q, int source, int64_t moment_us, int64_t *at_us)
{
    assert(source >= 0 && source < KT_MAX_SOURCES);
    KtFrame *newest = NULL;
    while (q->count[source] > 0 && q->waiting[source][0].at_us <= moment_us) {
        KtQueuedPicture first = shift(q, source);
        kt_frame_unref(&newest);
        newest = first.frame;
        *at_us = first.at_us;
    }
    return newest;
}

void kt__pictures_forget(KtPictureQueue *q, int source)
{
    assert(source >= 0 && source < KT_MAX_SOURCES);
    while (q->count[source] > 0)
        drop_first(q, source);
}
