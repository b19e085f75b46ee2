/* `store check`: what a take needs of the service, tried with a small one. */
#include "store/s3/tool/session.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/digest.h"

#define PART_BYTES ((size_t)5 << 20) /* the smallest that every service takes */
#define TAIL_BYTES ((size_t)1000)
#define RANGE_BYTES 64
#define URL_SECONDS 300

typedef struct Check {
    S3StoreSession session;
    char key[STORE_KEY_BYTES];
    char upload_id[STORE_UPLOAD_ID_BYTES]; /* that is open; "": none */
    uint8_t *part;                         /* PART_BYTES: the first part, later with another head */
    StorePart parts[2];
    int object_made;
} Check;

/* Each step is 0, or -1 after telling what is wrong; the first -1 ends the check. */
typedef int (*Step)(Check *c);

/* --- steps --- */

static int reach(Check *c)
{
    S3StoreSession *x = &c->session;
    const char *origin = x->s3->base;
    /* A list, not HEAD: its refusals say why. */
    if (s3store_session_ask(x, "GET", "uploads", NULL, "ListMultipartUploadsResult") != STORE_OK) {
        s3store_session_bad(x, "%s, bucket %s: %s.", origin, x->s3->bucket,
                            s3store_session_words(x));
        return -1;
    }
    s3store_session_good(x, "%s answers, knows the keys and has the bucket %s.", origin,
                         x->s3->bucket);
    if (x->s3->skew_us != 0) {
        s3store_session_note(
            x,
            "Its clock differs from this machine's by %lld s. Signatures take that "
            "into account; set the clock right all the same.",
            (long long)(x->s3->skew_us / 1000000));
    }
    return 0;
}

static int create(Check *c)
{
    S3StoreSession *x = &c->session;
    s3store_session_begin(x);
    x->store->create_upload(x->store, c->key, "video/webm", NULL, x, s3store_session_on_upload);
    if (s3store_session_wait(x) != STORE_OK) {
        if (*x->s3->encryption && x->status == STORE_REFUSED) {
            s3store_session_bad(
                x,
                "An upload cannot begin with --s3-encryption %s: the service refuses "
                "that, or takes no notice of it.",
                x->tool->settings.encryption);
        } else {
            s3store_session_bad(x, "An upload cannot begin: %s.", s3store_session_words(x));
        }
        return -1;
    }
    memcpy(c->upload_id, x->upload_id, sizeof c->upload_id);
    s3store_session_good(x, "Uploads begin%s%s.", *x->s3->encryption ? ", encrypted by " : "",
                         x->tool->settings.encryption);
    return 0;
}

static int part_url(Check *c, int number, char url[S3STORE_URL_BYTES])
{
    Text query = {0};
    text_format(&query, "partNumber=%d&uploadId=", number);
    text_add_uri(&query, c->upload_id, strlen(c->upload_id), 0);
    Store *store = c->session.store;
    int length = query.failed ? -1
                              : store->presign(store, "PUT", c->key, query.data, URL_SECONDS,
                                               clock_now_us(), url, S3STORE_URL_BYTES);
    text_reset(&query);
    return length > 0 ? 0 : -1;
}

/* As a page does it: a signed URL, another origin. */
static int send_part(Check *c, int number, const void *data, size_t bytes)
{
    S3StoreSession *x = &c->session;
    char url[S3STORE_URL_BYTES], origin[ORIGIN_BYTES + 16];
    const char *headers[] = {origin};
    snprintf(origin, sizeof origin, "Origin: %s", x->tool->origins->items[0]);
    if (part_url(c, number, url) != 0 ||
        s3store_session_fetch(x, "PUT", url, headers, 1, data, bytes) != 200) {
        s3store_session_bad(x, "A part cannot be sent to its signed URL (%s): %s.",
                            x->s3->public_base, s3store_session_words(x));
        return -1;
    }
    StorePart *part = &c->parts[number - 1];
    part->number = number;
    part->bytes = (int64_t)bytes;
    if (s3store_answer_etag(x->answer.etag, part->etag) != 0) {
        s3store_session_bad(x, "The answer to a part has no ETag.");
        return -1;
    }
    return 0;
}

static int send_parts(Check *c)
{
    if (send_part(c, 1, c->part, PART_BYTES) != 0 || send_part(c, 2, c->part, TAIL_BYTES) != 0) {
        return -1;
    }
    s3store_session_good(&c->session, "Signed URLs take parts (%s).", c->session.s3->public_base);
    return 0;
}

/* Whether a list "GET, PUT" has the word, or is "*". */
static int lists(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = list; *p; p++) {
        int start = p == list || strchr(", ", p[-1]);
        if (start && (*p == '*' || (strncasecmp(p, word, length) == 0 &&
                                    (!p[length] || strchr(", ", p[length]))))) {
            return 1;
        }
    }
    return 0;
}

