/* A take is finished without its browser: its parts are completed as they are, the object is read
 * through once, and what is playable of it is made seekable (jobs/rebuild.c).
 *
 * After a kill at any instant the same steps are taken again; each one finds what the store has:
 *   pending SALVAGE   no object: complete the upload; an object: it was completed
 *   pending REBUILD   the second upload is aborted if it is still there; the object is read again.
 *                     Where the second upload had become the object, it reads as a finished take.
 * The object is replaced by one Complete, so it is always the one or the other. */
#include "jobs/salvage_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "keeptake/timeline.h"

/* More salvages wait: each holds a part and a range in memory. */
#define MOST_AT_ONCE 2
/* The browser may come back and replace a part between listing and completing. */
#define MOST_ATTEMPTS 4

static void first_step(Salvage *s);
static void list_parts(Salvage *s);
static void head_object(Salvage *s);
static void scan_next(Salvage *s);

/* --- beginning and end --- */

static void tell_begun(Salvage *s)
{
    if (!s->is_begun) {
        s->is_begun = 1;
        if (s->begun) {
            s->begun(s->ctx, &s->result);
        }
    }
}

static void start_waiting(Jobs *jobs)
{
    int working = 0;
    Salvage *waiting = NULL;
    for (Salvage *s = jobs->salvages; s; s = s->next) {
        working += s->is_working;
        waiting = s->is_waiting ? s : waiting; /* the list is newest first */
    }
    if (waiting && working < MOST_AT_ONCE) {
        waiting->is_waiting = 0;
        waiting->is_working = 1;
        first_step(waiting);
    }
}

void salvage__end(Salvage *s)
{
    Jobs *jobs = s->jobs;
    Salvage **at = &jobs->salvages;
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    jobs->running--;
    if (s->result.status != JOB_OK) {
        jobs->salvage_failures++;
        log_write(s->jobs->ports.log, s->result.status == JOB_BROKEN ? LOG_ERROR : LOG_WARN,
                  "salvage-stopped", "ss", "recording", s->object.recording, "message",
                  s->result.message);
    }
    if (s->is_begun) {
        job_try_later(s->jobs, &s->object, &s->result);
    }
    tell_begun(s);
    s->done(s->ctx, &s->result);
    take_scan_destroy(&s->scan);
    free(s->parts);
    free(s->pieces);
    free(s->cues);
    free(s->buffer);
    free(s->range);
    kt_text_free(s->timeline);
    free(s);
    start_waiting(jobs);
}

void salvage__fail(Salvage *s, JobStatus status, const char *message)
{
    s->result.status = status;
    snprintf(s->result.message, sizeof s->result.message, "%s", message);
    salvage__end(s);
}

void salvage__fail_store(Salvage *s, StoreStatus status)
{
    job_store_result(status, &s->result);
    salvage__end(s);
}

void salvage__fail_db(Salvage *s, int status)
{
    if (status == DB_FULL) {
        salvage__fail(s, JOB_FULL, "The server's disk is full.");
    } else if (status == DB_NOT_FOUND || status == DB_CONFLICT) {
        salvage__fail(s, JOB_GONE, "The recording is not in a state to be salvaged.");
    } else {
        salvage__fail(s, JOB_BROKEN, "The database reported a failure.");
    }
}

int salvage__stops(Salvage *s)
{
    if (!s->jobs->stopping) {
        return 0;
    }
    salvage__fail(s, JOB_UNREACHABLE, "The server is stopping.");
    return 1;
}

void salvages__stop(Jobs *jobs)
{
    for (Salvage *s = jobs->salvages; s; s = s->next) {
        salvage__cancel(s);
    }
}

static void on_state_noted(void *ctx, int status)
{
    Salvage *s = ctx;
    if (status != DB_OK) {
        salvage__fail_db(s, status);
    } else {
        salvage__end(s);
    }
}

int job_is_salvaging(const Jobs *jobs, const char *object_id)
{
    const Salvage *s = jobs->salvages;
    while (s && !(s->is_begun && strcmp(s->object.id, object_id) == 0)) {
        s = s->next;
    }
    return s != NULL;
}

/* --- completing what arrived --- */

static int note_failed(DbConnection *c, void *ctx)
{
    Salvage *s = ctx;
    return object_set_state(c, s->object.id, OBJECT_FAILED, clock_now_us());
}

/* Nothing in it can be played. An object stays until the clean-up removes failed recordings. */
static void fail_take(Salvage *s, const char *reason)
{
    log_write(s->jobs->ports.log, LOG_WARN, "salvage-failed", "ss", "recording",
              s->object.recording, "reason", reason);
    s->jobs->salvage_failures++;
    db_write(s->jobs->ports.db, s->by, note_failed, s, on_state_noted);
}

