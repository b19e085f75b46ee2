/* What app/config.c and app/config_options.c share: the table of options. */
#ifndef KEEPTAKE_SERVER_APP_CONFIG_INTERNAL_H
#define KEEPTAKE_SERVER_APP_CONFIG_INTERNAL_H

#include "app/config.h"

#include <stddef.h>

typedef struct ConfigOption ConfigOption;
typedef int (*ConfigSet)(Config *c, const ConfigOption *o, const char *value);

struct ConfigOption {
    const char *key;  /* in the environment and in the file */
    const char *flag; /* without "--" */
    ConfigSet set;
    size_t offset;
    int64_t min, max; /* of a number; of a text: max bytes with its NUL */
    int bare;         /* the flag takes no value: it means 1 */
    const char *help;
};

/* Option number n, NULL behind the last. */
const ConfigOption *config__option(size_t n);
/* A list: its flag may be repeated. */
int config__is_list(const ConfigOption *o);
/* Where its value is in c. */
void *config__field(Config *c, const ConfigOption *o);

#endif
