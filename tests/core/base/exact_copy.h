/* A copy in a buffer of exactly its size, so that a sanitizer sees any step beyond it. malloc'ed.
 */
#ifndef KEEPTAKE_TEST_EXACT_COPY_H
#define KEEPTAKE_TEST_EXACT_COPY_H

#include <stdlib.h>
#include <string.h>

static inline void *exact_copy(const void *data, size_t bytes)
{
    void *copy = malloc(bytes ? bytes : 1);
    if (copy && bytes)
        memcpy(copy, data, bytes);
    return copy;
}

#endif
