/* Rows are looked up in the store, then what is in the store among the rows. A server that works
 * meanwhile changes both: a finding is looked at a second time before it is told. */
#include "app/fsck.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/orphans.h"
#include "app/server.h"
#include "base/clock.h"
#include "db/blocking.h"
#include "model/recordings.h"
#include "store/disk/view.h"

#define BATCH 64

typedef struct Fsck {
    Db *db;
    DiskView *view;
    const FsckOptions *options;
    FsckResult *result;
    FILE *out;
    RecordingRow adopted;
    int db_status;
} Fsck;

int64_t fsck_findings(const FsckResult *r)
{
    return r->missing + r->differing + r->lost + r->orphans - r->adopted + r->verified.damaged;
}

/* --- rows --- */

typedef enum Finding { FOUND_RIGHT, FOUND_MISSING, FOUND_DIFFERENT, FOUND_LOST } Finding;

static Finding look_at(const Fsck *f, const ObjectRow *row, StoreObject *object)
{
    StoreStatus status = disk_view_object(f->view, SERVER_BUCKET, row->key, object);
    if (row->pending == PENDING_DELETE || row->pending == PENDING_ABORT ||
        row->state == OBJECT_CREATED || row->state == OBJECT_ABORTED ||
        row->state == OBJECT_FAILED) {
        return FOUND_RIGHT;
    }
    if (row->state == OBJECT_COMPLETE) {
        return status != STORE_OK                                            ? FOUND_MISSING
               : object->bytes != row->bytes && row->pending == PENDING_NONE ? FOUND_DIFFERENT
                                                                             : FOUND_RIGHT;
    }
    return status == STORE_OK || disk_view_has_upload(f->view, row->upload_id) ? FOUND_RIGHT
                                                                               : FOUND_LOST;
}

static void check_row(Fsck *f, const ObjectRow *row)
{
    static const char *const texts[] = {
        [FOUND_MISSING] = "is complete, and its object is not in the store",
        [FOUND_DIFFERENT] = "is complete, and its object has another size",
        [FOUND_LOST] = "neither its upload nor its object is in the store"};
    static const char *const words[] = {
        [FOUND_MISSING] = "missing", [FOUND_DIFFERENT] = "differs", [FOUND_LOST] = "lost"};
    StoreObject object;
    ObjectRow again;
    Finding finding = look_at(f, row, &object);
    f->result->rows++;
    if (finding == FOUND_RIGHT || object_get(db_reader(f->db), row->id, &again) != DB_OK) {
        return;
    }
    finding = look_at(f, &again, &object);
    if (finding == FOUND_RIGHT ||
        (f->options->is_known && f->options->is_known(f->options->ctx, row->id))) {
        return;
    }
    f->result->missing += finding == FOUND_MISSING;
    f->result->differing += finding == FOUND_DIFFERENT;
    f->result->lost += finding == FOUND_LOST;
    fprintf(f->out, "%-8s %s %s %s: %s\n", words[finding], row->recording, row->organisation,
            object_kind_name(row->kind), texts[finding]);
}

static int check_rows(Fsck *f)
{
    ObjectRow *rows = calloc(BATCH, sizeof *rows);
    char after[OBJECT_ID_BYTES] = "";
    int count = rows ? 1 : DB_IO;
    while (count > 0 && (count = object_all(db_reader(f->db), after, rows, BATCH)) > 0) {
        for (int i = 0; i < count; i++) {
            check_row(f, &rows[i]);
        }
        memcpy(after, rows[count - 1].id, sizeof after);
    }
    free(rows);
    return count;
}

/* --- what is in the store --- */

static int adopt_row(DbConnection *c, void *ctx)
{
    return recording_adopt(c, &((Fsck *)ctx)->adopted, clock_now_us());
}

static void on_adopted(void *ctx, int status)
{
    ((Fsck *)ctx)->db_status = status;
}

static int is_wanted(const Fsck *f, const char *id)
{
    const char *wanted = f->options->adopt;
    return wanted && (strcmp(wanted, "all") == 0 || strcmp(wanted, id) == 0);
}

static const char *adopt(Fsck *f, const char *id, const char *organisation, int64_t created_us,
                         const char *upload_id, int64_t part_bytes)
{
    orphan_row(&f->adopted, id, organisation, created_us, upload_id, part_bytes);
    db_write(f->db, "operator", adopt_row, f, on_adopted);
    f->result->adopted += f->db_status == DB_OK;
    return f->db_status == DB_OK         ? ": adopted"
           : f->db_status == DB_CONFLICT ? ": not adopted: there is no such organisation"
                                         : ": not adopted: the database reported a failure";
}

/* 1 with id and organisation for a key of ours that no row knows. */
static int is_orphan(Fsck *f, const char *key, char id[RECORDING_ID_BYTES],
                     char organisation[ORGANISATION_BYTES])
{
    RecordingRow row;
    ObjectRow object;
    if (object_key_recording(key, id) != 0) {
        f->result->foreign++;
        return 0;
    }
    if (recording_organisation_of_key(key, organisation) != 0) {
        organisation[0] = 0; /* none of a take */
        return object_by_key(db_reader(f->db), key, &object) == DB_NOT_FOUND;
    }
    return recording_get(db_reader(f->db), NULL, id, &row) == DB_NOT_FOUND;
}

