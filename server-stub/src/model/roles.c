/* The names of the roles. */
#include "model/roles.h"

#include <string.h>

static const char *const role_names[] = {"none", "viewer", "co-host", "owner"};

const char *role_name(Role role)
{
    return role_names[role];
}

Role role_parse(const char *name)
{
    for (int role = ROLE_VIEWER; role <= ROLE_OWNER; role++) {
        if (strcmp(name, role_names[role]) == 0) {
            return (Role)role;
        }
    }
    return ROLE_NONE;
}
