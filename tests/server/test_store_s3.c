/* The S3 store without a service: what answers mean, lists, credentials, signed URLs. The calls
 * themselves are tested in s3-store.test.mjs and s3-faults.test.mjs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "store/s3/s3store_internal.h"

/* --- answers --- */

/* In an exact-size buffer, so that a reader that runs over is seen. */
static char *exact(const char *text, size_t *bytes)
{
    *bytes = strlen(text);
    char *out = malloc(*bytes ? *bytes : 1);
    memcpy(out, text, *bytes);
    return out;
}

static StoreStatus judge(int http, const char *body, const char *root, int is_head, int *passes,
                         char *code)
{
    S3StoreAnswer a = {.status = http};
    char message[S3STORE_REASON_BYTES];
    a.body = (uint8_t *)exact(body, &a.body_bytes);
    StoreStatus status = s3store_call_judge(&a, root, is_head, passes, code, message);
    free(a.body);
    return status;
}

#define ERROR(code) "<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message></Message></Error>"

static void etags_are_read(void **state)
{
    char out[STORE_ETAG_BYTES];
    static const char *const same[] = {"\"0a-2\"", "0a-2", "W/\"0a-2\""};
    static const char *const bad[] = {"", "\"\"", "W/\"\"", "W/", "\"a", "\"a\"b\"", "a b"};
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_int_equal(s3store_answer_etag(same[i], out), 0);
        assert_string_equal(out, "0a-2");
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(s3store_answer_etag(bad[i], out) == 0, strcmp(bad[i], "W/") == 0);
    }
}

