/* A long take in simulated time, as fast as the machine can: recorder, journal and uploader as the
 * browser drives them, the file looked at as it grows and never kept. A minute or two, or
 *
 *   KT_TAKE_SECONDS=10800 test_recorder_hours       (ctest -C long -R long.take)
 *
 * for three hours and more than 2 GB. Checked: every flash and beep of the whole take, decoded;
 * what the journal keeps; the memory; the parts; and that the journal gives the finished file back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <opus/opus.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include "alloc_fail.h"
#include "keeptake/journal.h"
#include "keeptake/recorder.h"
#include "keeptake/take_store.h"
#include "keeptake/uploader.h"
#include "keeptake/webm_reader.h"

#ifdef KT_TEST_WASM
#define TAKE_SECONDS 60
#else
#define TAKE_SECONDS 120
#endif
#define SECOND INT64_C(1000000)
#define ZERO (7 * SECOND)
#define WALL INT64_C(1767225600000000)
#define WIDTH 320
#define HEIGHT 180
#define FPS 10
#define STEP_US (SECOND / FPS)
#define VIDEO_BPS 1800000
#define AUDIO_BPS 64000
#define FLASH_US (10 * SECOND)
#define DRIFT_US 20000
#define MAX_RECORDS 200000
#define MAX_FLASHES 10000
#define NOISE_BYTES (1 << 20)
#define BLOCK_FRAMES 960

/* When something began to be seen or heard. */
typedef struct Onsets {
    int64_t at_us[MAX_FLASHES];
    int count;
    int64_t last_on_us; /* it was still there */
} Onsets;

typedef struct Hours {
    KtRecorder *recorder;
    KtJournal *journal;
    KtTakeStore *order;
    KtUploader *uploader;
    int64_t now_us, take_us, heard_us;
    int handle;
    uint32_t random;
    uint8_t *noise[2]; /* dark, bright */
    /* The journal's store. */
    uint8_t **records;
    size_t *record_bytes;
    uint32_t record_count;
    int64_t kept_bytes, most_kept_bytes;
    long kept;
    /* The upload. */
    int64_t part_bytes, file_bytes;
    int completed;
    /* The look at the file. */
    KtWebmReader *reader;
    uint64_t video_track;
    vpx_codec_ctx_t vpx;
    OpusDecoder *opus;
    int64_t pictures, packets, clusters;
    Onsets flashes, beeps;
} Hours;

static Hours hours; /* too large for the stack */

static int is_on(int64_t us)
{
    return (us - ZERO) % FLASH_US < 400000;
}

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f)
        return 0;
    if (fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(f);
    return (int64_t)pages * 4096;
}

/* ---- source ---- */

static void make_noise(Hours *h)
{
    for (int bright = 0; bright < 2; bright++) {
        h->noise[bright] = malloc(NOISE_BYTES);
        assert_non_null(h->noise[bright]);
        for (int i = 0; i < NOISE_BYTES; i++) {
            h->random = h->random * 1664525 + 1013904223;
            h->noise[bright][i] = (uint8_t)((bright ? 160 : 30) + (h->random >> 26));
        }
    }
}

static void show(Hours *h)
{
    KtFrame *frame = NULL;
    const uint8_t *noise = h->noise[is_on(h->now_us)];
    assert_int_equal(kt_recorder_acquire_frame(h->recorder, KT_PIXEL_I420, WIDTH, HEIGHT, &frame),
                     KT_OK);
    frame->matrix = KT_COLOR_BT709;
    for (int p = 0; p < 3; p++) {
        const int rows = p ? HEIGHT / 2 : HEIGHT, columns = p ? WIDTH / 2 : WIDTH;
        for (int y = 0; y < rows; y++) {
            h->random = h->random * 1664525 + 1013904223;
            uint8_t *row = frame->plane[p] + y * frame->stride[p];
            if (p == 0)
                memcpy(row, noise + (h->random >> 13), (size_t)columns);
            else
                memset(row, 128, (size_t)columns);
        }
    }
    assert_int_equal(kt_recorder_push_frame(h->recorder, h->handle, frame, h->now_us), KT_OK);
}

