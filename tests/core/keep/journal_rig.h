/* A make-believe take that is journaled, with everything that was ever written kept aside: from
 * that the tests know, without the reader, what it must find. */
#ifndef KEEPTAKE_TEST_JOURNAL_RIG_H
#define KEEPTAKE_TEST_JOURNAL_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/journal.h"
#include "keeptake/take_store.h"
#include "keeptake/webm_writer.h"

#define JR_STEP_US INT64_C(20000)
#define JR_WALL_US INT64_C(1767225600000000)

typedef struct JrOptions {
    uint32_t seed;
    int64_t part_bytes;
    int keep_all;
    int64_t keyframe_us;
    int events;      /* of 1000 steps so many have an event */
    int checkpoints; /* of 1000 steps so many have a checkpoint */
    int pauses;      /* of 1000 steps so many begin a pause, whose events have their own records */
} JrOptions;

/* A record that was written, and what it was about. */
typedef struct JrRecord {
    uint32_t sequence;
    KtJournalKind kind;
    KtChunkKind chunk; /* CHUNK */
    int keyframe;
    int64_t offset, chunk_bytes, start_us, end_us;
    int64_t released_bytes; /* CHECKPOINT */
    int64_t end_bytes;      /* CHECKPOINT: of the clusters so far */
    uint8_t *data;
    size_t bytes;
    char *timeline; /* JSON as it was then */
    int dropped;    /* the writer said it may go */
} JrRecord;

typedef struct JournalRig {
    JrOptions options;
    uint32_t random;
    uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES];
    KtJournal *journal;
    KtTakeStore *order;
    KtWebmWriter *writer;
    KtTimeline *timeline;
    int64_t now_us, wall_us, next_key_us, next_video_us;
    int64_t released_bytes;
    JrRecord *records;
    int count, capacity;
    uint8_t *file; /* as the chunks say, the patch applied */
    int64_t file_bytes, clusters_end;
} JournalRig;

/* A take of small parts in which now and then something happens. */
extern const JrOptions jr_plain;

/* 0..range - 1 */
uint32_t jr_random(uint32_t *state, uint32_t range);
/* Opens the take: its header is in the journal. */
void jr_open(JournalRig *rig, const JrOptions *options);
void jr_close(JournalRig *rig);
/* Opens jr_plain's take, in which nothing happens until take time until_us. */
void jr_open_quiet(JournalRig *rig, int64_t until_us);
/* Goes on to take time until_us. */
void jr_run(JournalRig *rig, int64_t until_us);
void jr_event(JournalRig *rig, KtTimelineEvent event, const char *data);
/* Journals what waits: chunks, or events alone. */
void jr_drain(JournalRig *rig);
void jr_drain_events(JournalRig *rig);
/* A checkpoint at the last whole part before the file's end less lag_parts parts. */
void jr_checkpoint(JournalRig *rig, int lag_parts);
/* Stops the take; patch 0: the journal dies between Cues and patch. */
void jr_stop(JournalRig *rig, int patch);

/* The chunk of a CHUNK record as the engine gave it; its data is the record's. */
KtChunk jr_chunk(const JrRecord *record);

/* What survived of the records: intact[i] of records[i]. */
typedef struct JrExpected {
    int found;
    int64_t file_bytes, released_bytes, end_us;
    int clusters, damaged, patchable;
    int base; /* index of the checkpoint; -1 */
    int last; /* index of the last record that is here */
    int hole; /* one between base and last is missing */
} JrExpected;
JrExpected jr_expect(const JournalRig *rig, const uint8_t *intact);
/* Fails the test unless the reader, given the intact records, found exactly that: numbers, pieces,
 * Cues, timeline, and files that webm_reader reads. */
void jr_check(const JournalRig *rig, const uint8_t *intact, KtJournalReader *reader);
/* Gives the reader the intact records. */
void jr_add(const JournalRig *rig, const uint8_t *intact, KtJournalReader *reader);
/* All that was not dropped. malloc'ed. */
uint8_t *jr_present(const JournalRig *rig);
/* Puts a file together; malloc'ed. missing: 1 where a byte of it was in no piece. */
uint8_t *jr_assemble(const JournalRig *rig, const KtJournalFile *file, size_t *bytes, int *missing);

#endif
