/* The WebM reader's own state, shared by its files. */
#ifndef KEEPTAKE_WEBM_READER_INTERNAL_H
#define KEEPTAKE_WEBM_READER_INTERNAL_H

#include "keeptake/webm_reader.h"
#include "webm_reader_ebml.h"

/* A lace holds at most this many frames (its count is one byte, less one). */
#define KT__WEBM_MAX_LACE 256

typedef struct KtWebmStoredTrack {
    KtWebmTrackInfo info; /* codec_private is set when it is handed out */
    uint8_t codec_private[KT_WEBM_READER_MAX_PRIVATE_BYTES];
} KtWebmStoredTrack;

/* One block that is whole in memory, split into its frames. */
typedef struct KtWebmParsedBlock {
    uint64_t track;
    int16_t relative;
    int simple_keyframe; /* the flag of a SimpleBlock */
    int frames;
    uint32_t frame_bytes[KT__WEBM_MAX_LACE];
    const uint8_t *data; /* of the first frame; the others follow */
} KtWebmParsedBlock;

typedef struct KtWebmInfo {
    int64_t scale_ns;
    int64_t duration_us; /* -1: none */
} KtWebmInfo;

/* Each takes the payload of an element that is whole in memory. */
KtStatus kt__webm_parse_ebml(const uint8_t *payload, size_t bytes);
KtStatus kt__webm_parse_info(const uint8_t *payload, size_t bytes, KtWebmInfo *out);
/* tracks: room for KT_WEBM_READER_MAX_TRACKS. */
KtStatus kt__webm_parse_tracks(const uint8_t *payload, size_t bytes, KtWebmStoredTrack *tracks,
                               int *count);
KtStatus kt__webm_parse_block(const uint8_t *payload, size_t bytes, KtWebmParsedBlock *out);
typedef struct KtWebmBlockGroup {
    const uint8_t *block;
    size_t block_bytes;
    int keyframe;
    int64_t discard_padding_ns;
} KtWebmBlockGroup;
/* ERR_FORMAT where the group has no block. */
KtStatus kt__webm_parse_block_group(const uint8_t *payload, size_t bytes, KtWebmBlockGroup *out);
typedef struct KtWebmCuePoint {
    uint64_t time, track, position; /* in timestamp units; position from the segment's payload */
} KtWebmCuePoint;
KtStatus kt__webm_parse_cue_point(const uint8_t *payload, size_t bytes, KtWebmCuePoint *out);

/* time in units of scale_ns to microseconds; ERR_FORMAT where that is no sane time. */
KtStatus kt__webm_time_us(int64_t time, int64_t scale_ns, int64_t *out_us);

#endif
