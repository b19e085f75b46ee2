/* Start, ready line, signals and stop. */
#include "app/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/secrets.h"
#include "app/meters.h"
#include "app/notify.h"
#include "app/settings.h"
#include "base/clock.h"
#include "db/blocking.h"
#include "store/disk/blocking.h"

static int open_db(const char *data, uv_loop_t *loop, Db **out, char *error, size_t error_bytes)
{
    char path[CONFIG_PATH_BYTES + 16];
    umask(077);
    if (mkdir(data, 0700) != 0 && errno != EEXIST) {
        snprintf(error, error_bytes, "The data folder %.300s cannot be made: %s.", data,
                 strerror(errno));
        return -1;
    }
    snprintf(path, sizeof path, "%s/keeptake.db", data);
    return db_open(loop, path, out, error, error_bytes);
}

static int is_in_use(const char *data)
{
    char path[CONFIG_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/lock", data);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int in_use = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0) {
        close(fd);
    }
    return in_use;
}

int server_open_db(const char *data, uv_loop_t *loop, Db **out, char *error, size_t error_bytes)
{
    char path[CONFIG_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/keeptake.db", data);
    if (db_is_older(path) && is_in_use(data)) {
        snprintf(error, error_bytes,
                 "An older server uses %.300s: use its own program, or stop it first.", data);
        return -1;
    }
    return open_db(data, loop, out, error, error_bytes);
}

/* Holds DATA/lock, so that two servers never share a folder. */
static int lock_data(Server *s, char *error, size_t error_bytes)
{
    char path[CONFIG_PATH_BYTES + 16];
    umask(077);
    if (mkdir(s->config.data, 0700) != 0 && errno != EEXIST) {
        snprintf(error, error_bytes, "The data folder %.300s cannot be made: %s.", s->config.data,
                 strerror(errno));
        return -1;
    }
    snprintf(path, sizeof path, "%s/lock", s->config.data);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(error, error_bytes,
                 errno == EWOULDBLOCK ? "Another server uses the data folder %.300s."
                                      : "The data folder %.300s cannot be locked.",
                 s->config.data);
        return -1;
    }
    return 0;
}

typedef struct NewOrganisation {
    const char *name;
} NewOrganisation;

static int ensure_organisation(DbConnection *c, void *ctx)
{
    const char *name = ((NewOrganisation *)ctx)->name;
    int status = organisation_find(c, name);
    return status == DB_NOT_FOUND ? organisation_insert(c, name, clock_now_us()) : status;
}

static void on_organisation(void *ctx, int status)
{
    *(int *)ctx = status;
}

typedef struct Ensure {
    int status; /* first: on_organisation writes it */
    NewOrganisation organisation;
} Ensure;

static int ensure_work(DbConnection *c, void *ctx)
{
    return ensure_organisation(c, &((Ensure *)ctx)->organisation);
}

/* The local owner's organisation, before the loop's own database connection exists. */
static int prepare_db(Server *s, char *error, size_t error_bytes)
{
    Ensure ensure = {.status = DB_OK, .organisation = {AUTH_LOCAL_ORGANISATION}};
    Db *db;
    if (open_db(s->config.data, NULL, &db, error, error_bytes) != 0) {
        return -1;
    }
    if (s->config.local_owner) {
        db_write(db, NULL, ensure_work, &ensure, on_organisation);
    }
    db_close(&db);
    if (ensure.status != DB_OK) {
        snprintf(error, error_bytes, "The local organisation cannot be noted in the database.");
        return -1;
    }
    return open_db(s->config.data, s->loop, &s->db, error, error_bytes);
}

static void base_url(char out[ORIGIN_BYTES], const char *given, const char *host, int port)
{
    int any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    int v6 = !any && strchr(host, ':') != NULL;
    if (*given) {
        snprintf(out, ORIGIN_BYTES, "%s", given);
    } else {
        snprintf(out, ORIGIN_BYTES, "http://%s%s%s:%d", v6 ? "[" : "", any ? "127.0.0.1" : host,
                 v6 ? "]" : "", port);
    }
}

