/* Secrets as a small JSON file, written once and atomically. */
#include "access/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/json.h"

#define SECRETS_PATH_BYTES 1024 /* of the data folder */

static int make_secrets(Secrets *s)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t random[20];
    uint8_t key[20];
    if (RAND_bytes(random, sizeof random) != 1 || RAND_bytes(key, sizeof key) != 1 ||
        RAND_bytes(s->session_key, sizeof s->session_key) != 1) {
        return -1;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        s->access_key[i] = letters[random[i] & 31];
    }
    digest_to_hex(key, sizeof key, s->secret_key);
    return 0;
}

/* Until then a power cut could take the name away, and with it all signed URLs. */
static int sync_folder_of(const char *path)
{
    char folder[SECRETS_PATH_BYTES + 32];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    snprintf(slash ? slash + 1 : folder, 2, "%s", slash ? "" : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd >= 0 && fsync(fd) == 0 ? 0 : -1;
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

static int write_file(const char *path, const char *text, size_t bytes)
{
    char temporary[SECRETS_PATH_BYTES + 32];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    int result = write(fd, text, bytes) == (ssize_t)bytes && fsync(fd) == 0 ? 0 : -1;
    close(fd);
    return result == 0 && rename(temporary, path) == 0 ? sync_folder_of(path) : -1;
}

static int save(const char *path, const Secrets *s)
{
    char hex[2 * AUTH_KEY_BYTES + 1];
    const char *members[] = {"s3_access_key", s->access_key, "s3_secret_key",
                             s->secret_key,   "session_key", hex};
    JsonOut out = {0};
    digest_to_hex(s->session_key, AUTH_KEY_BYTES, hex);
    json_begin(&out, '{');
    for (int i = 0; i < 6; i += 2) {
        json_key(&out, members[i]);
        json_string(&out, members[i + 1]);
    }
    json_end(&out, '}');
    int result = out.failed ? -1 : write_file(path, out.text, out.bytes);
    json_free(&out);
    return result;
}

static int parse(const char *text, size_t bytes, Secrets *s)
{
    const JsonLimits limits = {4096, 2, 32};
    char error[JSON_ERROR_BYTES];
    const char *access = "", *secret = "", *session = "";
    cJSON *tree = json_parse(text, bytes, &limits, error, sizeof error);
    int result = -1;
    if (tree &&
        json_get_text(tree, "s3_access_key", sizeof s->access_key - 1, &access, error) == 1 &&
        json_get_text(tree, "s3_secret_key", sizeof s->secret_key - 1, &secret, error) == 1 &&
        json_get_text(tree, "session_key", 2 * AUTH_KEY_BYTES, &session, error) == 1 && *access &&
        *secret) {
        snprintf(s->access_key, sizeof s->access_key, "%s", access);
        snprintf(s->secret_key, sizeof s->secret_key, "%s", secret);
        result = digest_from_hex(session, s->session_key, AUTH_KEY_BYTES) ? 0 : -1;
    }
    cJSON_Delete(tree);
    return result;
}

int secrets_load(const char *data, Secrets *out, char *error, size_t error_bytes)
{
    char path[SECRETS_PATH_BYTES + 16], text[4096];
    memset(out, 0, sizeof *out);
    snprintf(path, sizeof path, "%s/secrets.json", data);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (make_secrets(out) == 0 && save(path, out) == 0) {
            return 0;
        }
        snprintf(error, error_bytes, "%s cannot be written: %s.", path, strerror(errno));
        return -1;
    }
    ssize_t bytes = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (fd >= 0) {
        fchmod(fd, 0600);
        close(fd);
    }
    if (bytes < 0 || parse(text, (size_t)bytes, out) != 0) {
        snprintf(error, error_bytes,
                 "%s cannot be read: put it back from a backup, or remove it to get new "
                 "keys (signed URLs and sessions then end).",
                 path);
        return -1;
    }
    return 0;
}
