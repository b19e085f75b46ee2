/* The journal without damage: what records look like, what is dropped, what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "journal_rig.h"
#include "webm_writer_mux.h"

#define SECOND INT64_C(1000000)

/* Reads what is here, and compares it with what must be. */
static KtJournalReader *reader_of(const JournalRig *rig, const uint8_t *intact)
{
    KtJournalReader *reader = NULL;
    assert_int_equal(kt_journal_reader_create(rig->take_id, &reader), KT_OK);
    jr_add(rig, intact, reader);
    jr_check(rig, intact, reader);
    return reader;
}

/* The same, and tells the take. */
static KtJournalTake check(const JournalRig *rig, const uint8_t *intact)
{
    KtJournalTake take = {0};
    KtJournalReader *reader = reader_of(rig, intact);
    kt_journal_reader_finish(reader, &take);
    kt_journal_reader_destroy(&reader);
    return take;
}

static uint32_t little(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void record_has_its_layout(void **state)
{
    JournalRig rig;
    (void)state;
    jr_open(&rig, &jr_plain);
    jr_run(&rig, SECOND);
    int index = 0;
    while (rig.records[index].chunk != KT_CHUNK_CLUSTER || rig.records[index].start_us == 0)
        index++;
    const JrRecord *r = &rig.records[index];
    const uint8_t *d = r->data;
    assert_memory_equal(d, "KTJR\1\1", 6);
    assert_int_equal(d[6], KT_CHUNK_CLUSTER | (r->keyframe ? 4 : 0));
    assert_int_equal(d[7], 0);
    assert_int_equal(little(d + 8), index);
    assert_memory_equal(d + 12, rig.take_id, KT_JOURNAL_TAKE_ID_BYTES);
    assert_int_equal(little(d + 32), r->offset);
    assert_int_equal(little(d + 36), 0);
    assert_int_equal(little(d + 40), r->start_us);
    assert_int_equal(little(d + 48), r->end_us - r->start_us);
    assert_int_equal(little(d + 56), r->chunk_bytes);
    assert_int_equal(64 + little(d + 52) + little(d + 56), r->bytes);
    uLong crc = crc32(0L, d, 60);
    crc = crc32(crc, d + 64, (uInt)(r->bytes - 64));
    assert_int_equal(little(d + 60), crc);
    /* The header's record has the part size where a cluster has its time. */
    assert_int_equal(little(rig.records[0].data + 40), jr_plain.part_bytes);
    jr_close(&rig);
}

static void every_flipped_bit_is_noticed(void **state)
{
    JournalRig rig;
    KtJournalReader *reader = NULL;
    (void)state;
    jr_open(&rig, &jr_plain);
    jr_run(&rig, SECOND);
    jr_checkpoint(&rig, 0);
    assert_int_equal(kt_journal_reader_create(rig.take_id, &reader), KT_OK);
    for (int i = 0; i < rig.count; i += rig.count - 1) {
        const JrRecord *r = &rig.records[i];
        uint8_t *copy = malloc(r->bytes);
        assert_non_null(copy);
        memcpy(copy, r->data, r->bytes);
        for (size_t bit = 0; bit < 8 * r->bytes; bit += bit < 1024 ? 1 : 37) {
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(kt_journal_reader_add(reader, copy, r->bytes), KT_ERR_FORMAT);
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(copy);
        for (size_t bytes = 0; bytes < r->bytes; bytes += bytes < 100 ? 1 : 97) {
            uint8_t *torn = malloc(bytes + 1); /* exact, for the sanitizer */
            assert_non_null(torn);
            memcpy(torn, r->data, bytes);
            assert_int_equal(kt_journal_reader_add(reader, torn, bytes), KT_ERR_FORMAT);
            free(torn);
        }
    }
    KtJournalTake take;
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_ERR_NOT_FOUND);
    kt_journal_reader_destroy(&reader);
    jr_close(&rig);
}

static int states_a_rate(const uint8_t header[KT_WEBM_HEADER_BYTES])
{
    static const uint8_t stated[] = {0x23, 0xE3, 0x83, 0x84};
    for (int at = 0; at + 4 <= KT_WEBM_HEADER_BYTES; at++)
        if (memcmp(header + at, stated, sizeof stated) == 0)
            return 1;
    return 0;
}

/* Nothing lost: the file is what the writer made, byte for byte. */
static void finished_take_comes_back_whole(void **state)
{
    JournalRig rig;
    KtJournalFile file;
    size_t bytes;
    int missing;
    (void)state;
    JrOptions options = jr_plain;
    options.keep_all = 1;
    options.checkpoints = 20;
    for (int patch = 0; patch < 2; patch++) {
        jr_open(&rig, &options);
        jr_run(&rig, 8 * SECOND + 12345 / 20 * 20);
        jr_stop(&rig, patch);
        uint8_t *intact = jr_present(&rig);
        const KtJournalTake take = check(&rig, intact);
        assert_int_equal(take.finished, patch);
        assert_int_equal(take.damaged, 0);
        assert_int_equal(take.patchable, 1);
        assert_int_equal(take.duration_us, rig.now_us);
        assert_int_equal(take.local_bytes, take.file_bytes);
        KtJournalReader *reader = reader_of(&rig, intact);
        KtJournalTake again;
        assert_int_equal(kt_journal_reader_finish(reader, &again), KT_OK);
        for (int local = 0; local < 2; local++) {
            assert_int_equal(local ? kt_journal_reader_local(reader, &file)
                                   : kt_journal_reader_take(reader, &file),
                             KT_OK);
            uint8_t *data = jr_assemble(&rig, &file, &bytes, &missing);
            assert_int_equal(missing, 0);
            assert_int_equal(bytes, rig.file_bytes);
            assert_int_equal(file.gap_count, 0);
            /* Also where the patch itself was lost: rig.file has it. But then nobody knows any more
             * that every picture kept to the rate. */
            assert_int_equal(states_a_rate(data), patch);
            if (!patch)
                kt_webm_copy_stated(data, rig.file);
            assert_memory_equal(data, rig.file, bytes);
            free(data);
        }
        kt_journal_reader_destroy(&reader);
        free(intact);
        jr_close(&rig);
    }
}

/* With a healthy network the store holds part 1, some parts and the open one, however long the
 * take. */
static void trimming_bounds_what_is_kept(void **state)
{
    JournalRig rig;
    int64_t longest = 0;
    (void)state;
    JrOptions options = jr_plain;
    options.pauses = 0;
    jr_open(&rig, &options);
    int checkpoints = 0;
    for (int second = 1; second <= 60; second++) {
        jr_run(&rig, second * SECOND);
        if (second % 2 == 0)
            jr_checkpoint(&rig, 0);
        int64_t kept = 0;
        checkpoints = 0;
        for (int i = 0; i < rig.count; i++) {
            const JrRecord *r = &rig.records[i];
            if (r->dropped)
                continue;
            kept += (int64_t)r->bytes;
            checkpoints += r->kind == KT_JOURNAL_CHECKPOINT;
        }
        longest = kept > longest ? kept : longest;
        uint8_t *intact = jr_present(&rig);
        const KtJournalTake take = check(&rig, intact);
        assert_int_equal(take.damaged, 0);
        assert_int_equal(take.file_bytes, rig.clusters_end);
        free(intact);
    }
    assert_int_equal(checkpoints, 2);
    assert_true(rig.file_bytes > 30 * options.part_bytes);
    assert_true(longest < 8 * options.part_bytes);
    for (int i = 0; i < rig.count; i++)
        if (rig.records[i].kind == KT_JOURNAL_CHUNK && rig.records[i].offset < options.part_bytes)
            assert_int_equal(rig.records[i].dropped, 0);
    jr_close(&rig);
}

/* Either of the two newest checkpoints is enough; without both, part 1 is left. */
/* Checkpoints from before the end of part 1 go as well once two newer ones are there. */
static void early_checkpoints_are_dropped(void **state)
{
    JournalRig rig;
    (void)state;
    JrOptions options = jr_plain;
    options.part_bytes = 4 * jr_plain.part_bytes;
    jr_open(&rig, &options);
    for (int second = 1; second <= 8; second++) {
        /* Two of them in part 1, then parts go by before the next. */
        jr_run(&rig, second < 3 ? second * SECOND : 20 * second * SECOND);
        jr_checkpoint(&rig, 0);
        int checkpoints = 0;
        for (int i = 0; i < rig.count; i++)
            checkpoints += rig.records[i].kind == KT_JOURNAL_CHECKPOINT && !rig.records[i].dropped;
        assert_int_equal(checkpoints, second < 2 ? second : 2);
        uint8_t *intact = jr_present(&rig);
        assert_int_equal(check(&rig, intact).damaged, 0);
        free(intact);
    }
    assert_true(rig.file_bytes > 4 * options.part_bytes);
    jr_close(&rig);
}

static void lost_checkpoints(void **state)
{
    JournalRig rig;
    (void)state;
    jr_open(&rig, &jr_plain);
    for (int second = 1; second <= 20; second++) {
        jr_run(&rig, second * SECOND);
        jr_checkpoint(&rig, 1);
    }
    jr_run(&rig, 20 * SECOND + 400000);
    uint8_t *intact = jr_present(&rig);
    int newest = rig.count - 1;
    while (rig.records[newest].kind != KT_JOURNAL_CHECKPOINT)
        newest--;
    intact[newest] = 0;
    KtJournalTake take = check(&rig, intact);
    assert_int_equal(take.file_bytes, rig.clusters_end);
    assert_int_equal(take.damaged, 1);
    int older = newest - 1;
    while (rig.records[older].kind != KT_JOURNAL_CHECKPOINT)
        older--;
    intact[newest] = 1;
    intact[older] = 0;
    take = check(&rig, intact);
    assert_int_equal(take.file_bytes, rig.clusters_end);
    assert_int_equal(take.damaged, 0);
    intact[newest] = 0;
    take = check(&rig, intact);
    assert_true(take.file_bytes >= jr_plain.part_bytes &&
                take.file_bytes < 2 * jr_plain.part_bytes);
    assert_int_equal(take.damaged, 1);
    free(intact);
    jr_close(&rig);
}

/* A checkpoint that could not be stored, with the deletions of its transaction left undone. */
static void checkpoint_that_failed_to_be_stored(void **state)
{
    JournalRig rig;
    (void)state;
    jr_open(&rig, &jr_plain);
    for (int second = 1; second <= 12; second++) {
        jr_run(&rig, second * SECOND);
        uint8_t *before = jr_present(&rig);
        const int count = rig.count;
        jr_checkpoint(&rig, 0);
        if (second % 3 == 0) {
            for (int i = 0; i < count; i++)
                rig.records[i].dropped = !before[i];
            rig.records[count].dropped = 1;
        }
        free(before);
        uint8_t *intact = jr_present(&rig);
        const KtJournalTake take = check(&rig, intact);
        assert_int_equal(take.file_bytes, rig.clusters_end);
        free(intact);
    }
    jr_close(&rig);
}

static int count_events(const KtJournalReader *reader)
{
    return kt_timeline_count(kt_journal_reader_timeline(reader));
}

static void events_of_a_pause_have_their_own_records(void **state)
{
    JournalRig rig;
    KtJournalTake take;
    (void)state;
    jr_open_quiet(&rig, SECOND);
    jr_event(&rig, KT_TIMELINE_PAUSE, NULL);
    assert_int_equal(kt_webm_writer_flush(rig.writer), KT_OK);
    jr_drain(&rig);
    const int before = rig.count;
    jr_drain_events(&rig); /* the pause went with the cluster */
    assert_int_equal(rig.count, before);
    jr_event(&rig, KT_TIMELINE_COMPOSITION, "{\"gap\":1}");
    jr_drain_events(&rig);
    jr_event(&rig, KT_TIMELINE_COMPOSITION, "{\"gap\":2}"); /* takes the place of the other */
    jr_drain_events(&rig);
    jr_event(&rig, KT_TIMELINE_RESUME, NULL);
    jr_drain_events(&rig);
    jr_drain_events(&rig);
    assert_int_equal(rig.count, before + 3);
    uint8_t *intact = jr_present(&rig);
    KtJournalReader *reader = reader_of(&rig, intact);
    char *json = NULL;
    size_t bytes;
    assert_int_equal(kt_timeline_json(kt_journal_reader_timeline(reader), &json, &bytes), KT_OK);
    assert_null(strstr(json, "{\"gap\":1}"));
    assert_non_null(strstr(json, "{\"gap\":2}"));
    assert_int_equal(count_events(reader), 5); /* start pause composition resume stop */
    kt_text_free(json);
    kt_journal_reader_destroy(&reader);
    /* A lost one costs its event alone. */
    intact[before + 1] = 0;
    reader = reader_of(&rig, intact);
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_OK);
    assert_int_equal(take.damaged, 1);
    assert_int_equal(count_events(reader), 5);
    kt_journal_reader_destroy(&reader);
    free(intact);
    jr_close(&rig);
}