static void answers_are_judged(void **state)
{
    static const struct {
        int http;
        const char *body, *root;
        int is_head;
        StoreStatus status;
        int passes;
        const char *code;
    } cases[] = {
        {200, "<ListPartsResult/>", "ListPartsResult", 0, STORE_OK, 0, ""},
        {200, "  \n <ListPartsResult xmlns='u'/>", "ListPartsResult", 0, STORE_OK, 0, ""},
        {204, "", NULL, 0, STORE_OK, 0, ""},
        {200, "anything", NULL, 0, STORE_OK, 0, ""},
        /* 200, and an error all the same. */
        {200, ERROR("InternalError"), "CompleteMultipartUploadResult", 0, STORE_UNREACHABLE, 1,
         "InternalError"},
        {200, ERROR("NoSuchUpload"), "CompleteMultipartUploadResult", 0, STORE_NO_SUCH_UPLOAD, 0,
         "NoSuchUpload"},
        /* A captive portal. */
        {200, "<html><body>Log in</body></html>", "ListPartsResult", 0, STORE_UNREACHABLE, 1,
         "NotS3"},
        {200, "<!DOCTYPE html><p>", "ListPartsResult", 0, STORE_UNREACHABLE, 1, "NotS3"},
        {200, "", "ListPartsResult", 0, STORE_UNREACHABLE, 1, "NotS3"},
        {404, "<html></html>", NULL, 0, STORE_UNREACHABLE, 1, "HTTP404"},
        {404, "", NULL, 1, STORE_NO_SUCH_KEY, 0, "NotFound"},
        {404, ERROR("NoSuchKey"), NULL, 0, STORE_NO_SUCH_KEY, 0, "NoSuchKey"},
        {404, ERROR("NoSuchBucket"), NULL, 0, STORE_NO_SUCH_BUCKET, 0, "NoSuchBucket"},
        {400, ERROR("EntityTooSmall"), NULL, 0, STORE_TOO_SMALL, 0, "EntityTooSmall"},
        {400, ERROR("InvalidPart"), NULL, 0, STORE_INVALID_PART, 0, "InvalidPart"},
        {400, ERROR("InvalidPartOrder"), NULL, 0, STORE_INVALID_PART_ORDER, 0, "InvalidPartOrder"},
        {400, ERROR("RequestTimeout"), NULL, 0, STORE_UNREACHABLE, 1, "RequestTimeout"},
        {403, ERROR("RequestTimeTooSkewed"), NULL, 0, STORE_REFUSED, 1, "RequestTimeTooSkewed"},
        {403, ERROR("SignatureDoesNotMatch"), NULL, 0, STORE_REFUSED, 0, "SignatureDoesNotMatch"},
        {403, ERROR("QuotaExceeded"), NULL, 0, STORE_FULL, 0, "QuotaExceeded"},
        {403, "", NULL, 1, STORE_REFUSED, 0, "HTTP403"},
        {409, ERROR("OperationAborted"), NULL, 0, STORE_UNREACHABLE, 1, "OperationAborted"},
        {409, ERROR("SomethingNew"), NULL, 0, STORE_REFUSED, 0, "SomethingNew"},
        {429, ERROR("SomethingNew"), NULL, 0, STORE_UNREACHABLE, 1, "SomethingNew"},
        {500, ERROR("UnknownError"), NULL, 0, STORE_UNREACHABLE, 1, "UnknownError"},
        {500, "", NULL, 0, STORE_UNREACHABLE, 1, "HTTP500"},
        {501, ERROR("NotImplemented"), NULL, 0, STORE_REFUSED, 0, "NotImplemented"},
        {503, ERROR("SlowDown"), NULL, 0, STORE_UNREACHABLE, 1, "SlowDown"},
        {507, "", NULL, 0, STORE_FULL, 0, "HTTP507"},
        {301, ERROR("PermanentRedirect"), NULL, 0, STORE_REFUSED, 0, "Redirect"},
        {307, "", NULL, 0, STORE_REFUSED, 0, "Redirect"},
        {0, "", NULL, 0, STORE_UNREACHABLE, 1, "NoAnswer"},
        /* Malformed where an error should be. */
        {503, "<Error><Code>SlowDown</Cod", NULL, 0, STORE_UNREACHABLE, 1, "HTTP503"},
        {403, "<Error></Error>", NULL, 0, STORE_REFUSED, 0, "HTTP403"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char code[S3STORE_CODE_BYTES];
        int passes = -1;
        StoreStatus status =
            judge(cases[i].http, cases[i].body, cases[i].root, cases[i].is_head, &passes, code);
        if (status != cases[i].status || passes != cases[i].passes ||
            strcmp(code, cases[i].code) != 0) {
            fail_msg("%d %s: status %d, passes %d, code %s", cases[i].http, cases[i].body, status,
                     passes, code);
        }
    }
}

static int read_parts(const char *text, S3StorePartList *list)
{
    size_t bytes;
    char *copy = exact(text, &bytes);
    int result = s3store_answer_parts(copy, bytes, list);
    free(copy);
    return result;
}

#define PART(number, etag)                                                                         \
    "<Part><PartNumber>" number "</PartNumber><LastModified>2026-01-31T20:48:33.250Z"              \
    "</LastModified><ETag>&quot;" etag "&quot;</ETag><Size>65536</Size></Part>"

static void pages_of_parts_are_joined(void **state)
{
    S3StorePartList list = {0};
    (void)state;
    assert_int_equal(read_parts("<ListPartsResult xmlns=\"u\"><IsTruncated>true</IsTruncated>"
                                "<NextPartNumberMarker>3</NextPartNumberMarker>" PART("1", "aa")
                                    PART("3", "cc") "</ListPartsResult>",
                                &list),
                     0);
    assert_int_equal(list.next, 3);
    assert_int_equal(list.count, 2);
    /* Some do not name the marker. */
    assert_int_equal(
        read_parts("<ListPartsResult>" PART("4", "dd") "<IsTruncated>true"
                                                       "</IsTruncated></ListPartsResult>",
                   &list),
        0);
    assert_int_equal(list.next, 4);
    assert_int_equal(read_parts("<ListPartsResult><IsTruncated>false</IsTruncated>"
                                "<NextPartNumberMarker>0</NextPartNumberMarker></ListPartsResult>",
                                &list),
                     0);
    assert_int_equal(list.next, 0);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.parts[1].number, 3);
    assert_int_equal(list.parts[1].bytes, 65536);
    assert_string_equal(list.parts[1].etag, "cc");
    assert_true(list.parts[1].modified_unix_us == 1769892513250000);
    free(list.parts);
}

