/* Which operation a request is: by method, by bucket or key, by the parameter that names a
 * subresource. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <string.h>

typedef struct Route {
    const char *method;
    int level;         /* 0 service, 1 bucket, 2 object */
    const char *query; /* parameter that must be there; NULL: any */
    void (*run)(GwOp *op);
    const char *name;  /* S3's, of run */
    const char *error; /* instead of run */
} Route;

/* First match wins. */
static const Route routes[] = {
    {"GET", 0, NULL, gw__list_buckets, "ListBuckets", NULL},
    {"GET", 1, "location", gw__get_location, "GetBucketLocation", NULL},
    {"GET", 1, "versioning", gw__get_versioning, "GetBucketVersioning", NULL},
    {"GET", 1, "cors", gw__get_cors, "GetBucketCors", NULL},
    {"GET", 1, "uploads", gw__list_uploads, "ListMultipartUploads", NULL},
    {"GET", 1, "policy", NULL, NULL, "NoSuchBucketPolicy"},
    {"GET", 1, "lifecycle", NULL, NULL, "NoSuchLifecycleConfiguration"},
    {"GET", 1, "tagging", NULL, NULL, "NoSuchTagSet"},
    {"GET", 1, "acl", NULL, NULL, "NotImplemented"},
    {"GET", 1, "versions", gw__list_versions, "ListObjectVersions", NULL},
    {"GET", 1, "object-lock", NULL, NULL, "NotImplemented"},
    {"GET", 1, "list-type", gw__list_v2, "ListObjectsV2", NULL},
    {"GET", 1, NULL, gw__list_v1, "ListObjects", NULL},
    {"HEAD", 1, NULL, gw__head_bucket, "HeadBucket", NULL},
    {"PUT", 1, "cors", gw__put_cors, "PutBucketCors", NULL},
    {"PUT", 1, "acl", NULL, NULL, "NotImplemented"},
    {"PUT", 1, "policy", NULL, NULL, "NotImplemented"},
    {"PUT", 1, "lifecycle", NULL, NULL, "NotImplemented"},
    {"PUT", 1, "versioning", NULL, NULL, "NotImplemented"},
    {"PUT", 1, "tagging", NULL, NULL, "NotImplemented"},
    {"PUT", 1, NULL, gw__create_bucket, "CreateBucket", NULL},
    {"DELETE", 1, "cors", gw__delete_cors, "DeleteBucketCors", NULL},
    {"DELETE", 1, "policy", NULL, NULL, "NotImplemented"},
    {"DELETE", 1, "lifecycle", NULL, NULL, "NotImplemented"},
    {"DELETE", 1, "tagging", NULL, NULL, "NotImplemented"},
    {"DELETE", 1, NULL, gw__delete_bucket, "DeleteBucket", NULL},
    {"POST", 1, "delete", gw__delete_objects, "DeleteObjects", NULL},
    {"POST", 1, NULL, NULL, NULL, "NotImplemented"},
    {"GET", 2, "uploadId", gw__list_parts, "ListParts", NULL},
    {"GET", 2, "acl", NULL, NULL, "NotImplemented"},
    {"GET", 2, "tagging", NULL, NULL, "NotImplemented"},
    {"GET", 2, "torrent", NULL, NULL, "NotImplemented"},
    {"GET", 2, "attributes", gw__get_attributes, "GetObjectAttributes", NULL},
    {"GET", 2, NULL, gw__get_object, "GetObject", NULL},
    {"HEAD", 2, NULL, gw__get_object, "HeadObject", NULL},
    {"PUT", 2, "acl", NULL, NULL, "NotImplemented"},
    {"PUT", 2, "tagging", NULL, NULL, "NotImplemented"},
    {"DELETE", 2, "uploadId", gw__abort_upload, "AbortMultipartUpload", NULL},
    {"DELETE", 2, "tagging", NULL, NULL, "NotImplemented"},
    {"DELETE", 2, NULL, gw__delete_object, "DeleteObject", NULL},
    {"POST", 2, "uploads", gw__create_upload, "CreateMultipartUpload", NULL},
    {"POST", 2, "uploadId", gw__complete_upload, "CompleteMultipartUpload", NULL},
    {"POST", 2, NULL, NULL, NULL, "NotImplemented"},
};

