/* The life of an upload: the table of uploader_internal.h, one function for each edge, and what
 * holds after every event. */
#include <assert.h>
#include <string.h>

#include "uploader_internal.h"

#define IN(state) (1u << KT__UPLOAD_##state)
#define EXISTS (IN(CREATING) | IN(RESUMING) | IN(SENDING) | IN(LOOKING) | IN(COMPLETING))
#define OVER (IN(DONE) | IN(ABORTED) | IN(FAILED))

/* One edge, out of any state of a set. perform runs before the state changes. */
typedef struct Edge {
    unsigned from;
    KtUploadEvent event;
    KtUploadLife to;
    void (*perform)(KtUploader *u, int64_t now_us);
} Edge;

static void life_keep(KtUploader *u, int64_t now_us)
{
    (void)u;
    (void)now_us;
}

static void life_parts_known(KtUploader *u, int64_t now_us)
{
    u->failures = u->refusals = 0;
    u->retry_at_us = 0;
    u->last_success_us = now_us;
}

static void life_count_relist(KtUploader *u, int64_t now_us)
{
    (void)now_us;
    u->relisted++;
}

/* The store will not be looked at, and what was lost is unknown. COMPLETE names the parts' ETags:
 * it may be asked without, and is refused where one differs. */
static void life_take_unseen(KtUploader *u, int64_t now_us)
{
    (void)now_us;
    for (int i = 0; i < KT_UPLOAD_MAX_PARTS; i++)
        u->parts[i].looked_at = 1;
}

static void life_abort(KtUploader *u, int64_t now_us)
{
    u->failure = KT_OK;
    u->failures = u->refusals = 0;
    u->retry_at_us = 0;
    u->last_success_us = now_us; /* giving up is counted from here */
}

static void life_end(KtUploader *u, int64_t now_us)
{
    (void)now_us;
    memset(u->running, 0, sizeof u->running);
}

static void life_lost(KtUploader *u, int64_t now_us)
{
    (void)now_us;
    u->failure = KT_ERR_NOT_FOUND;
}

static void life_given_up(KtUploader *u, int64_t now_us)
{
    (void)now_us;
    u->failure = KT_ERR_NETWORK;
}

static void life_refused(KtUploader *u, int64_t now_us)
{
    (void)now_us;
    u->failure = KT_ERR_REFUSED;
}

/* clang-format off */
static const Edge edges[] = {
    {IN(NEW),                       KT__UPLOAD_ASK_CREATE,       KT__UPLOAD_CREATING,   life_keep},
    {IN(NEW),                       KT__UPLOAD_RESUME,           KT__UPLOAD_RESUMING,   life_keep},
    {IN(NEW),                       KT__UPLOAD_ABORT_ASKED,      KT__UPLOAD_ABORTED,    life_end},
    {IN(CREATING),                  KT__UPLOAD_CREATED,          KT__UPLOAD_SENDING,    life_keep},
    {IN(RESUMING) | IN(LOOKING),    KT__UPLOAD_LISTED,           KT__UPLOAD_SENDING,    life_parts_known},
    {IN(SENDING),                   KT__UPLOAD_UNSURE,           KT__UPLOAD_LOOKING,    life_keep},
    {IN(SENDING),                   KT__UPLOAD_ASK_COMPLETE,     KT__UPLOAD_COMPLETING, life_keep},
    {IN(COMPLETING),                KT__UPLOAD_COMPLETE_FAILED,  KT__UPLOAD_SENDING,    life_keep},
    {IN(COMPLETING),                KT__UPLOAD_COMPLETE_REFUSED, KT__UPLOAD_LOOKING,    life_count_relist},
    {IN(LOOKING),                   KT__UPLOAD_LIST_REFUSED,     KT__UPLOAD_SENDING,    life_take_unseen},
    {IN(COMPLETING) | IN(ABORTING), KT__UPLOAD_COMPLETED,        KT__UPLOAD_DONE,       life_end},
    {EXISTS | IN(ABORTING) | IN(FAILED), KT__UPLOAD_ABORT_ASKED, KT__UPLOAD_ABORTING,   life_abort},
    {IN(ABORTING),                  KT__UPLOAD_ABORT_DONE,       KT__UPLOAD_ABORTED,    life_end},
    {IN(ABORTING),                  KT__UPLOAD_GONE,             KT__UPLOAD_ABORTED,    life_end},
    {EXISTS,                        KT__UPLOAD_GONE,             KT__UPLOAD_FAILED,     life_lost},
    {EXISTS | IN(ABORTING),         KT__UPLOAD_GIVE_UP,          KT__UPLOAD_FAILED,     life_given_up},
    {EXISTS | IN(ABORTING),         KT__UPLOAD_REFUSED,          KT__UPLOAD_FAILED,     life_refused},
};
/* clang-format on */

