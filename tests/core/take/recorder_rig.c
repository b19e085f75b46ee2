/* The other side of recorder_rig.h. */
#include "recorder_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <opus/opus.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <zlib.h>

#include "keeptake/webm_reader.h"

#define BLOCK_FRAMES 960
#define SETTLE_SAMPLES 3840

const char rig_alone[] =
    "{\"layout\":\"screen-only\",\"focus\":\"ann\",\"gap\":0,\"transition\":0,\"sources\":[{\"id\":"
    "\"ann\"}]}";

void rig_config(KtRecorderConfig *config)
{
    kt_recorder_config_init(config);
    config->width = 64;
    config->height = 36;
    config->fps = 5;
    config->codec = KT_VIDEO_VP8;
    config->speed = 16;
    config->video_bitrate_bps = 100000;
    config->audio_bitrate_bps = 32000;
    config->governor = 0;
    config->follow_pictures = 0; /* the rig ticks when everybody has shown and said what is due */
}

void rig_open(Rig *rig, const KtRecorderConfig *config, int64_t now_us)
{
    memset(rig, 0, sizeof *rig);
    rig->now_us = now_us;
    for (int i = 0; i < RIG_PEOPLE; i++)
        rig->people[i].handle = -1;
    assert_int_equal(kt_recorder_create(config, &rig->r), KT_OK);
}

void rig_file_reset(RigFile *file)
{
    free(file->data);
    memset(file, 0, sizeof *file);
}

void rig_close(Rig *rig)
{
    kt_recorder_destroy(&rig->r);
    assert_null(rig->r);
    rig_file_reset(&rig->file);
}

void rig_join(Rig *rig, int person, const char *id, uint8_t (*luma)(int64_t),
              float (*sound)(int64_t))
{
    RigPerson *p = &rig->people[person];
    p->handle = kt_recorder_add_source(rig->r, id, id, luma != NULL, sound != NULL, rig->now_us,
                                       RIG_WALL + rig->now_us);
    assert_true(p->handle >= 0);
    p->luma = luma;
    p->sound = sound;
    p->heard_us = rig->now_us;
    p->seen_us = INT64_MIN;
}

static void show(Rig *rig, RigPerson *p)
{
    KtFrame *frame = NULL;
    if (!p->luma ||
        (p->fps > 0 && p->seen_us != INT64_MIN && rig->now_us - p->seen_us < RIG_SECOND / p->fps))
        return;
    p->seen_us = rig->now_us;
    assert_int_equal(kt_recorder_acquire_frame(rig->r, KT_PIXEL_I420, 64, 36, &frame), KT_OK);
    frame->matrix = KT_COLOR_BT709;
    frame->full_range = 0;
    for (int y = 0; y < 36; y++)
        memset(frame->plane[0] + y * frame->stride[0], p->luma(rig->now_us), 64);
    for (int y = 0; y < 18; y++) {
        memset(frame->plane[1] + y * frame->stride[1], 128, 32);
        memset(frame->plane[2] + y * frame->stride[2], 128, 32);
    }
    assert_int_equal(kt_recorder_push_frame(rig->r, p->handle, frame, rig->now_us), KT_OK);
}

static void say(Rig *rig, RigPerson *p)
{
    float pcm[BLOCK_FRAMES];
    const float *planes[1] = {pcm};
    while (p->sound && p->heard_us + 20000 + p->late_us <= rig->now_us) {
        for (int i = 0; i < BLOCK_FRAMES; i++)
            pcm[i] = p->sound(p->heard_us + i * RIG_SECOND / RIG_RATE_HZ);
        assert_int_equal(kt_recorder_push_audio(rig->r, p->handle, p->heard_us, RIG_RATE_HZ, 1,
                                                planes, BLOCK_FRAMES),
                         KT_OK);
        p->heard_us += 20000;
    }
}

void rig_feed(Rig *rig)
{
    for (int i = 0; i < RIG_PEOPLE; i++) {
        if (rig->people[i].handle < 0)
            continue;
        say(rig, &rig->people[i]);
        show(rig, &rig->people[i]);
    }
}

