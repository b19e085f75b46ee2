/* The journal's writer: chunks and events become records, released bytes a checkpoint. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "journal_internal.h"

#define NO_SEQUENCE UINT32_MAX

/* Clusters from one with a cue point up to the next: what is dropped is dropped whole, so what
 * stays begins with a keyframe. */
typedef struct Group {
    KtFileCue cue;
    int64_t end_us;    /* greatest of all clusters before it */
    uint32_t sequence; /* of its first record */
    uint32_t clusters; /* before it */
} Group;

typedef enum Stage { EMPTY = 0, CLUSTERS = 1, CUES = 2, PATCHED = 3 } Stage;

struct KtJournal {
    /* Fixed at creation. */
    KtJournalConfig config;
    const KtFileFormat *format;

    /* Changes while running. */
    Stage stage;
    uint8_t header[KT_FILE_HEADER_BYTES];
    uint32_t next_sequence;
    uint32_t part1_end;        /* first sequence that may be dropped; NO_SEQUENCE: none yet */
    int64_t file_bytes;        /* of all chunks so far */
    int64_t end_bytes, end_us; /* of all clusters so far */
    uint32_t clusters;
    Group *groups;
    size_t group_count, group_capacity;
    int64_t released_bytes;
    uint32_t covered;        /* the newest checkpoint needs no cluster before this sequence */
    uint32_t checkpoints[2]; /* sequences, the newest first; NO_SEQUENCE */
    int events;              /* so many are in records other than checkpoints */
    uint32_t last_event_crc; /* of the data of the last of them, which may be replaced */
    uint8_t *buffer;
    size_t capacity;
};

KtStatus kt_journal_create(const KtJournalConfig *config, KtJournal **out)
{
    if (!config || !out || config->part_bytes <= 0 || config->part_bytes > KT__JOURNAL_MAX_VALUE ||
        !kt_file_format((int)config->container))
        return KT_ERR_ARG;
    KtJournal *j = calloc(1, sizeof *j);
    if (!j)
        return KT_ERR_MEMORY;
    j->config = *config;
    j->format = kt_file_format((int)config->container);
    j->part1_end = NO_SEQUENCE;
    j->checkpoints[0] = j->checkpoints[1] = NO_SEQUENCE;
    *out = j;
    return KT_OK;
}

void kt_journal_destroy(KtJournal **journal)
{
    if (!journal || !*journal)
        return;
    free((*journal)->groups);
    free((*journal)->buffer);
    free(*journal);
    *journal = NULL;
}

/* ---- what a record is made of ---- */

static KtStatus reserve(KtJournal *j, size_t bytes)
{
    if (bytes > KT_JOURNAL_MAX_RECORD_BYTES || j->next_sequence == NO_SEQUENCE)
        return KT_ERR_LIMIT;
    if (bytes <= j->capacity)
        return KT_OK;
    size_t capacity = j->capacity ? j->capacity : 65536;
    while (capacity < bytes)
        capacity *= 2;
    uint8_t *buffer = realloc(j->buffer, capacity);
    if (!buffer)
        return KT_ERR_MEMORY;
    j->buffer = buffer;
    j->capacity = capacity;
    return KT_OK;
}

static KtStatus reserve_group(KtJournal *j)
{
    if (j->group_count < j->group_capacity)
        return KT_OK;
    if (j->group_count >= KT__JOURNAL_MAX_CUES)
        return KT_ERR_LIMIT;
    const size_t capacity = j->group_capacity ? j->group_capacity * 2 : 64;
    Group *groups = realloc(j->groups, capacity * sizeof *groups);
    if (!groups)
        return KT_ERR_MEMORY;
    j->groups = groups;
    j->group_capacity = capacity;
    return KT_OK;
}

