/* What the server makes up at its first start and keeps: the store's credentials and the key that
 * signs session cookies. In the data folder, readable by its owner only (0600). */
#ifndef KEEPTAKE_SERVER_ACCESS_SECRETS_H
#define KEEPTAKE_SERVER_ACCESS_SECRETS_H

#include <stddef.h>

#include "access/auth.h"

typedef struct Secrets {
    char access_key[32], secret_key[48];
    uint8_t session_key[AUTH_KEY_BYTES];
} Secrets;

/* Reads DATA/secrets.json, or makes it. 0, or -1 with a sentence in error. */
int secrets_load(const char *data, Secrets *out, char *error, size_t error_bytes);

#endif
