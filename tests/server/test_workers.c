/* The threads for timelines: never more at once than there are, a bound on those that wait, and
 * nothing lost at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/workers.h"

typedef struct Count {
    uv_mutex_t mutex;
    uv_cond_t change;
    int inside, most_inside, worked, may_go;
    int done; /* loop's thread */
    uv_thread_t loop_thread;
} Count;

static void work(void *ctx)
{
    Count *c = ctx;
    uv_mutex_lock(&c->mutex);
    c->inside++;
    c->most_inside = c->inside > c->most_inside ? c->inside : c->most_inside;
    uv_cond_broadcast(&c->change);
    while (!c->may_go) {
        uv_cond_wait(&c->change, &c->mutex);
    }
    c->inside--;
    c->worked++;
    uv_mutex_unlock(&c->mutex);
}

static void done(void *ctx)
{
    Count *c = ctx;
    uv_thread_t self = uv_thread_self();
    assert_true(uv_thread_equal(&self, &c->loop_thread));
    c->done++;
}

static void init(Count *c)
{
    *c = (Count){.loop_thread = uv_thread_self()};
    uv_mutex_init(&c->mutex);
    uv_cond_init(&c->change);
}

static void let_go(Count *c)
{
    uv_mutex_lock(&c->mutex);
    c->may_go = 1;
    uv_cond_broadcast(&c->change);
    uv_mutex_unlock(&c->mutex);
}

static void reset(Count *c)
{
    uv_cond_destroy(&c->change);
    uv_mutex_destroy(&c->mutex);
}

static void test_bounds(void **state)
{
    uv_loop_t loop;
    Workers *w = NULL;
    Count c;
    (void)state;
    init(&c);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(workers_create(&loop, 2, 5, &w), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(workers_run(w, work, done, &c), 0);
    }
    assert_int_equal(workers_run(w, work, done, &c), -1);
    assert_int_equal(workers_waiting(w), 5);
    uv_mutex_lock(&c.mutex);
    while (c.inside < 2) {
        uv_cond_wait(&c.change, &c.mutex);
    }
    uv_mutex_unlock(&c.mutex);
    assert_int_equal(c.done, 0);
    let_go(&c);
    while (c.done < 5) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(c.most_inside, 2);
    assert_int_equal(workers_run(w, work, done, &c), 0); /* there is room again */
    workers_destroy(&w);
    assert_null(w);
    assert_int_equal(c.done, 6); /* begun is finished */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    reset(&c);
}

/* Tasks in the caller's memory are never refused, may be started again by their own end, and keep
 * the loop alive as long as there is one. */
typedef struct Repeated {
    WorkersTask task;
    Workers *workers;
    int left, worked;
} Repeated;

static void work_once(void *ctx)
{
    ((Repeated *)ctx)->worked++;
}

static void again(void *ctx)
{
    Repeated *r = ctx;
    if (--r->left > 0) {
        workers_start(r->workers, &r->task, work_once, again, r);
    }
}

static void test_tasks_of_callers(void **state)
{
    uv_loop_t loop;
    Workers *w = NULL;
    Repeated some[8];
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(workers_create(&loop, 2, 1, &w), 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0); /* an idle pool holds nobody up */
    for (int i = 0; i < 8; i++) {
        some[i] = (Repeated){.workers = w, .left = 100};
        workers_start(w, &some[i].task, work_once, again, &some[i]);
    }
    assert_int_equal(workers_waiting(w), 0); /* they do not take the places of others */
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(some[i].worked, 100);
    }
    workers_destroy(&w);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void destroy_all(void *ctx)
{
    Repeated *r = ctx;
    r->left = 0;
    workers_destroy(&r->workers);
}

/* The end of a task may be the end of all. */
static void test_destroyed_by_a_task(void **state)
{
    uv_loop_t loop;
    Repeated last = {.left = 1}, other = {.left = 1};
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(workers_create(&loop, 1, 1, &last.workers), 0);
    workers_start(last.workers, &last.task, work_once, destroy_all, &last);
    workers_start(last.workers, &other.task, work_once, again, &other);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_null(last.workers);
    assert_int_equal(last.left + other.left, 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_without_threads(void **state)
{
    Count c;
    Workers *none = NULL;
    (void)state;
    init(&c);
    c.may_go = 1;
    assert_int_equal(workers_run(NULL, work, done, &c), 0);
    assert_int_equal(c.worked + c.done, 2);
    assert_int_equal(workers_waiting(NULL), 0);
    workers_destroy(&none);
    reset(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_tasks_of_callers),
        cmocka_unit_test(test_destroyed_by_a_task),
        cmocka_unit_test(test_without_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
