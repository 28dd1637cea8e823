/*
 * Connections: who comes in, which seat he gets, what he asks for, and his going.
 */
#include "gamed/game_manager_private.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

static struct game_seat *held_seat(struct room *room, int seat)
{
    return &room->game.seats[seat - 1];
}

/* The session that is in the seat now; NULL when nobody is connected. */
static struct player_session *session_in_seat(struct room *room, int seat)
{
    struct player_session *session;
    DL_FOREACH (room->sessions, session)
        if (session->seat == seat)
            return session;
    return NULL;
}

/* Whether the session's handshake proved this seat, whose token has been the same since. */
static bool has_claim(const struct player_session *session, const struct room *room, int seat)
{
    return (session->proven & (1 << seat)) && room->game.seats[seat - 1].held &&
           room->game.seats[seat - 1].token_version == session->claim[seat - 1];
}

/* By its ticket; "" for a guest. */
static const char *user_id_of(const struct player_session *session)
{
    return session->identity ? session->identity->user_id : "";
}

/* ---- coming and going ---------------------------------------------------------------- */

/* The room of this code; NULL, and what to say in *error, where there is none to be entered. */
static struct room *room_to_enter(struct game_manager *manager, const char *code, struct now now,
                                  int *error)
{
    *error = GAME_MANAGER_OK;
    if (manager->draining) {
        *error = GAME_MANAGER_DRAINING;
        return NULL;
    }
    if (game_manager_slot_error(manager, code, error))
        return NULL;
    struct room *room = manager_find_room(manager, code);
    if (!room) {
        const struct departed_room *departed = manager_find_departed(manager, code, now);
        *error = departed && !departed->was_cancelled ? GAME_MANAGER_GAME_OVER
                                                      : GAME_MANAGER_ROOM_NOT_FOUND;
    }
    return room;
}

/*
 * Which seats he proves to be his: a bit for each. A token that was shown on purpose comes first, then
 * who he is, then his cookies. Returns GAME_MANAGER_OK, or _BAD_TOKEN for a shown token that is void
 * (a user's old one is, when he came again over REST) where he has no seat by his name either.
 */
static int prove_seats(const struct room *room, const struct game_handshake *handshake,
                       uint8_t *proven)
{
    int seat = manager_seat_by_token(room, handshake->token);
    if (!seat)
        seat = manager_seat_by_identity(room, handshake->user_id);
    if (seat) {
        *proven = (uint8_t)(1 << seat);
        return GAME_MANAGER_OK;
    }
    if (handshake->token[0])
        return GAME_MANAGER_BAD_TOKEN;
    for (int i = 0; i < 2; i++) {
        seat = manager_seat_by_token(room, handshake->cookie[i]);
        if (seat)
            *proven = (uint8_t)(*proven | 1 << seat);
    }
    return GAME_MANAGER_OK;
}

int game_manager_examine(struct game_manager *manager, const struct game_handshake *handshake,
                         struct now now, struct admission *admission)
{
    int error;
    const struct room *room = room_to_enter(manager, handshake->room_code, now, &error);
    memset(admission, 0, sizeof *admission);
    if (!room || (error = prove_seats(room, handshake, &admission->proven)) != GAME_MANAGER_OK)
        return error;
    bool is_guest = !handshake->user_id[0];
    memcpy(admission->room_code, room->game.room_code, sizeof admission->room_code);
    admission->room_serial = room->serial;
    for (int i = 0; i < 2; i++)
        admission->claim[i] = room->game.seats[i].token_version;
    admission->may_sit =
        !admission->proven && (!is_guest || (manager->config.guests && !handshake->guests_denied));
    memcpy(admission->user_id, handshake->user_id, sizeof admission->user_id);
    memcpy(admission->username, handshake->username, sizeof admission->username);
    memcpy(admission->address, handshake->address, sizeof admission->address);
    return GAME_MANAGER_OK;
}

