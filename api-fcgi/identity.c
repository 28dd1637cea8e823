/*
 * identity: see identity.h. A Bearer with two dots is a JWT, of which only HS256 is accepted: the
 * header of a token must not choose how it is checked.
 */
#include "api-fcgi/identity.h"

#include <ctype.h>
#include <jansson.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cookie.h"

static const char blanks[] = " \t";

static int add_key(struct identity_config *config, const char *text, size_t length, char *error,
                   size_t error_size)
{
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    if (length == 0) {
        snprintf(error, error_size, "the JWT key list has an empty key");
        return -1;
    }
    if (config->key_count == IDENTITY_KEYS_MAX) {
        snprintf(error, error_size, "there are more than %d JWT keys", IDENTITY_KEYS_MAX);
        return -1;
    }
    if (length >= IDENTITY_KEY_SIZE) {
        snprintf(error, error_size, "a JWT key is too long (at most %d bytes)",
                 IDENTITY_KEY_SIZE - 1);
        return -1;
    }
    memcpy(config->keys[config->key_count], text, length);
    config->keys[config->key_count++][length] = '\0';
    return 0;
}

static int read_keys(struct identity_config *config, const char *keys, char *error,
                     size_t error_size)
{
    if (keys[strspn(keys, blanks)] == '\0')
        return 0;
    for (;;) {
        size_t length;

        keys += strspn(keys, blanks);
        length = strcspn(keys, ",");
        if (add_key(config, keys, length, error, error_size) != 0)
            return -1;
        if (keys[length] == '\0')
            return 0;
        keys += length + 1;
    }
}

/* HTTP_X_USER for X-User. */
static int read_header_name(struct identity_config *config, const char *header, char *error,
                            size_t error_size)
{
    size_t length;

    if (header[0] == '\0')
        return 0;
    length = (size_t)snprintf(config->header_param, sizeof config->header_param, "HTTP_%s", header);
    if (length >= sizeof config->header_param) {
        snprintf(error, error_size, "the name of the identity header is too long");
        return -1;
    }
    for (char *at = config->header_param + strlen("HTTP_"); *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '-') {
            snprintf(error, error_size,
                     "the name of the identity header may have letters, digits and '-' only");
            return -1;
        }
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    }
    return 0;
}

int identity_configure(struct identity_config *config, const char *keys, const char *header,
                       char *error, size_t error_size)
{
    memset(config, 0, sizeof *config);
    if (read_keys(config, keys, error, error_size) != 0)
        return -1;
    return read_header_name(config, header, error, error_size);
}

/* Takes a user's id, which must not look like one that the service makes. */
static bool take_user_id(const char *text, size_t length, struct identity *identity)
{
    static const char *const ours[] = {"guest-", "bot-"};

    if (!text_is_player_id(text, length))
        return false;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (length >= strlen(ours[i]) && memcmp(text, ours[i], strlen(ours[i])) == 0)
            return false;
    memcpy(identity->user_id, text, length);
    identity->user_id[length] = '\0';
    return true;
}

/* The claims of a token that one of the keys has signed with HS256, owned by the caller; else NULL.
 */
static json_t *verified_claims(const struct identity_config *config, const char *token)
{
    json_t *claims = NULL;

    for (size_t i = 0; i < config->key_count && claims == NULL; i++) {
        const unsigned char *key = (const unsigned char *)config->keys[i];
        json_error_t ignored;
        jwt_t *jwt = NULL;
        char *text = NULL;

        if (jwt_decode(&jwt, token, key, (int)strlen(config->keys[i])) != 0)
            continue;
        if (jwt_get_alg(jwt) == JWT_ALG_HS256)
            text = jwt_get_grants_json(jwt, NULL);
        if (text != NULL)
            claims = json_loads(text, JSON_REJECT_DUPLICATES, &ignored);
        free(text);
        jwt_free(jwt);
    }
    return claims;
}

static bool claim_user_id(const json_t *claims, struct identity *identity)
{
    const json_t *id = json_object_get(claims, "user_id");
    char number[32];

    if (json_is_string(id))
        return take_user_id(json_string_value(id), json_string_length(id), identity);
    if (!json_is_integer(id))
        return false;
    snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    return take_user_id(number, strlen(number), identity);
}

/* The one refusal that a handshake may pass over; it is known by its address. */
static const char has_expired[] = "The token has expired";