static void make_policy(Server *s)
{
    snprintf(s->content_policy, sizeof s->content_policy,
             "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
             "connect-src 'self' %s; media-src 'self' blob: %s; img-src 'self' blob: data:; "
             "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
             "form-action 'none'; frame-ancestors 'none'",
             s->s3_url, s->s3_url);
}

int server_store_origins(const Server *s, const char *origins[2 * ORIGINS_MAX])
{
    int count = 0;
    for (int i = 0; i < s->auth.own_origins.count; i++) {
        origins[count++] = s->auth.own_origins.items[i];
    }
    for (int i = 0; i < s->auth.allowed_origins.count; i++) {
        origins[count++] = s->auth.allowed_origins.items[i];
    }
    return count;
}

static int listen_s3(Server *s, const Secrets *secrets, char *error, size_t error_bytes)
{
    const char *origins[2 * ORIGINS_MAX];
    int count = server_store_origins(s, origins);
    const GatewayConfig config = {
        .access_key = secrets->access_key,
        .secret_key = secrets->secret_key,
        .region = SERVER_REGION,
        .allowed_origins = origins,
        .allowed_origin_count = count,
        .log = &s->log,
        .buffer_bytes = s->config.upload_memory,
    };
    if (gateway_listen(s->loop, s->config.host, s->config.s3_port, s->disk, &config, &s->s3, error,
                       error_bytes) != 0) {
        return -1;
    }
    gateway_set_limits(s->s3, &s->config.http);
    http_set_readers(s->http, store_disk_pool(s->disk, DISK_READS));
    return 0;
}

/* The embedded store: a folder of the disk behind a listener of its own. */
static int open_disk(Server *s, const Secrets *secrets, char *error, size_t error_bytes)
{
    char folder[CONFIG_PATH_BYTES + 16];
    const StoreDiskConfig config = {.least_part_bytes = s->config.least_part_bytes,
                                    .write_threads = s->config.write_threads,
                                    .read_threads = s->config.read_threads};
    snprintf(folder, sizeof folder, "%s/store", s->config.data);
    if (store_disk_open(s->loop, folder, &config, &s->disk, error, error_bytes) != 0 ||
        listen_s3(s, secrets, error, error_bytes) != 0) {
        return -1;
    }
    s->listeners_open++;
    base_url(s->s3_url, s->config.s3_public_url, s->config.host, gateway_port(s->s3));
    const StoreDiskAccess access = {
        .base_url = s->s3_url,
        .bucket = SERVER_BUCKET,
        .region = SERVER_REGION,
        .access_key = secrets->access_key,
        .secret_key = secrets->secret_key,
    };
    if (store_disk_as_store(s->disk, &access, &s->store) != 0) {
        snprintf(error, error_bytes, "The store's bucket cannot be made.");
        return -1;
    }
    return 0;
}

