/* Where takes live: buckets, objects, multipart uploads. One interface, two stores: the server's
 * own disk (store/disk/disk.c) and any S3 service (store/s3/s3store.c). Every call is asynchronous
 * on the loop: the callback runs exactly once, on the loop's thread; later, or where there is no
 * memory for the call, at once with STORE_IO. */
#ifndef KEEPTAKE_SERVER_STORE_STORE_H
#define KEEPTAKE_SERVER_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define STORE_KEY_BYTES 1025 /* S3: 1..1024 bytes UTF-8 */
#define STORE_BUCKET_BYTES 64
#define STORE_UPLOAD_ID_BYTES 1025 /* ours have 32 bytes, those of services several hundred */
#define STORE_ETAG_BYTES 68        /* 32 hex, "-", count; without quotes */
#define STORE_MAX_PARTS 10000
#define STORE_CHECKSUM_BYTES 32         /* the longest there is: SHA-256 */
#define STORE_CHECKSUM_TEXT_BYTES 96    /* "crc64nvme FULL_OBJECT " and 32 bytes in base64 */
#define STORE_LIST_OBJECTS 250          /* of one list_objects */
#define STORE_MAX_RANGE_BYTES (1 << 20) /* of one get_range: a service's pass through the loop */

typedef enum StoreStatus {
    STORE_OK = 0,
    STORE_NO_SUCH_BUCKET = -1,
    STORE_NO_SUCH_KEY = -2,
    STORE_NO_SUCH_UPLOAD = -3,
    STORE_INVALID_PART = -4, /* missing, or another ETag */
    STORE_INVALID_PART_ORDER = -5,
    STORE_TOO_SMALL = -6, /* a part but the last under the least part size */
    STORE_BUCKET_EXISTS = -7,
    STORE_BUCKET_NOT_EMPTY = -8,
    STORE_FULL = -9, /* no space: nothing changed */
    STORE_IO = -10,
    STORE_UNREACHABLE = -11,
    STORE_REFUSED = -12,
    STORE_PRECONDITION = -13, /* a condition of the write does not hold: nothing changed */
    STORE_BAD_DIGEST = -14,   /* the whole object's checksum is another: nothing changed */
    STORE_WRONG_SIZE = -15,   /* the whole object's size is another: nothing changed */
    STORE_BROKEN = -16,       /* the disk reported an error: no writes until a restart */
    STORE_CANCELLED = -17,    /* taken back; a change may have been made all the same, or not */
    STORE_LATE = -18,         /* its deadline has passed; likewise */
} StoreStatus;

typedef struct StorePart {
    int number; /* 1..STORE_MAX_PARTS */
    int64_t bytes;
    char etag[STORE_ETAG_BYTES];
    int64_t modified_unix_us;
    int checksum_kind; /* DigestKind of a checksum beside the ETag's MD5; 0: none is known */
    uint8_t checksum[STORE_CHECKSUM_BYTES];
} StorePart;

typedef struct StoreObject {
    char key[STORE_KEY_BYTES];
    int64_t bytes;
    char etag[STORE_ETAG_BYTES];
    char content_type[128];
    int64_t modified_unix_us;
    char checksum[STORE_CHECKSUM_TEXT_BYTES]; /* "crc32 FULL_OBJECT BASE64" as verified, or "" */
} StoreObject;

typedef struct StoreUpload {
    char key[STORE_KEY_BYTES];
    char upload_id[STORE_UPLOAD_ID_BYTES];
    int64_t initiated_unix_us;
    int checksum_kind; /* of its parts; 0: not told when it was begun */
    int is_composite;
} StoreUpload;

typedef struct Store Store;

/* Who waits for a call. The classes do not wait for each other: each has connections, or threads,
 * of its own (docs/store.md). */
typedef enum StoreClass {
    STORE_INTERACTIVE = 0, /* somebody at a page, or a step that holds others up */
    STORE_BULK,            /* megabytes that nobody looks at: tracks, copies, clean-up */
    STORE_CLASSES
} StoreClass;

/* How a call is to be treated, and a hold on it while it runs. In the caller's memory, its own for
 * each call, from the call until its done was called. NULL in the place of one: interactive, no
 * deadline, nothing to take back. */
typedef struct StoreCall {
    StoreClass class;
    int64_t deadline_ms; /* from the call on: then it ends as STORE_LATE; 0: it has none */
    void *running;       /* the store's; NULL while no call runs */
} StoreCall;

