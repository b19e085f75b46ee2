/* The order of take_store.h: a queue of chunks in file order, each of which waits for its record.
 */
#include "keeptake/take_store.h"

#include <stdlib.h>
#include <string.h>

typedef enum Wait {
    WAITS = 0,
    STORED = 1,
    UNJOURNALED = 2, /* has no record, or one that is not stored */
} Wait;

typedef struct Waiting {
    Wait wait;
    uint32_t sequence;
    size_t payload_offset;
    int64_t offset, bytes;
} Waiting;

_Static_assert(sizeof(Waiting) <= 32, "as take_store.h says");

struct KtTakeStore {
    int keep_all; /* fixed at creation */

    Waiting *queue; /* a ring */
    size_t capacity, first, count;
    int64_t counted_bytes;
    int64_t appended_bytes; /* of them, to the uploader */
};

KtStatus kt_take_store_create(int keep_all, KtTakeStore **out)
{
    if (!out)
        return KT_ERR_ARG;
    KtTakeStore *s = calloc(1, sizeof *s);
    if (!s)
        return KT_ERR_MEMORY;
    s->keep_all = keep_all != 0;
    *out = s;
    return KT_OK;
}

void kt_take_store_destroy(KtTakeStore **s)
{
    if (!s || !*s)
        return;
    free((*s)->queue);
    free(*s);
    *s = NULL;
}

static Waiting *waiting_at(const KtTakeStore *s, size_t index)
{
    return &s->queue[(s->first + index) % s->capacity];
}

static KtStatus reserve(KtTakeStore *s)
{
    if (s->count < s->capacity)
        return KT_OK;
    if (s->count >= KT_TAKE_STORE_MAX_WAITING)
        return KT_ERR_LIMIT;
    const size_t capacity = s->capacity ? s->capacity * 2 : 64;
    Waiting *queue = malloc(capacity * sizeof *queue);
    if (!queue)
        return KT_ERR_MEMORY;
    for (size_t i = 0; i < s->count; i++)
        queue[i] = *waiting_at(s, i);
    free(s->queue);
    s->queue = queue;
    s->capacity = capacity;
    s->first = 0;
    return KT_OK;
}

KtStatus kt_take_store_chunk(KtTakeStore *s, KtJournal *j, const KtTimeline *timeline,
                             const KtChunk *chunk, KtJournalRecord *out)
{
    if (!s || !chunk || !out || chunk->bytes == 0)
        return KT_ERR_ARG;
    KtJournalRecord record = {.bytes = 0};
    KtStatus status = reserve(s);
    if (status == KT_OK && j)
        status = kt_journal_chunk(j, chunk, timeline, &record);
    if (status != KT_OK)
        return status;
    s->count++;
    *waiting_at(s, s->count - 1) = (Waiting){
        .wait = j ? WAITS : UNJOURNALED,
        .sequence = record.sequence,
        .payload_offset = record.payload_offset,
        .offset = chunk->offset,
        .bytes = chunk->kind == KT_CHUNK_PATCH ? 0 : (int64_t)chunk->bytes,
    };
    *out = record;
    return KT_OK;
}

KtStatus kt_take_store_stored(KtTakeStore *s, uint32_t sequence, int is_stored)
{
    if (!s)
        return KT_ERR_ARG;
    for (size_t i = 0; i < s->count; i++) {
        Waiting *w = waiting_at(s, i);
        if (w->wait != WAITS || w->sequence != sequence)
            continue;
        w->wait = is_stored ? STORED : UNJOURNALED;
        return KT_OK;
    }
    return KT_ERR_NOT_FOUND;
}

KtStatus kt_take_store_journal_ended(KtTakeStore *s)
{
    if (!s)
        return KT_ERR_ARG;
    for (size_t i = 0; i < s->count; i++)
        if (waiting_at(s, i)->wait == WAITS)
            waiting_at(s, i)->wait = UNJOURNALED;
    return KT_OK;
}

/* Gives the uploader what counts and it does not have yet. */
static KtStatus append(KtTakeStore *s, KtUploader *u, int64_t now_us)
{
    const int64_t more = s->counted_bytes - s->appended_bytes;
    if (!u || more == 0)
        return KT_OK;
    const KtStatus status = kt_uploader_append(u, now_us, more);
    if (status == KT_OK)
        s->appended_bytes = s->counted_bytes;
    return status;
}

KtStatus kt_take_store_count(KtTakeStore *s, KtUploader *u, int64_t now_us, KtCountedChunk *out)
{
    if (!s || !out)
        return KT_ERR_ARG;
    if (s->count == 0 || waiting_at(s, 0)->wait == WAITS) {
        append(s, u, now_us); /* of a first call with an uploader */
        return KT_AGAIN;
    }
    const Waiting w = *waiting_at(s, 0);
    s->first = (s->first + 1) % s->capacity;
    s->count--;
    s->counted_bytes += w.bytes;
    *out = (KtCountedChunk){
        .offset = w.offset,
        .bytes = w.bytes,
        .is_stored = w.wait == STORED,
        .sequence = w.sequence,
        .payload_offset = w.payload_offset,
        .upload = append(s, u, now_us),
    };
    return KT_OK;
}

KtStatus kt_take_store_release(KtTakeStore *s, KtJournal *j, const KtTimeline *timeline,
                               int64_t released_bytes, KtJournalCheckpoint *out)
{
    if (!s || !out || released_bytes < 0 || released_bytes > s->counted_bytes)
        return KT_ERR_ARG;
    if (j && s->keep_all)
        return KT_AGAIN;
    if (j)
        return kt_journal_checkpoint(j, released_bytes, timeline, out);
    *out = (KtJournalCheckpoint){.drop_count = 0};
    return KT_OK;
}

KtStatus kt_take_store_finish(KtTakeStore *s, KtUploader *u, int64_t now_us)
{
    if (!s || !u)
        return KT_ERR_ARG;
    if (s->count > 0)
        return KT_ERR_STATE;
    const KtStatus status = append(s, u, now_us);
    return status == KT_OK ? kt_uploader_finish(u, now_us) : status;
}

int64_t kt_take_store_counted_bytes(const KtTakeStore *s)
{
    return s ? s->counted_bytes : 0;
}
