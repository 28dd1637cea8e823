/*
 * Who somebody says he is: JSON Web Tokens, other bearers, the trusted header (api-fcgi/identity.c).
 * Nobody without the key becomes a user, whatever the token looks like; and of a token that the key
 * has signed, no claim makes a user that the service could not show.
 *
 * The first byte of an input says what the rest is: a bearer, a header's value, or claims to be signed.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <jwt.h>
#include <stdio.h>

#include "api-fcgi/identity.h"
#include "common/text.h"

#define KEY "a key of the fuzzers, of 32 bytes"
enum {
    NOW = 1767323045
};

static const char *authorization, *header;

static const char *param(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "HTTP_AUTHORIZATION") == 0)
        return authorization;
    return strcmp(name, "HTTP_X_USER") == 0 ? header : NULL;
}

static size_t read_body(void *arg, char *out, size_t size)
{
    (void)arg, (void)out, (void)size;
    return 0;
}

static void check_user(const struct identity *identity)
{
    const char *id = identity->user_id, *name = identity->username;
    assert(memchr(id, '\0', sizeof identity->user_id));
    assert(!id[0] || text_is_player_id(id, strlen(id)));
    assert(strncmp(id, "guest-", 6) != 0 && strncmp(id, "bot-", 4) != 0);
    assert(memchr(name, '\0', sizeof identity->username));
    assert(!name[0] || text_is_username(name, strlen(name)));
    assert(!identity->seat_token[0] || random_is_seat_token(identity->seat_token));
}

static const char *identify(struct identity *identity)
{
    static const struct request_source source = {.param = param, .read = read_body};
    static struct identity_config config;
    struct request request;
    char error[256];
    if (config.key_count == 0)
        assert(identity_configure(&config, "another key of 32 bytes and more, " KEY, "X-User",
                                  error, sizeof error) == 0);
    request_init(&request, &source);
    const char *refusal = identity_identify(&config, &request, NOW, identity);
    assert(!refusal || refusal[0]);
    if (!refusal)
        check_user(identity);
    return refusal;
}

/* Signs the claims as a site does; NULL when they are none. The caller frees it. */
static char *signed_token(const char *claims, jwt_alg_t algorithm)
{
    jwt_t *jwt;
    char *token = NULL;
    assert(jwt_new(&jwt) == 0);
    if (jwt_add_grants_json(jwt, claims) == 0 &&
        jwt_set_alg(jwt, algorithm, (const unsigned char *)KEY, (int)strlen(KEY)) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

/* What a token must say to be believed. */
static bool is_believable(const char *claims)
{
    json_t *object = json_loads(claims, 0, NULL);
    const json_t *expires = json_object_get(object, "exp"),
                 *id = json_object_get(object, "user_id");
    bool is = json_is_number(expires) &&
              json_number_value(expires) + IDENTITY_LEEWAY_SECONDS > NOW &&
              (json_is_integer(id) || json_is_string(id));
    json_decref(object);
    return is;
}

static const char *show(const char *token, struct identity *identity)
{
    char *bearer = malloc(strlen(token) + 8);
    assert(bearer);
    sprintf(bearer, "Bearer %s", token);
    authorization = bearer;
    const char *refusal = identify(identity);
    authorization = NULL;
    free(bearer);
    return refusal;
}

static void check_claims(const char *claims, size_t place)
{
    struct identity identity;
    char *token = signed_token(claims, JWT_ALG_HS256), *other = signed_token(claims, JWT_ALG_HS512);
    if (token && !show(token, &identity)) {
        assert(identity.user_id[0] && is_believable(claims));
        /* not with one character changed: the last one of a text in base64url may carry no bit */
        size_t last = strlen(token) - 1;
        char *at = &token[place % last];
        *at = *at == 'A' ? 'B' : 'A';
        assert(show(token, &identity) && !identity.user_id[0]);
    }
    if (other)
        assert(show(other, &identity) && !identity.user_id[0]);
    free(token);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .end = data + size};
    struct identity identity;
    uint64_t kind = fuzz_take(&input, 1);
    char *text = fuzz_take_text(&input, -1, 8192, NULL);
    authorization = header = NULL;
    switch (kind % 3) {
    case 0: /* none of the keys is in an input: a header of this kind proves nothing */
        if (!show(text, &identity))
            assert(!identity.user_id[0]);
        break;
    case 1:
        header = text;
        if (!identify(&identity))
            assert(strcmp(identity.user_id, text) == 0);
        break;
    default:
        check_claims(text, size);
        break;
    }
    header = NULL;
    free(text);
    return 0;
}
