/* Any bytes as XML: every reported path is within limits, and the bytes in between are not needed
 * twice. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct Sum {
    unsigned long value;
    int count;
} Sum;

static int note(void *ctx, const char *path, const char *text)
{
    Sum *sum = ctx;
    size_t path_bytes = strlen(path);
    size_t text_bytes = strlen(text);
    if (path_bytes == 0 || path_bytes >= XML_PATH_BYTES || text_bytes >= XML_TEXT_BYTES ||
        !text_is_utf8(text, text_bytes) || path[0] == '/' || path[path_bytes - 1] == '/')
        abort();
    sum->value = sum->value * 31 + path_bytes * 7 + text_bytes;
    return ++sum->count == 1000 ? 5 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    Sum first = {0, 0};
    Sum second = {0, 0};
    char *exact = malloc(bytes ? bytes : 1);
    memcpy(exact, data, bytes);
    int result = xml_parse(exact, bytes, note, &first);
    if (result != xml_parse(exact, bytes, note, &second) || first.value != second.value)
        abort();
    if (result == 0 && first.count == 0)
        abort();
    if (result != 0 && result != -1 && result != 5)
        abort();
    free(exact);
    return 0;
}
