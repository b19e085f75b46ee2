/* Whether a configuration contradicts itself. */
#include <string.h>

#include "app/config.h"

int config_host_is_loopback(const char *host)
{
    return strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static int url_is_loopback(const char *url)
{
    char host[ORIGIN_BYTES];
    const char *from = strstr(url, "://") + 3;
    size_t bytes = *from == '[' ? strcspn(++from, "]") : strcspn(from, ":");
    snprintf(host, sizeof host, "%.*s", (int)bytes, from);
    return config_host_is_loopback(host);
}

int config_is_public(const Config *config)
{
    return *config->public_url && !url_is_loopback(config->public_url);
}

int config_metrics_port(const Config *config)
{
    return config->metrics_port != CONFIG_PORT_AUTO ? config->metrics_port
           : config->port == CONFIG_PORT            ? CONFIG_METRICS_PORT
                                                    : 0;
}

static int is_made_of(const char *text, const char *letters)
{
    return *text && strspn(text, letters) == strlen(text);
}

/* Names of buckets: docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
static int check_s3(const Config *config, char *error)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    const char *bucket = config->s3_bucket, *host = strstr(config->s3_endpoint, "://");
    const char *problem = NULL;
    size_t length = strlen(bucket);
    int https = strncmp(config->s3_endpoint, "https:", 6) == 0;
    if (!host) {
        problem = "--store s3 needs --s3-endpoint: https://HOST[:PORT] of the service.";
    } else if (length < 3 || length > 63 || !is_made_of(bucket, lower) || strchr("-.", bucket[0]) ||
               strchr("-.", bucket[length - 1]) || strstr(bucket, "..")) {
        problem = "--store s3 needs --s3-bucket: 3 to 63 of a-z, 0-9, - and '.'.";
    } else if (!is_made_of(config->s3_region, "abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")) {
        problem = "--s3-region: a name of letters, digits and - is needed.";
    } else if (!config->s3_path_style && (host[3] == '[' || is_made_of(host + 3, "0123456789.:") ||
                                          (https && strchr(bucket, '.')))) {
        problem = "--s3-path-style is needed where the endpoint is an address without a name, and "
                  "for a bucket with a '.' behind HTTPS.";
    }
    if (problem) {
        snprintf(error, CONFIG_ERROR_BYTES, "%s", problem);
    }
    return problem ? -1 : 0;
}

int config_check(const Config *config, char *error)
{
    int loopback = config_host_is_loopback(config->host);
    if (!loopback && !config->allow_remote) {
        snprintf(error, CONFIG_ERROR_BYTES,
                 "--host %s can be reached by other machines: add --allow-remote if that is meant.",
                 config->host);
        return -1;
    }
    if (!config_host_is_loopback(config->metrics_host) && !config->allow_remote) {
        snprintf(
            error, CONFIG_ERROR_BYTES,
            "--metrics-host %s can be reached by other machines: add --allow-remote if that is "
            "meant.",
            config->metrics_host);
        return -1;
    }
    if (!loopback && config->local_owner) {
        snprintf(error, CONFIG_ERROR_BYTES, "--local-owner needs a loopback --host, not %s.",
                 config->host);
        return -1;
    }
    if (config->local_owner && config_is_public(config)) {
        snprintf(error, CONFIG_ERROR_BYTES,
                 "--local-owner cannot go with --public-url %.200s: behind a proxy everybody would "
                 "seem to sit at this machine. Use tokens there.",
                 config->public_url);
        return -1;
    }
    if (!*config->data) {
        snprintf(error, CONFIG_ERROR_BYTES, "--data: a folder is needed.");
        return -1;
    }
    return config->store == CONFIG_STORE_S3 ? check_s3(config, error) : 0;
}
