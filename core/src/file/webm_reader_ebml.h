/* EBML (RFC 8794) in memory: variable-length numbers, elements, scalars. Internal to the WebM
 * reader. Nothing here reads past the bytes it is given. */
#ifndef KEEPTAKE_WEBM_READER_EBML_H
#define KEEPTAKE_WEBM_READER_EBML_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/status.h"

#define KT__EBML_UNKNOWN INT64_MAX

enum {
    KT__ID_EBML = 0x1A45DFA3,
    KT__ID_EBML_READ_VERSION = 0x42F7,
    KT__ID_DOC_TYPE = 0x4282,
    KT__ID_DOC_TYPE_READ_VERSION = 0x4285,
    KT__ID_SEGMENT = 0x18538067,
    KT__ID_SEEK_HEAD = 0x114D9B74,
    KT__ID_INFO = 0x1549A966,
    KT__ID_TIMESTAMP_SCALE = 0x2AD7B1,
    KT__ID_DURATION = 0x4489,
    KT__ID_TRACKS = 0x1654AE6B,
    KT__ID_TRACK_ENTRY = 0xAE,
    KT__ID_TRACK_NUMBER = 0xD7,
    KT__ID_TRACK_TYPE = 0x83,
    KT__ID_TRACK_UID = 0x73C5,
    KT__ID_NAME = 0x536E,
    KT__ID_CODEC_ID = 0x86,
    KT__ID_CODEC_PRIVATE = 0x63A2,
    KT__ID_CODEC_DELAY = 0x56AA,
    KT__ID_DEFAULT_DURATION = 0x23E383,
    KT__ID_CONTENT_ENCODINGS = 0x6D80,
    KT__ID_VIDEO = 0xE0,
    KT__ID_PIXEL_WIDTH = 0xB0,
    KT__ID_PIXEL_HEIGHT = 0xBA,
    KT__ID_AUDIO = 0xE1,
    KT__ID_SAMPLING_FREQUENCY = 0xB5,
    KT__ID_CHANNELS = 0x9F,
    KT__ID_CLUSTER = 0x1F43B675,
    KT__ID_TIMESTAMP = 0xE7,
    KT__ID_SIMPLE_BLOCK = 0xA3,
    KT__ID_BLOCK_GROUP = 0xA0,
    KT__ID_BLOCK = 0xA1,
    KT__ID_REFERENCE_BLOCK = 0xFB,
    KT__ID_DISCARD_PADDING = 0x75A2,
    KT__ID_CUES = 0x1C53BB6B,
    KT__ID_CUE_POINT = 0xBB,
    KT__ID_CUE_TIME = 0xB3,
    KT__ID_CUE_TRACK_POSITIONS = 0xB7,
    KT__ID_CUE_TRACK = 0xF7,
    KT__ID_CUE_CLUSTER_POSITION = 0xF1,
    KT__ID_CHAPTERS = 0x1043A770,
    KT__ID_TAGS = 0x1254C367,
    KT__ID_ATTACHMENTS = 0x1941A469,
};

typedef struct KtEbmlElement {
    uint32_t id;
    int64_t payload_bytes;  /* KT__EBML_UNKNOWN: not stated */
    int header_bytes;       /* 2..12 */
    const uint8_t *payload; /* kt__ebml_child only */
} KtEbmlElement;

/* Reads ID and size. KT_AGAIN where they are cut off, ERR_FORMAT where they are none. */
KtStatus kt__ebml_header(const uint8_t *data, size_t bytes, KtEbmlElement *out);
/* A number of 1..8 bytes with its length marker removed; an all-ones value is KT__EBML_UNKNOWN.
 * Returns the bytes read; 0: cut off; -1: the first byte is 0. */
int kt__ebml_number(const uint8_t *data, size_t bytes, int64_t *out);

/* The children of a master that is whole in memory. */
typedef struct KtEbmlCursor {
    const uint8_t *data;
    size_t bytes;
} KtEbmlCursor;

/* Next child, its payload whole: KT_OK, KT_END, ERR_FORMAT (cut off, unknown size, too long). */
KtStatus kt__ebml_child(KtEbmlCursor *c, KtEbmlElement *out);

/* Scalars: ERR_FORMAT where the length is not one that the type has. */
KtStatus kt__ebml_unsigned(const KtEbmlElement *e, uint64_t *out);
KtStatus kt__ebml_signed(const KtEbmlElement *e, int64_t *out);
KtStatus kt__ebml_float(const KtEbmlElement *e, double *out);

#endif
