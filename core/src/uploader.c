/* The upload's state machine. Requests in flight stand in a small table; every decision is made in
 * kt_uploader_next from the parts' states and the time it is given. */
#include "keeptake/uploader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define INFLIGHT_SLOTS (KT_UPLOAD_MAX_INFLIGHT + 1) /* PUTs, and one control request */
#define MIN_PART_BYTES (64 << 10)
#define MAX_BACKOFF_EXP 16
#define MIB (INT64_C(1) << 20)

typedef struct Part {
    int64_t acked_bytes; /* 0: not in the store as far as we know */
    int64_t expires_us;  /* of its URL; 0: none */
    int64_t doubt_us;    /* a lost PUT of it may land until then; 0: none, or looked at since */
    int looked_at;       /* listed since a PUT of it was last lost, though perhaps too early */
    int listed;
    char etag[KT_UPLOAD_ETAG_BYTES];
} Part;

typedef struct Running {
    KtUploadRequest request; /* id 0: the slot is free */
    int64_t begun_us;
    int64_t moved_us; /* start or last progress */
    int cancel_told;
    int after_finish; /* a PUT whose bytes include the patched header */
} Running;

struct KtUploader {
    KtUploaderConfig config; /* fixed at creation */
    KtUploaderState end;     /* DONE, ABORTED, FAILED; IDLE while alive */
    KtStatus failure;
    Part *parts; /* part number - 1 */
    Running running[INFLIGHT_SLOTS];
    uint32_t last_id;
    uint32_t random;
    int created, create_sent, list_wanted, finished, aborting;
    int first_part_patched; /* acknowledged in its final form */
    int relisted;           /* how often a refused Complete was answered by listing */
    int failures, refusals; /* in a row */
    int retries;
    int64_t retry_at_us;
    int64_t last_success_us;
    int64_t total_bytes, sent_bytes, released_to;
    int64_t tail_started_us; /* when the unfinished part got its first byte */
    int64_t tail_wait_us;    /* its next re-send is that long after */
    int64_t tail_spent_bytes;
};

int64_t kt_upload_part_bytes(int64_t max_length_us, int64_t total_bps)
{
    if (max_length_us < 0 || total_bps < 0)
        return KT_UPLOAD_MIN_PART_BYTES;
    const double expected = (double)max_length_us / 1e6 * (double)total_bps / 8 * 1.5;
    const int64_t mebibytes = (int64_t)(expected / KT_UPLOAD_MAX_PARTS / (double)MIB) + 1;
    const int64_t bytes = mebibytes * MIB;
    return bytes > KT_UPLOAD_MIN_PART_BYTES ? bytes : KT_UPLOAD_MIN_PART_BYTES;
}

KtStatus kt_uploader_create(const KtUploaderConfig *config, KtUploader **out)
{
    if (config->part_bytes < MIN_PART_BYTES || config->max_inflight < 1 ||
        config->max_inflight > KT_UPLOAD_MAX_INFLIGHT || config->first_tail_us < 0 ||
        config->sign_timeout_us <= 0 || config->stall_timeout_us <= 0 ||
        config->retry_base_us <= 0 || config->retry_max_us < config->retry_base_us)
        return KT_ERR_ARG;
    KtUploader *u = calloc(1, sizeof *u);
    if (!u)
        return KT_ERR_MEMORY;
    u->parts = calloc(KT_UPLOAD_MAX_PARTS, sizeof *u->parts);
    if (!u->parts) {
        kt_uploader_destroy(&u);
        return KT_ERR_MEMORY;
    }
    u->config = *config;
    u->random = config->seed ? config->seed : 1;
    u->last_success_us = -1;
    *out = u;
    return KT_OK;
}

void kt_uploader_destroy(KtUploader **u)
{
    if (!*u)
        return;
    free((*u)->parts);
    free(*u);
    *u = NULL;
}

/* ---- parts
 * --------------------------------------------------------------------------------------- */

static int part_count(const KtUploader *u)
{
    return (int)((u->total_bytes + u->config.part_bytes - 1) / u->config.part_bytes);
}

static int64_t part_offset(const KtUploader *u, int part)
{
    return (part - 1) * u->config.part_bytes;
}

