/* Where sources stand, and how they move from one composition to the next. Knows sources by the
 * numbers of their slots only. */
#ifndef KT_COMPOSITOR_MOTION_H
#define KT_COMPOSITOR_MOTION_H

#include "keeptake/composition.h"

#define KT__SLOTS (2 * KT_MAX_SOURCES)

/* Everything about a source's place that can move. */
typedef struct KtLook {
    KtRect rect;
    double square;  /* 0: the rectangle, 1: the square in its middle */
    double contain; /* 0: the rectangle, 1: the part with the picture's aspect */
    double radius;  /* of the shorter side */
    double border;  /* of the canvas height */
    double opacity;
} KtLook;

typedef struct KtPlacement {
    int slot;
    int source; /* index into the composition's sources; -1: leaving */
    int rank;   /* drawing order, lowest first */
    int mirror;
    uint32_t border_color;
    KtLook look;
} KtPlacement;

/* Zero-filled: nothing stands anywhere, nothing moves. */
typedef struct KtMotion {
    KtPlacement from[KT__SLOTS], to[KT_MAX_SOURCES];
    int from_count, to_count;
    int64_t start_us, duration_us; /* of the transition */
} KtMotion;

/* What to move to. */
typedef struct KtAim {
    const KtComposition *composition;
    double aspect;                                       /* width to height of the canvas */
    int64_t duration_us;                                 /* 0: at once */
    int (*slot_of)(const void *context, const char *id); /* 0..KT__SLOTS - 1; -1: not there */
    const void *context;
} KtAim;

/* Starts moving from what is visible at now_us. The layout is worked out for the sources that are
 * there; absent ones leave no hole. */
void kt__motion_aim(KtMotion *motion, const KtAim *aim, int64_t now_us);
/* How far the transition is, 0..1, eased; 1 where none runs. */
double kt__motion_progress(const KtMotion *motion, int64_t now_us);
/* What stands where at now_us, in drawing order. Returns the count. */
int kt__motion_placements(const KtMotion *motion, int64_t now_us, KtPlacement out[KT__SLOTS]);
/* Whether a transition was still running at then_us. */
int kt__motion_runs(const KtMotion *motion, int64_t then_us);
/* Once the transition is over, forgets where it came from. Returns 1 then, else 0. */
int kt__motion_settle(KtMotion *motion, int64_t now_us);
/* Forgets a slot at once. */
void kt__motion_drop(KtMotion *motion, int slot);

#endif
