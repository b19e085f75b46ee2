/* The sound of a take by itself: which samples of a mix belong to it, across cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "take_sound.h"

#define SECOND INT64_C(1000000)
#define BEGIN (5 * SECOND) /* engine time of take time 0 */

/* What came out. */
typedef struct Out {
    int packets, parts, heard;
    int64_t end_us;
    KtStatus answer;
} Out;

static KtStatus take_packet(void *context, const KtPacket *packet)
{
    Out *out = context;
    if (out->answer != KT_OK)
        return out->answer;
    assert_int_equal(packet->track, KT_TRACK_AUDIO);
    assert_int_equal(packet->pts_us, out->packets * 20000);
    out->packets++;
    out->end_us = packet->pts_us + packet->duration_us;
    return KT_OK;
}

static KtStatus part_ends(void *context)
{
    ((Out *)context)->parts++;
    return KT_OK;
}

static void heard(void *context)
{
    ((Out *)context)->heard++;
}

static void open_track(KtSoundTrack *s, Out *out)
{
    const KtSoundSink sink = {out, take_packet, part_ends};
    KtMixer *mixer = NULL;
    memset(s, 0, sizeof *s);
    memset(out, 0, sizeof *out);
    assert_int_equal(kt_mixer_create(&mixer), KT_OK);
    kt__sound_init(s, mixer, 64000, sink);
    s->heard = heard;
    s->heard_context = out;
    assert_int_equal(kt__sound_open(s), KT_OK);
    kt__sound_begin(s, BEGIN);
}

static void close_track(KtSoundTrack *s)
{
    kt_mixer_destroy(&s->mixer);
    kt__sound_reset(s);
}

/* Samples are those of take time, whatever the spans are in which they are asked for. */
static void test_samples_follow_time(void **state)
{
    KtSoundTrack s;
    Out out;
    (void)state;
    open_track(&s, &out);
    for (int64_t at_us = BEGIN; at_us < BEGIN + SECOND; at_us += 7777)
        assert_int_equal(kt__sound_run(&s, at_us), KT_OK);
    assert_int_equal(kt__sound_run(&s, BEGIN + SECOND), KT_OK);
    assert_int_equal(s.samples, 48000);
    assert_int_equal(out.packets, 50);
    assert_int_equal(kt__sound_run(&s, BEGIN), KT_OK); /* a time that was had: nothing */
    assert_int_equal(s.samples, 48000);
    assert_true(out.heard > 50);
    assert_int_equal(kt__sound_finish(&s, SECOND + 1000), KT_OK);
    assert_int_equal(s.samples, 48048);
    /* And what the decoder needs to give the last of them out. */
    assert_true(out.end_us >= SECOND + 1000 + 6500 && out.end_us < SECOND + 60000);
    close_track(&s);
}

/* Cuts take nothing and add nothing; a pause tells once that all before it was given. */
static void test_cuts(void **state)
{
    KtSoundTrack s;
    Out out;
    (void)state;
    open_track(&s, &out);
    assert_int_equal(kt__sound_run(&s, BEGIN + 100000), KT_OK);
    assert_int_equal(kt__sound_cut(&s, BEGIN + 300000, 300000), KT_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(kt__sound_run(&s, BEGIN + 300000 + i * 50000), KT_OK);
    assert_int_equal(s.samples, 14400);
    assert_int_equal(out.parts, 1);
    kt__sound_continue(&s, BEGIN + 3 * SECOND);
    assert_int_equal(kt__sound_run(&s, BEGIN + 3 * SECOND + 200000), KT_OK);
    assert_int_equal(s.samples, 24000);
    /* Many short ones, before any of them was read. */
    int64_t engine_us = BEGIN + 3 * SECOND + 200000, take_us = 500000;
    for (int i = 0; i < 3 * KT__MAX_CUTS; i++) {
        engine_us += 10000;
        take_us += 10000;
        assert_int_equal(kt__sound_cut(&s, engine_us, take_us), KT_OK);
        engine_us += 90000;
        kt__sound_continue(&s, engine_us);
    }
    assert_int_equal(kt__sound_run(&s, engine_us + 40000), KT_OK);
    assert_int_equal(s.samples, (take_us + 40000) * 48 / 1000);
    /* The end in a pause. */
    assert_int_equal(kt__sound_cut(&s, engine_us + 50000, take_us + 50000), KT_OK);
    assert_int_equal(kt__sound_finish(&s, take_us + 50000), KT_OK);
    assert_int_equal(s.samples, (take_us + 50000) * 48 / 1000);
    close_track(&s);
}

/* A second take begins anew; a sink that refuses is heard of. */
static void test_again_and_refused(void **state)
{
    KtSoundTrack s;
    Out out;
    (void)state;
    open_track(&s, &out);
    assert_int_equal(kt__sound_run(&s, BEGIN + 90000), KT_OK);
    assert_int_equal(kt__sound_open(&s), KT_OK);
    out.packets = 0;
    kt__sound_begin(&s, BEGIN + SECOND);
    assert_int_equal(kt__sound_run(&s, BEGIN + SECOND + 200000), KT_OK);
    assert_int_equal(s.samples, 9600);
    assert_int_equal(out.packets, 10);
    out.answer = KT_ERR_LIMIT;
    assert_int_equal(kt__sound_run(&s, BEGIN + 2 * SECOND), KT_ERR_LIMIT);
    close_track(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_follow_time),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_again_and_refused),
    };
    return cmocka_run_group_tests_name("take_sound", tests, NULL, NULL);
}
