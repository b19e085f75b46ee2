/* Finished pieces of a file that wait to be taken, in file order. Internal to file writers. */
#ifndef KEEPTAKE_CHUNK_QUEUE_H
#define KEEPTAKE_CHUNK_QUEUE_H

#include "keeptake/file_writer.h"

/* Bytes that grow; the buffer's capacity is kept when it is used again. */
typedef struct KtFileBytes {
    uint8_t *data;
    size_t bytes;
    size_t capacity;
} KtFileBytes;

typedef struct KtChunkNode {
    struct KtChunkNode *next;
    KtChunk chunk; /* data: bytes.data */
    KtFileBytes bytes;
} KtChunkNode;

/* All zeros: empty. */
typedef struct KtChunkQueue {
    KtChunkNode *head, *tail;
    KtChunkNode *spare; /* popped chunks keep their memory for the next ones, some of them */
    int spare_count;
    size_t waiting_bytes;
    int64_t file_bytes; /* of all chunks so far; the patch adds none */
    uint32_t next_sequence;
} KtChunkQueue;

/* Room for bytes in all. Grows by doubling; contents stay. ERR_MEMORY. */
KtStatus kt__file_bytes_reserve(KtFileBytes *b, size_t bytes);

/* A chunk in no list, empty; NULL: no memory. */
KtChunkNode *kt__chunk_take(KtChunkQueue *q);
/* Frees one; c may be NULL. */
void kt__chunk_free(KtChunkNode *c);
/* Gives one back that kt__chunk_take gave. */
void kt__chunk_release(KtChunkQueue *q, KtChunkNode *c);
/* A finished chunk joins the waiting ones; the patch replaces bytes, all others add to the file. */
void kt__chunk_enqueue(KtChunkQueue *q, KtChunkNode *c, KtChunkKind kind);
/* The oldest one, or KT_AGAIN. */
KtStatus kt__chunk_peek(const KtChunkQueue *q, KtChunk *out);
/* Lets go of it. ERR_STATE where none waits. */
KtStatus kt__chunk_pop(KtChunkQueue *q);
void kt__chunk_queue_reset(KtChunkQueue *q);

#endif
