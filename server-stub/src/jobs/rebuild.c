/* Second half of a salvage: the object is made seekable by another upload to its own key. The first
 * part is sent again with the header patched, those in the middle are copied within the store, the
 * last one ends with the Cues. All parts but the last have one size. */
#include "jobs/salvage_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void next_pieces(Salvage *s);

/* Piece n of the new file: [*from, *to). */
static void piece_range(const Salvage *s, int n, int64_t *from, int64_t *to)
{
    *from = n * s->piece_bytes;
    *to = *from + s->piece_bytes < s->file_bytes ? *from + s->piece_bytes : s->file_bytes;
}

/* --- completing --- */

static void on_rebuilt(void *ctx, StoreStatus status, const StoreObject *object)
{
    Salvage *s = ctx;
    if (status != STORE_OK) {
        salvage__fail_store(s, status);
    } else {
        salvage__complete(s, object->bytes);
    }
}

static void on_rebuild_aborted(void *ctx, StoreStatus status)
{
    Salvage *s = ctx;
    (void)status; /* the next attempt does it again */
    salvage__fail_store(s, s->piece_status);
}

static void finish_pieces(Salvage *s)
{
    Store *store = s->jobs->ports.store;
    if (s->piece_status != STORE_OK) {
        store->abort(store, s->object.key, s->upload_id, NULL, s, on_rebuild_aborted);
    } else if (!salvage__stops(s)) {
        store->complete(store, s->object.key, s->upload_id, s->pieces, s->piece_count, NULL, s,
                        on_rebuilt);
    }
}

/* --- pieces --- */

static void piece_done(Salvage *s, int n, StoreStatus status, const char *etag)
{
    s->in_flight--;
    if (status == STORE_OK) {
        snprintf(s->pieces[n].etag, sizeof s->pieces[n].etag, "%s", etag);
    } else if (s->piece_status == STORE_OK) {
        s->piece_status = status;
    }
    if (!s->is_starting) { /* a call that failed at once is seen by who made it */
        next_pieces(s);
    }
}

typedef struct PieceCopy {
    Salvage *salvage;
    int n;
    StoreCall call;
    struct PieceCopy *next; /* in salvage->copies */
} PieceCopy;

static void on_copied(void *ctx, StoreStatus status, const char *etag)
{
    PieceCopy copy = *(PieceCopy *)ctx, **at = &copy.salvage->copies;
    while (*at != ctx) {
        at = &(*at)->next;
    }
    *at = copy.next;
    free(ctx);
    piece_done(copy.salvage, copy.n, status, etag);
}

static void copy_piece(Salvage *s, int n)
{
    int64_t from, to;
    PieceCopy *copy = malloc(sizeof *copy);
    if (!copy) {
        s->piece_status = STORE_IO;
        return;
    }
    *copy = (PieceCopy){s, n, {.class = STORE_BULK}, s->copies};
    s->copies = copy;
    piece_range(s, n, &from, &to);
    s->in_flight++;
    s->jobs->ports.store->copy_part(s->jobs->ports.store, s->object.key, s->upload_id, n + 1,
                                    s->object.key, from, to - from, &copy->call, copy, on_copied);
}

void salvage__cancel(Salvage *s)
{
    Store *store = s->jobs->ports.store;
    store->cancel(store, &s->bulk);
    for (PieceCopy *copy = s->copies; copy; copy = copy->next) {
        store->cancel(store, &copy->call);
    }
}

static void on_made_stored(void *ctx, StoreStatus status, const char *etag)
{
    Salvage *s = ctx;
    piece_done(s, s->next_piece - 1, status, etag);
}

/* The bytes of the object are in the buffer: the header and the Cues take their places. */
static void store_made(Salvage *s)
{
    int n = s->next_piece - 1;
    int64_t from, to, cues_at = s->found.valid_bytes;
    piece_range(s, n, &from, &to);
    if (n == 0) {
        uint8_t *header = s->found.header;
        KtStatus status = kt_webm_patch_header(header, s->found.duration_us,
                                               s->cues_bytes > 0 ? cues_at : -1, s->file_bytes);
        assert(status == KT_OK); /* salvage__rebuild's condition */
        (void)status;
        memcpy(s->buffer, header, KT_WEBM_HEADER_BYTES);
    }
    int64_t first = from > cues_at ? from : cues_at;
    if (first < to) {
        memcpy(s->buffer + (first - from), s->cues + (first - cues_at), (size_t)(to - first));
    }
    const StoreBody body = {.data = s->buffer, .bytes = to - from};
    s->jobs->ports.store->put_part(s->jobs->ports.store, s->object.key, s->upload_id, n + 1, &body,
                                   &s->bulk, s, on_made_stored);
}

static void fill_buffer(Salvage *s);

static void on_filled(void *ctx, StoreStatus status, size_t bytes)
{
    Salvage *s = ctx;
    if (status != STORE_OK || bytes == 0) {
        piece_done(s, s->next_piece - 1, status != STORE_OK ? status : STORE_IO, NULL);
        return;
    }
    s->buffered_bytes += (int64_t)bytes;
    fill_buffer(s);
}

