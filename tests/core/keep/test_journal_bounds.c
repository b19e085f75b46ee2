/* The journal against its callers and without memory: calls that must be refused, each allocation
 * failing once, and what a long take may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "journal_rig.h"

#define SECOND INT64_C(1000000)

static void callers_mistakes(void **state)
{
    JournalRig rig;
    KtJournal *j = NULL;
    KtJournalReader *reader = NULL;
    KtJournalRecord record;
    KtJournalCheckpoint checkpoint;
    KtJournalTake take;
    KtJournalFile file;
    KtJournalConfig config = {.part_bytes = 0};
    (void)state;
    assert_int_equal(kt_journal_create(&config, &j), KT_ERR_ARG);
    assert_int_equal(kt_journal_create(NULL, &j), KT_ERR_ARG);
    config.part_bytes = 1;
    assert_int_equal(kt_journal_create(&config, &j), KT_OK);
    jr_open(&rig, &jr_plain);
    jr_run(&rig, SECOND);
    const JrRecord *cluster = &rig.records[1];
    KtChunk chunk = {.kind = KT_CHUNK_CLUSTER,
                     .offset = cluster->offset,
                     .data = cluster->data,
                     .bytes = (size_t)cluster->chunk_bytes};
    assert_int_equal(kt_journal_chunk(j, &chunk, rig.timeline, &record), KT_ERR_ORDER);
    assert_int_equal(kt_journal_checkpoint(j, 0, rig.timeline, &checkpoint), KT_ERR_STATE);
    KtChunk header = {.kind = KT_CHUNK_HEADER, .data = rig.file, .bytes = KT_WEBM_HEADER_BYTES};
    assert_int_equal(kt_journal_chunk(j, &header, rig.timeline, &record), KT_OK);
    assert_int_equal(kt_journal_chunk(j, &header, rig.timeline, &record), KT_ERR_ORDER);
    chunk.offset++;
    assert_int_equal(kt_journal_chunk(j, &chunk, rig.timeline, &record), KT_ERR_ORDER);
    chunk.offset--;
    chunk.start_us = 2;
    chunk.end_us = 1;
    assert_int_equal(kt_journal_chunk(j, &chunk, rig.timeline, &record), KT_ERR_ARG);
    assert_int_equal(kt_journal_checkpoint(j, 5000, rig.timeline, &checkpoint), KT_ERR_ARG);
    assert_int_equal(kt_journal_checkpoint(j, -1, rig.timeline, &checkpoint), KT_ERR_ARG);
    assert_int_equal(kt_journal_chunk(j, NULL, rig.timeline, &record), KT_ERR_ARG);
    kt_journal_destroy(&j);
    assert_null(j);
    kt_journal_destroy(&j);
    assert_int_equal(kt_journal_reader_create(rig.take_id, &reader), KT_OK);
    assert_int_equal(kt_journal_reader_take(reader, &file), KT_ERR_STATE);
    assert_null(kt_journal_reader_timeline(reader));
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_ERR_NOT_FOUND);
    uint8_t *intact = jr_present(&rig);
    jr_add(&rig, intact, reader);
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_OK);
    assert_int_equal(kt_journal_reader_add(reader, cluster->data, cluster->bytes), KT_ERR_STATE);
    kt_journal_reader_destroy(&reader);
    free(intact);
    jr_close(&rig);
}

/* ---- memory ---- */

/* Makes the records of a whole take anew; they are those that were made before. */
static int write_again(void *context)
{
    const JournalRig *rig = context;
    KtJournalConfig config = {.part_bytes = rig->options.part_bytes};
    KtJournal *j = NULL;
    KtJournalRecord record;
    KtJournalCheckpoint checkpoint;
    KtTimeline *timeline = NULL;
    char *json = NULL;
    size_t json_bytes = 0;
    memcpy(config.take_id, rig->take_id, sizeof config.take_id);
    /* A timeline of its own: one keeps what it compressed before. */
    KtStatus status = kt_timeline_json(rig->timeline, &json, &json_bytes);
    if (status == KT_OK)
        status = kt_timeline_parse(json, json_bytes, &timeline, NULL, 0);
    if (status == KT_OK)
        status = kt_journal_create(&config, &j);
    for (int i = 0; status == KT_OK && i < rig->count; i++) {
        const JrRecord *r = &rig->records[i];
        const KtChunk chunk = jr_chunk(r);
        if (r->kind == KT_JOURNAL_CHUNK)
            status = kt_journal_chunk(j, &chunk, timeline, &record);
        if (r->kind == KT_JOURNAL_CHECKPOINT)
            status = kt_journal_checkpoint(j, r->released_bytes, timeline, &checkpoint);
    }
    kt_journal_destroy(&j);
    kt_timeline_destroy(&timeline);
    kt_text_free(json);
    return status == KT_OK;
}

typedef struct Reading {
    const JournalRig *rig;
    uint8_t *intact;
    int repeat; /* the call that failed, once */
} Reading;

static int read_again(void *context)
{
    const Reading *reading = context;
    const JournalRig *rig = reading->rig;
    KtJournalReader *reader = NULL;
    KtJournalTake take;
    KtStatus status = kt_journal_reader_create(rig->take_id, &reader);
    for (int i = 0; status == KT_OK && i < rig->count; i++) {
        const JrRecord *r = &rig->records[i];
        if (reading->intact[i])
            status = kt_journal_reader_add(reader, r->data, r->bytes);
        if (status == KT_ERR_MEMORY && reading->repeat)
            status = kt_journal_reader_add(reader, r->data, r->bytes);
    }
    if (status == KT_OK)
        status = kt_journal_reader_finish(reader, &take);
    if (status == KT_ERR_MEMORY && reading->repeat && reader)
        status = kt_journal_reader_finish(reader, &take);
    /* With the call repeated nothing may be missing. */
    if (status == KT_OK && kt_alloc_failed())
        jr_check(rig, reading->intact, reader);
    kt_journal_reader_destroy(&reader);
    return status == KT_OK;
}

static void every_allocation_may_fail(void **state)
{
    JournalRig rig;
    (void)state;
    JrOptions options = jr_plain;
    options.checkpoints = 30;
    options.events = 60;
    options.part_bytes = 4096;
    jr_open(&rig, &options);
    jr_run(&rig, 3 * SECOND);
    jr_stop(&rig, 1);
    assert_true(kt_alloc_each(write_again, &rig) > 20);
    for (int repeat = 0; repeat < 2; repeat++) {
        Reading reading = {&rig, jr_present(&rig), repeat};
        assert_true(kt_alloc_each(read_again, &reading) > 50);
        free(reading.intact);
    }
    jr_close(&rig);
}

/* The writer allocates with the take's cue points and with events, not with its clusters. */
static void writer_memory_is_constant(void **state)
{
    JournalRig rig;
    KtJournalRecord record;
    (void)state;
    jr_open_quiet(&rig, 2 * SECOND);
    int64_t offset = rig.clusters_end, start_us = rig.now_us;
    const long before = kt_alloc_count();
    for (int i = 0; i < 1000; i++) {
        KtChunk chunk = {.kind = KT_CHUNK_CLUSTER,
                         .offset = offset,
                         .data = rig.file,
                         .bytes = 4000,
                         .start_us = start_us,
                         .end_us = start_us + 250000};
        assert_int_equal(kt_journal_chunk(rig.journal, &chunk, rig.timeline, &record), KT_OK);
        offset += 4000;
        start_us += 250000;
    }
    assert_int_equal(kt_alloc_count() - before, 0);
    jr_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_mistakes),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(writer_memory_is_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
