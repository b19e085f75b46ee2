/* The JSON form of a composition (docs/composition.md). */
#include "keeptake/composition.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "composition_json.h"
#include "json.h"
#include "text.h"

#define MAX_JSON_BYTES (64u << 10)
#define MAX_ERROR_BYTES 256

static const char *const layout_names[] = {
    "grid", "side-by-side", "picture-in-picture", "spotlight", "screen-only", "free", NULL};
static const char *const shape_names[] = {"rectangle", "rounded", "circle", NULL};
static const char *const fit_names[] = {"cover", "contain", NULL};
static const char *const background_names[] = {"color", "gradient", "image", NULL};

/* One object being read. The first error is kept, what follows is skipped. */
typedef struct Reader {
    const cJSON *object;
    const char *path; /* of the object, with its dot: "sources[2]." */
    KtStatus *status;
    char *error;
} Reader;

static void fail(const Reader *r, KtStatus status, const char *format, ...)
{
    va_list args;
    if (*r->status != KT_OK)
        return;
    *r->status = status;
    va_start(args, format);
    vsnprintf(r->error, MAX_ERROR_BYTES, format, args);
    va_end(args);
}

/* A short picture of a value for error sentences. */
static const char *shown(const cJSON *item, char out[64])
{
    if (cJSON_IsNumber(item))
        snprintf(out, 64, "%.6g", item->valuedouble);
    else if (cJSON_IsString(item))
        snprintf(out, 64, "\"%.32s\"", item->valuestring);
    else
        snprintf(out, 64, "%s",
                 cJSON_IsNull(item)     ? "null"
                 : cJSON_IsTrue(item)   ? "true"
                 : cJSON_IsFalse(item)  ? "false"
                 : cJSON_IsObject(item) ? "an object"
                                        : "a list");
    return out;
}

static const cJSON *field(const Reader *r, const char *name)
{
    return *r->status == KT_OK ? cJSON_GetObjectItemCaseSensitive(r->object, name) : NULL;
}

static void read_number(const Reader *r, const char *name, double least, double most, double *out)
{
    char value[64];
    const cJSON *item = field(r, name);
    if (!item)
        return;
    if (cJSON_IsNumber(item) && item->valuedouble >= least && item->valuedouble <= most)
        *out = item->valuedouble;
    else
        fail(r, KT_ERR_ARG, "%s%s is %s; it must be a number between %g and %g", r->path, name,
             shown(item, value), least, most);
}

/* A width or height: more than nothing. */
static void read_side(const Reader *r, const char *name, double *out)
{
    char value[64];
    const cJSON *item = field(r, name);
    if (!item)
        return;
    if (cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble <= 4)
        *out = item->valuedouble;
    else
        fail(r, KT_ERR_ARG, "%s%s is %s; it must be a number greater than 0 and at most 4", r->path,
             name, shown(item, value));
}

static void read_bool(const Reader *r, const char *name, int *out)
{
    char value[64];
    const cJSON *item = field(r, name);
    if (!item)
        return;
    if (cJSON_IsBool(item))
        *out = cJSON_IsTrue(item);
    else
        fail(r, KT_ERR_ARG, "%s%s is %s; it must be true or false", r->path, name,
             shown(item, value));
}

static void read_name(const Reader *r, const char *name, const char *const *names, int *out)
{
    char value[64], list[128] = "";
    const cJSON *item = field(r, name);
    if (!item)
        return;
    for (int i = 0; names[i]; i++) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, names[i]) == 0) {
            *out = i;
            return;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    fail(r, KT_ERR_ARG, "%s%s is %s; it must be one of %s", r->path, name, shown(item, value),
         list);
}

int kt__composition_id_ok(const char *id)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    size_t bytes = id ? strlen(id) : 0;
    return bytes > 0 && bytes < KT_ID_BYTES && strspn(id, allowed) == bytes;
}

