/* The phase of the slots as a loop: each picture of the leader tells how far the moments at which
 * pictures are made lie from where they should, and each slot moves them a part of that. */
#include "cadence.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define US_PER_SECOND INT64_C(1000000)
#define REGULAR 0.35    /* of the period: an interval that differs by more is no regular one */
#define MAX_IRREGULAR 5 /* of a ring */
#define MIN_PICTURES 10 /* before a source has a rate */
#define MIN_PERIOD_US 5000
#define MAX_PERIOD_US 210000
#define MAX_SLOTS 6      /* a pattern repeats after so many slots, or there is none */
#define RATE_ERROR 0.015 /* two rates nearer than this are one */
#define PLACE 0.6        /* of the lattice, after a picture: delays come late, never early */
#define GAIN 0.08        /* of the error, a picture */
#define PERIOD_GAIN 0.1  /* of the error, a picture */
#define CHANGED 0.1      /* a period that differs by more is another one */
#define WRAP 1.25        /* of the lattice: where the phase starts again */
#define SILENT_PERIODS 4 /* a source without a picture for so long does not lead */
#define MISSED 0.2       /* of the lattice: a picture that was to come so long ago is missed */
#define WAIT_US INT64_C(120000) /* for one that is missed */
#define EDGE 0.1                /* of the lattice: a take begins no nearer to where it would wrap */
#define TURN 6.283185307179586
#define HEAVIER(w) ((w) + (w) / 4)

static double frame_us(const KtCadence *c)
{
    return (double)US_PER_SECOND / c->fps;
}

/* x in [0, span). */
static double fold(double x, double span)
{
    x -= floor(x / span) * span;
    return x < span ? x : 0;
}

void kt__cadence_init(KtCadence *c, int fps)
{
    assert(fps > 0);
    memset(c, 0, sizeof *c);
    c->fps = fps;
    c->leader = -1;
}

/* ---- sources ---- */

static int kept(const KtCadenceSource *s)
{
    return s->count < KT__CADENCE_RING ? s->count : KT__CADENCE_RING;
}

/* The nth newest picture's time; 0 is the newest. */
static int64_t nth(const KtCadenceSource *s, int n)
{
    return s->at_us[(s->count - 1 - n) % KT__CADENCE_RING];
}

