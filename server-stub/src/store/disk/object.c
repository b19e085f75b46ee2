/* Objects of the embedded store: written, published, read, copied, deleted. */
#include "store/disk/disk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"

/* --- publishing --- */

StoreStatus disk__write_trash(StoreDisk *d, const DiskManifest *m, char trash_id[DISK_ID_BYTES])
{
    char path[DISK_PATH_BYTES];
    Text text = {0};
    disk__make_id(trash_id);
    snprintf(path, sizeof path, "trash/%s", trash_id);
    disk__encode_manifest(m, &text);
    StoreStatus status = text.failed ? STORE_IO : disk__write_file(d, path, text.data, text.bytes);
    text_reset(&text);
    return status;
}

/* status: of reading old, the object that is there. */
static StoreStatus check_condition(const DiskCondition *c, StoreStatus status,
                                   const DiskManifest *old)
{
    int exists = status != STORE_NO_SUCH_KEY; /* a damaged one is there as well */
    if (!c)
        return STORE_OK;
    if (c->if_match && !exists)
        return STORE_NO_SUCH_KEY;
    if (c->if_match && !disk_etag_listed(c->if_match, old->object.etag, 0))
        return STORE_PRECONDITION;
    if (c->if_none_match && exists && disk_etag_listed(c->if_none_match, old->object.etag, 1))
        return STORE_PRECONDITION;
    return STORE_OK;
}

/* With d->lock held. old_id: data of the manifest that went to the trash, "" where none. */
static StoreStatus exchange(StoreDisk *d, const DiskManifest *m, const char *trash,
                            const char *path, char old_id[DISK_ID_BYTES])
{
    DiskManifest old;
    StoreStatus status = disk__read_manifest(d, path, &old, NULL);
    StoreStatus allowed = check_condition(m->condition, status, &old);
    old_id[0] = 0;
    if (status == STORE_OK)
        memcpy(old_id, old.data_id, sizeof old.data_id);
    disk__reset_manifest(&old);
    if (allowed != STORE_OK)
        return allowed;
    if ((status == STORE_NO_SUCH_KEY
             ? renameat(d->root, trash, d->root, path)
             : renameat2(d->root, trash, d->root, path, RENAME_EXCHANGE)) == 0)
        return STORE_OK;
    return errno == ENOENT ? STORE_NO_SUCH_BUCKET : disk__write_failed(d, errno);
}

static StoreStatus make_object_folder(StoreDisk *d, const char *bucket, const char *path)
{
    char folder[DISK_PATH_BYTES];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (disk__make_folder(d, folder) == 0)
        return STORE_OK;
    return errno == ENOENT && disk_head_bucket(d, bucket) != STORE_OK
               ? STORE_NO_SUCH_BUCKET
               : disk__write_failed(d, errno);
}

StoreStatus disk__publish(StoreDisk *d, const DiskManifest *m, char trash_id[DISK_ID_BYTES])
{
    char path[DISK_PATH_BYTES];
    char trash[DISK_PATH_BYTES];
    char old_id[DISK_ID_BYTES];
    disk__object_path(m->bucket, m->object.key, path);
    snprintf(trash, sizeof trash, "trash/%s", trash_id);
    StoreStatus status = disk__may_write(d);
    if (status == STORE_OK)
        status = make_object_folder(d, m->bucket, path);
    if (status != STORE_OK)
        return status;
    pthread_mutex_lock(&d->lock);
    status = exchange(d, m, trash, path, old_id);
    if (status == STORE_OK)
        disk__index_add(d, m->bucket, m->object.key);
    pthread_mutex_unlock(&d->lock);
    if (status != STORE_OK)
        return status;
    status = disk__sync_folder_of(d, path) == 0 ? STORE_OK : disk__write_failed(d, errno);
    /* Which of the two is on disk is only known after a restart when the sync has failed: both keep
     * their data until then. */
    if (status != STORE_BROKEN && strcmp(old_id, m->data_id) == 0)
        unlinkat(d->root, trash, 0); /* published before: the data is still in use */
    else if (status != STORE_BROKEN && old_id[0])
        disk__drop(d, old_id, trash_id);
    trash_id[0] = 0;
    return status;
}

static void fill_object(DiskManifest *m, const DiskWriter *w)
{
    m->object.bytes = w->footer.bytes;
    m->object.modified_unix_us = w->footer.modified_unix_us;
    digest_to_hex(w->footer.md5, 16, m->object.etag);
}

/* Renames the finished file to path; makes its folder in data/ when it is the first. */
static StoreStatus place_part(StoreDisk *d, const char *data_id, const char *from, const char *path)
{
    char folder[DISK_PATH_BYTES];
    snprintf(folder, sizeof folder, "data/%s", data_id);
    int failed = renameat(d->root, from, d->root, path);
    if (failed && errno == ENOENT)
        failed = disk__make_folder(d, folder) || renameat(d->root, from, d->root, path);
    return failed ? disk__write_failed(d, errno) : STORE_OK;
}

