/* Walks a WebM file as its bytes arrive. The levels (segment, cluster, cues) are entered and left
 * as the walk goes; what lies in them is read whole (webm_reader_parse.c) or skipped. */
#include "keeptake/webm_reader.h"

#include <stdlib.h>
#include <string.h>

#include "webm_reader_internal.h"

/* Bytes kept ready however little the next element needs: reads of this size are cheap. */
#define WINDOW_BYTES (64u << 10)
#define MAX_EBML_BYTES 4096
#define MAX_HEADER_BYTES 12
/* A block group holds its block and little else. */
#define MAX_GROUP_BYTES (KT_WEBM_READER_MAX_BLOCK_BYTES + (64u << 10))
/* Larger than any file; keeps sums of positions from overflowing. */
#define MAX_POSITION (INT64_C(1) << 60)

typedef enum Level {
    LEVEL_START,   /* before the EBML header */
    LEVEL_TOP,     /* between it and the segment */
    LEVEL_SEGMENT, /* its children */
    LEVEL_CLUSTER,
    LEVEL_CUES,
    LEVEL_AFTER, /* the segment is whole */
} Level;

struct KtWebmReader {
    KtStatus status; /* not KT_OK: poisoned */
    int ended;       /* no more bytes will come */

    /* The bytes that wait: data[start, end), the first one at position in the file. */
    uint8_t *data;
    size_t start, end, capacity;
    int64_t position;
    int64_t skip_bytes; /* the next so many bytes of the file are of no interest */
    size_t need_bytes;  /* what next wants to see before it can go on */

    Level level;
    int64_t segment_payload, segment_end; /* positions; KT__EBML_UNKNOWN: open end */
    int64_t level_start, level_end;       /* of the cluster or the Cues */

    int64_t cluster_time; /* in timestamp units; -1: not yet known */
    int64_t cluster_pts_us, cluster_end_us;
    int cluster_keyframe; /* -1: no video block yet */
    int64_t valid_bytes;

    int has_info, has_tracks;
    KtWebmInfo info;
    int track_count;
    KtWebmStoredTrack tracks[KT_WEBM_READER_MAX_TRACKS];

    KtWebmParsedBlock block; /* frames [next_frame, frames) are still to be given out */
    int next_frame;
    const uint8_t *next_data;
    KtWebmEvent block_event;
};

KtStatus kt_webm_reader_create(KtWebmReader **out)
{
    if (!out)
        return KT_ERR_ARG;
    KtWebmReader *r = calloc(1, sizeof *r);
    if (!r)
        return KT_ERR_MEMORY;
    r->info = (KtWebmInfo){.scale_ns = 1000000, .duration_us = -1};
    *out = r;
    return KT_OK;
}

void kt_webm_reader_destroy(KtWebmReader **reader)
{
    if (!reader || !*reader)
        return;
    free((*reader)->data);
    free(*reader);
    *reader = NULL;
}

/* ---- the bytes that wait ---- */

static size_t unread(const KtWebmReader *r)
{
    return r->end - r->start;
}

static void consume(KtWebmReader *r, size_t bytes)
{
    r->start += bytes;
    r->position += (int64_t)bytes;
    r->need_bytes = 0;
}

/* Room for more bytes behind those that wait. */
static KtStatus make_room(KtWebmReader *r, size_t more)
{
    if (r->capacity - r->end >= more)
        return KT_OK;
    const size_t kept = unread(r);
    if (r->start > 0)
        memmove(r->data, r->data + r->start, kept);
    r->start = 0;
    r->end = kept;
    if (r->capacity - r->end >= more)
        return KT_OK;
    size_t capacity = r->capacity ? r->capacity * 2 : WINDOW_BYTES;
    if (capacity < kept + more)
        capacity = kept + more;
    uint8_t *data = realloc(r->data, capacity);
    if (!data)
        return KT_ERR_MEMORY;
    r->data = data;
    r->capacity = capacity;
    return KT_OK;
}

