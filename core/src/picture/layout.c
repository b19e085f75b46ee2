/* Turns a composition's layout into rectangles. Only + - * / and comparisons of doubles are used,
 * so that every build gives the same picture. */
#include "keeptake/composition.h"

#include <string.h>

#define CELL_ASPECT (4.0 / 3.0) /* the shape a grid tile should come close to */
#define EMPTY_CELL_COST 2.0     /* weight of empty cells against badly shaped ones */
#define ROW_LIMIT 6             /* side by side: more sources than this become a grid */
#define INSET_SIDE 0.24         /* picture in picture: width of a small one */
#define INSET_TALLEST 0.35      /* of the canvas height; two rows of them fit */
#define INSET_MARGIN 0.02       /* least distance of a small one from the edge */
#define INSET_GAPS 0.25         /* most that the gaps between small ones take of the width */
#define STRIP_SIDE 0.22         /* spotlight: the strip's part of the longer side */
#define STRIP_WIDER 1.3         /* a strip of several lines takes so much more */
#define STRIP_LIMIT 5           /* more in one line of the strip would be too small */
#define GAPS_PART 0.5           /* gaps never take more than this part of a side */

/* Lengths are in units of the canvas height here: the canvas is aspect x 1. */
typedef struct Area {
    double x, y, width, height;
} Area;

typedef struct Plan {
    double aspect, gap;
    int count;
    int order[KT_MAX_SOURCES]; /* sources in layout order, focus first */
    Area area[KT_MAX_SOURCES]; /* by layout order */
    int shown;
} Plan;

static double badness(double width, double height)
{
    double ratio = width / height / CELL_ASPECT;
    return (ratio < 1 ? 1 / ratio : ratio) - 1;
}

static double fitting_gap(double gap, double side, int cells)
{
    double most = side * GAPS_PART / (cells + 1);
    return gap < most ? gap : most;
}

static void place_cells(const Area *area, double gap, int columns, int count, Area *out)
{
    int rows = (count + columns - 1) / columns;
    double gap_x = fitting_gap(gap, area->width, columns);
    double gap_y = fitting_gap(gap, area->height, rows);
    double width = (area->width - gap_x * (columns + 1)) / columns;
    double height = (area->height - gap_y * (rows + 1)) / rows;
    for (int i = 0; i < count; i++) {
        int row = i / columns, column = i % columns;
        int in_row = row == rows - 1 ? count - row * columns : columns;
        double indent = (columns - in_row) * (width + gap_x) / 2;
        out[i].x = area->x + gap_x + indent + column * (width + gap_x);
        out[i].y = area->y + gap_y + row * (height + gap_y);
        out[i].width = width;
        out[i].height = height;
    }
}

static int best_columns(const Area *area, double gap, int count)
{
    int best = 1;
    double best_cost = 0;
    for (int columns = 1; columns <= count; columns++) {
        int rows = (count + columns - 1) / columns;
        if ((rows - 1) * columns >= count)
            continue;
        double gap_x = fitting_gap(gap, area->width, columns);
        double gap_y = fitting_gap(gap, area->height, rows);
        double width = (area->width - gap_x * (columns + 1)) / columns;
        double height = (area->height - gap_y * (rows + 1)) / rows;
        double empty = (double)(rows * columns - count) / (rows * columns);
        double cost = badness(width, height) + EMPTY_CELL_COST * empty;
        if (columns == 1 || cost < best_cost) {
            best = columns;
            best_cost = cost;
        }
    }
    return best;
}

static void plan_grid(Plan *plan)
{
    Area canvas = {0, 0, plan->aspect, 1};
    if (plan->count == 0)
        return;
    place_cells(&canvas, plan->gap, best_columns(&canvas, plan->gap, plan->count), plan->count,
                plan->area);
    plan->shown = plan->count;
}

static void plan_side_by_side(Plan *plan)
{
    if (plan->count > ROW_LIMIT) {
        plan_grid(plan);
        return;
    }
    Area canvas = {0, 0, plan->aspect, 1};
    if (plan->count == 0)
        return;
    place_cells(&canvas, plan->gap, plan->aspect >= 1 ? plan->count : 1, plan->count, plan->area);
    plan->shown = plan->count;
}

static void plan_picture_in_picture(Plan *plan)
{
    if (plan->count == 0)
        return;
    plan->area[0] = (Area){0, 0, plan->aspect, 1};
    int small = plan->count - 1;
    double margin = plan->gap > INSET_MARGIN ? plan->gap : INSET_MARGIN;
    double side = plan->aspect < 1 ? plan->aspect : 1;
    if (margin > side * 0.1)
        margin = side * 0.1;
    int per_row = small > 4 ? (small + 1) / 2 : small;
    if (per_row > 0) {
        margin = fitting_gap(margin, plan->aspect * INSET_GAPS / GAPS_PART, per_row);
        double width = INSET_SIDE * plan->aspect;
        double most = (plan->aspect - margin) / per_row - margin;
        if (plan->aspect < 1)
            width *= 1.5;
        if (width > most)
            width = most;
        double shape = plan->aspect < 1 ? 3.0 / 4.0 : 16.0 / 9.0;
        if (width > INSET_TALLEST * shape)
            width = INSET_TALLEST * shape;
        double height = width / shape;
        /* In the order of reading; a short last row stands at the right as well. */
        int rows = (small + per_row - 1) / per_row;
        for (int i = 0; i < small; i++) {
            int row = i / per_row, column = i % per_row;
            int in_row = row == rows - 1 ? small - row * per_row : per_row;
            plan->area[i + 1].x = plan->aspect - (in_row - column) * (width + margin);
            plan->area[i + 1].y = 1 - (rows - row) * (height + margin);
            plan->area[i + 1].width = width;
            plan->area[i + 1].height = height;
        }
    }
    plan->shown = plan->count;
}

