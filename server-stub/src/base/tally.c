/* Small tables searched in order: there are few routes and few statuses. */
#include "base/tally.h"

#include <stdio.h>
#include <string.h>

static int label_index(Tally *t, const char *label)
{
    for (int i = 0; i < t->label_count; i++) {
        if (t->labels[i] == label || strcmp(t->labels[i], label) == 0) {
            return i;
        }
    }
    if (t->label_count == TALLY_LABELS) {
        return TALLY_LABELS - 1;
    }
    t->labels[t->label_count] = label;
    return t->label_count++;
}

static int status_index(Tally *t, int status)
{
    for (int i = 0; i < t->status_count; i++) {
        if (t->statuses[i] == status) {
            return i;
        }
    }
    if (t->status_count == TALLY_STATUSES) {
        return TALLY_STATUSES - 1;
    }
    t->statuses[t->status_count] = status;
    return t->status_count++;
}

void tally_add(Tally *t, const char *label, int status, int64_t us)
{
    int at = label_index(t, label);
    t->requests[at][status_index(t, status)]++;
    histogram_add(&t->latency[at], us);
}

void tally_write(const Tally *t, Text *out, const char *kind, const char *counter,
                 const char *counter_help, const char *seconds, const char *seconds_help)
{
    text_format(out, "# HELP %s %s\n# TYPE %s counter\n", counter, counter_help, counter);
    for (int i = 0; i < t->label_count; i++) {
        for (int s = 0; s < t->status_count; s++) {
            if (t->requests[i][s] > 0) {
                text_format(out, "%s{%s=\"%s\",status=\"%d\"} %llu\n", counter, kind, t->labels[i],
                            t->statuses[s], (unsigned long long)t->requests[i][s]);
            }
        }
    }
    histogram_begin(out, seconds, seconds_help);
    for (int i = 0; i < t->label_count; i++) {
        char label[96];
        snprintf(label, sizeof label, "%s=\"%.64s\"", kind, t->labels[i]);
        histogram_write(&t->latency[i], out, seconds, label);
    }
}
