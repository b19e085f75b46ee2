#include "packet_queue.h"

#include <stdlib.h>

void kt__packet_queue_push(KtPacketQueue *q, KtPacketNode *n)
{
    n->next = NULL;
    if (q->tail)
        q->tail->next = n;
    else
        q->head = n;
    q->tail = n;
    q->last_us = n->packet.pts_us;
}

KtPacketNode *kt__packet_queue_pop(KtPacketQueue *q)
{
    KtPacketNode *n = q->head;
    q->head = n->next;
    if (!q->head)
        q->tail = NULL;
    return n;
}

void kt__packet_nodes_free(KtPacketNode *n)
{
    while (n) {
        KtPacketNode *next = n->next;
        free(n->bytes.data);
        free(n);
        n = next;
    }
}
