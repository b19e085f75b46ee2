/* The WebM reader on files made here byte by byte: what it reports, whole and split at every byte,
 * and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/webm_reader.h"

#define MAX_EVENTS 64

typedef struct Bytes {
    uint8_t data[8192];
    size_t bytes;
} Bytes;

typedef struct Log {
    int count;
    KtStatus last;
    KtWebmEvent events[MAX_EVENTS]; /* data: NULL */
    uint8_t first_byte[MAX_EVENTS];
} Log;

static void put(Bytes *b, const void *data, size_t bytes)
{
    assert_true(b->bytes + bytes <= sizeof b->data);
    memcpy(b->data + b->bytes, data, bytes);
    b->bytes += bytes;
}

static void put_id(Bytes *b, uint32_t id)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t)(id >> shift);
        if (id >> shift)
            put(b, &byte, 1);
    }
}

/* A size of eight bytes; -1: unknown. */
static void put_size(Bytes *b, int64_t size)
{
    uint8_t out[8] = {0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    for (int i = 1; size >= 0 && i < 8; i++)
        out[i] = (uint8_t)(size >> (8 * (7 - i)));
    put(b, out, 8);
}

static void put_element(Bytes *b, uint32_t id, const void *payload, size_t bytes)
{
    put_id(b, id);
    put_size(b, (int64_t)bytes);
    put(b, payload, bytes);
}

static void put_master(Bytes *b, uint32_t id, const Bytes *children)
{
    put_element(b, id, children->data, children->bytes);
}

static void put_uint(Bytes *b, uint32_t id, uint64_t value)
{
    uint8_t out[8];
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * (7 - i)));
    put_element(b, id, out, 8);
}

static void put_double(Bytes *b, uint32_t id, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    put_uint(b, id, bits);
}

static void put_ebml(Bytes *b, const char *doc_type)
{
    Bytes c = {.bytes = 0};
    put_element(&c, 0x4282, doc_type, strlen(doc_type));
    put_master(b, 0x1A45DFA3, &c);
}

static void put_info(Bytes *b, double duration)
{
    Bytes c = {.bytes = 0};
    put_uint(&c, 0x2AD7B1, 1000000);
    put_double(&c, 0x4489, duration);
    put_master(b, 0x1549A966, &c);
}

static void put_track(Bytes *b, uint64_t number, uint64_t type, uint64_t default_ns)
{
    Bytes entry = {.bytes = 0}, detail = {.bytes = 0};
    put_uint(&entry, 0xD7, number);
    put_uint(&entry, 0x83, type);
    put_element(&entry, 0x86, type == 1 ? "V_VP9" : "A_OPUS", type == 1 ? 5 : 6);
    put_element(&entry, 0x63A2, "private", 7);
    put_uint(&entry, 0x23E383, default_ns);
    if (type == 1) {
        put_uint(&detail, 0xB0, 640);
        put_uint(&detail, 0xBA, 360);
        put_master(&entry, 0xE0, &detail);
    } else {
        put_uint(&entry, 0x56AA, 6500000);
        put_double(&detail, 0xB5, 48000);
        put_uint(&detail, 0x9F, 2);
        put_master(&entry, 0xE1, &detail);
    }
    put_master(b, 0xAE, &entry);
}

static void put_tracks(Bytes *b)
{
    Bytes c = {.bytes = 0};
    put_track(&c, 1, 1, 0);
    put_track(&c, 2, 2, 20000000);
    put_master(b, 0x1654AE6B, &c);
}

static void put_simple(Bytes *b, int track, int relative, int flags, const void *data, size_t bytes)
{
    Bytes c = {.bytes = 0};
    const uint8_t head[4] = {(uint8_t)(0x80 | track), (uint8_t)(relative >> 8), (uint8_t)relative,
                             (uint8_t)flags};
    put(&c, head, 4);
    put(&c, data, bytes);
    put_master(b, 0xA3, &c);
}

