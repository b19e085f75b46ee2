/* The sound of a take: which samples of the mix belong to it, in Opus frames.
 *
 * Sample n of the take is take time n / 48000 exactly, pauses or not, so picture and sound cannot
 * drift apart: both are counted on the take clock. */
#include <assert.h>
#include <string.h>

#include "recorder_internal.h"

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

KtStatus kt__sound_open(KtRecorder *r)
{
    KtAudioEncoderConfig config = {r->config.audio_bitrate_bps, OPUS_COMPLEXITY};
    if (r->audio)
        return kt_audio_encoder_restart(r->audio);
    return kt_audio_encoder_create(&config, &r->audio);
}

void kt__sound_begin(KtRecorder *r, int64_t start_us)
{
    r->part_us = start_us;
    r->part_samples = 0;
    r->audio_samples = 0;
    r->cut_count = 0;
    r->part_stored = 0;
    r->pcm_frames = 0;
    kt_mixer_seek(r->mixer, start_us);
}

static void note_levels(KtRecorder *r)
{
    KtMixerLevel level;
    for (int i = 0; i < KT_MAX_SOURCES; i++) {
        KtRecorderSource *s = &r->sources[i];
        if (s->used && s->sound >= 0 && kt_mixer_level(r->mixer, s->sound, &level) == KT_OK &&
            level.peak > s->peak)
            s->peak = level.peak;
    }
}

static KtStatus encode_frame(KtRecorder *r)
{
    KtPacket packet;
    assert(r->pcm_frames == FRAME);
    r->pcm_frames = 0;
    KtStatus status = kt_audio_encoder_encode(r->audio, r->pcm, &packet);
    return status == KT_OK ? kt_webm_writer_add(r->writer, &packet) : status;
}

/* Reads samples of the mix into the take. */
static KtStatus read_into_take(KtRecorder *r, int64_t samples)
{
    while (samples > 0) {
        int room = FRAME - r->pcm_frames;
        int count = samples < room ? (int)samples : room;
        KtStatus status = kt_mixer_read(r->mixer, r->pcm + r->pcm_frames * KT_MIX_CHANNELS, count);
        if (status != KT_OK)
            return status;
        note_levels(r);
        samples -= count;
        r->audio_samples += count;
        r->pcm_frames += count;
        if (r->pcm_frames == FRAME)
            status = encode_frame(r);
        if (status != KT_OK)
            return status;
    }
    return KT_OK;
}

/* Reads only for the levels, up to engine time until_us. */
static KtStatus monitor(KtRecorder *r, int64_t until_us)
{
    float block[FRAME * KT_MIX_CHANNELS];
    if (until_us - kt_mixer_position(r->mixer) > MAX_MONITORED_US)
        kt_mixer_seek(r->mixer, until_us - FRAME_US);
    while (until_us - kt_mixer_position(r->mixer) >= FRAME_US) {
        KtStatus status = kt_mixer_read(r->mixer, block, FRAME);
        if (status != KT_OK)
            return status;
        note_levels(r);
    }
    return KT_OK;
}

/* Reads up to the first cut. */
static KtStatus read_to_cut(KtRecorder *r)
{
    return read_into_take(r, r->cuts[0].take_samples - r->audio_samples);
}

/* Goes on after the first cut, which is closed. */
static void pass_cut(KtRecorder *r)
{
    assert(r->cut_count > 0 && !r->cuts[0].open);
    r->part_us = r->cuts[0].to_us;
    r->part_samples = r->cuts[0].take_samples;
    kt_mixer_seek(r->mixer, r->part_us);
    r->cut_count--;
    memmove(r->cuts, r->cuts + 1, (size_t)r->cut_count * sizeof r->cuts[0]);
}

KtStatus kt__sound_cut(KtRecorder *r, int64_t from_us, int64_t take_us)
{
    while (r->cut_count == KT__MAX_CUTS) {
        KtStatus status = read_to_cut(r);
        if (status != KT_OK)
            return status;
        pass_cut(r);
    }
    KtRecorderCut cut = {from_us, from_us, samples_of(take_us), 1};
    r->cuts[r->cut_count++] = cut;
    r->part_stored = 0;
    return KT_OK;
}

void kt__sound_continue(KtRecorder *r, int64_t to_us)
{
    assert(r->cut_count > 0 && r->cuts[r->cut_count - 1].open);
    r->cuts[r->cut_count - 1].to_us = to_us;
    r->cuts[r->cut_count - 1].open = 0;
}

/* Sound up to engine time until_us, across cuts that lie before it. */
static KtStatus run_take(KtRecorder *r, int64_t until_us)
{
    while (r->cut_count > 0 && r->cuts[0].from_us <= until_us) {
        KtStatus status = read_to_cut(r);
        if (status != KT_OK)
            return status;
        if (!r->cuts[0].open) {
            pass_cut(r);
            continue;
        }
        if (!r->part_stored)
            status = kt_webm_writer_flush(r->writer);
        r->part_stored = 1;
        return status == KT_OK ? monitor(r, until_us) : status;
    }
    if (until_us <= r->part_us)
        return KT_OK;
    int64_t due = r->part_samples + (until_us - r->part_us) * 6 / 125;
    return read_into_take(r, due - r->audio_samples);
}

/* Up to where sound is read now. What waits here is lost in a crash, so nothing waits longer than
 * the source furthest behind makes it. */
static int64_t due_us(const KtRecorder *r, int64_t now_us)
{
    int64_t least_us = now_us - r->config.audio_wait_us;
    int64_t due_us = kt_mixer_ready_us(r->mixer, now_us - ABSENT_US);
    if (due_us > now_us - LEAST_WAIT_US)
        due_us = now_us - LEAST_WAIT_US;
    return due_us > least_us ? due_us : least_us;
}

KtStatus kt__sound_run(KtRecorder *r, int64_t now_us)
{
    int64_t until_us = due_us(r, now_us);
    if (kt__recorder_is_live(r))
        return run_take(r, until_us);
    if (r->session.state == KT_SESSION_COUNTDOWN && until_us > r->session.countdown_end_us)
        until_us = r->session.countdown_end_us;
    return monitor(r, until_us);
}

KtStatus kt__sound_finish(KtRecorder *r, int64_t take_us)
{
    KtStatus status = KT_OK;
    while (status == KT_OK && r->cut_count > 0) {
        status = read_to_cut(r);
        if (r->cuts[0].open)
            r->cut_count = 0;
        else
            pass_cut(r);
    }
    if (status == KT_OK)
        status = read_into_take(r, samples_of(take_us) - r->audio_samples);
    /* The decoder gives the last samples out only after pre-skip more went in. */
    int64_t padding = kt_audio_encoder_pre_skip(r->audio);
    while (status == KT_OK && (padding > 0 || r->pcm_frames > 0)) {
        int room = FRAME - r->pcm_frames;
        memset(r->pcm + r->pcm_frames * KT_MIX_CHANNELS, 0,
               (size_t)(room * KT_MIX_CHANNELS) * sizeof r->pcm[0]);
        padding -= room;
        r->pcm_frames = FRAME;
        status = encode_frame(r);
    }
    return status;
}
