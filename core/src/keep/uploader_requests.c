/* What the uploader asks for next, and what it shows: every decision is made in kt_uploader_next
 * from the parts' states and the time it is given. */
#include "keeptake/uploader.h"

#include <assert.h>

#include "uploader_internal.h"

/* ---- parts ---- */

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

int kt__uploader_all_done(const KtUploader *u)
{
    return u->finished && first_undone_part(u) > part_count(u);
}

/* ---- the table of running requests ---- */

const KtUploadRunning *kt__uploader_running_part(const KtUploader *u, int part)
{
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++)
        if (u->running[i].request.id && u->running[i].request.kind == KT_UPLOAD_PUT &&
            u->running[i].request.part == part)
            return &u->running[i];
    return NULL;
}

static int running_count(const KtUploader *u, int puts)
{
    int count = 0;
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++)
        count +=
            u->running[i].request.id != 0 && (u->running[i].request.kind == KT_UPLOAD_PUT) == puts;
    return count;
}

int kt__uploader_running_kind(const KtUploader *u, KtUploadRequestKind kind)
{
    int count = 0;
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++)
        count += u->running[i].request.id != 0 && u->running[i].request.kind == kind;
    return count;
}

/* Bytes that a proxy or the system has taken count as sent, so a slow link looks as if it stood
 * still: waiting longer each time gets a part through where repeating it alike never would. */
static int64_t limit_us(const KtUploader *u, KtUploadRequestKind kind)
{
    return kind == KT_UPLOAD_PUT ? u->config.stall_timeout_us << u->patience
                                 : u->config.sign_timeout_us;
}

static KtStatus begin(KtUploader *u, int64_t now_us, KtUploadRequest request, KtUploadRequest *out)
{
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++) {
        KtUploadRunning *slot = &u->running[i];
        if (slot->request.id)
            continue;
        if (++u->last_id == 0)
            u->last_id = 1;
        request.id = u->last_id;
        *slot = (KtUploadRunning){.request = request,
                                  .begun_us = now_us,
                                  .moved_us = now_us,
                                  .limit_us = limit_us(u, request.kind),
                                  .after_finish = u->finished};
        *out = request;
        return KT_OK;
    }
    assert(0 && "a slot is free whenever a request may begin");
    return KT_AGAIN;
}

static void put_stalled(KtUploader *u, int64_t now_us, const KtUploadRunning *slot)
{
    if (slot->request.kind != KT_UPLOAD_PUT || slot->begun_us < u->stalled_us)
        return;
    u->stalled_us = now_us;
    if (u->patience < KT__UPLOAD_MAX_PATIENCE)
        u->patience++;
}

/* ---- requests ---- */

/* A request that has stood still: told to be cancelled once, and given up where even that goes
 * unanswered. */
