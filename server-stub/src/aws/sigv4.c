#include "aws/sigv4.h"

#include "base/digest.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MAX_PARAMETERS 128
#define KEY_BYTES 128

/* --- canonical request --- */

typedef struct Parameter {
    char *text; /* "name=value", encoded anew */
    size_t name_bytes;
} Parameter;

static int compare_parameters(const void *a, const void *b)
{
    const Parameter *x = a;
    const Parameter *y = b;
    size_t least = x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes;
    int order = memcmp(x->text, y->text, least);
    if (order != 0)
        return order;
    if (x->name_bytes != y->name_bytes)
        return x->name_bytes < y->name_bytes ? -1 : 1;
    return strcmp(x->text + x->name_bytes, y->text + y->name_bytes);
}

static int add_encoded(Text *out, const char *data, size_t bytes)
{
    char *decoded = malloc(bytes + 1);
    long n = decoded ? text_uri_decode(data, bytes, 1, decoded, bytes + 1) : -1;
    if (n >= 0)
        text_add_uri(out, decoded, (size_t)n, 0);
    free(decoded);
    return n >= 0;
}

static int parse_parameter(const char *item, size_t bytes, Parameter *out)
{
    const char *equals = memchr(item, '=', bytes);
    size_t name_bytes = equals ? (size_t)(equals - item) : bytes;
    Text text = {0};
    if (!add_encoded(&text, item, name_bytes))
        goto fail;
    out->name_bytes = text.bytes;
    text_add(&text, "=", 1);
    if (equals && !add_encoded(&text, equals + 1, bytes - name_bytes - 1))
        goto fail;
    if (text.failed)
        goto fail;
    out->text = text.data;
    return 1;
fail:
    text_reset(&text);
    return 0;
}

/* Sorted, encoded anew, without X-Amz-Signature. */
static SigV4Result add_canonical_query(Text *out, const char *query)
{
    Parameter parameters[MAX_PARAMETERS];
    int count = 0;
    SigV4Result result = SIGV4_MALFORMED;
    while (*query) {
        size_t bytes = strcspn(query, "&");
        if (bytes > 0 && strncmp(query, "X-Amz-Signature=", 16) != 0) {
            if (count == MAX_PARAMETERS || !parse_parameter(query, bytes, &parameters[count]))
                goto fail;
            count++;
        }
        query += bytes + (query[bytes] == '&');
    }
    qsort(parameters, (size_t)count, sizeof *parameters, compare_parameters);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            text_add(out, "&", 1);
        text_add_string(out, parameters[i].text);
    }
    result = SIGV4_OK;
fail:
    for (int i = 0; i < count; i++)
        free(parameters[i].text);
    return result;
}

