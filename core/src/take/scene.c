/* The scene of a timeline: who stood where and when (docs/scene.md). Replays the events since the
 * last restart, and resolves every composition as the compositor did. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "composition_json.h"
#include "json.h"
#include "keeptake/composition.h"
#include "keeptake/scene.h"
#include "text.h"

#define MAX_SCENE_SOURCES 256 /* different ids in one take; more is not a take of ours */
#define MAX_OPEN_HOOKS 64
#define NAME_BYTES 256
#define ERROR_BYTES 256

typedef struct Span {
    int visible;
    KtRect rect;
    int layer; /* 0 is lowest */
    KtCompositionSource look;
    int64_t from_us;
} Span;

typedef struct SceneSource {
    char id[KT_ID_BYTES];
    char name[NAME_BYTES];
    int present;
    int open; /* span runs since span.from_us */
    Span span;
    int64_t stalled_us; /* since then; -1: not stalled */
    KtText spans;
} SceneSource;

typedef struct OpenHook {
    char id[KT_ID_BYTES];
    char source[KT_ID_BYTES];
    cJSON *data; /* of the event, for its text; owned */
    int64_t from_us;
} OpenHook;

typedef struct Scene {
    const KtTimeline *timeline;
    double aspect;
    int64_t duration_us, wall_start_us;
    int index; /* of the event that is replayed */
    KtStatus status;
    char error[ERROR_BYTES]; /* a sentence, where status is a failure */
    int has_composition;
    KtComposition composition;
    int64_t background_us;
    int paused;
    int64_t pause_take_us, pause_wall_us, last_wall_us;
    SceneSource *sources;
    int source_count, source_capacity;
    OpenHook hooks[MAX_OPEN_HOOKS];
    int hook_count;
    size_t span_bytes;
    KtText backgrounds, transitions, pauses, closed_hooks, gaps;
} Scene;

/* The first failure is the one that is told. */
static void fail(Scene *s, KtStatus why, const char *format, ...)
{
    va_list args;
    if (s->status != KT_OK)
        return;
    s->status = why;
    va_start(args, format);
    vsnprintf(s->error, sizeof s->error, format, args);
    va_end(args);
}

/* Looked at after every event, so that no timeline makes more than it may before it is refused. */
static void check_size(Scene *s)
{
    const KtText *texts[] = {&s->backgrounds, &s->transitions, &s->pauses, &s->closed_hooks,
                             &s->gaps};
    size_t bytes = s->span_bytes;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bytes += texts[i]->bytes;
        if (texts[i]->status != KT_OK)
            fail(s, texts[i]->status, "%s", kt_status_text(texts[i]->status));
    }
    if (bytes > KT_SCENE_MAX_JSON_BYTES)
        fail(s, KT_ERR_LIMIT, "the scene has more than %u bytes at events[%d]",
             KT_SCENE_MAX_JSON_BYTES, s->index);
}

static void begin_entry(KtText *text)
{
    kt__text_puts(text, text->bytes > 0 ? ",\n{" : "\n{");
}

static void add_seconds(KtText *text, const char *key, int64_t us)
{
    kt__text_key(text, key);
    kt__text_seconds(text, us);
}

static void add_string(KtText *text, const char *key, const char *value)
{
    kt__text_key(text, key);
    kt__text_string(text, value);
}

static void add_number(KtText *text, const char *key, double value)
{
    kt__text_key(text, key);
    kt__text_number(text, value);
}

