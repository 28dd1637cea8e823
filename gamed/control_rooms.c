/*
 * control_rooms: see control_rooms.h.
 */
#include "gamed/control_rooms.h"

#include <utlist.h>

#include "gamed/messages.h"
#include "ipc/ipc_message.h"

static const char *status_word(const struct game *game)
{
    static const char *const words[] = {"WAITING", "ONGOING", "FINISHED"};
    return words[game_state_status(game)];
}

static const char *phase_word(const struct game *game)
{
    static const char *const words[] = {"waiting", "serving", "rally", "paused", "finished"};
    return words[game->pong.phase];
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static json_t *number_or_null(int number, bool is_there)
{
    return is_there ? json_integer(number) : json_null();
}

/* Since the room was opened, in seconds; clocks that were set meanwhile do not make it negative. */
static json_int_t age_s(const struct game *game, struct now now)
{
    int64_t ms = now.unix_ms - game->created_unix_ms;
    return ms > 0 ? ms / 1000 : 0;
}

/* What both views have; NULL when out of memory. */
static json_t *summary(const struct room *room, struct now now)
{
    const struct game *game = &room->game;
    const struct game_player *one = &game->seats[0].player, *two = &game->seats[1].player;
    return json_pack(
        "{s:s, s:s, s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:i, s:i, s:i, s:i, s:f, s:I, s:b}",
        "room_code", game->room_code, "status", status_word(game), "phase", phase_word(game),
        "public", (int)game->is_public, "player_1_id", text_or_null(one->player_id), "player_2_id",
        text_or_null(two->player_id), "player_1_username", text_or_null(one->username),
        "player_2_username", text_or_null(two->username), "player_1_score",
        (int)game->pong.score[0], "player_2_score", (int)game->pong.score[1], "sessions",
        room->session_count, "spectators", room->spectator_count, "created_at",
        (double)game->created_unix_ms / 1000, "age_s", age_s(game, now), "withheld",
        (int)(room->held_since_ms != 0));
}

json_t *control_rooms_page(const struct game_manager *manager, const char *after, struct now now)
{
    const struct room *rooms[CONTROL_ROOMS_PAGE + 1]; /* one more tells whether there is one */
    size_t count = game_manager_rooms_after(manager, after, rooms, CONTROL_ROOMS_PAGE + 1);
    size_t shown = count < CONTROL_ROOMS_PAGE ? count : CONTROL_ROOMS_PAGE;
    const char *next = count > shown ? rooms[shown - 1]->game.room_code : NULL;
    json_t *reply = ipc_reply_ok();
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; i < shown; i++)
        failed |= json_array_append_new(list, summary(rooms[i], now));
    failed |= json_object_set_new(reply, "rooms", list);
    failed |= json_object_set_new(reply, "next", next ? json_string(next) : json_null());
    if (!failed)
        return reply;
    json_decref(reply);
    return NULL;
}

/* ---- in detail ----------------------------------------------------------------------- */

static json_t *seat_object(const struct game *game, int number, struct now now)
{
    const struct game_seat *seat = &game->seats[number - 1];
    const struct game_player *player = &seat->player;
    const char *level = player->is_bot ? bot_level_name((enum bot_level)player->bot_level) : NULL;
    return json_pack(
        "{s:i, s:b, s:s?, s:s?, s:b, s:s?, s:i, s:b, s:b, s:i, s:f, s:b}", "seat", number, "held",
        (int)seat->held, "player_id", text_or_null(player->player_id), "username",
        text_or_null(player->username), "guest", (int)player->is_guest, "bot", level, "score",
        (int)game->pong.score[number - 1], "connected", (int)seat->connected, "away",
        (int)seat->away, "pauses_left", seat->pauses_left, "absence_used_s",
        (double)game_state_away_ms(seat, now) / 1000, "wants_rematch", (int)seat->wants_rematch);
}

static json_t *seats_array(const struct game *game, struct now now)
{
    return json_pack("[o, o]", seat_object(game, 1, now), seat_object(game, 2, now));
}

static json_t *sessions_array(const struct room *room, struct now now)
{
    json_t *list = json_array();
    const struct player_session *session;
    DL_FOREACH (room->sessions, session) {
        if (session->is_bot || json_array_size(list) == CONTROL_SESSIONS_MAX)
            continue;
        json_t *entry =
            json_pack("{s:o, s:I, s:I, s:i}", "seat", number_or_null(session->seat, session->seat),
                      "heard_ms_ago", (json_int_t)(now.mono_ms - session->heard_ms), "sent_ms_ago",
                      (json_int_t)(now.mono_ms - session->sent_ms), "events_behind",
                      (int)(room->log_next - session->next_event));
        if (json_array_append_new(list, entry) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *control_rooms_detail(const struct room *room, struct now now)
{
    const struct game *game = &room->game;
    const struct pong *pong = &game->pong;
    bool is_over = pong->phase == PONG_FINISHED;
    const char *pause = pong->phase == PONG_PAUSED ? messages_pause_word(game->pause) : "";
    json_t *reply = ipc_reply_ok();
    json_t *object = summary(room, now);
    json_t *more = json_pack(
        "{s:s, s:i, s:I, s:o, s:s?, s:o, s:s?, s:o, s:o}", "match_id", game->match_id,
        "winning_score", (int)pong->winning_score, "step", (json_int_t)pong->step, "steps_left",
        number_or_null(pong->steps_left, pong->steps_left != PONG_STEPS_OPEN), "pause",
        text_or_null(pause), "winner", number_or_null(game->winner, is_over && game->winner),
        "reason", is_over ? messages_end_word(game->end) : NULL, "seats", seats_array(game, now),
        "session_list", sessions_array(room, now));
    int failed = json_object_update(object, more);
    json_decref(more);
    failed |= json_object_set_new(reply, "room", object);
    if (!failed)
        return reply;
    json_decref(reply);
    return NULL;
}
