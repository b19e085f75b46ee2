/* Host, Origin, tokens, cookies, the limit on guessing; and the strict JSON check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "access/auth.h"
#include "base/json.h"
#include "db/blocking.h"

#define NOW 1700000000000000

static const uint8_t key[AUTH_KEY_BYTES] = {1, 2, 3};

typedef struct Fixture {
    char path[64];
    Db *db;
    Auth auth;
    char token[TOKEN_TEXT_BYTES];
    TokenRow row;
} Fixture;

static int insert(DbConnection *c, void *ctx)
{
    Fixture *f = ctx;
    int status = organisation_insert(c, "red", NOW);
    return status == DB_OK ? token_insert(c, &f->row) : status;
}

static void on_insert(void *ctx, int status)
{
    (void)ctx;
    assert_int_equal(status, DB_OK);
}

static int setup(void **state)
{
    char error[256];
    Fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/keeptake-auth-%d.db", (int)getpid());
    unlink(f->path);
    if (db_open(NULL, f->path, &f->db, error, sizeof error) != 0) {
        return -1;
    }
    strcpy(f->row.organisation, "red");
    f->row.role = ROLE_COHOST;
    f->row.created_us = NOW;
    f->row.expires_us = NOW + 10000000;
    token_make(&f->row, f->token);
    db_write(f->db, NULL, insert, f, on_insert);
    const OriginList origins = {1, {"https://app.example"}}, hosts = {0};
    const AuthSettings settings = {"127.0.0.1", 8080,   "https://take.example",
                                   &origins,    &hosts, .local_owner = 1};
    auth_init(&f->auth, &settings, key);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    char side[80];
    db_close(&f->db);
    unlink(f->path);
    snprintf(side, sizeof side, "%s-wal", f->path);
    unlink(side);
    snprintf(side, sizeof side, "%s-shm", f->path);
    unlink(side);
    free(f);
    return 0;
}

static void test_hosts_and_origins(void **state)
{
    Fixture *f = *state;
    const char *good[] = {"127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080",
                          "take.example"};
    const char *bad[] = {"",
                         "127.0.0.1",
                         "127.0.0.1:80",
                         "evil.example",
                         "127.0.0.1:8080.evil.example",
                         "evil.example:8080",
                         " 127.0.0.1:8080",
                         "take.example:8080"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(auth_host_allowed(&f->auth, good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(auth_host_allowed(&f->auth, bad[i]));
    }
    assert_false(auth_host_allowed(&f->auth, NULL));
    assert_true(auth_origin_is_own(&f->auth, "http://localhost:8080"));
    assert_true(auth_origin_is_own(&f->auth, "https://take.example"));
    assert_false(auth_origin_is_own(&f->auth, "https://localhost:8080"));
    assert_false(auth_origin_is_own(&f->auth, "null"));
    assert_false(auth_origin_is_own(&f->auth, "https://app.example"));
    assert_true(auth_origin_allowed(&f->auth, "https://app.example"));
    assert_false(auth_origin_allowed(&f->auth, "http://app.example"));
    assert_true(auth_peer_is_local("127.9.9.9") && auth_peer_is_local("::1"));
    assert_false(auth_peer_is_local("10.0.0.1") || auth_peer_is_local("") ||
                 auth_peer_is_local("::2"));
}

/* As the server does it, without its threads. */
static AuthAnswer identify(Fixture *f, const AuthQuestion *q, Identity *who)
{
    AuthLookup lookup;
    AuthAnswer answer = auth_identify(&f->auth, q, &lookup, who);
    return answer == AUTH_ASK
               ? auth_resolve(&f->auth, &lookup, auth_look_up(db_reader(f->db), &lookup), who)
               : answer;
}

static AuthAnswer ask(Fixture *f, const char *authorization, int64_t now_us, Identity *who)
{
    const AuthQuestion q = {
        .authorization = authorization, .peer = "10.0.0.1", .changes = 1, .now_us = now_us};
    return identify(f, &q, who);
}

static void test_tokens(void **state)
{
    Fixture *f = *state;
    Identity who;
    char header[128];
    snprintf(header, sizeof header, "Bearer %s", f->token);
    assert_int_equal(ask(f, header, NOW, &who), AUTH_OK);
    assert_int_equal(who.role, ROLE_COHOST);
    assert_string_equal(who.organisation, "red");
    assert_int_equal(ask(f, header, f->row.expires_us - 1, &who), AUTH_OK);
    assert_int_equal(ask(f, header, f->row.expires_us, &who), AUTH_EXPIRED);
    assert_int_equal(who.role, ROLE_NONE);
    /* Every single changed character is another token. */
    for (size_t i = 0; i < strlen(f->token); i++) {
        char garbled[128];
        snprintf(garbled, sizeof garbled, "Bearer %s", f->token);
        garbled[7 + i] = garbled[7 + i] == 'x' ? 'y' : 'x';
        memset(f->auth.peers, 0, sizeof f->auth.peers);
        assert_int_equal(ask(f, garbled, NOW, &who), AUTH_INVALID);
    }
    assert_int_equal(ask(f, NULL, NOW, &who), AUTH_MISSING);
}

