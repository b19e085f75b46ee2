/* What somebody may do. */
#ifndef KEEPTAKE_SERVER_MODEL_ROLES_H
#define KEEPTAKE_SERVER_MODEL_ROLES_H

/* A greater role may all that a smaller one may. */
typedef enum Role { ROLE_NONE = 0, ROLE_VIEWER = 1, ROLE_COHOST = 2, ROLE_OWNER = 3 } Role;

/* "viewer", "co-host", "owner"; static. */
const char *role_name(Role role);
/* ROLE_NONE for another name. */
Role role_parse(const char *name);

#endif
