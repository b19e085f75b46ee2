/* The journal reader's inside, shared by journal_reader.c (records, prefix, timeline) and
 * journal_files.c (the files that are put together). */
#ifndef KEEPTAKE_SRC_JOURNAL_READER_H
#define KEEPTAKE_SRC_JOURNAL_READER_H

#include "journal_internal.h"

typedef struct KtJournalEntry {
    KtJournalHead head;
    uint32_t order;     /* in which it was added */
    KtTimeline *events; /* owned, NULL without; empty once they are in the timeline */
} KtJournalEntry;

/* The longest valid prefix. */
typedef struct KtJournalPrefix {
    int64_t start_bytes; /* clusters before it need not be here */
    int64_t end_bytes, end_us;
    uint32_t clusters;
    int damaged;
} KtJournalPrefix;

/* A file as KtJournalFile shows it; pieces, cues and gaps are owned. */
typedef struct KtJournalParts {
    uint8_t header[KT_FILE_HEADER_BYTES];
    uint8_t *cues;
    size_t cues_bytes;
    KtJournalPiece *pieces;
    size_t piece_count;
    KtJournalGap *gaps;
    size_t gap_count;
    int64_t clusters_end;
    int64_t duration_us;
} KtJournalParts;

struct KtJournalReader {
    /* Fixed at creation. */
    uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES];

    /* Changes while records are added. */
    const KtFileFormat *format; /* that of all of them; NULL: none yet */
    KtJournalEntry *records;
    size_t count, capacity;
    uint32_t next_order;
    int has_header, has_patch;
    uint8_t header[KT_FILE_HEADER_BYTES], patch[KT_FILE_HEADER_BYTES];
    int64_t part_bytes; /* of the header's record */
    int has_base;       /* a checkpoint: the newest */
    uint32_t base_sequence;
    KtJournalState base;
    uint8_t base_header[KT_FILE_HEADER_BYTES];
    KtFileCue *base_cues;
    KtTimeline *base_timeline; /* until it becomes timeline */

    /* Changes while the take is put together. */
    int sealed;   /* it has begun */
    int finished; /* all below is right */
    KtJournalPrefix prefix;
    KtTimeline *timeline;
    size_t events_done; /* records whose events are in it */
    int events_known;   /* events of the take up to there */
    int events_lost;
    int64_t duration_us;
    int take_finished, patchable;
    KtJournalParts take, local;
};

static inline int kt__journal_is_cluster(const KtJournalEntry *e)
{
    return e->head.kind == KT_JOURNAL_CHUNK && e->head.chunk == KT_CHUNK_CLUSTER;
}

/* The header chunk that is known; there is one. */
static inline const uint8_t *kt__journal_header(const KtJournalReader *r)
{
    return r->has_header ? r->header : r->base_header;
}

/* Pieces and Cues of the prefix, and whether part 1 can be sent again. ERR_MEMORY. */
KtStatus kt__journal_build_take(KtJournalReader *r);
/* Patches the take's header for its length. */
KtStatus kt__journal_seal_take(KtJournalReader *r, int64_t duration_us);
/* The file of what is here, once the take is sealed. ERR_MEMORY. */
KtStatus kt__journal_build_local(KtJournalReader *r);
void kt__journal_parts_reset(KtJournalParts *parts);

#endif
