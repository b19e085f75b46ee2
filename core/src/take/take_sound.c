#include "take_sound.h"

#include <assert.h>
#include <string.h>

#define FRAME KT_AUDIO_FRAME_SAMPLES
#define FRAME_US INT64_C(20000)
#define OPUS_COMPLEXITY 5
#define MAX_MONITORED_US INT64_C(500000)
#define LEAST_WAIT_US INT64_C(20000) /* a source that begins is not late at once */
#define ABSENT_US INT64_C(1000000)   /* nobody waits for a source that was silent this long */

/* us * 48 / 1000, rounded to the nearest; us >= 0. */
static int64_t samples_of(int64_t us)
{
    return (us * 6 + 62) / 125;
}

void kt__sound_init(KtSoundTrack *s, KtMixer *mixer, int bitrate_bps, KtSoundSink sink)
{
    s->mixer = mixer;
    s->bitrate_bps = bitrate_bps;
    s->sink = sink;
}

void kt__sound_reset(KtSoundTrack *s)
{
    kt_audio_encoder_destroy(&s->encoder);
}

KtStatus kt__sound_open(KtSoundTrack *s)
{
    KtAudioEncoderConfig config = {s->bitrate_bps, OPUS_COMPLEXITY};
    if (s->encoder)
        return kt_audio_encoder_restart(s->encoder);
    return kt_audio_encoder_create(&config, &s->encoder);
}

void kt__sound_describe(const KtSoundTrack *s, uint8_t head[KT_OPUS_HEAD_BYTES], KtFileConfig *file)
{
    kt_audio_encoder_head(s->encoder, head);
    file->audio.codec_id = KT_CODEC_ID_OPUS;
    file->audio.codec_private = head;
    file->audio.codec_private_bytes = KT_OPUS_HEAD_BYTES;
    file->sample_rate_hz = KT_MIX_RATE_HZ;
    file->channels = KT_MIX_CHANNELS;
    file->audio_pre_skip = kt_audio_encoder_pre_skip(s->encoder);
}

void kt__sound_begin(KtSoundTrack *s, int64_t start_us)
{
    s->part_us = start_us;
    s->part_samples = 0;
    s->samples = 0;
    s->cut_count = 0;
    s->part_stored = 0;
    s->pcm_frames = 0;
    kt_mixer_seek(s->mixer, start_us);
}

static void heard(const KtSoundTrack *s)
{
    if (s->heard)
        s->heard(s->heard_context);
}

static KtStatus encode_frame(KtSoundTrack *s)
{
    KtPacket packet;
    assert(s->pcm_frames == FRAME);
    s->pcm_frames = 0;
    KtStatus status = kt_audio_encoder_encode(s->encoder, s->pcm, &packet);
    return status == KT_OK ? s->sink.packet(s->sink.context, &packet) : status;
}

/* Reads samples of the mix into the take. */
static KtStatus read_into_take(KtSoundTrack *s, int64_t samples)
{
    while (samples > 0) {
        int room = FRAME - s->pcm_frames;
        int count = samples < room ? (int)samples : room;
        KtStatus status = kt_mixer_read(s->mixer, s->pcm + s->pcm_frames * KT_MIX_CHANNELS, count);
        if (status != KT_OK)
            return status;
        heard(s);
        samples -= count;
        s->samples += count;
        s->pcm_frames += count;
        if (s->pcm_frames == FRAME)
            status = encode_frame(s);
        if (status != KT_OK)
            return status;
    }
    return KT_OK;
}

KtStatus kt__sound_monitor(KtSoundTrack *s, int64_t until_us)
{
    float block[FRAME * KT_MIX_CHANNELS];
    if (until_us - kt_mixer_position(s->mixer) > MAX_MONITORED_US)
        kt_mixer_seek(s->mixer, until_us - FRAME_US);
    while (until_us - kt_mixer_position(s->mixer) >= FRAME_US) {
        KtStatus status = kt_mixer_read(s->mixer, block, FRAME);
        if (status != KT_OK)
            return status;
        heard(s);
    }
    return KT_OK;
}

