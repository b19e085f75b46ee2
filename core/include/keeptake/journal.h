/* A take's journal: records that outlive whatever dies while a take is recorded (docs/journal.md).
 *
 * A record is a value under a 32-bit sequence number in a key-value store of the caller's:
 * IndexedDB in the browser, an array in tests. The core makes records and reads them back; it never
 * stores any. The writer says which ones may be deleted as parts of the upload become safe; the
 * reader takes what is left, in any order, and finishes the take up to the end of its longest valid
 * prefix. */
#ifndef KEEPTAKE_JOURNAL_H
#define KEEPTAKE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/file_writer.h"
#include "keeptake/timeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A record: a header, then timeline events, then the payload. All numbers little-endian.
 *    0  4  magic "KTJR"
 *    4  1  version: 1, the file is WebM; 2, another container
 *    5  1  kind, KtJournalKind
 *    6  1  flags: bits 0..1 KtChunkKind, bit 2 keyframe; all others 0
 *    7  1  KtContainer of the file; version 1: 0
 *    8  4  sequence: 0, 1, 2 … over all records of a take
 *   12 16  take id
 *   28  4  index of the first event in it; CHECKPOINT: how many the timeline has
 *   32  8  offset of the payload in the file; 0 without a chunk
 *   40  8  cluster: start_us; header: part_bytes; else 0
 *   48  4  cluster: end_us - start_us; else 0
 *   52  4  bytes of events
 *   56  4  bytes of payload
 *   60  4  CRC-32 (zlib's) of bytes [0, 60) and of all that follows byte 64
 * Version 2 says of every record what version 1 leaves out. A journal of WebM is written as version
 * 1, so that whoever knows no other container reads it still; who does not know a container refuses
 * its records.
 * A record is valid if and only if it is exactly as long as it says, its CRC-32 is right, every
 * field is within its range, its events parse and its payload is of its kind. */
#define KT_JOURNAL_HEADER_BYTES 64
#define KT_JOURNAL_TAKE_ID_BYTES 16
#define KT_JOURNAL_MAX_RECORD_BYTES (256u << 20)

typedef enum KtJournalKind {
    KT_JOURNAL_CHUNK = 1,      /* a piece of the file, and the events since the record before */
    KT_JOURNAL_EVENTS = 2,     /* events alone: things that happen while no chunk comes */
    KT_JOURNAL_CHECKPOINT = 3, /* all that deleted records knew */
} KtJournalKind;

/* ---- writer: memory is constant but for 40 bytes a cue ---- */

typedef struct KtJournal KtJournal;

typedef struct KtJournalConfig {
    uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES];
    int64_t
        part_bytes; /* of the upload, > 0: records of part 1 stay, as it is sent again patched */
    int keep_all;   /* 1: nothing but old checkpoints is ever dropped */
    KtContainer container; /* of the file */
} KtJournalConfig;

typedef struct KtJournalRecord {
    uint32_t sequence;
    const uint8_t *data; /* borrowed until the journal's next call */
    size_t bytes;
    size_t payload_offset, payload_bytes; /* in data */
} KtJournalRecord;

/* Sequences [from, to). */
typedef struct KtJournalSpan {
    uint32_t from, to;
} KtJournalSpan;

/* Two spans at most: chunks and events; an old checkpoint. */
#define KT_JOURNAL_MAX_DROPS 2

typedef struct KtJournalCheckpoint {
    KtJournalRecord record;
    KtJournalSpan drops[KT_JOURNAL_MAX_DROPS];
    int drop_count;
} KtJournalCheckpoint;

/* config is copied. ERR_ARG, ERR_MEMORY. */
KtStatus kt_journal_create(const KtJournalConfig *config, KtJournal **out);
void kt_journal_destroy(KtJournal **journal);
/* The record of the next chunk, with the events that are in no record yet; chunk and timeline are
 * borrowed for the call. Chunks come in file order, the header first. The record is to be stored
 * before the chunk may count as recorded. ERR_ARG, ERR_ORDER (another chunk was expected),
 * ERR_LIMIT (record or sequence), ERR_MEMORY; nothing changes on error. */
KtStatus kt_journal_chunk(KtJournal *j, const KtChunk *chunk, const KtTimeline *timeline,
                          KtJournalRecord *out);
