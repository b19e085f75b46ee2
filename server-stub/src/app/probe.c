/* One request, with a time-out, over a plain socket. */
#include "app/probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/config.h"

#define PROBE_SECONDS 4
#define ANSWER_BYTES 1024

/* An address that reaches a listener of any address. */
static const char *reachable(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1" : strcmp(host, "::") == 0 ? "::1" : host;
}

/* A connected socket, or -1 with errno. */
static int dial(const char *host, int port)
{
    const struct timeval limit = {.tv_sec = PROBE_SECONDS};
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char service[16];
    int fd = -1;
    snprintf(service, sizeof service, "%d", port);
    hints.ai_flags = AI_NUMERICSERV;
    if (getaddrinfo(reachable(host), service, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* of connect too */
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            int saved = errno;
            close(fd);
            errno = saved;
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

/* Status of the answer, 0 where there is none; its body follows the head in text. */
static int ask(int fd, char text[ANSWER_BYTES])
{
    static const char request[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    size_t have = 0;
    int status = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof request - 1)) {
        return 0;
    }
    for (ssize_t n = 1; n > 0 && have < ANSWER_BYTES - 1;) {
        n = recv(fd, text + have, ANSWER_BYTES - 1 - have, 0);
        have += n > 0 ? (size_t)n : 0;
    }
    text[have] = 0;
    return sscanf(text, "HTTP/1.1 %3d ", &status) == 1 ? status : 0;
}

int probe_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Config config;
    char error[CONFIG_ERROR_BYTES] = "", text[ANSWER_BYTES] = "";
    int asked = 0;
    config_init(&config);
    argv[1] = argv[0]; /* the command; what follows are options */
    if (config_load(&config, argc - 1, argv + 1, env, env_ctx, &asked, error) != 0 ||
        config_metrics_port(&config) == 0) {
        fprintf(stderr, "keeptake-server: %s\n",
                *error ? error : "probe needs the --metrics-port of the server.");
        return 2;
    }
    int port = config_metrics_port(&config);
    int fd = dial(config.metrics_host, port);
    int status = fd >= 0 ? ask(fd, text) : 0;
    if (fd >= 0) {
        close(fd);
    }
    if (status == 0) {
        fprintf(stderr, "keeptake-server: port %d of %s does not answer.\n", port,
                reachable(config.metrics_host));
        return 2;
    }
    const char *body = strstr(text, "\r\n\r\n");
    puts(body ? body + 4 : "");
    return status == 200 ? 0 : 1;
}
