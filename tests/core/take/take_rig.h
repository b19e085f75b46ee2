/* What the tests of a take without a stage share: pictures and sound to give it, the file put
 * together from its chunks, and what the reader, and ffprobe where there is one, say of it. Include
 * after cmocka.h. */
#ifndef KEEPTAKE_TEST_TAKE_RIG_H
#define KEEPTAKE_TEST_TAKE_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/take.h"

#define TAKE_MAX_BLOCKS 2100
#define TAKE_WIDTH 64
#define TAKE_HEIGHT 48

typedef struct TakeBlock {
    int64_t pts_us;
    size_t bytes;
    int keyframe;
} TakeBlock;

/* The file, and what webm_reader finds in it. */
typedef struct TakeFile {
    uint8_t data[4 << 20];
    size_t bytes;
    int chunks;
    int ended; /* KT_END was seen */

    int tracks, has_video, has_audio;
    int width, height;
    char video_codec[32];
    size_t private_bytes; /* of the video track */
    int64_t duration_us, default_duration_ns;
    int cues;
    TakeBlock video[TAKE_MAX_BLOCKS], audio[TAKE_MAX_BLOCKS];
    int video_count, audio_count;
    int64_t discard_ns; /* of the last audio block */
} TakeFile;

extern TakeFile take_file; /* too large for the stack */

/* VP8, small and fast; the tracks that are asked for, encoded here. */
void take_config(KtTakeConfig *config, int has_video, int has_audio);
/* libvpx for such a config. */
KtVideoPort take_encoder(int width, int height);
KtTake *take_open(const KtTakeConfig *config);

/* A frame of that size whose picture depends on n; borrowed until the next call, or free. */
const KtFrame *take_frame(int n, int width, int height);
void take_frame_free(void);
KtStatus take_show(KtTake *t, int n, int64_t pts_us);
/* A tone of 440 Hz that began at take time 0: stereo at rate_hz, in blocks of 10 ms. */
void take_say(KtTake *t, int rate_hz, int64_t from_us, int64_t to_us);

/* Takes all chunks that wait into take_file, each checked. */
void take_drain(KtTake *t);
/* Ends the take, drains and reads it. */
void take_finish(KtTake *t, int64_t duration_us);
void take_read(void);

/* Runs ffprobe with those arguments on take_file and gives what it prints, one line; where there is
 * none: gives expected. What it prints on stderr fails the test: a decoder's complaints, too. */
const char *take_probe(const char *arguments, const char *expected);

#endif
