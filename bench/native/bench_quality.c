/* What the encoder leaves of a scene of tests/core/picture_scene.h, as JSON:
 *
 *   bench_quality --scene NAME --codec vp9|vp8 [--size WxH] [--frames N] [--bitrate BPS] [--speed
 * N]
 *
 * Luma of the scene's area: PSNR 0, 1, 3, 7 and 14 pictures after a change (mean of the changes;
 * -1: there is none), the least after a change, mean, the worst second; SSIM of each fifth picture;
 * bits of the bitrate; CPU time of encoding, milliseconds a picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "picture_quality.h"
#include "picture_scene.h"

#define FPS 30
#define STEPS 5
#define SSIM_EVERY 5

static const int steps[STEPS] = {0, 1, 3, 7, 14};

typedef struct Options {
    const char *scene;
    KtVideoCodec codec;
    int width, height, frames, bitrate_bps, speed;
} Options;

typedef struct Sums {
    double at[STEPS], least_after, total, second, worst_second, ssim, cpu_seconds, bits;
    int at_count[STEPS], ssim_count;
} Sums;

static Options parse_options(int argc, char **argv)
{
    Options o = {.scene = "slides", .width = 1280, .height = 720, .frames = 300};
    o.bitrate_bps = 2500000;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(a, "--json"))
            continue;
        i++;
        if (!strcmp(a, "--scene"))
            o.scene = v;
        else if (!strcmp(a, "--codec"))
            o.codec = !strcmp(v, "vp8") ? KT_VIDEO_VP8 : KT_VIDEO_VP9;
        else if (!strcmp(a, "--size"))
            sscanf(v, "%dx%d", &o.width, &o.height);
        else if (!strcmp(a, "--frames"))
            o.frames = atoi(v);
        else if (!strcmp(a, "--bitrate"))
            o.bitrate_bps = atoi(v);
        else if (!strcmp(a, "--speed"))
            o.speed = atoi(v);
        else {
            fprintf(stderr, "bench_quality: unknown option %s\n", a);
            exit(2);
        }
    }
    if (o.speed == 0)
        o.speed = o.codec == KT_VIDEO_VP9 ? 8 : 12;
    return o;
}

static void require(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench_quality: %s failed\n", what);
    exit(1);
}

static void note(Sums *s, const PictureScene *scene, int n, double psnr)
{
    const int since = picture_scene_since_change(scene, n);
    s->total += psnr;
    s->second += psnr / FPS;
    if (n % FPS == FPS - 1) {
        if (n >= FPS && s->second < s->worst_second)
            s->worst_second = s->second;
        s->second = 0;
    }
    if (since >= 0 && psnr < s->least_after)
        s->least_after = psnr;
    for (int i = 0; i < STEPS; i++) {
        if (since != steps[i])
            continue;
        s->at[i] += psnr;
        s->at_count[i]++;
    }
}

static Sums run(const Options *o, PictureScene *scene)
{
    Sums s = {.least_after = 100, .worst_second = 100};
    const size_t luma = (size_t)o->width * (size_t)o->height;
    const PictureArea area = picture_scene_area(scene);
    const KtVideoEncoderConfig c = {.codec = o->codec,
                                    .width = o->width,
                                    .height = o->height,
                                    .fps = FPS,
                                    .bitrate_bps = o->bitrate_bps,
                                    .keyframe_us = 2000000,
                                    .speed = o->speed,
                                    .threads = 1,
                                    .matrix = KT_COLOR_BT709,
                                    .screen_content = picture_scene_is_screen(scene)};
    KtVideoEncoder *e = NULL;
    PictureDecoder *d = picture_decoder_create(o->codec);
    uint8_t *p = malloc(luma * 3 / 2);
    require(p && d && kt_video_encoder_create(&c, &e) == KT_OK, "create");
    for (int n = 0; n < o->frames; n++) {
        picture_scene_draw(scene, n, p);
        const KtFrame f = {.format = KT_PIXEL_I420,
                           .matrix = KT_COLOR_BT709,
                           .width = o->width,
                           .height = o->height,
                           .plane = {p, p + luma, p + luma * 5 / 4},
                           .stride = {o->width, o->width / 2, o->width / 2},
                           .refs = 1};
        KtPacket packet;
        int stride = 0;
        const clock_t began = clock();
        require(kt_video_encoder_encode(e, &f, n * INT64_C(1000000) / FPS, 1000000 / FPS, 0) ==
                    KT_OK,
                "encode");
        s.cpu_seconds += (double)(clock() - began) / CLOCKS_PER_SEC;
        require(kt_video_encoder_packet(e, &packet) == KT_OK, "packet");
        s.bits += (double)packet.bytes * 8;
        const uint8_t *shown =
            picture_decoder_decode(d, packet.data, packet.bytes, o->width, o->height, &stride);
        require(shown != NULL, "decode");
        note(&s, scene, n, picture_psnr(p, o->width, shown, stride, area));
        if (n % SSIM_EVERY == 0) {
            s.ssim += picture_ssim(p, o->width, shown, stride, area);
            s.ssim_count++;
        }
    }
    kt_video_encoder_destroy(&e);
    picture_decoder_destroy(&d);
    free(p);
    return s;
}

int main(int argc, char **argv)
{
    const Options o = parse_options(argc, argv);
    PictureScene *scene = picture_scene_create(o.scene, o.width, o.height);
    require(scene && o.frames >= 2 * FPS, "scene, or at least 60 frames");
    const Sums s = run(&o, scene);
    printf("{\"scene\":\"%s\",\"after\":[", o.scene);
    for (int i = 0; i < STEPS; i++)
        printf("%s%.2f", i ? "," : "", s.at_count[i] ? s.at[i] / s.at_count[i] : -1);
    printf("],\"leastAfter\":%.2f,\"mean\":%.2f,\"worstSecond\":%.2f,\"ssim\":%.4f,"
           "\"share\":%.4f,\"cpuMs\":%.2f}\n",
           s.at_count[0] ? s.least_after : -1, s.total / o.frames, s.worst_second,
           s.ssim / s.ssim_count, s.bits * FPS / o.frames / o.bitrate_bps,
           s.cpu_seconds * 1000 / o.frames);
    picture_scene_destroy(&scene);
    return 0;
}