static const char *environment(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* An S3 service. It is not asked anything yet: a server that starts while the service is down
 * serves as soon as it is back. */
static int open_s3(Server *s, char *error)
{
    const S3StoreSettings settings = settings_of_s3store(&s->config);
    S3StoreCredentials credentials;
    int result =
        s3store_credentials(s->config.s3_credentials, environment, NULL, &credentials, error) ==
                    0 &&
                s3store_open(s->loop, &settings, &credentials, &s->log, &s->store, error) == 0
            ? 0
            : -1;
    explicit_bzero(&credentials, sizeof credentials);
    if (result == 0) {
        snprintf(s->s3_url, sizeof s->s3_url, "%s", s3store_origin(s->store));
    }
    return result;
}

static int is_full(void *ctx)
{
    Server *s = ctx;
    return s->disk && disk_space_is_low(&s->space, uv_now(s->loop));
}

/* Says once in the log that the store's disk has failed, if it has. */
static void tell_failure(void *ctx)
{
    Server *s = ctx;
    int error = s->disk ? disk_failure(s->disk) : 0;
    if (error == 0 || s->failure_told) {
        return;
    }
    s->failure_told = 1;
    log_write(&s->log, LOG_ERROR, "store-broken", "ss", "error", strerror(error), "effect",
              "nothing is written to the store until the server is started again");
}

static int drop_reserve(void *ctx)
{
    return disk_space_drop_reserve(&((Server *)ctx)->space);
}

static void on_space_timer(uv_timer_t *timer)
{
    Server *s = timer->data;
    disk_space_keep_reserve(&s->space, uv_now(s->loop));
    tell_failure(s);
}

static void watch_space(Server *s)
{
    disk_space_init(&s->space, s->config.data, s->config.low_bytes);
    db_set_log(s->db, &s->log);
    db_set_reserve(s->db, drop_reserve, s);
    if (s->s3) {
        gateway_set_full(s->s3, is_full, s);
    }
    disk_space_keep_reserve(&s->space, uv_now(s->loop));
    s->space_timer.data = s;
    uv_timer_start(&s->space_timer, on_space_timer, SERVER_SPACE_MS, SERVER_SPACE_MS);
}

static int is_draining(void *ctx)
{
    const Server *s = ctx;
    return s->draining || s->stopping;
}

/* The operator's listener, last: whoever asks it finds the server ready. */
static int open_watch(Server *s, char *error, size_t error_bytes)
{
    s->watched = (OperatorPorts){&s->config, &s->health, server_report, s};
    if (operator_listen(s->loop, &s->watched, &s->watch, error, error_bytes) != 0) {
        return -1;
    }
    s->watch_open = 1;
    base_url(s->metrics_url, "", s->config.metrics_host, operator_port(s->watch));
    return 0;
}

static void init_jobs(Server *s)
{
    const JobPorts ports = {s->loop, s->db, s->store, s->compute, &s->log};
    const JobPolicy policy = settings_of_jobs(&s->config);
    jobs_init(&s->jobs, &ports, &policy);
}

static void init_api(Server *s)
{
    s->health = (HealthPorts){s->db, s->store, is_full, is_draining, s};
    s->api = (Api){
        .db = s->db,
        .store = s->store,
        .jobs = &s->jobs,
        .compute = s->compute,
        .auth = &s->auth,
        .metrics = &s->metrics,
        .log = &s->log,
        .is_full = is_full,
        .store_asked = tell_failure,
        .house = s,
        .health = &s->health,
        .settings = settings_of_api(&s->config),
        .pages = {.root = s->config.studio,
                  .placeholder = api_no_pages,
                  .content_policy = s->content_policy,
                  .decorate = api_set_session,
                  .ctx = &s->api},
    };
    s->api.settings.store_origin = s->s3_url;
    s->api.settings.bounds_parts = s->disk != NULL;
}

/* Everything up to listening. 0, or -1 with a sentence in error; what was opened is closed by stop.
 */
static int start(Server *s, char *error, size_t error_bytes)
{
    Secrets secrets;
    if (lock_data(s, error, error_bytes) != 0 || prepare_db(s, error, error_bytes) != 0 ||
        secrets_load(s->config.data, &secrets, error, error_bytes) != 0 ||
        http_listen(s->loop, s->config.host, s->config.port, &api_handlers, &s->api, &s->http,
                    error, error_bytes) != 0) {
        return -1;
    }
    s->listeners_open++;
    if (workers_create(s->loop, s->config.compute_threads, SERVER_TIMELINES_WAITING, &s->compute) !=
        0) {
        snprintf(error, error_bytes, "Threads cannot be started.");
        return -1;
    }
    http_set_limits(s->http, &s->config.http);
    const AuthSettings access = settings_of_auth(&s->config, http_port(s->http));
    auth_init(&s->auth, &access, secrets.session_key);
    base_url(s->url, s->config.public_url, s->config.host, http_port(s->http));
    if (s->config.store == CONFIG_STORE_S3 ? open_s3(s, error)
                                           : open_disk(s, &secrets, error, error_bytes)) {
        return -1;
    }
    make_policy(s);
    watch_space(s);
    init_jobs(s);
    init_api(s);
    if (s->disk && s->config.scrub_rate > 0) {
        char folder[CONFIG_PATH_BYTES + 16];
        snprintf(folder, sizeof folder, "%s/store", s->config.data);
        disk_scrub_start(folder, s->config.scrub_rate, s->config.scrub_interval_s, &s->log,
                         &s->scrub); /* without it the server serves all the same */
    }
    meters_add(s);
    if (jobs_start(&s->jobs) != 0) {
        snprintf(error, error_bytes, "Unfinished recordings cannot be looked at.");
        return -1;
    }
    return open_watch(s, error, error_bytes);
}

static void print_ready(const Server *s)
{
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "url");
    json_string(&out, s->url);
    json_key(&out, "s3_url");
    json_string(&out, s->s3_url);
    json_key(&out, "store");
    json_string(&out, s->s3 ? "disk" : "s3");
    json_key(&out, "port");
    json_int(&out, http_port(s->http));
    json_key(&out, "s3_port");
    json_int(&out, s->s3 ? gateway_port(s->s3) : 0);
    json_key(&out, "metrics_url");
    json_string(&out, s->metrics_url);
    json_end(&out, '}');
    const char *text = json_text(&out);
    printf("ready %s\n", text ? text : "{}");
    fflush(stdout);
    json_free(&out);
}

