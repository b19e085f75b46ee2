/* Digests and checksums that S3 knows, and the codings they travel in. OpenSSL and zlib sit behind
 * it. */
#ifndef KEEPTAKE_SERVER_BASE_DIGEST_H
#define KEEPTAKE_SERVER_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_MAX_BYTES 32

/* The numbers stand in files of the embedded store: they never change. */
typedef enum DigestKind {
    DIGEST_MD5 = 0,
    DIGEST_SHA1 = 1,
    DIGEST_SHA256 = 2,
    DIGEST_CRC32 = 3, /* the CRCs come out big-endian, as S3 sends them */
    DIGEST_CRC32C = 4,
    DIGEST_CRC64NVME = 5,
} DigestKind;

typedef struct Digest Digest;

/* NULL when out of memory. */
Digest *digest_create(DigestKind kind);
void digest_destroy(Digest **d);
void digest_update(Digest *d, const void *data, size_t bytes);
/* Fills out with the digest, returns its length. Afterwards d is at its start again. */
size_t digest_finish(Digest *d, uint8_t out[DIGEST_MAX_BYTES]);
size_t digest_bytes(DigestKind kind);
/* "crc32", "sha256", … as in x-amz-checksum-<name>; -1 where unknown. */
int digest_kind_of(const char *name);
/* The same way back: "crc32"; "md5" for DIGEST_MD5. */
const char *digest_name(DigestKind kind);
/* 1 for the CRCs: that of a whole follows from those of its pieces. */
int digest_combines(DigestKind kind);
/* sum, of some bytes, becomes that of these and `bytes` more whose own digest is next. */
void digest_combine(DigestKind kind, uint8_t sum[DIGEST_MAX_BYTES],
                    const uint8_t next[DIGEST_MAX_BYTES], int64_t bytes);

void digest_sha256(const void *data, size_t bytes, uint8_t out[32]);
void digest_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t bytes,
                        uint8_t out[32]);
/* 1 when equal; time does not depend on where they differ. */
int digest_equal(const void *a, const void *b, size_t bytes);

/* out: 2 * bytes + 1, lower case. */
void digest_to_hex(const uint8_t *data, size_t bytes, char *out);
/* 0 unless text is exactly 2 * bytes hex digits. */
int digest_from_hex(const char *text, uint8_t *out, size_t bytes);
/* out: 4 * ((bytes + 2) / 3) + 1. */
void digest_to_base64(const uint8_t *data, size_t bytes, char *out);
/* 0 unless text is the base64 of exactly `bytes` bytes. */
int digest_from_base64(const char *text, uint8_t *out, size_t bytes);

#endif
