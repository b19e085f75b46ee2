/* Objects of recordings: what the store has, or will have, under one key. A recording has one take
 * and any number of others: raw tracks, clips, pictures. State changes are made by jobs/jobs.h,
 * which also acts on the store.
 *
 * Persistent invariants, after every commit:
 *   one object of kind TAKE for each recording; its state is the recording's
 *   state CREATED                     no upload id
 *   state OPEN                        upload id of an upload that the store had
 *   pending COMPLETE (OPEN)           the store may have the object or still the upload: ask it
 *   pending SALVAGE (OPEN)            the same; the server finishes it, no longer who sent it
 *   pending REBUILD (OPEN)            the store has the object; the upload id is that of another
 *                                     upload to its key, which may be there, be the object by now,
 *                                     or be gone
 *   state COMPLETE                    the store has the object; bytes and completed_us are set
 *   pending ABORT, DELETE             the store may still have the upload or the object: remove it
 *   pending DELETE                    invisible to every reader; of a take: its recording is, and
 *                                     all other objects are pending DELETE too */
#ifndef KEEPTAKE_SERVER_OBJECTS_H
#define KEEPTAKE_SERVER_OBJECTS_H

#include "db/db.h"
#include "model/organisations.h"
#include "store/store.h"

#define RECORDING_ID_BYTES 32 /* "rec_" and 24 of [a-z2-7] */
#define OBJECT_ID_BYTES 32    /* "obj_" and 24 of [a-z2-7]; of a take: those of its recording */
#define OBJECT_DIGEST_BYTES 32
#define OBJECT_TYPE_BYTES 64

/* What it is of its recording. Numbers are in the database. */
#define OBJECT_KIND_MAP(X)                                                                         \
    X(TAKE, 0, "take")                                                                             \
    X(RAW_VIDEO, 1, "raw-video")                                                                   \
    X(RAW_AUDIO, 2, "raw-audio")                                                                   \
    X(STITCHED, 3, "stitched")                                                                     \
    X(CLIP, 4, "clip")                                                                             \
    X(MP4, 5, "mp4")                                                                               \
    X(PICTURE, 6, "picture")                                                                       \
    X(TRACKS, 7, "tracks")
typedef enum ObjectKind {
#define OBJECT_KIND_ENUM(name, number, text) OBJECT_##name = number,
    OBJECT_KIND_MAP(OBJECT_KIND_ENUM)
#undef OBJECT_KIND_ENUM
} ObjectKind;

typedef enum ObjectState {
    OBJECT_CREATED = 0,
    OBJECT_OPEN = 1,     /* its upload is under way */
    OBJECT_COMPLETE = 3, /* 2, "completing", is OPEN with pending COMPLETE */
    OBJECT_ABORTED = 4,
    OBJECT_FAILED = 5,
} ObjectState;

/* What was begun and is finished, or taken back, after a crash. */
typedef enum ObjectPending {
    PENDING_NONE = 0,
    PENDING_COMPLETE = 1,
    PENDING_ABORT = 2,
    PENDING_DELETE = 3,
    PENDING_SALVAGE = 4,
    PENDING_REBUILD = 5, /* second half of a salvage: the object is made seekable */
} ObjectPending;

typedef struct ObjectRow {
    char id[OBJECT_ID_BYTES];
    char recording[RECORDING_ID_BYTES];
    char organisation[ORGANISATION_BYTES];
    ObjectKind kind;
    char key[STORE_KEY_BYTES];
    char type[OBJECT_TYPE_BYTES]; /* content type */
    ObjectState state;
    ObjectPending pending;
    int64_t created_us, completed_us, changed_us; /* Unix time */
    char upload_id[STORE_UPLOAD_ID_BYTES];
    int64_t part_bytes;
    int64_t bytes;
    int64_t duration_us;                 /* -1: not known */
    uint8_t digest[OBJECT_DIGEST_BYTES]; /* of the part list that was completed; with has_digest */
    int has_digest;
    int salvaged;          /* COMPLETE: by the server alone, from what had arrived */
    int64_t salvage_bytes; /* -1: not known, else so many bytes of the object belong to it */
} ObjectRow;

/* Keys are PREFIX…/ID/… or takes/ORGANISATION/ID.webm, with ID of a recording: nothing else in a
 * bucket is looked at. */
