/* What net/http.c, net/http_daemon.c, net/http_guard.c and net/http_stream.c share: the state of
 * one server and of one request. */
#ifndef KEEPTAKE_SERVER_NET_HTTP_INTERNAL_H
#define KEEPTAKE_SERVER_NET_HTTP_INTERNAL_H

#include "net/http.h"

#include <microhttpd.h>

#define HTTP_CONNECTION_BYTES (128 * 1024) /* MHD's pool: headers, then one read of a body */
#define HTTP_READ_BYTES (64 * 1024)        /* how far MHD's read buffer grows at once */
/* Body that is read away to deliver an early answer. */
#define HTTP_DRAIN_BYTES (64 * 1024 * 1024)
#define HTTP_STREAM_BYTES (256 * 1024) /* one of two read-ahead buffers of a response */
#define HTTP_BLOCK_BYTES (128 * 1024)  /* MHD's buffer of a streamed response */
#define HTTP_LARGE_STREAMS 32          /* responses at a time that have such: 20 MiB */
#define HTTP_SMALL_BYTES (16 * 1024)   /* each of these three of the others */
/* MHD's own limit only guards descriptors: HttpLimits decides. */
#define HTTP_DAEMON_CONNECTIONS 65536
#define HTTP_RUNS_PER_TURN 16 /* rounds of MHD before other handles of the loop get their turn */

typedef struct HttpHeader {
    struct HttpHeader *next;
    char *value; /* behind the name, same allocation */
    char name[];
} HttpHeader;

typedef struct HttpConnection HttpConnection;

/* One connected socket, from accept to close. */
typedef struct HttpSocket HttpSocket;
struct HttpSocket {
    HttpServer *server;
    HttpSocket *next, **link;
    int fd;
    uint8_t address[8];
    uint64_t since_ms;   /* loop time: of what it waits for, or of the window of its body's rate */
    uint64_t body_bytes; /* in this window */
    uint64_t moved_ms;   /* loop time of the last byte of a body, at first of its request's head */
    uint32_t requests;   /* begun so far */
    int strikes;         /* windows that were too slow, in a row */
    /* is_line: a request's first line is in; is_open: its head too, and it is not over. */
    unsigned is_line : 1, is_open : 1, takes_body : 1, is_cut : 1;
};

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
    uv_timer_t sweep;
    HttpLimits limits;
    Workers *readers; /* NULL: libuv's */
    /* Changes while running. */
    HttpConnection *first; /* requests between their first line and close */
    HttpSocket *sockets;
    int socket_count;
    uint64_t sockets_cut, refused;
    int streams; /* response readers not closed yet */
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
    HttpSocket *socket;
    HttpConnection *next, **link;
    char *uri;
    char *authority; /* of a target in absolute form; NULL: there was none */ /* path, NUL, query */
    HttpHeader *headers;
    struct MHD_Response *response; /* answered, not handed to MHD yet */
    int status;
    int64_t drained;
    unsigned begun : 1, ended : 1, answered : 1, suspended : 1, cut : 1, too_long : 1;
    char peer[64];
};

/* net/http.c, called by the daemon: a request line, a request's next step, its end. */
void *http__on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http__on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *bytes, void **state);
void http__on_completed(void *cls, struct MHD_Connection *mhd, void **state,
                        enum MHD_RequestTerminationCode code);
/* Runs MHD soon, from the loop. */
void http__schedule(HttpServer *s);
/* As http_suspend and http_resume, also for answered requests. */
void http__pause(HttpConnection *c);
void http__unpause(HttpConnection *c);
/* Takes response; the request is answered with it. */
void http__answer(HttpConnection *c, int status, const char *content_type,
                  struct MHD_Response *response);
/* net/http_guard.c: whether the head leaves no doubt where the request ends (RFC 9112, 6.3
 * and 11.2).
 */
int http__framing_is_plain(HttpConnection *c, const char *method, const char *version);
void http__on_socket(void *cls, struct MHD_Connection *mhd, void **context,
                     enum MHD_ConnectionNotificationCode code);
HttpSocket *http__socket_of(struct MHD_Connection *mhd);
/* Its request line, its head, bytes of its body, its end; whether the handler wants body now. */
void http__socket_line(HttpConnection *c);
void http__socket_begun(HttpConnection *c);
void http__socket_body(HttpConnection *c, size_t bytes);
void http__socket_takes_body(HttpConnection *c, int takes);
void http__socket_ended(HttpConnection *c);
void http__start_sweeps(HttpServer *s);
/* A response reader is gone: a closing server may be waiting for it. */
void http__stream_closed(HttpServer *s);

#endif
