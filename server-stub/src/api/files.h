/* The studio's pages: files of one folder, with the headers that make a page cross-origin isolated.
 */
#ifndef KEEPTAKE_SERVER_API_FILES_H
#define KEEPTAKE_SERVER_API_FILES_H

#include "api/api.h"

#define STATIC_PATH_BYTES 2048

/* Answers a GET or HEAD for a page; sets call->status and call->sent_bytes. */
void static_answer(ApiCall *call);
/* Turns a request's percent-encoded path into a path below the folder: no "..", no hidden names, no
 * NUL;
 * "/" at the end stands for index.html. 0, or -1 where it is none. */
int static_path(const char *request_path, char out[STATIC_PATH_BYTES]);
/* Media type by the name's ending; static. */
const char *static_type(const char *path);
/* Whether a name carries a hash of its content ("app-BxQ3fT9a.js"), so that it never changes. */
int static_is_hashed(const char *path);

#endif
