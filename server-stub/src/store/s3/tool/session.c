/* See store/s3/tool/session.h. Failures are told in words of people who run a server. */
#include "store/s3/tool/session.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* --- open, close --- */

int s3store_session_open(S3StoreSession *x, const S3StoreTool *tool)
{
    char error[S3STORE_ERROR_BYTES];
    memset(x, 0, sizeof *x);
    x->tool = tool;
    if (uv_loop_init(&x->loop) != 0) {
        fputs("There is not enough memory.\n", tool->out);
        return -1;
    }
    if (s3store_open(&x->loop, &tool->settings, tool->credentials, NULL, &x->store, error) != 0) {
        fprintf(tool->out, "%s\n", error);
        uv_loop_close(&x->loop);
        return -1;
    }
    x->s3 = (S3Store *)x->store;
    x->s3->attempts = 2; /* somebody waits, and wants to know */
    return 0;
}

static void forget(S3StoreSession *x)
{
    free(x->answer.body);
    free(x->parts);
    memset(&x->answer, 0, sizeof x->answer);
    x->parts = NULL;
    x->part_count = 0;
    x->data_bytes = 0;
    x->code[0] = x->message[0] = x->etag[0] = 0;
}

void s3store_session_close(S3StoreSession *x)
{
    forget(x);
    x->store->destroy(x->store);
    uv_run(&x->loop, UV_RUN_DEFAULT);
    uv_loop_close(&x->loop);
}

/* --- one call --- */

void s3store_session_begin(S3StoreSession *x)
{
    forget(x);
    x->waiting = 1;
}

StoreStatus s3store_session_wait(S3StoreSession *x)
{
    while (x->waiting) {
        uv_run(&x->loop, UV_RUN_ONCE);
    }
    return x->status;
}

static void end(S3StoreSession *x, StoreStatus status)
{
    x->status = status;
    x->waiting = 0;
}

void s3store_session_on_status(void *ctx, StoreStatus status)
{
    end(ctx, status);
}

void s3store_session_on_upload(void *ctx, StoreStatus status, const char *upload_id)
{
    S3StoreSession *x = ctx;
    snprintf(x->upload_id, sizeof x->upload_id, "%s", upload_id ? upload_id : "");
    end(x, status);
}

void s3store_session_on_parts(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    S3StoreSession *x = ctx;
    x->parts = malloc(((size_t)count + 1) * sizeof *parts);
    if (x->parts && count > 0) {
        memcpy(x->parts, parts, (size_t)count * sizeof *parts);
        x->part_count = count;
    }
    end(x, status);
}

void s3store_session_on_object(void *ctx, StoreStatus status, const StoreObject *object)
{
    S3StoreSession *x = ctx;
    if (object) {
        x->object = *object;
    }
    end(x, status);
}

void s3store_session_on_etag(void *ctx, StoreStatus status, const char *etag)
{
    S3StoreSession *x = ctx;
    snprintf(x->etag, sizeof x->etag, "%s", etag ? etag : "");
    end(x, status);
}

void s3store_session_on_data(void *ctx, StoreStatus status, size_t bytes)
{
    S3StoreSession *x = ctx;
    x->data_bytes = bytes;
    end(x, status);
}

static void keep_answer(S3StoreSession *x, const S3StoreAnswer *answer)
{
    x->answer = *answer;
    x->answer.body = malloc(answer->body_bytes + 1);
    if (!x->answer.body) {
        abort();
    }
    if (answer->body_bytes > 0) {
        memcpy(x->answer.body, answer->body, answer->body_bytes);
    }
    x->answer.body[answer->body_bytes] = 0;
}

/* Our sentences go on behind it, or have a dot of their own. */
static void strip_dot(char *sentence)
{
    size_t length = strlen(sentence);
    if (length > 0 && sentence[length - 1] == '.') {
        sentence[length - 1] = 0;
    }
}

static void on_asked(S3StoreCall *call, StoreStatus status, const S3StoreAnswer *answer)
{
    S3StoreSession *x = call->ctx;
    memcpy(x->code, call->code, sizeof x->code);
    memcpy(x->message, call->message, sizeof x->message);
    strip_dot(x->message);
    keep_answer(x, answer);
    s3store_call_end(call);
    end(x, status);
}

