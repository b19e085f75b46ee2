/* `keeptake-server store verify`: all that the embedded store holds is read and compared with what
 * was noted when it was stored. Nothing is changed and no lock is taken: a server may be running.
 */
#ifndef KEEPTAKE_SERVER_STORE_DISK_VERIFY_H
#define KEEPTAKE_SERVER_STORE_DISK_VERIFY_H

#include <stdint.h>
#include <stdio.h>

typedef struct DiskVerified {
    int64_t objects, uploads, parts; /* looked at */
    int64_t bytes;                   /* read of parts */
    int64_t damaged;                 /* objects and parts of uploads that are not as they were */
    int64_t leftovers;               /* folders of data that belong to nobody */
} DiskVerified;

/* Looks at the store in dir and writes one line to out for each finding. 0, or a negative errno
 * with a sentence in error when the store cannot be read at all. */
int store_disk_verify(const char *dir, FILE *out, DiskVerified *result, char *error,
                      size_t error_bytes);

/* The same for a server that is at work: read is told of what was read, and may wait; not 0: it
 * ends with -ECANCELED. found: "damaged" and what is told of it. What was read is dropped from the
 * system's cache; leftovers are not looked for. */
typedef struct DiskVerifyHooks {
    int (*read)(void *ctx, int64_t bytes);
    void (*found)(void *ctx, const char *what, const char *text);
    void *ctx;
} DiskVerifyHooks;
int store_disk_verify_slowly(const char *dir, const DiskVerifyHooks *hooks, DiskVerified *result,
                             char *error, size_t error_bytes);

#endif
