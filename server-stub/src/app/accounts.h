/* `keeptake-server organisation …` and `token …`: tenants and their tokens, from the command line.
 */
#ifndef KEEPTAKE_SERVER_APP_ACCOUNTS_H
#define KEEPTAKE_SERVER_APP_ACCOUNTS_H

#include "base/env.h"

/* organisation create NAME | list | delete NAME --confirm NAME | export NAME DIR
 * token create … | list --organisation NAME | revoke ID --organisation NAME
 * All work while the server runs. The program's exit code. */
int accounts_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

#endif
