/* A take without a stage: which tracks there are, whose times, whose packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/audio_encoder.h"
#include "take_rig.h"

#define SECOND INT64_C(1000000)
#define VIDEO_PACKETS "-count_frames -select_streams v -show_entries stream=nb_read_frames"
#define AUDIO_CODEC "-select_streams a -show_entries stream=codec_name,sample_rate"

static void test_video_alone(void **state)
{
    KtTakeConfig config;
    (void)state;
    take_config(&config, 1, 0);
    KtTake *t = take_open(&config);
    for (int i = 0; i < 30; i++)
        assert_int_equal(take_show(t, i, i * SECOND / 15), KT_OK);
    take_finish(t, 0);
    kt_take_destroy(&t);
    assert_int_equal(take_file.tracks, 1);
    assert_string_equal(take_file.video_codec, "V_VP8");
    assert_int_equal(take_file.video_count, 30);
    assert_true(take_file.cues > 0 && take_file.video[0].keyframe);
    /* The last one is shown as long as the one before it. */
    assert_in_range(take_file.duration_us, 1999000, 2001000);
    assert_string_equal(take_probe(VIDEO_PACKETS, "30"), "30");
    assert_string_equal(take_probe("-show_entries format=nb_streams", "1"), "1");
}

static void test_sound_alone(void **state)
{
    static const int rates[] = {48000, 44100, 16000};
    KtTakeConfig config;
    (void)state;
    for (int i = 0; i < 3; i++) {
        take_config(&config, 0, 1);
        KtTake *t = take_open(&config);
        take_say(t, rates[i], 0, 3 * SECOND);
        take_finish(t, 0);
        kt_take_destroy(&t);
        assert_int_equal(take_file.tracks, 1);
        assert_true(take_file.has_audio && take_file.cues >= 2);
        assert_in_range(take_file.duration_us, 2999000, 3001000);
        assert_in_range(take_file.audio_count, 150, 152);
        for (int k = 1; k < take_file.audio_count; k++)
            assert_int_equal(take_file.audio[k].pts_us - take_file.audio[k - 1].pts_us, 20000);
        assert_string_equal(take_probe(AUDIO_CODEC, "opus,48000"), "opus,48000");
    }
}

/* Pictures keep the times that they came with, whatever those are. */
static void test_a_rate_that_varies(void **state)
{
    static const int64_t times_ms[] = {0, 7, 100, 101, 500, 1733, 1750, 4000, 4040};
    KtTakeConfig config;
    (void)state;
    take_config(&config, 1, 1);
    config.file.fps = 30;
    KtTake *t = take_open(&config);
    for (int i = 0; i < 9; i++) {
        take_say(t, 48000, i ? times_ms[i - 1] / 10 * 10000 : 0, times_ms[i] / 10 * 10000);
        assert_int_equal(take_show(t, i, times_ms[i] * 1000), KT_OK);
    }
    take_say(t, 48000, 4040000, 5 * SECOND);
    take_finish(t, 5 * SECOND);
    kt_take_destroy(&t);
    assert_int_equal(take_file.video_count, 9);
    for (int i = 0; i < 9; i++)
        assert_int_equal(take_file.video[i].pts_us, times_ms[i] * 1000);
    assert_int_equal(take_file.default_duration_ns, 0); /* no rate is stated */
    assert_in_range(take_file.duration_us, 4999000, 5001000);
    assert_string_equal(take_probe(VIDEO_PACKETS, "9"), "9");
}

/* Sound that stays away is silence, and later sound has its place; the tracks stay together. */
static void test_sound_that_comes_and_goes(void **state)
{
    KtTakeConfig config;
    (void)state;
    take_config(&config, 1, 1);
    KtTake *t = take_open(&config);
    for (int i = 0; i < 400; i++) { /* 40 s */
        assert_int_equal(take_show(t, i, i * SECOND / 10), KT_OK);
        if (i < 10 || i >= 350)
            take_say(t, 48000, i * SECOND / 10, (i + 1) * SECOND / 10);
        take_drain(t);
    }
    take_finish(t, 40 * SECOND);
    kt_take_destroy(&t);
    assert_int_equal(take_file.video_count, 400);
    assert_in_range(take_file.audio_count, 2000, 2001);
    size_t loud = 0, silent = 0;
    for (int i = 0; i < 50; i++) {
        loud += take_file.audio[1800 + i].bytes;
        silent += take_file.audio[1000 + i].bytes;
    }
    assert_true(silent < loud / 4);
    for (int i = 1; i < take_file.audio_count; i++)
        assert_int_equal(take_file.audio[i].pts_us - take_file.audio[i - 1].pts_us, 20000);
}

