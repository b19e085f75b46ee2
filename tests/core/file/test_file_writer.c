/* Files of one raw track each, through the port: codecs by name with their private bytes, names and
 * UIDs, unknown colour, Opus packets of any length, pictures whose size changes. What the file says
 * is read back by the reader; e2e/take-file.test.mjs has ffprobe look at the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webm_file.h"

static const uint8_t avcc[] = {1, 0x42, 0xC0, 0x1F, 0xFF, 0xE1, 0, 4, 0x67, 0x42, 0xC0, 0x1F, 1, 0};
static const uint8_t av1c[] = {0x81, 0x04, 0x0C, 0x00};

/* A track of somebody's picture, of which nothing but size and codec is known. */
static KtFileConfig video_track(const char *codec_id, const uint8_t *codec_private, size_t bytes)
{
    return (KtFileConfig){.has_video = 1,
                          .video = {.codec_id = codec_id,
                                    .codec_private = codec_private,
                                    .codec_private_bytes = bytes,
                                    .name = "Zo\xC3\xAB \xE2\x80\xA2 camera",
                                    .uid = UINT64_C(0xF00DF00DF00DF00D)},
                          .width = 640,
                          .height = 360,
                          .max_cluster_us = 250000};
}

static KtFileConfig opus_track(void)
{
    return (KtFileConfig){.has_audio = 1,
                          .audio = {.codec_id = KT_CODEC_ID_OPUS,
                                    .codec_private = opus_head,
                                    .codec_private_bytes = sizeof opus_head,
                                    .name = "Zo\xC3\xAB",
                                    .uid = 77},
                          .sample_rate_hz = 48000,
                          .channels = 2,
                          .max_cluster_us = 250000};
}

static KtFileWriter *open_file(const KtFileConfig *config)
{
    KtFileWriter *w = NULL;
    memset(&file, 0, sizeof file);
    assert_int_equal(kt_file_writer_create(kt_file_format(KT_CONTAINER_WEBM), config, &w), KT_OK);
    return w;
}

static KtStatus put(KtFileWriter *w, KtTrack track, int64_t pts_us, int64_t duration_us,
                    int keyframe, const uint8_t *data, size_t bytes)
{
    const KtPacket p = {.track = track,
                        .data = data,
                        .bytes = bytes,
                        .pts_us = pts_us,
                        .duration_us = duration_us,
                        .keyframe = keyframe};
    return kt_file_writer_add(w, &p);
}

static void take_chunks(KtFileWriter *w)
{
    KtChunk c;
    while (kt_file_writer_peek(w, &c) == KT_OK) {
        assert_true((size_t)c.offset + c.bytes <= sizeof file.data);
        memcpy(file.data + c.offset, c.data, c.bytes);
        if (c.kind != KT_CHUNK_PATCH)
            file.bytes += c.bytes;
        assert_int_equal(kt_file_writer_pop(w), KT_OK);
    }
    assert_int_equal(kt_file_writer_bytes(w), file.bytes);
}

/* The reader, fed all of the file up to its Tracks. */
static KtWebmReader *read_tracks(KtWebmTrackInfo *track)
{
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    assert_int_equal(kt_webm_reader_create(&r), KT_OK);
    assert_int_equal(kt_webm_reader_feed(r, file.data, file.bytes), file.bytes);
    assert_int_equal(kt_webm_reader_next(r, &e), KT_OK);
    assert_int_equal(e.kind, KT_WEBM_TRACKS);
    assert_int_equal(kt_webm_reader_track_count(r), 1);
    assert_int_equal(kt_webm_reader_track(r, 0, track), KT_OK);
    return r;
}

static int contains(const char *text)
{
    const size_t bytes = strlen(text);
    for (size_t at = 0; at + bytes <= KT_FILE_HEADER_BYTES; at++)
        if (memcmp(file.data + at, text, bytes) == 0)
            return 1;
    return 0;
}

