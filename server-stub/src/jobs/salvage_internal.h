/* One salvage, shared by its two halves: from upload to object (jobs/salvage.c), from object to
 * seekable object (jobs/rebuild.c). */
#ifndef KEEPTAKE_SERVER_JOBS_SALVAGE_INTERNAL_H
#define KEEPTAKE_SERVER_JOBS_SALVAGE_INTERNAL_H

#include "base/workers.h"
#include "jobs/jobs.h"
#include "take/scan.h"

/* Copied parts under way at once: a service takes a while to answer each. */
#define SALVAGE_COPIES 4

typedef struct Salvage Salvage;
struct Salvage {
    Jobs *jobs;
    ObjectRow object;
    char by[DB_BY_BYTES];
    void *ctx;
    JobDone begun, done;
    int is_begun; /* begun was called */
    JobResult result;
    Salvage *next;              /* in jobs.salvages */
    StoreCall bulk;             /* of one read or write at a time */
    int is_waiting, is_working; /* waiting: for one of those that work to end */

    /* First half: the parts that are completed. */
    StorePart *parts;
    int part_count, attempts;
    uint8_t digest[OBJECT_DIGEST_BYTES];
    int is_found;       /* the upload is gone, and it was not this salvage that completed it */
    int64_t take_bytes; /* of the object, these belong to the take; -1: not known yet */

    /* Both: the object, as far as it was read. */
    int64_t object_bytes, at;
    TakeScan *scan; /* a thread's, while one works on it */
    TakeScanResult found;
    uint8_t *range; /* STORE_MAX_RANGE_BYTES of the object at a time */
    size_t range_bytes;
    KtStatus fed;     /* of the scan */
    int can_rebuild;  /* the object begins with a header of ours */
    WorkersTask task; /* at most one at a time */

    uint8_t *timeline; /* ended where the take does, compressed; NULL: there is none */
    size_t timeline_bytes;
    int timeline_status; /* DbStatus of reading it */

    /* Second half: another upload to the same key, in parts of object.part_bytes or a multiple. */
    char upload_id[STORE_UPLOAD_ID_BYTES];
    int64_t file_bytes, piece_bytes;
    uint8_t *cues;
    size_t cues_bytes;
    StorePart *pieces; /* the parts; one without an ETag is still to be stored */
    int piece_count, next_piece;
    int in_flight, is_starting;
    struct PieceCopy *copies; /* under way */
    StoreStatus piece_status; /* the first failure */
    uint8_t *buffer;          /* a piece whose bytes are made here */
    int64_t buffered_bytes;
};

/* Ends the salvage: done is called, s is gone. pending stays as it is noted. */
void salvage__end(Salvage *s);
void salvage__fail(Salvage *s, JobStatus status, const char *message);
void salvage__fail_store(Salvage *s, StoreStatus status);
void salvage__fail_db(Salvage *s, int status);
/* Takes back what it waits for at the store: the server stops. */
void salvage__cancel(Salvage *s);
/* For all of them. */
void salvages__stop(Jobs *jobs);
/* 1 after ending the salvage, because the server stops: what is pending goes on at the next start.
 */
int salvage__stops(Salvage *s);
/* The object is the take: notes it complete and closes its timeline at found.duration_us. */
void salvage__complete(Salvage *s, int64_t bytes);
/* On a thread: the Cues of what was found. 0, or -1: no memory. A file that cannot have them goes
 * without. */
int salvage__make_cues(Salvage *s);
/* Second half: the object was scanned and begins with a header that can be patched. */
void salvage__rebuild(Salvage *s);

#endif