/* Bytes that the part has so far. */
static int64_t part_size(const KtUploader *u, int part)
{
    const int64_t rest = u->total_bytes - part_offset(u, part);
    return rest < u->config.part_bytes ? rest : u->config.part_bytes;
}

static int part_is_final(const KtUploader *u, int part)
{
    return u->finished || part_size(u, part) == u->config.part_bytes;
}

static int part_is_whole(const KtUploader *u, int part)
{
    return part_size(u, part) == u->config.part_bytes &&
           u->parts[part - 1].acked_bytes == u->config.part_bytes;
}

/* In the store as it is to be. */
static int part_is_done(const KtUploader *u, int part)
{
    if (part == 1 && u->finished && u->config.patch_first_part && !u->first_part_patched)
        return 0;
    return part_is_final(u, part) && u->parts[part - 1].acked_bytes == part_size(u, part);
}

static int first_undone_part(const KtUploader *u)
{
    const int count = part_count(u);
    /* Parts before released_to are whole and stay so; only part 1 comes back. */
    int part = (int)(u->released_to / u->config.part_bytes) + 1;
    if (count > 0 && !part_is_done(u, 1))
        return 1;
    while (part <= count && part_is_done(u, part))
        part++;
    return part;
}

/* ---- the table of running requests
 * --------------------------------------------------------------- */

static Running *running_find(KtUploader *u, uint32_t id)
{
    for (int i = 0; id != 0 && i < INFLIGHT_SLOTS; i++)
        if (u->running[i].request.id == id)
            return &u->running[i];
    return NULL;
}

static const Running *running_part(const KtUploader *u, int part)
{
    for (int i = 0; i < INFLIGHT_SLOTS; i++)
        if (u->running[i].request.id && u->running[i].request.kind == KT_UPLOAD_PUT &&
            u->running[i].request.part == part)
            return &u->running[i];
    return NULL;
}

static int running_count(const KtUploader *u, int puts)
{
    int count = 0;
    for (int i = 0; i < INFLIGHT_SLOTS; i++)
        count +=
            u->running[i].request.id != 0 && (u->running[i].request.kind == KT_UPLOAD_PUT) == puts;
    return count;
}

static KtStatus begin(KtUploader *u, int64_t now_us, KtUploadRequest request, KtUploadRequest *out)
{
    for (int i = 0; i < INFLIGHT_SLOTS; i++) {
        Running *slot = &u->running[i];
        if (slot->request.id)
            continue;
        if (++u->last_id == 0)
            u->last_id = 1;
        request.id = u->last_id;
        *slot = (Running){.request = request,
                          .begun_us = now_us,
                          .moved_us = now_us,
                          .after_finish = u->finished};
        *out = request;
        return KT_OK;
    }
    assert(!"a slot is free whenever a request may begin");
    return KT_AGAIN;
}

static int64_t timeout_us(const KtUploader *u, const Running *r)
{
    return r->request.kind == KT_UPLOAD_PUT ? u->config.stall_timeout_us
                                            : u->config.sign_timeout_us;
}

/* ---- failures
 * ------------------------------------------------------------------------------------ */

static void end_with(KtUploader *u, KtUploaderState end, KtStatus why)
{
    u->end = end;
    u->failure = why;
    memset(u->running, 0, sizeof u->running);
}

/* xorshift32: only spreads retries of many clients apart. */
static int64_t jittered(KtUploader *u, int64_t delay_us)
{
    u->random ^= u->random << 13;
    u->random ^= u->random >> 17;
    u->random ^= u->random << 5;
    return delay_us / 2 + (int64_t)((double)(delay_us / 2) * ((double)u->random / 4294967296.0));
}

static void back_off(KtUploader *u, int64_t now_us, int slower)
{
    int exponent = u->failures++ + slower;
    if (exponent > MAX_BACKOFF_EXP)
        exponent = MAX_BACKOFF_EXP;
    int64_t delay = u->config.retry_base_us;
    while (exponent-- > 0 && delay < u->config.retry_max_us)
        delay *= 2;
    if (delay > u->config.retry_max_us)
        delay = u->config.retry_max_us;
    u->retries++;
    u->retry_at_us = now_us + jittered(u, delay);
    if (u->last_success_us < 0)
        u->last_success_us = now_us;
    if ((u->finished || u->aborting) && now_us - u->last_success_us > KT_UPLOAD_GIVE_UP_US)
        end_with(u, KT_UPLOADER_FAILED, KT_ERR_NETWORK);
}

