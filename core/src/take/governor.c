/* Load in, effort and frame rate out. Deterministic: its only clock is the media time of the
 * frames. */
#include "governor.h"

#include <stddef.h>

#define MEAN_US 500000.0 /* time constant of the load */
#define RECENT_US 100000.0
#define MOST_LOAD 4.0
#define HIGH_LOAD 0.9
#define LOW_LOAD 0.55
#define RAISED_LOAD 0.75 /* what is tried must be expected to stay below */
#define OVER_US INT64_C(1000000)
#define LATE_US INT64_C(100000) /* a backlog of this much ... */
#define LATE_HASTE 3            /* ... makes OVER_US so much shorter */
#define FIRST_PATIENCE_US INT64_C(10000000)
#define MAX_PATIENCE_US INT64_C(320000000)
#define SPEED_COST 1.25 /* a step of effort costs about this much more */

static const int fps_steps[] = {30, 24, 20, 15};
#define FPS_STEPS (sizeof fps_steps / sizeof fps_steps[0])

void kt__governor_init(KtGovernor *g, int fps, int speed, int max_speed, int speed_step)
{
    g->base_fps = fps;
    g->base_speed = speed;
    g->max_speed = max_speed;
    g->speed_step = speed_step;
    g->fps = fps;
    g->speed = speed;
    g->load = 0;
    g->recent = 0;
    g->over_us = 0;
    g->under_us = 0;
    g->patience_us = FIRST_PATIENCE_US;
    g->since_raise_us = -1;
}

/* The next rate down from fps; fps where there is none. */
static int lower_fps(int fps)
{
    for (size_t i = 0; i < FPS_STEPS; i++)
        if (fps_steps[i] < fps)
            return fps_steps[i];
    return fps;
}

/* The rate from which lower_fps comes to fps. */
static int higher_fps(const KtGovernor *g)
{
    int fps = g->base_fps;
    while (lower_fps(fps) > g->fps)
        fps = lower_fps(fps);
    return fps;
}

static int lower(KtGovernor *g)
{
    int speed = g->speed + g->speed_step;
    int fps = lower_fps(g->fps);
    if (g->speed < g->max_speed)
        g->speed = speed < g->max_speed ? speed : g->max_speed;
    else if (fps < g->fps)
        g->fps = fps;
    else
        return 0;
    if (g->since_raise_us >= 0 && g->since_raise_us < FIRST_PATIENCE_US)
        g->patience_us =
            g->patience_us < MAX_PATIENCE_US / 2 ? g->patience_us * 2 : MAX_PATIENCE_US;
    g->since_raise_us = -1;
    return 1;
}

/* Frames come back before effort does. */
static int raise_again(KtGovernor *g)
{
    if (g->fps < g->base_fps) {
        int fps = higher_fps(g);
        if (g->load * fps / g->fps > RAISED_LOAD)
            return 0;
        g->fps = fps;
    } else if (g->speed > g->base_speed) {
        int speed = g->speed - g->speed_step;
        if (g->load * SPEED_COST > RAISED_LOAD)
            return 0;
        g->speed = speed > g->base_speed ? speed : g->base_speed;
    } else {
        return 0;
    }
    g->since_raise_us = 0;
    return 1;
}

/* What is expected of the new setting, so that the old load is not held against it. */
static void rescale(KtGovernor *g, int fps, int speed)
{
    double change = (double)g->fps / fps;
    if (g->speed > speed)
        change /= SPEED_COST;
    else if (g->speed < speed)
        change *= SPEED_COST;
    g->load *= change;
    g->recent *= change;
    g->over_us = 0;
    g->under_us = 0;
}

/* One step, or where a backlog grows as many as the load asks for, so that pictures that come
 * evenly follow each other, and not several rates. */
static int slow_down(KtGovernor *g, int is_late)
{
    int changed = 0, again = 1;
    while (again && (changed == 0 || g->recent > HIGH_LOAD)) {
        int fps = g->fps, speed = g->speed;
        if (!lower(g))
            break;
        rescale(g, fps, speed);
        changed = 1;
        again = is_late;
    }
    return changed;
}

int kt__governor_frame(KtGovernor *g, int64_t busy_us, int64_t span_us, int64_t late_us)
{
    int changed = 0, fps = g->fps, speed = g->speed, is_late = late_us > LATE_US;
    if (busy_us <= 0 || span_us <= 0)
        return 0;
    /* One long sleep must not count as a long time of any load. */
    int64_t step_us = span_us < 200000 ? span_us : 200000;
    double load = (double)busy_us * g->fps / 1e6;
    load = load < MOST_LOAD ? load : MOST_LOAD;
    g->load += (load - g->load) * (double)step_us / (MEAN_US + (double)step_us);
    g->recent += (load - g->recent) * (double)step_us / (RECENT_US + (double)step_us);
    if (g->since_raise_us >= 0)
        g->since_raise_us += step_us;
    if (g->since_raise_us >= FIRST_PATIENCE_US)
        g->patience_us = FIRST_PATIENCE_US;
    int64_t over_us = is_late ? LATE_HASTE * step_us : step_us;
    g->over_us = g->load > HIGH_LOAD ? g->over_us + over_us : 0;
    g->under_us = g->load < LOW_LOAD && !is_late ? g->under_us + step_us : 0;
    if (g->over_us >= OVER_US)
        return slow_down(g, is_late);
    if (g->under_us >= g->patience_us && (changed = raise_again(g)) != 0)
        rescale(g, fps, speed);
    return changed;
}