/* --- stop --- */

static void on_listener_closed(void *ctx)
{
    ((Server *)ctx)->listeners_open--;
}

static void on_watch_closed(void *ctx)
{
    ((Server *)ctx)->watch_open = 0;
}

static void stop_when_idle(uv_timer_t *timer);

static void begin_stop(Server *s)
{
    if (s->stopping) {
        uv_stop(s->loop); /* asked twice: now */
        return;
    }
    s->stopping = 1;
    notify_manager("STOPPING=1");
    log_write(&s->log, LOG_INFO, "stopping", "d", "calls", s->api.calls);
    if (s->http) {
        http_close(&s->http, SERVER_STOP_MS, on_listener_closed, s);
    }
    if (s->s3) {
        gateway_close(&s->s3, SERVER_STOP_MS, on_listener_closed, s);
    }
    jobs_stop(&s->jobs);
    if (s->store && !s->disk) {
        s3store_stop(s->store);
    }
    uv_update_time(s->loop);
    s->stop_timer.data = s;
    uv_timer_start(&s->stop_timer, stop_when_idle, 0, 10);
}

static void on_drained(uv_timer_t *timer)
{
    begin_stop(timer->data);
}

/* /readyz says no, and all is served as before, until a proxy has noticed. */
static void begin_drain(Server *s)
{
    s->draining = 1;
    notify_manager("STOPPING=1\nSTATUS=Draining.");
    log_write(&s->log, LOG_INFO, "draining", "i", "seconds", s->config.drain_s);
    s->stop_timer.data = s;
    uv_timer_start(&s->stop_timer, on_drained, (uint64_t)s->config.drain_s * 1000, 0);
}

/* Polls, at 10 ms, until nothing is under way; after SERVER_STOP_LAST_MS it leaves what is left:
 * the disk is in order at any instant. */
