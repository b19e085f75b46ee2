/* Bucket operations: service, buckets, listings, multi-delete. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"

#define OWNER "<Owner><ID>keeptake</ID><DisplayName>keeptake</DisplayName></Owner>"

void gw__list_buckets(GwOp *op)
{
    DiskBucket *buckets = NULL;
    int count = 0;
    if (gw__failed(op, disk_list_buckets(op->s3->disk, &buckets, &count)))
        return;
    Text *xml = gw__begin_xml(op);
    text_add_string(xml, "<ListAllMyBucketsResult xmlns=\"" GW_NAMESPACE "\">" OWNER "<Buckets>");
    for (int i = 0; i < count; i++) {
        char time[32];
        gw__iso_time(buckets[i].created_unix_us, time);
        text_add_string(xml, "<Bucket>");
        text_add_element(xml, "Name", buckets[i].name);
        text_add_element(xml, "CreationDate", time);
        text_add_string(xml, "</Bucket>");
    }
    text_add_string(xml, "</Buckets></ListAllMyBucketsResult>");
    free(buckets);
}

static int check_location(void *ctx, const char *path, const char *text)
{
    const GwOp *op = ctx;
    if (strcmp(path, "CreateBucketConfiguration/LocationConstraint") != 0)
        return 0;
    return text[0] && strcmp(text, op->s3->region) != 0;
}

void gw__create_bucket(GwOp *op)
{
    char location[STORE_BUCKET_BYTES + 2];
    if (op->document.bytes > 0) {
        int result = xml_parse(op->document.data, op->document.bytes, check_location, op);
        if (result != 0) {
            gw__error(op, result < 0 ? "MalformedXML" : "InvalidArgument",
                      result < 0 ? NULL : "The location constraint is not this store's region.");
            return;
        }
    }
    StoreStatus status = disk_create_bucket(op->s3->disk, op->bucket);
    if (status == STORE_REFUSED) {
        gw__error(op, "InvalidBucketName", NULL);
        return;
    }
    /* As AWS does in us-east-1: making one's own bucket again is no error. */
    if (status == STORE_BUCKET_EXISTS && strcmp(op->s3->region, "us-east-1") == 0)
        status = STORE_OK;
    if (gw__failed(op, status))
        return;
    snprintf(location, sizeof location, "/%s", op->bucket);
    gw__add_header(op, "Location", location);
    op->answer.status = 200;
}

void gw__head_bucket(GwOp *op)
{
    if (gw__failed(op, disk_head_bucket(op->s3->disk, op->bucket)))
        return;
    gw__add_header(op, "x-amz-bucket-region", op->s3->region);
    op->answer.status = 200;
}

void gw__delete_bucket(GwOp *op)
{
    if (!gw__failed(op, disk_delete_bucket(op->s3->disk, op->bucket)))
        op->answer.status = 204;
}

void gw__get_location(GwOp *op)
{
    if (gw__failed(op, disk_head_bucket(op->s3->disk, op->bucket)))
        return;
    Text *xml = gw__begin_xml(op);
    text_add_string(xml, "<LocationConstraint xmlns=\"" GW_NAMESPACE "\">");
    if (strcmp(op->s3->region, "us-east-1") != 0)
        text_add_xml(xml, op->s3->region);
    text_add_string(xml, "</LocationConstraint>");
}

void gw__get_versioning(GwOp *op)
{
    if (gw__failed(op, disk_head_bucket(op->s3->disk, op->bucket)))
        return;
    text_add_string(gw__begin_xml(op), "<VersioningConfiguration xmlns=\"" GW_NAMESPACE "\"/>");
}

/* --- listings --- */

typedef struct ListRequest {
    char prefix[STORE_KEY_BYTES], delimiter[STORE_KEY_BYTES], after[STORE_KEY_BYTES];
    int max;
    int encode;   /* encoding-type=url */
    int versions; /* ListObjectVersions */
} ListRequest;

static int take_text(GwOp *op, const char *name, char out[STORE_KEY_BYTES])
{
    out[0] = 0;
    if (!gw__has_query(op, name) || gw__query(op, name, out, STORE_KEY_BYTES) >= 0)
        return 1;
    gw__error(op, "InvalidArgument", NULL);
    return 0;
}

static int take_list_request(GwOp *op, ListRequest *list)
{
    char encoding[8];
    long max = gw__query_number(op, "max-keys", GW_LIST_MAX, GW_LIST_MAX);
    memset(list, 0, sizeof *list);
    if (max < 0) {
        gw__error(op, "InvalidArgument", "max-keys must be a number of 0 or more.");
        return 0;
    }
    list->max = (int)max;
    list->encode = gw__query(op, "encoding-type", encoding, sizeof encoding) >= 0;
    if (list->encode && strcmp(encoding, "url") != 0) {
        gw__error(op, "InvalidArgument", "Invalid Encoding Method specified in Request");
        return 0;
    }
    return take_text(op, "prefix", list->prefix) && take_text(op, "delimiter", list->delimiter);
}

