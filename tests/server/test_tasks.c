/* The runner of tasks: limits, repeated attempts, leases, cancelling; and the task that ends steps
 * which the store did not let end. */
#include "jobs_rig.h"

#define KIND "count"

typedef struct Kind {
    TaskKind kind;
    TaskRun *held[16];
    int begun, now, most_now;
    int holds;       /* they do not end by themselves */
    TaskState state; /* they end with */
} Kind;

static void run_count(TaskRun *run, void *ctx)
{
    Kind *k = ctx;
    k->begun++;
    k->now++;
    k->most_now = k->now > k->most_now ? k->now : k->most_now;
    if (k->holds) {
        assert_true(k->now <= 16);
        k->held[k->now - 1] = run;
        return;
    }
    k->now--;
    task_run_end(run, k->state, k->state == TASK_DONE ? "" : "It did not work.");
}

static void release_one(Kind *k, TaskState state)
{
    TaskRun *run = k->held[--k->now];
    task_run_end(run, state, "");
}

static void add_kind(Fixture *f, Kind *k, int most_at_once, int most_attempts)
{
    memset(k, 0, sizeof *k);
    k->kind = (TaskKind){.name = KIND,
                         .most_at_once = most_at_once,
                         .most_attempts = most_attempts,
                         .first_retry_us = 1,
                         .run = run_count,
                         .ctx = k};
    k->state = TASK_DONE;
    tasks_add_kind(&f->jobs.tasks, &k->kind);
}

typedef struct Statement {
    const char *sql;
    TaskRow row;
    int status, is_done;
} Statement;

static int work(DbConnection *c, void *ctx)
{
    Statement *s = ctx;
    if (!s->sql) {
        return task_insert(c, &s->row);
    }
    return sqlite3_exec(c->sql, s->sql, NULL, NULL, NULL) == SQLITE_OK ? DB_OK : DB_IO;
}

static int cancel(DbConnection *c, void *ctx)
{
    return task_cancel(c, ((Statement *)ctx)->row.id, clock_now_us());
}

static void on_work(void *ctx, int status)
{
    Statement *s = ctx;
    s->status = status;
    s->is_done = 1;
}

static int write_now(Fixture *f, int (*what)(DbConnection *, void *), Statement *s)
{
    s->is_done = 0;
    db_write(f->jobs.ports.db, "a/owner tok_1 req_1", what, s, on_work);
    while (!s->is_done) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    return s->status;
}

static void run_sql(Fixture *f, const char *sql)
{
    Statement s = {.sql = sql};
    assert_int_equal(write_now(f, work, &s), DB_OK);
}

static int queue(Fixture *f, const char *subject, TaskRow *row)
{
    Statement s = {.sql = NULL};
    assert_int_equal(task_make(&s.row, KIND, subject, "a", 0), 0);
    *row = s.row;
    return write_now(f, work, &s);
}

static void get(Fixture *f, TaskRow *row)
{
    char id[TASK_ID_BYTES];
    memcpy(id, row->id, sizeof id);
    assert_int_equal(task_get(db_reader(f->jobs.ports.db), id, row), DB_OK);
}

/* Until nothing is under way but what is held. */
static void settle(Fixture *f, const Kind *k)
{
    int quiet = 0;
    for (int turns = 0; turns < 20000 && quiet < 20; turns++) {
        int busy = db_backlog(f->jobs.ports.db) > 0 || f->jobs.running > (k ? k->now : 0);
        quiet = busy ? 0 : quiet + 1;
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(100);
    }
    assert_int_equal(quiet, 20);
}

static void kick(Fixture *f, const Kind *k)
{
    usleep(10);
    tasks_kick(&f->jobs.tasks);
    settle(f, k);
}

static void so_many_at_once(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow rows[5];
    add_kind(f, &k, 2, 3);
    k.holds = 1;
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    for (int i = 0; i < 5; i++) {
        char subject[16];
        snprintf(subject, sizeof subject, "s%d", i);
        assert_int_equal(queue(f, subject, &rows[i]), DB_OK);
    }
    kick(f, &k);
    assert_int_equal(k.begun, 2);
    get(f, &rows[0]);
    assert_true(rows[0].state == TASK_RUNNING && rows[0].attempts == 1);
    assert_string_equal(rows[0].lease_owner, f->jobs.tasks.owner);
    assert_true(rows[0].lease_until_us > clock_now_us());
    for (int left = 5; left > 0; left--) { /* the next one begins by itself */
        release_one(&k, TASK_DONE);
        settle(f, &k);
        assert_int_equal(k.begun, 5 - left + 3 < 5 ? 5 - left + 3 : 5);
    }
    assert_int_equal(k.most_now, 2);
    for (int i = 0; i < 5; i++) {
        get(f, &rows[i]);
        assert_true(rows[i].state == TASK_DONE && rows[i].progress == 1);
        assert_string_equal(rows[i].lease_owner, "");
    }
}

