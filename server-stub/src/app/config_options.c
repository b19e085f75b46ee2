/* One table of options: key, flag, meaning and the function that reads the value. */
#include "app/config_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void *config__field(Config *c, const ConfigOption *o)
{
    return (char *)c + o->offset;
}

static int parse_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max || text[0] == ' ') {
        return -1;
    }
    *out = value;
    return 0;
}

static int set_int(Config *c, const ConfigOption *o, const char *value)
{
    int64_t number;
    if (parse_int(value, o->min, o->max, &number) != 0) {
        return -1;
    }
    *(int *)config__field(c, o) = (int)number;
    return 0;
}

static int set_int64(Config *c, const ConfigOption *o, const char *value)
{
    return parse_int(value, o->min, o->max, config__field(c, o));
}

/* "90", "90s", "30m", "12h", "7d" */
static int set_age(Config *c, const ConfigOption *o, const char *value)
{
    char digits[24];
    size_t length = strlen(value);
    int64_t unit = 1, number;
    if (length == 0 || length >= sizeof digits) {
        return -1;
    }
    memcpy(digits, value, length + 1);
    const char *units = "smhd", *found = strchr(units, digits[length - 1]);
    if (found) {
        static const int64_t seconds[] = {1, 60, 3600, 86400};
        unit = seconds[found - units];
        digits[length - 1] = 0;
    }
    if (parse_int(digits, 0, o->max / unit, &number) != 0 || number * unit < o->min) {
        return -1;
    }
    *(int64_t *)config__field(c, o) = number * unit;
    return 0;
}

static int set_bool(Config *c, const ConfigOption *o, const char *value)
{
    static const char *const words[2][4] = {{"0", "false", "no", "off"},
                                            {"1", "true", "yes", "on"}};
    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 4; i++) {
            if (strcmp(value, words[truth][i]) == 0) {
                *(int *)config__field(c, o) = truth;
                return 0;
            }
        }
    }
    return -1;
}

static int set_text(Config *c, const ConfigOption *o, const char *value)
{
    size_t length = strlen(value);
    if (length >= (size_t)o->max) {
        return -1;
    }
    memcpy(config__field(c, o), value, length + 1);
    return 0;
}

/* scheme://host[:port], no path, no credentials, visible ASCII. */
static int url_is_origin(const char *value)
{
    const char *rest = strncasecmp(value, "http://", 7) == 0    ? value + 7
                       : strncasecmp(value, "https://", 8) == 0 ? value + 8
                                                                : "";
    return *rest &&
           strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
               strlen(rest);
}

/* As browsers write the same address (RFC 3986, 3.2.2 and 6.2.3): lower case, without a port that
 * is empty or the scheme's own. In place; text is an origin. -1 where its port is no number. */
static int normalize_origin(char *text)
{
    for (char *p = text; *p; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    }
    char *host = strstr(text, "://") + 3;
    char *bracket = strrchr(host, ']');
    char *colon = strrchr(bracket ? bracket : host, ':');
    if (!colon) {
        return *host && *host != ':' ? 0 : -1;
    }
    int64_t port = 0;
    char *digits = colon + 1;
    if (colon == host || (!bracket && strchr(host, ':') != colon) ||
        (*digits && (strspn(digits, "0123456789") != strlen(digits) ||
                     parse_int(digits, 1, 65535, &port) != 0))) {
        return -1;
    }
    if (!*digits || port == (strncmp(text, "https:", 6) == 0 ? 443 : 80)) {
        *colon = 0;
    } else {
        snprintf(digits, strlen(digits) + 1, "%d", (int)port); /* without leading zeros */
    }
    return 0;
}

static int set_url(Config *c, const ConfigOption *o, const char *value)
{
    char text[ORIGIN_BYTES];
    size_t length = strlen(value);
    if (length >= sizeof text) {
        return -1;
    }
    memcpy(text, value, length + 1);
    if (length > 0 && text[length - 1] == '/') {
        text[length - 1] = 0;
    }
    return (*text && (!url_is_origin(text) || normalize_origin(text) != 0)) ? -1
                                                                            : set_text(c, o, text);
}

