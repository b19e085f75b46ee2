/* Lists of origins. */
#include "base/origins.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

int origins_have(const OriginList *list, const char *text)
{
    for (int i = 0; i < list->count; i++) {
        if (strcasecmp(list->items[i], text) == 0) {
            return 1;
        }
    }
    return 0;
}

void origins_add(OriginList *list, const char *scheme, const char *host, const char *port)
{
    char item[ORIGIN_BYTES];
    snprintf(item, sizeof item, "%s%.200s%s", scheme, host, port);
    if (list->count < ORIGINS_MAX && !origins_have(list, item)) {
        memcpy(list->items[list->count++], item, sizeof item);
    }
}

static void add_host(const char *host, int port, OriginList *hosts, OriginList *origins)
{
    char suffix[16];
    snprintf(suffix, sizeof suffix, ":%d", port);
    origins_add(hosts, "", host, suffix);
    origins_add(origins, "http://", host, suffix);
    if (port == 80) {
        origins_add(hosts, "", host, "");
        origins_add(origins, "http://", host, "");
    }
}

void origins_of_pages(const char *host, int port, const char *public_url, OriginList *hosts,
                      OriginList *origins)
{
    if (*public_url) {
        const char *name = strstr(public_url, "://") + 3;
        origins_add(hosts, "", name, "");
        if (!strchr(name[0] == '[' ? strchr(name, ']') : name, ':')) { /* what some proxies send */
            origins_add(hosts, "", name, strncmp(public_url, "https:", 6) == 0 ? ":443" : ":80");
        }
        origins_add(origins, "", public_url, "");
    }
    add_host("127.0.0.1", port, hosts, origins);
    add_host("localhost", port, hosts, origins);
    add_host("[::1]", port, hosts, origins);
    if (strcmp(host, "0.0.0.0") != 0 && strcmp(host, "::") != 0 && !strchr(host, ':')) {
        add_host(host, port, hosts, origins);
    }
}
