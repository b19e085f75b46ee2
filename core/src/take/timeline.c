/* What happened in a take, and its JSON form (docs/timeline.md). */
#include "keeptake/timeline.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <zlib.h>

#include "json.h"
#include "text.h"
#include "timeline_events.h"

#define COMPOSITION_MERGE_US INT64_C(40000)
#define MAX_TAKE_US (INT64_C(86400) * 1000000 * 7) /* a week: far above any take */
#define MAX_CANVAS_SIDE 8192
#define FIRST_CAPACITY 32
/* Around the data of an event: type, times, spaces, fields of later versions. */
#define MAX_EVENT_BYTES (KT_TIMELINE_MAX_DATA_BYTES + 4096)

static const char *const event_names[] = {
#define EVENT_NAME(name, text) text,
    KT_TIMELINE_EVENT_MAP(EVENT_NAME)
#undef EVENT_NAME
};
#define EVENT_KINDS ((int)(sizeof event_names / sizeof event_names[0]))

KtStatus kt_timeline_create(int canvas_width, int canvas_height, KtTimeline **out)
{
    if (canvas_width < 1 || canvas_width > MAX_CANVAS_SIDE || canvas_height < 1 ||
        canvas_height > MAX_CANVAS_SIDE || !out)
        return KT_ERR_ARG;
    KtTimeline *t = calloc(1, sizeof *t);
    if (!t)
        return KT_ERR_MEMORY;
    t->pack = calloc(1, sizeof *t->pack);
    if (!t->pack) {
        free(t);
        return KT_ERR_MEMORY;
    }
    t->canvas_width = canvas_width;
    t->canvas_height = canvas_height;
    *out = t;
    return KT_OK;
}

void kt__timeline_truncate(KtTimeline *t, int keep)
{
    kt__timeline_pack_forget(t->pack, keep);
    while (t->count > keep)
        free((void *)t->items[--t->count].data);
}

void kt_timeline_clear(KtTimeline *t)
{
    kt__timeline_truncate(t, 0);
}

void kt_timeline_destroy(KtTimeline **timeline)
{
    if (!timeline || !*timeline)
        return;
    kt_timeline_clear(*timeline);
    kt__timeline_pack_reset((*timeline)->pack);
    free((*timeline)->pack);
    free((*timeline)->items);
    free(*timeline);
    *timeline = NULL;
}

int kt_timeline_count(const KtTimeline *t)
{
    return t->count;
}

KtStatus kt_timeline_event(const KtTimeline *t, int index, KtTimelineItem *out)
{
    if (!t || !out || index < 0 || index >= t->count)
        return KT_ERR_ARG;
    *out = t->items[index];
    return KT_OK;
}

int kt_timeline_first_of_take(const KtTimeline *t)
{
    int first = t->count;
    while (first > 0 && t->items[first - 1].event != KT_TIMELINE_RESTART)
        first--;
    return first;
}

const char *kt_timeline_event_name(KtTimelineEvent event)
{
    return (int)event < 0 || (int)event >= EVENT_KINDS ? "unknown" : event_names[event];
}

void kt_timeline_canvas(const KtTimeline *t, int *width, int *height)
{
    *width = t->canvas_width;
    *height = t->canvas_height;
}

static KtStatus copy_data(const char *json, size_t bytes, char **out)
{
    size_t last = 0;
    *out = NULL;
    if (!json)
        return KT_OK;
    KtJsonSpan span = {json, bytes};
    if (bytes > KT_TIMELINE_MAX_DATA_BYTES)
        return KT_ERR_LIMIT;
    if (kt__json_check(json, bytes, &last) != KT_OK || kt__json_kind(span) != '{')
        return KT_ERR_FORMAT;
    *out = malloc(bytes + 1);
    if (!*out)
        return KT_ERR_MEMORY;
    memcpy(*out, json, bytes);
    (*out)[bytes] = '\0';
    return KT_OK;
}

