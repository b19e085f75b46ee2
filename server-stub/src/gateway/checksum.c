/* Checksums as S3's requests and answers name them: headers, trailers, XML. */
#include "gateway/gateway_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PREFIX "x-amz-checksum-"
#define PREFIX_BYTES (sizeof PREFIX - 1)

/* DigestKind of "x-amz-checksum-crc32"; DIGEST_MD5 for other headers, -1 for an unknown kind. */
static int kind_of_header(const char *name)
{
    static const char *const others[] = {"algorithm", "type", "mode"};
    if (strncasecmp(name, PREFIX, PREFIX_BYTES) != 0)
        return DIGEST_MD5;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcasecmp(name + PREFIX_BYTES, others[i]) == 0)
            return DIGEST_MD5;
    return digest_kind_of(name + PREFIX_BYTES);
}

static int note_kind(GwOp *op, GwChecksum *out, int kind, const char *value)
{
    if (kind < 0)
        gw__error(op, "InvalidRequest", "The checksum algorithm is not known.");
    else if (kind != DIGEST_MD5 && out->kind != DIGEST_MD5 && out->kind != kind)
        gw__error(op, "InvalidRequest",
                  "Expecting a single x-amz-checksum- header. Multiple checksum types are not "
                  "allowed.");
    else if (kind != DIGEST_MD5)
        *out = (GwChecksum){kind, value ? value : out->value};
    return op->answer.status == 0;
}

/* x-amz-trailer: names of what follows the last chunk. */
static int take_trailers(GwOp *op, GwChecksum *out, const char *list)
{
    char name[64];
    while (*list) {
        list += strspn(list, " \t,");
        size_t bytes = strcspn(list, " \t,");
        snprintf(name, sizeof name, "%.*s", (int)(bytes < sizeof name ? bytes : 0), list);
        if (!note_kind(op, out, kind_of_header(name), NULL))
            return 0;
        list += bytes;
    }
    return 1;
}

int gw__take_checksum(GwOp *op, GwChecksum *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < op->header_count; i++) {
        const char *name = op->headers[i].name;
        const char *value = op->headers[i].value;
        int taken = strcasecmp(name, "x-amz-trailer") == 0
                        ? take_trailers(op, out, value)
                        : note_kind(op, out, kind_of_header(name), value);
        if (!taken)
            return 0;
    }
    return 1;
}

