/* Encoders of every kind behind a take and a recorder: one that answers late, one that is behind,
 * one that fails, one that takes over from another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "recorder_rig.h"
#include "take_rig.h"

#define SECOND INT64_C(1000000)
#define VIDEO_FRAMES "-count_frames -select_streams v -show_entries stream=nb_read_frames"
#define MOST 16

/* libvpx, but packets come out only some calls after their pictures, as from another thread. */
typedef struct Slow {
    KtVideoPort inner;
    KtPacket packets[MOST]; /* data: copied; oldest first */
    int waiting;
    int room;     /* pictures that it takes before it is behind */
    int lag;      /* pictures whose packets stay inside until others follow, or the end */
    int patience; /* calls of packet, or at the end of drain, that are answered with "not yet" */
    int asked;
    int draining;
    int submits, keyframes_asked;
    int fails_at; /* the submit that fails, and all after it; -1: none */
    int drains_fail;
    int tells; /* has a format: with the first packet */
    int given; /* packets */
    int destroyed;
} Slow;

static KtStatus slow_submit(void *context, const KtFrame *frame, int64_t pts_us,
                            int64_t duration_us, int force_keyframe)
{
    Slow *s = context;
    KtPacket packet;
    if (s->fails_at >= 0 && s->submits >= s->fails_at)
        return KT_ERR_CODEC;
    if (s->waiting >= s->room)
        return KT_AGAIN;
    s->submits++;
    s->keyframes_asked += force_keyframe;
    KtStatus status =
        s->inner.calls->submit(s->inner.context, frame, pts_us, duration_us, force_keyframe);
    assert_int_equal(status, KT_OK);
    assert_int_equal(s->inner.calls->packet(s->inner.context, &packet), KT_OK);
    uint8_t *copy = malloc(packet.bytes);
    assert_non_null(copy);
    memcpy(copy, packet.data, packet.bytes);
    packet.data = copy;
    s->packets[s->waiting++] = packet;
    return KT_OK;
}

static KtStatus slow_packet(void *context, KtPacket *out)
{
    static uint8_t given[1 << 16];
    Slow *s = context;
    if (s->waiting <= (s->draining ? 0 : s->lag) || s->asked++ < s->patience)
        return KT_AGAIN;
    s->asked = 0;
    s->given++;
    *out = s->packets[0];
    assert_true(out->bytes <= sizeof given);
    memcpy(given, out->data, out->bytes);
    free((void *)(uintptr_t)out->data);
    out->data = given; /* until the next call only */
    memmove(s->packets, s->packets + 1, (size_t)--s->waiting * sizeof s->packets[0]);
    return KT_OK;
}

static KtStatus slow_format(void *context, KtVideoFormat *out)
{
    static const uint8_t private[5] = {1, 2, 3, 4, 5};
    const Slow *s = context;
    if (s->given == 0)
        return KT_AGAIN;
    *out = (KtVideoFormat){"V_VP8", private, sizeof private};
    return KT_OK;
}

static KtStatus slow_drain(void *context)
{
    Slow *s = context;
    if (s->drains_fail)
        return KT_ERR_CODEC;
    if (s->asked++ < s->patience)
        return KT_AGAIN;
    s->draining = 1;
    s->patience = 0;
    return KT_OK;
}

static void slow_destroy(void *context)
{
    Slow *s = context;
    kt_video_port_destroy(&s->inner);
    while (s->waiting > 0)
        free((void *)(uintptr_t)s->packets[--s->waiting].data);
    s->destroyed++;
}

static const KtVideoPortCalls slow_calls = {
    .submit = slow_submit, .packet = slow_packet, .drain = slow_drain, .destroy = slow_destroy};
static const KtVideoPortCalls telling_calls = {.submit = slow_submit,
                                               .packet = slow_packet,
                                               .format = slow_format,
                                               .drain = slow_drain,
                                               .destroy = slow_destroy};

static KtVideoPort slow_port(Slow *s, int room, int lag, int patience)
{
    memset(s, 0, sizeof *s);
    s->inner = take_encoder(TAKE_WIDTH, TAKE_HEIGHT);
    s->room = room;
    s->lag = lag;
    s->patience = patience;
    s->fails_at = -1;
    return (KtVideoPort){&slow_calls, s};
}

static KtTake *open_slow(Slow *s, int has_audio, int room, int lag, int patience)
{
    KtTakeConfig config;
    take_config(&config, 1, has_audio);
    kt_video_port_destroy(&config.video);
    config.video = slow_port(s, room, lag, patience);
    config.file.video.codec_id = KT_CODEC_ID_VP8;
    return take_open(&config);
}