static void one_for_each_subject(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow row, again;
    add_kind(f, &k, 2, 3);
    assert_int_equal(queue(f, "s", &row), DB_OK);
    assert_int_equal(queue(f, "s", &again), DB_CONFLICT);
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    assert_int_equal(queue(f, "s", &again), DB_OK); /* the other one has ended */
    TaskRow both[3];
    assert_int_equal(task_of_subject(db_reader(f->jobs.ports.db), "s", both, 3), 2);
    assert_string_equal(both[0].id, row.id);
}

static void it_is_tried_again_and_fails_in_the_end(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow row;
    add_kind(f, &k, 2, 3);
    k.state = TASK_QUEUED;
    k.kind.first_retry_us = 3600000000; /* not by itself within this test */
    assert_int_equal(queue(f, "s", &row), DB_OK);
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    for (int attempt = 1; attempt < 3; attempt++) {
        assert_int_equal(k.begun, attempt);
        get(f, &row);
        assert_true(row.state == TASK_QUEUED && row.attempts == attempt);
        assert_string_equal(row.error, "It did not work.");
        assert_true(row.run_after_us > clock_now_us() + 3500000000);
        run_sql(f, "UPDATE tasks SET run_after_us = 0");
        kick(f, &k);
    }
    get(f, &row);
    assert_true(row.state == TASK_FAILED && row.attempts == 3);
    assert_int_equal(f->jobs.tasks.failed, 1);
}

static void cancelled_before_and_while_it_runs(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow row, second;
    Statement s = {.sql = NULL};
    add_kind(f, &k, 1, 3);
    k.holds = 1;
    f->jobs.tasks.renew_ms = 0;
    assert_int_equal(queue(f, "s", &row), DB_OK);
    assert_int_equal(queue(f, "t", &second), DB_OK);
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    assert_int_equal(k.begun, 1);
    s.row = second;
    assert_int_equal(write_now(f, cancel, &s), DB_OK);
    get(f, &second);
    assert_int_equal(second.state, TASK_CANCELLED);
    assert_int_equal(write_now(f, cancel, &s), DB_NOT_FOUND);
    s.row = row;
    assert_int_equal(write_now(f, cancel, &s), DB_OK);
    k.held[0]->progress = 0.5;
    for (int turns = 0; turns < 50000 && !k.held[0]->cancelled; turns++) { /* with a renewal */
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(100);
    }
    assert_true(k.held[0]->cancelled);
    get(f, &row);
    assert_true(row.state == TASK_RUNNING && row.progress == 0.5);
    release_one(&k, TASK_QUEUED);
    settle(f, &k);
    get(f, &row);
    assert_int_equal(row.state, TASK_CANCELLED);
    assert_int_equal(k.begun, 1);
}

/* Who had begun it has died: its lease says nothing once this process has the database. */
static void what_another_process_left_goes_on(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow row;
    add_kind(f, &k, 1, 9);
    assert_int_equal(queue(f, "s", &row), DB_OK);
    run_sql(f, "UPDATE tasks SET state = 1, attempts = 1, lease_owner = 'run_dead', "
               "lease_until_us = 9000000000000000000");
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    assert_int_equal(k.begun, 1);
    get(f, &row);
    assert_true(row.state == TASK_DONE && row.attempts == 2);
}

/* Where the work itself ends the process (no memory, a crash), it must not for ever. */
static void what_ends_its_process_fails_in_the_end(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow row;
    add_kind(f, &k, 1, 3);
    assert_int_equal(queue(f, "s", &row), DB_OK);
    run_sql(f, "UPDATE tasks SET state = 1, attempts = 3, lease_owner = 'run_dead', "
               "lease_until_us = 9000000000000000000");
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    assert_int_equal(k.begun, 0);
    get(f, &row);
    assert_int_equal(row.state, TASK_FAILED);
    assert_non_null(strstr(row.error, "did not note"));
}

