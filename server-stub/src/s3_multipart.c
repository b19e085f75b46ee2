/* Multipart operations. */
#include "s3_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "digest.h"

#include "xml.h"

static void take_upload_id(const S3Op *op, char out[STORE_UPLOAD_ID_BYTES])
{
    if (s3__query(op, "uploadId", out, STORE_UPLOAD_ID_BYTES) < 0)
        out[0] = 0;
}

void s3__create_upload(S3Op *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    Text kept = {0};
    const char *type = s3__header(op, "Content-Type");
    if (type && strlen(type) >= sizeof((StoreObject *)0)->content_type)
        type = NULL;
    if (s3__kept_headers(op, &kept)) {
        DiskName name = {op->bucket, op->key, type ? type : "", kept.data};
        if (!s3__failed(op, disk_create_upload(op->s3->disk, &name, upload_id))) {
            Text *xml = s3__begin_xml(op);
            text_add_string(xml, "<InitiateMultipartUploadResult xmlns=\"" S3_NAMESPACE "\">");
            text_add_element(xml, "Bucket", op->bucket);
            text_add_element(xml, "Key", op->key);
            text_add_element(xml, "UploadId", upload_id);
            text_add_string(xml, "</InitiateMultipartUploadResult>");
        }
    }
    text_reset(&kept);
}

void s3__check_part(S3Op *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    long number = s3__query_number(op, "partNumber", STORE_MAX_PARTS + 1, 0);
    take_upload_id(op, upload_id);
    if (number < 1 || number > STORE_MAX_PARTS)
        s3__error(op, "InvalidArgument",
                  "Part number must be an integer between 1 and 10000, inclusive");
    else
        s3__failed(op, disk_check_upload(op->s3->disk, op->bucket, op->key, upload_id));
}

void s3__commit_part(S3Op *op, DiskWriter *writer)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    StorePart part;
    int number = (int)s3__query_number(op, "partNumber", STORE_MAX_PARTS + 1, 0);
    take_upload_id(op, upload_id);
    if (s3__failed(
            op, disk_put_part(op->s3->disk, op->bucket, op->key, upload_id, number, writer, &part)))
        return;
    op->answer.status = 200;
    s3__add_etag_header(op, part.etag);
    s3__add_checksum_header(op);
}

void s3__abort_upload(S3Op *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    take_upload_id(op, upload_id);
    if (!s3__failed(op, disk_abort(op->s3->disk, op->bucket, op->key, upload_id)))
        op->answer.status = 204;
}

void s3__list_parts(S3Op *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    StorePart *parts = NULL;
    int count = 0;
    int at = 0;
    int last = 0;
    long max = s3__query_number(op, "max-parts", S3_LIST_MAX, S3_LIST_MAX);
    long marker = s3__query_number(op, "part-number-marker", STORE_MAX_PARTS, 0);
    take_upload_id(op, upload_id);
    if (max < 0 || marker < 0) {
        s3__error(op, "InvalidArgument", NULL);
        return;
    }
    if (s3__failed(op,
                   disk_list_parts(op->s3->disk, op->bucket, op->key, upload_id, &parts, &count)))
        return;
    while (at < count && parts[at].number <= marker)
        at++;
    int end = count - at > max ? at + (int)max : count;
    last = end > at ? parts[end - 1].number : (int)marker;
    Text *xml = s3__begin_xml(op);
    text_add_string(xml, "<ListPartsResult xmlns=\"" S3_NAMESPACE "\">");
    text_add_element(xml, "Bucket", op->bucket);
    text_add_element(xml, "Key", op->key);
    text_add_element(xml, "UploadId", upload_id);
    text_format(xml,
                "<PartNumberMarker>%ld</PartNumberMarker><NextPartNumberMarker>%d"
                "</NextPartNumberMarker><MaxParts>%ld</MaxParts><IsTruncated>%s</IsTruncated>"
                "<StorageClass>STANDARD</StorageClass>",
                marker, last, max, end < count ? "true" : "false");
    for (; at < end; at++) {
        char time[32];
        char etag[STORE_ETAG_BYTES + 2];
        s3__iso_time(parts[at].modified_unix_us, time);
        s3__quoted_etag(parts[at].etag, etag);
        text_format(xml, "<Part><PartNumber>%d</PartNumber>", parts[at].number);
        text_add_element(xml, "LastModified", time);
        text_add_element(xml, "ETag", etag);
        text_format(xml, "<Size>%lld</Size></Part>", (long long)parts[at].bytes);
    }
    text_add_string(xml, "</ListPartsResult>");
    free(parts);
}

static void add_upload(Text *xml, const StoreUpload *upload)
{
    char time[32];
    s3__iso_time(upload->initiated_unix_us, time);
    text_add_string(xml, "<Upload>");
    text_add_element(xml, "Key", upload->key);
    text_add_element(xml, "UploadId", upload->upload_id);
    text_add_element(xml, "Initiated", time);
    text_add_string(xml, "<StorageClass>STANDARD</StorageClass></Upload>");
}