static KtStatus next_cancel(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++) {
        KtUploadRunning *slot = &u->running[i];
        if (!slot->request.id || now_us - slot->moved_us < slot->limit_us)
            continue;
        if (slot->cancel_told) {
            kt_uploader_failed(u, now_us, slot->request.id, KT_UPLOAD_FAIL_CANCELLED);
            continue;
        }
        slot->cancel_told = 1;
        slot->moved_us = now_us;
        put_stalled(u, now_us, slot);
        kt__uploader_doubt(u, now_us, &slot->request);
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
    if (part > part_count(u) || !part_is_whole(u, part) ||
        kt__uploader_running_kind(u, KT_UPLOAD_LIST))
        return -1;
    const int64_t doubt_us = u->parts[part - 1].doubt_us;
    return doubt_us > u->look_at_us ? doubt_us : u->look_at_us;
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

static int64_t percent_of_part(const KtUploader *u, int percent)
{
    return u->config.part_bytes * percent / 100;
}

/* The size at which the unfinished part is sent next: part_bytes where not before it is whole. */
static int64_t next_size(const KtUploader *u, int part)
{
    const int64_t first = percent_of_part(u, KT_UPLOAD_TAIL_PERCENT);
    const int64_t least = u->parts[part - 1].acked_bytes + first; /* less is not worth it */
    const int64_t spent = u->tail_spent_bytes;
    const int64_t most = percent_of_part(u, KT_UPLOAD_TAIL_MOST_PERCENT) - spent;
    int64_t next = spent > 0 ? percent_of_part(u, KT_UPLOAD_TAIL_BUDGET_PERCENT) - spent : first;
    if (next < least)
        next = least;
    const int64_t size = part_size(u, part);
    return next <= most && size <= most && u->config.first_tail_us > 0 ? next
                                                                       : u->config.part_bytes;
}

/* When the unfinished part is to be sent as it is; -1: not before there is more of it. */
static int64_t tail_due_us(const KtUploader *u)
{
    const int part = part_count(u);
    if (u->finished || u->config.first_tail_us == 0 || part == 0 || part_is_final(u, part))
        return -1;
    const int64_t wait_us = u->config.first_tail_us;
    if (part_size(u, part) >= next_size(u, part))
        return u->tail_started_us + (u->tail_spent_bytes > 0 ? wait_us : wait_us / 2);
    return part == 1 && !u->tail_opened && u->tail_spent_bytes == 0 ? u->tail_started_us + wait_us
                                                                    : -1;
}

/* The part to be sent next, 0: none. */
static int next_put_part(const KtUploader *u, int64_t now_us)
{
    const int count = part_count(u);
    for (int part = first_undone_part(u); part <= count; part++)
        if (part_is_final(u, part) && !part_is_done(u, part) && !kt__uploader_running_part(u, part))
            return part;
    const int64_t due = tail_due_us(u);
    return due >= 0 && now_us >= due && !kt__uploader_running_part(u, count) ? count : 0;
}

static KtStatus next_put(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    const int part = next_put_part(u, now_us);
    if (part == 0)
        return KT_AGAIN;
    if (u->parts[part - 1].expires_us <= now_us + KT_UPLOAD_URL_SPARE_US) {
        if (kt__uploader_running_kind(u, KT_UPLOAD_SIGN))
            return KT_AGAIN;
        int count = KT_UPLOAD_MAX_PARTS - part + 1;
        if (count > KT_UPLOAD_URL_BATCH)
            count = KT_UPLOAD_URL_BATCH;
        if (u->finished && count > part_count(u) - part + 1)
            count = part_count(u) - part + 1;
        return begin(u, now_us,
                     (KtUploadRequest){.kind = KT_UPLOAD_SIGN, .part = part, .count = count}, out);
    }
    if (running_count(u, 1) >= (u->patience ? 1 : u->config.max_inflight))
        return KT_AGAIN;
    if (!part_is_final(u, part)) {
        if (part_size(u, part) < percent_of_part(u, KT_UPLOAD_TAIL_PERCENT))
            u->tail_opened = 1;
        else
            u->tail_spent_bytes += part_size(u, part);
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
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++) {
        KtUploadRunning *slot = &u->running[i];
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

static KtStatus next_list(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    for (int i = 0; i < KT_UPLOAD_MAX_PARTS; i++)
        u->parts[i].listed = 0;
    return begin(u, now_us, (KtUploadRequest){.kind = KT_UPLOAD_LIST}, out);
}

/* Nothing else is asked before it is answered, and nothing else runs beside it. */
static KtStatus next_awaited_list(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    return running_count(u, 0) + running_count(u, 1) == 0 ? next_list(u, now_us, out) : KT_AGAIN;
}

/* All parts are in the store. */
static KtStatus next_complete(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    if (running_count(u, 0) + running_count(u, 1) > 0)
        return KT_AGAIN;
    kt__uploader_edge(u, KT__UPLOAD_ASK_COMPLETE, now_us);
    return begin(u, now_us, (KtUploadRequest){.kind = KT_UPLOAD_COMPLETE}, out);
}

static KtStatus next_sending(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    const int all_done = kt__uploader_all_done(u);
    if (all_done && look_before_complete(u)) {
        kt__uploader_edge(u, KT__UPLOAD_UNSURE, now_us);
        return next_awaited_list(u, now_us, out);
    }
    if (next_release(u, out) == KT_OK)
        return KT_OK;
    const int64_t look_us = look_due_us(u);
    if (look_us >= 0 && now_us >= look_us)
        return next_list(u, now_us, out); /* beside the PUTs: nothing waits for it */
    return all_done ? next_complete(u, now_us, out) : next_put(u, now_us, out);
}

static KtStatus next_create(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    if (running_count(u, 0) > 0)
        return KT_AGAIN;
    kt__uploader_edge(u, KT__UPLOAD_ASK_CREATE, now_us);
    return begin(u, now_us, (KtUploadRequest){.kind = KT_UPLOAD_CREATE}, out);
}

static KtStatus next_of_life(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    switch (u->life) {
    case KT__UPLOAD_NEW:
    case KT__UPLOAD_CREATING:
        return next_create(u, now_us, out);
    case KT__UPLOAD_RESUMING:
    case KT__UPLOAD_LOOKING:
        return next_awaited_list(u, now_us, out);
    case KT__UPLOAD_SENDING:
        return next_sending(u, now_us, out);
    case KT__UPLOAD_ABORTING:
        return next_abort(u, now_us, out);
    case KT__UPLOAD_COMPLETING: /* waits for the answer alone */
    case KT__UPLOAD_DONE:
    case KT__UPLOAD_ABORTED:
    case KT__UPLOAD_FAILED:
        break;
    }
    return KT_AGAIN;
}

KtStatus kt_uploader_next(KtUploader *u, int64_t now_us, KtUploadRequest *out)
{
    if (!u || !out)
        return KT_ERR_ARG;
    if (kt__uploader_is_over(u))
        return KT_AGAIN;
    KtStatus status = next_cancel(u, now_us, out);
    if (status != KT_OK && now_us >= u->retry_at_us)
        status = next_of_life(u, now_us, out);
    kt__uploader_check(u);
    return status;
}

/* ---- looking ---- */

int kt_uploader_part_count(const KtUploader *u)
{
    return u ? part_count(u) : 0;
}

KtStatus kt_uploader_part(const KtUploader *u, int part, int64_t *bytes, const char **etag)
{
    if (!u || !bytes || !etag || part < 1 || part > part_count(u))
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
        /* The store may list more of a part than it is to have: nothing of that is ours. */
        const int64_t acked = u->parts[part - 1].acked_bytes, size = part_size(u, part);
        safe += acked < size ? acked : size;
        if (u->parts[part - 1].acked_bytes < u->config.part_bytes)
            break;
    }
    return safe;
}

static int64_t next_due_us(const KtUploader *u, int64_t now_us)
{
    if (kt__uploader_is_over(u))
        return -1;
    int64_t due = -1;
    for (int i = 0; i < KT__UPLOAD_SLOTS; i++) {
        const KtUploadRunning *slot = &u->running[i];
        if (!slot->request.id)
            continue;
        const int64_t at = slot->moved_us + slot->limit_us;
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

static int64_t next_bytes(const KtUploader *u)
{
    const int part = part_count(u);
    if (u->finished || part == 0 || part_is_final(u, part))
        return 0;
    const int64_t rest = next_size(u, part) - part_size(u, part);
    return rest > 0 ? rest : 0;
}

static KtUploaderState state_of(const KtUploader *u, int64_t now_us)
{
    switch (u->life) {
    case KT__UPLOAD_DONE:
        return KT_UPLOADER_DONE;
    case KT__UPLOAD_ABORTED:
        return KT_UPLOADER_ABORTED;
    case KT__UPLOAD_FAILED:
        return KT_UPLOADER_FAILED;
    default:
        break;
    }
    if (u->failures > 0 && u->retry_at_us > now_us)
        return KT_UPLOADER_WAITING;
    if (u->life == KT__UPLOAD_COMPLETING)
        return KT_UPLOADER_COMPLETING;
    return u->total_bytes > 0 ? KT_UPLOADER_SENDING : KT_UPLOADER_IDLE;
}

void kt_uploader_stats(const KtUploader *u, int64_t now_us, KtUploaderStats *out)
{
    if (!out)
        return;
    *out = (KtUploaderStats){.next_us = -1};
    if (!u)
        return;
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
        .next_bytes = next_bytes(u),
    };
}
