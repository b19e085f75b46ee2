/* Any bytes as records of a journal: a list of (16-bit length, record). Where the first byte is
 * odd, each record's length, take id and CRC-32 are made right, so that what lies behind them is
 * reached. Whatever is accepted must give files that hold together. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "keeptake/journal.h"
#include "keeptake/scene.h"
#include "keeptake/webm_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES] = "fuzzed journal";

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static void make_right(uint8_t *record, size_t bytes)
{
    const uint32_t body = (uint32_t)(bytes - KT_JOURNAL_HEADER_BYTES);
    const uint32_t wanted = (uint32_t)record[52] | (uint32_t)record[53] << 8;
    const uint32_t events = wanted < body ? wanted : body;
    memcpy(record, "KTJR\1", 5);
    memcpy(record + 12, take_id, sizeof take_id);
    put32(record + 52, events);
    put32(record + 56, body - events);
    uLong crc = crc32(0L, record, 60);
    put32(record + 60, (uint32_t)crc32(crc, record + KT_JOURNAL_HEADER_BYTES, body));
}

static void check_file(const KtJournalFile *file, int local)
{
    uint8_t header[KT_WEBM_HEADER_BYTES];
    int64_t end = KT_WEBM_HEADER_BYTES, gap_us = 0;
    memcpy(header, file->header, sizeof header);
    if (kt_webm_patch_header(header, 1, -1, KT_WEBM_HEADER_BYTES) != KT_OK)
        abort();
    for (size_t i = 0; i < file->piece_count; i++) {
        const KtJournalPiece *p = &file->pieces[i];
        if (p->bytes <= 0 || p->record_offset < KT_JOURNAL_HEADER_BYTES ||
            (local ? p->file_offset != end : p->file_offset < end))
            abort();
        end = p->file_offset + p->bytes;
    }
    if (end > file->clusters_end || (file->cues == NULL) != (file->cues_bytes == 0))
        abort();
    for (size_t i = 0; i < file->gap_count; i++) {
        if (file->gaps[i].from_us < gap_us || file->gaps[i].to_us <= file->gaps[i].from_us)
            abort();
        gap_us = file->gaps[i].to_us;
    }
}

static void check(KtJournalReader *reader)
{
    KtJournalTake take, again;
    KtJournalFile file;
    char *text = NULL;
    size_t bytes = 0;
    const KtStatus status = kt_journal_reader_finish(reader, &take);
    if (status == KT_ERR_NOT_FOUND)
        return;
    if (status != KT_OK || kt_journal_reader_finish(reader, &again) != KT_OK ||
        again.file_bytes != take.file_bytes || again.duration_us != take.duration_us ||
        take.clusters <= 0 || take.file_bytes <= KT_WEBM_HEADER_BYTES)
        abort();
    if (kt_journal_reader_take(reader, &file) != KT_OK || file.clusters_end != take.file_bytes)
        abort();
    check_file(&file, 0);
    if (kt_journal_reader_local(reader, &file) != KT_OK || file.clusters_end != take.local_bytes)
        abort();
    check_file(&file, 1);
    if (kt_timeline_json(kt_journal_reader_timeline(reader), &text, &bytes) != KT_OK)
        abort();
    kt_text_free(text);
    if (kt_scene_json(kt_journal_reader_timeline(reader), &text, &bytes, NULL, 0) == KT_OK)
        kt_text_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    KtJournalReader *reader = NULL;
    if (bytes < 1 || kt_journal_reader_create(take_id, &reader) != KT_OK)
        return 0;
    const int right = data[0] & 1;
    size_t at = 1;
    while (bytes - at >= 2) {
        size_t length = (size_t)data[at] | (size_t)data[at + 1] << 8;
        at += 2;
        length = length < bytes - at ? length : bytes - at;
        uint8_t *record = malloc(length ? length : 1);
        if (!record)
            abort();
        memcpy(record, data + at, length);
        if (right && length >= KT_JOURNAL_HEADER_BYTES)
            make_right(record, length);
        const KtStatus status = kt_journal_reader_add(reader, record, length);
        if (status != KT_OK && status != KT_ERR_FORMAT)
            abort();
        free(record);
        at += length;
    }
    check(reader);
    kt_journal_reader_destroy(&reader);
    return 0;
}
