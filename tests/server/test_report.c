/* A scrape of metrics: what cannot be read has no value, not the value 0. */
#include "app/server.h"
#include "db_rig.h"

typedef struct Scrape {
    char text[1 << 16];
    int count;
} Scrape;

static void on_report(void *ctx, const Text *text)
{
    Scrape *scrape = ctx;
    assert_non_null(text);
    snprintf(scrape->text, sizeof scrape->text, "%.*s", (int)text->bytes, text->data);
    scrape->count++;
}

static void scrape_all(Fixture *f, Scrape *scrape)
{
    Server *server = calloc(1, sizeof *server);
    server->db = f->db;
    server->config.version = "1.2.3";
    scrape->count = 0;
    server_report(server, scrape, on_report);
    while (scrape->count == 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_non_null(strstr(scrape->text, "keeptake_build_info{version=\"1.2.3\""));
    free(server);
}

static int lose_counts(DbConnection *c, void *ctx)
{
    (void)ctx;
    return db_status(c, sqlite3_exec(c->sql, "DROP TABLE recording_states", NULL, NULL, NULL));
}

static void what_cannot_be_read_has_no_value(void **state)
{
    static Scrape scrape;
    Work w = {.text = ""};
    scrape_all(*state, &scrape);
    assert_non_null(strstr(scrape.text, "keeptake_recordings{state=\"complete\"} 0\n"));
    assert_non_null(strstr(scrape.text, "keeptake_oldest_pending_seconds 0\n"));
    assert_int_equal(write_now(*state, lose_counts, &w), DB_OK);
    scrape_all(*state, &scrape);
    assert_null(strstr(scrape.text, "keeptake_recordings{"));
    assert_null(strstr(scrape.text, "keeptake_oldest_pending_seconds "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_cannot_be_read_has_no_value, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
