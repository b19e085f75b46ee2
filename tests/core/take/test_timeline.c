/* The timeline: order, merging, JSON both ways, refusals, compression, lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc_fail.h"
#include "exact_copy.h"
#include "keeptake/timeline.h"
#include "timeline_events.h"

#define SECOND INT64_C(1000000)
/* 2026-01-31T12:00:00.250Z */
#define WALL INT64_C(1769860800250000)

static KtTimeline *create(void)
{
    KtTimeline *t = NULL;
    assert_int_equal(kt_timeline_create(1280, 720, &t), KT_OK);
    return t;
}

static char *json_of(const KtTimeline *t)
{
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(kt_timeline_json(t, &text, &bytes), KT_OK);
    assert_int_equal(strlen(text), bytes);
    return text;
}

static KtStatus parse(const char *json, KtTimeline **out, char error[256])
{
    size_t bytes = strlen(json);
    char *copy = exact_copy(json, bytes);
    KtStatus status = kt_timeline_parse(copy, bytes, out, error, 256);
    free(copy);
    return status;
}

static void exact_json(void **state)
{
    (void)state;
    KtTimeline *t = create();
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_START, 0, WALL, NULL), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, 1234567, WALL + 1234567, "{\"n\": 1}"),
                     KT_OK);
    char *text = json_of(t);
    assert_string_equal(
        text, "{\"version\":1,\"canvas\":{\"width\":1280,\"height\":720},\"events\":[\n"
              "{\"type\":\"start\",\"take\":0.000000,\"wall\":\"2026-01-31T12:00:00.250Z\"},\n"
              "{\"type\":\"mark\",\"take\":1.234567,\"wall\":\"2026-01-31T12:00:01.484Z\","
              "\"data\":{\"n\": 1}}\n]}\n");
    kt_text_free(text);
    kt_timeline_destroy(&t);
    assert_null(t);
    kt_timeline_destroy(&t);
}

static void bad_events(void **state)
{
    (void)state;
    KtTimeline *t = create();
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_START, SECOND, WALL, NULL), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND - 1, WALL, NULL), KT_ERR_ORDER);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, -1, WALL, NULL), KT_ERR_ARG);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, INT64_MAX, WALL, NULL), KT_ERR_ARG);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, -1, NULL), KT_ERR_ARG);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, INT64_MAX, NULL), KT_ERR_ARG);
    assert_int_equal(kt_timeline_add(t, (KtTimelineEvent)99, SECOND, WALL, NULL), KT_ERR_ARG);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, "[1]"), KT_ERR_FORMAT);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, "{"), KT_ERR_FORMAT);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, ""), KT_ERR_FORMAT);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, "{\"a\":\"\xc0\x80\"}"),
                     KT_ERR_FORMAT);
    char *big = malloc(KT_TIMELINE_MAX_DATA_BYTES + 2);
    memset(big, ' ', KT_TIMELINE_MAX_DATA_BYTES + 1);
    big[0] = '{';
    big[1] = '}';
    big[KT_TIMELINE_MAX_DATA_BYTES + 1] = '\0';
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, big), KT_ERR_LIMIT);
    big[KT_TIMELINE_MAX_DATA_BYTES] = '\0';
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, big), KT_OK);
    free(big);
    assert_int_equal(kt_timeline_count(t), 2);
    kt_timeline_destroy(&t);
    assert_int_equal(kt_timeline_create(0, 720, &t), KT_ERR_ARG);
    assert_int_equal(kt_timeline_create(1280, 8193, &t), KT_ERR_ARG);
    assert_null(t);
}

static void a_restart_begins_at_zero_again(void **state)
{
    (void)state;
    KtTimeline *t = create();
    kt_timeline_add(t, KT_TIMELINE_START, 0, WALL, NULL);
    kt_timeline_add(t, KT_TIMELINE_RESTART, 9 * SECOND, WALL, NULL);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_START, 0, WALL, NULL), KT_OK);
    assert_int_equal(kt_timeline_count(t), 3);
    kt_timeline_clear(t);
    assert_int_equal(kt_timeline_count(t), 0);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_START, 0, WALL, NULL), KT_OK);
    kt_timeline_destroy(&t);
}

