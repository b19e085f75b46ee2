/* Time of one composed picture: 1, 4, 9 and 16 camera pictures of 1280x720 in a grid on 720p and
 * 1080p. Built natively and for WebAssembly from this one source. With KT_BENCH_LIBYUV (native
 * only) libyuv does the same picture in the same run: the same tiles, scaled bilinearly or by its
 * box filter where it must, on the same background.
 *
 *   bench_compositor [--json] [--frames N]     N pictures each case, 60 unless given */
#include "keeptake/compositor.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __EMSCRIPTEN__
#include <emscripten.h>
#endif
#ifdef KT_BENCH_LIBYUV
#include <libyuv.h>
#endif

#define SOURCE_WIDTH 1280
#define SOURCE_HEIGHT 720
#define MAX_SAMPLES 1000

typedef struct Bench {
    int count, width, height, frames;
    KtFramePool *pool;
    KtFrame *picture[KT_MAX_SOURCES];
    KtFrame *out;
    KtComposition composition;
} Bench;

typedef struct Result {
    double simd_ms, plain_ms, libyuv_ms; /* medians; 0 where not measured */
    uint32_t hash;
} Result;

static double now_ms(void)
{
#ifdef __EMSCRIPTEN__
    return emscripten_get_now(); /* timespec_get counts whole milliseconds there */
#else
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
#endif
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *samples, int count)
{
    qsort(samples, (size_t)count, sizeof *samples, by_value);
    return samples[count / 2];
}

/* A moving pattern with detail, so that nothing is flat. */
static void paint(KtFrame *frame, int seed)
{
    for (int p = 0; p < 3; p++) {
        int width = p ? frame->width / 2 : frame->width,
            height = p ? frame->height / 2 : frame->height;
        for (int y = 0; y < height; y++) {
            uint8_t *row = frame->plane[p] + (ptrdiff_t)y * frame->stride[p];
            for (int x = 0; x < width; x++)
                row[x] = (uint8_t)(16 + (x * (3 + p) + y * (5 + seed) + (x * y >> 6)) % 220);
        }
    }
}

static uint32_t hash_frame(const KtFrame *frame)
{
    uint32_t hash = 2166136261u;
    for (int p = 0; p < 3; p++) {
        int width = p ? frame->width / 2 : frame->width,
            height = p ? frame->height / 2 : frame->height;
        for (int y = 0; y < height; y++) {
            const uint8_t *row = frame->plane[p] + (ptrdiff_t)y * frame->stride[p];
            for (int x = 0; x < width; x++)
                hash = (hash ^ row[x]) * 16777619u;
        }
    }
    return hash;
}

static KtStatus set_up(Bench *bench)
{
    KtStatus status = kt_frame_pool_create(KT_MAX_SOURCES + 1, &bench->pool);
    for (int i = 0; i < bench->count && status == KT_OK; i++) {
        status = kt_frame_acquire(bench->pool, KT_PIXEL_I420, SOURCE_WIDTH, SOURCE_HEIGHT,
                                  &bench->picture[i]);
        if (status == KT_OK)
            paint(bench->picture[i], i);
    }
    if (status == KT_OK)
        status =
            kt_frame_acquire(bench->pool, KT_PIXEL_I420, bench->width, bench->height, &bench->out);
    memset(&bench->composition, 0, sizeof bench->composition);
    bench->composition.layout = KT_LAYOUT_GRID;
    bench->composition.gap = 0.02;
    bench->composition.background.color = 0x14171c;
    bench->composition.source_count = bench->count;
    for (int i = 0; i < bench->count; i++) {
        snprintf(bench->composition.sources[i].id, KT_ID_BYTES, "camera-%d", i);
        bench->composition.sources[i].opacity = 1;
    }
    return status;
}

static void tear_down(Bench *bench)
{
    for (int i = 0; i < KT_MAX_SOURCES; i++)
        kt_frame_unref(&bench->picture[i]);
    kt_frame_unref(&bench->out);
    kt_frame_pool_destroy(&bench->pool);
}

/* Every source brings a new picture for each composed one, as cameras do. */
static KtStatus run_engine(Bench *bench, int plain, double *out_ms)
{
    double samples[MAX_SAMPLES];
    int handles[KT_MAX_SOURCES];
    KtCompositor *c = NULL;
    KtCompositorConfig config = {bench->width, bench->height, KT_COLOR_BT709, plain};
    KtStatus status = kt_compositor_create(&config, &c);
    for (int i = 0; i < bench->count && status == KT_OK; i++) {
        handles[i] = kt_compositor_add_source(c, bench->composition.sources[i].id);
        status = handles[i] < 0 ? (KtStatus)handles[i] : KT_OK;
    }
    if (status == KT_OK)
        status = kt_compositor_set_composition(c, &bench->composition, 0);
    for (int f = -5; f < bench->frames && status == KT_OK; f++) {
        int64_t now_us = (f + 5) * INT64_C(33333);
        double start = now_ms();
        for (int i = 0; i < bench->count && status == KT_OK; i++)
            status = kt_compositor_push_frame(c, handles[i], bench->picture[i], now_us);
        if (status == KT_OK)
            status = kt_compositor_compose(c, now_us, bench->out);
        if (f >= 0)
            samples[f] = now_ms() - start;
    }
    kt_compositor_destroy(&c);
    if (status == KT_OK)
        *out_ms = median(samples, bench->frames);
    return status;
}

