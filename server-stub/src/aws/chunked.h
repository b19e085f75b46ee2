/* Decoder of "aws-chunked" bodies: STREAMING-AWS4-HMAC-SHA256-PAYLOAD, …-PAYLOAD-TRAILER and
 * STREAMING-UNSIGNED-PAYLOAD-TRAILER. Takes bytes in any cut, hands on the payload, checks every
 * chunk's signature and the trailers'. */
#ifndef KEEPTAKE_SERVER_AWS_CHUNKED_H
#define KEEPTAKE_SERVER_AWS_CHUNKED_H

#include "aws/sigv4.h"

#define AWS_CHUNKED_LINE_BYTES 512
#define AWS_CHUNKED_TRAILER_BYTES 2048

typedef enum AwsChunkedStatus {
    AWS_CHUNKED_OK = 0,
    AWS_CHUNKED_MALFORMED = -1,
    AWS_CHUNKED_MISMATCH = -2, /* a signature is wrong */
    AWS_CHUNKED_SINK = -3,     /* the payload function failed */
    AWS_CHUNKED_MEMORY = -4,
    AWS_CHUNKED_TRAILER = -5, /* malformed after the last chunk */
} AwsChunkedStatus;

typedef struct AwsChunked AwsChunked;

/* seed: of the verified request, copied. payload(ctx, …) takes the decoded bytes, non-zero: failed.
 * Returns NULL when seed->payload is not a streaming kind, or out of memory. */
AwsChunked *aws_chunked_create(const SigV4Verified *seed,
                               int (*payload)(void *ctx, const void *data, size_t bytes),
                               void *ctx);
void aws_chunked_destroy(AwsChunked **c);
/* Poisoned after a failure: the same status again. */
AwsChunkedStatus aws_chunked_feed(AwsChunked *c, const void *data, size_t bytes);
/* The body is over: AWS_CHUNKED_MALFORMED unless the last chunk (and the trailers) came. */
AwsChunkedStatus aws_chunked_finish(AwsChunked *c);
/* Value of a trailer, NULL where absent. Valid after a good finish. */
const char *aws_chunked_trailer(const AwsChunked *c, const char *name);
/* Decoded bytes so far. */
int64_t aws_chunked_bytes(const AwsChunked *c);
/* 1 when payload (x-amz-content-sha256) names a streaming kind. */
int aws_chunked_is_streaming(const char *payload);

#endif
