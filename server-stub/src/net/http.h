/* HTTP/1.1 on a libuv loop, over libmicrohttpd: routes requests to handlers, streams bodies both
 * ways, sets limits and common headers. One thread; handlers never block, long work goes to others
 * while the connection is suspended. */
#ifndef KEEPTAKE_SERVER_NET_HTTP_H
#define KEEPTAKE_SERVER_NET_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/workers.h"

typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;

#define HTTP_MAX_URL_BYTES 8192
#define HTTP_MAX_HEADER_BYTES 32768
#define HTTP_IDLE_SECONDS 60 /* a connection on which nothing moves is closed */

/* Of one listener. */
typedef struct HttpLimits {
    int connections;  /* at once; one more takes the place of one that is silent or stands still */
    int per_address;  /* of them from one address (IPv6: one /64); 0: as many as there are */
    int head_seconds; /* from connecting, or from a request's first line, to the end of its head */
    int idle_seconds; /* from one request to the end of the next one's head */
    int least_body_rate; /* bytes a second of a body that is wanted; 0: any */
    int body_seconds;    /* a body that comes more slowly for so long is cut */
} HttpLimits;
#define HTTP_DEFAULT_LIMITS                                                                        \
    {                                                                                              \
        1024, 0, 10, HTTP_IDLE_SECONDS, 1024, 20                                                   \
    }

/* One request. Everything here is valid until the response is finished. */
struct HttpRequest {
    const char *method;
    const char *path;                  /* percent-encoded as received, without the query */
    const char *query;                 /* raw, without '?'; "" where none */
    int64_t content_length;            /* -1: chunked */
    void *user;                        /* of the handler set, given to http_listen */
    void *state;                       /* the handler's own, freed by its close callback */
    struct HttpConnection *connection; /* net/http.c's */
};

/* Value of a request header (case-insensitive), NULL where absent. Borrowed. */
const char *http_header(const HttpRequest *r, const char *name);
/* Calls each(ctx, name, value) for every request header. */
void http_each_header(const HttpRequest *r,
                      void (*each)(void *ctx, const char *name, const char *value), void *ctx);
/* Percent-decoded value of a query parameter into out; returns its length, -1 where absent or too
 * long. */
int http_query(const HttpRequest *r, const char *name, char *out, size_t out_bytes);
/* Address of the peer as text, for logs and rate limits. */
const char *http_peer(const HttpRequest *r);

typedef struct HttpHandlers {
    /* Headers are in. Return 0 to go on with the body, or answer at once (http_respond*) and
     * return 1. May call http_suspend and answer later. */
    int (*begin)(HttpRequest *r);
    /* Body bytes. Return how many were taken (0..bytes); fewer: the handler calls http_resume when
     * it wants the rest. Negative: the handler has answered (or the connection is cut). */
    int64_t (*body)(HttpRequest *r, const uint8_t *data, size_t bytes);
    /* The body is complete: answer now, or http_suspend and answer later from the loop. */
    void (*end)(HttpRequest *r);
    /* The request is over in any way (sent, failed, peer gone): free r->state. Called exactly once.
     */
    void (*close)(HttpRequest *r, int completed);
} HttpHandlers;

/* Listens on host:port (0: any; http_port tells) on loop. Returns 0 or a negative errno with a
 * message in error. */
int http_listen(uv_loop_t *loop, const char *host, int port, const HttpHandlers *handlers,
                void *user, HttpServer **out, char *error, size_t error_bytes);
int http_port(const HttpServer *s);
/* From now on; a listener begins with HTTP_DEFAULT_LIMITS. */
void http_set_limits(HttpServer *s, const HttpLimits *limits);
/* Threads on which bodies are read (http_respond_reader), borrowed until the listener is closed;
 * without them, libuv's. */
void http_set_readers(HttpServer *s, Workers *readers);
/* For /metrics. */
typedef struct HttpStats {
    int sockets;      /* open now */
    uint64_t cut;     /* closed for silence, slowness or number */
    uint64_t refused; /* requests with a framing that is not plain */
} HttpStats;
void http_stats(const HttpServer *s, HttpStats *out);
/* Stops listening, lets running requests finish for at most grace_ms, then closes; done is called
 * once. */
void http_close(HttpServer **s, int grace_ms, void (*done)(void *ctx), void *ctx);

/* Response header, before http_respond*; copied. Common security headers (nosniff, …) are set by
 * net/http.c. */
void http_set_header(HttpRequest *r, const char *name, const char *value);
/* Whole response; body copied. */
void http_respond(HttpRequest *r, int status, const char *content_type, const void *body,
                  size_t bytes);
/* Body from files: segments are read in order (sendfile not required), fds are taken and closed. */
typedef struct HttpSegment {
    int fd;
    int64_t offset, bytes;
} HttpSegment;
void http_respond_segments(HttpRequest *r, int status, const char *content_type,
                           const HttpSegment *segments, int count);
/* Body from a reader that may block. read runs on a thread, one call at a time, offsets from
 * 0 in order: fills out with 1..bytes bytes and returns how many, or negative: the connection is
 * cut. close runs on the loop, exactly once, after the last read. A HEAD request reads nothing. */
typedef struct HttpReader {
    int64_t (*read)(void *ctx, int64_t offset, uint8_t *out, size_t bytes);
    void (*close)(void *ctx);
    void *ctx;
} HttpReader;
void http_respond_reader(HttpRequest *r, int status, const char *content_type, int64_t bytes,
                         const HttpReader *reader);
/* Ends the connection; the request is closed soon, as if its peer had gone. */
void http_cut(HttpRequest *r);
/* Stops reading from / calling handlers of this request until http_resume; both idempotent. */
void http_suspend(HttpRequest *r);
void http_resume(HttpRequest *r);

#endif