/* Trimmed, runs of spaces as one. */
static void add_header_value(Text *out, const char *value)
{
    size_t end = strlen(value);
    while (end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t'))
        end--;
    size_t i = strspn(value, " \t");
    for (; i < end; i++)
        if (value[i] != ' ' || value[i + 1] != ' ')
            text_add(out, value + i, 1);
}

static int name_equals(const char *name, const char *wanted, size_t bytes)
{
    return strlen(name) == bytes && strncasecmp(name, wanted, bytes) == 0;
}

static SigV4Result add_canonical_headers(Text *out, const SigV4Request *request, const char *names)
{
    for (const char *name = names; *name;) {
        size_t bytes = strcspn(name, ";");
        int found = 0;
        for (int i = 0; i < request->header_count; i++) {
            if (!name_equals(request->headers[i].name, name, bytes))
                continue;
            if (!found)
                text_add(out, name, bytes);
            text_add(out, found ? "," : ":", 1);
            add_header_value(out, request->headers[i].value);
            found = 1;
        }
        if (!found)
            return SIGV4_MALFORMED;
        text_add(out, "\n", 1);
        name += bytes + (name[bytes] == ';');
    }
    return SIGV4_OK;
}

static SigV4Result canonical_sha256(const SigV4Request *request, const char *signed_headers,
                                    const char *payload, uint8_t out[32])
{
    Text text = {0};
    size_t path_bytes = strlen(request->path);
    char *path = malloc(path_bytes + 1);
    long n = path ? text_uri_decode(request->path, path_bytes, 0, path, path_bytes + 1) : -1;
    SigV4Result result = SIGV4_MALFORMED;
    if (n < 0)
        goto fail;
    text_format(&text, "%s\n", request->method);
    text_add_uri(&text, path, (size_t)n, 1);
    text_add(&text, "\n", 1);
    result = add_canonical_query(&text, request->query);
    if (result != SIGV4_OK)
        goto fail;
    text_add(&text, "\n", 1);
    result = add_canonical_headers(&text, request, signed_headers);
    if (result != SIGV4_OK)
        goto fail;
    text_format(&text, "\n%s\n%s", signed_headers, payload);
    if (text.failed)
        result = SIGV4_MEMORY;
    else
        digest_sha256(text.data, text.bytes, out);
fail:
    free(path);
    text_reset(&text);
    return result;
}

/* --- keys and signatures --- */

static void derive_key(const SigV4Account *account, const char *date, uint8_t key[32])
{
    char secret[KEY_BYTES + 8];
    int n = snprintf(secret, sizeof secret, "AWS4%.*s", KEY_BYTES, account->secret_key);
    digest_hmac_sha256(secret, (size_t)n, date, 8, key);
    digest_hmac_sha256(key, 32, account->region, strlen(account->region), key);
    digest_hmac_sha256(key, 32, "s3", 2, key);
    digest_hmac_sha256(key, 32, "aws4_request", 12, key);
}

static void sign_text(const uint8_t key[32], const char *text, size_t bytes, char out[65])
{
    uint8_t mac[32];
    digest_hmac_sha256(key, 32, text, bytes, mac);
    digest_to_hex(mac, 32, out);
}

static void sign_canonical(const uint8_t key[32], const char *date, const char *scope,
                           const uint8_t sha256[32], char out[65])
{
    char hex[65];
    char text[sizeof ALGORITHM + SIGV4_DATE_BYTES + SIGV4_SCOPE_BYTES + 70];
    digest_to_hex(sha256, 32, hex);
    int n = snprintf(text, sizeof text, ALGORITHM "\n%s\n%s\n%s", date, scope, hex);
    sign_text(key, text, (size_t)n, out);
}

void sigv4_sign_chunk(const SigV4Verified *seed, const char *kind, const char *previous,
                      const uint8_t sha256[32], char out[65])
{
    char hex[65];
    char text[400];
    digest_to_hex(sha256, 32, hex);
    int trailer = strstr(kind, "TRAILER") != NULL;
    int n = snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s%s%s", kind, seed->date, seed->scope,
                     previous, trailer ? "" : EMPTY_SHA256, trailer ? "" : "\n", hex);
    sign_text(seed->signing_key, text, (size_t)n, out);
}

SigV4Result sigv4_sign(const SigV4Request *request, const SigV4Account *account,
                       const char *signed_headers, const char *date, const char *payload,
                       char out[65])
{
    uint8_t key[32];
    uint8_t sha256[32];
    char scope[SIGV4_SCOPE_BYTES];
    SigV4Result result = canonical_sha256(request, signed_headers, payload, sha256);
    if (result != SIGV4_OK)
        return result;
    derive_key(account, date, key);
    snprintf(scope, sizeof scope, "%.8s/%s/s3/aws4_request", date, account->region);
    sign_canonical(key, date, scope, sha256, out);
    return SIGV4_OK;
}

/* --- what a request claims --- */

typedef struct Claim {
    char access_key[KEY_BYTES];
    char scope[SIGV4_SCOPE_BYTES];
    char date[SIGV4_DATE_BYTES];
    char signature[65];
    char signed_headers[1024];
    int64_t expires_seconds; /* 0: header-signed */
} Claim;

/* Seconds of Unix time of "20130524T000000Z", -1 where malformed. */
static int64_t parse_date(const char *date)
{
    struct tm tm = {0};
    char zone = 0;
    if (strlen(date) != 16 || date[8] != 'T' ||
        sscanf(date, "%4d%2d%2dT%2d%2d%2d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &zone) != 7 ||
        zone != 'Z')
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm);
}

static int copy_text(char *out, size_t out_bytes, const char *text, size_t bytes)
{
    if (bytes >= out_bytes)
        return 0;
    memcpy(out, text, bytes);
    out[bytes] = 0;
    return 1;
}

/* "KEY/20130524/region/s3/aws4_request" */
static int split_credential(const char *text, size_t bytes, Claim *claim)
{
    const char *slash = memchr(text, '/', bytes);
    if (!slash)
        return 0;
    size_t key_bytes = (size_t)(slash - text);
    return copy_text(claim->access_key, sizeof claim->access_key, text, key_bytes) &&
           copy_text(claim->scope, sizeof claim->scope, slash + 1, bytes - key_bytes - 1);
}

