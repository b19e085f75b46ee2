/* What the files of the S3 listener share: one operation from its headers to its answer.
 *
 *   created    [gateway_begin]   request copied, signature checked
 *   receiving  [gateway_body]    body collected (documents) or streamed to disk (gateway_body.c)
 *   running    [gw__start]  op->run on a thread of its kind; it fills op->answer
 *   answered   [on_work]    answer handed to net/http.c
 *   freed                   when the request is closed and nothing runs any more
 *
 * The request may vanish at any time (op->request becomes NULL); an operation that runs is finished
 * anyway. While one runs, only its thread touches the operation. */
#ifndef KEEPTAKE_SERVER_GATEWAY_GATEWAY_INTERNAL_H
#define KEEPTAKE_SERVER_GATEWAY_GATEWAY_INTERNAL_H

#include "aws/sigv4.h"
#include "base/digest.h"
#include "base/origins.h"
#include "base/tally.h"
#include "base/text.h"
#include "gateway/gateway.h"
#include "store/disk/blocking.h"

#define GW_NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"
#define GW_MAX_HEADERS 100
#define GW_DOCUMENT_BYTES (4 << 20) /* 10,000 parts are 1.3 MB, 1,000 keys of 1 KiB the same */
#define GW_LIST_MAX 1000
#define GW_MAX_PUT_BYTES (INT64_C(5) << 30) /* as AWS: one put, one part */
#define GW_BUFFER_BYTES (32 * 1024)         /* what a body that stands still holds */
#define GW_BUFFERS 512                      /* of all bodies together, unless told: 16 MiB */
#define GW_BUFFERS_OF_BODY 64               /* of one: 2 MiB on their way to the disk */
#define GW_BODIES_OF_PART 4                 /* at once: of more the oldest is cut */
#define GW_BUFFERS_KEPT 64                  /* while idle */

typedef struct GwOp GwOp;
typedef struct GwBody GwBody;

typedef struct GwBuffer {
    struct GwBuffer *next;
    size_t bytes;
    uint8_t data[GW_BUFFER_BYTES];
} GwBuffer;

/* A list that takes the place of another is kept beside it until the end: threads may be reading.
 */
typedef struct GwOrigins {
    struct GwOrigins *older;
    int count;
    char items[][ORIGIN_BYTES];
} GwOrigins;

struct Gateway {
    /* Fixed at creation. */
    uv_loop_t *loop;
    StoreDisk *disk;
    HttpServer *http;
    int port;
    char *access_key, *secret_key, *region;
    _Atomic(GwOrigins *) origins;
    int most_buffers; /* of all bodies together */
    int64_t (*now_unix_us)(void *ctx);
    void *now_ctx;
    int (*is_full)(void *ctx); /* NULL: never */
    void *full_ctx;
    const Log *log; /* NULL: nothing is told */
    /* Changes while running. */
    GatewayStats stats;
    Tally tally; /* by operation */
    int jobs;    /* operations and clean-ups on threads */
    int http_closed;
    void (*done)(void *ctx);
    void *done_ctx;
    GwBuffer *free_buffers;
    int buffers, free_count;      /* allocated, of them unused */
    GwOp *waiting, **waiting_end; /* bodies that want a buffer */
    GwOp *bodies;                 /* of requests that are there, newest first */
};

typedef struct GwAnswer {
    int status;
    const char *content_type; /* static; NULL: none */
    Text headers;             /* "Name: value\n" lines */
    Text body;
    DiskReader *reader; /* body from here, taken by the response */
    int64_t from, bytes;
    char reader_type[256];
} GwAnswer;

struct GwOp {
    Gateway *s3;
    HttpRequest *request;
    WorkersTask task;
    DiskPool pool; /* where it runs; that of a body is DISK_WRITES */
    int running;
    int answered;
    void (*run)(GwOp *op); /* on a thread */
    /* The request, copied. */
    char *copy;
    SigV4Header headers[GW_MAX_HEADERS];
    int header_count;
    const char *method, *path, *query;
    int64_t content_length;
    SigV4Verified auth;
    char bucket[STORE_BUCKET_BYTES];
    char key[STORE_KEY_BYTES];
    char request_id[17];
    int64_t now_us;
    /* Its body: a document, or a stream. */
    Text document;
    GwBody *body;
    /* The CORS document of the bucket, of requests of pages; NULL: none. */
    char *cors;
    int cors_read, cors_failed;
    GwOp *next_waiting;
    GwOp *next_body;
    int is_cut; /* its place was taken by a newer body of the same part */
    int is_waiting;
    GwAnswer answer;
    /* For the log. */
    const char *operation;  /* S3's name, static; NULL: none was found, or asked for in vain */
    const char *error_code; /* of the answer, static; NULL: none */
    char peer[64];
    int disk_error; /* errno, 0: the disk refused nothing */
    uint64_t began_ns;
    int64_t took_us, bytes_in, bytes_out;
    int is_sent; /* the whole answer */
};