/* Room for count items in all. */
static KtStatus reserve_items(KtTimeline *t, int count)
{
    if (count > KT_TIMELINE_MAX_EVENTS)
        return KT_ERR_LIMIT;
    if (count <= t->capacity)
        return KT_OK;
    int capacity = t->capacity ? t->capacity : FIRST_CAPACITY;
    while (capacity < count)
        capacity *= 2;
    KtTimelineItem *items = realloc(t->items, (size_t)capacity * sizeof *items);
    if (!items)
        return KT_ERR_MEMORY;
    t->items = items;
    t->capacity = capacity;
    return KT_OK;
}

/* The composition that the new one replaces; it keeps its times, so a long drag leaves one event
 * each COMPOSITION_MERGE_US. NULL: none. */
static KtTimelineItem *replaced(KtTimeline *t, KtTimelineEvent event, int64_t take_us)
{
    KtTimelineItem *last = t->count > 0 ? &t->items[t->count - 1] : NULL;
    if (event != KT_TIMELINE_COMPOSITION || !last || last->event != KT_TIMELINE_COMPOSITION)
        return NULL;
    return take_us - last->take_us < COMPOSITION_MERGE_US ? last : NULL;
}

static KtStatus add_event(KtTimeline *t, KtTimelineEvent event, int64_t take_us, int64_t wall_us,
                          const char *data, size_t data_bytes, int merge)
{
    const KtTimelineItem *last = t->count > 0 ? &t->items[t->count - 1] : NULL;
    char *copy;
    if ((int)event < 0 || (int)event >= EVENT_KINDS || take_us < 0 || take_us > MAX_TAKE_US ||
        wall_us < 0 || wall_us > KT__WALL_MAX_US)
        return KT_ERR_ARG;
    if (last && last->event != KT_TIMELINE_RESTART && take_us < last->take_us)
        return KT_ERR_ORDER;
    KtTimelineItem *item = merge ? replaced(t, event, take_us) : NULL;
    if (!item) {
        KtStatus reserved = reserve_items(t, t->count + 1);
        if (reserved != KT_OK)
            return reserved;
    }
    KtStatus status = copy_data(data, data_bytes, &copy);
    if (status != KT_OK)
        return status;
    if (item) {
        free((void *)item->data);
    } else {
        item = &t->items[t->count++];
        item->event = event;
        item->take_us = take_us;
        item->wall_us = wall_us;
    }
    item->data = copy;
    item->data_bytes = copy ? data_bytes : 0;
    return KT_OK;
}

/* Without these the take's states and length could not be told. */
static int is_state(KtTimelineEvent event)
{
    switch (event) {
    case KT_TIMELINE_START:
    case KT_TIMELINE_PAUSE:
    case KT_TIMELINE_RESUME:
    case KT_TIMELINE_STOP:
    case KT_TIMELINE_RESTART:
    case KT_TIMELINE_LIMIT_REACHED:
    case KT_TIMELINE_FAILED:
        return 1;
    default:
        return 0;
    }
}

KtStatus kt_timeline_add(KtTimeline *t, KtTimelineEvent event, int64_t take_us, int64_t wall_us,
                         const char *data_json)
{
    if (t->count >= KT_TIMELINE_MAX_EVENTS - KT_TIMELINE_STATE_EVENTS && !is_state(event) &&
        !replaced(t, event, take_us))
        return KT_ERR_LIMIT;
    return add_event(t, event, take_us, wall_us, data_json, data_json ? strlen(data_json) : 0, 1);
}

static void print_item(KtText *text, const KtTimelineItem *item)
{
    kt__text_puts(text, "{");
    kt__text_key(text, "type");
    kt__text_string(text, event_names[item->event]);
    kt__text_key(text, "take");
    kt__text_seconds(text, item->take_us);
    kt__text_key(text, "wall");
    kt__text_wall(text, item->wall_us);
    if (item->data) {
        kt__text_key(text, "data");
        kt__text_add(text, item->data, item->data_bytes);
    }
    kt__text_puts(text, "}");
}

