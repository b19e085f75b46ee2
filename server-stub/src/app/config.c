/* Options from a file, the environment and flags, in this order. */
#include "app/config_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static int apply(Config *config, const ConfigOption *o, const char *name, const char *value,
                 char *error)
{
    if (o->set(config, o, value) == 0) {
        return 0;
    }
    snprintf(error, CONFIG_ERROR_BYTES, "%s: \"%.80s\" is not a value for it (%s).", name, value,
             o->help);
    return -1;
}

static const ConfigOption *find_key(const char *key)
{
    const ConfigOption *o = config__option(0);
    for (size_t i = 1; o && strcmp(o->key, key) != 0; i++) {
        o = config__option(i);
    }
    return o;
}

int config_set(Config *config, const char *key, const char *value, char *error)
{
    const ConfigOption *o = find_key(key);
    if (!o) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.80s: there is no such option.", key);
        return -1;
    }
    return apply(config, o, key, value, error);
}

static int apply_json(Config *config, const char *text, size_t bytes, char *error)
{
    const JsonLimits limits = {CONFIG_MAX_FILE_BYTES, 3, 1000};
    cJSON *tree = json_parse(text, bytes, &limits, error, CONFIG_ERROR_BYTES);
    int result = tree ? 0 : -1;
    for (const cJSON *item = tree ? tree->child : NULL; item && result == 0; item = item->next) {
        char number[40];
        const char *value = item->valuestring;
        if (cJSON_IsNumber(item)) {
            snprintf(number, sizeof number, "%.15g", item->valuedouble);
            value = number;
        } else if (cJSON_IsBool(item)) {
            value = cJSON_IsTrue(item) ? "1" : "0";
        } else if (!cJSON_IsString(item)) {
            snprintf(error, CONFIG_ERROR_BYTES, "%.80s: must be a text, a number, true or false.",
                     item->string ? item->string : "The file");
            result = -1;
            break;
        }
        result = config_set(config, item->string ? item->string : "", value, error);
    }
    cJSON_Delete(tree);
    return result;
}

/* One KEY=VALUE line without its end; space around both and quotes around the value are dropped. */
static int apply_line(Config *config, const char *line, size_t length, int number, char *error)
{
    char key[64], value[CONFIG_PATH_BYTES * 2], reason[CONFIG_ERROR_BYTES];
    size_t at = strspn(line, " \t");
    if (at >= length || line[at] == '#' || line[at] == '\r') {
        return 0;
    }
    size_t key_length = strcspn(line + at, "= \t\r\n");
    size_t from = at + key_length;
    from += strspn(line + from, " \t");
    if (key_length == 0 || key_length >= sizeof key || from >= length || line[from] != '=') {
        snprintf(error, CONFIG_ERROR_BYTES, "Line %d is not KEY=VALUE.", number);
        return -1;
    }
    from++;
    while (from < length && strchr(" \t", line[from])) {
        from++;
    }
    while (length > from && strchr(" \t\r", line[length - 1])) {
        length--;
    }
    if (length - from >= 2 && line[from] == '"' && line[length - 1] == '"') {
        from++;
        length--;
    }
    if (length - from >= sizeof value) {
        snprintf(error, CONFIG_ERROR_BYTES, "Line %d is too long.", number);
        return -1;
    }
    snprintf(key, sizeof key, "%.*s", (int)key_length, line + at);
    snprintf(value, sizeof value, "%.*s", (int)(length - from), line + from);
    if (config_set(config, key, value, reason) != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "Line %d: %.400s", number, reason);
        return -1;
    }
    return 0;
}

int config_apply_text(Config *config, const char *text, size_t bytes, char *error)
{
    size_t start = 0;
    if (bytes > CONFIG_MAX_FILE_BYTES || memchr(text, 0, bytes)) {
        snprintf(error, CONFIG_ERROR_BYTES, "The file is longer than %d bytes or not a text.",
                 CONFIG_MAX_FILE_BYTES);
        return -1;
    }
    while (start < bytes && strchr(" \t\r\n", text[start])) {
        start++;
    }
    if (start < bytes && text[start] == '{') {
        return apply_json(config, text, bytes, error);
    }
    char *copy = malloc(bytes + 1);
    if (!copy) {
        snprintf(error, CONFIG_ERROR_BYTES, "There is not enough memory.");
        return -1;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    int result = 0, number = 1;
    for (char *line = copy; *line && result == 0; number++) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + (line[length] == '\n');
        line[length] = 0;
        result = apply_line(config, line, length, number, error);
        line = next;
    }
    free(copy);
    return result;
}