static void bad_lists_of_parts_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "<html></html>",
        "<ListPartsResult>",
        "<Error><Code>NoSuchUpload</Code></Error>",
        "<ListPartsResult>" PART("0", "aa") "</ListPartsResult>",
        "<ListPartsResult>" PART("-1", "aa") "</ListPartsResult>",
        "<ListPartsResult>" PART("10001", "aa") "</ListPartsResult>",
        "<ListPartsResult>" PART("99999999999999999999", "aa") "</ListPartsResult>",
        "<ListPartsResult>" PART("2", "aa") PART("2", "aa") "</ListPartsResult>",
        "<ListPartsResult>" PART("2", "aa") PART("1", "aa") "</ListPartsResult>",
        "<ListPartsResult>" PART("1", "") "</ListPartsResult>",
        "<ListPartsResult>" PART("1", "a b") "</ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></ListPartsResult>",
        "<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>",
        "<ListPartsResult><IsTruncated>true</IsTruncated>"
        "<NextPartNumberMarker>1</NextPartNumberMarker>" PART("2", "aa") "</ListPartsResult>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        S3StorePartList list = {0};
        if (read_parts(cases[i], &list) != -1 || list.count != 0) {
            fail_msg("taken: %s", cases[i]);
        }
        free(list.parts);
    }
}

static int read_uploads(const char *text, S3StoreUploadList *list)
{
    size_t bytes;
    char *copy = exact(text, &bytes);
    int result = s3store_answer_uploads(copy, bytes, list);
    free(copy);
    return result;
}

#define UPLOAD(key, id)                                                                            \
    "<Upload><Key>" key "</Key><UploadId>" id "</UploadId><Initiated>2026-01-31T20:48:33Z"         \
    "</Initiated></Upload>"

static void pages_of_uploads_are_joined(void **state)
{
    static char text[4096], id[STORE_UPLOAD_ID_BYTES + 1];
    S3StoreUploadList list = {0};
    (void)state;
    assert_int_equal(
        read_uploads(
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
            "<NextKeyMarker>k2</NextKeyMarker><NextUploadIdMarker>i2</NextUploadIdMarker>" UPLOAD(
                "k1", "i1") UPLOAD("k2", "i2") "</ListMultipartUploadsResult>",
            &list),
        0);
    assert_int_equal(list.more, 1);
    /* The same marker again would lead round in a circle. */
    assert_int_equal(
        read_uploads(
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
            "<NextKeyMarker>k2</NextKeyMarker><NextUploadIdMarker>i2</NextUploadIdMarker>" UPLOAD(
                "k3", "i3") "</ListMultipartUploadsResult>",
            &list),
        -1);
    assert_int_equal(list.count, 2);
    /* An ID that is longer than ours can be is passed over. */
    memset(id, 'x', STORE_UPLOAD_ID_BYTES);
    snprintf(text, sizeof text,
             "<ListMultipartUploadsResult>" UPLOAD("k3", "%s")
                 UPLOAD("k4", "i4") "</ListMultipartUploadsResult>",
             id);
    assert_int_equal(read_uploads(text, &list), 0);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.more, 0);
    assert_string_equal(list.uploads[2].key, "k4");
    assert_true(list.uploads[2].initiated_unix_us == 1769892513000000);
    free(list.uploads);
}

static int read_objects(const char *text, S3StoreObjectList *list)
{
    size_t bytes;
    char *copy = exact(text, &bytes);
    int result = s3store_answer_objects(copy, bytes, list);
    free(copy);
    return result;
}

#define OBJECT(key, size)                                                                          \
    "<Contents><Key>" key "</Key><Size>" size "</Size><LastModified>2026-01-31T20:48:33Z"          \
    "</LastModified></Contents>"
#define OBJECTS(more, list)                                                                        \
    "<ListBucketResult><IsTruncated>" more "</IsTruncated>" list "</ListBucketResult>"

