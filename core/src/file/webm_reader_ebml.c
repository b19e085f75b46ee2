/* EBML numbers and elements in memory. */
#include "webm_reader_ebml.h"

#include <string.h>

int kt__ebml_number(const uint8_t *data, size_t bytes, int64_t *out)
{
    if (bytes == 0)
        return 0;
    if (data[0] == 0)
        return -1;
    int length = 1;
    while (!(data[0] & (0x80 >> (length - 1))))
        length++;
    if (bytes < (size_t)length)
        return 0;
    int64_t value = data[0] & (0xFF >> length);
    for (int i = 1; i < length; i++)
        value = value << 8 | data[i];
    const int64_t ones = ((int64_t)1 << (7 * length)) - 1;
    *out = value == ones ? KT__EBML_UNKNOWN : value;
    return length;
}

KtStatus kt__ebml_header(const uint8_t *data, size_t bytes, KtEbmlElement *out)
{
    if (bytes == 0)
        return KT_AGAIN;
    if (data[0] < 0x10)
        return KT_ERR_FORMAT; /* IDs have 1..4 bytes */
    int id_bytes = 1;
    while (!(data[0] & (0x80 >> (id_bytes - 1))))
        id_bytes++;
    if (bytes < (size_t)id_bytes)
        return KT_AGAIN;
    out->id = 0;
    for (int i = 0; i < id_bytes; i++)
        out->id = out->id << 8 | data[i];
    const int size_bytes =
        kt__ebml_number(data + id_bytes, bytes - (size_t)id_bytes, &out->payload_bytes);
    if (size_bytes <= 0)
        return size_bytes == 0 ? KT_AGAIN : KT_ERR_FORMAT;
    out->header_bytes = id_bytes + size_bytes;
    out->payload = NULL;
    return KT_OK;
}

KtStatus kt__ebml_child(KtEbmlCursor *c, KtEbmlElement *out)
{
    if (c->bytes == 0)
        return KT_END;
    if (kt__ebml_header(c->data, c->bytes, out) != KT_OK)
        return KT_ERR_FORMAT;
    const size_t left = c->bytes - (size_t)out->header_bytes;
    if (out->payload_bytes == KT__EBML_UNKNOWN || (uint64_t)out->payload_bytes > left)
        return KT_ERR_FORMAT;
    out->payload = c->data + out->header_bytes;
    c->data = out->payload + out->payload_bytes;
    c->bytes = left - (size_t)out->payload_bytes;
    return KT_OK;
}

KtStatus kt__ebml_unsigned(const KtEbmlElement *e, uint64_t *out)
{
    if (e->payload_bytes > 8)
        return KT_ERR_FORMAT;
    uint64_t value = 0;
    for (int64_t i = 0; i < e->payload_bytes; i++)
        value = value << 8 | e->payload[i];
    *out = value;
    return KT_OK;
}

KtStatus kt__ebml_signed(const KtEbmlElement *e, int64_t *out)
{
    uint64_t value;
    const KtStatus status = kt__ebml_unsigned(e, &value);
    if (status != KT_OK)
        return status;
    const int64_t bytes = e->payload_bytes;
    if (bytes > 0 && bytes < 8 && (e->payload[0] & 0x80))
        value |= UINT64_MAX << (8 * bytes);
    memcpy(out, &value, sizeof *out);
    return KT_OK;
}

KtStatus kt__ebml_float(const KtEbmlElement *e, double *out)
{
    uint64_t bits;
    if ((e->payload_bytes != 0 && e->payload_bytes != 4 && e->payload_bytes != 8) ||
        kt__ebml_unsigned(e, &bits) != KT_OK)
        return KT_ERR_FORMAT;
    if (e->payload_bytes == 4) {
        const uint32_t bits32 = (uint32_t)bits;
        float value;
        memcpy(&value, &bits32, sizeof value);
        *out = (double)value;
    } else {
        memcpy(out, &bits, sizeof *out);
    }
    return KT_OK;
}