static size_t skip_unbuffered(KtWebmReader *r, size_t bytes)
{
    if (r->skip_bytes == 0 || unread(r) > 0)
        return 0;
    const size_t n = (uint64_t)r->skip_bytes < bytes ? (size_t)r->skip_bytes : bytes;
    r->skip_bytes -= (int64_t)n;
    r->position += (int64_t)n;
    return n;
}

int64_t kt_webm_reader_feed(KtWebmReader *r, const uint8_t *data, size_t bytes)
{
    if (!r || (!data && bytes > 0) || bytes > INT32_MAX)
        return KT_ERR_ARG;
    if (r->status != KT_OK || r->ended)
        return KT_ERR_STATE;
    if (r->next_frame < r->block.frames)
        return 0; /* a lace still lies in the buffer */
    const size_t skipped = skip_unbuffered(r, bytes);
    const size_t want = r->need_bytes > WINDOW_BYTES ? r->need_bytes : WINDOW_BYTES;
    if (skipped == bytes || unread(r) >= want)
        return (int64_t)skipped;
    size_t n = bytes - skipped;
    if (n > want - unread(r))
        n = want - unread(r);
    if (make_room(r, n) != KT_OK) {
        r->status = KT_ERR_MEMORY;
        return KT_ERR_MEMORY;
    }
    memcpy(r->data + r->end, data + skipped, n);
    r->end += n;
    return (int64_t)(skipped + n);
}

KtStatus kt_webm_reader_end(KtWebmReader *r)
{
    if (!r)
        return KT_ERR_ARG;
    r->ended = 1;
    return KT_OK;
}

/* ---- events ---- */

static KtStatus emit_frame(KtWebmReader *r, KtWebmEvent *out)
{
    *out = r->block_event;
    int64_t default_us = 0;
    int is_video = 0;
    for (int i = 0; i < r->track_count; i++) {
        if (r->tracks[i].info.number == out->track) {
            default_us = r->tracks[i].info.default_duration_ns / 1000;
            is_video = r->tracks[i].info.is_video;
        }
    }
    out->pts_us += r->next_frame * default_us;
    out->data = r->next_data;
    out->data_bytes = r->block.frame_bytes[r->next_frame];
    r->next_data += out->data_bytes;
    r->next_frame++;
    if (r->next_frame < r->block.frames)
        out->discard_padding_ns = 0; /* it belongs to the end of the lace */
    if (out->pts_us > r->cluster_end_us)
        r->cluster_end_us = out->pts_us;
    if (is_video && r->cluster_keyframe < 0)
        r->cluster_keyframe = out->keyframe;
    return KT_OK;
}

static KtStatus leave_level(KtWebmReader *r, KtWebmEvent *out)
{
    *out = (KtWebmEvent){.kind = r->level == LEVEL_CLUSTER ? KT_WEBM_CLUSTER : KT_WEBM_CUES,
                         .offset = r->level_start,
                         .bytes = r->position - r->level_start};
    if (r->level == LEVEL_CLUSTER) {
        out->pts_us = r->cluster_pts_us;
        out->end_us = r->cluster_end_us;
        out->keyframe = r->cluster_keyframe > 0;
        r->valid_bytes = r->position;
    }
    r->level = LEVEL_SEGMENT;
    return KT_OK;
}

/* ---- elements ---- */

static KtStatus starve(KtWebmReader *r, size_t need_bytes)
{
    r->need_bytes = need_bytes;
    return r->ended ? KT_END : KT_AGAIN;
}