static void codecs_by_name_and_private_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *codec_id, *doc_type;
        const uint8_t *codec_private;
        size_t bytes;
    } codecs[] = {
        {KT_CODEC_ID_VP8, "\x42\x82\x84webm", NULL, 0},
        {KT_CODEC_ID_VP9, "\x42\x82\x84webm", NULL, 0},
        {KT_CODEC_ID_AV1, "\x42\x82\x84webm", av1c, sizeof av1c},
        {KT_CODEC_ID_H264, "\x42\x82\x88matroska", avcc, sizeof avcc},
        {"V_MPEGH/ISO/HEVC", "\x42\x82\x88matroska", avcc, sizeof avcc},
    };
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        const KtFileConfig c =
            video_track(codecs[i].codec_id, codecs[i].codec_private, codecs[i].bytes);
        KtFileWriter *w = open_file(&c);
        KtWebmTrackInfo track;
        assert_int_equal(put(w, KT_TRACK_VIDEO, 0, 40000, 1, avcc, sizeof avcc), KT_OK);
        assert_int_equal(put(w, KT_TRACK_VIDEO, 90000, 40000, 0, avcc, sizeof avcc), KT_OK);
        assert_int_equal(kt_file_writer_finish(w, 0), KT_OK);
        take_chunks(w);
        KtWebmReader *r = read_tracks(&track);
        assert_string_equal(track.codec_id, codecs[i].codec_id);
        assert_string_equal(track.name, c.video.name);
        assert_true(track.uid == c.video.uid);
        assert_int_equal(track.codec_private_bytes, codecs[i].bytes);
        if (codecs[i].bytes > 0)
            assert_memory_equal(track.codec_private, codecs[i].codec_private, codecs[i].bytes);
        assert_true(contains(codecs[i].doc_type));
        assert_false(contains("\x55\xB0")); /* no Colour: nothing is known of it */
        assert_true(kt_webm_is_header(file.data, KT_FILE_HEADER_BYTES));
        const Seen seen = read_file(file.data, file.bytes);
        assert_int_equal(seen.end, KT_END);
        assert_int_equal(seen.blocks[1], 2);
        assert_int_equal(seen.cues, 1);
        kt_webm_reader_destroy(&r);
        kt_file_writer_destroy(&w);
        assert_null(w);
    }
}

/* 2.5 to 120 ms, as their tables of contents say; a gap between them is nobody's. */
static void opus_packets_are_as_long_as_they_say(void **state)
{
    (void)state;
    static const uint8_t tocs[][2] = {{0xE0, 0}, {0x18, 0}, {0xFB, 6}, {0xF8, 0}};
    static const int64_t lengths_us[] = {2500, 60000, 120000, 20000};
    const KtFileConfig c = opus_track();
    KtFileWriter *w = open_file(&c);
    int64_t at_us = 1000000;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(put(w, KT_TRACK_AUDIO, at_us, 0, 1, tocs[i], 2), KT_OK);
        at_us += lengths_us[i];
    }
    assert_int_equal(kt_file_writer_finish(w, 0), KT_OK);
    take_chunks(w);
    KtWebmTrackInfo track;
    KtWebmReader *r = read_tracks(&track);
    assert_string_equal(track.name, "Zo\xC3\xAB");
    assert_int_equal(track.uid, 77);
    assert_int_equal(kt_webm_reader_duration_us(r), at_us);
    kt_webm_reader_destroy(&r);
    kt_file_writer_destroy(&w);

    w = open_file(&c);
    const uint8_t none[] = {0xFB, 0};
    assert_int_equal(put(w, KT_TRACK_AUDIO, 0, 0, 1, none, 2), KT_ERR_FORMAT);
    assert_int_equal(put(w, KT_TRACK_AUDIO, 0, 0, 1, none, 1), KT_ERR_FORMAT);
    assert_int_equal(put(w, KT_TRACK_AUDIO, 0, 20000, 1, none, 2), KT_OK); /* the caller knows */
    kt_file_writer_destroy(&w);
}

static void the_header_states_the_largest_picture(void **state)
{
    (void)state;
    static const struct {
        int width, height, keyframe, stated_width, stated_height;
    } changes[] = {
        {1280, 720, 0, 640, 360},  /* no keyframe: not yet in force */
        {320, 180, 1, 640, 360},   /* smaller */
        {360, 640, 1, 640, 360},   /* turned: as large as before */
        {1280, 720, 1, 1280, 720}, /* larger */
        {16383, 1, 1, 640, 360},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const KtFileConfig c = video_track(KT_CODEC_ID_VP8, NULL, 0);
        KtFileWriter *w = open_file(&c);
        KtWebmTrackInfo track;
        assert_int_equal(put(w, KT_TRACK_VIDEO, 0, 40000, 1, avcc, 9), KT_OK);
        assert_int_equal(kt_file_writer_resize(w, changes[i].width, changes[i].height), KT_OK);
        assert_int_equal(put(w, KT_TRACK_VIDEO, 40000, 40000, changes[i].keyframe, avcc, 9), KT_OK);
        assert_int_equal(kt_file_writer_finish(w, 0), KT_OK);
        assert_int_equal(kt_file_writer_resize(w, 640, 360), KT_ERR_STATE);
        take_chunks(w);
        KtWebmReader *r = read_tracks(&track);
        assert_int_equal(track.width, changes[i].stated_width);
        assert_int_equal(track.height, changes[i].stated_height);
        kt_webm_reader_destroy(&r);
        assert_int_equal(read_file(file.data, file.bytes).blocks[1], 2);
        kt_file_writer_destroy(&w);
    }
    const KtFileConfig c = video_track(KT_CODEC_ID_VP8, NULL, 0), sound = opus_track();
    KtFileWriter *w = open_file(&c);
    assert_int_equal(kt_file_writer_resize(w, 0, 360), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_resize(w, 640, 16384), KT_ERR_ARG);
    kt_file_writer_destroy(&w);
    w = open_file(&sound);
    assert_int_equal(kt_file_writer_resize(w, 640, 360), KT_ERR_STATE);
    kt_file_writer_destroy(&w);
}

