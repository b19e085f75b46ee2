/* The WebM reader on any bytes, given in pieces whose sizes the input's first byte chooses. Every
 * event must lie inside what was fed, and whole reading must agree with reading in pieces. */
#include <stdint.h>
#include <stdlib.h>

#include "keeptake/webm_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Sum {
    KtStatus last;
    int64_t events, valid_bytes;
    uint64_t hash;
} Sum;

static void require(int condition)
{
    if (!condition)
        abort();
}

static void add_event(Sum *s, const KtWebmEvent *e, int64_t fed)
{
    uint64_t touched = 0;
    for (size_t i = 0; i < e->data_bytes; i++)
        touched += e->data[i];
    if (e->kind != KT_WEBM_CUE) {
        require(e->offset >= 0 && e->bytes > 0 && e->offset + e->bytes <= fed);
    }
    s->events++;
    s->hash = (s->hash ^ touched ^ (uint64_t)e->pts_us ^ (uint64_t)e->offset << 20 ^
               (uint64_t)e->kind << 60) *
              UINT64_C(0x100000001B3);
}

static Sum read_pieces(const uint8_t *data, size_t size, size_t piece)
{
    Sum s = {.last = KT_AGAIN};
    KtWebmReader *r = NULL;
    KtWebmEvent e;
    size_t at = 0;
    int ended = 0;
    require(kt_webm_reader_create(&r) == KT_OK);
    while (1) {
        while ((s.last = kt_webm_reader_next(r, &e)) == KT_OK)
            add_event(&s, &e, (int64_t)at);
        if (s.last != KT_AGAIN)
            break;
        if (at == size) {
            require(!ended);
            ended = 1;
            kt_webm_reader_end(r);
            continue;
        }
        const int64_t n = kt_webm_reader_feed(r, data + at, size - at < piece ? size - at : piece);
        require(n > 0 && (size_t)n <= size - at);
        at += (size_t)n;
    }
    s.valid_bytes = kt_webm_reader_valid_bytes(r);
    require(s.valid_bytes >= 0 && s.valid_bytes <= (int64_t)at);
    for (int i = 0; i < kt_webm_reader_track_count(r); i++) {
        KtWebmTrackInfo t;
        require(kt_webm_reader_track(r, i, &t) == KT_OK && t.number > 0);
    }
    kt_webm_reader_destroy(&r);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const Sum whole = read_pieces(data + 1, size - 1, 1 << 30);
    const Sum split = read_pieces(data + 1, size - 1, 1 + data[0]);
    require(whole.last == split.last && whole.events == split.events && whole.hash == split.hash &&
            whole.valid_bytes == split.valid_bytes);
    return 0;
}
