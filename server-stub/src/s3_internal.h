/* What the files of the S3 listener share: one operation from its headers to its answer.
 *
 *   created    [s3_begin]   request copied, signature checked
 *   receiving  [s3_body]    body collected (documents) or streamed to disk (s3_body.c)
 *   running    [s3__start]  op->run on a thread of its kind; it fills op->answer
 *   answered   [on_work]    answer handed to http.c
 *   freed                   when the request is closed and nothing runs any more
 *
 * The request may vanish at any time (op->request becomes NULL); an operation that runs is finished
 * anyway. While one runs, only its thread touches the operation. */
#ifndef KEEPTAKE_SERVER_S3_INTERNAL_H
#define KEEPTAKE_SERVER_S3_INTERNAL_H

#include "digest.h"
#include "s3.h"
#include "sigv4.h"
#include "store_disk_blocking.h"
#include "text.h"

#define S3_NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"
#define S3_MAX_HEADERS 100
#define S3_DOCUMENT_BYTES (4 << 20) /* 10,000 parts are 1.3 MB, 1,000 keys of 1 KiB the same */
#define S3_LIST_MAX 1000
#define S3_MAX_PUT_BYTES (INT64_C(5) << 30) /* as AWS: one put, one part */
#define S3_BUFFER_BYTES (32 * 1024)         /* what a body that stands still holds */
#define S3_BUFFERS 512                      /* of all bodies together: 16 MiB */
#define S3_BUFFERS_OF_BODY 64               /* of one: 2 MiB on their way to the disk */
#define S3_BODIES_OF_PART 4                 /* at once: of more the oldest is cut */
#define S3_BUFFERS_KEPT 64                  /* while idle */

typedef struct S3Op S3Op;
typedef struct S3Body S3Body;

typedef struct S3Buffer {
    struct S3Buffer *next;
    size_t bytes;
    uint8_t data[S3_BUFFER_BYTES];
} S3Buffer;

struct S3Listener {
    /* Fixed at creation. */
    uv_loop_t *loop;
    StoreDisk *disk;
    HttpServer *http;
    int port;
    char *access_key, *secret_key, *region;
    char **origins;
    int origin_count;
    int64_t (*now_unix_us)(void *ctx);
    void *now_ctx;
    int (*is_full)(void *ctx); /* NULL: never */
    void *full_ctx;
    /* Changes while running. */
    S3Stats stats;
    int jobs; /* operations and clean-ups on threads */
    int http_closed;
    void (*done)(void *ctx);
    void *done_ctx;
    S3Buffer *free_buffers;
    int buffers, free_count;      /* allocated, of them unused */
    S3Op *waiting, **waiting_end; /* bodies that want a buffer */
    S3Op *bodies;                 /* of requests that are there, newest first */
};

typedef struct S3Answer {
    int status;
    const char *content_type; /* static; NULL: none */
    Text headers;             /* "Name: value\n" lines */
    Text body;
    DiskReader *reader; /* body from here, taken by the response */
    int64_t from, bytes;
    char reader_type[256];
} S3Answer;

struct S3Op {
    S3Listener *s3;
    HttpRequest *request;
    WorkersTask task;
    DiskPool pool; /* where it runs; that of a body is DISK_WRITES */
    int running;
    int answered;
    void (*run)(S3Op *op); /* on a thread */
    /* The request, copied. */
    char *copy;
    SigV4Header headers[S3_MAX_HEADERS];
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
    S3Body *body;
    /* The CORS document of the bucket, of requests of pages; NULL: none. */
    char *cors;
    int cors_read, cors_failed;
    S3Op *next_waiting;
    S3Op *next_body;
    int is_cut; /* its place was taken by a newer body of the same part */
    int is_waiting;
    S3Answer answer;
};

/* --- s3_op.c: what operations are made of --- */

