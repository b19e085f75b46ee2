/* The video encoder: keyframes by take time, order, tuning, resizing, bad input, and the same bytes
 * in every build and with any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/video_encoder.h"

#define MAX_SIDE_BYTES (640 * 384)

static uint8_t planes[MAX_SIDE_BYTES * 3 / 2 + 64];

static KtVideoEncoderConfig config_of(KtVideoCodec codec, int width, int height)
{
    const KtVideoEncoderConfig c = {.codec = codec,
                                    .width = width,
                                    .height = height,
                                    .fps = 30,
                                    .bitrate_bps = 300000,
                                    .keyframe_us = 1000000,
                                    .speed = codec == KT_VIDEO_VP9 ? 8 : 12,
                                    .threads = 1,
                                    .matrix = KT_COLOR_BT709};
    return c;
}

/* A moving gradient with noise that is the same everywhere. */
static KtFrame draw(int width, int height, int n)
{
    uint32_t seed = (uint32_t)n * 2654435761u + 1;
    const size_t luma = (size_t)width * (size_t)height;
    assert_true(luma <= MAX_SIDE_BYTES);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            seed = seed * 1664525u + 1013904223u;
            planes[y * width + x] = (uint8_t)(16 + (x + 2 * y + 5 * n) % 200 + (seed >> 29));
        }
    }
    memset(planes + luma, 100 + n % 50, luma / 4);
    memset(planes + luma * 5 / 4, 140 - n % 50, luma / 4);
    const KtFrame f = {.format = KT_PIXEL_I420,
                       .matrix = KT_COLOR_BT709,
                       .width = width,
                       .height = height,
                       .plane = {planes, planes + luma, planes + luma * 5 / 4},
                       .stride = {width, width / 2, width / 2},
                       .refs = 1};
    return f;
}

static KtVideoEncoder *create(const KtVideoEncoderConfig *c)
{
    KtVideoEncoder *e = NULL;
    assert_int_equal(kt_video_encoder_create(c, &e), KT_OK);
    assert_non_null(e);
    return e;
}

