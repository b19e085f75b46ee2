/* Options: every source, their order, every kind of wrong value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"

static const char *no_env(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

/* ctx: pairs of name and value, NULL at the end. */
static const char *pair_env(void *ctx, const char *name)
{
    const char **pairs = ctx;
    for (; *pairs; pairs += 2) {
        if (strcmp(pairs[0], name) == 0) {
            return pairs[1];
        }
    }
    return NULL;
}

static int load(Config *c, char *const argv[], EnvLookup env, void *ctx, char *error)
{
    int argc = 0, asked = 0;
    while (argv[argc]) {
        argc++;
    }
    config_init(c);
    error[0] = 0;
    return config_load(c, argc, argv, env, ctx, &asked, error);
}

static void test_defaults(void **state)
{
    (void)state;
    Config c;
    char error[CONFIG_ERROR_BYTES];
    char *argv[] = {"x", NULL};
    assert_int_equal(load(&c, argv, no_env, NULL, error), 0);
    assert_string_equal(c.host, "127.0.0.1");
    assert_int_equal(c.port, 8080);
    assert_int_equal(c.s3_port, 8081);
    assert_int_equal(c.limits.enabled, 1);
    assert_int_equal(c.empty_age_s, 86400);
    assert_int_equal(c.cleanup_age_s, 7 * 86400);
    assert_int_equal(c.salvage_after_s, 86400);
    assert_int_equal(c.salvage_age_s, 30 * 86400);
    assert_int_equal(c.least_part_bytes, 5242880);
}

static void test_port_of_the_operators_listener(void **state)
{
    (void)state;
    static const struct {
        const char *port, *metrics;
        int expected;
    } cases[] = {{"8080", NULL, 8082}, {"0", NULL, 0}, {"9000", NULL, 0}, {"9000", "9100", 9100}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        char error[CONFIG_ERROR_BYTES], port[] = "--port", metrics[] = "--metrics-port";
        char a[8], b[8];
        snprintf(a, sizeof a, "%s", cases[i].port);
        snprintf(b, sizeof b, "%s", cases[i].metrics ? cases[i].metrics : "");
        char *argv[] = {"x", port, a, cases[i].metrics ? metrics : NULL, b, NULL};
        assert_int_equal(load(&c, argv, no_env, NULL, error), 0);
        assert_int_equal(config_metrics_port(&c), cases[i].expected);
    }
    Config c;
    char error[CONFIG_ERROR_BYTES], host[] = "--metrics-host", any[] = "0.0.0.0";
    char remote[] = "--allow-remote";
    char *alone[] = {"x", host, any, NULL}, *meant[] = {"x", host, any, remote, NULL};
    assert_int_equal(load(&c, alone, no_env, NULL, error), -1);
    assert_non_null(strstr(error, "--metrics-host 0.0.0.0 can be reached by other machines"));
    assert_int_equal(load(&c, meant, no_env, NULL, error), 0);
}

