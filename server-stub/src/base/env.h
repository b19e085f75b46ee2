/* Where names of the environment are looked up: the process's, or a test's. */
#ifndef KEEPTAKE_SERVER_BASE_ENV_H
#define KEEPTAKE_SERVER_BASE_ENV_H

/* The value of a variable, borrowed; NULL where it is not set. */
typedef const char *(*EnvLookup)(void *ctx, const char *name);

#endif
