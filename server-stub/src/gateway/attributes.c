/* GetObjectAttributes. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ETAG = 1, CHECKSUM = 2, OBJECT_PARTS = 4, STORAGE_CLASS = 8, OBJECT_SIZE = 16 };

int gw__parse_attributes(const char *list, unsigned *wanted)
{
    static const char *const names[] = {"ETag", "Checksum", "ObjectParts", "StorageClass",
                                        "ObjectSize"};
    while (*(list += strspn(list, " \t,"))) {
        size_t bytes = strcspn(list, " \t,");
        size_t i = 0;
        while (i < sizeof names / sizeof *names &&
               (strlen(names[i]) != bytes || memcmp(names[i], list, bytes) != 0))
            i++;
        if (i == sizeof names / sizeof *names)
            return 0;
        *wanted |= 1u << i;
        list += bytes;
    }
    return 1;
}

/* Clients send the names in one header or in several. */
static int take_wanted(GwOp *op, unsigned *wanted)
{
    int known = 1;
    *wanted = 0;
    for (int i = 0; i < op->header_count; i++)
        if (strcasecmp(op->headers[i].name, "x-amz-object-attributes") == 0)
            known &= gw__parse_attributes(op->headers[i].value, wanted);
    if (known && *wanted)
        return 1;
    gw__error(op, "InvalidArgument",
              known ? "The x-amz-object-attributes header specifying the attributes to be "
                      "retrieved is either missing or empty"
                    : "Invalid attribute name specified.");
    return 0;
}

/* As AWS: a value that is no number counts as none. */
static int number_of_header(const GwOp *op, const char *name, int most, int fallback)
{
    const char *text = gw__header(op, name);
    if (!text || !*text || strspn(text, "0123456789") != strlen(text))
        return fallback;
    return strlen(text) > 5 || atoi(text) > most ? most : atoi(text);
}

/* 0 where a part cannot be read. */
static int add_parts(GwOp *op, DiskReader *reader, Text *xml)
{
    int count = disk_reader_part_count(reader);
    int max = number_of_header(op, "x-amz-max-parts", GW_LIST_MAX, GW_LIST_MAX);
    int marker = number_of_header(op, "x-amz-part-number-marker", STORE_MAX_PARTS, 0);
    int at = 0;
    while (at < count && disk_reader_part_number(reader, at) <= marker)
        at++;
    int end = count - at > max ? at + max : count;
    text_format(xml,
                "<ObjectParts><PartsCount>%d</PartsCount><PartNumberMarker>%d</PartNumberMarker>"
                "<NextPartNumberMarker>%d</NextPartNumberMarker><MaxParts>%d</MaxParts>"
                "<IsTruncated>%s</IsTruncated>",
                count, marker, end > at ? disk_reader_part_number(reader, end - 1) : marker, max,
                end < count ? "true" : "false");
    for (; at < end; at++) {
        StorePart part;
        if (disk_reader_part_info(reader, at, &part) != STORE_OK)
            return 0;
        text_format(xml, "<Part><PartNumber>%d</PartNumber><Size>%lld</Size>", part.number,
                    (long long)part.bytes);
        gw__add_part_checksum(xml, &part);
        text_add_string(xml, "</Part>");
    }
    text_add_string(xml, "</ObjectParts>");
    return 1;
}

static void answer(GwOp *op, DiskReader *reader, unsigned wanted)
{
    const StoreObject *object = disk_reader_object(reader);
    char time[40];
    Text *xml = gw__begin_xml(op);
    text_add_string(xml, "<GetObjectAttributesResponse xmlns=\"" GW_NAMESPACE "\">");
    if (wanted & ETAG)
        text_add_element(xml, "ETag", object->etag);
    if (wanted & CHECKSUM && object->checksum[0]) {
        text_add_string(xml, "<Checksum>");
        gw__add_object_checksum(xml, object->checksum, 0);
        text_add_string(xml, "</Checksum>");
    }
    if (wanted & OBJECT_PARTS && strchr(object->etag, '-') && !add_parts(op, reader, xml)) {
        gw__error(op, "InternalError", NULL);
        return;
    }
    if (wanted & STORAGE_CLASS)
        text_add_element(xml, "StorageClass", "STANDARD");
    if (wanted & OBJECT_SIZE)
        text_format(xml, "<ObjectSize>%lld</ObjectSize>", (long long)object->bytes);
    text_add_string(xml, "</GetObjectAttributesResponse>");
    gw__http_time(object->modified_unix_us, time);
    gw__add_header(op, "Last-Modified", time);
}

void gw__get_attributes(GwOp *op)
{
    DiskReader *reader = NULL;
    unsigned wanted;
    if (!take_wanted(op, &wanted) ||
        gw__failed(op, disk_reader_open(op->s3->disk, op->bucket, op->key, &reader)))
        return;
    answer(op, reader, wanted);
    disk_reader_close(&reader);
}
