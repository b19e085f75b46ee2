/* What is told to an uploader: each event changes the parts and the requests that run, and takes
 * the edge of the upload's life (uploader_life.c) that it stands for. What is asked next decides
 * uploader_requests.c. */
#include "keeptake/uploader.h"

#include <stdlib.h>
#include <string.h>

#include "uploader_internal.h"

#define MIN_PART_BYTES (64 << 10)
#define MAX_BACKOFF_EXP 16
#define MIB (INT64_C(1) << 20)
#define MAX_LOOK_FAILURES 3 /* then the part is sent again instead */

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
    if (!config || !out || config->part_bytes < MIN_PART_BYTES || config->max_inflight < 1 ||
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
    if (!u || !*u)
        return;
    free((*u)->parts);
    free(*u);
    *u = NULL;
}

static KtUploadRunning *running_find(KtUploader *u, uint32_t id)
{
    for (int i = 0; id != 0 && i < KT__UPLOAD_SLOTS; i++)
        if (u->running[i].request.id == id)
            return &u->running[i];
    return NULL;
}

/* ---- failures ---- */

static KtStatus checked(const KtUploader *u, KtStatus status)
{
    kt__uploader_check(u);
    return status;
}

/* xorshift32: only spreads retries of many clients apart. */
static int64_t jittered(KtUploader *u, int64_t delay_us)
{
    u->random ^= u->random << 13;
    u->random ^= u->random >> 17;
    u->random ^= u->random << 5;
    return delay_us / 2 + (int64_t)((double)(delay_us / 2) * ((double)u->random / 4294967296.0));
}

/* Doubles with every failure, up to retry_max_us. */
static int64_t delay_us(KtUploader *u, int exponent)
{
    if (exponent > MAX_BACKOFF_EXP)
        exponent = MAX_BACKOFF_EXP;
    int64_t delay = u->config.retry_base_us;
    while (exponent-- > 0 && delay < u->config.retry_max_us)
        delay *= 2;
    if (delay > u->config.retry_max_us)
        delay = u->config.retry_max_us;
    return jittered(u, delay);
}

/* Nobody records any more: failures may end the upload. */
static int is_ending(const KtUploader *u)
{
    return u->finished || u->life == KT__UPLOAD_ABORTING;
}

static void back_off(KtUploader *u, int64_t now_us, int slower)
{
    u->retry_at_us = now_us + delay_us(u, u->failures++ + slower);
    u->retries++;
    if (u->last_success_us < 0)
        u->last_success_us = now_us;
    if (is_ending(u) && now_us - u->last_success_us > KT_UPLOAD_GIVE_UP_US)
        kt__uploader_edge(u, KT__UPLOAD_GIVE_UP, now_us);
}

