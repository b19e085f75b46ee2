/* What is left of a scene of tests/core/picture/picture_scene.h once it was encoded, as JSON:
 *
 *   bench_quality --scene NAME --codec vp9|vp8 [--size WxH] [--frames N] [--bitrate BPS]
 *                 [--speed N] [--encoder own|stock] [--content auto|screen|camera]
 *                 [--keyframe MS] [--from N, the first picture]
 *   bench_quality --scene NAME --size WxH --frames N --shown FILE
 *
 * The first encodes and decodes here, with our encoder or with libvpx's own settings (stock).
 * --content says what our encoder is tuned for: by itself what the scene is. The second compares
 * pictures that were decoded elsewhere: FILE (- for stdin) holds them as I420 without gaps, and the
 * numbers in them (picture_scene_draw_number) say which they are.
 *
 * Figures as in quality_judge.h, of luma. Encoded here also: share (bits of the bitrate), cpuMs (a
 * picture). Compared: first, last (what was judged, counted from 0), twice, missing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "picture_quality.h"
#include "quality_judge.h"
#include "stock_encoder.h"

typedef struct Options {
    const char *scene, *encoder, *content, *shown;
    KtVideoCodec codec;
    int width, height, frames, bitrate_bps, speed, keyframe_ms, from;
} Options;

static Options parse_options(int argc, char **argv)
{
    Options o = {.scene = "slides", .encoder = "own", .content = "auto"};
    o.width = 1280;
    o.height = 720;
    o.frames = 300;
    o.bitrate_bps = 2500000;
    o.keyframe_ms = 2000;
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
        else if (!strcmp(a, "--keyframe"))
            o.keyframe_ms = atoi(v);
        else if (!strcmp(a, "--from"))
            o.from = atoi(v);
        else if (!strcmp(a, "--encoder"))
            o.encoder = v;
        else if (!strcmp(a, "--content"))
            o.content = v;
        else if (!strcmp(a, "--shown"))
            o.shown = v;
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

/* ---- encoded here ---- */

typedef struct Encoder {
    const Options *options;
    KtVideoEncoder *own;
    StockEncoder *stock;
} Encoder;

static Encoder open_encoder(const Options *o, const PictureScene *scene)
{
    Encoder e = {.options = o};
    const KtVideoEncoderConfig c = {.codec = o->codec,
                                    .width = o->width,
                                    .height = o->height,
                                    .fps = JUDGE_FPS,
                                    .bitrate_bps = o->bitrate_bps,
                                    .keyframe_us = o->keyframe_ms * 1000,
                                    .speed = o->speed,
                                    .threads = 1,
                                    .matrix = KT_COLOR_BT709,
                                    .screen_content = !strcmp(o->content, "auto")
                                                          ? picture_scene_is_screen(scene)
                                                          : !strcmp(o->content, "screen")};
    if (!strcmp(o->encoder, "stock"))
        require((e.stock = stock_encoder_create(&c)) != NULL, "libvpx");
    else
        require(kt_video_encoder_create(&c, &e.own) == KT_OK, "encoder");
    return e;
}

static const uint8_t *encode(Encoder *e, int n, uint8_t *p, size_t *bytes)
{
    const int width = e->options->width, height = e->options->height;
    const size_t luma = (size_t)width * (size_t)height;
    const KtFrame f = {.format = KT_PIXEL_I420,
                       .matrix = KT_COLOR_BT709,
                       .width = width,
                       .height = height,
                       .plane = {p, p + luma, p + luma * 5 / 4},
                       .stride = {width, width / 2, width / 2},
                       .refs = 1};
    KtPacket packet;
    if (e->stock)
        return stock_encoder_encode(e->stock, n, p, bytes);
    require(kt_video_encoder_encode(e->own, &f, n * INT64_C(1000000) / JUDGE_FPS,
                                    1000000 / JUDGE_FPS, 0) == KT_OK &&
                kt_video_encoder_packet(e->own, &packet) == KT_OK,
            "encode");
    *bytes = packet.bytes;
    return packet.data;
}

