/* A take file in the making: encoder port and sound track in front of the writer. */
#include "keeptake/take.h"

#include <stdlib.h>
#include <string.h>

#include "take_file.h"
#include "take_sound.h"

#define FIRST_DURATION_US INT64_C(33333)
#define MAX_WAIT_US INT64_C(1000000)
/* Take times beyond it are a mistake: 10,000 days, as the writer's. */
#define MAX_PTS_US INT64_C(864000000000000)
/* A jump of sound this far ahead is a gap for the mixer, too: what lies before it is read first, so
 * that it never holds more than it can. */
#define SOUND_GAP_US INT64_C(100000)
#define SOUND_PIECE_US INT64_C(500000)

typedef enum TakeState { TAKE_OPEN, TAKE_ENDING, TAKE_FINISHED } TakeState;

struct KtTake {
    /* Fixed at creation. */
    int64_t sound_wait_us;
    int encodes_sound;
    KtMixer *mixer; /* of the one source 0; NULL unless encodes_sound, as the two below */

    /* Changes while running. */
    TakeState state;
    KtTakeFile file;
    KtVideoPort video;
    int width, height; /* of the encoder's pictures */
    int64_t last_pts_us, last_duration_us;
    int force_keyframe; /* the next picture taken becomes one */
    KtSoundTrack sound;
    int64_t heard_us; /* take time at which the sound that was pushed ends */
    int64_t popped_bytes;
    KtStatus failure; /* of an encoder while the take ends */
};

void kt_take_config_init(KtTakeConfig *config)
{
    if (!config)
        return;
    memset(config, 0, sizeof *config);
    config->file.has_color = 1;
    config->file.matrix = KT_COLOR_BT709;
    config->file.max_cluster_us = 250000;
    config->audio_bitrate_bps = 128000;
    config->audio_wait_us = 500000;
}

static KtStatus add_sound(void *context, const KtPacket *packet)
{
    KtTake *t = context;
    return kt__take_file_add(&t->file, packet);
}

static KtStatus part_ends(void *context)
{
    KtTake *t = context;
    return kt__take_file_flush(&t->file);
}

/* Asks the encoder what its packets are, where the configuration leaves that open. One that does
 * not know yet tells later. */
static KtStatus ask_format(const KtVideoPort *video, KtFileConfig *file)
{
    KtVideoFormat format = {0};
    if (!file->has_video || file->video.codec_id)
        return KT_OK;
    if (!video->calls || !video->calls->format)
        return KT_ERR_ARG;
    const KtStatus status = video->calls->format(video->context, &format);
    if (status != KT_OK)
        return status == KT_AGAIN ? KT_OK : status;
    file->video.codec_id = format.codec_id;
    file->video.codec_private = format.codec_private;
    file->video.codec_private_bytes = format.codec_private_bytes;
    return KT_OK;
}

/* What encodes sound; file: told what it makes; head is filled and lives as long as file. */
static KtStatus open_sound(KtTake *t, int bitrate_bps, uint8_t head[KT_OPUS_HEAD_BYTES],
                           KtFileConfig *file)
{
    const KtSoundSink sink = {t, add_sound, part_ends};
    KtStatus status = kt_mixer_create(&t->mixer);
    if (status != KT_OK)
        return status;
    int handle = kt_mixer_add_source(t->mixer);
    if (handle < 0)
        return (KtStatus)handle;
    kt__sound_init(&t->sound, t->mixer, bitrate_bps, sink);
    status = kt__sound_open(&t->sound);
    if (status != KT_OK)
        return status;
    kt__sound_begin(&t->sound, 0);
    kt__sound_describe(&t->sound, head, file);
    return KT_OK;
}

KtStatus kt_take_create(const KtTakeConfig *config, KtTake **out)
{
    if (!config || !out || config->audio_wait_us < 0 || config->audio_wait_us > MAX_WAIT_US ||
        (config->video.calls && !config->file.has_video))
        return KT_ERR_ARG;
    const KtFileFormat *format = kt_file_format((int)config->container);
    KtFileConfig file = config->file;
    uint8_t head[KT_OPUS_HEAD_BYTES];
    KtTake *t = calloc(1, sizeof *t);
    if (!t)
        return KT_ERR_MEMORY;
    t->sound_wait_us = config->audio_wait_us;
    t->encodes_sound = file.has_audio && config->audio_bitrate_bps != 0;
    t->width = file.width;
    t->height = file.height;
    t->last_pts_us = -1;
    t->last_duration_us = file.fps > 0 ? 1000000 / file.fps : FIRST_DURATION_US;
    KtStatus status = ask_format(&config->video, &file);
    if (status == KT_OK && t->encodes_sound)
        status = open_sound(t, config->audio_bitrate_bps, head, &file);
    if (status == KT_OK)
        status = kt__take_file_open(&t->file, format, &file);
    if (status != KT_OK)
        goto fail;
    t->video = config->video;
    *out = t;
    return KT_OK;
fail:
    kt_take_destroy(&t);
    return status;
}

