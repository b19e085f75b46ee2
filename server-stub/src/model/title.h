/* Titles of takes: cleaned and cut, never refused; and the file names that downloads get from them.
 */
#ifndef KEEPTAKE_SERVER_MODEL_TITLE_H
#define KEEPTAKE_SERVER_MODEL_TITLE_H

#include <stddef.h>

#define TITLE_CHARS 200  /* as people count them: an emoji with its skin tone is one */
#define TITLE_BYTES 6001 /* a family of emoji has 25 bytes; NUL included */

/* Copies text (UTF-8) to out: control characters and line ends become one space, bidirectional
 * overrides go, space at the ends goes; at most TITLE_CHARS characters, cut between two. */
void title_clean(const char *text, char out[TITLE_BYTES]);
/* Writes a Content-Disposition that saves a file under the title with ".webm" (RFC 6266): filename
 * for all, filename* (RFC 8187) beside it where the title has more than letters, digits and a few
 * marks. fallback: a name for a title without any; out holds TITLE_DISPOSITION_BYTES. */
#define TITLE_DISPOSITION_BYTES 1024
void title_disposition(const char *title, const char *fallback, char out[TITLE_DISPOSITION_BYTES]);

#endif
