/* The take file's order of things: which packet goes next, when a cluster ends, which chunks wait.
 * How the elements look is webm_writer_mux.cc's business. */
#include "keeptake/webm_writer.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "chunk_queue.h"
#include "keeptake/opus_packet.h"
#include "packet_queue.h"
#include "webm_writer_mux.h"

#define MAX_APP_NAME_BYTES 63
/* VP8 has 14 bits for a side. */
#define MAX_SIDE 16383
#define MAX_FPS 240
/* One a second for twelve days. */
#define MAX_CUES (1u << 20)
/* Pictures this far from their places still count as evenly spaced: a file's times are in ms. */
#define STEADY_US 1000
#define MIN_CLUSTER_US 20000
#define MAX_CLUSTER_US 5000000
/* Take times beyond it are a mistake: 10,000 days. */
#define MAX_PTS_US INT64_C(864000000000000)
/* Without video, how far apart clusters with a cue point are at least. */
#define AUDIO_CUE_US 1000000
#define MAX_CHANNELS 8
#define MAX_SAMPLE_RATE_HZ 384000

struct KtWebmWriter {
    /* Fixed at creation. */
    KtFileWriter base;
    KtFileConfig config; /* without what it borrowed */
    int is_opus;

    /* Changes while running. */
    uint8_t header[KT_WEBM_HEADER_BYTES];
    KtStatus status; /* not KT_OK: poisoned */
    int finished;
    KtPacketQueue queue[2];    /* by KtTrack; sorted, packets that wait for the other track */
    KtPacketNode *spare_nodes; /* written packets keep their memory for the next ones */
    KtChunkQueue chunks;
    KtChunkNode *cluster; /* the open one; NULL between two */
    int64_t cluster_ms;   /* its timecode */
    int64_t end_us;       /* of the last packet, as it is heard and seen */
    int64_t last_cue_us;
    int64_t first_picture_us;
    int64_t picture_count;
    int steady;                  /* every picture lies where config.fps puts it */
    int next_width, next_height; /* of the pictures from the next keyframe on */
    int width, height;           /* of the largest picture so far */
    KtFileCue *cues;
    size_t cue_count, cue_capacity;
};

static int64_t round_ms(int64_t us)
{
    return (us + 500) / 1000;
}

static int64_t codec_delay_us(const KtWebmWriter *w)
{
    return (int64_t)w->config.audio_pre_skip * 1000000 / 48000;
}

static KtStatus poison(KtWebmWriter *w, KtStatus status)
{
    if (status != KT_OK)
        w->status = status;
    return status;
}

/* ---- chunks ---- */

static KtStatus enqueue_header(KtWebmWriter *w, KtChunkKind kind)
{
    KtChunkNode *c = kt__chunk_take(&w->chunks);
    if (!c)
        return KT_ERR_MEMORY;
    if (kt__file_bytes_reserve(&c->bytes, KT_WEBM_HEADER_BYTES) != KT_OK) {
        kt__chunk_release(&w->chunks, c);
        return KT_ERR_MEMORY;
    }
    memcpy(c->bytes.data, w->header, KT_WEBM_HEADER_BYTES);
    c->bytes.bytes = KT_WEBM_HEADER_BYTES;
    kt__chunk_enqueue(&w->chunks, c, kind);
    return KT_OK;
}

/* ---- clusters ---- */

static KtStatus reserve_cue(KtWebmWriter *w)
{
    if (w->cue_count < w->cue_capacity)
        return KT_OK;
    if (w->cue_count >= MAX_CUES)
        return KT_ERR_LIMIT;
    const size_t capacity = w->cue_capacity ? w->cue_capacity * 2 : 64;
    KtFileCue *cues = realloc(w->cues, capacity * sizeof *cues);
    if (!cues)
        return KT_ERR_MEMORY;
    w->cues = cues;
    w->cue_capacity = capacity;
    return KT_OK;
}