static int64_t median_interval(const KtCadenceSource *s, int pictures)
{
    int64_t sorted[KT__CADENCE_RING];
    int count = pictures - 1;
    for (int i = 0; i < count; i++) {
        int64_t interval = nth(s, i) - nth(s, i + 1);
        int k = i;
        for (; k > 0 && sorted[k - 1] > interval; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = interval;
    }
    return sorted[count / 2];
}

/* The mean distance of the newest pictures, where most of them come one or two of it apart. */
static double mean_period(const KtCadenceSource *s, int pictures, int most_irregular)
{
    int irregular = 0;
    int64_t periods = 0;
    double median = (double)median_interval(s, pictures);
    if (median < MIN_PERIOD_US || median > MAX_PERIOD_US)
        return 0;
    double carry = 0; /* of a picture that came far off its place: the next interval makes up */
    for (int i = 0; i + 1 < pictures; i++) {
        double ratio = (double)(nth(s, i) - nth(s, i + 1)) / median + carry;
        double whole = floor(ratio + 0.5);
        int regular = whole <= 2 && fabs(ratio - whole) <= REGULAR;
        irregular += !regular;
        periods += (int64_t)whole;
        carry = regular ? 0 : ratio - whole;
    }
    if (irregular > most_irregular || periods == 0)
        return 0;
    return (double)(nth(s, 0) - nth(s, pictures - 1)) / (double)periods;
}

/* Of all pictures kept, where they are even; else of the last ones alone: the source has just begun
 * or come back, and what was before would spoil the mean. pictures: filled with how many. */
static double find_period(const KtCadenceSource *s, int *pictures)
{
    static const struct {
        int pictures, most_irregular;
    } spans[] = {{KT__CADENCE_RING, 2}, {KT__CADENCE_RING / 2, 2}, {MIN_PICTURES, 1}};
    int count = kept(s);
    for (int i = 0; i < 3; i++) {
        *pictures = count < spans[i].pictures ? count : spans[i].pictures;
        double period_us =
            *pictures < MIN_PICTURES ? 0 : mean_period(s, *pictures, spans[i].most_irregular);
        if (period_us > 0)
            return period_us;
    }
    *pictures = count - 1; /* all, but uneven: no more than a rough rate */
    return count < MIN_PICTURES ? 0 : mean_period(s, count, MAX_IRREGULAR);
}

/* Few pictures tell the rate roughly, and each more of them better; many are averaged further. */
static void note_period(KtCadenceSource *s)
{
    int pictures = 0;
    double found_us = find_period(s, &pictures);
    s->rough = pictures < KT__CADENCE_RING;
    if (s->rough || found_us == 0 || s->period_us == 0 ||
        fabs(found_us / s->period_us - 1) > CHANGED)
        s->period_us = found_us;
    else
        s->period_us += (found_us - s->period_us) * PERIOD_GAIN;
}

/* How far a measured rate may lie from the one that repeats every so many slots. Patterns of one
 * slot have no others near them; of those of more, 24 and 25 into 30 lie 4 % apart. */
static double tolerance(const KtCadenceSource *s, int slots)
{
    return !s->rough ? RATE_ERROR : slots == 1 ? 4 * RATE_ERROR : 1.3 * RATE_ERROR;
}

/* The distance of the places that a source has in slots of slot_us: where b slots last
 * as long as a pictures it is period / b. nominal_us: filled with the period that is meant. 0: no
 * such pattern. */
static double find_lattice(double slot_us, const KtCadenceSource *s, double *nominal_us)
{
    double ratio = slot_us / s->period_us;
    for (int slots = 1; slots <= MAX_SLOTS; slots++) {
        double pictures = floor(ratio * slots + 0.5);
        if (pictures >= 1 && fabs(pictures / slots / ratio - 1) <= tolerance(s, slots)) {
            *nominal_us = slot_us * slots / pictures;
            return slot_us / pictures;
        }
    }
    return 0;
}

/* How much later than it should a picture at at_us is used, in [-half, half) of the lattice. */
static double phase_error(const KtCadence *c, int64_t at_us)
{
    double made_us = (double)(c->shift_us + c->origin_us - at_us) + c->phase_us;
    return fold(made_us - (PLACE - 0.5) * c->lattice_us, c->lattice_us) - c->lattice_us / 2;
}

/* The phase stays where it is a moment not before its slot. */
static void wrap_phase(KtCadence *c)
{
    double step = c->lattice_us > 0 ? c->lattice_us : frame_us(c);
    while (c->phase_us < 0)
        c->phase_us += step;
    while (c->phase_us >= WRAP * step)
        c->phase_us -= step;
}

/* The best phase for the leader's newest pictures, at once. */
static void settle(KtCadence *c)
{
    double x = 0, y = 0;
    if (c->leader < 0)
        return;
    const KtCadenceSource *s = &c->sources[c->leader];
    for (int i = 0; i < kept(s) && i < KT__CADENCE_RING / 2; i++) {
        double angle = phase_error(c, nth(s, i)) / c->lattice_us * TURN;
        x += cos(angle);
        y += sin(angle);
    }
    c->phase_us -= atan2(y, x) / TURN * c->lattice_us;
    /* Not so near to its ends that it would wrap soon. */
    double edge_us = EDGE * c->lattice_us;
    c->phase_us = edge_us + fold(c->phase_us - edge_us, c->lattice_us);
}

static void follow(KtCadence *c, int source)
{
    c->leader = source;
    c->lattice_us = source < 0 ? 0 : find_lattice(frame_us(c), &c->sources[source], &c->nominal_us);
    if (c->lattice_us == 0)
        c->leader = -1;
}

void kt__cadence_picture(KtCadence *c, int source, int64_t at_us)
{
    assert(source >= 0 && source < KT__CADENCE_SOURCES);
    KtCadenceSource *s = &c->sources[source];
    if (s->count > 0 && at_us <= nth(s, 0))
        return;
    s->at_us[s->count % KT__CADENCE_RING] = at_us;
    s->count++;
    if (s->count > 1024 * KT__CADENCE_RING)
        s->count -= 512 * KT__CADENCE_RING;
    note_period(s);
    if (source == c->leader) {
        c->phase_us -= phase_error(c, at_us) * GAIN;
        wrap_phase(c);
    }
}

void kt__cadence_weigh(KtCadence *c, int source, int weight)
{
    assert(source >= 0 && source < KT__CADENCE_SOURCES);
    c->sources[source].weight = weight;
}

void kt__cadence_forget(KtCadence *c, int source)
{
    assert(source >= 0 && source < KT__CADENCE_SOURCES);
    memset(&c->sources[source], 0, sizeof c->sources[source]);
    if (c->leader == source)
        follow(c, -1);
}

/* The leader's rate is measured: what it was taken for stays while it may still be that. */
static int keeps_rate(const KtCadence *c, int source)
{
    return source == c->leader && fabs(c->sources[source].period_us / c->nominal_us - 1) <
                                      (c->sources[source].rough ? 4 : 2) * RATE_ERROR;
}

static int can_lead(const KtCadence *c, int source, int64_t now_us)
{
    const KtCadenceSource *s = &c->sources[source];
    double nominal_us;
    return s->weight > 0 && s->period_us > 0 &&
           (double)(now_us - nth(s, 0)) < SILENT_PERIODS * s->period_us &&
           (keeps_rate(c, source) || find_lattice(frame_us(c), s, &nominal_us) > 0);
}

void kt__cadence_lead(KtCadence *c, int64_t now_us)
{
    int best = c->leader >= 0 && can_lead(c, c->leader, now_us) ? c->leader : -1;
    int least = best >= 0 ? HEAVIER(c->sources[best].weight) : 0;
    for (int i = 0; i < KT__CADENCE_SOURCES; i++)
        if (i != c->leader && c->sources[i].weight > least && can_lead(c, i, now_us)) {
            best = i;
            least = c->sources[i].weight;
        }
    if (best == c->leader && (best < 0 || keeps_rate(c, best)))
        return;
    /* One step to where the new pictures are, instead of a way there across places between two. */
    follow(c, best);
    settle(c);
}

/* ---- slots ---- */

void kt__cadence_begin(KtCadence *c, int64_t shift_us)
{
    c->origin_us = 0;
    c->next_slot = 0;
    c->phase_us = 0;
    kt__cadence_continue(c, shift_us);
}

void kt__cadence_continue(KtCadence *c, int64_t shift_us)
{
    c->shift_us = shift_us;
    settle(c);
}

void kt__cadence_set_fps(KtCadence *c, int fps, int64_t pts_us)
{
    assert(fps > 0);
    c->origin_us = pts_us;
    c->next_slot = 1;
    c->fps = fps;
    follow(c, c->leader);
    wrap_phase(c);
}

int64_t kt__cadence_pts_us(const KtCadence *c, int64_t slot)
{
    return c->origin_us + slot * US_PER_SECOND / c->fps;
}

int64_t kt__cadence_moment_us(const KtCadence *c, int64_t slot)
{
    return c->shift_us + kt__cadence_pts_us(c, slot) + (int64_t)c->phase_us;
}

int64_t kt__cadence_due_us(const KtCadence *c)
{
    return kt__cadence_moment_us(c, c->next_slot);
}

int64_t kt__cadence_ready_us(const KtCadence *c)
{
    int64_t due_us = kt__cadence_due_us(c);
    if (c->leader < 0)
        return due_us;
    const KtCadenceSource *s = &c->sources[c->leader];
    double newest_us = (double)nth(s, 0);
    if (newest_us + s->period_us > (double)due_us - MISSED * c->lattice_us)
        return due_us;
    int64_t silent_us = (int64_t)(newest_us + SILENT_PERIODS * s->period_us);
    int64_t until_us = due_us + WAIT_US < silent_us ? due_us + WAIT_US : silent_us;
    return until_us > due_us ? until_us : due_us;
}

int64_t kt__cadence_since(const KtCadence *c, int64_t since_us)
{
    int64_t slot = c->next_slot;
    if (since_us > kt__cadence_moment_us(c, slot))
        slot += (since_us - kt__cadence_moment_us(c, slot)) / US_PER_SECOND * c->fps;
    while (kt__cadence_moment_us(c, slot) < since_us)
        slot++;
    return slot;
}

int64_t kt__cadence_newest(const KtCadence *c, int64_t now_us)
{
    int64_t slot = c->next_slot - 1;
    /* After a long gap whole seconds at once. */
    if (now_us > kt__cadence_moment_us(c, slot + 1))
        slot += (now_us - kt__cadence_moment_us(c, slot + 1)) / US_PER_SECOND * c->fps;
    while (kt__cadence_moment_us(c, slot + 1) <= now_us)
        slot++;
    return slot;
}

void kt__cadence_pass(KtCadence *c, int64_t slot)
{
    assert(slot >= c->next_slot);
    c->next_slot = slot + 1;
    wrap_phase(c);
}
