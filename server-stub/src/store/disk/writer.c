/* Bytes on their way to disk. They go past the page cache where the file system can: takes are
 * written once and not read soon, and the copy into the cache costs more than the disk does. */
#include "store/disk/disk_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

StoreStatus disk_writer_open(StoreDisk *d, DiskWriter **out)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    char id[DISK_ID_BYTES];
    DiskWriter *w = calloc(1, sizeof *w);
    *out = NULL;
    if (disk__may_write(d) != STORE_OK) {
        free(w);
        return STORE_BROKEN;
    }
    if (!w)
        return STORE_IO;
    disk__make_id(id);
    w->disk = d;
    w->is_direct = 1;
    snprintf(w->path, sizeof w->path, "tmp/%s", id);
    w->fd = openat(d->root, w->path, flags | O_DIRECT, 0600);
    if (w->fd < 0 && errno == EINVAL) {
        unlinkat(d->root, w->path, 0);
        w->is_direct = 0;
        w->fd = openat(d->root, w->path, flags, 0600);
    }
    if (w->fd < 0) {
        StoreStatus status = disk__write_failed(d, errno);
        free(w);
        return status;
    }
    *out = w;
    return STORE_OK;
}

static int leave_direct(DiskWriter *w)
{
    int flags = fcntl(w->fd, F_GETFL);
    w->is_direct = 0;
    return flags < 0 ? -1 : fcntl(w->fd, F_SETFL, flags & ~O_DIRECT);
}

/* Writes the first bytes of the stage; whole blocks unless direct writing is over. */
static StoreStatus store_staged(DiskWriter *w, size_t bytes)
{
    int result = disk__write_all(w->fd, w->staged, bytes, w->stored);
    if (result != 0 && errno == EINVAL && w->is_direct)
        result = leave_direct(w) != 0 ? -1 : disk__write_all(w->fd, w->staged, bytes, w->stored);
    if (result != 0)
        return disk__write_failed(w->disk, errno);
    if (!w->is_direct)
        sync_file_range(w->fd, w->stored, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
    w->stored += (int64_t)bytes;
    return STORE_OK;
}

static void free_stage(DiskWriter *w)
{
    if (w->staged && w->stage_bytes == DISK_STAGE_BYTES)
        atomic_fetch_sub(&w->disk->large_stages, 1);
    free(w->staged);
    w->staged = NULL;
}

/* With nothing staged: a stage, a large one once the body has proved large and while few are in
 * use. 0 when out of memory. */
static int choose_stage(DiskWriter *w)
{
    StoreDisk *d = w->disk;
    size_t bytes = DISK_SMALL_STAGE_BYTES;
    if (w->staged && (w->stage_bytes == DISK_STAGE_BYTES || w->bytes < DISK_STAGE_BYTES))
        return 1;
    if (w->bytes >= DISK_STAGE_BYTES) {
        if (atomic_fetch_add(&d->large_stages, 1) < DISK_LARGE_STAGES)
            bytes = DISK_STAGE_BYTES;
        else
            atomic_fetch_sub(&d->large_stages, 1);
    }
    if (w->staged && bytes == w->stage_bytes)
        return 1;
    uint8_t *stage = aligned_alloc(DISK_ALIGN_BYTES, bytes);
    if (!stage) {
        if (bytes == DISK_STAGE_BYTES)
            atomic_fetch_sub(&d->large_stages, 1);
        return w->staged != NULL; /* the small one goes on */
    }
    free_stage(w);
    w->staged = stage;
    w->stage_bytes = bytes;
    return 1;
}

StoreStatus disk_writer_write(DiskWriter *w, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    while (bytes > 0) {
        size_t have = (size_t)(w->bytes - w->stored);
        if (have == 0 && !choose_stage(w))
            return STORE_IO;
        size_t used = w->stage_bytes - have < bytes ? w->stage_bytes - have : bytes;
        memcpy(w->staged + have, p, used);
        w->bytes += (int64_t)used;
        p += used;
        bytes -= used;
        if (have + used == w->stage_bytes) {
            StoreStatus status = store_staged(w, w->stage_bytes);
            if (status != STORE_OK)
                return status;
        }
    }
    return STORE_OK;
}

StoreStatus disk__writer_copy(DiskWriter *w, int fd, int64_t offset, int64_t bytes)
{
    off_t from = offset, to = w->stored;
    const off_t end = to + bytes;
    assert(w->bytes == w->stored);
    if (w->is_direct && leave_direct(w) != 0)
        return STORE_REFUSED;
    while (to < end) {
        ssize_t n = copy_file_range(fd, &from, w->fd, &to, (size_t)(end - to), 0);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return STORE_REFUSED; /* what came of it is written over */
    }
    w->bytes = w->stored = end;
    return STORE_OK;
}

void disk_writer_set_checksum(DiskWriter *w, int kind, const uint8_t *value)
{
    w->footer.checksum_kind = kind;
    memset(w->footer.checksum, 0, sizeof w->footer.checksum);
    memcpy(w->footer.checksum, value, digest_bytes((DigestKind)kind));
}

StoreStatus disk_writer_finish(DiskWriter *w, const uint8_t md5[16])
{
    uint8_t footer[DISK_LONG_FOOTER_BYTES];
    size_t have = (size_t)(w->bytes - w->stored);
    size_t whole = have - have % DISK_ALIGN_BYTES;
    StoreStatus status = disk__may_write(w->disk);
    if (status == STORE_OK && whole > 0)
        status = store_staged(w, whole);
    if (status != STORE_OK)
        return status;
    w->footer.bytes = w->bytes;
    w->footer.modified_unix_us = disk__now_us();
    memcpy(w->footer.md5, md5, 16);
    size_t footer_bytes = disk__encode_footer(&w->footer, footer);
    if ((w->is_direct && leave_direct(w) != 0) ||
        (have > whole && disk__write_all(w->fd, w->staged + whole, have - whole, w->stored) != 0) ||
        disk__write_all(w->fd, footer, footer_bytes, w->bytes) != 0 || fdatasync(w->fd) != 0)
        return disk__write_failed(w->disk, errno);
    free_stage(w);
    return STORE_OK;
}

void disk_writer_close(DiskWriter **writer)
{
    DiskWriter *w = *writer;
    *writer = NULL;
    if (!w)
        return;
    close(w->fd);
    if (w->path[0])
        unlinkat(w->disk->root, w->path, 0);
    free_stage(w);
    free(w);
}
