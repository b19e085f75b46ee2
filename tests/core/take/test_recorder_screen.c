/* A shared screen tunes the encoder while it covers more than half of the canvas: seen in the
 * bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <zlib.h>

#include "picture_scene.h"
#include "recorder_rig.h"

#define WIDTH 320
#define HEIGHT 180
#define FRAMES 100 /* a slide changes at 90 */

static const char alone[] = "{\"layout\":\"screen-only\",\"focus\":\"deck\",\"gap\":0,"
                            "\"transition\":0,\"sources\":[{\"id\":\"deck\"},{\"id\":\"ann\"}]}";
static const char halved[] = "{\"layout\":\"grid\",\"gap\":0.02,\"transition\":0,"
                             "\"sources\":[{\"id\":\"deck\"},{\"id\":\"ann\"}]}";

static void push(KtRecorder *r, int handle, PictureScene *scene, int n, int64_t now_us)
{
    static uint8_t picture[WIDTH * HEIGHT * 3 / 2];
    KtFrame *f = NULL;
    picture_scene_draw(scene, n, picture);
    assert_int_equal(kt_recorder_acquire_frame(r, KT_PIXEL_I420, WIDTH, HEIGHT, &f), KT_OK);
    const uint8_t *from = picture;
    for (int i = 0; i < 3; i++) {
        const int w = i ? WIDTH / 2 : WIDTH, h = i ? HEIGHT / 2 : HEIGHT;
        for (int y = 0; y < h; y++, from += w)
            memcpy(f->plane[i] + y * f->stride[i], from, (size_t)w);
    }
    assert_int_equal(kt_recorder_push_frame(r, handle, f, now_us), KT_OK);
}

/* CRC-32 of a take in which the deck is said to be a screen or not, from picture `from` on. */
static uLong take(KtVideoCodec codec, const char *composition, int screen, int from)
{
    KtRecorderConfig config;
    Rig rig;
    rig_config(&config);
    config.codec = codec;
    config.width = WIDTH;
    config.height = HEIGHT;
    config.fps = 30;
    config.speed = codec == KT_VIDEO_VP9 ? 8 : 12;
    rig_open(&rig, &config, 0);
    PictureScene *deck = picture_scene_create("slides", WIDTH, HEIGHT);
    assert_non_null(deck);
    const int handle = kt_recorder_add_source(rig.r, "deck", "Deck", 1, 0, 0, RIG_WALL);
    const int ann = kt_recorder_add_source(rig.r, "ann", "Ann", 1, 0, 0, RIG_WALL);
    assert_true(handle >= 0 && ann >= 0);
    assert_int_equal(
        kt_recorder_set_composition(rig.r, composition, strlen(composition), 0, RIG_WALL, NULL, 0),
        KT_OK);
    push(rig.r, handle, deck, 0, 0);
    push(rig.r, ann, deck, 500, 0);
    assert_int_equal(kt_recorder_start(rig.r, 0, RIG_WALL, 0), KT_OK);
    for (int n = 1; n <= FRAMES; n++) {
        const int64_t now_us = n * INT64_C(1000000) / 30;
        if (n == from)
            assert_int_equal(kt_recorder_set_screen(rig.r, handle, screen), KT_OK);
        push(rig.r, handle, deck, n, now_us);
        assert_true(kt_recorder_tick(rig.r, now_us, RIG_WALL + now_us, 0) >= 0);
        rig.now_us = now_us;
        rig_drain(&rig);
    }
    rig_stop(&rig);
    const uLong crc = crc32(0, rig.file.data, (uInt)rig.file.bytes);
    picture_scene_destroy(&deck);
    rig_file_reset(&rig.file);
    rig_close(&rig);
    return crc;
}

static void test_a_screen_that_covers_most_tunes_the_encoder(void **state)
{
    (void)state;
    for (int codec = 0; codec < 2; codec++) {
        const uLong camera = take((KtVideoCodec)codec, alone, 0, 1);
        assert_true(take((KtVideoCodec)codec, alone, 1, 1) != camera);
        assert_true(take((KtVideoCodec)codec, alone, 1, 60) != camera);
    }
}

static void test_a_screen_in_half_of_the_picture_does_not(void **state)
{
    (void)state;
    for (int codec = 0; codec < 2; codec++)
        assert_true(take((KtVideoCodec)codec, halved, 1, 1) ==
                    take((KtVideoCodec)codec, halved, 0, 1));
}

static void test_unknown_handles(void **state)
{
    (void)state;
    KtRecorderConfig config;
    Rig rig;
    rig_config(&config);
    rig_open(&rig, &config, 0);
    assert_int_equal(kt_recorder_set_screen(rig.r, 0, 1), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_recorder_set_screen(rig.r, -1, 1), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_recorder_set_screen(rig.r, KT_MAX_SOURCES, 1), KT_ERR_NOT_FOUND);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_screen_that_covers_most_tunes_the_encoder),
        cmocka_unit_test(test_a_screen_in_half_of_the_picture_does_not),
        cmocka_unit_test(test_unknown_handles),
    };
    return cmocka_run_group_tests_name("recorder_screen", tests, NULL, NULL);
}
