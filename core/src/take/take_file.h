/* The file of a take. It begins as soon as it is known what its pictures are: at once, or with the
 * first packet of an encoder that tells no earlier (H.264's private bytes). Until then sound waits
 * here. */
#ifndef KEEPTAKE_SRC_TAKE_FILE_H
#define KEEPTAKE_SRC_TAKE_FILE_H

#include "keeptake/file_writer.h"
#include "keeptake/video_port.h"
#include "packet_queue.h"

#define KT__HELD_PACKETS 500 /* 10 s of sound */

typedef struct KtTakeFile {
    KtFileWriter *writer; /* NULL: not begun */

    /* Until it begins: what it will be, its strings kept in text. */
    const KtFileFormat *format;
    KtFileConfig config;
    char *text;
    int width, height; /* of the newest pictures */
    KtPacketQueue held;
    int held_count;
} KtTakeFile;

/* f: zero-filled. config->video.codec_id NULL, with has_video: kt__take_file_describe will tell.
 * ERR_ARG, ERR_MEMORY. */
KtStatus kt__take_file_open(KtTakeFile *f, const KtFileFormat *format, const KtFileConfig *config);
void kt__take_file_reset(KtTakeFile *f);
/* What the pictures are; the file begins. Nothing happens where it has begun. ERR_ARG, ERR_MEMORY.
 */
KtStatus kt__take_file_describe(KtTakeFile *f, const KtVideoFormat *video);

/* As kt_file_writer_*. Before the beginning: add keeps sound (ERR_LIMIT: too much), a picture is
 * ERR_STATE; flush does nothing; peek says KT_AGAIN. */
KtStatus kt__take_file_add(KtTakeFile *f, const KtPacket *packet);
KtStatus kt__take_file_resize(KtTakeFile *f, int width, int height);
KtStatus kt__take_file_flush(KtTakeFile *f);
KtStatus kt__take_file_peek(const KtTakeFile *f, KtChunk *out);
/* Pictures that never came leave a file of sound; where there is to be none: ERR_CODEC. */
KtStatus kt__take_file_finish(KtTakeFile *f, int64_t duration_us);

#endif