/* What was looked up counts for a few seconds without the database; not after a revocation, not
 * beyond its own end, and not where it was looked up before a revocation. */
static void test_tokens_are_cached_for_a_while(void **state)
{
    Fixture *f = *state;
    Identity who;
    AuthLookup lookup, early;
    char header[128];
    snprintf(header, sizeof header, "Bearer %s", f->token);
    AuthQuestion q = {.authorization = header, .peer = "10.0.0.1", .now_us = NOW};
    assert_int_equal(auth_identify(&f->auth, &q, &lookup, &who), AUTH_ASK);
    auth_look_up(db_reader(f->db), &lookup);
    assert_int_equal(auth_resolve(&f->auth, &lookup, DB_OK, &who), AUTH_OK);
    q.now_us = NOW + AUTH_CACHE_US - 1;
    assert_int_equal(auth_identify(&f->auth, &q, &early, &who), AUTH_OK);
    assert_int_equal(who.role, ROLE_COHOST);
    assert_string_equal(who.token_id, f->row.id);
    q.now_us = NOW - 1; /* the clock was set back */
    assert_int_equal(auth_identify(&f->auth, &q, &early, &who), AUTH_ASK);
    assert_int_equal(who.role, ROLE_NONE);
    q.now_us = NOW + AUTH_CACHE_US;
    assert_int_equal(auth_identify(&f->auth, &q, &early, &who), AUTH_ASK);

    q.now_us = NOW;
    auth_look_up(db_reader(f->db), &early);
    auth_forget_tokens(&f->auth);
    assert_int_equal(auth_identify(&f->auth, &q, &lookup, &who), AUTH_ASK);
    assert_int_equal(auth_resolve(&f->auth, &early, DB_OK, &who), AUTH_OK); /* asked before */
    assert_int_equal(auth_identify(&f->auth, &q, &lookup, &who), AUTH_ASK); /* and not kept */

    auth_look_up(db_reader(f->db), &lookup);
    assert_int_equal(auth_resolve(&f->auth, &lookup, DB_OK, &who), AUTH_OK);
    q.now_us = f->row.expires_us; /* within the cache's time, if it is short */
    f->auth.cache[(lookup.hash[0] | lookup.hash[1] << 8) % AUTH_CACHE_SLOTS].looked_us =
        q.now_us - 1;
    assert_int_equal(auth_identify(&f->auth, &q, &lookup, &who), AUTH_ASK);
    assert_int_equal(auth_resolve(&f->auth, &lookup, DB_BUSY, &who), AUTH_BROKEN);
}

static void test_guessing(void **state)
{
    Fixture *f = *state;
    Identity who;
    char header[128];
    for (int i = 0; i < AUTH_MAX_FAILURES; i++) {
        assert_int_equal(ask(f, "Bearer nope", NOW + i, &who), AUTH_INVALID);
    }
    assert_int_equal(ask(f, "Bearer nope", NOW + 100, &who), AUTH_LIMITED);
    snprintf(header, sizeof header, "Bearer %s", f->token);
    assert_int_equal(ask(f, header, NOW + 101, &who), AUTH_OK);
    const AuthQuestion other = {
        .authorization = "Bearer nope", .peer = "10.0.0.2", .now_us = NOW + 102};
    assert_int_equal(identify(f, &other, &who), AUTH_INVALID);
    assert_int_equal(ask(f, "Bearer nope", NOW + AUTH_WINDOW_US, &who), AUTH_INVALID);
}

static void test_cookie(void **state)
{
    Fixture *f = *state;
    char cookie[AUTH_COOKIE_BYTES], header[256];
    assert_int_equal(auth_cookie_make(&f->auth, NOW, cookie), 0);
    snprintf(header, sizeof header, "a=1; keeptake_session=%s;b=2", cookie);
    assert_true(auth_cookie_valid(&f->auth, header, NOW));
    assert_false(auth_cookie_valid(&f->auth, header, NOW + (int64_t)AUTH_COOKIE_SECONDS * 1000000));
    for (size_t i = 0; i < strlen(cookie); i++) {
        snprintf(header, sizeof header, "keeptake_session=%s", cookie);
        header[17 + i] = header[17 + i] == '1' ? '2' : '1';
        assert_false(auth_cookie_valid(&f->auth, header, NOW));
    }
    for (size_t length = 0; length < strlen(cookie); length++) {
        snprintf(header, sizeof header, "keeptake_session=%.*s", (int)length, cookie);
        assert_false(auth_cookie_valid(&f->auth, header, NOW));
    }
    assert_false(auth_cookie_valid(&f->auth, NULL, NOW));
    assert_false(auth_cookie_valid(&f->auth, ";;;=;", NOW));
}

