/* The compressed timeline: what is in the stream is never compressed again. The last event may yet
 * be replaced, so it and the end are only ever given to a copy of the stream. */
#include "timeline_pack.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "timeline_events.h"

#define LEVEL 6
#define SLICE_EVENTS 64 /* as JSON at once */
#define FIRST_BYTES 16384

void kt__timeline_pack_reset(KtTimelinePack *pack)
{
    if (pack->open)
        deflateEnd(&pack->z);
    free(pack->data);
    memset(pack, 0, sizeof *pack);
}

void kt__timeline_pack_forget(KtTimelinePack *pack, int keep)
{
    if (keep < pack->done)
        kt__timeline_pack_reset(pack);
}

static KtStatus make_room(KtTimelinePack *pack)
{
    if (pack->bytes < pack->capacity)
        return KT_OK;
    size_t capacity = pack->capacity ? pack->capacity * 2 : FIRST_BYTES;
    uint8_t *data = realloc(pack->data, capacity);
    if (!data)
        return KT_ERR_MEMORY;
    pack->data = data;
    pack->capacity = capacity;
    return KT_OK;
}

/* Puts JSON in; flush Z_FINISH ends the stream. */
static KtStatus put(KtTimelinePack *pack, const char *json, size_t bytes, int flush)
{
    if (bytes > KT_TIMELINE_MAX_JSON_BYTES - pack->json_bytes)
        return KT_ERR_LIMIT;
    pack->json_bytes += bytes;
    pack->z.next_in = (z_const Bytef *)json;
    pack->z.avail_in = (uInt)bytes;
    for (;;) {
        KtStatus status = make_room(pack);
        if (status != KT_OK)
            return status;
        size_t room = pack->capacity - pack->bytes;
        pack->z.next_out = pack->data + pack->bytes;
        pack->z.avail_out = (uInt)room;
        int result = deflate(&pack->z, flush);
        pack->bytes += room - pack->z.avail_out;
        if (result == Z_STREAM_END)
            return KT_OK;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return KT_ERR_STATE;
        if (flush == Z_NO_FLUSH && pack->z.avail_in == 0 && pack->z.avail_out > 0)
            return KT_OK;
    }
}

static KtStatus put_text(KtTimelinePack *pack, KtText *text)
{
    KtStatus status = text->status;
    if (status == KT_OK && text->bytes > 0)
        status = put(pack, text->data, text->bytes, Z_NO_FLUSH);
    kt__text_reset(text);
    return status;
}

static KtStatus open_pack(const KtTimeline *t, KtTimelinePack *pack)
{
    KtText text;
    if (pack->open)
        return KT_OK;
    if (deflateInit(&pack->z, LEVEL) != Z_OK)
        return KT_ERR_MEMORY;
    pack->open = 1;
    kt__text_init(&text, KT_TIMELINE_MAX_JSON_BYTES);
    kt__timeline_print_head(t, &text);
    return put_text(pack, &text);
}

/* The events [pack->done, end). */
static KtStatus put_events(const KtTimeline *t, KtTimelinePack *pack, int end)
{
    while (pack->done < end) {
        KtText text;
        int to = end - pack->done < SLICE_EVENTS ? end : pack->done + SLICE_EVENTS;
        kt__text_init(&text, KT_TIMELINE_MAX_JSON_BYTES);
        for (int i = pack->done; i < to; i++)
            kt__timeline_print_event(t, i, i == 0, &text);
        KtStatus status = put_text(pack, &text);
        if (status != KT_OK)
            return status;
        pack->done = to;
    }
    return KT_OK;
}

/* A copy of the stream gets the rest and is ended; its bytes are *out. */
static KtStatus finish_copy(const KtTimeline *t, const KtTimelinePack *pack, uint8_t **out,
                            size_t *out_bytes)
{
    KtTimelinePack copy = *pack;
    copy.open = 0;
    copy.capacity = pack->bytes + FIRST_BYTES;
    copy.data = malloc(copy.capacity);
    if (!copy.data)
        return KT_ERR_MEMORY;
    memcpy(copy.data, pack->data, pack->bytes);
    KtStatus status = KT_ERR_MEMORY;
    if (deflateCopy(&copy.z, (z_streamp)&pack->z) == Z_OK) {
        copy.open = 1;
        status = put_events(t, &copy, t->count);
    }
    if (status == KT_OK)
        status = put(&copy, KT__TIMELINE_TAIL, sizeof KT__TIMELINE_TAIL - 1, Z_FINISH);
    if (status == KT_OK) {
        *out = copy.data;
        *out_bytes = copy.bytes;
        copy.data = NULL;
    }
    kt__timeline_pack_reset(&copy);
    return status;
}

KtStatus kt_timeline_pack(const KtTimeline *t, uint8_t **out, size_t *out_bytes)
{
    KtTimelinePack *pack = t->pack;
    KtStatus status = open_pack(t, pack);
    if (status == KT_OK)
        status = put_events(t, pack, t->count > 0 ? t->count - 1 : 0);
    if (status != KT_OK) {
        kt__timeline_pack_reset(pack);
        return status;
    }
    return finish_copy(t, pack, out, out_bytes);
}
