/* What the tests of the WebM reader share: files put together element by element, and what the
 * reader says of them whole and byte by byte. Include after cmocka.h. */
#ifndef KEEPTAKE_TEST_WEBM_BYTES_H
#define KEEPTAKE_TEST_WEBM_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "exact_copy.h"
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

static inline void put(Bytes *b, const void *data, size_t bytes)
{
    assert_true(b->bytes + bytes <= sizeof b->data);
    memcpy(b->data + b->bytes, data, bytes);
    b->bytes += bytes;
}

static inline void put_id(Bytes *b, uint32_t id)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t)(id >> shift);
        if (id >> shift)
            put(b, &byte, 1);
    }
}

/* A size of eight bytes; -1: unknown. */
static inline void put_size(Bytes *b, int64_t size)
{
    uint8_t out[8] = {0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    for (int i = 1; size >= 0 && i < 8; i++)
        out[i] = (uint8_t)(size >> (8 * (7 - i)));
    put(b, out, 8);
}

static inline void put_element(Bytes *b, uint32_t id, const void *payload, size_t bytes)
{
    put_id(b, id);
    put_size(b, (int64_t)bytes);
    put(b, payload, bytes);
}

static inline void put_master(Bytes *b, uint32_t id, const Bytes *children)
{
    put_element(b, id, children->data, children->bytes);
}

static inline void put_uint(Bytes *b, uint32_t id, uint64_t value)
{
    uint8_t out[8];
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * (7 - i)));
    put_element(b, id, out, 8);
}

static inline void put_double(Bytes *b, uint32_t id, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    put_uint(b, id, bits);
}

static inline void put_ebml(Bytes *b, const char *doc_type)
{
    Bytes c = {.bytes = 0};
    put_element(&c, 0x4282, doc_type, strlen(doc_type));
    put_master(b, 0x1A45DFA3, &c);
}

static inline void put_info(Bytes *b, double duration)
{
    Bytes c = {.bytes = 0};
    put_uint(&c, 0x2AD7B1, 1000000);
    put_double(&c, 0x4489, duration);
    put_master(b, 0x1549A966, &c);
}

static inline void put_track(Bytes *b, uint64_t number, uint64_t type, uint64_t default_ns)
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

static inline void put_tracks(Bytes *b)
{
    Bytes c = {.bytes = 0};
    put_track(&c, 1, 1, 0);
    put_track(&c, 2, 2, 20000000);
    put_master(b, 0x1654AE6B, &c);
}

static inline void put_simple(Bytes *b, int track, int relative, int flags, const void *data,
                              size_t bytes)
{
    Bytes c = {.bytes = 0};
    const uint8_t head[4] = {(uint8_t)(0x80 | track), (uint8_t)(relative >> 8), (uint8_t)relative,
                             (uint8_t)flags};
    put(&c, head, 4);
    put(&c, data, bytes);
    put_master(b, 0xA3, &c);
}

/* Segment (unknown size), Info, Void, Tracks: where clusters may follow. */
static inline void put_start(Bytes *b)
{
    put_ebml(b, "webm");
    put_id(b, 0x18538067);
    put_size(b, -1);
    put_info(b, 1234.5);
    put_element(b, 0xEC, "\0\0\0", 3);
    put_tracks(b);
}

static inline Log read_pieces(const uint8_t *data, size_t bytes, size_t piece)
{
    static Log log; /* large */
    memset(&log, 0, sizeof log);
    KtWebmReader *r = NULL;
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    uint8_t *copy = exact_copy(data, bytes);
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

static inline void expect_same(const KtWebmEvent *a, const KtWebmEvent *b)
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
static inline Log read_all(const Bytes *b)
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

static inline void expect_block(const Log *log, int i, uint64_t track, int64_t pts_us, int keyframe,
                                int first_byte)
{
    assert_true(i < log->count);
    assert_int_equal(log->events[i].kind, KT_WEBM_BLOCK);
    assert_int_equal(log->events[i].track, track);
    assert_int_equal(log->events[i].pts_us, pts_us);
    assert_int_equal(log->events[i].keyframe, keyframe);
    assert_int_equal(log->first_byte[i], first_byte);
}

#endif
