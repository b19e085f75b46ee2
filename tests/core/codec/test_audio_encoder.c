/* Opus packets, checked by decoding them again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <opus/opus.h>

#include "alloc_fail.h"
#include "keeptake/audio_encoder.h"

#define PI 3.14159265358979323846
#define N KT_AUDIO_FRAME_SAMPLES
#define FRAMES 50

static const KtAudioEncoderConfig usual = {.bitrate_bps = 128000, .complexity = 5};

static float input[2 * FRAMES * N];
static float decoded[2 * FRAMES * N];

static KtAudioEncoder *create(const KtAudioEncoderConfig *config)
{
    KtAudioEncoder *e = NULL;
    assert_int_equal(kt_audio_encoder_create(config, &e), KT_OK);
    assert_non_null(e);
    return e;
}

static void fill_sine(double hz)
{
    for (int i = 0; i < FRAMES * N; i++)
        input[2 * i] = input[2 * i + 1] = (float)(0.5 * sin(2.0 * PI * hz * i / 48000.0));
}

/* Encodes and decodes all of input; checks every packet's fields. Returns the bytes made. */
static size_t round_trip(KtAudioEncoder *e)
{
    int error = 0;
    size_t bytes = 0;
    OpusDecoder *decoder = opus_decoder_create(48000, 2, &error);
    assert_non_null(decoder);
    for (int k = 0; k < FRAMES; k++) {
        KtPacket packet = {0};
        assert_int_equal(kt_audio_encoder_encode(e, input + 2 * N * k, &packet), KT_OK);
        assert_int_equal(packet.track, KT_TRACK_AUDIO);
        assert_int_equal(packet.pts_us, k * 20000);
        assert_int_equal(packet.duration_us, 20000);
        assert_true(packet.keyframe && packet.bytes > 0 && packet.bytes <= 1275);
        assert_int_equal(opus_packet_get_samples_per_frame(packet.data, 48000), N);
        assert_int_equal(opus_decode_float(decoder, packet.data, (opus_int32)packet.bytes,
                                           decoded + 2 * N * k, N, 0),
                         N);
        bytes += packet.bytes;
    }
    opus_decoder_destroy(decoder);
    return bytes;
}

static void test_head(void **state)
{
    uint8_t head[KT_OPUS_HEAD_BYTES + 1];
    KtAudioEncoder *e = create(&usual);
    int skip = kt_audio_encoder_pre_skip(e);
    (void)state;
    memset(head, 0xA5, sizeof(head));
    kt_audio_encoder_head(e, head);
    uint8_t want[KT_OPUS_HEAD_BYTES] = {'O', 'p', 'u', 's', 'H', 'e',  'a',
                                        'd', 1,   2,   0,   0,   0x80, 0xBB};
    want[10] = (uint8_t)(skip & 255);
    want[11] = (uint8_t)(skip >> 8);
    assert_memory_equal(head, want, sizeof(want));
    assert_int_equal(head[KT_OPUS_HEAD_BYTES], 0xA5);
    assert_int_equal(skip, 312); /* libopus 1.5: 6.5 ms */
    kt_audio_encoder_destroy(&e);
    assert_null(e);
    kt_audio_encoder_destroy(&e);
}

/* Correlation of decoded (pre-skip removed, moved by shift) with input. */
static double correlation(int skip, int shift)
{
    double sum = 0;
    for (int i = 4 * N; i < 40 * N; i++)
        sum += (double)input[2 * i] * (double)decoded[2 * (i + skip + shift)];
    return sum;
}

/* Noise has one place only where it matches itself. */
static void test_delay_is_exactly_the_pre_skip(void **state)
{
    static const KtAudioEncoderConfig configs[] = {{.bitrate_bps = 128000, .complexity = 10},
                                                   {.bitrate_bps = 64000, .complexity = 0}};
    uint32_t seed = 7;
    float low[2] = {0, 0};
    (void)state;
    for (int i = 0; i < 2 * FRAMES * N;
         i++) { /* noise below some 4 kHz, which is coded by waveform */
        seed = seed * 1664525u + 1013904223u;
        low[i & 1] += 0.4f * ((float)(int32_t)seed / 2147483648.0f * 0.5f - low[i & 1]);
        input[i] = low[i & 1];
    }
    for (size_t c = 0; c < 2; c++) {
        KtAudioEncoder *e = create(&configs[c]);
        round_trip(e);
        int skip = kt_audio_encoder_pre_skip(e), best = -200;
        for (int shift = -200; shift <= 200; shift++) {
            if (correlation(skip, shift) > correlation(skip, best))
                best = shift;
        }
        assert_int_equal(best, 0);
        kt_audio_encoder_destroy(&e);
    }
}

static void test_impulse_keeps_its_place(void **state)
{
    KtAudioEncoder *e = create(&usual);
    int best = 0, skip = kt_audio_encoder_pre_skip(e);
    (void)state;
    memset(input, 0, sizeof(input));
    input[2 * 20000] = input[2 * 20000 + 1] = 0.9f;
    round_trip(e);
    for (int i = 0; i < FRAMES * N; i++) {
        if (fabsf(decoded[2 * i]) > fabsf(decoded[2 * best]))
            best = i;
    }
    assert_in_range(best - skip, 19999, 20001);
    kt_audio_encoder_destroy(&e);
}

