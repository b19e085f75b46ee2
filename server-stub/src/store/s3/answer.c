/* Each reader is one pass of base/xml.c with a callback that picks elements by their path. */
#include "store/s3/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xml.h"

#define STOP 1 /* a reader has what it wants, or has had enough */

/* --- values --- */

int64_t s3store_answer_time(const char *text)
{
    struct tm tm = {0};
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12) {
        return 0;
    }
    int64_t fraction_us = 0, unit_us = 100000;
    const char *at = text + used;
    if (*at == '.') {
        for (at++; *at >= '0' && *at <= '9'; at++, unit_us /= 10) {
            fraction_us += (*at - '0') * unit_us;
        }
    }
    if (strcmp(at, "Z") != 0) {
        return 0;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000000 + fraction_us;
}

int s3store_answer_etag(const char *text, char out[STORE_ETAG_BYTES])
{
    text += strncmp(text, "W/\"", 3) == 0 ? 2 : 0; /* a proxy's work: the opaque tag is the same */
    size_t length = strlen(text);
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text++;
        length -= 2;
    }
    out[0] = 0;
    if (length == 0 || length >= STORE_ETAG_BYTES) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] >= 127 || strchr("\"\\<>&", text[i])) {
            return -1;
        }
    }
    memcpy(out, text, length);
    out[length] = 0;
    return 0;
}

/* Digits only, 0..max; -1 otherwise. */
static int64_t whole_number(const char *text, int64_t max)
{
    int64_t value = 0;
    if (!*text) {
        return -1;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > max / 10) {
            return -1;
        }
        value = value * 10 + (*text - '0');
    }
    return value <= max ? value : -1;
}

/* 0, or -1 where it does not fit. */
static int copy(char *out, size_t out_bytes, const char *text)
{
    size_t length = strlen(text);
    if (length >= out_bytes) {
        return -1;
    }
    memcpy(out, text, length + 1);
    return 0;
}

/* --- root, error, one text --- */

static int note_root(void *ctx, const char *path, const char *text)
{
    (void)text;
    if (!strchr(path, '/')) {
        snprintf(ctx, S3STORE_CODE_BYTES, "%s", path);
    }
    return 0;
}

int s3store_answer_root(const char *text, size_t bytes, char root[S3STORE_CODE_BYTES])
{
    root[0] = 0;
    return xml_parse(text, bytes, note_root, root) == 0 && root[0] ? 0 : -1;
}

typedef struct ErrorReader {
    char *code, *message;
    int is_error;
} ErrorReader;

static int note_error(void *ctx, const char *path, const char *text)
{
    ErrorReader *r = ctx;
    if (strcmp(path, "Error/Code") == 0) {
        snprintf(r->code, S3STORE_CODE_BYTES, "%s", text);
    } else if (strcmp(path, "Error/Message") == 0) {
        snprintf(r->message, S3STORE_MESSAGE_BYTES, "%s", text);
    } else if (strcmp(path, "Error") == 0) {
        r->is_error = 1;
    }
    return 0;
}

int s3store_answer_error(const char *text, size_t bytes, char code[S3STORE_CODE_BYTES],
                         char message[S3STORE_MESSAGE_BYTES])
{
    ErrorReader r = {code, message, 0};
    code[0] = message[0] = 0;
    return xml_parse(text, bytes, note_error, &r) == 0 && r.is_error && code[0] ? 0 : -1;
}

typedef struct TextReader {
    const char *path;
    char *out;
    size_t out_bytes;
    int length;
} TextReader;

static int note_text(void *ctx, const char *path, const char *text)
{
    TextReader *r = ctx;
    size_t length = strlen(text);
    if (r->length >= 0 || strcmp(path, r->path) != 0) {
        return 0;
    }
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text++;
        length -= 2;
    }
    if (length >= r->out_bytes) {
        return STOP;
    }
    memcpy(r->out, text, length);
    r->out[length] = 0;
    r->length = (int)length;
    return 0;
}

int s3store_answer_text(const char *text, size_t bytes, const char *path, char *out,
                        size_t out_bytes)
{
    TextReader r = {path, out, out_bytes, -1};
    out[0] = 0;
    return xml_parse(text, bytes, note_text, &r) == 0 ? r.length : -1;
}

/* --- parts --- */

typedef struct PartReader {
    S3StorePartList *list;
    StorePart part; /* the one being read */
    int is_list, truncated;
    int64_t next; /* -1: not said */
} PartReader;

