/*
 * What callers ask for over REST.
 */
#include "gamed/game_manager_private.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

static int answer(struct game_placement *placement, const struct room *room, int seat,
                  const char *token, bool created, bool reconnecting)
{
    *placement = (struct game_placement){.room = room,
                                         .seat = seat,
                                         .token = token,
                                         .created = created,
                                         .reconnecting = reconnecting};
    return GAME_MANAGER_OK;
}

/* The caller's new token has the seat now; should his request come again, so does this answer. */
static int grant(struct game_manager *manager, struct room *room, int seat,
                 const struct game_caller *caller, bool created, bool reconnecting, struct now now,
                 struct game_placement *placement)
{
    manager_index_seat(manager, room, seat);
    room->claims[seat - 1].created = created;
    room->claims[seat - 1].reconnecting = reconnecting;
    manager_checkpoint(manager, room, now);
    return answer(placement, room, seat, caller->new_token, created, reconnecting);
}

static void player_from_caller(const struct game_caller *caller, struct game_player *player)
{
    memset(player, 0, sizeof *player);
    if (caller->user_id[0])
        memcpy(player->player_id, caller->user_id, strlen(caller->user_id) + 1);
    else
        manager_name_guest(player);
    memcpy(player->username, caller->username, strlen(caller->username) + 1);
    manager_name_nameless(player);
    player->token = digest_of(caller->new_token, strlen(caller->new_token));
}

int manager_seat_by_identity(const struct room *room, const char *user_id)
{
    for (int i = 0; user_id[0] && i < 2; i++) {
        const struct game_seat *seat = &room->game.seats[i];
        if (seat->held && !seat->player.is_guest && !seat->player.is_bot &&
            !digest_is_nothing(&seat->player.token) && strcmp(seat->player.player_id, user_id) == 0)
            return i + 1;
    }
    return 0;
}

/*
 * The seat that one of the tokens shown proves; of those from cookies or of the others. 0 for none.
 * *token is the one.
 */
static int seat_by_shown_token(const struct room *room, const struct game_caller *caller,
                               bool from_cookie, const char **token)
{
    for (size_t i = 0; i < caller->token_count; i++) {
        if (caller->tokens[i].from_cookie != from_cookie)
            continue;
        int seat = manager_seat_by_token(room, caller->tokens[i].token);
        if (seat) {
            *token = caller->tokens[i].token;
            return seat;
        }
    }
    return 0;
}

static bool is_own_room(const struct room *room, const struct game_caller *caller)
{
    const char *token;
    return manager_seat_by_identity(room, caller->user_id) ||
           seat_by_shown_token(room, caller, false, &token) ||
           seat_by_shown_token(room, caller, true, &token);
}

static void seat_bot(struct game_manager *manager, struct room *room, enum bot_level level,
                     struct now now)
{
    struct game_player player = {.username = "Bot", .is_bot = true, .bot_level = (int)level};
    snprintf(player.player_id, sizeof player.player_id, "bot-%s", bot_level_name(level));
    struct player_session *session = manager_take_session(manager, room, NULL, now);
    if (!session)
        return; /* cannot be: the pool holds one bot a room */
    uint64_t seed;
    random_bytes(&seed, sizeof seed);
    session->is_bot = true;
    session->seat = (uint8_t)game_state_take_seat(&room->game, &player, now);
    bot_init(&session->bot, level, session->seat, seed);
    manager_enter_room(room, session);
}

/*
 * One more room for who creates it: a user wherever he is, a guest by his address. Returns GAME_MANAGER_OK
 * and the key that the room keeps, or the error.
 */
static int count_creator(struct game_manager *manager, const struct game_caller *caller,
                         struct tally_key *creator)
{
    bool is_guest = !caller->user_id[0];
    *creator =
        is_guest ? tally_key_of_address(caller->address) : tally_key_of_user(caller->user_id);
    if (tally_take(manager->creators, creator,
                   is_guest ? manager->config.max_rooms_per_address
                            : manager->config.max_rooms_per_user))
        return GAME_MANAGER_OK;
    manager_note_limit(manager, is_guest ? GAME_LIMIT_ADDRESS_ROOMS : GAME_LIMIT_USER_ROOMS);
    return GAME_MANAGER_TOO_MANY_ROOMS;
}

