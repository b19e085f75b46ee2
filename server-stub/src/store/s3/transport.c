/* curl's multi interface on libuv (curl.se/libcurl/c/libcurl-multi.html): curl names sockets and a
 * time-out, the loop watches them and tells curl what happened. */
#include "store/s3/transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FIRST_BODY_BYTES 4096
#define WATCH_MS 500 /* how often silence is looked for */

typedef struct Exchange Exchange;

struct S3StoreTransport {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;  /* curl's */
    uv_timer_t watch;  /* runs while there are exchanges */
    int handles;       /* of these two, that are open */
    Exchange *running; /* the youngest first */
    char *ca_file;
    uint64_t ca_read_ms; /* loop time from which on what is known of it counts */
};

/* One request. */
struct Exchange {
    S3StoreTransport *transport;
    Exchange *next, *previous; /* of transport->running */
    CURL *easy;
    struct curl_slist *headers;
    S3StoreAnswer answer;
    size_t capacity, max_bytes;
    int too_long;
    StoreBody body;             /* that is read from a file */
    int64_t body_at;            /* of it, that curl has */
    uint64_t idle_ms, moved_ms; /* loop time of the last byte */
    int64_t moved_bytes, head_bytes;
    void *ctx;
    void (*done)(void *ctx, const S3StoreAnswer *answer);
};

/* A socket of curl's and the handle that watches it. */
typedef struct Watch {
    uv_poll_t poll;
    curl_socket_t socket;
    S3StoreTransport *transport;
} Watch;

/* --- an exchange --- */

static void exchange_free(Exchange *x)
{
    if (x->easy) {
        curl_easy_cleanup(x->easy);
    }
    curl_slist_free_all(x->headers);
    free(x->answer.body);
    free(x);
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    Exchange *x = ctx;
    S3StoreAnswer *a = &x->answer;
    size_t bytes = size * count;
    if (bytes > x->max_bytes - a->body_bytes) {
        x->too_long = 1;
        return 0;
    }
    if (bytes > x->capacity - a->body_bytes) {
        size_t capacity = x->capacity ? x->capacity : FIRST_BODY_BYTES;
        while (capacity - a->body_bytes < bytes) {
            capacity *= 2;
        }
        uint8_t *grown = realloc(a->body, capacity);
        if (!grown) {
            return 0;
        }
        a->body = grown;
        x->capacity = capacity;
    }
    memcpy(a->body + a->body_bytes, data, bytes);
    a->body_bytes += bytes;
    return bytes;
}

static int64_t parse_http_date(const char *text)
{
    time_t seconds = curl_getdate(text, NULL);
    return seconds > 0 ? (int64_t)seconds * 1000000 : 0;
}

static void take_header(S3StoreAnswer *a, const char *name, const char *value)
{
    const struct {
        const char *name;
        char *out;
        size_t bytes;
    } texts[] = {
        {"etag", a->etag, sizeof a->etag},
        {"content-type", a->content_type, sizeof a->content_type},
        {"x-amz-server-side-encryption", a->encryption, sizeof a->encryption},
        {"x-amz-server-side-encryption-aws-kms-key-id", a->kms_key, sizeof a->kms_key},
        {"access-control-allow-origin", a->allow_origin, sizeof a->allow_origin},
        {"access-control-allow-methods", a->allow_methods, sizeof a->allow_methods},
        {"access-control-expose-headers", a->expose_headers, sizeof a->expose_headers},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcasecmp(name, texts[i].name) == 0) {
            snprintf(texts[i].out, texts[i].bytes, "%s", value);
            return;
        }
    }
    if (strcasecmp(name, "content-length") == 0) {
        char *end;
        long long length = strtoll(value, &end, 10);
        a->content_length = end != value && length >= 0 ? length : -1;
    } else if (strcasecmp(name, "date") == 0) {
        a->date_unix_us = parse_http_date(value);
    } else if (strcasecmp(name, "last-modified") == 0) {
        a->last_modified_unix_us = parse_http_date(value);
    } else if (strcasecmp(name, "retry-after") == 0) {
        a->retry_after_s = (int)strtol(value, NULL, 10);
    }
}

static void forget_headers(S3StoreAnswer *a)
{
    a->etag[0] = a->content_type[0] = a->encryption[0] = a->kms_key[0] = 0;
    a->allow_origin[0] = a->allow_methods[0] = a->expose_headers[0] = 0;
    a->content_length = -1;
    a->date_unix_us = a->last_modified_unix_us = 0;
    a->retry_after_s = 0;
}

/* One line of the head, with its end; not NUL-terminated. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    Exchange *x = ctx;
    char line[1024];
    size_t bytes = size * count, length = bytes;
    x->head_bytes += (int64_t)bytes;
    while (length > 0 && strchr("\r\n \t", data[length - 1])) {
        length--;
    }
    if (length >= sizeof line) {
        return bytes; /* none that matters here is so long */
    }
    memcpy(line, data, length);
    line[length] = 0;
    char *colon = strchr(line, ':');
    if (strncmp(line, "HTTP/", 5) == 0) { /* another head: after 100 Continue */
        forget_headers(&x->answer);
    } else if (colon) {
        *colon = 0;
        take_header(&x->answer, line, colon + 1 + strspn(colon + 1, " \t"));
    }
    return bytes;
}