/* Value of a header of the request, NULL where absent. */
const char *s3__header(const S3Op *op, const char *name);
/* Decoded value of a query parameter; its length, -1 where absent or too long. */
int s3__query(const S3Op *op, const char *name, char *out, size_t out_bytes);
int s3__has_query(const S3Op *op, const char *name);
/* As an integer within 0..most; fallback where absent, -1 where malformed. */
long s3__query_number(const S3Op *op, const char *name, long most, long fallback);
/* Answers with AWS's error of this code ("NoSuchKey"); message NULL: the usual one. */
void s3__error(S3Op *op, const char *code, const char *message);
/* The same for a failed call of the store. STORE_OK does nothing and returns 0, else 1. */
int s3__failed(S3Op *op, StoreStatus status);
void s3__add_header(S3Op *op, const char *name, const char *value);
/* Status 200 and the XML declaration in op->answer.body. */
Text *s3__begin_xml(S3Op *op);
/* If-Match and If-None-Match of a write; borrowed of the request. */
DiskCondition s3__condition(const S3Op *op);
void s3__quoted_etag(const char *etag, char out[STORE_ETAG_BYTES + 2]);
void s3__add_etag_header(S3Op *op, const char *etag);
void s3__iso_time(int64_t unix_us, char out[32]);
void s3__http_time(int64_t unix_us, char out[40]);
/* Seconds of Unix time of an HTTP date, -1 where malformed. */
int64_t s3__parse_http_time(const char *text);
/* "Name: value\n" lines of the request's headers that are kept with an object. 0 when too long
 * (then the error is answered). */
int s3__kept_headers(S3Op *op, Text *out);
/* "/bucket/key", percent-encoded or not, of x-amz-copy-source. 0 when malformed. */
int s3__copy_source(const S3Op *op, char bucket[STORE_BUCKET_BYTES], char key[STORE_KEY_BYTES]);

/* --- s3.c --- */

/* Runs op->run on a thread, then answers (or goes on with the body). */
void s3__start(S3Op *op);
void s3__release_reader(S3Listener *s3, DiskReader *reader);

/* --- s3_route.c --- */

/* Chooses op->run (and op->body); an error is in op->answer when it returns 0. */
int s3__route(S3Op *op);
/* "/bucket/key" into op; returns the level (0 service, 1 bucket, 2 object), -1 with an error
 * answered. */
int s3__split_path(S3Op *op);

/* --- s3_cors.c --- */

/* On a thread, once for each request: what its bucket says about pages. */
void s3__read_cors(S3Op *op);
/* On the loop: the headers that let the page of Origin read the answer, where it may. */
void s3__set_cors_headers(S3Op *op);
/* An operation: answers OPTIONS. */
void s3__preflight(S3Op *op);

typedef struct S3CorsRule {
    Text methods, exposed; /* lists as headers have them; text_reset both */
    char max_age[12];      /* "": not told */
} S3CorsRule;

/* Pure. 1 when a CORS document (NUL-terminated) has a rule that lets a page of origin do this; out
 * is filled with it, and to be reset in any case. asked: Access-Control-Request-Headers or "". */
int s3__cors_allows(const char *document, const char *origin, const char *method, const char *asked,
                    S3CorsRule *out);
/* Pure. Whether a document may be kept; *why: what cannot be, NULL where it is malformed. */
int s3__cors_valid(const char *document, size_t bytes, const char **why);

/* --- s3_body.c: bodies that stream to disk --- */

/* Prepares op->body; 0 when an error is in op->answer. On success op->run is s3__run_body, which
 * calls commit when all bytes are in, checked and durable. */
int s3__open_body(S3Op *op, void (*check)(S3Op *op), void (*commit)(S3Op *op, DiskWriter *writer));
void s3__run_body(S3Op *op);
int64_t s3__take_body(S3Op *op, const uint8_t *data, size_t bytes);
void s3__end_body(S3Op *op);
/* On the loop, after a run: gives buffers back, runs again when more came. 1 when it does, or
 * waits. */
int s3__body_ran(S3Op *op);
/* The request is gone: what it keeps from others ends. */
void s3__leave_bodies(S3Op *op);
/* Takes what needs the disk to be freed out of the body. */
DiskWriter *s3__free_body(S3Op *op);
void s3__free_buffers(S3Listener *s3, int keep);
/* From check: a checksum of this kind is made of the body, whether or not one was sent. 0 with an
 * error answered. */
int s3__want_checksum(S3Op *op, int kind);
/* Kind of the checksum that the request announced, DIGEST_MD5: none. */
int s3__announced_checksum(const S3Op *op);
/* The checksum of the body, verified where one was sent, as it is kept with an object; "" where
 * there is none. */