static void append(RigFile *file, const KtChunk *chunk)
{
    if (chunk->kind == KT_CHUNK_PATCH) {
        assert_int_equal(chunk->offset, 0);
        assert_true(chunk->bytes <= file->bytes);
        memcpy(file->data, chunk->data, chunk->bytes);
        file->patched = 1;
        return;
    }
    assert_int_equal(chunk->offset, file->bytes);
    if (file->bytes + chunk->bytes > file->capacity) {
        file->capacity = (file->bytes + chunk->bytes) * 2;
        file->data = realloc(file->data, file->capacity);
        assert_non_null(file->data);
    }
    memcpy(file->data + file->bytes, chunk->data, chunk->bytes);
    file->bytes += chunk->bytes;
    file->clusters += chunk->kind == KT_CHUNK_CLUSTER;
}

void rig_drain(Rig *rig)
{
    KtChunk chunk;
    while (kt_recorder_peek_chunk(rig->r, &chunk) == KT_OK) {
        assert_int_equal(chunk.sequence, rig->file.next_sequence++);
        assert_int_equal(chunk.crc32, crc32(0, chunk.data, (uInt)chunk.bytes));
        append(&rig->file, &chunk);
        assert_int_equal(kt_recorder_pop_chunk(rig->r), KT_OK);
    }
}

void rig_step(Rig *rig, int64_t step_us)
{
    rig->now_us += step_us;
    rig_feed(rig);
    rig->flags = kt_recorder_tick(rig->r, rig->now_us, RIG_WALL + rig->now_us, rig->busy_us);
    if (rig->flags < 0)
        fail_msg("tick at %lld: %s", (long long)rig->now_us, kt_status_text(rig->flags));
    rig_drain(rig);
}

void rig_run(Rig *rig, int64_t until_us, int64_t step_us)
{
    while (rig->now_us < until_us) {
        int64_t left_us = until_us - rig->now_us;
        rig_step(rig, left_us < step_us ? left_us : step_us);
    }
}

void rig_stop(Rig *rig)
{
    assert_int_equal(kt_recorder_stop(rig->r, rig->now_us, RIG_WALL + rig->now_us), KT_OK);
    rig_drain(rig);
    KtChunk chunk;
    assert_int_equal(kt_recorder_peek_chunk(rig->r, &chunk), KT_END);
    assert_int_equal(kt_recorder_stopped(rig->r, rig->now_us), KT_OK);
}

uint8_t rig_moving(int64_t us)
{
    return (uint8_t)(16 + us / 20000 % 200);
}

float rig_tone(int64_t us)
{
    return 0.25f * sinf((float)(us % 10000) * 6.2831853f / 2500);
}

void rig_compose(Rig *rig, const char *json)
{
    char error[256];
    assert_int_equal(kt_recorder_set_composition(rig->r, json, strlen(json), rig->now_us,
                                                 RIG_WALL + rig->now_us, error, sizeof error),
                     KT_OK);
}

void rig_start(Rig *rig)
{
    assert_int_equal(kt_recorder_start(rig->r, rig->now_us, RIG_WALL + rig->now_us, 0), KT_OK);
}

void rig_pause(Rig *rig)
{
    assert_int_equal(kt_recorder_pause(rig->r, rig->now_us, RIG_WALL + rig->now_us), KT_OK);
}

void rig_resume(Rig *rig)
{
    assert_int_equal(kt_recorder_resume(rig->r, rig->now_us, RIG_WALL + rig->now_us), KT_OK);
}

KtSessionState rig_state(const Rig *rig)
{
    return kt_recorder_session(rig->r)->state;
}

KtRecorderStats rig_stats(Rig *rig)
{
    KtRecorderStats stats;
    kt_recorder_stats(rig->r, rig->now_us, &stats);
    return stats;
}

/* The timeline's event names, separated by spaces. */
void rig_events(Rig *rig, char *out, size_t out_bytes)
{
    char *json = NULL;
    size_t bytes = 0;
    out[0] = '\0';
    assert_int_equal(kt_timeline_json(kt_recorder_timeline(rig->r), &json, &bytes), KT_OK);
    for (const char *at = json; (at = strstr(at, "{\"type\":\"")) != NULL;) {
        at += 9;
        size_t used = strlen(out);
        snprintf(out + used, out_bytes - used, "%s%.*s", used ? " " : "", (int)strcspn(at, "\""),
                 at);
    }
    kt_text_free(json);
}