static KtStatus take_block(KtWebmReader *r, const KtEbmlElement *e, KtWebmEvent *out)
{
    KtWebmBlockGroup group = {.block = e->payload, .block_bytes = (size_t)e->payload_bytes};
    KtStatus status = KT_OK;
    if (r->cluster_time < 0)
        return KT_ERR_FORMAT;
    if (e->id == KT__ID_BLOCK_GROUP)
        status = kt__webm_parse_block_group(e->payload, (size_t)e->payload_bytes, &group);
    if (status != KT_OK)
        return status;
    r->next_frame = r->block.frames = 0;
    status = kt__webm_parse_block(group.block, group.block_bytes, &r->block);
    int64_t pts_us = 0;
    if (status == KT_OK)
        status = kt__webm_time_us(r->cluster_time + r->block.relative, r->info.scale_ns, &pts_us);
    if (status != KT_OK)
        return status;
    r->next_data = r->block.data;
    r->block_event = (KtWebmEvent){
        .kind = KT_WEBM_BLOCK,
        .offset = r->position,
        .bytes = e->header_bytes + e->payload_bytes,
        .pts_us = pts_us,
        .track = r->block.track,
        .keyframe = e->id == KT__ID_BLOCK_GROUP ? group.keyframe : r->block.simple_keyframe,
        .discard_padding_ns = group.discard_padding_ns,
    };
    return emit_frame(r, out);
}

static KtStatus take_timestamp(KtWebmReader *r, const KtEbmlElement *e)
{
    uint64_t time;
    if (kt__ebml_unsigned(e, &time) != KT_OK || time > (uint64_t)MAX_POSITION)
        return KT_ERR_FORMAT;
    r->cluster_time = (int64_t)time;
    const KtStatus status = kt__webm_time_us((int64_t)time, r->info.scale_ns, &r->cluster_pts_us);
    r->cluster_end_us = r->cluster_pts_us;
    return status == KT_OK ? KT_AGAIN : status;
}

static KtStatus take_cue_point(KtWebmReader *r, const KtEbmlElement *e, KtWebmEvent *out)
{
    KtWebmCuePoint cue;
    const KtStatus status = kt__webm_parse_cue_point(e->payload, (size_t)e->payload_bytes, &cue);
    if (status != KT_OK)
        return status;
    if (cue.position > (uint64_t)MAX_POSITION || cue.time > (uint64_t)MAX_POSITION)
        return KT_ERR_FORMAT;
    *out = (KtWebmEvent){.kind = KT_WEBM_CUE,
                         .offset = r->segment_payload + (int64_t)cue.position,
                         .track = cue.track};
    return kt__webm_time_us((int64_t)cue.time, r->info.scale_ns, &out->pts_us);
}

/* Reads an element that is whole in memory. KT_OK: an event; KT_AGAIN: none, go on. */
static KtStatus take_whole(KtWebmReader *r, const KtEbmlElement *e, KtWebmEvent *out)
{
    const size_t bytes = (size_t)e->payload_bytes;
    KtStatus status = KT_OK;
    switch (e->id) {
    case KT__ID_EBML:
        r->level = LEVEL_TOP;
        status = kt__webm_parse_ebml(e->payload, bytes);
        return status == KT_OK ? KT_AGAIN : status;
    case KT__ID_INFO:
        r->has_info = 1;
        status = kt__webm_parse_info(e->payload, bytes, &r->info);
        return status == KT_OK ? KT_AGAIN : status;
    case KT__ID_TRACKS:
        r->has_tracks = 1;
        *out = (KtWebmEvent){.kind = KT_WEBM_TRACKS,
                             .offset = r->position,
                             .bytes = e->header_bytes + e->payload_bytes};
        return kt__webm_parse_tracks(e->payload, bytes, r->tracks, &r->track_count);
    case KT__ID_TIMESTAMP:
        return take_timestamp(r, e);
    case KT__ID_CUE_POINT:
        return take_cue_point(r, e, out);
    default:
        return take_block(r, e, out);
    }
}

