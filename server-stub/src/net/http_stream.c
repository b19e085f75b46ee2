/* Response bodies from blocking readers: two buffers, one filled on a thread while the other
 * is sent. The connection sleeps while none is ready. */
#include "net/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct StreamBuffer {
    uint8_t *data;
    size_t have, sent; /* have == 0: empty */
} StreamBuffer;

typedef struct HttpStream {
    WorkersTask task;
    uv_work_t work; /* where the server has no threads for it */
    HttpServer *server;
    HttpConnection *connection; /* borrowed; gone once orphaned */
    HttpReader reader;
    int64_t bytes;
    int64_t read_at; /* next offset to read */
    size_t buffer_bytes;
    StreamBuffer buffers[2];
    int sending; /* index of the buffer that is sent */
    int filling; /* index of the buffer being filled */
    int64_t result;
    unsigned reading : 1, waiting : 1, failed : 1, orphaned : 1;
} HttpStream;

static void stream_free(HttpStream *stream)
{
    HttpServer *server = stream->server;
    stream->reader.close(stream->reader.ctx);
    free(stream->buffers[0].data);
    free(stream->buffers[1].data);
    free(stream);
    http__stream_closed(server);
}

static void stream_work(void *ctx)
{
    HttpStream *stream = ctx;
    StreamBuffer *buffer = &stream->buffers[stream->filling];
    int64_t left = stream->bytes - stream->read_at;
    size_t want = left < (int64_t)stream->buffer_bytes ? (size_t)left : stream->buffer_bytes;
    stream->result = stream->reader.read(stream->reader.ctx, stream->read_at, buffer->data, want);
}

static void stream_fill(HttpStream *stream);

static void stream_filled(void *ctx)
{
    HttpStream *stream = ctx;
    StreamBuffer *buffer = &stream->buffers[stream->filling];
    stream->reading = 0;
    if (stream->orphaned) {
        stream_free(stream);
        return;
    }
    if (stream->result <= 0) {
        stream->failed = 1;
    } else {
        buffer->have = (size_t)stream->result;
        buffer->sent = 0;
        stream->read_at += stream->result;
        stream_fill(stream);
    }
    if (stream->waiting) {
        stream->waiting = 0;
        http__unpause(stream->connection);
    }
}

static void on_uv_work(uv_work_t *work)
{
    stream_work(work->data);
}

static void on_uv_done(uv_work_t *work, int status)
{
    HttpStream *stream = work->data;
    stream->result = status != 0 ? -1 : stream->result;
    stream_filled(stream);
}

/* Starts to fill an empty buffer, if there is one and more to read. */
static void stream_fill(HttpStream *stream)
{
    int index = stream->buffers[stream->sending].have == 0 ? stream->sending : !stream->sending;
    if (stream->reading || stream->failed || stream->read_at >= stream->bytes ||
        stream->buffers[index].have > 0)
        return;
    stream->filling = index;
    stream->reading = 1;
    if (stream->server->readers) {
        workers_start(stream->server->readers, &stream->task, stream_work, stream_filled, stream);
        return;
    }
    stream->work.data = stream;
    if (uv_queue_work(stream->server->loop, &stream->work, on_uv_work, on_uv_done) != 0) {
        stream->reading = 0;
        stream->failed = 1;
    }
}

static ssize_t stream_take(void *cls, uint64_t at, char *out, size_t bytes)
{
    HttpStream *stream = cls;
    StreamBuffer *buffer = &stream->buffers[stream->sending];
    (void)at;
    if (stream->connection->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (buffer->have == 0) {
        if (stream->failed)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        stream_fill(stream);
        stream->waiting = 1;
        http__pause(stream->connection);
        return 0;
    }
    size_t left = buffer->have - buffer->sent;
    size_t taken = left < bytes ? left : bytes;
    memcpy(out, buffer->data + buffer->sent, taken);
    buffer->sent += taken;
    if (buffer->sent == buffer->have) {
        buffer->have = 0;
        stream->sending = !stream->sending;
        stream_fill(stream);
    }
    return (ssize_t)taken;
}

static void stream_release(void *cls)
{
    HttpStream *stream = cls;
    stream->orphaned = 1;
    if (!stream->reading)
        stream_free(stream);
}

void http_respond_reader(HttpRequest *r, int status, const char *content_type, int64_t bytes,
                         const HttpReader *reader)
{
    HttpConnection *c = r->connection;
    HttpStream *stream = calloc(1, sizeof *stream);
    /* Whoever holds one URL may open it many times and read nothing. */
    int is_large = c->server->streams < HTTP_LARGE_STREAMS;
    int64_t most = is_large ? HTTP_STREAM_BYTES : HTTP_SMALL_BYTES;
    if (stream) {
        stream->server = c->server;
        stream->connection = c;
        stream->reader = *reader;
        stream->bytes = bytes;
        stream->buffer_bytes = (size_t)(bytes < most ? bytes + 1 : most);
        stream->buffers[0].data = malloc(stream->buffer_bytes);
        stream->buffers[1].data = malloc(stream->buffer_bytes);
    }
    if (!stream || !stream->buffers[0].data || !stream->buffers[1].data || c->answered) {
        if (stream) {
            free(stream->buffers[0].data);
            free(stream->buffers[1].data);
        }
        free(stream);
        reader->close(reader->ctx);
        http__answer(c, status, content_type, NULL);
        return;
    }
    c->server->streams++;
    struct MHD_Response *response = MHD_create_response_from_callback(
        (uint64_t)bytes, is_large ? HTTP_BLOCK_BYTES : HTTP_SMALL_BYTES, stream_take, stream,
        stream_release);
    if (!response)
        stream_free(stream);
    http__answer(c, status, content_type, response);
}

/* --- segments of files as a reader --- */

typedef struct SegmentReader {
    int count, at;
    int64_t into; /* bytes of segments[at] already read */
    HttpSegment segments[];
} SegmentReader;

static int64_t segments_read(void *ctx, int64_t offset, uint8_t *out, size_t bytes)
{
    SegmentReader *s = ctx;
    (void)offset;
    while (s->at < s->count && s->into == s->segments[s->at].bytes) {
        s->at++;
        s->into = 0;
    }
    if (s->at == s->count)
        return -1;
    HttpSegment *segment = &s->segments[s->at];
    int64_t left = segment->bytes - s->into;
    size_t want = left < (int64_t)bytes ? (size_t)left : bytes;
    ssize_t n;
    do
        n = pread(segment->fd, out, want, (off_t)(segment->offset + s->into));
    while (n < 0 && errno == EINTR);
    if (n > 0)
        s->into += n;
    return n;
}

static void segments_close(void *ctx)
{
    SegmentReader *s = ctx;
    for (int i = 0; i < s->count; i++)
        close(s->segments[i].fd);
    free(s);
}

void http_respond_segments(HttpRequest *r, int status, const char *content_type,
                           const HttpSegment *segments, int count)
{
    SegmentReader *s = malloc(sizeof *s + (size_t)count * sizeof *segments);
    int64_t bytes = 0;
    for (int i = 0; i < count; i++) {
        bytes += segments[i].bytes;
        if (!s)
            close(segments[i].fd);
    }
    if (!s) {
        http__answer(r->connection, status, content_type, NULL);
        return;
    }
    s->count = count;
    s->at = 0;
    s->into = 0;
    if (count > 0)
        memcpy(s->segments, segments, (size_t)count * sizeof *segments);
    HttpReader reader = {segments_read, segments_close, s};
    http_respond_reader(r, status, content_type, bytes, &reader);
}
