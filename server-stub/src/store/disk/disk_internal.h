/* The folder of the embedded store.
 *
 *   store.lock                        held by the server that uses the folder
 *   tmp/                              half-written files; emptied at start
 *   buckets/NAME/cors.xml …           documents of a bucket; a bucket is its folder
 *   buckets/NAME/objects/HH/HASH      manifest of an object; HHHASH = SHA-256 of the key
 *   uploads/ID                        an upload that takes parts
 *   data/ID/NNNNN                     the parts of one upload or object, ID belongs to one of them
 *   trash/ID                          a manifest or upload whose data may have to go
 *
 * An object exists if and only if its manifest is in its place; it gets there, is replaced and goes
 * by one rename each. A part exists if and only if its upload does and its file is in its place.
 *
 * What a crash leaves is told by the trash: a manifest is written there before its data folder is
 * made and before it is renamed into place, an old one is exchanged for the new one, a deleted
 * object or an aborted upload is renamed into it. At start, for every entry, data/ID is removed,
 * unless uploads/ID still is there (then Complete was interrupted and never acknowledged).
 *
 * A part's file is its bytes and then this footer, all integers little-endian:
 *   0  "KTPART01"      8  u64 bytes       16  MD5      32  i64 modified, microseconds of Unix time
 *   40 zeros           60 u32 CRC-32 of the footer's first 60 bytes
 * or, of a part that came with a checksum beside the MD5, this one:
 *   0  "KTPART02"      8 to 39 as above   40  u32 kind of the checksum (DigestKind)
 *   44 zeros           72 checksum, 32 bytes, zeros behind a shorter one
 *   104 zeros          124 u32 CRC-32 of the footer's first 124 bytes
 * valid if and only if magic and CRC are right and the file is as long as it says. The last 64
 * bytes of the second begin with zeros, so that they are never taken for one of the first. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_DISK_INTERNAL_H
#define KEEPTAKE_SERVER_STORE_DISK_DISK_INTERNAL_H

#include "base/digest.h"
#include "base/text.h"
#include "store/disk/blocking.h"

#include <pthread.h>
#include <stdatomic.h>

#define DISK_FOOTER_BYTES 64
#define DISK_LONG_FOOTER_BYTES 128         /* with a checksum */
#define DISK_STAGE_BYTES (512 * 1024)      /* one write; larger ones are hardly faster */
#define DISK_SMALL_STAGE_BYTES (32 * 1024) /* until a body proves large, and when many are */
#define DISK_LARGE_STAGES 32               /* writers that may have a large one at a time: 16 MiB */
#define DISK_ALIGN_BYTES 4096              /* of direct writes: offset, length, memory */
#define DISK_PATH_BYTES 256
#define DISK_UPLOAD_LOCKS 64          /* uploads that are worked on at once, each by threads */
#define DISK_MOST_DROPS 4096          /* data that waits to be removed; more is removed at once */
#define DISK_DROPS_STOP_MS 2000       /* at close: what is left then goes at the next start */
#define DISK_MANIFEST_BYTES (4 << 20) /* 10,000 parts are 200 KB */

typedef struct DiskFooter {
    int64_t bytes;
    uint8_t md5[16];
    int64_t modified_unix_us;
    int checksum_kind; /* DigestKind; DIGEST_MD5: none beside it */
    uint8_t checksum[STORE_CHECKSUM_BYTES];
} DiskFooter;

typedef struct DiskSpan {
    int number;
    int64_t bytes;
} DiskSpan;

/* Content of a manifest (with parts) or of an upload's file (without). */
typedef struct DiskManifest {
    char bucket[STORE_BUCKET_BYTES];
    StoreObject object;
    char data_id[DISK_ID_BYTES];
    char *headers;                  /* never NULL in a read manifest */
    const DiskCondition *condition; /* of publishing it, borrowed; NULL: none */
    DiskSpan *parts;
    int part_count;
} DiskManifest;

typedef struct DiskPin {
    struct DiskPin *next;
    char data_id[DISK_ID_BYTES];
    char trash_id[DISK_ID_BYTES]; /* "": its object is still there */
    int readers;
} DiskPin;

/* A key that came or went while an index was made. */
typedef struct DiskChange {
    struct DiskChange *next;
    int is_removed;
    char key[];
} DiskChange;

/* The sorted keys of a bucket, made by its first listing: without d->lock, since that takes a
 * while; what changes meanwhile is noted and follows. */
typedef struct DiskIndex {
    struct DiskIndex *next;
    char bucket[STORE_BUCKET_BYTES];
    char **keys;
    size_t count, capacity;
    int is_building, is_spoilt; /* spoilt: it is not to be used when it is done */
    DiskChange *changes, **changes_end;
} DiskIndex;

