/*
 * cors: see cors.h.
 */
#include "api-fcgi/cors.h"

#include <stdio.h>
#include <string.h>

static const char host_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
static const char address_characters[] = "0123456789abcdef:.";

/* The end of a host at `text`, a name or an address in brackets; NULL where there is none. */
static const char *skip_host(const char *text)
{
    size_t length;

    if (text[0] == '[') {
        length = strspn(text + 1, address_characters);
        return length > 0 && text[length + 1] == ']' ? text + length + 2 : NULL;
    }
    length = strspn(text, host_characters);
    return length > 0 ? text + length : NULL;
}

static bool is_origin(const char *text)
{
    size_t digits;

    if (strncmp(text, "https://", 8) == 0)
        text += 8;
    else if (strncmp(text, "http://", 7) == 0)
        text += 7;
    else
        return false;
    text = skip_host(text);
    if (text == NULL || *text == '\0')
        return text != NULL;
    digits = strspn(text + 1, "0123456789");
    return *text == ':' && digits > 0 && digits <= 5 && text[1 + digits] == '\0';
}

int cors_add(struct cors_config *config, const char *origin, char *error, size_t error_size)
{
    size_t length = strlen(origin);

    if (length >= CORS_ORIGIN_SIZE || !is_origin(origin)) {
        snprintf(error, error_size,
                 "\"%.80s\" is not an origin: scheme, host in lower case and port, like "
                 "https://www.example.org or http://127.0.0.1:8080",
                 origin);
        return -1;
    }
    if (config->count == CORS_ORIGINS_MAX) {
        snprintf(error, error_size, "there are more than %d origins", CORS_ORIGINS_MAX);
        return -1;
    }
    memcpy(config->origins[config->count++], origin, length + 1);
    return 0;
}

/* The configured origin that the request comes from; NULL for none of them. */
static const char *allowed_origin(const struct cors_config *config, const struct request *request)
{
    const char *origin = request_param(request, "HTTP_ORIGIN");

    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->origins[i], origin) == 0)
            return config->origins[i];
    return NULL;
}

void cors_apply(const struct cors_config *config, const struct request *request,
                struct response *response)
{
    const char *origin = allowed_origin(config, request);

    if (config->count == 0)
        return;
    response_header(response, "Vary", "Origin");
    if (origin == NULL)
        return;
    response_header(response, "Access-Control-Allow-Origin", origin);
    response_header(response, "Access-Control-Allow-Credentials", "true");
    response_header(response, "Access-Control-Expose-Headers", "Retry-After");
}

bool cors_preflight(const struct cors_config *config, const struct request *request,
                    const char *methods, struct response *response)
{
    char max_age[16];
    json_t *body;

    if (request->method != HTTP_OPTIONS || allowed_origin(config, request) == NULL ||
        request_param(request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD")[0] == '\0')
        return false;
    snprintf(max_age, sizeof max_age, "%d", CORS_MAX_AGE_SECONDS);
    response_init(response);
    body = json_pack("{s:b}", "success", 1);
    response_json(response, 200, body);
    json_decref(body);
    response_header(response, "Access-Control-Allow-Methods", methods);
    response_header(response, "Access-Control-Allow-Headers", "Authorization, Content-Type");
    response_header(response, "Access-Control-Max-Age", max_age);
    return true;
}