static int add_part(PartReader *r)
{
    S3StorePartList *list = r->list;
    int last = list->count > 0 ? list->parts[list->count - 1].number : 0;
    if (r->part.number <= last || r->part.bytes < 0 || !r->part.etag[0]) {
        return STOP;
    }
    if (list->count == list->capacity) {
        int capacity = list->capacity ? list->capacity * 2 : 64;
        StorePart *parts = realloc(list->parts, (size_t)capacity * sizeof *parts);
        if (!parts) {
            return STOP;
        }
        list->parts = parts;
        list->capacity = capacity;
    }
    list->parts[list->count++] = r->part;
    r->part = (StorePart){.bytes = -1};
    return 0;
}

static int note_part(void *ctx, const char *path, const char *text)
{
    PartReader *r = ctx;
    if (strncmp(path, "ListPartsResult", 15) != 0) {
        return STOP;
    }
    path += 15;
    if (strcmp(path, "/Part/PartNumber") == 0) {
        r->part.number = (int)whole_number(text, STORE_MAX_PARTS);
    } else if (strcmp(path, "/Part/Size") == 0) {
        r->part.bytes = whole_number(text, INT64_MAX / 16);
    } else if (strcmp(path, "/Part/ETag") == 0) {
        return s3store_answer_etag(text, r->part.etag) == 0 ? 0 : STOP;
    } else if (strcmp(path, "/Part/LastModified") == 0) {
        r->part.modified_unix_us = s3store_answer_time(text);
    } else if (strcmp(path, "/Part") == 0) {
        return add_part(r);
    } else if (strcmp(path, "/IsTruncated") == 0) {
        r->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(path, "/NextPartNumberMarker") == 0) {
        r->next = whole_number(text, STORE_MAX_PARTS);
    } else if (!*path) {
        r->is_list = 1;
    }
    return 0;
}

int s3store_answer_parts(const char *text, size_t bytes, S3StorePartList *list)
{
    PartReader r = {.list = list, .part = {.bytes = -1}, .next = -1};
    int before = list->count;
    list->next = 0;
    if (xml_parse(text, bytes, note_part, &r) != 0 || !r.is_list) {
        list->count = before;
        return -1;
    }
    if (!r.truncated) {
        return 0;
    }
    int last = list->count > 0 ? list->parts[list->count - 1].number : 0;
    /* A page that is cut short without a part would never end. */
    if (list->count == before || (r.next >= 0 && r.next < last)) {
        list->count = before;
        return -1;
    }
    list->next = r.next > 0 ? (int)r.next : last;
    return 0;
}

/* --- uploads --- */

typedef struct UploadReader {
    S3StoreUploadList *list;
    StoreUpload upload;
    int passed_over; /* the one being read is not one of ours */
    int is_list, truncated;
    char next_key[STORE_KEY_BYTES], next_upload_id[STORE_UPLOAD_ID_BYTES];
} UploadReader;

static int add_upload(UploadReader *r)
{
    S3StoreUploadList *list = r->list;
    int wanted = !r->passed_over && r->upload.key[0] && r->upload.upload_id[0];
    if (wanted && list->count == S3STORE_MAX_UPLOADS) {
        return STOP;
    }
    if (wanted && list->count == list->capacity) {
        int capacity = list->capacity ? list->capacity * 2 : 16;
        StoreUpload *uploads = realloc(list->uploads, (size_t)capacity * sizeof *uploads);
        if (!uploads) {
            return STOP;
        }
        list->uploads = uploads;
        list->capacity = capacity;
    }
    if (wanted) {
        list->uploads[list->count++] = r->upload;
    }
    memset(&r->upload, 0, sizeof r->upload);
    r->passed_over = 0;
    return 0;
}

static int note_upload(void *ctx, const char *path, const char *text)
{
    static const char root[] = "ListMultipartUploadsResult";
    UploadReader *r = ctx;
    if (strncmp(path, root, sizeof root - 1) != 0) {
        return STOP;
    }
    path += sizeof root - 1;
    if (strcmp(path, "/Upload/Key") == 0) {
        r->passed_over |= copy(r->upload.key, sizeof r->upload.key, text) != 0;
    } else if (strcmp(path, "/Upload/UploadId") == 0) {
        r->passed_over |= copy(r->upload.upload_id, sizeof r->upload.upload_id, text) != 0;
    } else if (strcmp(path, "/Upload/Initiated") == 0) {
        r->upload.initiated_unix_us = s3store_answer_time(text);
    } else if (strcmp(path, "/Upload") == 0) {
        return add_upload(r);
    } else if (strcmp(path, "/IsTruncated") == 0) {
        r->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(path, "/NextKeyMarker") == 0) {
        return copy(r->next_key, sizeof r->next_key, text) == 0 ? 0 : STOP;
    } else if (strcmp(path, "/NextUploadIdMarker") == 0) {
        return copy(r->next_upload_id, sizeof r->next_upload_id, text) == 0 ? 0 : STOP;
    } else if (!*path) {
        r->is_list = 1;
    }
    return 0;
}

