/* One encoded frame of one track. */
#ifndef KEEPTAKE_PACKET_H
#define KEEPTAKE_PACKET_H

#include <stddef.h>
#include <stdint.h>

typedef enum KtTrack { KT_TRACK_VIDEO = 0, KT_TRACK_AUDIO = 1 } KtTrack;

typedef struct KtPacket {
    KtTrack track;
    const uint8_t *data; /* borrowed from its producer until that producer's next call */
    size_t bytes;
    int64_t pts_us; /* take clock, microseconds */
    int64_t duration_us; /* 0: not known; of Opus the file writer reads it from the packet */
    int keyframe;
} KtPacket;

#endif
