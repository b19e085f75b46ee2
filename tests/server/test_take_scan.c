/* The scan of a take of which a beginning arrived: cut anywhere, fed in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "take/scan.h"
#include "take_file.h"

/* Scans the first bytes of the file in random pieces. */
static TakeScan *scan(size_t bytes, unsigned seed, TakeScanResult *out)
{
    TakeScan *s = take_scan_create();
    assert_non_null(s);
    KtStatus status = KT_OK;
    for (size_t at = 0; at < bytes && status == KT_OK;) {
        size_t piece = 1 + next_random(&seed) % (next_random(&seed) % 2 ? 100 : 200000);
        piece = piece < bytes - at ? piece : bytes - at;
        uint8_t *exact = malloc(piece);
        memcpy(exact, file.data + at, piece);
        status = take_scan_feed(s, exact, piece);
        free(exact);
        at += piece;
    }
    assert_true(status >= 0);
    take_scan_finish(s, out);
    return s;
}

static void check_cut(size_t cut, unsigned seed)
{
    TakeScanResult r;
    TakeScan *s = scan(cut, seed, &r);
    int whole = 0;
    size_t cues = 0;
    int64_t end_us = 0;
    while (whole < file.clusters && file.ends[whole] <= cut) {
        end_us = file.end_us[whole] > end_us ? file.end_us[whole] : end_us;
        whole++;
    }
    size_t valid = whole > 0 ? file.ends[whole - 1] : 0;
    assert_int_equal(r.clusters, whole);
    assert_int_equal(r.valid_bytes, valid);
    /* Sound counts from the decoder's delay on: 6.5 ms. */
    assert_in_range(r.duration_us + 6500, end_us > 6500 ? end_us - 1000 : 0, end_us + 7500);
    while (cues < file.cue_count && (size_t)file.cues[cues].cluster_offset < valid)
        cues++;
    assert_int_equal(r.cue_count, cues);
    for (size_t i = 0; i < cues; i++) {
        assert_int_equal(r.cues[i].cluster_offset, file.cues[i].cluster_offset);
        assert_in_range(r.cues[i].time_us + 1000, file.cues[i].time_us,
                        file.cues[i].time_us + 2000);
    }
    assert_int_equal(r.finished, cut == file.bytes);
    assert_memory_equal(r.header, file.data, cut < sizeof r.header ? cut : sizeof r.header);
    take_scan_destroy(&s);
    assert_null(s);
}

static void cut_anywhere(int has_video, int has_audio)
{
    unsigned seed = 11;
    make_file(has_video, has_audio);
    assert_true(file.clusters > SECONDS * 3);
    for (int i = 0; i < file.clusters; i++) {
        for (int off = -1; off <= 1; off++)
            check_cut(file.ends[i] + (size_t)off, next_random(&seed));
    }
    for (int i = 0; i < 150; i++)
        check_cut(next_random(&seed) % (file.bytes + 1), next_random(&seed));
    for (size_t cut = file.clusters_end; cut <= file.bytes; cut++)
        check_cut(cut, next_random(&seed));
}

static void picture_and_sound(void **state)
{
    (void)state;
    cut_anywhere(1, 1);
}

static void picture_alone(void **state)
{
    (void)state;
    cut_anywhere(1, 0);
}

static void sound_alone(void **state)
{
    (void)state;
    cut_anywhere(0, 1);
}

/* An unfinished file that is whole plays exactly as long as the writer says. */
static void the_length_is_that_of_the_writer(void **state)
{
    TakeScanResult finished, open;
    (void)state;
    for (int has_audio = 0; has_audio < 2; has_audio++) {
        make_file(1, has_audio);
        TakeScan *s = scan(file.bytes, 1, &finished);
        take_scan_destroy(&s);
        memcpy(file.data, file.plain_header, sizeof file.plain_header);
        s = scan(file.clusters_end, 1, &open);
        assert_true(finished.finished && !open.finished);
        assert_int_equal(open.duration_us, finished.duration_us);
        assert_int_equal(open.duration_us, SECONDS * 1000000);
        take_scan_destroy(&s);
    }
}

