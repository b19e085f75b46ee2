/* The order in which a take becomes safe: what counts, what may be uploaded and what may be let go
 * of, with a journal whose records become stored late, in any order, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "journal_rig.h"
#include "keeptake/take_store.h"

#define SECOND INT64_C(1000000)
#define PART (INT64_C(64) << 10)

static const KtUploaderConfig upload_config = {
    .part_bytes = PART,
    .max_inflight = 3,
    .first_tail_us = 4 * SECOND,
    .sign_timeout_us = 10 * SECOND,
    .stall_timeout_us = 20 * SECOND,
    .retry_base_us = SECOND / 2,
    .retry_max_us = 20 * SECOND,
    .seed = 7,
    .patch_first_part = 1,
};

/* A take whose chunks go through the store under test; the rig gives chunks and a timeline. */
typedef struct Bench {
    JournalRig rig; /* its journal is not used */
    KtJournal *journal;
    KtTakeStore *store;
    KtUploader *uploader;
    uint32_t made[4096]; /* sequences of the chunks' records */
    int made_count;
} Bench;

static void bench_open(Bench *b, uint32_t seed, int keep_all)
{
    const JrOptions options = {
        .seed = seed, .part_bytes = PART, .keyframe_us = 2 * SECOND, .events = 20};
    const KtJournalConfig config = {.take_id = "order", .part_bytes = PART, .keep_all = keep_all};
    memset(b, 0, sizeof *b);
    jr_open(&b->rig, &options);
    assert_int_equal(kt_journal_create(&config, &b->journal), KT_OK);
    assert_int_equal(kt_take_store_create(keep_all, &b->store), KT_OK);
    assert_int_equal(kt_uploader_create(&upload_config, &b->uploader), KT_OK);
}

static void bench_close(Bench *b)
{
    kt_take_store_destroy(&b->store);
    assert_null(b->store);
    kt_uploader_destroy(&b->uploader);
    kt_journal_destroy(&b->journal);
    jr_close(&b->rig);
}

static KtStatus give(Bench *b, KtJournal *j, int record)
{
    KtJournalRecord out;
    const KtChunk chunk = jr_chunk(&b->rig.records[record]);
    const KtStatus status = kt_take_store_chunk(b->store, j, b->rig.timeline, &chunk, &out);
    if (status != KT_OK)
        return status;
    assert_int_equal(out.bytes > 0, j != NULL);
    if (j)
        b->made[b->made_count++] = out.sequence;
    return KT_OK;
}

static int count_all(Bench *b, KtUploader *u)
{
    KtCountedChunk c;
    int count = 0;
    while (kt_take_store_count(b->store, u, 0, &c) == KT_OK)
        count++;
    return count;
}

static int64_t total_of(const KtUploader *u)
{
    KtUploaderStats stats;
    kt_uploader_stats(u, 0, &stats);
    return stats.total_bytes;
}

static void a_chunk_counts_when_its_record_is_stored_and_all_before(void **state)
{
    (void)state;
    Bench b;
    KtCountedChunk c;
    bench_open(&b, 1, 0);
    jr_run(&b.rig, 2 * SECOND);
    for (int i = 0; i < 4; i++)
        assert_int_equal(give(&b, b.journal, i), KT_OK);
    assert_int_equal(kt_take_store_count(b.store, b.uploader, 0, &c), KT_AGAIN);
    assert_int_equal(kt_take_store_stored(b.store, b.made[1], 1), KT_OK);
    assert_int_equal(kt_take_store_count(b.store, b.uploader, 0, &c), KT_AGAIN);
    assert_int_equal(kt_take_store_stored(b.store, b.made[0], 1), KT_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kt_take_store_count(b.store, b.uploader, 0, &c), KT_OK);
        assert_int_equal(c.sequence, b.made[i]);
        assert_int_equal(c.offset, b.rig.records[i].offset);
        assert_int_equal(c.bytes, b.rig.records[i].chunk_bytes);
        assert_int_equal(c.is_stored, 1);
        assert_int_equal(c.upload, KT_OK);
    }
    assert_int_equal(kt_take_store_count(b.store, b.uploader, 0, &c), KT_AGAIN);
    assert_int_equal(total_of(b.uploader), b.rig.records[2].offset);
    assert_int_equal(kt_take_store_counted_bytes(b.store), b.rig.records[2].offset);
    /* One that could not be stored counts all the same: its bytes are the caller's to keep. */
    assert_int_equal(kt_take_store_stored(b.store, b.made[2], 0), KT_OK);
    assert_int_equal(kt_take_store_count(b.store, b.uploader, 0, &c), KT_OK);
    assert_int_equal(c.is_stored, 0);
    assert_int_equal(kt_take_store_stored(b.store, b.made[2], 1), KT_ERR_NOT_FOUND);
    bench_close(&b);
}