void kt__timeline_print_head(const KtTimeline *t, KtText *text)
{
    kt__text_puts(text, "{\"version\":1,\"canvas\":{\"width\":");
    kt__text_int(text, t->canvas_width);
    kt__text_puts(text, ",\"height\":");
    kt__text_int(text, t->canvas_height);
    kt__text_puts(text, "},\"events\":[");
}

void kt__timeline_print_event(const KtTimeline *t, int index, int first, KtText *text)
{
    kt__text_puts(text, first ? "\n" : ",\n");
    print_item(text, &t->items[index]);
}

KtStatus kt_timeline_json_from(const KtTimeline *t, int first, char **text, size_t *bytes)
{
    KtText out;
    if (first < 0 || first > t->count)
        return KT_ERR_ARG;
    kt__text_init(&out, KT_TIMELINE_MAX_JSON_BYTES);
    kt__timeline_print_head(t, &out);
    for (int i = first; i < t->count; i++)
        kt__timeline_print_event(t, i, i == first, &out);
    kt__text_puts(&out, KT__TIMELINE_TAIL);
    return kt__text_take(&out, text, bytes);
}

KtStatus kt_timeline_json(const KtTimeline *t, char **text, size_t *bytes)
{
    return kt_timeline_json_from(t, 0, text, bytes);
}

KtStatus kt_timeline_append(KtTimeline *t, int keep, KtTimeline *more)
{
    if (keep < 0 || keep > t->count || t == more)
        return KT_ERR_ARG;
    const KtTimelineItem *last = keep > 0 ? &t->items[keep - 1] : NULL;
    if (last && more->count > 0 && last->event != KT_TIMELINE_RESTART &&
        more->items[0].take_us < last->take_us)
        return KT_ERR_ORDER;
    KtStatus status = reserve_items(t, keep + more->count);
    if (status != KT_OK)
        return status;
    kt__timeline_truncate(t, keep);
    if (more->count > 0)
        memcpy(&t->items[keep], more->items, (size_t)more->count * sizeof *more->items);
    t->count = keep + more->count;
    kt__timeline_pack_forget(more->pack, 0);
    more->count = 0;
    return KT_OK;
}

typedef struct Problem {
    char *error;
    size_t error_bytes;
} Problem;

static KtStatus problem(const Problem *p, KtStatus status, const char *format, ...)
{
    va_list args;
    if (p->error && p->error_bytes > 0) {
        va_start(args, format);
        vsnprintf(p->error, p->error_bytes, format, args);
        va_end(args);
    }
    return status;
}

static int event_of(const cJSON *type)
{
    for (int i = 0; cJSON_IsString(type) && i < EVENT_KINDS; i++)
        if (strcmp(type->valuestring, event_names[i]) == 0)
            return i;
    return -1;
}

/* Times and type of an event; the data is taken from the text itself. */
static KtStatus read_event(const Problem *p, int index, const cJSON *root, KtTimelineItem *out)
{
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(root, "type");
    const cJSON *take = cJSON_GetObjectItemCaseSensitive(root, "take");
    const cJSON *wall = cJSON_GetObjectItemCaseSensitive(root, "wall");
    int event = event_of(type);
    if (event < 0)
        return problem(p, KT_ERR_ARG, "events[%d].type is %s%.32s; no such event is known", index,
                       cJSON_IsString(type) ? "" : "not a string",
                       cJSON_IsString(type) ? type->valuestring : "");
    if (!cJSON_IsNumber(take) || take->valuedouble < 0 ||
        take->valuedouble > (double)MAX_TAKE_US / 1e6)
        return problem(p, KT_ERR_ARG,
                       "events[%d].take must be a number of seconds between 0 and %lld", index,
                       (long long)(MAX_TAKE_US / 1000000));
    if (!cJSON_IsString(wall) || kt__wall_parse(wall->valuestring, &out->wall_us) != KT_OK)
        return problem(p, KT_ERR_ARG,
                       "events[%d].wall must be a time such as 2026-01-31T12:00:00.000Z", index);
    out->event = (KtTimelineEvent)event;
    out->take_us = (int64_t)llround(take->valuedouble * 1e6);
    return KT_OK;
}

