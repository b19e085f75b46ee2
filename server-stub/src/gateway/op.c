/* Parts that all S3 operations share: parameters, errors, headers, times. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *gw__header(const GwOp *op, const char *name)
{
    for (int i = 0; i < op->header_count; i++)
        if (strcasecmp(op->headers[i].name, name) == 0)
            return op->headers[i].value;
    return NULL;
}

/* The parameter's value as received, NULL where absent. */
static const char *find_query(const GwOp *op, const char *name, size_t *bytes)
{
    size_t name_bytes = strlen(name);
    for (const char *at = op->query; *at;) {
        size_t item = strcspn(at, "&");
        if (item >= name_bytes && strncmp(at, name, name_bytes) == 0 &&
            (item == name_bytes || at[name_bytes] == '=')) {
            *bytes = item == name_bytes ? 0 : item - name_bytes - 1;
            return at + item - *bytes;
        }
        at += item + (at[item] == '&');
    }
    return NULL;
}

int gw__query(const GwOp *op, const char *name, char *out, size_t out_bytes)
{
    size_t bytes = 0;
    const char *value = find_query(op, name, &bytes);
    return value ? (int)text_uri_decode(value, bytes, 1, out, out_bytes) : -1;
}

int gw__has_query(const GwOp *op, const char *name)
{
    size_t bytes;
    return find_query(op, name, &bytes) != NULL;
}

long gw__query_number(const GwOp *op, const char *name, long most, long fallback)
{
    char text[16];
    char *end = NULL;
    if (!gw__has_query(op, name))
        return fallback;
    if (gw__query(op, name, text, sizeof text) < 1 || text[0] < '0' || text[0] > '9')
        return -1;
    long value = strtol(text, &end, 10);
    return *end ? -1 : value > most ? most : value;
}

/* --- errors --- */

typedef struct ErrorText {
    const char *code;
    int status;
    const char *message;
} ErrorText;

