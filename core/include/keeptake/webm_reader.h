/* Reads take files byte by byte as they arrive: which clusters are whole, what is in them, where the
 * keyframes are. Used to salvage a file of which only a prefix is there, to make clips, and as the tests'
 * independent look at what the writer wrote. Resumes at any byte; never reads past what it was given. */
#ifndef KEEPTAKE_WEBM_READER_H
#define KEEPTAKE_WEBM_READER_H

#include "keeptake/packet.h"
#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_WEBM_READER_MAX_TRACKS        8
#define KT_WEBM_READER_MAX_BLOCK_BYTES   (16u << 20)
#define KT_WEBM_READER_MAX_PRIVATE_BYTES 4096

typedef struct KtWebmReader KtWebmReader;

typedef struct KtWebmTrackInfo {
    uint64_t number;
    int is_video, is_audio;
    char codec_id[32];
    int width, height;
    double sample_rate_hz;
    int channels;
    int64_t codec_delay_ns;
} KtWebmTrackInfo;

typedef enum KtWebmEventKind {
    KT_WEBM_TRACKS = 0,  /* Tracks are known: kt_webm_reader_track */
    KT_WEBM_BLOCK = 1,   /* one frame */
    KT_WEBM_CLUSTER = 2, /* a cluster is whole: [offset, offset + bytes) */
    KT_WEBM_CUES = 3,    /* Cues element seen */
} KtWebmEventKind;

typedef struct KtWebmEvent {
    KtWebmEventKind kind;
    int64_t offset; /* of the element in the file, its ID included */
    int64_t bytes;  /* of the element, ID and size included */
    int64_t pts_us; /* block: its time; cluster: its timecode */
    int64_t end_us; /* cluster: greatest block time in it */
    uint64_t track; /* block */
    int keyframe;   /* block: keyframe; cluster: its first video block is one */
    const uint8_t *data; /* block: payload, borrowed until the next call */
    size_t data_bytes;
} KtWebmEvent;

KtStatus kt_webm_reader_create(KtWebmReader **out);
void kt_webm_reader_destroy(KtWebmReader **reader);
/* Gives more bytes: copies what must wait, takes at most bytes, returns how many were taken (>= 0); fewer
 * means events must be read first. ERR_MEMORY, ERR_STATE after a failure. */
int64_t kt_webm_reader_feed(KtWebmReader *r, const uint8_t *data, size_t bytes);
/* Next event (KT_OK), KT_AGAIN (more bytes needed), or ERR_FORMAT, ERR_LIMIT, ERR_UNSUPPORTED: the reader
 * is poisoned, what was reported before stays true. */
KtStatus kt_webm_reader_next(KtWebmReader *r, KtWebmEvent *out);
int kt_webm_reader_track_count(const KtWebmReader *r);
KtStatus kt_webm_reader_track(const KtWebmReader *r, int index, KtWebmTrackInfo *out);
/* Duration from Info, microseconds; -1 where the file has none. */
int64_t kt_webm_reader_duration_us(const KtWebmReader *r);
/* Offset right after the last whole cluster: the longest valid prefix. 0 before the first. */
int64_t kt_webm_reader_valid_bytes(const KtWebmReader *r);

#ifdef __cplusplus
}
#endif
#endif