/* Events later than the last cluster are not part of the take that comes back. */
static void timeline_ends_where_the_clusters_do(void **state)
{
    JournalRig rig;
    KtJournalTake take;
    (void)state;
    jr_open_quiet(&rig, SECOND);
    rig.now_us = 5 * SECOND;
    jr_event(&rig, KT_TIMELINE_MARK, NULL);
    jr_drain_events(&rig);
    uint8_t *intact = jr_present(&rig);
    KtJournalReader *reader = reader_of(&rig, intact);
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_OK);
    assert_true(take.duration_us < SECOND);
    assert_int_equal(count_events(reader), 2);
    kt_journal_reader_destroy(&reader);
    free(intact);
    jr_close(&rig);
}

/* Clusters beyond a gap are no part of the take, but can be looked at. */
static void what_is_here_goes_on_after_a_gap(void **state)
{
    JournalRig rig;
    KtJournalFile file;
    KtJournalTake take;
    (void)state;
    jr_open(&rig, &jr_plain);
    jr_run(&rig, 6 * SECOND);
    uint8_t *intact = jr_present(&rig);
    int lost = rig.count / 2;
    while (rig.records[lost].chunk != KT_CHUNK_CLUSTER || rig.records[lost].keyframe)
        lost++;
    intact[lost] = 0;
    KtJournalReader *reader = reader_of(&rig, intact);
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_OK);
    assert_int_equal(take.file_bytes, rig.records[lost].offset);
    assert_int_equal(kt_journal_reader_local(reader, &file), KT_OK);
    assert_int_equal(file.gap_count, 1);
    assert_int_equal(file.gaps[0].from_us, take.duration_us);
    assert_true(file.gaps[0].to_us >= rig.records[lost].end_us - 40000);
    assert_true(file.duration_us > take.duration_us + SECOND);
    kt_journal_reader_destroy(&reader);
    free(intact);
    jr_close(&rig);
}

