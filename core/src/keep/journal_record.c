/* The bytes of a journal's records. What they mean is in journal.h and journal_internal.h. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "journal_internal.h"

#define MAGIC UINT32_C(0x524A544B) /* "KTJR" */
#define VERSION_WEBM 1
#define VERSION_CONTAINER 2 /* byte 7 says which: another than WebM */
#define CRC_AT 60
#define FLAG_KEYFRAME 4u
#define FLAGS_KNOWN 7u
#define MAX_VARINT_BYTES 10

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static void put64(uint8_t *p, int64_t value)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)((uint64_t)value >> (8 * i));
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int64_t get64(const uint8_t *p)
{
    return (int64_t)((uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32);
}

static int is_value(int64_t value)
{
    return value >= 0 && value <= KT__JOURNAL_MAX_VALUE;
}

/* ---- records ---- */

_Static_assert(CRC_AT + 4 == KT_JOURNAL_HEADER_BYTES, "the CRC is the header's last field");
_Static_assert(28 - 12 == KT_JOURNAL_TAKE_ID_BYTES, "the take id lies between bytes 12 and 28");

static uint32_t record_crc(const uint8_t *record, size_t bytes)
{
    uLong crc = crc32(0L, record, CRC_AT);
    return (uint32_t)crc32(crc, record + KT_JOURNAL_HEADER_BYTES,
                           (uInt)(bytes - KT_JOURNAL_HEADER_BYTES));
}

void kt__journal_write_head(uint8_t *record, const KtJournalHead *head,
                            const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES])
{
    put32(record, MAGIC);
    const KtContainer container = head->format->container;
    record[4] = container == KT_CONTAINER_WEBM ? VERSION_WEBM : VERSION_CONTAINER;
    record[5] = (uint8_t)head->kind;
    record[6] = (uint8_t)((unsigned)head->chunk | (head->keyframe ? FLAG_KEYFRAME : 0));
    record[7] = (uint8_t)container;
    put32(record + 8, head->sequence);
    memcpy(record + 12, take_id, KT_JOURNAL_TAKE_ID_BYTES);
    put32(record + 28, head->first_event);
    put64(record + 32, head->offset);
    put64(record + 40, head->start_us);
    put32(record + 48, head->duration_us);
    put32(record + 52, head->events_bytes);
    put32(record + 56, head->payload_bytes);
    put32(record + CRC_AT, record_crc(record, (size_t)KT_JOURNAL_HEADER_BYTES + head->events_bytes +
                                                  head->payload_bytes));
}

/* The container of a record that says which in the way of its version; NULL: none that is known. */
static const KtFileFormat *format_of(const uint8_t *record)
{
    if (record[4] == VERSION_WEBM && record[7] == 0)
        return kt_file_format(KT_CONTAINER_WEBM);
    return record[4] == VERSION_CONTAINER && record[7] != KT_CONTAINER_WEBM
               ? kt_file_format(record[7])
               : NULL;
}

/* What the fields must be for the record's kind. */
static int head_is_valid(const KtJournalHead *h)
{
    if (!is_value(h->offset) || !is_value(h->start_us) || h->first_event > KT_TIMELINE_MAX_EVENTS)
        return 0;
    if (h->kind != KT_JOURNAL_CHUNK)
        return h->chunk == KT_CHUNK_HEADER && !h->keyframe && h->offset == 0 && h->start_us == 0 &&
               h->duration_us == 0 &&
               (h->kind == KT_JOURNAL_EVENTS ? h->events_bytes > 0 && h->payload_bytes == 0
                                             : h->events_bytes == 0 && h->payload_bytes > 0);
    if (h->payload_bytes == 0 || (h->chunk != KT_CHUNK_CLUSTER && h->keyframe))
        return 0;
    switch (h->chunk) {
    case KT_CHUNK_HEADER:
        return h->offset == 0 && h->start_us > 0 && h->duration_us == 0;
    case KT_CHUNK_PATCH:
        return h->offset == 0 && h->start_us == 0 && h->duration_us == 0;
    case KT_CHUNK_INDEX:
        return h->offset >= KT_FILE_HEADER_BYTES && h->start_us == 0 && h->duration_us == 0;
    case KT_CHUNK_CLUSTER:
        break;
    }
    return h->offset >= KT_FILE_HEADER_BYTES;
}

