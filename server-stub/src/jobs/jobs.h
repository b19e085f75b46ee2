/* What happens to an object at the store and in the database together: the upload's beginning,
 * its completion, abort, deletion; and what a crash or time leaves over.
 *
 *   CREATED -> OPEN          [job_create_upload]  store: upload created, then noted
 *   OPEN    -> COMPLETE      [job_complete]       noted as pending, store: completed, then noted
 *   CREATED, OPEN -> ABORTED [job_abort]          noted as pending, store: aborted, then noted
 *   any     -> gone          [job_delete]         noted as pending, store: removed, then the row is
 *                                                 deleted; of a take: with its recording and all
 *                                                 that belongs to it
 *   OPEN    -> COMPLETE, ABORTED, FAILED
 *                            [job_salvage]        noted as pending, store: completed, read,
 * rebuilt, then noted; nothing arrived: aborted; nothing in it can be played: failed OPEN    ->
 * FAILED        [job_reconcile]      neither upload nor object is in the store
 *
 * A step is noted before the store acts, so that after a crash at any instant jobs_start finds out
 * from the store how far it came. One job at a time works on an object: its caller holds the
 * RecordingLock (job_lock_id). One process works on a database (DATA/lock), so these locks are its
 * own and need no lease: what a process that died had begun is in the rows. */
#ifndef KEEPTAKE_SERVER_JOBS_JOBS_H
#define KEEPTAKE_SERVER_JOBS_JOBS_H

#include <uv.h>

#include "base/log.h"
#include "base/text.h"
#include "base/workers.h"
#include "jobs/tasks.h"
#include "model/recordings.h"
#include "store/store.h"

typedef enum JobStatus {
    JOB_OK = 0,
    JOB_CONFLICT = -1, /* message says which part */
    JOB_GONE = -2,     /* the upload or the recording does not exist any more */
    JOB_FULL = -3,
    JOB_UNREACHABLE = -4,
    JOB_BROKEN = -5, /* database or disk; logged */
} JobStatus;

#define JOB_MESSAGE_BYTES 256

typedef struct JobResult {
    JobStatus status;
    char message[JOB_MESSAGE_BYTES]; /* a sentence for people where status is not JOB_OK */
} JobResult;

/* Runs exactly once, later or at once, on the loop's thread. result is borrowed. */
typedef void (*JobDone)(void *ctx, const JobResult *result);

/* A place in the queue of those who want to work on one recording; in the caller's memory,
 * zero-filled. */
typedef struct RecordingLock RecordingLock;
struct RecordingLock {
    char id[RECORDING_ID_BYTES];
    void (*granted)(void *ctx);
    void *ctx;
    int held;
    RecordingLock *next;
};

typedef struct RecordingLocks {
    RecordingLock *first;
} RecordingLocks;

/* What jobs need of the house; all borrowed until jobs_stop has been called and running is 0. */
typedef struct JobPorts {
    uv_loop_t *loop;
    Db *db;
    Store *store;
    Workers *compute; /* scans of takes, their timelines; NULL: at once, on the loop */
    const Log *log;
} JobPorts;

/* When something is done without being asked for. Ages in seconds. */
typedef struct JobPolicy {
    int64_t empty_age_s;     /* cleanup: a recording without any stored part */
    int64_t cleanup_age_s;   /* cleanup: aborted and failed ones */
    int64_t salvage_after_s; /* a take without a sign of life is finished alone; 0: never */
    int64_t salvage_age_s;   /* cleanup: of what has stored parts but cannot be salvaged */
    int64_t interval_s;      /* between two cleanups; 0: only at start */
    int at_start;            /* a cleanup as soon as what was pending is looked at */
    int opaque_etags;        /* the store encrypts: ETags say nothing about the bytes */
} JobPolicy;

/* In the caller's memory. The counts are for whoever writes metrics. */
typedef struct Jobs {
    /* Fixed by jobs_init. */
    JobPorts ports;
    JobPolicy policy;
    /* Changes while running. */
    RecordingLocks locks;
    TaskKind finish; /* jobs/finish.c */
    Tasks tasks;     /* kinds are added between jobs_init and jobs_start */
    uv_timer_t timer;
    int timer_open;
    int running;  /* jobs begun and not ended */
    int cleaning; /* a pass is under way */
    int stopping;
    int64_t pass_us; /* Unix time and uv_hrtime at the last pass; 0: none yet */
    uint64_t pass_ns;
    uint64_t distrust_ns;     /* uv_hrtime until which the clock is not believed; 0: it is */
    struct Salvage *salvages; /* under way */
    /* What no recording knows, by the last look; -1: none yet. bytes: of the objects. */
    int64_t orphan_uploads, orphan_objects, orphan_bytes, orphans_told;
    /* For /metrics. */
    uint64_t removed_recordings, removed_uploads; /* by cleanup */
    uint64_t salvaged_takes, salvage_failures;
} Jobs;