static KtStatus cluster_open(KtWebmWriter *w, const KtPacket *first)
{
    const KtStatus status = reserve_cue(w);
    if (status != KT_OK)
        return status;
    KtChunkNode *c = kt__chunk_take(&w->chunks);
    if (!c)
        return KT_ERR_MEMORY;
    c->bytes.bytes = KT__WEBM_CLUSTER_HEADER_BYTES;
    c->chunk.start_us = first->pts_us;
    c->chunk.end_us = first->pts_us;
    c->chunk.keyframe = w->config.has_video
                            ? first->track == KT_TRACK_VIDEO && first->keyframe
                            : w->cue_count == 0 || first->pts_us - w->last_cue_us >= AUDIO_CUE_US;
    w->cluster = c;
    /* A packet that came late must not send the clusters' timecodes back. */
    const int64_t ms = round_ms(first->pts_us);
    if (ms > w->cluster_ms)
        w->cluster_ms = ms;
    return KT_OK;
}

static void cluster_close(KtWebmWriter *w)
{
    KtChunkNode *c = w->cluster;
    if (!c)
        return;
    w->cluster = NULL;
    const KtStatus status = kt__webm_write_cluster_header(
        c->bytes.data, w->cluster_ms, c->bytes.bytes - KT__WEBM_CLUSTER_HEADER_BYTES);
    assert(status == KT_OK);
    (void)status;
    if (c->chunk.keyframe) {
        assert(w->cue_count < w->cue_capacity);
        w->cues[w->cue_count].time_us = c->chunk.start_us;
        w->cues[w->cue_count].cluster_offset = w->chunks.file_bytes;
        w->cue_count++;
        w->last_cue_us = c->chunk.start_us;
    }
    kt__chunk_enqueue(&w->chunks, c, KT_CHUNK_CLUSTER);
}

static int starts_cluster(const KtWebmWriter *w, const KtPacket *p)
{
    if (!w->cluster)
        return 1;
    if (p->track == KT_TRACK_VIDEO && p->keyframe)
        return 1;
    return p->pts_us + p->duration_us - w->cluster->chunk.start_us > w->config.max_cluster_us;
}

/* Whether no track's next packet will fit any more: then there is nothing to wait for. */
static int is_full(const KtWebmWriter *w)
{
    const int64_t most_us = w->cluster->chunk.start_us + w->config.max_cluster_us;
    for (int i = 0; i < 2; i++)
        if (w->queue[i].open && w->queue[i].next_end_us <= most_us)
            return 0;
    return 1;
}

static KtStatus write_packet(KtWebmWriter *w, const KtPacket *p, int64_t discard_padding_ns)
{
    if (starts_cluster(w, p)) {
        cluster_close(w);
        const KtStatus status = cluster_open(w, p);
        if (status != KT_OK)
            return status;
    }
    KtFileBytes *b = &w->cluster->bytes;
    const size_t most = b->bytes + p->bytes + KT__WEBM_BLOCK_OVERHEAD_BYTES;
    const KtStatus status = kt__file_bytes_reserve(b, most);
    if (status != KT_OK)
        return status;
    const int64_t relative_ms = round_ms(p->pts_us) - w->cluster_ms;
    if (relative_ms < INT16_MIN || relative_ms > INT16_MAX)
        return KT_ERR_STATE;
    const int audio = p->track == KT_TRACK_AUDIO;
    const KtWebmBlock block = {
        .track_number = KT__WEBM_VIDEO_NUMBER + (audio && w->config.has_video ? 1u : 0u),
        .relative_ms = (int16_t)relative_ms,
        .keyframe = audio || p->keyframe,
        .discard_padding_ns = discard_padding_ns,
        .data = p->data,
        .data_bytes = p->bytes,
    };
    const int64_t bytes = kt__webm_write_block(b->data + b->bytes, b->capacity - b->bytes, &block);
    if (bytes <= 0) /* added up, it would lead behind the buffer */
        return KT_ERR_STATE;
    b->bytes += (size_t)bytes;
    const int64_t end_us = p->pts_us + p->duration_us;
    if (end_us > w->cluster->chunk.end_us)
        w->cluster->chunk.end_us = end_us;
    const int64_t shown_us = end_us - (audio ? codec_delay_us(w) : 0) - discard_padding_ns / 1000;
    if (shown_us > w->end_us)
        w->end_us = shown_us;
    w->queue[p->track].next_end_us = end_us + p->duration_us;
    if (is_full(w))
        cluster_close(w);
    return KT_OK;
}

