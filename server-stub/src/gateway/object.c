/* Object operations: get, head, put, copy, delete. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"

/* --- conditions --- */

/* 0, 304 or 412, in the order of RFC 9110. prefix: "" or "x-amz-copy-source-". */
static int check_conditions(const GwOp *op, const StoreObject *object, const char *prefix)
{
    static const char *const names[] = {"If-Match", "If-Unmodified-Since", "If-None-Match",
                                        "If-Modified-Since"};
    const char *values[4];
    int64_t modified_s = object->modified_unix_us / 1000000;
    int64_t time_s;
    char name[64];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, names[i]);
        values[i] = gw__header(op, name);
    }
    if (values[0]) {
        if (!disk_etag_listed(values[0], object->etag, 0))
            return 412;
    } else if (values[1] && (time_s = gw__parse_http_time(values[1])) >= 0 && modified_s > time_s) {
        return 412;
    }
    if (values[2]) {
        if (disk_etag_listed(values[2], object->etag, 1))
            return 304;
    } else if (values[3] && (time_s = gw__parse_http_time(values[3])) >= 0 &&
               modified_s <= time_s) {
        return 304;
    }
    return 0;
}

/* --- ranges --- */

/* "bytes=a-b", "bytes=a-", "bytes=-n". */
int gw__parse_range(const char *text, int64_t size, int64_t *from, int64_t *bytes)
{
    char *end = NULL;
    int64_t first;
    int64_t last = size - 1;
    if (strncasecmp(text, "bytes=", 6) != 0) /* RFC 9110 14.1: units know no case */
        return 0;
    text += 6;
    if (*text == '-') {
        if (text[1] < '0' || text[1] > '9')
            return 0;
        int64_t tail = strtoll(text + 1, &end, 10);
        first = tail < size ? size - tail : 0;
        if (*end)
            return 0;
        if (tail == 0)
            return -1;
    } else {
        if (*text < '0' || *text > '9')
            return 0;
        first = strtoll(text, &end, 10);
        if (*end != '-')
            return 0;
        text = end + 1;
        if (*text) {
            if (*text < '0' || *text > '9')
                return 0;
            last = strtoll(text, &end, 10);
            if (*end || last < first)
                return 0;
        }
    }
    if (first >= size)
        return -1;
    if (last >= size)
        last = size - 1;
    *from = first;
    *bytes = last - first + 1;
    return 1;
}

/* If-Range: an ETag or a date that must still hold. */
static int range_holds(const GwOp *op, const StoreObject *object)
{
    const char *value = gw__header(op, "If-Range");
    if (!value)
        return 1;
    if (value[0] == '"')
        return disk_etag_listed(value, object->etag, 0);
    return gw__parse_http_time(value) == object->modified_unix_us / 1000000;
}

/* Sets what to send: the object, its range or one of its parts. 0 when an error is answered. */
static int choose_bytes(GwOp *op, const DiskReader *reader)
{
    const StoreObject *object = disk_reader_object(reader);
    GwAnswer *a = &op->answer;
    char text[96];
    const char *range = gw__header(op, "Range");
    int partial = 0;
    a->from = 0;
    a->bytes = object->bytes;
    if (gw__has_query(op, "partNumber")) {
        long number = gw__query_number(op, "partNumber", STORE_MAX_PARTS + 1, -1);
        partial = number > 0 && disk_reader_part(reader, (int)number, &a->from, &a->bytes) ? 1 : -1;
        snprintf(text, sizeof text, "%d", disk_reader_part_count(reader));
        gw__add_header(op, "x-amz-mp-parts-count", text);
    } else if (range && range_holds(op, object)) {
        partial = gw__parse_range(range, object->bytes, &a->from, &a->bytes);
    }
    if (partial < 0) {
        gw__error(op, "InvalidRange", NULL);
        snprintf(text, sizeof text, "bytes */%lld", (long long)object->bytes);
        gw__add_header(op, "Content-Range", text);
        return 0;
    }
    a->status = partial && object->bytes > 0 ? 206 : 200;
    if (a->status == 206) {
        snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)a->from,
                 (long long)(a->from + a->bytes - 1), (long long)object->bytes);
        gw__add_header(op, "Content-Range", text);
    }
    return 1;
}

/* --- get and head --- */

/* Headers kept with the object, unless the query overrides them (response-cache-control=…). */
static void add_kept_headers(GwOp *op, const char *kept)
{
    char query[96];
    char value[1024];
    while (*kept) {
        size_t line = strcspn(kept, "\n");
        size_t name = strcspn(kept, ":");
        snprintf(query, sizeof query, "response-%.*s", (int)name, kept);
        for (char *p = query; *p; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p | 0x20);
        if (gw__query(op, query, value, sizeof value) < 0) {
            text_add(&op->answer.headers, kept, line);
            text_add(&op->answer.headers, "\n", 1);
        }
        kept += line + (kept[line] == '\n');
    }
}

