/* Host, Origin, tokens and cookies. */
#include "access/auth.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"

void auth_init(Auth *auth, const AuthSettings *settings, const uint8_t key[AUTH_KEY_BYTES])
{
    memset(auth, 0, sizeof *auth);
    memcpy(auth->key, key, AUTH_KEY_BYTES);
    auth->local_owner = settings->local_owner;
    auth_set_names(auth, settings);
}

void auth_set_names(Auth *auth, const AuthSettings *settings)
{
    auth->hosts.count = auth->own_origins.count = 0;
    auth->allowed_origins = *settings->allowed_origins;
    origins_of_pages(settings->host, settings->port, settings->public_url, &auth->hosts,
                     &auth->own_origins);
    for (int i = 0; i < settings->allowed_hosts->count; i++) {
        origins_add(&auth->hosts, "", settings->allowed_hosts->items[i], "");
    }
}

int auth_host_allowed(const Auth *auth, const char *host)
{
    return host && origins_have(&auth->hosts, host);
}

int auth_origin_is_own(const Auth *auth, const char *origin)
{
    return origin && origins_have(&auth->own_origins, origin);
}

int auth_origin_allowed(const Auth *auth, const char *origin)
{
    return origin && origins_have(&auth->allowed_origins, origin);
}

int auth_peer_is_local(const char *peer)
{
    return strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0 ||
           strncmp(peer, "::ffff:127.", 11) == 0;
}

/* --- the session cookie --- */

static void sign(const Auth *auth, const char *text, size_t bytes, char hex[65])
{
    uint8_t mac[32];
    digest_hmac_sha256(auth->key, AUTH_KEY_BYTES, text, bytes, mac);
    digest_to_hex(mac, sizeof mac, hex);
}

int auth_cookie_make(const Auth *auth, int64_t now_us, char out[AUTH_COOKIE_BYTES])
{
    uint8_t nonce[8];
    char nonce_hex[17], signature[65];
    if (RAND_bytes(nonce, sizeof nonce) != 1) {
        return -1;
    }
    digest_to_hex(nonce, sizeof nonce, nonce_hex);
    int length = snprintf(out, AUTH_COOKIE_BYTES, "v1.%lld.%s",
                          (long long)(now_us / 1000000 + AUTH_COOKIE_SECONDS), nonce_hex);
    sign(auth, out, (size_t)length, signature);
    snprintf(out + length, AUTH_COOKIE_BYTES - (size_t)length, ".%s", signature);
    return 0;
}

static int session_valid(const Auth *auth, const char *value, size_t bytes, int64_t now_us)
{
    char text[AUTH_COOKIE_BYTES], signature[65];
    if (bytes >= sizeof text || bytes < 65 + 3) {
        return 0;
    }
    memcpy(text, value, bytes);
    text[bytes] = 0;
    size_t signed_bytes = bytes - 65;
    sign(auth, text, signed_bytes, signature);
    if (strncmp(text, "v1.", 3) != 0 || text[signed_bytes] != '.' ||
        !digest_equal(text + signed_bytes + 1, signature, 64)) {
        return 0;
    }
    return strtoll(text + 3, NULL, 10) > now_us / 1000000;
}

int auth_cookie_valid(const Auth *auth, const char *header, int64_t now_us)
{
    const size_t name_bytes = sizeof AUTH_COOKIE_NAME - 1;
    for (const char *p = header; p && *p;) {
        p += strspn(p, "; \t");
        size_t bytes = strcspn(p, ";");
        if (bytes > name_bytes && strncmp(p, AUTH_COOKIE_NAME, name_bytes) == 0 &&
            p[name_bytes] == '=' &&
            session_valid(auth, p + name_bytes + 1, bytes - name_bytes - 1, now_us)) {
            return 1;
        }
        p += bytes;
    }
    return 0;
}

/* --- writers --- */

void auth_writer_make(const Auth *auth, const char *id, char out[AUTH_WRITER_BYTES])
{
    char text[64], hex[65];
    int length = snprintf(text, sizeof text, "keeptake writer\n%.40s", id);
    sign(auth, text, (size_t)length, hex);
    snprintf(out, AUTH_WRITER_BYTES, "wr_%.32s", hex);
}

int auth_writer_valid(const Auth *auth, const char *id, const char *text)
{
    char expected[AUTH_WRITER_BYTES];
    if (!text || strlen(text) != AUTH_WRITER_BYTES - 1) {
        return 0;
    }
    auth_writer_make(auth, id, expected);
    return digest_equal(text, expected, AUTH_WRITER_BYTES - 1);
}

/* --- tokens --- */

static uint64_t peer_hash(const char *peer)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (; *peer; peer++) {
        hash = (hash ^ (uint8_t)*peer) * 1099511628211u;
    }
    return hash;
}

