/* Statements of tasks. */
#include "model/tasks.h"

#include <string.h>

const char *task_state_name(TaskState state)
{
    static const char *const names[] = {"queued", "running", "done", "failed", "cancelled"};
    return names[state];
}

static void read_row(sqlite3_stmt *s, TaskRow *out)
{
    memset(out, 0, sizeof *out);
    db_text(s, 0, out->id, sizeof out->id);
    db_text(s, 1, out->kind, sizeof out->kind);
    db_text(s, 2, out->subject, sizeof out->subject);
    db_text(s, 3, out->organisation, sizeof out->organisation);
    out->state = (TaskState)sqlite3_column_int(s, 4);
    out->created_us = sqlite3_column_int64(s, 5);
    out->changed_us = sqlite3_column_int64(s, 6);
    out->attempts = sqlite3_column_int(s, 7);
    out->run_after_us = sqlite3_column_int64(s, 8);
    db_text(s, 9, out->lease_owner, sizeof out->lease_owner);
    out->lease_until_us = sqlite3_column_int64(s, 10);
    out->progress = sqlite3_column_double(s, 11);
    db_text(s, 12, out->error, sizeof out->error);
    out->cancelled = sqlite3_column_int(s, 13);
    db_text(s, 14, out->payload, sizeof out->payload);
}

static int read_one(DbConnection *c, sqlite3_stmt *s, TaskRow *out)
{
    int result = db_step(c, s);
    if (result <= 0) {
        return result == 0 ? DB_NOT_FOUND : result;
    }
    read_row(s, out);
    sqlite3_reset(s);
    return DB_OK;
}

int task_get(DbConnection *c, const char *id, TaskRow *out)
{
    sqlite3_stmt *s = db_statement(c, DB_TASK_GET_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    return read_one(c, s, out);
}

int task_of_subject(DbConnection *c, const char *subject, TaskRow *out, int max)
{
    sqlite3_stmt *s = db_statement(c, DB_TASKS_OF_SQL);
    int count = 0, result;
    sqlite3_bind_text(s, 1, subject, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, max);
    while ((result = db_step(c, s)) > 0) {
        read_row(s, &out[count++]);
    }
    return result < 0 ? result : count;
}

int task_due(DbConnection *c, const char *kind, int64_t now_us, TaskRow *out)
{
    sqlite3_stmt *s = db_statement(c, DB_TASK_DUE_SQL);
    sqlite3_bind_text(s, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, now_us);
    return read_one(c, s, out);
}

int task_insert(DbConnection *c, const TaskRow *row)
{
    sqlite3_stmt *s = db_statement(c, DB_TASK_INSERT_SQL);
    sqlite3_bind_text(s, 1, row->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, row->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, row->subject, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 4, row->organisation, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 5, row->created_us);
    sqlite3_bind_int64(s, 6, row->run_after_us);
    sqlite3_bind_text(s, 7, row->payload, -1, SQLITE_STATIC);
    return db_run(c, s);
}

int task_claim(DbConnection *c, const char *kind, const char *owner, int64_t now_us,
               int64_t lease_until_us, TaskRow *out)
{
    int status = task_due(c, kind, now_us, out);
    if (status != DB_OK) {
        return status;
    }
    sqlite3_stmt *s = db_statement(c, DB_TASK_CLAIM_SQL);
    sqlite3_bind_text(s, 1, out->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, owner, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, lease_until_us);
    sqlite3_bind_int64(s, 4, now_us);
    status = db_run(c, s);
    return status == DB_OK ? task_get(c, out->id, out) : status;
}

int task_renew(DbConnection *c, const char *id, const char *owner, double progress, int64_t now_us,
               int64_t lease_until_us, int *cancelled)
{
    TaskRow row;
    sqlite3_stmt *s = db_statement(c, DB_TASK_RENEW_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, owner, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, lease_until_us);
    sqlite3_bind_double(s, 4, progress);
    sqlite3_bind_int64(s, 5, now_us);
    int status = db_run(c, s);
    status = status == DB_OK ? task_get(c, id, &row) : status;
    *cancelled = status == DB_OK && row.cancelled;
    return status;
}

int task_end(DbConnection *c, const char *id, const char *owner, TaskState state, const char *error,
             int64_t run_after_us, int is_cut_short, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_TASK_END_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, owner, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 3, state);
    sqlite3_bind_text(s, 4, error, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 5, run_after_us);
    sqlite3_bind_int64(s, 6, now_us);
    sqlite3_bind_int(s, 7, is_cut_short != 0);
    return db_run(c, s);
}

int task_cancel(DbConnection *c, const char *id, int64_t now_us)
{
    sqlite3_stmt *s = db_statement(c, DB_TASK_CANCEL_SQL);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, now_us);
    return db_run(c, s);
}

int task_release_all(DbConnection *c)
{
    int status = db_run(c, db_statement(c, DB_TASKS_RELEASE_SQL));
    return status == DB_NOT_FOUND ? DB_OK : status;
}

int task_forget(DbConnection *c, int64_t before_us)
{
    sqlite3_stmt *s = db_statement(c, DB_TASKS_FORGET_SQL);
    sqlite3_bind_int64(s, 1, before_us);
    int status = db_run(c, s);
    return status == DB_NOT_FOUND ? DB_OK : status;
}