static void write_text(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_flag_beats_environment_beats_file(void **state)
{
    (void)state;
    Config c;
    char error[CONFIG_ERROR_BYTES], path[] = "/tmp/keeptake-config-XXXXXX";
    write_text(path, "# a comment\nPORT=1000\n S3_PORT = 1001 \r\nRECORDING_MAX_FPS=10\n"
                     "KEEPTAKE_DATA=\"/a b\"\nRECORDING_MAX_LENGTH=1h");
    const char *env[] = {"PORT", "2000", "RECORDING_MAX_FPS", "20", "RECORDING_MAX_LENGTH",
                         "",     NULL};
    char *argv[] = {"x", "--port=3000", "--config", path, NULL};
    assert_int_equal(load(&c, argv, pair_env, env, error), 0);
    assert_int_equal(c.port, 3000);
    assert_int_equal(c.limits.max_fps, 20);
    assert_int_equal(c.s3_port, 1001);
    assert_string_equal(c.data, "/a b");
    assert_int_equal(c.limits.max_length_us, 3600000000);
    const char *named[] = {"KEEPTAKE_CONFIG", path, NULL};
    char *plain[] = {"x", NULL};
    assert_int_equal(load(&c, plain, pair_env, named, error), 0);
    assert_int_equal(c.port, 1000);
    unlink(path);
    assert_int_equal(load(&c, plain, pair_env, named, error), -1);
    assert_non_null(strstr(error, path));
}

static void test_json_file(void **state)
{
    (void)state;
    Config c;
    char error[CONFIG_ERROR_BYTES];
    const char text[] =
        " {\"PORT\": 1234, \"RECORDING_ENABLED\": false, \"KEEPTAKE_CLEANUP_AGE\": \"2d\","
        "\"KEEPTAKE_ALLOWED_ORIGINS\": \"https://a.example,http://b.example:81\"}";
    config_init(&c);
    assert_int_equal(config_apply_text(&c, text, strlen(text), error), 0);
    assert_int_equal(c.port, 1234);
    assert_int_equal(c.limits.enabled, 0);
    assert_int_equal(c.cleanup_age_s, 172800);
    assert_int_equal(c.allowed_origins.count, 2);
    assert_string_equal(c.allowed_origins.items[1], "http://b.example:81");
    const char *bad[] = {"{\"PORT\": [1]}", "{\"PORT\": 1", "{\"NOPE\": 1}", "{\"PORT\": 70000}",
                         "{} x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(config_apply_text(&c, bad[i], strlen(bad[i]), error), -1);
        assert_true(strlen(error) > 5);
    }
    assert_int_equal(c.port, 1234);
}

static void test_bad_lines(void **state)
{
    (void)state;
    Config c;
    char error[CONFIG_ERROR_BYTES];
    const char *bad[] = {"PORT\n",
                         "=1\n",
                         "PORT=\n",
                         "PORT=x\n",
                         "\nPORT 1\n",
                         "NO_SUCH=1\n",
                         "PORT=-1",
                         "PORT= 1x",
                         "RECORDING_MAX_FPS=61",
                         "RECORDING_MAX_LENGTH=forever",
                         "KEEPTAKE_CLEANUP_AGE=7w",
                         "KEEPTAKE_LOG_LEVEL=loud"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        config_init(&c);
        assert_int_equal(config_apply_text(&c, bad[i], strlen(bad[i]), error), -1);
        assert_non_null(strstr(error, "Line "));
    }
    assert_int_equal(config_apply_text(&c, "PORT=1\0", 7, error), -1);
    char *huge = calloc(1, CONFIG_MAX_FILE_BYTES + 1);
    memset(huge, '\n', CONFIG_MAX_FILE_BYTES + 1);
    assert_int_equal(config_apply_text(&c, huge, CONFIG_MAX_FILE_BYTES + 1, error), -1);
    assert_int_equal(config_apply_text(&c, huge, CONFIG_MAX_FILE_BYTES, error), 0);
    free(huge);
}

/* As browsers write the same address. */
static void test_addresses(void **state)
{
    (void)state;
    Config c;
    char error[CONFIG_ERROR_BYTES];
    const char *same[][2] = {{"http://Store.Test:80", "http://store.test"},
                             {"HTTPS://h.test:443/", "https://h.test"},
                             {"https://h.test:", "https://h.test"},
                             {"http://h.test:443", "http://h.test:443"},
                             {"https://h.test:80", "https://h.test:80"},
                             {"http://h.test:08081", "http://h.test:8081"},
                             {"http://[2001:DB8::1]:80", "http://[2001:db8::1]"},
                             {"http://[::1]", "http://[::1]"},
                             {"http://[::1]:8443", "http://[::1]:8443"}};
    const char *bad[] = {"http://h:0",   "http://h:65536", "http://h:8x", "http://:80",
                         "http://a:1:2", "http://",        "http://:",    "http://h:80/x"};
    config_init(&c);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const char *keys[] = {"KEEPTAKE_PUBLIC_URL", "KEEPTAKE_S3_PUBLIC_URL",
                              "KEEPTAKE_ALLOWED_ORIGINS"};
        const char *set[] = {c.public_url, c.s3_public_url, c.allowed_origins.items[0]};
        for (int k = 0; k < 3; k++) {
            char given[64];
            snprintf(given, sizeof given, "%s", same[i][0]);
            size_t length = strlen(given);
            if (k == 2 && given[length - 1] == '/') {
                given[length - 1] = 0; /* an origin has none */
            }
            assert_int_equal(config_set(&c, keys[k], given, error), 0);
            assert_string_equal(set[k], same[i][1]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(config_set(&c, "KEEPTAKE_PUBLIC_URL", bad[i], error), -1);
    }
    char *public_owner[] = {"x", "--local-owner", "--public-url", "https://take.example", NULL};
    const char *env[] = {NULL};
    assert_int_equal(load(&c, public_owner, pair_env, env, error), -1);
    assert_non_null(strstr(error, "--local-owner"));
    public_owner[3] = "http://[::1]:8080";
    assert_int_equal(load(&c, public_owner, pair_env, env, error), 0);
}

static void test_values(void **state)
{
    (void)state;
    Config c;
    char error[CONFIG_ERROR_BYTES], longest[2000];
    const char *good[][2] = {{"KEEPTAKE_EMPTY_AGE", "90"},
                             {"KEEPTAKE_EMPTY_AGE", "366d"},
                             {"KEEPTAKE_CLEANUP_INTERVAL", "0"},
                             {"KEEPTAKE_URL_SECONDS", "120"},
                             {"KEEPTAKE_LOCAL_OWNER", "yes"},
                             {"KEEPTAKE_PUBLIC_URL", "https://take.example/"},
                             {"PORT", "0"}};
    const char *bad[][2] = {{"KEEPTAKE_EMPTY_AGE", ""},
                            {"KEEPTAKE_EMPTY_AGE", "0"},
                            {"KEEPTAKE_EMPTY_AGE", "367d"},
                            {"KEEPTAKE_EMPTY_AGE", "d"},
                            {"KEEPTAKE_EMPTY_AGE", "99999999999999999999d"},
                            {"KEEPTAKE_EMPTY_AGE", "-1"},
                            {"KEEPTAKE_LOCAL_OWNER", "maybe"},
                            {"KEEPTAKE_PUBLIC_URL", "take.example"},
                            {"KEEPTAKE_PUBLIC_URL", "https://a/b"},
                            {"KEEPTAKE_PUBLIC_URL", "javascript:1"},
                            {"KEEPTAKE_PUBLIC_URL", "https://"},
                            {"KEEPTAKE_ALLOWED_ORIGINS", "*"},
                            {"KEEPTAKE_ALLOWED_ORIGINS", "https://a,null"},
                            {"PORT", "65536"},
                            {"PORT", ""},
                            {"KEEPTAKE_LEAST_PART_BYTES", "1"},
                            {"KEEPTAKE_URL_SECONDS", "60"},
                            {"KEEPTAKE_DATA", longest}};
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    config_init(&c);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(config_set(&c, good[i][0], good[i][1], error), 0);
    }
    assert_int_equal(c.empty_age_s, 366 * 86400);
    Config before = c;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(config_set(&c, bad[i][0], bad[i][1], error), -1);
        assert_non_null(strstr(error, bad[i][0]));
    }
    assert_memory_equal(&before, &c, sizeof c);
}