KtStatus kt__journal_read_head(const uint8_t *record, size_t bytes,
                               const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES], KtJournalHead *out)
{
    KtJournalHead h;
    if (bytes < KT_JOURNAL_HEADER_BYTES || bytes > KT_JOURNAL_MAX_RECORD_BYTES ||
        get32(record) != MAGIC || (record[6] & ~FLAGS_KNOWN) != 0 || record[5] < KT_JOURNAL_CHUNK ||
        record[5] > KT_JOURNAL_CHECKPOINT ||
        memcmp(record + 12, take_id, KT_JOURNAL_TAKE_ID_BYTES) != 0)
        return KT_ERR_FORMAT;
    h.format = format_of(record);
    h.kind = (KtJournalKind)record[5];
    h.chunk = (KtChunkKind)(record[6] & 3);
    h.keyframe = (record[6] & FLAG_KEYFRAME) != 0;
    h.sequence = get32(record + 8);
    h.first_event = get32(record + 28);
    h.offset = get64(record + 32);
    h.start_us = get64(record + 40);
    h.duration_us = get32(record + 48);
    h.events_bytes = get32(record + 52);
    h.payload_bytes = get32(record + 56);
    if (!h.format ||
        (uint64_t)h.events_bytes + h.payload_bytes + KT_JOURNAL_HEADER_BYTES != bytes ||
        get32(record + CRC_AT) != record_crc(record, bytes) || !head_is_valid(&h))
        return KT_ERR_FORMAT;
    *out = h;
    return KT_OK;
}

/* ---- checkpoints ---- */

void kt__journal_write_state(uint8_t *payload, const KtJournalState *s, uint32_t cues_bytes)
{
    put64(payload, s->released_bytes);
    put64(payload + 8, s->part_bytes);
    put64(payload + 16, s->trim_bytes);
    put64(payload + 24, s->trim_us);
    put64(payload + 32, s->end_bytes);
    put64(payload + 40, s->end_us);
    put32(payload + 48, s->trim_clusters);
    put32(payload + 52, s->clusters);
    put32(payload + 56, s->cue_count);
    put32(payload + 60, cues_bytes);
    memcpy(payload + 64, s->header, KT_FILE_HEADER_BYTES);
}

