/* What the tests of the uploader share: a fake store on a virtual clock that may be lossy. Include
 * after cmocka.h. */
#ifndef KEEPTAKE_TEST_UPLOADER_WORLD_H
#define KEEPTAKE_TEST_UPLOADER_WORLD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/uploader.h"

#define SECOND INT64_C(1000000)
#define PART (INT64_C(64) << 10)
#define MAX_PARTS 256
#define MAX_QUEUED 64

typedef struct StoredPart {
    int64_t bytes;
    int header; /* 1: carries the patched header */
    unsigned version;
} StoredPart;

typedef struct Queued {
    int used;
    int64_t at_us;
    KtUploadRequest request;
    int header;
    int lands;   /* the store carries it out */
    int answers; /* 0: the answer is lost */
    KtUploadFailure failure;
    int fails;
} Queued;

typedef struct World {
    KtUploader *u;
    int64_t now_us;
    int64_t url_life_us;
    int64_t put_us; /* every PUT takes so long and shows no progress; 0: usual */
    StoredPart parts[MAX_PARTS];
    Queued queue[MAX_QUEUED];
    uint32_t random;
    int loss_percent;
    int lose_next_put; /* it lands, but its answer breaks off */
    int refuse_lists;  /* 1: a policy that allows no ListParts; 2: its answers never come */
    int lists;
    int patched; /* the caller's header is in its final form */
    int exists, completed, aborted;
    int64_t released_to, appended;
    unsigned versions;
    int puts, signs, tails, max_parallel;
} World;

static inline uint32_t next_random(World *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return w->random;
}

static const KtUploaderConfig default_config = {
    .part_bytes = PART,
    .max_inflight = 3,
    .first_tail_us = 4 * SECOND,
    .sign_timeout_us = 10 * SECOND,
    .stall_timeout_us = 20 * SECOND,
    .retry_base_us = SECOND / 2,
    .retry_max_us = 20 * SECOND,
    .seed = 7,
    .patch_first_part = 1,
};

static inline void world_open(World *w, const KtUploaderConfig *config, uint32_t seed,
                              int loss_percent)
{
    *w = (World){
        .random = seed ? seed : 1, .loss_percent = loss_percent, .url_life_us = 3600 * SECOND};
    assert_int_equal(kt_uploader_create(config, &w->u), KT_OK);
}

static inline void world_close(World *w)
{
    kt_uploader_destroy(&w->u);
    assert_null(w->u);
}

static inline void etag_of(const StoredPart *part, int number, char out[64])
{
    snprintf(out, 64, "\"%d-%lld-%d-%u\"", number, (long long)part->bytes, part->header,
             part->version);
}

static inline void enqueue(World *w, const KtUploadRequest *request)
{
    for (int i = 0; i < MAX_QUEUED; i++) {
        Queued *q = &w->queue[i];
        if (q->used)
            continue;
        *q = (Queued){
            .used = 1, .request = *request, .header = w->patched, .lands = 1, .answers = 1};
        q->at_us = w->now_us + 20000 + (int64_t)(next_random(w) % 200000);
        if (request->kind == KT_UPLOAD_PUT && w->put_us > 0)
            q->at_us = w->now_us + w->put_us;
        if (request->kind == KT_UPLOAD_PUT && w->lose_next_put) {
            w->lose_next_put = 0;
            q->fails = 1, q->failure = KT_UPLOAD_FAIL_NETWORK;
            return;
        }
        if (request->kind == KT_UPLOAD_LIST && w->refuse_lists) {
            q->fails = w->refuse_lists == 1, q->answers = q->fails;
            q->failure = KT_UPLOAD_FAIL_REFUSED;
            return;
        }
        if ((int)(next_random(w) % 100) >= w->loss_percent)
            return;
        switch (next_random(w) % 6) {
        case 0:
            q->lands = 0, q->fails = 1, q->failure = KT_UPLOAD_FAIL_NETWORK;
            break;
        case 1:
            q->fails = 1, q->failure = KT_UPLOAD_FAIL_NETWORK;
            break; /* done, answer broken */
        case 2:
            q->lands = 0, q->fails = 1, q->failure = KT_UPLOAD_FAIL_SERVER;
            break;
        case 3:
            q->answers = 0;
            break; /* done, answer lost */
        case 4:
            q->answers = 0; /* lost for the caller; a PUT may yet land, even when cancelled */
            q->lands = request->kind == KT_UPLOAD_PUT && next_random(w) % 2;
            if (q->lands)
                q->at_us = w->now_us + (15 + next_random(w) % 20) * SECOND;
            break;
        default:
            q->lands = 0, q->fails = 1;
            q->failure =
                request->kind == KT_UPLOAD_PUT ? KT_UPLOAD_FAIL_EXPIRED : KT_UPLOAD_FAIL_SERVER;
            break;
        }
        return;
    }
    fail_msg("more than %d requests at once", MAX_QUEUED);
}

