/* Room on the disk of the data folder: a low-water mark below which nothing new is taken, and a
 * file that is given up first, so that deleting works on a disk without one free block. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_SPACE_H
#define KEEPTAKE_SERVER_STORE_DISK_SPACE_H

#include <stdint.h>

#define DISK_SPACE_PATH_BYTES 1024

/* Unless the options say otherwise: a share of the disk, at most so much. */
#define DISK_SPACE_MOST_MARK (256LL << 20)
#define DISK_SPACE_MARK_SHARE 100
#define DISK_SPACE_MOST_RESERVE (1LL << 20)
#define DISK_SPACE_RESERVE_SHARE 32

typedef struct DiskSpace {
    /* Fixed by disk_space_init. */
    char folder[DISK_SPACE_PATH_BYTES], reserve[DISK_SPACE_PATH_BYTES + 16];
    int64_t low_bytes, reserve_bytes;
    /* The loop's. */
    int64_t free_bytes; /* -1: not known */
    uint64_t looked_ms;
} DiskSpace;

/* low_bytes -1: by the size of the disk. */
void disk_space_init(DiskSpace *space, const char *folder, int64_t low_bytes);
/* Bytes that may still be written, looked up at most twice a second; -1 where it is not known. */
int64_t disk_space_free(DiskSpace *space, uint64_t now_ms);
/* Whether less than the mark is left. */
int disk_space_is_low(DiskSpace *space, uint64_t now_ms);
/* Makes the reserve where it is missing and there is room for it beyond the mark. */
void disk_space_keep_reserve(DiskSpace *space, uint64_t now_ms);
/* Gives the reserve up; from any thread. 1 where there was one. */
int disk_space_drop_reserve(const DiskSpace *space);

#endif
