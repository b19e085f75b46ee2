/* Reads take files byte by byte as they arrive: which clusters are whole, what is in them, where
 * the keyframes are. Used to salvage a file of which only a prefix is there, to make clips, and as
 * the tests' independent look at what the writer wrote. Resumes at any byte; never reads past what
 * it was given. */
#ifndef KEEPTAKE_WEBM_READER_H
#define KEEPTAKE_WEBM_READER_H

#include "keeptake/packet.h"
#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_WEBM_READER_MAX_TRACKS 8
#define KT_WEBM_READER_MAX_BLOCK_BYTES (16u << 20)
#define KT_WEBM_READER_MAX_PRIVATE_BYTES 4096
/* Info, Tracks and a cue point are read whole and may have so many bytes. */
#define KT_WEBM_READER_MAX_INFO_BYTES (256u << 10)

typedef struct KtWebmReader KtWebmReader;

typedef struct KtWebmTrackInfo {
    uint64_t number;
    int is_video, is_audio;
    char codec_id[32]; /* cut to what fits */
    char name[128];    /* as it stands, cut to what fits; empty without one */
    uint64_t uid;      /* 0: none */
    int width, height;
    double sample_rate_hz;
    int channels;
    int64_t codec_delay_ns;
    int64_t default_duration_ns;  /* 0: not stated */
    const uint8_t *codec_private; /* borrowed from the reader; NULL without one */
    size_t codec_private_bytes;
} KtWebmTrackInfo;

typedef enum KtWebmEventKind {
    KT_WEBM_TRACKS = 0,  /* Tracks are known: kt_webm_reader_track */
    KT_WEBM_BLOCK = 1,   /* one frame; a laced block gives several */
    KT_WEBM_CLUSTER = 2, /* a cluster is whole: [offset, offset + bytes) */
    KT_WEBM_CUES = 3,    /* the Cues element is whole */
    KT_WEBM_CUE = 4,     /* one cue point: offset is that of its cluster */
} KtWebmEventKind;

typedef struct KtWebmEvent {
    KtWebmEventKind kind;
    int64_t offset; /* of the element in the file, its ID included */
    int64_t bytes;  /* of the element, ID and size included */
    int64_t pts_us; /* block: its time, may be < 0, the codec delay not taken off; cluster: its
                       timecode; cue: its time */
    int64_t end_us; /* cluster: greatest block time in it; its timecode where it has none */
    uint64_t track; /* block, cue */
    int keyframe;   /* block: keyframe; cluster: its first video block is one */
    int64_t discard_padding_ns; /* block */
    const uint8_t *data;        /* block: payload, borrowed until the next call */
    size_t data_bytes;
} KtWebmEvent;

/* ERR_ARG, ERR_MEMORY. */
KtStatus kt_webm_reader_create(KtWebmReader **out);
void kt_webm_reader_destroy(KtWebmReader **reader);
/* Gives more bytes: copies what must wait, takes at most bytes, returns how many were taken (>= 0);
 * fewer means events must be read first. After kt_webm_reader_next said KT_AGAIN it takes at least
 * one. Memory grows with what has really come, never with what a size field announces. ERR_ARG,
 * ERR_MEMORY, ERR_STATE after a failure or kt_webm_reader_end. */
int64_t kt_webm_reader_feed(KtWebmReader *r, const uint8_t *data, size_t bytes);
/* No more bytes will come: a cluster or segment of unknown size ends here. The events left are read
 * as before; then kt_webm_reader_next returns KT_END instead of KT_AGAIN. ERR_ARG. */
KtStatus kt_webm_reader_end(KtWebmReader *r);
/* Next event (KT_OK), KT_AGAIN (more bytes needed), KT_END, or ERR_FORMAT, ERR_LIMIT,
 * ERR_UNSUPPORTED (another EBML document type or version, encoded tracks, a second segment): the
 * reader is poisoned, what was reported before stays true. */
KtStatus kt_webm_reader_next(KtWebmReader *r, KtWebmEvent *out);
int kt_webm_reader_track_count(const KtWebmReader *r);
/* ERR_ARG where there is no such track. */
KtStatus kt_webm_reader_track(const KtWebmReader *r, int index, KtWebmTrackInfo *out);
/* Duration from Info, microseconds; -1 where the file has none. */
int64_t kt_webm_reader_duration_us(const KtWebmReader *r);
/* Offset right after the last whole cluster: the longest valid prefix. 0 before the first. */
int64_t kt_webm_reader_valid_bytes(const KtWebmReader *r);

#ifdef __cplusplus
}
#endif
#endif
