/* A recorder with make-believe people on a simulated clock, and an independent look at the file it
 * makes: chunks are put together, read by webm_reader and decoded by libvpx and libopus. */
#ifndef KEEPTAKE_TEST_RECORDER_RIG_H
#define KEEPTAKE_TEST_RECORDER_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/recorder.h"

#define RIG_SECOND INT64_C(1000000)
#define RIG_WALL INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z at engine time 0 */
#define RIG_PEOPLE 3
#define RIG_RATE_HZ 48000

/* What a person shows and says at an engine time. */
typedef struct RigPerson {
    int handle; /* -1: not there */
    int fps;    /* of its camera; 0: a picture at every step of the rig */
    uint8_t (*luma)(int64_t engine_us);
    float (*sound)(int64_t engine_us); /* NULL: silent, nothing is pushed */
    int64_t heard_us;                  /* sound was pushed up to here */
    int64_t late_us;                   /* blocks arrive that long after their last sample */
    int64_t seen_us;
} RigPerson;

/* A take file, put together from chunks. */
typedef struct RigFile {
    uint8_t *data;
    size_t bytes, capacity;
    uint32_t next_sequence;
    int clusters;
    int patched;
} RigFile;

typedef struct Rig {
    KtRecorder *r;
    RigPerson people[RIG_PEOPLE];
    RigFile file;
    int64_t now_us;
    int64_t busy_us; /* told to every tick */
    int flags;       /* of the last tick */
} Rig;

/* A composition: "ann" fills the canvas, at once. */
extern const char rig_alone[];

/* A small, fast canvas: 64x36, 5 frames/s, VP8. */
void rig_config(KtRecorderConfig *config);
void rig_open(Rig *rig, const KtRecorderConfig *config, int64_t now_us);
void rig_close(Rig *rig);
void rig_join(Rig *rig, int person, const char *id, uint8_t (*luma)(int64_t),
              float (*sound)(int64_t));
/* What the people do up to now_us, without a tick. */
void rig_feed(Rig *rig);
/* Goes on by step_us: everybody shows and says what is due, then one tick, then chunks are fetched.
 * Fails the test where the tick fails. */
void rig_step(Rig *rig, int64_t step_us);
/* Steps of step_us until engine time until_us. */
void rig_run(Rig *rig, int64_t until_us, int64_t step_us);
/* Pops every waiting chunk into the file; checks sequence, offset and CRC-32. */
void rig_drain(Rig *rig);
void rig_file_reset(RigFile *file);

/* stop, drain, stopped. */
void rig_stop(Rig *rig);

typedef struct RigBlock {
    int64_t pts_us;
    size_t at, bytes; /* in RigTake.data */
    int keyframe;
} RigBlock;

/* What webm_reader found in a file. */
typedef struct RigTake {
    RigBlock *video, *audio;
    int video_count, audio_count;
    uint8_t *data;
    int64_t duration_us, codec_delay_us;
    int is_vp9, has_cues;
    /* Decoded by rig_decode_sound: sample n of it is take time n / 48000. */
    float *pcm; /* left */
    int64_t pcm_from, pcm_samples;
} RigTake;

void rig_read(const RigFile *file, RigTake *take);
void rig_take_reset(RigTake *take);
/* Mean luma of the pictures from index first (a keyframe or 0) on; count values. */
void rig_decode_lumas(const RigTake *take, int first, int count, double *lumas);
/* Sound of count packets from first on, cut at the end; unless first is 0, 80 ms only let it
 * settle.
 */
void rig_decode_sound(RigTake *take, int first, int count);
/* Loudest sample between two take times that were decoded. */
float rig_peak(const RigTake *take, int64_t from_us, int64_t to_us);
/* Every picture on the grid of fps without a gap from 0 to the end, sound without a gap, both as
 * long as the take. */
void rig_check_even(const RigTake *take, int fps, int64_t take_us);

/* A voice of 400 Hz, a quarter of full scale; and a picture that changes every 20 ms. */
float rig_tone(int64_t engine_us);
uint8_t rig_moving(int64_t engine_us);

/* Calls at the rig's time that must succeed, and what can be seen. */
void rig_compose(Rig *rig, const char *json);
void rig_start(Rig *rig);
void rig_pause(Rig *rig);
void rig_resume(Rig *rig);
KtSessionState rig_state(const Rig *rig);
KtRecorderStats rig_stats(Rig *rig);
/* The timeline's event names, separated by spaces. */
void rig_events(Rig *rig, char *out, size_t out_bytes);
/* The file is finished and even. */
void rig_check_file(Rig *rig, int fps, int64_t take_us);

#endif