static void say(Hours *h)
{
    float pcm[BLOCK_FRAMES];
    const float *planes[1] = {pcm};
    for (; h->heard_us + 20000 <= h->now_us; h->heard_us += 20000) {
        for (int i = 0; i < BLOCK_FRAMES; i++) {
            const int64_t us = h->heard_us + i * SECOND / 48000;
            pcm[i] = is_on(us) ? 0.4f * sinf((float)(us % 1000000) * 6.2831853f / 1000) : 0;
        }
        assert_int_equal(kt_recorder_push_audio(h->recorder, h->handle, h->heard_us, 48000, 1,
                                                planes, BLOCK_FRAMES),
                         KT_OK);
    }
}

/* ---- the look at the file ---- */

static void note(Onsets *o, int64_t at_us, int on)
{
    if (!on)
        return;
    if (o->count == 0 || at_us - o->last_on_us > SECOND) {
        assert_true(o->count < MAX_FLASHES);
        o->at_us[o->count++] = at_us;
    }
    o->last_on_us = at_us;
}

static void look_at_picture(Hours *h, const KtWebmEvent *e)
{
    vpx_codec_iter_t iter = NULL;
    assert_int_equal(vpx_codec_decode(&h->vpx, e->data, (unsigned)e->data_bytes, NULL, 0),
                     VPX_CODEC_OK);
    const vpx_image_t *image = vpx_codec_get_frame(&h->vpx, &iter);
    assert_non_null(image);
    int64_t sum = 0;
    for (unsigned y = 0; y < image->d_h; y += 4)
        for (unsigned x = 0; x < image->d_w; x++)
            sum += image->planes[0][y * (unsigned)image->stride[0] + x];
    note(&h->flashes, e->pts_us, sum / (int64_t)((image->d_h + 3) / 4 * image->d_w) > 120);
    assert_int_equal(e->pts_us, h->pictures * SECOND / FPS);
    h->pictures++;
}

static void look_at_sound(Hours *h, const KtWebmEvent *e)
{
    float pcm[BLOCK_FRAMES * 2];
    const int frames =
        opus_decode_float(h->opus, e->data, (opus_int32)e->data_bytes, pcm, BLOCK_FRAMES, 0);
    assert_int_equal(frames, BLOCK_FRAMES);
    assert_true(llabs(e->pts_us - h->packets * 20000) <= 1000);
    /* Samples are counted, so that sound that slipped would show; 312 are the codec's delay. */
    for (int i = 0; i < frames; i++)
        note(&h->beeps, (h->packets * BLOCK_FRAMES + i - 312) * 1000 / 48,
             fabsf(pcm[2 * i]) > 0.1f);
    h->packets++;
}

static void look(Hours *h, const KtChunk *chunk)
{
    KtWebmEvent e;
    KtWebmTrackInfo track;
    KtStatus status = KT_OK;
    for (size_t fed = 0; fed < chunk->bytes || status == KT_OK;) {
        const int64_t taken = kt_webm_reader_feed(h->reader, chunk->data + fed, chunk->bytes - fed);
        assert_true(taken >= 0);
        fed += (size_t)taken;
        while ((status = kt_webm_reader_next(h->reader, &e)) == KT_OK) {
            if (e.kind == KT_WEBM_TRACKS) {
                assert_int_equal(kt_webm_reader_track(h->reader, 0, &track), KT_OK);
                h->video_track = track.is_video ? track.number : 0;
            } else if (e.kind == KT_WEBM_CLUSTER) {
                h->clusters++;
            } else if (e.kind == KT_WEBM_BLOCK && e.track == h->video_track) {
                look_at_picture(h, &e);
            } else if (e.kind == KT_WEBM_BLOCK) {
                look_at_sound(h, &e);
            }
        }
        assert_int_equal(status, KT_AGAIN);
    }
}

