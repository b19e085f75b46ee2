/* The WebM writer's bounds: sizes, refusals, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webm_file.h"

static void test_beyond_four_gigabytes(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    const int64_t jump = INT64_C(5) << 30;
    KtChunk chunk, cues = {.bytes = 0}, patch = {.bytes = 0};
    uint8_t cue_bytes[512], header[KT_WEBM_HEADER_BYTES];
    assert_int_equal(add(w, KT_TRACK_VIDEO, 0, 1), KT_OK);
    assert_int_equal(kt_webm_writer_flush(w), KT_OK);
    kt__webm_writer_skip_for_test(w, jump);
    const int64_t second = kt_webm_writer_bytes(w);
    assert_true(second > jump);
    assert_int_equal(add(w, KT_TRACK_VIDEO, INT64_C(7200000000), 1), KT_OK);
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    while (kt_webm_writer_peek(w, &chunk) == KT_OK) {
        if (chunk.kind == KT_CHUNK_INDEX) {
            memcpy(cue_bytes, chunk.data, chunk.bytes);
            cues = chunk;
        } else if (chunk.kind == KT_CHUNK_PATCH) {
            memcpy(header, chunk.data, chunk.bytes);
            patch = chunk;
        }
        kt_webm_writer_pop(w);
    }
    assert_true(cues.bytes > 0 && patch.bytes > 0);
    assert_int_equal(big_endian(header + 40, 8),
                     (UINT64_C(1) << 56) + (uint64_t)kt_webm_writer_bytes(w) - 48);
    /* The last five bytes are the second cue's cluster, counted from the segment's payload. */
    assert_int_equal(big_endian(cue_bytes + cues.bytes - 5, 5), second - 48);
    kt_webm_writer_destroy(&w);
}

static void test_refuses_bad_configurations(void **state)
{
    (void)state;
    KtWebmWriter *w = NULL;
    KtFileConfig c[26];
    char long_name[65];
    memset(long_name, 'n', 64);
    long_name[64] = 0;
    for (size_t i = 0; i < 26; i++)
        c[i] = default_config();
    c[0].has_video = c[0].has_audio = 0;
    c[1].width = 0;
    c[2].height = 16384;
    c[3].fps = -1;
    c[4].video.codec_id = NULL;
    c[5].matrix = (KtColorMatrix)9;
    uint8_t bad_head[KT_OPUS_HEAD_BYTES], long_private[KT_FILE_MAX_PRIVATE_BYTES + 1] = {0};
    memcpy(bad_head, opus_head, sizeof bad_head);
    bad_head[0] = 'o';
    c[6].audio.codec_private = bad_head;
    c[7].channels = 1; /* the head says two */
    c[8].audio_pre_skip = -1;
    c[9].max_cluster_us = 19999;
    c[10].max_cluster_us = 5000001;
    c[11].app_name = long_name;
    c[12].app_name = "";
    c[13].date_unix_us = -1;
    c[14].fps = 241;
    c[15].audio_pre_skip = 65536;
    c[16].video.codec_id = "A_OPUS";
    c[17].audio.codec_id = "V_VP9";
    c[18].video.codec_id = "V_A_CODEC_OF_MORE_THAN_31_BYTES!";
    c[19].video.codec_id = "V_V P9";
    c[20].video.codec_private = long_private;
    c[20].video.codec_private_bytes = sizeof long_private;
    c[21].video.codec_private_bytes = 4;
    c[22].video.name = "";
    c[23].channels = 9;
    c[24].sample_rate_hz = 0;
    c[25].audio.codec_private = NULL; /* Opus needs its head */
    c[25].audio.codec_private_bytes = 0;
    for (size_t i = 0; i < 26; i++)
        assert_int_equal(kt_webm_writer_create(&c[i], &w), KT_ERR_ARG);
    assert_int_equal(kt_webm_writer_create(NULL, &w), KT_ERR_ARG);
    assert_null(w);
}

