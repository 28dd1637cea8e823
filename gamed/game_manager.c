/*
 * Rooms and time: the pools, opening and closing rooms, announcing what happened, and the tick.
 */
#include "gamed/game_manager_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    CODE_ATTEMPTS_MAX = 64,
    STALL_FORGIVEN_MS =
        1000, /* after a stall of our own, what peers said meanwhile is read first */
    AHEAD_FORGIVEN_MS = 6000, /* likewise: who has not asked the time since does so within 5 s */
    DEFAULT_WINNING_SCORE = 10
};

static const int64_t NS_PER_SECOND = 1000000000;

/* ---- pools --------------------------------------------------------------------------- */

struct game_manager *game_manager_new(const struct game_manager_config *config,
                                      const struct game_manager_hooks *hooks, struct now now)
{
    struct game_manager *manager = calloc(1, sizeof *manager);
    if (!manager)
        return NULL;
    manager->config = *config;
    manager->hooks = *hooks;
    manager->start_ns = now.mono_ns;
    manager->ticked_ms = now.mono_ms;
    manager->next_serial = 1;
    manager->home = -1;
    const size_t rooms = (size_t)config->max_rooms;
    const size_t connections = (size_t)config->max_connections;
    manager->gone = calloc(2 * rooms, sizeof *manager->gone);
    manager->sorted = calloc(rooms, sizeof *manager->sorted);
    manager->clients = tally_new(connections);
    manager->creators = tally_new(rooms);
    if (!manager->clients || !manager->creators || !manager->gone || !manager->sorted ||
        pool_init(&manager->rooms, rooms, sizeof(struct room), POOL_LARGE_PAGES) != 0 ||
        pool_init(&manager->sessions, connections + rooms, sizeof(struct player_session),
                  POOL_LARGE_PAGES) != 0 ||
        pool_init(&manager->identities, connections, sizeof(struct session_identity),
                  POOL_SMALL_PAGES) != 0 ||
        pool_init(&manager->unsafe_pool, 2 * rooms, sizeof(struct unsafe_end), POOL_SMALL_PAGES) !=
            0) {
        game_manager_free(manager);
        return NULL;
    }
    return manager;
}

void game_manager_free(struct game_manager *manager)
{
    if (!manager)
        return;
    HASH_CLEAR(hh_held, manager->held_rooms);
    HASH_CLEAR(hh, manager->unsafe_ends);
    HASH_CLEAR(hh, manager->rooms_by_code);
    HASH_CLEAR(hh, manager->claims);
    tally_free(manager->clients);
    tally_free(manager->creators);
    pool_free(&manager->rooms);
    pool_free(&manager->sessions);
    pool_free(&manager->identities);
    pool_free(&manager->unsafe_pool);
    free(manager->gone);
    free(manager->sorted);
    free(manager);
}

struct player_session *manager_take_session(struct game_manager *manager, struct room *room,
                                            void *connection, struct now now)
{
    if (connection && manager->connection_count >= manager->config.max_connections)
        return NULL;
    struct player_session *session = pool_take(&manager->sessions);
    if (!session)
        return NULL;
    manager->connection_count += connection != NULL;
    player_session_init(session, room, connection, manager->config.messages_per_second, now);
    session->room_serial = room->serial;
    session->slot = room->slot;
    return session;
}

void manager_free_session(struct game_manager *manager, struct player_session *session)
{
    tally_drop(manager->clients, &session->client);
    manager->connection_count -= session->connection != NULL;
    session->state = SESSION_FREE;
    session->client = (struct tally_key){0};
    session->connection = NULL;
    manager_forget_identity(manager, session);
    pool_give(&manager->sessions, session);
}

struct session_identity *manager_take_identity(struct game_manager *manager,
                                               struct player_session *session)
{
    if (!session->identity) {
        session->identity = pool_take(&manager->identities);
        assert(session->identity);
        *session->identity = (struct session_identity){0};
    }
    return session->identity;
}

void manager_forget_identity(struct game_manager *manager, struct player_session *session)
{
    if (session->identity)
        pool_give(&manager->identities, session->identity);
    session->identity = NULL;
}

