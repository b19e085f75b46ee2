/* A take that is being recorded cannot be ended from elsewhere (docs/api.md, "A live take"): who
 * the writer is, what counts as a sign of life, and which requests are refused meanwhile.
 *
 * Signs of life are kept in the row, not in memory: they outlive a restart of the server. They are
 * written again only when the one noted is NOTE_SHARE of the live time old, so that a recorder
 * costs a few small commits a minute. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

#include "base/clock.h"

#define NOTE_SHARE 6
#define OFF_WINDOW_US 60000000 /* the same where takes never count as live: salvage still asks */

int64_t api_live_us(const ApiCall *call)
{
    return call->api->settings.live_s * 1000000;
}

/* --- noting --- */

typedef struct SignOfLife {
    ApiCall *call; /* waits until it is noted; NULL: it does not */
    char id[RECORDING_ID_BYTES], token[TOKEN_ID_BYTES];
    int64_t now_us;
    int writer_known;
} SignOfLife;

static int note_sign(DbConnection *c, void *ctx)
{
    const SignOfLife *sign = ctx;
    return recording_set_alive(c, sign->id, sign->now_us, sign->writer_known, sign->token);
}

static void on_sign_noted(void *ctx, int status)
{
    ApiCall *call = ((SignOfLife *)ctx)->call;
    (void)status; /* the next one is noted again */
    free(ctx);
    if (call && call->request) {
        call->route->handle(call);
    } else if (call) { /* the peer has gone meanwhile */
        api_send_empty(call);
    }
}

/* Returns 1 where the call's handler runs when it is noted: for the first sign of a recorder, so
 * that whoever asks after its answer finds the take guarded. Later ones are noted beside it. */
static int note_alive(ApiCall *call)
{
    RecordingRow *row = &call->row;
    int64_t now_us = clock_now_us(), since_us = now_us - row->alive_us;
    int same = row->writer_known >= call->is_writer &&
               strcmp(row->writer_token, call->identity.token_id) == 0;
    int64_t window_us = api_live_us(call) > 0 ? api_live_us(call) : OFF_WINDOW_US;
    int live = recording_is_live(row, now_us, window_us);
    int is_open = (row->take.state == OBJECT_CREATED || row->take.state == OBJECT_OPEN) &&
                  (row->take.pending == PENDING_NONE || row->take.pending == PENDING_COMPLETE);
    if (!is_open || (same && live && since_us >= 0 && since_us < window_us / NOTE_SHARE)) {
        return 0;
    }
    SignOfLife *sign = calloc(1, sizeof *sign);
    if (!sign) {
        return 0;
    }
    memcpy(sign->id, row->id, sizeof sign->id);
    memcpy(sign->token, call->identity.token_id, sizeof sign->token);
    sign->now_us = now_us;
    sign->writer_known = call->is_writer;
    sign->call = same && live ? NULL : call;
    int waits = sign->call != NULL;
    row->alive_us = now_us;
    db_write(call->api->db, call->by, note_sign, sign, on_sign_noted);
    return waits;
}

/* --- refusing --- */

static void refuse(ApiCall *call, int64_t alive_us)
{
    char seconds[24];
    int64_t left_us = alive_us + api_live_us(call) - clock_now_us();
    snprintf(seconds, sizeof seconds, "%lld",
             (long long)(left_us > 0 ? (left_us + 999999) / 1000000 : 1));
    if (call->request) {
        http_set_header(call->request, "Retry-After", seconds);
    }
    api_fail(call, 409, "take-live",
             "This take is being recorded: only its own recorder can end or change it now.");
}

/* Whether somebody else than the caller records the row. A recorder that never showed its secret is
 * the one with the token of the last sign of life. */
static int is_foreign(const ApiCall *call)
{
    const RecordingRow *row = &call->row;
    if (call->is_writer) {
        return 0;
    }
    return row->writer_known || strcmp(row->writer_token, call->identity.token_id) != 0;
}

static void on_parts(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    ApiCall *call = ctx;
    for (int i = 0; i < count && status == STORE_OK; i++) {
        if (parts[i].modified_unix_us > call->row.alive_us) {
            call->row.alive_us = parts[i].modified_unix_us;
        }
    }
    if (recording_is_live(&call->row, clock_now_us(), api_live_us(call))) {
        refuse(call, call->row.alive_us);
    } else {
        call->route->handle(call);
    }
}

/* Ends the take of a recorder without a secret: parts that arrive are a sign of its life, too,
 * since it may have signed many at once. A store that does not answer does not stand in the way. */
static void ask_store(ApiCall *call)
{
    Store *store = call->api->store;
    store->list_parts(store, call->row.take.key, call->row.take.upload_id, NULL, call, on_parts);
}

void api_live_handle(ApiCall *call)
{
    const RecordingRow *row = &call->row;
    unsigned flags = call->route->flags;
    int live = recording_is_live(row, clock_now_us(), api_live_us(call));
    int foreign = is_foreign(call);
    if (live && foreign && ((flags & API_ENDS) || ((flags & API_CHANGES) && row->writer_known))) {
        refuse(call, row->alive_us);
        return;
    }
    if ((flags & API_ALIVE) && (call->is_writer || (!row->writer_known && (flags & API_CHANGES)))) {
        if (note_alive(call)) {
            return;
        }
    }
    if ((flags & API_ENDS) && foreign && !live && !row->writer_known && api_live_us(call) > 0 &&
        row->alive_us > 0 && row->take.state == OBJECT_OPEN && row->take.pending == PENDING_NONE) {
        ask_store(call);
    } else {
        call->route->handle(call);
    }
}

/* --- POST …/alive --- */

void api_alive(ApiCall *call)
{
    JsonOut out = {0};
    if (call->row.take.state != OBJECT_CREATED && !api_is_uploading(&call->row)) {
        api_fail_state(call);
        return;
    }
    json_begin(&out, '{');
    json_key(&out, "state");
    json_string(&out, object_state_name(call->row.take.state, call->row.take.pending));
    json_end(&out, '}');
    api_send(call, 200, &out);
}