/* Most bytes of an element that is read whole at this level; 0: it is skipped. */
static size_t whole_limit(const KtWebmReader *r, uint32_t id)
{
    switch (r->level) {
    case LEVEL_START:
        return id == KT__ID_EBML ? MAX_EBML_BYTES : 0;
    case LEVEL_SEGMENT:
        if ((id == KT__ID_INFO && !r->has_info) || (id == KT__ID_TRACKS && !r->has_tracks))
            return KT_WEBM_READER_MAX_INFO_BYTES;
        return 0;
    case LEVEL_CLUSTER:
        return id == KT__ID_TIMESTAMP      ? 8
               : id == KT__ID_SIMPLE_BLOCK ? KT_WEBM_READER_MAX_BLOCK_BYTES
               : id == KT__ID_BLOCK_GROUP  ? MAX_GROUP_BYTES
                                           : 0;
    case LEVEL_CUES:
        return id == KT__ID_CUE_POINT ? KT_WEBM_READER_MAX_INFO_BYTES : 0;
    default:
        return 0;
    }
}

static int is_top_level(uint32_t id)
{
    switch (id) {
    case KT__ID_EBML:
    case KT__ID_SEGMENT:
    case KT__ID_SEEK_HEAD:
    case KT__ID_INFO:
    case KT__ID_TRACKS:
    case KT__ID_CLUSTER:
    case KT__ID_CUES:
    case KT__ID_CHAPTERS:
    case KT__ID_TAGS:
    case KT__ID_ATTACHMENTS:
        return 1;
    default:
        return 0;
    }
}

static int64_t parent_end(const KtWebmReader *r)
{
    if ((r->level == LEVEL_CLUSTER || r->level == LEVEL_CUES) && r->level_end != KT__EBML_UNKNOWN)
        return r->level_end;
    return r->level >= LEVEL_SEGMENT && r->level <= LEVEL_CUES ? r->segment_end : KT__EBML_UNKNOWN;
}

/* What may stand where, and that it fits into what holds it. */
static KtStatus check_place(const KtWebmReader *r, const KtEbmlElement *e)
{
    const int enters = (r->level == LEVEL_TOP && e->id == KT__ID_SEGMENT) ||
                       (r->level == LEVEL_SEGMENT && e->id == KT__ID_CLUSTER);
    if (r->level == LEVEL_START && e->id != KT__ID_EBML)
        return KT_ERR_FORMAT;
    if (r->level >= LEVEL_SEGMENT && (e->id == KT__ID_EBML || e->id == KT__ID_SEGMENT))
        return KT_ERR_UNSUPPORTED;
    if (e->payload_bytes == KT__EBML_UNKNOWN)
        return enters ? KT_OK : KT_ERR_FORMAT;
    const int64_t end = r->position + e->header_bytes + e->payload_bytes;
    if (end > MAX_POSITION)
        return KT_ERR_FORMAT;
    const int64_t limit = parent_end(r);
    return limit == KT__EBML_UNKNOWN || end <= limit ? KT_OK : KT_ERR_FORMAT;
}

/* Goes into a segment, cluster or Cues. Returns whether e is one. */
static int enter_level(KtWebmReader *r, const KtEbmlElement *e)
{
    const int64_t payload = r->position + e->header_bytes;
    const int64_t end =
        e->payload_bytes == KT__EBML_UNKNOWN ? KT__EBML_UNKNOWN : payload + e->payload_bytes;
    if (r->level == LEVEL_TOP && e->id == KT__ID_SEGMENT) {
        r->segment_payload = payload;
        r->segment_end = end;
        r->level = LEVEL_SEGMENT;
    } else if (r->level == LEVEL_SEGMENT && (e->id == KT__ID_CLUSTER || e->id == KT__ID_CUES)) {
        r->level = e->id == KT__ID_CLUSTER ? LEVEL_CLUSTER : LEVEL_CUES;
        r->level_start = r->position;
        r->level_end = end;
        r->cluster_time = -1;
        r->cluster_pts_us = r->cluster_end_us = 0;
        r->cluster_keyframe = -1;
    } else {
        return 0;
    }
    consume(r, (size_t)e->header_bytes);
    return 1;
}

