/* Checksums: known values, CRCs of wholes from those of pieces, footers of parts on disk. */
#include "store_disk_rig.h"

static void sum_of(DigestKind kind, const void *data, size_t bytes, uint8_t out[DIGEST_MAX_BYTES])
{
    Digest *digest = digest_create(kind);
    digest_update(digest, data, bytes);
    digest_finish(digest, out);
    digest_destroy(&digest);
}

static const DigestKind crcs[] = {DIGEST_CRC32, DIGEST_CRC32C, DIGEST_CRC64NVME};

static void crcs_have_their_check_values(void **state)
{
    static const char *const expected[] = {"cbf43926", "e3069283", "ae8b14860a799888"};
    uint8_t sum[DIGEST_MAX_BYTES];
    char hex[2 * DIGEST_MAX_BYTES + 1];
    (void)state;
    for (int i = 0; i < 3; i++) {
        sum_of(crcs[i], "123456789", 9, sum);
        digest_to_hex(sum, digest_bytes(crcs[i]), hex);
        assert_string_equal(hex, expected[i]);
        assert_int_equal(digest_kind_of(digest_name(crcs[i])), crcs[i]);
    }
}

static void crcs_of_pieces_combine(void **state)
{
    enum { BYTES = 5000 };
    uint8_t data[BYTES], whole[DIGEST_MAX_BYTES], sum[DIGEST_MAX_BYTES], next[DIGEST_MAX_BYTES];
    uint32_t seed = 7;
    (void)state;
    for (int i = 0; i < BYTES; i++)
        data[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    for (int k = 0; k < 3; k++) {
        size_t width = digest_bytes(crcs[k]);
        sum_of(crcs[k], data, BYTES, whole);
        for (int round = 0; round < 50; round++) {
            size_t at = 0;
            sum_of(crcs[k], "", 0, sum);
            while (at < BYTES) {
                size_t step = (seed = seed * 1664525u + 1013904223u) >> 20 & 2047;
                step = step < 200 ? 0 : step > BYTES - at ? BYTES - at : step;
                sum_of(crcs[k], data + at, step, next);
                digest_combine(crcs[k], sum, next, (int64_t)step);
                at += step;
            }
            assert_memory_equal(sum, whole, width);
        }
    }
}

/* 5 GiB and some of zeros, the long way around: doubled 20 times and then some. */
static void crcs_combine_over_lengths_beyond_32_bits(void **state)
{
    enum { BYTES = 4096 };
    static const uint8_t zeros[BYTES];
    (void)state;
    for (int k = 0; k < 3; k++) {
        uint8_t doubled[DIGEST_MAX_BYTES], again[DIGEST_MAX_BYTES], at_once[DIGEST_MAX_BYTES];
        uint8_t half[DIGEST_MAX_BYTES];
        int64_t bytes = BYTES;
        sum_of(crcs[k], zeros, BYTES, doubled);
        for (; bytes < INT64_C(5) << 30; bytes *= 2) {
            memcpy(half, doubled, sizeof half);
            digest_combine(crcs[k], doubled, half, bytes);
        }
        /* The same length as one page before all of it, and as one page behind it. */
        sum_of(crcs[k], zeros, BYTES, at_once);
        digest_combine(crcs[k], at_once, doubled, bytes);
        memcpy(again, doubled, sizeof again);
        sum_of(crcs[k], zeros, BYTES, half);
        digest_combine(crcs[k], again, half, BYTES);
        assert_memory_equal(again, at_once, digest_bytes(crcs[k]));
    }
}

static int write_file(const Fixture *f, const void *data, size_t bytes, const uint8_t *footer,
                      size_t footer_bytes)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tmp/file", f->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, data, bytes), bytes);
    assert_int_equal(write(fd, footer, footer_bytes), footer_bytes);
    return fd;
}