StoreStatus disk_put_object(StoreDisk *d, const DiskName *name, DiskWriter *w, StoreObject *out)
{
    return disk_put_object_if(d, name, NULL, "", w, out);
}

StoreStatus disk_put_object_if(StoreDisk *d, const DiskName *name, const DiskCondition *condition,
                               const char *checksum, DiskWriter *w, StoreObject *out)
{
    DiskManifest m;
    char id[DISK_ID_BYTES];
    char trash_id[DISK_ID_BYTES] = "";
    char path[DISK_PATH_BYTES];
    disk__make_id(id);
    StoreStatus status = disk__init_manifest(&m, name, id);
    if (status != STORE_OK)
        goto fail;
    fill_object(&m, w);
    m.condition = condition;
    snprintf(m.object.checksum, sizeof m.object.checksum, "%s", checksum);
    m.parts = malloc(sizeof *m.parts);
    if (!m.parts) {
        status = STORE_IO;
        goto fail;
    }
    m.part_count = 1;
    m.parts[0] = (DiskSpan){1, w->bytes};
    disk__part_path(id, 1, path);
    status = disk__write_trash(d, &m, trash_id);
    if (status == STORE_OK)
        status = place_part(d, id, w->path, path);
    if (status == STORE_OK) {
        w->path[0] = 0;
        if (disk__sync_folder_of(d, path) != 0)
            status = disk__write_failed(d, errno);
    }
    if (status == STORE_OK)
        status = disk__publish(d, &m, trash_id);
    if (status == STORE_OK)
        *out = m.object;
    else if (trash_id[0])
        disk__remove_data(d, id, trash_id);
fail:
    disk__reset_manifest(&m);
    return status;
}

StoreStatus disk_put_part(StoreDisk *d, const char *bucket, const char *key, const char *upload_id,
                          int number, DiskWriter *w, StorePart *out)
{
    char path[DISK_PATH_BYTES];
    if (number < 1 || number > STORE_MAX_PARTS)
        return STORE_REFUSED;
    DiskUploadLock *lock = disk__lock_upload(d, upload_id);
    StoreStatus status = disk_check_upload(d, bucket, key, upload_id);
    if (status == STORE_OK)
        status = disk__may_write(d);
    if (status == STORE_OK) {
        disk__part_path(upload_id, number, path);
        status = place_part(d, upload_id, w->path, path);
    }
    if (status == STORE_OK)
        w->path[0] = 0;
    disk__unlock_upload(d, lock);
    if (status != STORE_OK)
        return status;
    if (disk__sync_folder_of(d, path) != 0 && errno != ENOENT)
        return disk__write_failed(d, errno);
    disk__describe_part(&w->footer, number, out);
    return STORE_OK;
}

/* --- reading --- */

struct DiskReader {
    StoreDisk *disk;
    DiskManifest manifest;
    int64_t *starts; /* of the parts, and the end */
    int open_part;   /* index of the part that fd is, -1: none */
    int fd;
};

static int pin_data(StoreDisk *d, const char *data_id)
{
    pthread_mutex_lock(&d->lock);
    DiskPin *pin = d->pins;
    while (pin && strcmp(pin->data_id, data_id) != 0)
        pin = pin->next;
    if (!pin && (pin = calloc(1, sizeof *pin))) {
        memcpy(pin->data_id, data_id, DISK_ID_BYTES);
        pin->next = d->pins;
        d->pins = pin;
    }
    if (pin)
        pin->readers++;
    pthread_mutex_unlock(&d->lock);
    return pin != NULL;
}

static void unpin_data(StoreDisk *d, const char *data_id)
{
    DiskPin *gone = NULL;
    pthread_mutex_lock(&d->lock);
    for (DiskPin **link = &d->pins; *link; link = &(*link)->next) {
        if (strcmp((*link)->data_id, data_id) != 0)
            continue;
        if (--(*link)->readers == 0) {
            gone = *link;
            *link = gone->next;
        }
        break;
    }
    pthread_mutex_unlock(&d->lock);
    if (gone && gone->trash_id[0])
        disk__sweep(d, data_id, gone->trash_id);
    free(gone);
}

/* Reads the manifest and pins its data. The pin counts only when the manifest is still in its place
 * after it was set: who removes it looks for pins afterwards. */
