/* The embedded store: buckets, objects and multipart uploads in one folder of the server's disk.
 * Crash-safe at any instant: what was acknowledged is on disk and whole, what was not is invisible.
 *
 * The functions named store_disk_* below open and close it and dress it up as a Store
 * (asynchronous). The blocking calls that the S3 listener runs on threads are in
 * store/disk/blocking.h. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_DISK_H
#define KEEPTAKE_SERVER_STORE_DISK_DISK_H

#include "base/workers.h"
#include "store/store.h"

typedef struct StoreDisk StoreDisk;

#define STORE_DISK_LEAST_PART_BYTES (5 * 1024 * 1024) /* as S3: every part but the last */

/* Kinds of work, each with threads of its own: while one kind waits for the disk, the others go on.
 */
typedef enum DiskPool {
    DISK_WRITES, /* bodies on their way to the disk, each with an fdatasync */
    DISK_READS,  /* objects on their way out */
    DISK_CALLS,  /* small questions and changes */
    DISK_LONG,   /* what may take seconds: copies, lists of all there is, many deletions */
    DISK_BULK,   /* calls of store/store.h of the class STORE_BULK, whatever they do */
    DISK_POOLS
} DiskPool;

typedef struct StoreDiskConfig {
    int64_t least_part_bytes;        /* 0: STORE_DISK_LEAST_PART_BYTES */
    int write_threads, read_threads; /* 0: the usual number */
} StoreDiskConfig;

/* Settings of the whole process that the store wants: call it first thing in main. Buffers that go
 * back to the system, files enough for as many connections as the listeners accept. */
void store_disk_prepare_process(void);

/* Opens (or makes) the store in dir, removes what a crash left half-finished. Blocks: call it at
 * start. Takes a lock on the folder, so that two servers never share it. loop    borrowed until
 * store_disk_close config  borrowed for the call; NULL: defaults Returns 0, or a negative errno
 * with a sentence in error (then *out is NULL). */
int store_disk_open(uv_loop_t *loop, const char *dir, const StoreDiskConfig *config,
                    StoreDisk **out, char *error, size_t error_bytes);
/* No call may be running: close the listeners and run the loop until it is idle first. NULL is
 * fine. */
void store_disk_close(StoreDisk **disk);

/* Its threads for one kind of work; borrowed until store_disk_close. */
Workers *store_disk_pool(StoreDisk *disk, DiskPool pool);

/* Makes a bucket unless it is there. Blocks: for start-up. STORE_OK, STORE_REFUSED (name),
 * STORE_FULL, STORE_IO. */
StoreStatus store_disk_ensure_bucket(StoreDisk *disk, const char *bucket);

/* What presigned URLs are made of. Strings are copied. */
typedef struct StoreDiskAccess {
    const char
        *base_url; /* the S3 listener as browsers reach it: "http://127.0.0.1:8081", no slash */
    const char *bucket;
    const char *region;
    const char *access_key;
    const char *secret_key;
} StoreDiskAccess;

/* A Store over one bucket of disk; disk stays borrowed until (*out)->destroy. Makes the bucket
 * unless it is there. Returns 0, or a negative errno (then *out is NULL). */
int store_disk_as_store(StoreDisk *disk, const StoreDiskAccess *access, Store **out);

#endif
