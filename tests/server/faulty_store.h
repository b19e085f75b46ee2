/* A store whose answers cease at a chosen call, over the embedded one. */
#ifndef KEEPTAKE_TEST_FAULTY_STORE_H
#define KEEPTAKE_TEST_FAULTY_STORE_H

#include <stdlib.h>

#include "store/disk/blocking.h"

#define FAULTY_BUCKET "keeptake"

#define STALL_RANGES 1
#define STALL_COPIES 2

typedef enum Fault { FAULT_NONE, FAULT_BEFORE, FAULT_AFTER } Fault;

/* Passes calls on. From call number fails_at on no answer is heard any more, as when the server is
 * killed: FAULT_BEFORE, the store does not get that call either; FAULT_AFTER, it does. */
typedef struct FaultyStore {
    Store store; /* first: the interface */
    Store *inner;
    StoreDisk *disk;
    Fault fault;
    int calls, fails_at;
    int wants_all; /* as Ceph RGW: a completion must list every part */
    int open_ranges, most_open_ranges;
    int stalls; /* STALL_…: such calls get no answer until they are taken back */
    StoreCall *held[8];
    int held_count;
} FaultyStore;

typedef struct Passed {
    FaultyStore *store;
    int lost; /* its answer */
    void *ctx;
    void (*text)(void *, StoreStatus, const char *);
    void (*parts)(void *, StoreStatus, const StorePart *, int);
    void (*object)(void *, StoreStatus, const StoreObject *);
    void (*status)(void *, StoreStatus);
    void (*range)(void *, StoreStatus, size_t);
} Passed;

/* NULL: the call does not reach the store. */
static Passed *pass(Store *s, void *ctx)
{
    FaultyStore *f = (FaultyStore *)s;
    int n = f->calls++;
    if (f->fault != FAULT_NONE &&
        (n > f->fails_at || (n == f->fails_at && f->fault == FAULT_BEFORE)))
        return NULL;
    Passed *p = calloc(1, sizeof *p);
    p->store = f;
    p->lost = f->fault != FAULT_NONE && n == f->fails_at;
    p->ctx = ctx;
    return p;
}

static void f_text(void *ctx, StoreStatus status, const char *text)
{
    Passed *p = ctx;
    p->text(p->ctx, p->lost ? STORE_UNREACHABLE : status, p->lost ? NULL : text);
    free(p);
}

static void f_parts(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Passed *p = ctx;
    p->parts(p->ctx, p->lost ? STORE_UNREACHABLE : status, parts, p->lost ? 0 : count);
    free(p);
}

static void f_object(void *ctx, StoreStatus status, const StoreObject *object)
{
    Passed *p = ctx;
    p->object(p->ctx, p->lost ? STORE_UNREACHABLE : status, p->lost ? NULL : object);
    free(p);
}

static void f_status(void *ctx, StoreStatus status)
{
    Passed *p = ctx;
    p->status(p->ctx, p->lost ? STORE_UNREACHABLE : status);
    free(p);
}

static void f_range(void *ctx, StoreStatus status, size_t bytes)
{
    Passed *p = ctx;
    p->store->open_ranges--;
    p->range(p->ctx, p->lost ? STORE_UNREACHABLE : status, p->lost ? 0 : bytes);
    free(p);
}

/* 1: the call is held. */
static int stall(Passed *p, StoreCall *call, int kind)
{
    FaultyStore *f = p->store;
    if (!(f->stalls & kind))
        return 0;
    call->running = p;
    f->held[f->held_count++] = call;
    return 1;
}

#define PASS(member, lost_call)                                                                    \
    Passed *p = pass(s, ctx);                                                                      \
    if (!p) {                                                                                      \
        lost_call;                                                                                 \
        return;                                                                                    \
    }                                                                                              \
    p->member = done;                                                                              \
    Store *inner = ((FaultyStore *)s)->inner

static void f_create(Store *s, const char *key, const char *type, StoreCall *call, void *ctx,
                     void (*done)(void *, StoreStatus, const char *))
{
    PASS(text, done(ctx, STORE_UNREACHABLE, NULL));
    inner->create_upload(inner, key, type, call, p, f_text);
}

static void f_list(Store *s, const char *key, const char *id, StoreCall *call, void *ctx,
                   void (*done)(void *, StoreStatus, const StorePart *, int))
{
    PASS(parts, done(ctx, STORE_UNREACHABLE, NULL, 0));
    inner->list_parts(inner, key, id, call, p, f_parts);
}

static int stored_parts(FaultyStore *f, const char *key, const char *id)
{
    StorePart *parts = NULL;
    int count = 0;
    disk_list_parts(f->disk, FAULTY_BUCKET, key, id, &parts, &count);
    free(parts);
    return count;
}

static void f_complete(Store *s, const char *key, const char *id, const StorePart *parts, int count,
                       StoreCall *call, void *ctx,
                       void (*done)(void *, StoreStatus, const StoreObject *))
{
    PASS(object, done(ctx, STORE_UNREACHABLE, NULL));
    FaultyStore *f = (FaultyStore *)s;
    if (f->wants_all && stored_parts(f, key, id) != count) {
        f_object(p, STORE_INVALID_PART, NULL);
        return;
    }
    inner->complete(inner, key, id, parts, count, call, p, f_object);
}

