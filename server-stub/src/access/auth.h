/* Who is asking: Host and Origin, bearer tokens, the local owner's cookie, and a limit on guessing.
 * No sockets here: the questions are strings, so that tests can ask them all. docs/security.md. */
#ifndef KEEPTAKE_SERVER_ACCESS_AUTH_H
#define KEEPTAKE_SERVER_ACCESS_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/origins.h"
#include "model/tokens.h"

#define AUTH_COOKIE_NAME "keeptake_session"
#define AUTH_COOKIE_BYTES 128
#define AUTH_KEY_BYTES 32
#define AUTH_COOKIE_SECONDS (30 * 86400)
#define AUTH_LOCAL_ORGANISATION "local"

/* Wrong tokens from one peer within a minute before the answer is "rate limited". Right ones are
 * never refused for it: people behind one address must not lock each other out, and a token is 256
 * random bits, so the limit only saves work and log lines. */
#define AUTH_MAX_FAILURES 30
#define AUTH_WINDOW_US 60000000
#define AUTH_PEERS 256

/* Tokens that were looked up lately: so long a revocation by another process (a command of the
 * operator) may take until it counts. One by this process counts at once (auth_forget_tokens). */
#define AUTH_CACHE_US 5000000
#define AUTH_CACHE_SLOTS 256

typedef struct AuthPeer {
    uint64_t hash;
    int64_t window_start_us;
    int failures;
} AuthPeer;

typedef struct Identity {
    Role role;
    char organisation[ORGANISATION_BYTES];
    char token_id[TOKEN_ID_BYTES]; /* "": by cookie */
    int by_cookie;
} Identity;

typedef struct AuthCached {
    uint8_t hash[TOKEN_HASH_BYTES];
    Identity identity;
    int64_t looked_us, expires_us; /* expires_us 0: never */
    uint64_t version;              /* 0: the slot is empty */
} AuthCached;

typedef struct Auth {
    /* Fixed once the ports are known. */
    OriginList hosts;           /* Host headers that are answered, lower case */
    OriginList own_origins;     /* of the server's own pages */
    OriginList allowed_origins; /* of other pages */
    int local_owner;
    uint8_t key[AUTH_KEY_BYTES]; /* signs session cookies */
    /* Changes while running. */
    AuthPeer peers[AUTH_PEERS];
    AuthCached cache[AUTH_CACHE_SLOTS];
    uint64_t version; /* of the tokens; grows when some are revoked */
} Auth;

/* Borrowed for the call. */
typedef struct AuthSettings {
    const char *host; /* address that the server listens on */
    int port;
    const char *public_url;            /* how browsers reach it; "": host:port */
    const OriginList *allowed_origins; /* of other pages */
    const OriginList *allowed_hosts;   /* more Host headers that are answered */
    int local_owner;
} AuthSettings;

/* A request's headers, NULL where absent; borrowed. */
typedef struct AuthQuestion {
    const char *authorization, *cookie, *origin, *fetch_site;
    const char *peer;
    int forwarded;  /* it came through a proxy: the peer is not the user */
    int changes;    /* the method may change something */
    int64_t now_us; /* Unix time */
} AuthQuestion;

typedef enum AuthAnswer {
    AUTH_ASK = 1, /* the database has to be asked: auth_look_up, then auth_resolve */
    AUTH_OK = 0,
    AUTH_MISSING = -1,      /* neither a token nor a session */
    AUTH_INVALID = -2,      /* the token is unknown, deleted or malformed */
    AUTH_LIMITED = -3,      /* the same, too often */
    AUTH_CROSS_ORIGIN = -4, /* a session's cookie on a request from another page */
    AUTH_BROKEN = -5,       /* the database does not answer */
    AUTH_EXPIRED = -6,      /* the token was one; no guess, so it does not count as a failure */
} AuthAnswer;

void auth_init(Auth *auth, const AuthSettings *settings, const uint8_t key[AUTH_KEY_BYTES]);
/* Takes over hosts and origins, and nothing else, from now on. */
void auth_set_names(Auth *auth, const AuthSettings *settings);
int auth_host_allowed(const Auth *auth, const char *host);
int auth_origin_is_own(const Auth *auth, const char *origin);
int auth_origin_allowed(const Auth *auth, const char *origin);
/* Whether text is the address of this machine itself, as http_peer writes it. */
int auth_peer_is_local(const char *peer);

/* A token on its way through the database; zero-filled by auth_identify. */
typedef struct AuthLookup {
    uint8_t hash[TOKEN_HASH_BYTES];
    char peer[64];
    int64_t now_us;
    uint64_t version;
    int status; /* DbStatus */
    TokenRow row;
} AuthLookup;

/* Fills *out and returns AUTH_OK, or AUTH_ASK with *lookup filled, or says why not. Reads nothing.
 */
AuthAnswer auth_identify(Auth *auth, const AuthQuestion *question, AuthLookup *lookup,
                         Identity *out);
/* For db_read, ctx is an AuthLookup: any thread. DB_OK; the lookup knows its own status. */
int auth_look_up(DbConnection *c, void *ctx);
/* The answer, once that has run. read: what db_read said. */
AuthAnswer auth_resolve(Auth *auth, const AuthLookup *lookup, int read, Identity *out);
/* After tokens were revoked: none counts any more that was looked up before. */
void auth_forget_tokens(Auth *auth);

/* A session of the local owner, "v1.EXPIRES.NONCE.SIGNATURE". 0, or -1 without randomness. */
int auth_cookie_make(const Auth *auth, int64_t now_us, char out[AUTH_COOKIE_BYTES]);
/* The secret of whoever records the recording id, "wr_" and 32 hex digits: made from the session
 * key, so that nothing of it has to be kept. */
#define AUTH_WRITER_BYTES 36
void auth_writer_make(const Auth *auth, const char *id, char out[AUTH_WRITER_BYTES]);
/* Whether text (NULL: no) is that secret. */
int auth_writer_valid(const Auth *auth, const char *id, const char *text);
/* Whether a Cookie header holds a session that is valid now. */
int auth_cookie_valid(const Auth *auth, const char *header, int64_t now_us);

#endif
