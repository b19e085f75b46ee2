/* What SIGHUP changes. Everything is read and checked first: where something is wrong, nothing is
 * changed, and the log says what. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/notify.h"
#include "app/server.h"
#include "app/settings.h"

/* 0 where the new values can be used; credentials are filled for an S3 service. */
static int read_all(Server *s, Config *fresh, S3StoreCredentials *credentials, char *error)
{
    if (s->source.load(s->source.ctx, fresh, error) != 0) {
        return -1;
    }
    if (s->disk) {
        return 0;
    }
    if (*fresh->s3_ca && access(fresh->s3_ca, R_OK) != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "--s3-ca %.300s cannot be read.", fresh->s3_ca);
        return -1;
    }
    return s3store_credentials(fresh->s3_credentials, s->source.env, NULL, credentials, error);
}

/* Takes over what may change while the server runs. What is left of fresh needs a restart. */
static void take_values(Config *to, const Config *from)
{
    to->log_level = from->log_level;
    to->allowed_origins = from->allowed_origins;
    to->allowed_hosts = from->allowed_hosts;
    memcpy(to->metrics_token, from->metrics_token, sizeof to->metrics_token);
    memcpy(to->s3_credentials, from->s3_credentials, sizeof to->s3_credentials);
    memcpy(to->s3_ca, from->s3_ca, sizeof to->s3_ca);
    to->drain_s = from->drain_s;
    to->http = from->http;
}

static void tell_parts(Server *s, const S3StoreCredentials *credentials)
{
    const AuthSettings auth = settings_of_auth(&s->config, http_port(s->http));
    s->log.level = s->config.log_level;
    auth_set_names(&s->auth, &auth);
    http_set_limits(s->http, &s->config.http);
    if (s->s3) {
        const char *origins[2 * ORIGINS_MAX];
        int count = server_store_origins(s, origins);
        gateway_set_limits(s->s3, &s->config.http);
        if (gateway_set_origins(s->s3, origins, count) != 0) {
            log_write(&s->log, LOG_ERROR, "reload-failed", "s", "reason",
                      "There is not enough memory for the store's origins: the old ones count.");
        }
    } else {
        s3store_set_credentials(s->store, credentials, s->config.s3_ca);
    }
}

void server_reload(Server *s)
{
    char error[CONFIG_ERROR_BYTES] = "";
    S3StoreCredentials credentials;
    Config *fresh = s->source.load && s->store && s->http ? calloc(1, sizeof *fresh) : NULL;
    if (!fresh) {
        return;
    }
    notify_reloading();
    if (read_all(s, fresh, &credentials, error) != 0) {
        log_write(&s->log, LOG_ERROR, "reload-failed", "ss", "reason", error, "effect",
                  "the old values count");
    } else {
        take_values(&s->config, fresh);
        tell_parts(s, &credentials);
        fresh->version = s->config.version;
        log_write(&s->log, LOG_INFO, "reloaded", "s", "rest",
                  memcmp(fresh, &s->config, sizeof *fresh) == 0
                      ? NULL
                      : "other options have changed: they count from the next start on");
    }
    explicit_bzero(&credentials, sizeof credentials);
    free(fresh);
    notify_manager("READY=1");
}
