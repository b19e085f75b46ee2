/* Bytes of an object as a part of an upload. */
#include "store/disk/disk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"

/* A finished writer over another name of the part's file. Files of parts never change, so that two
 * owners may share one. kind: of the checksum that it has to have, DIGEST_MD5: any.
 * STORE_NO_SUCH_KEY: this file cannot be shared, copy its bytes. */
static StoreStatus share_file(StoreDisk *d, const char *path, int kind, DiskWriter **out)
{
    char id[DISK_ID_BYTES];
    DiskWriter *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w)
        return STORE_IO;
    disk__make_id(id);
    w->disk = d;
    snprintf(w->path, sizeof w->path, "tmp/%s", id);
    w->fd = -1;
    if (linkat(d->root, path, d->root, w->path, 0) == 0)
        w->fd = openat(d->root, w->path, O_RDONLY | O_CLOEXEC);
    if (w->fd < 0 || !disk__read_footer(w->fd, &w->footer) ||
        (kind != DIGEST_MD5 && w->footer.checksum_kind != kind)) {
        if (w->fd >= 0)
            close(w->fd);
        unlinkat(d->root, w->path, 0);
        free(w);
        return STORE_NO_SUCH_KEY;
    }
    w->bytes = w->stored = w->footer.bytes;
    *out = w;
    return STORE_OK;
}

static StoreStatus copy_bytes(StoreDisk *d, DiskReader *from, int64_t offset, int64_t bytes,
                              int kind, DiskWriter **out)
{
    uint8_t sum[DIGEST_MAX_BYTES];
    uint8_t *buffer = malloc(DISK_STAGE_BYTES);
    Digest *digest = digest_create(DIGEST_MD5);
    Digest *checksum = kind == DIGEST_MD5 ? NULL : digest_create((DigestKind)kind);
    int ready = buffer && digest && (kind == DIGEST_MD5 || checksum);
    StoreStatus status = ready ? disk_writer_open(d, out) : STORE_IO;
    while (status == STORE_OK && bytes > 0) {
        size_t want = bytes < DISK_STAGE_BYTES ? (size_t)bytes : DISK_STAGE_BYTES;
        int64_t n = disk_reader_read(from, offset, buffer, want);
        if (n <= 0) {
            status = STORE_IO;
            break;
        }
        digest_update(digest, buffer, (size_t)n);
        if (checksum)
            digest_update(checksum, buffer, (size_t)n);
        status = disk_writer_write(*out, buffer, (size_t)n);
        offset += n;
        bytes -= n;
    }
    if (status == STORE_OK && checksum) {
        digest_finish(checksum, sum);
        disk_writer_set_checksum(*out, kind, sum);
    }
    if (status == STORE_OK) {
        digest_finish(digest, sum);
        status = disk_writer_finish(*out, sum);
    }
    digest_destroy(&digest);
    digest_destroy(&checksum);
    free(buffer);
    return status;
}

StoreStatus disk_copy_part(StoreDisk *d, DiskReader *from, int64_t offset, int64_t bytes,
                           const char *bucket, const char *key, const char *upload_id, int number,
                           StorePart *out)
{
    char path[DISK_PATH_BYTES];
    DiskWriter *writer = NULL;
    DiskAlgorithm algorithm;
    int64_t object_bytes = disk_reader_object(from)->bytes;
    if (offset < 0 || bytes < 0 || bytes > object_bytes || offset > object_bytes - bytes)
        return STORE_REFUSED;
    StoreStatus status = disk_upload_algorithm(d, bucket, key, upload_id, &algorithm);
    if (status != STORE_OK)
        return status;
    status = disk__reader_part_path(from, offset, bytes, path)
                 ? share_file(d, path, algorithm.kind, &writer)
                 : STORE_NO_SUCH_KEY;
    if (status == STORE_NO_SUCH_KEY)
        status = copy_bytes(d, from, offset, bytes, algorithm.kind, &writer);
    if (status == STORE_OK) {
        memcpy(path, writer->path, sizeof path);
        status = disk_put_part(d, bucket, key, upload_id, number, writer, out);
        /* The part may have been this very file: then renaming did nothing and left both names. */
        if (status == STORE_OK)
            unlinkat(d->root, path, 0);
    }
    disk_writer_close(&writer);
    return status;
}
