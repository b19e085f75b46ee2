/* The WebM reader on files made here byte by byte: what it reports, whole and split at every byte,
 * and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webm_bytes.h"

static void test_reports_tracks_blocks_and_clusters(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0}, c = {.bytes = 0};
    put_start(&b);
    put_uint(&c, 0xE7, 1000);
    put_simple(&c, 1, 0, 0x80, "K", 1);
    put_simple(&c, 2, 10, 0x80, "a", 1);
    put_element(&c, 0x4DBB, "unknown", 7);
    put_simple(&c, 1, 33, 0x00, "d", 1);
    const size_t start = b.bytes;
    put_master(&b, 0x1F43B675, &c);
    const Log log = read_all(&b);
    assert_int_equal(log.last, KT_END);
    assert_int_equal(log.count, 5);
    assert_int_equal(log.events[0].kind, KT_WEBM_TRACKS);
    expect_block(&log, 1, 1, 1000000, 1, 'K');
    expect_block(&log, 2, 2, 1010000, 1, 'a');
    expect_block(&log, 3, 1, 1033000, 0, 'd');
    const KtWebmEvent *e = &log.events[4];
    assert_int_equal(e->kind, KT_WEBM_CLUSTER);
    assert_int_equal(e->offset, start);
    assert_int_equal(e->bytes, b.bytes - start);
    assert_int_equal(e->pts_us, 1000000);
    assert_int_equal(e->end_us, 1033000);
    assert_int_equal(e->keyframe, 1);
}

static void test_describes_tracks(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0};
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    KtWebmTrackInfo t;
    put_start(&b);
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    assert_int_equal(kt_webm_reader_duration_us(r), -1);
    assert_int_equal(kt_webm_reader_feed(r, b.data, b.bytes), b.bytes);
    assert_int_equal(kt_webm_reader_next(r, &e), KT_OK);
    assert_int_equal(kt_webm_reader_duration_us(r), 1234500);
    assert_int_equal(kt_webm_reader_track_count(r), 2);
    assert_int_equal(kt_webm_reader_track(r, 2, &t), KT_ERR_ARG);
    assert_int_equal(kt_webm_reader_track(r, 0, &t), KT_OK);
    assert_string_equal(t.codec_id, "V_VP9");
    assert_true(t.is_video && !t.is_audio && t.width == 640 && t.height == 360);
    assert_int_equal(kt_webm_reader_track(r, 1, &t), KT_OK);
    assert_true(t.is_audio && t.channels == 2 && t.sample_rate_hz == 48000.0);
    assert_int_equal(t.codec_delay_ns, 6500000);
    assert_int_equal(t.default_duration_ns, 20000000);
    assert_int_equal(t.codec_private_bytes, 7);
    assert_memory_equal(t.codec_private, "private", 7);
    kt_webm_reader_destroy(&r);
}

static void test_unknown_size_clusters_end_at_the_next(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0};
    put_start(&b);
    const size_t first = b.bytes;
    put_id(&b, 0x1F43B675);
    put_size(&b, -1);
    put_uint(&b, 0xE7, 0);
    put_simple(&b, 1, 0, 0x80, "K", 1);
    const size_t second = b.bytes;
    put_id(&b, 0x1F43B675);
    put_size(&b, -1);
    put_uint(&b, 0xE7, 500);
    put_simple(&b, 2, 1, 0x80, "a", 1);
    const Log log = read_all(&b);
    assert_int_equal(log.last, KT_END);
    assert_int_equal(log.count, 5);
    assert_int_equal(log.events[2].kind, KT_WEBM_CLUSTER);
    assert_int_equal(log.events[2].offset, first);
    assert_int_equal(log.events[2].bytes, second - first);
    assert_int_equal(log.events[4].kind, KT_WEBM_CLUSTER);
    assert_int_equal(log.events[4].offset, second);
    assert_int_equal(log.events[4].keyframe, 0);
}

static void test_block_groups(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0}, c = {.bytes = 0}, g = {.bytes = 0};
    put_start(&b);
    put_uint(&c, 0xE7, 100);
    put_element(&g, 0xA1, "\x81\x00\x05\x00X", 5);
    put_uint(&g, 0x75A2, (uint64_t)-13500000);
    put_master(&c, 0xA0, &g);
    put_uint(&g, 0xFB, 3);
    put_master(&c, 0xA0, &g);
    put_master(&b, 0x1F43B675, &c);
    const Log log = read_all(&b);
    assert_int_equal(log.last, KT_END);
    assert_int_equal(log.count, 4);
    expect_block(&log, 1, 1, 105000, 1, 'X');
    assert_int_equal(log.events[1].discard_padding_ns, -13500000);
    expect_block(&log, 2, 1, 105000, 0, 'X');
}

static void test_laces_give_each_frame(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0}, c = {.bytes = 0};
    uint8_t xiph[1 + 2 + 1 + 300 + 2 + 1], ebml[1 + 1 + 1 + 6];
    put_start(&b);
    put_uint(&c, 0xE7, 0);
    memset(xiph, 'x', sizeof xiph);
    memcpy(xiph, "\x02\xFF\x2D\x02", 4); /* 3 frames: 300, 2, the rest */
    put_simple(&c, 2, 0, 0x82, xiph, sizeof xiph);
    put_simple(&c, 2, 60, 0x84,
               "\x02"
               "ppqqrr",
               7);
    memcpy(ebml,
           "\x02\x82\xBE"
           "eefggg",
           9); /* 2, 2 - 1, the rest */
    put_simple(&c, 2, 120, 0x86, ebml, sizeof ebml);
    put_master(&b, 0x1F43B675, &c);
    const Log log = read_all(&b);
    assert_int_equal(log.last, KT_END);
    assert_int_equal(log.count, 11);
    const size_t sizes[9] = {300, 2, 1, 2, 2, 2, 2, 1, 3};
    const char *first = "xxxpqrefg";
    for (int i = 0; i < 9; i++) {
        expect_block(&log, 1 + i, 2, 20000 * i, 1, first[i]);
        assert_int_equal(log.events[1 + i].data_bytes, sizes[i]);
    }
    assert_int_equal(log.events[10].end_us, 160000);
}

