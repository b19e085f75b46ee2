/* A take file as the writer makes it, for the tests of what is made of its beginning. The payloads
 * are random bytes: nothing decodes them. */
#ifndef KEEPTAKE_TEST_TAKE_FILE_H
#define KEEPTAKE_TEST_TAKE_FILE_H

#include <stdlib.h>
#include <string.h>

#include "keeptake/opus_packet.h"
#include "keeptake/webm_writer.h"

#define SECONDS 6
#define MOST_CLUSTERS 200
#define MOST_PICTURE_BYTES 12000

/* A file as the writer makes it, with what the writer says of it. */
typedef struct File {
    uint8_t data[1 << 21];
    size_t bytes, clusters_end;
    uint8_t plain_header[KT_WEBM_HEADER_BYTES]; /* before it was patched */
    size_t ends[MOST_CLUSTERS];
    int64_t end_us[MOST_CLUSTERS];
    int clusters;
    KtFileCue cues[MOST_CLUSTERS];
    size_t cue_count;
} File;

static File file;
static unsigned file_frame_bytes = 600; /* of a picture, at most MOST_PICTURE_BYTES */

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void drain(KtWebmWriter *w)
{
    KtChunk c;
    while (kt_webm_writer_peek(w, &c) == KT_OK) {
        memcpy(file.data + c.offset, c.data, c.bytes);
        if (c.kind == KT_CHUNK_HEADER)
            memcpy(file.plain_header, c.data, c.bytes);
        if (c.kind != KT_CHUNK_PATCH)
            file.bytes += c.bytes;
        if (c.kind == KT_CHUNK_CLUSTER) {
            file.ends[file.clusters] = file.clusters_end = file.bytes;
            file.end_us[file.clusters++] = c.end_us;
            if (c.keyframe)
                file.cues[file.cue_count++] = (KtFileCue){c.start_us, c.offset};
        }
        kt_webm_writer_pop(w);
    }
}

static void add(KtWebmWriter *w, KtTrack track, int64_t pts_us, int keyframe, unsigned *seed)
{
    uint8_t payload[MOST_PICTURE_BYTES];
    size_t bytes = track == KT_TRACK_VIDEO
                       ? file_frame_bytes / 2 + next_random(seed) % (file_frame_bytes / 2)
                       : 20;
    for (size_t i = 0; i < bytes; i++)
        payload[i] = (uint8_t)next_random(seed);
    const KtPacket p = {.track = track,
                        .data = payload,
                        .bytes = bytes,
                        .pts_us = pts_us,
                        .duration_us = track == KT_TRACK_VIDEO ? 40000 : 20000,
                        .keyframe = keyframe};
    assert_int_equal(kt_webm_writer_add(w, &p), KT_OK);
    drain(w);
}

static void make_file(int has_video, int has_audio)
{
    uint8_t opus_head[KT_OPUS_HEAD_BYTES];
    assert_int_equal(kt_opus_head(2, 312, 48000, opus_head), KT_OK);
    KtFileConfig c = {.has_video = has_video,
                      .has_audio = has_audio,
                      .video = {.codec_id = KT_CODEC_ID_VP9},
                      .width = 640,
                      .height = 360,
                      .fps = 25,
                      .has_color = 1,
                      .audio = {.codec_id = KT_CODEC_ID_OPUS,
                                .codec_private = opus_head,
                                .codec_private_bytes = sizeof opus_head},
                      .sample_rate_hz = 48000,
                      .channels = 2,
                      .audio_pre_skip = 312,
                      .max_cluster_us = 250000};
    KtWebmWriter *w = NULL;
    unsigned seed = 7;
    memset(&file, 0, sizeof file);
    assert_int_equal(kt_webm_writer_create(&c, &w), KT_OK);
    for (int ms = 0; ms < SECONDS * 1000; ms += 20) {
        if (has_video && ms % 40 == 0)
            add(w, KT_TRACK_VIDEO, ms * 1000, ms % 2000 == 0, &seed);
        if (has_audio)
            add(w, KT_TRACK_AUDIO, ms * 1000, 1, &seed);
    }
    assert_int_equal(kt_webm_writer_finish(w, 0), KT_OK);
    drain(w);
    kt_webm_writer_destroy(&w);
}

#endif
