/* The embedded store, blocking: what the S3 listener and the Store of store/disk/disk.h run in the
 * thread pool. Safe from any number of threads. Strings are borrowed for the call; keys are 1..1024
 * bytes of UTF-8 (anything else is STORE_REFUSED). A call that fails has changed nothing that
 * anybody can see. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_BLOCKING_H
#define KEEPTAKE_SERVER_STORE_DISK_BLOCKING_H

#include "store/disk/disk.h"

#define DISK_ID_BYTES 33 /* 32 hex digits: uploads, data folders */
#define DISK_HEADERS_BYTES                                                                         \
    8192 /* S3: 2 KiB of user metadata; the rest is room for standard headers */

/* How checksums of an upload or of an object are made. */
typedef struct DiskAlgorithm {
    int kind;         /* DigestKind; DIGEST_MD5 (0): none beside the ETag's */
    int is_composite; /* over the parts' checksums instead of the bytes */
} DiskAlgorithm;

/* Takes "crc32 COMPOSITE BASE64-3" apart; *value (may be NULL): where the value begins, "" where
 * there is none. 0 (and no kind) for an empty or unknown text. */
int disk_parse_checksum(const char *text, DiskAlgorithm *out, const char **value);

/* What the disk has refused: errno of the first failed write or sync since the start (0: none, and
 * from then on nothing is written), and how many reads failed. From any thread. */
int disk_failure(const StoreDisk *d);
int disk_read_errors(const StoreDisk *d);
/* For the log: errno of what the disk last refused to a call of this thread, EBADMSG for something
 * on it that is damaged; 0: nothing since disk_forget_error. */
int disk_last_error(void);
void disk_forget_error(void);

/* --- buckets --- */

typedef struct DiskBucket {
    char name[STORE_BUCKET_BYTES];
    int64_t created_unix_us;
} DiskBucket;

/* 1 for a name that S3 allows: 3..63 of a-z 0-9 . -, a letter or digit at both ends. */
int disk_bucket_name_valid(const char *name);
/* STORE_BUCKET_EXISTS, STORE_REFUSED (name), STORE_FULL, STORE_IO. */
StoreStatus disk_create_bucket(StoreDisk *d, const char *bucket);
/* Objects must be gone (STORE_BUCKET_NOT_EMPTY); unfinished uploads are dropped. */
StoreStatus disk_delete_bucket(StoreDisk *d, const char *bucket);
StoreStatus disk_head_bucket(StoreDisk *d, const char *bucket);
/* *out: malloc'd, sorted by name; the caller frees it. */
StoreStatus disk_list_buckets(StoreDisk *d, DiskBucket **out, int *count);
/* A small document kept beside the bucket ("cors.xml"). get: malloc'd and NUL-terminated,
 * STORE_NO_SUCH_KEY where none; set: NULL removes it. */
StoreStatus disk_get_document(StoreDisk *d, const char *bucket, const char *name, char **out);
StoreStatus disk_set_document(StoreDisk *d, const char *bucket, const char *name, const char *text);

/* --- writing --- */

/* Bytes on their way to disk, invisible until they are committed as an object or a part. One thread
 * at a time. */
typedef struct DiskWriter DiskWriter;

StoreStatus disk_writer_open(StoreDisk *d, DiskWriter **out);
/* After a failure only disk_writer_close is of use. */
StoreStatus disk_writer_write(DiskWriter *w, const void *data, size_t bytes);
/* Before disk_writer_finish: a checksum of all bytes to be kept with them. value:
 * digest_bytes(kind). */
void disk_writer_set_checksum(DiskWriter *w, int kind, const uint8_t *value);
/* All bytes are in: makes them durable. md5: of all bytes. */
StoreStatus disk_writer_finish(DiskWriter *w, const uint8_t md5[16]);
/* Removes what was not committed. NULL is fine. */
void disk_writer_close(DiskWriter **w);

/* What an object is called and how it is served. */
typedef struct DiskName {
    const char *bucket;
    const char *key;
    const char *content_type; /* "" where none */
    const char *headers;      /* "Name: value\n" lines to be served with it; "" where none */
    DiskAlgorithm algorithm;  /* of an upload: what its parts come with */
} DiskName;

/* What must hold of the object that is there when another takes its place; checked under the same
 * lock as the exchange. Lists of ETags as in HTTP, NULL: no such condition. */
typedef struct DiskCondition {
    const char *if_match;      /* STORE_NO_SUCH_KEY where there is no object */
    const char *if_none_match; /* "*": there must be none */
} DiskCondition;

/* What a client says of the whole object when it completes an upload. */
typedef struct DiskExpected {
    int64_t bytes;           /* -1: not told */
    DiskAlgorithm algorithm; /* of its checksum; DIGEST_MD5: none */
    const uint8_t *checksum; /* digest_bytes(algorithm.kind) bytes */
} DiskExpected;

/* 1 when a list of ETags ("*", "a", W/"b") names etag. weak: W/ does not matter (RFC 9110 8.8.3.2),
 * otherwise an entry with it names nothing. */
int disk_etag_listed(const char *list, const char *etag, int weak);

/* As disk_put_object; condition may be NULL, checksum is kept with the object ("" where none). */
StoreStatus disk_put_object_if(StoreDisk *d, const DiskName *name, const DiskCondition *condition,
                               const char *checksum, DiskWriter *w, StoreObject *out);
