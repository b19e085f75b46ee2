/* What a take may be: how long, how fast, whether at all. Set by whoever runs the server, by names
 * as in its environment; docs/server.md. */
#ifndef KEEPTAKE_LIMITS_H
#define KEEPTAKE_LIMITS_H

#include <stdint.h>

#include "keeptake/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a take may be. Parsed from text by kt_limits_set. */
typedef struct KtLimits {
    int enabled;           /* RECORDING_ENABLED: 1, true, yes, on / 0, false, no, off; default 1 */
    int64_t max_length_us; /* RECORDING_MAX_LENGTH: "1h", "30m", "120s", "90"; 1 s .. 24 h; default
                              3 h */
    int max_fps;           /* RECORDING_MAX_FPS: 1..60; default 30 */
    int startup_cleanup;   /* RECORDING_STARTUP_CLEANUP_ENABLED; default 1 */
} KtLimits;

void kt_limits_init(KtLimits *limits);
/* Sets one limit by the name above. KT_OK, ERR_NOT_FOUND (no such name), ERR_ARG (*limits
 * untouched). */
KtStatus kt_limits_set(KtLimits *limits, const char *name, const char *value);

#ifdef __cplusplus
}
#endif
#endif
