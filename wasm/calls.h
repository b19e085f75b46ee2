/* Every call that JavaScript makes into the engine. bindings*.c define them, and do not compile
 * where a definition differs from this list or is not in it; generate_contract.c prints the list as
 * TypeScript, names and all, so that the package does not compile either where it calls something
 * else.
 *
 *   F(result, name, P(type, parameter), ...)   declares   result ktw_name(type parameter, ...)
 *
 * Numbers cross as int and double, 64-bit ones as double. A pointer to one of the engine's objects
 * is a type of its own in TypeScript, every other pointer is a plain address. What a call means,
 * and who owns what, stands beside its definition. */
#ifndef KEEPTAKE_WASM_CALLS_H
#define KEEPTAKE_WASM_CALLS_H

#include <stdint.h>

#include "keeptake/journal.h"
#include "keeptake/recorder.h"
#include "keeptake/take_store.h"
#include "keeptake/uploader.h"

#define KTW_MEMORY_CALLS(F)                                                                        \
    F(void *, malloc, P(int, bytes))                                                               \
    F(void, free, P(void *, memory))

#define KTW_RECORDER_CALLS(F)                                                                      \
    F(int, recorder_create, P(int, width), P(int, height), P(int, fps), P(int, codec),             \
      P(int, video_bitrate_bps), P(int, audio_bitrate_bps), P(double, keyframe_us), P(int, speed), \
      P(int, threads), P(int, governor), P(double, max_length_us), P(int, max_fps),                \
      P(double, audio_lead_us))                                                                    \
    F(void, recorder_destroy, P(KtRecorder *, r))                                                  \
    F(int, recorder_add_source, P(KtRecorder *, r), P(const char *, id), P(const char *, name),    \
      P(int, has_video), P(int, has_audio), P(double, now_us), P(double, wall_us))                 \
    F(int, recorder_remove_source, P(KtRecorder *, r), P(int, handle), P(double, now_us),          \
      P(double, wall_us))                                                                          \
    F(int, recorder_acquire_frame, P(KtRecorder *, r), P(int, format), P(int, width),              \
      P(int, height), P(int, matrix), P(int, full_range), P(double *, out))                        \
    F(int, recorder_push_frame, P(KtRecorder *, r), P(int, handle), P(KtFrame *, frame),           \
      P(double, now_us))                                                                           \
    F(int, recorder_keep_picture, P(KtRecorder *, r), P(int, handle), P(double, now_us))           \
    F(int, recorder_set_screen, P(KtRecorder *, r), P(int, handle), P(int, screen))                \
    F(void, drop_frame, P(KtFrame *, frame))                                                       \
    F(int, recorder_push_audio, P(KtRecorder *, r), P(int, handle), P(double, pts_us),             \
      P(int, rate_hz), P(int, channels), P(const float *, pcm), P(int, frames))                    \
    F(int, recorder_set_gain, P(KtRecorder *, r), P(int, handle), P(double, gain))                 \
    F(int, recorder_set_muted, P(KtRecorder *, r), P(int, handle), P(int, audio), P(int, video),   \
      P(double, now_us), P(double, wall_us))                                                       \
    F(int, recorder_set_composition, P(KtRecorder *, r), P(const char *, json),                    \
      P(int, json_bytes), P(double, now_us), P(double, wall_us), P(char *, error),                 \
      P(int, error_bytes))                                                                         \
    F(int, recorder_set_image, P(KtRecorder *, r), P(const char *, id), P(const uint8_t *, rgba),  \
      P(int, width), P(int, height))                                                               \
    F(int, recorder_remove_image, P(KtRecorder *, r), P(const char *, id))                         \
    F(int, recorder_mark, P(KtRecorder *, r), P(const char *, data_json), P(double, now_us),       \
      P(double, wall_us))                                                                          \
    F(int, recorder_show_sprite, P(KtRecorder *, r), P(const char *, id), P(int, kind),            \
      P(const char *, source_id), P(const char *, text), P(const uint8_t *, rgba), P(int, width),  \
      P(int, height), P(double, now_us), P(double, wall_us))                                       \
    F(int, recorder_hide_sprite, P(KtRecorder *, r), P(const char *, id), P(double, now_us),       \
      P(double, wall_us))                                                                          \
    F(int, recorder_placed, P(KtRecorder *, r), P(double, now_us), P(double *, out))               \
    F(int, recorder_warm_up, P(KtRecorder *, r), P(int, last))                                     \
    F(int, recorder_start, P(KtRecorder *, r), P(double, now_us), P(double, wall_us),              \
      P(double, countdown_us))                                                                     \
    F(int, recorder_cancel, P(KtRecorder *, r), P(double, now_us))                                 \
    F(int, recorder_pause, P(KtRecorder *, r), P(double, now_us), P(double, wall_us))              \
    F(int, recorder_resume, P(KtRecorder *, r), P(double, now_us), P(double, wall_us))             \
    F(int, recorder_stop, P(KtRecorder *, r), P(double, now_us), P(double, wall_us))               \
    F(int, recorder_stopped, P(KtRecorder *, r), P(double, now_us))                                \
    F(int, recorder_restart, P(KtRecorder *, r), P(double, now_us), P(double, wall_us))            \
    F(int, recorder_fail, P(KtRecorder *, r), P(double, now_us), P(double, wall_us), P(int, why))  \
    F(int, recorder_reset, P(KtRecorder *, r), P(double, now_us))                                  \
    F(int, recorder_tick, P(KtRecorder *, r), P(double, now_us), P(double, wall_us),               \
      P(double, busy_us))                                                                          \
    F(double, recorder_next_us, P(KtRecorder *, r), P(double, now_us))                             \
    F(int, recorder_canvas, P(KtRecorder *, r), P(double *, out))                                  \
    F(int, recorder_peek_chunk, P(KtRecorder *, r), P(double *, out))                              \
    F(int, recorder_pop_chunk, P(KtRecorder *, r))                                                 \
    F(int, recorder_flush, P(KtRecorder *, r))                                                     \
    F(void, recorder_session, P(KtRecorder *, r), P(double, now_us), P(double *, out))             \
    F(void, recorder_stats, P(KtRecorder *, r), P(double, now_us), P(double *, out))               \
    F(int, recorder_timeline, P(KtRecorder *, r), P(int, compressed), P(double *, out))            \
    F(int, recorder_scene, P(KtRecorder *, r), P(double *, out))

