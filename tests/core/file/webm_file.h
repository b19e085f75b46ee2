/* What the tests of the WebM writer share: a file put together from chunks as a store would, and
 * what the reader says of it. Include after cmocka.h. */
#ifndef KEEPTAKE_TEST_WEBM_FILE_H
#define KEEPTAKE_TEST_WEBM_FILE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "alloc_fail.h"
#include "keeptake/opus_packet.h"
#include "keeptake/webm_reader.h"
#include "keeptake/webm_writer.h"
#include "webm_writer_mux.h"

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

static inline KtFileConfig default_config(void)
{
    KtFileConfig c = {.has_video = 1,
                      .has_audio = 1,
                      .video = {.codec_id = KT_CODEC_ID_VP9},
                      .width = 1280,
                      .height = 720,
                      .fps = 30,
                      .has_color = 1,
                      .matrix = KT_COLOR_BT709,
                      .audio = {.codec_id = KT_CODEC_ID_OPUS,
                                .codec_private = opus_head,
                                .codec_private_bytes = sizeof opus_head},
                      .sample_rate_hz = 48000,
                      .channels = 2,
                      .audio_pre_skip = PRE_SKIP,
                      .max_cluster_us = 250000,
                      .date_unix_us = INT64_C(1700000000000000),
                      .app_name = "test"};
    return c;
}

static inline KtWebmWriter *create(const KtFileConfig *c)
{
    KtWebmWriter *w = NULL;
    assert_int_equal(kt_webm_writer_create(c, &w), KT_OK);
    assert_non_null(w);
    memset(&file, 0, sizeof file);
    return w;
}

static inline KtStatus add(KtWebmWriter *w, KtTrack track, int64_t pts_us, int keyframe)
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
static inline KtStatus drain(KtWebmWriter *w)
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
        file.cues += c.kind == KT_CHUNK_INDEX;
        file.patches += c.kind == KT_CHUNK_PATCH;
        file.seen[file.chunks++] = c;
        assert_int_equal(kt_webm_writer_pop(w), KT_OK);
    }
    return status;
}

/* Frames and sound of [0, seconds), a keyframe every second, in the order of a recorder. */
static inline void add_seconds(KtWebmWriter *w, int seconds)
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

static inline Seen read_file(const uint8_t *data, size_t bytes)
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

static inline uint64_t big_endian(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | *p++;
    return value;
}

#endif
