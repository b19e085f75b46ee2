/* The embedded store as a Store: what store/disk/async.c (the calls) and store/disk/job.c (the life
 * of one) share. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_ASYNC_INTERNAL_H
#define KEEPTAKE_SERVER_STORE_DISK_ASYNC_INTERNAL_H

#include "store/disk/disk_internal.h"

typedef struct StoreJob StoreJob;

typedef struct DiskStore {
    Store store; /* first: a Store * is a DiskStore * */
    StoreDisk *disk;
    char *base_url, *bucket, *region, *access_key, *secret_key;
    uv_timer_t *deadlines; /* own memory: closed with the next turn of the loop after destroy */
    StoreJob *timed;       /* those that have a deadline */
} DiskStore;

struct StoreJob {
    WorkersTask task;
    DiskStore *store;
    StoreCall *call;      /* the caller's, or NULL */
    Workers *pool;        /* that it waits in */
    atomic_int stopped;   /* STORE_CANCELLED, STORE_LATE; 0: it goes on */
    uint64_t deadline_ms; /* of the loop's clock */
    StoreJob *next_timed;
    void (*run)(StoreJob *job);
    void (*report)(StoreJob *job);
    void *ctx;
    union {
        void (*upload)(void *ctx, StoreStatus, const char *upload_id);
        void (*parts)(void *ctx, StoreStatus, const StorePart *parts, int count);
        void (*object)(void *ctx, StoreStatus, const StoreObject *object);
        void (*status)(void *ctx, StoreStatus);
        void (*uploads)(void *ctx, StoreStatus, const StoreUpload *uploads, int count);
        void (*objects)(void *ctx, StoreStatus, const StoreObject *objects, int count, int more);
        void (*range)(void *ctx, StoreStatus, size_t bytes);
        void (*etag)(void *ctx, StoreStatus, const char *etag);
    } done;
    StoreStatus status;
    char *key, *argument; /* upload ID or content type */
    char *from_key;       /* of a copy */
    int64_t offset, bytes;
    StoreBody body; /* of a part: the caller's */
    uint8_t *out;   /* of a range: the caller's */
    int number;
    StorePart part;
    char upload_id[STORE_UPLOAD_ID_BYTES];
    StorePart *parts;
    StoreUpload *uploads;
    StoreObject *objects;
    int count, more;
    StoreObject object;
};

/* NULL: no memory; the caller answers at once. call may be NULL. */
StoreJob *disk__job_create(Store *store, const char *key, const char *argument, StoreCall *call,
                           void *ctx);
/* run on a thread of its class, unless it is stopped before, then report on the loop.
 *   pool  of an interactive call */
void disk__job_start(StoreJob *job, DiskPool pool, void (*run)(StoreJob *),
                     void (*report)(StoreJob *));
/* From run, between two pieces: whether it is to end; job->status then says why. */
int disk__job_is_stopped(StoreJob *job);
/* cancel of store/store.h. */
void disk__job_cancel(Store *store, StoreCall *call);

/* s->deadlines stays NULL where there is no memory. */
void disk__open_deadlines(DiskStore *s);
void disk__close_deadlines(DiskStore *s);

#endif
