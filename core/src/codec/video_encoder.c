/* VP9 and VP8 through libvpx: the one file that knows its configuration, units and errors.
 *
 * Everything that reaches the bitstream depends on the configuration and the frames alone, never on
 * the number of threads or on measured time, so that every build writes the same bytes. */
#include "keeptake/video_encoder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "picture_change.h"

#define MIN_BITRATE_BPS 50000
#define MAX_BITRATE_BPS 50000000
#define MAX_THREADS 16
#define MAX_FPS 60
/* libvpx refuses more for VP8 (14 bits a side). */
#define MAX_SIDE KT_FRAME_MAX_SIDE
/* A keyframe is no worse than the pictures before it, nor need it be better than this quantizer of
 * libvpx's 0..63: text is clear at it, and a finer one is left to the pictures that follow. */
#define KEYFRAME_QUANTIZER 8
/* Quantizers of pictures count 1/8 each in their mean, which has this many steps to one. */
#define QUANTIZER_STEPS 16
/* What is drawn, all new at once: by bits of a second to each pixel, from many to few. */
#define DRAWN_QUANTIZER_2 2
#define DRAWN_QUANTIZER_1 5
/* What was filmed, all new at once: no finer than the first, as its detail has no end, and where
 * the pictures before were finer, no coarser than the second. */
#define FILMED_QUANTIZER 8
#define FILMED_MOST 28
/* Pictures from a new one on for which drawn ones are coded as those of screens are. */
#define DRAWN_PICTURES 15
/* What was overspent is saved again: beyond the first span, each step of the second one takes 1/16
 * off the bitrate, up to so many. VP9's rate control has no memory of its own. */
#define VP9_FREE_DEBT_US 0
#define VP9_DEBT_STEP_US 100000
#define VP8_FREE_DEBT_US 500000
#define VP8_DEBT_STEP_US 200000
#define MAX_SAVING 7
/* A VP9 keyframe may take this share of a picture's bits, percent. */
#define VP9_INTRA_PCT 900
/* In debt beyond the span, two pictures in a row that cost this many times their bits run away (one
 * alone may: golden ones do). The next one is coarser by so many quantizers for each doubling, and
 * those after it by so many less each. */
#define RUNAWAY_DEBT_US 1000000
#define RUNAWAY_RATIO 4
#define RUNAWAY_STEP 4
#define RUNAWAY_FALL 2
/* Beyond this much, what is bounded gets coarser by a quantizer for each step of the second. */
#define MAX_DEBT_US 2000000
#define COARSER_US 100000
/* A frame shown longer than this must not buy the next one a whole burst of bits. */
#define MAX_DURATION_US 1000000
/* Take times beyond it would leave libvpx's 100 ns clock: 10,000 days. */
#define MAX_PTS_US INT64_C(864000000000000)

struct KtVideoEncoder {
    /* Fixed at creation. */
    KtVideoEncoderConfig config; /* size, speed and bitrate follow resize and tune */

    /* Changes while running. */
    vpx_codec_enc_cfg_t vpx_config;
    vpx_codec_ctx_t codec;
    int codec_live;
    vpx_image_t image; /* planes are set for each frame */
    int64_t last_pts_us;
    int64_t last_keyframe_us; /* of the last keyframe that came out; -1: none yet */
    int64_t clock_us;         /* of this codec instance: where its next frame begins */
    int quantizer_mean; /* of the pictures between keyframes, in QUANTIZER_STEPS; -1: none yet */
    KtPictureWatch watch;
    int drawn_left;    /* pictures that are still tuned for screens */
    int is_bounded;    /* the codec's quantizers are those of one picture */
    int saving;        /* sixteenths that are taken off the bitrate */
    int costly;        /* pictures in a row that ran away */
    int floor;         /* least quantizer of the next picture; 0: the codec's own */
    int64_t debt_bits; /* spent beyond the bitrate; what was saved does not count */
    KtPacket packet;
    int packet_waits;
};

static KtStatus status_of(vpx_codec_err_t error)
{
    switch (error) {
    case VPX_CODEC_OK:
        return KT_OK;
    case VPX_CODEC_MEM_ERROR:
        return KT_ERR_MEMORY;
    default:
        return KT_ERR_CODEC;
    }
}

