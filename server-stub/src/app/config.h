/* What the server is told: built-in values, overridden by a file, then by the environment, then by
 * flags. */
#ifndef KEEPTAKE_SERVER_APP_CONFIG_H
#define KEEPTAKE_SERVER_APP_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/env.h"
#include "base/log.h"
#include "base/origins.h"
#include "keeptake/session.h"
#include "net/http.h"

#define CONFIG_PATH_BYTES 1024
#define CONFIG_MAX_FILE_BYTES 65536
#define CONFIG_ERROR_BYTES 512
#define CONFIG_S3_KMS_BYTES 256 /* an ARN of AWS's key service has about 80 characters */

typedef enum ConfigStore { CONFIG_STORE_DISK, CONFIG_STORE_S3 } ConfigStore;

#define CONFIG_PORT 8080
#define CONFIG_METRICS_PORT 8082
#define CONFIG_PORT_AUTO (-1)

typedef struct Config {
    const char *version;              /* of the program; static, set by who knows it */
    char host[64];                    /* address to listen on; a loopback one unless allow_remote */
    int port, s3_port;                /* 0: any free one */
    char data[CONFIG_PATH_BYTES];     /* folder of the database, the store and the secrets */
    char studio[CONFIG_PATH_BYTES];   /* folder of the pages; "": none */
    char public_url[ORIGIN_BYTES];    /* how browsers reach the API, no slash at the end; "":
                                                host:port */
    char s3_public_url[ORIGIN_BYTES]; /* the same for the store */
    OriginList
        allowed_origins;      /* other origins whose pages may call the API and the store (CORS) */
    OriginList allowed_hosts; /* more Host headers that are answered */
    int allow_remote;
    int local_owner;         /* pages served to this machine get an owner's session */
    char metrics_host[64];   /* address of the operator's listener */
    int metrics_port;        /* 0: any free one; CONFIG_PORT_AUTO: see config_metrics_port */
    char metrics_token[128]; /* lets its bearer read /metrics; "": nobody */
    int64_t drain_s;         /* from SIGTERM to the end of listening; /readyz says so meanwhile */
    LogLevel log_level;
    KtLimits limits;
    int64_t empty_age_s;        /* cleanup: a recording without any stored part */
    int64_t cleanup_age_s;      /* cleanup: aborted and failed ones */
    int64_t salvage_after_s;    /* a take without a sign of life is finished alone; 0: never */
    int64_t live_s;             /* so long after a sign of life a take counts as live; 0: never */
    int64_t salvage_age_s;      /* cleanup: of what has stored parts but cannot be salvaged */
    int64_t cleanup_interval_s; /* 0: only at start */
    int64_t url_seconds;        /* life of a signed part URL */
    int64_t part_bytes;         /* of new uploads; 0: by length and bitrate; for tests */
    int64_t least_part_bytes;   /* of the embedded store; 65536..; for tests */
    int64_t low_bytes;          /* with less room nothing new is taken; -1: by the disk's size */
    int64_t most_bytes, most_open; /* of one organisation: bytes of takes, open uploads; 0: any */
    int write_threads, read_threads, compute_threads; /* of the store; of timelines and salvages */
    int64_t scrub_rate; /* of the background check, bytes a second; 0: none */
    int64_t scrub_interval_s;
    int64_t upload_memory; /* buffers of all bodies on their way to the disk, bytes */
    HttpLimits http;       /* of each listener */
    ConfigStore store;
    /* Of an S3 service; credentials are read by s3store_credentials, never from here. */
    char s3_endpoint[ORIGIN_BYTES]; /* scheme, host and port */
    char s3_region[64];
    char s3_bucket[64];
    int s3_path_style; /* http://host/bucket/key, not http://bucket.host/key */
    char s3_encryption[CONFIG_S3_KMS_BYTES + 8]; /* "", "AES256", "aws:kms", "aws:kms:KEY" */
    char s3_credentials[CONFIG_PATH_BYTES];      /* file; "": the environment */
    char s3_ca[CONFIG_PATH_BYTES];               /* PEM file of trusted authorities; "": system's */
    int64_t s3_timeout_s;                        /* a request without a byte for this long ends */
} Config;

void config_init(Config *config);
/* Sets one option by its key ("PORT", "RECORDING_MAX_FPS", …), as the environment and the file
 * spell it. Lists are comma-separated and replace what was there. 0, or -1 with a sentence in
 * error[CONFIG_ERROR_BYTES] (config untouched). */
int config_set(Config *config, const char *key, const char *value, char *error);
/* Applies a file's text: a JSON object of keys, or KEY=VALUE lines with # comments. As config_set.
 */
int config_apply_text(Config *config, const char *text, size_t bytes, char *error);
/* Everything in order: file (--config or KEEPTAKE_CONFIG), environment, flags. argv[0] is skipped.
 * Returns 0; 1 where --help or --version was asked for (*asked is 'h' or 'v'); -1 with a sentence
 * in error. Also -1 where the result contradicts itself (config_check). */
int config_load(Config *config, int argc, char *const argv[], EnvLookup env, void *env_ctx,
                int *asked, char *error);
/* 0, or -1: a host that is not loopback without allow_remote, local_owner on such a host. */
int config_check(const Config *config, char *error);
/* Whether a host name or address names this machine itself. */
int config_host_is_loopback(const char *host);
/* Whether a proxy on this machine may be what connects: --public-url names another one. */
int config_is_public(const Config *config);
/* Port of the operator's listener: CONFIG_METRICS_PORT beside the API's usual port, any free one
 * beside another (there may be several servers on the machine), unless it was chosen. */
int config_metrics_port(const Config *config);
/* Prints the options with keys, flags and meanings. */
void config_help(FILE *out);

#endif