static int set_list(Config *c, const ConfigOption *o, const char *value)
{
    OriginList list = {0};
    int origins = o->offset == offsetof(Config, allowed_origins);
    for (const char *p = value; *p;) {
        size_t length = strcspn(p, ",");
        if (length >= ORIGIN_BYTES || list.count == ORIGINS_MAX) {
            return -1;
        }
        if (length > 0) {
            char *item = list.items[list.count++];
            memcpy(item, p, length);
            if (origins && (!url_is_origin(item) || normalize_origin(item) != 0)) {
                return -1;
            }
        }
        p += length + (p[length] == ',');
    }
    memcpy(config__field(c, o), &list, sizeof list);
    return 0;
}

static int set_store(Config *c, const ConfigOption *o, const char *value)
{
    int s3 = strcmp(value, "s3") == 0;
    (void)o;
    if (!s3 && strcmp(value, "disk") != 0) {
        return -1;
    }
    c->store = s3 ? CONFIG_STORE_S3 : CONFIG_STORE_DISK;
    return 0;
}

/* "", "AES256", "aws:kms" or "aws:kms:KEY". */
static int set_encryption(Config *c, const ConfigOption *o, const char *value)
{
    int key = strncmp(value, "aws:kms:", 8) == 0 && value[8];
    if (*value && strcmp(value, "AES256") != 0 && strcmp(value, "aws:kms") != 0 && !key) {
        return -1;
    }
    for (const char *p = value; *p; p++) {
        if (*p <= ' ' || *p >= 127) { /* it becomes a header */
            return -1;
        }
    }
    return set_text(c, o, value);
}

static int set_metrics_token(Config *c, const ConfigOption *o, const char *value)
{
    size_t length = strlen(value);
    for (const char *p = value; *p; p++) {
        if (*p <= ' ' || *p >= 127) {
            return -1;
        }
    }
    return length > 0 && length < 16 ? -1 : set_text(c, o, value);
}

static int set_level(Config *c, const ConfigOption *o, const char *value)
{
    return log_level_parse(value, config__field(c, o));
}

static int set_limit(Config *c, const ConfigOption *o, const char *value)
{
    return kt_limits_set(&c->limits, o->key, value) == KT_OK ? 0 : -1;
}