void manager_enter_room(struct room *room, struct player_session *session)
{
    session->state = SESSION_OPEN;
    session->room = room;
    session->next_event = room->log_next;
    DL_APPEND(room->sessions, session);
    room->bot_count += session->is_bot;
    if (!session->is_bot) {
        if (room->session_count == 0 &&
            !room->held_since_ms) /* updates begin from its first state */
            game_state_view(&room->game, &room->shown);
        room->session_count++;
        room->spectator_count += session->seat == 0;
    }
    session->keyframe_step = room->game.pong.step;
    if (session->is_binary && room->binary_count++ == 0)
        manager_note_foreseen(room);
}

void manager_leave_room(struct room *room, struct player_session *session)
{
    DL_DELETE(room->sessions, session);
    room->binary_count -= session->is_binary;
    room->bot_count -= session->is_bot;
    if (!session->is_bot) {
        room->session_count--;
        room->spectator_count -= session->seat == 0;
    }
    session->room = NULL;
}

void manager_note_limit(struct game_manager *manager, enum game_limit limit)
{
    manager->totals.limits[limit]++;
}

/* ---- rooms --------------------------------------------------------------------------- */

struct room *manager_find_room(struct game_manager *manager, const char *code)
{
    struct room *room;
    HASH_FIND_STR(manager->rooms_by_code, code, room);
    return room;
}

int manager_seat_by_token(const struct room *room, const char *token)
{
    if (strlen(token) != SEAT_TOKEN_LENGTH)
        return 0;
    struct digest digest = digest_of(token, SEAT_TOKEN_LENGTH);
    int found = 0;
    for (int i = 0; i < 2; i++) {
        const struct game_seat *seat = &room->game.seats[i];
        if (digest_equal(&seat->player.token, &digest) && seat->held)
            found = i + 1;
    }
    return found;
}

struct seat_claim *manager_find_claim(struct game_manager *manager, const char *token)
{
    struct digest digest = digest_of(token, strlen(token));
    struct seat_claim *claim;
    HASH_FIND(hh, manager->claims, &digest, sizeof digest, claim);
    return claim;
}

void manager_index_seat(struct game_manager *manager, struct room *room, int number)
{
    static const struct digest nothing;
    struct seat_claim *claim = &room->claims[number - 1];
    const struct game_seat *seat = &room->game.seats[number - 1];
    const struct digest *token = seat->held ? &seat->player.token : &nothing;
    room->indexed_version[number - 1] = seat->token_version;
    if (memcmp(&claim->token, token, sizeof *token) == 0)
        return;
    if (memcmp(&claim->token, &nothing, sizeof nothing) != 0)
        HASH_DELETE(hh, manager->claims, claim);
    claim->token = *token;
    claim->room = room;
    claim->seat = number;
    claim->created = claim->reconnecting = false;
    if (memcmp(token, &nothing, sizeof nothing) != 0)
        HASH_ADD(hh, manager->claims, token, sizeof claim->token, claim);
}

/* Whoever sits down or rises, or gets another token, changes the seat's token_version. */
static void index_changed_seats(struct game_manager *manager, struct room *room)
{
    for (int i = 0; i < 2; i++)
        if (room->indexed_version[i] != room->game.seats[i].token_version)
            manager_index_seat(manager, room, i + 1);
}

static bool draw_room_code(struct game_manager *manager, char out[ROOM_CODE_SIZE], struct now now)
{
    for (int attempt = 0; attempt < CODE_ATTEMPTS_MAX; attempt++) {
        out[0] = manager->config.has_slots ? slot_letter(manager->home) : manager->config.slot;
        random_text(out + 1, ROOM_CODE_LENGTH - 1, ROOM_CODE_ALPHABET,
                    sizeof ROOM_CODE_ALPHABET - 1);
        out[ROOM_CODE_LENGTH] = '\0';
        if (!manager_find_room(manager, out) && !manager_find_departed(manager, out, now))
            return true;
    }
    return false;
}