static void read_id(const Reader *r, const char *name, int may_be_empty, char out[KT_ID_BYTES])
{
    char value[64];
    const cJSON *item = field(r, name);
    if (!item)
        return;
    int empty = cJSON_IsString(item) && item->valuestring[0] == '\0';
    if (cJSON_IsString(item) &&
        (kt__composition_id_ok(item->valuestring) || (empty && may_be_empty)))
        snprintf(out, KT_ID_BYTES, "%s", item->valuestring);
    else
        fail(r, KT_ERR_ARG, "%s%s is %s; an id has 1 to %d of the characters A-Z a-z 0-9 . _ : -",
             r->path, name, shown(item, value), KT_ID_BYTES - 1);
}

static void read_color(const Reader *r, const char *name, uint32_t *out)
{
    char value[64];
    uint32_t color = 0;
    const cJSON *item = field(r, name);
    if (!item)
        return;
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    int good = text[0] == '#' && strlen(text) == 7;
    for (int i = 1; good && i < 7; i++) {
        const char *digits = "0123456789abcdefABCDEF";
        const char *found = strchr(digits, text[i]);
        ptrdiff_t digit = found ? found - digits : -1;
        good = digit >= 0;
        color = color * 16 + (uint32_t)(digit > 15 ? digit - 6 : digit);
    }
    if (good)
        *out = color;
    else
        fail(r, KT_ERR_ARG, "%s%s is %s; it must be a colour as \"#rrggbb\"", r->path, name,
             shown(item, value));
}

/* A member that must be an object. Returns 1 where it is there. */
static int enter(const Reader *r, const char *name, const char *path, Reader *out)
{
    char value[64];
    const cJSON *item = field(r, name);
    if (!item)
        return 0;
    if (!cJSON_IsObject(item)) {
        fail(r, KT_ERR_ARG, "%s%s is %s; it must be an object", r->path, name, shown(item, value));
        return 0;
    }
    *out = *r;
    out->object = item;
    out->path = path;
    return 1;
}

static void read_background(const Reader *root, KtBackground *b)
{
    Reader r;
    int kind = KT_BACKGROUND_COLOR;
    if (!enter(root, "background", "background.", &r))
        return;
    read_name(&r, "kind", background_names, &kind);
    b->kind = (KtBackgroundKind)kind;
    if (kind == KT_BACKGROUND_COLOR) {
        read_color(&r, "color", &b->color);
    } else if (kind == KT_BACKGROUND_GRADIENT) {
        read_color(&r, "from", &b->color);
        read_color(&r, "to", &b->color_to);
        read_number(&r, "angle", -360, 360, &b->angle_degrees);
    } else {
        read_id(&r, "image", 0, b->image);
        if (*r.status == KT_OK && b->image[0] == '\0')
            fail(&r, KT_ERR_ARG, "background.image is missing; it names a registered image");
    }
}

static void read_placement(const Reader *source, KtCompositionSource *s)
{
    char path[64];
    Reader r;
    snprintf(path, sizeof path, "%splacement.", source->path);
    if (!enter(source, "placement", path, &r))
        return;
    s->has_placement = 1;
    read_number(&r, "x", -2, 2, &s->placement.x);
    read_number(&r, "y", -2, 2, &s->placement.y);
    read_side(&r, "width", &s->placement.width);
    read_side(&r, "height", &s->placement.height);
}

static void init_source(KtCompositionSource *s)
{
    memset(s, 0, sizeof *s);
    s->placement.width = 1;
    s->placement.height = 1;
    s->radius = 0.08;
    s->border_color = 0xFFFFFF;
    s->opacity = 1;
}