/* Reads up to the first cut. */
static KtStatus read_to_cut(KtSoundTrack *s)
{
    return read_into_take(s, s->cuts[0].take_samples - s->samples);
}

/* Goes on after the first cut, which is closed. */
static void pass_cut(KtSoundTrack *s)
{
    assert(s->cut_count > 0 && !s->cuts[0].open);
    s->part_us = s->cuts[0].to_us;
    s->part_samples = s->cuts[0].take_samples;
    kt_mixer_seek(s->mixer, s->part_us);
    s->cut_count--;
    memmove(s->cuts, s->cuts + 1, (size_t)s->cut_count * sizeof s->cuts[0]);
}

KtStatus kt__sound_cut(KtSoundTrack *s, int64_t from_us, int64_t take_us)
{
    while (s->cut_count == KT__MAX_CUTS) {
        KtStatus status = read_to_cut(s);
        if (status != KT_OK)
            return status;
        pass_cut(s);
    }
    KtSoundCut cut = {from_us, from_us, samples_of(take_us), 1};
    s->cuts[s->cut_count++] = cut;
    s->part_stored = 0;
    return KT_OK;
}

void kt__sound_continue(KtSoundTrack *s, int64_t to_us)
{
    assert(s->cut_count > 0 && s->cuts[s->cut_count - 1].open);
    s->cuts[s->cut_count - 1].to_us = to_us;
    s->cuts[s->cut_count - 1].open = 0;
}

KtStatus kt__sound_run(KtSoundTrack *s, int64_t until_us)
{
    while (s->cut_count > 0 && s->cuts[0].from_us <= until_us) {
        KtStatus status = read_to_cut(s);
        if (status != KT_OK)
            return status;
        if (!s->cuts[0].open) {
            pass_cut(s);
            continue;
        }
        if (!s->part_stored)
            status = s->sink.part_ends(s->sink.context);
        s->part_stored = 1;
        return status == KT_OK ? kt__sound_monitor(s, until_us) : status;
    }
    if (until_us <= s->part_us)
        return KT_OK;
    int64_t due = s->part_samples + (until_us - s->part_us) * 6 / 125;
    return read_into_take(s, due - s->samples);
}

/* What waits here is lost in a crash, so nothing waits longer than the source furthest behind makes
 * it. */
int64_t kt__sound_due_us(const KtSoundTrack *s, int64_t now_us, int64_t wait_us)
{
    int64_t least_us = now_us - wait_us;
    int64_t due_us = kt_mixer_ready_us(s->mixer, now_us - ABSENT_US);
    if (due_us > now_us - LEAST_WAIT_US)
        due_us = now_us - LEAST_WAIT_US;
    return due_us > least_us ? due_us : least_us;
}

KtStatus kt__sound_finish(KtSoundTrack *s, int64_t take_us)
{
    KtStatus status = KT_OK;
    while (status == KT_OK && s->cut_count > 0) {
        status = read_to_cut(s);
        if (s->cuts[0].open)
            s->cut_count = 0;
        else
            pass_cut(s);
    }
    if (status == KT_OK)
        status = read_into_take(s, samples_of(take_us) - s->samples);
    /* The decoder gives the last samples out only after pre-skip more went in. */
    int64_t padding = kt_audio_encoder_pre_skip(s->encoder);
    while (status == KT_OK && (padding > 0 || s->pcm_frames > 0)) {
        int room = FRAME - s->pcm_frames;
        memset(s->pcm + s->pcm_frames * KT_MIX_CHANNELS, 0,
               (size_t)(room * KT_MIX_CHANNELS) * sizeof s->pcm[0]);
        padding -= room;
        s->pcm_frames = FRAME;
        status = encode_frame(s);
    }
    return status;
}
