/* One recording after the other; a server may be at work. */
#include "app/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "app/server.h"
#include "keeptake/timeline.h"

int export_open(Export *e, const char *store, const char *dir)
{
    e->folder = -1;
    int result = disk_view_open(store, &e->view);
    if (result == 0 && (mkdir(dir, 0700) != 0 ||
                        (e->folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)) {
        result = -errno;
    }
    return result;
}

void export_close(Export *e)
{
    disk_view_close(&e->view);
    if (e->folder >= 0) {
        close(e->folder);
    }
    e->folder = -1;
}

/* A new file of the folder; its name is in name. */
static int create(const Export *e, const RecordingRow *row, const char *ending, char name[96])
{
    snprintf(name, 96, "%s%s", row->id, ending);
    return openat(e->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int finish(Export *e, int fd, const char *name, int is_right)
{
    int right = fd >= 0 && is_right && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (!right) {
        e->failed++;
        fprintf(stderr, "keeptake-server: %s: %s.\n", name, strerror(saved ? saved : EIO));
        unlinkat(e->folder, name, 0);
    }
    return right;
}

static int write_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, text, bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return 0;
        }
        text += n;
        bytes -= (size_t)n;
    }
    return 1;
}

static void export_take(Export *e, const RecordingRow *row)
{
    char name[96];
    int fd = create(e, row, ".webm", name);
    errno = fd < 0 ? errno : 0;
    StoreStatus status =
        fd >= 0 ? disk_view_write(e->view, SERVER_BUCKET, row->take.key, fd) : STORE_IO;
    if (status == STORE_NO_SUCH_KEY) {
        errno = ENOENT;
    }
    if (finish(e, fd, name, status == STORE_OK)) {
        e->takes++;
        e->bytes += row->take.bytes;
    }
}

static void export_facts(Export *e, const RecordingRow *row)
{
    char name[96];
    JsonOut out = {0};
    const RecordingView view = {.uploaded_bytes = -1};
    int fd = create(e, row, ".json", name);
    recording_json(&out, row, &view);
    const char *text = json_text(&out);
    finish(e, fd, name, fd >= 0 && text && write_all(fd, text, out.bytes));
    json_free(&out);
}

/* Compressed by us: what does not unpack is damaged. */
static int unpack_to(int fd, const uint8_t *data, size_t bytes)
{
    static uint8_t out[65536];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)bytes};
    int code = inflateInit(&z) == Z_OK ? Z_OK : Z_MEM_ERROR;
    while (code == Z_OK && z.total_out <= KT_TIMELINE_MAX_JSON_BYTES) {
        z.next_out = out;
        z.avail_out = sizeof out;
        code = inflate(&z, Z_NO_FLUSH);
        if (!write_all(fd, (const char *)out, sizeof out - z.avail_out)) {
            code = Z_ERRNO;
        }
    }
    inflateEnd(&z);
    if (code != Z_STREAM_END && code != Z_ERRNO) {
        errno = EBADMSG;
    }
    return code == Z_STREAM_END;
}

static void export_timeline(Export *e, const RecordingRow *row)
{
    char name[96];
    uint8_t *data = NULL;
    size_t bytes = 0;
    int fd = create(e, row, ".timeline.json", name);
    int found = timeline_get(e->db, row->id, &data, &bytes) == DB_OK;
    e->timelines += finish(e, fd, name, fd >= 0 && found && unpack_to(fd, data, bytes));
    free(data);
}

void export_recording(Export *e, const RecordingRow *row)
{
    if (row->take.state != OBJECT_COMPLETE || row->take.pending != PENDING_NONE) {
        e->unfinished++;
        return;
    }
    export_take(e, row);
    export_facts(e, row);
    if (row->has_timeline) {
        export_timeline(e, row);
    }
}