/* What is wrong in the middle ends the prefix; nothing after it counts. */
static void garbage(void **state)
{
    TakeScanResult r;
    (void)state;
    make_file(1, 1);
    size_t wrong = file.ends[9];
    memset(file.data + wrong, 0, 64);
    TakeScan *s = scan(file.bytes, 3, &r);
    assert_int_equal(r.valid_bytes, wrong);
    assert_int_equal(r.clusters, 10);
    assert_false(r.finished);
    take_scan_destroy(&s);
    memset(file.data, 'x', 4096);
    s = scan(file.bytes, 3, &r);
    assert_int_equal(r.valid_bytes, 0);
    assert_int_equal(r.clusters, 0);
    take_scan_destroy(&s);
    s = scan(0, 3, &r);
    assert_int_equal(r.valid_bytes, 0);
    take_scan_destroy(&s);
}

/* Bytes that follow the Cues are no part of a finished take. */
static void more_than_a_file(void **state)
{
    TakeScanResult r;
    (void)state;
    make_file(1, 1);
    memset(file.data + file.bytes, 0xff, 100);
    file.bytes += 100;
    TakeScan *s = scan(file.bytes, 3, &r);
    assert_int_equal(r.valid_bytes, file.clusters_end);
    assert_false(r.finished);
    take_scan_destroy(&s);
}

/* A keyframe in each of very many clusters: the cue points get fewer, the last ones stay. */
static void cues_are_bounded(void **state)
{
    static const uint8_t cluster[] = {0x1f, 0x43, 0xb6, 0x75, 0x8e, 0xe7, 0x84, 0,    0,   0,
                                      0,    0xa3, 0x86, 0x81, 0,    0,    0x80, 0x11, 0x22};
    const int count = 3 * TAKE_SCAN_MAX_CUES + 100;
    uint8_t one[sizeof cluster];
    TakeScanResult r;
    (void)state;
    make_file(1, 0);
    TakeScan *s = take_scan_create();
    assert_int_equal(take_scan_feed(s, file.plain_header, sizeof file.plain_header), KT_OK);
    for (int i = 0; i < count; i++) {
        memcpy(one, cluster, sizeof one);
        for (int k = 0; k < 4; k++)
            one[7 + k] = (uint8_t)(((unsigned)i * 10u) >> (24 - 8 * k));
        assert_int_equal(take_scan_feed(s, one, sizeof one), KT_OK);
    }
    take_scan_finish(s, &r);
    assert_int_equal(r.clusters, count);
    assert_int_equal(r.valid_bytes, sizeof file.plain_header + (size_t)count * sizeof one);
    assert_in_range(r.cue_count, TAKE_SCAN_MAX_CUES / 2, TAKE_SCAN_MAX_CUES);
    assert_int_equal(r.cues[0].time_us, 0);
    for (size_t i = 1; i < r.cue_count; i++)
        assert_true(r.cues[i].cluster_offset > r.cues[i - 1].cluster_offset);
    assert_true(r.cues[r.cue_count - 1].time_us > (int64_t)(count - 10) * 10000);
    take_scan_destroy(&s);
}

static int attempt(void *context)
{
    TakeScan *s = take_scan_create();
    TakeScanResult r = {0};
    (void)context;
    KtStatus status = s ? take_scan_feed(s, file.data, file.bytes) : KT_ERR_MEMORY;
    if (s)
        take_scan_finish(s, &r);
    take_scan_destroy(&s);
    return status != KT_ERR_MEMORY && r.finished;
}

static void without_memory(void **state)
{
    (void)state;
    make_file(1, 1);
    assert_true(kt_alloc_each(attempt, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_and_sound), cmocka_unit_test(picture_alone),
        cmocka_unit_test(sound_alone),       cmocka_unit_test(the_length_is_that_of_the_writer),
        cmocka_unit_test(garbage),           cmocka_unit_test(more_than_a_file),
        cmocka_unit_test(cues_are_bounded),  cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
