/* Which pages may read a bucket. The origins of the server's configuration bound them all; a CORS
 * document of a bucket narrows that down to the first of its rules that fits a request. */
#include "gateway/gateway_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xml.h"

#define DOCUMENT "cors.xml"
#define DOCUMENT_BYTES 65536
#define MAX_RULES 100
#define MAX_ID_BYTES 255
#define MAX_ASKED 64 /* headers named by one preflight */

static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
static const char usual_methods[] = "GET, HEAD, PUT, POST, DELETE";
static const char usual_exposed[] =
    "ETag, Accept-Ranges, Content-Length, Content-Range, x-amz-request-id, x-amz-version-id, "
    "x-amz-mp-parts-count, x-amz-checksum-type, x-amz-checksum-crc32, x-amz-checksum-crc32c, "
    "x-amz-checksum-crc64nvme, x-amz-checksum-sha1, x-amz-checksum-sha256";

static int method_known(const char *method)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i], method) == 0)
            return 1;
    return 0;
}

static int origin_allowed(const Gateway *s3, const char *origin)
{
    const GwOrigins *origins = s3->origins;
    for (int i = 0; i < origins->count; i++)
        if (strcmp(origins->items[i], "*") == 0 || strcmp(origins->items[i], origin) == 0)
            return 1;
    return 0;
}

/* --- rules --- */

/* pattern has at most one '*'. */
static int pattern_fits(const char *pattern, const char *text, size_t bytes,
                        int (*compare)(const char *a, const char *b, size_t n))
{
    size_t all = strlen(pattern);
    const char *star = strchr(pattern, '*');
    if (!star)
        return all == bytes && compare(pattern, text, bytes) == 0;
    size_t head = (size_t)(star - pattern);
    size_t tail = all - head - 1;
    return bytes >= head + tail && compare(pattern, text, head) == 0 &&
           compare(star + 1, text + bytes - tail, tail) == 0;
}

typedef struct CorsMatch {
    const char *origin, *method;
    const char *asked; /* Access-Control-Request-Headers, or "" */
    /* Of the rule that is being read. */
    int origin_fits, method_fits;
    uint64_t headers_fit; /* bit i: header i of asked */
    GwCorsRule *rule;
} CorsMatch;

static void reset_rule(GwCorsRule *rule)
{
    rule->max_age[0] = 0;
    text_reset(&rule->methods);
    text_reset(&rule->exposed);
}

static void add_item(Text *list, const char *item)
{
    if (list->bytes)
        text_add_string(list, ", ");
    text_add_string(list, item);
}

/* Marks the asked headers that fit pattern (NULL: none); returns the bits of all of them. */
static uint64_t mark_headers(CorsMatch *m, const char *pattern)
{
    uint64_t all = 0;
    int count = 0;
    for (const char *at = m->asked; *at && count < MAX_ASKED;) {
        at += strspn(at, ", \t");
        size_t bytes = strcspn(at, ", \t");
        if (bytes == 0)
            break;
        all |= UINT64_C(1) << count;
        if (pattern && pattern_fits(pattern, at, bytes, strncasecmp))
            m->headers_fit |= UINT64_C(1) << count;
        count++;
        at += bytes;
    }
    return all;
}

static int match_element(void *ctx, const char *path, const char *text)
{
    static const char prefix[] = "CORSConfiguration/CORSRule";
    CorsMatch *m = ctx;
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return 0;
    path += sizeof prefix - 1;
    if (strcmp(path, "/AllowedOrigin") == 0) {
        m->origin_fits |= pattern_fits(text, m->origin, strlen(m->origin), strncmp);
    } else if (strcmp(path, "/AllowedMethod") == 0) {
        m->method_fits |= strcmp(text, m->method) == 0;
        add_item(&m->rule->methods, text);
    } else if (strcmp(path, "/AllowedHeader") == 0) {
        mark_headers(m, text);
    } else if (strcmp(path, "/ExposeHeader") == 0) {
        add_item(&m->rule->exposed, text);
    } else if (strcmp(path, "/MaxAgeSeconds") == 0) {
        if (strlen(text) < sizeof m->rule->max_age)
            memcpy(m->rule->max_age, text, strlen(text) + 1);
    } else if (*path == 0) {
        if (m->origin_fits && m->method_fits && m->headers_fit == mark_headers(m, NULL))
            return 1;
        m->origin_fits = m->method_fits = 0;
        m->headers_fit = 0;
        reset_rule(m->rule);
    }
    return 0;
}

static int too_many_asked(const char *asked)
{
    int count = 0;
    for (asked += strspn(asked, ", \t"); *asked; asked += strspn(asked, ", \t")) {
        asked += strcspn(asked, ", \t");
        count++;
    }
    return count > MAX_ASKED;
}

void gw__read_cors(GwOp *op)
{
    const char *origin = gw__header(op, "Origin");
    if (op->cors_read || !origin)
        return;
    op->cors_read = 1;
    if (!op->bucket[0] || !origin_allowed(op->s3, origin))
        return;
    StoreStatus status = disk_get_document(op->s3->disk, op->bucket, DOCUMENT, &op->cors);
    op->cors_failed = status != STORE_OK && status != STORE_NO_SUCH_KEY &&
                      status != STORE_NO_SUCH_BUCKET && status != STORE_REFUSED;
}

int gw__cors_allows(const char *document, const char *origin, const char *method, const char *asked,
                    GwCorsRule *out)
{
    CorsMatch m = {.origin = origin, .method = method, .asked = asked, .rule = out};
    memset(out, 0, sizeof *out);
    return !too_many_asked(asked) &&
           xml_parse(document, strlen(document), match_element, &m) == 1 && !out->methods.failed &&
           !out->exposed.failed;
}

