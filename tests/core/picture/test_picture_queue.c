/* Pictures that wait for their slots: which one a moment shows, and what gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "picture_queue.h"

#define MANY 200

typedef struct Pool {
    KtFramePool *frames;
    KtPictureQueue queue;
} Pool;

static void open_pool(Pool *p)
{
    memset(p, 0, sizeof *p);
    assert_int_equal(kt_frame_pool_create(MANY, &p->frames), KT_OK);
}

/* Every frame came back: as many as the pool has can be out again. */
static void close_pool(Pool *p)
{
    static KtFrame *all[MANY];
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        kt__pictures_forget(&p->queue, i);
    assert_int_equal(p->queue.all, 0);
    assert_int_equal(p->queue.bytes, 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(kt_frame_acquire(p->frames, KT_PIXEL_I420, 8, 8, &all[i]), KT_OK);
    for (int i = 0; i < MANY; i++)
        kt_frame_unref(&all[i]);
    kt_frame_pool_destroy(&p->frames);
}

static void put(Pool *p, int source, int64_t at_us, int width, int height)
{
    KtFrame *frame = NULL;
    assert_int_equal(kt_frame_acquire(p->frames, KT_PIXEL_RGBA, width, height, &frame), KT_OK);
    frame->pts_us = at_us;
    kt__pictures_put(&p->queue, source, frame, at_us);
}

/* The time of the picture that is shown at a moment; -1: none. */
static int64_t shown(Pool *p, int source, int64_t moment_us)
{
    int64_t at_us = -1;
    KtFrame *frame = kt__pictures_take(&p->queue, source, moment_us, &at_us);
    assert_int_equal(frame ? frame->pts_us : -1, at_us);
    kt_frame_unref(&frame);
    return at_us;
}

static void a_moment_shows_the_newest_that_had_come(void **state)
{
    (void)state;
    Pool p;
    open_pool(&p);
    for (int i = 1; i <= 5; i++)
        put(&p, 3, i * 100, 8, 8);
    put(&p, 4, 250, 8, 8);
    assert_int_equal(shown(&p, 3, 99), -1);
    assert_int_equal(shown(&p, 3, 100), 100);
    assert_int_equal(shown(&p, 3, 100), -1);
    assert_int_equal(shown(&p, 3, 399), 300);
    assert_int_equal(p.queue.count[3], 2);
    assert_int_equal(shown(&p, 4, INT64_MAX), 250);
    kt__pictures_forget(&p.queue, 3);
    assert_int_equal(shown(&p, 3, INT64_MAX), -1);
    close_pool(&p);
}

/* A time that goes back holds nothing up: the picture counts as one of the newest's time. */
static void times_do_not_go_back(void **state)
{
    (void)state;
    Pool p;
    int64_t at_us = 0;
    open_pool(&p);
    put(&p, 0, 500, 8, 8);
    put(&p, 0, 100, 8, 8);
    KtFrame *frame = kt__pictures_take(&p.queue, 0, 500, &at_us);
    assert_int_equal(frame->pts_us, 100);
    assert_int_equal(at_us, 500);
    kt_frame_unref(&frame);
    assert_int_equal(p.queue.all, 0);
    close_pool(&p);
}

static void the_oldest_give_way(void **state)
{
    (void)state;
    Pool p;
    open_pool(&p);
    for (int i = 0; i < 3 * KT__QUEUE_PICTURES; i++)
        put(&p, 1, i, 8, 8);
    assert_int_equal(p.queue.count[1], KT__QUEUE_PICTURES);
    assert_int_equal(shown(&p, 1, 2 * KT__QUEUE_PICTURES - 1), -1);
    assert_int_equal(shown(&p, 1, 2 * KT__QUEUE_PICTURES), 2 * KT__QUEUE_PICTURES);
    /* Many sources share what there is, nobody is left without. */
    for (int i = 0; i < 2 * KT__QUEUE_PICTURES; i++)
        for (int source = 0; source < KT_MAX_SOURCES; source++)
            put(&p, source, 1000 + i, 8, 8);
    assert_int_equal(p.queue.all, KT__QUEUE_ALL);
    for (int source = 0; source < KT_MAX_SOURCES; source++)
        assert_in_range(p.queue.count[source], 1, KT__QUEUE_ALL / KT_MAX_SOURCES + 1);
    close_pool(&p);
}

static void bytes_are_bounded(void **state)
{
    (void)state;
    Pool p;
    open_pool(&p);
    for (int i = 0; i < 8; i++)
        for (int source = 0; source < 4; source++) {
            put(&p, source, i, 2560, 1440);
            assert_true(p.queue.bytes <= KT__QUEUE_BYTES);
        }
    /* 14 MB each: six have room. */
    assert_int_equal(p.queue.all, 6);
    for (int source = 0; source < 4; source++)
        assert_in_range(p.queue.count[source], 1, 3);
    close_pool(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_shows_the_newest_that_had_come),
        cmocka_unit_test(times_do_not_go_back),
        cmocka_unit_test(the_oldest_give_way),
        cmocka_unit_test(bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
