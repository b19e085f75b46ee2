/* Making, hashing and looking up tokens. */
#include "model/tokens.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/id.h"

int token_hash(const char *text, uint8_t hash[TOKEN_HASH_BYTES])
{
    unsigned length = TOKEN_HASH_BYTES;
    return EVP_Digest(text, strlen(text), hash, &length, EVP_sha256(), NULL) == 1 ? 0 : -1;
}

int token_make(TokenRow *row, char text[TOKEN_TEXT_BYTES])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t random[43];
    if (RAND_bytes(random, sizeof random) != 1 || id_make("tok_", row->id, sizeof row->id) != 0) {
        return -1;
    }
    memcpy(text, "kt_", 3);
    for (size_t i = 0; i < sizeof random; i++) {
        text[3 + i] = alphabet[random[i] & 63];
    }
    text[3 + sizeof random] = 0;
    return token_hash(text, row->hash);
}

int token_insert(DbConnection *c, const TokenRow *row)
{
    sqlite3_stmt *s = db_statement(c, DB_TOKEN_INSERT_SQL);
    sqlite3_bind_text(s, 1, row->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, row->organisation, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 3, row->role);
    sqlite3_bind_text(s, 4, row->label, -1, SQLITE_STATIC);
    sqlite3_bind_blob(s, 5, row->hash, TOKEN_HASH_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(s, 6, row->created_us);
    sqlite3_bind_int64(s, 7, row->expires_us);
    return db_run(c, s);
}

static void read_row(sqlite3_stmt *s, TokenRow *out)
{
    memset(out, 0, sizeof *out);
    db_text(s, 0, out->id, sizeof out->id);
    db_text(s, 1, out->organisation, sizeof out->organisation);
    int role = sqlite3_column_int(s, 2);
    out->role = role >= ROLE_VIEWER && role <= ROLE_OWNER ? (Role)role : ROLE_NONE;
    db_text(s, 3, out->label, sizeof out->label);
    out->created_us = sqlite3_column_int64(s, 4);
    out->expires_us = sqlite3_column_int64(s, 5);
}

int token_find(DbConnection *c, const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us, TokenRow *out)
{
    sqlite3_stmt *s = db_statement(c, DB_TOKEN_BY_HASH_SQL);
    sqlite3_bind_blob(s, 1, hash, TOKEN_HASH_BYTES, SQLITE_STATIC);
    int result = db_step(c, s);
    if (result <= 0) {
        return result == 0 ? DB_NOT_FOUND : result;
    }
    read_row(s, out);
    sqlite3_reset(s);
    return out->expires_us != 0 && out->expires_us <= now_us ? DB_NOT_FOUND : DB_OK;
}

int token_delete(DbConnection *c, const char *organisation, const char *id)
{
    sqlite3_stmt *s = db_statement(c, DB_TOKEN_DELETE_SQL);
    sqlite3_bind_text(s, 1, organisation, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, id, -1, SQLITE_STATIC);
    return db_run(c, s);
}

int token_delete_all(DbConnection *c, const char *organisation)
{
    sqlite3_stmt *s = db_statement(c, DB_TOKENS_DELETE_SQL);
    sqlite3_bind_text(s, 1, organisation, -1, SQLITE_STATIC);
    int status = db_run(c, s);
    return status == DB_NOT_FOUND ? DB_OK : status;
}

int token_list(DbConnection *c, const char *organisation,
               void (*each)(void *ctx, const TokenRow *row), void *ctx)
{
    sqlite3_stmt *s = db_statement(c, DB_TOKEN_LIST_SQL);
    sqlite3_bind_text(s, 1, organisation, -1, SQLITE_STATIC);
    int result;
    while ((result = db_step(c, s)) > 0) {
        TokenRow row;
        read_row(s, &row);
        each(ctx, &row);
    }
    return result;
}