/* ---- store and upload ---- */

static void store(Hours *h, const KtJournalRecord *record)
{
    assert_true(record->sequence < MAX_RECORDS);
    uint8_t *copy = malloc(record->bytes);
    assert_non_null(copy);
    memcpy(copy, record->data, record->bytes);
    h->records[record->sequence] = copy;
    h->record_bytes[record->sequence] = record->bytes;
    h->record_count = record->sequence + 1;
    h->kept++;
    h->kept_bytes += (int64_t)record->bytes;
    if (h->kept_bytes > h->most_kept_bytes)
        h->most_kept_bytes = h->kept_bytes;
}

static void release(Hours *h, int64_t released_bytes)
{
    KtJournalCheckpoint c;
    assert_int_equal(kt_take_store_release(h->order, h->journal, kt_recorder_timeline(h->recorder),
                                           released_bytes, &c),
                     KT_OK);
    store(h, &c.record);
    for (int i = 0; i < c.drop_count; i++)
        for (uint32_t k = c.drops[i].from; k < c.drops[i].to; k++) {
            h->kept_bytes -= (int64_t)h->record_bytes[k];
            h->kept -= h->records[k] != NULL;
            h->record_bytes[k] = 0;
            free(h->records[k]);
            h->records[k] = NULL;
        }
}

/* A network without delay. */
static void upload(Hours *h)
{
    KtUploadRequest r;
    while (kt_uploader_next(h->uploader, h->now_us, &r) == KT_OK) {
        if (r.kind == KT_UPLOAD_CREATE)
            kt_uploader_created(h->uploader, h->now_us, r.id);
        else if (r.kind == KT_UPLOAD_SIGN)
            kt_uploader_signed(h->uploader, h->now_us, r.id, h->now_us + 3600 * SECOND);
        else if (r.kind == KT_UPLOAD_PUT)
            kt_uploader_put_done(h->uploader, h->now_us, r.id, "\"e\"");
        else if (r.kind == KT_UPLOAD_RELEASE)
            release(h, r.offset);
        else if (r.kind == KT_UPLOAD_COMPLETE)
            h->completed = kt_uploader_completed(h->uploader, h->now_us, r.id) == KT_OK;
        else
            fail();
    }
}

static void drain(Hours *h)
{
    KtChunk chunk;
    KtJournalRecord record;
    KtCountedChunk counted;
    while (kt_recorder_peek_chunk(h->recorder, &chunk) == KT_OK) {
        assert_int_equal(kt_take_store_chunk(h->order, h->journal,
                                             kt_recorder_timeline(h->recorder), &chunk, &record),
                         KT_OK);
        store(h, &record);
        assert_int_equal(kt_take_store_stored(h->order, record.sequence, 1), KT_OK);
        if (chunk.kind != KT_CHUNK_PATCH) {
            assert_int_equal(chunk.offset, h->file_bytes);
            h->file_bytes += (int64_t)chunk.bytes;
            look(h, &chunk);
        }
        assert_int_equal(kt_recorder_pop_chunk(h->recorder), KT_OK);
    }
    while (kt_take_store_count(h->order, h->uploader, h->now_us, &counted) == KT_OK)
        assert_int_equal(counted.upload, KT_OK);
    assert_int_equal(kt_take_store_counted_bytes(h->order), h->file_bytes);
    upload(h);
}

/* ---- the take ---- */

