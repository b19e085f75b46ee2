/* Parts of the composition's JSON form that the scene needs too. */
#ifndef KEEPTAKE_SRC_COMPOSITION_JSON_H
#define KEEPTAKE_SRC_COMPOSITION_JSON_H

#include "keeptake/composition.h"
#include "text.h"

struct cJSON;

/* 1..KT_ID_BYTES - 1 bytes of [A-Za-z0-9._:-] */
int kt__composition_id_ok(const char *id);
/* kt_composition_parse for a tree that is there already. */
KtStatus kt__composition_read(const struct cJSON *root, KtComposition *out, char *error,
                              size_t error_bytes);
/* {"kind":…} */
void kt__composition_print_background(KtText *text, const KtBackground *background);
/* "shape":…,"radius":…,"fit":…,"mirror":…,"border":{…},"opacity":… */
void kt__composition_print_look(KtText *text, const KtCompositionSource *source);

#endif
