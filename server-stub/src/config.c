/* One table of options: key, flag, meaning and the function that reads the value. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"

typedef struct Option Option;
typedef int (*OptionSet)(Config *c, const Option *o, const char *value);

struct Option {
    const char *key;  /* in the environment and in the file */
    const char *flag; /* without "--" */
    OptionSet set;
    size_t offset;
    int64_t min, max; /* of a number; of a text: max bytes with its NUL */
    int bare;         /* the flag takes no value: it means 1 */
    const char *help;
};

static void *field(Config *c, const Option *o)
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

static int set_int(Config *c, const Option *o, const char *value)
{
    int64_t number;
    if (parse_int(value, o->min, o->max, &number) != 0) {
        return -1;
    }
    *(int *)field(c, o) = (int)number;
    return 0;
}

static int set_int64(Config *c, const Option *o, const char *value)
{
    return parse_int(value, o->min, o->max, field(c, o));
}

/* "90", "90s", "30m", "12h", "7d" */
static int set_age(Config *c, const Option *o, const char *value)
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
    *(int64_t *)field(c, o) = number * unit;
    return 0;
}

static int set_bool(Config *c, const Option *o, const char *value)
{
    static const char *const words[2][4] = {{"0", "false", "no", "off"},
                                            {"1", "true", "yes", "on"}};
    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 4; i++) {
            if (strcmp(value, words[truth][i]) == 0) {
                *(int *)field(c, o) = truth;
                return 0;
            }
        }
    }
    return -1;
}

