/* Puts the packets of one track of other writers' files into a file of ours, as the server does
 * with packets from the network: codec by name, private bytes, unknown colour, Opus packets of
 * whatever length, pictures whose size changes from one input to the next.
 *
 *   make_track OUT video|audio NAME UID IN... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/file_writer.h"
#include "keeptake/webm_reader.h"

typedef struct Maker {
    FILE *out;
    KtFileWriter *writer;
    int is_video;
    const char *name;
    uint64_t uid;
    int64_t base_us, end_us; /* take time at which the present input begins; of its last packet */
    int width, height;
} Maker;

static void fail_with(const char *what, KtStatus status)
{
    fprintf(stderr, "%s: %s\n", what, kt_status_text(status));
    exit(1);
}

static void check(const char *what, KtStatus status)
{
    if (status < 0)
        fail_with(what, status);
}

static void drain(Maker *m)
{
    KtChunk c;
    while (kt_file_writer_peek(m->writer, &c) == KT_OK) {
        if (fseek(m->out, (long)c.offset, SEEK_SET) != 0 ||
            fwrite(c.data, 1, c.bytes, m->out) != c.bytes)
            fail_with("output", KT_ERR_STORAGE);
        check("pop", kt_file_writer_pop(m->writer));
    }
}

static void begin(Maker *m, const KtWebmTrackInfo *t)
{
    const KtFileTrack track = {.codec_id = t->codec_id,
                               .codec_private = t->codec_private,
                               .codec_private_bytes = t->codec_private_bytes,
                               .name = m->name,
                               .uid = m->uid};
    KtFileConfig config = {
        .has_video = m->is_video, .has_audio = !m->is_video, .max_cluster_us = 250000};
    if (m->is_video) {
        config.video = track;
        config.width = m->width = t->width;
        config.height = m->height = t->height;
    } else {
        config.audio = track;
        config.sample_rate_hz = (int)t->sample_rate_hz;
        config.channels = t->channels;
        config.audio_pre_skip = (int)(t->codec_delay_ns * 48 / 1000000);
    }
    check("create", kt_file_writer_create(kt_file_format(KT_CONTAINER_WEBM), &config, &m->writer));
}

/* Returns the number of the track that is wanted. */
static uint64_t choose(Maker *m, const KtWebmReader *r)
{
    KtWebmTrackInfo t;
    for (int i = 0; i < kt_webm_reader_track_count(r); i++) {
        check("track", kt_webm_reader_track(r, i, &t));
        if (m->is_video ? !t.is_video : !t.is_audio)
            continue;
        if (!m->writer)
            begin(m, &t);
        else if (m->is_video)
            check("resize", kt_file_writer_resize(m->writer, t.width, t.height));
        return t.number;
    }
    fail_with("no such track", KT_ERR_NOT_FOUND);
    return 0;
}

static void add(Maker *m, const KtWebmEvent *e)
{
    const KtPacket packet = {.track = m->is_video ? KT_TRACK_VIDEO : KT_TRACK_AUDIO,
                             .data = e->data,
                             .bytes = e->data_bytes,
                             .pts_us = m->base_us + (e->pts_us > 0 ? e->pts_us : 0),
                             .duration_us = m->is_video ? 40000 : 0,
                             .keyframe = e->keyframe};
    check("add", kt_file_writer_add(m->writer, &packet));
    m->end_us = packet.pts_us;
    drain(m);
}

static void copy(Maker *m, const char *path)
{
    uint8_t buffer[65536];
    uint64_t number = 0;
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    FILE *in = fopen(path, "rb");
    if (!in)
        fail_with(path, KT_ERR_NOT_FOUND);
    check("reader", kt_webm_reader_create(&r));
    for (size_t bytes; (bytes = fread(buffer, 1, sizeof buffer, in)) > 0;) {
        for (size_t fed = 0; fed < bytes;) {
            const int64_t taken = kt_webm_reader_feed(r, buffer + fed, bytes - fed);
            if (taken < 0)
                fail_with(path, (KtStatus)taken);
            fed += (size_t)taken;
            KtStatus status;
            while ((status = kt_webm_reader_next(r, &e)) == KT_OK) {
                if (e.kind == KT_WEBM_TRACKS)
                    number = choose(m, r);
                else if (e.kind == KT_WEBM_BLOCK && e.track == number)
                    add(m, &e);
            }
            check(path, status);
        }
    }
    kt_webm_reader_destroy(&r);
    fclose(in);
    m->base_us = m->end_us + 40000;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "make_track OUT video|audio NAME UID IN...\n");
        return 2;
    }
    Maker m = {.out = fopen(argv[1], "wb"),
               .is_video = strcmp(argv[2], "video") == 0,
               .name = argv[3],
               .uid = strtoull(argv[4], NULL, 10)};
    if (!m.out)
        fail_with(argv[1], KT_ERR_STORAGE);
    for (int i = 5; i < argc; i++)
        copy(&m, argv[i]);
    check("finish", kt_file_writer_finish(m.writer, 0));
    drain(&m);
    kt_file_writer_destroy(&m.writer);
    return fclose(m.out) == 0 ? 0 : 1;
}