static int speed_is_valid(KtVideoCodec codec, int speed)
{
    return codec == KT_VIDEO_VP9 ? speed >= 5 && speed <= 9 : speed >= 4 && speed <= 16;
}

static int bitrate_is_valid(int bitrate_bps)
{
    return bitrate_bps >= MIN_BITRATE_BPS && bitrate_bps <= MAX_BITRATE_BPS;
}

static int size_is_valid(int width, int height)
{
    return width >= 2 && height >= 2 && width <= MAX_SIDE && height <= MAX_SIDE &&
           (width & 1) == 0 && (height & 1) == 0;
}

static int config_is_valid(const KtVideoEncoderConfig *c)
{
    return (c->codec == KT_VIDEO_VP9 || c->codec == KT_VIDEO_VP8) &&
           size_is_valid(c->width, c->height) && c->fps >= 1 && c->fps <= MAX_FPS &&
           bitrate_is_valid(c->bitrate_bps) && c->keyframe_us > 0 &&
           speed_is_valid(c->codec, c->speed) && c->threads >= 1 && c->threads <= MAX_THREADS &&
           (c->matrix == KT_COLOR_BT601 || c->matrix == KT_COLOR_BT709);
}

static vpx_codec_iface_t *interface_of(KtVideoCodec codec)
{
    return codec == KT_VIDEO_VP9 ? vpx_codec_vp9_cx() : vpx_codec_vp8_cx();
}

/* libvpx wants VP8 speeds as negative numbers: positive ones follow the machine's own pace. */
static int cpu_used(const KtVideoEncoderConfig *c)
{
    return c->codec == KT_VIDEO_VP9 ? c->speed : -c->speed;
}

/* A keyframe may take this share of a frame's bits, percent; VP8: half the optimal buffer. */
static unsigned max_intra_pct(const KtVideoEncoderConfig *c, const vpx_codec_enc_cfg_t *v)
{
    if (c->codec == KT_VIDEO_VP9)
        return VP9_INTRA_PCT;
    const unsigned pct = v->rc_buf_optimal_sz / 2 * (unsigned)c->fps / 10;
    return pct < 300 ? 300 : pct;
}

/* Tiles and partitions follow the width alone: more threads must not change the bytes. */
static int tile_columns_log2(int width)
{
    return width >= 1280 ? 2 : width >= 640 ? 1 : 0;
}

static KtStatus fill_vpx_config(const KtVideoEncoderConfig *c, vpx_codec_enc_cfg_t *v)
{
    const vpx_codec_err_t error = vpx_codec_enc_config_default(interface_of(c->codec), v, 0);
    if (error != VPX_CODEC_OK)
        return status_of(error);
    v->g_w = (unsigned)c->width;
    v->g_h = (unsigned)c->height;
    v->g_timebase.num = 1;
    v->g_timebase.den = 1000000;
    /* VP8's threads wait for each other by spinning: on a machine whose cores are busy that was 5
     * frames/s where one thread made 55, and their bytes differ. */
    v->g_threads = c->codec == KT_VIDEO_VP9 ? (unsigned)c->threads : 1;
    v->g_pass = VPX_RC_ONE_PASS;
    v->g_lag_in_frames = 0;
    v->g_error_resilient = 0;
    v->kf_mode = VPX_KF_DISABLED;
    /* VP9's constant bitrate takes short cuts that cost a camera's picture its detail; its variable
     * one knows no buffer, and is held to the bitrate here. */
    v->rc_end_usage = c->codec == KT_VIDEO_VP9 ? VPX_VBR : VPX_CBR;
    v->rc_target_bitrate = (unsigned)(c->bitrate_bps / 1000);
    v->rc_dropframe_thresh = 0;
    v->rc_resize_allowed = 0;
    v->rc_min_quantizer = 2;
    v->rc_max_quantizer = 56;
    v->rc_undershoot_pct = 50;
    v->rc_overshoot_pct = 50;
    /* VP8's buffers are those of a recording, milliseconds: a call must not lag, a file may have
     * its bits where the picture changes. What is full at the start is what a take of seconds may
     * exceed its bitrate by. */
    v->rc_buf_sz = 4000;
    v->rc_buf_initial_sz = 2500;
    v->rc_buf_optimal_sz = 2500;
    return KT_OK;
}

