/* The WebM reader and files that are wrong, huge or refused, bad calls, lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webm_bytes.h"

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
        cmocka_unit_test(test_bad_laces_are_refused),
        cmocka_unit_test(test_refuses_what_is_no_webm),
        cmocka_unit_test(test_refuses_bad_structure),
        cmocka_unit_test(test_announced_sizes_allocate_nothing),
        cmocka_unit_test(test_large_block_arrives_in_pieces),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
