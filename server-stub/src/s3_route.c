/* Which operation a request is: by method, by bucket or key, by the parameter that names a
 * subresource. */
#include "s3_internal.h"

#include <stdio.h>
#include <string.h>

typedef struct Route {
    const char *method;
    int level;         /* 0 service, 1 bucket, 2 object */
    const char *query; /* parameter that must be there; NULL: any */
    void (*run)(S3Op *op);
    const char *error; /* instead of run */
} Route;

/* First match wins. */
static const Route routes[] = {
    {"GET", 0, NULL, s3__list_buckets, NULL},
    {"GET", 1, "location", s3__get_location, NULL},
    {"GET", 1, "versioning", s3__get_versioning, NULL},
    {"GET", 1, "cors", s3__get_cors, NULL},
    {"GET", 1, "uploads", s3__list_uploads, NULL},
    {"GET", 1, "policy", NULL, "NoSuchBucketPolicy"},
    {"GET", 1, "lifecycle", NULL, "NoSuchLifecycleConfiguration"},
    {"GET", 1, "tagging", NULL, "NoSuchTagSet"},
    {"GET", 1, "acl", NULL, "NotImplemented"},
    {"GET", 1, "versions", s3__list_versions, NULL},
    {"GET", 1, "object-lock", NULL, "NotImplemented"},
    {"GET", 1, "list-type", s3__list_v2, NULL},
    {"GET", 1, NULL, s3__list_v1, NULL},
    {"HEAD", 1, NULL, s3__head_bucket, NULL},
    {"PUT", 1, "cors", s3__put_cors, NULL},
    {"PUT", 1, "acl", NULL, "NotImplemented"},
    {"PUT", 1, "policy", NULL, "NotImplemented"},
    {"PUT", 1, "lifecycle", NULL, "NotImplemented"},
    {"PUT", 1, "versioning", NULL, "NotImplemented"},
    {"PUT", 1, "tagging", NULL, "NotImplemented"},
    {"PUT", 1, NULL, s3__create_bucket, NULL},
    {"DELETE", 1, "cors", s3__delete_cors, NULL},
    {"DELETE", 1, "policy", NULL, "NotImplemented"},
    {"DELETE", 1, "lifecycle", NULL, "NotImplemented"},
    {"DELETE", 1, "tagging", NULL, "NotImplemented"},
    {"DELETE", 1, NULL, s3__delete_bucket, NULL},
    {"POST", 1, "delete", s3__delete_objects, NULL},
    {"POST", 1, NULL, NULL, "NotImplemented"},
    {"GET", 2, "uploadId", s3__list_parts, NULL},
    {"GET", 2, "acl", NULL, "NotImplemented"},
    {"GET", 2, "tagging", NULL, "NotImplemented"},
    {"GET", 2, "torrent", NULL, "NotImplemented"},
    {"GET", 2, "attributes", s3__get_attributes, NULL},
    {"GET", 2, NULL, s3__get_object, NULL},
    {"HEAD", 2, NULL, s3__get_object, NULL},
    {"PUT", 2, "acl", NULL, "NotImplemented"},
    {"PUT", 2, "tagging", NULL, "NotImplemented"},
    {"DELETE", 2, "uploadId", s3__abort_upload, NULL},
    {"DELETE", 2, "tagging", NULL, "NotImplemented"},
    {"DELETE", 2, NULL, s3__delete_object, NULL},
    {"POST", 2, "uploads", s3__create_upload, NULL},
    {"POST", 2, "uploadId", s3__complete_upload, NULL},
    {"POST", 2, NULL, NULL, "NotImplemented"},
};

int s3__split_path(S3Op *op)
{
    const char *bucket = op->path + (op->path[0] == '/');
    size_t bucket_bytes = strcspn(bucket, "/");
    const char *key = bucket + bucket_bytes;
    key += *key == '/';
    if (op->path[0] != '/' ||
        (bucket_bytes > 0 &&
         text_uri_decode(bucket, bucket_bytes, 0, op->bucket, sizeof op->bucket) < 0)) {
        op->bucket[0] = 0;
        s3__error(op, bucket_bytes >= sizeof op->bucket ? "InvalidBucketName" : "InvalidURI", NULL);
        return -1;
    }
    if (*key == 0)
        return bucket_bytes > 0;
    if (!bucket_bytes) {
        s3__error(op, "InvalidURI", NULL);
        return -1;
    }
    long key_bytes = text_uri_decode(key, strlen(key), 0, op->key, sizeof op->key);
    if (key_bytes < 0 || !text_is_utf8(op->key, (size_t)key_bytes)) {
        op->key[0] = 0;
        s3__error(op, strlen(key) >= sizeof op->key ? "KeyTooLongError" : "InvalidURI", NULL);
        return -1;
    }
    return 2;
}

static int route_put(S3Op *op)
{
    int is_part = s3__has_query(op, "uploadId") || s3__has_query(op, "partNumber");
    if (s3__header(op, "x-amz-copy-source")) {
        op->run = is_part ? s3__copy_part : s3__copy_object;
        op->pool = DISK_LONG;
        return 1;
    }
    return is_part ? s3__open_body(op, s3__check_part, s3__commit_part)
                   : s3__open_body(op, s3__check_put, s3__commit_put);
}

/* Without versioning each object has one version, "null". */
static int version_exists(S3Op *op)
{
    char id[8];
    if (!s3__has_query(op, "versionId") ||
        (s3__query(op, "versionId", id, sizeof id) == 4 && strcmp(id, "null") == 0))
        return 1;
    s3__error(op, "NoSuchVersion", NULL);
    return 0;
}

/* Lists, copies, deletions of many and checksums of whole objects take long; to read is not to wait
 * for those who write. */
static DiskPool pool_of(const S3Op *op)
{
    static void (*const long_ones[])(S3Op *) = {
        s3__list_v1,        s3__list_v2,       s3__list_versions,  s3__list_uploads,
        s3__delete_objects, s3__delete_bucket, s3__complete_upload};
    if (op->run == s3__get_object)
        return DISK_READS;
    for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
        if (op->run == long_ones[i])
            return DISK_LONG;
    return DISK_CALLS;
}

int s3__route(S3Op *op)
{
    int level = s3__split_path(op);
    if (level < 0 || (level == 2 && !version_exists(op)))
        return 0;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const Route *route = &routes[i];
        if (route->level != level || strcmp(route->method, op->method) != 0 ||
            (route->query && !s3__has_query(op, route->query)))
            continue;
        if (route->error) {
            char message[96];
            snprintf(message, sizeof message, "This store does not implement \"%s\" of S3.",
                     route->query ? route->query : op->method);
            int says = strcmp(route->error, "NotImplemented") == 0;
            s3__error(op, route->error, says ? message : NULL);
        }
        op->run = route->run;
        op->pool = pool_of(op);
        return op->run != NULL;
    }
    if (level == 2 && strcmp(op->method, "PUT") == 0)
        return route_put(op);
    s3__error(op, "MethodNotAllowed", NULL);
    return 0;
}