#ifdef KT_BENCH_LIBYUV
static int even(double value)
{
    return 2 * (int)(value / 2 + 0.5);
}

/* Crops as the engine does (cover), then libyuv scales straight into the canvas. */
static void libyuv_tile(const Bench *bench, const KtFrame *in, const KtRect *rect)
{
    KtFrame *out = bench->out;
    int x = even(rect->x * bench->width), y = even(rect->y * bench->height);
    int w = even((rect->x + rect->width) * bench->width) - x;
    int h = even((rect->y + rect->height) * bench->height) - y;
    int cw = in->width, ch = in->height;
    if (cw * h > ch * w)
        cw = even((double)ch * w / h);
    else
        ch = even((double)cw * h / w);
    int cx = even((in->width - cw) / 2.0), cy = even((in->height - ch) / 2.0);
    enum FilterMode mode = cw > 2 * w || ch > 2 * h ? kFilterBox : kFilterBilinear;
    I420Scale(in->plane[0] + cy * in->stride[0] + cx, in->stride[0],
              in->plane[1] + cy / 2 * in->stride[1] + cx / 2, in->stride[1],
              in->plane[2] + cy / 2 * in->stride[2] + cx / 2, in->stride[2], cw, ch,
              out->plane[0] + y * out->stride[0] + x, out->stride[0],
              out->plane[1] + y / 2 * out->stride[1] + x / 2, out->stride[1],
              out->plane[2] + y / 2 * out->stride[2] + x / 2, out->stride[2], w, h, mode);
}

static void run_libyuv(Bench *bench, double *out_ms)
{
    double samples[MAX_SAMPLES];
    KtPlacedSource placed[KT_MAX_SOURCES];
    KtFrame *out = bench->out;
    int count =
        kt_layout_resolve(&bench->composition, (double)bench->width / bench->height, placed);
    for (int f = -5; f < bench->frames; f++) {
        double start = now_ms();
        I420Rect(out->plane[0], out->stride[0], out->plane[1], out->stride[1], out->plane[2],
                 out->stride[2], 0, 0, bench->width, bench->height, 35, 130, 127);
        for (int i = 0; i < count; i++)
            libyuv_tile(bench, bench->picture[placed[i].source], &placed[i].rect);
        if (f >= 0)
            samples[f] = now_ms() - start;
    }
    *out_ms = median(samples, bench->frames);
}
#endif

static KtStatus measure(Bench *bench, Result *result)
{
    memset(result, 0, sizeof *result);
    KtStatus status = set_up(bench);
    if (status == KT_OK)
        status = run_engine(bench, 1, &result->plain_ms);
    if (status == KT_OK)
        status = run_engine(bench, 0, &result->simd_ms);
    if (status == KT_OK)
        result->hash = hash_frame(bench->out);
#ifdef KT_BENCH_LIBYUV
    if (status == KT_OK)
        run_libyuv(bench, &result->libyuv_ms);
#endif
    tear_down(bench);
    return status;
}

static void print_row(const Bench *bench, const Result *r, int json, int first)
{
    if (json) {
        printf("%s  {\"sources\": %d, \"width\": %d, \"height\": %d, \"ms\": %.3f, \"plain_ms\": "
               "%.3f, ",
               first ? "" : ",\n", bench->count, bench->width, bench->height, r->simd_ms,
               r->plain_ms);
        if (r->libyuv_ms > 0)
            printf("\"libyuv_ms\": %.3f, \"speed_against_libyuv\": %.3f, ", r->libyuv_ms,
                   r->libyuv_ms / r->simd_ms);
        printf("\"hash\": \"%08x\"}", (unsigned)r->hash);
        return;
    }
    printf("%7d  %4dx%-4d  %9.2f  %9.2f", bench->count, bench->width, bench->height, r->simd_ms,
           r->plain_ms);
    if (r->libyuv_ms > 0)
        printf("  %9.2f  %9.2fx", r->libyuv_ms, r->libyuv_ms / r->simd_ms);
    printf("  %08x\n", (unsigned)r->hash);
}

int main(int argc, char **argv)
{
    static const int counts[] = {1, 4, 9, 16}, sizes[][2] = {{1280, 720}, {1920, 1080}};
    int json = 0, frames = 60, first = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = 1;
        else if (strcmp(argv[i], "--frames") == 0 && i + 1 < argc)
            frames = atoi(argv[++i]);
    }
    if (frames < 1 || frames > MAX_SAMPLES) {
        fprintf(stderr, "--frames %d: must be 1..%d\n", frames, MAX_SAMPLES);
        return 2;
    }
#ifdef KT_BENCH_LIBYUV
    const char *columns =
        "sources  canvas      ms/frame   plain C     libyuv  speed ratio  picture";
#else
    const char *columns = "sources  canvas      ms/frame   plain C  picture";
#endif
    puts(json ? "[" : columns);
    for (int s = 0; s < 2; s++) {
        for (int k = 0; k < 4; k++, first = 0) {
            Bench bench = {counts[k], sizes[s][0], sizes[s][1], frames, NULL, {NULL}, NULL, {0}};
            Result result;
            KtStatus status = measure(&bench, &result);
            if (status != KT_OK) {
                fprintf(stderr, "%d sources: %s\n", counts[k], kt_status_text(status));
                return 1;
            }
            print_row(&bench, &result, json, first);
        }
    }
    if (json)
        puts("\n]");
    return 0;
}