/* Whether one of the seats that the handshake proved is still his. */
static bool is_seat_his(const struct room *room, const struct admission *admission)
{
    for (int i = 0; i < 2; i++) {
        const struct game_seat *seat = &room->game.seats[i];
        if ((admission->proven & (1 << (i + 1))) && seat->held &&
            seat->token_version == admission->claim[i])
            return true;
    }
    return false;
}

int game_manager_enter(struct game_manager *manager, const struct admission *admission,
                       void *connection, struct now now, struct player_session **out)
{
    int error;
    struct room *room = room_to_enter(manager, admission->room_code, now, &error);
    if (!room)
        return error;
    if (room->serial != admission->room_serial)
        return GAME_MANAGER_ROOM_NOT_FOUND; /* another room has got its code since */
    if (!admission->proven &&
        room->spectator_count + room->arriving_count >= manager->config.max_spectators) {
        manager_note_limit(manager, GAME_LIMIT_SPECTATORS);
        return GAME_MANAGER_TOO_MANY_SPECTATORS;
    }
    /*
     * Who comes back to his seat takes the place of his earlier connection, which may be dead and
     * still count for its address.
     */
    struct tally_key client = tally_key_of_address(admission->address);
    if (!tally_take(manager->clients, &client,
                    is_seat_his(room, admission) ? 0
                                                 : manager->config.max_connections_per_address)) {
        manager_note_limit(manager, GAME_LIMIT_ADDRESS);
        return GAME_MANAGER_TOO_MANY_CONNECTIONS;
    }
    struct player_session *session = manager_take_session(manager, room, connection, now);
    if (!session) {
        tally_drop(manager->clients, &client);
        manager_note_limit(manager, GAME_LIMIT_CONNECTIONS);
        return GAME_MANAGER_SERVER_FULL;
    }
    session->proven = admission->proven;
    room->arriving_count += !admission->proven;
    session->may_sit = admission->may_sit;
    for (int i = 0; i < 2; i++)
        session->claim[i] = admission->claim[i];
    if (admission->user_id[0] || admission->username[0]) {
        struct session_identity *identity = manager_take_identity(manager, session);
        memcpy(identity->user_id, admission->user_id, sizeof identity->user_id);
        memcpy(identity->username, admission->username, sizeof identity->username);
    }
    session->client = client;
    *out = session;
    return GAME_MANAGER_OK;
}

int game_manager_admit(struct game_manager *manager, const struct game_handshake *handshake,
                       void *connection, struct now now, struct player_session **session)
{
    struct admission admission;
    int error = game_manager_examine(manager, handshake, now, &admission);
    return error != GAME_MANAGER_OK
               ? error
               : game_manager_enter(manager, &admission, connection, now, session);
}

static void close_session(struct game_manager *manager, struct player_session *session,
                          enum session_close code)
{
    session->state = SESSION_CLOSING;
    manager->hooks.session_close(manager->hooks.arg, session, code);
}

/* What a connection sent ahead goes with it; others may have been told of it. */
static void forget_inputs(struct room *room, int seat)
{
    if (game_state_forget_inputs(&room->game, seat))
        manager_owe_keyframes(room);
}

/* Gives a spectator the seat. Whoever is in it is replaced, and nobody else notices. */
static void sit_down(struct game_manager *manager, struct room *room,
                     struct player_session *session, int seat, struct now now)
{
    assert(session->seat == 0);
    struct player_session *previous = session_in_seat(room, seat);
    if (previous) {
        manager_leave_room(room, previous);
        forget_inputs(room, seat);
        close_session(manager, previous, SESSION_CLOSE_REPLACED);
    }
    session->seat = (uint8_t)seat;
    room->spectator_count--;
    if (!previous)
        game_state_connect(&room->game, seat, now);
}

/*
 * The seat that a fresh connection is for. Of two cookies the one whose seat nobody is in (two tabs
 * of one browser must not throw each other out); with both taken it stays a spectator until
 * join_game says which it is.
 */
