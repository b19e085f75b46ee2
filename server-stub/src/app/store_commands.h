/* The commands on stores. Both take the server's options and return the program's exit code. */
#ifndef KEEPTAKE_SERVER_APP_STORE_COMMANDS_H
#define KEEPTAKE_SERVER_APP_STORE_COMMANDS_H

#include "app/config.h"

/* `store setup|check [--replace] [OPTION…]`, of an S3 service. */
int store_service_command(int argc, char *argv[], EnvLookup env, void *env_ctx);
/* `store verify [OPTION…]`, of the embedded store: 0 all is well, 1 something is damaged, 2 it
 * could not be looked at. */
int store_verify_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

#endif
