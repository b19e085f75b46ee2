/* Any order of events and answers, right and wrong ones: what the uploader asks for stays within
 * what it may, and it never asks without end. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeptake/uploader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define PART_BYTES (64 << 10)
#define MAX_RUNNING 16

typedef struct Input {
    const uint8_t *data;
    size_t bytes;
} Input;

typedef struct Client {
    KtUploader *u;
    int64_t now_us, appended, released;
    int finished, aborting, resumed;
    KtUploadRequest running[MAX_RUNNING]; /* id 0: free */
} Client;

/* As a macro, so that a failure names its line. */
#define require(holds)                                                                             \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "line %d: %s\n", __LINE__, #holds);                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static unsigned take(Input *in)
{
    if (in->bytes == 0)
        return 0;
    in->bytes--;
    return *in->data++;
}

static int puts_running(const Client *c, int part)
{
    int count = 0;
    for (int i = 0; i < MAX_RUNNING; i++)
        count += c->running[i].id && c->running[i].kind == KT_UPLOAD_PUT &&
                 (part == 0 || c->running[i].part == part);
    return count;
}

static void check_put(const Client *c, const KtUploadRequest *r)
{
    require(r->part >= 1 && r->part <= KT_UPLOAD_MAX_PARTS && r->count == 1);
    require(r->offset == (int64_t)(r->part - 1) * PART_BYTES);
    require(r->bytes > 0 && r->bytes <= PART_BYTES && r->offset + r->bytes <= c->appended);
    require(r->part == 1 || r->offset >= c->released);
    require(puts_running(c, r->part) == 0);
    require(puts_running(c, 0) < KT_UPLOAD_MAX_INFLIGHT);
}

/* As the package does it: ended at once, and answered. */
static void cancel(Client *c, uint32_t id)
{
    for (int i = 0; i < MAX_RUNNING; i++)
        if (c->running[i].id == id)
            c->running[i].id = 0;
    kt_uploader_failed(c->u, c->now_us, id, KT_UPLOAD_FAIL_CANCELLED);
}

static void take_request(Client *c, const KtUploadRequest *r)
{
    if (r->kind == KT_UPLOAD_RELEASE) {
        require(r->offset > c->released && r->offset <= c->appended);
        require(r->offset % PART_BYTES == 0);
        c->released = r->offset;
        return;
    }
    if (r->kind == KT_UPLOAD_CANCEL) {
        cancel(c, r->id);
        return;
    }
    if (r->kind == KT_UPLOAD_PUT)
        check_put(c, r);
    require(r->kind != KT_UPLOAD_COMPLETE || (c->finished && puts_running(c, 0) == 0));
    require(r->kind != KT_UPLOAD_ABORT || (c->aborting && puts_running(c, 0) == 0));
    for (int i = 0; i < MAX_RUNNING; i++) {
        if (c->running[i].id)
            continue;
        c->running[i] = *r;
        return;
    }
    abort(); /* more at once than it has slots */
}

static void run(Client *c)
{
    KtUploadRequest request;
    int guard = 0;
    while (kt_uploader_next(c->u, c->now_us, &request) == KT_OK) {
        require(++guard < 1000);
        take_request(c, &request);
    }
}

static void list(Client *c, Input *in, uint32_t id)
{
    int count = kt_uploader_part_count(c->u);
    for (int part = 1; part <= count; part++) {
        int64_t bytes = 0;
        const char *etag = NULL;
        /* A store does not lose what it acknowledged; of the rest it may tell anything. */
        int is_released = (int64_t)part * PART_BYTES <= c->released;
        unsigned way = is_released ? 1 : take(in) % 4;
        if (way == 0 || kt_uploader_part(c->u, part, &bytes, &etag) != KT_OK)
            continue;
        if (way == 1 && etag[0] && bytes > 0)
            kt_uploader_listed_part(c->u, id, part, bytes, etag);
        else
            kt_uploader_listed_part(c->u, id, part, (int64_t)take(in) * 257, way == 2 ? "x" : "");
    }
    kt_uploader_listed(c->u, c->now_us, id);
}

static void succeed(Client *c, Input *in, const KtUploadRequest *r)
{
    char etag[3] = {'e', (char)('a' + take(in) % 8), '\0'};
    switch (r->kind) {
    case KT_UPLOAD_CREATE:
        kt_uploader_created(c->u, c->now_us, r->id);
        break;
    case KT_UPLOAD_SIGN:
        kt_uploader_signed(c->u, c->now_us, r->id, c->now_us + (int64_t)take(in) * 10000000);
        break;
    case KT_UPLOAD_PUT:
        kt_uploader_put_done(c->u, c->now_us, r->id, etag);
        break;
    case KT_UPLOAD_LIST:
        list(c, in, r->id);
        break;
    case KT_UPLOAD_COMPLETE:
        kt_uploader_completed(c->u, c->now_us, r->id);
        break;
    case KT_UPLOAD_ABORT:
        kt_uploader_aborted(c->u, c->now_us, r->id);
        break;
    default:
        break;
    }
}

