/* The WebM writer: chunks, order, clusters, cues and the patch, looked at through the WebM reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webm_file.h"

static void test_finished_file(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    add_seconds(w, 5);
    assert_int_equal(kt_webm_writer_finish(w, 5000000), KT_OK);
    assert_int_equal(drain(w), KT_END);
    assert_int_equal(kt_webm_writer_bytes(w), file.bytes);
    assert_int_equal(file.patches, 1);
    assert_int_equal(file.seen[file.chunks - 1].kind, KT_CHUNK_PATCH);
    const Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.end, KT_END);
    assert_int_equal(s.blocks[1], 150);
    assert_int_equal(s.blocks[2], 250);
    assert_int_equal(s.clusters, file.clusters);
    assert_true(s.clusters >= 20 && s.clusters <= 30);
    assert_int_equal(s.keyframe_clusters, 5);
    assert_int_equal(s.cues, 5);
    assert_int_equal(s.cue_hits, 5);
    assert_int_equal(s.cue_elements, 1);
    assert_int_equal(s.duration_us, 5000000);
    assert_true(s.sorted);
    /* The last packet ends 6.5 ms short of the end: nothing to trim. */
    assert_int_equal(s.discard_ns, 0);
    kt_webm_writer_destroy(&w);
    assert_null(w);
}

/* The offsets of docs/take-file.md. */
static void test_header_layout(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    drain(w);
    assert_int_equal(file.bytes, KT_WEBM_HEADER_BYTES);
    assert_int_equal(big_endian(file.data, 4), 0x1A45DFA3);
    assert_int_equal(big_endian(file.data + 36, 4), 0x18538067);
    assert_int_equal(big_endian(file.data + 40, 8), UINT64_C(0x01FFFFFFFFFFFFFF));
    assert_int_equal(big_endian(file.data + 48, 4), 0x114D9B74);
    assert_int_equal(big_endian(file.data + 158, 4), 0x1549A966);
    assert_int_equal(file.data[170], 0xEC);
    assert_int_equal(read_file(file.data, file.bytes).duration_us, -1);
    add_seconds(w, 1);
    assert_int_equal(kt_webm_writer_finish(w, 1234567), KT_OK);
    drain(w);
    assert_int_equal(big_endian(file.data + 40, 8), (UINT64_C(1) << 56) + file.bytes - 48);
    assert_int_equal(big_endian(file.data + 170, 3), 0x448988);
    assert_int_equal(read_file(file.data, file.bytes).duration_us, 1234567);
    kt_webm_writer_destroy(&w);
}

/* DefaultDuration of a finished file of 31 pictures at rate fps, of which one is late. */
static int64_t stated_ns(int fps, int late, int64_t late_us)
{
    KtFileConfig c = default_config();
    c.fps = fps;
    c.has_audio = 0;
    KtWebmWriter *w = create(&c);
    for (int i = 0; i < 31; i++) {
        const int64_t pts_us = 5000 + (int64_t)i * 1000000 / fps + (i == late ? late_us : 0);
        assert_int_equal(add(w, KT_TRACK_VIDEO, pts_us, i == 0), KT_OK);
    }
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    drain(w);
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    KtWebmTrackInfo track;
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    assert_int_equal(kt_webm_reader_feed(r, file.data, file.bytes), file.bytes);
    assert_int_equal(kt_webm_reader_next(r, &e), KT_OK);
    assert_int_equal(kt_webm_reader_track(r, 0, &track), KT_OK);
    kt_webm_reader_destroy(&r);
    kt_webm_writer_destroy(&w);
    return track.default_duration_ns;
}

/* A constant rate is stated where it was kept, and only there. */
static void test_rate_that_was_kept(void **state)
{
    (void)state;
    static const int rates[] = {1, 15, 24, 25, 30, 50, 60, 240};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        assert_int_equal(stated_ns(rates[i], 0, 0), (1000000000 + rates[i] / 2) / rates[i]);
    assert_int_equal(stated_ns(30, 17, 900), 33333333);
    assert_int_equal(stated_ns(30, 17, 1100), 0);
    assert_int_equal(stated_ns(30, 30, 33333), 0); /* the last but one is missing */
}

/* Neither while recording, nor of one picture, nor without video. */
static void test_rate_is_not_promised(void **state)
{
    (void)state;
    static const uint8_t stated[] = {0x23, 0xE3, 0x83, 0x84};
    for (int video = 0; video < 2; video++) {
        KtFileConfig c = default_config();
        c.has_video = video;
        KtWebmWriter *w = create(&c);
        if (video)
            assert_int_equal(add(w, KT_TRACK_VIDEO, 0, 1), KT_OK);
        for (int i = 0; i < 50; i++)
            assert_int_equal(add(w, KT_TRACK_AUDIO, i * 20000, 0), KT_OK);
        drain(w);
        for (int half = 0; half < 2; half++) {
            for (int at = 0; at + 4 < KT_WEBM_HEADER_BYTES; at++)
                assert_memory_not_equal(file.data + at, stated, sizeof stated);
            if (half == 0)
                assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
            drain(w);
        }
        kt_webm_writer_destroy(&w);
    }
}

