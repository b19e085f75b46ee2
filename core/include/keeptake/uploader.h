/* The upload of a growing take by S3 multipart, as a pure state machine: events in, requests out.
 *
 * It never sees bytes, only how many there are: the caller keeps them (journal) and sends the range
 * that a request names. All parts but the last have one constant size. Part 1 is sent when it is
 * whole and once more at the end with its patched header; the unfinished last part is sent twice as
 * it grows, so that the store alone holds nearly all of a take whose machine never returns.
 * docs/upload.md. */
#ifndef KEEPTAKE_UPLOADER_H
#define KEEPTAKE_UPLOADER_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_UPLOAD_MIN_PART_BYTES (5 << 20)
#define KT_UPLOAD_MAX_PARTS 10000
#define KT_UPLOAD_MAX_INFLIGHT 4
#define KT_UPLOAD_ETAG_BYTES 132
#define KT_UPLOAD_URL_BATCH 32 /* parts asked for in one signing request */
/* A URL that expires sooner is signed anew before it is used. */
#define KT_UPLOAD_URL_SPARE_US 60000000
#define KT_UPLOAD_GIVE_UP_US 600000000 /* after finish: no success for this long is the end */
#define KT_UPLOAD_REFUSALS 3           /* after finish: refused that often in a row: fatal */
/* So long after a PUT was cancelled or lost, its bytes may yet land in the store. */
#define KT_UPLOAD_DOUBT_US 30000000
/* The unfinished part is sent when so much of it is there, and once more when both sendings
 * together make the budget. Then the store never lacks more than 42 % of a part, and the whole
 * upload stays under 1.8 times the file (plus part 1 once more): no other two moments lose less for
 * that price, and a third one does not fit. */
#define KT_UPLOAD_TAIL_PERCENT 18
#define KT_UPLOAD_TAIL_BUDGET_PERCENT 76
#define KT_UPLOAD_TAIL_MOST_PERCENT 79 /* chunks are as long as they are, slots are taken */

typedef struct KtUploader KtUploader;

typedef struct KtUploaderConfig {
    int64_t part_bytes; /* kt_upload_part_bytes, or smaller in tests (>= 64 KiB) */
    int max_inflight;   /* 1..KT_UPLOAD_MAX_INFLIGHT */
    /* An unfinished part is sent after half of this at the earliest, once more after all of it: one
     * that fills faster is whole soon. The very first part is sent once after all of it whatever
     * there is, so that a slow take is in the store soon. 0: an unfinished part is never sent. */
    int64_t first_tail_us;
    /* A request (PUT: stall, all others: sign) without progress for this long is given up. Each PUT
     * that was doubles the time for the next ones, up to 16 times, and then only one runs at once,
     * until parts get through in time again. */
    int64_t sign_timeout_us, stall_timeout_us;
    /* Back-off: base * 2^n, jittered by the seed, at most max. */
    int64_t retry_base_us, retry_max_us;
    uint32_t seed;        /* of the jitter; the core has no randomness */
    int patch_first_part; /* 1: part 1 is sent again after finish */
} KtUploaderConfig;

/* A part size for takes of at most max_length_us at total_bps: >= 5 MiB, a multiple of 1 MiB,
 * and 1.5 times the expected bytes fit in KT_UPLOAD_MAX_PARTS parts. */
int64_t kt_upload_part_bytes(int64_t max_length_us, int64_t total_bps);

typedef enum KtUploadRequestKind {
    KT_UPLOAD_CREATE = 0,   /* create the multipart upload */
    KT_UPLOAD_SIGN = 1,     /* ask for URLs of parts [part, part + count) */
    KT_UPLOAD_PUT = 2,      /* PUT [offset, offset + bytes) as part to its URL */
    KT_UPLOAD_CANCEL = 3,   /* give up the running request of that id: it stalled; it then still has
                               to be answered: kt_uploader_failed, KT_UPLOAD_FAIL_CANCELLED */
    KT_UPLOAD_COMPLETE = 4, /* complete with the part list (kt_uploader_part) */
    KT_UPLOAD_ABORT = 5,    /* abort the multipart upload */
    KT_UPLOAD_LIST = 6,     /* list the parts in the store: on resume, before bytes whose
                               PUT was lost are released (PUTs go on meanwhile), and where
                               Complete was refused */
    KT_UPLOAD_RELEASE = 7,  /* bytes before offset (except part 1's) are safe: the journal may drop
                               them; needs no reply */
} KtUploadRequestKind;

typedef struct KtUploadRequest {
    uint32_t id; /* for the reply; unique */
    KtUploadRequestKind kind;
    int part, count;
    int64_t offset, bytes;
} KtUploadRequest;

