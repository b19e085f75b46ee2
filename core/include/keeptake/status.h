/* The one list of results that every function of the engine returns.
 *
 * Three kinds: done (0), not yet (positive), failed (negative). A function that also returns a
 * count returns the count when it is >= 0 and a negative status otherwise. */
#ifndef KEEPTAKE_STATUS_H
#define KEEPTAKE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Of pointers: create functions and functions without a handle refuse NULL with ERR_ARG; destroy
 * takes the address of a handle, and neither a NULL address nor a handle that is NULL or half-built
 * does harm. Everywhere else a handle is one that create filled, and other pointers are valid
 * unless their comment says that they may be NULL. */

/* X(NAME, value, field name, text) */
#define KT_STATUS_MAP(X)                                                                           \
    X(OK, 0, "ok", "done")                                                                         \
    X(AGAIN, 1, "again", "not yet: drain output or bring more input, then repeat")                 \
    X(END, 2, "end", "nothing more will come")                                                     \
    X(ERR_ARG, -1, "err-arg", "an argument is outside its documented range")                       \
    X(ERR_ORDER, -2, "err-order", "a timestamp or sequence number went backwards")                 \
    X(ERR_STATE, -3, "err-state", "the call is not allowed in this state")                         \
    X(ERR_MEMORY, -4, "err-memory", "memory could not be allocated")                               \
    X(ERR_SPACE, -5, "err-space", "the caller's buffer is too small")                              \
    X(ERR_LIMIT, -6, "err-limit", "a documented limit was reached")                                \
    X(ERR_FORMAT, -7, "err-format", "the bytes are not valid in the expected format")              \
    X(ERR_UNSUPPORTED, -8, "err-unsupported", "valid, but not supported")                          \
    X(ERR_NOT_FOUND, -9, "err-not-found", "no such object")                                        \
    X(ERR_CODEC, -10, "err-codec", "the codec library reported a failure")                         \
    X(ERR_NETWORK, -11, "err-network", "the peer could not be reached or answered wrongly")        \
    X(ERR_REFUSED, -12, "err-refused", "the peer refused: not permitted or no longer valid")       \
    X(ERR_STORAGE, -13, "err-storage", "bytes could not be stored")

typedef enum KtStatus {
#define KT_STATUS_ENUM(name, value, field, text) KT_##name = value,
    KT_STATUS_MAP(KT_STATUS_ENUM)
#undef KT_STATUS_ENUM
} KtStatus;

/* English text of a status, static; "unknown status" for a value outside the list. */
const char *kt_status_text(int status);
/* Field name of a status in lower case with hyphens, static, as it appears in JSON and in
 * KeeptakeError.code: KT_ERR_ORDER is "err-order". */
const char *kt_status_name(int status);

#ifdef __cplusplus
}
#endif
#endif
