/* The store is asked, the database is read, the rest is known. */
#include "api/health.h"

#include <stdlib.h>

#include "model/recordings.h"

typedef struct HealthCheck {
    const HealthPorts *ports;
    StoreCall call;
    void (*done)(void *ctx, const Health *);
    void *ctx;
    StoreStatus store;
    RecordingRow row;
} HealthCheck;

static int read_database(DbConnection *c, void *ctx)
{
    return recording_get(c, NULL, "", &((HealthCheck *)ctx)->row) == DB_NOT_FOUND ? DB_OK : DB_IO;
}

static void on_database_read(void *ctx, int status)
{
    HealthCheck *check = ctx;
    const HealthPorts *ports = check->ports;
    const Health health = {
        .store = check->store,
        .database = status == DB_OK,
        .full = ports->is_full(ports->ctx),
        .draining = ports->is_draining(ports->ctx),
    };
    check->done(check->ctx, &health);
    free(check);
}

static void on_store_checked(void *ctx, StoreStatus status)
{
    HealthCheck *check = ctx;
    check->store = status;
    db_read(check->ports->db, read_database, check, on_database_read);
}

void health_check(const HealthPorts *ports, void *ctx, void (*done)(void *ctx, const Health *))
{
    HealthCheck *check = calloc(1, sizeof *check);
    if (!check) {
        const Health none = {.store = STORE_IO};
        done(ctx, &none);
        return;
    }
    check->ports = ports;
    check->done = done;
    check->ctx = ctx;
    check->call = (StoreCall){.class = STORE_INTERACTIVE, .deadline_ms = HEALTH_STORE_MS};
    ports->store->check(ports->store, &check->call, check, on_store_checked);
}

int health_is_ok(const Health *health)
{
    return health->store == STORE_OK && health->database;
}

const char *health_word(const Health *health)
{
    return !health_is_ok(health) ? "failing"
           : health->draining    ? "draining"
           : health->full        ? "degraded"
                                 : "ok";
}

void health_write(const Health *health, JsonOut *out)
{
    json_key(out, "store");
    json_string(out, health->store == STORE_BROKEN ? "broken"
                     : health->store != STORE_OK   ? "failing"
                     : health->full                ? "full"
                                                   : "ok");
    json_key(out, "database");
    json_string(out, health->database ? "ok" : "failing");
}
