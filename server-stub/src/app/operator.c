/* Few routes, no bodies. Answers wait for the database and the store. */
#include "app/operator.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "access/auth.h"
#include "base/digest.h"

#define METRICS_TYPE "text/plain; version=0.0.4"

struct Operator {
    const OperatorPorts *ports;
    HttpServer *http;
    int calls; /* that wait */
    int http_closed;
    void (*done)(void *ctx);
    void *done_ctx;
};

/* One request that waits; request NULL: its peer has left. */
typedef struct OperatorCall {
    Operator *owner;
    HttpRequest *request;
    int wants_readiness;
} OperatorCall;

static void free_if_over(Operator *o)
{
    if (!o->http_closed || o->calls > 0) {
        return;
    }
    void (*done)(void *) = o->done;
    void *ctx = o->done_ctx;
    free(o);
    done(ctx);
}

static void respond(HttpRequest *r, int status, const char *type, const char *text, size_t bytes)
{
    http_set_header(r, "Cache-Control", "no-store");
    http_respond(r, status, type, text, bytes);
}

static void respond_line(HttpRequest *r, int status, const char *text)
{
    respond(r, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* --- who asks --- */

static int has_token(const Operator *o, const HttpRequest *r)
{
    const char *wanted = o->ports->config->metrics_token;
    const char *given = http_header(r, "Authorization");
    size_t bytes = strlen(wanted);
    return bytes > 0 && given && strncasecmp(given, "Bearer ", 7) == 0 &&
           strlen(given + 7) == bytes && digest_equal(given + 7, wanted, bytes);
}

/* A page can have its own name point at this machine, but not name it by address: RFC 9110, 7.2. */
static int host_is_plain(const Operator *o, const HttpRequest *r)
{
    const char *host = http_header(r, "Host");
    const OriginList *more = &o->ports->config->allowed_hosts;
    if (!host) {
        return 0;
    }
    size_t name = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (name == 0) {
        return 0;
    }
    if (host[0] == '[' || strspn(host, "0123456789.") >= name ||
        (name == 9 && strncasecmp(host, "localhost", 9) == 0)) {
        return 1;
    }
    for (int i = 0; i < more->count; i++) {
        if (strcasecmp(more->items[i], host) == 0 ||
            (strlen(more->items[i]) == name && strncasecmp(more->items[i], host, name) == 0)) {
            return 1;
        }
    }
    return 0;
}

/* Whoever sits at this machine, and asks by its address; or has the token. */
static int is_insider(const Operator *o, const HttpRequest *r)
{
    int forwarded =
        http_header(r, "X-Forwarded-For") || http_header(r, "Forwarded") || http_header(r, "Via");
    return has_token(o, r) ||
           (auth_peer_is_local(http_peer(r)) && !forwarded && host_is_plain(o, r));
}

/* --- answers --- */

static void answer_health(const OperatorCall *call, const Health *health)
{
    const Operator *o = call->owner;
    JsonOut out = {0};
    int ok = health_is_ok(health) && !(call->wants_readiness && health->draining);
    json_begin(&out, '{');
    json_key(&out, "status");
    json_string(&out, call->wants_readiness && ok ? "ready" : health_word(health));
    if (is_insider(o, call->request)) {
        json_key(&out, "version");
        json_string(&out, o->ports->config->version);
        health_write(health, &out);
    }
    json_end(&out, '}');
    const char *text = json_text(&out);
    respond(call->request, ok ? 200 : 503, "application/json", text ? text : "{}",
            text ? out.bytes : 2);
    json_free(&out);
}

static void end_call(OperatorCall *call)
{
    Operator *o = call->owner;
    if (call->request) {
        call->request->state = NULL;
    }
    free(call);
    o->calls--;
    free_if_over(o);
}

static void on_health(void *ctx, const Health *health)
{
    OperatorCall *call = ctx;
    if (call->request) {
        answer_health(call, health);
    }
    end_call(call);
}

static void on_report(void *ctx, const Text *text)
{
    OperatorCall *call = ctx;
    if (call->request && text) {
        respond(call->request, 200, METRICS_TYPE, text->data, text->bytes);
    } else if (call->request) {
        respond_line(call->request, 500, "There is not enough memory.\n");
    }
    end_call(call);
}

static OperatorCall *begin_call(Operator *o, HttpRequest *r)
{
    OperatorCall *call = calloc(1, sizeof *call);
    if (!call) {
        respond_line(r, 500, "There is not enough memory.\n");
        return NULL;
    }
    call->owner = o;
    call->request = r;
    r->state = call;
    o->calls++;
    return call;
}

static void ask_health(Operator *o, HttpRequest *r, int wants_readiness)
{
    OperatorCall *call = begin_call(o, r);
    if (call) {
        call->wants_readiness = wants_readiness;
        health_check(o->ports->health, call, on_health);
    }
}

static void ask_metrics(Operator *o, HttpRequest *r)
{
    OperatorCall *call;
    if (!is_insider(o, r)) {
        http_set_header(r, "WWW-Authenticate", "Bearer");
        respond_line(r, 401,
                     "Metrics are for this machine and for the bearer of --metrics-token.\n");
    } else if ((call = begin_call(o, r)) != NULL) {
        o->ports->report(o->ports->ctx, call, on_report);
    }
}

/* --- the four calls of net/http.h --- */

static int on_begin(HttpRequest *r)
{
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
        http_set_header(r, "Allow", "GET");
        respond_line(r, 405, "The method is not allowed here.\n");
        return 1;
    }
    if (r->content_length != 0) {
        respond_line(r, 413, "A body is not wanted here.\n");
        return 1;
    }
    return 0;
}

static int64_t on_body(HttpRequest *r, const uint8_t *data, size_t bytes)
{
    (void)r;
    (void)data;
    (void)bytes;
    return -1;
}

static void on_end(HttpRequest *r)
{
    Operator *o = r->user;
    if (strcmp(r->path, "/metrics") == 0) {
        ask_metrics(o, r);
    } else if (strcmp(r->path, "/livez") == 0) {
        respond_line(r, 200, "ok\n");
    } else if (strcmp(r->path, "/readyz") == 0) {
        ask_health(o, r, 1);
    } else if (strcmp(r->path, "/healthz") == 0) {
        ask_health(o, r, 0);
    } else {
        respond_line(r, 404, "There are /metrics, /livez, /readyz and /healthz.\n");
    }
}

static void on_close(HttpRequest *r, int completed)
{
    OperatorCall *call = r->state;
    (void)completed;
    r->state = NULL;
    if (call) {
        call->request = NULL;
    }
}

/* --- the listener --- */

int operator_listen(uv_loop_t *loop, const OperatorPorts *ports, Operator **out, char *error,
                    size_t error_bytes)
{
    static const HttpHandlers handlers = {on_begin, on_body, on_end, on_close};
    const Config *config = ports->config;
    Operator *o = calloc(1, sizeof *o);
    *out = NULL;
    if (!o) {
        snprintf(error, error_bytes, "There is not enough memory.");
        return -1;
    }
    o->ports = ports;
    if (http_listen(loop, config->metrics_host, config_metrics_port(config), &handlers, o, &o->http,
                    error, error_bytes) != 0) {
        size_t used = strlen(error);
        snprintf(error + used, error_bytes - used, " It is the listener of --metrics-port.");
        free(o);
        return -1;
    }
    http_set_limits(o->http, &config->http);
    *out = o;
    return 0;
}

int operator_port(const Operator *o)
{
    return http_port(o->http);
}

static void on_http_closed(void *ctx)
{
    Operator *o = ctx;
    o->http_closed = 1;
    free_if_over(o);
}

void operator_close(Operator **slot, void (*done)(void *ctx), void *ctx)
{
    Operator *o = *slot;
    *slot = NULL;
    o->done = done;
    o->done_ctx = ctx;
    http_close(&o->http, 0, on_http_closed, o);
}