/* When update number `n` of a phase is due: computed from the start, never accumulated. */
static int64_t deadline_ns(const struct game_manager *manager, int phase, int64_t n)
{
    const int64_t period = NS_PER_SECOND / manager->config.update_hz;
    return manager->start_ns + period * phase / GAME_MANAGER_PHASES +
           (n * NS_PER_SECOND + manager->config.update_hz - 1) / manager->config.update_hz;
}

/* How many updates of a phase should have been made by now. */
static int64_t updates_due(const struct game_manager *manager, int phase, struct now now)
{
    int64_t since = now.mono_ns - deadline_ns(manager, phase, 0);
    return since < 0 ? 0
                     : since / NS_PER_SECOND * manager->config.update_hz +
                           since % NS_PER_SECOND * manager->config.update_hz / NS_PER_SECOND + 1;
}

/* Whether the phase's turn stays short with one more room, by its rooms and by who is in them. */
static bool has_place(const struct game_phase *phase)
{
    const struct room *room;
    int sessions = 0;
    if (phase->room_count >= GAME_MANAGER_PHASE_ROOMS)
        return false;
    DL_FOREACH (phase->rooms, room)
        sessions += room->session_count;
    return sessions < GAME_MANAGER_PHASE_SESSIONS;
}

/*
 * The moment of an update's period for one more room. Each moment in use is a wake-up, so they are filled
 * one after the other as far as a turn stays short; then the fewest rooms decide, so that they do not all
 * send in one burst. Moments that follow in use are far from each other in time.
 */
static int choose_phase(const struct game_manager *manager)
{
    enum {
        STRIDE = 13 /* a prime, … */
    };
    static_assert(GAME_MANAGER_PHASES % STRIDE != 0, "… or some phases would never be used");
    int fullest = -1, emptiest = 0;
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        const int phase = i * STRIDE % GAME_MANAGER_PHASES;
        const int count = manager->phases[phase].room_count;
        if (count > 0 && (fullest < 0 || count > manager->phases[fullest].room_count) &&
            has_place(&manager->phases[phase]))
            fullest = phase;
        if (count < manager->phases[emptiest].room_count)
            emptiest = phase;
    }
    return fullest >= 0 ? fullest : emptiest;
}

struct room *manager_take_room(struct game_manager *manager)
{
    struct room *room = pool_take(&manager->rooms);
    if (!room)
        return NULL;
    memset(room, 0, sizeof *room);
    room->serial = manager->next_serial++;
    if (manager->next_serial == 0)
        manager->next_serial = 1;
    return room;
}

void manager_list_room(struct game_manager *manager, struct room *room, struct now now)
{
    const int slot = slot_index(room->game.room_code[0]);
    room->slot = (uint8_t)(slot < 0 ? 0 : slot);
    manager->slots[room->slot].room_count++;
    game_state_view(&room->game, &room->shown);
    HASH_ADD_STR(manager->rooms_by_code, game.room_code, room);
    manager_sort_in(manager, room);
    if (room->game.is_public)
        DL_PREPEND2(manager->public_rooms, room, public_prev, public_next);
    room->phase = choose_phase(manager);
    DL_APPEND(manager->phases[room->phase].rooms, room);
    if (manager->phases[room->phase].room_count++ == 0) /* nothing to make up for */
        manager->phases[room->phase].updates_done = updates_due(manager, room->phase, now);
    manager->totals.rooms++;
}

struct room *manager_open_room(struct game_manager *manager, uint8_t winning_score, bool is_public,
                               struct now now)
{
    char code[ROOM_CODE_SIZE];
    if (!draw_room_code(manager, code, now))
        return NULL;
    struct room *room = manager_take_room(manager);
    if (!room)
        return NULL;
    char match_id[UUID_SIZE];
    uint64_t seed;
    random_uuid(match_id);
    random_bytes(&seed, sizeof seed);
    game_state_open(&room->game, &manager->config.rules, code, match_id, seed,
                    winning_score ? winning_score : DEFAULT_WINNING_SCORE, is_public, now);
    manager_list_room(manager, room, now);
    manager->totals.rooms_created++;
    return room;
}

