/* The one place that knows libopus: its errors become ours, its memory is owned here. */
#include "keeptake/audio_encoder.h"

#include <math.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#define RATE_HZ 48000
#define CHANNELS 2
#define MAX_PACKET 1500 /* 510 kbit/s for 20 ms is 1275 bytes */
#define FRAME_US 20000
#define MIN_BPS 6000
#define MAX_BPS 510000

struct KtAudioEncoder {
    /* Fixed at creation. */
    KtAudioEncoderConfig config;
    int pre_skip;
    OpusEncoder *opus;
    /* Changes while running. */
    int failed; /* the codec's state is unknown: only restart and destroy work */
    int64_t frames;
    uint8_t packet[MAX_PACKET];
};

/* The codec's memory stays; everything it remembers goes. */
static KtStatus encoder_init(KtAudioEncoder *e)
{
    opus_int32 skip = 0;
    if (opus_encoder_init(e->opus, RATE_HZ, CHANNELS, OPUS_APPLICATION_AUDIO) != OPUS_OK ||
        opus_encoder_ctl(e->opus, OPUS_SET_BITRATE(e->config.bitrate_bps)) != OPUS_OK ||
        opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY(e->config.complexity)) != OPUS_OK ||
        opus_encoder_ctl(e->opus, OPUS_SET_VBR(1)) != OPUS_OK ||
        opus_encoder_ctl(e->opus, OPUS_GET_LOOKAHEAD(&skip)) != OPUS_OK)
        return KT_ERR_CODEC;
    e->pre_skip = (int)skip;
    e->frames = 0;
    e->failed = 0;
    return KT_OK;
}

KtStatus kt_audio_encoder_create(const KtAudioEncoderConfig *config, KtAudioEncoder **out)
{
    KtStatus status = KT_ERR_MEMORY;
    if (!config || !out || config->bitrate_bps < MIN_BPS || config->bitrate_bps > MAX_BPS ||
        config->complexity < 0 || config->complexity > 10)
        return KT_ERR_ARG;
    KtAudioEncoder *e = calloc(1, sizeof(*e));
    if (!e)
        return KT_ERR_MEMORY;
    e->config = *config;
    e->opus = malloc((size_t)opus_encoder_get_size(CHANNELS));
    if (!e->opus)
        goto fail;
    status = encoder_init(e);
    if (status < 0)
        goto fail;
    *out = e;
    return KT_OK;
fail:
    kt_audio_encoder_destroy(&e);
    return status;
}

void kt_audio_encoder_destroy(KtAudioEncoder **encoder)
{
    if (!encoder || !*encoder)
        return;
    free((*encoder)->opus);
    free(*encoder);
    *encoder = NULL;
}

int kt_audio_encoder_pre_skip(const KtAudioEncoder *e)
{
    return e->pre_skip;
}

void kt_audio_encoder_head(const KtAudioEncoder *e, uint8_t head[KT_OPUS_HEAD_BYTES])
{
    kt_opus_head(CHANNELS, e->pre_skip, RATE_HZ, head);
}

static int all_finite(const float *pcm)
{
    int finite = 1;
    for (int i = 0; i < CHANNELS * KT_AUDIO_FRAME_SAMPLES; i++)
        finite &= isfinite(pcm[i]) != 0;
    return finite;
}

KtStatus kt_audio_encoder_encode(KtAudioEncoder *e, const float *pcm, KtPacket *out)
{
    if (!pcm || !out || !all_finite(pcm))
        return KT_ERR_ARG;
    if (e->failed)
        return KT_ERR_CODEC;
    opus_int32 bytes =
        opus_encode_float(e->opus, pcm, KT_AUDIO_FRAME_SAMPLES, e->packet, MAX_PACKET);
    if (bytes <= 0) {
        e->failed = 1;
        return KT_ERR_CODEC;
    }
    out->track = KT_TRACK_AUDIO;
    out->data = e->packet;
    out->bytes = (size_t)bytes;
    out->pts_us = e->frames++ * FRAME_US;
    out->duration_us = FRAME_US;
    out->keyframe = 1;
    return KT_OK;
}

KtStatus kt_audio_encoder_restart(KtAudioEncoder *e)
{
    KtStatus status = encoder_init(e);
    e->failed = status < 0;
    return status;
}
