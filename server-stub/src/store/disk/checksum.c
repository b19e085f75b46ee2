/* Checksums beside the MD5: of parts, and what follows from them for the object. */
#include "store/disk/disk_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int disk_parse_checksum(const char *text, DiskAlgorithm *out, const char **value)
{
    char kind[16] = "";
    char type[16] = "";
    int at = 0;
    memset(out, 0, sizeof *out);
    if (value)
        *value = "";
    if (sscanf(text, "%15s %15s%n", kind, type, &at) != 2 || digest_kind_of(kind) < 0)
        return 0;
    out->kind = digest_kind_of(kind);
    out->is_composite = strcmp(type, "COMPOSITE") == 0;
    if (value)
        *value = text + at + strspn(text + at, " ");
    return 1;
}

void disk__describe_part(const DiskFooter *footer, int number, StorePart *out)
{
    memset(out, 0, sizeof *out);
    out->number = number;
    out->bytes = footer->bytes;
    out->modified_unix_us = footer->modified_unix_us;
    digest_to_hex(footer->md5, 16, out->etag);
    out->checksum_kind = footer->checksum_kind;
    memcpy(out->checksum, footer->checksum, sizeof out->checksum);
}

int disk__digest_part(StoreDisk *d, const char *data_id, const DiskSpan *span, Digest *digest)
{
    char path[DISK_PATH_BYTES];
    int64_t at = 0;
    ssize_t n = 1;
    disk__part_path(data_id, span->number, path);
    int fd = openat(d->root, path, O_RDONLY | O_CLOEXEC);
    uint8_t *buffer = fd >= 0 ? malloc(DISK_STAGE_BYTES) : NULL;
    while (buffer && at < span->bytes && n > 0) {
        int64_t left = span->bytes - at;
        n = pread(fd, buffer, left < DISK_STAGE_BYTES ? (size_t)left : DISK_STAGE_BYTES, at);
        if (n > 0)
            digest_update(digest, buffer, (size_t)n);
        at += n > 0 ? n : 0;
    }
    if (fd >= 0)
        close(fd);
    free(buffer);
    return buffer != NULL && at == span->bytes;
}

/* The checksum of one part, as it was stored or made of its bytes. */
static StoreStatus sum_part(StoreDisk *d, const DiskManifest *m, int at, const StorePart *parts,
                            Digest *digest, int kind, uint8_t out[DIGEST_MAX_BYTES])
{
    if (parts && parts[at].checksum_kind == kind) {
        memcpy(out, parts[at].checksum, digest_bytes((DigestKind)kind));
        return STORE_OK;
    }
    if (!disk__digest_part(d, m->data_id, &m->parts[at], digest))
        return STORE_IO;
    digest_finish(digest, out);
    return STORE_OK;
}

static StoreStatus sum_composite(StoreDisk *d, const DiskManifest *m, const StorePart *parts,
                                 int kind, uint8_t sum[DIGEST_MAX_BYTES])
{
    Digest *whole = digest_create((DigestKind)kind);
    Digest *part = digest_create((DigestKind)kind);
    StoreStatus status = whole && part ? STORE_OK : STORE_IO;
    for (int i = 0; i < m->part_count && status == STORE_OK; i++) {
        status = sum_part(d, m, i, parts, part, kind, sum);
        if (status == STORE_OK)
            digest_update(whole, sum, digest_bytes((DigestKind)kind));
    }
    if (status == STORE_OK)
        digest_finish(whole, sum);
    digest_destroy(&whole);
    digest_destroy(&part);
    return status;
}

static StoreStatus sum_whole(StoreDisk *d, const DiskManifest *m, const StorePart *parts, int kind,
                             uint8_t sum[DIGEST_MAX_BYTES])
{
    uint8_t next[DIGEST_MAX_BYTES];
    Digest *digest = digest_create((DigestKind)kind);
    StoreStatus status = digest ? STORE_OK : STORE_IO;
    int combines = digest_combines((DigestKind)kind);
    if (status == STORE_OK)
        digest_finish(digest, sum); /* of nothing */
    for (int i = 0; i < m->part_count && status == STORE_OK; i++) {
        if (combines) {
            status = sum_part(d, m, i, parts, digest, kind, next);
            if (status == STORE_OK)
                digest_combine((DigestKind)kind, sum, next, m->parts[i].bytes);
        } else if (!disk__digest_part(d, m->data_id, &m->parts[i], digest)) {
            status = STORE_IO;
        }
    }
    if (status == STORE_OK && !combines)
        digest_finish(digest, sum);
    digest_destroy(&digest);
    return status;
}

StoreStatus disk__checksum_object(StoreDisk *d, DiskManifest *m, const StorePart *parts,
                                  const DiskAlgorithm *algorithm, const DiskExpected *expected)
{
    uint8_t sum[DIGEST_MAX_BYTES];
    char text[64];
    char suffix[16] = "";
    int kind = algorithm->kind;
    size_t bytes = digest_bytes((DigestKind)kind);
    StoreStatus status = algorithm->is_composite ? sum_composite(d, m, parts, kind, sum)
                                                 : sum_whole(d, m, parts, kind, sum);
    if (status != STORE_OK)
        return status;
    if (expected && expected->algorithm.kind != DIGEST_MD5 &&
        (expected->algorithm.kind != kind || memcmp(sum, expected->checksum, bytes) != 0))
        return STORE_BAD_DIGEST;
    digest_to_base64(sum, bytes, text);
    if (algorithm->is_composite)
        snprintf(suffix, sizeof suffix, "-%d", m->part_count);
    snprintf(m->object.checksum, sizeof m->object.checksum, "%s %s %s%s",
             digest_name((DigestKind)kind), algorithm->is_composite ? "COMPOSITE" : "FULL_OBJECT",
             text, suffix);
    return STORE_OK;
}