static int note_recording(DbConnection *c, void *ctx)
{
    Salvage *s = ctx;
    return object_set_state(c, s->object.id, OBJECT_OPEN, clock_now_us());
}

static void on_recording_noted(void *ctx, int status)
{
    (void)status; /* still pending otherwise: tried again */
    salvage__end(ctx);
}

/* As if it had not been asked for: the browser may still come back, the clean-up tries again. */
static void take_back(Salvage *s, JobStatus status, const char *message)
{
    s->result.status = status;
    snprintf(s->result.message, sizeof s->result.message, "%s", message);
    db_write(s->jobs->ports.db, s->by, note_recording, s, on_recording_noted);
}

static void on_completed(void *ctx, StoreStatus status, const StoreObject *object)
{
    Salvage *s = ctx;
    (void)object;
    if (status == STORE_OK || status == STORE_NO_SUCH_UPLOAD || status == STORE_NO_SUCH_KEY) {
        head_object(s);
    } else if (status == STORE_INVALID_PART && s->attempts < MOST_ATTEMPTS) {
        if (!salvage__stops(s)) {
            list_parts(s);
        }
    } else if (status == STORE_FULL) {
        take_back(s, JOB_FULL, "The store is full; nothing that was uploaded is lost.");
    } else if (status == STORE_INVALID_PART || status == STORE_TOO_SMALL) {
        take_back(s, JOB_CONFLICT, "The store does not complete the parts that it has.");
    } else {
        salvage__fail_store(s, status);
    }
}

static int note_parts(DbConnection *c, void *ctx)
{
    Salvage *s = ctx;
    return object_set_salvage(c, s->object.id, s->take_bytes, s->digest, clock_now_us());
}

static void on_parts_noted(void *ctx, int status)
{
    Salvage *s = ctx;
    if (status != DB_OK) {
        salvage__fail_db(s, status);
        return;
    }
    s->jobs->ports.store->complete(s->jobs->ports.store, s->object.key, s->object.upload_id,
                                   s->parts, s->part_count, NULL, s, on_completed);
}

/* How many of the parts follow each other from part 1 on: all of one size but the last. */
static int count_usable(const StorePart *parts, int count, int64_t part_bytes, int64_t *bytes)
{
    int usable = 0;
    *bytes = 0;
    while (usable < count && parts[usable].number == usable + 1) {
        *bytes += parts[usable].bytes;
        if (parts[usable++].bytes != part_bytes) {
            break;
        }
    }
    return usable;
}

static void on_emptied(void *ctx, const JobResult *result)
{
    Salvage *s = ctx;
    s->result = *result;
    salvage__end(s);
}

/* Some stores (Ceph RGW) refuse a list that leaves stored parts out: every other attempt names them
 * all, and what follows the first gap is cut off afterwards. */
static void on_listed(void *ctx, StoreStatus status, const StorePart *parts, int count)
{
    Salvage *s = ctx;
    if (status == STORE_NO_SUCH_UPLOAD || status == STORE_NO_SUCH_KEY) {
        s->is_found = s->take_bytes < 0;
        head_object(s);
        return;
    }
    if (status != STORE_OK) {
        salvage__fail_store(s, status);
        return;
    }
    int usable = count_usable(parts, count, s->object.part_bytes, &s->take_bytes);
    if (count == 0) {
        job_abort(s->jobs, s->by, &s->object, s, on_emptied);
        return;
    }
    if (usable == 0) {
        take_back(s, JOB_CONFLICT, "The beginning of the take has not arrived.");
        return;
    }
    s->part_count = s->attempts++ % 2 == 0 ? usable : count;
    free(s->parts);
    s->parts = malloc((size_t)s->part_count * sizeof *parts);
    if (!s->parts) {
        salvage__fail(s, JOB_BROKEN, "There is not enough memory.");
        return;
    }
    memcpy(s->parts, parts, (size_t)s->part_count * sizeof *parts);
    job_digest(s->parts, s->part_count, s->take_bytes, s->digest);
    db_write(s->jobs->ports.db, s->by, note_parts, s, on_parts_noted);
}

static void list_parts(Salvage *s)
{
    s->jobs->ports.store->list_parts(s->jobs->ports.store, s->object.key, s->object.upload_id, NULL,
                                     s, on_listed);
}

/* --- reading the object --- */

/* The browser had completed it, the database did not know: one of before was put back. */
static int is_as_it_was(const Salvage *s)
{
    return s->is_found && s->found.finished && s->file_bytes == s->object_bytes;
}

/* On a thread: the timeline is ended where the take does. One that cannot be read stays as it is.
 * Nobody else writes it meanwhile: browsers are refused once the server has taken the take over. */