static void remember_departed(struct game_manager *manager, const struct room *room,
                              bool was_cancelled, struct now now)
{
    struct departed_room *departed = &manager->departed[manager->departed_next];
    manager->departed_next = (manager->departed_next + 1) % DEPARTED_MAX;
    memset(departed, 0, sizeof *departed);
    memcpy(departed->room_code, room->game.room_code, sizeof departed->room_code);
    departed->creator_token = room->creator_token;
    memcpy(departed->creator_id, room->creator_id, sizeof departed->creator_id);
    departed->was_cancelled = was_cancelled;
    departed->at_ms = now.mono_ms;
}

struct departed_room *manager_find_departed(struct game_manager *manager, const char *code,
                                            struct now now)
{
    /* from the newest back; what comes after the first that is too old is older still */
    for (size_t i = 1; i <= DEPARTED_MAX; i++) {
        struct departed_room *departed =
            &manager->departed[(manager->departed_next + DEPARTED_MAX - i) % DEPARTED_MAX];
        if (!departed->room_code[0] || now.mono_ms - departed->at_ms >= DEPARTED_MS)
            return NULL;
        if (strcmp(departed->room_code, code) == 0)
            return departed;
    }
    return NULL;
}

void manager_remove_room(struct game_manager *manager, struct room *room, enum session_close code)
{
    struct player_session *session, *after;
    DL_FOREACH_SAFE (room->sessions, session, after) {
        manager_leave_room(room, session);
        if (session->is_bot) {
            manager_free_session(manager, session);
        } else {
            session->state = SESSION_CLOSING;
            manager->hooks.session_close(manager->hooks.arg, session, code);
        }
    }
    for (int seat = 1; seat <= 2; seat++) {
        room->game.seats[seat - 1].held = false;
        manager_index_seat(manager, room, seat);
    }
    manager_release(manager, room);
    HASH_DELETE(hh, manager->rooms_by_code, room);
    manager_sort_out(manager, room);
    if (room->game.is_public)
        DL_DELETE2(manager->public_rooms, room, public_prev, public_next);
    DL_DELETE(manager->phases[room->phase].rooms, room);
    manager->phases[room->phase].room_count--;
    manager->slots[room->slot].room_count--;
    manager->totals.rooms--;
    tally_drop(manager->creators, &room->creator);
    room->serial = 0;
    pool_give(&manager->rooms, room);
}

void manager_close_room(struct game_manager *manager, struct room *room, enum session_close code,
                        bool was_cancelled, struct now now)
{
    if (was_cancelled || room->game.pong.phase == PONG_FINISHED)
        remember_departed(manager, room, was_cancelled, now);
    manager_forget_row(manager, room);
    manager_remove_room(manager, room, code);
}

void manager_name_guest(struct game_player *player)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char suffix[9];
    random_text(suffix, sizeof suffix - 1, digits, sizeof digits - 1);
    suffix[8] = '\0';
    snprintf(player->player_id, sizeof player->player_id, "guest-%s", suffix);
    player->is_guest = true;
}

void manager_name_nameless(struct game_player *player)
{
    if (!player->username[0])
        snprintf(player->username, sizeof player->username, "Guest-%04u",
                 (unsigned)random_below(10000));
}

/*
 * Who is half the log behind goes, so that the next few events always find room in it. Closing one
 * may be news for the others, hence from the start again; every turn takes one out.
 */
static void close_slow_sessions(struct game_manager *manager, struct room *room, struct now now)
{
    struct player_session *session = room->sessions;
    while (session) {
        if (!session->is_bot && room->log_next - session->next_event > ROOM_LOG_SIZE / 2) {
            game_manager_session_close(manager, session, SESSION_CLOSE_TOO_SLOW, now);
            session = room->sessions;
        } else {
            session = session->next;
        }
    }
}

