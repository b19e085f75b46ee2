/* A CORS document and what a page asks: three lines (origin, method, asked headers), then the
 * document. A document that may be kept decides the same each time, gives nothing that could end a
 * header's line, and allows no method that nobody wrote into it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static char *take_line(char **at)
{
    char *line = *at;
    size_t n = strcspn(line, "\n");
    *at = line + n + (line[n] == '\n');
    line[n] = 0;
    return line;
}

static void check_list(const Text *list)
{
    if (list->data && strpbrk(list->data, "\r\n"))
        abort();
}

static void check_decision(const char *document, int valid, const char *origin, const char *method,
                           const char *asked)
{
    GwCorsRule rule, again;
    int allows = gw__cors_allows(document, origin, method, asked, &rule);
    if (allows != gw__cors_allows(document, origin, method, asked, &again) ||
        strcmp(rule.max_age, again.max_age) != 0)
        abort();
    if (valid && allows) {
        check_list(&rule.methods);
        check_list(&rule.exposed);
        if (!rule.methods.data || !strstr(rule.methods.data, method) || !strstr(document, method))
            abort();
    }
    text_reset(&rule.methods);
    text_reset(&rule.exposed);
    text_reset(&again.methods);
    text_reset(&again.exposed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *why = NULL;
    char *text = malloc(bytes + 1);
    char *at = text;
    memcpy(text, data, bytes);
    text[bytes] = 0;
    const char *origin = take_line(&at);
    const char *method = take_line(&at);
    const char *asked = take_line(&at);
    int valid = gw__cors_valid(at, strlen(at), &why);
    if (valid && why)
        abort();
    check_decision(at, valid, origin, method, asked);
    check_decision(at, valid, origin, "PUT", "");
    free(text);
    return 0;
}