static void test_cookie_and_origin(void **state)
{
    Fixture *f = *state;
    char cookie[AUTH_COOKIE_BYTES], header[256];
    Identity who;
    auth_cookie_make(&f->auth, NOW, cookie);
    snprintf(header, sizeof header, "keeptake_session=%s", cookie);
    const struct {
        const char *origin, *site, *peer;
        int forwarded, changes;
        AuthAnswer answer;
    } cases[] = {
        {"http://127.0.0.1:8080", NULL, "127.0.0.1", 0, 1, AUTH_OK},
        {NULL, "same-origin", "127.0.0.1", 0, 1, AUTH_OK},
        {NULL, "none", "127.0.0.1", 0, 0, AUTH_OK},
        {NULL, NULL, "127.0.0.1", 0, 0, AUTH_OK},
        {NULL, NULL, "127.0.0.1", 0, 1, AUTH_CROSS_ORIGIN},
        {NULL, "none", "127.0.0.1", 0, 1, AUTH_CROSS_ORIGIN},
        {NULL, "same-site", "127.0.0.1", 0, 0, AUTH_CROSS_ORIGIN},
        {"http://127.0.0.1:9", "same-origin", "127.0.0.1", 0, 1, AUTH_CROSS_ORIGIN},
        {"https://app.example", NULL, "127.0.0.1", 0, 0, AUTH_CROSS_ORIGIN},
        {"http://127.0.0.1:8080", NULL, "10.0.0.1", 0, 1, AUTH_MISSING},
        {"http://127.0.0.1:8080", NULL, "127.0.0.1", 1, 1, AUTH_MISSING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const AuthQuestion q = {.cookie = header,
                                .origin = cases[i].origin,
                                .fetch_site = cases[i].site,
                                .peer = cases[i].peer,
                                .forwarded = cases[i].forwarded,
                                .changes = cases[i].changes,
                                .now_us = NOW};
        assert_int_equal(identify(f, &q, &who), cases[i].answer);
        assert_int_equal(who.role, cases[i].answer == AUTH_OK ? ROLE_OWNER : ROLE_NONE);
    }
    f->auth.local_owner = 0;
    const AuthQuestion q = {.cookie = header, .peer = "127.0.0.1", .now_us = NOW};
    assert_int_equal(identify(f, &q, &who), AUTH_MISSING);
}

static void check(const char *text, size_t bytes, int expected)
{
    const JsonLimits limits = {1000, 4, 20};
    char error[JSON_ERROR_BYTES];
    char *exact =
        malloc(bytes ? bytes : 1); /* exact size: a byte too far is seen by the sanitizer */
    memcpy(exact, text, bytes);
    assert_int_equal(json_check(exact, bytes, &limits, error, sizeof error), expected);
    free(exact);
}

static void test_json_check(void **state)
{
    (void)state;
    const char *good[] = {"{}",
                          "[]",
                          "0",
                          "-0.5e+10",
                          " \"\\u00fc\\ud83c\\udfac\" ",
                          "[1,[2,{\"a\":null}]]",
                          "{\"a\":true,\"b\":[false]}",
                          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""};
    const char *bad[] = {"",
                         " ",
                         "{",
                         "[",
                         "]",
                         "}",
                         "{]",
                         "[}",
                         "[1,]",
                         "{\"a\"}",
                         "{\"a\":}",
                         "{\"a\":1,}",
                         "{a:1}",
                         "01",
                         "-",
                         "1.",
                         ".5",
                         "1e",
                         "+1",
                         "tru",
                         "nulll",
                         "\"",
                         "\"\\",
                         "\"\\x\"",
                         "\"\\u12\"",
                         "\"\\ud800\"",
                         "\"\\udc00\"",
                         "\"\\u0000\"",
                         "\"\x01\"",
                         "\"\xff\"",
                         "\"\xc0\x80\"",
                         "\"\xed\xa0\x80\"",
                         "\"\xf5\x80\x80\x80\"",
                         "1 2",
                         "[[[[[1]]]]]",
                         "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        check(good[i], strlen(good[i]), 0);
        for (size_t cut = 1; cut < strlen(good[i]) && good[i][0] == '{'; cut++) {
            check(good[i], cut, -1);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check(bad[i], strlen(bad[i]), -1);
    }
    char longer[1002];
    memset(longer, ' ', sizeof longer);
    longer[0] = '1';
    check(longer, 1000, 0);
    check(longer, 1001, -1);
}

static void test_json_out(void **state)
{
    (void)state;
    JsonOut out = {0};
    json_begin(&out, '{');
    json_key(&out, "a\"b");
    json_string(&out, "line\nbreak \xff ü");
    json_key(&out, "n");
    json_begin(&out, '[');
    json_int(&out, -5);
    json_number(&out, 0.1);
    json_number(&out, 1e308 * 10);
    json_bool(&out, 1);
    json_time(&out, 1700000000123456);
    json_end(&out, ']');
    json_end(&out, '}');
    assert_string_equal(json_text(&out), "{\"a\\\"b\":\"line\\u000abreak ? ü\","
                                         "\"n\":[-5,0.1,null,true,\"2023-11-14T22:13:20.123Z\"]}");
    json_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hosts_and_origins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens_are_cached_for_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guessing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cookie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cookie_and_origin, setup, teardown),
        cmocka_unit_test(test_json_check),
        cmocka_unit_test(test_json_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
