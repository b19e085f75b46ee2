/* PSNR and SSIM after changes, in the mean, in the worst second. */
#include "quality_judge.h"

#include <stdio.h>
#include <string.h>

#include "picture_quality.h"

#define SSIM_EVERY 7

static const int steps[JUDGE_STEPS] = {0, 1, 3, 7, 14};

void judge_init(Judge *j, const PictureScene *scene, int width, int height)
{
    const int most = height - KT_PICTURE_NUMBER_ROWS;
    memset(j, 0, sizeof *j);
    j->scene = scene;
    j->width = width;
    j->area = picture_scene_area(scene);
    if (j->area.y + j->area.height > most)
        j->area.height = most - j->area.y;
    j->least_after = j->worst_second = 100;
}

static int step_of(int since)
{
    for (int i = 0; i < JUDGE_STEPS; i++)
        if (since == steps[i])
            return i;
    return -1;
}

void judge_picture(Judge *j, int n, const uint8_t *drawn, const uint8_t *shown, int shown_stride)
{
    const int since = picture_scene_since_change(j->scene, n), step = step_of(since);
    const double psnr = picture_psnr(drawn, j->width, shown, shown_stride, j->area);
    j->total += psnr;
    j->second += psnr / JUDGE_FPS;
    if (j->pictures % JUDGE_FPS == JUDGE_FPS - 1) {
        if (j->pictures >= JUDGE_FPS && j->second < j->worst_second)
            j->worst_second = j->second;
        j->second = 0;
    }
    if (since >= 0 && psnr < j->least_after)
        j->least_after = psnr;
    if (step >= 0 || j->pictures % SSIM_EVERY == 0) {
        const double ssim = picture_ssim(drawn, j->width, shown, shown_stride, j->area);
        if (j->pictures % SSIM_EVERY == 0) {
            j->ssim_total += ssim;
            j->ssim_count++;
        }
        if (step >= 0) {
            j->at[step] += psnr;
            j->ssim_at[step] += ssim;
            j->at_count[step]++;
        }
    }
    j->pictures++;
}

static void print_steps(const char *name, const double *sums, const int *counts)
{
    printf("\"%s\":[", name);
    for (int i = 0; i < JUDGE_STEPS; i++)
        printf("%s%.4f", i ? "," : "", counts[i] ? sums[i] / counts[i] : -1);
    printf("],");
}

void judge_print(const Judge *j)
{
    int changes = 0;
    for (int i = 0; i < JUDGE_STEPS; i++)
        changes += j->at_count[i];
    print_steps("after", j->at, j->at_count);
    print_steps("ssimAfter", j->ssim_at, j->at_count);
    printf("\"leastAfter\":%.2f,\"mean\":%.3f,\"worstSecond\":%.2f,\"ssim\":%.5f,\"pictures\":%d",
           changes ? j->least_after : -1, j->pictures ? j->total / j->pictures : -1,
           j->worst_second, j->ssim_count ? j->ssim_total / j->ssim_count : -1, j->pictures);
}
