/* Keeps a recorder that cannot keep up from falling behind: first less effort, then fewer frames.
 */
#ifndef KEEPTAKE_SRC_GOVERNOR_H
#define KEEPTAKE_SRC_GOVERNOR_H

#include <stdint.h>

typedef struct KtGovernor {
    /* fixed at kt__governor_init */
    int base_fps, base_speed, max_speed, speed_step;
    /* changes while running */
    int fps, speed;            /* to be used from now on */
    double load;               /* slow mean of busy time by time available */
    double recent;             /* the same of the last few frames */
    int64_t over_us, under_us; /* how long load has been too high, low enough to try more */
    int64_t patience_us;       /* of under_us before more is tried; doubles where that was wrong */
    int64_t since_raise_us;    /* time since more was tried; -1: not lately */
} KtGovernor;

/* Begins at fps and speed (libvpx terms of KtVideoEncoderConfig); effort goes down to max_speed by
 * speed_step. */
void kt__governor_init(KtGovernor *g, int fps, int speed, int max_speed, int speed_step);

/* One frame was recorded.
 *   busy_us  how long the caller was busy since the last one; 0: not known, nothing is learned
 *   span_us  media time from the last frame to this one, > 0: more than a frame's where slots were
 *            missed
 *   late_us  how long after its moment the frame was made: where a backlog nears what is made up
 *            for, the governor acts sooner, and by as many steps as the load asks for
 * Returns 1 where fps or speed changed. */
int kt__governor_frame(KtGovernor *g, int64_t busy_us, int64_t span_us, int64_t late_us);

#endif