static AuthAnswer note_failure(Auth *auth, const char *peer, int64_t now_us)
{
    uint64_t hash = peer_hash(peer);
    AuthPeer *slot = &auth->peers[hash % AUTH_PEERS];
    if (slot->hash != hash || now_us - slot->window_start_us >= AUTH_WINDOW_US ||
        now_us < slot->window_start_us) {
        *slot = (AuthPeer){.hash = hash, .window_start_us = now_us};
    }
    return ++slot->failures > AUTH_MAX_FAILURES ? AUTH_LIMITED : AUTH_INVALID;
}

static AuthCached *cache_slot(Auth *auth, const uint8_t *hash)
{
    return &auth->cache[(hash[0] | hash[1] << 8) % AUTH_CACHE_SLOTS];
}

/* Whether the cache knows; *out is filled then. */
static int is_cached(Auth *auth, const AuthLookup *lookup, Identity *out)
{
    const AuthCached *slot = cache_slot(auth, lookup->hash);
    int64_t age_us = lookup->now_us - slot->looked_us;
    if (slot->version != auth->version + 1 || age_us < 0 || age_us >= AUTH_CACHE_US ||
        (slot->expires_us != 0 && slot->expires_us <= lookup->now_us) ||
        memcmp(slot->hash, lookup->hash, TOKEN_HASH_BYTES) != 0) {
        return 0;
    }
    *out = slot->identity;
    return 1;
}

static AuthAnswer by_token(Auth *auth, const AuthQuestion *q, AuthLookup *lookup, Identity *out)
{
    const char *text = q->authorization;
    if (strncasecmp(text, "Bearer ", 7) != 0) {
        return note_failure(auth, q->peer, q->now_us);
    }
    text += 7 + strspn(text + 7, " ");
    if (strlen(text) != TOKEN_TEXT_BYTES - 2 || strncmp(text, "kt_", 3) != 0) {
        return note_failure(auth, q->peer, q->now_us);
    }
    if (token_hash(text, lookup->hash) != 0) {
        return AUTH_BROKEN;
    }
    snprintf(lookup->peer, sizeof lookup->peer, "%s", q->peer);
    lookup->now_us = q->now_us;
    lookup->version = auth->version;
    return is_cached(auth, lookup, out) ? AUTH_OK : AUTH_ASK;
}

int auth_look_up(DbConnection *c, void *ctx)
{
    AuthLookup *lookup = ctx;
    lookup->status = token_find(c, lookup->hash, lookup->now_us, &lookup->row);
    return DB_OK;
}

AuthAnswer auth_resolve(Auth *auth, const AuthLookup *lookup, int read, Identity *out)
{
    const TokenRow *row = &lookup->row;
    if (read != DB_OK || (lookup->status != DB_OK && lookup->status != DB_NOT_FOUND)) {
        return AUTH_BROKEN;
    }
    if (lookup->status == DB_NOT_FOUND && row->id[0] != 0) {
        return AUTH_EXPIRED;
    }
    if (lookup->status == DB_NOT_FOUND || row->role == ROLE_NONE) {
        return note_failure(auth, lookup->peer, lookup->now_us);
    }
    *out = (Identity){.role = row->role};
    memcpy(out->organisation, row->organisation, sizeof out->organisation);
    memcpy(out->token_id, row->id, sizeof out->token_id);
    if (lookup->version == auth->version) { /* nothing was revoked meanwhile */
        AuthCached *slot = cache_slot(auth, lookup->hash);
        *slot = (AuthCached){.identity = *out,
                             .looked_us = lookup->now_us,
                             .expires_us = row->expires_us,
                             .version = auth->version + 1};
        memcpy(slot->hash, lookup->hash, TOKEN_HASH_BYTES);
    }
    return AUTH_OK;
}

void auth_forget_tokens(Auth *auth)
{
    auth->version++;
}

/* The cookie says who sits at the machine, not which page asks: that takes Origin or
 * Sec-Fetch-Site. */
static int from_own_page(const Auth *auth, const AuthQuestion *q)
{
    if (q->origin) {
        return auth_origin_is_own(auth, q->origin);
    }
    if (q->fetch_site) {
        return strcmp(q->fetch_site, "same-origin") == 0 ||
               (!q->changes && strcmp(q->fetch_site, "none") == 0);
    }
    return !q->changes;
}

AuthAnswer auth_identify(Auth *auth, const AuthQuestion *q, AuthLookup *lookup, Identity *out)
{
    memset(out, 0, sizeof *out);
    memset(lookup, 0, sizeof *lookup);
    if (q->authorization) {
        return by_token(auth, q, lookup, out);
    }
    if (!auth->local_owner || q->forwarded || !auth_peer_is_local(q->peer) ||
        !auth_cookie_valid(auth, q->cookie, q->now_us)) {
        return AUTH_MISSING;
    }
    if (!from_own_page(auth, q)) {
        return AUTH_CROSS_ORIGIN;
    }
    out->role = ROLE_OWNER;
    out->by_cookie = 1;
    strcpy(out->organisation, AUTH_LOCAL_ORGANISATION);
    return AUTH_OK;
}
