/* The order in which a take becomes safe, driven by the worker in the browser and by the tests:
 *
 *   engine -> journal      kt_take_store_chunk     the chunk's record is made, to be stored
 *   journal -> counted     kt_take_store_stored    the record is stored, or never will be
 *   counted -> uploader    kt_take_store_count     in file order: what counts may be uploaded
 *   uploader -> release    kt_take_store_release   what the upload has may be let go of
 *   release -> checkpoint                          … and the journal's record that knows it
 *   all counted -> finish  kt_take_store_finish
 *
 * No byte is uploaded before it is in the journal, as long as there is one: whoever brings a take
 * back finds at least what the store has. Storing, sending and waiting are the caller's; journal,
 * timeline and uploader are the caller's too, and given to each call. 32 bytes a chunk that waits
 * are all it holds. */
#ifndef KEEPTAKE_TAKE_STORE_H
#define KEEPTAKE_TAKE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/journal.h"
#include "keeptake/uploader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Chunks that wait for their records: hours of a take. A store that is further behind is none. */
#define KT_TAKE_STORE_MAX_WAITING 65536

typedef struct KtTakeStore KtTakeStore;

/* A chunk that counts as recorded. */
typedef struct KtCountedChunk {
    int64_t offset, bytes; /* in the file; bytes 0: the patch, which is at 0 */
    int is_stored;         /* in the journal: sequence and payload_offset name the place */
    uint32_t sequence;
    size_t payload_offset; /* in the record */
    KtStatus upload;       /* OK, or why the uploader takes no more: ERR_STATE, ERR_LIMIT */
} KtCountedChunk;

/* keep_all: with a journal nothing is let go of, although it is in the upload. ERR_ARG, ERR_MEMORY.
 */
KtStatus kt_take_store_create(int keep_all, KtTakeStore **out);
void kt_take_store_destroy(KtTakeStore **s);

/* Takes the engine's next chunk (all borrowed for the call).
 *   j, timeline  the chunk is journaled: out is its record, borrowed from j, to be stored, and the
 *                chunk waits for kt_take_store_stored
 *   j NULL       it is not: out->bytes is 0, and it counts once all before it do
 * What kt_journal_chunk says; ERR_LIMIT also where too many wait, ERR_MEMORY: nothing changed, and
 * the call may be repeated, also without the journal. */
KtStatus kt_take_store_chunk(KtTakeStore *s, KtJournal *j, const KtTimeline *timeline,
                             const KtChunk *chunk, KtJournalRecord *out);
/* The record of that sequence is stored, or (is_stored 0) could not be. Records may become stored
 * in any order. ERR_NOT_FOUND: no chunk waits for it. */
KtStatus kt_take_store_stored(KtTakeStore *s, uint32_t sequence, int is_stored);
/* The journal has ended: nothing waits for it any longer. */
KtStatus kt_take_store_journal_ended(KtTakeStore *s);
/* The next chunk that counts as recorded: all before it do, and it waits for nothing. u (NULL: none
 * yet) may have it now; the first call with an uploader gives that one all that counted before.
 * There is one uploader a take. KT_OK, or KT_AGAIN: no chunk counts now. */
KtStatus kt_take_store_count(KtTakeStore *s, KtUploader *u, int64_t now_us, KtCountedChunk *out);
/* KT_UPLOAD_RELEASE of released_bytes was asked for. KT_OK: bytes before it, except part 1's, may
 * be let go of; out (with j) is the checkpoint to be stored and what it drops, in one transaction;
 * record.bytes 0 without one. KT_AGAIN: all is kept, nothing is to be done. ERR_ARG: more than
 * counts. Else what kt_journal_checkpoint says. */
KtStatus kt_take_store_release(KtTakeStore *s, KtJournal *j, const KtTimeline *timeline,
                               int64_t released_bytes, KtJournalCheckpoint *out);
/* kt_uploader_finish of all that counts. ERR_STATE also while a chunk waits or is not appended. */
KtStatus kt_take_store_finish(KtTakeStore *s, KtUploader *u, int64_t now_us);
/* Bytes that count; 0 for NULL. */
int64_t kt_take_store_counted_bytes(const KtTakeStore *s);

#ifdef __cplusplus
}
#endif
#endif
