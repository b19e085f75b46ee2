/* AWS Signature Version 4 for S3: verifies header-signed and presigned requests, signs URLs and the
 * chunks of streaming bodies. Pure: the clock comes in. */
#ifndef KEEPTAKE_SERVER_AWS_SIGV4_H
#define KEEPTAKE_SERVER_AWS_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#define SIGV4_MAX_SKEW_SECONDS (15 * 60)
#define SIGV4_MAX_EXPIRES_SECONDS (7 * 24 * 3600)
#define SIGV4_MAX_HEADERS 64 /* signed by one request; AWS clients sign under ten */
#define SIGV4_DATE_BYTES 17  /* 20130524T000000Z */
#define SIGV4_SCOPE_BYTES 96 /* 20130524/us-east-1/s3/aws4_request */

typedef struct SigV4Account {
    const char *access_key;
    const char *secret_key;
    const char *region;
} SigV4Account;

typedef struct SigV4Header {
    const char *name, *value; /* as received */
} SigV4Header;

typedef struct SigV4Request {
    const char *method;
    const char *path;  /* as received: percent-encoded, no query */
    const char *query; /* as received, without '?'; "" where none */
    const SigV4Header *headers;
    int header_count;
} SigV4Request;

typedef enum SigV4Result {
    SIGV4_OK = 0,
    SIGV4_ANONYMOUS = -1, /* nothing that looks like a signature */
    SIGV4_MALFORMED = -2, /* Authorization header or query parameters */
    SIGV4_UNKNOWN_KEY = -3,
    SIGV4_MISMATCH = -4,
    SIGV4_EXPIRED = -5,         /* presigned, X-Amz-Expires is over */
    SIGV4_SKEWED = -6,          /* signed too far from now */
    SIGV4_UNSIGNED_HEADER = -7, /* host or an x-amz-* header is not covered */
    SIGV4_WRONG_SCOPE = -8,     /* date, region or service of the credential */
    SIGV4_NO_PAYLOAD_HASH = -9, /* header-signed without x-amz-content-sha256 */
    SIGV4_TOO_LONG_LIVED = -10, /* X-Amz-Expires outside 1..SIGV4_MAX_EXPIRES_SECONDS */
    SIGV4_MEMORY = -11,
} SigV4Result;

/* What the body of a verified request has to prove. */
typedef struct SigV4Verified {
    int presigned;
    uint8_t signing_key[32];
    char date[SIGV4_DATE_BYTES];
    char scope[SIGV4_SCOPE_BYTES];
    char signature[65]; /* seeds the chunk signatures */
    const char
        *payload; /* value of x-amz-content-sha256, borrowed of the request; "UNSIGNED-PAYLOAD" */
} SigV4Verified;

/* Checks the request's signature (in constant time), its scope and its age at now_unix_us. */
SigV4Result sigv4_verify(const SigV4Request *request, const SigV4Account *account,
                         int64_t now_unix_us, SigV4Verified *out);

/* Signature of the next chunk of a streaming body: previous is the chunk's before (or the seed).
 * sha256: of the chunk's bytes. kind: "AWS4-HMAC-SHA256-PAYLOAD", or "AWS4-HMAC-SHA256-TRAILER"
 * with the SHA-256 of the canonical trailers. out may be previous. */
void sigv4_sign_chunk(const SigV4Verified *seed, const char *kind, const char *previous,
                      const uint8_t sha256[32], char out[65]);

/* Presigned URL: base_url + path + query.
 *   base_url     "http://host[:port]", no slash at the end; its host is signed
 *   path         decoded: "/bucket/key"
 *   extra_query  "" or "a=b&c=d", percent-encoded values; signed along
 * Returns the URL's length, or -1: does not fit, out of memory, or a bad base_url, query or expiry.
 */
int sigv4_presign(const SigV4Account *account, const char *method, const char *base_url,
                  const char *path, const char *extra_query, int expires_seconds,
                  int64_t now_unix_us, char *url, size_t url_bytes);

/* Signature of a whole request by header: signed_headers "host;x-amz-date" (sorted), all present in
 * the request. For outgoing requests and known-answer tests. Returns 0 or SIGV4_MALFORMED /
 * SIGV4_MEMORY. */
SigV4Result sigv4_sign(const SigV4Request *request, const SigV4Account *account,
                       const char *signed_headers, const char *date, const char *payload,
                       char out[65]);

#endif
