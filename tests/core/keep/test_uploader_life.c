/* The life of an upload, edge by edge: from each state each event, and which of them it refuses;
 * then any order of events, right and wrong ones, under the asserts of the uploader (of a build
 * that has them) and a few invariants of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uploader_world.h"

typedef enum Place {
    NEW,
    CREATING,
    RESUMING,
    SENDING,
    LOOKING,
    COMPLETING,
    ABORTING,
    DONE,
    ABORTED,
    FAILED,
    PLACES
} Place;

static KtUploadRequest ask(World *w, KtUploadRequestKind kind)
{
    KtUploadRequest r;
    assert_int_equal(kt_uploader_next(w->u, w->now_us, &r), KT_OK);
    assert_int_equal(r.kind, kind);
    return r;
}

static void create(World *w)
{
    append(w, PART);
    assert_int_equal(kt_uploader_created(w->u, w->now_us, ask(w, KT_UPLOAD_CREATE).id), KT_OK);
}

/* Sends the one part there is. lose: the answer of a PUT breaks off before that. */
static void send_part(World *w, int lose)
{
    KtUploadRequest r = ask(w, KT_UPLOAD_SIGN);
    assert_int_equal(kt_uploader_signed(w->u, w->now_us, r.id, 3600 * SECOND), KT_OK);
    r = ask(w, KT_UPLOAD_PUT);
    if (lose) {
        assert_int_equal(kt_uploader_failed(w->u, w->now_us, r.id, KT_UPLOAD_FAIL_NETWORK), KT_OK);
        assert_int_equal(kt_uploader_wake(w->u, w->now_us), KT_OK);
        r = ask(w, KT_UPLOAD_PUT);
    }
    assert_int_equal(kt_uploader_put_done(w->u, w->now_us, r.id, "e"), KT_OK);
}

static KtUploadRequest ask_complete(World *w)
{
    create(w);
    assert_int_equal(kt_uploader_finish(w->u, 0), KT_OK);
    send_part(w, 0);
    ask(w, KT_UPLOAD_RELEASE);
    return ask(w, KT_UPLOAD_COMPLETE);
}

/* Leads a new upload to that state. Returns the request that runs there (id 0: none). */
static KtUploadRequest go(World *w, Place place)
{
    const KtUploadRequest none = {.id = 0};
    world_open(w, &default_config, 1, 0);
    switch (place) {
    case NEW:
        return none;
    case CREATING:
        append(w, PART);
        return ask(w, KT_UPLOAD_CREATE);
    case RESUMING:
        assert_int_equal(kt_uploader_resume(w->u, 0), KT_OK);
        append(w, PART);
        return ask(w, KT_UPLOAD_LIST);
    case SENDING:
        create(w);
        return ask(w, KT_UPLOAD_SIGN);
    case LOOKING:
        create(w);
        assert_int_equal(kt_uploader_finish(w->u, 0), KT_OK);
        send_part(w, 1);
        return ask(w, KT_UPLOAD_LIST);
    case COMPLETING:
        return ask_complete(w);
    case ABORTING:
        create(w);
        assert_int_equal(kt_uploader_abort(w->u, 0), KT_OK);
        return ask(w, KT_UPLOAD_ABORT);
    case DONE:
        assert_int_equal(kt_uploader_completed(w->u, 0, ask_complete(w).id), KT_OK);
        return none;
    case ABORTED:
        assert_int_equal(kt_uploader_abort(w->u, 0), KT_OK);
        return none;
    case FAILED:
        create(w);
        assert_int_equal(
            kt_uploader_failed(w->u, 0, ask(w, KT_UPLOAD_SIGN).id, KT_UPLOAD_FAIL_GONE), KT_OK);
        return none;
    default:
        fail();
    }
    return none;
}

static void each_state_takes_its_calls_and_refuses_the_others(void **state)
{
    (void)state;
    static const struct {
        KtStatus append, finish, abort, resume;
    } takes[PLACES] = {
        [NEW] = {KT_OK, KT_ERR_STATE, KT_OK, KT_OK},
        [CREATING] = {KT_OK, KT_OK, KT_OK, KT_ERR_STATE},
        [RESUMING] = {KT_OK, KT_OK, KT_OK, KT_ERR_STATE},
        [SENDING] = {KT_OK, KT_OK, KT_OK, KT_ERR_STATE},
        [LOOKING] = {KT_ERR_STATE, KT_ERR_STATE, KT_OK, KT_ERR_STATE},
        [COMPLETING] = {KT_ERR_STATE, KT_ERR_STATE, KT_OK, KT_ERR_STATE},
        [ABORTING] = {KT_ERR_STATE, KT_ERR_STATE, KT_OK, KT_ERR_STATE},
        [DONE] = {KT_ERR_STATE, KT_ERR_STATE, KT_ERR_STATE, KT_ERR_STATE},
        [ABORTED] = {KT_ERR_STATE, KT_ERR_STATE, KT_OK, KT_ERR_STATE},
        [FAILED] = {KT_ERR_STATE, KT_ERR_STATE, KT_OK, KT_ERR_STATE},
    };
    for (int place = NEW; place < PLACES; place++) {
        World w;
        go(&w, (Place)place);
        assert_int_equal(kt_uploader_append(w.u, 0, 1), takes[place].append);
        world_close(&w);
        go(&w, (Place)place);
        assert_int_equal(kt_uploader_finish(w.u, 0), takes[place].finish);
        world_close(&w);
        go(&w, (Place)place);
        assert_int_equal(kt_uploader_abort(w.u, 0), takes[place].abort);
        world_close(&w);
        go(&w, (Place)place);
        assert_int_equal(kt_uploader_resume(w.u, 0), takes[place].resume);
        world_close(&w);
    }
}