static void f_abort(Store *s, const char *key, const char *id, StoreCall *call, void *ctx,
                    void (*done)(void *, StoreStatus))
{
    PASS(status, done(ctx, STORE_UNREACHABLE));
    inner->abort(inner, key, id, call, p, f_status);
}

static void f_head(Store *s, const char *key, StoreCall *call, void *ctx,
                   void (*done)(void *, StoreStatus, const StoreObject *))
{
    PASS(object, done(ctx, STORE_UNREACHABLE, NULL));
    inner->head(inner, key, call, p, f_object);
}

static void f_remove(Store *s, const char *key, StoreCall *call, void *ctx,
                     void (*done)(void *, StoreStatus))
{
    PASS(status, done(ctx, STORE_UNREACHABLE));
    inner->remove(inner, key, call, p, f_status);
}

static void f_uploads(Store *s, const char *prefix, StoreCall *call, void *ctx,
                      void (*done)(void *, StoreStatus, const StoreUpload *, int))
{
    Store *inner = ((FaultyStore *)s)->inner;
    inner->list_uploads(inner, prefix, call, ctx, done);
}

static void f_objects(Store *s, const char *prefix, const char *after, StoreCall *call, void *ctx,
                      void (*done)(void *, StoreStatus, const StoreObject *, int, int))
{
    Store *inner = ((FaultyStore *)s)->inner;
    inner->list_objects(inner, prefix, after, call, ctx, done);
}

static void f_get(Store *s, const char *key, int64_t offset, uint8_t *out, size_t bytes,
                  StoreCall *call, void *ctx, void (*done)(void *, StoreStatus, size_t))
{
    PASS(range, done(ctx, STORE_UNREACHABLE, 0));
    FaultyStore *f = (FaultyStore *)s;
    if (++f->open_ranges > f->most_open_ranges)
        f->most_open_ranges = f->open_ranges;
    if (stall(p, call, STALL_RANGES))
        return;
    inner->get_range(inner, key, offset, out, bytes, call, p, f_range);
}

static void f_put(Store *s, const char *key, const char *id, int part, const StoreBody *body,
                  StoreCall *call, void *ctx, void (*done)(void *, StoreStatus, const char *))
{
    PASS(text, done(ctx, STORE_UNREACHABLE, NULL));
    inner->put_part(inner, key, id, part, body, call, p, f_text);
}

/* Later, as the interface promises: several are under way at once. */
typedef struct LostCopy {
    uv_timer_t timer;
    void *ctx;
    void (*done)(void *, StoreStatus, const char *);
} LostCopy;

static void free_lost(uv_handle_t *handle)
{
    free(handle);
}

static void on_lost_copy(uv_timer_t *timer)
{
    LostCopy *lost = (LostCopy *)timer;
    lost->done(lost->ctx, STORE_UNREACHABLE, NULL);
    uv_close((uv_handle_t *)timer, free_lost);
}

static void f_copy(Store *s, const char *key, const char *id, int part, const char *from,
                   int64_t offset, int64_t bytes, StoreCall *call, void *ctx,
                   void (*done)(void *, StoreStatus, const char *))
{
    Passed *p = pass(s, ctx);
    Store *inner = ((FaultyStore *)s)->inner;
    if (!p) {
        LostCopy *lost = calloc(1, sizeof *lost);
        lost->ctx = ctx;
        lost->done = done;
        uv_timer_init(uv_default_loop(), &lost->timer);
        uv_timer_start(&lost->timer, on_lost_copy, 0, 0);
        return;
    }
    p->text = done;
    if (stall(p, call, STALL_COPIES))
        return;
    inner->copy_part(inner, key, id, part, from, offset, bytes, call, p, f_text);
}

static void break_store(FaultyStore *f, Fault fault, int at)
{
    f->fault = fault;
    f->fails_at = at;
    f->calls = 0;
}

static void free_held(uv_handle_t *handle)
{
    free(handle);
}

static void on_held_cancelled(uv_timer_t *timer)
{
    Passed *p = timer->data;
    if (p->range)
        f_range(p, STORE_CANCELLED, 0);
    else
        f_text(p, STORE_CANCELLED, NULL);
    uv_close((uv_handle_t *)timer, free_held);
}

static void f_cancel(Store *s, StoreCall *call)
{
    FaultyStore *f = (FaultyStore *)s;
    for (int i = 0; i < f->held_count; i++) {
        if (f->held[i] == call) {
            uv_timer_t *timer = calloc(1, sizeof *timer);
            uv_timer_init(uv_default_loop(), timer);
            timer->data = call->running;
            call->running = NULL;
            f->held[i] = f->held[--f->held_count];
            uv_timer_start(timer, on_held_cancelled, 0, 0);
            return;
        }
    }
    f->inner->cancel(f->inner, call);
}

static const Store faulty_calls = {.cancel = f_cancel,
                                   .create_upload = f_create,
                                   .list_parts = f_list,
                                   .complete = f_complete,
                                   .abort = f_abort,
                                   .head = f_head,
                                   .remove = f_remove,
                                   .list_uploads = f_uploads,
                                   .list_objects = f_objects,
                                   .get_range = f_get,
                                   .put_part = f_put,
                                   .copy_part = f_copy};

#endif
