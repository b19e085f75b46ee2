/* Blocking use of the S3 store by the commands `store setup` and `store check`: a loop of its own,
 * one call after the other, results kept until the next one. */
#ifndef KEEPTAKE_SERVER_STORE_S3_TOOL_SESSION_H
#define KEEPTAKE_SERVER_STORE_S3_TOOL_SESSION_H

#include "store/s3/s3store_internal.h"
#include "store/s3/tool/tool.h"

typedef struct S3StoreSession {
    uv_loop_t loop;
    const S3StoreTool *tool;
    S3Store *s3;
    Store *store; /* the same */
    int waiting;
    /* Of the last call. */
    StoreStatus status;
    char code[S3STORE_CODE_BYTES],
        message[S3STORE_REASON_BYTES]; /* of requests by s3store_session_ask */
    S3StoreAnswer answer;              /* body is ours, NUL-terminated */
    StoreObject object;
    char upload_id[STORE_UPLOAD_ID_BYTES], etag[STORE_ETAG_BYTES];
    StorePart *parts;
    int part_count;
    size_t data_bytes; /* of a range that was read */
    int failures;
} S3StoreSession;

/* tool is borrowed until the session is closed. 0, or -1 after saying why on its out. */
int s3store_session_open(S3StoreSession *x, const S3StoreTool *tool);
void s3store_session_close(S3StoreSession *x);

/* Runs a call of store/store.h or s3store_call_send to its end: begin it after
 * s3store_session_begin, with the session as ctx and one of the callbacks below, then wait. */
void s3store_session_begin(S3StoreSession *x);
StoreStatus s3store_session_wait(S3StoreSession *x);
void s3store_session_on_status(void *ctx, StoreStatus status);
void s3store_session_on_upload(void *ctx, StoreStatus status, const char *upload_id);
void s3store_session_on_parts(void *ctx, StoreStatus status, const StorePart *parts, int count);
void s3store_session_on_object(void *ctx, StoreStatus status, const StoreObject *object);
void s3store_session_on_etag(void *ctx, StoreStatus status, const char *etag);
void s3store_session_on_data(void *ctx, StoreStatus status, size_t bytes);

/* A signed request to the bucket (query "cors", "lifecycle", … or ""), xml as its body or NULL. */
StoreStatus s3store_session_ask(S3StoreSession *x, const char *method, const char *query,
                                const char *xml, const char *root);
/* A request as a browser sends it: url as it is, unsigned headers. The HTTP status, 0: no answer.
 */
int s3store_session_fetch(S3StoreSession *x, const char *method, const char *url,
                          const char *const *headers, int header_count, const void *body,
                          size_t body_bytes);

/* One line of the report. */
void s3store_session_good(S3StoreSession *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void s3store_session_note(S3StoreSession *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void s3store_session_bad(S3StoreSession *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The last call's failure as a sentence. */
const char *s3store_session_words(const S3StoreSession *x);

#endif