/* The bytes of a part: in memory, or in a file where they lie already. */
typedef struct StoreBody {
    const uint8_t *data; /* NULL: of fd */
    int fd;              /* an open regular file; its position neither matters nor changes */
    int64_t offset;      /* in the file */
    int64_t bytes;       /* at least 1 */
} StoreBody;

/* The calls that the recordings API needs; the S3 listener uses store/disk/disk.h directly for the
 * rest. Strings are borrowed for the call. */
struct Store {
    void (*create_upload)(Store *, const char *key, const char *content_type, StoreCall *call,
                          void *ctx, void (*done)(void *ctx, StoreStatus, const char *upload_id));
    void (*list_parts)(Store *, const char *key, const char *upload_id, StoreCall *call, void *ctx,
                       void (*done)(void *ctx, StoreStatus, const StorePart *parts, int count));
    /* Idempotent: repeated with the same parts it answers STORE_OK with the same object. */
    void (*complete)(Store *, const char *key, const char *upload_id, const StorePart *parts,
                     int count, StoreCall *call, void *ctx,
                     void (*done)(void *ctx, StoreStatus, const StoreObject *object));
    void (*abort)(Store *, const char *key, const char *upload_id, StoreCall *call, void *ctx,
                  void (*done)(void *ctx, StoreStatus));
    void (*head)(Store *, const char *key, StoreCall *call, void *ctx,
                 void (*done)(void *ctx, StoreStatus, const StoreObject *object));
    void (*remove)(Store *, const char *key, StoreCall *call, void *ctx,
                   void (*done)(void *ctx, StoreStatus));
    void (*list_uploads)(Store *, const char *prefix, StoreCall *call, void *ctx,
                         void (*done)(void *ctx, StoreStatus, const StoreUpload *uploads,
                                      int count));
    /* Objects whose keys begin with prefix and come after `after` ("": from the first), in byte
     * order, at most STORE_LIST_OBJECTS; more: there are others. No content types. */
    void (*list_objects)(Store *, const char *prefix, const char *after, StoreCall *call, void *ctx,
                         void (*done)(void *ctx, StoreStatus, const StoreObject *objects, int count,
                                      int more));
    /* Fills out with bytes [offset, offset + bytes) of an object, fewer only where it ends; bytes
     * from 1 to STORE_MAX_RANGE_BYTES. out is borrowed until done was called, which gets how many
     * there are. STORE_REFUSED: offset is not within the object. */
    void (*get_range)(Store *, const char *key, int64_t offset, uint8_t *out, size_t bytes,
                      StoreCall *call, void *ctx,
                      void (*done)(void *ctx, StoreStatus, size_t bytes));
    /* Stores a part. body is borrowed for the call, its bytes (or the descriptor, whose range must
     * not change) until done was called; etag until done returns. */
    void (*put_part)(Store *, const char *key, const char *upload_id, int part,
                     const StoreBody *body, StoreCall *call, void *ctx,
                     void (*done)(void *ctx, StoreStatus, const char *etag));
    /* Stores bytes [offset, offset + bytes) of the object from_key as a part, without passing them
     * through this process where the store is a service (UploadPartCopy). STORE_REFUSED: the range
     * is not within the object. */
    void (*copy_part)(Store *, const char *key, const char *upload_id, int part,
                      const char *from_key, int64_t offset, int64_t bytes, StoreCall *call,
                      void *ctx, void (*done)(void *ctx, StoreStatus, const char *etag));
    /* Whether the store answers and its bucket is there, for /healthz. */
    void (*check)(Store *, StoreCall *call, void *ctx, void (*done)(void *ctx, StoreStatus));
    /* Ends a call early: its done runs, later, as soon as nothing uses the caller's memory any
     * more, with STORE_CANCELLED, or with what it was where it had come to an end. Nothing where
     * call does not run. */
    void (*cancel)(Store *, StoreCall *call);
    /* Presigned URL (SigV4, query form) for a browser; synchronous. extra_query: "" or "a=b&c=d" to
     * be signed along (partNumber, uploadId, response-content-type). Returns its length or -1. */
    int (*presign)(Store *, const char *method, const char *key, const char *extra_query,
                   int expires_seconds, int64_t now_unix_us, char *url, size_t url_bytes);
    void (*destroy)(Store *);
};

#endif