static inline int puts_of_part_running(const World *w, int part)
{
    int count = 0;
    for (int i = 0; i < MAX_QUEUED; i++)
        count += w->queue[i].used && w->queue[i].request.kind == KT_UPLOAD_PUT &&
                 w->queue[i].request.part == part && w->queue[i].answers;
    return count;
}

static inline void cancel(World *w, uint32_t id)
{
    for (int i = 0; i < MAX_QUEUED; i++) {
        if (!w->queue[i].used || w->queue[i].request.id != id)
            continue;
        if (w->queue[i].answers || !w->queue[i].lands)
            w->queue[i].used = 0;
        kt_uploader_failed(w->u, w->now_us, id, KT_UPLOAD_FAIL_CANCELLED);
        return;
    }
    /* Its answer was lost with the request: the caller knows no such request, and says so. */
    kt_uploader_failed(w->u, w->now_us, id, KT_UPLOAD_FAIL_CANCELLED);
}

static inline void carry_out(World *w, const KtUploadRequest *r)
{
    switch (r->kind) {
    case KT_UPLOAD_CANCEL:
        cancel(w, r->id);
        return;
    case KT_UPLOAD_RELEASE:
        assert_true(r->offset > w->released_to);
        assert_int_equal(r->offset % PART, 0);
        for (int part = 1; part <= r->offset / PART; part++)
            assert_int_equal(w->parts[part - 1].bytes, PART);
        w->released_to = r->offset;
        return;
    case KT_UPLOAD_PUT:
        assert_true(r->part >= 1 && r->part <= MAX_PARTS);
        assert_int_equal(r->offset, (r->part - 1) * PART);
        assert_true(r->bytes > 0 && r->bytes <= PART && r->offset + r->bytes <= w->appended);
        assert_true(r->part == 1 || r->offset >= w->released_to);
        assert_int_equal(puts_of_part_running(w, r->part), 0);
        w->puts++;
        w->tails += r->bytes < PART;
        break;
    case KT_UPLOAD_SIGN:
        w->signs++;
        break;
    case KT_UPLOAD_LIST:
        w->lists++;
        break;
    default:
        break;
    }
    enqueue(w, r);
    int parallel = 0;
    for (int i = 0; i < MAX_QUEUED; i++)
        parallel += w->queue[i].used && w->queue[i].request.kind == KT_UPLOAD_PUT;
    if (parallel > w->max_parallel)
        w->max_parallel = parallel;
}

/* Complete as a store does it: every part of the list has to be there with that ETag. */
static inline int complete_matches(World *w)
{
    const int count = kt_uploader_part_count(w->u);
    for (int part = 1; part <= count; part++) {
        int64_t bytes = 0;
        const char *etag = NULL;
        char stored[64], quoted[KT_UPLOAD_ETAG_BYTES + 2];
        assert_int_equal(kt_uploader_part(w->u, part, &bytes, &etag), KT_OK);
        etag_of(&w->parts[part - 1], part, stored);
        snprintf(quoted, sizeof quoted, "\"%s\"", etag);
        if (strcmp(stored, quoted) != 0)
            return 0;
    }
    return 1;
}

static inline void answer_list(World *w, uint32_t id)
{
    for (int part = 1; part <= MAX_PARTS; part++) {
        char etag[64];
        etag_of(&w->parts[part - 1], part, etag);
        if (w->parts[part - 1].bytes > 0)
            assert_int_equal(
                kt_uploader_listed_part(w->u, id, part, w->parts[part - 1].bytes, etag), KT_OK);
    }
    kt_uploader_listed(w->u, w->now_us, id);
}