/* 1 when upload comes after the markers. */
static int behind_markers(const StoreUpload *upload, const char *key, const char *id,
                          const StoreUpload *all, int count)
{
    int order = strcmp(upload->key, key);
    if (key[0] == 0 || order > 0)
        return 1;
    if (order < 0 || id[0] == 0)
        return 0;
    /* Same key: uploads are sorted by start, the marked one tells where. */
    for (int i = 0; i < count; i++)
        if (strcmp(all[i].upload_id, id) == 0)
            return upload > &all[i];
    return 0;
}

void s3__list_uploads(S3Op *op)
{
    char prefix[STORE_KEY_BYTES] = "";
    char key_marker[STORE_KEY_BYTES] = "";
    char id_marker[STORE_UPLOAD_ID_BYTES] = "";
    StoreUpload *uploads = NULL;
    int count = 0;
    int shown = 0;
    const StoreUpload *last = NULL;
    int truncated = 0;
    Text list = {0};
    long max = s3__query_number(op, "max-uploads", S3_LIST_MAX, S3_LIST_MAX);
    if (max < 0 ||
        (s3__has_query(op, "prefix") && s3__query(op, "prefix", prefix, sizeof prefix) < 0) ||
        (s3__has_query(op, "key-marker") &&
         s3__query(op, "key-marker", key_marker, sizeof key_marker) < 0)) {
        s3__error(op, "InvalidArgument", NULL);
        return;
    }
    s3__query(op, "upload-id-marker", id_marker, sizeof id_marker);
    if (s3__failed(op, disk_list_uploads(op->s3->disk, op->bucket, prefix, &uploads, &count)))
        return;
    for (int i = 0; i < count && !truncated; i++) {
        if (!behind_markers(&uploads[i], key_marker, id_marker, uploads, count))
            continue;
        truncated = shown == max;
        if (!truncated) {
            add_upload(&list, &uploads[i]);
            last = &uploads[i];
            shown++;
        }
    }
    Text *xml = s3__begin_xml(op);
    text_add_string(xml, "<ListMultipartUploadsResult xmlns=\"" S3_NAMESPACE "\">");
    text_add_element(xml, "Bucket", op->bucket);
    text_add_element(xml, "KeyMarker", key_marker);
    text_add_element(xml, "UploadIdMarker", id_marker);
    text_add_element(xml, "Prefix", prefix);
    if (truncated && last) {
        text_add_element(xml, "NextKeyMarker", last->key);
        text_add_element(xml, "NextUploadIdMarker", last->upload_id);
    }
    text_format(xml, "<MaxUploads>%ld</MaxUploads><IsTruncated>%s</IsTruncated>", max,
                truncated ? "true" : "false");
    if (list.bytes)
        text_add(xml, list.data, list.bytes);
    text_add_string(xml, "</ListMultipartUploadsResult>");
    text_reset(&list);
    free(uploads);
}

/* --- CompleteMultipartUpload --- */

typedef struct PartList {
    StorePart *parts;
    int count, capacity;
    StorePart part; /* being read */
    int has_number, has_etag;
} PartList;

static int add_part(PartList *list)
{
    if (!list->has_number || !list->has_etag || list->count == STORE_MAX_PARTS)
        return 1;
    if (list->count == list->capacity) {
        int capacity = list->capacity ? list->capacity * 2 : 64;
        StorePart *parts = realloc(list->parts, (size_t)capacity * sizeof *parts);
        if (!parts)
            return 1;
        list->parts = parts;
        list->capacity = capacity;
    }
    list->parts[list->count++] = list->part;
    memset(&list->part, 0, sizeof list->part);
    list->has_number = list->has_etag = 0;
    return 0;
}

static int on_part_element(void *ctx, const char *path, const char *text)
{
    PartList *list = ctx;
    if (strncmp(path, "CompleteMultipartUpload", 23) != 0)
        return 1;
    if (strcmp(path, "CompleteMultipartUpload/Part/PartNumber") == 0) {
        char *end = NULL;
        text += strspn(text, " \t\r\n");
        long number = strtol(text, &end, 10);
        end += strspn(end, " \t\r\n");
        list->part.number = number >= 1 && number <= STORE_MAX_PARTS ? (int)number : 0;
        list->has_number = list->part.number > 0 && *end == 0;
        return !list->has_number;
    }
    if (strcmp(path, "CompleteMultipartUpload/Part/ETag") == 0) {
        text += strspn(text, " \t\r\n");
        text += strncmp(text, "W/\"", 3) == 0 ? 2 : 0; /* a proxy's mark: the tag is the same */
        text += strspn(text, "\"");
        size_t bytes = strcspn(text, " \t\r\n\"");
        list->has_etag = bytes > 0 && bytes < STORE_ETAG_BYTES;
        snprintf(list->part.etag, sizeof list->part.etag, "%.*s", list->has_etag ? (int)bytes : 0,
                 text);
        return !list->has_etag;
    }
    return strcmp(path, "CompleteMultipartUpload/Part") == 0 ? add_part(list) : 0;
}

