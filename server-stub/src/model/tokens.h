/* API tokens: who may do what. A token is shown once and kept as its SHA-256. */
#ifndef KEEPTAKE_SERVER_MODEL_TOKENS_H
#define KEEPTAKE_SERVER_MODEL_TOKENS_H

#include "db/db.h"
#include "model/organisations.h"
#include "model/roles.h"

#define TOKEN_TEXT_BYTES 48 /* "kt_" and 43 characters of base64url (256 random bits), NUL */
#define TOKEN_ID_BYTES 32
#define TOKEN_LABEL_CHARS 100
#define TOKEN_LABEL_BYTES 401
#define TOKEN_HASH_BYTES 32
#define TOKEN_MAX_SECONDS (10LL * 366 * 86400)

typedef struct TokenRow {
    char id[TOKEN_ID_BYTES];
    char organisation[ORGANISATION_BYTES];
    Role role;
    char label[TOKEN_LABEL_BYTES];
    uint8_t hash[TOKEN_HASH_BYTES]; /* written, never read back */
    int64_t created_us, expires_us; /* Unix time; expires_us 0: never */
} TokenRow;

/* Fills text with a new token and row->id, row->hash with what belongs to it. -1: no randomness. */
int token_make(TokenRow *row, char text[TOKEN_TEXT_BYTES]);
/* SHA-256 of a token's text. 0, or -1. */
int token_hash(const char *text, uint8_t hash[TOKEN_HASH_BYTES]);

/* DB_CONFLICT where the organisation does not exist. */
int token_insert(DbConnection *c, const TokenRow *row);
/* By the hash of its text. DB_NOT_FOUND also for one that has expired by now_us, of which out
 * tells.
 */
int token_find(DbConnection *c, const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us,
               TokenRow *out);
int token_delete(DbConnection *c, const char *organisation, const char *id);
/* All of an organisation; DB_OK also where there was none. */
int token_delete_all(DbConnection *c, const char *organisation);
/* Calls each(ctx, row) for an organisation's tokens, newest first. */
int token_list(DbConnection *c, const char *organisation,
               void (*each)(void *ctx, const TokenRow *row), void *ctx);

#endif
