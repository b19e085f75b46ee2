/* Multipart uploads of the embedded store. */
#include "store/disk/disk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"

static void upload_path(const char *upload_id, char out[DISK_PATH_BYTES])
{
    snprintf(out, DISK_PATH_BYTES, "uploads/%s", upload_id);
}

static StoreStatus read_upload(StoreDisk *d, const char *upload_id, DiskManifest *m)
{
    char path[DISK_PATH_BYTES];
    memset(m, 0, sizeof *m);
    if (!disk__id_valid(upload_id))
        return STORE_NO_SUCH_UPLOAD;
    upload_path(upload_id, path);
    StoreStatus status = disk__read_manifest(d, path, m, NULL);
    return status == STORE_NO_SUCH_KEY ? STORE_NO_SUCH_UPLOAD : status;
}

/* The upload's file when it belongs to bucket and key. */
static StoreStatus read_upload_of(StoreDisk *d, const char *bucket, const char *key,
                                  const char *upload_id, DiskManifest *m)
{
    StoreStatus status = disk_head_bucket(d, bucket);
    memset(m, 0, sizeof *m);
    if (status == STORE_OK)
        status = read_upload(d, upload_id, m);
    if (status == STORE_OK && (strcmp(m->bucket, bucket) != 0 || strcmp(m->object.key, key) != 0)) {
        disk__reset_manifest(m);
        status = STORE_NO_SUCH_UPLOAD;
    }
    return status;
}

StoreStatus disk_create_upload(StoreDisk *d, const DiskName *name,
                               char upload_id[STORE_UPLOAD_ID_BYTES])
{
    DiskManifest m;
    Text text = {0};
    char path[DISK_PATH_BYTES];
    StoreStatus status = disk_head_bucket(d, name->bucket);
    if (status != STORE_OK)
        return status;
    disk__make_id(upload_id);
    status = disk__init_manifest(&m, name, upload_id);
    if (status == STORE_OK) {
        if (name->algorithm.kind != DIGEST_MD5)
            snprintf(m.object.checksum, sizeof m.object.checksum, "%s %s",
                     digest_name((DigestKind)name->algorithm.kind),
                     name->algorithm.is_composite ? "COMPOSITE" : "FULL_OBJECT");
        upload_path(upload_id, path);
        disk__encode_manifest(&m, &text);
        status = text.failed ? STORE_IO : disk__write_file(d, path, text.data, text.bytes);
    }
    disk__reset_manifest(&m);
    text_reset(&text);
    return status;
}

StoreStatus disk_upload_algorithm(StoreDisk *d, const char *bucket, const char *key,
                                  const char *upload_id, DiskAlgorithm *out)
{
    DiskManifest m;
    StoreStatus status = read_upload_of(d, bucket, key, upload_id, &m);
    disk_parse_checksum(m.object.checksum, out, NULL);
    disk__reset_manifest(&m);
    return status;
}

StoreStatus disk_check_upload(StoreDisk *d, const char *bucket, const char *key,
                              const char *upload_id)
{
    DiskAlgorithm ignored;
    return disk_upload_algorithm(d, bucket, key, upload_id, &ignored);
}