static void test_sine_survives(void **state)
{
    KtAudioEncoder *e = create(&usual);
    double signal = 0, noise = 0;
    (void)state;
    fill_sine(440);
    round_trip(e);
    int skip = kt_audio_encoder_pre_skip(e);
    for (int i = 4 * N; i < 40 * N; i++) {
        double off = (double)decoded[2 * (i + skip)] - (double)input[2 * i];
        signal += (double)input[2 * i] * (double)input[2 * i];
        noise += off * off;
    }
    assert_true(10 * log10(signal / noise) > 25.0);
    kt_audio_encoder_destroy(&e);
}

static void test_bitrate_is_kept(void **state)
{
    static const int rates[] = {24000, 64000, 128000, 256000};
    uint32_t seed = 3;
    (void)state;
    for (int i = 0; i < 2 * FRAMES * N; i++) {
        seed = seed * 1664525u + 1013904223u;
        input[i] = (float)(int32_t)seed / 2147483648.0f * 0.3f;
    }
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        KtAudioEncoderConfig config = {.bitrate_bps = rates[i], .complexity = 5};
        KtAudioEncoder *e = create(&config);
        double bps = (double)round_trip(e) * 8.0 / (FRAMES * 0.02);
        assert_true(bps > rates[i] * 0.8 && bps < rates[i] * 1.2);
        kt_audio_encoder_destroy(&e);
    }
}

/* Another take: the same input gives the same bytes from the start, and nothing is allocated. */
static void test_restart(void **state)
{
    static uint8_t first[5][1500];
    size_t bytes[5];
    KtAudioEncoder *e = create(&usual);
    KtPacket packet;
    (void)state;
    fill_sine(440);
    for (int k = 0; k < 5; k++) {
        assert_int_equal(kt_audio_encoder_encode(e, input + 2 * N * k, &packet), KT_OK);
        bytes[k] = packet.bytes;
        memcpy(first[k], packet.data, packet.bytes);
    }
    fill_sine(3000);
    for (int k = 0; k < 20; k++)
        assert_int_equal(kt_audio_encoder_encode(e, input + 2 * N * k, &packet), KT_OK);
    fill_sine(440);
    long before = kt_alloc_count();
    assert_int_equal(kt_audio_encoder_restart(e), KT_OK);
    assert_int_equal(kt_audio_encoder_pre_skip(e), 312);
    for (int k = 0; k < 5; k++) {
        assert_int_equal(kt_audio_encoder_encode(e, input + 2 * N * k, &packet), KT_OK);
        assert_int_equal(packet.pts_us, k * 20000);
        assert_int_equal(packet.bytes, bytes[k]);
        assert_memory_equal(packet.data, first[k], bytes[k]);
    }
    assert_int_equal(kt_alloc_count(), before);
    kt_audio_encoder_destroy(&e);
}

static void test_bad_input(void **state)
{
    static const KtAudioEncoderConfig bad[] = {{.bitrate_bps = 5999, .complexity = 5},
                                               {.bitrate_bps = 510001, .complexity = 5},
                                               {.bitrate_bps = 0, .complexity = 5},
                                               {.bitrate_bps = 64000, .complexity = -1},
                                               {.bitrate_bps = 64000, .complexity = 11}};
    KtAudioEncoder *e = NULL;
    KtPacket packet;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(kt_audio_encoder_create(&bad[i], &e), KT_ERR_ARG);
        assert_null(e);
    }
    assert_int_equal(kt_audio_encoder_create(NULL, &e), KT_ERR_ARG);
    e = create(&usual);
    assert_int_equal(kt_audio_encoder_encode(e, NULL, &packet), KT_ERR_ARG);
    fill_sine(440);
    assert_int_equal(kt_audio_encoder_encode(e, input, NULL), KT_ERR_ARG);
    input[1919] = NAN;
    assert_int_equal(kt_audio_encoder_encode(e, input, &packet), KT_ERR_ARG);
    input[1919] = -INFINITY;
    assert_int_equal(kt_audio_encoder_encode(e, input, &packet), KT_ERR_ARG);
    input[1919] = 3e38f; /* far too loud is still a number */
    assert_int_equal(kt_audio_encoder_encode(e, input, &packet), KT_OK);
    assert_int_equal(packet.pts_us, 0); /* the refused blocks took no time */
    kt_audio_encoder_destroy(&e);
}

static int attempt(void *context)
{
    KtAudioEncoder *e = NULL;
    KtPacket packet;
    (void)context;
    KtStatus status = kt_audio_encoder_create(&usual, &e);
    if (status == KT_OK)
        status = kt_audio_encoder_encode(e, input, &packet);
    kt_audio_encoder_destroy(&e);
    return status == KT_OK;
}

static void test_allocation_failure(void **state)
{
    (void)state;
    fill_sine(440);
    assert_int_equal(kt_alloc_each(attempt, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_delay_is_exactly_the_pre_skip),
        cmocka_unit_test(test_impulse_keeps_its_place),
        cmocka_unit_test(test_sine_survives),
        cmocka_unit_test(test_bitrate_is_kept),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