/* A block longer than the mixer keeps, and one far ahead of all before it: nothing is lost. */
static void test_long_blocks_and_jumps(void **state)
{
    KtTakeConfig config;
    float *pcm = calloc(96000, sizeof *pcm);
    const float *sides[1] = {pcm};
    (void)state;
    for (int i = 0; i < 96000; i++)
        pcm[i] = (float)(i % 100) / 200;
    take_config(&config, 0, 1);
    KtTake *t = take_open(&config);
    assert_int_equal(kt_take_sound(t, 0, 16000, 1, sides, 96000), KT_OK);           /* 6 s */
    assert_int_equal(kt_take_sound(t, 30 * SECOND, 48000, 1, sides, 96000), KT_OK); /* 2 s */
    assert_int_equal(kt_take_sound(t, 1 * SECOND, 48000, 1, sides, 96000), KT_OK);  /* too late */
    take_finish(t, 0);
    kt_take_destroy(&t);
    assert_in_range(take_file.duration_us, 31999000, 32001000);
    for (int i = 0; i < 1600; i++) {
        const int heard = i < 298 || (i > 1502 && i < 1598);
        if (heard)
            assert_true(take_file.audio[i].bytes > 60);
        else if (i > 800 && i < 1495) /* the codec forgets a level slowly */
            assert_true(take_file.audio[i].bytes < 40);
    }
    free(pcm);
}

static void test_sizes_that_change(void **state)
{
    static const int sizes[3][2] = {{64, 48}, {128, 96}, {32, 64}};
    KtTakeConfig config;
    (void)state;
    take_config(&config, 1, 0);
    KtTake *t = take_open(&config);
    for (int i = 0; i < 30; i++) {
        const int *size = sizes[i / 10];
        assert_int_equal(kt_take_picture(t, take_frame(i, size[0], size[1]), i * 40000, 0, 0),
                         KT_OK);
    }
    /* Sizes that no encoder takes change nothing. */
    assert_int_equal(kt_take_picture(t, take_frame(30, 33, 64), 30 * 40000, 0, 0), KT_ERR_ARG);
    assert_int_equal(kt_take_picture(t, take_frame(30, 32, 64), 30 * 40000, 0, 0), KT_OK);
    take_finish(t, 0);
    kt_take_destroy(&t);
    assert_int_equal(take_file.video_count, 31);
    for (int i = 0; i < 31; i++)
        assert_int_equal(take_file.video[i].keyframe, i == 0 || i == 10 || i == 20);
    assert_string_equal(take_probe(VIDEO_PACKETS, "31"), "31");
}

