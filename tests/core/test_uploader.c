/* The upload's state machine against a fake store on a virtual clock: clean runs for exact
 * schedules, lossy ones (late, lost, doubled, refused, expired answers) for one invariant: the
 * completed object is the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    int patched; /* the caller's header is in its final form */
    int exists, completed, aborted;
    int64_t released_to, appended;
    unsigned versions;
    int puts, signs, tails, max_parallel;
} World;

static uint32_t next_random(World *w)
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

static void world_open(World *w, const KtUploaderConfig *config, uint32_t seed, int loss_percent)
{
    *w = (World){
        .random = seed ? seed : 1, .loss_percent = loss_percent, .url_life_us = 3600 * SECOND};
    assert_int_equal(kt_uploader_create(config, &w->u), KT_OK);
}

static void world_close(World *w)
{
    kt_uploader_destroy(&w->u);
    assert_null(w->u);
}

static void etag_of(const StoredPart *part, int number, char out[64])
{
    snprintf(out, 64, "\"%d-%lld-%d-%u\"", number, (long long)part->bytes, part->header,
             part->version);
}

static void enqueue(World *w, const KtUploadRequest *request)
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

static int puts_of_part_running(const World *w, int part)
{
    int count = 0;
    for (int i = 0; i < MAX_QUEUED; i++)
        count += w->queue[i].used && w->queue[i].request.kind == KT_UPLOAD_PUT &&
                 w->queue[i].request.part == part && w->queue[i].answers;
    return count;
}

static void cancel(World *w, uint32_t id)
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

static void carry_out(World *w, const KtUploadRequest *r)
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
static int complete_matches(World *w)
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

static void answer_list(World *w, uint32_t id)
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

static void land(World *w, Queued *q)
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

static KtUploaderStats stats_of(World *w)
{
    KtUploaderStats stats;
    kt_uploader_stats(w->u, w->now_us, &stats);
    return stats;
}

/* Nothing is left to do at this moment: where the upload is not at its end, a later one is named
 * at which there may be, or it would wait for ever. */
static void check_that_it_wakes(World *w)
{
    const KtUploaderStats stats = stats_of(w);
    const int over = stats.state == KT_UPLOADER_DONE || stats.state == KT_UPLOADER_ABORTED ||
                     stats.state == KT_UPLOADER_FAILED;
    if (w->patched && !over)
        assert_true(stats.next_us >= w->now_us);
}

static void step(World *w, int64_t until_us)
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

static void append(World *w, int64_t bytes)
{
    w->appended += bytes;
    assert_int_equal(kt_uploader_append(w->u, w->now_us, bytes), KT_OK);
}

static void finish_and_check(World *w, int64_t limit_us)
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

static void sends_whole_parts_then_patches_the_first(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 1, 0);
    for (int i = 0; i < 40; i++) {
        append(&w, 16 << 10);
        step(&w, w.now_us + SECOND / 20);
    }
    finish_and_check(&w, 10 * SECOND);
    assert_int_equal(w.puts, 11); /* ten parts and the first one again */
    assert_int_equal(w.signs, 1);
    assert_int_equal(w.tails, 0);
    assert_true(w.max_parallel <= 3);
    world_close(&w);
}

static void a_take_shorter_than_a_part(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 2, 0);
    append(&w, 5000);
    step(&w, 100000);
    finish_and_check(&w, 5 * SECOND);
    assert_int_equal(w.puts, 1);
    world_close(&w);
}

static void unfinished_part_is_sent_on_a_doubling_schedule(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 3, 0);
    /* 4 KiB/s: a part takes 16 s; tails after 4 and 8 s fit the budget. */
    int64_t worst = 0;
    for (int i = 0; i < 160 * 8; i++) {
        append(&w, 512);
        step(&w, w.now_us + SECOND / 8);
        const int64_t backlog = stats_of(&w).backlog_bytes;
        worst = backlog > worst ? backlog : worst;
    }
    const KtUploaderStats stats = stats_of(&w);
    assert_true(worst <= 9 * (4 << 10));
    assert_true((double)stats.sent_bytes <= 1.8 * (double)stats.total_bytes);
    assert_true(w.tails >= 18);
    finish_and_check(&w, 10 * SECOND);
    world_close(&w);
}

