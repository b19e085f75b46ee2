/* The other side of journal_rig.h: the take. */
#include "journal_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/opus_packet.h"
#include "keeptake/webm_writer.h"

const JrOptions jr_plain = {
    .seed = 1, .part_bytes = 16384, .keyframe_us = 500000, .events = 20, .pauses = 2};

static const uint8_t opus_head[KT_OPUS_HEAD_BYTES] = {'O', 'p', 'u', 's',  'H',  'e',  'a',
                                                      'd', 1,   2,   0x38, 0x01, 0x80, 0xBB};

uint32_t jr_random(uint32_t *state, uint32_t range)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return range > 0 ? *state % range : 0;
}

void jr_open(JournalRig *rig, const JrOptions *options)
{
    KtFileConfig config = {.has_video = 1,
                           .has_audio = 1,
                           .video = {.codec_id = KT_CODEC_ID_VP8},
                           .width = 64,
                           .height = 36,
                           .fps = 25,
                           .has_color = 1,
                           .matrix = KT_COLOR_BT601,
                           .audio = {.codec_id = KT_CODEC_ID_OPUS,
                                     .codec_private = opus_head,
                                     .codec_private_bytes = sizeof opus_head},
                           .sample_rate_hz = 48000,
                           .channels = 2,
                           .audio_pre_skip = 312,
                           .max_cluster_us = 250000};
    KtJournalConfig journal = {.part_bytes = options->part_bytes, .keep_all = options->keep_all};
    memset(rig, 0, sizeof *rig);
    rig->options = *options;
    rig->random = options->seed * 2654435761u | 1;
    for (int i = 0; i < KT_JOURNAL_TAKE_ID_BYTES; i++)
        journal.take_id[i] = rig->take_id[i] = (uint8_t)jr_random(&rig->random, 256);
    assert_int_equal(kt_webm_writer_create(&config, &rig->writer), KT_OK);
    assert_int_equal(kt_journal_create(&journal, &rig->journal), KT_OK);
    assert_int_equal(kt_take_store_create(0, &rig->order), KT_OK); /* keep_all is the journal's */
    assert_int_equal(kt_timeline_create(64, 36, &rig->timeline), KT_OK);
    rig->wall_us = JR_WALL_US;
    jr_event(rig, KT_TIMELINE_START, "{\"codec\":\"vp8\",\"fps\":25}");
    jr_drain(rig);
}

void jr_close(JournalRig *rig)
{
    for (int i = 0; i < rig->count; i++) {
        free(rig->records[i].data);
        free(rig->records[i].timeline);
    }
    free(rig->records);
    free(rig->file);
    kt_webm_writer_destroy(&rig->writer);
    kt_journal_destroy(&rig->journal);
    kt_take_store_destroy(&rig->order);
    kt_timeline_destroy(&rig->timeline);
}

void jr_event(JournalRig *rig, KtTimelineEvent event, const char *data)
{
    assert_int_equal(kt_timeline_add(rig->timeline, event, rig->now_us, rig->wall_us, data), KT_OK);
}

static JrRecord *keep(JournalRig *rig, KtJournalKind kind, const KtJournalRecord *record)
{
    size_t bytes;
    if (rig->count == rig->capacity) {
        rig->capacity = rig->capacity ? rig->capacity * 2 : 256;
        rig->records = realloc(rig->records, (size_t)rig->capacity * sizeof *rig->records);
        assert_non_null(rig->records);
    }
    assert_int_equal(record->sequence, rig->count);
    JrRecord *r = &rig->records[rig->count++];
    *r = (JrRecord){.sequence = record->sequence, .kind = kind, .bytes = record->bytes};
    r->data = malloc(record->bytes);
    assert_non_null(r->data);
    memcpy(r->data, record->data, record->bytes);
    assert_int_equal(kt_timeline_json(rig->timeline, &r->timeline, &bytes), KT_OK);
    return r;
}

static void keep_chunk(JournalRig *rig, const KtChunk *chunk, const KtJournalRecord *record)
{
    JrRecord *r = keep(rig, KT_JOURNAL_CHUNK, record);
    r->chunk = chunk->kind;
    r->keyframe = chunk->keyframe;
    r->offset = chunk->offset;
    r->chunk_bytes = (int64_t)chunk->bytes;
    r->start_us = chunk->start_us;
    r->end_us = chunk->end_us;
    assert_int_equal(record->payload_bytes, chunk->bytes);
    assert_int_equal(record->payload_offset + record->payload_bytes, record->bytes);
    assert_memory_equal(record->data + record->payload_offset, chunk->data, chunk->bytes);
    const int64_t end = chunk->offset + r->chunk_bytes;
    if (end > rig->file_bytes) {
        rig->file = realloc(rig->file, (size_t)end);
        assert_non_null(rig->file);
        rig->file_bytes = end;
    }
    memcpy(rig->file + chunk->offset, chunk->data, chunk->bytes);
    if (chunk->kind == KT_CHUNK_HEADER || chunk->kind == KT_CHUNK_CLUSTER)
        rig->clusters_end = end;
}

void jr_drain(JournalRig *rig)
{
    KtChunk chunk;
    KtJournalRecord record;
    KtCountedChunk counted;
    while (kt_webm_writer_peek(rig->writer, &chunk) == KT_OK) {
        assert_int_equal(
            kt_take_store_chunk(rig->order, rig->journal, rig->timeline, &chunk, &record), KT_OK);
        keep_chunk(rig, &chunk, &record);
        assert_int_equal(kt_take_store_stored(rig->order, record.sequence, 1), KT_OK);
        assert_int_equal(kt_take_store_count(rig->order, NULL, rig->now_us, &counted), KT_OK);
        assert_int_equal(kt_webm_writer_pop(rig->writer), KT_OK);
    }
}