static void footers_are_read_as_written_and_damage_is_seen(void **state)
{
    const Fixture *f = *state;
    for (int kind = DIGEST_MD5; kind <= DIGEST_CRC64NVME; kind++) {
        DiskFooter footer = {.bytes = 100, .modified_unix_us = 1, .checksum_kind = kind};
        DiskFooter read;
        uint8_t data[100], bytes[DISK_LONG_FOOTER_BYTES];
        memset(data, 'x', sizeof data);
        memset(footer.md5, 7, sizeof footer.md5);
        if (kind != DIGEST_MD5)
            sum_of((DigestKind)kind, data, sizeof data, footer.checksum);
        size_t length = disk__encode_footer(&footer, bytes);
        assert_int_equal(length, kind == DIGEST_MD5 ? DISK_FOOTER_BYTES : DISK_LONG_FOOTER_BYTES);
        int fd = write_file(f, data, sizeof data, bytes, length);
        assert_true(disk__read_footer(fd, &read));
        assert_memory_equal(&read, &footer, sizeof read);
        close(fd);
        fd = write_file(f, data, sizeof data - 1, bytes, length);
        assert_false(disk__read_footer(fd, &read)); /* a byte is missing */
        close(fd);
        for (size_t at = 0; at < length; at++) {
            bytes[at] ^= 0x10;
            fd = write_file(f, data, sizeof data, bytes, length);
            assert_false(disk__read_footer(fd, &read));
            close(fd);
            bytes[at] ^= 0x10;
        }
    }
}

static void a_body_that_ends_like_a_footer_is_a_body(void **state)
{
    Fixture *f = *state;
    uint8_t inner[DISK_LONG_FOOTER_BYTES];
    for (int kind = DIGEST_MD5; kind <= DIGEST_SHA256; kind += DIGEST_SHA256) {
        DiskFooter footer = {.bytes = 0, .checksum_kind = kind};
        size_t length = disk__encode_footer(&footer, inner);
        assert_int_equal(put(f->disk, "k", inner, length), STORE_OK);
        assert_content(f->disk, "k", inner, length);
    }
}

static void parts_of_both_kinds_become_one_object(void **state)
{
    Fixture *f = *state;
    DiskName name = {"takes", "t", "", "", {DIGEST_CRC32, 0}};
    char id[STORE_UPLOAD_ID_BYTES];
    StorePart parts[2], listed;
    StoreObject object;
    DiskReader *reader = NULL;
    uint8_t sum[DIGEST_MAX_BYTES];
    char text[64], expected[STORE_CHECKSUM_TEXT_BYTES];
    assert_int_equal(disk_create_upload(f->disk, &name, id), STORE_OK);
    assert_int_equal(put_part(f->disk, "t", id, 1, 'a', 200, &parts[0]), STORE_OK);
    assert_int_equal(parts[0].checksum_kind, DIGEST_MD5); /* as one from before checksums */
    uint8_t data[350];
    memset(data, 'a', 200);
    memset(data + 200, 'b', 150);
    DiskWriter *w = NULL;
    uint8_t md5[DIGEST_MAX_BYTES];
    assert_int_equal(disk_writer_open(f->disk, &w), STORE_OK);
    assert_int_equal(disk_writer_write(w, data + 200, 150), STORE_OK);
    sum_of(DIGEST_CRC32, data + 200, 150, sum);
    sum_of(DIGEST_MD5, data + 200, 150, md5);
    disk_writer_set_checksum(w, DIGEST_CRC32, sum);
    assert_int_equal(disk_writer_finish(w, md5), STORE_OK);
    assert_int_equal(disk_put_part(f->disk, "takes", "t", id, 2, w, &parts[1]), STORE_OK);
    disk_writer_close(&w);
    reopen(f);
    assert_int_equal(disk_complete(f->disk, "takes", "t", id, parts, 2, &object, NULL), STORE_OK);
    sum_of(DIGEST_CRC32, data, 350, sum);
    digest_to_base64(sum, 4, text);
    snprintf(expected, sizeof expected, "crc32 FULL_OBJECT %s", text);
    assert_string_equal(object.checksum, expected);
    assert_content(f->disk, "t", data, 350);
    assert_int_equal(disk_reader_open(f->disk, "takes", "t", &reader), STORE_OK);
    assert_int_equal(disk_reader_part_info(reader, 0, &listed), STORE_OK);
    assert_int_equal(listed.checksum_kind, DIGEST_MD5);
    assert_int_equal(disk_reader_part_info(reader, 1, &listed), STORE_OK);
    assert_int_equal(listed.checksum_kind, DIGEST_CRC32);
    disk_reader_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crcs_have_their_check_values),
        cmocka_unit_test(crcs_of_pieces_combine),
        cmocka_unit_test(crcs_combine_over_lengths_beyond_32_bits),
        STORE_TEST(footers_are_read_as_written_and_damage_is_seen),
        STORE_TEST(a_body_that_ends_like_a_footer_is_a_body),
        STORE_TEST(parts_of_both_kinds_become_one_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
