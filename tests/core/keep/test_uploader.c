/* The upload's state machine against a fake store on a virtual clock: clean runs for exact
 * schedules, lossy ones (late, lost, doubled, refused, expired answers) for one invariant: the
 * completed object is the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uploader_world.h"

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

/* Of ten parts that take at least 11 s each, however the chunks fall. */
static void the_store_never_lacks_half_a_part(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes, every_us;
    } takes[] = {{512, SECOND / 8}, {1021, SECOND / 4}, {1297, SECOND / 4}, {100, SECOND}};
    for (size_t i = 0; i < sizeof takes / sizeof takes[0]; i++) {
        World w;
        world_open(&w, &default_config, 3, 0);
        int64_t worst = 0;
        while (w.appended < 10 * PART) {
            append(&w, (int)takes[i].bytes);
            step(&w, w.now_us + takes[i].every_us);
            const KtUploaderStats stats = stats_of(&w);
            worst = stats.backlog_bytes > worst ? stats.backlog_bytes : worst;
            assert_true(stats.sent_bytes * 100 <= stats.total_bytes * 180);
            assert_true(w.now_us < 5 * SECOND || stats.safe_bytes > 0);
        }
        assert_true(worst * 100 <= 44 * PART + 100 * 2 * takes[i].bytes);
        assert_in_range(w.tails, 19, 21);
        finish_and_check(&w, 10 * SECOND);
        world_close(&w);
    }
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

/* Another file's part, larger than ours: not a byte of it is ours, and it is sent over. */
static void resume_finds_a_part_that_is_too_large(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r;
    world_open(&w, &default_config, 1, 0);
    assert_int_equal(kt_uploader_resume(w.u, 0), KT_OK);
    append(&w, PART / 2);
    assert_int_equal(kt_uploader_next(w.u, 0, &r), KT_OK);
    assert_int_equal(r.kind, KT_UPLOAD_LIST);
    assert_int_equal(kt_uploader_listed_part(w.u, r.id, 1, 3 * PART, "other"), KT_OK);
    assert_int_equal(kt_uploader_listed(w.u, 0, r.id), KT_OK);
    assert_true(stats_of(&w).safe_bytes <= PART / 2);
    assert_true(stats_of(&w).backlog_bytes >= 0);
    finish_and_check(&w, 10 * SECOND);
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
        cmocka_unit_test(the_store_never_lacks_half_a_part),
        cmocka_unit_test(lossy_stores_end_with_the_file),
        cmocka_unit_test(abort_leaves_nothing),
        cmocka_unit_test(abort_before_anything_was_asked),
        cmocka_unit_test(resume_sends_only_what_the_store_lacks),
        cmocka_unit_test(resume_finds_a_part_that_is_too_large),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(part_sizes_fit_the_longest_take),
        cmocka_unit_test(failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