static int choose_seat(struct room *room, const struct player_session *session)
{
    bool first = has_claim(session, room, 1), second = has_claim(session, room, 2);
    if (first && second) {
        if (!held_seat(room, 1)->connected)
            return 1;
        return held_seat(room, 2)->connected ? 0 : 2;
    }
    return first ? 1 : second ? 2 : 0;
}

/* An admitted session has arrived, or never will. Returns whether its room is still there. */
static bool end_arrival(const struct player_session *session)
{
    struct room *room = session->room;
    if (room->serial != session->room_serial)
        return false;
    room->arriving_count -= !session->proven;
    return true;
}

void game_manager_session_open(struct game_manager *manager, struct player_session *session,
                               struct now now)
{
    assert(session->state == SESSION_OPENING);
    struct room *room = session->room;
    bool is_room_there = end_arrival(session);
    if (!is_room_there || manager->draining) {
        session->room = NULL;
        close_session(manager, session,
                      is_room_there                               ? SESSION_CLOSE_RESTARTING
                      : manager_slot_runs(manager, session->slot) ? SESSION_CLOSE_ROOM_CLOSED
                                                                  : SESSION_CLOSE_MOVED);
        return;
    }
    struct game_events events = {0};
    session->heard_ms = now.mono_ms;
    session->opened_ms = now.mono_ms;
    manager_enter_room(room, session);
    int seat = choose_seat(room, session);
    if (seat)
        sit_down(manager, room, session, seat, now);
    if (!session->seat && room->spectator_count > manager->config.max_spectators) {
        /* it showed both tokens, and both seats are taken */
        game_manager_session_close(manager, session, SESSION_CLOSE_POLICY, now);
        return;
    }
    manager_publish(manager, room, &events, now);
}

/* What a session that has to go has run into, if anything. */
static void note_close(struct game_manager *manager, enum session_close code)
{
    if (code == SESSION_CLOSE_TOO_SLOW)
        manager_note_limit(manager, GAME_LIMIT_TOO_SLOW);
    else if (code == SESSION_CLOSE_BAD_MESSAGES)
        manager_note_limit(manager, GAME_LIMIT_BAD_MESSAGES);
    else if (code == SESSION_CLOSE_TOO_BIG)
        manager_note_limit(manager, GAME_LIMIT_TOO_BIG);
    else if (code == SESSION_CLOSE_POLICY)
        manager_note_limit(manager, GAME_LIMIT_SPECTATORS);
    else if (code == SESSION_CLOSE_NEVER_JOINED)
        manager_note_limit(manager, GAME_LIMIT_NEVER_JOINED);
}

/* Takes an open session out of its room; the room hears of it when a player left. */
static void take_out(struct game_manager *manager, struct player_session *session, struct now now)
{
    struct room *room = session->room;
    struct game_events events = {0};
    int seat = session->seat;
    manager_leave_room(room, session);
    if (seat) {
        forget_inputs(room, seat);
        game_state_disconnect(&room->game, seat, now, &events);
    }
    manager_publish(manager, room, &events, now);
}

void game_manager_session_gone(struct game_manager *manager, struct player_session *session,
                               struct now now)
{
    if (session->state == SESSION_OPENING)
        end_arrival(session);
    if (session->state == SESSION_OPEN)
        take_out(manager, session, now);
    manager_free_session(manager, session);
}

void game_manager_session_close(struct game_manager *manager, struct player_session *session,
                                enum session_close code, struct now now)
{
    if (session->state != SESSION_OPEN)
        return;
    note_close(manager, code);
    take_out(manager, session, now);
    close_session(manager, session, code);
}

/* His wish to cancel the room counts no more than his wish to be in it. */
static void forget_creator(struct room *room, const struct game_player *player)
{
    bool is_creator = digest_equal(&room->creator_token, &player->token) ||
                      (room->creator_id[0] && strcmp(room->creator_id, player->player_id) == 0);
    if (!is_creator)
        return;
    memset(&room->creator_token, 0, sizeof room->creator_token);
    room->creator_id[0] = '\0';
}