/* ---- the two tracks' order ---- */

static KtPacketNode *node_take(KtWebmWriter *w)
{
    KtPacketNode *n = w->spare_nodes;
    if (!n)
        return calloc(1, sizeof *n);
    w->spare_nodes = n->next;
    n->next = NULL;
    return n;
}

static void node_release(KtWebmWriter *w, KtPacketNode *n)
{
    n->next = w->spare_nodes;
    w->spare_nodes = n;
}

/* The track whose first packet is next in the file, or NULL where none waits. */
static KtPacketQueue *next_queue(KtWebmWriter *w)
{
    KtPacketQueue *v = &w->queue[KT_TRACK_VIDEO], *a = &w->queue[KT_TRACK_AUDIO];
    if (!v->head || !a->head)
        return v->head ? v : a->head ? a : NULL;
    return v->head->packet.pts_us <= a->head->packet.pts_us ? v : a;
}

/* Whether nothing that may still come belongs before the first packet of q. */
static int is_settled(const KtWebmWriter *w, const KtPacketQueue *q)
{
    const KtPacketQueue *video = &w->queue[KT_TRACK_VIDEO], *audio = &w->queue[KT_TRACK_AUDIO];
    const KtPacketQueue *other = q == video ? audio : video;
    const int64_t pts_us = q->head->packet.pts_us;
    const int64_t newest_us = q->last_us > other->last_us ? q->last_us : other->last_us;
    if (newest_us - pts_us > KT_WEBM_INTERLEAVE_US)
        return 1;
    if (q == audio && q->head == q->tail)
        return 0;
    return !other->open || other->last_us >= pts_us;
}

/* all: nothing waits for anything. end_us >= 0: the take ends there, its last sound is trimmed. */
static KtStatus write_queued(KtWebmWriter *w, int all, int64_t end_us)
{
    KtPacketQueue *q;
    while ((q = next_queue(w)) != NULL && (all || is_settled(w, q))) {
        KtPacketNode *n = q->head;
        const KtPacket *p = &n->packet;
        int64_t padding_us = 0;
        if (end_us >= 0 && p->track == KT_TRACK_AUDIO && !n->next) {
            padding_us = p->pts_us + p->duration_us - codec_delay_us(w) - end_us;
            padding_us = padding_us > p->duration_us ? p->duration_us : padding_us;
            padding_us = padding_us < 0 ? 0 : padding_us;
        }
        const KtStatus status = write_packet(w, p, padding_us * 1000);
        if (status != KT_OK)
            return status;
        node_release(w, kt__packet_queue_pop(q));
    }
    return KT_OK;
}

/* Takes sound out that nobody would hear: it begins after the end. */
static void drop_audio_after(KtWebmWriter *w, int64_t end_us)
{
    KtPacketQueue *q = &w->queue[KT_TRACK_AUDIO];
    KtPacketNode **link = &q->head;
    q->tail = NULL;
    while (*link && (*link)->packet.pts_us - codec_delay_us(w) < end_us) {
        q->tail = *link;
        link = &(*link)->next;
    }
    KtPacketNode *rest = *link;
    *link = NULL;
    while (rest) {
        KtPacketNode *next = rest->next;
        node_release(w, rest);
        rest = next;
    }
}

/* ---- the public edge ---- */

