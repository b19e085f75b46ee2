/* The numbers that the engine and TypeScript agree on. wasm/generate_contract.c prints them as
 * web/src/engine/contract.gen.ts; a test fails when that file differs from what this header says.
 *
 * Records cross the boundary as arrays of doubles; the lists below name their fields in order. */
#ifndef KEEPTAKE_WASM_CONTRACT_H
#define KEEPTAKE_WASM_CONTRACT_H

#define KTW_FRAME_FIELDS(X)                                                                        \
    X(handle)                                                                                      \
    X(plane0)                                                                                      \
    X(plane1)                                                                                      \
    X(plane2)                                                                                      \
    X(stride0)                                                                                     \
    X(stride1)                                                                                     \
    X(stride2)                                                                                     \
    X(width)                                                                                       \
    X(height)

#define KTW_CHUNK_FIELDS(X)                                                                        \
    X(kind)                                                                                        \
    X(sequence)                                                                                    \
    X(offset)                                                                                      \
    X(data)                                                                                        \
    X(bytes)                                                                                       \
    X(startUs)                                                                                     \
    X(endUs)                                                                                       \
    X(keyframe)                                                                                    \
    X(crc32)

#define KTW_STATS_FIELDS(X)                                                                        \
    X(takeUs)                                                                                      \
    X(fileBytes)                                                                                   \
    X(frames)                                                                                      \
    X(framesDropped)                                                                               \
    X(fps)                                                                                         \
    X(composeMs)                                                                                   \
    X(encodeMs)                                                                                    \
    X(speed)                                                                                       \
    X(targetFps)                                                                                   \
    X(audioLateFrames)                                                                             \
    X(audioGapFrames)                                                                              \
    X(sources)                                                                                     \
    X(stalledSources)                                                                              \
    X(peak0)

#define KTW_SESSION_FIELDS(X)                                                                      \
    X(state)                                                                                       \
    X(failure)                                                                                     \
    X(countdownEndUs)                                                                              \
    X(startedUs)                                                                                   \
    X(takeUs)                                                                                      \
    X(limitReached)

#define KTW_PLACED_FIELDS(X)                                                                       \
    X(source)                                                                                      \
    X(x)                                                                                           \
    X(y)                                                                                           \
    X(width)                                                                                       \
    X(height)

#define KTW_REQUEST_FIELDS(X)                                                                      \
    X(id)                                                                                          \
    X(kind)                                                                                        \
    X(part)                                                                                        \
    X(count)                                                                                       \
    X(offset)                                                                                      \
    X(bytes)

#define KTW_UPLOAD_STATS_FIELDS(X)                                                                 \
    X(state)                                                                                       \
    X(failure)                                                                                     \
    X(totalBytes)                                                                                  \
    X(safeBytes)                                                                                   \
    X(sentBytes)                                                                                   \
    X(backlogBytes)                                                                                \
    X(partsDone)                                                                                   \
    X(inflight)                                                                                    \
    X(retries)                                                                                     \
    X(nextUs)                                                                                      \
    X(nextBytes)

#define KTW_JOURNAL_RECORD_FIELDS(X)                                                               \
    X(sequence)                                                                                    \
    X(data)                                                                                        \
    X(bytes)                                                                                       \
    X(payloadOffset)                                                                               \
    X(payloadBytes)                                                                                \
    X(kind)                                                                                        \
    X(offset)                                                                                      \
    X(startUs)                                                                                     \
    X(endUs)                                                                                       \
    X(keyframe)

#define KTW_COUNTED_FIELDS(X)                                                                      \
    X(offset)                                                                                      \
    X(bytes)                                                                                       \
    X(isStored)                                                                                    \
    X(sequence)                                                                                    \
    X(payloadOffset)                                                                               \
    X(upload)

#define KTW_JOURNAL_CHECKPOINT_FIELDS(X)                                                           \
    X(sequence)                                                                                    \
    X(data)                                                                                        \
    X(bytes)                                                                                       \
    X(dropCount)                                                                                   \
    X(from0)                                                                                       \
    X(to0)                                                                                         \
    X(from1)                                                                                       \
    X(to1)

#define KTW_JOURNAL_TAKE_FIELDS(X)                                                                 \
    X(durationUs)                                                                                  \
    X(fileBytes)                                                                                   \
    X(releasedBytes)                                                                               \
    X(partBytes)                                                                                   \
    X(localBytes)                                                                                  \
    X(clusters)                                                                                    \
    X(damaged)                                                                                     \
    X(finished)                                                                                    \
    X(patchable)

#define KTW_JOURNAL_FILE_FIELDS(X)                                                                 \
    X(header)                                                                                      \
    X(cues)                                                                                        \
    X(cuesBytes)                                                                                   \
    X(clustersEnd)                                                                                 \
    X(durationUs)                                                                                  \
    X(pieceCount)                                                                                  \
    X(gapCount)

#define KTW_JOURNAL_PIECE_FIELDS(X)                                                                \
    X(sequence)                                                                                    \
    X(recordOffset)                                                                                \
    X(fileOffset)                                                                                  \
    X(bytes)

#define KTW_JOURNAL_GAP_FIELDS(X)                                                                  \
    X(fromUs)                                                                                      \
    X(toUs)

#define KTW_RECORDS(X)                                                                             \
    X(FRAME, KTW_FRAME_FIELDS)                                                                     \
    X(CHUNK, KTW_CHUNK_FIELDS)                                                                     \
    X(STATS, KTW_STATS_FIELDS)                                                                     \
    X(SESSION, KTW_SESSION_FIELDS)                                                                 \
    X(PLACED, KTW_PLACED_FIELDS)                                                                   \
    X(REQUEST, KTW_REQUEST_FIELDS)                                                                 \
    X(UPLOAD_STATS, KTW_UPLOAD_STATS_FIELDS)                                                       \
    X(COUNTED, KTW_COUNTED_FIELDS)                                                                 \
    X(JOURNAL_RECORD, KTW_JOURNAL_RECORD_FIELDS)                                                   \
    X(JOURNAL_CHECKPOINT, KTW_JOURNAL_CHECKPOINT_FIELDS)                                           \
    X(JOURNAL_TAKE, KTW_JOURNAL_TAKE_FIELDS)                                                       \
    X(JOURNAL_FILE, KTW_JOURNAL_FILE_FIELDS)                                                       \
    X(JOURNAL_PIECE, KTW_JOURNAL_PIECE_FIELDS)                                                     \
    X(JOURNAL_GAP, KTW_JOURNAL_GAP_FIELDS)

#define KTW_COUNT_FIELD(name) +1
enum {
#define KTW_COUNT(record, fields) KTW_##record##_COUNT = 0 fields(KTW_COUNT_FIELD),
    KTW_RECORDS(KTW_COUNT)
#undef KTW_COUNT
};

#endif
