/* A disk that fails, for programs of the tests: loaded before libc (LD_PRELOAD). The file that
 * $KT_DISK_FAULT names says which calls fail with EIO, by words: "sync", "write", "read". Only what
 * lies below a folder called "store" is touched, and the file is read anew at every call, so that a
 * disk may fail at any moment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at);
ssize_t pread64(int fd, void *data, size_t bytes, off64_t at);

static int fails(int fd, const char *what)
{
    char link[64], path[4096], words[64];
    const char *name = getenv("KT_DISK_FAULT");
    int control = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (control < 0)
        return 0;
    ssize_t n = read(control, words, sizeof words - 1);
    close(control);
    words[n > 0 ? n : 0] = 0;
    if (!strstr(words, what))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (!strstr(path, "/store"))
        return 0;
    errno = EIO;
    return 1;
}

int fsync(int fd)
{
    return fails(fd, "sync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails(fd, "sync") ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    return fails(fd, "write") ? -1 : syscall(SYS_pwrite64, fd, data, bytes, at);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at)
{
    return pwrite(fd, data, bytes, at);
}

ssize_t pread(int fd, void *data, size_t bytes, off_t at)
{
    return fails(fd, "read") ? -1 : syscall(SYS_pread64, fd, data, bytes, at);
}

ssize_t pread64(int fd, void *data, size_t bytes, off64_t at)
{
    return pread(fd, data, bytes, at);
}
