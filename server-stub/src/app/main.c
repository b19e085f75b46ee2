/* The program: options, and the commands that make organisations and tokens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/backup.h"
#include "app/fsck.h"
#include "app/orphans.h"
#include "app/server.h"
#include "app/store_commands.h"
#include "base/clock.h"
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

/* --- organisation create NAME, token create … --- */

typedef struct Command {
    int token;
    char organisation[ORGANISATION_BYTES];
    TokenRow row;
    char text[TOKEN_TEXT_BYTES];
    int status;
} Command;

static int run_command(DbConnection *c, void *ctx)
{
    Command *command = ctx;
    return command->token ? token_insert(c, &command->row)
                          : organisation_insert(c, command->organisation, clock_now_us());
}

static void on_command(void *ctx, int status)
{
    ((Command *)ctx)->status = status;
}

/* "30d", "12h", "90" in seconds; 0 where it is none. */
static int64_t parse_age(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    int64_t unit = *end == 'd' ? 86400 : *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;
    if (end == text || value < 1 || (*end && end[1]) || (*end && !strchr("dhms", *end)) ||
        value > TOKEN_MAX_SECONDS / unit) {
        return 0;
    }
    return value * unit;
}

/* One that is too long is none. */
static void set_organisation(Command *command, const char *name)
{
    snprintf(command->organisation, sizeof command->organisation, "%s",
             strlen(name) < sizeof command->organisation ? name : "");
}

/* Takes one of the command's own options out. 1: taken, 0: another one, -1: wrong. */
static int take_option(Command *command, const char *name, const char *value)
{
    if (strcmp(name, "--organisation") == 0) {
        set_organisation(command, value);
    } else if (strcmp(name, "--role") == 0) {
        command->row.role = role_parse(value);
        return command->row.role == ROLE_NONE ? -1 : 1;
    } else if (strcmp(name, "--label") == 0) {
        snprintf(command->row.label, sizeof command->row.label, "%.100s", value);
    } else if (strcmp(name, "--expires") == 0) {
        int64_t seconds = parse_age(value);
        command->row.expires_us = clock_now_us() + seconds * 1000000;
        return seconds == 0 ? -1 : 1;
    } else {
        return 0;
    }
    return 1;
}

static int finish_command(Command *command, const Config *config)
{
    Db *db;
    char error[512];
    if (!organisation_name_valid(command->organisation)) {
        return complain("the organisation's name must be 1 to 63 of a-z, 0-9 and -.");
    }
    if (command->token && command->row.role == ROLE_NONE) {
        return complain("token create: --role owner, co-host or viewer is needed.");
    }
    if (server_open_db(config->data, NULL, &db, error, sizeof error) != 0) {
        return complain(error);
    }
    command->row.created_us = clock_now_us();
    memcpy(command->row.organisation, command->organisation, sizeof command->organisation);
    if (command->token && token_make(&command->row, command->text) != 0) {
        db_close(&db);
        return complain("there is no randomness.");
    }
    db_write(db, "operator", run_command, command, on_command);
    db_close(&db);
    if (command->status == DB_CONFLICT) {
        return complain(command->token ? "there is no such organisation: make it first."
                                       : "the organisation exists already.");
    }
    if (command->status != DB_OK) {
        return complain("the database reported a failure.");
    }
    puts(command->token ? command->text : command->organisation);
    return 0;
}

static int command_main(int argc, char *argv[])
{
    static Command command;
    Config config;
    char error[CONFIG_ERROR_BYTES];
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    int count = 0, at = 3, asked = 0;
    command.token = strcmp(argv[1], "token") == 0;
    if (!rest || argc < 3 || strcmp(argv[2], "create") != 0) {
        free(rest);
        return complain(
            "the commands are `organisation create NAME` and `token create …`; see --help.");
    }
    rest[count++] = argv[0];
    if (!command.token && at < argc && argv[at][0] != '-') {
        set_organisation(&command, argv[at++]);
    }
    while (at < argc) {
        int taken = at + 1 < argc ? take_option(&command, argv[at], argv[at + 1]) : 0;
        if (taken < 0) {
            free(rest);
            fprintf(stderr, "keeptake-server: %s: \"%s\" is not a value for it.\n", argv[at],
                    argv[at + 1]);
            return 2;
        }
        if (taken) {
            at += 2;
        } else {
            rest[count++] = argv[at++];
        }
    }
    config_init(&config);
    int result = config_load(&config, count, rest, environment, NULL, &asked, error);
    free(rest);
    if (result < 0) {
        return complain(error);
    }
    return finish_command(&command, &config);
}

int main(int argc, char *argv[])
{
    static Config config;
    char error[CONFIG_ERROR_BYTES];
    int asked = 0;
    store_disk_prepare_process();
    if (argc > 1 && (strcmp(argv[1], "token") == 0 || strcmp(argv[1], "organisation") == 0)) {
        return command_main(argc, argv);
    }
    if (argc > 1 && strcmp(argv[1], "backup") == 0) {
        return backup_command(argc, argv, environment, NULL);
    }
    if (argc > 1 && strcmp(argv[1], "restore") == 0) {
        return restore_command(argc, argv, environment, NULL);
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
    return server_run(&config, stderr);
}
