/* Takes of the embedded store as files, for whoever leaves or moves. */
#ifndef KEEPTAKE_SERVER_APP_EXPORT_H
#define KEEPTAKE_SERVER_APP_EXPORT_H

#include "model/recordings.h"
#include "store/disk/view.h"

/* Zero-filled but for db, which is borrowed. */
typedef struct Export {
    DbConnection *db;
    DiskView *view;
    int folder; /* descriptor */
    int64_t takes, timelines, bytes, unfinished, failed;
} Export;

/* Makes the folder dir, which must not be there. 0, or a negative errno. */
int export_open(Export *e, const char *store, const char *dir);
/* ID.webm (compared with its MD5s on the way), ID.json as the API tells it, and
 * ID.timeline.json. Failures go to stderr and are counted; half a file is not left behind. */
void export_recording(Export *e, const RecordingRow *row);
/* Also after a failed export_open. */
void export_close(Export *e);

#endif
