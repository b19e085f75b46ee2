/* Transitions: every number of a look moves from where it is visible now to where the composition
 * wants it; sources that come fade in, sources that go fade out where they stand. */
#include "compositor_motion.h"

#include <string.h>

static double ease(double t)
{
    return t * t * (3 - 2 * t);
}

double kt__motion_progress(const KtMotion *motion, int64_t now_us)
{
    if (motion->duration_us <= 0 || now_us >= motion->start_us + motion->duration_us)
        return 1;
    if (now_us <= motion->start_us)
        return 0;
    return ease((double)(now_us - motion->start_us) / (double)motion->duration_us);
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

int kt__motion_placements(const KtMotion *motion, int64_t now_us, KtPlacement out[KT__SLOTS])
{
    double t = kt__motion_progress(motion, now_us);
    int n = 0;
    for (int i = 0; i < motion->to_count; i++) {
        KtPlacement p = motion->to[i];
        const KtPlacement *from = find_slot(motion->from, motion->from_count, p.slot);
        if (from && t < 1)
            p.look = look_between(&from->look, &p.look, t);
        else if (t < 1)
            p.look.opacity *= t;
        out[n++] = p;
    }
    for (int i = 0; t < 1 && i < motion->from_count; i++) {
        if (find_slot(motion->to, motion->to_count, motion->from[i].slot))
            continue;
        KtPlacement p = motion->from[i];
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

static void set_places(KtMotion *motion, const KtAim *aim)
{
    const KtComposition *wanted = aim->composition;
    KtComposition present = *wanted;
    int slot[KT_MAX_SOURCES], index[KT_MAX_SOURCES];
    KtPlacedSource placed[KT_MAX_SOURCES];
    present.source_count = 0;
    for (int i = 0; i < wanted->source_count; i++) {
        int at = aim->slot_of(aim->context, wanted->sources[i].id);
        if (at < 0)
            continue;
        slot[present.source_count] = at;
        index[present.source_count] = i;
        present.sources[present.source_count++] = wanted->sources[i];
    }
    motion->to_count = kt_layout_resolve(&present, aim->aspect, placed);
    for (int i = 0; i < motion->to_count; i++) {
        const KtCompositionSource *source = &present.sources[placed[i].source];
        motion->to[i] = (KtPlacement){.slot = slot[placed[i].source],
                                      .source = index[placed[i].source],
                                      .rank = i,
                                      .mirror = source->mirror,
                                      .border_color = source->border_color,
                                      .look = look_of(source, &placed[i].rect)};
    }
}

void kt__motion_aim(KtMotion *motion, const KtAim *aim, int64_t now_us)
{
    KtPlacement visible[KT__SLOTS];
    int count = kt__motion_placements(motion, now_us, visible);
    memcpy(motion->from, visible, sizeof visible[0] * (size_t)count);
    motion->from_count = count;
    motion->start_us = now_us;
    motion->duration_us = aim->duration_us;
    set_places(motion, aim);
}

int kt__motion_runs(const KtMotion *motion, int64_t then_us)
{
    return then_us < motion->start_us + motion->duration_us;
}

int kt__motion_settle(KtMotion *motion, int64_t now_us)
{
    if (kt__motion_progress(motion, now_us) < 1)
        return 0;
    motion->from_count = 0;
    return 1;
}

static int without_slot(KtPlacement *list, int count, int slot)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (list[i].slot != slot)
            list[n++] = list[i];
    }
    return n;
}

void kt__motion_drop(KtMotion *motion, int slot)
{
    motion->from_count = without_slot(motion->from, motion->from_count, slot);
    motion->to_count = without_slot(motion->to, motion->to_count, slot);
}
