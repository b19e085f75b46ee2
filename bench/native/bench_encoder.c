/* Encoder speed on content made here: the same source built natively and as Wasm gives the same
 * bytes, so that only the time differs.
 *
 *   bench_encoder [--frames N] [--size WxH] [--threads N] [--only vp9|vp8] [--speed N] [--json]
 *
 * Default: 1280x720, 60 frames, one thread, VP9 speeds 5..9 and VP8 speeds 4, 8, 12, 16, 2.5
 * Mbit/s. Each run encodes 5 frames first that are not timed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keeptake/video_encoder.h"

#define WARM_UP_FRAMES 5
#define CONTENT_FRAMES 16 /* drawn beforehand and shown to and fro: drawing is not timed */

typedef struct Options {
    int frames, width, height, threads, speed, json;
    int only; /* KtVideoCodec or -1 */
} Options;

typedef struct Result {
    KtVideoCodec codec;
    int speed;
    double frames_per_second;
    size_t bytes;
    uint64_t hash;
} Result;

static double now_seconds(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static Options parse_options(int argc, char **argv)
{
    Options o = {.frames = 60, .width = 1280, .height = 720, .threads = 1, .only = -1};
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(a, "--json")) {
            o.json = 1;
            continue;
        }
        i++;
        if (!strcmp(a, "--frames"))
            o.frames = atoi(v);
        else if (!strcmp(a, "--size"))
            sscanf(v, "%dx%d", &o.width, &o.height);
        else if (!strcmp(a, "--threads"))
            o.threads = atoi(v);
        else if (!strcmp(a, "--speed"))
            o.speed = atoi(v);
        else if (!strcmp(a, "--only"))
            o.only = !strcmp(v, "vp8") ? KT_VIDEO_VP8 : KT_VIDEO_VP9;
        else {
            fprintf(stderr, "bench_encoder: unknown option %s\n", a);
            exit(2);
        }
    }
    return o;
}

/* Bars that move, over a gradient that moves the other way, under noise: what a camera and a shared
 * screen have between them. */
static void draw(uint8_t *p, int w, int h, int n)
{
    uint32_t seed = (uint32_t)n * 2654435761u + 12345u;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            int luma = 40 + (x * 120 / w + y * 60 / h + 256 - 2 * n) % 160;
            if ((x + 6 * n) / 80 % 4 == 0 && y > h / 4 && y < h / 2)
                luma = 220 - (x + 6 * n) / 80 % 3 * 50;
            seed = seed * 1664525u + 1013904223u;
            p[y * w + x] = (uint8_t)(luma + (int)(seed >> 29) - 4);
        }
    }
    uint8_t *u = p + w * h, *v = u + w * h / 4;
    for (int y = 0; y < h / 2; y++) {
        for (int x = 0; x < w / 2; x++) {
            u[y * w / 2 + x] = (uint8_t)(90 + (x + n) * 70 / w);
            v[y * w / 2 + x] = (uint8_t)(160 - (y + n) * 70 / h);
        }
    }
}

static void require(KtStatus status, const char *what)
{
    if (status == KT_OK)
        return;
    fprintf(stderr, "bench_encoder: %s: %s\n", what, kt_status_text(status));
    exit(1);
}

static Result run(const Options *o, const uint8_t *content, KtVideoCodec codec, int speed)
{
    const KtVideoEncoderConfig c = {.codec = codec,
                                    .width = o->width,
                                    .height = o->height,
                                    .fps = 30,
                                    .bitrate_bps = 2500000,
                                    .keyframe_us = 2000000,
                                    .speed = speed,
                                    .threads = o->threads,
                                    .matrix = KT_COLOR_BT709};
    const size_t luma = (size_t)o->width * (size_t)o->height;
    Result r = {.codec = codec, .speed = speed, .hash = UINT64_C(0xCBF29CE484222325)};
    KtVideoEncoder *e = NULL;
    double start = 0;
    require(kt_video_encoder_create(&c, &e), "create");
    for (int n = 0; n < o->frames + WARM_UP_FRAMES; n++) {
        const int turn = n % (2 * CONTENT_FRAMES - 2);
        const int shown = turn < CONTENT_FRAMES ? turn : 2 * CONTENT_FRAMES - 2 - turn;
        uint8_t *p = (uint8_t *)content + luma * 3 / 2 * (size_t)shown;
        const KtFrame f = {.format = KT_PIXEL_I420,
                           .matrix = KT_COLOR_BT709,
                           .width = o->width,
                           .height = o->height,
                           .plane = {p, p + luma, p + luma * 5 / 4},
                           .stride = {o->width, o->width / 2, o->width / 2},
                           .refs = 1};
        KtPacket packet;
        if (n == WARM_UP_FRAMES)
            start = now_seconds();
        require(kt_video_encoder_encode(e, &f, (int64_t)n * 1000000 / 30, 33333, 0), "encode");
        if (kt_video_encoder_packet(e, &packet) != KT_OK)
            continue;
        for (size_t i = 0; i < packet.bytes; i++)
            r.hash = (r.hash ^ packet.data[i]) * UINT64_C(0x100000001B3);
        r.bytes += packet.bytes;
    }
    r.frames_per_second = o->frames / (now_seconds() - start);
    kt_video_encoder_destroy(&e);
    return r;
}

static void print_result(const Options *o, const Result *r, int first)
{
    const char *codec = r->codec == KT_VIDEO_VP9 ? "vp9" : "vp8";
    if (o->json)
        printf("%s{\"codec\":\"%s\",\"speed\":%d,\"framesPerSecond\":%.2f,\"bytes\":%zu,"
               "\"hash\":\"%016llx\"}",
               first ? "" : ",", codec, r->speed, r->frames_per_second, r->bytes,
               (unsigned long long)r->hash);
    else
        printf("%s %2d  %7.2f frames/s  %9zu bytes  %016llx\n", codec, r->speed,
               r->frames_per_second, r->bytes, (unsigned long long)r->hash);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct {
        KtVideoCodec codec;
        int speed;
    } runs[] = {{KT_VIDEO_VP9, 5}, {KT_VIDEO_VP9, 6},  {KT_VIDEO_VP9, 7},
                {KT_VIDEO_VP9, 8}, {KT_VIDEO_VP9, 9},  {KT_VIDEO_VP8, 4},
                {KT_VIDEO_VP8, 8}, {KT_VIDEO_VP8, 12}, {KT_VIDEO_VP8, 16}};
    const Options o = parse_options(argc, argv);
    const size_t frame_bytes = (size_t)o.width * (size_t)o.height * 3 / 2;
    uint8_t *content = o.width < 16 || o.height < 16 ? NULL : malloc(frame_bytes * CONTENT_FRAMES);
    if (!content || o.frames < 1)
        require(KT_ERR_ARG, "size or frames");
    for (int n = 0; n < CONTENT_FRAMES; n++)
        draw(content + frame_bytes * (size_t)n, o.width, o.height, n);
    int count = 0;
    if (o.json)
        printf("{\"width\":%d,\"height\":%d,\"frames\":%d,\"threads\":%d,\"runs\":[", o.width,
               o.height, o.frames, o.threads);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if ((o.only >= 0 && (int)runs[i].codec != o.only) || (o.speed && runs[i].speed != o.speed))
            continue;
        const Result r = run(&o, content, runs[i].codec, runs[i].speed);
        print_result(&o, &r, count++ == 0);
    }
    if (o.json)
        printf("]}\n");
    free(content);
    return count > 0 ? 0 : 2;
}
