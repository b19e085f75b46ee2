/* Commands on the database of the data folder. What they delete of the store is marked here, and
 * removed by the server: at once where it starts next, so that a crash in between loses nothing. */
#include "app/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/export.h"
#include "app/server.h"
#include "base/clock.h"
#include "db/blocking.h"
#include "model/recordings.h"

#define PAGE 200

typedef struct Command Command;

typedef struct Verb {
    const char *noun, *verb;
    int words;              /* plain arguments behind the verb */
    int (*run)(Command *c); /* the exit code */
} Verb;

struct Command {
    Config config;
    Db *db;
    const Verb *verb;
    const char *words[2];
    const char *organisation, *confirm;
    TokenRow token;
    char text[TOKEN_TEXT_BYTES];
    int64_t deleted;
    int status;
};

static int complain(const char *message)
{
    fprintf(stderr, "keeptake-server: %s\n", message);
    return 2;
}

static void on_written(void *ctx, int status)
{
    ((Command *)ctx)->status = status;
}

static int write_with(Command *c, int (*work)(DbConnection *db, void *ctx))
{
    db_write(c->db, "operator", work, c, on_written);
    return c->status;
}

static int complain_of(int status, const char *not_found, const char *conflict)
{
    return complain(status == DB_NOT_FOUND  ? not_found
                    : status == DB_CONFLICT ? conflict
                    : status == DB_FULL     ? "the disk is full: nothing was changed."
                                            : "the database reported a failure.");
}

static const char no_organisation[] = "there is no such organisation: make it first.";

/* --- organisations --- */

static int insert_organisation(DbConnection *db, void *ctx)
{
    return organisation_insert(db, ((Command *)ctx)->organisation, clock_now_us());
}

static int create_organisation(Command *c)
{
    if (write_with(c, insert_organisation) != DB_OK) {
        return complain_of(c->status, "", "the organisation exists already.");
    }
    puts(c->organisation);
    return 0;
}

static void print_organisation(void *ctx, const OrganisationRow *row)
{
    char created[JSON_TIME_BYTES];
    (void)ctx;
    json_format_time(row->created_us, created);
    printf("%s %s %lld recordings %lld bytes %lld tokens\n", row->name, created,
           (long long)row->recordings, (long long)row->bytes, (long long)row->tokens);
}

static int list_organisations(Command *c)
{
    return organisation_list(db_reader(c->db), print_organisation, NULL) == DB_OK
               ? 0
               : complain("the database reported a failure.");
}

typedef struct Page {
    RecordingRow *rows;
    int count;
} Page;

static void keep_row(void *ctx, const RecordingRow *row)
{
    Page *page = ctx;
    page->rows[page->count++] = *row;
}

/* The next recordings of an organisation; page's last row says where to go on. */
static int next_page(DbConnection *db, const char *organisation, Page *page)
{
    int64_t before_us = INT64_MAX;
    char before[RECORDING_ID_BYTES] = "";
    if (page->count > 0) {
        before_us = page->rows[page->count - 1].created_us;
        memcpy(before, page->rows[page->count - 1].id, sizeof before);
    }
    page->count = 0;
    return recording_list(db, organisation, before_us, before, PAGE, keep_row, page);
}

/* Tokens go at once, recordings are marked; the name goes when nothing of it is left. */
static int delete_all(DbConnection *db, void *ctx)
{
    Command *c = ctx;
    Page page = {.rows = calloc(PAGE, sizeof *page.rows)};
    int status = page.rows ? organisation_find(db, c->organisation) : DB_IO;
    c->deleted = 0;
    status = status == DB_OK ? token_delete_all(db, c->organisation) : status;
    while (status == DB_OK && (status = next_page(db, c->organisation, &page)) == DB_OK &&
           page.count > 0) {
        for (int i = 0; i < page.count && status == DB_OK; i++, c->deleted++) {
            status = object_set_deleting_all(db, page.rows[i].id, clock_now_us());
        }
    }
    free(page.rows);
    return status;
}

