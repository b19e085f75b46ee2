/* One scrape of /metrics: what the database knows is read first, on its threads, the rest is
 * counted already. */
#include <stdlib.h>

#include "app/server.h"
#include "base/clock.h"
#include "model/recordings.h"

/* What the database knows, for one scrape. */
typedef struct Report {
    Server *server;
    void *asker;
    void (*done)(void *asker, const Text *text);
    int64_t counts[8], oldest_us;
} Report;

static void write_recordings(const Report *report, Text *out)
{
    static const ObjectState states[] = {OBJECT_CREATED, OBJECT_OPEN, OBJECT_COMPLETE,
                                         OBJECT_ABORTED, OBJECT_FAILED};
    const int64_t *counts = report->counts;
    int64_t waits_us = report->oldest_us > 0 ? clock_now_us() - report->oldest_us : 0;
    text_format(
        out, "# HELP keeptake_recordings Recordings by state.\n# TYPE keeptake_recordings gauge\n");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        text_format(out, "keeptake_recordings{state=\"%s\"} %lld\n",
                    object_state_name(states[i], PENDING_NONE), (long long)counts[states[i]]);
    }
    metrics_value(out, "keeptake_uploads_open", "gauge", "Uploads that have begun and not ended.",
                  (double)counts[OBJECT_OPEN]);
    metrics_value(out, "keeptake_oldest_pending_seconds", "gauge",
                  "How long the oldest step has waited to be finished: a completion, abort, "
                  "deletion or salvage; 0: none waits.",
                  waits_us > 0 ? (double)waits_us / 1e6 : 0);
}

static void write_build(const Server *server, Text *out)
{
    text_format(out,
                "# HELP keeptake_build_info What runs; always 1.\n"
                "# TYPE keeptake_build_info gauge\n"
                "keeptake_build_info{version=\"%s\",store=\"%s\",sqlite=\"%s\",libuv=\"%s\"} 1\n",
                server->config.version, server->disk ? "disk" : "s3", sqlite3_libversion(),
                uv_version_string());
}

static int read_report(DbConnection *c, void *ctx)
{
    Report *report = ctx;
    int status = recording_counts(c, report->counts);
    return status == DB_OK ? object_oldest_pending(c, &report->oldest_us) : status;
}

static void on_report_read(void *ctx, int status)
{
    Report *report = ctx;
    Text text = {0};
    write_build(report->server, &text);
    metrics_write(&report->server->metrics, &text);
    if (status == DB_OK) { /* no value rather than a wrong one; /readyz tells of the database */
        write_recordings(report, &text);
    }
    report->done(report->asker, text.failed ? NULL : &text);
    text_reset(&text);
    free(report);
}

void server_report(void *ctx, void *asker, void (*done)(void *asker, const Text *text))
{
    Server *server = ctx;
    Report *report = calloc(1, sizeof *report);
    if (!report) {
        done(asker, NULL);
        return;
    }
    report->server = server;
    report->asker = asker;
    report->done = done;
    db_read(server->db, read_report, report, on_report_read);
}
