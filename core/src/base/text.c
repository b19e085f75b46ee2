/* Text that grows, and JSON written into it. */
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)

void kt__text_init(KtText *text, size_t max_bytes)
{
    memset(text, 0, sizeof *text);
    text->max_bytes = max_bytes;
}

void kt__text_init_fixed(KtText *text, char *buffer, size_t buffer_bytes)
{
    memset(text, 0, sizeof *text);
    text->fixed = 1;
    text->data = buffer;
    text->capacity = buffer_bytes;
    if (!buffer || buffer_bytes == 0)
        text->status = KT_ERR_SPACE;
    else
        text->max_bytes = buffer_bytes - 1;
}

void kt__text_reset(KtText *text)
{
    if (!text->fixed)
        free(text->data);
    kt__text_init(text, text->max_bytes);
}

KtStatus kt__text_take(KtText *text, char **out, size_t *out_bytes)
{
    if (text->status == KT_OK && !text->data)
        kt__text_add(text, "", 0);
    KtStatus status = text->status;
    if (status != KT_OK) {
        kt__text_reset(text);
        return status;
    }
    *out = text->data;
    if (out_bytes)
        *out_bytes = text->bytes;
    kt__text_init(text, text->max_bytes);
    return KT_OK;
}

static void text_reserve(KtText *text, size_t more)
{
    if (more > text->max_bytes - text->bytes) {
        text->status = text->fixed ? KT_ERR_SPACE : KT_ERR_LIMIT;
        return;
    }
    if (text->bytes + more + 1 <= text->capacity)
        return;
    size_t capacity = text->capacity < 256 ? 256 : text->capacity * 2;
    if (capacity < text->bytes + more + 1)
        capacity = text->bytes + more + 1;
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->status = KT_ERR_MEMORY;
        return;
    }
    text->data = data;
    text->capacity = capacity;
}

void kt__text_add(KtText *text, const char *data, size_t bytes)
{
    if (text->status == KT_OK)
        text_reserve(text, bytes);
    if (text->status != KT_OK)
        return;
    memcpy(text->data + text->bytes, data, bytes);
    text->bytes += bytes;
    text->data[text->bytes] = '\0';
}

void kt__text_puts(KtText *text, const char *string)
{
    kt__text_add(text, string, strlen(string));
}

size_t kt__utf8_bytes(const char *data, size_t bytes)
{
    const uint8_t *p = (const uint8_t *)data;
    if (bytes == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || length > bytes)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return length;
}

static void text_escape(KtText *text, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    char escape[8];
    if (found)
        snprintf(escape, sizeof escape, "\\%c", to[found - from]);
    else
        snprintf(escape, sizeof escape, "\\u%04x", c);
    kt__text_puts(text, escape);
}

void kt__text_string(KtText *text, const char *string)
{
    size_t left = strlen(string);
    kt__text_add(text, "\"", 1);
    while (left > 0) {
        unsigned char c = (unsigned char)*string;
        size_t length = kt__utf8_bytes(string, left);
        if (length == 0)
            kt__text_puts(text, "\xEF\xBF\xBD");
        else if (c < 0x20 || c == '"' || c == '\\')
            text_escape(text, c);
        else
            kt__text_add(text, string, length);
        length = length ? length : 1;
        string += length;
        left -= length;
    }
    kt__text_add(text, "\"", 1);
}

void kt__text_number(KtText *text, double value)
{
    char number[KT__TEXT_NUMBER_BYTES];
    if (!isfinite(value))
        value = 0;
    snprintf(number, sizeof number, "%.15g", value);
    if (strtod(number, NULL) != value)
        snprintf(number, sizeof number, "%.17g", value);
    kt__text_puts(text, number);
}

void kt__text_int(KtText *text, int64_t value)
{
    char number[KT__TEXT_NUMBER_BYTES];
    snprintf(number, sizeof number, "%lld", (long long)value);
    kt__text_puts(text, number);
}

void kt__text_seconds(KtText *text, int64_t us)
{
    char number[KT__TEXT_NUMBER_BYTES];
    const char *sign = us < 0 ? "-" : "";
    uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    snprintf(number, sizeof number, "%s%llu.%06llu", sign,
             (unsigned long long)(size / (uint64_t)US_PER_SECOND),
             (unsigned long long)(size % (uint64_t)US_PER_SECOND));
    kt__text_puts(text, number);
}

/* Howard Hinnant's civil calendar, for days since 1970-01-01 >= 0. */
static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = y / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void kt__text_wall(KtText *text, int64_t unix_us)
{
    int year, month, day;
    char wall[64];
    int64_t us = unix_us < 0 ? 0 : unix_us > KT__WALL_MAX_US ? KT__WALL_MAX_US : unix_us;
    int ms = (int)(us % US_PER_DAY / 1000);
    civil_from_days(us / US_PER_DAY, &year, &month, &day);
    snprintf(wall, sizeof wall, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", year, month, day,
             ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    kt__text_puts(text, wall);
}

static int digits_at(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

KtStatus kt__wall_parse(const char *text, int64_t *unix_us)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != sizeof form - 1)
        return KT_ERR_FORMAT;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return KT_ERR_FORMAT;
    int year = digits_at(text, 4), month = digits_at(text + 5, 2), day = digits_at(text + 8, 2);
    int hour = digits_at(text + 11, 2), minute = digits_at(text + 14, 2);
    int second = digits_at(text + 17, 2), ms = digits_at(text + 20, 3);
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 ||
        second > 59 || day > month_days[month - 1] + (month == 2 && leap))
        return KT_ERR_FORMAT;
    *unix_us = days_from_civil(year, month, day) * US_PER_DAY +
               ((int64_t)(hour * 60 + minute) * 60 + second) * US_PER_SECOND + ms * INT64_C(1000);
    return KT_OK;
}

void kt__text_key(KtText *text, const char *key)
{
    char last = text->bytes > 0 ? text->data[text->bytes - 1] : '{';
    if (last != '{' && last != '[')
        kt__text_add(text, ",", 1);
    kt__text_string(text, key);
    kt__text_add(text, ":", 1);
}

void kt_text_free(void *text)
{
    free(text);
}
