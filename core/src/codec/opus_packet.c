/* Opus packets from outside: their length by the table of contents, and the header they need. */
#include "keeptake/opus_packet.h"

#include <string.h>

#define MAX_PACKET_US 120000

/* Of one frame, by the upper five bits of the first byte (RFC 6716, table 2). */
static int64_t frame_us(unsigned config)
{
    static const int64_t silk_us[] = {10000, 20000, 40000, 60000};
    static const int64_t celt_us[] = {2500, 5000, 10000, 20000};
    if (config < 12)
        return silk_us[config % 4];
    if (config < 16) /* hybrid */
        return config % 2 ? 20000 : 10000;
    return celt_us[config % 4];
}

int64_t kt_opus_packet_us(const uint8_t *data, size_t bytes)
{
    if (!data)
        return KT_ERR_ARG;
    if (bytes == 0)
        return KT_ERR_FORMAT;
    const int64_t one_us = frame_us(data[0] >> 3);
    int64_t frames = (data[0] & 3) == 0 ? 1 : 2;
    if ((data[0] & 3) == 3) {
        if (bytes < 2)
            return KT_ERR_FORMAT;
        frames = data[1] & 0x3F;
    }
    return frames > 0 && frames * one_us <= MAX_PACKET_US ? frames * one_us : KT_ERR_FORMAT;
}

static void put_le(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

KtStatus kt_opus_head(int channels, int pre_skip, int rate_hz, uint8_t head[KT_OPUS_HEAD_BYTES])
{
    if (!head || channels < 1 || channels > 2 || pre_skip < 0 || pre_skip > 65535 || rate_hz < 0)
        return KT_ERR_ARG;
    memcpy(head, "OpusHead", 8);
    head[8] = 1; /* version */
    head[9] = (uint8_t)channels;
    put_le(head + 10, (uint32_t)pre_skip, 2);
    put_le(head + 12, (uint32_t)rate_hz, 4);
    put_le(head + 16, 0, 2); /* output gain */
    head[18] = 0;            /* mapping family: mono or stereo */
    return KT_OK;
}
