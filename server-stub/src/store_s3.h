/* The store at an S3 service: AWS, R2, Ceph RGW, Garage, SeaweedFS (docs/stores.md). Transport by
 * libcurl on the loop, signatures by sigv4.c. Calls that fail for a reason that passes (no
 * connection, 5xx, SlowDown, a skewed clock, an answer that is none of S3's) are repeated with
 * growing pauses for as long as a caller can wait; after that the answer is STORE_UNREACHABLE. */
#ifndef KEEPTAKE_SERVER_STORE_S3_H
#define KEEPTAKE_SERVER_STORE_S3_H

#include <stdio.h>

#include "config.h"
#include "log.h"
#include "store.h"

#define S3_KEY_BYTES 129    /* access key, secret key: AWS allows 128 characters */
#define S3_TOKEN_BYTES 4097 /* session token of temporary credentials */

typedef struct StoreS3Credentials {
    char access_key[S3_KEY_BYTES];
    char secret_key[S3_KEY_BYTES];
    char session_token[S3_TOKEN_BYTES]; /* "": none */
} StoreS3Credentials;

/* From file, where it is not ""; else from the environment, KEEPTAKE_S3_ACCESS_KEY, …_SECRET_KEY,
 * …_SESSION_TOKEN before AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. The file
 * holds NAME=VALUE lines of AWS's names in either case (also as ~/.aws/credentials writes them, the
 * first profile counts) and must be readable by its owner alone. 0, or -1 with a sentence in error.
 */
int store_s3_credentials(const char *file, ConfigEnv env, void *env_ctx, StoreS3Credentials *out,
                         char error[CONFIG_ERROR_BYTES]);

typedef struct StoreS3Stats {
    uint64_t requests, retries, failures; /* failures: calls that ended as STORE_UNREACHABLE */
} StoreS3Stats;

/* A Store over config's bucket; asks the service nothing yet.
 *   config, credentials  copied
 *   log                  borrowed until it is destroyed; NULL: nothing is logged
 * destroy() needs that no call is running; its handles close with the next turns of the loop.
 * 0, or -1 with a sentence in error (then *out is NULL). */
int store_s3_open(uv_loop_t *loop, const Config *config, const StoreS3Credentials *credentials,
                  const Log *log, Store **out, char error[CONFIG_ERROR_BYTES]);

/* Scheme, host and port that browsers send parts to: "https://bucket.s3.example.org". */
const char *store_s3_origin(const Store *store);
/* The process is about to end: nothing is repeated any more, and what waits to be answers
 * STORE_UNREACHABLE with the next turn of the loop. */
void store_s3_stop(Store *store);
void store_s3_stats(const Store *store, StoreS3Stats *out);

/* Both block on a loop of their own and write what they did, and what is wrong, to out. 0 where all
 * is well.
 *   setup  makes the bucket unless it is there, lets pages of config's origins send and play
 * (CORS), and has the service remove uploads that nobody finishes (a lifecycle rule) check  does
 * everything that a take needs with small test objects, and removes them replace: setup also
 * overwrites rules that it did not make. */
int store_s3_setup(const Config *config, const StoreS3Credentials *credentials, int replace,
                   FILE *out);
int store_s3_check(const Config *config, const StoreS3Credentials *credentials, FILE *out);

/* `keeptake-server store setup|check [--replace] [OPTION…]`: the program's exit code. */
int store_s3_command(int argc, char *argv[], ConfigEnv env, void *env_ctx);

#endif
