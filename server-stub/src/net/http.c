/* net/http.h over libmicrohttpd: one request, from its head to its answer. net/http_daemon.c runs
 * it. */
#include "net/http_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http__pause(HttpConnection *c)
{
    if (c->suspended || c->server->stopped) /* a daemon that stops must not find one asleep */
        return;
    c->suspended = 1;
    http__socket_takes_body(c, 0);
    MHD_suspend_connection(c->mhd);
}

void http__unpause(HttpConnection *c)
{
    if (!c->suspended)
        return;
    c->suspended = 0;
    http__socket_takes_body(c, c->begun && !c->ended && c->request.content_length != 0);
    MHD_resume_connection(c->mhd);
    http__schedule(c->server);
}

void http_suspend(HttpRequest *r)
{
    if (!r->connection->answered)
        http__pause(r->connection);
}

void http_resume(HttpRequest *r)
{
    if (!r->connection->answered)
        http__unpause(r->connection);
}

/* --- one request --- */

/* "http://host/path" (absolute-form) becomes "/path", its host is kept to be compared with Host. */
static int split_absolute(HttpConnection *c)
{
    size_t scheme = strncasecmp(c->uri, "http://", 7) == 0    ? 7
                    : strncasecmp(c->uri, "https://", 8) == 0 ? 8
                                                              : 0;
    if (!scheme)
        return 1;
    size_t bytes = strcspn(c->uri + scheme, "/?");
    const char *rest = c->uri + scheme + bytes;
    c->authority = strndup(c->uri + scheme, bytes);
    if (!c->authority)
        return 0;
    memmove(c->uri + (*rest != '/'), rest, strlen(rest) + 1);
    c->uri[0] = '/';
    return 1;
}

/* Called with the request line, before anything else is known. */
void *http__on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    HttpServer *s = cls;
    size_t bytes = strlen(uri);
    HttpConnection *c = s->stopped ? NULL : calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->uri = malloc(bytes + 2);
    if (c->uri)
        memcpy(c->uri, uri, bytes + 1);
    if (!c->uri || !split_absolute(c)) {
        free(c->uri);
        free(c);
        return NULL;
    }
    char *query = strchr(c->uri, '?');
    if (query)
        *query++ = 0;
    c->too_long = bytes > HTTP_MAX_URL_BYTES;
    c->server = s;
    c->mhd = mhd;
    c->socket = http__socket_of(mhd);
    http__socket_line(c);
    c->request.path = c->uri;
    c->request.query = query ? query : c->uri + strlen(c->uri);
    c->request.user = s->user;
    c->request.connection = c;
    c->next = s->first;
    c->link = &s->first;
    if (s->first)
        s->first->link = &c->next;
    s->first = c;
    return c;
}

static void connection_free(HttpConnection *c)
{
    while (c->headers) {
        HttpHeader *header = c->headers;
        c->headers = header->next;
        free(header);
    }
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (c->response)
        MHD_destroy_response(c->response);
    free(c->authority);
    free(c->uri);
    free(c);
}

void http__on_completed(void *cls, struct MHD_Connection *mhd, void **state,
                        enum MHD_RequestTerminationCode code)
{
    HttpServer *s = cls;
    HttpConnection *c = *state;
    (void)mhd;
    if (!c)
        return;
    *state = NULL;
    c->answered = 1;
    http__socket_ended(c);
    if (c->begun && s->handlers.close)
        s->handlers.close(&c->request, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    connection_free(c);
}

static enum MHD_Result sum_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    size_t *total = ctx;
    (void)kind;
    *total += strlen(name) + (value ? strlen(value) : 0) + 4;
    return MHD_YES;
}

static void note_peer(HttpConnection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, c->peer,
                  sizeof c->peer);
    else if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
                  c->peer, sizeof c->peer);
}

static enum MHD_Result hand_over(HttpConnection *c)
{
    enum MHD_Result result = MHD_queue_response(c->mhd, (unsigned)c->status, c->response);
    MHD_destroy_response(c->response);
    c->response = NULL;
    return result;
}

/* What stands behind such a head is nobody's request: the connection ends with the answer. */
static enum MHD_Result refuse_framing(HttpConnection *c)
{
    static const char text[] = "the head of this request is not well-formed\n";
    c->server->refused++;
    http_set_header(&c->request, "Connection", "close");
    http_respond(&c->request, 400, "text/plain", text, sizeof text - 1);
    return hand_over(c);
}

static enum MHD_Result request_begin(HttpConnection *c, const char *method, const char *version)
{
    HttpRequest *r = &c->request;
    const char *length = http_header(r, "Content-Length");
    const char *coding = http_header(r, "Transfer-Encoding");
    size_t header_bytes = 0;
    r->method = method;
    http__socket_begun(c);
    if (!http__framing_is_plain(c, method, version)) {
        return refuse_framing(c);
    }
    r->content_length = coding ? -1 : length ? strtoll(length, NULL, 10) : 0;
    note_peer(c);
    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, sum_header, &header_bytes);
    if (c->too_long) {
        http_respond(r, 414, "text/plain", "URL too long\n", 13);
    } else if (header_bytes > HTTP_MAX_HEADER_BYTES) {
        http_respond(r, 431, "text/plain", "headers too large\n", 18);
    } else {
        c->begun = 1;
        http__socket_takes_body(c, r->content_length != 0);
        c->server->handlers.begin(r);
    }
    if (!c->response || r->content_length == 0)
        return MHD_YES;
    /* Answered before its body: a client that waits for "100 Continue", or that has too much to
     * say, is answered (and closed) at once, any other when its body has been read away. */
    const char *expect = http_header(r, "Expect");
    if ((expect && strcasecmp(expect, "100-continue") == 0) || r->content_length > HTTP_DRAIN_BYTES)
        return hand_over(c);
    return MHD_YES;
}

