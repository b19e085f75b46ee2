/* Writes a take of a test pattern and a tone through the encoders and the WebM writer, as the
 * recorder does, so that other programs can look at the file.
 *
 *   make_take OUT.webm [--seconds N] [--codec vp9|vp8] [--size WxH] [--fps N] [--keyframe-ms N]
 *             [--cut K] [--recover] [--lose N] [--no-audio] [--no-video] [--bitrate BPS]
 *
 * --cut K: the first K chunks only, the header unpatched, as after a crash. --recover: what a
 * journal of these chunks gives back instead; --lose N: without its record of chunk N. Prints the
 * chunks as JSON lines. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/audio_encoder.h"
#include "keeptake/journal.h"
#include "keeptake/video_encoder.h"
#include "keeptake/webm_writer.h"

typedef struct Options {
    const char *path;
    double seconds;
    KtVideoCodec codec;
    int width, height, fps, keyframe_ms, bitrate_bps;
    long cut;  /* -1: whole */
    long lose; /* -1: none */
    int audio, video, recover;
} Options;

typedef struct Take {
    Options o;
    KtVideoEncoder *video;
    KtAudioEncoder *audio;
    KtWebmWriter *writer;
    FILE *file;
    long chunks;
    uint8_t *planes;
    KtJournal *journal; /* --recover */
    KtTimeline *timeline;
    uint8_t **records; /* by sequence: that of the chunk */
    KtJournalReader *reader;
} Take;

#define MAX_RECORDS 100000

static void fail_with(const char *what, int status)
{
    fprintf(stderr, "make_take: %s: %s\n", what, kt_status_text(status));
    exit(1);
}

static void check(const char *what, int status)
{
    if (status < 0)
        fail_with(what, status);
}

static Options parse_options(int argc, char **argv)
{
    Options o = {.seconds = 3,
                 .width = 320,
                 .height = 180,
                 .fps = 30,
                 .keyframe_ms = 1000,
                 .bitrate_bps = 400000,
                 .cut = -1,
                 .lose = -1,
                 .audio = 1,
                 .video = 1};
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(a, "--no-audio"))
            o.audio = 0;
        else if (!strcmp(a, "--no-video"))
            o.video = 0;
        else if (!strcmp(a, "--recover"))
            o.recover = 1;
        else if (a[0] != '-')
            o.path = a;
        else if (i++, !strcmp(a, "--seconds"))
            o.seconds = atof(v);
        else if (!strcmp(a, "--codec"))
            o.codec = !strcmp(v, "vp8") ? KT_VIDEO_VP8 : KT_VIDEO_VP9;
        else if (!strcmp(a, "--size"))
            sscanf(v, "%dx%d", &o.width, &o.height);
        else if (!strcmp(a, "--fps"))
            o.fps = atoi(v);
        else if (!strcmp(a, "--keyframe-ms"))
            o.keyframe_ms = atoi(v);
        else if (!strcmp(a, "--bitrate"))
            o.bitrate_bps = atoi(v);
        else if (!strcmp(a, "--cut"))
            o.cut = atol(v);
        else if (!strcmp(a, "--lose"))
            o.lose = atol(v);
        else
            fail_with(a, KT_ERR_ARG);
    }
    if (!o.path)
        fail_with("no output file", KT_ERR_ARG);
    return o;
}