/* prefix: 'V' or 'A'. */
static int track_is_valid(const KtFileTrack *t, char prefix)
{
    const size_t bytes = t->codec_id ? strlen(t->codec_id) : 0;
    if (bytes < 3 || bytes > KT_FILE_MAX_CODEC_ID_BYTES || t->codec_id[0] != prefix ||
        t->codec_id[1] != '_')
        return 0;
    for (size_t i = 0; i < bytes; i++)
        if (t->codec_id[i] <= ' ' || t->codec_id[i] > '~')
            return 0;
    if ((t->codec_private == NULL) != (t->codec_private_bytes == 0) ||
        t->codec_private_bytes > KT_FILE_MAX_PRIVATE_BYTES)
        return 0;
    return !t->name || (t->name[0] != '\0' && strlen(t->name) <= KT_FILE_MAX_NAME_BYTES);
}

static int size_is_valid(int width, int height)
{
    return width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE;
}

static int video_is_valid(const KtFileConfig *c)
{
    return track_is_valid(&c->video, 'V') && size_is_valid(c->width, c->height) && c->fps >= 0 &&
           c->fps <= MAX_FPS &&
           (!c->has_color || c->matrix == KT_COLOR_BT601 || c->matrix == KT_COLOR_BT709);
}

static int is_opus(const KtFileConfig *c)
{
    return c->has_audio && strcmp(c->audio.codec_id, KT_CODEC_ID_OPUS) == 0;
}

static int audio_is_valid(const KtFileConfig *c)
{
    if (!track_is_valid(&c->audio, 'A') || c->channels < 1 || c->channels > MAX_CHANNELS ||
        c->sample_rate_hz < 1 || c->sample_rate_hz > MAX_SAMPLE_RATE_HZ || c->audio_pre_skip < 0 ||
        c->audio_pre_skip > 65535)
        return 0;
    return !is_opus(c) || (c->audio.codec_private_bytes >= KT_OPUS_HEAD_BYTES &&
                           memcmp(c->audio.codec_private, "OpusHead", 8) == 0 &&
                           c->audio.codec_private[9] == c->channels);
}

static int config_is_valid(const KtFileConfig *c)
{
    if ((!c->has_video && !c->has_audio) || c->max_cluster_us < MIN_CLUSTER_US ||
        c->max_cluster_us > MAX_CLUSTER_US || c->date_unix_us < 0 ||
        c->date_unix_us > MAX_PTS_US * 10)
        return 0;
    if (c->app_name) {
        const size_t bytes = strlen(c->app_name);
        if (bytes == 0 || bytes > MAX_APP_NAME_BYTES)
            return 0;
    }
    return (!c->has_video || video_is_valid(c)) && (!c->has_audio || audio_is_valid(c));
}

KtStatus kt_webm_writer_create(const KtFileConfig *config, KtWebmWriter **out)
{
    if (!config || !out || !config_is_valid(config))
        return KT_ERR_ARG;
    KtWebmWriter *w = calloc(1, sizeof *w);
    if (!w)
        return KT_ERR_MEMORY;
    w->base.format = &kt_webm_format;
    w->config = *config;
    w->config.has_video = config->has_video != 0;
    w->config.has_audio = config->has_audio != 0;
    if (!w->config.has_audio)
        w->config.audio_pre_skip = 0;
    w->is_opus = is_opus(config);
    w->width = w->next_width = config->width;
    w->height = w->next_height = config->height;
    w->steady = w->config.has_video && w->config.fps > 0;
    w->queue[KT_TRACK_VIDEO] = (KtPacketQueue){.last_us = -1, .open = w->config.has_video};
    w->queue[KT_TRACK_AUDIO] = (KtPacketQueue){.last_us = -1, .open = w->config.has_audio};
    KtStatus status = kt__webm_write_header(&w->config, w->header);
    w->config.app_name = NULL; /* borrowed for this call only, as are the tracks */
    w->config.video = w->config.audio = (KtFileTrack){.uid = 0};
    if (status == KT_OK)
        status = enqueue_header(w, KT_CHUNK_HEADER);
    if (status != KT_OK)
        goto fail;
    *out = w;
    return KT_OK;
fail:
    kt_webm_writer_destroy(&w);
    return status;
}

