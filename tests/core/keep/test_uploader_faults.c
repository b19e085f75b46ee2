/* The upload when requests stall, are refused, or land late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uploader_world.h"

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
    step(&w, SECOND);
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
    append(&w, PART + PART / 4);
    step(&w, SECOND);
    w.now_us = 4 * SECOND;
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.bytes, PART / 4);
    append(&w, PART - PART / 4);
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

/* Half an hour of a take after one PUT whose answer was lost, and a store that cannot be looked at:
 * everything else goes on, and the journal is let go. */
static void a_store_that_cannot_be_looked_at(void **state)
{
    (void)state;
    for (int way = 1; way <= 2; way++) {
        World w;
        world_open(&w, &default_config, 3, 0);
        w.refuse_lists = way;
        append(&w, 3 * PART);
        step(&w, 2 * SECOND);
        w.lose_next_put = 1;
        for (int i = 0; i < 90; i++) {
            append(&w, PART);
            step(&w, w.now_us + 20 * SECOND);
            assert_true(stats_of(&w).backlog_bytes <= 3 * PART);
        }
        assert_int_equal(w.lose_next_put, 0);
        assert_true(w.lists > 0 && w.lists <= 6);
        assert_true(w.appended - w.released_to <= 2 * PART);
        w.lose_next_put = 1; /* and one just before the end */
        append(&w, PART);
        if (way == 1)
            finish_and_check(&w, 120 * SECOND);
        world_close(&w);
    }
}

/* A look for the sake of releasing is one request more beside the others. */
static void a_look_waits_for_nothing_and_holds_up_nothing(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r, list;
    world_open(&w, &default_config, 1, 0);
    w.lose_next_put = 1;
    append(&w, 2 * PART);
    step(&w, KT_UPLOAD_DOUBT_US - SECOND); /* part 1 was sent again, its lost copy may yet land */
    assert_int_equal(w.lists, 0);
    append(&w, 4 * PART);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
        assert_int_equal(r.kind, KT_UPLOAD_PUT);
    }
    const uint32_t put = r.id;
    w.now_us += 2 * SECOND;
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &list), KT_OK);
    assert_int_equal(list.kind, KT_UPLOAD_LIST);
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_PUT);
    /* One that ends while the list is under way is not thought missing because it is not in it. */
    w.now_us += SECOND;
    assert_int_equal(kt_uploader_put_done(w.u, w.now_us, put, "4"), KT_OK);
    for (int part = 1; part <= 2; part++) {
        int64_t bytes = 0;
        const char *etag = NULL;
        assert_int_equal(kt_uploader_part(w.u, part, &bytes, &etag), KT_OK);
        assert_int_equal(kt_uploader_listed_part(w.u, list.id, part, bytes, etag), KT_OK);
    }
    assert_int_equal(kt_uploader_listed(w.u, w.now_us, list.id), KT_OK);
    int64_t bytes = 0;
    const char *etag = NULL;
    assert_int_equal(kt_uploader_part(w.u, 4, &bytes, &etag), KT_OK);
    assert_int_equal(bytes, PART);
    assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_RELEASE);
    assert_int_equal(r.offset, 2 * PART);
    world_close(&w);
}

/* A proxy on the way marks the store's ETag as weak; Complete has to name the one the store knows.
 */
static void a_weak_etag_is_the_strong_one_of_the_store(void **state)
{
    (void)state;
    static const char *const forms[] = {"W/\"0a1b-2\"", "w/\"0a1b-2\"", "W/0a1b-2", "\"0a1b-2\"",
                                        "0a1b-2"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        World w;
        KtUploadRequest r;
        world_open(&w, &default_config, 1, 0);
        append(&w, PART);
        assert_int_equal(kt_uploader_next(w.u, 0, &r), KT_OK);
        kt_uploader_created(w.u, 0, r.id);
        assert_int_equal(kt_uploader_next(w.u, 0, &r), KT_OK);
        kt_uploader_signed(w.u, 0, r.id, 3600 * SECOND);
        assert_int_equal(kt_uploader_next(w.u, 0, &r), KT_OK);
        assert_int_equal(r.kind, KT_UPLOAD_PUT);
        assert_int_equal(kt_uploader_put_done(w.u, 0, r.id, forms[i]), KT_OK);
        int64_t bytes = 0;
        const char *etag = NULL;
        assert_int_equal(kt_uploader_part(w.u, 1, &bytes, &etag), KT_OK);
        assert_string_equal(etag, "0a1b-2");
        world_close(&w);
    }
}