int gw__split_path(GwOp *op)
{
    const char *bucket = op->path + (op->path[0] == '/');
    size_t bucket_bytes = strcspn(bucket, "/");
    const char *key = bucket + bucket_bytes;
    key += *key == '/';
    if (op->path[0] != '/' ||
        (bucket_bytes > 0 &&
         text_uri_decode(bucket, bucket_bytes, 0, op->bucket, sizeof op->bucket) < 0)) {
        op->bucket[0] = 0;
        gw__error(op, bucket_bytes >= sizeof op->bucket ? "InvalidBucketName" : "InvalidURI", NULL);
        return -1;
    }
    if (*key == 0)
        return bucket_bytes > 0;
    if (!bucket_bytes) {
        gw__error(op, "InvalidURI", NULL);
        return -1;
    }
    long key_bytes = text_uri_decode(key, strlen(key), 0, op->key, sizeof op->key);
    if (key_bytes < 0 || !text_is_utf8(op->key, (size_t)key_bytes)) {
        op->key[0] = 0;
        gw__error(op, strlen(key) >= sizeof op->key ? "KeyTooLongError" : "InvalidURI", NULL);
        return -1;
    }
    return 2;
}

static int route_put(GwOp *op)
{
    int is_part = gw__has_query(op, "uploadId") || gw__has_query(op, "partNumber");
    if (gw__header(op, "x-amz-copy-source")) {
        op->run = is_part ? gw__copy_part : gw__copy_object;
        op->operation = is_part ? "UploadPartCopy" : "CopyObject";
        op->pool = DISK_LONG;
        return 1;
    }
    op->operation = is_part ? "UploadPart" : "PutObject";
    return is_part ? gw__open_body(op, gw__check_part, gw__commit_part)
                   : gw__open_body(op, gw__check_put, gw__commit_put);
}

/* Without versioning each object has one version, "null". */
static int version_exists(GwOp *op)
{
    char id[8];
    if (!gw__has_query(op, "versionId") ||
        (gw__query(op, "versionId", id, sizeof id) == 4 && strcmp(id, "null") == 0))
        return 1;
    gw__error(op, "NoSuchVersion", NULL);
    return 0;
}

/* Lists, copies, deletions of many and checksums of whole objects take long; to read is not to wait
 * for those who write. */
static DiskPool pool_of(const GwOp *op)
{
    static void (*const long_ones[])(GwOp *) = {
        gw__list_v1,        gw__list_v2,       gw__list_versions,  gw__list_uploads,
        gw__delete_objects, gw__delete_bucket, gw__complete_upload};
    if (op->run == gw__get_object)
        return DISK_READS;
    for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
        if (op->run == long_ones[i])
            return DISK_LONG;
    return DISK_CALLS;
}

int gw__route(GwOp *op)
{
    int level = gw__split_path(op);
    if (level < 0 || (level == 2 && !version_exists(op)))
        return 0;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const Route *route = &routes[i];
        if (route->level != level || strcmp(route->method, op->method) != 0 ||
            (route->query && !gw__has_query(op, route->query)))
            continue;
        if (route->error) {
            char message[96];
            snprintf(message, sizeof message, "This store does not implement \"%s\" of S3.",
                     route->query ? route->query : op->method);
            int says = strcmp(route->error, "NotImplemented") == 0;
            gw__error(op, route->error, says ? message : NULL);
        }
        op->run = route->run;
        op->operation = route->name;
        op->pool = pool_of(op);
        return op->run != NULL;
    }
    if (level == 2 && strcmp(op->method, "PUT") == 0)
        return route_put(op);
    gw__error(op, "MethodNotAllowed", NULL);
    return 0;
}