static KtPacket encode(KtVideoEncoder *e, int width, int height, int n, int64_t pts_us, int force)
{
    const KtFrame f = draw(width, height, n);
    KtPacket p;
    assert_int_equal(kt_video_encoder_encode(e, &f, pts_us, 33333, force), KT_OK);
    assert_int_equal(kt_video_encoder_packet(e, &p), KT_OK);
    assert_int_equal(p.track, KT_TRACK_VIDEO);
    assert_int_equal(p.pts_us, pts_us);
    assert_int_equal(p.duration_us, 33333);
    assert_true(p.bytes > 0);
    return p;
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static uint64_t hash_of(const KtVideoEncoderConfig *c, int frames)
{
    KtVideoEncoder *e = create(c);
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (int n = 0; n < frames; n++) {
        const KtPacket p = encode(e, c->width, c->height, n, n * 33333, 0);
        hash = hash_bytes(hash, p.data, p.bytes);
    }
    kt_video_encoder_destroy(&e);
    return hash;
}

static void keyframes_follow_time(KtVideoCodec codec)
{
    const KtVideoEncoderConfig c = config_of(codec, 64, 48);
    KtVideoEncoder *e = create(&c);
    /* Uneven distances: a keyframe comes with the first frame a second or more after the last one.
     */
    static const int64_t pts_us[] = {0,       40000,   900000,  999999,  1000000, 1500000,
                                     2100000, 2200000, 3099999, 3100000, 9000000, 9900000};
    static const int keyframe[] = {1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0};
    for (int n = 0; n < 12; n++)
        assert_int_equal(encode(e, 64, 48, n, pts_us[n], 0).keyframe, keyframe[n]);
    assert_int_equal(encode(e, 64, 48, 12, 9950000, 1).keyframe, 1);
    assert_int_equal(encode(e, 64, 48, 13, 10900000, 0).keyframe, 0);
    assert_int_equal(encode(e, 64, 48, 14, 10950000, 0).keyframe, 1);
    kt_video_encoder_destroy(&e);
    assert_null(e);
}

static void test_keyframes_follow_time(void **state)
{
    (void)state;
    keyframes_follow_time(KT_VIDEO_VP9);
    keyframes_follow_time(KT_VIDEO_VP8);
}

static void test_order(void **state)
{
    (void)state;
    const KtVideoEncoderConfig c = config_of(KT_VIDEO_VP9, 64, 48);
    KtVideoEncoder *e = create(&c);
    KtPacket p;
    const KtFrame f = draw(64, 48, 0);
    assert_int_equal(kt_video_encoder_packet(e, &p), KT_AGAIN);
    encode(e, 64, 48, 0, 5000, 0);
    assert_int_equal(kt_video_encoder_packet(e, &p), KT_AGAIN);
    assert_int_equal(kt_video_encoder_encode(e, &f, 5000, 1, 0), KT_ERR_ORDER);
    assert_int_equal(kt_video_encoder_encode(e, &f, 0, 1, 0), KT_ERR_ORDER);
    encode(e, 64, 48, 1, 5001, 0);
    kt_video_encoder_destroy(&e);
}

static void test_bad_frames(void **state)
{
    (void)state;
    const KtVideoEncoderConfig c = config_of(KT_VIDEO_VP8, 64, 48);
    KtVideoEncoder *e = create(&c);
    KtFrame f[7];
    for (int i = 0; i < 7; i++)
        f[i] = draw(64, 48, 0);
    f[0].width = 66;
    f[1].height = 46;
    f[2].format = KT_PIXEL_NV12;
    f[3].plane[2] = NULL;
    f[4].stride[0] = 63;
    f[5].stride[1] = 31;
    for (int i = 0; i < 6; i++)
        assert_int_equal(kt_video_encoder_encode(e, &f[i], 0, 1, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_encode(e, NULL, 0, 1, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_encode(e, &f[6], -1, 1, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_encode(e, &f[6], INT64_MAX, 1, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_encode(e, &f[6], 0, 0, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_encode(NULL, &f[6], 0, 1, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_encode(e, &f[6], 0, INT64_MAX, 0), KT_OK);
    kt_video_encoder_destroy(&e);
    kt_video_encoder_destroy(&e);
    kt_video_encoder_destroy(NULL);
}

static void test_bad_configurations(void **state)
{
    (void)state;
    KtVideoEncoderConfig c[18];
    KtVideoEncoder *e = NULL;
    for (int i = 0; i < 18; i++)
        c[i] = config_of(i == 17 ? KT_VIDEO_VP8 : KT_VIDEO_VP9, 64, 48);
    c[0].width = 0;
    c[1].height = 0;
    c[2].width = 63;
    c[3].height = 8194;
    c[4].fps = 0;
    c[5].fps = 61;
    c[6].bitrate_bps = 49999;
    c[7].bitrate_bps = 50000001;
    c[8].keyframe_us = 0;
    c[9].speed = 4;
    c[10].speed = 10;
    c[11].threads = 0;
    c[12].threads = 17;
    c[13].codec = (KtVideoCodec)2;
    c[14].matrix = (KtColorMatrix)2;
    c[15].width = -64;
    c[16].width = INT32_MAX - 1;
    c[17].speed = 17;
    for (int i = 0; i < 18; i++)
        assert_int_equal(kt_video_encoder_create(&c[i], &e), KT_ERR_ARG);
    c[0] = config_of(KT_VIDEO_VP9, 64, 48);
    assert_int_equal(kt_video_encoder_create(NULL, &e), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_create(&c[0], NULL), KT_ERR_ARG);
    assert_null(e);
}

static void resize_and_tune(KtVideoCodec codec)
{
    const KtVideoEncoderConfig c = config_of(codec, 128, 96);
    KtVideoEncoder *e = create(&c);
    encode(e, 128, 96, 0, 0, 0);
    assert_int_equal(kt_video_encoder_resize(e, 0, 96), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_resize(e, 65, 96), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_resize(e, 64, 48), KT_OK);
    const KtFrame old = draw(128, 96, 1);
    assert_int_equal(kt_video_encoder_encode(e, &old, 40000, 1, 0), KT_ERR_ARG);
    assert_int_equal(encode(e, 64, 48, 1, 40000, 0).keyframe, 1);
    assert_int_equal(encode(e, 64, 48, 2, 80000, 0).keyframe, 0);
    assert_int_equal(kt_video_encoder_resize(e, 64, 48), KT_OK); /* as it is: no keyframe */
    assert_int_equal(encode(e, 64, 48, 3, 120000, 0).keyframe, 0);
    assert_int_equal(kt_video_encoder_resize(e, 320, 240), KT_OK); /* larger than at creation */
    assert_int_equal(encode(e, 320, 240, 4, 160000, 0).keyframe, 1);
    assert_int_equal(kt_video_encoder_tune(e, codec == KT_VIDEO_VP9 ? 4 : 3, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_tune(e, 17, 0), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_tune(e, 0, 1000), KT_ERR_ARG);
    assert_int_equal(kt_video_encoder_tune(e, 9, 200000), KT_OK);
    assert_int_equal(kt_video_encoder_tune(e, 0, 0), KT_OK);
    assert_int_equal(encode(e, 320, 240, 5, 200000, 0).keyframe, 0);
    kt_video_encoder_destroy(&e);
}

static void test_resize_and_tune(void **state)
{
    (void)state;
    resize_and_tune(KT_VIDEO_VP9);
    resize_and_tune(KT_VIDEO_VP8);
}

/* Bytes of frames [from, to) of one running encoder. */
static size_t encode_span(KtVideoEncoder *e, int from, int to)
{
    size_t bytes = 0;
    for (int n = from; n < to; n++)
        bytes += encode(e, 320, 240, n, n * 33333, 0).bytes;
    return bytes;
}

static void test_bitrate_is_kept_and_follows_tune(void **state)
{
    (void)state;
    for (int codec = 0; codec < 2; codec++) {
        KtVideoEncoderConfig c = config_of((KtVideoCodec)codec, 320, 240);
        c.bitrate_bps = 800000;
        c.keyframe_us = 60000000;
        KtVideoEncoder *e = create(&c);
        encode_span(e, 0, 30);
        const size_t high = encode_span(e, 30, 90); /* two seconds */
        assert_in_range(high, 200000 * 60 / 100, 200000 * 130 / 100);
        assert_int_equal(kt_video_encoder_tune(e, 0, 300000), KT_OK);
        encode_span(e, 90, 180); /* the buffer of a recording holds more than two seconds */
        const size_t low = encode_span(e, 180, 240);
        assert_in_range(low, 75000 * 60 / 100, 75000 * 140 / 100);
        kt_video_encoder_destroy(&e);
    }
}

static void test_threads_do_not_change_the_bytes(void **state)
{
    (void)state;
#ifdef __EMSCRIPTEN__
    skip(); /* the single-threaded build has no threads; the golden hashes compare the two */
#else
    for (int codec = 0; codec < 2; codec++) {
        KtVideoEncoderConfig c = config_of((KtVideoCodec)codec, 640, 192);
        const uint64_t one = hash_of(&c, 8);
        for (c.threads = 2; c.threads <= 4; c.threads += 2)
            assert_true(hash_of(&c, 8) == one);
    }
#endif
}

/* The same bytes natively and in Wasm: these hashes were made natively. */
static void test_golden_bytes(void **state)
{
    (void)state;
    static const struct {
        KtVideoCodec codec;
        int speed;
        uint64_t hash;
    } golden[] = {
        {KT_VIDEO_VP9, 5, UINT64_C(0x15201D5B40CB95CA)},
        {KT_VIDEO_VP9, 6, UINT64_C(0x09437522AA80EDEC)},
        {KT_VIDEO_VP9, 7, UINT64_C(0xBD927871BA197AF5)},
        {KT_VIDEO_VP9, 8, UINT64_C(0x9FC2B6DC9E2D1C09)},
        {KT_VIDEO_VP9, 9, UINT64_C(0x8193D73818C442B8)},
        {KT_VIDEO_VP8, 4, UINT64_C(0x27D065A72269ED59)},
        {KT_VIDEO_VP8, 8, UINT64_C(0x5A723674EF75DC8B)},
        {KT_VIDEO_VP8, 12, UINT64_C(0x4C3808151C8703F2)},
        {KT_VIDEO_VP8, 16, UINT64_C(0x6B5A8F770436AE98)},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        KtVideoEncoderConfig c = config_of(golden[i].codec, 160, 96);
        c.speed = golden[i].speed;
        const uint64_t hash = hash_of(&c, 20);
        if (hash != golden[i].hash) {
            print_error("%s speed %d: 0x%016llx\n", c.codec ? "VP8" : "VP9", c.speed,
                        (unsigned long long)hash);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_we_allocate_nothing_per_frame(void **state)
{
    (void)state;
    const KtVideoEncoderConfig c = config_of(KT_VIDEO_VP8, 64, 48);
    KtVideoEncoder *e = create(&c);
    for (int n = 0; n < 5; n++)
        encode(e, 64, 48, n, n * 33333, 0);
    const long before = kt_alloc_count();
    for (int n = 5; n < 25; n++)
        encode(e, 64, 48, n, n * 33333, 0);
    assert_int_equal(kt_alloc_count(), before);
    kt_video_encoder_destroy(&e);
}

static int attempt(void *context)
{
    KtVideoEncoder *e = NULL;
    const KtStatus status = kt_video_encoder_create(context, &e);
    assert_true(status == KT_OK || status == KT_ERR_MEMORY || status == KT_ERR_CODEC);
    assert_int_equal(status == KT_OK, e != NULL);
    kt_video_encoder_destroy(&e);
    return status == KT_OK;
}

/* libvpx allocates hundreds of large blocks: a growing step tries the first ones and a choice of
 * the rest. */
static void test_allocations_may_fail(void **state)
{
    (void)state;
    for (int codec = 0; codec < 2; codec++) {
        KtVideoEncoderConfig c = config_of((KtVideoCodec)codec, 16, 16);
        int refused = 0;
        for (long n = 1;; n += 1 + n / 2) {
            const long live = kt_alloc_live();
            kt_alloc_fail_at(n);
            const int created = attempt(&c);
            const int met = kt_alloc_failed();
            kt_alloc_fail_at(0);
            assert_int_equal(kt_alloc_live(), live);
            refused += !created;
            if (!met) {
                assert_true(created);
                break;
            }
        }
        assert_true(refused >= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyframes_follow_time),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_bad_configurations),
        cmocka_unit_test(test_resize_and_tune),
        cmocka_unit_test(test_bitrate_is_kept_and_follows_tune),
        cmocka_unit_test(test_threads_do_not_change_the_bytes),
        cmocka_unit_test(test_golden_bytes),
        cmocka_unit_test(test_we_allocate_nothing_per_frame),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests_name("video_encoder", tests, NULL, NULL);
}
