/* Small tables searched in order: there are few routes and few statuses. */
#include "app/metrics.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int route_index(Metrics *m, const char *route)
{
    for (int i = 0; i < m->route_count; i++) {
        if (m->routes[i] == route || strcmp(m->routes[i], route) == 0) {
            return i;
        }
    }
    if (m->route_count == METRICS_MAX_ROUTES) {
        return METRICS_MAX_ROUTES - 1;
    }
    m->routes[m->route_count] = route;
    return m->route_count++;
}

static int status_index(Metrics *m, int status)
{
    for (int i = 0; i < m->status_count; i++) {
        if (m->statuses[i] == status) {
            return i;
        }
    }
    if (m->status_count == METRICS_MAX_STATUSES) {
        return METRICS_MAX_STATUSES - 1;
    }
    m->statuses[m->status_count] = status;
    return m->status_count++;
}

void metrics_count(Metrics *m, const char *route, int status, uint64_t bytes_in, uint64_t bytes_out)
{
    m->requests[route_index(m, route)][status_index(m, status)]++;
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

void metrics_write(const Metrics *m, Text *out)
{
    text_format(out, "# HELP keeptake_requests_total Requests answered.\n"
                     "# TYPE keeptake_requests_total counter\n");
    for (int r = 0; r < m->route_count; r++) {
        for (int s = 0; s < m->status_count; s++) {
            if (m->requests[r][s] > 0) {
                text_format(out, "keeptake_requests_total{route=\"%s\",status=\"%d\"} %llu\n",
                            m->routes[r], m->statuses[s], (unsigned long long)m->requests[r][s]);
            }
        }
    }
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
}
