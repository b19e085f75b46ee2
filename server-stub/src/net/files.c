/* Files of a folder: opened at once (small local files), sent from their descriptors. */
#include "net/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

int files_path(const char *request_path, char out[FILES_PATH_BYTES])
{
    char decoded[FILES_PATH_BYTES - 16];
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
    snprintf(out, FILES_PATH_BYTES, "%s%s", decoded + 1,
             decoded[length - 1] == '/' ? "index.html" : "");
    return 0;
}

const char *files_type(const char *path)
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
int files_is_hashed(const char *path)
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
    char full[FILES_ROOT_BYTES + FILES_PATH_BYTES + 8];
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

static void set_headers(const Files *files, HttpRequest *r, const char *path, const Page *page)
{
    char isolation[8] = "";
    http_query(r, "isolation", isolation, sizeof isolation);
    if (strcmp(isolation, "off") != 0) {
        http_set_header(r, "Cross-Origin-Opener-Policy", "same-origin");
        http_set_header(r, "Cross-Origin-Embedder-Policy", "require-corp");
    }
    http_set_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    http_set_header(r, "Content-Security-Policy", files->content_policy);
    http_set_header(r, "Referrer-Policy", "no-referrer");
    http_set_header(r, "X-Frame-Options", "DENY");
    http_set_header(r, "ETag", page->etag);
    http_set_header(r, "Vary", "Accept-Encoding");
    http_set_header(r, "Cache-Control",
                    files_is_hashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
    if (page->compressed) {
        http_set_header(r, "Content-Encoding", "gzip");
    }
}

static int send_page(const Files *files, HttpRequest *r, const char *path, Page *page,
                     uint64_t *sent_bytes)
{
    set_headers(files, r, path, page);
    if (files->decorate && strcmp(files_type(path), "text/html; charset=utf-8") == 0) {
        files->decorate(files->ctx, r);
    }
    if (names_etag(http_header(r, "If-None-Match"), page->etag)) {
        close(page->fd);
        http_respond(r, 304, NULL, "", 0);
        return 304;
    }
    HttpSegment segment = {.fd = page->fd, .offset = 0, .bytes = page->bytes};
    *sent_bytes = (uint64_t)page->bytes;
    http_respond_segments(r, 200, files_type(path), &segment, 1);
    return 200;
}

int files_answer(const Files *files, HttpRequest *r, uint64_t *sent_bytes)
{
    char path[FILES_PATH_BYTES];
    Page page;
    *sent_bytes = 0;
    if (files_path(r->path, path) != 0) {
        return 0;
    }
    if (!*files->root) {
        if (strcmp(path, "index.html") != 0) {
            return 0;
        }
        *sent_bytes = strlen(files->placeholder);
        http_respond(r, 200, "text/html; charset=utf-8", files->placeholder, *sent_bytes);
        return 200;
    }
    if ((accepts_gzip(r) && open_file(files->root, path, ".gz", &page) == 0) ||
        open_file(files->root, path, "", &page) == 0) {
        return send_page(files, r, path, &page, sent_bytes);
    }
    return 0;
}
