/* How calls of store/store.h are treated at an S3 service: classes, deadlines, calls that are taken
 * back, bodies from files. The service is a socket that answers, or does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/s3/s3store_internal.h"

#define ETAG "\"0123456789abcdef0123456789abcdef\""
#define MOST 64

typedef struct Service Service;

/* A connection: one request after the other. */
typedef struct Peer {
    uv_tcp_t tcp; /* first */
    Service *service;
    Text in;
    int is_silent; /* its request is never answered */
    struct Peer *next;
} Peer;

struct Service {
    uv_tcp_t listener;
    uv_loop_t *loop;
    Peer *peers;
    int open, most_open; /* connections */
    int puts;            /* requests that were read whole */
    int silent;          /* bodies are never answered */
    int drops;           /* so many requests are cut off without an answer */
    uint8_t *body;       /* of the last one */
    size_t body_bytes;
};

typedef struct Answer {
    int count;
    StoreStatus status;
    char text[STORE_ETAG_BYTES];
} Answer;

typedef struct Fixture {
    uv_loop_t loop;
    Service service;
    Store *store;
} Fixture;

/* --- the service --- */

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    (void)handle;
    *buf = uv_buf_init(malloc(wanted), (unsigned)wanted);
}

static void on_peer_closed(uv_handle_t *handle)
{
    Peer *p = (Peer *)handle;
    for (Peer **at = &p->service->peers; *at; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            break;
        }
    }
    p->service->open--;
    text_reset(&p->in);
    free(p);
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

static void answer(Peer *p)
{
    static char text[] = "HTTP/1.1 200 OK\r\nETag: " ETAG "\r\nContent-Length: 0\r\n\r\n";
    uv_buf_t buf = uv_buf_init(text, sizeof text - 1);
    uv_write(malloc(sizeof(uv_write_t)), (uv_stream_t *)p, &buf, 1, on_written);
}

/* Bytes of the request at the front of what came, 0 while it is not whole. */
static size_t whole_request(const Peer *p, size_t *head, size_t *body)
{
    const char *end = p->in.data ? strstr(p->in.data, "\r\n\r\n") : NULL;
    if (!end) {
        return 0;
    }
    *head = (size_t)(end + 4 - p->in.data);
    const char *length = strcasestr(p->in.data, "\r\ncontent-length:");
    *body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return p->in.bytes >= *head + *body ? *head + *body : 0;
}

static void take_request(Peer *p, size_t head, size_t body)
{
    Service *s = p->service;
    free(s->body);
    s->body = malloc(body + 1);
    memcpy(s->body, p->in.data + head, body);
    s->body_bytes = body;
    s->puts += strncmp(p->in.data, "PUT", 3) == 0;
    size_t left = p->in.bytes - head - body;
    memmove(p->in.data, p->in.data + head + body, left + 1);
    p->in.bytes = left;
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    Peer *p = (Peer *)stream;
    size_t head, body;
    if (n > 0) {
        text_add(&p->in, buf->base, (size_t)n);
    }
    free(buf->base);
    if (n < 0) {
        uv_close((uv_handle_t *)p, on_peer_closed);
        return;
    }
    while (!p->is_silent && whole_request(p, &head, &body)) {
        take_request(p, head, body);
        if (p->service->drops > 0) {
            p->service->drops--;
            uv_close((uv_handle_t *)p, on_peer_closed);
            return;
        }
        p->is_silent = p->service->silent && body > 0;
        if (!p->is_silent) {
            answer(p);
        }
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    Service *s = listener->data;
    Peer *p = calloc(1, sizeof *p);
    assert_int_equal(status, 0);
    uv_tcp_init(s->loop, &p->tcp);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)p), 0);
    p->service = s;
    p->next = s->peers;
    s->peers = p;
    s->open++;
    s->most_open = s->open > s->most_open ? s->open : s->most_open;
    uv_read_start((uv_stream_t *)p, on_alloc, on_data);
}

/* --- around it --- */

