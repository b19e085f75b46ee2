/* `keeptake-server probe`: asks a server of this machine whether it is ready, for health checks of
 * containers, which have no other client. */
#ifndef KEEPTAKE_SERVER_APP_PROBE_H
#define KEEPTAKE_SERVER_APP_PROBE_H

#include "base/env.h"

/* probe [OPTION…]: the options of the server that is asked. 0: /readyz says 200; 1: something else;
 * 2: it cannot be asked. */
int probe_command(int argc, char *argv[], EnvLookup env, void *env_ctx);

#endif
