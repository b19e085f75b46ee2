/* The writing thread: what waits is put into one transaction, so that an fsync serves several. */
#include <stdio.h>
#include <stdlib.h>

#include "db/db_internal.h"

/* A group ends with this many writes, or once it has been worked on for so long: the first of it
 * waits for the last. */
#define GROUP_WRITES 64
#define GROUP_NS 20000000

struct DbJob {
    int (*work)(DbConnection *c, void *ctx);
    void *ctx;
    void (*done)(void *ctx, int status);
    int status;
    int frees;
    uint64_t queued_ns, begun_ns, ended_ns; /* uv_hrtime */
    char by[DB_BY_BYTES];
    DbJob *next;
};

static void queue_put(DbQueue *q, DbJob *job)
{
    job->next = NULL;
    if (!q->first) {
        q->last = &q->first;
    }
    *q->last = job;
    q->last = &job->next;
}

static DbJob *queue_take(DbQueue *q)
{
    DbJob *job = q->first;
    if (job) {
        q->first = job->next;
    }
    return job;
}

/* --- one transaction --- */

static void roll_back(DbConnection *c)
{
    if (!sqlite3_get_autocommit(c->sql)) {
        db__control(c, DB_ROLLBACK_SQL);
    }
}

static int run_as(DbConnection *c, const char *by, int (*work)(DbConnection *c, void *ctx),
                  void *ctx)
{
    c->by = by;
    int result = work(c, ctx);
    c->by = NULL;
    return result;
}

static int transact(DbConnection *c, const char *by, int (*work)(DbConnection *c, void *ctx),
                    void *ctx)
{
    int status = db__control(c, DB_BEGIN_SQL);
    if (status != DB_OK) {
        return status;
    }
    int result = run_as(c, by, work, ctx);
    status = result < 0 ? result : db__control(c, DB_COMMIT_SQL);
    if (status < 0) {
        roll_back(c);
    }
    return status < 0 ? status : result;
}

static void transact_alone(Db *db, DbJob *job)
{
    job->status = transact(&db->writer, job->by, job->work, job->ctx);
    if (job->status == DB_FULL && job->frees && db->drop_reserve &&
        db->drop_reserve(db->reserve_ctx)) {
        job->status = transact(&db->writer, job->by, job->work, job->ctx);
    }
}

/* One write of a group. 0, or -1 where the transaction is lost, or cannot take back this write. */
static int work_within(DbConnection *c, DbJob *job)
{
    if (db__control(c, DB_SAVEPOINT_SQL) != DB_OK) {
        return -1;
    }
    job->status = run_as(c, job->by, job->work, job->ctx);
    if (sqlite3_get_autocommit(c->sql)) { /* SQLite has rolled all of it back: a full disk */
        return -1;
    }
    if (job->status < 0 && db__control(c, DB_ROLLBACK_TO_SQL) != DB_OK) {
        return -1;
    }
    return db__control(c, DB_RELEASE_SQL) == DB_OK && job->status != DB_FULL ? 0 : -1;
}

/* --- a group --- */

static DbJob *take_waiting(Db *db)
{
    uv_mutex_lock(&db->mutex);
    DbJob *job = queue_take(&db->waiting);
    uv_mutex_unlock(&db->mutex);
    return job;
}

/* Works on first and on those that wait, also on those that come meanwhile, and commits them. The
 * list is what was worked on; *lost: none of it is stored. */
static DbJob *work_on_group(Db *db, DbJob *first, int *lost)
{
    DbQueue group = {0};
    uint64_t began_ns = uv_hrtime();
    int count = 0;
    *lost = db__control(&db->writer, DB_BEGIN_SQL) != DB_OK;
    for (DbJob *job = first; job; job = take_waiting(db)) {
        job->begun_ns = uv_hrtime();
        queue_put(&group, job);
        *lost = *lost || work_within(&db->writer, job) != 0;
        if (*lost || ++count == GROUP_WRITES || uv_hrtime() - began_ns > GROUP_NS) {
            break;
        }
    }
    *lost = *lost || db__control(&db->writer, DB_COMMIT_SQL) != DB_OK;
    roll_back(&db->writer);
    return group.first;
}

static void finish_group(Db *db, DbJob *group, uint64_t commits)
{
    uint64_t now_ns = uv_hrtime();
    uv_mutex_lock(&db->mutex);
    db->commits += commits;
    while (group) {
        DbJob *job = group;
        group = job->next;
        job->ended_ns = now_ns;
        db__tell_failure(db, &db->writer, job->status, "write");
        queue_put(&db->finished, job);
    }
    uv_mutex_unlock(&db->mutex);
    uv_async_send(db->async);
}