typedef enum KtUploadFailure {
    KT_UPLOAD_FAIL_NETWORK = 0,   /* no or a broken answer: retried */
    KT_UPLOAD_FAIL_SERVER = 1,    /* 5xx, SlowDown: retried, slower */
    KT_UPLOAD_FAIL_EXPIRED = 2,   /* 403 of an expired URL or skewed clock: signed, retried */
    KT_UPLOAD_FAIL_GONE = 3,      /* NoSuchUpload: the upload does not exist any more: fatal */
    KT_UPLOAD_FAIL_REFUSED = 4,   /* 401, 403 of the API, other 4xx: retried at retry_max_us
                                   until finish; from then on fatal after KT_UPLOAD_REFUSALS */
    KT_UPLOAD_FAIL_CANCELLED = 5, /* the caller carried out a CANCEL */
} KtUploadFailure;

typedef enum KtUploaderState {
    KT_UPLOADER_IDLE = 0, /* nothing to send yet */
    KT_UPLOADER_SENDING = 1,
    KT_UPLOADER_WAITING = 2, /* backing off after failures */
    KT_UPLOADER_COMPLETING = 3,
    KT_UPLOADER_DONE = 4,
    KT_UPLOADER_ABORTED = 5,
    KT_UPLOADER_FAILED = 6,
} KtUploaderState;

typedef struct KtUploaderStats {
    KtUploaderState state;
    KtStatus failure;    /* FAILED: why */
    int64_t total_bytes; /* appended so far */
    int64_t safe_bytes;  /* contiguous from 0 and acknowledged by the store, tail included */
    int64_t sent_bytes;  /* acknowledged in all, re-sent tails and part 1 included: the overhead */
    int64_t backlog_bytes; /* total - safe */
    int parts_done, inflight, retries;
    /* Engine time of the next thing to do by itself; -1: none. Of use only where now_us is that of
     * the kt_uploader_next which answered KT_AGAIN: a moment between the two would be missed. */
    int64_t next_us;
    int64_t next_bytes; /* so many must come before the unfinished part is sent; 0: nothing waits */
} KtUploaderStats;

/* config is copied. out: filled with the new uploader, destroyed by kt_uploader_destroy; unchanged
 * on ERR_ARG (a field outside its range) and ERR_MEMORY. Nothing else here allocates. */
KtStatus kt_uploader_create(const KtUploaderConfig *config, KtUploader **out);
/* Asks nothing of the caller: requests that still run are the caller's to end. *u becomes NULL. */
void kt_uploader_destroy(KtUploader **u);

/* Events. Each KT_OK, or ERR_STATE / ERR_ARG with nothing changed; ERR_NOT_FOUND for a reply to a
 * request that is not running any more (it was given up): to be ignored. append also ERR_LIMIT: the
 * take is longer than KT_UPLOAD_MAX_PARTS parts. */
/* That many bytes more are journaled. */
KtStatus kt_uploader_append(KtUploader *u, int64_t now_us, int64_t bytes);
/* No more bytes will come; the header patch is in place. */
KtStatus kt_uploader_finish(KtUploader *u, int64_t now_us);
/* Cancels what runs, then asks for ABORT; ABORTED at once where nothing was created. Also after
 * FAILED. ERR_STATE where the upload is complete. */
KtStatus kt_uploader_abort(KtUploader *u, int64_t now_us);
/* Network said to be back, or the page woke up: back-off ends now. */
KtStatus kt_uploader_wake(KtUploader *u, int64_t now_us);
/* Continue an upload that exists: list first, then send what is missing. Before the first append.
 */
KtStatus kt_uploader_resume(KtUploader *u, int64_t now_us);
KtStatus kt_uploader_created(KtUploader *u, int64_t now_us, uint32_t id);
/* URLs are the caller's; the uploader only knows how long they are good. */
KtStatus kt_uploader_signed(KtUploader *u, int64_t now_us, uint32_t id, int64_t expires_us);
/* sent_bytes of that PUT have left; the same number again is no progress. */
KtStatus kt_uploader_progress(KtUploader *u, int64_t now_us, uint32_t id, int64_t sent_bytes);
KtStatus kt_uploader_put_done(KtUploader *u, int64_t now_us, uint32_t id, const char *etag);
KtStatus kt_uploader_listed_part(KtUploader *u, uint32_t id, int part, int64_t bytes,
                                 const char *etag);
KtStatus kt_uploader_listed(KtUploader *u, int64_t now_us, uint32_t id);
KtStatus kt_uploader_completed(KtUploader *u, int64_t now_us, uint32_t id);
KtStatus kt_uploader_aborted(KtUploader *u, int64_t now_us, uint32_t id);
KtStatus kt_uploader_failed(KtUploader *u, int64_t now_us, uint32_t id, KtUploadFailure why);

/* Next request to carry out (KT_OK) or KT_AGAIN; also lets time pass. */
KtStatus kt_uploader_next(KtUploader *u, int64_t now_us, KtUploadRequest *out);
/* Part list for COMPLETE: parts 1..kt_uploader_part_count. etag: static until the next event. */
int kt_uploader_part_count(const KtUploader *u);
KtStatus kt_uploader_part(const KtUploader *u, int part, int64_t *bytes, const char **etag);
void kt_uploader_stats(const KtUploader *u, int64_t now_us, KtUploaderStats *out);

#ifdef __cplusplus
}
#endif
#endif
