/* Records and checkpoints as bytes, shared by the journal's writer and reader. */
#ifndef KEEPTAKE_SRC_JOURNAL_INTERNAL_H
#define KEEPTAKE_SRC_JOURNAL_INTERNAL_H

#include "keeptake/journal.h"

/* Beyond it an offset or time is a mistake: exact as a double. */
#define KT__JOURNAL_MAX_VALUE (INT64_C(1) << 52)
/* As many cue points as the WebM writer has. */
#define KT__JOURNAL_MAX_CUES (1u << 20)
/* Of one cue point in a checkpoint: two LEB128 numbers. */
#define KT__JOURNAL_MAX_CUE_BYTES 20

typedef struct KtJournalHead {
    const KtFileFormat *format; /* of the file */
    KtJournalKind kind;
    KtChunkKind chunk; /* CHUNK */
    int keyframe;
    uint32_t sequence;
    uint32_t first_event;
    int64_t offset;
    int64_t start_us; /* header chunk: part_bytes */
    uint32_t duration_us;
    uint32_t events_bytes, payload_bytes;
} KtJournalHead;

/* Writes the first KT_JOURNAL_HEADER_BYTES of a record; events and payload stand behind them. */
void kt__journal_write_head(uint8_t *record, const KtJournalHead *head,
                            const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES]);
/* KT_OK where the record is whole, of this take and its fields are within their ranges;
 * ERR_FORMAT. Events and what is in the payload are not looked at. */
KtStatus kt__journal_read_head(const uint8_t *record, size_t bytes,
                               const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES], KtJournalHead *out);

/* What a checkpoint knows. Payload, all numbers little-endian:
 *    0  8  released_bytes       40  8  end_us
 *    8  8  part_bytes           48  4  trim_clusters
 *   16  8  trim_bytes           52  4  clusters
 *   24  8  trim_us              56  4  number of cue points
 *   32  8  end_bytes            60  4  bytes of cue points
 *   64  KT_FILE_HEADER_BYTES of the header chunk, then the cue points (time and offset, each as the
 *   unsigned LEB128 difference to the one before), then the timeline's JSON by zlib. */
typedef struct KtJournalState {
    int64_t released_bytes; /* safe in the upload */
    int64_t part_bytes;
    int64_t trim_bytes,
        trim_us; /* clusters before trim_bytes may be deleted; their greatest end_us */
    int64_t end_bytes, end_us;        /* of all clusters journaled so far */
    uint32_t trim_clusters, clusters; /* how many end before trim_bytes and end_bytes */
    const uint8_t *header;            /* KT_FILE_HEADER_BYTES, borrowed */
    uint32_t cue_count;               /* of the clusters before trim_bytes */
} KtJournalState;

#define KT__JOURNAL_STATE_BYTES (64 + KT_FILE_HEADER_BYTES)

/* Writes the fixed part; cues_bytes: of the cue points behind it. */
void kt__journal_write_state(uint8_t *payload, const KtJournalState *state, uint32_t cues_bytes);
/* Writes one cue point after the one before (NULL: the first). Returns its bytes, at most
 * KT__JOURNAL_MAX_CUE_BYTES. */
size_t kt__journal_write_cue(uint8_t *out, const KtFileCue *before, const KtFileCue *cue);
/* Reads the payload of a checkpoint's record: state (header borrowed from it), cues (malloc'ed,
 * NULL where there are none) and timeline, both the caller's. ERR_FORMAT, ERR_MEMORY: nothing is
 * handed out. */
KtStatus kt__journal_read_checkpoint(const KtJournalHead *head, const uint8_t *payload,
                                     KtJournalState *state, KtFileCue **cues,
                                     KtTimeline **timeline);

#endif
