/* The reading threads, and the connections that they and others read with. */
#include <stdlib.h>

#include "db/db_internal.h"

typedef struct DbRead {
    Db *db;
    int (*work)(DbConnection *c, void *ctx);
    void *ctx;
    void (*done)(void *ctx, int status);
    int status;
} DbRead;

/* --- connections --- */

static int free_connection(const Db *db)
{
    for (int i = 0; i < DB_READER_CONNECTIONS; i++) {
        if (!db->connection_taken[i]) {
            return i;
        }
    }
    return -1;
}

DbConnection *db_borrow(Db *db)
{
    int i;
    char error[64];
    uv_mutex_lock(&db->readers_mutex);
    while ((i = free_connection(db)) < 0) {
        uv_cond_wait(&db->reader_free, &db->readers_mutex);
    }
    db->connection_taken[i] = 1;
    uv_mutex_unlock(&db->readers_mutex);
    DbConnection *c = &db->connections[i];
    if (!c->sql && db__open_connection(c, db->path, 0, error, sizeof error) != 0) {
        db__close_connection(c);
        db_give_back(db, c);
        return NULL;
    }
    return c;
}

void db_give_back(Db *db, DbConnection *c)
{
    if (!c) {
        return;
    }
    uv_mutex_lock(&db->readers_mutex);
    db->connection_taken[c - db->connections] = 0;
    uv_cond_signal(&db->reader_free);
    uv_mutex_unlock(&db->readers_mutex);
}

/* --- reads --- */

static void run_read(void *ctx)
{
    DbRead *read = ctx;
    DbConnection *c = db_borrow(read->db);
    read->status = c ? read->work(c, read->ctx) : DB_IO;
    db__tell_failure(read->db, c, read->status, "read");
    db_give_back(read->db, c);
}

static void on_read(void *ctx)
{
    const DbRead read = *(DbRead *)ctx;
    free(ctx);
    read.db->reading--;
    read.done(read.ctx, read.status);
}

void db_read(Db *db, int (*work)(DbConnection *c, void *ctx), void *ctx,
             void (*done)(void *ctx, int status))
{
    if (!db->readers) { /* no threads: at once, on this one */
        done(ctx, work(&db->blocking, ctx));
        return;
    }
    DbRead *read = malloc(sizeof *read);
    if (!read) {
        done(ctx, DB_IO);
        return;
    }
    *read = (DbRead){.db = db, .work = work, .ctx = ctx, .done = done};
    db->reading++;
    if (workers_run(db->readers, run_read, on_read, read) != 0) {
        free(read);
        db->reading--;
        done(ctx, DB_BUSY);
    }
}

int db__start_readers(Db *db)
{
    return workers_create(db->loop, DB_READER_THREADS, DB_MAX_READS, &db->readers);
}

void db__stop_readers(Db *db)
{
    workers_destroy(&db->readers);
    for (int i = 0; i < DB_READER_CONNECTIONS; i++) {
        db__close_connection(&db->connections[i]);
    }
}
