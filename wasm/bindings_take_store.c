/* The order in which a take becomes safe, for JavaScript (keeptake/take_store.h): it stores, sends
 * and waits, and copies what is borrowed here before its next call. Journal and uploader may be
 * NULL. */
#include <stdint.h>

#include "contract.h"
#include "exports.h"

/* Pointer to the new store, or a negative status. */
EXPORT int ktw_take_store_create(int keep_all)
{
    KtTakeStore *store = NULL;
    KtStatus status = kt_take_store_create(keep_all, &store);
    return status == KT_OK ? (int)(intptr_t)store : status;
}

EXPORT void ktw_take_store_destroy(KtTakeStore *s)
{
    kt_take_store_destroy(&s);
}

/* The recorder's oldest waiting chunk, which stays there: KTW_JOURNAL_RECORD_FIELDS. Without a
 * journal data is the chunk itself. */
EXPORT int ktw_take_store_chunk(KtTakeStore *s, KtJournal *j, KtRecorder *r, double *out)
{
    KtChunk chunk;
    KtJournalRecord record;
    KtStatus status = kt_recorder_peek_chunk(r, &chunk);
    if (status == KT_OK)
        status = kt_take_store_chunk(s, j, kt_recorder_timeline(r), &chunk, &record);
    if (status != KT_OK)
        return status;
    *out++ = record.sequence;
    *out++ = (double)(intptr_t)(j ? record.data : chunk.data);
    *out++ = (double)(j ? record.bytes : chunk.bytes);
    *out++ = (double)record.payload_offset;
    *out++ = (double)chunk.bytes;
    *out++ = chunk.kind;
    *out++ = (double)chunk.offset;
    *out++ = (double)chunk.start_us;
    *out++ = (double)chunk.end_us;
    *out = chunk.keyframe;
    return KT_OK;
}

EXPORT int ktw_take_store_stored(KtTakeStore *s, double sequence, int is_stored)
{
    return kt_take_store_stored(s, (uint32_t)sequence, is_stored);
}

/* KTW_COUNTED_FIELDS. */
EXPORT int ktw_take_store_count(KtTakeStore *s, KtUploader *u, double now_us, double *out)
{
    KtCountedChunk counted;
    KtStatus status = kt_take_store_count(s, u, (int64_t)now_us, &counted);
    if (status != KT_OK)
        return status;
    *out++ = (double)counted.offset;
    *out++ = (double)counted.bytes;
    *out++ = counted.is_stored;
    *out++ = counted.sequence;
    *out++ = (double)counted.payload_offset;
    *out = counted.upload;
    return KT_OK;
}

/* KTW_JOURNAL_CHECKPOINT_FIELDS; bytes 0 without a journal. */
EXPORT int ktw_take_store_release(KtTakeStore *s, KtJournal *j, KtRecorder *r,
                                  double released_bytes, double *out)
{
    KtJournalCheckpoint checkpoint;
    KtStatus status =
        kt_take_store_release(s, j, kt_recorder_timeline(r), (int64_t)released_bytes, &checkpoint);
    if (status != KT_OK)
        return status;
    *out++ = checkpoint.record.sequence;
    *out++ = (double)(intptr_t)checkpoint.record.data;
    *out++ = (double)checkpoint.record.bytes;
    *out++ = checkpoint.drop_count;
    for (int i = 0; i < checkpoint.drop_count; i++) {
        *out++ = checkpoint.drops[i].from;
        *out++ = checkpoint.drops[i].to;
    }
    return KT_OK;
}

EXPORT int ktw_take_store_finish(KtTakeStore *s, KtUploader *u, double now_us)
{
    return kt_take_store_finish(s, u, (int64_t)now_us);
}
