/* HTTP requests to an S3 service: libcurl, driven by the loop. The only file that knows libcurl.
 * Redirects are not followed: a signature is good for one host only. */
#ifndef KEEPTAKE_SERVER_STORE_S3_TRANSPORT_H
#define KEEPTAKE_SERVER_STORE_S3_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "store/store.h"

#define S3STORE_REASON_BYTES 256
#define S3STORE_HEADER_BYTES 128

typedef struct S3StoreTransport S3StoreTransport;

typedef struct S3StoreRequest {
    const char *method;         /* "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS" */
    const char *url;            /* whole, encoded */
    const char *const *headers; /* "Name: value" */
    int header_count;
    StoreBody body;          /* borrowed until done; bytes 0: none */
    size_t max_answer_bytes; /* a longer answer is cut off and counts as none */
    int connect_ms;
    int idle_s;  /* ends after this long without a byte in either direction */
    int total_s; /* and after this long in any case */
} S3StoreRequest;

typedef struct S3StoreAnswer {
    int status;                        /* 100..599; 0: there was no whole answer, reason says why */
    char reason[S3STORE_REASON_BYTES]; /* a sentence, "" with a status */
    int unreadable;                    /* there was none because the body's file cannot be read */
    char etag[S3STORE_HEADER_BYTES];   /* headers, "" where absent */
    char content_type[S3STORE_HEADER_BYTES];
    char encryption[S3STORE_HEADER_BYTES]; /* x-amz-server-side-encryption */
    char kms_key[2 * S3STORE_HEADER_BYTES];
    char allow_origin[2 * S3STORE_HEADER_BYTES]; /* Access-Control-Allow-… and -Expose-Headers */
    char allow_methods[S3STORE_HEADER_BYTES];
    char expose_headers[2 * S3STORE_HEADER_BYTES];
    int64_t content_length;        /* of the header; -1: none */
    int64_t date_unix_us;          /* of the header Date; 0: none */
    int64_t last_modified_unix_us; /* 0: none */
    int retry_after_s;             /* 0: none, or a date */
    uint8_t *body;                 /* borrowed for the callback */
    size_t body_bytes;
} S3StoreAnswer;

/*   ca_file      PEM file of the authorities that are trusted instead of the system's; "" for those
 *   connections  to the service at once; more requests wait
 * loop is borrowed until the transport is gone. NULL: out of memory. */
S3StoreTransport *s3store_transport_create(uv_loop_t *loop, const char *ca_file, int connections);
/* Another file, or the same one, which has changed: connections that are made from now on go by it.
 */
void s3store_transport_set_ca(S3StoreTransport *transport, const char *ca_file);
/* No request may be running. Its handles close with the next turns of the loop. */
void s3store_transport_destroy(S3StoreTransport **transport);

/* Sends; done runs exactly once, later, on the loop's thread. Strings are borrowed for the call.
 * 0, or -1: out of memory, done will not run. */
int s3store_transport_send(S3StoreTransport *transport, const S3StoreRequest *request, void *ctx,
                           void (*done)(void *ctx, const S3StoreAnswer *answer));
/* Ends the request of ctx, if there is one, without calling done. Not from within its done. */
void s3store_transport_cancel(S3StoreTransport *transport, const void *ctx);

#endif
