/* Writes the take file (docs/take-file.md) over libwebm and hands it out in chunks.
 *
 * EBML header, Segment, SeekHead, Info, Tracks and padding fill the first KT_WEBM_HEADER_BYTES;
 * then clusters of known size, each at most the configured length; then Cues. A chunk is one
 * finished piece: the header, one cluster, the Cues, or the patch of the header at the end. Chunks
 * come in file order, except the patch, which replaces bytes [0, KT_WEBM_HEADER_BYTES). Every
 * prefix of whole chunks is a playable file. Constant memory but for the cue list (16 bytes a cue,
 * one a keyframe cluster). */
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
/* Packets of one track may be ahead of the other's by this much take time; then they no longer
 * wait. */
#define KT_WEBM_INTERLEAVE_US 1000000
/* Largest packet. */
#define KT_WEBM_MAX_PACKET_BYTES (16u << 20)
/* Chunks that wait to be popped hold at most about this many bytes. The recorder drops pictures
 * from 64 MiB on; the rest is room for a quarter of an hour of sound. */
#define KT_WEBM_MAX_WAITING_BYTES (80u << 20)

typedef struct KtWebmWriter KtWebmWriter;

typedef struct KtWebmWriterConfig {
    int has_video, has_audio; /* at least one; video is track 1, audio the track after it */
    KtVideoCodec codec;
    int width, height; /* pixels, 1..16383; has_video */
    int fps; /* nominal, 0..240; the patch states it (DefaultDuration) where every picture of the
                file kept to it within a millisecond. 0: never */
    KtColorMatrix matrix;
    uint8_t opus_head[KT_OPUS_HEAD_BYTES]; /* has_audio */
    int audio_pre_skip;                    /* samples at 48 kHz, 0..65535 */
    int64_t max_cluster_us;                /* 20,000 .. 5,000,000; design: 250,000 */
    int64_t date_unix_us;                  /* DateUTC; 0: left out */
    const char *app_name;                  /* WritingApp, 1..63 bytes, copied; NULL: "Keeptake" */
} KtWebmWriterConfig;

typedef enum KtChunkKind {
    KT_CHUNK_HEADER = 0,
    KT_CHUNK_CLUSTER = 1,
    KT_CHUNK_CUES = 2,
    KT_CHUNK_PATCH = 3, /* replaces the header; offset 0 */
} KtChunkKind;

typedef struct KtChunk {
    KtChunkKind kind;
    uint32_t sequence;   /* 0, 1, 2 … over all chunks of a take */
    int64_t offset;      /* of the first byte in the file */
    const uint8_t *data; /* borrowed until kt_webm_writer_pop */
    size_t bytes;
    int64_t start_us, end_us; /* take time covered; clusters only */
    int keyframe;   /* clusters: has a cue point {start_us, offset}. With video: begins with a
                       video keyframe; without: about one a second */
    uint32_t crc32; /* of data, as zlib's crc32 */
} KtChunk;

/* ERR_ARG, ERR_MEMORY. The header chunk waits at once. */
KtStatus kt_webm_writer_create(const KtWebmWriterConfig *config, KtWebmWriter **out);
/* Also with chunks waiting, which are dropped. */
void kt_webm_writer_destroy(KtWebmWriter **writer);

/* Adds a packet (copied). The first video packet must be a keyframe: ERR_ARG. Timestamps of a track
 * must not go back: ERR_ORDER. The two tracks may interleave by up to KT_WEBM_INTERLEAVE_US; the
 * writer sorts them, video first where they are equal. What comes later than that, or after a
 * flush, is written where the file stands (ERR_ORDER where it is 32 s late). A cluster ends when it
 * would become longer than max_cluster_us, as soon as that is certain for packets as long as those
 * before, or at a video keyframe. The last audio packet always
 * waits for the next one, since finish may have to trim it. ERR_STATE (after finish), ERR_LIMIT
 * (packet too large, or pop chunks first). After ERR_MEMORY the writer returns that status for
 * good; chunks that wait can still be popped and are whole. */
KtStatus kt_webm_writer_add(KtWebmWriter *w, const KtPacket *packet);
/* Ends the open cluster now, so that everything added can be stored (pause, page hidden).
 * ERR_MEMORY, ERR_STATE (after finish). */
KtStatus kt_webm_writer_flush(KtWebmWriter *w);
/* Ends the file: last cluster, Cues (none without cue points), patch with Duration, SeekHead and
 * Segment size. duration_us 0: the end of the last packet. Sound after duration_us is left out or,
 * in its last packet, trimmed by DiscardPadding. ERR_ARG, ERR_MEMORY, ERR_STATE (finished already).
 */
KtStatus kt_webm_writer_finish(KtWebmWriter *w, int64_t duration_us);

/* The oldest waiting chunk (KT_OK), KT_AGAIN where none waits, KT_END after the patch was popped.
 */
KtStatus kt_webm_writer_peek(KtWebmWriter *w, KtChunk *out);
/* Frees the chunk that peek gave. ERR_STATE where none waits. */
KtStatus kt_webm_writer_pop(KtWebmWriter *w);

/* Bytes of the file so far, waiting chunks included; the patch adds none. */
int64_t kt_webm_writer_bytes(const KtWebmWriter *w);

/* Finishing a take without its writer, from what a journal or the reader knows: write the Cues
 * after the last whole cluster, then patch the header. The writer's own finish does the same, and
 * states the rate. */
typedef struct KtWebmCue {
    int64_t time_us;        /* start of the cluster */
    int64_t cluster_offset; /* in the file */
} KtWebmCue;

/* Bytes of the Cues element for count > 0 cues in file order, or ERR_ARG. */
int64_t kt_webm_cues_bytes(const KtWebmCue *cues, size_t count);
/* Writes it to out. Returns the bytes written, or ERR_ARG, ERR_SPACE. */
int64_t kt_webm_write_cues(const KtWebmCue *cues, size_t count, uint8_t *out, size_t out_bytes);
/* Patches a header chunk in place; a patched one may be patched again.
 *   duration_us  0: stays unknown
 *   cues_offset  of the Cues in the file, or -1 where there are none
 *   file_bytes   of the whole file, Cues included
 * ERR_ARG, ERR_FORMAT (not a header of this writer). */
KtStatus kt_webm_patch_header(uint8_t header[KT_WEBM_HEADER_BYTES], int64_t duration_us,
                              int64_t cues_offset, int64_t file_bytes);

#ifdef __cplusplus
}
#endif
#endif