static const char *check_claims(const json_t *claims, int64_t now, struct identity *identity)
{
    const json_t *expires = json_object_get(claims, "exp");
    const json_t *not_before = json_object_get(claims, "nbf");
    const json_t *username = json_object_get(claims, "username");
    const char *name = json_string_value(username);
    size_t name_length = json_string_length(username);

    if (!json_is_number(expires))
        return "The token has no expiry time";
    if (json_number_value(expires) + IDENTITY_LEEWAY_SECONDS <= (double)now)
        return has_expired;
    if (not_before != NULL &&
        (!json_is_number(not_before) ||
         json_number_value(not_before) - IDENTITY_LEEWAY_SECONDS > (double)now))
        return "The token is not valid yet";
    if (!claim_user_id(claims, identity))
        return "The token does not name a user";
    /* A name that cannot be used here is no reason to turn the user away: he gets one as a guest
     * does. */
    if (name != NULL && text_is_username(name, name_length) &&
        name_length < sizeof identity->username)
        memcpy(identity->username, name, name_length + 1);
    return NULL;
}

static const char *identify_by_jwt(const struct identity_config *config, const char *token,
                                   int64_t now, struct identity *identity)
{
    const char *refusal;
    json_t *claims;

    if (config->key_count == 0)
        return "The token cannot be checked: no key is configured";
    claims = verified_claims(config, token);
    if (!json_is_object(claims)) {
        json_decref(claims);
        return "The token's signature is not valid";
    }
    refusal = check_claims(claims, now, identity);
    json_decref(claims);
    return refusal;
}

static int count_dots(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++)
        count += *text == '.';
    return count;
}

/* Whoever the site's own nginx says it is; nobody where it says nothing, or is not asked. */
static const char *identify_by_header(const struct identity_config *config,
                                      const struct request *request, struct identity *identity)
{
    const char *named =
        config->header_param[0] != '\0' ? request_param(request, config->header_param) : "";

    if (named[0] != '\0' && !take_user_id(named, strlen(named), identity))
        return "The user's id cannot be used here";
    return NULL;
}

/* By a token that is shown on purpose. */
static const char *identify_by_token(const struct identity_config *config, const char *token,
                                     int64_t now, struct identity *identity)
{
    if (random_is_seat_token(token)) {
        memcpy(identity->seat_token, token, SEAT_TOKEN_SIZE);
        return NULL;
    }
    if (count_dots(token) == 2)
        return identify_by_jwt(config, token, now, identity);
    return "The token is neither a seat token nor a JSON Web Token";
}

const char *identity_identify(const struct identity_config *config, const struct request *request,
                              int64_t now, struct identity *identity)
{
    const char *refusal = NULL;

    memset(identity, 0, sizeof *identity);
    if (request->has_bearer)
        refusal = identify_by_token(config, request->bearer, now, identity);
    if (refusal != NULL || identity->user_id[0] != '\0')
        return refusal;
    return identify_by_header(config, request, identity);
}

static bool has_seat_cookie(const struct request *request)
{
    return request->seat_cookies[0][0] != '\0' || request->seat_cookies[1][0] != '\0';
}

static const char *identify_by_cookie(const struct identity_config *config,
                                      const struct request *request, int64_t now,
                                      struct identity *identity)
{
    char token[IDENTITY_TOKEN_SIZE];
    const char *refusal = NULL;

    if (config->key_count > 0 &&
        cookie_find(request_param(request, "HTTP_COOKIE"), "access_token", token, sizeof token) > 0)
        refusal = identify_by_jwt(config, token, now, identity);
    return has_seat_cookie(request) ? NULL : refusal;
}

/* A JSON object in base64url begins with these letters, if it has no blanks. */
static bool looks_like_jwt(const char *token)
{
    return strncmp(token, "eyJ", 3) == 0 && count_dots(token) == 2;
}

const char *identity_at_handshake(const struct identity_config *config,
                                  const struct request *request, const char *argument, int64_t now,
                                  struct identity *identity)
{
    const char *refusal = NULL;

    memset(identity, 0, sizeof *identity);
    argument += argument[0] == '$';
    if (config->key_count == 0 && looks_like_jwt(argument))
        argument = "";
    if (argument[0] != '\0')
        refusal = identify_by_token(config, argument, now, identity);
    if (refusal == has_expired && has_seat_cookie(request))
        argument = "";
    if (argument[0] == '\0')
        refusal = request->bearer[0] != '\0'
                      ? identify_by_token(config, request->bearer, now, identity)
                      : identify_by_cookie(config, request, now, identity);
    if (refusal != NULL || identity->user_id[0] != '\0')
        return refusal;
    return identify_by_header(config, request, identity);
}
