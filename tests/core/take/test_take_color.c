/* What a take says about its colours, in the container and in the stream, and the
 * rate that its pictures kept: read byte by byte from files of the whole recorder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recorder_rig.h"

#define HEADER_BYTES 4096 /* everything before the first cluster */

enum {
    ID_COLOUR = 0x55B0,
    ID_MATRIX = 0x55B1,
    ID_SUBSAMPLING_X = 0x55B3,
    ID_SUBSAMPLING_Y = 0x55B4,
    ID_SITING_X = 0x55B7,
    ID_SITING_Y = 0x55B8,
    ID_RANGE = 0x55B9,
    ID_TRANSFER = 0x55BA,
    ID_PRIMARIES = 0x55BB
};

/* Where the payload of the only element of a two-byte ID begins; *bytes: its size. */
static const uint8_t *element(const uint8_t *data, size_t length, int id, size_t *bytes)
{
    for (size_t i = 0; i + 3 < length; i++)
        if (data[i] == id >> 8 && data[i + 1] == (id & 255)) {
            const int wide = !(data[i + 2] & 0x80); /* sizes of one or of eight bytes */
            *bytes = wide ? data[i + 9] : data[i + 2] & 0x7Fu;
            return data + i + (wide ? 10 : 3);
        }
    return NULL;
}

/* The value of an unsigned element of the Colour; -1: it is not there. */
static int color(const uint8_t *colour, size_t length, int id)
{
    size_t bytes = 0;
    const uint8_t *p = element(colour, length, id, &bytes);
    int value = 0;
    if (!p)
        return -1;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static void check_container(const RigFile *file, int matrix)
{
    size_t length = 0;
    assert_true(file->bytes > HEADER_BYTES);
    const uint8_t *colour = element(file->data, HEADER_BYTES, ID_COLOUR, &length);
    assert_non_null(colour);
    assert_int_equal(color(colour, length, ID_MATRIX), matrix);
    assert_int_equal(color(colour, length, ID_RANGE), 1);     /* limited */
    assert_int_equal(color(colour, length, ID_TRANSFER), 1);  /* BT.709 */
    assert_int_equal(color(colour, length, ID_PRIMARIES), 1); /* BT.709 */
    assert_int_equal(color(colour, length, ID_SUBSAMPLING_X), 1);
    assert_int_equal(color(colour, length, ID_SUBSAMPLING_Y), 1);
    assert_int_equal(color(colour, length, ID_SITING_X), 1); /* left */
    assert_int_equal(color(colour, length, ID_SITING_Y), 2); /* between two rows */
}

/* 23 E3 83, four bytes: DefaultDuration. The rig's machine is fast enough: every picture keeps to 5
 * a second, and the finished file says so. */
static void check_default_duration(const RigFile *file)
{
    static const uint8_t stated[] = {0x23, 0xE3, 0x83, 0x84, 0x0B, 0xEB, 0xC2, 0x00};
    int found = 0;
    for (size_t i = 0; i + sizeof stated <= HEADER_BYTES; i++)
        found += memcmp(file->data + i, stated, sizeof stated) == 0;
    assert_int_equal(found, 1);
}

/* The uncompressed header of a VP9 keyframe of profile 0 (VP9 bitstream specification, 6.2): four
 * bits of marker and profile, show_existing_frame, frame_type, show_frame, error_resilient_mode,
 * the sync code, then three bits of color_space and one of color_range. */
static void check_vp9(const uint8_t *frame, size_t bytes)
{
    assert_true(bytes > 5);
    assert_int_equal(frame[0] & 0xFC,
                     0x80); /* marker 2, profile 0, shown for the first time, key */
    assert_int_equal(frame[1] << 16 | frame[2] << 8 | frame[3], 0x498342);
    assert_int_equal(frame[4] >> 5, 2);     /* CS_BT_709 */
    assert_int_equal(frame[4] >> 4 & 1, 0); /* studio range */
}

/* A VP8 keyframe (RFC 6386, 9.1 and 9.2): three bytes of tag, three of start code, four of size,
 * then the first bit of the coded header, color_space. 0: BT.601, all there is. */
static void check_vp8(const uint8_t *frame, size_t bytes)
{
    assert_true(bytes > 11);
    assert_int_equal(frame[0] & 1, 0);
    assert_int_equal(frame[3] << 16 | frame[4] << 8 | frame[5], 0x9D012A);
    assert_true(frame[10] < 128);
}

static void check_take(KtVideoCodec codec, int width, int height)
{
    KtRecorderConfig config;
    Rig rig;
    RigTake take;
    rig_config(&config);
    config.codec = codec;
    config.width = width;
    config.height = height;
    config.speed = codec == KT_VIDEO_VP9 ? 8 : 12;
    rig_open(&rig, &config, 0);
    rig_join(&rig, 0, "ann", rig_moving, rig_tone);
    rig_start(&rig);
    rig_run(&rig, 3 * RIG_SECOND, 20000);
    rig_stop(&rig);
    check_container(&rig.file, codec == KT_VIDEO_VP9 ? 1 : 6);
    check_default_duration(&rig.file);
    rig_read(&rig.file, &take);
    int keyframes = 0;
    for (int i = 0; i < take.video_count; i++) {
        const RigBlock *block = &take.video[i];
        if (!block->keyframe)
            continue;
        keyframes++;
        (codec == KT_VIDEO_VP9 ? check_vp9 : check_vp8)(take.data + block->at, block->bytes);
    }
    assert_true(keyframes >= 1);
    rig_take_reset(&take);
    rig_close(&rig);
}

/* Whatever the size: no matrix by height, as players guess it where nothing is said. */
static void test_vp9_says_bt709(void **state)
{
    (void)state;
    check_take(KT_VIDEO_VP9, 64, 36);
    check_take(KT_VIDEO_VP9, 1280, 720);
}

static void test_vp8_says_bt601_with_the_primaries_of_bt709(void **state)
{
    (void)state;
    check_take(KT_VIDEO_VP8, 64, 36);
    check_take(KT_VIDEO_VP8, 1280, 720);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vp9_says_bt709),
        cmocka_unit_test(test_vp8_says_bt601_with_the_primaries_of_bt709),
    };
    return cmocka_run_group_tests_name("take_color", tests, NULL, NULL);
}