static void an_uploader_that_comes_late_is_given_all(void **state)
{
    (void)state;
    Bench b;
    bench_open(&b, 2, 0);
    jr_run(&b.rig, 3 * SECOND);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(give(&b, b.journal, i), KT_OK);
        assert_int_equal(kt_take_store_stored(b.store, b.made[i], 1), KT_OK);
    }
    assert_int_equal(count_all(&b, NULL), 5);
    assert_int_equal(total_of(b.uploader), 0);
    assert_int_equal(count_all(&b, b.uploader), 0);
    assert_int_equal(total_of(b.uploader), kt_take_store_counted_bytes(b.store));
    assert_int_equal(kt_take_store_finish(b.store, b.uploader, 0), KT_OK);
    /* It takes no more, and the take goes on without it. */
    assert_int_equal(give(&b, b.journal, 5), KT_OK);
    assert_int_equal(kt_take_store_stored(b.store, b.made[5], 1), KT_OK);
    KtCountedChunk c;
    assert_int_equal(kt_take_store_count(b.store, b.uploader, 0, &c), KT_OK);
    assert_int_equal(c.upload, KT_ERR_STATE);
    bench_close(&b);
}

static void a_journal_that_ends_holds_up_nothing(void **state)
{
    (void)state;
    Bench b;
    KtJournalCheckpoint checkpoint;
    bench_open(&b, 3, 0);
    jr_run(&b.rig, 3 * SECOND);
    for (int i = 0; i < 3; i++)
        assert_int_equal(give(&b, b.journal, i), KT_OK);
    assert_int_equal(give(&b, NULL, 3), KT_OK); /* waits for those before it alone */
    assert_int_equal(count_all(&b, b.uploader), 0);
    assert_int_equal(kt_take_store_finish(b.store, b.uploader, 0), KT_ERR_STATE);
    assert_int_equal(kt_take_store_journal_ended(b.store), KT_OK);
    assert_int_equal(count_all(&b, b.uploader), 4);
    const int64_t counted = kt_take_store_counted_bytes(b.store);
    assert_int_equal(kt_take_store_release(b.store, NULL, NULL, counted, &checkpoint), KT_OK);
    assert_int_equal(checkpoint.record.bytes, 0);
    assert_int_equal(checkpoint.drop_count, 0);
    assert_int_equal(kt_take_store_finish(b.store, b.uploader, 0), KT_OK);
    bench_close(&b);
}

static void only_what_counts_is_released(void **state)
{
    (void)state;
    Bench b;
    KtJournalCheckpoint checkpoint;
    bench_open(&b, 4, 0);
    jr_run(&b.rig, 2 * SECOND);
    assert_int_equal(give(&b, b.journal, 0), KT_OK);
    assert_int_equal(give(&b, b.journal, 1), KT_OK);
    assert_int_equal(kt_take_store_stored(b.store, b.made[0], 1), KT_OK);
    assert_int_equal(count_all(&b, b.uploader), 1);
    const int64_t counted = kt_take_store_counted_bytes(b.store);
    assert_int_equal(
        kt_take_store_release(b.store, b.journal, b.rig.timeline, counted + 1, &checkpoint),
        KT_ERR_ARG);
    assert_int_equal(
        kt_take_store_release(b.store, b.journal, b.rig.timeline, counted, &checkpoint), KT_OK);
    assert_true(checkpoint.record.bytes > 0);
    bench_close(&b);

    bench_open(&b, 4, 1);
    assert_int_equal(kt_take_store_release(b.store, b.journal, b.rig.timeline, 0, &checkpoint),
                     KT_AGAIN);
    assert_int_equal(kt_take_store_release(b.store, NULL, NULL, 0, &checkpoint), KT_OK);
    bench_close(&b);
}

