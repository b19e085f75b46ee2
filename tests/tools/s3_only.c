/* The store alone behind its S3 listener, for tests and benches of the protocol:
 *   s3_only DIR [PORT [LEAST_PART_BYTES [ORIGIN]]]
 * Key "test-key", secret "test-secret", region us-east-1, all origins or one. Prints "port N" when
 * it listens; SIGTERM and SIGINT close it cleanly. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/gateway.h"

typedef struct Tool {
    StoreDisk *disk;
    Gateway *s3;
    uv_signal_t signals[2];
} Tool;

static void on_closed(void *ctx)
{
    Tool *tool = ctx;
    store_disk_close(&tool->disk);
    uv_close((uv_handle_t *)&tool->signals[0], NULL);
    uv_close((uv_handle_t *)&tool->signals[1], NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    Tool *tool = handle->data;
    (void)number;
    gateway_close(&tool->s3, 1000, on_closed, tool);
}

int main(int argc, char **argv)
{
    const char *const origins[] = {argc > 4 ? argv[4] : "*"};
    static const int numbers[] = {SIGTERM, SIGINT};
    Tool tool = {0};
    char error[256] = "";
    uv_loop_t *loop = uv_default_loop();
    StoreDiskConfig disk_config = {.least_part_bytes = argc > 3 ? atoll(argv[3]) : 0};
    GatewayConfig config = {.access_key = "test-key",
                            .secret_key = "test-secret",
                            .region = "us-east-1",
                            .allowed_origins = origins,
                            .allowed_origin_count = 1};
    if (argc < 2) {
        fprintf(stderr, "usage: s3_only DIR [PORT [LEAST_PART_BYTES [ORIGIN]]]\n");
        return 2;
    }
    store_disk_prepare_process();
    if (store_disk_open(loop, argv[1], &disk_config, &tool.disk, error, sizeof error) != 0 ||
        gateway_listen(loop, "127.0.0.1", argc > 2 ? atoi(argv[2]) : 0, tool.disk, &config,
                       &tool.s3, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        store_disk_close(&tool.disk);
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop, &tool.signals[i]);
        tool.signals[i].data = &tool;
        uv_signal_start(&tool.signals[i], on_signal, numbers[i]);
    }
    printf("port %d\n", gateway_port(tool.s3));
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    return 0;
}
