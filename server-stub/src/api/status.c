/* /healthz, /livez and /readyz as anybody may ask them. */
#include "api/api.h"
#include "api/health.h"

static void send_health(ApiCall *call, const Health *health, int ok, const char *word)
{
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "status");
    json_string(&out, word);
    if (call->route->handle == api_health) {
        health_write(health, &out);
    }
    json_end(&out, '}');
    api_send(call, ok ? 200 : 503, &out);
}

static void on_health(void *ctx, const Health *health)
{
    ApiCall *call = ctx;
    call->api->store_asked(call->api->house);
    send_health(call, health, health_is_ok(health),
                health_is_ok(health) && health->full ? "degraded"
                : health_is_ok(health)               ? "ok"
                                                     : "failing");
}

void api_health(ApiCall *call)
{
    health_check(call->api->health, call, on_health);
}

static void on_readiness(void *ctx, const Health *health)
{
    int ok = health_is_ok(health) && !health->draining;
    send_health(ctx, health, ok, ok ? "ready" : health_word(health));
}

/* Whether a proxy should send requests here. */
void api_readiness(ApiCall *call)
{
    health_check(call->api->health, call, on_readiness);
}

/* Whether the process should be left alone: it turns its loop. */
void api_liveness(ApiCall *call)
{
    api_send_bytes(call, 200, "text/plain; charset=utf-8", "ok\n", 3);
}