static void write_group(Db *db, DbJob *first, int is_alone)
{
    int lost = 0;
    uint64_t commits = 1;
    if (is_alone) {
        first->begun_ns = uv_hrtime();
        transact_alone(db, first);
        first->next = NULL;
    } else {
        first = work_on_group(db, first, &lost);
    }
    if (lost) { /* whose fault it was shows when each is alone */
        commits = 0;
        for (DbJob *job = first; job; job = job->next) {
            transact_alone(db, job);
            commits++;
        }
    }
    finish_group(db, first, commits);
}

static void writer_main(void *arg)
{
    Db *db = arg;
    uv_mutex_lock(&db->mutex);
    for (;;) {
        DbJob *job = queue_take(&db->waiting);
        if (job) {
            int is_alone = !db->waiting.first;
            uv_mutex_unlock(&db->mutex);
            write_group(db, job, is_alone);
            uv_mutex_lock(&db->mutex);
        } else if (db->stopping) {
            break;
        } else {
            uv_cond_wait(&db->wake, &db->mutex);
        }
    }
    uv_mutex_unlock(&db->mutex);
}

/* --- the loop's side --- */

static void run_finished(Db *db)
{
    for (;;) {
        uv_mutex_lock(&db->mutex);
        DbJob *job = queue_take(&db->finished);
        uv_mutex_unlock(&db->mutex);
        if (!job) {
            return;
        }
        db->writing--;
        db->writes++;
        histogram_add(&db->times.waited, (int64_t)(job->begun_ns - job->queued_ns) / 1000);
        histogram_add(&db->times.worked, (int64_t)(job->ended_ns - job->begun_ns) / 1000);
        if (job->done) {
            job->done(job->ctx, job->status);
        }
        free(job);
    }
}

static void on_async(uv_async_t *async)
{
    if (async->data) {
        run_finished(async->data);
    }
}

static void begin_write(Db *db, const char *by, int (*work)(DbConnection *c, void *ctx), void *ctx,
                        void (*done)(void *ctx, int status), int frees)
{
    DbJob *job = db->thread_runs ? calloc(1, sizeof *job) : NULL;
    if (!job) { /* no thread: at once, on this one, after all that waited; or no memory */
        int status = db->thread_runs ? DB_IO : transact(&db->writer, by, work, ctx);
        if (done) {
            done(ctx, status);
        }
        return;
    }
    job->work = work;
    job->ctx = ctx;
    job->done = done;
    job->frees = frees;
    job->queued_ns = uv_hrtime();
    snprintf(job->by, sizeof job->by, "%s", by ? by : "");
    db->writing++;
    uv_mutex_lock(&db->mutex);
    queue_put(&db->waiting, job);
    uv_cond_signal(&db->wake);
    uv_mutex_unlock(&db->mutex);
}

void db_write(Db *db, const char *by, int (*work)(DbConnection *c, void *ctx), void *ctx,
              void (*done)(void *ctx, int status))
{
    begin_write(db, by, work, ctx, done, 0);
}

void db_write_freeing(Db *db, const char *by, int (*work)(DbConnection *c, void *ctx), void *ctx,
                      void (*done)(void *ctx, int status))
{
    begin_write(db, by, work, ctx, done, 1);
}

int db__start_writer(Db *db)
{
    db->async = calloc(1, sizeof *db->async);
    if (!db->async) {
        return -1;
    }
    if (uv_async_init(db->loop, db->async, on_async) != 0) {
        free(db->async);
        db->async = NULL;
        return -1;
    }
    db->async->data = db;
    db->thread_runs = uv_thread_create(&db->thread, writer_main, db) == 0;
    return db->thread_runs ? 0 : -1;
}

static void free_async(uv_handle_t *handle)
{
    free(handle);
}

void db__stop_writer(Db *db)
{
    if (db->thread_runs) {
        uv_mutex_lock(&db->mutex);
        db->stopping = 1;
        uv_cond_signal(&db->wake);
        uv_mutex_unlock(&db->mutex);
        uv_thread_join(&db->thread);
        db->thread_runs = 0;
        run_finished(db);
    }
    if (db->async) {
        db->async->data = NULL;
        uv_close((uv_handle_t *)db->async, free_async);
        db->async = NULL;
    }
}
