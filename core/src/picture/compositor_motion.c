/* Transitions: every number of a look moves from where it is visible now to where the composition
 * wants it; sources that come fade in, sources that go fade out where they stand. */
#include "compositor_internal.h"

#include <string.h>

static double ease(double t)
{
    return t * t * (3 - 2 * t);
}

double kt__motion_progress(const KtCompositor *c, int64_t now_us)
{
    if (c->duration_us <= 0 || now_us >= c->start_us + c->duration_us)
        return 1;
    if (now_us <= c->start_us)
        return 0;
    return ease((double)(now_us - c->start_us) / (double)c->duration_us);
}

static double between(double a, double b, double t)
{
    return a + (b - a) * t;
}

static KtLook look_between(const KtLook *a, const KtLook *b, double t)
{
    KtLook look;
    look.rect.x = between(a->rect.x, b->rect.x, t);
    look.rect.y = between(a->rect.y, b->rect.y, t);
    look.rect.width = between(a->rect.width, b->rect.width, t);
    look.rect.height = between(a->rect.height, b->rect.height, t);
    look.square = between(a->square, b->square, t);
    look.contain = between(a->contain, b->contain, t);
    look.radius = between(a->radius, b->radius, t);
    look.border = between(a->border, b->border, t);
    look.opacity = between(a->opacity, b->opacity, t);
    return look;
}

static const KtPlacement *find_slot(const KtPlacement *list, int count, int slot)
{
    for (int i = 0; i < count; i++) {
        if (list[i].slot == slot)
            return &list[i];
    }
    return NULL;
}

/* A leaving source of equal rank is drawn above the one that takes its place. */
static int drawn_after(const KtPlacement *a, const KtPlacement *b)
{
    return a->rank > b->rank || (a->rank == b->rank && a->source < 0 && b->source >= 0);
}

static void sort_by_rank(KtPlacement *list, int count)
{
    for (int i = 1; i < count; i++) {
        KtPlacement moving = list[i];
        int at = i;
        for (; at > 0 && drawn_after(&list[at - 1], &moving); at--)
            list[at] = list[at - 1];
        list[at] = moving;
    }
}

int kt__motion_placements(const KtCompositor *c, int64_t now_us, KtPlacement out[KT__SLOTS])
{
    double t = kt__motion_progress(c, now_us);
    int n = 0;
    for (int i = 0; i < c->to_count; i++) {
        KtPlacement p = c->to[i];
        const KtPlacement *from = find_slot(c->from, c->from_count, p.slot);
        if (from && t < 1)
            p.look = look_between(&from->look, &p.look, t);
        else if (t < 1)
            p.look.opacity *= t;
        out[n++] = p;
    }
    for (int i = 0; t < 1 && i < c->from_count; i++) {
        if (find_slot(c->to, c->to_count, c->from[i].slot))
            continue;
        KtPlacement p = c->from[i];
        p.source = -1;
        p.look.opacity *= 1 - t;
        out[n++] = p;
    }
    sort_by_rank(out, n);
    return n;
}

static KtLook look_of(const KtCompositionSource *source, const KtRect *rect)
{
    int circle = source->shape == KT_SHAPE_CIRCLE;
    KtLook look;
    look.rect = *rect;
    look.square = circle;
    look.contain = source->fit == KT_FIT_CONTAIN && !circle;
    look.radius = circle ? 0.5 : source->shape == KT_SHAPE_ROUNDED ? source->radius : 0;
    look.border = source->border;
    look.opacity = source->opacity;
    return look;
}

static int known_slot(const KtCompositor *c, const char *id)
{
    for (int i = 0; i < KT__SLOTS; i++) {
        if (c->slots[i].known && strcmp(c->slots[i].id, id) == 0)
            return i;
    }
    return -1;
}

/* The layout is worked out for the sources that are there; absent ones leave no hole. */
static void aim(KtCompositor *c)
{
    KtComposition present = c->composition;
    int slot[KT_MAX_SOURCES], index[KT_MAX_SOURCES];
    KtPlacedSource placed[KT_MAX_SOURCES];
    present.source_count = 0;
    for (int i = 0; i < c->composition.source_count; i++) {
        int at = known_slot(c, c->composition.sources[i].id);
        if (at < 0)
            continue;
        slot[present.source_count] = at;
        index[present.source_count] = i;
        present.sources[present.source_count++] = c->composition.sources[i];
    }
    double aspect = (double)c->config.width / c->config.height;
    c->to_count = kt_layout_resolve(&present, aspect, placed);
    for (int i = 0; i < c->to_count; i++) {
        const KtCompositionSource *source = &present.sources[placed[i].source];
        c->to[i] = (KtPlacement){.slot = slot[placed[i].source],
                                 .source = index[placed[i].source],
                                 .rank = i,
                                 .mirror = source->mirror,
                                 .border_color = source->border_color,
                                 .look = look_of(source, &placed[i].rect)};
    }
}

void kt__motion_retarget(KtCompositor *c, int64_t now_us)
{
    KtPlacement visible[KT__SLOTS];
    double progress = kt__motion_progress(c, now_us);
    int count = kt__motion_placements(c, now_us, visible);
    kt__backdrop_retarget(c, progress);
    memcpy(c->from, visible, sizeof visible[0] * (size_t)count);
    c->from_count = count;
    c->start_us = now_us;
    c->duration_us = c->composed ? c->composition.transition_us : 0;
    c->dirty = 1;
    aim(c);
}