void manager_publish(struct game_manager *manager, struct room *room,
                     const struct game_events *events, struct now now)
{
    for (size_t i = 0; i < events->count; i++) {
        const struct game_event *event = &events->list[i];
        manager_log_event(room, event);
        if (event->type == GAME_EVENT_NEW_MATCH)
            manager_owe_keyframes(room);
        if (event->type == GAME_EVENT_OVER) {
            struct match_result result;
            game_state_result(&room->game, &result);
            manager->totals.matches_finished++;
            manager->totals.matches_ended[result.reason]++;
            if (manager->hooks.match_over(manager->hooks.durable_arg, &result)) {
                manager_hold(manager, room, result.match_id, now);
                manager_protect_end(manager, room, result.match_id);
            }
        }
    }
    if (manager->config.has_slots && manager_may_not_send(manager, room, now)) {
        room->update_due = false;
        return; /* what happened waits in the log until the room goes on */
    }
    if (manager_is_held(manager, room, now)) {
        close_slow_sessions(manager, room, now);
        return;
    }
    room->held_from = room->log_next;
    manager_tell_unforeseen(manager, room, now);
    manager->hooks.output_ready(manager->hooks.arg, room, now);
    if (room->update_due) {
        room->update_due = false;
        room->shown = room->fresh;
    }
    close_slow_sessions(manager, room, now);
}

/* ---- time ---------------------------------------------------------------------------- */

static void move_bots(struct room *room)
{
    struct player_session *session;
    if (room->bot_count == 0)
        return;
    DL_FOREACH (room->sessions, session) {
        int32_t target;
        if (session->is_bot && bot_look(&session->bot, &room->game.pong, &target))
            game_state_steer(&room->game, session->seat, target);
    }
}

/*
 * Who holds a seat is there for it. Who watches need not say anything, join_game neither, but something
 * that speaks WebSocket at least answers a ping.
 */
static bool gave_no_sign(const struct game_manager *manager, const struct player_session *session)
{
    return manager->config.join_ms > 0 && session->seat == 0 && !session->is_alive;
}

static bool has_never_joined(const struct game_manager *manager,
                             const struct player_session *session, struct now now)
{
    int64_t since_ms = now.mono_ms - session->opened_ms;
    return gave_no_sign(manager, session) && since_ms >= manager->config.join_ms &&
           since_ms >= SESSION_ANSWER_MS && now.mono_ms >= manager->trusts_silence_at_ms;
}

/* Whether to ask it for a sign of life: a stranger at once, whoever else when it is quiet. */
static bool is_to_be_asked(const struct game_manager *manager, const struct player_session *session,
                           struct now now)
{
    int64_t asked_ms =
        session->heard_ms > session->pinged_ms ? session->heard_ms : session->pinged_ms;
    return now.mono_ms - session->sent_ms >= SESSION_PING_AFTER_MS ||
           now.mono_ms - asked_ms >= SESSION_ASK_AFTER_MS ||
           (gave_no_sign(manager, session) && session->pinged_ms <= session->opened_ms &&
            now.mono_ms > session->opened_ms);
}

/*
 * Twice a second: a ping for who was sent nothing, and for who only listens; an end for who does
 * not even answer it. An end is news for the others, and may be the end of a slow one too, so after it
 * the list is looked at anew.
 */
static void check_quiet_sessions(struct game_manager *manager, struct room *room, struct now now)
{
    struct player_session *session = room->sessions;
    while (session) {
        if (session->is_bot) {
            session = session->next;
        } else if (now.mono_ms - session->heard_ms >= SESSION_GONE_AFTER_MS &&
                   now.mono_ms >= manager->trusts_silence_at_ms) {
            manager_note_limit(manager, GAME_LIMIT_SILENCE);
            game_manager_session_close(manager, session, SESSION_CLOSE_DROP, now);
            session = room->sessions;
        } else if (has_never_joined(manager, session, now)) {
            game_manager_session_close(manager, session, SESSION_CLOSE_NEVER_JOINED, now);
            session = room->sessions;
        } else {
            if (is_to_be_asked(manager, session, now)) {
                session->pinged_ms = now.mono_ms;
                manager->hooks.session_quiet(manager->hooks.arg, session, now);
            }
            session = session->next;
        }
    }
}