void jr_drain_events(JournalRig *rig)
{
    KtJournalRecord record;
    const KtStatus status = kt_journal_events(rig->journal, rig->timeline, &record);
    if (status == KT_OK)
        keep(rig, KT_JOURNAL_EVENTS, &record);
    else
        assert_int_equal(status, KT_AGAIN);
}

void jr_checkpoint(JournalRig *rig, int lag_parts)
{
    const int64_t part = rig->options.part_bytes;
    KtJournalCheckpoint c;
    int64_t released = rig->file_bytes / part * part - lag_parts * part;
    if (released < rig->released_bytes)
        released = rig->released_bytes;
    assert_int_equal(kt_take_store_release(rig->order, rig->journal, rig->timeline, released, &c),
                     KT_OK);
    JrRecord *r = keep(rig, KT_JOURNAL_CHECKPOINT, &c.record);
    r->released_bytes = rig->released_bytes = released;
    r->end_bytes = rig->clusters_end;
    for (int i = 0; i < c.drop_count; i++) {
        assert_true(c.drops[i].from < c.drops[i].to);
        assert_true(c.drops[i].to <= c.record.sequence);
        for (uint32_t k = c.drops[i].from; k < c.drops[i].to; k++)
            rig->records[k].dropped = 1;
    }
}

static void add_packet(JournalRig *rig, KtTrack track, int keyframe)
{
    uint8_t data[4096];
    const uint32_t bytes =
        track == KT_TRACK_AUDIO ? 40 : (keyframe ? 600 : 20) + jr_random(&rig->random, 400);
    for (uint32_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)jr_random(&rig->random, 256);
    const KtPacket packet = {.track = track,
                             .data = data,
                             .bytes = bytes,
                             .pts_us = rig->now_us,
                             .duration_us = track == KT_TRACK_AUDIO ? 20000 : 40000,
                             .keyframe = keyframe};
    assert_int_equal(kt_webm_writer_add(rig->writer, &packet), KT_OK);
}

static void random_event(JournalRig *rig)
{
    char text[64];
    if (jr_random(&rig->random, 3) == 0) {
        jr_event(rig, KT_TIMELINE_MARK, "{\"note\":\"here\"}");
        return;
    }
    snprintf(text, sizeof text, "{\"gap\":%u,\"sources\":[]}", jr_random(&rig->random, 30));
    jr_event(rig, KT_TIMELINE_COMPOSITION, text);
}

/* Chunks flushed, then a while in which only events happen. */
static void pause_take(JournalRig *rig)
{
    jr_event(rig, KT_TIMELINE_PAUSE, NULL);
    assert_int_equal(kt_webm_writer_flush(rig->writer), KT_OK);
    jr_drain(rig);
    for (uint32_t i = jr_random(&rig->random, 4); i > 0; i--) {
        rig->wall_us += 1000000;
        random_event(rig);
        jr_drain_events(rig);
    }
    rig->next_key_us = rig->now_us;
    jr_event(rig, KT_TIMELINE_RESUME, NULL);
}

static int happens(JournalRig *rig, int per_mille)
{
    return (int)jr_random(&rig->random, 1000) < per_mille;
}

void jr_run(JournalRig *rig, int64_t until_us)
{
    const JrOptions *o = &rig->options;
    while (rig->now_us < until_us) {
        if (happens(rig, o->pauses))
            pause_take(rig);
        if (happens(rig, o->events))
            random_event(rig);
        if (rig->now_us >= rig->next_video_us) {
            const int keyframe = rig->now_us >= rig->next_key_us;
            if (keyframe)
                rig->next_key_us = rig->now_us + o->keyframe_us;
            add_packet(rig, KT_TRACK_VIDEO, keyframe);
            rig->next_video_us = rig->now_us + 40000;
        }
        add_packet(rig, KT_TRACK_AUDIO, 1);
        jr_drain(rig);
        if (happens(rig, o->checkpoints))
            jr_checkpoint(rig, (int)jr_random(&rig->random, 3));
        rig->now_us += JR_STEP_US;
        rig->wall_us += JR_STEP_US;
    }
}

void jr_open_quiet(JournalRig *rig, int64_t until_us)
{
    JrOptions options = jr_plain;
    options.events = options.pauses = 0;
    jr_open(rig, &options);
    jr_run(rig, until_us);
}

KtChunk jr_chunk(const JrRecord *r)
{
    return (KtChunk){.kind = r->chunk,
                     .offset = r->offset,
                     .data = r->data + r->bytes - r->chunk_bytes,
                     .bytes = (size_t)r->chunk_bytes,
                     .start_us = r->start_us,
                     .end_us = r->end_us,
                     .keyframe = r->keyframe};
}

void jr_stop(JournalRig *rig, int patch)
{
    jr_event(rig, KT_TIMELINE_STOP, NULL);
    assert_int_equal(kt_webm_writer_finish(rig->writer, rig->now_us), KT_OK);
    jr_drain(rig);
    if (!patch) {
        JrRecord *last = &rig->records[--rig->count];
        assert_int_equal(last->chunk, KT_CHUNK_PATCH);
        free(last->data);
        free(last->timeline);
    }
}
