/* What a take file of which perhaps only a beginning arrived is good for: its longest prefix of
 * whole clusters, how long that plays, and the cue points it needs to be seekable. Bytes go in as
 * they are read; memory is constant but for the cue points, of which there are at most
 * TAKE_SCAN_MAX_CUES. */
#ifndef KEEPTAKE_SERVER_TAKE_SCAN_H
#define KEEPTAKE_SERVER_TAKE_SCAN_H

#include "keeptake/webm_reader.h"
#include "keeptake/webm_writer.h"

/* A file with more of them keeps every second one, again and again: 18 hours at a keyframe each
 * second stay whole. */
#define TAKE_SCAN_MAX_CUES 65536

typedef struct TakeScan TakeScan;

typedef struct TakeScanResult {
    int64_t valid_bytes; /* header and whole clusters; 0: not one cluster */
    int64_t clusters;
    int64_t duration_us;   /* up to the end of the last frame within valid_bytes, in any track */
    const KtFileCue *cues; /* borrowed from the scan */
    size_t cue_count;
    /* Of the first picture track; "" and 0 where there is none. */
    char codec[8]; /* "vp8", "vp9" */
    int width, height;
    double fps; /* 0: not stated */
    /* The file is whole as it is: Duration is in its header, and its Cues end where the bytes
     * ended. Then duration_us is the header's. */
    int finished;
    uint8_t
        header[KT_WEBM_HEADER_BYTES]; /* the first bytes, as they were; zeros where fewer came */
} TakeScanResult;

/* NULL: no memory. */
TakeScan *take_scan_create(void);
void take_scan_destroy(TakeScan **scan);
/* The next bytes of the file. KT_OK; KT_END: nothing after these can be used, feed no more;
 * KT_ERR_MEMORY: only destroy is of use. */
KtStatus take_scan_feed(TakeScan *scan, const uint8_t *data, size_t bytes);
/* No more bytes follow (or none are of use). */
void take_scan_finish(TakeScan *scan, TakeScanResult *out);

#endif