KtStatus kt__uploader_edge(KtUploader *u, KtUploadEvent event, int64_t now_us)
{
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        if (edges[i].event != event || !(edges[i].from >> u->life & 1u))
            continue;
        edges[i].perform(u, now_us);
        u->life = edges[i].to;
        return KT_OK;
    }
    return KT_ERR_STATE;
}

int kt__uploader_is_over(const KtUploader *u)
{
    return (int)(OVER >> u->life & 1u);
}

#ifdef NDEBUG

void kt__uploader_check(const KtUploader *u)
{
    (void)u;
}

#else

/* In which lives a request of that kind may run. After an abort or a failure those of before go on
 * until they are answered. */
static unsigned may_run_in(KtUploadRequestKind kind)
{
    const unsigned later = IN(ABORTING) | IN(FAILED);
    switch (kind) {
    case KT_UPLOAD_CREATE:
        return IN(CREATING) | later;
    case KT_UPLOAD_LIST:
        return IN(RESUMING) | IN(SENDING) | IN(LOOKING) | later;
    case KT_UPLOAD_SIGN:
    case KT_UPLOAD_PUT:
        return IN(SENDING) | IN(LOOKING) | later;
    case KT_UPLOAD_COMPLETE:
        return IN(COMPLETING) | later;
    case KT_UPLOAD_ABORT:
        return later;
    default:
        return 0;
    }
}

static void check_running(const KtUploader *u)
{
    int puts = 0, count = 0;
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++) {
        const KtUploadRequest *request = &u->running[i].request;
        if (!request->id)
            continue;
        count++;
        assert(may_run_in(request->kind) >> u->life & 1u);
        assert(request->kind == KT_UPLOAD_PUT || kt__uploader_running_kind(u, request->kind) == 1);
        if (request->kind != KT_UPLOAD_PUT)
            continue;
        puts++;
        assert(kt__uploader_running_part(u, request->part) == &u->running[i]);
        assert(request->offset + request->bytes <= u->total_bytes);
    }
    assert(puts <= u->config.max_inflight);
    assert(u->life != KT__UPLOAD_COMPLETING ||
           (count == 1 && kt__uploader_running_kind(u, KT_UPLOAD_COMPLETE) == 1));
    assert(!kt__uploader_running_kind(u, KT_UPLOAD_ABORT) || count == 1);
    (void)puts;
    (void)count;
}

static void check_store(const KtUploader *u)
{
    const int64_t part_bytes = u->config.part_bytes;
    assert(u->released_to >= 0 && u->released_to <= u->total_bytes);
    assert(u->released_to % part_bytes == 0);
    for (int64_t at = part_bytes; at < u->released_to; at += part_bytes)
        assert(u->parts[at / part_bytes].acked_bytes >= part_bytes ||
               kt__uploader_running_kind(u, KT_UPLOAD_LIST) == 1);
    for (int64_t at = 0; at < u->total_bytes; at += part_bytes)
        assert(u->parts[at / part_bytes].acked_bytes == 0 || u->parts[at / part_bytes].etag[0]);
    assert(!u->first_part_patched || (u->finished && u->parts[0].acked_bytes > 0));
}

void kt__uploader_check(const KtUploader *u)
{
    assert((u->life == KT__UPLOAD_FAILED) == (u->failure < 0));
    assert(!u->finished || u->total_bytes > 0);
    assert(u->life > KT__UPLOAD_CREATING || u->sent_bytes == 0);
    assert(u->life != KT__UPLOAD_LOOKING || u->finished);
    assert(u->life != KT__UPLOAD_COMPLETING || kt__uploader_all_done(u));
    assert(u->relisted >= 0 && u->relisted <= KT_UPLOAD_REFUSALS);
    assert(u->refusals < KT_UPLOAD_REFUSALS || u->life == KT__UPLOAD_FAILED);
    assert(u->patience >= 0 && u->patience <= KT__UPLOAD_MAX_PATIENCE);
    check_running(u);
    check_store(u);
}

#endif