/* Nobody is there and nothing can move: the clock goes on, the rest is looked at twice a second. */
static bool is_asleep(const struct game_manager *manager, const struct room *room)
{
    return room->game.pong.phase == PONG_WAITING && room->session_count == 0 &&
           room->updates % (uint32_t)(manager->config.update_hz / 2) != 0;
}

static void update_room(struct game_manager *manager, struct room *room, struct now now)
{
    struct game_events events = {0};
    const int steps = PONG_STEPS_PER_SECOND / manager->config.update_hz;
    manager->totals.updates++;
    if ((manager->config.has_slots && manager_stands_still(manager, room, now)) ||
        is_asleep(manager, room)) {
        room->game.pong.step += (uint32_t)steps;
        room->updates++;
        return;
    }
    for (int i = 0; i < steps; i++) {
        move_bots(room);
        game_state_told_targets(&room->game, room->foreseen.target_y);
        game_state_prepare(&room->game);
        manager_tell_unforeseen(manager, room, now);
        game_state_step(&room->game, now, &events);
        manager_note_foreseen(room);
    }
    if (room->session_count > 0)
        game_state_visited(&room->game, now);
    /* While everybody is sent away nobody is to blame for being away. */
    if (!manager->draining && game_state_expire(&room->game, now, &events)) {
        manager_close_room(manager, room, SESSION_CLOSE_ROOM_CLOSED, false, now);
        return;
    }
    index_changed_seats(manager, room);
    game_state_view(&room->game, &room->fresh);
    room->update_due = true;
    manager_publish(manager, room, &events, now);
    room->update_due = false; /* withheld: the next one shows it */
    manager_checkpoint(manager, room, now);
    if (++room->updates % (uint32_t)(manager->config.update_hz / 2) == 0)
        check_quiet_sessions(manager, room, now);
}

/*
 * Rooms of one phase lie far from each other, and so do their sessions and whatever those are written to
 * by. While one is updated, what the next ones need is on its way from memory, each thing when what
 * points to it is there.
 */
enum {
    CACHE_LINE = 64,
    ROOM_LINES = (offsetof(struct room, game.seats) + CACHE_LINE - 1) / CACHE_LINE,
    FETCH_AHEAD = 5 /* rooms */
};

static void fetch_room(const struct room *room)
{
    for (size_t i = 0; room && i < ROOM_LINES; i++)
        __builtin_prefetch((const char *)room + i * CACHE_LINE);
    if (room) {
        __builtin_prefetch(&room->game.seats[0]);
        __builtin_prefetch(&room->game.seats[1]);
    }
}

static void fetch_session(const struct player_session *session)
{
    if (session) {
        __builtin_prefetch(session);
        __builtin_prefetch((const char *)session + CACHE_LINE);
    }
}

static void fetch_connection(const struct player_session *session)
{
    if (session)
        __builtin_prefetch(session->connection);
}

static void expect_write(const struct game_manager *manager, const struct player_session *session)
{
    if (session && session->connection && manager->hooks.session_ahead)
        manager->hooks.session_ahead(manager->hooks.arg, session);
}

static struct player_session *first_of(const struct room *room)
{
    return room ? room->sessions : NULL;
}

static struct player_session *second_of(const struct room *room)
{
    return room && room->sessions ? room->sessions->next : NULL;
}

/* Moves on by one room. `ahead`: those after the one to be updated, the next one first. */
static void fetch_ahead(const struct game_manager *manager, const struct room *ahead[FETCH_AHEAD],
                        const struct room *last)
{
    memmove(ahead, ahead + 1, (FETCH_AHEAD - 1) * sizeof *ahead);
    ahead[FETCH_AHEAD - 1] = last;
    fetch_room(ahead[4]);
    fetch_session(first_of(ahead[3]));
    fetch_session(second_of(ahead[2]));
    fetch_connection(first_of(ahead[2]));
    fetch_connection(second_of(ahead[1]));
    expect_write(manager, first_of(ahead[1]));
    expect_write(manager, second_of(ahead[0]));
}

