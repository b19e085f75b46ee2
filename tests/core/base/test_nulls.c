/* The rule of status.h for pointers that are NULL, in every module: what creates refuses them, what
 * destroys takes them, and the handle becomes NULL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "keeptake/audio_encoder.h"
#include "keeptake/compositor.h"
#include "keeptake/journal.h"
#include "keeptake/mixer.h"
#include "keeptake/recorder.h"
#include "keeptake/take.h"
#include "keeptake/take_store.h"
#include "keeptake/timeline.h"
#include "keeptake/uploader.h"
#include "keeptake/webm_reader.h"
#include "keeptake/webm_writer.h"

/* X(type, module, how one is made into out, how not: without a configuration) */
#define NOTHING(out) KT_ERR_ARG /* there is no configuration to leave out */
#define MODULES(X)                                                                                 \
    X(KtFramePool, frame_pool, kt_frame_pool_create(1, out), NOTHING(out))                         \
    X(KtCompositor, compositor, make_compositor(out), kt_compositor_create(NULL, out))             \
    X(KtMixer, mixer, kt_mixer_create(out), NOTHING(out))                                          \
    X(KtAudioEncoder, audio_encoder, make_audio_encoder(out), kt_audio_encoder_create(NULL, out))  \
    X(KtVideoEncoder, video_encoder, make_video_encoder(out), kt_video_encoder_create(NULL, out))  \
    X(KtWebmWriter, webm_writer, make_webm_writer(out), kt_webm_writer_create(NULL, out))          \
    X(KtFileWriter, file_writer, make_file_writer(out),                                            \
      kt_file_writer_create(&kt_webm_format, NULL, out))                                           \
    X(KtWebmReader, webm_reader, kt_webm_reader_create(out), NOTHING(out))                         \
    X(KtTimeline, timeline, kt_timeline_create(16, 16, out), NOTHING(out))                         \
    X(KtTake, take, make_take(out), kt_take_create(NULL, out))                                     \
    X(KtRecorder, recorder, make_recorder(out), kt_recorder_create(NULL, out))                     \
    X(KtJournal, journal, make_journal(out), kt_journal_create(NULL, out))                         \
    X(KtJournalReader, journal_reader, kt_journal_reader_create(take_id, out),                     \
      kt_journal_reader_create(NULL, out))                                                         \
    X(KtUploader, uploader, make_uploader(out), kt_uploader_create(NULL, out))                     \
    X(KtTakeStore, take_store, kt_take_store_create(0, out), NOTHING(out))

static const uint8_t take_id[KT_JOURNAL_TAKE_ID_BYTES] = "nulls";
static const KtFileConfig picture_file = {.has_video = 1,
                                          .video = {.codec_id = KT_CODEC_ID_VP8},
                                          .width = 16,
                                          .height = 16,
                                          .max_cluster_us = 250000};

static KtStatus make_compositor(KtCompositor **out)
{
    const KtCompositorConfig config = {.width = 16, .height = 16, .matrix = KT_COLOR_BT709};
    return kt_compositor_create(&config, out);
}

static KtStatus make_audio_encoder(KtAudioEncoder **out)
{
    const KtAudioEncoderConfig config = {.bitrate_bps = 64000, .complexity = 1};
    return kt_audio_encoder_create(&config, out);
}

static KtStatus make_video_encoder(KtVideoEncoder **out)
{
    const KtVideoEncoderConfig config = {.codec = KT_VIDEO_VP8,
                                         .width = 16,
                                         .height = 16,
                                         .fps = 10,
                                         .bitrate_bps = 100000,
                                         .keyframe_us = 1000000,
                                         .speed = 16,
                                         .threads = 1};
    return kt_video_encoder_create(&config, out);
}

static KtStatus make_webm_writer(KtWebmWriter **out)
{
    return kt_webm_writer_create(&picture_file, out);
}

static KtStatus make_file_writer(KtFileWriter **out)
{
    return kt_file_writer_create(&kt_webm_format, &picture_file, out);
}

static KtStatus make_take(KtTake **out)
{
    KtTakeConfig config;
    kt_take_config_init(&config);
    config.file = picture_file;
    config.audio_bitrate_bps = 0;
    return kt_take_create(&config, out);
}

static KtStatus make_recorder(KtRecorder **out)
{
    KtRecorderConfig config;
    kt_recorder_config_init(&config);
    config.width = config.height = 16;
    return kt_recorder_create(&config, out);
}

static KtStatus make_journal(KtJournal **out)
{
    const KtJournalConfig config = {.part_bytes = 1};
    return kt_journal_create(&config, out);
}

static KtStatus make_uploader(KtUploader **out)
{
    const KtUploaderConfig config = {.part_bytes = 65536,
                                     .max_inflight = 1,
                                     .sign_timeout_us = 1,
                                     .stall_timeout_us = 1,
                                     .retry_base_us = 1,
                                     .retry_max_us = 1};
    return kt_uploader_create(&config, out);
}

#define TEST_MODULE(type, module, made, unmade)                                                    \
    static KtStatus module##_into(type **out)                                                      \
    {                                                                                              \
        return made;                                                                               \
    }                                                                                              \
    static KtStatus module##_of_nothing(type **out)                                                \
    {                                                                                              \
        (void)out;                                                                                 \
        return unmade;                                                                             \
    }                                                                                              \
    static void module##_follows_the_rule(void **state)                                            \
    {                                                                                              \
        (void)state;                                                                               \
        type *one = NULL;                                                                          \
        kt_##module##_destroy(NULL);                                                               \
        kt_##module##_destroy(&one);                                                               \
        assert_null(one);                                                                          \
        assert_int_equal(module##_into(NULL), KT_ERR_ARG);                                         \
        assert_int_equal(module##_of_nothing(&one), KT_ERR_ARG);                                   \
        assert_null(one);                                                                          \
        assert_int_equal(module##_into(&one), KT_OK);                                              \
        assert_non_null(one);                                                                      \
        kt_##module##_destroy(&one);                                                               \
        assert_null(one);                                                                          \
        kt_##module##_destroy(&one);                                                               \
    }
MODULES(TEST_MODULE)

static void what_lives_in_the_callers_memory(void **state)
{
    (void)state;
    KtLimits limits;
    KtSession session;
    kt_limits_init(&limits);
    assert_int_equal(kt_session_init(NULL, &limits, KT_SESSION_SETUP), KT_ERR_ARG);
    assert_int_equal(kt_session_init(&session, NULL, KT_SESSION_SETUP), KT_ERR_ARG);
    kt_recorder_config_init(NULL);
    kt_take_config_init(NULL);
    kt_frame_unref(NULL);
    KtFrame *frame = NULL;
    kt_frame_unref(&frame);
    KtVideoPort port = {.calls = NULL};
    kt_video_port_destroy(&port);
    kt_text_free(NULL);
}

int main(void)
{
#define LIST_MODULE(type, module, made, unmade) cmocka_unit_test(module##_follows_the_rule),
    const struct CMUnitTest tests[] = {MODULES(LIST_MODULE)
                                           cmocka_unit_test(what_lives_in_the_callers_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