static void test_refuses_bad_packets(void **state)
{
    (void)state;
    KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    KtPacket p = {.track = KT_TRACK_VIDEO, .data = opus_head, .bytes = 3, .duration_us = 1};
    assert_int_equal(kt_webm_writer_add(w, &p), KT_ERR_ARG); /* no keyframe first */
    p.keyframe = 1;
    p.bytes = 0;
    assert_int_equal(kt_webm_writer_add(w, &p), KT_ERR_ARG);
    p.bytes = KT_WEBM_MAX_PACKET_BYTES + 1; /* never read */
    assert_int_equal(kt_webm_writer_add(w, &p), KT_ERR_LIMIT);
    p.bytes = 3;
    p.pts_us = -1;
    assert_int_equal(kt_webm_writer_add(w, &p), KT_ERR_ARG);
    p.pts_us = 1000;
    p.duration_us = -1;
    assert_int_equal(kt_webm_writer_add(w, &p), KT_ERR_ARG);
    p.track = (KtTrack)5;
    assert_int_equal(kt_webm_writer_add(w, &p), KT_ERR_ARG);
    assert_int_equal(add(w, KT_TRACK_VIDEO, 1000, 1), KT_OK);
    assert_int_equal(add(w, KT_TRACK_VIDEO, 999, 0), KT_ERR_ORDER);
    assert_int_equal(add(w, KT_TRACK_VIDEO, 1000, 0), KT_OK);
    assert_int_equal(add(w, KT_TRACK_VIDEO, INT64_C(60000000), 0), KT_OK);
    assert_int_equal(kt_webm_writer_flush(w), KT_OK);
    assert_int_equal(add(w, KT_TRACK_AUDIO, 20000000, 1), KT_ERR_ORDER);
    assert_int_equal(add(w, KT_TRACK_AUDIO, 30000000, 1), KT_OK);
    assert_int_equal(kt_webm_writer_finish(w, -1), KT_ERR_ARG);
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    assert_int_equal(add(w, KT_TRACK_AUDIO, 70000000, 1), KT_ERR_STATE);
    assert_int_equal(kt_webm_writer_flush(w), KT_ERR_STATE);
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_ERR_STATE);
    assert_int_equal(drain(w), KT_END);
    assert_int_equal(read_file(file.data, file.bytes).end, KT_END);
    assert_int_equal(kt_webm_writer_pop(w), KT_ERR_STATE);
    kt_webm_writer_destroy(&w);
    c.has_audio = 0;
    w = create(&c);
    assert_int_equal(add(w, KT_TRACK_AUDIO, 0, 1), KT_ERR_ARG);
    kt_webm_writer_destroy(&w);
}

static void test_waiting_chunks_are_bounded(void **state)
{
    (void)state;
    KtFileConfig c = default_config();
    c.has_audio = 0;
    KtWebmWriter *w = create(&c);
    const size_t bytes = 8u << 20;
    uint8_t *data = calloc(1, bytes);
    KtPacket p = {.data = data, .bytes = bytes, .duration_us = 1000, .keyframe = 1};
    KtStatus status;
    while ((status = kt_webm_writer_add(w, &p)) == KT_OK)
        p.pts_us += 1000000;
    assert_int_equal(status, KT_ERR_LIMIT);
    assert_true(p.pts_us >= 10000000 && p.pts_us <= 13000000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kt_webm_writer_pop(w), KT_OK);
    assert_int_equal(kt_webm_writer_add(w, &p), KT_OK);
    free(data);
    kt_webm_writer_destroy(&w);
}

static void test_a_steady_take_allocates_nothing(void **state)
{
    (void)state;
    KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    KtChunk chunk;
    long before = 0;
    for (int n = 0; n < 4000; n++) {
        if (n == 500)
            before = kt_alloc_count();
        assert_int_equal(add(w, KT_TRACK_VIDEO, n * 20000, n == 0), KT_OK);
        assert_int_equal(add(w, KT_TRACK_AUDIO, n * 20000, 1), KT_OK);
        while (kt_webm_writer_peek(w, &chunk) == KT_OK)
            kt_webm_writer_pop(w);
    }
    assert_int_equal(kt_alloc_count(), before);
    kt_webm_writer_destroy(&w);
}

static int attempt(void *context)
{
    const KtFileConfig *c = context;
    KtWebmWriter *w = NULL;
    KtChunk chunk;
    KtStatus status = kt_webm_writer_create(c, &w);
    for (int n = 0; status == KT_OK && n < 100; n++) {
        status = add(w, KT_TRACK_VIDEO, n * 20000, n % 10 == 0);
        if (status == KT_OK)
            status = add(w, KT_TRACK_AUDIO, n * 20000, 1);
    }
    if (status == KT_OK)
        status = kt_webm_writer_finish(w, 0);
    if (w && status != KT_OK) {
        assert_int_equal(status, KT_ERR_MEMORY);
        assert_int_equal(add(w, KT_TRACK_VIDEO, 9000000, 1), KT_ERR_MEMORY);
        assert_int_equal(kt_webm_writer_finish(w, 0), KT_ERR_MEMORY);
        while (kt_webm_writer_peek(w, &chunk) == KT_OK) {
            assert_int_equal(chunk.crc32, crc32(0, chunk.data, (uInt)chunk.bytes));
            kt_webm_writer_pop(w);
        }
    }
    kt_webm_writer_destroy(&w);
    return status == KT_OK;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    KtFileConfig c = default_config();
    assert_true(kt_alloc_each(attempt, &c) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beyond_four_gigabytes),
        cmocka_unit_test(test_refuses_bad_configurations),
        cmocka_unit_test(test_refuses_bad_packets),
        cmocka_unit_test(test_waiting_chunks_are_bounded),
        cmocka_unit_test(test_a_steady_take_allocates_nothing),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
