/* Back-up and restore of the whole data folder. */
#ifndef KEEPTAKE_SERVER_APP_BACKUP_H
#define KEEPTAKE_SERVER_APP_BACKUP_H

#include "base/env.h"

/* backup DIR [--verify] [OPTION…]: makes DIR and copies database, store and secrets of the data
 * folder to it, consistent with each other, while a server may be at work. DIR/backup.json is
 * written last: without it the rest is worth nothing. --verify also reads all bytes of the copy.
 * Exit code 0; 1: something in the store is damaged or missing (told; the rest is in the copy);
 * 2: there is no copy. */
int backup_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

/* restore DIR [OPTION…]: makes the data folder, which must be empty or not there, out of a copy.
 * restore --check DIR [OPTION…]: reads all of the copy and says whether it could be. The same exit
 * codes. */
int restore_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

#endif