static inline void land(World *w, Queued *q)
{
    StoredPart *part = q->request.kind == KT_UPLOAD_PUT ? &w->parts[q->request.part - 1] : NULL;
    char etag[64];
    int refused = 0;
    if (q->lands && part && !w->aborted && !w->completed)
        *part = (StoredPart){q->request.bytes, q->request.part == 1 && q->header, ++w->versions};
    if (q->lands && q->request.kind == KT_UPLOAD_CREATE)
        w->exists = 1;
    if (q->lands && q->request.kind == KT_UPLOAD_COMPLETE) {
        refused = !w->completed && !complete_matches(w);
        w->completed |= !refused;
    }
    if (q->lands && q->request.kind == KT_UPLOAD_ABORT) {
        w->aborted = 1;
        memset(w->parts, 0, sizeof w->parts);
    }
    if (!q->answers)
        return;
    if (q->fails || refused) {
        kt_uploader_failed(w->u, w->now_us, q->request.id,
                           refused ? KT_UPLOAD_FAIL_REFUSED : q->failure);
        return;
    }
    switch (q->request.kind) {
    case KT_UPLOAD_CREATE:
        kt_uploader_created(w->u, w->now_us, q->request.id);
        break;
    case KT_UPLOAD_SIGN:
        kt_uploader_signed(w->u, w->now_us, q->request.id, w->now_us + w->url_life_us);
        break;
    case KT_UPLOAD_PUT:
        etag_of(part, q->request.part, etag);
        kt_uploader_put_done(w->u, w->now_us, q->request.id, etag);
        break;
    case KT_UPLOAD_LIST:
        answer_list(w, q->request.id);
        break;
    case KT_UPLOAD_COMPLETE:
        kt_uploader_completed(w->u, w->now_us, q->request.id);
        break;
    case KT_UPLOAD_ABORT:
        kt_uploader_aborted(w->u, w->now_us, q->request.id);
        break;
    default:
        fail();
    }
}

static inline KtUploaderStats stats_of(World *w)
{
    KtUploaderStats stats;
    kt_uploader_stats(w->u, w->now_us, &stats);
    return stats;
}

/* Nothing is left to do at this moment: where the upload is not at its end, a later one is named
 * at which there may be, or it would wait for ever. */
static inline void check_that_it_wakes(World *w)
{
    const KtUploaderStats stats = stats_of(w);
    const int over = stats.state == KT_UPLOADER_DONE || stats.state == KT_UPLOADER_ABORTED ||
                     stats.state == KT_UPLOADER_FAILED;
    if (w->patched && !over)
        assert_true(stats.next_us >= w->now_us);
}

static inline void step(World *w, int64_t until_us)
{
    KtUploadRequest request;
    while (w->now_us < until_us) {
        int guard = 0;
        while (kt_uploader_next(w->u, w->now_us, &request) == KT_OK) {
            carry_out(w, &request);
            assert_true(++guard < 1000);
        }
        check_that_it_wakes(w);
        w->now_us += 10000;
        for (int i = 0; i < MAX_QUEUED; i++) {
            Queued *q = &w->queue[i];
            if (!q->used || q->at_us > w->now_us)
                continue;
            q->used = 0;
            land(w, q);
        }
    }
}

static inline void append(World *w, int64_t bytes)
{
    w->appended += bytes;
    assert_int_equal(kt_uploader_append(w->u, w->now_us, bytes), KT_OK);
}

static inline void finish_and_check(World *w, int64_t limit_us)
{
    w->patched = 1;
    assert_int_equal(kt_uploader_finish(w->u, w->now_us), KT_OK);
    const int64_t deadline = w->now_us + limit_us;
    while (w->now_us < deadline && stats_of(w).state != KT_UPLOADER_DONE)
        step(w, w->now_us + SECOND / 10);
    assert_int_equal(stats_of(w).state, KT_UPLOADER_DONE);
    assert_true(w->completed);
    const int count = kt_uploader_part_count(w->u);
    for (int part = 1; part <= count; part++) {
        const int64_t rest = w->appended - (part - 1) * PART;
        assert_int_equal(w->parts[part - 1].bytes, rest < PART ? rest : PART);
    }
    assert_true(w->parts[0].header);
    assert_int_equal(stats_of(w).safe_bytes, w->appended);
    assert_int_equal(stats_of(w).backlog_bytes, 0);
}

#endif