/* One of them is worked on by one thread at a time. */
typedef struct DiskUploadLock {
    char id[DISK_ID_BYTES];
    int users; /* who holds it or waits; 0: free for any upload */
    pthread_mutex_t mutex;
} DiskUploadLock;

/* Data whose owner is gone, on its way off the disk. Its trash entry tells of it after a crash. */
typedef struct DiskDrop {
    struct DiskDrop *next;
    char data_id[DISK_ID_BYTES];
    char trash_id[DISK_ID_BYTES];
} DiskDrop;

struct StoreDisk {
    /* Fixed at creation. */
    uv_loop_t *loop;
    int root; /* descriptor of the folder */
    int lock_fd;
    int64_t least_part_bytes;
    int writes_all;          /* files are never copied by the file system; for tests */
    atomic_int large_stages; /* in use */
    atomic_int failure;      /* errno of the first failed write or sync, 0: none so far */
    atomic_int read_errors;  /* reads that the disk refused */
    Workers *pools[DISK_POOLS];
    /* Orders renames of manifests with the index and the pins. Taken after an upload's lock. */
    pthread_mutex_t lock;
    pthread_cond_t index_built;
    DiskPin *pins;
    DiskIndex *indexes;
    /* store/disk/locks.c */
    pthread_mutex_t locks_mutex;
    pthread_cond_t lock_free;
    DiskUploadLock upload_locks[DISK_UPLOAD_LOCKS];
    /* store/disk/drop.c; guarded by drops_mutex */
    pthread_mutex_t drops_mutex;
    pthread_cond_t drops_change;
    DiskDrop *drops, **drops_end;
    int drop_count, is_dropping, drops_stop, has_dropper;
    pthread_t dropper;
};

struct DiskWriter {
    StoreDisk *disk;
    int fd;
    char path[DISK_PATH_BYTES]; /* "": committed */
    int is_direct;              /* past the page cache */
    int64_t bytes;              /* taken */
    int64_t stored;             /* of them written to the file; the others are staged */
    uint8_t *staged;            /* stage_bytes */
    size_t stage_bytes;         /* DISK_SMALL_STAGE_BYTES or DISK_STAGE_BYTES */
    DiskFooter footer;
};

/* store/disk/file.c */
/* For disk_last_error. */
void disk__note_error(int error);
StoreStatus disk__status_of_errno(int error);
/* The same of something that was to be written. When the disk itself has failed the store takes no
 * more writes (STORE_BROKEN): Linux reports a lost write once, and what comes after the report may
 * be believed to be on disk when it is not. A restart reads what is really there. */
StoreStatus disk__write_failed(StoreDisk *d, int error);
/* STORE_OK, or STORE_BROKEN from the first such failure on. Asked before anything is changed. */
StoreStatus disk__may_write(StoreDisk *d);
int64_t disk__now_us(void);
void disk__make_id(char id[DISK_ID_BYTES]);
int disk__id_valid(const char *id);
int disk__write_all(int fd, const void *data, size_t bytes, int64_t offset);
/* 0, or -1 with errno; a file that ends before is an error. */
int disk__read_all(int fd, void *data, size_t bytes, int64_t offset);
/* Makes path durable with this content: a temporary file, fsync, rename, fsync of the folder. */
StoreStatus disk__write_file(StoreDisk *d, const char *path, const char *data, size_t bytes);
/* malloc'd, NUL-terminated; NULL with errno. */
char *disk__read_fd(int fd, size_t max_bytes, size_t *bytes);
/* fsync of the folder that holds path. 0 or -1 with errno. */
int disk__sync_folder_of(StoreDisk *d, const char *path);
/* mkdir unless it is there, durable. 0 or -1 with errno. */
int disk__make_folder(StoreDisk *d, const char *path);
/* Removes a file, or a folder with all in it. */
void disk__remove_tree(int at, const char *path);
/* Calls each for every entry but dot files; 0, or -1 with errno (ENOENT: no folder). */
int disk__each_entry(StoreDisk *d, const char *path, void (*each)(void *ctx, const char *name),
                     void *ctx);
int disk__read_footer(int fd, DiskFooter *out);
/* Returns its length. */
size_t disk__encode_footer(const DiskFooter *footer, uint8_t out[DISK_LONG_FOOTER_BYTES]);

/* store/disk/writer.c */
/* Adds bytes of another file without passing them through this process, where both file systems can
 * do that (XFS and Btrfs only note that they are shared). Nothing may be staged: only copies, or
 * whole stages, were added before. STORE_REFUSED, and nothing was added: write them. */