/* Nobody knows what became of that PUT: it may land in the store yet, over a newer copy. */
static void doubt(KtUploader *u, int64_t now_us, const KtUploadRequest *lost)
{
    if (lost->kind != KT_UPLOAD_PUT)
        return;
    Part *part = &u->parts[lost->part - 1];
    part->doubt_us = now_us + KT_UPLOAD_DOUBT_US;
    part->looked_at = 0;
}

static void succeeded(KtUploader *u, int64_t now_us)
{
    u->failures = 0;
    u->refusals = 0;
    u->retry_at_us = 0;
    u->last_success_us = now_us;
}

/* Refusals count from finish on: before it the caller may yet mend what is refused, say a token. */
static void refused(KtUploader *u, int64_t now_us, KtUploadRequestKind kind)
{
    if (!u->finished && !u->aborting) {
        back_off(u, now_us, MAX_BACKOFF_EXP);
    } else if (kind == KT_UPLOAD_COMPLETE && u->relisted < KT_UPLOAD_REFUSALS) {
        /* Something in the store is not what we think: look, and send again what differs. */
        u->relisted++;
        u->list_wanted = 1;
        back_off(u, now_us, 0);
    } else if (++u->refusals >= KT_UPLOAD_REFUSALS) {
        end_with(u, KT_UPLOADER_FAILED, KT_ERR_REFUSED);
    } else {
        back_off(u, now_us, 0);
    }
}

static void expired(KtUploader *u, int64_t now_us)
{
    for (int i = 0; i < KT_UPLOAD_MAX_PARTS; i++)
        u->parts[i].expires_us = 0;
    if (u->failures > 0)
        back_off(u, now_us, 0);
    else
        u->failures = 1, u->retries++;
}

KtStatus kt_uploader_failed(KtUploader *u, int64_t now_us, uint32_t id, KtUploadFailure why)
{
    Running *slot = running_find(u, id);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    const KtUploadRequestKind kind = slot->request.kind;
    slot->request.id = 0;
    if (u->aborting && kind != KT_UPLOAD_ABORT)
        return KT_OK;
    switch (why) {
    case KT_UPLOAD_FAIL_NETWORK:
    case KT_UPLOAD_FAIL_CANCELLED:
        doubt(u, now_us, &slot->request);
        back_off(u, now_us, 0);
        return KT_OK;
    case KT_UPLOAD_FAIL_SERVER:
        back_off(u, now_us, 1);
        return KT_OK;
    case KT_UPLOAD_FAIL_EXPIRED:
        expired(u, now_us);
        return KT_OK;
    case KT_UPLOAD_FAIL_GONE:
        end_with(u, u->aborting ? KT_UPLOADER_ABORTED : KT_UPLOADER_FAILED,
                 u->aborting ? KT_OK : KT_ERR_NOT_FOUND);
        return KT_OK;
    case KT_UPLOAD_FAIL_REFUSED:
        refused(u, now_us, kind);
        return KT_OK;
    }
    back_off(u, now_us, 0);
    return KT_ERR_ARG;
}

/* ---- events
 * -------------------------------------------------------------------------------------- */

static void tail_begins(KtUploader *u, int64_t now_us)
{
    u->tail_started_us = now_us;
    u->tail_wait_us = u->config.first_tail_us;
    u->tail_spent_bytes = 0;
}

KtStatus kt_uploader_append(KtUploader *u, int64_t now_us, int64_t bytes)
{
    if (bytes <= 0)
        return KT_ERR_ARG;
    if (u->end || u->finished || u->aborting)
        return KT_ERR_STATE;
    if (bytes > u->config.part_bytes * KT_UPLOAD_MAX_PARTS - u->total_bytes)
        return KT_ERR_LIMIT;
    const int64_t before = u->total_bytes / u->config.part_bytes;
    const int starts = u->total_bytes % u->config.part_bytes == 0;
    u->total_bytes += bytes;
    if (starts || u->total_bytes / u->config.part_bytes != before)
        tail_begins(u, now_us);
    return KT_OK;
}