static KtStatus parse_event(const Problem *p, KtTimeline *t, KtJsonSpan value)
{
    KtTimelineItem item;
    KtJsonSpan key, member, data = {NULL, 0};
    KtJsonWalk members = kt__json_walk(value);
    int index = t->count;
    if (kt__json_kind(value) != '{')
        return problem(p, KT_ERR_ARG, "events[%d] must be an object", index);
    if (value.bytes > MAX_EVENT_BYTES)
        return problem(p, KT_ERR_LIMIT, "events[%d] has %lu bytes; at most %d are allowed", index,
                       (unsigned long)value.bytes, MAX_EVENT_BYTES);
    while (kt__json_next(&members, &key, &member))
        if (kt__json_key_is(key, "data") && !data.data)
            data = member;
    cJSON *root = kt__json_tree(value);
    if (!root)
        return problem(p, KT_ERR_MEMORY, "no memory to read events[%d]", index);
    KtStatus status = read_event(p, index, root, &item);
    cJSON_Delete(root);
    if (status != KT_OK)
        return status;
    status = add_event(t, item.event, item.take_us, item.wall_us, data.data, data.bytes, 0);
    if (status == KT_ERR_FORMAT)
        return problem(p, status, "events[%d].data must be an object", index);
    if (status == KT_ERR_ORDER)
        return problem(p, status, "events[%d].take goes back", index);
    if (status == KT_ERR_LIMIT)
        return problem(p, status, "events[%d] is beyond a limit: %d events, data of %d bytes each",
                       index, KT_TIMELINE_MAX_EVENTS, KT_TIMELINE_MAX_DATA_BYTES);
    if (status != KT_OK)
        return problem(p, status, "events[%d]: %s", index, kt_status_text(status));
    return KT_OK;
}

static int read_side(const cJSON *canvas, const char *name)
{
    const cJSON *side = cJSON_GetObjectItemCaseSensitive(canvas, name);
    if (!cJSON_IsNumber(side) || side->valuedouble < 1 || side->valuedouble > MAX_CANVAS_SIDE ||
        side->valuedouble != floor(side->valuedouble))
        return 0;
    return (int)side->valuedouble;
}

/* The members of the timeline's object, still as text. */
typedef struct Parts {
    KtJsonSpan version, canvas, events;
} Parts;

static KtStatus split(const Problem *p, KtJsonSpan root, Parts *parts)
{
    KtJsonSpan key, value;
    KtJsonWalk members = kt__json_walk(root);
    memset(parts, 0, sizeof *parts);
    if (kt__json_kind(root) != '{')
        return problem(p, KT_ERR_ARG, "the timeline must be an object");
    while (kt__json_next(&members, &key, &value)) {
        if (kt__json_key_is(key, "version"))
            parts->version = value;
        else if (kt__json_key_is(key, "canvas"))
            parts->canvas = value;
        else if (kt__json_key_is(key, "events"))
            parts->events = value;
    }
    if (parts->version.bytes != 1 || *parts->version.data != '1')
        return problem(p, KT_ERR_ARG, "version must be 1");
    if (!parts->canvas.data || kt__json_kind(parts->canvas) != '{' ||
        parts->canvas.bytes > MAX_EVENT_BYTES)
        return problem(p, KT_ERR_ARG, "canvas must be an object with width and height");
    if (!parts->events.data || kt__json_kind(parts->events) != '[')
        return problem(p, KT_ERR_ARG, "events must be a list");
    return KT_OK;
}

static KtStatus parse_canvas(const Problem *p, KtJsonSpan canvas, KtTimeline **out)
{
    cJSON *root = kt__json_tree(canvas);
    if (!root)
        return problem(p, KT_ERR_MEMORY, "no memory to read canvas");
    int width = read_side(root, "width"), height = read_side(root, "height");
    cJSON_Delete(root);
    if (!width || !height)
        return problem(p, KT_ERR_ARG,
                       "canvas.width and canvas.height must be whole numbers "
                       "between 1 and 8192");
    KtStatus status = kt_timeline_create(width, height, out);
    return status == KT_OK ? KT_OK : problem(p, status, "%s", kt_status_text(status));
}