static void close_timeline(void *ctx)
{
    Salvage *s = ctx;
    uint8_t *packed = NULL;
    size_t bytes = 0;
    char *text = NULL;
    KtTimeline *timeline = NULL;
    Db *db = s->jobs->ports.db;
    DbConnection *c = db_borrow(db);
    int status = c ? timeline_get(c, s->object.recording, &packed, &bytes) : DB_IO;
    db_give_back(db, c);
    KtStatus made = status == DB_OK ? kt_timeline_decompress(packed, bytes, &text, &bytes) : KT_END;
    made = made == KT_OK ? kt_timeline_parse(text, bytes, &timeline, NULL, 0) : made;
    made = made == KT_OK ? kt_timeline_close(timeline, s->found.duration_us) : made;
    free(packed);
    kt_text_free(text);
    text = NULL;
    made = made == KT_OK ? kt_timeline_json(timeline, &text, &bytes) : made;
    if (made == KT_OK) {
        kt_timeline_compress(text, bytes, &s->timeline, &s->timeline_bytes);
    }
    s->timeline_status = status;
    kt_timeline_destroy(&timeline);
    kt_text_free(text);
}

static int note_salvaged(DbConnection *c, void *ctx)
{
    Salvage *s = ctx;
    if (s->object.kind != OBJECT_TAKE) {
        return object_set_salvaged(c, s->object.id, s->file_bytes, s->found.duration_us,
                                   !is_as_it_was(s), clock_now_us());
    }
    int status = s->timeline
                     ? timeline_put(c, s->object.recording, s->timeline, s->timeline_bytes, -1)
                     : DB_OK;
    const TakeScanResult *found = &s->found;
    status = status == DB_OK ? recording_set_settings(c, s->object.recording, found->codec,
                                                      found->width, found->height, found->fps)
                             : status;
    return status == DB_OK
               ? object_set_salvaged(c, s->object.id, s->file_bytes, s->found.duration_us,
                                     !is_as_it_was(s), clock_now_us())
               : status;
}

static void on_salvaged_noted(void *ctx, int status)
{
    Salvage *s = ctx;
    if (status != DB_OK) {
        salvage__fail_db(s, status);
        return;
    }
    s->jobs->salvaged_takes += !is_as_it_was(s);
    log_write(s->jobs->ports.log, LOG_INFO, is_as_it_was(s) ? "found-complete" : "salvaged", "sii",
              "recording", s->object.recording, "bytes", s->file_bytes, "duration_us",
              s->found.duration_us);
    salvage__end(s);
}

static void on_timeline_closed(void *ctx)
{
    Salvage *s = ctx;
    if (s->timeline_status != DB_OK && s->timeline_status != DB_NOT_FOUND) {
        salvage__fail_db(s, s->timeline_status);
    } else {
        db_write(s->jobs->ports.db, s->by, note_salvaged, s, on_salvaged_noted);
    }
}

void salvage__complete(Salvage *s, int64_t bytes)
{
    s->file_bytes = bytes;
    if (s->object.kind != OBJECT_TAKE) { /* the timeline is the take's */
        on_timeline_closed(s);
        return;
    }
    workers_start(s->jobs->ports.compute, &s->task, close_timeline, on_timeline_closed, s);
}

/* On a thread. A file of another writer has a header that cannot be patched. */
static void end_scan(void *ctx)
{
    Salvage *s = ctx;
    uint8_t header[KT_WEBM_HEADER_BYTES];
    take_scan_finish(s->scan, &s->found);
    memcpy(header, s->found.header, sizeof header);
    s->can_rebuild =
        kt_webm_patch_header(header, s->found.duration_us, -1, s->found.valid_bytes) == KT_OK;
    s->fed = s->can_rebuild && salvage__make_cues(s) != 0 ? KT_ERR_MEMORY : KT_OK;
}

static void on_scan_ended(void *ctx)
{
    Salvage *s = ctx;
    if (s->found.clusters == 0) {
        fail_take(s, "there is not one whole cluster");
    } else if (s->fed != KT_OK) {
        salvage__fail(s, JOB_BROKEN, "There is not enough memory.");
    } else if ((s->found.finished && s->at == s->object_bytes) || !s->can_rebuild) {
        salvage__complete(s, s->object_bytes); /* playable as it is */
    } else {
        salvage__rebuild(s);
    }
}

/* On a thread: a MiB of clusters takes it some milliseconds. */
static void scan_range(void *ctx)
{
    Salvage *s = ctx;
    s->fed = take_scan_feed(s->scan, s->range, s->range_bytes);
}

