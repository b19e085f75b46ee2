/* Characters as people see them, after the rules of Unicode's text segmentation (UAX 29) as far as
 * titles need them: marks, joiners, variation selectors, skin tones, flags, Hangul. */
#include "model/title.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define NAME_BYTES 200 /* of a file name, without its ending: most file systems allow 255 */

typedef struct Range {
    uint32_t first, last;
} Range;

/* Code points that stand on the one before: general category M and what UAX 29 calls Extend, in
 * whole blocks where all in them are. Ascending. */
static const Range extenders[] = {
    {0x0300, 0x036f},   {0x0483, 0x0489},   {0x0591, 0x05bd},   {0x05bf, 0x05bf},
    {0x05c1, 0x05c2},   {0x05c4, 0x05c5},   {0x05c7, 0x05c7},   {0x0610, 0x061a},
    {0x064b, 0x065f},   {0x0670, 0x0670},   {0x06d6, 0x06dc},   {0x06df, 0x06e4},
    {0x06e7, 0x06e8},   {0x06ea, 0x06ed},   {0x0711, 0x0711},   {0x0730, 0x074a},
    {0x07a6, 0x07b0},   {0x07eb, 0x07f3},   {0x0816, 0x0819},   {0x081b, 0x0823},
    {0x0825, 0x0827},   {0x0829, 0x082d},   {0x0859, 0x085b},   {0x08d3, 0x08e1},
    {0x08e3, 0x0903},   {0x093a, 0x093c},   {0x093e, 0x094f},   {0x0951, 0x0957},
    {0x0962, 0x0963},   {0x0981, 0x0983},   {0x09bc, 0x09bc},   {0x09be, 0x09cd},
    {0x09d7, 0x09d7},   {0x09e2, 0x09e3},   {0x0a01, 0x0a03},   {0x0a3c, 0x0a51},
    {0x0a70, 0x0a71},   {0x0a75, 0x0a75},   {0x0a81, 0x0a83},   {0x0abc, 0x0abc},
    {0x0abe, 0x0acd},   {0x0ae2, 0x0ae3},   {0x0b01, 0x0b03},   {0x0b3c, 0x0b3c},
    {0x0b3e, 0x0b57},   {0x0b62, 0x0b63},   {0x0b82, 0x0b82},   {0x0bbe, 0x0bcd},
    {0x0bd7, 0x0bd7},   {0x0c00, 0x0c04},   {0x0c3e, 0x0c56},   {0x0c62, 0x0c63},
    {0x0c81, 0x0c83},   {0x0cbc, 0x0cbc},   {0x0cbe, 0x0cd6},   {0x0ce2, 0x0ce3},
    {0x0d00, 0x0d03},   {0x0d3b, 0x0d3c},   {0x0d3e, 0x0d4d},   {0x0d57, 0x0d57},
    {0x0d62, 0x0d63},   {0x0d81, 0x0d83},   {0x0dca, 0x0ddf},   {0x0df2, 0x0df3},
    {0x0e31, 0x0e31},   {0x0e33, 0x0e3a},   {0x0e47, 0x0e4e},   {0x0eb1, 0x0eb1},
    {0x0eb3, 0x0ebc},   {0x0ec8, 0x0ecd},   {0x0f18, 0x0f19},   {0x0f35, 0x0f35},
    {0x0f37, 0x0f37},   {0x0f39, 0x0f39},   {0x0f3e, 0x0f3f},   {0x0f71, 0x0f84},
    {0x0f86, 0x0f87},   {0x0f8d, 0x0fbc},   {0x0fc6, 0x0fc6},   {0x102b, 0x103e},
    {0x1056, 0x1059},   {0x105e, 0x1060},   {0x1062, 0x1064},   {0x1067, 0x106d},
    {0x1071, 0x1074},   {0x1082, 0x108d},   {0x108f, 0x108f},   {0x109a, 0x109d},
    {0x1160, 0x11ff},   {0x135d, 0x135f},   {0x1712, 0x1715},   {0x1732, 0x1734},
    {0x1752, 0x1753},   {0x1772, 0x1773},   {0x17b4, 0x17d3},   {0x17dd, 0x17dd},
    {0x180b, 0x180d},   {0x18a9, 0x18a9},   {0x1920, 0x193b},   {0x1a17, 0x1a1b},
    {0x1a55, 0x1a7f},   {0x1ab0, 0x1aff},   {0x1b00, 0x1b04},   {0x1b34, 0x1b44},
    {0x1b6b, 0x1b73},   {0x1b80, 0x1b82},   {0x1ba1, 0x1bad},   {0x1be6, 0x1bf3},
    {0x1c24, 0x1c37},   {0x1cd0, 0x1cd2},   {0x1cd4, 0x1ce8},   {0x1ced, 0x1ced},
    {0x1cf4, 0x1cf4},   {0x1cf7, 0x1cf9},   {0x1dc0, 0x1dff},   {0x200c, 0x200d},
    {0x20d0, 0x20f0},   {0x2cef, 0x2cf1},   {0x2d7f, 0x2d7f},   {0x2de0, 0x2dff},
    {0x302a, 0x302f},   {0x3099, 0x309a},   {0xa66f, 0xa672},   {0xa674, 0xa67d},
    {0xa69e, 0xa69f},   {0xa6f0, 0xa6f1},   {0xa802, 0xa802},   {0xa806, 0xa806},
    {0xa80b, 0xa80b},   {0xa823, 0xa827},   {0xa880, 0xa881},   {0xa8b4, 0xa8c5},
    {0xa8e0, 0xa8f1},   {0xa926, 0xa92d},   {0xa947, 0xa953},   {0xa980, 0xa983},
    {0xa9b3, 0xa9c0},   {0xaa29, 0xaa36},   {0xaa43, 0xaa43},   {0xaa4c, 0xaa4d},
    {0xaab0, 0xaab0},   {0xaab2, 0xaab4},   {0xaab7, 0xaab8},   {0xaabe, 0xaabf},
    {0xaac1, 0xaac1},   {0xaaeb, 0xaaef},   {0xaaf5, 0xaaf6},   {0xabe3, 0xabea},
    {0xabec, 0xabed},   {0xd7b0, 0xd7fb},   {0xfb1e, 0xfb1e},   {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},   {0xff9e, 0xff9f},   {0x101fd, 0x101fd}, {0x10a01, 0x10a0f},
    {0x11000, 0x11002}, {0x11038, 0x11046}, {0x110b0, 0x110ba}, {0x11100, 0x11102},
    {0x11127, 0x11134}, {0x1d165, 0x1d169}, {0x1d16d, 0x1d172}, {0x1e130, 0x1e136},
    {0x1e8d0, 0x1e8d6}, {0x1e944, 0x1e94a}, {0x1f3fb, 0x1f3ff}, {0xe0020, 0xe007f},
    {0xe0100, 0xe01ef},
};