static void dragging_does_not_flood(void **state)
{
    (void)state;
    KtTimeline *t = create();
    kt_timeline_add(t, KT_TIMELINE_START, 0, WALL, NULL);
    /* One second of composition changes at 60 Hz. */
    for (int i = 0; i < 60; i++) {
        char data[32];
        snprintf(data, sizeof data, "{\"gap\":0.%02d}", i);
        assert_int_equal(kt_timeline_add(t, KT_TIMELINE_COMPOSITION, i * SECOND / 60, WALL, data),
                         KT_OK);
    }
    assert_int_equal(kt_timeline_count(t), 1 + 20);
    char *text = json_of(t);
    assert_non_null(strstr(text, "0.59"));
    assert_null(strstr(text, "0.57"));
    kt_text_free(text);
    /* 40 ms apart, or with something between: kept. */
    int count = kt_timeline_count(t);
    kt_timeline_add(t, KT_TIMELINE_COMPOSITION, 2 * SECOND, WALL, NULL);
    kt_timeline_add(t, KT_TIMELINE_COMPOSITION, 2 * SECOND + 40000, WALL, NULL);
    kt_timeline_add(t, KT_TIMELINE_MARK, 2 * SECOND + 41000, WALL, NULL);
    kt_timeline_add(t, KT_TIMELINE_COMPOSITION, 2 * SECOND + 42000, WALL, NULL);
    assert_int_equal(kt_timeline_count(t), count + 4);
    kt_timeline_destroy(&t);
}

static void event_limit(void **state)
{
    (void)state;
    KtTimeline *t = create();
    static const KtTimelineEvent states[] = {
        KT_TIMELINE_START,         KT_TIMELINE_PAUSE,  KT_TIMELINE_RESUME,  KT_TIMELINE_STOP,
        KT_TIMELINE_LIMIT_REACHED, KT_TIMELINE_FAILED, KT_TIMELINE_RESTART,
    };
    for (int i = 0; i < KT_TIMELINE_MAX_EVENTS - 1001; i++)
        assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, i, WALL, NULL), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_COMPOSITION, SECOND, WALL, NULL), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_COMPOSITION, SECOND + 1, WALL, "{}"), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_COMPOSITION, 2 * SECOND, WALL, NULL),
                     KT_ERR_LIMIT);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, NULL), KT_ERR_LIMIT);
    for (int i = 0; i < 7; i++)
        assert_int_equal(kt_timeline_add(t, states[i], 2 * SECOND, WALL, NULL), KT_OK);
    for (int i = 7; i < 1000; i++)
        assert_int_equal(kt_timeline_add(t, KT_TIMELINE_PAUSE, 2 * SECOND, WALL, NULL), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_STOP, 2 * SECOND, WALL, NULL), KT_ERR_LIMIT);
    assert_int_equal(kt_timeline_count(t), KT_TIMELINE_MAX_EVENTS);
    kt_timeline_destroy(&t);
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    static const KtTimelineEvent kinds[] = {
#define KIND(name, text) KT_TIMELINE_##name,
        KT_TIMELINE_EVENT_MAP(KIND)
#undef KIND
    };
    KtTimeline *t = create(), *again = NULL;
    char error[256];
    int64_t take = 0;
    for (int i = 0; i < (int)(sizeof kinds / sizeof kinds[0]); i++) {
        take = kinds[i] == KT_TIMELINE_RESTART ? 0 : take + 333333;
        assert_int_equal(
            kt_timeline_add(t, kinds[i], kinds[i] == KT_TIMELINE_RESTART ? 9 * SECOND : take,
                            WALL + i * INT64_C(86400000) * 997,
                            i % 2 ? "{\"events\":[{\"take\":-1}],\"s\":\"\\\"}]\"}" : NULL),
            KT_OK);
    }
    char *text = json_of(t), *twice;
    assert_int_equal(parse(text, &again, error), KT_OK);
    twice = json_of(again);
    assert_string_equal(text, twice);
    kt_text_free(text);
    kt_text_free(twice);
    kt_timeline_destroy(&t);
    kt_timeline_destroy(&again);
}

static void wall_times(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {951827696789000, "2000-02-29T12:34:56.789Z"},
                 {4107542400000000, "2100-03-01T00:00:00.000Z"},
                 {253402300799999999, "9999-12-31T23:59:59.999Z"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KtTimeline *t = create();
        kt_timeline_add(t, KT_TIMELINE_START, 0, cases[i].us, NULL);
        char *text = json_of(t);
        assert_non_null(strstr(text, cases[i].text));
        kt_text_free(text);
        kt_timeline_destroy(&t);
    }
}