/* A chunk that the journal does not take is not lost: it is given again, without it. */
static void a_chunk_that_cannot_be_journaled(void **state)
{
    (void)state;
    Bench b;
    bench_open(&b, 5, 0);
    jr_run(&b.rig, 2 * SECOND);
    assert_int_equal(give(&b, b.journal, 1), KT_ERR_ORDER);
    assert_int_equal(give(&b, b.journal, 0), KT_OK);
    assert_int_equal(give(&b, NULL, 1), KT_OK);
    assert_int_equal(kt_take_store_stored(b.store, b.made[0], 1), KT_OK);
    assert_int_equal(count_all(&b, b.uploader), 2);
    bench_close(&b);
}

static void waiting_has_a_bound(void **state)
{
    (void)state;
    KtTakeStore *s = NULL;
    KtJournalRecord out;
    KtCountedChunk c;
    KtChunk chunk = {.kind = KT_CHUNK_CLUSTER, .bytes = 10};
    assert_int_equal(kt_take_store_create(0, &s), KT_OK);
    for (int i = 0; i < KT_TAKE_STORE_MAX_WAITING; i++) {
        assert_int_equal(kt_take_store_chunk(s, NULL, NULL, &chunk, &out), KT_OK);
        chunk.offset += 10;
    }
    assert_int_equal(kt_take_store_chunk(s, NULL, NULL, &chunk, &out), KT_ERR_LIMIT);
    assert_int_equal(kt_take_store_count(s, NULL, 0, &c), KT_OK);
    assert_int_equal(kt_take_store_chunk(s, NULL, NULL, &chunk, &out), KT_OK);
    int64_t at = 10;
    for (; kt_take_store_count(s, NULL, 0, &c) == KT_OK; at += 10)
        assert_int_equal(c.offset, at);
    assert_int_equal(at, chunk.offset + 10);
    kt_take_store_destroy(&s);
}

/* ---- whatever dies ---- */

typedef struct Disk {
    uint8_t *data[4096];
    size_t bytes[4096];
    int settled[4096]; /* its caller was told */
} Disk;

static void disk_write(Disk *disk, const KtJournalRecord *record)
{
    assert_true(record->sequence < 4096);
    disk->data[record->sequence] = malloc(record->bytes);
    assert_non_null(disk->data[record->sequence]);
    memcpy(disk->data[record->sequence], record->data, record->bytes);
    disk->bytes[record->sequence] = record->bytes;
}

/* What the store got so far, by the requests of an uploader that all succeed. */
static void upload(Bench *b, Disk *disk, int64_t *sent_end)
{
    KtUploadRequest r;
    KtJournalCheckpoint c;
    while (kt_uploader_next(b->uploader, b->rig.now_us, &r) == KT_OK) {
        switch (r.kind) {
        case KT_UPLOAD_CREATE:
            kt_uploader_created(b->uploader, b->rig.now_us, r.id);
            break;
        case KT_UPLOAD_SIGN:
            kt_uploader_signed(b->uploader, b->rig.now_us, r.id, b->rig.now_us + 3600 * SECOND);
            break;
        case KT_UPLOAD_PUT:
            assert_true(r.offset + r.bytes <= kt_take_store_counted_bytes(b->store));
            if (r.offset + r.bytes > *sent_end)
                *sent_end = r.offset + r.bytes;
            kt_uploader_put_done(b->uploader, b->rig.now_us, r.id, "e");
            break;
        case KT_UPLOAD_RELEASE:
            assert_int_equal(
                kt_take_store_release(b->store, b->journal, b->rig.timeline, r.offset, &c), KT_OK);
            disk_write(disk, &c.record);
            disk->settled[c.record.sequence] = 1;
            for (int i = 0; i < c.drop_count; i++)
                for (uint32_t k = c.drops[i].from; k < c.drops[i].to; k++)
                    disk->bytes[k] = 0;
            break;
        default:
            fail();
        }
    }
}