static int in_ranges(const Range *ranges, size_t count, uint32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && code >= ranges[low].first;
}

static int extends(uint32_t code)
{
    return in_ranges(extenders, sizeof extenders / sizeof extenders[0], code);
}

static int is_flag_half(uint32_t code)
{
    return code >= 0x1f1e6 && code <= 0x1f1ff;
}

/* The code point at p and its length; a broken byte is U+FFFD of length 1. */
static uint32_t code_at(const char *p, size_t left, int *length)
{
    const uint8_t *u = (const uint8_t *)p;
    *length = json_utf8_sequence(u, left);
    switch (*length) {
    case 1:
        return u[0];
    case 2:
        return (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
    case 3:
        return (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
    case 4:
        return (u[0] & 0x07u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
    default:
        *length = 1;
        return 0xfffd;
    }
}

/* Bytes of the longest beginning of text of at most `chars` characters and `most` bytes. */
static size_t fitting_bytes(const char *text, size_t chars, size_t most)
{
    size_t bytes = strlen(text), fits = 0, seen = 0, flags = 0;
    uint32_t before = 0;
    for (size_t at = 0; at < bytes;) {
        int length;
        uint32_t code = code_at(text + at, bytes - at, &length);
        flags = is_flag_half(code) ? flags + 1 : 0;
        int joins = at > 0 && (extends(code) || before == 0x200d || flags % 2 == (flags ? 0 : 1));
        if (!joins) {
            fits = at;
            if (seen++ == chars) {
                return fits;
            }
        }
        at += (size_t)length;
        if (at > most) {
            return fits;
        }
        before = code;
    }
    return bytes;
}

static int is_bidi(uint32_t code)
{
    return code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static int is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

void title_clean(const char *text, char out[TITLE_BYTES])
{
    size_t bytes = strlen(text), n = 0;
    int blank = 1; /* nothing yet, or a space is the last */
    for (size_t at = 0; at < bytes && n + 4 < TITLE_BYTES;) {
        int length;
        uint32_t code = code_at(text + at, bytes - at, &length);
        if (is_control(code) || code == ' ') {
            if (!blank || (code == ' ' && n > 0)) {
                out[n++] = ' ';
            }
            blank = 1;
        } else if (code != 0xfeff && !(code >= 0x202a && code <= 0x202e)) {
            memcpy(out + n, text + at, (size_t)length);
            n += (size_t)length;
            blank = 0;
        }
        at += (size_t)length;
    }
    out[n] = 0;
    n = fitting_bytes(out, TITLE_CHARS, TITLE_BYTES - 1);
    while (n > 0 && out[n - 1] == ' ') {
        n--;
    }
    out[n] = 0;
}

/* --- file names --- */

/* Letters, digits and a few marks stay, everything else becomes '-'. */
static size_t plain_name(const char *title, char *out, size_t most)
{
    size_t length = 0;
    for (const char *p = title; *p && length < most; p++) {
        int plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || *p == '.' || *p == '_';
        if (plain && (length > 0 || *p != '.')) {
            out[length++] = *p;
        } else if (length > 0 && out[length - 1] != '-') {
            out[length++] = '-';
        }
    }
    while (length > 0 && out[length - 1] == '-') {
        length--;
    }
    out[length] = 0;
    return length;
}

/* Names that Windows keeps for devices, with any ending. */
static int is_device(const char *name)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul", "com", "lpt"};
    size_t length = strcspn(name, ".");
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        size_t wanted = i < 4 ? 3 : 4;
        int same = length == wanted;
        for (size_t k = 0; same && k < 3; k++) {
            same = (name[k] | 0x20) == devices[i][k];
        }
        if (same && (i < 4 || (name[3] >= '0' && name[3] <= '9'))) {
            return 1;
        }
    }
    return 0;
}

/* The title without what no file system, or no eye, can bear. */
static size_t full_name(const char *title, char out[TITLE_BYTES])
{
    size_t bytes = strlen(title), n = 0;
    for (size_t at = 0; at < bytes;) {
        int length;
        uint32_t code = code_at(title + at, bytes - at, &length);
        int forbidden = is_control(code) || (code < 0x80 && strchr("/\\:*?\"<>|", (int)code));
        if (forbidden && n > 0 && out[n - 1] != '-') {
            out[n++] = '-';
        } else if (!forbidden && !is_bidi(code) && code != 0xfeff &&
                   (n > 0 || (code != '.' && code != ' '))) {
            memcpy(out + n, title + at, (size_t)length);
            n += (size_t)length;
        }
        at += (size_t)length;
    }
    out[n] = 0;
    n = fitting_bytes(out, TITLE_CHARS, NAME_BYTES);
    while (n > 0 && strchr(" .-", out[n - 1])) {
        n--;
    }
    out[n] = 0;
    return n;
}

/* RFC 8187: all but attr-char is percent-encoded. */
static void add_encoded(char *out, size_t *n, const char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        int plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || (*p < 0x80 && strchr("!#$&+-.^_`|~", *p));
        if (plain) {
            out[(*n)++] = (char)*p;
        } else {
            out[(*n)++] = '%';
            out[(*n)++] = hex[*p >> 4];
            out[(*n)++] = hex[*p & 15];
        }
    }
}

static int is_plain_title(const char *title)
{
    return strspn(title, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._ -") ==
           strlen(title);
}

void title_disposition(const char *title, const char *fallback, char out[TITLE_DISPOSITION_BYTES])
{
    char plain[81], full[TITLE_BYTES];
    const char *mark = "";
    size_t letters = plain_name(title, plain, sizeof plain - 1);
    if (is_device(plain)) {
        mark = "_";
    }
    size_t n =
        (size_t)snprintf(out, TITLE_DISPOSITION_BYTES, "attachment; filename=\"%s%.80s.webm\"",
                         mark, letters > 0 ? plain : fallback);
    if (is_plain_title(title) || full_name(title, full) == 0) {
        return;
    }
    n += (size_t)snprintf(out + n, TITLE_DISPOSITION_BYTES - n, "; filename*=UTF-8''%s",
                          is_device(full) ? "_" : "");
    add_encoded(out, &n, full);
    snprintf(out + n, TITLE_DISPOSITION_BYTES - n, ".webm");
}