void kt_take_destroy(KtTake **take)
{
    if (!take || !*take)
        return;
    KtTake *t = *take;
    kt_video_port_destroy(&t->video);
    kt__sound_reset(&t->sound);
    kt_mixer_destroy(&t->mixer);
    kt__take_file_reset(&t->file);
    free(t);
    *take = NULL;
}

/* ---- pictures ---- */

/* The encoder says what its packets are, with the first one at the latest; it may come after
 * packet, whose data stays valid. */
static KtStatus describe(KtTake *t)
{
    KtVideoFormat format = {0};
    if (t->file.writer)
        return KT_OK;
    if (!t->video.calls->format)
        return KT_ERR_CODEC;
    const KtStatus status = t->video.calls->format(t->video.context, &format);
    if (status != KT_OK)
        return status == KT_AGAIN ? KT_ERR_CODEC : status;
    return kt__take_file_describe(&t->file, &format);
}

static KtStatus take_packets(KtTake *t)
{
    KtStatus status = KT_OK;
    while (t->video.calls && status == KT_OK) {
        KtPacket packet;
        status = t->video.calls->packet(t->video.context, &packet);
        packet.track = KT_TRACK_VIDEO;
        if (status == KT_OK)
            status = describe(t);
        if (status == KT_OK)
            status = kt__take_file_add(&t->file, &packet);
    }
    return status == KT_AGAIN ? KT_OK : status;
}

/* Sound that has not come although pictures are far beyond its time is silence. */
static KtStatus keep_up_sound(KtTake *t, int64_t pts_us)
{
    return t->encodes_sound ? kt__sound_run(&t->sound, pts_us - t->sound_wait_us) : KT_OK;
}

static KtStatus fit_size(KtTake *t, const KtFrame *frame)
{
    if (frame->width == t->width && frame->height == t->height)
        return KT_OK;
    if (!t->video.calls->resize)
        return KT_ERR_ARG;
    /* What the encoder still has is of the size before. */
    KtStatus status = take_packets(t);
    if (status == KT_OK)
        status = t->video.calls->resize(t->video.context, frame->width, frame->height);
    if (status != KT_OK)
        return status;
    t->width = frame->width;
    t->height = frame->height;
    t->force_keyframe = 1;
    return kt__take_file_resize(&t->file, frame->width, frame->height);
}

KtStatus kt_take_picture(KtTake *t, const KtFrame *frame, int64_t pts_us, int64_t duration_us,
                         int force_keyframe)
{
    if (!t || !frame || pts_us < 0 || pts_us > MAX_PTS_US || duration_us < 0)
        return KT_ERR_ARG;
    if (t->state != TAKE_OPEN || !t->video.calls)
        return KT_ERR_STATE;
    if (pts_us <= t->last_pts_us)
        return KT_ERR_ORDER;
    if (duration_us == 0)
        duration_us = t->last_pts_us < 0 ? t->last_duration_us : pts_us - t->last_pts_us;
    t->force_keyframe |= force_keyframe;
    KtStatus status = fit_size(t, frame);
    if (status == KT_OK)
        status =
            t->video.calls->submit(t->video.context, frame, pts_us, duration_us, t->force_keyframe);
    if (status != KT_OK)
        return status;
    t->force_keyframe = 0;
    t->last_pts_us = pts_us;
    t->last_duration_us = duration_us;
    status = take_packets(t);
    return status == KT_OK ? keep_up_sound(t, pts_us) : status;
}

KtStatus kt_take_pump(KtTake *t)
{
    if (!t)
        return KT_ERR_ARG;
    return t->state == TAKE_OPEN ? take_packets(t) : KT_OK;
}

KtStatus kt_take_tune(KtTake *t, const KtVideoTuning *tuning)
{
    if (!t || !tuning)
        return KT_ERR_ARG;
    if (!t->video.calls || !t->video.calls->tune)
        return KT_OK;
    return t->video.calls->tune(t->video.context, tuning);
}

KtStatus kt_take_replace_encoder(KtTake *t, const KtVideoPort *video)
{
    if (!t || !video || !video->calls)
        return KT_ERR_ARG;
    if (t->state != TAKE_OPEN || !t->video.calls || (!t->file.writer && !video->calls->format))
        return KT_ERR_STATE;
    take_packets(t); /* it may well be broken */
    kt_video_port_destroy(&t->video);
    t->video = *video;
    t->force_keyframe = 1;
    return KT_OK;
}

/* ---- sound and packets ---- */

/* One piece, no longer than the mixer holds beside what waits. */
static KtStatus hear(KtTake *t, int64_t pts_us, int rate_hz, int channels, const float *const *pcm,
                     int frames)
{
    KtStatus status = KT_OK;
    if (pts_us > t->heard_us + SOUND_GAP_US)
        status = kt__sound_run(&t->sound, pts_us - SOUND_GAP_US);
    if (status == KT_OK)
        status = kt_mixer_push(t->mixer, 0, pts_us, rate_hz, channels, pcm, frames);
    if (status != KT_OK)
        return status;
    const int64_t end_us = pts_us + (int64_t)frames * 1000000 / rate_hz;
    if (end_us > t->heard_us)
        t->heard_us = end_us;
    const int64_t ready_us = kt_mixer_ready_us(t->mixer, -MAX_PTS_US);
    return kt__sound_run(&t->sound, ready_us < t->heard_us ? ready_us : t->heard_us);
}

