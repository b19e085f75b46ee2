/* What a step costs, by a clock that only looks: an exponential mean over some 16 times. */
#ifndef KEEPTAKE_SRC_COST_H
#define KEEPTAKE_SRC_COST_H

#include <stdint.h>

typedef struct KtCost {
    /* Fixed. */
    int64_t (*clock_us)(void *context); /* NULL: the mean stays 0 */
    void *context;
    /* Changes while running. */
    double mean_ms;
} KtCost;

/* The moment at which the step begins. */
static inline int64_t kt__cost_begin(const KtCost *c)
{
    return c->clock_us ? c->clock_us(c->context) : 0;
}

static inline void kt__cost_end(KtCost *c, int64_t since_us)
{
    if (c->clock_us)
        c->mean_ms += ((double)(c->clock_us(c->context) - since_us) / 1000 - c->mean_ms) / 16;
}

#endif