static void on_range_scanned(void *ctx)
{
    Salvage *s = ctx;
    if (s->fed == KT_ERR_MEMORY) {
        salvage__fail(s, JOB_BROKEN, "There is not enough memory.");
    } else if (s->fed == KT_END) {
        workers_start(s->jobs->ports.compute, &s->task, end_scan, on_scan_ended, s);
    } else {
        scan_next(s);
    }
}

static void on_range(void *ctx, StoreStatus status, size_t bytes)
{
    Salvage *s = ctx;
    if (status != STORE_OK) {
        salvage__fail_store(s, status);
    } else if (bytes == 0) {
        salvage__fail(s, JOB_BROKEN, "The store gives no bytes.");
    } else {
        s->at += (int64_t)bytes;
        s->range_bytes = bytes;
        workers_start(s->jobs->ports.compute, &s->task, scan_range, on_range_scanned, s);
    }
}

static void scan_next(Salvage *s)
{
    int64_t limit =
        s->take_bytes >= 0 && s->take_bytes < s->object_bytes ? s->take_bytes : s->object_bytes;
    int64_t left = limit - s->at;
    if (salvage__stops(s)) {
        return;
    }
    if (left <= 0) {
        workers_start(s->jobs->ports.compute, &s->task, end_scan, on_scan_ended, s);
        return;
    }
    s->jobs->ports.store->get_range(
        s->jobs->ports.store, s->object.key, s->at, s->range,
        left < STORE_MAX_RANGE_BYTES ? (size_t)left : STORE_MAX_RANGE_BYTES, &s->bulk, s, on_range);
}

static void on_object(void *ctx, StoreStatus status, const StoreObject *object)
{
    Salvage *s = ctx;
    if (status == STORE_NO_SUCH_KEY) {
        fail_take(s, "neither upload nor object is in the store");
        return;
    }
    if (status != STORE_OK) {
        salvage__fail_store(s, status);
        return;
    }
    s->object_bytes = object->bytes;
    s->at = 0;
    s->scan = take_scan_create();
    s->range = malloc(STORE_MAX_RANGE_BYTES);
    if (!s->scan || !s->range) {
        salvage__fail(s, JOB_BROKEN, "There is not enough memory.");
        return;
    }
    scan_next(s);
}

static void head_object(Salvage *s)
{
    if (!salvage__stops(s)) {
        s->jobs->ports.store->head(s->jobs->ports.store, s->object.key, NULL, s, on_object);
    }
}

/* --- the first step, by what is noted --- */

static void on_old_rebuild_aborted(void *ctx, StoreStatus status)
{
    Salvage *s = ctx;
    if (status != STORE_OK && status != STORE_NO_SUCH_UPLOAD && status != STORE_NO_SUCH_KEY) {
        salvage__fail_store(s, status);
    } else {
        head_object(s);
    }
}

static int note_salvage(DbConnection *c, void *ctx)
{
    Salvage *s = ctx;
    return object_set_salvage(c, s->object.id, -1, NULL, clock_now_us());
}

static void on_salvage_noted(void *ctx, int status)
{
    Salvage *s = ctx;
    if (status != DB_OK) {
        salvage__fail_db(s, status);
        return;
    }
    if (!object_is_salvaging(&s->object)) {
        s->object.pending = PENDING_SALVAGE;
    }
    tell_begun(s);
    s->is_waiting = 1;
    start_waiting(s->jobs);
}

/* Its turn has come. */
static void first_step(Salvage *s)
{
    if (salvage__stops(s)) {
        return;
    }
    log_write(s->jobs->ports.log, LOG_INFO, "salvaging", "s", "recording", s->object.recording);
    if (s->object.pending == PENDING_REBUILD) {
        s->jobs->ports.store->abort(s->jobs->ports.store, s->object.key, s->object.upload_id, NULL,
                                    s, on_old_rebuild_aborted);
    } else {
        list_parts(s);
    }
}

void job_salvage(Jobs *jobs, const char *by, const ObjectRow *object, void *ctx, JobDone begun,
                 JobDone done)
{
    Salvage *s = calloc(1, sizeof *s);
    if (!s) {
        const JobResult result = {JOB_BROKEN, "There is not enough memory."};
        if (begun) {
            begun(ctx, &result);
        }
        done(ctx, &result);
        return;
    }
    s->jobs = jobs;
    s->bulk.class = STORE_BULK;
    s->object = *object;
    snprintf(s->by, sizeof s->by, "%s", by ? by : "");
    s->ctx = ctx;
    s->begun = begun;
    s->done = done;
    s->take_bytes = object->salvage_bytes;
    jobs->running++;
    s->next = jobs->salvages;
    jobs->salvages = s;
    if (object->pending == PENDING_REBUILD) {
        on_salvage_noted(s, DB_OK);
    } else {
        db_write(jobs->ports.db, s->by, note_salvage, s, on_salvage_noted);
    }
}