static void pages_of_objects_are_joined(void **state)
{
    S3StoreObjectList list = {0};
    (void)state;
    assert_int_equal(read_objects(OBJECTS("true", OBJECT("a", "5") OBJECT("b", "0")), &list), 0);
    assert_int_equal(list.more, 1);
    /* The page of before, one without a size, one that says there is more and has nothing. */
    assert_int_equal(read_objects(OBJECTS("true", OBJECT("b", "5")), &list), -1);
    assert_int_equal(read_objects(OBJECTS("false", "<Contents><Key>c</Key></Contents>"), &list),
                     -1);
    assert_int_equal(read_objects(OBJECTS("true", ""), &list), -1);
    assert_int_equal(read_objects("<html/>", &list), -1);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.more, 0);
    assert_int_equal(read_objects(OBJECTS("false", OBJECT("c", "7")), &list), 0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.objects[2].key, "c");
    assert_int_equal(list.objects[2].bytes, 7);
    assert_true(list.objects[2].modified_unix_us == 1769892513000000);
    free(list.objects);
}

static void values_are_read(void **state)
{
    static const char created[] = "<InitiateMultipartUploadResult><Bucket>b</Bucket>"
                                  "<UploadId>2~abc/+=</UploadId></InitiateMultipartUploadResult>";
    char out[16], code[S3STORE_CODE_BYTES], message[S3STORE_MESSAGE_BYTES];
    S3StoreRules rules;
    (void)state;
    const char *path = "InitiateMultipartUploadResult/UploadId";
    assert_int_equal(s3store_answer_text(created, strlen(created), path, out, sizeof out), 8);
    assert_string_equal(out, "2~abc/+=");
    assert_int_equal(s3store_answer_text(created, strlen(created), path, out, 8), -1);
    assert_int_equal(s3store_answer_text(created, strlen(created), "Other/UploadId", out, 16), -1);
    static const char error[] = "<Error><Code>C</Code><Message/><Resource>r</Resource></Error>";
    assert_int_equal(s3store_answer_error(error, strlen(error), code, message), 0);
    assert_string_equal(code, "C");
    assert_string_equal(message, "");
    static const char cors[] = "<CORSConfiguration><CORSRule><ID>a</ID></CORSRule><CORSRule>"
                               "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    assert_int_equal(s3store_answer_rules(cors, strlen(cors), "a", &rules), 0);
    assert_int_equal(rules.ours, 1);
    assert_int_equal(rules.others, 1);
    assert_int_equal(s3store_answer_rules(error, strlen(error), "a", &rules), -1);
    assert_true(s3store_answer_time("2026-13-31T20:48:33Z") == 0);
    assert_true(s3store_answer_time("2026-01-31 20:48:33") == 0);
    assert_true(s3store_answer_time("1970-01-01T00:00:01.5Z") == 1500000);
    assert_true(s3store_answer_time("") == 0);
}

/* --- credentials --- */

static const char *pair_env(void *ctx, const char *name)
{
    for (const char **pairs = ctx; *pairs; pairs += 2) {
        if (strcmp(pairs[0], name) == 0) {
            return pairs[1];
        }
    }
    return NULL;
}

static void the_environment_has_keys(void **state)
{
    const char *own[] = {"KEEPTAKE_S3_ACCESS_KEY",
                         "own",
                         "KEEPTAKE_S3_SECRET_KEY",
                         "o/+=",
                         "AWS_ACCESS_KEY_ID",
                         "aws",
                         "AWS_SECRET_ACCESS_KEY",
                         "a",
                         "AWS_SESSION_TOKEN",
                         "t",
                         NULL};
    const char *bad[] = {"AWS_ACCESS_KEY_ID", "with space", "AWS_SECRET_ACCESS_KEY", "a", NULL};
    const char *half[] = {"AWS_ACCESS_KEY_ID", "k", NULL};
    S3StoreCredentials c;
    char error[CONFIG_ERROR_BYTES];
    (void)state;
    assert_int_equal(s3store_credentials("", pair_env, own, &c, error), 0);
    assert_string_equal(c.access_key, "own");
    assert_string_equal(c.secret_key, "o/+=");
    assert_string_equal(c.session_token, "");
    assert_int_equal(s3store_credentials("", pair_env, own + 4, &c, error), 0);
    assert_string_equal(c.access_key, "aws");
    assert_string_equal(c.session_token, "t");
    assert_int_equal(s3store_credentials("", pair_env, bad, &c, error), -1);
    assert_null(strstr(error, "with space"));
    assert_int_equal(s3store_credentials("", pair_env, half, &c, error), -1);
}

