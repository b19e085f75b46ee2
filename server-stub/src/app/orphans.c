/* Blocking, on a loop of its own: all objects and uploads of takes are compared with the database.
 * An adopted one becomes a recording that the server finishes at its next start or clean-up, by the
 * same steps as any salvage. */
#include "app/orphans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/server.h"
#include "app/settings.h"
#include "base/clock.h"
#include "db/blocking.h"

#define ADOPTED_TITLE "Found in the store"
#define ADOPTED_PART_BYTES (8 << 20) /* of rebuilding it, where its own are not known */

typedef struct Orphans {
    uv_loop_t loop;
    Config config;
    Db *db;
    StoreDisk *disk;
    Store *store;
    const char *adopt, *remove; /* an id, "all" or NULL */
    int prefix;                 /* of object_prefixes */
    int is_waiting;
    StoreStatus status; /* of the last call */
    StoreObject *objects;
    int object_count, more;
    StoreUpload *uploads;
    int upload_count;
    int part_count;
    int64_t part_bytes, bytes; /* of the first part; of all */
    RecordingRow row;          /* to be adopted */
    int db_status;
    int found, foreign, adopted, removed, failures;
} Orphans;

static int complain(const char *message)
{
    fprintf(stderr, "keeptake-server: %s\n", message);
    return 2;
}

/* --- calls, one after the other --- */

static void end(Orphans *o, StoreStatus status)
{
    o->status = status;
    o->is_waiting = 0;
}

static StoreStatus wait(Orphans *o)
{
    while (o->is_waiting) {
        uv_run(&o->loop, UV_RUN_ONCE);
    }
    return o->status;
}

static void on_status(void *ctx, StoreStatus status)
{
    end(ctx, status);
}

static void on_objects(void *ctx, StoreStatus status, const StoreObject *objects, int count,
                       int more)
{
    Orphans *o = ctx;
    free(o->objects);
    o->objects = calloc((size_t)count + 1, sizeof *objects);
    o->object_count = o->objects && status == STORE_OK ? count : 0;
    if (o->object_count > 0) {
        memcpy(o->objects, objects, (size_t)count * sizeof *objects);
    }
    o->more = more;
    end(o, o->objects ? status : STORE_IO);
}

static void on_uploads(void *ctx, StoreStatus status, const StoreUpload *uploads, int count)
{
    Orphans *o = ctx;
    free(o->uploads);
    o->uploads = calloc((size_t)count + 1, sizeof *uploads);
    o->upload_count = o->uploads && status == STORE_OK ? count : 0;
    if (o->upload_count > 0) {
        memcpy(o->uploads, uploads, (size_t)count * sizeof *uploads);
    }
    end(o, o->uploads ? status : STORE_IO);
}

static void on_parts(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Orphans *o = ctx;
    o->part_count = status == STORE_OK ? count : 0;
    o->part_bytes = o->part_count > 0 ? parts[0].bytes : 0;
    o->bytes = 0;
    for (int i = 0; i < o->part_count; i++) {
        o->bytes += parts[i].bytes;
    }
    end(o, status);
}

static int adopt_row(DbConnection *c, void *ctx)
{
    Orphans *o = ctx;
    return recording_adopt(c, &o->row, clock_now_us());
}

static void on_db(void *ctx, int status)
{
    Orphans *o = ctx;
    o->db_status = status;
    o->is_waiting = 0;
}

/* --- one of them --- */

static int is_named(const char *wanted, const char *id)
{
    return wanted && (strcmp(wanted, "all") == 0 || strcmp(wanted, id) == 0);
}

static void print(const char *kind, const char *id, const char *organisation, int64_t bytes,
                  int64_t time_us, const char *what)
{
    char text[32] = "";
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm parts;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    printf("%s %s %s %lld %s%s%s\n", kind, id, organisation, (long long)bytes, text,
           *what ? " " : "", what);
}

