/* Journals of random takes that died at a random moment, with records torn, garbled, dropped, given
 * twice, out of order, and mixed with those of another take: every time exactly the longest valid
 * prefix, as the model in journal_model.c tells it.
 *
 *   KT_SEED=N KT_SEEDS=COUNT test_journal_damage */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "exact_copy.h"
#include "journal_rig.h"

#define SEEDS 1000

static uint32_t running_seed;

/* A record that is given to the reader: exactly its bytes. */
typedef struct Given {
    uint8_t *data;
    size_t bytes;
} Given;

typedef struct Damage {
    uint32_t random;
    Given *given;
    int count;
} Damage;

static void give(Damage *d, const uint8_t *data, size_t bytes)
{
    uint8_t *copy = exact_copy(data, bytes);
    assert_non_null(copy);
    d->given[d->count++] = (Given){copy, bytes};
}

/* A torn or garbled copy. Returns 1 where it is the record all the same. */
static int spoil(Damage *d, const JrRecord *r)
{
    uint8_t *copy = malloc(r->bytes + 64);
    size_t bytes = r->bytes;
    assert_non_null(copy);
    memcpy(copy, r->data, bytes);
    memset(copy + bytes, 0, 64);
    switch (jr_random(&d->random, 5)) {
    case 0: /* torn */
        bytes = jr_random(&d->random, (uint32_t)bytes);
        break;
    case 1: /* its length there, its end not yet */
    {
        const size_t from = jr_random(&d->random, (uint32_t)bytes);
        memset(copy + from, 0, bytes - from);
        break;
    }
    case 2: /* a bit */
        copy[jr_random(&d->random, (uint32_t)bytes)] ^= (uint8_t)(1u << jr_random(&d->random, 8));
        break;
    case 3: /* a run of noise */
        for (size_t i = jr_random(&d->random, (uint32_t)bytes), n = 0; i < bytes && n < 40; i++)
            copy[i] = (uint8_t)jr_random(&d->random, 256), n++;
        break;
    default: /* too long */
        bytes += 1 + jr_random(&d->random, 63);
        break;
    }
    const int same = bytes == r->bytes && memcmp(copy, r->data, bytes) == 0;
    give(d, copy, bytes);
    free(copy);
    return same;
}

static void shuffle(Damage *d)
{
    for (int i = d->count - 1; i > 0; i--) {
        const int k = (int)jr_random(&d->random, (uint32_t)i + 1);
        const Given held = d->given[i];
        d->given[i] = d->given[k];
        d->given[k] = held;
    }
}

/* Decides what becomes of each record. rates are of 1000 records. */
static void damage(Damage *d, const JournalRig *rig, uint8_t *intact)
{
    static const int rates[] = {0, 0, 5, 20, 100, 500};
    const int drop = rates[jr_random(&d->random, 6)], bad = rates[jr_random(&d->random, 5)];
    const int checkpoints = jr_random(&d->random, 3) == 0 ? 500 : 0;
    d->given = malloc(((size_t)rig->count * 2 + 1) * sizeof *d->given);
    assert_non_null(d->given);
    for (int i = 0; i < rig->count; i++) {
        const JrRecord *r = &rig->records[i];
        const int luck = (int)jr_random(&d->random, 1000);
        if (!intact[i])
            continue;
        if (luck < drop) {
            intact[i] = 0;
        } else if (luck < drop + bad || (r->kind == KT_JOURNAL_CHECKPOINT && luck < checkpoints)) {
            intact[i] = (uint8_t)spoil(d, r);
        } else {
            give(d, r->data, r->bytes);
            if (jr_random(&d->random, 20) == 0) {
                give(d, r->data, r->bytes);
            } else if (jr_random(&d->random, 30) == 0) {
                spoil(d, r); /* beside the good one */
            }
        }
    }
    if (jr_random(&d->random, 4) > 0)
        shuffle(d);
}

static JrOptions random_options(uint32_t *random, uint32_t seed)
{
    return (JrOptions){.seed = seed,
                       .part_bytes = 2048 << jr_random(random, 6),
                       .keep_all = jr_random(random, 5) == 0,
                       .keyframe_us = 80000 + 20000 * (int64_t)jr_random(random, 60),
                       .events = (int)jr_random(random, 80),
                       .checkpoints = jr_random(random, 4) ? (int)jr_random(random, 60) : 0,
                       .pauses = (int)jr_random(random, 12)};
}

/* A take that dies at a random moment: while recording, or somewhere in its stop. */
static void random_take(JournalRig *rig, uint32_t *random, uint32_t seed)
{
    const JrOptions options = random_options(random, seed);
    jr_open(rig, &options);
    jr_run(rig, JR_STEP_US * (1 + (int64_t)jr_random(random, 300)));
    switch (jr_random(random, 4)) {
    case 0:
        jr_stop(rig, 1);
        break;
    case 1:
        jr_stop(rig, 0);
        break;
    case 2:
        assert_int_equal(kt_webm_writer_flush(rig->writer), KT_OK);
        jr_drain(rig);
        break;
    default:
        break;
    }
}

static void foreign_records(const Damage *d, KtJournalReader *reader)
{
    JournalRig other;
    uint32_t random = d->random;
    const JrOptions options = random_options(&random, d->random);
    jr_open(&other, &options);
    jr_run(&other, 300000);
    for (int i = 0; i < other.count; i++)
        assert_int_equal(
            kt_journal_reader_add(reader, other.records[i].data, other.records[i].bytes),
            KT_ERR_FORMAT);
    jr_close(&other);
}

static void run_seed(uint32_t seed)
{
    JournalRig rig;
    KtJournalReader *reader = NULL;
    Damage d = {.random = seed * 40503u + 1};
    random_take(&rig, &d.random, seed);
    uint8_t *intact = jr_present(&rig);
    damage(&d, &rig, intact);
    assert_int_equal(kt_journal_reader_create(rig.take_id, &reader), KT_OK);
    if (seed % 8 == 0)
        foreign_records(&d, reader);
    for (int i = 0; i < d.count; i++) {
        const KtStatus status = kt_journal_reader_add(reader, d.given[i].data, d.given[i].bytes);
        assert_true(status == KT_OK || status == KT_ERR_FORMAT);
        free(d.given[i].data);
    }
    free(d.given);
    jr_check(&rig, intact, reader);
    kt_journal_reader_destroy(&reader);
    free(intact);
    jr_close(&rig);
}

static void longest_valid_prefix_every_time(void **state)
{
    const char *seed = getenv("KT_SEED"), *seeds = getenv("KT_SEEDS");
    const uint32_t from = seed ? (uint32_t)atoi(seed) : 0;
    const uint32_t count = seeds ? (uint32_t)atoi(seeds) : seed ? 1 : SEEDS;
    (void)state;
    for (running_seed = from; running_seed < from + count; running_seed++)
        run_seed(running_seed);
}

static int print_seed(void **state)
{
    (void)state;
    print_message("last seed %u; repeat it: KT_SEED=%u test_journal_damage\n", running_seed,
                  running_seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(longest_valid_prefix_every_time, print_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