static int from_file(const char *text, mode_t mode, S3StoreCredentials *c, char *error)
{
    const char *none[] = {"AWS_ACCESS_KEY_ID", "env", "AWS_SECRET_ACCESS_KEY", "env", NULL};
    char path[] = "/tmp/keeptake-credentials-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    int result = s3store_credentials(path, pair_env, none, c, error);
    unlink(path);
    return result;
}

static void a_file_has_keys(void **state)
{
    S3StoreCredentials c;
    char error[CONFIG_ERROR_BYTES];
    (void)state;
    assert_int_equal(
        from_file("AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=s=/+\n", 0600, &c, error), 0);
    assert_string_equal(c.access_key, "id");
    assert_string_equal(c.secret_key, "s=/+");
    assert_int_equal(from_file("# mine\r\n[default]\r\n  aws_access_key_id = id \r\n"
                               "aws_secret_access_key= secret\r\nregion = x\n\n[other]\n"
                               "aws_access_key_id = no\n",
                               0400, &c, error),
                     0);
    assert_string_equal(c.access_key, "id");
    assert_string_equal(c.secret_key, "secret");
    /* Others could read it: refused, whatever it holds. */
    assert_int_equal(from_file("AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=s\n", 0640, &c, error),
                     -1);
    assert_non_null(strstr(error, "chmod 600"));
    /* A file that was named counts alone: its lack is not filled from the environment. */
    assert_int_equal(from_file("AWS_ACCESS_KEY_ID=id\n", 0600, &c, error), -1);
    assert_int_equal(from_file("secret-without-a-name\n", 0600, &c, error), -1);
    assert_non_null(strstr(error, "line 1"));
    assert_null(strstr(error, "secret-without"));
    assert_int_equal(s3store_credentials("/nowhere/at/all", pair_env, NULL, &c, error), -1);
}

/* --- addresses --- */

static void presign(const char *endpoint, int path_style, const char *public_url, const char *token,
                    char *url, char *origin)
{
    uv_loop_t loop;
    const S3StoreSettings settings = {.endpoint = endpoint,
                                      .public_url = public_url,
                                      .region = "us-east-1",
                                      .bucket = "takes",
                                      .encryption = "",
                                      .ca = "",
                                      .path_style = path_style,
                                      .timeout_s = 15};
    Store *store;
    S3StoreCredentials credentials = {.access_key = "key", .secret_key = "secret"};
    char error[CONFIG_ERROR_BYTES];
    uv_loop_init(&loop);
    snprintf(credentials.session_token, sizeof credentials.session_token, "%s", token);
    assert_int_equal(s3store_open(&loop, &settings, &credentials, NULL, &store, error), 0);
    assert_true(store->presign(store, "PUT", "takes/a/b c.webm", "partNumber=1&uploadId=x%2B", 60,
                               1769892513000000, url, S3STORE_URL_BYTES) > 0);
    snprintf(origin, 320, "%s", s3store_origin(store));
    store->destroy(store);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void urls_have_the_bucket_in_host_or_path(void **state)
{
    static const struct {
        const char *endpoint;
        int path_style;
        const char *public_url, *origin, *start;
    } cases[] = {
        {"https://s3.example.org", 0, "", "https://takes.s3.example.org",
         "https://takes.s3.example.org/takes/a/b%20c.webm?"},
        {"https://s3.example.org:443", 1, "", "https://s3.example.org",
         "https://s3.example.org/takes/takes/a/b%20c.webm?"},
        {"http://10.0.0.1:80", 1, "", "http://10.0.0.1",
         "http://10.0.0.1/takes/takes/a/b%20c.webm?"},
        {"http://ceph:8080", 1, "https://store.example.org", "https://store.example.org",
         "https://store.example.org/takes/takes/a/b%20c.webm?"},
    };
    static char url[S3STORE_URL_BYTES];
    char origin[320];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        presign(cases[i].endpoint, cases[i].path_style, cases[i].public_url, "", url, origin);
        assert_string_equal(origin, cases[i].origin);
        if (strncmp(url, cases[i].start, strlen(cases[i].start)) != 0) {
            fail_msg("%s", url);
        }
        assert_non_null(strstr(url, "partNumber=1&uploadId=x%2B&"));
        assert_null(strstr(url, "checksum"));
        assert_null(strstr(url, "Security-Token"));
    }
    presign(cases[0].endpoint, 0, "", "a/b=", url, origin);
    assert_non_null(strstr(url, "&X-Amz-Security-Token=a%2Fb%3D&"));
}