/* Overrides of the answer's headers, allowed to signed requests only, which all are. */
static void add_overrides(GwOp *op)
{
    static const char *const names[][2] = {
        {"response-cache-control", "Cache-Control"},
        {"response-content-disposition", "Content-Disposition"},
        {"response-content-encoding", "Content-Encoding"},
        {"response-content-language", "Content-Language"},
        {"response-expires", "Expires"},
    };
    char value[1024];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (gw__query(op, names[i][0], value, sizeof value) > 0 && !strpbrk(value, "\r\n"))
            gw__add_header(op, names[i][1], value);
}

static void add_object_headers(GwOp *op, const StoreObject *object)
{
    char time[40];
    char type[256];
    gw__http_time(object->modified_unix_us, time);
    gw__add_etag_header(op, object->etag);
    gw__add_header(op, "Last-Modified", time);
    gw__add_header(op, "Accept-Ranges", "bytes");
    if (gw__query(op, "response-content-type", type, sizeof type) < 1 || strpbrk(type, "\r\n"))
        snprintf(type, sizeof type, "%s",
                 object->content_type[0] ? object->content_type : "binary/octet-stream");
    snprintf(op->answer.reader_type, sizeof op->answer.reader_type, "%s", type);
}

/* x-amz-checksum-…, where it was asked for: of the object when all of it is sent; of a part, when
 * that is sent, unless the object's is over all bytes (as AWS does). */
static void add_checksum(GwOp *op, DiskReader *reader)
{
    DiskAlgorithm algorithm;
    StorePart part;
    char text[64];
    const char *checksum = disk_reader_object(reader)->checksum;
    const char *mode = gw__header(op, "x-amz-checksum-mode");
    if (!mode || strcasecmp(mode, "ENABLED") != 0 ||
        !disk_parse_checksum(checksum, &algorithm, NULL))
        return;
    if (!gw__has_query(op, "partNumber") ||
        (!algorithm.is_composite && disk_reader_part_count(reader) == 1)) {
        if (op->answer.status == 200 || gw__has_query(op, "partNumber"))
            gw__add_checksum_headers(op, checksum);
        return;
    }
    int number = (int)gw__query_number(op, "partNumber", STORE_MAX_PARTS + 1, 0);
    for (int i = 0; algorithm.is_composite && i < disk_reader_part_count(reader); i++) {
        if (disk_reader_part_number(reader, i) != number ||
            disk_reader_part_info(reader, i, &part) != STORE_OK ||
            part.checksum_kind != algorithm.kind)
            continue;
        digest_to_base64(part.checksum, digest_bytes((DigestKind)part.checksum_kind), text);
        gw__add_checksum_header(op, part.checksum_kind, text);
        gw__add_header(op, "x-amz-checksum-type", "COMPOSITE");
    }
}

void gw__get_object(GwOp *op)
{
    DiskReader *reader = NULL;
    if (gw__failed(op, disk_reader_open(op->s3->disk, op->bucket, op->key, &reader)))
        return;
    const StoreObject *object = disk_reader_object(reader);
    int refused = check_conditions(op, object, "");
    if (refused == 412) {
        gw__error(op, "PreconditionFailed", NULL);
    } else if (refused == 304) {
        op->answer.status = 304;
        add_object_headers(op, object);
        add_kept_headers(op, disk_reader_headers(reader));
        add_overrides(op);
    } else if (choose_bytes(op, reader)) {
        add_object_headers(op, object);
        add_kept_headers(op, disk_reader_headers(reader));
        add_overrides(op);
        add_checksum(op, reader);
        op->answer.reader = reader;
        return;
    }
    disk_reader_close(&reader);
}

void gw__delete_object(GwOp *op)
{
    if (!gw__failed(op, disk_delete_object(op->s3->disk, op->bucket, op->key)))
        op->answer.status = 204;
}

/* --- put --- */

/* Conditional writes: If-None-Match: * (must not exist) and If-Match (must be that one). Here only
 * to refuse early; what counts is looked at under the store's lock. */
static int write_allowed(GwOp *op)
{
    DiskReader *reader = NULL;
    const char *match = gw__header(op, "If-Match");
    const char *none = gw__header(op, "If-None-Match");
    if (!match && !none)
        return 1;
    StoreStatus status = disk_reader_open(op->s3->disk, op->bucket, op->key, &reader);
    if (status != STORE_OK && status != STORE_NO_SUCH_KEY)
        return !gw__failed(op, status);
    int exists = status == STORE_OK;
    const char *etag = exists ? disk_reader_object(reader)->etag : "";
    if (match && !exists)
        gw__error(op, "NoSuchKey", NULL);
    else if ((match && !disk_etag_listed(match, etag, 0)) ||
             (none && exists && disk_etag_listed(none, etag, 1)))
        gw__error(op, "PreconditionFailed", NULL);
    disk_reader_close(&reader);
    return op->answer.status == 0;
}

void gw__check_put(GwOp *op)
{
    if (!gw__failed(op, disk_head_bucket(op->s3->disk, op->bucket)))
        write_allowed(op);
}