/* Whether the page of Origin may do this; rule is filled where the bucket has a document, and to be
 * reset. Without a document (or before it is known: a request refused at once) the server's list
 * decides. */
static int page_allowed(const GwOp *op, const char *method, const char *asked, GwCorsRule *rule)
{
    const char *origin = gw__header(op, "Origin");
    memset(rule, 0, sizeof *rule);
    if (!origin || !origin_allowed(op->s3, origin) || op->cors_failed || too_many_asked(asked))
        return 0;
    return op->cors ? gw__cors_allows(op->cors, origin, method, asked, rule) : method_known(method);
}

void gw__set_cors_headers(GwOp *op)
{
    GwCorsRule rule;
    const char *asked = gw__header(op, "Access-Control-Request-Headers");
    const char *method = gw__header(op, "Access-Control-Request-Method");
    int preflight = strcmp(op->method, "OPTIONS") == 0;
    if (page_allowed(op, preflight ? method ? method : "" : op->method,
                     preflight && asked ? asked : "", &rule)) {
        http_set_header(op->request, "Access-Control-Allow-Origin", gw__header(op, "Origin"));
        const char *exposed = op->cors ? rule.exposed.data : usual_exposed;
        if (exposed)
            http_set_header(op->request, "Access-Control-Expose-Headers", exposed);
    }
    reset_rule(&rule);
}

void gw__preflight(GwOp *op)
{
    GwCorsRule rule = {0};
    const char *method = gw__header(op, "Access-Control-Request-Method");
    const char *asked = gw__header(op, "Access-Control-Request-Headers");
    if (!method || !page_allowed(op, method, asked ? asked : "", &rule)) {
        gw__error(op, "AccessForbidden", NULL);
    } else {
        const char *age = op->cors ? rule.max_age : "3000";
        op->answer.status = 200;
        gw__add_header(op, "Access-Control-Allow-Methods",
                       op->cors ? rule.methods.data : usual_methods);
        if (*age)
            gw__add_header(op, "Access-Control-Max-Age", age);
        if (asked)
            gw__add_header(op, "Access-Control-Allow-Headers", asked);
    }
    reset_rule(&rule);
}

/* --- the document --- */

void gw__get_cors(GwOp *op)
{
    char *document = NULL;
    StoreStatus status = disk_get_document(op->s3->disk, op->bucket, DOCUMENT, &document);
    if (status == STORE_NO_SUCH_KEY) {
        gw__error(op, "NoSuchCORSConfiguration", NULL);
    } else if (!gw__failed(op, status)) {
        op->answer.status = 200;
        op->answer.content_type = "application/xml";
        text_add_string(&op->answer.body, document);
    }
    free(document);
}

typedef struct CorsCheck {
    int rules, origins, methods;
    const char *refused; /* a well-formed document that asks for what cannot be; NULL: it is fine */
} CorsCheck;

static int refuse(CorsCheck *check, const char *why)
{
    check->refused = why;
    return 1;
}

/* An item that may hold one '*' and no byte that could end a header line. */
static int check_item(CorsCheck *check, const char *text)
{
    const char *star = strchr(text, '*');
    if (!*text || strpbrk(text, " \t\r\n,"))
        return 1;
    return star && strchr(star + 1, '*') ? refuse(check, "More than one wildcard in an item.") : 0;
}

static int check_element(void *ctx, const char *path, const char *text)
{
    static const char prefix[] = "CORSConfiguration/CORSRule";
    CorsCheck *check = ctx;
    if (strcmp(path, "CORSConfiguration") == 0)
        return 0;
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return 1;
    path += sizeof prefix - 1;
    if (strcmp(path, "/AllowedOrigin") == 0) {
        check->origins++;
        return check_item(check, text);
    }
    if (strcmp(path, "/AllowedMethod") == 0) {
        check->methods++;
        return method_known(text) ? 0 : refuse(check, "Unsupported method in a CORS rule.");
    }
    if (strcmp(path, "/AllowedHeader") == 0)
        return check_item(check, text);
    if (strcmp(path, "/ExposeHeader") == 0)
        return check_item(check, text) || strchr(text, '*') != NULL;
    if (strcmp(path, "/MaxAgeSeconds") == 0)
        return !*text || strlen(text) > 9 || strspn(text, "0123456789") != strlen(text);
    if (strcmp(path, "/ID") == 0)
        return strlen(text) > MAX_ID_BYTES;
    if (*path != 0)
        return 1;
    int whole = check->origins > 0 && check->methods > 0;
    check->origins = check->methods = 0;
    return !whole || ++check->rules > MAX_RULES;
}

int gw__cors_valid(const char *document, size_t bytes, const char **why)
{
    CorsCheck check = {0};
    int valid = bytes > 0 && bytes <= DOCUMENT_BYTES &&
                xml_parse(document, bytes, check_element, &check) == 0 && check.rules > 0;
    *why = valid ? NULL : check.refused;
    return valid;
}

void gw__put_cors(GwOp *op)
{
    const char *why;
    if (!gw__cors_valid(op->document.data, op->document.bytes, &why)) {
        gw__error(op, why ? "InvalidRequest" : "MalformedXML", why);
        return;
    }
    if (!gw__failed(op, disk_set_document(op->s3->disk, op->bucket, DOCUMENT, op->document.data)))
        op->answer.status = 200;
}

void gw__delete_cors(GwOp *op)
{
    if (!gw__failed(op, disk_set_document(op->s3->disk, op->bucket, DOCUMENT, NULL)))
        op->answer.status = 204;
}
