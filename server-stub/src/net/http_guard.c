/* What keeps a listener open for others: strict framing of requests, and limits on sockets that say
 * nothing, say it slowly, or are too many.
 *
 * The framing is checked on what libmicrohttpd has read, since it takes more than RFC 9112 allows.
 * A proxy in front that reads the same bytes in another way would let one user's bytes become the
 * request of another: so whatever is not plain is refused, and the connection ends with it. */
#include "net/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define SWEEP_MS 1000
/* A body is measured over half of what it may be slow for, and cut when it was twice in a row. */
#define RATE_STRIKES 2
#define STILL_MS 2000 /* where there is no room, a body that stood still for so long makes some */
#define MAX_LENGTH_DIGITS 15

/* --- framing --- */

static int is_token(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        int alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!alnum && (c == 0 || c >= 128 || !strchr("!#$%&'*+-.^_`|~", c)))
            return 0;
    }
    return bytes > 0;
}

static int is_value(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == 127 || (c < 32 && c != '\t'))
            return 0;
    }
    return 1;
}

static int is_name(const char *name, size_t bytes, const char *wanted)
{
    return bytes == strlen(wanted) && strncasecmp(name, wanted, bytes) == 0;
}

typedef struct Framing {
    int lengths, codings, hosts;
    int bad;
} Framing;

/* A line of a head ends with CR LF. libmicrohttpd 0.9 also ends it at a lone CR or LF; it writes a
 * NUL over each byte of the end, in place, so that one NUL alone tells of such a line. Later
 * versions look at it themselves. */
static int ends_with_crlf(const char *value, size_t bytes)
{
    return strncmp(MHD_get_version(), "0.9.", 4) != 0 ||
           (value[bytes] == 0 && value[bytes + 1] == 0);
}

static enum MHD_Result check_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                    size_t name_bytes, const char *value, size_t value_bytes)
{
    Framing *f = ctx;
    (void)kind;
    if (!value || !is_token(name, name_bytes) || !is_value(value, value_bytes) ||
        !ends_with_crlf(value, value_bytes)) {
        f->bad = 1;
        return MHD_NO;
    }
    if (is_name(name, name_bytes, "Content-Length")) {
        f->lengths++;
        f->bad |= value_bytes == 0 || value_bytes > MAX_LENGTH_DIGITS ||
                  strspn(value, "0123456789") != value_bytes;
    } else if (is_name(name, name_bytes, "Transfer-Encoding")) {
        f->codings++;
        f->bad |= strcasecmp(value, "chunked") != 0;
    } else if (is_name(name, name_bytes, "Host")) {
        f->hosts++;
    }
    return f->bad ? MHD_NO : MHD_YES;
}

/* A target that names its host has to name the one of Host: what is checked and signed is that. */
static int names_its_host(const HttpConnection *c)
{
    const char *host = http_header(&c->request, "Host");
    return !c->authority || (host && *host && strcasecmp(host, c->authority) == 0);
}

int http__framing_is_plain(HttpConnection *c, const char *method, const char *version)
{
    Framing f = {0};
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, check_header, &f);
    return !f.bad && names_its_host(c) && is_token(method, strlen(method)) &&
           f.lengths + f.codings <= 1 && f.hosts <= 1 &&
           !(f.codings && strcmp(version, "HTTP/1.1") != 0) &&
           (f.hosts == 1 || strcmp(version, "HTTP/1.0") == 0);
}

/* --- sockets --- */

static uint64_t now_ms(const HttpServer *s)
{
    return uv_now(s->loop);
}

/* The daemon notices, closes it, and ends what was under way. */
static void cut_socket(HttpSocket *socket)
{
    if (!socket->is_cut) {
        socket->is_cut = 1;
        shutdown(socket->fd, SHUT_RDWR);
        socket->server->sockets_cut++;
    }
}

static int same_address(const HttpSocket *a, const HttpSocket *b)
{
    return memcmp(a->address, b->address, sizeof a->address) == 0;
}

static int count_address(const HttpServer *s, const HttpSocket *socket)
{
    int count = 0;
    for (const HttpSocket *at = s->sockets; at; at = at->next)
        count += !at->is_cut && same_address(at, socket);
    return count;
}

/* The body that has stood still for the longest time; NULL: all of them move. */
static HttpSocket *find_still(HttpServer *s)
{
    HttpSocket *found = NULL;
    for (HttpSocket *at = s->sockets; at; at = at->next)
        if (!at->is_cut && at->is_open && at->takes_body && now_ms(s) - at->moved_ms >= STILL_MS &&
            (!found || at->moved_ms < found->moved_ms))
            found = at;
    return found;
}

/* Makes room: the socket that has said nothing for the longest time goes, first one that never sent
 * a request, at last one whose body stands still. 0 where all are at work. */