/* Segment (unknown size), Info, Void, Tracks: where clusters may follow. */
static void put_start(Bytes *b)
{
    put_ebml(b, "webm");
    put_id(b, 0x18538067);
    put_size(b, -1);
    put_info(b, 1234.5);
    put_element(b, 0xEC, "\0\0\0", 3);
    put_tracks(b);
}

static Log read_pieces(const uint8_t *data, size_t bytes, size_t piece)
{
    static Log log; /* large */
    memset(&log, 0, sizeof log);
    KtWebmReader *r = NULL;
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    /* An exact-size copy, so that ASan sees any read beyond it. */
    uint8_t *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, data, bytes);
    size_t at = 0;
    int ended = 0;
    for (;;) {
        KtWebmEvent e;
        while ((log.last = kt_webm_reader_next(r, &e)) == KT_OK) {
            assert_true(log.count < MAX_EVENTS);
            log.first_byte[log.count] = e.data && e.data_bytes ? e.data[0] : 0;
            e.data = NULL;
            log.events[log.count++] = e;
        }
        if (log.last != KT_AGAIN)
            break;
        if (at == bytes) {
            assert_false(ended);
            ended = 1;
            assert_int_equal(kt_webm_reader_end(r), KT_OK);
            continue;
        }
        const size_t n = bytes - at < piece ? bytes - at : piece;
        const int64_t taken = kt_webm_reader_feed(r, copy + at, n);
        assert_true(taken > 0 && taken <= (int64_t)n);
        at += (size_t)taken;
    }
    free(copy);
    kt_webm_reader_destroy(&r);
    assert_null(r);
    return log;
}

static void expect_same(const KtWebmEvent *a, const KtWebmEvent *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->pts_us, b->pts_us);
    assert_int_equal(a->end_us, b->end_us);
    assert_int_equal(a->track, b->track);
    assert_int_equal(a->keyframe, b->keyframe);
    assert_int_equal(a->discard_padding_ns, b->discard_padding_ns);
    assert_int_equal(a->data_bytes, b->data_bytes);
}

/* The same whole, byte by byte and in odd pieces. */
static Log read_all(const Bytes *b)
{
    const Log whole = read_pieces(b->data, b->bytes, b->bytes ? b->bytes : 1);
    for (size_t piece = 1; piece < 40; piece += 6) {
        const Log split = read_pieces(b->data, b->bytes, piece);
        assert_int_equal(split.last, whole.last);
        assert_int_equal(split.count, whole.count);
        for (int i = 0; i < whole.count; i++)
            expect_same(&split.events[i], &whole.events[i]);
        assert_memory_equal(split.first_byte, whole.first_byte, sizeof whole.first_byte);
    }
    return whole;
}

static void expect_block(const Log *log, int i, uint64_t track, int64_t pts_us, int keyframe,
                         int first_byte)
{
    assert_true(i < log->count);
    assert_int_equal(log->events[i].kind, KT_WEBM_BLOCK);
    assert_int_equal(log->events[i].track, track);
    assert_int_equal(log->events[i].pts_us, pts_us);
    assert_int_equal(log->events[i].keyframe, keyframe);
    assert_int_equal(log->first_byte[i], first_byte);
}

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

