/* A KtWebmReader's events, summed up. */
#include "take/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPUS_FRAME_US 20000  /* of every packet that the engine writes */
#define SOUND_CUE_US 1000000 /* between cue points of a take without pictures */

typedef struct ScanTrack {
    uint64_t number;
    int is_video, is_audio;
    int64_t frame_us, delay_us;
    int64_t last_us; /* time of the last frame, -1: none */
} ScanTrack;

struct TakeScan {
    KtWebmReader *reader;
    KtStatus status; /* KT_OK while more bytes are of use */
    ScanTrack tracks[KT_WEBM_READER_MAX_TRACKS];
    int track_count, has_video;
    int64_t bytes;    /* fed */
    int64_t open_us;  /* end of the frames so far, those of the open cluster included */
    int64_t cues_end; /* of the last Cues element; 0: none */
    KtFileCue *cues;
    size_t cue_count, cue_capacity;
    uint32_t cue_step, cue_skipped; /* every cue_step-th cue point is kept */
    int64_t last_cue_us;
    TakeScanResult result;
};

TakeScan *take_scan_create(void)
{
    TakeScan *s = calloc(1, sizeof *s);
    if (s && kt_webm_reader_create(&s->reader) != KT_OK) {
        free(s);
        return NULL;
    }
    if (s) {
        s->cue_step = 1;
    }
    return s;
}

void take_scan_destroy(TakeScan **scan)
{
    TakeScan *s = *scan;
    *scan = NULL;
    if (s) {
        kt_webm_reader_destroy(&s->reader);
        free(s->cues);
        free(s);
    }
}

static void note_picture(TakeScanResult *r, const KtWebmTrackInfo *info)
{
    if (!info->is_video || r->codec[0]) {
        return;
    }
    snprintf(r->codec, sizeof r->codec, "%s",
             strcmp(info->codec_id, "V_VP8") == 0   ? "vp8"
             : strcmp(info->codec_id, "V_VP9") == 0 ? "vp9"
                                                    : "");
    r->width = info->width;
    r->height = info->height;
    r->fps = info->default_duration_ns > 0 ? 1e9 / (double)info->default_duration_ns : 0;
}

static void note_tracks(TakeScan *s)
{
    KtWebmTrackInfo info;
    s->track_count = kt_webm_reader_track_count(s->reader);
    for (int i = 0; i < s->track_count; i++) {
        kt_webm_reader_track(s->reader, i, &info);
        note_picture(&s->result, &info);
        s->tracks[i] = (ScanTrack){
            .number = info.number,
            .is_video = info.is_video,
            .is_audio = info.is_audio,
            .frame_us = info.default_duration_ns / 1000,
            .delay_us = info.codec_delay_ns / 1000,
            .last_us = -1,
        };
        if (info.is_audio && s->tracks[i].frame_us == 0) {
            s->tracks[i].frame_us = OPUS_FRAME_US;
        }
        s->has_video |= info.is_video;
    }
}

/* As the writer reckons the end of a packet; a picture of no stated length lasts as long as the one
 * before it. */
static void note_block(TakeScan *s, const KtWebmEvent *e)
{
    for (int i = 0; i < s->track_count; i++) {
        ScanTrack *t = &s->tracks[i];
        if (t->number != e->track) {
            continue;
        }
        int64_t frame_us = t->frame_us;
        if (frame_us == 0 && t->last_us >= 0 && e->pts_us > t->last_us) {
            frame_us = e->pts_us - t->last_us;
        }
        int64_t end_us = e->pts_us + frame_us - t->delay_us - e->discard_padding_ns / 1000;
        t->last_us = e->pts_us;
        if (end_us > s->open_us) {
            s->open_us = end_us;
        }
    }
}

static KtStatus add_cue(TakeScan *s, const KtWebmEvent *e)
{
    if (++s->cue_skipped < s->cue_step) {
        return KT_OK;
    }
    s->cue_skipped = 0;
    if (s->cue_count == TAKE_SCAN_MAX_CUES) {
        for (size_t i = 0; i < s->cue_count / 2; i++) {
            s->cues[i] = s->cues[2 * i];
        }
        s->cue_count /= 2;
        s->cue_step *= 2;
    }
    if (s->cue_count == s->cue_capacity) {
        size_t capacity = s->cue_capacity ? s->cue_capacity * 2 : 256;
        KtFileCue *cues = realloc(s->cues, capacity * sizeof *cues);
        if (!cues) {
            return KT_ERR_MEMORY;
        }
        s->cues = cues;
        s->cue_capacity = capacity;
    }
    s->cues[s->cue_count++] = (KtFileCue){e->pts_us, e->offset};
    s->last_cue_us = e->pts_us;
    return KT_OK;
}

static KtStatus note_cluster(TakeScan *s, const KtWebmEvent *e)
{
    TakeScanResult *r = &s->result;
    r->clusters++;
    r->valid_bytes = e->offset + e->bytes;
    r->duration_us = s->open_us;
    int is_cue = s->has_video ? e->keyframe
                              : s->cue_count == 0 || e->pts_us >= s->last_cue_us + SOUND_CUE_US;
    return is_cue ? add_cue(s, e) : KT_OK;
}

/* KT_OK: the reader wants more; KT_END: no more is of use. */
static KtStatus read_events(TakeScan *s)
{
    KtWebmEvent e;
    KtStatus status;
    while ((status = kt_webm_reader_next(s->reader, &e)) == KT_OK) {
        if (e.kind == KT_WEBM_TRACKS) {
            note_tracks(s);
        } else if (e.kind == KT_WEBM_BLOCK) {
            note_block(s, &e);
        } else if (e.kind == KT_WEBM_CUES) {
            s->cues_end = e.offset + e.bytes;
        } else if (e.kind == KT_WEBM_CLUSTER) {
            status = note_cluster(s, &e);
            if (status != KT_OK) {
                return status;
            }
        }
    }
    return status == KT_AGAIN ? KT_OK : status == KT_ERR_MEMORY ? status : KT_END;
}

KtStatus take_scan_feed(TakeScan *s, const uint8_t *data, size_t bytes)
{
    if (s->bytes < KT_WEBM_HEADER_BYTES) {
        size_t room = (size_t)(KT_WEBM_HEADER_BYTES - s->bytes);
        memcpy(s->result.header + s->bytes, data, bytes < room ? bytes : room);
    }
    s->bytes += (int64_t)bytes;
    while (bytes > 0 && s->status == KT_OK) {
        int64_t taken = kt_webm_reader_feed(s->reader, data, bytes);
        s->status = taken < 0 ? KT_ERR_MEMORY : read_events(s);
        data += taken > 0 ? taken : 0;
        bytes -= taken > 0 ? (size_t)taken : 0;
    }
    return s->status;
}

void take_scan_finish(TakeScan *s, TakeScanResult *out)
{
    TakeScanResult *r = &s->result;
    if (s->status == KT_OK) {
        kt_webm_reader_end(s->reader);
        s->status = read_events(s);
    }
    int64_t stated_us = kt_webm_reader_duration_us(s->reader);
    r->cues = s->cues;
    r->cue_count = s->cue_count;
    r->finished = r->clusters > 0 && stated_us > 0 && s->cues_end == s->bytes;
    if (r->finished) {
        r->duration_us = stated_us;
    }
    *out = *r;
}