static void read_source(const Reader *r, KtCompositionSource *s)
{
    char path[64];
    Reader border;
    double z = 0;
    int shape = KT_SHAPE_RECTANGLE, fit = KT_FIT_COVER;
    init_source(s);
    read_id(r, "id", 0, s->id);
    if (*r->status == KT_OK && s->id[0] == '\0')
        fail(r, KT_ERR_ARG, "%sid is missing; every source needs one", r->path);
    read_placement(r, s);
    read_number(r, "z", -1000, 1000, &z);
    if (*r->status == KT_OK && z != floor(z))
        fail(r, KT_ERR_ARG, "%sz is %g; it must be a whole number", r->path, z);
    read_name(r, "shape", shape_names, &shape);
    read_number(r, "radius", 0, 0.5, &s->radius);
    read_name(r, "fit", fit_names, &fit);
    read_bool(r, "mirror", &s->mirror);
    read_number(r, "opacity", 0, 1, &s->opacity);
    snprintf(path, sizeof path, "%sborder.", r->path);
    if (enter(r, "border", path, &border)) {
        read_number(&border, "width", 0, 0.05, &s->border);
        read_color(&border, "color", &s->border_color);
    }
    s->z = (int)z;
    s->shape = (KtShape)shape;
    s->fit = (KtFit)fit;
}

static void read_sources(const Reader *root, KtComposition *c)
{
    char path[32], value[64];
    const cJSON *list = field(root, "sources"), *item;
    if (!list)
        return;
    if (!cJSON_IsArray(list)) {
        fail(root, KT_ERR_ARG, "sources is %s; it must be a list", shown(list, value));
        return;
    }
    if (cJSON_GetArraySize(list) > KT_MAX_SOURCES) {
        fail(root, KT_ERR_LIMIT, "sources has %d entries; at most %d are allowed",
             cJSON_GetArraySize(list), KT_MAX_SOURCES);
        return;
    }
    cJSON_ArrayForEach(item, list)
    {
        KtCompositionSource *s = &c->sources[c->source_count];
        snprintf(path, sizeof path, "sources[%d].", c->source_count);
        Reader r = {item, path, root->status, root->error};
        if (!cJSON_IsObject(item))
            fail(root, KT_ERR_ARG, "sources[%d] is %s; it must be an object", c->source_count,
                 shown(item, value));
        read_source(&r, s);
        for (int i = 0; i < c->source_count; i++)
            if (strcmp(c->sources[i].id, s->id) == 0)
                fail(root, KT_ERR_ARG, "sources[%d].id is \"%s\", which sources[%d] has already",
                     c->source_count, s->id, i);
        if (*root->status != KT_OK)
            return;
        c->source_count++;
    }
}

void kt_composition_init(KtComposition *composition)
{
    memset(composition, 0, sizeof *composition);
    composition->layout = KT_LAYOUT_GRID;
    composition->gap = 0.02;
    composition->background.kind = KT_BACKGROUND_COLOR;
    composition->background.color = 0x14171C;
    composition->background.color_to = 0x14171C;
    composition->background.angle_degrees = 90;
    composition->transition_us = 250000;
}

KtStatus kt__composition_read(const cJSON *root, KtComposition *out, char *error,
                              size_t error_bytes)
{
    char sentence[MAX_ERROR_BYTES] = "", value[64];
    KtStatus status = KT_OK;
    KtComposition c;
    Reader r = {root, "", &status, sentence};
    int layout = KT_LAYOUT_GRID;
    double transition = 0.25;
    kt_composition_init(&c);
    if (!cJSON_IsObject(root))
        fail(&r, KT_ERR_ARG, "the composition is %s; it must be an object", shown(root, value));
    read_name(&r, "layout", layout_names, &layout);
    read_id(&r, "focus", 1, c.focus);
    read_number(&r, "gap", 0, 0.2, &c.gap);
    read_background(&r, &c.background);
    read_number(&r, "transition", 0, 2, &transition);
    read_sources(&r, &c);
    if (status != KT_OK) {
        if (error && error_bytes > 0)
            snprintf(error, error_bytes, "%s", sentence);
        return status;
    }
    c.layout = (KtLayoutKind)layout;
    c.transition_us = (int64_t)llround(transition * 1e6);
    *out = c;
    return KT_OK;
}

static KtStatus refuse(char *error, size_t error_bytes, KtStatus status, const char *format,
                       size_t n)
{
    if (error && error_bytes > 0)
        snprintf(error, error_bytes, format, (unsigned long)n);
    return status;
}