int game_manager_kick(struct game_manager *manager, const char *code, int seat, struct now now,
                      enum game_manager_kick *done)
{
    struct room *room = manager_find_room(manager, code);
    struct game_events events = {0};
    int error;
    if (game_manager_slot_error(manager, code, &error))
        return error;
    if (!room)
        return GAME_MANAGER_ROOM_NOT_FOUND;
    if (!held_seat(room, seat)->held)
        return GAME_MANAGER_SEAT_EMPTY;
    if (held_seat(room, seat)->player.is_bot)
        return GAME_MANAGER_SEAT_IS_BOT;
    *done = room->game.pong.phase == PONG_WAITING  ? GAME_MANAGER_KICK_FREED
            : game_state_is_under_way(&room->game) ? GAME_MANAGER_KICK_FORFEITED
                                                   : GAME_MANAGER_KICK_CLOSED;
    struct player_session *session = session_in_seat(room, seat);
    if (session)
        manager_leave_room(room, session);
    forget_creator(room, &held_seat(room, seat)->player);
    forget_inputs(room, seat);
    game_state_expel(&room->game, seat, now, &events);
    manager_index_seat(manager, room, seat);
    manager_publish(manager, room, &events, now);
    manager_checkpoint(manager, room, now);
    if (session)
        close_session(manager, session, SESSION_CLOSE_KICKED);
    return GAME_MANAGER_OK;
}

/* ---- join_game ----------------------------------------------------------------------- */

/*
 * A browser with both cookies was put into one seat on trust; now its page says that it is the
 * other player. When the other seat's connection came the same way, the two were merely mixed up,
 * and change places.
 */
static void change_seat(struct game_manager *manager, struct room *room,
                        struct player_session *session, int seat, struct now now,
                        struct game_events *events)
{
    int old_seat = session->seat;
    struct player_session *other = session_in_seat(room, seat);
    forget_inputs(room, old_seat);
    forget_inputs(room, seat);
    session->has_input = false;
    if (other && !other->settled && has_claim(other, room, old_seat)) {
        other->seat = (uint8_t)old_seat;
        other->has_input = false;
        session->seat = (uint8_t)seat;
        manager_owe_keyframes(room); /* each has moved the other's paddle on its own screen */
        return;
    }
    session->seat = 0;
    room->spectator_count++;
    game_state_disconnect(&room->game, old_seat, now, events);
    sit_down(manager, room, session, seat, now);
}

/* The other seat that the session may have and that this player id names; 0 for none. */
static int seat_meant(const struct room *room, const struct player_session *session,
                      const char *player_id)
{
    for (int seat = 1; seat <= 2; seat++) {
        if (seat != session->seat && has_claim(session, room, seat) &&
            strcmp(room->game.seats[seat - 1].player.player_id, player_id) == 0)
            return seat;
    }
    return 0;
}

/* Gives a spectator a free seat, as the user that he is or as a guest. */
static void seat_newcomer(struct game_manager *manager, struct room *room,
                          struct player_session *session, const char *username, struct now now)
{
    struct game_player player;
    const struct session_identity *identity = session->identity;
    char token[SEAT_TOKEN_SIZE];
    memset(&player, 0, sizeof player);
    if (identity && identity->user_id[0])
        memcpy(player.player_id, identity->user_id, sizeof identity->user_id);
    else
        manager_name_guest(&player);
    if (!username[0] && identity)
        username = identity->username;
    memcpy(player.username, username, strlen(username) + 1);
    manager_name_nameless(&player);
    random_seat_token(token);
    player.token = digest_of(token, SEAT_TOKEN_LENGTH);
    int seat = game_state_take_seat(&room->game, &player, now);
    if (!seat)
        return;
    memcpy(manager_take_identity(manager, session)->fresh_token, token, sizeof token);
    manager_index_seat(manager, room, seat);
    session->proven = (uint8_t)(1 << seat);
    session->claim[seat - 1] = held_seat(room, seat)->token_version;
    sit_down(manager, room, session, seat, now);
}

