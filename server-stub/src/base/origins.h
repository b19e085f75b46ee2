/* Origins ("https://example.org:8443") and Host headers: short lists, compared without case. */
#ifndef KEEPTAKE_SERVER_BASE_ORIGINS_H
#define KEEPTAKE_SERVER_BASE_ORIGINS_H

#define ORIGIN_BYTES 256
#define ORIGINS_MAX 16

typedef struct OriginList {
    int count;
    char items[ORIGINS_MAX][ORIGIN_BYTES];
} OriginList;

int origins_have(const OriginList *list, const char *text);
/* Adds scheme, host and port as one text, unless it is there or the list is full. */
void origins_add(OriginList *list, const char *scheme, const char *host, const char *port);
/* Adds the Host headers and the origins of the pages of a server that listens on host and port.
 *   public_url  how browsers reach it through a proxy, "" where they do not */
void origins_of_pages(const char *host, int port, const char *public_url, OriginList *hosts,
                      OriginList *origins);

#endif
