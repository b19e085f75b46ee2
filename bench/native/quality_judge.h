/* Figures of a run of pictures against the scene they come from: for bench_quality. */
#ifndef KEEPTAKE_BENCH_QUALITY_JUDGE_H
#define KEEPTAKE_BENCH_QUALITY_JUDGE_H

#include <stdint.h>

#include "picture_scene.h"

#define JUDGE_FPS 30
#define JUDGE_STEPS 5 /* 0, 1, 3, 7 and 14 pictures after a change */

typedef struct Judge {
    const PictureScene *scene;
    PictureArea area; /* of the scene, without the rows of the numbers */
    int width;        /* of the reference: its stride */

    int pictures;
    double at[JUDGE_STEPS], ssim_at[JUDGE_STEPS], ssim_total;
    int at_count[JUDGE_STEPS], ssim_count;
    double least_after, total, second, worst_second;
} Judge;

void judge_init(Judge *j, const PictureScene *scene, int width, int height);
/* Picture n of the scene as it was drawn and as it came back; the strides in bytes. */
void judge_picture(Judge *j, int n, const uint8_t *drawn, const uint8_t *shown, int shown_stride);
/* Prints members of a JSON object, without its braces: after, ssimAfter (means over the changes,
 * -1: there was none), leastAfter, mean, worstSecond (the first second does not count), ssim,
 * pictures. */
void judge_print(const Judge *j);

#endif