static vpx_codec_err_t set_vp9_controls(vpx_codec_ctx_t *x, const KtVideoEncoderConfig *c)
{
    const int space = c->matrix == KT_COLOR_BT709 ? VPX_CS_BT_709 : VPX_CS_BT_601;
    vpx_codec_err_t e = VPX_CODEC_OK;
    /* Row threads learn from other rows than one thread does; tile threads give its very bytes at
     * the same speed. */
    e = e ? e : vpx_codec_control(x, VP9E_SET_ROW_MT, 0);
    e = e ? e : vpx_codec_control(x, VP9E_SET_TILE_COLUMNS, tile_columns_log2(c->width));
    e = e ? e : vpx_codec_control(x, VP9E_SET_TILE_ROWS, 0);
    e = e ? e : vpx_codec_control(x, VP9E_SET_AQ_MODE, 0);
    e = e ? e : vpx_codec_control(x, VP9E_SET_FRAME_PARALLEL_DECODING, 0);
    e = e ? e : vpx_codec_control(x, VP9E_SET_COLOR_SPACE, space);
    e = e ? e : vpx_codec_control(x, VP9E_SET_COLOR_RANGE, VPX_CR_STUDIO_RANGE);
    return e ? e : vpx_codec_control(x, VP9E_SET_NOISE_SENSITIVITY, 0);
}

/* Tunes for screens or for cameras, also while running. */
static vpx_codec_err_t set_content(vpx_codec_ctx_t *x, KtVideoCodec codec, int screen)
{
    if (codec == KT_VIDEO_VP9)
        return vpx_codec_control(x, VP9E_SET_TUNE_CONTENT,
                                 screen ? VP9E_CONTENT_SCREEN : VP9E_CONTENT_DEFAULT);
    const vpx_codec_err_t e = vpx_codec_control(x, VP8E_SET_SCREEN_CONTENT_MODE, screen ? 1u : 0u);
    return e ? e : vpx_codec_control(x, VP8E_SET_STATIC_THRESHOLD, screen ? 100u : 1u);
}

static vpx_codec_err_t set_vp8_controls(vpx_codec_ctx_t *x, const KtVideoEncoderConfig *c)
{
    const int partitions = c->width >= 640 ? VP8_FOUR_TOKENPARTITION : VP8_ONE_TOKENPARTITION;
    vpx_codec_err_t e = VPX_CODEC_OK;
    e = e ? e : vpx_codec_control(x, VP8E_SET_TOKEN_PARTITIONS, partitions);
    e = e ? e : vpx_codec_control(x, VP8E_SET_NOISE_SENSITIVITY, 0);
    return e;
}

static KtStatus open_codec(const KtVideoEncoderConfig *c, vpx_codec_enc_cfg_t *v,
                           vpx_codec_ctx_t *x)
{
    const KtStatus status = fill_vpx_config(c, v);
    if (status != KT_OK)
        return status;
    memset(x, 0, sizeof *x);
    vpx_codec_err_t e = vpx_codec_enc_init(x, interface_of(c->codec), v, 0);
    if (e != VPX_CODEC_OK)
        goto fail;
    e = vpx_codec_control(x, VP8E_SET_CPUUSED, cpu_used(c));
    e = e ? e : vpx_codec_control(x, VP8E_SET_STATIC_THRESHOLD, 1u);
    e = e ? e : vpx_codec_control(x, VP8E_SET_MAX_INTRA_BITRATE_PCT, max_intra_pct(c, v));
    e = e ? e : c->codec == KT_VIDEO_VP9 ? set_vp9_controls(x, c) : set_vp8_controls(x, c);
    e = e ? e : set_content(x, c->codec, c->screen_content);
    if (e == VPX_CODEC_OK)
        return KT_OK;
fail:
    vpx_codec_destroy(x);
    return status_of(e);
}

