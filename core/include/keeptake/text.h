/* Text that the core hands over. */
#ifndef KEEPTAKE_TEXT_H
#define KEEPTAKE_TEXT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Frees text or bytes that a call of the core handed over, where its contract says so. NULL is
 * nothing. */
void kt_text_free(void *text);

#ifdef __cplusplus
}
#endif
#endif
