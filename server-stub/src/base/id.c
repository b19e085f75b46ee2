/* Random ids. */
#include "base/id.h"

#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>

int id_make(const char *prefix, char *text, size_t text_bytes)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[24];
    size_t length = strlen(prefix);
    if (length + sizeof random >= text_bytes || RAND_bytes(random, sizeof random) != 1) {
        return -1;
    }
    memcpy(text, prefix, length);
    for (size_t i = 0; i < sizeof random; i++) {
        text[length + i] = alphabet[random[i] & 31];
    }
    text[length + sizeof random] = 0;
    return 0;
}