static int set_text(Config *c, const Option *o, const char *value)
{
    size_t length = strlen(value);
    if (length >= (size_t)o->max) {
        return -1;
    }
    memcpy(field(c, o), value, length + 1);
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

static int set_url(Config *c, const Option *o, const char *value)
{
    char text[CONFIG_ORIGIN_BYTES];
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

static int set_list(Config *c, const Option *o, const char *value)
{
    ConfigList list = {0};
    int origins = o->offset == offsetof(Config, allowed_origins);
    for (const char *p = value; *p;) {
        size_t length = strcspn(p, ",");
        if (length >= CONFIG_ORIGIN_BYTES || list.count == CONFIG_MAX_ORIGINS) {
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
    memcpy(field(c, o), &list, sizeof list);
    return 0;
}

static int set_store(Config *c, const Option *o, const char *value)
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
static int set_encryption(Config *c, const Option *o, const char *value)
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

static int set_metrics_token(Config *c, const Option *o, const char *value)
{
    size_t length = strlen(value);
    for (const char *p = value; *p; p++) {
        if (*p <= ' ' || *p >= 127) {
            return -1;
        }
    }
    return length > 0 && length < 16 ? -1 : set_text(c, o, value);
}

static int set_level(Config *c, const Option *o, const char *value)
{
    return log_level_parse(value, field(c, o));
}

static int set_limit(Config *c, const Option *o, const char *value)
{
    return kt_limits_set(&c->limits, o->key, value) == KT_OK ? 0 : -1;
}

#define AT(member) offsetof(Config, member)
#define YEAR_SECONDS (366 * 86400)
#define LEAST_URL_SECONDS 120 /* browsers do not begin with a URL that ends within a minute */
static const Option options[] = {
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
    {"KEEPTAKE_PUBLIC_URL", "public-url", set_url, AT(public_url), 0, CONFIG_ORIGIN_BYTES, 0,
     "how browsers reach this server (http://HOST:PORT)"},
    {"KEEPTAKE_S3_PUBLIC_URL", "s3-public-url", set_url, AT(s3_public_url), 0, CONFIG_ORIGIN_BYTES,
     0, "how browsers reach the store (http://HOST:S3_PORT)"},
    {"KEEPTAKE_METRICS_TOKEN", "metrics-token", set_metrics_token, AT(metrics_token), 0, 128, 0,
     "lets its bearer read /metrics from other machines; 16 or more visible characters (none)"},
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
     0, "bytes a second; a body that comes more slowly for 20 seconds is cut; 0: never (1024)"},
    {"KEEPTAKE_STORE", "store", set_store, 0, 0, 0, 0,
     "disk: the embedded store; s3: an S3 service (disk)"},
    {"KEEPTAKE_S3_ENDPOINT", "s3-endpoint", set_url, AT(s3_endpoint), 0, CONFIG_ORIGIN_BYTES, 0,
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

void config_init(Config *config)
{
    memset(config, 0, sizeof *config);
    strcpy(config->host, "127.0.0.1");
    strcpy(config->data, "keeptake-data");
    config->port = 8080;
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
    config->http = (HttpLimits)HTTP_DEFAULT_LIMITS;
    config->least_part_bytes = 5 << 20;
    strcpy(config->s3_region, "us-east-1");
    config->s3_timeout_s = 15;
}

static int apply(Config *config, const Option *o, const char *name, const char *value, char *error)
{
    if (o->set(config, o, value) == 0) {
        return 0;
    }
    snprintf(error, CONFIG_ERROR_BYTES, "%s: \"%.80s\" is not a value for it (%s).", name, value,
             o->help);
    return -1;
}

static const Option *find_key(const char *key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options[i].key, key) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

int config_set(Config *config, const char *key, const char *value, char *error)
{
    const Option *o = find_key(key);
    if (!o) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.80s: there is no such option.", key);
        return -1;
    }
    return apply(config, o, key, value, error);
}

static int apply_json(Config *config, const char *text, size_t bytes, char *error)
{
    const JsonLimits limits = {CONFIG_MAX_FILE_BYTES, 3, 1000};
    cJSON *tree = json_parse(text, bytes, &limits, error, CONFIG_ERROR_BYTES);
    int result = tree ? 0 : -1;
    for (const cJSON *item = tree ? tree->child : NULL; item && result == 0; item = item->next) {
        char number[40];
        const char *value = item->valuestring;
        if (cJSON_IsNumber(item)) {
            snprintf(number, sizeof number, "%.15g", item->valuedouble);
            value = number;
        } else if (cJSON_IsBool(item)) {
            value = cJSON_IsTrue(item) ? "1" : "0";
        } else if (!cJSON_IsString(item)) {
            snprintf(error, CONFIG_ERROR_BYTES, "%.80s: must be a text, a number, true or false.",
                     item->string ? item->string : "The file");
            result = -1;
            break;
        }
        result = config_set(config, item->string ? item->string : "", value, error);
    }
    cJSON_Delete(tree);
    return result;
}

/* One KEY=VALUE line without its end; space around both and quotes around the value are dropped. */
static int apply_line(Config *config, const char *line, size_t length, int number, char *error)
{
    char key[64], value[CONFIG_PATH_BYTES * 2], reason[CONFIG_ERROR_BYTES];
    size_t at = strspn(line, " \t");
    if (at >= length || line[at] == '#' || line[at] == '\r') {
        return 0;
    }
    size_t key_length = strcspn(line + at, "= \t\r\n");
    size_t from = at + key_length;
    from += strspn(line + from, " \t");
    if (key_length == 0 || key_length >= sizeof key || from >= length || line[from] != '=') {
        snprintf(error, CONFIG_ERROR_BYTES, "Line %d is not KEY=VALUE.", number);
        return -1;
    }
    from++;
    while (from < length && strchr(" \t", line[from])) {
        from++;
    }
    while (length > from && strchr(" \t\r", line[length - 1])) {
        length--;
    }
    if (length - from >= 2 && line[from] == '"' && line[length - 1] == '"') {
        from++;
        length--;
    }
    if (length - from >= sizeof value) {
        snprintf(error, CONFIG_ERROR_BYTES, "Line %d is too long.", number);
        return -1;
    }
    snprintf(key, sizeof key, "%.*s", (int)key_length, line + at);
    snprintf(value, sizeof value, "%.*s", (int)(length - from), line + from);
    if (config_set(config, key, value, reason) != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "Line %d: %.400s", number, reason);
        return -1;
    }
    return 0;
}

int config_apply_text(Config *config, const char *text, size_t bytes, char *error)
{
    size_t start = 0;
    if (bytes > CONFIG_MAX_FILE_BYTES || memchr(text, 0, bytes)) {
        snprintf(error, CONFIG_ERROR_BYTES, "The file is longer than %d bytes or not a text.",
                 CONFIG_MAX_FILE_BYTES);
        return -1;
    }
    while (start < bytes && strchr(" \t\r\n", text[start])) {
        start++;
    }
    if (start < bytes && text[start] == '{') {
        return apply_json(config, text, bytes, error);
    }
    char *copy = malloc(bytes + 1);
    if (!copy) {
        snprintf(error, CONFIG_ERROR_BYTES, "There is not enough memory.");
        return -1;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    int result = 0, number = 1;
    for (char *line = copy; *line && result == 0; number++) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + (line[length] == '\n');
        line[length] = 0;
        result = apply_line(config, line, length, number, error);
        line = next;
    }
    free(copy);
    return result;
}

static int apply_file(Config *config, const char *path, char *error)
{
    char text[CONFIG_MAX_FILE_BYTES + 1], reason[CONFIG_ERROR_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.300s: %s.", path, strerror(errno));
        return -1;
    }
    size_t bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    if (config_apply_text(config, text, bytes, reason) != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.100s: %.400s", path, reason);
        return -1;
    }
    return 0;
}

static int apply_env(Config *config, ConfigEnv env, void *env_ctx, char *error)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *value = env(env_ctx, options[i].key);
        if (value && *value && apply(config, &options[i], options[i].key, value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Splits --name=value / --name value. 1: *o and *value are set, 0: --config, --help, --version. */
static int next_flag(int argc, char *const argv[], int *at, const char **name, const Option **o,
                     const char **value, char *error)
{
    char flag[64];
    const char *argument = argv[(*at)++];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    *name = argument;
    *o = NULL;
    *value = equals ? equals + 1 : NULL;
    if (strncmp(argument, "--", 2) != 0 || length - 2 >= sizeof flag || length == 2) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.80s: unknown argument; --help lists them.",
                 argument);
        return -1;
    }
    snprintf(flag, sizeof flag, "%.*s", (int)(length - 2), argument + 2);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options[i].flag, flag) == 0) {
            *o = &options[i];
        }
    }
    int special = !*o && (strcmp(flag, "help") == 0 || strcmp(flag, "version") == 0);
    if (!*o && !special && strcmp(flag, "config") != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "--%s: unknown option; --help lists them.", flag);
        return -1;
    }
    if (!*value && ((*o && (*o)->bare) || special)) {
        *value = "1";
    } else if (!*value) {
        if (*at >= argc) {
            snprintf(error, CONFIG_ERROR_BYTES, "--%s: a value is missing.", flag);
            return -1;
        }
        *value = argv[(*at)++];
    }
    return *o ? 1 : 0;
}