static void header_from_a_checkpoint(void **state)
{
    JournalRig rig;
    (void)state;
    jr_open(&rig, &jr_plain);
    jr_run(&rig, 3 * SECOND);
    uint8_t *intact = jr_present(&rig);
    intact[0] = 0;
    check(&rig, intact);
    free(intact);
    jr_checkpoint(&rig, 0);
    intact = jr_present(&rig);
    intact[0] = 0;
    const KtJournalTake take = check(&rig, intact);
    assert_int_equal(take.file_bytes, rig.clusters_end);
    assert_int_equal(take.damaged, 1);
    assert_int_equal(take.patchable, 1);
    free(intact);
    jr_close(&rig);
}

/* The container of the file: WebM is told of as it was before there was another. */
static void versions_and_containers(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, container;
        KtStatus status;
    } records[] = {
        {1, 0, KT_OK},         {1, 1, KT_ERR_FORMAT},   {2, 0, KT_ERR_FORMAT},
        {2, 1, KT_ERR_FORMAT}, {2, 255, KT_ERR_FORMAT}, {3, 0, KT_ERR_FORMAT},
    };
    JournalRig rig;
    KtJournal *j = NULL;
    const KtJournalConfig config = {.part_bytes = 1, .container = (KtContainer)1};
    assert_int_equal(kt_journal_create(&config, &j), KT_ERR_ARG);
    jr_open(&rig, &jr_plain);
    JrRecord *header = &rig.records[0];
    assert_int_equal(header->data[4], 1);
    assert_int_equal(header->data[7], 0);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        KtJournalReader *reader = NULL;
        header->data[4] = records[i].version;
        header->data[7] = records[i].container;
        uLong crc = crc32(crc32(0, NULL, 0), header->data, 60);
        crc = crc32(crc, header->data + KT_JOURNAL_HEADER_BYTES,
                    (uInt)(header->bytes - KT_JOURNAL_HEADER_BYTES));
        for (int k = 0; k < 4; k++)
            header->data[60 + k] = (uint8_t)(crc >> (8 * k));
        assert_int_equal(kt_journal_reader_create(rig.take_id, &reader), KT_OK);
        assert_int_equal(kt_journal_reader_add(reader, header->data, header->bytes),
                         records[i].status);
        kt_journal_reader_destroy(&reader);
    }
    jr_close(&rig);
}

