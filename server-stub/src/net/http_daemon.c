/* A listener: libmicrohttpd's epoll descriptor is polled by the loop, its timeouts are a timer. */
#include "net/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_LISTEN_BACKLOG 511

static void daemon_stop(HttpServer *s);

/* --- running MHD --- */

static void on_timer(uv_timer_t *timer);

static void daemon_run(HttpServer *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    int waiting = 1;
    if (s->stopped || s->running)
        return;
    s->running = 1;
    for (int i = 0; i < HTTP_RUNS_PER_TURN; i++) {
        s->rerun = 0;
        MHD_run(s->daemon);
        waiting = MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES;
        if (s->rerun) {
            waiting = 1;
            wait_ms = 0;
        } else if (!waiting || wait_ms > 0) {
            break;
        }
    }
    s->running = 0;
    if (s->closing && !s->first)
        daemon_stop(s);
    else if (waiting)
        uv_timer_start(&s->timer, on_timer, wait_ms, 0);
    else
        uv_timer_stop(&s->timer);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    daemon_run(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
    daemon_run(timer->data);
}

void http__schedule(HttpServer *s)
{
    s->rerun = 1;
    if (!s->running && !s->stopped)
        uv_timer_start(&s->timer, on_timer, 0, 0);
}

/* --- listening --- */

static int listen_socket(const char *host, int port, int *family, char *error, size_t error_bytes)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char service[16];
    int fd = -1;
    int result = -EADDRNOTAVAIL;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    snprintf(service, sizeof service, "%d", port);
    int code = getaddrinfo(host, service, &hints, &list);
    if (code != 0) {
        snprintf(error, error_bytes, "Cannot listen on %s: %s.", host, gai_strerror(code));
        return result;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        int on = 1;
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, HTTP_LISTEN_BACKLOG) == 0) {
            *family = a->ai_family;
            break;
        }
        result = -errno;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0)
        snprintf(error, error_bytes, "Cannot listen on %s port %d: %s.", host, port,
                 strerror(-result));
    return fd < 0 ? result : fd;
}

static int socket_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

/* Percent-encoding stays as it came: signatures cover it. */
static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(HttpServer *s, int fd, int family)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    if (family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, http__on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, http__on_uri, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, http__on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        http__on_socket, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_DAEMON_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)HTTP_READ_BYTES, MHD_OPTION_END);
}

int http_listen(uv_loop_t *loop, const char *host, int port, const HttpHandlers *handlers,
                void *user, HttpServer **out, char *error, size_t error_bytes)
{
    int family = AF_INET;
    *out = NULL;
    int fd = listen_socket(host, port, &family, error, error_bytes);
    if (fd < 0)
        return fd;
    HttpServer *s = calloc(1, sizeof *s);
    if (!s)
        goto fail;
    s->loop = loop;
    s->handlers = *handlers;
    s->user = user;
    s->port = socket_port(fd);
    s->limits = (HttpLimits)HTTP_DEFAULT_LIMITS;
    s->daemon = start_daemon(s, fd, family);
    if (!s->daemon)
        goto fail;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_timer_init(loop, &s->timer);
    uv_timer_init(loop, &s->grace);
    uv_timer_init(loop, &s->sweep);
    uv_poll_init(loop, &s->poll, info->epoll_fd);
    s->timer.data = s->grace.data = s->sweep.data = s->poll.data = s;
    s->open_handles = 4;
    http__start_sweeps(s);
    uv_poll_start(&s->poll, UV_READABLE, on_poll);
    *out = s;
    return 0;
fail:
    close(fd);
    free(s);
    snprintf(error, error_bytes, "Cannot start the HTTP server on %s port %d.", host, port);
    return -ENOMEM;
}

int http_port(const HttpServer *s)
{
    return s->port;
}

void http_set_limits(HttpServer *s, const HttpLimits *limits)
{
    s->limits = *limits;
}

void http_set_readers(HttpServer *s, Workers *readers)
{
    s->readers = readers;
}

void http_stats(const HttpServer *s, HttpStats *out)
{
    *out = (HttpStats){s->socket_count, s->sockets_cut, s->refused};
}

/* --- closing --- */

static void server_gone(HttpServer *s)
{
    if (!s->stopped || s->open_handles > 0 || s->streams > 0)
        return;
    if (s->done)
        s->done(s->done_ctx);
    free(s);
}

static void on_handle_closed(uv_handle_t *handle)
{
    HttpServer *s = handle->data;
    s->open_handles--;
    server_gone(s);
}

void http__stream_closed(HttpServer *s)
{
    s->streams--;
    server_gone(s);
}

static void daemon_stop(HttpServer *s)
{
    if (s->stopped)
        return;
    s->stopped = 1;
    uv_poll_stop(&s->poll);
    for (HttpConnection *c = s->first; c; c = c->next) {
        c->cut = 1;
        http__unpause(c);
    }
    MHD_run(s->daemon);
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    uv_close((uv_handle_t *)&s->timer, on_handle_closed);
    uv_close((uv_handle_t *)&s->grace, on_handle_closed);
    uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
}

static void on_grace_over(uv_timer_t *timer)
{
    daemon_stop(timer->data);
}

void http_close(HttpServer **server, int grace_ms, void (*done)(void *ctx), void *ctx)
{
    HttpServer *s = *server;
    *server = NULL;
    if (!s)
        return;
    MHD_socket fd = MHD_quiesce_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
    s->closing = 1;
    s->done = done;
    s->done_ctx = ctx;
    uv_timer_start(&s->grace, on_grace_over, (uint64_t)grace_ms, 0);
    http__schedule(s);
}
