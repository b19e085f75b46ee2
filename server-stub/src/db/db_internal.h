/* What the files of the database share: one Db, its connections, its two queues. */
#ifndef KEEPTAKE_SERVER_DB_INTERNAL_H
#define KEEPTAKE_SERVER_DB_INTERNAL_H

#include "base/workers.h"
#include "db/db.h"

#define DB_READER_THREADS 2
/* For these threads and for those who borrow one (timelines, salvage). */
#define DB_READER_CONNECTIONS 4

typedef struct DbJob DbJob;

typedef struct DbQueue {
    DbJob *first, **last;
} DbQueue;

struct Db {
    /* Fixed once it is open. */
    char *path;
    uv_loop_t *loop;
    DbConnection blocking; /* blocking.h: of the thread that opened it */
    const Log *log;        /* NULL: nothing is told */
    int (*drop_reserve)(void *ctx);
    void *reserve_ctx;

    /* writer.c */
    DbConnection writer; /* the writing thread's, while there is one */
    uv_thread_t thread;
    int thread_runs;
    uv_async_t *async; /* own memory: it outlives the Db until the loop has closed it */
    uv_mutex_t mutex;
    uv_cond_t wake;
    DbQueue waiting, finished; /* guarded by mutex */
    int stopping;              /* guarded by mutex */
    uint64_t commits;          /* guarded by mutex */
    uint64_t writes;           /* loop's thread */
    WorkersTimes times;        /* loop's thread: of writes */
    int writing, reading;      /* loop's thread: begun, done not called yet */

    /* reads.c */
    Workers *readers;
    uv_mutex_t readers_mutex;
    uv_cond_t reader_free;
    DbConnection connections[DB_READER_CONNECTIONS]; /* opened when first needed */
    int connection_taken[DB_READER_CONNECTIONS];     /* guarded by readers_mutex */
};

/* db.c. 0, or -1 with a sentence in error. */
int db__open_connection(DbConnection *c, const char *path, int writes, char *error,
                        size_t error_bytes);
void db__close_connection(DbConnection *c);
/* Steps one of the statements that begin and end transactions. */
int db__control(DbConnection *c, DbStatementId id);
/* migrations.c: copies, then migrates. 0, or -1 with a sentence in error. */
int db__bring_up_to_date(DbConnection *c, const char *path, char *error, size_t error_bytes);
/* Tells the log of a status that is a failure of the disk's or of SQLite's. */
void db__tell_failure(const Db *db, const DbConnection *c, int status, const char *what);
/* writer.c. Stopping finishes what waits; harmless where there is no thread. */
int db__start_writer(Db *db);
void db__stop_writer(Db *db);
/* reads.c, the same. */
int db__start_readers(Db *db);
void db__stop_readers(Db *db);

#endif