static const char *string_of(const cJSON *data, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(data, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static SceneSource *find_source(Scene *s, const char *id)
{
    for (int i = 0; i < s->source_count; i++)
        if (strcmp(s->sources[i].id, id) == 0)
            return &s->sources[i];
    return NULL;
}

static SceneSource *new_source(Scene *s, const char *id)
{
    if (s->source_count == MAX_SCENE_SOURCES) {
        fail(s, KT_ERR_LIMIT, "events[%d] brings in one source more than %d", s->index,
             MAX_SCENE_SOURCES);
        return NULL;
    }
    if (s->source_count == s->source_capacity) {
        int capacity = s->source_capacity ? s->source_capacity * 2 : KT_MAX_SOURCES;
        SceneSource *sources = realloc(s->sources, (size_t)capacity * sizeof *sources);
        if (!sources) {
            fail(s, KT_ERR_MEMORY, "%s", kt_status_text(KT_ERR_MEMORY));
            return NULL;
        }
        s->sources = sources;
        s->source_capacity = capacity;
    }
    SceneSource *source = &s->sources[s->source_count++];
    memset(source, 0, sizeof *source);
    snprintf(source->id, sizeof source->id, "%s", id);
    source->stalled_us = -1;
    kt__text_init(&source->spans, KT_SCENE_MAX_JSON_BYTES);
    return source;
}

static void close_span(Scene *s, SceneSource *source, int64_t to_us)
{
    const Span *span = &source->span;
    KtText *text = &source->spans;
    size_t before = text->bytes;
    if (!source->open)
        return;
    source->open = 0;
    if (to_us <= span->from_us)
        return;
    begin_entry(text);
    add_seconds(text, "from", span->from_us);
    add_seconds(text, "to", to_us);
    kt__text_key(text, "visible");
    kt__text_puts(text, span->visible ? "true" : "false");
    if (span->visible) {
        add_number(text, "x", span->rect.x);
        add_number(text, "y", span->rect.y);
        add_number(text, "width", span->rect.width);
        add_number(text, "height", span->rect.height);
        kt__text_key(text, "z");
        kt__text_int(text, span->look.z);
        kt__text_key(text, "layer");
        kt__text_int(text, span->layer);
        kt__composition_print_look(text, &span->look);
    }
    kt__text_puts(text, "}");
    if (text->status != KT_OK)
        fail(s, text->status, "%s", kt_status_text(text->status));
    s->span_bytes += text->bytes - before;
}

static int same_span(const Span *a, const Span *b)
{
    if (a->visible != b->visible || !a->visible)
        return a->visible == b->visible;
    return a->rect.x == b->rect.x && a->rect.y == b->rect.y && a->rect.width == b->rect.width &&
           a->rect.height == b->rect.height && a->layer == b->layer && a->look.z == b->look.z &&
           a->look.shape == b->look.shape && a->look.radius == b->look.radius &&
           a->look.fit == b->look.fit && a->look.mirror == b->look.mirror &&
           a->look.border == b->look.border && a->look.border_color == b->look.border_color &&
           a->look.opacity == b->look.opacity;
}

static Span span_of(const KtComposition *shown, const char *id, const KtPlacedSource *placed,
                    int placed_count, int64_t now_us)
{
    Span span;
    memset(&span, 0, sizeof span);
    span.from_us = now_us;
    for (int i = 0; i < placed_count; i++) {
        const KtCompositionSource *look = &shown->sources[placed[i].source];
        if (strcmp(look->id, id) != 0)
            continue;
        span.visible = 1;
        span.rect = placed[i].rect;
        span.layer = i;
        span.look = *look;
    }
    return span;
}

/* The composition without those who are not there: as in the compositor, they leave no hole. */
static void present_only(Scene *s, KtComposition *shown)
{
    *shown = s->composition;
    shown->source_count = 0;
    for (int i = 0; i < s->composition.source_count; i++) {
        const SceneSource *source = find_source(s, s->composition.sources[i].id);
        if (source && source->present)
            shown->sources[shown->source_count++] = s->composition.sources[i];
    }
}

/* Closes the spans that the present state ends, and opens those that it begins. */
static void settle(Scene *s, int64_t now_us)
{
    KtPlacedSource placed[KT_MAX_SOURCES];
    KtComposition shown;
    int count = 0;
    if (s->has_composition) {
        present_only(s, &shown);
        count = kt_layout_resolve(&shown, s->aspect, placed);
    }
    for (int i = 0; i < s->source_count; i++) {
        SceneSource *source = &s->sources[i];
        Span span = span_of(&shown, source->id, placed, count, now_us);
        if (source->open && source->present && same_span(&source->span, &span))
            continue;
        close_span(s, source, now_us);
        if (source->present) {
            source->span = span;
            source->open = 1;
        }
    }
}

static void add_transition(Scene *s, int64_t at_us)
{
    if (!s->has_composition || s->composition.transition_us == 0)
        return;
    begin_entry(&s->transitions);
    add_seconds(&s->transitions, "at", at_us);
    add_seconds(&s->transitions, "duration", s->composition.transition_us);
    kt__text_puts(&s->transitions, "}");
}

static void close_background(Scene *s, int64_t to_us)
{
    if (!s->has_composition || to_us <= s->background_us)
        return;
    begin_entry(&s->backgrounds);
    add_seconds(&s->backgrounds, "from", s->background_us);
    add_seconds(&s->backgrounds, "to", to_us);
    kt__text_key(&s->backgrounds, "background");
    kt__composition_print_background(&s->backgrounds, &s->composition.background);
    kt__text_puts(&s->backgrounds, "}");
}

static int same_background(const KtBackground *a, const KtBackground *b)
{
    return a->kind == b->kind && a->color == b->color && a->color_to == b->color_to &&
           a->angle_degrees == b->angle_degrees && strcmp(a->image, b->image) == 0;
}

static void on_composition(Scene *s, int64_t take_us, const cJSON *data)
{
    KtComposition next;
    char reason[ERROR_BYTES - 32] = "";
    KtStatus status = kt__composition_read(data, &next, reason, sizeof reason);
    if (status != KT_OK) {
        fail(s, status, "events[%d].data: %s", s->index, reason);
        return;
    }
    int first = !s->has_composition;
    if (first || !same_background(&s->composition.background, &next.background)) {
        close_background(s, take_us);
        s->background_us = take_us;
    }
    s->composition = next;
    s->has_composition = 1;
    if (!first)
        add_transition(s, take_us);
    settle(s, take_us);
}

static void on_source_added(Scene *s, int64_t take_us, const cJSON *data)
{
    const char *id = string_of(data, "id");
    if (!kt__composition_id_ok(id))
        return;
    SceneSource *source = find_source(s, id);
    if (!source)
        source = new_source(s, id);
    if (!source)
        return;
    source->present = 1;
    snprintf(source->name, sizeof source->name, "%s", string_of(data, "name"));
    settle(s, take_us);
    if (source->span.visible)
        add_transition(s, take_us);
}

static void add_gap(Scene *s, int64_t from_us, int64_t to_us, const char *cause, const char *source)
{
    begin_entry(&s->gaps);
    add_seconds(&s->gaps, "from", from_us);
    add_seconds(&s->gaps, "to", to_us);
    add_string(&s->gaps, "cause", cause);
    add_string(&s->gaps, "source", source);
    kt__text_puts(&s->gaps, "}");
}

static void end_stall(Scene *s, SceneSource *source, int64_t to_us)
{
    if (source->stalled_us < 0)
        return;
    add_gap(s, source->stalled_us, to_us, "stalled", source->id);
    source->stalled_us = -1;
}

static void on_source(Scene *s, const KtTimelineItem *item, const cJSON *data)
{
    SceneSource *source = find_source(s, string_of(data, "id"));
    if (!source)
        return;
    if (item->event == KT_TIMELINE_SOURCE_STALLED) {
        if (source->stalled_us < 0)
            source->stalled_us = item->take_us;
        return;
    }
    end_stall(s, source, item->take_us);
    if (item->event != KT_TIMELINE_SOURCE_REMOVED)
        return;
    if (source->open && source->span.visible)
        add_transition(s, item->take_us);
    source->present = 0;
    settle(s, item->take_us);
}

static void on_gap(Scene *s, int64_t take_us, const cJSON *data)
{
    const cJSON *length = cJSON_GetObjectItemCaseSensitive(data, "duration");
    double seconds = cJSON_IsNumber(length) ? length->valuedouble : 0;
    if (seconds < 0 || seconds > 86400)
        seconds = 0;
    add_gap(s, take_us, take_us + (int64_t)llround(seconds * 1e6), string_of(data, "cause"),
            string_of(data, "source"));
}

static void close_hook(Scene *s, int index, int64_t to_us)
{
    OpenHook *hook = &s->hooks[index];
    begin_entry(&s->closed_hooks);
    add_string(&s->closed_hooks, "id", hook->id);
    add_string(&s->closed_hooks, "source", hook->source);
    add_string(&s->closed_hooks, "text", string_of(hook->data, "text"));
    add_seconds(&s->closed_hooks, "from", hook->from_us);
    add_seconds(&s->closed_hooks, "to", to_us);
    kt__text_puts(&s->closed_hooks, "}");
    cJSON_Delete(hook->data);
    s->hook_count--;
    memmove(hook, hook + 1, (size_t)(s->hook_count - index) * sizeof *hook);
}

static void hide_hook(Scene *s, const char *id, int64_t take_us)
{
    for (int i = 0; i < s->hook_count; i++)
        if (strcmp(s->hooks[i].id, id) == 0) {
            close_hook(s, i, take_us);
            return;
        }
}

/* Takes data. */
static void on_hook_shown(Scene *s, int64_t take_us, cJSON *data)
{
    const char *id = string_of(data, "id");
    hide_hook(s, id, take_us);
    if (!kt__composition_id_ok(id) || s->hook_count == MAX_OPEN_HOOKS) {
        cJSON_Delete(data);
        return;
    }
    OpenHook *hook = &s->hooks[s->hook_count++];
    memset(hook, 0, sizeof *hook);
    snprintf(hook->id, sizeof hook->id, "%s", id);
    snprintf(hook->source, sizeof hook->source, "%s", string_of(data, "source"));
    hook->data = data;
    hook->from_us = take_us;
}

static void end_pause(Scene *s, int64_t wall_us)
{
    if (!s->paused)
        return;
    s->paused = 0;
    begin_entry(&s->pauses);
    add_seconds(&s->pauses, "take", s->pause_take_us);
    kt__text_key(&s->pauses, "wall_from");
    kt__text_wall(&s->pauses, s->pause_wall_us);
    kt__text_key(&s->pauses, "wall_to");
    kt__text_wall(&s->pauses, wall_us);
    kt__text_puts(&s->pauses, "}");
}

/* Events without data, or whose data does not matter here. Returns 1 where item was one. */
static int on_state(Scene *s, const KtTimelineItem *item)
{
    switch (item->event) {
    case KT_TIMELINE_START:
        s->wall_start_us = item->wall_us;
        return 1;
    case KT_TIMELINE_PAUSE:
        end_pause(s, item->wall_us);
        s->paused = 1;
        s->pause_take_us = item->take_us;
        s->pause_wall_us = item->wall_us;
        return 1;
    case KT_TIMELINE_RESUME:
    case KT_TIMELINE_STOP:
    case KT_TIMELINE_FAILED:
        end_pause(s, item->wall_us);
        return 1;
    case KT_TIMELINE_RESTART:
    case KT_TIMELINE_SOURCE_MUTED:
    case KT_TIMELINE_GOVERNOR:
    case KT_TIMELINE_LIMIT_REACHED:
    case KT_TIMELINE_MARK:
        return 1;
    default:
        return 0;
    }
}

static void on_item(Scene *s, const KtTimelineItem *item)
{
    s->last_wall_us = item->wall_us;
    if (on_state(s, item))
        return;
    KtJsonSpan span = {item->data ? item->data : "{}", item->data ? item->data_bytes : 2};
    cJSON *data = kt__json_tree(span);
    if (!data) {
        fail(s, KT_ERR_MEMORY, "%s", kt_status_text(KT_ERR_MEMORY));
        return;
    }
    if (item->event == KT_TIMELINE_HOOK_SHOWN) {
        on_hook_shown(s, item->take_us, data);
        return;
    }
    if (item->event == KT_TIMELINE_COMPOSITION)
        on_composition(s, item->take_us, data);
    else if (item->event == KT_TIMELINE_SOURCE_ADDED)
        on_source_added(s, item->take_us, data);
    else if (item->event == KT_TIMELINE_HOOK_HIDDEN)
        hide_hook(s, string_of(data, "id"), item->take_us);
    else if (item->event == KT_TIMELINE_GAP)
        on_gap(s, item->take_us, data);
    else
        on_source(s, item, data);
    cJSON_Delete(data);
}

static void finish(Scene *s)
{
    close_background(s, s->duration_us);
    end_pause(s, s->last_wall_us);
    while (s->hook_count > 0)
        close_hook(s, 0, s->duration_us);
    for (int i = 0; i < s->source_count; i++) {
        end_stall(s, &s->sources[i], s->duration_us);
        close_span(s, &s->sources[i], s->duration_us);
    }
}

static void add_list(KtText *out, const char *key, const KtText *entries)
{
    kt__text_key(out, key);
    kt__text_puts(out, "[");
    kt__text_add(out, entries->data ? entries->data : "", entries->bytes);
    kt__text_puts(out, "]");
}

static void print_sources(Scene *s, KtText *out)
{
    kt__text_key(out, "sources");
    kt__text_puts(out, "[");
    for (int i = 0; i < s->source_count; i++) {
        SceneSource *source = &s->sources[i];
        kt__text_puts(out, i ? ",\n{" : "\n{");
        add_string(out, "id", source->id);
        add_string(out, "name", source->name);
        add_list(out, "spans", &source->spans);
        kt__text_puts(out, "}");
    }
    kt__text_puts(out, "]");
}

static void print_scene(Scene *s, KtText *out)
{
    int width, height;
    kt_timeline_canvas(s->timeline, &width, &height);
    kt__text_puts(out, "{\"version\":1,\"canvas\":{\"width\":");
    kt__text_int(out, width);
    kt__text_puts(out, ",\"height\":");
    kt__text_int(out, height);
    kt__text_puts(out, "}");
    add_seconds(out, "duration", s->duration_us);
    kt__text_key(out, "wall_start");
    kt__text_wall(out, s->wall_start_us);
    add_list(out, "background", &s->backgrounds);
    print_sources(s, out);
    add_list(out, "transitions", &s->transitions);
    add_list(out, "pauses", &s->pauses);
    add_list(out, "hooks", &s->closed_hooks);
    add_list(out, "gaps", &s->gaps);
    kt__text_puts(out, "}\n");
}

static void release(Scene *s)
{
    for (int i = 0; i < s->source_count; i++)
        kt__text_reset(&s->sources[i].spans);
    free(s->sources);
    for (int i = 0; i < s->hook_count; i++)
        cJSON_Delete(s->hooks[i].data);
    kt__text_reset(&s->backgrounds);
    kt__text_reset(&s->transitions);
    kt__text_reset(&s->pauses);
    kt__text_reset(&s->closed_hooks);
    kt__text_reset(&s->gaps);
    free(s);
}

static void replay(Scene *s, int first)
{
    KtTimelineItem item;
    for (int i = first; s->status == KT_OK && kt_timeline_event(s->timeline, i, &item) == KT_OK;
         i++) {
        s->index = i;
        on_item(s, &item);
        check_size(s);
    }
    if (s->status == KT_OK)
        finish(s);
    check_size(s);
}

KtStatus kt_scene_json(const KtTimeline *t, char **text, size_t *bytes, char *error,
                       size_t error_bytes)
{
    int first = kt_timeline_first_of_take(t), width, height;
    KtTimelineItem item;
    Scene *s = calloc(1, sizeof *s);
    KtText out;
    if (!s)
        return KT_ERR_MEMORY;
    s->timeline = t;
    kt_timeline_canvas(t, &width, &height);
    s->aspect = (double)width / height;
    if (kt_timeline_event(t, first, &item) == KT_OK)
        s->wall_start_us = item.wall_us;
    if (first < kt_timeline_count(t) &&
        kt_timeline_event(t, kt_timeline_count(t) - 1, &item) == KT_OK)
        s->duration_us = item.take_us;
    KtText *texts[] = {&s->backgrounds,  &s->transitions, &s->pauses,
                       &s->closed_hooks, &s->gaps,        &out};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        kt__text_init(texts[i], KT_SCENE_MAX_JSON_BYTES);
    replay(s, first);
    if (s->status == KT_OK)
        print_scene(s, &out);
    if (out.status != KT_OK)
        fail(s, out.status, "the scene: %s", kt_status_text(out.status));
    KtStatus status = s->status;
    if (status == KT_OK)
        status = kt__text_take(&out, text, bytes);
    else if (error && error_bytes > 0)
        snprintf(error, error_bytes, "%s", s->error);
    kt__text_reset(&out);
    release(s);
    return status;
}
