/* Walks manifests, uploads and data. An object is read through: what is in a part, the part's
 * checksums, the object's ETag and checksum. */
#include "store/disk/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/disk/disk_internal.h"

#define FINDING_BYTES 160
#define FRESH_SECONDS 60 /* younger folders may be about to belong to somebody */

typedef struct Verify {
    StoreDisk disk;               /* its folder only */
    FILE *out;                    /* or hooks */
    const DiskVerifyHooks *hooks; /* NULL: as fast as it goes */
    DiskVerified *result;
    uint8_t *buffer; /* DISK_STAGE_BYTES */
    time_t started;
    const char *bucket;
    char folder[DISK_PATH_BYTES];
    char (*known)[DISK_ID_BYTES]; /* data that has an owner */
    size_t known_count, known_capacity;
    int failed; /* errno of what kept us from looking */
} Verify;

/* Keys may hold anything: one line stays one line. */
static void tell(Verify *v, const char *what, const char *bucket, const char *key,
                 const char *finding)
{
    if (v->hooks) {
        char text[STORE_BUCKET_BYTES + STORE_KEY_BYTES + 2 * FINDING_BYTES];
        snprintf(text, sizeof text, "%s/%s: %s", bucket, key, finding);
        v->hooks->found(v->hooks->ctx, what, text);
        return;
    }
    fprintf(v->out, "%-8s %s/", what, bucket);
    for (; *key; key++)
        fputc((unsigned char)*key < 32 || *key == 127 ? '?' : *key, v->out);
    fprintf(v->out, ": %s\n", finding);
}

static void remember(Verify *v, const char *data_id)
{
    if (v->hooks)
        return;
    if (v->known_count == v->known_capacity) {
        size_t capacity = v->known_capacity ? v->known_capacity * 2 : 256;
        char(*known)[DISK_ID_BYTES] = realloc(v->known, capacity * sizeof *known);
        if (!known) {
            v->failed = ENOMEM;
            return;
        }
        v->known = known;
        v->known_capacity = capacity;
    }
    snprintf(v->known[v->known_count++], DISK_ID_BYTES, "%s", data_id);
}

