/* Whether the server can do its work: for /healthz and /readyz, of whoever asks. */
#ifndef KEEPTAKE_SERVER_API_HEALTH_H
#define KEEPTAKE_SERVER_API_HEALTH_H

#include "base/json.h"
#include "db/db.h"
#include "store/store.h"

/* So long the store may take: a disk that hangs is failing, and those who ask do not pile up. */
#define HEALTH_STORE_MS 10000

/* What is looked at; borrowed for as long as somebody may ask. */
typedef struct HealthPorts {
    Db *db;
    Store *store;
    int (*is_full)(void *ctx);     /* nothing new is taken */
    int (*is_draining)(void *ctx); /* it is about to end */
    void *ctx;
} HealthPorts;

typedef struct Health {
    StoreStatus store; /* STORE_OK, STORE_BROKEN or another failure */
    int database, full, draining;
} Health;

/* done runs once, on the loop: later, or at once. */
void health_check(const HealthPorts *ports, void *ctx, void (*done)(void *ctx, const Health *));
/* Whether requests can be answered at all: a full disk is degraded, not failing. */
int health_is_ok(const Health *health);
/* "ok", "degraded", "draining" or "failing". */
const char *health_word(const Health *health);
/* Adds the members "store" and "database". */
void health_write(const Health *health, JsonOut *out);

#endif
