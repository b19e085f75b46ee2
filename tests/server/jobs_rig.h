/* A store in memory that can be in any state a crash leaves and can fail at any call, and a server
 * without sockets over it: for the tests of jobs. */
#ifndef KEEPTAKE_TEST_JOBS_RIG_H
#define KEEPTAKE_TEST_JOBS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "db/blocking.h"
#include "jobs/jobs.h"

/* One key at most: what the store has of the recording under test. */
typedef struct MemoryStore {
    Store store; /* first: the interface */
    int upload, object, part_count;
    StorePart parts[4];
    int64_t object_bytes;
    char object_etag[STORE_ETAG_BYTES];
    StoreStatus failing;         /* every call answers this */
    StoreStatus complete_answer; /* complete acts, then answers this */
    int aborted_orphans;
    char orphan_key[STORE_KEY_BYTES];
    int fails_once; /* failing ends with the next head */
    int orphan_parts;
    int known_uploads; /* so many of the row's own */
    char known_key[STORE_KEY_BYTES];
    StoreObject objects[4]; /* of list_objects, two at a time */
    int object_count, lists;
} MemoryStore;

static inline MemoryStore *memory(Store *s)
{
    return (MemoryStore *)s;
}

static inline void m_create(Store *s, const char *key, const char *type, StoreCall *call, void *ctx,
                            void (*done)(void *, StoreStatus, const char *))
{
    (void)call;
    (void)key;
    (void)type;
    memory(s)->upload = memory(s)->failing == STORE_OK;
    done(ctx, memory(s)->failing, memory(s)->upload ? "up1" : NULL);
}

static inline void m_list(Store *s, const char *key, const char *id, StoreCall *call, void *ctx,
                          void (*done)(void *, StoreStatus, const StorePart *, int))
{
    (void)call;
    MemoryStore *m = memory(s);
    int orphan = strcmp(key, m->orphan_key) == 0;
    (void)id;
    StoreStatus status = m->failing            ? m->failing
                         : m->upload || orphan ? STORE_OK
                                               : STORE_NO_SUCH_UPLOAD;
    done(ctx, status, m->parts, status != STORE_OK ? 0 : orphan ? m->orphan_parts : m->part_count);
}

static inline void m_complete(Store *s, const char *key, const char *id, const StorePart *parts,
                              int count, StoreCall *call, void *ctx,
                              void (*done)(void *, StoreStatus, const StoreObject *))
{
    (void)call;
    MemoryStore *m = memory(s);
    StoreObject object = {.bytes = 0};
    (void)key;
    (void)id;
    StoreStatus status = m->failing ? m->failing : !m->upload ? STORE_NO_SUCH_UPLOAD : STORE_OK;
    for (int i = 0; i < count && status == STORE_OK; i++) {
        object.bytes += parts[i].bytes ? parts[i].bytes : m->parts[i].bytes;
    }
    if (status == STORE_OK) {
        m->upload = 0;
        m->object = 1;
        m->object_bytes = object.bytes;
        status = m->complete_answer;
    }
    done(ctx, status, &object);
}

static inline void m_abort(Store *s, const char *key, const char *id, StoreCall *call, void *ctx,
                           void (*done)(void *, StoreStatus))
{
    (void)call;
    MemoryStore *m = memory(s);
    (void)id;
    if (strcmp(key, m->orphan_key) == 0) {
        m->aborted_orphans++;
        done(ctx, STORE_OK);
        return;
    }
    StoreStatus status = m->failing ? m->failing : m->upload ? STORE_OK : STORE_NO_SUCH_UPLOAD;
    if (status == STORE_OK) {
        m->upload = 0;
    }
    done(ctx, status);
}

static inline void m_head(Store *s, const char *key, StoreCall *call, void *ctx,
                          void (*done)(void *, StoreStatus, const StoreObject *))
{
    (void)call;
    MemoryStore *m = memory(s);
    StoreObject object = {.bytes = m->object_bytes};
    snprintf(object.etag, sizeof object.etag, "%s", m->object_etag);
    (void)key;
    StoreStatus failing = m->failing;
    m->failing = m->fails_once ? STORE_OK : failing;
    done(ctx, failing ? failing : m->object ? STORE_OK : STORE_NO_SUCH_KEY, &object);
}

static inline void m_remove(Store *s, const char *key, StoreCall *call, void *ctx,
                            void (*done)(void *, StoreStatus))
{
    (void)call;
    MemoryStore *m = memory(s);
    (void)key;
    StoreStatus status = m->failing ? m->failing : m->object ? STORE_OK : STORE_NO_SUCH_KEY;
    if (status == STORE_OK) {
        m->object = 0;
    }
    done(ctx, status);
}

static inline void m_uploads(Store *s, const char *prefix, StoreCall *call, void *ctx,
                             void (*done)(void *, StoreStatus, const StoreUpload *, int))
{
    (void)call;
    MemoryStore *m = memory(s);
    StoreUpload upload = {.initiated_unix_us = clock_now_us()};
    if (strncmp(m->known_uploads > 0 ? m->known_key : m->orphan_key, prefix, strlen(prefix)) != 0) {
        done(ctx, m->failing, NULL, 0);
        return;
    }
    if (m->known_uploads > 0) {
        StoreUpload *known = calloc((size_t)m->known_uploads, sizeof *known);
        assert_non_null(known);
        for (int i = 0; i < m->known_uploads; i++) {
            memcpy(known[i].key, m->known_key, sizeof known[i].key);
            strcpy(known[i].upload_id, "up1");
        }
        done(ctx, STORE_OK, known, m->known_uploads);
        free(known);
        return;
    }
    snprintf(upload.key, sizeof upload.key, "%s", m->orphan_key);
    strcpy(upload.upload_id, "lost");
    done(ctx, m->failing, &upload, *m->orphan_key && !m->failing ? 1 : 0);
}

