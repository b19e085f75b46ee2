#include "take_file.h"

#include <stdlib.h>
#include <string.h>

/* Copies bytes to *at, which moves on; NULL stays NULL. */
static const void *keep(char **at, const void *bytes, size_t count)
{
    if (!bytes)
        return NULL;
    char *kept = *at;
    memcpy(kept, bytes, count);
    *at += count;
    return kept;
}

static size_t string_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* The configuration with all that it borrows. */
static KtStatus keep_config(KtTakeFile *f, const KtFileConfig *c)
{
    const size_t bytes = string_bytes(c->video.name) + string_bytes(c->audio.codec_id) +
                         string_bytes(c->audio.name) + c->audio.codec_private_bytes +
                         string_bytes(c->app_name);
    char *at = f->text = malloc(bytes + 1);
    if (!at)
        return KT_ERR_MEMORY;
    f->config = *c;
    f->config.video.name = keep(&at, c->video.name, string_bytes(c->video.name));
    f->config.audio.codec_id = keep(&at, c->audio.codec_id, string_bytes(c->audio.codec_id));
    f->config.audio.name = keep(&at, c->audio.name, string_bytes(c->audio.name));
    f->config.audio.codec_private = keep(&at, c->audio.codec_private, c->audio.codec_private_bytes);
    f->config.app_name = keep(&at, c->app_name, string_bytes(c->app_name));
    return KT_OK;
}

static KtPacketNode *node_of(const KtPacket *packet)
{
    KtPacketNode *n = calloc(1, sizeof *n);
    if (!n || kt__file_bytes_reserve(&n->bytes, packet->bytes) != KT_OK) {
        free(n);
        return NULL;
    }
    memcpy(n->bytes.data, packet->data, packet->bytes);
    n->packet = *packet;
    n->packet.data = n->bytes.data;
    return n;
}

/* The file begins with what waited for it. */
static KtStatus begin(KtTakeFile *f)
{
    KtStatus status = kt_file_writer_create(f->format, &f->config, &f->writer);
    if (status == KT_OK && f->config.has_video &&
        (f->width != f->config.width || f->height != f->config.height))
        status = kt_file_writer_resize(f->writer, f->width, f->height);
    while (status == KT_OK && f->held.head) {
        KtPacketNode *n = kt__packet_queue_pop(&f->held);
        n->next = NULL; /* the rest still waits */
        status = kt_file_writer_add(f->writer, &n->packet);
        kt__packet_nodes_free(n);
    }
    return status;
}

KtStatus kt__take_file_open(KtTakeFile *f, const KtFileFormat *format, const KtFileConfig *config)
{
    if (!config->has_video || config->video.codec_id)
        return kt_file_writer_create(format, config, &f->writer);
    /* What is wrong with the rest of it is told now. */
    KtFileConfig tried = *config;
    KtFileWriter *writer = NULL;
    tried.video.codec_id = KT_CODEC_ID_VP9;
    KtStatus status = kt_file_writer_create(format, &tried, &writer);
    kt_file_writer_destroy(&writer);
    if (status != KT_OK)
        return status;
    f->format = format;
    f->width = config->width;
    f->height = config->height;
    f->held.last_us = -1;
    return keep_config(f, config);
}

void kt__take_file_reset(KtTakeFile *f)
{
    kt_file_writer_destroy(&f->writer);
    kt__packet_nodes_free(f->held.head);
    free(f->text);
    memset(f, 0, sizeof *f);
}

KtStatus kt__take_file_describe(KtTakeFile *f, const KtVideoFormat *video)
{
    if (f->writer)
        return KT_OK;
    f->config.video.codec_id = video->codec_id;
    f->config.video.codec_private = video->codec_private;
    f->config.video.codec_private_bytes = video->codec_private_bytes;
    const KtStatus status = begin(f);
    f->config.video = (KtFileTrack){.name = f->config.video.name, .uid = f->config.video.uid};
    return status;
}

KtStatus kt__take_file_add(KtTakeFile *f, const KtPacket *packet)
{
    if (f->writer)
        return kt_file_writer_add(f->writer, packet);
    if (packet->track == KT_TRACK_VIDEO)
        return KT_ERR_STATE;
    if (!packet->data || packet->bytes == 0)
        return KT_ERR_ARG;
    if (f->held_count >= KT__HELD_PACKETS)
        return KT_ERR_LIMIT;
    KtPacketNode *n = node_of(packet);
    if (!n)
        return KT_ERR_MEMORY;
    kt__packet_queue_push(&f->held, n);
    f->held_count++;
    return KT_OK;
}

KtStatus kt__take_file_resize(KtTakeFile *f, int width, int height)
{
    if (f->writer)
        return kt_file_writer_resize(f->writer, width, height);
    f->width = width;
    f->height = height;
    return KT_OK;
}

KtStatus kt__take_file_flush(KtTakeFile *f)
{
    return f->writer ? kt_file_writer_flush(f->writer) : KT_OK;
}

KtStatus kt__take_file_peek(const KtTakeFile *f, KtChunk *out)
{
    return f->writer ? kt_file_writer_peek(f->writer, out) : KT_AGAIN;
}

KtStatus kt__take_file_finish(KtTakeFile *f, int64_t duration_us)
{
    if (!f->writer) {
        if (!f->config.has_audio)
            return KT_ERR_CODEC;
        f->config.has_video = 0;
        const KtStatus status = begin(f);
        if (status != KT_OK)
            return status;
    }
    return kt_file_writer_finish(f->writer, duration_us);
}
