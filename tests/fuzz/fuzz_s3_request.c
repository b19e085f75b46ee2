/* What requests to objects say, the first byte telling of what kind the rest is: a Range, an HTTP
 * date, a list of ETags, names of attributes, the document of CompleteMultipartUpload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_range(const char *text)
{
    static const int64_t sizes[] = {0, 1, 2, 1000, INT64_C(50) << 40, INT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t from = -7;
        int64_t count = -7;
        int result = gw__parse_range(text, sizes[i], &from, &count);
        if (result == 1 && (from < 0 || count < 1 || from > sizes[i] - count))
            abort();
        if (result != 1 && (from != -7 || count != -7))
            abort();
    }
}

static void check_date(const char *text)
{
    char again[40];
    int64_t seconds = gw__parse_http_time(text);
    if (seconds < 0)
        return;
    gw__http_time(seconds * 1000000, again);
    if (gw__parse_http_time(again) != seconds)
        abort();
}

/* A list that names a tag strongly names it weakly; one that names none names no other. */
static void check_etags(const char *list)
{
    static const char *const tags[] = {"9a0364b9e99bb480dd25e1f0284c8555",
                                       "9a0364b9e99bb480dd25e1f0284c8555-3", "a", ""};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        int strong = disk_etag_listed(list, tags[i], 0);
        if (strong && !disk_etag_listed(list, tags[i], 1))
            abort();
        if (strong && *tags[i] && !strstr(list, tags[i]) && !strchr(list, '*'))
            abort();
    }
}

static void check_attributes(const char *list)
{
    unsigned wanted = 0;
    if (gw__parse_attributes(list, &wanted) && wanted > 31)
        abort();
}

static void check_parts(const char *text, size_t bytes)
{
    StorePart *parts;
    int count;
    int result = gw__parse_part_list(text, bytes, &parts, &count);
    if ((result == 0) != (count > 0) || (count > 0) != (parts != NULL) || count > STORE_MAX_PARTS)
        abort();
    for (int i = 0; i < count; i++)
        if (parts[i].number < 1 || parts[i].number > STORE_MAX_PARTS || !parts[i].etag[0] ||
            parts[i].checksum_kind < DIGEST_MD5 || parts[i].checksum_kind > DIGEST_CRC64NVME)
            abort();
    free(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    char *text = malloc(bytes);
    memcpy(text, data + 1, bytes - 1);
    text[bytes - 1] = 0;
    switch (data[0]) {
    case 'r':
        check_range(text);
        break;
    case 'd':
        check_date(text);
        break;
    case 'e':
        check_etags(text);
        break;
    case 'a':
        check_attributes(text);
        break;
    case 'c':
        check_parts(text, bytes - 1);
        break;
    }
    free(text);
    return 0;
}
