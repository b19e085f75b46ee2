/* The store at an S3 service: AWS, R2, Ceph RGW, Garage, SeaweedFS (docs/stores.md). Transport by
 * libcurl on the loop, signatures by aws/sigv4.c. Calls that fail for a reason that passes (no
 * connection, 5xx, SlowDown, a skewed clock, an answer that is none of S3's) are repeated with
 * growing pauses for as long as a caller can wait; after that the answer is STORE_UNREACHABLE. */
#ifndef KEEPTAKE_SERVER_STORE_S3_S3STORE_H
#define KEEPTAKE_SERVER_STORE_S3_S3STORE_H

#include <stdio.h>

#include "base/env.h"
#include "base/log.h"
#include "base/text.h"
#include "store/store.h"

#define S3STORE_ERROR_BYTES 512
#define S3STORE_KMS_BYTES 256    /* an ARN of AWS's key service has about 80 characters */
#define S3STORE_KEY_BYTES 129    /* access key, secret key: AWS allows 128 characters */
#define S3STORE_TOKEN_BYTES 4097 /* session token of temporary credentials */

typedef struct S3StoreCredentials {
    char access_key[S3STORE_KEY_BYTES];
    char secret_key[S3STORE_KEY_BYTES];
    char session_token[S3STORE_TOKEN_BYTES]; /* "": none */
} S3StoreCredentials;

/* From file, where it is not ""; else from the environment, KEEPTAKE_S3_ACCESS_KEY, …_SECRET_KEY,
 * …_SESSION_TOKEN before AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. The file
 * holds NAME=VALUE lines of AWS's names in either case (also as ~/.aws/credentials writes them, the
 * first profile counts) and must be readable by its owner alone. 0, or -1 with a sentence in error.
 */
int s3store_credentials(const char *file, EnvLookup env, void *env_ctx, S3StoreCredentials *out,
                        char error[S3STORE_ERROR_BYTES]);

/* Texts are borrowed for the call that gets it. */
typedef struct S3StoreSettings {
    const char *endpoint;   /* scheme, host and port */
    const char *public_url; /* how browsers reach the service; "": by endpoint */
    const char *region, *bucket;
    const char *encryption; /* "", "AES256", "aws:kms", "aws:kms:KEY" */
    const char *ca;         /* PEM file of trusted authorities; "": the system's */
    int path_style;         /* http://host/bucket/key, not http://bucket.host/key */
    int timeout_s;          /* a request without a byte for this long ends */
} S3StoreSettings;

typedef struct S3StoreStats {
    uint64_t requests, retries, failures; /* failures: calls that ended as STORE_UNREACHABLE */
} S3StoreStats;

/* A Store over the settings' bucket; asks the service nothing yet.
 *   settings, credentials  copied
 *   log                  borrowed until it is destroyed; NULL: nothing is logged
 * destroy() needs that no call is running; its handles close with the next turns of the loop.
 * 0, or -1 with a sentence in error (then *out is NULL). */
int s3store_open(uv_loop_t *loop, const S3StoreSettings *settings,
                 const S3StoreCredentials *credentials, const Log *log, Store **out,
                 char error[S3STORE_ERROR_BYTES]);

/* For requests and URLs from now on; what is under way goes on with the old ones. ca: as in
 * S3StoreSettings; its file is read again. */
void s3store_set_credentials(Store *store, const S3StoreCredentials *credentials, const char *ca);
/* Scheme, host and port that browsers send parts to: "https://bucket.s3.example.org". */
const char *s3store_origin(const Store *store);
/* The process is about to end: nothing is repeated any more, and what waits to be answers
 * STORE_UNREACHABLE with the next turn of the loop. */
void s3store_stop(Store *store);
void s3store_stats(const Store *store, S3StoreStats *out);
/* A MetricsWriter; ctx: Store. */
void s3store_write_metrics(void *ctx, Text *out);

#endif
