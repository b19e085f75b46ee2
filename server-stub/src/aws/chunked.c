#include "aws/chunked.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"

#define SIGNED "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define SIGNED_TRAILER "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
#define UNSIGNED "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
#define MAX_CHUNK_BYTES (INT64_C(5) << 30)
#define MAX_TRAILERS 8

/*  SIZE    -> DATA      [size_line]     a chunk begins
 *  SIZE    -> TRAILERS  [size_line]     the chunk of size 0
 *  DATA    -> BREAK     [take_data]     all its bytes are in, signature checked
 *  BREAK   -> SIZE      [take_break]    the line break behind it
 *  TRAILERS-> DONE      [trailer_line]  the empty line
 *  DONE                                 nothing may follow */
typedef enum State { SIZE, DATA, BREAK, TRAILERS, DONE } State;

struct AwsChunked {
    SigV4Verified seed;
    int is_signed, has_trailers;
    int (*payload)(void *ctx, const void *data, size_t bytes);
    void *ctx;
    State state;
    AwsChunkedStatus status;
    Digest *sha256;
    char line[AWS_CHUNKED_LINE_BYTES];
    size_t line_bytes;
    int64_t left, total;
    int break_bytes;
    char previous[65], expected[65];
    /* "name:value" each NUL-terminated; canonical text of all but the signature, for it. */
    char trailers[AWS_CHUNKED_TRAILER_BYTES];
    size_t trailer_bytes;
    int trailer_count;
    int trailer_checked;
};

int aws_chunked_is_streaming(const char *payload)
{
    return strcmp(payload, SIGNED) == 0 || strcmp(payload, SIGNED_TRAILER) == 0 ||
           strcmp(payload, UNSIGNED) == 0;
}

AwsChunked *aws_chunked_create(const SigV4Verified *seed,
                               int (*payload)(void *ctx, const void *data, size_t bytes), void *ctx)
{
    if (!seed->payload || !aws_chunked_is_streaming(seed->payload))
        return NULL;
    AwsChunked *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->seed = *seed;
    c->is_signed = strcmp(seed->payload, UNSIGNED) != 0;
    c->has_trailers = strcmp(seed->payload, SIGNED) != 0;
    c->seed.payload = NULL;
    c->payload = payload;
    c->ctx = ctx;
    memcpy(c->previous, seed->signature, sizeof c->previous);
    c->sha256 = digest_create(DIGEST_SHA256);
    if (!c->sha256)
        aws_chunked_destroy(&c);
    return c;
}

void aws_chunked_destroy(AwsChunked **chunked)
{
    AwsChunked *c = *chunked;
    *chunked = NULL;
    if (!c)
        return;
    digest_destroy(&c->sha256);
    free(c);
}

/* The chunk is whole: its signature must be the announced one. */
static AwsChunkedStatus check_chunk(AwsChunked *c)
{
    uint8_t sha256[DIGEST_MAX_BYTES];
    char signature[65];
    if (!c->is_signed)
        return AWS_CHUNKED_OK;
    digest_finish(c->sha256, sha256);
    sigv4_sign_chunk(&c->seed, "AWS4-HMAC-SHA256-PAYLOAD", c->previous, sha256, signature);
    if (!digest_equal(signature, c->expected, 64))
        return AWS_CHUNKED_MISMATCH;
    memcpy(c->previous, signature, sizeof signature);
    return AWS_CHUNKED_OK;
}

/* "10000;chunk-signature=…" */
static AwsChunkedStatus size_line(AwsChunked *c)
{
    size_t digits = strspn(c->line, "0123456789abcdefABCDEF");
    const char *rest = c->line + digits;
    if (digits == 0 || digits > 12)
        return AWS_CHUNKED_MALFORMED;
    c->left = strtoll(c->line, NULL, 16);
    if (c->left > MAX_CHUNK_BYTES || (*rest && *rest != ';'))
        return AWS_CHUNKED_MALFORMED;
    if (c->is_signed) {
        if (strncmp(rest, ";chunk-signature=", 17) != 0 || strlen(rest + 17) != 64)
            return AWS_CHUNKED_MALFORMED;
        memcpy(c->expected, rest + 17, sizeof c->expected);
    }
    c->state = c->left > 0 ? DATA : TRAILERS;
    return c->left > 0 ? AWS_CHUNKED_OK : check_chunk(c);
}