KtStatus kt_composition_parse(const char *json, size_t json_bytes, KtComposition *out, char *error,
                              size_t error_bytes)
{
    size_t at = 0;
    if (json_bytes > MAX_JSON_BYTES)
        return refuse(error, error_bytes, KT_ERR_LIMIT,
                      "the composition has %lu bytes; at most 65536 are allowed", json_bytes);
    if (kt__json_check(json, json_bytes, &at) != KT_OK)
        return refuse(error, error_bytes, KT_ERR_FORMAT,
                      "the composition is not JSON: see byte %lu", at);
    KtJsonSpan span = {json, json_bytes};
    cJSON *root = kt__json_tree(span);
    if (!root)
        return refuse(error, error_bytes, KT_ERR_MEMORY, "no memory to read %lu bytes", json_bytes);
    KtStatus status = kt__composition_read(root, out, error, error_bytes);
    cJSON_Delete(root);
    return status;
}

static void print_color(KtText *text, const char *key, uint32_t color)
{
    char value[16];
    snprintf(value, sizeof value, "#%06x", (unsigned)(color & 0xFFFFFF));
    kt__text_key(text, key);
    kt__text_string(text, value);
}

static void print_number(KtText *text, const char *key, double value)
{
    kt__text_key(text, key);
    kt__text_number(text, value);
}

static void print_string(KtText *text, const char *key, const char *value)
{
    kt__text_key(text, key);
    kt__text_string(text, value);
}

void kt__composition_print_background(KtText *text, const KtBackground *b)
{
    kt__text_puts(text, "{");
    print_string(text, "kind", background_names[b->kind]);
    if (b->kind == KT_BACKGROUND_COLOR) {
        print_color(text, "color", b->color);
    } else if (b->kind == KT_BACKGROUND_GRADIENT) {
        print_color(text, "from", b->color);
        print_color(text, "to", b->color_to);
        print_number(text, "angle", b->angle_degrees);
    } else {
        print_string(text, "image", b->image);
    }
    kt__text_puts(text, "}");
}

void kt__composition_print_look(KtText *text, const KtCompositionSource *s)
{
    print_string(text, "shape", shape_names[s->shape]);
    print_number(text, "radius", s->radius);
    print_string(text, "fit", fit_names[s->fit]);
    kt__text_key(text, "mirror");
    kt__text_puts(text, s->mirror ? "true" : "false");
    kt__text_key(text, "border");
    kt__text_puts(text, "{");
    print_number(text, "width", s->border);
    print_color(text, "color", s->border_color);
    kt__text_puts(text, "}");
    print_number(text, "opacity", s->opacity);
}

static void print_source(KtText *text, const KtCompositionSource *s)
{
    kt__text_puts(text, "{");
    print_string(text, "id", s->id);
    if (s->has_placement) {
        kt__text_key(text, "placement");
        kt__text_puts(text, "{");
        print_number(text, "x", s->placement.x);
        print_number(text, "y", s->placement.y);
        print_number(text, "width", s->placement.width);
        print_number(text, "height", s->placement.height);
        kt__text_puts(text, "}");
    }
    kt__text_key(text, "z");
    kt__text_int(text, s->z);
    kt__composition_print_look(text, s);
    kt__text_puts(text, "}");
}

int64_t kt_composition_print(const KtComposition *c, char *out, size_t out_bytes)
{
    KtText text;
    kt__text_init_fixed(&text, out, out_bytes);
    kt__text_puts(&text, "{");
    print_string(&text, "layout", layout_names[c->layout]);
    if (c->focus[0])
        print_string(&text, "focus", c->focus);
    print_number(&text, "gap", c->gap);
    kt__text_key(&text, "background");
    kt__composition_print_background(&text, &c->background);
    print_number(&text, "transition", (double)c->transition_us / 1e6);
    kt__text_key(&text, "sources");
    kt__text_puts(&text, "[");
    for (int i = 0; i < c->source_count; i++) {
        if (i > 0)
            kt__text_puts(&text, ",");
        print_source(&text, &c->sources[i]);
    }
    kt__text_puts(&text, "]}");
    return text.status == KT_OK ? (int64_t)text.bytes : text.status;
}