KtStatus kt_uploader_finish(KtUploader *u, int64_t now_us)
{
    if (u->end || u->finished || u->aborting || u->total_bytes == 0)
        return KT_ERR_STATE;
    u->finished = 1;
    if (u->last_success_us >= 0)
        u->last_success_us = now_us;
    return KT_OK;
}

KtStatus kt_uploader_abort(KtUploader *u, int64_t now_us)
{
    if (u->end == KT_UPLOADER_ABORTED)
        return KT_OK;
    if (u->end == KT_UPLOADER_DONE)
        return KT_ERR_STATE;
    if (!u->create_sent && !u->created) {
        end_with(u, KT_UPLOADER_ABORTED, KT_OK);
        return KT_OK;
    }
    u->end = KT_UPLOADER_IDLE;
    u->aborting = 1;
    u->failures = u->refusals = 0;
    u->retry_at_us = 0;
    u->last_success_us = now_us; /* giving up is counted from here */
    return KT_OK;
}

KtStatus kt_uploader_wake(KtUploader *u, int64_t now_us)
{
    u->failures = 0;
    u->retry_at_us = 0;
    if (u->last_success_us >= 0)
        u->last_success_us = now_us;
    return KT_OK;
}

KtStatus kt_uploader_resume(KtUploader *u, int64_t now_us)
{
    (void)now_us;
    if (u->total_bytes > 0 || u->create_sent || u->end)
        return KT_ERR_STATE;
    u->created = 1;
    u->list_wanted = 1;
    return KT_OK;
}

/* Takes the running request of that kind out of the table, its answer has come. */
static KtStatus answered(KtUploader *u, int64_t now_us, uint32_t id, KtUploadRequestKind kind,
                         Running *out)
{
    Running *slot = running_find(u, id);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    if (slot->request.kind != kind)
        return KT_ERR_ARG;
    *out = *slot;
    slot->request.id = 0;
    succeeded(u, now_us);
    return KT_OK;
}

KtStatus kt_uploader_created(KtUploader *u, int64_t now_us, uint32_t id)
{
    Running was;
    KtStatus status = answered(u, now_us, id, KT_UPLOAD_CREATE, &was);
    if (status == KT_OK)
        u->created = 1;
    return status;
}

KtStatus kt_uploader_signed(KtUploader *u, int64_t now_us, uint32_t id, int64_t expires_us)
{
    Running was;
    const int failures = u->failures, refusals = u->refusals;
    const int64_t last_success_us = u->last_success_us;
    KtStatus status = answered(u, now_us, id, KT_UPLOAD_SIGN, &was);
    if (status != KT_OK)
        return status;
    /* A fresh URL mends nothing by itself: only a stored part ends a series of failures. */
    u->failures = failures;
    u->refusals = refusals;
    u->last_success_us = last_success_us;
    for (int part = was.request.part; part < was.request.part + was.request.count; part++)
        u->parts[part - 1].expires_us = expires_us;
    if (expires_us <= now_us + KT_UPLOAD_URL_SPARE_US)
        back_off(u, now_us, 0);
    return KT_OK;
}

KtStatus kt_uploader_progress(KtUploader *u, int64_t now_us, uint32_t id, int64_t sent_bytes)
{
    Running *slot = running_find(u, id);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    if (sent_bytes < 0)
        return KT_ERR_ARG;
    slot->moved_us = now_us;
    return KT_OK;
}

/* Headers and listings differ in whether an ETag is quoted: kept without quotes. Returns 0 where it
 * is empty or too long. */
static int plain_etag(const char *etag, char out[KT_UPLOAD_ETAG_BYTES])
{
    size_t bytes = etag ? strlen(etag) : 0;
    if (bytes >= 2 && etag[0] == '"' && etag[bytes - 1] == '"') {
        etag++;
        bytes -= 2;
    }
    if (bytes == 0 || bytes >= KT_UPLOAD_ETAG_BYTES)
        return 0;
    memcpy(out, etag, bytes);
    out[bytes] = '\0';
    return 1;
}