/* What only the writer knew at the end is taken from its patch. */
static void pictures_that_grew(void **state)
{
    (void)state;
    JournalRig rig;
    KtJournalReader *reader = NULL;
    KtJournalTake take;
    KtJournalFile file;
    jr_open(&rig, &jr_plain);
    jr_run(&rig, SECOND);
    assert_int_equal(kt_webm_writer_resize(rig.writer, 128, 72), KT_OK);
    jr_run(&rig, 6 * SECOND);
    jr_stop(&rig, 1);
    uint8_t *intact = jr_present(&rig);
    assert_int_equal(kt_journal_reader_create(rig.take_id, &reader), KT_OK);
    jr_add(&rig, intact, reader);
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_OK);
    assert_int_equal(take.finished, 1);
    assert_int_equal(take.damaged, 0);
    assert_int_equal(kt_journal_reader_take(reader, &file), KT_OK);
    assert_memory_equal(file.header, rig.file, KT_FILE_HEADER_BYTES);
    kt_journal_reader_destroy(&reader);
    free(intact);
    jr_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_has_its_layout),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(finished_take_comes_back_whole),
        cmocka_unit_test(trimming_bounds_what_is_kept),
        cmocka_unit_test(early_checkpoints_are_dropped),
        cmocka_unit_test(lost_checkpoints),
        cmocka_unit_test(checkpoint_that_failed_to_be_stored),
        cmocka_unit_test(events_of_a_pause_have_their_own_records),
        cmocka_unit_test(timeline_ends_where_the_clusters_do),
        cmocka_unit_test(what_is_here_goes_on_after_a_gap),
        cmocka_unit_test(header_from_a_checkpoint),
        cmocka_unit_test(versions_and_containers),
        cmocka_unit_test(pictures_that_grew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
