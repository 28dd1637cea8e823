/*
 * request: see request.h. Nothing of what comes in is believed: each value has a bound and a form.
 */
#include "api-fcgi/request.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";

const char *request_param(const struct request *request, const char *name)
{
    const char *value = request->source->param(request->source->arg, name);

    return value != NULL ? value : "";
}

static enum http_method read_method(const char *name)
{
    if (strcmp(name, "GET") == 0)
        return HTTP_GET;
    if (strcmp(name, "HEAD") == 0)
        return HTTP_HEAD;
    if (strcmp(name, "POST") == 0)
        return HTTP_POST;
    if (strcmp(name, "OPTIONS") == 0)
        return HTTP_OPTIONS;
    return HTTP_OTHER_METHOD;
}

static void read_authorization(struct request *request)
{
    static const char scheme[] = "Bearer";
    const char *value = request_param(request, "HTTP_AUTHORIZATION");
    size_t length = sizeof scheme - 1;

    request->bearer = "";
    /* Another scheme is the site's own affair, e.g. Basic in front of everything. */
    if (strncasecmp(value, scheme, length) != 0)
        return;
    if (value[length] != '\0' && strchr(blanks, value[length]) == NULL)
        return;
    request->has_bearer = true;
    request->bearer = value + length + strspn(value + length, blanks);
}

void request_init(struct request *request, const struct request_source *source)
{
    memset(request, 0, sizeof *request);
    request->source = source;
    request->method = read_method(request_param(request, "REQUEST_METHOD"));
    request->path = request_param(request, "SCRIPT_NAME");
    request->is_tls = strcasecmp(request_param(request, "HTTPS"), "on") == 0 ||
                      strcasecmp(request_param(request, "REQUEST_SCHEME"), "https") == 0;
    read_authorization(request);
    seat_cookies_read(request_param(request, "HTTP_COOKIE"), request->seat_cookies);
}

/* application/json, in any case, with or without parameters; none is taken for it. */
static bool is_json_type(const char *type)
{
    static const char json[] = "application/json";
    size_t length = sizeof json - 1;

    type += strspn(type, blanks);
    if (*type == '\0')
        return true;
    if (strncasecmp(type, json, length) != 0)
        return false;
    type += length + strspn(type + length, blanks);
    return *type == '\0' || *type == ';';
}

/* Reads CONTENT_LENGTH; without one the body is empty. */
static int read_length(const struct request *request, size_t *length)
{
    const char *text = request_param(request, "CONTENT_LENGTH");
    size_t digits = strspn(text, "0123456789");
    size_t value = 0;

    if (text[digits] != '\0')
        return REQUEST_BAD_LENGTH;
    for (size_t i = 0; i < digits && value <= REQUEST_BODY_MAX; i++)
        value = value * 10 + (size_t)(text[i] - '0');
    *length = value;
    return value <= REQUEST_BODY_MAX ? REQUEST_OK : REQUEST_TOO_LARGE;
}

int request_read_json(const struct request *request, json_t **object)
{
    char body[REQUEST_BODY_MAX];
    json_error_t ignored;
    size_t length;
    int result = read_length(request, &length);

    if (result != REQUEST_OK)
        return result;
    if (!is_json_type(request_param(request, "CONTENT_TYPE")))
        return REQUEST_BAD_MEDIA_TYPE;
    if (request->source->read(request->source->arg, body, length) != length)
        return REQUEST_BAD_LENGTH;
    *object =
        length == 0 ? json_object() : json_loadb(body, length, JSON_REJECT_DUPLICATES, &ignored);
    if (json_is_object(*object))
        return REQUEST_OK;
    json_decref(*object);
    *object = NULL;
    return REQUEST_BAD_JSON;
}
