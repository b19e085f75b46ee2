/* Whether database and embedded store agree: rows, objects, uploads, in both directions. */
#ifndef KEEPTAKE_SERVER_APP_FSCK_H
#define KEEPTAKE_SERVER_APP_FSCK_H

#include <stdint.h>
#include <stdio.h>

#include "base/env.h"
#include "db/db.h"
#include "store/disk/verify.h"

typedef struct FsckOptions {
    const char *adopt; /* a recording's id, or "all": orphans that become recordings; NULL: none */
    int verify;        /* also reads all bytes and compares them with what was stored */
    /* Rows of takes whose object is not in the store: asked before one is told of; 1: it is known
     * why, nothing is told. NULL: all are told. */
    int (*is_known)(void *ctx, const char *object_id);
    void *ctx;
} FsckOptions;

typedef struct FsckResult {
    int64_t rows, objects, uploads;    /* looked at */
    int64_t missing, differing, lost;  /* rows whose object is not there, or another; neither */
    int64_t orphans, adopted, foreign; /* in the store only; keys of other forms */
    DiskVerified verified;
} FsckResult;

/* What is neither as it should be nor settled by the server itself at its next start. */
int64_t fsck_findings(const FsckResult *result);
/* Looks at the data folder's database (open without a loop) and store; a line to out for each
 * finding. Nothing is locked: a server may be running. 0, or -1 with a sentence in error. */
int fsck_run(Db *db, const char *store, const FsckOptions *options, FILE *out, FsckResult *result,
             char *error, size_t error_bytes);
/* `fsck [--adopt ID|all] [--verify] [OPTION…]` of the program: 0 all is well, 1 there are findings,
 * 2 it could not be looked at. */
int fsck_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

#endif