/* Packets that come late are in the file like others; the end waits for the last of them. */
static void test_an_encoder_that_answers_late(void **state)
{
    Slow slow;
    int again = 0;
    (void)state;
    KtTake *t = open_slow(&slow, 1, 8, 5, 2);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(take_show(t, i, i * 40000), KT_OK);
        take_say(t, 48000, i * 40000, (i + 1) * 40000);
        for (int k = 0; k < 3; k++)
            assert_int_equal(kt_take_pump(t), KT_OK);
        take_drain(t);
    }
    assert_true(slow.waiting > 0);
    while (kt_take_finish(t, 2 * SECOND) == KT_AGAIN) {
        take_drain(t);
        assert_false(take_file.ended);
        assert_int_equal(take_show(t, 99, 3 * SECOND), KT_ERR_STATE);
        assert_true(++again < 100);
    }
    assert_true(again > 0);
    take_drain(t);
    assert_true(take_file.ended);
    take_read();
    kt_take_destroy(&t);
    assert_int_equal(slow.destroyed, 1);
    assert_int_equal(take_file.video_count, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(take_file.video[i].pts_us, i * 40000);
    assert_in_range(take_file.duration_us, 1999000, 2001000);
    assert_string_equal(take_probe(VIDEO_FRAMES, "50"), "50");
}

/* A picture that is not taken is dropped; the keyframe it was to be is the next one. */
static void test_an_encoder_that_is_behind(void **state)
{
    Slow slow;
    int taken = 0, dropped = 0;
    (void)state;
    KtTake *t = open_slow(&slow, 0, 2, 0, 5);
    for (int i = 0; i < 60; i++) {
        const KtStatus status =
            kt_take_picture(t, take_frame(i, TAKE_WIDTH, TAKE_HEIGHT), i * 40000, 40000, i == 30);
        assert_true(status == KT_OK || status == KT_AGAIN);
        taken += status == KT_OK;
        dropped += status == KT_AGAIN;
        if (i != 30)
            kt_take_pump(t);
    }
    assert_true(taken > 5 && dropped > 5);
    assert_int_equal(slow.keyframes_asked, 1);
    while (kt_take_finish(t, 0) == KT_AGAIN)
        ;
    take_drain(t);
    take_read();
    kt_take_destroy(&t);
    assert_int_equal(take_file.video_count, taken);
}

/* What came before a failure is a whole file, whether the caller stops or another encoder goes on.
 */
static void test_an_encoder_that_fails(void **state)
{
    Slow slow;
    (void)state;
    KtTake *t = open_slow(&slow, 1, 8, 0, 0);
    slow.fails_at = 20;
    for (int i = 0; i < 25; i++) {
        assert_int_equal(take_show(t, i, i * 40000), i < 20 ? KT_OK : KT_ERR_CODEC);
        take_say(t, 48000, i * 40000, (i + 1) * 40000);
    }
    slow.drains_fail = 1;
    assert_int_equal(kt_take_finish(t, SECOND), KT_ERR_CODEC);
    take_drain(t);
    assert_true(take_file.ended);
    take_read();
    kt_take_destroy(&t);
    assert_int_equal(take_file.video_count, 20);
    assert_in_range(take_file.duration_us, 999000, 1001000);
    assert_string_equal(take_probe(VIDEO_FRAMES, "20"), "20");
}

static void test_another_encoder_goes_on(void **state)
{
    Slow first, second;
    (void)state;
    KtTake *t = open_slow(&first, 0, 8, 0, 1);
    first.fails_at = 20;
    for (int i = 0; i < 40; i++) {
        KtStatus status = take_show(t, i, i * 40000);
        if (status == KT_ERR_CODEC) {
            const KtVideoPort next = slow_port(&second, 8, 0, 0), none = {0};
            assert_int_equal(i, 20);
            assert_int_equal(kt_take_replace_encoder(t, &none), KT_ERR_ARG);
            kt_take_pump(t);
            assert_int_equal(kt_take_replace_encoder(t, &next), KT_OK);
            assert_int_equal(first.destroyed, 1);
            status = take_show(t, i, i * 40000);
        }
        assert_int_equal(status, KT_OK);
        kt_take_pump(t);
    }
    take_finish(t, 0);
    kt_take_destroy(&t);
    assert_int_equal(second.destroyed, 1);
    assert_int_equal(take_file.video_count, 40);
    assert_int_equal(take_file.video[20].keyframe, 1);
    assert_string_equal(take_probe(VIDEO_FRAMES, "40"), "40");
}

