/* Shared by the files of the S3 store: the store, and one call on its way through signing, sending,
 * judging and repeating.
 *
 *   IDLE -> WAITING  [s3store_call_send]      the timer brings every attempt, the first one too
 *   WAITING -> SENT  [begin_attempt] signed anew, with the service's clock
 *   SENT -> WAITING  [on_answer]     the failure will pass and there is time left
 *   SENT -> IDLE     [on_answer]     finish() has the verdict: it sends again or ends the call
 *   WAITING, SENT -> IDLE [on_stopped] taken back or late: the same, whatever the service does */
#ifndef KEEPTAKE_SERVER_STORE_S3_S3STORE_INTERNAL_H
#define KEEPTAKE_SERVER_STORE_S3_S3STORE_INTERNAL_H

#include "base/origins.h"
#include "base/text.h"
#include "store/s3/answer.h"
#include "store/s3/s3store.h"
#include "store/s3/transport.h"

#define S3STORE_ATTEMPTS 5
#define S3STORE_FIRST_PAUSE_MS 200 /* tripled each time, 20 % jitter */
#define S3STORE_MAX_PAUSE_MS 5000  /* of our own or of a Retry-After */
#define S3STORE_PATIENCE_FACTOR 2  /* times the time-out: after this no attempt begins any more */
#define S3STORE_NOTICE_S 1         /* within which a silence is noticed */
#define S3STORE_CONNECT_MS 5000
/* Some services are silent while they put thousands of parts together, or copy. */
#define S3STORE_SLOW_IDLE_FACTOR 2
#define S3STORE_SKEW_US 30000000 /* a clock that is further off is taken into account */
#define S3STORE_ERROR_BODY_BYTES (64 << 10)
#define S3STORE_LIST_BODY_BYTES                                                                    \
    (4 << 20) /* a page of 1,000 uploads with the longest keys and IDs */
#define S3STORE_MAX_HEADERS 8
#define S3STORE_URL_BYTES 16384
/* Connections to the service at once; what is more waits for one of its class. */
#define S3STORE_CONNECTIONS 16
#define S3STORE_BULK_CONNECTIONS 8

typedef struct S3StoreCall S3StoreCall;

typedef struct S3Store {
    Store store; /* first: a Store * is a S3Store * */
    /* Fixed once open. */
    uv_loop_t *loop;
    const Log *log;
    S3StoreTransport *transports[STORE_CLASSES];         /* each with connections of its own */
    char base[ORIGIN_BYTES + STORE_BUCKET_BYTES];        /* of our own requests */
    char public_base[ORIGIN_BYTES + STORE_BUCKET_BYTES]; /* of presigned URLs */
    char bucket[STORE_BUCKET_BYTES];
    char region[64];
    int path_style;
    int idle_s, attempts;
    char encryption[16], kms_key[S3STORE_KMS_BYTES]; /* "" where not asked for */
    S3StoreCredentials credentials;
    /* Changes while running. */
    int64_t skew_us;    /* the service's clock minus ours; 0 where they agree */
    S3StoreCall *calls; /* that run */
    int stopping;
    StoreStatus checked; /* what the last check found, at checked_ms of the loop; 0: none yet */
    uint64_t checked_ms;
    int unreachable; /* the last call failed: said once, not for each call */
    S3StoreStats stats;
} S3Store;

typedef struct S3StoreHeader {
    char name[64]; /* lower case */
    char value[STORE_KEY_BYTES * 3 + STORE_BUCKET_BYTES];
} S3StoreHeader;

/* The verdict on an answer: status, and the service's own words for a log line. answer is borrowed
 * and never NULL; its body is NUL-free XML where the call named a root. Must s3store_call_send
 * again or s3store_call_end. */
typedef void (*S3StoreFinish)(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer);

