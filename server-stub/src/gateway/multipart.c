/* Multipart operations. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gw__upload_id(const GwOp *op, char out[STORE_UPLOAD_ID_BYTES])
{
    if (gw__query(op, "uploadId", out, STORE_UPLOAD_ID_BYTES) < 0)
        out[0] = 0;
}

static void add_algorithm_headers(GwOp *op, const DiskAlgorithm *algorithm)
{
    char name[24];
    if (algorithm->kind == DIGEST_MD5)
        return;
    gw__element_of_checksum(algorithm->kind, name);
    gw__add_header(op, "x-amz-checksum-algorithm", name + strlen("Checksum"));
    gw__add_header(op, "x-amz-checksum-type",
                   algorithm->is_composite ? "COMPOSITE" : "FULL_OBJECT");
}

void gw__create_upload(GwOp *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    DiskAlgorithm algorithm;
    Text kept = {0};
    const char *type = gw__header(op, "Content-Type");
    if (type && strlen(type) >= sizeof((StoreObject *)0)->content_type)
        type = NULL;
    if (gw__take_algorithm(op, &algorithm) && gw__kept_headers(op, &kept)) {
        DiskName name = {op->bucket, op->key, type ? type : "", kept.data, algorithm};
        if (!gw__failed(op, disk_create_upload(op->s3->disk, &name, upload_id))) {
            Text *xml = gw__begin_xml(op);
            text_add_string(xml, "<InitiateMultipartUploadResult xmlns=\"" GW_NAMESPACE "\">");
            text_add_element(xml, "Bucket", op->bucket);
            text_add_element(xml, "Key", op->key);
            text_add_element(xml, "UploadId", upload_id);
            text_add_string(xml, "</InitiateMultipartUploadResult>");
            add_algorithm_headers(op, &algorithm);
        }
    }
    text_reset(&kept);
}

/* Of a body: the upload's kind of checksum, verified where one is sent, made here where none is. */
static void check_algorithm(GwOp *op, const DiskAlgorithm *upload)
{
    char message[128];
    int kind = gw__announced_checksum(op);
    if (upload->kind == DIGEST_MD5 || kind == DIGEST_MD5 || kind == upload->kind) {
        gw__want_checksum(op, upload->kind);
        return;
    }
    snprintf(message, sizeof message,
             "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: "
             "%s",
             digest_name((DigestKind)upload->kind), digest_name((DigestKind)kind));
    gw__error(op, "InvalidRequest", message);
}

void gw__check_part(GwOp *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    DiskAlgorithm upload;
    long number = gw__query_number(op, "partNumber", STORE_MAX_PARTS + 1, 0);
    gw__upload_id(op, upload_id);
    if (number < 1 || number > STORE_MAX_PARTS)
        gw__error(op, "InvalidArgument",
                  "Part number must be an integer between 1 and 10000, inclusive");
    else if (!gw__failed(op, disk_upload_algorithm(op->s3->disk, op->bucket, op->key, upload_id,
                                                   &upload)) &&
             op->body)
        check_algorithm(op, &upload);
}

void gw__commit_part(GwOp *op, DiskWriter *writer)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    StorePart part;
    int number = (int)gw__query_number(op, "partNumber", STORE_MAX_PARTS + 1, 0);
    gw__upload_id(op, upload_id);
    if (gw__failed(
            op, disk_put_part(op->s3->disk, op->bucket, op->key, upload_id, number, writer, &part)))
        return;
    op->answer.status = 200;
    gw__add_etag_header(op, part.etag);
    if (part.checksum_kind != DIGEST_MD5) {
        char text[64];
        digest_to_base64(part.checksum, digest_bytes((DigestKind)part.checksum_kind), text);
        gw__add_checksum_header(op, part.checksum_kind, text);
    }
}

void gw__abort_upload(GwOp *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    gw__upload_id(op, upload_id);
    if (!gw__failed(op, disk_abort(op->s3->disk, op->bucket, op->key, upload_id)))
        op->answer.status = 204;
}

