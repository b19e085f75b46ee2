/* `keeptake-server store orphans`: objects and uploads of takes that no recording knows. */
#ifndef KEEPTAKE_SERVER_APP_ORPHANS_H
#define KEEPTAKE_SERVER_APP_ORPHANS_H

#include "app/config.h"

/* store orphans [--adopt ID|all] [--delete ID|all] [OPTION…]: lists them, one a line, and adopts or
 * deletes those that are named. Works on the server's database and store, so that with the embedded
 * store no server may be running. Returns the program's exit code. */
int store_orphans_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

#endif
