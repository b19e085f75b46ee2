/* `keeptake-server store orphans`: objects and uploads of takes that no recording knows. */
#ifndef KEEPTAKE_SERVER_APP_ORPHANS_H
#define KEEPTAKE_SERVER_APP_ORPHANS_H

#include "app/config.h"
#include "model/recordings.h"

/* store orphans [--adopt ID|all] [--delete ID|all] [OPTION…]: lists them, one a line, and adopts or
 * deletes those that are named. Works on the server's database and store, so that with the embedded
 * store no server may be running. Returns the program's exit code. */
int store_orphans_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

/* A row for what was found, as recording_adopt wants it. upload_id "": an object; part_bytes 0: not
 * known. */
void orphan_row(RecordingRow *row, const char *id, const char *organisation, int64_t created_us,
                const char *upload_id, int64_t part_bytes);

#endif