static void test_every_prefix_of_chunks_is_readable(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    add_seconds(w, 2);
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    drain(w);
    /* As it was before the patch. */
    assert_int_equal(kt__webm_write_header(&c, file.data), KT_OK);
    for (int i = 0; i + 1 < file.chunks; i++) {
        const size_t bytes = (size_t)file.seen[i].offset + file.seen[i].bytes;
        const Seen s = read_file(file.data, bytes);
        assert_int_equal(s.end, KT_END);
        assert_int_equal(s.clusters, i < file.clusters ? i : file.clusters);
        assert_int_equal(s.duration_us, -1);
    }
    kt_webm_writer_destroy(&w);
}

static void test_tracks_are_sorted(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    /* Video 800 ms ahead of the sound. */
    for (int v = 0; v < 24; v++)
        assert_int_equal(add(w, KT_TRACK_VIDEO, v * 33333, v == 0), KT_OK);
    for (int n = 0; n < 100; n++) {
        assert_int_equal(add(w, KT_TRACK_AUDIO, n * 20000, 1), KT_OK);
        assert_int_equal(add(w, KT_TRACK_VIDEO, 800000 + n * 20000, 0), KT_OK);
    }
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    drain(w);
    const Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.blocks[1], 124);
    assert_int_equal(s.blocks[2], 100);
    assert_true(s.sorted);
    kt_webm_writer_destroy(&w);
}

static void test_a_silent_track_does_not_hold_the_other(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    assert_int_equal(add(w, KT_TRACK_AUDIO, 0, 1), KT_OK);
    for (int v = 0; v < 120; v++)
        assert_int_equal(add(w, KT_TRACK_VIDEO, v * 33333, v == 0), KT_OK);
    drain(w);
    const Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.blocks[2], 1);
    assert_true(s.blocks[1] >= 75); /* all but the last second and the open cluster */
    kt_webm_writer_destroy(&w);
}

static void test_flush_stores_everything(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    assert_int_equal(kt_webm_writer_flush(w), KT_OK);
    for (int v = 0; v < 3; v++)
        assert_int_equal(add(w, KT_TRACK_VIDEO, v * 33333, v == 0), KT_OK);
    assert_int_equal(add(w, KT_TRACK_AUDIO, 0, 1), KT_OK);
    assert_int_equal(kt_webm_writer_flush(w), KT_OK);
    drain(w);
    Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.blocks[1] + s.blocks[2], 4);
    /* What comes late is stored all the same, in a file that stays whole. */
    assert_int_equal(add(w, KT_TRACK_AUDIO, 20000, 1), KT_OK);
    assert_int_equal(add(w, KT_TRACK_VIDEO, 99999, 0), KT_OK);
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    drain(w);
    s = read_file(file.data, file.bytes);
    assert_int_equal(s.end, KT_END);
    assert_int_equal(s.blocks[1] + s.blocks[2], 6);
    assert_int_equal(s.duration_us, 99999 + 33333);
    kt_webm_writer_destroy(&w);
}

static void test_a_keyframe_begins_a_cluster(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    for (int n = 0; n < 6; n++) {
        assert_int_equal(add(w, KT_TRACK_AUDIO, n * 20000, 1), KT_OK);
        assert_int_equal(add(w, KT_TRACK_VIDEO, n * 20000, n % 2 == 0), KT_OK);
    }
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    drain(w);
    assert_int_equal(file.clusters, 3);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(file.seen[i].keyframe, 1);
        assert_int_equal(file.seen[i].start_us, (i - 1) * 40000);
    }
    kt_webm_writer_destroy(&w);
}

/* A crash loses the open cluster, so it is not kept open for a packet that will not fit. */
static void test_a_full_cluster_ends_at_once(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    KtChunk chunk;
    assert_int_equal(kt_webm_writer_pop(w), KT_OK); /* the header */
    int64_t audio_us = 0, video_us = 0;
    for (; kt_webm_writer_peek(w, &chunk) == KT_AGAIN; audio_us += 20000) {
        for (; video_us <= audio_us + 40000; video_us += video_us == 0 ? 10000 : 33333)
            assert_int_equal(add(w, KT_TRACK_VIDEO, video_us, video_us == 0), KT_OK);
        assert_int_equal(add(w, KT_TRACK_AUDIO, audio_us, 1), KT_OK);
    }
    /* Pictures to 243 ms, sound to 240; its last packet needs the one of 240 to be written. */
    assert_int_equal(audio_us, 260000);
    assert_int_equal(chunk.end_us, 10000 + 7 * 33333);
    kt_webm_writer_destroy(&w);
}

