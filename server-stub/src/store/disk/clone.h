/* A copy of the embedded store beside a server that may be running. */
#ifndef KEEPTAKE_SERVER_STORE_DISK_CLONE_H
#define KEEPTAKE_SERVER_STORE_DISK_CLONE_H

#include <stdint.h>
#include <stdio.h>

typedef struct DiskCloned {
    int64_t objects, uploads, parts; /* in the copy */
    int64_t bytes;                   /* of these parts */
    int64_t copied;                  /* of them written anew, not shared */
    int64_t damaged;                 /* objects and parts that are not whole in the original */
} DiskCloned;

/* Copies the store in from to the folder to, which must not be there. No lock is taken, nothing in
 * from is changed. Parts are shared between the two (hard links: a part never changes once it has
 * its name); across file systems they are written anew, and compared with the MD5 of when they were
 * stored. What is in the copy when this returns is on disk.
 *
 * Everything that was acknowledged when it began is in the copy, unless it was deleted meanwhile;
 * what came or ended while it ran is there whole or not at all, an upload that was completed as
 * upload, object or both, which the next start settles. out: a line for each finding.
 * 0, or a negative errno with a sentence in error. */
int store_disk_clone(const char *from, const char *to, FILE *out, DiskCloned *result, char *error,
                     size_t error_bytes);

#endif