static int apply_file(Config *config, const char *path, char *error)
{
    char text[CONFIG_MAX_FILE_BYTES + 1], reason[CONFIG_ERROR_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.300s: %s.", path, strerror(errno));
        return -1;
    }
    size_t bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    if (config_apply_text(config, text, bytes, reason) != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.100s: %.400s", path, reason);
        return -1;
    }
    return 0;
}

static int apply_env(Config *config, EnvLookup env, void *env_ctx, char *error)
{
    const ConfigOption *o;
    for (size_t i = 0; (o = config__option(i)) != NULL; i++) {
        const char *value = env(env_ctx, o->key);
        if (value && *value && apply(config, o, o->key, value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Splits --name=value / --name value. 1: *o and *value are set, 0: --config, --help, --version. */
static int next_flag(int argc, char *const argv[], int *at, const char **name,
                     const ConfigOption **o, const char **value, char *error)
{
    char flag[64];
    const char *argument = argv[(*at)++];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    *name = argument;
    *o = NULL;
    *value = equals ? equals + 1 : NULL;
    if (strncmp(argument, "--", 2) != 0 || length - 2 >= sizeof flag || length == 2) {
        snprintf(error, CONFIG_ERROR_BYTES, "%.80s: unknown argument; --help lists them.",
                 argument);
        return -1;
    }
    snprintf(flag, sizeof flag, "%.*s", (int)(length - 2), argument + 2);
    const ConfigOption *each;
    for (size_t i = 0; (each = config__option(i)) != NULL; i++) {
        if (strcmp(each->flag, flag) == 0) {
            *o = each;
        }
    }
    int special = !*o && (strcmp(flag, "help") == 0 || strcmp(flag, "version") == 0);
    if (!*o && !special && strcmp(flag, "config") != 0) {
        snprintf(error, CONFIG_ERROR_BYTES, "--%s: unknown option; --help lists them.", flag);
        return -1;
    }
    if (!*value && ((*o && (*o)->bare) || special)) {
        *value = "1";
    } else if (!*value) {
        if (*at >= argc) {
            snprintf(error, CONFIG_ERROR_BYTES, "--%s: a value is missing.", flag);
            return -1;
        }
        *value = argv[(*at)++];
    }
    return *o ? 1 : 0;
}

/* A repeated list flag adds to the ones before it. */
static int apply_flag(Config *config, const ConfigOption *o, const char *value, int *lists_seen,
                      char *error)
{
    if (!config__is_list(o)) {
        return apply(config, o, o->flag, value, error);
    }
    int bit = o->offset == offsetof(Config, allowed_origins) ? 1 : 2;
    OriginList before = *(OriginList *)config__field(config, o), *list = config__field(config, o);
    if (!(*lists_seen & bit)) {
        before.count = 0;
    }
    *lists_seen |= bit;
    if (apply(config, o, o->flag, value, error) != 0) {
        return -1;
    }
    OriginList added = *list;
    *list = before;
    for (int i = 0; i < added.count; i++) {
        if (list->count == ORIGINS_MAX) {
            snprintf(error, CONFIG_ERROR_BYTES, "--%s: more than %d.", o->flag, ORIGINS_MAX);
            return -1;
        }
        memcpy(list->items[list->count++], added.items[i], ORIGIN_BYTES);
    }
    return 0;
}

int config_load(Config *config, int argc, char *const argv[], EnvLookup env, void *env_ctx,
                int *asked, char *error)
{
    const char *path = env(env_ctx, "KEEPTAKE_CONFIG"), *name, *value;
    const ConfigOption *o;
    int lists_seen = 0;
    for (int at = 1; at < argc;) { /* the first pass only looks for the file */
        int kind = next_flag(argc, argv, &at, &name, &o, &value, error);
        if (kind < 0) {
            return -1;
        }
        if (kind == 0 && strncmp(name, "--config", 8) == 0) {
            path = value;
        } else if (kind == 0) {
            *asked = name[2];
            return 1;
        }
    }
    if ((path && *path && apply_file(config, path, error) != 0) ||
        apply_env(config, env, env_ctx, error) != 0) {
        return -1;
    }
    for (int at = 1; at < argc;) {
        if (next_flag(argc, argv, &at, &name, &o, &value, error) == 1 &&
            apply_flag(config, o, value, &lists_seen, error) != 0) {
            return -1;
        }
    }
    return config_check(config, error);
}
