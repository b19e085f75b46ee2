/* The database first, then the store: what is acknowledged is in both. Takes that came between the
 * two are in the store only and can be adopted; those that were deleted between them are deleted in
 * the copy too. */
#include "app/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/fsck.h"
#include "app/server.h"
#include "base/clock.h"
#include "db/blocking.h"
#include "db/copy.h"
#include "store/disk/clone.h"

#define BACKUP_FORMAT 1
#define SECRETS_BYTES 4096
#define NOTE_BYTES 4096

typedef struct Backup {
    Config config;
    const char *dir;
    int verify, check;
    char from[CONFIG_PATH_BYTES], to[CONFIG_PATH_BYTES]; /* data folders */
    DiskCloned cloned;
    FsckResult result;
    Db *copy, *live; /* of the copy; of the original, NULL: none, or of an older version */
    int64_t began_us;
    char error[CONFIG_ERROR_BYTES];
} Backup;

static int complain(const Backup *b)
{
    fprintf(stderr, "keeptake-server: %s\n", b->error);
    return 2;
}

/* --- arguments --- */

/* argv[1] is the command. 0, or -1 with a sentence in error. */
static int load(Backup *b, int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    int count = 0, asked = 0, result = -1;
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    config_init(&b->config);
    for (int i = 0; rest && i < argc; i++) {
        if (strcmp(argv[i], "--verify") == 0) {
            b->verify = 1;
        } else if (strcmp(argv[i], "--check") == 0) {
            b->check = 1;
        } else if (i > 1 && argv[i][0] != '-' && !b->dir &&
                   (i == 2 || strcmp(argv[i - 1], "--check") == 0 ||
                    strcmp(argv[i - 1], "--verify") == 0)) {
            b->dir = argv[i];
        } else if (i != 1) {
            rest[count++] = argv[i];
        }
    }
    if (rest) {
        result = config_load(&b->config, count, rest, env, env_ctx, &asked, b->error);
    }
    free(rest);
    if (result > 0 || (result == 0 && (!b->dir || strlen(b->dir) > CONFIG_PATH_BYTES - 64))) {
        snprintf(b->error, sizeof b->error, "a folder is needed: %s DIR; see --help.", argv[1]);
        return -1;
    }
    return result;
}

/* --- files --- */

static void path_in(char out[CONFIG_PATH_BYTES + 32], const char *folder, const char *name)
{
    snprintf(out, CONFIG_PATH_BYTES + 32, "%s/%s", folder, name);
}

static int fail(Backup *b, const char *what, const char *path)
{
    snprintf(b->error, sizeof b->error, "%.300s cannot be %s: %s.", path, what, strerror(errno));
    return -1;
}

/* Bytes read, -1 with errno. */
static ssize_t read_file(const char *path, char *text, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, bytes) : -1;
    if (fd >= 0) {
        close(fd);
    }
    return n;
}

static int write_file(Backup *b, const char *path, const char *text, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(b, "written", path);
    }
    errno = ENOSPC; /* where less is written than was asked for */
    int result =
        write(fd, text, bytes) == (ssize_t)bytes && fsync(fd) == 0 ? 0 : fail(b, "written", path);
    close(fd);
    return result;
}

/* A server that was never started has none. */
static int copy_secrets(Backup *b)
{
    char from[CONFIG_PATH_BYTES + 32], to[CONFIG_PATH_BYTES + 32], text[SECRETS_BYTES];
    path_in(from, b->from, "secrets.json");
    path_in(to, b->to, "secrets.json");
    ssize_t bytes = read_file(from, text, sizeof text);
    if (bytes < 0 && errno == ENOENT) {
        return 0;
    }
    int result = bytes < 0 ? fail(b, "read", from) : write_file(b, to, text, (size_t)bytes);
    explicit_bzero(text, sizeof text);
    return result;
}

static int has_store(const char *data)
{
    char path[CONFIG_PATH_BYTES + 32];
    path_in(path, data, "store");
    return access(path, F_OK) == 0;
}

/* Database, store, secrets, in this order, to a folder that is empty. */
static int copy_all(Backup *b)
{
    char from[CONFIG_PATH_BYTES + 32], to[CONFIG_PATH_BYTES + 32];
    path_in(from, b->from, "keeptake.db");
    path_in(to, b->to, "keeptake.db");
    if (access(from, R_OK) != 0) {
        return fail(b, "read", from);
    }
    if (db_copy(from, to, b->error, sizeof b->error) != 0) {
        return -1;
    }
    path_in(from, b->from, "store");
    path_in(to, b->to, "store");
    if (has_store(b->from) &&
        store_disk_clone(from, to, stdout, &b->cloned, b->error, sizeof b->error) != 0) {
        return -1;
    }
    return copy_secrets(b);
}

