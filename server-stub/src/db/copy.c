/* SQLite's backup: the whole in one reading transaction. */
#include "db/copy.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TRIES 100
#define BUSY_PAUSE_MS 50

static int fail(const char *what, const char *path, sqlite3 *sql, char *error, size_t error_bytes)
{
    snprintf(error, error_bytes, "The database %.300s cannot be %s: %s.", path, what,
             sql ? sqlite3_errmsg(sql) : "not enough memory");
    return -1;
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int code = SQLITE_ERROR;
    for (int i = 0; backup && i < BUSY_TRIES; i++) {
        code = sqlite3_backup_step(backup, -1);
        if (code != SQLITE_BUSY && code != SQLITE_LOCKED) {
            break;
        }
        sqlite3_sleep(BUSY_PAUSE_MS);
    }
    int end = backup ? sqlite3_backup_finish(backup) : SQLITE_ERROR;
    return code == SQLITE_DONE && end == SQLITE_OK ? 0 : -1;
}

int db_copy(const char *from, const char *to, char *error, size_t error_bytes)
{
    sqlite3 *in = NULL, *out = NULL;
    int result = -1;
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(error, error_bytes, "%.300s cannot be made.", to);
        return -1;
    }
    if (access(from, R_OK) != 0 ||
        sqlite3_open_v2(from, &in, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        fail("opened", from, in, error, error_bytes);
    } else if (sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        fail("written", to, out, error, error_bytes);
    } else if (copy_pages(in, out) != 0) {
        fail("copied", from, out, error, error_bytes);
    } else if (sqlite3_exec(out, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK) {
        fail("written", to, out, error, error_bytes);
    } else {
        result = 0;
    }
    sqlite3_close(in);
    sqlite3_close(out);
    if (result == 0 && fsync(fd) != 0) {
        snprintf(error, error_bytes, "%.300s cannot be written to the disk.", to);
        result = -1;
    }
    close(fd);
    return result;
}

/* 1 when the first row of a query is this text, or there is none (text NULL). */
static int answers(sqlite3 *sql, const char *query, const char *text)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(sql, query, -1, &s, NULL);
    code = code == SQLITE_OK ? sqlite3_step(s) : code;
    int right =
        text ? code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), text) == 0
             : code == SQLITE_DONE;
    sqlite3_finalize(s);
    return right;
}

int db_check(const char *path, char *error, size_t error_bytes)
{
    sqlite3 *sql = NULL;
    int result = -1;
    if (access(path, R_OK) != 0 ||
        sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        fail("opened", path, sql, error, error_bytes);
    } else if (!answers(sql, "PRAGMA integrity_check", "ok") ||
               !answers(sql, "PRAGMA foreign_key_check", NULL)) {
        snprintf(error, error_bytes, "The database %.300s is damaged.", path);
    } else {
        result = 0;
    }
    sqlite3_close(sql);
    return result;
}

int db_settle(const char *path, char *error, size_t error_bytes)
{
    sqlite3 *sql = NULL;
    int result = -1;
    if (sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        !answers(sql, "PRAGMA journal_mode = DELETE", "delete")) {
        fail("settled", path, sql, error, error_bytes);
    } else {
        result = 0;
    }
    sqlite3_close(sql);
    return result;
}