void kt_webm_writer_destroy(KtWebmWriter **writer)
{
    if (!writer || !*writer)
        return;
    KtWebmWriter *w = *writer;
    for (int i = 0; i < 2; i++)
        kt__packet_nodes_free(w->queue[i].head);
    kt__packet_nodes_free(w->spare_nodes);
    kt__chunk_queue_reset(&w->chunks);
    kt__chunk_free(w->cluster);
    free(w->cues);
    free(w);
    *writer = NULL;
}

/* An Opus packet of unknown length is as long as it says. */
static int64_t packet_us(const KtWebmWriter *w, const KtPacket *p)
{
    return p->duration_us == 0 && p->track == KT_TRACK_AUDIO && w->is_opus
               ? kt_opus_packet_us(p->data, p->bytes)
               : p->duration_us;
}

static KtStatus check_packet(const KtWebmWriter *w, const KtPacket *p)
{
    if ((p->track != KT_TRACK_VIDEO && p->track != KT_TRACK_AUDIO) || !w->queue[p->track].open ||
        !p->data || p->bytes == 0 || p->pts_us < 0 || p->pts_us > MAX_PTS_US ||
        p->duration_us < 0 || p->duration_us > MAX_PTS_US)
        return KT_ERR_ARG;
    const KtPacketQueue *q = &w->queue[p->track];
    if (p->track == KT_TRACK_VIDEO && q->last_us < 0 && !p->keyframe)
        return KT_ERR_ARG;
    if (p->bytes > KT_WEBM_MAX_PACKET_BYTES || w->chunks.waiting_bytes > KT_WEBM_MAX_WAITING_BYTES)
        return KT_ERR_LIMIT;
    if (p->pts_us < q->last_us || round_ms(p->pts_us) - w->cluster_ms < INT16_MIN)
        return KT_ERR_ORDER;
    return packet_us(w, p) < 0 ? KT_ERR_FORMAT : KT_OK;
}

/* A promise of a constant rate holds for a whole file or is not made: one hole ends it. */
static void note_picture(KtWebmWriter *w, int64_t pts_us, int keyframe)
{
    if (keyframe && (int64_t)w->next_width * w->next_height > (int64_t)w->width * w->height) {
        w->width = w->next_width;
        w->height = w->next_height;
    }
    if (w->picture_count == 0)
        w->first_picture_us = pts_us;
    if (w->steady) {
        const int64_t due_us = w->first_picture_us + w->picture_count * 1000000 / w->config.fps;
        w->steady = llabs(pts_us - due_us) <= STEADY_US;
    }
    w->picture_count++;
}

KtStatus kt_webm_writer_add(KtWebmWriter *w, const KtPacket *packet)
{
    if (!w || !packet)
        return KT_ERR_ARG;
    if (w->status != KT_OK)
        return w->status;
    if (w->finished)
        return KT_ERR_STATE;
    const KtStatus valid = check_packet(w, packet);
    if (valid != KT_OK)
        return valid;
    KtPacketNode *n = node_take(w);
    if (!n)
        return poison(w, KT_ERR_MEMORY);
    if (kt__file_bytes_reserve(&n->bytes, packet->bytes) != KT_OK) {
        node_release(w, n);
        return poison(w, KT_ERR_MEMORY);
    }
    memcpy(n->bytes.data, packet->data, packet->bytes);
    n->packet = *packet;
    n->packet.data = n->bytes.data;
    n->packet.duration_us = packet_us(w, packet);
    kt__packet_queue_push(&w->queue[packet->track], n);
    if (packet->track == KT_TRACK_VIDEO)
        note_picture(w, packet->pts_us, packet->keyframe);
    return poison(w, write_queued(w, 0, -1));
}