/* A room with the caller in its first seat. */
static int open_for(struct game_manager *manager, const struct game_caller *caller,
                    const struct game_options *options, struct now now,
                    struct game_placement *placement)
{
    if (game_manager_is_draining(manager))
        return GAME_MANAGER_DRAINING;
    if (manager->config.has_slots &&
        (manager->home < 0 || !manager_slot_runs(manager, manager->home)))
        return GAME_MANAGER_SLOT_MOVING;
    struct tally_key creator;
    int error = count_creator(manager, caller, &creator);
    if (error)
        return error;
    struct room *room =
        manager_open_room(manager, (uint8_t)options->winning_score, options->is_public, now);
    if (!room) {
        tally_drop(manager->creators, &creator);
        manager_note_limit(manager, GAME_LIMIT_ROOMS);
        return GAME_MANAGER_SERVER_FULL;
    }
    struct game_player player;
    room->creator = creator;
    player_from_caller(caller, &player);
    int seat = game_state_take_seat(&room->game, &player, now);
    room->creator_token = player.token;
    memcpy(room->creator_id, caller->user_id, strlen(caller->user_id) + 1);
    enum bot_level level;
    if (options->bot_level[0] && bot_level_parse(options->bot_level, &level))
        seat_bot(manager, room, level, now);
    return grant(manager, room, seat, caller, true, false, now, placement);
}

/*
 * Whether the token holds a seat in any room, so that a command sent twice acts once. Then *outcome is
 * GAME_MANAGER_OK, or why that room cannot be asked at the moment.
 */
static bool find_claim(struct game_manager *manager, const char *token,
                       struct game_placement *placement, int *outcome)
{
    const struct seat_claim *claim = manager_find_claim(manager, token);
    if (!claim)
        return false;
    *outcome = manager_slot_runs(manager, claim->room->slot)
                   ? answer(placement, claim->room, claim->seat, token, claim->created,
                            claim->reconnecting)
                   : GAME_MANAGER_SLOT_MOVING;
    return true;
}

int game_manager_create(struct game_manager *manager, const struct game_caller *caller,
                        const struct game_options *options, struct now now,
                        struct game_placement *placement)
{
    int outcome;
    if (find_claim(manager, caller->new_token, placement, &outcome))
        return outcome;
    for (size_t i = 0; i < caller->token_count; i++)
        if (!caller->tokens[i].from_cookie &&
            find_claim(manager, caller->tokens[i].token, placement, &outcome))
            return outcome;
    return open_for(manager, caller, options, now, placement);
}

static int give_seat_back(struct game_manager *manager, struct room *room, int seat,
                          const struct game_caller *caller, struct now now,
                          struct game_placement *placement)
{
    struct digest token = digest_of(caller->new_token, strlen(caller->new_token));
    if (digest_equal(&room->creator_token, &room->game.seats[seat - 1].player.token))
        room->creator_token = token;
    game_state_set_token(&room->game, seat, &token);
    return grant(manager, room, seat, caller, false, true, now, placement);
}

/* The lowest free seat; 0 when there is none, or the match has begun. */
static int take_free_seat(struct room *room, const struct game_caller *caller, struct now now)
{
    struct game_player player;
    player_from_caller(caller, &player);
    return game_state_take_seat(&room->game, &player, now);
}

int game_manager_join(struct game_manager *manager, const char *code,
                      const struct game_caller *caller, struct now now,
                      struct game_placement *placement)
{
    struct room *room = manager_find_room(manager, code);
    int error;
    if (game_manager_slot_error(manager, code, &error))
        return error;
    if (!room) {
        const struct departed_room *departed = manager_find_departed(manager, code, now);
        return departed && !departed->was_cancelled ? GAME_MANAGER_GAME_OVER
                                                    : GAME_MANAGER_ROOM_NOT_FOUND;
    }
    if (find_claim(manager, caller->new_token, placement, &error) && error == GAME_MANAGER_OK &&
        placement->room == room)
        return GAME_MANAGER_OK;
    const char *token;
    int seat = seat_by_shown_token(room, caller, false, &token);
    if (seat)
        return answer(placement, room, seat, token, false, true);
    seat = manager_seat_by_identity(room, caller->user_id);
    if (seat)
        return give_seat_back(manager, room, seat, caller, now, placement);
    int by_cookie = seat_by_shown_token(room, caller, true, &token);
    if (by_cookie && !game_state_is_here(&room->game, by_cookie, now))
        return answer(placement, room, by_cookie, token, false, true);
    if (manager->draining)
        return GAME_MANAGER_DRAINING;
    seat = take_free_seat(room, caller, now);
    if (seat)
        return grant(manager, room, seat, caller, false, false, now, placement);
    if (by_cookie)
        return answer(placement, room, by_cookie, token, false, true);
    struct game_view view;
    game_manager_view(room, &view);
    return view.status == GAME_STATUS_FINISHED ? GAME_MANAGER_GAME_OVER : GAME_MANAGER_ROOM_FULL;
}

/* Waits for exactly one more player, and who waits is there to play. */
static bool waits_for_opponent(const struct room *room, struct now now)
{
    if (room->game.pong.phase != PONG_WAITING || game_state_player_count(&room->game) != 1)
        return false;
    int waiting = room->game.seats[0].held ? 1 : 2;
    return !room->game.seats[waiting - 1].player.is_bot &&
           game_state_is_here_lately(&room->game, waiting, now);
}

