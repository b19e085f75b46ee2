/* The journal's part of the flat face (bindings.c): what is borrowed there is copied by JavaScript
 * before its next call. */
#include <stdint.h>
#include <stdlib.h>

#include "contract.h"
#include "exports.h"
#include "keeptake/journal.h"
#include "keeptake/recorder.h"
#include "keeptake/scene.h"

static double *put_record(double *out, const KtJournalRecord *record)
{
    *out++ = record->sequence;
    *out++ = (double)(intptr_t)record->data;
    *out++ = (double)record->bytes;
    return out;
}

/* ---- writer
 * -------------------------------------------------------------------------------------- */

/* take_id: KT_JOURNAL_TAKE_ID_BYTES. Pointer to the new journal, or a negative status. */
EXPORT int ktw_journal_create(const uint8_t *take_id, double part_bytes, int keep_all)
{
    KtJournalConfig config = {.part_bytes = (int64_t)part_bytes, .keep_all = keep_all};
    KtJournal *journal = NULL;
    for (int i = 0; i < KT_JOURNAL_TAKE_ID_BYTES; i++)
        config.take_id[i] = take_id[i];
    KtStatus status = kt_journal_create(&config, &journal);
    return status == KT_OK ? (int)(intptr_t)journal : status;
}

EXPORT void ktw_journal_destroy(KtJournal *j)
{
    kt_journal_destroy(&j);
}

static double *put_payload(double *out, const KtJournalRecord *record)
{
    out = put_record(out, record);
    *out++ = (double)record->payload_offset;
    *out++ = (double)record->payload_bytes;
    return out;
}

/* The first fields of KTW_JOURNAL_RECORD_FIELDS, up to payloadBytes. */
EXPORT int ktw_journal_events(KtJournal *j, KtRecorder *r, double *out)
{
    KtJournalRecord record;
    KtStatus status = kt_journal_events(j, kt_recorder_timeline(r), &record);
    if (status == KT_OK)
        put_payload(out, &record);
    return status;
}

/* ---- reader
 * -------------------------------------------------------------------------------------- */

/* Pointer to the new reader, or a negative status. */
EXPORT int ktw_journal_reader_create(const uint8_t *take_id)
{
    KtJournalReader *reader = NULL;
    KtStatus status = kt_journal_reader_create(take_id, &reader);
    return status == KT_OK ? (int)(intptr_t)reader : status;
}

EXPORT void ktw_journal_reader_destroy(KtJournalReader *r)
{
    kt_journal_reader_destroy(&r);
}

EXPORT int ktw_journal_reader_add(KtJournalReader *r, const uint8_t *record, int bytes)
{
    return kt_journal_reader_add(r, record, (size_t)bytes);
}

/* KTW_JOURNAL_TAKE_FIELDS. */
EXPORT int ktw_journal_reader_finish(KtJournalReader *r, double *out)
{
    KtJournalTake take;
    KtStatus status = kt_journal_reader_finish(r, &take);
    if (status != KT_OK)
        return status;
    *out++ = (double)take.duration_us;
    *out++ = (double)take.file_bytes;
    *out++ = (double)take.released_bytes;
    *out++ = (double)take.part_bytes;
    *out++ = (double)take.local_bytes;
    *out++ = take.clusters;
    *out++ = take.damaged;
    *out++ = take.finished;
    *out = take.patchable;
    return KT_OK;
}

static KtStatus file_of(const KtJournalReader *r, int local, KtJournalFile *file)
{
    return local ? kt_journal_reader_local(r, file) : kt_journal_reader_take(r, file);
}

/* KTW_JOURNAL_FILE_FIELDS. local: 0 the take, 1 what is here. */
EXPORT int ktw_journal_reader_file(KtJournalReader *r, int local, double *out)
{
    KtJournalFile file;
    KtStatus status = file_of(r, local, &file);
    if (status != KT_OK)
        return status;
    *out++ = (double)(intptr_t)file.header;
    *out++ = (double)(intptr_t)file.cues;
    *out++ = (double)file.cues_bytes;
    *out++ = (double)file.clusters_end;
    *out++ = (double)file.duration_us;
    *out++ = (double)file.piece_count;
    *out = (double)file.gap_count;
    return KT_OK;
}

/* pieceCount times KTW_JOURNAL_PIECE_FIELDS. */
EXPORT int ktw_journal_reader_pieces(KtJournalReader *r, int local, double *out)
{
    KtJournalFile file;
    KtStatus status = file_of(r, local, &file);
    for (size_t i = 0; status == KT_OK && i < file.piece_count; i++) {
        *out++ = file.pieces[i].sequence;
        *out++ = file.pieces[i].record_offset;
        *out++ = (double)file.pieces[i].file_offset;
        *out++ = (double)file.pieces[i].bytes;
    }
    return status;
}

/* gapCount times KTW_JOURNAL_GAP_FIELDS, of what is here. */
EXPORT int ktw_journal_reader_gaps(KtJournalReader *r, double *out)
{
    KtJournalFile file;
    KtStatus status = kt_journal_reader_local(r, &file);
    for (size_t i = 0; status == KT_OK && i < file.gap_count; i++) {
        *out++ = (double)file.gaps[i].from_us;
        *out++ = (double)file.gaps[i].to_us;
    }
    return status;
}

static int put_text(double *out, KtStatus status, void *text, size_t bytes)
{
    out[0] = (double)(intptr_t)text;
    out[1] = (double)bytes;
    return status;
}

/* The recovered timeline, zlib-compressed. out[0]: pointer, freed by ktw_free; out[1]: bytes. */
EXPORT int ktw_journal_reader_timeline(KtJournalReader *r, double *out)
{
    const KtTimeline *timeline = kt_journal_reader_timeline(r);
    char *text = NULL;
    uint8_t *packed = NULL;
    size_t bytes = 0, packed_bytes = 0;
    if (!timeline)
        return KT_ERR_STATE;
    KtStatus status = kt_timeline_json(timeline, &text, &bytes);
    if (status == KT_OK)
        status = kt_timeline_compress(text, bytes, &packed, &packed_bytes);
    kt_text_free(text);
    return put_text(out, status, packed, packed_bytes);
}

/* Its scene JSON, as ktw_journal_reader_timeline. */
EXPORT int ktw_journal_reader_scene(KtJournalReader *r, double *out)
{
    const KtTimeline *timeline = kt_journal_reader_timeline(r);
    char *text = NULL;
    size_t bytes = 0;
    if (!timeline)
        return KT_ERR_STATE;
    KtStatus status = kt_scene_json(timeline, &text, &bytes, NULL, 0);
    return put_text(out, status, text, bytes);
}