static void add_part_element(Text *xml, const StorePart *part)
{
    char time[32];
    char etag[STORE_ETAG_BYTES + 2];
    gw__iso_time(part->modified_unix_us, time);
    gw__quoted_etag(part->etag, etag);
    text_format(xml, "<Part><PartNumber>%d</PartNumber>", part->number);
    text_add_element(xml, "LastModified", time);
    text_add_element(xml, "ETag", etag);
    text_format(xml, "<Size>%lld</Size>", (long long)part->bytes);
    gw__add_part_checksum(xml, part);
    text_add_string(xml, "</Part>");
}

void gw__list_parts(GwOp *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    DiskAlgorithm algorithm;
    StorePart *parts = NULL;
    int count = 0;
    int at = 0;
    long max = gw__query_number(op, "max-parts", GW_LIST_MAX, GW_LIST_MAX);
    long marker = gw__query_number(op, "part-number-marker", STORE_MAX_PARTS, 0);
    gw__upload_id(op, upload_id);
    if (max < 0 || marker < 0) {
        gw__error(op, "InvalidArgument", NULL);
        return;
    }
    StoreDisk *disk = op->s3->disk;
    StoreStatus status = disk_upload_algorithm(disk, op->bucket, op->key, upload_id, &algorithm);
    if (status == STORE_OK)
        status = disk_list_parts(disk, op->bucket, op->key, upload_id, &parts, &count);
    if (gw__failed(op, status))
        return;
    while (at < count && parts[at].number <= marker)
        at++;
    int end = count - at > max ? at + (int)max : count;
    int last = end > at ? parts[end - 1].number : (int)marker;
    Text *xml = gw__begin_xml(op);
    text_add_string(xml, "<ListPartsResult xmlns=\"" GW_NAMESPACE "\">");
    text_add_element(xml, "Bucket", op->bucket);
    text_add_element(xml, "Key", op->key);
    text_add_element(xml, "UploadId", upload_id);
    text_format(xml,
                "<PartNumberMarker>%ld</PartNumberMarker><NextPartNumberMarker>%d"
                "</NextPartNumberMarker><MaxParts>%ld</MaxParts><IsTruncated>%s</IsTruncated>"
                "<StorageClass>STANDARD</StorageClass>",
                marker, last, max, end < count ? "true" : "false");
    gw__add_algorithm(xml, &algorithm);
    for (; at < end; at++)
        add_part_element(xml, &parts[at]);
    text_add_string(xml, "</ListPartsResult>");
    free(parts);
}

static void add_upload(Text *xml, const StoreUpload *upload)
{
    char time[32];
    gw__iso_time(upload->initiated_unix_us, time);
    text_add_string(xml, "<Upload>");
    text_add_element(xml, "Key", upload->key);
    text_add_element(xml, "UploadId", upload->upload_id);
    text_add_element(xml, "Initiated", time);
    text_add_string(xml, "<StorageClass>STANDARD</StorageClass>");
    gw__add_algorithm(xml, &(DiskAlgorithm){upload->checksum_kind, upload->is_composite});
    text_add_string(xml, "</Upload>");
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

void gw__list_uploads(GwOp *op)
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
    long max = gw__query_number(op, "max-uploads", GW_LIST_MAX, GW_LIST_MAX);
    if (max < 0 ||
        (gw__has_query(op, "prefix") && gw__query(op, "prefix", prefix, sizeof prefix) < 0) ||
        (gw__has_query(op, "key-marker") &&
         gw__query(op, "key-marker", key_marker, sizeof key_marker) < 0)) {
        gw__error(op, "InvalidArgument", NULL);
        return;
    }
    gw__query(op, "upload-id-marker", id_marker, sizeof id_marker);
    if (gw__failed(op, disk_list_uploads(op->s3->disk, op->bucket, prefix, &uploads, &count)))
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
    Text *xml = gw__begin_xml(op);
    text_add_string(xml, "<ListMultipartUploadsResult xmlns=\"" GW_NAMESPACE "\">");
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