static void open_take(Take *t)
{
    const Options *o = &t->o;
    KtFileConfig c = {.has_video = o->video,
                      .has_audio = o->audio,
                      .width = o->width,
                      .height = o->height,
                      .fps = o->fps,
                      .has_color = 1,
                      .matrix = KT_COLOR_BT709,
                      .max_cluster_us = 250000,
                      .date_unix_us = INT64_C(1700000000000000),
                      .app_name = "make_take"};
    uint8_t head[KT_OPUS_HEAD_BYTES];
    if (o->video) {
        c.video.codec_id = o->codec == KT_VIDEO_VP9 ? KT_CODEC_ID_VP9 : KT_CODEC_ID_VP8;
        const KtVideoEncoderConfig v = {.codec = o->codec,
                                        .width = o->width,
                                        .height = o->height,
                                        .fps = o->fps,
                                        .bitrate_bps = o->bitrate_bps,
                                        .keyframe_us = o->keyframe_ms * 1000,
                                        .speed = 8,
                                        .threads = 1,
                                        .matrix = KT_COLOR_BT709};
        check("video encoder", kt_video_encoder_create(&v, &t->video));
        t->planes = malloc((size_t)o->width * (size_t)o->height * 3 / 2);
    }
    if (o->audio) {
        const KtAudioEncoderConfig a = {.bitrate_bps = 64000, .complexity = 5};
        check("audio encoder", kt_audio_encoder_create(&a, &t->audio));
        kt_audio_encoder_head(t->audio, head);
        c.audio = (KtFileTrack){.codec_id = KT_CODEC_ID_OPUS,
                                .codec_private = head,
                                .codec_private_bytes = sizeof head};
        c.channels = 2;
        c.sample_rate_hz = 48000;
        c.audio_pre_skip = kt_audio_encoder_pre_skip(t->audio);
    }
    check("writer", kt_webm_writer_create(&c, &t->writer));
    t->file = fopen(o->path, "wb");
    if (!t->file || (o->video && !t->planes))
        fail_with(o->path, KT_ERR_STORAGE);
}

static void open_journal(Take *t)
{
    const KtJournalConfig config = {.take_id = "make_take", .part_bytes = 5 << 20};
    check("journal", kt_journal_create(&config, &t->journal));
    check("journal", kt_journal_reader_create(config.take_id, &t->reader));
    check("timeline", kt_timeline_create(t->o.width, t->o.height, &t->timeline));
    t->records = calloc(MAX_RECORDS, sizeof *t->records);
    if (!t->records)
        fail_with("journal", KT_ERR_MEMORY);
}

/* The chunk's record, which the reader sees unless it is to be lost. */
static void journal_chunk(Take *t, const KtChunk *c)
{
    KtJournalRecord record;
    check("journal", kt_journal_chunk(t->journal, c, t->timeline, &record));
    if (record.sequence >= MAX_RECORDS)
        fail_with("journal", KT_ERR_LIMIT);
    uint8_t *copy = malloc(record.bytes);
    if (!copy)
        fail_with("journal", KT_ERR_MEMORY);
    memcpy(copy, record.data, record.bytes);
    t->records[record.sequence] = copy;
    if (t->chunks != t->o.lose)
        check("journal", kt_journal_reader_add(t->reader, copy, record.bytes));
}

static void write_at(Take *t, int64_t offset, const void *data, size_t bytes)
{
    fseek(t->file, (long)offset, SEEK_SET);
    if (fwrite(data, 1, bytes, t->file) != bytes)
        fail_with(t->o.path, KT_ERR_STORAGE);
}

/* The file of what the reader was given. */
static void write_recovered(Take *t)
{
    KtJournalTake take;
    KtJournalFile f;
    check("recover", kt_journal_reader_finish(t->reader, &take));
    check("recover", kt_journal_reader_local(t->reader, &f));
    write_at(t, 0, f.header, KT_WEBM_HEADER_BYTES);
    for (size_t i = 0; i < f.piece_count; i++)
        write_at(t, f.pieces[i].file_offset,
                 t->records[f.pieces[i].sequence] + f.pieces[i].record_offset,
                 (size_t)f.pieces[i].bytes);
    if (f.cues)
        write_at(t, f.clusters_end, f.cues, f.cues_bytes);
}

static void close_journal(Take *t)
{
    for (long i = 0; t->records && i < MAX_RECORDS; i++)
        free(t->records[i]);
    free(t->records);
    kt_journal_destroy(&t->journal);
    kt_journal_reader_destroy(&t->reader);
    kt_timeline_destroy(&t->timeline);
}