/* A recorder that ends the take by itself after seconds. */
static void open_all(Hours *h, int64_t seconds)
{
    static const char alone[] =
        "{\"layout\":\"screen-only\",\"focus\":\"a\",\"gap\":0,\"transition\":0,\"sources\":[{"
        "\"id\":\"a\"}]}";
    KtRecorderConfig config;
    char error[128];
    memset(h, 0, sizeof *h);
    h->now_us = h->heard_us = ZERO;
    kt_recorder_config_init(&config);
    config.width = WIDTH;
    config.height = HEIGHT;
    config.fps = FPS;
    config.codec = KT_VIDEO_VP8;
    config.speed = 16;
    config.video_bitrate_bps = VIDEO_BPS;
    config.audio_bitrate_bps = AUDIO_BPS;
    config.governor = 0;
    config.follow_pictures = 1;
    h->part_bytes = kt_upload_part_bytes(config.limits.max_length_us, VIDEO_BPS + AUDIO_BPS);
    h->take_us = config.limits.max_length_us = seconds * SECOND;
    const KtJournalConfig journal = {.take_id = "hours", .part_bytes = h->part_bytes};
    const KtUploaderConfig uploader = {.part_bytes = h->part_bytes,
                                       .max_inflight = 3,
                                       .first_tail_us = 4 * SECOND,
                                       .sign_timeout_us = 15 * SECOND,
                                       .stall_timeout_us = 20 * SECOND,
                                       .retry_base_us = SECOND / 2,
                                       .retry_max_us = 20 * SECOND,
                                       .patch_first_part = 1};
    make_noise(h);
    h->records = calloc(MAX_RECORDS, sizeof *h->records);
    h->record_bytes = calloc(MAX_RECORDS, sizeof *h->record_bytes);
    assert_true(h->records && h->record_bytes);
    assert_int_equal(kt_recorder_create(&config, &h->recorder), KT_OK);
    assert_int_equal(kt_journal_create(&journal, &h->journal), KT_OK);
    assert_int_equal(kt_take_store_create(0, &h->order), KT_OK);
    assert_int_equal(kt_uploader_create(&uploader, &h->uploader), KT_OK);
    assert_int_equal(kt_webm_reader_create(&h->reader), KT_OK);
    assert_int_equal(vpx_codec_dec_init(&h->vpx, vpx_codec_vp8_dx(), NULL, 0), VPX_CODEC_OK);
    h->opus = opus_decoder_create(48000, 2, NULL);
    assert_non_null(h->opus);
    h->handle = kt_recorder_add_source(h->recorder, "a", "a", 1, 1, h->now_us, WALL + h->now_us);
    assert_int_equal(kt_recorder_set_composition(h->recorder, alone, strlen(alone), h->now_us,
                                                 WALL + h->now_us, error, sizeof error),
                     KT_OK);
}

static void close_all(Hours *h)
{
    for (uint32_t i = 0; i < h->record_count; i++)
        free(h->records[i]);
    free(h->records);
    free(h->record_bytes);
    free(h->noise[0]);
    free(h->noise[1]);
    opus_decoder_destroy(h->opus);
    vpx_codec_destroy(&h->vpx);
    kt_webm_reader_destroy(&h->reader);
    kt_uploader_destroy(&h->uploader);
    kt_take_store_destroy(&h->order);
    kt_journal_destroy(&h->journal);
    kt_recorder_destroy(&h->recorder);
}

static void run(Hours *h, int64_t span_us)
{
    for (const int64_t until_us = h->now_us + span_us; h->now_us < until_us;) {
        h->now_us += STEP_US;
        say(h);
        show(h);
        assert_true(kt_recorder_tick(h->recorder, h->now_us, WALL + h->now_us, 0) >= 0);
        drain(h);
    }
}

/* Sound and picture began together every time, at the end as at the beginning. */
static void check_drift(const Hours *h)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    const int count = h->flashes.count;
    assert_int_equal(count, h->beeps.count);
    assert_true(count >= h->take_us / FLASH_US - 2);
    for (int i = 0; i < count; i++) {
        const int64_t late = h->beeps.at_us[i] - h->flashes.at_us[i];
        least = late < least ? late : least;
        most = late > most ? late : most;
    }
    print_message("%d flashes: the beep came %.1f to %.1f ms after\n", count, (double)least / 1000,
                  (double)most / 1000);
    assert_true(least > -DRIFT_US && most < DRIFT_US && most - least < DRIFT_US);
}