StoreStatus disk__read_part(StoreDisk *d, const char *data_id, int number, DiskFooter *out)
{
    char path[DISK_PATH_BYTES];
    disk__part_path(data_id, number, path);
    int fd = openat(d->root, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STORE_INVALID_PART : disk__status_of_errno(errno);
    int valid = disk__read_footer(fd, out);
    close(fd);
    return valid ? STORE_OK : STORE_INVALID_PART;
}

/* --- listing --- */

typedef struct PartNumbers {
    int *numbers;
    int count, capacity;
    int failed;
} PartNumbers;

static void add_number(void *ctx, const char *name)
{
    PartNumbers *list = ctx;
    int number = atoi(name);
    if (list->count == list->capacity) {
        int capacity = list->capacity ? list->capacity * 2 : 64;
        int *numbers = realloc(list->numbers, (size_t)capacity * sizeof *numbers);
        if (!numbers) {
            list->failed = 1;
            return;
        }
        list->numbers = numbers;
        list->capacity = capacity;
    }
    if (number >= 1 && number <= STORE_MAX_PARTS)
        list->numbers[list->count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static StoreStatus read_numbers(StoreDisk *d, const char *data_id, PartNumbers *list)
{
    char path[DISK_PATH_BYTES];
    snprintf(path, sizeof path, "data/%s", data_id);
    if (disk__each_entry(d, path, add_number, list) != 0 && errno != ENOENT)
        return disk__status_of_errno(errno);
    if (list->count > 0)
        qsort(list->numbers, (size_t)list->count, sizeof *list->numbers, compare_numbers);
    return list->failed ? STORE_IO : STORE_OK;
}

StoreStatus disk_list_parts(StoreDisk *d, const char *bucket, const char *key,
                            const char *upload_id, StorePart **out, int *count)
{
    DiskManifest m;
    DiskFooter footer;
    PartNumbers list = {0};
    *out = NULL;
    *count = 0;
    StoreStatus status = read_upload_of(d, bucket, key, upload_id, &m);
    if (status == STORE_OK)
        status = read_numbers(d, upload_id, &list);
    if (status != STORE_OK)
        goto fail;
    *out = calloc((size_t)list.count + 1, sizeof **out);
    if (!*out) {
        status = STORE_IO;
        goto fail;
    }
    for (int i = 0; i < list.count; i++) {
        if (disk__read_part(d, upload_id, list.numbers[i], &footer) == STORE_OK)
            disk__describe_part(&footer, list.numbers[i], *out + (*count)++);
    }
fail:
    free(list.numbers);
    disk__reset_manifest(&m);
    return status;
}

typedef struct UploadList {
    StoreDisk *disk;
    const char *bucket, *prefix;
    StoreUpload *uploads;
    int count;
    int failed;
} UploadList;

static void add_upload(void *ctx, const char *name)
{
    UploadList *list = ctx;
    DiskManifest m;
    if (read_upload(list->disk, name, &m) == STORE_OK && strcmp(m.bucket, list->bucket) == 0 &&
        strncmp(m.object.key, list->prefix, strlen(list->prefix)) == 0) {
        size_t bytes = ((size_t)list->count + 1) * sizeof *list->uploads;
        StoreUpload *uploads = realloc(list->uploads, bytes);
        if (uploads) {
            StoreUpload *u = &uploads[list->count++];
            memset(u, 0, sizeof *u);
            memcpy(u->key, m.object.key, sizeof u->key);
            snprintf(u->upload_id, sizeof u->upload_id, "%s", m.data_id);
            u->initiated_unix_us = m.object.modified_unix_us;
            DiskAlgorithm algorithm;
            disk_parse_checksum(m.object.checksum, &algorithm, NULL);
            u->checksum_kind = algorithm.kind;
            u->is_composite = algorithm.is_composite;
            list->uploads = uploads;
        } else {
            list->failed = 1;
        }
    }
    disk__reset_manifest(&m);
}

static int compare_uploads(const void *a, const void *b)
{
    const StoreUpload *x = a;
    const StoreUpload *y = b;
    int order = strcmp(x->key, y->key);
    if (order != 0)
        return order;
    if (x->initiated_unix_us != y->initiated_unix_us)
        return x->initiated_unix_us < y->initiated_unix_us ? -1 : 1;
    return strcmp(x->upload_id, y->upload_id);
}

StoreStatus disk_list_uploads(StoreDisk *d, const char *bucket, const char *prefix,
                              StoreUpload **out, int *count)
{
    UploadList list = {.disk = d, .bucket = bucket, .prefix = prefix};
    *out = NULL;
    *count = 0;
    StoreStatus status = disk_head_bucket(d, bucket);
    if (status != STORE_OK)
        return status;
    if (disk__each_entry(d, "uploads", add_upload, &list) != 0)
        status = disk__status_of_errno(errno);
    if (status == STORE_OK && list.failed)
        status = STORE_IO;
    if (status != STORE_OK) {
        free(list.uploads);
        return status;
    }
    if (list.count > 0)
        qsort(list.uploads, (size_t)list.count, sizeof *list.uploads, compare_uploads);
    *out = list.uploads;
    *count = list.count;
    return STORE_OK;
}

/* --- completing --- */

StoreStatus disk__combined_etag(const StorePart *parts, int count, char out[STORE_ETAG_BYTES])
{
    uint8_t md5[16];
    char hex[33];
    Digest *digest = digest_create(DIGEST_MD5);
    StoreStatus status = digest ? STORE_OK : STORE_IO;
    for (int i = 0; i < count && status == STORE_OK; i++) {
        if (digest_from_hex(parts[i].etag, md5, sizeof md5))
            digest_update(digest, md5, sizeof md5);
        else
            status = STORE_INVALID_PART;
    }
    if (status == STORE_OK) {
        uint8_t sum[DIGEST_MAX_BYTES];
        digest_finish(digest, sum);
        digest_to_hex(sum, 16, hex);
        snprintf(out, STORE_ETAG_BYTES, "%s-%d", hex, count);
    }
    digest_destroy(&digest);
    return status;
}

/* Whether what a client says of a part holds. */
static int part_matches(const StorePart *claim, const DiskFooter *footer)
{
    uint8_t md5[16];
    if (!digest_from_hex(claim->etag, md5, sizeof md5) || memcmp(md5, footer->md5, 16) != 0)
        return 0;
    return claim->checksum_kind == DIGEST_MD5 ||
           (claim->checksum_kind == footer->checksum_kind &&
            memcmp(claim->checksum, footer->checksum,
                   digest_bytes((DigestKind)claim->checksum_kind)) == 0);
}

/* stored: filled with what is on disk of the parts that the client lists. */
static StoreStatus gather_parts(StoreDisk *d, DiskManifest *m, const StorePart *parts, int count,
                                StorePart *stored, int *wrong)
{
    m->parts = calloc((size_t)count, sizeof *m->parts);
    if (!m->parts || !stored)
        return STORE_IO;
    m->object.bytes = 0;
    for (int i = 0; i < count; i++) {
        DiskFooter footer;
        *wrong = parts[i].number;
        if (i > 0 && parts[i].number <= parts[i - 1].number)
            return STORE_INVALID_PART_ORDER;
        StoreStatus status = disk__read_part(d, m->data_id, parts[i].number, &footer);
        if (status != STORE_OK)
            return status;
        if (!part_matches(&parts[i], &footer))
            return STORE_INVALID_PART;
        if (i + 1 < count && footer.bytes < d->least_part_bytes)
            return STORE_TOO_SMALL;
        disk__describe_part(&footer, parts[i].number, &stored[i]);
        m->parts[i] = (DiskSpan){parts[i].number, footer.bytes};
        m->object.bytes += footer.bytes;
    }
    m->part_count = count;
    return STORE_OK;
}

/* The upload is the published object m: its own file and the parts that are not in m go. Durable,
 * so that no power cut brings the upload of a deleted take back. */
static StoreStatus end_upload(StoreDisk *d, const DiskManifest *m)
{
    char path[DISK_PATH_BYTES];
    PartNumbers list = {0};
    int at = 0;
    if (read_numbers(d, m->data_id, &list) == STORE_OK) {
        for (int i = 0; i < list.count; i++) {
            while (at < m->part_count && m->parts[at].number < list.numbers[i])
                at++;
            if (at < m->part_count && m->parts[at].number == list.numbers[i])
                continue;
            disk__part_path(m->data_id, list.numbers[i], path);
            unlinkat(d->root, path, 0);
        }
    }
    free(list.numbers);
    upload_path(m->data_id, path);
    unlinkat(d->root, path, 0);
    return disk__sync_folder_of(d, path) == 0 ? STORE_OK : disk__write_failed(d, errno);
}

/* The upload is gone: STORE_OK when it became the object at key out of exactly these parts. */
static StoreStatus repeat_complete(StoreDisk *d, const char *bucket, const char *key,
                                   const char *upload_id, const char *etag, StoreObject *out)
{
    char path[DISK_PATH_BYTES];
    DiskManifest m;
    disk__object_path(bucket, key, path);
    StoreStatus status = disk__read_manifest(d, path, &m, NULL);
    if (status == STORE_OK && strcmp(m.data_id, upload_id) != 0)
        status = STORE_NO_SUCH_UPLOAD;
    if (status == STORE_OK && strcmp(m.object.etag, etag) != 0)
        status = STORE_INVALID_PART;
    if (status == STORE_OK &&
        (disk__sync_folder_of(d, path) != 0 || disk__sync_folder_of(d, "uploads/ID") != 0))
        status = disk__write_failed(d, errno);
    if (status == STORE_OK)
        *out = m.object;
    disk__reset_manifest(&m);
    return status == STORE_NO_SUCH_KEY ? STORE_NO_SUCH_UPLOAD : status;
}

/* Of an upload that was begun without a kind: the one that all its parts came with. */
static DiskAlgorithm common_algorithm(const StorePart *stored, int count)
{
    DiskAlgorithm common = {stored[0].checksum_kind, stored[0].checksum_kind != DIGEST_CRC64NVME};
    for (int i = 1; i < count; i++)
        if (stored[i].checksum_kind != common.kind)
            common.kind = DIGEST_MD5;
    return common;
}

/* The whole object must be what the client says of it; its checksum is kept with it. */
static StoreStatus check_expected(StoreDisk *d, DiskManifest *m, const StorePart *stored,
                                  const DiskExpected *expected)
{
    DiskAlgorithm algorithm;
    if (expected && expected->bytes >= 0 && expected->bytes != m->object.bytes)
        return STORE_WRONG_SIZE;
    if (!disk_parse_checksum(m->object.checksum, &algorithm, NULL) && expected)
        algorithm = expected->algorithm;
    if (algorithm.kind == DIGEST_MD5)
        algorithm = common_algorithm(stored, m->part_count);
    if (algorithm.kind == DIGEST_MD5)
        return STORE_OK;
    return disk__checksum_object(d, m, stored, &algorithm, expected);
}

/* With the upload's lock held. */
static StoreStatus complete_locked(StoreDisk *d, const char *bucket, const char *key,
                                   const char *upload_id, const StorePart *parts, int count,
                                   const char *etag, const DiskCondition *condition,
                                   const DiskExpected *expected, StoreObject *out, int *wrong)
{
    DiskManifest m;
    char trash_id[DISK_ID_BYTES] = "";
    char path[DISK_PATH_BYTES];
    StoreStatus status = read_upload_of(d, bucket, key, upload_id, &m);
    if (disk__may_write(d) != STORE_OK) {
        disk__reset_manifest(&m);
        return STORE_BROKEN;
    }
    if (status == STORE_NO_SUCH_UPLOAD && disk__id_valid(upload_id))
        return repeat_complete(d, bucket, key, upload_id, etag, out);
    if (status == STORE_OK) {
        StorePart *stored = calloc((size_t)count, sizeof *stored);
        status = gather_parts(d, &m, parts, count, stored, wrong);
        if (status == STORE_OK)
            status = check_expected(d, &m, stored, expected);
        free(stored);
    }
    if (status != STORE_OK)
        goto fail;
    snprintf(m.object.etag, sizeof m.object.etag, "%s", etag);
    m.object.modified_unix_us = disk__now_us();
    m.condition = condition;
    status = disk__write_trash(d, &m, trash_id);
    if (status == STORE_OK)
        status = disk__publish(d, &m, trash_id);
    if (trash_id[0]) {
        snprintf(path, sizeof path, "trash/%s", trash_id);
        unlinkat(d->root, path, 0);
    } else if (status != STORE_BROKEN) {       /* then the next start ends it, if it is on disk */
        StoreStatus ended = end_upload(d, &m); /* the data has one owner */
        status = status == STORE_OK ? ended : status;
    }
    if (status == STORE_OK)
        *out = m.object;
fail:
    disk__reset_manifest(&m);
    return status;
}

StoreStatus disk_complete(StoreDisk *d, const char *bucket, const char *key, const char *upload_id,
                          const StorePart *parts, int count, StoreObject *out, int *wrong)
{
    return disk_complete_if(d, bucket, key, upload_id, parts, count, NULL, NULL, out, wrong);
}

StoreStatus disk_complete_if(StoreDisk *d, const char *bucket, const char *key,
                             const char *upload_id, const StorePart *parts, int count,
                             const DiskCondition *condition, const DiskExpected *expected,
                             StoreObject *out, int *wrong)
{
    char etag[STORE_ETAG_BYTES];
    int ignored = 0;
    int *at = wrong ? wrong : &ignored;
    if (count < 1 || count > STORE_MAX_PARTS)
        return STORE_INVALID_PART;
    for (int i = 0; i < count; i++) {
        *at = parts[i].number;
        if (i > 0 && parts[i].number <= parts[i - 1].number)
            return STORE_INVALID_PART_ORDER;
    }
    StoreStatus status = disk__combined_etag(parts, count, etag);
    if (status == STORE_INVALID_PART && disk_check_upload(d, bucket, key, upload_id) != STORE_OK)
        status = STORE_NO_SUCH_UPLOAD;
    if (status != STORE_OK)
        return status;
    DiskUploadLock *lock = disk__lock_upload(d, upload_id);
    status = complete_locked(d, bucket, key, upload_id, parts, count, etag, condition, expected,
                             out, at);
    disk__unlock_upload(d, lock);
    return status;
}

StoreStatus disk_abort(StoreDisk *d, const char *bucket, const char *key, const char *upload_id)
{
    char from[DISK_PATH_BYTES];
    char to[DISK_PATH_BYTES];
    char trash_id[DISK_ID_BYTES];
    DiskUploadLock *lock = disk__lock_upload(d, upload_id);
    StoreStatus status = disk_check_upload(d, bucket, key, upload_id);
    if (status == STORE_OK)
        status = disk__may_write(d);
    if (status == STORE_OK) {
        disk__make_id(trash_id);
        upload_path(upload_id, from);
        snprintf(to, sizeof to, "trash/%s", trash_id);
        if (renameat(d->root, from, d->root, to) != 0 || disk__sync_folder_of(d, from) != 0)
            status = disk__write_failed(d, errno);
    }
    disk__unlock_upload(d, lock);
    if (status == STORE_OK)
        disk__drop(d, upload_id, trash_id);
    return status;
}

/* --- after a crash --- */

static void recover_upload(void *ctx, const char *name)
{
    StoreDisk *d = ctx;
    char path[DISK_PATH_BYTES];
    DiskManifest upload;
    DiskManifest object;
    if (read_upload(d, name, &upload) != STORE_OK)
        return;
    disk__object_path(upload.bucket, upload.object.key, path);
    if (disk__read_manifest(d, path, &object, NULL) == STORE_OK &&
        strcmp(object.data_id, upload.data_id) == 0)
        end_upload(d, &object);
    disk__reset_manifest(&object);
    disk__reset_manifest(&upload);
}

static void recover_trash(void *ctx, const char *name)
{
    StoreDisk *d = ctx;
    char path[DISK_PATH_BYTES];
    char upload[DISK_PATH_BYTES];
    DiskManifest m;
    snprintf(path, sizeof path, "trash/%s", name);
    if (disk__read_manifest(d, path, &m, NULL) == STORE_OK) {
        upload_path(m.data_id, upload);
        if (faccessat(d->root, upload, F_OK, 0) != 0)
            disk__drop(d, m.data_id, name); /* and its entry afterwards */
        else
            unlinkat(d->root, path, 0);
    } else {
        unlinkat(d->root, path, 0);
    }
    disk__reset_manifest(&m);
}

StoreStatus disk__recover_uploads(StoreDisk *d)
{
    if (disk__each_entry(d, "uploads", recover_upload, d) != 0 ||
        disk__each_entry(d, "trash", recover_trash, d) != 0)
        return disk__status_of_errno(errno);
    return STORE_OK;
}