static void lossy_stores_end_with_the_file(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 300; seed++) {
        World w;
        world_open(&w, &default_config, seed * 2654435761u, 5 + (int)(seed % 40));
        w.url_life_us = (seed % 3 ? 3600 : 90) * SECOND;
        const int rounds = 20 + (int)(next_random(&w) % 200);
        for (int i = 0; i < rounds; i++) {
            append(&w, 1 + next_random(&w) % 40000);
            step(&w, w.now_us + (int64_t)(next_random(&w) % 2000000));
        }
        finish_and_check(&w, 590 * SECOND);
        world_close(&w);
    }
}

static void abort_leaves_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 100; seed++) {
        World w;
        world_open(&w, &default_config, seed * 40503u, (int)(seed % 30));
        for (int i = 0; i < 30; i++) {
            append(&w, 1 + next_random(&w) % 40000);
            step(&w, w.now_us + (int64_t)(next_random(&w) % 500000));
        }
        assert_int_equal(kt_uploader_abort(w.u, w.now_us), KT_OK);
        assert_int_equal(kt_uploader_append(w.u, w.now_us, 1), KT_ERR_STATE);
        step(&w, w.now_us + 300 * SECOND);
        assert_int_equal(stats_of(&w).state, KT_UPLOADER_ABORTED);
        for (int part = 0; part < MAX_PARTS; part++)
            assert_int_equal(w.parts[part].bytes, 0);
        world_close(&w);
    }
}

static void abort_before_anything_was_asked(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 1, 0);
    assert_int_equal(kt_uploader_abort(w.u, 0), KT_OK);
    assert_int_equal(stats_of(&w).state, KT_UPLOADER_ABORTED);
    world_close(&w);
}

static void a_link_slower_than_the_stall_time_gets_there(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 6, 0);
    w.put_us = 70 * SECOND; /* the stall time is 20 s: 40 s and 80 s have to follow */
    for (int i = 0; i < 4; i++) {
        append(&w, PART);
        step(&w, w.now_us + SECOND);
    }
    finish_and_check(&w, 900 * SECOND);
    /* Three at 20 s, one at 40 s, then each part once, and part 1 again. */
    assert_true(w.puts <= 9);
    world_close(&w);
}

static void patience_ends_where_parts_get_through(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 6, 0);
    w.put_us = 70 * SECOND;
    append(&w, PART);
    step(&w, w.now_us + 140 * SECOND);
    assert_int_equal(stats_of(&w).parts_done, 1);
    w.put_us = 0;
    append(&w, 10 * PART);
    step(&w, w.now_us + 10 * SECOND);
    assert_int_equal(stats_of(&w).parts_done, 11);
    /* One that stands still now is found after the usual time. */
    w.put_us = 1000 * SECOND;
    const int retries = stats_of(&w).retries;
    append(&w, PART);
    step(&w, w.now_us + 21 * SECOND);
    assert_int_equal(stats_of(&w).retries, retries + 1);
    w.put_us = 0;
    finish_and_check(&w, 100 * SECOND);
    world_close(&w);
}

