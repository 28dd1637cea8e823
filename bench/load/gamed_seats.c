/*
 * create/ for the first seat, join/ for the second, /ws/game/CODE/ with the seat's token.
 */
#include "bench/load/gamed_seats.h"

#include <stdio.h>
#include <string.h>

#include "bench/load/scan.h"

enum {
    HTTP_OK = 200,
    HTTP_CREATED = 201,
    ERRORS_SHOWN = 3
};

void gamed_seats_ask(const struct load_room *room, int number, struct wire_request *request)
{
    if (number == 1) {
        snprintf(request->path, sizeof request->path, "/api/room/create/");
        snprintf(request->body, sizeof request->body, "{\"username\":\"Ann\",\"winning_score\":%d}",
                 GAMED_WINNING_SCORE);
    } else {
        snprintf(request->path, sizeof request->path, "/api/room/join/");
        snprintf(request->body, sizeof request->body, "{\"room_code\":\"%s\",\"username\":\"Bob\"}",
                 room->code);
    }
}

bool gamed_seats_answer(struct load_room *room, int number, int status, const char *body,
                        size_t length)
{
    struct seat *seat = &room->seats[number - 1];
    return (status == HTTP_OK || status == HTTP_CREATED) &&
           scan_string(body, length, "room_code", room->code, sizeof room->code) &&
           scan_string(body, length, "seat_token", seat->token, sizeof seat->token) &&
           scan_string(body, length, "player_id", seat->id, sizeof seat->id);
}

void gamed_seats_target(const struct load_room *room, const struct seat *seat, char *out,
                        size_t size)
{
    snprintf(out, size, "/ws/game/%s/%s%s", room->code, seat ? "?token=" : "",
             seat ? seat->token : "");
}

enum gamed_text gamed_seats_text(struct load *load, struct client *client, const char *text,
                                 size_t length)
{
    static const char rematch[] = "{\"type\":\"rematch\"}";
    static int shown;
    char type[SEAT_TEXT];
    if (!scan_string(text, length, "type", type, sizeof type))
        return GAMED_TEXT_OTHER;
    if (strcmp(type, "error") == 0) {
        if (shown++ < ERRORS_SHOWN)
            fprintf(stderr, "pong-load: the server says %.*s\n", (int)length, text);
        load_note_error(load, LOAD_REFUSED);
        return GAMED_TEXT_REFUSAL;
    }
    if (strcmp(type, "game_over") != 0)
        return GAMED_TEXT_OTHER;
    if (client->number)
        client_send(load, client, WIRE_TEXT, rematch, sizeof rematch - 1);
    return GAMED_TEXT_GAME_OVER;
}