static void test_bad_laces_are_refused(void **state)
{
    (void)state;
    static const struct {
        int flags;
        const char *data;
        size_t bytes;
    } cases[] = {
        {0x02, "", 0},          {0x02, "\x01\xFF", 2},   {0x02, "\x01\x09xx", 4},
        {0x04, "\x01xyz", 4},   {0x06, "\x01\x00", 2},   {0x06, "\x02\x82\x80xxxx", 7},
        {0x06, "\x01\xFFx", 3}, {0x06, "\x01\x89xx", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Bytes b = {.bytes = 0}, c = {.bytes = 0};
        put_start(&b);
        put_uint(&c, 0xE7, 0);
        put_simple(&c, 2, 0, cases[i].flags, cases[i].data, cases[i].bytes);
        put_master(&b, 0x1F43B675, &c);
        assert_int_equal(read_all(&b).last, KT_ERR_FORMAT);
    }
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

static void expect_refused(const Bytes *b, KtStatus expected)
{
    assert_int_equal(read_all(b).last, expected);
}

static void test_refuses_what_is_no_webm(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0};
    put(&b, "RIFF....WAVEfmt ", 16);
    expect_refused(&b, KT_ERR_FORMAT);
    b.bytes = 0;
    put(&b,
        "\0\0\0\x18"
        "ftypmp42",
        12);
    expect_refused(&b, KT_ERR_FORMAT);
    b.bytes = 0;
    put_ebml(&b, "other");
    expect_refused(&b, KT_ERR_UNSUPPORTED);
    b.bytes = 0;
    put_id(&b, 0x1A45DFA3);
    put_size(&b, 5000);
    expect_refused(&b, KT_ERR_LIMIT);
    b.bytes = 0;
    put_id(&b, 0x1A45DFA3);
    put_size(&b, -1);
    expect_refused(&b, KT_ERR_FORMAT);
}

static void test_refuses_bad_structure(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0}, c = {.bytes = 0};
    /* A second file behind the first. */
    put_start(&b);
    put_start(&b);
    expect_refused(&b, KT_ERR_UNSUPPORTED);
    /* A block before its cluster's timestamp. */
    b.bytes = 0;
    put_start(&b);
    put_simple(&c, 1, 0, 0x80, "K", 1);
    put_master(&b, 0x1F43B675, &c);
    expect_refused(&b, KT_ERR_FORMAT);
    /* A child longer than its cluster. */
    b.bytes = c.bytes = 0;
    put_start(&b);
    put_uint(&c, 0xE7, 0);
    put_id(&c, 0xA3);
    put_size(&c, 100);
    put_master(&b, 0x1F43B675, &c);
    expect_refused(&b, KT_ERR_FORMAT);
    /* A track number of 0, twice the same, and too many. */
    b.bytes = c.bytes = 0;
    put_ebml(&b, "webm");
    put_id(&b, 0x18538067);
    put_size(&b, -1);
    const size_t start = b.bytes;
    put_track(&c, 0, 1, 0);
    put_master(&b, 0x1654AE6B, &c);
    expect_refused(&b, KT_ERR_FORMAT);
    b.bytes = start;
    c.bytes = 0;
    put_track(&c, 3, 1, 0);
    put_track(&c, 3, 2, 0);
    put_master(&b, 0x1654AE6B, &c);
    expect_refused(&b, KT_ERR_FORMAT);
    b.bytes = start;
    c.bytes = 0;
    for (uint64_t n = 1; n <= KT_WEBM_READER_MAX_TRACKS + 1; n++)
        put_track(&c, n, 1, 0);
    put_master(&b, 0x1654AE6B, &c);
    expect_refused(&b, KT_ERR_LIMIT);
}

static void test_announced_sizes_allocate_nothing(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        int64_t size;
        KtStatus status;
    } cases[] = {
        {0xA3, INT64_C(1) << 55, KT_ERR_LIMIT},
        {0xA3, KT_WEBM_READER_MAX_BLOCK_BYTES + 1, KT_ERR_LIMIT},
        {0xA3, KT_WEBM_READER_MAX_BLOCK_BYTES, KT_AGAIN},
        {0xEC, (INT64_C(1) << 56) - 2, KT_AGAIN}, /* skipped, however long */
        {0xA3, -1, KT_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Bytes b = {.bytes = 0};
        KtWebmReader *r = NULL;
        KtWebmEvent e;
        KtStatus status;
        put_start(&b);
        put_id(&b, 0x1F43B675);
        put_size(&b, -1);
        put_uint(&b, 0xE7, 0);
        put_id(&b, cases[i].id);
        put_size(&b, cases[i].size);
        assert_int_equal(kt_webm_reader_create(&r), KT_OK);
        assert_int_equal(kt_webm_reader_feed(r, b.data, b.bytes), b.bytes);
        const long before = kt_alloc_count();
        while ((status = kt_webm_reader_next(r, &e)) == KT_OK)
            ;
        assert_int_equal(status, cases[i].status);
        assert_int_equal(kt_alloc_count(), before);
        if (status < 0) {
            assert_int_equal(kt_webm_reader_feed(r, b.data, 1), KT_ERR_STATE);
            assert_int_equal(kt_webm_reader_next(r, &e), status);
        }
        kt_webm_reader_destroy(&r);
    }
}

