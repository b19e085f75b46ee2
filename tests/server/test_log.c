/* The log, on a stream that takes everything and on one that nobody reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/log.h"

static void test_lines_in_order(void **state)
{
    char *text = NULL;
    size_t bytes = 0;
    (void)state;
    FILE *out = open_memstream(&text, &bytes);
    Log log = {.out = out, .level = LOG_INFO};
    assert_int_equal(log_start(&log), 0);
    for (int i = 0; i < 500; i++) {
        log_write(&log, LOG_INFO, "event", "d", "n", i);
        log_write(&log, LOG_DEBUG, "unwanted", "");
    }
    assert_int_equal(log_stop(&log, 60000), 0);
    log_write(&log, LOG_ERROR, "afterwards", ""); /* at once again */
    fclose(out);
    const char *at = text;
    for (int i = 0; i < 500; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "\"n\":%d}\n", i);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    assert_null(strstr(text, "unwanted"));
    assert_non_null(strstr(at, "afterwards"));
    free(text);
}

static void drain(void *arg)
{
    char block[4096];
    char *kept = ((char **)arg)[0];
    size_t n = 0;
    int fd = *((int **)arg)[1];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) > 0) {
        size_t room = (size_t)(4 << 20) - n - 1;
        size_t taken = (size_t)got < room ? (size_t)got : room;
        memcpy(kept + n, block, taken);
        n += taken;
    }
    kept[n] = 0;
}

/* Whoever writes goes on, whatever is lost is counted, and the end is not waited for for ever. */
static void test_a_stuck_stream(void **state)
{
    int ends[2];
    uv_thread_t reader;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    FILE *out = fdopen(ends[1], "w");
    Log log = {.out = out, .level = LOG_INFO};
    char *kept = calloc(1, 4 << 20);
    void *arguments[] = {kept, &ends[0]};
    assert_int_equal(log_start(&log), 0);
    for (int i = 0; i < 20000; i++) { /* a pipe holds 64 KiB */
        log_write(&log, LOG_INFO, "event", "d", "n", i);
    }
    assert_int_equal(log_stop(&log, 20), -1);
    assert_int_equal(uv_thread_create(&reader, drain, arguments), 0);
    assert_int_equal(log_stop(&log, 60000), 0);
    fclose(out);
    uv_thread_join(&reader);
    close(ends[0]);
    assert_non_null(strstr(kept, "\"n\":0}"));
    assert_non_null(strstr(kept, "log-lines-lost"));
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_order),
        cmocka_unit_test(test_a_stuck_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