/* --- gateway/op.c: what operations are made of --- */

/* Value of a header of the request, NULL where absent. */
const char *gw__header(const GwOp *op, const char *name);
/* Decoded value of a query parameter; its length, -1 where absent or too long. */
int gw__query(const GwOp *op, const char *name, char *out, size_t out_bytes);
int gw__has_query(const GwOp *op, const char *name);
/* As an integer within 0..most; fallback where absent, -1 where malformed. */
long gw__query_number(const GwOp *op, const char *name, long most, long fallback);
/* Answers with AWS's error of this code ("NoSuchKey"); message NULL: the usual one. */
void gw__error(GwOp *op, const char *code, const char *message);
/* The same for a failed call of the store. STORE_OK does nothing and returns 0, else 1. */
int gw__failed(GwOp *op, StoreStatus status);
void gw__add_header(GwOp *op, const char *name, const char *value);
/* Status 200 and the XML declaration in op->answer.body. */
Text *gw__begin_xml(GwOp *op);
/* If-Match and If-None-Match of a write; borrowed of the request. */
DiskCondition gw__condition(const GwOp *op);
void gw__quoted_etag(const char *etag, char out[STORE_ETAG_BYTES + 2]);
void gw__add_etag_header(GwOp *op, const char *etag);
void gw__iso_time(int64_t unix_us, char out[32]);
void gw__http_time(int64_t unix_us, char out[40]);
/* Seconds of Unix time of an HTTP date, -1 where malformed. */
int64_t gw__parse_http_time(const char *text);
/* "Name: value\n" lines of the request's headers that are kept with an object. 0 when too long
 * (then the error is answered). */
int gw__kept_headers(GwOp *op, Text *out);
/* "/bucket/key", percent-encoded or not, of x-amz-copy-source. 0 when malformed. */
int gw__copy_source(const GwOp *op, char bucket[STORE_BUCKET_BYTES], char key[STORE_KEY_BYTES]);

/* --- gateway/gateway.c --- */

/* Runs op->run on a thread, then answers (or goes on with the body). */
void gw__start(GwOp *op);
void gw__release_reader(Gateway *s3, DiskReader *reader);

/* --- gateway/log.c --- */

/* The request is about to be closed; completed: its answer went out whole. */
void gw__note_request(GwOp *op, int completed);
/* Once, when nothing of the operation runs any more. */
void gw__log_request(const GwOp *op);
/* A body that broke off because the disk refused a read. */
void gw__log_read_failure(const Gateway *s3, const char *request_id, int error);

/* --- gateway/route.c --- */

/* Chooses op->run (and op->body); an error is in op->answer when it returns 0. */
int gw__route(GwOp *op);
/* "/bucket/key" into op; returns the level (0 service, 1 bucket, 2 object), -1 with an error
 * answered. */
int gw__split_path(GwOp *op);

/* --- gateway/cors.c --- */

/* On a thread, once for each request: what its bucket says about pages. */
void gw__read_cors(GwOp *op);
/* On the loop: the headers that let the page of Origin read the answer, where it may. */
void gw__set_cors_headers(GwOp *op);
/* An operation: answers OPTIONS. */
void gw__preflight(GwOp *op);

typedef struct GwCorsRule {
    Text methods, exposed; /* lists as headers have them; text_reset both */
    char max_age[12];      /* "": not told */
} GwCorsRule;

/* Pure. 1 when a CORS document (NUL-terminated) has a rule that lets a page of origin do this; out
 * is filled with it, and to be reset in any case. asked: Access-Control-Request-Headers or "". */
int gw__cors_allows(const char *document, const char *origin, const char *method, const char *asked,
                    GwCorsRule *out);
/* Pure. Whether a document may be kept; *why: what cannot be, NULL where it is malformed. */
int gw__cors_valid(const char *document, size_t bytes, const char **why);

/* --- gateway_body.c: bodies that stream to disk --- */

/* Prepares op->body; 0 when an error is in op->answer. On success op->run is gw__run_body, which
 * calls commit when all bytes are in, checked and durable. */
int gw__open_body(GwOp *op, void (*check)(GwOp *op), void (*commit)(GwOp *op, DiskWriter *writer));
void gw__run_body(GwOp *op);
int64_t gw__take_body(GwOp *op, const uint8_t *data, size_t bytes);
void gw__end_body(GwOp *op);
/* On the loop, after a run: gives buffers back, runs again when more came. 1 when it does, or
 * waits. */