static void use_codec(KtVideoEncoder *e, const vpx_codec_ctx_t *codec,
                      const vpx_codec_enc_cfg_t *config)
{
    e->codec = *codec;
    e->vpx_config = *config;
    e->codec_live = 1;
    e->last_keyframe_us = -1;
    e->clock_us = 0;
    e->quantizer_mean = -1;
    e->debt_bits = 0;
    e->is_bounded = e->drawn_left = e->saving = e->costly = e->floor = 0;
    e->packet_waits = 0;
    memset(&e->image, 0, sizeof e->image);
    e->image.fmt = VPX_IMG_FMT_I420;
    e->image.cs = e->config.matrix == KT_COLOR_BT709 ? VPX_CS_BT_709 : VPX_CS_BT_601;
    e->image.range = VPX_CR_STUDIO_RANGE;
    e->image.w = e->image.d_w = (unsigned)e->config.width;
    e->image.h = e->image.d_h = (unsigned)e->config.height;
    e->image.bit_depth = 8;
    e->image.x_chroma_shift = e->image.y_chroma_shift = 1;
    e->image.bps = 12;
}

KtStatus kt_video_encoder_create(const KtVideoEncoderConfig *config, KtVideoEncoder **out)
{
    if (!config || !out || !config_is_valid(config))
        return KT_ERR_ARG;
    vpx_codec_ctx_t codec;
    vpx_codec_enc_cfg_t vpx_config;
    KtVideoEncoder *e = calloc(1, sizeof *e);
    if (!e)
        return KT_ERR_MEMORY;
    e->config = *config;
    e->last_pts_us = -1;
    KtStatus status = kt__picture_watch_init(&e->watch, config->width, config->height);
    if (status == KT_OK)
        status = open_codec(config, &vpx_config, &codec);
    if (status != KT_OK) {
        kt_video_encoder_destroy(&e);
        return status;
    }
    use_codec(e, &codec, &vpx_config);
    *out = e;
    return KT_OK;
}

void kt_video_encoder_destroy(KtVideoEncoder **encoder)
{
    if (!encoder || !*encoder)
        return;
    if ((*encoder)->codec_live)
        vpx_codec_destroy(&(*encoder)->codec);
    kt__picture_watch_reset(&(*encoder)->watch);
    free(*encoder);
    *encoder = NULL;
}

KtVideoCodec kt_video_encoder_codec(const KtVideoEncoder *e)
{
    return e->config.codec;
}

static int frame_fits(const KtVideoEncoder *e, const KtFrame *f)
{
    return f->format == KT_PIXEL_I420 && f->width == e->config.width &&
           f->height == e->config.height && f->plane[0] && f->plane[1] && f->plane[2] &&
           f->stride[0] >= f->width && f->stride[1] >= f->width / 2 && f->stride[2] >= f->width / 2;
}

