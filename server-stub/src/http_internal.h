/* What http.c and http_stream.c share: the state of one server and of one request. */
#ifndef KEEPTAKE_SERVER_HTTP_INTERNAL_H
#define KEEPTAKE_SERVER_HTTP_INTERNAL_H

#include "http.h"

#include <microhttpd.h>

#define HTTP_CONNECTION_BYTES (320 * 1024) /* MHD's pool: headers, then one read of a body */
#define HTTP_READ_BYTES (256 * 1024)       /* how far MHD's read buffer grows at once */
/* Body that is read away to deliver an early answer. */
#define HTTP_DRAIN_BYTES (64 * 1024 * 1024)
#define HTTP_STREAM_BYTES (256 * 1024) /* one of two read-ahead buffers of a response */
#define HTTP_BLOCK_BYTES (128 * 1024)  /* MHD's buffer of a streamed response */
#define HTTP_RUNS_PER_TURN 16 /* rounds of MHD before other handles of the loop get their turn */

typedef struct HttpHeader {
    struct HttpHeader *next;
    char *value; /* behind the name, same allocation */
    char name[];
} HttpHeader;

typedef struct HttpConnection HttpConnection;

struct HttpServer {
    /* Fixed at creation. */
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    HttpHandlers handlers;
    void *user;
    int port;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_timer_t grace;
    /* Changes while running. */
    HttpConnection *first; /* requests between their first line and close */
    int streams;           /* response readers not closed yet */
    int open_handles;
    int running; /* inside MHD_run */
    int rerun;   /* a connection was resumed since MHD ran last */
    int closing;
    int stopped; /* the daemon is gone */
    void (*done)(void *ctx);
    void *done_ctx;
};

struct HttpConnection {
    HttpRequest request;
    HttpServer *server;
    struct MHD_Connection *mhd;
    HttpConnection *next, **link;
    char *uri; /* path, NUL, query */
    HttpHeader *headers;
    struct MHD_Response *response; /* answered, not handed to MHD yet */
    int status;
    int64_t drained;
    unsigned begun : 1, ended : 1, answered : 1, suspended : 1, cut : 1, too_long : 1;
    char peer[64];
};

/* Runs MHD soon, from the loop. */
void http__schedule(HttpServer *s);
/* As http_suspend and http_resume, also for answered requests. */
void http__pause(HttpConnection *c);
void http__unpause(HttpConnection *c);
/* Takes response; the request is answered with it. */
void http__answer(HttpConnection *c, int status, const char *content_type,
                  struct MHD_Response *response);
/* A response reader is gone: a closing server may be waiting for it. */
void http__stream_closed(HttpServer *s);

#endif
