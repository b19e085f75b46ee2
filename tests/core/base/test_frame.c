/* Frame pool: sizes, reuse, limits, life after the pool, and failing memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "keeptake/frame.h"

static void planes_are_aligned_and_apart(void **state)
{
    (void)state;
    static const int sides[][2] = {{1, 1}, {2, 2}, {3, 5}, {17, 31}, {640, 480}, {8192, 2}};
    KtFramePool *pool = NULL;
    assert_int_equal(kt_frame_pool_create(1, &pool), KT_OK);
    for (int format = KT_PIXEL_I420; format <= KT_PIXEL_BGRX; format++) {
        for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
            KtFrame *f = NULL;
            int w = sides[i][0], h = sides[i][1], cw = (w + 1) / 2, ch = (h + 1) / 2;
            assert_int_equal(kt_frame_acquire(pool, (KtPixelFormat)format, w, h, &f), KT_OK);
            int row[3] = {format >= KT_PIXEL_RGBA ? 4 * w : w, 0, 0};
            if (format == KT_PIXEL_I420)
                row[1] = row[2] = cw;
            if (format == KT_PIXEL_NV12)
                row[1] = 2 * cw;
            for (int p = 0; p < 3; p++) {
                assert_true((f->plane[p] != NULL) == (row[p] > 0));
                if (!f->plane[p])
                    continue;
                assert_int_equal((uintptr_t)f->plane[p] % 16, 0);
                assert_int_equal(f->stride[p] % 16, 0);
                assert_true(f->stride[p] >= row[p]);
                /* ASan would object to a plane that is too short */
                memset(f->plane[p], p + 1, (size_t)f->stride[p] * (size_t)(p ? ch : h));
            }
            for (int p = 0; p < 3; p++) {
                if (f->plane[p])
                    assert_int_equal(f->plane[p][0], p + 1);
            }
            assert_int_equal(f->refs, 1);
            kt_frame_unref(&f);
            assert_null(f);
        }
    }
    kt_frame_pool_destroy(&pool);
    assert_null(pool);
}

static void bad_arguments(void **state)
{
    (void)state;
    KtFramePool *pool = NULL;
    KtFrame *f = NULL;
    assert_int_equal(kt_frame_pool_create(0, &pool), KT_ERR_ARG);
    assert_int_equal(kt_frame_pool_create(-1, &pool), KT_ERR_ARG);
    assert_int_equal(kt_frame_pool_create(2, NULL), KT_ERR_ARG);
    assert_int_equal(kt_frame_pool_create(2, &pool), KT_OK);
    assert_int_equal(kt_frame_acquire(NULL, KT_PIXEL_I420, 2, 2, &f), KT_ERR_ARG);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 0, 2, &f), KT_ERR_ARG);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 2, -1, &f), KT_ERR_ARG);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 8193, 2, &f), KT_ERR_ARG);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 2, INT32_MAX, &f), KT_ERR_ARG);
    assert_int_equal(kt_frame_acquire(pool, (KtPixelFormat)9, 2, 2, &f), KT_ERR_ARG);
    assert_null(f);
    kt_frame_unref(&f);
    kt_frame_unref(NULL);
    kt_frame_pool_destroy(&pool);
    kt_frame_pool_destroy(&pool);
    kt_frame_pool_destroy(NULL);
}

static void a_steady_stream_allocates_nothing(void **state)
{
    (void)state;
    KtFramePool *pool = NULL;
    KtFrame *held[3] = {NULL, NULL, NULL};
    assert_int_equal(kt_frame_pool_create(3, &pool), KT_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 64, 48, &held[i]), KT_OK);
    long before = kt_alloc_count();
    for (int i = 0; i < 100; i++) {
        kt_frame_unref(&held[i % 3]);
        /* smaller ones fit the same buffers */
        assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 64 - i % 9, 48, &held[i % 3]),
                         KT_OK);
    }
    assert_int_equal(kt_alloc_count(), before);
    for (int i = 0; i < 3; i++)
        kt_frame_unref(&held[i]);
    kt_frame_pool_destroy(&pool);
}

static void the_limit_counts_frames_that_are_out(void **state)
{
    (void)state;
    KtFramePool *pool = NULL;
    KtFrame *a = NULL, *b = NULL, *c = NULL;
    assert_int_equal(kt_frame_pool_create(2, &pool), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 16, 16, &a), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 16, 16, &b), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 16, 16, &c), KT_ERR_LIMIT);
    assert_ptr_equal(kt_frame_ref(a), a);
    KtFrame *again = a;
    kt_frame_unref(&a);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 16, 16, &c), KT_ERR_LIMIT);
    kt_frame_unref(&again);
    /* the spare buffer is too small for this one and makes room */
    long live = kt_alloc_live();
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 160, 160, &c), KT_OK);
    assert_int_equal(kt_alloc_live(), live);
    kt_frame_unref(&b);
    kt_frame_unref(&c);
    kt_frame_pool_destroy(&pool);
}

static void frames_outlive_their_pool(void **state)
{
    (void)state;
    long live = kt_alloc_live();
    KtFramePool *pool = NULL;
    KtFrame *a = NULL, *b = NULL;
    assert_int_equal(kt_frame_pool_create(2, &pool), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_RGBA, 16, 16, &a), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_NV12, 16, 16, &b), KT_OK);
    kt_frame_pool_destroy(&pool);
    a->plane[0][0] = 1;
    kt_frame_unref(&a);
    b->plane[1][0] = 1;
    kt_frame_unref(&b);
    assert_int_equal(kt_alloc_live(), live);
}

static void black_is_limited_range(void **state)
{
    (void)state;
    KtFramePool *pool = NULL;
    KtFrame *f = NULL;
    assert_int_equal(kt_frame_pool_create(1, &pool), KT_OK);
    assert_int_equal(kt_frame_acquire(pool, KT_PIXEL_I420, 5, 3, &f), KT_OK);
    kt_frame_fill_black(f);
    assert_int_equal(f->plane[0][2 * f->stride[0] + 4], 16);
    assert_int_equal(f->plane[1][f->stride[1] + 2], 128);
    assert_int_equal(f->plane[2][f->stride[2] + 2], 128);
    kt_frame_unref(&f);
    kt_frame_pool_destroy(&pool);
}

static int use_pool(void *context)
{
    KtFramePool *pool = NULL;
    KtFrame *a = NULL, *b = NULL;
    (void)context;
    KtStatus status = kt_frame_pool_create(2, &pool);
    if (status == KT_OK)
        status = kt_frame_acquire(pool, KT_PIXEL_I420, 32, 32, &a);
    if (status == KT_OK)
        status = kt_frame_acquire(pool, KT_PIXEL_I420, 32, 32, &b);
    kt_frame_unref(&a);
    if (status == KT_OK)
        status = kt_frame_acquire(pool, KT_PIXEL_I420, 320, 32, &a);
    kt_frame_unref(&a);
    kt_frame_unref(&b);
    kt_frame_pool_destroy(&pool);
    return status == KT_OK;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(kt_alloc_each(use_pool, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_are_aligned_and_apart),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(a_steady_stream_allocates_nothing),
        cmocka_unit_test(the_limit_counts_frames_that_are_out),
        cmocka_unit_test(frames_outlive_their_pool),
        cmocka_unit_test(black_is_limited_range),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