static int delete_name(DbConnection *db, void *ctx)
{
    return organisation_delete(db, ((Command *)ctx)->organisation);
}

static int delete_organisation(Command *c)
{
    if (!c->confirm || strcmp(c->confirm, c->organisation) != 0) {
        fprintf(stderr,
                "keeptake-server: this deletes all takes of %s for ever: say --confirm %s.\n",
                c->organisation, c->organisation);
        return 2;
    }
    if (write_with(c, delete_all) != DB_OK) {
        return complain_of(c->status, "there is no such organisation.",
                           "the database reported a failure.");
    }
    if (write_with(c, delete_name) == DB_OK) {
        printf("%s is deleted\n", c->organisation);
        return 0;
    }
    if (c->status != DB_CONFLICT) {
        return complain_of(c->status, "there is no such organisation.", "");
    }
    printf("%s: its tokens are deleted, and %lld recordings are marked. The server removes them "
           "from the store when it is started next; then say this again for the name.\n",
           c->organisation, (long long)c->deleted);
    return 0;
}

static int export_organisation(Command *c)
{
    Export export = {.db = db_reader(c->db)};
    char store[CONFIG_PATH_BYTES + 16];
    Page page = {.rows = calloc(PAGE, sizeof *page.rows)};
    int status = page.rows ? organisation_find(export.db, c->organisation) : DB_IO;
    snprintf(store, sizeof store, "%s/store", c->config.data);
    if (status != DB_OK) {
        free(page.rows);
        return complain_of(status, "there is no such organisation.", "");
    }
    int opened = export_open(&export, store, c->words[1]);
    while (opened == 0 && (status = next_page(export.db, c->organisation, &page)) == DB_OK &&
           page.count > 0) {
        for (int i = 0; i < page.count; i++) {
            export_recording(&export, &page.rows[i]);
        }
    }
    export_close(&export);
    free(page.rows);
    if (opened != 0) {
        fprintf(stderr, "keeptake-server: %s cannot be made, or %s read: %s.\n", c->words[1], store,
                strerror(-opened));
        return 2;
    }
    printf(
        "%lld takes, %lld bytes, %lld timelines; %lld unfinished were passed over, %lld failed\n",
        (long long)export.takes, (long long)export.bytes, (long long)export.timelines,
        (long long)export.unfinished, (long long)export.failed);
    return status == DB_OK && export.failed == 0 ? 0 : 1;
}

/* --- tokens --- */

static int insert_token(DbConnection *db, void *ctx)
{
    return token_insert(db, &((Command *)ctx)->token);
}

static int create_token(Command *c)
{
    if (c->token.role == ROLE_NONE) {
        return complain("token create: --role owner, co-host or viewer is needed.");
    }
    c->token.created_us = clock_now_us();
    snprintf(c->token.organisation, sizeof c->token.organisation, "%s", c->organisation);
    if (token_make(&c->token, c->text) != 0) {
        return complain("there is no randomness.");
    }
    if (write_with(c, insert_token) != DB_OK) {
        return complain_of(c->status, "", no_organisation);
    }
    puts(c->text);
    return 0;
}

static void print_token(void *ctx, const TokenRow *row)
{
    char created[JSON_TIME_BYTES], expires[JSON_TIME_BYTES] = "never";
    (void)ctx;
    json_format_time(row->created_us, created);
    if (row->expires_us != 0) {
        json_format_time(row->expires_us, expires);
    }
    printf("%s %s %s %s", row->id, role_name(row->role), created, expires);
    printf(*row->label ? " %s\n" : "%s\n", row->label);
}

static int list_tokens(Command *c)
{
    int status = organisation_find(db_reader(c->db), c->organisation);
    status =
        status == DB_OK ? token_list(db_reader(c->db), c->organisation, print_token, NULL) : status;
    return status == DB_OK ? 0 : complain_of(status, "there is no such organisation.", "");
}

static int delete_token(DbConnection *db, void *ctx)
{
    const Command *c = ctx;
    return token_delete(db, c->organisation, c->words[0]);
}

