/* Any bytes as a composition: what is accepted prints, reads back the same, and has a layout. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/composition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static char text[32768], again[32768];
    KtComposition c, copy;
    KtPlacedSource placed[KT_MAX_SOURCES];
    char error[256] = "";
    KtStatus status = kt_composition_parse((const char *)data, bytes, &c, error, sizeof error);
    if (status != KT_OK) {
        if (!error[0])
            abort();
        return 0;
    }
    int64_t printed = kt_composition_print(&c, text, sizeof text);
    if (printed <= 0 ||
        kt_composition_parse(text, (size_t)printed, &copy, error, sizeof error) != KT_OK)
        abort();
    if (kt_composition_print(&copy, again, sizeof again) != printed || strcmp(text, again) != 0)
        abort();
    int count = kt_layout_resolve(&c, 16.0 / 9, placed);
    if (count < 0 || count > c.source_count)
        abort();
    for (int i = 0; i < count; i++)
        if (!isfinite(placed[i].rect.x + placed[i].rect.y + placed[i].rect.width +
                      placed[i].rect.height))
            abort();
    return 0;
}