void rig_check_file(Rig *rig, int fps, int64_t take_us)
{
    RigTake take;
    assert_int_equal(rig->file.patched, 1);
    rig_read(&rig->file, &take);
    assert_int_equal(take.has_cues, 1);
    rig_check_even(&take, fps, take_us);
    rig_take_reset(&take);
}

/* ---- reading ---- */

static void add_block(RigTake *take, const KtWebmEvent *e, int is_video, size_t *used, size_t *room)
{
    RigBlock **list = is_video ? &take->video : &take->audio;
    int *count = is_video ? &take->video_count : &take->audio_count;
    if ((*count & (*count - 1)) == 0) {
        *list = realloc(*list, (size_t)(*count ? *count * 2 : 1) * sizeof **list);
        assert_non_null(*list);
    }
    if (*used + e->data_bytes > *room) {
        *room = (*used + e->data_bytes) * 2;
        take->data = realloc(take->data, *room);
        assert_non_null(take->data);
    }
    memcpy(take->data + *used, e->data, e->data_bytes);
    (*list)[(*count)++] = (RigBlock){e->pts_us, *used, e->data_bytes, e->keyframe};
    *used += e->data_bytes;
}

static void read_tracks(KtWebmReader *reader, RigTake *take, uint64_t *video, uint64_t *audio)
{
    KtWebmTrackInfo info;
    assert_int_equal(kt_webm_reader_track_count(reader), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kt_webm_reader_track(reader, i, &info), KT_OK);
        if (info.is_video) {
            *video = info.number;
            take->is_vp9 = strcmp(info.codec_id, "V_VP9") == 0;
        } else {
            *audio = info.number;
            take->codec_delay_us = info.codec_delay_ns / 1000;
        }
    }
    assert_true(*video && *audio);
}

void rig_read(const RigFile *file, RigTake *take)
{
    KtWebmReader *reader = NULL;
    KtWebmEvent e;
    size_t fed = 0, used = 0, room = 0;
    uint64_t video = 0, audio = 0;
    int clusters = 0;
    memset(take, 0, sizeof *take);
    assert_int_equal(kt_webm_reader_create(&reader), KT_OK);
    for (;;) {
        KtStatus status = kt_webm_reader_next(reader, &e);
        if (status == KT_AGAIN && fed < file->bytes) {
            size_t part = file->bytes - fed < 65536 ? file->bytes - fed : 65536;
            int64_t taken = kt_webm_reader_feed(reader, file->data + fed, part);
            assert_true(taken > 0);
            fed += (size_t)taken;
            continue;
        }
        if (status == KT_AGAIN || status == KT_END)
            break;
        assert_int_equal(status, KT_OK);
        if (e.kind == KT_WEBM_TRACKS)
            read_tracks(reader, take, &video, &audio);
        else if (e.kind == KT_WEBM_BLOCK)
            add_block(take, &e, e.track == video, &used, &room);
        else if (e.kind == KT_WEBM_CLUSTER)
            clusters++;
        else if (e.kind == KT_WEBM_CUES)
            take->has_cues = 1;
    }
    assert_int_equal(fed, file->bytes);
    assert_int_equal(clusters, file->clusters);
    take->duration_us = kt_webm_reader_duration_us(reader);
    kt_webm_reader_destroy(&reader);
}

void rig_take_reset(RigTake *take)
{
    free(take->video);
    free(take->audio);
    free(take->data);
    free(take->pcm);
    memset(take, 0, sizeof *take);
}

static double mean_luma(const vpx_image_t *image)
{
    double sum = 0;
    for (unsigned y = 0; y < image->d_h; y++)
        for (unsigned x = 0; x < image->d_w; x++)
            sum += image->planes[0][y * (unsigned)image->stride[0] + x];
    return sum / (image->d_w * image->d_h);
}