StoreStatus s3store_session_ask(S3StoreSession *x, const char *method, const char *query,
                                const char *xml, const char *root)
{
    s3store_session_begin(x);
    S3StoreCall *call = s3store_call_create(x->s3, method, "", NULL, x);
    if (!call) {
        s3store_session_bad(x, "There is not enough memory.");
        return STORE_IO;
    }
    if (*query) {
        s3store_call_query(call, query, "");
    }
    if (xml) {
        text_add_string(&call->xml, xml);
    }
    call->root = root;
    s3store_call_send(call, on_asked);
    return s3store_session_wait(x);
}

static void on_fetched(void *ctx, const S3StoreAnswer *answer)
{
    S3StoreSession *x = ctx;
    int passes;
    keep_answer(x, answer);
    StoreStatus status = s3store_call_judge(answer, NULL, 0, &passes, x->code, x->message);
    strip_dot(x->message);
    end(x, status);
}

int s3store_session_fetch(S3StoreSession *x, const char *method, const char *url,
                          const char *const *headers, int header_count, const void *body,
                          size_t body_bytes)
{
    const S3StoreRequest request = {
        .method = method,
        .url = url,
        .headers = headers,
        .header_count = header_count,
        .body = {.data = body, .bytes = (int64_t)body_bytes},
        .max_answer_bytes = S3STORE_LIST_BODY_BYTES,
        .connect_ms = S3STORE_CONNECT_MS,
        .idle_s = x->s3->idle_s,
        .total_s = 10 * x->s3->idle_s,
    };
    s3store_session_begin(x);
    if (s3store_transport_send(x->s3->transports[STORE_INTERACTIVE], &request, x, on_fetched) !=
        0) {
        abort();
    }
    s3store_session_wait(x);
    return x->answer.status;
}

/* --- the report --- */

static void report(S3StoreSession *x, const char *word, const char *format, va_list args)
{
    fprintf(x->tool->out, "%-5s ", word);
    vfprintf(x->tool->out, format, args);
    fputc('\n', x->tool->out);
    fflush(x->tool->out);
}

void s3store_session_good(S3StoreSession *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(x, "ok", format, args);
    va_end(args);
}

void s3store_session_note(S3StoreSession *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(x, "note", format, args);
    va_end(args);
}

void s3store_session_bad(S3StoreSession *x, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(x, "FAIL", format, args);
    va_end(args);
    x->failures++;
}

const char *s3store_session_words(const S3StoreSession *x)
{
    static const struct {
        const char *code, *words;
    } known[] = {
        {"InvalidAccessKeyId", "the access key is not known there"},
        {"SignatureDoesNotMatch", "the secret key is wrong, or a proxy changes the Host header"},
        {"AccessDenied", "these keys may not do that"},
        {"AuthorizationHeaderMalformed", "the region is not the service's (--s3-region)"},
        {"ExpiredToken", "the temporary keys have expired"},
        {"RequestTimeTooSkewed", "the clocks differ by more than 15 minutes"},
        {"NoSuchBucket", "there is no such bucket: keeptake-server store setup makes it"},
        {"HTTP400", "it does not understand the request: is the region right (--s3-region)?"},
        {"HTTP403", "the keys are not accepted there, or may not do that"},
        {"NotImplemented", "the service cannot do that"},
        {"MethodNotAllowed", "the service cannot do that"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(x->code, known[i].code) == 0) {
            return known[i].words;
        }
    }
    return x->message[0]                       ? x->message
           : x->code[0]                        ? x->code
           : x->status == STORE_UNREACHABLE    ? "it does not answer, or fails"
           : x->status == STORE_NO_SUCH_UPLOAD ? "it says that there is no such upload"
           : x->status == STORE_NO_SUCH_KEY    ? "it says that there is no such object"
           : x->status == STORE_NO_SUCH_BUCKET ? "it says that there is no such bucket"
           : x->status == STORE_TOO_SMALL      ? "it wants larger parts"
           : x->status == STORE_INVALID_PART   ? "it does not know a part that it took before"
           : x->status == STORE_FULL           ? "it is full"
                                               : "it refuses that";
}