/* What a failed transfer means, as a sentence. */
static void explain(Exchange *x, CURLcode code)
{
    const char *text = x->too_long            ? "Its answer is longer than it may be."
                       : x->answer.unreadable ? "The file of what is to be sent cannot be read."
                       : code == CURLE_COULDNT_RESOLVE_HOST ? "Its name cannot be resolved."
                       : code == CURLE_COULDNT_CONNECT      ? "Nothing answers at its address."
                       : code == CURLE_OPERATION_TIMEDOUT   ? "It did not answer in time."
                       : code == CURLE_SSL_CACERT_BADFILE   ? "The file of --s3-ca cannot be read."
                       : code == CURLE_PEER_FAILED_VERIFICATION
                           ? "Its certificate is not valid, or not of a trusted authority."
                           : NULL;
    if (text) {
        snprintf(x->answer.reason, S3STORE_REASON_BYTES, "%s", text);
    } else {
        snprintf(x->answer.reason, S3STORE_REASON_BYTES, "The connection failed: %s.",
                 curl_easy_strerror(code));
    }
}

/* Takes it out of curl and of the list. */
static void take_out(Exchange *x)
{
    S3StoreTransport *t = x->transport;
    curl_multi_remove_handle(t->multi, x->easy);
    if (x->next) {
        x->next->previous = x->previous;
    }
    *(x->previous ? &x->previous->next : &t->running) = x->next;
    if (!t->running) {
        uv_timer_stop(&t->watch);
    }
}

static void end_exchange(Exchange *x)
{
    take_out(x);
    x->done(x->ctx, &x->answer);
    exchange_free(x);
}

void s3store_transport_cancel(S3StoreTransport *t, const void *ctx)
{
    for (Exchange *x = t->running; x; x = x->next) {
        if (x->ctx == ctx) {
            take_out(x);
            exchange_free(x);
            return;
        }
    }
}

static void report_ended(S3StoreTransport *t)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(t->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        Exchange *x = NULL;
        CURLcode code = message->data.result; /* message dies with its handle's removal */
        long status = 0;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
        if (code == CURLE_OK) {
            curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        }
        x->answer.status = (int)status;
        if (status == 0) {
            explain(x, code);
        }
        end_exchange(x);
    }
}

/* Whether nothing moved for as long as the request allows. curl's own low-speed limit takes means
 * of several seconds, in which a short body counts for long. */
static int is_silent(Exchange *x, uint64_t now_ms)
{
    curl_off_t up = 0, down = 0;
    curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    int64_t bytes = (int64_t)up + (int64_t)down + x->head_bytes;
    if (bytes != x->moved_bytes) {
        x->moved_bytes = bytes;
        x->moved_ms = now_ms;
    }
    return now_ms - x->moved_ms >= x->idle_ms;
}

static void on_watch(uv_timer_t *timer)
{
    S3StoreTransport *t = timer->data;
    for (Exchange *x = t->running; x;) {
        if (is_silent(x, uv_now(t->loop))) {
            explain(x, CURLE_OPERATION_TIMEDOUT);
            end_exchange(x);
            x = t->running; /* the list is another one now */
        } else {
            x = x->next;
        }
    }
}

/* --- curl on the loop --- */

static void on_socket_event(uv_poll_t *poll, int status, int events)
{
    Watch *watch = poll->data;
    S3StoreTransport *t = watch->transport;
    int running;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(t->multi, watch->socket, flags, &running);
    report_ended(t);
}

