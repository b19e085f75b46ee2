/* The other side of journal_rig.h: what a reader must find, told from what was written. */
#include "journal_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "keeptake/scene.h"
#include "keeptake/webm_reader.h"

static int is_cluster(const JrRecord *r)
{
    return r->kind == KT_JOURNAL_CHUNK && r->chunk == KT_CHUNK_CLUSTER;
}

uint8_t *jr_present(const JournalRig *rig)
{
    uint8_t *intact = malloc((size_t)rig->count + 1);
    assert_non_null(intact);
    for (int i = 0; i < rig->count; i++)
        intact[i] = !rig->records[i].dropped;
    return intact;
}

void jr_add(const JournalRig *rig, const uint8_t *intact, KtJournalReader *reader)
{
    for (int i = 0; i < rig->count; i++)
        if (intact[i])
            assert_int_equal(
                kt_journal_reader_add(reader, rig->records[i].data, rig->records[i].bytes), KT_OK);
}

/* The last keyframe cluster that begins at or before released_bytes: before it nothing is needed.
 */
static int64_t needed_from(const JournalRig *rig, int checkpoint)
{
    int64_t from = KT_WEBM_HEADER_BYTES;
    for (int i = 0; i < checkpoint; i++)
        if (is_cluster(&rig->records[i]) && rig->records[i].keyframe &&
            rig->records[i].offset <= rig->records[checkpoint].released_bytes)
            from = rig->records[i].offset;
    return from;
}

/* Whether all clusters that begin before end_bytes and part_bytes are here. */
static int part1_is_here(const JournalRig *rig, const uint8_t *intact, int64_t end_bytes)
{
    for (int i = 0; i < rig->count; i++) {
        const JrRecord *r = &rig->records[i];
        if (is_cluster(r) && r->offset < end_bytes && r->offset < rig->options.part_bytes &&
            !intact[i])
            return 0;
    }
    return 1;
}

JrExpected jr_expect(const JournalRig *rig, const uint8_t *intact)
{
    JrExpected e = {.base = -1, .last = -1, .file_bytes = KT_WEBM_HEADER_BYTES};
    int broken = 0;
    for (int i = 0; i < rig->count; i++) {
        if (intact[i] && rig->records[i].kind == KT_JOURNAL_CHECKPOINT)
            e.base = i;
        if (intact[i])
            e.last = i;
    }
    for (int i = e.base + 1; i < e.last; i++)
        e.hole |= !intact[i];
    const int64_t from = e.base >= 0 ? needed_from(rig, e.base) : KT_WEBM_HEADER_BYTES;
    for (int i = 0; i < rig->count; i++) {
        const JrRecord *r = &rig->records[i];
        if (!is_cluster(r))
            continue;
        if (r->offset >= from && !intact[i])
            broken = 1;
        if (broken && intact[i] && r->offset >= from)
            e.damaged = 1;
        if (broken)
            continue;
        e.file_bytes = r->offset + r->chunk_bytes;
        e.end_us = r->end_us > e.end_us ? r->end_us : e.end_us;
        e.clusters++;
    }
    if (e.base >= 0) {
        e.released_bytes = rig->records[e.base].released_bytes;
        e.damaged |= e.file_bytes < rig->records[e.base].end_bytes;
    }
    e.patchable = part1_is_here(rig, intact, e.file_bytes);
    e.damaged |= e.hole || !intact[0] || !e.patchable;
    e.found = (intact[0] || e.base >= 0) && e.clusters > 0;
    return e;
}

/* ---- files ---- */

uint8_t *jr_assemble(const JournalRig *rig, const KtJournalFile *file, size_t *bytes, int *missing)
{
    int64_t end = KT_WEBM_HEADER_BYTES;
    *bytes = (size_t)file->clusters_end + file->cues_bytes;
    *missing = 0;
    uint8_t *data = calloc(1, *bytes);
    assert_non_null(data);
    memcpy(data, file->header, KT_WEBM_HEADER_BYTES);
    for (size_t i = 0; i < file->piece_count; i++) {
        const KtJournalPiece *p = &file->pieces[i];
        const JrRecord *r = &rig->records[p->sequence];
        assert_true(p->file_offset >= end && p->file_offset + p->bytes <= file->clusters_end);
        assert_true(is_cluster(r));
        assert_int_equal(p->bytes, r->chunk_bytes);
        *missing |= p->file_offset > end;
        end = p->file_offset + p->bytes;
        memcpy(data + p->file_offset, r->data + p->record_offset, (size_t)p->bytes);
    }
    *missing |= end < file->clusters_end;
    if (file->cues)
        memcpy(data + file->clusters_end, file->cues, file->cues_bytes);
    return data;
}