static void test_large_block_arrives_in_pieces(void **state)
{
    (void)state;
    const size_t payload = 5u << 20;
    Bytes b = {.bytes = 0};
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    KtStatus status;
    uint8_t *data = calloc(1, payload);
    put_start(&b);
    put_id(&b, 0x1F43B675);
    put_size(&b, -1);
    put_uint(&b, 0xE7, 0);
    put_id(&b, 0xA3);
    put_size(&b, (int64_t)payload);
    memcpy(data, "\x81\0\0\x80", 4);
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    assert_int_equal(kt_webm_reader_feed(r, b.data, b.bytes), b.bytes);
    size_t at = 0;
    while ((status = kt_webm_reader_next(r, &e)) != KT_OK || e.kind != KT_WEBM_BLOCK) {
        assert_true(status == KT_OK || (status == KT_AGAIN && at < payload));
        if (status == KT_AGAIN) {
            const int64_t n =
                kt_webm_reader_feed(r, data + at, payload - at < 70001 ? payload - at : 70001);
            assert_true(n > 0);
            at += (size_t)n;
        }
    }
    assert_int_equal(at, payload);
    assert_int_equal(e.data_bytes, payload - 4);
    assert_memory_equal(e.data, data + 4, payload - 4);
    free(data);
    kt_webm_reader_destroy(&r);
}

static void test_arguments(void **state)
{
    (void)state;
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    assert_int_equal(kt_webm_reader_create(NULL), KT_ERR_ARG);
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    assert_int_equal(kt_webm_reader_feed(NULL, (const uint8_t *)"", 0), KT_ERR_ARG);
    assert_int_equal(kt_webm_reader_feed(r, NULL, 1), KT_ERR_ARG);
    assert_int_equal(kt_webm_reader_feed(r, NULL, 0), 0);
    assert_int_equal(kt_webm_reader_next(r, NULL), KT_ERR_ARG);
    assert_int_equal(kt_webm_reader_next(r, &e), KT_AGAIN);
    assert_int_equal(kt_webm_reader_end(r), KT_OK);
    assert_int_equal(kt_webm_reader_next(r, &e), KT_END);
    assert_int_equal(kt_webm_reader_feed(r, (const uint8_t *)"x", 1), KT_ERR_STATE);
    assert_int_equal(kt_webm_reader_valid_bytes(r), 0);
    kt_webm_reader_destroy(&r);
    kt_webm_reader_destroy(&r);
    kt_webm_reader_destroy(NULL);
}

static int attempt(void *context)
{
    const Bytes *b = context;
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    int good = kt_webm_reader_create(&r) == KT_OK &&
               kt_webm_reader_feed(r, b->data, b->bytes) == (int64_t)b->bytes &&
               kt_webm_reader_next(r, &e) == KT_OK;
    kt_webm_reader_destroy(&r);
    return good;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    Bytes b = {.bytes = 0};
    put_start(&b);
    assert_true(kt_alloc_each(attempt, &b) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_tracks_blocks_and_clusters),
        cmocka_unit_test(test_describes_tracks),
        cmocka_unit_test(test_unknown_size_clusters_end_at_the_next),
        cmocka_unit_test(test_block_groups),
        cmocka_unit_test(test_laces_give_each_frame),
        cmocka_unit_test(test_bad_laces_are_refused),
        cmocka_unit_test(test_cues_are_reported),
        cmocka_unit_test(test_a_cut_keeps_whole_clusters),
        cmocka_unit_test(test_refuses_what_is_no_webm),
        cmocka_unit_test(test_refuses_bad_structure),
        cmocka_unit_test(test_announced_sizes_allocate_nothing),
        cmocka_unit_test(test_large_block_arrives_in_pieces),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("webm_reader", tests, NULL, NULL);
}
