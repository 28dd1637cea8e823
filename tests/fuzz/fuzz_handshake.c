/*
 * What a WebSocket upgrade request says: path, argument, Authorization, cookies, origin
 * (gamed/handshake.c, common/seat_cookies.c), and room codes and paths of REST (common/text.c,
 * api-fcgi/router.c).
 *
 * An input is lines: path, token, Authorization, Origin, Host, Cookie, what origins are allowed.
 */
#include "tests/fuzz/fuzz.h"

#include <strings.h>

#include "api-fcgi/router.h"
#include "common/seat_cookies.h"
#include "common/text.h"
#include "gamed/handshake.h"

static void check_code(const char *text, size_t length)
{
    char code[ROOM_CODE_SIZE], again[ROOM_CODE_SIZE];
    if (!text_room_code(text, length, code)) {
        assert(!code[0]);
        return;
    }
    assert(strlen(code) == ROOM_CODE_LENGTH &&
           strspn(code, ROOM_CODE_ALPHABET) == ROOM_CODE_LENGTH);
    assert(text_room_code(code, strlen(code), again) && strcmp(code, again) == 0);
}

/* The route's argument lies in the path, and a slash at the end changes nothing. */
static void check_router(const char *path)
{
    struct route_match match = router_match(HTTP_GET, path), again;
    size_t length = strlen(path);
    assert(match.route < ROUTE_COUNT && router_name(match.route)[0]);
    assert((match.route == ROUTE_METHOD_NOT_ALLOWED) <= (match.allow != NULL));
    if (match.argument)
        assert(match.argument >= path && match.argument + match.argument_length <= path + length);
    if (match.route == ROUTE_NOT_FOUND || length == 0 || path[length - 1] != '/')
        return;
    char *shorter = strndup(path, length - 1);
    assert(shorter);
    again = router_match(HTTP_GET, shorter);
    assert(again.route == match.route && again.argument_length == match.argument_length);
    free(shorter);
}

/* Tokens that are taken were there; written alone they are taken again. */
static void check_cookies(const char *header, char cookies[2][SEAT_TOKEN_SIZE])
{
    static const char *const prefixes[] = {"pong_seat_1=", "pong_seat_2="};
    char one[64], again[SEAT_COOKIES][SEAT_TOKEN_SIZE];
    seat_cookies_read(header, cookies);
    for (int i = 0; i < SEAT_COOKIES; i++) {
        if (!cookies[i][0])
            continue;
        assert(random_is_seat_token(cookies[i]));
        memcpy(one, prefixes[i], 12);
        memcpy(one + 12, cookies[i], SEAT_TOKEN_SIZE);
        assert(strstr(header, one));
        seat_cookies_read(one, again);
        assert(strcmp(again[i], cookies[i]) == 0 && !again[1 - i][0]);
    }
}

static void check_handshake(const struct handshake_request *request, const char *allowed)
{
    struct game_handshake handshake;
    char code[ROOM_CODE_SIZE];
    int outcome = handshake_read(request, allowed, &handshake);
    if (outcome != HANDSHAKE_OK) {
        assert(outcome >= HANDSHAKE_BAD_ORIGIN && outcome <= HANDSHAKE_NO_ROOM);
        return;
    }
    assert(text_room_code(handshake.room_code, strlen(handshake.room_code), code));
    assert(strcmp(code, handshake.room_code) == 0);
    assert(!handshake.token[0] || random_is_seat_token(handshake.token));
    for (int i = 0; i < 2; i++)
        assert(!handshake.cookie[i][0] || random_is_seat_token(handshake.cookie[i]));
    assert(strcasecmp(request->origin, "null") != 0 || strstr(allowed, "null"));
    /* An explicit token is taken, or the handshake is none: never passed over for something else. */
    assert(!request->token_argument[strspn(request->token_argument, "$")] || handshake.token[0]);
}

static void take_line(struct fuzz_input *input, char out[HANDSHAKE_VALUE_MAX])
{
    char *text = fuzz_take_text(input, '\n', HANDSHAKE_VALUE_MAX - 1, NULL);
    strcpy(out, text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .end = data + size};
    struct handshake_request request;
    memset(&request, 0, sizeof request);
    take_line(&input, request.path);
    take_line(&input, request.token_argument);
    take_line(&input, request.authorization);
    take_line(&input, request.origin);
    take_line(&input, request.host);
    char *cookie = fuzz_take_text(&input, '\n', 8192, NULL);
    char *allowed = fuzz_take_text(&input, '\n', 1024, NULL);

    check_code((const char *)data, size < ROOM_CODE_LENGTH ? size : ROOM_CODE_LENGTH);
    check_router(request.path);
    check_cookies(cookie, request.cookie);
    check_handshake(&request, allowed);
    free(cookie);
    free(allowed);
    return 0;
}
