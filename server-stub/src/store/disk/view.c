/* Manifests and footers, read one after the other. */
#include "store/disk/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/disk/disk_internal.h"

struct DiskView {
    StoreDisk disk; /* its folder only */
};

typedef struct Walk {
    DiskView *view;
    const char *bucket;
    char folder[DISK_PATH_BYTES];
    void (*each_object)(void *ctx, const StoreObject *object);
    void (*each_upload)(void *ctx, const DiskViewUpload *upload);
    void *ctx;
    DiskViewUpload upload;
    int failed;
} Walk;

int disk_view_open(const char *dir, DiskView **out)
{
    DiskView *v = calloc(1, sizeof *v);
    *out = NULL;
    if (!v)
        return -ENOMEM;
    v->disk.root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v->disk.root < 0) {
        int saved = errno;
        free(v);
        return -saved;
    }
    *out = v;
    return 0;
}

void disk_view_close(DiskView **slot)
{
    DiskView *v = *slot;
    *slot = NULL;
    if (!v)
        return;
    close(v->disk.root);
    free(v);
}

StoreStatus disk_view_object(DiskView *v, const char *bucket, const char *key, StoreObject *out)
{
    char path[DISK_PATH_BYTES];
    DiskManifest m;
    disk__object_path(bucket, key, path);
    StoreStatus status = disk__read_manifest(&v->disk, path, &m, NULL);
    if (status == STORE_OK)
        *out = m.object;
    disk__reset_manifest(&m);
    return status;
}

int disk_view_has_upload(DiskView *v, const char *upload_id)
{
    char path[DISK_PATH_BYTES];
    if (!disk__id_valid(upload_id))
        return 0;
    snprintf(path, sizeof path, "uploads/%s", upload_id);
    return faccessat(v->disk.root, path, F_OK, 0) == 0;
}

static void on_manifest(void *ctx, const char *name)
{
    Walk *w = ctx;
    char path[DISK_PATH_BYTES];
    DiskManifest m;
    snprintf(path, sizeof path, "%.180s/%.64s", w->folder, name);
    if (disk__read_manifest(&w->view->disk, path, &m, NULL) == STORE_OK)
        w->each_object(w->ctx, &m.object);
    disk__reset_manifest(&m);
}

static void on_folder(void *ctx, const char *name)
{
    Walk *w = ctx;
    snprintf(w->folder, sizeof w->folder, "buckets/%.63s/objects/%.2s", w->bucket, name);
    if (disk__each_entry(&w->view->disk, w->folder, on_manifest, w) != 0 && errno != ENOENT)
        w->failed = errno;
}

int disk_view_each_object(DiskView *v, const char *bucket,
                          void (*each)(void *ctx, const StoreObject *object), void *ctx)
{
    Walk w = {.view = v, .bucket = bucket, .each_object = each, .ctx = ctx};
    char path[DISK_PATH_BYTES];
    snprintf(path, sizeof path, "buckets/%.63s/objects", bucket);
    if (disk__each_entry(&v->disk, path, on_folder, &w) != 0 && errno != ENOENT)
        w.failed = errno;
    return -w.failed;
}

static void on_part(void *ctx, const char *name)
{
    Walk *w = ctx;
    DiskFooter footer;
    int number = atoi(name);
    if (disk__read_part(&w->view->disk, w->upload.upload.upload_id, number, &footer) != STORE_OK)
        return;
    w->upload.parts++;
    w->upload.bytes += footer.bytes;
    if (number == 1)
        w->upload.part_bytes = footer.bytes;
}

static void on_upload(void *ctx, const char *name)
{
    Walk *w = ctx;
    char path[DISK_PATH_BYTES];
    DiskManifest m;
    if (!disk__id_valid(name))
        return;
    snprintf(path, sizeof path, "uploads/%s", name);
    if (disk__read_manifest(&w->view->disk, path, &m, NULL) == STORE_OK) {
        memset(&w->upload, 0, sizeof w->upload);
        memcpy(w->upload.upload.key, m.object.key, sizeof w->upload.upload.key);
        snprintf(w->upload.upload.upload_id, sizeof w->upload.upload.upload_id, "%s", name);
        w->upload.upload.initiated_unix_us = m.object.modified_unix_us;
        snprintf(path, sizeof path, "data/%s", name);
        if (disk__each_entry(&w->view->disk, path, on_part, w) != 0 && errno != ENOENT)
            w->failed = errno;
        w->each_upload(w->ctx, &w->upload);
    }
    disk__reset_manifest(&m);
}

int disk_view_each_upload(DiskView *v, void (*each)(void *ctx, const DiskViewUpload *upload),
                          void *ctx)
{
    Walk w = {.view = v, .each_upload = each, .ctx = ctx};
    if (disk__each_entry(&v->disk, "uploads", on_upload, &w) != 0)
        w.failed = errno;
    return -w.failed;
}

/* One part's bytes to fd, compared with its MD5. 0 with errno. */
static int write_part(DiskView *v, const DiskManifest *m, const DiskSpan *span, int fd,
                      int64_t offset, uint8_t *buffer)
{
    char path[DISK_PATH_BYTES];
    uint8_t sum[DIGEST_MAX_BYTES];
    DiskFooter footer;
    int64_t at = 0;
    disk__part_path(m->data_id, span->number, path);
    int in = openat(v->disk.root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Digest *md5 = digest_create(DIGEST_MD5);
    int right = in >= 0 && md5 && disk__read_footer(in, &footer) && footer.bytes == span->bytes;
    if (in >= 0 && md5 && !right)
        errno = EBADMSG;
    while (right && at < footer.bytes) {
        int64_t left = footer.bytes - at;
        ssize_t n =
            pread(in, buffer, left < DISK_STAGE_BYTES ? (size_t)left : DISK_STAGE_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        errno = n == 0 ? EBADMSG : errno;
        right = n > 0 && disk__write_all(fd, buffer, (size_t)n, offset + at) == 0;
        if (right) {
            digest_update(md5, buffer, (size_t)n);
            at += n;
        }
    }
    if (right && (digest_finish(md5, sum), memcmp(sum, footer.md5, 16) != 0)) {
        errno = EBADMSG;
        right = 0;
    }
    int saved = errno;
    digest_destroy(&md5);
    if (in >= 0)
        close(in);
    errno = saved;
    return right;
}

StoreStatus disk_view_write(DiskView *v, const char *bucket, const char *key, int fd)
{
    char path[DISK_PATH_BYTES];
    DiskManifest m;
    int64_t offset = 0;
    uint8_t *buffer = malloc(DISK_STAGE_BYTES);
    disk__object_path(bucket, key, path);
    StoreStatus status = buffer ? disk__read_manifest(&v->disk, path, &m, NULL) : STORE_IO;
    if (!buffer)
        return STORE_IO;
    for (int i = 0; i < m.part_count && status == STORE_OK; i++) {
        if (!write_part(v, &m, &m.parts[i], fd, offset, buffer))
            status = disk__status_of_errno(errno);
        offset += m.parts[i].bytes;
    }
    int saved = errno;
    disk__reset_manifest(&m);
    free(buffer);
    errno = saved;
    return status;
}