#define AT(member) offsetof(Config, member)
#define YEAR_SECONDS (366 * 86400)
#define LEAST_URL_SECONDS 120 /* browsers do not begin with a URL that ends within a minute */
static const ConfigOption options[] = {
    {"KEEPTAKE_HOST", "host", set_text, AT(host), 0, 64, 0, "address to listen on (127.0.0.1)"},
    {"PORT", "port", set_int, AT(port), 0, 65535, 0,
     "port of the API and the studio (8080; 0: any)"},
    {"S3_PORT", "s3-port", set_int, AT(s3_port), 0, 65535, 0, "port of the store (8081; 0: any)"},
    {"KEEPTAKE_DATA", "data", set_text, AT(data), 0, CONFIG_PATH_BYTES, 0,
     "folder for the database, takes and secrets (./keeptake-data)"},
    {"KEEPTAKE_STUDIO", "studio", set_text, AT(studio), 0, CONFIG_PATH_BYTES, 0,
     "folder of the studio page"},
    {"KEEPTAKE_LOCAL_OWNER", "local-owner", set_bool, AT(local_owner), 0, 0, 1,
     "whoever opens the studio on this machine is its owner"},
    {"KEEPTAKE_ALLOW_REMOTE", "allow-remote", set_bool, AT(allow_remote), 0, 0, 1,
     "allow a --host that other machines can reach"},
    {"KEEPTAKE_ALLOWED_ORIGINS", "allowed-origin", set_list, AT(allowed_origins), 0, 0, 0,
     "origin of pages that may use the API; repeat or separate by commas"},
    {"KEEPTAKE_ALLOWED_HOSTS", "allowed-host", set_list, AT(allowed_hosts), 0, 0, 0,
     "another Host header that is answered; repeat or separate by commas"},
    {"KEEPTAKE_PUBLIC_URL", "public-url", set_url, AT(public_url), 0, ORIGIN_BYTES, 0,
     "how browsers reach this server (http://HOST:PORT)"},
    {"KEEPTAKE_S3_PUBLIC_URL", "s3-public-url", set_url, AT(s3_public_url), 0, ORIGIN_BYTES, 0,
     "how browsers reach the store (http://HOST:S3_PORT)"},
    {"KEEPTAKE_METRICS_HOST", "metrics-host", set_text, AT(metrics_host), 0, 64, 0,
     "address of /metrics, /livez, /readyz (127.0.0.1)"},
    {"KEEPTAKE_METRICS_PORT", "metrics-port", set_int, AT(metrics_port), 0, 65535, 0,
     "their port (8082; 0, or another --port than 8080: any)"},
    {"KEEPTAKE_METRICS_TOKEN", "metrics-token", set_metrics_token, AT(metrics_token), 0, 128, 0,
     "lets its bearer read /metrics from other machines; 16 or more visible characters (none)"},
    {"KEEPTAKE_DRAIN_SECONDS", "drain-seconds", set_age, AT(drain_s), 0, 3600, 0,
     "after SIGTERM, /readyz says 503 for so long before the server stops (0)"},
    {"KEEPTAKE_LOG_LEVEL", "log-level", set_level, AT(log_level), 0, 0, 0,
     "error, warn, info or debug (info)"},
    {"RECORDING_ENABLED", "recording-enabled", set_limit, 0, 0, 0, 0,
     "new recordings are allowed (1)"},
    {"RECORDING_MAX_LENGTH", "recording-max-length", set_limit, 0, 0, 0, 0,
     "longest take: 1h, 30m, 120s, 90 (3h)"},
    {"RECORDING_MAX_FPS", "recording-max-fps", set_limit, 0, 0, 0, 0, "most frames a second (30)"},
    {"RECORDING_STARTUP_CLEANUP_ENABLED", "recording-startup-cleanup-enabled", set_limit, 0, 0, 0,
     0, "clean up unfinished uploads at start, never a salvageable take (1)"},
    {"KEEPTAKE_EMPTY_AGE", "empty-age", set_age, AT(empty_age_s), 1, YEAR_SECONDS, 0,
     "remove recordings without any stored part after this (24h)"},
    {"KEEPTAKE_CLEANUP_AGE", "cleanup-age", set_age, AT(cleanup_age_s), 1, YEAR_SECONDS, 0,
     "remove aborted and failed recordings after this (7d)"},
    {"KEEPTAKE_SALVAGE_AFTER", "salvage-after", set_age, AT(salvage_after_s), 0, YEAR_SECONDS, 0,
     "finish a take from what arrived, after this without a sign of life; 0: never (24h)"},
    {"KEEPTAKE_LIVE_SECONDS", "live-seconds", set_age, AT(live_s), 0, 3600, 0,
     "a take cannot be ended from elsewhere for so long after its recorder's last sign of life "
     "(60)"},
    {"KEEPTAKE_SALVAGE_AGE", "salvage-age", set_age, AT(salvage_age_s), 1, YEAR_SECONDS, 0,
     "remove unfinished uploads that have stored parts but give no take after this (30d)"},
    {"KEEPTAKE_CLEANUP_INTERVAL", "cleanup-interval", set_age, AT(cleanup_interval_s), 0,
     YEAR_SECONDS, 0, "time between cleanups; 0: only at start (1h)"},
    {"KEEPTAKE_URL_SECONDS", "url-seconds", set_int64, AT(url_seconds), LEAST_URL_SECONDS, 604800,
     0, "life of the signed URL of a part, 120 or more (3600)"},
    {"KEEPTAKE_PART_BYTES", "part-bytes", set_int64, AT(part_bytes), 65536, 1 << 30, 0,
     "size of the parts of an upload, for tests (by length and bitrate, 5242880 or more)"},
    {"KEEPTAKE_LOW_BYTES", "low-bytes", set_int64, AT(low_bytes), 0, 1LL << 50, 0,
     "with less room on the disk nothing new is taken (1 % of it, at most 256 MiB)"},
    {"KEEPTAKE_ORGANISATION_MAX_BYTES", "organisation-max-bytes", set_int64, AT(most_bytes), 0,
     1LL << 60, 0, "an organisation with so many bytes of takes begins no more; 0: any (0)"},
    {"KEEPTAKE_ORGANISATION_MAX_OPEN", "organisation-max-open", set_int64, AT(most_open), 0,
     1 << 30, 0, "unfinished recordings of an organisation at once; 0: any (0)"},
    {"KEEPTAKE_MAX_CONNECTIONS", "max-connections", set_int, AT(http.connections), 16, 32768, 0,
     "connections of each listener at once; one more takes the place of a silent one (1024)"},
    {"KEEPTAKE_MAX_CONNECTIONS_PER_ADDRESS", "max-connections-per-address", set_int,
     AT(http.per_address), 0, 32768, 0, "of them from one address; not behind a proxy (0: any)"},
    {"KEEPTAKE_HEAD_SECONDS", "head-seconds", set_int, AT(http.head_seconds), 1, 600, 0,
     "the head of a request must be complete after so long (10)"},
    {"KEEPTAKE_IDLE_SECONDS", "idle-seconds", set_int, AT(http.idle_seconds), 1, 60, 0,
     "a connection without a request is closed after so long (60)"},
    {"KEEPTAKE_LEAST_BODY_RATE", "least-body-rate", set_int, AT(http.least_body_rate), 0, 1 << 20,
     0, "bytes a second; a body that comes more slowly for --body-seconds is cut; 0: never (1024)"},
    {"KEEPTAKE_BODY_SECONDS", "body-seconds", set_int, AT(http.body_seconds), 2, 600, 0,
     "how long a body may be slower than that (20)"},
    {"KEEPTAKE_WRITE_THREADS", "write-threads", set_int, AT(write_threads), 1, 64, 0,
     "parts that are written to the disk at a time (8)"},
    {"KEEPTAKE_READ_THREADS", "read-threads", set_int, AT(read_threads), 1, 64, 0,
     "takes that are read from the disk at a time (4)"},
    {"KEEPTAKE_COMPUTE_THREADS", "compute-threads", set_int, AT(compute_threads), 1, 64, 0,
     "timelines and takes in salvage that are read at a time (2)"},
    {"KEEPTAKE_SCRUB_RATE", "scrub-rate", set_int64, AT(scrub_rate), 0, 1LL << 40, 0,
     "stored parts are read again and compared, so many bytes a second; 0: never (2097152)"},
    {"KEEPTAKE_SCRUB_INTERVAL", "scrub-interval", set_age, AT(scrub_interval_s), 1, YEAR_SECONDS, 0,
     "from the beginning of one such pass to that of the next (7d)"},
    {"KEEPTAKE_UPLOAD_MEMORY", "upload-memory", set_int64, AT(upload_memory), 2 << 20, 1LL << 30, 0,
     "buffers of all parts on their way to the disk, bytes; beyond, senders wait (16777216)"},
    {"KEEPTAKE_STORE", "store", set_store, 0, 0, 0, 0,
     "disk: the embedded store; s3: an S3 service (disk)"},
    {"KEEPTAKE_S3_ENDPOINT", "s3-endpoint", set_url, AT(s3_endpoint), 0, ORIGIN_BYTES, 0,
     "its address: https://s3.eu-central-1.amazonaws.com"},
    {"KEEPTAKE_S3_REGION", "s3-region", set_text, AT(s3_region), 0, 64, 0,
     "its region (us-east-1)"},
    {"KEEPTAKE_S3_BUCKET", "s3-bucket", set_text, AT(s3_bucket), 0, 64, 0,
     "bucket of the takes, of this server alone"},
    {"KEEPTAKE_S3_PATH_STYLE", "s3-path-style", set_bool, AT(s3_path_style), 0, 0, 1,
     "HOST/BUCKET/KEY, not BUCKET.HOST/KEY"},
    {"KEEPTAKE_S3_ENCRYPTION", "s3-encryption", set_encryption, AT(s3_encryption), 0,
     CONFIG_S3_KMS_BYTES + 8, 0, "AES256, aws:kms or aws:kms:KEY: how the service encrypts takes"},
    {"KEEPTAKE_S3_CREDENTIALS", "s3-credentials", set_text, AT(s3_credentials), 0,
     CONFIG_PATH_BYTES, 0,
     "file with the keys, mode 0600 (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"},
    {"KEEPTAKE_S3_CA", "s3-ca", set_text, AT(s3_ca), 0, CONFIG_PATH_BYTES, 0,
     "PEM file of the authorities to trust (the system's)"},
    {"KEEPTAKE_S3_TIMEOUT", "s3-timeout", set_age, AT(s3_timeout_s), 1, 600, 0,
     "a request of the server's that is silent for this long has failed (15s)"},
    {"KEEPTAKE_LEAST_PART_BYTES", "least-part-bytes", set_int64, AT(least_part_bytes), 65536,
     5 << 20, 0, "smallest part but the last that the store takes, for tests (5242880)"},
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

const ConfigOption *config__option(size_t n)
{
    return n < OPTION_COUNT ? &options[n] : NULL;
}

int config__is_list(const ConfigOption *o)
{
    return o->set == set_list;
}

void config_init(Config *config)
{
    memset(config, 0, sizeof *config);
    strcpy(config->host, "127.0.0.1");
    strcpy(config->data, "keeptake-data");
    config->version = "unknown";
    strcpy(config->metrics_host, "127.0.0.1");
    config->metrics_port = CONFIG_PORT_AUTO;
    config->port = CONFIG_PORT;
    config->s3_port = 8081;
    config->log_level = LOG_INFO;
    kt_limits_init(&config->limits);
    config->empty_age_s = 86400;
    config->cleanup_age_s = 7 * 86400;
    config->salvage_after_s = 86400;
    config->live_s = 60;
    config->salvage_age_s = 30 * 86400;
    config->cleanup_interval_s = 3600;
    config->url_seconds = 3600;
    config->low_bytes = -1;
    config->scrub_rate = 2 << 20;
    config->scrub_interval_s = 7 * 86400;
    config->write_threads = 8;
    config->read_threads = 4;
    config->compute_threads = 2;
    config->upload_memory = 16 << 20;
    config->http = (HttpLimits)HTTP_DEFAULT_LIMITS;
    config->least_part_bytes = 5 << 20;
    strcpy(config->s3_region, "us-east-1");
    config->s3_timeout_s = 15;
}

void config_help(FILE *out)
{
    fputs("keeptake-server [OPTION…]\n"
          "keeptake-server organisation create NAME | list | delete NAME --confirm NAME |\n"
          "                export NAME DIR [--data DIR]\n"
          "keeptake-server token create --organisation NAME --role owner|co-host|viewer\n"
          "                [--label TEXT] [--expires 30d] [--data DIR]\n"
          "keeptake-server token list | revoke ID --organisation NAME [--data DIR]\n"
          "keeptake-server backup DIR [--verify] | restore [--check] DIR [OPTION…]\n"
          "keeptake-server fsck [--adopt ID|all] [--verify] [OPTION…]\n"
          "keeptake-server probe [OPTION…]\n"
          "keeptake-server store setup [--replace] | check | verify [OPTION…]\n"
          "keeptake-server store orphans [--adopt ID|all] [--delete ID|all] [OPTION…]\n\n"
          "  --config FILE\n      KEEPTAKE_CONFIG: options as KEY=VALUE lines or a JSON object\n"
          "  --help, --version\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        fprintf(out, "  --%s%s\n      %s: %s\n", options[i].flag, options[i].bare ? "" : " VALUE",
                options[i].key, options[i].help);
    }
    fputs("\nA flag wins over the environment, the environment over the file.\n", out);
}
