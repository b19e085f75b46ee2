/* server_rows DATABASE COUNT: fills a server's database with COUNT recordings of an organisation
 * "many", nearly all of them complete, for bench/server-rows.mjs. Prints a token of its owner. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/db.h"
#include "model/tokens.h"

/* Ids are numbers in base 32, so that they have the form of random ones. Of a thousand, six are
 * being sent, three were aborted and one failed, all of them a moment ago: clean-up looks at them
 * and leaves them. */
static const char fill[] =
    "WITH RECURSIVE"
    " numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < %lld),"
    " named AS (SELECT n, (SELECT group_concat(substr('abcdefghijklmnopqrstuvwxyz234567', 1 +"
    "  (CASE WHEN digit < 5 THEN n >> (5 * digit) ELSE (n * 2654435761 + digit * 40503) >> digit"
    "  END & 31), 1), '') FROM digits) AS id FROM numbers)"
    "INSERT INTO recordings(id, organisation, title, created_us, created_by, codec, width, height,"
    " fps, video_bitrate, audio_bitrate, max_length_us, has_timeline)"
    " SELECT 'rec_' || id, 'many', 'Recording ' || n, %lld - (%lld - n) * 1000000, 'server', "
    "'vp9', 1280, 720, 30,"
    " 2500000, 128000, 3600000000, 0 FROM named;"
    "INSERT INTO objects(id, recording, organisation, kind, key, type, state, created_us,"
    " completed_us, changed_us, upload_id, part_bytes, bytes, duration_us)"
    " SELECT 'obj_' || substr(id, 5), id, 'many', 0, 'takes/many/' || id || '.webm', 'video/webm',"
    " CASE WHEN rowid %% 1000 < 6 THEN 1 WHEN rowid %% 1000 < 9 THEN 4 WHEN rowid %% 1000 < 10"
    " THEN 5 ELSE 3 END, created_us, created_us, created_us, hex(rowid), 5242880, 1000000000,"
    " 3600000000 FROM recordings WHERE organisation = 'many'";

typedef struct Rows {
    long long count;
    TokenRow token;
    char text[TOKEN_TEXT_BYTES], error[256];
    int status;
} Rows;

static int add_rows(DbConnection *c, void *ctx)
{
    Rows *rows = ctx;
    char sql[sizeof fill + 64];
    long long now_us = (long long)clock_now_us();
    int status = organisation_insert(c, "many", now_us);
    status = status == DB_OK ? token_insert(c, &rows->token) : status;
    snprintf(sql, sizeof sql, fill, rows->count, now_us, rows->count);
    if (status == DB_OK &&
        (sqlite3_exec(c->sql,
                      "CREATE TEMP TABLE digits AS WITH RECURSIVE d(digit) AS (SELECT 0 "
                      "UNION ALL SELECT digit + 1 FROM d WHERE digit < 23) SELECT digit "
                      "FROM d",
                      NULL, NULL, NULL) != SQLITE_OK ||
         sqlite3_exec(c->sql, sql, NULL, NULL, NULL) != SQLITE_OK)) {
        snprintf(rows->error, sizeof rows->error, "%s", sqlite3_errmsg(c->sql));
        return DB_IO;
    }
    return status;
}

static void on_added(void *ctx, int status)
{
    ((Rows *)ctx)->status = status;
}

int main(int argc, char *argv[])
{
    static Rows rows;
    char error[256];
    Db *db;
    rows.count = argc == 3 ? atoll(argv[2]) : 0;
    if (rows.count < 1 || rows.count > 99999999) {
        fputs("server_rows DATABASE COUNT\n", stderr);
        return 2;
    }
    if (db_open(NULL, argv[1], &db, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    strcpy(rows.token.organisation, "many");
    rows.token.role = ROLE_OWNER;
    rows.token.created_us = clock_now_us();
    int result = token_make(&rows.token, rows.text);
    if (result == 0) {
        db_write(db, "operator", add_rows, &rows, on_added);
    }
    db_close(&db);
    if (result != 0 || rows.status != DB_OK) {
        fprintf(stderr, "The rows cannot be added: %d %s\n", rows.status, rows.error);
        return 1;
    }
    puts(rows.text);
    return 0;
}
