/* libvpx as anybody would call it for real time: its own defaults, one pass at a constant bitrate.
 * What keeptake's encoder is measured beside. */
#ifndef KEEPTAKE_BENCH_STOCK_ENCODER_H
#define KEEPTAKE_BENCH_STOCK_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/video_encoder.h"

typedef struct StockEncoder StockEncoder;

/* Of the configuration: codec, size, fps, bitrate, speed. NULL: libvpx refuses. */
StockEncoder *stock_encoder_create(const KtVideoEncoderConfig *config);
void stock_encoder_destroy(StockEncoder **encoder);
/* Encodes picture n, I420 without gaps. Returns its packet, valid until the next call, with its
 * size in *bytes; NULL: an error, or the picture was dropped. */
const uint8_t *stock_encoder_encode(StockEncoder *e, int n, uint8_t *picture, size_t *bytes);

#endif
