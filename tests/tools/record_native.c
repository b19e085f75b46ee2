/* Records make-believe people natively, through the whole recorder, into a take file.
 *
 *   record_native --out take.webm [--seconds 10] [--sources 3] [--codec vp9|vp8] [--size 1280x720]
 *                 [--fps 30] [--bitrate 2500000] [--speed N] [--threads N] [--pause-at S]
 *                 [--timeline FILE] [--scene FILE]
 *
 * Takes no longer than encoding does: the clock is simulated. Every source moves; the first one
 * flashes white and beeps for 0.2 s in every second. The layout changes halfway. --pause-at: a
 * pause of 2 s at that take time. Prints a summary as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keeptake/recorder.h"
#include "keeptake/scene.h"

#define SECOND INT64_C(1000000)
#define WALL INT64_C(1767225600000000)
#define BLOCK 960

typedef struct Options {
    const char *out, *timeline, *scene;
    double seconds, pause_at;
    int sources;
} Options;

typedef struct Run {
    Options o;
    KtRecorderConfig config;
    KtRecorder *r;
    FILE *file;
    int64_t now_us, heard_us;
    long chunks;
    int64_t bytes;
} Run;

static void check(const char *what, int status)
{
    if (status >= 0)
        return;
    fprintf(stderr, "record_native: %s: %s\n", what, kt_status_text(status));
    exit(1);
}

static void usage(void)
{
    fprintf(stderr,
            "usage: record_native --out FILE [--seconds N] [--sources 0..16] [--codec vp9|vp8] "
            "[--size WxH] [--fps N] [--bitrate BPS] [--speed N] [--threads N] "
            "[--pause-at S] [--timeline FILE] [--scene FILE]\n");
    exit(2);
}

static void parse_option(Run *run, const char *name, const char *value)
{
    if (strcmp(name, "--out") == 0)
        run->o.out = value;
    else if (strcmp(name, "--seconds") == 0)
        run->o.seconds = atof(value);
    else if (strcmp(name, "--sources") == 0)
        run->o.sources = atoi(value);
    else if (strcmp(name, "--codec") == 0)
        run->config.codec = strcmp(value, "vp8") == 0 ? KT_VIDEO_VP8 : KT_VIDEO_VP9;
    else if (strcmp(name, "--fps") == 0)
        run->config.fps = atoi(value);
    else if (strcmp(name, "--bitrate") == 0)
        run->config.video_bitrate_bps = atoi(value);
    else if (strcmp(name, "--speed") == 0)
        run->config.speed = atoi(value);
    else if (strcmp(name, "--threads") == 0)
        run->config.threads = atoi(value);
    else if (strcmp(name, "--pause-at") == 0)
        run->o.pause_at = atof(value);
    else if (strcmp(name, "--timeline") == 0)
        run->o.timeline = value;
    else if (strcmp(name, "--scene") == 0)
        run->o.scene = value;
    else if (strcmp(name, "--size") != 0 ||
             sscanf(value, "%dx%d", &run->config.width, &run->config.height) != 2)
        usage();
}

static void parse_options(Run *run, int argc, char **argv)
{
    run->o.seconds = 10;
    run->o.sources = 3;
    run->o.pause_at = -1;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc)
            usage();
        parse_option(run, argv[i], argv[i + 1]);
    }
    if (!run->o.out || run->o.sources < 0 || run->o.sources > KT_MAX_SOURCES ||
        !(run->o.seconds > 0 && run->o.seconds <= 86400))
        usage();
}

static int flashes(int64_t us)
{
    return us % SECOND < SECOND / 5;
}

/* A gradient that moves, in a colour of each source's own. */
static void draw(KtFrame *f, int source, int64_t us)
{
    int shift = (int)(us / 20000), white = source == 0 && flashes(us);
    for (int y = 0; y < f->height; y++) {
        uint8_t *row = f->plane[0] + y * f->stride[0];
        for (int x = 0; x < f->width; x++)
            row[x] = (uint8_t)(white ? 235 : 40 + ((x + y + shift * (source + 1)) & 127));
    }
    for (int y = 0; y < (f->height + 1) / 2; y++) {
        memset(f->plane[1] + y * f->stride[1], white ? 128 : 90 + source * 37 % 90,
               (size_t)(f->width + 1) / 2);
        memset(f->plane[2] + y * f->stride[2], white ? 128 : 170 - source * 53 % 90,
               (size_t)(f->width + 1) / 2);
    }
}

static void show(Run *run)
{
    for (int i = 0; i < run->o.sources; i++) {
        KtFrame *frame = NULL;
        check("frame", kt_recorder_acquire_frame(run->r, KT_PIXEL_I420, 640, 360, &frame));
        frame->matrix = KT_COLOR_BT709;
        frame->full_range = 0;
        draw(frame, i, run->now_us);
        check("picture", kt_recorder_push_frame(run->r, i, frame, run->now_us));
    }
}

static void say(Run *run)
{
    float pcm[BLOCK];
    const float *planes[1] = {pcm};
    for (; run->heard_us + 20000 <= run->now_us; run->heard_us += 20000)
        for (int i = 0; i < run->o.sources; i++) {
            for (int k = 0; k < BLOCK; k++) {
                int64_t at_us = run->heard_us + k * SECOND / 48000;
                double turns = (double)(at_us % SECOND) / 1e6 * (i ? 220 * (i + 1) : 1000);
                double loud = i ? 0.02 : flashes(at_us) ? 0.5 : 0;
                pcm[k] = (float)(loud * sin(turns * 6.283185307179586));
            }
            check("sound",
                  kt_recorder_push_audio(run->r, i, run->heard_us, 48000, 1, planes, BLOCK));
        }
}

