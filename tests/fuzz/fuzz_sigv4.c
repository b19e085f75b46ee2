/* Any bytes as a request to verify (lines: method, path, query, then headers), then the rest behind
 * an empty line as an aws-chunked body: whole and in pieces it decodes to the same, and nothing
 * forged is accepted. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/chunked.h"
#include "aws/sigv4.h"
#include "base/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static char *take_line(char **at)
{
    char *line = *at;
    size_t n = strcspn(line, "\n");
    *at = line + n + (line[n] == '\n');
    line[n] = 0;
    return line;
}

typedef struct Sink {
    uint64_t bytes, sum;
} Sink;

static int collect(void *ctx, const void *data, size_t bytes)
{
    Sink *sink = ctx;
    for (size_t i = 0; i < bytes; i++)
        sink->sum = sink->sum * 1099511628211u + ((const uint8_t *)data)[i];
    sink->bytes += bytes;
    return 0;
}

static AwsChunkedStatus decode(const SigV4Verified *seed, const uint8_t *data, size_t bytes,
                               size_t step, Sink *sink)
{
    AwsChunked *c = aws_chunked_create(seed, collect, sink);
    AwsChunkedStatus status = AWS_CHUNKED_OK;
    for (size_t at = 0; at < bytes; at += step)
        status = aws_chunked_feed(c, data + at, bytes - at < step ? bytes - at : step);
    status = aws_chunked_finish(c);
    if (status == AWS_CHUNKED_OK && (uint64_t)aws_chunked_bytes(c) != sink->bytes)
        abort();
    if (status == AWS_CHUNKED_OK)
        aws_chunked_trailer(c, "x-amz-checksum-crc32");
    aws_chunked_destroy(&c);
    return status;
}

static void check_body(const uint8_t *data, size_t bytes, const char *kind, int is_signed)
{
    SigV4Verified seed = {
        .date = "20130524T000000Z", .scope = "20130524/r/s3/aws4_request", .payload = kind};
    Sink whole = {0, 0};
    Sink pieces = {0, 0};
    AwsChunkedStatus a = decode(&seed, data, bytes, bytes ? bytes : 1, &whole);
    AwsChunkedStatus b = decode(&seed, data, bytes, 1, &pieces);
    if (a != b || whole.bytes < pieces.bytes)
        abort();
    if (a == AWS_CHUNKED_OK && (whole.bytes != pieces.bytes || whole.sum != pieces.sum))
        abort();
    if (is_signed && a == AWS_CHUNKED_OK)
        abort(); /* nobody signed it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    SigV4Account account = {"test-key", "test-secret", "us-east-1"};
    SigV4Header headers[16];
    SigV4Verified verified;
    SigV4Request request = {.headers = headers};
    char *text = malloc(bytes + 1);
    char *at = text;
    memcpy(text, data, bytes);
    text[bytes] = 0;
    request.method = take_line(&at);
    request.path = take_line(&at);
    request.query = take_line(&at);
    while (*at && *at != '\n' && request.header_count < 16) {
        char *line = take_line(&at);
        char *colon = strchr(line, ':');
        if (colon)
            *colon = 0;
        headers[request.header_count++] = (SigV4Header){line, colon ? colon + 1 : ""};
    }
    /* Without the secret's MAC nothing can be right: 2013 and "now" are both tried. */
    if (sigv4_verify(&request, &account, INT64_C(1369353600000000), &verified) == SIGV4_OK)
        abort();
    size_t used = (size_t)(at - text);
    check_body(data + used, bytes - used, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 0);
    check_body(data + used, bytes - used, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 1);
    check_body(data + used, bytes - used, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 1);
    free(text);
    return 0;
}