static uint32_t event_crc(const KtTimeline *t, int index)
{
    KtTimelineItem item = {0};
    kt_timeline_event(t, index, &item);
    const uLong crc = crc32(0L, Z_NULL, 0);
    return (uint32_t)(item.data ? crc32(crc, (const Bytef *)item.data, (uInt)item.data_bytes)
                                : crc);
}

/* Index of the first event that no record has as it is now: a composition may have taken the place
 * of the last one that was written. */
static int first_new_event(const KtJournal *j, const KtTimeline *t)
{
    if (kt_timeline_count(t) < j->events)
        return 0;
    if (j->events > 0 && event_crc(t, j->events - 1) != j->last_event_crc)
        return j->events - 1;
    return j->events;
}

/* New events as JSON, kt_text_free; *text NULL where there are none. */
static KtStatus new_events(const KtJournal *j, const KtTimeline *t, int *first, char **text,
                           size_t *bytes)
{
    *first = first_new_event(j, t);
    *text = NULL;
    *bytes = 0;
    return *first < kt_timeline_count(t) ? kt_timeline_json_from(t, *first, text, bytes) : KT_OK;
}

static void events_written(KtJournal *j, const KtTimeline *t)
{
    j->events = kt_timeline_count(t);
    if (j->events > 0)
        j->last_event_crc = event_crc(t, j->events - 1);
}

/* The record in the buffer is complete but for its first bytes. */
static void seal(KtJournal *j, KtJournalHead *head, KtJournalRecord *out)
{
    head->format = j->format;
    head->sequence = j->next_sequence++;
    kt__journal_write_head(j->buffer, head, j->config.take_id);
    out->sequence = head->sequence;
    out->data = j->buffer;
    out->payload_offset = (size_t)KT_JOURNAL_HEADER_BYTES + head->events_bytes;
    out->payload_bytes = head->payload_bytes;
    out->bytes = out->payload_offset + out->payload_bytes;
}

/* Makes the record of head with the new events and the payload. */
static KtStatus write_record(KtJournal *j, KtJournalHead *head, const KtTimeline *t,
                             const uint8_t *payload, size_t payload_bytes, KtJournalRecord *out)
{
    char *text;
    size_t events_bytes;
    int first;
    KtStatus status = new_events(j, t, &first, &text, &events_bytes);
    if (status != KT_OK)
        return status;
    if (head->kind == KT_JOURNAL_EVENTS && !text)
        return KT_AGAIN;
    if (payload_bytes > KT_JOURNAL_MAX_RECORD_BYTES)
        status = KT_ERR_LIMIT;
    if (status == KT_OK)
        status = reserve(j, KT_JOURNAL_HEADER_BYTES + events_bytes + payload_bytes);
    if (status == KT_OK) {
        head->first_event = (uint32_t)first;
        head->events_bytes = (uint32_t)events_bytes;
        head->payload_bytes = (uint32_t)payload_bytes;
        if (text)
            memcpy(j->buffer + KT_JOURNAL_HEADER_BYTES, text, events_bytes);
        if (payload)
            memcpy(j->buffer + KT_JOURNAL_HEADER_BYTES + events_bytes, payload, payload_bytes);
        seal(j, head, out);
        events_written(j, t);
    }
    kt_text_free(text);
    return status;
}

/* ---- chunks ---- */

static KtStatus check_chunk(const KtJournal *j, const KtChunk *c)
{
    if (!c->data || c->bytes == 0)
        return KT_ERR_ARG;
    switch (c->kind) {
    case KT_CHUNK_HEADER:
        if (j->stage != EMPTY)
            return KT_ERR_ORDER;
        return c->offset == 0 && j->format->is_header(c->data, c->bytes) ? KT_OK : KT_ERR_ARG;
    case KT_CHUNK_CLUSTER:
        if (c->start_us < 0 || c->end_us < c->start_us || c->end_us > KT__JOURNAL_MAX_VALUE ||
            c->end_us - c->start_us > (int64_t)UINT32_MAX)
            return KT_ERR_ARG;
        return j->stage == CLUSTERS && c->offset == j->file_bytes ? KT_OK : KT_ERR_ORDER;
    case KT_CHUNK_INDEX:
        return j->stage == CLUSTERS && c->offset == j->file_bytes ? KT_OK : KT_ERR_ORDER;
    case KT_CHUNK_PATCH:
        if (j->stage != CLUSTERS && j->stage != CUES)
            return KT_ERR_ORDER;
        return c->offset == 0 && j->format->is_header(c->data, c->bytes) ? KT_OK : KT_ERR_ARG;
    }
    return KT_ERR_ARG;
}