void rig_decode_lumas(const RigTake *take, int first, int count, double *lumas)
{
    vpx_codec_ctx_t codec;
    assert_true(first >= 0 && first + count <= take->video_count && take->video[first].keyframe);
    assert_int_equal(
        vpx_codec_dec_init(&codec, take->is_vp9 ? vpx_codec_vp9_dx() : vpx_codec_vp8_dx(), NULL, 0),
        VPX_CODEC_OK);
    for (int i = 0; i < count; i++) {
        const RigBlock *b = &take->video[first + i];
        vpx_codec_iter_t iter = NULL;
        assert_int_equal(vpx_codec_decode(&codec, take->data + b->at, (unsigned)b->bytes, NULL, 0),
                         VPX_CODEC_OK);
        const vpx_image_t *image = vpx_codec_get_frame(&codec, &iter);
        assert_non_null(image);
        lumas[i] = mean_luma(image);
    }
    vpx_codec_destroy(&codec);
}

void rig_decode_sound(RigTake *take, int first, int count)
{
    int last = take->audio_count - first < count ? take->audio_count : first + count;
    float block[BLOCK_FRAMES * 2];
    int error = 0;
    OpusDecoder *decoder = opus_decoder_create(RIG_RATE_HZ, 2, &error);
    assert_int_equal(error, OPUS_OK);
    int64_t samples = (int64_t)(last - first) * BLOCK_FRAMES;
    /* Packet n begins at sample 960 n of the encoder's input, less what the decoder must skip. */
    int64_t start = (int64_t)first * BLOCK_FRAMES - llround((double)take->codec_delay_us * 0.048);
    free(take->pcm);
    take->pcm = calloc((size_t)samples, sizeof *take->pcm);
    assert_non_null(take->pcm);
    for (int i = first; i < last; i++) {
        const RigBlock *b = &take->audio[i];
        int decoded = opus_decode_float(decoder, take->data + b->at, (opus_int32)b->bytes, block,
                                        BLOCK_FRAMES, 0);
        assert_int_equal(decoded, BLOCK_FRAMES);
        for (int k = 0; k < BLOCK_FRAMES; k++)
            take->pcm[(i - first) * BLOCK_FRAMES + k] = block[2 * k];
    }
    opus_decoder_destroy(decoder);
    take->pcm_from = start;
    take->pcm_samples = samples;
}

float rig_peak(const RigTake *take, int64_t from_us, int64_t to_us)
{
    int64_t from = from_us * 48 / 1000 - take->pcm_from, to = to_us * 48 / 1000 - take->pcm_from;
    float peak = 0;
    assert_true(from >= 0 && to <= take->pcm_samples);
    assert_true(take->pcm_from < 0 || from >= SETTLE_SAMPLES);
    for (int64_t i = from; i < to; i++)
        if (fabsf(take->pcm[i]) > peak)
            peak = fabsf(take->pcm[i]);
    return peak;
}

void rig_check_even(const RigTake *take, int fps, int64_t take_us)
{
    int64_t pictures = (take_us * fps + RIG_SECOND - 1) / RIG_SECOND;
    assert_true(llabs(take->duration_us - take_us) <= 1000);
    /* A tick at the very end of the take, or a timer a little early, may give one more. */
    if (take->video_count == pictures + 1 && llabs(take->video[pictures].pts_us - take_us) <= 3000)
        pictures++;
    assert_int_equal(take->video_count, pictures ? pictures : 1);
    for (int i = 0; i < take->video_count; i++)
        assert_true(llabs(take->video[i].pts_us - i * RIG_SECOND / fps) <= 1000);
    assert_true(take->video[0].keyframe);
    assert_int_equal(take->video[0].pts_us, 0);
    /* The first packet's sound begins codec delay before the take. */
    int64_t end_us = (int64_t)take->audio_count * 20000 - take->codec_delay_us;
    assert_true(end_us >= take_us - 1000 && end_us < take_us + 20000 + 1000);
    for (int i = 1; i < take->audio_count; i++) {
        int64_t step_us = take->audio[i].pts_us - take->audio[i - 1].pts_us;
        assert_true(step_us >= 19000 && step_us <= 21000);
    }
}