static const char *find_header(const SigV4Request *request, const char *name)
{
    for (int i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static SigV4Result claim_of_header(const SigV4Request *request, const char *authorization,
                                   Claim *claim)
{
    const char *date = find_header(request, "x-amz-date");
    int found = 0;
    authorization += strlen(ALGORITHM);
    while (*authorization) {
        authorization += strspn(authorization, " ,\t");
        size_t bytes = strcspn(authorization, ",");
        size_t used = bytes;
        while (used > 0 && authorization[used - 1] == ' ')
            used--;
        if (used > 11 && strncmp(authorization, "Credential=", 11) == 0)
            found += split_credential(authorization + 11, used - 11, claim);
        else if (used > 14 && strncmp(authorization, "SignedHeaders=", 14) == 0)
            found += copy_text(claim->signed_headers, sizeof claim->signed_headers,
                               authorization + 14, used - 14);
        else if (used == 74 && strncmp(authorization, "Signature=", 10) == 0)
            found += copy_text(claim->signature, sizeof claim->signature, authorization + 10, 64);
        authorization += bytes;
    }
    if (found != 3 || !date || !copy_text(claim->date, sizeof claim->date, date, strlen(date)))
        return SIGV4_MALFORMED;
    return SIGV4_OK;
}

/* Decoded value of a query parameter; 0 where absent, malformed or too long. */
static int find_parameter(const char *query, const char *name, char *out, size_t out_bytes)
{
    size_t name_bytes = strlen(name);
    while (*query) {
        size_t bytes = strcspn(query, "&");
        if (bytes > name_bytes && query[name_bytes] == '=' && strncmp(query, name, name_bytes) == 0)
            return text_uri_decode(query + name_bytes + 1, bytes - name_bytes - 1, 1, out,
                                   out_bytes) >= 0;
        query += bytes + (query[bytes] == '&');
    }
    return 0;
}

static SigV4Result claim_of_query(const SigV4Request *request, Claim *claim)
{
    char credential[KEY_BYTES + SIGV4_SCOPE_BYTES];
    char expires[16];
    char algorithm[32];
    char *end = NULL;
    const char *query = request->query;
    if (!find_parameter(query, "X-Amz-Algorithm", algorithm, sizeof algorithm) ||
        strcmp(algorithm, ALGORITHM) != 0 ||
        !find_parameter(query, "X-Amz-Credential", credential, sizeof credential) ||
        !split_credential(credential, strlen(credential), claim) ||
        !find_parameter(query, "X-Amz-Date", claim->date, sizeof claim->date) ||
        !find_parameter(query, "X-Amz-Expires", expires, sizeof expires) ||
        !find_parameter(query, "X-Amz-SignedHeaders", claim->signed_headers,
                        sizeof claim->signed_headers) ||
        !find_parameter(query, "X-Amz-Signature", claim->signature, sizeof claim->signature) ||
        strlen(claim->signature) != 64)
        return SIGV4_MALFORMED;
    claim->expires_seconds = strtoll(expires, &end, 10);
    if (end == expires || *end)
        return SIGV4_MALFORMED;
    if (claim->expires_seconds < 1 || claim->expires_seconds > SIGV4_MAX_EXPIRES_SECONDS)
        return SIGV4_TOO_LONG_LIVED;
    return SIGV4_OK;
}

static int is_signed(const Claim *claim, const char *name)
{
    size_t name_bytes = strlen(name);
    for (const char *at = claim->signed_headers; *at;) {
        size_t bytes = strcspn(at, ";");
        if (bytes == name_bytes && strncasecmp(at, name, bytes) == 0)
            return 1;
        at += bytes + (at[bytes] == ';');
    }
    return 0;
}

static SigV4Result check_claim(const SigV4Request *request, const SigV4Account *account,
                               const Claim *claim, int64_t now_s)
{
    char scope[SIGV4_SCOPE_BYTES];
    int64_t date_s = parse_date(claim->date);
    if (date_s < 0)
        return SIGV4_MALFORMED;
    if (strlen(claim->access_key) != strlen(account->access_key) ||
        !digest_equal(claim->access_key, account->access_key, strlen(account->access_key)))
        return SIGV4_UNKNOWN_KEY;
    snprintf(scope, sizeof scope, "%.8s/%s/s3/aws4_request", claim->date, account->region);
    if (strcmp(scope, claim->scope) != 0)
        return SIGV4_WRONG_SCOPE;
    if (date_s > now_s + SIGV4_MAX_SKEW_SECONDS ||
        (claim->expires_seconds == 0 && date_s < now_s - SIGV4_MAX_SKEW_SECONDS))
        return SIGV4_SKEWED;
    if (!is_signed(claim, "host"))
        return SIGV4_UNSIGNED_HEADER;
    for (int i = 0; i < request->header_count; i++)
        if (strncasecmp(request->headers[i].name, "x-amz-", 6) == 0 &&
            !is_signed(claim, request->headers[i].name))
            return SIGV4_UNSIGNED_HEADER;
    return SIGV4_OK;
}

SigV4Result sigv4_verify(const SigV4Request *request, const SigV4Account *account,
                         int64_t now_unix_us, SigV4Verified *out)
{
    Claim claim = {0};
    uint8_t sha256[32];
    char expected[65];
    const char *authorization = find_header(request, "Authorization");
    const char *payload = find_header(request, "x-amz-content-sha256");
    SigV4Result result;
    memset(out, 0, sizeof *out);
    if (authorization) {
        result = strncmp(authorization, ALGORITHM " ", strlen(ALGORITHM) + 1) == 0
                     ? claim_of_header(request, authorization, &claim)
                     : SIGV4_MALFORMED;
        if (result == SIGV4_OK && !payload)
            result = SIGV4_NO_PAYLOAD_HASH;
    } else if (strstr(request->query, "X-Amz-")) {
        result = claim_of_query(request, &claim);
        if (!payload)
            payload = "UNSIGNED-PAYLOAD";
    } else {
        return SIGV4_ANONYMOUS;
    }
    if (result == SIGV4_OK)
        result = check_claim(request, account, &claim, now_unix_us / 1000000);
    if (result == SIGV4_OK)
        result = canonical_sha256(request, claim.signed_headers, payload, sha256);
    if (result != SIGV4_OK)
        return result;
    derive_key(account, claim.date, out->signing_key);
    sign_canonical(out->signing_key, claim.date, claim.scope, sha256, expected);
    if (!digest_equal(expected, claim.signature, 64))
        return SIGV4_MISMATCH;
    /* Told only to who holds the key. */
    if (claim.expires_seconds > 0 &&
        now_unix_us / 1000000 > parse_date(claim.date) + claim.expires_seconds)
        return SIGV4_EXPIRED;
    out->presigned = claim.expires_seconds > 0;
    out->payload = payload;
    memcpy(out->date, claim.date, sizeof out->date);
    memcpy(out->scope, claim.scope, sizeof out->scope);
    memcpy(out->signature, claim.signature, sizeof out->signature);
    return SIGV4_OK;
}

/* --- presigned URLs --- */

int sigv4_presign(const SigV4Account *account, const char *method, const char *base_url,
                  const char *path, const char *extra_query, int expires_seconds,
                  int64_t now_unix_us, char *url, size_t url_bytes)
{
    Text query = {0};
    Text encoded = {0};
    char date[SIGV4_DATE_BYTES];
    char signature[65];
    time_t now_s = (time_t)(now_unix_us / 1000000);
    struct tm tm;
    int n = -1;
    const char *host = strstr(base_url, "://");
    if (!host || expires_seconds < 1 || expires_seconds > SIGV4_MAX_EXPIRES_SECONDS ||
        !gmtime_r(&now_s, &tm) || strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm) != 16)
        return -1;
    if (*extra_query)
        text_format(&query, "%s&", extra_query);
    text_add_string(&query, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");
    text_add_uri(&query, account->access_key, strlen(account->access_key), 0);
    text_format(&query, "%%2F%.8s%%2F", date);
    text_add_uri(&query, account->region, strlen(account->region), 0);
    text_format(&query, "%%2Fs3%%2Faws4_request&X-Amz-Date=%s&X-Amz-Expires=%d", date,
                expires_seconds);
    text_add_string(&query, "&X-Amz-SignedHeaders=host");
    text_add_uri(&encoded, path, strlen(path), 1);
    if (query.failed || encoded.failed)
        goto fail;
    SigV4Header headers[] = {{"host", host + 3}};
    SigV4Request request = {method, encoded.data, query.data, headers, 1};
    if (sigv4_sign(&request, account, "host", date, "UNSIGNED-PAYLOAD", signature) != SIGV4_OK)
        goto fail;
    n = snprintf(url, url_bytes, "%s%s?%s&X-Amz-Signature=%s", base_url, encoded.data, query.data,
                 signature);
    if (n < 0 || (size_t)n >= url_bytes)
        n = -1;
fail:
    text_reset(&query);
    text_reset(&encoded);
    return n;
}
