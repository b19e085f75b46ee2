/* What the two halves of the uploader share: events (uploader.c) change it, requests
 * (uploader_requests.c) are decided from it. */
#ifndef KEEPTAKE_SRC_UPLOADER_INTERNAL_H
#define KEEPTAKE_SRC_UPLOADER_INTERNAL_H

#include "keeptake/uploader.h"

#define KT__UPLOAD_SLOTS (KT_UPLOAD_MAX_INFLIGHT + 2) /* PUTs, one control request and a look */

typedef struct KtUploadPart {
    int64_t acked_bytes; /* 0: not in the store as far as we know */
    int64_t expires_us;  /* of its URL; 0: none */
    int64_t doubt_us;    /* a lost PUT of it may land until then; 0: none, or looked at since */
    int64_t stored_us;   /* when its newest PUT was answered */
    int looked_at;       /* listed since a PUT of it was last lost, though perhaps too early */
    int listed;
    char etag[KT_UPLOAD_ETAG_BYTES];
} KtUploadPart;

typedef struct KtUploadRunning {
    KtUploadRequest request; /* id 0: the slot is free */
    int64_t begun_us;
    int64_t moved_us;   /* start or last progress */
    int64_t limit_us;   /* how long it may stand still */
    int64_t sent_bytes; /* as last told */
    int cancel_told;
    int after_finish; /* a PUT whose bytes include the patched header */
} KtUploadRunning;

struct KtUploader {
    KtUploaderConfig config; /* fixed at creation */
    KtUploaderState end;     /* DONE, ABORTED, FAILED; IDLE while alive */
    KtStatus failure;
    KtUploadPart *parts; /* part number - 1 */
    KtUploadRunning running[KT__UPLOAD_SLOTS];
    uint32_t last_id;
    uint32_t random;
    int created, create_sent, finished, aborting;
    int list_wanted;   /* nothing else is asked before the store's parts are known: resume, Complete
                        */
    int resumed;       /* and they are not known yet */
    int look_failures; /* in a row, of lists for the sake of releasing alone */
    int64_t look_at_us;     /* not before */
    int first_part_patched; /* acknowledged in its final form */
    int relisted;           /* how often a refused Complete was answered by listing */
    int failures, refusals; /* in a row */
    int patience;           /* stalls in a row, at most 4: each doubles the next wait */
    int64_t stalled_us;     /* when it last grew: PUTs begun before count as the same stall */
    int retries;
    int64_t retry_at_us;
    int64_t last_success_us;
    int64_t total_bytes, sent_bytes, released_to;
    int64_t tail_started_us;  /* when the unfinished part got its first byte */
    int64_t tail_spent_bytes; /* sent of it before it was whole */
    int tail_opened;          /* part 1 was sent for the sake of having something there */
};

/* Nobody knows what became of that request: as a PUT it may land in the store yet, over a newer
 * copy. */
void kt__uploader_doubt(KtUploader *u, int64_t now_us, const KtUploadRequest *lost);
/* The running PUT of that part; NULL: none. */
const KtUploadRunning *kt__uploader_running_part(const KtUploader *u, int part);

#endif