static void stalled_requests_are_cancelled_and_repeated(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 1, 0);
    append(&w, PART);
    assert_int_equal(kt_uploader_next(w.u, 0, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_CREATE);
    assert_int_equal(stats_of(&w).next_us, default_config.sign_timeout_us);
    kt_uploader_created(w.u, 0, r.id);
    kt_uploader_next(w.u, 0, &r);
    kt_uploader_signed(w.u, 0, r.id, 3600 * SECOND);
    kt_uploader_next(w.u, 0, &r);
    assert_int_equal(r.kind, KT_UPLOAD_PUT);
    const uint32_t put = r.id;
    kt_uploader_progress(w.u, 15 * SECOND, put, 1000);
    assert_int_equal(kt_uploader_next(w.u, 30 * SECOND, &r), KT_AGAIN);
    assert_int_equal(kt_uploader_next(w.u, 35 * SECOND, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_CANCEL);
    assert_int_equal(r.id, put);
    assert_int_equal(kt_uploader_failed(w.u, 35 * SECOND, put, KT_UPLOAD_FAIL_CANCELLED), KT_OK);
    assert_int_equal(kt_uploader_failed(w.u, 35 * SECOND, put, KT_UPLOAD_FAIL_CANCELLED),
                     KT_ERR_NOT_FOUND);
    assert_int_equal(kt_uploader_next(w.u, 35 * SECOND, &r), KT_AGAIN);
    kt_uploader_wake(w.u, 35 * SECOND);
    assert_int_equal(kt_uploader_next(w.u, 35 * SECOND, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_PUT);
    world_close(&w);
}

/* Answers a LIST: part 1 as it is known, part 2 as given. */
static void list_two_parts(World *w, const KtUploadRequest *list, int64_t bytes, const char *etag)
{
    int64_t first_bytes = 0;
    const char *first = NULL;
    assert_int_equal(list->kind, KT_UPLOAD_LIST);
    assert_int_equal(kt_uploader_part(w->u, 1, &first_bytes, &first), KT_OK);
    assert_int_equal(kt_uploader_listed_part(w->u, list->id, 1, first_bytes, first), KT_OK);
    assert_int_equal(kt_uploader_listed_part(w->u, list->id, 2, bytes, etag), KT_OK);
    assert_int_equal(kt_uploader_listed(w->u, w->now_us, list->id), KT_OK);
}

static void a_cancelled_put_that_lands_late_is_overwritten(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 1, 0);
    append(&w, PART + PART / 2);
    step(&w, 3 * SECOND);
    assert_int_equal(w.released_to, PART);
    w.now_us = 4 * SECOND;
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_PUT);
    assert_int_equal(r.bytes, PART / 2);
    append(&w, PART / 2);
    w.now_us = 24 * SECOND;
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_CANCEL);
    kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_CANCELLED);
    kt_uploader_wake(w.u, w.now_us);
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_PUT);
    assert_int_equal(r.bytes, PART);
    assert_int_equal(kt_uploader_put_done(w.u, w.now_us, r.id, "whole"), KT_OK);
    /* Whole for all that is known, but the old copy is still under way. */
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_AGAIN);
    assert_int_equal(stats_of(&w).next_us, w.now_us + KT_UPLOAD_DOUBT_US);
    w.now_us += KT_UPLOAD_DOUBT_US - 1;
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_AGAIN);
    w.now_us++;
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    list_two_parts(&w, &r, PART / 2, "half");
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_PUT);
    assert_int_equal(r.part, 2);
    assert_int_equal(kt_uploader_put_done(w.u, w.now_us, r.id, "again"), KT_OK);
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_RELEASE);
    assert_int_equal(r.offset, 2 * PART);
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_AGAIN);
    world_close(&w);
}

/* Stop does not wait for the old copy: Complete names ETags, and the bytes are kept until then. */
static void a_part_in_doubt_is_looked_at_before_complete(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 1, 0);
    append(&w, PART + 1000);
    step(&w, 3 * SECOND);
    w.now_us = 4 * SECOND;
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.bytes, 1000);
    append(&w, PART - 1000);
    kt_uploader_finish(w.u, w.now_us);
    kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_NETWORK);
    kt_uploader_wake(w.u, w.now_us);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
        assert_int_equal(r.kind, KT_UPLOAD_PUT);
        assert_int_equal(kt_uploader_put_done(w.u, w.now_us, r.id, "whole"), KT_OK);
    }
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    list_two_parts(&w, &r, PART, "whole");
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_COMPLETE);
    world_close(&w);
}

/* A token that expires while recording refuses every PUT in flight; a new one is given later. */
static void refusals_while_recording_are_waited_out(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r, puts[3];
    world_open(&w, &default_config, 1, 0);
    append(&w, 3 * PART);
    kt_uploader_next(w.u, 0, &r);
    kt_uploader_created(w.u, 0, r.id);
    kt_uploader_next(w.u, 0, &r);
    assert_int_equal(r.kind, KT_UPLOAD_SIGN);
    kt_uploader_signed(w.u, 0, r.id, 36000 * SECOND);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kt_uploader_next(w.u, 0, &puts[i]), KT_OK);
        assert_int_equal(puts[i].kind, KT_UPLOAD_PUT);
    }
    for (int i = 0; i < 3; i++)
        kt_uploader_failed(w.u, 0, puts[i].id, KT_UPLOAD_FAIL_REFUSED);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(stats_of(&w).state, KT_UPLOADER_WAITING);
        const int64_t wait_us = stats_of(&w).next_us - w.now_us;
        assert_true(wait_us >= default_config.retry_max_us / 2);
        assert_true(wait_us <= default_config.retry_max_us);
        w.now_us += wait_us;
        assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
        kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_REFUSED);
    }
    step(&w, w.now_us + 30 * SECOND);
    finish_and_check(&w, 10 * SECOND);
    world_close(&w);
}