static int sync_folder(Backup *b, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd >= 0 && syncfs(fd) == 0 && fsync(fd) == 0 ? 0 : fail(b, "synced", path);
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

/* --- backup --- */

static int delete_in_copy(DbConnection *c, void *ctx)
{
    const ObjectRow *row = ctx;
    return row->kind == OBJECT_TAKE
               ? object_set_deleting_all(c, row->recording, clock_now_us())
               : object_set_pending(c, row->id, PENDING_DELETE, NULL, -1, clock_now_us());
}

/* A row of the copy whose object is not in the copy: whether it ended while the copy was made. */
static int ended_meanwhile(void *ctx, const char *id)
{
    Backup *b = ctx;
    ObjectRow live, row;
    if (!b->live || object_get(db_reader(b->copy), id, &row) != DB_OK) {
        return 0;
    }
    int status = object_get(db_reader(b->live), id, &live);
    int is_gone = status == DB_NOT_FOUND || (status == DB_OK && live.pending == PENDING_DELETE);
    if (is_gone) { /* the server that is started with the copy ends it */
        db_write(b->copy, "operator", delete_in_copy, &row, NULL);
    }
    return is_gone ||
           (status == DB_OK && (live.state == OBJECT_ABORTED || live.state == OBJECT_FAILED ||
                                live.pending == PENDING_ABORT));
}

static int64_t findings(const Backup *b)
{
    const FsckResult *r = &b->result;
    return r->missing + r->differing + r->lost + r->verified.damaged + b->cloned.damaged;
}

/* What the copied rows say against what is in the copied store. */
static int compare(Backup *b, const char *db_path, const char *folder)
{
    char store[CONFIG_PATH_BYTES + 32];
    const FsckOptions options = {
        .verify = b->verify || b->check, .is_known = ended_meanwhile, .ctx = b};
    path_in(store, folder, "store");
    if (!has_store(folder)) {
        return 0; /* an S3 service has the objects */
    }
    if (db_open(NULL, db_path, &b->copy, b->error, sizeof b->error) != 0) {
        return -1;
    }
    int result = fsck_run(b->copy, store, &options, stdout, &b->result, b->error, sizeof b->error);
    db_close(&b->copy);
    return result;
}

static int compare_with_live(Backup *b)
{
    char path[CONFIG_PATH_BYTES + 32];
    path_in(path, b->from, "keeptake.db");
    /* An older one is not brought up to date by this: a server of its version may be using it. */
    if (!db_is_older(path) && db_open(NULL, path, &b->live, b->error, sizeof b->error) != 0) {
        return -1;
    }
    path_in(path, b->to, "keeptake.db");
    int result = compare(b, path, b->to);
    db_close(&b->live);
    return result == 0 ? db_settle(path, b->error, sizeof b->error) : result;
}

static int write_note(Backup *b)
{
    char path[CONFIG_PATH_BYTES + 32];
    JsonOut out = {0};
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"format", BACKUP_FORMAT},      {"objects", b->cloned.objects},
                  {"uploads", b->cloned.uploads}, {"parts", b->cloned.parts},
                  {"bytes", b->cloned.bytes},     {"copied_bytes", b->cloned.copied},
                  {"findings", findings(b)}};
    json_begin(&out, '{');
    json_key(&out, "store");
    json_string(&out, has_store(b->from) ? "disk" : "s3");
    json_key(&out, "began");
    json_time(&out, b->began_us);
    json_key(&out, "ended");
    json_time(&out, clock_now_us());
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        json_key(&out, counts[i].name);
        json_int(&out, counts[i].value);
    }
    json_end(&out, '}');
    const char *text = json_text(&out);
    path_in(path, b->to, "backup.json");
    int result = text ? write_file(b, path, text, out.bytes) : -1;
    json_free(&out);
    return result;
}

static int make_backup(Backup *b)
{
    snprintf(b->from, sizeof b->from, "%s", b->config.data);
    snprintf(b->to, sizeof b->to, "%s", b->dir);
    b->began_us = clock_now_us();
    if (mkdir(b->to, 0700) != 0) {
        return fail(b, "made", b->to);
    }
    return copy_all(b) != 0 || compare_with_live(b) != 0 || sync_folder(b, b->to) != 0 ||
                   write_note(b) != 0 || sync_folder(b, b->to) != 0
               ? -1
               : 0;
}