void orphan_row(RecordingRow *row, const char *id, const char *organisation, int64_t created_us,
                const char *upload_id, int64_t part_bytes)
{
    memset(row, 0, sizeof *row);
    snprintf(row->id, sizeof row->id, "%s", id);
    snprintf(row->organisation, sizeof row->organisation, "%s", organisation);
    snprintf(row->title, sizeof row->title, "%s", ADOPTED_TITLE);
    snprintf(row->take.upload_id, sizeof row->take.upload_id, "%s", upload_id);
    row->created_us = created_us;
    row->take.part_bytes = part_bytes > 0 ? part_bytes : ADOPTED_PART_BYTES;
    recording_name_take(row);
}

static const char *adopt(Orphans *o, const char *id, const char *organisation, int64_t created_us,
                         const char *upload_id, int64_t part_bytes)
{
    if (strcmp(organisation, "-") == 0) {
        return "not adopted: only takes can be";
    }
    orphan_row(&o->row, id, organisation, created_us, upload_id, part_bytes);
    o->is_waiting = 1;
    db_write(o->db, "operator", adopt_row, o, on_db);
    wait(o);
    o->adopted += o->db_status == DB_OK;
    o->failures += o->db_status != DB_OK;
    return o->db_status == DB_OK         ? "adopted"
           : o->db_status == DB_CONFLICT ? "not adopted: there is no such organisation"
                                         : "not adopted: the database reported a failure";
}

static const char *removed(Orphans *o)
{
    StoreStatus status = wait(o);
    o->removed += status == STORE_OK;
    o->failures += status != STORE_OK;
    return status == STORE_OK ? "deleted" : "not deleted: the store reported a failure";
}

/* 1 with id and organisation for a key of ours that no recording knows. organisation is "-" where
 * the key does not tell: of all that is not a take. */
static int is_orphan(Orphans *o, const char *key, char id[RECORDING_ID_BYTES],
                     char organisation[ORGANISATION_BYTES])
{
    ObjectRow row;
    if (object_key_recording(key, id) != 0) {
        o->foreign++;
        return 0;
    }
    if (recording_organisation_of_key(key, organisation) != 0) {
        snprintf(organisation, ORGANISATION_BYTES, "-");
    }
    return object_by_key(db_reader(o->db), key, &row) == DB_NOT_FOUND;
}

static void handle_object(Orphans *o, const StoreObject *object)
{
    char id[RECORDING_ID_BYTES], organisation[ORGANISATION_BYTES];
    const char *what = "";
    if (!is_orphan(o, object->key, id, organisation)) {
        return;
    }
    o->found++;
    if (is_named(o->adopt, id)) {
        what = adopt(o, id, organisation, object->modified_unix_us, "", 0);
    } else if (is_named(o->remove, id)) {
        o->is_waiting = 1;
        o->store->remove(o->store, object->key, NULL, o, on_status);
        what = removed(o);
    }
    print("object", id, organisation, object->bytes, object->modified_unix_us, what);
}

static void handle_upload(Orphans *o, const StoreUpload *upload)
{
    char id[RECORDING_ID_BYTES], organisation[ORGANISATION_BYTES];
    const char *what = "";
    if (!is_orphan(o, upload->key, id, organisation)) {
        return;
    }
    o->is_waiting = 1;
    o->store->list_parts(o->store, upload->key, upload->upload_id, NULL, o, on_parts);
    if (wait(o) != STORE_OK) {
        return; /* it is gone */
    }
    o->found++;
    if (is_named(o->adopt, id) && o->part_count > 0) {
        what =
            adopt(o, id, organisation, upload->initiated_unix_us, upload->upload_id, o->part_bytes);
    } else if (is_named(o->remove, id)) {
        o->is_waiting = 1;
        o->store->abort(o->store, upload->key, upload->upload_id, NULL, o, on_status);
        what = removed(o);
    }
    print("upload", id, organisation, o->bytes, upload->initiated_unix_us, what);
}

/* --- all of them --- */

static StoreStatus handle_objects(Orphans *o)
{
    char after[STORE_KEY_BYTES] = "";
    StoreStatus status;
    do {
        o->is_waiting = 1;
        o->store->list_objects(o->store, object_prefixes[o->prefix], after, NULL, o, on_objects);
        status = wait(o);
        for (int i = 0; i < o->object_count; i++) {
            memcpy(after, o->objects[i].key, sizeof after);
            handle_object(o, &o->objects[i]);
        }
    } while (status == STORE_OK && o->more && o->object_count > 0);
    return status;
}

