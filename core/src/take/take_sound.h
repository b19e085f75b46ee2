/* The sound of a take: which samples of a mix belong to it, in Opus packets.
 *
 * Sample n of the take is take time n / 48000 exactly, pauses or not, so picture and sound cannot
 * drift apart: both are counted on the take clock. */
#ifndef KEEPTAKE_SRC_TAKE_SOUND_H
#define KEEPTAKE_SRC_TAKE_SOUND_H

#include "keeptake/audio_encoder.h"
#include "keeptake/file_writer.h"
#include "keeptake/mixer.h"

#define KT__MAX_CUTS 16

/* Where packets go. */
typedef struct KtSoundSink {
    void *context;
    KtStatus (*packet)(void *context, const KtPacket *packet);
    /* All sound before a pause was given: it may be stored. */
    KtStatus (*part_ends)(void *context);
} KtSoundSink;

/* Where the take leaves a span of the engine clock out. Sound is mixed later than it happens, so a
 * pause waits here until the sound before it has been read. */
typedef struct KtSoundCut {
    int64_t from_us;      /* engine clock */
    int64_t to_us;        /* engine clock; valid unless open */
    int64_t take_samples; /* take time of the cut */
    int open;
} KtSoundCut;

/* Invariant: samples, what was read into the take, never passes take time. */
typedef struct KtSoundTrack {
    /* Fixed at kt__sound_init; borrowed, but for the encoder. */
    KtMixer *mixer;
    int bitrate_bps;
    KtSoundSink sink;
    void (*heard)(void *context); /* after each span that was read; NULL: nobody asks */
    void *heard_context;
    KtAudioEncoder *encoder; /* NULL before the first take */

    /* Changes while running. */
    int64_t part_us, part_samples; /* engine clock and sample count where the present part began */
    int64_t samples;
    KtSoundCut cuts[KT__MAX_CUTS];
    int cut_count;
    int part_stored; /* the sound before an open cut was read, and part_ends was told */
    int pcm_frames;  /* in pcm */
    float pcm[KT_AUDIO_FRAME_SAMPLES * KT_MIX_CHANNELS];
} KtSoundTrack;

/* s: zero-filled. */
void kt__sound_init(KtSoundTrack *s, KtMixer *mixer, int bitrate_bps, KtSoundSink sink);
void kt__sound_reset(KtSoundTrack *s);

/* Makes the encoder ready for a take. ERR_ARG, ERR_MEMORY, ERR_CODEC. */
KtStatus kt__sound_open(KtSoundTrack *s);
/* Tells a file of the sound that the encoder, which is open, makes. head: filled, is to live as
 * long as file does. */
void kt__sound_describe(const KtSoundTrack *s, uint8_t head[KT_OPUS_HEAD_BYTES],
                        KtFileConfig *file);
/* Take time 0 is engine time start_us. */
void kt__sound_begin(KtSoundTrack *s, int64_t start_us);
/* A pause begins at engine time from_us, take time take_us. ERR_* of encoding sound that had to go
 * first. */
KtStatus kt__sound_cut(KtSoundTrack *s, int64_t from_us, int64_t take_us);
void kt__sound_continue(KtSoundTrack *s, int64_t to_us);

/* Engine time up to which sound is to be read at now_us: as soon as every source has given its own,
 * at the latest wait_us later. */
int64_t kt__sound_due_us(const KtSoundTrack *s, int64_t now_us, int64_t wait_us);
/* Reads the sound up to engine time until_us into the take, across cuts that lie before it. */
KtStatus kt__sound_run(KtSoundTrack *s, int64_t until_us);
/* Reads only for the levels, up to engine time until_us. */
KtStatus kt__sound_monitor(KtSoundTrack *s, int64_t until_us);
/* Everything up to take_us, and what the codec needs to give it out. */
KtStatus kt__sound_finish(KtSoundTrack *s, int64_t take_us);

#endif
