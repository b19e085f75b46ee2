/* CompleteMultipartUpload: the list of parts, what else the client says of the object, the answer.
 */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xml.h"

#define PART "CompleteMultipartUpload/Part"
#define SPACES " \t\r\n"

typedef struct PartList {
    StorePart *parts;
    int count, capacity;
    StorePart part; /* being read */
} PartList;

static int add_part(PartList *list)
{
    if (!list->part.number || !list->part.etag[0] || list->count == STORE_MAX_PARTS)
        return GW_MALFORMED_LIST;
    if (list->count == list->capacity) {
        int capacity = list->capacity ? list->capacity * 2 : 64;
        StorePart *parts = realloc(list->parts, (size_t)capacity * sizeof *parts);
        if (!parts)
            return GW_MALFORMED_LIST;
        list->parts = parts;
        list->capacity = capacity;
    }
    list->parts[list->count++] = list->part;
    memset(&list->part, 0, sizeof list->part);
    return 0;
}

static int take_number(StorePart *part, const char *text)
{
    char *end = NULL;
    text += strspn(text, SPACES);
    long number = strtol(text, &end, 10);
    end += strspn(end, SPACES);
    part->number = number >= 1 && number <= STORE_MAX_PARTS && *end == 0 ? (int)number : 0;
    return part->number ? 0 : GW_MALFORMED_LIST;
}

static int take_etag(StorePart *part, const char *text)
{
    text += strspn(text, SPACES);
    text += strncmp(text, "W/\"", 3) == 0 ? 2 : 0; /* a proxy's mark: the tag is the same */
    text += strspn(text, "\"");
    size_t bytes = strcspn(text, SPACES "\"");
    if (bytes == 0 || bytes >= sizeof part->etag)
        return GW_MALFORMED_LIST;
    snprintf(part->etag, sizeof part->etag, "%.*s", (int)bytes, text);
    return 0;
}

static int take_checksum(StorePart *part, const char *name, const char *text)
{
    char value[64];
    int kind = digest_kind_of(name);
    text += strspn(text, SPACES);
    size_t bytes = strcspn(text, SPACES);
    if (bytes == 0)
        return 0;
    snprintf(value, sizeof value, "%.*s", bytes < sizeof value ? (int)bytes : 0, text);
    if (kind < 0 || part->checksum_kind != DIGEST_MD5 ||
        !digest_from_base64(value, part->checksum, digest_bytes((DigestKind)kind)))
        return GW_MALFORMED_CHECKSUM;
    part->checksum_kind = kind;
    return 0;
}

static int on_element(void *ctx, const char *path, const char *text)
{
    PartList *list = ctx;
    if (strcmp(path, PART) == 0)
        return add_part(list);
    if (strcmp(path, PART "/PartNumber") == 0)
        return take_number(&list->part, text);
    if (strcmp(path, PART "/ETag") == 0)
        return take_etag(&list->part, text);
    if (strncmp(path, PART "/Checksum", sizeof PART + 8) == 0)
        return take_checksum(&list->part, path + sizeof PART + 8, text);
    return strncmp(path, "CompleteMultipartUpload", 23) == 0 ? 0 : GW_MALFORMED_LIST;
}

int gw__parse_part_list(const char *text, size_t bytes, StorePart **parts, int *count)
{
    PartList list = {0};
    int result = bytes > 0 ? xml_parse(text, bytes, on_element, &list) : GW_MALFORMED_LIST;
    if (result < 0 || (result == 0 && list.count == 0))
        result = GW_MALFORMED_LIST;
    if (result != 0) {
        free(list.parts);
        list = (PartList){0};
    }
    *parts = list.parts;
    *count = list.count;
    return result;
}

