/* statvfs, and a file of real blocks. */
#include "store/disk/space.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_MS 500

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void disk_space_init(DiskSpace *space, const char *folder, int64_t low_bytes)
{
    struct statvfs info;
    memset(space, 0, sizeof *space);
    snprintf(space->folder, sizeof space->folder, "%s", folder);
    snprintf(space->reserve, sizeof space->reserve, "%s/reserve", folder);
    space->free_bytes = -1;
    int64_t size =
        statvfs(folder, &info) == 0 ? (int64_t)info.f_blocks * (int64_t)info.f_frsize : 0;
    space->low_bytes =
        low_bytes >= 0 ? low_bytes : least(size / DISK_SPACE_MARK_SHARE, DISK_SPACE_MOST_MARK);
    space->reserve_bytes = least(size / DISK_SPACE_RESERVE_SHARE, DISK_SPACE_MOST_RESERVE);
}

int64_t disk_space_free(DiskSpace *space, uint64_t now_ms)
{
    struct statvfs info;
    if (space->looked_ms == 0 || now_ms - space->looked_ms >= LOOK_MS) {
        space->looked_ms = now_ms ? now_ms : 1;
        space->free_bytes = statvfs(space->folder, &info) == 0
                                ? (int64_t)info.f_bavail * (int64_t)info.f_frsize
                                : -1;
    }
    return space->free_bytes;
}

int disk_space_is_low(DiskSpace *space, uint64_t now_ms)
{
    int64_t free_bytes = disk_space_free(space, now_ms);
    return free_bytes >= 0 && free_bytes < space->low_bytes;
}

void disk_space_keep_reserve(DiskSpace *space, uint64_t now_ms)
{
    struct stat info;
    if (space->reserve_bytes <= 0 ||
        (stat(space->reserve, &info) == 0 && info.st_size >= space->reserve_bytes) ||
        disk_space_free(space, now_ms) < space->low_bytes + 2 * space->reserve_bytes) {
        return;
    }
    int fd = open(space->reserve, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;
    }
    if (posix_fallocate(fd, 0, space->reserve_bytes) != 0) {
        unlink(space->reserve);
    }
    close(fd);
}

int disk_space_drop_reserve(const DiskSpace *space)
{
    return *space->reserve && unlink(space->reserve) == 0;
}
