/* Manifests and uploads as text:
 *
 *   keeptake-object 1          keeptake-upload 1 for an upload
 *   bucket NAME, key KEY, type TYPE, headers LINES (percent-encoded)
 *   etag ETAG, bytes N, modified MICROSECONDS, data ID
 *   checksum KIND TYPE BASE64  as verified, where there is one; KIND TYPE of an upload's parts
 *   part NUMBER BYTES          one a line, in order
 *   end CRC                    CRC-32 of all before this line, hex
 *
 * valid if and only if the last line is a right "end". */
#include "store/disk/disk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/digest.h"

StoreStatus disk__check_key(const char *key)
{
    size_t bytes = strlen(key);
    return bytes > 0 && bytes < STORE_KEY_BYTES && text_is_utf8(key, bytes) ? STORE_OK
                                                                            : STORE_REFUSED;
}

int disk_etag_listed(const char *list, const char *etag, int weak)
{
    size_t etag_bytes = strlen(etag);
    while (*list) {
        list += strspn(list, " \t,");
        size_t bytes = strcspn(list, ",");
        const char *item = list;
        size_t used = bytes;
        list += bytes;
        while (used > 0 && (item[used - 1] == ' ' || item[used - 1] == '\t'))
            used--;
        if (used == 1 && *item == '*')
            return 1;
        if (used > 2 && strncmp(item, "W/", 2) == 0) {
            if (!weak)
                continue;
            item += 2;
            used -= 2;
        }
        if (used >= 2 && item[0] == '"' && item[used - 1] == '"') {
            item++;
            used -= 2;
        }
        if (used == etag_bytes && memcmp(item, etag, used) == 0)
            return 1;
    }
    return 0;
}

void disk__object_path(const char *bucket, const char *key, char out[DISK_PATH_BYTES])
{
    uint8_t hash[32];
    char hex[65];
    digest_sha256(key, strlen(key), hash);
    digest_to_hex(hash, sizeof hash, hex);
    snprintf(out, DISK_PATH_BYTES, "buckets/%s/objects/%.2s/%s", bucket, hex, hex + 2);
}

void disk__part_path(const char *data_id, int number, char out[DISK_PATH_BYTES])
{
    snprintf(out, DISK_PATH_BYTES, "data/%s/%05d", data_id, number);
}

StoreStatus disk__init_manifest(DiskManifest *m, const DiskName *name, const char *data_id)
{
    memset(m, 0, sizeof *m);
    if (!disk_bucket_name_valid(name->bucket))
        return STORE_NO_SUCH_BUCKET;
    if (disk__check_key(name->key) != STORE_OK || strlen(name->headers) > DISK_HEADERS_BYTES)
        return STORE_REFUSED;
    snprintf(m->bucket, sizeof m->bucket, "%s", name->bucket);
    snprintf(m->object.key, sizeof m->object.key, "%s", name->key);
    snprintf(m->object.content_type, sizeof m->object.content_type, "%s", name->content_type);
    snprintf(m->data_id, sizeof m->data_id, "%s", data_id);
    m->object.modified_unix_us = disk__now_us();
    m->headers = strdup(name->headers);
    return m->headers ? STORE_OK : STORE_IO;
}

void disk__reset_manifest(DiskManifest *m)
{
    free(m->headers);
    free(m->parts);
    memset(m, 0, sizeof *m);
}

static void add_line(Text *out, const char *name, const char *value)
{
    text_format(out, "%s ", name);
    text_add_uri(out, value, strlen(value), 1);
    text_add(out, "\n", 1);
}

void disk__encode_manifest(const DiskManifest *m, Text *out)
{
    text_format(out, "keeptake-%s 1\n", m->part_count > 0 ? "object" : "upload");
    add_line(out, "bucket", m->bucket);
    add_line(out, "key", m->object.key);
    add_line(out, "type", m->object.content_type);
    add_line(out, "headers", m->headers);
    add_line(out, "etag", m->object.etag);
    text_format(out, "bytes %lld\nmodified %lld\n", (long long)m->object.bytes,
                (long long)m->object.modified_unix_us);
    add_line(out, "data", m->data_id);
    if (m->object.checksum[0])
        add_line(out, "checksum", m->object.checksum);
    for (int i = 0; i < m->part_count; i++)
        text_format(out, "part %d %lld\n", m->parts[i].number, (long long)m->parts[i].bytes);
    if (!out->failed)
        text_format(out, "end %08lx\n", crc32_z(0, (const Bytef *)out->data, out->bytes));
}