/* What the packets are is known with the first of them: the file begins then, and has all sound. */
static void test_an_encoder_that_tells_late(void **state)
{
    KtTakeConfig config;
    KtChunk chunk;
    Slow slow;
    (void)state;
    take_config(&config, 1, 1);
    kt_video_port_destroy(&config.video);
    config.video = slow_port(&slow, 8, 5, 0);
    config.file.audio.name = "a voice";
    assert_null(config.file.video.codec_id);
    KtTake *t = NULL;
    assert_int_equal(kt_take_create(&config, &t), KT_ERR_ARG); /* it never tells */
    config.video.calls = &telling_calls;
    config.file.max_cluster_us = 1;
    assert_int_equal(kt_take_create(&config, &t), KT_ERR_ARG); /* told at once, too */
    config.file.max_cluster_us = 250000;
    t = take_open(&config);
    for (int i = 0; i < 25; i++) {
        assert_int_equal(take_show(t, i, i * 40000), KT_OK);
        take_say(t, 48000, i * 40000, (i + 1) * 40000);
        assert_int_equal(kt_take_peek_chunk(t, &chunk), i < 5 ? KT_AGAIN : KT_OK);
        assert_int_equal(kt_take_flush(t), KT_OK);
    }
    take_finish(t, SECOND);
    kt_take_destroy(&t);
    assert_int_equal(take_file.video_count, 25);
    assert_in_range(take_file.audio_count, 50, 51);
    assert_string_equal(take_file.video_codec, "V_VP8");
    assert_int_equal(take_file.private_bytes, 5);
    assert_string_equal(take_probe(VIDEO_FRAMES, "25"), "25");
}

/* It never gave a packet: the sound is kept, and where there is none there is no file. */
static void test_an_encoder_that_never_answers(void **state)
{
    (void)state;
    for (int has_audio = 0; has_audio < 2; has_audio++) {
        KtTakeConfig config;
        KtChunk chunk;
        Slow slow;
        KtStatus status = KT_OK;
        int blocks = 0;
        take_config(&config, 1, has_audio);
        kt_video_port_destroy(&config.video);
        config.video = slow_port(&slow, 1, 8, 0);
        config.video.calls = &telling_calls;
        KtTake *t = take_open(&config);
        assert_int_equal(take_show(t, 0, 0), KT_OK);
        if (has_audio)
            take_say(t, 48000, 0, 2 * SECOND);
        slow.drains_fail = 1;
        slow.lag = 9;
        for (float pcm[480] = {0}; has_audio && status == KT_OK && blocks < 5000; blocks++) {
            const float *sides[1] = {pcm};
            status = kt_take_sound(t, 2 * SECOND + blocks * 10000, 48000, 1, sides, 480);
        }
        assert_true(!has_audio || (status == KT_ERR_LIMIT && blocks > 700 && blocks < 900));
        assert_int_equal(kt_take_finish(t, 0), KT_ERR_CODEC);
        if (has_audio)
            take_drain(t);
        assert_int_equal(kt_take_peek_chunk(t, &chunk), KT_END);
        assert_int_equal(kt_take_pop_chunk(t), KT_ERR_STATE);
        kt_take_destroy(&t);
        if (!has_audio)
            continue;
        take_read();
        assert_true(take_file.tracks == 1 && take_file.has_audio);
        assert_true(take_file.audio_count >= 499);
    }
}

/* ---- the recorder, by an encoder of the caller's ---- */

static KtStatus open_slow_video(void *context, const KtVideoEncoderConfig *config, KtVideoPort *out)
{
    Slow *s = context;
    KtVideoEncoder *encoder = NULL;
    const KtStatus status = kt_video_encoder_create(config, &encoder);
    if (status != KT_OK)
        return status;
    s->inner = kt_video_encoder_port(encoder);
    *out = (KtVideoPort){&slow_calls, s};
    return KT_OK;
}

static void open_recorder(Rig *rig, Slow *slow, int lag, int patience)
{
    KtRecorderConfig config;
    memset(slow, 0, sizeof *slow);
    slow->room = 4;
    slow->lag = lag;
    slow->patience = patience;
    slow->fails_at = -1;
    rig_config(&config);
    config.open_video = open_slow_video;
    config.open_video_context = slow;
    rig_open(rig, &config, 10 * SECOND);
    rig_join(rig, 0, "ann", rig_moving, rig_tone);
    rig_compose(rig, "{\"layout\":\"grid\",\"sources\":[{\"id\":\"ann\"}]}");
    rig_start(rig);
    rig_run(rig, 13 * SECOND, 20000);
}

