/* The bounds are the same for everything that is measured: from a turn of the loop to a body of
 * gigabytes. */
#include "base/histogram.h"

static const int64_t bounds_us[HISTOGRAM_BOUNDS] = {
    100,   250,    500,    1000,   2000,    5000,    10000,    25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 10000000, 60000000};

void histogram_add(Histogram *h, int64_t us)
{
    int at = 0;
    us = us < 0 ? 0 : us;
    while (at < HISTOGRAM_BOUNDS && us > bounds_us[at]) {
        at++;
    }
    h->counts[at]++;
    h->sum_us += (uint64_t)us;
}

void histogram_begin(Text *out, const char *name, const char *help)
{
    text_format(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
}

void histogram_write(const Histogram *h, Text *out, const char *name, const char *labels)
{
    uint64_t count = 0;
    const char *comma = *labels ? "," : "";
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        count += h->counts[i];
        if (i < HISTOGRAM_BOUNDS) {
            text_format(out, "%s_bucket{%s%sle=\"%.6g\"} %llu\n", name, labels, comma,
                        (double)bounds_us[i] / 1e6, (unsigned long long)count);
        }
    }
    text_format(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum%s%s%s %.9g\n%s_count%s%s%s %llu\n",
                name, labels, comma, (unsigned long long)count, name, open, labels, close,
                (double)h->sum_us / 1e6, name, open, labels, close, (unsigned long long)count);
}

void histogram_write_one(const Histogram *h, Text *out, const char *name, const char *help)
{
    histogram_begin(out, name, help);
    histogram_write(h, out, name, "");
}