/* A cluster was written under sequence. Room for its group was made. */
static void add_cluster(KtJournal *j, const KtChunk *c, uint32_t sequence)
{
    if (c->keyframe) {
        assert(j->group_count < j->group_capacity);
        j->groups[j->group_count++] = (Group){.cue = {c->start_us, c->offset},
                                              .end_us = j->end_us,
                                              .sequence = sequence,
                                              .clusters = j->clusters};
    }
    if (j->part1_end == NO_SEQUENCE && c->offset >= j->config.part_bytes)
        j->part1_end = sequence;
    j->clusters++;
    j->file_bytes += (int64_t)c->bytes;
    j->end_bytes = j->file_bytes;
    if (c->end_us > j->end_us)
        j->end_us = c->end_us;
}

KtStatus kt_journal_chunk(KtJournal *j, const KtChunk *chunk, const KtTimeline *timeline,
                          KtJournalRecord *out)
{
    if (!j || !chunk || !timeline || !out)
        return KT_ERR_ARG;
    KtStatus status = check_chunk(j, chunk);
    if (status == KT_OK && chunk->kind == KT_CHUNK_CLUSTER && chunk->keyframe)
        status = reserve_group(j);
    if (status != KT_OK)
        return status;
    KtJournalHead head = {.kind = KT_JOURNAL_CHUNK, .chunk = chunk->kind, .offset = chunk->offset};
    if (chunk->kind == KT_CHUNK_HEADER)
        head.start_us = j->config.part_bytes;
    if (chunk->kind == KT_CHUNK_CLUSTER) {
        head.keyframe = chunk->keyframe;
        head.start_us = chunk->start_us;
        head.duration_us = (uint32_t)(chunk->end_us - chunk->start_us);
    }
    status = write_record(j, &head, timeline, chunk->data, chunk->bytes, out);
    if (status != KT_OK)
        return status;
    switch (chunk->kind) {
    case KT_CHUNK_HEADER:
        memcpy(j->header, chunk->data, sizeof j->header);
        j->file_bytes = j->end_bytes = KT_FILE_HEADER_BYTES;
        j->stage = CLUSTERS;
        break;
    case KT_CHUNK_CLUSTER:
        add_cluster(j, chunk, out->sequence);
        break;
    case KT_CHUNK_INDEX:
        j->file_bytes += (int64_t)chunk->bytes;
        j->stage = CUES;
        break;
    case KT_CHUNK_PATCH:
        j->stage = PATCHED;
        break;
    }
    return KT_OK;
}

KtStatus kt_journal_events(KtJournal *j, const KtTimeline *timeline, KtJournalRecord *out)
{
    KtJournalHead head = {.kind = KT_JOURNAL_EVENTS};
    if (!j || !timeline || !out)
        return KT_ERR_ARG;
    return write_record(j, &head, timeline, NULL, 0, out);
}

/* ---- checkpoints ---- */

/* Index of the last group that begins at or before released_bytes, so that everything before it
 * ends there; group_count where there is none. */
