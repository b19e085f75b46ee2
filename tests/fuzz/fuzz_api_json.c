/* What the API reads from JSON bodies: the strict check, cJSON behind it, and the part lists.
 * Whatever the check lets through, cJSON must parse too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "app/config.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_fields(const cJSON *tree)
{
    char error[JSON_ERROR_BYTES];
    StorePart *parts = NULL;
    int64_t bytes = 0, number = 0;
    double duration = 0;
    int status = 0, flag = 0, numbers[API_MAX_SIGN_PARTS];
    const char *text = NULL;
    int count = api_parse_parts(tree, &parts, &bytes, &duration, &status, error);
    if ((count < 0) != (parts == NULL)) {
        abort();
    }
    for (int i = 0; i < count; i++) {
        if (parts[i].number != i + 1 || !memchr(parts[i].etag, 0, sizeof parts[i].etag)) {
            abort();
        }
    }
    free(parts);
    count = api_parse_numbers(tree, numbers, error);
    for (int i = 0; i < count; i++) {
        if (numbers[i] < 1 || numbers[i] > STORE_MAX_PARTS) {
            abort();
        }
    }
    if (json_get_int(tree, "width", 16, 4096, &number, error) == 1 &&
        (number < 16 || number > 4096)) {
        abort();
    }
    json_get_text(tree, "title", 200, &text, error);
    json_get_bool(tree, "download", &flag, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const JsonLimits limits = {1 << 16, API_MAX_JSON_DEPTH, 4096};
    char error[JSON_ERROR_BYTES], config_error[CONFIG_ERROR_BYTES];
    char *exact = malloc(size ? size : 1);
    if (!exact) {
        return 0;
    }
    memcpy(exact, data, size);
    cJSON *tree = json_parse(exact, size, &limits, error, sizeof error);
    if (!tree && json_check(exact, size, &limits, NULL, 0) == 0) {
        abort();
    }
    if (tree) {
        read_fields(tree);
    }
    cJSON_Delete(tree);
    Config config;
    config_init(&config);
    config_apply_text(&config, exact, size, config_error);
    free(exact);
    return 0;
}