static void fill_buffer(Salvage *s)
{
    int64_t from, to;
    piece_range(s, s->next_piece - 1, &from, &to);
    to = to < s->found.valid_bytes ? to : s->found.valid_bytes;
    int64_t left = to - from - s->buffered_bytes;
    if (left <= 0) {
        store_made(s);
        return;
    }
    s->jobs->ports.store->get_range(s->jobs->ports.store, s->object.key, from + s->buffered_bytes,
                                    s->buffer + s->buffered_bytes,
                                    left < STORE_MAX_RANGE_BYTES ? (size_t)left
                                                                 : STORE_MAX_RANGE_BYTES,
                                    &s->bulk, s, on_filled);
}

/* Begins a piece where one may begin: pieces that are made here one at a time and alone, copies
 * side by side. 1: and another one may. */
static int start_piece(Salvage *s)
{
    int64_t from, to;
    if (s->jobs->stopping && s->piece_status == STORE_OK) {
        s->piece_status = STORE_UNREACHABLE;
    }
    if (s->piece_status != STORE_OK || s->next_piece >= s->piece_count ||
        s->in_flight >= SALVAGE_COPIES) {
        return 0;
    }
    piece_range(s, s->next_piece, &from, &to);
    if (from > 0 && to <= s->found.valid_bytes) {
        copy_piece(s, s->next_piece++);
        return 1;
    }
    if (s->in_flight > 0) {
        return 0;
    }
    s->next_piece++;
    s->in_flight = 1;
    s->buffered_bytes = 0;
    fill_buffer(s);
    return s->in_flight == 0;
}

static void next_pieces(Salvage *s)
{
    s->is_starting = 1;
    while (start_piece(s)) {
    }
    s->is_starting = 0;
    if (s->in_flight == 0) {
        finish_pieces(s);
    }
}

/* --- the upload --- */

static int note_rebuild(DbConnection *c, void *ctx)
{
    Salvage *s = ctx;
    return object_set_rebuild(c, s->object.id, s->upload_id, clock_now_us());
}

static void on_unnoted_aborted(void *ctx, StoreStatus status)
{
    (void)status; /* the cleanup finds it otherwise */
    salvage__end(ctx);
}

static void on_rebuild_noted(void *ctx, int status)
{
    Salvage *s = ctx;
    if (status == DB_OK) {
        next_pieces(s);
        return;
    }
    s->result.status = status == DB_FULL ? JOB_FULL : JOB_BROKEN;
    snprintf(s->result.message, sizeof s->result.message, "The rebuilding could not be noted.");
    s->jobs->ports.store->abort(s->jobs->ports.store, s->object.key, s->upload_id, NULL, s,
                                on_unnoted_aborted);
}

static void on_upload(void *ctx, StoreStatus status, const char *upload_id)
{
    Salvage *s = ctx;
    if (status != STORE_OK) {
        salvage__fail_store(s, status);
        return;
    }
    snprintf(s->upload_id, sizeof s->upload_id, "%s", upload_id);
    db_write(s->jobs->ports.db, s->by, note_rebuild, s, on_rebuild_noted);
}

int salvage__make_cues(Salvage *s)
{
    const TakeScanResult *found = &s->found;
    int64_t bytes = kt_webm_cues_bytes(found->cues, found->cue_count);
    s->cues_bytes = 0;
    if (bytes <= 0) {
        return 0;
    }
    s->cues = malloc((size_t)bytes);
    if (!s->cues) {
        return -1;
    }
    if (kt_webm_write_cues(found->cues, found->cue_count, s->cues, (size_t)bytes) == bytes) {
        s->cues_bytes = (size_t)bytes;
    }
    return 0;
}

/* 0, or -1: no memory. */
static int plan(Salvage *s)
{
    const TakeScanResult *found = &s->found;
    s->file_bytes = found->valid_bytes + (int64_t)s->cues_bytes;
    s->piece_bytes = s->object.part_bytes;
    while ((s->file_bytes - 1) / s->piece_bytes >= STORE_MAX_PARTS) {
        s->piece_bytes *= 2;
    }
    assert(s->piece_bytes >= KT_WEBM_HEADER_BYTES && s->file_bytes >= KT_WEBM_HEADER_BYTES);
    s->piece_count = (int)((s->file_bytes - 1) / s->piece_bytes) + 1;
    s->pieces = calloc((size_t)s->piece_count, sizeof *s->pieces);
    s->buffer = malloc((size_t)(s->piece_bytes < s->file_bytes ? s->piece_bytes : s->file_bytes));
    for (int i = 0; s->pieces && i < s->piece_count; i++) {
        int64_t from, to;
        piece_range(s, i, &from, &to);
        s->pieces[i].number = i + 1;
        s->pieces[i].bytes = to - from;
    }
    return s->pieces && s->buffer ? 0 : -1;
}

void salvage__rebuild(Salvage *s)
{
    if (salvage__stops(s)) {
        return;
    }
    if (plan(s) != 0) {
        salvage__fail(s, JOB_BROKEN, "There is not enough memory.");
        return;
    }
    s->jobs->ports.store->create_upload(s->jobs->ports.store, s->object.key, s->object.type, NULL,
                                        s, on_upload);
}
