/* Pages of the studio: opened at once (small local files), sent from their descriptors. */
#include "api/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static const char no_studio[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Keeptake</title>"
    "<h1>Keeptake server</h1><p>The server runs. It was started without the studio page: "
    "give its folder with --studio.</p></html>\n";

int static_path(const char *request_path, char out[STATIC_PATH_BYTES])
{
    char decoded[STATIC_PATH_BYTES - 16];
    long length = text_uri_decode(request_path, strlen(request_path), 0, decoded, sizeof decoded);
    if (length < 1 || decoded[0] != '/' || (long)strlen(decoded) != length ||
        strchr(decoded, '\\')) {
        return -1;
    }
    for (const char *segment = decoded; segment; segment = strchr(segment + 1, '/')) {
        if (segment[1] == '.' || (segment[1] == '/')) { /* "..", hidden names, empty segments */
            return -1;
        }
    }
    snprintf(out, STATIC_PATH_BYTES, "%s%s", decoded + 1,
             decoded[length - 1] == '/' ? "index.html" : "");
    return 0;
}

const char *static_type(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".wasm", "application/wasm"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".webm", "video/webm"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i][0], dot) == 0) {
            return types[i][1];
        }
    }
    return "application/octet-stream";
}

/* NAME-XXXXXXXX.EXT in the folder assets/, as bundlers name what they hash. */
int static_is_hashed(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (strncmp(path, "assets/", 7) != 0 || !slash) {
        return 0;
    }
    const char *end = strchr(slash, '.');
    size_t hash = 0;
    for (const char *p = end; end && p > slash && hash < 8; hash++) {
        p--;
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", *p)) {
            return 0;
        }
    }
    return end && hash == 8 && end - slash > 9 && end[-9] == '-';
}

typedef struct Page {
    int fd;
    int64_t bytes;
    int compressed;
    char etag[64];
} Page;

static int open_file(const char *root, const char *path, const char *ending, Page *out)
{
    char full[CONFIG_PATH_BYTES + STATIC_PATH_BYTES + 8];
    struct stat info;
    snprintf(full, sizeof full, "%s/%s%s", root, path, ending);
    out->fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (out->fd < 0) {
        return -1;
    }
    if (fstat(out->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(out->fd);
        return -1;
    }
    out->bytes = info.st_size;
    out->compressed = *ending != 0;
    snprintf(out->etag, sizeof out->etag, "\"%llx-%llx%s\"",
             (unsigned long long)info.st_mtim.tv_sec * 1000000000u +
                 (unsigned long long)info.st_mtim.tv_nsec,
             (unsigned long long)info.st_size, *ending ? "-gz" : "");
    return 0;
}

static int accepts_gzip(const HttpRequest *r)
{
    const char *accept = http_header(r, "Accept-Encoding");
    const char *gzip = accept ? strstr(accept, "gzip") : NULL;
    return gzip && strncmp(gzip + 4, ";q=0", 4) != 0;
}

/* Whether an If-None-Match header names the ETag. */
static int names_etag(const char *header, const char *etag)
{
    return header && (strcmp(header, "*") == 0 || strstr(header, etag));
}

static void set_headers(ApiCall *call, const char *path, const Page *page)
{
    HttpRequest *r = call->request;
    char isolation[8] = "";
    http_query(r, "isolation", isolation, sizeof isolation);
    if (strcmp(isolation, "off") != 0) {
        http_set_header(r, "Cross-Origin-Opener-Policy", "same-origin");
        http_set_header(r, "Cross-Origin-Embedder-Policy", "require-corp");
    }
    http_set_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    http_set_header(r, "Content-Security-Policy", call->server->content_policy);
    http_set_header(r, "Referrer-Policy", "no-referrer");
    http_set_header(r, "X-Frame-Options", "DENY");
    http_set_header(r, "ETag", page->etag);
    http_set_header(r, "Vary", "Accept-Encoding");
    http_set_header(r, "Cache-Control",
                    static_is_hashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
    if (page->compressed) {
        http_set_header(r, "Content-Encoding", "gzip");
    }
}

/* Whoever opens the studio on this machine gets the owner's session with it. */
static void set_session(ApiCall *call)
{
    const HttpRequest *r = call->request;
    const Auth *auth = &call->server->auth;
    char cookie[AUTH_COOKIE_BYTES], header[AUTH_COOKIE_BYTES + 128];
    const char *site = http_header(r, "Sec-Fetch-Site");
    if (!auth->local_owner || !auth_peer_is_local(http_peer(r)) ||
        http_header(r, "X-Forwarded-For") || http_header(r, "Forwarded") || http_header(r, "Via") ||
        (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0 &&
         !(http_header(r, "Sec-Fetch-Mode") &&
           strcmp(http_header(r, "Sec-Fetch-Mode"), "navigate") == 0)) ||
        auth_cookie_make(auth, clock_now_us(), cookie) != 0) {
        return;
    }
    snprintf(header, sizeof header,
             AUTH_COOKIE_NAME "=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict", cookie,
             AUTH_COOKIE_SECONDS);
    http_set_header(call->request, "Set-Cookie", header);
}

static void send_page(ApiCall *call, const char *path, Page *page)
{
    HttpRequest *r = call->request;
    set_headers(call, path, page);
    if (strcmp(static_type(path), "text/html; charset=utf-8") == 0) {
        set_session(call);
    }
    if (names_etag(http_header(r, "If-None-Match"), page->etag)) {
        close(page->fd);
        call->status = 304;
        http_respond(r, 304, NULL, "", 0);
        return;
    }
    HttpSegment segment = {.fd = page->fd, .offset = 0, .bytes = page->bytes};
    call->status = 200;
    call->sent_bytes = (uint64_t)page->bytes;
    http_respond_segments(r, 200, static_type(path), &segment, 1);
}

void static_answer(ApiCall *call)
{
    const char *root = call->server->config.studio;
    char path[STATIC_PATH_BYTES];
    Page page;
    if (strcmp(call->request->method, "GET") != 0 && strcmp(call->request->method, "HEAD") != 0) {
        http_set_header(call->request, "Allow", "GET, HEAD");
        api_fail(call, 405, "bad-request", "The method is not allowed here.");
        return;
    }
    int valid = static_path(call->request->path, path) == 0;
    if (valid && !*root && strcmp(path, "index.html") == 0) {
        api_send_bytes(call, 200, "text/html; charset=utf-8", no_studio, sizeof no_studio - 1);
    } else if (valid && *root &&
               ((accepts_gzip(call->request) && open_file(root, path, ".gz", &page) == 0) ||
                open_file(root, path, "", &page) == 0)) {
        send_page(call, path, &page);
    } else {
        api_fail(call, 404, "not-found", "There is no such page.");
    }
}