static StoreStatus handle_uploads(Orphans *o)
{
    o->is_waiting = 1;
    o->store->list_uploads(o->store, object_prefixes[o->prefix], NULL, o, on_uploads);
    StoreStatus status = wait(o);
    for (int i = 0; i < o->upload_count; i++) {
        handle_upload(o, &o->uploads[i]);
    }
    return status;
}

/* Objects first: an upload to a key that has been adopted belongs to that recording then. */
static int handle_all(Orphans *o)
{
    StoreStatus status = STORE_OK;
    for (o->prefix = 0; o->prefix < object_prefix_count && status == STORE_OK; o->prefix++) {
        status = handle_objects(o);
        status = status == STORE_OK ? handle_uploads(o) : status;
    }
    if (status != STORE_OK) {
        complain("the store cannot be read.");
        return 1;
    }
    printf("%d found, %d adopted, %d deleted\n", o->found, o->adopted, o->removed);
    if (o->foreign > 0) {
        printf("%d of other forms are in the store and were passed over\n", o->foreign);
    }
    return o->failures > 0;
}

/* --- around it --- */

static int open_store(Orphans *o, EnvLookup env, void *env_ctx, char *error)
{
    static const StoreDiskAccess access = {
        .base_url = "", .bucket = SERVER_BUCKET, .region = "", .access_key = "", .secret_key = ""};
    char folder[CONFIG_PATH_BYTES + 16];
    if (o->config.store == CONFIG_STORE_S3) {
        const S3StoreSettings settings = settings_of_s3store(&o->config);
        S3StoreCredentials credentials;
        int result =
            s3store_credentials(o->config.s3_credentials, env, env_ctx, &credentials, error) == 0 &&
                    s3store_open(&o->loop, &settings, &credentials, NULL, &o->store, error) == 0
                ? 0
                : -1;
        explicit_bzero(&credentials, sizeof credentials);
        return result;
    }
    snprintf(folder, sizeof folder, "%s/store", o->config.data);
    if (store_disk_open(&o->loop, folder, NULL, &o->disk, error, CONFIG_ERROR_BYTES) != 0) {
        return -1;
    }
    if (store_disk_as_store(o->disk, &access, &o->store) != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "The store's bucket cannot be read.");
        return -1;
    }
    return 0;
}

static int run(Orphans *o, EnvLookup env, void *env_ctx)
{
    char error[CONFIG_ERROR_BYTES] = "";
    int result = 2;
    uv_loop_init(&o->loop);
    if (server_open_db(o->config.data, &o->loop, &o->db, error, sizeof error) != 0 ||
        open_store(o, env, env_ctx, error) != 0) {
        complain(error);
    } else {
        result = handle_all(o);
    }
    free(o->objects);
    free(o->uploads);
    if (o->store) {
        o->store->destroy(o->store);
    }
    store_disk_close(&o->disk);
    if (o->db) {
        db_close(&o->db);
    }
    uv_run(&o->loop, UV_RUN_DEFAULT);
    uv_loop_close(&o->loop);
    return result;
}

int store_orphans_command(int argc, char *argv[], EnvLookup env, void *env_ctx)
{
    static Orphans orphans;
    char error[CONFIG_ERROR_BYTES] = "";
    int count = 0, asked = 0, result = -1;
    char **rest = calloc((size_t)argc + 1, sizeof *rest);
    config_init(&orphans.config);
    for (int i = 0; rest && i < argc; i++) {
        const char **named = strcmp(argv[i], "--adopt") == 0    ? &orphans.adopt
                             : strcmp(argv[i], "--delete") == 0 ? &orphans.remove
                                                                : NULL;
        if (named && i + 1 < argc) {
            *named = argv[++i];
        } else if (i != 1 && i != 2) {
            rest[count++] = argv[i];
        }
    }
    if (rest) {
        result = config_load(&orphans.config, count, rest, env, env_ctx, &asked, error);
    }
    free(rest);
    if (result != 0) {
        return complain(result > 0 ? "--help lists the options." : error);
    }
    return run(&orphans, env, env_ctx);
}