/* One step of the walk: KT_OK with an event, KT_ERR_…, KT_AGAIN or KT_END where bytes are missing;
 * *on: nothing to tell, go on. */
static KtStatus step_element(KtWebmReader *r, KtWebmEvent *out, int *on)
{
    KtEbmlElement e;
    KtStatus status = kt__ebml_header(r->data + r->start, unread(r), &e);
    if (status == KT_AGAIN)
        return starve(r, MAX_HEADER_BYTES);
    if (status != KT_OK)
        return status;
    if ((r->level == LEVEL_CLUSTER || r->level == LEVEL_CUES) && r->level_end == KT__EBML_UNKNOWN &&
        is_top_level(e.id))
        return leave_level(r, out);
    status = check_place(r, &e);
    if (status != KT_OK)
        return status;
    *on = 1;
    if (enter_level(r, &e))
        return KT_OK;
    const size_t limit = whole_limit(r, e.id);
    if (limit == 0) {
        consume(r, (size_t)e.header_bytes);
        r->skip_bytes = e.payload_bytes;
        return KT_OK;
    }
    *on = 0;
    if ((uint64_t)e.payload_bytes > limit)
        return KT_ERR_LIMIT;
    const size_t bytes = (size_t)e.header_bytes + (size_t)e.payload_bytes;
    if (unread(r) < bytes)
        return starve(r, bytes);
    e.payload = r->data + r->start + e.header_bytes;
    status = take_whole(r, &e, out);
    if (status < 0)
        return status;
    consume(r, bytes);
    *on = status == KT_AGAIN;
    return KT_OK;
}

static KtStatus step(KtWebmReader *r, KtWebmEvent *out, int *on)
{
    *on = 0;
    if (r->next_frame < r->block.frames)
        return emit_frame(r, out);
    if (r->skip_bytes > 0) {
        const size_t n = (uint64_t)r->skip_bytes < unread(r) ? (size_t)r->skip_bytes : unread(r);
        consume(r, n);
        r->skip_bytes -= (int64_t)n;
        if (r->skip_bytes > 0)
            return starve(r, 1);
    }
    const int inner = r->level == LEVEL_CLUSTER || r->level == LEVEL_CUES;
    if (inner && r->position == r->level_end)
        return leave_level(r, out);
    if (r->level == LEVEL_SEGMENT && r->position == r->segment_end)
        r->level = LEVEL_AFTER;
    if (inner && r->level_end == KT__EBML_UNKNOWN && r->ended && unread(r) == 0)
        return leave_level(r, out);
    if (unread(r) == 0)
        return starve(r, MAX_HEADER_BYTES);
    return step_element(r, out, on);
}

KtStatus kt_webm_reader_next(KtWebmReader *r, KtWebmEvent *out)
{
    if (!r || !out)
        return KT_ERR_ARG;
    if (r->status != KT_OK)
        return r->status;
    KtStatus status;
    int on;
    do {
        status = step(r, out, &on);
    } while (status == KT_OK && on);
    if (status < 0)
        r->status = status;
    return status;
}

int kt_webm_reader_track_count(const KtWebmReader *r)
{
    return r ? r->track_count : 0;
}

KtStatus kt_webm_reader_track(const KtWebmReader *r, int index, KtWebmTrackInfo *out)
{
    if (!r || !out || index < 0 || index >= r->track_count)
        return KT_ERR_ARG;
    *out = r->tracks[index].info;
    if (out->codec_private_bytes > 0)
        out->codec_private = r->tracks[index].codec_private;
    return KT_OK;
}

int64_t kt_webm_reader_duration_us(const KtWebmReader *r)
{
    return r ? r->info.duration_us : -1;
}

int64_t kt_webm_reader_valid_bytes(const KtWebmReader *r)
{
    return r ? r->valid_bytes : 0;
}