#define HEAD "{\"version\":1,\"canvas\":{\"width\":64,\"height\":36},\"events\":["
#define GOOD "{\"type\":\"start\",\"take\":5,\"wall\":\"2026-01-01T00:00:00.000Z\"}"
#define EVENT(type, take, wall) "{\"type\":" type ",\"take\":" take ",\"wall\":" wall "}"
#define W "\"2026-01-01T00:00:00.000Z\""

static void refusals(void **state)
{
    static const struct {
        const char *json;
        KtStatus status;
        const char *sentence;
    } cases[] = {
        {"", KT_ERR_FORMAT, "byte 0"},
        {"[]", KT_ERR_ARG, "must be an object"},
        {"{}", KT_ERR_ARG, "version"},
        {"{\"version\":2,\"canvas\":{},\"events\":[]}", KT_ERR_ARG, "version must be 1"},
        {"{\"version\":1,\"events\":[]}", KT_ERR_ARG, "canvas"},
        {"{\"version\":1,\"canvas\":{\"width\":0,\"height\":1},\"events\":[]}", KT_ERR_ARG,
         "canvas.width"},
        {"{\"version\":1,\"canvas\":{\"width\":1.5,\"height\":1},\"events\":[]}", KT_ERR_ARG,
         "whole"},
        {"{\"version\":1,\"canvas\":{\"width\":1,\"height\":1}}", KT_ERR_ARG,
         "events must be a list"},
        {"{\"version\":1,\"canvas\":{\"width\":1,\"height\":1},\"events\":{}}", KT_ERR_ARG,
         "events"},
        {HEAD "1]}", KT_ERR_ARG, "events[0] must be an object"},
        {HEAD GOOD "," EVENT("\"party\"", "5", W) "]}", KT_ERR_ARG, "events[1].type is party"},
        {HEAD EVENT("1", "5", W) "]}", KT_ERR_ARG, "events[0].type"},
        {HEAD GOOD "," EVENT("\"mark\"", "4.999999", W) "]}", KT_ERR_ORDER,
         "events[1].take goes back"},
        {HEAD EVENT("\"mark\"", "null", W) "]}", KT_ERR_ARG, "events[0].take"},
        {HEAD EVENT("\"mark\"", "-1", W) "]}", KT_ERR_ARG, "events[0].take"},
        {HEAD EVENT("\"mark\"", "1e300", W) "]}", KT_ERR_ARG, "events[0].take"},
        {HEAD EVENT("\"mark\"", "1e999", W) "]}", KT_ERR_FORMAT, "not JSON"},
        {HEAD EVENT("\"mark\"", "5", "\"2026-02-29T00:00:00.000Z\"") "]}", KT_ERR_ARG,
         "events[0].wall"},
        {HEAD EVENT("\"mark\"", "5", "\"2026-01-01T24:00:00.000Z\"") "]}", KT_ERR_ARG,
         "events[0].wall"},
        {HEAD EVENT("\"mark\"", "5", "\"2026-01-01T00:00:00Z\"") "]}", KT_ERR_ARG,
         "events[0].wall"},
        {HEAD EVENT("\"mark\"", "5", "1") "]}", KT_ERR_ARG, "events[0].wall"},
        {HEAD "{\"type\":\"mark\",\"take\":5,\"wall\":" W ",\"data\":[]}]}", KT_ERR_FORMAT,
         "events[0].data"},
        {HEAD GOOD "]", KT_ERR_FORMAT, "not JSON"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KtTimeline *t = NULL;
        char error[256] = "";
        KtStatus status = parse(cases[i].json, &t, error);
        if (status != cases[i].status || !strstr(error, cases[i].sentence))
            fail_msg("%s: status %d, \"%s\"", cases[i].json, status, error);
        assert_null(t);
    }
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    static const char json[] = HEAD GOOD "," GOOD "]}";
    char error[256], part[sizeof json];
    for (size_t bytes = 0; bytes < sizeof json - 1; bytes++) {
        KtTimeline *t = NULL;
        memcpy(part, json, bytes);
        part[bytes] = '\0';
        assert_int_equal(parse(part, &t, error), KT_ERR_FORMAT);
        assert_null(t);
    }
}

static void compression(void **state)
{
    (void)state;
    KtTimeline *t = create();
    for (int i = 0; i < 5000; i++)
        kt_timeline_add(t, KT_TIMELINE_MARK, i * 1000, WALL, "{\"note\":\"again and again\"}");
    char *text = json_of(t), *back = NULL;
    uint8_t *small = NULL;
    size_t small_bytes = 0, back_bytes = 0, bytes = strlen(text);
    assert_int_equal(kt_timeline_compress(text, bytes, &small, &small_bytes), KT_OK);
    assert_true(small_bytes < bytes / 8);
    assert_int_equal(kt_timeline_decompress(small, small_bytes, &back, &back_bytes), KT_OK);
    assert_int_equal(back_bytes, bytes);
    assert_memory_equal(back, text, bytes + 1);
    kt_text_free(back);
    back = NULL;
    for (size_t cut = 0; cut < small_bytes; cut += 97)
        assert_int_equal(kt_timeline_decompress(small, cut, &back, &back_bytes), KT_ERR_FORMAT);
    small[small_bytes - 1] ^= 1;
    assert_int_equal(kt_timeline_decompress(small, small_bytes, &back, &back_bytes), KT_ERR_FORMAT);
    assert_null(back);
    kt_text_free(small);
    kt_text_free(text);
    kt_timeline_destroy(&t);
}

static void a_bomb_stops_at_the_limit(void **state)
{
    (void)state;
    size_t bytes = KT_TIMELINE_MAX_JSON_BYTES, small_bytes = 0, back_bytes = 0;
    char *zeros = calloc(1, bytes + 1), *back = NULL;
    uint8_t *small = NULL;
    assert_non_null(zeros);
    assert_int_equal(kt_timeline_compress(zeros, bytes + 1, &small, &small_bytes), KT_ERR_LIMIT);
    assert_int_equal(kt_timeline_compress(zeros, bytes, &small, &small_bytes), KT_OK);
    free(zeros);
    assert_int_equal(kt_timeline_decompress(small, small_bytes, &back, &back_bytes), KT_OK);
    assert_int_equal(back_bytes, bytes);
    kt_text_free(back);
    kt_text_free(small);
}

static int attempt(void *context)
{
    KtTimeline *t = NULL, *again = NULL;
    char *text = NULL, *back = NULL;
    uint8_t *small = NULL;
    size_t bytes = 0, small_bytes = 0;
    (void)context;
    int good = kt_timeline_create(64, 36, &t) == KT_OK;
    for (int i = 0; good && i < 40; i++)
        good = kt_timeline_add(t, KT_TIMELINE_MARK, i, WALL, "{\"a\":1}") == KT_OK;
    good = good && kt_timeline_json(t, &text, &bytes) == KT_OK;
    if (good) {
        KtStatus status = kt_timeline_parse(text, bytes, &again, NULL, 0);
        assert_true(status == KT_OK || status == KT_ERR_MEMORY);
        good = status == KT_OK;
    }
    good = good && kt_timeline_compress(text, bytes, &small, &small_bytes) == KT_OK;
    good = good && kt_timeline_decompress(small, small_bytes, &back, &bytes) == KT_OK;
    for (int i = 0; good && i < 2; i++) {
        kt_text_free(small);
        small = NULL;
        good = kt_timeline_add(t, KT_TIMELINE_MARK, SECOND, WALL, "{\"a\":1}") == KT_OK &&
               kt_timeline_pack(t, &small, &small_bytes) == KT_OK;
    }
    kt_text_free(back);
    kt_text_free(small);
    kt_text_free(text);
    kt_timeline_destroy(&again);
    kt_timeline_destroy(&t);
    return good;
}

static void journaled_in_pieces(void **state)
{
    KtTimeline *t = create(), *copy = create(), *more = NULL;
    char error[256] = "", *text = NULL, *again;
    size_t bytes;
    (void)state;
    kt_timeline_add(t, KT_TIMELINE_START, 0, WALL, NULL);
    kt_timeline_add(t, KT_TIMELINE_COMPOSITION, SECOND, WALL, "{\"gap\":1}");
    assert_int_equal(kt_timeline_json_from(t, 3, &text, &bytes), KT_ERR_ARG);
    assert_int_equal(kt_timeline_json_from(t, -1, &text, &bytes), KT_ERR_ARG);
    for (int first = 0; first < 4; first++) {
        if (first == 2) /* takes the place of the second event */
            kt_timeline_add(t, KT_TIMELINE_COMPOSITION, SECOND + 1000, WALL, "{\"gap\":2}");
        if (first == 3)
            kt_timeline_add(t, KT_TIMELINE_MARK, 2 * SECOND, WALL, NULL);
        const int from = first == 3 ? 2 : first == 2 ? 1 : first;
        assert_int_equal(kt_timeline_json_from(t, from, &text, &bytes), KT_OK);
        assert_int_equal(kt_timeline_parse(text, bytes, &more, error, sizeof error), KT_OK);
        assert_int_equal(kt_timeline_append(copy, from, more), KT_OK);
        assert_int_equal(kt_timeline_count(more), 0);
        kt_timeline_destroy(&more);
        kt_text_free(text);
        text = json_of(t);
        again = json_of(copy);
        assert_string_equal(text, again);
        kt_text_free(text);
        kt_text_free(again);
    }
    /* Refused, and nothing changed: behind the end, back in time. */
    more = create();
    kt_timeline_add(more, KT_TIMELINE_MARK, SECOND, WALL, NULL);
    assert_int_equal(kt_timeline_append(copy, 4, more), KT_ERR_ARG);
    assert_int_equal(kt_timeline_append(copy, -1, more), KT_ERR_ARG);
    assert_int_equal(kt_timeline_append(copy, 0, copy), KT_ERR_ARG);
    assert_int_equal(kt_timeline_append(copy, 3, more), KT_ERR_ORDER);
    assert_int_equal(kt_timeline_count(copy), 3);
    assert_int_equal(kt_timeline_count(more), 1);
    kt_timeline_add(copy, KT_TIMELINE_RESTART, 2 * SECOND, WALL, NULL);
    assert_int_equal(kt_timeline_append(copy, 4, more), KT_OK);
    assert_int_equal(kt_timeline_count(copy), 5);
    kt_timeline_destroy(&more);
    kt_timeline_destroy(&copy);
    kt_timeline_destroy(&t);
}

/* Unpacks what kt_timeline_pack gives and compares it with the plain form. */
static void check_packed(const KtTimeline *t)
{
    uint8_t *packed = NULL;
    char *plain = json_of(t), *unpacked = NULL;
    size_t packed_bytes = 0, bytes = 0;
    assert_int_equal(kt_timeline_pack(t, &packed, &packed_bytes), KT_OK);
    assert_int_equal(kt_timeline_decompress(packed, packed_bytes, &unpacked, &bytes), KT_OK);
    assert_int_equal(bytes, strlen(plain));
    assert_string_equal(unpacked, plain);
    kt_text_free(packed);
    kt_text_free(unpacked);
    kt_text_free(plain);
}

/* Whatever happens to a timeline between two packs: events that come, one that is replaced, a
 * restart, a cut, pieces moved from elsewhere. */
static void packed_as_it_grows(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        KtTimeline *t = create();
        uint32_t r = seed;
        int64_t at_us = 0;
        check_packed(t);
        for (int i = 0; i < 300; i++) {
            r = r * 1664525u + 1013904223u;
            char data[64];
            snprintf(data, sizeof data, "{\"n\":%u}", (unsigned)(r >> 8));
            at_us += (int64_t)(r >> 24) * 1000;
            switch (r >> 16 & 31) {
            case 0:
                kt_timeline_clear(t);
                kt_timeline_add(t, KT_TIMELINE_RESTART, 0, WALL, NULL);
                at_us = 0;
                break;
            case 1:
                assert_int_equal(kt_timeline_close(t, at_us / 2), KT_OK);
                at_us /= 2;
                break;
            case 2: {
                KtTimeline *more = create();
                kt_timeline_add(more, KT_TIMELINE_MARK, at_us, WALL, data);
                check_packed(more);
                int keep = kt_timeline_count(t) * (int)(r >> 24) / 256;
                assert_int_equal(kt_timeline_append(t, keep, more), KT_OK);
                check_packed(more);
                kt_timeline_destroy(&more);
                break;
            }
            default:
                kt_timeline_add(t, r & 1 << 21 ? KT_TIMELINE_COMPOSITION : KT_TIMELINE_MARK, at_us,
                                WALL + at_us, data);
            }
            if (r >> 29 == 0)
                check_packed(t);
        }
        check_packed(t);
        kt_timeline_destroy(&t);
    }
}

