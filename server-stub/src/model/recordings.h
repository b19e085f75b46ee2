/* Rows of recordings and their timelines. What the store has of a recording are its objects
 * (model/objects.h); the state of its take is the recording's. */
#ifndef KEEPTAKE_SERVER_MODEL_RECORDINGS_H
#define KEEPTAKE_SERVER_MODEL_RECORDINGS_H

#include "base/json.h"
#include "db/db.h"
#include "model/objects.h"
#include "model/title.h"
#include "model/tokens.h"
#include "store/store.h"

typedef struct RecordingRow {
    char id[RECORDING_ID_BYTES];
    char organisation[ORGANISATION_BYTES];
    char title[TITLE_BYTES];
    int64_t created_us; /* Unix time */
    char codec[8];
    int width, height;
    double fps;
    int64_t video_bitrate, audio_bitrate; /* bits a second */
    int64_t max_length_us;
    int has_timeline;
    int64_t alive_us;                  /* last sign of life that was noted; 0: none */
    int writer_known;                  /* signs of life came with the writer's secret */
    char writer_token[TOKEN_ID_BYTES]; /* id of the token that gave the last one; "": a session */
    ObjectRow take;
} RecordingRow;

/* Whether its recorder may be at work: not finished, aborted or taken over, and alive_us less than
 * live_us before (or, after a step of the clock, behind) now_us. live_us 0: never. */
int recording_is_live(const RecordingRow *row, int64_t now_us, int64_t live_us);

/* The key of a recording's object: takes/ORGANISATION/ID.webm */
#define RECORDING_KEY_PREFIX "takes/"
/* Fills the take of a row whose id, organisation, created_us and take.part_bytes are set. */
void recording_name_take(RecordingRow *row);
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
/* counts[state]. */
int recording_counts(DbConnection *c, int64_t counts[8]);

/* What time it was when the clock was last believed; DB_NOT_FOUND before the first time. */
int server_clock_get(DbConnection *c, int64_t *seen_us);
int server_clock_set(DbConnection *c, int64_t seen_us);

/* Writes, within a transaction. DB_NOT_FOUND where the row is gone or not in the state for it. */
#define RECORDING_KEY_HASH_BYTES 32
/* The row and its take (recording_name_take), which is CREATED.
 * creation_key: RECORDING_KEY_HASH_BYTES, or NULL; DB_CONFLICT where another row has it. */
int recording_insert(DbConnection *c, const RecordingRow *row, const uint8_t *creation_key);
/* The row that was created with this key; one that is being deleted gives it up (a write). */
int recording_by_key(DbConnection *c, const uint8_t *creation_key, RecordingRow *out);
/* Notes a sign of life; token: id of the one it came with. */
int recording_set_alive(DbConnection *c, const char *id, int64_t now_us, int writer_known,
                        const char *token);
int recording_set_title(DbConnection *c, const char *id, const char *title, int64_t now_us);
/* What was read of the take, for a row that was made for an object: one that knows already keeps
 * what it has, which is DB_OK as well. */
int recording_set_settings(DbConnection *c, const char *id, const char *codec, int width,
                           int height, double fps);
/* With what is left of its objects and its timeline. */
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