static const ErrorText error_texts[] = {
    {"AccessDenied", 403, "Access Denied"},
    {"AccessForbidden", 403, "CORSResponse: This CORS request is not allowed."},
    {"AuthorizationHeaderMalformed", 400, "The authorization header you provided is invalid."},
    {"AuthorizationQueryParametersError", 400, "Query-string authentication is malformed."},
    {"BadDigest", 400,
     "The Content-MD5 or checksum value you specified did not match what we received."},
    {"BucketAlreadyOwnedByYou", 409,
     "Your previous request to create the named bucket succeeded and "
     "you already own it."},
    {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty."},
    {"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size."},
    {"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size."},
    {"IncompleteBody", 400,
     "You did not provide the number of bytes specified by the Content-Length "
     "HTTP header."},
    {"InsufficientStorage", 507, "The store's disk is full. Nothing was changed."},
    {"InternalError", 500, "We encountered an internal error. Please try again."},
    {"InvalidAccessKeyId", 403,
     "The AWS Access Key Id you provided does not exist in our records."},
    {"InvalidArgument", 400, "Invalid Argument"},
    {"InvalidBucketName", 400, "The specified bucket is not valid."},
    {"InvalidDigest", 400, "The Content-MD5 or checksum value that you specified is not valid."},
    {"InvalidPart", 400,
     "One or more of the specified parts could not be found. The part may not have "
     "been uploaded, or the specified entity tag may not match the part's entity tag."},
    {"InvalidPartOrder", 400,
     "The list of parts was not in ascending order. The parts list must be "
     "specified in order by part number."},
    {"InvalidRange", 416, "The requested range is not satisfiable"},
    {"InvalidRequest", 400, "Invalid Request"},
    {"InvalidURI", 400, "Couldn't parse the specified URI."},
    {"KeyTooLongError", 400, "Your key is too long"},
    {"MalformedTrailerError", 400, "What follows the last chunk is not what was announced."},
    {"MalformedXML", 400,
     "The XML you provided was not well-formed or did not validate against our "
     "published schema"},
    {"MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"},
    {"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    {"NoSuchBucket", 404, "The specified bucket does not exist"},
    {"NoSuchBucketPolicy", 404, "The bucket policy does not exist"},
    {"NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"},
    {"NoSuchKey", 404, "The specified key does not exist."},
    {"NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"},
    {"NoSuchTagSet", 404, "The TagSet does not exist"},
    {"NoSuchUpload", 404,
     "The specified upload does not exist. The upload ID may be invalid, or the "
     "upload may have been aborted or completed."},
    {"NoSuchVersion", 404,
     "The specified version does not exist: this store keeps none but \"null\"."},
    {"NotImplemented", 501,
     "A header or query you provided implies functionality that is not implemented."},
    {"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
    {"RequestTimeTooSkewed", 403,
     "The difference between the request time and the server's time is too "
     "large."},
    {"ServiceUnavailable", 503,
     "The store's disk has failed. What is stored can be read, nothing is written until the server "
     "is started again."},
    {"SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the signature you "
     "provided. Check your key and signing method."},
    {"XAmzContentSHA256Mismatch", 400,
     "The provided 'x-amz-content-sha256' header does not match what "
     "was computed."},
};

void gw__error(GwOp *op, const char *code, const char *message)
{
    const ErrorText *found = NULL;
    for (size_t i = 0; i < sizeof error_texts / sizeof *error_texts; i++)
        if (strcmp(error_texts[i].code, code) == 0)
            found = &error_texts[i];
    op->error_code = found ? found->code : "InternalError";
    op->answer.status = found ? found->status : 500;
    op->answer.content_type = "application/xml";
    text_reset(&op->answer.body);
    Text *xml = &op->answer.body;
    text_add_string(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    text_add_element(xml, "Code", code);
    text_add_element(xml, "Message", message ? message : found ? found->message : code);
    if (op->bucket[0])
        text_add_element(xml, "BucketName", op->bucket);
    if (op->key[0])
        text_add_element(xml, "Key", op->key);
    text_add_element(xml, "Resource", op->path ? op->path : "/");
    text_add_element(xml, "RequestId", op->request_id);
    text_add_element(xml, "HostId", "keeptake");
    text_add_string(xml, "</Error>");
}

int gw__failed(GwOp *op, StoreStatus status)
{
    static const struct {
        StoreStatus status;
        const char *code;
    } codes[] = {
        {STORE_NO_SUCH_BUCKET, "NoSuchBucket"},
        {STORE_NO_SUCH_KEY, "NoSuchKey"},
        {STORE_NO_SUCH_UPLOAD, "NoSuchUpload"},
        {STORE_INVALID_PART, "InvalidPart"},
        {STORE_INVALID_PART_ORDER, "InvalidPartOrder"},
        {STORE_TOO_SMALL, "EntityTooSmall"},
        {STORE_BUCKET_EXISTS, "BucketAlreadyOwnedByYou"},
        {STORE_BUCKET_NOT_EMPTY, "BucketNotEmpty"},
        {STORE_FULL, "InsufficientStorage"},
        {STORE_REFUSED, "InvalidArgument"},
        {STORE_PRECONDITION, "PreconditionFailed"},
        {STORE_BAD_DIGEST, "BadDigest"},
        {STORE_BROKEN, "ServiceUnavailable"},
    };
    if (status == STORE_OK)
        return 0;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].status == status) {
            gw__error(op, codes[i].code, NULL);
            return 1;
        }
    }
    gw__error(op, "InternalError", NULL);
    return 1;
}

/* --- answers --- */

void gw__add_header(GwOp *op, const char *name, const char *value)
{
    text_format(&op->answer.headers, "%s: %s\n", name, value);
}

Text *gw__begin_xml(GwOp *op)
{
    op->answer.status = 200;
    op->answer.content_type = "application/xml";
    text_add_string(&op->answer.body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    return &op->answer.body;
}

DiskCondition gw__condition(const GwOp *op)
{
    return (DiskCondition){gw__header(op, "If-Match"), gw__header(op, "If-None-Match")};
}

void gw__quoted_etag(const char *etag, char out[STORE_ETAG_BYTES + 2])
{
    snprintf(out, STORE_ETAG_BYTES + 2, "\"%s\"", etag);
}

void gw__add_etag_header(GwOp *op, const char *etag)
{
    char quoted[STORE_ETAG_BYTES + 2];
    gw__quoted_etag(etag, quoted);
    gw__add_header(op, "ETag", quoted);
}

void gw__iso_time(int64_t unix_us, char out[32])
{
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03dZ", (int)(unix_us / 1000 % 1000));
}

void gw__http_time(int64_t unix_us, char out[40])
{
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

int64_t gw__parse_http_time(const char *text)
{
    /* RFC 9110 5.6.7: the form of today, that of RFC 850, that of asctime. */
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (end && *end == 0)
            return (int64_t)timegm(&tm);
    }
    return -1;
}

/* Content-Encoding without aws-chunked, wherever it stands: that is the way the body came, not a
 * coding of the object. */
static void keep_codings(Text *out, const char *value)
{
    int kept = 0;
    while (*value) {
        value += strspn(value, " \t,");
        size_t bytes = strcspn(value, ",");
        size_t used = bytes;
        while (used > 0 && (value[used - 1] == ' ' || value[used - 1] == '\t'))
            used--;
        if (used > 0 && !(used == 11 && strncasecmp(value, "aws-chunked", 11) == 0))
            text_format(out, "%s%.*s", kept++ ? ", " : "Content-Encoding: ", (int)used, value);
        value += bytes;
    }
    if (kept)
        text_add_string(out, "\n");
}

int gw__kept_headers(GwOp *op, Text *out)
{
    static const char *const kept[] = {"Cache-Control", "Content-Disposition", "Content-Encoding",
                                       "Content-Language", "Expires"};
    for (int i = 0; i < op->header_count; i++) {
        const char *name = op->headers[i].name;
        const char *value = op->headers[i].value;
        int keep = strncasecmp(name, "x-amz-meta-", 11) == 0;
        for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
            keep = keep || strcasecmp(name, kept[k]) == 0;
        if (!keep)
            continue;
        if (strcasecmp(name, "Content-Encoding") == 0)
            keep_codings(out, value);
        else
            text_format(out, "%s: %s\n", name, value);
    }
    if (out->bytes == 0)
        text_add_string(out, "");
    if (out->failed || out->bytes > DISK_HEADERS_BYTES) {
        gw__error(op, out->failed ? "InternalError" : "MetadataTooLarge", NULL);
        return 0;
    }
    return 1;
}

int gw__copy_source(const GwOp *op, char bucket[STORE_BUCKET_BYTES], char key[STORE_KEY_BYTES])
{
    char text[STORE_KEY_BYTES + STORE_BUCKET_BYTES];
    const char *source = gw__header(op, "x-amz-copy-source");
    if (!source)
        return 0;
    source += *source == '/';
    size_t bytes = strcspn(source, "?");
    if (text_uri_decode(source, bytes, 0, text, sizeof text) < 0)
        return 0;
    char *slash = strchr(text, '/');
    if (!slash || slash - text >= STORE_BUCKET_BYTES || strlen(slash + 1) >= STORE_KEY_BYTES)
        return 0;
    *slash = 0;
    strcpy(bucket, text);
    strcpy(key, slash + 1);
    return key[0] != 0;
}
