/* The writers of /metrics (base/metrics.h) of a whole server. */
#ifndef KEEPTAKE_SERVER_APP_METERS_H
#define KEEPTAKE_SERVER_APP_METERS_H

#include "app/server.h"

/* Registers them all, once everything is open. */
void meters_add(Server *s);

#endif
