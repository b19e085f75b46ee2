/* WebM behind the port of file_writer.h. */
#include <stddef.h>

#include "keeptake/webm_reader.h"
#include "webm_writer_mux.h"

static KtWebmWriter *webm_of(KtFileWriter *w)
{
    return (KtWebmWriter *)(void *)w; /* its first member */
}

static KtStatus create(const KtFileConfig *config, KtFileWriter **out)
{
    KtWebmWriter *w = NULL;
    if (!out)
        return KT_ERR_ARG;
    const KtStatus status = kt_webm_writer_create(config, &w);
    if (status == KT_OK)
        *out = (KtFileWriter *)(void *)w;
    return status;
}

static void destroy(KtFileWriter **writer)
{
    KtWebmWriter *w = webm_of(*writer);
    kt_webm_writer_destroy(&w);
    *writer = NULL;
}

static KtStatus add(KtFileWriter *w, const KtPacket *packet)
{
    return kt_webm_writer_add(webm_of(w), packet);
}

static KtStatus resize(KtFileWriter *w, int width, int height)
{
    return kt_webm_writer_resize(webm_of(w), width, height);
}

static KtStatus flush(KtFileWriter *w)
{
    return kt_webm_writer_flush(webm_of(w));
}

static KtStatus finish(KtFileWriter *w, int64_t duration_us)
{
    return kt_webm_writer_finish(webm_of(w), duration_us);
}

static KtStatus peek(KtFileWriter *w, KtChunk *out)
{
    return kt_webm_writer_peek(webm_of(w), out);
}

static KtStatus pop(KtFileWriter *w)
{
    return kt_webm_writer_pop(webm_of(w));
}

static int64_t bytes_of(const KtFileWriter *w)
{
    return kt_webm_writer_bytes((const KtWebmWriter *)(const void *)w);
}

static KtStatus read_header(const uint8_t header[KT_WEBM_HEADER_BYTES], int64_t *duration_us,
                            int *width, int *height)
{
    KtWebmReader *reader = NULL;
    KtWebmEvent event;
    KtWebmTrackInfo track;
    *duration_us = -1;
    *width = *height = 0;
    KtStatus status = kt_webm_reader_create(&reader);
    if (status != KT_OK)
        return status;
    size_t fed = 0;
    while (status == KT_OK) {
        const int64_t taken = kt_webm_reader_feed(reader, header + fed, KT_WEBM_HEADER_BYTES - fed);
        status = taken < 0 ? (KtStatus)taken : KT_OK;
        fed += taken > 0 ? (size_t)taken : 0;
        while (status == KT_OK && (status = kt_webm_reader_next(reader, &event)) == KT_OK)
            ;
        status = status == KT_AGAIN && fed < KT_WEBM_HEADER_BYTES ? KT_OK : status;
    }
    *duration_us = kt_webm_reader_duration_us(reader);
    for (int i = 0; i < kt_webm_reader_track_count(reader); i++) {
        if (kt_webm_reader_track(reader, i, &track) == KT_OK && track.is_video) {
            *width = track.width;
            *height = track.height;
        }
    }
    kt_webm_reader_destroy(&reader);
    return status == KT_ERR_MEMORY ? status : KT_OK;
}

const KtFileFormat kt_webm_format = {
    .container = KT_CONTAINER_WEBM,
    .name = "webm",
    .create = create,
    .destroy = destroy,
    .add = add,
    .resize = resize,
    .flush = flush,
    .finish = finish,
    .peek = peek,
    .pop = pop,
    .bytes = bytes_of,
    .index_bytes = kt_webm_cues_bytes,
    .write_index = kt_webm_write_cues,
    .patch_header = kt_webm_patch_header,
    .is_header = kt_webm_is_header,
    .read_header = read_header,
    .copy_stated = kt_webm_copy_stated,
};