StoreStatus disk__writer_copy(DiskWriter *w, int fd, int64_t offset, int64_t bytes);

/* store/disk/manifest.c */
StoreStatus disk__check_key(const char *key);
void disk__object_path(const char *bucket, const char *key, char out[DISK_PATH_BYTES]);
void disk__part_path(const char *data_id, int number, char out[DISK_PATH_BYTES]);
StoreStatus disk__init_manifest(DiskManifest *m, const DiskName *name, const char *data_id);
void disk__reset_manifest(DiskManifest *m);
void disk__encode_manifest(const DiskManifest *m, Text *out);
/* STORE_OK or STORE_IO (damaged, out of memory). m is overwritten. */
StoreStatus disk__decode_manifest(const char *text, size_t bytes, DiskManifest *m);
/* STORE_NO_SUCH_KEY where there is no file. fd (may be NULL): the open file, the caller's. */
StoreStatus disk__read_manifest(StoreDisk *d, const char *path, DiskManifest *m, int *fd);

/* store/disk/object.c */
/* Writes m into the trash (durable), for disk__publish. */
StoreStatus disk__write_trash(StoreDisk *d, const DiskManifest *m, char trash_id[DISK_ID_BYTES]);
/* The manifest in the trash takes its place; the one it replaces, if any, is dropped. From then on,
 * even when the result is a failure (of the folder's fsync), trash_id is "". */
StoreStatus disk__publish(StoreDisk *d, const DiskManifest *m, char trash_id[DISK_ID_BYTES]);
/* The file of the part that is exactly [offset, offset + bytes) of the object: 1, or 0 where none
 * is. */
int disk__reader_part_path(const DiskReader *r, int64_t offset, int64_t bytes,
                           char out[DISK_PATH_BYTES]);

/* store/disk/drop.c */

/* Removes data and trash entry soon, or when the last reader closes: by a thread of its own, since
 * a long take is thousands of files. */
void disk__drop(StoreDisk *d, const char *data_id, const char *trash_id);
/* The same for data that nobody reads. */
void disk__sweep(StoreDisk *d, const char *data_id, const char *trash_id);
/* Now, and nothing else meanwhile: for what was never published. */
void disk__remove_data(StoreDisk *d, const char *data_id, const char *trash_id);
/* Returns when all that was dropped so far is gone. */
void disk__settle_drops(StoreDisk *d);
/* 0 or -1: then what is dropped is removed at once. */
int disk__start_drops(StoreDisk *d);
void disk__stop_drops(StoreDisk *d);

/* store/disk/list.c; with d->lock held */
void disk__index_add(StoreDisk *d, const char *bucket, const char *key);
void disk__index_remove(StoreDisk *d, const char *bucket, const char *key);
void disk__index_drop(StoreDisk *d, const char *bucket);
/* Gives the lock up while it makes the index. *out is valid for as long as the lock is held. */
StoreStatus disk__index_of(StoreDisk *d, const char *bucket, DiskIndex **out);

/* store/disk/locks.c: a thread holds one at most */
void disk__init_locks(StoreDisk *d);
void disk__destroy_locks(StoreDisk *d);
DiskUploadLock *disk__lock_upload(StoreDisk *d, const char *upload_id);
void disk__unlock_upload(StoreDisk *d, DiskUploadLock *lock);

/* store/disk/checksum.c */
/* Fills out with what a part is told to be. */
void disk__describe_part(const DiskFooter *footer, int number, StorePart *out);
/* Adds the bytes of a part's file to digest. 0 when they cannot be read. */
int disk__digest_part(StoreDisk *d, const char *data_id, const DiskSpan *span, Digest *digest);
/* The checksum of the object m, of this kind, into m->object.checksum. parts: as many as m has,
 * with the checksums that are known; the others are made of the bytes. With a value in expected it
 * must be that one: STORE_BAD_DIGEST. STORE_IO. */
StoreStatus disk__checksum_object(StoreDisk *d, DiskManifest *m, const StorePart *parts,
                                  const DiskAlgorithm *algorithm, const DiskExpected *expected);

/* store/disk/upload.c */
/* Footer of a part. STORE_INVALID_PART where there is none, or one that is damaged. */
StoreStatus disk__read_part(StoreDisk *d, const char *data_id, int number, DiskFooter *out);
/* ETag of an object of parts: MD5 of their MD5s, "-", their number. STORE_INVALID_PART where one
 * has no MD5 for an ETag. */
StoreStatus disk__combined_etag(const StorePart *parts, int count, char out[STORE_ETAG_BYTES]);
/* Ends what a crash left half-done. */
StoreStatus disk__recover_uploads(StoreDisk *d);

#endif