static void refusals_and_a_lost_upload_are_final(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 1, 0);
    append(&w, 5000);
    for (int i = 0; i < 2 * KT_UPLOAD_REFUSALS; i++) {
        kt_uploader_wake(w.u, w.now_us);
        assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
        kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_REFUSED);
    }
    assert_int_equal(kt_uploader_finish(w.u, w.now_us), KT_OK);
    for (int i = 0; i < KT_UPLOAD_REFUSALS; i++) {
        assert_int_not_equal(stats_of(&w).state, KT_UPLOADER_FAILED);
        kt_uploader_wake(w.u, w.now_us);
        assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
        kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_REFUSED);
    }
    assert_int_equal(stats_of(&w).state, KT_UPLOADER_FAILED);
    assert_int_equal(stats_of(&w).failure, KT_ERR_REFUSED);
    assert_int_equal(kt_uploader_append(w.u, 0, 1), KT_ERR_STATE);
    world_close(&w);

    world_open(&w, &default_config, 1, 0);
    kt_uploader_next(w.u, 0, &r);
    kt_uploader_failed(w.u, 0, r.id, KT_UPLOAD_FAIL_GONE);
    assert_int_equal(stats_of(&w).failure, KT_ERR_NOT_FOUND);
    world_close(&w);
}

static void gives_up_only_after_finish_and_in_the_end(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 5, 0);
    append(&w, PART);
    step(&w, 2 * SECOND);
    w.loss_percent = 100;
    append(&w, PART);
    step(&w, w.now_us + 3600 * SECOND);
    assert_int_not_equal(stats_of(&w).state, KT_UPLOADER_FAILED);
    kt_uploader_finish(w.u, w.now_us);
    step(&w, w.now_us + 700 * SECOND);
    assert_int_equal(stats_of(&w).state, KT_UPLOADER_FAILED);
    world_close(&w);
}

/* A store that refuses every URL, say by its clock, while the server goes on signing them. */
static void fresh_urls_do_not_put_off_giving_up(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 6, 0);
    append(&w, 5000);
    assert_int_equal(kt_uploader_next(w.u, 0, &r), KT_OK);
    assert_int_equal(kt_uploader_created(w.u, 0, r.id), KT_OK);
    assert_int_equal(kt_uploader_finish(w.u, 0), KT_OK);
    int puts = 0;
    for (; w.now_us < 2 * KT_UPLOAD_GIVE_UP_US; w.now_us += SECOND / 10) {
        while (kt_uploader_next(w.u, w.now_us, &r) == KT_OK) {
            if (r.kind == KT_UPLOAD_SIGN) {
                kt_uploader_signed(w.u, w.now_us, r.id, w.now_us + 3600 * SECOND);
                continue;
            }
            assert_int_equal(r.kind, KT_UPLOAD_PUT);
            kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_EXPIRED);
            puts++;
        }
        if (stats_of(&w).state == KT_UPLOADER_FAILED)
            break;
    }
    assert_true(puts > 10);
    assert_int_equal(stats_of(&w).failure, KT_ERR_NETWORK);
    assert_true(w.now_us >= KT_UPLOAD_GIVE_UP_US && w.now_us < KT_UPLOAD_GIVE_UP_US + 30 * SECOND);
    world_close(&w);
}

/* A take that stood paused for an hour is thrown away; the first attempt finds no network. */
static void abort_after_a_long_silence_is_tried_again(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 8, 0);
    append(&w, PART);
    step(&w, 2 * SECOND);
    w.now_us += 3600 * SECOND;
    assert_int_equal(kt_uploader_abort(w.u, w.now_us), KT_OK);
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_ABORT);
    assert_int_equal(kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_NETWORK), KT_OK);
    assert_int_not_equal(stats_of(&w).state, KT_UPLOADER_FAILED);
    step(&w, w.now_us + 60 * SECOND);
    assert_int_equal(stats_of(&w).state, KT_UPLOADER_ABORTED);
    assert_true(w.aborted);
    world_close(&w);
}

