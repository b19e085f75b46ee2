/* The journal's reader: takes records in any order and finds the longest valid prefix. How the
 * files are put together from it is in journal_files.c. */
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"

KtStatus kt_journal_reader_create(const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES],
                                  KtJournalReader **out)
{
    if (!take_id || !out)
        return KT_ERR_ARG;
    KtJournalReader *r = calloc(1, sizeof *r);
    if (!r)
        return KT_ERR_MEMORY;
    memcpy(r->take_id, take_id, sizeof r->take_id);
    *out = r;
    return KT_OK;
}

void kt_journal_reader_destroy(KtJournalReader **reader)
{
    if (!reader || !*reader)
        return;
    KtJournalReader *r = *reader;
    for (size_t i = 0; i < r->count; i++)
        kt_timeline_destroy(&r->records[i].events);
    free(r->records);
    free(r->base_cues);
    kt_timeline_destroy(&r->base_timeline);
    kt_timeline_destroy(&r->timeline);
    kt__journal_parts_reset(&r->take);
    kt__journal_parts_reset(&r->local);
    free(r);
    *reader = NULL;
}

/* ---- adding ---- */

static KtStatus reserve_record(KtJournalReader *r)
{
    if (r->count < r->capacity)
        return KT_OK;
    if (r->count > UINT32_MAX / 2)
        return KT_ERR_LIMIT;
    const size_t capacity = r->capacity ? r->capacity * 2 : 64;
    KtJournalEntry *records = realloc(r->records, capacity * sizeof *records);
    if (!records)
        return KT_ERR_MEMORY;
    r->records = records;
    r->capacity = capacity;
    return KT_OK;
}

/* The newest checkpoint is kept: it knows all that those before it do. */
static KtStatus add_checkpoint(KtJournalReader *r, const KtJournalHead *head,
                               const uint8_t *payload)
{
    KtJournalState state;
    KtFileCue *cues = NULL;
    KtTimeline *timeline = NULL;
    const KtStatus status = kt__journal_read_checkpoint(head, payload, &state, &cues, &timeline);
    if (status != KT_OK)
        return status;
    const int counted = kt_timeline_count(timeline) == (int)head->first_event;
    if (!counted || (r->has_base && head->sequence <= r->base_sequence)) {
        free(cues);
        kt_timeline_destroy(&timeline);
        return counted ? KT_OK : KT_ERR_FORMAT;
    }
    free(r->base_cues);
    kt_timeline_destroy(&r->base_timeline);
    r->has_base = 1;
    r->base_sequence = head->sequence;
    r->base = state;
    r->base_cues = cues;
    r->base_timeline = timeline;
    memcpy(r->base_header, state.header, sizeof r->base_header);
    r->base.header = r->base_header;
    return KT_OK;
}

/* What of a payload is kept. */
static KtStatus add_payload(KtJournalReader *r, const KtJournalHead *head, const uint8_t *payload)
{
    if (head->kind == KT_JOURNAL_CHECKPOINT)
        return add_checkpoint(r, head, payload);
    if (head->kind != KT_JOURNAL_CHUNK ||
        (head->chunk != KT_CHUNK_HEADER && head->chunk != KT_CHUNK_PATCH))
        return KT_OK;
    if (!head->format->is_header(payload, head->payload_bytes))
        return KT_ERR_FORMAT;
    if (head->chunk == KT_CHUNK_HEADER && !r->has_header) {
        r->has_header = 1;
        r->part_bytes = head->start_us;
        memcpy(r->header, payload, sizeof r->header);
    } else if (head->chunk == KT_CHUNK_PATCH && !r->has_patch) {
        r->has_patch = 1;
        memcpy(r->patch, payload, sizeof r->patch);
    }
    return KT_OK;
}

KtStatus kt_journal_reader_add(KtJournalReader *r, const uint8_t *record, size_t bytes)
{
    KtJournalHead head;
    KtTimeline *events = NULL;
    if (!r || !record)
        return KT_ERR_ARG;
    if (r->sealed)
        return KT_ERR_STATE;
    KtStatus status = kt__journal_read_head(record, bytes, r->take_id, &head);
    if (status == KT_OK && r->format && r->format != head.format)
        status = KT_ERR_FORMAT;
    if (status == KT_OK)
        status = reserve_record(r);
    if (status == KT_OK && head.events_bytes > 0) {
        status = kt_timeline_parse((const char *)record + KT_JOURNAL_HEADER_BYTES,
                                   head.events_bytes, &events, NULL, 0);
        status = status == KT_OK || status == KT_ERR_MEMORY ? status : KT_ERR_FORMAT;
    }
    if (status == KT_OK)
        status = add_payload(r, &head, record + KT_JOURNAL_HEADER_BYTES + head.events_bytes);
    if (status != KT_OK) {
        kt_timeline_destroy(&events);
        return status;
    }
    r->records[r->count] =
        (KtJournalEntry){.head = head, .order = r->next_order++, .events = events};
    r->count++;
    r->format = head.format;
    return KT_OK;
}

