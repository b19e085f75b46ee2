#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "take_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef __EMSCRIPTEN__
#include <unistd.h>
#endif

#include <zlib.h>

#include "keeptake/webm_reader.h"

TakeFile take_file;

static KtFramePool *pool;
static KtFrame *frame;

KtVideoPort take_encoder(int width, int height)
{
    const KtVideoEncoderConfig config = {.codec = KT_VIDEO_VP8,
                                         .width = width,
                                         .height = height,
                                         .fps = 30,
                                         .bitrate_bps = 200000,
                                         .keyframe_us = 2000000,
                                         .speed = 12,
                                         .threads = 1,
                                         .matrix = KT_COLOR_BT601};
    KtVideoEncoder *encoder = NULL;
    assert_int_equal(kt_video_encoder_create(&config, &encoder), KT_OK);
    return kt_video_encoder_port(encoder);
}

void take_config(KtTakeConfig *config, int has_video, int has_audio)
{
    kt_take_config_init(config);
    config->file.has_video = has_video;
    config->file.has_audio = has_audio;
    config->file.matrix = KT_COLOR_BT601;
    config->file.width = has_video ? TAKE_WIDTH : 0;
    config->file.height = has_video ? TAKE_HEIGHT : 0;
    if (has_video)
        config->video = take_encoder(TAKE_WIDTH, TAKE_HEIGHT);
}

KtTake *take_open(const KtTakeConfig *config)
{
    KtTake *t = NULL;
    memset(&take_file, 0, sizeof take_file);
    assert_int_equal(kt_take_create(config, &t), KT_OK);
    return t;
}

/* ---- what goes in ---- */

const KtFrame *take_frame(int n, int width, int height)
{
    take_frame_free();
    assert_int_equal(kt_frame_pool_create(1, &pool), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, width, height, &frame), KT_OK);
    kt_frame_fill_black(frame);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            frame->plane[0][y * frame->stride[0] + x] = (uint8_t)(40 + ((x * 3 + y + n * 5) & 127));
    return frame;
}

void take_frame_free(void)
{
    if (frame)
        kt_frame_unref(&frame);
    kt_frame_pool_destroy(&pool);
}

KtStatus take_show(KtTake *t, int n, int64_t pts_us)
{
    return kt_take_picture(t, take_frame(n, TAKE_WIDTH, TAKE_HEIGHT), pts_us, 0, 0);
}

void take_say(KtTake *t, int rate_hz, int64_t from_us, int64_t to_us)
{
    float pcm[1920];
    const float *sides[2] = {pcm, pcm};
    const int frames = rate_hz / 100;
    assert_true(frames <= 1920);
    for (int64_t at_us = from_us; at_us < to_us; at_us += 10000) {
        for (int i = 0; i < frames; i++) {
            const double seconds = (double)at_us / 1e6 + (double)i / rate_hz;
            pcm[i] = 0.3f * sinf((float)fmod(seconds * 440, 1) * 6.2831853f);
        }
        assert_int_equal(kt_take_sound(t, at_us, rate_hz, 2, sides, frames), KT_OK);
    }
}

/* ---- what comes out ---- */

void take_drain(KtTake *t)
{
    TakeFile *f = &take_file;
    KtChunk c;
    KtStatus status;
    while ((status = kt_take_peek_chunk(t, &c)) == KT_OK) {
        assert_int_equal(c.sequence, f->chunks++);
        assert_int_equal(c.crc32, crc32(0, c.data, (uInt)c.bytes));
        if (c.kind != KT_CHUNK_PATCH) {
            assert_int_equal(c.offset, f->bytes);
            f->bytes += c.bytes;
        }
        assert_true(c.offset + (int64_t)c.bytes <= (int64_t)sizeof f->data);
        memcpy(f->data + c.offset, c.data, c.bytes);
        assert_int_equal(kt_take_pop_chunk(t), KT_OK);
    }
    f->ended = status == KT_END;
}