static StoreStatus open_pinned(DiskReader *r, const char *path)
{
    StoreDisk *d = r->disk;
    for (;;) {
        struct stat opened;
        struct stat placed;
        int fd = -1;
        StoreStatus status = disk__read_manifest(d, path, &r->manifest, &fd);
        if (status != STORE_OK)
            return status;
        if (!pin_data(d, r->manifest.data_id)) {
            close(fd);
            return STORE_IO;
        }
        int same = fstat(fd, &opened) == 0 && fstatat(d->root, path, &placed, 0) == 0 &&
                   opened.st_ino == placed.st_ino;
        close(fd);
        if (same)
            return STORE_OK;
        unpin_data(d, r->manifest.data_id);
        disk__reset_manifest(&r->manifest);
    }
}

StoreStatus disk_reader_open(StoreDisk *d, const char *bucket, const char *key, DiskReader **out)
{
    char path[DISK_PATH_BYTES];
    *out = NULL;
    if (disk_head_bucket(d, bucket) != STORE_OK)
        return STORE_NO_SUCH_BUCKET;
    if (disk__check_key(key) != STORE_OK)
        return STORE_NO_SUCH_KEY;
    DiskReader *r = calloc(1, sizeof *r);
    if (!r)
        return STORE_IO;
    r->disk = d;
    r->fd = -1;
    r->open_part = -1;
    disk__object_path(bucket, key, path);
    StoreStatus status = open_pinned(r, path);
    if (status != STORE_OK) {
        free(r);
        return status;
    }
    r->starts = malloc(((size_t)r->manifest.part_count + 1) * sizeof *r->starts);
    if (!r->starts) {
        disk_reader_close(&r);
        return STORE_IO;
    }
    r->starts[0] = 0;
    for (int i = 0; i < r->manifest.part_count; i++)
        r->starts[i + 1] = r->starts[i] + r->manifest.parts[i].bytes;
    *out = r;
    return STORE_OK;
}

const StoreObject *disk_reader_object(const DiskReader *r)
{
    return &r->manifest.object;
}

const char *disk_reader_headers(const DiskReader *r)
{
    return r->manifest.headers;
}

int disk_reader_part_count(const DiskReader *r)
{
    return r->manifest.part_count;
}

int disk_reader_part_number(const DiskReader *r, int at)
{
    return r->manifest.parts[at].number;
}

StoreStatus disk_reader_part_info(DiskReader *r, int at, StorePart *out)
{
    DiskFooter footer;
    const DiskSpan *span = &r->manifest.parts[at];
    StoreStatus status = disk__read_part(r->disk, r->manifest.data_id, span->number, &footer);
    if (status == STORE_OK && footer.bytes != span->bytes)
        status = STORE_INVALID_PART;
    if (status == STORE_OK)
        disk__describe_part(&footer, span->number, out);
    return status;
}

int disk_reader_part(const DiskReader *r, int number, int64_t *offset, int64_t *bytes)
{
    for (int i = 0; i < r->manifest.part_count; i++) {
        if (r->manifest.parts[i].number == number) {
            *offset = r->starts[i];
            *bytes = r->manifest.parts[i].bytes;
            return 1;
        }
    }
    return 0;
}