int game_manager_quick(struct game_manager *manager, const struct game_caller *caller,
                       struct now now, struct game_placement *placement)
{
    static const struct game_options options = {.is_public = true, .bot_level = ""};
    int outcome;
    if (find_claim(manager, caller->new_token, placement, &outcome))
        return outcome;
    if (manager->draining)
        return GAME_MANAGER_DRAINING;
    struct room *room, *longest = NULL;
    DL_FOREACH2 (manager->public_rooms, room, public_next) {
        if (waits_for_opponent(room, now) && !is_own_room(room, caller) &&
            manager_slot_runs(manager, room->slot))
            longest = room; /* the list is newest first */
    }
    if (!longest)
        return open_for(manager, caller, &options, now, placement);
    return grant(manager, longest, take_free_seat(longest, caller, now), caller, false, false, now,
                 placement);
}

int game_manager_waiting(const struct game_manager *manager, struct now now)
{
    int count = 0;
    const struct room *room;
    DL_FOREACH2 (manager->public_rooms, room, public_next)
        count += waits_for_opponent(room, now) && manager_slot_runs(manager, room->slot);
    return count;
}

int game_manager_check(struct game_manager *manager, const char *code,
                       const struct game_caller *caller, struct now now, const struct room **out)
{
    struct room *room = manager_find_room(manager, code);
    int error;
    if (game_manager_slot_error(manager, code, &error))
        return error;
    if (!room)
        return GAME_MANAGER_ROOM_NOT_FOUND;
    for (size_t i = 0; i < caller->token_count; i++) {
        int seat = manager_seat_by_token(room, caller->tokens[i].token);
        if (seat)
            game_state_poll(&room->game, seat, now);
    }
    int seat = manager_seat_by_identity(room, caller->user_id);
    if (seat)
        game_state_poll(&room->game, seat, now);
    *out = room;
    return GAME_MANAGER_OK;
}

/* Whether the caller is who created the room: by the token that creating gave him, or by identity.
 */
static bool is_creator(const struct digest *creator_token, const char *creator_id,
                       const struct game_caller *caller)
{
    if (creator_id[0] && strcmp(creator_id, caller->user_id) == 0)
        return true;
    bool shown = false;
    for (size_t i = 0; i < caller->token_count; i++) {
        struct digest digest = digest_of(caller->tokens[i].token, strlen(caller->tokens[i].token));
        shown |= digest_equal(creator_token, &digest);
    }
    return shown;
}

int game_manager_cancel(struct game_manager *manager, const char *code,
                        const struct game_caller *caller, struct now now)
{
    struct room *room = manager_find_room(manager, code);
    int error;
    if (game_manager_slot_error(manager, code, &error))
        return error;
    if (!room) {
        const struct departed_room *departed = manager_find_departed(manager, code, now);
        if (!departed || !departed->was_cancelled)
            return GAME_MANAGER_ROOM_NOT_FOUND;
        return is_creator(&departed->creator_token, departed->creator_id, caller)
                   ? GAME_MANAGER_OK
                   : GAME_MANAGER_NOT_CREATOR;
    }
    if (!is_creator(&room->creator_token, room->creator_id, caller))
        return GAME_MANAGER_NOT_CREATOR;
    if (game_state_status(&room->game) != GAME_STATUS_WAITING)
        return GAME_MANAGER_ALREADY_STARTED;
    manager_close_room(manager, room, SESSION_CLOSE_ROOM_CLOSED, true, now);
    return GAME_MANAGER_OK;
}

/* Under way, or waiting with somebody there. */
static bool is_alive(const struct room *room, struct now now)
{
    struct game_view view;
    game_manager_view(room, &view);
    if (room->game.pong.phase != PONG_WAITING)
        return view.status == GAME_STATUS_ONGOING;
    for (int seat = 1; seat <= 2; seat++)
        if (!room->game.seats[seat - 1].player.is_bot &&
            game_state_is_here_lately(&room->game, seat, now))
            return true;
    return false;
}

size_t game_manager_list(struct game_manager *manager, struct now now, const struct room **rooms,
                         size_t max)
{
    size_t count = 0;
    const struct room *room;
    DL_FOREACH2 (manager->public_rooms, room, public_next) {
        if (count == max)
            break;
        if (is_alive(room, now) && manager_slot_runs(manager, room->slot))
            rooms[count++] = room;
    }
    return count;
}

int game_manager_active_sessions(const struct room *room)
{
    int count = 0;
    for (int i = 0; i < 2; i++)
        count += room->game.seats[i].held && room->game.seats[i].connected;
    return count;
}
