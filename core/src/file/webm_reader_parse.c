/* The elements that the WebM reader takes whole: headers, tracks, blocks with their laces, cue
 * points. Every byte here comes from outside. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "webm_reader_internal.h"

#define MAX_SCALE_NS 1000000000
#define MAX_SIDE 65535
#define MAX_CHANNELS 255
#define MAX_SAMPLE_RATE_HZ 1e6
/* 30 years: beyond it a time is a mistake and sums could overflow. */
#define MAX_TIME_US INT64_C(946080000000000)

#define LACE_NONE 0x00
#define LACE_XIPH 0x02
#define LACE_FIXED 0x04
#define LACE_EBML 0x06

KtStatus kt__webm_time_us(int64_t time, int64_t scale_ns, int64_t *out_us)
{
    const int64_t limit = MAX_TIME_US / scale_ns * 1000;
    if (time > limit || time < -limit)
        return KT_ERR_FORMAT;
    *out_us = time * scale_ns / 1000;
    return KT_OK;
}

static int text_is(const KtEbmlElement *e, const char *text)
{
    size_t bytes = (size_t)e->payload_bytes;
    while (bytes > 0 && e->payload[bytes - 1] == 0)
        bytes--;
    return bytes == strlen(text) && memcmp(e->payload, text, bytes) == 0;
}

KtStatus kt__webm_parse_ebml(const uint8_t *payload, size_t bytes)
{
    KtEbmlCursor c = {payload, bytes};
    KtEbmlElement e;
    KtStatus status;
    int known = 0;
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        uint64_t value = 0;
        if (e.id == KT__ID_DOC_TYPE)
            known = text_is(&e, "webm") || text_is(&e, "matroska");
        if (e.id != KT__ID_EBML_READ_VERSION && e.id != KT__ID_DOC_TYPE_READ_VERSION)
            continue;
        if (kt__ebml_unsigned(&e, &value) != KT_OK)
            return KT_ERR_FORMAT;
        if (value > (e.id == KT__ID_EBML_READ_VERSION ? 1u : 4u))
            return KT_ERR_UNSUPPORTED;
    }
    if (status != KT_END)
        return status;
    return known ? KT_OK : KT_ERR_UNSUPPORTED;
}

KtStatus kt__webm_parse_info(const uint8_t *payload, size_t bytes, KtWebmInfo *out)
{
    KtEbmlCursor c = {payload, bytes};
    KtEbmlElement e;
    KtStatus status;
    double duration = -1;
    uint64_t scale = 1000000;
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        if (e.id == KT__ID_TIMESTAMP_SCALE && kt__ebml_unsigned(&e, &scale) != KT_OK)
            return KT_ERR_FORMAT;
        if (e.id == KT__ID_DURATION && kt__ebml_float(&e, &duration) != KT_OK)
            return KT_ERR_FORMAT;
    }
    if (status != KT_END)
        return status;
    if (scale == 0 || scale > MAX_SCALE_NS)
        return KT_ERR_FORMAT;
    out->scale_ns = (int64_t)scale;
    const double us = duration * (double)scale / 1000.0;
    /* Some writers leave 0 or nonsense where they do not know it. */
    out->duration_us = isfinite(us) && us > 0 && us <= (double)MAX_TIME_US ? llround(us) : -1;
    return KT_OK;
}

static KtStatus parse_limited(const KtEbmlElement *e, uint64_t limit, uint64_t *out)
{
    if (kt__ebml_unsigned(e, out) != KT_OK || *out > limit)
        return KT_ERR_FORMAT;
    return KT_OK;
}

static KtStatus parse_video(const KtEbmlElement *video, KtWebmTrackInfo *t)
{
    KtEbmlCursor c = {video->payload, (size_t)video->payload_bytes};
    KtEbmlElement e;
    KtStatus status;
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        uint64_t side;
        if (e.id != KT__ID_PIXEL_WIDTH && e.id != KT__ID_PIXEL_HEIGHT)
            continue;
        if (parse_limited(&e, MAX_SIDE, &side) != KT_OK)
            return KT_ERR_FORMAT;
        *(e.id == KT__ID_PIXEL_WIDTH ? &t->width : &t->height) = (int)side;
    }
    return status == KT_END ? KT_OK : status;
}

static KtStatus parse_audio(const KtEbmlElement *audio, KtWebmTrackInfo *t)
{
    KtEbmlCursor c = {audio->payload, (size_t)audio->payload_bytes};
    KtEbmlElement e;
    KtStatus status;
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        uint64_t channels;
        if (e.id == KT__ID_CHANNELS) {
            if (parse_limited(&e, MAX_CHANNELS, &channels) != KT_OK)
                return KT_ERR_FORMAT;
            t->channels = (int)channels;
        } else if (e.id == KT__ID_SAMPLING_FREQUENCY) {
            double rate;
            if (kt__ebml_float(&e, &rate) != KT_OK || !(rate > 0 && rate <= MAX_SAMPLE_RATE_HZ))
                return KT_ERR_FORMAT;
            t->sample_rate_hz = rate;
        }
    }
    return status == KT_END ? KT_OK : status;
}