static void check_origin(Check *c, const char *url, const char *page)
{
    S3StoreSession *x = &c->session;
    char origin[ORIGIN_BYTES + 16];
    const char *asked[] = {origin, "Access-Control-Request-Method: PUT"};
    snprintf(origin, sizeof origin, "Origin: %s", page);
    int status = s3store_session_fetch(x, "OPTIONS", url, asked, 2, NULL, 0);
    const S3StoreAnswer *a = &x->answer;
    if (status < 200 || status > 299 || !lists(a->allow_methods, "PUT") ||
        (strcmp(a->allow_origin, page) != 0 && strcmp(a->allow_origin, "*") != 0)) {
        s3store_session_bad(
            x, "Pages of %s may not send parts (CORS): keeptake-server store setup.", page);
        return;
    }
    s3store_session_fetch(x, "PUT", url, asked, 1, c->part, TAIL_BYTES);
    if (!lists(x->answer.expose_headers, "ETag")) {
        s3store_session_bad(x,
                            "Pages of %s may not read the ETag of a part (CORS, ExposeHeader): "
                            "keeptake-server store setup.",
                            page);
        return;
    }
    s3store_session_good(x, "Pages of %s may send parts and read their ETags.", page);
}

/* Wrong rules are told, and the rest is tried all the same. */
static int check_cors(Check *c)
{
    char url[S3STORE_URL_BYTES];
    for (int i = 0; i < c->session.tool->origins->count && part_url(c, 2, url) == 0; i++) {
        check_origin(c, url, c->session.tool->origins->items[i]);
    }
    return 0;
}

static int list(Check *c)
{
    S3StoreSession *x = &c->session;
    s3store_session_begin(x);
    x->store->list_parts(x->store, c->key, c->upload_id, NULL, x, s3store_session_on_parts);
    int good = s3store_session_wait(x) == STORE_OK && x->part_count == 2;
    for (int i = 0; i < 2 && good; i++) {
        good = x->parts[i].number == i + 1 && x->parts[i].bytes == c->parts[i].bytes &&
               strcmp(x->parts[i].etag, c->parts[i].etag) == 0;
    }
    if (!good) {
        s3store_session_bad(x, "The list of parts is not what was sent: %s.",
                            s3store_session_words(x));
        return -1;
    }
    s3store_session_good(x, "Parts are listed with size and ETag.");
    return 0;
}

/* Part 1 goes twice: the second time with the finished header. */
static int overwrite(Check *c)
{
    S3StoreSession *x = &c->session;
    memset(c->part, 'K', 64);
    s3store_session_begin(x);
    const StoreBody body = {.data = c->part, .bytes = PART_BYTES};
    x->store->put_part(x->store, c->key, c->upload_id, 1, &body, NULL, x, s3store_session_on_etag);
    if (s3store_session_wait(x) != STORE_OK) {
        s3store_session_bad(x, "A part cannot be sent again: %s.", s3store_session_words(x));
        return -1;
    }
    memcpy(c->parts[0].etag, x->etag, sizeof x->etag);
    return 0;
}

static int complete(Check *c)
{
    S3StoreSession *x = &c->session;
    for (int turn = 0; turn < 2; turn++) {
        s3store_session_begin(x);
        x->store->complete(x->store, c->key, c->upload_id, c->parts, 2, NULL, x,
                           s3store_session_on_object);
        if (s3store_session_wait(x) != STORE_OK) {
            s3store_session_bad(x, "An upload cannot be completed%s: %s.", turn ? " twice" : "",
                                s3store_session_words(x));
            return -1;
        }
        c->object_made = 1;
    }
    c->upload_id[0] = 0;
    if (x->object.bytes != (int64_t)(PART_BYTES + TAIL_BYTES)) {
        s3store_session_bad(x, "The completed object has %lld bytes instead of %zu.",
                            (long long)x->object.bytes, PART_BYTES + TAIL_BYTES);
        return -1;
    }
    s3store_session_good(x, "Uploads are completed, and completing them again does no harm.");
    return 0;
}

static int read_back(Check *c)
{
    static const int64_t offsets[] = {0, PART_BYTES - RANGE_BYTES};
    uint8_t read[RANGE_BYTES];
    S3StoreSession *x = &c->session;
    for (int i = 0; i < 2; i++) {
        s3store_session_begin(x);
        x->store->get_range(x->store, c->key, offsets[i], read, RANGE_BYTES, NULL, x,
                            s3store_session_on_data);
        if (s3store_session_wait(x) != STORE_OK || x->data_bytes != RANGE_BYTES ||
            memcmp(read, c->part + offsets[i], RANGE_BYTES) != 0) {
            s3store_session_bad(x, "What is read is not what was written last: %s.",
                                s3store_session_words(x));
            return -1;
        }
    }
    return 0;
}

