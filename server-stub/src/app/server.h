/* The server as a whole: what app/main.c starts and what handlers and jobs share. One loop, one
 * thread.
 */
#ifndef KEEPTAKE_SERVER_APP_SERVER_H
#define KEEPTAKE_SERVER_APP_SERVER_H

#include <uv.h>

#include "access/auth.h"
#include "api/api.h"
#include "api/health.h"
#include "app/config.h"
#include "app/loop_watch.h"
#include "app/operator.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/workers.h"
#include "db/db.h"
#include "gateway/gateway.h"
#include "jobs/jobs.h"
#include "net/http.h"
#include "store/disk/disk.h"
#include "store/disk/scrub.h"
#include "store/disk/space.h"
#include "store/s3/s3store.h"
#include "store/store.h"

#define SERVER_BUCKET "keeptake"
#define SERVER_REGION "us-east-1"
#define SERVER_TIMELINES_WAITING 64
#define SERVER_SIGNALS 3
#define SERVER_LOG_STOP_MS 1000  /* for the last lines of the log */
#define SERVER_SCRUB_STOP_MS 500 /* for a read that is under way */
#define SERVER_SPACE_MS 5000     /* the reserve is made again where there is room */
#define SERVER_STOP_MS 3000      /* running requests may finish for this long */
#define SERVER_STOP_LAST_MS 4500 /* then the server leaves whatever is left */

/* Where options come from, to be read again. load: 0, or -1 with a sentence in error; NULL: they
 * are never read again. */
typedef struct ServerSource {
    int (*load)(void *ctx, Config *out, char *error);
    void *ctx;
    EnvLookup env;
} ServerSource;

typedef struct Server {
    /* Fixed once it listens. */
    Config config;
    ServerSource source;
    Log log;
    uv_loop_t *loop;
    int lock_fd; /* held: no second server on this data folder */
    Db *db;
    Workers *compute; /* timelines, scans of takes; NULL in tests: at once */
    DiskScrub *scrub; /* of disk; NULL: none */
    StoreDisk *disk;  /* NULL where an S3 service is the store */
    Store *store;
    HttpServer *http;
    Gateway *s3; /* of disk; NULL as well */
    char url[ORIGIN_BYTES];
    char metrics_url[ORIGIN_BYTES];
    char s3_url[ORIGIN_BYTES + STORE_BUCKET_BYTES]; /* origin that browsers send parts to */
    Operator *watch;                                /* what the operator asks */
    OperatorPorts watched;                          /* of it */
    HealthPorts health;
    char content_policy[1024]; /* Content-Security-Policy of the pages */
    Auth auth;
    /* Changes while running. */
    Metrics metrics;
    LoopWatch turns;
    DiskSpace space;
    uv_timer_t space_timer;
    uv_timer_t watchdog; /* of the service manager */
    int failure_told;    /* that the store's disk has failed */
    Jobs jobs;
    Api api;
    int draining, stopping;
    int listeners_open;
    int watch_open;
    uv_signal_t signals[SERVER_SIGNALS];
    uv_timer_t stop_timer;
} Server;

/* Starts, prints the "ready" line, serves until SIGTERM or SIGINT, stops.
 * Returns the exit code of the program. */
int server_run(const Config *config, const ServerSource *source, FILE *log_out);
/* SIGHUP: reads the options again and takes over what may change (app/reload.c). */
void server_reload(Server *s);
/* The origins whose pages the store answers; returns their number. Borrowed. */
int server_store_origins(const Server *s, const char *origins[2 * ORIGINS_MAX]);
/* What /metrics tells, as OperatorPorts want it; ctx: the server. */
void server_report(void *ctx, void *asker, void (*done)(void *asker, const Text *text));
/* For commands: makes the data folder (0700) and opens the database in it. 0, or -1 with a sentence
 * in error: also where a server uses an older schema, which this would change under it. */
int server_open_db(const char *data, uv_loop_t *loop, Db **out, char *error, size_t error_bytes);

#endif
