/* Writes the take file (docs/take-file.md) over libwebm and hands it out in chunks.
 *
 * EBML header, Segment, SeekHead, Info, Tracks and padding fill the first KT_WEBM_HEADER_BYTES; then
 * clusters of known size, each at most the configured length; then Cues. A chunk is one finished piece:
 * the header, one cluster, the Cues, or the patch of the header at the end. Chunks come in file order,
 * except the patch, which replaces bytes [0, KT_WEBM_HEADER_BYTES). Every prefix of whole chunks is a
 * playable file. Constant memory but for the cue list (16 bytes a cue, one a keyframe cluster). */
#ifndef KEEPTAKE_WEBM_WRITER_H
#define KEEPTAKE_WEBM_WRITER_H

#include "keeptake/audio_encoder.h"
#include "keeptake/frame.h"
#include "keeptake/packet.h"
#include "keeptake/video_encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_WEBM_HEADER_BYTES 4096

typedef struct KtWebmWriter KtWebmWriter;

typedef struct KtWebmWriterConfig {
    int has_video, has_audio; /* at least one */
    KtVideoCodec codec;
    int width, height;
    int fps; /* 0: not stated */
    KtColorMatrix matrix;
    uint8_t opus_head[KT_OPUS_HEAD_BYTES]; /* has_audio */
    int audio_pre_skip;                    /* samples at 48 kHz */
    int64_t max_cluster_us;                /* 20,000 .. 5,000,000; design: 250,000 */
    int64_t date_unix_us;                  /* DateUTC; 0: left out */
    const char *app_name;                  /* borrowed, <= 63 bytes; WritingApp */
} KtWebmWriterConfig;

typedef enum KtChunkKind {
    KT_CHUNK_HEADER = 0,
    KT_CHUNK_CLUSTER = 1,
    KT_CHUNK_CUES = 2,
    KT_CHUNK_PATCH = 3, /* replaces the header; offset 0 */
} KtChunkKind;

typedef struct KtChunk {
    KtChunkKind kind;
    uint32_t sequence; /* 0, 1, 2 … over all chunks of a take */
    int64_t offset;    /* of the first byte in the file */
    const uint8_t *data; /* borrowed until kt_webm_writer_pop */
    size_t bytes;
    int64_t start_us, end_us; /* take time covered; clusters only */
    int keyframe;             /* the cluster begins with a video keyframe */
    uint32_t crc32;           /* of data, as zlib's crc32 */
} KtChunk;

/* ERR_ARG, ERR_MEMORY. The header chunk waits at once. */
KtStatus kt_webm_writer_create(const KtWebmWriterConfig *config, KtWebmWriter **out);
void kt_webm_writer_destroy(KtWebmWriter **writer);

/* Adds a packet (copied). Timestamps of a track must not go back: ERR_ORDER. Packets of the two tracks may
 * interleave by up to 1 s of take time; the writer sorts them. A cluster ends when it would become longer
 * than max_cluster_us, or at a video keyframe. ERR_MEMORY, ERR_STATE (after finish), ERR_LIMIT. */
KtStatus kt_webm_writer_add(KtWebmWriter *w, const KtPacket *packet);
/* Ends the open cluster now, so that everything added can be stored (pause, page hidden). */
KtStatus kt_webm_writer_flush(KtWebmWriter *w);
/* Ends the file: last cluster, Cues, patch with Duration, SeekHead and Segment size. duration_us 0: the end
 * of the last packet. */
KtStatus kt_webm_writer_finish(KtWebmWriter *w, int64_t duration_us);

/* The oldest waiting chunk (KT_OK), KT_AGAIN where none waits, KT_END after the patch was popped. */
KtStatus kt_webm_writer_peek(KtWebmWriter *w, KtChunk *out);
/* Frees the chunk that peek gave. ERR_STATE where none waits. */
KtStatus kt_webm_writer_pop(KtWebmWriter *w);

/* Bytes of the file so far, waiting chunks included. */
int64_t kt_webm_writer_bytes(const KtWebmWriter *w);

#ifdef __cplusplus
}
#endif
#endif