/* A PUT of a failed upload may land after the abort: it is ended first. */
static void abort_after_a_failure_waits_for_what_runs(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r, put, other;
    world_open(&w, &default_config, 1, 0);
    append(&w, 2 * PART);
    kt_uploader_next(w.u, 0, &r);
    kt_uploader_created(w.u, 0, r.id);
    kt_uploader_next(w.u, 0, &r);
    kt_uploader_signed(w.u, 0, r.id, 3600 * SECOND);
    assert_int_equal(kt_uploader_next(w.u, 0, &put), KT_OK);
    assert_int_equal(kt_uploader_next(w.u, 0, &other), KT_OK);
    kt_uploader_failed(w.u, 0, other.id, KT_UPLOAD_FAIL_GONE);
    assert_int_equal(stats_of(&w).state, KT_UPLOADER_FAILED);
    assert_int_equal(kt_uploader_progress(w.u, 0, put.id, 10), KT_ERR_NOT_FOUND);
    assert_int_equal(kt_uploader_abort(w.u, SECOND), KT_OK);
    assert_int_equal(kt_uploader_next(w.u, SECOND, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_CANCEL);
    assert_int_equal(r.id, put.id);
    assert_int_equal(kt_uploader_next(w.u, SECOND, &r), KT_AGAIN);
    assert_int_equal(kt_uploader_failed(w.u, SECOND, put.id, KT_UPLOAD_FAIL_CANCELLED), KT_OK);
    assert_int_equal(kt_uploader_next(w.u, SECOND, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_ABORT);
    world_close(&w);
}

static void events_that_tell_nothing_change_nothing(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 1, 0);
    append(&w, PART);
    kt_uploader_next(w.u, 0, &r);
    assert_int_equal(kt_uploader_failed(w.u, 0, r.id, (KtUploadFailure)99), KT_ERR_ARG);
    assert_int_equal(stats_of(&w).retries, 0);
    assert_int_equal(kt_uploader_created(w.u, 0, r.id), KT_OK);
    kt_uploader_next(w.u, 0, &r);
    kt_uploader_signed(w.u, 0, r.id, 3600 * SECOND);
    kt_uploader_next(w.u, 0, &r);
    kt_uploader_progress(w.u, 5 * SECOND, r.id, 1000);
    for (int64_t at = 6; at < 25; at++) /* the same again is no progress */
        kt_uploader_progress(w.u, at * SECOND, r.id, 1000);
    assert_int_equal(kt_uploader_next(w.u, 25 * SECOND, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_CANCEL);
    world_close(&w);
    kt_uploader_destroy(NULL);
    assert_int_equal(kt_uploader_create(NULL, &w.u), KT_ERR_ARG);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_slower_than_the_stall_time_gets_there),
        cmocka_unit_test(patience_ends_where_parts_get_through),
        cmocka_unit_test(stalled_requests_are_cancelled_and_repeated),
        cmocka_unit_test(a_cancelled_put_that_lands_late_is_overwritten),
        cmocka_unit_test(a_part_in_doubt_is_looked_at_before_complete),
        cmocka_unit_test(refusals_while_recording_are_waited_out),
        cmocka_unit_test(refusals_and_a_lost_upload_are_final),
        cmocka_unit_test(gives_up_only_after_finish_and_in_the_end),
        cmocka_unit_test(a_store_that_cannot_be_looked_at),
        cmocka_unit_test(a_look_waits_for_nothing_and_holds_up_nothing),
        cmocka_unit_test(a_weak_etag_is_the_strong_one_of_the_store),
        cmocka_unit_test(abort_after_a_failure_waits_for_what_runs),
        cmocka_unit_test(events_that_tell_nothing_change_nothing),
        cmocka_unit_test(fresh_urls_do_not_put_off_giving_up),
        cmocka_unit_test(abort_after_a_long_silence_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