static int set_up(void **state)
{
    const S3StoreCredentials credentials = {.access_key = "key", .secret_key = "secret"};
    char endpoint[64], error[S3STORE_ERROR_BYTES];
    struct sockaddr_in address;
    int bytes = sizeof address;
    Fixture *f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    f->service.loop = &f->loop;
    f->service.listener.data = &f->service;
    uv_tcp_init(&f->loop, &f->service.listener);
    f->service.listener.data = &f->service;
    uv_ip4_addr("127.0.0.1", 0, &address);
    assert_int_equal(uv_tcp_bind(&f->service.listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&f->service.listener, MOST, on_connection), 0);
    uv_tcp_getsockname(&f->service.listener, (struct sockaddr *)&address, &bytes);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", ntohs(address.sin_port));
    const S3StoreSettings settings = {.endpoint = endpoint,
                                      .public_url = "",
                                      .region = "r",
                                      .bucket = "takes",
                                      .encryption = "",
                                      .ca = "",
                                      .path_style = 1,
                                      .timeout_s = 60};
    assert_int_equal(s3store_open(&f->loop, &settings, &credentials, NULL, &f->store, error), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    f->store->destroy(f->store);
    uv_close((uv_handle_t *)&f->service.listener, NULL);
    for (Peer *p = f->service.peers; p; p = p->next) {
        if (!uv_is_closing((uv_handle_t *)p)) {
            uv_close((uv_handle_t *)p, on_peer_closed);
        }
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f->service.body);
    free(f);
    return 0;
}

static void on_text(void *ctx, StoreStatus status, const char *text)
{
    Answer *a = ctx;
    a->count++;
    a->status = status;
    snprintf(a->text, sizeof a->text, "%s", text ? text : "");
}

static void on_object(void *ctx, StoreStatus status, const StoreObject *object)
{
    (void)object;
    on_text(ctx, status, NULL);
}

static void await(Fixture *f, const Answer *a)
{
    while (a->count == 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(a->count, 1);
}

/* --- tests --- */

/* More bulk parts than have connections, all of them without an answer: others do not notice. */
static void an_interactive_call_is_not_behind_bulk(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    StoreCall calls[3 * S3STORE_BULK_CONNECTIONS];
    Answer waiting[3 * S3STORE_BULK_CONNECTIONS] = {{0}};
    const int count = 3 * S3STORE_BULK_CONNECTIONS;
    uint8_t data[1000] = {7};
    const StoreBody body = {.data = data, .bytes = sizeof data};
    f->service.silent = 1;
    for (int i = 0; i < count; i++) {
        calls[i] = (StoreCall){.class = STORE_BULK};
        s->put_part(s, "a", "up", i + 1, &body, &calls[i], &waiting[i], on_text);
    }
    while (f->service.puts < S3STORE_BULK_CONNECTIONS) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    for (int i = 0; i < 20; i++) {
        Answer a = {0};
        s->head(s, "a", NULL, &a, on_object);
        await(f, &a);
        assert_int_equal(a.status, STORE_OK);
    }
    assert_int_equal(f->service.puts, S3STORE_BULK_CONNECTIONS);
    assert_in_range(f->service.most_open, 0, S3STORE_BULK_CONNECTIONS + S3STORE_CONNECTIONS);
    for (int i = 0; i < count; i++) {
        assert_int_equal(waiting[i].count, 0);
        s->cancel(s, &calls[i]);
    }
    for (int i = 0; i < count; i++) {
        await(f, &waiting[i]);
        assert_int_equal(waiting[i].status, STORE_CANCELLED);
    }
}

/* In every state: not sent yet, without an answer, ended. The memory of a body is the caller's
 * again with done, that of the call as well. */
static void a_call_is_taken_back(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    f->service.silent = 1;
    for (int sent = 0; sent < 2; sent++) {
        StoreCall *call = calloc(1, sizeof *call);
        uint8_t *data = calloc(1, 1 << 20);
        const StoreBody body = {.data = data, .bytes = 1 << 20};
        Answer a = {0};
        int puts = f->service.puts;
        s->put_part(s, "a", "up", 1, &body, call, &a, on_text);
        assert_non_null(call->running);
        while (sent && f->service.puts == puts) {
            uv_run(&f->loop, UV_RUN_ONCE);
        }
        s->cancel(s, call);
        s->cancel(s, call);
        assert_int_equal(a.count, 0);
        await(f, &a);
        assert_int_equal(a.status, STORE_CANCELLED);
        assert_string_equal(a.text, "");
        assert_null(call->running);
        s->cancel(s, call);
        free(call);
        free(data);
    }
    f->service.silent = 0;
    StoreCall call = {.class = STORE_BULK};
    Answer a = {0};
    const StoreBody body = {.data = (const uint8_t *)"x", .bytes = 1};
    s->put_part(s, "a", "up", 1, &body, &call, &a, on_text);
    await(f, &a);
    assert_int_equal(a.status, STORE_OK);
    assert_null(call.running);
    s->cancel(s, &call);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(a.count, 1);
}

static void on_status(void *ctx, StoreStatus status)
{
    on_text(ctx, status, NULL);
}

/* Asked for, known from a second ago, taken back in either case: which says nothing to others. */
static void a_check_is_taken_back(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    for (int known = 0; known < 2; known++) {
        StoreCall call = {.class = STORE_INTERACTIVE, .deadline_ms = 60000};
        Answer a = {0}, next = {0};
        s->check(s, &call, &a, on_status);
        assert_non_null(call.running);
        s->cancel(s, &call);
        await(f, &a);
        assert_int_equal(a.status, STORE_CANCELLED);
        assert_null(call.running);
        s->check(s, NULL, &next, on_status);
        await(f, &next);
        assert_int_equal(next.status, STORE_OK);
    }
}

static void a_call_is_late(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    const StoreBody body = {.data = (const uint8_t *)"x", .bytes = 1};
    StoreCall late = {.deadline_ms = 30}, early = {.deadline_ms = 3600 * 1000};
    Answer a = {0}, b = {0};
    f->service.silent = 1;
    s->put_part(s, "a", "up", 1, &body, &late, &a, on_text);
    s->head(s, "a", &early, &b, on_object);
    await(f, &a);
    assert_int_equal(a.status, STORE_LATE);
    await(f, &b);
    assert_int_equal(b.status, STORE_OK);
    assert_null(early.running);
}

static void a_range_of_a_file_is_sent(void **state)
{
    static const size_t sizes[] = {1, 65536, 300001};
    Fixture *f = *state;
    Store *s = f->store;
    const size_t room = 400000, offset = 4321;
    uint8_t *data = malloc(room);
    int fd = memfd_create("spool", 0);
    for (size_t i = 0; i < room; i++) {
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    assert_int_equal(write(fd, data, room), room);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const StoreBody body = {.fd = fd, .offset = (int64_t)offset, .bytes = (int64_t)sizes[i]};
        for (int drops = 0; drops < 2; drops++) { /* the second time it is sent anew */
            Answer a = {0};
            f->service.drops = drops;
            s->put_part(s, "a", "up", 1, &body, NULL, &a, on_text);
            await(f, &a);
            assert_int_equal(a.status, STORE_OK);
            assert_string_equal(a.text, "0123456789abcdef0123456789abcdef");
            assert_int_equal(f->service.body_bytes, sizes[i]);
            assert_memory_equal(f->service.body, data + offset, sizes[i]);
            assert_int_equal(f->service.drops, 0);
        }
    }
    close(fd);
    free(data);
}

/* Our own file that cannot be read is no fault of the service: nothing is tried again. */
static void a_range_that_is_not_there_is_not_sent(void **state)
{
    Fixture *f = *state;
    Store *s = f->store;
    int fd = memfd_create("short", 0);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    const StoreBody bodies[] = {{.fd = fd, .offset = 5, .bytes = 6},
                                {.fd = -1, .bytes = 5},
                                {.fd = fd, .bytes = 0},
                                {.fd = fd, .offset = -1, .bytes = 5}};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        Answer a = {0};
        s->put_part(s, "a", "up", 1, &bodies[i], NULL, &a, on_text);
        await(f, &a);
        assert_int_equal(a.status, i < 2 ? STORE_IO : STORE_REFUSED);
    }
    assert_int_equal(f->service.puts, 0);
    close(fd);
}

#define SERVICE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(an_interactive_call_is_not_behind_bulk),
        SERVICE_TEST(a_call_is_taken_back),
        SERVICE_TEST(a_check_is_taken_back),
        SERVICE_TEST(a_call_is_late),
        SERVICE_TEST(a_range_of_a_file_is_sent),
        SERVICE_TEST(a_range_that_is_not_there_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
