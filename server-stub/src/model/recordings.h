/* Rows of recordings and their timelines. State changes are made by jobs/jobs.h, which also acts on
 * the store.
 *
 * Persistent invariants, after every commit:
 *   state CREATED                     no upload id
 *   state RECORDING                   upload id of an upload that the store had
 *   pending COMPLETE (RECORDING)      the store may have the object or still the upload: ask it
 *   pending SALVAGE (RECORDING)       the same; the server finishes the take, no longer the browser
 *   pending REBUILD (RECORDING)       the store has the object; the upload id is that of another
 *                                     upload to its key, which may be there, be the object by now,
 *                                     or be gone
 *   state COMPLETE                    the store has the object; bytes and completed_us are set
 *   pending ABORT, DELETE             the store may still have the upload or the object: remove it
 *   pending DELETE                    invisible to every reader */
#ifndef KEEPTAKE_SERVER_MODEL_RECORDINGS_H
#define KEEPTAKE_SERVER_MODEL_RECORDINGS_H

#include "base/json.h"
#include "db/db.h"
#include "model/title.h"
#include "model/tokens.h"
#include "store/store.h"

#define RECORDING_ID_BYTES 32 /* "rec_" and 24 of [a-z2-7] */
#define RECORDING_DIGEST_BYTES 32

typedef enum RecordingState {
    RECORDING_CREATED = 0,
    RECORDING_RECORDING = 1,
    RECORDING_COMPLETE = 3, /* 2, "completing", is RECORDING with pending COMPLETE */
    RECORDING_ABORTED = 4,
    RECORDING_FAILED = 5,
} RecordingState;

/* What was begun and is finished, or taken back, after a crash. */
typedef enum RecordingPending {
    PENDING_NONE = 0,
    PENDING_COMPLETE = 1,
    PENDING_ABORT = 2,
    PENDING_DELETE = 3,
    PENDING_SALVAGE = 4,
    PENDING_REBUILD = 5, /* second half of a salvage: the object is made seekable */
} RecordingPending;

typedef struct RecordingRow {
    char id[RECORDING_ID_BYTES];
    char organisation[ORGANISATION_BYTES];
    char title[TITLE_BYTES];
    RecordingState state;
    RecordingPending pending;
    int64_t created_us, completed_us, changed_us; /* Unix time */
    int64_t duration_us;                          /* -1: not known */
    int64_t bytes;
    char codec[8];
    int width, height;
    double fps;
    int64_t video_bitrate, audio_bitrate; /* bits a second */
    int64_t max_length_us;
    char upload_id[STORE_UPLOAD_ID_BYTES];
    int64_t part_bytes;
    uint8_t digest[RECORDING_DIGEST_BYTES]; /* of the part list that was completed; valid with
                                               has_digest */
    int has_digest, has_timeline;
    int salvaged;          /* COMPLETE: by the server alone, from what had arrived */
    int64_t salvage_bytes; /* -1: not known, else so many bytes of the object belong to the take */
    int64_t alive_us;      /* last sign of life that was noted; 0: none */
    int writer_known;      /* signs of life came with the writer's secret */
    char writer_token[TOKEN_ID_BYTES]; /* id of the token that gave the last one; "": a session */
} RecordingRow;

/* Whether the server is finishing the take by itself. */
int recording_is_salvaging(const RecordingRow *row);
/* Whether it is, or has: nothing that a browser sends can become part of the take any more. */
int recording_is_taken_over(const RecordingRow *row);

/* Whether its recorder may be at work: not finished, aborted or taken over, and alive_us less than
 * live_us before (or, after a step of the clock, behind) now_us. live_us 0: never. */
int recording_is_live(const RecordingRow *row, int64_t now_us, int64_t live_us);

/* As the API spells it: "created", "recording", "completing", "salvaging", …; static. */
const char *recording_state_name(RecordingState state, RecordingPending pending);
/* Whether text has the form of an id. */
int recording_id_valid(const char *text);
/* The key of a recording's object: takes/ORGANISATION/ID.webm */
#define RECORDING_KEY_PREFIX "takes/"
void recording_key(const RecordingRow *row, char key[STORE_KEY_BYTES]);
/* The id in such a key; 0, or -1 where the key is not of this form. */
int recording_id_of_key(const char *key, char id[RECORDING_ID_BYTES]);
/* The same for the organisation. */
int recording_organisation_of_key(const char *key, char organisation[ORGANISATION_BYTES]);

/* What the row alone does not tell. */
typedef struct RecordingView {
    int64_t uploaded_bytes; /* < 0: not known */
    int live;
    const char *writer; /* secret of its recorder, told once; NULL: left out */
} RecordingView;
/* Writes the Recording object of the API. */
void recording_json(JsonOut *out, const RecordingRow *row, const RecordingView *view);

/* Reads. organisation NULL: any. DB_NOT_FOUND also for one that is being deleted, unless
 * organisation is NULL. */
