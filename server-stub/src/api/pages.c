/* Pages: whatever is no path of the API. Their files are net/files.h's; here is what a page gets of
 * the API, the local owner's session. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"

const char api_no_pages[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Keeptake</title>"
    "<h1>Keeptake server</h1><p>The server runs. It was started without the studio page: "
    "give its folder with --studio.</p></html>\n";

/* Whoever opens the studio on this machine gets the owner's session with it. */
void api_set_session(void *ctx, HttpRequest *r)
{
    const Auth *auth = ((const Api *)ctx)->auth;
    char cookie[AUTH_COOKIE_BYTES], header[AUTH_COOKIE_BYTES + 128];
    const char *site = http_header(r, "Sec-Fetch-Site");
    if (!auth->local_owner || !auth_peer_is_local(http_peer(r)) ||
        http_header(r, "X-Forwarded-For") || http_header(r, "Forwarded") || http_header(r, "Via") ||
        (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0 &&
         !(http_header(r, "Sec-Fetch-Mode") &&
           strcmp(http_header(r, "Sec-Fetch-Mode"), "navigate") == 0)) ||
        auth_cookie_make(auth, clock_now_us(), cookie) != 0) {
        return;
    }
    snprintf(header, sizeof header,
             AUTH_COOKIE_NAME "=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict", cookie,
             AUTH_COOKIE_SECONDS);
    http_set_header(r, "Set-Cookie", header);
}

void api_page(ApiCall *call)
{
    HttpRequest *r = call->request;
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
        http_set_header(r, "Allow", "GET, HEAD");
        api_fail(call, 405, "bad-request", "The method is not allowed here.");
        return;
    }
    int status = files_answer(&call->api->pages, r, &call->sent_bytes);
    if (status == 0) {
        api_fail(call, 404, "not-found", "There is no such page.");
        return;
    }
    call->status = status;
}
