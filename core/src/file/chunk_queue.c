#include "chunk_queue.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define MAX_SPARE 8

KtStatus kt__file_bytes_reserve(KtFileBytes *b, size_t bytes)
{
    if (bytes <= b->capacity)
        return KT_OK;
    size_t capacity = b->capacity ? b->capacity : 4096;
    while (capacity < bytes) {
        if (capacity > SIZE_MAX / 2)
            return KT_ERR_MEMORY;
        capacity *= 2;
    }
    uint8_t *data = realloc(b->data, capacity);
    if (!data)
        return KT_ERR_MEMORY;
    b->data = data;
    b->capacity = capacity;
    return KT_OK;
}

KtChunkNode *kt__chunk_take(KtChunkQueue *q)
{
    KtChunkNode *c = q->spare;
    if (!c)
        return calloc(1, sizeof *c);
    q->spare = c->next;
    q->spare_count--;
    const KtFileBytes kept = c->bytes;
    memset(c, 0, sizeof *c);
    c->bytes = kept;
    c->bytes.bytes = 0;
    return c;
}

void kt__chunk_free(KtChunkNode *c)
{
    if (!c)
        return;
    free(c->bytes.data);
    free(c);
}

void kt__chunk_release(KtChunkQueue *q, KtChunkNode *c)
{
    if (q->spare_count >= MAX_SPARE) {
        kt__chunk_free(c);
        return;
    }
    c->next = q->spare;
    q->spare = c;
    q->spare_count++;
}

void kt__chunk_enqueue(KtChunkQueue *q, KtChunkNode *c, KtChunkKind kind)
{
    c->next = NULL;
    c->chunk.kind = kind;
    c->chunk.sequence = q->next_sequence++;
    c->chunk.data = c->bytes.data;
    c->chunk.bytes = c->bytes.bytes;
    c->chunk.crc32 = (uint32_t)crc32(0L, c->bytes.data, (uInt)c->bytes.bytes);
    if (kind == KT_CHUNK_PATCH) {
        c->chunk.offset = 0;
    } else {
        c->chunk.offset = q->file_bytes;
        q->file_bytes += (int64_t)c->bytes.bytes;
    }
    if (q->tail)
        q->tail->next = c;
    else
        q->head = c;
    q->tail = c;
    q->waiting_bytes += c->bytes.bytes;
}

KtStatus kt__chunk_peek(const KtChunkQueue *q, KtChunk *out)
{
    if (!q->head)
        return KT_AGAIN;
    *out = q->head->chunk;
    return KT_OK;
}

KtStatus kt__chunk_pop(KtChunkQueue *q)
{
    KtChunkNode *c = q->head;
    if (!c)
        return KT_ERR_STATE;
    q->head = c->next;
    if (!q->head)
        q->tail = NULL;
    q->waiting_bytes -= c->bytes.bytes;
    kt__chunk_release(q, c);
    return KT_OK;
}

void kt__chunk_queue_reset(KtChunkQueue *q)
{
    KtChunkNode *lists[] = {q->head, q->spare};
    for (int i = 0; i < 2; i++) {
        for (KtChunkNode *c = lists[i], *next; c; c = next) {
            next = c->next;
            kt__chunk_free(c);
        }
    }
    memset(q, 0, sizeof *q);
}
