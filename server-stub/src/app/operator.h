/* The operator's listener, apart from the API's: /metrics, /livez, /readyz and /healthz with what
 * is not for strangers. Its address is loopback unless another one is asked for. */
#ifndef KEEPTAKE_SERVER_APP_OPERATOR_H
#define KEEPTAKE_SERVER_APP_OPERATOR_H

#include "api/health.h"
#include "app/config.h"
#include "base/text.h"
#include "net/http.h"

typedef struct Operator Operator;

/* Borrowed until operator_close is done. */
typedef struct OperatorPorts {
    const Config *config; /* host and port, token, hosts that are answered */
    const HealthPorts *health;
    /* All values as text, borrowed for done, which runs once: now or later, on the loop. NULL: no
     * memory. What is written on the loop takes it for microseconds rather than milliseconds. */
    void (*report)(void *ctx, void *asker, void (*done)(void *asker, const Text *text));
    void *ctx;
} OperatorPorts;

/* Listens. 0, or -1 with a sentence in error (then *out is NULL). */
int operator_listen(uv_loop_t *loop, const OperatorPorts *ports, Operator **out, char *error,
                    size_t error_bytes);
int operator_port(const Operator *o);
/* Cuts what is under way; done runs once, later, on the loop. *o becomes NULL at once. */
void operator_close(Operator **o, void (*done)(void *ctx), void *ctx);

#endif
