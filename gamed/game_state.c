/*
 * The rules around the simulation. A match's life: waiting → (serving ⇄ rally ⇄ paused) → finished
 * → perhaps waiting for nothing but a rematch, which starts at serving again.
 */
#include "gamed/game_state.h"

#include <assert.h>
#include <string.h>

static struct game_seat *seat_of(struct game *game, int seat)
{
    assert(seat == 1 || seat == 2);
    return &game->seats[seat - 1];
}

static struct game_event *emit(struct game_events *events, enum game_event_type type, int player)
{
    assert(events->count < GAME_EVENTS_MAX);
    struct game_event *event = &events->list[events->count++];
    memset(event, 0, sizeof *event);
    event->type = (uint8_t)type;
    event->player = (uint8_t)player;
    return event;
}

static void copy_text(char *out, const char *text, size_t size)
{
    size_t length = strlen(text);
    assert(length < size);
    memcpy(out, text, length + 1);
}

/* splitmix64 (Steele, Lea, Flood 2014): small, and good enough to decide who gets which serve. */
static uint64_t next_random(struct game *game)
{
    uint64_t z = game->random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- a match's beginning and end ----------------------------------------------------- */

/* Everything that a match starts with anew; the court and its step number are the caller's. */
static void reset_match(struct game *game, const char *match_id, uint64_t seed)
{
    copy_text(game->match_id, match_id, sizeof game->match_id);
    game->random_state = seed;
    game->served = false;
    game->last_loser = 0;
    game->pause = GAME_PAUSE_NONE;
    game->pause_owner = 0;
    game->winner = 0;
    for (int i = 0; i < 2; i++) {
        struct game_seat *seat = &game->seats[i];
        seat->pauses_left = game->rules->pauses;
        seat->away = false;
        seat->away_used_ms = 0;
        seat->wants_rematch = false;
        seat->pending_target = GAME_TARGET_NONE;
    }
}

void game_state_open(struct game *game, const struct game_rules *rules, const char *room_code,
                     const char *match_id, uint64_t seed, uint8_t winning_score, bool is_public,
                     struct now now)
{
    memset(game, 0, sizeof *game);
    game->rules = rules;
    game->is_public = is_public;
    game->created_unix_ms = now.unix_ms;
    game->begun_ms = now.mono_ms;
    game->lonely_since_ms = now.mono_ms;
    copy_text(game->room_code, room_code, sizeof game->room_code);
    pong_init(&game->pong, 0, winning_score, (uint16_t)rules->serve_steps);
    reset_match(game, match_id, seed);
}

static void start_serving(struct game *game, struct now now)
{
    game->match_deadline_ms = now.mono_ms + game->rules->match_ms;
    pong_set_phase(&game->pong, PONG_SERVING, (uint16_t)game->rules->serve_steps);
}

static void begin_when_both_are_here(struct game *game, struct now now)
{
    if (game->pong.phase == PONG_WAITING && game->seats[0].connected && game->seats[1].connected)
        start_serving(game, now);
}

static void finish(struct game *game, int winner, enum match_end end, struct now now,
                   struct game_events *events)
{
    game->winner = (uint8_t)winner;
    game->end = (uint8_t)end;
    game->ended_ms = now.mono_ms;
    game->ended_unix_ms = now.unix_ms;
    game->pause = GAME_PAUSE_NONE;
    game->seats[0].away = game->seats[1].away = false;
    pong_set_phase(&game->pong, PONG_FINISHED, PONG_STEPS_OPEN);
    struct game_event *event = emit(events, GAME_EVENT_OVER, winner);
    memcpy(event->score, game->pong.score, sizeof event->score);
    event->end = (uint8_t)end;
}

/* Nobody is left to play, or the time is over: who leads has won, at a tie nobody has. */
static void abandon(struct game *game, struct now now, struct game_events *events)
{
    const uint8_t *score = game->pong.score;
    int winner = score[0] > score[1] ? 1 : score[1] > score[0] ? 2 : 0;
    finish(game, winner, MATCH_END_ABANDONED, now, events);
}

bool game_state_rematch_agreed(const struct game *game)
{
    return game->pong.phase == PONG_FINISHED && game->seats[0].wants_rematch &&
           game->seats[1].wants_rematch;
}

void game_state_begin_rematch(struct game *game, const char *match_id, uint64_t seed,
                              struct now now, struct game_events *events)
{
    assert(game_state_rematch_agreed(game));
    pong_init(&game->pong, game->pong.step, game->pong.winning_score,
              (uint16_t)game->rules->serve_steps);
    reset_match(game, match_id, seed);
    game->begun_ms = now.mono_ms;
    start_serving(game, now);
    emit(events, GAME_EVENT_NEW_MATCH, 0);
}

/* ---- seats --------------------------------------------------------------------------- */

int game_state_take_seat(struct game *game, const struct game_player *player, struct now now)
{
    if (game->pong.phase != PONG_WAITING)
        return 0;
    for (int i = 0; i < 2; i++) {
        struct game_seat *seat = &game->seats[i];
        if (seat->held)
            continue;
        seat->held = true;
        seat->player = *player;
        seat->connected = player->is_bot;
        seat->seen_ms = now.mono_ms;
        seat->polled_ms = 0;
        seat->id_version++;
        seat->name_version++;
        seat->token_version++;
        game->lonely_since_ms = now.mono_ms;
        begin_when_both_are_here(game, now);
        return i + 1;
    }
    return 0;
}

static void free_seat(struct game_seat *seat)
{
    seat->held = false;
    seat->connected = false;
    seat->inputs.count = 0;
    memset(&seat->player, 0, sizeof seat->player);
    seat->id_version++;
    seat->name_version++;
    seat->token_version++;
}

int64_t game_state_away_ms(const struct game_seat *seat, struct now now)
{
    bool counts = seat->away && !seat->away_excused;
    return seat->away_used_ms + (counts ? now.mono_ms - seat->away_since_ms : 0);
}

void game_state_connect(struct game *game, int number, struct now now)
{
    struct game_seat *seat = seat_of(game, number);
    assert(seat->held);
    seat->connected = true;
    seat->seen_ms = now.mono_ms;
    game->lonely_since_ms = now.mono_ms;
    begin_when_both_are_here(game, now);
    if (!seat->away)
        return;
    seat->away_used_ms = game_state_away_ms(seat, now);
    seat->away = false;
    if (!seat_of(game, 3 - number)->away)
        game->pong.steps_left = (uint16_t)game->rules->serve_steps;
}

void game_state_disconnect(struct game *game, int number, struct now now,
                           struct game_events *events)
{
    struct game_seat *seat = seat_of(game, number);
    assert(seat->held && seat->connected);
    seat->connected = false;
    seat->seen_ms = now.mono_ms;
    seat->wants_rematch = false;
    seat->pending_target = GAME_TARGET_STOP; /* nobody holds its key any more */
    game->lonely_since_ms = now.mono_ms;
    emit(events, GAME_EVENT_LEFT, number);
    if (!game_state_is_under_way(game))
        return;
    seat->away = true;
    seat->away_excused = false;
    seat->away_since_ms = now.mono_ms;
    pong_set_phase(&game->pong, PONG_PAUSED, PONG_STEPS_OPEN);
    game->pause = GAME_PAUSE_ABSENCE;
    game->pause_owner = 0;
    emit(events, GAME_EVENT_PAUSED, number)->pause = GAME_PAUSE_ABSENCE;
}

void game_state_excuse(struct game *game)
{
    for (int i = 0; i < 2; i++)
        game->seats[i].away_excused = true;
}

void game_state_poll(struct game *game, int number, struct now now)
{
    struct game_seat *seat = seat_of(game, number);
    seat->seen_ms = now.mono_ms;
    seat->polled_ms = now.mono_ms;
    game->lonely_since_ms = now.mono_ms;
}

void game_state_visited(struct game *game, struct now now)
{
    game->lonely_since_ms = now.mono_ms;
}

/* Deployed pages ask every one to three seconds. */
enum {
    HERE_MS = 5000
};

bool game_state_is_here(const struct game *game, int number, struct now now)
{
    const struct game_seat *seat = &game->seats[number - 1];
    return seat->held &&
           (seat->connected || (seat->polled_ms != 0 && now.mono_ms - seat->polled_ms < HERE_MS));
}

bool game_state_is_here_lately(const struct game *game, int number, struct now now)
{
    const struct game_seat *seat = &game->seats[number - 1];
    return seat->held && (seat->connected || now.mono_ms - seat->seen_ms < HERE_MS);
}

void game_state_rename(struct game *game, int number, const char *username)
{
    struct game_seat *seat = seat_of(game, number);
    if (game->served || strcmp(seat->player.username, username) == 0)
        return;
    copy_text(seat->player.username, username, sizeof seat->player.username);
    seat->name_version++;
}

void game_state_set_token(struct game *game, int number, const struct digest *token)
{
    struct game_seat *seat = seat_of(game, number);
    seat->player.token = *token;
    seat->token_version++;
}

void game_state_expel(struct game *game, int number, struct now now, struct game_events *events)
{
    static const struct digest nothing;
    struct game_seat *seat = seat_of(game, number);
    assert(seat->held && !seat->player.is_bot);
    game_state_set_token(game, number, &nothing);
    seat->wants_rematch = false;
    if (seat->connected) {
        seat->connected = false;
        seat->seen_ms = now.mono_ms;
        game->lonely_since_ms = now.mono_ms;
        emit(events, GAME_EVENT_LEFT, number);
    }
    if (game->pong.phase == PONG_WAITING)
        free_seat(seat);
    else if (game_state_is_under_way(game))
        finish(game, 3 - number, MATCH_END_FORFEIT, now, events);
}

/* ---- what players ask for ------------------------------------------------------------ */

void game_state_steer(struct game *game, int number, int32_t target)
{
    seat_of(game, number)->pending_target =
        target == GAME_TARGET_STOP ? target : pong_clamp_target(target);
}

int game_state_pause(struct game *game, int number, struct game_events *events)
{
    struct game_seat *seat = seat_of(game, number);
    if (game->pong.phase != PONG_RALLY && game->pong.phase != PONG_SERVING)
        return GAME_NOT_RUNNING;
    if (seat->pauses_left <= 0)
        return GAME_NO_PAUSES_LEFT;
    seat->pauses_left--;
    int steps = game->rules->pause_ms * PONG_STEPS_PER_SECOND / 1000 + game->rules->serve_steps;
    pong_set_phase(&game->pong, PONG_PAUSED, (uint16_t)steps);
    game->pause = GAME_PAUSE_PLAYER;
    game->pause_owner = (uint8_t)number;
    emit(events, GAME_EVENT_PAUSED, number)->pause = GAME_PAUSE_PLAYER;
    return GAME_OK;
}

/*
 * Serving: who lost the last point decides; before the first point either may. Not before a second
 * of the countdown has passed.
 */
static int ask_to_serve(struct game *game, int number)
{
    struct pong *pong = &game->pong;
    bool first = pong->score[0] == 0 && pong->score[1] == 0;
    if (!first && game->last_loser != number)
        return GAME_NOT_YOUR_SERVE;
    if (pong->steps_left <= PONG_SERVE_LAUNCH_STEPS)
        return GAME_OK;
    if (pong->serve_steps - pong->steps_left < PONG_STEPS_PER_SECOND)
        return GAME_TOO_EARLY;
    pong->steps_left = PONG_SERVE_LAUNCH_STEPS;
    return GAME_OK;
}

int game_state_resume(struct game *game, int number)
{
    switch (game->pong.phase) {
    case PONG_SERVING:
        return ask_to_serve(game, number);
    case PONG_PAUSED:
        if (game->pause != GAME_PAUSE_PLAYER || game->pause_owner != number)
            return GAME_NOT_YOUR_PAUSE;
        if (game->pong.steps_left > game->rules->serve_steps)
            game->pong.steps_left = (uint16_t)game->rules->serve_steps;
        return GAME_OK;
    default:
        return GAME_NOT_RUNNING;
    }
}

int game_state_rematch(struct game *game, int number, struct now now, struct game_events *events)
{
    if (game->pong.phase != PONG_FINISHED ||
        now.mono_ms - game->ended_ms >= game->rules->rematch_ms)
        return GAME_NOT_RUNNING;
    struct game_seat *seat = seat_of(game, number);
    if (seat->wants_rematch)
        return GAME_OK;
    seat->wants_rematch = true;
    if (seat_of(game, 3 - number)->player.is_bot)
        seat_of(game, 3 - number)->wants_rematch = true;
    if (!game_state_rematch_agreed(game))
        emit(events, GAME_EVENT_REMATCH_OFFERED, number);
    return GAME_OK;
}

/* ---- time ---------------------------------------------------------------------------- */

/* Targets of v1 players take effect on even steps, the last one wins. */
static void apply_pending_targets(struct game *game)
{
    for (int i = 0; i < 2; i++) {
        int32_t target = game->seats[i].pending_target;
        if (target == GAME_TARGET_NONE)
            continue;
        game->pong.target_y[i] = target == GAME_TARGET_STOP ? game->pong.paddle_y[i] : target;
        game->seats[i].inputs.applied_step =
            game->pong.step; /* not what an input said for this step */
        game->seats[i].pending_target = GAME_TARGET_NONE;
    }
}

/*
 * The serve's velocity: towards who lost the last point, to the right at first; up or down is the
 * match's own secret.
 */
static void launch_serve(struct game *game)
{
    struct pong *pong = &game->pong;
    pong->ball_vx = game->last_loser == 1 ? -PONG_SERVE_SPEED : PONG_SERVE_SPEED;
    pong->ball_vy = next_random(game) >> 63 ? PONG_SERVE_SPEED : -PONG_SERVE_SPEED;
    game->served = true;
}

void game_state_prepare(struct game *game)
{
    struct pong *pong = &game->pong;
    game_state_apply_inputs(game);
    if (((pong->step + 1) & 1) == 0)
        apply_pending_targets(game);
    if (pong->phase == PONG_SERVING && pong->steps_left <= PONG_SERVE_LAUNCH_STEPS &&
        !pong_ball_moves(pong))
        launch_serve(game);
}

void game_state_step(struct game *game, struct now now, struct game_events *events)
{
    struct pong *pong = &game->pong;
    unsigned happened = pong_step(pong);
    if (happened & (PONG_EVENT_POINT_1 | PONG_EVENT_POINT_2)) {
        int scorer = happened & PONG_EVENT_POINT_1 ? 1 : 2;
        game->last_loser = (uint8_t)(3 - scorer);
        struct game_event *event = emit(events, GAME_EVENT_GOAL, scorer);
        memcpy(event->score, pong->score, sizeof event->score);
        if (happened & PONG_EVENT_WON)
            finish(game, scorer, MATCH_END_SCORE, now, events);
    }
    if (happened & PONG_EVENT_RALLY) {
        struct game_event *event = emit(events, GAME_EVENT_RESUMED, 0);
        event->vx = (int16_t)pong->ball_vx;
        event->vy = (int16_t)pong->ball_vy;
    }
    if (pong->phase != PONG_PAUSED)
        game->pause = GAME_PAUSE_NONE;
}

/* The present absence, or all of this match's, has lasted too long. */
static bool is_away_too_long(const struct game *game, const struct game_seat *seat, struct now now)
{
    return seat->away && (now.mono_ms - seat->away_since_ms >= game->rules->absence_ms ||
                          game_state_away_ms(seat, now) >= game->rules->absence_total_ms);
}

static void expire_match(struct game *game, struct now now, struct game_events *events)
{
    bool gone[2] = {is_away_too_long(game, &game->seats[0], now),
                    is_away_too_long(game, &game->seats[1], now)};
    if (gone[0] || gone[1]) {
        if (game->seats[0].away && game->seats[1].away)
            abandon(game, now, events);
        else
            finish(game, gone[0] ? 2 : 1, MATCH_END_FORFEIT, now, events);
    } else if (now.mono_ms >= game->match_deadline_ms) {
        abandon(game, now, events);
    }
}

static bool expire_waiting(struct game *game, struct now now)
{
    for (int i = 0; i < 2; i++) {
        struct game_seat *seat = &game->seats[i];
        if (seat->connected && !seat->player.is_bot)
            game->lonely_since_ms = now.mono_ms;
        if (seat->held && !seat->connected &&
            now.mono_ms - seat->seen_ms >= game->rules->unclaimed_ms)
            free_seat(seat);
    }
    return now.mono_ms - game->lonely_since_ms >= game->rules->waiting_room_ms;
}

bool game_state_expire(struct game *game, struct now now, struct game_events *events)
{
    switch (game->pong.phase) {
    case PONG_WAITING:
        return expire_waiting(game, now);
    case PONG_FINISHED:
        return now.mono_ms - game->ended_ms >= game->rules->rematch_ms;
    default:
        expire_match(game, now, events);
        return false;
    }
}