static int cut_silent(HttpServer *s, const HttpSocket *but)
{
    HttpSocket *found = NULL;
    for (HttpSocket *at = s->sockets; at; at = at->next) {
        if (at == but || at->is_cut || at->is_open)
            continue;
        if (!found || (at->requests == 0) > (found->requests == 0) ||
            ((at->requests == 0) == (found->requests == 0) && at->since_ms <= found->since_ms))
            found = at;
    }
    if (!found)
        found = find_still(s);
    if (found)
        cut_socket(found);
    return found != NULL;
}

static void note_address(HttpSocket *socket, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET)
        memcpy(socket->address, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address && address->sa_family == AF_INET6) /* one subscriber: a network of 64 bits */
        memcpy(socket->address, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
               8);
}

static void socket_opened(HttpServer *s, struct MHD_Connection *mhd, void **context)
{
    HttpSocket *socket = calloc(1, sizeof *socket);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!socket || !info) {
        free(socket);
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR);
        return;
    }
    socket->server = s;
    socket->fd = info->connect_fd;
    socket->since_ms = now_ms(s);
    note_address(socket, mhd);
    socket->next = s->sockets;
    socket->link = &s->sockets;
    if (s->sockets)
        s->sockets->link = &socket->next;
    s->sockets = socket;
    s->socket_count++;
    *context = socket;
    if ((s->limits.per_address > 0 && count_address(s, socket) > s->limits.per_address) ||
        (s->socket_count > s->limits.connections && !cut_silent(s, socket)))
        cut_socket(socket);
}

static void socket_closed(HttpServer *s, void **context)
{
    HttpSocket *socket = *context;
    *context = NULL;
    if (!socket)
        return;
    *socket->link = socket->next;
    if (socket->next)
        socket->next->link = socket->link;
    s->socket_count--;
    free(socket);
}

void http__on_socket(void *cls, struct MHD_Connection *mhd, void **context,
                     enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        socket_opened(cls, mhd, context);
    else
        socket_closed(cls, context);
}

HttpSocket *http__socket_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void http__socket_line(HttpConnection *c)
{
    if (c->socket) {
        c->socket->is_line = 1;
        c->socket->since_ms = now_ms(c->server);
    }
}

void http__socket_begun(HttpConnection *c)
{
    if (c->socket) {
        c->socket->is_line = 0;
        c->socket->is_open = 1;
        c->socket->requests++;
        c->socket->body_bytes = 0;
        c->socket->strikes = 0;
        c->socket->since_ms = c->socket->moved_ms = now_ms(c->server);
    }
}

void http__socket_body(HttpConnection *c, size_t bytes)
{
    if (c->socket && bytes > 0) {
        c->socket->body_bytes += bytes;
        c->socket->moved_ms = now_ms(c->server);
    }
}

void http_cut(HttpRequest *r)
{
    if (r->connection->socket)
        cut_socket(r->connection->socket);
}

void http__socket_ended(HttpConnection *c)
{
    if (c->socket) {
        c->socket->is_line = c->socket->is_open = c->socket->takes_body = 0;
        c->socket->since_ms = now_ms(c->server);
    }
}

void http__socket_takes_body(HttpConnection *c, int takes)
{
    if (c->socket) {
        c->socket->takes_body = takes != 0;
        c->socket->body_bytes = 0;
        c->socket->since_ms = now_ms(c->server);
    }
}

/* A body that comes too slowly while the handler wants it. */
static void check_rate(HttpServer *s, HttpSocket *socket)
{
    if (!socket->takes_body || s->limits.least_body_rate <= 0 ||
        now_ms(s) - socket->since_ms < (uint64_t)s->limits.body_seconds * 1000 / RATE_STRIKES)
        return;
    uint64_t passed_ms = now_ms(s) - socket->since_ms;
    int slow = socket->body_bytes * 1000 < (uint64_t)s->limits.least_body_rate * passed_ms;
    socket->strikes = slow ? socket->strikes + 1 : 0;
    socket->body_bytes = 0;
    socket->since_ms = now_ms(s);
    if (socket->strikes >= RATE_STRIKES)
        cut_socket(socket);
}

/* MHD's own time-out begins anew with every byte; these do not. */
static void check_silence(HttpServer *s, HttpSocket *socket)
{
    int seconds =
        socket->requests == 0 || socket->is_line ? s->limits.head_seconds : s->limits.idle_seconds;
    if (now_ms(s) - socket->since_ms >= (uint64_t)seconds * 1000)
        cut_socket(socket);
}

static void on_sweep(uv_timer_t *timer)
{
    HttpServer *s = timer->data;
    for (HttpSocket *socket = s->sockets; socket; socket = socket->next) {
        if (socket->is_cut)
            continue;
        if (socket->is_open)
            check_rate(s, socket);
        else
            check_silence(s, socket);
    }
}

void http__start_sweeps(HttpServer *s)
{
    uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}
