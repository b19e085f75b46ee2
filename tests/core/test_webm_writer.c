/* The WebM writer: chunks, order, clusters, cues and the patch, looked at through the WebM reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../core/src/webm_writer_mux.h"
#include "alloc_fail.h"
#include "keeptake/webm_reader.h"
#include "keeptake/webm_writer.h"

#define PRE_SKIP 312
#define DELAY_US 6500

/* A file put together from chunks as a store would. */
typedef struct File {
    uint8_t data[1 << 20];
    size_t bytes;
    int chunks, clusters, cues, patches;
    KtChunk seen[400];
} File;

static File file; /* too large for the stack */

static const uint8_t opus_head[KT_OPUS_HEAD_BYTES] = {'O', 'p', 'u', 's',  'H',  'e',  'a',
                                                      'd', 1,   2,   0x38, 0x01, 0x80, 0xBB};

static KtWebmWriterConfig default_config(void)
{
    KtWebmWriterConfig c = {.has_video = 1,
                            .has_audio = 1,
                            .codec = KT_VIDEO_VP9,
                            .width = 1280,
                            .height = 720,
                            .fps = 30,
                            .matrix = KT_COLOR_BT709,
                            .audio_pre_skip = PRE_SKIP,
                            .max_cluster_us = 250000,
                            .date_unix_us = INT64_C(1700000000000000),
                            .app_name = "test"};
    memcpy(c.opus_head, opus_head, sizeof opus_head);
    return c;
}

static KtWebmWriter *create(const KtWebmWriterConfig *c)
{
    KtWebmWriter *w = NULL;
    assert_int_equal(kt_webm_writer_create(c, &w), KT_OK);
    assert_non_null(w);
    memset(&file, 0, sizeof file);
    return w;
}

static KtStatus add(KtWebmWriter *w, KtTrack track, int64_t pts_us, int keyframe)
{
    uint8_t payload[40];
    memset(payload, (int)(pts_us / 1000 % 251), sizeof payload);
    const KtPacket p = {.track = track,
                        .data = payload,
                        .bytes = track == KT_TRACK_VIDEO ? sizeof payload : 11,
                        .pts_us = pts_us,
                        .duration_us = track == KT_TRACK_VIDEO ? 33333 : 20000,
                        .keyframe = keyframe};
    return kt_webm_writer_add(w, &p);
}

/* Takes every chunk that waits into the file, checking what is true of each. */
static KtStatus drain(KtWebmWriter *w)
{
    KtChunk c;
    KtStatus status;
    while ((status = kt_webm_writer_peek(w, &c)) == KT_OK) {
        assert_int_equal(c.sequence, file.chunks);
        assert_int_equal(c.crc32, crc32(0, c.data, (uInt)c.bytes));
        if (c.kind == KT_CHUNK_PATCH) {
            assert_int_equal(c.offset, 0);
            assert_int_equal(c.bytes, KT_WEBM_HEADER_BYTES);
        } else {
            assert_int_equal(c.offset, file.bytes);
            file.bytes += c.bytes;
        }
        assert_true(file.bytes <= sizeof file.data && file.chunks < 400);
        memcpy(file.data + c.offset, c.data, c.bytes);
        file.clusters += c.kind == KT_CHUNK_CLUSTER;
        file.cues += c.kind == KT_CHUNK_CUES;
        file.patches += c.kind == KT_CHUNK_PATCH;
        file.seen[file.chunks++] = c;
        assert_int_equal(kt_webm_writer_pop(w), KT_OK);
    }
    return status;
}

/* Frames and sound of [0, seconds), a keyframe every second, in the order of a recorder. */
static void add_seconds(KtWebmWriter *w, int seconds)
{
    int v = 0, a = 0;
    while (v < seconds * 30 || a < seconds * 50) {
        if (a >= seconds * 50 || (v < seconds * 30 && (int64_t)v * 1000000 / 30 <= a * 20000)) {
            assert_int_equal(add(w, KT_TRACK_VIDEO, (int64_t)v * 1000000 / 30, v % 30 == 0), KT_OK);
            v++;
        } else {
            assert_int_equal(add(w, KT_TRACK_AUDIO, a * 20000, 1), KT_OK);
            a++;
        }
        drain(w);
    }
}

typedef struct Seen {
    int blocks[3], clusters, cues, cue_elements, keyframe_clusters;
    int64_t last_us[3], last_any_us, discard_ns, duration_us, cluster_offsets[64];
    int sorted, cue_hits;
    KtStatus end;
} Seen;

static Seen read_file(const uint8_t *data, size_t bytes)
{
    Seen s = {.sorted = 1, .last_us = {-1, -1, -1}, .last_any_us = -1};
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    size_t at = 0;
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    while ((s.end = kt_webm_reader_next(r, &e)) >= 0 && s.end != KT_END) {
        if (s.end == KT_AGAIN && at == bytes)
            kt_webm_reader_end(r);
        else if (s.end == KT_AGAIN)
            at += (size_t)kt_webm_reader_feed(r, data + at, bytes - at);
        else if (e.kind == KT_WEBM_BLOCK) {
            assert_true(e.track == 1 || e.track == 2);
            s.blocks[e.track]++;
            s.sorted &= e.pts_us >= s.last_any_us;
            s.last_us[e.track] = s.last_any_us = e.pts_us;
            s.discard_ns += e.discard_padding_ns;
        } else if (e.kind == KT_WEBM_CLUSTER) {
            s.cluster_offsets[s.clusters++ % 64] = e.offset;
            s.keyframe_clusters += e.keyframe;
            assert_true(e.end_us - e.pts_us <= 250000);
        } else if (e.kind == KT_WEBM_CUE) {
            s.cues++;
            for (int i = 0; i < s.clusters && i < 64; i++)
                s.cue_hits += s.cluster_offsets[i] == e.offset;
        } else if (e.kind == KT_WEBM_CUES) {
            s.cue_elements++;
        }
    }
    s.duration_us = kt_webm_reader_duration_us(r);
    kt_webm_reader_destroy(&r);
    return s;
}