int s3store_answer_uploads(const char *text, size_t bytes, S3StoreUploadList *list)
{
    UploadReader r = {.list = list};
    int before = list->count;
    list->more = 0;
    if (xml_parse(text, bytes, note_upload, &r) != 0 || !r.is_list) {
        list->count = before;
        return -1;
    }
    if (!r.truncated) {
        return 0;
    }
    int order = strcmp(r.next_key, list->next_key);
    /* Keys come in their order: a marker that does not grow would lead round in a circle. */
    if (!r.next_key[0] || order < 0 ||
        (order == 0 && strcmp(r.next_upload_id, list->next_upload_id) == 0)) {
        list->count = before;
        return -1;
    }
    list->more = 1;
    memcpy(list->next_key, r.next_key, sizeof list->next_key);
    memcpy(list->next_upload_id, r.next_upload_id, sizeof list->next_upload_id);
    return 0;
}

/* --- objects --- */

typedef struct ObjectReader {
    S3StoreObjectList *list;
    StoreObject object; /* the one being read */
    int passed_over, is_list;
} ObjectReader;

static int add_object(ObjectReader *r)
{
    S3StoreObjectList *list = r->list;
    const char *last = list->count > 0 ? list->objects[list->count - 1].key : "";
    int wanted = !r->passed_over && r->object.key[0];
    if (r->object.bytes < 0 || (wanted && strcmp(r->object.key, last) <= 0)) {
        return STOP;
    }
    if (wanted && list->count == list->capacity) {
        int capacity = list->capacity ? list->capacity * 2 : 16;
        StoreObject *objects = realloc(list->objects, (size_t)capacity * sizeof *objects);
        if (!objects) {
            return STOP;
        }
        list->objects = objects;
        list->capacity = capacity;
    }
    if (wanted) {
        list->objects[list->count++] = r->object;
    }
    r->object = (StoreObject){.bytes = -1};
    r->passed_over = 0;
    return 0;
}

static int note_object(void *ctx, const char *path, const char *text)
{
    static const char root[] = "ListBucketResult";
    ObjectReader *r = ctx;
    if (strncmp(path, root, sizeof root - 1) != 0) {
        return STOP;
    }
    path += sizeof root - 1;
    if (strcmp(path, "/Contents/Key") == 0) {
        r->passed_over |= copy(r->object.key, sizeof r->object.key, text) != 0;
    } else if (strcmp(path, "/Contents/Size") == 0) {
        r->object.bytes = whole_number(text, INT64_MAX / 16);
    } else if (strcmp(path, "/Contents/LastModified") == 0) {
        r->object.modified_unix_us = s3store_answer_time(text);
    } else if (strcmp(path, "/Contents/ETag") == 0) {
        s3store_answer_etag(text, r->object.etag);
    } else if (strcmp(path, "/Contents") == 0) {
        return add_object(r);
    } else if (strcmp(path, "/IsTruncated") == 0) {
        r->list->more = strcmp(text, "true") == 0;
    } else if (!*path) {
        r->is_list = 1;
    }
    return 0;
}

int s3store_answer_objects(const char *text, size_t bytes, S3StoreObjectList *list)
{
    ObjectReader r = {.list = list, .object = {.bytes = -1}};
    int before = list->count;
    list->more = 0;
    int malformed = xml_parse(text, bytes, note_object, &r) != 0 || !r.is_list;
    /* Of a page that is cut short without an object the next one would be the same. */
    if (malformed || (list->more && list->count == before)) {
        list->count = before;
        list->more = 0;
        return -1;
    }
    return 0;
}

/* --- rules of a bucket --- */

typedef struct RuleReader {
    const char *id;
    S3StoreRules *rules;
    int is_ours, is_document;
} RuleReader;

static int note_rule(void *ctx, const char *path, const char *text)
{
    RuleReader *r = ctx;
    const char *inner = strchr(path, '/');
    if (strncmp(path, "CORSConfiguration", 17) != 0 &&
        strncmp(path, "LifecycleConfiguration", 22) != 0) {
        return STOP;
    }
    if (!inner) {
        r->is_document = 1;
    } else if (strcmp(inner, "/CORSRule/ID") == 0 || strcmp(inner, "/Rule/ID") == 0) {
        r->is_ours = strcmp(text, r->id) == 0;
    } else if (strcmp(inner, "/CORSRule") == 0 || strcmp(inner, "/Rule") == 0) {
        r->rules->ours += r->is_ours;
        r->rules->others += !r->is_ours;
        r->is_ours = 0;
    }
    return 0;
}

int s3store_answer_rules(const char *text, size_t bytes, const char *id, S3StoreRules *out)
{
    RuleReader r = {id, out, 0, 0};
    out->ours = out->others = 0;
    return xml_parse(text, bytes, note_rule, &r) == 0 && r.is_document ? 0 : -1;
}
