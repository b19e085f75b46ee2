/* The S3-protocol listener over the embedded store: path style, SigV4 (header, presigned, chunked).
 * What it speaks and where it differs from AWS: docs/store.md. */
#ifndef KEEPTAKE_SERVER_GATEWAY_GATEWAY_H
#define KEEPTAKE_SERVER_GATEWAY_GATEWAY_H

#include "base/log.h"
#include "base/text.h"
#include "net/http.h"
#include "store/disk/disk.h"

typedef struct Gateway Gateway;

/* Copied by s3_listen. */
typedef struct GatewayConfig {
    const char *access_key;
    const char *secret_key;
    const char *region;
    /* Origins whose pages may talk to the store, as "http://127.0.0.1:8080"; one "*" allows all. */
    const char *const *allowed_origins;
    int allowed_origin_count;
    int64_t buffer_bytes; /* of all bodies on their way to the disk; 0: 16 MiB */
    const Log *log;       /* a line for each request; borrowed until s3_close is done; NULL: none */
    /* Clock, microseconds of Unix time; NULL: the system's. */
    int64_t (*now_unix_us)(void *ctx);
    void *now_ctx;
} GatewayConfig;

/* Listens on host:port (0: any; s3_port tells). disk is borrowed until s3_close has called done.
 * Returns 0, or a negative errno with a sentence in error (then *out is NULL). */
int gateway_listen(uv_loop_t *loop, const char *host, int port, StoreDisk *disk,
                   const GatewayConfig *config, Gateway **out, char *error, size_t error_bytes);
int gateway_port(const Gateway *s3);
/* From now on; copied. 0, or -1: no memory, nothing is changed. */
int gateway_set_origins(Gateway *s3, const char *const *origins, int count);
/* Of its connections, from now on. */
void gateway_set_limits(Gateway *s3, const HttpLimits *limits);
/* Lets running requests finish for at most grace_ms, then cuts them; done(ctx) is called once,
 * later, on the loop, when nothing of the listener is left. *s3 becomes NULL at once. */
void gateway_close(Gateway **s3, int grace_ms, void (*done)(void *ctx), void *ctx);

/* For /metrics. */
typedef struct GatewayStats {
    uint64_t requests, errors; /* answered; of them with status >= 400 */
    uint64_t bytes_in, bytes_out;
    HttpStats http;
} GatewayStats;
/* Bodies are refused with 507 while is_full(ctx), asked on the loop, is not 0. */
void gateway_set_full(Gateway *s3, int (*is_full)(void *ctx), void *ctx);
void gateway_stats(const Gateway *s3, GatewayStats *out);
/* A MetricsWriter; ctx: Gateway. */
void gateway_write_metrics(void *ctx, Text *out);

#endif
