/* Any bytes as the answer of an S3 service, read by every reader: lists stay within their limits, a
 * page that cannot be read changes nothing, and a list always comes to its end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/s3/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_parts(const char *text, size_t bytes)
{
    S3StorePartList list = {0};
    for (int page = 0; page < 3; page++) {
        int before = list.count;
        int result = s3store_answer_parts(text, bytes, &list);
        if (result != 0 && (list.count != before || list.next != 0))
            abort();
        /* A next page always has a part more, and a greater number. */
        if (list.next != 0 &&
            (list.count == before || list.next < list.parts[list.count - 1].number))
            abort();
    }
    for (int i = 0; i < list.count; i++) {
        const StorePart *p = &list.parts[i];
        if (p->number < 1 || p->number > STORE_MAX_PARTS || p->bytes < 0 || !p->etag[0] ||
            (i > 0 && p->number <= list.parts[i - 1].number))
            abort();
    }
    free(list.parts);
}

static void read_uploads(const char *text, size_t bytes)
{
    S3StoreUploadList list = {0};
    for (int page = 0; page < 3; page++) {
        int before = list.count;
        int result = s3store_answer_uploads(text, bytes, &list);
        if (result != 0 && (list.count != before || list.more))
            abort();
        if (page > 0 && list.more) /* the same markers again */
            abort();
    }
    for (int i = 0; i < list.count; i++)
        if (!list.uploads[i].key[0] || !list.uploads[i].upload_id[0])
            abort();
    free(list.uploads);
}

static void read_objects(const char *text, size_t bytes)
{
    S3StoreObjectList list = {0};
    for (int page = 0; page < 2; page++) {
        int before = list.count;
        int result = s3store_answer_objects(text, bytes, &list);
        if (result != 0 && (list.count != before || list.more))
            abort();
        if (list.more && list.count == before) /* the next page would be the same */
            abort();
    }
    for (int i = 0; i < list.count; i++)
        if (!list.objects[i].key[0] || list.objects[i].bytes < 0 ||
            (i > 0 && strcmp(list.objects[i].key, list.objects[i - 1].key) <= 0))
            abort();
    free(list.objects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char root[S3STORE_CODE_BYTES], code[S3STORE_CODE_BYTES], message[S3STORE_MESSAGE_BYTES],
        etag[STORE_ETAG_BYTES];
    char id[32];
    S3StoreRules rules;
    char *exact = malloc(bytes ? bytes : 1);
    memcpy(exact, data, bytes);
    int has_root = s3store_answer_root(exact, bytes, root) == 0;
    if (s3store_answer_error(exact, bytes, code, message) == 0 &&
        (!has_root || strcmp(root, "Error")))
        abort();
    int length =
        s3store_answer_text(exact, bytes, "InitiateMultipartUploadResult/UploadId", id, sizeof id);
    if (length >= 0 && (size_t)length != strlen(id))
        abort();
    if (s3store_answer_text(exact, bytes, "CopyPartResult/ETag", id, sizeof id) > 0)
        s3store_answer_etag(id, etag);
    s3store_answer_rules(exact, bytes, "keeptake-pages", &rules);
    read_parts(exact, bytes);
    read_uploads(exact, bytes);
    read_objects(exact, bytes);
    free(exact);
    return 0;
}