KtStatus kt_webm_writer_flush(KtWebmWriter *w)
{
    if (!w)
        return KT_ERR_ARG;
    if (w->status != KT_OK)
        return w->status;
    if (w->finished)
        return KT_ERR_STATE;
    const KtStatus status = write_queued(w, 1, -1);
    if (status == KT_OK)
        cluster_close(w);
    return poison(w, status);
}

KtStatus kt_webm_writer_resize(KtWebmWriter *w, int width, int height)
{
    if (!w || !size_is_valid(width, height))
        return KT_ERR_ARG;
    if (w->status != KT_OK)
        return w->status;
    if (w->finished || !w->config.has_video)
        return KT_ERR_STATE;
    w->next_width = width;
    w->next_height = height;
    return KT_OK;
}

static KtStatus enqueue_cues(KtWebmWriter *w)
{
    if (w->cue_count == 0)
        return KT_OK;
    const int64_t bytes = kt_webm_cues_bytes(w->cues, w->cue_count);
    KtChunkNode *c = kt__chunk_take(&w->chunks);
    if (!c)
        return KT_ERR_MEMORY;
    if (bytes < 0 || kt__file_bytes_reserve(&c->bytes, (size_t)bytes) != KT_OK) {
        kt__chunk_release(&w->chunks, c);
        return KT_ERR_MEMORY;
    }
    if (kt_webm_write_cues(w->cues, w->cue_count, c->bytes.data, (size_t)bytes) != bytes) {
        kt__chunk_release(&w->chunks, c);
        return KT_ERR_STATE;
    }
    c->bytes.bytes = (size_t)bytes;
    kt__chunk_enqueue(&w->chunks, c, KT_CHUNK_INDEX);
    return KT_OK;
}

KtStatus kt_webm_writer_finish(KtWebmWriter *w, int64_t duration_us)
{
    if (!w || duration_us < 0 || duration_us > MAX_PTS_US)
        return KT_ERR_ARG;
    if (w->status != KT_OK)
        return w->status;
    if (w->finished)
        return KT_ERR_STATE;
    if (duration_us > 0)
        drop_audio_after(w, duration_us);
    KtStatus status = write_queued(w, 1, duration_us > 0 ? duration_us : -1);
    if (status != KT_OK)
        return poison(w, status);
    cluster_close(w);
    const int64_t cues_offset = w->cue_count > 0 ? w->chunks.file_bytes : -1;
    status = enqueue_cues(w);
    if (status != KT_OK)
        return poison(w, status);
    status = kt_webm_patch_header(w->header, duration_us > 0 ? duration_us : w->end_us, cues_offset,
                                  w->chunks.file_bytes);
    if (status == KT_OK && w->steady && w->picture_count > 1)
        status = kt_webm_patch_rate(w->header, w->config.fps);
    if (status == KT_OK && (w->width != w->config.width || w->height != w->config.height))
        status = kt_webm_patch_size(w->header, w->width, w->height);
    assert(status == KT_OK);
    if (status == KT_OK)
        status = enqueue_header(w, KT_CHUNK_PATCH);
    w->finished = status == KT_OK;
    return poison(w, status);
}

KtStatus kt_webm_writer_peek(KtWebmWriter *w, KtChunk *out)
{
    if (!w || !out)
        return KT_ERR_ARG;
    const KtStatus status = kt__chunk_peek(&w->chunks, out);
    return status == KT_AGAIN && w->finished ? KT_END : status;
}

KtStatus kt_webm_writer_pop(KtWebmWriter *w)
{
    return w ? kt__chunk_pop(&w->chunks) : KT_ERR_ARG;
}

int64_t kt_webm_writer_bytes(const KtWebmWriter *w)
{
    return w ? w->chunks.file_bytes : 0;
}

void kt__webm_writer_skip_for_test(KtWebmWriter *w, int64_t bytes)
{
    w->chunks.file_bytes += bytes;
}