static enum MHD_Result request_body(HttpConnection *c, const char *data, size_t *bytes)
{
    if (c->answered) {
        http__socket_body(c, *bytes);
        c->drained += (int64_t)*bytes;
        *bytes = 0;
        return c->response && c->drained <= HTTP_DRAIN_BYTES ? MHD_YES : MHD_NO;
    }
    if (c->suspended)
        return MHD_YES;
    int64_t taken = c->server->handlers.body(&c->request, (const uint8_t *)data, *bytes);
    if (taken < 0) {
        *bytes = 0;
        return c->answered ? MHD_YES : MHD_NO;
    }
    http__socket_body(c, (size_t)taken);
    *bytes -= (size_t)taken;
    if (*bytes > 0)
        http_suspend(&c->request);
    return MHD_YES;
}

enum MHD_Result http__on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *bytes, void **state)
{
    HttpConnection *c = *state;
    (void)cls;
    (void)mhd;
    (void)url;
    if (!c || c->cut || c->server->stopped)
        return MHD_NO;
    if (!c->request.method)
        return request_begin(c, method, version);
    if (*bytes > 0)
        return request_body(c, data, bytes);
    if (!c->ended && !c->answered) {
        c->ended = 1;
        http__socket_takes_body(c, 0);
        c->server->handlers.end(&c->request);
    }
    if (c->response)
        return hand_over(c);
    if (!c->answered)
        http_suspend(&c->request);
    return MHD_YES;
}

/* --- questions about a request --- */

const char *http_header(const HttpRequest *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection->mhd, MHD_HEADER_KIND, name);
}

typedef struct EachHeader {
    void (*each)(void *ctx, const char *name, const char *value);
    void *ctx;
} EachHeader;

static enum MHD_Result each_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    EachHeader *e = ctx;
    (void)kind;
    e->each(e->ctx, name, value ? value : "");
    return MHD_YES;
}

void http_each_header(const HttpRequest *r,
                      void (*each)(void *ctx, const char *name, const char *value), void *ctx)
{
    EachHeader e = {each, ctx};
    MHD_get_connection_values(r->connection->mhd, MHD_HEADER_KIND, each_header, &e);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Next decoded byte of a query at *at, -1 at the end of the item. */
static int query_byte(const char **at)
{
    const char *p = *at;
    if (*p == 0 || *p == '&')
        return -1;
    *at = p + 1;
    if (*p == '+')
        return ' ';
    if (*p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
        *at = p + 3;
        return hex_digit(p[1]) * 16 + hex_digit(p[2]);
    }
    return (unsigned char)*p;
}

int http_query(const HttpRequest *r, const char *name, char *out, size_t out_bytes)
{
    for (const char *at = r->query; *at;) {
        const char *item = at;
        size_t matched = 0;
        size_t n = 0;
        int byte = -1;
        while (*at != '=' && name[matched] &&
               (byte = query_byte(&at)) == (unsigned char)name[matched])
            matched++;
        if (name[matched] == 0 && (*at == '=' || *at == '&' || *at == 0)) {
            at += *at == '=';
            while ((byte = query_byte(&at)) >= 0 && n + 1 < out_bytes)
                out[n++] = (char)byte;
            if (byte >= 0 || out_bytes == 0)
                return -1;
            out[n] = 0;
            return (int)n;
        }
        at = strchr(item, '&');
        if (!at)
            break;
        at++;
    }
    return -1;
}

const char *http_peer(const HttpRequest *r)
{
    return r->connection->peer;
}

/* --- answers --- */

void http_set_header(HttpRequest *r, const char *name, const char *value)
{
    HttpConnection *c = r->connection;
    size_t name_bytes = strlen(name) + 1;
    size_t value_bytes = strlen(value) + 1;
    HttpHeader *header = malloc(sizeof *header + name_bytes + value_bytes);
    if (!header)
        return;
    header->value = header->name + name_bytes;
    memcpy(header->name, name, name_bytes);
    memcpy(header->value, value, value_bytes);
    header->next = c->headers;
    c->headers = header;
}

void http__answer(HttpConnection *c, int status, const char *content_type,
                  struct MHD_Response *response)
{
    if (c->answered || !response) {
        if (response)
            MHD_destroy_response(response);
        c->cut = c->cut || !c->answered;
        http__unpause(c);
        return;
    }
    if (content_type)
        MHD_add_response_header(response, "Content-Type", content_type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (c->server->closing) /* no further request on a kept connection */
        MHD_add_response_header(response, "Connection", "close");
    for (HttpHeader *header = c->headers; header; header = header->next)
        MHD_add_response_header(response, header->name, header->value);
    c->answered = 1;
    c->status = status;
    c->response = response;
    http__unpause(c);
}

void http_respond(HttpRequest *r, int status, const char *content_type, const void *body,
                  size_t bytes)
{
    union {
        const void *from;
        void *to;
    } borrowed = {.from = bytes ? body : ""}; /* MHD copies, its signature says void * */
    http__answer(r->connection, status, content_type,
                 MHD_create_response_from_buffer(bytes, borrowed.to, MHD_RESPMEM_MUST_COPY));
}