/* The machine slept: another runner has taken it up. The first one ends nothing any more. */
static void a_lost_lease_ends_nothing(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow row;
    add_kind(f, &k, 1, 9);
    k.holds = 1;
    assert_int_equal(queue(f, "s", &row), DB_OK);
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    run_sql(f, "UPDATE tasks SET lease_owner = 'run_other'");
    release_one(&k, TASK_DONE);
    settle(f, &k);
    get(f, &row);
    assert_int_equal(row.state, TASK_RUNNING);
    assert_string_equal(row.lease_owner, "run_other");
}

static void stopping_queues_it_again(void **state)
{
    Fixture *f = *state;
    Kind k;
    TaskRow row;
    add_kind(f, &k, 1, 1);
    k.holds = 1;
    assert_int_equal(queue(f, "s", &row), DB_OK);
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, &k);
    jobs_stop(&f->jobs);
    release_one(&k, TASK_QUEUED);
    settle(f, &k);
    get(f, &row);
    assert_true(row.state == TASK_QUEUED && row.run_after_us <= clock_now_us());
    assert_int_equal(row.attempts, 0); /* it was the last one: the next process has it again */
}

/* --- the task "finish" --- */

static void on_job(void *ctx, const JobResult *result)
{
    ((Fixture *)ctx)->result = *result;
}

static void a_step_is_ended_once_the_store_answers(void **state)
{
    Fixture *f = *state;
    static const struct {
        ObjectPending pending;
        int is_found;
        ObjectState state;
    } cases[] = {{PENDING_ABORT, DB_OK, OBJECT_ABORTED}, {PENDING_DELETE, DB_NOT_FOUND, 0}};
    JobPolicy policy = usual_policy;
    policy.at_start = 0;
    f->jobs.policy = policy;
    assert_int_equal(jobs_start(&f->jobs), 0);
    settle(f, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RecordingRow row;
        TaskRow task;
        arrange(f, OBJECT_OPEN, PENDING_NONE, 60, 1, 0);
        assert_int_equal(find(f, &row), DB_OK);
        f->memory.failing = STORE_UNREACHABLE;
        if (cases[i].pending == PENDING_ABORT) {
            job_abort(&f->jobs, NULL, &row.take, f, on_job);
        } else {
            job_delete(&f->jobs, NULL, &row.take, f, on_job);
        }
        settle(f, NULL);
        assert_int_equal(f->result.status, JOB_UNREACHABLE);
        assert_int_equal(find(f, &row), DB_OK);
        assert_int_equal(row.take.pending, cases[i].pending);
        assert_int_equal(task_of_subject(db_reader(f->jobs.ports.db), row.take.id, &task, 1), 1);
        assert_true(task.state == TASK_QUEUED && task.run_after_us > clock_now_us());
        assert_string_equal(task.kind, job_finish_kind);
        run_sql(f, "UPDATE tasks SET run_after_us = 0");
        kick(f, NULL); /* still away */
        get(f, &task);
        assert_true(task.state == TASK_QUEUED && task.attempts == 1 && *task.error);
        f->memory.failing = STORE_OK;
        run_sql(f, "UPDATE tasks SET run_after_us = 0");
        kick(f, NULL);
        get(f, &task);
        assert_true(task.state == TASK_DONE && task.attempts == 2);
        assert_int_equal(find(f, &row), cases[i].is_found);
        if (cases[i].is_found == DB_OK) {
            assert_true(row.take.pending == PENDING_NONE && row.take.state == cases[i].state);
        }
        assert_int_equal(f->memory.upload, 0);
        assert_null(f->jobs.locks.first);
    }
}

#define TASKS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASKS_TEST(so_many_at_once),
        TASKS_TEST(one_for_each_subject),
        TASKS_TEST(it_is_tried_again_and_fails_in_the_end),
        TASKS_TEST(cancelled_before_and_while_it_runs),
        TASKS_TEST(what_another_process_left_goes_on),
        TASKS_TEST(what_ends_its_process_fails_in_the_end),
        TASKS_TEST(a_lost_lease_ends_nothing),
        TASKS_TEST(stopping_queues_it_again),
        TASKS_TEST(a_step_is_ended_once_the_store_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