int recording_get(DbConnection *c, const char *organisation, const char *id, RecordingRow *out);
/* Calls each for at most limit rows older than the cursor (before_us, before_id); newest first. */
int recording_list(DbConnection *c, const char *organisation, int64_t before_us,
                   const char *before_id, int limit,
                   void (*each)(void *ctx, const RecordingRow *row), void *ctx);
/* The first rows with an id after after_id that are pending, or unfinished and created before
 * created_before_us. Returns how many were put to out, or a negative DbStatus. */
int recording_pending(DbConnection *c, const char *after_id, RecordingRow *out, int max);
int recording_unfinished(DbConnection *c, const char *after_id, int64_t created_before_us,
                         RecordingRow *out, int max);
/* What an organisation has: bytes of finished takes, recordings that are not finished. */
typedef struct RecordingUse {
    int64_t bytes, open;
} RecordingUse;
int recording_use(DbConnection *c, const char *organisation, RecordingUse *out);
/* counts[state]. */
int recording_counts(DbConnection *c, int64_t counts[8]);
/* changed_us of the one that has been pending for longest; 0: none is. */
int recording_oldest_pending(DbConnection *c, int64_t *changed_us);

/* What time it was when the clock was last believed; DB_NOT_FOUND before the first time. */
int server_clock_get(DbConnection *c, int64_t *seen_us);
int server_clock_set(DbConnection *c, int64_t seen_us);

/* Writes, within a transaction. DB_NOT_FOUND where the row is gone or not in the state for it. */
#define RECORDING_KEY_HASH_BYTES 32
/* creation_key: RECORDING_KEY_HASH_BYTES, or NULL; DB_CONFLICT where another row has it. */
int recording_insert(DbConnection *c, const RecordingRow *row, const uint8_t *creation_key);
/* The row that was created with this key; one that is being deleted gives it up (a write). */
int recording_by_key(DbConnection *c, const uint8_t *creation_key, RecordingRow *out);
/* Notes a sign of life; token: id of the one it came with. */
int recording_set_alive(DbConnection *c, const char *id, int64_t now_us, int writer_known,
                        const char *token);
int recording_set_title(DbConnection *c, const char *id, const char *title, int64_t now_us);
int recording_set_upload(DbConnection *c, const char *id, const char *upload_id, int64_t now_us);
/* digest and duration_us are kept as they are where NULL and -1. */
int recording_set_pending(DbConnection *c, const char *id, RecordingPending pending,
                          const uint8_t *digest, int64_t duration_us, int64_t now_us);
/* Pending ABORT. DB_NOT_FOUND for one that is not RECORDING or CREATED, and for a take that the
 * server is finishing, unless by_salvage: it found that nothing has arrived. */
int recording_set_aborting(DbConnection *c, const char *id, int by_salvage, int64_t now_us);
/* Sets the state and ends what was pending. */
int recording_set_state(DbConnection *c, const char *id, RecordingState state, int64_t now_us);
int recording_set_complete(DbConnection *c, const char *id, int64_t bytes, int64_t now_us);
/* From now on the server finishes the take. bytes, digest: of the parts that will be completed;
 * kept as they are where -1 and NULL. */
int recording_set_salvage(DbConnection *c, const char *id, int64_t bytes, const uint8_t *digest,
                          int64_t now_us);
/* The object is there and is made seekable by another upload. */
int recording_set_rebuild(DbConnection *c, const char *id, const char *upload_id, int64_t now_us);
/* What was read of the take, for a row that was made for an object: one that knows already keeps
 * what it has, which is DB_OK as well. */
int recording_set_settings(DbConnection *c, const char *id, const char *codec, int width,
                           int height, double fps);
/* salvaged 0: it turned out to be complete as its browser left it. */
int recording_set_salvaged(DbConnection *c, const char *id, int64_t bytes, int64_t duration_us,
                           int salvaged, int64_t now_us);
int recording_delete(DbConnection *c, const char *id);
/* A row for an object that no recording knows: the server finishes the take, from what is in it. Of
 * the row id, organisation, title, created_us, part_bytes and upload_id ("": of an object) count.
 * DB_CONFLICT: there is a recording of this id, or no such organisation. */
int recording_adopt(DbConnection *c, const RecordingRow *row, int64_t now_us);
/* Upload id of a take whose object was found without an upload: no store has one of this name. */
#define RECORDING_FOUND_UPLOAD "found"

/* The zlib-compressed timeline. From a browser it is a sign of life: the row counts as changed at
 * now_us; DB_NOT_FOUND where the server has taken the take over. now_us < 0: the server's own. */
int timeline_put(DbConnection *c, const char *id, const uint8_t *data, size_t bytes,
                 int64_t now_us);
/* *data is malloc'ed, taken by the caller. */
int timeline_get(DbConnection *c, const char *id, uint8_t **data, size_t *bytes);
int timeline_remove(DbConnection *c, const char *id);

#endif
