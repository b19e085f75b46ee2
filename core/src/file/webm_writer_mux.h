/* The elements of a take file, serialised by libwebm into memory (webm_writer_mux.cc). Positions
 * are those of docs/take-file.md. Internal to the core. */
#ifndef KEEPTAKE_WEBM_WRITER_MUX_H
#define KEEPTAKE_WEBM_WRITER_MUX_H

#include "keeptake/webm_writer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Track numbers in the file. An audio-only take has track 1 only. */
#define KT__WEBM_VIDEO_NUMBER 1

/* Cluster ID, size of eight bytes, timecode element of eight bytes: the same for every cluster. */
#define KT__WEBM_CLUSTER_HEADER_BYTES 22
/* Most that surrounds a payload in a block: group, block, number, time, flags, padding, reference.
 */
#define KT__WEBM_BLOCK_OVERHEAD_BYTES 48

typedef struct KtWebmBlock {
    uint64_t track_number;      /* 1..126 */
    int16_t relative_ms;        /* to the cluster's timecode */
    int keyframe;               /* blocks with discard padding are always key */
    int64_t discard_padding_ns; /* 0: a SimpleBlock */
    const uint8_t *data;
    size_t data_bytes;
} KtWebmBlock;

/* Fills out with the unfinished header: unknown Segment size, no Duration, no Cues. ERR_ARG where
 * the configuration does not fit into it. */
KtStatus kt__webm_write_header(const KtFileConfig *config, uint8_t out[KT_WEBM_HEADER_BYTES]);

/* Writes a cluster's first KT__WEBM_CLUSTER_HEADER_BYTES; payload_bytes: what follows them. */
KtStatus kt__webm_write_cluster_header(uint8_t *out, int64_t timecode_ms, size_t payload_bytes);
/* Pretends that so many bytes have been written: tests of files beyond 4 GB. */
void kt__webm_writer_skip_for_test(KtWebmWriter *w, int64_t bytes);

/* Writes one block at out, which has room for data_bytes + KT__WEBM_BLOCK_OVERHEAD_BYTES. Returns
 * the bytes written or ERR_ARG. */
int64_t kt__webm_write_block(uint8_t *out, size_t out_bytes, const KtWebmBlock *block);

#ifdef __cplusplus
}
#endif
#endif
