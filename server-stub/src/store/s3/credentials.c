/* Keys of the S3 service, from a file that only its owner can read or from the environment. */
#include "store/s3/s3store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES (16 << 10)

/* 0, or -1 where it does not fit or cannot stand in a header. */
static int take(char *out, size_t out_bytes, const char *value, size_t length)
{
    if (length >= out_bytes) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] >= 127) {
            return -1;
        }
    }
    memcpy(out, value, length);
    out[length] = 0;
    return 0;
}

static int take_named(S3StoreCredentials *c, const char *name, size_t name_length,
                      const char *value, size_t length)
{
    const struct {
        const char *name;
        char *out;
        size_t bytes;
    } fields[] = {{"aws_access_key_id", c->access_key, sizeof c->access_key},
                  {"aws_secret_access_key", c->secret_key, sizeof c->secret_key},
                  {"aws_session_token", c->session_token, sizeof c->session_token}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strlen(fields[i].name) == name_length &&
            strncasecmp(fields[i].name, name, name_length) == 0) {
            return take(fields[i].out, fields[i].bytes, value, length);
        }
    }
    return 0; /* region, output and the like */
}

/* NAME=VALUE lines, space around both; a second [profile] ends it. 0, or the line that is wrong. */
static int parse(const char *text, S3StoreCredentials *out)
{
    int number = 1, profiles = 0;
    for (const char *line = text; *line; number++) {
        size_t length = strcspn(line, "\n");
        const char *next = line + length + (line[length] == '\n');
        while (length > 0 && strchr(" \t\r", line[length - 1])) {
            length--;
        }
        size_t at = 0;
        while (at < length && strchr(" \t", line[at])) {
            at++;
        }
        const char *equals = memchr(line, '=', length);
        if (at < length && line[at] == '[') {
            if (++profiles > 1) {
                return 0;
            }
        } else if (at < length && !strchr("#;", line[at])) {
            if (!equals) {
                return number;
            }
            size_t name_length = (size_t)(equals - line) - at;
            while (name_length > 0 && strchr(" \t", line[at + name_length - 1])) {
                name_length--;
            }
            size_t from = (size_t)(equals - line) + 1;
            while (from < length && strchr(" \t", line[from])) {
                from++;
            }
            if (take_named(out, line + at, name_length, line + from, length - from) != 0) {
                return number;
            }
        }
        line = next;
    }
    return 0;
}

/* The sentences never quote the file. */
static int from_file(const char *path, S3StoreCredentials *out, char *error)
{
    char text[FILE_BYTES + 1];
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        snprintf(error, S3STORE_ERROR_BYTES, "--s3-credentials %.300s: %s.", path, strerror(errno));
        goto fail;
    }
    if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0) {
        snprintf(error, S3STORE_ERROR_BYTES,
                 "--s3-credentials %.300s: others can read or change it (mode %03o): chmod 600.",
                 path, (unsigned)info.st_mode & 0777);
        goto fail;
    }
    ssize_t bytes = read(fd, text, sizeof text);
    if (bytes < 0 || (size_t)bytes == sizeof text || memchr(text, 0, (size_t)bytes)) {
        snprintf(error, S3STORE_ERROR_BYTES, "--s3-credentials %.300s: it is not a file of keys.",
                 path);
        goto fail;
    }
    text[bytes] = 0;
    close(fd);
    int line = parse(text, out);
    explicit_bzero(text, sizeof text);
    if (line > 0) {
        snprintf(error, S3STORE_ERROR_BYTES, "--s3-credentials %.300s: line %d is not NAME=VALUE.",
                 path, line);
        return -1;
    }
    return 0;
fail:
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* 1: both keys are there, 0: none is, -1: a value that cannot be one. */
static int from_environment(const char *const names[3], EnvLookup env, void *env_ctx,
                            S3StoreCredentials *out)
{
    char *const fields[] = {out->access_key, out->secret_key, out->session_token};
    const size_t sizes[] = {sizeof out->access_key, sizeof out->secret_key,
                            sizeof out->session_token};
    for (int i = 0; i < 3; i++) {
        const char *value = env(env_ctx, names[i]);
        if (value && take(fields[i], sizes[i], value, strlen(value)) != 0) {
            return -1;
        }
    }
    return *out->access_key && *out->secret_key;
}

int s3store_credentials(const char *file, EnvLookup env, void *env_ctx, S3StoreCredentials *out,
                        char error[S3STORE_ERROR_BYTES])
{
    static const char *const names[2][3] = {
        {"KEEPTAKE_S3_ACCESS_KEY", "KEEPTAKE_S3_SECRET_KEY", "KEEPTAKE_S3_SESSION_TOKEN"},
        {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}};
    int found = 0;
    memset(out, 0, sizeof *out);
    if (*file) {
        if (from_file(file, out, error) != 0) {
            return -1;
        }
        found = *out->access_key && *out->secret_key;
    }
    for (int i = 0; i < 2 && !*file && found == 0; i++) {
        memset(out, 0, sizeof *out);
        found = from_environment(names[i], env, env_ctx, out);
    }
    if (found <= 0) {
        snprintf(error, S3STORE_ERROR_BYTES,
                 found < 0
                     ? "The keys of the store in the environment are too long, or hold spaces."
                     : "--store s3 needs keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
                       "environment, or in a file (--s3-credentials).");
        memset(out, 0, sizeof *out);
        return -1;
    }
    return 0;
}