/* Packets of both tracks, made by encoders of the caller's own. */
static void test_packets_from_elsewhere(void **state)
{
    KtTakeConfig config;
    uint8_t head[KT_OPUS_HEAD_BYTES];
    KtAudioEncoder *opus = NULL;
    const KtAudioEncoderConfig sound = {64000, 5};
    float pcm[2 * KT_AUDIO_FRAME_SAMPLES] = {0};
    KtPacket packet;
    (void)state;
    assert_int_equal(kt_audio_encoder_create(&sound, &opus), KT_OK);
    take_config(&config, 1, 1);
    KtVideoPort vpx = config.video;
    config.video = (KtVideoPort){0};
    config.audio_bitrate_bps = 0;
    config.file.video.codec_id = KT_CODEC_ID_VP8;
    kt_audio_encoder_head(opus, head);
    config.file.audio = (KtFileTrack){
        .codec_id = KT_CODEC_ID_OPUS, .codec_private = head, .codec_private_bytes = sizeof head};
    config.file.sample_rate_hz = 48000;
    config.file.channels = 2;
    config.file.audio_pre_skip = kt_audio_encoder_pre_skip(opus);
    KtTake *t = take_open(&config);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(kt_audio_encoder_encode(opus, pcm, &packet), KT_OK);
        assert_int_equal(kt_take_packet(t, &packet), KT_OK);
        if (i % 2)
            continue;
        assert_int_equal(vpx.calls->submit(vpx.context, take_frame(i, TAKE_WIDTH, TAKE_HEIGHT),
                                           i * 20000, 40000, 0),
                         KT_OK);
        assert_int_equal(vpx.calls->packet(vpx.context, &packet), KT_OK);
        assert_int_equal(kt_take_packet(t, &packet), KT_OK);
    }
    /* Nothing is encoded here. */
    assert_int_equal(take_show(t, 0, 5 * SECOND), KT_ERR_STATE);
    const float *sides[1] = {pcm};
    assert_int_equal(kt_take_sound(t, 5 * SECOND, 48000, 1, sides, 480), KT_ERR_STATE);
    take_finish(t, 2 * SECOND);
    kt_take_destroy(&t);
    kt_audio_encoder_destroy(&opus);
    kt_video_port_destroy(&vpx);
    assert_int_equal(take_file.video_count, 50);
    assert_int_equal(take_file.audio_count, 100);
    assert_string_equal(take_probe(VIDEO_PACKETS, "50"), "50");
    assert_string_equal(take_probe(AUDIO_CODEC, "opus,48000"), "opus,48000");
}

/* Packets whose pictures grow, and shrink again: the file states the largest. */
static void test_packets_of_other_sizes(void **state)
{
    static const int sizes[3][2] = {{64, 48}, {128, 96}, {32, 32}};
    KtTakeConfig config;
    KtPacket packet;
    (void)state;
    take_config(&config, 1, 0);
    KtVideoPort vpx = config.video;
    config.video = (KtVideoPort){0};
    config.file.video.codec_id = KT_CODEC_ID_VP8;
    KtTake *t = take_open(&config);
    for (int i = 0; i < 30; i++) {
        const int *size = sizes[i / 10];
        if (i % 10 == 0) {
            assert_int_equal(vpx.calls->resize(vpx.context, size[0], size[1]), KT_OK);
            assert_int_equal(kt_take_resize(t, size[0], size[1]), KT_OK);
        }
        assert_int_equal(
            vpx.calls->submit(vpx.context, take_frame(i, size[0], size[1]), i * 40000, 40000, 0),
            KT_OK);
        assert_int_equal(vpx.calls->packet(vpx.context, &packet), KT_OK);
        assert_int_equal(packet.keyframe, i % 10 == 0);
        assert_int_equal(kt_take_packet(t, &packet), KT_OK);
    }
    assert_int_equal(kt_take_resize(t, 0, 32), KT_ERR_ARG);
    take_finish(t, 0);
    assert_int_equal(kt_take_resize(t, 32, 32), KT_ERR_STATE);
    kt_take_destroy(&t);
    kt_video_port_destroy(&vpx);
    assert_true(take_file.width == 128 && take_file.height == 96);
    assert_string_equal(take_probe(VIDEO_PACKETS, "30"), "30");
}