static void answer_complete(GwOp *op, const StoreObject *object)
{
    char quoted[STORE_ETAG_BYTES + 2];
    const char *host = gw__header(op, "Host");
    Text *xml = gw__begin_xml(op);
    gw__quoted_etag(object->etag, quoted);
    text_add_string(xml, "<CompleteMultipartUploadResult xmlns=\"" GW_NAMESPACE "\"><Location>");
    text_add_string(xml, "http://");
    text_add_xml(xml, host ? host : "");
    text_add_xml(xml, op->path);
    text_add_string(xml, "</Location>");
    text_add_element(xml, "Bucket", op->bucket);
    text_add_element(xml, "Key", op->key);
    text_add_element(xml, "ETag", quoted);
    gw__add_object_checksum(xml, object->checksum, 1);
    text_add_string(xml, "</CompleteMultipartUploadResult>");
}

/* x-amz-mp-object-size and x-amz-checksum-*. 0 with an error answered. */
static int take_expected(GwOp *op, const DiskAlgorithm *upload, DiskExpected *out,
                         uint8_t sum[DIGEST_MAX_BYTES])
{
    const char *size = gw__header(op, "x-amz-mp-object-size");
    char *end = NULL;
    *out = (DiskExpected){.bytes = -1};
    if (size) {
        out->bytes = size[0] >= '0' && size[0] <= '9' ? strtoll(size, &end, 10) : -1;
        if (!end || *end) {
            gw__error(op, "InvalidRequest", "x-amz-mp-object-size is not a number.");
            return 0;
        }
    }
    return gw__take_expected(op, upload, out, sum);
}

static void answer_failure(GwOp *op, StoreStatus status, int part, const DiskExpected *expected)
{
    static const struct {
        StoreStatus status;
        const char *code, *what;
    } faults[] = {
        {STORE_INVALID_PART, "InvalidPart", "is missing, or has another ETag or checksum"},
        {STORE_INVALID_PART_ORDER, "InvalidPartOrder", "is out of order"},
        {STORE_TOO_SMALL, "EntityTooSmall", "is smaller than the least part size"},
    };
    char message[160];
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (faults[i].status != status)
            continue;
        snprintf(message, sizeof message, "Part %d %s.", part, faults[i].what);
        gw__error(op, faults[i].code, message);
        return;
    }
    if (status == STORE_BAD_DIGEST) {
        snprintf(message, sizeof message,
                 "The %s you specified did not match the calculated checksum.",
                 digest_name((DigestKind)expected->algorithm.kind));
        gw__error(op, "BadDigest", message);
    } else if (status == STORE_WRONG_SIZE) {
        gw__error(op, "InvalidRequest",
                  "The provided 'x-amz-mp-object-size' does not match the size of the parts.");
    } else {
        gw__failed(op, status);
    }
}

void gw__complete_upload(GwOp *op)
{
    char upload_id[STORE_UPLOAD_ID_BYTES];
    uint8_t sum[DIGEST_MAX_BYTES];
    StorePart *parts;
    StoreObject object;
    DiskAlgorithm upload;
    DiskExpected expected;
    int count;
    int wrong = 0;
    DiskCondition condition = gw__condition(op);
    gw__upload_id(op, upload_id);
    int fault = gw__parse_part_list(op->document.data, op->document.bytes, &parts, &count);
    if (fault != 0) {
        gw__error(op, fault == GW_MALFORMED_LIST ? "MalformedXML" : "InvalidRequest",
                  fault == GW_MALFORMED_LIST ? NULL : "The checksum of a part is not valid.");
        return;
    }
    /* Where the upload is gone it may have become the object before: the store knows. */
    disk_upload_algorithm(op->s3->disk, op->bucket, op->key, upload_id, &upload);
    if (take_expected(op, &upload, &expected, sum)) {
        StoreStatus status = disk_complete_if(op->s3->disk, op->bucket, op->key, upload_id, parts,
                                              count, &condition, &expected, &object, &wrong);
        if (status == STORE_OK)
            answer_complete(op, &object);
        else
            answer_failure(op, status, wrong, &expected);
    }
    free(parts);
}