static const char *content_type_of(const GwOp *op)
{
    const char *type = gw__header(op, "Content-Type");
    return type && strlen(type) < sizeof((StoreObject *)0)->content_type ? type : "";
}

void gw__commit_put(GwOp *op, DiskWriter *writer)
{
    StoreObject object;
    Text kept = {0};
    if (gw__kept_headers(op, &kept)) {
        DiskName name = {op->bucket, op->key, content_type_of(op), kept.data, {0}};
        DiskCondition condition = gw__condition(op);
        char checksum[STORE_CHECKSUM_TEXT_BYTES];
        gw__body_checksum(op, checksum);
        if (!gw__failed(op, disk_put_object_if(op->s3->disk, &name, &condition, checksum, writer,
                                               &object))) {
            op->answer.status = 200;
            gw__add_etag_header(op, object.etag);
            gw__add_checksum_headers(op, checksum);
        }
    }
    text_reset(&kept);
}

/* --- copy --- */

/* The source of a copy, its conditions checked; NULL with an error answered. */
static DiskReader *open_source(GwOp *op)
{
    char bucket[STORE_BUCKET_BYTES];
    char key[STORE_KEY_BYTES];
    DiskReader *reader = NULL;
    if (!gw__copy_source(op, bucket, key)) {
        gw__error(op, "InvalidArgument",
                  "Copy Source must mention the source bucket and key: "
                  "sourcebucket/sourcekey");
        return NULL;
    }
    if (gw__failed(op, disk_reader_open(op->s3->disk, bucket, key, &reader)))
        return NULL;
    if (check_conditions(op, disk_reader_object(reader), "x-amz-copy-source-") != 0) {
        gw__error(op, "PreconditionFailed", NULL);
        disk_reader_close(&reader);
    }
    return reader;
}

/* part: of UploadPartCopy; checksum: of CopyObject. */
static void answer_copy(GwOp *op, const char *element, const char *etag, int64_t modified_unix_us,
                        const StorePart *part, const char *checksum)
{
    char time[32];
    char quoted[STORE_ETAG_BYTES + 2];
    Text *xml = gw__begin_xml(op);
    gw__iso_time(modified_unix_us, time);
    gw__quoted_etag(etag, quoted);
    text_format(xml, "<%s xmlns=\"" GW_NAMESPACE "\">", element);
    text_add_element(xml, "LastModified", time);
    text_add_element(xml, "ETag", quoted);
    if (part)
        gw__add_part_checksum(xml, part);
    else
        gw__add_object_checksum(xml, checksum, 1);
    text_format(xml, "</%s>", element);
}

void gw__copy_object(GwOp *op)
{
    StoreObject object;
    Text kept = {0};
    const char *directive = gw__header(op, "x-amz-metadata-directive");
    int replace = directive && strcasecmp(directive, "REPLACE") == 0;
    DiskAlgorithm algorithm;
    if (!gw__take_algorithm_of_object(op, &algorithm))
        return;
    DiskReader *reader = open_source(op);
    if (!reader)
        return;
    if (replace ? gw__kept_headers(op, &kept) : 1) {
        DiskName name = {op->bucket, op->key, content_type_of(op), kept.data, algorithm};
        if (!replace) {
            name.content_type = disk_reader_object(reader)->content_type;
            name.headers = disk_reader_headers(reader);
        }
        DiskCondition condition = gw__condition(op);
        StoreStatus status = disk_head_bucket(op->s3->disk, op->bucket);
        if (status == STORE_OK)
            status = disk_copy_object_if(op->s3->disk, reader, &name, &condition, &object);
        if (!gw__failed(op, status))
            answer_copy(op, "CopyObjectResult", object.etag, object.modified_unix_us, NULL,
                        object.checksum);
    }
    text_reset(&kept);
    disk_reader_close(&reader);
}

/* --- UploadPartCopy: bytes of an object become a part --- */

void gw__copy_part(GwOp *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES] = "";
    const char *range = gw__header(op, "x-amz-copy-source-range");
    int number = (int)gw__query_number(op, "partNumber", STORE_MAX_PARTS + 1, 0);
    int64_t from = 0;
    StorePart part;
    gw__check_part(op);
    if (op->answer.status != 0)
        return;
    gw__query(op, "uploadId", upload_id, sizeof upload_id);
    DiskReader *reader = open_source(op);
    if (!reader)
        return;
    int64_t bytes = disk_reader_object(reader)->bytes;
    if (range && gw__parse_range(range, bytes, &from, &bytes) != 1)
        gw__error(op, "InvalidArgument",
                  "The x-amz-copy-source-range value must be of the form "
                  "bytes=first-last within the source object.");
    else if (bytes > GW_MAX_PUT_BYTES)
        gw__error(op, "EntityTooLarge", NULL);
    else if (!gw__failed(op, disk_copy_part(op->s3->disk, reader, from, bytes, op->bucket, op->key,
                                            upload_id, number, &part)))
        answer_copy(op, "CopyPartResult", part.etag, part.modified_unix_us, &part, NULL);
    disk_reader_close(&reader);
}