/* A MetricsWriter; ctx: Jobs. */
void jobs_write_metrics(void *ctx, Text *out);

/* Copies both; nothing runs yet. */
void jobs_init(Jobs *jobs, const JobPorts *ports, const JobPolicy *policy);

/* Each copies object (and parts). by: who asked for it, as db_write takes it; NULL: the server by
 * itself. */
void job_create_upload(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx,
                       JobDone done);
/* parts: numbers 1..count in order; bytes: of all of them; digest: of job_digest. */
void job_complete(Jobs *jobs, const char *by, const ObjectRow *object, const StorePart *parts,
                  int count, int64_t bytes, int64_t duration_us, void *ctx, JobDone done);
/* One in salvage (pending) is only aborted by the salvage itself. */
void job_abort(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done);
void job_delete(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done);
/* Finishes a take from what has arrived, without its browser. begun (may be NULL) runs first, once
 * it is noted that the server does so, or with the failure to; done runs when it has ended: the row
 * is COMPLETE, ABORTED or FAILED, or, with a failure in result, still pending and to be tried
 * again, or OPEN as before. Several at once wait for each other. Ends early when jobs_stop is
 * called. */
void job_salvage(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone begun,
                 JobDone done);
/* Whether a job_salvage of this object is under way and noted. */
int job_is_salvaging(const Jobs *jobs, const char *object_id);
/* Finishes or takes back what was pending when the server stopped. */
void job_reconcile(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone done);

/* SHA-256 over part numbers, ETags and the size: whether a repeated completion is the same one. */
void job_digest(const StorePart *parts, int count, int64_t bytes,
                uint8_t digest[OBJECT_DIGEST_BYTES]);
/* What an answer of the store, or of the database, means for the caller. */
void job_store_result(StoreStatus status, JobResult *out);
void job_db_result(int status, JobResult *out);
/* A step of object that is noted could not be ended, for the reason of result: a task tries again,
 * later and later. Harmless for a result that leaves nothing to be done. */
void job_try_later(Jobs *jobs, const ObjectRow *object, const JobResult *result);
/* Its kind, "finish": subject is the object's id. */
extern const char job_finish_kind[];
/* What a RecordingLock of an object is asked for with: that of a take is its recording's. Borrowed
 * of object. */
const char *job_lock_id(const ObjectRow *object);

/* granted(ctx) runs at once where nobody holds the recording, else when the ones before have
 * released. */
void recording_lock(RecordingLocks *locks, RecordingLock *lock, const char *id,
                    void (*granted)(void *ctx), void *ctx);
/* Gives it on. Harmless for a lock that was never asked for. */
void recording_unlock(RecordingLocks *locks, RecordingLock *lock);

/* jobs/orphans.c; done runs once.
 * Uploads that no object calls its own: those without parts are aborted, one of a recording that
 * was put back is given to it, the others are counted (orphan_uploads; -1: the store does not
 * answer). */
void jobs_clean_uploads(Jobs *jobs, int64_t now_us, int clock_is_sound, void *ctx,
                        void (*done)(void *ctx));
/* Objects that no recording knows and that are older than the clean-up age: counted and told to the
 * log. Nothing is changed: the database may be an older copy that was put back. Not noted at all
 * where the store does not answer. */
void jobs_find_orphans(Jobs *jobs, void *ctx, void (*done)(void *ctx));

/* Startup reconciliation, startup cleanup, and cleanup from time to time (jobs/cleanup.c).
 * Takes the locks of all pending recordings at once, so that requests wait for their
 * reconciliation, then works through them, then cleans up where the limits say so, then again every
 * cleanup interval. */
int jobs_start(Jobs *jobs);
/* No new pass begins; the timer closes; what salvages wait for at the store is taken back. What
 * runs finishes by itself (running becomes 0). */
void jobs_stop(Jobs *jobs);

#endif