/* An answer of another kind than what runs under that number is refused, and changes nothing. */
static void an_answer_has_to_fit_its_request(void **state)
{
    (void)state;
    for (int place = CREATING; place <= ABORTING; place++) {
        World w;
        const KtUploadRequest r = go(&w, (Place)place);
        const KtUploaderStats before = stats_of(&w);
        const KtUploadRequestKind kinds[] = {KT_UPLOAD_CREATE, KT_UPLOAD_SIGN,     KT_UPLOAD_PUT,
                                             KT_UPLOAD_LIST,   KT_UPLOAD_COMPLETE, KT_UPLOAD_ABORT};
        const KtStatus told[] = {
            r.kind == kinds[0] ? KT_ERR_ARG : kt_uploader_created(w.u, 0, r.id),
            r.kind == kinds[1] ? KT_ERR_ARG : kt_uploader_signed(w.u, 0, r.id, 3600 * SECOND),
            r.kind == kinds[2] ? KT_ERR_ARG : kt_uploader_put_done(w.u, 0, r.id, "e"),
            r.kind == kinds[3] ? KT_ERR_ARG : kt_uploader_listed(w.u, 0, r.id),
            r.kind == kinds[4] ? KT_ERR_ARG : kt_uploader_completed(w.u, 0, r.id),
            r.kind == kinds[5] ? KT_ERR_ARG : kt_uploader_aborted(w.u, 0, r.id),
        };
        for (size_t i = 0; i < sizeof told / sizeof *told; i++)
            assert_int_equal(told[i], KT_ERR_ARG);
        const KtUploaderStats after = stats_of(&w);
        assert_memory_equal(&before, &after, sizeof before);
        world_close(&w);
    }
}

/* The upload is there all the same: an abort that came too late says so. */
static void a_complete_that_overtakes_the_abort(void **state)
{
    (void)state;
    World w;
    const KtUploadRequest complete = go(&w, COMPLETING);
    assert_int_equal(kt_uploader_abort(w.u, 0), KT_OK);
    assert_int_equal(kt_uploader_completed(w.u, 0, complete.id), KT_OK);
    assert_int_equal(stats_of(&w).state, KT_UPLOADER_DONE);
    assert_int_equal(kt_uploader_abort(w.u, 0), KT_ERR_STATE);
    world_close(&w);
}

/* While COMPLETE is under way the upload waits for its answer alone, however long that takes; a
 * look that fell due meanwhile comes after it. */
static void complete_is_asked_alone(void **state)
{
    (void)state;
    World w;
    KtUploadRequest r = go(&w, LOOKING), other;
    assert_int_equal(kt_uploader_listed_part(w.u, r.id, 1, PART, "e"), KT_OK);
    assert_int_equal(kt_uploader_listed(w.u, 0, r.id), KT_OK);
    r = ask(&w, KT_UPLOAD_COMPLETE);
    while (w.now_us < 2 * KT_UPLOAD_DOUBT_US) {
        w.now_us += SECOND;
        if (kt_uploader_next(w.u, w.now_us, &other) != KT_OK)
            continue;
        assert_int_equal(other.kind, KT_UPLOAD_CANCEL); /* it stalled */
        assert_int_equal(other.id, r.id);
        assert_int_equal(kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_CANCELLED), KT_OK);
        assert_int_equal(kt_uploader_wake(w.u, w.now_us), KT_OK);
        assert_int_equal(kt_uploader_next(w.u, w.now_us, &r), KT_OK);
        if (r.kind == KT_UPLOAD_LIST)
            break;
        assert_int_equal(r.kind, KT_UPLOAD_COMPLETE);
    }
    assert_int_equal(r.kind, KT_UPLOAD_LIST);
    world_close(&w);
}

/* A list that ends in an error after it told of a part that differs: the part counts as missing at
 * once, and is sent again although its bytes were released before (a whole copy may be here). */