/* 1: COMPOSITE, 0: FULL_OBJECT, -1: not told, -2 with an error answered. */
static int take_type(GwOp *op)
{
    const char *type = gw__header(op, "x-amz-checksum-type");
    if (!type || strcasecmp(type, "FULL_OBJECT") == 0)
        return type ? 0 : -1;
    if (strcasecmp(type, "COMPOSITE") == 0)
        return 1;
    gw__error(op, "InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
    return -2;
}

/* Kind of x-amz-checksum-algorithm, DIGEST_MD5 where it is not told, -1 with an error answered. */
static int take_kind(GwOp *op)
{
    const char *name = gw__header(op, "x-amz-checksum-algorithm");
    int kind = name ? digest_kind_of(name) : DIGEST_MD5;
    if (kind < 0)
        gw__error(op, "InvalidRequest",
                  "Checksum algorithm provided is unsupported. Please try again with any of the "
                  "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
    return kind;
}

int gw__take_algorithm_of_object(GwOp *op, DiskAlgorithm *out)
{
    *out = (DiskAlgorithm){take_kind(op), 0};
    return out->kind >= 0;
}

int gw__take_algorithm(GwOp *op, DiskAlgorithm *out)
{
    char message[96];
    int kind = take_kind(op);
    int type = kind < 0 ? -2 : take_type(op);
    memset(out, 0, sizeof *out);
    if (type == -2)
        return 0;
    if (kind == DIGEST_MD5) {
        if (type >= 0)
            gw__error(op, "InvalidRequest",
                      "The x-amz-checksum-type header can only be used with the "
                      "x-amz-checksum-algorithm header.");
        return type < 0;
    }
    *out = (DiskAlgorithm){kind, type >= 0 ? type : kind != DIGEST_CRC64NVME};
    if (out->is_composite ? kind != DIGEST_CRC64NVME : digest_combines((DigestKind)kind))
        return 1;
    snprintf(message, sizeof message,
             "The %s checksum type cannot be used with the %s checksum algorithm.",
             out->is_composite ? "COMPOSITE" : "FULL_OBJECT", digest_name((DigestKind)kind));
    gw__error(op, "InvalidRequest", message);
    return 0;
}

/* "-3" behind a composite checksum is how many parts it is over. */
static int take_value(const char *value, int kind, uint8_t sum[DIGEST_MAX_BYTES], int *dash)
{
    char text[64];
    size_t bytes = strcspn(value, "-");
    *dash = value[bytes] == '-';
    snprintf(text, sizeof text, "%.*s", bytes < sizeof text ? (int)bytes : 0, value);
    return digest_from_base64(text, sum, digest_bytes((DigestKind)kind)) &&
           (!*dash ||
            (value[bytes + 1] && value[bytes + 1 + strspn(value + bytes + 1, "0123456789")] == 0));
}

int gw__take_expected(GwOp *op, const DiskAlgorithm *upload, DiskExpected *out,
                      uint8_t sum[DIGEST_MAX_BYTES])
{
    GwChecksum given;
    char message[128];
    int dash = 0;
    int type = take_type(op);
    if (type == -2 || !gw__take_checksum(op, &given))
        return 0;
    if (upload->kind != DIGEST_MD5 && type >= 0 && type != upload->is_composite) {
        snprintf(message, sizeof message,
                 "The upload was created using the %s checksum mode. The complete request must use "
                 "the same checksum mode.",
                 upload->is_composite ? "COMPOSITE" : "FULL_OBJECT");
        gw__error(op, "InvalidRequest", message);
        return 0;
    }
    if (given.kind == DIGEST_MD5)
        return 1;
    if (!given.value || !take_value(given.value, given.kind, sum, &dash)) {
        gw__error(op, "InvalidRequest", "The value of the checksum is not valid.");
        return 0;
    }
    out->algorithm.kind = given.kind;
    out->checksum = sum;
    out->algorithm.is_composite = upload->kind != DIGEST_MD5 ? upload->is_composite
                                  : type >= 0                ? type
                                              : dash || !digest_combines((DigestKind)given.kind);
    return 1;
}

/* --- answers --- */

void gw__element_of_checksum(int kind, char out[24])
{
    snprintf(out, 24, "Checksum%s", digest_name((DigestKind)kind));
    for (char *p = out + 8; *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
}

void gw__add_part_checksum(Text *xml, const StorePart *part)
{
    char name[24];
    char text[64];
    if (part->checksum_kind == DIGEST_MD5)
        return;
    gw__element_of_checksum(part->checksum_kind, name);
    digest_to_base64(part->checksum, digest_bytes((DigestKind)part->checksum_kind), text);
    text_add_element(xml, name, text);
}

void gw__add_object_checksum(Text *xml, const char *checksum, int with_count)
{
    DiskAlgorithm algorithm;
    const char *value;
    char name[24];
    char text[64];
    if (!disk_parse_checksum(checksum, &algorithm, &value))
        return;
    gw__element_of_checksum(algorithm.kind, name);
    snprintf(text, sizeof text, "%.*s", with_count ? 63 : (int)strcspn(value, "-"), value);
    text_add_element(xml, name, text);
    text_add_element(xml, "ChecksumType", algorithm.is_composite ? "COMPOSITE" : "FULL_OBJECT");
}

void gw__add_algorithm(Text *xml, const DiskAlgorithm *algorithm)
{
    char name[24];
    if (algorithm->kind == DIGEST_MD5)
        return;
    gw__element_of_checksum(algorithm->kind, name);
    text_add_element(xml, "ChecksumAlgorithm", name + strlen("Checksum"));
    text_add_element(xml, "ChecksumType", algorithm->is_composite ? "COMPOSITE" : "FULL_OBJECT");
}

void gw__add_checksum_header(GwOp *op, int kind, const char *value)
{
    char name[48];
    snprintf(name, sizeof name, PREFIX "%s", digest_name((DigestKind)kind));
    gw__add_header(op, name, value);
}

void gw__add_checksum_headers(GwOp *op, const char *checksum)
{
    DiskAlgorithm algorithm;
    const char *value;
    if (!disk_parse_checksum(checksum, &algorithm, &value))
        return;
    gw__add_checksum_header(op, algorithm.kind, value);
    gw__add_header(op, PREFIX "type", algorithm.is_composite ? "COMPOSITE" : "FULL_OBJECT");
}
