/* What /healthz and /readyz are told: of a store that answers, one that does not, and the disk. */
#include "api/health.h"
#include "db_rig.h"

/* A store that is asked for its health, and holds the answer. */
typedef struct HeldStore {
    Store store; /* first: the interface */
    StoreCall *call;
    void *ctx;
    void (*done)(void *ctx, StoreStatus status);
    int asked, is_full, is_draining;
} HeldStore;

static void hold(Store *store, StoreCall *call, void *ctx, void (*done)(void *, StoreStatus))
{
    HeldStore *held = (HeldStore *)store;
    held->call = call;
    held->ctx = ctx;
    held->done = done;
    held->asked++;
}

static int is_full(void *ctx)
{
    return ((HeldStore *)ctx)->is_full;
}

static int is_draining(void *ctx)
{
    return ((HeldStore *)ctx)->is_draining;
}

typedef struct Told {
    Health health;
    int count;
} Told;

static void on_health(void *ctx, const Health *health)
{
    Told *told = ctx;
    told->health = *health;
    told->count++;
}

static Told ask(Fixture *f, HeldStore *held, StoreStatus answer)
{
    const HealthPorts ports = {f->db, &held->store, is_full, is_draining, held};
    Told told = {.count = 0};
    health_check(&ports, &told, on_health);
    assert_int_equal(told.count, 0);
    /* A disk that hangs does not let those who ask pile up. */
    assert_non_null(held->call);
    assert_int_equal(held->call->class, STORE_INTERACTIVE);
    assert_int_equal(held->call->deadline_ms, HEALTH_STORE_MS);
    held->done(held->ctx, answer);
    while (told.count == 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(told.count, 1);
    assert_true(told.health.database);
    return told;
}

static void health_has_a_deadline_and_a_word(void **state)
{
    static const struct {
        StoreStatus answer;
        int is_full, is_draining, is_ok;
        const char *word;
    } cases[] = {{STORE_OK, 0, 0, 1, "ok"},
                 {STORE_OK, 1, 0, 1, "degraded"},
                 {STORE_OK, 1, 1, 1, "draining"},
                 {STORE_LATE, 0, 0, 0, "failing"},
                 {STORE_BROKEN, 1, 1, 0, "failing"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        HeldStore held = {.store = {.check = hold},
                          .is_full = cases[i].is_full,
                          .is_draining = cases[i].is_draining};
        const Told told = ask(*state, &held, cases[i].answer);
        assert_int_equal(held.asked, 1);
        assert_int_equal(health_is_ok(&told.health), cases[i].is_ok);
        assert_string_equal(health_word(&told.health), cases[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(health_has_a_deadline_and_a_word, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