static void test_what_is_refused(void **state)
{
    KtTakeConfig config;
    KtPacket packet = {.track = KT_TRACK_VIDEO, .data = (const uint8_t *)"x", .bytes = 1};
    KtTake *t = NULL;
    (void)state;
    take_config(&config, 1, 1);
    assert_int_equal(kt_take_create(NULL, &t), KT_ERR_ARG);
    assert_int_equal(kt_take_create(&config, NULL), KT_ERR_ARG);
    config.audio_wait_us = -1;
    assert_int_equal(kt_take_create(&config, &t), KT_ERR_ARG);
    config.audio_wait_us = 0;
    config.audio_bitrate_bps = 1;
    assert_int_equal(kt_take_create(&config, &t), KT_ERR_ARG);
    config.audio_bitrate_bps = 64000;
    config.file.has_video = 0;
    assert_int_equal(kt_take_create(&config, &t), KT_ERR_ARG);
    config.file.has_video = 1;
    t = take_open(&config);
    assert_int_equal(take_show(t, 0, -1), KT_ERR_ARG);
    assert_int_equal(kt_take_resize(t, 64, 64), KT_ERR_STATE); /* the frames say it */
    assert_int_equal(take_show(t, 0, 40000), KT_OK);
    assert_int_equal(take_show(t, 1, 40000), KT_ERR_ORDER);
    assert_int_equal(take_show(t, 1, 10000), KT_ERR_ORDER);
    assert_int_equal(kt_take_packet(t, &packet), KT_ERR_STATE);
    packet.track = KT_TRACK_AUDIO;
    assert_int_equal(kt_take_packet(t, &packet), KT_ERR_STATE);
    assert_int_equal(kt_take_sound(t, 0, 48000, 1, NULL, 480), KT_ERR_ARG);
    assert_int_equal(kt_take_finish(t, -1), KT_ERR_ARG);
    assert_int_equal(take_show(t, 1, 80000), KT_OK);
    take_finish(t, 0);
    assert_int_equal(kt_take_finish(t, 0), KT_ERR_STATE);
    assert_int_equal(take_show(t, 2, 120000), KT_ERR_STATE);
    assert_int_equal(kt_take_packet(t, &packet), KT_ERR_STATE);
    assert_int_equal(kt_take_pump(t), KT_OK);
    kt_take_destroy(&t);
    kt_take_destroy(&t);
    assert_int_equal(kt_take_bytes(NULL), 0);
}

/* All that was popped, and nothing else, waits no more. */
static void test_what_waits(void **state)
{
    KtTakeConfig config;
    (void)state;
    take_config(&config, 1, 0);
    KtTake *t = take_open(&config);
    assert_int_equal(kt_take_waiting_bytes(t), kt_take_bytes(t));
    for (int i = 0; i < 30; i++)
        assert_int_equal(take_show(t, i, i * SECOND / 15), KT_OK);
    assert_int_equal(kt_take_flush(t), KT_OK);
    assert_true(kt_take_waiting_bytes(t) > 4096);
    take_drain(t);
    assert_int_equal(kt_take_waiting_bytes(t), 0);
    assert_int_equal(kt_take_bytes(t), take_file.bytes);
    assert_int_equal(kt_take_pop_chunk(t), KT_ERR_STATE);
    kt_take_destroy(&t);
}

static int make_take(void *context)
{
    KtTakeConfig *config = context;
    KtTake *t = NULL;
    const KtStatus status = kt_take_create(config, &t);
    assert_true(status == KT_OK ? t != NULL : status == KT_ERR_MEMORY && !t);
    if (status == KT_OK) {
        config->video.calls = NULL; /* the take's, which is destroyed */
        kt_take_destroy(&t);
    }
    return status == KT_OK;
}

/* Whatever allocation fails: an error, nothing leaks, and the encoder stays the caller's. */
static void test_no_memory(void **state)
{
    KtTakeConfig config;
    (void)state;
    take_config(&config, 0, 1);
    assert_true(kt_alloc_each(make_take, &config) > 3);
    take_config(&config, 1, 1);
    kt_alloc_fail_at(2);
    assert_int_equal(make_take(&config), 0);
    kt_alloc_fail_at(0);
    assert_int_equal(make_take(&config), 1);
}

static int tear_down(void **state)
{
    (void)state;
    take_frame_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_video_alone),
        cmocka_unit_test(test_sound_alone),
        cmocka_unit_test(test_a_rate_that_varies),
        cmocka_unit_test(test_sound_that_comes_and_goes),
        cmocka_unit_test(test_long_blocks_and_jumps),
        cmocka_unit_test(test_sizes_that_change),
        cmocka_unit_test(test_packets_from_elsewhere),
        cmocka_unit_test(test_packets_of_other_sizes),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_waits),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("take", tests, NULL, tear_down);
}