/* Reads a part through. 1 when its bytes are those that were stored; what else is in finding. */
static int read_through(Verify *v, int fd, const DiskFooter *footer, char finding[FINDING_BYTES])
{
    uint8_t sum[DIGEST_MAX_BYTES];
    int64_t at = 0;
    int has_checksum = footer->checksum_kind != DIGEST_MD5;
    Digest *md5 = digest_create(DIGEST_MD5);
    Digest *checksum = has_checksum ? digest_create((DigestKind)footer->checksum_kind) : NULL;
    int right = md5 && (checksum || !has_checksum);
    snprintf(finding, FINDING_BYTES, "there is not enough memory");
    while (right && at < footer->bytes) {
        int64_t left = footer->bytes - at;
        ssize_t n = pread(fd, v->buffer,
                          left < DISK_STAGE_BYTES ? (size_t)left : (size_t)DISK_STAGE_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        right = n > 0;
        if (!right) {
            snprintf(finding, FINDING_BYTES, "the disk cannot read it at byte %lld: %s",
                     (long long)at, n < 0 ? strerror(errno) : "it ends there");
            break;
        }
        digest_update(md5, v->buffer, (size_t)n);
        if (checksum)
            digest_update(checksum, v->buffer, (size_t)n);
        at += n;
        v->result->bytes += n;
        if (v->hooks) {
            posix_fadvise(fd, at - n, n, POSIX_FADV_DONTNEED);
            if (v->hooks->read(v->hooks->ctx, n) != 0) {
                v->failed = ECANCELED;
                snprintf(finding, FINDING_BYTES, "it was not read to its end");
                right = 0;
                break;
            }
        }
    }
    if (right && (digest_finish(md5, sum), memcmp(sum, footer->md5, 16) != 0)) {
        right = 0;
        snprintf(finding, FINDING_BYTES, "its bytes have another MD5 than when they were stored");
    }
    if (right && checksum && memcmp(footer->checksum, sum, digest_finish(checksum, sum)) != 0) {
        right = 0;
        snprintf(finding, FINDING_BYTES, "its bytes have another %s than when they were stored",
                 digest_name((DigestKind)footer->checksum_kind));
    }
    digest_destroy(&md5);
    digest_destroy(&checksum);
    return right;
}

/* bytes: as the manifest has them, -1: not told. */
static int verify_part(Verify *v, const char *data_id, int number, int64_t bytes, StorePart *out,
                       char finding[FINDING_BYTES])
{
    char path[DISK_PATH_BYTES];
    DiskFooter footer;
    int right = 0;
    disk__part_path(data_id, number, path);
    if (v->failed) {
        snprintf(finding, FINDING_BYTES, "it was not read");
        return 0;
    }
    int fd = openat(v->disk.root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    v->result->parts++;
    if (fd < 0)
        snprintf(finding, FINDING_BYTES, "its file: %s", strerror(errno));
    else if (!disk__read_footer(fd, &footer))
        snprintf(finding, FINDING_BYTES, "the end of its file is damaged or missing");
    else if (bytes >= 0 && footer.bytes != bytes)
        snprintf(finding, FINDING_BYTES, "it has %lld bytes instead of %lld",
                 (long long)footer.bytes, (long long)bytes);
    else
        right = read_through(v, fd, &footer, finding);
    if (right)
        disk__describe_part(&footer, number, out);
    if (fd >= 0)
        close(fd);
    return right;
}

static int etag_fits(const DiskManifest *m, const StorePart *parts)
{
    char etag[STORE_ETAG_BYTES];
    if (!strchr(m->object.etag, '-'))
        return m->part_count == 1 && strcmp(m->object.etag, parts[0].etag) == 0;
    return disk__combined_etag(parts, m->part_count, etag) == STORE_OK &&
           strcmp(m->object.etag, etag) == 0;
}

static int checksum_fits(Verify *v, const DiskManifest *m, const StorePart *parts)
{
    DiskAlgorithm algorithm;
    DiskManifest again = *m;
    if (!disk_parse_checksum(m->object.checksum, &algorithm, NULL))
        return !m->object.checksum[0];
    return disk__checksum_object(&v->disk, &again, parts, &algorithm, NULL) == STORE_OK &&
           strcmp(again.object.checksum, m->object.checksum) == 0;
}

/* 1 when all of m is as it was stored. */
static int verify_content(Verify *v, const DiskManifest *m, char finding[FINDING_BYTES])
{
    char part_finding[FINDING_BYTES];
    int64_t bytes = 0;
    StorePart *parts = calloc((size_t)m->part_count + 1, sizeof *parts);
    int right = parts != NULL;
    snprintf(finding, FINDING_BYTES, "there is not enough memory");
    for (int i = 0; i < m->part_count && right; i++) {
        const DiskSpan *span = &m->parts[i];
        bytes += span->bytes;
        right = verify_part(v, m->data_id, span->number, span->bytes, &parts[i], part_finding);
        if (!right)
            snprintf(finding, FINDING_BYTES, "part %d: %.120s", span->number, part_finding);
    }
    if (right && (bytes != m->object.bytes || !etag_fits(m, parts))) {
        right = 0;
        snprintf(finding, FINDING_BYTES, "size or ETag are not those of its parts");
    }
    if (right && !checksum_fits(v, m, parts)) {
        right = 0;
        snprintf(finding, FINDING_BYTES, "its checksum is not that of its parts");
    }
    free(parts);
    return right;
}

static void verify_manifest(void *ctx, const char *name)
{
    Verify *v = ctx;
    if (v->failed == ECANCELED)
        return;
    char path[DISK_PATH_BYTES];
    char expected[DISK_PATH_BYTES];
    char finding[FINDING_BYTES] = "its manifest is damaged";
    DiskManifest m, again;
    snprintf(path, sizeof path, "%.180s/%.64s", v->folder, name);
    StoreStatus status = disk__read_manifest(&v->disk, path, &m, NULL);
    if (status == STORE_NO_SUCH_KEY)
        return; /* deleted meanwhile */
    v->result->objects++;
    int right = status == STORE_OK;
    if (right) {
        remember(v, m.data_id);
        disk__object_path(v->bucket, m.object.key, expected);
        right = strcmp(m.bucket, v->bucket) == 0 && strcmp(path, expected) == 0;
        snprintf(finding, sizeof finding, "its manifest lies in the wrong place");
    }
    if (right)
        right = verify_content(v, &m, finding);
    if (v->failed == ECANCELED) {
        disk__reset_manifest(&m);
        return;
    }
    if (!right) { /* of a running server: it may have been replaced or deleted meanwhile */
        status = disk__read_manifest(&v->disk, path, &again, NULL);
        right = status == STORE_NO_SUCH_KEY ||
                (status == STORE_OK && m.data_id[0] && strcmp(again.data_id, m.data_id) != 0);
        disk__reset_manifest(&again);
    }
    if (!right) {
        v->result->damaged++;
        tell(v, "damaged", v->bucket, m.object.key[0] ? m.object.key : name, finding);
    }
    disk__reset_manifest(&m);
}

static void verify_folder(void *ctx, const char *name)
{
    Verify *v = ctx;
    snprintf(v->folder, sizeof v->folder, "buckets/%s/objects/%.2s", v->bucket, name);
    if (disk__each_entry(&v->disk, v->folder, verify_manifest, v) != 0 && errno != ENOENT)
        v->failed = errno;
}

static void verify_bucket(void *ctx, const char *name)
{
    Verify *v = ctx;
    char path[DISK_PATH_BYTES];
    if (!disk_bucket_name_valid(name))
        return;
    v->bucket = name;
    snprintf(path, sizeof path, "buckets/%.63s/objects", name);
    if (disk__each_entry(&v->disk, path, verify_folder, v) != 0 && errno != ENOENT)
        v->failed = errno;
}

typedef struct UploadCheck {
    Verify *verify;
    const DiskManifest *upload;
    const char *path;
} UploadCheck;

static void verify_upload_part(void *ctx, const char *name)
{
    UploadCheck *check = ctx;
    Verify *v = check->verify;
    const DiskManifest *m = check->upload;
    char finding[FINDING_BYTES];
    char line[FINDING_BYTES + 64];
    StorePart part;
    if (v->failed == ECANCELED || verify_part(v, m->data_id, atoi(name), -1, &part, finding) ||
        v->failed == ECANCELED ||
        faccessat(v->disk.root, check->path, F_OK, 0) != 0) /* ended meanwhile */
        return;
    v->result->damaged++;
    snprintf(line, sizeof line, "part %d of upload %s: %s", atoi(name), m->data_id, finding);
    tell(v, "damaged", m->bucket, m->object.key, line);
}

static void verify_upload(void *ctx, const char *name)
{
    Verify *v = ctx;
    char path[DISK_PATH_BYTES];
    char data[DISK_PATH_BYTES];
    DiskManifest m;
    if (!disk__id_valid(name))
        return;
    snprintf(path, sizeof path, "uploads/%s", name);
    StoreStatus status = disk__read_manifest(&v->disk, path, &m, NULL);
    if (status == STORE_NO_SUCH_KEY)
        return;
    v->result->uploads++;
    remember(v, name);
    if (status == STORE_OK) {
        UploadCheck check = {v, &m, path};
        snprintf(data, sizeof data, "data/%s", name);
        if (disk__each_entry(&v->disk, data, verify_upload_part, &check) != 0 && errno != ENOENT)
            v->failed = errno;
    } else {
        v->result->damaged++;
        tell(v, "damaged", "uploads", name, "its file is damaged");
    }
    disk__reset_manifest(&m);
}

static void note_trash(void *ctx, const char *name)
{
    Verify *v = ctx;
    char path[DISK_PATH_BYTES];
    DiskManifest m;
    snprintf(path, sizeof path, "trash/%.64s", name);
    if (disk__read_manifest(&v->disk, path, &m, NULL) == STORE_OK)
        remember(v, m.data_id);
    disk__reset_manifest(&m);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void note_leftover(void *ctx, const char *name)
{
    Verify *v = ctx;
    char path[DISK_PATH_BYTES];
    struct stat info;
    snprintf(path, sizeof path, "data/%.64s", name);
    if ((v->known_count > 0 &&
         bsearch(name, v->known, v->known_count, sizeof *v->known, compare_ids)) ||
        fstatat(v->disk.root, path, &info, 0) != 0 || info.st_mtime > v->started - FRESH_SECONDS)
        return;
    v->result->leftovers++;
    tell(v, "leftover", "data", name, "belongs to no object and no upload");
}

static int verify(const char *dir, FILE *out, const DiskVerifyHooks *hooks, DiskVerified *result,
                  char *error, size_t error_bytes)
{
    Verify v = {.out = out, .hooks = hooks, .result = result, .started = time(NULL)};
    memset(result, 0, sizeof *result);
    v.disk.root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v.disk.root < 0) {
        v.failed = errno;
    } else if (!(v.buffer = malloc(DISK_STAGE_BYTES))) {
        v.failed = ENOMEM;
    } else if (disk__each_entry(&v.disk, "uploads", verify_upload, &v) != 0 ||
               disk__each_entry(&v.disk, "buckets", verify_bucket, &v) != 0 ||
               disk__each_entry(&v.disk, "trash", note_trash, &v) != 0) {
        v.failed = errno;
    } else if (!v.failed && !hooks) {
        if (v.known_count > 0)
            qsort(v.known, v.known_count, sizeof *v.known, compare_ids);
        if (disk__each_entry(&v.disk, "data", note_leftover, &v) != 0)
            v.failed = errno;
    }
    if (v.failed)
        snprintf(error, error_bytes, "The store in %s cannot be read: %s.", dir,
                 strerror(v.failed));
    if (v.disk.root >= 0)
        close(v.disk.root);
    free(v.buffer);
    free(v.known);
    return -v.failed;
}

int store_disk_verify(const char *dir, FILE *out, DiskVerified *result, char *error,
                      size_t error_bytes)
{
    return verify(dir, out, NULL, result, error, error_bytes);
}

int store_disk_verify_slowly(const char *dir, const DiskVerifyHooks *hooks, DiskVerified *result,
                             char *error, size_t error_bytes)
{
    return verify(dir, NULL, hooks, result, error, error_bytes);
}