static size_t group_at(const KtJournal *j, int64_t released_bytes)
{
    size_t low = 0, high = j->group_count; /* groups[low - 1] begins in time, groups[high] not */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (j->groups[middle].cue.cluster_offset <= released_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : j->group_count;
}

/* Writes the checkpoint that needs no cluster before group g; NULL: needs all. */
static KtStatus write_checkpoint(KtJournal *j, const Group *g, int64_t released_bytes,
                                 const KtTimeline *t, KtJournalRecord *out)
{
    const size_t cue_count = g ? (size_t)(g - j->groups) : 0;
    const KtJournalState state = {
        .released_bytes = released_bytes,
        .part_bytes = j->config.part_bytes,
        .trim_bytes = g ? g->cue.cluster_offset : KT_FILE_HEADER_BYTES,
        .trim_us = g ? g->end_us : 0,
        .end_bytes = j->end_bytes,
        .end_us = j->end_us,
        .trim_clusters = g ? g->clusters : 0,
        .clusters = j->clusters,
        .header = j->header,
        .cue_count = (uint32_t)cue_count,
    };
    uint8_t *packed = NULL;
    size_t packed_bytes = 0, cues_bytes = 0;
    KtStatus status = kt_timeline_pack(t, &packed, &packed_bytes);
    if (status == KT_OK)
        status = reserve(j, KT_JOURNAL_HEADER_BYTES + KT__JOURNAL_STATE_BYTES +
                                cue_count * KT__JOURNAL_MAX_CUE_BYTES + packed_bytes);
    if (status == KT_OK) {
        uint8_t *payload = j->buffer + KT_JOURNAL_HEADER_BYTES;
        uint8_t *rest = payload + KT__JOURNAL_STATE_BYTES;
        for (size_t i = 0; i < cue_count; i++)
            cues_bytes += kt__journal_write_cue(
                rest + cues_bytes, i > 0 ? &j->groups[i - 1].cue : NULL, &j->groups[i].cue);
        kt__journal_write_state(payload, &state, (uint32_t)cues_bytes);
        memcpy(rest + cues_bytes, packed, packed_bytes);
        KtJournalHead head = {.kind = KT_JOURNAL_CHECKPOINT,
                              .first_event = (uint32_t)kt_timeline_count(t)};
        head.payload_bytes = (uint32_t)(KT__JOURNAL_STATE_BYTES + cues_bytes + packed_bytes);
        seal(j, &head, out);
    }
    kt_text_free(packed);
    return status;
}

static void drop(KtJournalCheckpoint *c, uint32_t from, uint32_t to)
{
    if (from < to)
        c->drops[c->drop_count++] = (KtJournalSpan){from, to};
}

KtStatus kt_journal_checkpoint(KtJournal *j, int64_t released_bytes, const KtTimeline *timeline,
                               KtJournalCheckpoint *out)
{
    if (!j || !timeline || !out || released_bytes < 0 || released_bytes > KT__JOURNAL_MAX_VALUE)
        return KT_ERR_ARG;
    if (j->stage == EMPTY)
        return KT_ERR_STATE;
    if (released_bytes < j->released_bytes)
        released_bytes = j->released_bytes;
    if (released_bytes > j->file_bytes)
        return KT_ERR_ARG;
    const size_t index = group_at(j, released_bytes);
    const Group *g = index < j->group_count ? &j->groups[index] : NULL;
    KtJournalCheckpoint c = {.drop_count = 0};
    const KtStatus status = write_checkpoint(j, g, released_bytes, timeline, &c.record);
    if (status != KT_OK)
        return status;
    /* What the checkpoint before covers goes, and the one before that. */
    const uint32_t keep_from = j->config.keep_all ? 0 : j->covered;
    drop(&c, j->part1_end, keep_from);
    if (j->checkpoints[1] != NO_SEQUENCE &&
        (j->checkpoints[1] >= keep_from || j->checkpoints[1] < j->part1_end))
        drop(&c, j->checkpoints[1], j->checkpoints[1] + 1);
    j->released_bytes = released_bytes;
    j->covered = g ? g->sequence : 0;
    j->checkpoints[1] = j->checkpoints[0];
    j->checkpoints[0] = c.record.sequence;
    *out = c;
    return KT_OK;
}