KtStatus kt_uploader_put_done(KtUploader *u, int64_t now_us, uint32_t id, const char *etag)
{
    char plain[KT_UPLOAD_ETAG_BYTES];
    if (!plain_etag(etag, plain))
        return KT_ERR_ARG;
    Running was;
    KtStatus status = answered(u, now_us, id, KT_UPLOAD_PUT, &was);
    if (status != KT_OK)
        return status;
    Part *part = &u->parts[was.request.part - 1];
    part->acked_bytes = was.request.bytes;
    memcpy(part->etag, plain, sizeof plain);
    u->sent_bytes += was.request.bytes;
    if (was.request.part == 1 && was.after_finish)
        u->first_part_patched = 1;
    return KT_OK;
}

KtStatus kt_uploader_listed_part(KtUploader *u, uint32_t id, int part, int64_t bytes,
                                 const char *etag)
{
    const Running *slot = running_find(u, id);
    char plain[KT_UPLOAD_ETAG_BYTES];
    if (!slot)
        return KT_ERR_NOT_FOUND;
    if (slot->request.kind != KT_UPLOAD_LIST || part < 1 || part > KT_UPLOAD_MAX_PARTS ||
        bytes < 0 || !plain_etag(etag, plain))
        return KT_ERR_ARG;
    Part *known = &u->parts[part - 1];
    known->listed = 1;
    if (known->acked_bytes == 0 && known->etag[0] == '\0') {
        known->acked_bytes = bytes;
        memcpy(known->etag, plain, sizeof plain);
    } else if (known->acked_bytes != bytes || strcmp(known->etag, plain) != 0) {
        known->acked_bytes = 0;
        if (part == 1)
            u->first_part_patched = 0;
    }
    return KT_OK;
}

KtStatus kt_uploader_listed(KtUploader *u, int64_t now_us, uint32_t id)
{
    Running was;
    KtStatus status = answered(u, now_us, id, KT_UPLOAD_LIST, &was);
    if (status != KT_OK)
        return status;
    u->list_wanted = 0;
    for (int i = 0; i < KT_UPLOAD_MAX_PARTS; i++) {
        Part *part = &u->parts[i];
        part->looked_at = 1;
        if (was.begun_us >= part->doubt_us)
            part->doubt_us = 0;
        if (!part->listed)
            part->acked_bytes = 0;
        if (part->acked_bytes == 0)
            part->etag[0] = '\0';
    }
    if (u->parts[0].acked_bytes == 0)
        u->first_part_patched = 0;
    for (int64_t at = 0; at < u->released_to; at += u->config.part_bytes)
        if (u->parts[at / u->config.part_bytes].acked_bytes < u->config.part_bytes)
            u->released_to = at;
    return KT_OK;
}

KtStatus kt_uploader_completed(KtUploader *u, int64_t now_us, uint32_t id)
{
    Running was;
    KtStatus status = answered(u, now_us, id, KT_UPLOAD_COMPLETE, &was);
    if (status == KT_OK)
        end_with(u, KT_UPLOADER_DONE, KT_OK);
    return status;
}

KtStatus kt_uploader_aborted(KtUploader *u, int64_t now_us, uint32_t id)
{
    Running was;
    KtStatus status = answered(u, now_us, id, KT_UPLOAD_ABORT, &was);
    if (status == KT_OK)
        end_with(u, KT_UPLOADER_ABORTED, KT_OK);
    return status;
}

/* ---- requests
 * ------------------------------------------------------------------------------------ */

/* A request that has stood still: told to be cancelled once, and given up where even that goes
 * unanswered. */
static KtStatus next_cancel(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    for (int i = 0; i < INFLIGHT_SLOTS; i++) {
        Running *slot = &u->running[i];
        if (!slot->request.id || now_us - slot->moved_us < timeout_us(u, slot))
            continue;
        if (slot->cancel_told) {
            kt_uploader_failed(u, now_us, slot->request.id, KT_UPLOAD_FAIL_CANCELLED);
            continue;
        }
        slot->cancel_told = 1;
        slot->moved_us = now_us;
        doubt(u, now_us, &slot->request);
        *out = slot->request;
        out->kind = KT_UPLOAD_CANCEL;
        return KT_OK;
    }
    return KT_AGAIN;
}

/* The first part that is not yet released, and is not whole in the store or in doubt. */
static int first_kept_part(const KtUploader *u)
{
    int part = (int)(u->released_to / u->config.part_bytes) + 1;
    while (part <= part_count(u) && part_is_whole(u, part) && u->parts[part - 1].doubt_us == 0)
        part++;
    return part;
}

