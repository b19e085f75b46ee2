/* The HTTP API of docs/api.md: routing, access and answers in api/api.c, one file for each group of
 * routes. */
#ifndef KEEPTAKE_SERVER_API_API_H
#define KEEPTAKE_SERVER_API_API_H

#include "access/auth.h"
#include "api/health.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/workers.h"
#include "db/db.h"
#include "jobs/jobs.h"
#include "keeptake/session.h"
#include "model/principal.h"
#include "model/recordings.h"
#include "net/files.h"
#include "net/http.h"
#include "store/store.h"

#define API_MAX_JSON_DEPTH 16
#define API_MAX_BODY_BYTES (64 << 10) /* of a usual request */
#define API_MAX_PARTS_BYTES (2 << 20) /* 10,000 parts with their ETags */
#define API_MAX_TIMELINE_BYTES (8 << 20)
#define API_SMALL_BODY_BYTES (16 << 10) /* a longer one is read on a thread */
#define API_MAX_SIGN_PARTS 64
#define API_MAX_LIST 200
/* A presigned URL: key and upload ID may be three times as long encoded, and so may the session
 * token of temporary credentials. */
#define API_MAX_URL_BYTES 24576

/* What a running upload has, so that many viewers who ask do not have the store open every part. */
#define API_UPLOADED_SLOTS 256
#define API_UPLOADED_US 1000000
typedef struct ApiUploaded {
    char id[RECORDING_ID_BYTES];
    int64_t looked_us, bytes, newest_us; /* newest_us: of the parts */
} ApiUploaded;

typedef struct ApiSettings {
    const char *store_origin; /* that browsers send parts to; borrowed */
    KtLimits limits;
    int64_t live_s;      /* so long after a sign of life a take counts as live; 0: never */
    int64_t url_seconds; /* life of a signed part URL */
    int64_t part_bytes;  /* of new uploads; 0: by length and bitrate */
    int64_t most_bytes, most_open; /* of one organisation: bytes of takes, open uploads; 0: any */
    int bounds_parts;              /* the store's URLs may carry a bound of what is sent to them */
} ApiSettings;

/* The API and what it uses of the house; in the caller's memory. */
typedef struct Api {
    /* Fixed once it listens; all borrowed. */
    Db *db;
    Store *store;
    Jobs *jobs;
    Workers *compute; /* timelines */
    Auth *auth;
    Metrics *metrics;
    const Log *log;
    const HealthPorts *health;
    int (*is_full)(void *house);      /* there is so little room that nothing new is taken */
    void (*store_asked)(void *house); /* the store was asked for its health */
    void *house;
    ApiSettings settings;
    Files pages;
    /* Changes while running. */
    ApiUploaded uploaded[API_UPLOADED_SLOTS];
    int calls; /* that have begun and not ended */
} Api;

typedef struct ApiCall ApiCall;

typedef enum ApiFlags {
    API_RECORDING =
        1,         /* call->row is the recording of the path; foreign and absent ones answer 404 */
    API_LOCK = 2,  /* with API_RECORDING: nobody else works on it meanwhile */
    API_OPEN = 4,  /* needs no token */
    API_ALIVE = 8, /* a request of the recorder: a sign of life */
    API_CHANGES = 16, /* would change a take: refused on one that is live, to all but its writer */
    API_ENDS = 32,    /* would end it: refused also where the writer is known by its token only */
    API_TITLE = 64,   /* the body has a title: any text is one */
} ApiFlags;

typedef struct ApiRoute {
    const char *method;
    const char *path; /* ":id" stands for one segment */
    Role role;        /* at least */
    unsigned flags;
    size_t max_body_bytes;
    void (*handle)(ApiCall *call); /* answers once (api_send, api_fail, …), now or later */
    const char *label;             /* in log and metrics */
} ApiRoute;

/* One request. Lives until the peer is done with it and it is answered, whichever comes last. */
struct ApiCall {
    Api *api;
    HttpRequest *request;  /* NULL once the peer is gone */
    const ApiRoute *route; /* NULL: a page or a refused request */
    const char *label;
    Identity identity;
    AuthLookup lookup;
    char by[DB_BY_BYTES]; /* the principal, for writes and jobs */
    char request_id[PRINCIPAL_REQUEST_BYTES];
    char cursor[OBJECT_ID_BYTES]; /* of the query, "" where absent or too long */
    char content_type[64];        /* of the body, "" where absent or too long */
    int is_asking;                /* the database, who this is */
    int has_ended;                /* the whole request came meanwhile */
    int as_owner;                 /* metrics for an owner: of the only organisation? */
    char id[RECORDING_ID_BYTES];  /* of the path, "" where it has none */
    uint8_t *body;
    size_t body_bytes, body_capacity;
    int64_t started_us;
    uint64_t sent_bytes;
    int status;   /* of the answer */
    int handling; /* handed to the route and not answered yet */
    int closed;
    RecordingRow row;
    RecordingLock lock;
    int is_writer; /* the request has the secret of who records row */
    void *work;    /* a handler's own, freed by free() with the call */
};

