/* Finishing a WebM file without its writer, from what a journal or the reader knows: write the Cues
 * after the last whole cluster, then patch the header. The writer's own finish does the same, and
 * states rate and size. docs/take-file.md. */
#ifndef KEEPTAKE_WEBM_PATCH_H
#define KEEPTAKE_WEBM_PATCH_H

#include "keeptake/file_writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_WEBM_HEADER_BYTES KT_FILE_HEADER_BYTES

/* Bytes of the Cues element for count > 0 cues in file order, or ERR_ARG. */
int64_t kt_webm_cues_bytes(const KtFileCue *cues, size_t count);
/* Writes it to out. Returns the bytes written, or ERR_ARG, ERR_SPACE. */
int64_t kt_webm_write_cues(const KtFileCue *cues, size_t count, uint8_t *out, size_t out_bytes);
/* Patches a header chunk in place; a patched one may be patched again.
 *   duration_us  0: stays unknown
 *   cues_offset  of the Cues in the file, or -1 where there are none
 *   file_bytes   of the whole file, Cues included
 * ERR_ARG, ERR_FORMAT (not a header of this writer). */
KtStatus kt_webm_patch_header(uint8_t header[KT_WEBM_HEADER_BYTES], int64_t duration_us,
                              int64_t cues_offset, int64_t file_bytes);
/* Whether that is a header of our writer; 0 for NULL. */
int kt_webm_is_header(const uint8_t *data, size_t bytes);
/* States in a header that pictures come 1/fps apart (DefaultDuration), fps from 1 on. ERR_ARG:
 * that, or a header without a video track of this writer. */
KtStatus kt_webm_patch_rate(uint8_t header[KT_WEBM_HEADER_BYTES], int fps);
/* States the size of the pictures, 1..16383 a side. ERR_ARG: that, or a header without a video
 * track of this writer; ERR_FORMAT: an older writer's, whose
 * size has no room to change. */
KtStatus kt_webm_patch_size(uint8_t header[KT_WEBM_HEADER_BYTES], int width, int height);
/* Copies rate and size as they are stated, or not, in another header of the same file. */
void kt_webm_copy_stated(uint8_t header[KT_WEBM_HEADER_BYTES],
                         const uint8_t from[KT_WEBM_HEADER_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
