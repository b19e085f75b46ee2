/* Files and folders of the embedded store: everything that touches the file system in a general
 * way. */
#include "store/disk/disk_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/digest.h"

static _Thread_local int last_error; /* as errno is, for calls that have many others between */

int disk_last_error(void)
{
    return last_error;
}

void disk_forget_error(void)
{
    last_error = 0;
}

void disk__note_error(int error)
{
    last_error = error;
}

StoreStatus disk__status_of_errno(int error)
{
    if (error == 0)
        return STORE_OK;
    disk__note_error(error);
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? STORE_FULL : STORE_IO;
}

StoreStatus disk__write_failed(StoreDisk *d, int error)
{
    static const int fatal[] = {EIO, ENXIO, ENODEV, EROFS, EUCLEAN, ESTALE};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        int none = 0;
        if (error != fatal[i])
            continue;
        atomic_compare_exchange_strong(&d->failure, &none, error);
        disk__note_error(error);
        return STORE_BROKEN;
    }
    return disk__status_of_errno(error);
}

StoreStatus disk__may_write(StoreDisk *d)
{
    return atomic_load(&d->failure) ? STORE_BROKEN : STORE_OK;
}

int disk_failure(const StoreDisk *d)
{
    return atomic_load(&d->failure);
}

int disk_read_errors(const StoreDisk *d)
{
    return atomic_load(&d->read_errors);
}

int64_t disk__now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void disk__make_id(char id[DISK_ID_BYTES])
{
    uint8_t bytes[16];
    size_t have = 0;
    while (have < sizeof bytes) {
        ssize_t n = getrandom(bytes + have, sizeof bytes - have, 0);
        if (n > 0)
            have += (size_t)n;
    }
    digest_to_hex(bytes, sizeof bytes, id);
}

int disk__id_valid(const char *id)
{
    return strlen(id) == DISK_ID_BYTES - 1 && strspn(id, "0123456789abcdef") == DISK_ID_BYTES - 1;
}