/* ---- the prefix ---- */

static int by_sequence(const void *left, const void *right)
{
    const KtJournalEntry *a = left, *b = right;
    if (a->head.sequence != b->head.sequence)
        return a->head.sequence < b->head.sequence ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Sorts the records; of those with one sequence the first stays. */
static void sort_records(KtJournalReader *r)
{
    size_t kept = 0;
    if (r->count == 0)
        return;
    qsort(r->records, r->count, sizeof *r->records, by_sequence);
    for (size_t i = 1; i < r->count; i++) {
        if (r->records[i].head.sequence == r->records[kept].head.sequence)
            kt_timeline_destroy(&r->records[i].events);
        else
            r->records[++kept] = r->records[i];
    }
    r->count = kept + 1;
}

/* A sequence after the checkpoint is not here though a later one is. */
static int has_hole(const KtJournalReader *r)
{
    int64_t expected = r->has_base ? (int64_t)r->base_sequence + 1 : 0;
    for (size_t i = 0; i < r->count; i++) {
        const int64_t sequence = r->records[i].head.sequence;
        if (sequence < expected)
            continue;
        if (sequence > expected)
            return 1;
        expected++;
    }
    return 0;
}

/* Where the prefix ends: clusters one after the other from the checkpoint's first on. */
static void walk(KtJournalReader *r)
{
    KtJournalPrefix *p = &r->prefix;
    *p = (KtJournalPrefix){.start_bytes = KT_FILE_HEADER_BYTES};
    if (r->has_base) {
        p->start_bytes = r->base.trim_bytes;
        p->end_us = r->base.trim_us;
        p->clusters = r->base.trim_clusters;
    }
    p->end_bytes = p->start_bytes;
    for (size_t i = 0; i < r->count; i++) {
        const KtJournalHead *h = &r->records[i].head;
        if (!kt__journal_is_cluster(&r->records[i]) ||
            h->offset + h->payload_bytes <= p->start_bytes)
            continue;
        if (h->offset != p->end_bytes) {
            p->damaged = 1;
            break;
        }
        p->end_bytes += h->payload_bytes;
        if (h->start_us + h->duration_us > p->end_us)
            p->end_us = h->start_us + h->duration_us;
        p->clusters++;
    }
    if (r->has_base && p->end_bytes < r->base.end_bytes)
        p->damaged = 1;
    if (!r->has_header || has_hole(r))
        p->damaged = 1;
}

/* ---- the timeline ---- */

/* The first timeline to which later records add. */
static KtStatus begin_timeline(KtJournalReader *r)
{
    int64_t duration_us;
    int width, height;
    if (r->base_timeline) {
        r->events_known = kt_timeline_count(r->base_timeline);
        r->timeline = r->base_timeline;
        r->base_timeline = NULL;
        return KT_OK;
    }
    for (size_t i = 0; i < r->count; i++)
        if (r->records[i].events) {
            kt_timeline_canvas(r->records[i].events, &width, &height);
            return kt_timeline_create(width, height, &r->timeline);
        }
    KtStatus status = r->format->read_header(kt__journal_header(r), &duration_us, &width, &height);
    if (status != KT_OK)
        return status;
    return width > 0 && height > 0 && kt_timeline_create(width, height, &r->timeline) == KT_OK
               ? KT_OK
               : kt_timeline_create(1, 1, &r->timeline);
}

/* Adds a record's events. Those lost before it cost only themselves. */
static KtStatus add_events(KtJournalReader *r, KtJournalEntry *e)
{
    const int first = (int)e->head.first_event, more = kt_timeline_count(e->events);
    const int have = kt_timeline_count(r->timeline);
    int keep = have - (r->events_known - first);
    if (first > r->events_known) {
        r->events_lost = 1;
        keep = have;
    }
    const KtStatus status = kt_timeline_append(r->timeline, keep < 0 ? 0 : keep, e->events);
    if (status == KT_ERR_MEMORY)
        return status;
    if (status != KT_OK)
        r->events_lost = 1;
    r->events_known = first + more;
    return KT_OK;
}

/* Puts the whole timeline together; goes on where lack of memory ended it. */
static KtStatus build_timeline(KtJournalReader *r)
{
    if (!r->timeline) {
        const KtStatus status = begin_timeline(r);
        if (status != KT_OK)
            return status;
    }
    for (; r->events_done < r->count; r->events_done++) {
        KtJournalEntry *e = &r->records[r->events_done];
        if (!e->events || (r->has_base && e->head.sequence < r->base_sequence))
            continue;
        const KtStatus status = add_events(r, e);
        if (status != KT_OK)
            return status;
    }
    return KT_OK;
}

/* Cuts the timeline at the take's end and closes it by a stop event. duration_us 0: ends where the
 * clusters do, or where the take was stopped just before. Returns its end, or a failure. */
static int64_t close_timeline(KtJournalReader *r, int64_t duration_us)
{
    const KtTimeline *t = r->timeline;
    const int64_t end_us = duration_us > 0 ? duration_us : r->prefix.end_us;
    const KtStatus status = kt_timeline_close(r->timeline, end_us);
    if (status == KT_ERR_MEMORY)
        return status;
    KtTimelineItem last;
    const int found = kt_timeline_event(t, kt_timeline_count(t) - 1, &last) == KT_OK;
    return found && last.event == KT_TIMELINE_STOP ? last.take_us : end_us;
}

/* ---- finish ---- */

/* But for what only the writer knew. */
static int is_patch_of(const KtJournalReader *r)
{
    uint8_t whole[KT_FILE_HEADER_BYTES];
    memcpy(whole, r->take.header, sizeof whole);
    r->format->copy_stated(whole, r->patch);
    return memcmp(whole, r->patch, sizeof whole) == 0;
}

/* The files, once the timeline is whole. */
static KtStatus finish_files(KtJournalReader *r)
{
    int64_t patched_us = -1;
    int width, height, matches = 0;
    KtStatus status = kt__journal_build_take(r);
    if (status == KT_OK && r->has_patch) {
        status = r->format->read_header(r->patch, &patched_us, &width, &height);
        if (status == KT_OK)
            matches = kt__journal_seal_take(r, patched_us > 0 ? patched_us : 0) == KT_OK &&
                      is_patch_of(r);
    }
    if (status != KT_OK)
        return status;
    const int64_t end_us = close_timeline(r, matches && patched_us > 0 ? patched_us : 0);
    if (end_us < 0)
        return (KtStatus)end_us;
    r->take_finished = matches;
    r->duration_us = matches && patched_us > 0 ? patched_us : end_us;
    status = kt__journal_seal_take(r, r->duration_us);
    if (status == KT_OK)
        status = kt__journal_build_local(r);
    if (status == KT_OK && matches) {
        r->format->copy_stated(r->take.header, r->patch);
        if (r->local.clusters_end == r->take.clusters_end)
            r->format->copy_stated(r->local.header, r->patch);
    }
    return status;
}

KtStatus kt_journal_reader_finish(KtJournalReader *r, KtJournalTake *out)
{
    if (!r || !out)
        return KT_ERR_ARG;
    if (!r->finished) {
        sort_records(r);
        walk(r);
        if (!(r->has_header || r->has_base) || r->prefix.clusters == 0)
            return KT_ERR_NOT_FOUND;
        r->sealed = 1;
        KtStatus status = build_timeline(r);
        if (status == KT_OK)
            status = finish_files(r);
        if (status != KT_OK)
            return status;
        r->finished = 1;
    }
    *out = (KtJournalTake){
        .duration_us = r->duration_us,
        .file_bytes = r->prefix.end_bytes,
        .released_bytes = r->has_base ? r->base.released_bytes : 0,
        .part_bytes = r->has_base ? r->base.part_bytes : r->part_bytes,
        .local_bytes = r->local.clusters_end,
        .clusters = (int)r->prefix.clusters,
        .damaged = r->prefix.damaged || r->events_lost || !r->patchable,
        .finished = r->take_finished,
        .patchable = r->patchable,
    };
    return KT_OK;
}

const KtTimeline *kt_journal_reader_timeline(const KtJournalReader *r)
{
    return r && r->finished ? r->timeline : NULL;
}

static KtStatus show(const KtJournalReader *r, const KtJournalParts *parts, KtJournalFile *out)
{
    if (!r || !out)
        return KT_ERR_ARG;
    if (!r->finished)
        return KT_ERR_STATE;
    *out = (KtJournalFile){
        .header = parts->header,
        .cues = parts->cues,
        .cues_bytes = parts->cues_bytes,
        .pieces = parts->pieces,
        .piece_count = parts->piece_count,
        .clusters_end = parts->clusters_end,
        .duration_us = parts->duration_us,
        .gaps = parts->gaps,
        .gap_count = parts->gap_count,
    };
    return KT_OK;
}

KtStatus kt_journal_reader_take(const KtJournalReader *r, KtJournalFile *out)
{
    return show(r, r ? &r->take : NULL, out);
}

KtStatus kt_journal_reader_local(const KtJournalReader *r, KtJournalFile *out)
{
    return show(r, r ? &r->local : NULL, out);
}