static void add_name(Text *xml, const ListRequest *list, const char *element, const char *name)
{
    if (!list->encode) {
        text_add_element(xml, element, name);
        return;
    }
    text_format(xml, "<%s>", element);
    text_add_uri(xml, name, strlen(name), 1);
    text_format(xml, "</%s>", element);
}

static void add_listing(Text *xml, const ListRequest *list, const DiskListing *listing, int owner)
{
    const char *element = list->versions ? "Version" : "Contents";
    for (int i = 0; i < listing->count; i++) {
        const DiskListed *item = &listing->items[i];
        char time[32];
        char etag[STORE_ETAG_BYTES + 2];
        if (item->is_prefix)
            continue;
        gw__iso_time(item->modified_unix_us, time);
        gw__quoted_etag(item->etag, etag);
        text_format(xml, "<%s>", element);
        add_name(xml, list, "Key", item->key);
        if (list->versions)
            text_add_string(xml, "<VersionId>null</VersionId><IsLatest>true</IsLatest>");
        text_add_element(xml, "LastModified", time);
        text_add_element(xml, "ETag", etag);
        gw__add_algorithm(xml, &item->algorithm);
        text_format(xml, "<Size>%lld</Size>%s<StorageClass>STANDARD</StorageClass></%s>",
                    (long long)item->bytes, owner ? OWNER : "", element);
    }
    for (int i = 0; i < listing->count; i++) {
        if (!listing->items[i].is_prefix)
            continue;
        text_add_string(xml, "<CommonPrefixes>");
        add_name(xml, list, "Prefix", listing->items[i].key);
        text_add_string(xml, "</CommonPrefixes>");
    }
}

static Text *begin_listing(GwOp *op, const ListRequest *list, int truncated)
{
    Text *xml = gw__begin_xml(op);
    text_format(xml, "<%s xmlns=\"" GW_NAMESPACE "\">",
                list->versions ? "ListVersionsResult" : "ListBucketResult");
    text_add_element(xml, "Name", op->bucket);
    add_name(xml, list, "Prefix", list->prefix);
    if (list->delimiter[0])
        add_name(xml, list, "Delimiter", list->delimiter);
    if (list->encode)
        text_add_element(xml, "EncodingType", "url");
    text_format(xml, "<MaxKeys>%d</MaxKeys><IsTruncated>%s</IsTruncated>", list->max,
                truncated ? "true" : "false");
    return xml;
}

static int run_listing(GwOp *op, const ListRequest *list, DiskListing *listing)
{
    return !gw__failed(op, disk_list_objects(op->s3->disk, op->bucket, list->prefix,
                                             list->delimiter, list->after, list->max, listing));
}

static const char *last_name(const DiskListing *listing)
{
    return listing->count > 0 ? listing->items[listing->count - 1].key : "";
}

void gw__list_v1(GwOp *op)
{
    ListRequest list;
    DiskListing listing;
    if (!take_list_request(op, &list) || !take_text(op, "marker", list.after) ||
        !run_listing(op, &list, &listing))
        return;
    Text *xml = begin_listing(op, &list, listing.truncated);
    add_name(xml, &list, "Marker", list.after);
    if (listing.truncated)
        add_name(xml, &list, "NextMarker", last_name(&listing));
    add_listing(xml, &list, &listing, 1);
    text_add_string(xml, "</ListBucketResult>");
    disk_listing_reset(&listing);
}

void gw__list_versions(GwOp *op)
{
    ListRequest list;
    DiskListing listing;
    if (!take_list_request(op, &list) || !take_text(op, "key-marker", list.after))
        return;
    list.versions = 1;
    if (!run_listing(op, &list, &listing))
        return;
    Text *xml = begin_listing(op, &list, listing.truncated);
    add_name(xml, &list, "KeyMarker", list.after);
    text_add_string(xml, "<VersionIdMarker/>");
    if (listing.truncated) {
        add_name(xml, &list, "NextKeyMarker", last_name(&listing));
        text_add_string(xml, "<NextVersionIdMarker>null</NextVersionIdMarker>");
    }
    add_listing(xml, &list, &listing, 1);
    text_add_string(xml, "</ListVersionsResult>");
    disk_listing_reset(&listing);
}

/* A continuation token is the last name in hex, so that nobody takes it for a key. */
static void add_token(Text *xml, const char *name)
{
    text_add_string(xml, "<NextContinuationToken>k");
    for (; *name; name++)
        text_format(xml, "%02x", (unsigned char)*name);
    text_add_string(xml, "</NextContinuationToken>");
}

