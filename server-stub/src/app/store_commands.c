/* `keeptake-server store setup|check|verify`: their arguments, and what they say. */
#include "app/store_commands.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "app/settings.h"
#include "store/disk/verify.h"
#include "store/s3/tool/tool.h"

static int complain(const char *message)
{
    fprintf(stderr, "keeptake-server: %s\n", message);
    return 2;
}

/* Options are those of the server. 0, or -1 with a sentence in error. */
static int load(int argc, char *argv[], EnvLookup env, void *env_ctx, Config *config, int *replace,
                char *error)
{
    int count = 0, asked = 0, result = -1;
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    *replace = 0;
    config_init(config);
    config->store = CONFIG_STORE_S3; /* --store s3 may be left out */
    for (int i = 0; rest && i < argc; i++) {
        if (strcmp(argv[i], "--replace") == 0) {
            *replace = 1;
        } else if (i != 1 && i != 2) {
            rest[count++] = argv[i];
        }
    }
    if (rest) {
        result = config_load(config, count, rest, env, env_ctx, &asked, error);
    }
    free(rest);
    if (result > 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "keeptake-server --help lists the options.");
    } else if (result == 0 && config->store != CONFIG_STORE_S3) {
        snprintf(error, CONFIG_ERROR_BYTES, "The embedded store needs no setup and no check.");
        result = -1;
    } else if (result == 0 && config->port == 0 && !*config->public_url) {
        snprintf(error, CONFIG_ERROR_BYTES,
                 "--port or --public-url is needed: the origin of the pages that send takes.");
        result = -1;
    }
    return result == 0 ? 0 : -1;
}

int store_service_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Config config;
    S3StoreCredentials credentials;
    char error[CONFIG_ERROR_BYTES] = "";
    int replace;
    int setup = argc > 2 && strcmp(argv[2], "setup") == 0;
    if (!setup && (argc < 3 || strcmp(argv[2], "check") != 0)) {
        return complain(
            "the commands are `store setup`, `store check` and `store verify`; see --help.");
    }
    if (load(argc, argv, env, env_ctx, &config, &replace, error) != 0 ||
        s3store_credentials(config.s3_credentials, env, env_ctx, &credentials, error) != 0) {
        return complain(error);
    }
    signal(SIGPIPE, SIG_IGN);
    OriginList hosts = {0}, origins = {0};
    origins_of_pages(config.host, config.port, config.public_url, &hosts, &origins);
    for (int i = 0; i < config.allowed_origins.count; i++) {
        origins_add(&origins, "", config.allowed_origins.items[i], "");
    }
    const S3StoreTool tool = {settings_of_s3store(&config), &credentials, &origins,
                              config.salvage_age_s, stdout};
    int result = setup ? s3store_setup(&tool, replace) : s3store_check(&tool);
    explicit_bzero(&credentials, sizeof credentials);
    return result == 0 ? 0 : 1;
}

int store_verify_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Config config;
    char error[CONFIG_ERROR_BYTES] = "";
    char folder[CONFIG_PATH_BYTES + 8];
    DiskVerified result;
    int asked = 0;
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    int count = 0;
    config_init(&config);
    for (int i = 0; rest && i < argc; i++)
        if (i != 1 && i != 2)
            rest[count++] = argv[i];
    int loaded = rest ? config_load(&config, count, rest, env, env_ctx, &asked, error) : -1;
    free(rest);
    if (loaded == 0 && config.store == CONFIG_STORE_S3)
        snprintf(error, sizeof error,
                 "store verify looks at the embedded store; `store check` tries a service.");
    else if (loaded > 0)
        snprintf(error, sizeof error, "keeptake-server --help lists the options.");
    snprintf(folder, sizeof folder, "%s/store", config.data);
    if (*error || loaded != 0 ||
        store_disk_verify(folder, stdout, &result, error, sizeof error) != 0) {
        fprintf(stderr, "keeptake-server: %s\n", error);
        return 2;
    }
    printf("%lld objects, %lld uploads, %lld parts, %lld bytes read: ", (long long)result.objects,
           (long long)result.uploads, (long long)result.parts, (long long)result.bytes);
    if (result.damaged)
        printf("%lld damaged.\n", (long long)result.damaged);
    else
        printf("all as they were stored.\n");
    return result.damaged ? 1 : 0;
}