static void copy_text(const KtEbmlElement *e, char *out, size_t out_bytes)
{
    const size_t bytes = (size_t)e->payload_bytes;
    memset(out, 0, out_bytes);
    memcpy(out, e->payload, bytes < out_bytes ? bytes : out_bytes - 1);
}

static KtStatus parse_track_field(const KtEbmlElement *e, KtWebmStoredTrack *t)
{
    uint64_t value = 0;
    const size_t bytes = (size_t)e->payload_bytes;
    switch (e->id) {
    case KT__ID_TRACK_NUMBER:
        return kt__ebml_unsigned(e, &t->info.number);
    case KT__ID_TRACK_TYPE:
        if (kt__ebml_unsigned(e, &value) != KT_OK)
            return KT_ERR_FORMAT;
        t->info.is_video = value == 1;
        t->info.is_audio = value == 2;
        return KT_OK;
    case KT__ID_TRACK_UID:
        return kt__ebml_unsigned(e, &t->info.uid);
    case KT__ID_CODEC_ID:
        copy_text(e, t->info.codec_id, sizeof t->info.codec_id);
        return KT_OK;
    case KT__ID_NAME:
        copy_text(e, t->info.name, sizeof t->info.name);
        return KT_OK;
    case KT__ID_CODEC_PRIVATE:
        if (bytes > sizeof t->codec_private)
            return KT_ERR_LIMIT;
        memcpy(t->codec_private, e->payload, bytes);
        t->info.codec_private_bytes = bytes;
        return KT_OK;
    case KT__ID_CODEC_DELAY:
    case KT__ID_DEFAULT_DURATION:
        if (parse_limited(e, (uint64_t)MAX_TIME_US, &value) != KT_OK)
            return KT_ERR_FORMAT;
        *(e->id == KT__ID_CODEC_DELAY ? &t->info.codec_delay_ns : &t->info.default_duration_ns) =
            (int64_t)value;
        return KT_OK;
    case KT__ID_VIDEO:
        return parse_video(e, &t->info);
    case KT__ID_AUDIO:
        return parse_audio(e, &t->info);
    case KT__ID_CONTENT_ENCODINGS:
        return KT_ERR_UNSUPPORTED; /* compressed or encrypted: WebM has neither in takes */
    default:
        return KT_OK;
    }
}

static KtStatus parse_track(const KtEbmlElement *entry, KtWebmStoredTrack *t)
{
    KtEbmlCursor c = {entry->payload, (size_t)entry->payload_bytes};
    KtEbmlElement e;
    KtStatus status;
    memset(t, 0, sizeof *t);
    t->info.sample_rate_hz = 8000; /* the defaults of RFC 9559 */
    t->info.channels = 1;
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        const KtStatus field = parse_track_field(&e, t);
        if (field != KT_OK)
            return field;
    }
    if (status != KT_END)
        return status;
    if (!t->info.is_audio) {
        t->info.sample_rate_hz = 0;
        t->info.channels = 0;
    }
    return t->info.number == 0 ? KT_ERR_FORMAT : KT_OK;
}

KtStatus kt__webm_parse_tracks(const uint8_t *payload, size_t bytes, KtWebmStoredTrack *tracks,
                               int *count)
{
    KtEbmlCursor c = {payload, bytes};
    KtEbmlElement e;
    KtStatus status;
    *count = 0;
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        if (e.id != KT__ID_TRACK_ENTRY)
            continue;
        if (*count == KT_WEBM_READER_MAX_TRACKS)
            return KT_ERR_LIMIT;
        const KtStatus entry = parse_track(&e, &tracks[*count]);
        if (entry != KT_OK)
            return entry;
        for (int i = 0; i < *count; i++)
            if (tracks[i].info.number == tracks[*count].info.number)
                return KT_ERR_FORMAT;
        (*count)++;
    }
    return status == KT_END ? KT_OK : status;
}

/* Sizes of a lace but the last one's, which is what remains. Each moves *at forward. */
static KtStatus xiph_sizes(const uint8_t *data, size_t bytes, size_t *at, KtWebmParsedBlock *b)
{
    for (int i = 0; i < b->frames - 1; i++) {
        uint32_t size = 0;
        uint8_t part;
        do {
            if (*at >= bytes)
                return KT_ERR_FORMAT;
            part = data[(*at)++];
            size += part; /* cannot overflow: a block has at most 16 MiB */
        } while (part == 255);
        b->frame_bytes[i] = size;
    }
    return KT_OK;
}

