/*
 * response: see response.h.
 */
#include "api-fcgi/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"

enum {
    COOKIE_MAX = 512
};

static const char token_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char path_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./~";
static const char domain_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";

void response_init(struct response *response)
{
    response->status = 500;
    response->content_type = "application/json; charset=utf-8";
    response->text = NULL;
    response->headers_length = 0;
    response->body_length = 0;
}

static bool is_made_of(const char *text, const char *characters)
{
    return text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

static bool is_header_value(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

int response_header(struct response *response, const char *name, const char *value)
{
    size_t room = sizeof response->headers - response->headers_length;
    int length;

    if (!is_made_of(name, token_characters) || !is_header_value(value))
        return -1;
    length =
        snprintf(response->headers + response->headers_length, room, "%s: %s\r\n", name, value);
    if (length < 0 || (size_t)length >= room)
        return -1;
    response->headers_length += (size_t)length;
    return 0;
}

int response_seat_cookie(struct response *response, const struct seat_cookie *cookie)
{
    char value[COOKIE_MAX];
    int length;

    if (cookie->seat < 1 || cookie->seat > 2 || !random_is_seat_token(cookie->token) ||
        !is_made_of(cookie->path, path_characters) ||
        (cookie->domain[0] != '\0' && !is_made_of(cookie->domain, domain_characters)))
        return -1;
    length = snprintf(value, sizeof value,
                      "pong_seat_%d=%s; Path=%s; Max-Age=%d; HttpOnly; SameSite=Strict%s%s%s",
                      cookie->seat, cookie->token, cookie->path, SEAT_COOKIE_SECONDS,
                      cookie->is_secure ? "; Secure" : "",
                      cookie->domain[0] != '\0' ? "; Domain=" : "", cookie->domain);
    if (length < 0 || (size_t)length >= sizeof value)
        return -1;
    return response_header(response, "Set-Cookie", value);
}

static void answer_failure(struct response *response)
{
    static const char failure[] = "{\"success\":false,\"error\":\"The answer could not be made\","
                                  "\"code\":\"internal_error\"}";

    response->status = 500;
    response->headers_length = 0; /* a cookie would promise what the body does not */
    response->body_length = sizeof failure - 1;
    memcpy(response->body, failure, sizeof failure - 1);
}

void response_json(struct response *response, int status, const json_t *body)
{
    size_t length =
        body != NULL ? json_dumpb(body, response->body, sizeof response->body, JSON_COMPACT) : 0;

    if (length == 0 || length > sizeof response->body) {
        answer_failure(response);
        return;
    }
    response->status = status;
    response->body_length = length;
}

void response_json_add(struct response *response, const char *field, const char *json)
{
    const size_t end = response->body_length - 1; /* of the brace that closes the object */
    const size_t room = sizeof response->body - end;
    int length = snprintf(response->body + end, room, ",\"%s\":%s}", field, json);

    if (length < 0 || (size_t)length >= room)
        answer_failure(response);
    else
        response->body_length = end + (size_t)length;
}

void response_error(struct response *response, int status, const char *code, const char *sentence)
{
    json_t *body = json_pack("{s:b, s:s, s:s}", "success", 0, "error", sentence, "code", code);

    response_json(response, status, body);
    json_decref(body);
}

void response_text(struct response *response, int status, const char *content_type, char *text,
                   size_t length)
{
    response->status = status;
    response->content_type = content_type;
    response->text = text;
    response->body_length = length;
}

const char *response_body(const struct response *response)
{
    return response->text != NULL ? response->text : response->body;
}

void response_free(struct response *response)
{
    free(response->text);
    response->text = NULL;
}

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}

size_t response_write_head(const struct response *response, char out[RESPONSE_HEAD_MAX])
{
    int length = snprintf(out, RESPONSE_HEAD_MAX,
                          "Status: %d %s\r\n"
                          "Content-Type: %s\r\n"
                          "Cache-Control: no-store\r\n"
                          "Content-Length: %zu\r\n"
                          "%.*s\r\n",
                          response->status, reason_phrase(response->status), response->content_type,
                          response->body_length, (int)response->headers_length, response->headers);

    return length < 0                           ? 0
           : (size_t)length < RESPONSE_HEAD_MAX ? (size_t)length
                                                : RESPONSE_HEAD_MAX - 1;
}
