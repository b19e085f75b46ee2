/* Packets of one track that wait for those of the other. Internal to the WebM writer. */
#ifndef KEEPTAKE_PACKET_QUEUE_H
#define KEEPTAKE_PACKET_QUEUE_H

#include "chunk_queue.h"

typedef struct KtPacketNode {
    struct KtPacketNode *next;
    KtPacket packet; /* data: bytes.data */
    KtFileBytes bytes;
} KtPacketNode;

typedef struct KtPacketQueue {
    KtPacketNode *head, *tail;
    int64_t last_us;     /* of the newest packet added; -1: none yet */
    int64_t next_end_us; /* of the packet after the newest written, if it is as long as that */
    int open;            /* the take has this track */
} KtPacketQueue;

/* Takes n, which is in no list. */
void kt__packet_queue_push(KtPacketQueue *q, KtPacketNode *n);
/* The first one, now the caller's; q is not empty. */
KtPacketNode *kt__packet_queue_pop(KtPacketQueue *q);
/* A list, from n on; n may be NULL. */
void kt__packet_nodes_free(KtPacketNode *n);

#endif