static void drain(Run *run)
{
    KtChunk chunk;
    while (kt_recorder_peek_chunk(run->r, &chunk) == KT_OK) {
        if (fseek(run->file, (long)chunk.offset, SEEK_SET) != 0 ||
            fwrite(chunk.data, 1, chunk.bytes, run->file) != chunk.bytes) {
            perror("record_native");
            exit(1);
        }
        run->chunks++;
        if (chunk.kind != KT_CHUNK_PATCH)
            run->bytes = chunk.offset + (int64_t)chunk.bytes;
        check("chunk", kt_recorder_pop_chunk(run->r));
    }
}

static void step(Run *run, int64_t step_us)
{
    show(run);
    say(run);
    check("tick", kt_recorder_tick(run->r, run->now_us, WALL + run->now_us, 0));
    drain(run);
    run->now_us += step_us;
}

/* Records until take time take_us exactly. */
static void run_until(Run *run, int64_t take_us)
{
    const KtSession *session = kt_recorder_session(run->r);
    int64_t left_us;
    while ((left_us = take_us - kt_session_take_us(session, run->now_us)) > 0) {
        int64_t step_us = SECOND / run->config.fps;
        step(run, step_us < left_us ? step_us : left_us);
    }
}

static void wait_for(Run *run, int64_t span_us)
{
    for (int64_t end_us = run->now_us + span_us; run->now_us < end_us;)
        step(run, SECOND / run->config.fps);
}

static void compose(Run *run, const char *layout)
{
    char json[1024], error[256];
    int used = snprintf(json, sizeof json, "{\"layout\":\"%s\",\"sources\":[", layout);
    for (int i = 0; i < run->o.sources; i++)
        used += snprintf(json + used, sizeof json - (size_t)used, "%s{\"id\":\"s%d\"}",
                         i ? "," : "", i);
    snprintf(json + used, sizeof json - (size_t)used, "]}");
    check("composition", kt_recorder_set_composition(run->r, json, strlen(json), run->now_us,
                                                     WALL + run->now_us, error, sizeof error));
}

static void record(Run *run)
{
    int64_t length_us = (int64_t)(run->o.seconds * 1e6);
    int64_t pause_us = (int64_t)(run->o.pause_at * 1e6);
    for (int i = 0; i < run->o.sources; i++) {
        char id[16];
        snprintf(id, sizeof id, "s%d", i);
        check("source", kt_recorder_add_source(run->r, id, id, 1, 1, 0, WALL));
    }
    compose(run, "grid");
    show(run);
    check("start", kt_recorder_start(run->r, run->now_us, WALL + run->now_us, 0));
    if (pause_us >= 0 && pause_us < length_us) {
        run_until(run, pause_us);
        check("pause", kt_recorder_pause(run->r, run->now_us, WALL + run->now_us));
        wait_for(run, 2 * SECOND);
        check("resume", kt_recorder_resume(run->r, run->now_us, WALL + run->now_us));
    }
    run_until(run, length_us / 2);
    compose(run, "spotlight");
    run_until(run, length_us);
    check("stop", kt_recorder_stop(run->r, run->now_us, WALL + run->now_us));
    drain(run);
    check("stopped", kt_recorder_stopped(run->r, run->now_us));
}

static void write_text(const char *path, KtStatus status, char *text, size_t bytes)
{
    check(path, status);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text, 1, bytes, file) != bytes || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    kt_text_free(text);
}

static void write_texts(Run *run)
{
    char *text = NULL;
    size_t bytes = 0;
    const KtTimeline *timeline = kt_recorder_timeline(run->r);
    if (run->o.timeline) {
        KtStatus status = kt_timeline_json(timeline, &text, &bytes);
        write_text(run->o.timeline, status, text, bytes);
    }
    if (run->o.scene) {
        KtStatus status = kt_scene_json(timeline, &text, &bytes, NULL, 0);
        write_text(run->o.scene, status, text, bytes);
    }
}

static double seconds_now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    Run run;
    KtRecorderStats stats;
    memset(&run, 0, sizeof run);
    kt_recorder_config_init(&run.config);
    run.config.limits.max_fps = 60;
    run.config.governor = 0;
    parse_options(&run, argc, argv);
    check("configuration", kt_recorder_create(&run.config, &run.r));
    run.file = fopen(run.o.out, "wb");
    if (!run.file) {
        perror(run.o.out);
        return 1;
    }
    double before = seconds_now();
    record(&run);
    double spent = seconds_now() - before;
    if (fclose(run.file) != 0) {
        perror(run.o.out);
        return 1;
    }
    write_texts(&run);
    kt_recorder_stats(run.r, run.now_us, &stats);
    printf("{\"seconds\":%.6f,\"bytes\":%lld,\"chunks\":%ld,\"frames\":%lld,\"dropped\":%lld,"
           "\"spent\":%.3f}\n",
           (double)stats.take_us / 1e6, (long long)run.bytes, run.chunks, (long long)stats.frames,
           (long long)stats.frames_dropped, spent);
    kt_recorder_destroy(&run.r);
    return 0;
}