/* The handlers for http_listen; user is the Api. */
extern const HttpHandlers api_handlers;

/* Answers. Each ends the handling: the call may be gone afterwards. */
void api_send(ApiCall *call, int status, JsonOut *json); /* frees json */
void api_send_bytes(ApiCall *call, int status, const char *type, const void *body, size_t bytes);
void api_send_empty(ApiCall *call); /* 204 */
/* code: one of docs/api.md's; message: a sentence. */
void api_fail(ApiCall *call, int status, const char *code, const char *message);
/* reason: what the code alone does not tell, for programs; NULL: nothing. */
void api_fail_for(ApiCall *call, int status, const char *code, const char *reason,
                  const char *message);
void api_fail_job(ApiCall *call, const JobResult *result);
void api_fail_db(ApiCall *call, int status);
/* Sends the recording as it is in the database now; status 200 or 202. */
void api_send_recording(ApiCall *call, int status);
/* The same, 201, with the secret of its recorder. */
void api_send_created(ApiCall *call);
/* Reads call->row again, the caller's organisation's only; done(call, DbStatus). */
void api_read_row(ApiCall *call, void (*done)(void *ctx, int status));
/* A JSON object of row, for answers. uploaded_bytes < 0: not known. */
void api_recording_json(const ApiCall *call, JsonOut *out, const RecordingRow *row,
                        int64_t uploaded_bytes);

/* Reads the title (docs/api.md: cleaned, never refused) into out. 1, 0 where it is absent, or -1
 * with a sentence where it is no text. */
int api_read_title(const cJSON *body, char out[TITLE_BYTES], char error[JSON_ERROR_BYTES]);
/* The body as an object, or NULL after answering 400. An absent body is {} where allow_empty. */
cJSON *api_body(ApiCall *call, size_t max_nodes, int allow_empty);

/* The same without an answer: NULL with a sentence. Changes nothing of the call, for threads. */
cJSON *api_parse_body(const ApiCall *call, size_t max_nodes, char error[JSON_ERROR_BYTES]);

/* Handlers, by file. api/recordings.c */
void api_session(ApiCall *call);
void api_recording_create(ApiCall *call);
void api_recording_list(ApiCall *call);
void api_recording_get(ApiCall *call);
void api_recording_patch(ApiCall *call);
void api_recording_delete(ApiCall *call);
void api_playback(ApiCall *call);
/* api/objects.c */
void api_object_list(ApiCall *call);
/* api/upload.c */
void api_upload_create(ApiCall *call);
void api_upload_sign(ApiCall *call);
void api_upload_parts(ApiCall *call);
void api_upload_complete(ApiCall *call);
void api_upload_abort(ApiCall *call);
/* Reads {"parts":[{"part","etag"}],"bytes","duration"} of a completion. *parts is malloc'ed, taken
 * by the caller. Returns their count, or -1 with a sentence in error and *status 400 or 409. */
int api_parse_parts(const cJSON *body, StorePart **parts, int64_t *bytes, double *duration,
                    int *status, char error[JSON_ERROR_BYTES]);
/* Reads {"parts":[1,2,3]} into out[API_MAX_SIGN_PARTS]. Returns their count, or -1 with a sentence.
 */
int api_parse_numbers(const cJSON *body, int out[API_MAX_SIGN_PARTS], char error[JSON_ERROR_BYTES]);
/* Answers 409 "salvaged" for a take that the server finishes, or has finished, without its browser.
 */
void api_fail_salvaged(ApiCall *call);
/* Whether its upload can go on; where not, api_fail_state says why. */
int api_is_uploading(const RecordingRow *row);
void api_fail_state(ApiCall *call);
/* api/live.c: the rules of a live take, for routes with API_ALIVE, API_CHANGES or API_ENDS;
 * call->row is read. Calls the route's handler, or answers "take-live". */
void api_live_handle(ApiCall *call);
void api_alive(ApiCall *call);
int64_t api_live_us(const ApiCall *call);
/* api/salvage.c */
void api_salvage(ApiCall *call);
/* api/timeline.c */
void api_timeline_put(ApiCall *call);
void api_timeline_get(ApiCall *call);
void api_scene_get(ApiCall *call);
/* api/tokens.c */
void api_token_create(ApiCall *call);
void api_token_list(ApiCall *call);
void api_token_delete(ApiCall *call);
/* api/pages.c */
void api_page(ApiCall *call);
/* For Api's pages: what "/" is without a folder; the local owner's session (ctx: Api). */
extern const char api_no_pages[];
void api_set_session(void *ctx, HttpRequest *r);
/* api/status.c */
void api_health(ApiCall *call);
void api_readiness(ApiCall *call);
void api_liveness(ApiCall *call);

#endif