/* When the store is to be looked at, since nothing else holds up the release; -1: not for that. */
static int64_t look_due_us(const KtUploader *u)
{
    const int part = first_kept_part(u);
    return part <= part_count(u) && part_is_whole(u, part) ? u->parts[part - 1].doubt_us : -1;
}

/* Before Complete no time has to pass: it names ETags, and all bytes in doubt are kept until then.
 */
static int look_before_complete(const KtUploader *u)
{
    for (int part = 1; part <= part_count(u); part++)
        if (u->parts[part - 1].doubt_us > 0 && !u->parts[part - 1].looked_at)
            return 1;
    return 0;
}

static KtStatus next_release(KtUploader *u, KtUploadRequest *out)
{
    const int part = first_kept_part(u);
    const int64_t to = part_offset(u, part);
    if (to <= u->released_to)
        return KT_AGAIN;
    u->released_to = to;
    *out = (KtUploadRequest){.kind = KT_UPLOAD_RELEASE, .offset = to};
    return KT_OK;
}

/* When the unfinished part is to be sent again as it is; -1: not before it is whole. */
static int64_t tail_due_us(const KtUploader *u)
{
    const int part = part_count(u);
    if (u->finished || u->config.first_tail_us == 0 || part == 0 || part_is_final(u, part))
        return -1;
    const int64_t size = part_size(u, part);
    const int64_t budget = u->config.part_bytes * KT_UPLOAD_TAIL_BUDGET_PERCENT / 100;
    if (size == u->parts[part - 1].acked_bytes || u->tail_spent_bytes + size > budget)
        return -1;
    return u->tail_started_us + u->tail_wait_us;
}

/* The part to be sent next, 0: none. */
static int next_put_part(const KtUploader *u, int64_t now_us)
{
    const int count = part_count(u);
    for (int part = first_undone_part(u); part <= count; part++)
        if (part_is_final(u, part) && !part_is_done(u, part) && !running_part(u, part))
            return part;
    const int64_t due = tail_due_us(u);
    return due >= 0 && now_us >= due && !running_part(u, count) ? count : 0;
}

static KtStatus next_put(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    const int part = next_put_part(u, now_us);
    if (part == 0)
        return KT_AGAIN;
    if (u->parts[part - 1].expires_us <= now_us + KT_UPLOAD_URL_SPARE_US) {
        if (running_count(u, 0) > 0)
            return KT_AGAIN;
        int count = KT_UPLOAD_MAX_PARTS - part + 1;
        if (count > KT_UPLOAD_URL_BATCH)
            count = KT_UPLOAD_URL_BATCH;
        if (u->finished && count > part_count(u) - part + 1)
            count = part_count(u) - part + 1;
        return begin(u, now_us,
                     (KtUploadRequest){.kind = KT_UPLOAD_SIGN, .part = part, .count = count}, out);
    }
    if (running_count(u, 1) >= u->config.max_inflight)
        return KT_AGAIN;
    if (!part_is_final(u, part)) {
        u->tail_spent_bytes += part_size(u, part);
        u->tail_wait_us *= 2;
    }
    return begin(u, now_us,
                 (KtUploadRequest){.kind = KT_UPLOAD_PUT,
                                   .part = part,
                                   .count = 1,
                                   .offset = part_offset(u, part),
                                   .bytes = part_size(u, part)},
                 out);
}

static KtStatus next_abort(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    for (int i = 0; i < INFLIGHT_SLOTS; i++) {
        Running *slot = &u->running[i];
        if (!slot->request.id || slot->request.kind == KT_UPLOAD_ABORT || slot->cancel_told)
            continue;
        slot->cancel_told = 1;
        *out = slot->request;
        out->kind = KT_UPLOAD_CANCEL;
        return KT_OK;
    }
    /* A PUT that lands after the abort would leave a part behind: wait until none runs. */
    if (running_count(u, 1) + running_count(u, 0) > 0)
        return KT_AGAIN;
    return begin(u, now_us, (KtUploadRequest){.kind = KT_UPLOAD_ABORT}, out);
}

