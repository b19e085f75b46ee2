/* Uploads before objects: one that is completed in between is found as the object. Manifests are
 * read, then their parts are linked, then they are written: what is in the copy has all it names.
 */
#include "store/disk/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk/disk_internal.h"

#define TRIES 100 /* of an object that is replaced again and again while it is copied */

typedef struct Clone {
    StoreDisk from, to; /* their folders only */
    FILE *out;
    DiskCloned *result;
    uint8_t *buffer; /* DISK_STAGE_BYTES */
    const char *bucket;
    char folder[DISK_PATH_BYTES];
    int failed; /* errno of what keeps the copy from being made */
} Clone;

static void tell(Clone *c, const char *bucket, const char *key, const char *finding)
{
    c->result->damaged++;
    fprintf(c->out, "damaged  %s/", bucket);
    for (; *key; key++)
        fputc((unsigned char)*key < 32 || *key == 127 ? '?' : *key, c->out);
    fprintf(c->out, ": %s\n", finding);
}

static void fail(Clone *c, int error)
{
    if (!c->failed)
        c->failed = error ? error : EIO;
}

/* --- one part --- */

/* 1 when the bytes of both are the same and those that were stored; 0 with errno (EBADMSG: they are
 * not what was stored). */
static int copy_bytes(Clone *c, int in, int out, const DiskFooter *footer)
{
    uint8_t sum[DIGEST_MAX_BYTES];
    struct stat info;
    Digest *md5 = digest_create(DIGEST_MD5);
    int64_t at = 0;
    int right = md5 && fstat(in, &info) == 0;
    while (right && at < info.st_size) {
        ssize_t n = pread(in, c->buffer, DISK_STAGE_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EBADMSG;
        right = n > 0 && disk__write_all(out, c->buffer, (size_t)n, at) == 0;
        int64_t left = footer->bytes - at;
        if (right && left > 0)
            digest_update(md5, c->buffer, left < n ? (size_t)left : (size_t)n);
        at += right ? n : 0;
    }
    if (right && (digest_finish(md5, sum), memcmp(sum, footer->md5, 16) != 0)) {
        errno = EBADMSG;
        right = 0;
    }
    digest_destroy(&md5);
    return right;
}

static int copy_file(Clone *c, int in, const char *path, const DiskFooter *footer)
{
    int out = openat(c->to.root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0)
        return 0;
    int right = copy_bytes(c, in, out, footer);
    int saved = errno;
    close(out);
    if (right)
        c->result->copied += footer->bytes;
    else
        unlinkat(c->to.root, path, 0);
    errno = saved;
    return right;
}

static int is_same_file(Clone *c, int in, const char *path)
{
    struct stat a, b;
    return fstat(in, &a) == 0 && fstatat(c->to.root, path, &b, 0) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

/* 1: the part is in the copy. 0: with errno, ENOENT where the original is gone, EBADMSG where it is
 * damaged. bytes -1: not told. */
static int clone_part(Clone *c, const char *data_id, int number, int64_t bytes)
{
    char path[DISK_PATH_BYTES];
    DiskFooter footer;
    disk__part_path(data_id, number, path);
    int in = openat(c->from.root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (in < 0)
        return 0;
    int was_there = 0;
    int right = disk__read_footer(in, &footer) && (bytes < 0 || footer.bytes == bytes);
    if (!right) {
        errno = EBADMSG;
    } else if (linkat(c->from.root, path, c->to.root, path, 0) != 0) {
        was_there = errno == EEXIST;
        if (was_there && is_same_file(c, in, path)) {
            right = 1;
        } else { /* it was sent again meanwhile, or lies on another file system */
            if (was_there)
                unlinkat(c->to.root, path, 0);
            right = (was_there && linkat(c->from.root, path, c->to.root, path, 0) == 0) ||
                    (errno != ENOENT && copy_file(c, in, path, &footer));
        }
    }
    int saved = errno;
    close(in);
    if (right && !was_there) {
        c->result->parts++;
        c->result->bytes += footer.bytes;
    }
    errno = saved;
    return right;
}

static int make_data_folder(Clone *c, const char *data_id)
{
    char path[DISK_PATH_BYTES];
    snprintf(path, sizeof path, "data/%s", data_id);
    return mkdirat(c->to.root, path, 0700) == 0 || errno == EEXIST;
}

/* --- manifests --- */

/* The file as it is, and what is in it. STORE_NO_SUCH_KEY where it is gone; *text is malloc'd. */
static StoreStatus read_manifest(Clone *c, const char *path, char **text, size_t *bytes,
                                 DiskManifest *m)
{
    memset(m, 0, sizeof *m);
    *text = NULL;
    int fd = openat(c->from.root, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STORE_NO_SUCH_KEY : disk__status_of_errno(errno);
    *text = disk__read_fd(fd, DISK_MANIFEST_BYTES, bytes);
    close(fd);
    return *text ? disk__decode_manifest(*text, *bytes, m) : STORE_IO;
}

static int write_manifest(Clone *c, const char *path, const char *text, size_t bytes)
{
    int fd = openat(c->to.root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int right = fd >= 0 && disk__write_all(fd, text, bytes, 0) == 0;
    if (!right)
        fail(c, errno);
    if (fd >= 0)
        close(fd);
    return right;
}

/* STORE_NO_SUCH_KEY: a part is gone. STORE_IO: one is damaged, or cannot be copied. */
static StoreStatus clone_parts(Clone *c, const DiskManifest *m)
{
    if (!make_data_folder(c, m->data_id)) {
        fail(c, errno);
        return STORE_IO;
    }
    for (int i = 0; i < m->part_count; i++) {
        if (clone_part(c, m->data_id, m->parts[i].number, m->parts[i].bytes))
            continue;
        if (errno != ENOENT && errno != EBADMSG && errno != EIO)
            fail(c, errno);
        return errno == ENOENT ? STORE_NO_SUCH_KEY : STORE_IO;
    }
    return STORE_OK;
}

/* Data of an object that was replaced or deleted while it was copied. */
static void drop_data(Clone *c, const char *data_id)
{
    char path[DISK_PATH_BYTES];
    snprintf(path, sizeof path, "uploads/%s", data_id);
    if (faccessat(c->to.root, path, F_OK, 0) == 0)
        return; /* it is that of an upload as well */
    snprintf(path, sizeof path, "data/%s", data_id);
    disk__remove_tree(c->to.root, path);
}

/* 0: it was replaced meanwhile, once more. */
static int try_object(Clone *c, const char *path, int is_last)
{
    DiskManifest m, again;
    char *text, *text_again;
    size_t bytes = 0, bytes_again = 0;
    StoreStatus status = read_manifest(c, path, &text, &bytes, &m);
    int over = status == STORE_NO_SUCH_KEY;
    if (status != STORE_OK && !over) {
        tell(c, c->bucket, path, "its manifest is damaged");
        over = 1;
    } else if (status == STORE_OK) {
        status = clone_parts(c, &m);
        over = status == STORE_OK || c->failed;
        if (status == STORE_OK && write_manifest(c, path, text, bytes))
            c->result->objects++;
    }
    if (!over) {
        status = read_manifest(c, path, &text_again, &bytes_again, &again);
        int same = status == STORE_OK && strcmp(again.data_id, m.data_id) == 0;
        drop_data(c, m.data_id);
        if (same || is_last)
            tell(c, c->bucket, m.object.key, "a part is missing or damaged: it is not in the copy");
        over = same || is_last || status == STORE_NO_SUCH_KEY;
        disk__reset_manifest(&again);
        free(text_again);
    }
    disk__reset_manifest(&m);
    free(text);
    return over;
}

static void clone_object(void *ctx, const char *name)
{
    Clone *c = ctx;
    char path[DISK_PATH_BYTES];
    snprintf(path, sizeof path, "%.180s/%.64s", c->folder, name);
    for (int i = 0; i < TRIES && !c->failed; i++)
        if (try_object(c, path, i + 1 == TRIES))
            return;
}

typedef struct UploadClone {
    Clone *clone;
    const DiskManifest *upload;
} UploadClone;

static void clone_upload_part(void *ctx, const char *name)
{
    UploadClone *u = ctx;
    Clone *c = u->clone;
    char finding[64];
    if (c->failed || clone_part(c, u->upload->data_id, atoi(name), -1) || errno == ENOENT)
        return;
    snprintf(finding, sizeof finding, "part %d of its upload is damaged", atoi(name));
    if (errno == EBADMSG || errno == EIO)
        tell(c, u->upload->bucket, u->upload->object.key, finding);
    else
        fail(c, errno);
}

static void clone_upload(void *ctx, const char *name)
{
    Clone *c = ctx;
    char path[DISK_PATH_BYTES];
    char data[DISK_PATH_BYTES];
    DiskManifest m;
    char *text;
    size_t bytes = 0;
    if (c->failed || !disk__id_valid(name))
        return;
    snprintf(path, sizeof path, "uploads/%s", name);
    snprintf(data, sizeof data, "data/%s", name);
    StoreStatus status = read_manifest(c, path, &text, &bytes, &m);
    if (status == STORE_OK && make_data_folder(c, m.data_id)) {
        UploadClone u = {c, &m};
        if (disk__each_entry(&c->from, data, clone_upload_part, &u) != 0 && errno != ENOENT)
            fail(c, errno);
        /* One that was aborted meanwhile may have lost parts: it is gone in the copy as well. */
        if (!c->failed && faccessat(c->from.root, data, F_OK, 0) != 0 &&
            faccessat(c->from.root, path, F_OK, 0) != 0)
            disk__remove_tree(c->to.root, data);
        else if (!c->failed && write_manifest(c, path, text, bytes))
            c->result->uploads++;
    } else if (status != STORE_OK && status != STORE_NO_SUCH_KEY) {
        tell(c, "uploads", name, "its file is damaged");
    }
    disk__reset_manifest(&m);
    free(text);
}

/* --- folders --- */

static void make_folder(Clone *c, const char *path)
{
    if (mkdirat(c->to.root, path, 0700) != 0 && errno != EEXIST)
        fail(c, errno);
}

static void clone_folder(void *ctx, const char *name)
{
    Clone *c = ctx;
    snprintf(c->folder, sizeof c->folder, "buckets/%s/objects/%.2s", c->bucket, name);
    make_folder(c, c->folder);
    if (!c->failed && disk__each_entry(&c->from, c->folder, clone_object, c) != 0 &&
        errno != ENOENT)
        fail(c, errno);
}

static void clone_document(void *ctx, const char *name)
{
    Clone *c = ctx;
    char path[DISK_PATH_BYTES];
    size_t bytes = 0;
    if (c->failed || strcmp(name, "objects") == 0)
        return;
    snprintf(path, sizeof path, "buckets/%s/%.64s", c->bucket, name);
    int fd = openat(c->from.root, path, O_RDONLY | O_CLOEXEC);
    char *text = fd >= 0 ? disk__read_fd(fd, DISK_MANIFEST_BYTES, &bytes) : NULL;
    if (text)
        write_manifest(c, path, text, bytes);
    else if (fd >= 0 || errno != ENOENT)
        fail(c, errno);
    if (fd >= 0)
        close(fd);
    free(text);
}

static void clone_bucket(void *ctx, const char *name)
{
    Clone *c = ctx;
    char path[DISK_PATH_BYTES];
    char objects[DISK_PATH_BYTES];
    if (c->failed || !disk_bucket_name_valid(name))
        return;
    c->bucket = name;
    snprintf(path, sizeof path, "buckets/%.63s", name);
    snprintf(objects, sizeof objects, "buckets/%.63s/objects", name);
    make_folder(c, path);
    make_folder(c, objects);
    if (!c->failed && disk__each_entry(&c->from, path, clone_document, c) != 0 && errno != ENOENT)
        fail(c, errno);
    if (!c->failed && disk__each_entry(&c->from, objects, clone_folder, c) != 0 && errno != ENOENT)
        fail(c, errno);
}

static void clone_all(Clone *c)
{
    static const char *const folders[] = {"tmp", "trash", "uploads", "data", "buckets"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        make_folder(c, folders[i]);
    if (!c->failed && (disk__each_entry(&c->from, "uploads", clone_upload, c) != 0 ||
                       disk__each_entry(&c->from, "buckets", clone_bucket, c) != 0))
        fail(c, errno);
    if (!c->failed && syncfs(c->to.root) != 0)
        fail(c, errno);
}

int store_disk_clone(const char *from, const char *to, FILE *out, DiskCloned *result, char *error,
                     size_t error_bytes)
{
    Clone c = {.out = out, .result = result};
    memset(result, 0, sizeof *result);
    c.to.root = -1;
    c.from.root = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    c.buffer = malloc(DISK_STAGE_BYTES);
    if (c.from.root < 0 || !c.buffer)
        fail(&c, c.buffer ? errno : ENOMEM);
    else if (mkdir(to, 0700) != 0 || (c.to.root = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        fail(&c, errno);
    else
        clone_all(&c);
    if (c.failed)
        snprintf(error, error_bytes, "The store in %.200s cannot be copied to %.200s: %s.", from,
                 to, strerror(c.failed));
    if (c.from.root >= 0)
        close(c.from.root);
    if (c.to.root >= 0)
        close(c.to.root);
    free(c.buffer);
    return -c.failed;
}
