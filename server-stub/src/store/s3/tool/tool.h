/* What whoever runs a server asks of an S3 service once: to prepare the bucket, and whether all is
 * well. Both block on a loop of their own. */
#ifndef KEEPTAKE_SERVER_STORE_S3_TOOL_TOOL_H
#define KEEPTAKE_SERVER_STORE_S3_TOOL_TOOL_H

#include <stdio.h>

#include "base/origins.h"
#include "store/s3/s3store.h"

/* Borrowed for the call. */
typedef struct S3StoreTool {
    S3StoreSettings settings;
    const S3StoreCredentials *credentials;
    const OriginList *origins; /* of the pages that send and play; at least one */
    int64_t salvage_age_s;     /* so old an upload may be that the server still wants */
    FILE *out;                 /* told what was done, and what is wrong */
} S3StoreTool;

/* Makes the bucket unless it is there, lets the pages send and play (CORS), and has the service
 * remove uploads that nobody finishes (a lifecycle rule). replace: overwrites rules that it did not
 * make as well. 0 where all is well. */
int s3store_setup(const S3StoreTool *tool, int replace);
/* Does everything that a take needs with small test objects, and removes them. 0 where all is
 * well. */
int s3store_check(const S3StoreTool *tool);

#endif
