/* Health and metrics. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "store/disk/blocking.h"

static void on_store_checked(void *ctx, StoreStatus status)
{
    ApiCall *call = ctx;
    JsonOut out = {0};
    int store = status == STORE_OK;
    server_tell_failure(call->server);
    int database = recording_get(db_reader(call->server->db), NULL, "", &call->row) == DB_NOT_FOUND;
    json_begin(&out, '{');
    json_key(&out, "status");
    int full = server_is_full(call->server);
    json_string(&out, !(store && database) ? "failing" : full ? "degraded" : "ok");
    json_key(&out, "version");
    json_string(&out, KEEPTAKE_VERSION);
    json_key(&out, "store");
    json_string(&out, status == STORE_BROKEN ? "broken"
                      : !store               ? "failing"
                      : full                 ? "full"
                                             : "ok");
    json_key(&out, "database");
    json_string(&out, database ? "ok" : "failing");
    json_end(&out, '}');
    api_send(call, store && database ? 200 : 503, &out);
}

void api_health(ApiCall *call)
{
    call->server->store->check(call->server->store, call, on_store_checked);
}

static void write_recordings(Server *server, Text *out)
{
    static const RecordingState states[] = {RECORDING_CREATED, RECORDING_RECORDING,
                                            RECORDING_COMPLETE, RECORDING_ABORTED,
                                            RECORDING_FAILED};
    int64_t counts[8];
    recording_counts(db_reader(server->db), counts);
    text_format(
        out, "# HELP keeptake_recordings Recordings by state.\n# TYPE keeptake_recordings gauge\n");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        text_format(out, "keeptake_recordings{state=\"%s\"} %lld\n",
                    recording_state_name(states[i], PENDING_NONE), (long long)counts[states[i]]);
    }
    metrics_value(out, "keeptake_uploads_open", "gauge", "Uploads that have begun and not ended.",
                  (double)counts[RECORDING_RECORDING]);
}

static void write_connections(const Server *server, Text *out)
{
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

static void write_listener(const Server *server, Text *out)
{
    GatewayStats stats;
    memset(&stats, 0, sizeof stats);
    gateway_stats(server->s3, &stats);
    metrics_value(out, "keeptake_s3_requests_total", "counter", "Requests of the store's listener.",
                  (double)stats.requests);
    metrics_value(out, "keeptake_s3_errors_total", "counter",
                  "Of them, answered with 400 or above.", (double)stats.errors);
    metrics_value(out, "keeptake_s3_received_bytes_total", "counter",
                  "Bytes that the store received.", (double)stats.bytes_in);
    metrics_value(out, "keeptake_store_disk_failed", "gauge",
                  "1 once the disk has refused a write: no more are tried until a restart.",
                  disk_failure(server->disk) != 0);
    metrics_value(out, "keeptake_store_read_errors_total", "counter",
                  "Reads that the disk refused.", disk_read_errors(server->disk));
    metrics_value(out, "keeptake_s3_sent_bytes_total", "counter", "Bytes that the store sent.",
                  (double)stats.bytes_out);
    gateway_write_tally(server->s3, out);
}

static void write_service(const Server *server, Text *out)
{
    S3StoreStats stats;
    s3store_stats(server->store, &stats);
    metrics_value(out, "keeptake_store_requests_total", "counter",
                  "Requests that the server sent to the S3 service.", (double)stats.requests);
    metrics_value(out, "keeptake_store_retries_total", "counter", "Of them, repeated ones.",
                  (double)stats.retries);
    metrics_value(out, "keeptake_store_failures_total", "counter",
                  "Calls of the S3 service that were given up.", (double)stats.failures);
}

static void write_store(const Server *server, Text *out)
{
    if (server->s3) {
        write_listener(server, out);
    } else {
        write_service(server, out);
    }
    metrics_value(out, "keeptake_cleanup_recordings_total", "counter",
                  "Recordings removed by cleanup.", (double)server->jobs.removed_recordings);
    metrics_value(out, "keeptake_cleanup_uploads_total", "counter",
                  "Orphan uploads removed by cleanup.", (double)server->jobs.removed_uploads);
    metrics_value(out, "keeptake_salvaged_takes_total", "counter",
                  "Takes that the server finished alone.", (double)server->jobs.salvaged_takes);
    metrics_value(out, "keeptake_salvage_failures_total", "counter",
                  "Salvages that ended without a take or will be tried again.",
                  (double)server->jobs.salvage_failures);
    metrics_value(out, "keeptake_orphan_objects", "gauge",
                  "Objects of takes that no recording knows, at the last look; -1: none yet.",
                  (double)server->jobs.orphan_objects);
    metrics_value(out, "keeptake_orphan_uploads", "gauge",
                  "Uploads with parts that no recording knows, at the last look; -1: none yet.",
                  (double)server->jobs.orphan_uploads);
    metrics_value(out, "keeptake_orphan_bytes", "gauge", "Bytes of these objects.",
                  (double)server->jobs.orphan_bytes);
    metrics_value(out, "keeptake_database_backlog", "gauge", "Writes waiting for the database.",
                  db_backlog(server->db));
}

static void write_turns(const LoopWatch *turns, Text *out)
{
    metrics_value(out, "keeptake_loop_busy_seconds_total", "counter",
                  "Time in which the loop worked and waited for nothing.",
                  (double)turns->turns.sum_us / 1e6);
    histogram_write_one(&turns->turns, out, "keeptake_loop_turn_seconds",
                        "How long turns of the loop took: so long what came in had to wait.");
    metrics_value(out, "keeptake_loop_slow_turns_total", "counter",
                  "Turns of the loop of 10 ms or more: nobody was served meanwhile.",
                  (double)turns->slow_turns);
    metrics_value(out, "keeptake_loop_longest_turn_seconds", "gauge",
                  "The longest turn since the start.", (double)turns->longest_us / 1e6);
}

/* How long tasks wait for a thread of their kind, and keep it. */
static void write_pools(const Server *server, Text *out)
{
    static const char *const names[DISK_POOLS] = {[DISK_WRITES] = "writes",
                                                  [DISK_READS] = "reads",
                                                  [DISK_CALLS] = "calls",
                                                  [DISK_LONG] = "long"};
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

void api_metrics(ApiCall *call)
{
    Text out = {0};
    metrics_write(&call->server->metrics, &out);
    write_recordings(call->server, &out);
    write_store(call->server, &out);
    write_connections(call->server, &out);
    write_turns(&call->server->turns, &out);
    write_pools(call->server, &out);
    metrics_value(&out, "keeptake_disk_free_bytes", "gauge",
                  "Room on the disk of the data folder; -1 where it is not known.",
                  (double)disk_space_free(&call->server->space, uv_now(call->server->loop)));
    metrics_value(&out, "keeptake_disk_low_bytes", "gauge", "With less nothing new is taken.",
                  (double)call->server->space.low_bytes);
    metrics_value(&out, "keeptake_timelines_waiting", "gauge", "Timelines being read or waiting.",
                  workers_waiting(call->server->compute));
    if (out.failed) {
        text_reset(&out);
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    api_send_bytes(call, 200, "text/plain; version=0.0.4", out.data, out.bytes);
    text_reset(&out);
}