static int revoke_token(Command *c)
{
    if (write_with(c, delete_token) != DB_OK) {
        return complain_of(c->status, "there is no such token in this organisation.", "");
    }
    puts(c->words[0]);
    return 0;
}

/* --- arguments --- */

static const Verb verbs[] = {
    {"organisation", "create", 1, create_organisation},
    {"organisation", "list", 0, list_organisations},
    {"organisation", "delete", 1, delete_organisation},
    {"organisation", "export", 2, export_organisation},
    {"token", "create", 0, create_token},
    {"token", "list", 0, list_tokens},
    {"token", "revoke", 1, revoke_token},
};

static const Verb *find_verb(const char *noun, const char *verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].noun, noun) == 0 && strcmp(verbs[i].verb, verb) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
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

/* Takes one of the commands' own options. 1: taken, 0: another one, -1: wrong. */
static int take_option(Command *c, const char *name, const char *value)
{
    if (strcmp(name, "--organisation") == 0) {
        c->organisation = value;
    } else if (strcmp(name, "--confirm") == 0) {
        c->confirm = value;
    } else if (strcmp(name, "--role") == 0) {
        c->token.role = role_parse(value);
        return c->token.role == ROLE_NONE ? -1 : 1;
    } else if (strcmp(name, "--label") == 0) {
        snprintf(c->token.label, sizeof c->token.label, "%.100s", value);
    } else if (strcmp(name, "--expires") == 0) {
        int64_t seconds = parse_age(value);
        c->token.expires_us = clock_now_us() + seconds * 1000000;
        return seconds == 0 ? -1 : 1;
    } else {
        return 0;
    }
    return 1;
}

/* Plain words and own options out of argv, the others into rest. 0, or 2 after a complaint. */
static int take_arguments(Command *c, int argc, char *argv[], char **rest, int *count)
{
    int words = 0;
    rest[(*count)++] = argv[0];
    for (int at = 3; at < argc; at++) {
        int taken = at + 1 < argc ? take_option(c, argv[at], argv[at + 1]) : 0;
        if (taken < 0) {
            fprintf(stderr, "keeptake-server: %s: \"%s\" is not a value for it.\n", argv[at],
                    argv[at + 1]);
            return 2;
        }
        if (taken) {
            at++;
        } else if (words == at - 3 && words < c->verb->words && argv[at][0] != '-') {
            c->words[words++] = argv[at];
        } else {
            rest[(*count)++] = argv[at];
        }
    }
    if (words < c->verb->words) {
        fprintf(stderr, "keeptake-server: %s %s needs %s; see --help.\n", c->verb->noun,
                c->verb->verb, c->verb->words == 2 ? "NAME and DIR" : "one argument");
        return 2;
    }
    if (strcmp(c->verb->noun, "organisation") == 0) {
        c->organisation = c->words[0];
    }
    return 0;
}

int accounts_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Command c;
    char error[CONFIG_ERROR_BYTES];
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    int count = 0, asked = 0;
    c.verb = rest && argc > 2 ? find_verb(argv[1], argv[2]) : NULL;
    if (!c.verb) {
        free(rest);
        return complain("the commands are `organisation create|list|delete|export` and `token "
                        "create|list|revoke`; see --help.");
    }
    int wrong = take_arguments(&c, argc, argv, rest, &count);
    config_init(&c.config);
    int loaded = wrong ? 0 : config_load(&c.config, count, rest, env, env_ctx, &asked, error);
    free(rest);
    if (wrong) {
        return wrong;
    }
    if (loaded != 0) {
        return complain(loaded > 0 ? "--help lists the options." : error);
    }
    int all = c.verb->run == list_organisations;
    if (!all && (!c.organisation || !organisation_name_valid(c.organisation))) {
        return complain("the organisation's name must be 1 to 63 of a-z, 0-9 and -.");
    }
    if (server_open_db(c.config.data, NULL, &c.db, error, sizeof error) != 0) {
        return complain(error);
    }
    int result = c.verb->run(&c);
    db_close(&c.db);
    return result;
}