static void resume_sends_only_what_the_store_lacks(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 9, 0);
    w.exists = 1;
    for (int part = 0; part < 10; part++)
        if (part != 4)
            w.parts[part] = (StoredPart){PART, 0, 1};
    w.parts[9].bytes = 1000; /* an unfinished tail */
    assert_int_equal(kt_uploader_resume(w.u, 0), KT_OK);
    step(&w, SECOND);
    append(&w, 9 * PART + 5000);
    finish_and_check(&w, 20 * SECOND);
    assert_int_equal(w.puts, 3); /* parts 5, 10, and 1 with its header */
    world_close(&w);
}

static void bad_arguments(void **state)
{
    (void)state;
    KtUploader *u = NULL;
    KtUploaderConfig config = default_config;
    config.part_bytes = 1000;
    assert_int_equal(kt_uploader_create(&config, &u), KT_ERR_ARG);
    config = default_config;
    config.max_inflight = 0;
    assert_int_equal(kt_uploader_create(&config, &u), KT_ERR_ARG);
    assert_null(u);
    World w;
    world_open(&w, &default_config, 1, 0);
    assert_int_equal(kt_uploader_append(w.u, 0, 0), KT_ERR_ARG);
    assert_int_equal(kt_uploader_append(w.u, 0, -5), KT_ERR_ARG);
    assert_int_equal(kt_uploader_append(w.u, 0, PART * KT_UPLOAD_MAX_PARTS + 1), KT_ERR_LIMIT);
    assert_int_equal(kt_uploader_finish(w.u, 0), KT_ERR_STATE);
    assert_int_equal(kt_uploader_put_done(w.u, 0, 99, "x"), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_uploader_put_done(w.u, 0, 99, ""), KT_ERR_ARG);
    assert_int_equal(kt_uploader_put_done(w.u, 0, 99, "\"\""), KT_ERR_ARG);
    world_close(&w);
}

static void part_sizes_fit_the_longest_take(void **state)
{
    (void)state;
    assert_int_equal(kt_upload_part_bytes(3 * 3600 * SECOND, 2628000), KT_UPLOAD_MIN_PART_BYTES);
    const int64_t day = kt_upload_part_bytes(24 * 3600 * SECOND, 50510000);
    assert_int_equal(day % (1 << 20), 0);
    assert_true((double)day * KT_UPLOAD_MAX_PARTS >= 1.5 * 86400 * 50510000.0 / 8);
    assert_int_equal(kt_upload_part_bytes(-1, -1), KT_UPLOAD_MIN_PART_BYTES);
}

static int create_and_destroy(void *context)
{
    KtUploader *u = NULL;
    const KtStatus status = kt_uploader_create(context, &u);
    kt_uploader_destroy(&u);
    return status == KT_OK;
}

static void failed_allocations(void **state)
{
    (void)state;
    KtUploaderConfig config = default_config;
    assert_int_equal(kt_alloc_each(create_and_destroy, &config), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_whole_parts_then_patches_the_first),
        cmocka_unit_test(a_take_shorter_than_a_part),
        cmocka_unit_test(unfinished_part_is_sent_on_a_doubling_schedule),
        cmocka_unit_test(lossy_stores_end_with_the_file),
        cmocka_unit_test(abort_leaves_nothing),
        cmocka_unit_test(abort_before_anything_was_asked),
        cmocka_unit_test(a_link_slower_than_the_stall_time_gets_there),
        cmocka_unit_test(patience_ends_where_parts_get_through),
        cmocka_unit_test(stalled_requests_are_cancelled_and_repeated),
        cmocka_unit_test(a_cancelled_put_that_lands_late_is_overwritten),
        cmocka_unit_test(a_part_in_doubt_is_looked_at_before_complete),
        cmocka_unit_test(refusals_while_recording_are_waited_out),
        cmocka_unit_test(refusals_and_a_lost_upload_are_final),
        cmocka_unit_test(gives_up_only_after_finish_and_in_the_end),
        cmocka_unit_test(fresh_urls_do_not_put_off_giving_up),
        cmocka_unit_test(abort_after_a_long_silence_is_tried_again),
        cmocka_unit_test(resume_sends_only_what_the_store_lacks),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(part_sizes_fit_the_longest_take),
        cmocka_unit_test(failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
