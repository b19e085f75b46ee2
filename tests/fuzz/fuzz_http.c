/* Any bytes to the HTTP server over a socket, in two writes: the handlers' contract holds (begin,
 * body, end in order; close exactly once) and the server lives on. The handlers suspend, take less
 * than offered and answer late, as the bytes tell them. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http.h"

#define MAX_TURNS 2000 /* two seconds: then a request is stuck */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static HttpServer *server;
static int open_requests;
static uint8_t mood; /* of the handlers, from the input */

typedef struct Seen {
    uv_timer_t timer;
    HttpRequest *request;
    int ended, suspended;
} Seen;

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

static void on_timer(uv_timer_t *timer)
{
    Seen *seen = timer->data;
    if (!seen->request)
        return;
    if (seen->ended)
        http_respond(seen->request, 200, "text/plain", "late", 4);
    else
        http_resume(seen->request);
}

static int begin(HttpRequest *r)
{
    char value[16];
    Seen *seen = calloc(1, sizeof *seen);
    if (r->state || !r->method || !r->path || !r->query || strlen(r->path) > HTTP_MAX_URL_BYTES)
        abort();
    seen->request = r;
    seen->timer.data = seen;
    uv_timer_init(uv_default_loop(), &seen->timer);
    r->state = seen;
    open_requests++;
    if (http_query(r, "a", value, sizeof value) > 15 || !http_peer(r)[0])
        abort();
    if (mood & 1) {
        http_respond(r, 403, NULL, NULL, 0);
        return 1;
    }
    return 0;
}

static int64_t body(HttpRequest *r, const uint8_t *data, size_t bytes)
{
    Seen *seen = r->state;
    unsigned sum = 0;
    if (seen->ended || bytes == 0)
        abort();
    for (size_t i = 0; i < bytes; i++)
        sum += data[i];
    if ((mood & 2) && bytes > 1) {
        uv_timer_start(&seen->timer, on_timer, 0, 0);
        return (int64_t)(bytes / 2);
    }
    if ((mood & 4) && sum % 7 == 0) {
        http_respond(r, 400, NULL, NULL, 0);
        return -1;
    }
    return mood & 8 ? -1 : (int64_t)bytes;
}

static void end(HttpRequest *r)
{
    Seen *seen = r->state;
    if (seen->ended++)
        abort();
    if (mood & 16)
        uv_timer_start(&seen->timer, on_timer, 0, 0);
    else if (mood & 32)
        http_respond_segments(r, 200, NULL,
                              &(HttpSegment){open("/proc/self/maps", O_RDONLY), 0, 100}, 1);
    else
        http_respond(r, 200, "text/plain", "ok", 2);
}

static void close_request(HttpRequest *r, int completed)
{
    Seen *seen = r->state;
    (void)completed;
    if (!seen)
        abort();
    open_requests--;
    r->state = NULL;
    seen->request = NULL;
    uv_close((uv_handle_t *)&seen->timer, on_timer_closed);
}

static int connect_server(void)
{
    static const HttpHandlers handlers = {begin, body, end, close_request};
    struct sockaddr_in address = {.sin_family = AF_INET};
    char error[128];
    if (!server && http_listen(uv_default_loop(), "127.0.0.1", 0, &handlers, NULL, &server, error,
                               sizeof error) != 0)
        abort();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)http_port(server));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turn(int fd)
{
    static char answer[65536];
    uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    if (fd >= 0)
        while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0) {
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 3)
        return 0;
    int fd = connect_server();
    size_t cut = (data[1] | (size_t)data[2] << 8) % (bytes - 2);
    mood = data[0];
    send(fd, data + 3, cut < bytes - 3 ? cut : bytes - 3, MSG_NOSIGNAL);
    for (int i = 0; i < 4; i++)
        turn(fd);
    if (cut < bytes - 3)
        send(fd, data + 3 + cut, bytes - 3 - cut, MSG_NOSIGNAL);
    for (int i = 0; i < 8; i++)
        turn(fd);
    struct linger hard = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard,
               sizeof hard); /* no TIME_WAIT: ports would run out */
    close(fd);
    for (int i = 0; i < MAX_TURNS && open_requests > 0; i++) {
        if (i > 20)
            usleep(1000); /* the thread pool reads a file */
        turn(-1);
    }
    if (open_requests != 0)
        abort();
    return 0;
}