/* The events that are in no record yet, or KT_AGAIN where there are none. ERR_ARG, ERR_LIMIT,
 * ERR_MEMORY. */
KtStatus kt_journal_events(KtJournal *j, const KtTimeline *timeline, KtJournalRecord *out);
/* Bytes before released_bytes are safe in the upload (KT_UPLOAD_RELEASE; it never goes back, a
 * smaller value counts as the last one). The record is to be stored and the drops to be deleted in
 * one transaction. What is dropped is what the checkpoint *before* this one covers, whole groups
 * from keyframe to keyframe: either of the two newest checkpoints is enough to read the journal.
 * ERR_STATE before the header chunk, ERR_ARG (beyond the chunks so far), ERR_LIMIT, ERR_MEMORY;
 * nothing changes on error. */
KtStatus kt_journal_checkpoint(KtJournal *j, int64_t released_bytes, const KtTimeline *timeline,
                               KtJournalCheckpoint *out);

/* ---- reader ---- */

typedef struct KtJournalReader KtJournalReader;

/* A cluster that is here. */
typedef struct KtJournalPiece {
    uint32_t sequence;
    uint32_t record_offset; /* of the cluster in its record */
    int64_t file_offset;
    int64_t bytes;
} KtJournalPiece;

/* Take time [from_us, to_us). */
typedef struct KtJournalGap {
    int64_t from_us, to_us;
} KtJournalGap;

/* How a file is put together: header, clusters, cues. All borrowed from the reader. */
typedef struct KtJournalFile {
    const uint8_t *header; /* KT_FILE_HEADER_BYTES, patched for this file */
    const uint8_t *cues;   /* NULL without cue points */
    size_t cues_bytes;
    const KtJournalPiece *pieces; /* in file order, without header and Cues */
    size_t piece_count;
    int64_t clusters_end; /* where the Cues begin: header and clusters end there */
    int64_t duration_us;
    const KtJournalGap *gaps; /* local only: what is missing */
    size_t gap_count;
} KtJournalFile;

typedef struct KtJournalTake {
    int64_t duration_us;
    int64_t file_bytes;     /* header and whole clusters */
    int64_t released_bytes; /* of them safe in the upload by the newest checkpoint; 0: not known */
    int64_t part_bytes;     /* 0: not known (header and checkpoints lost) */
    int64_t local_bytes;    /* of header and clusters that are here */
    int clusters;           /* of the prefix */
    int damaged;            /* something that was journaled is known to be missing */
    int finished;           /* the patch is here and is that of the whole prefix */
    int patchable;          /* all of part 1 is here, so it can be sent again */
} KtJournalTake;

/* ERR_ARG, ERR_MEMORY. */
KtStatus kt_journal_reader_create(const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES],
                                  KtJournalReader **out);
void kt_journal_reader_destroy(KtJournalReader **reader);
/* Takes what it needs of a record (untrusted, borrowed); payloads of clusters are not kept. Any
 * order. A record that was added already changes nothing. ERR_FORMAT (damaged, of another take or
 * version), ERR_STATE (after finish), ERR_LIMIT, ERR_MEMORY: nothing changed. */
KtStatus kt_journal_reader_add(KtJournalReader *r, const uint8_t *record, size_t bytes);
/* Finds the longest valid prefix: the header, then clusters without a gap up to the first one that
 * is missing. Clusters that the newest valid checkpoint says are released need not be here. A
 * repeated call gives the same. ERR_NOT_FOUND (no cluster: nothing was recorded), ERR_MEMORY (may
 * be repeated). */
KtStatus kt_journal_reader_finish(KtJournalReader *r, KtJournalTake *out);
/* After finish; ERR_STATE before.
 * take: the whole prefix; pieces are those of its clusters that are here, bytes elsewhere are in
 * the upload. local: a playable file of the clusters that are here, beyond a gap from the next
 * keyframe on; take times stay, offsets are those of this file. */
KtStatus kt_journal_reader_take(const KtJournalReader *r, KtJournalFile *out);
KtStatus kt_journal_reader_local(const KtJournalReader *r, KtJournalFile *out);
/* The timeline up to the end of the prefix, closed by a stop event; borrowed. NULL before finish.
 */
const KtTimeline *kt_journal_reader_timeline(const KtJournalReader *r);

#ifdef __cplusplus
}
#endif
#endif
