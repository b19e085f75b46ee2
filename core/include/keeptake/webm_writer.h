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

#include "keeptake/file_writer.h"
#include "keeptake/webm_patch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Packets of one track may be ahead of the other's by this much take time; then they no longer
 * wait. */
#define KT_WEBM_INTERLEAVE_US 1000000
/* Largest packet. */
#define KT_WEBM_MAX_PACKET_BYTES (16u << 20)
/* Chunks that wait to be popped hold at most about this many bytes. The recorder drops pictures
 * from 64 MiB on; the rest is room for a quarter of an hour of sound. */
#define KT_WEBM_MAX_WAITING_BYTES (80u << 20)

typedef struct KtWebmWriter KtWebmWriter;

/* ERR_ARG, ERR_MEMORY. The header chunk waits at once. */
KtStatus kt_webm_writer_create(const KtFileConfig *config, KtWebmWriter **out);
/* Also with chunks waiting, which are dropped. */
void kt_webm_writer_destroy(KtWebmWriter **writer);

/* Adds a packet (copied). The first video packet must be a keyframe: ERR_ARG. Timestamps of a track
 * must not go back: ERR_ORDER. An Opus packet of duration_us 0 is as long as it says itself; one
 * that is none: ERR_FORMAT. The two tracks may interleave by up to KT_WEBM_INTERLEAVE_US; the
 * writer sorts them, video first where they are equal. What comes later than that, or after a
 * flush, is written where the file stands (ERR_ORDER where it is 32 s late). A cluster ends when it
 * would become longer than max_cluster_us, as soon as that is certain for packets as long as those
 * before, or at a video keyframe. The last audio packet always
 * waits for the next one, since finish may have to trim it. ERR_STATE (after finish), ERR_LIMIT
 * (packet too large, or pop chunks first). After ERR_MEMORY the writer returns that status for
 * good; chunks that wait can still be popped and are whole. */
KtStatus kt_webm_writer_add(KtWebmWriter *w, const KtPacket *packet);
/* From the next video keyframe on pictures have that size, 1..16383 a side. The header states at
 * the end the size of the largest picture. ERR_ARG, ERR_STATE (no video, after finish). */
KtStatus kt_webm_writer_resize(KtWebmWriter *w, int width, int height);
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

/* Behind the port of file_writer.h. */
extern const KtFileFormat kt_webm_format;

#ifdef __cplusplus
}
#endif
#endif
