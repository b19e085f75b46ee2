/* What an Opus packet says of its own length, beside what libopus says of the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <opus/opus.h>

#include "keeptake/audio_encoder.h"
#include "keeptake/opus_packet.h"

static int64_t libopus_us(const uint8_t *data, int bytes)
{
    const int samples = opus_packet_get_nb_samples(data, bytes, 48000);
    return samples > 0 ? (int64_t)samples * 1000 / 48 : KT_ERR_FORMAT;
}

/* Every first byte, with every count of frames. */
static void every_table_of_contents(void **state)
{
    (void)state;
    int right = 0, wrong = 0;
    for (int toc = 0; toc < 256; toc++) {
        for (int count = 0; count < 256; count++) {
            const uint8_t data[4] = {(uint8_t)toc, (uint8_t)count, 0, 0};
            const int64_t us = kt_opus_packet_us(data, sizeof data);
            assert_int_equal(us, libopus_us(data, sizeof data));
            right += us > 0;
            wrong += us < 0;
            assert_true(us == KT_ERR_FORMAT || (us >= 2500 && us <= 120000));
        }
    }
    assert_true(right > 0 && wrong > 0);
}

static void packets_that_are_cut_off(void **state)
{
    (void)state;
    const uint8_t many[1] = {3}, one[1] = {0};
    assert_int_equal(kt_opus_packet_us(many, 1), KT_ERR_FORMAT);
    assert_int_equal(kt_opus_packet_us(one, 1), 10000);
    assert_int_equal(kt_opus_packet_us(one, 0), KT_ERR_FORMAT);
    assert_int_equal(kt_opus_packet_us(NULL, 5), KT_ERR_ARG);
}

static void the_encoders_own_packets_and_head(void **state)
{
    (void)state;
    static const float pcm[2 * KT_AUDIO_FRAME_SAMPLES];
    const KtAudioEncoderConfig config = {.bitrate_bps = 64000, .complexity = 5};
    KtAudioEncoder *e = NULL;
    KtPacket packet;
    uint8_t its[KT_OPUS_HEAD_BYTES], ours[KT_OPUS_HEAD_BYTES];
    assert_int_equal(kt_audio_encoder_create(&config, &e), KT_OK);
    assert_int_equal(kt_audio_encoder_encode(e, pcm, &packet), KT_OK);
    assert_int_equal(kt_opus_packet_us(packet.data, packet.bytes), packet.duration_us);
    kt_audio_encoder_head(e, its);
    assert_int_equal(kt_opus_head(2, kt_audio_encoder_pre_skip(e), 48000, ours), KT_OK);
    assert_memory_equal(its, ours, sizeof its);
    kt_audio_encoder_destroy(&e);
    assert_int_equal(kt_opus_head(3, 0, 48000, ours), KT_ERR_ARG);
    assert_int_equal(kt_opus_head(1, 65536, 48000, ours), KT_ERR_ARG);
    assert_int_equal(kt_opus_head(1, 0, -1, ours), KT_ERR_ARG);
    assert_int_equal(kt_opus_head(1, 0, 48000, NULL), KT_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_of_contents),
        cmocka_unit_test(packets_that_are_cut_off),
        cmocka_unit_test(the_encoders_own_packets_and_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