/* What was compressed is not compressed again: the stream has passed every byte once. */
static void packing_takes_what_is_new(void **state)
{
    (void)state;
    KtTimeline *t = create();
    for (int i = 0; i < 2000; i++) {
        kt_timeline_add(t, KT_TIMELINE_MARK, i * SECOND, WALL, "{\"some\":\"thing\"}");
        if (i % 10 == 0)
            check_packed(t);
    }
    char *plain = json_of(t);
    check_packed(t);
    assert_true(t->pack->z.total_in < strlen(plain));
    assert_int_equal(t->pack->done, 1999);
    kt_text_free(plain);
    kt_timeline_destroy(&t);
}

/* Where white space before the timeline was passed again for each of its members, this took a
 * minute of computing time instead of some milliseconds. */
static void white_space_is_passed_once(void **state)
{
    enum { SPACES = 1 << 20, MEMBERS = 60000 };
    static const char member[] = "\"\":0,", end[] = "\"version\":1,\"canvas\":{\"width\":16,"
                                                    "\"height\":9},\"events\":[]}";
    (void)state;
    const size_t bytes = SPACES + 1 + MEMBERS * (sizeof member - 1) + sizeof end - 1;
    char *json = malloc(bytes), *at = json + SPACES + 1, error[256] = "";
    KtTimeline *t = NULL;
    memset(json, ' ', SPACES);
    json[SPACES] = '{';
    for (int i = 0; i < MEMBERS; i++, at += sizeof member - 1)
        memcpy(at, member, sizeof member - 1);
    memcpy(at, end, sizeof end - 1);
    const clock_t begin = clock();
    assert_int_equal(kt_timeline_parse(json, bytes, &t, error, sizeof error), KT_OK);
    assert_true(clock() - begin < 10 * CLOCKS_PER_SEC);
    kt_timeline_destroy(&t);
    free(json);
}