static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t bytes = 0;
    while (value >= 0x80) {
        out[bytes++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[bytes++] = (uint8_t)value;
    return bytes;
}

size_t kt__journal_write_cue(uint8_t *out, const KtFileCue *before, const KtFileCue *cue)
{
    _Static_assert(2 * MAX_VARINT_BYTES <= KT__JOURNAL_MAX_CUE_BYTES, "two numbers a cue point");
    const int64_t time_us = before ? before->time_us : 0;
    const int64_t offset = before ? before->cluster_offset : 0;
    size_t bytes = put_varint(out, (uint64_t)(cue->time_us - time_us));
    return bytes + put_varint(out + bytes, (uint64_t)(cue->cluster_offset - offset));
}

/* Adds a LEB128 number to *value, which stays in its range. Returns 0 where there is none. */
static int get_varint(const uint8_t **at, const uint8_t *end, int64_t *value)
{
    uint64_t sum = 0;
    for (int shift = 0; *at < end && shift < 56; shift += 7) {
        const uint8_t byte = *(*at)++;
        sum |= (uint64_t)(byte & 0x7F) << shift;
        if (byte & 0x80)
            continue;
        if (sum > (uint64_t)(KT__JOURNAL_MAX_VALUE - *value))
            return 0;
        *value += (int64_t)sum;
        return 1;
    }
    return 0;
}

static KtStatus read_cues(const uint8_t *data, size_t bytes, const KtJournalState *s,
                          KtFileCue **out)
{
    const uint8_t *end = data + bytes;
    KtFileCue cue = {0, 0};
    /* A cue point has two bytes at least. */
    if (s->cue_count > KT__JOURNAL_MAX_CUES || s->cue_count > bytes / 2)
        return s->cue_count == 0 && bytes == 0 ? KT_OK : KT_ERR_FORMAT;
    KtFileCue *cues = s->cue_count > 0 ? malloc(s->cue_count * sizeof *cues) : NULL;
    if (s->cue_count > 0 && !cues)
        return KT_ERR_MEMORY;
    for (uint32_t i = 0; i < s->cue_count; i++) {
        const int64_t last = cue.cluster_offset;
        if (!get_varint(&data, end, &cue.time_us) || !get_varint(&data, end, &cue.cluster_offset) ||
            cue.cluster_offset <= last || cue.cluster_offset < KT_FILE_HEADER_BYTES ||
            cue.cluster_offset >= s->trim_bytes)
            goto fail;
        cues[i] = cue;
    }
    if (data != end)
        goto fail;
    *out = cues;
    return KT_OK;
fail:
    free(cues);
    return KT_ERR_FORMAT;
}

static KtStatus read_timeline(const uint8_t *data, size_t bytes, KtTimeline **out)
{
    char *json = NULL;
    size_t json_bytes = 0;
    KtStatus status = kt_timeline_decompress(data, bytes, &json, &json_bytes);
    if (status == KT_OK)
        status = kt_timeline_parse(json, json_bytes, out, NULL, 0);
    kt_text_free(json);
    return status == KT_OK || status == KT_ERR_MEMORY ? status : KT_ERR_FORMAT;
}

static int state_is_valid(const KtJournalHead *head, const KtJournalState *s)
{
    if (!is_value(s->released_bytes) || !is_value(s->part_bytes) || !is_value(s->trim_bytes) ||
        !is_value(s->trim_us) || !is_value(s->end_bytes) || !is_value(s->end_us))
        return 0;
    return s->part_bytes > 0 && s->trim_bytes >= KT_FILE_HEADER_BYTES &&
           s->trim_bytes <= s->end_bytes && s->trim_us <= s->end_us &&
           s->trim_clusters <= s->clusters && s->clusters <= INT32_MAX &&
           (s->trim_clusters > 0) == (s->trim_bytes > KT_FILE_HEADER_BYTES) &&
           (s->trim_bytes == KT_FILE_HEADER_BYTES || s->trim_bytes <= s->released_bytes) &&
           head->format->is_header(s->header, KT_FILE_HEADER_BYTES);
}

KtStatus kt__journal_read_checkpoint(const KtJournalHead *head, const uint8_t *payload,
                                     KtJournalState *state, KtFileCue **cues, KtTimeline **timeline)
{
    KtJournalState s;
    KtFileCue *list = NULL;
    const size_t bytes = head->payload_bytes;
    if (bytes < KT__JOURNAL_STATE_BYTES)
        return KT_ERR_FORMAT;
    const size_t cues_bytes = get32(payload + 60), left = bytes - KT__JOURNAL_STATE_BYTES;
    s.released_bytes = get64(payload);
    s.part_bytes = get64(payload + 8);
    s.trim_bytes = get64(payload + 16);
    s.trim_us = get64(payload + 24);
    s.end_bytes = get64(payload + 32);
    s.end_us = get64(payload + 40);
    s.trim_clusters = get32(payload + 48);
    s.clusters = get32(payload + 52);
    s.cue_count = get32(payload + 56);
    s.header = payload + 64;
    if (cues_bytes > left || !state_is_valid(head, &s))
        return KT_ERR_FORMAT;
    const uint8_t *rest = payload + KT__JOURNAL_STATE_BYTES;
    KtStatus status = read_cues(rest, cues_bytes, &s, &list);
    if (status == KT_OK)
        status = read_timeline(rest + cues_bytes, left - cues_bytes, timeline);
    if (status != KT_OK) {
        free(list);
        return status;
    }
    *state = s;
    *cues = list;
    return KT_OK;
}