static void swap_axes(Area *area)
{
    Area a = *area;
    *area = (Area){a.y, a.x, a.height, a.width};
}

/* The strip stands at the right of a landscape canvas, at the bottom of a portrait one; worked out
 * for "right" in a frame of length x breadth. */
static void plan_spotlight(Plan *plan)
{
    int small = plan->count - 1;
    if (small < 1) {
        plan_grid(plan);
        return;
    }
    int portrait = plan->aspect < 1;
    double length = portrait ? 1 : plan->aspect, breadth = portrait ? plan->aspect : 1;
    int lines = small > 2 * STRIP_LIMIT ? 3 : small > STRIP_LIMIT ? 2 : 1;
    int per_line = (small + lines - 1) / lines;
    double strip = length * STRIP_SIDE * (lines > 1 ? STRIP_WIDER : 1);
    double gap = fitting_gap(plan->gap, breadth, per_line);
    if (gap > strip * INSET_GAPS / lines)
        gap = strip * INSET_GAPS / lines;
    double width = strip / lines - gap;
    double height = (breadth - gap * (per_line + 1)) / per_line;
    double tallest = portrait ? width * 4 / 3 : width * 3 / 4;
    if (height > tallest)
        height = tallest;
    plan->area[0] = (Area){gap, gap, length - strip - 2 * gap, breadth - 2 * gap};
    double used = per_line * height + (per_line - 1) * gap;
    for (int i = 0; i < small; i++) {
        plan->area[i + 1].x = length - strip + (i / per_line) * (width + gap);
        plan->area[i + 1].y = (breadth - used) / 2 + (i % per_line) * (height + gap);
        plan->area[i + 1].width = width;
        plan->area[i + 1].height = height;
    }
    if (portrait) {
        for (int i = 0; i < plan->count; i++)
            swap_axes(&plan->area[i]);
    }
    plan->shown = plan->count;
}

static void order_sources(const KtComposition *composition, int focus_first, Plan *plan)
{
    int focus = 0;
    for (int i = 0; i < plan->count; i++) {
        if (composition->focus[0] && strcmp(composition->focus, composition->sources[i].id) == 0)
            focus = i;
    }
    if (!focus_first)
        focus = 0;
    int n = 0;
    if (plan->count > 0)
        plan->order[n++] = focus;
    for (int i = 0; i < plan->count; i++) {
        if (i != focus)
            plan->order[n++] = i;
    }
}

static int add_free(const KtComposition *composition, int count,
                    KtPlacedSource placed[KT_MAX_SOURCES])
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (composition->sources[i].has_placement) {
            placed[n].source = i;
            placed[n++].rect = composition->sources[i].placement;
        }
    }
    return n;
}

/* Stable: equal z keeps the list's order. The first `fixed` entries stay where they are. */
static void sort_by_z(const KtComposition *composition, int fixed, int count,
                      KtPlacedSource placed[KT_MAX_SOURCES])
{
    for (int i = fixed + 1; i < count; i++) {
        KtPlacedSource moving = placed[i];
        const KtCompositionSource *source = &composition->sources[moving.source];
        int at = i;
        while (at > fixed) {
            int below = placed[at - 1].source;
            int z = composition->sources[below].z;
            if (z < source->z || (z == source->z && below < moving.source))
                break;
            placed[at] = placed[at - 1];
            at--;
        }
        placed[at] = moving;
    }
}

int kt_layout_resolve(const KtComposition *composition, double aspect,
                      KtPlacedSource placed[KT_MAX_SOURCES])
{
    if (!composition || !placed || !(aspect > 0) || !(aspect < 1e6))
        return 0;
    Plan plan;
    memset(&plan, 0, sizeof plan);
    plan.aspect = aspect;
    plan.gap = composition->gap > 0 && composition->gap < 1 ? composition->gap : 0;
    plan.count = composition->source_count;
    if (plan.count < 0)
        plan.count = 0;
    if (plan.count > KT_MAX_SOURCES)
        plan.count = KT_MAX_SOURCES;
    order_sources(composition, composition->layout != KT_LAYOUT_GRID, &plan);

    switch (composition->layout) {
    case KT_LAYOUT_GRID:
        plan_grid(&plan);
        break;
    case KT_LAYOUT_SIDE_BY_SIDE:
        plan_side_by_side(&plan);
        break;
    case KT_LAYOUT_PICTURE_IN_PICTURE:
        plan_picture_in_picture(&plan);
        break;
    case KT_LAYOUT_SPOTLIGHT:
        plan_spotlight(&plan);
        break;
    case KT_LAYOUT_SCREEN_ONLY:
        plan.shown = plan.count > 0;
        plan.area[0] = (Area){0, 0, aspect, 1};
        break;
    case KT_LAYOUT_FREE: {
        int n = add_free(composition, plan.count, placed);
        sort_by_z(composition, 0, n, placed);
        return n;
    }
    default:
        return 0;
    }
    for (int i = 0; i < plan.shown; i++) {
        placed[i].source = plan.order[i];
        placed[i].rect = (KtRect){plan.area[i].x / aspect, plan.area[i].y,
                                  plan.area[i].width / aspect, plan.area[i].height};
    }
    sort_by_z(composition, composition->layout == KT_LAYOUT_PICTURE_IN_PICTURE, plan.shown, placed);
    return plan.shown;
}
