/* Pictures that have come and whose slot has not been made yet: a busy machine makes slots late,
 * and each shows what had come by its moment. Bounded in pictures and bytes; the oldest give way.
 */
#ifndef KEEPTAKE_SRC_PICTURE_QUEUE_H
#define KEEPTAKE_SRC_PICTURE_QUEUE_H

#include "keeptake/composition.h"
#include "keeptake/frame.h"

#define KT__QUEUE_PICTURES 10 /* of one source: a third of a second at 30 a second */
#define KT__QUEUE_ALL 48
#define KT__QUEUE_BYTES ((size_t)96 << 20)

typedef struct KtQueuedPicture {
    KtFrame *frame; /* one reference */
    int64_t at_us;  /* engine clock; never decreases within a source */
} KtQueuedPicture;

/* All zero: empty. */
typedef struct KtPictureQueue {
    KtQueuedPicture waiting[KT_MAX_SOURCES][KT__QUEUE_PICTURES]; /* oldest first */
    int count[KT_MAX_SOURCES];
    int all;
    size_t bytes;
} KtPictureQueue;

/* frame: taken. Where there is no room the oldest picture of the longest queue is given back. */
void kt__pictures_put(KtPictureQueue *q, int source, KtFrame *frame, int64_t at_us);
/* The newest picture of source that had come by moment_us, the caller's; older ones are given back.
 * NULL: none. at_us: filled where there is one. */
KtFrame *kt__pictures_take(KtPictureQueue *q, int source, int64_t moment_us, int64_t *at_us);
/* Gives back all of source. */
void kt__pictures_forget(KtPictureQueue *q, int source);

#endif