static void check_journal(const Hours *h)
{
    KtJournalReader *reader = NULL;
    KtJournalTake take;
    const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES] = "hours";
    assert_int_equal(kt_journal_reader_create(take_id, &reader), KT_OK);
    for (uint32_t i = 0; i < h->record_count; i++)
        if (h->records[i])
            assert_int_equal(kt_journal_reader_add(reader, h->records[i], h->record_bytes[i]),
                             KT_OK);
    assert_int_equal(kt_journal_reader_finish(reader, &take), KT_OK);
    assert_true(take.finished && !take.damaged && take.patchable);
    assert_int_equal(take.duration_us, h->take_us);
    assert_int_equal(take.clusters, h->clusters);
    assert_true(take.file_bytes < h->file_bytes);
    kt_journal_reader_destroy(&reader);
    print_message("the journal kept %.1f MB at most\n", (double)h->most_kept_bytes / 1e6);
    assert_true(h->most_kept_bytes < 6 * h->part_bytes);
}

/* Of this take, and of the longest that may be at its rate. */
static void check_parts(const Hours *h)
{
    const int64_t day_us = 24 * 3600 * SECOND;
    const double rate = (double)h->file_bytes / (double)h->take_us;
    const int64_t part = kt_upload_part_bytes(day_us, VIDEO_BPS + AUDIO_BPS);
    assert_int_equal(kt_uploader_part_count(h->uploader),
                     (h->file_bytes + h->part_bytes - 1) / h->part_bytes);
    assert_true(kt_uploader_part_count(h->uploader) <= KT_UPLOAD_MAX_PARTS);
    assert_true(rate * (double)day_us / (double)part <= KT_UPLOAD_MAX_PARTS);
}

static void a_long_take(void **state)
{
    Hours *h = &hours;
    const char *text = getenv("KT_TAKE_SECONDS");
    const int64_t seconds = text ? atoi(text) : TAKE_SECONDS;
    (void)state;
    open_all(h, seconds);
    run(h, 0);
    show(h);
    assert_int_equal(kt_recorder_start(h->recorder, h->now_us, WALL + h->now_us, 0), KT_OK);
    run(h, 13 * SECOND);
    assert_int_equal(kt_recorder_pause(h->recorder, h->now_us, WALL + h->now_us), KT_OK);
    run(h, 10 * SECOND);
    assert_int_equal(kt_recorder_resume(h->recorder, h->now_us, WALL + h->now_us), KT_OK);
    run(h, seconds / 3 * SECOND - 13 * SECOND);
    /* A third of the take is enough to reach all that is ever used. */
    const long live = kt_alloc_live() - h->kept;
    const int64_t resident = resident_bytes() - h->kept_bytes;
    run(h, (seconds - seconds / 3 - 2) * SECOND);
    const long live_growth = kt_alloc_live() - h->kept - live;
    const int64_t resident_growth = resident_bytes() - h->kept_bytes - resident;
    run(h, 2 * SECOND);
    assert_int_equal(kt_recorder_session(h->recorder)->state, KT_SESSION_STOPPING);
    assert_int_equal(kt_recorder_session(h->recorder)->limit_reached, 1);
    assert_int_equal(kt_take_store_finish(h->order, h->uploader, h->now_us), KT_OK);
    upload(h);
    assert_true(h->completed);
    print_message("%lld s: %.2f GB in %d parts, %lld pictures, memory +%.1f MB, %ld blocks\n",
                  (long long)seconds, (double)h->file_bytes / 1e9,
                  kt_uploader_part_count(h->uploader), (long long)h->pictures,
                  (double)resident_growth / 1e6, live_growth);
    assert_int_equal(h->pictures, seconds * FPS);
    assert_true(live_growth < 50);
    check_drift(h);
    check_parts(h);
    check_journal(h);
    if (seconds >= 3 * 3600) {
        assert_true(h->file_bytes > INT64_C(1) << 31);
        assert_true(resident_growth < 16 << 20);
    }
    close_all(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_long_take)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