static void stop_when_idle(uv_timer_t *timer)
{
    Server *s = timer->data;
    s->stopping++;
    int idle = s->listeners_open == 0 && s->api.calls == 0 && s->jobs.running == 0 &&
               db_backlog(s->db) == 0;
    if (idle && s->watch) { /* so long somebody may ask how it goes */
        operator_close(&s->watch, on_watch_closed, s);
    }
    if ((idle && !s->watch_open) || s->stopping * 10 > SERVER_STOP_LAST_MS) {
        if (!idle) {
            log_write(&s->log, LOG_WARN, "stopped-busy", "ddd", "calls", s->api.calls, "jobs",
                      s->jobs.running, "listeners", s->listeners_open);
        }
        uv_timer_stop(timer);
        uv_stop(s->loop);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    Server *s = handle->data;
    if (number == SIGHUP) { /* a closed terminal, a log that is rotated: no reason to end */
        log_write(&s->log, LOG_INFO, "hangup", "");
        server_reload(s);
    } else if (s->config.drain_s > 0 && !is_draining(s)) {
        begin_drain(s);
    } else {
        begin_stop(s);
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    notify_manager("WATCHDOG=1");
}

static void open_handles(Server *s)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    uv_timer_init(s->loop, &s->stop_timer);
    uv_timer_init(s->loop, &s->space_timer);
    uv_timer_init(s->loop, &s->watchdog);
    uv_unref((uv_handle_t *)&s->watchdog);
    if (notify_watchdog_ms() > 0) {
        uv_timer_start(&s->watchdog, on_watchdog, notify_watchdog_ms(), notify_watchdog_ms());
    }
    loop_watch_start(&s->turns, s->loop);
    for (int i = 0; i < SERVER_SIGNALS; i++) {
        uv_signal_init(s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
}

/* Frees everything. 1, and nothing freed, after a stop while busy: the process has to end as it is,
 * without handlers of exit that would take things from threads at work. */
static int finish(Server *s)
{
    int busy = s->listeners_open > 0 || s->watch_open || s->api.calls > 0 || s->jobs.running > 0;
    if (disk_scrub_stop(&s->scrub, SERVER_SCRUB_STOP_MS) != 0 ||
        busy) { /* pool threads may be at work on all of it, or hang on a dead disk */
        return 1;
    }
    workers_destroy(&s->compute);
    uv_close((uv_handle_t *)&s->stop_timer, NULL);
    uv_close((uv_handle_t *)&s->space_timer, NULL);
    uv_close((uv_handle_t *)&s->watchdog, NULL);
    uv_close((uv_handle_t *)&s->turns.prepare, NULL);
    for (int i = 0; i < SERVER_SIGNALS; i++) {
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    }
    db_close(&s->db);
    if (s->store) {
        s->store->destroy(s->store);
    }
    store_disk_close(&s->disk);
    uv_run(s->loop, UV_RUN_DEFAULT);
    uv_loop_close(s->loop);
    return 0;
}

int server_run(const Config *config, const ServerSource *source, FILE *log_out)
{
    char error[CONFIG_ERROR_BYTES] = "";
    uv_loop_t loop;
    Server *s = calloc(1, sizeof *s);
    if (!s || uv_loop_init(&loop) != 0) {
        free(s);
        fputs("keeptake-server: there is not enough memory.\n", stderr);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    s->config = *config;
    s->source = source ? *source : (ServerSource){NULL, NULL, NULL};
    s->loop = &loop;
    s->lock_fd = -1;
    s->log = (Log){.out = log_out, .level = config->log_level};
    log_start(&s->log); /* where it cannot, lines are written at once */
    s->metrics.started_us = clock_now_us();
    open_handles(s);
    int result = start(s, error, sizeof error);
    if (result != 0) {
        fprintf(stderr, "keeptake-server: %s\n", error);
        begin_stop(s);
    } else {
        print_ready(s);
        notify_manager("READY=1\nSTATUS=Listening.");
        log_write(&s->log, LOG_INFO, "listening", "ss", "url", s->url, "s3_url", s->s3_url);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    if (finish(s) || log_stop(&s->log, SERVER_LOG_STOP_MS) != 0) {
        _exit(result == 0 ? 0 : 1);
    }
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s);
    return result == 0 ? 0 : 1;
}