static int take_token(GwOp *op, char token[2 * STORE_KEY_BYTES + 2], char after[STORE_KEY_BYTES])
{
    size_t n = 0;
    int bytes = gw__query(op, "continuation-token", token, 2 * STORE_KEY_BYTES + 2);
    int valid = bytes > 1 && bytes % 2 == 1 && bytes <= 2 * (STORE_KEY_BYTES - 1) + 1 &&
                token[0] == 'k' && strspn(token + 1, "0123456789abcdef") == (size_t)bytes - 1;
    for (const char *p = token + 1; valid && *p; p += 2) {
        unsigned byte = 0;
        sscanf(p, "%2x", &byte);
        after[n++] = (char)byte;
    }
    after[n] = 0;
    if (!valid)
        gw__error(op, "InvalidArgument", "The continuation token provided is incorrect");
    return valid;
}

void gw__list_v2(GwOp *op)
{
    ListRequest list;
    DiskListing listing;
    char start[STORE_KEY_BYTES];
    char token[2 * STORE_KEY_BYTES + 2] = "";
    char owner[8] = "";
    if (!take_list_request(op, &list) || !take_text(op, "start-after", start))
        return;
    memcpy(list.after, start, sizeof start);
    if (gw__has_query(op, "continuation-token") && !take_token(op, token, list.after))
        return;
    if (!run_listing(op, &list, &listing))
        return;
    gw__query(op, "fetch-owner", owner, sizeof owner);
    Text *xml = begin_listing(op, &list, listing.truncated);
    text_format(xml, "<KeyCount>%d</KeyCount>", listing.count);
    if (start[0])
        add_name(xml, &list, "StartAfter", start);
    if (token[0])
        text_add_element(xml, "ContinuationToken", token);
    if (listing.truncated)
        add_token(xml, last_name(&listing));
    add_listing(xml, &list, &listing, strcmp(owner, "true") == 0);
    text_add_string(xml, "</ListBucketResult>");
    disk_listing_reset(&listing);
}

/* --- DeleteObjects --- */

typedef struct MultiDelete {
    GwOp *op;
    Text result;
    int quiet, count, dry;
    char key[STORE_KEY_BYTES];
    int has_key, has_version;
    int other_version; /* than "null" */
} MultiDelete;

static int delete_one(MultiDelete *m)
{
    if (!m->has_key || ++m->count > GW_LIST_MAX)
        return 1;
    m->has_key = 0;
    if (m->dry) {
        m->has_version = m->other_version = 0;
        return 0;
    }
    int unknown = m->other_version;
    StoreStatus status =
        unknown ? STORE_REFUSED : disk_delete_object(m->op->s3->disk, m->op->bucket, m->key);
    int has_version = m->has_version;
    m->has_version = m->other_version = 0;
    if (status == STORE_OK && m->quiet)
        return 0;
    text_add_string(&m->result, status == STORE_OK ? "<Deleted>" : "<Error>");
    text_add_element(&m->result, "Key", m->key);
    if (status != STORE_OK) {
        text_add_element(&m->result, "Code", unknown ? "NoSuchVersion" : "InternalError");
        text_add_element(&m->result, "Message",
                         unknown ? "There is no such version."
                                 : "The object could not be deleted.");
    } else if (has_version) {
        text_add_element(&m->result, "VersionId", "null");
    }
    text_add_string(&m->result, status == STORE_OK ? "</Deleted>" : "</Error>");
    return 0;
}

static int on_delete_element(void *ctx, const char *path, const char *text)
{
    MultiDelete *m = ctx;
    if (strncmp(path, "Delete", 6) != 0)
        return 1;
    if (strcmp(path, "Delete/Quiet") == 0)
        m->quiet = strcmp(text, "true") == 0;
    if (strcmp(path, "Delete/Object/Key") == 0) {
        m->has_key = text[0] && strlen(text) < sizeof m->key;
        snprintf(m->key, sizeof m->key, "%s", text);
    }
    if (strcmp(path, "Delete/Object/VersionId") == 0) {
        m->has_version = 1;
        m->other_version = strcmp(text, "null") != 0;
    }
    return strcmp(path, "Delete/Object") == 0 ? delete_one(m) : 0;
}

void gw__delete_objects(GwOp *op)
{
    MultiDelete m = {.op = op, .dry = 1};
    if (gw__failed(op, disk_head_bucket(op->s3->disk, op->bucket)))
        return;
    /* First the whole document is read, so that a malformed one deletes nothing. */
    if (op->document.bytes == 0 ||
        xml_parse(op->document.data, op->document.bytes, on_delete_element, &m) != 0 ||
        m.count == 0) {
        gw__error(op, "MalformedXML", NULL);
        return;
    }
    m.dry = m.count = 0;
    xml_parse(op->document.data, op->document.bytes, on_delete_element, &m);
    Text *xml = gw__begin_xml(op);
    text_add_string(xml, "<DeleteResult xmlns=\"" GW_NAMESPACE "\">");
    if (m.result.bytes)
        text_add(xml, m.result.data, m.result.bytes);
    text_add_string(xml, "</DeleteResult>");
    text_reset(&m.result);
}