static void answer_complete(S3Op *op, const StoreObject *object)
{
    char quoted[STORE_ETAG_BYTES + 2];
    const char *host = s3__header(op, "Host");
    Text *xml = s3__begin_xml(op);
    s3__quoted_etag(object->etag, quoted);
    text_add_string(xml, "<CompleteMultipartUploadResult xmlns=\"" S3_NAMESPACE "\"><Location>");
    text_add_string(xml, "http://");
    text_add_xml(xml, host ? host : "");
    text_add_xml(xml, op->path);
    text_add_string(xml, "</Location>");
    text_add_element(xml, "Bucket", op->bucket);
    text_add_element(xml, "Key", op->key);
    text_add_element(xml, "ETag", quoted);
    text_add_string(xml, "</CompleteMultipartUploadResult>");
}

/* x-amz-mp-object-size and x-amz-checksum-*. 0 with an error answered. */
static int take_expected(S3Op *op, DiskExpected *out, uint8_t sum[DIGEST_MAX_BYTES])
{
    const char *size = s3__header(op, "x-amz-mp-object-size");
    const char *type = s3__header(op, "x-amz-checksum-type");
    char *end = NULL;
    *out = (DiskExpected){-1, -1, type && strcasecmp(type, "COMPOSITE") == 0, sum};
    if (size) {
        out->bytes = size[0] >= '0' && size[0] <= '9' ? strtoll(size, &end, 10) : -1;
        if (!end || *end) {
            s3__error(op, "InvalidRequest", "x-amz-mp-object-size is not a number.");
            return 0;
        }
    }
    for (int i = 0; i < op->header_count; i++) {
        const char *name = op->headers[i].name;
        char value[64];
        if (strncasecmp(name, "x-amz-checksum-", 15) != 0 || strcasecmp(name + 15, "type") == 0 ||
            strcasecmp(name + 15, "algorithm") == 0)
            continue;
        int was = out->kind;
        size_t bytes = strcspn(op->headers[i].value, "-");
        snprintf(value, sizeof value, "%.*s", (int)bytes, op->headers[i].value);
        out->is_composite |= op->headers[i].value[bytes] == '-';
        out->kind = digest_kind_of(name + 15);
        if (was >= 0 || out->kind < 0 || bytes >= sizeof value ||
            !digest_from_base64(value, sum, digest_bytes((DigestKind)out->kind))) {
            s3__error(op, "InvalidRequest", "The value of the checksum is not valid.");
            return 0;
        }
    }
    if (!type && (out->kind == DIGEST_SHA1 || out->kind == DIGEST_SHA256))
        out->is_composite = 1;
    return 1;
}

void s3__complete_upload(S3Op *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    char message[160];
    PartList list = {0};
    StoreObject object;
    int wrong = 0;
    uint8_t sum[DIGEST_MAX_BYTES];
    DiskExpected expected;
    DiskCondition condition = s3__condition(op);
    take_upload_id(op, upload_id);
    if (op->document.bytes == 0 ||
        xml_parse(op->document.data, op->document.bytes, on_part_element, &list) != 0 ||
        list.count == 0) {
        s3__error(op, "MalformedXML", NULL);
        free(list.parts);
        return;
    }
    if (!take_expected(op, &expected, sum)) {
        free(list.parts);
        return;
    }
    StoreStatus status = disk_complete_if(op->s3->disk, op->bucket, op->key, upload_id, list.parts,
                                          list.count, &condition, &expected, &object, &wrong);
    if (status == STORE_WRONG_SIZE) {
        s3__error(op, "InvalidRequest",
                  "The provided 'x-amz-mp-object-size' does not match the size of the parts.");
    } else if (status == STORE_INVALID_PART || status == STORE_INVALID_PART_ORDER ||
               status == STORE_TOO_SMALL) {
        snprintf(message, sizeof message, "Part %d %s.", wrong,
                 status == STORE_INVALID_PART         ? "is missing or has another ETag"
                 : status == STORE_INVALID_PART_ORDER ? "is out of order"
                                                      : "is smaller than the least part size");
        s3__error(op,
                  status == STORE_INVALID_PART         ? "InvalidPart"
                  : status == STORE_INVALID_PART_ORDER ? "InvalidPartOrder"
                                                       : "EntityTooSmall",
                  message);
    } else if (!s3__failed(op, status)) {
        answer_complete(op, &object);
    }
    free(list.parts);
}
