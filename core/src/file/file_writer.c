/* The port of file_writer.h: the containers there are, and the way to each. */
#include "keeptake/file_writer.h"

#include "keeptake/webm_writer.h"

const KtFileFormat *kt_file_format(int container)
{
    return container == KT_CONTAINER_WEBM ? &kt_webm_format : NULL;
}

KtStatus kt_file_writer_create(const KtFileFormat *format, const KtFileConfig *config,
                               KtFileWriter **out)
{
    return format ? format->create(config, out) : KT_ERR_ARG;
}

void kt_file_writer_destroy(KtFileWriter **writer)
{
    if (writer && *writer)
        (*writer)->format->destroy(writer);
}

KtStatus kt_file_writer_add(KtFileWriter *w, const KtPacket *packet)
{
    return w ? w->format->add(w, packet) : KT_ERR_ARG;
}

KtStatus kt_file_writer_resize(KtFileWriter *w, int width, int height)
{
    return w ? w->format->resize(w, width, height) : KT_ERR_ARG;
}

KtStatus kt_file_writer_flush(KtFileWriter *w)
{
    return w ? w->format->flush(w) : KT_ERR_ARG;
}

KtStatus kt_file_writer_finish(KtFileWriter *w, int64_t duration_us)
{
    return w ? w->format->finish(w, duration_us) : KT_ERR_ARG;
}

KtStatus kt_file_writer_peek(KtFileWriter *w, KtChunk *out)
{
    return w ? w->format->peek(w, out) : KT_ERR_ARG;
}

KtStatus kt_file_writer_pop(KtFileWriter *w)
{
    return w ? w->format->pop(w) : KT_ERR_ARG;
}

int64_t kt_file_writer_bytes(const KtFileWriter *w)
{
    return w ? w->format->bytes(w) : 0;
}
