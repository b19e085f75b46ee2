/* What the mixer costs: share of one core in real time, by kind and number of sources.
 *
 *   bench_mixer [--seconds N] [--json]
 *
 * Blocks of 10 ms are pushed and read as the recorder does. "exact" is 48 kHz sound whose
 * timestamps agree with it, which passes unfiltered; "drift" is a clock 300 ppm off with jitter,
 * which does not. The same source is built native and as Wasm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keeptake/audio_encoder.h"
#include "keeptake/mixer.h"

#define MAX_BLOCK 1920 /* 10 ms at 192 kHz */
#define PI 3.14159265358979323846

typedef struct Case {
    const char *name;
    int sources, rate_hz, channels, drift;
    float level;
} Case;

static const Case cases[] = {
    {"exact 48k stereo", 1, 48000, 2, 0, 0.05f},    {"exact 48k stereo", 16, 48000, 2, 0, 0.05f},
    {"drift 48k mono", 16, 48000, 1, 1, 0.05f},     {"drift 48k stereo", 16, 48000, 2, 1, 0.05f},
    {"drift 44.1k stereo", 16, 44100, 2, 1, 0.05f}, {"drift 96k stereo", 4, 96000, 2, 1, 0.05f},
    {"limited 48k stereo", 4, 48000, 2, 0, 0.6f},
};
#define CASES ((int)(sizeof(cases) / sizeof(cases[0])))

/* Processor time: others on the machine do not count. */
static double now_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_mixer: %s\n", what);
    exit(1);
}

/* Runs a case for seconds of sound; returns the seconds it took. */
static double run_case(const Case *c, int seconds)
{
    static float tone[2 * MAX_BLOCK], out[2 * 480];
    const float *pcm[2] = {tone, c->channels > 1 ? tone + MAX_BLOCK : tone};
    KtMixer *m = NULL;
    int block = c->rate_hz / 100;
    unsigned seed = 1;
    for (int i = 0; i < block; i++)
        tone[i] = tone[MAX_BLOCK + i] = (float)(c->level * sin(2.0 * PI * i / block * 5));
    if (kt_mixer_create(&m) != KT_OK)
        die("out of memory");
    for (int i = 0; i < c->sources; i++)
        kt_mixer_add_source(m);
    double start = now_s();
    for (int k = 0; k < 100 * seconds; k++) {
        double us = k * 10000.0 * (c->drift ? 1.0003 : 1.0);
        for (int i = 0; i < c->sources; i++) {
            seed = seed * 1664525u + 1013904223u;
            int64_t jitter_us = c->drift ? (int64_t)(seed >> 8) % 20000 - 10000 : 0;
            if (kt_mixer_push(m, i, (int64_t)us + jitter_us, c->rate_hz, c->channels, pcm, block))
                die("push failed");
        }
        if (k >= 12 && kt_mixer_read(m, out, 480) != KT_OK)
            die("read failed");
    }
    double took = now_s() - start;
    kt_mixer_destroy(&m);
    return took;
}

static double run_opus(int seconds)
{
    static float pcm[2 * KT_AUDIO_FRAME_SAMPLES];
    KtAudioEncoderConfig config = {.bitrate_bps = 128000, .complexity = 5};
    KtAudioEncoder *e = NULL;
    KtPacket packet;
    unsigned seed = 1;
    if (kt_audio_encoder_create(&config, &e) != KT_OK)
        die("no encoder");
    double start = now_s();
    for (int k = 0; k < 50 * seconds; k++) {
        for (int i = 0; i < 2 * KT_AUDIO_FRAME_SAMPLES; i++) {
            seed = seed * 1664525u + 1013904223u;
            pcm[i] =
                0.3f * (float)sin(0.01 * (i / 2 + (k % 7) * 100)) + (float)(seed >> 16) * 1e-6f;
        }
        if (kt_audio_encoder_encode(e, pcm, &packet) != KT_OK)
            die("encode failed");
    }
    double took = now_s() - start;
    kt_audio_encoder_destroy(&e);
    return took;
}

static void report(int json, const char *name, int sources, double percent, int last)
{
    if (json)
        printf("  {\"name\": \"%s\", \"sources\": %d, \"core_percent\": %.4f}%s\n", name, sources,
               percent, last ? "" : ",");
    else
        printf("%-22s %7d %10.3f %%\n", name, sources, percent);
}

int main(int argc, char **argv)
{
    int seconds = 60, json = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            json = 1;
        else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
            seconds = atoi(argv[++i]);
    }
    if (seconds < 1 || seconds > 3600)
        die("--seconds is 1..3600");
    if (json)
        printf("{\"seconds\": %d, \"rows\": [\n", seconds);
    else
        printf("%-22s %7s %12s\n", "mixer", "sources", "of one core");
    for (int i = 0; i < CASES; i++) {
        double took = run_case(&cases[i], seconds);
        report(json, cases[i].name, cases[i].sources, 100.0 * took / seconds, 0);
    }
    report(json, "opus 128k stereo", 1, 100.0 * run_opus(seconds) / seconds, 1);
    if (json)
        puts("]}");
    return 0;
}