/* Stores the chunks that wait; returns 0 once the cut is reached. */
static int drain(Take *t)
{
    KtChunk c;
    while (kt_webm_writer_peek(t->writer, &c) == KT_OK) {
        if (t->o.cut >= 0 && t->chunks >= t->o.cut)
            return 0;
        if (t->o.recover)
            journal_chunk(t, &c);
        else
            write_at(t, c.offset, c.data, c.bytes);
        printf("{\"kind\":%d,\"offset\":%lld,\"bytes\":%zu,\"startUs\":%lld,\"endUs\":%lld,"
               "\"keyframe\":%d}\n",
               (int)c.kind, (long long)c.offset, c.bytes, (long long)c.start_us,
               (long long)c.end_us, c.keyframe);
        kt_webm_writer_pop(t->writer);
        t->chunks++;
    }
    return 1;
}

static void draw(const Take *t, KtFrame *f, int n)
{
    const int w = t->o.width, h = t->o.height;
    *f = (KtFrame){.format = KT_PIXEL_I420,
                   .matrix = KT_COLOR_BT709,
                   .width = w,
                   .height = h,
                   .plane = {t->planes, t->planes + w * h, t->planes + w * h * 5 / 4},
                   .stride = {w, w / 2, w / 2},
                   .refs = 1};
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            t->planes[y * w + x] = (uint8_t)(16 + (x + y + 4 * n) % 220);
    memset(f->plane[1], 90 + n % 64, (size_t)(w * h / 4));
    memset(f->plane[2], 160 - n % 64, (size_t)(w * h / 4));
}

static void add_video(Take *t, int n)
{
    KtFrame frame;
    KtPacket p;
    const int64_t pts_us = (int64_t)n * 1000000 / t->o.fps;
    draw(t, &frame, n);
    check("encode", kt_video_encoder_encode(t->video, &frame, pts_us, 1000000 / t->o.fps, 0));
    if (kt_video_encoder_packet(t->video, &p) == KT_OK)
        check("add video", kt_webm_writer_add(t->writer, &p));
}

static void add_audio(Take *t, int n)
{
    float pcm[KT_AUDIO_FRAME_SAMPLES * 2];
    KtPacket p;
    for (int i = 0; i < KT_AUDIO_FRAME_SAMPLES; i++) {
        const double s = (double)(n * KT_AUDIO_FRAME_SAMPLES + i) / 48000.0;
        pcm[2 * i] = pcm[2 * i + 1] = (float)(0.3 * sin(2 * 3.14159265358979 * 440.0 * s));
    }
    check("encode sound", kt_audio_encoder_encode(t->audio, pcm, &p));
    check("add sound", kt_webm_writer_add(t->writer, &p));
}

int main(int argc, char **argv)
{
    Take t = {.o = parse_options(argc, argv)};
    open_take(&t);
    if (t.o.recover)
        open_journal(&t);
    const int64_t end_us = (int64_t)(t.o.seconds * 1000000.0);
    int v = 0, a = 0, go = 1;
    while (go) {
        const int64_t v_us = t.o.video ? (int64_t)v * 1000000 / t.o.fps : INT64_MAX;
        /* One packet more than the take is long: the decoder's delay is trimmed at the start. */
        const int64_t a_us = t.o.audio ? (int64_t)a * 20000 - 20000 : INT64_MAX;
        if ((v_us >= end_us || !t.o.video) && (a_us >= end_us || !t.o.audio))
            break;
        if (v_us <= a_us)
            add_video(&t, v++);
        else
            add_audio(&t, a++);
        go = drain(&t);
    }
    if (go) {
        check("finish", kt_webm_writer_finish(t.writer, end_us));
        drain(&t);
    }
    if (t.o.recover)
        write_recovered(&t);
    close_journal(&t);
    fclose(t.file);
    kt_webm_writer_destroy(&t.writer);
    kt_video_encoder_destroy(&t.video);
    kt_audio_encoder_destroy(&t.audio);
    free(t.planes);
    return 0;
}