static KtStatus ebml_sizes(const uint8_t *data, size_t bytes, size_t *at, KtWebmParsedBlock *b)
{
    int64_t size = 0;
    for (int i = 0; i < b->frames - 1; i++) {
        int64_t value;
        const int length = kt__ebml_number(data + *at, bytes - *at, &value);
        if (length <= 0 || value == KT__EBML_UNKNOWN)
            return KT_ERR_FORMAT;
        /* The first is a size, the others differences around the middle of their range. */
        size = i == 0 ? value : size + value - (((int64_t)1 << (7 * length - 1)) - 1);
        if (size < 0 || size > (int64_t)bytes)
            return KT_ERR_FORMAT;
        b->frame_bytes[i] = (uint32_t)size;
        *at += (size_t)length;
    }
    return KT_OK;
}

static KtStatus split_lace(const uint8_t *data, size_t bytes, int lacing, KtWebmParsedBlock *b)
{
    if (bytes == 0)
        return KT_ERR_FORMAT;
    b->frames = data[0] + 1;
    size_t at = 1;
    if (lacing == LACE_FIXED) {
        if ((bytes - 1) % (size_t)b->frames != 0)
            return KT_ERR_FORMAT;
        for (int i = 0; i < b->frames; i++)
            b->frame_bytes[i] = (uint32_t)((bytes - 1) / (size_t)b->frames);
    } else {
        const KtStatus status =
            lacing == LACE_XIPH ? xiph_sizes(data, bytes, &at, b) : ebml_sizes(data, bytes, &at, b);
        if (status != KT_OK)
            return status;
        size_t left = bytes - at;
        for (int i = 0; i < b->frames - 1; i++) {
            if (b->frame_bytes[i] > left)
                return KT_ERR_FORMAT;
            left -= b->frame_bytes[i];
        }
        b->frame_bytes[b->frames - 1] = (uint32_t)left;
    }
    b->data = data + at;
    return KT_OK;
}

KtStatus kt__webm_parse_block(const uint8_t *payload, size_t bytes, KtWebmParsedBlock *out)
{
    int64_t track;
    const int length = kt__ebml_number(payload, bytes, &track);
    if (length <= 0 || track == KT__EBML_UNKNOWN || track == 0 || bytes - (size_t)length < 3 ||
        bytes > UINT32_MAX)
        return KT_ERR_FORMAT;
    const uint8_t *p = payload + length;
    const size_t left = bytes - (size_t)length - 3;
    const int lacing = p[2] & LACE_EBML;
    const uint32_t relative = (uint32_t)p[0] << 8 | p[1];
    out->track = (uint64_t)track;
    out->relative = (int16_t)(relative < 0x8000 ? (int)relative : (int)relative - 0x10000);
    out->simple_keyframe = (p[2] & 0x80) != 0;
    if (lacing != LACE_NONE)
        return split_lace(p + 3, left, lacing, out);
    out->frames = 1;
    out->frame_bytes[0] = (uint32_t)left;
    out->data = p + 3;
    return KT_OK;
}

KtStatus kt__webm_parse_block_group(const uint8_t *payload, size_t bytes, KtWebmBlockGroup *out)
{
    KtEbmlCursor c = {payload, bytes};
    KtEbmlElement e;
    KtStatus status;
    *out = (KtWebmBlockGroup){.keyframe = 1};
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        if (e.id == KT__ID_BLOCK) {
            out->block = e.payload;
            out->block_bytes = (size_t)e.payload_bytes;
        } else if (e.id == KT__ID_REFERENCE_BLOCK) {
            out->keyframe = 0;
        } else if (e.id == KT__ID_DISCARD_PADDING &&
                   kt__ebml_signed(&e, &out->discard_padding_ns) != KT_OK) {
            return KT_ERR_FORMAT;
        }
    }
    if (status != KT_END)
        return status;
    return out->block ? KT_OK : KT_ERR_FORMAT;
}

KtStatus kt__webm_parse_cue_point(const uint8_t *payload, size_t bytes, KtWebmCuePoint *out)
{
    KtEbmlCursor c = {payload, bytes};
    KtEbmlElement e;
    KtStatus status;
    memset(out, 0, sizeof *out);
    while ((status = kt__ebml_child(&c, &e)) == KT_OK) {
        if (e.id == KT__ID_CUE_TIME && kt__ebml_unsigned(&e, &out->time) != KT_OK)
            return KT_ERR_FORMAT;
        if (e.id != KT__ID_CUE_TRACK_POSITIONS || out->track != 0)
            continue;
        KtEbmlCursor inner = {e.payload, (size_t)e.payload_bytes};
        while ((status = kt__ebml_child(&inner, &e)) == KT_OK) {
            if (e.id == KT__ID_CUE_TRACK && kt__ebml_unsigned(&e, &out->track) != KT_OK)
                return KT_ERR_FORMAT;
            if (e.id == KT__ID_CUE_CLUSTER_POSITION &&
                kt__ebml_unsigned(&e, &out->position) != KT_OK)
                return KT_ERR_FORMAT;
        }
        if (status != KT_END)
            return status;
    }
    return status == KT_END ? KT_OK : status;
}
