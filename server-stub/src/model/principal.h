/* Who does something: named in every write (db/db.h), so that each row tells whose it is. */
#ifndef KEEPTAKE_SERVER_MODEL_PRINCIPAL_H
#define KEEPTAKE_SERVER_MODEL_PRINCIPAL_H

#include "db/db.h"
#include "model/organisations.h"
#include "model/roles.h"
#include "model/tokens.h"

#define PRINCIPAL_ROOM_BYTES 32
#define PRINCIPAL_REQUEST_BYTES 32 /* "req_" and 24 of [a-z2-7] */

typedef struct Principal {
    Role role; /* ROLE_NONE: the server by itself */
    char organisation[ORGANISATION_BYTES];
    char token_id[TOKEN_ID_BYTES];   /* "": a session of the local owner */
    char room[PRINCIPAL_ROOM_BYTES]; /* "": in none */
    char request_id[PRINCIPAL_REQUEST_BYTES];
} Principal;

/* "ORGANISATION/ROLE tok_… [ROOM] req_…", or "server": what db_write takes. */
void principal_text(const Principal *principal, char out[DB_BY_BYTES]);

#endif
