/*
 * Reads an upgrade request's texts. It trusts none of them and opens nothing.
 */
#include "gamed/handshake.h"

#include <string.h>
#include <strings.h>

#include "common/text.h"

static bool read_path(const char *path, char room_code[ROOM_CODE_SIZE])
{
    static const char prefix[] = "/ws/game/";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return false;
    path += sizeof prefix - 1;
    size_t length = strlen(path);
    if (length > 0 && path[length - 1] == '/')
        length--;
    return text_room_code(path, length, room_code);
}

/* The page's own site; one that came by plain HTTP, where the socket is TLS, could be anybody's. */
static bool is_same_site(const char *origin, const struct handshake_request *request)
{
    const char *authority = strstr(origin, "://");
    if (!authority || !request->host[0] || strcasecmp(authority + 3, request->host) != 0)
        return false;
    return strcmp(request->proto, "https") != 0 || strncasecmp(origin, "https:", 6) == 0;
}

/* No Origin header: not a browser. "null": a sandboxed or local page, which could be anybody's. */
static bool is_origin_allowed(const struct handshake_request *request, const char *allowed)
{
    const char *origin = request->origin;
    if (!origin[0] || is_same_site(origin, request))
        return true;
    if (!strstr(origin, "://"))
        return false;
    size_t length = strlen(origin);
    while (*allowed) {
        size_t word = strcspn(allowed, " ,");
        if (word == length && strncasecmp(allowed, origin, length) == 0)
            return true;
        allowed += word;
        allowed += strspn(allowed, " ,");
    }
    return false;
}

int handshake_read(const struct handshake_request *request, const char *allowed_origins,
                   struct game_handshake *handshake)
{
    memset(handshake, 0, sizeof *handshake);
    if (!read_path(request->path, handshake->room_code))
        return HANDSHAKE_NO_ROOM;
    if (!is_origin_allowed(request, allowed_origins))
        return HANDSHAKE_BAD_ORIGIN;
    if (request->ticket[0])
        return HANDSHAKE_OK;

    /*
     * In this precedence: the argument, the header, the cookies. A deployed client puts a '$'
     * before its token.
     */
    const char *token = request->token_argument;
    if (token[0] == '$')
        token++;
    if (!token[0] && strncasecmp(request->authorization, "Bearer ", 7) == 0)
        token = request->authorization + 7 + strspn(request->authorization + 7, " ");
    if (token[0]) {
        if (!random_is_seat_token(token))
            return HANDSHAKE_BAD_TOKEN;
        memcpy(handshake->token, token, SEAT_TOKEN_SIZE);
        return HANDSHAKE_OK;
    }
    for (int i = 0; i < 2; i++)
        if (random_is_seat_token(request->cookie[i]))
            memcpy(handshake->cookie[i], request->cookie[i], SEAT_TOKEN_SIZE);
    return HANDSHAKE_OK;
}
