#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/* Reflected polynomials. */
#define CRC32_POLYNOMIAL 0xEDB88320u
#define CRC32C_POLYNOMIAL 0x82F63B78u
#define CRC64NVME_POLYNOMIAL 0x9A6C9329AC4BC9B5u

struct Digest {
    DigestKind kind;
    EVP_MD_CTX *context;
    uint64_t crc;
    uint64_t (*tables)[256]; /* eight, for eight bytes a step */
};

static void crc_tables(uint64_t tables[8][256], uint64_t polynomial)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        tables[0][i] = crc;
    }
    for (unsigned i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
}

static uint64_t crc_update(uint64_t tables[8][256], uint64_t crc, const uint8_t *p, size_t bytes)
{
    for (; bytes >= 8; bytes -= 8, p += 8) {
        uint64_t word = 0;
        for (int k = 0; k < 8; k++)
            word |= (uint64_t)p[k] << 8 * k;
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; k++)
            crc ^= tables[7 - k][word >> 8 * k & 255];
    }
    while (bytes--)
        crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 255];
    return crc;
}

static const EVP_MD *digest_method(DigestKind kind)
{
    switch (kind) {
    case DIGEST_MD5:
        return EVP_md5();
    case DIGEST_SHA1:
        return EVP_sha1();
    case DIGEST_SHA256:
        return EVP_sha256();
    default:
        return NULL;
    }
}

static uint64_t crc_start(DigestKind kind)
{
    return kind == DIGEST_CRC32 ? 0 : kind == DIGEST_CRC32C ? 0xFFFFFFFFu : UINT64_MAX;
}

Digest *digest_create(DigestKind kind)
{
    Digest *d = calloc(1, sizeof *d);
    const EVP_MD *method = digest_method(kind);
    if (!d)
        return NULL;
    d->kind = kind;
    d->crc = crc_start(kind);
    if (method) {
        d->context = EVP_MD_CTX_new();
        if (!d->context || EVP_DigestInit_ex(d->context, method, NULL) != 1)
            goto fail;
    } else if (kind != DIGEST_CRC32) {
        d->tables = malloc(8 * sizeof *d->tables);
        if (!d->tables)
            goto fail;
        crc_tables(d->tables, kind == DIGEST_CRC32C ? CRC32C_POLYNOMIAL : CRC64NVME_POLYNOMIAL);
    }
    return d;
fail:
    digest_destroy(&d);
    return NULL;
}

void digest_destroy(Digest **digest)
{
    Digest *d = *digest;
    *digest = NULL;
    if (!d)
        return;
    EVP_MD_CTX_free(d->context);
    free(d->tables);
    free(d);
}

void digest_update(Digest *d, const void *data, size_t bytes)
{
    if (d->context)
        EVP_DigestUpdate(d->context, data, bytes);
    else if (d->tables)
        d->crc = crc_update(d->tables, d->crc, data, bytes);
    else
        d->crc = crc32_z((uLong)d->crc, data, bytes);
}

size_t digest_finish(Digest *d, uint8_t out[DIGEST_MAX_BYTES])
{
    size_t bytes = digest_bytes(d->kind);
    if (d->context) {
        EVP_DigestFinal_ex(d->context, out, NULL);
        EVP_DigestInit_ex(d->context, digest_method(d->kind), NULL);
        return bytes;
    }
    uint64_t crc = d->tables ? d->crc ^ crc_start(d->kind) : d->crc;
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(crc >> 8 * (bytes - 1 - i));
    d->crc = crc_start(d->kind);
    return bytes;
}

size_t digest_bytes(DigestKind kind)
{
    static const size_t bytes[] = {16, 20, 32, 4, 4, 8};
    return bytes[kind];
}

static const char *const digest_names[] = {"md5", "sha1", "sha256", "crc32", "crc32c", "crc64nvme"};

