/* One line for each request of the listener, and what it counts. Neither has a signature, a query
 * or a header: keys are all that is told of what was asked for. */
#include "gateway/gateway_internal.h"

#include <string.h>

void gw__note_request(GwOp *op, int completed)
{
    op->took_us = (int64_t)((uv_hrtime() - op->began_ns) / 1000);
    op->is_sent = completed;
    if (op->request)
        memcpy(op->peer, http_peer(op->request),
               strnlen(http_peer(op->request), sizeof op->peer - 1));
}

static LogLevel level_of(const GwOp *op)
{
    if (op->answer.status >= 500)
        return LOG_ERROR;
    return op->run == gw__preflight ? LOG_DEBUG : LOG_INFO;
}

void gw__log_request(const GwOp *op)
{
    const char *operation = op->operation ? op->operation : "none";
    int status = op->answered ? op->answer.status : 0; /* 0: its peer left before */
    tally_add(&op->s3->tally, operation, status, op->took_us);
    if (!op->s3->log)
        return;
    log_write(op->s3->log, level_of(op), "store-request", "sssdsfiisdsss", "request",
              op->request_id, "method", op->method, "operation", operation, "status", status,
              "code", op->error_code, "ms", (double)op->took_us / 1000, "bytes_in", op->bytes_in,
              "bytes_out", op->bytes_out, "error", op->disk_error ? strerror(op->disk_error) : NULL,
              "sent", op->is_sent, "peer", op->peer, "bucket", op->bucket, "key",
              op->key[0] ? op->key : NULL);
}

void gw__log_read_failure(const Gateway *s3, const char *request_id, int error)
{
    if (s3->log)
        log_write(s3->log, LOG_ERROR, "store-read-failed", "ss", "request", request_id, "error",
                  strerror(error));
}
