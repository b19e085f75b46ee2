/* A database with its threads, and a recording to put into it: for the tests of the database. */
#ifndef KEEPTAKE_TEST_DB_RIG_H
#define KEEPTAKE_TEST_DB_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/id.h"
#include "db/blocking.h"
#include "db/db.h"
#include "model/recordings.h"

#define NOW 1700000000000000

typedef struct Fixture {
    char path[64];
    uv_loop_t loop;
    Db *db;
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
    Fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/keeptake-db-%d.db", (int)getpid());
    remove_files(f->path);
    uv_loop_init(&f->loop);
    if (db_open(&f->loop, f->path, &f->db, error, sizeof error) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    Fixture *f = *state;
    db_close(&f->db);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&f->loop);
    remove_files(f->path);
    free(f);
    return busy;
}

typedef struct Wait {
    int status, done;
} Wait;

static inline void on_done(void *ctx, int status)
{
    Wait *w = ctx;
    w->status = status;
    w->done++;
}

/* A work function gets its own argument through this; the first member is what on_done fills. */
typedef struct Work {
    Wait wait;
    const char *text;
    RecordingRow row;
    int64_t number;
} Work;

static inline int write_now(Fixture *f, int (*work)(DbConnection *, void *), Work *w)
{
    w->wait = (Wait){-99, 0};
    db_write(f->db, NULL, work, w, on_done);
    while (!w->wait.done) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(w->wait.done, 1);
    return w->wait.status;
}

static inline int add_organisation(DbConnection *c, void *ctx)
{
    return organisation_insert(c, ((Work *)ctx)->text, NOW);
}

static inline int add_recording(DbConnection *c, void *ctx)
{
    return recording_insert(c, &((Work *)ctx)->row, NULL);
}

static inline Work sample(const char *organisation, int64_t created_us)
{
    Work w = {.row = {.created_us = created_us,
                      .codec = "vp9",
                      .width = 640,
                      .height = 360,
                      .fps = 29.97,
                      .video_bitrate = 1000000,
                      .audio_bitrate = 64000,
                      .max_length_us = 60000000,
                      .take = {.part_bytes = 5242880}}};
    snprintf(w.row.organisation, sizeof w.row.organisation, "%s", organisation);
    snprintf(w.row.title, sizeof w.row.title, "'; DROP TABLE recordings; --");
    assert_int_equal(id_make("rec_", w.row.id, sizeof w.row.id), 0);
    assert_true(recording_id_valid(w.row.id));
    recording_name_take(&w.row);
    return w;
}

static inline int delete_row(DbConnection *c, void *ctx)
{
    return recording_delete(c, ((Work *)ctx)->row.id);
}

static inline int set_title(DbConnection *c, void *ctx)
{
    return recording_set_title(c, ((Work *)ctx)->row.id, "new", NOW);
}

#endif