/* The file is whole: so many clusters, a cue point for each keyframe, the duration as said. */
static void check_webm(const uint8_t *data, size_t bytes, const KtJournalFile *file, int clusters)
{
    KtWebmReader *reader = NULL;
    KtWebmEvent event;
    int seen = 0, keys = 0, cues = 0;
    size_t fed = 0;
    KtStatus status = KT_AGAIN;
    assert_int_equal(kt_webm_reader_create(&reader), KT_OK);
    while (status == KT_AGAIN) {
        const int64_t taken = kt_webm_reader_feed(reader, data + fed, bytes - fed);
        assert_true(taken >= 0);
        fed += (size_t)taken;
        if (fed == bytes)
            kt_webm_reader_end(reader);
        while ((status = kt_webm_reader_next(reader, &event)) == KT_OK) {
            seen += event.kind == KT_WEBM_CLUSTER;
            keys += event.kind == KT_WEBM_CLUSTER && event.keyframe;
            cues += event.kind == KT_WEBM_CUE;
        }
    }
    assert_int_equal(status, KT_END);
    assert_int_equal(seen, clusters);
    assert_int_equal(cues, keys);
    assert_int_equal(kt_webm_reader_valid_bytes(reader), file->clusters_end);
    assert_int_equal(kt_webm_reader_duration_us(reader), file->duration_us);
    kt_webm_reader_destroy(&reader);
}

/* The Cues that the clusters before end_bytes have. */
static void check_cues(const JournalRig *rig, const KtJournalFile *file)
{
    KtFileCue *cues = malloc((size_t)rig->count * sizeof *cues);
    size_t count = 0;
    assert_non_null(cues);
    for (int i = 0; i < rig->count; i++) {
        const JrRecord *r = &rig->records[i];
        if (is_cluster(r) && r->keyframe && r->offset < file->clusters_end)
            cues[count++] = (KtFileCue){r->start_us, r->offset};
    }
    assert_int_equal(file->cues_bytes, kt_webm_cues_bytes(cues, count));
    uint8_t *bytes = malloc(file->cues_bytes);
    assert_non_null(bytes);
    kt_webm_write_cues(cues, count, bytes, file->cues_bytes);
    assert_memory_equal(bytes, file->cues, file->cues_bytes);
    free(bytes);
    free(cues);
}

static void check_take(const JournalRig *rig, const uint8_t *intact, const JrExpected *e,
                       const KtJournalReader *reader)
{
    KtJournalFile file;
    size_t bytes;
    int missing, pieces = 0;
    assert_int_equal(kt_journal_reader_take(reader, &file), KT_OK);
    assert_int_equal(file.clusters_end, e->file_bytes);
    check_cues(rig, &file);
    for (int i = 0; i < rig->count; i++)
        pieces +=
            intact[i] && is_cluster(&rig->records[i]) && rig->records[i].offset < e->file_bytes;
    assert_int_equal(file.piece_count, pieces);
    uint8_t *data = jr_assemble(rig, &file, &bytes, &missing);
    /* What is not here is in the upload. */
    memcpy(data + KT_WEBM_HEADER_BYTES, rig->file + KT_WEBM_HEADER_BYTES,
           (size_t)(e->file_bytes - KT_WEBM_HEADER_BYTES));
    uint8_t *again = jr_assemble(rig, &file, &bytes, &missing);
    for (size_t i = 0; i < file.piece_count; i++)
        assert_memory_equal(again + file.pieces[i].file_offset, data + file.pieces[i].file_offset,
                            (size_t)file.pieces[i].bytes);
    check_webm(data, bytes, &file, e->clusters);
    free(again);
    free(data);
}

/* Every cluster that is here, unless a gap before it has left it without a keyframe. */
static void check_local(const JournalRig *rig, const uint8_t *intact, const JrExpected *e,
                        const KtJournalReader *reader, int64_t local_bytes)
{
    KtJournalFile file;
    size_t bytes, piece = 0, gap = 0;
    int missing, clusters = 0, playing = 1;
    int64_t end_us = 0;
    assert_int_equal(kt_journal_reader_local(reader, &file), KT_OK);
    assert_int_equal(file.clusters_end, local_bytes);
    for (int i = 0; i < rig->count; i++) {
        const JrRecord *r = &rig->records[i];
        if (!is_cluster(r))
            continue;
        if (!intact[i] || (!playing && !r->keyframe)) {
            playing = 0;
            continue;
        }
        assert_true(piece < file.piece_count);
        assert_int_equal(file.pieces[piece].sequence, r->sequence);
        if (!playing && r->start_us > end_us) {
            assert_true(gap < file.gap_count);
            assert_int_equal(file.gaps[gap].from_us, end_us);
            assert_int_equal(file.gaps[gap++].to_us, r->start_us);
        }
        playing = 1;
        piece++;
        clusters++;
        end_us = r->end_us > end_us ? r->end_us : end_us;
    }
    assert_int_equal(piece, file.piece_count);
    assert_true(file.gap_count <= gap + 1);
    uint8_t *data = jr_assemble(rig, &file, &bytes, &missing);
    assert_int_equal(missing, 0);
    if (clusters > 0)
        check_webm(data, bytes, &file, clusters);
    if (!e->damaged && gap == 0 && file.gap_count == 0 && clusters == e->clusters)
        assert_memory_equal(data + KT_WEBM_HEADER_BYTES, rig->file + KT_WEBM_HEADER_BYTES,
                            bytes - file.cues_bytes - KT_WEBM_HEADER_BYTES);
    free(data);
}