/* A repeated list flag adds to the ones before it. */
static int apply_flag(Config *config, const Option *o, const char *value, int *lists_seen,
                      char *error)
{
    if (o->set != set_list) {
        return apply(config, o, o->flag, value, error);
    }
    int bit = o->offset == AT(allowed_origins) ? 1 : 2;
    ConfigList before = *(ConfigList *)field(config, o), *list = field(config, o);
    if (!(*lists_seen & bit)) {
        before.count = 0;
    }
    *lists_seen |= bit;
    if (apply(config, o, o->flag, value, error) != 0) {
        return -1;
    }
    ConfigList added = *list;
    *list = before;
    for (int i = 0; i < added.count; i++) {
        if (list->count == CONFIG_MAX_ORIGINS) {
            snprintf(error, CONFIG_ERROR_BYTES, "--%s: more than %d.", o->flag, CONFIG_MAX_ORIGINS);
            return -1;
        }
        memcpy(list->items[list->count++], added.items[i], CONFIG_ORIGIN_BYTES);
    }
    return 0;
}

int config_load(Config *config, int argc, char *const argv[], ConfigEnv env, void *env_ctx,
                int *asked, char *error)
{
    const char *path = env(env_ctx, "KEEPTAKE_CONFIG"), *name, *value;
    const Option *o;
    int lists_seen = 0;
    for (int at = 1; at < argc;) { /* the first pass only looks for the file */
        int kind = next_flag(argc, argv, &at, &name, &o, &value, error);
        if (kind < 0) {
            return -1;
        }
        if (kind == 0 && strncmp(name, "--config", 8) == 0) {
            path = value;
        } else if (kind == 0) {
            *asked = name[2];
            return 1;
        }
    }
    if ((path && *path && apply_file(config, path, error) != 0) ||
        apply_env(config, env, env_ctx, error) != 0) {
        return -1;
    }
    for (int at = 1; at < argc;) {
        if (next_flag(argc, argv, &at, &name, &o, &value, error) == 1 &&
            apply_flag(config, o, value, &lists_seen, error) != 0) {
            return -1;
        }
    }
    return config_check(config, error);
}

void config_help(FILE *out)
{
    fputs("keeptake-server [OPTION…]\n"
          "keeptake-server organisation create NAME [--data DIR]\n"
          "keeptake-server token create --organisation NAME --role owner|co-host|viewer\n"
          "                [--label TEXT] [--expires 30d] [--data DIR]\n"
          "keeptake-server store setup [--replace] | check [OPTION…]\n\n"
          "  --config FILE\n      KEEPTAKE_CONFIG: options as KEY=VALUE lines or a JSON object\n"
          "  --help, --version\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        fprintf(out, "  --%s%s\n      %s: %s\n", options[i].flag, options[i].bare ? "" : " VALUE",
                options[i].key, options[i].help);
    }
    fputs("\nA flag wins over the environment, the environment over the file.\n", out);
}