int gw__body_ran(GwOp *op);
/* The request is gone: what it keeps from others ends. */
void gw__leave_bodies(GwOp *op);
/* Takes what needs the disk to be freed out of the body. */
DiskWriter *gw__free_body(GwOp *op);
void gw__free_buffers(Gateway *s3, int keep);
/* From check: a checksum of this kind is made of the body, whether or not one was sent. 0 with an
 * error answered. */
int gw__want_checksum(GwOp *op, int kind);
/* Kind of the checksum that the request announced, DIGEST_MD5: none. */
int gw__announced_checksum(const GwOp *op);
/* The checksum of the body, verified where one was sent, as it is kept with an object; "" where
 * there is none. */
void gw__body_checksum(const GwOp *op, char out[STORE_CHECKSUM_TEXT_BYTES]);

/* --- gateway/object.c, pure --- */

/* Range of an object of this size. 1: *from and *bytes are set; 0: to be ignored; -1: not
 * satisfiable. */
int gw__parse_range(const char *text, int64_t size, int64_t *from, int64_t *bytes);

/* --- gateway/attributes.c, pure --- */

/* Adds a bit for each name of an x-amz-object-attributes header; 0 where one is unknown. */
int gw__parse_attributes(const char *list, unsigned *wanted);

/* --- gateway/multipart.c --- */

/* uploadId of the query, "" where it is none. */
void gw__upload_id(const GwOp *op, char out[STORE_UPLOAD_ID_BYTES]);

/* --- gateway/complete.c --- */

#define GW_MALFORMED_LIST 1
#define GW_MALFORMED_CHECKSUM 2
/* Document of CompleteMultipartUpload. 0 with *parts (malloc'd) and at least one of them, otherwise
 * one of the above and NULL. Pure. */
int gw__parse_part_list(const char *text, size_t bytes, StorePart **parts, int *count);

/* --- gateway/checksum.c --- */

typedef struct GwChecksum {
    int kind;          /* DigestKind; DIGEST_MD5: none was given */
    const char *value; /* base64, the request's; NULL: in a trailer */
} GwChecksum;

/* The one checksum of the request's headers or that a trailer is going to have. 0 with an error
 * answered: an unknown kind, or several. */
int gw__take_checksum(GwOp *op, GwChecksum *out);
/* x-amz-checksum-algorithm and -type of an upload. 0 with an error answered. */
int gw__take_algorithm(GwOp *op, DiskAlgorithm *out);
/* The same of a copy: over all bytes, whatever the kind. */
int gw__take_algorithm_of_object(GwOp *op, DiskAlgorithm *out);
/* Checksum of CompleteMultipartUpload's headers into out and sum, where there is one. upload: what
 * it was begun with. 0 with an error answered. */
int gw__take_expected(GwOp *op, const DiskAlgorithm *upload, DiskExpected *out,
                      uint8_t sum[DIGEST_MAX_BYTES]);
/* "ChecksumCRC32" */
void gw__element_of_checksum(int kind, char out[24]);
void gw__add_part_checksum(Text *xml, const StorePart *part);
/* Checksum and type of an object; with_count: "-3" stays behind a composite one. */
void gw__add_object_checksum(Text *xml, const char *checksum, int with_count);
void gw__add_algorithm(Text *xml, const DiskAlgorithm *algorithm);
/* x-amz-checksum-crc32 alone, and with x-amz-checksum-type as an object has them. */
void gw__add_checksum_header(GwOp *op, int kind, const char *value);
void gw__add_checksum_headers(GwOp *op, const char *checksum);

/* --- operations: run on threads --- */

void gw__list_buckets(GwOp *op);
void gw__create_bucket(GwOp *op);
void gw__head_bucket(GwOp *op);
void gw__delete_bucket(GwOp *op);
void gw__get_location(GwOp *op);
void gw__get_versioning(GwOp *op);
void gw__get_cors(GwOp *op);
void gw__put_cors(GwOp *op);
void gw__delete_cors(GwOp *op);
void gw__list_v1(GwOp *op);
void gw__list_v2(GwOp *op);
void gw__list_versions(GwOp *op); /* of buckets that never had any */
void gw__delete_objects(GwOp *op);
void gw__get_object(GwOp *op); /* and HEAD */
void gw__get_attributes(GwOp *op);
void gw__delete_object(GwOp *op);
void gw__copy_object(GwOp *op);
void gw__check_put(GwOp *op);
void gw__commit_put(GwOp *op, DiskWriter *writer);
void gw__create_upload(GwOp *op);
void gw__check_part(GwOp *op);
void gw__commit_part(GwOp *op, DiskWriter *writer);
void gw__copy_part(GwOp *op);
void gw__list_parts(GwOp *op);
void gw__list_uploads(GwOp *op);
void gw__complete_upload(GwOp *op);
void gw__abort_upload(GwOp *op);

#endif