KtStatus kt_uploader_next(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    if (u->end)
        return KT_AGAIN;
    if (next_cancel(u, now_us, out) == KT_OK)
        return KT_OK;
    if (u->end || now_us < u->retry_at_us)
        return KT_AGAIN;
    if (u->aborting)
        return next_abort(u, now_us, out);
    if (!u->created) {
        if (running_count(u, 0) > 0)
            return KT_AGAIN;
        u->create_sent = 1;
        return begin(u, now_us, (KtUploadRequest){.kind = KT_UPLOAD_CREATE}, out);
    }
    const int all_done = u->finished && first_undone_part(u) > part_count(u);
    const int64_t look_us = look_due_us(u);
    if ((look_us >= 0 && now_us >= look_us) || (all_done && look_before_complete(u)))
        u->list_wanted = 1;
    if (u->list_wanted) {
        if (running_count(u, 0) + running_count(u, 1) > 0)
            return KT_AGAIN;
        for (int i = 0; i < KT_UPLOAD_MAX_PARTS; i++)
            u->parts[i].listed = 0;
        return begin(u, now_us, (KtUploadRequest){.kind = KT_UPLOAD_LIST}, out);
    }
    if (next_release(u, out) == KT_OK)
        return KT_OK;
    if (all_done) {
        if (running_count(u, 0) + running_count(u, 1) > 0)
            return KT_AGAIN;
        return begin(u, now_us, (KtUploadRequest){.kind = KT_UPLOAD_COMPLETE}, out);
    }
    return next_put(u, now_us, out);
}

/* ---- looking
 * ------------------------------------------------------------------------------------- */

int kt_uploader_part_count(const KtUploader *u)
{
    return part_count(u);
}

KtStatus kt_uploader_part(const KtUploader *u, int part, int64_t *bytes, const char **etag)
{
    if (part < 1 || part > part_count(u))
        return KT_ERR_ARG;
    *bytes = u->parts[part - 1].acked_bytes;
    *etag = u->parts[part - 1].etag;
    return KT_OK;
}

static int64_t safe_bytes(const KtUploader *u)
{
    int part = (int)(u->released_to / u->config.part_bytes) + 1;
    int64_t safe = part_offset(u, part);
    for (; part <= part_count(u); part++) {
        safe += u->parts[part - 1].acked_bytes;
        if (u->parts[part - 1].acked_bytes < u->config.part_bytes)
            break;
    }
    return safe;
}

static int64_t next_due_us(const KtUploader *u, int64_t now_us)
{
    if (u->end)
        return -1;
    int64_t due = -1;
    for (int i = 0; i < INFLIGHT_SLOTS; i++) {
        const Running *slot = &u->running[i];
        if (!slot->request.id)
            continue;
        const int64_t at = slot->moved_us + timeout_us(u, slot);
        due = due < 0 || at < due ? at : due;
    }
    const int64_t look_us = look_due_us(u), tail_us = tail_due_us(u);
    int64_t own = tail_us < now_us || (look_us >= now_us && look_us < tail_us) ? look_us : tail_us;
    if (u->retry_at_us > now_us)
        own = u->retry_at_us;
    if (own >= 0 && own < now_us)
        own = -1; /* it waits for a slot or an answer, not for time */
    return own >= 0 && (due < 0 || own < due) ? own : due;
}

static KtUploaderState state_of(const KtUploader *u, int64_t now_us)
{
    if (u->end)
        return u->end;
    if (u->failures > 0 && u->retry_at_us > now_us)
        return KT_UPLOADER_WAITING;
    for (int i = 0; i < INFLIGHT_SLOTS; i++)
        if (u->running[i].request.id && u->running[i].request.kind == KT_UPLOAD_COMPLETE)
            return KT_UPLOADER_COMPLETING;
    return u->total_bytes > 0 ? KT_UPLOADER_SENDING : KT_UPLOADER_IDLE;
}

void kt_uploader_stats(const KtUploader *u, int64_t now_us, KtUploaderStats *out)
{
    const int64_t safe = safe_bytes(u);
    *out = (KtUploaderStats){
        .state = state_of(u, now_us),
        .failure = u->failure,
        .total_bytes = u->total_bytes,
        .safe_bytes = safe,
        .sent_bytes = u->sent_bytes,
        .backlog_bytes = u->total_bytes - safe,
        .parts_done = first_undone_part(u) - 1,
        .inflight = running_count(u, 1),
        .retries = u->retries,
        .next_us = next_due_us(u, now_us),
    };
}