static const char *no_env(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static void options_are_checked(void **state)
{
    static char *const good[][8] = {
        {"x", "--store", "s3", "--s3-endpoint=https://s3.example.org", "--s3-bucket=my.takes",
         "--s3-path-style", NULL},
        {"x", "--store", "s3", "--s3-endpoint=http://[::1]:9000/", "--s3-bucket=abc",
         "--s3-path-style", "--s3-encryption=aws:kms:arn:aws:kms:eu:1:key/2", NULL},
    };
    static char *const bad[][8] = {
        {"x", "--store", "s3", NULL},
        {"x", "--store", "tape", NULL},
        {"x", "--store", "s3", "--s3-endpoint=https://s3.example.org", NULL},
        {"x", "--store", "s3", "--s3-endpoint=https://s3.example.org", "--s3-bucket=ab", NULL},
        {"x", "--store", "s3", "--s3-endpoint=https://s3.example.org", "--s3-bucket=A_b", NULL},
        {"x", "--store", "s3", "--s3-endpoint=https://s3.example.org", "--s3-bucket=a..b", NULL},
        {"x", "--store", "s3", "--s3-endpoint=https://s3.example.org", "--s3-bucket=my.takes",
         NULL},
        {"x", "--store", "s3", "--s3-endpoint=http://127.0.0.1:1", "--s3-bucket=takes", NULL},
        {"x", "--store", "s3", "--s3-endpoint=s3.example.org", "--s3-bucket=takes", NULL},
        {"x", "--store", "s3", "--s3-endpoint=https://k:s@s3.example.org", "--s3-bucket=takes",
         NULL},
        {"x", "--s3-encryption=SSE", NULL},
        {"x", "--s3-encryption=aws:kms:", NULL},
        {"x", "--s3-encryption=aws:kms:a\r\nb: c", NULL},
        {"x", "--s3-secret-key=secret", NULL},
    };
    Config c;
    char error[CONFIG_ERROR_BYTES];
    int asked;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good + sizeof bad / sizeof *bad; i++) {
        int is_good = i < sizeof good / sizeof *good;
        char *const *argv = is_good ? good[i] : bad[i - sizeof good / sizeof *good];
        int argc = 0;
        while (argv[argc]) {
            argc++;
        }
        config_init(&c);
        int result = config_load(&c, argc, argv, no_env, NULL, &asked, error);
        if (result != (is_good ? 0 : -1)) {
            fail_msg("%s %s: %d %s", argv[1], argv[argc - 1], result, error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(etags_are_read),
        cmocka_unit_test(answers_are_judged),
        cmocka_unit_test(pages_of_parts_are_joined),
        cmocka_unit_test(bad_lists_of_parts_are_refused),
        cmocka_unit_test(pages_of_uploads_are_joined),
        cmocka_unit_test(pages_of_objects_are_joined),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(the_environment_has_keys),
        cmocka_unit_test(a_file_has_keys),
        cmocka_unit_test(urls_have_the_bucket_in_host_or_path),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