static void test_a_recorder_with_a_late_encoder(void **state)
{
    Slow slow;
    Rig rig;
    KtChunk chunk;
    int ticks = 0;
    (void)state;
    open_recorder(&rig, &slow, 3, 2);
    assert_int_equal(kt_recorder_stop(rig.r, rig.now_us, RIG_WALL + rig.now_us), KT_OK);
    assert_int_equal(rig_state(&rig), KT_SESSION_STOPPING);
    rig_drain(&rig);
    assert_int_equal(kt_recorder_peek_chunk(rig.r, &chunk), KT_AGAIN);
    assert_int_equal(kt_recorder_stopped(rig.r, rig.now_us), KT_ERR_STATE);
    assert_true(kt_recorder_next_us(rig.r, rig.now_us) <= rig.now_us + 20000);
    while (kt_recorder_peek_chunk(rig.r, &chunk) != KT_END) {
        rig_step(&rig, 10000);
        assert_true(++ticks < 200);
    }
    assert_true(ticks > 0);
    assert_int_equal(kt_recorder_stopped(rig.r, rig.now_us), KT_OK);
    rig_check_file(&rig, 5, 3 * SECOND);
    assert_int_equal(slow.destroyed, 1);
    rig_close(&rig);
}

/* What comes late in a pause is stored in it: a crash before resume loses nothing of it. */
static void test_a_pause_with_a_late_encoder(void **state)
{
    Slow slow;
    Rig rig;
    RigTake take;
    (void)state;
    open_recorder(&rig, &slow, 0, 6);
    rig_pause(&rig);
    assert_true(slow.waiting > 0);
    rig_run(&rig, rig.now_us + 2 * SECOND, 50000);
    assert_int_equal(slow.waiting, 0);
    rig_read(&rig.file, &take);
    assert_true(take.video_count >= 15);
    assert_int_equal(take.video_count, slow.submits);
    rig_take_reset(&take);
    rig_close(&rig);
}

static void test_a_recorder_whose_encoder_is_behind(void **state)
{
    Slow slow;
    Rig rig;
    (void)state;
    open_recorder(&rig, &slow, 0, 200); /* one packet in four seconds */
    const KtRecorderStats stats = rig_stats(&rig);
    assert_int_equal(rig_state(&rig), KT_SESSION_RECORDING);
    assert_true(stats.frames_dropped > 5 && stats.frames >= 4);
    assert_int_equal(stats.frames, slow.submits);
    rig_close(&rig);
    assert_int_equal(slow.destroyed, 1);
}

static void test_a_recorder_whose_encoder_fails(void **state)
{
    char events[512];
    Slow slow;
    Rig rig;
    int flags = 0;
    (void)state;
    open_recorder(&rig, &slow, 0, 0);
    slow.fails_at = 0;
    while (flags >= 0 && rig.now_us < 15 * SECOND) {
        rig.now_us += 20000;
        rig_feed(&rig);
        flags = kt_recorder_tick(rig.r, rig.now_us, RIG_WALL + rig.now_us, 0);
        rig_drain(&rig);
    }
    assert_int_equal(flags, KT_ERR_CODEC);
    assert_int_equal(rig_state(&rig), KT_SESSION_FAILED);
    rig_events(&rig, events, sizeof events);
    assert_non_null(strstr(events, "failed"));
    assert_true(rig.file.clusters > 8); /* what there was can be fetched */
    rig_close(&rig);
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
        cmocka_unit_test(test_an_encoder_that_answers_late),
        cmocka_unit_test(test_an_encoder_that_is_behind),
        cmocka_unit_test(test_an_encoder_that_fails),
        cmocka_unit_test(test_another_encoder_goes_on),
        cmocka_unit_test(test_an_encoder_that_tells_late),
        cmocka_unit_test(test_an_encoder_that_never_answers),
        cmocka_unit_test(test_a_recorder_with_a_late_encoder),
        cmocka_unit_test(test_a_pause_with_a_late_encoder),
        cmocka_unit_test(test_a_recorder_whose_encoder_is_behind),
        cmocka_unit_test(test_a_recorder_whose_encoder_fails),
    };
    return cmocka_run_group_tests_name("take_encoder", tests, NULL, tear_down);
}