static void print_cloned(const Backup *b, const char *word)
{
    const DiskCloned *c = &b->cloned;
    printf("%s: %lld objects, %lld uploads, %lld parts, %lld bytes (%lld of them written anew)",
           word, (long long)c->objects, (long long)c->uploads, (long long)c->parts,
           (long long)c->bytes, (long long)c->copied);
    printf(findings(b) > 0 ? "; %lld findings.\n" : ".\n", (long long)findings(b));
}

int backup_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Backup b;
    umask(077);
    if (load(&b, argc, argv, env, env_ctx) != 0 || make_backup(&b) != 0) {
        return complain(&b);
    }
    print_cloned(&b, "saved");
    return findings(&b) > 0;
}

/* --- restore --- */

static int read_note(Backup *b)
{
    char path[CONFIG_PATH_BYTES + 32], text[NOTE_BYTES], reason[JSON_ERROR_BYTES];
    const JsonLimits limits = {sizeof text, 2, 64};
    int64_t format = 0;
    path_in(path, b->dir, "backup.json");
    ssize_t bytes = read_file(path, text, sizeof text);
    if (bytes < 0) {
        snprintf(b->error, sizeof b->error,
                 "%.300s has no backup.json: it is no copy, or one that was not finished.", b->dir);
        return -1;
    }
    cJSON *tree = json_parse(text, (size_t)bytes, &limits, reason, sizeof reason);
    int right = tree && json_get_int(tree, "format", 1, INT32_MAX, &format, reason) == 1 &&
                format == BACKUP_FORMAT;
    cJSON_Delete(tree);
    if (!right) {
        snprintf(b->error, sizeof b->error, "%.300s is not of a form that this program knows.",
                 path);
    }
    return right ? 0 : -1;
}

/* With what is in it: the database, and what opening an older one has put beside it. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        unlinkat(dirfd(folder), entry->d_name, 0); /* "." and ".." are no files */
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}

/* On a copy of the database, so that the folder stays as it is. */
static int check_backup(Backup *b)
{
    char folder[] = "/tmp/keeptake-check-XXXXXX", path[CONFIG_PATH_BYTES + 32];
    char database[CONFIG_PATH_BYTES + 32];
    const char *base = getenv("TMPDIR");
    char made[CONFIG_PATH_BYTES];
    snprintf(made, sizeof made, "%.900s%s", base && *base ? base : "/tmp", strrchr(folder, '/'));
    if (!mkdtemp(made)) {
        return fail(b, "made", made);
    }
    path_in(path, b->dir, "keeptake.db");
    path_in(database, made, "keeptake.db");
    int result = db_copy(path, database, b->error, sizeof b->error) != 0 ||
                         db_check(database, b->error, sizeof b->error) != 0
                     ? -1
                     : compare(b, database, b->dir);
    remove_folder(made);
    return result;
}

static int restore(Backup *b)
{
    char made[CONFIG_PATH_BYTES + 32];
    size_t length = strlen(b->config.data);
    while (length > 1 && b->config.data[length - 1] == '/') {
        b->config.data[--length] = 0;
    }
    if (rmdir(b->config.data) != 0 && errno != ENOENT) {
        return fail(b, "replaced: it must be empty, or not there", b->config.data);
    }
    snprintf(made, sizeof made, "%.900s.restoring", b->config.data);
    snprintf(b->from, sizeof b->from, "%s", b->dir);
    snprintf(b->to, sizeof b->to, "%.1000s", made);
    if (mkdir(made, 0700) != 0) {
        return fail(b, "made", made);
    }
    if (copy_all(b) != 0 || sync_folder(b, made) != 0) {
        return -1;
    }
    return rename(made, b->config.data) == 0 ? 0 : fail(b, "named", b->config.data);
}

static int print_checked(const Backup *b)
{
    const FsckResult *r = &b->result;
    printf("%lld rows, %lld objects, %lld uploads, %lld bytes read: ", (long long)r->rows,
           (long long)r->objects, (long long)r->uploads, (long long)r->verified.bytes);
    if (findings(b) > 0) {
        printf("%lld findings.\n", (long long)findings(b));
        return 1;
    }
    printf("all as it was saved%s.\n",
           r->orphans > 0 ? "; orphans came while it was, and can be adopted" : "");
    return 0;
}

int restore_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Backup b;
    umask(077);
    if (load(&b, argc, argv, env, env_ctx) != 0 || read_note(&b) != 0 ||
        (b.check ? check_backup(&b) : restore(&b)) != 0) {
        return complain(&b);
    }
    if (b.check) {
        return print_checked(&b);
    }
    print_cloned(&b, "restored");
    return findings(&b) > 0;
}