#define KTW_UPLOADER_CALLS(F)                                                                      \
    F(double, upload_part_bytes, P(double, max_length_us), P(double, total_bps))                   \
    F(int, uploader_create, P(double, part_bytes), P(int, max_inflight), P(double, first_tail_us), \
      P(double, sign_timeout_us), P(double, stall_timeout_us), P(double, retry_base_us),           \
      P(double, retry_max_us), P(double, seed))                                                    \
    F(void, uploader_destroy, P(KtUploader *, u))                                                  \
    F(int, uploader_append, P(KtUploader *, u), P(double, now_us), P(double, bytes))               \
    F(int, uploader_finish, P(KtUploader *, u), P(double, now_us))                                 \
    F(int, uploader_abort, P(KtUploader *, u), P(double, now_us))                                  \
    F(int, uploader_wake, P(KtUploader *, u), P(double, now_us))                                   \
    F(int, uploader_resume, P(KtUploader *, u), P(double, now_us))                                 \
    F(int, uploader_created, P(KtUploader *, u), P(double, now_us), P(double, id))                 \
    F(int, uploader_signed, P(KtUploader *, u), P(double, now_us), P(double, id),                  \
      P(double, expires_us))                                                                       \
    F(int, uploader_progress, P(KtUploader *, u), P(double, now_us), P(double, id),                \
      P(double, sent_bytes))                                                                       \
    F(int, uploader_put_done, P(KtUploader *, u), P(double, now_us), P(double, id),                \
      P(const char *, etag))                                                                       \
    F(int, uploader_listed_part, P(KtUploader *, u), P(double, id), P(int, part),                  \
      P(double, bytes), P(const char *, etag))                                                     \
    F(int, uploader_listed, P(KtUploader *, u), P(double, now_us), P(double, id))                  \
    F(int, uploader_completed, P(KtUploader *, u), P(double, now_us), P(double, id))               \
    F(int, uploader_aborted, P(KtUploader *, u), P(double, now_us), P(double, id))                 \
    F(int, uploader_failed, P(KtUploader *, u), P(double, now_us), P(double, id), P(int, why))     \
    F(int, uploader_next, P(KtUploader *, u), P(double, now_us), P(double *, out))                 \
    F(int, uploader_part_count, P(KtUploader *, u))                                                \
    F(const char *, uploader_part_etag, P(KtUploader *, u), P(int, part))                          \
    F(void, uploader_stats, P(KtUploader *, u), P(double, now_us), P(double *, out))

#define KTW_JOURNAL_CALLS(F)                                                                       \
    F(int, journal_create, P(const uint8_t *, take_id), P(double, part_bytes), P(int, keep_all))   \
    F(void, journal_destroy, P(KtJournal *, j))                                                    \
    F(int, journal_events, P(KtJournal *, j), P(KtRecorder *, r), P(double *, out))                \
    F(int, journal_reader_create, P(const uint8_t *, take_id))                                     \
    F(void, journal_reader_destroy, P(KtJournalReader *, r))                                       \
    F(int, journal_reader_add, P(KtJournalReader *, r), P(const uint8_t *, record), P(int, bytes)) \
    F(int, journal_reader_finish, P(KtJournalReader *, r), P(double *, out))                       \
    F(int, journal_reader_file, P(KtJournalReader *, r), P(int, local), P(double *, out))          \
    F(int, journal_reader_pieces, P(KtJournalReader *, r), P(int, local), P(double *, out))        \
    F(int, journal_reader_gaps, P(KtJournalReader *, r), P(double *, out))                         \
    F(int, journal_reader_timeline, P(KtJournalReader *, r), P(double *, out))                     \
    F(int, journal_reader_scene, P(KtJournalReader *, r), P(double *, out))

/* j and u may be NULL. */
#define KTW_TAKE_STORE_CALLS(F)                                                                    \
    F(int, take_store_create, P(int, keep_all))                                                    \
    F(void, take_store_destroy, P(KtTakeStore *, s))                                               \
    F(int, take_store_chunk, P(KtTakeStore *, s), P(KtJournal *, j), P(KtRecorder *, r),           \
      P(double *, out))                                                                            \
    F(int, take_store_stored, P(KtTakeStore *, s), P(double, sequence), P(int, is_stored))         \
    F(int, take_store_count, P(KtTakeStore *, s), P(KtUploader *, u), P(double, now_us),           \
      P(double *, out))                                                                            \
    F(int, take_store_release, P(KtTakeStore *, s), P(KtJournal *, j), P(KtRecorder *, r),         \
      P(double, released_bytes), P(double *, out))                                                 \
    F(int, take_store_finish, P(KtTakeStore *, s), P(KtUploader *, u), P(double, now_us))

#define KTW_CALLS(F)                                                                               \
    KTW_MEMORY_CALLS(F)                                                                            \
    KTW_RECORDER_CALLS(F) KTW_UPLOADER_CALLS(F) KTW_JOURNAL_CALLS(F) KTW_TAKE_STORE_CALLS(F)

#endif