static void test_finished_file(void **state)
{
    (void)state;
    const KtWebmWriterConfig c = default_config();
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

static uint64_t big_endian(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | *p++;
    return value;
}

/* The offsets of docs/take-file.md. */
static void test_header_layout(void **state)
{
    (void)state;
    const KtWebmWriterConfig c = default_config();
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

static void test_every_prefix_of_chunks_is_readable(void **state)
{
    (void)state;
    const KtWebmWriterConfig c = default_config();
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
    const KtWebmWriterConfig c = default_config();
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
    const KtWebmWriterConfig c = default_config();
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
    const KtWebmWriterConfig c = default_config();
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
    const KtWebmWriterConfig c = default_config();
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

static void test_the_end_of_the_sound_is_trimmed(void **state)
{
    (void)state;
    KtWebmWriterConfig c = default_config();
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
    const KtWebmWriterConfig c = default_config();
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

static void test_beyond_four_gigabytes(void **state)
{
    (void)state;
    const KtWebmWriterConfig c = default_config();
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
        if (chunk.kind == KT_CHUNK_CUES) {
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

static void test_finishing_without_the_writer_gives_the_same(void **state)
{
    (void)state;
    const KtWebmWriterConfig c = default_config();
    KtWebmWriter *w = create(&c);
    uint8_t header[KT_WEBM_HEADER_BYTES], cues[512];
    KtWebmCue points[16];
    size_t count = 0;
    drain(w);
    memcpy(header, file.data, sizeof header);
    add_seconds(w, 3);
    assert_int_equal(kt_webm_writer_finish(w, 3000000), KT_OK);
    drain(w);
    for (int i = 0; i < file.chunks; i++)
        if (file.seen[i].kind == KT_CHUNK_CLUSTER && file.seen[i].keyframe)
            points[count++] = (KtWebmCue){file.seen[i].start_us, file.seen[i].offset};
    const KtChunk *made = &file.seen[file.chunks - 2];
    assert_int_equal(made->kind, KT_CHUNK_CUES);
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
    const KtWebmWriterConfig c = default_config();
    KtWebmWriter *w = create(&c);
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    assert_int_equal(drain(w), KT_END);
    assert_int_equal(file.chunks, 2);
    const Seen s = read_file(file.data, file.bytes);
    assert_int_equal(s.end, KT_END);
    assert_int_equal(s.duration_us, -1);
    kt_webm_writer_destroy(&w);
}

static void test_refuses_bad_configurations(void **state)
{
    (void)state;
    KtWebmWriter *w = NULL;
    KtWebmWriterConfig c[16];
    char long_name[65];
    memset(long_name, 'n', 64);
    long_name[64] = 0;
    for (size_t i = 0; i < 16; i++)
        c[i] = default_config();
    c[0].has_video = c[0].has_audio = 0;
    c[1].width = 0;
    c[2].height = 16384;
    c[3].fps = -1;
    c[4].codec = (KtVideoCodec)7;
    c[5].matrix = (KtColorMatrix)9;
    c[6].opus_head[0] = 'o';
    c[7].opus_head[9] = 0;
    c[8].audio_pre_skip = -1;
    c[9].max_cluster_us = 19999;
    c[10].max_cluster_us = 5000001;
    c[11].app_name = long_name;
    c[12].app_name = "";
    c[13].date_unix_us = -1;
    c[14].fps = 241;
    c[15].audio_pre_skip = 65536;
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(kt_webm_writer_create(&c[i], &w), KT_ERR_ARG);
    assert_int_equal(kt_webm_writer_create(NULL, &w), KT_ERR_ARG);
    assert_null(w);
}

static void test_refuses_bad_packets(void **state)
{
    (void)state;
    KtWebmWriterConfig c = default_config();
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
    KtWebmWriterConfig c = default_config();
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
    KtWebmWriterConfig c = default_config();
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
    const KtWebmWriterConfig *c = context;
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
    KtWebmWriterConfig c = default_config();
    assert_true(kt_alloc_each(attempt, &c) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finished_file),
        cmocka_unit_test(test_header_layout),
        cmocka_unit_test(test_every_prefix_of_chunks_is_readable),
        cmocka_unit_test(test_tracks_are_sorted),
        cmocka_unit_test(test_a_silent_track_does_not_hold_the_other),
        cmocka_unit_test(test_flush_stores_everything),
        cmocka_unit_test(test_a_keyframe_begins_a_cluster),
        cmocka_unit_test(test_the_end_of_the_sound_is_trimmed),
        cmocka_unit_test(test_sound_after_the_end_is_left_out),
        cmocka_unit_test(test_beyond_four_gigabytes),
        cmocka_unit_test(test_finishing_without_the_writer_gives_the_same),
        cmocka_unit_test(test_empty_take),
        cmocka_unit_test(test_refuses_bad_configurations),
        cmocka_unit_test(test_refuses_bad_packets),
        cmocka_unit_test(test_waiting_chunks_are_bounded),
        cmocka_unit_test(test_a_steady_take_allocates_nothing),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("webm_writer", tests, NULL, NULL);
}