/* Of the records that were never told to be stored some are there, some not. */
static void check_after_death(Bench *b, Disk *disk, int64_t sent_end)
{
    KtJournalReader *reader = NULL;
    KtJournalTake take;
    const uint8_t id[KT_JOURNAL_TAKE_ID_BYTES] = "order";
    assert_int_equal(kt_journal_reader_create(id, &reader), KT_OK);
    for (int i = 0; i < 4096; i++)
        if (disk->bytes[i] > 0 && (disk->settled[i] || jr_random(&b->rig.random, 2)))
            assert_int_equal(kt_journal_reader_add(reader, disk->data[i], disk->bytes[i]), KT_OK);
    const KtStatus status = kt_journal_reader_finish(reader, &take);
    if (sent_end > 0)
        assert_int_equal(status, KT_OK);
    /* The store has no byte that the journal does not know of. */
    if (status == KT_OK)
        assert_true(take.file_bytes >= sent_end);
    kt_journal_reader_destroy(&reader);
}

static void the_journal_knows_all_that_was_uploaded(void **state)
{
    (void)state;
    static Disk disk;
    int64_t uploaded = 0;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        Bench b;
        KtCountedChunk c;
        int64_t sent_end = 0;
        int given = 0;
        memset(&disk, 0, sizeof disk);
        bench_open(&b, seed, 0);
        const int64_t dies_us = SECOND + (int64_t)jr_random(&b.rig.random, 20) * SECOND;
        while (b.rig.now_us < dies_us) {
            jr_run(&b.rig, b.rig.now_us + SECOND / 4);
            for (; given < b.rig.count; given++) {
                KtJournalRecord out;
                const KtChunk chunk = jr_chunk(&b.rig.records[given]);
                assert_int_equal(
                    kt_take_store_chunk(b.store, b.journal, b.rig.timeline, &chunk, &out), KT_OK);
                disk_write(&disk, &out);
                b.made[b.made_count++] = out.sequence;
            }
            for (int tries = 0; tries < 4; tries++) {
                const uint32_t sequence = b.made[jr_random(&b.rig.random, (uint32_t)b.made_count)];
                if (kt_take_store_stored(b.store, sequence, 1) == KT_OK)
                    disk.settled[sequence] = 1;
            }
            /* The oldest is stored in the end. */
            for (int i = 0; i < b.made_count && jr_random(&b.rig.random, 2); i++)
                if (kt_take_store_stored(b.store, b.made[i], 1) == KT_OK)
                    disk.settled[b.made[i]] = 1;
            while (kt_take_store_count(b.store, b.uploader, b.rig.now_us, &c) == KT_OK)
                assert_int_equal(c.upload, KT_OK);
            upload(&b, &disk, &sent_end);
        }
        check_after_death(&b, &disk, sent_end);
        uploaded += sent_end;
        for (int i = 0; i < 4096; i++)
            free(disk.data[i]);
        bench_close(&b);
    }
    assert_true(uploaded > 20 * PART);
}

static int create_and_grow(void *context)
{
    (void)context;
    KtTakeStore *s = NULL;
    KtJournalRecord out;
    const KtChunk chunk = {.kind = KT_CHUNK_CLUSTER, .bytes = 10};
    KtStatus status = kt_take_store_create(0, &s);
    for (int i = 0; status == KT_OK && i < 65; i++)
        status = kt_take_store_chunk(s, NULL, NULL, &chunk, &out);
    kt_take_store_destroy(&s);
    return status == KT_OK;
}

static void failed_allocations(void **state)
{
    (void)state;
    assert_int_equal(kt_alloc_each(create_and_grow, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_counts_when_its_record_is_stored_and_all_before),
        cmocka_unit_test(an_uploader_that_comes_late_is_given_all),
        cmocka_unit_test(a_journal_that_ends_holds_up_nothing),
        cmocka_unit_test(only_what_counts_is_released),
        cmocka_unit_test(a_chunk_that_cannot_be_journaled),
        cmocka_unit_test(waiting_has_a_bound),
        cmocka_unit_test(the_journal_knows_all_that_was_uploaded),
        cmocka_unit_test(failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