/* Every event comes out as it went in, in order, also one that another replaced. */
static void one_by_one(void **state)
{
    (void)state;
    KtTimelineItem item = {.take_us = -7};
    int width = 0, height = 0;
    KtTimeline *t = create();
    assert_int_equal(kt_timeline_event(t, 0, &item), KT_ERR_ARG);
    assert_int_equal(kt_timeline_first_of_take(t), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            kt_timeline_add(t, KT_TIMELINE_MARK, i * SECOND, WALL + i, i ? "{\"n\":1}" : NULL),
            KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_RESTART, 3 * SECOND, WALL, NULL), KT_OK);
    assert_int_equal(kt_timeline_first_of_take(t), 4);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_START, 0, WALL + 9, NULL), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_COMPOSITION, 10, WALL, "{\"a\":1}"), KT_OK);
    assert_int_equal(kt_timeline_add(t, KT_TIMELINE_COMPOSITION, 20, WALL, "{\"bb\":2}"), KT_OK);
    assert_int_equal(kt_timeline_first_of_take(t), 4);
    assert_int_equal(kt_timeline_count(t), 6);
    assert_int_equal(kt_timeline_event(t, -1, &item), KT_ERR_ARG);
    assert_int_equal(kt_timeline_event(t, 6, &item), KT_ERR_ARG);
    assert_int_equal(item.take_us, -7);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kt_timeline_event(t, i, &item), KT_OK);
        assert_string_equal(kt_timeline_event_name(item.event), "mark");
        assert_int_equal(item.take_us, i * SECOND);
        assert_int_equal(item.wall_us, WALL + i);
        assert_int_equal(item.data_bytes, i ? 7 : 0);
        assert_true(i ? strcmp(item.data, "{\"n\":1}") == 0 : item.data == NULL);
    }
    assert_int_equal(kt_timeline_event(t, 5, &item), KT_OK);
    assert_int_equal(item.take_us, 10);
    assert_string_equal(item.data, "{\"bb\":2}");
    kt_timeline_canvas(t, &width, &height);
    assert_true(width == 1280 && height == 720);
    assert_string_equal(kt_timeline_event_name((KtTimelineEvent)99), "unknown");
    kt_timeline_destroy(&t);
}

static void allocation_failures(void **state)
{
    (void)state;
    assert_true(kt_alloc_each(attempt, NULL) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_json),
        cmocka_unit_test(bad_events),
        cmocka_unit_test(a_restart_begins_at_zero_again),
        cmocka_unit_test(dragging_does_not_flood),
        cmocka_unit_test(event_limit),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(wall_times),
        cmocka_unit_test(refusals),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(compression),
        cmocka_unit_test(a_bomb_stops_at_the_limit),
        cmocka_unit_test(journaled_in_pieces),
        cmocka_unit_test(packed_as_it_grows),
        cmocka_unit_test(packing_takes_what_is_new),
        cmocka_unit_test(white_space_is_passed_once),
        cmocka_unit_test(one_by_one),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
