/* Files that are written front to back while they grow, whatever their container: what goes into
 * one, in which pieces it comes out, and the port behind which a container's writer stands. WebM
 * (webm_writer.h) is the one there is.
 *
 * What every container promises, so that journal, upload and server need not know it: all that is
 * patched at the end lies in the first KT_FILE_HEADER_BYTES; after them come clusters, each whole
 * by itself; then an index. Every prefix of whole chunks plays. A file that lost its writer is
 * finished from the clusters' {time, offset} alone: write_index, then patch_header. */
#ifndef KEEPTAKE_FILE_WRITER_H
#define KEEPTAKE_FILE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/frame.h"
#include "keeptake/packet.h"
#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_FILE_HEADER_BYTES 4096
#define KT_FILE_MAX_CODEC_ID_BYTES 31
#define KT_FILE_MAX_PRIVATE_BYTES 1024
#define KT_FILE_MAX_NAME_BYTES 127

/* ---- what goes in ---- */

/* Codecs are named as Matroska names them, with the private bytes of its codec mapping; a writer
 * of another container translates. */
#define KT_CODEC_ID_VP8 "V_VP8"
#define KT_CODEC_ID_VP9 "V_VP9"
#define KT_CODEC_ID_AV1 "V_AV1"            /* private bytes: av1C */
#define KT_CODEC_ID_H264 "V_MPEG4/ISO/AVC" /* private bytes: avcC; packets length-prefixed */
#define KT_CODEC_ID_OPUS "A_OPUS"          /* private bytes: OpusHead, kt_opus_head */

/* All borrowed for the call that creates the writer. */
typedef struct KtFileTrack {
    const char *codec_id;         /* 3..KT_FILE_MAX_CODEC_ID_BYTES of ASCII; "V_…" or "A_…" */
    const uint8_t *codec_private; /* NULL: none */
    size_t codec_private_bytes;   /* 0..KT_FILE_MAX_PRIVATE_BYTES */
    const char *name; /* for people, UTF-8, 1..KT_FILE_MAX_NAME_BYTES bytes; NULL: none */
    uint64_t uid;     /* tells tracks of all files apart; 0: the track's number */
} KtFileTrack;

typedef struct KtFileConfig {
    int has_video, has_audio; /* at least one; video is track 1, audio the track after it */

    KtFileTrack video; /* has_video */
    int width, height; /* pixels, 1..16383 */
    int fps; /* nominal, 0..240; the patch states it where every picture of the file kept to it
                within a millisecond. 0: never */
    int has_color; /* 0: nothing is said of it; 1: limited range, BT.709 but for the matrix */
    KtColorMatrix matrix;

    KtFileTrack audio;  /* has_audio */
    int sample_rate_hz; /* 1..384,000 */
    int channels;       /* 1..8 */
    int audio_pre_skip; /* samples of it that a decoder drops first, 0..65535 */

    int64_t max_cluster_us; /* 20,000 .. 5,000,000; design: 250,000 */
    int64_t date_unix_us;   /* 0: left out */
    const char *app_name;   /* 1..63 bytes, borrowed likewise; NULL: "Keeptake" */
} KtFileConfig;

/* ---- what comes out ---- */

typedef enum KtChunkKind {
    KT_CHUNK_HEADER = 0,
    KT_CHUNK_CLUSTER = 1,
    KT_CHUNK_INDEX = 2,
    KT_CHUNK_PATCH = 3, /* replaces the header; offset 0 */
} KtChunkKind;

typedef struct KtChunk {
    KtChunkKind kind;
    uint32_t sequence;   /* 0, 1, 2 … over all chunks of a take */
    int64_t offset;      /* of the first byte in the file */
    const uint8_t *data; /* borrowed until it is popped */
    size_t bytes;
    int64_t start_us, end_us; /* take time covered; clusters only */
    int keyframe;   /* clusters: has a cue point {start_us, offset}. With video: begins with a
                       video keyframe; without: about one a second */
    uint32_t crc32; /* of data, as zlib's crc32 */
} KtChunk;

/* A point of the index. */
typedef struct KtFileCue {
    int64_t time_us;        /* start of the cluster */
    int64_t cluster_offset; /* in the file */
} KtFileCue;

/* ---- the port ---- */

/* Containers by the number that journals keep: never changed, never used again. */
typedef enum KtContainer {
    KT_CONTAINER_WEBM = 0,
} KtContainer;

typedef struct KtFileFormat KtFileFormat;

/* A writer of any container; its first member. */
typedef struct KtFileWriter {
    const KtFileFormat *format;
} KtFileWriter;

/* Each function is told of at its counterpart below, or in webm_writer.h and webm_patch.h. */
struct KtFileFormat {
    KtContainer container;
    const char *name; /* "webm" */

    KtStatus (*create)(const KtFileConfig *config, KtFileWriter **out);
    void (*destroy)(KtFileWriter **writer);
    KtStatus (*add)(KtFileWriter *w, const KtPacket *packet);
    KtStatus (*resize)(KtFileWriter *w, int width, int height);
    KtStatus (*flush)(KtFileWriter *w);
    KtStatus (*finish)(KtFileWriter *w, int64_t duration_us);
    KtStatus (*peek)(KtFileWriter *w, KtChunk *out);
    KtStatus (*pop)(KtFileWriter *w);
    int64_t (*bytes)(const KtFileWriter *w);

    /* Of a file without its writer. */
    int64_t (*index_bytes)(const KtFileCue *cues, size_t count);
    int64_t (*write_index)(const KtFileCue *cues, size_t count, uint8_t *out, size_t out_bytes);
    KtStatus (*patch_header)(uint8_t header[KT_FILE_HEADER_BYTES], int64_t duration_us,
                             int64_t index_offset, int64_t file_bytes);
    int (*is_header)(const uint8_t *data, size_t bytes);
    /* What a header says: duration_us -1 and sizes 0 where it says nothing. OK, ERR_MEMORY. */
    KtStatus (*read_header)(const uint8_t header[KT_FILE_HEADER_BYTES], int64_t *duration_us,
                            int *width, int *height);
    /* Copies what only the writer knew at the end (the rate, the size of pictures) from its patch
     * into another header of the same file. */
    void (*copy_stated)(uint8_t header[KT_FILE_HEADER_BYTES],
                        const uint8_t patch[KT_FILE_HEADER_BYTES]);
};

/* The format of that number; NULL: this build does not know it. */
const KtFileFormat *kt_file_format(int container);

/* ERR_ARG (format NULL, a field outside its range), ERR_MEMORY. The header chunk waits at once. */
KtStatus kt_file_writer_create(const KtFileFormat *format, const KtFileConfig *config,
                               KtFileWriter **out);
void kt_file_writer_destroy(KtFileWriter **writer);
/* As kt_webm_writer_add, _resize, _flush, _finish, _peek, _pop, _bytes. */
KtStatus kt_file_writer_add(KtFileWriter *w, const KtPacket *packet);
KtStatus kt_file_writer_resize(KtFileWriter *w, int width, int height);
KtStatus kt_file_writer_flush(KtFileWriter *w);
KtStatus kt_file_writer_finish(KtFileWriter *w, int64_t duration_us);
KtStatus kt_file_writer_peek(KtFileWriter *w, KtChunk *out);
KtStatus kt_file_writer_pop(KtFileWriter *w);
int64_t kt_file_writer_bytes(const KtFileWriter *w);

#ifdef __cplusplus
}
#endif
#endif
