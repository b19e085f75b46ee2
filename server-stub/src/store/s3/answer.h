/* What S3 services answer: errors, upload IDs, ETags, lists of parts and uploads, rules of a
 * bucket. Pure: text in, values out; a document that is no answer of S3 (the page of a captive
 * portal, say) is told apart from one that is. */
#ifndef KEEPTAKE_SERVER_STORE_S3_ANSWER_H
#define KEEPTAKE_SERVER_STORE_S3_ANSWER_H

#include "store/store.h"

#define S3STORE_CODE_BYTES 64     /* the longest of AWS's error codes has 41 letters */
#define S3STORE_MESSAGE_BYTES 200 /* longer ones are cut */
#define S3STORE_MAX_UPLOADS 20000 /* of one list; what is beyond is left to the next clean-up */

/* Name of the root element. 0, or -1 where text is no small XML document. */
int s3store_answer_root(const char *text, size_t bytes, char root[S3STORE_CODE_BYTES]);

/* <Error>: its code and its message ("" where empty, as Ceph's are). 0, or -1 where it is none. */
int s3store_answer_error(const char *text, size_t bytes, char code[S3STORE_CODE_BYTES],
                         char message[S3STORE_MESSAGE_BYTES]);

/* Text of the first element at path ("InitiateMultipartUploadResult/UploadId"), without the quotes
 * of an ETag. Its length, or -1: malformed, not there, or too long for out. */
int s3store_answer_text(const char *text, size_t bytes, const char *path, char *out,
                        size_t out_bytes);

typedef struct S3StorePartList {
    StorePart *parts; /* free() it; in the order of their numbers, each number once */
    int count, capacity;
    int next; /* marker of the next page; 0: this was the last */
} S3StorePartList;

/* Appends a page of ListParts (docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html). 0, or
 * -1: malformed, numbers that do not grow, a marker that leads back; the list keeps its pages
 * before then. */
int s3store_answer_parts(const char *text, size_t bytes, S3StorePartList *list);

typedef struct S3StoreUploadList {
    StoreUpload *uploads; /* free() it */
    int count, capacity;
    int more; /* another page begins behind these two */
    char next_key[STORE_KEY_BYTES], next_upload_id[STORE_UPLOAD_ID_BYTES];
} S3StoreUploadList;

/* Appends a page of ListMultipartUploads. 0, or -1 as above. An upload whose key or ID is longer
 * than ours can be is passed over. */
int s3store_answer_uploads(const char *text, size_t bytes, S3StoreUploadList *list);

typedef struct S3StoreObjectList {
    StoreObject *objects; /* free() it; in the order of their keys */
    int count, capacity;
    int more; /* other pages follow the last one */
} S3StoreObjectList;

/* Appends a page of ListObjectsV2. 0, or -1 as above; an object whose key is longer than ours can
 * be is passed over. */
int s3store_answer_objects(const char *text, size_t bytes, S3StoreObjectList *list);

typedef struct S3StoreRules {
    int ours, others; /* how many have the ID that was asked for, and how many have not */
} S3StoreRules;

/* Rules of a CORSConfiguration or LifecycleConfiguration. 0, or -1 where text is neither. */
int s3store_answer_rules(const char *text, size_t bytes, const char *id, S3StoreRules *out);

/* "2026-01-31T20:48:33.123Z" as Unix time in microseconds, 0 where it is none. */
int64_t s3store_answer_time(const char *text);

/* Copies an ETag without quotes. 0, or -1: empty, too long, or characters that no ETag has. */
int s3store_answer_etag(const char *text, char out[STORE_ETAG_BYTES]);

#endif