KtStatus kt_timeline_parse(const char *json, size_t json_bytes, KtTimeline **out, char *error,
                           size_t error_bytes)
{
    Problem p = {error, error_bytes};
    Parts parts;
    KtTimeline *t = NULL;
    KtJsonSpan root = {json, json_bytes}, key, value;
    size_t at = 0;
    if (json_bytes > KT_TIMELINE_MAX_JSON_BYTES)
        return problem(&p, KT_ERR_LIMIT, "the timeline has %lu bytes; at most %u are allowed",
                       (unsigned long)json_bytes, KT_TIMELINE_MAX_JSON_BYTES);
    if (kt__json_check(json, json_bytes, &at) != KT_OK)
        return problem(&p, KT_ERR_FORMAT, "the timeline is not JSON: see byte %lu",
                       (unsigned long)at);
    KtStatus status = split(&p, root, &parts);
    if (status == KT_OK)
        status = parse_canvas(&p, parts.canvas, &t);
    if (status != KT_OK)
        return status;
    KtJsonWalk events = kt__json_walk(parts.events);
    while (status == KT_OK && kt__json_next(&events, &key, &value))
        status = parse_event(&p, t, value);
    if (status != KT_OK) {
        kt_timeline_destroy(&t);
        return status;
    }
    *out = t;
    return KT_OK;
}

KtStatus kt_timeline_compress(const char *json, size_t json_bytes, uint8_t **out, size_t *out_bytes)
{
    if (json_bytes > KT_TIMELINE_MAX_JSON_BYTES)
        return KT_ERR_LIMIT;
    uLongf bytes = compressBound((uLong)json_bytes);
    uint8_t *data = malloc(bytes);
    if (!data)
        return KT_ERR_MEMORY;
    if (compress2(data, &bytes, (const Bytef *)json, (uLong)json_bytes, 6) != Z_OK) {
        free(data);
        return KT_ERR_MEMORY;
    }
    *out = data;
    *out_bytes = bytes;
    return KT_OK;
}

static KtStatus inflate_all(z_stream *z, KtText *text)
{
    char block[16384];
    int result = Z_OK;
    while (result == Z_OK && text->status == KT_OK) {
        z->next_out = (Bytef *)block;
        z->avail_out = sizeof block;
        result = inflate(z, Z_NO_FLUSH);
        kt__text_add(text, block, sizeof block - z->avail_out);
    }
    if (text->status != KT_OK)
        return text->status;
    if (result == Z_MEM_ERROR)
        return KT_ERR_MEMORY;
    return result == Z_STREAM_END && z->avail_in == 0 ? KT_OK : KT_ERR_FORMAT;
}

KtStatus kt_timeline_decompress(const uint8_t *data, size_t bytes, char **json, size_t *json_bytes)
{
    return kt_timeline_decompress_within(data, bytes, KT_TIMELINE_MAX_JSON_BYTES, json, json_bytes);
}

KtStatus kt_timeline_decompress_within(const uint8_t *data, size_t bytes, size_t most_bytes,
                                       char **json, size_t *json_bytes)
{
    z_stream z;
    KtText text;
    if (bytes > KT_TIMELINE_MAX_JSON_BYTES)
        return KT_ERR_LIMIT;
    memset(&z, 0, sizeof z);
    z.next_in = (z_const Bytef *)data;
    z.avail_in = (uInt)bytes;
    if (inflateInit(&z) != Z_OK)
        return KT_ERR_MEMORY;
    kt__text_init(&text, most_bytes < KT_TIMELINE_MAX_JSON_BYTES ? most_bytes
                                                                 : KT_TIMELINE_MAX_JSON_BYTES);
    KtStatus status = inflate_all(&z, &text);
    inflateEnd(&z);
    if (status != KT_OK) {
        kt__text_reset(&text);
        return status;
    }
    return kt__text_take(&text, json, json_bytes);
}