struct S3StoreCall {
    S3Store *s;
    S3StoreCall *next, *previous; /* of s->calls */
    /* What is sent. */
    const char *method;
    char key[STORE_KEY_BYTES]; /* "": the bucket itself */
    Text query;                /* "a=b&c=d", encoded */
    S3StoreHeader headers[S3STORE_MAX_HEADERS];
    int header_count;
    Text xml;       /* the body where it is a document of ours, */
    StoreBody body; /* or bytes of the caller's; bytes 0: there are none */
    /* What is expected. */
    const char *root; /* of the answer's document; NULL: the body is not looked at */
    int wants_etag;   /* in the head of the answer */
    size_t max_answer_bytes;
    int idle_s, attempts;
    /* Changes while it runs. */
    S3StoreFinish finish;
    uv_timer_t timer, deadline;
    int handles;       /* of these two, that are open */
    StoreCall *handle; /* the caller's, until done is called; NULL */
    StoreClass class;
    StoreStatus stopped; /* STORE_CANCELLED, STORE_LATE; STORE_OK: it goes on */
    int attempt;
    uint64_t begun_ms;
    char code[S3STORE_CODE_BYTES];      /* of the last error, "" where there was none */
    char message[S3STORE_REASON_BYTES]; /* the same in words */
    /* What the caller of store/store.h waits for. */
    void *ctx;
    union {
        void (*upload)(void *ctx, StoreStatus, const char *upload_id);
        void (*parts)(void *ctx, StoreStatus, const StorePart *parts, int count);
        void (*object)(void *ctx, StoreStatus, const StoreObject *object);
        void (*status)(void *ctx, StoreStatus);
        void (*uploads)(void *ctx, StoreStatus, const StoreUpload *uploads, int count);
        void (*etag)(void *ctx, StoreStatus, const char *etag);
        void (*objects)(void *ctx, StoreStatus, const StoreObject *objects, int count, int more);
        void (*data)(void *ctx, StoreStatus, size_t bytes);
    } done;
    char upload_id[STORE_UPLOAD_ID_BYTES];
    char prefix[STORE_KEY_BYTES];
    S3StorePartList parts;
    S3StoreUploadList uploads;
    char etag[STORE_ETAG_BYTES]; /* that a completion has to have; "" where it cannot be known */
    int64_t bytes;               /* the same, -1; or of a read */
    int64_t offset;              /* of a read */
    uint8_t *out;                /* the same: the caller's memory for it */
    StoreStatus unfit;           /* why it cannot be sent at all; STORE_OK: it can */
    StoreStatus kept;            /* of the step before */
};

/* A call with defaults: the usual time-out, attempts and limits. NULL: no memory; the caller
 * answers STORE_IO at once. */
S3StoreCall *s3store_call_create(S3Store *s, const char *method, const char *key, StoreCall *handle,
                                 void *ctx);
/* Adds name=value to the query, encoding value. */
void s3store_call_query(S3StoreCall *call, const char *name, const char *value);
/* Sets a header, replacing one of the same name; it is signed. */
void s3store_call_header(S3StoreCall *call, const char *name, const char *value);
/* Takes back query, headers, body and root, for the next request of the same call. */
void s3store_call_reset(S3StoreCall *call, const char *method);
/* Sends it; finish runs once, later, with the verdict. */
void s3store_call_send(S3StoreCall *call, S3StoreFinish finish);
/* Before what the caller waits for is called: his StoreCall is his own again. */
void s3store_call_let_go(S3StoreCall *call);
/* cancel of store/store.h. */
void s3store_call_cancel(Store *store, StoreCall *handle);
/* Frees the call; what it points to lives until the callback that called this returns. */
void s3store_call_end(S3StoreCall *call);
void s3store_call_log(const S3Store *s, LogLevel level, const char *event, const S3StoreCall *call);

/* What an answer means (pure): the status, and whether the failure will pass. code and message are
 * filled as in S3StoreCall. */
StoreStatus s3store_call_judge(const S3StoreAnswer *answer, const char *root, int is_head,
                               int *passes, char code[S3STORE_CODE_BYTES],
                               char message[S3STORE_REASON_BYTES]);

/* Path of a key (or of the bucket where it is ""), not encoded: "/bucket/key" or "/key". */
void s3store_call_path(const S3Store *s, const char *key,
                       char out[STORE_KEY_BYTES + STORE_BUCKET_BYTES + 2]);

/* "No such key" from a call about an upload: older services say so instead of "no such upload". */
StoreStatus s3store_of_upload(StoreStatus status);

/* store/s3/list.c */
void s3store_list_parts(Store *store, const char *key, const char *upload_id, StoreCall *handle,
                        void *ctx, void (*done)(void *, StoreStatus, const StorePart *, int));
void s3store_list_uploads(Store *store, const char *prefix, StoreCall *handle, void *ctx,
                          void (*done)(void *, StoreStatus, const StoreUpload *, int));
void s3store_list_objects(Store *store, const char *prefix, const char *after, StoreCall *handle,
                          void *ctx,
                          void (*done)(void *, StoreStatus, const StoreObject *, int, int));

/* store/s3/data.c */
void s3store_get_range(Store *store, const char *key, int64_t offset, uint8_t *out, size_t bytes,
                       StoreCall *handle, void *ctx, void (*done)(void *, StoreStatus, size_t));
void s3store_put_part(Store *store, const char *key, const char *upload_id, int part,
                      const StoreBody *body, StoreCall *handle, void *ctx,
                      void (*done)(void *, StoreStatus, const char *));
void s3store_copy_part(Store *store, const char *key, const char *upload_id, int part,
                       const char *from_key, int64_t offset, int64_t bytes, StoreCall *handle,
                       void *ctx, void (*done)(void *, StoreStatus, const char *));

#endif