KtStatus kt_take_sound(KtTake *t, int64_t pts_us, int rate_hz, int channels,
                       const float *const *pcm, int frames)
{
    if (!t || !pcm || pts_us < -MAX_PTS_US || pts_us > MAX_PTS_US || rate_hz <= 0 || channels < 1 ||
        channels > 8 || frames < 1 || frames > KT_MIX_MAX_PUSH_FRAMES)
        return KT_ERR_ARG;
    if (t->state != TAKE_OPEN || !t->encodes_sound)
        return KT_ERR_STATE;
    const int most = (int)(rate_hz * SOUND_PIECE_US / 1000000) + 1;
    for (int done = 0; done < frames;) {
        const int count = frames - done < most ? frames - done : most;
        const float *piece[8];
        for (int c = 0; c < channels; c++)
            piece[c] = pcm[c] + done;
        const KtStatus status =
            hear(t, pts_us + (int64_t)done * 1000000 / rate_hz, rate_hz, channels, piece, count);
        if (status != KT_OK)
            return status;
        done += count;
    }
    return KT_OK;
}

KtStatus kt_take_packet(KtTake *t, const KtPacket *packet)
{
    if (!t || !packet)
        return KT_ERR_ARG;
    if (t->state != TAKE_OPEN)
        return KT_ERR_STATE;
    if (packet->track == KT_TRACK_VIDEO ? t->video.calls != NULL : t->encodes_sound)
        return KT_ERR_STATE;
    return kt__take_file_add(&t->file, packet);
}

KtStatus kt_take_resize(KtTake *t, int width, int height)
{
    if (!t)
        return KT_ERR_ARG;
    if (t->state != TAKE_OPEN || t->video.calls)
        return KT_ERR_STATE;
    return kt__take_file_resize(&t->file, width, height);
}

/* ---- the end ---- */

KtStatus kt_take_flush(KtTake *t)
{
    return t ? kt__take_file_flush(&t->file) : KT_ERR_ARG;
}

/* KT_AGAIN: the encoder is still busy. What fails is kept in t->failure. */
static KtStatus drain_video(KtTake *t)
{
    if (!t->video.calls)
        return KT_OK;
    KtStatus drained = t->video.calls->drain(t->video.context);
    KtStatus status = take_packets(t);
    if (status == KT_OK && drained == KT_AGAIN)
        return KT_AGAIN;
    if (status == KT_OK && drained < 0)
        status = drained;
    if (status < 0 && t->failure == KT_OK)
        t->failure = status;
    kt_video_port_destroy(&t->video);
    return KT_OK;
}

/* Where the take ends that nobody gave a length; 0: as the packets say. */
static int64_t natural_end(const KtTake *t)
{
    const int64_t shown_us = t->last_pts_us < 0 ? 0 : t->last_pts_us + t->last_duration_us;
    if (!t->encodes_sound)
        return 0;
    return shown_us > t->heard_us ? shown_us : t->heard_us;
}

KtStatus kt_take_finish(KtTake *t, int64_t duration_us)
{
    if (!t || duration_us < 0 || duration_us > MAX_PTS_US)
        return KT_ERR_ARG;
    if (t->state == TAKE_FINISHED)
        return KT_ERR_STATE;
    t->state = TAKE_ENDING;
    if (drain_video(t) == KT_AGAIN)
        return KT_AGAIN;
    if (duration_us == 0)
        duration_us = natural_end(t);
    KtStatus status = t->encodes_sound ? kt__sound_finish(&t->sound, duration_us) : KT_OK;
    if (status < 0 && t->failure == KT_OK)
        t->failure = status;
    status = kt__take_file_finish(&t->file, duration_us);
    t->state = TAKE_FINISHED;
    return t->failure != KT_OK ? t->failure : status;
}

KtStatus kt_take_peek_chunk(const KtTake *t, KtChunk *out)
{
    if (!t)
        return KT_ERR_ARG;
    if (t->state == TAKE_FINISHED && !t->file.writer)
        return KT_END; /* there was nothing to make a file of */
    return kt__take_file_peek(&t->file, out);
}

KtStatus kt_take_pop_chunk(KtTake *t)
{
    KtChunk chunk;
    if (!t)
        return KT_ERR_ARG;
    if (kt_take_peek_chunk(t, &chunk) != KT_OK)
        return KT_ERR_STATE;
    if (chunk.kind != KT_CHUNK_PATCH)
        t->popped_bytes += (int64_t)chunk.bytes;
    return kt_file_writer_pop(t->file.writer);
}

int64_t kt_take_bytes(const KtTake *t)
{
    return t && t->file.writer ? kt_file_writer_bytes(t->file.writer) : 0;
}

int64_t kt_take_waiting_bytes(const KtTake *t)
{
    return t ? kt_take_bytes(t) - t->popped_bytes : 0;
}
