/* A principal as text. */
#include "model/principal.h"

#include <stdio.h>

void principal_text(const Principal *p, char out[DB_BY_BYTES])
{
    if (p->role == ROLE_NONE) {
        snprintf(out, DB_BY_BYTES, "server");
        return;
    }
    snprintf(out, DB_BY_BYTES, "%s/%s %s%s%s %s", p->organisation, role_name(p->role),
             *p->token_id ? p->token_id : "session", *p->room ? " " : "", p->room, p->request_id);
}