/* Index of the part that holds offset; offset < object's bytes. */
static int part_at(const DiskReader *r, int64_t offset)
{
    int low = 0;
    int high = r->manifest.part_count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (r->starts[middle] <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int disk__reader_part_path(const DiskReader *r, int64_t offset, int64_t bytes,
                           char out[DISK_PATH_BYTES])
{
    if (offset < 0 || offset >= r->manifest.object.bytes)
        return 0;
    int index = part_at(r, offset);
    if (r->starts[index] != offset || r->manifest.parts[index].bytes != bytes)
        return 0;
    disk__part_path(r->manifest.data_id, r->manifest.parts[index].number, out);
    return 1;
}

int64_t disk_reader_read(DiskReader *r, int64_t offset, uint8_t *out, size_t bytes)
{
    char path[DISK_PATH_BYTES];
    if (offset >= r->manifest.object.bytes)
        return 0;
    int index = part_at(r, offset);
    if (index != r->open_part) {
        if (r->fd >= 0)
            close(r->fd);
        disk__part_path(r->manifest.data_id, r->manifest.parts[index].number, path);
        r->fd = openat(r->disk->root, path, O_RDONLY | O_CLOEXEC);
        r->open_part = r->fd >= 0 ? index : -1;
        if (r->fd < 0)
            return -errno;
    }
    int64_t left = r->starts[index + 1] - offset;
    size_t want = left < (int64_t)bytes ? (size_t)left : bytes;
    ssize_t n;
    do
        n = pread(r->fd, out, want, (off_t)(offset - r->starts[index]));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        atomic_fetch_add(&r->disk->read_errors, 1);
    return n < 0 ? -errno : n == 0 ? -EIO : n;
}

void disk_reader_close(DiskReader **reader)
{
    DiskReader *r = *reader;
    *reader = NULL;
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    unpin_data(r->disk, r->manifest.data_id);
    disk__reset_manifest(&r->manifest);
    free(r->starts);
    free(r);
}

/* --- deleting and copying --- */

StoreStatus disk_delete_object(StoreDisk *d, const char *bucket, const char *key)
{
    char path[DISK_PATH_BYTES];
    char trash[DISK_PATH_BYTES];
    char trash_id[DISK_ID_BYTES];
    DiskManifest m;
    StoreStatus status = disk_head_bucket(d, bucket);
    if (status != STORE_OK || disk__check_key(key) != STORE_OK)
        return status;
    if (disk__may_write(d) != STORE_OK)
        return STORE_BROKEN;
    disk__object_path(bucket, key, path);
    disk__make_id(trash_id);
    snprintf(trash, sizeof trash, "trash/%s", trash_id);
    pthread_mutex_lock(&d->lock);
    status = disk__read_manifest(d, path, &m, NULL);
    int moved = status != STORE_NO_SUCH_KEY && renameat(d->root, path, d->root, trash) == 0;
    int saved = errno;
    if (moved)
        disk__index_remove(d, bucket, key);
    pthread_mutex_unlock(&d->lock);
    if (status == STORE_NO_SUCH_KEY)
        return STORE_OK;
    if (!moved)
        status = disk__write_failed(d, saved);
    else if (disk__sync_folder_of(d, path) != 0)
        status = disk__write_failed(d, errno);
    else if (status == STORE_OK)
        disk__drop(d, m.data_id, trash_id);
    disk__reset_manifest(&m);
    return status;
}

static StoreStatus link_parts(StoreDisk *d, const DiskManifest *from, const char *data_id)
{
    char old_path[DISK_PATH_BYTES];
    char new_path[DISK_PATH_BYTES];
    snprintf(new_path, sizeof new_path, "data/%s", data_id);
    if (disk__make_folder(d, new_path) != 0)
        return disk__write_failed(d, errno);
    for (int i = 0; i < from->part_count; i++) {
        disk__part_path(from->data_id, from->parts[i].number, old_path);
        disk__part_path(data_id, from->parts[i].number, new_path);
        if (linkat(d->root, old_path, d->root, new_path, 0) != 0)
            return disk__write_failed(d, errno);
    }
    return disk__sync_folder_of(d, new_path) == 0 ? STORE_OK : disk__write_failed(d, errno);
}

/* A checksum of another kind than the source has is made of the source's bytes. */
static StoreStatus checksum_copy(StoreDisk *d, DiskManifest *m, const char *from_id,
                                 const DiskAlgorithm *wanted)
{
    DiskAlgorithm has;
    char data_id[DISK_ID_BYTES];
    disk_parse_checksum(m->object.checksum, &has, NULL);
    if (wanted->kind == DIGEST_MD5 || (has.kind == wanted->kind && !has.is_composite))
        return STORE_OK;
    memcpy(data_id, m->data_id, sizeof data_id);
    memcpy(m->data_id, from_id, sizeof m->data_id);
    StoreStatus status = disk__checksum_object(d, m, NULL, wanted, NULL);
    memcpy(m->data_id, data_id, sizeof m->data_id);
    return status;
}

StoreStatus disk_copy_object(StoreDisk *d, DiskReader *from, const DiskName *name, StoreObject *out)
{
    return disk_copy_object_if(d, from, name, NULL, out);
}

StoreStatus disk_copy_object_if(StoreDisk *d, DiskReader *from, const DiskName *name,
                                const DiskCondition *condition, StoreObject *out)
{
    DiskManifest m;
    char id[DISK_ID_BYTES];
    char trash_id[DISK_ID_BYTES] = "";
    size_t bytes = (size_t)from->manifest.part_count * sizeof *m.parts;
    disk__make_id(id);
    StoreStatus status = disk__init_manifest(&m, name, id);
    if (status != STORE_OK)
        goto fail;
    m.object.bytes = from->manifest.object.bytes;
    m.condition = condition;
    memcpy(m.object.checksum, from->manifest.object.checksum, sizeof m.object.checksum);
    memcpy(m.object.etag, from->manifest.object.etag, sizeof m.object.etag);
    m.parts = malloc(bytes);
    if (!m.parts) {
        status = STORE_IO;
        goto fail;
    }
    memcpy(m.parts, from->manifest.parts, bytes);
    m.part_count = from->manifest.part_count;
    status = checksum_copy(d, &m, from->manifest.data_id, &name->algorithm);
    if (status == STORE_OK)
        status = disk__write_trash(d, &m, trash_id);
    if (status == STORE_OK)
        status = link_parts(d, &from->manifest, id);
    if (status == STORE_OK)
        status = disk__publish(d, &m, trash_id);
    if (status == STORE_OK)
        *out = m.object;
    else if (trash_id[0])
        disk__remove_data(d, id, trash_id);
fail:
    disk__reset_manifest(&m);
    return status;
}
