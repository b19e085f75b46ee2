/* Chunks that nobody fetches: pictures are dropped, sound goes on, and the take with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keeptake/recorder.h"
#include "keeptake/webm_reader.h"

#define SECOND INT64_C(1000000)
#define STEP_US (SECOND / 2)
#define WIDTH 1280
#define HEIGHT 720
#define FULL_BYTES (INT64_C(64) << 20)

typedef struct Backlog {
    KtRecorder *recorder;
    KtWebmReader *reader;
    int handle;
    int64_t now_us;
    uint32_t random;
    int64_t last_sound_us;
    int pictures, sounds;
} Backlog;

static const char one_person[] = "{\"layout\":\"grid\",\"gap\":0,\"sources\":[{\"id\":\"a\"}]}";

/* Noise, which no codec makes small. */
static void show_noise(Backlog *b)
{
    KtFrame *frame = NULL;
    assert_int_equal(kt_recorder_acquire_frame(b->recorder, KT_PIXEL_I420, WIDTH, HEIGHT, &frame),
                     KT_OK);
    for (int p = 0; p < 3; p++) {
        const int bytes = frame->stride[p] * (p ? HEIGHT / 2 : HEIGHT);
        for (int i = 0; i < bytes; i++) {
            b->random = b->random * 1664525 + 1013904223;
            frame->plane[p][i] = (uint8_t)(16 + (b->random >> 25));
        }
    }
    assert_int_equal(kt_recorder_push_frame(b->recorder, b->handle, frame, b->now_us), KT_OK);
}

static void step(Backlog *b)
{
    b->now_us += STEP_US;
    if (b->now_us % SECOND == 0)
        show_noise(b);
    assert_true(kt_recorder_tick(b->recorder, b->now_us, b->now_us, 0) >= 0);
    assert_int_equal(kt_recorder_session(b->recorder)->state, KT_SESSION_RECORDING);
}

static KtRecorderStats stats_of(const Backlog *b)
{
    KtRecorderStats stats;
    kt_recorder_stats(b->recorder, b->now_us, &stats);
    return stats;
}

static void read_events(Backlog *b)
{
    KtWebmEvent event;
    while (kt_webm_reader_next(b->reader, &event) == KT_OK) {
        if (event.kind != KT_WEBM_BLOCK)
            continue;
        if (event.track == 1) {
            b->pictures++;
            continue;
        }
        if (b->sounds++ > 0)
            assert_int_equal(event.pts_us - b->last_sound_us, 20000);
        b->last_sound_us = event.pts_us;
    }
}

static void fetch_all(Backlog *b)
{
    KtChunk chunk;
    while (kt_recorder_peek_chunk(b->recorder, &chunk) == KT_OK) {
        for (size_t at = 0; at < chunk.bytes && chunk.kind != KT_CHUNK_PATCH;) {
            const int64_t n = kt_webm_reader_feed(b->reader, chunk.data + at, chunk.bytes - at);
            assert_true(n >= 0);
            at += (size_t)n;
            read_events(b);
        }
        assert_int_equal(kt_recorder_pop_chunk(b->recorder), KT_OK);
    }
}

static void open_backlog(Backlog *b)
{
    KtRecorderConfig config;
    *b = (Backlog){.random = 1};
    kt_recorder_config_init(&config);
    config.fps = 1;
    config.codec = KT_VIDEO_VP8;
    config.speed = 16;
    config.video_bitrate_bps = 50000000;
    config.governor = 0;
    assert_int_equal(kt_recorder_create(&config, &b->recorder), KT_OK);
    assert_int_equal(kt_webm_reader_create(&b->reader), KT_OK);
    b->handle = kt_recorder_add_source(b->recorder, "a", "A", 1, 0, 0, 0);
    assert_true(b->handle >= 0);
    assert_int_equal(
        kt_recorder_set_composition(b->recorder, one_person, strlen(one_person), 0, 0, NULL, 0),
        KT_OK);
    show_noise(b);
    assert_int_equal(kt_recorder_start(b->recorder, 0, 0, 0), KT_OK);
}

static void a_full_backlog_drops_pictures_only(void **state)
{
    (void)state;
    Backlog b;
    open_backlog(&b);
    while (stats_of(&b).frames_dropped == 0) {
        step(&b);
        assert_true(b.now_us < 300 * SECOND);
    }
    assert_true(stats_of(&b).file_bytes > FULL_BYTES);
    const int64_t kept = stats_of(&b).frames;
    for (int i = 0; i < 120; i++)
        step(&b);
    assert_int_equal(stats_of(&b).frames, kept);
    assert_true(stats_of(&b).frames_dropped >= 59);
    assert_true(stats_of(&b).file_bytes < FULL_BYTES + (4 << 20));

    fetch_all(&b);
    assert_int_equal(b.pictures, kept);
    for (int i = 0; i < 6; i++)
        step(&b);
    assert_int_equal(stats_of(&b).frames, kept + 3);
    assert_int_equal(kt_recorder_stop(b.recorder, b.now_us, b.now_us), KT_OK);
    fetch_all(&b);
    assert_true(b.pictures >= kept + 3);
    assert_true(b.last_sound_us + 20000 >= b.now_us);
    kt_webm_reader_destroy(&b.reader);
    kt_recorder_destroy(&b.recorder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_backlog_drops_pictures_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