void kt__uploader_doubt(KtUploader *u, int64_t now_us, const KtUploadRequest *lost)
{
    if (lost->kind != KT_UPLOAD_PUT)
        return;
    KtUploadPart *part = &u->parts[lost->part - 1];
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
static void refused(KtUploader *u, int64_t now_us)
{
    if (!is_ending(u))
        back_off(u, now_us, MAX_BACKOFF_EXP);
    else if (++u->refusals >= KT_UPLOAD_REFUSALS)
        kt__uploader_edge(u, KT__UPLOAD_REFUSED, now_us);
    else
        back_off(u, now_us, 0);
}

/* Returns 1 where nothing is left to be done about it. */
static int complete_failed(KtUploader *u, int64_t now_us, KtUploadFailure why)
{
    if (why != KT_UPLOAD_FAIL_REFUSED || u->relisted == KT_UPLOAD_REFUSALS) {
        kt__uploader_edge(u, KT__UPLOAD_COMPLETE_FAILED, now_us);
        return 0;
    }
    /* Something in the store is not what we think: look, and send again what differs. */
    kt__uploader_edge(u, KT__UPLOAD_COMPLETE_REFUSED, now_us);
    back_off(u, now_us, 0);
    return 1;
}

/* What became of a lost PUT cannot be seen: whole parts whose time of doubt is over are sent again.
 * That answer is newer than anything the lost one can still do. */
static void resend_doubted(KtUploader *u, int64_t now_us)
{
    for (int i = 0; i < KT_UPLOAD_MAX_PARTS; i++) {
        KtUploadPart *part = &u->parts[i];
        if (part->doubt_us == 0 || part->doubt_us > now_us ||
            part->acked_bytes < u->config.part_bytes)
            continue;
        part->doubt_us = part->acked_bytes = 0;
        part->etag[0] = '\0';
        if (i == 0)
            u->first_part_patched = 0;
    }
}

/* A list for the sake of releasing failed: that holds up nothing but the release. */
static void look_failed(KtUploader *u, int64_t now_us, KtUploadFailure why)
{
    u->retries++;
    u->look_at_us = now_us + delay_us(u, u->look_failures++);
    if (why != KT_UPLOAD_FAIL_REFUSED && u->look_failures < MAX_LOOK_FAILURES)
        return;
    u->look_failures = 0;
    resend_doubted(u, now_us);
}

/* Returns 1 where nothing is left to be done about it. */
static int list_failed(KtUploader *u, int64_t now_us, KtUploadFailure why)
{
    if (u->life == KT__UPLOAD_SENDING) {
        look_failed(u, now_us, why);
        return 1;
    }
    return why == KT_UPLOAD_FAIL_REFUSED && u->relisted == 0 &&
           kt__uploader_edge(u, KT__UPLOAD_LIST_REFUSED, now_us) == KT_OK;
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

static void request_failed(KtUploader *u, int64_t now_us, const KtUploadRequest *request,
                           KtUploadFailure why)
{
    switch (why) {
    case KT_UPLOAD_FAIL_NETWORK:
    case KT_UPLOAD_FAIL_CANCELLED:
        kt__uploader_doubt(u, now_us, request);
        back_off(u, now_us, 0);
        break;
    case KT_UPLOAD_FAIL_SERVER:
        back_off(u, now_us, 1);
        break;
    case KT_UPLOAD_FAIL_EXPIRED:
        expired(u, now_us);
        break;
    case KT_UPLOAD_FAIL_GONE:
        kt__uploader_edge(u, KT__UPLOAD_GONE, now_us);
        break;
    case KT_UPLOAD_FAIL_REFUSED:
        refused(u, now_us);
        break;
    }
}

KtStatus kt_uploader_failed(KtUploader *u, int64_t now_us, uint32_t id, KtUploadFailure why)
{
    if (!u)
        return KT_ERR_ARG;
    KtUploadRunning *slot = running_find(u, id);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    if ((int)why < KT_UPLOAD_FAIL_NETWORK || (int)why > KT_UPLOAD_FAIL_CANCELLED)
        return KT_ERR_ARG;
    const KtUploadRequest request = slot->request;
    slot->request.id = 0;
    if (kt__uploader_is_over(u))
        return checked(u, KT_ERR_NOT_FOUND);
    /* What else failed is of no interest to an abort. */
    int settled = u->life == KT__UPLOAD_ABORTING && request.kind != KT_UPLOAD_ABORT;
    if (!settled && request.kind == KT_UPLOAD_COMPLETE)
        settled = complete_failed(u, now_us, why);
    else if (!settled && request.kind == KT_UPLOAD_LIST && why != KT_UPLOAD_FAIL_GONE)
        settled = list_failed(u, now_us, why);
    if (!settled)
        request_failed(u, now_us, &request, why);
    return checked(u, KT_OK);
}

/* ---- events ---- */

static void tail_begins(KtUploader *u, int64_t now_us)
{
    u->tail_started_us = now_us;
    u->tail_spent_bytes = 0;
}

KtStatus kt_uploader_append(KtUploader *u, int64_t now_us, int64_t bytes)
{
    if (!u || bytes <= 0)
        return KT_ERR_ARG;
    if (kt__uploader_is_over(u) || is_ending(u))
        return KT_ERR_STATE;
    if (bytes > u->config.part_bytes * KT_UPLOAD_MAX_PARTS - u->total_bytes)
        return KT_ERR_LIMIT;
    const int64_t before = u->total_bytes / u->config.part_bytes;
    const int starts = u->total_bytes % u->config.part_bytes == 0;
    u->total_bytes += bytes;
    if (starts || u->total_bytes / u->config.part_bytes != before)
        tail_begins(u, now_us);
    return checked(u, KT_OK);
}

KtStatus kt_uploader_finish(KtUploader *u, int64_t now_us)
{
    if (!u)
        return KT_ERR_ARG;
    if (kt__uploader_is_over(u) || is_ending(u) || u->total_bytes == 0)
        return KT_ERR_STATE;
    u->finished = 1;
    if (u->last_success_us >= 0)
        u->last_success_us = now_us;
    return checked(u, KT_OK);
}

KtStatus kt_uploader_abort(KtUploader *u, int64_t now_us)
{
    if (!u)
        return KT_ERR_ARG;
    if (u->life == KT__UPLOAD_ABORTED)
        return KT_OK;
    return checked(u, kt__uploader_edge(u, KT__UPLOAD_ABORT_ASKED, now_us));
}

KtStatus kt_uploader_wake(KtUploader *u, int64_t now_us)
{
    if (!u)
        return KT_ERR_ARG;
    u->failures = 0;
    u->patience = 0;
    u->retry_at_us = 0;
    if (u->last_success_us >= 0)
        u->last_success_us = now_us;
    return checked(u, KT_OK);
}

KtStatus kt_uploader_resume(KtUploader *u, int64_t now_us)
{
    if (!u)
        return KT_ERR_ARG;
    if (u->total_bytes > 0)
        return KT_ERR_STATE;
    return checked(u, kt__uploader_edge(u, KT__UPLOAD_RESUME, now_us));
}

/* Takes the running request of that kind out of the table, its answer has come. */
static KtStatus answered(KtUploader *u, uint32_t id, KtUploadRequestKind kind, KtUploadRunning *out)
{
    if (!u)
        return KT_ERR_ARG;
    KtUploadRunning *slot = running_find(u, id);
    if (!slot)
        return KT_ERR_NOT_FOUND;
    if (slot->request.kind != kind)
        return KT_ERR_ARG;
    *out = *slot;
    slot->request.id = 0;
    return kt__uploader_is_over(u) ? KT_ERR_NOT_FOUND : KT_OK;
}

KtStatus kt_uploader_created(KtUploader *u, int64_t now_us, uint32_t id)
{
    KtUploadRunning was;
    const KtStatus status = answered(u, id, KT_UPLOAD_CREATE, &was);
    if (status != KT_OK)
        return status;
    succeeded(u, now_us);
    kt__uploader_edge(u, KT__UPLOAD_CREATED, now_us); /* none where it is being aborted */
    return checked(u, KT_OK);
}

/* A fresh URL mends nothing by itself: only a stored part ends a series of failures. */
KtStatus kt_uploader_signed(KtUploader *u, int64_t now_us, uint32_t id, int64_t expires_us)
{
    KtUploadRunning was;
    const KtStatus status = answered(u, id, KT_UPLOAD_SIGN, &was);
    if (status != KT_OK)
        return status;
    u->retry_at_us = 0;
    for (int part = was.request.part; part < was.request.part + was.request.count; part++)
        u->parts[part - 1].expires_us = expires_us;
    if (expires_us <= now_us + KT_UPLOAD_URL_SPARE_US)
        back_off(u, now_us, 0);
    return checked(u, KT_OK);
}

KtStatus kt_uploader_progress(KtUploader *u, int64_t now_us, uint32_t id, int64_t sent_bytes)
{
    if (!u)
        return KT_ERR_ARG;
    KtUploadRunning *slot = running_find(u, id);
    if (!slot || kt__uploader_is_over(u))
        return KT_ERR_NOT_FOUND;
    if (sent_bytes < 0)
        return KT_ERR_ARG;
    if (sent_bytes > slot->sent_bytes) {
        slot->sent_bytes = sent_bytes;
        slot->moved_us = now_us;
    }
    return KT_OK;
}

/* Headers and listings differ in whether an ETag is quoted: kept without quotes. A proxy that
 * compresses, or might, marks it as weak on its way (W/"…"): the store itself knows only the strong
 * one, and Complete has to name that. Returns 0 where it is empty or too long. */
static int plain_etag(const char *etag, char out[KT_UPLOAD_ETAG_BYTES])
{
    size_t bytes = etag ? strlen(etag) : 0;
    if (bytes >= 2 && (etag[0] == 'W' || etag[0] == 'w') && etag[1] == '/') {
        etag += 2;
        bytes -= 2;
    }
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
    if (!u || !plain_etag(etag, plain))
        return KT_ERR_ARG;
    KtUploadRunning was;
    const KtStatus status = answered(u, id, KT_UPLOAD_PUT, &was);
    if (status != KT_OK)
        return status;
    succeeded(u, now_us);
    KtUploadPart *part = &u->parts[was.request.part - 1];
    part->acked_bytes = was.request.bytes;
    part->stored_us = now_us;
    memcpy(part->etag, plain, sizeof plain);
    u->sent_bytes += was.request.bytes;
    if (u->patience > 0 && now_us - was.moved_us <= u->config.stall_timeout_us)
        u->patience--;
    if (was.request.part == 1 && was.after_finish)
        u->first_part_patched = 1;
    return checked(u, KT_OK);
}

/* Whether a PUT of the part ran at some time since begun_us: what a list of then says of it is not
 * what the store has now. */
static int moved_since(const KtUploader *u, int part, int64_t begun_us)
{
    return u->parts[part - 1].stored_us > begun_us || kt__uploader_running_part(u, part) != NULL;
}

/* The store lacks it, or has something else under its number: to be sent again, and kept till then.
 */
static void part_missing(KtUploader *u, int part)
{
    u->parts[part - 1].acked_bytes = 0;
    if (part == 1)
        u->first_part_patched = 0;
    if (u->released_to > (part - 1) * u->config.part_bytes)
        u->released_to = (part - 1) * u->config.part_bytes;
}

KtStatus kt_uploader_listed_part(KtUploader *u, uint32_t id, int part, int64_t bytes,
                                 const char *etag)
{
    if (!u)
        return KT_ERR_ARG;
    const KtUploadRunning *slot = running_find(u, id);
    char plain[KT_UPLOAD_ETAG_BYTES];
    if (!slot || kt__uploader_is_over(u))
        return KT_ERR_NOT_FOUND;
    if (slot->request.kind != KT_UPLOAD_LIST || part < 1 || part > KT_UPLOAD_MAX_PARTS ||
        bytes < 0 || !plain_etag(etag, plain))
        return KT_ERR_ARG;
    KtUploadPart *known = &u->parts[part - 1];
    known->listed = 1;
    if (moved_since(u, part, slot->begun_us))
        return KT_OK;
    if (known->acked_bytes == 0 && known->etag[0] == '\0') {
        known->acked_bytes = bytes;
        memcpy(known->etag, plain, sizeof plain);
    } else if (known->acked_bytes != bytes || strcmp(known->etag, plain) != 0) {
        part_missing(u, part);
    }
    return checked(u, KT_OK);
}

/* What the store told of a part that no PUT moved since. */
static void part_looked_at(KtUploader *u, int number, int64_t begun_us)
{
    KtUploadPart *part = &u->parts[number - 1];
    part->looked_at = 1;
    if (begun_us >= part->doubt_us)
        part->doubt_us = 0;
    if (!part->listed || part->acked_bytes == 0)
        part_missing(u, number);
    if (part->acked_bytes == 0)
        part->etag[0] = '\0';
}

KtStatus kt_uploader_listed(KtUploader *u, int64_t now_us, uint32_t id)
{
    KtUploadRunning was;
    const KtStatus status = answered(u, id, KT_UPLOAD_LIST, &was);
    if (status != KT_OK)
        return status;
    /* None for a look beside the PUTs: their series of failures goes on. */
    kt__uploader_edge(u, KT__UPLOAD_LISTED, now_us);
    u->look_failures = 0;
    u->look_at_us = 0;
    for (int part = KT_UPLOAD_MAX_PARTS; part >= 1; part--)
        if (!moved_since(u, part, was.begun_us))
            part_looked_at(u, part, was.begun_us);
    return checked(u, KT_OK);
}

KtStatus kt_uploader_completed(KtUploader *u, int64_t now_us, uint32_t id)
{
    KtUploadRunning was;
    const KtStatus status = answered(u, id, KT_UPLOAD_COMPLETE, &was);
    if (status != KT_OK)
        return status;
    succeeded(u, now_us);
    return checked(u, kt__uploader_edge(u, KT__UPLOAD_COMPLETED, now_us));
}

KtStatus kt_uploader_aborted(KtUploader *u, int64_t now_us, uint32_t id)
{
    KtUploadRunning was;
    const KtStatus status = answered(u, id, KT_UPLOAD_ABORT, &was);
    if (status != KT_OK)
        return status;
    succeeded(u, now_us);
    return checked(u, kt__uploader_edge(u, KT__UPLOAD_ABORT_DONE, now_us));
}
