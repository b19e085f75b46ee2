/* What parts of the server are told, out of all the options. */
#ifndef KEEPTAKE_SERVER_APP_SETTINGS_H
#define KEEPTAKE_SERVER_APP_SETTINGS_H

#include "access/auth.h"
#include "api/api.h"
#include "app/config.h"
#include "jobs/jobs.h"
#include "store/s3/s3store.h"

/* Texts of the results are borrowed from config. */
S3StoreSettings settings_of_s3store(const Config *config);
/* port: that the pages' listener has. */
AuthSettings settings_of_auth(const Config *config, int port);
JobPolicy settings_of_jobs(const Config *config);
/* Without what only the server knows: store_origin, bounds_parts. */
ApiSettings settings_of_api(const Config *config);

#endif
