/* What a take may be: limits from the environment, a file or a flag. */
#include "keeptake/limits.h"

#include <stddef.h>
#include <string.h>

#define US_PER_SECOND INT64_C(1000000)
#define MAX_LENGTH_US (INT64_C(24) * 3600 * US_PER_SECOND)
#define MAX_FPS 60
#define MAX_VALUE_BYTES 32

void kt_limits_init(KtLimits *limits)
{
    limits->enabled = 1;
    limits->max_length_us = INT64_C(3) * 3600 * US_PER_SECOND;
    limits->max_fps = 30;
    limits->startup_cleanup = 1;
}

/* Copies value without the space around it, in lower case. */
static KtStatus normalise(const char *value, char out[MAX_VALUE_BYTES])
{
    size_t bytes = 0;
    value += strspn(value, " \t\r\n");
    for (; *value; value++) {
        if (bytes + 1 >= MAX_VALUE_BYTES)
            return KT_ERR_ARG;
        out[bytes++] = (char)(*value >= 'A' && *value <= 'Z' ? *value - 'A' + 'a' : *value);
    }
    while (bytes > 0 && strchr(" \t\r\n", out[bytes - 1]))
        bytes--;
    out[bytes] = '\0';
    return KT_OK;
}

static KtStatus parse_flag(const char *text, int *out)
{
    static const char *const names[2][4] = {{"0", "false", "no", "off"},
                                            {"1", "true", "yes", "on"}};
    for (int flag = 0; flag < 2; flag++)
        for (int i = 0; i < 4; i++)
            if (strcmp(text, names[flag][i]) == 0) {
                *out = flag;
                return KT_OK;
            }
    return KT_ERR_ARG;
}

/* Digits, then one of the units in units or nothing. */
static KtStatus parse_count(const char *text, const char *units, int64_t *count, char *unit)
{
    int64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9)
        return KT_ERR_ARG;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    *unit = text[digits];
    if (*unit != '\0' && (!strchr(units, *unit) || text[digits + 1] != '\0'))
        return KT_ERR_ARG;
    *count = value;
    return KT_OK;
}

static KtStatus parse_length(const char *text, int64_t *out)
{
    int64_t count;
    char unit;
    KtStatus status = parse_count(text, "hms", &count, &unit);
    if (status != KT_OK)
        return status;
    int64_t us = count * (unit == 'h' ? 3600 : unit == 'm' ? 60 : 1) * US_PER_SECOND;
    if (us < US_PER_SECOND || us > MAX_LENGTH_US)
        return KT_ERR_ARG;
    *out = us;
    return KT_OK;
}

static KtStatus parse_fps(const char *text, int *out)
{
    int64_t count;
    char unit;
    KtStatus status = parse_count(text, "", &count, &unit);
    if (status != KT_OK)
        return status;
    if (count < 1 || count > MAX_FPS)
        return KT_ERR_ARG;
    *out = (int)count;
    return KT_OK;
}

KtStatus kt_limits_set(KtLimits *limits, const char *name, const char *value)
{
    char text[MAX_VALUE_BYTES];
    if (!limits || !name || !value)
        return KT_ERR_ARG;
    KtStatus status = normalise(value, text);
    if (strcmp(name, "RECORDING_ENABLED") == 0)
        return status == KT_OK ? parse_flag(text, &limits->enabled) : status;
    if (strcmp(name, "RECORDING_MAX_LENGTH") == 0)
        return status == KT_OK ? parse_length(text, &limits->max_length_us) : status;
    if (strcmp(name, "RECORDING_MAX_FPS") == 0)
        return status == KT_OK ? parse_fps(text, &limits->max_fps) : status;
    if (strcmp(name, "RECORDING_STARTUP_CLEANUP_ENABLED") == 0)
        return status == KT_OK ? parse_flag(text, &limits->startup_cleanup) : status;
    return KT_ERR_NOT_FOUND;
}
