/* What an Opus packet says of itself, and the header of a file of such packets. No codec library.
 */
#ifndef KEEPTAKE_OPUS_PACKET_H
#define KEEPTAKE_OPUS_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KT_OPUS_HEAD_BYTES 19

/* How long the packet's sound is, microseconds: 2,500 .. 120,000, from its first bytes (RFC 6716,
 * 3.1 and 3.2.5). ERR_ARG (NULL), ERR_FORMAT (empty, or no Opus packet is that long). */
int64_t kt_opus_packet_us(const uint8_t *data, size_t bytes);

/* The OpusHead of RFC 7845, 5.1: mapping family 0, no gain.
 *   channels  1 or 2
 *   pre_skip  samples at 48 kHz that a decoder drops first, 0..65535
 *   rate_hz   of the sound before it was encoded; says nothing of the decoder's, which is 48,000
 * ERR_ARG. */
KtStatus kt_opus_head(int channels, int pre_skip, int rate_hz, uint8_t head[KT_OPUS_HEAD_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