static void test_cues_are_reported(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0}, cues = {.bytes = 0}, point = {.bytes = 0}, where = {.bytes = 0};
    put_ebml(&b, "matroska");
    put_id(&b, 0x18538067);
    put_size(&b, -1);
    const int64_t payload = (int64_t)b.bytes;
    put_uint(&where, 0xF7, 1);
    put_uint(&where, 0xF1, 777);
    put_uint(&point, 0xB3, 2500);
    put_master(&point, 0xB7, &where);
    put_master(&cues, 0xBB, &point);
    put_master(&b, 0x1C53BB6B, &cues);
    const Log log = read_all(&b);
    assert_int_equal(log.count, 2);
    assert_int_equal(log.events[0].kind, KT_WEBM_CUE);
    assert_int_equal(log.events[0].pts_us, 2500000);
    assert_int_equal(log.events[0].offset, payload + 777);
    assert_int_equal(log.events[1].kind, KT_WEBM_CUES);
    assert_int_equal(log.events[1].offset, payload);
}

static void test_a_cut_keeps_whole_clusters(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0}, c = {.bytes = 0};
    size_t ends[3];
    put_start(&b);
    put_uint(&c, 0xE7, 0);
    put_simple(&c, 1, 0, 0x80, "KKKKKKKK", 8);
    for (int i = 0; i < 3; i++) {
        put_master(&b, 0x1F43B675, &c);
        ends[i] = b.bytes;
    }
    for (size_t cut = 0; cut <= b.bytes; cut++) {
        KtWebmReader *r = NULL;
        KtWebmEvent e;
        KtStatus status;
        int clusters = 0;
        assert_int_equal(kt_webm_reader_create(&r), KT_OK);
        if (cut > 0)
            assert_int_equal(kt_webm_reader_feed(r, b.data, cut), cut);
        kt_webm_reader_end(r);
        while ((status = kt_webm_reader_next(r, &e)) == KT_OK)
            clusters += e.kind == KT_WEBM_CLUSTER;
        assert_int_equal(status, KT_END);
        const int whole = (cut >= ends[0]) + (cut >= ends[1]) + (cut >= ends[2]);
        assert_int_equal(clusters, whole);
        assert_int_equal(kt_webm_reader_valid_bytes(r), whole ? ends[whole - 1] : 0);
        kt_webm_reader_destroy(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_tracks_blocks_and_clusters),
        cmocka_unit_test(test_describes_tracks),
        cmocka_unit_test(test_unknown_size_clusters_end_at_the_next),
        cmocka_unit_test(test_block_groups),
        cmocka_unit_test(test_laces_give_each_frame),
        cmocka_unit_test(test_cues_are_reported),
        cmocka_unit_test(test_a_cut_keeps_whole_clusters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