extern const char *const object_prefixes[];
extern const int object_prefix_count;
/* The recording's id in a key of ours. 0, or -1 where it is none. */
int object_key_recording(const char *key, char id[RECORDING_ID_BYTES]);
/* Whether text has the form of a recording's id. */
int recording_id_valid(const char *text);

/* As the API spells it; static. object_kind_name of an unknown number is "other". */
const char *object_kind_name(ObjectKind kind);
/* "created", "recording", "completing", "salvaging", … */
const char *object_state_name(ObjectState state, ObjectPending pending);
/* Whether what has arrived of it can be finished by the server: a file that core's writer wrote. */
int object_is_salvageable(ObjectKind kind);
/* Whether the server is finishing it by itself. */
int object_is_salvaging(const ObjectRow *object);
/* Whether it is, or has: nothing that is sent can become part of it any more. */
int object_is_taken_over(const ObjectRow *object);

/* Reads. DB_NOT_FOUND, also for keys of recordings that are gone. */
int object_get(DbConnection *c, const char *id, ObjectRow *out);
int object_by_key(DbConnection *c, const char *key, ObjectRow *out);
/* The objects of a recording with an id after after_id, by id; those pending DELETE only where
 * with_deleted. Returns how many were put to out, or a negative DbStatus. */
int object_of_recording(DbConnection *c, const char *recording, const char *after_id,
                        int with_deleted, ObjectRow *out, int max);
/* The first ones with an id after after_id that are pending, or unfinished and created before
 * created_before_us (or pending). The same result. */
int object_pending(DbConnection *c, const char *after_id, ObjectRow *out, int max);
int object_unfinished(DbConnection *c, const char *after_id, int64_t created_before_us,
                      ObjectRow *out, int max);
/* The same of all there are. */
int object_all(DbConnection *c, const char *after_id, ObjectRow *out, int max);
/* When the object changed that has been pending for longest; 0: none is. */
int object_oldest_pending(DbConnection *c, int64_t *changed_us);
/* What an organisation has: bytes of finished objects, recordings whose take is not finished. Kept
 * by the database itself. */
typedef struct ObjectUse {
    int64_t bytes, open;
} ObjectUse;
int object_use(DbConnection *c, const char *organisation, ObjectUse *out);

/* Writes, within a transaction. DB_NOT_FOUND where the row is gone or not in the state for it. */
/* Of the row id, recording, organisation, kind, key, type, part_bytes and created_us count. Its
 * state is CREATED. DB_CONFLICT where there is one of this id or key, or no such recording. */
int object_insert(DbConnection *c, const ObjectRow *row);
int object_set_upload(DbConnection *c, const char *id, const char *upload_id, int64_t now_us);
/* digest and duration_us are kept as they are where NULL and -1. */
int object_set_pending(DbConnection *c, const char *id, ObjectPending pending,
                       const uint8_t *digest, int64_t duration_us, int64_t now_us);
/* Pending ABORT. DB_NOT_FOUND for one that is not OPEN or CREATED, and for one that the server is
 * finishing, unless by_salvage: it found that nothing has arrived. */
int object_set_aborting(DbConnection *c, const char *id, int by_salvage, int64_t now_us);
/* Pending DELETE for all objects of a recording. */
int object_set_deleting_all(DbConnection *c, const char *recording, int64_t now_us);
/* Sets the state and ends what was pending. */
int object_set_state(DbConnection *c, const char *id, ObjectState state, int64_t now_us);
int object_set_complete(DbConnection *c, const char *id, int64_t bytes, int64_t now_us);
/* From now on the server finishes it. bytes, digest: of the parts that will be completed; kept as
 * they are where -1 and NULL. */
int object_set_salvage(DbConnection *c, const char *id, int64_t bytes, const uint8_t *digest,
                       int64_t now_us);
/* The object is there and is made seekable by another upload. */
int object_set_rebuild(DbConnection *c, const char *id, const char *upload_id, int64_t now_us);
/* salvaged 0: it turned out to be complete as who sent it left it. */
int object_set_salvaged(DbConnection *c, const char *id, int64_t bytes, int64_t duration_us,
                        int salvaged, int64_t now_us);
int object_delete(DbConnection *c, const char *id);

/* For the model's other files: reads ObjectRow's columns (DB_OBJECT_COLUMNS) from column first on.
 */
void object__read(sqlite3_stmt *s, int first, ObjectRow *out);

#endif