/* ---- the timeline ---- */

/* A timeline's lines: its events, without the first and the last line. */
static int line_of(const char *json, int index, const char **line, size_t *bytes)
{
    const char *at = strchr(json, '\n');
    for (int i = 0; at && i < index; i++)
        at = strchr(at + 1, '\n');
    if (!at || at[1] != '{')
        return 0;
    const char *end = strchr(at + 1, '\n');
    *line = at + 1;
    *bytes = (size_t)(end - at - 1) - (end[-1] == ',');
    return 1;
}

static double take_of(const char *line)
{
    return strtod(strstr(line, "\"take\":") + 7, NULL);
}

/* The recovered events are those that the last record here knew, up to the end, and a stop. */
static void check_timeline(const JournalRig *rig, const JrExpected *e,
                           const KtJournalReader *reader, int64_t duration_us)
{
    char *json = NULL, *scene = NULL, error[128] = "";
    const char *got = NULL, *want = NULL, *known = rig->records[e->last].timeline;
    size_t bytes, got_bytes = 0, want_bytes = 0;
    int lines = 0, same = 0;
    const KtTimeline *t = kt_journal_reader_timeline(reader);
    assert_non_null(t);
    assert_int_equal(kt_timeline_json(t, &json, &bytes), KT_OK);
    while (line_of(json, lines, &got, &got_bytes))
        lines++;
    assert_int_equal(lines, kt_timeline_count(t));
    assert_true(line_of(json, lines - 1, &got, &got_bytes));
    assert_memory_equal(got, "{\"type\":\"stop\"", 14);
    assert_int_equal((int64_t)(take_of(got) * 1e6 + 0.5) <= duration_us, 1);
    for (int i = 0; !e->hole && i < lines - 1; i++) {
        assert_true(line_of(json, i, &got, &got_bytes) && line_of(known, i, &want, &want_bytes));
        assert_int_equal(got_bytes, want_bytes);
        assert_memory_equal(got, want, got_bytes);
        same++;
    }
    /* The next one that was known lies beyond the end, or is the stop itself. */
    if (!e->hole && line_of(known, same, &want, &want_bytes))
        assert_true(take_of(want) * 1e6 > (double)duration_us - 0.5 ||
                    memcmp(want, "{\"type\":\"stop\"", 14) == 0);
    const KtStatus status = kt_scene_json(t, &scene, &bytes, error, sizeof error);
    assert_true(status == KT_OK || error[0]);
    kt_text_free(scene);
    kt_text_free(json);
}

void jr_check(const JournalRig *rig, const uint8_t *intact, KtJournalReader *reader)
{
    const JrExpected e = jr_expect(rig, intact);
    KtJournalTake take;
    const KtStatus status = kt_journal_reader_finish(reader, &take);
    assert_int_equal(status, e.found ? KT_OK : KT_ERR_NOT_FOUND);
    if (!e.found)
        return;
    assert_int_equal(take.file_bytes, e.file_bytes);
    assert_int_equal(take.clusters, e.clusters);
    assert_int_equal(take.released_bytes, e.released_bytes);
    assert_int_equal(take.part_bytes, rig->options.part_bytes);
    assert_int_equal(take.patchable, e.patchable);
    assert_int_equal(take.damaged, e.damaged);
    const JrRecord *last = &rig->records[rig->count - 1];
    assert_int_equal(take.finished, last->chunk == KT_CHUNK_PATCH && intact[rig->count - 1] &&
                                        e.file_bytes == rig->clusters_end);
    if (!take.finished && e.file_bytes < rig->clusters_end)
        assert_int_equal(take.duration_us, e.end_us);
    check_take(rig, intact, &e, reader);
    check_local(rig, intact, &e, reader, take.local_bytes);
    check_timeline(rig, &e, reader, take.duration_us);
}