int disk__write_all(int fd, const void *data, size_t bytes, int64_t offset)
{
    const uint8_t *p = data;
    while (bytes > 0) {
        ssize_t n = pwrite(fd, p, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
        p += n;
        bytes -= (size_t)n;
        offset += n;
    }
    return 0;
}

int disk__read_all(int fd, void *data, size_t bytes, int64_t offset)
{
    uint8_t *p = data;
    while (bytes > 0) {
        ssize_t n = pread(fd, p, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return -1;
        }
        p += n;
        bytes -= (size_t)n;
        offset += n;
    }
    return 0;
}

int disk__sync_folder_of(StoreDisk *d, const char *path)
{
    char folder[DISK_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    int fd = openat(d->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

int disk__make_folder(StoreDisk *d, const char *path)
{
    if (mkdirat(d->root, path, 0700) != 0)
        return errno == EEXIST ? 0 : -1;
    return disk__sync_folder_of(d, path);
}

StoreStatus disk__write_file(StoreDisk *d, const char *path, const char *data, size_t bytes)
{
    char id[DISK_ID_BYTES];
    char temporary[DISK_PATH_BYTES];
    if (disk__may_write(d) != STORE_OK)
        return STORE_BROKEN;
    disk__make_id(id);
    snprintf(temporary, sizeof temporary, "tmp/%s", id);
    int fd = openat(d->root, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return disk__write_failed(d, errno);
    int result = disk__write_all(fd, data, bytes, 0);
    if (result == 0)
        result = fsync(fd);
    int saved = errno;
    if (close(fd) != 0 && result == 0) {
        result = -1;
        saved = errno;
    }
    if (result == 0 &&
        (renameat(d->root, temporary, d->root, path) != 0 || disk__sync_folder_of(d, path) != 0)) {
        result = -1;
        saved = errno;
    }
    if (result != 0)
        unlinkat(d->root, temporary, 0);
    return result == 0 ? STORE_OK : disk__write_failed(d, saved);
}

char *disk__read_fd(int fd, size_t max_bytes, size_t *bytes)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return NULL;
    if (info.st_size < 0 || (size_t)info.st_size > max_bytes) {
        errno = EFBIG;
        return NULL;
    }
    size_t size = (size_t)info.st_size;
    size_t have = 0;
    char *data = malloc(size + 1);
    while (data && have < size) {
        ssize_t n = pread(fd, data + have, size - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            free(data);
            errno = n == 0 ? EIO : errno;
            return NULL;
        }
        have += (size_t)n;
    }
    if (data)
        data[size] = 0;
    *bytes = size;
    return data;
}

void disk__remove_tree(int at, const char *path)
{
    if (unlinkat(at, path, 0) == 0 || errno == ENOENT)
        return;
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            disk__remove_tree(fd, entry->d_name);
    closedir(folder);
    unlinkat(at, path, AT_REMOVEDIR);
}

int disk__each_entry(StoreDisk *d, const char *path, void (*each)(void *ctx, const char *name),
                     void *ctx)
{
    int fd = openat(d->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        errno = saved;
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            each(ctx, entry->d_name);
    closedir(folder);
    return 0;
}

/* --- footers of parts --- */

static void put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)in[i] << 8 * i;
    return value;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

size_t disk__encode_footer(const DiskFooter *footer, uint8_t out[DISK_LONG_FOOTER_BYTES])
{
    int is_long = footer->checksum_kind != DIGEST_MD5;
    size_t bytes = is_long ? DISK_LONG_FOOTER_BYTES : DISK_FOOTER_BYTES;
    memset(out, 0, bytes);
    memcpy(out, is_long ? "KTPART02" : "KTPART01", 8);
    put_u64(out + 8, (uint64_t)footer->bytes);
    memcpy(out + 16, footer->md5, 16);
    put_u64(out + 32, (uint64_t)footer->modified_unix_us);
    if (is_long) {
        put_u32(out + 40, (uint32_t)footer->checksum_kind);
        memcpy(out + 72, footer->checksum, sizeof footer->checksum);
    }
    put_u32(out + bytes - 4, (uint32_t)crc32_z(0, out, bytes - 4));
    return bytes;
}

/* end: the last `have` bytes of a file. 1 when a footer of so many bytes is at its end. */
static int decode_footer(const uint8_t *end, size_t have, size_t bytes, DiskFooter *out)
{
    uint8_t again[DISK_LONG_FOOTER_BYTES];
    const uint8_t *in = end + have - bytes;
    int is_long = bytes == DISK_LONG_FOOTER_BYTES;
    memset(out, 0, sizeof *out);
    out->bytes = (int64_t)get_u64(in + 8);
    memcpy(out->md5, in + 16, 16);
    out->modified_unix_us = (int64_t)get_u64(in + 32);
    if (is_long) {
        if (in[40] == DIGEST_MD5 || in[40] > DIGEST_CRC64NVME)
            return 0;
        out->checksum_kind = in[40];
        memcpy(out->checksum, in + 72, sizeof out->checksum);
    }
    return disk__encode_footer(out, again) == bytes && memcmp(in, again, bytes) == 0;
}

int disk__read_footer(int fd, DiskFooter *out)
{
    uint8_t end[DISK_LONG_FOOTER_BYTES];
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_size < DISK_FOOTER_BYTES)
        return 0;
    size_t have = info.st_size < DISK_LONG_FOOTER_BYTES ? (size_t)info.st_size : sizeof end;
    if (pread(fd, end, have, info.st_size - (off_t)have) != (ssize_t)have)
        return 0;
    if (decode_footer(end, have, DISK_FOOTER_BYTES, out))
        return out->bytes == (int64_t)info.st_size - DISK_FOOTER_BYTES;
    return have == sizeof end && decode_footer(end, have, have, out) &&
           out->bytes == (int64_t)info.st_size - DISK_LONG_FOOTER_BYTES;
}
