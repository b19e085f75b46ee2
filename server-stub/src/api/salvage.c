/* Salvage by the server alone: asked for here, worked on by jobs/salvage.c after the answer. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

/* Outlives the call, which is answered as soon as the salvage has begun. */
typedef struct ApiSalvage {
    Api *api;
    ApiCall *call; /* NULL once answered */
    RecordingLock lock;
} ApiSalvage;

static void end_salvage(ApiSalvage *s)
{
    recording_unlock(&s->api->jobs->locks, &s->lock);
    free(s);
}

static void on_begun(void *ctx, const JobResult *result)
{
    ApiSalvage *s = ctx;
    ApiCall *call = s->call;
    s->call = NULL;
    if (result->status != JOB_OK) {
        api_fail_job(call, result);
    } else {
        api_send_recording(call, 202);
    }
}

static void on_salvaged(void *ctx, const JobResult *result)
{
    (void)result; /* in the log; GET tells the state */
    end_salvage(ctx);
}

/* Answers where there is nothing to salvage. Returns 1 where it did. */
static int answer_other(ApiCall *call)
{
    const RecordingRow *row = &call->row;
    if (row->take.state == OBJECT_COMPLETE) {
        api_send_recording(call, 200);
    } else if (row->take.state == OBJECT_CREATED) {
        api_fail(call, 409, "conflict", "The upload has not begun: nothing has arrived.");
    } else if (row->take.state != OBJECT_OPEN || row->take.pending == PENDING_ABORT) {
        api_fail(call, 410, "gone", "This take was not kept.");
    } else {
        return 0;
    }
    return 1;
}

static void on_row_read(void *ctx, int status)
{
    ApiCall *call = ctx;
    ApiSalvage *s = call->work;
    call->work = NULL;
    if (status != DB_OK) {
        api_fail_db(call, status);
        end_salvage(s);
    } else if (answer_other(call)) {
        end_salvage(s);
    } else {
        job_salvage(s->api->jobs, call->by, &call->row.take, s, on_begun, on_salvaged);
    }
}

static void on_locked(void *ctx)
{
    ApiSalvage *s = ctx;
    s->call->work = s; /* until it is read */
    api_read_row(s->call, on_row_read);
}

void api_salvage(ApiCall *call)
{
    if (answer_other(call)) {
        return;
    }
    if (job_is_salvaging(call->api->jobs, call->row.take.id)) {
        api_send_recording(call, 202);
        return;
    }
    ApiSalvage *s = calloc(1, sizeof *s);
    if (!s) {
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    s->api = call->api;
    s->call = call;
    recording_lock(&call->api->jobs->locks, &s->lock, call->id, on_locked, s);
}
