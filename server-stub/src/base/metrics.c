/* What the process counts of itself, and the form of a value. */
#include "base/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

void metrics_count(Metrics *m, const char *route, int status, int64_t us, uint64_t bytes_in,
                   uint64_t bytes_out)
{
    tally_add(&m->requests, route, status, us);
    m->bytes_in += bytes_in;
    m->bytes_out += bytes_out;
}

int64_t metrics_resident_bytes(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%*d %lld", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

void metrics_value(Text *out, const char *name, const char *type, const char *help, double value)
{
    text_format(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

void metrics_add(Metrics *m, MetricsWriter write, void *ctx)
{
    assert(m->writer_count < METRICS_WRITERS);
    m->writers[m->writer_count].write = write;
    m->writers[m->writer_count++].ctx = ctx;
}

void metrics_write(const Metrics *m, Text *out)
{
    tally_write(&m->requests, out, "route", "keeptake_requests_total", "Requests answered.",
                "keeptake_request_seconds", "From a request's head to the end of its answer.");
    metrics_value(out, "keeptake_request_bytes_total", "counter", "Bytes of request bodies.",
                  (double)m->bytes_in);
    metrics_value(out, "keeptake_response_bytes_total", "counter", "Bytes of response bodies.",
                  (double)m->bytes_out);
    metrics_value(out, "keeptake_auth_failures_total", "counter",
                  "Requests with a token that is not valid.", (double)m->auth_failures);
    metrics_value(out, "keeptake_requests_open", "gauge", "Requests being answered now.",
                  m->requests_open);
    metrics_value(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                  (double)metrics_resident_bytes());
    metrics_value(out, "process_start_time_seconds", "gauge", "When the server was started.",
                  (double)m->started_us / 1e6);
    for (int i = 0; i < m->writer_count; i++) {
        m->writers[i].write(m->writers[i].ctx, out);
    }
}
