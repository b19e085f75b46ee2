/* Tokens of the caller's own organisation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

#include "base/clock.h"

typedef struct TokenWork {
    ApiCall *call;
    TokenRow row;
    char text[TOKEN_TEXT_BYTES];
} TokenWork;

static void put_token(JsonOut *out, const TokenRow *row, const char *text)
{
    json_begin(out, '{');
    json_key(out, "id");
    json_string(out, row->id);
    if (text) {
        json_key(out, "token");
        json_string(out, text);
    }
    json_key(out, "organisation");
    json_string(out, row->organisation);
    json_key(out, "role");
    json_string(out, role_name(row->role));
    json_key(out, "label");
    json_string(out, row->label);
    json_key(out, "created_at");
    json_time(out, row->created_us);
    if (row->expires_us != 0) {
        json_key(out, "expires_at");
        json_time(out, row->expires_us);
    }
    json_end(out, '}');
}

static int insert_token(DbConnection *c, void *ctx)
{
    return token_insert(c, &((TokenWork *)ctx)->row);
}

static void on_inserted(void *ctx, int status)
{
    TokenWork *w = ctx;
    JsonOut out = {0};
    if (status != DB_OK) {
        api_fail_db(w->call, status == DB_NOT_FOUND ? DB_IO : status);
        return;
    }
    put_token(&out, &w->row, w->text);
    api_send(w->call, 201, &out);
}

/* 0; 400 or 403 with a sentence in error. */
static int read_token(const cJSON *body, const Identity *owner, TokenRow *row, char *error)
{
    const char *role = "", *organisation = owner->organisation, *label = "";
    int64_t seconds = 0;
    if (json_get_text(body, "role", 16, &role, error) < 0 ||
        json_get_text(body, "organisation", ORGANISATION_BYTES, &organisation, error) < 0 ||
        json_get_text(body, "label", TOKEN_LABEL_CHARS, &label, error) < 0 ||
        json_get_int(body, "expires_seconds", 1, TOKEN_MAX_SECONDS, &seconds, error) < 0) {
        return 400;
    }
    row->role = role_parse(role);
    if (row->role == ROLE_NONE) {
        snprintf(error, JSON_ERROR_BYTES, "\"role\" must be owner, co-host or viewer.");
        return 400;
    }
    if (strcmp(organisation, owner->organisation) != 0) {
        snprintf(error, JSON_ERROR_BYTES, "Tokens can be made for the organisation %s only.",
                 owner->organisation);
        return 403;
    }
    snprintf(row->label, sizeof row->label, "%s", label);
    memcpy(row->organisation, owner->organisation, sizeof row->organisation);
    row->created_us = clock_now_us();
    row->expires_us = seconds > 0 ? row->created_us + seconds * 1000000 : 0;
    return 0;
}

void api_token_create(ApiCall *call)
{
    char error[JSON_ERROR_BYTES] = "There is not enough memory.";
    cJSON *body = api_body(call, 64, 0);
    if (!body) {
        return;
    }
    TokenWork *w = call->work = calloc(1, sizeof *w);
    int status = w ? read_token(body, &call->identity, &w->row, error) : 500;
    cJSON_Delete(body);
    if (status == 0 && token_make(&w->row, w->text) != 0) {
        status = 500;
    }
    if (status != 0) {
        api_fail_for(call, status,
                     status == 400   ? "bad-request"
                     : status == 403 ? "forbidden"
                                     : "internal",
                     status == 403 ? "organisation" : NULL, error);
        return;
    }
    w->call = call;
    db_write(call->api->db, call->by, insert_token, w, on_inserted);
}

static void list_one(void *ctx, const TokenRow *row)
{
    put_token(ctx, row, NULL);
}

/* On a reading thread. */
static int read_list(DbConnection *c, void *ctx)
{
    ApiCall *call = ctx;
    JsonOut *out = call->work;
    json_begin(out, '{');
    json_key(out, "tokens");
    json_begin(out, '[');
    int status = token_list(c, call->identity.organisation, list_one, out);
    json_end(out, ']');
    json_end(out, '}');
    return status < 0 ? status : DB_OK;
}

static void on_list(void *ctx, int status)
{
    ApiCall *call = ctx;
    JsonOut out = *(JsonOut *)call->work;
    if (status != DB_OK) {
        json_free(&out);
        api_fail_db(call, status);
    } else {
        api_send(call, 200, &out);
    }
}

void api_token_list(ApiCall *call)
{
    call->work = calloc(1, sizeof(JsonOut));
    if (!call->work) {
        api_fail(call, 500, "internal", "There is not enough memory.");
        return;
    }
    db_read(call->api->db, read_list, call, on_list);
}

static int delete_token(DbConnection *c, void *ctx)
{
    const ApiCall *call = ctx;
    return token_delete(c, call->identity.organisation, call->id);
}

static void on_deleted(void *ctx, int status)
{
    ApiCall *call = ctx;
    auth_forget_tokens(call->api->auth);
    if (status == DB_NOT_FOUND) {
        api_fail(call, 404, "not-found", "There is no such token.");
    } else if (status != DB_OK) {
        api_fail_db(call, status);
    } else {
        api_send_empty(call);
    }
}

void api_token_delete(ApiCall *call)
{
    db_write(call->api->db, call->by, delete_token, call, on_deleted);
}
