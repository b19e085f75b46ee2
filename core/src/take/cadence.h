/* When each picture of a take is made. Slot n of a cadence lies at origin + n / fps of take time,
 * so timestamps are even; the moment at which its picture is made lies phase_us later. The phase
 * follows the pictures of the source that leads: each of them falls into the middle between two
 * such moments, where some milliseconds of jitter move it across neither, and a source of another
 * rate is resampled in an even pattern. The moments themselves go by the clock alone: a source that
 * stops or sends only on change holds nothing up. Pure: time comes in. */
#ifndef KEEPTAKE_SRC_CADENCE_H
#define KEEPTAKE_SRC_CADENCE_H

#include <stdint.h>

#define KT__CADENCE_SOURCES 16
#define KT__CADENCE_RING 32

/* What is known of one source's pictures. */
typedef struct KtCadenceSource {
    int64_t at_us[KT__CADENCE_RING]; /* engine clock; the newest pictures, a ring */
    int count;                       /* of all pictures since forget */
    double period_us;                /* mean distance; 0: they come at no rate */
    int rough;                       /* the period is that of few or uneven pictures */
    int weight;                      /* 0: not in sight; the greatest leads */
} KtCadenceSource;

typedef struct KtCadence {
    int fps;
    int64_t origin_us; /* take time of slot 0 */
    int64_t next_slot; /* Invariant: every slot before it is recorded or given up */
    int64_t shift_us;  /* engine clock - take time */
    double phase_us;   /* 0 .. 1.25 lattice_us, or frame periods */
    int leader;        /* -1: none, the phase stays */
    double nominal_us; /* the leader's period, as a ratio of the frame period */
    double lattice_us; /* at most a frame period: phases so far apart are as good as each other */
    KtCadenceSource sources[KT__CADENCE_SOURCES];
} KtCadence;

void kt__cadence_init(KtCadence *c, int fps);

/* A picture of source (0..15) came at at_us, engine clock; one that does not lie after the one
 * before it is not counted. */
void kt__cadence_picture(KtCadence *c, int source, int64_t at_us);
/* How much of the canvas the source covers, any unit; 0 where it is not seen. */
void kt__cadence_weigh(KtCadence *c, int source, int weight);
/* The source is gone, or shows something else from now on. */
void kt__cadence_forget(KtCadence *c, int source);
/* Chooses the leader as of now_us: the heaviest whose pictures come at a rate. One that leads
 * stays until another weighs a quarter more. */
void kt__cadence_lead(KtCadence *c, int64_t now_us);

/* A take begins; or goes on, with take time 0 at engine time shift_us. The phase is the best one at
 * once, as no slot waits. */
void kt__cadence_begin(KtCadence *c, int64_t shift_us);
void kt__cadence_continue(KtCadence *c, int64_t shift_us);
/* fps from the slot after the one of take time pts_us on. */
void kt__cadence_set_fps(KtCadence *c, int fps, int64_t pts_us);

/* Take time of a slot. */
int64_t kt__cadence_pts_us(const KtCadence *c, int64_t slot);
/* Engine time at which the picture of a slot is to be made: what has come by then is in it. */
int64_t kt__cadence_moment_us(const KtCadence *c, int64_t slot);
/* That of the next slot. */
int64_t kt__cadence_due_us(const KtCadence *c);
/* The same, but where the leader's picture that belongs into the next slot has not been told yet:
 * it comes late through a busy machine, and is waited for, for a bounded time, unless the leader
 * has gone silent. */
int64_t kt__cadence_ready_us(const KtCadence *c);
/* The first slot from the next one on whose moment is not before since_us. */
int64_t kt__cadence_since(const KtCadence *c, int64_t since_us);
/* The newest slot that is due at engine time now_us; next_slot - 1 where none is. */
int64_t kt__cadence_newest(const KtCadence *c, int64_t now_us);
/* Everything up to slot is recorded or given up; the phase moves on a little. */
void kt__cadence_pass(KtCadence *c, int64_t slot);

#endif