static void check_object(void *ctx, const StoreObject *object)
{
    Fsck *f = ctx;
    char id[RECORDING_ID_BYTES], organisation[ORGANISATION_BYTES];
    StoreObject again;
    f->result->objects++;
    if (!is_orphan(f, object->key, id, organisation) ||
        disk_view_object(f->view, SERVER_BUCKET, object->key, &again) != STORE_OK ||
        !is_orphan(f, object->key, id, organisation)) {
        return;
    }
    f->result->orphans++;
    fprintf(f->out, "orphan   object %s %lld bytes%s\n", object->key, (long long)object->bytes,
            *organisation && is_wanted(f, id)
                ? adopt(f, id, organisation, object->modified_unix_us, "", 0)
                : "");
}

static void check_upload(void *ctx, const DiskViewUpload *found)
{
    Fsck *f = ctx;
    char id[RECORDING_ID_BYTES], organisation[ORGANISATION_BYTES];
    const StoreUpload *upload = &found->upload;
    f->result->uploads++;
    if (found->parts == 0 || /* those the server removes by itself */
        !is_orphan(f, upload->key, id, organisation) ||
        !disk_view_has_upload(f->view, upload->upload_id) ||
        !is_orphan(f, upload->key, id, organisation)) {
        return;
    }
    f->result->orphans++;
    fprintf(f->out, "orphan   upload %s %lld bytes%s\n", upload->key, (long long)found->bytes,
            *organisation && is_wanted(f, id)
                ? adopt(f, id, organisation, upload->initiated_unix_us, upload->upload_id,
                        found->part_bytes)
                : "");
}

int fsck_run(Db *db, const char *store, const FsckOptions *options, FILE *out, FsckResult *result,
             char *error, size_t error_bytes)
{
    Fsck f = {.db = db, .options = options, .result = result, .out = out};
    memset(result, 0, sizeof *result);
    int opened = disk_view_open(store, &f.view);
    if (opened != 0) {
        snprintf(error, error_bytes, "The store in %.300s cannot be read: %s.", store,
                 strerror(-opened));
        return -1;
    }
    int failed = check_rows(&f) < 0;
    /* Objects first: an upload to a key that has been adopted belongs to that recording then. */
    failed = failed || disk_view_each_object(f.view, SERVER_BUCKET, check_object, &f) != 0 ||
             disk_view_each_upload(f.view, check_upload, &f) != 0;
    disk_view_close(&f.view);
    if (failed) {
        snprintf(error, error_bytes, "The database or the store in %.300s cannot be read.", store);
        return -1;
    }
    return options->verify ? store_disk_verify(store, out, &result->verified, error, error_bytes)
                           : 0;
}

/* --- the command --- */

static int complain(const char *message)
{
    fprintf(stderr, "keeptake-server: %s\n", message);
    return 2;
}

static int print_result(const FsckResult *r)
{
    printf("%lld rows, %lld objects, %lld uploads: ", (long long)r->rows, (long long)r->objects,
           (long long)r->uploads);
    if (fsck_findings(r) > 0) {
        printf("%lld missing, %lld of another size, %lld lost, %lld orphans (%lld adopted), "
               "%lld damaged.\n",
               (long long)r->missing, (long long)r->differing, (long long)r->lost,
               (long long)r->orphans, (long long)r->adopted, (long long)r->verified.damaged);
        return 1;
    }
    printf("all is well%s.\n",
           r->adopted > 0 ? "; what was adopted is finished by the server" : "");
    return 0;
}

int fsck_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Config config;
    char error[CONFIG_ERROR_BYTES] = "", store[CONFIG_PATH_BYTES + 16];
    FsckOptions options = {0};
    FsckResult result;
    Db *db = NULL;
    int count = 0, asked = 0, loaded = -1;
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    config_init(&config);
    for (int i = 0; rest && i < argc; i++) {
        if (strcmp(argv[i], "--verify") == 0) {
            options.verify = 1;
        } else if (strcmp(argv[i], "--adopt") == 0 && i + 1 < argc) {
            options.adopt = argv[++i];
        } else if (i != 1) {
            rest[count++] = argv[i];
        }
    }
    if (rest) {
        loaded = config_load(&config, count, rest, env, env_ctx, &asked, error);
    }
    free(rest);
    if (loaded > 0) {
        return complain("--help lists the options.");
    }
    if (loaded == 0 && config.store == CONFIG_STORE_S3) {
        return complain("fsck looks at the embedded store; for a service there are `store orphans` "
                        "and `store check`.");
    }
    snprintf(store, sizeof store, "%s/keeptake.db", config.data);
    if (loaded == 0 && access(store, R_OK) != 0) {
        fprintf(stderr, "keeptake-server: there is no database %s.\n", store);
        return 2;
    }
    snprintf(store, sizeof store, "%s/store", config.data);
    if (loaded != 0 || server_open_db(config.data, NULL, &db, error, sizeof error) != 0) {
        return complain(error);
    }
    int run = fsck_run(db, store, &options, stdout, &result, error, sizeof error);
    db_close(&db);
    return run != 0 ? complain(error) : print_result(&result);
}
