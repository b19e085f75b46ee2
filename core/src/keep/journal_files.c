/* The two files that a journal's reader describes: the take, and what of it is here. */
#include <stdlib.h>
#include <string.h>

#include "journal_reader.h"

void kt__journal_parts_reset(KtJournalParts *parts)
{
    free(parts->cues);
    free(parts->pieces);
    free(parts->gaps);
    memset(parts, 0, sizeof *parts);
}

/* Empties parts and makes room for a piece and a gap a record. */
static KtStatus begin_parts(const KtJournalReader *r, KtJournalParts *parts)
{
    kt__journal_parts_reset(parts);
    memcpy(parts->header, kt__journal_header(r), sizeof parts->header);
    parts->pieces = malloc((r->count + 1) * sizeof *parts->pieces);
    parts->gaps = malloc((r->count + 1) * sizeof *parts->gaps);
    return parts->pieces && parts->gaps ? KT_OK : KT_ERR_MEMORY;
}

static void add_piece(KtJournalParts *parts, const KtJournalHead *h, int64_t file_offset)
{
    parts->pieces[parts->piece_count++] =
        (KtJournalPiece){.sequence = h->sequence,
                         .record_offset = KT_JOURNAL_HEADER_BYTES + h->events_bytes,
                         .file_offset = file_offset,
                         .bytes = h->payload_bytes};
}

static KtStatus write_cues(const KtFileFormat *format, KtJournalParts *parts, const KtFileCue *cues,
                           size_t count)
{
    if (count == 0)
        return KT_OK;
    const int64_t bytes = format->index_bytes(cues, count);
    if (bytes <= 0)
        return KT_ERR_FORMAT;
    parts->cues = malloc((size_t)bytes);
    if (!parts->cues)
        return KT_ERR_MEMORY;
    parts->cues_bytes = (size_t)bytes;
    return format->write_index(cues, count, parts->cues, parts->cues_bytes) == bytes
               ? KT_OK
               : KT_ERR_FORMAT;
}

static KtStatus seal(const KtFileFormat *format, KtJournalParts *parts, int64_t duration_us)
{
    const int64_t end = parts->clusters_end;
    parts->duration_us = duration_us;
    return format->patch_header(parts->header, duration_us, parts->cues_bytes > 0 ? end : -1,
                                end + (int64_t)parts->cues_bytes);
}

/* Room for the cue points of the checkpoint and one a record, the checkpoint's filled in. */
static KtFileCue *begin_cues(const KtJournalReader *r, size_t *count)
{
    const size_t known = r->has_base ? r->base.cue_count : 0;
    KtFileCue *cues = malloc((known + r->count + 1) * sizeof *cues);
    if (cues && known > 0)
        memcpy(cues, r->base_cues, known * sizeof *cues);
    *count = known;
    return cues;
}

/* Whether the clusters that are here fill the file from its header to the end of part 1. */
static int part1_is_here(const KtJournalReader *r)
{
    int64_t end = KT_FILE_HEADER_BYTES;
    int64_t part1 = r->has_base ? r->base.part_bytes : r->part_bytes;
    part1 = part1 < r->prefix.end_bytes ? part1 : r->prefix.end_bytes;
    for (size_t i = 0; i < r->take.piece_count && r->take.pieces[i].file_offset == end; i++)
        end += r->take.pieces[i].bytes;
    return end >= part1;
}

KtStatus kt__journal_build_take(KtJournalReader *r)
{
    KtJournalParts *take = &r->take;
    int64_t end = KT_FILE_HEADER_BYTES;
    size_t cue_count;
    KtStatus status = begin_parts(r, take);
    KtFileCue *cues = status == KT_OK ? begin_cues(r, &cue_count) : NULL;
    if (!cues)
        return KT_ERR_MEMORY;
    for (size_t i = 0; i < r->count; i++) {
        const KtJournalHead *h = &r->records[i].head;
        if (!kt__journal_is_cluster(&r->records[i]) || h->offset < end ||
            h->offset + h->payload_bytes > r->prefix.end_bytes)
            continue;
        end = h->offset + h->payload_bytes;
        add_piece(take, h, h->offset);
        if (h->keyframe && h->offset >= r->prefix.start_bytes)
            cues[cue_count++] = (KtFileCue){h->start_us, h->offset};
    }
    take->clusters_end = r->prefix.end_bytes;
    status = write_cues(r->format, take, cues, cue_count);
    free(cues);
    r->patchable = part1_is_here(r);
    return status;
}

KtStatus kt__journal_seal_take(KtJournalReader *r, int64_t duration_us)
{
    return seal(r->format, &r->take, duration_us);
}

static void add_gap(KtJournalParts *parts, int64_t from_us, int64_t to_us)
{
    if (to_us > from_us)
        parts->gaps[parts->gap_count++] = (KtJournalGap){from_us, to_us};
}

KtStatus kt__journal_build_local(KtJournalReader *r)
{
    KtJournalParts *local = &r->local;
    int64_t known_end = r->prefix.end_bytes, known_us = r->duration_us; /* what the take has had */
    int64_t end = KT_FILE_HEADER_BYTES, end_us = 0; /* of the clusters so far, in the take */
    int64_t at = KT_FILE_HEADER_BYTES;              /* in this file */
    size_t cue_count;
    if (begin_parts(r, local) != KT_OK)
        return KT_ERR_MEMORY;
    KtFileCue *cues = begin_cues(r, &cue_count);
    if (!cues)
        return KT_ERR_MEMORY;
    cue_count = 0;
    for (size_t i = 0; i < r->count; i++) {
        const KtJournalHead *h = &r->records[i].head;
        if (!kt__journal_is_cluster(&r->records[i]) || h->offset < end ||
            (h->offset > end && !h->keyframe))
            continue;
        if (h->offset > end)
            add_gap(local, end_us, h->start_us);
        if (h->keyframe)
            cues[cue_count++] = (KtFileCue){h->start_us, at};
        add_piece(local, h, at);
        at += h->payload_bytes;
        end = h->offset + h->payload_bytes;
        if (h->start_us + h->duration_us > end_us)
            end_us = h->start_us + h->duration_us;
    }
    if (r->has_base && r->base.end_bytes > known_end) {
        known_end = r->base.end_bytes;
        known_us = r->base.end_us > known_us ? r->base.end_us : known_us;
    }
    if (end < known_end)
        add_gap(local, end_us, known_us);
    local->clusters_end = at;
    const KtStatus status = write_cues(r->format, local, cues, cue_count);
    free(cues);
    return status == KT_OK
               ? seal(r->format, local, end == r->prefix.end_bytes ? r->duration_us : end_us)
               : status;
}