static void test_the_end_of_the_sound_is_trimmed(void **state)
{
    (void)state;
    KtFileConfig c = default_config();
    c.has_video = 0;
    KtWebmWriter *w = create(&c);
    for (int n = 0; n < 51; n++)
        assert_int_equal(add(w, KT_TRACK_AUDIO, n * 20000, 1), KT_OK);
    assert_int_equal(kt_webm_writer_finish(w, 1000000), KT_OK);
    drain(w);
    const Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.blocks[1], 51);
    assert_int_equal(s.discard_ns, (51 * 20000 - DELAY_US - 1000000) * 1000);
    assert_int_equal(s.duration_us, 1000000);
    assert_true(s.cues >= 1);
    kt_webm_writer_destroy(&w);
}

static void test_sound_after_the_end_is_left_out(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    assert_int_equal(add(w, KT_TRACK_VIDEO, 0, 1), KT_OK);
    for (int n = 0; n < 20; n++)
        assert_int_equal(add(w, KT_TRACK_AUDIO, n * 20000, 1), KT_OK);
    assert_int_equal(kt_webm_writer_finish(w, 50000), KT_OK);
    drain(w);
    const Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.last_us[2], 40000);
    assert_int_equal(s.discard_ns, (60000 - DELAY_US - 50000) * 1000);
    kt_webm_writer_destroy(&w);
}

/* But for the rate, which only the writer knows. */
static void test_finishing_without_the_writer_gives_the_same(void **state)
{
    (void)state;
    KtFileConfig c = default_config();
    c.fps = 0;
    KtWebmWriter *w = create(&c);
    uint8_t header[KT_WEBM_HEADER_BYTES], cues[512];
    KtFileCue points[16];
    size_t count = 0;
    drain(w);
    memcpy(header, file.data, sizeof header);
    add_seconds(w, 3);
    assert_int_equal(kt_webm_writer_finish(w, 3000000), KT_OK);
    drain(w);
    for (int i = 0; i < file.chunks; i++)
        if (file.seen[i].kind == KT_CHUNK_CLUSTER && file.seen[i].keyframe)
            points[count++] = (KtFileCue){file.seen[i].start_us, file.seen[i].offset};
    const KtChunk *made = &file.seen[file.chunks - 2];
    assert_int_equal(made->kind, KT_CHUNK_INDEX);
    assert_int_equal(kt_webm_cues_bytes(points, count), made->bytes);
    assert_int_equal(kt_webm_write_cues(points, count, cues, made->bytes - 1), KT_ERR_SPACE);
    assert_int_equal(kt_webm_write_cues(points, count, cues, sizeof cues), made->bytes);
    assert_memory_equal(cues, file.data + made->offset, made->bytes);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(kt_webm_patch_header(header, 3000000, made->offset, (int64_t)file.bytes),
                         KT_OK);
        assert_memory_equal(header, file.data, sizeof header);
    }
    header[160] ^= 1;
    assert_int_equal(kt_webm_patch_header(header, 1, -1, 5000), KT_ERR_FORMAT);
    memset(header, 0xFF, sizeof header);
    assert_int_equal(kt_webm_patch_header(header, 1, -1, 5000), KT_ERR_FORMAT);
    assert_int_equal(kt_webm_patch_header(header, -1, -1, 5000), KT_ERR_ARG);
    assert_int_equal(kt_webm_patch_header(header, 1, 9000, 5000), KT_ERR_ARG);
    assert_int_equal(kt_webm_cues_bytes(points, 0), KT_ERR_ARG);
    points[0].cluster_offset = 12;
    assert_int_equal(kt_webm_cues_bytes(points, count), KT_ERR_ARG);
    kt_webm_writer_destroy(&w);
}

static void test_empty_take(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtWebmWriter *w = create(&c);
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    assert_int_equal(drain(w), KT_END);
    assert_int_equal(file.chunks, 2);
    const Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.end, KT_END);
    assert_int_equal(s.duration_us, -1);
    kt_webm_writer_destroy(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finished_file),
        cmocka_unit_test(test_header_layout),
        cmocka_unit_test(test_rate_that_was_kept),
        cmocka_unit_test(test_rate_is_not_promised),
        cmocka_unit_test(test_every_prefix_of_chunks_is_readable),
        cmocka_unit_test(test_tracks_are_sorted),
        cmocka_unit_test(test_a_silent_track_does_not_hold_the_other),
        cmocka_unit_test(test_flush_stores_everything),
        cmocka_unit_test(test_a_keyframe_begins_a_cluster),
        cmocka_unit_test(test_a_full_cluster_ends_at_once),
        cmocka_unit_test(test_the_end_of_the_sound_is_trimmed),
        cmocka_unit_test(test_sound_after_the_end_is_left_out),
        cmocka_unit_test(test_finishing_without_the_writer_gives_the_same),
        cmocka_unit_test(test_empty_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