static void a_list_that_breaks_off_is_believed_as_far_as_it_came(void **state)
{
    (void)state;
    World w;
    world_open(&w, &default_config, 1, 0);
    append(&w, 3 * PART);
    step(&w, SECOND);
    assert_int_equal(w.released_to, 3 * PART);
    w.lose_next_put = 1;
    append(&w, PART);
    step(&w, KT_UPLOAD_DOUBT_US + SECOND / 2); /* sent again; a look falls due */
    KtUploadRequest r;
    do {
        w.now_us += SECOND / 10;
    } while (kt_uploader_next(w.u, w.now_us, &r) != KT_OK && w.now_us < 60 * SECOND);
    assert_int_equal(r.kind, KT_UPLOAD_LIST);
    assert_int_equal(kt_uploader_listed_part(w.u, r.id, 2, PART, "of somebody else"), KT_OK);
    assert_int_equal(kt_uploader_failed(w.u, w.now_us, r.id, KT_UPLOAD_FAIL_SERVER), KT_OK);
    assert_int_equal(stats_of(&w).safe_bytes, PART);
    r = ask(&w, KT_UPLOAD_PUT);
    assert_int_equal(r.part, 2);
    world_close(&w);
}

/* ---- any order ---- */

static uint32_t any_id(World *w, const KtUploadRequest *asked, int count)
{
    return count > 0 && next_random(w) % 8 ? asked[next_random(w) % (unsigned)count].id
                                           : next_random(w) % 100;
}

static void any_event(World *w, uint32_t id)
{
    char etag[2] = {(char)('a' + next_random(w) % 3), '\0'};
    switch (next_random(w) % 14) {
    case 0:
        kt_uploader_append(w->u, w->now_us, (int64_t)(next_random(w) % 90000) - 100);
        break;
    case 1:
        if (next_random(w) % 4 == 0)
            kt_uploader_finish(w->u, w->now_us);
        break;
    case 2:
        if (next_random(w) % 8 == 0)
            kt_uploader_abort(w->u, w->now_us);
        break;
    case 3:
        kt_uploader_wake(w->u, w->now_us);
        break;
    case 4:
        kt_uploader_resume(w->u, w->now_us);
        break;
    case 5:
        kt_uploader_created(w->u, w->now_us, id);
        break;
    case 6:
        kt_uploader_signed(w->u, w->now_us, id, w->now_us + (next_random(w) % 300) * SECOND);
        break;
    case 7:
        kt_uploader_progress(w->u, w->now_us, id, (int64_t)(next_random(w) % 9000) - 10);
        break;
    case 8:
        kt_uploader_put_done(w->u, w->now_us, id, etag);
        break;
    case 9:
        kt_uploader_listed_part(w->u, id, (int)(next_random(w) % 9) - 1,
                                next_random(w) % 2 ? PART : next_random(w) % PART, etag);
        break;
    case 10:
        kt_uploader_listed(w->u, w->now_us, id);
        break;
    case 11:
        kt_uploader_completed(w->u, w->now_us, id);
        break;
    case 12:
        kt_uploader_aborted(w->u, w->now_us, id);
        break;
    default:
        kt_uploader_failed(w->u, w->now_us, id, (KtUploadFailure)(next_random(w) % 7));
    }
}

static void any_order_of_events_keeps_the_invariants(void **state)
{
    (void)state;
    unsigned ends[KT_UPLOADER_FAILED + 1] = {0};
    for (uint32_t seed = 1; seed <= 300; seed++) {
        World w;
        KtUploadRequest asked[8];
        int count = 0;
        world_open(&w, &default_config, seed * 2246822519u, 0);
        for (int i = 0; i < 600; i++) {
            KtUploadRequest r;
            if (next_random(&w) % 3 == 0 && kt_uploader_next(w.u, w.now_us, &r) == KT_OK) {
                assert_true(r.kind == KT_UPLOAD_RELEASE || r.id != 0);
                assert_true(r.offset >= 0 && r.offset + r.bytes <= stats_of(&w).total_bytes);
                asked[count < 8 ? count++ : (int)(next_random(&w) % 8)] = r;
            }
            any_event(&w, any_id(&w, asked, count));
            w.now_us += next_random(&w) % 4 ? 0 : next_random(&w) % (3 * SECOND);
            const KtUploaderStats stats = stats_of(&w);
            assert_true(stats.safe_bytes >= 0 && stats.safe_bytes <= stats.total_bytes);
            assert_true(stats.inflight <= default_config.max_inflight);
            assert_true((stats.state == KT_UPLOADER_FAILED) == (stats.failure < 0));
        }
        ends[stats_of(&w).state]++;
        world_close(&w);
    }
    assert_true(ends[KT_UPLOADER_FAILED] > 0 && ends[KT_UPLOADER_ABORTED] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_takes_its_calls_and_refuses_the_others),
        cmocka_unit_test(an_answer_has_to_fit_its_request),
        cmocka_unit_test(a_complete_that_overtakes_the_abort),
        cmocka_unit_test(complete_is_asked_alone),
        cmocka_unit_test(a_list_that_breaks_off_is_believed_as_far_as_it_came),
        cmocka_unit_test(any_order_of_events_keeps_the_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
