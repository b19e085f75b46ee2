/* One function a part. */
#include "app/settings.h"

S3StoreSettings settings_of_s3store(const Config *c)
{
    return (S3StoreSettings){
        .endpoint = c->s3_endpoint,
        .public_url = c->s3_public_url,
        .region = c->s3_region,
        .bucket = c->s3_bucket,
        .encryption = c->s3_encryption,
        .ca = c->s3_ca,
        .path_style = c->s3_path_style,
        .timeout_s = (int)c->s3_timeout_s,
    };
}

AuthSettings settings_of_auth(const Config *c, int port)
{
    return (AuthSettings){
        .host = c->host,
        .port = port,
        .public_url = c->public_url,
        .allowed_origins = &c->allowed_origins,
        .allowed_hosts = &c->allowed_hosts,
        .local_owner = c->local_owner,
    };
}

JobPolicy settings_of_jobs(const Config *c)
{
    return (JobPolicy){
        .empty_age_s = c->empty_age_s,
        .cleanup_age_s = c->cleanup_age_s,
        .salvage_after_s = c->salvage_after_s,
        .salvage_age_s = c->salvage_age_s,
        .interval_s = c->cleanup_interval_s,
        .at_start = c->limits.startup_cleanup,
        .opaque_etags = *c->s3_encryption != 0,
    };
}

ApiSettings settings_of_api(const Config *c)
{
    return (ApiSettings){
        .limits = c->limits,
        .live_s = c->live_s,
        .url_seconds = c->url_seconds,
        .part_bytes = c->part_bytes,
        .most_bytes = c->most_bytes,
        .most_open = c->most_open,
    };
}
