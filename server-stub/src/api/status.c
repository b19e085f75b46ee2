/* Health and metrics. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"

static void on_store_checked(void *ctx, StoreStatus status)
{
    ApiCall *call = ctx;
    JsonOut out = {0};
    int store = status == STORE_OK;
    call->api->store_asked(call->api->house);
    int database = recording_get(db_reader(call->api->db), NULL, "", &call->row) == DB_NOT_FOUND;
    json_begin(&out, '{');
    json_key(&out, "status");
    int full = call->api->is_full(call->api->house);
    json_string(&out, !(store && database) ? "failing" : full ? "degraded" : "ok");
    json_key(&out, "version");
    json_string(&out, call->api->settings.version);
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
    call->api->store->check(call->api->store, call, on_store_checked);
}

void api_write_metrics(void *ctx, Text *out)
{
    Api *api = ctx;
    static const RecordingState states[] = {RECORDING_CREATED, RECORDING_RECORDING,
                                            RECORDING_COMPLETE, RECORDING_ABORTED,
                                            RECORDING_FAILED};
    int64_t counts[8];
    recording_counts(db_reader(api->db), counts);
    text_format(
        out, "# HELP keeptake_recordings Recordings by state.\n# TYPE keeptake_recordings gauge\n");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        text_format(out, "keeptake_recordings{state=\"%s\"} %lld\n",
                    recording_state_name(states[i], PENDING_NONE), (long long)counts[states[i]]);
    }
    metrics_value(out, "keeptake_uploads_open", "gauge", "Uploads that have begun and not ended.",
                  (double)counts[RECORDING_RECORDING]);
}

void api_metrics(ApiCall *call)
{
    Text out = {0};
    metrics_write(call->api->metrics, &out);
    if (out.failed) {
        text_reset(&out);
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    api_send_bytes(call, 200, "text/plain; version=0.0.4", out.data, out.bytes);
    text_reset(&out);
}