int digest_kind_of(const char *name)
{
    for (int i = DIGEST_SHA1; i <= DIGEST_CRC64NVME; i++)
        if (strcasecmp(name, digest_names[i]) == 0)
            return i;
    return -1;
}

const char *digest_name(DigestKind kind)
{
    return digest_names[kind];
}

/* --- combining --- */

int digest_combines(DigestKind kind)
{
    return kind >= DIGEST_CRC32;
}

/* a * b modulo the polynomial; the highest of `bits` bits is x^0, as CRCs have them. */
static uint64_t crc_multiply(uint64_t a, uint64_t b, uint64_t polynomial, unsigned bits)
{
    uint64_t product = 0;
    for (uint64_t bit = UINT64_C(1) << (bits - 1); bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? b >> 1 ^ polynomial : b >> 1;
    }
    return product;
}

static uint64_t crc_number(const uint8_t *sum, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | sum[i];
    return value;
}

/* What a CRC starts with and what is added at its end are the same ones, so they cancel out: the
 * first one is multiplied by x^8 for each byte that follows, the second one is added. */
void digest_combine(DigestKind kind, uint8_t sum[DIGEST_MAX_BYTES],
                    const uint8_t next[DIGEST_MAX_BYTES], int64_t bytes)
{
    const uint64_t polynomial = kind == DIGEST_CRC32    ? CRC32_POLYNOMIAL
                                : kind == DIGEST_CRC32C ? CRC32C_POLYNOMIAL
                                                        : CRC64NVME_POLYNOMIAL;
    const size_t width = digest_bytes(kind);
    const unsigned bits = (unsigned)width * 8;
    uint64_t power = UINT64_C(1) << (bits - 1 - 8);
    uint64_t crc = crc_number(sum, width);
    for (uint64_t left = (uint64_t)bytes; left > 0; left >>= 1) {
        if (left & 1)
            crc = crc_multiply(crc, power, polynomial, bits);
        power = crc_multiply(power, power, polynomial, bits);
    }
    crc ^= crc_number(next, width);
    for (size_t i = 0; i < width; i++)
        sum[i] = (uint8_t)(crc >> 8 * (width - 1 - i));
}

void digest_sha256(const void *data, size_t bytes, uint8_t out[32])
{
    EVP_Digest(data, bytes, out, NULL, EVP_sha256(), NULL);
}

void digest_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t bytes,
                        uint8_t out[32])
{
    unsigned out_bytes = 32;
    HMAC(EVP_sha256(), key, (int)key_bytes, data, bytes, out, &out_bytes);
}

int digest_equal(const void *a, const void *b, size_t bytes)
{
    return CRYPTO_memcmp(a, b, bytes) == 0;
}

void digest_to_hex(const uint8_t *data, size_t bytes, char *out)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        *out++ = hex[data[i] >> 4];
        *out++ = hex[data[i] & 15];
    }
    *out = 0;
}

int digest_from_hex(const char *text, uint8_t *out, size_t bytes)
{
    if (strlen(text) != 2 * bytes || strspn(text, "0123456789abcdefABCDEF") != 2 * bytes)
        return 0;
    for (size_t i = 0; i < 2 * bytes; i++) {
        int digit = text[i] <= '9' ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return 1;
}

void digest_to_base64(const uint8_t *data, size_t bytes, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, data, (int)bytes);
}

int digest_from_base64(const char *text, uint8_t *out, size_t bytes)
{
    unsigned char decoded[DIGEST_MAX_BYTES + 6];
    char again[DIGEST_MAX_BYTES * 2 + 4];
    size_t text_bytes = 4 * ((bytes + 2) / 3);
    if (bytes > DIGEST_MAX_BYTES || strlen(text) != text_bytes ||
        EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)text_bytes) < (int)bytes)
        return 0;
    digest_to_base64(decoded, bytes, again);
    if (strcmp(text, again) != 0)
        return 0;
    memcpy(out, decoded, bytes);
    return 1;
}