static AwsChunkedStatus check_trailers(AwsChunked *c, const char *given)
{
    uint8_t sha256[DIGEST_MAX_BYTES];
    char signature[65];
    const char *line = c->trailers;
    for (int i = 0; i < c->trailer_count; i++) {
        digest_update(c->sha256, line, strlen(line));
        digest_update(c->sha256, "\n", 1);
        line += strlen(line) + 1;
    }
    digest_finish(c->sha256, sha256);
    sigv4_sign_chunk(&c->seed, "AWS4-HMAC-SHA256-TRAILER", c->previous, sha256, signature);
    if (strlen(given) != 64 || !digest_equal(signature, given, 64))
        return AWS_CHUNKED_MISMATCH;
    c->trailer_checked = 1;
    return AWS_CHUNKED_OK;
}

static AwsChunkedStatus trailer_line(AwsChunked *c)
{
    char *colon = strchr(c->line, ':');
    if (c->line[0] == 0) {
        c->state = DONE;
        return c->is_signed && c->has_trailers && !c->trailer_checked ? AWS_CHUNKED_MISMATCH
                                                                      : AWS_CHUNKED_OK;
    }
    if (!colon || !c->has_trailers || c->trailer_checked)
        return AWS_CHUNKED_TRAILER;
    if (strncasecmp(c->line, "x-amz-trailer-signature:", 24) == 0)
        return c->is_signed ? check_trailers(c, c->line + 24) : AWS_CHUNKED_OK;
    for (char *p = c->line; p < colon; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    size_t bytes = strlen(c->line) + 1;
    if (c->trailer_count == MAX_TRAILERS || c->trailer_bytes + bytes > sizeof c->trailers)
        return AWS_CHUNKED_TRAILER;
    memcpy(c->trailers + c->trailer_bytes, c->line, bytes);
    c->trailer_bytes += bytes;
    c->trailer_count++;
    return AWS_CHUNKED_OK;
}

static AwsChunkedStatus take_line_byte(AwsChunked *c, char byte)
{
    if (byte != '\n') {
        if (byte == 0 || c->line_bytes + 1 >= sizeof c->line)
            return c->state == SIZE ? AWS_CHUNKED_MALFORMED : AWS_CHUNKED_TRAILER;
        c->line[c->line_bytes++] = byte;
        return AWS_CHUNKED_OK;
    }
    if (c->line_bytes > 0 && c->line[c->line_bytes - 1] == '\r')
        c->line_bytes--;
    c->line[c->line_bytes] = 0;
    c->line_bytes = 0;
    return c->state == SIZE ? size_line(c) : trailer_line(c);
}

static AwsChunkedStatus take_data(AwsChunked *c, const uint8_t *data, size_t bytes)
{
    if (c->is_signed)
        digest_update(c->sha256, data, bytes);
    if (c->payload(c->ctx, data, bytes) != 0)
        return AWS_CHUNKED_SINK;
    c->left -= (int64_t)bytes;
    c->total += (int64_t)bytes;
    if (c->left > 0)
        return AWS_CHUNKED_OK;
    c->state = BREAK;
    c->break_bytes = 0;
    return check_chunk(c);
}

static AwsChunkedStatus take_break(AwsChunked *c, uint8_t byte)
{
    if (byte != (c->break_bytes == 0 ? '\r' : '\n'))
        return AWS_CHUNKED_MALFORMED;
    if (++c->break_bytes == 2)
        c->state = SIZE;
    return AWS_CHUNKED_OK;
}

AwsChunkedStatus aws_chunked_feed(AwsChunked *c, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    while (bytes > 0 && c->status == AWS_CHUNKED_OK) {
        size_t used = 1;
        if (c->state == DATA) {
            used = (int64_t)bytes < c->left ? bytes : (size_t)c->left;
            c->status = take_data(c, p, used);
        } else if (c->state == BREAK) {
            c->status = take_break(c, *p);
        } else if (c->state == DONE) {
            c->status = AWS_CHUNKED_MALFORMED;
        } else {
            c->status = take_line_byte(c, (char)*p);
        }
        p += used;
        bytes -= used;
    }
    return c->status;
}

AwsChunkedStatus aws_chunked_finish(AwsChunked *c)
{
    if (c->status == AWS_CHUNKED_OK && c->state != DONE)
        c->status = AWS_CHUNKED_MALFORMED;
    return c->status;
}

const char *aws_chunked_trailer(const AwsChunked *c, const char *name)
{
    const char *line = c->trailers;
    size_t name_bytes = strlen(name);
    for (int i = 0; i < c->trailer_count; i++, line += strlen(line) + 1)
        if (strncasecmp(line, name, name_bytes) == 0 && line[name_bytes] == ':')
            return line + name_bytes + 1 + strspn(line + name_bytes + 1, " ");
    return NULL;
}

int64_t aws_chunked_bytes(const AwsChunked *c)
{
    return c->total;
}