static inline void m_objects(Store *s, const char *prefix, const char *after, StoreCall *call,
                             void *ctx,
                             void (*done)(void *, StoreStatus, const StoreObject *, int, int))
{
    (void)call;
    MemoryStore *m = memory(s);
    int from = 0, count = m->object_count;
    m->lists++;
    while (from < count && strncmp(m->objects[from].key, prefix, strlen(prefix)) != 0) {
        from++;
    }
    while (count > from && strncmp(m->objects[count - 1].key, prefix, strlen(prefix)) != 0) {
        count--;
    }
    while (*after && from < count && strcmp(m->objects[from].key, after) <= 0) {
        from++;
    }
    int left = count - from;
    done(ctx, m->failing, &m->objects[from], left > 2 ? 2 : left, left > 2);
}

/* Nothing that plays. */
static inline void m_get(Store *s, const char *key, int64_t offset, uint8_t *out, size_t bytes,
                         StoreCall *call, void *ctx, void (*done)(void *, StoreStatus, size_t))
{
    (void)call;
    const uint8_t data[] = "garbage";
    (void)key;
    assert_int_equal(offset, 0);
    size_t there = bytes < sizeof data ? bytes : sizeof data;
    memcpy(out, data, there);
    done(ctx, memory(s)->failing, there);
}

static const Log silent;
static const JobPolicy usual_policy = {.empty_age_s = 86400,
                                       .cleanup_age_s = 7 * 86400,
                                       .salvage_after_s = 86400,
                                       .salvage_age_s = 30 * 86400,
                                       .at_start = 1};

static inline void m_cancel(Store *s, StoreCall *call)
{
    (void)s;
    (void)call;
}

typedef struct Fixture {
    Jobs jobs;
    MemoryStore memory;
    uv_loop_t loop;
    char path[64];
    RecordingRow row;
    int status, done;
    JobResult result;
} Fixture;

static inline void remove_files(const char *path)
{
    const char *endings[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static inline int setup(void **state)
{
    char error[256];
    Db *db;
    Fixture *f = calloc(1, sizeof *f);
    const Store interface = {.create_upload = m_create,
                             .list_parts = m_list,
                             .complete = m_complete,
                             .abort = m_abort,
                             .head = m_head,
                             .remove = m_remove,
                             .cancel = m_cancel,
                             .list_uploads = m_uploads,
                             .list_objects = m_objects,
                             .get_range = m_get};
    f->memory.store = interface;
    snprintf(f->path, sizeof f->path, "/tmp/keeptake-jobs-%d.db", (int)getpid());
    remove_files(f->path);
    uv_loop_init(&f->loop);
    *state = f;
    if (db_open(&f->loop, f->path, &db, error, sizeof error) != 0) {
        return -1;
    }
    const JobPorts ports = {.loop = &f->loop, .db = db, .store = &f->memory.store, .log = &silent};
    jobs_init(&f->jobs, &ports, &usual_policy);
    return 0;
}

static inline int teardown(void **state)
{
    Fixture *f = *state;
    jobs_stop(&f->jobs);
    db_close(&f->jobs.ports.db);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&f->loop) != 0 || f->jobs.running != 0 || f->jobs.locks.first != NULL;
    remove_files(f->path);
    free(f);
    return busy;
}

static inline int put_row(DbConnection *c, void *ctx)
{
    Fixture *f = ctx;
    int status = organisation_find(c, "a") == DB_OK ? DB_OK : organisation_insert(c, "a", 1);
    status = status == DB_OK ? recording_insert(c, &f->row, NULL) : status;
    if (status == DB_OK && f->row.take.state == OBJECT_OPEN) {
        status = object_set_upload(c, f->row.take.id, "up1", f->row.created_us);
    } else if (status == DB_OK && f->row.take.state != OBJECT_CREATED) {
        if (f->row.take.state == OBJECT_FAILED) {
            status = object_set_upload(c, f->row.take.id, "up1", f->row.created_us);
        }
        status = object_set_state(c, f->row.take.id, f->row.take.state, f->row.take.changed_us);
    }
    if (status == DB_OK && f->row.take.pending != PENDING_NONE) {
        status = object_set_pending(c, f->row.take.id, f->row.take.pending, NULL, 1000000, 1);
    }
    return status;
}

static inline void on_put(void *ctx, int status)
{
    ((Fixture *)ctx)->status = status;
    ((Fixture *)ctx)->done = 1;
}

static inline void run(Fixture *f)
{
    while (!f->done || f->jobs.running > 0 || db_backlog(f->jobs.ports.db) > 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
}

/* A row in the given state, made age_s ago; the store as given. */
static inline void arrange(Fixture *f, ObjectState state, ObjectPending pending, int64_t age_s,
                           int upload, int object)
{
    memset(&f->row, 0, sizeof f->row);
    assert_int_equal(id_make("rec_", f->row.id, sizeof f->row.id), 0);
    strcpy(f->row.organisation, "a");
    strcpy(f->row.codec, "vp9");
    f->row.created_us = f->row.take.changed_us = clock_now_us() - age_s * 1000000;
    f->row.take.part_bytes = 5242880;
    f->row.take.state = state;
    f->row.take.pending = pending;
    recording_name_take(&f->row);
    f->memory.upload = upload;
    f->memory.object = object;
    f->memory.object_bytes = 777;
    f->done = 0;
    db_write(f->jobs.ports.db, NULL, put_row, f, on_put);
    run(f);
    assert_int_equal(f->status, DB_OK);
}

static inline int find(Fixture *f, RecordingRow *row)
{
    return recording_get(db_reader(f->jobs.ports.db), NULL, f->row.id, row);
}

#endif