void game_manager_hello(struct game_manager *manager, struct player_session *session,
                        const char *player_id, const char *username, struct now now)
{
    struct room *room = session->room;
    struct game_events events = {0};
    if (!session->settled) {
        int seat = seat_meant(room, session, player_id);
        if (!seat && !session->seat) /* he may have got one over REST since his handshake */
            seat = manager_seat_by_identity(room, user_id_of(session));
        if (seat && session->seat)
            change_seat(manager, room, session, seat, now, &events);
        else if (seat)
            sit_down(manager, room, session, seat, now);
        else if (!session->seat && session->may_sit && !manager->draining)
            seat_newcomer(manager, room, session, username, now);
    }
    session->settled |= session->seat != 0;
    session->is_alive = true;
    session->owed_greeting = SESSION_GREETING_MESSAGES;
    if (session->seat && username[0])
        game_state_rename(&room->game, session->seat, username);
    if (session->seat && !session->greeted) {
        session->greeted = true;
        assert(events.count < GAME_EVENTS_MAX);
        events.list[events.count++] =
            (struct game_event){.type = GAME_EVENT_JOINED, .player = session->seat};
    }
    manager_publish(manager, room, &events, now); /* which greets him, if his socket takes it */
    if (session->settled && !player_session_fresh_token(session)[0])
        manager_forget_identity(manager, session);
}

/* ---- what players ask for ------------------------------------------------------------ */

void game_manager_steer(struct game_manager *manager, struct player_session *session,
                        int player_number, int32_t target)
{
    (void)manager;
    if (session->seat == 0 || player_number != session->seat)
        return;
    session->uses_position = true;
    game_state_steer(&session->room->game, session->seat, target);
}

void game_manager_key(struct game_manager *manager, struct player_session *session,
                      int player_number, enum session_key key, bool is_down)
{
    (void)manager;
    if (session->seat == 0 || player_number != session->seat || session->uses_position)
        return;
    int direction = player_session_key(session, key, is_down);
    int32_t target = direction < 0 ? 0 : direction > 0 ? PONG_PADDLE_Y_MAX : GAME_TARGET_STOP;
    game_state_steer(&session->room->game, session->seat, target);
}

int game_manager_pause(struct game_manager *manager, struct player_session *session, struct now now)
{
    if (session->seat == 0)
        return GAME_NOT_A_PLAYER;
    struct game_events events = {0};
    int outcome = game_state_pause(&session->room->game, session->seat, &events);
    manager_publish(manager, session->room, &events, now);
    return outcome;
}

int game_manager_resume(struct game_manager *manager, struct player_session *session)
{
    (void)manager;
    return session->seat == 0 ? GAME_NOT_A_PLAYER
                              : game_state_resume(&session->room->game, session->seat);
}

int game_manager_rematch(struct game_manager *manager, struct player_session *session,
                         struct now now)
{
    if (session->seat == 0)
        return GAME_NOT_A_PLAYER;
    struct room *room = session->room;
    struct game_events events = {0};
    if (manager_is_held(manager, room, now))
        return GAME_TOO_EARLY; /* nobody was told of the end, and its result is not safe yet */
    int outcome = game_state_rematch(&room->game, session->seat, now, &events);
    if (game_state_rematch_agreed(&room->game)) {
        char match_id[UUID_SIZE];
        uint64_t seed;
        random_uuid(match_id);
        random_bytes(&seed, sizeof seed);
        game_state_begin_rematch(&room->game, match_id, seed, now, &events);
    }
    manager_publish(manager, room, &events, now);
    return outcome;
}