/* The finished writer's bytes become the object, in the place of any other. STORE_NO_SUCH_BUCKET.
 */
StoreStatus disk_put_object(StoreDisk *d, const DiskName *name, DiskWriter *w, StoreObject *out);
/* The finished writer's bytes become the part, in the place of any other. STORE_NO_SUCH_UPLOAD. */
StoreStatus disk_put_part(StoreDisk *d, const char *bucket, const char *key, const char *upload_id,
                          int number, DiskWriter *w, StorePart *out);

/* --- reading --- */

/* An object held open: it stays readable, whole and the same, whatever happens to its name. */
typedef struct DiskReader DiskReader;

StoreStatus disk_reader_open(StoreDisk *d, const char *bucket, const char *key, DiskReader **out);
const StoreObject *disk_reader_object(const DiskReader *r);
const char *disk_reader_headers(const DiskReader *r);
/* Offset and length of the part with this number; 0 where there is none (an object that was put
 * whole has part 1). */
int disk_reader_part(const DiskReader *r, int number, int64_t *offset, int64_t *bytes);
int disk_reader_part_count(const DiskReader *r);
/* Its number; at from 0. */
int disk_reader_part_number(const DiskReader *r, int at);
/* The at-th part (from 0) as it was stored, with its checksum where it has one. STORE_INVALID_PART:
 * its file is damaged or gone. */
StoreStatus disk_reader_part_info(DiskReader *r, int at, StorePart *out);
/* 1..bytes, 0 at the end, negative errno. One thread at a time. */
int64_t disk_reader_read(DiskReader *r, int64_t offset, uint8_t *out, size_t bytes);
void disk_reader_close(DiskReader **r);

/* S3's way: deleting what is not there is STORE_OK. */
StoreStatus disk_delete_object(StoreDisk *d, const char *bucket, const char *key);
/* As disk_copy_object; condition may be NULL. */
StoreStatus disk_copy_object_if(StoreDisk *d, DiskReader *from, const DiskName *name,
                                const DiskCondition *condition, StoreObject *out);
/* The reader's object under another name, without copying its bytes. A kind in name->algorithm: its
 * checksum is of that kind, made of the bytes unless it is known. */
StoreStatus disk_copy_object(StoreDisk *d, DiskReader *from, const DiskName *name,
                             StoreObject *out);

typedef struct DiskListed {
    char *key;
    int is_prefix; /* a common prefix: no more fields */
    int64_t bytes;
    int64_t modified_unix_us;
    char etag[STORE_ETAG_BYTES];
    DiskAlgorithm algorithm; /* of its checksum */
} DiskListed;

typedef struct DiskListing {
    DiskListed *items;
    int count;
    int truncated;
} DiskListing;

/* Names after `after` ("" for all) in byte order, at most max, those with a delimiter behind the
 * prefix folded into common prefixes. after may be a common prefix of an earlier listing. */
StoreStatus disk_list_objects(StoreDisk *d, const char *bucket, const char *prefix,
                              const char *delimiter, const char *after, int max, DiskListing *out);
void disk_listing_reset(DiskListing *listing);

/* --- multipart uploads --- */

StoreStatus disk_create_upload(StoreDisk *d, const DiskName *name,
                               char upload_id[STORE_UPLOAD_ID_BYTES]);
/* STORE_OK while the upload can take parts. */
StoreStatus disk_check_upload(StoreDisk *d, const char *bucket, const char *key,
                              const char *upload_id);
/* The same, with what its parts' checksums are. */
StoreStatus disk_upload_algorithm(StoreDisk *d, const char *bucket, const char *key,
                                  const char *upload_id, DiskAlgorithm *out);
/* *out: malloc'd, by number; the caller frees it. */
StoreStatus disk_list_parts(StoreDisk *d, const char *bucket, const char *key,
                            const char *upload_id, StorePart **out, int *count);
/* parts: number, etag and, where it is given, the checksum are used. wrong (may be NULL): filled
 * with the part number that is at fault. */
StoreStatus disk_complete(StoreDisk *d, const char *bucket, const char *key, const char *upload_id,
                          const StorePart *parts, int count, StoreObject *out, int *wrong);
/* As disk_complete; condition and expected may be NULL. The object's checksum is what the upload
 * was begun with, or what is expected; it follows from those of the parts, and is made of the bytes
 * on disk where that cannot be. */
StoreStatus disk_complete_if(StoreDisk *d, const char *bucket, const char *key,
                             const char *upload_id, const StorePart *parts, int count,
                             const DiskCondition *condition, const DiskExpected *expected,
                             StoreObject *out, int *wrong);
StoreStatus disk_abort(StoreDisk *d, const char *bucket, const char *key, const char *upload_id);
/* Bytes [offset, offset + bytes) of an open object become the part, in the place of any other.
 * Where they are exactly one of its parts the two share a file and nothing is copied; the part then
 * keeps its time. STORE_REFUSED (not within the object), STORE_NO_SUCH_UPLOAD. */
StoreStatus disk_copy_part(StoreDisk *d, DiskReader *from, int64_t offset, int64_t bytes,
                           const char *bucket, const char *key, const char *upload_id, int number,
                           StorePart *out);
/* *out: malloc'd, by key, then by start; the caller frees it. */
StoreStatus disk_list_uploads(StoreDisk *d, const char *bucket, const char *prefix,
                              StoreUpload **out, int *count);

#endif
