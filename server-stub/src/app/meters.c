/* What /metrics tells of the parts that server.c puts together, and who else is asked. */
#include "app/meters.h"

#include <stdio.h>
#include <string.h>

#include "store/disk/blocking.h"

/* The listeners are gone while the server stops, when metrics can still be asked for. */
static void write_connections(void *ctx, Text *out)
{
    const Server *server = ctx;
    GatewayStats store;
    HttpStats api = {0};
    memset(&store, 0, sizeof store);
    if (server->http) {
        http_stats(server->http, &api);
    }
    if (server->s3) {
        gateway_stats(server->s3, &store);
    }
    metrics_value(out, "keeptake_connections_open", "gauge", "Connections of both listeners.",
                  api.sockets + store.http.sockets);
    metrics_value(out, "keeptake_connections_limit", "gauge", "Most connections of a listener.",
                  server->config.http.connections);
    metrics_value(out, "keeptake_connections_cut_total", "counter",
                  "Connections closed for silence, slowness or number.",
                  (double)(api.cut + store.http.cut));
    metrics_value(out, "keeptake_requests_refused_total", "counter",
                  "Requests whose head was not well-formed.",
                  (double)(api.refused + store.http.refused));
}

static void write_store(void *ctx, Text *out)
{
    const Server *server = ctx;
    if (!server->disk) {
        s3store_write_metrics(server->store, out);
        return;
    }
    if (server->s3) {
        gateway_write_metrics(server->s3, out);
    }
    metrics_value(out, "keeptake_store_disk_failed", "gauge",
                  "1 once the disk has refused a write: no more are tried until a restart.",
                  disk_failure(server->disk) != 0);
    metrics_value(out, "keeptake_store_read_errors_total", "counter",
                  "Reads that the disk refused.", disk_read_errors(server->disk));
}

/* How long tasks wait for a thread of their kind, and keep it. */
static void write_pools(void *ctx, Text *out)
{
    const Server *server = ctx;
    static const char *const names[DISK_POOLS] = {[DISK_WRITES] = "writes",
                                                  [DISK_READS] = "reads",
                                                  [DISK_CALLS] = "calls",
                                                  [DISK_LONG] = "long",
                                                  [DISK_BULK] = "bulk"};
    const Workers *pools[DISK_POOLS + 1] = {server->compute};
    const char *labels[DISK_POOLS + 1] = {"pool=\"compute\""};
    char text[DISK_POOLS][32];
    int count = 1;
    for (int i = 0; i < DISK_POOLS && server->disk; i++, count++) {
        snprintf(text[i], sizeof text[i], "pool=\"%s\"", names[i]);
        pools[count] = store_disk_pool(server->disk, (DiskPool)i);
        labels[count] = text[i];
    }
    histogram_begin(out, "keeptake_pool_wait_seconds", "How long tasks waited for a thread.");
    for (int i = 0; i < count; i++) {
        histogram_write(&workers_times(pools[i])->waited, out, "keeptake_pool_wait_seconds",
                        labels[i]);
    }
    histogram_begin(out, "keeptake_pool_work_seconds", "How long tasks kept a thread.");
    for (int i = 0; i < count; i++) {
        histogram_write(&workers_times(pools[i])->worked, out, "keeptake_pool_work_seconds",
                        labels[i]);
    }
    text_format(out, "# HELP keeptake_pool_tasks Tasks waiting or at work.\n"
                     "# TYPE keeptake_pool_tasks gauge\n");
    for (int i = 0; i < count; i++) {
        text_format(out, "keeptake_pool_tasks{%s} %d\n", labels[i], workers_busy(pools[i]));
    }
}

static void write_room(void *ctx, Text *out)
{
    Server *server = ctx;
    metrics_value(out, "keeptake_draining", "gauge", "1 while the server is about to end.",
                  server->draining || server->stopping);
    metrics_value(out, "keeptake_disk_free_bytes", "gauge",
                  "Room on the disk of the data folder; -1 where it is not known.",
                  (double)disk_space_free(&server->space, uv_now(server->loop)));
    metrics_value(out, "keeptake_disk_low_bytes", "gauge", "With less nothing new is taken.",
                  (double)server->space.low_bytes);
    metrics_value(out, "keeptake_timelines_waiting", "gauge", "Timelines being read or waiting.",
                  workers_waiting(server->compute));
}

void meters_add(Server *s)
{
    Metrics *m = &s->metrics;
    metrics_add(m, db_write_metrics, s->db);
    metrics_add(m, write_store, s);
    metrics_add(m, jobs_write_metrics, &s->jobs);
    metrics_add(m, write_connections, s);
    metrics_add(m, loop_watch_write_metrics, &s->turns);
    if (s->scrub) {
        metrics_add(m, disk_scrub_write_metrics, s->scrub);
    }
    metrics_add(m, write_pools, s);
    metrics_add(m, write_room, s);
}