static void on_timeout(uv_timer_t *timer)
{
    S3StoreTransport *t = timer->data;
    int running;
    curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    report_ended(t);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_socket_wanted(CURL *easy, curl_socket_t socket, int what, void *ctx, void *socket_ctx)
{
    S3StoreTransport *t = ctx;
    Watch *watch = socket_ctx;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            curl_multi_assign(t->multi, socket, NULL);
            uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (!watch) {
        watch = calloc(1, sizeof *watch);
        if (!watch || uv_poll_init_socket(t->loop, &watch->poll, socket) != 0) {
            free(watch);
            return -1;
        }
        watch->poll.data = watch;
        watch->socket = socket;
        watch->transport = t;
        curl_multi_assign(t->multi, socket, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, on_socket_event) == 0 ? 0 : -1;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
    S3StoreTransport *t = ctx;
    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&t->timer);
    } else {
        uv_update_time(t->loop);
        uv_timer_start(&t->timer, on_timeout, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

/* --- the calls --- */

S3StoreTransport *s3store_transport_create(uv_loop_t *loop, const char *ca_file, int connections)
{
    S3StoreTransport *t = calloc(1, sizeof *t);
    if (!t || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(t);
        return NULL;
    }
    t->loop = loop;
    t->ca_file = strdup(ca_file);
    t->multi = curl_multi_init();
    if (!t->ca_file || !t->multi) {
        curl_multi_cleanup(t->multi);
        free(t->ca_file);
        free(t);
        curl_global_cleanup();
        return NULL;
    }
    uv_timer_init(loop, &t->timer);
    uv_timer_init(loop, &t->watch);
    t->timer.data = t->watch.data = t;
    t->handles = 2;
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
    return t;
}

static void on_timer_closed(uv_handle_t *handle)
{
    S3StoreTransport *t = handle->data;
    if (--t->handles == 0) {
        free(t->ca_file);
        free(t);
        curl_global_cleanup();
    }
}

void s3store_transport_destroy(S3StoreTransport **transport)
{
    S3StoreTransport *t = *transport;
    *transport = NULL;
    if (t) {
        curl_multi_cleanup(t->multi);
        uv_close((uv_handle_t *)&t->timer, on_timer_closed);
        uv_close((uv_handle_t *)&t->watch, on_timer_closed);
    }
}

static int set_headers(Exchange *x, const S3StoreRequest *request)
{
    /* Expect: would cost a round trip; Accept and Content-Type are what the caller says, or none.
     */
    static const char *const removed[] = {"Expect:", "Accept:", "Content-Type:"};
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) {
        int said = 0;
        for (int k = 0; k < request->header_count; k++) {
            said |= strncasecmp(request->headers[k], removed[i], strlen(removed[i])) == 0;
        }
        struct curl_slist *list = said ? x->headers : curl_slist_append(x->headers, removed[i]);
        if (!said && !list) {
            return -1;
        }
        x->headers = list;
    }
    for (int i = 0; i < request->header_count; i++) {
        struct curl_slist *list = curl_slist_append(x->headers, request->headers[i]);
        if (!list) {
            return -1;
        }
        x->headers = list;
    }
    return 0;
}

/* A piece of the body's file: 64 KiB at most, from the page cache as a rule. */
static size_t on_read(char *out, size_t size, size_t count, void *ctx)
{
    Exchange *x = ctx;
    int64_t left = x->body.bytes - x->body_at;
    size_t want = left < (int64_t)(size * count) ? (size_t)left : size * count;
    ssize_t n;
    do {
        n = pread(x->body.fd, out, want, (off_t)(x->body.offset + x->body_at));
    } while (n < 0 && errno == EINTR);
    if (n <= 0 && want > 0) {
        x->answer.unreadable = 1;
        return CURL_READFUNC_ABORT;
    }
    x->body_at += n;
    return (size_t)n;
}

/* A kept connection was closed meanwhile: from the beginning, on another one. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    Exchange *x = ctx;
    if (origin != SEEK_SET || offset < 0 || offset > x->body.bytes) {
        return CURL_SEEKFUNC_FAIL;
    }
    x->body_at = offset;
    return CURL_SEEKFUNC_OK;
}

static void set_body(Exchange *x, const S3StoreRequest *request)
{
    CURL *easy = x->easy;
    const StoreBody *body = &request->body;
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (body->bytes > 0 && !body->data) {
        x->body = *body;
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->bytes);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(easy, CURLOPT_READDATA, x);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, x);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    } else if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->bytes);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body->bytes ? (const char *)body->data : "");
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static void set_options(const S3StoreTransport *t, Exchange *x, const S3StoreRequest *request)
{
    CURL *easy = x->easy;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)request->total_s);
    if (*t->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
    }
#if LIBCURL_VERSION_NUM >= 0x075700
    if (t->ca_read_ms > 0) { /* curl keeps authorities for a day */
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT,
                         uv_now(t->loop) > t->ca_read_ms
                             ? (long)((uv_now(t->loop) - t->ca_read_ms) / 1000)
                             : 0L);
    }
#endif
    set_body(x, request);
}

void s3store_transport_set_ca(S3StoreTransport *t, const char *ca_file)
{
    char *copy = strdup(ca_file);
    if (copy) { /* without memory the old name stays, and is read again all the same */
        free(t->ca_file);
        t->ca_file = copy;
    }
    t->ca_read_ms = uv_now(t->loop) + 1;
}

int s3store_transport_send(S3StoreTransport *t, const S3StoreRequest *request, void *ctx,
                           void (*done)(void *ctx, const S3StoreAnswer *answer))
{
    Exchange *x = calloc(1, sizeof *x);
    if (!x) {
        return -1;
    }
    x->easy = curl_easy_init();
    x->transport = t;
    x->max_bytes = request->max_answer_bytes;
    x->idle_ms = (uint64_t)request->idle_s * 1000;
    x->ctx = ctx;
    x->done = done;
    forget_headers(&x->answer);
    if (!x->easy || set_headers(x, request) != 0) {
        exchange_free(x);
        return -1;
    }
    set_options(t, x, request);
    if (curl_multi_add_handle(t->multi, x->easy) != CURLM_OK) {
        exchange_free(x);
        return -1;
    }
    uv_update_time(t->loop);
    x->moved_ms = uv_now(t->loop);
    x->next = t->running;
    if (t->running) {
        t->running->previous = x;
    } else {
        uv_timer_start(&t->watch, on_watch, WATCH_MS, WATCH_MS);
    }
    t->running = x;
    return 0;
}
