/* The scan of a take on any bytes, behind the header of a take where the first byte says so. What
 * it finds must be enough to make the file that a salvage makes of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "take/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static uint8_t *make_header(void)
{
    static uint8_t header[KT_WEBM_HEADER_BYTES];
    const KtFileConfig c = {.has_video = 1,
                            .video = {.codec_id = KT_CODEC_ID_VP9},
                            .width = 64,
                            .height = 64,
                            .fps = 30,
                            .max_cluster_us = 250000};
    KtWebmWriter *w = NULL;
    KtChunk chunk;
    require(kt_webm_writer_create(&c, &w) == KT_OK && kt_webm_writer_peek(w, &chunk) == KT_OK);
    memcpy(header, chunk.data, sizeof header);
    kt_webm_writer_destroy(&w);
    return header;
}

static void check(TakeScanResult *r, int64_t fed)
{
    require(r->valid_bytes >= 0 && r->valid_bytes <= fed && r->duration_us >= 0);
    require((r->clusters > 0) == (r->valid_bytes > 0) && r->cue_count <= TAKE_SCAN_MAX_CUES);
    for (size_t i = 0; i < r->cue_count; i++) {
        require(r->cues[i].cluster_offset < r->valid_bytes && r->cues[i].time_us >= 0);
        require(i == 0 || r->cues[i].cluster_offset > r->cues[i - 1].cluster_offset);
    }
    if (r->clusters == 0 ||
        kt_webm_patch_header(r->header, r->duration_us, -1, r->valid_bytes) != KT_OK ||
        r->cue_count == 0)
        return;
    const int64_t bytes = kt_webm_cues_bytes(r->cues, r->cue_count);
    require(bytes > 0);
    uint8_t *cues = malloc((size_t)bytes);
    require(kt_webm_write_cues(r->cues, r->cue_count, cues, (size_t)bytes) == bytes);
    require(kt_webm_patch_header(r->header, r->duration_us, r->valid_bytes,
                                 r->valid_bytes + bytes) == KT_OK);
    free(cues);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *header;
    if (size == 0)
        return 0;
    if (!header)
        header = make_header();
    TakeScan *s = take_scan_create();
    TakeScanResult r;
    KtStatus status = data[0] & 1 ? take_scan_feed(s, header, KT_WEBM_HEADER_BYTES) : KT_OK;
    int64_t fed = data[0] & 1 ? KT_WEBM_HEADER_BYTES : 0;
    for (size_t at = 1, piece = 1 + data[0]; at < size && status == KT_OK; at += piece) {
        piece = size - at < piece ? size - at : piece;
        status = take_scan_feed(s, data + at, piece);
        fed += (int64_t)piece;
    }
    require(status == KT_OK || status == KT_END);
    take_scan_finish(s, &r);
    check(&r, fed);
    take_scan_destroy(&s);
    return 0;
}