/* All there can be of it fits into the header, or the writer says so at once. */
static void the_largest_header(void **state)
{
    (void)state;
    static const char app[] = "an application whose name is exactly as long as names may be, OK";
    static uint8_t codec_private[KT_FILE_MAX_PRIVATE_BYTES];
    char name[KT_FILE_MAX_NAME_BYTES + 2], short_app[64];
    memset(name, 'n', sizeof name);
    name[KT_FILE_MAX_NAME_BYTES] = '\0';
    memcpy(short_app, app, 63);
    short_app[63] = '\0';
    memcpy(codec_private, opus_head, sizeof opus_head);
    KtFileConfig c = default_config();
    c.video = (KtFileTrack){.codec_id = "V_CODEC_OF_THE_LONGEST_NAME_001",
                            .codec_private = codec_private,
                            .codec_private_bytes = sizeof codec_private,
                            .name = name,
                            .uid = UINT64_MAX};
    c.audio = c.video;
    c.audio.codec_id = KT_CODEC_ID_OPUS;
    c.width = c.height = 16383;
    c.app_name = short_app;
    KtFileWriter *w = open_file(&c);
    KtChunk chunk;
    assert_int_equal(kt_file_writer_peek(w, &chunk), KT_OK);
    assert_int_equal(chunk.bytes, KT_FILE_HEADER_BYTES);
    assert_true(kt_webm_is_header(chunk.data, chunk.bytes));
    uint8_t header[KT_FILE_HEADER_BYTES];
    memcpy(header, chunk.data, sizeof header);
    assert_int_equal(kt_webm_patch_rate(header, 30), KT_OK);
    assert_int_equal(kt_webm_patch_size(header, 1, 2), KT_OK);
    assert_int_equal(kt_webm_patch_header(header, 5, 4096, 5000), KT_OK);
    uint8_t again[KT_FILE_HEADER_BYTES];
    memcpy(again, chunk.data, sizeof again);
    assert_int_equal(kt_webm_patch_header(again, 5, 4096, 5000), KT_OK);
    kt_webm_copy_stated(again, header);
    assert_memory_equal(again, header, sizeof again);
    kt_file_writer_destroy(&w);
    name[KT_FILE_MAX_NAME_BYTES] = 'n';
    name[KT_FILE_MAX_NAME_BYTES + 1] = '\0';
    assert_int_equal(kt_file_writer_create(kt_file_format(0), &c, &w), KT_ERR_ARG);
}

/* Whatever a header's bytes are, patching stays within it. */
static void headers_that_were_tampered_with(void **state)
{
    (void)state;
    const KtFileConfig c = default_config();
    KtFileWriter *w = open_file(&c);
    KtChunk chunk;
    uint32_t random = 1;
    assert_int_equal(kt_file_writer_peek(w, &chunk), KT_OK);
    for (int i = 0; i < 20000; i++) {
        uint8_t *header = malloc(KT_FILE_HEADER_BYTES); /* exact: a step beyond it is found */
        assert_non_null(header);
        memcpy(header, chunk.data, KT_FILE_HEADER_BYTES);
        for (int k = 0; k < 3; k++) {
            random = random * 1664525 + 1013904223;
            header[(random >> 8) % 600] = (uint8_t)(random >> 24);
        }
        kt_webm_patch_rate(header, 30);
        kt_webm_patch_size(header, 100, 100);
        kt_webm_copy_stated(header, chunk.data);
        kt_webm_patch_header(header, 5, -1, 5000);
        free(header);
    }
    kt_file_writer_destroy(&w);
}

static void the_port_itself(void **state)
{
    (void)state;
    const KtFileConfig c = opus_track();
    KtFileWriter *w = NULL;
    KtChunk chunk;
    assert_null(kt_file_format(-1));
    assert_null(kt_file_format(1));
    assert_int_equal(kt_file_format(KT_CONTAINER_WEBM)->container, KT_CONTAINER_WEBM);
    assert_int_equal(kt_file_writer_create(NULL, &c, &w), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_create(kt_file_format(0), NULL, &w), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_create(kt_file_format(0), &c, NULL), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_add(NULL, NULL), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_resize(NULL, 1, 1), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_flush(NULL), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_finish(NULL, 0), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_peek(NULL, &chunk), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_pop(NULL), KT_ERR_ARG);
    assert_int_equal(kt_file_writer_bytes(NULL), 0);
    kt_file_writer_destroy(&w);
    kt_file_writer_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_by_name_and_private_bytes),
        cmocka_unit_test(opus_packets_are_as_long_as_they_say),
        cmocka_unit_test(the_header_states_the_largest_picture),
        cmocka_unit_test(the_largest_header),
        cmocka_unit_test(headers_that_were_tampered_with),
        cmocka_unit_test(the_port_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
