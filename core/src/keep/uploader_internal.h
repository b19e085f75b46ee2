/* What the parts of the uploader share: its life is a table (uploader_life.c), events
 * (uploader.c) change it, requests (uploader_requests.c) are decided from it.
 *
 *   NEW        -> CREATING    life_keep           CREATE is asked for the first time
 *   NEW        -> RESUMING    life_keep           the upload exists, its parts are not known yet
 *   NEW        -> ABORTED     life_end            there is nothing to abort
 *   CREATING   -> SENDING     life_keep           CREATE was answered
 *   RESUMING   -> SENDING     life_parts_known    the store's parts were listed
 *   SENDING    -> LOOKING     life_keep           all is sent, but some part is in doubt
 *   SENDING    -> COMPLETING  life_keep           COMPLETE is asked
 *   COMPLETING -> SENDING     life_keep           it failed: asked again later
 *   COMPLETING -> LOOKING     life_count_relist   it was refused: what does the store have?
 *   LOOKING    -> SENDING     life_parts_known    listed: what differs is sent again
 *   LOOKING    -> SENDING     life_take_unseen    a list is refused: COMPLETE is asked without
 *   COMPLETING, ABORTING -> DONE  life_end        COMPLETE was answered, perhaps too late to abort
 *   any that exists, FAILED -> ABORTING  life_abort
 *   ABORTING   -> ABORTED     life_end            ABORT was answered, or others did it
 *   any that exists, ABORTING -> FAILED  life_lost, life_given_up, life_refused
 *
 * "Any that exists": CREATING, RESUMING, SENDING, LOOKING, COMPLETING. */
#ifndef KEEPTAKE_SRC_UPLOADER_INTERNAL_H
#define KEEPTAKE_SRC_UPLOADER_INTERNAL_H

#include "keeptake/uploader.h"

#define KT__UPLOAD_SLOTS (KT_UPLOAD_MAX_INFLIGHT + 2) /* PUTs, one control request and a look */
#define KT__UPLOAD_MAX_PATIENCE 4

typedef enum KtUploadLife {
    KT__UPLOAD_NEW,
    KT__UPLOAD_CREATING,
    KT__UPLOAD_RESUMING,
    KT__UPLOAD_SENDING,
    KT__UPLOAD_LOOKING, /* nothing else is asked before the store's parts are known */
    KT__UPLOAD_COMPLETING,
    KT__UPLOAD_ABORTING,
    KT__UPLOAD_DONE,
    KT__UPLOAD_ABORTED,
    KT__UPLOAD_FAILED, /* requests that ran are kept: an abort has to wait for them */
} KtUploadLife;

typedef enum KtUploadEvent {
    KT__UPLOAD_ASK_CREATE,
    KT__UPLOAD_RESUME,
    KT__UPLOAD_CREATED,
    KT__UPLOAD_LISTED,
    KT__UPLOAD_UNSURE, /* before COMPLETE: a part is in doubt */
    KT__UPLOAD_ASK_COMPLETE,
    KT__UPLOAD_COMPLETE_FAILED,
    KT__UPLOAD_COMPLETE_REFUSED,
    KT__UPLOAD_LIST_REFUSED,
    KT__UPLOAD_COMPLETED,
    KT__UPLOAD_ABORT_ASKED,
    KT__UPLOAD_ABORT_DONE,
    KT__UPLOAD_GONE,
    KT__UPLOAD_GIVE_UP,
    KT__UPLOAD_REFUSED,
} KtUploadEvent;

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
    /* Fixed at creation. */
    KtUploaderConfig config;
    KtUploadPart *parts; /* KT_UPLOAD_MAX_PARTS of them; part number - 1 */

    /* The life: changed by kt__uploader_edge alone. */
    KtUploadLife life;
    KtStatus failure; /* FAILED: why */
    int relisted;     /* how often a refused COMPLETE was answered by listing */

    /* The take, and what of it the store has. */
    int finished; /* no byte more will come */
    int64_t total_bytes, sent_bytes;
    int64_t released_to;    /* a part's end: all before it but part 1 is whole in the store */
    int first_part_patched; /* acknowledged in its final form */

    /* The unfinished part. */
    int64_t tail_started_us;  /* when it got its first byte */
    int64_t tail_spent_bytes; /* sent of it before it was whole */
    int tail_opened;          /* part 1 was sent for the sake of having something there */

    /* Requests that run. */
    KtUploadRunning running[KT__UPLOAD_SLOTS];
    uint32_t last_id;

    /* When to try again. */
    uint32_t random;
    int failures, refusals; /* in a row */
    int retries;            /* in all */
    int64_t retry_at_us;
    int64_t last_success_us; /* -1: nothing was tried yet */
    int patience;            /* stalls in a row: each doubles the next wait */
    int64_t stalled_us;      /* when it last grew: PUTs begun before count as the same stall */
    int look_failures;       /* in a row, of lists for the sake of releasing alone */
    int64_t look_at_us;      /* not before */
};

/* Takes the edge of that event: KT_OK, or ERR_STATE (nothing changed) where the table has none. */
KtStatus kt__uploader_edge(KtUploader *u, KtUploadEvent event, int64_t now_us);
/* Done, aborted or failed: nothing more is asked. */
int kt__uploader_is_over(const KtUploader *u);
/* Asserts what always holds between two calls. */
void kt__uploader_check(const KtUploader *u);

/* Nobody knows what became of that request: as a PUT it may land in the store yet, over a newer
 * copy. */
void kt__uploader_doubt(KtUploader *u, int64_t now_us, const KtUploadRequest *lost);
/* The running PUT of that part; NULL: none. */
const KtUploadRunning *kt__uploader_running_part(const KtUploader *u, int part);
/* How many requests of that kind run. */
int kt__uploader_running_kind(const KtUploader *u, KtUploadRequestKind kind);
/* Every part is in the store as it is to be, and no more will come. */
int kt__uploader_all_done(const KtUploader *u);

#endif
