/* Events get their times in one place: a sleep is no time, nothing goes back, nothing ends a take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "take_notes.h"

#define SECOND INT64_C(1000000)

typedef struct Book {
    KtSession session;
    KtNotes notes;
} Book;

static void open_book(Book *b)
{
    KtLimits limits;
    KtTimeline *timeline = NULL;
    kt_limits_init(&limits);
    assert_int_equal(kt_session_init(&b->session, &limits, KT_SESSION_SETUP), KT_OK);
    assert_int_equal(kt_timeline_create(64, 36, &timeline), KT_OK);
    b->notes = (KtNotes){.timeline = timeline, .session = &b->session};
    assert_int_equal(kt_session_start(&b->session, 10 * SECOND, 0), KT_OK);
}

static KtTimelineItem newest(const Book *b)
{
    KtTimelineItem item;
    const int count = kt_timeline_count(b->notes.timeline);
    assert_int_equal(kt_timeline_event(b->notes.timeline, count - 1, &item), KT_OK);
    return item;
}

static void test_times(void **state)
{
    Book b;
    (void)state;
    open_book(&b);
    kt__notes_plain(&b.notes, KT_TIMELINE_START, 10 * SECOND, 5);
    assert_int_equal(kt_session_tick(&b.session, 12 * SECOND), KT_AGAIN);
    kt__notes_plain(&b.notes, KT_TIMELINE_MARK, 14 * SECOND, 6);
    assert_int_equal(newest(&b).take_us, 4 * SECOND);
    /* An hour later, and no tick has noticed: the machine slept since the last one. */
    kt__notes_plain(&b.notes, KT_TIMELINE_MARK, 3600 * SECOND, 7);
    assert_int_equal(kt__notes_take_us(&b.notes, 3600 * SECOND), 2 * SECOND);
    assert_int_equal(newest(&b).take_us, 4 * SECOND); /* never back */
    assert_int_equal(newest(&b).wall_us, 7);
    kt__notes_plain(&b.notes, KT_TIMELINE_MARK, 15 * SECOND, -5);
    assert_int_equal(newest(&b).wall_us, 0);
    kt__notes_plain(&b.notes, KT_TIMELINE_MARK, 15 * SECOND, INT64_MAX);
    assert_int_equal(newest(&b).wall_us, KT__WALL_MAX_US);
    kt_timeline_destroy(&b.notes.timeline);
}

static void test_data(void **state)
{
    Book b;
    KtNote note;
    char long_text[KT__NOTE_BYTES + 10];
    (void)state;
    open_book(&b);
    kt__note_string(kt__note_begin(&note), "id", "a\"b");
    kt__note_flag(&note, "on", 7);
    kt__note_int(&note, "n", -3);
    kt__note_seconds(&note, "s", 1500000);
    kt__note_end(&note, &b.notes, KT_TIMELINE_MARK, 11 * SECOND, 0);
    assert_string_equal(newest(&b).data, "{\"id\":\"a\\\"b\",\"on\":true,\"n\":-3,\"s\":1.500000}");
    /* What does not fit is left out, the event stays. */
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    kt__note_string(kt__note_begin(&note), "id", long_text);
    kt__note_end(&note, &b.notes, KT_TIMELINE_MARK, 11 * SECOND, 0);
    assert_null(newest(&b).data);
    assert_int_equal(kt_timeline_count(b.notes.timeline), 2);
    assert_int_equal(kt__notes_mark(&b.notes, "[1]", 11 * SECOND, 0), KT_ERR_FORMAT);
    assert_int_equal(kt__notes_mark(&b.notes, "{}", 12 * SECOND, -1), KT_ERR_ARG);
    assert_int_equal(kt__notes_mark(&b.notes, "{}", 12 * SECOND, 0), KT_OK);
    kt_timeline_destroy(&b.notes.timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_data),
    };
    return cmocka_run_group_tests_name("take_notes", tests, NULL, NULL);
}
