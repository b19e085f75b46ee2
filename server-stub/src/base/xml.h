/* Reader of the small XML documents that S3 clients send. No DTD, no external anything; depth, text
 * and names are limited. Pure. */
#ifndef KEEPTAKE_SERVER_BASE_XML_H
#define KEEPTAKE_SERVER_BASE_XML_H

#include <stddef.h>

#define XML_MAX_DEPTH 8    /* S3's documents have four */
#define XML_PATH_BYTES 256 /* names from the root on, joined by '/' */
/* Of one element: a key of 1024 bytes, escaped by the client or not. */
#define XML_TEXT_BYTES 4096

/* Called at the end of each element with its path ("Delete/Object/Key", namespace prefixes left
 * out) and its own text, entities decoded, not trimmed; "" for an element that holds elements.
 * Non-zero stops. */
typedef int (*XmlElement)(void *ctx, const char *path, const char *text);

/* Returns 0 when text is one well-formed document and element never stopped; -1 when it is
 * malformed or beyond a limit; else what element returned. */
int xml_parse(const char *text, size_t bytes, XmlElement element, void *ctx);

#endif