static void test_lists_of_flags_add_up(void **state)
{
    (void)state;
    Config c;
    char error[CONFIG_ERROR_BYTES];
    const char *env[] = {"KEEPTAKE_ALLOWED_ORIGINS", "http://env.example", NULL};
    char *argv[] = {"x", "--allowed-origin", "http://a.example",
                    "--allowed-origin=http://b.example", NULL};
    assert_int_equal(load(&c, argv, pair_env, env, error), 0);
    assert_int_equal(c.allowed_origins.count, 2);
    assert_string_equal(c.allowed_origins.items[0], "http://a.example");
    char *many[2 + 2 * (ORIGINS_MAX + 1)] = {"x"};
    for (int i = 0; i <= ORIGINS_MAX; i++) {
        many[1 + 2 * i] = "--allowed-origin";
        many[2 + 2 * i] = "http://a.example";
    }
    many[1 + 2 * (ORIGINS_MAX + 1)] = NULL;
    assert_int_equal(load(&c, many, no_env, NULL, error), -1);
}

static void test_flags(void **state)
{
    (void)state;
    Config c;
    int asked = 0;
    char error[CONFIG_ERROR_BYTES];
    char *bad[][4] = {{"x", "--nope", NULL},
                      {"x", "port", NULL},
                      {"x", "--port", NULL},
                      {"x", "--", NULL},
                      {"x", "--host", "0.0.0.0", NULL},
                      {"x", "--host=192.168.1.1", NULL},
                      {"x", "--recording-max-fps", "0", NULL},
                      {"x", "--config", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(load(&c, bad[i], no_env, NULL, error), -1);
        assert_true(strlen(error) > 5);
    }
    char *remote[] = {"x",  "--host", "0.0.0.0", "--allow-remote", "--recording-enabled",
                      "no", NULL};
    assert_int_equal(load(&c, remote, no_env, NULL, error), 0);
    assert_int_equal(c.allow_remote, 1);
    assert_int_equal(c.limits.enabled, 0);
    char *owner[] = {"x", "--host", "0.0.0.0", "--allow-remote", "--local-owner", NULL};
    assert_int_equal(load(&c, owner, no_env, NULL, error), -1);
    char *help[] = {"x", "--port", "1", "--help"};
    config_init(&c);
    assert_int_equal(config_load(&c, 4, help, no_env, NULL, &asked, error), 1);
    assert_int_equal(asked, 'h');
    assert_true(config_host_is_loopback("127.0.0.1") && config_host_is_loopback("::1"));
    assert_false(config_host_is_loopback("127.evil.example") ||
                 config_host_is_loopback("10.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_port_of_the_operators_listener),
        cmocka_unit_test(test_flag_beats_environment_beats_file),
        cmocka_unit_test(test_json_file),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_lists_of_flags_add_up),
        cmocka_unit_test(test_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