static int play(Check *c)
{
    S3StoreSession *x = &c->session;
    char url[S3STORE_URL_BYTES], origin[ORIGIN_BYTES + 16];
    const char *headers[] = {"Range: bytes=0-63", origin};
    snprintf(origin, sizeof origin, "Origin: %s", x->tool->origins->items[0]);
    if (x->store->presign(x->store, "GET", c->key, "response-content-type=video%2Fwebm",
                          URL_SECONDS, clock_now_us(), url, sizeof url) < 0 ||
        s3store_session_fetch(x, "GET", url, headers, 2, NULL, 0) != 206 ||
        x->answer.body_bytes != RANGE_BYTES || strcmp(x->answer.content_type, "video/webm") != 0) {
        s3store_session_bad(x, "A signed URL does not play (status %d, type %s): %s.",
                            x->answer.status, x->answer.content_type, s3store_session_words(x));
        return -1;
    }
    s3store_session_good(x, "Takes are read by ranges, and signed URLs play them.");
    return 0;
}

/* What a salvage by the server alone needs. */
static int copy(Check *c)
{
    S3StoreSession *x = &c->session;
    s3store_session_begin(x);
    x->store->create_upload(x->store, c->key, "video/webm", NULL, x, s3store_session_on_upload);
    if (s3store_session_wait(x) == STORE_OK) {
        memcpy(c->upload_id, x->upload_id, sizeof c->upload_id);
        s3store_session_begin(x);
        x->store->copy_part(x->store, c->key, c->upload_id, 1, c->key, 0, (int64_t)PART_BYTES, NULL,
                            x, s3store_session_on_etag);
        s3store_session_wait(x);
    }
    if (x->status != STORE_OK) {
        s3store_session_bad(x,
                            "A part cannot be copied out of an object: %s. The server alone cannot "
                            "make a broken-off take seekable there.",
                            s3store_session_words(x));
        return 0;
    }
    s3store_session_good(x, "Parts are copied out of objects.");
    return 0;
}

/* --- the end --- */

static int clear(Check *c)
{
    S3StoreSession *x = &c->session;
    int failures = x->failures;
    if (c->upload_id[0]) {
        s3store_session_begin(x);
        x->store->abort(x->store, c->key, c->upload_id, NULL, x, s3store_session_on_status);
        if (s3store_session_wait(x) != STORE_OK && x->status != STORE_NO_SUCH_UPLOAD) {
            s3store_session_bad(x, "An upload cannot be aborted: %s.", s3store_session_words(x));
        }
    }
    if (c->object_made) {
        s3store_session_begin(x);
        x->store->remove(x->store, c->key, NULL, x, s3store_session_on_status);
        s3store_session_wait(x);
        s3store_session_begin(x);
        x->store->head(x->store, c->key, NULL, x, s3store_session_on_object);
        if (s3store_session_wait(x) != STORE_NO_SUCH_KEY) {
            s3store_session_bad(x, "The test object %s cannot be removed: %s.", c->key,
                                s3store_session_words(x));
        }
        if (x->failures == failures) {
            s3store_session_good(x,
                                 "Uploads are aborted and objects removed; nothing is left over.");
        }
    }
    return 0;
}

static int check_lifecycle(Check *c)
{
    S3StoreSession *x = &c->session;
    StoreStatus status = s3store_session_ask(x, "GET", "lifecycle", NULL, "LifecycleConfiguration");
    if (status == STORE_OK &&
        strstr((const char *)x->answer.body, "AbortIncompleteMultipartUpload")) {
        s3store_session_good(x, "A rule removes uploads that nobody finishes.");
    } else {
        s3store_session_note(x,
                             "No rule removes uploads that nobody finishes. This server's clean-up "
                             "does; keeptake-server store setup makes a rule beside it.");
    }
    return 0;
}

int s3store_check(const S3StoreTool *tool)
{
    static const Step steps[] = {reach,    create,    send_parts, list, check_cors,     overwrite,
                                 complete, read_back, play,       copy, check_lifecycle};
    uint8_t random[8];
    char hex[17];
    Check *c = calloc(1, sizeof *c);
    if (!c || RAND_bytes(random, sizeof random) != 1 ||
        s3store_session_open(&c->session, tool) != 0) {
        free(c);
        return -1;
    }
    digest_to_hex(random, sizeof random, hex);
    snprintf(c->key, sizeof c->key, "takes/.check/%s.webm", hex);
    c->part = malloc(PART_BYTES);
    int failed = !c->part || RAND_bytes(c->part, (int)PART_BYTES) != 1;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !failed; i++) {
        failed = steps[i](c) != 0;
    }
    clear(c);
    int failures = c->session.failures + failed;
    s3store_session_close(&c->session);
    free(c->part);
    free(c);
    return failures ? -1 : 0;
}