static void answer(Client *c, Input *in, int good)
{
    unsigned at = take(in) % MAX_RUNNING;
    for (unsigned i = 0; i < MAX_RUNNING; i++) {
        KtUploadRequest *slot = &c->running[(at + i) % MAX_RUNNING];
        if (slot->id == 0)
            continue;
        KtUploadRequest was = *slot;
        slot->id = 0;
        if (good)
            succeed(c, in, &was);
        else if (kt_uploader_failed(c->u, c->now_us, was.id, (KtUploadFailure)(take(in) % 7)) ==
                 KT_ERR_ARG)
            *slot = was; /* no such reason: nothing happened */
        return;
    }
}

/* Answers nobody waits for, and such of the wrong kind, which change nothing of the sums. */
static void disturb(Client *c, Input *in)
{
    uint32_t id = take(in);
    switch (take(in) % 5) {
    case 0:
        kt_uploader_progress(c->u, c->now_us, id, (int64_t)take(in) * 999 - 5000);
        break;
    case 1:
        kt_uploader_failed(c->u, c->now_us, id + 100000, (KtUploadFailure)take(in));
        break;
    case 2:
        kt_uploader_put_done(c->u, c->now_us, id + 100000, "late");
        break;
    case 3:
        require(kt_uploader_append(c->u, c->now_us, -1) == KT_ERR_ARG);
        break;
    default:
        kt_uploader_wake(c->u, c->now_us);
    }
}

/* An answer of another kind than the request that runs under that id: refused, and nothing changes.
 * With the right kind it is an answer, which answer() gives. */
static void answer_wrongly(Client *c, Input *in)
{
    const KtUploadRequest *r = &c->running[take(in) % MAX_RUNNING];
    KtUploaderStats before, after;
    unsigned kind = take(in) % 7;
    if (r->id == 0 || r->kind == (KtUploadRequestKind)kind)
        return;
    kt_uploader_stats(c->u, c->now_us, &before);
    KtStatus status = KT_ERR_ARG;
    if (kind == KT_UPLOAD_CREATE)
        status = kt_uploader_created(c->u, c->now_us, r->id);
    else if (kind == KT_UPLOAD_SIGN)
        status = kt_uploader_signed(c->u, c->now_us, r->id, c->now_us);
    else if (kind == KT_UPLOAD_PUT)
        status = kt_uploader_put_done(c->u, c->now_us, r->id, "wrong");
    else if (kind == KT_UPLOAD_LIST)
        status = kt_uploader_listed(c->u, c->now_us, r->id);
    else if (kind == KT_UPLOAD_COMPLETE)
        status = kt_uploader_completed(c->u, c->now_us, r->id);
    else if (kind == KT_UPLOAD_ABORT)
        status = kt_uploader_aborted(c->u, c->now_us, r->id);
    kt_uploader_stats(c->u, c->now_us, &after);
    /* What a failed or ended upload had asked for may be unknown to it by now. */
    require(status == KT_ERR_ARG || status == KT_ERR_NOT_FOUND);
    require(memcmp(&before, &after, sizeof before) == 0);
}

static void act(Client *c, Input *in)
{
    unsigned op = take(in) % 34;
    if (op >= 32) {
        answer_wrongly(c, in);
    } else if (op < 8) {
        int64_t more = 1 + (int64_t)take(in) * 700;
        if (kt_uploader_append(c->u, c->now_us, more) == KT_OK)
            c->appended += more;
    } else if (op < 18) {
        answer(c, in, 1);
    } else if (op < 23) {
        answer(c, in, 0);
    } else if (op < 27) {
        c->now_us += (int64_t)take(in) * (op < 25 ? 1000 : 1000000);
    } else if (op < 29) {
        disturb(c, in);
    } else if (op == 29) {
        c->finished |= kt_uploader_finish(c->u, c->now_us) == KT_OK;
    } else if (op == 30 && take(in) < 64) {
        c->aborting |= kt_uploader_abort(c->u, c->now_us) == KT_OK;
    } else if (op == 31) {
        kt_uploader_resume(c->u, c->now_us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    Input in = {data, bytes};
    Client c = {.now_us = 0};
    KtUploaderStats stats;
    KtUploaderConfig config = {.part_bytes = PART_BYTES,
                               .max_inflight = 1 + (int)(take(&in) % KT_UPLOAD_MAX_INFLIGHT),
                               .first_tail_us = (int64_t)take(&in) * 100000,
                               .sign_timeout_us = 10000000,
                               .stall_timeout_us = 20000000,
                               .retry_base_us = 500000,
                               .retry_max_us = 20000000,
                               .seed = 7,
                               .patch_first_part = (int)(take(&in) % 2)};
    require(kt_uploader_create(&config, &c.u) == KT_OK);
    while (in.bytes > 0) {
        act(&c, &in);
        if (take(&in) % 8) /* now and then an event comes before the last one was acted on */
            run(&c);
        kt_uploader_stats(c.u, c.now_us, &stats);
        require(stats.total_bytes == c.appended && stats.safe_bytes >= 0);
        require(stats.safe_bytes <= stats.total_bytes && stats.inflight <= config.max_inflight);
        require(stats.backlog_bytes == stats.total_bytes - stats.safe_bytes);
    }
    kt_uploader_destroy(&c.u);
    return 0;
}
