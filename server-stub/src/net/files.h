/* Files of one folder as pages of a browser, with the headers that make a page cross-origin
 * isolated. */
#ifndef KEEPTAKE_SERVER_NET_FILES_H
#define KEEPTAKE_SERVER_NET_FILES_H

#include <stdint.h>

#include "net/http.h"

#define FILES_PATH_BYTES 2048

#define FILES_ROOT_BYTES 1024

/* All borrowed while requests are answered. */
typedef struct Files {
    const char *root;           /* folder, shorter than FILES_ROOT_BYTES; "": there is none */
    const char *placeholder;    /* HTML of "/" without a folder */
    const char *content_policy; /* Content-Security-Policy */
    /* May set headers of an HTML page that is about to be sent; NULL: nobody does. */
    void (*decorate)(void *ctx, HttpRequest *r);
    void *ctx;
} Files;

/* Answers a GET or HEAD from the folder and returns the status, 200 or 304; 0, and nothing is
 * answered, where there is no such file. *sent_bytes: of the body. */
int files_answer(const Files *files, HttpRequest *r, uint64_t *sent_bytes);
/* Turns a request's percent-encoded path into a path below the folder: no "..", no hidden names, no
 * NUL;
 * "/" at the end stands for index.html. 0, or -1 where it is none. */
int files_path(const char *request_path, char out[FILES_PATH_BYTES]);
/* Media type by the name's ending; static. */
const char *files_type(const char *path);
/* Whether a name carries a hash of its content ("app-BxQ3fT9a.js"), so that it never changes. */
int files_is_hashed(const char *path);

#endif