static void update_phase(struct game_manager *manager, struct room *rooms, struct now now)
{
    const struct room *ahead[FETCH_AHEAD] = {NULL}, *last = rooms;
    struct room *room, *after;
    for (int i = 0; i < FETCH_AHEAD; i++, last = last ? last->next : NULL)
        fetch_ahead(manager, ahead, last);
    DL_FOREACH_SAFE (rooms, room, after) {
        fetch_ahead(manager, ahead, last);
        last = last ? last->next : NULL;
        update_room(manager, room, now);
    }
}

static void note_stall(struct game_manager *manager, int64_t updates_skipped, struct now now)
{
    if (now.mono_ms >= manager->counts_ahead_at_ms)
        manager->steps_skipped = 0;
    manager->steps_skipped += updates_skipped * PONG_STEPS_PER_SECOND / manager->config.update_hz;
    manager->trusts_silence_at_ms = now.mono_ms + STALL_FORGIVEN_MS;
    manager->counts_ahead_at_ms = now.mono_ms + AHEAD_FORGIVEN_MS;
}

int64_t game_manager_tick(struct game_manager *manager, struct now now)
{
    int64_t next = now.mono_ns + NS_PER_SECOND;
    int64_t most_skipped = 0; /* updates of a room */
    manager_tell_gone(manager);
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        int64_t due = updates_due(manager, i, now);
        int64_t *done = &manager->phases[i].updates_done;
        if (due - *done > GAME_MANAGER_CATCH_UP_MAX) {
            int64_t skipped = due - *done - GAME_MANAGER_CATCH_UP_MAX;
            manager->totals.updates_skipped += (uint64_t)(skipped * manager->phases[i].room_count);
            *done += skipped;
            if (manager->phases[i].rooms && skipped > most_skipped)
                most_skipped = skipped;
        }
        for (; *done < due; (*done)++) {
            if (manager->phases[i].rooms)
                histogram_observe(&manager->totals.lateness, &histogram_lateness,
                                  now.mono_ns - deadline_ns(manager, i, *done));
            update_phase(manager, manager->phases[i].rooms, now);
        }
        if (manager->phases[i].rooms && deadline_ns(manager, i, *done) < next)
            next = deadline_ns(manager, i, *done);
    }
    if (most_skipped > 0)
        note_stall(manager, most_skipped, now);
    manager->ticked_ms = now.mono_ms;
    return next;
}

bool game_manager_is_draining(const struct game_manager *manager)
{
    return manager->draining || manager->refuses_rooms;
}

void game_manager_drain(struct game_manager *manager, struct now now)
{
    manager->draining = true;
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        struct room *room;
        DL_FOREACH (manager->phases[i].rooms, room) {
            struct player_session *session = room->sessions;
            while (session) { /* an end may be that of another, too: then from the start again */
                if (session->is_bot) {
                    session = session->next;
                    continue;
                }
                game_manager_session_close(manager, session, SESSION_CLOSE_RESTARTING, now);
                session = room->sessions;
            }
            game_state_excuse(&room->game);
        }
    }
}

void game_manager_stats(const struct game_manager *manager, struct game_manager_stats *stats)
{
    *stats = manager->totals;
    stats->connections = manager->connection_count;
    stats->addresses = tally_keys(manager->clients);
    stats->creators = tally_keys(manager->creators);
    stats->draining = game_manager_is_draining(manager);
    stats->ends_withheld = (int)HASH_CNT(hh_held, manager->held_rooms);
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        const struct room *room;
        DL_FOREACH (manager->phases[i].rooms, room) {
            enum game_status status = game_state_status(&room->game);
            stats->rooms_waiting += status == GAME_STATUS_WAITING;
            stats->rooms_ongoing += status == GAME_STATUS_ONGOING;
            stats->rooms_finished += status == GAME_STATUS_FINISHED;
            stats->spectators += room->spectator_count;
            stats->players += room->session_count - room->spectator_count;
            stats->rooms_frozen += room->frozen_since_ms != 0;
        }
    }
}
