/* `store setup`: the bucket, who may send to it and play from it, and what removes leftovers. */
#include "store/s3/tool/session.h"

#include <stdlib.h>
#include <string.h>

#define CORS_ID "keeptake-pages"
#define LIFECYCLE_ID "keeptake-unfinished-uploads"
#define DAY_SECONDS 86400
/* The service counts from an upload's beginning, our own clean-up from its newest part. */
#define EXTRA_DAYS 2

static int setup_bucket(S3StoreSession *x)
{
    char xml[256] = "";
    const char *region = x->s3->region;
    StoreStatus status = s3store_session_ask(x, "HEAD", "", NULL, NULL);
    if (status == STORE_OK) {
        s3store_session_good(x, "The bucket %s is there.", x->s3->bucket);
        return 0;
    }
    if (status == STORE_NO_SUCH_KEY) {
        /* AWS wants no constraint for us-east-1, R2 none for its region "auto". */
        if (strcmp(region, "us-east-1") != 0 && strcmp(region, "auto") != 0) {
            snprintf(xml, sizeof xml,
                     "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                     "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
                     region);
        }
        status = s3store_session_ask(x, "PUT", "", *xml ? xml : NULL, NULL);
        if (status == STORE_OK || status == STORE_BUCKET_EXISTS) {
            s3store_session_good(x, "The bucket %s is made.", x->s3->bucket);
            return 0;
        }
    }
    s3store_session_bad(x, "The bucket %s cannot be seen or made: %s.", x->s3->bucket,
                        s3store_session_words(x));
    return -1;
}

/* Puts the document unless that would remove rules of others. what: "cors", "lifecycle". 0, -1
 * after telling why not, 1 where the service has no such rules and that is optional. */
static int put_rules(S3StoreSession *x, const char *what, const char *id, const char *xml,
                     int replace)
{
    S3StoreRules rules = {0};
    StoreStatus status = s3store_session_ask(x, "GET", what, NULL, NULL);
    int is_optional = strcmp(what, "lifecycle") == 0;
    int none =
        status != STORE_OK && (strncmp(x->code, "NoSuch", 6) == 0 || x->answer.status == 404 ||
                               x->answer.status == 501 || x->answer.status == 405);
    if (status == STORE_OK &&
        s3store_answer_rules((const char *)x->answer.body, x->answer.body_bytes, id, &rules) != 0) {
        s3store_session_bad(x, "Its %s rules cannot be read.", what);
        return -1;
    }
    if (status != STORE_OK && !none) {
        s3store_session_bad(x, "Its %s rules cannot be read: %s.", what, s3store_session_words(x));
        return -1;
    }
    if (rules.others > 0 && !replace) {
        s3store_session_bad(
            x,
            "The bucket has %d %s rules that are not Keeptake's. Add this one by hand, "
            "or overwrite them with --replace:\n%s",
            rules.others, what, xml);
        return -1;
    }
    if (s3store_session_ask(x, "PUT", what, xml, NULL) != STORE_OK) {
        if (is_optional && (x->answer.status == 501 || x->answer.status == 405)) {
            s3store_session_note(x, "The service has no %s rules of this kind.", what);
            return 1;
        }
        s3store_session_bad(x, "The %s rule is not taken: %s. It is:\n%s", what,
                            s3store_session_words(x), xml);
        return -1;
    }
    status = s3store_session_ask(x, "GET", what, NULL, NULL);
    if (status != STORE_OK ||
        s3store_answer_rules((const char *)x->answer.body, x->answer.body_bytes, id, &rules) != 0 ||
        rules.ours + rules.others == 0) {
        s3store_session_bad(x, "The %s rule was taken, and is not there.", what);
        return -1;
    }
    return 0;
}

static int setup_cors(S3StoreSession *x, int replace)
{
    Text xml = {0}, origins = {0};
    text_add_string(&xml, "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                          "<CORSRule><ID>" CORS_ID "</ID>");
    for (int i = 0; i < x->tool->origins->count; i++) {
        text_add_element(&xml, "AllowedOrigin", x->tool->origins->items[i]);
        text_format(&origins, "%s%s", i ? ", " : "", x->tool->origins->items[i]);
    }
    text_add_string(&xml,
                    "<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>"
                    "<AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader>"
                    "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>Content-Range</ExposeHeader>"
                    "<MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule></CORSConfiguration>");
    int result =
        xml.failed || origins.failed ? -1 : put_rules(x, "cors", CORS_ID, xml.data, replace);
    if (result == 0) {
        s3store_session_good(x, "Pages of %s may send and play, and read ETags.", origins.data);
    }
    text_reset(&xml);
    text_reset(&origins);
    return result;
}

static int setup_lifecycle(S3StoreSession *x, int replace)
{
    char xml[512];
    long long days = (x->tool->salvage_age_s + DAY_SECONDS - 1) / DAY_SECONDS + EXTRA_DAYS;
    snprintf(xml, sizeof xml,
             "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>"
             "<ID>" LIFECYCLE_ID "</ID><Filter><Prefix>takes/</Prefix></Filter>"
             "<Status>Enabled</Status><AbortIncompleteMultipartUpload>"
             "<DaysAfterInitiation>%lld</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
             "</Rule></LifecycleConfiguration>",
             days);
    int result = put_rules(x, "lifecycle", LIFECYCLE_ID, xml, replace);
    if (result == 0) {
        s3store_session_good(
            x, "Uploads that nobody finishes are removed %lld days after they began.", days);
    }
    return result;
}

int s3store_setup(const S3StoreTool *tool, int replace)
{
    S3StoreSession *x = calloc(1, sizeof *x);
    if (!x || s3store_session_open(x, tool) != 0) {
        free(x);
        return -1;
    }
    if (setup_bucket(x) == 0) {
        setup_cors(x, replace);
        setup_lifecycle(x, replace);
    }
    int failures = x->failures;
    s3store_session_close(x);
    free(x);
    return failures ? -1 : 0;
}
