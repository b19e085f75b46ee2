/* Histograms and tallies: what they count and how Prometheus reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/tally.h"

static double value_of(const Text *text, const char *line)
{
    const char *at = strstr(text->data, line);
    double value = -1;
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(line), " %lf", &value), 1);
    return value;
}

static void test_buckets_are_cumulative(void **state)
{
    (void)state;
    Histogram h = {{0}, 0};
    Text out = {0};
    static const int64_t samples[] = {-5, 0, 100, 101, 1999, 2000, 3600000000};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        histogram_add(&h, samples[i]);
    }
    histogram_write_one(&h, &out, "kt_seconds", "Words.");
    assert_non_null(strstr(out.data, "# TYPE kt_seconds histogram\n"));
    assert_int_equal(value_of(&out, "kt_seconds_bucket{le=\"0.0001\"}"), 3);
    assert_int_equal(value_of(&out, "kt_seconds_bucket{le=\"0.00025\"}"), 4);
    assert_int_equal(value_of(&out, "kt_seconds_bucket{le=\"0.001\"}"), 4);
    assert_int_equal(value_of(&out, "kt_seconds_bucket{le=\"0.002\"}"), 6);
    assert_int_equal(value_of(&out, "kt_seconds_bucket{le=\"60\"}"), 6);
    assert_int_equal(value_of(&out, "kt_seconds_bucket{le=\"+Inf\"}"), 7);
    assert_int_equal(value_of(&out, "kt_seconds_count"), 7);
    assert_float_equal(value_of(&out, "kt_seconds_sum"), 3600.0042, 1e-9);
    text_reset(&out);
}

static void test_requests_by_label_and_status(void **state)
{
    (void)state;
    static Tally t;
    Text out = {0};
    char get[] = "Get"; /* the same name at another address */
    tally_add(&t, "Get", 200, 500);
    tally_add(&t, get, 200, 700);
    tally_add(&t, "Get", 404, 10);
    tally_add(&t, "Put", 507, 90);
    tally_write(&t, &out, "op", "n_total", "N.", "s", "S.");
    assert_int_equal(value_of(&out, "n_total{op=\"Get\",status=\"200\"}"), 2);
    assert_int_equal(value_of(&out, "n_total{op=\"Get\",status=\"404\"}"), 1);
    assert_int_equal(value_of(&out, "n_total{op=\"Put\",status=\"507\"}"), 1);
    assert_null(strstr(out.data, "n_total{op=\"Put\",status=\"200\"}"));
    assert_int_equal(value_of(&out, "s_count{op=\"Get\"}"), 3);
    assert_int_equal(value_of(&out, "s_bucket{op=\"Get\",le=\"0.0005\"}"), 2);
    text_reset(&out);
}

static void test_more_than_it_has_room_for(void **state)
{
    (void)state;
    static Tally t;
    static char labels[TALLY_LABELS + 10][16];
    Text out = {0};
    for (int i = 0; i < TALLY_LABELS + 10; i++) {
        snprintf(labels[i], sizeof labels[i], "l%d", i);
        tally_add(&t, labels[i], 100 + i, 1);
    }
    uint64_t total = 0;
    for (int i = 0; i < TALLY_LABELS; i++) {
        for (int s = 0; s < TALLY_STATUSES; s++) {
            total += t.requests[i][s];
        }
    }
    assert_int_equal(total, TALLY_LABELS + 10);
    tally_write(&t, &out, "op", "n", "N.", "s", "S.");
    assert_false(out.failed);
    text_reset(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_are_cumulative),
        cmocka_unit_test(test_requests_by_label_and_status),
        cmocka_unit_test(test_more_than_it_has_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