/* Takes what the codec has made of the frame just given: one packet, or none. */
static KtStatus collect_packet(KtVideoEncoder *e, int64_t pts_us, int64_t duration_us)
{
    vpx_codec_iter_t iter = NULL;
    const vpx_codec_cx_pkt_t *p;
    while ((p = vpx_codec_get_cx_data(&e->codec, &iter)) != NULL) {
        if (p->kind != VPX_CODEC_CX_FRAME_PKT || p->data.frame.sz == 0)
            continue;
        if (e->packet_waits)
            return KT_ERR_CODEC; /* two packets for one frame: not with a lag of 0 */
        e->packet.track = KT_TRACK_VIDEO;
        e->packet.data = p->data.frame.buf;
        e->packet.bytes = p->data.frame.sz;
        e->packet.pts_us = pts_us;
        e->packet.duration_us = duration_us;
        e->packet.keyframe = (p->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
        e->packet_waits = 1;
        if (e->packet.keyframe)
            e->last_keyframe_us = pts_us;
    }
    return KT_OK;
}

static int64_t debt_us(const KtVideoEncoder *e)
{
    return e->debt_bits * 1000000 / e->config.bitrate_bps;
}

/* The quantizers of the next picture alone: coarser than the last one only in great debt. */
static vpx_codec_err_t bound_picture(KtVideoEncoder *e, int least, int most)
{
    vpx_codec_enc_cfg_t bounded = e->vpx_config;
    if (debt_us(e) > MAX_DEBT_US)
        most += (int)((debt_us(e) - MAX_DEBT_US) / COARSER_US);
    if (least > (int)bounded.rc_min_quantizer)
        bounded.rc_min_quantizer = (unsigned)least;
    if (most < (int)bounded.rc_max_quantizer)
        bounded.rc_max_quantizer = (unsigned)(most > least ? most : least);
    e->is_bounded = 1;
    return vpx_codec_enc_config_set(&e->codec, &bounded);
}

static int drawn_quantizer(const KtVideoEncoderConfig *c)
{
    const int64_t pixels = (int64_t)c->width * c->height;
    if (c->bitrate_bps >= 2 * pixels)
        return DRAWN_QUANTIZER_2;
    return c->bitrate_bps >= pixels ? DRAWN_QUANTIZER_1 : KEYFRAME_QUANTIZER;
}

static int mean_quantizer(const KtVideoEncoder *e)
{
    return e->quantizer_mean < 0 ? 0 : e->quantizer_mean / QUANTIZER_STEPS;
}

/* libvpx gives a keyframe few pictures' bits, at which a page of text falls to 26 dB each time. For
 * the keyframe alone its coarsest quantizer is bounded: by what text needs, else by what the
 * pictures before it had. It looks like them, and the debt takes what that costs. VP9 begins with
 * text as with a slide, as nothing refines it later; and as its keyframes are no coarser than twice
 * the one before, the first one after a standstill is bounded from below where there is debt. */
static vpx_codec_err_t bound_keyframe(KtVideoEncoder *e)
{
    const int is_drawn = kt__picture_watch_is_drawn(&e->watch);
    const int mean = mean_quantizer(e), is_vp9 = e->config.codec == KT_VIDEO_VP9;
    if (is_vp9 && is_drawn)
        return bound_picture(e, 0, drawn_quantizer(&e->config));
    if (e->quantizer_mean < 0)
        return VPX_CODEC_OK;
    return bound_picture(e, is_vp9 && debt_us(e) > RUNAWAY_DEBT_US ? mean * 3 / 4 : 0,
                         is_drawn || mean < KEYFRAME_QUANTIZER ? KEYFRAME_QUANTIZER : mean);
}

/* A picture that is all new stays as it comes for as long as it stands: a slide. */
static vpx_codec_err_t bound_new(KtVideoEncoder *e, int key, int is_drawn)
{
    const int before = mean_quantizer(e), most = key ? FILMED_QUANTIZER : FILMED_MOST;
    if (!is_drawn)
        return bound_picture(e, FILMED_QUANTIZER, before > most ? before : most);
    e->drawn_left = DRAWN_PICTURES + 1;
    const vpx_codec_err_t error = set_content(&e->codec, e->config.codec, 1);
    return error ? error : bound_picture(e, 0, drawn_quantizer(&e->config));
}

/* Watches the picture and bounds its quantizers; *key becomes 1 where it is to be a keyframe. */
static vpx_codec_err_t bound_quantizers(KtVideoEncoder *e, const KtFrame *frame, int *key)
{
    const int is_new = kt__picture_watch(&e->watch, frame->plane[0], frame->stride[0]);
    const int is_drawn = is_new && kt__picture_watch_is_drawn(&e->watch);
    if (e->drawn_left > 0 && --e->drawn_left == 0) {
        const vpx_codec_err_t error =
            set_content(&e->codec, e->config.codec, e->config.screen_content);
        if (error != VPX_CODEC_OK)
            return error;
    }
    /* Tuned for screens, VP8 lowers its quantizer by some steps a picture, whatever the bounds are;
     * a keyframe's is free, and where all is new it is no larger. */
    if (is_drawn && e->config.codec == KT_VIDEO_VP8)
        *key = 1;
    if (is_new)
        return bound_new(e, *key, is_drawn);
    return *key       ? bound_keyframe(e)
           : e->floor ? bound_picture(e, e->floor, (int)e->vpx_config.rc_max_quantizer)
                      : VPX_CODEC_OK;
}

/* Sets the codec's bitrate: that of the configuration, less what is saved. */
static vpx_codec_err_t set_bitrate(KtVideoEncoder *e, int bitrate_bps, int saving)
{
    vpx_codec_enc_cfg_t changed = e->vpx_config;
    changed.rc_target_bitrate = (unsigned)(bitrate_bps / 1000 * (16 - saving) / 16);
    const vpx_codec_err_t error = vpx_codec_enc_config_set(&e->codec, &changed);
    if (error != VPX_CODEC_OK)
        return error;
    e->vpx_config = changed;
    e->config.bitrate_bps = bitrate_bps;
    e->saving = saving;
    e->is_bounded = 0;
    return VPX_CODEC_OK;
}

/* What a frame lasts for libvpx: as long as the one before it was shown. libvpx takes the rate of
 * frames from where one ends and the next one does, at once where that differs from what the last
 * one was said to last, else in the course of a second. Said to last a thirtieth each, frames after
 * a hole of three therefore had four times their bits for a second: takes of a busy machine had up
 * to 1.4 times their bitrate, and then saved at the next change. */
static int64_t span_of(int64_t elapsed_us)
{
    return elapsed_us < MAX_DURATION_US ? elapsed_us : MAX_DURATION_US;
}

static void note_bits(KtVideoEncoder *e, int64_t elapsed_us)
{
    if (e->packet_waits)
        e->debt_bits += (int64_t)e->packet.bytes * 8;
    e->debt_bits -= (int64_t)e->config.bitrate_bps * span_of(elapsed_us) / 1000000;
    if (e->debt_bits < 0)
        e->debt_bits = 0;
}

static int wanted_saving(const KtVideoEncoder *e)
{
    const int is_vp9 = e->config.codec == KT_VIDEO_VP9;
    const int64_t beyond = debt_us(e) - (is_vp9 ? VP9_FREE_DEBT_US : VP8_FREE_DEBT_US);
    const int64_t steps = beyond / (is_vp9 ? VP9_DEBT_STEP_US : VP8_DEBT_STEP_US);
    return steps < 0 ? 0 : steps > MAX_SAVING ? MAX_SAVING : (int)steps;
}

/* From a standstill VP9's rate control lets its quantizer grow by an eighth a picture, however many
 * bits each of them costs: a camera that woke had four times its bitrate for seconds. */
static void note_cost(KtVideoEncoder *e, int quantizer, int64_t elapsed_us)
{
    const int is_filmed_new = e->watch.since_new == 0 && e->drawn_left == 0;
    const int64_t bits = (int64_t)e->packet.bytes * 8;
    const int64_t share = (int64_t)e->config.bitrate_bps * span_of(elapsed_us) / 1000000;
    int64_t most = RUNAWAY_RATIO * share;
    e->costly = bits > most ? e->costly + 1 : 0;
    e->floor = e->floor > RUNAWAY_FALL ? e->floor - RUNAWAY_FALL : 0;
    if (most == 0 || e->costly == 0 ||
        (!is_filmed_new && (e->costly < 2 || debt_us(e) < RUNAWAY_DEBT_US)))
        return;
    for (e->floor = quantizer; bits > most; most *= 2)
        e->floor += RUNAWAY_STEP;
    if (e->floor > (int)e->vpx_config.rc_max_quantizer)
        e->floor = (int)e->vpx_config.rc_max_quantizer;
}

/* Learns from the frame just encoded. */
static vpx_codec_err_t note_frame(KtVideoEncoder *e, int64_t elapsed_us)
{
    int quantizer = 0;
    const int key = e->packet_waits && e->packet.keyframe, was_new = e->watch.since_new == 0;
    vpx_codec_err_t error = vpx_codec_control(&e->codec, VP8E_GET_LAST_QUANTIZER_64, &quantizer);
    note_bits(e, elapsed_us);
    if (error == VPX_CODEC_OK && (e->is_bounded || wanted_saving(e) != e->saving))
        error = set_bitrate(e, e->config.bitrate_bps, wanted_saving(e));
    if (error == VPX_CODEC_OK && e->config.codec == KT_VIDEO_VP9 && e->packet_waits &&
        (!key || was_new))
        note_cost(e, quantizer, elapsed_us);
    if (error != VPX_CODEC_OK || key || was_new)
        return error;
    if (e->quantizer_mean < 0)
        e->quantizer_mean = quantizer * QUANTIZER_STEPS;
    else
        e->quantizer_mean += (quantizer * QUANTIZER_STEPS - e->quantizer_mean) / 8;
    return VPX_CODEC_OK;
}

KtStatus kt_video_encoder_encode(KtVideoEncoder *e, const KtFrame *frame, int64_t pts_us,
                                 int64_t duration_us, int force_keyframe)
{
    if (!e || !frame || !frame_fits(e, frame) || pts_us < 0 || pts_us > MAX_PTS_US ||
        duration_us <= 0)
        return KT_ERR_ARG;
    if (pts_us <= e->last_pts_us)
        return KT_ERR_ORDER;
    assert(e->codec_live);
    for (int i = 0; i < 3; i++) {
        e->image.planes[i] = frame->plane[i];
        e->image.stride[i] = frame->stride[i];
    }
    int key = force_keyframe || e->last_keyframe_us < 0 ||
              pts_us - e->last_keyframe_us >= e->config.keyframe_us;
    const int64_t elapsed_us = e->last_pts_us < 0 ? 0 : pts_us - e->last_pts_us;
    const int64_t span_us = span_of(elapsed_us > 0 ? elapsed_us : duration_us);
    e->packet_waits = 0;
    e->last_pts_us = pts_us;
    vpx_codec_err_t error = bound_quantizers(e, frame, &key);
    if (error == VPX_CODEC_OK)
        error = vpx_codec_encode(&e->codec, &e->image, e->clock_us, (unsigned long)span_us,
                                 key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
    if (error != VPX_CODEC_OK)
        return status_of(error);
    e->clock_us += span_us;
    const KtStatus status = collect_packet(e, pts_us, duration_us);
    return status == KT_OK ? status_of(note_frame(e, elapsed_us)) : status;
}

KtStatus kt_video_encoder_packet(KtVideoEncoder *e, KtPacket *out)
{
    if (!e || !out)
        return KT_ERR_ARG;
    if (!e->packet_waits)
        return KT_AGAIN;
    *out = e->packet;
    e->packet_waits = 0;
    return KT_OK;
}

KtStatus kt_video_encoder_tune(KtVideoEncoder *e, int speed, int bitrate_bps)
{
    if (!e || (speed != 0 && !speed_is_valid(e->config.codec, speed)) ||
        (bitrate_bps != 0 && !bitrate_is_valid(bitrate_bps)))
        return KT_ERR_ARG;
    if (bitrate_bps != 0 && bitrate_bps != e->config.bitrate_bps) {
        const vpx_codec_err_t error = set_bitrate(e, bitrate_bps, e->saving);
        if (error != VPX_CODEC_OK)
            return status_of(error);
    }
    if (speed != 0 && speed != e->config.speed) {
        KtVideoEncoderConfig changed = e->config;
        changed.speed = speed;
        const vpx_codec_err_t error =
            vpx_codec_control(&e->codec, VP8E_SET_CPUUSED, cpu_used(&changed));
        if (error != VPX_CODEC_OK)
            return status_of(error);
        e->config = changed;
    }
    return KT_OK;
}

KtStatus kt_video_encoder_set_screen(KtVideoEncoder *e, int screen)
{
    if (!e)
        return KT_ERR_ARG;
    if (!screen == !e->config.screen_content)
        return KT_OK;
    const vpx_codec_err_t error = set_content(&e->codec, e->config.codec, screen);
    if (error != VPX_CODEC_OK)
        return status_of(error);
    e->config.screen_content = screen != 0;
    e->drawn_left = 0;
    return KT_OK;
}

/* A new codec instance rather than libvpx's own resize: what follows depends on nothing before it,
 * and any size is allowed. The old one lives until the new one works. */
KtStatus kt_video_encoder_resize(KtVideoEncoder *e, int width, int height)
{
    if (!e || !size_is_valid(width, height))
        return KT_ERR_ARG;
    if (width == e->config.width && height == e->config.height)
        return KT_OK;
    KtVideoEncoderConfig changed = e->config;
    changed.width = width;
    changed.height = height;
    vpx_codec_ctx_t codec;
    vpx_codec_enc_cfg_t vpx_config;
    KtPictureWatch watch;
    KtStatus status = kt__picture_watch_init(&watch, width, height);
    if (status != KT_OK)
        return status;
    status = open_codec(&changed, &vpx_config, &codec);
    if (status != KT_OK) {
        kt__picture_watch_reset(&watch);
        return status;
    }
    kt__picture_watch_reset(&e->watch);
    e->watch = watch;
    vpx_codec_destroy(&e->codec);
    e->config = changed;
    use_codec(e, &codec, &vpx_config);
    return KT_OK;
}
