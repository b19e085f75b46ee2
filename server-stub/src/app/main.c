/* The program: which command it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/accounts.h"
#include "app/backup.h"
#include "app/fsck.h"
#include "app/orphans.h"
#include "app/probe.h"
#include "app/server.h"
#include "app/store_commands.h"
#include "keeptake_version.h"

static const char *environment(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static int complain(const char *message)
{
    fprintf(stderr, "keeptake-server: %s\n", message);
    return 2;
}

typedef struct Arguments {
    int argc;
    char **argv;
} Arguments;

/* The same arguments and environment once more, and the file as it is now. */
static int load_again(void *ctx, Config *out, char *error)
{
    const Arguments *arguments = ctx;
    int asked = 0;
    config_init(out);
    return config_load(out, arguments->argc, arguments->argv, environment, NULL, &asked, error);
}

int main(int argc, char *argv[])
{
    static Config config;
    char error[CONFIG_ERROR_BYTES];
    int asked = 0;
    store_disk_prepare_process();
    if (argc > 1 && (strcmp(argv[1], "token") == 0 || strcmp(argv[1], "organisation") == 0)) {
        return accounts_command(argc, argv, environment, NULL);
    }
    if (argc > 1 && strcmp(argv[1], "backup") == 0) {
        return backup_command(argc, argv, environment, NULL);
    }
    if (argc > 1 && strcmp(argv[1], "restore") == 0) {
        return restore_command(argc, argv, environment, NULL);
    }
    if (argc > 1 && strcmp(argv[1], "probe") == 0) {
        return probe_command(argc, argv, environment, NULL);
    }
    if (argc > 1 && strcmp(argv[1], "fsck") == 0) {
        return fsck_command(argc, argv, environment, NULL);
    }
    if (argc > 2 && strcmp(argv[1], "store") == 0 && strcmp(argv[2], "orphans") == 0) {
        return store_orphans_command(argc, argv, environment, NULL);
    }
    if (argc > 2 && strcmp(argv[1], "store") == 0 && strcmp(argv[2], "verify") == 0) {
        return store_verify_command(argc, argv, environment, NULL);
    }
    if (argc > 1 && strcmp(argv[1], "store") == 0) {
        return store_service_command(argc, argv, environment, NULL);
    }
    config_init(&config);
    config.version = KEEPTAKE_VERSION;
    int result = config_load(&config, argc, argv, environment, NULL, &asked, error);
    if (result < 0) {
        return complain(error);
    }
    if (result > 0) {
        if (asked == 'v') {
            puts("keeptake-server " KEEPTAKE_VERSION);
        } else {
            config_help(stdout);
        }
        return 0;
    }
    Arguments arguments = {argc, argv};
    const ServerSource source = {load_again, &arguments, environment};
    return server_run(&config, &source, stderr);
}