void s3__body_checksum(const S3Op *op, char out[STORE_CHECKSUM_TEXT_BYTES]);

/* --- s3_object.c, pure --- */

/* Range of an object of this size. 1: *from and *bytes are set; 0: to be ignored; -1: not
 * satisfiable. */
int s3__parse_range(const char *text, int64_t size, int64_t *from, int64_t *bytes);

/* --- s3_attributes.c, pure --- */

/* Adds a bit for each name of an x-amz-object-attributes header; 0 where one is unknown. */
int s3__parse_attributes(const char *list, unsigned *wanted);

/* --- s3_multipart.c --- */

/* uploadId of the query, "" where it is none. */
void s3__upload_id(const S3Op *op, char out[STORE_UPLOAD_ID_BYTES]);

/* --- s3_complete.c --- */

#define S3_MALFORMED_LIST 1
#define S3_MALFORMED_CHECKSUM 2
/* Document of CompleteMultipartUpload. 0 with *parts (malloc'd) and at least one of them, otherwise
 * one of the above and NULL. Pure. */
int s3__parse_part_list(const char *text, size_t bytes, StorePart **parts, int *count);

/* --- s3_checksum.c --- */

typedef struct S3Checksum {
    int kind;          /* DigestKind; DIGEST_MD5: none was given */
    const char *value; /* base64, the request's; NULL: in a trailer */
} S3Checksum;

/* The one checksum of the request's headers or that a trailer is going to have. 0 with an error
 * answered: an unknown kind, or several. */
int s3__take_checksum(S3Op *op, S3Checksum *out);
/* x-amz-checksum-algorithm and -type of an upload. 0 with an error answered. */
int s3__take_algorithm(S3Op *op, DiskAlgorithm *out);
/* The same of a copy: over all bytes, whatever the kind. */
int s3__take_algorithm_of_object(S3Op *op, DiskAlgorithm *out);
/* Checksum of CompleteMultipartUpload's headers into out and sum, where there is one. upload: what
 * it was begun with. 0 with an error answered. */
int s3__take_expected(S3Op *op, const DiskAlgorithm *upload, DiskExpected *out,
                      uint8_t sum[DIGEST_MAX_BYTES]);
/* "ChecksumCRC32" */
void s3__element_of_checksum(int kind, char out[24]);
void s3__add_part_checksum(Text *xml, const StorePart *part);
/* Checksum and type of an object; with_count: "-3" stays behind a composite one. */
void s3__add_object_checksum(Text *xml, const char *checksum, int with_count);
void s3__add_algorithm(Text *xml, const DiskAlgorithm *algorithm);
/* x-amz-checksum-crc32 alone, and with x-amz-checksum-type as an object has them. */
void s3__add_checksum_header(S3Op *op, int kind, const char *value);
void s3__add_checksum_headers(S3Op *op, const char *checksum);

/* --- operations: run on threads --- */

void s3__list_buckets(S3Op *op);
void s3__create_bucket(S3Op *op);
void s3__head_bucket(S3Op *op);
void s3__delete_bucket(S3Op *op);
void s3__get_location(S3Op *op);
void s3__get_versioning(S3Op *op);
void s3__get_cors(S3Op *op);
void s3__put_cors(S3Op *op);
void s3__delete_cors(S3Op *op);
void s3__list_v1(S3Op *op);
void s3__list_v2(S3Op *op);
void s3__list_versions(S3Op *op); /* of buckets that never had any */
void s3__delete_objects(S3Op *op);
void s3__get_object(S3Op *op); /* and HEAD */
void s3__get_attributes(S3Op *op);
void s3__delete_object(S3Op *op);
void s3__copy_object(S3Op *op);
void s3__check_put(S3Op *op);
void s3__commit_put(S3Op *op, DiskWriter *writer);
void s3__create_upload(S3Op *op);
void s3__check_part(S3Op *op);
void s3__commit_part(S3Op *op, DiskWriter *writer);
void s3__copy_part(S3Op *op);
void s3__list_parts(S3Op *op);
void s3__list_uploads(S3Op *op);
void s3__complete_upload(S3Op *op);
void s3__abort_upload(S3Op *op);

#endif