void take_finish(KtTake *t, int64_t duration_us)
{
    assert_int_equal(kt_take_finish(t, duration_us), KT_OK);
    take_drain(t);
    assert_true(take_file.ended);
    take_read();
}

static void note_tracks(const KtWebmReader *reader, uint64_t *video)
{
    TakeFile *f = &take_file;
    KtWebmTrackInfo info;
    f->tracks = kt_webm_reader_track_count(reader);
    for (int i = 0; i < f->tracks; i++) {
        assert_int_equal(kt_webm_reader_track(reader, i, &info), KT_OK);
        f->has_audio |= info.is_audio;
        if (!info.is_video)
            continue;
        *video = info.number;
        f->has_video = 1;
        f->width = info.width;
        f->height = info.height;
        f->default_duration_ns = info.default_duration_ns;
        f->private_bytes = info.codec_private_bytes;
        memcpy(f->video_codec, info.codec_id, sizeof f->video_codec);
    }
}

static void note_block(const KtWebmEvent *e, int is_video)
{
    TakeFile *f = &take_file;
    int *count = is_video ? &f->video_count : &f->audio_count;
    assert_true(*count < TAKE_MAX_BLOCKS);
    (is_video ? f->video : f->audio)[(*count)++] =
        (TakeBlock){e->pts_us, e->data_bytes, e->keyframe};
    if (!is_video)
        f->discard_ns = e->discard_padding_ns;
}

void take_read(void)
{
    TakeFile *f = &take_file;
    KtWebmReader *reader = NULL;
    KtWebmEvent e;
    KtStatus status;
    size_t fed = 0;
    uint64_t video = 0;
    f->video_count = f->audio_count = f->cues = 0;
    assert_int_equal(kt_webm_reader_create(&reader), KT_OK);
    while ((status = kt_webm_reader_next(reader, &e)) == KT_OK || status == KT_AGAIN) {
        if (status == KT_AGAIN) {
            if (fed == f->bytes)
                assert_int_equal(kt_webm_reader_end(reader), KT_OK);
            else
                fed += (size_t)kt_webm_reader_feed(reader, f->data + fed, f->bytes - fed);
        } else if (e.kind == KT_WEBM_TRACKS) {
            note_tracks(reader, &video);
        } else if (e.kind == KT_WEBM_BLOCK) {
            note_block(&e, e.track == video);
        } else {
            f->cues += e.kind == KT_WEBM_CUE;
        }
    }
    assert_int_equal(status, KT_END);
    f->duration_us = kt_webm_reader_duration_us(reader);
    kt_webm_reader_destroy(&reader);
}

#ifdef __EMSCRIPTEN__
const char *take_probe(const char *arguments, const char *expected)
{
    (void)arguments;
    return expected;
}
#else
/* The first line that command prints, without its end. Fails unless it ends well. */
static void run(const char *command, char *line, size_t line_bytes)
{
    char rest[4096];
    FILE *out = popen(command, "r");
    assert_non_null(out);
    if (!fgets(line, (int)line_bytes, out))
        line[0] = '\0';
    while (fgets(rest, sizeof rest, out))
        ;
    if (pclose(out) != 0)
        fail_msg("%s: %s", command, line);
    line[strcspn(line, "\n")] = '\0';
}

const char *take_probe(const char *arguments, const char *expected)
{
    static char line[256];
    char path[] = "/tmp/keeptake-take-XXXXXX", command[512];
    if (system("command -v ffprobe >/dev/null 2>&1") != 0) {
        print_message("no ffprobe here: the file is looked at by webm_reader alone\n");
        return expected;
    }
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, take_file.data, take_file.bytes), (ssize_t)take_file.bytes);
    close(fd);
    snprintf(command, sizeof command, "ffprobe -v error -of csv=p=0 %s %s 2>&1", arguments, path);
    run(command, line, sizeof line);
    unlink(path);
    return line;
}
#endif