static int decode_value(const char *value, size_t bytes, char *out, size_t out_bytes)
{
    return text_uri_decode(value, bytes, 0, out, out_bytes) >= 0;
}

static int add_span(DiskManifest *m, const char *value)
{
    DiskSpan span = {0};
    char *end = NULL;
    span.number = (int)strtol(value, &end, 10);
    span.bytes = strtoll(end, NULL, 10);
    if ((m->part_count & (m->part_count - 1)) == 0) {
        size_t capacity = m->part_count ? (size_t)m->part_count * 2 : 1;
        DiskSpan *parts = realloc(m->parts, capacity * sizeof *parts);
        if (!parts)
            return 0;
        m->parts = parts;
    }
    m->parts[m->part_count++] = span;
    return span.number >= 1 && span.number <= STORE_MAX_PARTS && span.bytes >= 0;
}

static int take_line(DiskManifest *m, const char *name, const char *value, size_t bytes)
{
    StoreObject *o = &m->object;
    if (strcmp(name, "bucket") == 0)
        return decode_value(value, bytes, m->bucket, sizeof m->bucket);
    if (strcmp(name, "key") == 0)
        return decode_value(value, bytes, o->key, sizeof o->key);
    if (strcmp(name, "type") == 0)
        return decode_value(value, bytes, o->content_type, sizeof o->content_type);
    if (strcmp(name, "etag") == 0)
        return decode_value(value, bytes, o->etag, sizeof o->etag);
    if (strcmp(name, "data") == 0)
        return decode_value(value, bytes, m->data_id, sizeof m->data_id) &&
               disk__id_valid(m->data_id);
    if (strcmp(name, "checksum") == 0)
        return decode_value(value, bytes, o->checksum, sizeof o->checksum);
    if (strcmp(name, "headers") == 0) {
        free(m->headers);
        m->headers = malloc(bytes + 1);
        return m->headers && decode_value(value, bytes, m->headers, bytes + 1);
    }
    if (strcmp(name, "bytes") == 0)
        o->bytes = strtoll(value, NULL, 10);
    else if (strcmp(name, "modified") == 0)
        o->modified_unix_us = strtoll(value, NULL, 10);
    else if (strcmp(name, "part") == 0)
        return add_span(m, value);
    return 1;
}

StoreStatus disk__decode_manifest(const char *text, size_t bytes, DiskManifest *m)
{
    char name[16];
    const char *at = text;
    const char *end = text + bytes;
    memset(m, 0, sizeof *m);
    if (bytes < 18 + 13 || memcmp(text, "keeptake-", 9) != 0 || memcmp(end - 13, "end ", 4) != 0 ||
        end[-1] != '\n' ||
        strtoul(end - 9, NULL, 16) != crc32_z(0, (const Bytef *)text, bytes - 13))
        return STORE_IO;
    for (end -= 13; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *space = line_end ? memchr(at, ' ', (size_t)(line_end - at)) : NULL;
        if (!space || (size_t)(space - at) >= sizeof name)
            goto fail;
        memcpy(name, at, (size_t)(space - at));
        name[space - at] = 0;
        if (strncmp(name, "keeptake-", 9) != 0 &&
            !take_line(m, name, space + 1, (size_t)(line_end - space - 1)))
            goto fail;
        at = line_end + 1;
    }
    if (m->headers && m->object.key[0] && m->data_id[0])
        return STORE_OK;
fail:
    disk__reset_manifest(m);
    return STORE_IO;
}

StoreStatus disk__read_manifest(StoreDisk *d, const char *path, DiskManifest *m, int *out_fd)
{
    size_t bytes = 0;
    memset(m, 0, sizeof *m);
    int fd = openat(d->root, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STORE_NO_SUCH_KEY : disk__status_of_errno(errno);
    char *text = disk__read_fd(fd, DISK_MANIFEST_BYTES, &bytes);
    if (!text)
        disk__note_error(errno);
    StoreStatus status = text ? disk__decode_manifest(text, bytes, m) : STORE_IO;
    if (text && status != STORE_OK)
        disk__note_error(EBADMSG);
    free(text);
    if (status == STORE_OK && out_fd)
        *out_fd = fd;
    else
        close(fd);
    return status;
}
