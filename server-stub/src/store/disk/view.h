/* The embedded store as its folder shows it, for tools: only read, and without a lock, so a server
 * may be at work on it. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_VIEW_H
#define KEEPTAKE_SERVER_STORE_DISK_VIEW_H

#include "store/store.h"

typedef struct DiskView DiskView;

/* 0, or a negative errno (then *out is NULL). */
int disk_view_open(const char *dir, DiskView **out);
void disk_view_close(DiskView **view);
/* STORE_NO_SUCH_KEY; STORE_IO where it is damaged. */
StoreStatus disk_view_object(DiskView *v, const char *bucket, const char *key, StoreObject *out);
/* 1 while the upload takes parts. */
int disk_view_has_upload(DiskView *v, const char *upload_id);
/* In no order. 0, or a negative errno. Damaged ones are left out. */
int disk_view_each_object(DiskView *v, const char *bucket,
                          void (*each)(void *ctx, const StoreObject *object), void *ctx);
/* bytes, parts: of what has arrived; part_bytes: of its first part. */
typedef struct DiskViewUpload {
    StoreUpload upload;
    int parts;
    int64_t bytes, part_bytes;
} DiskViewUpload;
int disk_view_each_upload(DiskView *v, void (*each)(void *ctx, const DiskViewUpload *upload),
                          void *ctx);
/* Writes the object's bytes to fd, from its beginning. STORE_NO_SUCH_KEY, STORE_IO (of either
 * side, with errno; EBADMSG: a part is not what was stored), STORE_FULL. */
StoreStatus disk_view_write(DiskView *v, const char *bucket, const char *key, int fd);

#endif