static void encode_scene(const Options *o, PictureScene *scene, Judge *j, uint8_t *drawn)
{
    Encoder e = open_encoder(o, scene);
    PictureDecoder *d = picture_decoder_create(o->codec);
    double seconds = 0, bits = 0;
    require(d != NULL, "decoder");
    for (int n = o->from; n < o->from + o->frames; n++) {
        size_t bytes = 0;
        int stride = 0;
        picture_scene_draw(scene, n, drawn);
        picture_scene_draw_number(scene, n, drawn);
        const clock_t began = clock();
        const uint8_t *packet = encode(&e, n - o->from, drawn, &bytes);
        seconds += (double)(clock() - began) / CLOCKS_PER_SEC;
        require(packet != NULL, "a packet");
        bits += (double)bytes * 8;
        const uint8_t *shown =
            picture_decoder_decode(d, packet, bytes, o->width, o->height, &stride);
        require(shown != NULL, "decode");
        judge_picture(j, n, drawn, shown, stride);
    }
    kt_video_encoder_destroy(&e.own);
    stock_encoder_destroy(&e.stock);
    picture_decoder_destroy(&d);
    printf("{\"share\":%.4f,\"cpuMs\":%.2f,", bits * JUDGE_FPS / o->frames / o->bitrate_bps,
           seconds * 1000 / o->frames);
}

/* ---- decoded elsewhere ---- */

typedef struct Found {
    int first, last;    /* of the pictures of the file, from 0 */
    int twice, missing; /* between the first and the last picture of the scene */
    int number, n;      /* of the picture before: its number, which of the scene it was */
} Found;

/* Which picture of the scene it is: that of its number, or one of those that show the same. */
static int place(const PictureScene *scene, Found *f, int number)
{
    if (number != f->number) {
        if (f->number >= 0)
            for (int n = f->n + 1; n < number; n++)
                f->missing++;
        f->number = number;
        return number;
    }
    if (picture_scene_number(scene, f->n + 1) == number)
        return f->n + 1;
    f->twice++;
    return f->n;
}

static void compare(const Options *o, PictureScene *scene, Judge *j, uint8_t *drawn)
{
    FILE *in = !strcmp(o->shown, "-") ? stdin : fopen(o->shown, "rb");
    const size_t bytes = (size_t)o->width * (size_t)o->height * 3 / 2;
    uint8_t *shown = malloc(bytes);
    Found f = {.first = -1, .number = -1};
    require(in && shown, o->shown);
    for (int i = 0; fread(shown, 1, bytes, in) == bytes; i++) {
        const int number = picture_scene_read_number(shown, o->width, o->width, o->height);
        /* The source shows picture 0 until the take has begun, and its last one until it ends. */
        if (number == 0 && picture_scene_number(scene, 1) != 0)
            f.number = -1;
        else if (f.n >= o->frames - 1)
            continue;
        require(number < o->frames, "a picture that was never shown: its number");
        const int n = f.n = place(scene, &f, number);
        picture_scene_draw(scene, n, drawn);
        picture_scene_draw_number(scene, n, drawn);
        if (n == 0 && f.first >= 0)
            j->pictures = 0, judge_init(j, scene, o->width, o->height);
        if (n == 0 || f.first < 0)
            f.first = i;
        f.last = i;
        judge_picture(j, n, drawn, shown, o->width);
    }
    if (in != stdin)
        fclose(in);
    free(shown);
    printf("{\"first\":%d,\"last\":%d,\"twice\":%d,\"missing\":%d,", f.first, f.last, f.twice,
           f.missing);
}

int main(int argc, char **argv)
{
    const Options o = parse_options(argc, argv);
    PictureScene *scene = picture_scene_create(o.scene, o.width, o.height);
    uint8_t *drawn = malloc((size_t)o.width * (size_t)o.height * 3 / 2);
    Judge judge;
    require(scene && drawn && o.width >= 256 && o.frames >= 2 * JUDGE_FPS &&
                o.frames < KT_PICTURE_NUMBERS,
            "scene, or at least 60 frames");
    judge_init(&judge, scene, o.width, o.height);
    if (o.shown)
        compare(&o, scene, &judge, drawn);
    else
        encode_scene(&o, scene, &judge, drawn);
    judge_print(&judge);
    printf("}\n");
    picture_scene_destroy(&scene);
    free(drawn);
    return 0;
}
